"""How often each symptom of a disease is drawn, so that rules between symptoms do not push it out of its band.

A symptom's frequency lies in its HPO band, where in it the reasoner's score decides. Symptoms that exclude one
another are decided one after the other, and each one's odds among the patients still open to it are raised
so that its share of all patients stays what was asked. Nothing is drawn here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgengine.schema import FREQUENCY_BANDS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

UNSTATED_BAND = 2
"""Band of an edge without one: "frequent", the middle of HPO's five."""
_MOST_STATES = 4096
"""Combinations of a group's symptoms that are followed at once: groups of 12 exactly, beyond that the likeliest."""
_ROUNDS, _RARELY = 10, 1e-4
"""Rounds of correction for patients without any symptom, and the share of them that needs none."""


@dataclass(frozen=True)
class Rule:
    """How one symptom that is tied to others is decided; columns count the patient's possible symptoms.

    :ivar column: the symptom.
    :ivar rivals: columns decided before that exclude it.
    :ivar specifics: columns decided before that say it along with themselves.
    """

    column: int
    rivals: tuple[int, ...]
    specifics: tuple[int, ...]


def band_limits(bands: npt.NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Give the lowest and highest frequency of some bands (-1: unstated), float64 [k] each."""
    of = np.where(bands < 0, UNSTATED_BAND, bands)
    return (
        np.array([FREQUENCY_BANDS[band].low for band in of.tolist()]),
        np.array([FREQUENCY_BANDS[band].high for band in of.tolist()]),
    )


def order_rules(disjoint: Bools, above: Bools, aim: Floats) -> list[list[Rule]]:
    """Group the symptoms that are tied to each other, and order each group.

    Specific before general, so that the general one knows whether it is said already; then those with most rivals,
    so that what excludes several others does not have to wait for a gap between them; then the frequent ones.

    :param disjoint: bool [k, k], symmetric.
    :param above: bool [k, k]; above[i, j]: j is a superclass of i.
    :param aim: float64 [k], frequencies.
    :returns: the rules of each group with more than one member.
    """
    tied = disjoint | above | above.T
    rank = sorted(range(len(aim)), key=lambda c: (-above[c].sum(), -disjoint[c].sum(), -aim[c], c))
    groups: list[list[Rule]] = []
    seen: set[int] = set()
    for start in rank:
        if start in seen or not tied[start].any():
            continue
        group, todo = {start}, [start]
        while todo:
            new = set(np.flatnonzero(tied[todo.pop()]).tolist()) - group
            group |= new
            todo += new
        seen |= group
        members = [column for column in rank if column in group]
        rules = []
        for place, column in enumerate(members):
            before = members[:place]
            rivals = tuple(c for c in before if disjoint[c, column])
            rules.append(Rule(column, rivals, tuple(c for c in before if above[c, column])))
        groups.append(rules)
    return groups


def make_room(aim: Floats, low: Floats, high: Floats, disjoint: Bools, above: Bools) -> Floats:
    """Lower frequencies, each within its band, where together they would push one out of its band.

    Disjoint symptoms may not add up to more than all patients; the kinds of a general symptom, which all count as
    it, not to more than its band. Those in question move towards the low ends of their bands by the same part of the
    way. Where even that is not enough the bands contradict each other: of two disjoint ones the rarer keeps what
    the other leaves, and a general symptom is as frequent as its kinds.

    :param aim: float64 [k], frequencies asked for.
    :param low: float64 [k], low ends of the bands; `high` their high ends.
    :param disjoint: bool [k, k], symmetric.
    :param above: bool [k, k]; above[i, j]: j is a superclass of i.
    :returns: float64 [k].
    """
    aim = aim.copy()
    for general in np.flatnonzero(above.any(axis=0)).tolist():
        kinds = np.flatnonzero(above[:, general])
        apart = not disjoint[np.ix_(kinds, kinds)].any()
        for part in np.linspace(1.0, 0.0, 21):
            moved = low[kinds] + part * (aim[kinds] - low[kinds])
            together = 1.0 - np.prod(1.0 - moved) if apart else moved.sum()
            if together <= high[general]:
                aim[kinds] = moved
                break
    for one, other in np.argwhere(np.triu(disjoint)).tolist():
        pair = [one, other]
        excess = float(aim[pair].sum()) - 1.0
        if excess > 0:
            room = np.maximum(aim[pair] - low[pair], 0.0)
            aim[pair] -= room * min(1.0, excess / max(float(room.sum()), 1e-12))
        if aim[pair].sum() > 1.0:
            rarer, more = (one, other) if aim[one] < aim[other] else (other, one)
            aim[rarer] = 1.0 - aim[more]
    return aim


def conditional(aim: Floats, groups: Sequence[Sequence[Rule]]) -> Floats:
    """Give each tied symptom's frequency among the patients whom its rules leave open.

    Tied symptoms are independent but for their rules (see `kgengine.drawing`), so that all combinations of a
    group can be followed with their probabilities.

    :param aim: float64 [k], share of all patients who are to have the symptom, said by itself or by a specific one.
    :param groups: from :func:`order_rules`.
    :returns: float64 [k], 0 to 1; `aim` where no rule applies.
    """
    given = aim.copy()
    for rules in groups:
        present, weight = np.zeros((1, len(aim)), np.bool_), np.ones(1)
        for rule in rules:
            implied = present[:, rule.specifics].any(axis=1)
            free = ~implied & ~present[:, rule.rivals].any(axis=1)
            room = float(weight[free].sum())
            if room > 0:
                given[rule.column] = min(1.0, max(0.0, (aim[rule.column] - float(weight[implied].sum())) / room))
            share = given[rule.column]
            on = present[free]
            on[:, rule.column] = True
            present = np.concatenate([present, on])
            weight = np.concatenate([np.where(free, weight * (1.0 - share), weight), weight[free] * share])
            kept = np.argsort(-weight, kind="stable")[:_MOST_STATES]
            present, weight = present[kept], weight[kept] / weight[kept].sum()
    return given


def log_odds(share: Floats) -> Floats:
    """Give log(p / (1 - p)), infinite at 0 and 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(share) - np.log1p(-share))


