"""KGX in and faults out: a well-formed graph is read as stated, as TSV and as JSON Lines alike, and every malformed
line is refused with a `SourceError` that names the file, the line and the column, and says what was expected.
"""

import gzip
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgengine.errors import KGError, SourceError
from kgengine.schema import FREQUENCY_BANDS, category_of_type, type_of_category
from kgengine.sources.core import CORE_FOLDER
from kgengine.sources.kgx import kgx_files, read_kgx
from kgengine.sources.records import Node, Provenance, SourceGraph, Wording

NODES = (
    "id\tcategory\tname\tphrase\tsynonym\tname_ru\tphrase_ru\taccusative_ru\tsynonym_ru\tsex\tage_min\tage_max"
    "\tprevalence\txref\n"
    "ICD10:J11\tbiolink:Disease\tInfluenza\tflu\tgrippe| the flu |\tГрипп\tгрипп\t\tинфлюэнца\tany\t1\t90\tcommon"
    "\tDOID:8469| MESH:D007251\n"
    "HP:0001945\tbiolink:PhenotypicFeature\tFever\t\t\tЛихорадка\t\t\t\tfemale\t\t\t\t\n"
)
EDGES = (
    "subject\tpredicate\tobject\tfrequency_qualifier\tprimary_knowledge_source\tsubject_name\tobject_name"
    "\tscore\trelease\tlicence\n"
    "ICD10:J11\tbiolink:has_phenotype\tHP:0001945\tHP:0040281\tinfores:x\tInfluenza\tFever\t0.5\t2024-01\tCC0-1.0\n"
)
Edge = tuple[str, str, str, int, float | None, Provenance]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes.tsv").write_text(NODES, encoding="utf-8")
    (tmp_path / "edges.tsv").write_text(EDGES, encoding="utf-8")
    return tmp_path


def edges(graph: SourceGraph) -> list[Edge]:
    """All edges as (head, relation, tail, band, score or None, provenance), sorted."""
    found = []
    for block in graph.blocks:
        assert block.band is not None
        scores = [math.nan] * len(block.head) if block.score is None else block.score.tolist()
        for head, tail, band, score in zip(block.head, block.tail, block.band.tolist(), scores, strict=True):
            ends = (graph.nodes[head].id, graph.nodes[tail].id)
            shown = None if math.isnan(score) else score
            found.append((ends[0], block.relation, ends[1], band, shown, block.provenance))
    return sorted(found, key=str)


def node_of(graph: SourceGraph, node_id: str) -> Node:
    return next(node for node in graph.nodes if node.id == node_id)


def assert_same(one: SourceGraph, other: SourceGraph) -> None:
    """Everything is the same but the files, down to the order and the types of the columns."""
    assert (one.name, one.nodes, one.counts, one.remarks) == (other.name, other.nodes, other.counts, other.remarks)
    assert len(one.blocks) == len(other.blocks)
    for block, twin in zip(one.blocks, other.blocks, strict=True):
        assert (block.relation, block.provenance) == (twin.relation, twin.provenance)
        for column in ("head", "tail", "band", "score"):
            mine, theirs = getattr(block, column), getattr(twin, column)
            assert (mine is None) == (theirs is None)
            if mine is not None:
                assert mine.dtype == theirs.dtype
                np.testing.assert_array_equal(mine, theirs)


def append(path: Path, *cells: str) -> None:
    with path.open("a", encoding="utf-8") as handle:
        handle.write("\t".join(cells) + "\n")


def test_a_well_formed_graph_is_read_as_stated(folder: Path) -> None:
    graph = read_kgx([folder])
    assert [node.id for node in graph.nodes] == ["ICD10:J11", "HP:0001945"]
    assert graph.nodes[0] == Node(
        "ICD10:J11",
        "disease",
        Wording("Influenza", "flu", "flu", ("grippe", "the flu")),
        Wording("Грипп", "грипп", "грипп", ("инфлюэнца",)),
        "any",
        1,
        90,
        10.0,
        ("DOID:8469", "MESH:D007251"),
    )
    provenance = Provenance("infores:x", "2024-01", "CC0-1.0")
    assert edges(graph) == [("ICD10:J11", "has_phenotype", "HP:0001945", 1, 0.5, provenance)]
    assert graph.name == "kgx"
    assert graph.remarks == []
    assert graph.files == [folder / "nodes.tsv", folder / "edges.tsv"]


