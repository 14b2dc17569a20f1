"""Trains a PyKEEN model on a graph's training edges, measures it, and exports its entity vectors.

The metrics are those of PyKEEN's own rank-based evaluator (filtered, realistic ties, both sides) on the
test edges of `kgengine.split`. PyKEEN is imported inside the functions: it takes seconds to load.
"""

import logging
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.artifacts import replaced_folder, sha256_file, write_manifest
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.seeding import item_seed
from kgengine.split import split_edges
from kgengine.vectors import VECTORS

Progress = Callable[[int, int, str], None]
"""Called with epochs done, epochs in all, and a few words."""


@dataclass(frozen=True)
class EmbeddingConfig:
    """How to train.

    :ivar model: a PyKEEN model that scores with one vector per entity (RotatE, ComplEx, DistMult, TransE).
    :ivar dim: embedding dimension (of complex numbers, for RotatE and ComplEx).
    :ivar epochs: greatest number of epochs.
    :ivar batch: positive triples per step.
    :ivar negatives: corrupted triples per positive one.
    :ivar learning_rate: of Adam.
    :ivar margin: of the self-adversarial loss (Sun et al. 2019, arXiv 1902.10197).
    :ivar frequency: epochs between two evaluations of early stopping.
    :ivar patience: evaluations without a better validation MRR before it stops.
    :ivar seed: of the split, the start and every draw.
    """

    model: str = "RotatE"
    dim: int = 64
    epochs: int = 60
    batch: int = 512
    negatives: int = 16
    learning_rate: float = 0.02
    margin: float = 6.0
    frequency: int = 20
    patience: int = 2
    seed: int = 0


def train_embedding(
    graph: Graph,
    folder: Path,
    config: EmbeddingConfig,
    progress: Progress = lambda done, total, words: None,
) -> RankMetrics:
    """Train, measure and export an embedding.

    :param graph: the graph.
    :param folder: where the export shall lie: `vectors.npy`, float32 [num_nodes, d], and a manifest.
    :param config: how to train.
    :param progress: called after every epoch.
    :returns: metrics on the test edges.
    :raises KGError: the model is unknown or has no single vector per entity; the folder can't be written.
    """
    result = _run_pipeline(graph, config, progress)
    metrics = _metrics(result)
    vectors = _entity_vectors(result.model, config.model)
    with replaced_folder(folder) as temporary:
        np.save(temporary / VECTORS, vectors)
        write_manifest(
            temporary,
            {
                "graph": graph.hash,
                "config": asdict(config),
                "epochs_run": len(result.losses),
                "metrics": asdict(metrics),
                "vectors": sha256_file(temporary / VECTORS),
                "versions": {name: version(name) for name in ("pykeen", "torch", "numpy")},
            },
        )
    return metrics


def _factory(graph: Graph, edges: npt.NDArray[np.int64]) -> Any:
    """Wrap edges as a PyKEEN triples factory whose entity ids are our node indices."""
    import torch
    from pykeen.triples import CoreTriplesFactory

    triples = np.stack([graph.edge_head[edges], graph.edge_relation[edges], graph.edge_tail[edges]], axis=1)
    return CoreTriplesFactory.create(
        torch.from_numpy(triples.astype(np.int64)),
        num_entities=graph.num_nodes,
        num_relations=len(graph.relations),
    )


def _run_pipeline(graph: Graph, config: EmbeddingConfig, progress: Progress) -> Any:
    warnings.filterwarnings("ignore", module="pykeen|torch_max_mem|torch.utils.data")
    from pykeen.models import model_resolver
    from pykeen.pipeline import pipeline
    from pykeen.training.callbacks import TrainingCallback

    if config.model.lower() not in {name.lower() for name in model_resolver.options}:
        known = "RotatE, ComplEx, DistMult, TransE"
        raise KGError(f"PyKEEN has no model '{config.model}'; take one of {known}")

    for library in ("pykeen", "torch_max_mem"):
        logging.getLogger(library).setLevel(logging.ERROR)

    class _Report(TrainingCallback):  # type: ignore[misc]
        def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
            progress(epoch, config.epochs, f"loss {epoch_loss:.3f}")

    split = split_edges(graph, config.seed)
    with tempfile.TemporaryDirectory() as scratch:
        return pipeline(
            training=_factory(graph, split.train),
            validation=_factory(graph, split.validation),
            testing=_factory(graph, split.test),
            model=config.model,
            model_kwargs={"embedding_dim": config.dim},
            loss="NSSALoss",
            loss_kwargs={"margin": config.margin, "adversarial_temperature": 1.0},
            negative_sampler_kwargs={"num_negs_per_pos": config.negatives},
            optimizer_kwargs={"lr": config.learning_rate},
            training_kwargs={
                "num_epochs": config.epochs,
                "batch_size": config.batch,
                "use_tqdm": False,
                "callbacks": [_Report],
            },
            stopper="early",
            stopper_kwargs={
                "frequency": config.frequency,
                "patience": config.patience,
                "relative_delta": 0.01,
                "metric": "inverse_harmonic_mean_rank",
                "best_model_path": Path(scratch) / "best.pt",
            },
            evaluation_kwargs={"use_tqdm": False},
            random_seed=item_seed(config.seed, "embedding", 0) % 2**32,
            device="cpu",
        )


def _metrics(result: Any) -> RankMetrics:
    def get(name: str) -> float:
        return float(result.metric_results.get_metric(f"both.realistic.{name}"))

    return RankMetrics(
        mrr=get("inverse_harmonic_mean_rank"),
        hits_at_1=get("hits_at_1"),
        hits_at_10=get("hits_at_10"),
        num_ranks=int(get("count")),
    )


def _entity_vectors(model: Any, name: str) -> npt.NDArray[np.float32]:
    """Export one real vector per entity; complex numbers become (real, imaginary) pairs."""
    import torch

    with torch.inference_mode():
        vectors = model.entity_representations[0](indices=None).detach()
        if vectors.is_complex():
            vectors = torch.view_as_real(vectors)
        vectors = vectors.reshape(vectors.shape[0], -1)
    if len(model.entity_representations) != 1:
        raise KGError(f"{name} has several vectors per entity; take RotatE, ComplEx, DistMult or TransE")
    array: npt.NDArray[np.float32] = vectors.cpu().numpy().astype(np.float32)
    return array
