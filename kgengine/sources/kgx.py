"""Reads KGX: TSV or JSON Lines, in files that end in `nodes.tsv`, `edges.tsv`, `nodes.jsonl`, `edges.jsonl`.

KGX (Knowledge Graph Exchange, Biolink Model) asks for `id`, `category`, `name` of nodes and `subject`,
`predicate`, `object` of edges. We read some columns more (see docs/mkg-format.md); unknown columns are
left alone. Every fault is reported with file, line and column; nothing is guessed or dropped.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.schema import BAND_INDEX, PREVALENCE_WEIGHTS, SEXES, type_of_category
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.sources.tables import open_text

_NODE_COLUMNS, _EDGE_COLUMNS = ("id", "category", "name"), ("subject", "predicate", "object")
_LARGEST = float(np.finfo(np.float32).max)
_SUFFIXES = (".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class _Row:
    """One data line of a file, which knows where it stands; a list is `|`-separated, as TSV writes it."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def get(self, column: str, default: str = "") -> str:
        return self.cells.get(column, "").strip() or default

    def need(self, column: str) -> str:
        value = self.get(column)
        if not value:
            raise self.error(column, "is empty; expected a value")
        return value

    def error(self, column: str, problem: str) -> SourceError:
        return SourceError(self.path, problem, self.line, column)

    def choice(self, column: str, allowed: Sequence[str], default: str) -> str:
        value = self.get(column, default)
        if value not in allowed:
            raise self.error(column, f"'{value}' is not one of {', '.join(allowed)}")
        return value

    def whole_number(self, column: str, default: int) -> int:
        value = self.get(column, str(default))
        if not value.isdecimal() or int(value) > 120:
            raise self.error(column, f"'{value}' is not an age in whole years, 0 to 120")
        return int(value)

    def number(self, column: str) -> float:
        """Give a number, NaN when the cell is empty."""
        value = self.get(column, "nan")
        try:
            number = float(value)
        except ValueError:
            number = float("inf")
        if not abs(number) <= _LARGEST and value != "nan":
            raise self.error(column, f"'{value}' is not a number")
        return number

    def identifier(self, column: str) -> str:
        value = self.need(column)
        problem = id_problem(value)
        if problem:
            raise self.error(column, problem)
        return value

    def several(self, column: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.get(column).split("|") if part.strip())


def _rows(path: Path, required: Sequence[str]) -> Iterator[_Row]:
    """Read a file's lines as rows, checking what must be there."""
    is_json = ".jsonl" in path.suffixes
    return _json_rows(path, required) if is_json else _tsv_rows(path, required)


def _tsv_rows(path: Path, required: Sequence[str]) -> Iterator[_Row]:
    with open_text(path) as handle:
        reader = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            header = next(reader, [])
            for column in required:
                if column not in header:
                    raise SourceError(path, f"the header lacks the column '{column}'; expected KGX TSV", 1)
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    problem = (
                        f"{len(cells)} cells where the header has {len(header)}; is a tab missing or one too many?"
                    )
                    raise SourceError(path, problem, reader.line_num)
                yield _Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
        except csv.Error as error:
            raise SourceError(path, f"is not TSV ({error}); is a line break missing?", reader.line_num) from error


def _json_rows(path: Path, required: Sequence[str]) -> Iterator[_Row]:
    with open_text(path) as handle:
        for line, text in enumerate(handle, 1):
            if not text.strip():
                continue
            try:
                record = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise SourceError(path, f"is not JSON ({error}); one object a line is expected", line) from error
            if not isinstance(record, dict):
                raise SourceError(path, "is not a JSON object; one object a line is expected", line)
            for column in required:
                if column not in record:
                    raise SourceError(path, f"the object lacks '{column}'; expected KGX JSON Lines", line)
            row = _Row(path, line, {key: _cell(value) for key, value in record.items()})
            for key, value in record.items():
                if isinstance(value, list) and any("|" in str(part) for part in value):
                    raise row.error(key, "has a value with '|' in its list, which stands between values here")
            yield row


def _cell(value: Any) -> str:
    """Give a JSON value as TSV would hold it, blanks and line breaks as single blanks."""
    parts = value if isinstance(value, list) else [] if value is None else [value]
    return "|".join(" ".join(str(part).split()) for part in parts)


def _wording(row: _Row, suffix: str) -> Wording:
    name = row.get("name" + suffix)
    phrase = row.get("phrase" + suffix, name.lower())
    accusative = row.get("accusative" + suffix, phrase)
    return Wording(name, phrase, accusative, row.several("synonym" + suffix))


def _type(categories: Sequence[str]) -> str:
    """Give the type of the first category that says more than that something is named."""
    types = [type_of_category(category.strip()) for category in categories]
    return next((one for one in types if one not in ("named_thing", "entity", "thing_with_taxon")), types[0])


