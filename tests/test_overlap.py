"""Shared runs and 5-grams are those of a naive search; leaks show in the report and clean datasets do not.

Small cases are worked out by hand; brute force over all pairs of places is the reference for the rest.
"""

import json
import random
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.duplicates import folded_words
from generation.overlap import LARGEST_SHARE, LONGEST_RUN, Overlap, OverlapIndex, leak_report, too_near
from kgengine.errors import KGError

WORDS = ["a", "b", "c", "ё", "е", "Ж", "7"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
PHRASES = st.lists(st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join), max_size=3)
EXAMPLE = "A 34-year-old man presents with sore throat, fever and pain on swallowing since Monday."


def _own(words: list[str], allowed: list[str]) -> list[bool]:
    own = [True] * len(words)
    for phrase in map(folded_words, allowed):
        for start in range(len(words)):
            if phrase and words[start : start + len(phrase)] == phrase:
                for place in range(start, start + len(phrase)):
                    own[place] = False
    return own


def _naive(text: str, source: str, allowed: list[str]) -> tuple[int, int, float]:
    """Give own words and all words of the longest shared run, and the share, by trying every pair of places."""
    note, other = folded_words(text), folded_words(source)
    own = _own(note, allowed)
    best = (0, 0)
    for first in range(len(note)):
        for second in range(len(other)):
            length = 0
            while (
                note[first + length :] and other[second + length :] and note[first + length] == other[second + length]
            ):
                length += 1
            best = max(best, (sum(own[first : first + length]), length))
    grams = [start for start in range(len(note) - 4) if sum(own[start : start + 5]) >= 3]
    held = {tuple(other[start : start + 5]) for start in range(len(other) - 4)}
    hits = sum(tuple(note[start : start + 5]) in held for start in grams)
    return *best, hits / len(grams) if grams else 0.0


def test_the_longest_run_and_the_share_by_hand() -> None:
    # Eight words, four 5-grams; "with a cough and fever" is shared: five words, one 5-gram of four.
    index = OverlapIndex([("x", "with a cough, and fever"), ("y", "Seen today with pain")])
    assert index.compare("Seen today: with a Cough and fever again") == Overlap(
        source="x", span="with a Cough and fever", words=5, share=0.25
    )


def test_runs_do_not_reach_from_one_text_into_the_next() -> None:
    assert OverlapIndex([("1", "a b c"), ("2", "d e f")]).compare("a b c d e f").words == 3


def test_a_word_that_no_text_has_ends_a_run() -> None:
    found = OverlapIndex([("1", "a b c d")]).compare("a b x c d")
    assert (found.span, found.words) == ("a b", 2)


def test_an_allowed_phrase_counts_for_nothing() -> None:
    index = OverlapIndex([("e", EXAMPLE)])
    note = "She has sore throat, fever and pain on swallowing now."
    # Shared: sore throat fever and pain on swallowing. All facts but "and": one own word.
    found = index.compare(note, ["sore throat", "fever", "Pain on swallowing"])
    assert found == Overlap("e", "sore throat, fever and pain on swallowing", 1, 0.0)
    assert index.compare(note) == Overlap("e", found.span, 7, 3 / 6)
    assert index.compare(note, ["sore throat", "fever and pain on swallowing"]) == Overlap("", "", 0, 0.0)


def test_a_5_gram_counts_when_most_of_its_words_are_own() -> None:
    # 5-grams of the note: x y a b c (own: x y a), y a b c d (y a), a b c d z (a z). Only the first counts.
    index = OverlapIndex([("1", "x y a b c"), ("2", "a b c d z")])
    assert index.compare("x y a b c d z", ["b c d"]) == Overlap("1", "x y a b c", 3, 1.0)
    assert index.compare("x y a b c d z").share == 1 / 3
    assert index.compare("x y a b c d z", ["a b c d"]).share == 0.0


def test_a_phrase_is_allowed_only_where_all_of_it_stands() -> None:
    assert OverlapIndex([("1", "pain on the left")]).compare("pain on the left", ["pain on swallowing"]).words == 4


def test_of_texts_with_the_same_run_that_with_the_larger_share_is_reported() -> None:
    run, more, filler = "a b c d e f g h", "i j k l m", " ".join(f"x{number}" for number in range(20))
    index = OverlapIndex([("run", run), ("more", f"{run} / {more}"), ("same", f"{more} {run}")])
    # 33 words, 29 5-grams: 4 are in "run", one more in each of the others.
    assert index.compare(f"{run} {filler} {more}") == Overlap("more", run, 8, 5 / 29)


