"""Exact k-hop queries: which nodes lie within k hops, or at the end of a typed path, ranked, with proofs.

Answers are complete: every simple path is counted. The rank is the degree-weighted path count (DWPC;
Himmelstein & Baranzini 2015): a path weighs the product of its edges' degrees to the power -0.4, an
answer the sum over its paths, so that paths through hubs count little. Nothing is predicted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.paths import PathTable, expand

MAX_HOPS = 4


@dataclass(frozen=True)
class Proof:
    """The heaviest path from one anchor to the answer.

    :ivar nodes: node indices from the anchor to the answer.
    :ivar edges: ids of the edges between them, one fewer.
    """

    nodes: tuple[int, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """One answer of a query.

    :ivar node: its node index.
    :ivar score: degree-weighted path count, above 0, higher is nearer.
    :ivar paths: number of simple paths (from the first anchor, where there are several).
    :ivar proofs: the best path from each anchor (in a typed path all share their rest, and the whole is best).
    """

    node: int
    score: float
    paths: int
    proofs: tuple[Proof, ...]


@dataclass(frozen=True)
class _Reached:
    """What one anchor reaches: per node its score, number of paths and best path."""

    score: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]
    best: dict[int, Proof]
    weight: dict[int, float]


def _collect(graph: Graph, tables: Sequence[PathTable]) -> _Reached:
    score, count = np.zeros(graph.num_nodes), np.zeros(graph.num_nodes, np.int64)
    best: dict[int, Proof] = {}
    weight: dict[int, float] = {}
    for table in tables:
        np.add.at(score, table.ends, table.weight)
        np.add.at(count, table.ends, 1)
        order = np.lexsort((np.arange(len(table.weight)), -table.weight))
        ends, first = np.unique(table.ends[order], return_index=True)
        for node, row in zip(ends.tolist(), order[first].tolist(), strict=True):
            if table.weight[row] > weight.get(node, 0.0):
                weight[node] = float(table.weight[row])
                best[node] = Proof(tuple(table.nodes[row].tolist()), tuple(table.edges[row].tolist()))
    return _Reached(score, count, best, weight)


def _ranked(graph: Graph, score: npt.NDArray[np.float64], limit: int | None) -> list[int]:
    """Order the nodes with a score above 0: best first, ties by node index."""
    found = np.flatnonzero(score > 0)
    order = found[np.lexsort((found, -score[found]))]
    return [int(node) for node in (order if limit is None else order[:limit])]


def _allowed(graph: Graph, relations: Sequence[str] | None) -> npt.NDArray[np.bool_] | None:
    if not relations:
        return None
    mask = np.zeros(len(graph.relations), np.bool_)
    mask[[graph.relation_index(relation) for relation in relations]] = True
    return mask


def neighbourhood(
    graph: Graph,
    anchors: Sequence[int],
    hops: int = 1,
    to: str | None = None,
    relations: Sequence[str] | None = None,
    limit: int | None = None,
) -> list[Answer]:
    """Find all nodes that every anchor reaches within `hops` edges.

    :param graph: the graph.
    :param anchors: node indices; with several, the score is the geometric mean over them.
    :param hops: greatest path length, 1 to `MAX_HOPS`.
    :param to: only answers of this node type.
    :param relations: only paths over these relations.
    :param limit: how many answers at most, all when None.
    :returns: the answers, best first.
    :raises KGError: `hops` is out of range, a name is unknown, or the paths are too many.
    """
    if not 1 <= hops <= MAX_HOPS:
        raise KGError(f"{hops} hops asked for; this engine takes 1 to {MAX_HOPS}")
    if to is not None:
        graph.type_index(to)
    mask, fixed = _allowed(graph, relations), np.asarray(anchors, np.int64)
    reached = []
    for anchor in anchors:
        table, tables = PathTable.start(np.array([anchor])), []
        for hop in range(1, hops + 1):
            last = to if hop == hops else None
            table = expand(graph, table, last, mask, fixed)
            tables.append(table if to is None else table.keep(graph.node_type[table.ends] == graph.type_index(to)))
        reached.append(_collect(graph, tables))
    score = np.prod([one.score for one in reached], axis=0) ** (1 / len(reached))
    return [
        Answer(node, float(score[node]), int(reached[0].count[node]), tuple(one.best[node] for one in reached))
        for node in _ranked(graph, score, limit)
    ]


def follow(
    graph: Graph,
    anchors: Sequence[int],
    types: Sequence[str],
    relations: Sequence[Sequence[str]] | None = None,
    limit: int | None = None,
) -> list[Answer]:
    """Follow a typed path, e.g. symptom/disease/drug, from all anchors at once.

    With several anchors the first step meets: a node after them counts only if every anchor has an edge
    to it (the conjunctive query "2i" or "pi" of the literature), with the product of their weights.

    :param graph: the graph.
    :param anchors: node indices, each of type `types[0]`.
    :param types: node types along the path, 2 to `MAX_HOPS` + 1 of them.
    :param relations: for each step the relations that it may take (none given: any); all free when None.
    :param limit: how many answers at most, all when None.
    :returns: the answers, best first.
    :raises KGError: the path is too short or long, or a name is unknown.
    """
    if not 2 <= len(types) <= MAX_HOPS + 1:
        raise KGError(f"the path '{'/'.join(types)}' names {len(types)} types; give 2 to {MAX_HOPS + 1}")
    for node_type in types:
        graph.type_index(node_type)
    for anchor in anchors:
        if graph.type(anchor) != types[0]:
            raise KGError(f"{graph.name(anchor)} is a {graph.type(anchor)}, but the path begins with {types[0]}")
    masks = [_allowed(graph, step) for step in relations or [()] * (len(types) - 1)]
    fixed = np.asarray(anchors, np.int64)
    first = [
        _collect(graph, [expand(graph, PathTable.start(np.array([anchor])), types[1], masks[0], fixed)])
        for anchor in anchors
    ]
    meeting = np.prod([one.score for one in first], axis=0)
    count = np.prod([one.count for one in first], axis=0)
    met = np.flatnonzero(meeting > 0)
    heaviest = np.array([np.prod([one.weight[node] for one in first]) for node in met.tolist()], np.float64)
    table = PathTable.start(met, heaviest)
    for node_type, mask in zip(types[2:], masks[1:], strict=True):
        table = expand(graph, table, node_type, mask, fixed)
    rest = _collect(graph, [table])
    ratio = np.ones(graph.num_nodes)  # parallel edges at an anchor: all count in the score, one is in the proof
    ratio[met] = meeting[met] / heaviest
    score, paths = np.zeros(graph.num_nodes), np.zeros(graph.num_nodes, np.int64)
    np.add.at(score, table.ends, table.weight * ratio[table.nodes[:, 0]])
    np.add.at(paths, table.ends, count[table.nodes[:, 0]])
    return [
        Answer(node, float(score[node]), int(paths[node]), _joined(first, rest.best[node]))
        for node in _ranked(graph, score, limit)
    ]


def _joined(first: Sequence[_Reached], rest: Proof) -> tuple[Proof, ...]:
    """Put each anchor's first edge before the shared rest of the path."""
    heads = [one.best[rest.nodes[0]] for one in first]
    return tuple(Proof(head.nodes + rest.nodes[1:], head.edges + rest.edges) for head in heads)
