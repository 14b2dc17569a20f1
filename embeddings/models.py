"""Turns a graph, a split and a configuration into PyKEEN's objects: triples, model, evaluator.

Entity ids are our node indices and relation ids our relation indices, so that nothing has to be translated.
"""

import functools
import logging
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.interactions import compares_at_once, speed_up
from embeddings.presets import EmbeddingConfig
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.seeding import item_seed
from kgengine.split import Split

INTERACTIONS = {"RotatE": "rotate", "ComplEx": "complex", "DistMult": "distmult", "TransE": "transe"}
"""The models that `kgengine.vectors` can score, and what it calls their interaction."""

SCORE_BYTES = 256 * 2**20
"""Memory for the scores of one batch of evaluation, bytes; decides how many triples it takes at once."""

STOPPING_EDGES = 2_000
"""At most so many validation edges decide when to stop: 4,000 ranks know the MRR to about 0.005."""


def quiet() -> None:
    """Silence PyKEEN's log and warnings; what a user must know is said by us."""
    warnings.filterwarnings("ignore", module="pykeen|torch_max_mem|torch.utils.data")
    import pykeen  # noqa: F401  (it sets its log's level when it is loaded)

    for library in ("pykeen", "torch_max_mem"):
        logging.getLogger(library).setLevel(logging.ERROR)


def run_seed(config: EmbeddingConfig) -> int:
    """Derive the seed of PyKEEN's generators from the run's."""
    return item_seed(config.seed, "embedding", 0) % 2**32


def triples(graph: Graph, edges: npt.NDArray[np.int64]) -> Any:
    """Give edges as PyKEEN's mapped triples, a torch int64 tensor [n, 3]."""
    import torch

    columns = (graph.edge_head[edges], graph.edge_relation[edges], graph.edge_tail[edges])
    return torch.from_numpy(np.stack(columns, axis=1).astype(np.int64))


def triples_factory(graph: Graph, edges: npt.NDArray[np.int64], inverse: bool = False) -> Any:
    """Wrap edges as PyKEEN's triples factory; `inverse` adds an inverse of every relation."""
    from pykeen.triples import CoreTriplesFactory

    return CoreTriplesFactory(
        mapped_triples=triples(graph, edges),
        num_entities=graph.num_nodes,
        num_relations=len(graph.relations),
        create_inverse_triples=inverse,
    )


def build_model(factory: Any, config: EmbeddingConfig) -> Any:
    """Build the untrained PyKEEN model.

    :param factory: the training triples.
    :param config: how it shall be trained.
    :returns: the model, on the CPU.
    :raises KGError: PyKEEN refuses these settings for this model.
    """
    from pykeen.models import model_resolver
    from pykeen.utils import set_random_seed

    set_random_seed(run_seed(config))
    loss_kwargs = {"margin": config.margin, "adversarial_temperature": 1.0} if config.loss == "NSSA" else {}
    try:
        model = model_resolver.make(
            config.model,
            _own_settings(config),
            triples_factory=factory,
            loss=config.loss,
            loss_kwargs=loss_kwargs,
            random_seed=run_seed(config),
        )
    except (TypeError, ValueError, ZeroDivisionError) as error:
        problem = str(error).strip().splitlines()[0]
        raise KGError(f"PyKEEN can't build {config.model} of dimension {config.dim}: {problem}") from error
    speed_up(model)
    return model


def _own_settings(config: EmbeddingConfig) -> dict[str, Any]:
    """Give the settings that only some models know."""
    from torch.nn.init import normal_

    known: dict[str, Any] = {"embedding_dim": config.dim}
    if config.model == "TransE":
        known |= {"scoring_fct_norm": config.norm, "entity_constrainer": None}  # as Sun et al.
    if config.model in ("ComplEx", "DistMult"):
        start = functools.partial(normal_, std=config.init)
        known |= {"entity_initializer": start, "relation_initializer": start, "regularizer": None}
        penalty = {"regularizer": "PowerSum", "regularizer_kwargs": {"weight": config.penalty, "p": 3.0}}
        if config.penalty:
            known |= penalty
        if config.model == "DistMult":  # its unit vectors bound the scores, and cross-entropy then learns nothing
            known["entity_constrainer"] = None
            known["entity_representations_kwargs"] = penalty if config.penalty else {}
    return known


def entity_width(model: Any) -> int:
    """Count the real numbers that stand for one entity, as if all were complex (2 each)."""
    return 2 * sum(int(np.prod(table.shape, dtype=int)) for table in model.entity_representations)


def compared_width(model: Any) -> int:
    """Count the numbers that a comparison of one query with one node takes: a score with masks and copies, or a vector.

    With 31,074 nodes and 256 triples an evaluation took 360 MB more than the model: 12 numbers a comparison.
    """
    return 12 if compares_at_once(model) else 2 * entity_width(model)


def evaluation_batch(model: Any, num_nodes: int) -> int:
    """Choose how many triples are evaluated at once: so many that their scores fit into SCORE_BYTES.

    Most models compare every triple with every node in all dimensions, with about two copies of that block.

    :param model: the PyKEEN model.
    :param num_nodes: nodes of the graph.
    :returns: triples a batch, 1 to 256.
    """
    return int(np.clip(SCORE_BYTES // (4 * num_nodes * compared_width(model)), 1, 256))


def measure(model: Any, graph: Graph, split: Split, edges: npt.NDArray[np.int64]) -> RankMetrics:
    """Measure a model with PyKEEN's rank-based evaluator: both sides, realistic ties, all known edges filtered.

    :param model: the trained PyKEEN model.
    :param graph: its graph.
    :param split: the edges; those of all three parts are filtered.
    :param edges: int64 [n], the edges to rank.
    :returns: metrics over 2 n ranks.
    """
    from pykeen.evaluation import RankBasedEvaluator

    quiet()
    found = RankBasedEvaluator().evaluate(
        model,
        triples(graph, edges),
        batch_size=evaluation_batch(model, graph.num_nodes),
        use_tqdm=False,
        additional_filter_triples=[triples(graph, part) for part in (split.train, split.validation, split.test)],
    )

    def get(name: str) -> float:
        return float(found.get_metric(f"both.realistic.{name}"))

    return RankMetrics(get("inverse_harmonic_mean_rank"), get("hits_at_1"), get("hits_at_10"), int(get("count")))
