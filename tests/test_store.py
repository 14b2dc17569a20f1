"""The graph store: what is written is read back unchanged and byte for byte the same, both CSR directions tell
of the same edges, a store that is missing or damaged in any column is refused with the next command, and
`build_graph` leaves alone what is fresh and rebuilds what is not. The exported vectors, which hang on the
store's hash, are opened under the same rules.
"""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgengine.artifacts import replaced_file, replaced_folder, sha256_file, write_manifest
from kgengine.building import build_graph
from kgengine.errors import ArtifactError, KGError, UnknownNameError
from kgengine.graph import EdgeView, Graph
from kgengine.sources.kgx import CORE_FOLDER, read_kgx
from kgengine.sources.records import Edge, Node, SourceGraph, Wording
from kgengine.store import write_store
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
)
FEVER = Node("HP:0001945", "symptom", Wording("Fever", "fever", "fever"), Wording("Лихорадка", "жар", "жар"))
NAMELESS_IN_RUSSIAN = Node("ATC:J05AH02", "drug", Wording("oseltamivir", "oseltamivir", "oseltamivir"))
EDGES = [
    Edge("ATC:J05AH02", "treats", "ICD10:J11", -1, "infores:a"),
    Edge("ICD10:J11", "has_phenotype", "HP:0001945", 1, "infores:b"),
]


def source() -> SourceGraph:
    return SourceGraph({node.id: node for node in (FLU, FEVER, NAMELESS_IN_RUSSIAN)}, list(EDGES))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_store(source(), tmp_path / "store")
    return tmp_path / "store"


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


def test_the_manifest_names_the_sources_of_the_facts(store: Path) -> None:
    assert Graph.open(store).manifest["sources"] == ["infores:a", "infores:b"]


def test_a_name_missing_in_russian_falls_back_to_english(store: Path) -> None:
    graph = Graph.open(store)
    assert graph.name(graph.resolve("oseltamivir"), "ru") == "oseltamivir"


