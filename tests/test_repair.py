"""What a faulty text is mended with, each branch worked out by hand: what is kept, how it goes on, what is avoided.

The patient has cough, fever and rash and takes aspirin; the faults are made up, and where they lie is found by words.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from generation.kinds import KINDS
from generation.prompts import Facts, Wording
from generation.rendering import TEMPLATES
from generation.repair import Mender, Repair
from generation.review import COPIED, FORM, IDLE, SECTION, UNFOUNDED
from generation.verification import (
    CUT_OFF,
    DIAGNOSIS_NAMED,
    EMPTY,
    INVENTED,
    MISSING,
    NEGATED,
    REPETITION,
    WRONG_LANGUAGE,
    WRONG_PATIENT,
    Problem,
    Verdict,
)

FACTS = {
    "en": Facts(
        *("52-year-old woman", "A 52-year-old woman", "female"),
        *(("cough", "fever", "rash"), ("cough", "fever", "rash"), ("aspirin",)),
    ),
    "ru": Facts(
        *("женщина, 52 года", "Женщина, 52 года", "female"),
        *(("кашель", "лихорадка", "сыпь"), ("кашель", "лихорадку", "сыпь"), ("аспирин",)),
    ),
}
IDS = ("cough", "fever", "rash", "aspirin")
BEGUN = "A 52-year-old woman presents with cough"
TOLD = f"{BEGUN} and fever."
Fault = str | tuple[str, str]


def mender(kind: str, lang: str, folder: Path | None = None) -> Mender:
    """Make the mender of the patient's notes of a kind."""
    facts = FACTS[lang]
    names = dict(zip(IDS, (*facts.symptoms, *facts.drugs), strict=True))
    return Mender(Wording(kind, lang, folder), KINDS[kind], facts, names)


def verdict(text: str, *faults: Fault) -> Verdict:
    """Make a verdict: a reason alone has no place; what is missing is an id; other words lie where they first are."""
    problems = []
    for fault in faults:
        reason, words = (fault, "") if isinstance(fault, str) else fault
        if reason == MISSING:
            problems.append(Problem(MISSING, words, words))
        elif reason == SECTION or not words:
            problems.append(Problem(reason, None, words))
        else:
            start = text.index(words)
            problems.append(Problem(reason, None, words, (start, start + len(words))))
    return Verdict(tuple(problems))


def plan(text: str, *faults: Fault, kind: str = "anamnesis", lang: str = "en", again: bool = False) -> Repair | None:
    """Plan a repair."""
    return mender(kind, lang).plan(text, verdict(text, *faults), again, np.random.default_rng(0))


def opening(text: str, *faults: Fault, kind: str = "anamnesis", lang: str = "en", again: bool = False) -> str | None:
    """Give how the mended text begins, None when there is nothing to mend."""
    found = plan(text, *faults, kind=kind, lang=lang, again=again)
    return found and found.opening


# -- notes without sections --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [EMPTY, WRONG_LANGUAGE])
def test_nothing_is_mended_of_an_empty_or_foreign_text(reason: str) -> None:
    text = f"{TOLD} Headache."
    assert opening(text, (INVENTED, "Headache")) is not None
    assert opening(text, (INVENTED, "Headache"), reason) is None


@pytest.mark.parametrize(
    "fault",
    [
        (INVENTED, "headache"),
        (IDLE, "She has a headache."),
        (FORM, "She has a headache."),
        (COPIED, "has a headache"),
        (REPETITION, "has a headache"),
        (NEGATED, "headache"),
    ],
)
def test_all_before_the_faulty_sentence_is_kept(fault: Fault) -> None:
    text = f"{TOLD} She has a headache. Rash. She was prescribed aspirin."
    assert opening(text, fault) == TOLD
    assert opening(text, (INVENTED, "aspirin"), fault, CUT_OFF) == TOLD
    assert opening(text, fault, (MISSING, "rash")) == TOLD


def test_the_model_is_told_to_leave_out_the_words_of_false_claims_alone() -> None:
    text = f"{TOLD} He has Headache. Acute bronchitis, sauna, headache. Well. She coughs."
    faults: list[Fault] = [
        *((WRONG_PATIENT, "He"), (INVENTED, "Headache"), (INVENTED, "headache"), (DIAGNOSIS_NAMED, "Acute bronchitis")),
        *((UNFOUNDED, "sauna"), (IDLE, "Well."), (REPETITION, "coughs"), (MISSING, "rash"), CUT_OFF),
    ]
    found = plan(text, *faults)
    assert found is not None
    assert found.opening == TOLD
    assert found.facts == replace(FACTS["en"], avoid=("acute bronchitis", "he", "headache", "sauna"))


