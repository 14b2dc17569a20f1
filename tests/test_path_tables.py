"""All simple paths of many questions at once are just those of `kgengine.query.follow` and of a naive walk over sets.

The naive walk knows pairs of nodes that a relation joins, and nothing of arrays; other tests use it, too.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import drawings, random_graphs

from generation.qa.families import QAFamily, load_families
from kgengine.graph import Graph
from kgengine.path_tables import PathTable, PathTracer, StepTable, StepTables
from kgengine.query import follow

Path = tuple[int, ...]
FAMILIES = load_families()
SHAPES = {(one.types, one.relations, one.anchors, one.ways): one for one in FAMILIES}


class NaiveWalk:
    """Paths found by recursion over pairs of nodes that a relation joins, whichever way round it is stated."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.at: dict[tuple[int, str], set[int]] = defaultdict(set)
        self.edges: dict[tuple[str, frozenset[int]], set[int]] = defaultdict(set)
        for number in range(graph.num_edges):
            edge = graph.edge(number)
            if edge.head != edge.tail:
                self.at[edge.head, edge.relation].add(edge.tail)
                self.at[edge.tail, edge.relation].add(edge.head)
                self.edges[edge.relation, frozenset((edge.head, edge.tail))].add(number)

    def _step(self, node: int, relation: str, kind: str) -> set[int]:
        return {other for other in self.at[node, relation] if self.graph.type(other) == kind}

    def paths(
        self, types: Sequence[str], relations: Sequence[str], anchors: Sequence[int], ways: Sequence[int] = ()
    ) -> list[Path]:
        """List the nodes after the anchors on every path."""
        meeting = set.intersection(*(self._step(anchor, relations[0], types[1]) for anchor in anchors))
        found: list[Path] = [(node,) for node in meeting - set(anchors)]
        for hop, (relation, kind) in enumerate(zip(relations, types[1:], strict=True)):
            if hop:
                found = [
                    (*path, node)
                    for path in found
                    for node in self._step(path[-1], relation, kind)
                    if node not in path and node not in anchors
                ]
            reached = Counter(path[-1] for path in found)
            found = [path for path in found if reached[path[-1]] >= (ways[hop] if ways else 1)]
        return found

    def of(self, family: QAFamily, anchors: Sequence[int]) -> list[Path]:
        """List the paths of a family's question."""
        return self.paths(family.types, family.relations, anchors, family.ways)


@pytest.fixture(scope="session")
def naive(core: Graph) -> NaiveWalk:
    """The walk on the default MKG."""
    return NaiveWalk(core)


def traced(
    graph: Graph,
    types: Sequence[str],
    relations: Sequence[str],
    anchors: np.ndarray,
    ways: Sequence[int] = (),
    most: int = 10_000,
) -> PathTable:
    """Trace questions, and give their paths by the row of their anchors."""
    counted, _, paths = PathTracer(StepTables(graph), types, relations, ways).trace(anchors, most)
    return replace(paths, question=counted[paths.question])


def rows_of(table: PathTable, question: int) -> list[Path]:
    return [tuple(row) for row in table.nodes[table.question == question].tolist()]


def assert_edges_join_the_nodes(
    walk: NaiveWalk, table: PathTable, relations: Sequence[str], anchors: np.ndarray
) -> None:
    for row in range(len(table.question)):
        nodes, own = table.nodes[row].tolist(), anchors[table.question[row]].tolist()
        for anchor, edge in zip(own, table.first_edges[row].tolist(), strict=True):
            assert edge in walk.edges[relations[0], frozenset((anchor, nodes[0]))]
        further = zip(relations[1:], nodes, nodes[1:], table.edges[row].tolist(), strict=False)
        for relation, here, there, edge in further:
            assert edge in walk.edges[relation, frozenset((here, there))]
        assert len({*nodes, *own}) == len(nodes) + len(own)


