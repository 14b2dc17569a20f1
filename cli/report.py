"""`kg report`."""

from pathlib import Path

import click


@click.command("report")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="HTML file to write.  [default: DIR/report.html]"
)
def command(folder: Path, out: Path | None) -> None:
    """Write one HTML page about a folder of generated notes: figures, plots, and notes to read.

    DIR is what kg generate wrote into; a run that isn't finished will do. The page needs no network.

    \b
    Example:
      kg report notes --out notes.html
    """
    from generation.report import write_report

    page, figures = write_report(folder, out)
    click.echo(page)
    click.echo(figures)
