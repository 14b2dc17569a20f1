"""The lines of descent that `subclass_of` edges draw."""

import numpy as np

from kgengine.graph import Graph
from kgengine.schema import SUBCLASS_OF


def superclasses(graph: Graph) -> dict[int, frozenset[int]]:
    """Give every node that has superclasses all of them, direct and indirect (a cycle is harmless)."""
    if SUBCLASS_OF not in graph.relations:
        return {}
    relation = graph.relations.index(SUBCLASS_OF)
    parents: dict[int, list[int]] = {}
    for edge in np.flatnonzero(np.asarray(graph.edge_relation) == relation).tolist():
        parents.setdefault(int(graph.edge_head[edge]), []).append(int(graph.edge_tail[edge]))
    lines: dict[int, frozenset[int]] = {}
    for node in parents:
        found: set[int] = set()
        todo = list(parents[node])
        while todo:
            above = todo.pop()
            if above not in found:
                found.add(above)
                todo += parents.get(above, [])
        lines[node] = frozenset(found)
    return lines
