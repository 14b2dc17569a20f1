"""Runs of the real `kg generate` that are really stopped, by SIGKILL, SIGINT or a full disk, lose and repeat nothing.

A run that was killed ten times ends with the very same files as one that was left alone, in strict mode with the real
model too. When to kill is read off the growing file, so a slow machine makes the tests slower and nothing else.
"""

import json
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_cli import small_kgx  # noqa: F401 - a fixture
from test_generate import KG, scored_workspace

from generation.dataset import read_jsonl, whole_lines
from generation.runs import CARD, FINISHED, NOTES, PARQUET, STARTED

ALL = {NOTES, STARTED, PARQUET, CARD, FINISHED}
HALF = f".{PARQUET}.*.tmp"
PATIENCE = 240
"""Seconds that a test waits for a process before it fails."""


@pytest.fixture(scope="module")
def workspace(small_kgx: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A workspace with a small part of the default MKG, so that a command begins sooner."""
    folder = tmp_path_factory.mktemp("killed")
    complete([*KG, "-w", str(folder), "build", str(small_kgx)])
    return scored_workspace(folder / "graph", folder / "w")


@pytest.fixture(scope="module")
def whole(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from templates that was left alone."""
    out = tmp_path_factory.mktemp("whole") / "notes"
    complete(templates(workspace, out))
    return out


def templates(workspace: Path, out: Path) -> list[str]:
    """Give a command that writes for some seconds."""
    return [*KG, "-w", str(workspace), "generate", "--template-only", "-n", "800", "--out", str(out)]


def complete(arguments: list[str]) -> str:
    """Run a command to its end; give what it printed on stderr."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def stop(arguments: list[str], ripe: Callable[[], bool], by: signal.Signals = signal.SIGKILL) -> str:
    """Run a command until it is ripe, and stop it; give what it printed on stderr."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    try:
        while not ripe():
            assert process.poll() is None, "it ended before it could be stopped"
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(by)
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}[by], err
    return err


def growth(notes: Path, lines: int) -> Callable[[], bool]:
    """Make a test of whether a file has so many more whole lines than now."""
    size = whole_lines(notes) if notes.exists() else 0

    def ripe() -> bool:
        if not notes.exists():
            return False
        with notes.open("rb") as handle:
            handle.seek(size)
            return handle.read().count(b"\n") >= lines

    return ripe


def with_notes_only(whole: Path, out: Path) -> Path:
    """Make a folder as it is after the last note."""
    out.mkdir()
    for name in (NOTES, STARTED):
        shutil.copy(whole / name, out / name)
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_ten_kills_leave_the_files_of_a_run_that_was_left_alone(workspace: Path, whole: Path, tmp_path: Path) -> None:
    notes = tmp_path / "n" / NOTES
    arguments, counts = templates(workspace, tmp_path / "n"), [0]
    for lines in (1, 2, 3, 5, 8, 13, 21, 1, 34, 1):
        stop(arguments, growth(notes, lines))
        counts.append(notes.read_bytes().count(b"\n"))
        assert counts[-1] >= counts[-2] + lines
        assert {path.name for path in notes.parent.iterdir()} == {NOTES, STARTED}
    err = complete(arguments)
    assert err.startswith(f"{counts[-1]} of 800 notes are there; going on\n")
    names = [record["idx"] for record in read_jsonl(notes)]
    assert names == [f"note-{number:06d}" for number in range(800)]
    assert set(files(tmp_path / "n")) == ALL
    assert files(tmp_path / "n") == files(whole)


def test_a_kill_while_the_parquet_file_is_written_is_made_good_by_the_same_command(
    workspace: Path, whole: Path, tmp_path: Path
) -> None:
    out = with_notes_only(whole, tmp_path / "n")
    stop(templates(workspace, out), lambda: any(out.glob(HALF)))
    assert any(out.glob(HALF))
    assert not (out / FINISHED).exists()
    assert complete(templates(workspace, out)).startswith("800 of 800 notes are there; going on\n")
    assert files(out) == files(whole)


