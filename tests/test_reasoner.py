"""The GNN reasoner on PyTorch Geometric: its sparse rounds equal a naive loop over messages on the whole graph,
hiding hides, it learns a rule that only paths can tell, its blend is calibrated, and what it saves opens again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from embeddings.presets import preset
from embeddings.training import train_embedding
from kgengine.edge_scores import open_stored_scores
from kgengine.errors import ArtifactError
from kgengine.graph import Graph
from kgengine.ranking import RankMetrics
from kgengine.reasoner.adjacency import SOURCE_DAMPING, TARGET_DAMPING, DirectedEdges, Messages
from kgengine.reasoner.blending import Blend, known_answers
from kgengine.reasoner.forecast import edge_scores, predicted_edges
from kgengine.reasoner.model import OUT_OF_RANGE, Reasoner, ReasonerConfig, _SparseProduct
from kgengine.reasoner.queries import QueryTable, only, rank_answers
from kgengine.reasoner.store import measure, open_reasoner, same_reasoner, train_blend, train_reasoner
from kgengine.reasoner.training import TrainingConfig, scorer, train
from kgengine.split import Split, split_edges
from kgengine.vectors import Embedding, open_embedding

Make = Callable[..., Graph]


def embedded(graph: Graph, folder: Path) -> Embedding:
    """Train a small ComplEx for real."""
    train_embedding(graph, folder, preset("ComplEx", dim=4, epochs=2))
    return open_embedding(folder, graph)


def chain_graph(make_graph: Make) -> Graph:
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


def naive_logits(model: Reasoner, graph: Graph, edges: list[int], anchor: int, relation: int) -> np.ndarray:
    """Score one query message by message over the whole graph, as the docstrings define it."""
    every = DirectedEdges.of(graph, np.array(edges))
    messages = list(zip(every.source.tolist(), every.relation.tolist(), every.target.tolist(), strict=True))
    into, out = {}, {}
    for source, kind, target in messages:
        into[target, kind] = into.get((target, kind), 0) + 1
        out[source, kind] = out.get((source, kind), 0) + 1
    degrees = torch.zeros(graph.num_nodes, 2 * len(graph.relations))
    for (source, kind), count in out.items():
        degrees[source, kind] = np.log1p(count)
    query = model.query.weight[relation]
    state = torch.zeros(graph.num_nodes, model.config.hidden)
    state[anchor] = query
    reached = {anchor}
    for layer in model.rounds:
        vectors = layer.relation + layer.of_query(query).view(-1, model.config.hidden)
        received = torch.zeros_like(state)
        for source, kind, target in messages:
            if source in reached:
                scale = into[target, kind] ** -TARGET_DAMPING * out[source, kind] ** -SOURCE_DAMPING
                received[target] += scale * state[source] * vectors[kind]
        reached |= {target for source, _, target in messages if source in reached}
        mixed = torch.relu(layer.norm(layer.received(received) + layer.carried(state) + layer.degree(degrees)))
        state = state + mixed * torch.tensor([[float(node in reached)] for node in range(graph.num_nodes)])
    popularity = torch.relu(model.degree(degrees))
    logits = model.head(torch.cat([state, query.expand(graph.num_nodes, -1), popularity], dim=1)).squeeze(-1)
    types = {int(graph.node_type[target]) for _, kind, target in messages if kind == relation}
    logits[[int(kind) not in types for kind in graph.node_type]] = OUT_OF_RANGE
    return logits.detach().numpy()


def test_messages_carry_each_edge_in_both_directions(toy: Graph) -> None:
    messages = Messages(toy, np.arange(toy.num_edges))
    assert len(messages.edge) == 2 * toy.num_edges
    columns = (messages.source, messages.target, messages.relation, messages.edge)
    for source, target, relation, edge in zip(*(column.tolist() for column in columns), strict=True):
        view = toy.edge(edge)
        kind = toy.relations.index(view.relation)
        ways = (view.head, view.tail, kind), (view.tail, view.head, kind + len(toy.relations))
        assert (source, target, relation) in ways


def test_a_symmetric_relation_is_one_message_relation_in_both_directions(make_graph: Make) -> None:
    drugs = [(f"T:A{index}", "drug", f"a{index}") for index in range(2)]
    graph = make_graph(drugs, [("T:A0", "interacts_with", "T:A1")])
    every = DirectedEdges.of(graph, np.array([0]))
    assert sorted(zip(every.source.tolist(), every.target.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert every.relation.tolist() == [0, 0]


def test_hidden_edges_carry_no_message(toy: Graph) -> None:
    messages = Messages(toy, np.arange(toy.num_edges))
    visible = messages.visible(torch.tensor([0, 3]))
    passing = visible.scale > 0
    assert set(messages.edge[passing].tolist()) == set(range(toy.num_edges)) - {0, 3}
    assert set(messages.edge[~passing].tolist()) == {0, 3}


@pytest.mark.parametrize("hops", [1, 2, 3, 4])
@pytest.mark.parametrize("hidden", [[], [0, 3, 4]])
def test_scores_equal_a_naive_loop_over_messages(toy: Graph, hops: int, hidden: list[int]) -> None:
    torch.manual_seed(hops)
    model = Reasoner(ReasonerConfig(2 * len(toy.relations), hidden=4, hops=hops)).eval()
    edges = [edge for edge in range(toy.num_edges) if edge not in hidden]
    score = scorer(model, Messages(toy, np.arange(toy.num_edges)), torch.tensor(hidden, dtype=torch.int64))
    for name, relation in (("T:D1", "has_phenotype"), ("T:S2", "has_phenotype_inverse"), ("T:D2", "treats_inverse")):
        kind = toy.relations.index(relation.removesuffix("_inverse"))
        kind += len(toy.relations) if relation.endswith("_inverse") else 0
        anchor = toy.resolve(name)
        expected = naive_logits(model, toy, edges, anchor, kind)
        assert np.allclose(score(np.array([anchor]), kind)[0], expected, atol=1e-4)


def test_an_anchor_without_any_edge_scores_all_candidates_alike(make_graph: Make) -> None:
    nodes = [("T:D1", "disease", "a"), ("T:D2", "disease", "b"), ("T:S1", "symptom", "c"), ("T:S2", "symptom", "d")]
    graph = make_graph(nodes, [("T:D2", "has_phenotype", "T:S1"), ("T:D2", "has_phenotype", "T:S2")])
    messages = Messages(graph, np.arange(2))
    model = Reasoner(ReasonerConfig(messages.num_relations, hops=3, hidden=4)).eval()
    anchor, gates = torch.tensor([graph.resolve("T:D1")]), torch.ones(len(messages.edge), requires_grad=True)
    scores = model(messages, messages.visible(), anchor, 0)
    assert torch.equal(scores, model(messages, messages.visible(), anchor, 0, gates))
    assert len(scores[0, graph.nodes_of_type("symptom")].unique()) == 1


def test_scores_do_not_depend_on_the_batch(core: Graph) -> None:
    torch.manual_seed(1)
    model = Reasoner(ReasonerConfig(2 * len(core.relations), hidden=8))
    score = scorer(model, Messages(core, np.arange(core.num_edges)))
    anchors = np.array([core.resolve(name, "disease") for name in ("J18", "I10", "G43")])
    relation = core.relations.index("has_phenotype")
    together = score(anchors, relation)
    assert np.allclose(together, np.stack([score(anchors[[i]], relation)[0] for i in range(3)]), atol=1e-4)


def test_gradients_pass_through_the_sparse_products(toy: Graph) -> None:
    """Torch's own check by difference quotients, on every round of a query."""
    messages = Messages(toy, np.arange(toy.num_edges))
    scale = messages.visible().scale
    for hop in messages.hops(torch.tensor([toy.resolve("T:D1")]), toy.relations.index("has_phenotype"), 3, scale):
        gather, scatter = hop.gather.double(), hop.scatter.double()
        assert torch.equal(gather.to_dense().T, scatter.to_dense())
        dense = torch.randn(gather.shape[1], 2, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(
            lambda x, gather=gather, scatter=scatter: _SparseProduct.apply(x, gather, scatter), dense
        )


def test_query_table_lists_every_answer_from_both_ends(toy: Graph) -> None:
    table = QueryTable(toy, np.arange(toy.num_edges))
    barking, kind = toy.resolve("T:S2"), toy.relations.index("has_phenotype")
    heads = table.answers(barking, kind + len(toy.relations)).tolist()
    assert sorted(toy.id(node) for node in heads) == ["T:D1", "T:D2"]
    assert table.answers(barking, kind).tolist() == []
    for head in heads:
        edge = table.edge_of(barking, kind + len(toy.relations), head)
        assert edge is not None
        assert (toy.edge(edge).head, toy.edge(edge).tail) == (head, barking)
    assert table.edge_of(barking, kind, heads[0]) is None
    batches = table.batches(2)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(table)))
    assert all(len(np.unique(table.relation[rows])) == 1 for rows in batches)


