"""Opens the text files and tables that sources publish, plain or gzip-compressed.

Tables become pyarrow tables of the columns that are asked for; a fault is found with its line, and a file
that was cut short is noticed, even in the middle of its last line. Nothing here knows any source.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from kgengine.errors import SourceError
from kgengine.sources.records import Wording

BLOCK_BYTES = 8 << 20
"""Bytes parsed at a time; 8 MB was as fast as 32 MB on an 8-million-row file, with less memory."""
_SCANNED_BYTES = 1 << 18  # fits into the cache, with what the comparison makes of it
_AGAIN = "download it again or give the whole file"


@dataclass(frozen=True)
class Layout:
    """How a delimited file is laid out.

    :ivar delimiter: between cells.
    :ivar quoted: whether `"` quotes cells (CSV) or is a character like any other (TSV of databases).
    :ivar names: the columns, for files that have no header line.
    """

    delimiter: str = ","
    quoted: bool = True
    names: tuple[str, ...] = ()


CSV, TSV = Layout(), Layout("\t", False)


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Turn what the operating system or a decoder says about `path` into a `SourceError`."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(path, f"is not a whole gzip file ({error}); {_AGAIN}") from error
    except UnicodeDecodeError as error:
        raise SourceError(path, "is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise SourceError(path, f"can't be read: {error.strerror or error}; give an existing file") from error


def _open_bytes(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 text file, gzip-compressed if its name ends in `.gz`; faults while reading are caught too.

    :param path: the file.
    :returns: a context with the text stream, line ends untouched.
    :raises SourceError: the file is missing, unreadable, cut short or not UTF-8.
    """
    with _faults(path), _open_bytes(path) as binary, io.TextIOWrapper(binary, "utf-8-sig", newline="") as text:
        yield text


def inside_folders(files: Sequence[Path]) -> list[Path]:
    """List files, and in place of each folder what lies in it (one level deep)."""
    return [path for file in files for path in (sorted(file.iterdir()) if file.is_dir() else [file])]


def find_file(files: Sequence[Path], *stems: str) -> Path | None:
    """Pick the file with one of these names, whatever its `.gz`, among files and folders.

    :param files: files, or folders that may hold it (one level deep).
    :param stems: names such as `meddra_freq.tsv`, the first found wins.
    :returns: the path, or None.
    """
    inside = inside_folders(files)
    for stem in stems:
        for path in inside:
            if path.name.lower().removesuffix(".gz") == stem.lower():
                return path
    return None


def english(name: str, synonyms: Sequence[str] = ()) -> Wording:
    """Word a node whose source gives no more than names.

    :param name: its name; the phrase is the same in lower case.
    :param synonyms: other names.
    :returns: the English wording.
    """
    phrase = name.lower()
    return Wording(name, phrase, phrase, tuple(synonyms))


def read_header(path: Path, layout: Layout = CSV, required: Sequence[str] = ()) -> list[str]:
    """Read a table's column names.

    :param path: the file.
    :param layout: how it is laid out.
    :param required: columns that must be there.
    :returns: the names, in order.
    :raises SourceError: the file can't be read, is empty, or a required column is missing.
    """
    with open_text(path) as text:
        first = next(_reader(text, layout), None)
    if first is None:
        raise SourceError(path, f"is empty; {_AGAIN}")
    header = list(layout.names) or first
    for column in required:
        if column not in header:
            found = ", ".join(header[:12])
            raise SourceError(path, f"the header lacks the column '{column}' (it has {found}); is it another file?", 1)
    return header


def read_batches(
    path: Path, columns: Mapping[str, Any], layout: Layout = CSV, remarks: list[str] | None = None
) -> Iterator[Any]:
    """Read a table piece by piece, for files that are too big to hold.

    :param path: the file.
    :param columns: name and pyarrow type of the columns wanted, in the order wanted.
    :param layout: how the file is laid out.
    :param remarks: takes a sentence when the last line has no line break, since it may be cut.
    :returns: `pyarrow.RecordBatch` objects of those columns, without nulls.
    :raises SourceError: a fault of the file, with the line where one is to blame.
    """
    with _parsing(path, columns, layout, remarks) as (watched, arguments), pacsv.open_csv(*arguments) as reader:
        for batch in reader:
            watched.rows += batch.num_rows
            yield batch


def read_table(path: Path, columns: Mapping[str, Any], layout: Layout = CSV, remarks: list[str] | None = None) -> Any:
    """Read a table whole, on all cores; parameters and faults as for :func:`read_batches`.

    :returns: a `pyarrow.Table`.
    :raises SourceError: as :func:`read_batches`.
    """
    with _parsing(path, columns, layout, remarks) as (watched, arguments):
        table = pacsv.read_csv(*arguments)
        watched.rows = table.num_rows
    return table


