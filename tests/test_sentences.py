"""Where sentences begin and end: by hand, and for every position of texts put together from known sentences."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.sentences import sentence_ends, sentence_start, whole_sentences

SENTENCES = ("Complains of cough.", "Fever 38.5 since May!", "Advice was given.", "Жалобы на кашель.", "2.5 mg daily?")
TEXTS = st.lists(st.tuples(st.sampled_from(SENTENCES), st.sampled_from((" ", "  ", "\n"))), min_size=1, max_size=5)


def split(text: str) -> list[str]:
    """Give the sentences of a text, and what follows the last."""
    places = [0, *sentence_ends(text), len(text)]
    return [part for start, end in pairwise(places) if (part := text[start:end].strip())]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Cough. Fever.", ["Cough.", "Fever."]),
        ("Takes 2.5 mg since 3.4.2020. He coughs.", ["Takes 2.5 mg since 3.4.2020.", "He coughs."]),
        ("Came 2 wk. ago with cough.", ["Came 2 wk. ago with cough."]),
        ("В теч. недели кашель. Назн. амброксол.", ["В теч. недели кашель.", "Назн. амброксол."]),
        ("Really?! No... Yes.", ["Really?!", "No...", "Yes."]),
        ('He said "cough." Then fever.', ['He said "cough."', "Then fever."]),
        ("Он (кашель). «Жар.» Всё.", ["Он (кашель).", "«Жар.»", "Всё."]),
        ("Cough. 52 years old.", ["Cough.", "52 years old."]),
        ("Complaints: cough\nHistory: fever.\nplan: rest", ["Complaints: cough", "History: fever.", "plan: rest"]),
        ("Cough.\n\nFever.\n", ["Cough.", "Fever."]),
        ("ёлка. Ёлка. ёлка.", ["ёлка.", "Ёлка. ёлка."]),
    ],
)
def test_a_text_is_split_as_by_hand(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


@given(TEXTS)
def test_known_sentences_are_found_wherever_they_are_joined(parts: list[tuple[str, str]]) -> None:
    text, begins, ends = "", [], []
    for sentence, gap in parts:
        begins.append(len(text))
        ends.append(len(text) + len(sentence))
        text += sentence + gap
    assert sentence_ends(text) == ends
    for begin, end in zip(begins, ends, strict=True):
        assert {sentence_start(text, position) for position in range(begin, end)} == {begin}


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Cough. Fever since", "Cough."),
        ("Cough. Fever.", "Cough. Fever."),
        ("Cough.  \n", "Cough."),
        ("Complaints: cough\nHist", "Complaints: cough"),
        ("Cough since 2.5", ""),
        ("", ""),
    ],
)
def test_what_follows_the_last_whole_sentence_is_cut(text: str, whole: str) -> None:
    assert whole_sentences(text) == whole


def test_the_sentence_around_a_position_behind_the_last_end_is_the_rest() -> None:
    text = "Cough. Fever  since"
    assert sentence_start(text, len(text) - 1) == 7
    assert sentence_start("\n Cough", 4) == 2
