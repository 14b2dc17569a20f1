"""Trains a PyKEEN model on a graph's training edges, measures it, and exports it as an embedding folder.

Everything that learns, stops, saves and measures is PyKEEN's: training loops, early stopper, checkpoints and the
rank-based evaluator (filtered, realistic ties, both sides). PyKEEN is imported inside the functions: it takes
seconds to load.
"""

import gc
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.checkpoints import BEST, STATE, clear_errors, open_checkpoint, run_identity, whole_checkpoints
from embeddings.export import write_embedding
from embeddings.memory import available_bytes, check_memory, estimate_bytes
from embeddings.models import (
    STOPPING_EDGES,
    build_model,
    evaluation_batch,
    measure,
    quiet,
    triples_factory,
)
from embeddings.presets import EmbeddingConfig, model_name
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.seeding import item_rng
from kgengine.split import Split, split_edges

__all__ = ["EmbeddingConfig", "Run", "train_embedding"]

Progress = Callable[[int, int, str], bool | None]
"""Called with epochs done, epochs in all, and a few words; True ends the training after this epoch."""


@dataclass(frozen=True)
class Run:
    """Where and how carefully to train; nothing here changes what is learned on one kind of device.

    :ivar device: "cpu", "cuda", "cuda:N", or "auto": a GPU where there is one.
    :ivar checkpoint_minutes: least minutes between two checkpoints, 0 after every epoch.
    :ivar resume: continue the killed run that left a checkpoint.
    :ivar tell: called with one line on what is about to be done.
    """

    device: str = "cpu"
    checkpoint_minutes: int = 5
    resume: bool = False
    tell: Callable[[str], None] = lambda line: None


def train_embedding(
    graph: Graph,
    folder: Path,
    config: EmbeddingConfig,
    progress: Progress = lambda done, total, words: None,
    split: Split | None = None,
    run: Run = Run(),
) -> RankMetrics:
    """Train, measure and export an embedding.

    :param graph: the graph.
    :param folder: where the export shall lie (`embeddings.export`); while training, a checkpoint lies beside it.
    :param config: how to train.
    :param progress: called after every epoch.
    :param split: the edges to train on, to stop by and to measure on; made with the configuration's seed if None.
    :param run: device, checkpoints, and whether to continue a killed run.
    :returns: metrics on the test edges.
    :raises KGError: the model can't be trained, its memory doesn't fit, the device is not there, the split isn't
        the graph's, there is no such run to continue, or the folder can't be written.
    """
    quiet()
    config = replace(config, model=model_name(config.model))
    device = resolved_device(run.device)
    split = split_edges(graph, config.seed) if split is None else _checked_split(split, graph)
    model = build_model(triples_factory(graph, split.train, config.inverse), config)
    needed = estimate_bytes(model, config, graph.num_nodes, graph.num_edges)
    available = available_bytes(device)
    check_memory(needed, available, config)
    place = open_checkpoint(folder, run_identity(graph, split, config, device), run.resume)
    size = f"{sum(parameter.numel() for parameter in model.parameters()):,} numbers, about {needed / 2**20:,.0f} MB"
    run.tell(f"{config.model} on {device}: {size} of memory ({available / 2**20:,.0f} MB free)")
    try:
        with clear_errors(place, config):
            epochs, _ = fit(model.to(device), graph, split, config, place, run.checkpoint_minutes, progress)
            metrics = measure(model, graph, split, split.test)
        write_embedding(folder, graph, split, config, model, metrics, epochs)
    except BaseException:
        if not (place / STATE).is_file():  # there is nothing to go on from
            shutil.rmtree(place, ignore_errors=True)
        raise
    shutil.rmtree(place, ignore_errors=True)
    return metrics


def _checked_split(split: Split, graph: Graph) -> Split:
    parts = (split.train, split.validation, split.test)
    edges = np.sort(np.concatenate(parts))
    if min(map(len, parts)) == 0 or not np.array_equal(edges, np.arange(graph.num_edges)):
        sizes = ", ".join(f"{len(part):,}" for part in parts)
        raise KGError(f"a split of {sizes} edges is not one of the graph's {graph.num_edges:,}, each in one part")
    return split


