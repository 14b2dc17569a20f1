"""Builds question-answer items: families in turn, hop counts in turn, languages in turn, as a stream of Arrow tables.

What was asked needs no memory (see `generation.qa.drawing`), so memory stays the same however many items are made. The
first n items are the same whatever the number asked for. A family that has no more questions leaves its turns out.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from generation.lemmas import check_language
from generation.qa.distractors import nearest_of_type
from generation.qa.drawing import Ints, mixed
from generation.qa.families import CHOICE, NEGATIVE, YES_NO, QAFamily
from generation.qa.items import Speller
from generation.qa.naming import NodeNames
from generation.qa.questions import Asker
from generation.qa.splits import SplitConfig, Splitter
from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph
from kgengine.path_tables import StepTables
from kgengine.seeding import item_seed
from kgengine.vectors import Floats

_compute: Any = pyarrow.compute
_TURNS = 32_768
"""Items that are mixed at once."""
_HOPELESS = 100_000
"""Places in a row without a question that counts, after which a family is taken to have no more."""
_LEAST_PLACES, _MOST_PLACES, _MOST_PATHS = 32, 8_192, 1_000_000
"""Places that are asked at once: few at first, so that fifty items come at once; then more, as long as their paths stay
few enough for some hundred megabytes."""
_MOST_THREADS = 8
"""More would take more memory, and gain little beside the interpreter's lock."""


@dataclass(frozen=True)
class QAConfig:
    """How to build.

    :ivar langs: languages, taken in turn.
    :ivar hops: hop counts, taken in turn; all that the graph has families for when empty.
    :ivar families: names of the families to ask; all when empty.
    :ivar max_answers: a question with more answers is left out.
    :ivar proofs: paths kept for each answer.
    :ivar reasoned: True for a chain of thought.
    :ivar split: how to split.
    :ivar seed: of every draw.
    """

    langs: tuple[str, ...] = ("en",)
    hops: tuple[int, ...] = ()
    families: tuple[str, ...] = ()
    max_answers: int = 15
    proofs: int = 1
    reasoned: bool = False
    split: SplitConfig = field(default_factory=SplitConfig)
    seed: int = 0


