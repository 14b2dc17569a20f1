"""The randomness of bundles: numbers by counter, and symptoms that go together by a Gaussian copula.

A patient's latent normal variables are correlated as the symptoms are over the graph's diseases; a symptom is
present where its variable falls below the quantile of its frequency. So every frequency stays what it is
(Sklar's theorem), and only which symptoms come together changes. Every number is a function of a patient's seed
and the number's place: no generator has a state, so neither order nor batch nor process matters.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kgengine.seeding import GOLDEN, scrambled

Floats = npt.NDArray[np.float64]

_LEAST_EIGENVALUE = 0.05
"""Of a correlation matrix in use: keeps the Cholesky factor well conditioned; costs 5% of a correlation at most."""


def uniforms(seeds: npt.NDArray[np.uint64], first: int, count: int) -> Floats:
    """Give numbers `first` to `first + count - 1` of the SplitMix64 streams of some seeds.

    :param seeds: uint64 [n].
    :param first: place of the first number, from 0.
    :param count: how many.
    :returns: float64 [n, count], in the open interval (0, 1).
    """
    with np.errstate(over="ignore"):
        state = seeds[:, None] + np.arange(first + 1, first + count + 1, dtype=np.uint64) * GOLDEN
    return np.asarray(((scrambled(state) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)


def normals(seeds: npt.NDArray[np.uint64], first: int, count: int) -> Floats:
    """Give standard normal numbers by Box and Muller (1958), from the uniforms at the same places.

    :returns: float64 [n, count].
    """
    even = count + count % 2
    drawn = uniforms(seeds, first, even)
    radius = np.sqrt(-2.0 * np.log(drawn[:, : even // 2]))
    angle = 2.0 * math.pi * drawn[:, even // 2 :]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :count]


def correlated(noise: Floats, factor: Floats) -> Floats:
    """Correlate standard normals: `noise @ factor.T`, summed in one fixed order, so that no batch size matters.

    :param noise: float64 [n, k].
    :param factor: float64 [k, k], the lower Cholesky factor of the correlation matrix.
    :returns: float64 [n, k].
    """
    mixed = np.zeros_like(noise)
    for column in range(factor.shape[0]):
        mixed[:, column:] += noise[:, column : column + 1] * factor[column:, column]
    return mixed


@lru_cache(maxsize=1)
def _log_odds_table() -> tuple[Floats, Floats]:
    grid = np.linspace(-9.0, 9.0, 18 * 256 + 1)
    below = np.array([math.log(0.5 * math.erfc(-z / math.sqrt(2.0))) for z in grid.tolist()])
    return grid, below - below[::-1]


def normal_log_odds(z: Floats) -> Floats:
    """Give log(F(z) / (1 - F(z))) for the standard normal F, read off a table (error below 3e-6).

    By it a frequency p holds as log-odds: z is below p's quantile exactly when this is below log(p / (1 - p)).

    :param z: float64 of any shape.
    :returns: float64 of that shape: standard logistic numbers where z is standard normal.
    """
    return np.interp(z, *_log_odds_table())


def correlation(profiles: Floats, apart: npt.NDArray[np.bool_]) -> Floats:
    """Estimate how the columns of a table go together.

    The sample correlation, shrunk towards none by the share that estimates best (Schäfer & Strimmer 2005, A
    shrinkage approach to large-scale covariance matrix estimation, target D with unit variances); few rows or
    rare symptoms so give little correlation.

    :param profiles: float64 [rows, k]: frequency of every symptom (0 where not stated) in other diseases.
    :param apart: bool [k, k], symmetric: pairs that shall be independent.
    :returns: float64 [k, k], positive definite, 1 on the diagonal; a constant column goes with none.
    """
    rows, k = profiles.shape
    if rows < 3 or k < 2:
        return np.eye(k)
    centred = profiles - profiles.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0) / (rows - 1))
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)
    mean = scaled.T @ scaled / rows
    error = rows / (rows - 1) ** 3 * ((scaled**2).T @ (scaled**2) - rows * mean**2)
    found = mean * rows / (rows - 1)
    off = ~np.eye(k, dtype=np.bool_)
    total = float((found[off] ** 2).sum())
    share = 1.0 if total == 0 else min(1.0, max(0.0, float(error[off].sum()) / total))
    kept = np.where(off & ~apart, (1.0 - share) * found, 0.0) + np.eye(k)
    least = float(np.linalg.eigvalsh(kept)[0])
    if least < _LEAST_EIGENVALUE:
        more = (_LEAST_EIGENVALUE - least) / (1.0 - least)
        kept = (1.0 - more) * kept + more * np.eye(k)
    return kept
