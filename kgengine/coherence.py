"""Says which nodes of a graph can't stand together in one patient at one visit.

Two findings exclude one another when one is a superclass of the other (the specific one says both) or when they
or superclasses of theirs are `disjoint_with` each other. A drug is barred by what it is contra-indicated in,
also where the graph states that for its class. Nothing is drawn here.
"""

from collections import defaultdict
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kgengine.graph import Graph
from kgengine.hierarchy import superclasses
from kgengine.schema import (
    CONTRAINDICATED_IN,
    DISJOINT_WITH,
    FREQUENCY_BANDS,
    HAS_PHENOTYPE,
    INTERACTS_WITH,
    SEXES,
    SUBCLASS_OF,
)

_TYPICAL_BANDS = tuple(number for number, band in enumerate(FREQUENCY_BANDS) if band.low >= 0.8)
"""Obligate and very frequent: a symptom of these bands belongs to the picture of its disease."""


class Coherence:
    """The constraints of one graph, looked up node by node and remembered.

    :param graph: the graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._lines = superclasses(graph)
        self._members: dict[int, set[int]] = defaultdict(set)
        for node, above in self._lines.items():
            for one in above:
                self._members[one].add(node)
        self._stated: dict[int, set[int]] = defaultdict(set)
        if DISJOINT_WITH in graph.relations:
            relation = graph.relations.index(DISJOINT_WITH)
            for edge in np.flatnonzero(np.asarray(graph.edge_relation) == relation).tolist():
                one, other = int(graph.edge_head[edge]), int(graph.edge_tail[edge])
                self._stated[one].add(other)
                self._stated[other].add(one)
        self._tails = lru_cache(maxsize=None)(self._targets)
        self.rivals = lru_cache(maxsize=None)(self._rivals)
        self.forbidden = lru_cache(maxsize=None)(self._forbidden)
        self.diseases_exclude = lru_cache(maxsize=1 << 16)(self._diseases_exclude)

    def line(self, node: int) -> frozenset[int]:
        """Give a node and all its superclasses."""
        return self._lines.get(node, frozenset()) | {node}

    def same_line(self, one: int, other: int) -> bool:
        """Tell whether two nodes are one, or one is a superclass of the other."""
        return other in self.line(one) or one in self.line(other)

    def _rivals(self, node: int) -> frozenset[int]:
        """Give all nodes that are disjoint with a node or a superclass of it, with their subclasses."""
        stated = {rival for above in self.line(node) for rival in self._stated.get(above, ())}
        return frozenset(stated.union(*(self._members.get(rival, set()) for rival in stated)))

    def exclude(self, one: int, other: int) -> bool:
        """Tell whether two findings may not be told of one patient: the same line, or disjoint."""
        return other in self.rivals(one) or self.same_line(one, other)

    def fits(self, nodes: npt.NDArray[np.int64], female: npt.ArrayLike, age: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which nodes a patient of a sex and age can have.

        :param nodes: int64 [k], node indices.
        :param female: bool, of any shape [...]; False means male.
        :param age: years, of the same shape.
        :returns: bool [..., k].
        """
        sex = np.array([SEXES.index(self.graph.sex(int(node))) for node in nodes], np.int64)
        limits = np.asarray(self.graph.node_age)[nodes].reshape(-1, 2)
        other = np.where(np.asarray(female)[..., None], SEXES.index("male"), SEXES.index("female"))
        years = np.asarray(age)[..., None]
        return np.asarray((sex != other) & (limits[:, 0] <= years) & (years <= limits[:, 1]))

    def _forbidden(self, drug: int) -> frozenset[int]:
        """Give all that a drug or a class of it is contra-indicated in."""
        found: set[int] = set()
        for node in self.line(drug):
            found.update(self._tails(node, CONTRAINDICATED_IN))
        return frozenset(found)

    def _targets(self, node: int, relation: str) -> frozenset[int]:
        return frozenset(self.graph.edge(edge).tail for edge in self.graph.out_edges(node, relation).tolist())

    def barred(self, drug: int, *present: int) -> bool:
        """Tell whether a drug is contra-indicated in one of some diseases or findings, or in a superclass of one."""
        forbidden = self.forbidden(drug)
        return bool(forbidden) and any(forbidden & self.line(node) for node in present)

    def drugs_clash(self, one: int, other: int) -> bool:
        """Tell whether two drugs may not be given together: they or classes of theirs interact, they are one substance,
        or they share their ATC class (one of a kind is enough)."""
        if one == other or self.graph.wording(one, "en").phrase == self.graph.wording(other, "en").phrase:
            return True
        for a, b in ((one, other), (other, one)):
            if any(self.line(b) & self._tails(node, INTERACTS_WITH) for node in self.line(a)):
                return True
        return bool(self._tails(one, SUBCLASS_OF) & self._tails(other, SUBCLASS_OF))

    def _diseases_exclude(self, one: int, other: int) -> bool:
        """Tell whether a patient can't have two diseases, or they are too alike to count as two.

        So are: one line of `subclass_of`, one ICD-10 category, stated to be disjoint, or with typical symptoms
        that exclude one another. A chapter XXI code (Z) is a reason for contact: never beside a disease.
        """
        ids = (self.graph.id(one), self.graph.id(other))
        if self.exclude(one, other) or any(node_id.startswith("ICD10:Z") for node_id in ids):
            return True
        if all(node_id.startswith("ICD10:") for node_id in ids) and ids[0][6:9] == ids[1][6:9]:
            return True
        theirs = set(self._typical(other))
        return any(self.rivals(symptom) & theirs for symptom in self._typical(one))

    def _typical(self, disease: int) -> list[int]:
        edges = self.graph.out_edges(disease, HAS_PHENOTYPE)
        kept = edges[np.isin(np.asarray(self.graph.edge_band)[edges], _TYPICAL_BANDS)]
        return [self.graph.edge(edge).tail for edge in kept.tolist()]
