"""The GNN reasoner on PyTorch Geometric: its sparse rounds equal naive loops, hiding hides, it learns a
rule that only paths can tell, and what it saves opens again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from kgengine.artifacts import write_manifest
from kgengine.edge_scores import open_edge_scores
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph
from kgengine.prediction import predict
from kgengine.reasoner.adjacency import Messages
from kgengine.reasoner.model import Reasoner, ReasonerConfig, RelationalLayer
from kgengine.reasoner.store import edge_scores, open_reasoner, same_reasoner, train_reasoner
from kgengine.reasoner.training import QueryTable, TrainingConfig, evaluate, scores_of, train
from kgengine.split import Split, split_edges
from kgengine.vectors import VECTORS, Embedding


def _embedding(graph: Graph, folder: Path, dim: int = 4) -> Embedding:
    vectors = np.random.default_rng(0).normal(size=(graph.num_nodes, dim)).astype(np.float32)
    folder.mkdir()
    np.save(folder / VECTORS, vectors)
    manifest = {"graph": graph.hash, "config": {"seed": 0}, "vectors": "some-hash"}
    write_manifest(folder, manifest)
    return Embedding(vectors, manifest)


def _chain_graph(make_graph: Callable[..., Graph]) -> Graph:
    """A treats B exactly when A -targets-> X -marks-> B; paths over -binds-> and -near-> lead astray."""
    nodes, edges = [], []
    for index in range(30):
        nodes += [(f"T:A{index}", "drug", f"a{index}"), (f"T:X{index}", "gene", f"x{index}")]
        nodes.append((f"T:B{index}", "disease", f"b{index}"))
        edges.append((f"T:A{index}", "targets", f"T:X{index}"))
        edges += [(f"T:A{index}", "binds", f"T:X{(index + step) % 30}") for step in (3, 7, 11)]
        edges += [(f"T:X{index}", "near", f"T:B{(index + step) % 30}") for step in (5, 13)]
        edges.append((f"T:X{index}", "marks", f"T:B{index}"))
        edges.append((f"T:A{index}", "treats", f"T:B{index}"))
    return make_graph(nodes, edges)


def test_messages_carry_each_edge_in_both_directions(toy: Graph) -> None:
    messages = Messages.of(toy, np.arange(toy.num_edges))
    assert len(messages.edge) == 2 * toy.num_edges
    for source, target, relation, edge in zip(
        messages.source.tolist(),
        messages.target.tolist(),
        messages.relation.tolist(),
        messages.edge.tolist(),
        strict=True,
    ):
        view = toy.edge(edge)
        kind = toy.relations.index(view.relation)
        forward = (view.head, view.tail, kind)
        backward = (view.tail, view.head, kind + len(toy.relations))
        assert (source, target, relation) in (forward, backward)


def test_hidden_edges_carry_no_message(toy: Graph) -> None:
    messages = Messages.of(toy, np.arange(toy.num_edges)).without(torch.tensor([0, 3]))
    assert set(messages.edge.tolist()) == set(range(toy.num_edges)) - {0, 3}


def test_messages_within_k_hops_leave_far_edges_out(toy: Graph) -> None:
    anchor = toy.resolve("T:S3")
    near = Messages.of(toy, np.arange(toy.num_edges)).within(torch.tensor([anchor]), 1)
    views = [toy.edge(edge) for edge in set(near.edge.tolist())]
    assert [(toy.id(view.head), toy.id(view.tail)) for view in views] == [("T:D2", "T:S3")]


def test_one_round_equals_a_naive_sum_over_messages(toy: Graph) -> None:
    torch.manual_seed(0)
    config = ReasonerConfig(2 * len(toy.relations), 0, hidden=4, dropout=0.0)
    layer, messages = RelationalLayer(config).eval(), Messages.of(toy, np.arange(toy.num_edges))
    state, start = torch.randn(toy.num_nodes, 2, 4), torch.randn(toy.num_nodes, 2, 4)
    degree: dict[tuple[int, int], int] = {}
    for target, relation in zip(messages.target.tolist(), messages.relation.tolist(), strict=True):
        degree[target, relation] = degree.get((target, relation), 0) + 1
    received = start.clone()
    for source, target, relation in zip(
        messages.source.tolist(), messages.target.tolist(), messages.relation.tolist(), strict=True
    ):
        received[target] += state[source] * layer.relation[relation] / degree[target, relation] ** 0.5
    expected = state + torch.relu(layer.norm(layer.update_state(torch.cat([received, state], dim=-1))))
    assert torch.allclose(layer(state, start, messages.matrices()), expected, atol=1e-5)


def test_query_table_lists_every_answer_from_both_ends(toy: Graph) -> None:
    table = QueryTable(toy, np.arange(toy.num_edges))
    barking, kind = toy.resolve("T:S2"), toy.relations.index("has_phenotype")
    heads = table.answers(barking, kind + len(toy.relations)).tolist()
    assert sorted(toy.id(node) for node in heads) == ["T:D1", "T:D2"]
    assert table.answers(barking, kind).tolist() == []


def test_training_learns_a_rule_that_only_paths_can_tell(make_graph: Callable[..., Graph]) -> None:
    graph = _chain_graph(make_graph)
    treats = np.flatnonzero(np.asarray(graph.edge_relation) == graph.relations.index("treats"))
    held = treats[:10]
    split = Split(np.setdiff1d(np.arange(graph.num_edges), held), held[:5], held[5:])
    features = torch.zeros(graph.num_nodes, 0)
    untrained = Reasoner(ReasonerConfig(2 * len(graph.relations), 0))
    model, history = train(graph, split, features, TrainingConfig(epochs=12, patience=12, batch=16))
    before, after = (evaluate(one, graph, split, split.test, features).mrr for one in (untrained, model))
    assert before < 0.5
    assert after > 0.9
    assert len(history) <= 12


def test_same_seed_gives_the_same_reasoner(toy: Graph) -> None:
    split, features = split_edges(toy, 0), torch.zeros(toy.num_nodes, 0)
    config = TrainingConfig(epochs=2, batch=4, seed=3)
    first, second = (train(toy, split, features, config)[0] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_saved_reasoner_opens_and_scores_the_same(toy: Graph, tmp_path: Path) -> None:
    embedding = _embedding(toy, tmp_path / "embedding")
    config = TrainingConfig(epochs=2, batch=4)
    train_reasoner(toy, embedding, tmp_path / "reasoner", config, lambda done, total, words: None)
    first, second = (open_reasoner(tmp_path / "reasoner", tmp_path / "embedding", toy) for _ in range(2))
    anchor = toy.resolve("T:D1")
    assert np.array_equal(first.predict(anchor, "treats", True), second.predict(anchor, "treats", True))
    assert same_reasoner(tmp_path / "reasoner", embedding, config) is not None
    assert same_reasoner(tmp_path / "reasoner", embedding, TrainingConfig(epochs=3, batch=4)) is None
    scores = open_edge_scores(tmp_path / "reasoner", toy)
    again = edge_scores(first.model, toy, first.features)
    assert np.array_equal(scores, again, equal_nan=True)
    drawable = [toy.edge(edge).relation in ("has_phenotype", "treats") for edge in range(toy.num_edges)]
    assert np.array_equal(~np.isnan(scores), drawable)
    assert np.all((scores[drawable] >= 0) & (scores[drawable] <= 1))


def test_predictions_mark_known_edges_exact_and_prove_the_others(toy: Graph, tmp_path: Path) -> None:
    _embedding(toy, tmp_path / "embedding")
    embedding = Embedding(
        np.load(tmp_path / "embedding" / VECTORS), {"graph": toy.hash, "config": {"seed": 0}, "vectors": ""}
    )
    train_reasoner(toy, embedding, tmp_path / "reasoner", TrainingConfig(epochs=1), lambda done, total, words: None)
    reasoner = open_reasoner(tmp_path / "reasoner", tmp_path / "embedding", toy)
    found = predict(reasoner, toy.resolve("T:D1"), "treats", 10)
    assert {toy.id(one.node): one.state for one in found} == {"T:A1": "exact", "T:A2": "predicted"}
    assert [one.score for one in found] == [1.0, pytest.approx(1.0)]
    (proof,) = next(one.proofs for one in found if one.state == "predicted")
    assert toy.id(proof.nodes[-1]) == "T:A2"
    with pytest.raises(KGError, match="no treats edge begins or ends at a symptom"):
        predict(reasoner, toy.resolve("T:S1"), "treats", 10)


def test_artifacts_of_another_graph_are_refused(toy: Graph, core: Graph, tmp_path: Path) -> None:
    embedding = _embedding(toy, tmp_path / "embedding")
    train_reasoner(toy, embedding, tmp_path / "reasoner", TrainingConfig(epochs=1), lambda done, total, words: None)
    with pytest.raises(ArtifactError, match="belongs to another graph; run 'kg train' again"):
        open_reasoner(tmp_path / "reasoner", tmp_path / "embedding", core)
    with pytest.raises(ArtifactError, match="run 'kg train' first"):
        open_edge_scores(tmp_path / "nothing", toy)


def test_scores_do_not_depend_on_the_batch(core: Graph) -> None:
    torch.manual_seed(1)
    model = Reasoner(ReasonerConfig(2 * len(core.relations), 0, hidden=8))
    messages = Messages.of(core, np.arange(core.num_edges))
    anchors = torch.tensor([core.resolve(name) for name in ("J18", "I10", "fever")])
    relations = torch.tensor([0, 1, 2])
    features = torch.zeros(core.num_nodes, 0)
    together = scores_of(model, messages, features, anchors, relations)
    alone = [scores_of(model, messages, features, anchors[[i]], relations[[i]])[0] for i in range(3)]
    assert np.allclose(together, np.stack(alone), atol=1e-4)
