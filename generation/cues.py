"""Finds the cues of a text: words that change the status of the findings around them.

The cues stand in `cues_en` and `cues_ru`, as in a text, parted by commas, and are found in any inflection. Marks
narrow a word: "=" takes it only as written, "^" only where a clause begins, ":" only after a colon or dash; "#" is a
year in figures, "%" any number. A cue listed both forward and backward looks to either side. The longest cue at a
place counts; where a pseudo-cue is as long, it wins. Determiners don't count.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from generation.cues_en import CUES_EN
from generation.cues_ru import CUES_RU
from generation.lemmas import Word, words
from generation.markers import DETERMINERS, NUMBERS
from generation.statuses import AROUND, EITHER, PSEUDO, Cues

CUES: dict[str, tuple[Cues, ...]] = {"en": CUES_EN, "ru": CUES_RU}
PAUSES = frozenset(",()")
"""Punctuation that parts the clauses of a sentence."""

_LABEL = frozenset(":-–—")
_MARKS = "=^:#%"
_YEAR = re.compile(r"(?:19|20)\d\d")


class Cue(NamedTuple):
    """What a cue does."""

    status: str
    direction: str
    until: frozenset[str]


class Hit(NamedTuple):
    """A cue at its place: the first of its tokens and the one after its last."""

    first: int
    last: int
    cue: Cue


@dataclass
class _Trie:
    children: dict[str, "_Trie"] = field(default_factory=dict)
    cues: list[Cue] = field(default_factory=list)


@lru_cache(maxsize=4)
def _trie(lang: str) -> _Trie:
    root = _Trie()
    for group in CUES[lang]:
        until = frozenset(group.until.split())
        for text in group.text.replace("\n", " ").split(","):
            place = root
            for word in text.split():
                mark = word[0] if word[0] in _MARKS else ""
                if mark and mark in "=#%":
                    keys = [word]
                else:
                    found = (read.lemma for read in words(word.lstrip(_MARKS), lang))
                    keys = [mark + lemma for lemma in found if lemma not in DETERMINERS[lang]]
                for key in keys:
                    place = place.children.setdefault(key, _Trie())
            if place is not root:
                _put(place.cues, Cue(group.status, group.direction, until))
    return root


def _put(cues: list[Cue], cue: Cue) -> None:
    for at, other in enumerate(cues):
        if other.status == cue.status and other.until == cue.until:
            cues[at] = other if other.direction == cue.direction else other._replace(direction=EITHER)
            return
    cues.append(cue)


def _keys(tokens: Sequence[Word], at: int, begins: bool, lang: str) -> list[str]:
    """Give the keys under which a token may stand in a cue; `begins` when it would be the cue's first word."""
    token = tokens[at]
    keys = [token.lemma, "=" + token.form]
    if token.form[0].isdigit() or token.form in NUMBERS[lang]:
        keys += ["%", "#"] if _YEAR.fullmatch(token.form) else ["%"]
    if begins:
        if at == 0 or token.sentence != tokens[at - 1].sentence or not PAUSES.isdisjoint(token.pause):
            keys.append("^" + token.lemma)
        if not _LABEL.isdisjoint(token.pause):
            keys.append(":" + token.lemma)
    return keys


def _longest(tokens: Sequence[Word], at: int, finding: Sequence[bool], lang: str) -> tuple[int, list[Cue]]:
    """Give the end and the kinds of the longest cue at a place; only a condition may reach into a finding."""
    best: tuple[int, list[Cue]] = (at, [])
    places, inside = [_trie(lang)], False
    for position in range(at, len(tokens)):
        if tokens[position].sentence != tokens[at].sentence:
            break
        inside = inside or finding[position]
        keys = _keys(tokens, position, position == at, lang)
        places = [place.children[key] for place in places for key in keys if key in place.children]
        if not places:
            break
        cues = [cue for place in places for cue in place.cues if not inside or cue.direction == AROUND]
        if cues:
            best = (position + 1, cues)
    return best


def find_cues(tokens: Sequence[Word], finding: Sequence[bool], lang: str) -> Iterator[Hit]:
    """Find the longest cues of a text, left to right, without overlap.

    :param tokens: the words without determiners.
    :param finding: for each, whether it is part of a finding (and so of no cue).
    :param lang: "en" or "ru".
    :returns: the cues; several at one place when its words do several things.
    """
    at = 0
    while at < len(tokens):
        last, cues = (at, []) if finding[at] else _longest(tokens, at, finding, lang)
        for cue in cues:
            if cue.direction == PSEUDO or not any(other.direction == PSEUDO for other in cues):
                yield Hit(at, last, cue)
        at = max(last, at + 1)


def find_idioms(tokens: Sequence[Word], lang: str) -> list[tuple[int, int]]:
    """Find the cues of three words and more: what looks like a finding inside one is none ("runs in the family").

    :param tokens: the words without determiners.
    :param lang: "en" or "ru".
    :returns: first token and the one after the last, of each.
    """
    free = [False] * len(tokens)
    return [(hit.first, hit.last) for hit in find_cues(tokens, free, lang) if hit.last - hit.first > 2]
