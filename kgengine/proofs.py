"""Finds the heaviest simple path to an answer: its proof.

A best-first search back from the answer, which takes the weight of the heaviest walk to every node (see
`kgengine.spreading`) as an upper bound: it returns a heaviest path exactly, and looks at little more than
that path's own nodes. Nothing here counts or ranks.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from kgengine.selection import Selection, Step

Weights = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Proof:
    """A path from an anchor to an answer.

    :ivar nodes: node indices from the anchor to the answer.
    :ivar edges: ids of the edges between them, one fewer.
    """

    nodes: tuple[int, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True)
class HeavyPath:
    """A path that begins after the first step, and its weight with that of the first step, in (0, 1]."""

    proof: Proof
    weight: float


def heaviest_edge(step: Step, node: int, other: int) -> tuple[int, float] | None:
    """Find the heaviest edge of a step from one node to another: its id and weight, None when there is none."""
    best: tuple[int, float] | None = None
    for block in step:
        if not (block.entry[0] <= node < block.entry[1] and block.exit[0] <= other < block.exit[1]):
            continue
        row, end = node - block.entry[0], other - block.exit[0]
        first, last = int(block.indptr[row]), int(block.indptr[row + 1])
        position = first + int(np.searchsorted(block.indices[first:last], end))
        if position < last and block.indices[position] == end:
            weight = float(block.entry_factor[row] * block.exit_factor[end])
            if best is None or weight > best[1]:
                best = int(block.edge_ids(np.array([position]))[0]), weight
    return best


@dataclass
class _Fan:
    """The ways on from one end of a path that grows backwards.

    `promise` is what a whole path that way may weigh at most; ways that are taken get 0.
    """

    path: Proof
    level: int
    nodes: Rows
    edges: Rows
    weights: Weights
    promise: Weights


class PathFinder:
    """Finds heaviest paths from the nodes of the first level to any node of a later one.

    :param selection: the edges, under the query's filter.
    :param steps: all steps of the query; the first one leads from the anchors to the first level.
    :param levels: the vectors of :func:`kgengine.spreading.path_levels`, one for each step.
    """

    def __init__(self, selection: Selection, steps: Sequence[Step], levels: Sequence[Weights]) -> None:
        self._back = [selection.back(step) for step in steps]
        self._levels = levels

    def find(self, node: int, level: int) -> HeavyPath | None:
        """Find the heaviest simple path that reaches `node` after `level` steps.

        :returns: the path from the first level on (one node fewer than steps + 1); None when there is none.
        """
        if level == 1:
            weight = float(self._levels[0][node, 2])
            return HeavyPath(Proof((node,), ()), weight) if weight else None
        order = count()
        queue: list[tuple[float, int, _Fan]] = []
        fan: _Fan | None = self._fan(Proof((node,), ()), 1.0, level)
        while True:
            if fan is not None and (promise := float(fan.promise.max(initial=0.0))):
                heapq.heappush(queue, (-promise, next(order), fan))
            if not queue:
                return None
            negative, _, fan = heapq.heappop(queue)
            best = int(fan.promise.argmax())
            path = Proof((int(fan.nodes[best]), *fan.path.nodes), (int(fan.edges[best]), *fan.path.edges))
            if fan.level == 2:
                return HeavyPath(path, -negative)
            fan.promise[best] = 0.0
            heapq.heappush(queue, (-float(fan.promise.max()), next(order), fan))
            fan = self._fan(path, float(fan.weights[best]), fan.level - 1)

    def _fan(self, path: Proof, weight: float, level: int) -> _Fan | None:
        """List the ways back from a path's first node, which stands on `level`; None when there are none."""
        node = path.nodes[0]
        nodes, edges, weights = [], [], []
        for block in self._back[level - 1]:
            if block.entry[0] <= node < block.entry[1]:
                row = node - block.entry[0]
                start, stop = int(block.indptr[row]), int(block.indptr[row + 1])
                ends = block.indices[start:stop]
                nodes.append(ends.astype(np.int64) + block.exit[0])
                edges.append(block.edge_ids(np.arange(start, stop)))
                weights.append(weight * block.entry_factor[row] * block.exit_factor[ends])
        if not nodes:
            return None
        others, heavy = np.concatenate(nodes), np.concatenate(weights)
        before = self._levels[level - 2][others]
        bound = before[:, 2]
        for visited in path.nodes:
            bound = np.where(before[:, 3] == visited, before[:, 4], bound)
            bound[others == visited] = 0.0
        return _Fan(path, level, others, np.concatenate(edges), heavy, heavy * bound)
