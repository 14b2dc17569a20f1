"""`kg query`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from cli.console import echo_json
from cli.pictures import write_pictures
from kgengine.answers import Answers, ask, split_path
from kgengine.artifacts import read_manifest_of
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import DISEASE
from kgengine.subgraph import spell_assumed, spell_proof
from kgengine.workspace import DEFAULT, Workspace

_COMPLETIONS = 50
ALONG_PATH = "along --path"
_FILE = click.Path(path_type=Path, dir_okay=False)


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer names and ids that begin so; blanks become `_`, which names are found by as well."""
    folder = ctx.parent.params.get("workspace") if ctx.parent else None
    try:
        graph = Graph.open(Workspace(folder or DEFAULT).graph)
    except KGError:
        return []
    before = _before_colon(ctx.params.get("names") or (), incomplete)
    return [
        CompletionItem(text.replace(" ", "_")[len(before) :], help=f"{graph.name(node)} ({graph.type(node)})")
        for text, node in graph.completions(before + incomplete.removeprefix(":"), _COMPLETIONS)
        if text.casefold().startswith(before.casefold())
    ]


def _before_colon(words: Sequence[str], incomplete: str) -> str:
    """Give the prefix of an id and its colon, which bash takes for words of their own; "" when there is none."""
    if incomplete == ":" and words:
        return f"{words[-1]}:"
    return f"{words[-2]}:" if len(words) > 1 and words[-1] == ":" else ""


@click.command("query")
@click.argument("names", nargs=-1, required=True, shell_complete=_complete)
@click.option("-k", "--hops", type=click.IntRange(1, 4), help="Greatest number of hops.  [default: 1]")
@click.option("--to", metavar="TYPE", help="Only answers of this node type: disease, symptom, drug, ...")
@click.option(
    "--path",
    metavar="TYPE/TYPE/...",
    help="Follow just this typed path; a type may name the relation that leads to it (treats:drug).",
)
@click.option("--any", "any_anchor", is_flag=True, help="Answers reached from any of NAMES, not from all.")
@click.option("--mistaken-for", is_flag=True, help="Diseases that share symptoms with this one, and which.")
@click.option("--relation", "relations", multiple=True, help="Use only this relation (may be repeated).")
@click.option("--source", "sources", multiple=True, help="Use only edges that this source states (may be repeated).")
@click.option("--min-score", type=float, help="Use only edges whose source scores them at least so.")
@click.option(
    "--predict",
    metavar="[RELATION]",
    is_flag=False,
    flag_value=ALONG_PATH,
    help="The exact answers over RELATION (or along --path), then -n predicted ones.",
)
@click.option("-n", "--limit", type=click.IntRange(1), default=10, show_default=True, help="Answers at most.")
@click.option("--lang", type=click.Choice(["en", "ru"]), default="en", show_default=True, help="Language of names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all proofs.")
@click.option("--tsv", "as_tsv", is_flag=True, help="Print a table, one answer a line.")
@click.option("--html", type=_FILE, help="Write a page to look at the proofs in a browser, offline.")
@click.option("--graphml", type=_FILE, help="Write the proofs' subgraph as GraphML.")
@click.pass_obj
def command(
    workspace: Workspace,
    names: tuple[str, ...],
    hops: int | None,
    to: str | None,
    path: str | None,
    any_anchor: bool,
    mistaken_for: bool,
    relations: tuple[str, ...],
    sources: tuple[str, ...],
    min_score: float | None,
    predict: str | None,
    limit: int,
    lang: str,
    as_json: bool,
    as_tsv: bool,
    html: Path | None,
    graphml: Path | None,
) -> None:
    """Explore the graph around NAMES: ids, names or synonyms, in English or Russian.

    Several names are taken together: an answer must be reached from all of them (with --any, from one).
    Answers are ranked by degree-weighted path count; each comes with its best path.

    \b
    Examples:
      kg query pneumonia
      kg query pneumonia -k 2 --to drug
      kg query fever cough --path symptom/disease/drug
      kg query migraine --mistaken-for --html migraine.html
      kg query migraine --predict has_phenotype
      kg query fever cough --path symptom/disease/drug --predict
    """
    for option, value in (("--path", path), ("--to", to), ("--predict", predict)):
        if value == "":
            raise click.UsageError(f"{option} is empty; give it a value, or leave it out")
    if Path() in (html, graphml):
        raise click.UsageError("--html and --graphml need the name of a file")
    if path and (hops or to):
        raise click.UsageError("--path already says how far to go and where to; drop --hops and --to")
    if mistaken_for and (path or hops or to or relations or any_anchor):
        raise click.UsageError("--mistaken-for is a path of its own; drop --path, --hops, --to, --relation and --any")
    if predict and (hops or to or relations or mistaken_for or any_anchor or sources or min_score is not None):
        raise click.UsageError("--predict goes over one relation or along --path; drop the other options of the search")
    if predict and bool(path) == (predict != ALONG_PATH):
        raise click.UsageError("--predict takes either a relation after it or a --path; give one of them")
    if as_json and as_tsv:
        raise click.UsageError("--json and --tsv are two forms of the same output; take one")
    graph = Graph.open(workspace.graph)
    _say_what_else(graph, names, DISEASE if mistaken_for else path.split("/")[0] if path else None)
    if predict:
        answers = _predicted(workspace, graph, names, None if path else predict, path, limit)
    else:
        answers = ask(
            graph,
            names,
            hops=hops or 1,
            to=to,
            path=path,
            relations=relations,
            sources=sources,
            min_score=min_score,
            any_anchor=any_anchor,
            shared_symptoms=mistaken_for,
            limit=limit,
        )
    write_pictures(answers, " ".join(names), " or " if any_anchor else " and ", html, graphml, lang)
    if as_json:
        head = {"anchors": [graph.id(node) for node in answers.anchors]}
        echo_json(head | ({"relation": predict} if predict and not path else {}) | {"answers": answers.records(lang)})
    elif as_tsv:
        _print_table(answers, lang)
    else:
        _show(answers, " or " if any_anchor else " and ", path if predict and path else predict, mistaken_for, lang)