@pytest.mark.parametrize("others", [0, 5000])
def test_the_text_nearest_to_being_copied_is_reported(others: int) -> None:
    run = " ".join(f"w{number}" for number in range(12))
    pieces = "a b c d e f x g h i j k l y m n o p q r"
    before = ("others", " ".join(f"v{number}" for number in range(others)))
    index = OverlapIndex([before, ("run", run), ("pieces", "r m n o p q r / g h i j k l / a b c d e f")])
    # The note shares 6 words and 6 of its 16 5-grams with "pieces" (2 in each piece): 0.375 / 0.5 = 0.75.
    assert index.compare(pieces) == Overlap("pieces", "a b c d e f", 6, 6 / 16)
    # Followed by seven words of the other it has 23 5-grams: 6 shared with "pieces", 3 with "run", whose run of 7
    # words is longer. 7 / 12 = 0.58 is more than (6 / 23) / 0.5 = 0.52, so "run" is the nearer.
    assert index.compare(pieces + " w0 w1 w2 w3 w4 w5 w6") == Overlap("run", "w0 w1 w2 w3 w4 w5 w6", 7, 3 / 23)
    # With six words of it: 22 5-grams, 6 / 22 / 0.5 = 0.545 against 6 / 12 = 0.5; "pieces" is the nearer.
    assert index.compare("w0 w1 w2 w3 w4 w5 " + pieces) == Overlap("pieces", "a b c d e f", 6, 6 / 22)


def test_copies_are_too_near_and_the_thresholds_themselves_are_not() -> None:
    index = OverlapIndex([("e", EXAMPLE)])
    assert too_near(index.compare(EXAMPLE))
    assert too_near(index.compare("Pain on swallowing since Monday."))
    assert not too_near(index.compare("A 58-year-old woman presents with knee pain."))
    assert not too_near(Overlap("e", "", LONGEST_RUN, LARGEST_SHARE))
    assert too_near(Overlap("e", "", LONGEST_RUN + 1, 0.0))
    assert too_near(Overlap("e", "", 0, LARGEST_SHARE + 0.01))


@pytest.mark.parametrize("text", ["", " \n", "?!", "nothing of this is known"])
def test_nothing_shared_is_no_overlap(text: str) -> None:
    for index in (OverlapIndex([]), OverlapIndex([("", "")]), OverlapIndex([("e", EXAMPLE), ("f", "")])):
        assert index.compare(text) == Overlap("", "", 0, 0.0)


def test_short_texts_have_runs_but_no_5_grams() -> None:
    assert OverlapIndex([("e", "Dry cough")]).compare("dry cough") == Overlap("e", "dry cough", 2, 0.0)


def test_yo_case_and_composition_make_no_difference_and_the_span_is_the_notes_own() -> None:
    index = OverlapIndex([("ru", "Отёк ног, чай и ЙОД по утрам", "more", 1)])
    found = index.compare(unicodedata.normalize("NFD", "Был отек НОГ — чай и йод; по утрам."))
    assert (found.span, found.words) == ("отек НОГ — чай и йод; по утрам", 7)
    assert json.loads(json.dumps(found.to_json())) == {
        "source": "ru",
        "span": "отек НОГ — чай и йод; по утрам",
        "words": 7,
        "share": 3 / 4,
    }


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=6), TEXTS, PHRASES)
def test_overlaps_are_those_of_brute_force(sources: list[str], text: str, allowed: list[str]) -> None:
    found = OverlapIndex((str(number), source) for number, source in enumerate(sources)).compare(text, allowed)
    naive = {str(number): _naive(text, source, allowed) for number, source in enumerate(sources)}
    nearness = {name: max(own / LONGEST_RUN, share / LARGEST_SHARE) for name, (own, _, share) in naive.items()}
    assert found.nearness == pytest.approx(max(nearness.values(), default=0.0))
    assert too_near(found) == any(own > LONGEST_RUN or share > LARGEST_SHARE for own, _, share in naive.values())
    if found.words == 0:
        assert found == Overlap("", "", 0, 0.0)
        return
    own, length, share = naive[found.source]
    assert (found.words, found.share) == (own, pytest.approx(share))
    span = folded_words(found.span)
    assert found.span in text
    assert len(span) == length
    assert f" {' '.join(span)} " in f" {' '.join(folded_words(sources[int(found.source)]))} "


def test_long_notes_and_wide_vocabularies_agree_with_brute_force() -> None:
    """Codes of rare words are far larger than a text is long; a copied middle part is found whole."""
    chance = random.Random(3)
    words = [f"w{number}" for number in range(3000)]
    sources = [" ".join(chance.choices(words, k=60)) for _ in range(120)]
    index = OverlapIndex((str(number), source) for number, source in enumerate(sources))
    for number in (0, 57, 119):
        middle = sources[number].split()[20:45]
        note = " ".join([*chance.choices(words, k=9), *middle, *sources[number - 1].split()[:8]])
        found = index.compare(note)
        assert (found.source, found.words) == (str(number), _naive(note, sources[number], [])[0])
        assert set(middle) <= set(found.span.split())
        assert found.share == _naive(note, sources[number], [])[2]


