"""The graph asked from Python: `Graph.query`, its answers as a sequence, as records and as networkx."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgengine import Graph
from kgengine.answers import Answers
from kgengine.errors import KGError, UnknownNameError
from kgengine.query import follow, mistaken_for, neighbourhood


def test_a_typed_path_asked_by_names_is_the_one_asked_by_node_indices(core_folder: Path) -> None:
    graph = Graph.open(str(core_folder))
    answers = graph.query("fever", "cough", path="symptom/disease/drug")
    anchors = (graph.resolve("fever"), graph.resolve("cough"))
    assert answers.anchors == anchors
    assert list(answers) == follow(graph, anchors, ["symptom", "disease", "drug"], limit=10)
    assert len(answers) == 10


def test_answers_are_a_sequence(core: Graph) -> None:
    answers = core.query("ICD10:J18", hops=2, to="drug", limit=7)
    assert isinstance(answers, Answers)
    found = list(answers)
    assert (answers[0], answers[-1]) == (found[0], found[6])
    assert list(answers[2:4]) == found[2:4]
    assert list(answers[::-1]) == list(reversed(answers)) == found[::-1]
    assert found[3] in answers
    assert answers.index(found[3]) == 3
    with pytest.raises(IndexError):
        answers[7]


def test_options_reach_the_query(core: Graph) -> None:
    fever, cough = core.resolve("fever"), core.resolve("cough")
    assert list(core.query("fever", hops=2, limit=None)) == neighbourhood(core, [fever], 2)
    assert list(core.query("fever", "cough", any_anchor=True)) == neighbourhood(
        core, [fever, cough], limit=10, any_anchor=True
    )
    asthma = core.resolve("ICD10:J45")
    assert list(core.query("asthma", shared_symptoms=True, limit=4)) == mistaken_for(core, asthma, limit=4)
    for answer in core.query("asthma", relations=["has_phenotype"]):
        assert [core.edge(edge).relation for proof in answer.proofs for edge in proof.edges] == ["has_phenotype"]
    assert not core.query("asthma", min_score=0.5)  # no edge of the default MKG has a score


def test_a_name_is_taken_as_the_path_begins_and_twice_is_once(core: Graph) -> None:
    # a disease and a symptom are both called so
    assert core.type(core.query("migraine").anchors[0]) == "disease"
    assert core.type(core.query("migraine", path="symptom/disease").anchors[0]) == "symptom"
    assert core.query("fever", "HP:0001945", "лихорадка").anchors == (core.resolve("HP:0001945"),)


def test_records_spell_out_every_edge_of_every_proof(core: Graph) -> None:
    answers = core.query("fever", "cough", path="symptom/disease/drug", limit=3)
    for answer, record in zip(answers, answers.records(), strict=True):
        assert record["id"] == core.id(answer.node)
        assert (record["name"], record["type"]) == (core.name(answer.node), "drug")
        assert (record["score"], record["paths"]) == (answer.score, answer.paths)
        assert [[edge["edge"] for edge in proof] for proof in record["proofs"]] == [
            list(proof.edges) for proof in answer.proofs
        ]
        assert {edge["source"] for proof in record["proofs"] for edge in proof} == {"infores:kg-core"}


def test_networkx_holds_the_proofs_and_marks_anchors_and_answers(core: Graph) -> None:
    answers = core.query("fever", "cough", path="symptom/disease/drug", limit=3)
    picture = answers.to_networkx()
    proofs = [proof for answer in answers for proof in answer.proofs]
    assert set(picture) == {core.id(node) for proof in proofs for node in proof.nodes}
    assert {key for _, _, key in picture.edges(keys=True)} == {edge for proof in proofs for edge in proof.edges}
    assert {node for node, data in picture.nodes(data=True) if data.get("anchor")} == {"HP:0001945", "HP:0012735"}
    assert {node: data["score"] for node, data in picture.nodes(data=True) if "score" in data} == {
        core.id(answer.node): answer.score for answer in answers
    }


def test_without_answers_the_anchors_are_still_in_the_picture(core: Graph) -> None:
    answers = core.query("asthma", min_score=0.5)
    assert answers.records() == []
    assert list(answers.to_networkx()) == ["ICD10:J45"]


def test_what_cannot_be_asked_is_refused(core: Graph) -> None:
    with pytest.raises(KGError, match="at least one name"):
        core.query()
    with pytest.raises(KGError, match="asked of one disease; give one name"):
        core.query("asthma", "migraine", shared_symptoms=True)
    with pytest.raises(UnknownNameError, match="unknown disease 'cough'"):
        core.query("cough", shared_symptoms=True)
    with pytest.raises(KGError, match="0 hops asked for"):
        core.query("cough", hops=0)
    with pytest.raises(UnknownNameError, match="unknown source 'wikipedia'; this graph has infores:atc"):
        core.query("cough", sources=["wikipedia"])


def test_a_step_of_a_path_may_name_its_relation_in_any_usual_spelling(toy: Graph) -> None:
    def names(path: str, **options: Any) -> list[str]:
        return [toy.id(answer.node) for answer in toy.query("T:S1", path=path, **options)]

    # S1 leads to D1, which A1 treats, and is itself a contra-indication of A2, which treats D2
    assert names("symptom/disease/drug") == ["T:A1"]
    assert names("symptom/drug") == []
    assert names("symptom/contraindicated_in:drug") == ["T:A2"]
    assert names(" Symptom / contraindicates:drug / Treats:Disease ") == ["T:D2"]
    assert names("symptom/drug", relations=["biolink:contraindicated_in"]) == ["T:A2"]
    with pytest.raises(KGError, match=r"^the path 'treats:symptom/drug' names a relation before its first type"):
        names("treats:symptom/drug")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(toy: Graph, limit: int) -> None:
    with pytest.raises(KGError, match=rf"^a limit of {limit} answers was asked for; give 1 or more"):
        toy.query("T:S1", limit=limit)


def test_a_code_that_is_another_nodes_name_is_found_as_both(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph(
        [("ICD10:F10", "disease", "Alcohol disorders"), ("NCBIGene:2159", "gene", "F10")],
        [("NCBIGene:2159", "associated_with", "ICD10:F10")],
    )
    assert [graph.id(node) for node in graph.find("F10")] == ["ICD10:F10", "NCBIGene:2159"]
    assert graph.id(graph.resolve("F10", "gene")) == "NCBIGene:2159"
