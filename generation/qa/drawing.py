"""Draws the anchors of a family's questions: every possible set once, in an order that a seed shuffles.

A family's questions are numbered; a keyed permutation of those numbers (a generalized Feistel network with cycle
walking; Black and Rogaway 2002) gives the order. So nothing that was asked has to be remembered, however many questions
are made. Anchors that meet are numbered by the node where they meet: a set that meets at several nodes is drawn several
times, and the caller keeps it only at the smallest of them. Where that numbers more sets than there are at all, all are
numbered.
"""

import math

import numpy as np
import numpy.typing as npt

from kgengine.path_tables import StepTable
from kgengine.seeding import GOLDEN, scrambled

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
_ROUNDS = 4
"""Luby and Rackoff (1988): four rounds of a Feistel network pass for a random permutation."""


def mixed(key: int, *numbers: Ints | Words | int) -> Words:
    """Hash numbers under a key, uint64, with the finalizer of SplitMix64 (Steele et al. 2014).

    :param key: makes one hash independent of another.
    :param numbers: integers or arrays of integers, which broadcast.
    """
    state: Words = np.asarray(0, np.uint64)
    with np.errstate(over="ignore"):
        for number in (key, *numbers):
            state = scrambled(state + np.asarray(number).astype(np.uint64) + GOLDEN)
    return state


def below(words: Words, bound: Ints | int) -> Ints:
    """Turn hashes into integers from 0 to below a bound (at most 2**32; the bias is below 2**-32)."""
    high = words >> np.uint64(32)
    return np.asarray((high * np.asarray(bound).astype(np.uint64)) >> np.uint64(32), np.int64)


def permuted(places: Ints, size: int, key: int) -> Ints:
    """Send places in a sequence of `size` to the numbers that stand there after shuffling.

    :param places: int64 [n], each from 0 to below `size`.
    :param size: length of the sequence, below 2**62.
    :param key: of the shuffle.
    :returns: int64 [n]; all places together give every number from 0 to below `size` once.
    """
    rows = math.isqrt(size - 1) + 1
    columns = -(-size // rows)
    found = places.astype(np.uint64)
    walking = np.arange(len(found))
    while len(walking):
        row, column = np.divmod(found[walking], np.uint64(columns))
        for number in range(0, _ROUNDS, 2):
            row = (row + (mixed(key, number, column) >> np.uint64(1))) % np.uint64(rows)
            column = (column + (mixed(key, number + 1, row) >> np.uint64(1))) % np.uint64(columns)
        found[walking] = row * np.uint64(columns) + column
        walking = walking[found[walking] >= size]
    return found.astype(np.int64)


class AnchorSpace:
    """All sets of `count` anchors that have an edge to one node, numbered.

    :ivar size: how many there are, sets that meet at several nodes counted at each.

    :param step: the step from the anchors to where they meet.
    :param back: the same step from there to the anchors.
    :param count: anchors of a question.
    :param nodes: first node and end of the anchors' type.
    :param meeting: first node and end of the type where they meet.
    """

    def __init__(
        self, step: StepTable, back: StepTable, count: int, nodes: tuple[int, int], meeting: tuple[int, int]
    ) -> None:
        self._count, self._meeting, self._back = count, meeting, back
        self._all = np.flatnonzero(step.degrees) + nodes[0]
        self._choices = [_binomials(len(self._all), chosen) for chosen in range(count + 1)]
        sizes = self._choices[count][back.degrees]
        self._met = count > 1 and sizes.astype(float).sum() < self._choices[count][-1]
        if not self._met:
            self.size = int(self._choices[count][-1])
            return
        if sizes.astype(float).sum() >= 2**62:
            sizes = np.minimum(sizes, 2**62 // max(len(sizes), 1))
        self._bounds = np.concatenate([[0], np.cumsum(sizes)])
        self.size = int(self._bounds[-1])

    def sets(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Give the anchors of some numbers.

        :param numbers: int64 [n].
        :returns: int64 [n, count], the anchors, ascending; int64 [n], where they were drawn to meet, -1 for anywhere.
        """
        if not self._met:
            return self._all[self._members(numbers)], np.full(len(numbers), -1)
        row = np.searchsorted(self._bounds, numbers, side="right") - 1
        meeting = row + self._meeting[0]
        return self._back.neighbours(meeting[:, None], self._members(numbers - self._bounds[row])), meeting

    def _members(self, rest: Ints) -> Ints:
        """Give the members of the sets of some numbers, int64 [n, count], ascending, from 0 up."""
        chosen = np.empty((len(rest), self._count), np.int64)
        for place in range(self._count, 0, -1):  # the combinatorial number system: the largest member first
            table = self._choices[place]
            chosen[:, place - 1] = np.searchsorted(table, rest, side="right") - 1
            rest = rest - table[chosen[:, place - 1]]
        return chosen


def _binomials(largest: int, chosen: int) -> Ints:
    """List the binomial coefficients C(0, chosen) to C(largest, chosen), int64, no greater than 2**62."""
    found, value = np.zeros(largest + 1, np.int64), 1
    for number in range(chosen, largest + 1):
        found[number] = min(value, 2**62)
        value = value * (number + 1) // (number + 1 - chosen)
    return found
