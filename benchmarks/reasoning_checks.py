"""What is measured of the reasoner beside plain ranks: like degree, calibration, several hops, explanations."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch

from kgengine.graph import Graph
from kgengine.prediction import message_relations, spread
from kgengine.ranking import realistic_rank
from kgengine.reasoner.adjacency import Edges, Messages
from kgengine.reasoner.blending import Blend, known_answers
from kgengine.reasoner.queries import QueryTable, Scorer
from kgengine.reasoner.store import TrainedReasoner
from kgengine.schema import HAS_PHENOTYPE
from kgengine.split import Split

BINS, SHOWN = 10, 10


def degree_matched(score: Scorer, graph: Graph, split: Split, asked: QueryTable, known: QueryTable) -> float:
    """MRR among candidates of the answer's type whose number of training edges has the same power of two."""
    degree = np.bincount(
        np.concatenate([np.asarray(graph.edge_head)[split.train], np.asarray(graph.edge_tail)[split.train]]),
        minlength=graph.num_nodes,
    )
    kind = np.asarray(graph.node_type).astype(np.int64) * 64 + np.log2(degree + 1).astype(np.int64)
    reciprocal = []
    for rows in asked.batches(64):
        relation = int(asked.relation[rows[0]])
        for row, line in zip(rows.tolist(), score(asked.anchor[rows], relation), strict=True):
            others = known.answers(int(asked.anchor[row]), relation)
            for answer in asked.of_row(row).tolist():
                outside = np.flatnonzero(kind != kind[answer])
                reciprocal.append(1 / realistic_rank(line, answer, np.union1d(others, outside)))
    return float(np.mean(reciprocal))


def calibration_error(blend: Blend, graph: Graph, split: Split) -> tuple[float, str]:
    """Expected calibration error (Naeini et al. 2015, 10 bins) over the ten likeliest new answers of every test query.

    Over all candidates it would be near 0 for any model, since hardly any candidate is right.
    """
    messages, seen = Messages(graph, split.train), QueryTable(graph, split.train)
    every, asked = QueryTable(graph, np.arange(graph.num_edges)), QueryTable(graph, split.test)
    told, truth = [], []
    for rows in asked.batches(64):
        relation, anchors = int(asked.relation[rows[0]]), asked.anchor[rows]
        if relation not in blend.calibrated():
            continue
        known, right = known_answers(seen, anchors, relation, graph.num_nodes), asked.mask(rows, graph.num_nodes)
        other = known_answers(every, anchors, relation, graph.num_nodes) & ~right
        likely = blend.probabilities(blend.logits(messages, messages.visible(), anchors, relation), known, relation)
        likely = likely.masked_fill(other | ~messages.candidates(relation), -1.0)
        value, node = likely.topk(SHOWN, dim=1)
        told.append(value[value >= 0])
        truth.append(right.gather(1, node)[value >= 0])
    p, y = torch.cat(told).numpy(), torch.cat(truth).numpy()
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    bins = [(np.mean(place == one), p[place == one].mean(), y[place == one].mean()) for one in np.unique(place)]
    return sum(w * abs(a - b) for w, a, b in bins), " ".join(f"{a:.2f}:{b:.2f}" for _, a, b in bins)


@dataclass(frozen=True)
class HopQuery:
    """A query of several hops; `cost` is the least number of held-out edges that each true answer needs."""

    kind: str
    anchors: tuple[int, ...]
    types: tuple[str, ...]
    relations: tuple[tuple[str, ...], ...]
    cost: dict[int, int]


_PHENOTYPE, _DRUG = (HAS_PHENOTYPE,), ("treats", "ameliorates_condition")
SHAPES = {
    "2i": (2, ("symptom", "disease"), (_PHENOTYPE,)),
    "3i": (3, ("symptom", "disease"), (_PHENOTYPE,)),
    "pi": (2, ("symptom", "disease", "drug"), (_PHENOTYPE, _DRUG)),
    "2p": (1, ("symptom", "disease", "drug"), (_PHENOTYPE, _DRUG)),
    "3p": (1, ("disease", "symptom", "disease", "drug"), (_PHENOTYPE, _PHENOTYPE, _DRUG)),
}
"""Shape -> number of anchors, types and relations; 3p is "the drugs for what a disease may be mistaken for"."""


def _costs(graph: Graph, tables: tuple[QueryTable, QueryTable], query: HopQuery) -> dict[int, int]:
    """Say for every true answer how many held-out edges the best way to it needs."""
    train, every = tables
    level: dict[int, int] = {}
    for number, (here, there, names) in enumerate(zip(query.types, query.types[1:], query.relations, strict=False)):
        kinds = message_relations(graph, here, there, names)
        ways = [{anchor: 0} for anchor in query.anchors] if number == 0 else [level]
        reached = [_one_step(train, every, way, kinds, set(query.anchors)) for way in ways]
        level = {node: sum(one[node] for one in reached) for node in set.intersection(*map(set, reached))}
    return level


