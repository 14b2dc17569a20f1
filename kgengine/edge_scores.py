"""Reads the scores that the reasoner stored for the graph's edges, without loading torch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from kgengine.artifacts import read_manifest_of
from kgengine.errors import ArtifactError
from kgengine.graph import Graph

EDGE_SCORES = "edge_scores.npy"


def open_edge_scores(folder: Path, graph: Graph) -> npt.NDArray[np.float32]:
    """Open the stored scores.

    :param folder: what `kg train` wrote.
    :param graph: the graph that they must belong to.
    :returns: float32 [num_edges], 0 to 1, higher is better supported; NaN where no score applies.
    :raises ArtifactError: there are none, they are damaged, or they belong to another graph.
    """
    read_manifest_of(graph.hash, folder, "reasoner", "kg train")
    try:
        scores: npt.NDArray[np.float32] = np.load(folder / EDGE_SCORES, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise ArtifactError(f"the reasoner at {folder} is damaged ({error}); run 'kg train' again") from error
    if scores.shape != (graph.num_edges,):
        raise ArtifactError(f"the reasoner at {folder} has scores of another graph; run 'kg train' again")
    return scores
