"""The part of the graph that a person looks at: an answer's proofs as networkx, and as a sentence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kgengine.graph import Graph
from kgengine.query import Answer, Proof
from kgengine.schema import FREQUENCY_BANDS, INVERSE_WORDING

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph, answers: Sequence[Answer]) -> "networkx.MultiDiGraph":
    """Collect the proofs of answers into one networkx graph.

    :param graph: the graph that was asked.
    :param answers: answers of a query.
    :returns: nodes keyed by CURIE with `name`, `type` (and `score` on answers), edges keyed by edge id
        with `relation`.
    """
    import networkx

    picture = networkx.MultiDiGraph()
    for answer in answers:
        for proof in answer.proofs:
            for node in proof.nodes:
                picture.add_node(graph.id(node), name=graph.name(node), type=graph.type(node))
            for edge in proof.edges:
                view = graph.edge(edge)
                picture.add_edge(graph.id(view.head), graph.id(view.tail), key=edge, relation=view.relation)
        picture.nodes[graph.id(answer.node)]["score"] = answer.score
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


def edge_record(graph: Graph, edge: int) -> dict[str, Any]:
    """Give one edge as plain data: id, head, relation, tail and, where stated, the frequency band."""
    view = graph.edge(edge)
    record: dict[str, Any] = {
        "edge": edge,
        "head": graph.id(view.head),
        "relation": view.relation,
        "tail": graph.id(view.tail),
    }
    if view.band >= 0:
        record["frequency"] = FREQUENCY_BANDS[view.band].name
    return record


def answer_record(graph: Graph, answer: Answer) -> dict[str, Any]:
    """Give one answer as plain data, with its proofs as lists of edges."""
    return {
        "id": graph.id(answer.node),
        "name": graph.name(answer.node),
        "type": graph.type(answer.node),
        "score": answer.score,
        "paths": answer.paths,
        "proofs": [[edge_record(graph, edge) for edge in proof.edges] for proof in answer.proofs],
    }
