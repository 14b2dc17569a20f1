"""Tunes the four main embedding models with the same time each, so that the reasoner meets strong baselines.

    OMP_NUM_THREADS=1 python -m benchmarks.embedding_search hetionet --minutes 8

Optuna's TPE sampler (which PyKEEN's own `hpo_pipeline` uses too) draws configurations, the presets first; each is
trained with early stopping, for at most a third of the time, and judged by its validation MRR. Only the best one's test
metrics are told. `hpo_pipeline` itself is not used: it can't be given our faster interactions, and a trial can't
outlast its time.
"""

import argparse
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import optuna
import torch

from benchmarks.reasoning_data import DATASETS
from embeddings.models import build_model, measure, quiet, triples_factory
from embeddings.presets import PRESETS, EmbeddingConfig
from embeddings.training import fit
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.split import Split

BILINEAR = ("ComplEx", "DistMult")


def drawn(trial: optuna.Trial, start: EmbeddingConfig) -> EmbeddingConfig:
    """Draw a configuration of a model."""
    changes: dict[str, Any] = {
        "dim": trial.suggest_categorical("dim", [64, 128, 256]),
        "batch": trial.suggest_categorical("batch", [128, 256, 512, 1024]),
    }
    softmax = True
    if start.model not in BILINEAR:
        softmax = trial.suggest_categorical("softmax", [False, True])
    if softmax:
        changes |= {"loop": "LCWA", "inverse": True, "loss": "CrossEntropy"}
        changes["label_smoothing"] = trial.suggest_float("label_smoothing", 0, 0.3, step=0.05)
    else:
        changes |= {"loop": "sLCWA", "inverse": False, "loss": "NSSA", "optimizer": "Adam"}
        changes["margin"] = trial.suggest_float("margin", 2, 16)
        changes["negatives"] = trial.suggest_categorical("negatives", [16, 32, 64])
    if softmax and start.model in BILINEAR:
        changes["optimizer"] = trial.suggest_categorical("optimizer", ["Adagrad", "Adam"])
        changes["penalty"] = trial.suggest_float("penalty", 0.003, 0.5, log=True)
        changes["init"] = trial.suggest_float("init", 0.003, 0.3, log=True)
    if start.model == "TransE":
        changes["norm"] = trial.suggest_categorical("norm", [1, 2])
    low, high = (0.03, 0.5) if changes.get("optimizer") == "Adagrad" else (0.001, 0.05)
    changes["learning_rate"] = trial.suggest_float(f"learning_rate_{low}", low, high, log=True)
    return replace(start, **changes)


def first_guess(preset: EmbeddingConfig) -> dict[str, Any]:
    """Word a preset as the parameters that :func:`drawn` draws."""
    values = asdict(preset) | {"softmax": preset.loss == "CrossEntropy"}
    low = 0.03 if preset.optimizer == "Adagrad" else 0.001
    return values | {f"learning_rate_{low}": preset.learning_rate}


def trained(graph: Graph, split: Split, config: EmbeddingConfig, limit: float) -> tuple[float, Any]:
    """Train; give the best validation MRR and the model.

    :param limit: seconds after which training ends, the best evaluation so far counting.
    """
    model = build_model(triples_factory(graph, split.train, config.inverse), config)
    end = time.monotonic() + limit

    def late(done: int, total: int, words: str) -> bool:
        return time.monotonic() > end

    with tempfile.TemporaryDirectory() as place:
        _, mrr = fit(model, graph, split, config, Path(place), 10_000, late)
    return mrr, model


def search(graph: Graph, split: Split, preset: EmbeddingConfig, minutes: float) -> tuple[EmbeddingConfig, RankMetrics]:
    """Find a configuration within a time, and measure it on the test edges."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=6))
    study.enqueue_trial(first_guess(preset), skip_if_exists=True)
    found: list[tuple[float, EmbeddingConfig, RankMetrics]] = []

    def objective(trial: optuna.Trial) -> float:
        config, begun = drawn(trial, preset), time.monotonic()
        try:
            mrr, model = trained(graph, split, config, minutes * 60 / 3)
        except KGError as error:
            raise optuna.TrialPruned from error
        if mrr > max((best for best, *_ in found), default=0):
            found.append((mrr, config, measure(model, graph, split, split.test)))
        print(f"  validation {mrr:.4f}  {time.monotonic() - begun:4.0f} s  {trial.params}", flush=True)
        return mrr

    study.optimize(objective, timeout=minutes * 60)
    print(f"  {len(study.trials)} trials", flush=True)
    return found[-1][1:]


def main() -> None:
    """Print every trial, and for each model its best configuration with its test metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(DATASETS))
    parser.add_argument("--minutes", type=float, default=8, help="time for each model")
    parser.add_argument("--models", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--frequency", type=int, default=10, help="epochs between two evaluations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/rdata"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    quiet()
    graph, split = DATASETS[arguments.dataset](arguments.cache, arguments.seed)
    for name in arguments.models:
        print(name, flush=True)
        limits = {"epochs": arguments.epochs, "frequency": arguments.frequency, "seed": arguments.seed}
        config, metrics = search(graph, split, replace(PRESETS[name], **limits), arguments.minutes)
        print(f"{arguments.dataset} {name} {metrics}\n  {config}", flush=True)


if __name__ == "__main__":
    main()
