"""`kg generate`."""

from pathlib import Path
from typing import Any

import click

from cli.console import progress_bar
from cli.drawing import drawing_options, make_sampler
from generation.dataset import jsonl_writer
from generation.lemmas import check_language
from generation.notes import Note, NoteConfig, NoteSummary, NoteWriter
from generation.runtimes.contract import Runtime, Sampling
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.workspace import Workspace


@click.command("generate")
@drawing_options
@click.option("--lang", default="en", show_default=True, help="Language of the notes: en or ru.")
@click.option("--model", type=click.Path(path_type=Path), help="GGUF file.  [default: SmolLM2-135M-Instruct]")
@click.option("--model-languages", metavar="LANG,...", help="Languages that the model writes, if its file doesn't say.")
@click.option("--template-only", is_flag=True, help="Word the notes from templates, without a model.")
@click.option("--tries", type=click.IntRange(1, 100), default=8, show_default=True, help="Texts per item before it is rejected.")
@click.option("--temperature", type=click.FloatRange(0.01, 2.0), default=0.5, show_default=True, help="Of the model.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--gpu-layers", type=int, default=0, show_default=True, help="Layers on the GPU; -1 for all.")
@click.option("--name-diagnosis", is_flag=True, help="Let the note name the diagnosis.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("notes.jsonl"), show_default=True)
@click.option("--force", is_flag=True, help="Replace the output file.")
@click.option("--show", type=click.IntRange(0), default=0, help="Print this many notes at the end.")
@click.pass_obj
def command(
    workspace: Workspace,
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
    summary, shown = NoteSummary(), list[Note]()
    try:
        with jsonl_writer(out, force) as file, progress_bar("notes") as progress:
            progress(0, count, "")
            for note in writer.write(sampler.draw(seed, count)):
                file.write(writer.record(note))
                summary.add(note)
                if note.verdict.accepted and len(shown) < show:
                    shown.append(note)
                progress(summary.accepted + summary.rejected, count, f"{summary.rejected} rejected")
    except KeyboardInterrupt:
        raise KGError(f"interrupted; the {summary.accepted + summary.rejected} notes written so far are whole, in {out}") from None
    _report(graph, writer, summary, shown, out)


def _runtime(model: Path | None, languages: tuple[str, ...] | None, threads: int | None, gpu_layers: int) -> Runtime:
    from generation.models import default_model
    from generation.runtimes.llama_cpp import LlamaCppRuntime

    return LlamaCppRuntime(model or default_model(), threads=threads, gpu_layers=gpu_layers, languages=languages)


def _report(graph: Graph, writer: NoteWriter, summary: NoteSummary, shown: list[Note], out: Path) -> None:
    for note in shown:
        click.echo(f"[{graph.id(note.bundle.disease)}] {note.text}\n")
    by = "templates" if writer.runtime is None else writer.runtime.description["model"]
    total = summary.accepted + summary.rejected
    click.echo(f"{total} notes in {out}, worded by {by}: {summary.accepted} accepted, {summary.rejected} rejected")
    thrown = summary.texts - summary.accepted
    if thrown:
        reasons = ", ".join(f"{reason} {number}" for reason, number in summary.reasons.most_common())
        click.echo(f"  {thrown} of {summary.texts} texts failed verification ({reasons})")
