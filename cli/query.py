"""`kg query`."""

from collections.abc import Sequence
from typing import Any

import click

from cli.console import echo_json
from kgengine.graph import Graph
from kgengine.query import Answer, follow, neighbourhood
from kgengine.subgraph import answer_record, spell_proof
from kgengine.workspace import Workspace


@click.command("query")
@click.argument("names", nargs=-1, required=True)
@click.option("-k", "--hops", type=click.IntRange(1, 4), help="Greatest number of hops.  [default: 1]")
@click.option("--to", metavar="TYPE", help="Only answers of this node type: disease, symptom, drug, ...")
@click.option("--path", metavar="TYPE/TYPE/...", help="Follow this typed path from the anchors, exactly.")
@click.option("--relation", "relations", multiple=True, help="Use only this relation (may be repeated).")
@click.option("--predict", metavar="RELATION", help="The exact answers over RELATION, then -n predicted ones.")
@click.option("-n", "--limit", type=click.IntRange(1), default=10, show_default=True, help="Answers at most.")
@click.option("--lang", type=click.Choice(["en", "ru"]), default="en", show_default=True, help="Language of names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all proofs.")
@click.pass_obj
def command(
    workspace: Workspace,
    names: tuple[str, ...],
    hops: int | None,
    to: str | None,
    path: str | None,
    relations: tuple[str, ...],
    predict: str | None,
    limit: int,
    lang: str,
    as_json: bool,
) -> None:
    """Explore the graph around NAMES: ids, names or synonyms, in English or Russian.

    Several names are taken together: an answer must be reached from all of them. Answers are ranked by
    degree-weighted path count; each comes with its best path.

    \b
    Examples:
      kg query pneumonia
      kg query pneumonia -k 2 --to drug
      kg query fever cough --path symptom/disease/drug
      kg query migraine --predict has_phenotype
    """
    if path == "":
        raise click.UsageError("--path names no types; give TYPE/TYPE/..., or leave it out")
    if path and (hops or to):
        raise click.UsageError("--path already says how far to go and where to; drop --hops and --to")
    if predict and (path or hops or to or relations):
        raise click.UsageError("--predict ranks one hop over one relation; drop --path, --hops, --to and --relation")
    graph = Graph.open(workspace.graph)
    types = path.split("/") if path else None
    anchors = list(dict.fromkeys(_anchor(graph, name, types[0] if types else None) for name in names))
    if predict:
        _predict(workspace, graph, anchors, predict, limit, lang, as_json)
        return
    if types:
        answers = follow(graph, anchors, types, [relations] * (len(types) - 1), limit)
    else:
        answers = neighbourhood(graph, anchors, hops or 1, to, relations, limit)
    if as_json:
        echo_json(
            {
                "anchors": [graph.id(node) for node in anchors],
                "answers": [answer_record(graph, a) for a in answers],
            }
        )
    else:
        _show(graph, anchors, answers, lang)


def _anchor(graph: Graph, name: str, node_type: str | None) -> int:
    """Resolve a name, and say on stderr what else it could have meant."""
    node = graph.resolve(name, node_type)
    others = [
        other for other in graph.find(name) if other != node and (not node_type or graph.type(other) == node_type)
    ]
    if others:
        also = ", ".join(f"{graph.id(other)} ({graph.type(other)})" for other in others[:3])
        click.echo(f"kg: '{name}' taken as {graph.id(node)} ({graph.type(node)}); it also names {also}", err=True)
    return node


def _show(graph: Graph, anchors: Sequence[int], answers: Sequence[Answer], lang: str) -> None:
    click.echo("from " + " and ".join(f"{graph.name(node, lang)} ({graph.id(node)})" for node in anchors))
    if not answers:
        click.echo("no answers; take more hops (-k), another --to or another --path")
    for rank, answer in enumerate(answers, 1):
        node = answer.node
        paths = f"{answer.paths:,} path" + ("s" if answer.paths != 1 else "")
        kind = f"{graph.id(node)}, {graph.type(node)}"
        click.echo(f"{rank:3}. {graph.name(node, lang)}  [{kind}]  score {answer.score:.4f}, {paths}")
        for proof in answer.proofs:
            click.echo(f"       {spell_proof(graph, proof, lang)}")


def _predict(
    workspace: Workspace,
    graph: Graph,
    anchors: Sequence[int],
    relation: str,
    limit: int,
    lang: str,
    as_json: bool,
) -> None:
    from kgengine.prediction import predict
    from kgengine.reasoner.store import open_reasoner

    if len(anchors) != 1:
        raise click.UsageError("--predict takes one name")
    reasoner = open_reasoner(workspace.reasoner, workspace.embedding, graph)
    predictions = predict(reasoner, anchors[0], relation, limit)
    records: list[dict[str, Any]] = [prediction.to_json(graph) for prediction in predictions]
    if as_json:
        echo_json({"anchors": [graph.id(anchors[0])], "relation": relation, "answers": records})
        return
    click.echo(f"from {graph.name(anchors[0], lang)} ({graph.id(anchors[0])}), {relation}")
    for rank, prediction in enumerate(predictions, 1):
        state = "exact" if prediction.exact else "predicted"
        node = prediction.node
        kind = f"{graph.id(node)}, {graph.type(node)}"
        click.echo(f"{rank:3}. {graph.name(node, lang)}  [{kind}]  {state}, {prediction.score:.3f}")
        if prediction.proof:
            click.echo(f"       {spell_proof(graph, prediction.proof, lang)}")
