"""A run's folder: what it may hold when a run begins, and what is refused in one line and left as it is.

Runs that are really killed are in test_killed_runs.py.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generation.dataset import read_jsonl
from generation.runs import (
    ALWAYS,
    CARD,
    FINISHED,
    IF_POSSIBLE,
    LEAK,
    NEVER,
    NOTES,
    PARQUET,
    STARTED,
    finished_summary,
    note_run,
)
from kgengine.errors import KGError

MADE = {"seed": 1, "drawing": {"codes": None}, "languages": ("en", "ru")}
OTHER = {**MADE, "seed": 2}
TWO = {"note-0", "note-1"}


def write_some(
    folder: Path, made_from: dict[str, Any], numbers: range, resume: str = IF_POSSIBLE, force: bool = False
) -> set[str]:
    """Write records in a run; give what was there before."""
    with note_run(folder, made_from, resume, force) as (writer, there):
        for number in numbers:
            writer.write({"idx": f"note-{number}"})
    return there


def finish(folder: Path, made_from: dict[str, Any]) -> None:
    """Write what the end of a run leaves."""
    for name in (PARQUET, CARD, LEAK):
        (folder / name).write_text("old")
    (folder / FINISHED).write_text(json.dumps({"config": made_from, "summary": {"accepted": 2}}))


def empty(folder: Path) -> None:
    """Nothing at all is there."""


def begun(folder: Path) -> None:
    """The run was stopped before its first note."""
    write_some(folder, MADE, range(0))
    (folder / NOTES).unlink()


def half(folder: Path) -> None:
    """The run was stopped within its first line."""
    write_some(folder, MADE, range(0))
    (folder / NOTES).write_text('{"idx": "no')


def stopped(folder: Path) -> None:
    """The run was stopped within its third line."""
    write_some(folder, MADE, range(2))
    with (folder / NOTES).open("a") as handle:
        handle.write('{"idx": "note-2", "te')


def finished(folder: Path) -> None:
    """The run is finished."""
    write_some(folder, MADE, range(2))
    finish(folder, MADE)


@pytest.mark.parametrize(
    ("state", "made_from", "resume", "expected"),
    [
        (empty, MADE, NEVER, set()),
        (empty, MADE, IF_POSSIBLE, set()),
        (empty, MADE, ALWAYS, "there is no interrupted run of this in FOLDER; leave out --resume always"),
        (begun, MADE, NEVER, set()),
        (begun, MADE, IF_POSSIBLE, set()),
        (begun, MADE, ALWAYS, set()),
        (begun, OTHER, NEVER, set()),
        (begun, OTHER, IF_POSSIBLE, set()),
        (begun, OTHER, ALWAYS, "there is no interrupted run of this in FOLDER; leave out --resume always"),
        (half, MADE, NEVER, set()),
        (half, MADE, IF_POSSIBLE, set()),
        (half, MADE, ALWAYS, set()),
        (half, OTHER, IF_POSSIBLE, set()),
        (stopped, MADE, NEVER, "FOLDER holds an interrupted run; --resume if-possible goes on with it, --force begins"),
        (stopped, MADE, IF_POSSIBLE, TWO),
        (stopped, MADE, ALWAYS, TWO),
        (stopped, OTHER, NEVER, "FOLDER holds notes made from something else (seed); give another --out, or --force"),
        (stopped, OTHER, IF_POSSIBLE, "FOLDER holds notes made from something else (seed); give another --out, or --f"),
        (stopped, OTHER, ALWAYS, "FOLDER holds notes made from something else (seed); give another --out, or --force"),
        (finished, MADE, IF_POSSIBLE, TWO),
        (finished, MADE, ALWAYS, TWO),
        (finished, OTHER, NEVER, "FOLDER holds notes made from something else (seed); give another --out, or --force"),
        (finished, OTHER, IF_POSSIBLE, "FOLDER holds notes made from something else (seed); give another --out, or"),
    ],
)
def test_a_run_begins_goes_on_or_is_refused_in_one_line(
    tmp_path: Path, state: Callable[[Path], None], made_from: dict[str, Any], resume: str, expected: set[str] | str
) -> None:
    folder = tmp_path / "deep" / "notes"
    state(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else None
    if isinstance(expected, str):
        with pytest.raises(KGError) as caught:
            write_some(folder, made_from, range(2, 4), resume)
        assert str(caught.value).startswith(expected.replace("FOLDER", str(folder)))
        assert "\n" not in str(caught.value)
        after = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else None
        assert after == before
        return
    assert write_some(folder, made_from, range(2, 4), resume) == expected
    assert [record["idx"] for record in read_jsonl(folder / NOTES)] == [*sorted(expected), "note-2", "note-3"]
    assert json.loads((folder / STARTED).read_text()) == {"config": {**made_from, "languages": ["en", "ru"]}}
    assert not (folder / FINISHED).exists()


@pytest.mark.parametrize("state", [begun, half, stopped, finished])
def test_force_throws_away_the_notes_and_all_that_was_made_from_them(
    tmp_path: Path, state: Callable[[Path], None]
) -> None:
    state(tmp_path / "n")
    assert write_some(tmp_path / "n", OTHER, range(1), force=True) == set()
    assert {path.name for path in (tmp_path / "n").iterdir()} == {NOTES, STARTED}
    assert (tmp_path / "n" / NOTES).read_text() == '{"idx": "note-0"}\n'
    assert json.loads((tmp_path / "n" / STARTED).read_text())["config"]["seed"] == 2


def test_what_is_finished_is_told_apart_from_what_is_not(tmp_path: Path) -> None:
    finished(tmp_path)
    assert finished_summary(tmp_path, MADE) == {"accepted": 2}
    assert finished_summary(tmp_path, OTHER) is None
    assert finished_summary(tmp_path / "elsewhere", MADE) is None
    for content in ('{"config": {"se', "[]", '"text"', json.dumps({"config": MADE})):
        (tmp_path / FINISHED).write_text(content)
        assert finished_summary(tmp_path, MADE) is None
    finish(tmp_path, MADE)
    (tmp_path / NOTES).write_text("")  # as a run with --force leaves it that is killed at once
    assert finished_summary(tmp_path, MADE) is None


def test_notes_of_which_nothing_says_what_they_are_made_from_are_kept(tmp_path: Path) -> None:
    for content in (None, '{"config": ', "[]", "{}"):
        stopped(tmp_path)
        (tmp_path / STARTED).unlink() if content is None else (tmp_path / STARTED).write_text(content)
        with pytest.raises(KGError, match=r"holds notes and no run\.json that says what they are made from; give an"):
            write_some(tmp_path, MADE, range(1))
        write_some(tmp_path, MADE, range(1), force=True)


@pytest.mark.parametrize("name", [STARTED, FINISHED, PARQUET, CARD, LEAK, NOTES])
def test_a_file_that_no_run_wrote_is_not_replaced_unasked(tmp_path: Path, name: str) -> None:
    """`--out .` in a project must not cost its README, nor `--out kg-workspace/graph` the graph's manifest."""
    (tmp_path / name).write_text("mine")
    (tmp_path / "other.txt").write_text("in nobody's way")
    with pytest.raises(KGError, match=f"holds {name} of something else; give another --out, or --force to replace it"):
        write_some(tmp_path, MADE, range(1))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: "mine",
        "other.txt": "in nobody's way",
    }
    write_some(tmp_path, MADE, range(1), force=True)
    assert (tmp_path / "other.txt").exists()
    assert finished_summary(tmp_path, MADE) is None


