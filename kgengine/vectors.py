"""Reads exported embedding vectors, so that no query ever loads the library that trained them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.artifacts import read_manifest_of
from kgengine.errors import ArtifactError
from kgengine.graph import Graph

VECTORS = "vectors.npy"


@dataclass(frozen=True)
class Embedding:
    """An exported embedding.

    :ivar vectors: float32 [num_nodes, dim], row = node_index.
    :ivar manifest: how it was made: graph hash, configuration, metrics, SHA-256 of the vectors.
    """

    vectors: npt.NDArray[np.float32]
    manifest: dict[str, Any]


def open_embedding(folder: Path, graph: Graph) -> Embedding:
    """Open the vectors of a graph.

    :param folder: what `kg embed` wrote.
    :param graph: the graph that they must belong to.
    :returns: the embedding.
    :raises ArtifactError: there is none, it is damaged, or it belongs to another graph.
    """
    manifest = read_manifest_of(graph.hash, folder, "embedding", "kg embed")
    try:
        vectors = np.load(folder / VECTORS, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise ArtifactError(f"the embedding at {folder} is damaged ({error}); run 'kg embed' again") from error
    if vectors.ndim != 2 or len(vectors) != graph.num_nodes:
        problem = f"has shape {vectors.shape}, expected {graph.num_nodes} rows"
        raise ArtifactError(f"the embedding at {folder} {problem}; run 'kg embed' again")
    return Embedding(vectors, manifest)


def same_embedding(folder: Path, graph: Graph, config: dict[str, Any]) -> Embedding | None:
    """Open an embedding if it belongs to the graph and was trained with just this configuration, else None."""
    try:
        embedding = open_embedding(folder, graph)
    except ArtifactError:
        return None
    return embedding if embedding.manifest.get("config") == config else None
