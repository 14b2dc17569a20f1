"""Near-duplicates are found, reported only when they truly are, and the same on every run.

Small cases are worked out by hand; the rest is compared with a naive search written here, over random edits.
"""

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.duplicates import DuplicateFinder, NearestText, band_rows, distinct_n, folded_words
from kgengine.errors import KGError

TEXTS = st.lists(st.sampled_from(["кашель", "cough", "Ёж", "and", "ежа", "é", "7"]), max_size=12).map(" ".join)


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = folded_words(text)
    return {tuple(words[i : i + 3]) for i in range(len(words)) if i + 3 <= len(words)} or {tuple(words)}


def _jaccard(one: set, other: set) -> float:
    return len(one & other) / len(one | other)


def _naive(threshold: float, texts: list[str]) -> list[str | None]:
    """Compare each text with all that were kept; of equally similar ones the earliest."""
    kept: dict[str, set] = {}
    answers: list[str | None] = []
    for number, text in enumerate(texts):
        scores = {key: _jaccard(_shingles(text), other) for key, other in kept.items()}
        best = max(scores, key=scores.__getitem__, default=None)
        answers.append(best if best is not None and scores[best] >= threshold else None)
        if answers[-1] is None:
            kept[str(number)] = _shingles(text)
    return answers


def _answers(threshold: float, texts: list[str]) -> list[str | None]:
    finder = DuplicateFinder(threshold)
    return [finder.find(str(number), text) for number, text in enumerate(texts)]


def test_words_are_folded() -> None:
    assert folded_words("Ёлка-ёжик, COVID-19; café") == ["елка", "ежик", "covid", "19", "café"]
    assert folded_words(unicodedata.normalize("NFD", "Ёлка чай café")) == ["елка", "чай", "café"]
    assert folded_words(" ... ") == []


def test_the_threshold_is_reached_at_exactly_its_value() -> None:
    # a b c d e f has the shingles abc bcd cde def; a b c d e has three of them: 3/4. a b c d x: 2 of 5.
    texts = ["a b c d e f", "a b c d e", "a b c d x"]
    assert _answers(0.75, texts) == [None, "0", None]
    assert _answers(0.76, texts) == [None, None, None]
    assert _answers(0.4, texts) == [None, "0", "0"]


def test_the_most_similar_is_reported_then_the_earliest() -> None:
    finder = DuplicateFinder(0.5)
    finder.add("half", "a b c d e f x")
    finder.add("same", "A b, c d e f.")
    finder.add("again", "a b c d e f")
    assert finder.find("new", "a b c d e f") == "same"
    assert len(finder) == 3


def test_a_duplicate_is_not_remembered_and_a_new_text_is() -> None:
    finder = DuplicateFinder()
    assert finder.find("one", "cough and fever since Monday") is None
    assert finder.find("two", "Cough and fever since Monday!") == "one"
    assert len(finder) == 1
    assert finder.find("two", "pain in the left knee") is None
    assert len(finder) == 2


def test_case_and_yo_make_no_difference_but_word_order_does() -> None:
    texts = ["Отёк ног к вечеру нарастает", "отек НОГ к вечеру нарастает", "нарастает к вечеру отёк ног"]
    assert _answers(0.8, texts) == [None, "0", None]


def test_short_and_empty_texts_are_single_shingles() -> None:
    assert _answers(0.8, ["", "cough", "!", "Cough.", "dry cough", "cough dry", "dry cough"]) == [
        *(None, None, "0", "1"),
        *(None, None, "4"),
    ]


def test_a_key_is_taken_once() -> None:
    finder = DuplicateFinder()
    finder.add("n1", "one text of some words")
    with pytest.raises(KGError, match="'n1' is already the key of another text; give every text a key of its own"):
        finder.find("n1", "quite another text of other words")
    with pytest.raises(KGError, match="already the key"):
        finder.add("n1", "one text of some words")


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_an_impossible_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(KGError, match=f"at most 1, not {threshold}"):
        DuplicateFinder(threshold)


