"""Writes JSONL files line by line, so that an interruption leaves whole lines and nothing else."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from kgengine.artifacts import unwritable
from kgengine.errors import KGError


class JsonlWriter:
    """Appends records to an open file, each as one write of one whole line."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self.count = 0

    def write(self, record: dict[str, Any]) -> None:
        """Append one record and hand it to the operating system."""
        line = json.dumps(record, ensure_ascii=False, separators=(", ", ": ")) + "\n"
        self._handle.write(line.encode("utf-8"))
        self._handle.flush()
        self.count += 1


@contextmanager
def jsonl_writer(path: Path, overwrite: bool) -> Iterator[JsonlWriter]:
    """Open a JSONL file for writing.

    :param path: the file; its folder is made when missing.
    :param overwrite: True to replace an existing file.
    :returns: the writer; what it has written stays when the block ends by an exception.
    :raises KGError: the file exists and may not be replaced, or the place can't be written.
    """
    if path.exists() and not overwrite:
        raise KGError(f"{path} exists; give another --out, or --force to replace it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("wb")
    except OSError as error:
        raise unwritable(path, error) from error
    with handle:
        try:
            yield JsonlWriter(handle)
        except OSError as error:
            raise unwritable(path, error) from error
        finally:
            handle.flush()
            os.fsync(handle.fileno())


