"""How edges lie in memory: one block for every metaedge (relation, head type, tail type), as CSR both ways.

Nodes are sorted by type, so a block's rows are the nodes of one type, numbered from 0 within it. Queries,
which walk from type to type, then touch nothing but the edges that they may take. Nothing here ranks.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.walks import Adjacency

Rows = npt.NDArray[np.int64]

DWPC_DAMPING = 0.4
"""Exponent of the degree-weighted path count (Himmelstein & Baranzini 2015, doi:10.1371/journal.pcbi.1004259)."""


@dataclass(frozen=True)
class Metaedge:
    """All edges of one relation between two node types; `start` and `stop` bound their ids (rows)."""

    relation: str
    head: str
    tail: str
    start: int
    stop: int


@dataclass(frozen=True)
class Block:
    """A metaedge's edges in one direction, as CSR over the nodes where they are entered.

    :ivar number: the metaedge's number in the graph.
    :ivar symmetric: True when the relation's two directions say the same and each pair is stored once.
    :ivar forward: True when taken from head to tail.
    :ivar entry: first node and end of the type where the edges are entered; `exit` likewise where they leave.
    :ivar indptr: int32 [entries + 1]; the edges of local entry row i are positions indptr[i]:indptr[i + 1].
    :ivar indices: int32 [num_edges], local exit row of each position.
    :ivar edges: int32 [num_edges], edge id of each position; None when it is `first_edge` + position.
    :ivar entry_factor: float64 [entries], what the degree at the entry gives to an edge's weight.
    :ivar exit_factor: float64 [exits]; an edge's weight is the product of the two.
    """

    number: int
    symmetric: bool
    forward: bool
    entry: tuple[int, int]
    exit: tuple[int, int]
    indptr: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int32]
    edges: npt.NDArray[np.int32] | None
    first_edge: int
    entry_factor: npt.NDArray[np.float64]
    exit_factor: npt.NDArray[np.float64]

    @cached_property
    def adjacency(self) -> Adjacency:
        """The block as the compiled loops take it."""
        return Adjacency(self.indptr, self.indices, self.entry_factor, self.exit_factor)

    def edge_ids(self, positions: Rows) -> Rows:
        """Give the edge ids at positions of `indices`, int64 [n]."""
        if self.edges is None:
            return positions + self.first_edge
        return np.asarray(self.edges[positions], np.int64)

    def positions(self, rows: Rows) -> tuple[Rows, Rows]:
        """List the positions of all edges that leave local entry rows.

        :param rows: int64 [n].
        :returns: int64 [m], place in `rows`; int64 [m], position in `indices`.
        """
        starts = np.asarray(self.indptr[rows], np.int64)
        counts = self.indptr[rows + 1] - starts
        owner = np.repeat(np.arange(len(rows)), counts)
        offset = np.arange(len(owner)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        return owner, offset

    def restricted(self, keep: npt.NDArray[np.bool_]) -> "Block":
        """Give the block without the edges (positions) where `keep` [num_edges] is False; weights stay."""
        positions = np.flatnonzero(keep)
        kept_before = np.concatenate([[0], np.cumsum(keep)]).astype(np.int32)
        return replace(
            self,
            indptr=kept_before[self.indptr],
            indices=self.indices[positions],
            edges=self.edge_ids(positions).astype(np.int32),
        )


def csr_pointers(rows: npt.NDArray[Any], num_rows: int) -> npt.NDArray[np.int32]:
    """Count entries per row and give CSR row pointers, int32 [num_rows + 1]."""
    counts = np.bincount(rows, minlength=num_rows)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