def _say_what_else(graph: Graph, names: Sequence[str], node_type: str | None) -> None:
    """Say on stderr what else a name could have meant."""
    for name in names:
        node = graph.resolve(name, node_type)
        others = [one for one in graph.find(name) if one != node and (not node_type or graph.type(one) == node_type)]
        if others:
            also = ", ".join(f"{graph.id(other)} ({graph.type(other)})" for other in others[:3])
            click.echo(f"kg: '{name}' taken as {graph.id(node)} ({graph.type(node)}); it also names {also}", err=True)


def _show(answers: Answers, between: str, predict: str | None, shared: bool, lang: str) -> None:
    graph = answers.graph
    joined = between.join(f"{graph.name(node, lang)} ({graph.id(node)})" for node in answers.anchors)
    click.echo(f"from {joined}" + (f", {predict}" if predict else ""))
    if not len(answers):
        click.echo("no answers; take more hops (-k), another --to, another --path or fewer filters")
    for rank, answer in enumerate(answers, 1):
        kind = f"{graph.id(answer.node)}, {graph.type(answer.node)}"
        if answer.state:
            words = f"{answer.state}, {answer.score:.3f}"
        else:
            words = f"score {answer.score:.4f}, {answer.paths:,} path" + ("s" if answer.paths != 1 else "")
        click.echo(f"{rank:3}. {graph.name(answer.node, lang)}  [{kind}]  {words}")
        if shared:
            click.echo("       shares " + ", ".join(graph.name(proof.nodes[1], lang) for proof in answer.proofs))
            continue
        for link in answer.assumed:
            click.echo(f"       assuming {spell_assumed(graph, link, lang)}")
        for proof in answer.proofs:
            click.echo(f"       {spell_proof(graph, proof, lang)}")


def _print_table(answers: Answers, lang: str) -> None:
    """Print one line an answer; the proofs stand in the last cell, by `;`."""
    graph = answers.graph
    click.echo("\t".join(("rank", "id", "name", "type", "score", "paths", "state", "proofs")))
    for rank, answer in enumerate(answers, 1):
        cells: list[Any] = [rank, graph.id(answer.node), graph.name(answer.node, lang), graph.type(answer.node)]
        cells += [f"{answer.score:.6g}", answer.paths, answer.state or "exact"]
        cells.append("; ".join(spell_proof(graph, proof, lang) for proof in answer.proofs))
        click.echo("\t".join(" ".join(str(cell).split()) for cell in cells))


def _predicted(
    workspace: Workspace, graph: Graph, names: Sequence[str], relation: str | None, path: str | None, limit: int
) -> Answers:
    if relation and len(names) != 1:
        raise click.UsageError("--predict RELATION takes one name; for several give a --path and --predict after it")
    read_manifest_of(graph.hash, workspace.reasoner, "reasoner", "kg train")  # before torch loads, which takes seconds
    from kgengine.prediction import predict, relation_path
    from kgengine.reasoner.store import open_reasoner

    if path:
        types, relations = split_path(path)
        anchors = tuple(dict.fromkeys(graph.resolve(name, types[0]) for name in names))
    else:
        anchors = (graph.resolve(names[0]),)
        types, relations = relation_path(graph, anchors[0], relation or "")
    reasoner = open_reasoner(workspace.reasoner, workspace.embedding, graph)
    return Answers(graph, anchors, tuple(predict(reasoner, anchors, types, relations, limit)))
