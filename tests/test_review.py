"""A review finds, beside what the verifier finds, idle and foreign words, broken form, and copies of examples.

Faults are (reason, words shown); every span must show just those words. The patient is a woman of 52 with cough, fever
and acetylcysteine, the diagnosis acute bronchitis.
"""

import pytest

from generation.kinds import KINDS
from generation.prompts import Wording
from generation.review import COPIED, FORM, IDLE, SECTION, UNFOUNDED, Review, Reviewer
from generation.verification import CUT_OFF, DIAGNOSIS_NAMED, INVENTED, MISSING, NEGATED, WRONG_PATIENT
from kgengine.bundles import Bundle, Fact
from kgengine.graph import Graph

EXAMPLE = "Everything began after the long journey by train to her sister in the mountains last week, with cough."
HEADS = {"en": ("Complaints:", "History:", "Examination:", "Plan:"), "ru": ("Жалобы:", "Анамнез:", "Осмотр:", "План:")}
Fault = tuple[str, str]


@pytest.fixture(scope="module")
def patient(core: Graph) -> Bundle:
    """See above."""
    symptoms = tuple(Fact(core.resolve(one), (0,), 0.5) for one in ("HP:0012735", "HP:0001945"))
    drugs = (Fact(core.resolve("ATC:R05CB01"), (0,), 0.5),)
    return Bundle(7, 99, core.resolve("ICD10:J20"), 52, "female", symptoms, drugs)


@pytest.fixture(scope="module")
def reviewers(core: Graph) -> dict[tuple[str, str], Reviewer]:
    """A strict reviewer for anamneses and visits in each language; with the templates' stock and one example."""
    return {
        (kind, lang): Reviewer(
            core, KINDS[kind], lang, False, [("mine", EXAMPLE)], [*Wording(kind, lang).stock(), "Advice was given."]
        )
        for kind in ("anamnesis", "visit")
        for lang in ("en", "ru")
    }


def faults(review: Review, text: str) -> list[Fault]:
    """Give the faults in order; a span must show the words of its fault."""
    for problem in review.verdict.problems:
        assert problem.span is None or text[slice(*problem.span)] == problem.text
    spanless = {SECTION, MISSING, CUT_OFF}
    assert all(problem.span or problem.reason in spanless for problem in review.verdict.problems)
    return [(problem.reason, problem.text) for problem in review.verdict.problems]


def visit(*bodies: str, lang: str = "en") -> str:
    """Put four bodies under their headings."""
    return "\n".join(f"{head} {body}" for head, body in zip(HEADS[lang], bodies, strict=True))


GOOD = visit("cough.", "She also reports fever.", "general condition satisfactory.", "acetylcysteine.")
GUT = visit(
    *("кашель.", "жалобы постепенно нарастают. Беспокоит лихорадка."),
    *("общее состояние удовлетворительное.", "ацетилцистеин."),
    lang="ru",
)
PLAIN = "A 52-year-old woman presents with cough and fever. She was prescribed acetylcysteine."

