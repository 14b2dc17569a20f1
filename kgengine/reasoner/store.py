"""Makes, saves and opens a trained reasoner: networks, blend and calibration, with what other commands need stored.

The stored scores and predicted facts let `kg sample` and `kg generate` work without torch; see
`kgengine.edge_scores`.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kgengine.artifacts import read_manifest, read_manifest_of, replaced_folder, write_manifest
from kgengine.edge_scores import EDGE_SCORES
from kgengine.errors import ArtifactError
from kgengine.graph import Graph
from kgengine.proofs import Proof
from kgengine.ranking import RankMetrics
from kgengine.reasoner.adjacency import Edges, Messages
from kgengine.reasoner.blending import Blend, known_answers
from kgengine.reasoner.explaining import most_important_path
from kgengine.reasoner.forecast import edge_scores, predicted_edges
from kgengine.reasoner.model import Reasoner, ReasonerConfig
from kgengine.reasoner.queries import QueryTable, only, rank_answers
from kgengine.reasoner.training import Progress, TrainingConfig, train
from kgengine.split import Split
from kgengine.vectors import Embedding, open_embedding

WEIGHTS = "weights.pt"
MOST_CERTAIN = 0.999
"""Greatest probability of a missing edge: only a stated one counts as 1."""


def train_reasoner(
    graph: Graph, embedding: Embedding, folder: Path, config: TrainingConfig, progress: Progress
) -> RankMetrics:
    """Train a reasoner on the embedding's split, measure it, score edges and predict facts, and save it all.

    :param graph: the graph.
    :param embedding: its PyKEEN embedding, blended in where it can be scored.
    :param folder: where the reasoner shall lie.
    :param config: how to train.
    :param progress: called after every step.
    :returns: metrics on the same test edges that the embedding was measured on.
    :raises KGError: the folder can't be written.
    """
    split = split_of(embedding, graph)
    blend, history = train_blend(graph, split, embedding, config, progress)
    metrics = measure(blend, graph, split)
    scores = edge_scores(blend, graph)
    with replaced_folder(folder) as temporary:
        torch.save(
            {
                "models": [model.state_dict() for model in blend.models],
                "weights": blend.weights,
                "calibration": blend.calibration,
            },
            temporary / WEIGHTS,
        )
        np.save(temporary / EDGE_SCORES, scores)
        predicted_edges(blend, graph).save(temporary)
        write_manifest(
            temporary,
            {
                "graph": graph.hash,
                "vectors": embedding.manifest["vectors"],
                "shape": blend.models[0].config.to_json(),
                "config": asdict(config),
                "validation_mrr": history,
                "metrics": asdict(metrics),
                "versions": {name: version(name) for name in ("torch", "torch-geometric", "numpy")},
            },
        )
    return metrics


def split_of(embedding: Embedding, graph: Graph) -> Split:
    """Give the split that an embedding was trained on.

    :raises ArtifactError: the embedding was written without it.
    """
    if embedding.split is None:
        raise ArtifactError("the embedding has no split of the edges (an older kg wrote it); run 'kg embed' again")
    return embedding.split


def train_blend(
    graph: Graph,
    split: Split,
    embedding: Embedding | None,
    config: TrainingConfig,
    progress: Progress = lambda done, total, words: None,
) -> tuple[Blend, list[list[float]]]:
    """Train the networks of an ensemble and fit their blend with an embedding.

    :returns: the blend, and each network's validation MRR at its measurements.
    """
    models, histories = [], []
    for member in range(config.members):
        model, history = train(graph, split, config, _share(progress, member, config.members), member)
        models.append(model)
        histories.append(history)
    blend = Blend.of(models, embedding if embedding is not None and embedding.can_score else None)
    blend.fit(graph, split, Messages(graph, split.train))
    return blend, histories


def _share(progress: Progress, member: int, members: int) -> Progress:
    return lambda done, total, words: progress(member * total + done, members * total, words)


def measure(blend: Blend, graph: Graph, split: Split) -> RankMetrics:
    """Rank the test edges on both sides, filtered, realistic ties; only the training edges carry messages."""
    asked, known = QueryTable(graph, split.test), QueryTable(graph, np.arange(graph.num_edges))
    return RankMetrics.of(only(rank_answers(blend.scorer(Messages(graph, split.train)), asked, known)))


def same_reasoner(folder: Path, embedding: Embedding, config: TrainingConfig) -> dict[str, Any] | None:
    """Give a reasoner's manifest if it was trained on just these vectors with this configuration, else None."""
    try:
        manifest = read_manifest(folder, "reasoner", "kg train")
    except ArtifactError:
        return None
    same = manifest.get("vectors") == embedding.manifest["vectors"] and manifest.get("config") == asdict(config)
    return manifest if same and manifest.get("graph") == embedding.manifest["graph"] else None


