"""Look-up by name: how spellings are folded, that an id, a bare code, a name, a phrase or a synonym in English
or Russian finds its node, that the stronger of two claims to a name wins, and what is suggested when nothing
matches, or while a name is still being typed. The bisection on the stored index is held against a plain scan.
"""

import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgengine.errors import UnknownNameError
from kgengine.graph import Graph
from kgengine.ids import id_problem
from kgengine.merging import merge
from kgengine.names import NAME, PHRASE, SYNONYM, NameIndex, StringTable, fold
from kgengine.sources.core import read_core
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.store import write_store


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Pneumonia", "pneumonia"),
        ("ПНЕВМОНИЯ", "пневмония"),
        ("воспаление лёгких", "воспаление легких"),
        ("Ёж", "еж"),
        ("X-ray", "x ray"),
        ("night‐time", "night time"),  # U+2010
        ("боль — в горле", "боль в горле"),
        ("боль—в—горле", "боль в горле"),
        ("and/or", "and or"),
        ("snake_case", "snake case"),
        ("can't see", "cant see"),
        ("Zoster [herpes zoster]", "zoster herpes zoster"),
        ("fever & chills", "fever chills"),
        ("  a \t b\n", "a b"),
        ("vitamin B12, 0.5", "vitamin b12 0.5"),
        ("Straße", "strasse"),
        ("и\u0306од", "йод"),  # й typed as и and a breve, as some systems store it
        ("!?", ""),
        ("", ""),
    ],
)
def test_spellings_fold_to_one_form(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@given(st.text(string.printable + "ёЁйЙßİ—–‐абвАБВ\u0306\u0308"))
def test_folding_twice_changes_nothing_and_leaves_single_spaces(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text) == " ".join(fold(text).split())


@given(st.text(string.ascii_letters + "абвгёЁЖЗ -'"))
def test_upper_and_lower_case_fold_alike(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=20))
def test_a_string_table_gives_back_every_string(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    encodable = [value.encode("utf-8", "ignore").decode("utf-8") for value in values]
    folder = tmp_path_factory.mktemp("table")
    StringTable.write(folder, "column", encodable)
    table = StringTable(folder, "column")
    assert len(table) == len(encodable)
    assert [table[index] for index in range(len(table))] == encodable


def test_a_string_table_whose_bytes_are_cut_is_refused(tmp_path: Path) -> None:
    StringTable.write(tmp_path, "column", ["one", "two"])
    (tmp_path / "column.utf8").write_bytes(b"onetw")
    with pytest.raises(ValueError, match=r"column\.utf8 holds 5 bytes, expected 6"):
        StringTable(tmp_path, "column")


@pytest.mark.parametrize(
    ("typed", "node_id"),
    [
        ("HP:0001945", "HP:0001945"),
        ("hp:0001945", "HP:0001945"),
        ("0001945", "HP:0001945"),
        ("ICD10:J18", "ICD10:J18"),
        ("J18", "ICD10:J18"),
        ("j18", "ICD10:J18"),
        (" J18 ", "ICD10:J18"),
        ("J01CA04", "ATC:J01CA04"),
        ("j01ca", "ATC:J01CA"),
        ("Pneumonia, organism unspecified", "ICD10:J18"),
        ("pneumonia  organism UNSPECIFIED", "ICD10:J18"),
        ("Erysipelas", "ICD10:A46"),
        ("st. anthonys FIRE", "ICD10:A46"),
        ("shingles", "ICD10:B02"),
        ("ОПОЯСЫВАЮЩИЙ ЛИШАЙ [herpes zoster]", "ICD10:B02"),
        ("ветрянка", "ICD10:B01"),
        ("Ветрянка", "ICD10:B01"),
        ("встаёт ночью в туалет", "HP:0000017"),
        ("встает ночью в туалет", "HP:0000017"),
        ("ВСТАЁТ НОЧЬЮ В ТУАЛЕТ", "HP:0000017"),
        ("getting up to urinate", "HP:0000017"),
        ("Losec", "ATC:A02BC01"),
        ("омез", "ATC:A02BC01"),
    ],
)
def test_an_id_a_code_a_name_or_a_synonym_finds_its_node(core: Graph, typed: str, node_id: str) -> None:
    assert core.id(core.resolve(typed)) == node_id


def all_names(node: Node) -> list[tuple[int, str]]:
    claims = []
    for wording in (node.en, node.ru):
        claims += [(NAME, wording.name), (PHRASE, wording.phrase)]
        claims += [(SYNONYM, synonym) for synonym in wording.synonyms]
    return [(rank, name) for rank, name in claims if fold(name)]


def test_every_wording_of_the_core_mkg_finds_just_the_nodes_that_a_plain_scan_finds(core: Graph) -> None:
    owners: dict[str, dict[str, int]] = {}
    for node in read_core().nodes:
        for rank, name in all_names(node):
            claims = owners.setdefault(fold(name), {})
            claims[node.id] = min(rank, claims.get(node.id, SYNONYM))
    index = {core.id(node): node for node in range(core.num_nodes)}
    names = NameIndex(core.folder)
    assert len(owners) > 5000
    for name, claims in owners.items():
        assert names.find(name) == sorted((rank, index[node_id]) for node_id, rank in claims.items())


def test_every_name_of_a_disease_symptom_or_drug_leads_to_a_node_that_bears_it(core: Graph) -> None:
    for node in range(core.num_nodes):
        assert core.resolve(core.id(node)) == node
        assert node in core.find(core.name(node))
        assert node in core.find(core.name(node, "ru").upper())


def test_the_stronger_claim_to_a_name_wins(tmp_path: Path) -> None:
    entries = [("Cold", 7, SYNONYM), ("cold", 5, PHRASE), ("COLD", 9, NAME), ("cold", 7, PHRASE), ("heat", 1, NAME)]
    NameIndex.write(tmp_path, entries)
    # 9 bears it as its name, 5 and 7 as a phrase (7 as a synonym too, which is weaker)
    assert NameIndex(tmp_path).find("cold") == [(NAME, 9), (PHRASE, 5), (PHRASE, 7)]
    assert NameIndex(tmp_path).find("col") == []
    assert NameIndex(tmp_path).find("colds") == []


def test_a_node_type_chooses_among_the_nodes_of_a_name(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:1", "disease", "Fever"), ("T:2", "symptom", "Fever")], [("T:1", "has_phenotype", "T:2")])
    assert [graph.id(node) for node in graph.find("fever")] == ["T:1", "T:2"]
    assert graph.id(graph.resolve("fever")) == "T:1"
    assert graph.id(graph.resolve("fever", "symptom")) == "T:2"


def test_an_id_of_another_type_is_not_taken(toy: Graph) -> None:
    with pytest.raises(UnknownNameError, match="unknown drug 'T:D1'"):
        toy.resolve("T:D1", "drug")


def test_an_unknown_node_type_is_refused_before_the_look_up(toy: Graph) -> None:
    with pytest.raises(UnknownNameError, match="unknown node type 'gene'"):
        toy.resolve("Shivering", "gene")


def test_a_near_name_is_suggested_with_its_id(toy: Graph) -> None:
    with pytest.raises(UnknownNameError) as caught:
        toy.resolve("shiverin")
    assert str(caught.value).startswith("unknown entity 'shiverin'; did you mean Shivering (T:S1)")
    assert caught.value.suggestions[0] == "Shivering (T:S1)"


@pytest.mark.parametrize(
    ("typed", "suggested"), [("pneumona", "ICD10:J18"), ("ветрянк", "ICD10:B01"), ("ometrazole", "ATC:A02BC01")]
)
def test_a_slip_of_the_key_suggests_the_right_node_in_either_language(core: Graph, typed: str, suggested: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        core.resolve(typed)
    assert 1 <= len(caught.value.suggestions) <= 3
    assert any(f"({suggested})" in suggestion for suggestion in caught.value.suggestions)


def test_only_nodes_of_the_wanted_type_are_suggested(core: Graph) -> None:
    with pytest.raises(UnknownNameError) as caught:
        core.resolve("pneumona", "disease")
    assert caught.value.suggestions
    assert all("(ICD10:" in suggestion for suggestion in caught.value.suggestions)


@pytest.fixture
def bilingual(tmp_path: Path) -> Graph:
    """A cold, a cough and a drug, with names in both languages; ids of two vocabularies."""
    source = SourceGraph(
        "drawn",
        [
            Node(
                "ICD10:J00", "disease", Wording("Common cold", "cold", synonyms=("coryza",)), Wording("Насморк", "ОРВИ")
            ),
            Node(
                "HP:0012735", "symptom", Wording("Cough", "cough"), Wording("Кашель", "кашель", synonyms=("кашляет",))
            ),
            Node(
                "ATC:R05DA04",
                "drug",
                Wording("codeine", "codeine"),
                Wording("кодеин", "кодеин"),
                xrefs=("DRUGBANK:DB00318",),
            ),
        ],
        [EdgeBlock("treats", np.array([2]), np.array([1]), Provenance("x"))],
    )
    write_store(merge([source]), tmp_path / "bilingual")
    return Graph.open(tmp_path / "bilingual")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (
            "co",
            ["codeine ATC:R05DA04", "cold ICD10:J00", "common cold ICD10:J00", "coryza ICD10:J00", "cough HP:0012735"],
        ),
        (
            "CO",
            ["codeine ATC:R05DA04", "cold ICD10:J00", "common cold ICD10:J00", "coryza ICD10:J00", "cough HP:0012735"],
        ),
        ("common-c", ["common cold ICD10:J00"]),
        ("cold", ["cold ICD10:J00"]),  # only the beginning of a name, not "common cold"
        ("каш", ["кашель HP:0012735", "кашляет HP:0012735"]),
        ("КОД", ["кодеин ATC:R05DA04"]),
        ("ор", ["орви ICD10:J00"]),
        ("hp:", ["HP:0012735 HP:0012735"]),
        ("ICD10:J0", ["ICD10:J00 ICD10:J00"]),
        ("drugbank:", ["ATC:R05DA04 ATC:R05DA04"]),  # the id that it goes by, not the one typed
        ("x", []),
    ],
)
def test_what_is_being_typed_is_completed_from_names_in_either_language_and_ids(
    bilingual: Graph, typed: str, offered: list[str]
) -> None:
    assert [f"{text} {bilingual.id(node)}" for text, node in bilingual.completions(typed, 10)] == offered


def test_no_more_completions_than_asked_for_names_before_ids(make_graph: Callable[..., Graph]) -> None:
    names = [("T:1", "drug", "Abc"), ("T:2", "drug", "t one"), ("T:3", "drug", "T two")]
    graph = make_graph(names, [("T:1", "r", "T:2")])
    assert graph.completions("t", 9) == [("t one", 1), ("t two", 2), ("T:1", 0), ("T:2", 1), ("T:3", 2)]
    assert graph.completions("t", 3) == [("t one", 1), ("t two", 2), ("T:1", 0)]
    assert graph.completions("t", 1) == [("t one", 1)]
    assert graph.completions("t", 0) == []


@pytest.mark.parametrize("typed", ["pneu", "каш", "головн", "st. a", "icd10:j1", "ATC:N02BE0", "HP:00019"])
def test_completions_of_the_core_mkg_are_those_of_a_plain_scan(core: Graph, typed: str) -> None:
    names, ids = set(), []
    for node in read_core().nodes:
        names |= {(fold(name), node.id) for _, name in all_names(node) if fold(name).startswith(fold(typed))}
        keys = (node.id, *node.xrefs)
        ids += [(key.casefold(), node.id) for key in keys if key.casefold().startswith(typed.casefold())]
    found = [(text, core.id(node)) for text, node in core.completions(typed, 10_000)]
    assert found
    assert sorted(found[: len(names)]) == sorted(names)
    assert [text for text, _ in found[: len(names)]] == sorted((text for text, _ in names), key=str.encode)
    assert found[len(names) :] == [(node_id, node_id) for _, node_id in sorted(ids)]
    assert core.completions(typed, 2) == core.completions(typed, 10_000)[:2]


@pytest.mark.parametrize("typed", ["qqqqzzzz", "", "   ", "!!!"])
def test_a_name_near_nothing_gets_the_next_step_instead(toy: Graph, typed: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        toy.resolve(typed)
    assert str(caught.value) == f"unknown entity '{typed}'; give an id such as ICD10:J18, or a name"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "node_id",
    [
        "ICD10:J18",
        "ICD10:K21.0",
        "HP:0002090",
        "ATC:J",
        "ATC:J01",
        "ATC:J01CA04",
        "DOID:1",
        "DRUGBANK:DB00001",
        "MONDO:0005812",
        "MESH:D003371",
        "MESH:C000657245",
        "UMLS:C0010200",
        "DB:DB00001",
        "X.y-z_1:a/b",
    ],
)
def test_well_formed_ids_pass(node_id: str) -> None:
    assert id_problem(node_id) is None


@pytest.mark.parametrize(
    "node_id",
    [
        "J18",
        "",
        ":1",
        "1X:2",
        "HP:",
        "HP:1 2",
        "HP:123",
        "ICD10:18",
        "ICD10:J18.123",
        "ATC:J0",
        "ATC:J01CA4",
        "DRUGBANK:945",
        "MESH:3371",
    ],
)
def test_malformed_ids_are_named_in_the_problem(node_id: str) -> None:
    problem = id_problem(node_id)
    assert problem is not None
    assert problem.startswith(f"'{node_id}' ")
