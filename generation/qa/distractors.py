"""Finds wrong options that are hard to tell from right ones: nodes that are near in the embedding.

`generation.qa.choosing` draws from them those that are no answer in the graph.
"""

import numpy as np
import numpy.typing as npt

from generation.qa.drawing import Ints, mixed
from kgengine.graph import Graph

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]
NEAREST = 48
"""Neighbours that are kept of each node; among them some that are no answer are nearly always found."""
POOL = 8
"""Wrong options are drawn from so many of the nearest that are no answers, so that they differ between questions."""
_ROWS = 512


def nearest_of_type(graph: Graph, types: set[str], vectors: Vectors | None, usable: Mask) -> Places:
    """List the nodes nearest to each node among those of its type.

    :param graph: the graph.
    :param types: the types of nodes that are asked for.
    :param vectors: float [num_nodes, dim], from the embedding; nodes are drawn at random when None.
    :param usable: bool [num_nodes], nodes that may stand as options.
    :returns: int32 [num_nodes, NEAREST], the nearest first; -1 for none.
    """
    near = np.full((graph.num_nodes, NEAREST), -1, np.int32)
    for node_type in sorted(types):
        first, end = graph.span(node_type)
        allowed = np.flatnonzero(usable[first:end]) + first
        few = min(NEAREST, len(allowed))
        if few and vectors is None:
            start = (mixed(0, np.arange(first, end)) % np.uint64(len(allowed))).astype(np.int64)
            near[first:end, :few] = allowed[(start[:, None] + np.arange(few)) % len(allowed)]
        elif vectors is not None:
            near[first:end, :few] = _by_likeness(np.asarray(vectors[first:end], np.float32), first, allowed)
    return near


def _by_likeness(vectors: Vectors, first: int, allowed: Ints) -> Places:
    """Rank the allowed nodes by the cosine of their vectors with each node's, int32 [nodes, at most NEAREST]."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    ranked = []
    for begin in range(0, len(unit), _ROWS):
        likeness = unit[begin : begin + _ROWS] @ unit[allowed - first].T
        rows = np.arange(begin, begin + len(likeness))
        likeness[rows[:, None] + first == allowed] = -np.inf
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :NEAREST]
        alike = np.isneginf(np.take_along_axis(likeness, nearest, axis=1))
        ranked.append(np.where(alike, -1, allowed[nearest]).astype(np.int32))
    return np.concatenate(ranked)