def test_kills_in_strict_mode_cost_no_byte_of_the_real_models_notes(workspace: Path, tmp_path: Path) -> None:
    """With one try for a note, so that rejected ones may be among what must come back the same."""
    short = ("--kind", "complaints", "--min-symptoms", "2", "--max-symptoms", "2")
    common = ("--mode", "strict", "--threads", "1", "-n", "6", "--tries", "1", *short)

    def arguments(name: str) -> list[str]:
        return [*KG, "-w", str(workspace), "generate", *common, "--out", str(tmp_path / name)]

    complete(arguments("whole"))
    for _ in range(3):
        stop(arguments("killed"), growth(tmp_path / "killed" / NOTES, 1))
    complete(arguments("killed"))
    assert set(files(tmp_path / "killed")) == ALL
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert len({record["response"] for record in read_jsonl(tmp_path / "whole" / NOTES)}) == 6


def test_an_interrupt_is_one_line_and_an_exit_code_and_loses_nothing(
    workspace: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "n"
    err = stop(templates(workspace, out), growth(out / NOTES, 3), signal.SIGINT)
    *_, line = err.strip().splitlines()
    assert "Traceback" not in err
    said = re.fullmatch(
        r"kg: interrupted; (\d+) of 800 notes are written and whole, in (.+); the same command .+", line
    )
    assert said is not None, err
    assert said[2] == str(out)
    records = list(read_jsonl(out / NOTES))
    assert len(records) - int(said[1]) in (0, 1)  # the signal may come between a note and its count
    assert json.loads((out / STARTED).read_text())["config"]["count"] == 800
    assert set(files(out)) == {NOTES, STARTED}
    assert (whole / NOTES).read_bytes().startswith((out / NOTES).read_bytes())


def test_an_interrupt_after_the_last_note_says_so(workspace: Path, whole: Path, tmp_path: Path) -> None:
    out = with_notes_only(whole, tmp_path / "n")
    err = stop(templates(workspace, out), lambda: any(out.glob(HALF)), signal.SIGINT)
    assert f"kg: interrupted; 800 of 800 notes are written and whole, in {out}; the same command goes on" in err
    assert not (out / FINISHED).exists()
    assert (out / NOTES).read_bytes() == (whole / NOTES).read_bytes()


def test_a_full_disk_is_one_line_and_the_run_goes_on_where_there_is_room(workspace: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: first it cuts the notes off, then the Parquet file."""
    command = [*KG, "-w", str(workspace), "generate", "--template-only", "-n", "60", "--out", str(tmp_path / "n")]

    def run(most: int) -> tuple[int, str]:
        limit = (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        done = subprocess.run(
            command, capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        )
        return done.returncode, done.stderr

    code, err = run(40_000)
    assert code == 1
    assert err.splitlines()[-1].startswith(
        f"kg: cannot write {tmp_path / 'n' / NOTES}: No space left on device; choose another"
    )
    content = (tmp_path / "n" / NOTES).read_bytes()
    assert 10 < content.count(b"\n") < 60
    assert content.endswith(b"\n")
    assert run(resource.RLIM_INFINITY)[0] == 0
    (tmp_path / "n" / FINISHED).unlink()
    code, err = run(10_000)
    assert code == 1
    assert re.match(f"kg: cannot write {tmp_path / 'n' / PARQUET}: .*File too large; choose", err.splitlines()[-1])
    assert "Traceback" not in err
    assert {path.name for path in (tmp_path / "n").iterdir()} == {NOTES, PARQUET, STARTED, CARD}
    assert run(resource.RLIM_INFINITY)[0] == 0
    assert (tmp_path / "n" / NOTES).read_bytes().startswith(content)
    assert len(list(read_jsonl(tmp_path / "n" / NOTES))) == 60