def test_a_node_without_any_name_goes_by_its_id(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:A", "drug", ""), ("T:B", "drug", "")], [("T:A", "r", "T:B")])
    assert [graph.name(1, lang) for lang in ("en", "ru")] == ["T:B", "T:B"]


def test_the_core_mkg_survives_the_round_trip(core: Graph) -> None:
    stated = read_kgx([CORE_FOLDER])
    assert core.num_nodes == len(stated.nodes)
    for index in range(core.num_nodes):
        node = stated.nodes[core.id(index)]
        assert core.type(index) == node.type
        assert core.sex(index) == node.sex
        assert core.node_age[index].tolist() == [node.age_min, node.age_max]
        assert core.wording(index, "ru") == node.ru
        assert core.wording(index, "en").synonyms == node.en.synonyms
    views = [core.edge(edge) for edge in range(core.num_edges)]
    assert sorted((core.id(view.head), view.relation, core.id(view.tail), view.band) for view in views) == sorted(
        (edge.head, edge.relation, edge.tail, edge.band) for edge in stated.edges
    )


def test_the_same_facts_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    stated = read_kgx([CORE_FOLDER])
    write_store(stated, tmp_path / "one")
    nodes, edges = list(stated.nodes.values()), list(stated.edges)
    random.Random(1).shuffle(nodes)
    random.Random(2).shuffle(edges)
    write_store(SourceGraph({node.id: node for node in nodes}, edges, stated.files), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert Graph.open(tmp_path / "one").hash == Graph.open(tmp_path / "two").hash


def test_another_band_gives_another_hash(tmp_path: Path, store: Path) -> None:
    changed = source()
    changed.edges[1] = Edge("ICD10:J11", "has_phenotype", "HP:0001945", 2, "infores:b")
    write_store(changed, tmp_path / "changed")
    assert Graph.open(tmp_path / "changed").hash != Graph.open(store).hash


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_both_csr_directions_tell_of_exactly_the_edges_stated(
    make_graph: Callable[..., Graph], data: st.DataObject
) -> None:
    ids = [f"T:{number}" for number in range(data.draw(st.integers(1, 6)))]
    triple = st.tuples(st.sampled_from(ids), st.sampled_from(["p", "q"]), st.sampled_from(ids))
    edges = data.draw(st.lists(triple, min_size=1, max_size=15, unique=True))
    graph = make_graph([(node, "thing", node) for node in ids], edges)
    index = {graph.id(node): node for node in range(graph.num_nodes)}
    seen_out, seen_in = [], []
    for node in range(graph.num_nodes):
        for row in range(graph.forward_indptr[node], graph.forward_indptr[node + 1]):
            seen_out.append((node, int(graph.edge_relation[row]), int(graph.edge_tail[row]), row))
        for row in range(graph.reverse_indptr[node], graph.reverse_indptr[node + 1]):
            edge = int(graph.reverse_edge[row])
            seen_in.append((int(graph.reverse_head[row]), int(graph.edge_relation[edge]), node, edge))
    assert sorted(seen_in) == sorted(seen_out)
    assert sorted((index[h], graph.relations.index(r), index[t]) for h, r, t in edges) == [one[:3] for one in seen_out]
    assert graph.edge_head.tolist() == [one[0] for one in seen_out]
    for relation in graph.relations:
        for node in range(graph.num_nodes):
            number = graph.relations.index(relation)
            assert graph.out_edges(node, relation).tolist() == [
                e for h, r, _, e in seen_out if (h, r) == (node, number)
            ]
            assert sorted(graph.in_edges(node, relation)) == [e for _, r, t, e in seen_out if (r, t) == (number, node)]


def test_a_relation_that_the_graph_lacks_has_no_edges(toy: Graph) -> None:
    assert toy.out_edges(0, "cures").tolist() == []
    assert toy.in_edges(0, "cures").tolist() == []


def test_an_unknown_type_or_relation_is_refused_with_those_that_exist(toy: Graph) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown node type 'gene'; this graph has disease, drug, drug_class"):
        toy.type_index("gene")
    with pytest.raises(UnknownNameError, match=r"unknown relation 'cures'; this graph has .*treats"):
        toy.relation_index("cures")


@pytest.mark.parametrize(("nodes", "missing"), [({}, "nodes"), ({FLU.id: FLU}, "edges")])
def test_an_empty_graph_is_refused_in_one_clear_line(tmp_path: Path, nodes: dict[str, Node], missing: str) -> None:
    with pytest.raises(KGError) as caught:
        write_store(SourceGraph(nodes, [], [Path("in/nodes.tsv")]), tmp_path / "store")
    message = str(caught.value)
    assert message == f"the graph has no {missing} (in/nodes.tsv); give files with at least one node and one edge"
    assert not (tmp_path / "store").exists()


def test_a_graph_whose_names_are_all_punctuation_is_still_found_by_id(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:A", "thing", "!!!"), ("T:B", "thing", "???")], [("T:A", "r", "T:B")])
    assert graph.id(graph.resolve("t:b")) == "T:B"
    assert graph.find("!!!") == []


def test_a_missing_store_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"^no graph at .*nowhere; run 'kg build' first$"):
        Graph.open(tmp_path / "nowhere")


@pytest.mark.parametrize("manifest", ["{", "[]", '{"format": 1}', "\x00", '{"format": 1, "num_nodes": 3}'])
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


def test_a_store_of_another_format_is_refused(store: Path) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    write_manifest(store, {**manifest, "format": 999})
    with pytest.raises(ArtifactError, match="another version's format; run 'kg build' again"):
        Graph.open(store)


@pytest.mark.parametrize("harm", ["missing", "truncated", "emptied"])
def test_harm_to_any_column_is_seen_on_opening(store: Path, tmp_path: Path, harm: str) -> None:
    columns = [
        name for name in json.loads((store / "manifest.json").read_text())["columns"] if "edge_source" not in name
    ]
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
        write_store(source(), tmp_path / "file" / "store")
    assert str(caught.value).startswith(f"cannot write {tmp_path}/file/store: ")
    assert str(caught.value).endswith("; choose another place or mend its permissions")
    assert "\n" not in str(caught.value)


def test_a_file_where_the_store_should_lie_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("precious")
    with pytest.raises(KGError, match="cannot write"):
        write_store(source(), tmp_path / "store")
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
        write_store(source(), store)
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
    report = build_graph([kgx], tmp_path / "store")
    assert report.to_json() == {
        "built": True,
        "num_nodes": 2,
        "num_edges": 1,
        "nodes": {"disease": 1, "drug": 1},
        "relations": {"treats": 1},
    }


def test_building_without_files_gives_the_default_mkg(tmp_path: Path, core: Graph) -> None:
    assert build_graph([], tmp_path / "store").num_edges == core.num_edges
    assert Graph.open(tmp_path / "store").hash == core.hash


def test_an_unchanged_graph_is_left_alone_unless_forced(tmp_path: Path, kgx: Path) -> None:
    assert [build_graph([kgx], tmp_path / "store", force).built for force in (False, False, True)] == [
        True,
        False,
        True,
    ]


def test_a_changed_source_is_built_anew_even_where_two_files_share_a_name(tmp_path: Path, kgx: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "nodes.tsv").write_text("id\tcategory\tname\nT:3\tbiolink:Disease\tThree\n")
    (other / "edges.tsv").write_text("subject\tpredicate\tobject\nT:2\tbiolink:treats\tT:3\n")
    assert build_graph([kgx, other], tmp_path / "store").built
    assert not build_graph([kgx, other], tmp_path / "store").built
    (kgx / "nodes.tsv").write_text((kgx / "nodes.tsv").read_text().replace("One", "Uno"))
    assert build_graph([kgx, other], tmp_path / "store").built
    assert Graph.open(tmp_path / "store").find("uno") != []


@pytest.mark.parametrize("column", ["edge_band.npy", "name_en.utf8", "edge_source.npy"])
def test_a_damaged_store_is_built_anew_from_the_same_sources(tmp_path: Path, kgx: Path, column: str) -> None:
    build_graph([kgx], tmp_path / "store")
    before = contents(tmp_path / "store")
    path = tmp_path / "store" / column
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")  # of the same length, so that opening can't see it
    assert build_graph([kgx], tmp_path / "store").built
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
