"""Measures how much of a note is taken from other texts, and whether a whole dataset leans towards its examples.

A model that is shown example notes may carry their text out. `OverlapIndex` finds the longest run of words that a
note shares with an example, as Carlini et al. 2021 (arXiv 2012.07805) look for memorised text, and the share of
its word 5-grams that one example holds. `leak_report` compares distances to the examples with distances to texts
that the model never saw (Platzer and Reutterer 2021, doi:10.3389/fdata.2021.679939).

Only words are compared: a paraphrase is not seen, nothing is proved, nothing is repaired. See docs/privacy.md.
"""

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from generation.duplicates import WORD, NearestText, folded, folded_words
from kgengine.errors import KGError

LONGEST_RUN = 12
"""A longer shared run (words) is a copy: about the 99th percentile (13) of 4,669 real Russian complaint texts
(RuMedTop3), each against 300 of other diagnoses; docs/privacy.md has the table for other numbers of texts."""
LARGEST_SHARE = 0.5
"""A larger share (0..1) of common word 5-grams is a copy: the 99th percentile of the same experiment is 0.56. It
catches whole short notes, and copies with words exchanged, where `LONGEST_RUN` does not."""
GRAM = 5
"""Words in a gram of `Overlap.share`."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

_SEPARATOR, _UNKNOWN = 0, 2**31 - 1


@dataclass(frozen=True)
class Overlap:
    """What a note shares with one text.

    `source` is the text's id ("" when no own word is shared), `span` the longest shared run as the note (in
    Unicode's form NFC) writes it, `words` its number of own words, `share` (0..1) that of the note's own 5-grams
    which occur in the source. A word is *own* unless it lies in an allowed phrase; a 5-gram is own when most of
    its words are.
    """

    source: str
    span: str
    words: int
    share: float

    @property
    def nearness(self) -> float:
        """How near the note is to being a copy: from 0, above 1 it counts as one."""
        return max(self.words / LONGEST_RUN, self.share / LARGEST_SHARE)

    def to_json(self) -> dict[str, Any]:
        """Give the overlap as plain data."""
        return asdict(self)


def too_near(overlap: Overlap) -> bool:
    """Tell whether a note counts as a copy: more than `LONGEST_RUN` words, or more than `LARGEST_SHARE`."""
    return overlap.words > LONGEST_RUN or overlap.share > LARGEST_SHARE


class _Run(NamedTuple):
    """A run of a note's words `start` to `end`, and the suffixes `low` to `high` that begin with it."""

    start: int
    end: int
    low: int
    high: int


class _Suffixes:
    """A suffix array over texts of word codes, each text closed by a separator.

    :param codes: int32 [n], the texts one after another.
    :param owners: int64 [n], the number of the text at each place.
    """

    def __init__(self, codes: NDArray[np.int32], owners: NDArray[np.int64]) -> None:
        order = _sorted_suffixes(codes)
        self._order, self._codes = order.data, codes.data
        self._bytes = codes.astype(">u4").tobytes()
        self.owners = owners[order]

    def runs(self, codes: Sequence[int]) -> Iterator[_Run]:
        """Find the runs of a note that occur in a text and can't be lengthened, from left to right."""
        start, low, high = 0, 0, len(self._order)
        for end, code in enumerate(codes):
            left, right = self._extended(low, high, end - start, code)
            if left == right:
                if start < end:
                    yield _Run(start, end, low, high)
                start = self._first_start(codes, start + 1, end + 1)
                left, right = self.find(codes[start : end + 1])
            low, high = left, right
        if start < len(codes):
            yield _Run(start, len(codes), low, high)

    def find(self, codes: Sequence[int]) -> tuple[int, int]:
        """Find the suffixes that begin with some words, as a range of the array."""
        run, data = np.array(codes, dtype=">u4").tobytes(), self._bytes

        def beginning(place: int) -> bytes:
            return data[4 * place : 4 * place + len(run)]

        low = bisect_left(self._order, run, key=beginning)
        return low, bisect_right(self._order, run, lo=low, key=beginning)

    def _extended(self, low: int, high: int, length: int, code: int) -> tuple[int, int]:
        """Narrow a range of suffixes, alike in `length` words, to those with `code` as the next."""
        data = self._codes

        def following(place: int) -> int:
            return data[place + length]

        left = bisect_left(self._order, code, low, high, key=following)
        return left, bisect_right(self._order, code, left, high, key=following)

    def _first_start(self, codes: Sequence[int], first: int, end: int) -> int:
        """Find the least start from `first` on with which the words up to `end` occur; `end` when there is none."""

        def occurs(start: int) -> bool:
            low, high = self.find(codes[start:end])
            return low < high

        return first + bisect_left(range(first, end), True, key=occurs)