def assert_as_followed(
    graph: Graph, table: PathTable, question: int, anchors: list[int], types: Sequence[str], relations: Sequence[str]
) -> None:
    """Answers, their numbers of paths and their summed weights are those of a query."""
    mine: dict[int, list[float]] = defaultdict(list)
    for row in np.flatnonzero(table.question == question).tolist():
        mine[int(table.nodes[row, -1])].append(float(table.weight[row]))
    answers = follow(graph, anchors, types, [[one] for one in relations])
    assert {answer.node: answer.paths for answer in answers} == {node: len(paths) for node, paths in mine.items()}
    for answer in answers:
        assert sum(mine[answer.node]) == pytest.approx(answer.score)


def drawn_question(graph: Graph, data: st.DataObject, most_steps: int = 3) -> tuple[list[str], list[str], np.ndarray]:
    """Draw types, relations and the anchors of some questions."""
    types = [data.draw(st.sampled_from(graph.types)) for _ in range(data.draw(st.integers(2, most_steps + 1)))]
    relations = [data.draw(st.sampled_from(graph.relations)) for _ in types[1:]]
    nodes = graph.nodes_of_type(types[0]).tolist()
    sets = list(combinations(nodes, data.draw(st.integers(1, min(3, len(nodes))))))
    return types, relations, np.array(data.draw(st.lists(st.sampled_from(sets), min_size=1, max_size=4, unique=True)))


@random_graphs
@given(st.data())
def test_the_paths_are_those_of_a_naive_walk(make_graph: Callable[..., Graph], data: st.DataObject) -> None:
    graph = make_graph(*data.draw(drawings()))
    types, relations, anchors = drawn_question(graph, data)
    ways = [data.draw(st.integers(1, 2)) for _ in relations]
    walk = NaiveWalk(graph)
    table = traced(graph, types, relations, anchors, ways)
    assert table.question.tolist() == sorted(table.question.tolist())
    for question, own in enumerate(anchors.tolist()):
        assert sorted(rows_of(table, question)) == sorted(walk.paths(types, relations, own, ways))
    assert_edges_join_the_nodes(walk, table, relations, anchors)


