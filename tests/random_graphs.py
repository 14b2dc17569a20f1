"""Hypothesis strategies for small random typed multigraphs and the filters that a query may put on them."""

import math
from typing import Any

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from kgengine.graph import Graph
from kgengine.selection import EdgeFilter

TYPES = ("disease", "drug", "symptom")
RELATIONS = ("has_phenotype", "treats", "related_to")

random_graphs = settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Drawing = tuple[list[tuple[str, str, str]], list[tuple[Any, ...]]]


@st.composite
def drawings(draw: st.DrawFn, needed: tuple[str, ...] = ()) -> Drawing:
    """Nodes (at least one of each type that is needed) and edges between any of them: parallel, both ways, loops."""
    kinds = [*needed, *draw(st.lists(st.sampled_from(TYPES), min_size=max(0, 2 - len(needed)), max_size=7))]
    nodes = [(f"T:{number}", kind, f"node {number}") for number, kind in enumerate(kinds)]
    end = st.sampled_from([node[0] for node in nodes])
    edges = draw(st.lists(st.tuples(end, st.sampled_from(RELATIONS), end), min_size=1, max_size=18, unique=True))
    assume(any(head != tail for head, _, tail in edges))
    band, score = st.sampled_from([-1, 0, 4]), st.sampled_from([math.nan, 0.25, 0.75])
    source = st.sampled_from(["infores:a", "b"])
    return nodes, [(*edge, draw(band), draw(score), draw(source)) for edge in edges]


@st.composite
def filters(draw: st.DrawFn, graph: Graph) -> EdgeFilter:
    """Relations, sources and a least score, each of which may be left out."""
    known = sorted({part.source for several in graph.provenances for part in several})
    return EdgeFilter(
        draw(st.lists(st.sampled_from(graph.relations), max_size=2, unique=True)),
        draw(st.lists(st.sampled_from(known), max_size=1)),
        draw(st.sampled_from([None, 0.5])),
    )


def permitted(graph: Graph, only: EdgeFilter) -> list[int]:
    """The edges that a filter lets through, looked at one by one."""
    found = []
    for edge in range(graph.num_edges):
        stated = {part.source for part in graph.provenances[graph.edge_provenance[edge]]}
        if (
            (not only.relations or graph.edge(edge).relation in only.relations)
            and (not only.sources or stated & set(only.sources))
            and (only.min_score is None or graph.edge_score[edge] >= only.min_score)
        ):
            found.append(edge)
    return found


def neighbours(graph: Graph, edges: list[int]) -> dict[int, list[tuple[int, int]]]:
    """For every node the (other node, edge) pairs at it, over edges in either direction."""
    at: dict[int, list[tuple[int, int]]] = {node: [] for node in range(graph.num_nodes)}
    for edge in edges:
        view = graph.edge(edge)
        at[view.head].append((view.tail, edge))
        at[view.tail].append((view.head, edge))
    return at
