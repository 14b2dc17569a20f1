"""Reads head-relation-tail triples as PyKEEN takes them: tab-separated, without a header, plain or gzip-compressed.

An entity that is a CURIE keeps its id, and a known prefix gives it a type; any other gets the prefix `triples:`,
the type `entity`, and its label as name. The files say nothing of releases or licences, so neither do the edges.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.schema import DISEASE, DRUG, DRUG_CLASS, SYMPTOM
from kgengine.sources.records import EdgeBlock, Node, Provenance, RelationCount, SourceGraph, Wording
from kgengine.sources.tables import Layout, english, read_batches

LAYOUT = Layout("\t", False, ("head", "relation", "tail"))
TYPES = {
    "ATC": DRUG,
    "DOID": DISEASE,
    "DRUGBANK": DRUG,
    "HP": SYMPTOM,
    "ICD10": DISEASE,
    "MONDO": DISEASE,
    "NCBIGene": "gene",
    "OMIM": DISEASE,
    "ORPHA": DISEASE,
}
"""Prefix -> type; a code of ATC with fewer than 7 characters is a class of drugs, any other prefix an entity."""
ENTITY = "entity"
_CURIE = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*:\S+")


class _Reader:
    """Gives rows to entities and numbers to relations as they turn up."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.graph = SourceGraph("triples", files=list(files))
        self.rows: dict[str, int] = {}
        self.relations: dict[str, int] = {}
        self.labels: dict[str, set[str]] = {}

    def entity(self, label: str) -> int:
        """The row of an entity; a ValueError says what is wrong with it."""
        name = " ".join(label.split())
        known = _CURIE.fullmatch(name) is not None
        node_id = name if known else f"triples:{name.replace(' ', '_')}"
        if problem := id_problem(node_id) if name else "is empty; expected an entity":
            raise ValueError(problem)
        self.labels.setdefault(node_id, set()).add(label)
        if node_id not in self.rows:
            prefix, local = node_id.split(":", 1)
            node_type = DRUG_CLASS if prefix == "ATC" and len(local) < 7 else TYPES.get(prefix, ENTITY)
            self.rows[node_id] = len(self.graph.nodes)
            wording = Wording(name, name, name) if known else english(name)
            self.graph.nodes.append(Node(node_id, node_type, wording))
        return self.rows[node_id]

    def relation(self, label: str) -> int:
        """The number of a relation; a ValueError says what is wrong with it."""
        name = "_".join(label.split()).removeprefix("biolink:")
        if not name:
            raise ValueError("is empty; expected a relation")
        return self.relations.setdefault(name, len(self.relations))

    def read(self, path: Path) -> Any:
        """Read a file: heads, relations and tails as int64 [3, n]."""
        parts = [np.zeros((3, 0), np.int64)]
        line = 1
        for batch in read_batches(path, dict.fromkeys(LAYOUT.names, pa.string()), LAYOUT, self.graph.remarks):
            readers = (self.entity, self.relation, self.entity)
            cells = zip(LAYOUT.names, readers, strict=True)
            parts.append(np.stack([_numbers(path, line, name, batch[name], number) for name, number in cells]))
            line += len(batch)
        return np.concatenate(parts, axis=1)


def _numbers(path: Path, line: int, column: str, cells: Any, number: Callable[[str], int]) -> Any:
    """Number the cells of a column, whose first stands in `line`, asking once for each label."""
    encoded = cells.dictionary_encode()
    numbers = []
    for place, label in enumerate(encoded.dictionary.to_pylist()):
        try:
            numbers.append(number(label))
        except ValueError as error:
            where = line + int(np.argmax(np.asarray(encoded.indices) == place))
            raise SourceError(path, f"{error}; mend the line", where, column) from error
    return np.array(numbers, np.int64)[np.asarray(encoded.indices)]


def read_triples(files: Sequence[Path]) -> SourceGraph:
    """Read triples; one that several lines or files state is kept once, from the first.

    :param files: tables of three columns, head, relation and tail; several are read as one graph.
    :returns: the entities in order of appearance, and the edges of each relation and file.
    :raises KGError: no file; one is missing, malformed or cut short (with file and line).
    """
    if not files:
        raise KGError("no triples; give a file of head, relation and tail, separated by tabs")
    reader = _Reader(files)
    graph = reader.graph
    parts = [reader.read(path) for path in files]
    triples = np.concatenate(parts, axis=1)
    origin = np.repeat(np.arange(len(files)), [part.shape[1] for part in parts])
    for name, number in reader.relations.items():
        places = np.flatnonzero(triples[1] == number)
        pairs = triples[0, places] * len(graph.nodes) + triples[2, places]
        kept = places[np.sort(np.unique(pairs, return_index=True)[1])]
        graph.counts.append(RelationCount(name, len(places), len(kept)))
        for place, path in enumerate(files):
            mine = kept[origin[kept] == place]
            if len(mine):
                graph.blocks.append(EdgeBlock(name, triples[0, mine], triples[2, mine], Provenance(path.name)))
    repeated = triples.shape[1] - graph.num_edges
    if repeated:
        graph.remarks.append(f"triples: {repeated:,} triples are stated more than once and kept once")
    joined = sum(len(labels) > 1 for labels in reader.labels.values())
    if joined:
        graph.remarks.append(f"triples: {joined:,} entities are written in several ways (spaces, _) and taken as one")
    return graph
