"""`kg build`."""

from pathlib import Path
from typing import Any

import click

from cli.console import echo_json
from kgengine.sources.catalogue import SOURCES
from kgengine.workspace import Workspace

_LIST = "\b\nSources:\n" + "\n".join(
    f"  {one.name:9} {one.title}" + (f": {one.files}" if one.files else "") for one in SOURCES
)


class _BuildCommand(click.Command):
    """Takes `--source NAME [FILE...]`, where each source owns the files that follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Group words: files belong to the `--source` before them, or to KGX when there is none."""
        sources: list[tuple[str, list[str]]] = []
        rest: list[str] = []
        words = iter(args)
        only_files = False
        for word in words:
            if not word:
                raise click.UsageError("a file's name is empty; leave it out, or name the file", ctx)
            if word == "--":
                only_files = True
            elif only_files:
                sources = sources or [("kgx", [])]
                sources[-1][1].append(word)
            elif word == "--source" or word.startswith("--source="):
                name = word.partition("=")[2] or next(words, "")
                if not name or name.startswith("-"):
                    raise click.UsageError("--source needs a name, such as core; see 'kg build --help'", ctx)
                sources.append((name, []))
            elif word.startswith("-"):
                rest.append(word)
            else:
                sources = sources or [("kgx", [])]
                sources[-1][1].append(word)
        ctx.meta["sources"] = [(name, tuple(map(Path, files))) for name, files in sources]
        return super().parse_args(ctx, rest)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show the sources in the usage line."""
        return ["[OPTIONS]", "[--source NAME] [FILE]...", "..."]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the sources as they are, unwrapped."""
        formatter.write("\n" + _LIST.removeprefix("\b\n") + "\n")


@click.command("build", cls=_BuildCommand)
@click.option("--force", is_flag=True, help="Build again although the graph is there and its sources are the same.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(ctx: click.Context, force: bool, as_json: bool) -> None:
    """Build the graph from the default MKG, from published ones, or from your own files.

    Several sources are merged on identifiers and cross-references, never on names; where two state the same, the
    one named first wins, and the edge keeps the licence and release of both. Files before any --source are KGX.

    \b
    Examples:
      kg build
      kg build my_nodes.tsv my_edges.tsv
      kg build --source core --source hetionet nodes.tsv edges.sif.gz
    """
    from kgengine.building import build_graph

    workspace: Workspace = ctx.obj
    report = build_graph(ctx.meta["sources"], workspace.graph, force)
    if as_json:
        echo_json(report.to_json())
        return
    for source in report.sources:
        click.echo(f"{source.name}: {source.num_nodes:,} nodes, {source.num_edges:,} edges")
        for count in source.counts:
            click.echo("  " + _count_line(count))
    state = "built" if report.built else "already there, unchanged:"
    click.echo(f"graph {state} {workspace.graph}: {report.num_nodes:,} nodes, {report.num_edges:,} edges")
    for name, number in [*report.nodes.items(), *report.relations.items()]:
        click.echo(f"  {number:9,} {name}")
    for remark in [remark for source in report.sources for remark in source.remarks] + report.remarks:
        click.echo(f"kg: {remark}", err=True)


def _count_line(count: dict[str, Any]) -> str:
    """Say how much of one relation was read and kept, and how much its release holds."""
    line = f"{count['relation']}: read {count['read']:,}, kept {count['kept']:,}"
    return line + (f" of {count['known']:,} in the release" if count["known"] is not None else "")
