"""A note is accepted exactly when it says its bundle's facts, about its patient, and nothing else.

One bundle (acute bronchitis with cough, fever and a runny nose, acetylcysteine, a woman of 52) and notes
written by hand around it, one fault a note, in English and Russian; every reason of `REASONS` occurs in both.
"""

import pytest

from generation.verification import (
    CONTRADICTED,
    CUT_OFF,
    DIAGNOSIS_NAMED,
    EMPTY,
    INVENTED,
    MISSING,
    NEGATED,
    REASONS,
    REPETITION,
    WRONG_LANGUAGE,
    WRONG_PATIENT,
    Verifier,
)
from kgengine.bundles import Bundle, Fact
from kgengine.graph import Graph

COUGH, FEVER, RUNNY_NOSE, DRUG = "HP:0012735", "HP:0001945", "HP:0031417", "ATC:R05CB01"

GOOD = {
    "en": "A 52-year-old woman presents with cough and fever. She also has a runny nose. Started on acetylcysteine.",
    "ru": "Женщина, 52 года. Жалобы на кашель и лихорадку. Также беспокоит насморк. Назначен ацетилцистеин.",
}


def _bundle(
    core: Graph, disease: str, symptoms: list[str], drugs: list[str], age: int = 52, sex: str = "female"
) -> Bundle:
    def facts(ids: list[str]) -> tuple[Fact, ...]:
        return tuple(Fact(core.resolve(one), (0,), 0.5) for one in ids)

    return Bundle(0, 1, core.resolve(disease), age, sex, facts(symptoms), facts(drugs))


@pytest.fixture(scope="module")
def bronchitis(core: Graph) -> Bundle:
    """The bundle that most notes here are about."""
    return _bundle(core, "ICD10:J20", [COUGH, FEVER, RUNNY_NOSE], [DRUG])


@pytest.fixture(scope="module")
def verifiers(core: Graph) -> dict[str, Verifier]:
    """A verifier for each language."""
    return {lang: Verifier(core, lang) for lang in ("en", "ru")}


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", GOOD["en"]),
        ("ru", GOOD["ru"]),
        ("en", "Coughing, a raised temperature and a runny nose for 3 days in a woman aged 52. Plan: acetylcysteine."),
        ("en", "She has a runny nose, fever and cough. She denies chest pain and headache. Given acetylcysteine."),
        ("en", "She has a cough. The cough came with fever and a runny nose. Given acetylcysteine (600 mg)."),
        ("ru", "Обратилась с кашлем, повышением температуры и насморком. Рекомендован ацетилцистеин."),
        ("ru", "Кашель, лихорадка, насморк. Боль в груди и одышку отрицает. Лечение: ацетилцистеин."),
        ("ru", "Пациентка 52 лет жалуется на лихорадку, кашель, насморк. Головной боли нет. Назначен ацетилцистеин."),
    ],
)
def test_a_note_that_says_its_facts_and_no_others_is_accepted(verifiers, bronchitis, lang, text):
    verdict = verifiers[lang].verify(text, bronchitis)
    assert verdict.problems == ()
    assert verdict.accepted


