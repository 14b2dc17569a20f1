"""Builds the graph store from its sources, or leaves it alone when nothing has changed."""

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import kgengine
from kgengine.artifacts import sha256_file
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.merging import merge
from kgengine.sources.catalogue import input_files, load
from kgengine.store import write_store
from kgengine.summary import edge_counts, node_counts


@dataclass(frozen=True)
class SourceReport:
    """What one source gave: read, kept and known edges per relation, and remarks for the user."""

    name: str
    num_nodes: int
    num_edges: int
    counts: list[dict[str, Any]]
    remarks: list[str]


@dataclass(frozen=True)
class BuildReport:
    """What a graph holds: node counts by type and edge counts by relation; `built` is False when it was there."""

    built: bool
    num_nodes: int
    num_edges: int
    nodes: dict[str, int]
    relations: dict[str, int]
    sources: list[SourceReport] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Give the report as plain data."""
        return asdict(self)


def build_graph(sources: Sequence[tuple[str, Sequence[Path]]], folder: Path, force: bool = False) -> BuildReport:
    """Build a graph store from sources.

    :param sources: names of `kgengine.sources.catalogue` with their files, the most trusted first; the default
        MKG when empty.
    :param folder: where the store shall lie.
    :param force: build even when the store was made from the same files by this version.
    :returns: what the store holds; what each source gave, when it was built.
    :raises KGError: a source is unknown, malformed or empty, or the folder can't be written.
    """
    wanted = list(sources) or [("core", ())]
    if not force and _made_from(folder, wanted):
        graph = Graph.open(folder)
        return BuildReport(False, graph.num_nodes, graph.num_edges, node_counts(graph), edge_counts(graph))
    with ThreadPoolExecutor(1) as beside, _without_collector():
        loaded = [load(name, files) for name, files in wanted]
        hashes = beside.submit(_inputs, wanted)  # the loaders have just left the second core idle
        merged = merge(loaded)
        write_store(merged, folder, hashes.result())
    graph = Graph.open(folder)
    return BuildReport(
        True,
        graph.num_nodes,
        graph.num_edges,
        node_counts(graph),
        edge_counts(graph),
        [
            SourceReport(one.name, len(one.nodes), one.num_edges, [asdict(count) for count in one.counts], one.remarks)
            for one in loaded
        ],
        merged.remarks,
    )


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause Python's cycle collector, which would look at hundreds of thousands of nodes again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _inputs(wanted: Sequence[tuple[str, Sequence[Path]]]) -> list[list[str]]:
    """List source, file name and SHA-256 of every input, as the manifest keeps them."""
    return [[name, path.name, sha256_file(path)] for name, given in wanted for path in input_files(name, given)]


def _made_from(folder: Path, wanted: Sequence[tuple[str, Sequence[Path]]]) -> bool:
    """Tell whether an undamaged store lies there that this version built from just these files."""
    try:
        manifest = Graph.open(folder).manifest
        intact = all(sha256_file(folder / name) == digest for name, digest in manifest["columns"].items())
        return bool(intact and manifest["version"] == kgengine.__version__ and manifest["inputs"] == _inputs(wanted))
    except (KGError, OSError, KeyError):
        return False
