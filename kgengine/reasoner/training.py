"""Trains the reasoner and measures it on the same held-out edges as the embedding.

A training step takes a batch of (anchor, relation) queries, picks some of each query's answers as
targets, hides those edges (both directions) from the graph, and asks the network to find them among all
nodes: a softmax over the nodes, with the other known answers left out of it.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kgengine.graph import Graph
from kgengine.ranking import RankMetrics, realistic_rank
from kgengine.reasoner.adjacency import Messages
from kgengine.reasoner.model import Reasoner, ReasonerConfig
from kgengine.seeding import item_rng, item_seed
from kgengine.split import Split

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and a few words."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    :ivar epochs: greatest number of passes over the queries.
    :ivar patience: passes without a better validation MRR before it stops.
    :ivar batch: queries per step.
    :ivar learning_rate: of Adam.
    :ivar target_share: share of a query's answers taken as targets (at least one).
    :ivar seed: of the network's start and of every draw.
    """

    epochs: int = 4
    patience: int = 3
    batch: int = 32
    learning_rate: float = 5e-3
    target_share: float = 0.3
    seed: int = 0


class QueryTable:
    """All (anchor, message relation) queries that a set of edges answers.

    :param graph: the graph.
    :param edges: int64 [n] edge ids.
    """

    def __init__(self, graph: Graph, edges: npt.NDArray[np.int64]) -> None:
        messages = Messages.of(graph, edges)
        order = torch.argsort(messages.source * messages.num_relations + messages.relation, stable=True)
        self.answer, self.edge = messages.target[order], messages.edge[order]
        anchor, relation = messages.source[order], messages.relation[order]
        pairs, counts = torch.unique_consecutive(torch.stack([anchor, relation]), dim=1, return_counts=True)
        self.anchor, self.relation = pairs
        self.indptr = torch.cat([torch.zeros(1, dtype=torch.int64), torch.cumsum(counts, 0)])
        self._row = {pair: row for row, pair in enumerate(zip(*pairs.tolist(), strict=True))}

    def __len__(self) -> int:
        return len(self.anchor)

    def answers(self, anchor: int, relation: int) -> Tensor:
        """Give the known answers of one query, int64 [n]."""
        row = self._row.get((anchor, relation))
        return self.answer[:0] if row is None else self.answer[self.indptr[row] : self.indptr[row + 1]]


