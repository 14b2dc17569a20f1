"""A bundle is worded rightly in both languages; a user's templates replace ours or are refused in one clear line."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from generation.examples import Example
from generation.prompts import Facts, Wording, facts_of, introduction, patient_words
from generation.rendering import TEMPLATES
from generation.runtimes.contract import Message
from kgengine.bundles import Bundle, Fact
from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph

Folder = Callable[..., Path]
VISIT = (TEMPLATES / "visit.en.j2").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def patient(core: Graph) -> Bundle:
    """Acute bronchitis with dyspnea, cough and fever in a woman of 52 on acetylcysteine."""
    symptoms = tuple(Fact(core.resolve(one), (0,), 0.5) for one in ("HP:0002094", "HP:0012735", "HP:0001945"))
    drugs = (Fact(core.resolve("ATC:R05CB01"), (0,), 0.5),)
    return Bundle(7, 99, core.resolve("ICD10:J20"), 52, "female", symptoms, drugs)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write a folder of a user's templates: name with "__" for the dot before the language, and source."""

    def make(**sources: str | bytes) -> Path:
        for name, source in sources.items():
            path = tmp_path / (name.replace("__", ".") + ".j2")
            path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return tmp_path

    return make


def refusal(folder: Path, kind: str = "visit") -> str:
    """Give the message with which a folder of templates is refused."""
    with pytest.raises(KGError) as caught:
        Wording(kind, "en", folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- facts -------------------------------------------------------------------------------------------------------------


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
def test_a_patient_is_introduced_with_the_right_article_noun_and_years(
    core: Graph, patient: Bundle, age: int, sex: str, en: str, ru: str
) -> None:
    for lang, introduced in (("en", en), ("ru", ru)):
        facts = facts_of(core, replace(patient, age=age, sex=sex), lang)
        assert facts.introduced == introduced == introduction(facts.patient, lang)
        assert introduced.lower().endswith(patient_words(age, sex, lang))


def test_the_facts_of_a_bundle_in_both_languages(core: Graph, patient: Bundle) -> None:
    assert facts_of(core, patient, "en") == Facts(
        patient="52-year-old woman",
        introduced="A 52-year-old woman",
        sex="female",
        symptoms=("shortness of breath", "cough", "fever"),
        accusatives=("shortness of breath", "cough", "fever"),
        drugs=("acetylcysteine",),
    )
    assert facts_of(core, patient, "ru", name_diagnosis=True) == Facts(
        patient="женщина, 52 года",
        introduced="Женщина, 52 года",
        sex="female",
        symptoms=("одышка", "кашель", "лихорадка"),
        accusatives=("одышку", "кашель", "лихорадку"),
        drugs=("ацетилцистеин",),
        diagnosis="острый бронхит",
    )


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_varied_facts_take_every_name_about_equally_often(core: Graph, patient: Bundle, lang: str) -> None:
    def drawn(seed: int) -> Facts:
        return facts_of(core, patient, lang, varied=np.random.default_rng(seed))

    assert drawn(3) == drawn(3)
    assert drawn(3).accusatives == ()
    assert drawn(3).drugs == facts_of(core, patient, lang).drugs
    wording = core.wording(patient.symptoms[0].node, lang)
    counts = Counter(drawn(seed).symptoms[0] for seed in range(1000))
    assert set(counts) == {wording.phrase, *wording.synonyms}
    assert len(counts) > 8
    assert min(counts.values()) > 500 / len(counts)


@pytest.mark.parametrize(
    ("lang", "symptom", "sex", "never", "still"),
    [
        ("en", "HP:0002039", "female", "off his food", "off her food"),
        ("en", "HP:0002039", "male", "off her food", "off his food"),
        ("en", "HP:0000789", "male", "trouble getting pregnant", "inability to conceive"),
        ("ru", "HP:0001824", "female", "похудел", "снижение веса"),
        ("ru", "HP:0001824", "male", "-", "похудел"),
    ],
)
def test_varied_names_suit_the_patients_sex(
    core: Graph, patient: Bundle, lang: str, symptom: str, sex: str, never: str, still: str
) -> None:
    one = replace(patient, sex=sex, symptoms=(Fact(core.resolve(symptom), (0,), 0.5),))
    found = {facts_of(core, one, lang, varied=np.random.default_rng(seed)).symptoms[0] for seed in range(300)}
    assert never not in found
    assert still in found


# -- prompts -----------------------------------------------------------------------------------------------------------


def test_the_request_holds_the_facts_and_what_a_repair_avoids(core: Graph, patient: Bundle) -> None:
    english = Wording("anamnesis", "en")
    asked = "Patient: 52-year-old woman\nSymptoms: shortness of breath; cough; fever\nTreatment: acetylcysteine"
    facts = facts_of(core, patient, "en")
    assert english.messages(facts)[-1] == Message("user", asked)
    told = replace(facts, diagnosis="acute bronchitis", avoid=("rash", "he"))
    assert english.messages(told)[-1].content == f"{asked}\nDiagnosis: acute bronchitis\nDo not write: rash; he"
    russian = facts_of(core, replace(patient, drugs=()), "ru")
    content = Wording("visit", "ru").messages(replace(russian, avoid=("сыпь",)))[-1].content
    assert content == "Пациент: женщина, 52 года\nСимптомы: одышка; кашель; лихорадка\nНе пиши: сыпь"


def test_examples_are_turns_between_the_system_text_and_the_request(core: Graph, patient: Bundle) -> None:
    wording, facts = Wording("complaints", "en"), facts_of(core, patient, "en")
    own = Example("1", "user", Facts("", "", "any", ("rash", "itch"), (), ()), "Rash, itch.")
    turns = wording.messages(facts, [own, own])
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert turns[1:3] == (Message("user", "Symptoms: rash; itch"), Message("assistant", "Rash, itch."))
    assert [turn.role for turn in wording.messages(facts)] == ["system", "user"]
    assert wording.messages(facts)[0].content.startswith("You write the complaints of a patient")


@pytest.mark.parametrize(
    ("kind", "lang", "opening", "varied", "symptom", "drug"),
    [
        ("complaints", "en", "Complains of cough", "Complains of cough", "Also notes fever", "Also notes fever"),
        ("complaints", "ru", "Жалобы на одышку", "Жалобы: cough", "Также беспокоит: fever", "Также беспокоит: fever"),
        (
            *("anamnesis", "en", "A 52-year-old woman presents with cough", "A 52-year-old woman presents with cough"),
            *("She also reports fever", "She was prescribed fever"),
        ),
        (
            *("anamnesis", "ru", "Женщина, 52 года. Жалобы на одышку", "Женщина, 52 года. Жалобы: cough"),
            *("Также беспокоит: fever", "Назначено: fever"),
        ),
        ("visit", "en", "Complaints: cough", "Complaints: cough", "She also has fever", "Prescribed fever"),
        ("visit", "ru", "Жалобы: cough", "Жалобы: cough", "Также беспокоит: fever", "Назначено: fever"),
    ],
)
def test_openings_and_what_goes_on(kind: str, lang: str, opening: str, varied: str, symptom: str, drug: str) -> None:
    words = patient_words(52, "female", lang)
    usual = Facts(words, introduction(words, lang), "female", ("cough",), ("одышку",), (), missing=("fever", "rash"))
    wording = Wording(kind, lang)
    assert wording.block("opening", usual) == opening
    assert wording.block("opening", replace(usual, accusatives=())) == varied
    assert wording.block("more", usual) == symptom
    assert wording.block("more", replace(usual, missing_drug=True)) == drug


# -- templates of the user's own ---------------------------------------------------------------------------------------


def test_a_users_template_replaces_ours_and_the_rest_stays(core: Graph, patient: Bundle, folder: Folder) -> None:
    facts = facts_of(core, patient, "en")
    own = folder(visit__en=VISIT.replace("You write clinical notes", "Write as I do"))
    ours, mine = Wording("visit", "en").messages(facts), Wording("visit", "en", own).messages(facts)
    assert mine[0].content == ours[0].content.replace("You write clinical notes", "Write as I do") != ours[0].content
    assert mine[1:] == ours[1:]
    requested = Wording("anamnesis", "en", folder(request__en="Tell: {{ listed(symptoms) }}")).messages(facts)
    assert requested[-1].content == "Tell: shortness of breath, cough and fever"
    assert requested[0] == Wording("anamnesis", "en").messages(facts)[0]


def test_the_hash_covers_every_template_that_a_prompt_is_made_of(folder: Folder) -> None:
    ours = [Wording(kind, lang).hash for kind in ("complaints", "anamnesis", "visit") for lang in ("en", "ru")]
    assert len(set(ours)) == 6
    included = VISIT.replace("You write", "{% include 'tone.j2' %} You write")
    own = [
        Wording("visit", "en", folder(visit__en=VISIT)).hash,
        Wording("visit", "en", folder(request__en="Symptoms: {{ symptoms }}")).hash,
        Wording("visit", "en", folder(visit__en=included, tone="Be terse.")).hash,
        Wording("visit", "en", folder(tone="Be chatty.")).hash,
    ]
    assert own[0] == ours[4]
    assert len(set(own)) == 4
    assert Wording("visit", "en", folder()).hash == own[3]


def test_stock_sentences_come_with_their_headings_and_only_where_a_template_has_them(folder: Folder) -> None:
    assert "Plan: advice was given." in Wording("visit", "en").stock()
    assert all(one.startswith(("Анамнез: ", "Осмотр: ", "План: ")) for one in Wording("visit", "ru").stock())
    assert Wording("anamnesis", "en").stock() == []
    assert Wording("visit", "en", folder(visit__en=VISIT.replace("block stock", "block other"))).stock() == []


def test_a_folder_without_a_template_of_the_language_is_refused_with_the_names(folder: Folder, tmp_path: Path) -> None:
    others = "(others: anamnesis.en.j2, complaints.en.j2, request.en.j2, visit.en.j2)"
    own = folder(visit__ru="x", card="x", notes="x")
    assert refusal(own) == f"{own} has no template; name one visit.en.j2 {others}"
    missing = tmp_path / "nowhere"
    assert refusal(missing, "complaints") == f"{missing} has no template; name one complaints.en.j2 {others}"


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"visit__en": "\n{% block"}, "template visit.en.j2, line 2 is wrong: unexpected end of template"),
        ({"request__en": "a\nb\n{{ c d }}"}, "template request.en.j2, line 3 is wrong: expected token 'end of print"),
        ({"visit__en": VISIT.replace("symptoms[0]", "symptoms | shout")}, "line 6 is wrong: No filter named 'shout'"),
        ({"visit__en": b"\xff\xfe\xff"}, "template visit.en.j2 can't be read: 'utf-8' codec can't decode byte 0xff"),
        (
            {"visit__en": "{% block system %}{% endblock %}"},
            "visit.en.j2 has no block request, opening, more, wording",
        ),
        ({"request__en": "{% include 'no.j2' %}"}, "template visit.en.j2 includes no.j2, which is not there;"),
    ],
)
def test_a_wrong_template_is_refused_with_its_name_and_place(
    folder: Folder, sources: dict[str, str | bytes], message: str
) -> None:
    found = refusal(folder(**sources))
    assert message in found
    assert found.endswith("; see docs/notes.md")


