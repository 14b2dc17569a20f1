"""The parts that bundles are drawn with, against values worked out otherwise: SplitMix64 against published numbers,
normals and log-odds against the standard library, correlations on tables drawn by hand, and the frequencies of
symptoms tied by rules against a count over all combinations.
"""

import math
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest

from kgengine.copula import correlated, correlation, normal_log_odds, normals, uniforms
from kgengine.drawing import decide, gumbel_keys, join, marks, race
from kgengine.frequencies import conditional, log_odds, make_room, order_rules

PUBLISHED = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821)
"""The first outputs of SplitMix64 from the state 1234567 (Rosetta Code, "Pseudo-random numbers/Splitmix64")."""


def seeds(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64) << np.uint64(40)


def test_uniforms_are_splitmix64_wherever_one_starts() -> None:
    drawn = uniforms(np.array([1234567], np.uint64), 0, 5)
    assert drawn[0].tolist() == [((number >> 12) + 0.5) / 2**52 for number in PUBLISHED]
    assert uniforms(np.array([1234567], np.uint64), 3, 2)[0].tolist() == drawn[0, 3:].tolist()


def test_uniforms_lie_strictly_between_0_and_1_and_are_even() -> None:
    drawn = uniforms(seeds(20_000), 7, 5)
    assert drawn.min() > 0
    assert drawn.max() < 1
    share = np.histogram(drawn, 10, (0, 1))[0] / drawn.size
    assert share == pytest.approx([0.1] * 10, abs=4 * math.sqrt(0.09 / drawn.size))
    assert abs(np.corrcoef(drawn.T) - np.eye(5)).max() < 4 / math.sqrt(20_000)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_normals_are_standard_and_independent(count) -> None:
    drawn = normals(seeds(20_000), 3, count)
    assert drawn.shape == (20_000, count)
    for quantile in (0.01, 0.2, 0.5, 0.9):
        below = (drawn < NormalDist().inv_cdf(quantile)).mean(axis=0)
        assert below == pytest.approx([quantile] * count, abs=4 * math.sqrt(quantile * (1 - quantile) / 20_000))
    assert abs(np.cov(drawn.T).reshape(count, count) - np.eye(count)).max() < 0.04


def test_log_odds_of_a_normal_agree_with_the_standard_library() -> None:
    for z in np.linspace(-6, 6, 977).tolist():
        share = NormalDist().cdf(z)
        expected = math.log(share) - math.log(NormalDist().cdf(-z))
        assert float(normal_log_odds(np.array(z))) == pytest.approx(expected, abs=1e-5)


def test_correlated_normals_are_a_product_with_the_factor_whatever_the_batch() -> None:
    noise = normals(seeds(100), 0, 4)
    factor = np.linalg.cholesky(np.array([[1, 0.5, 0, 0], [0.5, 1, 0.2, 0], [0, 0.2, 1, 0], [0, 0, 0, 1.0]]))
    mixed = correlated(noise, factor)
    assert mixed == pytest.approx(noise @ factor.T)
    assert np.array_equal(np.concatenate([correlated(noise[row : row + 1], factor) for row in range(100)]), mixed)


def test_columns_that_go_together_correlate_and_tied_or_constant_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 400)) < 0.2
    table = np.stack([one, one ^ (rng.random(400) < 0.02), other, np.zeros(400), one], axis=1).astype(float)
    apart = np.zeros((5, 5), np.bool_)
    apart[0, 4] = apart[4, 0] = True
    found = correlation(table, apart)
    assert found[0, 1] > 0.6
    assert abs(found[0, 2]) < 0.15
    assert found[0, 4] == 0
    assert found[3].tolist() == [0, 0, 0, 1, 0]
    assert np.array_equal(found, found.T)
    assert np.diag(found) == pytest.approx(np.ones(5))
    assert np.linalg.eigvalsh(found)[0] > 0.04


