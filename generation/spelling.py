"""Finds the word of a vocabulary that a misspelt word stands for.

Distance is that of Damerau and Levenshtein in its restricted form (optimal string alignment: insertion, deletion,
substitution, transposition of neighbours; Damerau 1964, doi:10.1145/363958.363994), because four of five
misspellings are one such slip. Only words that no dictionary knows are given here.
"""

from collections.abc import Iterable

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

_SHORTEST, _LONG = 5, 9
"""Shorter words are left alone; from `_LONG` letters on two slips are forgiven, else one; or
one letter out of place."""
_AT_MOST = 8
"""So many nearest words of the vocabulary are looked at."""


class Speller:
    """The words of a vocabulary, to be found by misspellings.

    :param vocabulary: (word as written, its lemma), lower case, ё as е.
    """

    def __init__(self, vocabulary: Iterable[tuple[str, str]]) -> None:
        self._lemma: dict[str, str] = {}
        self._by_letter: dict[str, list[str]] = {}
        for form, lemma in vocabulary:
            for word in (lemma, form):
                if len(word) >= _SHORTEST - 1 and self._lemma.setdefault(word, lemma) == lemma:
                    self._by_letter.setdefault(word[0], []).append(word)
        self._by_letter = {letter: sorted(set(found)) for letter, found in self._by_letter.items()}

    def lemma(self, readings: Iterable[str]) -> str | None:
        """Give the lemma of the vocabulary's word that is nearest to a misspelt word.

        The first letter must be right or have changed places with the second.

        :param readings: the word as written, and what may be its lemma; the first that is near any word decides.
        :returns: the lemma, or None where no word is near enough or two are equally near.
        """
        for word in dict.fromkeys(readings):
            near = self._near(word)
            least = min((distance for _, distance in near), default=0)
            best = {lemma for lemma, distance in near if distance == least}
            if best:
                return best.pop() if len(best) == 1 else None
        return None

    def _near(self, word: str) -> list[tuple[str, int]]:
        if len(word) < _SHORTEST or not word.isalpha():
            return []
        slips = 1 if len(word) < _LONG else 2
        letters = sorted(word)
        candidates = self._by_letter.get(word[0], [])
        swapped = [other for other in self._by_letter.get(word[1], []) if other[:2] == word[1] + word[0]]
        found = []
        for pool in (candidates, swapped):
            close = extract(word, pool, scorer=OSA.distance, score_cutoff=2, limit=_AT_MOST)
            found += [
                (self._lemma[other], int(distance))
                for other, distance, _ in close
                if distance <= slips or sorted(other) == letters
            ]
        return found