def test_what_is_left_out_takes_its_default(folder: Path) -> None:
    fever = node_of(read_kgx([folder]), "HP:0001945")
    assert fever.en == Wording("Fever", "fever", "fever")  # the phrase is the name in lower case
    assert fever.ru == Wording("Лихорадка", "лихорадка", "лихорадка")
    assert (fever.sex, fever.age_min, fever.age_max, fever.prevalence) == ("female", 0, 100, 0.0)
    assert fever.xrefs == ()


def test_an_edge_of_which_nothing_more_is_said_has_no_band_score_or_provenance(folder: Path) -> None:
    (folder / "edges.tsv").write_text("subject\tpredicate\tobject\nICD10:J11\thas_phenotype\tHP:0001945\n")
    graph = read_kgx([folder])
    assert edges(graph) == [("ICD10:J11", "has_phenotype", "HP:0001945", -1, None, Provenance(""))]
    assert graph.blocks[0].score is None


def test_edges_of_one_relation_and_provenance_make_one_block(folder: Path) -> None:
    append(folder / "nodes.tsv", "HP:0012735", "biolink:PhenotypicFeature", "Cough", *[""] * 11)
    append(folder / "edges.tsv", "ICD10:J11", "has_phenotype", "HP:0012735", "", "infores:x", *[""] * 3, "2024-01", "")
    rest = ("infores:x", "", "", "", "2024-01", "CC0-1.0")
    append(folder / "edges.tsv", "HP:0012735", "biolink:has_phenotype", "HP:0001945", "", *rest)
    graph = read_kgx([folder])
    # the second edge has no licence, so another provenance; the third has what the first has, but no score
    whole, bare = Provenance("infores:x", "2024-01", "CC0-1.0"), Provenance("infores:x", "2024-01", "")
    assert [(block.relation, block.provenance, len(block.head)) for block in graph.blocks] == [
        ("has_phenotype", whole, 2),
        ("has_phenotype", bare, 1),
    ]
    assert edges(graph) == [
        ("HP:0012735", "has_phenotype", "HP:0001945", -1, None, whole),
        ("ICD10:J11", "has_phenotype", "HP:0001945", 1, 0.5, whole),
        ("ICD10:J11", "has_phenotype", "HP:0012735", -1, None, bare),
    ]


def test_the_required_columns_are_enough_in_any_order_and_unknown_ones_are_left_alone(folder: Path) -> None:
    (folder / "nodes.tsv").write_text("name\tcolour\tid\tcategory\nOne\tx\tX:1\tbiolink:Gene|biolink:NamedThing\n")
    (folder / "edges.tsv").write_text("object\tsubject\tpredicate\tqualifier\nX:1\tX:1\tinteracts_with\ty\n")
    graph = read_kgx([folder])
    assert [(node.id, node.type) for node in graph.nodes] == [("X:1", "gene")]
    assert edges(graph) == [("X:1", "interacts_with", "X:1", -1, None, Provenance(""))]


def test_windows_line_ends_blank_lines_and_a_byte_order_mark_are_no_fault(folder: Path) -> None:
    plain = read_kgx([folder])
    for name, text in (("nodes.tsv", NODES), ("edges.tsv", EDGES)):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (text + "\n").replace("\n", "\r\n").encode("utf-8"))
    assert_same(read_kgx([folder]), plain)


def test_quotes_are_ordinary_characters(folder: Path) -> None:
    append(folder / "nodes.tsv", "X:1", "biolink:Gene", '"one', *[""] * 11)
    append(folder / "nodes.tsv", "X:2", "biolink:Gene", 'two"', *[""] * 11)
    nodes = read_kgx([folder]).nodes
    assert [node.en.name for node in nodes[2:]] == ['"one', 'two"']


@dataclass(frozen=True)
class Fault:
    """Cells to change in one line of one file, and the line, column and words of the error."""

    name: str
    file: str
    line: int
    cells: dict[str, str]
    column: str
    says: str


