"""The graph store: what is written is read back unchanged and byte for byte the same, both CSR directions of every
metaedge tell of the same edges, weights are those worked out by hand, a store that is missing or damaged in any
column is refused with the next command, and `build_graph` leaves alone what is fresh and rebuilds what is not. The
exported vectors, which hang on the store's hash, are opened under the same rules.
"""

import json
import math
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kgengine.artifacts import replaced_file, replaced_folder, sha256_file, write_manifest
from kgengine.building import build_graph
from kgengine.errors import ArtifactError, KGError, UnknownNameError
from kgengine.graph import EdgeView, Graph
from kgengine.merging import merge
from kgengine.metaedges import Metaedge
from kgengine.schema import SYMMETRIC_RELATIONS
from kgengine.sources.core import read_core
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.store import write_store
from kgengine.summary import summarise
from kgengine.vectors import VECTORS, open_embedding, same_embedding

FLU = Node(
    "ICD10:J11",
    "disease",
    Wording("Influenza", "flu", "flu", ("grippe", "the flu")),
    Wording("Грипп", "грипп", "грипп", ("инфлюэнца",)),
    sex="female",
    age_min=3,
    age_max=77,
    prevalence=10.0,
    xrefs=("DOID:8469", "MESH:D007251"),
)
FEVER = Node("HP:0001945", "symptom", Wording("Fever", "fever", "fever"), Wording("Лихорадка", "жар", "жар"))
NAMELESS_IN_RUSSIAN = Node("ATC:J05AH02", "drug", Wording("oseltamivir", "oseltamivir", "oseltamivir"))
A, B = Provenance("infores:a", "2024-01", "CC0-1.0"), Provenance("infores:b")
ENDS = {"treats": (2, 0), "has_phenotype": (0, 1)}  # rows of the nodes in the order of `source`


def edge_block(relation: str, provenance: Provenance, band: int = -1, score: float | None = None) -> EdgeBlock:
    head, tail = (np.array([end]) for end in ENDS[relation])
    scores = None if score is None else np.array([score], np.float32)
    return EdgeBlock(relation, head, tail, provenance, np.array([band], np.int8), scores)


def source() -> SourceGraph:
    blocks = [edge_block("treats", A, score=0.25), edge_block("has_phenotype", B, band=1)]
    return SourceGraph("drawn", [FLU, FEVER, NAMELESS_IN_RUSSIAN], blocks)


def write(source: SourceGraph, folder: Path) -> Path:
    write_store(merge([source]), folder)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write(source(), tmp_path / "store")


