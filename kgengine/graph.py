"""The graph store as the rest of the product sees it: typed nodes, edges, and look-up by name.

Opening maps the columns into memory and reads nothing; numpy is all it needs. The store is never
written here (see `kgengine.store`).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.artifacts import MANIFEST, read_manifest, sha256_file
from kgengine.errors import ArtifactError, UnknownNameError
from kgengine.names import NameIndex, StringTable, fold
from kgengine.schema import LANGUAGES, SEXES
from kgengine.sources.records import Wording

FORMAT = 1
_TEXT_COLUMNS = (
    "node_id",
    "accusative_ru",
    *(f"{part}_{lang}" for part in ("name", "phrase", "synonyms") for lang in LANGUAGES),
)


@dataclass(frozen=True)
class EdgeView:
    """One edge, spelled out: `edge` is its id (row), `head` and `tail` are node indices, `band` may be -1."""

    edge: int
    head: int
    relation: str
    tail: int
    band: int


class Graph:
    """A read-only medical knowledge graph.

    :ivar relations: relation names; an edge's relation is an index into them.
    :ivar types: node type names.
    :ivar node_type: int16 [num_nodes], index into `types`.
    :ivar edge_relation: int16 [num_edges], index into `relations`.
    :ivar edge_band: int8 [num_edges], index into `schema.FREQUENCY_BANDS` or -1.
    :ivar edge_weight: float32 [num_edges], factor of the degree-weighted path count.
    :ivar forward_indptr: int64 [num_nodes + 1]; edges of head h are rows indptr[h]:indptr[h+1].
    :ivar reverse_indptr: int64 [num_nodes + 1]; likewise into `reverse_head` and `reverse_edge`.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.num_nodes: int = manifest["num_nodes"]
        self.num_edges: int = manifest["num_edges"]
        self.types: list[str] = manifest["types"]
        self.relations: list[str] = manifest["relations"]
        self.node_type = self._load("node_type")
        self.node_age = self._load("node_age")
        self.node_prevalence = self._load("node_prevalence")
        self._node_sex = self._load("node_sex")
        self.forward_indptr = self._load("forward_indptr")
        self.edge_tail = self._load("forward_tail")
        self.edge_relation = self._load("edge_relation")
        self.edge_band = self._load("edge_band")
        self.edge_weight = self._load("edge_weight")
        self.reverse_indptr = self._load("reverse_indptr")
        self.reverse_head = self._load("reverse_head")
        self.reverse_edge = self._load("reverse_edge")
        self._texts = {column: StringTable(folder, column) for column in _TEXT_COLUMNS}
        self._id_keys, self._id_nodes = StringTable(folder, "id_key"), self._load("id_node")
        self._names = NameIndex(folder)

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

    def _load(self, column: str) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = np.load(self.folder / f"{column}.npy", mmap_mode="r")
        return array

    def _text(self, column: str, node: int) -> str:
        return self._texts[column][node]

    @cached_property
    def hash(self) -> str:
        """Identity of the graph's content: SHA-256 of its manifest, which holds the hash of every column."""
        return sha256_file(self.folder / MANIFEST)

    @cached_property
    def edge_head(self) -> npt.NDArray[np.int32]:
        """Head of every edge, int32 [num_edges]."""
        return np.repeat(np.arange(self.num_nodes, dtype=np.int32), np.diff(self.forward_indptr))

    def id(self, node: int) -> str:
        """Give a node's CURIE."""
        return self._text("node_id", node)

    def type(self, node: int) -> str:
        """Give a node's type name."""
        return self.types[int(self.node_type[node])]

    def sex(self, node: int) -> str:
        """Give the sex that a node is limited to: any, female or male."""
        return SEXES[self._node_sex[node]]

    def name(self, node: int, lang: str = "en") -> str:
        """Give a node's name in a language, else in English, else its id."""
        return self._text(f"name_{lang}", node) or self._text("name_en", node) or self.id(node)

    def wording(self, node: int, lang: str) -> Wording:
        """Give everything that a language calls a node."""
        phrase = self._text(f"phrase_{lang}", node)
        accusative = self._text("accusative_ru", node) if lang == "ru" else phrase
        synonyms = tuple(part for part in self._text(f"synonyms_{lang}", node).split("|") if part)
        return Wording(self._text(f"name_{lang}", node), phrase, accusative, synonyms)

    def nodes_of_type(self, node_type: str) -> npt.NDArray[np.int64]:
        """List the nodes of a type, int64 [n], ascending.

        :raises UnknownNameError: the graph has no such type.
        """
        return np.flatnonzero(self.node_type == self.type_index(node_type))

    def type_index(self, node_type: str) -> int:
        """Find a node type by name.

        :raises UnknownNameError: the graph has no such type.
        """
        if node_type not in self.types:
            raise UnknownNameError("node type", node_type, hint="this graph has " + ", ".join(self.types))
        return self.types.index(node_type)

    def relation_index(self, relation: str) -> int:
        """Find a relation by name.

        :raises UnknownNameError: the graph has no such relation.
        """
        if relation not in self.relations:
            raise UnknownNameError("relation", relation, hint="this graph has " + ", ".join(self.relations))
        return self.relations.index(relation)

    def edge(self, edge: int) -> EdgeView:
        """Spell out one edge by its id."""
        head = int(np.searchsorted(self.forward_indptr, edge, side="right")) - 1
        relation = self.relations[self.edge_relation[edge]]
        return EdgeView(edge, head, relation, int(self.edge_tail[edge]), int(self.edge_band[edge]))

    def out_edges(self, head: int, relation: str) -> npt.NDArray[np.int64]:
        """List the ids of a node's outgoing edges of one relation (none when the graph lacks the relation)."""
        rows = np.arange(self.forward_indptr[head], self.forward_indptr[head + 1])
        return rows[self._is(rows, relation)]

    def in_edges(self, tail: int, relation: str) -> npt.NDArray[np.int64]:
        """List the ids of a node's incoming edges of one relation (none when the graph lacks the relation)."""
        rows = np.asarray(self.reverse_edge[self.reverse_indptr[tail] : self.reverse_indptr[tail + 1]], np.int64)
        return rows[self._is(rows, relation)]

    def _is(self, edges: npt.NDArray[np.int64], relation: str) -> npt.NDArray[np.bool_]:
        if relation not in self.relations:
            return np.zeros(len(edges), np.bool_)
        return np.asarray(self.edge_relation[edges] == self.relations.index(relation))

    def find(self, text: str) -> list[int]:
        """Find all nodes that an id, a bare code or a name in any language denotes.

        :param text: as a person typed it: `ICD10:J18`, `J18`, `pneumonia`, `воспаление лёгких`.
        :returns: node indices, the best first; empty when nothing matches.
        """
        by_id = self._find_id(text.strip())
        if by_id is not None:
            return [by_id]
        return [node for _, node in self._names.find(text)]

    def _find_id(self, text: str) -> int | None:
        keys = self._id_keys
        candidates = [text] if ":" in text else [f"{prefix}:{text}" for prefix in ("ICD10", "ATC", "HP")]
        for candidate in candidates:
            key = candidate.casefold().encode()
            place = keys.bisect(key)
            if place < len(keys) and keys.raw(place) == key:
                return int(self._id_nodes[place])
        return None

    def resolve(self, text: str, node_type: str | None = None) -> int:
        """Find the one node that a text most likely denotes.

        :param text: see :meth:`find`.
        :param node_type: only nodes of this type, when given.
        :returns: the node index.
        :raises UnknownNameError: nothing matches; near names are suggested.
        """
        wanted = None if node_type is None else self.type_index(node_type)
        for node in self.find(text):
            if wanted is None or self.node_type[node] == wanted:
                return node
        category = self._find_id(text.strip().split(".")[0]) if "." in text else None
        if category is not None and wanted in (None, self.node_type[category]):
            raise UnknownNameError(node_type or "entity", text, [f"{self.name(category)} ({self.id(category)})"])
        near = [node for node in self._names.near(text, 12) if wanted in (None, self.node_type[node])]
        suggestions = [f"{self.name(node)} ({self.id(node)})" for node in near[:3]] if fold(text) else []
        raise UnknownNameError(node_type or "entity", text, suggestions, "give an id such as ICD10:J18, or a name")