def calibrate(
    asked: Floats, low: Floats, high: Floats, groups: Sequence[Sequence[Rule]], keys: Callable[[Floats], Floats]
) -> Floats:
    """Find the log-odds with which each symptom is to be decided.

    A patient without any symptom tells the nearest one, which adds to that one's share; the frequencies are
    lowered by what a sample of patients shows to be added, but not below their bands unless that takes them above.

    :param asked: float64 [k], log-odds of the frequencies asked for.
    :param low: float64 [k], low ends of the bands; `high` their high ends.
    :param groups: from :func:`order_rules`.
    :param keys: gives the keys of a fixed sample of patients, float64 [n, k], for some log-odds [k].
    :returns: float64 [k].
    """
    with np.errstate(over="ignore"):
        wanted = 1.0 / (1.0 + np.exp(-asked))
    lowered = wanted
    for _ in range(_ROUNDS):
        odds = asked + _inner_log_odds(conditional(lowered, groups)) - _inner_log_odds(wanted)
        if np.prod(1.0 - lowered) < _RARELY:
            break
        sample = keys(odds)
        empty = sample[~(sample > 0).any(axis=1)]
        added = np.bincount(empty.argmax(axis=1), minlength=len(asked)) / len(sample)
        least = np.maximum(wanted - added, np.minimum(low, high - added))
        step = (np.minimum(wanted, np.maximum(least, _RARELY)) - lowered) / 2  # half the way: else it swings
        if np.abs(step).max() < _RARELY:
            break
        lowered = lowered + step
    return odds


def _inner_log_odds(share: Floats) -> Floats:
    """Log-odds, but none beyond one in a billion: there a symptom's own log-odds keep the order."""
    return log_odds(np.clip(share, 1e-9, 1 - 1e-9))