def _targets(table: QueryTable, rows: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw target answers of each row: (position in `rows`, index into `table.answer`)."""
    owner, index = [], []
    for position, row in enumerate(rows.tolist()):
        low, high = int(table.indptr[row]), int(table.indptr[row + 1])
        size = max(1, round(share * (high - low)))
        index.append(rng.choice(np.arange(low, high), size=size, replace=False))
        owner.append(np.full(size, position))
    return torch.from_numpy(np.concatenate(owner)), torch.from_numpy(np.concatenate(index))


def _loss(
    model: Reasoner,
    messages: Messages,
    features: Tensor,
    table: QueryTable,
    rows: Tensor,
    picked: tuple[Tensor, Tensor],
) -> Tensor:
    """Softmax cross-entropy of the picked answers against all nodes that are no other known answer."""
    owner, index = picked
    scores = model(messages.without(table.edge[index]), features, table.anchor[rows], table.relation[rows])
    known = torch.zeros_like(scores, dtype=torch.bool)
    for position, row in enumerate(rows.tolist()):
        known[position, table.answer[table.indptr[row] : table.indptr[row + 1]]] = True
    rivals = scores.masked_fill(known, float("-inf")).logsumexp(dim=1)[owner]
    own = scores[owner, table.answer[index]]
    loss: Tensor = (torch.logaddexp(rivals, own) - own).mean()
    return loss


def evaluate(
    model: Reasoner,
    graph: Graph,
    split: Split,
    part: npt.NDArray[np.int64],
    features: Tensor,
    batch: int = 64,
) -> RankMetrics:
    """Rank held-out edges on both sides, filtered by all edges of the graph, realistic ties.

    :param model: the reasoner.
    :param graph: the graph.
    :param split: its split; only the training edges carry messages.
    :param part: int64 [n], the held-out edges to rank.
    :param features: float32 [num_nodes, features].
    :param batch: queries at a time.
    :returns: the metrics over 2 n ranks.
    """
    everything = np.arange(graph.num_edges)
    known, asked = QueryTable(graph, everything), QueryTable(graph, part)
    messages = Messages.of(graph, split.train)
    ranks = []
    for rows in torch.split(torch.arange(len(asked)), batch):
        scores = scores_of(model, messages, features, asked.anchor[rows], asked.relation[rows])
        for row, line in zip(rows.tolist(), scores, strict=True):
            others = known.answers(int(asked.anchor[row]), int(asked.relation[row])).numpy()
            for answer in asked.answer[asked.indptr[row] : asked.indptr[row + 1]].tolist():
                ranks.append(realistic_rank(line, answer, others))
    return RankMetrics.of(ranks)


def scores_of(
    model: Reasoner, messages: Messages, features: Tensor, anchors: Tensor, relations: Tensor
) -> npt.NDArray[np.float32]:
    """Score queries without training: float32 [queries, num_nodes] logits, see :class:`Reasoner`."""
    model.eval()
    with torch.inference_mode():
        scores: npt.NDArray[np.float32] = model(messages, features, anchors, relations).numpy()
    return scores


def standardised(vectors: npt.NDArray[np.float32]) -> Tensor:
    """Scale vectors to mean 0 and standard deviation 1 per dimension, float32 [num_nodes, dim]."""
    array = np.asarray(vectors, np.float32)
    return torch.from_numpy((array - array.mean(0)) / (array.std(0) + 1e-6))


def _epoch(table: QueryTable, config: TrainingConfig, epoch: int) -> Iterator[tuple[Tensor, np.random.Generator]]:
    rng = item_rng(config.seed, "reasoner-epoch", epoch)
    for rows in torch.split(torch.from_numpy(rng.permutation(len(table))), config.batch):
        yield rows, rng


def train(
    graph: Graph,
    split: Split,
    features: Tensor,
    config: TrainingConfig,
    progress: Progress = lambda done, total, words: None,
    shape: ReasonerConfig | None = None,
) -> tuple[Reasoner, list[float]]:
    """Train a reasoner and keep the state with the best validation MRR.

    :param graph: the graph.
    :param split: its split.
    :param features: float32 [num_nodes, dim], see :func:`standardised`; dim 0 to go without.
    :param config: how to train.
    :param progress: called after every step.
    :param shape: shape of the network; the default one when None.
    :returns: the reasoner and the validation MRR after each epoch.
    """
    torch.manual_seed(item_seed(config.seed, "reasoner", 0))
    model = Reasoner(shape or ReasonerConfig(2 * len(graph.relations), features.shape[1]))
    table, messages = QueryTable(graph, split.train), Messages.of(graph, split.train)
    steps = -(-len(table) // config.batch)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps * config.epochs)
    history: list[float] = []
    best = copy.deepcopy(model.state_dict())
    for epoch in range(config.epochs):
        model.train()
        for step, (rows, rng) in enumerate(_epoch(table, config, epoch), 1):
            optimizer.zero_grad()
            loss = _loss(model, messages, features, table, rows, _targets(table, rows, config.target_share, rng))
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            shown = f"epoch {epoch + 1}, validation MRR {history[-1]:.3f}" if history else "epoch 1"
            progress(epoch * steps + step, steps * config.epochs, shown)
        history.append(evaluate(model, graph, split, split.validation, features).mrr)
        if history[-1] == max(history):
            best = copy.deepcopy(model.state_dict())
        if _stalled(history, config.patience):
            break
    model.load_state_dict(best)
    return model, history


def _stalled(history: Iterable[float], patience: int) -> bool:
    values = list(history)
    return len(values) - 1 - int(np.argmax(values)) >= patience
