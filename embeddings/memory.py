"""Estimates what a training will need, and knows what there is, so that a run fails before it begins."""

from pathlib import Path
from typing import Any

import numpy as np

from embeddings.models import compared_width, entity_width, evaluation_batch
from embeddings.presets import EmbeddingConfig
from kgengine.errors import KGError

STATES = {"Adam": 2, "AdamW": 2, "Adagrad": 1}
"""Numbers that an optimizer keeps for each parameter."""


def estimate_bytes(model: Any, config: EmbeddingConfig, num_nodes: int, num_edges: int) -> int:
    """Estimate the memory of a training, on top of the loaded libraries and the graph.

    parameters x (1 + 1 gradient + states of the optimizer), plus `num_edges` x 3 numbers x 8 bytes x 12 (PyKEEN
    copies and sorts the triples in order to filter), plus the larger of
    - a step: sLCWA `batch` x (1 + `negatives`) x numbers of head, relation and tail x 4 bytes x 3 (vectors,
      products and their gradients); LCWA `batch` x `num_nodes` x 4 bytes x (4 for labels, scores,
      probabilities and gradient + numbers that one comparison takes, `models.compared_width`);
    - an evaluation: triples a batch x `num_nodes` x numbers that one comparison takes x 4 bytes.
    Measured growth: RotatE on HPO (31,074 nodes) 428 MB of 394 estimated, ComplEx on Hetionet (7,210) 172 of 253,
    TransE there 134 of 105, ComplEx on the default MKG 45 of 56.

    :param model: the built PyKEEN model.
    :param config: how it is trained.
    :param num_nodes: nodes of the graph.
    :param num_edges: edges of the graph.
    :returns: bytes.
    """
    parameters = int(sum(parameter.numel() * parameter.element_size() for parameter in model.parameters()))
    width = entity_width(model)
    if config.loop == "sLCWA":
        step = config.batch * (1 + config.negatives) * (2 * width + _relation_width(model)) * 4 * 3
    else:
        step = config.batch * num_nodes * 4 * (4 + compared_width(model))
    evaluation = evaluation_batch(model, num_nodes) * num_nodes * compared_width(model) * 4
    return parameters * (2 + STATES.get(config.optimizer, 2)) + num_edges * 3 * 8 * 12 + max(step, evaluation)


def _relation_width(model: Any) -> int:
    """Count the real numbers that stand for one relation: a matrix, in some models."""
    return 2 * sum(int(np.prod(table.shape, dtype=int)) for table in model.relation_representations)


def available_bytes(device: str) -> int:
    """Give the memory that a device has left: of the machine as /proc/meminfo says it, of a GPU as CUDA does."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise KGError("/proc/meminfo has no line MemAvailable; kg needs Linux")


def check_memory(needed: int, available: int, config: EmbeddingConfig) -> None:
    """Refuse a training that can't fit.

    :param needed: bytes, of :func:`estimate_bytes`.
    :param available: bytes, of :func:`available_bytes`.
    :param config: named in the message.
    :raises KGError: it can't.
    """
    if needed > available:
        sizes = f"about {needed / 2**30:.1f} GB of memory, {available / 2**30:.1f} GB are free"
        raise KGError(f"{config.model} with dimension {config.dim} needs {sizes}; take a smaller --dim or --batch")