@dataclass(frozen=True)
class TrainedReasoner:
    """A reasoner ready to answer.

    :ivar edges: int64 [n] ids of the edges that count as known and carry messages, all when None.
    """

    graph: Graph
    blend: Blend
    manifest: dict[str, Any]
    edges: Edges | None = None

    @cached_property
    def messages(self) -> Messages:
        """The messages over the known edges."""
        return Messages(self.graph, self._known_edges)

    @cached_property
    def known(self) -> QueryTable:
        """The answers that the known edges state."""
        return QueryTable(self.graph, self._known_edges)

    @property
    def _known_edges(self) -> Edges:
        return np.arange(self.graph.num_edges) if self.edges is None else self.edges

    @cached_property
    def asked(self) -> frozenset[int]:
        """The message relations that were calibrated; others can't be predicted."""
        return frozenset(self.blend.calibrated())

    def probabilities(self, anchors: Edges, relation: int) -> npt.NDArray[np.float32]:
        """Say how likely every node is to answer queries over one message relation.

        :param anchors: int64 [batch] nodes.
        :param relation: a message relation of `asked`.
        :returns: float32 [batch, num_nodes], 0 to 1; 1 where the graph states the edge, 0 for the anchor itself.
        """
        logits = self.blend.logits(self.messages, self.messages.everything, anchors, relation)
        known = known_answers(self.known, anchors, relation, self.graph.num_nodes)
        found = self.blend.probabilities(logits, known, relation).clamp(max=MOST_CERTAIN)
        found = found.masked_fill(~self.messages.candidates(relation), 0.0).masked_fill(known, 1.0)
        found[torch.arange(len(anchors)), torch.from_numpy(anchors)] = 0.0
        array: npt.NDArray[np.float32] = found.numpy()
        return array

    def proof(self, anchor: int, relation: int, answer: int) -> Proof | None:
        """Give the path that a predicted answer rests on, see `kgengine.reasoner.explaining`."""
        return most_important_path(self.blend.models[0], self.messages, anchor, relation, answer)


def open_reasoner(folder: Path, embedding_folder: Path, graph: Graph) -> TrainedReasoner:
    """Open a trained reasoner.

    :param folder: what `kg train` wrote.
    :param embedding_folder: what `kg embed` wrote.
    :param graph: the graph that both must belong to.
    :returns: the reasoner.
    :raises ArtifactError: one of them is missing, damaged or of another graph.
    """
    manifest = read_manifest_of(graph.hash, folder, "reasoner", "kg train")
    embedding = open_embedding(embedding_folder, graph)
    if embedding.manifest.get("vectors") != manifest.get("vectors"):
        raise ArtifactError(f"the reasoner at {folder} was trained with other vectors; run 'kg train' again")
    try:
        shape, saved = ReasonerConfig(**manifest["shape"]), torch.load(folder / WEIGHTS, weights_only=True)
        models = [_model(shape, state) for state in saved["models"]]
        blend = Blend(models, embedding if embedding.can_score else None, saved["weights"], saved["calibration"])
    except (OSError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise ArtifactError(f"the reasoner at {folder} is damaged; run 'kg train' again") from error
    return TrainedReasoner(graph, blend, manifest)


def _model(shape: ReasonerConfig, state: dict[str, Tensor]) -> Reasoner:
    model = Reasoner(shape)
    model.load_state_dict(state)
    return model.eval()