FAULTS = [
    Fault("bad id", "nodes", 2, {"id": "J11"}, "id", "'J11' is not an identifier; expected PREFIX:local"),
    Fault("id of a wrong form", "nodes", 3, {"id": "HP:1945"}, "id", "'HP:1945' does not have the form of a HP code"),
    Fault("no id", "nodes", 2, {"id": ""}, "id", "is empty; expected a value"),
    Fault("no name", "nodes", 2, {"name": " "}, "name", "is empty; expected a value"),
    Fault("no category", "nodes", 3, {"category": ""}, "category", "is empty; expected a value"),
    Fault("doubled node", "nodes", 3, {"id": "ICD10:J11"}, "id", "'ICD10:J11' is stated twice; merge the two lines"),
    Fault("unknown sex", "nodes", 2, {"sex": "f"}, "sex", "'f' is not one of any, female, male"),
    Fault("age in words", "nodes", 2, {"age_min": "one"}, "age_min", "'one' is not an age in whole years, 0 to 120"),
    Fault("negative age", "nodes", 2, {"age_min": "-1"}, "age_min", "'-1' is not an age in whole years"),
    Fault("broken age", "nodes", 2, {"age_max": "9.5"}, "age_max", "'9.5' is not an age in whole years"),
    Fault("superscript age", "nodes", 2, {"age_max": "9²"}, "age_max", "'9²' is not an age in whole years"),
    Fault("age of Methuselah", "nodes", 2, {"age_max": "969"}, "age_max", "'969' is not an age in whole years"),
    Fault("ages crossed", "nodes", 2, {"age_min": "91"}, "age_min", "91 is above age_max 90"),
    Fault("prevalence", "nodes", 2, {"prevalence": "often"}, "prevalence", "'often' is not one of rare, uncommon,"),
    Fault("bad xref", "nodes", 2, {"xref": "DOID:8469|flu"}, "xref", "'flu' is not an identifier"),
    Fault("xref of a wrong form", "nodes", 3, {"xref": "UMLS:15967"}, "xref", "does not have the form of a UMLS code"),
    Fault("score in words", "edges", 2, {"score": "high"}, "score", "'high' is not a number"),
    Fault("score with a comma", "edges", 2, {"score": "0,5"}, "score", "'0,5' is not a number"),
    Fault("endless score", "edges", 2, {"score": "inf"}, "score", "'inf' is not a number"),
    Fault("bad subject", "edges", 2, {"subject": "J11"}, "subject", "'J11' is not an identifier"),
    Fault("no object", "edges", 2, {"object": ""}, "object", "is empty; expected a value"),
    Fault("no predicate", "edges", 2, {"predicate": ""}, "predicate", "is empty; expected a value"),
    Fault("dangling subject", "edges", 2, {"subject": "ICD10:J12"}, "subject", "'ICD10:J12' is no node of these files"),
    Fault("dangling object", "edges", 2, {"object": "HP:0000001"}, "object", "add it to the nodes"),
    Fault("wrong subject name", "edges", 2, {"subject_name": "Flu"}, "subject_name", "'Flu' is not the name of ICD10"),
    Fault("wrong object name", "edges", 2, {"object_name": "fever"}, "object_name", "is not the name of HP:0001945"),
    Fault(
        "unknown frequency",
        "edges",
        2,
        {"frequency_qualifier": "HP:0040285"},
        "frequency_qualifier",
        "'HP:0040285' is not one of HP:0040280, HP:0040281, HP:0040282, HP:0040283, HP:0040284",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_faulty_cell_is_named_by_file_line_and_column(folder: Path, fault: Fault) -> None:
    path = folder / f"{fault.file}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = dict(zip(lines[0].split("\t"), lines[fault.line - 1].split("\t"), strict=True))
    lines[fault.line - 1] = "\t".join({**cells, **fault.cells}.values())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_kgx([folder])
    assert (caught.value.path, caught.value.line, caught.value.column) == (path, fault.line, fault.column)
    assert str(caught.value).startswith(f"{path}, line {fault.line}, column '{fault.column}': ")
    assert fault.says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "column"),
    [("nodes", "id"), ("nodes", "category"), ("nodes", "name"), ("edges", "subject"), ("edges", "predicate")],
)
def test_a_missing_column_is_named_with_the_header_line(folder: Path, file: str, column: str) -> None:
    path = folder / f"{file}.tsv"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(rf"\b{column}\b", "other", text, count=1), encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_kgx([folder])
    assert str(caught.value) == f"{path}, line 1: the header lacks the column '{column}'; expected KGX TSV"


