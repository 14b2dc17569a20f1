"""Asks a family's questions of the graph, thousands at once: anchors, complete answers, paths, options.

A question counts when it has 1 to `max_answers` answers, no anchor whose name two nodes share, and, where options are
shown, enough that are wrong. A question depends on the seed, its family and its place in the family's sequence alone.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from generation.qa.choosing import choose
from generation.qa.distractors import POOL, Places
from generation.qa.drawing import AnchorSpace, Ints, below, mixed, permuted
from generation.qa.families import CHOICE, NEGATIVE, YES_NO, QAFamily
from generation.qa.naming import NodeNames
from kgengine.path_tables import PathTable, PathTracer, StepTables
from kgengine.seeding import item_seed

Mask = npt.NDArray[np.bool_]
OPTIONS = 4
MOST_PATHS = 2_000
"""A question that opens more paths is not asked: nobody can check its answer, and memory stays bounded."""
_PERMUTED, _WORDED, _GOLD, _WRONG, _TRUE, _ORDER = range(6)  # the uses of randomness within a family


@dataclass(frozen=True)
class Questions:
    """Questions of one family, n of them.

    :ivar places: int64 [n], place of each in the family's sequence, ascending.
    :ivar wording: int64 [n], which of the family's wordings.
    :ivar anchors: int64 [n, anchors], nodes.
    :ivar paths: all paths, by question and then by answer (in alphabetical order), the heaviest of an answer first.
    :ivar facts: int64 [n], number of different edges on all paths of each.
    :ivar options: int64 [n, OPTIONS], the nodes shown in a choice; [n, 1], the candidate of a yes/no question; else
        [n, 0].
    :ivar right: int64 [n], the option that is right (in a negative question: the one that is no answer); in a yes/no
        question 1 for yes, 0 for no; else -1.
    :ivar ways: the family's.
    """

    places: Ints
    wording: Ints
    anchors: Ints
    paths: PathTable
    facts: Ints
    options: Ints
    right: Ints
    ways: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def first_paths(self) -> Mask:
        """Which paths are the heaviest of their answer, bool [paths]: one an answer."""
        last, question = self.paths.nodes[:, -1], self.paths.question
        begins = np.ones(len(question), np.bool_)
        begins[1:] = (question[1:] != question[:-1]) | (last[1:] != last[:-1])
        return begins

    @cached_property
    def answer_of_path(self) -> Ints:
        """Which answer each path leads to, int64 [paths], a number among all the questions' answers in order."""
        return np.cumsum(self.first_paths) - 1

    @cached_property
    def path_rank(self) -> Ints:
        """Place of each path among those to the same answer, int64 [paths], 0 for the heaviest."""
        return np.arange(len(self.first_paths)) - np.flatnonzero(self.first_paths)[self.answer_of_path]

    @cached_property
    def proving(self) -> Mask:
        """Which paths prove the answers, bool [paths]: the heaviest; where a node must be reached in several ways, so
        many of the heaviest by way of that node."""
        wanted = max(self.ways)
        if wanted == 1:
            return self.first_paths
        step = max(number for number, least in enumerate(self.ways) if least > 1)
        best = self.paths.nodes[np.flatnonzero(self.first_paths)[self.answer_of_path], step:]
        alike = (self.paths.nodes[:, step:] == best).all(axis=1)
        seen = np.cumsum(alike)
        before = (seen - alike)[np.flatnonzero(self.first_paths)][self.answer_of_path]
        return np.asarray(alike & (seen - before <= self.ways[step]))

    def picked(self, chosen: Mask) -> "Questions":
        """Give the questions of a mask, bool [n]."""
        if chosen.all():
            return self
        return Questions(
            self.places[chosen],
            self.wording[chosen],
            self.anchors[chosen],
            self.paths.of(chosen),
            self.facts[chosen],
            self.options[chosen],
            self.right[chosen],
            self.ways,
        )


