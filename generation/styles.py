"""Changes the style of an accepted note: doctors' abbreviations, typing errors; the caller reviews it again."""

import re
from dataclasses import dataclass

import numpy as np

ABBREVIATIONS = {
    "en": (
        (r"\bThe patient\b", "Pt"),
        (r"\bpatient\b", "pt"),
        (r"\b(\d+)-year-old (man|boy)\b", r"\1yo M"),
        (r"\b(\d+)-year-old (woman|girl)\b", r"\1yo F"),
        (r"\bpresents with\b", "p/w"),
        (r"\bcomplains of\b", "c/o"),
        (r"\bComplains of\b", "C/o"),
        (r"\bhistory of\b", "h/o"),
        (r"\b(?:She|He) was prescribed\b", "Rx"),
        (r"\bfollow-up\b", "f/u"),
        (r"\bweeks?\b", "wk"),
        (r"\bmonths?\b", "mo"),
        (r"\btwice a day\b", "bid"),
        (r"\bonce a day\b", "qd"),
    ),
    "ru": (
        (r"\bПациентка\b", "Пац-ка"),
        (r"\bПациент\b", "Пац."),
        (r"\b(\d+) (?:лет|года?)\b", r"\1 л."),
        (r"\bв течение\b", "в теч."),
        (r"\bПредъявляет жалобы\b", "Предъявл. жалобы"),
        (r"\bобщее состояние\b", "общ. сост."),
        (r"\bсостояние удовлетворительное\b", "сост. удовл."),
        (r"\bудовлетворительное\b", "удовл."),
        (r"\bНазначено\b", "Назн."),
        (r"\bРекомендовано\b", "Рек."),
        (r"\bчерез две недели\b", "ч/з 2 нед."),
        (r"\bчерез месяц\b", "ч/з мес."),
        (r"\bнедел[июья]\b", "нед."),
    ),
}
"""Common abbreviations of outpatient records, each a pattern and what it becomes.

None touches a usual name of a finding or drug."""

TERSE_USUAL = 0.35
"""Share of terse notes that keep to the usual names: those that "на" (complaints of) can stand before, in Russian."""

_WORD = re.compile(r"[^\W\d_]{5,}+(?!:)")
"""A word that may be mistyped; a heading stays."""
_NEIGHBOURS = {"en": "qwertyuiop asdfghjkl zxcvbnm", "ru": "йцукенгшщзхъ фывапролджэ ячсмитьбю"}


@dataclass(frozen=True)
class Style:
    """What is done to the wording.

    :ivar varied: True to call each symptom by any of its names, a patient's words among them.
    :ivar abbreviated: True for doctors' abbreviations.
    :ivar terse: True for complaints as they are typed in a busy practice: a bare list, any names, an opener or none, a
        capital or none (`TERSE_USUAL` of them keep to the usual names).
    :ivar typos: share (0 to 1) of words of five letters and more that get a typing error; headings get none.
    """

    varied: bool = False
    abbreviated: bool = False
    terse: bool = False
    typos: float = 0.0

    @property
    def changes_text(self) -> bool:
        """True when a finished text is changed."""
        return self.abbreviated or self.typos > 0

    def apply(self, text: str, lang: str, rng: np.random.Generator) -> str:
        """Change a text.

        :param text: the note.
        :param lang: "en" or "ru".
        :param rng: chooses the words that get an error, and which.
        """
        if self.abbreviated:
            for pattern, short in ABBREVIATIONS[lang]:
                text = re.sub(pattern + (r"\.?" if short.endswith(".") else ""), short, text)
        if self.typos:
            text = _WORD.sub(lambda match: _mistyped(match.group(), lang, rng, self.typos), text)
        return text


def _mistyped(word: str, lang: str, rng: np.random.Generator, share: float) -> str:
    """Give a word, at the given chance with an error: two letters exchanged, one left out, doubled, or a wrong key."""
    if rng.random() >= share:
        return word
    place = int(rng.integers(1, len(word) - 1))
    kind = int(rng.integers(4))
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    if kind == 2:
        return word[: place + 1] + word[place:]
    return word[:place] + _neighbour(word[place], lang) + word[place + 1 :]


def _neighbour(letter: str, lang: str) -> str:
    """Give the key beside a letter's."""
    for row in _NEIGHBOURS[lang].split():
        place = row.find(letter.lower())
        if place >= 0:
            return row[place - 1] if place else row[1]
    return letter
