"""Records are plain data with MedSyn's columns first, hide what is a user's, and are counted rightly."""

import json
from dataclasses import replace
from typing import Any

import pytest

from generation.examples import EXEMPLAR, OwnNote
from generation.notes import TEMPLATE, Note, NoteConfig, NoteWriter
from generation.records import MASKED, MEDSYN_COLUMNS, NoteSummary, note_id, note_record
from generation.review import COPIED, IDLE
from generation.runtimes.contract import Sampling
from generation.runtimes.scripted import ScriptedRuntime
from generation.styles import Style
from generation.verification import INVENTED, MISSING
from kgengine.bundles import Bundle, Fact, bundle_record
from kgengine.graph import Graph

GOOD = "A 52-year-old woman presents with cough and fever. She was prescribed acetylcysteine."
UNTOLD = "A 52-year-old woman presents with cough. She was prescribed acetylcysteine."
INVENTING = "A 52-year-old woman takes acetylcysteine and has cough, fever and headache."
VISIT = "Complaints: cough.\nHistory: fever.\nExamination: condition stable.\nPlan: acetylcysteine."
COLUMNS = [
    *("idx", "ICD-10", "generation_model", "prompt", "prior", "example", "example source", "response", "symptoms"),
    *("anamnesis", "lang", "kind", "verdict", "problems", "tries", "failures", "overlap", "seed", "bundle"),
    *("prompt_sha256", "model_sha256", "sampling", "style"),
]
OWN = OwnNote("mine-1", "J20", "Everything began after the long journey by train to her sister in the hills: cough.")


@pytest.fixture(scope="module")
def patient(core: Graph) -> Bundle:
    """Acute bronchitis with cough and fever in a woman of 52 on acetylcysteine."""
    symptoms = tuple(Fact(core.resolve(one), (0,), 0.5) for one in ("HP:0012735", "HP:0001945"))
    drugs = (Fact(core.resolve("ATC:R05CB01"), (0,), 0.5),)
    return Bundle(7, 99, core.resolve("ICD10:J20"), 52, "female", symptoms, drugs)


def written(
    core: Graph, patient: Bundle, answers: list[str] | None, own: list[OwnNote] | None = None, **config: Any
) -> tuple[NoteWriter, Note]:
    """Write the patient's note, from templates where there are no answers."""
    runtime = None if answers is None else ScriptedRuntime(answers)
    writer = NoteWriter(core, NoteConfig(**config), runtime, own)
    (note,) = writer.write([patient])
    return writer, note


def test_the_record_of_a_mended_model_note_is_complete_plain_data(core: Graph, patient: Bundle) -> None:
    sampling = Sampling(temperature=0.7, max_tokens=99)
    writer, note = written(core, patient, [UNTOLD, GOOD], sampling=sampling, style=Style(varied=True), examples=2)
    record = note_record(writer, note)
    assert list(record) == COLUMNS
    assert tuple(record)[: len(MEDSYN_COLUMNS)] == MEDSYN_COLUMNS
    assert json.loads(json.dumps(record)) == record
    assert {key: record[key] for key in COLUMNS if key not in ("prompt", "example", "example source", "overlap")} == {
        "idx": "note-000007",
        "ICD-10": "J20",
        "generation_model": "scripted",
        "prior": ["Cough", "Fever"],
        "response": GOOD,
        "symptoms": "",
        "anamnesis": GOOD,
        "lang": "en",
        "kind": "anamnesis",
        "verdict": "accepted",
        "problems": [],
        "tries": 1,
        "failures": [[MISSING]],
        "seed": note.seed,
        "bundle": bundle_record(core, patient, "en"),
        "prompt_sha256": writer.provenance["prompt_sha256"],
        "model_sha256": "",
        "sampling": {"temperature": 0.7, "min_p": 0.1, "repeat_penalty": 1.05, "max_tokens": 99},
        "style": {"varied": True, "abbreviated": False, "terse": False, "typos": 0.0},
    }
    exemplars = writer.shelf.exemplars[:2]
    assert record["example"] == [one.text for one in exemplars]
    assert record["example source"] == [f"exemplar: {one.id}" for one in exemplars]
    assert record["prompt"] == note.prompt
    assert record["prompt"].startswith("Patient: 52-year-old woman\nSymptoms: ")
    assert record["overlap"] == {"source": "", "span": "", "words": 0, "share": 0.0}


def test_the_record_of_a_template_note_names_no_model_and_no_example(core: Graph, patient: Bundle) -> None:
    writer, note = written(core, patient, None, lang="ru", kind="complaints")
    record = note_record(writer, note)
    assert list(record) == COLUMNS
    assert record["generation_model"] == TEMPLATE
    assert (record["model_sha256"], record["sampling"], record["prompt"]) == (None, None, "")
    assert (record["example"], record["example source"]) == ([], [])
    assert record["prior"] == ["Кашель", "Лихорадка"]
    assert (record["symptoms"], record["anamnesis"]) == (note.text, "")
    assert len(note.text) > 20