def resolved_device(device: str) -> str:
    """Check that a device is there.

    :param device: "cpu", "cuda", "cuda:N" or "auto".
    :returns: the device, "auto" as what it stands for here.
    :raises KGError: it is not there, or no such name.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if count else "cpu"
    if device == "cpu":
        return device
    kind, colon, number = device.partition(":")
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise KGError(f"unknown device '{device}'; take cpu, cuda, cuda:N or auto")
    if int(number or 0) >= count:
        raise KGError(f"device '{device}' is not there ({count} CUDA devices found); take --device cpu")
    return device


def fit(
    model: Any,
    graph: Graph,
    split: Split,
    config: EmbeddingConfig,
    place: Path,
    checkpoint_minutes: int,
    progress: Progress,
) -> tuple[int, float]:
    """Train with PyKEEN, and leave the weights of the epoch with the best validation MRR in the model.

    :param model: the built model, on its device.
    :param graph: its graph.
    :param split: the edges; validation edges decide when to stop.
    :param config: how to train.
    :param place: the checkpoint folder; what lies there is continued.
    :param checkpoint_minutes: least minutes between two checkpoints.
    :param progress: called after every epoch.
    :returns: epochs run, and the best validation MRR (-inf if there was no evaluation).
    """
    import torch
    from pykeen.training import training_loop_resolver
    from pykeen.training.callbacks import TrainingCallback

    class Report(TrainingCallback):  # type: ignore[misc]
        """Tells our progress function."""

        def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
            if progress(epoch, config.epochs, f"loss {epoch_loss:.3f}"):
                self.training_loop._should_stop = True

    factory = triples_factory(graph, split.train, config.inverse)
    kwargs: dict[str, Any] = {"model": model, "triples_factory": factory, "automatic_memory_optimization": False}
    if config.loop == "sLCWA":
        kwargs["negative_sampler_kwargs"] = {"num_negs_per_pos": config.negatives}
    loop_class = whole_checkpoints(training_loop_resolver.lookup(config.loop))
    loop = loop_class(optimizer=config.optimizer, optimizer_kwargs={"lr": config.learning_rate}, **kwargs)
    stopper = _stopper(model, graph, split, config, place)
    gc.freeze()  # PyKEEN collects garbage after every epoch, which takes 0.2 s over all that is loaded
    try:
        losses = loop.train(
            factory,
            num_epochs=config.epochs,
            batch_size=min(config.batch, len(split.train)),
            label_smoothing=config.label_smoothing,
            stopper=stopper,
            use_tqdm=False,
            checkpoint_directory=place,
            checkpoint_name=STATE,
            checkpoint_frequency=checkpoint_minutes,
            callbacks=[Report],
            pin_memory=False,
        )
    finally:
        gc.unfreeze()
    if (place / BEST).is_file():
        model.load_state_dict(torch.load(place / BEST, weights_only=True))
        model.train().post_parameter_update()  # graph models keep states of the weights before
    return len(losses), float(stopper.best_metric)


def _stopper(model: Any, graph: Graph, split: Split, config: EmbeddingConfig, place: Path) -> Any:
    """Make PyKEEN's early stopper on (at most STOPPING_EDGES) validation edges, filtered by all edges."""
    from pykeen.evaluation import RankBasedEvaluator
    from pykeen.stoppers import EarlyStopper

    edges = split.validation
    if len(edges) > STOPPING_EDGES:
        edges = np.sort(item_rng(config.seed, "stopping", 0).choice(edges, STOPPING_EDGES, replace=False))
    return EarlyStopper(
        model=model,
        evaluator=RankBasedEvaluator(batch_size=evaluation_batch(model, graph.num_nodes)),
        training_triples_factory=triples_factory(graph, np.arange(graph.num_edges)),
        evaluation_triples_factory=triples_factory(graph, edges),
        evaluation_batch_size=evaluation_batch(model, graph.num_nodes),
        frequency=config.frequency,
        patience=config.patience,
        relative_delta=0.002,
        metric="both.realistic.inverse_harmonic_mean_rank",
        best_model_path=place / BEST,
        clean_up_checkpoint=False,
    )
