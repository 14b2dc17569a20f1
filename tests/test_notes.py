"""Notes are written, reviewed, mended and begun anew until one is accepted; none is lost, none depends on another.

A scripted runtime stands in for the model around the loop; once the real default model writes. Template notes of every
kind are reviewed in bulk.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from generation.examples import OwnNote
from generation.kinds import KINDS
from generation.models import default_model
from generation.notes import Note, NoteConfig, NoteWriter
from generation.prompts import Wording, facts_of
from generation.review import IDLE, SECTION
from generation.runtimes.batched import LlamaRuntime
from generation.runtimes.contract import Request, Sampling
from generation.runtimes.scripted import ScriptedRuntime
from generation.styles import Style
from generation.verification import CUT_OFF, INVENTED, MISSING, WRONG_LANGUAGE, Verifier
from kgengine.bundles import Bundle, BundleSampler, Fact
from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph

BEGUN = "A 52-year-old woman presents with cough"
GOOD = f"{BEGUN} and fever. She was prescribed acetylcysteine."
UNTOLD = f"{BEGUN}. She was prescribed acetylcysteine."
INVENTING = f"{BEGUN} and fever. She has a headache. She was prescribed acetylcysteine."
FOREIGN = "Жалобы на кашель."


@pytest.fixture(scope="module")
def patient(core: Graph) -> Bundle:
    """Acute bronchitis with cough and fever in a woman of 52 on acetylcysteine."""
    symptoms = tuple(Fact(core.resolve(one), (0,), 0.5) for one in ("HP:0012735", "HP:0001945"))
    drugs = (Fact(core.resolve("ATC:R05CB01"), (0,), 0.5),)
    return Bundle(7, 99, core.resolve("ICD10:J20"), 52, "female", symptoms, drugs)


@pytest.fixture(scope="module")
def bundles(core: Graph) -> list[Bundle]:
    """500 bundles of the default MKG."""
    return list(BundleSampler(core, np.full(core.num_edges, 0.5, np.float32)).draw(seed=3, count=500))


def write(core: Graph, patient: Bundle, answers: list[str], **config: Any) -> tuple[Note, list[Request]]:
    """Write one note from prepared answers; give it and what was asked for."""
    runtime = ScriptedRuntime(answers)
    (note,) = NoteWriter(core, NoteConfig(**config), runtime).write([patient])
    return note, runtime.requests


def asked(request: Request) -> str:
    """Give the last turn of a request."""
    return request.messages[-1].content


# -- the loop ----------------------------------------------------------------------------------------------------------


def test_an_accepted_text_is_taken_at_once_and_cut_behind_its_last_fact(core: Graph, patient: Bundle) -> None:
    note, requests = write(core, patient, [f"{GOOD} She lives with her dog. And"])
    assert note.verdict.accepted
    assert (note.text, note.tries, note.texts, note.failures) == (GOOD, 1, 1, ())
    (request,) = requests
    assert request.opening == BEGUN
    assert asked(request) == note.prompt
    assert note.prompt == "Patient: 52-year-old woman\nSymptoms: cough; fever\nTreatment: acetylcysteine"
    assert [one.text for one in note.examples] == [
        turn.content for turn in request.messages if turn.role == "assistant"
    ]
    assert len(note.examples) == 3
    assert request.enough is not None
    assert [request.enough(text) for text in (f"{BEGUN}.", GOOD, f"{BEGUN}. Headache.")] == [False, True, True]


def test_a_faulty_sentence_is_written_again_after_what_is_kept(core: Graph, patient: Bundle) -> None:
    note, requests = write(core, patient, [INVENTING, UNTOLD, GOOD])
    assert (note.text, note.tries, note.texts) == (GOOD, 1, 3)
    assert note.failures == ((MISSING, INVENTED, IDLE), (MISSING,))
    openings = [BEGUN, f"{BEGUN} and fever.", f"{UNTOLD} She also reports fever"]
    assert [request.opening for request in requests] == openings
    first = asked(requests[0])
    assert [asked(request) for request in requests] == [first, f"{first}\nDo not write: headache", first]
    assert len({request.seed for request in requests}) == 3
    assert note.seed == requests[0].seed
    assert note.prompt == first


def test_where_a_repair_fails_again_the_sentence_begins_with_what_is_missing(core: Graph, patient: Bundle) -> None:
    _, requests = write(core, patient, [INVENTING, INVENTING, GOOD])
    kept = f"{BEGUN} and fever."
    assert [request.opening for request in requests] == [BEGUN, kept, f"{kept} She was prescribed acetylcysteine"]


def test_a_hopeless_text_is_begun_anew_with_another_seed(core: Graph, patient: Bundle) -> None:
    note, requests = write(core, patient, [FOREIGN, "", GOOD])
    assert (note.tries, note.texts) == (3, 3)
    assert [set(one) & {WRONG_LANGUAGE, "empty"} for one in note.failures] == [{WRONG_LANGUAGE}, {"empty"}]
    assert [request.opening for request in requests] == [BEGUN] * 3
    assert len({request.seed for request in requests}) == 3
    assert note.seed == requests[2].seed


@pytest.mark.parametrize(("tries", "repairs"), [(1, 0), (3, 0), (1, 4), (2, 3)])
def test_a_bundle_is_rejected_after_all_tries_and_repairs_with_every_reason_kept(
    core: Graph, patient: Bundle, tries: int, repairs: int
) -> None:
    note, requests = write(core, patient, [UNTOLD], tries=tries, repairs=repairs)
    assert not note.verdict.accepted
    assert note.verdict.reasons == (MISSING,)
    assert (note.text, note.tries) == (UNTOLD, tries)
    assert note.texts == len(requests) == tries * (1 + repairs)
    assert note.failures == ((MISSING,),) * note.texts
    assert len({request.seed for request in requests}) == note.texts


def test_a_text_that_the_token_limit_stopped_is_not_accepted(core: Graph, patient: Bundle) -> None:
    cut = f"{GOOD.removesuffix('.')} and will"
    note, requests = write(core, patient, [cut], tries=1, repairs=0, sampling=Sampling(max_tokens=11))
    assert CUT_OFF in note.verdict.reasons
    assert [request.sampling.max_tokens for request in requests] == [11]
    _, requests = write(core, patient, [GOOD], sampling=Sampling(max_tokens=1000))
    assert [request.sampling.max_tokens for request in requests] == [KINDS["anamnesis"].max_tokens]


def test_a_visit_is_mended_section_by_section(core: Graph, patient: Bundle) -> None:
    lines = ["Complaints: cough.", "History: fever.", "Examination: condition stable.", "Plan: acetylcysteine."]
    answers = [
        f"{lines[0]} She is",
        "\n".join([lines[0], lines[1], lines[3]]),
        "\n".join([*lines[:3], "Plan: headache."]),
        "\n".join(lines),
    ]
    note, requests = write(core, patient, answers, kind="visit", sampling=Sampling(max_tokens=11))
    assert note.text == "\n".join(lines)
    assert SECTION in note.failures[0]
    openings = [request.opening for request in requests]
    assert openings[:2] == ["Complaints: cough", "Complaints: cough.\nHistory: fever"]
    assert openings[2].startswith("\n".join([*lines[:2], "Examination: "]))
    assert openings[2] in {"\n".join([*lines[:2], one]) for one in Wording("visit", "en").stock()}
    assert openings[3] == "\n".join([*lines[:3], "Plan: acetylcysteine"])


@pytest.mark.parametrize("embellished", [False, True])
def test_a_sentence_of_no_fact_passes_only_where_text_may_be_embellished(
    core: Graph, patient: Bundle, embellished: bool
) -> None:
    idle = f"{BEGUN} and fever. It came on after a ski trip. She was prescribed acetylcysteine."
    note, _ = write(core, patient, [idle], tries=1, repairs=0, embellished=embellished)
    assert note.verdict.accepted == embellished
    assert (IDLE in note.verdict.reasons) == (not embellished)
    assert (note.text == idle) == embellished


def test_complaints_are_neither_asked_nor_told_with_drugs(core: Graph, patient: Bundle) -> None:
    note, requests = write(core, patient, ["Complains of cough and fever."], kind="complaints")
    assert note.verdict.accepted
    assert note.bundle == patient
    assert asked(requests[0]) == "Patient: 52-year-old woman\nSymptoms: cough; fever"
    told, _ = write(core, patient, ["Complains of cough and fever, takes acetylcysteine."], kind="complaints", tries=1)
    assert told.verdict.reasons == (INVENTED,)


def test_the_diagnosis_is_asked_for_only_when_it_shall_be_named(core: Graph, patient: Bundle) -> None:
    named = f"{GOOD} Diagnosis: acute bronchitis."
    note, requests = write(core, patient, [named.replace(". She", ", acute bronchitis. She")], tries=1, repairs=0)
    assert "diagnosis named" in note.verdict.reasons
    assert "acute bronchitis" not in asked(requests[0])
    _, requests = write(core, patient, [GOOD], name_diagnosis=True)
    assert asked(requests[0]).endswith("\nDiagnosis: acute bronchitis")


def test_a_users_example_of_the_code_is_shown_last(core: Graph, patient: Bundle) -> None:
    own = OwnNote("mine", "J20.9", "Coughing and fever since May.")
    writer = NoteWriter(core, NoteConfig(), ScriptedRuntime([GOOD]), [own])
    (note,) = writer.write([patient])
    assert [one.source for one in note.examples] == ["exemplar", "exemplar", "user"]
    assert [turn.content for turn in writer.requests(patient)][-3:] == [
        "Symptoms: Coughing; fever",
        "Coughing and fever since May.",
        note.prompt,
    ]


# -- many notes --------------------------------------------------------------------------------------------------------


def test_with_a_wide_runtime_every_bundle_gets_its_note(core: Graph, bundles: list[Bundle]) -> None:
    runtime = ScriptedRuntime(["no"], width=4)
    notes = list(NoteWriter(core, NoteConfig(tries=2, repairs=1), runtime).write(bundles[:9]))
    indices = [note.bundle.index for note in notes]
    assert sorted(indices) == list(range(9))
    assert indices != sorted(indices)  # the scripted runtime does the latest first
    alone = [write(core, bundle, ["no"], tries=2, repairs=1) for bundle in bundles[:9]]
    assert sorted(notes, key=lambda note: note.bundle.index) == [note for note, _ in alone]
    plain = [replace(request, enough=None) for request in runtime.requests]
    for _, requests in alone:
        assert all(replace(request, enough=None) in plain for request in requests)
    assert len(plain) == sum(len(requests) for _, requests in alone) > 9


def test_template_notes_come_in_order_and_the_same_again(core: Graph, bundles: list[Bundle]) -> None:
    writer = NoteWriter(core, NoteConfig(), None)
    notes = list(writer.write(bundles[:20]))
    assert [note.bundle.index for note in notes] == list(range(20))
    assert list(writer.write(bundles[19:20])) == notes[19:]
    assert len({note.text for note in notes}) == 20


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_model_that_does_not_write_the_language_is_refused_with_a_sentence(core: Graph) -> None:
    with pytest.raises(KGError) as caught:
        NoteWriter(core, NoteConfig(lang="ru"), ScriptedRuntime(["x"], languages=("en",)))
    assert str(caught.value) == (
        "the model scripted writes en, not ru; give --model a model that does (with --model-languages ru), "
        "or word the notes with --template-only"
    )


def test_an_unknown_language_or_kind_and_no_tries_are_refused(core: Graph) -> None:
    with pytest.raises(UnknownNameError, match="unknown language 'de'"):
        NoteWriter(core, NoteConfig(lang="de"), None)
    with pytest.raises(
        UnknownNameError, match="unknown kind of note 'letter'; take one of complaints, anamnesis, visit"
    ):
        NoteWriter(core, NoteConfig(kind="letter"), None)
    with pytest.raises(KGError, match="0 tries asked for; give at least 1"):
        NoteWriter(core, NoteConfig(tries=0), None)


# -- templates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_template_notes_are_accepted_at_the_first_try(
    core: Graph, bundles: list[Bundle], kind: str, lang: str, more: bool
) -> None:
    config = NoteConfig(lang=lang, kind=kind, name_diagnosis=more, style=Style(varied=more))
    notes = list(NoteWriter(core, config, None).write(bundles))
    assert len(notes) == 500
    assert sum(bool(note.bundle.drugs) for note in notes) not in range(50)
    assert [note.text for note in notes if not note.verdict.accepted] == []
    diagnosis = {"en": "iagnosis", "ru": "Диагноз: "}[lang]
    assert {diagnosis in note.text for note in notes} == {more}


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_template_notes_vary_with_the_seed_and_name_every_fact(
    core: Graph, patient: Bundle, kind: str, lang: str
) -> None:
    facts = facts_of(core, KINDS[kind].told(patient), lang)
    wording = Wording(kind, lang)
    texts = {wording.note(facts, np.random.default_rng(seed)) for seed in range(60)}
    assert len(texts) >= 10
    for text in texts:
        assert all(name in text for name in facts.drugs)
        for phrase, accusative in zip(facts.symptoms, facts.accusatives, strict=True):
            assert phrase in text or accusative in text


# -- the real model ----------------------------------------------------------------------------------------------------


def test_the_default_model_writes_a_verified_note(core: Graph, patient: Bundle) -> None:
    runtime = LlamaRuntime(default_model(), width=1, context=2048, threads=1)
    try:
        writer = NoteWriter(core, NoteConfig(kind="complaints"), runtime)
        (note,) = writer.write([patient])
        told = replace(patient, drugs=())
        assert note.verdict.accepted
        assert Verifier(core, "en").verify(note.text, told).accepted
        assert note.text.startswith("Complains of cough")
        assert note.text.endswith(".")
        assert writer.provenance["runtime"]["sha256"] == runtime.description["sha256"]
    finally:
        runtime.close()