def test_an_empty_file_lacks_its_columns(folder: Path) -> None:
    (folder / "nodes.tsv").write_text("")
    with pytest.raises(SourceError, match=r"nodes\.tsv, line 1: the header lacks the column 'id'"):
        read_kgx([folder])


@pytest.mark.parametrize(("cells", "count"), [(("X:1", "biolink:Gene", "one"), 3), (("X:1", *["x"] * 14), 15)])
def test_a_line_with_too_few_or_too_many_cells_is_named(folder: Path, cells: tuple[str, ...], count: int) -> None:
    append(folder / "nodes.tsv", *cells)
    with pytest.raises(SourceError) as caught:
        read_kgx([folder])
    assert (caught.value.path, caught.value.line) == (folder / "nodes.tsv", 4)
    assert f"{count} cells where the header has 14; is a tab missing or one too many?" in str(caught.value)


def test_a_blank_line_does_not_shift_the_line_numbers(folder: Path) -> None:
    append(folder / "nodes.tsv", "")
    append(folder / "nodes.tsv", "X:1")
    with pytest.raises(SourceError, match=r"nodes\.tsv, line 5: 1 cells"):
        read_kgx([folder])


def test_an_edge_stated_twice_is_named_where_it_is_stated_again(folder: Path) -> None:
    append(folder / "edges.tsv", "ICD10:J11", "has_phenotype", "HP:0001945", "HP:0040282", *[""] * 6)
    with pytest.raises(SourceError) as caught:
        read_kgx([folder])
    assert (caught.value.path, caught.value.line) == (folder / "edges.tsv", 3)
    assert "ICD10:J11 has_phenotype HP:0001945 is stated twice; merge the two lines" in str(caught.value)


def test_a_node_of_two_files_is_named_in_the_second(folder: Path) -> None:
    (folder / "x_nodes.tsv").write_text("id\tcategory\tname\nHP:0001945\tbiolink:PhenotypicFeature\tFever\n")
    with pytest.raises(SourceError, match=r"x_nodes\.tsv, line 2, column 'id': 'HP:0001945' is stated twice"):
        read_kgx([folder])


def test_a_file_that_is_not_utf8_is_named(folder: Path) -> None:
    (folder / "nodes.tsv").write_bytes(NODES.encode("cp1251", "replace"))
    with pytest.raises(SourceError, match=r"nodes\.tsv: is not UTF-8 text; save it as UTF-8$"):
        read_kgx([folder])


def test_a_cell_without_end_is_named_by_line(folder: Path) -> None:
    append(folder / "edges.tsv", "x" * 200_000)
    with pytest.raises(SourceError, match=r"edges\.tsv, line 3: is not TSV \(field larger than field limit"):
        read_kgx([folder])


def test_a_missing_file_is_named_with_the_reason(folder: Path) -> None:
    with pytest.raises(SourceError) as caught:
        read_kgx([folder / "my_nodes.tsv", folder / "edges.tsv"])
    assert (
        str(caught.value)
        == f"{folder}/my_nodes.tsv: can't be read: no such file or folder; give KGX files or a folder that holds such"
    )


@pytest.mark.parametrize("kind", ["nodes", "edges"])
def test_a_graph_needs_both_kinds_of_files(folder: Path, kind: str) -> None:
    (folder / f"{kind}.tsv").unlink()
    with pytest.raises(KGError) as caught:
        read_kgx([folder])
    assert str(caught.value) == f"no {kind}.tsv in {folder}; a KGX graph needs both"


def test_a_file_of_another_name_is_refused(folder: Path) -> None:
    (folder / "notes.tsv").write_text("")
    with pytest.raises(KGError, match=r"notes\.tsv: expected a name that ends in nodes\.tsv or edges\.tsv"):
        read_kgx([folder])


def test_files_and_folders_may_be_mixed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    more = tmp_path_factory.mktemp("more") / "x_nodes.tsv"
    more.write_text("id\tcategory\tname\nX:1\tbiolink:Gene\tone\n")
    assert kgx_files([more, folder]) == ([more, folder / "nodes.tsv"], [folder / "edges.tsv"])
    assert [node.id for node in read_kgx([more, folder]).nodes] == ["X:1", "ICD10:J11", "HP:0001945"]