# -- sentences ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLAIN, []),
        (f"{PLAIN} Advice was given.", []),
        (f"{PLAIN} ADVICE WAS GIVEN", [(CUT_OFF, "")]),
        (f"{PLAIN} She still has cough.", [(IDLE, "She still has cough.")]),
        (f"{PLAIN} She is well today.", [(IDLE, "She is well today.")]),
        ("A 52-year-old woman. Complains of cough and fever. Acetylcysteine.", []),
        (
            "A 51-year-old woman. Complains of cough and fever. Acetylcysteine.",
            [(IDLE, "A 51-year-old woman."), (UNFOUNDED, "51"), (WRONG_PATIENT, "51-year-old")],
        ),
        (f"{PLAIN} Does she cough?", [(FORM, "Does she cough?")]),
        (PLAIN.replace(". She", ".\nShe"), [(FORM, "She was prescribed acetylcysteine.")]),
        (PLAIN.replace("cough", "grinding cough"), [(UNFOUNDED, "grinding")]),
        (PLAIN.replace("52-year-old woman", "52-year-old smoker"), [(UNFOUNDED, "smoker")]),
        (PLAIN.replace("fever", "fever since 4 days"), [(UNFOUNDED, "4")]),
        (PLAIN.replace("cough", "couhg"), [(UNFOUNDED, "couhg")]),
        (PLAIN.replace("cough", "headache"), [(MISSING, "cough"), (INVENTED, "headache")]),
        (f"{PLAIN} No headache.", [(IDLE, "No headache.")]),
        (f"{PLAIN} No cough.", [(NEGATED, "cough"), (IDLE, "No cough.")]),
        (f"{PLAIN} Acute bronchitis.", [(DIAGNOSIS_NAMED, "Acute bronchitis")]),
    ],
)
def test_the_faults_of_an_anamnesis(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle, text: str, expected: list[Fault]
) -> None:
    found = faults(reviewers["anamnesis", "en"].review(text, patient), text)
    if text.endswith("GIVEN"):  # a sentence without its stop is not whole: only that it is cut off is said
        assert found[0] == expected[0]
    else:
        assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Женщина, 52 года. Жалобы на кашель и лихорадку. Назначен ацетилцистеин.", []),
        ("Жалобы на кашель и лихорадку. Назначен ацетилцистеин. Кашель беспокоит.", [(IDLE, "Кашель беспокоит.")]),
        ("Жалобы на кашель и лихорадку. Назначен ацетилцистеин?", [(FORM, "Назначен ацетилцистеин?")]),
        ("Жалобы на кашель и лихорадку после сауны. Назначен ацетилцистеин.", [(UNFOUNDED, "сауны")]),
        ("Жалобы на кашел и лихорадку. Назначен ацетилцистеин.", [(UNFOUNDED, "кашел")]),
    ],
)
def test_the_faults_of_a_russian_anamnesis(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle, text: str, expected: list[Fault]
) -> None:
    found = faults(reviewers["anamnesis", "ru"].review(text, patient), text)
    assert [one for one in found if one[0] not in (MISSING, "hypothetical")] == expected


def test_embellished_text_is_let_pass_but_not_its_form_or_false_facts(core: Graph, patient: Bundle) -> None:
    free = Reviewer(core, KINDS["anamnesis"], "en", False, [], embellished=True)
    told = "A 52-year-old woman, a smoker, presents with grinding cough for 4 days and fever. It rained all week."
    assert faults(free.review(f"{told} Started on acetylcysteine.", patient), told) == []
    asked = f"{told} Started on acetylcysteine. Really?"
    assert faults(free.review(asked, patient), asked) == [(FORM, "Really?")]
    invented = f"{told} Started on acetylcysteine. Headache since then."
    assert faults(free.review(invented, patient), invented) == [(INVENTED, "Headache")]


def test_the_diagnosis_may_be_a_sentence_of_its_own_where_it_may_be_named(core: Graph, patient: Bundle) -> None:
    naming = Reviewer(core, KINDS["anamnesis"], "en", True, [])
    text = f"{PLAIN} The diagnosis is acute bronchitis."
    assert [one for one in faults(naming.review(text, patient), text) if one[0] != UNFOUNDED] == []
    again = f"{text} Acute bronchitis."
    assert (IDLE, "Acute bronchitis.") in faults(naming.review(again, patient), again)


def test_a_mistyped_text_is_not_held_to_spelling_and_stock(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle
) -> None:
    text = GOOD.replace("general condition", "genral condition")
    strict = reviewers["visit", "en"]
    assert faults(strict.review(text, patient), text)[0][0] == IDLE
    assert strict.review(text, patient, mistyped=True).verdict.accepted
    lost = text.replace("fever", "rash")
    assert strict.review(lost, patient, mistyped=True).verdict.reasons == (MISSING, INVENTED)


