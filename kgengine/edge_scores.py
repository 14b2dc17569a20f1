"""Reads and writes what the reasoner stored for other commands: scores of the graph's edges, and predicted edges.

By these files `kg sample` and `kg generate` work without torch. Nothing is computed here; a file that does
not fit the graph is refused, never repaired.
"""

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kgengine.artifacts import read_manifest_of
from kgengine.errors import ArtifactError
from kgengine.graph import Graph
from kgengine.schema import HAS_PHENOTYPE, TREATS

EDGE_SCORES, PREDICTED = "edge_scores.npy", "predicted.npz"
PROOF_LENGTH = 3
"""Most edges of a stored proof: the reasoner looks no further than three hops."""

_COLUMNS = {"relation": np.int16, "head": np.int32, "tail": np.int32, "score": np.float32, "proof": np.int64}


@dataclass(frozen=True)
class PredictedEdges:
    """Facts that the graph does not state and the reasoner holds likely; row i of every array is one of them.

    :ivar relation: int16 [n], index into `graph.relations`: has_phenotype or treats.
    :ivar head: int32 [n], node index.
    :ivar tail: int32 [n], node index.
    :ivar score: float32 [n], calibrated probability that the fact is true, 0 to 1.
    :ivar proof: int64 [n, 3], ids of the edges of the path that explains it, padded with -1 at the end.
    """

    relation: npt.NDArray[np.int16]
    head: npt.NDArray[np.int32]
    tail: npt.NDArray[np.int32]
    score: npt.NDArray[np.float32]
    proof: npt.NDArray[np.int64]

    @classmethod
    def empty(cls) -> "PredictedEdges":
        """Make a set without any prediction."""
        return cls(*(np.zeros((0, PROOF_LENGTH) if name == "proof" else 0, kind) for name, kind in _COLUMNS.items()))

    def __len__(self) -> int:
        return len(self.score)

    def save(self, folder: Path) -> None:
        """Write the predictions as `predicted.npz`.

        :param folder: the reasoner's folder, there already.
        """
        np.savez(folder / PREDICTED, **{field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True)
class StoredScores:
    """What the reasoner stored for one graph.

    :ivar edges: float32 [num_edges], 0 to 1, higher is better supported; NaN where no score applies.
    :ivar predicted: facts beyond the graph's edges.
    """

    edges: npt.NDArray[np.float32]
    predicted: PredictedEdges


def open_stored_scores(folder: Path, graph: Graph) -> StoredScores:
    """Open the stored scores and predictions.

    :param folder: what `kg train` wrote.
    :param graph: the graph that they must belong to.
    :returns: both.
    :raises ArtifactError: one is missing, damaged, or belongs to another graph.
    """
    return StoredScores(open_edge_scores(folder, graph), _open_predicted(folder, graph))


def open_edge_scores(folder: Path, graph: Graph) -> npt.NDArray[np.float32]:
    """Open the stored scores of the graph's own edges.

    :param folder: what `kg train` wrote.
    :param graph: the graph that they must belong to.
    :returns: float32 [num_edges], 0 to 1, higher is better supported; NaN where no score applies.
    :raises ArtifactError: there are none, they are damaged, or they belong to another graph.
    """
    read_manifest_of(graph.hash, folder, "reasoner", "kg train")
    try:
        scores: npt.NDArray[np.float32] = np.load(folder / EDGE_SCORES, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(folder, str(error)) from error
    if scores.shape != (graph.num_edges,):
        raise ArtifactError(f"the reasoner at {folder} has scores of another graph; run 'kg train' again")
    return scores


def _damaged(folder: Path, what: str) -> ArtifactError:
    return ArtifactError(f"the reasoner at {folder} is damaged ({what}); run 'kg train' again")


def _open_predicted(folder: Path, graph: Graph) -> PredictedEdges:
    if not (folder / PREDICTED).is_file():
        raise ArtifactError(f"the reasoner at {folder} holds no predictions ({PREDICTED}); run 'kg train' again")
    try:
        with np.load(folder / PREDICTED) as file:
            arrays = {name: file[name] for name in _COLUMNS}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise _damaged(folder, f"{PREDICTED}: {error}") from error
    problem = _problem(arrays, graph)
    if problem:
        raise _damaged(folder, f"{PREDICTED}: {problem}")
    return PredictedEdges(**arrays)


def _problem(arrays: dict[str, npt.NDArray[np.generic]], graph: Graph) -> str:
    """Say in what the columns of a file of predictions do not fit the graph; empty when all is well."""
    count = arrays["score"].size
    for name, kind in _COLUMNS.items():
        shape = (count, PROOF_LENGTH) if name == "proof" else (count,)
        found = arrays[name]
        if found.dtype != kind or found.shape != shape:
            wanted = f"{np.dtype(kind)} {list(shape)}"
            return f"the column '{name}' is {found.dtype} {list(found.shape)}, expected {wanted}"
    predictable = [graph.relations.index(name) for name in (HAS_PHENOTYPE, TREATS) if name in graph.relations]
    if not np.isin(arrays["relation"], predictable).all():
        return f"a relation other than {HAS_PHENOTYPE} and {TREATS}"
    nodes, edges = graph.num_nodes, graph.num_edges
    for name, low, bound in (("head", 0, nodes), ("tail", 0, nodes), ("proof", -1, edges)):
        column = np.asarray(arrays[name], np.int64)
        if ((column < low) | (column >= bound)).any():
            return f"the column '{name}' leaves the graph, which has {bound} of them"
    score = np.asarray(arrays["score"], np.float64)
    if not ((score >= 0) & (score <= 1)).all():
        return "a score outside 0 to 1"
    return ""
