"""Notes are written, verified and written again until one is accepted; runtimes keep one contract.

A scripted runtime stands in for the model around the loop; the contract itself is tested on it and on the real
default model through llama.cpp. Template notes are verified in bulk, prompts and wordings by hand.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from generation.models import default_model
from generation.notes import NoteConfig, NoteSummary, NoteWriter
from generation.prompts import Facts, PromptBuilder, facts_of, patient_words, template_note
from generation.runtimes.contract import Message, Request, Sampling
from generation.runtimes.llama_cpp import LlamaCppRuntime
from generation.runtimes.scripted import ScriptedRuntime
from generation.verification import CUT_OFF, INVENTED, MISSING
from kgengine.bundles import Bundle, BundleSampler, Fact
from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph

GOOD = "A 52-year-old woman presents with cough and fever. Started on acetylcysteine."
UNTOLD = "A 52-year-old woman presents with cough. Started on acetylcysteine."
INVENTING = "A 52-year-old woman presents with cough, fever and headache. Started on acetylcysteine."


@pytest.fixture(scope="module")
def patient(core: Graph) -> Bundle:
    """Acute bronchitis with cough and fever in a woman of 52 on acetylcysteine."""
    symptoms = tuple(Fact(core.resolve(one), (0,), 0.5) for one in ("HP:0012735", "HP:0001945"))
    return Bundle(
        7, 99, core.resolve("ICD10:J20"), 52, "female", symptoms, (Fact(core.resolve("ATC:R05CB01"), (0,), 0.5),)
    )


@pytest.fixture(scope="module")
def bundles(core: Graph) -> list[Bundle]:
    """500 bundles of the default MKG."""
    return list(BundleSampler(core, np.full(core.num_edges, 0.5, np.float32)).draw(seed=3, count=500))


@pytest.fixture(scope="module")
def llama() -> LlamaCppRuntime:
    """The real default model."""
    return LlamaCppRuntime(default_model(), context=1024, threads=1)


# -- the loop ----------------------------------------------------------------------------------------------------------


def test_the_first_accepted_text_is_taken_after_tries_with_different_seeds(core, patient):
    runtime = ScriptedRuntime([UNTOLD, INVENTING, GOOD, "never asked for"])
    (note,) = NoteWriter(core, NoteConfig(tries=5), runtime).write([patient])
    assert note.verdict.accepted
    assert (note.text, note.tries) == (GOOD, 3)
    assert note.failures == ((MISSING,), (INVENTED,))
    seeds = [request.seed for request in runtime.requests]
    assert len(set(seeds)) == len(seeds) == 3
    assert note.seed == seeds[-1]


def test_a_bundle_is_rejected_after_all_tries_with_every_reason_kept(core, patient):
    runtime = ScriptedRuntime([UNTOLD, UNTOLD, INVENTING])
    (note,) = NoteWriter(core, NoteConfig(tries=3), runtime).write([patient])
    assert not note.verdict.accepted
    assert (note.text, note.tries) == (INVENTING, 3)
    assert note.failures == ((MISSING,), (MISSING,))
    assert note.verdict.reasons == (INVENTED,)
    summary = NoteSummary()
    summary.add(note)
    expected = {"accepted": 0, "rejected": 1, "texts": 3, "reasons": {MISSING: 2, INVENTED: 1}}
    assert summary.to_json() == expected


def test_a_text_that_the_token_limit_stopped_is_thrown_away(core, patient):
    config = NoteConfig(tries=1, sampling=Sampling(max_tokens=8))
    (note,) = NoteWriter(core, config, ScriptedRuntime([GOOD])).write([patient])
    assert CUT_OFF in note.verdict.reasons


def test_each_bundle_gives_one_note_in_order_and_the_same_again(core, bundles):
    def written() -> list[tuple[int, str]]:
        notes = NoteWriter(core, NoteConfig(), None).write(bundles[:20])
        return [(note.bundle.index, note.text) for note in notes]

    assert [index for index, _ in written()] == list(range(20))
    assert written() == written()


def test_the_request_of_a_bundle_does_not_depend_on_the_ones_before(core, bundles):
    together, alone = ScriptedRuntime(["no"]), ScriptedRuntime(["no"])
    list(NoteWriter(core, NoteConfig(tries=1), together).write(bundles[:3]))
    list(NoteWriter(core, NoteConfig(tries=1), alone).write(bundles[2:3]))
    assert alone.requests == together.requests[2:]


def test_a_model_that_does_not_write_the_language_is_refused_with_a_sentence(core):
    with pytest.raises(KGError) as caught:
        NoteWriter(core, NoteConfig(lang="ru"), ScriptedRuntime(["x"], languages=("en",)))
    assert str(caught.value) == (
        "the model scripted writes en, not ru; give --model a model that does (with --model-languages ru), "
        "or word the notes with --template-only"
    )


def test_an_unknown_language_and_no_tries_are_refused(core):
    with pytest.raises(UnknownNameError, match="unknown language 'de'"):
        NoteWriter(core, NoteConfig(lang="de"), None)
    with pytest.raises(KGError, match="0 tries asked for; give at least 1"):
        NoteWriter(core, NoteConfig(tries=0), None)


# -- records -----------------------------------------------------------------------------------------------------------

FIELDS = {
    "id",
    "lang",
    "icd10",
    "text",
    "verdict",
    "problems",
    "tries",
    "failures",
    "seed",
    "bundle",
    "wording",
    "prompt_sha256",
    "model",
    "model_sha256",
    "sampling",
}


def test_the_record_of_an_accepted_model_note_is_complete_plain_data(core, patient):
    writer = NoteWriter(core, NoteConfig(), ScriptedRuntime([UNTOLD, GOOD]))
    (note,) = writer.write([patient])
    record = writer.record(note)
    assert set(record) == FIELDS
    assert json.loads(json.dumps(record)) == record
    assert (record["id"], record["lang"], record["icd10"]) == ("note-000007", "en", "J20")
    assert (record["verdict"], record["problems"], record["failures"]) == ("accepted", [], [[MISSING]])
    assert (record["text"], record["tries"], record["wording"], record["model"]) == (GOOD, 2, "model", "scripted")
    assert [symptom["id"] for symptom in record["bundle"]["symptoms"]] == ["HP:0012735", "HP:0001945"]
    assert record["sampling"]["max_tokens"] == Sampling().max_tokens


def test_the_record_of_a_rejected_note_shows_what_is_wrong_and_where(core, patient):
    writer = NoteWriter(core, NoteConfig(tries=1), ScriptedRuntime([INVENTING]))
    (note,) = writer.write([patient])
    record = json.loads(json.dumps(writer.record(note)))
    assert record["verdict"] == "rejected"
    (problem,) = record["problems"]
    assert (problem["reason"], problem["node"], problem["text"]) == (INVENTED, "HP:0002315", "headache")
    begin, end = problem["span"]
    assert record["text"][begin:end] == "headache"


def test_the_record_of_a_template_note_names_no_model(core, patient):
    writer = NoteWriter(core, NoteConfig(lang="ru"), None)
    (note,) = writer.write([patient])
    record = writer.record(note)
    assert set(record) == FIELDS
    assert record["wording"] == "template"
    assert (record["model"], record["model_sha256"], record["sampling"]) == (None, None, None)
    assert record["prompt_sha256"] == writer.provenance["prompt_sha256"]


# -- templates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name_diagnosis", [False, True])
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_template_notes_are_accepted_at_the_first_try(core, bundles, lang, name_diagnosis):
    writer = NoteWriter(core, NoteConfig(lang=lang, tries=1, name_diagnosis=name_diagnosis), None)
    accepted = sum(note.verdict.accepted for note in writer.write(bundles))
    assert accepted >= 0.99 * len(bundles)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_template_notes_vary_with_the_seed_and_name_every_fact(core, patient, lang):
    facts = facts_of(core, patient, lang, False)
    texts = {template_note(facts, lang, np.random.default_rng(seed)) for seed in range(30)}
    assert len(texts) > 10
    for text in texts:
        for name in facts.drugs:
            assert name in text
        for phrase, accusative in zip(facts.symptoms, facts.accusatives, strict=True):
            assert phrase in text or accusative in text


# -- wording and prompts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "sex", "en", "ru"),
    [
        (1, "male", "A 1-year-old boy", "Мальчик, 1 год"),
        (3, "female", "A 3-year-old girl", "Девочка, 3 года"),
        (8, "male", "An 8-year-old boy", "Мальчик, 8 лет"),
        (11, "male", "An 11-year-old boy", "Мальчик, 11 лет"),
        (12, "female", "A 12-year-old girl", "Девочка, 12 лет"),
        (17, "female", "A 17-year-old girl", "Девочка, 17 лет"),
        (18, "female", "An 18-year-old woman", "Женщина, 18 лет"),
        (21, "male", "A 21-year-old man", "Мужчина, 21 год"),
        (44, "female", "A 44-year-old woman", "Женщина, 44 года"),
        (70, "male", "A 70-year-old man", "Мужчина, 70 лет"),
        (81, "female", "An 81-year-old woman", "Женщина, 81 год"),
        (88, "male", "An 88-year-old man", "Мужчина, 88 лет"),
        (90, "male", "A 90-year-old man", "Мужчина, 90 лет"),
    ],
)
def test_a_patient_is_introduced_with_the_right_article_noun_and_years(core, patient, age, sex, en, ru):
    someone = replace(patient, age=age, sex=sex)
    for lang, introduced in (("en", en), ("ru", ru)):
        facts = facts_of(core, someone, lang, False)
        assert facts.introduced == introduced
        assert introduced.lower().endswith(patient_words(age, sex, lang))


def test_the_english_prompt_holds_the_facts(core, patient):
    builder, facts = PromptBuilder("en"), facts_of(core, patient, "en", False)
    request = builder.messages(facts)[-1]
    assert request == Message("user", "Patient: 52-year-old woman\nSymptoms: cough; fever\nTreatment: acetylcysteine")
    assert builder.opening(facts) == "A 52-year-old woman presents with cough"


def test_the_russian_prompt_holds_the_facts_and_opens_in_the_accusative(core, patient):
    dyspnea = Fact(core.resolve("HP:0002094"), (0,), 0.5)
    someone = replace(patient, symptoms=(dyspnea, *patient.symptoms), drugs=())
    builder, facts = PromptBuilder("ru"), facts_of(core, someone, "ru", False)
    request = builder.messages(facts)[-1]
    assert request == Message("user", "Пациент: женщина, 52 года\nСимптомы: одышка; кашель; лихорадка")
    assert builder.opening(facts) == "Жалобы на одышку"


@pytest.mark.parametrize(("lang", "line"), [("en", "Diagnosis: acute bronchitis"), ("ru", "Диагноз: острый бронхит")])
def test_the_diagnosis_is_in_the_request_only_when_it_may_be_named(core, patient, lang, line):
    builder = PromptBuilder(lang)
    hidden = builder.messages(facts_of(core, patient, lang, False))[-1].content
    assert line not in hidden
    assert builder.messages(facts_of(core, patient, lang, True))[-1].content == f"{hidden}\n{line}"


def test_examples_are_turns_between_the_system_text_and_the_request(core, patient):
    facts = facts_of(core, patient, "en", False)
    roles = [message.role for message in PromptBuilder("en", examples=2).messages(facts)]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [message.role for message in PromptBuilder("en", examples=0).messages(facts)] == ["system", "user"]


def test_the_prompt_hash_tells_examples_and_languages_apart():
    hashes = [PromptBuilder("en", count).hash for count in (0, 1, 2)] + [PromptBuilder("ru", 0).hash]
    assert len(set(hashes)) == 4
    assert PromptBuilder("en", 2).hash == hashes[2]
    changed = PromptBuilder("en", 2)
    changed.examples[1] = replace(changed.examples[1], text="Another text.")
    assert changed.hash != hashes[2]


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_every_example_says_its_own_facts(lang):
    for example in PromptBuilder(lang).examples:
        stems = [word[:4].lower() for name in (*example.facts.symptoms, *example.facts.drugs) for word in name.split()]
        assert [stem for stem in stems if stem not in example.text.lower()] == []


# -- runtimes ----------------------------------------------------------------------------------------------------------

CHAT = (
    Message("system", "You write one short sentence."),
    Message("user", "Symptoms: headache"),
    Message("assistant", "He has a headache."),
    Message("user", "Symptoms: cough; fever"),
)
REQUEST = Request(CHAT, "The patient", 5, Sampling(max_tokens=40))


@pytest.fixture(params=["scripted", "llama.cpp"])
def runtime(request):
    """Each runtime behind the contract."""
    if request.param == "scripted":
        return ScriptedRuntime(["The patient " + "coughs and " * 30 + "sleeps."])
    return request.getfixturevalue("llama")


def test_the_same_request_gives_the_same_text_whatever_came_before(runtime):
    hot = Sampling(temperature=1.5, min_p=0.02, max_tokens=16)
    other = Request((Message("user", "Name three colours."),), "They are", 6, Sampling(max_tokens=2))
    sibling = replace(REQUEST, messages=(*CHAT[:-1], Message("user", "Symptoms: cough; rash")))
    for seed in range(4):
        request = replace(REQUEST, seed=seed, sampling=hot)
        texts = []
        for before in (other, request, sibling, other):
            runtime.complete(replace(before, sampling=other.sampling))
            texts.append(runtime.complete(request))
        assert texts == [texts[0]] * 4


def test_a_text_begins_with_its_opening(runtime):
    assert runtime.complete(REQUEST).text.startswith("The patient")


def test_a_text_is_no_longer_than_the_token_limit_and_then_unfinished(runtime):
    cut = runtime.complete(replace(REQUEST, sampling=Sampling(max_tokens=4)))
    assert cut.answer_tokens == 4
    assert not cut.finished
    assert len(cut.text.split()) <= 2 + 4


def test_a_runtime_says_what_it_is_and_which_languages_it_writes(runtime):
    description = runtime.description
    assert {"model", "sha256", "languages"} <= set(description)
    assert description["languages"] == list(runtime.languages)
    assert json.loads(json.dumps(description)) == description


def test_another_seed_gives_another_text_of_the_real_model(llama):
    warm = replace(REQUEST, sampling=Sampling(temperature=1.5, max_tokens=12))
    assert len({llama.complete(replace(warm, seed=seed)).text for seed in range(4)}) > 1


def test_the_real_model_is_known_to_write_english_alone(llama):
    assert llama.languages == ("en",)
    assert llama.description["model"] == default_model().name
    assert len(llama.description["sha256"]) == 64


def test_a_prompt_that_fills_the_context_is_refused_with_its_length(llama):
    long = replace(REQUEST, messages=(Message("user", "cough " * 1100),))
    with pytest.raises(KGError, match=r"the prompt has \d+ tokens, the context 1024"):
        llama.complete(long)


def test_a_model_note_begins_with_the_opening_and_is_verified(core, patient, llama):
    writer = NoteWriter(core, NoteConfig(tries=1, sampling=Sampling(max_tokens=60)), llama)
    (note,) = writer.write([patient])
    facts = facts_of(core, patient, "en", False)
    assert isinstance(facts, Facts)
    assert note.text.startswith(PromptBuilder("en").opening(facts))
    assert writer.record(note)["model_sha256"] == llama.description["sha256"]
