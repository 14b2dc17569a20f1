"""Distances against a breadth-first search over plain lists, on random graphs with and without filters, and on a graph
whose search changes sides: from the frontier while that has few edges, from the nodes not yet reached when those do.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import drawings, filters, neighbours, permitted, random_graphs

from kgengine.errors import UnknownNameError
from kgengine.graph import Graph
from kgengine.query import neighbourhood
from kgengine.reach import distances
from kgengine.selection import EdgeFilter


def naive(graph: Graph, anchors: Sequence[int], hops: int, edges: list[int]) -> list[int]:
    at = neighbours(graph, edges)
    distance = [-1] * graph.num_nodes
    queue = list(dict.fromkeys(anchors))
    for anchor in queue:
        distance[anchor] = 0
    for node in queue:
        for other, _ in at[node]:
            if distance[other] < 0 and distance[node] < hops:
                distance[other] = distance[node] + 1
                queue.append(other)
    return distance


@random_graphs
@given(data=st.data())
def test_distances_are_those_of_a_naive_search(make_graph: Callable[..., Graph], data: st.DataObject) -> None:
    graph = make_graph(*data.draw(drawings()))
    for _ in range(4):  # the whole graph's lists are kept, those under a filter must not be taken for them
        anchors = data.draw(st.lists(st.integers(0, graph.num_nodes - 1), min_size=1, max_size=3))
        hops = data.draw(st.integers(0, 6))
        only = data.draw(st.just(EdgeFilter()) | filters(graph))
        found = distances(graph, anchors, hops, only)
        assert found.dtype == np.int16
        assert found.tolist() == naive(graph, anchors, hops, permitted(graph, only))


def sides(graph: Graph, distance: Sequence[int]) -> list[str]:
    """From which side each level of a search pays, where a node not yet reached looks at a quarter of its edges."""
    degree = [len(at) for at in neighbours(graph, list(range(graph.num_edges))).values()]
    taken = []
    for hop in range(max(distance)):
        ahead = sum(degree[node] for node, hops in enumerate(distance) if hops == hop)
        behind = sum(degree[node] for node, hops in enumerate(distance) if hops > hop or hops < 0)
        taken.append("unseen" if ahead > behind // 4 else "frontier")
    return taken


@pytest.mark.parametrize("hops", range(12))
def test_a_search_that_changes_sides_and_back_finds_all(make_graph: Callable[..., Graph], hops: int) -> None:
    # A chain D0 to D4, D4 with S0 to S39, S39 with D5, then a chain D5 to D9 that ends in the hub of S40 to S79;
    # S80 and D10 lie apart.
    diseases, symptoms = [f"T:D{n}" for n in range(11)], [f"T:S{n}" for n in range(81)]
    graph = make_graph(
        [*((one, "disease", one) for one in diseases), *((one, "symptom", one) for one in symptoms)],
        [
            *((one, "precedes", other) for one, other in pairwise(diseases[:5])),
            *(("T:D4", "has_phenotype", one) for one in symptoms[:40]),
            ("T:S39", "precedes", "T:D5"),
            *((other, "follows", one) for one, other in pairwise(diseases[5:10])),
            *(("T:D9", "has_phenotype", one) for one in symptoms[40:80]),
            ("T:S80", "precedes", "T:D10"),
        ],
    )
    paper = {f"T:D{n}": n if n < 5 else n + 1 for n in range(10)}
    paper |= dict.fromkeys(symptoms[:40], 5) | dict.fromkeys(symptoms[40:80], 11)
    whole = [paper.get(graph.id(node), -1) for node in range(graph.num_nodes)]
    assert sides(graph, whole) == [*["frontier"] * 4, *["unseen"] * 2, *["frontier"] * 4, "unseen"]
    expected = [distance if distance <= hops else -1 for distance in whole]
    assert distances(graph, [graph.resolve("T:D0")], hops).tolist() == expected


def test_the_distances_of_the_toy_graph_are_those_seen_on_paper(toy: Graph) -> None:
    # S1: D1 and A2 at 1; S2, A1 (by D1), D2, C1 (by A2) at 2; S3 (by D2) at 3
    found = distances(toy, [toy.resolve("T:S1")], 9)
    assert {toy.id(node)[2:]: int(hops) for node, hops in enumerate(found)} == {
        "S1": 0, "D1": 1, "A2": 1, "S2": 2, "A1": 2, "D2": 2, "C1": 2, "S3": 3,
    }  # fmt: skip
    assert (distances(toy, [toy.resolve("T:S1")], 2) == np.where(found <= 2, found, -1)).all()


def test_no_hops_leave_the_anchors_alone(toy: Graph) -> None:
    assert np.flatnonzero(distances(toy, [2, 5, 2], 0) == 0).tolist() == [2, 5]
    assert (distances(toy, [], 3) == -1).all()


@pytest.mark.parametrize("only", [EdgeFilter(), EdgeFilter(["has_phenotype"]), EdgeFilter(sources=["kg-core"])])
def test_within_three_hops_lie_just_the_answers_of_a_neighbourhood(core: Graph, only: EdgeFilter) -> None:
    anchor = core.resolve("ICD10:G43")
    for hops in (1, 2, 3):
        near = np.flatnonzero(distances(core, [anchor], hops, only) > 0).tolist()
        assert near == sorted(answer.node for answer in neighbourhood(core, [anchor], hops, only=only))
        assert len(near) > 9


def test_a_filter_that_names_what_is_not_there_is_refused(toy: Graph) -> None:
    with pytest.raises(UnknownNameError, match="unknown relation 'cures'"):
        distances(toy, [0], 1, EdgeFilter(["cures"]))
    with pytest.raises(UnknownNameError, match="unknown source 'nowhere'"):
        distances(toy, [0], 1, EdgeFilter(sources=["nowhere"]))
