"""`kg qa eval`: a model answers a QA dataset; `kg qa compare` sets such runs side by side."""

from pathlib import Path
from typing import Any

import click

from cli.console import echo_json, progress_bar
from cli.writing import make_runtime, model_options
from generation.lemmas import check_language
from kgengine.errors import Interrupted


@click.command("eval")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("qa"))
@click.option("--part", default="test", show_default=True, help="train, validation or test.")
@click.option("--limit", type=click.IntRange(1), help="How many items, as many of each hop count.  [default: all]")
@click.option("--lang", metavar="LANG,...", help="Only items in these languages.  [default: all]")
@click.option("--no-instruction", is_flag=True, help="Ask without a system turn on the form of the reply.")
@click.option("--max-tokens", type=click.IntRange(1), help="Most tokens of a reply.  [default: by the dataset]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the items drawn and of the intervals.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("qa-eval"), show_default=True)
@click.option("--force", is_flag=True, help="Replace what the folder holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@model_options
def evaluate_command(
    folder: Path,
    part: str,
    limit: int | None,
    lang: str | None,
    no_instruction: bool,
    max_tokens: int | None,
    seed: int,
    out: Path,
    force: bool,
    as_json: bool,
    model: str | None,
    **options: Any,
) -> None:
    """Let a model answer a part of a dataset: exact-set F1 and exact answers, by hop count and form.

    A run that was stopped goes on with the same command.

    \b
    Examples:
      kg qa eval qa --limit 200 --out base
      kg qa eval qa --limit 200 --lora tuned.gguf --out tuned
      kg qa compare base tuned
    """
    from generation.qa.evaluation import EvalConfig, evaluate

    langs = tuple(check_language(one.strip()) for one in lang.split(",")) if lang else ()
    config = EvalConfig(part, limit, seed, langs, not no_instruction, max_tokens)
    runtime = make_runtime(model, False, options)
    assert runtime is not None
    try:
        with progress_bar("items") as progress:
            found = evaluate(folder, runtime, out, config, lambda done, total: progress(done, total, ""), force)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; what is answered is kept in {out}; the same command goes on") from None
    if as_json:
        echo_json(found)
        return
    groups = [("all", "", found["all"])]
    groups += [(by, value, one) for by, values in found["by"].items() for value, one in values.items()]
    click.echo(f"{'':20} {'items':>6} {'F1':>6} {'95% interval':>15} {'exact':>6} {'chance':>7}")
    for by, value, one in groups:
        low, high = one["f1_interval"]
        chance = f"{one['chance']:.2f}" if one.get("chance") is not None else ""
        shown = f"{one['items']:6,} {one['f1']:6.3f} {low:8.3f}-{high:.3f} {one['exact']:7.3f} {chance:>7}"
        click.echo(f"{f'{by} {value}':20} {shown}")
    click.echo(f"written: {out}")


@click.command("compare")
@click.argument("folders", type=click.Path(path_type=Path, file_okay=False), nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def compare_command(folders: tuple[Path, ...], as_json: bool) -> None:
    """Set evaluations of the same items side by side; differences are from the first, with 95% intervals.

    \b
    Example:
      kg qa compare base tuned
    """
    from generation.qa.measures import compare

    rows = compare(list(folders))
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        click.echo(f"{row['by']} {row['value']} ({row['items']:,} items)")
        for one in row["runs"]:
            words = f"  {one['name']:20} F1 {one['f1']:.3f}  exact {one['exact']:.3f}"
            if one["f1_difference"] is not None:
                low, high = one["f1_difference_interval"]
                words += f"  F1 {one['f1_difference']:+.3f} ({low:+.3f} to {high:+.3f})"
            click.echo(words)