@random_graphs
@given(st.data())
def test_answers_numbers_and_weights_are_those_of_a_query(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    nodes, edges = data.draw(drawings())
    once = {(relation, frozenset((head, tail))): (head, relation, tail, *rest) for head, relation, tail, *rest in edges}
    graph = make_graph(nodes, list(once.values()))  # a pair stated in both directions is two paths of a query
    types, relations, anchors = drawn_question(graph, data)
    table = traced(graph, types, relations, anchors)
    for question, own in enumerate(anchors.tolist()):
        assert_as_followed(graph, table, question, own, types, relations)


@pytest.fixture
def ring(make_graph: Callable[..., Graph]) -> Graph:
    """Four drugs that interact in a ring, A1-A2-A3-A4-A1; a symmetric relation, stored in one direction."""
    nodes = [(f"T:A{number}", "drug", f"Drug {number}") for number in (1, 2, 3, 4)]
    around = [("T:A1", "T:A2"), ("T:A3", "T:A2"), ("T:A3", "T:A4"), ("T:A1", "T:A4")]
    return make_graph(nodes, [(head, "interacts_with", tail) for head, tail in around])


def names(graph: Graph, paths: list[Path]) -> list[list[str]]:
    return sorted([graph.id(node).removeprefix("T:") for node in path] for path in paths)


def test_a_symmetric_relation_leads_both_ways_and_never_back(ring: Graph) -> None:
    start = np.array([[ring.resolve("T:A1")]])
    one, two, three = (traced(ring, ["drug"] * (n + 1), ["interacts_with"] * n, start) for n in (1, 2, 3))
    assert names(ring, rows_of(one, 0)) == [["A2"], ["A4"]]
    assert names(ring, rows_of(two, 0)) == [["A2", "A3"], ["A4", "A3"]]
    assert names(ring, rows_of(three, 0)) == [["A2", "A3", "A4"], ["A4", "A3", "A2"]]


def test_ways_count_the_paths_to_a_node(ring: Graph) -> None:
    start = np.array([[ring.resolve("T:A1")], [ring.resolve("T:A2")]])
    path = ["drug"] * 3, ["interacts_with"] * 2
    assert len(traced(ring, *path, start, [1, 2]).question) == 4  # A3 from A1 in two ways, A4 from A2 in two ways
    assert len(traced(ring, *path, start, [1, 3]).question) == 0
    assert len(traced(ring, *path, start, [2, 1]).question) == 0  # no first node is reached twice


def test_two_anchors_meet_at_each_node_that_both_have_an_edge_to(ring: Graph) -> None:
    anchors = np.array([[ring.resolve("T:A1"), ring.resolve("T:A3")], [ring.resolve("T:A1"), ring.resolve("T:A2")]])
    table = traced(ring, ["drug", "drug"], ["interacts_with"], anchors)
    assert names(ring, rows_of(table, 0)) == [["A2"], ["A4"]]
    assert rows_of(table, 1) == []
    assert_edges_join_the_nodes(NaiveWalk(ring), table, ["interacts_with"], anchors)


def test_of_an_edge_stated_in_both_directions_one_is_taken(make_graph: Callable[..., Graph]) -> None:
    nodes = [(f"T:D{number}", "disease", f"Disease {number}") for number in (1, 2)]
    graph = make_graph(nodes, [("T:D1", "treats", "T:D2"), ("T:D2", "treats", "T:D1")])
    assert graph.num_edges == 2
    table = traced(graph, ["disease", "disease"], ["treats"], np.array([[0], [1]]))
    assert table.question.tolist() == [0, 1]
    assert StepTable(graph, "disease", "disease", "treats").degrees.tolist() == [1, 1]


def test_a_question_that_opens_too_many_paths_has_none_and_others_keep_theirs(core: Graph, naive: NaiveWalk) -> None:
    types, relations = ["disease", "symptom", "disease"], ["has_phenotype"] * 2
    anchors = core.nodes_of_type("disease")[:60, None].astype(np.int64)
    whole = traced(core, types, relations, anchors)
    opened = [sum(len(naive.at[node[0], "has_phenotype"]) for node in naive.paths(types[:2], relations[:1], own))
              for own in anchors.tolist()]  # fmt: skip
    most = sorted(opened)[30]
    bounded = traced(core, types, relations, anchors, most=most)
    for question, count in enumerate(opened):
        assert rows_of(bounded, question) == (rows_of(whole, question) if count <= most else [])
    assert 0 < len(bounded.question) < len(whole.question)


def anchor_sets(walk: NaiveWalk, family: QAFamily, count: int) -> Iterator[list[int]]:
    """Draw sets of anchors that meet somewhere."""
    random = np.random.default_rng(len(family.metapath))
    meeting = walk.graph.nodes_of_type(family.types[1]).tolist()
    while count:
        node = meeting[random.integers(len(meeting))]
        near = sorted(walk._step(node, family.relations[0], family.types[0]))
        if len(near) >= family.anchors:
            count -= 1
            yield sorted(random.choice(near, family.anchors, replace=False).tolist())


@pytest.mark.parametrize("family", SHAPES.values(), ids=lambda family: family.name)
def test_every_family_on_the_default_mkg(core: Graph, naive: NaiveWalk, family: QAFamily) -> None:
    anchors = np.array(list(anchor_sets(naive, family, 25)))
    table = traced(core, family.types, family.relations, anchors, family.ways, most=10**9)
    for question, own in enumerate(anchors.tolist()):
        assert sorted(rows_of(table, question)) == sorted(naive.of(family, own))
    few = PathTable(*(column[table.question < 3] for column in vars(table).values()))
    assert_edges_join_the_nodes(naive, few, family.relations, anchors)
    assert table.weight.min(initial=1) > 0
    assert table.weight.max(initial=0) <= 1
    if max(family.ways) == 1:
        for question in range(5):
            assert_as_followed(core, table, question, anchors[question].tolist(), family.types, family.relations)


def test_a_step_that_the_graph_has_no_edge_for_leads_nowhere(toy: Graph) -> None:
    symptoms: Any = toy.nodes_of_type("symptom").astype(np.int64)
    for anchors in (symptoms[:, None], symptoms[None, :2]):
        table = traced(toy, ["symptom", "disease"], ["contraindicated_in"], anchors)
        assert len(table.question) == 0
        assert table.nodes.shape == (0, 1)
        assert table.first_edges.shape == (0, anchors.shape[1])


def test_a_first_step_of_too_many_edges_is_not_taken_but_from_the_anchor_with_few(
    make_graph: Callable[..., Graph],
) -> None:
    """S0 has four diseases, S1 just one of them: the two together open one path, S0 alone four."""
    nodes = [("T:S0", "symptom", "Common"), ("T:S1", "symptom", "Rare")]
    nodes += [(f"T:D{number}", "disease", f"Disease {number}") for number in range(4)]
    edges = [(f"T:D{number}", "has_phenotype", "T:S0") for number in range(4)] + [("T:D2", "has_phenotype", "T:S1")]
    graph = make_graph(nodes, edges)
    common, rare = graph.resolve("T:S0"), graph.resolve("T:S1")
    path = ["symptom", "disease"], ["has_phenotype"]
    assert traced(graph, *path, np.array([[common], [rare]]), most=3).question.tolist() == [1]
    assert traced(graph, *path, np.array([[common], [rare]]), most=4).question.tolist() == [0, 0, 0, 0, 1]
    anchors = np.array([[common, rare], [rare, common]])
    table = traced(graph, *path, anchors, most=3)
    assert [names(graph, rows_of(table, question)) for question in (0, 1)] == [[["D2"]], [["D2"]]]
    assert_edges_join_the_nodes(NaiveWalk(graph), table, ["has_phenotype"], anchors)


@random_graphs
@given(st.data())
def test_only_questions_that_count_are_kept(make_graph: Callable[..., Graph], data: st.DataObject) -> None:
    graph = make_graph(*data.draw(drawings()))
    types, relations, anchors = drawn_question(graph, data)
    ways = [data.draw(st.integers(1, 2)) for _ in relations]
    most = data.draw(st.integers(1, 4))
    lowest = np.array([data.draw(st.sampled_from([-1, *range(graph.num_nodes)])) for _ in anchors])
    tracer, walk, expected = PathTracer(StepTables(graph), types, relations, ways), NaiveWalk(graph), []
    for question, own in enumerate(anchors.tolist()):
        paths = walk.paths(types, relations, own, ways)
        met = lowest[question] in (-1, min((path[0] for path in paths), default=-2))
        if 1 <= len({path[-1] for path in paths}) <= most and met:
            expected.append(question)
    assert tracer.trace(anchors, most_answers=most, lowest=lowest).counted.tolist() == expected


@random_graphs
@given(st.data())
def test_paths_lie_by_answer_and_weight_and_facts_are_counted(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings()))
    types, relations, anchors = drawn_question(graph, data)
    order = np.array(data.draw(st.permutations(range(graph.num_nodes))))
    tracer = PathTracer(StepTables(graph), types, relations)
    for _ in range(2):  # nothing is left over from the call before
        counted, facts, paths = tracer.trace(anchors, order=order)
        for question in range(len(counted)):
            rows = np.flatnonzero(paths.question == question)
            ranks = [(int(order[paths.nodes[row, -1]]), -float(paths.weight[row])) for row in rows]
            assert ranks == sorted(ranks)
            assert facts[question] == len({*paths.first_edges[rows].flat, *paths.edges[rows].flat})
