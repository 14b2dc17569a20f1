"""`kg validate`."""

import click

from cli.console import echo_json
from kgengine.graph import Graph
from kgengine.validation import validate
from kgengine.workspace import Workspace


@click.command("validate")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Look for contradictions and gaps in the graph; exit code 1 when there is an error.

    \b
    Example:
      kg build && kg validate
    """
    workspace: Workspace = ctx.obj
    findings = validate(Graph.open(workspace.graph))
    errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        echo_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{finding.level}: {finding.count:,} {finding.problem}")
            for example in finding.examples:
                click.echo(f"    {example}")
            if finding.count > len(finding.examples):
                click.echo(f"    ... and {finding.count - len(finding.examples):,} more")
        click.echo(f"kinds of errors: {errors}, of warnings: {len(findings) - errors}")
    ctx.exit(1 if errors else 0)
