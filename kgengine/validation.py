"""Looks for what can't be right, or is likely wrong, in a graph: for `kg validate`.

An *error* is a contradiction or damage; a *warning* is a gap that a user should know of. Nothing is changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kgengine.artifacts import sha256_file
from kgengine.graph import Graph
from kgengine.hierarchy import superclasses
from kgengine.ids import id_problem
from kgengine.names import fold
from kgengine.schema import (
    CLINICAL_RELATIONS,
    CONTRAINDICATED_IN,
    DISEASE,
    DRUG,
    HAS_PHENOTYPE,
    SYMMETRIC_RELATIONS,
    TREATS,
)
from kgengine.summary import isolated_nodes

_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: `level` is "error" or "warning", `count` how often, `examples` up to five of them."""

    level: str
    problem: str
    count: int
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the finding as plain data."""
        return asdict(self)


def validate(graph: Graph) -> list[Finding]:
    """Check a graph.

    :param graph: the graph.
    :returns: what was found, errors first; empty when all is well. A damaged graph is not looked at further.
    """
    checks: Sequence[tuple[str, str, Callable[[Graph], Iterable[str]]]] = (
        ("error", "columns whose bytes are not those that were built", _damaged),
        ("error", "identifiers of the wrong form", _malformed),
        ("error", "drugs that both treat a disease and are contra-indicated in it", _contradictions),
        ("error", "nodes that lie above themselves by subclass_of", _cycles),
        ("warning", "clinical edges between a female-only and a male-only node", _sexes),
        ("warning", "edges of one relation stated in both directions", _reciprocal),
        ("warning", "names that two nodes of one type share", _shared_names),
        ("warning", "diseases without a symptom", lambda g: _without(g, DISEASE, HAS_PHENOTYPE, True)),
        ("warning", "drugs that treat nothing", lambda g: _without(g, DRUG, TREATS, True)),
        ("warning", "nodes without any edge", _isolated),
        ("warning", "has_phenotype edges without a frequency", _no_band),
        ("warning", "sources without a licence", _unlicensed),
    )
    findings = []
    for level, problem, check in checks:
        found = list(check(graph))
        if found:
            findings.append(Finding(level, problem, len(found), tuple(found[:_SHOWN])))
        if found and check is _damaged:
            break  # the other checks would trip over such columns
    return findings


def _label(graph: Graph, node: int) -> str:
    return f"{graph.id(node)} ({graph.name(node)})"


def _spelled(graph: Graph, edge: int) -> str:
    view = graph.edge(edge)
    return f"{_label(graph, view.head)} {view.relation} {_label(graph, view.tail)}"


def _damaged(graph: Graph) -> Iterator[str]:
    for name, digest in graph.manifest["columns"].items():
        if sha256_file(graph.folder / name) != digest:
            yield name


def _malformed(graph: Graph) -> Iterator[str]:
    for node in range(graph.num_nodes):
        problem = id_problem(graph.id(node))
        if problem:
            yield problem


def _pairs(graph: Graph, relation: str) -> set[tuple[int, int]]:
    edges = _edges(graph, relation)
    return set(zip(graph.edge_head[edges].tolist(), graph.edge_tail[edges].tolist(), strict=True))


def _edges(graph: Graph, relation: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    if relation not in graph.relations:
        return np.zeros(0, np.int64)
    return np.flatnonzero(graph.edge_relation == graph.relations.index(relation))


def _contradictions(graph: Graph) -> Iterator[str]:
    for drug, disease in sorted(_pairs(graph, TREATS) & _pairs(graph, CONTRAINDICATED_IN)):
        yield f"{_label(graph, drug)} in {_label(graph, disease)}"


def _cycles(graph: Graph) -> Iterator[str]:
    for node, above in superclasses(graph).items():
        if node in above:
            yield _label(graph, node)


def _sexes(graph: Graph) -> Iterator[str]:
    limited = [graph.sex(node) for node in range(graph.num_nodes)]
    female, male = (np.array([sex == one for sex in limited]) for one in ("female", "male"))
    head, tail = graph.edge_head, graph.edge_tail
    clinical = [number for number, name in enumerate(graph.relations) if name in CLINICAL_RELATIONS]
    opposed = (female[head] & male[tail]) | (male[head] & female[tail])
    for edge in np.flatnonzero(opposed & np.isin(graph.edge_relation, clinical)).tolist():
        yield _spelled(graph, edge)


def _reciprocal(graph: Graph) -> Iterator[str]:
    for relation in graph.relations:
        if relation in SYMMETRIC_RELATIONS:
            continue
        edges = _edges(graph, relation)
        head, tail = graph.edge_head[edges].astype(np.int64), graph.edge_tail[edges].astype(np.int64)
        both = np.isin(head * graph.num_nodes + tail, tail * graph.num_nodes + head) & (head < tail)
        for edge in edges[both].tolist():
            yield _spelled(graph, edge)


def _shared_names(graph: Graph) -> Iterator[str]:
    bearers: dict[tuple[int, str], list[int]] = defaultdict(list)
    for node in range(graph.num_nodes):
        bearers[int(graph.node_type[node]), fold(graph.name(node))].append(node)
    for (_, name), nodes in bearers.items():
        if name and len(nodes) > 1:
            yield f"{graph.name(nodes[0])}: {', '.join(graph.id(node) for node in nodes[:3])}"


def _without(graph: Graph, node_type: str, relation: str, as_head: bool) -> Iterator[str]:
    """List nodes of a type that lack a relation which others of that type have."""
    if node_type not in graph.types:
        return
    edges = _edges(graph, relation)
    ends = np.unique((graph.edge_head if as_head else graph.edge_tail)[edges])
    nodes = graph.nodes_of_type(node_type)
    if np.isin(nodes, ends).any():
        for node in nodes[~np.isin(nodes, ends)].tolist():
            yield _label(graph, node)


def _isolated(graph: Graph) -> Iterator[str]:
    for node in isolated_nodes(graph).tolist():
        yield _label(graph, node)


def _no_band(graph: Graph) -> Iterator[str]:
    edges = _edges(graph, HAS_PHENOTYPE)
    for edge in edges[np.asarray(graph.edge_band)[edges] < 0].tolist():
        yield _spelled(graph, edge)


def _unlicensed(graph: Graph) -> Iterator[str]:
    for one in sorted({part.source for several in graph.provenances for part in several if not part.licence}):
        yield one or "(a source without a name)"
