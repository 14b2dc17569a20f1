"""Compares the reasoner with node degree, DWPC and PyKEEN's models on the same held-out edges, in one process.

    python -m benchmarks.reasoning umls hetionet core --seeds 0 1 2

Both sides, filtered, realistic ranks (PyKEEN's own evaluator measures PyKEEN's models; a test holds ours equal to it).
Beside the links: their MRR among candidates of like degree, the calibration of the probabilities,
queries of several hops, and whether proofs explain. The tables are kept in docs/reasoning.md.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.reasoning_baselines import degree_scorer, dwpc_scorer
from benchmarks.reasoning_checks import calibration_error, degree_matched, explained, hop_queries, hop_ranks
from benchmarks.reasoning_data import DATASETS
from embeddings.presets import EmbeddingConfig, preset
from embeddings.training import train_embedding
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.reasoner.adjacency import Edges, Messages
from kgengine.reasoner.blending import Blend
from kgengine.reasoner.queries import QueryTable, Scorer, only, rank_answers
from kgengine.reasoner.store import TrainedReasoner, train_blend
from kgengine.reasoner.training import TrainingConfig
from kgengine.split import Split
from kgengine.vectors import Embedding, open_embedding


@dataclass(frozen=True)
class Plan:
    """What is trained on one data set; `most_test` edges are ranked at most."""

    reasoner: TrainingConfig
    embeddings: tuple[EmbeddingConfig, ...]
    dwpc: bool = False
    hops: bool = False
    most_test: int = 5_000


_FOUR = tuple(preset(name) for name in ("ComplEx", "RotatE", "DistMult", "TransE"))
_TUNED = (
    preset("ComplEx"),
    preset("DistMult", dim=128, penalty=0.1, batch=512),
    preset(
        "RotatE",
        dim=256,
        loop="LCWA",
        inverse=True,
        loss="CrossEntropy",
        label_smoothing=0.3,
        learning_rate=0.0228,
        batch=1024,
        frequency=5,
        patience=3,
    ),
    preset("TransE", dim=64, margin=8.5, learning_rate=0.0077, batch=1024),
)
"""For Hetionet: the best by validation MRR of `benchmarks/embedding_search.py` with 6 minutes a model."""

_HALF_HOUR = (
    preset("ComplEx", dim=64, epochs=20),
    preset("DistMult", dim=64, epochs=20),
    preset("RotatE", epochs=20),
    preset("TransE", epochs=30),
)
"""For HPO: what a core does in less than half an hour."""

PLANS = {
    "umls": Plan(
        TrainingConfig(epochs=24, hops=4, dropout=0.0, target_share=0.3, measure_every=4, patience=6, members=4), _FOUR
    ),
    "hetionet": Plan(TrainingConfig(epochs=16, hops=4, members=2), _TUNED, dwpc=True, hops=True),
    "core": Plan(TrainingConfig(members=2), _FOUR),
    "hpo": Plan(TrainingConfig(epochs=2, most_steps=400, batch=8, hidden=24, measure_every=1), _HALF_HOUR),
}


@dataclass
class Run:
    """One data set with one seed: measures scorers on it and prints a line for each."""

    name: str
    graph: Graph
    split: Split
    asked: QueryTable
    known: QueryTable
    found: dict[tuple[str, str], list[float]]

    def links(self, label: str, score: Scorer, begun: float) -> None:
        """Rank the test edges; also among candidates of like degree."""
        ranks = rank_answers(score, self.asked, self.known)
        metrics = RankMetrics.of(only(ranks))
        matched = degree_matched(score, self.graph, self.split, self.asked, self.known)
        self.tell(label, "MRR", metrics.mrr, f"{metrics}")
        self.tell(label, "MRR, like degree", matched, f"like degree {matched:.3f}  {time.perf_counter() - begun:.0f} s")

    def tell(self, label: str, what: str, value: float, words: str) -> None:
        """Keep a figure and print it."""
        self.found[f"{self.name}: {label}", what].append(value)
        print(f"{self.name:9} {label:24} {words}", flush=True)


class _EmbeddingAlone(Blend):
    """A blend without networks, so that an embedding's scores become probabilities the same way."""

    def parts(self, messages, visible, anchors, relation, embedded=True):  # type: ignore[no-untyped-def]
        """Give zeros for the networks."""
        network, spread = super().parts(messages, visible, anchors, relation)
        return network * 0.0, spread


