"""Makes, saves and opens a trained reasoner, with the stored scores of the graph's drawable edges.

The stored scores let `kg sample` and `kg generate` work without torch; see `kgengine.bundles`.
"""

from dataclasses import asdict, dataclass
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
from kgengine.ranking import RankMetrics
from kgengine.reasoner.adjacency import Messages
from kgengine.reasoner.model import Reasoner, ReasonerConfig
from kgengine.reasoner.training import Progress, TrainingConfig, evaluate, scores_of, standardised, train
from kgengine.schema import HAS_PHENOTYPE, TREATS
from kgengine.split import split_edges
from kgengine.vectors import Embedding, open_embedding

WEIGHTS = "weights.pt"
DRAWABLE = (HAS_PHENOTYPE, TREATS)
"""Relations whose edges a bundle may draw, and whose edges therefore get a stored score."""


def train_reasoner(
    graph: Graph, embedding: Embedding, folder: Path, config: TrainingConfig, progress: Progress
) -> RankMetrics:
    """Train a reasoner on the embedding's split, measure it, score the drawable edges, and save it all.

    :param graph: the graph.
    :param embedding: its PyKEEN vectors, used as features of the nodes.
    :param folder: where the reasoner shall lie.
    :param config: how to train.
    :param progress: called after every step.
    :returns: metrics on the same test edges that the embedding was measured on.
    :raises KGError: the folder can't be written.
    """
    split = split_edges(graph, int(embedding.manifest["config"]["seed"]))
    features = standardised(embedding.vectors)
    model, history = train(graph, split, features, config, progress)
    metrics = evaluate(model, graph, split, split.test, features)
    scores = edge_scores(model, graph, features)
    with replaced_folder(folder) as temporary:
        torch.save(model.state_dict(), temporary / WEIGHTS)
        np.save(temporary / EDGE_SCORES, scores)
        write_manifest(
            temporary,
            {
                "graph": graph.hash,
                "vectors": embedding.manifest["vectors"],
                "shape": model.config.to_json(),
                "config": asdict(config),
                "validation_mrr": history,
                "metrics": asdict(metrics),
                "versions": {name: version(name) for name in ("torch", "torch-geometric", "numpy")},
            },
        )
    return metrics


def same_reasoner(folder: Path, embedding: Embedding, config: TrainingConfig) -> dict[str, Any] | None:
    """Give a reasoner's manifest if it was trained on just these vectors with this configuration, else None."""
    try:
        manifest = read_manifest(folder, "reasoner", "kg train")
    except ArtifactError:
        return None
    same = manifest.get("vectors") == embedding.manifest["vectors"] and manifest.get("config") == asdict(config)
    return manifest if same and manifest.get("graph") == embedding.manifest["graph"] else None


def edge_scores(model: Reasoner, graph: Graph, features: Tensor, batch: int = 64) -> npt.NDArray[np.float32]:
    """Score every drawable edge while it is hidden from the graph.

    The score says how well the rest of the graph supports the edge: the share of the false answers of the
    same type that the network ranks below the true one (head -> tail for phenotypes, disease -> drug for
    treatments), from 0 to 1, higher is better.

    :param model: the reasoner.
    :param graph: the graph.
    :param features: float32 [num_nodes, dim].
    :param batch: edges hidden and scored at a time.
    :returns: float32 [num_edges], NaN on edges of other relations.
    """
    messages = Messages.of(graph, np.arange(graph.num_edges))
    scores = np.full(graph.num_edges, np.nan, np.float32)
    for name in DRAWABLE:
        if name not in graph.relations:
            continue
        relation = graph.relations.index(name)
        edges = np.flatnonzero(np.asarray(graph.edge_relation) == relation)
        inverse = name == TREATS
        asked = relation + (len(graph.relations) if inverse else 0)
        for chunk in np.array_split(edges, -(-len(edges) // batch)):
            head, tail = (
                np.asarray(graph.edge_head[chunk], np.int64),
                np.asarray(graph.edge_tail[chunk], np.int64),
            )
            anchor, answer = (tail, head) if inverse else (head, tail)
            hidden = messages.without(torch.from_numpy(chunk))
            kinds = torch.full((len(chunk),), asked)
            logits = scores_of(model, hidden, features, torch.from_numpy(anchor), kinds)
            for row, edge in enumerate(chunk.tolist()):
                scores[edge] = _percentile(graph, logits[row], int(anchor[row]), int(answer[row]), name)
    return scores


def _percentile(graph: Graph, logits: npt.NDArray[np.float32], anchor: int, answer: int, relation: str) -> float:
    """Give the share of false answers of the answer's type with a lower logit, ties half."""
    rivals = np.asarray(graph.node_type == graph.node_type[answer]).copy()
    if relation == TREATS:
        rivals[graph.edge_head[graph.in_edges(anchor, relation)]] = False
    else:
        rivals[graph.edge_tail[graph.out_edges(anchor, relation)]] = False
    others = logits[rivals]
    if not len(others):
        return 0.5
    return float((np.sum(others < logits[answer]) + 0.5 * np.sum(others == logits[answer])) / len(others))


@dataclass(frozen=True)
class TrainedReasoner:
    """A reasoner ready to answer; `features` is float32 [num_nodes, dim]."""

    graph: Graph
    model: Reasoner
    features: Tensor
    manifest: dict[str, Any]

    def predict(self, anchor: int, relation: str, inverse: bool) -> npt.NDArray[np.float32]:
        """Score all nodes as the other end of an edge at `anchor`.

        :param anchor: the known end.
        :param relation: name of the relation.
        :param inverse: True when `anchor` is the tail (drugs that treat a disease: the disease is the tail).
        :returns: float32 [num_nodes], logits, higher is more likely.
        :raises UnknownNameError: the graph has no such relation.
        """
        kind = self.graph.relation_index(relation) + (len(self.graph.relations) if inverse else 0)
        messages = Messages.of(self.graph, np.arange(self.graph.num_edges))
        anchors, kinds = torch.tensor([anchor]), torch.tensor([kind])
        logits: npt.NDArray[np.float32] = scores_of(self.model, messages, self.features, anchors, kinds)[0]
        return logits


def open_reasoner(folder: Path, embedding_folder: Path, graph: Graph) -> TrainedReasoner:
    """Open a trained reasoner.

    :param folder: what `kg train` wrote.
    :param embedding_folder: what `kg embed` wrote; the features come from there.
    :param graph: the graph that both must belong to.
    :returns: the reasoner.
    :raises ArtifactError: one of them is missing, damaged or of another graph.
    """
    manifest = read_manifest_of(graph.hash, folder, "reasoner", "kg train")
    features = standardised(open_embedding(embedding_folder, graph).vectors)
    try:
        model = Reasoner(ReasonerConfig(**manifest["shape"]))
        model.load_state_dict(torch.load(folder / WEIGHTS, weights_only=True))
    except (OSError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise ArtifactError(f"the reasoner at {folder} is damaged; run 'kg train' again") from error
    return TrainedReasoner(graph, model, features, manifest)
