"""All simple paths of many questions at once, as arrays: what a builder of a million questions needs.

`kgengine.query` answers one question and ranks it; here thousands of questions over one typed path are traced in one
compiled pass. Every path is kept, with its edges and weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kgengine.graph import Graph
from kgengine.selection import Selection
from kgengine.tracing import Tracer

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_NO_BOUND = 2**62


@dataclass(frozen=True)
class PathTable:
    """The paths of questions: one row a path.

    :ivar question: int64 [paths], ascending, the question of each.
    :ivar nodes: int64 [paths, hops], the node after each step; the last one is the answer.
    :ivar first_edges: int64 [paths, anchors], id of the edge from each anchor to the first node.
    :ivar edges: int64 [paths, hops - 1], ids of the further edges.
    :ivar weight: float64 [paths], degree-weighted path count of the path, in (0, 1].
    """

    question: Ints
    nodes: Ints
    first_edges: Ints
    edges: Ints
    weight: Floats

    def of(self, questions: Mask) -> "PathTable":
        """Give the paths of some questions, bool [questions], which are numbered anew."""
        if questions.all():
            return self
        rows = questions[self.question]
        number = np.cumsum(questions) - 1
        return PathTable(
            number[self.question[rows]], self.nodes[rows], self.first_edges[rows], self.edges[rows], self.weight[rows]
        )


class Traced(NamedTuple):
    """What was found of the questions that count.

    :ivar counted: int64 [n], ascending, places of those questions among all that were asked.
    :ivar facts: int64 [n], number of different edges on all paths of each.
    :ivar paths: their paths; `question` is a place in `counted`. They lie by question, then by answer, and the heaviest
        of an answer comes first.
    """

    counted: Ints
    facts: Ints
    paths: PathTable


class StepTable:
    """One step of a typed path over a relation, in whichever direction it leads, as one CSR over the entry type.

    Of several edges between two nodes (stated in both directions) the first is kept.

    :ivar first_entry: first node of the entry type.
    :ivar indptr: int64 [entries + 1]; `ends` int32 [edges], nodes, ascending in each row; `edges` int64 [edges], their
        ids; `weights` float64 [edges].
    """

    def __init__(self, graph: Graph, entry: str, exit: str, relation: str) -> None:
        self.first_entry, end = graph.span(entry)
        first_exit, last = graph.span(exit)
        exits = max(last - first_exit, 1)
        rows, ends, edges, weights = [], [], [], []
        for block in Selection(graph).step(entry, exit, (relation,)):
            row, place = block.positions(np.arange(end - self.first_entry))
            rows.append(row)
            ends.append(block.indices[place].astype(np.int64))
            edges.append(block.edge_ids(place))
            weights.append(block.entry_factor[row] * block.exit_factor[ends[-1]])
        keys, kept = np.unique(_joined(rows) * exits + _joined(ends), return_index=True)
        self.ends = (keys % exits + first_exit).astype(np.int32)
        self.edges = _joined(edges)[kept]
        self.weights: Floats = np.concatenate([np.zeros(0), *weights])[kept]
        self.indptr: Ints = np.searchsorted(keys, np.arange(end - self.first_entry + 1) * exits).astype(np.int64)

    @property
    def degrees(self) -> Ints:
        """Number of edges at each node of the entry type, int64 [entries]."""
        return np.asarray(np.diff(self.indptr))

    def neighbours(self, node: Ints, number: Ints) -> Ints:
        """Give the `number`-th neighbour of nodes, int64, of the shape that the two broadcast to."""
        return np.asarray(self.ends[self.indptr[node - self.first_entry] + number], np.int64)


class StepTables:
    """The steps of a graph, each made once and kept.

    :ivar graph: the graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._made: dict[tuple[str, str, str], StepTable] = {}

    def step(self, entry: str, exit: str, relation: str) -> StepTable:
        """Give the step from nodes of one type to those of another."""
        key = entry, exit, relation
        if key not in self._made:
            self._made[key] = StepTable(self.graph, *key)
        return self._made[key]


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts])


class PathTracer:
    """Traces questions over one typed path.

    With several anchors the first step meets: a node counts only if every anchor has an edge to it. No node stands
    twice on a path, and none of a question's anchors on it.

    :ivar steps: one for each hop.

    :param tables: the graph's steps.
    :param types: types of the nodes on the path, those of the anchors first.
    :param relations: of each step.
    :param ways: for each step, the fewest paths by which its node must be reached; 1 where not given.
    """

    def __init__(
        self, tables: StepTables, types: Sequence[str], relations: Sequence[str], ways: Sequence[int] = ()
    ) -> None:
        self.steps = [tables.step(*step) for step in zip(types, types[1:], relations, strict=False)]
        self._nodes = tables.graph.num_nodes
        columns = [(one.indptr, one.ends, one.edges, one.weights, one.first_entry) for one in self.steps]
        self._tracer = Tracer(columns, list(ways) or [1] * len(columns), self._nodes)

    def trace(
        self,
        anchors: Ints,
        most: int = 10_000,
        most_answers: int = _NO_BOUND,
        lowest: Ints | None = None,
        order: Ints | None = None,
    ) -> Traced:
        """Find all simple paths from the anchors of many questions. Not for two threads at once.

        :param anchors: int64 [questions, anchors], nodes of the first type.
        :param most: a question that opens more paths than this at any step does not count.
        :param most_answers: nor does one with more answers; nor one with none.
        :param lowest: int64 [questions], the node that must be the lowest of the first nodes on the question's paths,
            or the question does not count; -1 for any.
        :param order: int64 [nodes], rank of each node in the list of answers; by node when None.
        :returns: the questions that count, and their paths.
        """
        lowest = np.full(len(anchors), -1) if lowest is None else lowest
        order = np.arange(self._nodes) if order is None else order
        counted, facts, question, nodes, first_edges, edges, weight = self._tracer.trace(
            np.ascontiguousarray(anchors, np.int64), lowest, order, most, most_answers
        )
        return Traced(counted, facts, PathTable(question, nodes, first_edges, edges, weight))
