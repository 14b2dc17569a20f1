"""Reads exported embeddings and scores with them, so that no query ever loads the library that trained them.

The scores are PyKEEN's own, computed with numpy, for the four interactions that need one vector per node
and one per relation (RotatE, ComplEx, DistMult, TransE); a test holds them equal. Complex numbers lie in the
files as interleaved (real, imaginary) pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.artifacts import read_manifest_of
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph
from kgengine.split import Split

VECTORS = "vectors.npy"
RELATIONS = "relations.npy"
INVERSE_RELATIONS = "inverse_relations.npy"
SPLIT = "split.npz"
PARTS = ("train", "validation", "test")

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Embedding:
    """An exported embedding.

    :ivar vectors: float32 [num_nodes, dim], row = node_index.
    :ivar manifest: how it was made: graph hash, configuration, metrics, SHA-256 of the files, and what
        :meth:`score` needs: `interaction` ("rotate", "complex", "distmult", "transe" or None) and, for "transe",
        `norm` (1 or 2).
    :ivar relations: float32 [num_relations, dim], where the interaction can be scored here.
    :ivar inverse_relations: float32 [num_relations, dim] of the inverse relations, where the model has its own
        vectors for them (PyKEEN's `create_inverse_triples`).
    :ivar split: the edges that it was trained, stopped and measured on.
    """

    vectors: Floats
    manifest: dict[str, Any]
    relations: Floats | None = None
    inverse_relations: Floats | None = None
    split: Split | None = None

    @property
    def can_score(self) -> bool:
        """Whether :meth:`score` knows the model's interaction."""
        return self.relations is not None and self.manifest.get("interaction") in _INTERACTIONS

    def score(self, anchors: npt.NDArray[np.int64], relation: int, inverse: bool) -> Floats:
        """Score all nodes as the other end of edges of one relation, as PyKEEN's `score_t` and `score_h` do.

        :param anchors: int64 [b], the known ends: heads, or tails if `inverse`.
        :param relation: index into `graph.relations`.
        :param inverse: False asks for tails of (anchor, relation, ?), True for heads of (?, relation, anchor).
        :returns: float32 [b, num_nodes], higher is better; bilinear scores (ComplEx, DistMult) are unbounded,
            distances (RotatE, TransE) at most 0. Not comparable between models.
        :raises KGError: the model scores in a way that is not known here.
        """
        if self.relations is None or not self.can_score:
            model = self.manifest.get("config", {}).get("model", "this model")
            raise KGError(f"{model} can't be scored without PyKEEN; run 'kg embed' with RotatE, ComplEx or the like")
        own = self.relations[relation]
        if inverse and self.inverse_relations is not None:
            own, inverse = self.inverse_relations[relation], False
        known = np.asarray(self.vectors[anchors], np.float32)
        moved, compare = _INTERACTIONS[self.manifest["interaction"]]
        nodes = np.asarray(self.vectors, np.float32)
        return compare(moved(known, np.asarray(own, np.float32), inverse), nodes, int(self.manifest.get("norm", 2)))


def _turned(known: Floats, relation: Floats, inverse: bool) -> Floats:
    """Multiply complex vectors by the relation's, or by its conjugate: for both RotatE and ComplEx."""
    factor = relation.view(np.complex64)
    product = np.ascontiguousarray(known).view(np.complex64) * (factor.conj() if inverse else factor)
    return product.view(np.float32)


def _scaled(known: Floats, relation: Floats, inverse: bool) -> Floats:
    return known * relation


def _shifted(known: Floats, relation: Floats, inverse: bool) -> Floats:
    return known - relation if inverse else known + relation


def _dot(moved: Floats, nodes: Floats, norm: int) -> Floats:
    return moved @ nodes.T


def _minus_distance(moved: Floats, nodes: Floats, norm: int) -> Floats:
    """Give minus the distance of each row to each node: Euclidean by one product, L1 row by row."""
    if norm == 2:
        squares = (moved**2).sum(axis=1)[:, None] + (nodes**2).sum(axis=1) - 2 * (moved @ nodes.T)
        distances: Floats = np.sqrt(np.maximum(squares, 0))
        return -distances
    scores = np.empty((len(moved), len(nodes)), np.float32)
    for row, vector in zip(scores, moved, strict=True):
        row[:] = -np.linalg.norm(nodes - vector, ord=norm, axis=1)
    return scores


_Move = Callable[[Floats, Floats, bool], Floats]
_Compare = Callable[[Floats, Floats, int], Floats]
_INTERACTIONS: dict[str | None, tuple[_Move, _Compare]] = {
    "rotate": (_turned, _minus_distance),
    "complex": (_turned, _dot),
    "distmult": (_scaled, _dot),
    "transe": (_shifted, _minus_distance),
}


def open_embedding(folder: Path, graph: Graph) -> Embedding:
    """Open the embedding of a graph.

    :param folder: what `kg embed` wrote.
    :param graph: the graph that it must belong to.
    :returns: the embedding; its parts other than the vectors are None where the folder's manifest names none.
    :raises ArtifactError: there is none, it is damaged, or it belongs to another graph.
    """
    manifest = read_manifest_of(graph.hash, folder, "embedding", "kg embed")
    files = manifest.get("files", {})
    relations = _rows(folder, RELATIONS, len(graph.relations)) if RELATIONS in files else None
    inverse = _rows(folder, INVERSE_RELATIONS, len(graph.relations)) if INVERSE_RELATIONS in files else None
    split = _split(folder, graph) if SPLIT in files else None
    return Embedding(_rows(folder, VECTORS, graph.num_nodes), manifest, relations, inverse, split)


def _damaged(folder: Path, problem: object) -> ArtifactError:
    return ArtifactError(f"the embedding at {folder} is damaged ({problem}); run 'kg embed' again")


def _rows(folder: Path, name: str, count: int) -> Floats:
    try:
        rows: Floats = np.load(folder / name, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(folder, error) from error
    if rows.ndim != 2 or len(rows) != count:
        problem = f"has shape {rows.shape}, expected {count} rows"
        raise ArtifactError(f"the embedding at {folder} {problem}; run 'kg embed' again")
    return rows


def _split(folder: Path, graph: Graph) -> Split:
    try:
        with np.load(folder / SPLIT) as parts:
            split = Split(*(parts[name] for name in PARTS))
    except Exception as error:  # numpy, zipfile and zlib each raise their own
        raise _damaged(folder, error) from error
    if sum(map(len, (split.train, split.validation, split.test))) != graph.num_edges:
        raise _damaged(folder, f"its split has not the graph's {graph.num_edges} edges")
    return split


def same_embedding(folder: Path, graph: Graph, config: dict[str, Any]) -> Embedding | None:
    """Open an embedding if it belongs to the graph and was trained with just this configuration, else None."""
    try:
        embedding = open_embedding(folder, graph)
    except ArtifactError:
        return None
    return embedding if embedding.manifest.get("config") == config else None
