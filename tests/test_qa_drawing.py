"""Questions are numbered without a gap or a double: a shuffle is a bijection, and every set of anchors has one number
at each node where it meets, or one at all."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import drawings, random_graphs

from generation.qa.drawing import AnchorSpace, _binomials, below, mixed, permuted
from kgengine.graph import Graph
from kgengine.path_tables import StepTable

KEY = 0x1234_5678_9ABC_DEF0


@pytest.mark.parametrize("key", [0, 1, KEY, 2**64 - 1])
def test_every_number_comes_once_in_a_shuffle_of_any_length(key: int) -> None:
    for size in range(1, 201):
        assert sorted(permuted(np.arange(size), size, key).tolist()) == list(range(size)), size


@pytest.mark.parametrize("size", [2**20 - 1, 2**20, 2**20 + 1, 10**12 + 39, 2**40, 2**61 + 12345, 2**62])
def test_numbers_of_a_long_shuffle_differ_and_stay_within(size: int) -> None:
    random = np.random.default_rng(0)
    places = np.unique(np.concatenate([np.arange(1000), size - 1 - np.arange(1000), random.integers(0, size, 50_000)]))
    found = permuted(places, size, KEY)
    assert found.min() >= 0
    assert found.max() < size
    assert len(np.unique(found)) == len(places)


def test_a_place_gives_its_number_whatever_is_asked_beside_it() -> None:
    whole = permuted(np.arange(1000), 1000, KEY)
    assert permuted(np.arange(300, 340), 1000, KEY).tolist() == whole[300:340].tolist()
    assert permuted(np.array([7]), 1000, KEY).tolist() == [whole[7]]
    assert permuted(np.array([999, 0, 999]), 1000, KEY).tolist() == [whole[999], whole[0], whole[999]]


def test_another_key_is_another_order() -> None:
    size = 10_000
    orders = [permuted(np.arange(size), size, key) for key in (0, 1, 2, KEY, KEY + 1)]
    for one, other in combinations(orders, 2):
        assert (one == other).mean() < 0.01


def test_a_shuffle_leaves_no_order_behind() -> None:
    """Places of the first half go to either half alike, and neighbours do not stay neighbours."""
    size = 10_000
    found = permuted(np.arange(size), size, KEY)
    assert 0.45 < (found[: size // 2] < size // 2).mean() < 0.55
    assert (np.abs(np.diff(found)) == 1).mean() < 0.01
    assert abs(np.corrcoef(np.arange(size), found)[0, 1]) < 0.05


def test_hashes_under_a_key_are_those_of_no_other_key_or_order_of_numbers() -> None:
    numbers = np.arange(1000)
    assert not np.intersect1d(mixed(KEY, numbers), mixed(KEY // 3, numbers)).size
    assert (mixed(KEY, numbers, 5) != mixed(KEY, 5, numbers))[numbers != 5].all()
    assert mixed(KEY, numbers[:, None], np.arange(3)).shape == (1000, 3)
    assert int(mixed(KEY, 7)) == int(mixed(KEY, numbers)[7])


@pytest.mark.parametrize("bound", [1, 2, 3, 7, 1000, 2**32])
def test_integers_below_a_bound_are_spread_evenly(bound: int) -> None:
    found = below(mixed(KEY, np.arange(60_000)), bound)
    assert found.min() >= 0
    assert found.max() < bound
    parts = np.bincount(found * min(bound, 7) // bound)
    assert parts.min() > 0.93 * 60_000 / min(bound, 7)


def test_binomials_are_those_of_the_schoolbook_and_stop_before_they_overflow() -> None:
    for chosen in range(7):
        assert _binomials(40, chosen).tolist() == [comb(number, chosen) for number in range(41)]
    large = _binomials(100_000, 6)
    exact = [comb(number, 6) for number in range(100_001)]
    assert large.tolist() == [min(value, 2**62) for value in exact]
    assert (np.diff(large) >= 0).all()


def space_of(graph: Graph, here: str, there: str, relation: str, count: int) -> AnchorSpace:
    step, back = StepTable(graph, here, there, relation), StepTable(graph, there, here, relation)
    return AnchorSpace(step, back, count, graph.span(here), graph.span(there))


def joined(graph: Graph, here: str, there: str, relation: str) -> dict[int, set[int]]:
    """For each node of the type `there` the nodes of the type `here` that the relation joins it to, edge by edge."""
    found: dict[int, set[int]] = {node: set() for node in graph.nodes_of_type(there).tolist()}
    for edge in map(graph.edge, range(graph.num_edges)):
        for one, other in ((edge.head, edge.tail), (edge.tail, edge.head)):
            if edge.relation == relation and one != other and graph.type(one) == here and graph.type(other) == there:
                found[other].add(one)
    return found


@random_graphs
@given(st.data())
def test_every_set_of_anchors_has_one_number_at_each_node_where_it_meets(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    """Or, where the sets that meet are more than there are sets at all, one number at all."""
    graph = make_graph(*data.draw(drawings()))
    here, there = (data.draw(st.sampled_from(graph.types)) for _ in range(2))
    relation, count = data.draw(st.sampled_from(graph.relations)), data.draw(st.integers(2, 4))
    near = joined(graph, here, there, relation)
    expected = [(chosen, node) for node, own in near.items() for chosen in combinations(sorted(own), count)]
    all_sets = list(combinations(sorted(set().union(*near.values())), count))
    if len(expected) >= len(all_sets):
        expected = [(chosen, -1) for chosen in all_sets]
    space = space_of(graph, here, there, relation, count)
    assert space.size == len(expected)
    anchors, meeting = space.sets(np.arange(space.size))
    found = [(tuple(row), node) for row, node in zip(anchors.tolist(), meeting.tolist(), strict=True)]
    assert Counter(found) == Counter(expected)


@random_graphs
@given(st.data())
def test_single_anchors_are_the_nodes_with_an_edge(make_graph: Callable[..., Graph], data: st.DataObject) -> None:
    graph = make_graph(*data.draw(drawings()))
    here, there = (data.draw(st.sampled_from(graph.types)) for _ in range(2))
    relation = data.draw(st.sampled_from(graph.relations))
    expected = set().union(*joined(graph, here, there, relation).values())
    space = space_of(graph, here, there, relation, 1)
    anchors, meeting = space.sets(np.arange(space.size))
    assert anchors.shape == (space.size, 1)
    assert sorted(anchors[:, 0].tolist()) == sorted(expected)
    assert meeting.tolist() == [-1] * space.size


@pytest.mark.parametrize(
    ("here", "there", "relation", "count", "at_all"),
    [
        ("symptom", "disease", "has_phenotype", 2, False),
        ("symptom", "disease", "has_phenotype", 4, False),
        ("disease", "symptom", "has_phenotype", 2, True),
        ("drug", "symptom", "has_side_effect", 2, True),
    ],
)
def test_sets_of_the_default_mkg(core: Graph, here: str, there: str, relation: str, count: int, at_all: bool) -> None:
    near = joined(core, here, there, relation)
    met, possible = sum(comb(len(own), count) for own in near.values()), comb(len(set().union(*near.values())), count)
    space = space_of(core, here, there, relation, count)
    assert space.size == min(met, possible)
    numbers = np.unique(np.random.default_rng(0).integers(0, space.size, 5_000))
    anchors, meeting = space.sets(numbers)
    assert (np.diff(anchors, axis=1) > 0).all()
    drawn = list(zip(map(tuple, anchors.tolist()), meeting.tolist(), strict=True))
    assert len(set(drawn)) == len(numbers)
    assert all(set(row) <= near[node] for row, node in drawn if node >= 0)
    assert {node < 0 for _, node in drawn} == {at_all}


class Hub(StepTable):
    """A step with many nodes, one edge at each."""

    many = 20_000

    @property
    def degrees(self) -> np.ndarray:
        return np.ones(self.many, np.int64)


class Back(Hub):
    """The step back: all edges at one node."""

    @property
    def degrees(self) -> np.ndarray:
        return np.array([self.many])


def test_a_space_too_large_to_number_is_cut_and_still_gives_sets(toy: Graph) -> None:
    """Six of 20,000 anchors can be chosen in more ways than 64 bits number."""
    steps = (
        kind(toy, *way, "has_phenotype")
        for kind, way in ((Hub, ("symptom", "disease")), (Back, ("disease", "symptom")))
    )
    space = AnchorSpace(*steps, 6, (0, Hub.many), (Hub.many, Hub.many + 1))
    assert comb(Hub.many, 6) > 2**63
    assert 2**61 < space.size <= 2**62
    numbers = np.unique(
        np.concatenate([[0, 1, space.size - 1], np.random.default_rng(0).integers(0, space.size, 1000)])
    )
    anchors, _ = space.sets(numbers)
    assert (np.diff(anchors, axis=1) > 0).all()
    assert anchors.min() >= 0
    assert anchors.max() < Hub.many
    assert len({tuple(row) for row in anchors.tolist()}) == len(numbers)
