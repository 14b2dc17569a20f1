"""Chooses wrong options that are hard to tell from right ones: near in the embedding, no answer in the graph."""

import numpy as np
import numpy.typing as npt

from generation.qa.drawing import Ints, mixed
from kgengine.graph import Graph

Mask = npt.NDArray[np.bool_]
NEAREST = 48
"""Neighbours that are kept of each node; among them some that are no answer are nearly always found."""
_POOL = 8
"""Wrong options are drawn from so many of the nearest that are no answers, so that they differ between questions."""
_ROWS, _TOO_FEW = 512, -2


class Distractors:
    """The nodes nearest to each node among those of its type.

    :param graph: the graph.
    :param types: the types of nodes that are asked for.
    :param vectors: float [num_nodes, dim], from the embedding; nodes are drawn at random when None.
    :param usable: bool [num_nodes], nodes that may stand as options.
    """

    def __init__(self, graph: Graph, types: set[str], vectors: npt.NDArray[np.float32] | None, usable: Mask) -> None:
        self._near = np.full((graph.num_nodes, NEAREST), -1, np.int32)
        for node_type in sorted(types):
            first, end = graph.span(node_type)
            allowed = np.flatnonzero(usable[first:end]) + first
            if len(allowed) and vectors is None:
                start = (mixed(0, np.arange(first, end)) % np.uint64(len(allowed))).astype(np.int64)
                few = min(NEAREST, len(allowed))
                self._near[first:end, :few] = allowed[(start[:, None] + np.arange(few)) % len(allowed)]
            elif vectors is not None:
                self._fill(np.asarray(vectors[first:end], np.float32), first, allowed)

    def _fill(self, vectors: npt.NDArray[np.float32], first: int, allowed: Ints) -> None:
        """Rank the allowed nodes by the cosine of their vectors with each node's."""
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        few = min(NEAREST, len(allowed))
        for begin in range(0, len(unit), _ROWS):
            likeness = unit[begin : begin + _ROWS] @ unit[allowed - first].T
            rows = np.arange(begin, begin + len(likeness))
            likeness[rows[:, None] + first == allowed] = -np.inf
            nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :few]
            found = allowed[nearest]
            found[np.isneginf(np.take_along_axis(likeness, nearest, axis=1))] = -1
            self._near[rows + first, :few] = found

    def draw(self, near: Ints, taken: "Taken", count: int, key: int, salt: Ints) -> Ints:
        """Draw wrong options.

        :param near: int64 [n], for each question the right answer that they must resemble.
        :param taken: what must not stand among them.
        :param count: how many for each question.
        :param key: of the draw; `salt` int64 [n] is each question's own number.
        :returns: int64 [n, count]; -1 where too few were found.
        """
        found = self._drawn(near, taken, count, key, salt, np.arange(len(near)), NEAREST // 2)
        few = np.flatnonzero(found[:, 0] == _TOO_FEW)
        found[few] = self._drawn(near[few], taken, count, key, salt[few], few, NEAREST)
        return found

    def _drawn(self, near: Ints, taken: "Taken", count: int, key: int, salt: Ints, questions: Ints, width: int) -> Ints:
        """Draw among the nearest `width`; `_TOO_FEW` where more must be looked at to fill the pool."""
        options = self._near[near, :width].astype(np.int64)
        wrong = (options >= 0) & ~taken.holds(options, questions)
        options = np.where(wrong, options, -1)
        place = np.cumsum(wrong, axis=1)
        priority = mixed(key, salt[:, None], options).astype(np.float64)
        priority[~wrong | (place > _POOL)] = np.inf
        chosen = np.argsort(priority, axis=1, kind="stable")[:, :count]
        found = np.take_along_axis(options, chosen, axis=1)
        found[np.isinf(np.take_along_axis(priority, chosen, axis=1))] = -1
        if width < NEAREST:
            found[place[:, -1] < _POOL] = _TOO_FEW
        return found


class Taken:
    """The nodes that can't be wrong options of a question: its answers and anchors, and what goes by their names.

    :param same: int64 [num_nodes], equal for nodes that go by one phrase.
    :param questions: int64 [m], and `nodes` int64 [m]: pairs of a question and an answer or anchor.
    """

    def __init__(self, same: Ints, questions: Ints, nodes: Ints) -> None:
        self._same, self._names = same, int(same.max(initial=0)) + 1
        self._keys = np.unique(questions * self._names + same[nodes])

    def holds(self, options: Ints, questions: Ints) -> Mask:
        """Tell which options, int64 [n, k], are taken in some questions, int64 [n]: bool [n, k]."""
        keys = questions[:, None] * self._names + self._same[options]
        place = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        return np.asarray(self._keys[place] == keys) if len(self._keys) else np.zeros(options.shape, np.bool_)
