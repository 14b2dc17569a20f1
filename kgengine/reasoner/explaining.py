"""Explains a score by the path that it rests on most: the proof of a predicted answer.

As NBFNet does (Zhu et al. 2021, section 4.4), the importance of a message is the gradient of the score by its weight;
the proof is the path from anchor to answer whose messages are most important in sum. Of the best paths of each
length, the one whose removal lowers the score most is taken. Nothing is scored for ranking here.
"""

import numpy as np
import torch
from torch import Tensor

from kgengine.edge_scores import PROOF_LENGTH
from kgengine.proofs import Proof
from kgengine.reasoner.adjacency import Messages
from kgengine.reasoner.model import Reasoner


def most_important_path(model: Reasoner, messages: Messages, anchor: int, relation: int, answer: int) -> Proof | None:
    """Find the path that the score of an answer rests on.

    :param model: the network.
    :param messages: the graph's messages.
    :param anchor: the query's anchor.
    :param relation: the query's message relation.
    :param answer: the answer.
    :returns: a simple path of at most `PROOF_LENGTH` edges, None when no such path leads there.
    """
    importance = _importance(model, messages, anchor, relation, answer)
    paths = _best_paths(messages, importance, anchor, answer)
    if len(paths) < 2:
        return paths[0] if paths else None
    left = [_score(model, messages, anchor, relation, answer, path.edges) for path in paths]
    return paths[int(np.argmin(left))]


def _importance(model: Reasoner, messages: Messages, anchor: int, relation: int, answer: int) -> Tensor:
    """Give the gradient of the answer's log-softmax by the weight of each message: float32 [num_messages]."""
    gates = torch.ones(len(messages.edge), requires_grad=True)
    logits = model(messages, messages.visible(), torch.tensor([anchor]), relation, gates)
    (gradient,) = torch.autograd.grad(logits[0].log_softmax(dim=0)[answer], gates)
    return gradient


def _score(
    model: Reasoner, messages: Messages, anchor: int, relation: int, answer: int, hidden: tuple[int, ...]
) -> float:
    with torch.inference_mode():
        visible = messages.visible(torch.tensor(hidden))
        return float(model(messages, visible, torch.tensor([anchor]), relation)[0].log_softmax(dim=0)[answer])


def _best_paths(messages: Messages, importance: Tensor, anchor: int, answer: int) -> list[Proof]:
    """Find for each length the path with the greatest sum of importances (a walk that turns back is dropped)."""
    best = torch.full((messages.num_nodes,), -torch.inf)
    best[anchor] = 0.0
    came: list[Tensor] = []
    found = []
    for _ in range(PROOF_LENGTH):
        value = best[messages.source] + importance
        value[(messages.target == anchor) | (messages.source == answer)] = -torch.inf
        best = torch.full_like(best, -torch.inf).scatter_reduce(0, messages.target, value, "amax")
        winner = (value == best[messages.target]) & value.isfinite()
        last = torch.full((messages.num_nodes,), -1)
        last[messages.target[winner]] = torch.nonzero(winner).flatten()
        came.append(last)
        if best[answer].isfinite():
            nodes, edges = [answer], list[int]()
            for step in reversed(came):
                message = int(step[nodes[-1]])
                nodes.append(int(messages.source[message]))
                edges.append(int(messages.edge[message]))
            if len(set(nodes)) == len(nodes):
                found.append(Proof(tuple(reversed(nodes)), tuple(reversed(edges))))
    return found
