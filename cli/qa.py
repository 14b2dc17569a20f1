"""`kg qa`: builds question-answer data, lists its families and checks it; `eval` and `compare` are in `cli.qa_eval`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cli.console import echo_json, progress_bar
from cli.qa_eval import compare_command, evaluate_command
from kgengine import __version__
from kgengine.artifacts import MANIFEST, sha256_file
from kgengine.graph import Graph
from kgengine.workspace import Workspace

if TYPE_CHECKING:
    from kgengine.vectors import Floats

_DEFAULT = Path("qa")


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


@click.group("qa", invoke_without_command=True)
@click.option("-n", "--count", type=click.IntRange(1), default=1000, show_default=True, help="How many items.")
@click.option("--hops", metavar="K,...", help="Hop counts, taken in turn.  [default: all, 1,2,3]")
@click.option("--lang", default="en", show_default=True, help="Languages, taken in turn: en, ru or en,ru.")
@click.option("--families", type=click.Path(path_type=Path), help="YAML file with families of your own.")
@click.option("--only", metavar="NAME,...", help="Only these families.  [default: all that fit the graph]")
@click.option("--cot", is_flag=True, help="Replies spell the facts first: a chain of thought.")
@click.option("--format", "shape", default="alpaca", show_default=True, help="alpaca, sharegpt or openai.")
@click.option("--files", default="jsonl,parquet", show_default=True, help="Kinds of files.")
@click.option("--split-by", default="disease", show_default=True, help="What is held out: disease, edge or none.")
@click.option("--test-share", type=float, help="Share held out for the test.  [default: diseases 0.1, edges 0.02]")
@click.option("--validation-share", type=float, help="Share held out for the validation.  [default: as --test-share]")
@click.option("--max-answers", type=click.IntRange(1), default=15, show_default=True, help="Most gold answers.")
@click.option("--proofs", type=click.IntRange(0), default=1, show_default=True, help="Paths kept for each answer.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same items.")
@click.option("--out", type=click.Path(path_type=Path), default=_DEFAULT, show_default=True, help="Folder.")
@click.option("--force", is_flag=True, help="Replace a dataset there that was made from anything else.")
@click.pass_context
def command(
    context: click.Context,
    count: int,
    hops: str | None,
    lang: str,
    families: Path | None,
    only: str | None,
    cot: bool,
    shape: str,
    files: str,
    split_by: str,
    test_share: float | None,
    validation_share: float | None,
    max_answers: int,
    proofs: int,
    seed: int,
    out: Path,
    force: bool,
) -> None:
    """Build k-hop questions with complete answers and proofs, split so that training tells nothing of the test.

    \b
    Examples:
      kg qa -n 1000 --lang en,ru --out qa
      kg qa -n 100000 --hops 2,3 --cot --format sharegpt --split-by edge
      kg qa check qa
      kg qa eval qa --model my-model.gguf
    """
    if context.invoked_subcommand is not None:
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise click.UsageError(
                f"options of 'kg qa' build a dataset; put those of '{context.invoked_subcommand}' after it"
            )
        return
    from generation.qa.building import QABuilder, QAConfig
    from generation.qa.dataset import FILES, check_place, finished_summary, write_dataset
    from generation.qa.families import load_families
    from generation.qa.formats import check_format
    from generation.qa.splits import DEFAULT_SHARES, SplitConfig

    if not all(part.isdecimal() for part in _list(hops)):
        raise click.BadParameter(f"'{hops}' is not a list of hop counts such as 1,2,3", param_hint="--hops")
    kinds = _list(files)
    if not kinds or set(kinds) - set(FILES):
        raise click.BadParameter(f"'{files}' is not a list of {' and '.join(FILES)}", param_hint="--files")
    check_format(shape)
    if split_by == "none" and (test_share or validation_share):
        raise click.UsageError("--split-by none holds nothing out; drop --test-share and --validation-share")
    workspace: Workspace = context.obj
    graph = Graph.open(workspace.graph)
    default = DEFAULT_SHARES.get(split_by, 0.0) if test_share is None else test_share
    split = SplitConfig(split_by, default if validation_share is None else validation_share, default, seed)
    config = QAConfig(
        langs=tuple(dict.fromkeys(_list(lang))),
        hops=tuple(int(part) for part in _list(hops)),
        families=_list(only),
        max_answers=max_answers,
        proofs=proofs,
        reasoned=cot,
        split=split,
        seed=seed,
    )
    asked = load_families(families)
    vectors, embedding = _vectors(workspace, graph)
    made_from = {
        "config": asdict(config),
        "count": count,
        "families": [asdict(family) for family in asked],
        "format": shape,
        "files": list(kinds),
        "graph": graph.hash,
        "sources": sorted({(part.source, part.licence) for several in graph.provenances for part in several}),
        "embedding": embedding,
        "version": __version__,
    }
    summary = finished_summary(out, made_from)
    state = "already there" if summary else "written"
    if summary is None:
        check_place(out, force)
        builder = QABuilder(graph, config, asked, vectors)
        with progress_bar("questions") as progress:
            summary = write_dataset(
                out, builder, count, made_from, shape, kinds, lambda done: progress(done, count, "")
            )
    _say(summary, count, state, out, shape)
    if split.test and "test" not in summary["split"]:
        click.echo(
            f"warning: no item of the test part came up ({split_by} split); ask more items or --split-by edge", err=True
        )


command.add_command(evaluate_command)
command.add_command(compare_command)


def _vectors(workspace: Workspace, graph: Graph) -> "tuple[Floats | None, str]":
    """Open the embedding that wrong options are drawn by: its vectors and hash, or None and "" when there is none."""
    from kgengine.vectors import VECTORS, open_embedding

    if not (workspace.embedding / MANIFEST).exists():
        click.echo("no embedding; wrong options are drawn without one (run 'kg embed' first for hard ones)", err=True)
        return None, ""
    return open_embedding(workspace.embedding, graph).vectors, sha256_file(workspace.embedding / VECTORS)


def _say(summary: dict[str, Any], wanted: int, state: str, out: Path, shape: str) -> None:
    count = summary["count"]
    if count < wanted:
        click.echo(f"the graph holds no more than {count:,} questions of these families; all are there", err=True)
    click.echo(f"{count:,} questions {state} in {out} ({', '.join(summary['lang'])}; {shape} format)")
    for key in ("split", "hops", "form"):
        click.echo(f"  {key}: " + ", ".join(f"{name} {number:,}" for name, number in summary[key].items()))


@command.command("check")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=_DEFAULT)
@click.option("--no-graph", is_flag=True, help="Don't ask the graph again.")
@click.option("--sample", type=click.IntRange(0), default=200, show_default=True, help="Items to ask again.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def check(workspace: Workspace, folder: Path, no_graph: bool, sample: int, as_json: bool) -> None:
    """Prove that a dataset's split leaks nothing, and ask the graph again for a sample of its answers.

    \b
    Example:
      kg qa check qa
    """
    from generation.qa.checking import check_dataset

    report = check_dataset(folder, None if no_graph else Graph.open(workspace.graph), sample)
    if as_json:
        echo_json({**asdict(report), "sound": report.sound})
    else:
        click.echo("\n".join((*report.lines(), report.verdict)))
    if not report.sound:
        raise click.exceptions.Exit(1)


@command.command("families")
@click.option("--families", type=click.Path(path_type=Path), help="YAML file with families of your own.")
@click.pass_obj
def families_command(workspace: Workspace, families: Path | None) -> None:
    """List the question families: name, form, hops, path; those that the graph has no edges for are marked.

    \b
    Example:
      kg qa families
    """
    from generation.qa.families import load_families

    graph = Graph.open(workspace.graph)
    for family in load_families(families):
        there = "" if family.possible(graph) else "  (not in this graph)"
        click.echo(f"{family.name:36} {family.form:8} {family.hops}  {family.metapath}{there}")
