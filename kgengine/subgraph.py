"""The part of the graph that a person looks at: an answer's proofs as networkx, and as a sentence."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kgengine.graph import Graph
from kgengine.proofs import Proof
from kgengine.query import Answer, Assumed
from kgengine.schema import FREQUENCY_BANDS, INVERSE_WORDING

if TYPE_CHECKING:
    import networkx


def to_networkx(
    graph: Graph, answers: Sequence[Answer], anchors: Sequence[int] = (), lang: str = "en"
) -> "networkx.MultiDiGraph":
    """Collect the proofs of answers into one networkx graph.

    :param graph: the graph that was asked.
    :param answers: answers of a query.
    :param anchors: the nodes that the query began with.
    :param lang: language of the names.
    :returns: nodes keyed by CURIE with `name`, `type` (`score` on answers, `anchor` on anchors), edges keyed by edge
        id with `relation` and, where stated, `frequency`, `source`, `release`, `licence` and `score`.
    """
    import networkx

    picture = networkx.MultiDiGraph()
    for anchor in anchors:
        picture.add_node(graph.id(anchor), name=graph.name(anchor, lang), type=graph.type(anchor), anchor=True)
    for answer in answers:
        for proof in answer.proofs:
            for node in proof.nodes:
                picture.add_node(graph.id(node), name=graph.name(node, lang), type=graph.type(node))
            for edge in proof.edges:
                record = edge_record(graph, edge)
                facts = {key: value for key, value in record.items() if key not in ("edge", "head", "tail")}
                picture.add_edge(record["head"], record["tail"], key=edge, **facts)
        ends = {"name": graph.name(answer.node, lang), "type": graph.type(answer.node)}
        picture.add_node(graph.id(answer.node), **ends, score=answer.score)
    return picture


def spell_proof(graph: Graph, proof: Proof, lang: str = "en") -> str:
    """Write a path as one line, each edge read in the direction in which it is taken."""
    words = [graph.name(proof.nodes[0], lang)]
    for position, edge in enumerate(proof.edges):
        view = graph.edge(edge)
        forward = view.head == proof.nodes[position]
        if forward:
            arrow = f"-{view.relation}->"
        elif view.relation in INVERSE_WORDING:
            arrow = f"-{INVERSE_WORDING[view.relation]}->"
        else:
            arrow = f"<-{view.relation}-"
        words += [arrow, graph.name(proof.nodes[position + 1], lang)]
    return " ".join(words)


def assumed_record(graph: Graph, link: Assumed) -> dict[str, Any]:
    """Give a link that a prediction assumes as plain data."""
    return {
        "head": graph.id(link.head),
        "relation": graph.relations[link.relation],
        "tail": graph.id(link.tail),
        "probability": round(link.probability, 4),
    }


def spell_assumed(graph: Graph, link: Assumed, lang: str = "en") -> str:
    """Write a link that a prediction assumes as one line."""
    relation = graph.relations[link.relation]
    return f"{graph.name(link.head, lang)} -{relation}-> {graph.name(link.tail, lang)} ({link.probability:.2f})"


def edge_record(graph: Graph, edge: int) -> dict[str, Any]:
    """Give one edge as plain data: id, head, relation, tail and, where stated, frequency, score and provenance."""
    view = graph.edge(edge)
    record: dict[str, Any] = {
        "edge": edge,
        "head": graph.id(view.head),
        "relation": view.relation,
        "tail": graph.id(view.tail),
    }
    if view.band >= 0:
        record["frequency"] = FREQUENCY_BANDS[view.band].name
    score = float(graph.edge_score[edge])
    if not math.isnan(score):
        record["score"] = score
    stated = graph.provenances[graph.edge_provenance[edge]]
    for key in ("source", "release", "licence"):
        values = [getattr(one, key) for one in stated if getattr(one, key)]
        if values:
            record[key] = ", ".join(values)
    return record


def answer_record(graph: Graph, answer: Answer, lang: str = "en") -> dict[str, Any]:
    """Give one answer as plain data, with its proofs as lists of edges; `state` only where it is a prediction."""
    return {
        "id": graph.id(answer.node),
        "name": graph.name(answer.node, lang),
        "type": graph.type(answer.node),
        "score": answer.score,
        "paths": answer.paths,
        **({"state": answer.state} if answer.state else {}),
        **({"assumed": [assumed_record(graph, link) for link in answer.assumed]} if answer.state else {}),
        "proofs": [[edge_record(graph, edge) for edge in proof.edges] for proof in answer.proofs],
    }
