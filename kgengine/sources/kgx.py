"""Reads KGX-style TSV: files that end in `nodes.tsv` and `edges.tsv`.

KGX (Knowledge Graph Exchange, Biolink Model) asks for `id`, `category`, `name` of nodes and `subject`,
`predicate`, `object` of edges. We read some columns more (see docs/mkg-format.md); unknown columns are
left alone. Every fault is reported with file, line and column; nothing is guessed or dropped.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.schema import BAND_INDEX, PREVALENCE_WEIGHTS, SEXES, type_of_category
from kgengine.sources.records import Edge, Node, SourceGraph, Wording

CORE_FOLDER = Path(__file__).parent.parent / "mkg" / "core"
"""The default MKG, shipped in the package."""


@dataclass(frozen=True)
class _Row:
    """One data line of a TSV file, which knows where it stands."""

    path: Path
    line: int
    cells: dict[str, str]

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

    def identifier(self, column: str) -> str:
        value = self.need(column)
        problem = id_problem(value)
        if problem:
            raise self.error(column, problem)
        return value

    def several(self, column: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.get(column).split("|") if part.strip())


def _rows(path: Path, required: Sequence[str]) -> Iterator[_Row]:
    """Read a TSV file's lines as rows, checking the header and the number of cells."""
    try:
        handle = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise SourceError(path, f"can't be read: {error.strerror}; give an existing file") from error
    with handle:
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
        except UnicodeDecodeError as error:
            raise SourceError(path, "is not UTF-8 text; save it as UTF-8") from error
        except csv.Error as error:
            raise SourceError(path, f"is not TSV ({error}); is a line break missing?", reader.line_num) from error


def _wording(row: _Row, suffix: str) -> Wording:
    name = row.get("name" + suffix)
    phrase = row.get("phrase" + suffix, name.lower())
    accusative = row.get("accusative" + suffix, phrase)
    return Wording(name, phrase, accusative, row.several("synonym" + suffix))


def _read_node(row: _Row) -> Node:
    age_min, age_max = row.whole_number("age_min", 0), row.whole_number("age_max", 100)
    if age_min > age_max:
        raise row.error("age_min", f"{age_min} is above age_max {age_max}")
    prevalence = row.get("prevalence")
    if prevalence and prevalence not in PREVALENCE_WEIGHTS:
        raise row.error("prevalence", f"'{prevalence}' is not one of {', '.join(PREVALENCE_WEIGHTS)}")
    row.need("name")
    return Node(
        id=row.identifier("id"),
        type=type_of_category(row.need("category").split("|")[0]),
        en=_wording(row, ""),
        ru=_wording(row, "_ru"),
        sex=row.choice("sex", SEXES, "any"),
        age_min=age_min,
        age_max=age_max,
        prevalence=PREVALENCE_WEIGHTS.get(prevalence, 0.0),
    )


def _read_edge(row: _Row, nodes: dict[str, Node]) -> Edge:
    ends = {}
    for column in ("subject", "object"):
        ends[column] = row.identifier(column)
        node = nodes.get(ends[column])
        if node is None:
            raise row.error(column, f"'{ends[column]}' is no node of these files; add it to a nodes.tsv")
        stated = row.get(column + "_name")
        if stated and stated != node.en.name:
            raise row.error(column + "_name", f"'{stated}' is not the name of {node.id}, '{node.en.name}'")
    frequency = row.get("frequency_qualifier")
    if frequency and frequency not in BAND_INDEX:
        raise row.error("frequency_qualifier", f"'{frequency}' is not one of {', '.join(BAND_INDEX)}")
    relation = row.need("predicate").removeprefix("biolink:")
    source = row.get("primary_knowledge_source")
    return Edge(ends["subject"], relation, ends["object"], BAND_INDEX.get(frequency, -1), source)


def kgx_files(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Sort files and folders into node files and edge files.

    :param paths: files named `*nodes.tsv` or `*edges.tsv`, or folders that hold such.
    :returns: node files and edge files.
    :raises KGError: a path is neither, or one of the two kinds is missing.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise SourceError(path, "can't be read: no such file or folder; give KGX files or a folder that holds such")
        files += sorted(path.glob("*.tsv")) if path.is_dir() else [path]
    node_files = [path for path in files if path.name.endswith("nodes.tsv")]
    edge_files = [path for path in files if path.name.endswith("edges.tsv")]
    for path in files:
        if path not in node_files and path not in edge_files:
            raise KGError(f"{path}: expected a name that ends in nodes.tsv or edges.tsv")
    if not node_files or not edge_files:
        given = ", ".join(map(str, paths))
        raise KGError(f"no {'nodes' if not node_files else 'edges'}.tsv in {given}; a KGX graph needs both")
    return node_files, edge_files


def read_kgx(paths: Sequence[Path]) -> SourceGraph:
    """Read a graph from KGX TSV files.

    :param paths: files or folders, see :func:`kgx_files`.
    :returns: the nodes and edges, as stated.
    :raises KGError: no such files; a malformed, doubled or dangling line (with file, line and column).
    """
    node_files, edge_files = kgx_files(paths)
    graph = SourceGraph(files=[*node_files, *edge_files])
    for path in node_files:
        for row in _rows(path, ("id", "category", "name")):
            node = _read_node(row)
            if node.id in graph.nodes:
                raise row.error("id", f"'{node.id}' is stated twice; merge the two lines")
            graph.nodes[node.id] = node
    seen: set[tuple[str, str, str]] = set()
    for path in edge_files:
        for row in _rows(path, ("subject", "predicate", "object")):
            edge = _read_edge(row, graph.nodes)
            key = (edge.head, edge.relation, edge.tail)
            if key in seen:
                raise row.error("subject", f"{' '.join(key)} is stated twice; merge the two lines")
            seen.add(key)
            graph.edges.append(edge)
    return graph
