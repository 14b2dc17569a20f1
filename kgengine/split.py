"""Splits of the edges into train, validation and test, without the leaks of a random split.

Edges between one unordered pair of nodes always fall on the same side (PrimeKG stores both directions;
a random split would put the answer into training), and no node loses its last training edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import CLINICAL_RELATIONS
from kgengine.seeding import item_rng

Edges = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Edge ids of each part, int64 [n], ascending; together they are all edges of the graph."""

    train: Edges
    validation: Edges
    test: Edges


def split_edges(graph: Graph, seed: int, held_out: float = 0.1, relations: Sequence[str] = CLINICAL_RELATIONS) -> Split:
    """Hold out edges of some relations for validation and as many for test.

    :param graph: the graph.
    :param seed: same seed, same split.
    :param held_out: share of the pairs of these relations in each of the two held-out parts, 0 to 0.4.
    :param relations: the relations that lose edges; all, where the graph has none of these.
    :returns: the split.
    :raises KGError: the graph is too small to hold out even one edge a part.
    """
    chosen = [graph.relations.index(name) for name in relations if name in graph.relations]
    relation = np.asarray(graph.edge_relation)
    movable = np.isin(relation, chosen) if chosen else np.ones(len(relation), np.bool_)
    head, tail = np.asarray(graph.edge_head, np.int64), np.asarray(graph.edge_tail, np.int64)
    pair_key = np.minimum(head, tail) * graph.num_nodes + np.maximum(head, tail)
    pairs, pair_of = np.unique(pair_key, return_inverse=True)
    degree = np.bincount(head, minlength=graph.num_nodes)
    degree += np.bincount(tail[tail != head], minlength=graph.num_nodes)
    fixed_pairs = np.zeros(len(pairs), np.bool_)
    fixed_pairs[pair_of[~movable]] = True
    candidates = np.flatnonzero(~fixed_pairs)
    quota = max(1, int(len(candidates) * held_out))
    edges_of = np.bincount(pair_of, minlength=len(pairs))
    part = np.zeros(len(pairs), np.int8)
    taken = 0
    for pair in item_rng(seed, "split", 0).permutation(candidates).tolist():
        ends = divmod(int(pairs[pair]), graph.num_nodes)
        if taken == 2 * quota:
            break
        if all(degree[node] > edges_of[pair] for node in ends):
            degree[list(ends)] -= edges_of[pair]
            part[pair] = 1 + taken % 2
            taken += 1
    if taken < 2:
        raise KGError(f"the graph at {graph.folder} has too few edges to hold any out; build a larger one")
    parts = part[pair_of]
    return Split(*(np.flatnonzero(parts == number) for number in range(3)))
