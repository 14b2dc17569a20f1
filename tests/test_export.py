"""A graph in other tools' formats: KGX reads back as the same graph (by hand, at random, the default MKG), triples
by our own reader, GraphML and JSON by networkx, PyG's HeteroData by torch, each with what the graph states.
"""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import drawings, random_graphs

from kgengine.building import build_graph
from kgengine.errors import KGError
from kgengine.export import FORMATS, export, whole_networkx
from kgengine.graph import Graph
from kgengine.merging import merge
from kgengine.schema import FREQUENCY_BANDS, category_of_type, type_of_category
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.store import write_store

ONE, OTHER = Provenance("infores:one", "1.0", "CC0-1.0"), Provenance("infores:other", "", "CC-BY-4.0")


def block(
    relation: str, head: int, tail: int, stated: Provenance, band: int = -1, score: float = math.nan
) -> EdgeBlock:
    ends = np.array([head]), np.array([tail])
    return EdgeBlock(relation, *ends, stated, np.array([band], np.int8), np.array([score], np.float32))


@pytest.fixture
def rich(tmp_path: Path) -> Graph:
    """A graph with everything that a store can state: an edge of two sources, one without any, quotes, Cyrillic."""
    source = SourceGraph("hand-drawn")
    source.nodes = [
        Node(
            "ICD10:N40",
            "disease",
            Wording('Hyperplasia of "the" prostate', "a large prostate", "", ("BPH", "'prostate' <trouble> & more")),
            Wording("Гиперплазия простаты", "аденома простаты", "аденому простаты", ("ДГПЖ",)),
            "male", 40, 90, 10.0, ("DOID:11132", "MESH:D011470"),
        ),
        Node("HP:0000017", "symptom", Wording("Nocturia", "getting up at night"), age_min=2),
        Node("ATC:G04CB01", "drug", Wording("finasteride", "a pill"), Wording("финастерид", "таблетки", "таблетки")),
        Node("ATC:G04CB", "drug_class", Wording("Inhibitors", "inhibitors")),
        Node("UMLS:C0028734", "side_effect", Wording("Impotence", "impotence"), sex="male", prevalence=1.0),
        Node("T:x", "go_term", Wording("Alone", "alone"), sex="female", age_max=50, prevalence=30.0),
    ]  # fmt: skip
    source.blocks = [
        block("has_phenotype", 0, 1, ONE, 1, 0.1),
        block("has_phenotype", 0, 1, OTHER),
        block("treats", 2, 0, OTHER, score=-3.5),
        block("contraindicated_in", 2, 0, Provenance("")),
        block("subclass_of", 2, 3, ONE),
        block("has_side_effect", 2, 4, ONE, 4),
        block("my_own_relation", 3, 4, OTHER, 0, 1e-7),
    ]
    write_store(merge([source]), tmp_path / "rich")
    return Graph.open(tmp_path / "rich")


def triples(graph: Graph) -> list[tuple[str, str, str]]:
    views = map(graph.edge, range(graph.num_edges))
    return [(graph.id(view.head), view.relation, graph.id(view.tail)) for view in views]


def content(graph: Graph) -> Iterator[tuple[Any, ...]]:
    """All that a graph states, in the order of its rows; who states an edge comes in no order."""
    for node in range(graph.num_nodes):
        yield graph.id(node), graph.type(node), graph.wording(node, "en"), graph.wording(node, "ru"), graph.sex(node)
        yield *graph.node_age[node].tolist(), float(graph.node_prevalence[node]), graph.xrefs(node)
    for edge, triple in enumerate(triples(graph)):
        score = np.float32(graph.edge_score[edge]).tobytes()
        yield *triple, int(graph.edge_band[edge]), score, frozenset(graph.provenances[graph.edge_provenance[edge]])


def read_back(graph: Graph, folder: Path) -> Graph:
    export(graph, "kgx", folder / "kgx")
    assert sorted(path.name for path in (folder / "kgx").iterdir()) == ["edges.tsv", "nodes.tsv"]
    build_graph([("kgx", [folder / "kgx"])], folder / "again")
    return Graph.open(folder / "again")


