"""Shared fixtures: the default MKG built once, a small hand-drawn graph, and the trained parts on it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kgengine.graph import Graph
from kgengine.sources.kgx import CORE_FOLDER, read_kgx
from kgengine.sources.records import Edge, Node, SourceGraph, Wording
from kgengine.store import write_store


@pytest.fixture(scope="session")
def core_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the default MKG."""
    folder = tmp_path_factory.mktemp("core") / "graph"
    write_store(read_kgx([CORE_FOLDER]), folder)
    return folder


@pytest.fixture(scope="session")
def core(core_folder: Path) -> Graph:
    """The default MKG."""
    return Graph.open(core_folder)


@pytest.fixture
def make_graph(tmp_path: Path) -> Callable[..., Graph]:
    """Build a graph from (id, type, name) nodes and (head, relation, tail[, band]) edges."""

    def make(nodes: list[tuple[str, str, str]], edges: list[tuple[str, str, str] | tuple[str, str, str, int]]) -> Graph:
        source = SourceGraph()
        for node_id, node_type, name in nodes:
            wording = Wording(name, name.lower(), name.lower())
            source.nodes[node_id] = Node(node_id, node_type, wording, wording)
        for head, relation, tail, *band in edges:
            source.edges.append(Edge(head, relation, tail, band[0] if band else -1))
        folder = tmp_path / f"graph{len(list(tmp_path.iterdir()))}"
        write_store(source, folder)
        return Graph.open(folder)

    return make


@pytest.fixture
def toy(make_graph: Callable[..., Graph]) -> Graph:
    """Two diseases that share a symptom, drawn by hand.

    D1 -has_phenotype-> S1, S2        A1 -treats-> D1        A1 -subclass_of-> C1
    D2 -has_phenotype-> S2, S3        A2 -treats-> D2        A2 -subclass_of-> C1
                                      A2 -contraindicated_in-> S1
    """
    return make_graph(
        [
            ("T:D1", "disease", "Alpha fever"),
            ("T:D2", "disease", "Beta cough disease"),
            ("T:S1", "symptom", "Shivering"),
            ("T:S2", "symptom", "Barking"),
            ("T:S3", "symptom", "Itch"),
            ("T:A1", "drug", "Alphacin"),
            ("T:A2", "drug", "Betacin"),
            ("T:C1", "drug_class", "Cins"),
        ],
        [
            ("T:D1", "has_phenotype", "T:S1", 1),
            ("T:D1", "has_phenotype", "T:S2", 2),
            ("T:D2", "has_phenotype", "T:S2", 2),
            ("T:D2", "has_phenotype", "T:S3", 3),
            ("T:A1", "treats", "T:D1"),
            ("T:A2", "treats", "T:D2"),
            ("T:A2", "contraindicated_in", "T:S1"),
            ("T:A1", "subclass_of", "T:C1"),
            ("T:A2", "subclass_of", "T:C1"),
        ],
    )
