"""Predicted answers at the end of a typed path: exact edges count as 1, missing ones by calibrated probability.

The idea is QTO's (Bai et al. 2023, arXiv 2212.09567), but at each step all ways count instead of the greatest
alone: the probability that at least one holds, as if they were independent (the greatest can't tell apart what
hundreds of stated edges lead to; docs/log.md). Where several anchors meet, theirs are multiplied. An exact answer needs
no missing edge. A predicted one says which missing links its best way assumes, each with its probability, and is proved
by edges of the graph: a missing link by the path of up to three edges between its ends that its score rests on most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.proofs import Proof
from kgengine.query import Answer, Assumed, follow
from kgengine.schema import NEGATIVE_RELATIONS

if TYPE_CHECKING:
    from kgengine.reasoner.store import TrainedReasoner

EXACT, PREDICTED = "exact", "predicted"
BEAM = 32
"""How many of the likeliest uncertain nodes of a step are followed; those that edges alone lead to are all followed."""

_BATCH = 64
_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Way:
    """The best way to a node: the nodes after the anchors, and the message relation of each step.

    :ivar first: of the first step, for each anchor.
    :ivar later: of the other steps.
    """

    nodes: tuple[int, ...]
    first: tuple[int, ...]
    later: tuple[int, ...] = ()


def relation_path(graph: Graph, anchor: int, relation: str) -> tuple[list[str], list[list[str]]]:
    """Turn one relation from an anchor into a typed path of one step.

    The direction follows from the anchor's type: where it stands only at the tail of the relation's edges,
    heads are asked for (the drugs that treat a disease).

    :param graph: the graph.
    :param anchor: node index.
    :param relation: name of the relation.
    :returns: the two types and the relation of the step, as :func:`predict` takes them.
    :raises KGError: no edge of the relation touches the anchor's type.
    """
    graph.relation_index(relation)
    own = graph.type(anchor)
    mine = [one for one in graph.metaedges if one.relation == relation]
    others = [one.tail for one in mine if one.head == own] or [one.head for one in mine if one.tail == own]
    if not others:
        raise KGError(f"no {relation} edge begins or ends at a {own}; take another relation")
    return [own, others[0]], [[relation]]


def predict(
    reasoner: "TrainedReasoner",
    anchors: Sequence[int],
    types: Sequence[str],
    relations: Sequence[Sequence[str]],
    limit: int,
) -> list[Answer]:
    """Rank the nodes that a typed path may lead to.

    :param reasoner: the trained reasoner.
    :param anchors: node indices of type `types[0]`; with several, the first step must lead from all to one node.
    :param types: node types along the path.
    :param relations: for each step the relations that it may take; where none is given, all but negative ones.
    :param limit: how many predicted answers at most.
    :returns: the exact answers (score 1; all of a path of one step, else at most `limit`, as :func:`follow` ranks
        them), then the predicted ones, likeliest first: their score is a probability, 0 to 1.
    :raises KGError: the path can't be asked, or the reasoner knows none of its relations.
    """
    graph = reasoner.graph
    relations = relations or [()] * (len(types) - 1)
    exact = follow(graph, anchors, types, relations, limit=None)
    steps = [
        message_relations(graph, here, there, names)
        for here, there, names in zip(types, types[1:], relations, strict=False)
    ]
    if not any(kind in reasoner.asked for step in steps for kind in step):
        asked = sorted({graph.relations[kind % len(graph.relations)] for kind in reasoner.asked})
        raise KGError(
            f"the reasoner predicts only {', '.join(asked)}, of which this path has none; leave out --predict"
        )
    score, ways = spread(reasoner, anchors, types, steps)
    score[[*anchors, *(answer.node for answer in exact)]] = 0.0
    best = [int(node) for node in np.argsort(-score, kind="stable")[:limit] if score[node] > 0]
    shown = exact if len(types) == 2 else exact[:limit]
    certain = [replace(answer, score=1.0, state=EXACT) for answer in shown]
    return certain + [_answer(reasoner, anchors, node, float(score[node]), ways[node]) for node in best]


def message_relations(graph: Graph, here: str, there: str, names: Sequence[str]) -> list[int]:
    """List the message relations that lead from one type to another.

    :param graph: the graph.
    :param here: node type.
    :param there: node type.
    :param names: the relations that may be taken; all but negative ones when empty.
    """
    found = set()
    for one in graph.metaedges:
        if (one.relation not in names) if names else (one.relation in NEGATIVE_RELATIONS):
            continue
        if (one.head, one.tail) == (here, there):
            found.add(graph.relations.index(one.relation))
        if (one.tail, one.head) == (here, there):
            found.add(graph.relations.index(one.relation) + len(graph.relations))
    return sorted(found)


def spread(
    reasoner: "TrainedReasoner", anchors: Sequence[int], types: Sequence[str], steps: Sequence[Sequence[int]]
) -> tuple[_Floats, dict[int, _Way]]:
    """Follow a typed path and give every node its probability, without telling exact answers apart.

    :param reasoner: the trained reasoner.
    :param anchors: node indices of type `types[0]`, which meet after the first step.
    :param types: node types along the path.
    :param steps: for each step the message relations that it may take, see :func:`message_relations`.
    :returns: float32 [num_nodes], 0 to 1, and the best way to each node above 0.
    """
    graph = reasoner.graph
    span = slice(*graph.span(types[1]))
    table, kinds = _step(reasoner, np.array(anchors, np.int64), steps[0])
    meeting = np.zeros(graph.num_nodes, np.float32)
    meeting[span] = table[:, span].prod(axis=0)
    meeting[list(anchors)] = 0.0
    score = meeting
    ways = {int(node): _Way((int(node),), tuple(kinds[:, node].tolist())) for node in np.flatnonzero(score)}
    for step, there in zip(steps[1:], types[2:], strict=True):
        span = slice(*graph.span(there))
        certain = np.flatnonzero(score == 1.0)
        doubtful = np.where(score < 1.0, score, 0.0)
        likely = np.argsort(-doubtful, kind="stable")[:BEAM]
        senders = np.unique(np.concatenate([certain, likely[doubtful[likely] > 0]]))
        table, kinds = _step(reasoner, senders, step)
        table *= score[senders, None]
        for row, sender in enumerate(senders.tolist()):  # a way visits no node twice
            table[row, [*anchors, *ways[sender].nodes]] = 0.0
        best, score = table.argmax(axis=0), np.zeros_like(score)
        score[span] = _any_way(table[:, span])
        before = ways
        ways = {}
        for node in np.flatnonzero(score).tolist():
            row = int(best[node])
            way = before[int(senders[row])]
            ways[node] = _Way((*way.nodes, node), way.first, (*way.later, int(kinds[row, node])))
    return score, ways


def _any_way(table: _Floats) -> _Floats:
    """Give the probability that at least one way holds, [ways, nodes] to [nodes]; 1 only where one way is certain."""
    with np.errstate(divide="ignore"):
        found = -np.expm1(np.log1p(-table.astype(np.float64)).sum(axis=0)).astype(np.float32)
    below = np.nextafter(np.float32(1), np.float32(0))
    return np.asarray(np.where((table == 1.0).any(axis=0), found, np.minimum(found, below)), np.float32)


def _step(
    reasoner: "TrainedReasoner", senders: npt.NDArray[np.int64], step: Sequence[int]
) -> tuple[_Floats, npt.NDArray[np.int64]]:
    """Give the greatest probability over the relations of a step, and which relation has it: [senders, num_nodes]."""
    score = np.zeros((len(senders), reasoner.graph.num_nodes), np.float32)
    kinds = np.zeros(score.shape, np.int64)
    for kind in step:
        if kind in reasoner.asked:
            parts = np.array_split(senders, -(-len(senders) // _BATCH) or 1)
            found = np.concatenate([reasoner.probabilities(part, kind) for part in parts])
        else:
            found = np.zeros_like(score)
            for row, sender in enumerate(senders.tolist()):
                found[row, reasoner.known.answers(sender, kind)] = 1.0
        kinds[found > score] = kind
        score = np.maximum(score, found)
    return score, kinds


def _answer(reasoner: "TrainedReasoner", anchors: Sequence[int], node: int, score: float, way: _Way) -> Answer:
    """Spell a predicted answer: from every anchor a proof by edges of the graph, and the links it assumes."""
    proofs, assumed = [], dict[tuple[int, int, int], Assumed]()
    for anchor, first in zip(anchors, way.first, strict=True):
        nodes, edges = [anchor], list[int]()
        for here, there, kind in zip((anchor, *way.nodes), way.nodes, (first, *way.later), strict=False):
            link = _link(reasoner, here, there, kind)
            if isinstance(link, Assumed):
                assumed[link.head, link.relation, link.tail] = link
                near = reasoner.proof(here, kind, there)
                if near is None:
                    break
                nodes += near.nodes[1:]
                edges += near.edges
            else:
                nodes.append(there)
                edges.append(link)
        else:
            proofs.append(Proof(tuple(nodes), tuple(edges)))
    return Answer(node, score, 0, tuple(proofs), PREDICTED, tuple(assumed.values()))


def _link(reasoner: "TrainedReasoner", here: int, there: int, kind: int) -> int | Assumed:
    """Give the edge behind one step of a way, or what is assumed in its stead."""
    edge = reasoner.known.edge_of(here, kind, there)
    if edge is not None:
        return edge
    count = len(reasoner.graph.relations)
    head, tail = (here, there) if kind < count else (there, here)
    probability = float(reasoner.probabilities(np.array([here]), kind)[0, there])
    return Assumed(head, kind % count, tail, probability)
