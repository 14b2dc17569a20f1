"""The nodes of a graph store: typed rows with wordings and limits, and look-up by id or name."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.errors import UnknownNameError
from kgengine.names import NameIndex, StringTable, fold, load_column
from kgengine.schema import LANGUAGES, SEXES
from kgengine.sources.records import Wording

_TEXT_COLUMNS = (
    "node_id",
    "accusative_ru",
    "xrefs",
    *(f"{part}_{lang}" for part in ("name", "phrase", "synonyms") for lang in LANGUAGES),
)


class NodeTable:
    """The nodes of a store.

    :ivar num_nodes: how many there are.
    :ivar types: node type names; the nodes of a type are consecutive rows.
    :ivar node_type: int16 [num_nodes], index into `types`.
    :ivar node_age: int16 [num_nodes, 2], least and greatest age in years.
    :ivar node_prevalence: float32 [num_nodes], relative weight, 0 where not stated.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.num_nodes: int = manifest["num_nodes"]
        self.types: list[str] = manifest["types"]
        bounds = np.concatenate([[0], np.cumsum(manifest["type_sizes"])]).tolist()
        self._span = {name: (bounds[i], bounds[i + 1]) for i, name in enumerate(self.types)}
        self.node_type = self._load("node_type", self.num_nodes)
        self.node_age = self._load("node_age", self.num_nodes)
        self.node_prevalence = self._load("node_prevalence", self.num_nodes)
        self._node_sex = self._load("node_sex", self.num_nodes)
        self._texts = {column: StringTable(folder, column, self.num_nodes) for column in _TEXT_COLUMNS}
        self._id_keys = StringTable(folder, "id_key")
        self._id_nodes = self._load("id_node", len(self._id_keys))
        self._names = NameIndex(folder)

    def _load(self, column: str, rows: int) -> npt.NDArray[Any]:
        """Map a column into memory; a ValueError says that it has not as many rows as it must."""
        return load_column(self.folder, column, rows)

    def _text(self, column: str, node: int) -> str:
        return self._texts[column][node]

    def span(self, node_type: str) -> tuple[int, int]:
        """Give the first node of a type and the end of its nodes.

        :raises UnknownNameError: the graph has no such type.
        """
        return self._span[self.types[self.type_index(node_type)]]

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
        name = self._text(f"name_{lang}", node)
        phrase = self._text(f"phrase_{lang}", node) or name.lower()
        accusative = self._text("accusative_ru", node) if lang == "ru" else phrase
        synonyms = tuple(part for part in self._text(f"synonyms_{lang}", node).split("|") if part)
        return Wording(name, phrase, accusative, synonyms)

    def nodes_of_type(self, node_type: str) -> npt.NDArray[np.int64]:
        """List the nodes of a type, int64 [n], ascending.

        :raises UnknownNameError: the graph has no such type.
        """
        return np.arange(*self.span(node_type))

    def type_index(self, node_type: str) -> int:
        """Find a node type by name.

        :raises UnknownNameError: the graph has no such type.
        """
        if node_type not in self.types:
            raise UnknownNameError("node type", node_type, hint="this graph has " + ", ".join(self.types))
        return self.types.index(node_type)

    def xrefs(self, node: int) -> tuple[str, ...]:
        """Give the ids of other vocabularies that mean the same as a node."""
        return tuple(part for part in self._text("xrefs", node).split("|") if part)

    def completions(self, text: str, limit: int) -> list[tuple[str, int]]:
        """List the names and ids that begin with what a person has typed so far.

        :param text: the beginning of a name (folded) or of an id.
        :param limit: how many at most.
        :returns: (name or id, node) pairs in alphabetical order, names first.
        """
        found = self._names.beginning(text, limit)
        key = text.casefold().encode()
        place = self._id_keys.bisect(key)
        while len(found) < limit and place < len(self._id_keys) and self._id_keys.raw(place).startswith(key):
            node = int(self._id_nodes[place])
            found.append((self.id(node), node))
            place += 1
        return found

    def find(self, text: str) -> list[int]:
        """Find all nodes that an id, a bare code or a name in any language denotes.

        :param text: as a person typed it: `ICD10:J18`, `J18`, `pneumonia`, `воспаление лёгких`.
        :returns: node indices, the best first; empty when nothing matches.
        """
        by_id = self._find_id(text.strip())
        named = [node for _, node in self._names.find(text)]
        return named if by_id is None else [by_id, *(node for node in named if node != by_id)]

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
