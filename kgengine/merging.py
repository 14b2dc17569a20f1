"""Joins what several sources state into one graph, on identifiers and cross-references, never on names.

A node joins the first earlier one that has its id, or that has an id or cross-reference in common with it. Ids of
one vocabulary are distinct things, so a cross-reference that would equate two of them is not followed (and is
counted). Two nodes that are apart already stay apart, even if a later one refers to both.
The source named first wins where two state the same node or edge; provenance is kept from all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.schema import LIKE_TYPES, SYMMETRIC_RELATIONS
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording

Column = npt.NDArray[np.int64]
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class MergedGraph:
    """One graph, ready for the store: edges sorted by (relation, type of head, type of tail, head, tail), none twice.

    :ivar nodes: sorted by (type, id).
    :ivar types: node type names, sorted; `node_type` int16 [num_nodes] indexes them.
    :ivar relations: relation names, sorted; `relation` int16 [num_edges] indexes them.
    :ivar head: int64 [num_edges], rows of `nodes`; `tail` likewise.
    :ivar band: int8 [num_edges], -1 where not stated.
    :ivar score: float32 [num_edges], NaN where not stated; None when no edge states one.
    :ivar provenances: who states an edge: tuples, since several may; `provenance` int16 [num_edges] indexes them.
    :ivar remarks: what the merge left out and why.
    """

    nodes: list[Node]
    types: list[str]
    node_type: npt.NDArray[np.int16]
    relations: list[str]
    relation: Column
    head: Column
    tail: Column
    band: npt.NDArray[np.int8]
    score: npt.NDArray[np.float32] | None
    provenances: list[tuple[Provenance, ...]]
    provenance: Column
    remarks: list[str]


@dataclass
class _Nodes:
    """The nodes merged so far, which row every stated id has, and to which row every id or cross-reference leads."""

    nodes: list[Node] = field(default_factory=list)
    stated: dict[str, int] = field(default_factory=dict)
    row_of: dict[str, int] = field(default_factory=dict)
    vocabularies: list[set[str]] = field(default_factory=list)
    refused: int = 0
    retyped: int = 0

    def add(self, node: Node) -> int:
        """Merge one node in; give its row."""
        node = _tidy(node)
        row = self.stated.get(node.id)
        if row is None:
            row = self._by_reference(node)
        if row is None:
            row = len(self.nodes)
            self.nodes.append(node)
            self.vocabularies.append({node.id.split(":", 1)[0]})
        else:
            self.retyped += not _alike(self.nodes[row].type, node.type)
            self.nodes[row] = _joined(self.nodes[row], node)
            self.vocabularies[row].add(node.id.split(":", 1)[0])
        self.stated[node.id] = self.row_of[node.id] = row
        for reference in node.xrefs:
            self.row_of.setdefault(reference, row)
        return row

    def _by_reference(self, node: Node) -> int | None:
        vocabulary = node.id.split(":", 1)[0]
        for reference in (node.id, *node.xrefs):
            row = self.row_of.get(reference)
            if row is None:
                continue
            if vocabulary not in self.vocabularies[row] and _alike(self.nodes[row].type, node.type):
                return row
            self.refused += 1
        return None


def _tidy(node: Node) -> Node:
    """Make one blank of all blanks, line breaks and control characters in a node's names."""
    en, ru = _tidy_wording(node.en), _tidy_wording(node.ru)
    return node if en is node.en and ru is node.ru else replace(node, en=en, ru=ru)


def _tidy_wording(wording: Wording) -> Wording:
    names = (wording.name, wording.phrase, wording.accusative, *wording.synonyms)
    if all(name.isprintable() and name == name.strip() for name in names):
        return wording
    name, phrase, accusative, *synonyms = (_CONTROL.sub(" ", name).strip() for name in names)
    return Wording(name, phrase, accusative, tuple(synonyms))


