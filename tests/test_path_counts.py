"""Counts without proofs are those of `follow`; what a disease may be mistaken for is what shares symptoms with it,
each symptom once; heaviest paths are the heaviest of all simple ones. All on random graphs, against plain loops.
"""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import drawings, filters, neighbours, permitted, random_graphs

from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph
from kgengine.query import follow, heaviest_paths, mistaken_for, path_counts
from kgengine.selection import EdgeFilter


@random_graphs
@given(data=st.data())
def test_path_counts_are_those_of_follow_without_a_limit(make_graph: Callable[..., Graph], data: st.DataObject) -> None:
    graph = make_graph(*data.draw(drawings()))
    types = [data.draw(st.sampled_from(graph.types)) for _ in range(data.draw(st.integers(2, 5)))]
    starts = st.sampled_from(graph.nodes_of_type(types[0]).tolist())
    anchors = data.draw(st.lists(starts, min_size=1, max_size=3, unique=True))
    step = st.lists(st.sampled_from(graph.relations), max_size=2, unique=True)
    relations = data.draw(st.none() | st.just([data.draw(step) for _ in types[1:]]))
    only, any_anchor = data.draw(filters(graph)), data.draw(st.booleans())
    answers = sorted(follow(graph, anchors, types, relations, only, None, any_anchor), key=lambda one: one.node)
    for weighted in (False, True):
        nodes, found = path_counts(graph, anchors, types, relations, only, any_anchor, weighted)
        assert (nodes.dtype, found.dtype) == (np.int64, np.float64)
        assert nodes.tolist() == [answer.node for answer in answers]
        expected = [answer.score if weighted else answer.paths for answer in answers]
        assert found.tolist() == (pytest.approx(expected) if weighted else expected)


def test_path_counts_of_the_toy_graph_are_those_worked_out_by_hand(toy: Graph) -> None:
    # S2 is had by D1 and D2, (2*2)^-.4 each, which A1 and A2 treat, 1 each
    start, path = [toy.resolve("T:S2")], ["symptom", "disease", "drug"]
    nodes, counts = path_counts(toy, start, path)
    assert [toy.id(node) for node in nodes.tolist()] == ["T:A1", "T:A2"]
    assert counts.tolist() == [1, 1]
    assert path_counts(toy, start, path, weighted=True)[1] == pytest.approx([4**-0.4] * 2)
    with pytest.raises(KGError, match="names 1 types"):
        path_counts(toy, [toy.resolve("T:S2")], ["symptom"])


@random_graphs
@given(data=st.data())
def test_a_disease_is_mistaken_for_those_that_share_symptoms_with_it(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings(needed=("disease", "disease", "symptom"))))
    disease = data.draw(st.sampled_from(graph.nodes_of_type("disease").tolist()))
    only = data.draw(filters(graph))
    meant = "has_phenotype" if "has_phenotype" in graph.relations else None
    edges = [edge for edge in permitted(graph, only) if meant in (None, graph.edge(edge).relation)]
    at = neighbours(graph, edges)
    expected: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for symptom, first in at[disease]:
        for other, second in at[symptom] if graph.type(symptom) == "symptom" else ():
            if other != disease and graph.type(other) == "disease":
                expected[other][symptom].append(float(graph.edge_weight[first] * graph.edge_weight[second]))
    answers = mistaken_for(graph, disease, only)
    assert {answer.node for answer in answers} == set(expected)
    for answer in answers:
        shared = expected[answer.node]
        assert answer.score == pytest.approx(sum(map(sum, shared.values())))
        assert answer.paths == sum(map(len, shared.values()))
        assert sorted(proof.nodes[1] for proof in answer.proofs) == sorted(shared)
        weights = []
        for proof in answer.proofs:
            assert proof.nodes == (disease, proof.nodes[1], answer.node)
            for edge, ends in zip(proof.edges, (proof.nodes[:2], proof.nodes[1:]), strict=True):
                assert edge in edges
                assert {graph.edge(edge).head, graph.edge(edge).tail} == set(ends)
            weights.append(float(np.prod([graph.edge_weight[edge] for edge in proof.edges])))
            assert weights[-1] == pytest.approx(max(shared[proof.nodes[1]]))
        assert weights == sorted(weights, reverse=True)
    assert mistaken_for(graph, disease, only, 1) == answers[:1]


def test_a_rare_symptom_tells_more_than_a_common_one(make_graph: Callable[..., Graph]) -> None:
    # A and B share the rash, which no other disease has, and the fever, which all have
    diseases = "ABCDE"
    graph = make_graph(
        [*((f"T:{one}", "disease", one) for one in diseases), ("T:F", "symptom", "fever"), ("T:R", "symptom", "rash")],
        [
            *((f"T:{one}", "has_phenotype", "T:F") for one in diseases),
            *((f"T:{one}", "has_phenotype", "T:R") for one in "AB"),
        ],
    )
    best, *rest = mistaken_for(graph, graph.resolve("T:A"))
    assert (graph.id(best.node), best.paths) == ("T:B", 2)
    assert [graph.name(proof.nodes[1]) for proof in best.proofs] == ["rash", "fever"]
    assert [[graph.name(proof.nodes[1]) for proof in answer.proofs] for answer in rest] == [["fever"]] * 3


def test_another_way_to_share_a_symptom_is_no_reason_for_a_mistake(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph(
        [("T:A", "disease", "a"), ("T:B", "disease", "b"), ("T:C", "disease", "c"), ("T:S", "symptom", "s")],
        [("T:A", "has_phenotype", "T:S"), ("T:B", "has_phenotype", "T:S"), ("T:C", "excludes", "T:S")],
    )
    assert [graph.id(one.node) for one in mistaken_for(graph, graph.resolve("T:A"))] == ["T:B"]
    assert mistaken_for(graph, graph.resolve("T:C")) == []


def test_a_graph_without_symptoms_says_so(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:A", "disease", "a"), ("T:B", "disease", "b")], [("T:A", "related_to", "T:B")])
    with pytest.raises(UnknownNameError, match="unknown node type 'symptom'; this graph has disease"):
        mistaken_for(graph, 0)


@random_graphs
@given(data=st.data())
def test_heaviest_paths_are_the_heaviest_of_all_simple_paths(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings()))
    anchor = data.draw(st.integers(0, graph.num_nodes - 1))
    nodes = data.draw(st.lists(st.integers(0, graph.num_nodes - 1).filter(lambda n: n != anchor), unique=True))
    hops = data.draw(st.integers(1, 3))
    at = neighbours(graph, permitted(graph, EdgeFilter()))
    best: dict[int, float] = {}

    def walk(path: tuple[int, ...], weight: float) -> None:
        best[path[-1]] = max(weight, best.get(path[-1], 0.0))
        for other, edge in at[path[-1]] if len(path) <= hops else ():
            if other not in path:
                walk((*path, other), weight * float(graph.edge_weight[edge]))

    walk((anchor,), 1.0)
    found = heaviest_paths(graph, anchor, nodes, hops)
    assert set(found) == set(nodes) & set(best)
    for node, proof in found.items():
        assert (proof.nodes[0], proof.nodes[-1]) == (anchor, node)
        assert len(set(proof.nodes)) == len(proof.nodes) == len(proof.edges) + 1 <= hops + 1
        for position, edge in enumerate(proof.edges):
            assert {graph.edge(edge).head, graph.edge(edge).tail} == set(proof.nodes[position : position + 2])
        assert np.prod([graph.edge_weight[edge] for edge in proof.edges]) == pytest.approx(best[node])
