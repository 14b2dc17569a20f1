"""The style exemplars say their own patient's facts and no others, in three kinds of note that do not look alike.

Each language has invented patients whose facts stand in the default MKG. A small model copies what it is shown, so
every text must pass the verifier for its bundle, open as a note of its kind does, and share no long run of words
with another of its kind.
"""

import json
import re
from importlib import resources
from itertools import combinations
from typing import Any

import pytest

from generation.verification import MISSING, Verifier
from kgengine.bundles import Bundle, Fact
from kgengine.graph import Graph
from kgengine.schema import DISEASE, HAS_PHENOTYPE, TREATS

LANGS = ("en", "ru")
KINDS = ("complaints", "anamnesis", "visit")
FEWEST = 5
"""Fewest patients in a language."""
LONGEST_SHARED_RUN = 8
"""Most words in a row that two notes of one kind may share."""
HEADINGS = {
    "en": ("Complaints:", "History:", "Examination:", "Plan:"),
    "ru": ("Жалобы:", "Анамнез:", "Осмотр:", "План:"),
}


def _exemplars(lang: str) -> list[dict[str, Any]]:
    text = (resources.files("generation.templates") / f"exemplars.{lang}.json").read_text(encoding="utf-8")
    patients: list[dict[str, Any]] = json.loads(text)
    return patients


PATIENTS = [pytest.param(lang, one, id=f"{lang}-{one['icd10']}") for lang in LANGS for one in _exemplars(lang)]


@pytest.fixture(scope="module")
def verifiers(core: Graph) -> dict[str, Verifier]:
    """A verifier for each language."""
    return {lang: Verifier(core, lang) for lang in LANGS}


def _bundle(core: Graph, patient: dict[str, Any], kind: str) -> Bundle:
    """Give the facts that a text must say: a complaint field names no drug."""

    def facts(records: list[dict[str, str]], relation: str) -> tuple[Fact, ...]:
        nodes = [core.resolve(record["id"]) for record in records]
        return tuple(Fact(node, (_edge(core, disease, relation, node),), 1.0) for node in nodes)

    disease = core.resolve("ICD10:" + patient["icd10"])
    drugs = () if kind == "complaints" else facts(patient["drugs"], TREATS)
    symptoms = facts(patient["symptoms"], HAS_PHENOTYPE)
    return Bundle(0, 1, disease, patient["age"], patient["sex"], symptoms, drugs)


def _edge(core: Graph, disease: int, relation: str, node: int) -> int:
    """Find the edge that joins a fact to the disease; -1 where there is none."""
    if relation == TREATS:
        edges = {core.edge(int(edge)).head: int(edge) for edge in core.in_edges(disease, relation)}
    else:
        edges = {core.edge(int(edge)).tail: int(edge) for edge in core.out_edges(disease, relation)}
    return edges.get(node, -1)


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    tokens = re.findall(r"\w+", text.lower())
    return {tuple(tokens[start : start + length]) for start in range(len(tokens) - length + 1)}


@pytest.mark.parametrize(("lang", "patient"), PATIENTS)
def test_every_fact_stands_in_the_default_mkg_under_its_phrase(core, lang, patient):
    disease = core.resolve("ICD10:" + patient["icd10"])
    youngest, oldest = core.node_age[disease]
    assert core.type(disease) == DISEASE
    assert youngest <= patient["age"] <= oldest
    assert 3 <= len(patient["symptoms"]) <= 5
    assert len(patient["drugs"]) <= 2
    bundle = _bundle(core, patient, "visit")
    for record, fact in zip(patient["symptoms"] + patient["drugs"], bundle.symptoms + bundle.drugs, strict=True):
        assert fact.edges != (-1,), f"{record['id']} is not joined to {patient['icd10']}"
        assert record["phrase"] == core.wording(fact.node, lang).phrase


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("lang", "patient"), PATIENTS)
def test_every_text_passes_the_verifier(core, verifiers, lang, patient, kind):
    verdict = verifiers[lang].verify(patient[kind], _bundle(core, patient, kind))
    assert [problem.to_json() for problem in verdict.problems] == []


@pytest.mark.parametrize(("lang", "patient"), PATIENTS)
def test_complaints_name_no_drug(core, verifiers, lang, patient):
    verdict = verifiers[lang].verify(patient["complaints"], _bundle(core, patient, "visit"))
    missing = [problem.node for problem in verdict.problems if problem.reason == MISSING]
    assert missing == [drug["id"] for drug in patient["drugs"]]


@pytest.mark.parametrize(("lang", "patient"), PATIENTS)
def test_every_text_opens_as_its_kind_does(core, lang, patient):
    wording = core.wording(core.resolve(patient["symptoms"][0]["id"]), lang)
    child = patient["age"] < 18
    if lang == "en":
        person = {"female": ("woman", "girl"), "male": ("man", "boy")}[patient["sex"]][child]
        complaints = (f"Complains of {wording.phrase}", f"Presents with {wording.phrase}")
        anamnesis = f"A {patient['age']}-year-old {person} presents with {wording.phrase}"
    else:
        person = {"female": ("Женщина", "Девочка"), "male": ("Мужчина", "Мальчик")}[patient["sex"]][child]
        complaints = (f"Жалобы на {wording.accusative}",)
        anamnesis = rf"{person}, {patient['age']} (год|года|лет)\. Жалобы на {wording.accusative}"
    assert patient["complaints"].startswith(complaints)
    assert re.match(anamnesis, patient["anamnesis"])
    assert patient["visit"].startswith(f"{HEADINGS[lang][0]} {wording.phrase}")


@pytest.mark.parametrize("patient", _exemplars("en"), ids=lambda one: one["icd10"])
def test_english_texts_say_every_phrase_word_for_word(patient):
    for kind in KINDS:
        told = patient["symptoms"] + (patient["drugs"] if kind != "complaints" else [])
        assert [one["phrase"] for one in told if one["phrase"] not in patient[kind].lower()] == []


@pytest.mark.parametrize(("lang", "patient"), PATIENTS)
def test_a_visit_has_its_four_headings_in_order_and_the_drugs_in_the_plan(core, verifiers, lang, patient):
    lines = patient["visit"].split("\n")
    assert [line.split(" ")[0] for line in lines] == list(HEADINGS[lang])
    assert 15 <= len(patient["visit"].split()) <= 90
    plan = verifiers[lang].verify(lines[-1], _bundle(core, patient, "visit"))
    missing = [problem.node for problem in plan.problems if problem.reason == MISSING]
    assert missing == [symptom["id"] for symptom in patient["symptoms"]]


@pytest.mark.parametrize("lang", LANGS)
def test_the_patients_differ(lang):
    patients = _exemplars(lang)
    assert len(patients) >= FEWEST
    assert len({one["icd10"][0] for one in patients}) == len(patients)
    assert {one["sex"] for one in patients} == {"female", "male"}
    assert {one["age"] < 18 for one in patients} == {False, True}
    assert sum(bool(one["drugs"]) for one in patients) >= 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lang", LANGS)
def test_no_two_texts_of_a_kind_share_a_long_run_of_words(lang, kind):
    texts = [one[kind] for one in _exemplars(lang)]
    assert len(texts) >= FEWEST
    for first, second in combinations(texts, 2):
        assert not _runs(first, LONGEST_SHARED_RUN + 1) & _runs(second, LONGEST_SHARED_RUN + 1)
