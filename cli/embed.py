"""`kg embed`."""

from dataclasses import asdict

import click

from cli.console import echo_json, progress_bar
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("embed")
@click.option("--model", default="RotatE", show_default=True, help="PyKEEN model: RotatE, ComplEx, DistMult, TransE.")
@click.option("--dim", type=click.IntRange(2, 2048), default=64, show_default=True, help="Embedding dimension.")
@click.option("--epochs", type=click.IntRange(1), default=60, show_default=True, help="Most epochs; it stops early.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split and of training.")
@click.option("--force", is_flag=True, help="Train again although the embedding is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
@click.pass_obj
def command(workspace: Workspace, model: str, dim: int, epochs: int, seed: int, force: bool, as_json: bool) -> None:
    """Train PyKEEN embeddings on the graph and measure them on held-out edges.

    \b
    Example:
      kg embed --model RotatE --epochs 60
    """
    from embeddings.training import EmbeddingConfig, train_embedding
    from kgengine.ranking import RankMetrics
    from kgengine.vectors import same_embedding

    graph = Graph.open(workspace.graph)
    config = EmbeddingConfig(model=model, dim=dim, epochs=epochs, seed=seed)
    there = None if force else same_embedding(workspace.embedding, graph, asdict(config))
    if there is not None:
        metrics = RankMetrics(**there.manifest["metrics"])
    else:
        with progress_bar(f"PyKEEN {model}") as progress:
            metrics = train_embedding(graph, workspace.embedding, config, progress)
    if as_json:
        echo_json({"model": model, "metrics": asdict(metrics)})
        return
    state = "already there" if there else "written to"
    click.echo(f"embedding {state} {workspace.embedding}; held-out edges, both sides, filtered, realistic:")
    click.echo(f"  {model:10} {metrics}")
