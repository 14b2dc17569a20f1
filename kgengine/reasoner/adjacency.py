"""The graph as the reasoner sees it: each edge in both directions, sparse, with edges hidden at will.

A message relation is a relation of the graph (index r) or its inverse (index r + R); a symmetric relation
has only the first, in both directions. A query (anchor, message relation) asks for the nodes at the other
end. Messages from one node over one relation are all alike, so they are made once (a *pair*) and then
passed on by a sparse product. Nothing is learned here.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kgengine.graph import Graph
from kgengine.schema import SYMMETRIC_RELATIONS

Edges = npt.NDArray[np.int64]

TARGET_DAMPING, SOURCE_DAMPING = 0.5, 0.3
"""Exponents of the scale of a message, see :class:`Visible`; chosen by validation MRR (docs/log.md)."""


@dataclass(frozen=True)
class DirectedEdges:
    """Edges read from either end, int64 [n] each: `source` and `target` are nodes, `relation` a message relation."""

    source: Edges
    relation: Edges
    target: Edges
    edge: Edges

    @classmethod
    def of(cls, graph: Graph, edges: Edges) -> "DirectedEdges":
        """Read edges from both ends.

        :param graph: the graph.
        :param edges: int64 [n] edge ids.
        """
        head, tail, relation = (
            np.asarray(column[edges], np.int64) for column in (graph.edge_head, graph.edge_tail, graph.edge_relation)
        )
        both_ways = [number for number, name in enumerate(graph.relations) if name in SYMMETRIC_RELATIONS]
        inverse = np.where(np.isin(relation, both_ways), relation, relation + len(graph.relations))
        ends = np.concatenate([head, tail]), np.concatenate([tail, head])
        return cls(ends[0], np.concatenate([relation, inverse]), ends[1], np.concatenate([edges, edges]))


@dataclass(frozen=True)
class Hop:
    """One round of messages of a batch, between two lists of nodes.

    :ivar nodes: int64 [out], the nodes that have a state after the round, ascending.
    :ivar pair_row: int64 [pairs], row of the sender in the list before.
    :ivar pair_relation: int64 [pairs], the message relation.
    :ivar gather: sparse CSR [out, pairs], scales of the messages; `scatter` is its transpose.
    :ivar carry: int64 [out], each node's row in the list before, or -1.
    :ivar message: int64 [entries], which message each entry of `gather` is, in the order of its rows.
    """

    nodes: Tensor
    pair_row: Tensor
    pair_relation: Tensor
    gather: Tensor
    scatter: Tensor
    carry: Tensor
    message: Tensor


@dataclass(frozen=True)
class Visible:
    """What passes of a graph's messages.

    :ivar scale: float32 [num_messages], every message's factor, 0 where it is hidden: it is divided by (number of
        visible messages of its relation to its target) ** 0.5, between a sum, in which hubs drown the rest, and a
        mean, which forgets counts; and by (number of visible messages of its pair) ** 0.3, since what a hub says to
        all says little to each.
    :ivar degrees: float32 [num_nodes, num_relations], log(1 + visible edges) of every node.
    """

    scale: Tensor
    degrees: Tensor


class Messages:
    """Directed messages over some of a graph's edges.

    :param graph: the graph.
    :param edges: int64 [n] ids of the edges that carry messages.
    """

    def __init__(self, graph: Graph, edges: Edges) -> None:
        self.num_nodes, self.num_edges = graph.num_nodes, graph.num_edges
        self.num_relations = 2 * len(graph.relations)
        every = DirectedEdges.of(graph, edges)
        pairs, pair = np.unique(every.source * self.num_relations + every.relation, return_inverse=True)
        by_target = np.lexsort((pair, every.target))
        columns = (every.source, every.target, every.relation, every.edge, pair)
        self.source, self.target, self.relation, self.edge, self.pair = (
            torch.from_numpy(column[by_target]) for column in columns
        )
        self.pair_source, self.pair_relation = (torch.from_numpy(part) for part in divmod(pairs, self.num_relations))
        self._by_pair = torch.from_numpy(np.lexsort((self.target.numpy(), self.pair.numpy())))
        _, into = np.unique((self.target * self.num_relations + self.relation).numpy(), return_inverse=True)
        self._into = torch.from_numpy(into)
        self._types = np.asarray(graph.node_type)
        self._candidates: dict[int, Tensor] = {}
        self._useful: dict[tuple[int, int], list[Tensor]] = {}

    @cached_property
    def everything(self) -> "Visible":
        """All messages pass."""
        return self._visible(torch.ones(len(self.edge), dtype=torch.bool))

    def visible(self, hidden: Tensor | None = None) -> "Visible":
        """Say which messages pass, and what follows from it.

        :param hidden: int64 [n] ids of edges whose messages, of both directions, don't pass; none when None.
        """
        if hidden is None:
            return self.everything
        gone = torch.zeros(self.num_edges, dtype=torch.bool)
        gone[hidden] = True
        return self._visible(~gone[self.edge])

    def _visible(self, passing: Tensor) -> "Visible":
        weight = passing.double()
        came = torch.bincount(self._into, weights=weight).clamp(min=1) ** -TARGET_DAMPING
        counts = torch.bincount(self.pair, weights=weight, minlength=len(self.pair_source))
        went = counts.clamp(min=1) ** -SOURCE_DAMPING
        degrees = torch.zeros(self.num_nodes, self.num_relations)
        degrees[self.pair_source, self.pair_relation] = torch.log1p(counts).float()
        return Visible((weight * came[self._into] * went[self.pair]).float(), degrees)

    def candidates(self, relation: int) -> Tensor:
        """Tell which nodes may answer queries over a message relation, bool [num_nodes]: those of the types that do."""
        found = self._candidates.get(relation)
        if found is None:
            types = np.unique(self._types[self.target[self.relation == relation].numpy()])
            found = self._candidates[relation] = torch.from_numpy(np.isin(self._types, types))
        return found

    def _useful_after(self, relation: int, hops: int) -> list[Tensor]:
        """Tell for each round which nodes' states can still reach a candidate, bool [num_nodes] each."""
        found = self._useful.get((relation, hops))
        if found is None:
            found = [self.candidates(relation)]
            for _ in range(hops - 1):
                wider = found[0].clone()
                wider[self.source[found[0][self.target]]] = True
                found.insert(0, wider)
            self._useful[relation, hops] = found
        return found

    def hops(self, anchors: Tensor, relation: int, count: int, scale: Tensor) -> list[Hop]:
        """Lay out the rounds of a batch of queries over one message relation.

        Only nodes that a message from an anchor has reached and whose state can still reach a candidate take part;
        after the last round the nodes are all candidates, reached or not. The scores are those of the whole graph.

        :param anchors: int64 [batch] nodes.
        :param relation: the message relation asked for.
        :param count: how many rounds.
        :param scale: float32 [num_messages], see :class:`Visible`.
        :returns: the rounds; the list of nodes before the first one is the anchors, each once, ascending.
        """
        active = torch.zeros(self.num_nodes, dtype=torch.bool)
        active[anchors] = True
        rounds = []
        for number, useful in enumerate(self._useful_after(relation, count), 1):
            passing = (scale > 0) & active[self.source] & useful[self.target]
            after = useful.clone() if number == count else active & useful
            after[self.target[passing]] = True
            rounds.append(self._hop(active, after, passing, scale))
            active = after
        return rounds

    def _hop(self, before: Tensor, after: Tensor, passing: Tensor, scale: Tensor) -> Hop:
        rows_before, rows_after = _numbered(before), _numbered(after)
        in_use = torch.zeros(len(self.pair_source), dtype=torch.bool)
        in_use[self.pair[passing]] = True
        pair_rows, nodes = _numbered(in_use), torch.nonzero(after).flatten()
        by_target, by_pair = torch.nonzero(passing).flatten(), self._by_pair[passing[self._by_pair]]
        size = len(nodes), int(in_use.sum())
        return Hop(
            nodes,
            rows_before[self.pair_source[in_use]],
            self.pair_relation[in_use],
            _csr(rows_after[self.target[by_target]], pair_rows[self.pair[by_target]], scale[by_target], size),
            _csr(pair_rows[self.pair[by_pair]], rows_after[self.target[by_pair]], scale[by_pair], size[::-1]),
            rows_before[nodes],
            by_target,
        )


def _numbered(chosen: Tensor) -> Tensor:
    """Number the True places of a mask from 0, int64; -1 elsewhere."""
    return torch.where(chosen, torch.cumsum(chosen, 0) - 1, -1)


def _csr(row: Tensor, column: Tensor, value: Tensor, size: tuple[int, ...]) -> Tensor:
    """Make a sparse CSR matrix of entries that come in the order of their rows."""
    pointers = torch.cat([torch.zeros(1, dtype=torch.int64), torch.bincount(row, minlength=size[0]).cumsum(0)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Ss]parse.*", category=UserWarning)
        return torch.sparse_csr_tensor(pointers, column, value, size, check_invariants=False)
