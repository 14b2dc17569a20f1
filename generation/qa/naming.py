"""What the nodes of a graph are called in the questions of one language, as arrays."""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow

from kgengine.graph import Graph

Ints = npt.NDArray[np.int64]


class NodeNames:
    """The phrase of every node, in one language.

    :ivar phrases: one a node, in lower case where the language has it so.

    :param graph: the graph.
    :param lang: "en" or "ru".
    """

    def __init__(self, graph: Graph, lang: str) -> None:
        nodes = range(graph.num_nodes)
        self.phrases = [graph.wording(node, lang).phrase or graph.name(node, lang) for node in nodes]
        self._types = np.asarray(graph.node_type)

    @cached_property
    def text(self) -> pyarrow.Array:
        """The phrases as an Arrow array of strings, row = node."""
        return pyarrow.array(self.phrases, pyarrow.string())

    @cached_property
    def order(self) -> Ints:
        """Place of every node among all in alphabetical order of the phrases, int64 [num_nodes]."""
        place = np.empty(len(self.phrases), np.int64)
        place[sorted(range(len(self.phrases)), key=lambda node: (self.phrases[node], node))] = np.arange(len(place))
        return place

    @cached_property
    def same(self) -> Ints:
        """A number for every node, equal for nodes of a type that go by one phrase, int64 [num_nodes]."""
        numbers: dict[tuple[int, str], int] = {}
        keys = zip(self._types.tolist(), self.phrases, strict=True)
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)

    @cached_property
    def unmistakable(self) -> npt.NDArray[np.bool_]:
        """Whether no other node of a type goes by a node's phrase, bool [num_nodes] (metronidazole has 4 codes)."""
        return np.asarray(np.bincount(self.same)[self.same] == 1)