class Asker:
    """Asks one family's questions in one language.

    :param tables: the steps of the graph, which has edges for every one of the family's.
    :param family: the family.
    :param names: the nodes' names in the language.
    :param near: int32 [num_nodes, k], the nodes that stand as wrong options for each (`generation.qa.distractors`).
    :param max_answers: a question with more answers is left out.
    :param seed: of every draw.
    :param lang: the language, of the family's wordings.
    """

    def __init__(
        self,
        tables: StepTables,
        family: QAFamily,
        names: NodeNames,
        near: Places,
        max_answers: int,
        seed: int,
        lang: str,
    ) -> None:
        self._family, self._names, self._near, self._max_answers = family, names, near, max_answers
        self._tracer = PathTracer(tables, family.types, family.relations, family.ways)
        here, there, *_ = family.types
        self._most_paths = max_answers if family.hops == family.anchors == 1 else MOST_PATHS
        step, back = self._tracer.steps[0], tables.step(there, here, family.relations[0])
        self._space = AnchorSpace(step, back, family.anchors, tables.graph.span(here), tables.graph.span(there))
        self._wordings = len(family.wordings[lang])
        self._keys = [item_seed(seed, f"qa {family.name} {lang}", use) for use in range(6)]

    @property
    def length(self) -> int:
        """Number of places in the sequence: every set of anchors once for each wording."""
        return self._space.size * self._wordings

    def ask(self, begin: int, end: int) -> Questions:
        """Ask the questions at some places of the sequence; those that don't count are left out.

        :param begin: first place.
        :param end: the place after the last, at most `length`.
        """
        places = np.arange(begin, end)
        numbers = permuted(places % self._space.size, self._space.size, self._keys[_PERMUTED])
        anchors, meeting = self._space.sets(numbers)
        known = self._names.unmistakable[anchors].all(axis=1)
        places, numbers, anchors, meeting = (one[known] for one in (places, numbers, anchors, meeting))
        traced = self._tracer.trace(anchors, self._most_paths, self._max_answers, meeting, self._names.order)
        places, numbers, anchors = (one[traced.counted] for one in (places, numbers, anchors))
        start = below(mixed(self._keys[_WORDED], numbers), self._wordings)
        wording = (start + places // self._space.size) % self._wordings
        nothing, unanswered = np.zeros((len(places), 0), np.int64), np.full(len(places), -1)
        ways = self._family.ways
        return self._with_options(
            Questions(places, wording, anchors, traced.paths, traced.facts, nothing, unanswered, ways)
        )

    def _with_options(self, asked: Questions) -> Questions:
        form = self._family.form
        if form not in (YES_NO, CHOICE, NEGATIVE) or not len(asked):
            return asked
        first = asked.first_paths
        begins = np.searchsorted(asked.paths.question[first], np.arange(len(asked) + 1))
        golds, others = choose(
            self._near,
            self._names.same,
            begins,
            asked.paths.nodes[first, -1],
            asked.anchors,
            asked.places,
            int(mixed(self._keys[_GOLD])),
            int(mixed(self._keys[_WRONG])),
            right=OPTIONS - 1 if form == NEGATIVE else 1,
            wrong=OPTIONS - 1 if form == CHOICE else 1,
            pool=POOL,
        )
        askable = (golds >= 0).all(axis=1) & (others >= 0).all(axis=1)
        if form == YES_NO:
            right = below(mixed(self._keys[_TRUE], asked.places), 2)
            options = np.where(right[:, None] == 1, golds, others)
        else:
            options = np.concatenate([others, golds] if form == NEGATIVE else [golds, others], axis=1)
            shuffled = np.argsort(mixed(self._keys[_ORDER], asked.places[:, None], np.arange(OPTIONS)), axis=1)
            options, right = np.take_along_axis(options, shuffled, axis=1), np.argmin(shuffled, axis=1)
        return replace(asked, options=options, right=right).picked(np.asarray(askable))
