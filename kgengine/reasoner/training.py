"""Trains the reasoner's network.

A training step takes a batch of (anchor, relation) queries over one relation, picks some of each query's
answers as targets, hides those edges (both directions) from the graph, and asks the network to find them
among all nodes: a softmax over the nodes, with the other known answers left out of it.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.reasoner.adjacency import Edges, Messages
from kgengine.reasoner.model import Reasoner, ReasonerConfig
from kgengine.reasoner.queries import QueryTable, Scorer, only, rank_answers
from kgengine.seeding import item_rng, item_seed
from kgengine.split import Split

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and a few words."""

VALIDATED = 2_000
"""Most validation edges that decide when to stop; a larger part is drawn from, so that big graphs don't wait."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; see docs/reasoning.md for where the values come from.

    :ivar epochs: greatest number of passes over the queries.
    :ivar patience: measurements without a better validation MRR before it stops.
    :ivar measure_every: passes between two measurements.
    :ivar batch: queries per step.
    :ivar most_steps: most steps of one pass; a pass over a big graph is cut short there.
    :ivar learning_rate: of AdamW.
    :ivar target_share: share of a query's answers taken as targets (at least one).
    :ivar hidden: dimension of a node's state.
    :ivar hops: rounds of messages.
    :ivar dropout: share of state entries dropped.
    :ivar members: networks trained from different starts, whose log-probabilities are averaged (deep
        ensembles, Lakshminarayanan et al. 2017, arXiv 1612.01474).
    :ivar seed: of the network's start and of every draw.
    """

    epochs: int = 12
    patience: int = 3
    measure_every: int = 2
    batch: int = 32
    most_steps: int = 1_000
    learning_rate: float = 5e-3
    target_share: float = 0.15
    hidden: int = 32
    hops: int = 3
    dropout: float = 0.1
    members: int = 1
    seed: int = 0


def train(
    graph: Graph,
    split: Split,
    config: TrainingConfig,
    progress: Progress = lambda done, total, words: None,
    member: int = 0,
) -> tuple[Reasoner, list[float]]:
    """Train one network and keep the state with the best validation MRR.

    It is asked only the relations of the validation edges (all of them carry messages).

    :param graph: the graph.
    :param split: its split.
    :param config: how to train.
    :param progress: called after every step.
    :param member: number of the network in the ensemble.
    :returns: the network and its validation MRR at each measurement.
    """
    torch.manual_seed(item_seed(config.seed, "reasoner", member))
    model = Reasoner(ReasonerConfig(2 * len(graph.relations), config.hidden, config.hops, config.dropout))
    messages, validation = Messages(graph, split.train), _some(split.validation, config)
    table = QueryTable(graph, asked_edges(graph, split))
    asked, known = QueryTable(graph, validation), QueryTable(graph, np.arange(graph.num_edges))
    steps = min(config.most_steps, len(table.batches(config.batch)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=1e-4)
    total = steps * config.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=total, pct_start=0.1)
    history: list[float] = []
    best = copy.deepcopy(model.state_dict())
    for epoch in range(config.epochs):
        model.train()
        rng = item_rng(config.seed, f"reasoner-{member}", epoch)
        for step, rows in enumerate(table.batches(config.batch, rng)[:steps], 1):
            optimizer.zero_grad()
            _loss(model, messages, table, rows, *_targets(table, rows, config.target_share, rng)).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            shown = f"epoch {epoch + 1}, validation MRR {history[-1]:.3f}" if history else f"epoch {epoch + 1}"
            progress(epoch * steps + step, total, shown)
        if (epoch + 1) % config.measure_every and epoch + 1 < config.epochs:
            continue
        history.append(RankMetrics.of(only(rank_answers(scorer(model, messages), asked, known))).mrr)
        if history[-1] == max(history):
            best = copy.deepcopy(model.state_dict())
        if _stalled(history, config.patience):
            break
    model.load_state_dict(best)
    return model.eval(), history


def asked_edges(graph: Graph, split: Split) -> Edges:
    """Give the training edges of the relations that validation edges have, int64 [n]: those asked in training.

    Where there is none (in a tiny graph), all training edges.
    """
    relation = np.asarray(graph.edge_relation)
    asked = split.train[np.isin(relation[split.train], np.unique(relation[split.validation]))]
    return asked if len(asked) else split.train


def scorer(model: Reasoner, messages: Messages, hidden: Tensor | None = None) -> Scorer:
    """Make a scorer of a network.

    :param model: the network.
    :param messages: the graph's messages.
    :param hidden: int64 [n] edge ids that carry none.
    :returns: the scorer; its scores are logits.
    """
    visible = messages.visible(hidden)
    model.eval()

    def score(anchors: Edges, relation: int) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            logits: npt.NDArray[np.float32] = model(messages, visible, torch.from_numpy(anchors), relation).numpy()
        return logits

    return score


def _some(edges: Edges, config: TrainingConfig) -> Edges:
    if len(edges) <= VALIDATED:
        return edges
    return np.sort(item_rng(config.seed, "validation", 0).choice(edges, VALIDATED, replace=False))


def _targets(table: QueryTable, rows: Edges, share: float, rng: np.random.Generator) -> tuple[Tensor, Edges]:
    """Draw target answers of each row: (position in `rows`, index into `table.answer`)."""
    owner, index = [], []
    for position, row in enumerate(rows.tolist()):
        low, high = int(table.indptr[row]), int(table.indptr[row + 1])
        size = max(1, round(share * (high - low)))
        index.append(low + rng.choice(high - low, size=size, replace=False))
        owner.append(np.full(size, position))
    return torch.from_numpy(np.concatenate(owner)), np.concatenate(index)


def _loss(model: Reasoner, messages: Messages, table: QueryTable, rows: Edges, owner: Tensor, index: Edges) -> Tensor:
    """Softmax cross-entropy of the picked answers against all nodes that are no other known answer."""
    visible = messages.visible(torch.from_numpy(table.edge[index]))
    scores = model(messages, visible, torch.from_numpy(table.anchor[rows]), int(table.relation[rows[0]]))
    rivals = scores.masked_fill(table.mask(rows, messages.num_nodes), float("-inf")).logsumexp(dim=1)[owner]
    own = scores[owner, torch.from_numpy(table.answer[index])]
    loss: Tensor = (torch.logaddexp(rivals, own) - own).mean()
    return loss


def _stalled(history: Iterable[float], patience: int) -> bool:
    values = list(history)
    return len(values) - 1 - int(np.argmax(values)) >= patience
