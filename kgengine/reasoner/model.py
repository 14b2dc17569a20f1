"""The reasoner's network: Bellman-Ford-like message passing that starts at the anchor of a query.

The family is NBFNet (Zhu et al. 2021, arXiv 2106.06935): a node's state after L layers summarises the
paths of length <= L from the anchor, conditional on the query relation. Ours differs in two ways: each
relation's messages pass as one sparse product, and the scoring head also sees the node's PyKEEN vector.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import spmm

from kgengine.reasoner.adjacency import Messages


@dataclass(frozen=True)
class ReasonerConfig:
    """Shape of the network.

    :ivar num_relations: message relations, inverses included.
    :ivar features: dimension of the PyKEEN vectors, 0 to go without.
    :ivar hidden: dimension of a node's state.
    :ivar hops: number of layers: how far a query sees.
    :ivar dropout: share of state entries dropped in training.
    """

    num_relations: int
    features: int
    hidden: int = 32
    hops: int = 3
    dropout: float = 0.1

    def to_json(self) -> dict[str, Any]:
        """Give the fields as plain data."""
        return asdict(self)


class RelationalLayer(MessagePassing):  # type: ignore[misc]
    """One round: every node sums its neighbours' states, each multiplied by the relation's vector (DistMult).

    :param config: shape of the network.
    """

    def __init__(self, config: ReasonerConfig) -> None:
        super().__init__(aggr="sum")
        self.relation = nn.Parameter(torch.empty(config.num_relations, config.hidden))
        nn.init.uniform_(self.relation, 0.5, 1.5)
        self.update_state = nn.Linear(2 * config.hidden, config.hidden)
        self.norm = nn.LayerNorm(config.hidden)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, state: Tensor, start: Tensor, matrices: list[tuple[int, Tensor]]) -> Tensor:
        """Pass one round of messages; a node that no path from the anchor has reached stays at zero.

        :param state: float32 [num_nodes, batch, hidden].
        :param start: float32 [num_nodes, batch, hidden], the boundary condition, added in every round.
        :param matrices: see :meth:`Messages.matrices`.
        :returns: float32 [num_nodes, batch, hidden], the new states.
        """
        nodes, batch, hidden = state.shape
        received = start
        for kind, matrix in matrices:
            sent = (state * self.relation[kind]).reshape(nodes, batch * hidden)
            received = received + self.propagate(matrix, x=sent).reshape(nodes, batch, hidden)
        mixed = torch.relu(self.norm(self.update_state(torch.cat([received, state], dim=-1))))
        reached = (received != 0).any(dim=-1, keepdim=True) | (state != 0).any(dim=-1, keepdim=True)
        renewed: Tensor = state + self.dropout(mixed) * reached
        return renewed

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor) -> Tensor:
        """Sum the senders' states by a sparse product, [num_nodes, num_nodes] x [num_nodes, width]."""
        summed: Tensor = spmm(adj_t, x, reduce=self.aggr)
        return summed


class Reasoner(nn.Module):
    """Scores every node as an answer to (anchor, relation) queries.

    :param config: shape of the network.
    """

    def __init__(self, config: ReasonerConfig) -> None:
        super().__init__()
        self.config = config
        self.query = nn.Embedding(config.num_relations, config.hidden)
        self.layers = nn.ModuleList([RelationalLayer(config) for _ in range(config.hops)])
        self.feature = nn.Linear(config.features, config.hidden) if config.features else None
        self.feature_dropout = nn.Dropout(0.5)
        width = config.hidden * (3 if config.features else 2)
        self.head = nn.Sequential(nn.Linear(width, 2 * config.hidden), nn.ReLU(), nn.Linear(2 * config.hidden, 1))

    def forward(self, messages: Messages, features: Tensor, anchors: Tensor, relations: Tensor) -> Tensor:
        """Score all nodes for a batch of queries.

        :param messages: the visible part of the graph.
        :param features: float32 [num_nodes, config.features], standardised PyKEEN vectors.
        :param anchors: int64 [batch], the node that each query starts from.
        :param relations: int64 [batch], the message relation that each query asks for.
        :returns: float32 [batch, num_nodes], logits; higher is more likely.
        """
        nodes, batch = messages.num_nodes, len(anchors)
        wanted = self.query(relations)
        start = torch.zeros(nodes, batch, self.config.hidden)
        start[anchors, torch.arange(batch)] = wanted
        matrices = messages.within(anchors, self.config.hops).matrices()
        state = start
        for layer in self.layers:
            state = layer(state, start, matrices)
        seen = [state, wanted.expand(nodes, batch, -1)]
        if self.feature is not None:
            known = self.feature_dropout(torch.tanh(self.feature(features)))
            seen.append(known[:, None].expand(nodes, batch, -1))
        scores: Tensor = self.head(torch.cat(seen, dim=-1))
        return scores.squeeze(-1).T