def test_kgx_reads_back_as_the_same_graph_with_all_that_it_states(rich: Graph, tmp_path: Path) -> None:
    assert len(rich.provenances) > 3
    assert list(content(read_back(rich, tmp_path))) == list(content(rich))


def test_kgx_of_the_default_mkg_reads_back_as_the_same_graph(core: Graph, tmp_path: Path) -> None:
    again = read_back(core, tmp_path)
    assert again.manifest["columns"] == core.manifest["columns"]  # byte for byte
    assert again.provenances == core.provenances


@random_graphs
@given(data=st.data())
def test_kgx_of_random_graphs_reads_back_as_the_same_graph(
    make_graph: Callable[..., Graph], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    graph = make_graph(*data.draw(drawings()))
    assert list(content(read_back(graph, tmp_path_factory.mktemp("x")))) == list(content(graph))


def test_a_reference_to_another_node_is_left_out_lest_the_two_become_one(tmp_path: Path) -> None:
    # two ids of UMLS are two things: the first is taken for HP's node, the second stays, although HP names it too
    first, second = SourceGraph("first"), SourceGraph("second")
    first.nodes = [Node("HP:0000518", "symptom", Wording("Cataract"), xrefs=("UMLS:C0086543", "UMLS:C1510497"))]
    second.nodes = [
        Node("UMLS:C0086543", "side_effect", Wording("Cataract")),
        Node("UMLS:C1510497", "side_effect", Wording("Lens opacity")),
        Node("T:A", "drug", Wording("a")),
    ]
    second.blocks = [block("has_side_effect", 2, 0, ONE), block("has_side_effect", 2, 1, ONE)]
    write_store(merge([first, second]), tmp_path / "graph")
    graph = Graph.open(tmp_path / "graph")
    again = read_back(graph, tmp_path)
    assert triples(again) == triples(graph)
    assert len(triples(graph)) == 2
    assert again.num_nodes == graph.num_nodes == 3
    assert again.xrefs(again.resolve("HP:0000518")) == ("UMLS:C0086543",)


def test_blanks_that_tsv_cannot_hold_become_spaces(make_graph: Callable[..., Graph], tmp_path: Path) -> None:
    graph = make_graph([("T:D", "disease", "a\tb"), ("T:S", "symptom", "c\r\nd")], [("T:D", "has_phenotype", "T:S")])
    again = read_back(graph, tmp_path)
    assert [again.name(node) for node in range(2)] == ["a b", "c d"]


@pytest.mark.parametrize("node_type", ["disease", "symptom", "drug", "drug_class", "side_effect", "gene", "go_term"])
def test_types_survive_as_categories(node_type: str) -> None:
    assert type_of_category(category_of_type(node_type)) == node_type


def test_triples_are_head_relation_and_tail_of_every_edge(rich: Graph, tmp_path: Path) -> None:
    export(rich, "triples", tmp_path / "t.tsv")
    lines = (tmp_path / "t.tsv").read_text(encoding="utf-8").splitlines()
    assert [tuple(line.split("\t")) for line in lines] == triples(rich)
    build_graph([("triples", [tmp_path / "t.tsv"])], tmp_path / "again")
    assert sorted(triples(Graph.open(tmp_path / "again"))) == sorted(triples(rich))


def read_graphml(path: Path) -> networkx.MultiDiGraph:
    return networkx.read_graphml(path, force_multigraph=True)


def read_json(path: Path) -> networkx.MultiDiGraph:
    return networkx.node_link_graph(json.loads(path.read_text(encoding="utf-8")), edges="edges")


@pytest.mark.parametrize(("target_format", "read"), [("graphml", read_graphml), ("json", read_json)])
@pytest.mark.parametrize("which", ["rich", "core"])
def test_networkx_reads_every_node_and_edge_with_its_attributes(
    request: pytest.FixtureRequest, tmp_path: Path, which: str, target_format: str, read: Callable[[Path], Any]
) -> None:
    graph: Graph = request.getfixturevalue(which)
    export(graph, target_format, tmp_path / "file")
    found = read(tmp_path / "file")
    assert found.is_directed()
    assert found.is_multigraph()
    assert dict(found.nodes(data=True)) == dict(whole_networkx(graph).nodes(data=True))
    edges = {
        int(key): (head, data.pop("relation"), tail, data)
        for head, tail, key, data in found.edges(keys=True, data=True)
    }
    assert [edges[edge][:3] for edge in range(graph.num_edges)] == triples(graph)
    for edge in range(graph.num_edges):
        data = edges[edge][3]
        band, score = int(graph.edge_band[edge]), float(graph.edge_score[edge])
        assert data.get("frequency_qualifier") == (FREQUENCY_BANDS[band].hp_id if band >= 0 else None)
        assert data.get("score") == (None if math.isnan(score) else score)
        sources = "|".join(part.source for part in graph.provenances[graph.edge_provenance[edge]])
        assert data.get("primary_knowledge_source") == (sources or None)


def test_networkx_holds_what_the_nodes_state(rich: Graph) -> None:
    whole = whole_networkx(rich)
    assert whole.nodes["ICD10:N40"] == {
        "category": "biolink:Disease",
        "name": 'Hyperplasia of "the" prostate',
        "phrase": "a large prostate",
        "synonym": "BPH|'prostate' <trouble> & more",
        "name_ru": "Гиперплазия простаты",
        "phrase_ru": "аденома простаты",
        "accusative_ru": "аденому простаты",
        "synonym_ru": "ДГПЖ",
        "sex": "male",
        "age_min": 40,
        "age_max": 90,
        "prevalence": "common",
        "xref": "DOID:11132|MESH:D011470",
    }
    (edge,) = whole.get_edge_data("ICD10:N40", "HP:0000017").values()
    assert edge == {
        "relation": "has_phenotype",
        "frequency_qualifier": "HP:0040281",
        "score": float(np.float32(0.1)),
        "primary_knowledge_source": "infores:one|infores:other",
        "release": "1.0|",
        "licence": "CC0-1.0|CC-BY-4.0",
    }


@pytest.mark.filterwarnings("ignore:The node types {'go_term'} are isolated")
@pytest.mark.parametrize("which", ["rich", "core"])
def test_torch_reads_a_heterodata_with_the_graphs_edges(
    request: pytest.FixtureRequest, tmp_path: Path, which: str
) -> None:
    import torch

    graph: Graph = request.getfixturevalue(which)
    export(graph, "pyg", tmp_path / "graph.pt")
    data = torch.load(tmp_path / "graph.pt", weights_only=False)
    assert data.validate()
    assert sorted(data.node_types) == graph.types
    for node_type in graph.types:
        nodes = graph.nodes_of_type(node_type)
        assert data[node_type].num_nodes == len(nodes)
        assert data[node_type].node_id == [graph.id(node) for node in nodes]
        assert data[node_type].age.tolist() == graph.node_age[nodes].tolist()
        assert data[node_type].prevalence.tolist() == graph.node_prevalence[nodes].tolist()
    found: dict[int, tuple[str, str, str]] = {}
    for head, relation, tail in data.edge_types:
        store = data[head, relation, tail]
        ends = zip(*store.edge_index.tolist(), strict=True)
        for edge, (row, column) in zip(store.edge_id.tolist(), ends, strict=True):
            assert edge not in found
            found[edge] = data[head].node_id[row], relation, data[tail].node_id[column]
        rows = store.edge_id.numpy()
        assert store.band.tolist() == graph.edge_band[rows].tolist()
        assert np.array_equal(store.score.numpy(), graph.edge_score[rows], equal_nan=True)
        assert (store.edge_index.dtype, store.score.dtype) == (torch.int64, torch.float32)
    assert [found[edge] for edge in range(graph.num_edges)] == triples(graph)


@pytest.mark.parametrize("target_format", FORMATS)
def test_a_place_that_cannot_be_written_is_refused(rich: Graph, target_format: str) -> None:
    with pytest.raises(KGError, match=r"^cannot write /proc/nowhere/x: "):
        export(rich, target_format, Path("/proc/nowhere/x"))


@pytest.mark.parametrize("target_format", FORMATS)
def test_an_older_export_is_replaced_and_nothing_else_is_left(rich: Graph, tmp_path: Path, target_format: str) -> None:
    (tmp_path / "out").mkdir()
    for _ in range(2):
        export(rich, target_format, tmp_path / "out" / "x")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x"]
