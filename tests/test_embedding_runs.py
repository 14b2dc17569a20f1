"""What surrounds the training of an embedding: killed runs, devices, memory, settings; each refusal is one line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from embeddings import memory, training
from embeddings.checkpoints import STATE, checkpoint_folder
from embeddings.models import build_model, evaluation_batch, quiet, triples_factory
from embeddings.presets import GENERAL, PRESETS, EmbeddingConfig, model_name, preset
from embeddings.training import Run, train_embedding
from kgengine.artifacts import sha256_file
from kgengine.errors import ArtifactError, Interrupted, KGError
from kgengine.graph import Graph
from kgengine.split import Split, split_edges
from kgengine.vectors import open_embedding

CONFIG = preset("RotatE", dim=8, epochs=12, batch=16, negatives=4, frequency=3, patience=2)

KILLED = """
import json, os, signal, sys
from pathlib import Path
from embeddings.training import EmbeddingConfig, Run, train_embedding
from kgengine.graph import Graph

def die(done, total, words):
    if done == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

config = EmbeddingConfig(**json.loads(sys.argv[3]))
train_embedding(Graph.open(Path(sys.argv[1])), Path(sys.argv[2]), config, die, run=Run(checkpoint_minutes=0))
"""


@pytest.fixture
def ring(make_graph: Callable[..., Graph]) -> Graph:
    """Thirty diseases in a ring, each with the symptoms of its neighbours."""
    nodes = [(f"T:D{n}", "disease", f"d{n}") for n in range(30)] + [(f"T:S{n}", "symptom", f"s{n}") for n in range(30)]
    return make_graph(
        nodes, [(f"T:D{n}", "has_phenotype", f"T:S{(n + step) % 30}") for n in range(30) for step in range(4)]
    )


def _kill(graph: Graph, folder: Path, config: EmbeddingConfig, epoch: int) -> None:
    arguments = [str(graph.folder), str(folder), json.dumps(asdict(config)), str(epoch)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _interrupt(graph: Graph, folder: Path, config: EmbeddingConfig, epoch: int) -> None:
    """Stop a run within this process, as Ctrl-C does: what lies on the disk is the same as after a kill."""

    def stop(done: int, total: int, words: str) -> None:
        if done == epoch:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="interrupted; 'kg embed --resume' goes on from"):
        train_embedding(graph, folder, config, stop, run=Run(checkpoint_minutes=0))


@pytest.mark.parametrize(("model", "epoch", "end"), [("RotatE", 8, _kill), ("ComplEx", 4, _interrupt)])
def test_killed_run_goes_on_to_the_very_same_vectors(
    ring: Graph, tmp_path: Path, model: str, epoch: int, end: Callable[..., None]
) -> None:
    config = preset(model, dim=8, epochs=12, batch=16, negatives=4, frequency=3, patience=2)
    end(ring, tmp_path / "killed", config, epoch)
    assert not (tmp_path / "killed").exists()
    told: list[int] = []
    metrics = train_embedding(
        ring, tmp_path / "killed", config, lambda done, total, words: told.append(done), run=Run(resume=True)
    )
    assert told[0] == epoch  # the checkpoint of the epoch before was whole
    assert train_embedding(ring, tmp_path / "whole", config) == metrics
    killed, whole = (open_embedding(tmp_path / name, ring) for name in ("killed", "whole"))
    assert np.array_equal(killed.vectors, whole.vectors)
    assert killed.manifest == {**whole.manifest, "files": killed.manifest["files"]}
    assert not checkpoint_folder(tmp_path / "killed").exists()


def test_best_epoch_survives_the_kill(ring: Graph, tmp_path: Path) -> None:
    """A learning rate that spoils the vectors: the best evaluation is the first, the kill comes after it."""
    config = replace(CONFIG, learning_rate=1.0, patience=9, epochs=9)
    _interrupt(ring, tmp_path / "killed", config, 8)
    resumed = train_embedding(ring, tmp_path / "killed", config, run=Run(resume=True))
    assert resumed == train_embedding(ring, tmp_path / "whole", config)


def test_another_run_is_not_continued(ring: Graph, tmp_path: Path) -> None:
    _interrupt(ring, tmp_path / "e", CONFIG, 3)
    place = checkpoint_folder(tmp_path / "e")
    resume = Run(resume=True)
    with pytest.raises(KGError, match="has dim 8 instead of 16, seed 0 instead of 1; give the same settings"):
        train_embedding(ring, tmp_path / "e", replace(CONFIG, dim=16, seed=1), split=split_edges(ring, 0), run=resume)
    with pytest.raises(KGError, match="is of another split of the edges"):
        train_embedding(ring, tmp_path / "e", CONFIG, split=split_edges(ring, 1), run=resume)
    (place / STATE).write_bytes((place / STATE).read_bytes()[:1000])
    with pytest.raises(KGError, match=r"can't be read; run 'kg embed' without --resume$"):
        train_embedding(ring, tmp_path / "e", CONFIG, run=resume)
    train_embedding(ring, tmp_path / "e", CONFIG)  # without --resume the old checkpoint is in nobody's way
    assert not place.exists()
    with pytest.raises(KGError, match=r"no checkpoint at .*; run 'kg embed' without --resume"):
        train_embedding(ring, tmp_path / "e", CONFIG, run=resume)


def test_an_interrupt_before_the_first_checkpoint_leaves_nothing(ring: Graph, tmp_path: Path) -> None:
    def stop(done: int, total: int, words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="interrupted; nothing is kept"):
        train_embedding(ring, tmp_path / "e", CONFIG, stop)
    assert list(tmp_path.glob("e*")) == []


def test_it_stops_early_and_keeps_the_best_epoch(ring: Graph, tmp_path: Path) -> None:
    """Vectors of the first evaluation, for nothing after it was better."""
    spoilt = replace(CONFIG, learning_rate=1.0, epochs=30, patience=2)
    train_embedding(ring, tmp_path / "stopped", spoilt)
    manifest = open_embedding(tmp_path / "stopped", ring).manifest
    assert manifest["epochs_run"] < 30
    best = manifest["epochs_run"] - spoilt.patience * spoilt.frequency
    train_embedding(ring, tmp_path / "short", replace(spoilt, epochs=best, frequency=best))
    stopped, short = (open_embedding(tmp_path / name, ring).vectors for name in ("stopped", "short"))
    assert np.array_equal(stopped, short)


def test_devices_that_are_not_there_are_refused() -> None:
    with pytest.raises(KGError, match="unknown device 'gpu'; take cpu, cuda, cuda:N or auto"):
        training.resolved_device("gpu")
    with pytest.raises(KGError, match=r"device 'cuda:99' is not there \(\d+ CUDA devices found\); take --device cpu"):
        training.resolved_device("cuda:99")
    assert training.resolved_device("cpu") == "cpu"
    assert training.resolved_device("auto") in ("cpu", "cuda")


def test_a_model_that_cannot_fit_is_refused_before_it_is_trained(ring: Graph, tmp_path: Path) -> None:
    huge = replace(GENERAL, model="RESCAL", dim=1024, batch=10**7, negatives=100)
    with pytest.raises(
        KGError, match=r"RESCAL with dimension 1024 needs about [\d.]+ GB of memory, [\d.]+ GB are free"
    ):
        train_embedding(ring, tmp_path / "e", huge)
    assert list(tmp_path.glob("e*")) == []


def test_the_memory_estimate_counts_what_a_hand_counts(ring: Graph) -> None:
    """60 nodes and 1 relation of 8 real numbers: 488 x 4 bytes, times 4 for gradient and Adam's two states; 120 edges
    of 3 x 8 bytes, 12 times; a step of 16 x 5 triples, 3 x 8 numbers each, counted double as if complex, x 12 bytes;
    an evaluation of 256 triples with 60 nodes, 12 x 4 bytes a comparison.
    """
    plain = EmbeddingConfig(model="TransE", dim=8, batch=16, negatives=4)
    model = build_model(triples_factory(ring, split_edges(ring, 0).train), plain)
    parameters, triples, evaluation = 61 * 8 * 4, 120 * 3 * 8 * 12, 256 * 60 * 12 * 4
    assert memory.estimate_bytes(model, plain, 60, 120) == triples + parameters * 4 + evaluation
    wide = replace(plain, batch=10_000)
    assert memory.estimate_bytes(model, wide, 60, 120) == triples + parameters * 4 + 10_000 * 5 * 3 * 16 * 12
    softmax = replace(plain, loop="LCWA", optimizer="Adagrad")
    assert memory.estimate_bytes(model, softmax, 60, 120) == triples + parameters * 3 + max(
        16 * 60 * 4 * 16, evaluation
    )


def test_big_graphs_are_evaluated_in_small_batches(ring: Graph) -> None:
    model = build_model(triples_factory(ring, split_edges(ring, 0).train), replace(GENERAL, model="BoxE", dim=64))
    assert evaluation_batch(model, 31_000) == 256 * 2**20 // (2 * 4 * 31_000 * 2 * 128) == 4


def test_a_split_must_be_of_the_graph(ring: Graph, tmp_path: Path) -> None:
    own = split_edges(ring, 7)
    train_embedding(ring, tmp_path / "e", CONFIG, split=own)
    kept = open_embedding(tmp_path / "e", ring).split
    assert kept is not None
    assert all(np.array_equal(getattr(kept, part), getattr(own, part)) for part in ("train", "validation", "test"))
    with pytest.raises(KGError, match="a split of 2, 12, 12 edges is not one of the graph's 120"):
        train_embedding(ring, tmp_path / "f", CONFIG, split=Split(np.arange(2), own.validation, own.test))


def test_every_file_is_named_with_its_hash_and_ids_are_the_nodes(ring: Graph, tmp_path: Path) -> None:
    import pandas

    train_embedding(ring, tmp_path / "e", CONFIG)
    manifest = open_embedding(tmp_path / "e", ring).manifest
    names = {path.name for path in (tmp_path / "e").iterdir()} - {"manifest.json"}
    assert names == set(manifest["files"])
    assert all(sha256_file(tmp_path / "e" / name) == digest for name, digest in manifest["files"].items())
    for name, labels in (
        ("entity_to_id.tsv", [ring.id(node) for node in range(60)]),
        ("relation_to_id.tsv", ring.relations),
    ):
        table = pandas.read_csv(tmp_path / "e" / name, sep="\t")
        assert dict(zip(table["label"], table["id"], strict=True)) == {label: n for n, label in enumerate(labels)}


def test_damaged_parts_are_refused(ring: Graph, tmp_path: Path) -> None:
    from embeddings.export import reopen

    for name in ("split.npz", "relations.npy", "model.pt"):
        train_embedding(ring, tmp_path / "e", replace(CONFIG, epochs=1))
        whole = (tmp_path / "e" / name).read_bytes()
        (tmp_path / "e" / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ArtifactError, match="is damaged"):
            reopen(tmp_path / "e", ring)


@pytest.mark.parametrize(
    ("model", "width"), [("ComplEx", 16), ("QuatE", 32), ("BoxE", 16), ("SimplE", 16), ("ConvE", 9), ("NodePiece", 8)]
)
def test_other_models_are_trained_and_their_tables_laid_side_by_side(
    ring: Graph, tmp_path: Path, model: str, width: int
) -> None:
    config = preset(model, dim=8, epochs=1, batch=16, negatives=2, frequency=1)
    assert 0 < train_embedding(ring, tmp_path / "e", config).mrr <= 1
    embedding = open_embedding(tmp_path / "e", ring)
    assert embedding.vectors.shape == (60, width)
    assert embedding.can_score == (model in PRESETS)
    if not embedding.can_score:
        with pytest.raises(KGError, match=f"^{model} can't be scored without PyKEEN"):
            embedding.score(np.array([0]), 0, inverse=False)


def test_names_of_models_are_found_or_refused_in_one_line() -> None:
    quiet()
    assert model_name("rotate") == "RotatE"
    assert model_name("tucker") == "TuckER"
    with pytest.raises(KGError, match=r"^PyKEEN has no model 'ComplX'; did you mean ComplEx"):
        model_name("ComplX")
    with pytest.raises(KGError, match=r"^PyKEEN has no model 'gpt'; take one of RotatE"):
        model_name("gpt")
    for model, why in (("ComplExLiteral", "needs numeric literals"), ("InductiveNodePiece", "needs a second graph")):
        with pytest.raises(KGError, match=f"^{model} {why}.* can't be trained here; take one of RotatE"):
            model_name(model)


def test_the_command_takes_a_model_and_resumes(
    kg: Callable[..., tuple[int, str, str]], ring: Graph, tmp_path: Path
) -> None:
    os.symlink(ring.folder, tmp_path / "graph")
    code, out, err = kg("-w", tmp_path, "embed", "--model", "complex", "--dim", "4", "--epochs", "2", "--json")
    assert (code, json.loads(out)["model"]) == (0, "ComplEx")
    assert "ComplEx on" in err
    assert "MB of memory" in err
    code, out, _ = kg("-w", tmp_path, "embed", "--model", "ComplEx", "--dim", "4", "--epochs", "2")
    assert (code, "already there" in out) == (0, True)
    code, _, err = kg("-w", tmp_path, "embed", "--model", "ComplEx", "--dim", "4", "--epochs", "2", "--resume")
    assert code == 1
    assert err.startswith("kg: no checkpoint at ")
    code, _, err = kg("-w", tmp_path, "embed", "--device", "tpu")
    assert (code, err) == (1, "kg: unknown device 'tpu'; take cpu, cuda, cuda:N or auto\n")
