"""KGX TSV in and faults out: a well-formed graph is read as stated, and every malformed line is refused with a
`SourceError` that names the file, the line and the column, and says what was expected.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from kgengine.errors import KGError, SourceError
from kgengine.schema import FREQUENCY_BANDS, category_of_type, type_of_category
from kgengine.sources.kgx import kgx_files, read_kgx
from kgengine.sources.records import Edge, Node, Wording

NODES = (
    "id\tcategory\tname\tphrase\tsynonym\tname_ru\tphrase_ru\taccusative_ru\tsynonym_ru\tsex\tage_min\tage_max"
    "\tprevalence\n"
    "ICD10:J11\tbiolink:Disease\tInfluenza\tflu\tgrippe| the flu |\tГрипп\tгрипп\t\tинфлюэнца\tany\t1\t90\tcommon\n"
    "HP:0001945\tbiolink:PhenotypicFeature\tFever\t\t\tЛихорадка\t\t\t\tfemale\t\t\t\n"
)
EDGES = (
    "subject\tpredicate\tobject\tfrequency_qualifier\tprimary_knowledge_source\tsubject_name\tobject_name\n"
    "ICD10:J11\tbiolink:has_phenotype\tHP:0001945\tHP:0040281\tinfores:x\tInfluenza\tFever\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes.tsv").write_text(NODES, encoding="utf-8")
    (tmp_path / "edges.tsv").write_text(EDGES, encoding="utf-8")
    return tmp_path


def append(path: Path, *cells: str) -> None:
    with path.open("a", encoding="utf-8") as handle:
        handle.write("\t".join(cells) + "\n")


def test_a_well_formed_graph_is_read_as_stated(folder: Path) -> None:
    graph = read_kgx([folder])
    assert graph.nodes["ICD10:J11"] == Node(
        "ICD10:J11",
        "disease",
        Wording("Influenza", "flu", "flu", ("grippe", "the flu")),
        Wording("Грипп", "грипп", "грипп", ("инфлюэнца",)),
        "any",
        1,
        90,
        10.0,
    )
    assert graph.edges == [Edge("ICD10:J11", "has_phenotype", "HP:0001945", 1, "infores:x")]
    assert graph.files == [folder / "nodes.tsv", folder / "edges.tsv"]


def test_what_is_left_out_takes_its_default(folder: Path) -> None:
    fever = read_kgx([folder]).nodes["HP:0001945"]
    assert fever.en == Wording("Fever", "fever", "fever")  # the phrase is the name in lower case
    assert fever.ru == Wording("Лихорадка", "лихорадка", "лихорадка")
    assert (fever.sex, fever.age_min, fever.age_max, fever.prevalence) == ("female", 0, 100, 0.0)


def test_the_required_columns_are_enough_in_any_order_and_unknown_ones_are_left_alone(folder: Path) -> None:
    (folder / "nodes.tsv").write_text("name\txref\tid\tcategory\nOne\tx\tX:1\tbiolink:Gene|biolink:NamedThing\n")
    (folder / "edges.tsv").write_text("object\tsubject\tpredicate\tqualifier\nX:1\tX:1\tinteracts_with\ty\n")
    graph = read_kgx([folder])
    assert graph.nodes["X:1"].type == "gene"
    assert graph.edges == [Edge("X:1", "interacts_with", "X:1")]


def test_windows_line_ends_blank_lines_and_a_byte_order_mark_are_no_fault(folder: Path) -> None:
    plain = read_kgx([folder])
    for name, text in (("nodes.tsv", NODES), ("edges.tsv", EDGES)):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (text + "\n").replace("\n", "\r\n").encode("utf-8"))
    assert read_kgx([folder]) == plain


def test_quotes_are_ordinary_characters(folder: Path) -> None:
    append(folder / "nodes.tsv", "X:1", "biolink:Gene", '"one', *[""] * 10)
    append(folder / "nodes.tsv", "X:2", "biolink:Gene", 'two"', *[""] * 10)
    nodes = read_kgx([folder]).nodes
    assert (nodes["X:1"].en.name, nodes["X:2"].en.name) == ('"one', 'two"')


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
    Fault("bad subject", "edges", 2, {"subject": "J11"}, "subject", "'J11' is not an identifier"),
    Fault("no object", "edges", 2, {"object": ""}, "object", "is empty; expected a value"),
    Fault("no predicate", "edges", 2, {"predicate": ""}, "predicate", "is empty; expected a value"),
    Fault("dangling subject", "edges", 2, {"subject": "ICD10:J12"}, "subject", "'ICD10:J12' is no node of these files"),
    Fault("dangling object", "edges", 2, {"object": "HP:0000001"}, "object", "add it to a nodes.tsv"),
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


@pytest.mark.parametrize(("cells", "count"), [(("X:1", "biolink:Gene", "one"), 3), (("X:1", *["x"] * 13), 14)])
def test_a_line_with_too_few_or_too_many_cells_is_named(folder: Path, cells: tuple[str, ...], count: int) -> None:
    append(folder / "nodes.tsv", *cells)
    with pytest.raises(SourceError) as caught:
        read_kgx([folder])
    assert (caught.value.path, caught.value.line) == (folder / "nodes.tsv", 4)
    assert f"{count} cells where the header has 13; is a tab missing or one too many?" in str(caught.value)


def test_a_blank_line_does_not_shift_the_line_numbers(folder: Path) -> None:
    append(folder / "nodes.tsv", "")
    append(folder / "nodes.tsv", "X:1")
    with pytest.raises(SourceError, match=r"nodes\.tsv, line 5: 1 cells"):
        read_kgx([folder])


def test_an_edge_stated_twice_is_named_where_it_is_stated_again(folder: Path) -> None:
    append(folder / "edges.tsv", "ICD10:J11", "has_phenotype", "HP:0001945", "HP:0040282", "", "", "")
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
    assert list(read_kgx([more, folder]).nodes) == ["X:1", "ICD10:J11", "HP:0001945"]


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
