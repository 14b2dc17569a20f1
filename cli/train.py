"""`kg train`."""

from dataclasses import asdict

import click

from cli.console import echo_json, progress_bar
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("train")
@click.option("--epochs", type=click.IntRange(1), default=12, show_default=True, help="Most epochs; it stops early.")
@click.option("--members", type=click.IntRange(1, 16), default=1, show_default=True, help="Networks in the ensemble.")
@click.option("--hops", type=click.IntRange(1, 6), default=3, show_default=True, help="How far a query sees.")
@click.option("--hidden", type=click.IntRange(4, 512), default=32, show_default=True, help="Dimension of a state.")
@click.option("--batch", type=click.IntRange(1), default=32, show_default=True, help="Queries a step.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of training.")
@click.option("--force", is_flag=True, help="Train again although the reasoner is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
@click.pass_obj
def command(workspace: Workspace, /, force: bool, as_json: bool, **config: int) -> None:
    """Train the GNN reasoner; compare it with the embedding on the same held-out edges.

    On a big graph (250,000 edges) take one pass of a small network: some 20 minutes.

    \b
    Examples:
      kg train --members 3
      kg train --epochs 1 --hidden 16 --batch 16
    """
    from kgengine.ranking import RankMetrics
    from kgengine.reasoner.store import same_reasoner, train_reasoner
    from kgengine.reasoner.training import TrainingConfig
    from kgengine.vectors import open_embedding

    graph = Graph.open(workspace.graph)
    embedding = open_embedding(workspace.embedding, graph)
    wanted = TrainingConfig(**config)
    there = None if force else same_reasoner(workspace.reasoner, embedding, wanted)
    if there is not None:
        metrics = RankMetrics(**there["metrics"])
    else:
        with progress_bar("GNN reasoner") as progress:
            metrics = train_reasoner(graph, embedding, workspace.reasoner, wanted, progress)
    baseline = RankMetrics(**embedding.manifest["metrics"])
    model = embedding.manifest["config"]["model"]
    if as_json:
        echo_json({"reasoner": asdict(metrics), model: asdict(baseline)})
        return
    state = "already there" if there else "written to"
    click.echo(f"reasoner {state} {workspace.reasoner}; held-out edges, both sides, filtered, realistic:")
    click.echo(f"  {'GNN':10} {metrics}")
    click.echo(f"  {model:10} {baseline}")