def _alike(one: str, other: str) -> bool:
    return one == other or any({one, other} <= group for group in LIKE_TYPES)


def _joined_wording(first: Wording, second: Wording) -> Wording:
    if not first.name:
        return second
    known = {first.name.casefold(), *(synonym.casefold() for synonym in first.synonyms)}
    others = [name for name in (second.name, *second.synonyms) if name and name.casefold() not in known]
    return replace(first, synonyms=(*first.synonyms, *dict.fromkeys(others))) if others else first


def _joined(first: Node, second: Node) -> Node:
    """Add what `second` knows to `first`, which wins where both state something."""
    references = dict.fromkeys((*first.xrefs, second.id, *second.xrefs))
    references.pop(first.id, None)
    return replace(
        first,
        en=_joined_wording(first.en, second.en),
        ru=_joined_wording(first.ru, second.ru),
        sex=second.sex if first.sex == "any" else first.sex,
        age_min=first.age_min or second.age_min,
        age_max=second.age_max if first.age_max == 100 else first.age_max,
        prevalence=first.prevalence or second.prevalence,
        xrefs=tuple(references),
    )


def merge(sources: Sequence[SourceGraph]) -> MergedGraph:
    """Join sources into one graph.

    :param sources: what was read, the most trusted first.
    :returns: the graph.
    :raises KGError: there are no nodes or no edges.
    """
    merged = _Nodes()
    if len(sources) == 1 and not any(node.xrefs for node in sources[0].nodes):
        merged.nodes = [_tidy(node) for node in sources[0].nodes]
        rows_of = [np.arange(len(merged.nodes))]
    else:
        rows_of = [np.array([merged.add(node) for node in source.nodes], np.int64) for source in sources]
    blocks = [
        (block, rows)
        for source, rows in zip(sources, rows_of, strict=True)
        for block in source.blocks
        if len(block.head)
    ]
    if not merged.nodes or not blocks:
        raise _empty(sources, "nodes" if not merged.nodes else "edges")
    order = sorted(range(len(merged.nodes)), key=lambda row: (merged.nodes[row].type, merged.nodes[row].id))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    remarks = []
    if merged.refused:
        remarks.append(
            f"{merged.refused:,} cross-references not followed: they would equate two ids of one vocabulary, "
            "or things of different types"
        )
    if merged.retyped:
        remarks.append(f"{merged.retyped:,} ids stated again with another type keep the type of the first source")
    nodes = [merged.nodes[row] for row in order]
    edges = _Edges.of([block for block, _ in blocks], [place[rows] for _, rows in blocks])
    types = sorted({node.type for node in nodes})
    number = {node_type: index for index, node_type in enumerate(types)}
    node_type = np.array([number[node.type] for node in nodes], np.int16)
    edges.straighten(node_type)
    kept = edges.distinct(node_type, remarks)
    if not len(kept):
        raise _empty(sources, "edges")
    used, provenance = np.unique(edges.provenance[kept], return_inverse=True)
    return MergedGraph(
        nodes,
        types,
        node_type,
        edges.relations,
        edges.relation[kept],
        edges.head[kept],
        edges.tail[kept],
        edges.band[kept],
        None if edges.score is None else edges.score[kept],
        [edges.provenances[number] for number in used.tolist()],
        provenance,
        remarks,
    )


def _empty(sources: Sequence[SourceGraph], missing: str) -> KGError:
    files = ", ".join(str(path) for source in sources for path in source.files) or "the input"
    return KGError(f"the graph has no {missing} ({files}); give files with at least one node and one edge")