def test_training_learns_a_rule_that_only_paths_can_tell(make_graph: Make) -> None:
    graph = chain_graph(make_graph)
    treats = np.flatnonzero(np.asarray(graph.edge_relation) == graph.relations.index("treats"))
    held = treats[:10]
    split = Split(np.setdiff1d(np.arange(graph.num_edges), held), held[:5], held[5:])
    messages, known = Messages(graph, split.train), QueryTable(graph, np.arange(graph.num_edges))

    def mrr(model: Reasoner) -> float:
        return RankMetrics.of(only(rank_answers(scorer(model, messages), QueryTable(graph, split.test), known))).mrr

    untrained = Reasoner(ReasonerConfig(2 * len(graph.relations)))
    model, history = train(graph, split, TrainingConfig(epochs=25, patience=25, batch=16))
    assert mrr(untrained) < 0.5
    assert mrr(model) > 0.9
    assert len(history) == 13


def test_same_seed_gives_the_same_reasoner_and_each_member_differs(toy: Graph) -> None:
    split, config = split_edges(toy, 0), TrainingConfig(epochs=2, batch=4, seed=3)
    first, second, other = (train(toy, split, config, member=member)[0] for member in (0, 0, 1))
    pairs = list(zip(first.parameters(), second.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_blend_takes_over_what_only_the_embedding_knows(core: Graph) -> None:
    """Beside an untrained network, an embedding that states the truth gets the weight, and probabilities fit."""
    split = split_edges(core, 0)
    truth = QueryTable(core, np.arange(core.num_edges))

    class Oracle(Embedding):
        can_score = True

        def score(self, anchors, relation, inverse):
            kind = relation + (len(core.relations) if inverse else 0)
            noise = np.random.default_rng(0).normal(size=(len(anchors), core.num_nodes))
            return (4.0 * known_answers(truth, anchors, kind, core.num_nodes).numpy() + noise).astype(np.float32)

    torch.manual_seed(0)
    model = Reasoner(ReasonerConfig(2 * len(core.relations), hidden=4, hops=1)).eval()
    alone, helped = Blend.of([model], None), Blend.of([model], Oracle(np.zeros((core.num_nodes, 1), np.float32), {}))
    messages = Messages(core, split.train)
    for blend in (alone, helped):
        blend.fit(core, split, messages)
    before, after = measure(alone, core, split).mrr, measure(helped, core, split).mrr
    assert before < 0.1
    assert after > 0.5


def test_probabilities_are_calibrated_on_edges_never_seen(core: Graph) -> None:
    """Of the candidates of test queries as many are right as the probabilities say, in sum and in the top tenth."""
    split = split_edges(core, 0)
    blend, _ = train_blend(core, split, None, TrainingConfig(epochs=2, hidden=16))
    messages, seen = Messages(core, split.train), QueryTable(core, split.train)
    every, asked = QueryTable(core, np.arange(core.num_edges)), QueryTable(core, split.test)
    told, truth = [], []
    for rows in asked.batches(64):
        relation, anchors = int(asked.relation[rows[0]]), asked.anchor[rows]
        known = known_answers(seen, anchors, relation, core.num_nodes)
        right = asked.mask(rows, core.num_nodes)
        left_out = known | (known_answers(every, anchors, relation, core.num_nodes) & ~right)
        logits = blend.logits(messages, messages.visible(), anchors, relation)
        use = messages.candidates(relation)[None] & ~left_out
        told.append(blend.probabilities(logits, known, relation)[use].numpy())
        truth.append(right[use].numpy())
    told, truth = np.concatenate(told), np.concatenate(truth)
    assert told.sum() == pytest.approx(truth.sum(), rel=0.15)
    top = np.argsort(-told)[: len(told) // 100]
    assert told[top].mean() == pytest.approx(truth[top].mean(), abs=0.05)
    assert truth[top].mean() > 10 * truth.mean()


def test_saved_reasoner_opens_and_answers_the_same(make_graph: Make, tmp_path: Path) -> None:
    graph = chain_graph(make_graph)
    embedding, config = embedded(graph, tmp_path / "embedding"), TrainingConfig(epochs=2, batch=4, members=2)
    told: list[tuple[int, int]] = []
    metrics = train_reasoner(
        graph, embedding, tmp_path / "reasoner", config, lambda done, total, words: told.append((done, total))
    )
    assert told[-1][0] == told[-1][1] == len(told)
    first, second = (open_reasoner(tmp_path / "reasoner", tmp_path / "embedding", graph) for _ in range(2))
    assert len(first.blend.models) == 2
    assert embedding.split is not None
    assert measure(first.blend, graph, embedding.split) == metrics
    anchors, relation = np.array([graph.resolve("T:B1")]), max(first.asked)
    assert np.array_equal(first.probabilities(anchors, relation), second.probabilities(anchors, relation))
    assert same_reasoner(tmp_path / "reasoner", embedding, config) is not None
    assert same_reasoner(tmp_path / "reasoner", embedding, TrainingConfig(epochs=3, batch=4)) is None
    stored = open_stored_scores(tmp_path / "reasoner", graph)
    assert np.array_equal(stored.edges, edge_scores(first.blend, graph), equal_nan=True)
    drawable = [graph.edge(edge).relation == "treats" for edge in range(graph.num_edges)]
    assert np.array_equal(~np.isnan(stored.edges), drawable)
    assert np.all((stored.edges[drawable] >= 0) & (stored.edges[drawable] <= 1))


def test_stored_predictions_are_missing_facts_with_proofs_that_lead_there(core: Graph) -> None:
    blend, _ = train_blend(core, split_edges(core, 0), None, TrainingConfig(epochs=1, hidden=8))
    found = predicted_edges(blend, core)
    assert len(found) > 100
    stated = {(core.relations.index(v.relation), v.head, v.tail) for v in map(core.edge, range(core.num_edges))}
    facts = list(zip(found.relation.tolist(), found.head.tolist(), found.tail.tolist(), strict=True))
    assert len(set(facts)) == len(facts)
    assert not set(facts) & stated
    for (relation, head, tail), proof in zip(facts, found.proof.tolist(), strict=True):
        name = core.relations[relation]
        assert (core.type(head), core.type(tail)) == {
            "has_phenotype": ("disease", "symptom"),
            "treats": ("drug", "disease"),
        }[name]
        here = {head if name == "has_phenotype" else tail}
        for view in (core.edge(edge) for edge in proof if edge >= 0):
            assert here & {view.head, view.tail}
            here = {view.head, view.tail} - here
        assert here <= {head, tail}
    assert np.all((found.score > 0) & (found.score < 1))


def test_artifacts_of_another_graph_or_other_vectors_are_refused(toy: Graph, core: Graph, tmp_path: Path) -> None:
    embedding = embedded(toy, tmp_path / "embedding")
    train_reasoner(toy, embedding, tmp_path / "reasoner", TrainingConfig(epochs=1), lambda done, total, words: None)
    with pytest.raises(ArtifactError, match="belongs to another graph; run 'kg train' again"):
        open_reasoner(tmp_path / "reasoner", tmp_path / "embedding", core)
    with pytest.raises(ArtifactError, match="run 'kg train' first"):
        open_stored_scores(tmp_path / "nothing", toy)
    train_embedding(toy, tmp_path / "other", preset("DistMult", dim=4, epochs=1))
    with pytest.raises(ArtifactError, match="trained with other vectors; run 'kg train' again"):
        open_reasoner(tmp_path / "reasoner", tmp_path / "other", toy)