@pytest.fixture
def kgx(tmp_path: Path) -> Path:
    folder = tmp_path / "kgx"
    folder.mkdir()
    (folder / "nodes.tsv").write_text("id\tcategory\tname\nT:1\tbiolink:Disease\tOne\nT:2\tbiolink:Drug\tTwo\n")
    (folder / "edges.tsv").write_text("subject\tpredicate\tobject\nT:2\tbiolink:treats\tT:1\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_nodes_come_back_with_all_that_was_said_of_them(store: Path) -> None:
    graph = Graph.open(store)
    node = graph.resolve("ICD10:J11")
    assert (graph.id(node), graph.type(node), graph.sex(node)) == ("ICD10:J11", "disease", "female")
    assert graph.node_age[node].tolist() == [3, 77]
    assert graph.node_prevalence[node] == 10.0
    assert graph.wording(node, "en") == FLU.en
    assert graph.wording(node, "ru") == FLU.ru


def test_nodes_are_numbered_by_type_and_then_id(store: Path) -> None:
    graph = Graph.open(store)
    assert [graph.id(node) for node in range(graph.num_nodes)] == ["ICD10:J11", "ATC:J05AH02", "HP:0001945"]
    assert graph.types == ["disease", "drug", "symptom"]
    assert graph.nodes_of_type("drug").tolist() == [1]


def test_edges_come_back_with_relation_and_band(store: Path) -> None:
    graph = Graph.open(store)
    assert graph.relations == ["has_phenotype", "treats"]
    assert [graph.edge(edge) for edge in range(graph.num_edges)] == [
        EdgeView(0, 0, "has_phenotype", 2, 1),
        EdgeView(1, 1, "treats", 0, -1),
    ]


def test_every_edge_comes_back_with_who_states_it(store: Path) -> None:
    graph = Graph.open(store)
    stated = [graph.provenances[number] for number in graph.edge_provenance]
    assert stated == [(B,), (A,)]
    assert (stated[1][0].source, stated[1][0].release, stated[1][0].licence) == ("infores:a", "2024-01", "CC0-1.0")


def test_an_edge_that_two_sources_state_comes_back_with_both(tmp_path: Path) -> None:
    one, other = source(), source()
    other.blocks = [edge_block("treats", B)]
    write_store(merge([one, other]), tmp_path / "store")
    graph = Graph.open(tmp_path / "store")
    assert graph.num_edges == 2
    assert [graph.provenances[number] for number in graph.edge_provenance] == [(B,), (A, B)]
    # infores:a states one edge, infores:b both
    assert sorted(summarise(graph)["sources"]) == [["infores:a", "2024-01", "CC0-1.0", 1], ["infores:b", "", "", 2]]


def test_a_score_comes_back_and_is_nan_where_none_is_stated(store: Path) -> None:
    graph = Graph.open(store)
    assert math.isnan(graph.edge_score[0])  # has_phenotype
    assert graph.edge_score[1] == 0.25  # treats


def test_a_graph_in_which_no_edge_has_a_score_has_no_column_of_scores(tmp_path: Path) -> None:
    plain = source()
    plain.blocks = [replace(block, score=None) for block in plain.blocks]
    graph = Graph.open(write(plain, tmp_path / "plain"))
    assert not (tmp_path / "plain" / "edge_score.npy").exists()
    assert graph.edge_score.dtype == np.float32
    assert np.isnan(graph.edge_score).tolist() == [True, True]


def test_cross_references_come_back_and_lead_to_their_node(store: Path) -> None:
    graph = Graph.open(store)
    flu = graph.resolve("ICD10:J11")
    assert graph.xrefs(flu) == ("DOID:8469", "MESH:D007251")
    assert graph.xrefs(graph.resolve("fever")) == ()
    assert graph.resolve("doid:8469") == flu


def test_a_node_owns_its_id_even_where_another_refers_to_it(tmp_path: Path) -> None:
    # a disease and a symptom are never merged, so that HP:0001945 stays the id of the fever
    stated = source()
    stated.nodes[0] = replace(FLU, xrefs=("HP:0001945",))
    graph = Graph.open(write(stated, tmp_path / "store"))
    assert graph.name(graph.resolve("HP:0001945")) == "Fever"


def test_a_name_missing_in_russian_falls_back_to_english(store: Path) -> None:
    graph = Graph.open(store)
    assert graph.name(graph.resolve("oseltamivir"), "ru") == "oseltamivir"


def test_a_node_without_any_name_goes_by_its_id(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:A", "drug", ""), ("T:B", "drug", "")], [("T:A", "r", "T:B")])
    assert [graph.name(1, lang) for lang in ("en", "ru")] == ["T:B", "T:B"]


def test_the_core_mkg_survives_the_round_trip(core: Graph) -> None:
    stated = read_core()
    assert core.num_nodes == len(stated.nodes)
    by_id = {node.id: node for node in stated.nodes}
    for index in range(core.num_nodes):
        node = by_id[core.id(index)]
        assert core.type(index) == node.type
        assert core.sex(index) == node.sex
        assert core.node_age[index].tolist() == [node.age_min, node.age_max]
        assert core.wording(index, "ru") == node.ru
        assert core.wording(index, "en").synonyms == node.en.synonyms
        assert core.xrefs(index) == node.xrefs
    found = []
    for edge in range(core.num_edges):
        view = core.edge(edge)
        ends = (core.id(view.head), core.id(view.tail))
        if view.relation in SYMMETRIC_RELATIONS:
            ends = (min(ends), max(ends))
        found.append((*ends, view.relation, view.band, core.provenances[core.edge_provenance[edge]]))
    expected = []
    for block in stated.blocks:
        assert block.band is not None
        for head, tail, band in zip(block.head, block.tail, block.band, strict=True):
            ends = (stated.nodes[head].id, stated.nodes[tail].id)
            if block.relation in SYMMETRIC_RELATIONS:
                ends = (min(ends), max(ends))
            expected.append((*ends, block.relation, int(band), (block.provenance,)))
    assert sorted(found, key=str) == sorted(expected, key=str)


def shuffled(stated: SourceGraph, seed: int) -> SourceGraph:
    """The same facts: other order of nodes, of edges within blocks, of blocks, and blocks torn in two."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(stated.nodes))
    new_row = np.argsort(order)
    blocks = []
    for block in stated.blocks:
        for rows in np.array_split(rng.permutation(len(block.head)), 2):
            columns: dict[str, Any] = {"head": new_row[block.head[rows]], "tail": new_row[block.tail[rows]]}
            for name in ("band", "score"):
                column = getattr(block, name)
                columns[name] = None if column is None else column[rows]
            blocks.append(replace(block, **columns))
    random.Random(seed).shuffle(blocks)
    return SourceGraph(stated.name, [stated.nodes[row] for row in order], blocks, stated.files)


def test_the_same_facts_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    stated = read_core()
    write(stated, tmp_path / "one")
    write(shuffled(stated, 1), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert Graph.open(tmp_path / "one").hash == Graph.open(tmp_path / "two").hash


def test_scores_follow_their_edges_in_any_order(tmp_path: Path) -> None:
    nodes = [Node(f"T:{letter}", "gene", Wording(letter, letter)) for letter in "ABCDE"]
    head, tail = np.array([4, 0, 3, 2]), np.array([1, 2, 0, 3])  # E-B, A-C, D-A, C-D
    score = np.array([0.5, math.nan, 0.75, 0.125], np.float32)
    stated = SourceGraph("drawn", nodes, [EdgeBlock("regulates", head, tail, A, None, score)])
    one, two = write(stated, tmp_path / "one"), write(shuffled(stated, 5), tmp_path / "two")
    assert contents(one) == contents(two)
    graph = Graph.open(one)
    scores = graph.edge_score.tolist()  # by head: A-C, C-D, D-A, E-B
    assert math.isnan(scores[0])
    assert scores[1:] == [0.125, 0.75, 0.5]


def test_another_band_gives_another_hash(tmp_path: Path, store: Path) -> None:
    changed = source()
    changed.blocks[1] = edge_block("has_phenotype", B, band=2)
    write(changed, tmp_path / "changed")
    assert Graph.open(tmp_path / "changed").hash != Graph.open(store).hash


Stated = tuple[str, str, str]
KINDS = {"T:1": "disease", "T:2": "disease", "T:3": "drug", "T:4": "drug", "T:5": "drug", "T:6": "symptom"}


def as_stored(edges: list[Stated]) -> set[Stated]:
    """What should be stored of edges that are stated: no loops, symmetric ones with the smaller id first."""
    kept = set()
    for head, relation, tail in edges:
        if relation in SYMMETRIC_RELATIONS and KINDS[head] == KINDS[tail]:
            head, tail = min(head, tail), max(head, tail)
        if head != tail:
            kept.add((head, relation, tail))
    return kept


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_both_csr_directions_tell_of_exactly_the_edges_stated(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=2, unique=True))
    relation = st.sampled_from(["p", "q", "interacts_with", "related_to"])
    triple = st.tuples(st.sampled_from(names), relation, st.sampled_from(names))
    edges = data.draw(st.lists(triple, min_size=1, max_size=20, unique=True))
    expected = as_stored(edges)
    assume(expected)
    graph = make_graph([(name, KINDS[name], name) for name in names], edges)
    index = {graph.id(node): node for node in range(graph.num_nodes)}
    out, back = {}, {}
    for number, metaedge in enumerate(graph.metaedges):
        for found, block in ((out, graph.block(number, forward=True)), (back, graph.block(number, forward=False))):
            here, there = (metaedge.head, metaedge.tail) if block.forward else (metaedge.tail, metaedge.head)
            assert [graph.span(here), graph.span(there)] == [block.entry, block.exit]
            assert len(block.indptr) == block.entry[1] - block.entry[0] + 1
            for row in range(len(block.indptr) - 1):
                for position in range(block.indptr[row], block.indptr[row + 1]):
                    (edge,) = block.edge_ids(np.array([position])).tolist()
                    ends = (block.entry[0] + row, block.exit[0] + int(block.indices[position]))
                    assert metaedge.start <= edge < metaedge.stop
                    assert edge not in found
                    found[edge] = (metaedge.relation, *(ends if block.forward else ends[::-1]))
    assert out == back
    assert sorted(out) == list(range(graph.num_edges))
    assert sorted(out.values()) == sorted((relation, index[head], index[tail]) for head, relation, tail in expected)
    assert [graph.relations[number] for number in graph.edge_relation] == [out[edge][0] for edge in sorted(out)]
    assert graph.edge_head.tolist() == [out[edge][1] for edge in sorted(out)]
    assert graph.edge_tail.tolist() == [out[edge][2] for edge in sorted(out)]
    for edge, (relation_name, head, tail) in out.items():
        assert graph.edge(edge) == EdgeView(edge, head, relation_name, tail, -1)
    for relation_name in graph.relations:
        for node in range(graph.num_nodes):
            assert sorted(graph.out_edges(node, relation_name)) == [
                edge for edge in sorted(out) if out[edge][:2] == (relation_name, node)
            ]
            assert sorted(graph.in_edges(node, relation_name)) == [
                edge for edge in sorted(out) if out[edge][::2] == (relation_name, node)
            ]


def test_edges_are_numbered_by_relation_types_head_and_tail(make_graph: Callable[..., Graph]) -> None:
    # disease before drug before symptom; within a kind of edge by head, then tail
    graph = make_graph(
        [("T:9", "disease", "d9"), ("T:8", "disease", "d8"), ("T:1", "drug", "a1"), ("T:2", "symptom", "s2")],
        [
            ("T:1", "treats", "T:9"),
            ("T:1", "p", "T:2"),
            ("T:9", "p", "T:2"),
            ("T:9", "p", "T:8"),
            ("T:8", "p", "T:9"),
            ("T:1", "treats", "T:8"),
            ("T:8", "p", "T:2"),
        ],
    )
    views = [graph.edge(edge) for edge in range(graph.num_edges)]
    assert [f"{graph.id(view.head)} {view.relation} {graph.id(view.tail)}" for view in views] == [
        "T:8 p T:9",
        "T:9 p T:8",
        "T:8 p T:2",
        "T:9 p T:2",
        "T:1 p T:2",
        "T:1 treats T:8",
        "T:1 treats T:9",
    ]
    assert graph.metaedges == [
        Metaedge("p", "disease", "disease", 0, 2),
        Metaedge("p", "disease", "symptom", 2, 4),
        Metaedge("p", "drug", "symptom", 4, 5),
        Metaedge("treats", "drug", "disease", 5, 7),
    ]
    assert [graph.metaedge_of(edge) for edge in range(7)] == [0, 0, 1, 1, 2, 3, 3]


def weights(graph: Graph) -> dict[str, float]:
    views = [graph.edge(edge) for edge in range(graph.num_edges)]
    return {
        f"{graph.name(view.head)}-{graph.name(view.tail)}": weight
        for view, weight in zip(views, graph.edge_weight.tolist(), strict=True)
    }


def test_an_edge_weighs_by_the_degrees_of_its_ends_within_its_metaedge(make_graph: Callable[..., Graph]) -> None:
    # (edges out of the head x edges into the tail) ** -0.4, of one relation between the same two types:
    #   a treats d, e and the symptom s; b treats d.   a-d (2*2)  a-e (2*1)  b-d (1*2), and a-s alone (1*1)
    graph = make_graph(
        [
            ("T:1", "drug", "a"),
            ("T:2", "drug", "b"),
            ("T:3", "disease", "d"),
            ("T:4", "disease", "e"),
            ("T:5", "symptom", "s"),
        ],
        [("T:1", "treats", end) for end in ("T:3", "T:4", "T:5")] + [("T:2", "treats", "T:3")],
    )
    assert weights(graph) == pytest.approx({"a-d": 4**-0.4, "a-e": 2**-0.4, "b-d": 2**-0.4, "a-s": 1})


def test_a_symmetric_edge_weighs_by_all_edges_at_its_ends(make_graph: Callable[..., Graph]) -> None:
    #   a - b - c, a - c, c - d: degrees a 2, b 2, c 3, d 1, whichever end comes first
    nodes = [(f"T:{letter}", "drug", letter) for letter in "abcd"]
    drawn = ["ba", "bc", "ca", "cd"]
    symmetric = make_graph(nodes, [(f"T:{one}", "interacts_with", f"T:{other}") for one, other in drawn])
    assert weights(symmetric) == pytest.approx({"a-b": 4**-0.4, "b-c": 6**-0.4, "a-c": 6**-0.4, "c-d": 3**-0.4})
    # the same drawing under a relation with a direction: out-degrees b 2, c 2; in-degrees a 2, c 1, d 1
    directed = make_graph(nodes, [(f"T:{one}", "regulates", f"T:{other}") for one, other in drawn])
    assert weights(directed) == pytest.approx({"b-a": 4**-0.4, "b-c": 2**-0.4, "c-a": 4**-0.4, "c-d": 2**-0.4})


def test_the_fan_of_a_symmetric_relation_weighs_right_at_both_ends(make_graph: Callable[..., Graph]) -> None:
    nodes = [("T:0", "drug", "hub"), *((f"T:{number}", "drug", str(number)) for number in range(1, 6))]
    graph = make_graph(nodes, [(f"T:{number}", "interacts_with", "T:0") for number in range(1, 6)])
    assert graph.edge_weight.tolist() == pytest.approx([5**-0.4] * 5)
    for forward in (True, False):
        block = graph.block(0, forward)
        assert block.symmetric
        owner = np.repeat(np.arange(len(block.indptr) - 1), np.diff(block.indptr))
        assert (block.entry_factor[owner] * block.exit_factor[block.indices]).tolist() == pytest.approx([5**-0.4] * 5)


def two_nodes(one: str, other: str, *stated: Stated) -> SourceGraph:
    nodes = [Node("T:1", one, Wording("One", "one")), Node("T:2", other, Wording("Two", "two"))]
    rows = {"T:1": np.array([0]), "T:2": np.array([1])}
    return SourceGraph("drawn", nodes, [EdgeBlock(relation, rows[h], rows[t], A) for h, relation, t in stated])


@pytest.mark.parametrize("relation", sorted(SYMMETRIC_RELATIONS))
def test_a_symmetric_relation_stated_both_ways_is_one_edge_smaller_row_first(tmp_path: Path, relation: str) -> None:
    both = two_nodes("drug", "drug", ("T:2", relation, "T:1"), ("T:1", relation, "T:2"))
    merged = merge([both])
    assert merged.remarks == ["1 edges stated more than once are kept once, with every source"]
    write_store(merged, tmp_path / "both")
    graph = Graph.open(tmp_path / "both")
    assert [graph.edge(edge) for edge in range(graph.num_edges)] == [EdgeView(0, 0, relation, 1, -1)]
    turned = write(two_nodes("drug", "drug", ("T:2", relation, "T:1")), tmp_path / "turned")
    plain = write(two_nodes("drug", "drug", ("T:1", relation, "T:2")), tmp_path / "plain")
    assert contents(turned) == contents(plain) == contents(tmp_path / "both")


def test_other_relations_keep_both_directions(tmp_path: Path) -> None:
    stated = (("T:2", "regulates", "T:1"), ("T:1", "regulates", "T:2"))
    graph = Graph.open(write(two_nodes("gene", "gene", *stated), tmp_path / "store"))
    assert [(graph.edge(edge).head, graph.edge(edge).tail) for edge in range(graph.num_edges)] == [(0, 1), (1, 0)]
    assert not graph.block(0, forward=True).symmetric


def test_a_symmetric_relation_between_two_types_keeps_its_head(tmp_path: Path) -> None:
    # a gene comes after a drug, and still is the head, as stated
    graph = Graph.open(write(two_nodes("gene", "drug", ("T:1", "related_to", "T:2")), tmp_path / "store"))
    assert [(graph.type(graph.edge(0).head), graph.type(graph.edge(0).tail))] == [("gene", "drug")]
    assert not graph.block(0, forward=True).symmetric


def test_edges_from_a_node_to_itself_are_left_out_with_a_remark(tmp_path: Path) -> None:
    loops = [("T:1", "regulates", "T:1"), ("T:2", "related_to", "T:2")]
    merged = merge([two_nodes("gene", "gene", *loops, ("T:1", "regulates", "T:2"))])
    assert merged.remarks == ["2 edges from a node to itself left out"]
    write_store(merged, tmp_path / "store")
    graph = Graph.open(tmp_path / "store")
    assert [graph.edge(edge) for edge in range(graph.num_edges)] == [EdgeView(0, 0, "regulates", 1, -1)]


def test_a_graph_of_nothing_but_loops_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KGError, match=r"^the graph has no edges \(the input\)"):
        merge([two_nodes("gene", "gene", ("T:1", "regulates", "T:1"))])


def test_a_relation_that_the_graph_lacks_has_no_edges(toy: Graph) -> None:
    assert toy.out_edges(0, "cures").tolist() == []
    assert toy.in_edges(0, "cures").tolist() == []


def test_an_unknown_type_or_relation_is_refused_with_those_that_exist(toy: Graph) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown node type 'gene'; this graph has disease, drug, drug_class"):
        toy.type_index("gene")
    with pytest.raises(UnknownNameError, match=r"unknown relation 'cures'; this graph has .*treats"):
        toy.relation_index("cures")


@pytest.mark.parametrize(("nodes", "missing"), [([], "nodes"), ([FLU], "edges")])
def test_an_empty_graph_is_refused_in_one_clear_line(nodes: list[Node], missing: str) -> None:
    with pytest.raises(KGError) as caught:
        merge([SourceGraph("kgx", nodes, [], [Path("in/nodes.tsv")])])
    message = str(caught.value)
    assert message == f"the graph has no {missing} (in/nodes.tsv); give files with at least one node and one edge"


def test_a_graph_whose_names_are_all_punctuation_is_still_found_by_id(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:A", "thing", "!!!"), ("T:B", "thing", "???")], [("T:A", "r", "T:B")])
    assert graph.id(graph.resolve("t:b")) == "T:B"
    assert graph.find("!!!") == []


def test_a_missing_store_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"^no graph at .*nowhere; run 'kg build' first$"):
        Graph.open(tmp_path / "nowhere")


@pytest.mark.parametrize("manifest", ["{", "[]", '{"format": 2}', "\x00", '{"format": 2, "num_nodes": 3}'])
def test_a_damaged_manifest_names_the_command_that_mends_it(store: Path, manifest: str) -> None:
    (store / "manifest.json").write_text(manifest)
    with pytest.raises(ArtifactError, match=r"^the graph at .* is damaged .*; run 'kg build' again$"):
        Graph.open(store)


def test_a_manifest_that_is_a_folder_or_not_utf8_is_damage(store: Path) -> None:
    (store / "manifest.json").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ArtifactError, match="run 'kg build' again"):
        Graph.open(store)
    (store / "manifest.json").unlink()
    (store / "manifest.json").mkdir()
    with pytest.raises(ArtifactError, match="run 'kg build' again"):
        Graph.open(store)


@pytest.mark.parametrize("number", [1, 999])
def test_a_store_of_another_format_is_refused(store: Path, number: int) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    write_manifest(store, {**manifest, "format": number})
    with pytest.raises(ArtifactError, match="another version's format; run 'kg build' again"):
        Graph.open(store)


@pytest.mark.parametrize("harm", ["missing", "truncated", "emptied"])
def test_harm_to_any_column_is_seen_on_opening(store: Path, tmp_path: Path, harm: str) -> None:
    columns = json.loads((store / "manifest.json").read_text())["columns"]
    assert {"forward_indptr.npy", "reverse_edge.npy", "edge_provenance.npy", "edge_score.npy"} <= set(columns)
    assert len(columns) >= 30
    for column in columns:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        path = shutil.copytree(store, tmp_path / "copy") / column
        size = path.stat().st_size
        if harm == "missing":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[: size - 1 if harm == "truncated" else 0])
        if path.exists() and size == 0:
            continue
        with pytest.raises(ArtifactError, match=r"^the graph at .* is damaged .*; run 'kg build' again$"):
            Graph.open(tmp_path / "copy")


def test_a_folder_below_a_file_is_refused_in_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am no folder")
    with pytest.raises(KGError) as caught:
        write(source(), tmp_path / "file" / "store")
    assert str(caught.value).startswith(f"cannot write {tmp_path}/file/store: ")
    assert str(caught.value).endswith("; choose another place or mend its permissions")
    assert "\n" not in str(caught.value)


def test_a_file_where_the_store_should_lie_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("precious")
    with pytest.raises(KGError, match="cannot write"):
        write(source(), tmp_path / "store")
    assert (tmp_path / "store").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_full_disk_is_told_in_one_line_and_leaves_the_older_store(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kgengine.store.np.save", full)
    with pytest.raises(KGError, match=r"^cannot write .*: No space left on device;"):
        write(source(), store)
    assert contents(store) == before
    assert [path.name for path in store.parent.iterdir()] == ["store"]


def fail_halfway(path: Path) -> None:
    path.write_text("half")
    raise ZeroDivisionError


def test_a_half_written_folder_or_file_never_shows(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replaced_folder(tmp_path / "folder") as temporary:
        fail_halfway(temporary / "column")
    with pytest.raises(ZeroDivisionError), replaced_file(tmp_path / "file") as path:
        fail_halfway(path)
    assert list(tmp_path.iterdir()) == []


def test_a_replaced_file_holds_the_new_text(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with replaced_file(tmp_path / "file") as path:
        path.write_text("new")
        assert (tmp_path / "file").read_text() == "old"
    assert contents(tmp_path) == {"file": b"new"}


def test_building_reports_what_the_graph_holds(tmp_path: Path, kgx: Path) -> None:
    report = build_graph([("kgx", [kgx])], tmp_path / "store")
    assert report.to_json() == {
        "built": True,
        "num_nodes": 2,
        "num_edges": 1,
        "nodes": {"disease": 1, "drug": 1},
        "relations": {"treats": 1},
        "sources": [{"name": "kgx", "num_nodes": 2, "num_edges": 1, "counts": [], "remarks": []}],
        "remarks": [],
    }


def test_building_from_two_sources_reports_each_and_what_the_merge_found(tmp_path: Path, kgx: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(kgx, other)
    report = build_graph([("kgx", [kgx]), ("kgx", [other])], tmp_path / "store")
    assert (report.num_nodes, report.num_edges) == (2, 1)
    assert [(one.name, one.num_nodes, one.num_edges) for one in report.sources] == [("kgx", 2, 1), ("kgx", 2, 1)]
    assert report.remarks == ["1 edges stated more than once are kept once, with every source"]


def test_building_without_files_gives_the_default_mkg(tmp_path: Path, core: Graph) -> None:
    assert build_graph([], tmp_path / "store").num_edges == core.num_edges
    assert Graph.open(tmp_path / "store").hash == core.hash


def test_an_unchanged_graph_is_left_alone_unless_forced(tmp_path: Path, kgx: Path) -> None:
    wanted = [("kgx", [kgx])]
    assert [build_graph(wanted, tmp_path / "store", force).built for force in (False, False, True)] == [
        True,
        False,
        True,
    ]


def test_a_changed_source_is_built_anew_even_where_two_files_share_a_name(tmp_path: Path, kgx: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "nodes.tsv").write_text("id\tcategory\tname\nT:3\tbiolink:Disease\tThree\n")
    (other / "edges.tsv").write_text("subject\tpredicate\tobject\nT:2\tbiolink:treats\tT:3\n")
    wanted = [("kgx", [kgx, other])]
    assert build_graph(wanted, tmp_path / "store").built
    assert not build_graph(wanted, tmp_path / "store").built
    (kgx / "nodes.tsv").write_text((kgx / "nodes.tsv").read_text().replace("One", "Uno"))
    assert build_graph(wanted, tmp_path / "store").built
    assert Graph.open(tmp_path / "store").find("uno") != []


def test_another_order_of_trust_is_built_anew(tmp_path: Path, kgx: Path) -> None:
    other = shutil.copytree(kgx, tmp_path / "other")
    (other / "nodes.tsv").write_text((kgx / "nodes.tsv").read_text().replace("One", "Uno"))
    assert build_graph([("kgx", [kgx]), ("kgx", [other])], tmp_path / "store").built
    assert build_graph([("kgx", [other]), ("kgx", [kgx])], tmp_path / "store").built
    assert Graph.open(tmp_path / "store").name(0) == "Uno"


@pytest.mark.parametrize("column", ["edge_band.npy", "name_en.utf8", "edge_provenance.npy"])
def test_a_damaged_store_is_built_anew_from_the_same_sources(tmp_path: Path, kgx: Path, column: str) -> None:
    build_graph([("kgx", [kgx])], tmp_path / "store")
    before = contents(tmp_path / "store")
    path = tmp_path / "store" / column
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")  # of the same length, so that opening can't see it
    assert build_graph([("kgx", [kgx])], tmp_path / "store").built
    assert contents(tmp_path / "store") == before


def test_the_manifest_hashes_every_column(store: Path) -> None:
    columns = json.loads((store / "manifest.json").read_text())["columns"]
    assert set(columns) == {path.name for path in store.iterdir()} - {"manifest.json"}
    assert all(sha256_file(store / name) == digest for name, digest in columns.items())


def embedding(folder: Path, graph: Graph, rows: int) -> None:
    folder.mkdir()
    np.save(folder / VECTORS, np.ones((rows, 2), np.float32))
    write_manifest(folder, {"graph": graph.hash, "config": {"dim": 2}})


def test_vectors_of_this_graph_are_opened_and_others_refused(tmp_path: Path, toy: Graph, core: Graph) -> None:
    embedding(tmp_path / "vectors", toy, toy.num_nodes)
    assert open_embedding(tmp_path / "vectors", toy).vectors.shape == (8, 2)
    with pytest.raises(ArtifactError, match="belongs to another graph; run 'kg embed' again"):
        open_embedding(tmp_path / "vectors", core)
    with pytest.raises(ArtifactError, match=r"^no embedding at .*; run 'kg embed' first$"):
        open_embedding(tmp_path / "nowhere", toy)


def test_vectors_of_the_wrong_shape_or_cut_short_are_refused(tmp_path: Path, toy: Graph) -> None:
    embedding(tmp_path / "short", toy, 7)
    with pytest.raises(ArtifactError, match=r"has shape \(7, 2\), expected 8 rows; run 'kg embed' again"):
        open_embedding(tmp_path / "short", toy)
    path = tmp_path / "short" / VECTORS
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"is damaged .*; run 'kg embed' again"):
        open_embedding(tmp_path / "short", toy)


def test_vectors_are_the_same_only_under_the_same_configuration(tmp_path: Path, toy: Graph) -> None:
    embedding(tmp_path / "vectors", toy, toy.num_nodes)
    assert same_embedding(tmp_path / "vectors", toy, {"dim": 2}) is not None
    assert same_embedding(tmp_path / "vectors", toy, {"dim": 3}) is None
    assert same_embedding(tmp_path / "nowhere", toy, {"dim": 2}) is None


def test_more_provenances_than_16_bits_can_number_are_told_apart(tmp_path: Path) -> None:
    size = 33_000
    nodes = [Node(f"X:{number}", "thing", Wording(str(number))) for number in range(size + 1)]
    source = SourceGraph("many", nodes)
    for row in range(size):
        ends = np.array([row]), np.array([row + 1])
        source.blocks.append(EdgeBlock("linked_to", *ends, Provenance(f"PMID:{row}")))
    write_store(merge([source]), tmp_path / "many")
    graph = Graph.open(tmp_path / "many")
    for edge in (0, 32_767, 32_768, size - 1):
        (stated,) = graph.provenances[graph.edge_provenance[edge]]
        assert stated.source == f"PMID:{graph.id(graph.edge(edge).head)[2:]}"
