"""Abbreviations and typing errors: deterministic, as many as asked for, and never such that a note is rejected."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from generation.kinds import KINDS
from generation.notes import Note, NoteConfig, NoteWriter
from generation.runtimes.scripted import ScriptedRuntime
from generation.styles import ABBREVIATIONS, Style
from kgengine.bundles import Bundle, BundleSampler, Fact
from kgengine.graph import Graph
from kgengine.schema import DRUG, SYMPTOM

TEXT = {
    "en": "Complaints: the patient complains about productive coughing and headaches.\n",
    "ru": "Жалобы: пациент отмечает продуктивный кашель, головную боль и слабость.\n",
}
LONG = {"en": 6, "ru": 6}
"""Words of five letters and more of `TEXT`, beside the heading, counted by hand."""


@pytest.fixture(scope="module")
def bundles(core: Graph) -> list[Bundle]:
    """40 bundles of the default MKG."""
    return list(BundleSampler(core, np.full(core.num_edges, 0.5, np.float32)).draw(seed=11, count=40))


def applied(text: str, lang: str, seed: int = 0, **style: float) -> str:
    """Apply a style."""
    return Style(**style).apply(text, lang, np.random.default_rng(seed))  # type: ignore[arg-type]


def one_slip(word: str, other: str) -> bool:
    """Tell whether words differ by two neighbours exchanged, or a letter inside left out, doubled or exchanged."""
    places = range(1, len(word) - 1)
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places}
    left_out = {word[:at] + word[at + 1 :] for at in places}
    doubled = {word[:at] + word[at] + word[at:] for at in places}
    same_length = len(word) == len(other) and sum(a != b for a, b in zip(word, other, strict=True)) == 1
    return other in swapped | left_out | doubled or (same_length and (word[0], word[-1]) == (other[0], other[-1]))


# -- typing errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_the_share_of_mistyped_words_is_respected_over_many(lang: str, share: float) -> None:
    rounds = 1500
    mistyped = applied(TEXT[lang] * rounds, lang, typos=share)
    before, after = (re.findall(r"\w+:?", text) for text in (TEXT[lang] * rounds, mistyped))
    assert len(before) == len(after)
    wrong = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert all(one_slip(one, other) and len(one) >= 5 for one, other in wrong)
    assert len(wrong) / (LONG[lang] * rounds) == pytest.approx(share, rel=0.1, abs=0.005)
    heading = TEXT[lang].split()[0]
    assert after.count(heading) == rounds
    assert {one for one, _ in wrong} == {word for word in before if len(word) >= 5 and word != heading}


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_every_kind_of_slip_comes_up(lang: str) -> None:
    word = {"en": "coughing", "ru": "слабость"}[lang]
    found = {applied(word, lang, seed, typos=1.0) for seed in range(300)}
    assert word[:2] + word[3] + word[2] + word[4:] in found
    assert word[:3] + word[4:] in found
    assert word[:4] + word[3:] in found
    keys = {"en": "coyghing", "ru": "слвбость"}[lang]  # y lies beside u, в beside а
    assert keys in found


def test_the_same_generator_gives_the_same_errors_and_no_share_none() -> None:
    assert applied(TEXT["en"], "en", 4, typos=0.5) == applied(TEXT["en"], "en", 4, typos=0.5)
    assert len({applied(TEXT["en"], "en", seed, typos=0.5) for seed in range(10)}) > 5
    assert applied(TEXT["en"], "en", typos=0.0) == TEXT["en"]
    assert applied("Rash, itch 12345", "en", typos=1.0) == "Rash, itch 12345"


# -- abbreviations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "text", "short"),
    [
        ("en", "A 52-year-old woman presents with cough.", "A 52yo F p/w cough."),
        ("en", "The patient, an 8-year-old boy, complains of rash.", "Pt, an 8yo M, c/o rash."),
        ("en", "He was prescribed aspirin twice a day, follow-up in two weeks.", "Rx aspirin bid, f/u in two wk."),
        ("en", "Patients complain.", "Patients complain."),
        ("ru", "Женщина, 52 года. Жалобы на кашель.", "Женщина, 52 л. Жалобы на кашель."),
        ("ru", "Пациентка, 40 лет, предъявляет жалобы.", "Пац-ка, 40 л., предъявляет жалобы."),
        ("ru", "Осмотр: общее состояние удовлетворительное.\n", "Осмотр: общ. сост. удовл.\n"),
        ("ru", "План: Назначено: аспирин, явка через две недели.", "План: Назн.: аспирин, явка ч/з 2 нед."),
    ],
)
def test_abbreviations_by_hand(lang: str, text: str, short: str) -> None:
    assert applied(text, lang, abbreviated=True) == short
    assert applied(text, lang, abbreviated=False) == text


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_no_abbreviation_touches_a_usual_name_of_the_default_mkg(core: Graph, lang: str) -> None:
    nodes = [*core.nodes_of_type(SYMPTOM).tolist(), *core.nodes_of_type(DRUG).tolist()]
    wordings = [core.wording(node, lang) for node in nodes]
    names = {name for one in wordings for name in (one.phrase, one.accusative)}
    assert len(names) > 500
    touched = [(name, pattern) for name in names for pattern, _ in ABBREVIATIONS[lang] if re.search(pattern, name)]
    assert touched == []


# -- on accepted notes -------------------------------------------------------------------------------------------------

Written = Callable[[str, str, Style], list[Note]]


@pytest.fixture(scope="module")
def written(core: Graph, bundles: list[Bundle]) -> Written:
    """Write template notes of all bundles in a style, once."""

    @cache
    def writer_of(kind: str, lang: str) -> NoteWriter:
        return NoteWriter(core, NoteConfig(lang=lang, kind=kind), None)

    @cache
    def write(kind: str, lang: str, style: Style) -> list[Note]:
        writer = writer_of(kind, lang)
        writer.config = replace(writer.config, style=style)
        return list(writer.write(bundles))

    return write


@pytest.mark.parametrize("style", [Style(abbreviated=True), Style(abbreviated=True, typos=0.2)])
@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_styled_note_is_still_accepted(written: Written, kind: str, lang: str, style: Style) -> None:
    plain, styled = written(kind, lang, Style()), written(kind, lang, style)
    assert [note.verdict.accepted for note in styled] == [True] * len(styled)
    changed = [note.text for note, before in zip(styled, plain, strict=True) if note.text != before.text]
    fewest = 0.05 if kind == "complaints" and not style.typos else 0.6
    assert len(changed) >= fewest * len(styled)
    assert not [text for text in changed if ".." in text]
    for note in styled:
        assert [line.split()[0] for line in note.text.split("\n")] == list(
            KINDS[kind].headings[lang]
        ) or kind != "visit"


def test_a_style_is_the_same_again_and_does_not_depend_on_other_notes(
    core: Graph, bundles: list[Bundle], written: Written
) -> None:
    style = Style(abbreviated=True, typos=0.2)
    (alone,) = NoteWriter(core, NoteConfig(kind="visit", style=style), None).write(bundles[9:10])
    assert alone == written("visit", "en", style)[9]


def test_a_model_note_with_stock_sentences_is_styled_too(core: Graph) -> None:
    symptoms = tuple(Fact(core.resolve(one), (0,), 0.5) for one in ("HP:0012735", "HP:0001945"))
    patient = Bundle(7, 99, core.resolve("ICD10:J20"), 52, "female", symptoms, ())
    text = "Жалобы: кашель, лихорадка.\nАнамнез: жалобы постепенно нарастают.\n"
    text += "Осмотр: общее состояние удовлетворительное.\nПлан: даны рекомендации."
    config = NoteConfig(lang="ru", kind="visit", style=Style(abbreviated=True))
    (note,) = NoteWriter(core, config, ScriptedRuntime([text])).write([patient])
    assert note.text == text.replace("общее состояние удовлетворительное", "общ. сост. удовл").replace(
        "удовл..", "удовл."
    )
    (typed,) = NoteWriter(core, replace(config, style=Style(typos=0.3)), ScriptedRuntime([text])).write([patient])
    assert typed.verdict.accepted
    assert typed.text != text


def test_a_style_under_which_a_note_would_be_rejected_leaves_it_plain(core: Graph) -> None:
    cough = Fact(core.resolve("HP:0012735"), (0,), 0.5)
    patient = Bundle(7, 99, core.resolve("ICD10:J20"), 52, "female", (cough,), ())
    config = NoteConfig(kind="complaints", style=Style(typos=1.0))
    writer = NoteWriter(core, config, ScriptedRuntime(["Complains of cough."]))
    notes = list(writer.write(replace(patient, seed=seed) for seed in range(60)))
    assert [note.verdict.accepted for note in notes] == [True] * 60
    texts = [note.text for note in notes]
    assert 0 < texts.count("Complains of cough.") < 60
    assert [text for text in texts if ("Complains" in text) != ("cough" in text)]  # the second try has fewer errors
    assert len(set(texts)) > 10
