"""Exact queries: degree-weighted path counts worked out by hand on the toy graph, then answers, path counts,
scores and proofs held against a naive recursive walk over every simple path of small random typed multigraphs
(parallel edges, both directions, loops), and the errors for what can't be asked. What a person sees of an answer
(`kgengine.subgraph`) and the lines of descent (`kgengine.hierarchy`) are tested on the same hand-drawn graph.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph
from kgengine.hierarchy import superclasses
from kgengine.proofs import Proof
from kgengine.query import Answer, follow, neighbourhood
from kgengine.selection import EdgeFilter
from kgengine.subgraph import answer_record, spell_proof, to_networkx

NodeIds = Sequence[str]
Triple = tuple[str, str, str]


def ids(graph: Graph, answers: Sequence[Answer]) -> list[str]:
    return [graph.id(answer.node) for answer in answers]


def scores(graph: Graph, answers: Sequence[Answer]) -> dict[str, float]:
    return {graph.id(answer.node): answer.score for answer in answers}


def at(graph: Graph, *nodes: str) -> list[int]:
    return [graph.resolve(node) for node in nodes]


# The weight of an edge is (out-degree of its head x in-degree of its tail, within its relation) ** -0.4.
#   has_phenotype: D1 and D2 have 2 each; S1 and S3 are had once, S2 twice.
#     D1-S1 (2*1)^-.4   D1-S2 (2*2)^-.4   D2-S2 (2*2)^-.4   D2-S3 (2*1)^-.4
#   treats, contraindicated_in: all degrees 1, weight 1.   subclass_of: C1 has 2 below it, (1*2)^-.4 each.
TWO, FOUR = 2**-0.4, 4**-0.4


def test_the_weights_of_the_toy_graph_are_those_worked_out_by_hand(toy: Graph) -> None:
    weights = {}
    for edge in range(toy.num_edges):
        view = toy.edge(edge)
        weights[f"{toy.id(view.head)[2:]}-{toy.id(view.tail)[2:]}"] = float(toy.edge_weight[edge])
    assert weights == pytest.approx(
        {
            "D1-S1": TWO,
            "D1-S2": FOUR,
            "D2-S2": FOUR,
            "D2-S3": TWO,
            "A1-D1": 1,
            "A2-D2": 1,
            "A2-S1": 1,
            "A1-C1": TWO,
            "A2-C1": TWO,
        }
    )


def test_one_hop_gives_the_neighbours_in_both_directions(toy: Graph) -> None:
    # S1 is had by D1 (2^-.4 = 0.758) and forbids A2 (1)
    answers = neighbourhood(toy, at(toy, "T:S1"))
    assert ids(toy, answers) == ["T:A2", "T:D1"]
    assert [answer.score for answer in answers] == pytest.approx([1.0, TWO])
    assert [answer.paths for answer in answers] == [1, 1]


def test_two_hops_sum_over_all_paths_up_to_two(toy: Graph) -> None:
    # from S1:  A2 1 (direct)                     D1 2^-.4 (direct)
    #           D2 by A2: 1*1 = 1                 C1 by A2: 1*2^-.4
    #           S2 by D1: 2^-.4 * 4^-.4           A1 by D1: 2^-.4 * 1
    answers = neighbourhood(toy, at(toy, "T:S1"), hops=2)
    expected = {"T:A2": 1, "T:D1": TWO, "T:D2": 1, "T:C1": TWO, "T:S2": TWO * FOUR, "T:A1": TWO}
    assert scores(toy, answers) == pytest.approx(expected)
    assert {answer.paths for answer in answers} == {1}


def test_three_hops_add_the_longer_way_round(toy: Graph) -> None:
    # from S1 to A1:  S1-D1-A1: 2^-.4 * 1,  and  S1-A2-C1-A1: 1 * 2^-.4 * 2^-.4 = 4^-.4
    # from S1 to S2:  S1-D1-S2: 2^-.4 * 4^-.4,  and  S1-A2-D2-S2: 1 * 1 * 4^-.4
    answers = {toy.id(answer.node): answer for answer in neighbourhood(toy, at(toy, "T:S1"), hops=3)}
    assert answers["T:A1"].paths == 2
    assert answers["T:A1"].score == pytest.approx(TWO + FOUR)
    assert [toy.id(node) for node in answers["T:A1"].proofs[0].nodes] == ["T:S1", "T:D1", "T:A1"]
    assert answers["T:S2"].paths == 2
    assert answers["T:S2"].score == pytest.approx(TWO * FOUR + FOUR)
    assert [toy.id(node) for node in answers["T:S2"].proofs[0].nodes] == ["T:S1", "T:A2", "T:D2", "T:S2"]


def test_a_typed_path_from_two_symptoms_meets_at_the_disease_that_has_both(toy: Graph) -> None:
    # S1 and S2 meet at D1 alone: 2^-.4 * 4^-.4, then treats 1
    answers = follow(toy, at(toy, "T:S1", "T:S2"), ["symptom", "disease", "drug"])
    assert ids(toy, answers) == ["T:A1"]
    assert answers[0].score == pytest.approx(TWO * FOUR)
    assert answers[0].paths == 1
    assert [[toy.id(node) for node in proof.nodes] for proof in answers[0].proofs] == [
        ["T:S1", "T:D1", "T:A1"],
        ["T:S2", "T:D1", "T:A1"],
    ]


def test_a_typed_path_from_one_symptom_gives_the_drugs_of_both_diseases_in_order_of_node(toy: Graph) -> None:
    answers = follow(toy, at(toy, "T:S2"), ["symptom", "disease", "drug"])
    assert ids(toy, answers) == ["T:A1", "T:A2"]  # a tie, 4^-.4 each
    assert [answer.score for answer in answers] == pytest.approx([FOUR, FOUR])


def test_a_typed_path_of_two_types_is_one_step(toy: Graph) -> None:
    answers = follow(toy, at(toy, "T:S1", "T:S2"), ["symptom", "disease"])
    assert ids(toy, answers) == ["T:D1"]
    assert [[toy.id(node) for node in proof.nodes] for proof in answers[0].proofs] == [
        ["T:S1", "T:D1"],
        ["T:S2", "T:D1"],
    ]


def test_a_step_takes_only_its_relations(toy: Graph) -> None:
    start = at(toy, "T:S1")
    assert ids(toy, follow(toy, start, ["symptom", "drug"], [["contraindicated_in"]])) == ["T:A2"]
    assert ids(toy, follow(toy, start, ["symptom", "drug"], only=EdgeFilter(["contraindicated_in"]))) == ["T:A2"]
    assert follow(toy, start, ["symptom", "drug"]) == []  # a contra-indication leads on only where it is named
    assert follow(toy, start, ["symptom", "drug"], [["has_phenotype"]]) == []
    free_second = follow(toy, start, ["symptom", "disease", "drug"], [["has_phenotype"], []])
    assert ids(toy, free_second) == ["T:A1"]
    assert follow(toy, start, ["symptom", "disease", "drug"], [[], ["contraindicated_in"]]) == []


def test_two_anchors_score_the_geometric_mean(toy: Graph) -> None:
    # D1 is reached from S1 by 2^-.4 and from S2 by 4^-.4: sqrt(2^-.4 * 4^-.4) = 8^-.2
    answers = neighbourhood(toy, at(toy, "T:S1", "T:S2"))
    assert ids(toy, answers) == ["T:D1"]
    assert answers[0].score == pytest.approx(8**-0.2)


def test_no_path_leads_through_another_anchor(toy: Graph) -> None:
    # S1-D1-S2-D2 passes S2; without it D2 is reached from S1 only by A2, from D1 by S2 never
    answers = neighbourhood(toy, at(toy, "T:D1", "T:S2"), hops=2, only=EdgeFilter(["has_phenotype"]))
    assert ids(toy, answers) == []
    assert ids(toy, neighbourhood(toy, at(toy, "T:D1"), hops=3, to="disease", only=EdgeFilter(["has_phenotype"]))) == [
        "T:D2"
    ]


def test_a_type_filter_counts_the_same_paths_as_filtering_afterwards(core: Graph) -> None:
    anchors = at(core, "fever", "cough")
    everything = neighbourhood(core, anchors, hops=2)
    drugs = neighbourhood(core, anchors, hops=2, to="drug")
    expected = [answer for answer in everything if core.type(answer.node) == "drug"]
    assert drugs
    assert [answer.node for answer in drugs] == [answer.node for answer in expected]
    assert [answer.score for answer in drugs] == pytest.approx([answer.score for answer in expected])
    assert [answer.paths for answer in drugs] == [answer.paths for answer in expected]


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_a_limit_gives_the_first_answers(toy: Graph, limit: int) -> None:
    start = at(toy, "T:S2")
    assert neighbourhood(toy, start, 3, limit=limit) == neighbourhood(toy, start, 3)[:limit]
    path = ["symptom", "disease", "drug"]
    assert follow(toy, start, path, limit=limit) == follow(toy, start, path)[:limit]


def test_answers_come_best_first_and_ties_by_node(core: Graph) -> None:
    answers = neighbourhood(core, at(core, "fever"), hops=2)
    order = [(-answer.score, answer.node) for answer in answers]
    assert len(order) > 100
    assert order == sorted(order)


# ---- against a naive walk ----


@dataclass(frozen=True)
class Walk:
    nodes: tuple[int, ...]
    edges: tuple[int, ...]
    weight: float


class Naive:
    """The same questions answered by recursion over plain lists of edges."""

    def __init__(self, graph: Graph, may: set[int] | None = None) -> None:
        self.graph = graph
        views = [graph.edge(edge) for edge in range(graph.num_edges)]
        kinds = [(v.relation, graph.type(v.head), graph.type(v.tail)) for v in views]
        out_degree: dict[tuple[int, Any], int] = defaultdict(int)
        in_degree: dict[tuple[int, Any], int] = defaultdict(int)
        for view, kind in zip(views, kinds, strict=True):
            both_ways = view.relation == "related_to" and kind[1] == kind[2]
            for degree, ends in ((out_degree, (view.head, view.tail)), (in_degree, (view.tail, view.head))):
                for end in ends if both_ways else ends[:1]:
                    degree[end, kind] += 1
        self.weight = {
            v.edge: (out_degree[v.head, kind] * in_degree[v.tail, kind]) ** -0.4
            for v, kind in zip(views, kinds, strict=True)
        }
        self.at: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
        for view in [view for view in views if may is None or view.edge in may]:
            self.at[view.head].append((view.tail, view.edge, view.relation))
            self.at[view.tail].append((view.head, view.edge, view.relation))

    def walks(self, walk: Walk, barred: set[int], steps: Sequence[tuple[str | None, Sequence[str]]]) -> Iterator[Walk]:
        """All simple continuations over exactly these (type, relations) steps."""
        if not steps:
            yield walk
            return
        node_type, relations = steps[0]
        for other, edge, relation in self.at[walk.nodes[-1]]:
            if other in walk.nodes or other in barred or (relations and relation not in relations):
                continue
            if node_type is None or self.graph.type(other) == node_type:
                longer = Walk((*walk.nodes, other), (*walk.edges, edge), walk.weight * self.weight[edge])
                yield from self.walks(longer, barred, steps[1:])

    def neighbourhood(
        self, anchors: Sequence[int], hops: int, to: str | None
    ) -> dict[int, tuple[float, int, list[float]]]:
        """node -> (score, paths from the first anchor, weight of the best path from each anchor)."""
        per_anchor = []
        for anchor in anchors:
            found: dict[int, list[float]] = defaultdict(list)
            for length in range(1, hops + 1):
                for walk in self.walks(Walk((anchor,), (), 1.0), set(anchors), [(None, ())] * length):
                    if to is None or self.graph.type(walk.nodes[-1]) == to:
                        found[walk.nodes[-1]].append(walk.weight)
            per_anchor.append(found)
        common = set.intersection(*(set(found) for found in per_anchor))
        return {
            node: (
                math.prod(sum(found[node]) for found in per_anchor) ** (1 / len(anchors)),
                len(per_anchor[0][node]),
                [max(found[node]) for found in per_anchor],
            )
            for node in common
        }

    def follow(
        self, anchors: Sequence[int], types: Sequence[str], relations: Sequence[Sequence[str]]
    ) -> dict[int, tuple[float, int, float]]:
        """node -> (score, ways, weight of the best way); a way is an edge from every anchor and one shared rest."""
        ways: dict[int, list[float]] = defaultdict(list)
        steps = list(zip(types[1:], relations, strict=True))
        for node in range(self.graph.num_nodes):
            begins = [1.0]
            for anchor in anchors:
                firsts = self.walks(Walk((anchor,), (), 1.0), set(anchors), steps[:1])
                weights = [first.weight for first in firsts if first.nodes[-1] == node]
                begins = [begin * weight for begin in begins for weight in weights]
            if begins:
                for rest in self.walks(Walk((node,), (), 1.0), set(anchors), steps[1:]):
                    ways[rest.nodes[-1]] += [begin * rest.weight for begin in begins]
        return {node: (sum(weights), len(weights), max(weights)) for node, weights in ways.items()}


def assert_real_path(graph: Graph, proof: Proof, start: int, end: int) -> None:
    assert proof.nodes[0] == start
    assert proof.nodes[-1] == end
    assert len(set(proof.nodes)) == len(proof.nodes) == len(proof.edges) + 1
    for position, edge in enumerate(proof.edges):
        view = graph.edge(edge)
        assert {view.head, view.tail} == set(proof.nodes[position : position + 2])


TYPES, RELATIONS = ("disease", "drug", "symptom"), ("p", "q", "related_to")


@st.composite
def drawings(draw: st.DrawFn) -> tuple[list[tuple[str, str, str]], list[tuple[Any, ...]]]:
    """Nodes, and edges with a score (or none) and a source; loops and parallel edges too."""
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=2, max_size=7))
    nodes = [(f"T:{number}", kind, f"node {number}") for number, kind in enumerate(kinds)]
    end = st.sampled_from([node[0] for node in nodes])
    edges = draw(st.lists(st.tuples(end, st.sampled_from(RELATIONS), end), min_size=1, max_size=14, unique=True))
    assume(any(head != tail for head, _, tail in edges))
    score, source = st.sampled_from([math.nan, 0.25, 0.75]), st.sampled_from(["infores:a", "b"])
    return nodes, [(*edge, -1, draw(score), draw(source)) for edge in edges]


@st.composite
def filters(draw: st.DrawFn, graph: Graph) -> EdgeFilter:
    known = sorted({part.source for several in graph.provenances for part in several})
    sources = draw(st.lists(st.sampled_from(known), max_size=1))
    relations = draw(st.lists(st.sampled_from(graph.relations), max_size=2, unique=True))
    return EdgeFilter(
        relations, [source.removeprefix("infores:") for source in sources], draw(st.sampled_from([None, 0.5]))
    )


def permitted(graph: Graph, only: EdgeFilter) -> set[int]:
    """The edges that a filter lets through, one by one."""
    found = set()
    for edge in range(graph.num_edges):
        stated = {part.source.removeprefix("infores:") for part in graph.provenances[graph.edge_provenance[edge]]}
        if (
            (not only.relations or graph.edge(edge).relation in only.relations)
            and (not only.sources or stated & set(only.sources))
            and (only.min_score is None or graph.edge_score[edge] >= only.min_score)
        ):
            found.add(edge)
    return found


random_graphs = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@random_graphs
@given(st.data())
def test_a_neighbourhood_is_exactly_what_a_naive_walk_finds(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings()))
    anchor = st.integers(0, graph.num_nodes - 1)
    anchors = data.draw(st.lists(anchor, min_size=1, max_size=3, unique=True))
    hops = data.draw(st.integers(1, 4))
    to = data.draw(st.sampled_from([None, *graph.types]))
    only = data.draw(filters(graph))
    naive = Naive(graph, permitted(graph, only))
    expected = naive.neighbourhood(anchors, hops, to)
    answers = neighbourhood(graph, anchors, hops, to, only)
    assert {answer.node for answer in answers} == set(expected)
    for answer in answers:
        score, paths, best = expected[answer.node]
        assert answer.score == pytest.approx(score)
        assert answer.paths == paths
        for anchor_node, proof, heaviest in zip(anchors, answer.proofs, best, strict=True):
            assert_real_path(graph, proof, anchor_node, answer.node)
            assert len(proof.edges) <= hops
            assert set(proof.edges) <= permitted(graph, only)
            assert math.prod(naive.weight[edge] for edge in proof.edges) == pytest.approx(heaviest)


@random_graphs
@given(st.data())
def test_a_typed_path_gives_exactly_what_a_naive_walk_finds(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings()))
    types = [data.draw(st.sampled_from(graph.types)) for _ in range(data.draw(st.integers(2, 5)))]
    starts = st.sampled_from(graph.nodes_of_type(types[0]).tolist())
    anchors = data.draw(st.lists(starts, min_size=1, max_size=3, unique=True))
    step = st.lists(st.sampled_from(graph.relations), max_size=2, unique=True)
    relations = [data.draw(step) for _ in types[1:]]
    only = data.draw(filters(graph))
    naive = Naive(graph, permitted(graph, only))
    expected = naive.follow(anchors, types, relations)
    answers = follow(graph, anchors, types, relations, only)
    assert {answer.node for answer in answers} == set(expected)
    for answer in answers:
        score, paths, best = expected[answer.node]
        assert answer.score == pytest.approx(score)
        assert answer.paths == paths
        for anchor_node, proof in zip(anchors, answer.proofs, strict=True):
            assert_real_path(graph, proof, anchor_node, answer.node)
            assert [graph.type(node) for node in proof.nodes] == types
        assert len({proof.edges[1:] for proof in answer.proofs}) == 1
        shared = answer.proofs[0].edges[1:]
        taken = [proof.edges[0] for proof in answer.proofs] + list(shared)
        assert math.prod(naive.weight[edge] for edge in taken) == pytest.approx(best)


@random_graphs
@given(st.data())
def test_any_anchor_adds_up_what_each_anchor_finds_without_passing_another(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings()))
    anchors = data.draw(st.lists(st.integers(0, graph.num_nodes - 1), min_size=1, max_size=3, unique=True))
    hops = data.draw(st.integers(1, 4))
    naive = Naive(graph)
    ways: dict[int, list[float]] = defaultdict(list)
    for anchor in anchors:
        for length in range(1, hops + 1):
            for walk in naive.walks(Walk((anchor,), (), 1.0), set(anchors), [(None, ())] * length):
                ways[walk.nodes[-1]].append(walk.weight)
    answers = neighbourhood(graph, anchors, hops, any_anchor=True)
    assert {answer.node for answer in answers} == set(ways)
    for answer in answers:
        assert answer.score == pytest.approx(sum(ways[answer.node]))
        assert answer.paths == len(ways[answer.node])
        (proof,) = answer.proofs
        assert_real_path(graph, proof, proof.nodes[0], answer.node)
        assert proof.nodes[0] in anchors
        assert math.prod(naive.weight[edge] for edge in proof.edges) == pytest.approx(max(ways[answer.node]))


@random_graphs
@given(st.data())
def test_a_typed_path_from_any_anchor_joins_what_each_finds(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings()))
    types = [data.draw(st.sampled_from(graph.types)) for _ in range(data.draw(st.integers(2, 5)))]
    starts = st.sampled_from(graph.nodes_of_type(types[0]).tolist())
    anchors = data.draw(st.lists(starts, min_size=1, max_size=3, unique=True))
    naive = Naive(graph)
    ways: dict[int, list[float]] = defaultdict(list)
    for anchor in anchors:
        for walk in naive.walks(Walk((anchor,), (), 1.0), set(anchors), [(one, ()) for one in types[1:]]):
            ways[walk.nodes[-1]].append(walk.weight)
    answers = follow(graph, anchors, types, any_anchor=True)
    assert scores(graph, answers) == pytest.approx({graph.id(node): sum(found) for node, found in ways.items()})
    for answer in answers:
        assert answer.paths == len(ways[answer.node])
        (proof,) = answer.proofs
        assert_real_path(graph, proof, proof.nodes[0], answer.node)
        assert math.prod(naive.weight[edge] for edge in proof.edges) == pytest.approx(max(ways[answer.node]))


def test_the_proof_of_a_typed_path_is_one_path_even_where_parallel_edges_add_up(
    make_graph: Callable[..., Graph],
) -> None:
    # S-D1 by p and by q, each (3*1)^-.4 = 0.644 since S has three of each, together 1.289; S-D2 by r alone: 1.
    # Both diseases are treated by A, treats (2*1)^-.4 = 0.758 each. The score adds 1.289 + 1, but the heaviest
    # single path goes by D2: 1 > 0.644.
    graph = make_graph(
        [("T:S", "symptom", "s"), *((f"T:D{n}", "disease", f"d{n}") for n in range(1, 5)), ("T:A", "drug", "a")],
        [
            *(("T:S", relation, f"T:D{n}") for relation in ("p", "q") for n in (1, 3, 4)),
            ("T:S", "r", "T:D2"),
            ("T:A", "treats", "T:D1"),
            ("T:A", "treats", "T:D2"),
        ],
    )
    (answer,) = follow(graph, at(graph, "T:S"), ["symptom", "disease", "drug"])
    assert answer.paths == 3
    assert answer.score == pytest.approx((2 * 3**-0.4 + 1) * 2**-0.4)
    assert [graph.id(node) for node in answer.proofs[0].nodes] == ["T:S", "T:D2", "T:A"]


# ---- refusals ----


@pytest.mark.parametrize("hops", [0, 5, -1])
def test_hops_out_of_range_are_refused(toy: Graph, hops: int) -> None:
    with pytest.raises(KGError, match=rf"^{hops} hops asked for; this engine takes 1 to 4$"):
        neighbourhood(toy, [0], hops)


@pytest.mark.parametrize("types", [["symptom"], ["symptom"] * 6, []])
def test_a_path_of_too_few_or_too_many_types_is_refused(toy: Graph, types: list[str]) -> None:
    with pytest.raises(KGError, match=rf"names {len(types)} types; give 2 to 5$"):
        follow(toy, at(toy, "T:S1"), types)


def test_an_unknown_type_or_relation_is_refused_by_name(toy: Graph) -> None:
    start = at(toy, "T:S1")
    for ask in (lambda: neighbourhood(toy, start, to="gene"), lambda: follow(toy, start, ["symptom", "gene"])):
        with pytest.raises(UnknownNameError, match="unknown node type 'gene'; this graph has disease, drug"):
            ask()
    for ask in (
        lambda: neighbourhood(toy, start, only=EdgeFilter(["cures"])),
        lambda: follow(toy, start, ["symptom", "disease"], [["cures"]]),
    ):
        with pytest.raises(UnknownNameError, match="unknown relation 'cures'; this graph has "):
            ask()


def test_an_anchor_of_another_type_than_the_path_begins_with_is_refused(toy: Graph) -> None:
    with pytest.raises(KGError, match=r"^Alpha fever is a disease, but the path begins with symptom$"):
        follow(toy, at(toy, "T:S1", "T:D1"), ["symptom", "disease"])


def test_a_query_with_too_many_triangles_is_refused_with_advice(
    make_graph: Callable[..., Graph], monkeypatch: pytest.MonkeyPatch
) -> None:
    # S-A, then A-B, B-C, C-A and back: of the four diseases A to D all pairs are similar
    pairs = [("A", "B"), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"), ("C", "D")]
    graph = make_graph(
        [("T:S", "symptom", "s"), *((f"T:{letter}", "disease", letter) for letter in "ABCD")],
        [("T:A", "has_phenotype", "T:S"), *((f"T:{a}", "similar_to", f"T:{b}") for a, b in pairs)],
    )
    path = ["symptom", *["disease"] * 4]
    assert {graph.id(a.node): a.paths for a in follow(graph, at(graph, "T:S"), path)} == {"T:B": 2, "T:C": 2, "T:D": 2}
    monkeypatch.setattr("kgengine.spreading.MAX_PRODUCTS", 8)
    with pytest.raises(KGError, match=r"^this query tries 9 triangles, more than 8; take fewer hops, or name types"):
        follow(graph, at(graph, "T:S"), path)  # A has 3 neighbours with 3 each


# ---- what a person sees ----


def test_a_proof_is_spelled_with_each_edge_read_as_it_is_taken(toy: Graph) -> None:
    (answer,) = follow(toy, at(toy, "T:S1"), ["symptom", "disease", "drug"])
    line = spell_proof(toy, answer.proofs[0])
    assert line == "Shivering -phenotype_of-> Alpha fever -treated_by-> Alphacin"
    backwards = Proof(answer.proofs[0].nodes[::-1], answer.proofs[0].edges[::-1])
    assert spell_proof(toy, backwards) == "Alphacin -treats-> Alpha fever -has_phenotype-> Shivering"


def test_a_record_holds_the_proof_edges_with_their_frequencies(toy: Graph) -> None:
    (answer,) = follow(toy, at(toy, "T:S1"), ["symptom", "disease", "drug"])
    record = answer_record(toy, answer)
    assert {key: record[key] for key in ("id", "name", "type", "paths")} == {
        "id": "T:A1",
        "name": "Alphacin",
        "type": "drug",
        "paths": 1,
    }
    assert [[{key: edge[key] for key in edge if key != "edge"} for edge in proof] for proof in record["proofs"]] == [
        [
            {"head": "T:D1", "relation": "has_phenotype", "tail": "T:S1", "frequency": "very frequent"},
            {"head": "T:A1", "relation": "treats", "tail": "T:D1"},
        ]
    ]


def test_the_picture_of_the_answers_is_the_union_of_their_proofs(toy: Graph) -> None:
    answers = follow(toy, at(toy, "T:S2"), ["symptom", "disease", "drug"])
    picture = to_networkx(toy, answers)
    assert set(picture.nodes) == {"T:S2", "T:D1", "T:D2", "T:A1", "T:A2"}
    assert {(head, relation, tail) for head, tail, relation in picture.edges(data="relation")} == {
        ("T:D1", "has_phenotype", "T:S2"),
        ("T:D2", "has_phenotype", "T:S2"),
        ("T:A1", "treats", "T:D1"),
        ("T:A2", "treats", "T:D2"),
    }
    assert {node: data["score"] for node, data in picture.nodes(data=True) if "score" in data} == pytest.approx(
        {"T:A1": FOUR, "T:A2": FOUR}
    )


def test_superclasses_are_all_that_lie_above_and_a_cycle_ends(make_graph: Callable[..., Graph]) -> None:
    #  A -> B -> C,  A -> D,  X -> Y -> X
    graph = make_graph(
        [(f"T:{letter}", "drug_class", letter) for letter in "ABCDXY"],
        [(f"T:{low}", "subclass_of", f"T:{high}") for low, high in ("AB", "BC", "AD", "XY", "YX")],
    )
    lines = {graph.name(node): "".join(sorted(map(graph.name, above))) for node, above in superclasses(graph).items()}
    assert lines == {"A": "BCD", "B": "C", "X": "XY", "Y": "XY"}


def test_a_graph_without_subclasses_has_no_lines(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:A", "drug", "a"), ("T:B", "drug", "b")], [("T:A", "interacts_with", "T:B")])
    assert superclasses(graph) == {}


def test_scores_are_plain_numbers_that_json_can_hold(toy: Graph) -> None:
    (answer, *_) = neighbourhood(toy, at(toy, "T:S1"))
    assert type(answer.score) is float
    assert type(answer.node) is int
    assert not isinstance(answer.paths, np.integer)
