"""The `kg` command group, and the one place where an error becomes an exit code.

Exit codes: 0 success, 1 an error that a line on stderr explains, 2 wrong usage, 130 interrupted.
"""

import importlib
import os
import sys
from pathlib import Path

import click

from kgengine import __version__
from kgengine.errors import Interrupted, KGError
from kgengine.workspace import DEFAULT, Workspace

_COMMANDS = {
    "build": "Build the graph from the default MKG, published graphs or your own files.",
    "summary": "Say what the graph holds, from which sources, under which licences.",
    "validate": "Look for contradictions and gaps in the graph.",
    "export": "Write the graph as KGX, triples, GraphML, networkx JSON or PyG data.",
    "embed": "Train PyKEEN embeddings on the graph.",
    "train": "Train the GNN reasoner on the graph and its embeddings.",
    "query": "Explore the graph: k hops, typed paths, predictions, with proofs.",
    "sample": "Draw coherent patient bundles.",
    "generate": "Write verified clinical notes.",
    "report": "Show on one HTML page what a folder of generated notes holds.",
    "utility": "Measure how much synthetic notes help an ICD-10 classifier of real ones.",
    "qa": "Build k-hop question-answer instruction data.",
    "doctor": "Check machine, model and workspace before a long run.",
}


class _LazyGroup(click.Group):
    """Imports a command's module only when that command runs or shows its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands, in the order of use"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kg")
@click.option(
    "-w",
    "--workspace",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT,
    envvar="KG_WORKSPACE",
    show_default=True,
    show_envvar=True,
    help="Folder of the graph and of what is trained on it.",
)
@click.pass_context
def main(ctx: click.Context, workspace: Path) -> None:
    """Reason over a medical knowledge graph and write synthetic clinical notes from it.

    \b
    Example:
      kg build && kg query fever cough --path symptom/disease/drug
    """
    ctx.obj = Workspace(workspace)


def run() -> None:
    """Run `kg`; this is the console script."""
    try:
        code = main(prog_name="kg", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KGError as error:
        click.echo(f"kg: {error}", err=True)
        sys.exit(130 if isinstance(error, Interrupted) else 1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("kg: interrupted", err=True)
        sys.exit(130)
    except UnicodeEncodeError as error:
        click.echo(f"kg: not UTF-8 text: {error.object!r}; type it again", err=True)
        sys.exit(1)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            click.echo(f"kg: {error}; the output is incomplete", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