FAULTS = [
    # lang, reason, node, the words that show it, the note
    ("en", MISSING, RUNNY_NOSE, "runny nose", "She presents with cough and fever. Started on acetylcysteine."),
    ("ru", MISSING, RUNNY_NOSE, "насморк", "Жалобы на кашель и лихорадку. Назначен ацетилцистеин."),
    ("en", MISSING, DRUG, "acetylcysteine", "She presents with cough, fever and a runny nose."),
    ("ru", MISSING, DRUG, "ацетилцистеин", "Жалобы на кашель, лихорадку, насморк."),
    ("en", NEGATED, FEVER, "fever", GOOD["en"] + " No fever at the visit."),
    ("ru", NEGATED, FEVER, "лихорадки", GOOD["ru"] + " На приёме лихорадки нет."),
    ("en", NEGATED, COUGH, "cough", GOOD["en"] + " She does not have a cough at night."),
    ("en", CONTRADICTED, DRUG, "acetylcysteine", GOOD["en"] + " She is allergic to acetylcysteine."),
    ("en", CONTRADICTED, DRUG, "acetylcysteine", GOOD["en"] + " She refused to take acetylcysteine."),
    ("ru", CONTRADICTED, DRUG, "ацетилцистеин", GOOD["ru"] + " На ацетилцистеин аллергия."),
    ("ru", CONTRADICTED, DRUG, "Ацетилцистеин", GOOD["ru"] + " Ацетилцистеин отменён."),
    ("en", INVENTED, "ICD10:M10", "gout", GOOD["en"] + " She had gout two years ago."),
    ("ru", INVENTED, "ICD10:M10", "подагра", GOOD["ru"] + " В анамнезе подагра."),
    ("en", INVENTED, "ATC:J01CA04", "amoxicilin", GOOD["en"] + " She also takes amoxicilin."),
    ("ru", INVENTED, "ATC:J01CA04", "амоксицилин", GOOD["ru"] + " Принимает амоксицилин."),
    ("en", DIAGNOSIS_NAMED, "ICD10:J20", "acute bronchitis", GOOD["en"] + " Her mother had acute bronchitis."),
    ("en", DIAGNOSIS_NAMED, "ICD10:J20", "acute bronchitis", GOOD["en"] + " Suspected acute bronchitis."),
    ("ru", DIAGNOSIS_NAMED, "ICD10:J20", "острый бронхит", GOOD["ru"] + " Подозрение на острый бронхит."),
    ("en", INVENTED, "HP:0002315", "headache", GOOD["en"].replace("a runny nose", "a runny nose and headache")),
    ("ru", INVENTED, "HP:0002315", "головную боль", GOOD["ru"].replace("кашель", "кашель, головную боль")),
    (
        "en",
        INVENTED,
        "ATC:J01CA04",
        "amoxicillin",
        GOOD["en"].replace("acetylcysteine", "acetylcysteine and amoxicillin"),
    ),
    ("ru", INVENTED, "ATC:J01CA04", "амоксициллин", GOOD["ru"].replace("ацетилцистеин", "ацетилцистеин, амоксициллин")),
    ("en", INVENTED, "ICD10:J18", "pneumonia", GOOD["en"] + " This looks like pneumonia."),
    ("ru", INVENTED, "ICD10:J18", "пневмонию", GOOD["ru"] + " Похоже на пневмонию."),
    ("en", INVENTED, "HP:0031245", "productive cough", GOOD["en"] + " It is a productive cough."),
    ("en", DIAGNOSIS_NAMED, "ICD10:J20", "acute bronchitis", GOOD["en"] + " The diagnosis is acute bronchitis."),
    ("ru", DIAGNOSIS_NAMED, "ICD10:J20", "острый бронхит", GOOD["ru"] + " Диагноз: острый бронхит."),
    ("en", DIAGNOSIS_NAMED, "ICD10:J20", "acute bronchitis", GOOD["en"] + " No sign of acute bronchitis."),
    ("en", WRONG_PATIENT, None, "His", GOOD["en"] + " His job is stressful."),
    ("ru", WRONG_PATIENT, None, "Мужчина", GOOD["ru"].replace("Женщина, 52 года", "Мужчина")),
    ("en", WRONG_PATIENT, None, "25-year-old", GOOD["en"].replace("52", "25")),
    ("en", WRONG_PATIENT, None, "aged 53", GOOD["en"].replace("A 52-year-old woman", "A woman aged 53")),
    ("ru", WRONG_PATIENT, None, "Женщина, 25 лет", GOOD["ru"].replace("52 года", "25 лет")),
    ("en", WRONG_LANGUAGE, None, "", GOOD["en"] + " Хорошо."),
    (
        "ru",
        WRONG_LANGUAGE,
        None,
        "",
        GOOD["ru"] + " She denies fever.",
    ),
    ("en", REPETITION, COUGH, "cough", GOOD["en"].replace("cough and fever", "cough, fever and cough")),
    ("ru", REPETITION, COUGH, "кашель", GOOD["ru"].replace("кашель и", "кашель, кашель и")),
    ("en", CUT_OFF, None, "", GOOD["en"] + " She was told to"),
    ("ru", CUT_OFF, None, "", GOOD["ru"] + " Явка через"),
]


