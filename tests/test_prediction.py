"""Predicted answers along a path equal a walk through all ways (1 - the product of 1 - each way's probability),
say what they assume, and are proved by edges of the graph that lead to them; proofs matter to the score."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.prediction import BEAM, EXACT, PREDICTED, message_relations, predict, relation_path, spread
from kgengine.query import follow
from kgengine.reasoner.explaining import most_important_path
from kgengine.reasoner.model import Reasoner
from kgengine.reasoner.store import TrainedReasoner, train_blend
from kgengine.reasoner.training import TrainingConfig
from kgengine.split import split_edges
from kgengine.subgraph import answer_record, spell_assumed, to_networkx

Make = Callable[..., Graph]


@pytest.fixture(scope="module")
def reasoner(core: Graph) -> TrainedReasoner:
    """A small one, trained for two passes on the default MKG."""
    blend, _ = train_blend(core, split_edges(core, 0), None, TrainingConfig(epochs=2, hidden=16))
    return TrainedReasoner(core, blend, {})


def links(reasoner: TrainedReasoner, node: int, kinds: list[int]) -> np.ndarray:
    """The probability of every node as the other end, over the best of some message relations."""
    graph = reasoner.graph
    table = np.zeros(graph.num_nodes)
    for kind in kinds:
        if kind in reasoner.asked:
            table = np.maximum(table, reasoner.probabilities(np.array([node]), kind)[0])
        else:
            stated = reasoner.known.answers(node, kind)
            table[stated] = 1.0
    return table


@pytest.mark.parametrize("names", [("fever",), ("fever", "cough"), ("itching", "skin rash", "fever")])
def test_scores_along_a_path_are_the_probability_of_any_way(reasoner: TrainedReasoner, names: tuple[str, ...]) -> None:
    graph, types = reasoner.graph, ["symptom", "disease", "drug"]
    anchors = [graph.resolve(name, "symptom") for name in names]
    steps = [message_relations(graph, here, there, []) for here, there in itertools.pairwise(types)]
    found, ways = spread(reasoner, anchors, types, steps)
    first = np.prod([links(reasoner, anchor, steps[0]) for anchor in anchors], axis=0)
    first[np.asarray(graph.node_type) != graph.type_index("disease")] = 0.0
    expected = np.zeros(graph.num_nodes)
    doubtful = np.where(first < 1.0, first, 0.0)
    likely = set(np.argsort(-doubtful, kind="stable")[:BEAM].tolist()) | set(np.flatnonzero(first == 1.0).tolist())
    for disease in likely:
        expected = 1 - (1 - expected) * (1 - first[disease] * links(reasoner, disease, steps[1]))
    expected[np.asarray(graph.node_type) != graph.type_index("drug")] = 0.0
    certain = expected == 1.0
    assert np.array_equal(found == 1.0, certain)
    assert np.allclose(found, expected, atol=1e-4)
    assert set(np.flatnonzero(found).tolist()) == set(ways)


def test_exact_answers_are_those_of_the_exact_query(reasoner: TrainedReasoner) -> None:
    graph, types, relations = reasoner.graph, ["disease", "symptom"], [["has_phenotype"]]
    anchor = graph.resolve("J18", "disease")
    found = predict(reasoner, [anchor], types, relations, 5)
    exact = [one.node for one in found if one.state == EXACT]
    assert exact == [one.node for one in follow(graph, [anchor], types, relations)]
    assert all(one.score == 1.0 and not one.assumed for one in found if one.state == EXACT)
    predicted = [one for one in found if one.state == PREDICTED]
    assert len(predicted) == 5
    assert [one.score for one in predicted] == sorted((one.score for one in predicted), reverse=True)
    assert all(0 < one.score < 1 for one in predicted)


def test_a_predicted_answer_says_what_it_assumes_and_is_proved_by_edges(reasoner: TrainedReasoner) -> None:
    graph = reasoner.graph
    anchors = [graph.resolve(name, "symptom") for name in ("fever", "cough")]
    found = predict(reasoner, anchors, ["symptom", "disease", "drug"], [], 8)
    for answer in (one for one in found if one.state == PREDICTED):
        product = np.prod([link.probability for link in answer.assumed])
        assert answer.assumed
        assert product * 0.999 <= answer.score < 1
        for link in answer.assumed:
            assert link.tail not in [
                graph.edge(e).tail for e in graph.out_edges(link.head, graph.relations[link.relation])
            ]
            assert f"({link.probability:.2f})" in spell_assumed(graph, link)
        for proof, anchor in zip(answer.proofs, anchors, strict=True):
            assert (proof.nodes[0], proof.nodes[-1]) == (anchor, answer.node)
            for (here, there), edge in zip(itertools.pairwise(proof.nodes), proof.edges, strict=True):
                assert {graph.edge(edge).head, graph.edge(edge).tail} == {here, there}
        record = answer_record(graph, answer)
        assert [one["relation"] for one in record["assumed"]] == [graph.relations[x.relation] for x in answer.assumed]
    picture = to_networkx(graph, found, anchors)
    assert all(graph.id(answer.node) in picture for answer in found)


def test_one_relation_becomes_a_path_whose_direction_follows_the_anchor(core: Graph) -> None:
    disease, drug = core.resolve("J18", "disease"), core.resolve("amoxicillin", "drug")
    assert relation_path(core, disease, "treats") == (["disease", "drug"], [["treats"]])
    assert relation_path(core, drug, "treats") == (["drug", "disease"], [["treats"]])
    assert relation_path(core, drug, "interacts_with") == (["drug", "drug"], [["interacts_with"]])
    with pytest.raises(KGError, match="no treats edge begins or ends at a symptom"):
        relation_path(core, core.resolve("fever", "symptom"), "treats")


def test_a_path_of_relations_that_were_never_asked_is_refused(reasoner: TrainedReasoner) -> None:
    graph = reasoner.graph
    drug = graph.resolve("amoxicillin", "drug")
    with pytest.raises(KGError, match=r"predicts only .*treats.*of which this path has none"):
        predict(reasoner, [drug], ["drug", "drug_class"], [["subclass_of"]], 3)


def test_gates_of_one_change_nothing_and_their_gradient_is_what_removal_does(reasoner: TrainedReasoner) -> None:
    """A gate a little below 1 lowers the score by the gradient times the difference."""
    graph, messages = reasoner.graph, reasoner.messages
    model: Reasoner = reasoner.blend.models[0]
    anchor, kind = torch.tensor([graph.resolve("J18", "disease")]), graph.relations.index("has_phenotype")
    gates = torch.ones(len(messages.edge), requires_grad=True)
    plain = model(messages, messages.visible(), anchor, kind)
    gated = model(messages, messages.visible(), anchor, kind, gates)
    assert torch.allclose(plain, gated, atol=1e-4)
    answer = int(gated[0].argmax())
    (gradient,) = torch.autograd.grad(gated[0, answer], gates)
    strongest = int(gradient.abs().argmax())
    lower = torch.ones(len(messages.edge))
    lower[strongest] = 0.99
    with torch.inference_mode():
        less = model(messages, messages.visible(), anchor, kind, lower)
    assert float((plain[0, answer] - less[0, answer]).detach()) == pytest.approx(
        0.01 * float(gradient[strongest]), rel=0.1
    )


def test_a_proof_is_a_simple_path_and_none_where_nothing_leads(reasoner: TrainedReasoner, make_graph: Make) -> None:
    graph = reasoner.graph
    kind = graph.relations.index("has_phenotype")
    for name in ("J18", "G43", "I10"):
        anchor = graph.resolve(name, "disease")
        for answer in np.argsort(-reasoner.probabilities(np.array([anchor]), kind)[0])[20:23].tolist():
            proof = reasoner.proof(anchor, kind, answer)
            assert proof is not None
            assert (proof.nodes[0], proof.nodes[-1]) == (anchor, answer)
            assert len(set(proof.nodes)) == len(proof.nodes) <= 4
    nodes = [("T:D1", "disease", "a"), ("T:D2", "disease", "b"), ("T:S1", "symptom", "c"), ("T:S2", "symptom", "d")]
    apart = make_graph(nodes, [("T:D1", "has_phenotype", "T:S1"), ("T:D2", "has_phenotype", "T:S2")])
    from kgengine.reasoner.adjacency import Messages
    from kgengine.reasoner.model import ReasonerConfig

    messages = Messages(apart, np.arange(2))
    model = Reasoner(ReasonerConfig(2, hidden=4)).eval()
    assert most_important_path(model, messages, apart.resolve("T:D1"), 0, apart.resolve("T:S2")) is None
    one = most_important_path(model, messages, apart.resolve("T:D1"), 0, apart.resolve("T:S1"))
    assert one is not None
    assert one.edges == (0,)