def test_one_word_repeated_is_handled() -> None:
    index = OverlapIndex((str(number), "a " * 50) for number in range(200))
    assert index.compare("a " * 60) == Overlap("0", ("a " * 50).strip(), 50, 1.0)


def _pool(chance: random.Random, name: str, count: int) -> list[tuple[str, str]]:
    words = [f"{chance.choice('bdgklm')}{chance.choice('aeiou')}{number}" for number in range(300)]
    return [(f"{name}{number}", " ".join(chance.choices(words, k=15))) for number in range(count)]


def test_the_report_by_hand() -> None:
    examples = [("e1", "pain in the left knee since Monday"), ("e2", "Pain in the left knee, since monday")]
    held_out = [("h1", "dry cough at night"), ("h2", "pain in the left knee since Monday")]
    notes = [("n1", "pain in the left knee since Monday"), ("n2", "dry cough at night"), ("n3", "zzzzz")]
    report = leak_report(notes, examples, held_out, {"n2": ["cough"]}, worst=2)
    # e2 says e1's words and h2 is an example, so both pools hold one text. n1 is nearer to the example, n2 to the
    # held-out text, n3 to neither: (1 + 0 + 1/2) / 3.
    assert (report["notes"], report["pool"], report["nearer_to_example"]) == (3, 1, 0.5)
    assert report["to_example"]["1.0"] == report["to_held_out"]["1.0"] == 1.0
    assert report["too_near"] == 1
    assert report["worst"] == [
        {"note": "n1", "source": "e1", "span": "pain in the left knee since Monday", "words": 7, "share": 1.0},
        {"note": "n2", "source": "", "span": "", "words": 0, "share": 0.0},
    ]
    # n1 and n3 (by default) are nearest to e1, n2 to h1: 3**2 / (2**2 + 1**2) = 1.8 effective notes. Wilson's interval
    # of a half: 0.5 -+ z * sqrt(0.25 / 1.8 + (z / 3.6)**2) / (1 + z**2 / 1.8) with z = 1.96.
    assert report["interval"] == pytest.approx([0.0874, 0.9126], abs=1e-4)


def test_the_allowed_phrases_of_a_note_reach_the_report() -> None:
    note = [("n", "dry cough at night and fever")]
    pools = ([("e", "dry cough at night and fever")], [("h", "rash")])
    assert leak_report(note, *pools)["too_near"] == 1
    assert leak_report(note, *pools, {"n": ["dry cough at night", "fever"]})["too_near"] == 0


def test_copied_notes_show_and_clean_ones_do_not() -> None:
    chance = random.Random(5)
    pool = _pool(chance, "t", 600)
    examples, held_out, clean = pool[:200], pool[200:400], pool[400:]
    copied = [(f"n{name}", text.replace(text.split()[3], "x")) for name, text in examples]
    honest, leaking = leak_report(clean, examples, held_out), leak_report(copied, examples, held_out)
    assert honest["interval"][0] < 0.5 < honest["interval"][1]
    assert honest["too_near"] == 0
    assert leaking["nearer_to_example"] == 1.0
    assert leaking["to_example"]["0.05"] > leaking["to_held_out"]["1.0"]
    assert leaking["too_near"] > 150
    assert len(leaking["worst"]) == 10
    nearness = [max(note["words"] / LONGEST_RUN, note["share"] / LARGEST_SHARE) for note in leaking["worst"]]
    assert all(one >= other for one, other in pairwise(nearness))


def test_pools_of_unequal_size_are_made_equal_and_the_seed_decides_how() -> None:
    chance = random.Random(6)
    pool = _pool(chance, "t", 500)
    examples, held_out, clean = pool[:350], pool[350:400], pool[400:]
    report = leak_report(clean, examples, held_out, seed=1)
    assert report["pool"] == 50
    assert report["interval"][0] < 0.5 < report["interval"][1]
    assert leak_report(clean, examples, held_out, seed=1) == report
    assert leak_report(clean, examples, held_out, seed=2)["to_example"] != report["to_example"]
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    ("notes", "examples", "held_out"),
    [([], ["a"], ["b"]), (["a"], [], ["b"]), (["a"], ["b"], []), (["a"], ["b"], ["B!"])],
)
def test_a_report_needs_notes_examples_and_other_texts(notes: list, examples: list, held_out: list) -> None:
    with pytest.raises(KGError, match=r"a leak report needs at least one of each, not .*; give the missing ones"):
        leak_report(*([(text, text) for text in pool] for pool in (notes, examples, held_out)))