@pytest.mark.parametrize(("lang", "reason", "node", "shown", "text"), FAULTS)
def test_one_fault_is_reported_once_with_its_node_and_words(verifiers, bronchitis, lang, reason, node, shown, text):
    verdict = verifiers[lang].verify(text, bronchitis)
    assert not verdict.accepted
    assert [(problem.reason, problem.node) for problem in verdict.problems if problem.reason != reason] == []
    (problem,) = verdict.problems
    assert (problem.node, problem.text) == (node, shown)
    if problem.span is not None:
        assert text[slice(*problem.span)] == shown


@pytest.mark.parametrize(("lang", "text"), [("en", ""), ("en", " \n"), ("ru", "\t")])
def test_a_blank_note_is_empty_and_nothing_else(verifiers, bronchitis, lang, text):
    assert verifiers[lang].verify(text, bronchitis).reasons == (EMPTY,)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_every_reason_is_tested_in_this_language(lang):
    assert {fault[1] for fault in FAULTS if fault[0] == lang} | {EMPTY} == set(REASONS)


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", GOOD["en"].replace("also has", "denies")),
        ("ru", GOOD["ru"].replace("Также беспокоит насморк", "Насморка нет")),
    ],
)
def test_a_fact_that_is_only_denied_is_negated_and_missing(verifiers, bronchitis, lang, text):
    verdict = verifiers[lang].verify(text, bronchitis)
    assert [(problem.reason, problem.node) for problem in verdict.problems] == [
        (MISSING, RUNNY_NOSE),
        (NEGATED, RUNNY_NOSE),
    ]


@pytest.mark.parametrize(
    ("lang", "told", "instead"),
    [
        ("en", "She also has a runny nose.", "She had a runny nose last year."),
        ("en", "She also has a runny nose.", "Her son has a runny nose."),
        ("en", "She also has a runny nose.", "She is to return if she gets a runny nose."),
        ("ru", "Также беспокоит насморк.", "Насморк прошёл."),
        ("ru", "Также беспокоит насморк.", "У сына насморк."),
        ("ru", "Также беспокоит насморк.", "Явка при появлении насморка."),
    ],
)
def test_a_fact_that_is_only_past_a_relative_s_or_possible_is_missing(verifiers, bronchitis, lang, told, instead):
    verdict = verifiers[lang].verify(GOOD[lang].replace(told, instead), bronchitis)
    assert [(problem.reason, problem.node) for problem in verdict.problems] == [(MISSING, RUNNY_NOSE)]


@pytest.mark.parametrize(
    ("lang", "tail"),
    [
        ("en", " Her mother has asthma."),
        ("en", " No chest pain."),
        ("en", " She should return if chest pain develops."),
        ("en", " She is allergic to amoxicillin."),
        ("en", " Pneumonia cannot be excluded."),
        ("ru", " У матери бронхиальная астма."),
        ("ru", " Боли в груди нет."),
        ("ru", " Явка при появлении одышки."),
        ("ru", " Аллергия на амоксициллин."),
        ("ru", " Пневмония не исключена."),
    ],
)
def test_what_is_denied_a_relative_s_or_possible_is_let_pass(verifiers, bronchitis, lang, tail):
    assert verifiers[lang].verify(GOOD[lang] + tail, bronchitis).problems == ()


