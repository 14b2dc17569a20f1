"""Simple paths from anchors, expanded breadth-first as numpy arrays.

A path is a row: the nodes that it visits and the edges that it takes, in either direction. This is the
exact engine under `kgengine.query`; it ranks nothing and names nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.graph import Graph

MAX_PATHS = 20_000_000
"""Rows that one expansion may hold (about 1 GB at four hops); more is refused with advice."""

Nodes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PathTable:
    """A set of paths of one length.

    :ivar nodes: int64 [num_paths, hops + 1], the nodes visited, the anchor first.
    :ivar edges: int64 [num_paths, hops], the ids of the edges taken.
    :ivar weight: float64 [num_paths], product of the edges' degree weights, in (0, 1].
    """

    nodes: Nodes
    edges: Nodes
    weight: npt.NDArray[np.float64]

    @classmethod
    def start(cls, nodes: Nodes, weight: npt.NDArray[np.float64] | None = None) -> "PathTable":
        """Begin with one empty path at each of `nodes`, int64 [n]."""
        ones = np.ones(len(nodes)) if weight is None else weight
        return cls(nodes[:, None], np.zeros((len(nodes), 0), np.int64), ones)

    @property
    def ends(self) -> Nodes:
        """Last node of every path, int64 [num_paths]."""
        return self.nodes[:, -1]

    def keep(self, mask: npt.NDArray[np.bool_]) -> "PathTable":
        """Keep the paths where `mask` [num_paths] holds."""
        return PathTable(self.nodes[mask], self.edges[mask], self.weight[mask])


def _spans(indptr: npt.NDArray[np.int64], nodes: Nodes) -> tuple[Nodes, Nodes]:
    """List all CSR rows of `nodes`: (position in `nodes`, row) pairs."""
    starts = np.asarray(indptr[nodes], np.int64)
    counts = np.asarray(indptr[nodes + 1], np.int64) - starts
    owner = np.repeat(np.arange(len(nodes)), counts)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, starts[owner] + offset


def neighbours(graph: Graph, nodes: Nodes, allowed: npt.NDArray[np.bool_] | None = None) -> tuple[Nodes, Nodes, Nodes]:
    """List all edges at `nodes`, in both directions.

    :param graph: the graph.
    :param nodes: int64 [n].
    :param allowed: bool [num_relations], which relations may be taken; all when None.
    :returns: three int64 arrays [m]: position in `nodes`, the node at the other end, the edge's id.
    """
    owner_out, rows = _spans(graph.forward_indptr, nodes)
    owner_in, reverse_rows = _spans(graph.reverse_indptr, nodes)
    owner = np.concatenate([owner_out, owner_in])
    other = np.concatenate([graph.edge_tail[rows], graph.reverse_head[reverse_rows]]).astype(np.int64)
    edge = np.concatenate([rows, graph.reverse_edge[reverse_rows]]).astype(np.int64)
    if allowed is None:
        return owner, other, edge
    mask = allowed[graph.edge_relation[edge]]
    return owner[mask], other[mask], edge[mask]


def expand(
    graph: Graph,
    paths: PathTable,
    end_type: str | None = None,
    allowed: npt.NDArray[np.bool_] | None = None,
    forbidden: Nodes | None = None,
) -> PathTable:
    """Lengthen every path by one edge, never to a node that it has visited.

    :param graph: the graph.
    :param paths: the paths so far.
    :param end_type: type of the new last node, any when None.
    :param allowed: bool [num_relations], see :func:`neighbours`.
    :param forbidden: int64 [n], nodes that no path may enter.
    :returns: the longer paths.
    :raises KGError: there would be more than `MAX_PATHS`.
    """
    ends = paths.ends
    degree = np.diff(graph.forward_indptr)[ends] + np.diff(graph.reverse_indptr)[ends]
    if degree.sum() > MAX_PATHS:
        raise KGError(
            f"this query spans {int(degree.sum()):,} paths, more than {MAX_PATHS:,}; "
            "take fewer hops, or name types or relations (--path, --relation)"
        )
    owner, other, edge = neighbours(graph, ends, allowed)
    mask = np.all(paths.nodes[owner] != other[:, None], axis=1)
    if end_type is not None:
        mask &= graph.node_type[other] == graph.type_index(end_type)
    if forbidden is not None and len(forbidden):
        mask &= ~np.isin(other, forbidden)
    owner, other, edge = owner[mask], other[mask], edge[mask]
    return PathTable(
        np.concatenate([paths.nodes[owner], other[:, None]], axis=1),
        np.concatenate([paths.edges[owner], edge[:, None]], axis=1),
        paths.weight[owner] * graph.edge_weight[edge],
    )