def test_few_rows_are_trusted_less_than_many() -> None:
    rows = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]], float)
    few, many = (correlation(np.tile(rows, (times, 1)), np.zeros((3, 3), np.bool_))[0, 1] for times in (1, 100))
    sample = np.corrcoef(rows.T)[0, 1]
    assert 0 <= few < many <= sample + 1e-9
    assert many > 0.9 * sample


def _random_rules(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Six symptoms: 4 and 5 may lie above others; of the rest some pairs are disjoint, and their kinds with them."""
    above, disjoint = np.zeros((2, 6, 6), np.bool_)
    above[0, 4] = above[1, 4] = True
    above[2, 5] = rng.random() < 0.5
    for pair in ((0, 1), (2, 3), (3, 5), (1, 2)):
        if rng.random() < 0.5:
            disjoint[pair] = disjoint[pair[::-1]] = True
    if disjoint[3, 5] and above[2, 5]:
        disjoint[2, 3] = disjoint[3, 2] = True
    return disjoint, above


@pytest.mark.parametrize("case", range(30))
def test_symptoms_tied_by_rules_keep_their_frequencies(case) -> None:
    """The shares over all combinations of independent coins, each weighed by its probability, come out as asked."""
    rng = np.random.default_rng(case)
    disjoint, above = _random_rules(rng)
    aim = rng.uniform(0.05, 0.3, 6)
    aim[4:] = rng.uniform(0.7, 0.9, 2)
    aim = make_room(aim, aim * 0, aim * 0 + 1, disjoint, above)
    groups = order_rules(disjoint, above, aim)
    given = conditional(aim, groups)
    share = np.zeros(6)
    for coins in product((False, True), repeat=6):
        weight = np.prod(np.where(coins, given, 1 - given))
        told = decide(np.where(coins, 1.0, -1.0)[None], groups)[0] > 0
        present = told | (told[:, None] & above).any(axis=0)
        assert not (present[:, None] & present & disjoint).any()
        assert not (told[:, None] & told & above).any()
        share += weight * present
    assert share == pytest.approx(aim, abs=1e-9)


def test_disjoint_symptoms_that_add_up_to_more_than_all_move_within_their_bands() -> None:
    pair = np.array([[False, True], [True, False]])
    none = np.zeros((2, 2), np.bool_)
    moved = make_room(np.array([0.79, 0.79]), np.array([0.3, 0.3]), np.array([0.79, 0.79]), pair, none)
    assert moved == pytest.approx([0.5, 0.5])
    moved = make_room(np.array([0.9, 0.6]), np.array([0.8, 0.3]), np.array([0.99, 0.79]), pair, none)
    assert moved == pytest.approx([0.8, 0.3 - 0.1], abs=0.01)  # the bands can't both hold: the rarer gives way


def test_a_race_takes_the_highest_allowed_keys_that_do_not_clash() -> None:
    keys = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [np.inf, 0.0, -np.inf]])
    allowed = np.array([[True] * 3, [True, True, False], [True] * 3])
    clash = np.array([[True, True, False], [True, True, False], [False, False, True]])
    assert race(keys, allowed, np.array([3, 1, 3]), clash).tolist() == [[0, 2, -1], [1, -1, -1], [0, -1, -1]]
    assert marks(np.array([[2, -1], [-1, -1]]), 3).tolist() == [[False, False, True], [False] * 3]
    assert join(np.array([[2, -1]]), np.array([[0, 1]])).tolist() == [[2, 0, 1, -1]]


def test_gumbel_keys_win_by_their_odds() -> None:
    keys = gumbel_keys(np.log([1.0, 2.0, 5.0]), seeds(20_000), 0)
    wins = np.bincount(keys.argmax(axis=1)) / 20_000
    assert wins == pytest.approx([0.125, 0.25, 0.625], abs=0.012)


def test_log_odds_are_infinite_at_the_ends() -> None:
    assert log_odds(np.array([0.0, 0.5, 1.0])).tolist() == [-math.inf, 0.0, math.inf]