def _read_node(row: _Row) -> Node:
    age_min, age_max = row.whole_number("age_min", 0), row.whole_number("age_max", 100)
    if age_min > age_max:
        raise row.error("age_min", f"{age_min} is above age_max {age_max}")
    prevalence = row.get("prevalence")
    if prevalence and prevalence not in PREVALENCE_WEIGHTS:
        raise row.error("prevalence", f"'{prevalence}' is not one of {', '.join(PREVALENCE_WEIGHTS)}")
    row.need("name")
    for reference in row.several("xref"):
        problem = id_problem(reference)
        if problem:
            raise row.error("xref", problem)
    return Node(
        id=row.identifier("id"),
        type=_type(row.need("category").split("|")),
        en=_wording(row, ""),
        ru=_wording(row, "_ru"),
        sex=row.choice("sex", SEXES, "any"),
        age_min=age_min,
        age_max=age_max,
        prevalence=PREVALENCE_WEIGHTS.get(prevalence, 0.0),
        xrefs=row.several("xref"),
    )


@dataclass(frozen=True)
class _Edge:
    head: int
    relation: str
    tail: int
    band: int
    score: float
    provenances: tuple[Provenance, ...]


def _provenances(row: _Row) -> tuple[Provenance, ...]:
    """Give who states an edge: sources, releases and licences, each `|`-separated in the same order."""
    parts = (row.get(column).split("|") for column in ("primary_knowledge_source", "release", "licence"))
    return tuple(Provenance(*(value.strip() for value in one)) for one in zip_longest(*parts, fillvalue=""))


def _read_edge(row: _Row, nodes: Sequence[Node], row_of: dict[str, int]) -> _Edge:
    ends = []
    for column in ("subject", "object"):
        end = row_of.get(row.identifier(column))
        if end is None:
            raise row.error(column, f"'{row.get(column)}' is no node of these files; add it to the nodes")
        stated = row.get(column + "_name")
        if stated and stated != nodes[end].en.name:
            raise row.error(column + "_name", f"'{stated}' is not the name of {nodes[end].id}, '{nodes[end].en.name}'")
        ends.append(end)
    frequency = row.get("frequency_qualifier")
    if frequency and frequency not in BAND_INDEX:
        raise row.error("frequency_qualifier", f"'{frequency}' is not one of {', '.join(BAND_INDEX)}")
    relation = row.need("predicate").removeprefix("biolink:")
    return _Edge(ends[0], relation, ends[1], BAND_INDEX.get(frequency, -1), row.number("score"), _provenances(row))


def kgx_files(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Sort files and folders into node files and edge files.

    :param paths: files named `*nodes.tsv`, `*edges.tsv` or the like in `.jsonl` (or `.gz`), or folders that hold such.
    :returns: node files and edge files.
    :raises KGError: a path is neither, or one of the two kinds is missing.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise SourceError(path, "can't be read: no such file or folder; give KGX files or a folder that holds such")
        files += sorted(one for one in path.iterdir() if one.name.endswith(_SUFFIXES)) if path.is_dir() else [path]
    node_files, edge_files = (
        [path for path in files if path.name.endswith(tuple(kind + suffix for suffix in _SUFFIXES))]
        for kind in ("nodes", "edges")
    )
    for path in files:
        if path not in node_files and path not in edge_files:
            raise KGError(f"{path}: expected a name that ends in nodes.tsv or edges.tsv (or .jsonl)")
    if not node_files or not edge_files:
        given = ", ".join(map(str, paths))
        raise KGError(f"no {'nodes' if not node_files else 'edges'}.tsv in {given}; a KGX graph needs both")
    return node_files, edge_files


def read_kgx(paths: Sequence[Path]) -> SourceGraph:
    """Read a graph from KGX files.

    :param paths: files or folders, see :func:`kgx_files`.
    :returns: the nodes and edges, as stated.
    :raises KGError: no such files; a malformed, doubled or dangling line (with file, line and column).
    """
    node_files, edge_files = kgx_files(paths)
    graph = SourceGraph("kgx", files=[*node_files, *edge_files])
    row_of: dict[str, int] = {}
    for path in node_files:
        for row in _rows(path, _NODE_COLUMNS):
            node = _read_node(row)
            if node.id in row_of:
                raise row.error("id", f"'{node.id}' is stated twice; merge the two lines")
            row_of[node.id] = len(graph.nodes)
            graph.nodes.append(node)
    seen: set[tuple[int, str, int]] = set()
    groups: dict[tuple[str, Provenance], list[_Edge]] = {}
    for path in edge_files:
        for row in _rows(path, _EDGE_COLUMNS):
            edge = _read_edge(row, graph.nodes, row_of)
            key = (edge.head, edge.relation, edge.tail)
            if key in seen:
                stated = f"{row.get('subject')} {edge.relation} {row.get('object')}"
                raise row.error("subject", f"{stated} is stated twice; merge the two lines")
            seen.add(key)
            for provenance in edge.provenances:
                groups.setdefault((edge.relation, provenance), []).append(edge)
    graph.blocks = [_block(relation, provenance, edges) for (relation, provenance), edges in groups.items()]
    return graph


def _block(relation: str, provenance: Provenance, edges: Sequence[_Edge]) -> EdgeBlock:
    score = np.array([edge.score for edge in edges], np.float32)
    return EdgeBlock(
        relation,
        np.array([edge.head for edge in edges], np.int64),
        np.array([edge.tail for edge in edges], np.int64),
        provenance,
        np.array([edge.band for edge in edges], np.int8),
        None if np.isnan(score).all() else score,
    )
