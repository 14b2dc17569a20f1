"""Baselines that need no training of vectors: degree of the candidate, and a logistic model on DWPC features."""

from itertools import pairwise, product

import numpy as np
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from kgengine.graph import Graph
from kgengine.reasoner.adjacency import DirectedEdges, Edges, Messages
from kgengine.reasoner.queries import QueryTable, Scorer
from kgengine.split import Split

DAMPING = 0.4
"""As Himmelstein & Baranzini 2015."""


def degree_scorer(graph: Graph, split: Split) -> Scorer:
    """Score every candidate by its number of training edges of the asked relation and direction."""
    every = DirectedEdges.of(graph, split.train)
    counts = np.zeros((2 * len(graph.relations), graph.num_nodes), np.float32)
    np.add.at(counts, (every.relation, every.target), 1)
    return lambda anchors, relation: np.repeat(counts[relation][None], len(anchors), axis=0)


class _Features:
    """Degree-weighted walk counts of all metapaths of 2 and 3 steps between two types, over some edges."""

    def __init__(self, graph: Graph, edges: Edges) -> None:
        every = DirectedEdges.of(graph, edges)
        self.types = np.asarray(graph.node_type)
        self.steps: dict[tuple[int, int, int], scipy.sparse.csr_array] = {}
        names = np.stack([self.types[every.source], every.relation, self.types[every.target]])
        for name in np.unique(names, axis=1).T.tolist():
            rows = (name == names.T).all(axis=1)
            shape = (graph.num_nodes, graph.num_nodes)
            ones = scipy.sparse.csr_array((np.ones(rows.sum()), (every.source[rows], every.target[rows])), shape)
            out, into = np.asarray(ones.sum(1)).ravel(), np.asarray(ones.sum(0)).ravel()
            damped = [scipy.sparse.diags_array(np.maximum(one, 1) ** -DAMPING) for one in (out, into)]
            self.steps[tuple(name)] = damped[0] @ ones @ damped[1]

    def metapaths(self, here: int, there: int) -> list[tuple[tuple[int, int, int], ...]]:
        """List the chains of 2 and 3 steps between two types."""
        chains = [
            chain
            for length in (2, 3)
            for chain in product(self.steps, repeat=length)
            if chain[0][0] == here and chain[-1][2] == there and all(one[2] == two[0] for one, two in pairwise(chain))
        ]
        return chains

    def of(self, anchors: Edges, chains: list[tuple[tuple[int, int, int], ...]]) -> np.ndarray:
        """Give arcsinh-scaled counts (as hetmatpy scales them), [anchors, num_nodes, chains], without returns."""
        found = np.zeros((len(anchors), len(self.types), len(chains)), np.float32)
        for place, chain in enumerate(chains):
            walk = self.steps[chain[0]][anchors].toarray()
            for step in chain[1:]:
                walk[np.arange(len(anchors)), anchors] = 0.0
                walk = walk @ self.steps[step]
            walk[np.arange(len(anchors)), anchors] = 0.0
            found[:, :, place] = np.arcsinh(walk / max(walk.mean(), 1e-9))
        return found


def dwpc_scorer(graph: Graph, split: Split, seed: int) -> Scorer:
    """Fit, for each message relation, a logistic regression on DWPC features, as Himmelstein & Baranzini did.

    A fifth of the training edges is taken out of the graph to be the positive examples; the features of test queries
    come from all training edges.
    """
    relation_of = np.asarray(graph.edge_relation)
    asked = split.train[np.isin(relation_of[split.train], np.unique(relation_of[split.validation]))]
    positive = np.sort(np.random.default_rng(seed).choice(asked, len(asked) // 5, replace=False))
    rest, whole = _Features(graph, np.setdiff1d(split.train, positive)), _Features(graph, split.train)
    messages, known, wanted = Messages(graph, split.train), QueryTable(graph, split.train), QueryTable(graph, positive)
    rng, fitted = np.random.default_rng(seed), {}
    for relation in np.unique(wanted.relation).tolist():
        rows = np.flatnonzero(wanted.relation == relation)
        candidates = np.flatnonzero(messages.candidates(relation).numpy())
        here, there = (int(whole.types[node]) for node in (wanted.anchor[rows[0]], candidates[0]))
        chains = rest.metapaths(here, there)
        features, truth = [], []
        for row in rows.tolist():
            table = rest.of(wanted.anchor[[row]], chains)[0]
            false = np.setdiff1d(candidates, known.answers(int(wanted.anchor[row]), relation))
            false = rng.choice(false, min(len(false), 50), replace=False)
            for nodes, label in ((wanted.of_row(row), 1), (false, 0)):
                features.append(table[nodes])
                truth.append(np.full(len(nodes), label))
        model = LogisticRegression(max_iter=2000).fit(np.concatenate(features), np.concatenate(truth))
        fitted[relation] = chains, model.coef_[0].astype(np.float32), messages.candidates(relation).numpy()

    def score(anchors: Edges, relation: int) -> np.ndarray:
        chains, factors, candidates = fitted[relation]
        return np.where(candidates, whole.of(anchors, chains) @ factors, -1e4).astype(np.float32)

    return score
