"""What the reasoner stores for drawing bundles: a score for every drawable edge, and the likeliest missing ones.

Both are for has_phenotype, asked from the disease, and for treats, asked for a disease's drugs. The scores
come from the networks alone: the embedding was trained on these very edges.
"""

import numpy as np
import numpy.typing as npt
import torch

from kgengine.edge_scores import PROOF_LENGTH, PredictedEdges
from kgengine.graph import Graph
from kgengine.query import heaviest_paths
from kgengine.reasoner.adjacency import Edges, Messages
from kgengine.reasoner.blending import Blend, known_answers
from kgengine.reasoner.queries import QueryTable, scored
from kgengine.schema import HAS_PHENOTYPE, TREATS

FOLDS = 6
"""An edge is scored while a sixth of its disease's edges of the relation are hidden: about as in training (0.15)."""

MOST_DISEASES = 2_000
"""On graphs with more diseases nothing is stored (each asks for `FOLDS` passes); their facts then count as 0.5."""

MOST_PREDICTED, LEAST_PROBABILITY = {HAS_PHENOTYPE: 12, TREATS: 6}, 0.02
"""How many predicted facts of a disease are kept at most, and how likely they must be at least."""


def _drawable(graph: Graph) -> list[tuple[str, int]]:
    """List the drawable relations that the graph has, with the message relation that begins at the disease."""
    asked = ((HAS_PHENOTYPE, 0), (TREATS, len(graph.relations)))
    return [(name, graph.relations.index(name) + turn) for name, turn in asked if name in graph.relations]


def edge_scores(blend: Blend, graph: Graph) -> npt.NDArray[np.float32]:
    """Score every drawable edge while it is hidden from the graph.

    The score says how well the rest of the graph supports the edge: the share of the false answers of the
    same type that the networks rank below the true one, from 0 to 1, higher is better.

    :param blend: the networks.
    :param graph: the graph.
    :returns: float32 [num_edges], NaN on edges without a score.
    """
    everything = np.arange(graph.num_edges)
    messages, known = Messages(graph, everything), QueryTable(graph, everything)
    scores = np.full(graph.num_edges, np.nan, np.float32)
    for _, relation in _drawable(graph):
        queries = np.flatnonzero(known.relation == relation)
        if len(queries) > MOST_DISEASES:
            continue
        for rows in np.array_split(queries, -(-len(queries) // 64)):
            for fold in range(FOLDS):
                _score_fold(scores, blend, messages, known, rows, fold)
    return scores


def _score_fold(
    scores: npt.NDArray[np.float32], blend: Blend, messages: Messages, known: QueryTable, rows: Edges, fold: int
) -> None:
    """Score every sixth answer of some queries, with all these hidden at once."""
    picked = [np.arange(known.indptr[row] + (fold + row) % FOLDS, known.indptr[row + 1], FOLDS) for row in rows]
    hidden = known.edge[np.concatenate(picked)]
    if not len(hidden):
        return
    relation = int(known.relation[rows[0]])
    visible = messages.visible(torch.from_numpy(hidden))
    logits, _ = blend.parts(messages, visible, known.anchor[rows], relation, embedded=False)
    others = messages.candidates(relation) & ~known.mask(rows, messages.num_nodes)
    for line, false, places in zip(logits, others, picked, strict=True):
        rivals, own = line[false].sort().values, line[torch.from_numpy(known.answer[places])]
        below, not_above = torch.searchsorted(rivals, own), torch.searchsorted(rivals, own, right=True)
        scores[known.edge[places]] = ((below + not_above) / (2 * max(1, len(rivals)))).numpy()


def predicted_edges(
    blend: Blend, graph: Graph, edges: Edges | None = None, most: dict[str, int] = MOST_PREDICTED
) -> PredictedEdges:
    """Predict facts that the graph does not state, for every disease.

    :param blend: the reasoner.
    :param graph: the graph.
    :param edges: int64 [n] the edges that are known (all when None): others may be predicted.
    :param most: for each drawable relation how many facts of a disease at most.
    :returns: the likeliest facts of each disease, each with the heaviest path that leads to it as proof.
    """
    known = QueryTable(graph, np.arange(graph.num_edges) if edges is None else edges)
    messages = Messages(graph, np.arange(graph.num_edges) if edges is None else edges)
    found: list[tuple[int, int, int, float, tuple[int, ...]]] = []
    for name, relation in _drawable(graph):
        anchors = np.unique(known.anchor[known.relation == relation])
        if relation not in blend.calibrated() or len(anchors) > MOST_DISEASES:
            continue
        for anchor, line in scored(
            lambda part, relation: _likely(blend, messages, known, part, relation), anchors, relation
        ):
            best = [node for node in np.argsort(-line, kind="stable")[: most[name]] if line[node] >= LEAST_PROBABILITY]
            paths = heaviest_paths(graph, anchor, best, PROOF_LENGTH) if edges is None else {}
            for node in map(int, best):
                ends = (anchor, node) if relation < len(graph.relations) else (node, anchor)
                proof = paths[node].edges if node in paths else ()
                found.append((relation % len(graph.relations), *ends, float(line[node]), proof))
    if not found:
        return PredictedEdges.empty()
    proofs = np.full((len(found), PROOF_LENGTH), -1, np.int64)
    for row, fact in enumerate(found):
        proofs[row, : len(fact[-1])] = fact[-1]
    kinds, heads, tails = np.array([fact[:3] for fact in found], np.int64).T
    likely = np.array([fact[3] for fact in found], np.float32)
    return PredictedEdges(kinds.astype(np.int16), heads.astype(np.int32), tails.astype(np.int32), likely, proofs)


def _likely(
    blend: Blend, messages: Messages, known: QueryTable, anchors: Edges, relation: int
) -> npt.NDArray[np.float32]:
    """Give probabilities, 0 where the answer is known or of another type: float32 [batch, num_nodes]."""
    stated = known_answers(known, anchors, relation, messages.num_nodes)
    logits = blend.logits(messages, messages.visible(), anchors, relation)
    found = blend.probabilities(logits, stated, relation).masked_fill(stated | ~messages.candidates(relation), 0.0)
    array: npt.NDArray[np.float32] = found.numpy()
    return array
