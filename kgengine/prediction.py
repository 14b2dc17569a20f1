"""One-hop prediction: the reasoner's ranking of the other end of an edge, each answer with a proof path.

An exact answer is an edge of the graph and its own proof. A predicted one is not in the graph; its proof
is the heaviest path of up to three edges that leads there, if there is one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.query import Proof, neighbourhood
from kgengine.subgraph import edge_record

if TYPE_CHECKING:
    from kgengine.reasoner.store import TrainedReasoner

_PROOF_HOPS = 3


@dataclass(frozen=True)
class Prediction:
    """One answer: `score` is 1 for an exact one, else its softmax share among the candidates (not calibrated)."""

    node: int
    score: float
    exact: bool
    proof: Proof | None

    def to_json(self, graph: Graph) -> dict[str, Any]:
        """Give the prediction as plain data."""
        return {
            "id": graph.id(self.node),
            "name": graph.name(self.node),
            "type": graph.type(self.node),
            "score": self.score,
            "state": "exact" if self.exact else "predicted",
            "proof": [edge_record(graph, edge) for edge in self.proof.edges] if self.proof else [],
        }


def predict(reasoner: "TrainedReasoner", anchor: int, relation: str, limit: int) -> list[Prediction]:
    """Rank the nodes that may stand at the other end of `relation` from `anchor`.

    The direction follows from the anchor's type: a node whose type stands at the tail of the relation's
    edges asks for heads (the drugs that treat a disease), any other asks for tails.

    :param reasoner: the trained reasoner.
    :param anchor: the known end.
    :param relation: name of the relation.
    :param limit: how many predicted answers at most.
    :returns: all exact answers, then the predicted ones, best first.
    :raises KGError: no edge of the relation touches the anchor's type.
    """
    graph = reasoner.graph
    edges = np.flatnonzero(np.asarray(graph.edge_relation) == graph.relation_index(relation))
    kinds = np.asarray(graph.node_type)
    heads, tails = kinds[graph.edge_head[edges]], kinds[np.asarray(graph.edge_tail[edges])]
    own = kinds[anchor]
    inverse = own not in heads
    if inverse and own not in tails:
        raise KGError(f"no {relation} edge begins or ends at a {graph.type(anchor)}; take another relation")
    wanted = np.unique(heads[tails == own] if inverse else tails[heads == own])
    known = graph.in_edges(anchor, relation) if inverse else graph.out_edges(anchor, relation)
    exact = {int(graph.edge(int(edge)).head if inverse else graph.edge_tail[edge]): int(edge) for edge in known}
    certain = [Prediction(node, 1.0, True, Proof((anchor, node), (edge,))) for node, edge in exact.items()]
    others = np.isin(kinds, wanted) & ~np.isin(np.arange(graph.num_nodes), [anchor, *exact])
    candidates = np.flatnonzero(others)
    if not len(candidates):
        return certain
    logits = reasoner.predict(anchor, relation, inverse)[candidates].astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    near = {answer.node: answer.proofs[0] for answer in neighbourhood(graph, [anchor], _PROOF_HOPS)}
    best = np.argsort(-shares, kind="stable")[:limit]
    return certain + [
        Prediction(int(candidates[i]), float(shares[i]), False, near.get(int(candidates[i]))) for i in best
    ]
