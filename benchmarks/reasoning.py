"""Compares the embedding alone, the GNN with it and the GNN without it, on the same held-out edges.

Run on a built graph: `python benchmarks/reasoning.py kg-workspace/graph --seeds 0 1 2`. Every row is measured
in this process; both sides, filtered, realistic ranks. The table is kept in docs/reasoning.md.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from embeddings.training import EmbeddingConfig, train_embedding
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics, realistic_rank
from kgengine.reasoner.training import QueryTable, TrainingConfig, evaluate, standardised, train
from kgengine.split import Split, split_edges
from kgengine.vectors import open_embedding


def degree_baseline(graph: Graph, split: Split) -> RankMetrics:
    """Rank every candidate by its number of training edges of the asked relation and direction."""
    known, asked = QueryTable(graph, np.arange(graph.num_edges)), QueryTable(graph, split.test)
    seen = QueryTable(graph, split.train)
    counts = np.zeros((2 * len(graph.relations), graph.num_nodes))
    lengths = torch.diff(seen.indptr)
    for anchor, relation, length in zip(seen.anchor.tolist(), seen.relation.tolist(), lengths.tolist(), strict=True):
        counts[(relation + len(graph.relations)) % len(counts), anchor] = length
    ranks = []
    for row in range(len(asked)):
        anchor, relation = int(asked.anchor[row]), int(asked.relation[row])
        others = known.answers(anchor, relation).numpy()
        for answer in asked.answer[asked.indptr[row] : asked.indptr[row + 1]].tolist():
            ranks.append(realistic_rank(counts[relation], answer, others))
    return RankMetrics.of(ranks)


def main() -> None:
    """Print one line per method and seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    graph = Graph.open(arguments.graph)
    rows: dict[str, list[RankMetrics]] = {}

    def measure(name: str, work: Callable[[], RankMetrics]) -> None:
        begun = time.perf_counter()
        metrics = work()
        rows.setdefault(name, []).append(metrics)
        print(f"{name:24} {metrics}  {time.perf_counter() - begun:.0f} s", flush=True)

    for seed in arguments.seeds:
        split = split_edges(graph, seed)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "embedding"
            measure("degree", lambda split=split: degree_baseline(graph, split))
            measure("RotatE", lambda seed=seed, place=place: train_embedding(graph, place, EmbeddingConfig(seed=seed)))
            vectors = standardised(open_embedding(place, graph).vectors)
        for name, features in (("GNN without vectors", vectors[:, :0]), ("GNN with vectors", vectors)):

            def work(seed: int = seed, features: torch.Tensor = features, split: Split = split) -> RankMetrics:
                model, _ = train(graph, split, features, TrainingConfig(seed=seed))
                return evaluate(model, graph, split, split.test, features)

            measure(name, work)
    for name, found in rows.items():
        values = [metrics.mrr for metrics in found]
        print(f"{name:24} MRR {np.mean(values):.3f} +- {np.std(values):.3f} over {len(values)} seeds")


if __name__ == "__main__":
    main()
