"""Writes a graph store: the folder of memory-mapped columns that :class:`kgengine.graph.Graph` opens.

Edges are rows sorted by (head, relation, tail); an edge's id is its row. `forward_*` is the CSR by head,
`reverse_*` the CSR by tail. Nodes are rows sorted by (type, id), so the same input gives the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import kgengine
from kgengine.artifacts import replaced_folder, sha256_file, write_manifest
from kgengine.errors import KGError
from kgengine.graph import FORMAT
from kgengine.names import NAME, PHRASE, SYNONYM, NameIndex, StringTable
from kgengine.schema import SEXES
from kgengine.sources.records import Edge, Node, SourceGraph

DWPC_DAMPING = 0.4
"""Exponent of the degree-weighted path count (Himmelstein & Baranzini 2015, doi:10.1371/journal.pcbi.1004259)."""


def write_store(source: SourceGraph, folder: Path) -> None:
    """Write a graph store.

    :param source: the nodes and edges; every edge end is a node.
    :param folder: where the store shall lie; an older store there is replaced.
    :raises KGError: the graph is empty or the folder can't be written.
    """
    if not source.nodes or not source.edges:
        missing = "nodes" if not source.nodes else "edges"
        files = ", ".join(str(path) for path in source.files) or "the input"
        raise KGError(f"the graph has no {missing} ({files}); give files with at least one node and one edge")
    nodes = sorted(source.nodes.values(), key=lambda node: (node.type, node.id))
    index_of = {node.id: index for index, node in enumerate(nodes)}
    types = sorted({node.type for node in nodes})
    relations = sorted({edge.relation for edge in source.edges})
    sources = sorted({edge.source for edge in source.edges})
    with replaced_folder(folder) as temporary:
        _write_nodes(temporary, nodes, types)
        _write_edges(temporary, source.edges, index_of, relations, sources)
        content = sorted(path for path in temporary.iterdir())
        write_manifest(
            temporary,
            {
                "format": FORMAT,
                "version": kgengine.__version__,
                "num_nodes": len(nodes),
                "num_edges": len(source.edges),
                "types": types,
                "relations": relations,
                "sources": sources,
                "inputs": [[path.name, sha256_file(path)] for path in source.files],
                "columns": {path.name: sha256_file(path) for path in content},
            },
        )


def _write_nodes(folder: Path, nodes: Sequence[Node], types: Sequence[str]) -> None:
    columns = {
        "node_id": [node.id for node in nodes],
        **{f"name_{lang}": [getattr(node, lang).name for node in nodes] for lang in ("en", "ru")},
        **{f"phrase_{lang}": [getattr(node, lang).phrase for node in nodes] for lang in ("en", "ru")},
        **{f"synonyms_{lang}": ["|".join(getattr(node, lang).synonyms) for node in nodes] for lang in ("en", "ru")},
        "accusative_ru": [node.ru.accusative for node in nodes],
    }
    for column, values in columns.items():
        StringTable.write(folder, column, values)
    np.save(folder / "node_type.npy", np.array([types.index(node.type) for node in nodes], np.int16))
    np.save(folder / "node_sex.npy", np.array([SEXES.index(node.sex) for node in nodes], np.int8))
    np.save(folder / "node_age.npy", np.array([(node.age_min, node.age_max) for node in nodes], np.int16))
    np.save(folder / "node_prevalence.npy", np.array([node.prevalence for node in nodes], np.float32))
    by_id = sorted(range(len(nodes)), key=lambda index: nodes[index].id.casefold().encode())
    StringTable.write(folder, "id_key", [nodes[index].id.casefold() for index in by_id])
    np.save(folder / "id_node.npy", np.array(by_id, np.int32))
    entries = []
    for index, node in enumerate(nodes):
        for wording in (node.en, node.ru):
            entries += [(wording.name, index, NAME), (wording.phrase, index, PHRASE)]
            entries += [(synonym, index, SYNONYM) for synonym in wording.synonyms]
    NameIndex.write(folder, entries)


def _write_edges(
    folder: Path,
    edges: Sequence[Edge],
    index_of: dict[str, int],
    relations: Sequence[str],
    sources: Sequence[str],
) -> None:
    relation_of = {relation: index for index, relation in enumerate(relations)}
    source_of = {source: index for index, source in enumerate(sources)}
    table = np.array(
        [(index_of[e.head], relation_of[e.relation], index_of[e.tail], e.band, source_of[e.source]) for e in edges],
        np.int64,
    )
    table = table[np.lexsort((table[:, 2], table[:, 1], table[:, 0]))]
    head, relation, tail = table[:, 0], table[:, 1], table[:, 2]
    by_tail = np.lexsort((head, relation, tail))
    np.save(folder / "forward_indptr.npy", _indptr(head, len(index_of)))
    np.save(folder / "forward_tail.npy", tail.astype(np.int32))
    np.save(folder / "edge_relation.npy", relation.astype(np.int16))
    np.save(folder / "edge_band.npy", table[:, 3].astype(np.int8))
    np.save(folder / "edge_source.npy", table[:, 4].astype(np.int16))
    np.save(folder / "edge_weight.npy", _path_weight(head, relation, tail))
    np.save(folder / "reverse_indptr.npy", _indptr(tail, len(index_of)))
    np.save(folder / "reverse_head.npy", head[by_tail].astype(np.int32))
    np.save(folder / "reverse_edge.npy", by_tail.astype(np.int32))


def _indptr(sorted_or_not: npt.NDArray[np.int64], num_nodes: int) -> npt.NDArray[np.int64]:
    """Count rows per node and give CSR row pointers, int64 [num_nodes + 1]."""
    counts = np.bincount(sorted_or_not, minlength=num_nodes)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _path_weight(
    head: npt.NDArray[np.int64], relation: npt.NDArray[np.int64], tail: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Weigh each edge by (out-degree of head x in-degree of tail, within its relation) ** -DWPC_DAMPING.

    :returns: float32 [num_edges] in (0, 1]; a path's weight is the product over its edges.
    """
    product = np.ones(len(head))
    for end in (head, tail):
        _, where, counts = np.unique(end * (relation.max() + 1) + relation, return_inverse=True, return_counts=True)
        product *= counts[where]
    return (product**-DWPC_DAMPING).astype(np.float32)
