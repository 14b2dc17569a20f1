"""What a graph holds, counted: for `kg summary` and for the report of a build."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.graph import Graph


def node_counts(graph: Graph) -> dict[str, int]:
    """Count the nodes of every type."""
    return dict(zip(graph.types, graph.manifest["type_sizes"], strict=True))


def edge_counts(graph: Graph) -> dict[str, int]:
    """Count the edges of every relation."""
    counts: Counter[str] = Counter()
    for one in graph.metaedges:
        counts[one.relation] += one.stop - one.start
    return dict(counts)


def isolated_nodes(graph: Graph) -> npt.NDArray[np.int64]:
    """List the nodes without any edge, int64 [n], ascending."""
    touched = np.zeros(graph.num_nodes, np.bool_)
    touched[graph.edge_head] = touched[graph.edge_tail] = True
    return np.flatnonzero(~touched)


def summarise(graph: Graph) -> dict[str, Any]:
    """Say what a graph holds.

    :param graph: the graph.
    :returns: plain data: `nodes` by type, `edges` by relation, `metaedges` (relation, head type, tail type,
        count, mean degree of a head that has any), `sources` (source, release, licence, edges), `named_ru` (nodes
        with a Russian name), `isolated` (nodes without an edge), `bytes` on disk.
    """
    metaedges = []
    for number, one in enumerate(graph.metaedges):
        heads = graph.block(number, forward=True)
        count = one.stop - one.start
        degree = count / int(np.count_nonzero(np.diff(heads.indptr)))
        metaedges.append([one.relation, one.head, one.tail, count, round(degree, 1)])
    stated = np.bincount(graph.edge_provenance, minlength=len(graph.provenances))
    sources: Counter[tuple[str, str, str]] = Counter()
    for several, edges in zip(graph.provenances, stated.tolist(), strict=True):
        for part in several:
            sources[part.source, part.release, part.licence] += edges
    return {
        "num_nodes": graph.num_nodes,
        "num_edges": graph.num_edges,
        "nodes": node_counts(graph),
        "edges": edge_counts(graph),
        "metaedges": metaedges,
        "sources": [[*source, edges] for source, edges in sources.most_common()],
        "named_ru": sum(bool(graph.wording(node, "ru").name) for node in range(graph.num_nodes)),
        "isolated": len(isolated_nodes(graph)),
        "bytes": sum(path.stat().st_size for path in graph.folder.iterdir()),
    }
