"""The options by which `kg sample` and `kg generate` say which patients to draw."""

from collections.abc import Callable
from typing import Any

import click

from kgengine.bundles import BundleConfig, BundleSampler
from kgengine.edge_scores import open_edge_scores
from kgengine.graph import Graph
from kgengine.schema import DISEASE
from kgengine.workspace import Workspace


def drawing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that :func:`make_sampler` takes."""
    for option in (
        click.option("--max-drugs", type=click.IntRange(0, 5), default=1, show_default=True, help="Most drugs."),
        click.option("--max-symptoms", type=click.IntRange(1, 12), default=4, show_default=True, help="Most symptoms."),
        click.option(
            "--min-symptoms",
            type=click.IntRange(1, 12),
            default=3,
            show_default=True,
            help="Fewest symptoms.",
        ),
        click.option("--uniform", is_flag=True, help="Draw all diseases equally often, not by prevalence."),
        click.option("--codes", metavar="CODE,...", help="Only these diseases: ICD-10 codes or names, by commas."),
        click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same items."),
        click.option("-n", "--count", type=click.IntRange(1), default=12, show_default=True, help="How many."),
    ):
        function = option(function)
    return function


def make_sampler(
    workspace: Workspace,
    graph: Graph,
    codes: str | None,
    uniform: bool,
    min_symptoms: int,
    max_symptoms: int,
    max_drugs: int,
) -> BundleSampler:
    """Make the sampler that the options ask for."""
    scores = open_edge_scores(workspace.reasoner, graph)
    names = [name.strip() for name in (codes or "").split(",") if name.strip()]
    if codes is not None and not names:
        raise click.UsageError("--codes names no disease; give ICD-10 codes or names, or leave it out")
    diseases = [graph.resolve(name, DISEASE) for name in names] or None
    config = BundleConfig(min_symptoms, max_symptoms, max_drugs, uniform)
    return BundleSampler(graph, scores, config, diseases)