@pytest.mark.parametrize(
    ("lang", "good", "bad"),
    [("en", "acetylcysteine", "acetylcystein"), ("ru", "ацетилцистеин", "ацетилцистиин"), ("ru", "кашель", "кашиль")],
)
def test_a_fact_may_be_misspelt(verifiers, bronchitis, lang, good, bad):
    assert verifiers[lang].verify(GOOD[lang].replace(good, bad), bronchitis).accepted


@pytest.mark.parametrize(
    ("lang", "tail"),
    [
        ("en", " She may go to work on Monday. She may go to work on Monday."),
        ("ru", " Ей следует пить много тёплой воды. Ей следует пить много тёплой воды."),
    ],
)
def test_six_words_said_twice_are_a_repetition(verifiers, bronchitis, lang, tail):
    verdict = verifiers[lang].verify(GOOD[lang] + tail, bronchitis)
    assert verdict.reasons == (REPETITION,)
    (problem,) = verdict.problems
    assert problem.span is not None
    assert (GOOD[lang] + tail)[slice(*problem.span)] == problem.text == " ".join(tail.split()[:6]).rstrip(".")
    assert problem.span[0] > len(GOOD[lang]) + len(tail) // 2 - 1


def test_a_finding_said_again_in_another_sentence_is_no_repetition(verifiers, bronchitis):
    assert verifiers["en"].verify(GOOD["en"] + " The cough is worst at night.", bronchitis).accepted


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_note_that_the_token_limit_stopped_is_cut_off_even_at_a_full_stop(verifiers, bronchitis, lang):
    assert verifiers[lang].verify(GOOD[lang], bronchitis, finished=False).reasons == (CUT_OFF,)


@pytest.mark.parametrize(
    ("lang", "symptom", "text", "reasons"),
    [
        ("en", "HP:0031245", "She has a cough with phlegm. The cough is worst at night.", ()),
        ("en", "HP:0033841", "She has itchy eyes. The itching is worst at night.", ()),
        ("en", "HP:0033841", "She has itchy eyes and itchy skin.", (INVENTED,)),
        ("en", "HP:0002248", "She was vomiting blood. The gastrointestinal bleeding began today.", (INVENTED,)),
        ("ru", "HP:0031245", "Жалобы на кашель с мокротой. Кашель усиливается ночью.", ()),
        ("ru", "HP:0033841", "Жалобы на зуд в глазах. Зуд усиливается ночью.", ()),
        ("ru", "HP:0033841", "Жалобы на зуд в глазах и зуд кожи.", (INVENTED,)),
    ],
)
def test_a_superclass_may_be_named_only_in_the_own_words_of_the_fact(core, verifiers, lang, symptom, text, reasons):
    assert verifiers[lang].verify(text, _bundle(core, "ICD10:J30", [symptom], [])).reasons == reasons


def test_a_superclass_alone_does_not_tell_the_fact(core, verifiers):
    verdict = verifiers["en"].verify("She has a cough.", _bundle(core, "ICD10:J20", ["HP:0031245"], []))
    assert [(problem.reason, problem.node) for problem in verdict.problems] == [(MISSING, "HP:0031245")]


@pytest.mark.parametrize(
    ("lang", "tail", "other"),
    [
        ("en", " The diagnosis is acute bronchitis.", " The diagnosis is pneumonia."),
        ("ru", " Диагноз: острый бронхит.", " Диагноз: пневмония."),
    ],
)
def test_naming_the_diagnosis_is_allowed_on_request_but_no_other_disease(core, bronchitis, lang, tail, other):
    verifier = Verifier(core, lang, name_diagnosis=True)
    assert verifier.verify(GOOD[lang] + tail, bronchitis).accepted
    assert verifier.verify(GOOD[lang] + other, bronchitis).reasons == (INVENTED,)


def test_a_man_is_accepted_as_he_and_refused_as_she(core, verifiers):
    man = _bundle(core, "ICD10:J20", [COUGH], [], age=60, sex="male")
    assert verifiers["en"].verify("A 60-year-old man with a cough. His wife came along.", man).reasons == ()
    assert verifiers["en"].verify("A 60-year-old man with a cough. She was advised.", man).reasons == (WRONG_PATIENT,)
    assert verifiers["ru"].verify("Мужчина, 60 лет. Кашель. Она обследована.", man).reasons == (WRONG_PATIENT,)