def run(name: str, seed: int, cache: Path, found: dict[tuple[str, str], list[float]]) -> None:
    """Measure everything on one data set with one seed."""
    plan = PLANS[name]
    graph, split = DATASETS[name](cache, seed)
    test = split.test
    if len(test) > plan.most_test:
        test = np.sort(np.random.default_rng(seed).choice(test, plan.most_test, replace=False))
    known = QueryTable(graph, np.arange(graph.num_edges))
    here = Run(name, graph, split, QueryTable(graph, test), known, found)
    here.links("degree", degree_scorer(graph, split), time.perf_counter())
    if plan.dwpc:
        begun = time.perf_counter()
        here.links("DWPC, logistic", dwpc_scorer(graph, split, seed), begun)
    best = _embeddings(here, plan, seed)
    begun = time.perf_counter()
    blend, _ = train_blend(graph, split, best, replace(plan.reasoner, seed=seed))
    messages = Messages(graph, split.train)
    alone = Blend(blend.models, None, blend.weights * 0 + blend.weights.new_tensor([1.0, 0.0]), blend.calibration)
    here.links("GNN alone", alone.scorer(messages), begun)
    here.links("GNN with PyKEEN", blend.scorer(messages), begun)
    error, table = calibration_error(blend, graph, split)
    here.tell("GNN with PyKEEN", "ECE", error, f"expected calibration error {error:.3f} of the ten likeliest; {table}")
    reasoner = TrainedReasoner(graph, blend, {}, split.train)
    share, cases = explained(reasoner, split, seed)
    here.tell("GNN with PyKEEN", "explained", share, f"proofs explain {share:.0%} of {cases}")
    if plan.hops:
        peer = _EmbeddingAlone(blend.models[:1], best, blend.weights.clone(), blend.calibration.clone())
        peer.fit(graph, split, messages)
        _hops(here, reasoner, TrainedReasoner(graph, peer, {}, split.train), seed)


def _embeddings(here: Run, plan: Plan, seed: int) -> Embedding:
    """Train and measure the embeddings; give the one with the best validation MRR."""
    best: tuple[float, Embedding] | None = None
    validation = QueryTable(here.graph, _at_most(here.split.validation, 2_000))
    for config in plan.embeddings:
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "embedding"
            train_embedding(here.graph, place, replace(config, seed=seed), split=here.split)
            opened = open_embedding(place, here.graph)
            arrays = {key: getattr(opened, key) for key in ("vectors", "relations", "inverse_relations")}
            held = replace(opened, **{key: None if one is None else np.array(one) for key, one in arrays.items()})
        count = len(here.graph.relations)

        def score(anchors: Edges, relation: int, held: Embedding = held, count: int = count) -> np.ndarray:
            return held.score(anchors, relation % count, relation >= count)

        here.links(config.model, score, begun)
        mrr = RankMetrics.of(only(rank_answers(score, validation, here.known))).mrr
        best = max(best, (mrr, held), key=lambda pair: pair[0]) if best else (mrr, held)
    assert best is not None
    return best[1]


def _at_most(edges: Edges, count: int) -> Edges:
    return edges[:: -(-len(edges) // count)]


def _hops(here: Run, reasoner: TrainedReasoner, peer: TrainedReasoner, seed: int) -> None:
    queries = hop_queries(here.graph, here.split, seed)
    for label, one in (("GNN with PyKEEN", reasoner), ("best PyKEEN model", peer)):
        for kind, (partial, full) in hop_ranks(one, here.graph, queries).items():
            for what, ranks in ((f"{kind}, one link missing", partial), (f"{kind}, more missing", full)):
                if ranks:
                    mrr = RankMetrics.of(ranks).mrr
                    here.tell(label, what, mrr, f"{what}: MRR {mrr:.3f} ({len(ranks)} answers)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for every measurement, then means and spreads over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", choices=list(PLANS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "kg-reasoning")
    given = parser.parse_args(arguments)
    given.cache.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name in given.datasets:
        for seed in given.seeds:
            run(name, seed, given.cache, found)
    print("\nmean, and standard deviation over the seeds")
    for (label, what), values in found.items():
        print(f"{label:34} {what:26} {np.mean(values):.3f} +- {np.std(values):.3f}  ({len(values)})")


if __name__ == "__main__":
    main()