def test_a_damaged_line_within_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    for damage in (b'{"idx": "note-1', b"\0\0\0\0", b'{"idx": "\xff\xfe"}'):
        write_some(tmp_path, MADE, range(3), force=True)
        lines = (tmp_path / NOTES).read_bytes().splitlines(keepends=True)
        (tmp_path / NOTES).write_bytes(lines[0] + damage + b"\n" + lines[2])
        before = (tmp_path / NOTES).read_bytes()
        with pytest.raises(KGError, match=r"notes\.jsonl, line 2 is damaged \(.+\); make the file again"):
            write_some(tmp_path, MADE, range(3, 4))
        assert (tmp_path / NOTES).read_bytes() == before


def test_another_process_that_writes_the_folder_is_waited_for(tmp_path: Path) -> None:
    holding = (
        "import sys\nfrom pathlib import Path\nfrom generation.runs import note_run\n"
        "with note_run(Path(sys.argv[1]), {'seed': 1}) as (writer, there):\n"
        "    writer.write({'idx': 'note-0'})\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        for force in (False, True):
            with pytest.raises(KGError, match=r"^another run is writing .*notes\.jsonl; wait for it, or give another"):
                write_some(tmp_path, {"seed": 1}, range(1, 2), force=force)
        child.communicate("", timeout=240)
    finally:
        child.kill()
        child.wait()
    assert write_some(tmp_path, {"seed": 1}, range(1, 2)) == {"note-0"}
