"""Hit@k and its bootstrap intervals over test notes. Nothing here knows what was trained, or on what."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]
LEVEL = 0.95


def hits(scores: Floats, classes: Sequence[str], codes: Sequence[str], k: int) -> Bools:
    """Tell for each note whether its code is among the k best.

    A tie counts against the code: it is a hit only when at most k classes have its score or a higher one, so a
    classifier that scores all alike hits nothing. A code that is no class is never hit.

    :param scores: float [n, classes], higher is better.
    :param classes: the codes that the columns stand for.
    :param codes: the right code of each note.
    :param k: how many guesses are allowed, from 1.
    :returns: bool [n].
    """
    column = {code: place for place, code in enumerate(classes)}
    places = np.array([column.get(code, -1) for code in codes], np.int64)
    own = scores[np.arange(len(places)), places][:, None]
    result: Bools = (places >= 0) & ((scores >= own).sum(axis=1) <= k)
    return result


def interval(values: Bools | Floats, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Give the 95% percentile bootstrap interval of a mean.

    :param values: [n], one value a test note; the notes are drawn anew with replacement.
    :param resamples: how often.
    :param seed: of the draws; values of one length meet the same draws under one seed.
    :returns: low and high; NaN for no values.
    """
    low, high = intervals(np.asarray(values, float)[:, None], resamples, seed)[0]
    return float(low), float(high)


def paired_interval(
    values: Bools | Floats, base: Bools | Floats, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Give the 95% paired bootstrap interval of a difference of means: either side meets the same draw of notes.

    :param values: [n], one value a test note.
    :param base: [n], what is subtracted, of the same notes in the same order.
    :param resamples: as in :func:`interval`, also `seed`.
    :returns: low and high; above zero both means that `values` is better than `base` beyond chance of the test notes.
    """
    return interval(np.asarray(values, float) - np.asarray(base, float), resamples, seed)


def intervals(columns: Floats, resamples: int, seed: int) -> NDArray[np.float64]:
    """Give the interval of each column's mean; all columns meet the same draws.

    :param columns: float [n, m].
    :param resamples: as in :func:`interval`, also `seed`.
    :returns: float64 [m, 2], low and high.
    """
    number = len(columns)
    if number == 0:
        return np.full((columns.shape[1], 2), np.nan)
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, columns.shape[1]))
    for turn in range(resamples):
        times = np.bincount(rng.integers(0, number, number), minlength=number)
        means[turn] = times @ columns / number
    ends: NDArray[np.float64] = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0).T
    return ends
