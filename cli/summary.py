"""`kg summary`."""

import click

from cli.console import echo_json
from kgengine.graph import Graph
from kgengine.summary import summarise
from kgengine.workspace import Workspace


@click.command("summary")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(workspace: Workspace, as_json: bool) -> None:
    """Say what the graph holds: nodes, edges, sources and licences.

    \b
    Example:
      kg summary --json
    """
    graph = Graph.open(workspace.graph)
    summary = summarise(graph)
    if as_json:
        echo_json(summary)
        return
    click.echo(f"{workspace.graph}: {summary['num_nodes']:,} nodes, {summary['num_edges']:,} edges, ", nl=False)
    click.echo(f"{summary['bytes'] / 1e6:,.1f} MB")
    click.echo("nodes")
    for name, count in summary["nodes"].items():
        click.echo(f"  {count:9,} {name}")
    click.echo("edges (mean number at a head that has any)")
    for relation, head, tail, count, degree in summary["metaedges"]:
        click.echo(f"  {count:9,} {head} {relation} {tail} ({degree})")
    click.echo("sources")
    for source, release, licence, count in summary["sources"]:
        click.echo(f"  {count:9,} {source or '(not named)'} {release}, {licence or 'no licence stated'}")
    click.echo(f"named in Russian: {summary['named_ru']:,} nodes; without any edge: {summary['isolated']:,}")
