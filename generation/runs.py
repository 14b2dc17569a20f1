"""A folder that a run fills with notes, and that the same run may go on filling after it was stopped at any moment.

`run.json` is written first and says what the notes are made from; `notes.jsonl` grows by whole lines, one an item, in
the order in which they are done; `manifest.json` is written last (`generation.publishing`). `idx` names an item. Files
of that name that no run wrote are never replaced unasked.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from generation.dataset import JsonlWriter, jsonl_writer, plain, read_jsonl, read_object, whole_lines
from kgengine.artifacts import replaced_file, unwritable
from kgengine.errors import KGError

NOTES, STARTED, FINISHED = "notes.jsonl", "run.json", "manifest.json"
PARQUET, CARD, LEAK = "notes.parquet", "README.md", "leak.json"
NEVER, ALWAYS, IF_POSSIBLE = "never", "always", "if-possible"


def finished_summary(folder: Path, made_from: dict[str, Any]) -> dict[str, Any] | None:
    """Give the summary of a run that is whole and made from just this, else None."""
    manifest = read_object(folder / FINISHED)
    if manifest is None or manifest.get("config") != plain(made_from) or not _some(folder / NOTES):
        return None
    summary = manifest.get("summary")
    return summary if isinstance(summary, dict) else None


@contextmanager
def note_run(
    folder: Path, made_from: dict[str, Any], resume: str = IF_POSSIBLE, force: bool = False
) -> Iterator[tuple[JsonlWriter, set[str]]]:
    """Open a folder for a run; until the block ends, no other run can write there.

    :param folder: the folder; it is made when missing.
    :param made_from: all that the notes depend on.
    :param resume: `NEVER` begins anew, `ALWAYS` goes on with what is there, `IF_POSSIBLE` does either.
    :param force: True to throw away what is there.
    :returns: the writer, and the `idx` of the items that are done.
    :raises KGError: the folder holds notes of another run or files of no run, or there is nothing to resume.
    """
    notes, started = folder / NOTES, _config(read_object(folder / STARTED))
    keep = not force and _some(notes)
    if keep:
        _check(folder, started, plain(made_from), resume)
    elif resume == ALWAYS and started != plain(made_from):
        raise KGError(f"there is no interrupted run of this in {folder}; leave out --resume always")
    elif started is None and not force:
        _check_foreign(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    with jsonl_writer(notes, overwrite=True, keep=keep) as writer:
        _clear(folder, keep)
        if not keep:
            with replaced_file(folder / STARTED) as temporary:
                temporary.write_text(json.dumps({"config": made_from}, ensure_ascii=False, indent=2) + "\n", "utf-8")
        yield writer, {record["idx"] for record in read_jsonl(notes)}


def _check(folder: Path, started: dict[str, Any] | None, made_from: dict[str, Any], resume: str) -> None:
    """Refuse to go on with notes that were made from something else, or that shall not be gone on with."""
    if started is None:
        raise KGError(
            f"{folder} holds notes and no {STARTED} that says what they are made from; give another --out, or --force "
            "to replace them"
        )
    unlike = sorted(key for key in {*started, *made_from} if started.get(key) != made_from.get(key))
    if unlike:
        raise KGError(
            f"{folder} holds notes made from something else ({', '.join(unlike)}); give another --out, or --force to "
            "replace them"
        )
    if resume == NEVER:
        raise KGError(f"{folder} holds an interrupted run; --resume if-possible goes on with it, --force begins anew")


def _check_foreign(folder: Path) -> None:
    """Refuse a folder whose files would be replaced though no run wrote them."""
    names = (NOTES, STARTED, FINISHED, PARQUET, CARD, LEAK)
    found = [name for name in names if (folder / name).exists() and (folder / name).stat().st_size]
    if found:
        raise KGError(
            f"{folder} holds {', '.join(found)} of something else; give another --out, or --force to replace it"
        )


def _clear(folder: Path, keep: bool) -> None:
    """Take away the manifest, halves of files that a killed run left, and unless `keep` all that is made from notes."""
    written = (STARTED, PARQUET, CARD, LEAK, FINISHED)
    for path in [one for name in written for one in folder.glob(f".{name}.*.tmp")]:
        path.unlink(missing_ok=True)
    for name in (FINISHED,) if keep else (FINISHED, PARQUET, CARD, LEAK):
        (folder / name).unlink(missing_ok=True)


def _some(notes: Path) -> bool:
    """Tell whether a file of notes has at least one whole line."""
    return notes.is_file() and whole_lines(notes) > 0


def _config(content: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give what a run was made from by its `run.json`, None when that says nothing."""
    config = (content or {}).get("config")
    return config if isinstance(config, dict) else None
