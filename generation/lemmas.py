"""Splits text into words with their lemmas, in English and Russian.

English lemmas come from simplemma, Russian ones from pymorphy3 (the likeliest parse, a noun among equally likely
ones). The same function runs over the dictionary and over the text, so a wrong lemma harms neither.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from kgengine.errors import UnknownNameError
from kgengine.schema import LANGUAGES

_WORD = re.compile(r"[Ии]з-за\b|[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE_END = re.compile(r"[.!?;\n]+(?=\s|$)")
_CLAUSE_END = re.compile(r"[,:()]|\s[-–—]\s|[.!?;\n]+(?=\s|$)")
_IRREGULAR = {"shook": "shake", "broke": "break", "felt": "feel", "fell": "fall", "gone": "go", "rose": "rise"}
"""Past forms that simplemma takes for words of their own."""
_FINITE = frozenset({"VERB", "PRTS", "PRED", "ADJS"})


class Reading(NamedTuple):
    """What a dictionary knows of a word.

    :ivar lemma: its lemma, lower case, ё as е.
    :ivar others: the lemmas of its less likely readings.
    :ivar finite: True for a Russian verb or predicate (English has too few endings to tell).
    :ivar known: True when the dictionary holds the word; else the lemma is a guess.
    :ivar cases: what cases a Russian noun may be in ("nomn", "gent", ...); empty for what is no noun.
    :ivar past: True for a Russian verb in the past tense.
    """

    lemma: str
    others: tuple[str, ...]
    finite: bool
    known: bool
    cases: frozenset[str] = frozenset()
    past: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: its lemma and its place, `text[start:end]`; `sentence` and `clause` count from 0.

    :ivar form: the word as written, lower case, ё as е.
    :ivar reading: what the dictionary knows of it.
    :ivar pause: the punctuation between it and the word before; none for a hyphen.
    :ivar asked: True when the next sign is a question mark.
    """

    lemma: str
    start: int
    end: int
    sentence: int
    clause: int
    form: str
    reading: Reading
    pause: str
    asked: bool


def check_language(lang: str) -> str:
    """Return `lang` if the product speaks it.

    :raises UnknownNameError: it doesn't.
    """
    if lang not in LANGUAGES:
        raise UnknownNameError("language", lang, hint="take one of " + ", ".join(LANGUAGES))
    return lang


@lru_cache(maxsize=1)
def _russian() -> Any:
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang="ru")


@lru_cache(maxsize=200_000)
def reading(word: str, lang: str) -> Reading:
    """Look a word up; in English, "didn't" and its like are "not", "can't" is "cannot".

    :param word: as written.
    :param lang: "en" or "ru".
    :returns: its reading.
    """
    folded = word.lower().replace("’", "'")
    return _read_russian(folded) if lang == "ru" else _read_english(folded)


def _read_english(word: str) -> Reading:
    if word.endswith("n't") and word != "can't":
        return Reading("not", (), False, True)
    from simplemma import is_known, lemmatize

    bare = word.removesuffix("'s")
    return Reading(
        _IRREGULAR.get(bare) or str(lemmatize(bare, lang="en")).lower(), (), False, bool(is_known(bare, lang="en"))
    )


def _read_russian(word: str) -> Reading:
    parses = _russian().parse(word)
    best = max(parses, key=lambda parse: (round(parse.score, 2), parse.tag.POS == "NOUN"))
    lemma = str(best.normal_form).replace("ё", "е")
    others = dict.fromkeys(str(parse.normal_form).replace("ё", "е") for parse in parses)
    others.pop(lemma)
    nouns = [parse.tag for parse in parses if parse.tag.POS == best.tag.POS == "NOUN"]
    cases = frozenset(str(tag.case) for tag in nouns if tag.case)
    known = bool(_russian().word_is_known(word))
    return Reading(lemma, tuple(others), str(best.tag.POS) in _FINITE, known, cases, best.tag.tense == "past")


def forms(lemma: str, lang: str) -> set[str]:
    """Give the inflected forms of a lemma, lower case, ё as е (in English the plural or third person alone)."""
    if lang == "en":
        return {lemma, lemma + "s"}
    parse = _russian().parse(lemma)[0]
    return {lemma, *(str(one.word).replace("ё", "е") for one in parse.lexeme if one.tag.POS == parse.tag.POS)}


@lru_cache(maxsize=64)
def words(text: str, lang: str) -> tuple[Word, ...]:
    """Split a text into words; the last texts are remembered, as a note is looked at several times.

    :param text: any text.
    :param lang: "en" or "ru".
    :returns: the words in order.
    """
    sentences = [match.start() for match in _SENTENCE_END.finditer(text)]
    clauses = [match.start() for match in _CLAUSE_END.finditer(text)]
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(text):
        written, start = match.group(), match.start()
        pause, end = text[end:start].strip() if text[end:start] != "-" else "", match.end()
        read, form = reading(written, lang), written.lower().replace("ё", "е")
        sentence, clause = bisect_left(sentences, start), bisect_left(clauses, start)
        asked = text[end : end + 1] == "?"
        found.append(Word(read.lemma, start, end, sentence, clause, form, read, pause, asked))
    return tuple(found)
