"""PyKEEN for real, on a small graph: what is exported fits the graph, is found again, and is seeded."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embeddings.export import reopen
from embeddings.models import measure
from embeddings.presets import preset
from embeddings.training import EmbeddingConfig, train_embedding
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph
from kgengine.vectors import open_embedding, same_embedding

FAST = {"dim": 8, "epochs": 10, "batch": 64, "negatives": 4, "frequency": 10}

MAIN = ("RotatE", "ComplEx", "DistMult", "TransE")


def _fast(model: str, **changes: object) -> EmbeddingConfig:
    return preset(model, **{"dim": 8, "epochs": 6, "batch": 64, "negatives": 4, "frequency": 3, **changes})


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


@pytest.mark.parametrize("model", MAIN)
def test_training_finds_the_pattern_of_the_graph(bipartite: Graph, tmp_path: Path, model: str) -> None:
    """A held-out edge has 16 candidates (20 nodes less 4 known answers): chance gives MRR H(16) / 16 = 0.21.

    RotatE and TransE move one vector onto another, which fits a pattern of many to many least.
    """
    config = _fast(model, dim=16, epochs=60, frequency=20, learning_rate=0.05)
    metrics = train_embedding(bipartite, tmp_path / "e", config)
    assert metrics.mrr > (0.25 if model in ("RotatE", "TransE") else 0.8)


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
    with pytest.raises(KGError, match="PyKEEN has no model 'RotateX'; did you mean RotatE"):
        train_embedding(bipartite, tmp_path / "e", EmbeddingConfig(model="RotateX"))
    assert not (tmp_path / "e").exists()


def test_damaged_vectors_are_refused(bipartite: Graph, tmp_path: Path) -> None:
    train_embedding(bipartite, tmp_path / "e", EmbeddingConfig(**{**FAST, "epochs": 1}))
    whole = (tmp_path / "e" / "vectors.npy").read_bytes()
    (tmp_path / "e" / "vectors.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match="damaged"):
        open_embedding(tmp_path / "e", bipartite)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(("model", "norm"), [*((model, 2) for model in MAIN), ("TransE", 1)])
def test_scores_are_those_of_pykeen(bipartite: Graph, tmp_path: Path, model: str, norm: int, inverse: bool) -> None:
    """Against PyKEEN's own, unreplaced interaction; RotatE and TransE differ by rounding of a distance only."""
    import torch
    from pykeen.nn import modules

    train_embedding(bipartite, tmp_path / "e", _fast(model, norm=norm, inverse=inverse))
    embedding, trained = open_embedding(tmp_path / "e", bipartite), reopen(tmp_path / "e", bipartite)
    plain = {"TransE": modules.TransEInteraction(p=norm)}.get(model) or getattr(modules, f"{model}Interaction")()
    trained.interaction = plain
    anchors = np.array([3, 0, 7])
    for relation in range(len(bipartite.relations)):
        pairs = torch.tensor([[anchor, relation] for anchor in anchors])
        with torch.inference_mode():
            tails, heads = trained.predict_t(pairs).numpy(), trained.predict_h(pairs.flip(1)).numpy()
        np.testing.assert_allclose(embedding.score(anchors, relation, inverse=False), tails, atol=2e-4)
        np.testing.assert_allclose(embedding.score(anchors, relation, inverse=True), heads, atol=2e-4)
        assert np.ptp(tails) > 1e-2  # the tolerance could hide nothing


@pytest.mark.parametrize("model", [*MAIN, "TuckER", "BoxE", "CompGCN"])
def test_reopened_model_gives_the_same_metrics(bipartite: Graph, tmp_path: Path, model: str) -> None:
    metrics = train_embedding(bipartite, tmp_path / "e", _fast(model))
    split = open_embedding(tmp_path / "e", bipartite).split
    assert split is not None
    assert measure(reopen(tmp_path / "e", bipartite), bipartite, split, split.test) == metrics
