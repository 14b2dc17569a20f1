"""One-hop prediction: the reasoner's ranking of the other end of an edge, each answer with a proof path.

An exact answer is an edge of the graph and its own proof. A predicted one is not in the graph; its proof
is the heaviest path of up to three edges that leads there, if there is one.
"""

from typing import TYPE_CHECKING

import numpy as np

from kgengine.errors import KGError
from kgengine.proofs import Proof
from kgengine.query import Answer, heaviest_paths
from kgengine.schema import SYMMETRIC_RELATIONS

if TYPE_CHECKING:
    from kgengine.reasoner.store import TrainedReasoner

EXACT, PREDICTED = "exact", "predicted"
_PROOF_HOPS = 3


def predict(reasoner: "TrainedReasoner", anchor: int, relation: str, limit: int) -> list[Answer]:
    """Rank the nodes that may stand at the other end of `relation` from `anchor`.

    The direction follows from the anchor's type: a node whose type stands at the tail of the relation's
    edges asks for heads (the drugs that treat a disease), any other asks for tails. A symmetric relation within
    one type, whose edges are stored once, is asked both ways, and its two scores are averaged.

    :param reasoner: the trained reasoner.
    :param anchor: the known end.
    :param relation: name of the relation.
    :param limit: how many predicted answers at most.
    :returns: all exact answers (score 1), then the predicted ones, best first; their score is the softmax share among
        the candidates, 0 to 1, not calibrated.
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
    ways = [False, True] if relation in SYMMETRIC_RELATIONS and own in heads and own in tails else [inverse]
    exact = {
        int((graph.edge_head if way else graph.edge_tail)[edge]): int(edge)
        for way in ways
        for edge in (graph.in_edges if way else graph.out_edges)(anchor, relation)
    }
    certain = [Answer(node, 1.0, 1, (Proof((anchor, node), (edge,)),), EXACT) for node, edge in exact.items()]
    others = np.isin(kinds, wanted) & ~np.isin(np.arange(graph.num_nodes), [anchor, *exact])
    candidates = np.flatnonzero(others)
    if not len(candidates):
        return certain
    logits = np.mean([reasoner.predict(anchor, relation, way)[candidates] for way in ways], axis=0, dtype=np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = np.argsort(-shares, kind="stable")[:limit]
    near = heaviest_paths(graph, anchor, candidates[best].tolist(), _PROOF_HOPS)
    return certain + [
        Answer(node, float(share), 0, (near[node],) if node in near else (), PREDICTED)
        for node, share in zip(candidates[best].tolist(), shares[best].tolist(), strict=True)
    ]
