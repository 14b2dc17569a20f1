"""The options by which `kg sample` and `kg generate` say which patients to draw."""

from collections.abc import Callable
from typing import Any

import click

from kgengine.bundles import BundleConfig, BundleSampler
from kgengine.edge_scores import open_stored_scores
from kgengine.graph import Graph
from kgengine.schema import DISEASE
from kgengine.workspace import Workspace


def drawing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that :func:`make_sampler` takes."""
    for option in (
        click.option(
            "--predicted-share",
            type=click.FloatRange(0.0, 1.0, max_open=True),
            default=0.0,
            show_default=True,
            help="Expected share of facts that the reasoner predicts and the graph does not state.",
        ),
        click.option("--max-drugs", type=click.IntRange(0, 5), default=1, show_default=True, help="Most drugs."),
        click.option("--max-symptoms", type=click.IntRange(1, 99), default=4, show_default=True, help="Most symptoms."),
        click.option(
            "--min-symptoms",
            type=click.IntRange(1, 99),
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
    predicted_share: float,
    **config: Any,
) -> BundleSampler:
    """Make the sampler that the options ask for.

    :param codes: names of diseases, by commas, or None for all.
    :param predicted_share: the stored predictions are opened only if it is above 0.
    :param config: the other fields of `BundleConfig`.
    """
    names = [name.strip() for name in (codes or "").split(",") if name.strip()]
    if codes is not None and not names:
        raise click.UsageError("--codes names no disease; give ICD-10 codes or names, or leave it out")
    diseases = [graph.resolve(name, DISEASE) for name in names] or None
    scores = open_stored_scores(workspace.reasoner, graph)
    return BundleSampler(graph, scores, BundleConfig(predicted_share=predicted_share, **config), diseases)