def test_a_note_in_the_other_language_is_the_wrong_language(verifiers, bronchitis):
    assert WRONG_LANGUAGE in verifiers["en"].verify(GOOD["ru"], bronchitis).reasons
    assert WRONG_LANGUAGE in verifiers["ru"].verify(GOOD["en"], bronchitis).reasons


def test_latin_names_are_allowed_in_a_russian_note(core, verifiers):
    patient = _bundle(core, "ICD10:D51", [COUGH], ["ATC:B03BA01"])
    assert verifiers["ru"].verify("Жалобы на кашель. Назначен витамин B12 (500 мкг, IM).", patient).accepted


def test_a_problem_as_plain_data_has_no_empty_fields(verifiers, bronchitis):
    (problem,) = verifiers["en"].verify(GOOD["en"] + " She was told to", bronchitis).problems
    assert problem.to_json() == {"reason": CUT_OFF}


@pytest.mark.parametrize(
    ("lang", "own", "other"),
    [
        ("en", "It is an antibiotic.", "It is an antiviral drug."),
        ("ru", "Это антибиотик.", "Это противовирусный препарат."),
    ],
)
def test_the_class_of_a_drug_may_be_named_but_no_other_class(core: Graph, lang: str, own: str, other: str) -> None:
    bundle = _bundle(core, "ICD10:J18", ["HP:0012735"], ["ATC:J01CA04"], age=40)
    said = {
        "en": "A 40-year-old woman presents with cough. She was prescribed amoxicillin.",
        "ru": "Женщина, 40 лет. Жалобы на кашель. Назначено: амоксициллин.",
    }[lang]
    verifier = Verifier(core, lang)
    assert verifier.verify(f"{said} {own}", bundle).accepted
    assert verifier.verify(f"{said} {other}", bundle).reasons == (INVENTED,)


@pytest.mark.parametrize(
    ("lang", "sentence", "word"),
    [("en", "He took paracetomab and came in April.", "paracetomab"), ("ru", "Принимал каптоприл.", "каптоприл")],
)
def test_a_word_that_ends_like_a_drug_and_is_none_is_invented(core: Graph, lang: str, sentence: str, word: str) -> None:
    bundle = _bundle(core, "ICD10:J20", [COUGH, FEVER, RUNNY_NOSE], [DRUG], sex="male")
    problems = Verifier(core, lang).verify(sentence, bundle).problems
    assert [problem.text for problem in problems if problem.reason == INVENTED] == [word]


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "Amoxicillin was stopped."),
        ("en", "She is allergic to amoxicillin."),
        ("ru", "Аллергия на амоксициллин."),
        ("ru", "Амоксициллин отменён."),
    ],
)
def test_a_drug_that_was_stopped_or_not_tolerated_contradicts_the_bundle(core: Graph, lang: str, sentence: str) -> None:
    bundle = _bundle(core, "ICD10:J18", ["HP:0012735"], ["ATC:J01CA04"], age=40)
    reasons = Verifier(core, lang).verify(sentence, bundle).reasons
    assert CONTRADICTED in reasons
    assert NEGATED not in reasons


@pytest.mark.parametrize(
    ("lang", "sex", "sentence"),
    [("en", "female", "She is 85."), ("en", "male", "He is pregnant."), ("ru", "male", "Обратилась с кашлем.")],
)
def test_a_wrong_age_or_a_word_of_the_other_sex_is_found(core: Graph, lang: str, sex: str, sentence: str) -> None:
    bundle = _bundle(core, "ICD10:J20", [COUGH], [], sex=sex)
    assert WRONG_PATIENT in Verifier(core, lang).verify(sentence, bundle).reasons