def test_the_record_of_a_rejected_note_shows_what_is_wrong_and_where(core: Graph, patient: Bundle) -> None:
    writer, note = written(core, patient, [INVENTING], tries=1, repairs=0)
    record = json.loads(json.dumps(note_record(writer, note)))
    assert (record["verdict"], record["failures"]) == ("rejected", [[INVENTED]])
    (problem,) = record["problems"]
    assert (problem["reason"], problem["node"], problem["text"]) == (INVENTED, "HP:0002315", "headache")
    begin, end = problem["span"]
    assert record["response"][begin:end] == "headache"


@pytest.mark.parametrize(
    ("kind", "text", "symptoms", "anamnesis"),
    [
        ("complaints", "Complains of cough and fever.", "Complains of cough and fever.", ""),
        ("anamnesis", GOOD, "", GOOD),
        ("visit", VISIT, "cough.", "fever."),
        ("visit", VISIT.replace("History: fever.", ""), "cough.", ""),
        ("visit", VISIT.replace("cough.", "cough. Worse.\nAnd more."), "cough. Worse.\nAnd more.", "fever."),
        ("visit", "Cough and fever.", "", ""),
    ],
)
def test_the_parts_of_a_note_go_to_the_columns_of_their_kind(
    core: Graph, patient: Bundle, kind: str, text: str, symptoms: str, anamnesis: str
) -> None:
    writer, note = written(core, patient, None, kind=kind)
    record = note_record(writer, replace(note, text=text))
    assert (record["symptoms"], record["anamnesis"], record["response"]) == (symptoms, anamnesis, text)


# -- a user's examples -------------------------------------------------------------------------------------------------


def test_a_users_example_is_masked_unless_asked_for_and_ours_is_not(core: Graph, patient: Bundle) -> None:
    writer, note = written(core, patient, [GOOD], own=[OWN])
    ours = [one.text for one in note.examples if one.source == EXEMPLAR]
    assert len(ours) == 2
    hidden, shown = note_record(writer, note), note_record(writer, note, show_examples=True)
    assert hidden["example"] == [*ours, MASKED]
    assert shown["example"] == [*ours, OWN.text]
    assert hidden["example source"] == shown["example source"]
    assert hidden["example source"][-1] == "user: mine-1"
    assert hidden | {"example": 0} == shown | {"example": 0}


def test_words_shared_with_a_users_example_are_masked(core: Graph, patient: Bundle) -> None:
    own = replace(OWN, text="A 52-year-old woman presents with a rash.")
    writer, note = written(core, patient, [GOOD], own=[own])
    assert note.verdict.accepted
    hidden, shown = note_record(writer, note), note_record(writer, note, show_examples=True)
    assert shown["overlap"] | {"share": 0} == {
        "source": "mine-1",
        "span": "A 52-year-old woman presents with",
        "words": 7,
        "share": 0,
    }
    assert hidden["overlap"] == shown["overlap"] | {"span": MASKED}


@pytest.mark.parametrize("kind", ["anamnesis", "visit"])
@pytest.mark.parametrize("idx", ["mine-1", "exemplar-1"])
def test_a_rejected_copy_shows_nothing_of_the_example(core: Graph, patient: Bundle, kind: str, idx: str) -> None:
    copied = OWN.text.split(":")[0] + "."
    text = {"anamnesis": f"{copied} {GOOD}", "visit": VISIT.replace("cough.", f"cough. {copied}")}[kind]
    writer, note = written(core, patient, [text], own=[replace(OWN, id=idx)], kind=kind, tries=1, repairs=0)
    assert {COPIED, IDLE} <= set(note.verdict.reasons)
    shown, hidden = note_record(writer, note, show_examples=True), note_record(writer, note)
    assert "journey" in json.dumps(shown["problems"])
    assert shown["response"] == note.text
    assert "journey" not in json.dumps(hidden)
    assert hidden["response"] == MASKED
    assert [one["reason"] for one in hidden["problems"]] == [one["reason"] for one in shown["problems"]]


# -- counts ------------------------------------------------------------------------------------------------------------


def test_records_are_counted(core: Graph, patient: Bundle) -> None:
    summary = NoteSummary()
    assert summary.to_json() == {"accepted": 0, "rejected": 0, "tries": 0, "texts": 0, "reasons": {}}
    writer, note = written(core, patient, [UNTOLD, INVENTING, GOOD], tries=3, repairs=1)
    assert (note.tries, note.texts, note.failures) == (2, 3, ((MISSING,), (INVENTED,)))
    summary.add(note_record(writer, note))
    writer, note = written(core, patient, [UNTOLD, INVENTING, INVENTING], tries=3, repairs=0)
    assert (note.tries, note.texts) == (3, 3)
    summary.add(note_record(writer, note))
    writer, note = written(core, patient, None)
    assert (note.tries, note.texts) == (1, 1)
    summary.add(note_record(writer, note))
    expected = {"accepted": 2, "rejected": 1, "tries": 6, "texts": 7, "reasons": {INVENTED: 3, MISSING: 2}}
    assert summary.to_json() == expected
    assert list(summary.to_json()["reasons"]) == [INVENTED, MISSING]


def test_ids_sort_as_numbers_do() -> None:
    assert [note_id(number) for number in (0, 7, 123456)] == ["note-000000", "note-000007", "note-123456"]