def test_a_fault_in_the_first_sentence_begins_the_text_anew() -> None:
    text = f"{BEGUN} and headache. She also reports fever."
    assert plan(text, (INVENTED, "headache")) == Repair(replace(FACTS["en"], avoid=("headache",)), BEGUN)
    assert opening(text, (INVENTED, "headache"), (MISSING, "rash"), again=True) == BEGUN


@pytest.mark.parametrize("again", [False, True])
def test_a_text_that_says_too_little_goes_on_with_what_is_missing(again: bool) -> None:
    def missing(*ids: str, text: str = TOLD) -> Repair | None:
        return plan(text, *((MISSING, one) for one in ids), again=again)

    facts = FACTS["en"]
    drug = Repair(replace(facts, missing=("aspirin",), missing_drug=True), f"{TOLD} She was prescribed aspirin")
    assert missing("aspirin") == drug
    symptom = Repair(replace(facts, missing=("rash",)), f"{TOLD} She also reports rash")
    assert missing("rash") == missing("rash", "aspirin") == missing("aspirin", "rash") == symptom
    both = Repair(replace(facts, missing=("rash", "fever")), f"{TOLD} She also reports rash")
    assert missing("rash", "fever") == both
    assert missing("aspirin", text=f"{TOLD} She also has") == drug
    assert missing("another node") is None


def test_a_text_that_was_only_cut_off_goes_on_after_its_last_whole_sentence() -> None:
    assert opening(f"{TOLD} She was", CUT_OFF) == TOLD
    assert opening(TOLD, CUT_OFF) is None
    assert opening(f"{BEGUN} and", CUT_OFF, (MISSING, "fever")) is None


def test_where_a_sentence_failed_before_it_begins_with_what_is_missing() -> None:
    text, fault = f"{TOLD} She has a headache.", (INVENTED, "headache")
    assert opening(text, fault, (MISSING, "rash")) == TOLD
    assert opening(text, fault, (MISSING, "rash"), again=True) == f"{TOLD} She also reports rash"
    assert opening(text, fault, (MISSING, "aspirin"), again=True) == f"{TOLD} She was prescribed aspirin"
    assert opening(text, fault, again=True) == TOLD


def test_russian_texts_go_on_in_russian() -> None:
    begun = "Женщина, 52 года. Жалобы на кашель и лихорадку."
    assert opening(f"{begun} Болит голова.", (INVENTED, "Болит голова"), lang="ru") == begun
    assert opening(begun, (MISSING, "rash"), lang="ru") == f"{begun} Также беспокоит: сыпь"
    assert opening(begun, (MISSING, "aspirin"), lang="ru") == f"{begun} Назначено: аспирин"
    complaints = opening("Жалобы на кашель. И", (MISSING, "rash"), CUT_OFF, kind="complaints", lang="ru")
    assert complaints == "Жалобы на кашель. Также беспокоит: сыпь"
    told = "Жалобы на кашель и лихорадку."
    assert opening(told, (MISSING, "rash"), kind="complaints", lang="ru") == f"{told} Также беспокоит: сыпь"


# -- visit notes -------------------------------------------------------------------------------------------------------

VISITS = {
    "en": ("Complaints: cough.", "History: fever.", "Examination: rash.", "Plan: aspirin."),
    "ru": ("Жалобы: кашель.", "Анамнез: лихорадка.", "Осмотр: сыпь.", "План: аспирин."),
}
MORE = {
    "en": ("She also has fever", "Prescribed aspirin"),
    "ru": ("Также беспокоит: лихорадка", "Назначено: аспирин"),
}
BOTH = pytest.mark.parametrize("lang", ["en", "ru"])


def lines(lang: str, *numbers: int) -> str:
    """Give these lines of the visit note."""
    return "\n".join(VISITS[lang][number] for number in numbers)


def heading(lang: str, number: int) -> str:
    """Give a heading."""
    return KINDS["visit"].headings[lang][number]


@BOTH
@pytest.mark.parametrize(
    ("there", "lost", "expected"),
    [((0, 1, 2), "aspirin", 3), ((0,), "fever", 1), ((0, 1), "rash", 2)],
)
def test_a_section_that_is_not_there_begins_with_a_fact(
    lang: str, there: tuple[int, ...], lost: str, expected: int
) -> None:
    text = lines(lang, *there)
    found = opening(text, (SECTION, heading(lang, expected)), (MISSING, lost), kind="visit", lang=lang)
    assert found == lines(lang, *there, expected).removesuffix(".")
    unfinished = opening(
        f"{text} И", (SECTION, heading(lang, expected)), (MISSING, lost), CUT_OFF, kind="visit", lang=lang
    )
    assert unfinished == found


