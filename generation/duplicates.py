"""Finds near-duplicates among notes as they come, the nearest text, and how varied a set of texts is.

Two notes are near-duplicates when the Jaccard index of their sets of word 3-grams reaches a threshold. Candidates
come from MinHash signatures (Broder 1997, doi:10.1109/SEQUEN.1997.666900) in datasketch's locality-sensitive
hashing; each is then compared exactly, so that a hash accident is never reported. Nothing is removed here.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kgengine.errors import KGError

SHINGLE = 3
"""Words in a shingle."""
CHARACTERS = 5
"""Characters in a gram of `NearestText`."""
WORD = re.compile(r"\w+")
_HASHES = 128
_RECALL = 0.999
_SEED = 1


def folded(word: str) -> str:
    """Give a word in lower case, ё as е."""
    return word.lower().replace("ё", "е")


def folded_words(text: str) -> list[str]:
    """Split a text, in Unicode's form NFC, into its words (`\\w+`), each folded."""
    return [folded(word) for word in WORD.findall(unicodedata.normalize("NFC", text))]


class DuplicateFinder:
    """Remembers texts and finds an earlier near-duplicate of a new one.

    The bands of the hashing are the longest that still find a pair at the threshold itself with a probability of
    at least 99.9 % (for 0.8, 25 bands of 5 hashes: 99.995 %). Same calls, same answers. A remembered note takes
    about 8.3 kB at threshold 0.8 (measured on 4,670 notes of 26 words on average), mostly for the hash tables.

    :param threshold: the least Jaccard index (over 0, up to 1) of near-duplicates; 0.8 is usual for web text
        (Lee et al. 2022, arXiv 2107.06499).
    :raises KGError: the threshold is out of range.
    """

    def __init__(self, threshold: float = 0.8) -> None:
        from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]

        if not 0 < threshold <= 1:
            raise KGError(f"a near-duplicate's threshold must be above 0 and at most 1, not {threshold}; 0.8 is usual")
        self._threshold = threshold
        rows = band_rows(threshold)
        self._lsh = MinHashLSH(num_perm=_HASHES, params=(_HASHES // rows, rows))
        self._empty = MinHash(num_perm=_HASHES, seed=_SEED)
        self._vocabulary: dict[str, int] = {}
        self._keys: list[str] = []
        self._known: set[str] = set()
        self._texts: list[array[int]] = []

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key: str, text: str) -> str | None:
        """Look for an earlier near-duplicate of a text, and remember the text if there is none.

        :param key: what to call the text.
        :param text: any text; one of fewer than three words is a single shingle, and so is one of none.
        :returns: the key of the most similar near-duplicate, of equals the earliest; None when there is none.
        :raises KGError: the key is taken.
        """
        self._check(key)
        codes = self._encoded(text)
        signature = self._signature(codes)
        best, found = 0.0, None
        for number in sorted(self._lsh.query(signature)):
            similarity = jaccard(_shingles(codes), _shingles(self._texts[number]))
            if similarity >= self._threshold and similarity > best:
                best, found = similarity, self._keys[number]
        if found is None:
            self._remember(key, codes, signature)
        return found

    def add(self, key: str, text: str) -> None:
        """Remember a text without looking for its near-duplicates.

        :param key: what to call the text.
        :param text: any text.
        :raises KGError: the key is taken.
        """
        self._check(key)
        codes = self._encoded(text)
        self._remember(key, codes, self._signature(codes))

    def _check(self, key: str) -> None:
        if key in self._known:
            raise KGError(f"'{key}' is already the key of another text; give every text a key of its own")

    def _encoded(self, text: str) -> "array[int]":
        words = folded_words(text)
        return array("i", [self._vocabulary.setdefault(word, len(self._vocabulary)) for word in words])

    def _signature(self, codes: "array[int]") -> Any:
        """Hash a text's shingles; the hash functions are copied, since making them anew costs more."""
        signature = self._empty.copy()
        signature.update_batch([array("i", shingle).tobytes() for shingle in _shingles(codes)])
        return signature

    def _remember(self, key: str, codes: "array[int]", signature: Any) -> None:
        self._lsh.insert(len(self._keys), signature, check_duplication=False)
        self._keys.append(key)
        self._known.add(key)
        self._texts.append(codes)


def band_rows(threshold: float) -> int:
    """Give the most hashes per band, of at least two bands, that find a pair at the threshold in 99.9 % of cases.

    :param threshold: Jaccard index, over 0 up to 1.
    :returns: r; with b = 128 // r bands the pair is found with the probability 1 - (1 - threshold**r)**b.
    """
    fits = [r for r in range(1, _HASHES // 2 + 1) if 1 - (1 - threshold**r) ** (_HASHES // r) >= _RECALL]
    return max(fits, default=1)


def jaccard(one: set[tuple[int, ...]], other: set[tuple[int, ...]]) -> float:
    """Give the Jaccard index (0..1) of two sets that are not both empty."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def _shingles(codes: Sequence[int]) -> set[tuple[int, ...]]:
    return {tuple(codes[start : start + SHINGLE]) for start in range(max(len(codes) - SHINGLE, 0) + 1)}


class NearestText:
    """Finds of some texts the nearest to another, by the Jaccard index of their character 5-grams.

    :param texts: the texts, at least one.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        grams = [_characters(text) for text in texts]
        holders: dict[str, list[int]] = {}
        for number, found in enumerate(grams):
            for gram in found:
                holders.setdefault(gram, []).append(number)
        self._holders = {gram: np.array(numbers, dtype=np.int32) for gram, numbers in holders.items()}
        self._sizes = np.array([len(found) for found in grams])

    def nearest(self, text: str) -> tuple[int, float]:
        """Find the text nearest to another.

        :param text: any text.
        :returns: its place among the texts (of equals the first) and the similarity, 0..1: 1 for the same words, 0
            for nothing in common or a text without words.
        """
        grams = _characters(text)
        found = [self._holders[gram] for gram in grams if gram in self._holders]
        common = np.bincount(np.concatenate(found), minlength=len(self._sizes)) if found else 0 * self._sizes
        similarity = common / np.maximum(self._sizes + len(grams) - common, 1)
        place = int(similarity.argmax())
        return place, float(similarity[place])


def _characters(text: str) -> set[str]:
    """Give the character 5-grams of a text's folded words with a space around each; none of a text without words."""
    joined = f" {' '.join(folded_words(text))} "
    grams = {joined[start : start + CHARACTERS] for start in range(max(len(joined) - CHARACTERS, 0) + 1)}
    return grams if joined.strip() else set()


def distinct_n(texts: Iterable[str], n: int) -> float:
    """Give the share of distinct n-grams among all of a set of texts (Li et al. 2016, arXiv 1510.03055).

    It falls as the set grows, so compare sets of one size.

    :param texts: the texts; an n-gram never reaches across two.
    :param n: words in an n-gram, from 1.
    :returns: 0..1, higher is more varied; 0 when no text has n words.
    :raises KGError: n is below 1.
    """
    if n < 1:
        raise KGError(f"an n-gram has at least one word, not {n}; give n from 1")
    seen: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        words = folded_words(text)
        grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
        seen.update(grams)
        total += len(grams)
    return len(seen) / total if total else 0.0