# -- headings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", GOOD, []),
        ("ru", GUT, []),
        (
            "en",
            GOOD.replace("\nExam", " Exam"),
            [(SECTION, "Examination:"), (FORM, "Examination: general condition s")],
        ),
        ("en", GOOD.replace("Plan: ", "Plan:\n"), [(FORM, "acetylcysteine."), (IDLE, "Plan:")]),
        ("en", "\n".join(GOOD.split("\n")[:3]), [(MISSING, "acetylcysteine"), (SECTION, "Plan:")]),
        ("en", GOOD + "\nPlan: advice was given.", [(FORM, "Plan: advice was given.")]),
        ("en", GOOD.replace("Plan:", "Advice:"), [(SECTION, "Plan:"), (FORM, "Advice: acetylcysteine.")]),
        ("en", f"Woman of 52.\n{GOOD}", [(IDLE, "Woman of 52.")]),
        (
            *("ru", "\n".join(GUT.split("\n")[one] for one in (0, 2, 1, 3))),
            [(SECTION, "Жалобы:"), (FORM, "Осмотр: общее состояние удовлетворительное.")],
        ),
        (
            "ru",
            GUT.replace("\nАнамнез: жалобы", " Жалобы"),
            [(SECTION, "Анамнез:"), (FORM, "Осмотр: общее состояние ")],
        ),
    ],
)
def test_a_visit_needs_its_headings_in_order_each_with_text(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle, lang: str, text: str, expected: list[Fault]
) -> None:
    found = faults(reviewers["visit", lang].review(text, patient), text)
    assert [reason for reason, _ in found if reason == CUT_OFF] == []
    for reason, words in expected:
        assert [one for one in found if one[0] == reason and one[1].startswith(words)], found
    assert bool(found) == bool(expected)


# -- copies ------------------------------------------------------------------------------------------------------------


def test_a_copy_of_an_example_is_a_fault_with_its_span(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle
) -> None:
    text = f"{PLAIN} It all began after the long journey by train to her sister in the mountains last week."
    review = reviewers["anamnesis", "en"].review(text, patient)
    copied = "began after the long journey by train to her sister in the mountains last week"
    assert (COPIED, copied) in faults(review, text)
    assert (review.overlap.source, review.overlap.words) == ("mine", 15)
    (problem,) = [one for one in review.verdict.problems if one.reason == COPIED]
    assert problem.node == "mine"
    near = f"{PLAIN} It all began after the long journey by train."
    assert COPIED not in reviewers["anamnesis", "en"].review(near, patient).verdict.reasons
    assert reviewers["anamnesis", "en"].review(near, patient).overlap.words == 7


def test_the_words_of_the_facts_are_no_copy(core: Graph, patient: Bundle) -> None:
    shown = "Seen because of coughing fits. Raised temperature is also reported. Acetylcysteine was given."
    reviewer = Reviewer(core, KINDS["anamnesis"], "en", False, [("mine", shown)])
    copied = reviewer.review(shown, patient)
    assert (copied.overlap.words, copied.overlap.share) == (8, 1.0)  # 13 words, five of them in phrases of the facts
    assert COPIED in copied.verdict.reasons
    assert reviewer.review("Raised temperature, coughing fits. Acetylcysteine.", patient).overlap.words == 0


# -- where a text may end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("A 52-year-old woman presents with cough.", False),
        ("A 52-year-old woman presents with cough and fever.", False),
        (PLAIN, True),
        ("A 52-year-old woman presents with cough. He coughs.", True),
        ("A 52-year-old woman presents with headache.", True),
        ("A 52-year-old woman presents with cough. She is here.", True),
        ("", False),
    ],
)
def test_a_text_is_settled_when_all_is_told_or_a_fault_stays(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle, text: str, settled: bool
) -> None:
    assert reviewers["anamnesis", "en"].settled(text, patient) is settled


def test_a_visit_is_settled_with_its_last_fact_and_section(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle
) -> None:
    reviewer, lines = reviewers["visit", "en"], GOOD.split("\n")
    assert [reviewer.settled("\n".join(lines[:count]), patient) for count in range(1, 5)] == [False] * 3 + [True]
    assert reviewer.settled("\n".join([lines[0], lines[3]]), patient)  # no section can be put before another


@pytest.mark.parametrize("more", ["", " She is well.", " Follow-up as agreed. Headache.", "\nCough? Yes. A"])
def test_a_text_is_cut_behind_what_settles_it(
    reviewers: dict[tuple[str, str], Reviewer], patient: Bundle, more: str
) -> None:
    reviewer = reviewers["anamnesis", "en"]
    assert reviewer.shortened(PLAIN + more, patient) == PLAIN
    wrong = "A 52-year-old woman presents with headache."
    assert reviewer.shortened(f"{wrong} {PLAIN}", patient) == wrong
    untold = "A 52-year-old woman presents with cough. She takes"
    assert reviewer.shortened(untold, patient) == untold
