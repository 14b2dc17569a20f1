"""`kg generate`."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from cli.console import progress_bar
from cli.drawing import drawing_options, make_sampler
from generation.dataset import finished_run, jsonl_writer, read_jsonl, write_run_manifest
from generation.lemmas import check_language
from generation.notes import NoteConfig, NoteSummary, NoteWriter
from generation.runtimes.contract import Runtime, Sampling
from kgengine.bundles import Bundle
from kgengine.errors import Interrupted
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("generate")
@drawing_options
@click.option("--lang", default="en", show_default=True, help="Language of the notes: en or ru.")
@click.option("--model", type=click.Path(path_type=Path), help="GGUF file.  [default: SmolLM2-135M-Instruct]")
@click.option("--model-languages", metavar="LANG,...", help="Languages that the model writes, if its file doesn't say.")
@click.option("--template-only", is_flag=True, help="Word the notes from templates, without a model.")
@click.option(
    "--tries",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    help="Texts per item before it is rejected.",
)
@click.option("--temperature", type=click.FloatRange(0.01, 2.0), default=0.5, show_default=True, help="Of the model.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--gpu-layers", type=int, default=0, show_default=True, help="Layers on the GPU; -1 for all.")
@click.option("--name-diagnosis", is_flag=True, help="Let the note name the diagnosis.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("notes.jsonl"), show_default=True)
@click.option("--force", is_flag=True, help="Replace the output file if it was made from anything else.")
@click.option("--show", type=click.IntRange(0), default=0, help="Print this many notes at the end.")
@click.pass_obj
def command(
    workspace: Workspace,
    /,
    count: int,
    seed: int,
    lang: str,
    model: Path | None,
    model_languages: str | None,
    template_only: bool,
    tries: int,
    temperature: float,
    threads: int | None,
    gpu_layers: int,
    name_diagnosis: bool,
    out: Path,
    force: bool,
    show: int,
    **drawing: Any,
) -> None:
    """Write clinical notes, each verified against the facts that it was to say.

    Every item becomes one line of the output file, accepted or rejected with its reasons; an interrupted
    run leaves whole lines.

    \b
    Examples:
      kg generate -n 100 --codes J18,I10
      kg generate -n 100 --lang ru --template-only
      kg generate -n 100 --lang ru --model my-model.gguf --model-languages ru
    """
    check_language(lang)
    if template_only and model:
        raise click.UsageError("--template-only words notes without a model; drop --model")
    graph = Graph.open(workspace.graph)
    sampler = make_sampler(workspace, graph, **drawing)
    languages = tuple(check_language(part.strip()) for part in model_languages.split(",")) if model_languages else None
    runtime = None if template_only else _runtime(model, languages, threads, gpu_layers)
    config = NoteConfig(lang, tries, name_diagnosis, Sampling(temperature=temperature))
    writer = NoteWriter(graph, config, runtime)
    made_from = {**writer.provenance, "count": count, "seed": seed, "drawing": drawing}
    there = finished_run(out, made_from)
    if there is None:
        summary = _write(writer, sampler.draw(seed, count), count, out, force)
        write_run_manifest(out, made_from, summary.to_json())
    else:
        summary = NoteSummary(**there)
    _report(summary, out, show, "already there" if there else "written")


def _write(writer: NoteWriter, bundles: Iterator[Bundle], count: int, out: Path, force: bool) -> NoteSummary:
    summary = NoteSummary()
    try:
        with jsonl_writer(out, force) as file, progress_bar("notes") as progress:
            progress(0, count, "")
            for note in writer.write(bundles):
                file.write(writer.record(note))
                summary.add(note)
                progress(summary.accepted + summary.rejected, count, f"{summary.rejected} rejected")
    except KeyboardInterrupt:
        done = summary.accepted + summary.rejected
        raise Interrupted(f"interrupted; {done} of {count} notes are written and whole, in {out}") from None
    return summary


def _runtime(model: Path | None, languages: tuple[str, ...] | None, threads: int | None, gpu_layers: int) -> Runtime:
    from generation.models import default_model
    from generation.runtimes.llama_cpp import LlamaCppRuntime

    return LlamaCppRuntime(model or default_model(), threads=threads, gpu_layers=gpu_layers, languages=languages)


def _report(summary: NoteSummary, out: Path, show: int, state: str) -> None:
    accepted = (record for record in read_jsonl(out) if record["verdict"] == "accepted")
    for record in islice(accepted, show):
        click.echo(f"[{record['bundle']['disease']['id']}] {record['text']}\n")
    total = summary.accepted + summary.rejected
    click.echo(f"{total} notes {state} in {out}: {summary.accepted} accepted, {summary.rejected} rejected")
    failed = summary.texts - summary.accepted
    if failed:
        reasons = ", ".join(f"{reason} {number}" for reason, number in summary.reasons.items())
        click.echo(f"  {failed} of the {summary.texts} texts written failed verification ({reasons})")
