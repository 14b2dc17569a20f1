"""Measures bundles on a graph: speed beside the sampler that drew one at a time, and whether promises hold.

Run on a built graph: `python -m benchmarks.bundles kg-workspace/graph`. Scores are even random numbers, so that
nothing depends on a training. One core; the table is kept in docs/bundles.md.
"""

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations, islice
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from benchmarks.bundle_checks import BANDS, Checker
from kgengine.bundles import Bundle, BundleConfig, BundleSampler, bundle_record
from kgengine.edge_scores import PredictedEdges, StoredScores
from kgengine.graph import Graph
from kgengine.hierarchy import superclasses
from kgengine.seeding import item_rng

DRAWN = 100_000
Scores = npt.NDArray[np.float32]


class OneAtATime:
    """The sampler of version 0.1.0, in short: each symptom by its own coin, each bundle by itself."""

    def __init__(self, graph: Graph, scores: Scores) -> None:
        self.graph, self.scores, self.lines = graph, scores, superclasses(graph)
        self.diseases = graph.nodes_of_type("disease").tolist()
        weights = np.array([graph.node_prevalence[node] for node in self.diseases], np.float64)
        self.weights = weights / weights.sum()

    def draw(self, seed: int, count: int) -> Iterable[tuple[int, list[int], list[int]]]:
        """Draw disease, symptoms and drugs of each patient."""
        for index in range(count):
            rng = item_rng(seed, "bundle", index)
            disease = int(rng.choice(self.diseases, p=self.weights))
            sex = ("female", "male")[int(rng.integers(2))]
            low, high = (int(limit) for limit in self.graph.node_age[disease])
            age = int(rng.integers(max(low, 3), max(min(high, 90), 3) + 1))
            symptoms = self.symptoms(disease, sex, age, rng)
            yield disease, symptoms, self.drugs(disease, sex, age, symptoms, rng)

    def fits(self, node: int, sex: str, age: int) -> bool:
        """Tell whether a node's limits allow the patient."""
        low, high = self.graph.node_age[node]
        return self.graph.sex(node) in ("any", sex) and bool(low <= age <= high)

    def symptoms(self, disease: int, sex: str, age: int, rng: np.random.Generator) -> list[int]:
        """Draw three to four symptoms."""
        nodes, shares = [], []
        for edge in self.graph.out_edges(disease, "has_phenotype").tolist():
            node = int(self.graph.edge_tail[edge])
            if self.fits(node, sex, age):
                low, high = BANDS[int(self.graph.edge_band[edge])]
                nodes.append(node)
                shares.append(low + (high - low) * float(self.scores[edge]))
        share = np.array(shares)
        drawn = rng.random(len(nodes)) < share
        order = np.argsort(-(np.log(share / (1 - share + 1e-9)) + rng.logistic(size=len(nodes))), kind="stable")
        chosen: list[int] = []
        for place in [*order[drawn[order]], *order[~drawn[order]]]:
            if len(chosen) >= 4 or (not drawn[place] and len(chosen) >= 3):
                break
            node = nodes[place]
            if not any(node in self.lines.get(o, ()) or o in self.lines.get(node, ()) for o in chosen):
                chosen.append(node)
        return chosen

    def drugs(self, disease: int, sex: str, age: int, symptoms: list[int], rng: np.random.Generator) -> list[int]:
        """Draw a drug that nothing bars."""
        barred = {disease, *symptoms}.union(*(self.lines.get(node, ()) for node in symptoms))
        nodes, scores = [], []
        for edge in self.graph.in_edges(disease, "treats").tolist():
            node = self.graph.edge(edge).head
            forbidden = {int(self.graph.edge_tail[row]) for row in self.graph.out_edges(node, "contraindicated_in")}
            if self.fits(node, sex, age) and not barred & forbidden:
                nodes.append(node)
                scores.append(0.05 + float(self.scores[edge]))
        if not nodes:
            return []
        weights = np.array(scores)
        return [nodes[int(rng.choice(len(nodes), p=weights / weights.sum()))]]


def some_predictions(graph: Graph, scores: Scores) -> StoredScores:
    """Make up predictions: the symptoms and drugs of one disease, predicted of the next."""
    diseases = graph.nodes_of_type("disease").tolist()
    rows = []
    for one, other in zip(diseases, diseases[1:] + diseases[:1], strict=True):
        for edge in graph.out_edges(other, "has_phenotype").tolist():
            rows.append((graph.relations.index("has_phenotype"), one, graph.edge(edge).tail, edge))
        for edge in graph.in_edges(other, "treats").tolist():
            rows.append((graph.relations.index("treats"), graph.edge(edge).head, one, edge))
    relation, head, tail, edges = np.array(rows).T
    proof = np.stack([edges, np.full_like(edges, -1), np.full_like(edges, -1)], axis=1)
    score = np.random.default_rng(1).random(len(rows)).astype(np.float32)
    predicted = PredictedEdges(
        relation.astype(np.int16), head.astype(np.int32), tail.astype(np.int32), score, proof.astype(np.int64)
    )
    return StoredScores(scores, predicted)


def per_second(work: Callable[[], int]) -> float:
    """Run something that says how many items it made; give items a second."""
    begun = time.perf_counter()
    return work() / (time.perf_counter() - begun)


