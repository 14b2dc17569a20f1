"""`kg generate`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cli.console import progress_bar
from cli.drawing import drawing_options, make_sampler
from cli.writing import make_runtime, parted_options, runtime_options
from generation.examples import read_own_notes
from generation.kinds import KINDS
from generation.lemmas import check_language
from generation.notes import NoteConfig, NoteWriter
from generation.publishing import accepted_notes, publish
from generation.records import NoteSummary, note_id, note_record
from generation.runs import ALWAYS, IF_POSSIBLE, NEVER, finished_summary, note_run
from generation.runtimes.contract import Sampling
from generation.styles import Style
from kgengine import __version__
from kgengine.artifacts import sha256_file
from kgengine.bundles import Bundle
from kgengine.edge_scores import EDGE_SCORES, PREDICTED
from kgengine.errors import Interrupted
from kgengine.graph import Graph
from kgengine.workspace import Workspace

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("generate")
@drawing_options
@runtime_options
@click.option("--lang", default="en", show_default=True, help="Language of the notes: en or ru.")
@click.option("--kind", type=click.Choice(list(KINDS)), default="anamnesis", show_default=True, help="Kind of note.")
@click.option("--tries", type=click.IntRange(1, 100), default=4, show_default=True, help="Texts begun for an item.")
@click.option("--name-diagnosis", is_flag=True, help="Let the note name the diagnosis.")
@click.option("--varied", is_flag=True, help="Call symptoms by any of their names, patients' words among them.")
@click.option("--abbreviated", is_flag=True, help="Use doctors' abbreviations.")
@click.option("--terse", is_flag=True, help="Complaints as typed in a hurry; with --template-only.")
@click.option("--typos", type=click.FloatRange(0, 0.5), default=0.0, help="Share of longer words with a typing error.")
@click.option("--embellish", is_flag=True, help="Allow sentences that tell no fact: livelier, and not verifiable.")
@click.option("--examples", type=click.Path(path_type=Path, dir_okay=False), help="Example notes of your own (JSONL).")
@click.option("--show-examples", is_flag=True, help="Keep the text of your examples in the dataset.")
@click.option("--templates", type=_FOLDER, help="Folder of prompt templates that replace ours.")
@click.option("--preview", type=click.IntRange(1), help="Print so many prompts and their notes; write no file.")
@click.option("--out", type=_FOLDER, default=Path("notes"), show_default=True, help="Folder for the notes.")
@click.option(
    "--resume",
    type=click.Choice([NEVER, ALWAYS, IF_POSSIBLE]),
    default=IF_POSSIBLE,
    show_default=True,
    help="Whether to go on with an interrupted run.",
)
@click.option("--force", is_flag=True, help="Throw away what the folder holds, unless it is just this, finished.")
@click.option("--show", type=click.IntRange(0), default=0, help="Print so many notes at the end.")
@click.pass_obj
def command(
    workspace: Workspace,
    /,
    count: int,
    seed: int,
    lang: str,
    kind: str,
    tries: int,
    name_diagnosis: bool,
    varied: bool,
    abbreviated: bool,
    terse: bool,
    typos: float,
    embellish: bool,
    examples: Path | None,
    show_examples: bool,
    templates: Path | None,
    preview: int | None,
    out: Path,
    resume: str,
    force: bool,
    show: int,
    temperature: float,
    model: str | None,
    template_only: bool,
    **options: Any,
) -> None:
    """Write clinical notes, each verified against the facts that it was to say.

    Every item becomes one line of notes.jsonl, accepted or rejected with its reasons; the accepted ones are also in
    notes.parquet. A run that was stopped at any moment goes on where it was when the same command is given again.

    \b
    Examples:
      kg generate -n 100 --codes J18,I10
      kg generate -n 100 --kind visit --mode strict
      kg generate -n 100 --lang ru --template-only
      kg generate -n 100 --lang ru --model my-model.gguf --model-languages ru --examples own.jsonl
    """
    check_language(lang)
    if force and resume == ALWAYS:
        raise click.UsageError("--force throws away what --resume always goes on with; give one of them")
    if terse and not template_only:
        raise click.UsageError("--terse words notes without a model; add --template-only")
    graph = Graph.open(workspace.graph)
    own = read_own_notes(examples) if examples else None
    of_model, drawing = parted_options(options)
    sampler = make_sampler(workspace, graph, **drawing)
    runtime = make_runtime(model, template_only, of_model)
    config = NoteConfig(
        lang=lang,
        kind=kind,
        tries=tries,
        name_diagnosis=name_diagnosis,
        sampling=Sampling(temperature=temperature),
        style=Style(varied, abbreviated, terse, typos),
        embellished=embellish,
    )
    writer = NoteWriter(graph, config, runtime, own, templates)
    if preview:
        _preview(writer, list(sampler.draw(seed, preview)))
        return
    scores = {name: sha256_file(workspace.reasoner / name) for name in (EDGE_SCORES, PREDICTED)}
    drawn = {"count": count, "seed": seed, "drawing": drawing, "scores": scores}
    made_from = {**writer.provenance, **drawn, "shown": show_examples, "version": __version__}
    summary = finished_summary(out, made_from)
    state = "already there" if summary else "written"
    if summary is None:
        summary = _write(writer, sampler.draw(seed, count), out, made_from, resume, force)
    _report(summary, out, show, state)


def _write(
    writer: NoteWriter,
    bundles: Iterator[Bundle],
    out: Path,
    made_from: dict[str, Any],
    resume: str,
    force: bool,
) -> dict[str, Any]:
    """Write the notes that are not there yet and publish all; give the summary."""
    done, count, counts = 0, made_from["count"], NoteSummary()
    try:
        with note_run(out, made_from, resume, force) as (file, there):
            done = len(there)
            if there:
                click.echo(f"{done} of {count} notes are there; going on", err=True)
            with progress_bar("notes") as progress:
                progress(done, count, "")
                for note in writer.write(bundle for bundle in bundles if note_id(bundle.index) not in there):
                    record = note_record(writer, note, made_from["shown"])
                    file.write(record)
                    counts.add(record)
                    done += 1
                    progress(done, count, f"{counts.rejected} rejected")
            return publish(out, made_from, writer.shelf if writer.runtime else None)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; {done} of {count} notes are written and whole, in {out}; the same command goes on"
        ) from None


def _preview(writer: NoteWriter, bundles: list[Bundle]) -> None:
    """Print the last turn of each chat (the whole of the first) and the note."""
    for number, bundle in enumerate(bundles):
        if writer.runtime is not None:
            turns = writer.requests(bundle)
            for turn in turns if number == 0 else turns[-1:]:
                click.echo(f"--- {turn.role}\n{turn.content}")
        for note in writer.write([bundle]):
            reasons = "accepted" if note.verdict.accepted else "rejected: " + ", ".join(note.verdict.reasons)
            click.echo(f"--- note, {reasons}\n{note.text}\n")


def _report(summary: dict[str, Any], out: Path, show: int, state: str) -> None:
    for record in accepted_notes(out, show):
        click.echo(f"[{record['bundle']['disease']['id']}] {record['response']}\n")
    total = summary["accepted"] + summary["rejected"]
    click.echo(f"{total} notes {state} in {out}: {summary['accepted']} accepted, {summary['rejected']} rejected")
    failed = summary["texts"] - summary["accepted"]
    if failed:
        reasons = ", ".join(f"{reason} {number}" for reason, number in summary["reasons"].items())
        click.echo(f"  {failed} of the {summary['texts']} texts written were mended or thrown away ({reasons})")
    sets = sum(summary["symptom_sets"].values())
    words = ", ".join(f"{share:.2f}" for share in summary["distinct"].values())
    click.echo(
        f"  {len(summary['symptom_sets'])} codes, {sets} sets of symptoms, {summary['duplicates']} near-duplicates, "
        f"distinct words, pairs, triples {words}"
    )
    if "leak" in summary:
        share, (low, high) = summary["leak"]["nearer_to_example"], summary["leak"]["interval"]
        click.echo(
            f"  nearer to an example than to a held-out note: {share:.0%} (95% interval {low:.0%} to {high:.0%}; "
            "50% is no leak)"
        )
