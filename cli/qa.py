"""`kg qa`."""

from dataclasses import asdict
from pathlib import Path

import click

from cli.console import progress_bar
from generation.dataset import finished_run, jsonl_writer, write_run_manifest
from generation.qa import QAConfig, build_qa
from kgengine import __version__
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("qa")
@click.option("-n", "--count", type=click.IntRange(1), default=50, show_default=True, help="How many items.")
@click.option("--hops", metavar="K,...", help="Hop counts, taken in turn.  [default: all, 1,2,3]")
@click.option("--lang", default="en", show_default=True, help="Language: en or ru.")
@click.option("--max-answers", type=click.IntRange(1), default=15, show_default=True, help="Most gold answers.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same items.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("qa.jsonl"), show_default=True)
@click.option("--force", is_flag=True, help="Replace the output file if it was made from anything else.")
@click.pass_obj
def command(
    workspace: Workspace,
    count: int,
    hops: str | None,
    lang: str,
    max_answers: int,
    seed: int,
    out: Path,
    force: bool,
) -> None:
    """Build 1- to 3-hop questions with complete answers and proofs, in the alpaca format.

    \b
    Example:
      kg qa -n 1000 --lang ru --out qa.jsonl
    """
    parts = [part.strip() for part in hops.split(",")] if hops is not None else []
    if not all(part.isdigit() for part in parts):
        raise click.BadParameter(f"'{hops}' is not a list of hop counts such as 1,2,3", param_hint="--hops")
    graph = Graph.open(workspace.graph)
    config = QAConfig(lang, tuple(int(part) for part in parts), max_answers, seed)
    made_from = {**asdict(config), "count": count, "graph": graph.hash, "version": __version__}
    there = finished_run(out, made_from)
    if there is None:
        items = build_qa(graph, config, count)
        with jsonl_writer(out, force) as file, progress_bar("questions") as progress:
            for item in items:
                file.write(item)
                progress(file.count, count, "")
        write_run_manifest(out, made_from, {"count": count})
    state = "already there" if there else "written"
    click.echo(f"{count} questions {state} in {out} ({lang}, alpaca format)")
