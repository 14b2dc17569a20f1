"""Names as they are compared: folding, and the sorted index from folded names to nodes.

The index is searched by bisection on memory-mapped bytes, so a look-up reads a few pages of it. Near
names ("did you mean") scan it once, with rapidfuzz, and only after a miss.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_SPACES = re.compile(r"[\s\-‐–—_/]+")
_NOISE = re.compile(r"[^\w\s.+\-‐–—/]")

NAME, PHRASE, SYNONYM = 0, 1, 2
"""How strongly a name belongs to its node; a smaller number wins."""


_ASCII_FOLDED = {
    code: chr(code).lower() if chr(code).isalnum() or chr(code) in "+." else " " if chr(code) in "-_/" else None
    for code in range(33, 127)
}


def fold(name: str) -> str:
    """Fold case, ё/е, hyphens and punctuation, so that spellings of one name compare equal."""
    if name.isascii() and name.isprintable():  # the same in a quarter of the time
        return " ".join(name.translate(_ASCII_FOLDED).split())
    lowered = unicodedata.normalize("NFC", name).casefold().replace("ё", "е")
    return _SPACES.sub(" ", _NOISE.sub("", lowered)).strip()


def load_column(folder: Path, column: str, rows: int) -> npt.NDArray[Any]:
    """Map a column of numbers into memory.

    :param folder: the artifact's folder.
    :param column: the column's name; the file is `COLUMN.npy`.
    :param rows: how many rows it must have.
    :raises ValueError: it has another number of rows.
    """
    array: npt.NDArray[Any] = np.asarray(np.load(folder / f"{column}.npy", mmap_mode="r"))
    if len(array) != rows:
        raise ValueError(f"{column} has {len(array)} rows, expected {rows}")
    return array


class StringTable:
    """A read-only column of strings: UTF-8 bytes end to end, and where each begins.

    :param folder: the artifact's folder.
    :param column: the column's name; files `COLUMN.utf8` and `COLUMN.offsets.npy` (uint32 [n + 1]).
    :param rows: how many strings it must hold, any number when None.
    :raises ValueError: the two files don't belong together, or the number is another.
    """

    def __init__(self, folder: Path, column: str, rows: int | None = None) -> None:
        self._offsets = np.asarray(np.load(folder / f"{column}.offsets.npy", mmap_mode="r"))
        if rows is not None and len(self) != rows:
            raise ValueError(f"{column} has {len(self)} rows, expected {rows}")
        path = folder / f"{column}.utf8"
        empty = path.stat().st_size == 0
        self._bytes = np.zeros(0, np.uint8) if empty else np.memmap(path, np.uint8, mode="r")
        if self._offsets[-1] != len(self._bytes):
            raise ValueError(f"{path.name} holds {len(self._bytes)} bytes, expected {self._offsets[-1]}")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> str:
        return self.raw(index).decode("utf-8")

    def raw(self, index: int) -> bytes:
        """Give one string's UTF-8 bytes."""
        return self._bytes[self._offsets[index] : self._offsets[index + 1]].tobytes()

    def bisect(self, key: bytes) -> int:
        """Find the first string that is not below `key`, in a column sorted by bytes."""
        return bisect_left(range(len(self)), key, key=self.raw)

    @staticmethod
    def write(folder: Path, column: str, values: Sequence[str]) -> None:
        """Write a column (see the class) into a folder."""
        joined = "".join(values)
        encoded = values if joined.isascii() else [value.encode("utf-8") for value in values]
        offsets = np.zeros(len(values) + 1, np.uint32)
        np.cumsum(np.fromiter(map(len, encoded), np.uint32, len(values)), out=offsets[1:])
        np.save(folder / f"{column}.offsets.npy", offsets)
        (folder / f"{column}.utf8").write_bytes(joined.encode("utf-8"))


class NameIndex:
    """Finds nodes by any of their names, in any language.

    :param folder: the graph's folder, with the columns written by :meth:`write`.
    """

    def __init__(self, folder: Path) -> None:
        self._keys = StringTable(folder, "name_key")
        self._nodes = load_column(folder, "name_node", len(self._keys))
        self._ranks = load_column(folder, "name_rank", len(self._keys))

    def find(self, name: str) -> list[tuple[int, int]]:
        """Find the nodes that bear a name exactly (after folding).

        :param name: as a person typed it.
        :returns: (rank, node_index) pairs, the strongest first.
        """
        key = fold(name).encode("utf-8")
        low = self._keys.bisect(key)
        found = []
        while low < len(self._keys) and self._keys.raw(low) == key:
            found.append((int(self._ranks[low]), int(self._nodes[low])))
            low += 1
        return sorted(found)

    def beginning(self, text: str, limit: int) -> list[tuple[str, int]]:
        """List names that begin with `text` (both folded), in alphabetical order, each with its node."""
        key = fold(text).encode("utf-8")
        place = self._keys.bisect(key)
        found: list[tuple[str, int]] = []
        while len(found) < limit and place < len(self._keys) and self._keys.raw(place).startswith(key):
            found.append((self._keys[place], int(self._nodes[place])))
            place += 1
        return found

    def near(self, name: str, limit: int) -> list[int]:
        """Find nodes whose names look like `name`.

        :param name: a name that was not found.
        :param limit: how many nodes at most.
        :returns: node indices, the nearest first; similarity below 60 of 100 (rapidfuzz WRatio) is left out.
        """
        from rapidfuzz import fuzz, process

        keys = [self._keys[index] for index in range(len(self._keys))]
        hits = process.extract(fold(name), keys, scorer=fuzz.WRatio, score_cutoff=60, limit=limit * 4)
        nodes = [int(self._nodes[index]) for _, _, index in hits]
        return list(dict.fromkeys(nodes))[:limit]

    @staticmethod
    def write(folder: Path, entries: Sequence[tuple[str, int, int]]) -> None:
        """Write the index.

        :param folder: the graph's folder.
        :param entries: (name, node_index, rank) for every name of every node.
        """
        folded = sorted((fold(name), node, rank) for name, node, rank in entries)
        kept = [
            one
            for one, before in zip(folded, [None, *folded], strict=False)
            if one[0] and one[:2] != (before or ())[:2]
        ]
        StringTable.write(folder, "name_key", [key for key, _, _ in kept])
        np.save(folder / "name_node.npy", np.array([node for _, node, _ in kept], np.int32))
        np.save(folder / "name_rank.npy", np.array([rank for _, _, rank in kept], np.int8))
