"""The reasoner's network: Bellman-Ford-like message passing that starts at the anchor of a query.

The family is NBFNet (Zhu et al. 2021, arXiv 2106.06935): a node's state after L rounds summarises the
paths of length <= L from the anchor, conditional on the query relation, on which each relation's message
vector depends. As in RED-GNN (Zhang & Yao 2022, arXiv 2108.06040) only nodes that the anchor reaches take
part. Ours also sees every node's degree by relation, since popularity is information.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from kgengine.reasoner.adjacency import Hop, Messages, Visible

OUT_OF_RANGE = -1e4
"""Logit of a node whose type never answers the query's relation."""


@dataclass(frozen=True)
class ReasonerConfig:
    """Shape of the network.

    :ivar num_relations: message relations, inverses included.
    :ivar hidden: dimension of a node's state.
    :ivar hops: number of rounds: how far a query sees.
    :ivar dropout: share of state entries dropped in training.
    """

    num_relations: int
    hidden: int = 32
    hops: int = 3
    dropout: float = 0.1

    def to_json(self) -> dict[str, Any]:
        """Give the fields as plain data."""
        return asdict(self)


class _SparseProduct(torch.autograd.Function):
    """A sparse matrix times a dense one, with the transpose at hand for the gradient of the dense one."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, matrix: Tensor, transpose: Tensor) -> Tensor:
        ctx.transpose = transpose
        return matrix @ dense

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.transpose @ gradient.contiguous(), None, None


class RelationalRound(MessagePassing):  # type: ignore[misc]
    """One round: every node sums its neighbours' states, each multiplied by the relation's vector (DistMult).

    :param config: shape of the network.
    """

    def __init__(self, config: ReasonerConfig) -> None:
        super().__init__(aggr="sum")
        relations, hidden = config.num_relations, config.hidden
        self.relation = nn.Parameter(torch.empty(relations, hidden).uniform_(0.5, 1.5))
        self.of_query = nn.Linear(hidden, relations * hidden)
        nn.init.normal_(self.of_query.weight, std=0.1)
        nn.init.zeros_(self.of_query.bias)
        self.received, self.carried = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.degree = nn.Linear(relations, hidden, bias=False)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, state: Tensor, reached: Tensor, query: Tensor, hop: Hop, degrees: Tensor, gates: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Pass one round of messages; a node that no path from the anchor has reached stays at zero.

        :param state: float32 [before, batch, hidden].
        :param reached: float32 [before, batch], 1 where a path from the anchor has come, else 0.
        :param query: float32 [hidden], the query relation.
        :param hop: the round.
        :param degrees: float32 [num_nodes, num_relations], see :class:`Visible`.
        :param gates: float32 [num_messages], factors of the messages that a gradient is wanted for; slow.
        :returns: the same two after the round, [out, batch, hidden] and [out, batch].
        """
        _, batch, hidden = state.shape
        vectors = self.relation + self.of_query(query).view(-1, hidden)
        sent = state.index_select(0, hop.pair_row) * vectors.index_select(0, hop.pair_relation)[:, None]
        if gates is None:
            received = self.propagate(hop.gather, x=sent.reshape(-1, batch * hidden), transpose=hop.scatter)
        else:
            received = _gated(hop, sent.reshape(-1, batch * hidden), gates)
        came = hop.gather @ reached.index_select(0, hop.pair_row) > 0
        old, was = _carried(state, hop.carry), _carried(reached, hop.carry)
        now = (came | (was > 0)).float()
        mixed = (
            self.received(received.view(-1, batch, hidden))
            + self.carried(old)
            + self.degree(degrees[hop.nodes])[:, None]
        )
        return old + self.dropout(torch.relu(self.norm(mixed))) * now[..., None], now

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor, transpose: Tensor) -> Tensor:
        """Sum the messages by a sparse product, [out, pairs] x [pairs, width]."""
        summed: Tensor = _SparseProduct.apply(x, adj_t, transpose)  # type: ignore[no-untyped-call]
        return summed


def _gated(hop: Hop, sent: Tensor, gates: Tensor) -> Tensor:
    """Sum the messages one by one, each times its gate."""
    rows = torch.repeat_interleave(torch.arange(len(hop.nodes)), torch.diff(hop.gather.crow_indices()))
    factor = hop.gather.values() * gates[hop.message]
    summed = torch.zeros(len(hop.nodes), sent.shape[1])
    return summed.index_add(0, rows, sent[hop.gather.col_indices()] * factor[:, None])


def _carried(before: Tensor, carry: Tensor) -> Tensor:
    """Take the rows `carry` of a tensor; a row -1 gives zeros."""
    if not len(before):  # an anchor that nothing leads away from
        return before.new_zeros(len(carry), *before.shape[1:])
    known = carry >= 0
    taken = before.index_select(0, carry.clamp(min=0))
    return taken * known.view(-1, *[1] * (before.dim() - 1)).float()


class Reasoner(nn.Module):
    """Scores every node as an answer to (anchor, relation) queries.

    :param config: shape of the network.
    """

    def __init__(self, config: ReasonerConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.query = nn.Embedding(config.num_relations, hidden)
        self.rounds = nn.ModuleList([RelationalRound(config) for _ in range(config.hops)])
        self.degree = nn.Linear(config.num_relations, hidden)
        self.head = nn.Sequential(
            nn.Linear(3 * hidden, 2 * hidden), nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(2 * hidden, 1)
        )

    def forward(
        self, messages: Messages, visible: Visible, anchors: Tensor, relation: int, gates: Tensor | None = None
    ) -> Tensor:
        """Score all nodes for a batch of queries over one message relation.

        :param messages: the graph's messages.
        :param visible: what passes of them.
        :param anchors: int64 [batch], the node that each query starts from.
        :param relation: the message relation that all queries ask for.
        :param gates: see :meth:`RelationalRound.forward`.
        :returns: float32 [batch, num_nodes], logits, higher is more likely; OUT_OF_RANGE for nodes of other types
            than answer the relation.
        """
        batch, query = len(anchors), self.query.weight[relation]
        nodes, place = torch.unique(anchors, return_inverse=True)
        reached = torch.zeros(len(nodes), batch)
        reached[place, torch.arange(batch)] = 1
        state = reached[..., None] * query
        for layer, hop in zip(
            self.rounds, messages.hops(anchors, relation, self.config.hops, visible.scale), strict=True
        ):
            state, reached = layer(state, reached, query, hop, visible.degrees, gates)
            nodes = hop.nodes
        shape = state.shape[:2]
        popularity = torch.relu(self.degree(visible.degrees[nodes]))[:, None]
        seen = torch.cat([state, query.expand(*shape, -1), popularity.expand(*shape, -1)], dim=-1)
        logits = torch.full((batch, messages.num_nodes), OUT_OF_RANGE)
        logits[:, nodes] = self.head(seen).squeeze(-1).T
        return logits
