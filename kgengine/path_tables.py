"""All simple paths of many questions at once, as arrays: what a builder of a million questions needs.

`kgengine.query` answers one question and ranks it; here thousands of questions over one typed path go through each
step together, so that no Python code runs for a single one. Every path is kept, with its edges and weight; no answer
is ranked or left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kgengine.graph import Graph
from kgengine.selection import Selection

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PathTable:
    """The paths of questions: one row a path.

    :ivar question: int64 [paths], ascending, row of the question's anchors.
    :ivar nodes: int64 [paths, hops], the node after each step; the last one is the answer.
    :ivar first_edges: int64 [paths, anchors], id of the edge from each anchor to the first node.
    :ivar edges: int64 [paths, hops - 1], ids of the further edges.
    :ivar weight: float64 [paths], degree-weighted path count of the path, in (0, 1].
    :ivar opened: the most steps that were open at once while tracing: a measure of the memory it took.
    """

    question: Ints
    nodes: Ints
    first_edges: Ints
    edges: Ints
    weight: Floats
    opened: int = 0

    def picked(self, rows: Ints | Mask) -> "PathTable":
        """Give some rows."""
        return PathTable(
            self.question[rows],
            self.nodes[rows],
            self.first_edges[rows],
            self.edges[rows],
            self.weight[rows],
            self.opened,
        )


class StepTable:
    """One step of a typed path over a relation, in whichever direction it leads, as one CSR over the entry type.

    Of several edges between two nodes (stated in both directions) the first is kept.
    """

    def __init__(self, graph: Graph, entry: str, exit: str, relation: str) -> None:
        self.first_entry, end = graph.span(entry)
        self._first_exit, last = graph.span(exit)
        self._exits = max(last - self._first_exit, 1)
        rows, ends, edges, weights = [], [], [], []
        for block in Selection(graph).step(entry, exit, (relation,)):
            row, place = block.positions(np.arange(end - self.first_entry))
            rows.append(row)
            ends.append(block.indices[place].astype(np.int64))
            edges.append(block.edge_ids(place))
            weights.append(block.entry_factor[row] * block.exit_factor[ends[-1]])
        keys = _joined(rows) * self._exits + _joined(ends)
        self._keys, kept = np.unique(keys, return_index=True)
        self._edges, self._weights = _joined(edges)[kept], np.concatenate([np.zeros(0), *weights])[kept]
        bounds = np.arange(end - self.first_entry + 1) * self._exits
        self._indptr: Ints = np.searchsorted(self._keys, bounds).astype(np.int64)

    @cached_property
    def degrees(self) -> Ints:
        """Number of edges at each node of the entry type, int64 [entries]."""
        return np.asarray(np.diff(self._indptr))

    def neighbours(self, node: Ints, number: Ints) -> Ints:
        """Give the `number`-th neighbour of nodes, int64, of the shape that the two broadcast to."""
        return np.asarray(self._keys[self._indptr[node - self.first_entry] + number] % self._exits + self._first_exit)

    def leave(self, nodes: Ints) -> tuple[Ints, Ints, Ints, Floats]:
        """Take all edges from nodes: place in `nodes`, node reached, edge id and weight, each [edges]."""
        rows = nodes - self.first_entry
        counts = self._indptr[rows + 1] - self._indptr[rows]
        owner = np.repeat(np.arange(len(rows)), counts)
        place = np.arange(len(owner)) + np.repeat(self._indptr[rows] - (np.cumsum(counts) - counts), counts)
        return owner, self._keys[place] % self._exits + self._first_exit, self._edges[place], self._weights[place]

    def between(self, nodes: Ints, ends: Ints) -> tuple[Mask, Ints, Floats]:
        """Look up the edges of pairs: bool [pairs], whether there is one; its id and weight, of use where there is."""
        if not len(self._keys):
            return np.zeros(len(nodes), np.bool_), nodes, np.zeros(len(nodes))
        keys = (nodes - self.first_entry) * self._exits + ends - self._first_exit
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._keys[place] == keys, self._edges[place], self._weights[place]


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def trace(steps: Sequence[StepTable], anchors: Ints, ways: Sequence[int] = (), most: int = 10_000) -> PathTable:
    """Find all simple paths from the anchors of many questions.

    With several anchors the first step meets: a node counts only if every anchor has an edge to it. No node stands
    twice on a path, and none of a question's anchors on it.

    :param steps: one for each hop, the exit type of each the entry type of the next.
    :param anchors: int64 [questions, anchors], nodes of the first step's entry type.
    :param ways: for each step, the fewest paths by which its node must be reached; 1 where not given.
    :param most: a question that opens more paths than this at any step is left without any.
    :returns: the paths, those of a question together.
    """
    table = _first_step(steps[0], anchors, most)
    table = table.picked(_allowed(table.question, table.nodes[:, 0], anchors, ways[0] if ways else 1))
    for hop, step in enumerate(steps[1:], 1):
        degree = step.degrees[table.nodes[:, -1] - step.first_entry]
        opened = np.bincount(table.question, weights=degree, minlength=len(anchors))
        if opened.max(initial=0) > most:
            table = table.picked(opened[table.question] <= most)
        owner, node, edge, factor = step.leave(table.nodes[:, -1])
        before = np.concatenate([anchors[table.question], table.nodes], axis=1)
        kept = _allowed(table.question[owner], node, before, ways[hop] if ways else 1, owner)
        steps_open = len(owner)
        owner, node, edge, factor = owner[kept], node[kept], edge[kept], factor[kept]
        grown = table.picked(owner)
        table = PathTable(
            grown.question,
            np.column_stack([grown.nodes, node]),
            grown.first_edges,
            np.column_stack([grown.edges, edge]),
            grown.weight * factor,
            max(table.opened, steps_open),
        )
    return table


def _first_step(step: StepTable, anchors: Ints, most: int) -> PathTable:
    """Take the first step: from the anchor with the fewest edges to the nodes that the others have an edge to, too."""
    degrees = step.degrees[anchors - step.first_entry]
    order = np.argsort(degrees, axis=1, kind="stable")
    asked = np.flatnonzero(degrees.min(axis=1) <= most)
    owner, node, edge, weight = step.leave(anchors[asked, order[asked, 0]])
    question, edges, opened = asked[owner], [edge], len(owner)
    for number in range(1, anchors.shape[1]):
        there, edge, factor = step.between(anchors[question, order[question, number]], node)
        edges = [one[there] for one in (*edges, edge)]
        question, node, weight = question[there], node[there], (weight * factor)[there]
    first_edges = np.empty((len(question), anchors.shape[1]), np.int64)
    np.put_along_axis(first_edges, order[question], np.stack(edges, axis=1), axis=1)
    return PathTable(question, node[:, None], first_edges, np.zeros((len(question), 0), np.int64), weight, opened)


def _allowed(question: Ints, node: Ints, before: Ints, least: int, owner: Ints | None = None) -> Mask:
    """Tell which steps lead to a node that is new to the path, and that is reached in enough ways.

    :param question: int64 [steps]; `node` int64 [steps], where each leads.
    :param before: int64 [paths, n], the nodes that each path may not come back to.
    :param least: the fewest steps of a question by which a node must be reached.
    :param owner: int64 [steps], path of each step; its question when None.
    """
    owner = question if owner is None else owner
    kept = np.ones(len(node), np.bool_)
    for column in before.T:
        kept &= column[owner] != node
    if least > 1 and len(node):
        pair = question * (int(node.max()) + 1) + node
        _, inverse, count = np.unique(pair[kept], return_inverse=True, return_counts=True)
        kept[kept] = count[inverse] >= least
    return kept
