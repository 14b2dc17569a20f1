"""Puts the networks' and the embedding's scores together and turns them into probabilities.

Blend: per message relation, log-softmax of the networks' logits plus a weight times the embedding's score,
standardised over the candidates; both weights are fitted to the validation edges, which neither part was
trained on (stacking, Wolpert 1992). The embedding can't simply be a feature of the network: it has
memorised the very edges that a training step hides (docs/log.md).

Calibration: logistic regression (Platt 1999) of "is an edge that was held out" on the logarithm of an
answer's share among the candidates and of the number of the anchor's known answers, per message relation, again
on the validation edges. So a probability says how likely an answer is to be one of the tenth of the edges that were
taken away; no edge beyond the graph was ever seen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgengine.graph import Graph
from kgengine.reasoner.adjacency import Edges, Messages, Visible
from kgengine.reasoner.model import OUT_OF_RANGE, Reasoner
from kgengine.reasoner.queries import QueryTable, Scorer
from kgengine.split import Split
from kgengine.vectors import Embedding

_MOST_QUERIES = 1_000
_NETWORKS_ALONE = torch.tensor([1.0, 0.0])


@dataclass
class Blend:
    """Networks, embedding and the fitted weights.

    :ivar models: the networks of the ensemble, at least one.
    :ivar embedding: its vectors, or None to go without.
    :ivar weights: float32 [num_relations, 2], factors of the networks' and of the embedding's score.
    :ivar calibration: float32 [num_relations, 3], bias and factors of log share and log(1 + known answers); NaN
        where none was fitted.
    """

    models: list[Reasoner]
    embedding: Embedding | None
    weights: Tensor
    calibration: Tensor

    @classmethod
    def of(cls, models: list[Reasoner], embedding: Embedding | None) -> "Blend":
        """Make an unfitted blend: the networks alone, and no probabilities."""
        relations = models[0].config.num_relations
        return cls(models, embedding, _NETWORKS_ALONE.repeat(relations, 1), torch.full((relations, 3), torch.nan))

    def calibrated(self) -> list[int]:
        """List the message relations that have a calibration: those of the validation edges."""
        found: list[int] = torch.nonzero(~self.calibration.isnan().any(dim=1)).flatten().tolist()
        return found

    def scorer(self, messages: Messages) -> Scorer:
        """Make a scorer of the blended logits, all messages passing."""
        visible = messages.visible()
        return lambda anchors, relation: self.logits(messages, visible, anchors, relation).numpy()

    def parts(
        self, messages: Messages, visible: Visible, anchors: Edges, relation: int, embedded: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Score by the networks and by the embedding.

        :param messages: the graph's messages.
        :param visible: what passes of them.
        :param anchors: int64 [batch] nodes.
        :param relation: the message relation asked for.
        :param embedded: False to leave the embedding out.
        :returns: float32 [batch, num_nodes] twice: mean log-softmax, and standardised scores (zeros without embedding).
        """
        with torch.inference_mode():
            nodes = torch.from_numpy(anchors)
            logits = [model(messages, visible, nodes, relation).log_softmax(dim=1) for model in self.models]
        network = torch.stack(logits).mean(dim=0)
        candidates = messages.candidates(relation)
        if self.embedding is None or not embedded or not candidates.any():
            return network, torch.zeros_like(network)
        count = messages.num_relations // 2
        scores = torch.from_numpy(self.embedding.score(anchors, relation % count, relation >= count))
        among = scores[:, candidates]
        spread = (scores - among.mean(dim=1, keepdim=True)) / (among.std(dim=1, keepdim=True, correction=0) + 1e-6)
        return network, spread

    def logits(self, messages: Messages, visible: Visible, anchors: Edges, relation: int) -> Tensor:
        """Blend the scores: float32 [batch, num_nodes], OUT_OF_RANGE for nodes of other types than answer."""
        network, spread = self.parts(messages, visible, anchors, relation)
        own, other = self.weights[relation]
        blended: Tensor = own * network + other * spread
        return blended.masked_fill(~messages.candidates(relation), OUT_OF_RANGE)

    def probabilities(self, logits: Tensor, known: Tensor, relation: int) -> Tensor:
        """Turn blended logits into probabilities.

        :param logits: float32 [batch, num_nodes].
        :param known: bool [batch, num_nodes], answers that are known already (they take no share).
        :param relation: the message relation asked for.
        :returns: float32 [batch, num_nodes], 0 to 1; meaningless for known answers.
        """
        bias, of_share, of_count = self.calibration[relation]
        log_share, count = _evidence(logits, known)
        return torch.sigmoid(bias + of_share * log_share + of_count * count)

    def fit(self, graph: Graph, split: Split, messages: Messages) -> None:
        """Fit the weights and the calibration to the validation edges.

        :param graph: the graph.
        :param split: its split; test edges count neither as answers nor as false ones.
        :param messages: those of the training edges.
        """
        asked, seen = QueryTable(graph, split.validation), QueryTable(graph, split.train)
        every, visible = QueryTable(graph, np.arange(graph.num_edges)), messages.visible()
        for relation in np.unique(asked.relation).tolist():
            rows = np.flatnonzero(asked.relation == relation)
            rows = rows[:: -(-len(rows) // _MOST_QUERIES)]
            anchors, right = asked.anchor[rows], asked.mask(rows, graph.num_nodes)
            batches = np.array_split(anchors, -(-len(rows) // 64))
            scored = [self.parts(messages, visible, batch, relation) for batch in batches]
            network, spread = (torch.cat(part) for part in zip(*scored, strict=True))
            outside = ~messages.candidates(relation)
            if outside.all():  # no training edge of the relation: nothing to go by
                continue
            shut = outside | known_answers(every, anchors, relation, graph.num_nodes)
            if self.embedding is not None:
                self.weights[relation] = _fit_weights(network, spread, right, shut)
            own, other = self.weights[relation]
            logits = (own * network + other * spread).masked_fill(outside, OUT_OF_RANGE)
            known = known_answers(seen, anchors, relation, graph.num_nodes)
            self.calibration[relation] = _fit_calibration(logits, known, right, shut & ~right)


def known_answers(table: QueryTable, anchors: Edges, relation: int, num_nodes: int) -> Tensor:
    """Mark the answers that a table knows to queries over one message relation: bool [anchors, num_nodes]."""
    marked = torch.zeros(len(anchors), num_nodes, dtype=torch.bool)
    for place, anchor in enumerate(anchors.tolist()):
        marked[place, torch.from_numpy(table.answers(anchor, relation))] = True
    return marked


def _fit_weights(network: Tensor, spread: Tensor, right: Tensor, shut: Tensor) -> Tensor:
    """Find the two factors by the softmax loss of the right answers against all false ones, lightly held to (1, 0)."""
    weights = _NETWORKS_ALONE.clone().requires_grad_()

    def loss() -> Tensor:
        logits = weights[0] * network + weights[1] * spread
        rivals = logits.masked_fill(shut, float("-inf")).logsumexp(dim=1, keepdim=True).expand_as(logits)[right]
        own = logits[right]
        return (torch.logaddexp(rivals, own) - own).mean() + 1e-3 * ((weights - _NETWORKS_ALONE) ** 2).sum()

    return _minimised(weights, loss)


def _evidence(logits: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Give what a probability rests on: log share among the unknown, [batch, num_nodes], log(1 + known), [batch, 1]."""
    log_share = logits - logits.masked_fill(known, OUT_OF_RANGE).logsumexp(dim=1, keepdim=True)
    return log_share, torch.log1p(known.sum(dim=1, keepdim=True).float())


def _fit_calibration(logits: Tensor, known: Tensor, right: Tensor, left_out: Tensor) -> Tensor:
    """Fit bias and factors by the log loss over all candidates, lightly held to (0, 1, 0)."""
    log_share, count = _evidence(logits, known)
    log_share, count, truth = log_share[~left_out], count.expand_as(logits)[~left_out], right[~left_out].float()
    factors = torch.tensor([0.0, 1.0, 0.0], requires_grad=True)
    start = torch.tensor([0.0, 1.0, 0.0])

    def loss() -> Tensor:
        found = factors[0] + factors[1] * log_share + factors[2] * count
        misfit = torch.nn.functional.binary_cross_entropy_with_logits(found, truth, reduction="sum") / truth.sum()
        return misfit + 1e-2 * ((factors - start) ** 2).sum()

    return _minimised(factors, loss)


def _minimised(weights: Tensor, loss: Callable[[], Tensor]) -> Tensor:
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def step() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    optimizer.step(step)  # type: ignore[no-untyped-call]
    return weights.detach()
