"""Our engine in the query benchmark: the same tables built into a store, and asked through the public functions."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.query_data import Ints, Step, Tables
from kgengine import Graph
from kgengine.merging import merge
from kgengine.query import follow, path_counts
from kgengine.reach import distances
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.store import write_store


class Ours:
    """kg itself."""

    name = "kg"

    def build(self, tables: Tables) -> None:
        """Write the graph as a store and open it; the store numbers nodes anew, so ids lead back."""
        source = SourceGraph("benchmark")
        for number, kind in enumerate(tables.node_type.tolist()):
            source.nodes.append(Node(f"N:{number:09}", tables.types[kind], Wording()))
        self._relation = {
            relation: "related_to" if head == tail else relation for relation, (head, tail) in tables.ends.items()
        }  # each pair stands once in the tables, so a relation within one type is symmetric
        for relation, (heads, tails) in tables.relations.items():
            source.blocks.append(EdgeBlock(self._relation[relation], heads, tails, Provenance("")))
        self._folder = tempfile.TemporaryDirectory()
        store = Path(self._folder.name) / "graph"
        write_store(merge([source]), store)
        self._graph = Graph.open(store)
        self._theirs = np.array([int(self._graph.id(node)[2:]) for node in range(self._graph.num_nodes)])
        self._ours = np.argsort(self._theirs)
        distances(self._graph, [0], 1)

    def paths(self, anchor: int, steps: Sequence[Step]) -> tuple[Ints, Ints]:
        """Count the simple paths, per end node."""
        node = int(self._ours[anchor])
        types = [self._graph.type(node), *(kind for _, kind in steps)]
        ends, counts = path_counts(self._graph, [node], types, [[self._relation[one]] for one, _ in steps])
        return self._theirs[ends], counts.astype(np.int64)

    def top(self, anchor: int, steps: Sequence[Step]) -> dict[int, int]:
        """Rank the ends by degree-weighted path count; give the best ten, whose proofs are found too."""
        node = int(self._ours[anchor])
        types = [self._graph.type(node), *(kind for _, kind in steps)]
        found = follow(self._graph, [node], types, [[self._relation[one]] for one, _ in steps], limit=10)
        return {int(self._theirs[answer.node]): answer.paths for answer in found}

    def within(self, anchor: int, hops: int) -> Ints:
        """Find all nodes within some hops."""
        return self._theirs[np.flatnonzero(distances(self._graph, [int(self._ours[anchor])], hops) >= 0)]
