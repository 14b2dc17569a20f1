"""The edges that a query may take: a graph seen through a filter, offered step by step.

A step is a list of blocks: all ways to go on from nodes of one type (or any) to nodes of another. Degrees,
and so the weights of edges, are always those of the whole graph: a filter hides edges, it re-weighs none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgengine.errors import UnknownNameError
from kgengine.graph import Graph
from kgengine.metaedges import Block

Step = list[Block]


@dataclass(frozen=True)
class EdgeFilter:
    """Which edges count.

    :ivar relations: only these; all when empty.
    :ivar sources: only edges that one of these sources states, by the names of `kg summary` (`hetionet` is
        `infores:hetionet`, `hpo` also `infores:hpo-annotations`, `core` is `infores:kg-core`); all when empty.
    :ivar min_score: only edges whose source gives them at least this score; edges without a score are left out.
    """

    relations: Sequence[str] = ()
    sources: Sequence[str] = ()
    min_score: float | None = None


EVERY_EDGE = EdgeFilter()


class Selection:
    """A graph's edges under a filter.

    :param graph: the graph.
    :param only: the filter.
    :raises UnknownNameError: the graph has no such relation or source.
    """

    def __init__(self, graph: Graph, only: EdgeFilter = EVERY_EDGE) -> None:
        self.graph = graph
        self._relations = _known(graph, only.relations)
        self._provenances = _provenances(graph, only.sources)
        self._min_score = only.min_score
        self._filtered = self._provenances is not None or only.min_score is not None
        self._blocks: dict[tuple[int, bool], Block] = {}

    def step(self, entry: str | None, exit: str | None = None, relations: Sequence[str] = ()) -> Step:
        """List the blocks of one step, each edge in both directions.

        :param entry: type of the nodes where the step begins, any when None; `exit` of those where it ends.
        :param relations: only these relations, when given, besides the filter's.
        """
        allowed = _known(self.graph, relations)
        found = []
        for number, one in enumerate(self.graph.metaedges):
            if (self._relations and one.relation not in self._relations) or (allowed and one.relation not in allowed):
                continue
            for forward, (here, there) in ((True, (one.head, one.tail)), (False, (one.tail, one.head))):
                if entry in (None, here) and exit in (None, there):
                    found.append(self._block(number, forward))
        return found

    def back(self, step: Step) -> Step:
        """Turn a step round: the same edges, from where it ends to where it begins."""
        return [self._block(block.number, not block.forward) for block in step]

    def _block(self, number: int, forward: bool) -> Block:
        if not self._filtered:
            return self.graph.block(number, forward)
        found = self._blocks.get((number, forward))
        if found is None:
            whole = self.graph.block(number, forward)
            found = whole.restricted(self._kept(whole.edge_ids(np.arange(len(whole.indices)))))
            self._blocks[number, forward] = found
        return found

    def _kept(self, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        keep = np.ones(len(edges), np.bool_)
        if self._provenances is not None:
            keep &= self._provenances[self.graph.edge_provenance[edges]]
        if self._min_score is not None:
            keep &= self.graph.edge_score[edges] >= self._min_score
        return keep


def _known(graph: Graph, relations: Sequence[str]) -> set[str]:
    """Check that the graph has these relations."""
    for name in relations:
        graph.relation_index(name)
    return set(relations)


def _provenances(graph: Graph, sources: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    """Mark the provenances that name one of the sources, bool [num_provenances]; None when all may be taken."""
    if not sources:
        return None
    known = sorted({part.source for several in graph.provenances for part in several if part.source})
    wanted = set()
    for source in sources:
        name = source.removeprefix("infores:")
        plain = {one: one.removeprefix("infores:").removeprefix("kg-") for one in known}
        matches = {one for one in known if name in (one.removeprefix("infores:"), plain[one], plain[one].split("-")[0])}
        if not matches:
            raise UnknownNameError("source", source, hint="this graph has " + (", ".join(known) or "no named source"))
        wanted |= matches
    return np.array([any(part.source in wanted for part in several) for several in graph.provenances])
