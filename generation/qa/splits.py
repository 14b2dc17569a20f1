"""Says which part of the data a question belongs to, so that training never tells what a test asks.

By disease: some diseases are held out, and a question goes to the test as soon as one of them is named in it, in its
options, or on any path to any of its answers. By edge: the same with some pairs of nodes that a relation joins, or
that a wrong option claims to be joined. So nothing is dropped, answers stay complete, and every part may use what the
parts before it know: the validation the training's diseases, the test everybody's. What is held out depends on the
seed and the nodes' ids alone.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generation.qa.drawing import Ints, mixed
from generation.qa.families import QAFamily
from generation.qa.questions import Questions
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import DISEASE
from kgengine.seeding import item_seed

PARTS = TRAIN, VALIDATION, TEST = ("train", "validation", "test")
BY_DISEASE, BY_EDGE, UNSPLIT = RULES = ("disease", "edge", "none")
Levels = npt.NDArray[np.int8]
DEFAULT_SHARES = {BY_DISEASE: 0.1, BY_EDGE: 0.02, UNSPLIT: 0.0}
"""Share of diseases or edges that are held out for the test, and as many for the validation. A question rests on some
eight edges, so 2% of them hold out a sixth of the questions."""


@dataclass(frozen=True)
class SplitConfig:
    """How to split: the rule, and the shares of diseases or edges held out for either part, 0 to 1."""

    rule: str = BY_DISEASE
    validation: float = DEFAULT_SHARES[BY_DISEASE]
    test: float = DEFAULT_SHARES[BY_DISEASE]
    seed: int = 0


class Splitter:
    """Gives every question its part.

    :ivar node_levels: int8 [num_nodes], part of every node, an index into `PARTS`; above 0 for held-out diseases alone.

    :param graph: the graph.
    :param config: how to split.
    :raises KGError: the rule is unknown, or the shares leave nothing to train on.
    """

    def __init__(self, graph: Graph, config: SplitConfig) -> None:
        if config.rule not in RULES:
            raise KGError(f"unknown split '{config.rule}'; take one of {', '.join(RULES)}")
        if not (config.validation >= 0 and config.test >= 0 and config.validation + config.test < 1):
            raise KGError(f"shares {config.validation} and {config.test} leave nothing to train on; give less than 1")
        self._graph, self._config = graph, config
        self._key = item_seed(config.seed, f"qa split {config.rule}", 0)
        self._nodes = np.array([_hash(graph.id(node)) for node in range(graph.num_nodes)], np.uint64)
        self._relations = {name: _hash(name) for name in graph.relations}
        self.node_levels = self._node_levels()

    def _node_levels(self) -> Levels:
        levels = np.zeros(self._graph.num_nodes, np.int8)
        if self._config.rule == BY_DISEASE and DISEASE in self._graph.types:
            first, end = self._graph.span(DISEASE)
            levels[first:end] = self._levels(mixed(self._key, self._nodes[first:end]))
        return levels

    def pair_levels(self, one: Ints, other: Ints, relation: str) -> Levels:
        """Give the part of pairs of nodes that a relation joins or might join, whichever way round, int8 [n]."""
        if self._config.rule != BY_EDGE:
            return np.zeros(np.broadcast(one, other).shape, np.int8)
        first, second = self._nodes[one], self._nodes[other]
        low, high = np.minimum(first, second), np.maximum(first, second)
        return self._levels(mixed(self._key ^ self._relations[relation], low, high))

    def _levels(self, words: npt.NDArray[np.uint64]) -> Levels:
        share = words.astype(np.float64) / 2.0**64
        bounds = [self._config.test, self._config.test + self._config.validation]
        return (2 - np.searchsorted(bounds, share, side="right")).astype(np.int8)

    def held_out(self) -> dict[str, list[str]]:
        """List what is held out for either part: ids of diseases, or "id relation id" of edges."""
        found: dict[str, list[str]] = {VALIDATION: [], TEST: []}
        levels = self.node_levels
        for node in np.flatnonzero(levels).tolist():
            found[PARTS[levels[node]]].append(self._graph.id(node))
        for number, one in enumerate(self._graph.metaedges):
            if self._config.rule == BY_EDGE:
                block = self._graph.block(number, forward=True)
                row, place = block.positions(np.arange(block.entry[1] - block.entry[0]))
                head, tail = row + block.entry[0], block.indices[place].astype(np.int64) + block.exit[0]
                levels = self.pair_levels(head, tail, one.relation)
                for at in np.flatnonzero(levels).tolist():
                    pair = f"{self._graph.id(int(head[at]))} {one.relation} {self._graph.id(int(tail[at]))}"
                    found[PARTS[levels[at]]].append(pair)
        return found

    def parts(self, family: QAFamily, asked: Questions) -> Levels:
        """Give the part of every question, int8 [n], an index into `PARTS`: the last that any of its facts is in."""
        levels = np.zeros(len(asked), np.int8)
        if self._config.rule == BY_DISEASE:
            of = self.node_levels
            paths, nodes = asked.paths, [of[asked.anchors], of[asked.options]]
            levels = np.concatenate([levels[:, None], *nodes], axis=1).max(axis=1)
            np.maximum.at(levels, paths.question, of[paths.nodes].max(axis=1))
        elif self._config.rule == BY_EDGE:
            self._by_edge(levels, family, asked)
        return levels

    def _by_edge(self, levels: Levels, family: QAFamily, asked: Questions) -> None:
        question, nodes = asked.paths.question, asked.paths.nodes
        for column in range(asked.anchors.shape[1]):
            anchors = asked.anchors[:, column]
            np.maximum.at(levels, question, self.pair_levels(anchors[question], nodes[:, 0], family.relations[0]))
            if family.hops == 1:
                shown = self.pair_levels(anchors[:, None], asked.options, family.relations[0])
                levels[:] = np.maximum(levels, shown.max(axis=1, initial=0))
        for hop in range(1, family.hops):
            pairs = self.pair_levels(nodes[:, hop - 1], nodes[:, hop], family.relations[hop])
            np.maximum.at(levels, question, pairs)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
