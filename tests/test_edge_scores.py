"""What the reasoner stores for other commands comes back as it was written, and nothing else is taken for it."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from kgengine.edge_scores import EDGE_SCORES, PREDICTED, PredictedEdges, open_stored_scores
from kgengine.errors import ArtifactError
from kgengine.graph import Graph


def store(graph: Graph, folder: Path, predicted: PredictedEdges | None) -> Path:
    """Write a reasoner's folder as far as it is read here."""
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"graph": graph.hash}))
    np.save(folder / EDGE_SCORES, np.linspace(0, 1, graph.num_edges, dtype=np.float32))
    if predicted is not None:
        predicted.save(folder)
    return folder


@pytest.fixture
def two(toy: Graph) -> PredictedEdges:
    """D1 has S3, by way of S2 and D2; A1 treats D2, without a proof."""
    phenotype, treats = (toy.relations.index(name) for name in ("has_phenotype", "treats"))
    head = [toy.resolve("T:D1"), toy.resolve("T:A1")]
    tail = [toy.resolve("T:S3"), toy.resolve("T:D2")]
    return PredictedEdges(
        np.array([phenotype, treats], np.int16),
        np.array(head, np.int32),
        np.array(tail, np.int32),
        np.array([0.75, 0.5], np.float32),
        np.array([[1, 2, 3], [-1, -1, -1]], np.int64),
    )


def test_scores_and_predictions_come_back_as_they_were_written(toy, two, tmp_path):
    stored = open_stored_scores(store(toy, tmp_path / "reasoner", two), toy)
    assert stored.edges.tolist() == np.linspace(0, 1, toy.num_edges, dtype=np.float32).tolist()
    assert len(stored.predicted) == 2
    for field in fields(two):
        written, read = getattr(two, field.name), getattr(stored.predicted, field.name)
        assert read.dtype == written.dtype
        assert read.tolist() == written.tolist()


def test_a_reasoner_without_any_prediction_is_whole(toy, tmp_path):
    stored = open_stored_scores(store(toy, tmp_path / "reasoner", PredictedEdges.empty()), toy)
    assert len(stored.predicted) == 0


def test_a_reasoner_of_before_predictions_is_refused(toy, tmp_path):
    with pytest.raises(ArtifactError, match=r"holds no predictions \(predicted.npz\); run 'kg train' again"):
        open_stored_scores(store(toy, tmp_path / "reasoner", None), toy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": np.array([0.5, 0.5])}, r"'score' is float64 \[2\], expected float32 \[2\]"),
        ({"head": np.array([0], np.int32)}, r"'head' is int32 \[1\], expected int32 \[2\]"),
        ({"proof": np.zeros((2, 2), np.int64)}, r"'proof' is int64 \[2, 2\], expected int64 \[2, 3\]"),
        ({"relation": np.array([0, 99], np.int16)}, "a relation other than has_phenotype and treats"),
        ({"tail": np.array([0, 8], np.int32)}, "'tail' leaves the graph, which has 8 of them"),
        ({"head": np.array([-1, 0], np.int32)}, "'head' leaves the graph"),
        ({"proof": np.full((2, 3), 9, np.int64)}, "'proof' leaves the graph, which has 9 of them"),
        ({"proof": np.full((2, 3), -2, np.int64)}, "'proof' leaves the graph"),
        ({"score": np.array([0.5, 1.5], np.float32)}, "a score outside 0 to 1"),
        ({"score": np.array([0.5, np.nan], np.float32)}, "a score outside 0 to 1"),
    ],
)
def test_predictions_that_do_not_fit_the_graph_are_damage(toy, two, tmp_path, changes, message):
    folder = store(toy, tmp_path / "reasoner", replace(two, **changes))
    with pytest.raises(ArtifactError, match=message) as error:
        open_stored_scores(folder, toy)
    assert "run 'kg train' again" in str(error.value)


def test_a_file_cut_short_or_of_other_columns_is_damage(toy, two, tmp_path):
    folder = store(toy, tmp_path / "reasoner", two)
    whole = (folder / PREDICTED).read_bytes()
    (folder / PREDICTED).write_bytes(whole[:-200])
    with pytest.raises(ArtifactError, match=r"damaged .*run 'kg train' again"):
        open_stored_scores(folder, toy)
    np.savez(folder / PREDICTED, score=two.score)
    with pytest.raises(ArtifactError, match=r"damaged .*run 'kg train' again"):
        open_stored_scores(folder, toy)


def test_a_reasoner_of_another_graph_is_refused(toy, core, two, tmp_path):
    with pytest.raises(ArtifactError, match="belongs to another graph"):
        open_stored_scores(store(toy, tmp_path / "reasoner", two), core)
