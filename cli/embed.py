"""`kg embed`."""

from dataclasses import asdict
from typing import Any

import click

from cli.console import echo_json, progress_bar
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("embed")
@click.option(
    "--model", default="ComplEx", show_default=True, help="A PyKEEN model: RotatE, ComplEx, TuckER, ConvE, ..."
)
@click.option("--dim", type=click.IntRange(2, 2048), help="Embedding dimension.  [default: the model's preset]")
@click.option("--epochs", type=click.IntRange(1), help="Most epochs; it stops early.  [default: the model's preset]")
@click.option("--batch", type=click.IntRange(1), help="Triples a step.  [default: the model's preset]")
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), help="Learning rate.  [default: the model's preset]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split and of training.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, or auto: a GPU if there is one.")
@click.option(
    "--checkpoint-minutes",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Least minutes between two checkpoints; 0 after every epoch.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint that a killed run left.")
@click.option("--force", is_flag=True, help="Train again although the embedding is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
@click.pass_obj
def command(
    workspace: Workspace,
    /,
    model: str,
    seed: int,
    device: str,
    checkpoint_minutes: int,
    resume: bool,
    force: bool,
    as_json: bool,
    **changes: Any,
) -> None:
    """Train PyKEEN embeddings on the graph and measure them on held-out edges.

    \b
    Examples:
      kg embed
      kg embed --model RotatE --dim 128
      kg embed --model TuckER --checkpoint-minutes 1
    """
    from embeddings.presets import preset
    from embeddings.training import Run, train_embedding
    from kgengine.ranking import RankMetrics
    from kgengine.vectors import same_embedding

    graph = Graph.open(workspace.graph)
    config = preset(model, seed=seed, **changes)
    there = None if force or resume else same_embedding(workspace.embedding, graph, asdict(config))
    if there is not None:
        metrics = RankMetrics(**there.manifest["metrics"])
    else:
        run = Run(device, checkpoint_minutes, resume, lambda line: click.echo(line, err=True))
        with progress_bar(f"PyKEEN {config.model}") as progress:
            metrics = train_embedding(graph, workspace.embedding, config, progress, run=run)
    if as_json:
        echo_json({"model": config.model, "metrics": asdict(metrics)})
        return
    state = "already there" if there else "written to"
    click.echo(f"embedding {state} {workspace.embedding}; held-out edges, both sides, filtered, realistic:")
    click.echo(f"  {config.model:10} {metrics}")
