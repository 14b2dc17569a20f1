"""`kg utility`."""

from pathlib import Path
from typing import Any

import click

from cli.console import echo_json, progress_bar
from kgengine.errors import Interrupted

_FILE = click.Path(path_type=Path, dir_okay=False)
_COLUMNS = (("overall", "hit@1"), ("overall", "hit@3"), ("tail", "hit@1"), ("tail", "hit@3"))


@click.command("utility")
@click.option("--train", type=_FILE, required=True, help="Real notes to train on (JSONL: idx, symptoms, code).")
@click.option("--test", type=_FILE, required=True, help="Real notes to test on, of the same form.")
@click.option(
    "--notes",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder of kg generate, or a JSONL file; repeatable.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("utility"),
    show_default=True,
    help="Folder for the results.",
)
@click.option("--tail", type=click.IntRange(1), default=20, show_default=True, help="Most notes of a tail code.")
@click.option(
    "--fill", metavar="N,...", default="30,60,120", show_default=True, help="Rows that each tail code is filled up to."
)
@click.option(
    "--classifier",
    default="tfidf",
    show_default=True,
    help="tfidf; module:factory of a scikit-learn estimator on texts; or the folder of a transformers model.",
)
@click.option(
    "--tilt",
    type=click.FloatRange(0, 2),
    default=0.0,
    help="Measure each arm with its scores tilted against frequent codes, too: a control (0.5, say).",
)
@click.option("--resamples", type=click.IntRange(1), default=1000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same figures.")
@click.option("--force", is_flag=True, help="Measure again, and replace what the folder holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    train: Path,
    test: Path,
    notes: tuple[Path, ...],
    out: Path,
    tail: int,
    fill: str,
    classifier: str,
    tilt: float,
    resamples: int,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Measure what synthetic notes are good for: train an ICD-10 classifier with them, test it on real notes.

    Compares real notes alone, with the rare codes oversampled, with synthetic notes added, and synthetic notes
    alone: Hit@1 and Hit@3 over all codes and over tail codes, with bootstrap intervals.

    \b
    Examples:
      kg utility --train train_v1.jsonl --test dev_v1.jsonl --notes notes
      kg utility --train train_v1.jsonl --test dev_v1.jsonl --notes notes --notes other.jsonl --fill 60
    """
    from generation.utility.results import PAGE, measure_utility
    from generation.utility.study import UtilityConfig

    config = UtilityConfig(tail, _fills(fill), classifier, resamples, seed, tilt)
    try:
        with progress_bar("arms") as progress:
            results, there = measure_utility(train, test, list(notes), out, config, progress, force)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; nothing was written to {out}; the same command begins anew") from None
    for warning in results["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        echo_json(results)
        return
    _print(results)
    click.echo(f"{'already there' if there else 'written'}: {out / PAGE}")


def _fills(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"'{text}' is not a list of numbers of rows such as 30,60,120", param_hint="--fill")
    return tuple(sorted({int(part) for part in parts}))


def _print(results: dict[str, Any]) -> None:
    """Print one line an arm."""
    counts, arms = results["counts"], results["arms"]
    click.echo(
        f"{counts['test']} real test notes, {counts['tail_notes']} of them of {counts['tail_codes']} tail codes; "
        "percent (95% interval)"
    )
    width = max(len(arm["name"]) for arm in arms)
    heads = [f"{'Hit@' + metric[-1]}, {'all' if part == 'overall' else 'tail'}" for part, metric in _COLUMNS]
    click.echo(f"{'':{width}}  {'rows':>6}  " + "  ".join(f"{head:>16}" for head in heads))
    for arm in arms:
        cells = [_cell(arm["metrics"][part][metric]) for part, metric in _COLUMNS]
        click.echo(f"{arm['name']:{width}}  {arm['rows']:6}  " + "  ".join(f"{cell:>16}" for cell in cells))


def _cell(figure: dict[str, float] | None) -> str:
    if figure is None:
        return "-"
    value, low, high = (100 * figure[key] for key in ("value", "low", "high"))
    return f"{value:.1f} ({low:.0f}-{high:.0f})"
