"""Queries with their known answers, and the filtered ranks of those answers under any scorer.

The reasoner, an embedding, a blend of both and plain baselines are all measured by :func:`rank_answers`, so
their figures differ by nothing but the scores.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kgengine.graph import Graph
from kgengine.ranking import realistic_rank
from kgengine.reasoner.adjacency import DirectedEdges, Edges

Scorer = Callable[[Edges, int], npt.NDArray[np.float32]]
"""Takes anchors, int64 [batch], and a message relation; gives float32 [batch, num_nodes], higher is better."""


class QueryTable:
    """All (anchor, message relation) queries that a set of edges answers.

    :param graph: the graph.
    :param edges: int64 [n] edge ids.
    :ivar anchor: int64 [queries]; `relation` likewise.
    :ivar answer: int64 [answers], by query: those of query i from `indptr[i]` to `indptr[i + 1]`; `edge` likewise.
    """

    def __init__(self, graph: Graph, edges: Edges) -> None:
        every = DirectedEdges.of(graph, edges)
        self._width = 2 * len(graph.relations)
        key = every.source * self._width + every.relation
        order = np.lexsort((every.target, key))
        queries, first = np.unique(key[order], return_index=True)
        self.anchor, self.relation = np.divmod(queries, self._width)
        self.answer, self.edge = every.target[order], every.edge[order]
        self.indptr = np.append(first, len(key)).astype(np.int64)
        self._row = {query: row for row, query in enumerate(queries.tolist())}

    def __len__(self) -> int:
        return len(self.anchor)

    def of_row(self, row: int) -> Edges:
        """Give the answers of one query by its row, int64 [n]."""
        return self.answer[self.indptr[row] : self.indptr[row + 1]]

    def answers(self, anchor: int, relation: int) -> Edges:
        """Give the known answers of one query, int64 [n]."""
        row = self._row.get(anchor * self._width + relation)
        return self.answer[:0] if row is None else self.of_row(row)

    def edge_of(self, anchor: int, relation: int, answer: int) -> int | None:
        """Give the edge that states an answer, None when there is none."""
        row = self._row.get(anchor * self._width + relation)
        if row is None:
            return None
        place = self.indptr[row] + int(np.searchsorted(self.of_row(row), answer))
        found = place < self.indptr[row + 1] and self.answer[place] == answer
        return int(self.edge[place]) if found else None

    def batches(self, size: int, rng: np.random.Generator | None = None) -> list[Edges]:
        """Cut the queries into batches of one relation each, int64 [<= size] rows; in random order with `rng`."""
        found: list[Edges] = []
        for relation in np.unique(self.relation):
            rows = np.flatnonzero(self.relation == relation)
            rows = rows if rng is None else rng.permutation(rows)
            found += np.array_split(rows, -(-len(rows) // size))
        return found if rng is None else [found[place] for place in rng.permutation(len(found))]

    def mask(self, rows: Edges, num_nodes: int) -> Tensor:
        """Mark the known answers of some queries: bool [rows, num_nodes]."""
        marked = torch.zeros(len(rows), num_nodes, dtype=torch.bool)
        for place, row in enumerate(rows.tolist()):
            marked[place, torch.from_numpy(self.of_row(row))] = True
        return marked


def rank_answers(score: Scorer, asked: QueryTable, known: QueryTable, batch: int = 64) -> list[tuple[int, int, float]]:
    """Rank every answer of some queries, filtered by all known answers, realistic ties.

    :param score: what is measured.
    :param asked: the queries with the answers to rank.
    :param known: the queries of all edges of the graph.
    :param batch: queries at a time.
    :returns: (row of the query, answer, rank) for each answer; rank 1 is best.
    """
    ranks = []
    for rows in asked.batches(batch):
        relation = int(asked.relation[rows[0]])
        for row, line in zip(rows.tolist(), score(asked.anchor[rows], relation), strict=True):
            others = known.answers(int(asked.anchor[row]), relation)
            ranks += [(row, answer, realistic_rank(line, answer, others)) for answer in asked.of_row(row).tolist()]
    return ranks


def only(ranks: Sequence[tuple[int, int, float]]) -> list[float]:
    """Give the bare ranks."""
    return [rank for _, _, rank in ranks]


def scored(score: Scorer, anchors: Edges, relation: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Score queries over one message relation in batches: give each anchor with its line, float32 [num_nodes]."""
    for part in np.array_split(anchors, -(-len(anchors) // 64)):
        yield from zip(part.tolist(), score(part, relation), strict=True)
