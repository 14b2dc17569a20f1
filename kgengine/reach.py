"""Which nodes lie within k hops, and how far: breadth-first search that reads no more edges than it must.

A level is found from the frontier's side, or, when the nodes not yet seen have fewer edges, from theirs
(direction-optimising search; Beamer, Asanovic & Patterson 2012, doi:10.1109/SC.2012.50). No paths are counted here.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kgengine.graph import Graph
from kgengine.metaedges import Block
from kgengine.selection import EVERY_EDGE, EdgeFilter, Selection, Step
from kgengine.walks import reach, reach_from_unseen

_FEW_EDGES = 20_000
"""Edges that are followed without asking whether the other side has fewer; they take some 20 microseconds."""

Flags = npt.NDArray[np.uint8]


def distances(graph: Graph, anchors: Sequence[int], hops: int, only: EdgeFilter = EVERY_EDGE) -> npt.NDArray[np.int16]:
    """Give how many hops every node lies from the nearest anchor, over edges in either direction.

    :param graph: the graph.
    :param anchors: node indices.
    :param hops: how far to look, at least 0.
    :param only: the edges that may be taken.
    :returns: int16 [num_nodes], 0 at the anchors, -1 where a node is further than `hops` or not connected.
    """
    step = Selection(graph, only).step(None)
    distance = np.full(graph.num_nodes, -1, np.int16)
    distance[list(anchors)] = 0
    frontier, seen = np.zeros(graph.num_nodes, np.uint8), np.zeros(graph.num_nodes, np.uint8)
    frontier[list(anchors)] = seen[list(anchors)] = 1
    for hop in range(1, hops + 1):
        frontier = _next_level(step, frontier, seen)
        if not frontier.any():
            break
        distance[frontier.view(np.bool_)] = hop
        seen |= frontier
    return distance


def _next_level(step: Step, frontier: Flags, seen: Flags) -> Flags:
    """Find the nodes not yet seen that have an edge to the frontier, uint8 [num_nodes]."""
    found = np.zeros(len(seen), np.uint8)
    turned = {(block.number, block.forward): block for block in step}
    rows_of = {entry: np.flatnonzero(frontier[slice(*entry)]) for entry in {block.entry for block in step}}
    for exit in sorted({block.exit for block in step}):
        blocks = [block for block in step if block.exit == exit and len(rows_of[block.entry])]
        reached = found[slice(*exit)]
        sent = sum(_edges(block, rows_of[block.entry]) for block in blocks)
        if sent > _FEW_EDGES:
            unseen = np.flatnonzero(seen[slice(*exit)] == 0)
            back = [turned[block.number, not block.forward] for block in blocks]
            if sent > sum(_edges(block, unseen) for block in back):
                for block in back:
                    reach_from_unseen(block.adjacency, unseen, frontier[slice(*block.exit)], reached)
                continue
        for block in blocks:
            reach(block.adjacency, rows_of[block.entry], seen[slice(*exit)], reached)
    return found


def _edges(block: Block, rows: npt.NDArray[np.int64]) -> int:
    """Count the edges that leave local entry rows."""
    return int((block.indptr[rows + 1] - block.indptr[rows]).sum())
