"""Exact k-hop queries: which nodes lie within k hops, or at the end of a typed path, ranked, with proofs.

Answers are complete: every simple path is counted. The rank is the degree-weighted path count (DWPC;
Himmelstein & Baranzini 2015): a path weighs the product of its edges' degrees to the power -0.4, an
answer the sum over its paths, so that paths through hubs count little. Nothing is predicted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.metaedges import Block
from kgengine.proofs import PathFinder, Proof, heaviest_edge
from kgengine.schema import DISEASE, HAS_PHENOTYPE, NEGATIVE_RELATIONS, SYMPTOM
from kgengine.selection import EVERY_EDGE, EdgeFilter, Selection, Step
from kgengine.spreading import MAX_HOPS, Vector, no_walks, one_step, path_levels

Weights = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Assumed:
    """A link that the graph does not state and a predicted answer assumes, with its calibrated probability, 0 to 1."""

    head: int
    relation: int
    tail: int
    probability: float


@dataclass(frozen=True)
class Answer:
    """One answer of a query.

    :ivar node: its node index.
    :ivar score: degree-weighted path count, above 0, higher is nearer.
    :ivar paths: number of simple paths (from the first anchor, where a neighbourhood has several).
    :ivar proofs: the best path from each anchor (in a typed path all share their rest, and the whole is best);
        with `any_anchor` the one best path.
    :ivar state: "" here; "exact" or "predicted" in a prediction, whose scores are probabilities.
    :ivar assumed: the links that a predicted answer assumes.
    """

    node: int
    score: float
    paths: int
    proofs: tuple[Proof, ...]
    state: str = ""
    assumed: tuple[Assumed, ...] = ()


class _Exploration:
    """All simple paths from anchors that meet (or not) after the first step."""

    def __init__(
        self,
        selection: Selection,
        steps: Sequence[Step],
        anchors: Sequence[int],
        forbidden: Sequence[int],
        meet: bool,
        weighted: bool = True,
    ) -> None:
        self._selection, self._steps, self._anchors = selection, steps, list(anchors)
        self._meet, self._weighted = meet, weighted
        self._forbidden = np.asarray(forbidden, np.int64)
        self.levels = path_levels(selection, steps, self._first(), self._forbidden)
        self._finder = PathFinder(selection, steps, self.levels)

    def _first(self) -> Vector:
        """Give the paths after the first step: from all anchors at once, or to where they meet."""
        if not self._meet or len(self._anchors) == 1:
            return one_step(self._steps[0], self._unit(self._anchors), self._forbidden)
        firsts = [one_step(self._steps[0], self._unit([anchor]), self._forbidden) for anchor in self._anchors]
        meeting = np.asarray(np.prod(firsts, axis=0))
        if self._weighted:
            meeting[:, 3:] = -1.0, 0.0
        return meeting

    def _unit(self, anchors: Sequence[int]) -> Vector:
        vector = no_walks(self._selection.graph.num_nodes, self._weighted)
        vector[anchors] = 1.0
        return vector

    def proofs(self, node: int, levels: Sequence[int]) -> tuple[Proof, ...]:
        """Find the heaviest path to a node that ends on one of `levels`, spelled from each anchor that has one."""
        found = [self._finder.find(node, level) for level in levels if self.levels[level - 1][node, 0]]
        rest = max((path for path in found if path), key=lambda path: path.weight)
        firsts = [heaviest_edge(self._steps[0], anchor, rest.proof.nodes[0]) for anchor in self._anchors]
        paths = [
            (weight, Proof((anchor, *rest.proof.nodes), (edge, *rest.proof.edges)))
            for anchor, (edge, weight) in zip(self._anchors, (one or (-1, 0.0) for one in firsts), strict=True)
            if weight
        ]
        if self._meet:
            return tuple(proof for _, proof in paths)
        return (max(paths, key=lambda pair: pair[0])[1],)


def _best(score: Weights, count: Weights, span: tuple[int, int], limit: int | None) -> list[int]:
    """Order the nodes of a span that have paths: best score first, ties by node index."""
    score, count = score[slice(*span)], count[slice(*span)]
    found = np.flatnonzero(count > 0.5)
    if limit is not None and len(found) > limit:
        least = np.partition(score[found], len(found) - limit)[len(found) - limit]
        found = found[score[found] >= least]
    order = found[np.lexsort((found, -score[found]))]
    return [int(node) + span[0] for node in order[:limit]]


def neighbourhood(
    graph: Graph,
    anchors: Sequence[int],
    hops: int = 1,
    to: str | None = None,
    only: EdgeFilter = EVERY_EDGE,
    limit: int | None = None,
    any_anchor: bool = False,
) -> list[Answer]:
    """Find all nodes that every anchor (or any) reaches within `hops` edges.

    :param graph: the graph.
    :param anchors: node indices; with several, the score is the geometric mean over them (with `any_anchor`,
        the sum).
    :param hops: greatest path length, 1 to `MAX_HOPS`.
    :param to: only answers of this node type.
    :param only: only paths over these edges.
    :param limit: how many answers at most, all when None.
    :param any_anchor: True when it is enough that one anchor reaches an answer.
    :returns: the answers, best first.
    :raises KGError: `hops` is out of range, a name is unknown, or the query is too big.
    """
    if not 1 <= hops <= MAX_HOPS:
        raise KGError(f"{hops} hops asked for; this engine takes 1 to {MAX_HOPS}")
    selection = Selection(graph, only)
    span = graph.span(to) if to else (0, graph.num_nodes)
    steps = [selection.step(None)] * (hops - 1) + [selection.step(None, to)]
    groups = [list(anchors)] if any_anchor else [[anchor] for anchor in anchors]
    explored = [_Exploration(selection, steps, group, anchors, meet=False) for group in groups]
    sums = [np.sum([level[:, :2] for level in one.levels], axis=0) for one in explored]
    score = np.prod([one[:, 1] for one in sums], axis=0) ** (1 / len(sums))
    count = np.min([one[:, 0] for one in sums], axis=0)
    every = range(1, hops + 1)
    return [
        Answer(
            node,
            float(score[node]),
            round(float(sums[0][node, 0])),
            tuple(proof for one in explored for proof in one.proofs(node, every)),
        )
        for node in _best(score, count, span, limit)
    ]


def heaviest_paths(graph: Graph, anchor: int, nodes: Sequence[int], hops: int) -> dict[int, Proof]:
    """Find the heaviest path of at most `hops` edges from an anchor to each of some nodes that it reaches."""
    selection = Selection(graph)
    explored = _Exploration(selection, [selection.step(None)] * hops, [anchor], [anchor], meet=True)
    reached = [node for node in nodes if any(level[node, 0] for level in explored.levels)]
    return {node: explored.proofs(node, range(1, hops + 1))[0] for node in reached}


def _typed(
    graph: Graph,
    anchors: Sequence[int],
    types: Sequence[str],
    relations: Sequence[Sequence[str]] | None,
    only: EdgeFilter,
    any_anchor: bool,
    weighted: bool,
) -> _Exploration:
    """Explore a typed path, see :func:`follow`."""
    if not 2 <= len(types) <= MAX_HOPS + 1:
        raise KGError(f"the path '{'/'.join(types)}' names {len(types)} types; give 2 to {MAX_HOPS + 1}")
    for node_type in types:
        graph.type_index(node_type)
    for anchor in anchors:
        if graph.type(anchor) != types[0]:
            raise KGError(f"{graph.name(anchor)} is a {graph.type(anchor)}, but the path begins with {types[0]}")
    selection = Selection(graph, only)
    free = [name for name in graph.relations if name not in NEGATIVE_RELATIONS or name in only.relations]
    allowed = [names or free for names in relations or [()] * (len(types) - 1)]
    steps = [selection.step(here, there, names) for here, there, names in zip(types, types[1:], allowed, strict=False)]
    return _Exploration(selection, steps, anchors, anchors, meet=not any_anchor, weighted=weighted)


def follow(
    graph: Graph,
    anchors: Sequence[int],
    types: Sequence[str],
    relations: Sequence[Sequence[str]] | None = None,
    only: EdgeFilter = EVERY_EDGE,
    limit: int | None = None,
    any_anchor: bool = False,
) -> list[Answer]:
    """Follow a typed path, e.g. symptom/disease/drug, from all anchors at once.

    With several anchors the first step meets: a node after them counts only if every anchor has an edge
    to it (the conjunctive query "2i" or "pi" of the literature), with the product of their weights; with
    `any_anchor` one is enough, and the weights add up.

    :param graph: the graph.
    :param anchors: node indices, each of type `types[0]`.
    :param types: node types along the path, 2 to `MAX_HOPS` + 1 of them.
    :param relations: for each step the relations that it may take; where none is given, all but those of
        `schema.NEGATIVE_RELATIONS` (which `only` may name, too).
    :param only: only paths over these edges.
    :param limit: how many answers at most, all when None.
    :param any_anchor: True when it is enough that one anchor reaches an answer.
    :returns: the answers, best first.
    :raises KGError: the path is too short or long, or a name is unknown.
    """
    explored = _typed(graph, anchors, types, relations, only, any_anchor, weighted=True)
    last = explored.levels[-1]
    return [
        Answer(node, float(last[node, 1]), round(float(last[node, 0])), explored.proofs(node, [len(types) - 1]))
        for node in _best(last[:, 1], last[:, 0], graph.span(types[-1]), limit)
    ]


def path_counts(
    graph: Graph,
    anchors: Sequence[int],
    types: Sequence[str],
    relations: Sequence[Sequence[str]] | None = None,
    only: EdgeFilter = EVERY_EDGE,
    any_anchor: bool = False,
    weighted: bool = False,
) -> tuple[Nodes, Weights]:
    """Count the paths of a typed path, without ranking or proving: features for a model, say.

    :param graph: the graph; the next parameters are those of :func:`follow`.
    :param weighted: True for the degree-weighted path count instead of the number.
    :returns: int64 [n], the nodes that a path reaches, ascending; float64 [n], how many paths each has (exact up to
        2**53), or their degree-weighted count.
    :raises KGError: the path is too short or long, or a name is unknown.
    """
    first, end = graph.span(types[-1])
    last = _typed(graph, anchors, types, relations, only, any_anchor, weighted).levels[-1][first:end]
    found = np.flatnonzero(last[:, 0])
    return found + first, last[found, 1 if weighted else 0]


def mistaken_for(graph: Graph, disease: int, only: EdgeFilter = EVERY_EDGE, limit: int | None = None) -> list[Answer]:
    """Find the diseases that share symptoms with one: what it may be mistaken for.

    :param graph: the graph.
    :param disease: node index of a disease.
    :param only: only over these edges.
    :param limit: how many answers at most, all when None.
    :returns: the diseases, best first (DWPC: a symptom that few diseases have counts more); the proofs of each are
        all the symptoms that both have, the most telling first.
    """
    relations = [[HAS_PHENOTYPE]] * 2 if HAS_PHENOTYPE in graph.relations else None
    answers = follow(graph, [disease], [DISEASE, SYMPTOM, DISEASE], relations, only, limit)
    step = Selection(graph, only).step(DISEASE, SYMPTOM, relations[0] if relations else ())
    symptoms = np.unique(np.concatenate([_ends(block, disease) for block in step])).tolist() if answers else []
    return [replace(answer, proofs=_shared(step, disease, answer.node, symptoms)) for answer in answers]


def _ends(block: Block, node: int) -> Nodes:
    """List the nodes that a block's edges lead to from a node of its entry type, int64 [n]."""
    row = node - block.entry[0]
    return block.indices[block.indptr[row] : block.indptr[row + 1]].astype(np.int64) + block.exit[0]


def _shared(step: Step, one: int, other: int, symptoms: Sequence[int]) -> tuple[Proof, ...]:
    """List the two-edge paths between two diseases by those of `symptoms` that both have, the heaviest first."""
    paths = []
    for symptom in symptoms:
        first, second = heaviest_edge(step, one, symptom), heaviest_edge(step, other, symptom)
        if first and second:
            paths.append((first[1] * second[1], Proof((one, symptom, other), (first[0], second[0]))))
    return tuple(proof for _, proof in sorted(paths, key=lambda pair: -pair[0]))