def speed(graph: Graph, scores: Scores) -> None:
    """Print bundles a second."""
    config = BundleConfig(max_symptoms=4, max_drugs=1)
    ours = per_second(lambda: sum(1 for _ in BundleSampler(graph, scores, config).draw(0, DRAWN)))
    before = per_second(lambda: sum(1 for _ in OneAtATime(graph, scores).draw(0, 2000)))
    lines = per_second(
        lambda: sum(
            len(json.dumps(bundle_record(graph, one), ensure_ascii=False)) > 0
            for one in BundleSampler(graph, scores, config).draw(0, DRAWN)
        )
    )
    print(f"bundles a second, 100,000 with all tables to make | {ours:,.0f}")
    print(f"the same one at a time, as version 0.1.0 did | {before:,.0f} ({ours / before:.0f} times slower)")
    print(f"the same as JSON lines | {lines:,.0f}")


def violations(graph: Graph, scores: Scores, checker: Checker) -> None:
    """Print how often a constraint is broken, by options."""
    rich = BundleConfig(diseases=2, side_effects=2, predicted_share=0.2, temperature=1.5, uniform=True)
    for name, config in (("default options", BundleConfig()), ("two diseases, side effects, predictions", rich)):
        stored = some_predictions(graph, scores)
        drawn = BundleSampler(graph, stored, config).draw(1, DRAWN)
        found = checker.count(drawn)
        print(f"violations in 100,000 bundles, {name} | {found.total()} {dict(found) or ''}")
    before = OneAtATime(graph, scores).draw(1, DRAWN)
    apart = sum(any(checker.disjoint(*pair) for pair in combinations(nodes, 2)) for _, nodes, _ in before)
    print(f"bundles with disjoint symptoms in 100,000 of version 0.1.0 | {apart}")


def bands(graph: Graph, checker: Checker) -> None:
    """Print the share of (disease, symptom) pairs drawn within their band, at the ends and in the middle of it."""
    config = BundleConfig(1, 99, 0, uniform=True)
    for score in (0.0, 0.5, 1.0):
        sampler = BundleSampler(graph, np.full(graph.num_edges, score, np.float32), config)
        counted = checker.frequencies(sampler.draw(2, 4 * DRAWN))
        good = apart = 0
        for (disease, symptom), (seen, of) in counted.items():
            low, high = BANDS[checker.bands[disease][symptom]]
            slack = [4 * math.sqrt(share * (1 - share) / of) for share in (low, high)]
            good += low - slack[0] <= seen / of <= high + slack[1]
            apart += checker.contradicted(disease, symptom)
        share = f"{good / len(counted):.2%} of {len(counted)}, {apart} can't be"
        print(f"pairs drawn within their band (4 sigma), scores {score} | {share}")


def variety(graph: Graph, scores: Scores) -> None:
    """Print how many different sets of symptoms 400 patients of a disease have."""
    sets: dict[int, list[frozenset[int]]] = defaultdict(list)
    sampler = BundleSampler(graph, scores, BundleConfig(max_symptoms=4, uniform=True))
    for bundle in sampler.draw(3, 4 * DRAWN):
        sets[bundle.disease].append(frozenset(fact.node for fact in bundle.symptoms))
    counts = [len(set(islice(found, 400))) for found in sets.values()]
    print(f"different symptom sets in 400 patients of a disease | least {min(counts)}, median {median(counts):.0f}")


def togetherness(graph: Graph, scores: Scores) -> None:
    """Print how far symptoms come together as over the graph's other diseases: rank correlation over pairs."""
    config = BundleConfig(1, 99, 0, uniform=True)
    sampler = BundleSampler(graph, scores, config)
    drawn: dict[int, list[Bundle]] = defaultdict(list)
    for bundle in sampler.draw(4, 4 * DRAWN):
        drawn[bundle.disease].append(bundle)
    asked, found = [], []
    for disease, bundles in drawn.items():
        nodes = sorted({fact.node for bundle in bundles for fact in bundle.symptoms})
        row = {node: place for place, node in enumerate(nodes)}
        table = np.zeros((len(bundles), len(nodes)))
        for place, bundle in enumerate(bundles):
            table[place, [row[fact.node] for fact in bundle.symptoms]] = 1
        others = [other for other in graph.nodes_of_type("disease").tolist() if other != disease]
        has = {other: set(graph.edge_tail[graph.out_edges(other, "has_phenotype")].tolist()) for other in others}
        profile = np.array([[node in has[other] for node in nodes] for other in others], np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = np.triu_indices(len(nodes), 1)
            one, two = np.corrcoef(profile.T)[pairs], np.corrcoef(table.T)[pairs]
        known = np.isfinite(one) & np.isfinite(two)
        asked.append(one[known])
        found.append(two[known])
    ranks = [np.argsort(np.argsort(np.concatenate(side))) for side in (asked, found)]
    print(f"rank correlation of symptom pairs, other diseases against bundles | {np.corrcoef(*ranks)[0, 1]:.2f}")


def main() -> None:
    """Print one line a measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", type=Path)
    graph = Graph.open(parser.parse_args().graph)
    scores = np.random.default_rng(0).random(graph.num_edges).astype(np.float32)
    checker = Checker(graph)
    speed(graph, scores)
    violations(graph, scores, checker)
    bands(graph, checker)
    variety(graph, scores)
    togetherness(graph, scores)


if __name__ == "__main__":
    main()