# ---- JSON Lines ----

LISTS = ("category", "synonym", "synonym_ru", "xref")  # as KGX writes them
NUMBERS = ("age_min", "age_max", "score")


def json_value(column: str, cell: str) -> Any:
    if column in LISTS:
        return [part.strip() for part in cell.split("|") if part.strip()]
    if column in NUMBERS:
        return None if not cell else float(cell) if column == "score" else int(cell)
    return cell or None


def records(text: str) -> list[dict[str, Any]]:
    """The lines of a TSV as objects, with lists, numbers and nulls where JSON has them."""
    header, *rows = (line.split("\t") for line in text.splitlines())
    return [{column: json_value(column, cell) for column, cell in zip(header, row, strict=True)} for row in rows]


def json_lines(text: str) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records(text))


def write_text(path: Path, text: str) -> Path:
    """Write a file, compressed when its name ends so."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def json_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "json"
    folder.mkdir()
    write_text(folder / "nodes.jsonl", json_lines(NODES))
    write_text(folder / "edges.jsonl", json_lines(EDGES))
    return folder


def test_the_objects_of_these_tests_hold_lists_numbers_and_nulls() -> None:
    flu, fever = records(NODES)
    assert flu["category"] == ["biolink:Disease"]
    assert flu["synonym"] == ["grippe", "the flu"]
    assert (flu["age_min"], fever["age_min"], fever["phrase"], fever["xref"]) == (1, None, None, [])
    assert records(EDGES)[0]["score"] == 0.5


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".tsv", ".tsv.gz"])
@pytest.mark.parametrize("as_folder", [True, False])
def test_every_form_of_a_file_gives_the_same_graph(folder: Path, suffix: str, as_folder: bool) -> None:
    plain = read_kgx([folder])
    other = folder / "other"
    other.mkdir()
    form = json_lines if ".jsonl" in suffix else str
    files = [
        write_text(other / f"my_{kind}{suffix}", form(text)) for kind, text in (("nodes", NODES), ("edges", EDGES))
    ]
    found = read_kgx([other] if as_folder else files)
    assert_same(found, plain)
    assert found.files == files


def test_the_core_mkg_is_the_same_as_json_lines(tmp_path: Path) -> None:
    for path in CORE_FOLDER.glob("*.tsv"):
        write_text(tmp_path / f"{path.stem}.jsonl.gz", json_lines(path.read_text(encoding="utf-8")))
    assert_same(read_kgx([tmp_path]), read_kgx([CORE_FOLDER]))


def test_tsv_nodes_and_json_edges_may_be_mixed(folder: Path, json_folder: Path) -> None:
    assert_same(read_kgx([folder / "nodes.tsv", json_folder / "edges.jsonl"]), read_kgx([folder]))


def test_only_what_is_needed_is_enough_in_json_too(json_folder: Path) -> None:
    nodes = [{"id": "X:1", "category": ["biolink:Gene", "biolink:NamedThing"], "name": "One", "colour": {"a": [1]}}]
    write_text(json_folder / "nodes.jsonl", json.dumps(nodes[0]) + "\n")
    edge = {"subject": "X:1", "predicate": "biolink:interacts_with", "object": "X:1", "negated": False}
    write_text(json_folder / "edges.jsonl", json.dumps(edge))  # and no line break at the end
    graph = read_kgx([json_folder])
    assert graph.nodes == [Node("X:1", "gene", Wording("One", "one", "one"))]
    assert edges(graph) == [("X:1", "interacts_with", "X:1", -1, None, Provenance(""))]


def test_windows_line_ends_blank_lines_and_a_byte_order_mark_are_no_fault_in_json(json_folder: Path) -> None:
    plain = read_kgx([json_folder])
    for name in ("nodes.jsonl", "edges.jsonl"):
        text = (json_folder / name).read_text(encoding="utf-8")
        (json_folder / name).write_bytes(b"\xef\xbb\xbf" + (text + "\n \n").replace("\n", "\r\n").encode())
    assert_same(read_kgx([json_folder]), plain)


@dataclass(frozen=True)
class JsonFault:
    """A line that takes the place of line 2 (of line 1 among the edges), and what the error says."""

    name: str
    file: str
    text: str
    says: str


JSON_FAULTS = [
    JsonFault("cut short", "nodes", '{"id": "HP:0001945", "cat', "is not JSON ("),
    JsonFault("words", "nodes", "HP:0001945", "is not JSON (Expecting value"),
    JsonFault("two objects", "edges", '{"subject": "X:1"} {"subject": "X:2"}', "is not JSON (Extra data"),
    JsonFault("a list", "nodes", '["HP:0001945"]', "is not a JSON object; one object a line is expected"),
    JsonFault("a number", "edges", "1", "is not a JSON object; one object a line is expected"),
    JsonFault("null", "nodes", "null", "is not a JSON object; one object a line is expected"),
    JsonFault("no id", "nodes", '{"name": "a", "category": "Gene"}', "the object lacks 'id'; expected KGX JSON Lines"),
    JsonFault("no category", "nodes", '{"id": "X:1", "name": "a"}', "the object lacks 'category'"),
    JsonFault("no name", "nodes", '{"id": "X:1", "category": "Gene"}', "the object lacks 'name'"),
    JsonFault("no subject", "edges", '{"object": "X:1", "predicate": "p"}', "the object lacks 'subject'"),
    JsonFault("no predicate", "edges", '{"object": "X:1", "subject": "X:1"}', "the object lacks 'predicate'"),
    JsonFault("no object", "edges", '{"subject": "X:1", "predicate": "p"}', "the object lacks 'object'"),
]


@pytest.mark.parametrize("fault", JSON_FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_faulty_json_line_is_named_by_file_and_line(json_folder: Path, fault: JsonFault, suffix: str) -> None:
    plain = json_folder / f"{fault.file}.jsonl"
    lines = plain.read_text(encoding="utf-8").splitlines()
    lines[-1] = fault.text
    plain.unlink()
    path = write_text(json_folder / f"{fault.file}.jsonl{suffix}", "\n".join(lines) + "\n")
    with pytest.raises(SourceError) as caught:
        read_kgx([json_folder])
    assert (caught.value.path, caught.value.line) == (path, len(lines))
    assert str(caught.value).startswith(f"{path}, line {len(lines)}: {fault.says}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_faulty_value_is_the_same_fault_in_json(json_folder: Path, fault: Fault) -> None:
    path = json_folder / f"{fault.file}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = fault.line - 2  # there is no header
    lines[at] = json.dumps({**json.loads(lines[at]), **fault.cells})
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_kgx([json_folder])
    assert str(caught.value).startswith(f"{path}, line {at + 1}, column '{fault.column}': ")
    assert fault.says in str(caught.value)


def test_a_blank_line_does_not_shift_the_line_numbers_of_json(json_folder: Path) -> None:
    text = (json_folder / "nodes.jsonl").read_text(encoding="utf-8")
    (json_folder / "nodes.jsonl").write_text("\n\n" + text + "{\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"nodes\.jsonl, line 5: is not JSON"):
        read_kgx([json_folder])


@pytest.mark.parametrize("form", [json_lines, str])
def test_a_gzip_file_that_is_cut_short_is_refused(folder: Path, form: Callable[[str], str]) -> None:
    suffix = ".tsv.gz" if form is str else ".jsonl.gz"
    path = write_text(folder / f"x_nodes{suffix}", form(NODES))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SourceError, match=r"x_nodes.*\.gz: is not a whole gzip file"):
        read_kgx([path, folder / "edges.tsv"])


@pytest.mark.parametrize(
    ("category", "node_type"),
    [
        ("biolink:Disease", "disease"),
        ("biolink:PhenotypicFeature", "symptom"),
        ("biolink:Drug", "drug"),
        ("biolink:ChemicalEntity", "drug_class"),
        ("biolink:BiologicalProcess", "biological_process"),
        ("biolink:Gene", "gene"),
    ],
)
def test_categories_and_types_name_each_other(category: str, node_type: str) -> None:
    assert type_of_category(category) == node_type
    assert category_of_type(node_type) == category


def test_frequency_bands_descend_without_overlap() -> None:
    bounds = [bound for band in FREQUENCY_BANDS for bound in (band.high, band.low)]
    assert bounds == [1.0, 1.0, 0.99, 0.80, 0.79, 0.30, 0.29, 0.05, 0.04, 0.01]  # HP:0040280 to HP:0040284