def test_bands_keep_the_promised_recall() -> None:
    # At 0.8 with 5 rows: 1 - (1 - 0.32768)**25 = 0.99995; with 6: 1 - (1 - 0.262144)**21 = 0.9983, too little.
    assert band_rows(0.8) == 5
    assert band_rows(1.0) == 64
    assert band_rows(0.01) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=12), st.sampled_from([0.5, 0.8, 1.0]))
def test_what_is_reported_is_what_a_search_over_all_pairs_reports(texts: list[str], threshold: float) -> None:
    assert _answers(threshold, texts) == _naive(threshold, texts)


def test_random_edits_are_found_as_by_exact_search() -> None:
    """Of 600 edited texts, those that are near-duplicates are found, and no others are reported."""
    chance = random.Random(7)
    words = [f"w{number}" for number in range(400)]
    originals = [chance.choices(words, k=chance.randint(8, 40)) for _ in range(300)]
    finder = DuplicateFinder(0.8)
    for number, original in enumerate(originals):
        finder.add(str(number), " ".join(original))
    near, found = 0, 0
    for repeat in range(600):
        number = repeat % 300
        edited = list(originals[number])
        for _ in range(chance.randint(0, 3)):
            place = chance.randrange(len(edited))
            edited[place : place + chance.randint(0, 1)] = chance.choices(words, k=chance.randint(0, 1))
        text = " ".join(edited)
        similarity = _jaccard(_shingles(text), _shingles(" ".join(originals[number])))
        answer = finder.find(f"edit-{repeat}", text)
        near += similarity >= 0.8
        found += similarity >= 0.8 and answer is not None
        if answer is not None and answer.isdigit():
            assert _jaccard(_shingles(text), _shingles(" ".join(originals[int(answer)]))) >= 0.8
        if similarity < 0.8:
            assert answer is None or not answer.isdigit() or int(answer) != number
    assert near > 200
    assert found == near


def test_distinct_n_of_hand_counted_texts() -> None:
    # a b a | a b: five words, two distinct; bigrams ab ba | ab: three, two distinct; one trigram.
    texts = ["a b a", "A b"]
    assert distinct_n(texts, 1) == pytest.approx(2 / 5)
    assert distinct_n(texts, 2) == pytest.approx(2 / 3)
    assert distinct_n(texts, 3) == 1.0
    assert distinct_n(texts, 4) == 0.0
    assert distinct_n([], 1) == 0.0
    assert distinct_n(iter(["ещё", "еще"]), 1) == 0.5


def test_distinct_n_needs_a_word() -> None:
    with pytest.raises(KGError, match="at least one word, not 0; give n from 1"):
        distinct_n(["a"], 0)


@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(1, 4))
def test_a_set_said_twice_is_half_as_varied(texts: list[str], n: int) -> None:
    assert distinct_n(texts * 2, n) == pytest.approx(distinct_n(texts, n) / 2)


def test_the_nearest_text_by_hand() -> None:
    # " abcdef " has the 5-grams " abcd", "abcde", "bcdef", "cdef "; " abcdex " shares the first two: 2 of 6.
    nearest = NearestText(["zzzzzz", "abcdef"])
    assert nearest.nearest("abcdex") == (1, pytest.approx(2 / 6))
    assert nearest.nearest("ABCDEF!") == (1, 1.0)
    assert nearest.nearest("qqq") == (0, 0.0)
    assert NearestText(["", "ab", "AB"]).nearest("ab") == (1, 1.0)
    assert NearestText(["", "ab"]).nearest("") == (0, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6), TEXTS)
def test_the_nearest_text_is_that_of_all_pairs(texts: list[str], text: str) -> None:
    def grams(one: str) -> set[str]:
        joined = f" {' '.join(folded_words(one))} "
        if not folded_words(one):
            return set()
        return {joined[i : i + 5] for i in range(len(joined)) if i + 5 <= len(joined)} or {joined}

    naive = [_jaccard(grams(text), grams(other)) if grams(text) | grams(other) else 0.0 for other in texts]
    assert NearestText(texts).nearest(text) == (naive.index(max(naive)), pytest.approx(max(naive)))