@dataclass
class _Edges:
    """The columns of all sources' edges end to end, in the order of trust."""

    relations: list[str]
    relation: Column
    head: Column
    tail: Column
    band: npt.NDArray[np.int8]
    score: npt.NDArray[np.float32] | None
    provenances: list[tuple[Provenance, ...]]
    provenance: Column

    @classmethod
    def of(cls, blocks: Sequence[EdgeBlock], places: Sequence[Column]) -> "_Edges":
        """Put blocks end to end; `places` leads from each block's node rows to the merged ones."""
        relations = sorted({block.relation for block in blocks})
        provenances: list[tuple[Provenance, ...]] = [(one,) for one in sorted({block.provenance for block in blocks})]
        number = {one: place for place, (one, *_) in enumerate(provenances)}
        sizes = [len(block.head) for block in blocks]
        band = [np.full(len(b.head), -1, np.int8) if b.band is None else b.band for b in blocks]
        score = [np.full(len(b.head), np.nan, np.float32) if b.score is None else b.score for b in blocks]
        return cls(
            relations,
            np.repeat([relations.index(block.relation) for block in blocks], sizes),
            np.concatenate([place[block.head] for block, place in zip(blocks, places, strict=True)]),
            np.concatenate([place[block.tail] for block, place in zip(blocks, places, strict=True)]),
            np.concatenate(band),
            np.concatenate(score) if any(block.score is not None for block in blocks) else None,
            provenances,
            np.repeat([number[block.provenance] for block in blocks], sizes),
        )

    def straighten(self, node_type: npt.NDArray[np.int16]) -> None:
        """Turn symmetric edges between nodes of one type so that the head is the smaller row."""
        symmetric = np.array([relation in SYMMETRIC_RELATIONS for relation in self.relations])
        turned = symmetric[self.relation] & (self.head > self.tail)
        turned &= node_type[self.head] == node_type[self.tail]
        self.head[turned], self.tail[turned] = self.tail[turned], self.head[turned]

    def distinct(self, node_type: npt.NDArray[np.int16], remarks: list[str]) -> Column:
        """List one row for every distinct edge, sorted; say in `remarks` what is left out."""
        num_nodes, num_types = len(node_type), int(node_type.max()) + 1
        kind = (self.relation * num_types + node_type[self.head]) * num_types + node_type[self.tail]
        key = (kind * num_nodes + self.head) * num_nodes + self.tail
        order = np.argsort(key, kind="stable")
        loops = self.head[order] == self.tail[order]
        if loops.any():
            remarks.append(f"{int(loops.sum()):,} edges from a node to itself left out")
            order = order[~loops]
        first = np.ones(len(order), np.bool_)
        first[1:] = np.diff(key[order]) != 0
        if not first.all():
            remarks.append(f"{int((~first).sum()):,} edges stated more than once are kept once, with every source")
            self._inherit(order, first)
        return order[first]

    def _inherit(self, order: Column, first: npt.NDArray[np.bool_]) -> None:
        """Give the first of equal edges the band and score that it lacks, and the provenance of all."""
        starts = np.flatnonzero(first)
        rank = np.arange(len(order)) - starts[np.cumsum(first) - 1]
        for turn in range(1, int(rank.max()) + 1):
            places = np.flatnonzero(rank == turn)
            other, keeper = order[places], order[places - turn]
            lacking = (self.band[keeper] < 0) & (self.band[other] >= 0)
            self.band[keeper[lacking]] = self.band[other[lacking]]
            if self.score is not None:
                unscored = np.isnan(self.score[keeper])
                self.score[keeper[unscored]] = self.score[other[unscored]]
            self.provenance[keeper] = self._joint(self.provenance[keeper], self.provenance[other])

    def _joint(self, one: Column, other: Column) -> Column:
        """Give the number of each pair's joint provenance, which is added where it is new."""
        pairs, which = np.unique(np.stack([one, other], axis=1), axis=0, return_inverse=True)
        number = {several: place for place, several in enumerate(self.provenances)}
        joint = []
        for first, second in pairs.tolist():
            both = tuple(sorted({*self.provenances[first], *self.provenances[second]}))
            if both not in number:
                number[both] = len(self.provenances)
                self.provenances.append(both)
            joint.append(number[both])
        return np.array(joint, np.int64)[which.ravel()]
