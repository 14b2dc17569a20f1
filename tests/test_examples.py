"""Examples are chosen by code, then category, then from our exemplars; a tenth of a user's notes is never shown.

The user's notes here are invented; only their file format is RuMedTop3's.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from generation.examples import (
    EXEMPLAR,
    OWN,
    Example,
    ExampleShelf,
    OwnNote,
    load_exemplars,
    read_own_notes,
    stock_sentences,
)
from generation.kinds import KINDS
from generation.prompts import Facts
from kgengine.errors import KGError
from kgengine.graph import Graph

ANAMNESIS = KINDS["anamnesis"]
DAMAGED = 'line 2 is no example note; a line is {"idx": ..., "code": "J18", "symptoms": "..."}'


def rng(seed: int = 0) -> np.random.Generator:
    """Make a generator."""
    return np.random.default_rng(seed)


def own_notes(*codes: str, text: str = "Complains of cough.") -> list[OwnNote]:
    """Make notes of these codes with ids that count from 0; fewer than six, so that none is held out."""
    assert len(codes) < 6
    return [OwnNote(str(number), code, text) for number, code in enumerate(codes)]


def chosen(shelf: ExampleShelf, code: str) -> set[tuple[str, ...]]:
    """Give the ids that 40 seeds choose."""
    return {tuple(one.id for one in shelf.choose(code, rng(seed))) for seed in range(40)}


# -- the choice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "own"),
    [
        ("J18.9", {("0",), ("1",)}),
        ("J18.0", {("2",)}),
        ("J18", {("0",), ("1",), ("2",)}),
        ("J18.4", {("0",), ("1",), ("2",)}),
        ("N39", {("3",)}),
        ("N39.0", {("3",)}),
    ],
)
def test_a_note_of_the_code_goes_before_one_of_its_category(toy: Graph, code: str, own: set[tuple[str]]) -> None:
    shelf = ExampleShelf(toy, ANAMNESIS, "en", own_notes("J18.9", "J18.9", "J18.0", "N39"), count=1)
    assert chosen(shelf, code) == own


def test_exemplars_fill_up_before_the_users_notes(toy: Graph) -> None:
    ours = tuple(one.id for one in load_exemplars(ANAMNESIS, "en"))
    assert len(ours) == 6
    own = own_notes("J18", "J18", "A00")
    assert chosen(ExampleShelf(toy, ANAMNESIS, "en", own), "J18") == {(ours[0], "0", "1"), (ours[0], "1", "0")}
    assert chosen(ExampleShelf(toy, ANAMNESIS, "en", own), "K29") == {ours[:3]}
    assert chosen(ExampleShelf(toy, ANAMNESIS, "en", own, count=9), "A00") == {(*ours, "2")}
    assert chosen(ExampleShelf(toy, ANAMNESIS, "en", own, count=0), "J18") == {()}
    assert chosen(ExampleShelf(toy, ANAMNESIS, "en"), "J18") == {ours[:3]}


def test_of_many_notes_of_a_code_every_one_is_drawn_and_none_twice(toy: Graph) -> None:
    shelf = ExampleShelf(toy, ANAMNESIS, "en", own_notes(*["J18"] * 5))
    picks = [[one.id for one in shelf.choose("J18", rng(seed))] for seed in range(40)]
    assert {one for pick in picks for one in pick} == set("01234")
    assert all(len(set(pick)) == 3 for pick in picks)
    assert picks == [[one.id for one in shelf.choose("J18", rng(seed))] for seed in range(40)]


@pytest.mark.parametrize(("notes", "held_out"), [(0, 0), (5, 0), (6, 1), (10, 1), (40, 4), (100, 10)])
def test_a_tenth_of_the_users_notes_is_never_shown(toy: Graph, notes: int, held_out: int) -> None:
    own = [OwnNote(f"{number:03}", "J18", f"Cough for {number} days.") for number in range(notes)]
    shelf = ExampleShelf(toy, ANAMNESIS, "en", own, count=notes or 1)
    assert len(shelf.held_out) == held_out
    assert sorted(shelf.held_out + shelf.shown, key=lambda note: note.id) == own
    seen = {one.id for one in shelf.choose("J18", rng()) if one.source == OWN}
    assert seen == {note.id for note in own} - {note.id for note in shelf.held_out}
    backwards = ExampleShelf(toy, ANAMNESIS, "en", own[::-1], count=notes or 1)
    assert backwards.held_out == shelf.held_out


def test_the_hash_covers_all_that_a_choice_depends_on(toy: Graph) -> None:
    def hash_of(own: list[OwnNote], lang: str = "en", kind: str = "visit", count: int = 3) -> str:
        return ExampleShelf(toy, KINDS[kind], lang, own, count).hash

    base = own_notes("J18", "K29")
    found = [
        hash_of(base),
        hash_of([]),
        hash_of(own_notes("J18", "K30")),
        hash_of(own_notes("J18", "K29", text="Complains of fever.")),
        hash_of(base, lang="ru"),
        hash_of(base, kind="complaints"),
        hash_of(base, count=2),
    ]
    assert len(set(found)) == len(found)
    assert hash_of(base[::-1]) == found[0]
    held_out = [OwnNote(str(number), "J18", "Cough.") for number in range(9)]
    (lost,) = ExampleShelf(toy, ANAMNESIS, "en", held_out).held_out
    changed = [OwnNote(one.id, one.code, "Fever.") if one == lost else one for one in held_out]
    assert hash_of(changed) == hash_of(held_out)


# -- facts of a user's note --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "text", "symptoms", "drugs"),
    [
        (
            *("en", "Coughing and fever since May, no rash. His mother has asthma and headaches. Takes paracetamol."),
            *(("Coughing", "fever"), ("paracetamol",)),
        ),
        (
            *("ru", "Жалобы на сухой кашель и одышку, лихорадки нет. У отца головная боль. Назначен амоксициллин."),
            *(("сухой кашель", "одышку"), ("амоксициллин",)),
        ),
        ("en", "Cough. Worse at night, cough again.", ("Cough",), ()),
        ("en", "Denies cough, came for a paper.", ("Denies cough, came",), ()),
    ],
)
def test_the_facts_of_a_users_note_are_what_it_affirms_of_the_patient(
    core: Graph, lang: str, text: str, symptoms: tuple[str, ...], drugs: tuple[str, ...]
) -> None:
    shelf = ExampleShelf(core, ANAMNESIS, lang, [OwnNote("a", "J18", text)], count=1)
    assert shelf.choose("J18", rng()) == [Example("a", OWN, Facts("", "", "any", symptoms, (), drugs), text)]


# -- our exemplars -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_an_exemplar_of_complaints_is_asked_for_without_drugs(lang: str) -> None:
    complaints, visits = load_exemplars(KINDS["complaints"], lang), load_exemplars(KINDS["visit"], lang)
    assert [one.id for one in complaints] == [one.id for one in visits]
    assert {one.source for one in complaints} == {EXEMPLAR}
    assert [one.facts.drugs for one in complaints] == [()] * len(complaints)
    assert sum(bool(one.facts.drugs) for one in visits) >= 4
    for short, whole in zip(complaints, visits, strict=True):
        assert short.facts.symptoms == whole.facts.symptoms
        assert "\n" not in short.text
        assert whole.text.count("\n") == 3


def test_the_stock_of_exemplars_are_their_sentences_without_a_fact() -> None:
    facts = Facts("", "", "any", ("knee pain", "fever"), (), ("aspirin",))
    text = "Complaints: knee pain.\nHistory: came on slowly.\nPlan: Aspirin. To be seen again. Advice"
    found = stock_sentences([Example("a", EXEMPLAR, facts, text), Example("b", EXEMPLAR, facts, "Fever. Calm.")])
    assert found == ["History: came on slowly.", "To be seen again.", "Calm."]
    assert "History: gradual onset, no earlier visits for this." in stock_sentences(
        load_exemplars(KINDS["visit"], "en")
    )


# -- a user's file -----------------------------------------------------------------------------------------------------


def test_lines_as_in_rumedtop3_are_read_and_their_parts_joined(tmp_path: Path) -> None:
    lines = [
        {"idx": "qaf1454f", "code": "M54", "symptoms": "Боли в пояснице.\u2028Хуже\x85к вечеру."},
        {"idx": 7, "code": "J18.9", "anamnesis": "Заболел вчера.", "symptoms": "Кашель.", "sex": "male"},
        {"idx": "c", "code": "K29", "text": "Изжога.", "symptoms": "", "anamnesis": None},
    ]
    path = tmp_path / "train.jsonl"
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    expected = [
        OwnNote("qaf1454f", "M54", "Боли в пояснице.\u2028Хуже\x85к вечеру."),
        OwnNote("7", "J18.9", "Кашель.\nЗаболел вчера."),
        OwnNote("c", "K29", "Изжога."),
    ]
    for written in (text, f"{text}\n", "\ufeff" + text, text.replace("\n", "\r\n") + "\r\n\r\n"):
        path.write_bytes(written.encode())
        assert read_own_notes(path) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"idx": 1, "code": "J18"', DAMAGED),
        ('{"code": "J18", "text": "Cough."}', DAMAGED),
        ('{"idx": 1, "text": "Cough."}', DAMAGED),
        ('{"idx": 1, "code": "J18", "text": ["Cough."]}', DAMAGED),
        ('["J18", "Cough."]', DAMAGED),
        ("null", DAMAGED),
        ('{"idx": 1, "code": "J18", "symptoms": "  "}', "line 2 has no text in symptoms, anamnesis or text; add it or"),
        (
            '{"idx": 1, "code": "J18", "response": "Cough."}',
            "line 2 has no text in symptoms, anamnesis or text; add it",
        ),
    ],
)
def test_a_damaged_line_is_refused_with_its_number_and_what_a_line_is(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"idx": 0, "code": "J18", "text": "Cough."}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(KGError) as caught:
        read_own_notes(path)
    assert str(caught.value).startswith(f"{path}, {message}")


@pytest.mark.parametrize("content", [None, '{"idx": 1, "text": "Кашель"}'.encode("cp1251")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(KGError) as caught:
        read_own_notes(path)
    assert str(caught.value).startswith(f"can't read example notes from {path} (")
    assert str(caught.value).endswith("; give a JSON lines file in UTF-8")
