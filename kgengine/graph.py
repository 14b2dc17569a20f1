"""The graph store as the rest of the product sees it: typed nodes (`kgengine.nodes`) and the edges between them.

Opening maps the columns into memory and reads nothing; numpy is all it needs. The store is never
written here (see `kgengine.store`).
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kgengine.artifacts import MANIFEST, read_manifest, sha256_file
from kgengine.errors import ArtifactError, UnknownNameError
from kgengine.metaedges import DWPC_DAMPING, Block, Metaedge
from kgengine.nodes import NodeTable
from kgengine.schema import SYMMETRIC_RELATIONS
from kgengine.sources.records import Provenance

if TYPE_CHECKING:
    from kgengine.answers import Answers

FORMAT = 2


@dataclass(frozen=True)
class EdgeView:
    """One edge, spelled out: `edge` is its id (row), `head` and `tail` are node indices, `band` may be -1."""

    edge: int
    head: int
    relation: str
    tail: int
    band: int


class Graph(NodeTable):
    """A read-only medical knowledge graph.

    :ivar num_edges: how many edges there are; an edge's id is its row.
    :ivar relations: relation names; an edge's relation is an index into them.
    :ivar metaedges: the kinds of edges, in the order of their rows.
    :ivar edge_band: int8 [num_edges], index into `schema.FREQUENCY_BANDS` or -1.
    :ivar edge_provenance: int16 or int32 [num_edges], index into `provenances`.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        super().__init__(folder, manifest)
        self.num_edges: int = manifest["num_edges"]
        self.relations: list[str] = manifest["relations"]
        self.metaedges = [Metaedge(**record) for record in manifest["metaedges"]]
        by_head, by_tail = self._pointer_bounds
        self._forward_indptr = self._load("forward_indptr", by_head[-1])
        self._reverse_indptr = self._load("reverse_indptr", by_tail[-1])
        self._forward_tail = self._load("forward_tail", self.num_edges)
        self._reverse_head = self._load("reverse_head", self.num_edges)
        self._reverse_edge = self._load("reverse_edge", self.num_edges)
        self.edge_band = self._load("edge_band", self.num_edges)
        self.edge_provenance = self._load("edge_provenance", self.num_edges)
        scored = "edge_score.npy" in manifest["columns"]
        self._edge_score = self._load("edge_score", self.num_edges) if scored else None
        self._blocks: dict[tuple[int, bool], Block] = {}

    @classmethod
    def open(cls, folder: str | Path) -> "Graph":
        """Open a graph store.

        :param folder: the store that `kg build` wrote.
        :returns: the graph.
        :raises ArtifactError: there is none, it is damaged, or another version wrote it.
        """
        folder = Path(folder)
        manifest = read_manifest(folder, "graph", "kg build")
        if manifest.get("format") != FORMAT:
            raise ArtifactError(f"the graph at {folder} has another version's format; run 'kg build' again")
        try:
            return cls(folder, manifest)
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise ArtifactError(f"the graph at {folder} is damaged ({error}); run 'kg build' again") from error

    @cached_property
    def hash(self) -> str:
        """Identity of the graph's content: SHA-256 of its manifest, which holds the hash of every column."""
        return sha256_file(self.folder / MANIFEST)

    @cached_property
    def edge_head(self) -> npt.NDArray[np.int32]:
        """Head of every edge, int32 [num_edges]."""
        head = np.empty(self.num_edges, np.int32)
        for number, metaedge in enumerate(self.metaedges):
            block = self.block(number, forward=True)
            rows = np.arange(*block.entry, dtype=np.int32)
            head[metaedge.start : metaedge.stop] = np.repeat(rows, np.diff(block.indptr))
        return head

    @cached_property
    def edge_tail(self) -> npt.NDArray[np.int32]:
        """Tail of every edge, int32 [num_edges]."""
        first = self._per_edge([self._span[one.tail][0] for one in self.metaedges], np.int32)
        return np.asarray(self._forward_tail + first)

    @cached_property
    def edge_relation(self) -> npt.NDArray[np.int16]:
        """Relation of every edge, int16 [num_edges], index into `relations`."""
        return self._per_edge([self.relations.index(one.relation) for one in self.metaedges], np.int16)

    @cached_property
    def edge_score(self) -> npt.NDArray[np.float32]:
        """The source's own score of every edge, float32 [num_edges], NaN where it states none."""
        return np.full(self.num_edges, np.nan, np.float32) if self._edge_score is None else self._edge_score

    @cached_property
    def edge_weight(self) -> npt.NDArray[np.float64]:
        """Factor of every edge in the degree-weighted path count, float64 [num_edges], in (0, 1]."""
        weight = np.empty(self.num_edges)
        for number, metaedge in enumerate(self.metaedges):
            block = self.block(number, forward=True)
            entry = np.repeat(block.entry_factor, np.diff(block.indptr))
            weight[metaedge.start : metaedge.stop] = entry * block.exit_factor[block.indices]
        return weight

    def _per_edge(self, values: list[int], dtype: Any) -> npt.NDArray[Any]:
        return np.repeat(np.array(values, dtype), [one.stop - one.start for one in self.metaedges])

    @cached_property
    def provenances(self) -> list[tuple[Provenance, ...]]:
        """Who states an edge, by the numbers of `edge_provenance`; several where sources agree."""
        return [tuple(Provenance(**part) for part in several) for several in self.manifest["provenances"]]

    def block(self, number: int, forward: bool) -> Block:
        """Give a metaedge's edges in one direction.

        :param number: index into `metaedges`.
        :param forward: from head to tail, else from tail to head.
        """
        found = self._blocks.get((number, forward))
        if found is None:
            found = self._blocks[number, forward] = self._make_block(number, forward)
        return found

    @cached_property
    def _pointer_bounds(self) -> tuple[list[int], list[int]]:
        """Where each metaedge's row pointers begin, in the forward and in the reverse column."""
        bounds: tuple[list[int], list[int]] = ([0], [0])
        for one in self.metaedges:
            for column, node_type in zip(bounds, (one.head, one.tail), strict=True):
                first, end = self._span[node_type]
                column.append(column[-1] + end - first + 1)
        return bounds

    def _make_block(self, number: int, forward: bool) -> Block:
        one = self.metaedges[number]
        rows = slice(one.start, one.stop)
        by_head, by_tail = self._pointer_bounds
        out_pointers = self._forward_indptr[by_head[number] : by_head[number + 1]]
        in_pointers = self._reverse_indptr[by_tail[number] : by_tail[number + 1]]
        out_degree, in_degree = np.diff(out_pointers), np.diff(in_pointers)
        symmetric = one.relation in SYMMETRIC_RELATIONS and one.head == one.tail
        if symmetric:
            out_degree = in_degree = out_degree + in_degree
        head_factor, tail_factor = self._damped[out_degree], self._damped[in_degree]
        head, tail = self._span[one.head], self._span[one.tail]
        if forward:
            ends = self._forward_tail[rows]
            factors = (head_factor, tail_factor)
            return Block(number, symmetric, True, head, tail, out_pointers, ends, None, one.start, *factors)
        ends, edges = self._reverse_head[rows], self._reverse_edge[rows]
        factors = (tail_factor, head_factor)
        return Block(number, symmetric, False, tail, head, in_pointers, ends, edges, one.start, *factors)

    @cached_property
    def _damped(self) -> npt.NDArray[np.float64]:
        """Degree ** -DWPC_DAMPING for every degree that a node can have in one metaedge."""
        largest = max((max(self._span[m.head][1], self._span[m.tail][1]) for m in self.metaedges), default=0)
        degrees = np.arange(min(2 * largest, self.num_edges) + 1, dtype=np.float64)
        degrees[0] = 1.0
        return np.asarray(degrees**-DWPC_DAMPING)

    def relation_index(self, relation: str) -> int:
        """Find a relation by name.

        :raises UnknownNameError: the graph has no such relation.
        """
        if relation not in self.relations:
            raise UnknownNameError("relation", relation, hint="this graph has " + ", ".join(self.relations))
        return self.relations.index(relation)

    def metaedge_of(self, edge: int) -> int:
        """Give the number of the metaedge that an edge belongs to."""
        return bisect_right(self.metaedges, edge, key=lambda one: one.start) - 1

    def edge(self, edge: int) -> EdgeView:
        """Spell out one edge by its id."""
        number = self.metaedge_of(edge)
        one, block = self.metaedges[number], self.block(number, forward=True)
        head = int(np.searchsorted(block.indptr, edge - one.start, side="right")) - 1 + block.entry[0]
        tail = int(self._forward_tail[edge]) + block.exit[0]
        return EdgeView(edge, head, one.relation, tail, int(self.edge_band[edge]))

    def out_edges(self, head: int, relation: str) -> npt.NDArray[np.int64]:
        """List the ids of a node's outgoing edges of one relation (none when the graph lacks the relation)."""
        return self._edges_at(head, relation, forward=True)

    def in_edges(self, tail: int, relation: str) -> npt.NDArray[np.int64]:
        """List the ids of a node's incoming edges of one relation (none when the graph lacks the relation)."""
        return self._edges_at(tail, relation, forward=False)

    def _edges_at(self, node: int, relation: str, forward: bool) -> npt.NDArray[np.int64]:
        kind, found = self.type(node), []
        for number, one in enumerate(self.metaedges):
            if one.relation == relation and kind == (one.head if forward else one.tail):
                block = self.block(number, forward)
                row = node - block.entry[0]
                found.append(block.edge_ids(np.arange(block.indptr[row], block.indptr[row + 1])))
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def query(self, *names: str, **options: Any) -> "Answers":
        """Ask the graph; see :func:`kgengine.answers.ask` for the options.

        :param names: ids, names or synonyms, in English or Russian.
        :returns: the ranked answers, with `to_networkx()` for the subgraph of their proofs.
        """
        from kgengine.answers import ask

        return ask(self, names, **options)
