"""`kg doctor`."""

from pathlib import Path

import click

from cli.console import echo_json
from kgengine.workspace import Workspace


@click.command("doctor")
@click.option("--model", type=click.Path(path_type=Path), help="GGUF file.  [default: SmolLM2-135M-Instruct]")
@click.option(
    "--time-limit",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="Seconds that llama.cpp may take to load the model and write a few tokens.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, model: Path | None, time_limit: int, as_json: bool) -> None:
    """Check machine, model and workspace before a long run; exit code 1 when a check failed.

    Each check is one line: ok, warning or failed, what was found, and what to do next.

    \b
    Example:
      kg doctor --model my-model.gguf
    """
    from generation.checkup import check_up

    workspace: Workspace = ctx.obj
    failed = False
    checks = []
    for check in check_up(workspace, model, time_limit):
        failed |= check.status == "failed"
        checks.append(check.to_json())
        if not as_json:
            click.echo(f"{check.status:7}  {check.name}: {check.found}" + (f"; {check.todo}" if check.todo else ""))
    if as_json:
        echo_json({"ok": not failed, "checks": checks})
    ctx.exit(1 if failed else 0)
