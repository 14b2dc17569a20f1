"""Distances against a breadth-first search over plain lists, on random graphs under random filters, with the search
made to choose the cheaper side at every level; and hand-drawn cases where it is known which side that is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import drawings, filters, neighbours, permitted, random_graphs

from kgengine import reach
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


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sides from which a search looked, in the order in which it did."""
    taken: list[str] = []

    def spy(name: str, side: str) -> None:
        way = getattr(reach, name)

        def look(*arguments: Any) -> None:
            taken.append(side)
            way(*arguments)

        monkeypatch.setattr(reach, name, look)

    spy("reach", "frontier")
    spy("reach_from_unseen", "unseen")
    return taken


@pytest.mark.parametrize("few_edges", [0, 20_000])
@random_graphs
@given(data=st.data())
def test_distances_are_those_of_a_naive_search(
    make_graph: Callable[..., Graph], monkeypatch: pytest.MonkeyPatch, few_edges: int, data: st.DataObject
) -> None:
    monkeypatch.setattr(reach, "_FEW_EDGES", few_edges)
    graph = make_graph(*data.draw(drawings()))
    anchors = data.draw(st.lists(st.integers(0, graph.num_nodes - 1), min_size=1, max_size=3))
    hops = data.draw(st.integers(0, 6))
    only = data.draw(filters(graph))
    found = distances(graph, anchors, hops, only)
    assert found.dtype == np.int16
    assert found.tolist() == naive(graph, anchors, hops, permitted(graph, only))


def test_a_crowd_that_looks_for_one_node_is_searched_from_that_node(
    make_graph: Callable[..., Graph], monkeypatch: pytest.MonkeyPatch, sides: list[str]
) -> None:
    # From D0 all of S0..S29 are one hop away: 30 edges go out of D0, 31 into the unseen symptoms. Then 31 edges go out
    # of the symptoms, but only one into D1, the last disease unseen.
    monkeypatch.setattr(reach, "_FEW_EDGES", 0)
    graph = make_graph(
        [("T:D0", "disease", "d0"), ("T:D1", "disease", "d1"), *((f"T:S{n}", "symptom", f"s{n}") for n in range(30))],
        [*(("T:D0", "has_phenotype", f"T:S{n}") for n in range(30)), ("T:D1", "has_phenotype", "T:S7")],
    )
    found = distances(graph, [graph.resolve("T:D0")], 2)
    assert sides == ["frontier", "unseen"]
    assert {graph.id(node): int(hops) for node, hops in enumerate(found) if hops != 1} == {"T:D0": 0, "T:D1": 2}


def test_few_edges_are_followed_from_the_frontier_without_counting(toy: Graph, sides: list[str]) -> None:
    distances(toy, [toy.resolve("T:S1")], 4)
    assert set(sides) == {"frontier"}


def test_the_distances_of_the_toy_graph_are_those_seen_on_paper(toy: Graph) -> None:
    # S1: D1 and A2 at 1; S2, A1 (by D1), D2, C1 (by A2) at 2; S3 (by D2) at 3
    found = distances(toy, [toy.resolve("T:S1")], 9)
    assert {toy.id(node)[2:]: int(hops) for node, hops in enumerate(found)} == {
        "S1": 0, "D1": 1, "A2": 1, "S2": 2, "A1": 2, "D2": 2, "C1": 2, "S3": 3,
    }  # fmt: skip
    assert (distances(toy, [toy.resolve("T:S1")], 2) == np.where(found <= 2, found, -1)).all()


def test_no_hops_leave_the_anchors_alone(toy: Graph) -> None:
    assert np.flatnonzero(distances(toy, [2, 5, 2], 0) == 0).tolist() == [2, 5]


@pytest.mark.parametrize("few_edges", [0, 20_000])
@pytest.mark.parametrize("only", [EdgeFilter(), EdgeFilter(["has_phenotype"]), EdgeFilter(sources=["kg-core"])])
def test_within_three_hops_lie_just_the_answers_of_a_neighbourhood(
    core: Graph, monkeypatch: pytest.MonkeyPatch, few_edges: int, only: EdgeFilter
) -> None:
    monkeypatch.setattr(reach, "_FEW_EDGES", few_edges)
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