@BOTH
@pytest.mark.parametrize(
    ("there", "lost"), [((0,), ()), ((0, 1), ("aspirin",)), ((0, 1, 2), ()), ((0, 1, 2), ("rash",))]
)
def test_a_section_for_which_no_fact_is_left_begins_with_a_stock_sentence(
    lang: str, there: tuple[int, ...], lost: tuple[str, ...]
) -> None:
    text, head = lines(lang, *there), heading(lang, len(there))
    wrong = verdict(text, (SECTION, head), *((MISSING, one) for one in lost))
    made, found = mender("visit", lang), set()
    for seed in range(40):
        repair = made.plan(text, wrong, False, np.random.default_rng(seed))
        assert repair is not None
        found.add(repair.opening)
    stock = {one for one in made.wording.stock() if one.startswith(head)}
    assert len(stock) >= 2
    assert found == {f"{text}\n{one}" for one in stock}


@BOTH
@pytest.mark.parametrize("reason", [IDLE, FORM])
def test_an_idle_section_is_begun_anew_with_a_fact_and_a_false_one_once_it_failed_again(lang: str, reason: str) -> None:
    text = lines(lang, 0, 1, 2, 3)
    kept, lost = lines(lang, 0), (MISSING, "fever")
    idle = opening(text, (reason, VISITS[lang][1]), lost, kind="visit", lang=lang)
    assert idle == lines(lang, 0, 1).removesuffix(".")
    words = VISITS[lang][1].split()[1].strip(".")
    assert opening(text, (INVENTED, words), lost, kind="visit", lang=lang) == f"{kept}\n"
    assert opening(text, (INVENTED, words), lost, kind="visit", lang=lang, again=True) == idle
    first = VISITS[lang][0]
    assert opening(text, (reason, first), lost, kind="visit", lang=lang) == first.removesuffix(".")


@BOTH
def test_the_next_heading_is_put_where_a_line_has_another(lang: str) -> None:
    skipped = lines(lang, 0, 3)
    found = opening(skipped, (FORM, VISITS[lang][3]), (MISSING, "fever"), kind="visit", lang=lang)
    assert found == lines(lang, 0, 1).removesuffix(".")
    repeated = lines(lang, 0, 1) + f"\n{heading(lang, 1)} x."
    found = opening(repeated, (FORM, f"{heading(lang, 1)} x."), (MISSING, "rash"), kind="visit", lang=lang)
    assert found == lines(lang, 0, 1, 2).removesuffix(".")
    whole = lines(lang, 0, 1, 2, 3)
    twice = f"{whole}\n{heading(lang, 3)} x."
    assert opening(twice, (FORM, f"{heading(lang, 3)} x."), kind="visit", lang=lang) == f"{whole}\n"


@BOTH
def test_what_a_whole_visit_leaves_out_is_added_before_the_plan_and_a_drug_to_it(lang: str) -> None:
    text, (symptom, drug) = lines(lang, 0, 1, 2, 3), MORE[lang]
    added = opening(text, (MISSING, "fever"), kind="visit", lang=lang)
    assert added == f"{lines(lang, 0, 1, 2)} {symptom}"
    assert opening(text, (MISSING, "fever"), (MISSING, "aspirin"), kind="visit", lang=lang) == added
    assert opening(text, (MISSING, "aspirin"), kind="visit", lang=lang) == f"{text} {drug}"
    unstopped = opening(text.removesuffix(".") + "\n", (MISSING, "aspirin"), kind="visit", lang=lang)
    assert unstopped == f"{text} {drug}"


@BOTH
def test_a_visit_without_a_whole_sentence_is_not_mended(lang: str) -> None:
    text = VISITS[lang][0].removesuffix(".")
    assert opening(text, (SECTION, heading(lang, 1)), CUT_OFF, kind="visit", lang=lang) is None


def test_a_users_template_without_stock_leaves_the_section_to_the_model(tmp_path: Path) -> None:
    source = (TEMPLATES / "visit.en.j2").read_text(encoding="utf-8").replace("block stock", "block unused")
    (tmp_path / "visit.en.j2").write_text(source, encoding="utf-8")
    text = lines("en", 0)
    wrong = verdict(text, (SECTION, "History:"))
    assert mender("visit", "en", tmp_path).plan(text, wrong, False, np.random.default_rng(0)) == Repair(
        FACTS["en"], f"{text}\nHistory:"
    )
