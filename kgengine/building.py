"""Builds the graph store from its sources, or leaves it alone when nothing has changed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kgengine.artifacts import sha256_file
from kgengine.errors import ArtifactError
from kgengine.graph import Graph
from kgengine.sources.kgx import CORE_FOLDER, kgx_files, read_kgx
from kgengine.store import write_store


@dataclass(frozen=True)
class BuildReport:
    """What a graph holds: node counts by type and edge counts by relation; `built` is False when it was there."""

    built: bool
    num_nodes: int
    num_edges: int
    nodes: dict[str, int]
    relations: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Give the report as plain data."""
        return asdict(self)


def build_graph(paths: Sequence[Path], folder: Path, force: bool = False) -> BuildReport:
    """Build a graph store from KGX files.

    :param paths: files or folders; the default MKG when empty.
    :param folder: where the store shall lie.
    :param force: build even when the store was made from the same files.
    :returns: what the store holds.
    :raises KGError: a source is malformed or empty, or the folder can't be written.
    """
    sources = list(paths) or [CORE_FOLDER]
    node_files, edge_files = kgx_files(sources)
    fresh = not force and _made_from(folder, [*node_files, *edge_files])
    if not fresh:
        write_store(read_kgx(sources), folder)
    graph = Graph.open(folder)
    types = np.bincount(graph.node_type, minlength=len(graph.types))
    relations = np.bincount(graph.edge_relation, minlength=len(graph.relations))
    return BuildReport(
        built=not fresh,
        num_nodes=graph.num_nodes,
        num_edges=graph.num_edges,
        nodes=dict(zip(graph.types, types.tolist(), strict=True)),
        relations=dict(zip(graph.relations, relations.tolist(), strict=True)),
    )


def _made_from(folder: Path, files: Sequence[Path]) -> bool:
    """Tell whether an undamaged store lies there that was built from just these files."""
    try:
        manifest = Graph.open(folder).manifest
        intact = all(sha256_file(folder / name) == digest for name, digest in manifest["columns"].items())
        return intact and bool(manifest["inputs"] == [[path.name, sha256_file(path)] for path in files])
    except (ArtifactError, OSError, KeyError):
        return False
