"""Writes a graph store: the folder of memory-mapped columns that :class:`kgengine.graph.Graph` opens.

Nodes are rows sorted by (type, id). Edges are rows sorted by (relation, head type, tail type, head, tail);
an edge's id is its row. Every metaedge is a CSR by head (`forward_*`) and one by tail (`reverse_*`), with
rows and ends numbered within their type; see :mod:`kgengine.metaedges`. Same input, same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import kgengine
from kgengine.artifacts import replaced_folder, sha256_file, write_manifest
from kgengine.errors import KGError
from kgengine.graph import FORMAT
from kgengine.merging import MergedGraph
from kgengine.metaedges import Metaedge, csr_pointers
from kgengine.names import NAME, PHRASE, SYNONYM, NameIndex, StringTable
from kgengine.schema import LANGUAGES, SEXES
from kgengine.sources.records import Node, Wording
from kgengine.walks import group_by_end

_INT16 = 32_767


def write_store(graph: MergedGraph, folder: Path, inputs: Sequence[list[str]] = ()) -> None:
    """Write a graph store.

    :param graph: the nodes and edges.
    :param folder: where the store shall lie; an older store there is replaced.
    :param inputs: what it was built from: lists of source, file name and SHA-256, for the manifest.
    :raises KGError: the folder can't be written, or there are too many relations or types.
    """
    if max(len(graph.relations), len(graph.types)) > _INT16:
        raise KGError(f"the graph has more than {_INT16:,} relations or node types; are ids in their place?")
    with replaced_folder(folder) as temporary:
        _write_nodes(temporary, graph.nodes, graph.node_type)
        metaedges = _write_edges(temporary, graph)
        content = sorted(temporary.iterdir())
        write_manifest(
            temporary,
            {
                "format": FORMAT,
                "version": kgengine.__version__,
                "num_nodes": len(graph.nodes),
                "num_edges": len(graph.head),
                "types": graph.types,
                "type_sizes": np.bincount(graph.node_type).tolist(),
                "relations": graph.relations,
                "metaedges": metaedges,
                "provenances": [[asdict(part) for part in several] for several in graph.provenances],
                "inputs": list(inputs),
                "columns": {path.name: sha256_file(path) for path in content},
            },
        )


def _write_nodes(folder: Path, nodes: Sequence[Node], node_type: npt.NDArray[np.int16]) -> None:
    for column, values in zip(_TEXTS, zip(*map(_texts, nodes), strict=True), strict=True):
        StringTable.write(folder, column, values)
    np.save(folder / "node_type.npy", node_type)
    np.save(folder / "node_sex.npy", np.array([SEXES.index(node.sex) for node in nodes], np.int8))
    np.save(folder / "node_age.npy", np.array([(node.age_min, node.age_max) for node in nodes], np.int16))
    np.save(folder / "node_prevalence.npy", np.array([node.prevalence for node in nodes], np.float32))
    ids = {node.id.casefold(): index for index, node in enumerate(nodes)}
    for index, node in enumerate(nodes):
        for reference in node.xrefs:
            ids.setdefault(reference.casefold(), index)
    keys = sorted(ids)
    StringTable.write(folder, "id_key", keys)
    np.save(folder / "id_node.npy", np.array([ids[key] for key in keys], np.int32))
    NameIndex.write(folder, [entry for index, node in enumerate(nodes) for entry in _names(index, node)])


_TEXTS = (
    "node_id",
    "xrefs",
    "accusative_ru",
    *(f"{part}_{lang}" for lang in LANGUAGES for part in ("name", "phrase", "synonyms")),
)


def _texts(node: Node) -> tuple[str, ...]:
    """Give a node's cells in the columns of `_TEXTS`."""
    return node.id, "|".join(node.xrefs), node.ru.accusative, *_cells(node.en), *_cells(node.ru)


def _cells(wording: Wording) -> tuple[str, str, str]:
    """Give name, phrase and synonyms."""
    if not wording.name:
        return "", wording.phrase, "|".join(wording.synonyms)
    return wording.name, _own_phrase(wording), "|".join(wording.synonyms)


def _own_phrase(wording: Wording) -> str:
    """Give the phrase, or "" when it is but the name in lower case, which need not be stored."""
    return "" if wording.phrase == wording.name.lower() else wording.phrase


def _names(index: int, node: Node) -> Iterator[tuple[str, int, int]]:
    """List a node's names with their ranks; a phrase that is but the name in lower case adds nothing."""
    for wording in (node.en, node.ru):
        if wording.name:
            yield wording.name, index, NAME
        if phrase := _own_phrase(wording):
            yield phrase, index, PHRASE
        for synonym in wording.synonyms:
            yield synonym, index, SYNONYM


def _write_edges(folder: Path, graph: MergedGraph) -> list[dict[str, Any]]:
    """Write the edge columns; give the metaedges, in the order of their rows."""
    sizes = np.bincount(graph.node_type)
    type_start = np.concatenate([[0], np.cumsum(sizes)])
    head_type, tail_type = graph.node_type[graph.head], graph.node_type[graph.tail]
    head = (graph.head - type_start[head_type]).astype(np.int32)
    tail = (graph.tail - type_start[tail_type]).astype(np.int32)
    changed = (np.diff(graph.relation) != 0) | (np.diff(head_type) != 0) | (np.diff(tail_type) != 0)
    bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(head)]
    metaedges, forward, reverse, turned = [], [], [], np.empty(len(head), np.int32)
    for start, stop in pairwise(bounds):
        one, other = int(head_type[start]), int(tail_type[start])
        relation = graph.relations[int(graph.relation[start])]
        metaedges.append(Metaedge(relation, graph.types[one], graph.types[other], start, stop))
        forward.append(csr_pointers(head[start:stop], sizes[one]))
        reverse.append(csr_pointers(tail[start:stop], sizes[other]))
        group_by_end(tail[start:stop], reverse[-1].copy(), start, turned[start:stop])
    np.save(folder / "forward_indptr.npy", np.concatenate(forward))
    np.save(folder / "forward_tail.npy", tail)
    np.save(folder / "reverse_indptr.npy", np.concatenate(reverse))
    np.save(folder / "reverse_head.npy", head[turned])
    np.save(folder / "reverse_edge.npy", turned)
    np.save(folder / "edge_band.npy", graph.band)
    np.save(
        folder / "edge_provenance.npy",
        graph.provenance.astype(np.int16 if len(graph.provenances) <= _INT16 else np.int32),
    )
    if graph.score is not None:
        np.save(folder / "edge_score.npy", graph.score)
    return [asdict(one) for one in metaedges]