def _one_step(
    train: QueryTable, every: QueryTable, before: dict[int, int], kinds: list[int], barred: set[int]
) -> dict[int, int]:
    after: dict[int, int] = {}
    for node, cost in before.items():
        for kind in kinds:
            stated = set(train.answers(node, kind).tolist())
            for other in set(every.answers(node, kind).tolist()) - barred:
                now = cost + (other not in stated)
                after[other] = min(now, after.get(other, now))
    return after


def hop_queries(graph: Graph, split: Split, seed: int, count: int = 60) -> list[HopQuery]:
    """Draw queries of each shape that have an answer which needs a held-out edge."""
    rng = np.random.default_rng(seed)
    test = np.setdiff1d(np.arange(graph.num_edges), split.validation)
    tables = QueryTable(graph, split.train), QueryTable(graph, test)
    found = []
    for kind, (width, types, relations) in SHAPES.items():
        first = message_relations(graph, types[0], types[1], relations[0])
        back = message_relations(graph, types[1], types[0], relations[0])
        pool, made = graph.nodes_of_type(types[1]), 0
        for _ in range(200 * count):
            if made == count:
                break
            start = int(rng.choice(pool))
            near = np.unique(np.concatenate([tables[1].answers(start, one) for one in back]))
            if len(near) < width or not first:
                continue
            anchors = tuple(rng.choice(near, width, replace=False).tolist())
            query = HopQuery(kind, anchors, types, relations, {})
            costs = _costs(graph, tables, query)
            if 0 < sum(cost > 0 for cost in costs.values()) <= 100:
                found.append(HopQuery(kind, anchors, types, relations, costs))
                made += 1
    return found


def hop_ranks(
    reasoner: TrainedReasoner, graph: Graph, queries: list[HopQuery]
) -> dict[str, tuple[list[float], list[float]]]:
    """Rank the answers that need a held-out edge, filtered: by shape, those that need one, those that need more."""
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for query in queries:
        steps = [
            message_relations(graph, here, there, names)
            for here, there, names in zip(query.types, query.types[1:], query.relations, strict=False)
        ]
        score, _ = spread(reasoner, query.anchors, query.types, steps)
        others = np.array(sorted(query.cost), np.int64)
        for answer, cost in query.cost.items():
            if cost:
                found[query.kind][cost > 1].append(realistic_rank(score, answer, others))
    return dict(found)


def explained(reasoner: TrainedReasoner, split: Split, seed: int, cases: int = 200) -> tuple[float, int]:
    """Compare what removing a proof's edges does to a true answer's score with removing random edges of like degree."""
    graph, rng, messages = reasoner.graph, np.random.default_rng(seed), reasoner.messages
    asked = QueryTable(graph, split.test)
    won = tried = 0
    for row in rng.permutation(len(asked)).tolist():
        anchor, relation = int(asked.anchor[row]), int(asked.relation[row])
        answer = int(rng.choice(asked.of_row(row)))
        proof = reasoner.proof(anchor, relation, answer)
        if proof is None or tried == cases:
            continue
        other = _like(graph, split.train, proof.edges, rng)
        whole, less, control = (
            _share(reasoner, messages, anchor, relation, answer, hidden) for hidden in ([], proof.edges, other)
        )
        won += whole - less > whole - control
        tried += 1
    return won / max(1, tried), tried


def _share(
    reasoner: TrainedReasoner,
    messages: Messages,
    anchor: int,
    relation: int,
    answer: int,
    hidden: "tuple[int, ...] | list[int]",
) -> float:
    visible = messages.visible(torch.tensor(list(hidden), dtype=torch.int64))
    return float(reasoner.blend.logits(messages, visible, np.array([anchor]), relation)[0].log_softmax(0)[answer])


def _like(graph: Graph, edges: Edges, proof: tuple[int, ...], rng: np.random.Generator) -> list[int]:
    """Draw for each edge another one of its relation whose ends have the most similar degrees (of ten random ones)."""
    head, tail, relation = (np.asarray(one) for one in (graph.edge_head, graph.edge_tail, graph.edge_relation))
    degree = np.bincount(head, minlength=graph.num_nodes) + np.bincount(tail, minlength=graph.num_nodes)
    found = []
    for edge in proof:
        rivals = rng.choice(edges[(relation[edges] == relation[edge]) & ~np.isin(edges, proof)], 10)
        gap = np.abs(np.log(degree[head[rivals]] / degree[head[edge]]))
        gap = gap + np.abs(np.log(degree[tail[rivals]] / degree[tail[edge]]))
        found.append(int(rivals[np.argmin(gap)]))
    return found
