"""PyKEEN for real, on a small graph: what is exported fits the graph, is found again, and is seeded."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embeddings.training import EmbeddingConfig, train_embedding
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph
from kgengine.vectors import open_embedding, same_embedding

FAST = {"dim": 8, "epochs": 10, "batch": 64, "negatives": 4, "frequency": 10}


@pytest.fixture
def bipartite(make_graph: Callable[..., Graph]) -> Graph:
    """Ten drugs that treat the five diseases of their own half: a pattern that an embedding must find."""
    drugs = [(f"T:A{index}", "drug", f"a{index}") for index in range(10)]
    diseases = [(f"T:D{index}", "disease", f"d{index}") for index in range(10)]
    edges = [(f"T:A{a}", "treats", f"T:D{d}") for a in range(10) for d in range(10) if (a < 5) == (d < 5)]
    return make_graph(drugs + diseases, edges)


@pytest.mark.parametrize(("model", "width"), [("RotatE", 16), ("DistMult", 8)])
def test_vectors_are_aligned_to_the_nodes(bipartite: Graph, tmp_path: Path, model: str, width: int) -> None:
    metrics = train_embedding(bipartite, tmp_path / "e", EmbeddingConfig(model=model, **FAST))
    embedding = open_embedding(tmp_path / "e", bipartite)
    assert embedding.vectors.shape == (20, width)
    assert embedding.vectors.dtype == np.float32
    assert 0 < metrics.mrr <= 1
    assert metrics.num_ranks == 2 * 5
    assert embedding.manifest["metrics"]["mrr"] == metrics.mrr


def test_training_finds_the_pattern_of_the_graph(bipartite: Graph, tmp_path: Path) -> None:
    """A held-out edge has 16 candidates (20 nodes less 4 known answers): chance gives MRR H(16) / 16 = 0.21."""
    metrics = train_embedding(
        bipartite,
        tmp_path / "e",
        EmbeddingConfig(**{**FAST, "dim": 16, "epochs": 60, "frequency": 60, "learning_rate": 0.05}),
    )
    assert metrics.mrr > 0.4


def test_same_seed_gives_the_same_vectors(bipartite: Graph, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_embedding(bipartite, tmp_path / name, EmbeddingConfig(**FAST, seed=5))
    one, two = (open_embedding(tmp_path / name, bipartite).vectors for name in ("one", "two"))
    assert np.array_equal(one, two)


def test_progress_is_told_once_an_epoch(bipartite: Graph, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    config = EmbeddingConfig(**{**FAST, "epochs": 5})
    train_embedding(bipartite, tmp_path / "e", config, lambda done, total, words: told.append((done, total)))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_embedding_is_reused_only_for_the_same_configuration(bipartite: Graph, tmp_path: Path) -> None:
    from dataclasses import asdict

    config = EmbeddingConfig(**{**FAST, "epochs": 1})
    train_embedding(bipartite, tmp_path / "e", config)
    assert same_embedding(tmp_path / "e", bipartite, asdict(config)) is not None
    assert same_embedding(tmp_path / "e", bipartite, {**asdict(config), "seed": 1}) is None


def test_unknown_model_is_one_clear_line(bipartite: Graph, tmp_path: Path) -> None:
    with pytest.raises(KGError, match="PyKEEN has no model 'RotateX'; take one of RotatE"):
        train_embedding(bipartite, tmp_path / "e", EmbeddingConfig(model="RotateX"))
    assert not (tmp_path / "e").exists()


def test_damaged_vectors_are_refused(bipartite: Graph, tmp_path: Path) -> None:
    train_embedding(bipartite, tmp_path / "e", EmbeddingConfig(**{**FAST, "epochs": 1}))
    whole = (tmp_path / "e" / "vectors.npy").read_bytes()
    (tmp_path / "e" / "vectors.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match="damaged"):
        open_embedding(tmp_path / "e", bipartite)
