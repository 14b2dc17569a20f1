"""`kg export`."""

from pathlib import Path

import click

from kgengine.export import FORMATS, KGX_FILES, export
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "target_format",
    type=click.Choice(list(FORMATS)),
    default="kgx",
    show_default=True,
    help="kgx: a folder of nodes.tsv and edges.tsv; pyg: a HeteroData for torch.load.",
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.pass_obj
def command(workspace: Workspace, target: Path, target_format: str, force: bool) -> None:
    """Write the whole graph to TARGET in another tool's format.

    \b
    Examples:
      kg export my-kgx
      kg export graph.pt --format pyg
    """
    if target.exists() and not force:
        raise click.UsageError(f"{target} is there already; take another name, or --force to replace it")
    if target.is_dir() and (target_format != "kgx" or {path.name for path in target.iterdir()} - set(KGX_FILES)):
        raise click.UsageError(f"{target} is a folder of other things, which --force leaves alone; take another name")
    graph = Graph.open(workspace.graph)
    export(graph, target_format, target)
    click.echo(f"{target}: {graph.num_nodes:,} nodes, {graph.num_edges:,} edges as {target_format}", err=True)