def _sorted_suffixes(codes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Sort all suffixes by prefix doubling (Manber and Myers 1993): int64 [n], their beginnings in order."""
    size, width = len(codes), 1
    ranks = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    while True:
        following = np.zeros(size, dtype=np.int64)
        following[: max(size - width, 0)] = ranks[width:] + 1
        keys = ranks * (size + 1) + following
        order = np.argsort(keys, kind="stable")
        ranks = np.empty(size, dtype=np.int64)
        ranks[order] = np.cumsum(np.diff(keys[order], prepend=keys[order[:1]]) != 0)
        if not size or ranks[order[-1]] == size - 1:
            return order
        width *= 2


class OverlapIndex:
    """Texts with which notes are compared; a note costs about N log M steps (N words of it, M of all texts).

    :param texts: (id, text) of each; what else a tuple holds is disregarded.
    """

    def __init__(self, texts: Iterable[tuple[str, str, *tuple[Any, ...]]]) -> None:
        self._ids: list[str] = []
        self._vocabulary: dict[str, int] = {}
        self._begins = [0]
        codes: list[int] = []
        for name, text, *_ in texts:
            self._ids.append(name)
            codes += [self._vocabulary.setdefault(word, len(self._vocabulary) + 1) for word in folded_words(text)]
            codes.append(_SEPARATOR)
            self._begins.append(len(codes))
        self._codes = np.array(codes, dtype=np.int32)
        owners = np.repeat(np.arange(len(self._ids)), np.diff(self._begins))
        self._suffixes = _Suffixes(self._codes, owners)

    def compare(self, text: str, allowed: Sequence[str] = ()) -> Overlap:
        """Find a note's worst overlap: that with the text for which `Overlap.nearness` is greatest.

        :param text: the note.
        :param allowed: phrases that any note about these facts must say, worded as in the note; their words count
            neither for the length of a run nor, where they are most of a 5-gram, for the share.
        :returns: the overlap; of the longest runs that with most own words, then most words, then the first.
        """
        text = unicodedata.normalize("NFC", text)
        matches = list(WORD.finditer(text))
        words = [folded(match.group()) for match in matches]
        codes = [self._vocabulary.get(word, _UNKNOWN) for word in words]
        own = list(accumulate(_own_words(words, allowed), initial=0))
        runs = list(self._suffixes.runs(codes))
        run = max(runs, key=lambda run: _length(run, own), default=None)
        if run is None or not _length(run, own)[0]:
            return Overlap("", "", 0, 0.0)
        shares = self._shares(runs, codes, own)
        holders = np.unique(self._suffixes.owners[run.low : run.high])
        source, other = int(holders[shares[holders].argmax()]), int(shares.argmax())
        if shares[other] / LARGEST_SHARE > max(_length(run, own)[0] / LONGEST_RUN, shares[source] / LARGEST_SHARE):
            source, run = other, max(self._only(other).runs(codes), key=lambda run: _length(run, own))
        span = text[matches[run.start].start() : matches[run.end - 1].end()]
        return Overlap(self._ids[source], span, _length(run, own)[0], float(shares[source]))

    def _shares(self, runs: Sequence[_Run], codes: Sequence[int], own: Sequence[int]) -> NDArray[np.float64]:
        """Give for each text the share of the note's own 5-grams that it holds, float64 [texts]."""
        grams = {start for start in range(len(codes) - GRAM + 1) if own[start + GRAM] - own[start] > GRAM // 2}
        found = {start for run in runs for start in range(run.start, run.end - GRAM + 1)} & grams
        hits = np.zeros(len(self._ids), dtype=np.int64)
        for gram, count in Counter(tuple(codes[start : start + GRAM]) for start in found).items():
            low, high = self._suffixes.find(gram)
            hits[self._suffixes.owners[low:high]] += count
        return hits / max(len(grams), 1)

    def _only(self, number: int) -> _Suffixes:
        begin, end = self._begins[number : number + 2]
        return _Suffixes(self._codes[begin:end], np.zeros(end - begin, dtype=np.int64))


def _length(run: _Run, own: Sequence[int]) -> tuple[int, int]:
    """Give a run's number of own words (from their running count), and of all its words."""
    return own[run.end] - own[run.start], run.end - run.start


def _own_words(words: Sequence[str], allowed: Sequence[str]) -> list[bool]:
    """Tell of each word whether it lies outside every occurrence of every allowed phrase."""
    own = [True] * len(words)
    for phrase in {tuple(folded_words(phrase)) for phrase in allowed}:
        for start in range(len(words) - len(phrase) + 1):
            if tuple(words[start : start + len(phrase)]) == phrase:
                own[start : start + len(phrase)] = [False] * len(phrase)
    return own


def _distinct(texts: Iterable[tuple[str, str]], seen: set[str]) -> list[str]:
    """Give the texts whose words are not yet in `seen`, and add them to it."""
    kept = []
    for _, text in texts:
        words = " ".join(folded_words(text))
        if words not in seen:
            seen.add(words)
            kept.append(text)
    return kept


def leak_report(
    notes: Sequence[tuple[str, str]],
    examples: Sequence[tuple[str, str]],
    held_out: Sequence[tuple[str, str]],
    allowed: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    worst: int = 10,
) -> dict[str, Any]:
    """Compare a dataset with the examples its model was shown and with like texts that it never saw.

    Without a leak a note is as often nearer to a held-out text as to an example (Platzer and Reutterer 2021).
    That needs pools of one population and one size: each is freed of repeated texts, the held-out one of examples
    too, and the larger is sampled down to the smaller. Similarity is the Jaccard index of character 5-grams:
    most real notes share no word 5-gram with any other, and containment would favour the longer text.

    :param notes: (id, text) of each generated note.
    :param examples: (id, text) of each text that the model was shown.
    :param held_out: (id, text) of each text from the same source that it was not shown.
    :param allowed: by note id, the phrases of its facts (see `OverlapIndex.compare`), for the worst notes.
    :param seed: of the sample of the larger pool.
    :param worst: how many notes to quote.
    :returns: plain data. `to_example` and `to_held_out`: quantiles of the similarity (0..1) to the nearest text.
        `nearer_to_example`: share of notes, ties half; 0.5 is no leak. `interval`: its 95 % Wilson interval, for
        the effective number of notes (Kish), as notes nearest to one text fall together. `too_near`: number of
        copies among all notes. `worst`: those nearest to being copies. It quotes the examples: guard it likewise.
    :raises KGError: there is no note, no example, or no held-out text that is not an example.
    """
    seen: set[str] = set()
    pools = [_distinct(examples, seen), _distinct(held_out, seen)]
    if not notes or not all(pools):
        counts = f"{len(notes)} notes, {len(pools[0])} distinct examples, {len(pools[1])} other held-out texts"
        raise KGError(f"a leak report needs at least one of each, not {counts}; give the missing ones")
    size = min(map(len, pools))
    random = np.random.default_rng(seed)
    nearest = [NearestText([pool[i] for i in random.permutation(len(pool))[:size]]) for pool in pools]
    found = [[texts.nearest(text) for texts in nearest] for _, text in notes]
    near = np.array([[similarity for _, similarity in pair] for pair in found])
    share = float((np.sign(near[:, 0] - near[:, 1]).mean() + 1) / 2)
    uses = Counter((pair[1][1] > pair[0][1], pair[int(pair[1][1] > pair[0][1])][0]) for pair in found)
    effective = len(notes) ** 2 / sum(count**2 for count in uses.values())
    index = OverlapIndex(examples)
    overlaps = [(name, index.compare(text, (allowed or {}).get(name, ()))) for name, text in notes]
    ranked = sorted(overlaps, key=lambda pair: -pair[1].nearness)
    return {
        "notes": len(notes),
        "pool": size,
        "to_example": _quantiles(near[:, 0]),
        "to_held_out": _quantiles(near[:, 1]),
        "nearer_to_example": share,
        "interval": _wilson(share, effective),
        "too_near": sum(too_near(overlap) for _, overlap in overlaps),
        "worst": [{"note": name, **overlap.to_json()} for name, overlap in ranked[:worst]],
    }


def _quantiles(values: NDArray[np.float64]) -> dict[str, float]:
    return {str(q): float(value) for q, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)}


def _wilson(share: float, count: float) -> list[float]:
    """Give the 95 % interval of a share of `count` trials (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    z = 1.959964
    middle, spread = share + z * z / (2 * count), z * sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return [(middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)]
