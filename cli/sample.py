"""`kg sample`."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from cli.drawing import drawing_options, make_sampler
from kgengine.bundles import Bundle, Fact, bundle_record
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("sample")
@drawing_options
@click.option("--diseases", type=click.IntRange(1, 5), default=1, show_default=True, help="Diseases of a patient.")
@click.option("--side-effects", type=click.IntRange(0, 9), default=0, show_default=True, help="Most side effects.")
@click.option(
    "--temperature",
    type=click.FloatRange(0.01, 100.0),
    default=1.0,
    show_default=True,
    help="Below 1: rather the likely choices; above: all more alike.",
)
@click.option("--lang", type=click.Choice(["en", "ru"]), default="en", show_default=True, help="Language of names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with edge ids and scores.")
@click.pass_obj
def command(workspace: Workspace, /, count: int, seed: int, lang: str, as_json: bool, **drawing: Any) -> None:
    """Draw coherent patient bundles: disease, symptoms, drugs, age and sex.

    \b
    Examples:
      kg sample -n 5
      kg sample -n 5 --diseases 2 --side-effects 1
      kg sample -n 100 --codes J18,I10 --json > bundles.jsonl
    """
    graph = Graph.open(workspace.graph)
    for bundle in make_sampler(workspace, graph, **drawing).draw(seed, count):
        if as_json:
            text = json.dumps(bundle_record(graph, bundle, lang), ensure_ascii=False)
        else:
            text = _readable(graph, bundle, lang)
        sys.stdout.write(text + "\n")  # click.echo flushes every line, which takes longer than drawing it


def _readable(graph: Graph, bundle: Bundle, lang: str) -> str:
    def phrases(facts: Sequence[Fact]) -> str:
        shown = [
            f"{graph.wording(fact.node, lang).phrase} ({'predicted ' * (fact.state == 'predicted')}{fact.score:.2f})"
            for fact in facts
        ]
        return ", ".join(shown) or "-"

    also = "".join(f" with {graph.wording(node, lang).phrase}" for node in bundle.comorbidities)
    lines = [
        f"{graph.id(bundle.disease)} {graph.wording(bundle.disease, lang).phrase}{also}, {bundle.sex}, {bundle.age}",
        f"   symptoms: {phrases(bundle.symptoms)}",
        f"   drugs: {phrases(bundle.drugs)}",
    ]
    if bundle.side_effects:
        lines.append(f"   side effects: {phrases(bundle.side_effects)}")
    return "\n".join(lines)
