"""Writes a trained PyKEEN model as an embedding folder, and makes the model again from one.

The folder's files are named in docs/reasoning.md. Complex numbers become interleaved (real, imaginary) pairs;
a model with several tables of entities is written with their rows side by side.
"""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.models import INTERACTIONS, build_model, triples_factory
from embeddings.presets import EmbeddingConfig
from kgengine.artifacts import replaced_folder, sha256_file, write_manifest
from kgengine.errors import ArtifactError
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.split import Split
from kgengine.vectors import INVERSE_RELATIONS, RELATIONS, SPLIT, VECTORS, open_embedding

MODEL = "model.pt"
ENTITIES = "entity_to_id.tsv"
RELATION_IDS = "relation_to_id.tsv"


def write_embedding(
    folder: Path, graph: Graph, split: Split, config: EmbeddingConfig, model: Any, metrics: RankMetrics, epochs: int
) -> None:
    """Write vectors, model, ids and split into a folder, a manifest last.

    :param folder: the embedding's final folder; an older one is replaced.
    :param graph: the graph that the model was trained on.
    :param split: its edges' parts.
    :param config: how it was trained.
    :param model: the trained PyKEEN model.
    :param metrics: of the test edges.
    :param epochs: epochs that were run.
    :raises KGError: the folder can't be written.
    """
    import torch

    with replaced_folder(folder) as temporary:
        for name, array in _arrays(model, config, len(graph.relations)).items():
            np.save(temporary / name, array)
        np.savez(temporary / SPLIT, train=split.train, validation=split.validation, test=split.test)
        _write_ids(temporary / ENTITIES, [graph.id(node) for node in range(graph.num_nodes)])
        _write_ids(temporary / RELATION_IDS, graph.relations)
        torch.save({name: value.cpu() for name, value in model.state_dict().items()}, temporary / MODEL)
        files = {path.name: sha256_file(path) for path in sorted(temporary.iterdir())}
        write_manifest(
            temporary,
            {
                "graph": graph.hash,
                "config": asdict(config),
                "epochs_run": epochs,
                "metrics": asdict(metrics),
                "interaction": INTERACTIONS.get(config.model),
                "norm": config.norm if config.model == "TransE" else 2,
                "vectors": files[VECTORS],
                "files": files,
                "versions": {name: version(name) for name in ("pykeen", "torch", "numpy")},
            },
        )


def _arrays(model: Any, config: EmbeddingConfig, num_relations: int) -> dict[str, npt.NDArray[np.float32]]:
    """Give the arrays by file name: of all models the vectors, of those that we can score also the relations."""
    arrays = {VECTORS: np.hstack([_rows(table) for table in model.entity_representations])}
    if config.model in INTERACTIONS:
        rows = _rows(model.relation_representations[0])
        if config.inverse:  # PyKEEN numbers relation r as 2r and its inverse as 2r + 1
            arrays[INVERSE_RELATIONS], rows = rows[1::2], rows[::2]
        arrays[RELATIONS] = rows[:num_relations]
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _rows(table: Any) -> npt.NDArray[np.float32]:
    """Give a PyKEEN representation as float32 [rows, numbers]."""
    import torch

    with torch.inference_mode():
        rows = table(indices=None).detach()
        if rows.is_complex():
            rows = torch.view_as_real(rows)
        array: npt.NDArray[np.float32] = rows.reshape(rows.shape[0], -1).cpu().numpy().astype(np.float32)
    return array


def _write_ids(path: Path, labels: list[str] | tuple[str, ...]) -> None:
    """Write PyKEEN's form of a mapping: a line with label and id, tab-separated, under a header."""
    lines = ["label\tid", *(f"{label}\t{number}" for number, label in enumerate(labels))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def reopen(folder: Path, graph: Graph) -> Any:
    """Make the trained PyKEEN model again.

    :param folder: what `kg embed` wrote.
    :param graph: the graph that it was trained on.
    :returns: the PyKEEN model on the CPU, ready to score; it gives just the metrics of the manifest.
    :raises ArtifactError: there is none, it is damaged, or it belongs to another graph.
    """
    import torch

    embedding = open_embedding(folder, graph)
    expected = embedding.manifest.get("files", {}).get(MODEL)
    if expected is None or embedding.split is None:
        raise ArtifactError(f"the embedding at {folder} holds no PyKEEN model; run 'kg embed --force'")
    if not (folder / MODEL).is_file() or sha256_file(folder / MODEL) != expected:
        raise ArtifactError(f"the embedding at {folder} is damaged ({MODEL} has changed); run 'kg embed --force'")
    config = EmbeddingConfig(**embedding.manifest["config"])
    model = build_model(triples_factory(graph, embedding.split.train, config.inverse), config)
    model.load_state_dict(torch.load(folder / MODEL, weights_only=True))
    return model.eval()
