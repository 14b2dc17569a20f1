"""Splits text into words with their lemmas, in English and Russian.

English lemmas come from simplemma, Russian ones from pymorphy3 (the first, most likely parse). The same
function runs over the dictionary and over the text, so a wrong lemma harms neither.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from kgengine.errors import UnknownNameError
from kgengine.schema import LANGUAGES

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE_END = re.compile(r"[.!?;\n]+(?=\s|$)")
_CLAUSE_END = re.compile(r"[,:()]|[.!?;\n]+(?=\s|$)")


@dataclass(frozen=True)
class Word:
    """One word of a text: its lemma and its place, `text[start:end]`; `sentence` and `clause` count from 0."""

    lemma: str
    start: int
    end: int
    sentence: int
    clause: int


def check_language(lang: str) -> str:
    """Return `lang` if the product speaks it.

    :raises UnknownNameError: it doesn't.
    """
    if lang not in LANGUAGES:
        raise UnknownNameError("language", lang, hint="take one of " + ", ".join(LANGUAGES))
    return lang


@lru_cache(maxsize=1)
def _russian() -> Callable[[str], str]:
    import pymorphy3

    analyser = pymorphy3.MorphAnalyzer(lang="ru")
    return lambda word: str(analyser.parse(word)[0].normal_form)


@lru_cache(maxsize=200_000)
def lemma(word: str, lang: str) -> str:
    """Give a word's lemma, lower case, ё as е; "didn't" and its like are "not", "can't" is "cannot"."""
    folded = word.lower().replace("’", "'")
    if lang == "ru":
        return _russian()(folded).replace("ё", "е")
    if folded.endswith("n't") and folded != "can't":
        return "not"
    from simplemma import lemmatize

    return str(lemmatize(folded.removesuffix("'s"), lang="en")).lower()


def words(text: str, lang: str) -> list[Word]:
    """Split a text into words.

    :param text: any text.
    :param lang: "en" or "ru".
    :returns: the words in order.
    """
    sentences = [match.start() for match in _SENTENCE_END.finditer(text)]
    clauses = [match.start() for match in _CLAUSE_END.finditer(text)]
    return [
        Word(
            lemma(match.group(), lang),
            match.start(),
            match.end(),
            bisect_left(sentences, match.start()),
            bisect_left(clauses, match.start()),
        )
        for match in _WORD.finditer(text)
    ]
