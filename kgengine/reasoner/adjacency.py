"""The graph as the reasoner sees it: each edge in both directions, sparse, with edges hidden at will.

A message-passing relation is a relation of the graph (index r) or its inverse (index r + R). A query
(anchor, message relation) asks for the nodes at the other end.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kgengine.graph import Graph

Edges = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Messages:
    """Directed messages, grouped by message relation.

    :ivar source: int64 [num_messages], the sending node.
    :ivar target: int64 [num_messages], the receiving node.
    :ivar relation: int64 [num_messages], message relation, ascending.
    :ivar edge: int64 [num_messages], the graph edge behind each message.
    :ivar scale: float32 [num_messages], number of visible messages of the same relation to the same target,
        to the power -0.5: between a sum (hubs drown the rest) and a mean (counts are lost).
    """

    source: Tensor
    target: Tensor
    relation: Tensor
    edge: Tensor
    scale: Tensor
    num_nodes: int
    num_relations: int

    @classmethod
    def of(cls, graph: Graph, edges: Edges) -> "Messages":
        """Make the messages of some edges, both directions.

        :param graph: the graph.
        :param edges: int64 [n] edge ids that may carry messages.
        """
        head = np.asarray(graph.edge_head[edges], np.int64)
        tail = np.asarray(graph.edge_tail[edges], np.int64)
        relation = np.asarray(graph.edge_relation[edges], np.int64)
        table = np.stack(
            [
                np.concatenate([head, tail]),
                np.concatenate([tail, head]),
                np.concatenate([relation, relation + len(graph.relations)]),
                np.concatenate([edges, edges]),
            ]
        )
        table = table[:, np.lexsort((table[0], table[1], table[2]))]
        source, target, kind, edge = torch.from_numpy(table)
        num_relations = 2 * len(graph.relations)
        scale = _scale(target, kind, num_relations)
        return cls(source, target, kind, edge, scale, graph.num_nodes, num_relations)

    def without(self, edges: Tensor) -> "Messages":
        """Hide edges: drop the messages of both their directions.

        :param edges: int64 [n] edge ids.
        """
        keep = ~torch.isin(self.edge, edges)
        source, target, relation = self.source[keep], self.target[keep], self.relation[keep]
        scale = _scale(target, relation, self.num_relations)
        return Messages(source, target, relation, self.edge[keep], scale, self.num_nodes, self.num_relations)

    def within(self, anchors: Tensor, hops: int) -> "Messages":
        """Keep the messages that can matter to `anchors` within `hops`: those inside their k-hop neighbourhood.

        Their scale stays that of the whole visible graph, so the scores don't change.

        :param anchors: int64 [n] nodes.
        :param hops: number of message-passing layers.
        """
        from torch_geometric.utils import k_hop_subgraph

        pairs = torch.stack([self.source, self.target])
        _, _, _, keep = k_hop_subgraph(anchors, hops, pairs, num_nodes=self.num_nodes)
        parts = (self.source[keep], self.target[keep], self.relation[keep], self.edge[keep], self.scale[keep])
        return Messages(*parts, self.num_nodes, self.num_relations)

    def matrices(self) -> list[tuple[int, Tensor]]:
        """Give one scaled CSR matrix [num_nodes, num_nodes], row = receiver, for each relation with messages."""
        counts = torch.bincount(self.relation, minlength=self.num_relations)
        starts = torch.cumsum(counts, 0) - counts
        found = []
        for kind in torch.nonzero(counts).flatten().tolist():
            rows = slice(int(starts[kind]), int(starts[kind] + counts[kind]))
            target, source = self.target[rows], self.source[rows]
            degree = torch.bincount(target, minlength=self.num_nodes)
            pointers = torch.cat([torch.zeros(1, dtype=torch.int64), torch.cumsum(degree, 0)])
            size = (self.num_nodes, self.num_nodes)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*[Ss]parse.*", category=UserWarning)
                matrix = torch.sparse_csr_tensor(pointers, source, self.scale[rows], size, check_invariants=False)
            found.append((kind, matrix))
        return found


def _scale(target: Tensor, relation: Tensor, num_relations: int) -> Tensor:
    """Give every message its scale, see :class:`Messages`."""
    _, where, counts = torch.unique(target * num_relations + relation, return_inverse=True, return_counts=True)
    scale: Tensor = counts[where].float().rsqrt()
    return scale