def integers(array: Any) -> npt.NDArray[np.int32]:
    """Give an int32 `pyarrow.Array` or `ChunkedArray` as numpy (its own `to_numpy` imports pandas)."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return np.frombuffer(array.buffers()[1], np.int32, len(array), 4 * array.offset)


@contextmanager
def _parsing(
    path: Path, columns: Mapping[str, Any], layout: Layout, remarks: list[str] | None
) -> Iterator[tuple["_Watched", tuple[Any, ...]]]:
    """Prepare pyarrow's arguments, and afterwards find the faults that pyarrow reports and those that it misses."""
    read_header(path, layout, tuple(columns))
    with _faults(path), _open_bytes(path) as binary:
        watched, zipped = _Watched(binary), path.suffix == ".gz"
        try:
            yield (
                watched,
                (
                    pa.PythonFile(watched, "r") if zipped else pa.OSFile(str(path)),
                    pacsv.ReadOptions(block_size=BLOCK_BYTES, column_names=list(layout.names) or None),
                    pacsv.ParseOptions(delimiter=layout.delimiter, quote_char='"' if layout.quoted else False),
                    pacsv.ConvertOptions(include_columns=list(columns), column_types=dict(columns), null_values=[]),
                ),
            )
        except pa.ArrowInvalid as error:
            report = f"is no table that can be read ({' '.join(str(error).split())[:200]}); {_AGAIN}"
            raise _first_fault(path, columns, layout) or SourceError(path, report) from error
        if not zipped:  # Arrow reads such a file faster by itself; its lines are counted afterwards
            watched.count_lines(path)
    if watched.lines + (not watched.ended) != watched.rows + (not layout.names):  # blank lines, or a quote left open
        fault = _first_fault(path, columns, layout)
        if fault is not None:
            raise fault
    if not watched.ended and remarks is not None:
        remarks.append(f"{path.name} doesn't end with a line break; if its last line was cut, {_AGAIN}")


class _Watched(io.RawIOBase):
    """A byte stream that counts its lines, knows whether it ended with a line break, and how many rows came of it."""

    def __init__(self, binary: BinaryIO) -> None:
        self._binary, self.ended, self.lines, self.rows = binary, True, 0, 0

    def count_lines(self, path: Path) -> None:
        """Look through a plain file, mapped into memory, for the count alone."""
        if not path.stat().st_size:
            return
        data = np.asarray(np.memmap(path, np.uint8, mode="r"))
        parts = range(0, len(data), _SCANNED_BYTES)
        self.lines = sum(int(np.count_nonzero(data[i : i + _SCANNED_BYTES] == ord("\n"))) for i in parts)
        self.ended = bytes(data[-1:]) in (b"\n", b"\r")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._binary.read(size)
        if data:
            self.ended = data.endswith((b"\n", b"\r"))
            self.lines += data.count(b"\n")
        return data


def _reader(text: TextIO, layout: Layout) -> Any:
    if layout.quoted:
        return csv.reader(text, delimiter=layout.delimiter)
    return csv.reader(text, delimiter=layout.delimiter, quoting=csv.QUOTE_NONE)


def _first_fault(path: Path, columns: Mapping[str, Any], layout: Layout) -> SourceError | None:
    """Look for the line that is to blame, slowly, since that happens once."""
    with open_text(path) as text:
        lines, line = _reader(text, layout), 0
        try:
            header = list(layout.names) or next(lines)
            numbers = {name: header.index(name) for name, kind in columns.items() if pa.types.is_primitive(kind)}
            for cells in lines:
                line = lines.line_num
                if cells and len(cells) != len(header):
                    cause = f"the line was cut or has a separator too many; mend it or {_AGAIN}"
                    return SourceError(path, f"{len(cells)} cells where {len(header)} belong: {cause}", line)
                for cell in cells:
                    if "\n" in cell:
                        return SourceError(path, "a quoted cell that begins above ends here; is a quote missing?", line)
                for name, place in numbers.items() if cells else ():
                    if not _is_number(cells[place], columns[name]):
                        kind = "a whole number" if pa.types.is_integer(columns[name]) else "a number"
                        problem = f"'{cells[place]}' is not {kind}; mend the line or {_AGAIN}"
                        return SourceError(path, problem, line, name)
        except csv.Error as error:
            return SourceError(path, f"is no table below this line ({error}); is a quote missing?", line)
    return None


def _is_number(cell: str, kind: Any) -> bool:
    try:
        pa.scalar(cell).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
