"""Shared fixtures: the default MKG built once, a small hand-drawn graph, and the trained parts on it."""

import math
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.main import run
from kgengine.building import build_graph
from kgengine.graph import Graph
from kgengine.merging import merge
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.store import write_store

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; children would be deaf to Ctrl-C too
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def core_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the default MKG."""
    folder = tmp_path_factory.mktemp("core") / "graph"
    build_graph([], folder)
    return folder


@pytest.fixture(scope="session")
def core(core_folder: Path) -> Graph:
    """The default MKG."""
    return Graph.open(core_folder)


@pytest.fixture
def make_graph(tmp_path: Path) -> Callable[..., Graph]:
    """Build a graph from (id, type, name) nodes and (head, relation, tail[, band[, score[, source]]]) edges."""

    def make(nodes: list[tuple[str, str, str]], edges: list[tuple[Any, ...]]) -> Graph:
        source = SourceGraph("hand-drawn")
        for node_id, node_type, name in nodes:
            wording = Wording(name, name.lower(), name.lower())
            source.nodes.append(Node(node_id, node_type, wording, wording))
        row_of = {node.id: row for row, node in enumerate(source.nodes)}
        for head, relation, tail, *rest in edges:
            band, score, origin = [*rest, *(-1, math.nan, "")[len(rest) :]]
            ends = np.array([row_of[head]]), np.array([row_of[tail]])
            shown = None if math.isnan(score) else np.array([score], np.float32)
            source.blocks.append(EdgeBlock(relation, *ends, Provenance(origin), np.array([band], np.int8), shown))
        folder = tmp_path / f"graph{len(list(tmp_path.iterdir()))}"
        write_store(merge([source]), folder)
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


@pytest.fixture
def kg(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `kg` in this process as its console script does; give exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kg", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call
