"""Reads the default MKG, shipped in the package as KGX."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import kgengine
from kgengine.errors import KGError
from kgengine.sources.kgx import read_kgx
from kgengine.sources.records import Provenance, SourceGraph

CORE_FOLDER = Path(__file__).parent.parent / "mkg" / "core"

_ORIGIN = {
    "infores:kg-core": Provenance("infores:kg-core", kgengine.__version__, "Apache-2.0"),
    "infores:atc": Provenance("infores:atc", "2024", "WHO Collaborating Centre for Drug Statistics Methodology"),
    "infores:hpo": Provenance("infores:hpo", "2025-01-16", "https://hpo.jax.org/app/license"),
}


def default_files() -> list[Path]:
    """List the files of the default MKG."""
    return sorted(CORE_FOLDER.glob("*.tsv"))


def read_core(files: Sequence[Path] = ()) -> SourceGraph:
    """Read the default MKG.

    :param files: must be empty.
    :returns: its nodes and edges, with release and licence.
    :raises KGError: files were given.
    """
    if files:
        raise KGError(f"the source 'core' ships with kg and takes no files, but got {files[0]}; give 'kgx' your files")
    graph = read_kgx([CORE_FOLDER])
    graph.name = "core"
    for block in graph.blocks:
        if block.provenance.source not in _ORIGIN:
            raise KGError(
                f"an edge of {block.relation} in {CORE_FOLDER} has the primary_knowledge_source "
                f"'{block.provenance.source}'; expected one of {', '.join(_ORIGIN)}"
            )
    graph.blocks = [replace(block, provenance=_ORIGIN[block.provenance.source]) for block in graph.blocks]
    return graph
