"""`kg build`."""

from pathlib import Path

import click

from cli.console import echo_json
from kgengine.workspace import Workspace


@click.command("build")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Build again although the graph is there and its sources are the same.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_obj
def command(workspace: Workspace, files: tuple[Path, ...], force: bool, as_json: bool) -> None:
    """Build the graph from the default MKG, or from your own KGX files.

    FILES are KGX-style TSV files that end in nodes.tsv and edges.tsv, or folders that hold such.

    \b
    Examples:
      kg build
      kg build my_nodes.tsv my_edges.tsv
    """
    from kgengine.building import build_graph

    report = build_graph(files, workspace.graph, force)
    if as_json:
        echo_json(report.to_json())
        return
    state = "built" if report.built else "already there, unchanged:"
    click.echo(f"graph {state} {workspace.graph}: {report.num_nodes:,} nodes, {report.num_edges:,} edges")
    for name, count in report.nodes.items():
        click.echo(f"  {count:6,} {name}")
    for name, count in report.relations.items():
        click.echo(f"  {count:6,} {name}")