@pytest.mark.parametrize(
    ("inserted", "message"),
    [
        ("{{ mood }}", "template visit.en.j2, block system: 'mood' is undefined; see docs/notes.md"),
        ("{{ symptoms[9] }}", "template visit.en.j2, block system: tuple object has no element 9; see docs/notes.md"),
        ("{{ 1 / 0 }}", "template visit.en.j2, block system: division by zero; see docs/notes.md"),
        ("{{ sex + 1 }}", 'template visit.en.j2, block system: can only concatenate str (not "int") to str; see doc'),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(
    core: Graph, patient: Bundle, folder: Folder, inserted: str, message: str
) -> None:
    wording = Wording("visit", "en", folder(visit__en=VISIT.replace("You write", inserted)))
    with pytest.raises(KGError) as caught:
        wording.messages(facts_of(core, patient, "en"))
    assert message in str(caught.value)
    lost = Wording("visit", "en", folder(visit__en=VISIT.replace("Plan: advice was given.", inserted)))
    with pytest.raises(KGError, match="block stock"):
        lost.stock()


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown language 'de'"):
        Wording("visit", "de")


def test_a_worded_note_keeps_its_lines_and_one_blank_between_words(folder: Folder) -> None:
    source = VISIT[: VISIT.index("{% block wording")] + "{% block wording %}  A   {{ sex }}\n\n\n b\t c {% endblock %}"
    facts = Facts("", "", "female", (), (), ())
    assert Wording("visit", "en", folder(visit__en=source)).note(facts, np.random.default_rng(0)) == "A female\nb c"
