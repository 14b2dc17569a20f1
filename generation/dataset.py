"""Writes JSONL files line by line, so that an interruption leaves whole lines and nothing else."""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from kgengine.artifacts import unwritable
from kgengine.errors import KGError


class JsonlWriter:
    """Appends records to an open file without a buffer, each as one write of one whole line."""

    def __init__(self, handle: FileIO) -> None:
        self._handle = handle
        self.count = 0

    def write(self, record: dict[str, Any]) -> None:
        """Append one record and hand it to the operating system.

        :raises OSError: it took none or a part of the line; the part is taken back.
        """
        line = (json.dumps(record, ensure_ascii=False, separators=(", ", ": ")) + "\n").encode("utf-8")
        begin = self._handle.tell()
        if self._handle.write(line) < len(line):
            self._handle.truncate(begin)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.count += 1


@contextmanager
def jsonl_writer(path: Path, overwrite: bool, keep: bool = False) -> Iterator[JsonlWriter]:
    """Open a JSONL file for writing.

    :param path: the file; its folder is made when missing.
    :param overwrite: True to replace an existing file.
    :param keep: True to write after the whole lines that are there; a part of a line at the end is taken away.
    :returns: the writer; what it has written stays when the block ends by an exception.
    :raises KGError: the file exists and may not be replaced, another run is writing it, or the place can't be
        written.
    """
    if path.exists() and not overwrite and not keep:
        raise KGError(f"{path} exists; give another --out, or --force to replace it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab", buffering=0)
    except OSError as error:
        raise unwritable(path, error) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise KGError(f"another run is writing {path}; wait for it, or give another --out") from error
        if path.is_file():
            os.ftruncate(handle.fileno(), whole_lines(path) if keep else 0)
            handle.seek(0, os.SEEK_END)
        try:
            try:
                yield JsonlWriter(handle)
            finally:
                os.fsync(handle.fileno())
        except OSError as error:
            raise unwritable(path, error) from error


def whole_lines(path: Path) -> int:
    """Give the length of a file up to the end of its last whole line, in bytes."""
    with path.open("rb") as handle:
        place = handle.seek(0, os.SEEK_END)
        while place > 0:
            begin = max(0, place - 65536)
            handle.seek(begin)
            found = handle.read(place - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            place = begin
    return 0


def read_object(path: Path) -> dict[str, Any] | None:
    """Read a JSON object, None when the file is missing, damaged or holds something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def plain(value: dict[str, Any]) -> Any:
    """Give a value as JSON would give it back."""
    return json.loads(json.dumps(value))


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Read the records of a JSONL file.

    :raises KGError: a line is damaged.
    """
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                yield json.loads(line.decode("utf-8"))
            except ValueError as error:
                raise KGError(f"{path}, line {number} is damaged ({error}); make the file again") from error
