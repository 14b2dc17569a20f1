"""`kg sample`."""

import json
from typing import Any

import click

from cli.drawing import drawing_options, make_sampler
from kgengine.bundles import bundle_record
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("sample")
@drawing_options
@click.option("--lang", type=click.Choice(["en", "ru"]), default="en", show_default=True, help="Language of names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with edge ids and scores.")
@click.pass_obj
def command(workspace: Workspace, /, count: int, seed: int, lang: str, as_json: bool, **drawing: Any) -> None:
    """Draw coherent patient bundles: disease, symptoms, drugs, age and sex.

    \b
    Examples:
      kg sample -n 5
      kg sample -n 100 --codes J18,I10 --json > bundles.jsonl
    """
    graph = Graph.open(workspace.graph)
    for bundle in make_sampler(workspace, graph, **drawing).draw(seed, count):
        if as_json:
            click.echo(json.dumps(bundle_record(graph, bundle, lang), ensure_ascii=False))
            continue
        symptoms = ", ".join(f"{graph.wording(f.node, lang).phrase} ({f.score:.2f})" for f in bundle.symptoms)
        drugs = ", ".join(f"{graph.wording(f.node, lang).phrase} ({f.score:.2f})" for f in bundle.drugs)
        click.echo(
            f"{graph.id(bundle.disease)} {graph.wording(bundle.disease, lang).phrase}, {bundle.sex}, {bundle.age}"
        )
        click.echo(f"   symptoms: {symptoms}")
        click.echo(f"   drugs: {drugs or '-'}")
