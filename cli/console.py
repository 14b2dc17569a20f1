"""What commands share: progress on stderr, and JSON on stdout."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a progress bar on stderr, from the first report on.

    :param title: what is being done.
    :returns: a function to call with steps done, steps in all, and a few words.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=None, words="")

    def report(done: int, total: int, words: str) -> None:
        bar.start()
        bar.update(task, completed=done, total=total, words=words)

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()


def echo_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