class _ItemSequence:
    """The items of one family in one language, in order; asked ahead in batches that grow."""

    def __init__(self, asker: Asker, speller: Speller, splitter: Splitter, family: QAFamily) -> None:
        self._asker, self._speller, self._splitter, self._family = asker, speller, splitter, family
        self._place, self._size, self._in_vain = 0, _LEAST_PLACES, 0
        self._ahead: list[pyarrow.Table] = []

    def take(self, count: int) -> list[pyarrow.Table]:
        """Take the next items, fewer when there are no more."""
        found: list[pyarrow.Table] = []
        while count > 0 and (self._ahead or (self._place < self._asker.length and self._in_vain < _HOPELESS)):
            if not self._ahead:
                self._ask()
                continue
            table = self._ahead.pop()
            if len(table) > count:
                self._ahead.append(table.slice(count))
                table = table.slice(0, count)
            found.append(table)
            count -= len(table)
        return found

    def _ask(self) -> None:
        end = min(self._place + self._size, self._asker.length)
        asked = self._asker.ask(self._place, end)
        paths = max(len(asked.paths.question), 1)
        self._place, size = end, self._size
        self._size = max(_LEAST_PLACES, min(2 * size, _MOST_PLACES, size * _MOST_PATHS // paths))
        self._in_vain = 0 if len(asked) else self._in_vain + size
        if len(asked):
            self._ahead.append(self._speller.table(self._family, asked, self._splitter.parts(self._family, asked)))


class QABuilder:
    """Builds items from a graph.

    :param graph: the graph.
    :param config: how to build.
    :param families: the families to choose from.
    :param vectors: float32 [num_nodes, dim], the embedding that wrong options must be near in; None for options drawn
        without one.
    :raises KGError: a language, family or hop count is not to be had, or the split is wrong.
    """

    def __init__(
        self, graph: Graph, config: QAConfig, families: Sequence[QAFamily], vectors: Floats | None = None
    ) -> None:
        for lang in config.langs or ("",):
            check_language(lang)
        self.families = _asked(graph, config, families)
        splitter = Splitter(graph, config.split)
        self.held_out = splitter.held_out()
        self._groups: dict[int, list[_ItemSequence]] = {}
        names = {lang: NodeNames(graph, lang) for lang in config.langs}
        shown = {one.types[-1] for one in self.families if one.form in (YES_NO, CHOICE, NEGATIVE)}
        usable = np.ones(graph.num_nodes, np.bool_)
        for one in names.values():
            usable &= one.unmistakable
        near = nearest_of_type(graph, shown, vectors, usable)
        spellers = {lang: Speller(graph, lang, names[lang], config.proofs, config.reasoned) for lang in config.langs}
        tables = StepTables(graph)
        for family in self.families:
            for lang in config.langs:
                if lang in family.wordings:
                    asker = Asker(tables, family, names[lang], near, config.max_answers, config.seed, lang)
                    sequence = _ItemSequence(asker, spellers[lang], splitter, family)
                    self._groups.setdefault(family.hops, []).append(sequence)
        self._hops = tuple(dict.fromkeys(config.hops)) or tuple(sorted(self._groups))
        for hops, group in self._groups.items():
            order = np.argsort(mixed(item_seed(config.seed, "qa turns", hops), np.arange(len(group))))
            self._groups[hops] = [group[place] for place in order.tolist()]

    def items(self, count: int) -> Iterator[pyarrow.Table]:
        """Build items, with a thread for each processor that this process may use.

        :param count: how many.
        :returns: tables of at most some ten thousand items, with an `id`; fewer in all when the graph has no more.
        """
        with ThreadPoolExecutor(_threads()) as pool:
            mixing: Future[pyarrow.Table] | None = None
            for first, tables, order in self._batches(count, pool):
                following = pool.submit(_mixed, first, tables, order)
                if mixing:
                    yield mixing.result()
                mixing = following
            if mixing:
                yield mixing.result()

    def _batches(self, count: int, pool: ThreadPoolExecutor) -> Iterator[tuple[int, list[pyarrow.Table], Ints]]:
        """Take the families' items of some thousand turns at a time: number of the first item, tables, and the order
        in which their rows come."""
        made, turn = 0, 0
        over: set[int] = set()
        sequences = [one for hops in self._hops for one in self._groups[hops]]
        starts = np.cumsum([0, *(len(self._groups[hops]) for hops in self._hops)])
        while made < count and len(over) < len(sequences):
            turns = np.arange(turn, turn + min(_TURNS, max(count - made, 256)))
            whose = self._whose(turns, starts)
            numbers = np.unique(whose).tolist()
            wanted = [turns[whose == number] for number in numbers]
            taking = pool.map(lambda number, turns: sequences[number].take(len(turns)), numbers, wanted)
            tables, places = [], []
            for number, own, found in zip(numbers, wanted, taking, strict=True):
                got = sum(map(len, found))
                tables += found
                places.append(own[:got])
                if got < len(own):
                    over.add(number)
            turn += len(turns)
            order = np.argsort(np.concatenate(places))[: count - made]
            if len(order):
                yield made, tables, order
                made += len(order)

    def _whose(self, turns: Ints, starts: Ints) -> Ints:
        """Tell which sequence has each turn: hop counts in turn, and the families of a hop count in turn."""
        group = turns % len(self._hops)
        sizes = np.diff(starts)
        return np.asarray(starts[group] + (turns // len(self._hops)) % sizes[group])


def _mixed(first: int, tables: list[pyarrow.Table], order: Ints) -> pyarrow.Table:
    """Join tables, and number the items from `first` in the order given, int64 [items]."""
    numbers = _compute.cast(pyarrow.array(np.arange(first, first + len(order))), pyarrow.string())
    ids = _compute.binary_join_element_wise("qa-", _compute.utf8_lpad(numbers, 8, "0"), "")
    return pyarrow.concat_tables(tables).take(pyarrow.array(order)).add_column(0, "id", [ids])


def _threads() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_THREADS)


def _asked(graph: Graph, config: QAConfig, families: Sequence[QAFamily]) -> list[QAFamily]:
    """Choose the families that are wanted and that the graph can answer."""
    names = [family.name for family in families]
    for name in config.families:
        if name not in names:
            near = get_close_matches(name, names, n=3, cutoff=0.4)
            raise UnknownNameError("question family", name, near, "'kg qa families' lists them")
    wanted = [one for one in families if not config.families or one.name in config.families]
    spoken = [one for one in wanted if set(one.wordings) & set(config.langs)]
    if not spoken:
        raise KGError(
            f"no family asked for has wordings in {', '.join(config.langs)}; write some, or take another --lang"
        )
    possible = [one for one in spoken if one.possible(graph)]
    known = sorted({one.hops for one in possible})
    for hops in config.hops:
        if hops not in known:
            there = ", ".join(map(str, known)) or "none"
            raise KGError(f"there is no question family with {hops} hops for this graph; it has families of: {there}")
    if not possible:
        relations = ", ".join(graph.relations) or "none"
        raise KGError(
            f"no question family fits this graph, whose relations are {relations}; "
            "write families for them in a YAML file and give it with --families (docs/qa.md)"
        )
    return [one for one in possible if not config.hops or one.hops in config.hops]
