"""Reads real and synthetic notes for a comparison, and takes out of training what stands in the test set.

Real notes are never changed: the test set is used whole, and of the train set only notes are left out whose words are
those of a test note.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generation.dataset import read_jsonl
from generation.duplicates import folded_words
from generation.examples import read_own_notes
from generation.runs import NOTES
from kgengine.errors import KGError

MIXTURE = "mixture"
_SHOWN = 20
Row = tuple[str, str]
"""Text and code."""


@dataclass(frozen=True)
class Source:
    """Synthetic notes to compare: those that can be used, and how many were read and left out."""

    name: str
    rows: list[Row]
    counts: dict[str, int]


@dataclass(frozen=True)
class Material:
    """What arms are made from: rows of the train and the test set, sources, `leaks` (where, and the test note's id)."""

    train: list[Row]
    test: list[Row]
    sources: list[Source]
    leaks: list[tuple[str, str]] = field(default_factory=list)
    train_leaks: int = 0

    @property
    def sizes(self) -> Counter[str]:
        """Give the number of training notes of each code; its keys are the classes."""
        return Counter(code for _, code in self.train)

    @property
    def unseen(self) -> int:
        """Give the number of test notes whose code no training note has."""
        return sum(code not in self.sizes for _, code in self.test)

    def tail(self, most: int) -> set[str]:
        """Give the codes with at most so many training notes, and at least one."""
        return {code for code, number in self.sizes.items() if number <= most}

    def warnings(self) -> list[str]:
        """Word what a reader must know of the notes."""
        found, leaked = [], "left out, since they stand word for word in the test set"
        if self.unseen:
            found.append(f"test: {self.unseen} have a code that no training note has; they count as misses")
        if self.train_leaks:
            found.append(f"train: {self.train_leaks} {leaked}")
        for one in self.sources:
            if one.counts["leaked"]:
                found.append(f"{one.name}: {one.counts['leaked']} {leaked}")
            if one.counts["unknown"]:
                found.append(f"{one.name}: {one.counts['unknown']} left out, since no training note has their code")
        return found

    def to_json(self) -> dict[str, Any]:
        """Give the counts as plain data; of the leaks the first 20."""
        return {
            "train": len(self.train),
            "test": len(self.test),
            "codes": len(self.sizes),
            "unseen": self.unseen,
            "train_leaks": self.train_leaks,
            "leaks": [{"in": where, "test_note": idx} for where, idx in self.leaks[:_SHOWN]],
            "sources": {one.name: one.counts for one in self.sources},
        }


def load_material(train: Path, test: Path, notes: Sequence[Path]) -> Material:
    """Read all notes of a comparison.

    :param train: real notes to train on, JSON lines of RuMedTop3's schema.
    :param test: real notes to test on, of the same schema.
    :param notes: sources of synthetic notes, see :func:`notes_file`.
    :raises KGError: a file is missing, damaged or holds no note that can be used.
    """
    names = source_names(notes)
    tested: dict[tuple[str, ...], str] = {}
    held = read_own_notes(test)
    for note in held:
        tested.setdefault(_words(note.text), note.id)
    tested.pop((), None)
    read = [(note.text, note.code) for note in read_own_notes(train)]
    for path, found in ((train, read), (test, held)):
        if not found:
            raise KGError(f"{path} holds no notes; give a JSON lines file with idx, symptoms and code")
    kept, leaks = _split(read, tested, "train")
    if not kept:
        raise KGError(f"every note of {train} stands in {test} too; give a train and a test set that are disjoint")
    codes = {code for _, code in kept}
    found_sources, train_leaks = [], len(leaks)
    for name, path in zip(names, notes, strict=True):
        source, leaked = _source(name, path, codes, tested)
        found_sources.append(source)
        leaks += leaked
    return Material(kept, [(note.text, note.code) for note in held], found_sources, leaks, train_leaks)


def source_names(notes: Sequence[Path]) -> list[str]:
    """Name each source by its folder or file, or by the path as it was given where two have one name.

    :raises KGError: the same path is given twice.
    """
    short = [path.resolve().name if path.is_dir() else path.stem for path in notes]
    names = [
        str(path) if short.count(name) > 1 or name == MIXTURE else name for path, name in zip(notes, short, strict=True)
    ]
    for name, number in Counter(names).items():
        if number > 1:
            raise KGError(f"--notes {name} is given {number} times; give each source once")
    return names


def notes_file(path: Path) -> Path:
    """Give the file that holds a source's notes.

    :param path: a folder of `kg generate`, or a JSON lines file: its `notes.jsonl`, or of RuMedTop3's schema.
    :raises KGError: there is none.
    """
    if path.is_dir() and not (path / NOTES).is_file():
        raise KGError(f"{path} holds no {NOTES}; give a folder of 'kg generate' or a JSON lines file")
    if not path.exists():
        raise KGError(f"there are no notes at {path}; give a folder of 'kg generate' or a JSON lines file")
    return path / NOTES if path.is_dir() else path


def _source(
    name: str, path: Path, codes: set[str], tested: dict[tuple[str, ...], str]
) -> tuple[Source, list[tuple[str, str]]]:
    """Read one source; give it, and what of it stands in the test set."""
    file = notes_file(path)
    rows, number = _read(file)
    if not rows:
        raise KGError(f"{file} holds no accepted note ({number} in all); give notes of which some were accepted")
    known = [(text, code if code in codes else code.partition(".")[0]) for text, code in rows]
    known = [row for row in known if row[1] in codes]
    if not known:
        raise KGError(f"no accepted note of {file} has a code of the train set, such as {min(codes)}; check the codes")
    kept, leaks = _split(known, tested, name)
    counts = {"read": number, "accepted": len(rows), "unknown": len(rows) - len(known), "leaked": len(leaks)}
    return Source(name, kept, counts | {"used": len(kept)}), leaks


def _read(file: Path) -> tuple[list[Row], int]:
    """Read the accepted notes of `kg generate`, or all of a file of RuMedTop3's schema; and how many there are."""
    if not _generated(file):
        rows = [(note.text, note.code) for note in read_own_notes(file)]
        return rows, len(rows)
    rows, number = [], 0
    for number, record in enumerate(read_jsonl(file), 1):
        try:
            if record["verdict"] == "accepted":
                rows.append((str(record["response"]), str(record["ICD-10"])))
        except (KeyError, TypeError) as error:
            raise KGError(
                f"{file}, line {number} is no note of 'kg generate' ({error}); make the file again"
            ) from error
    return rows, number


def _generated(file: Path) -> bool:
    """Tell whether the first line is a record of `kg generate`; an empty file in a run's folder is one too."""
    try:
        with file.open("rb") as handle:
            line = handle.readline()
    except OSError as error:
        raise KGError(f"can't read {file} ({error}); mend its permissions or give another") from error
    return b'"verdict"' in line or (file.name == NOTES and not line.strip())


def _split(
    rows: Iterable[Row], tested: dict[tuple[str, ...], str], where: str
) -> tuple[list[Row], list[tuple[str, str]]]:
    """Part rows from those that stand in the test set."""
    kept, leaks = [], []
    for text, code in rows:
        idx = tested.get(_words(text))
        if idx is None:
            kept.append((text, code))
        else:
            leaks.append((where, idx))
    return kept, leaks


def _words(text: str) -> tuple[str, ...]:
    return tuple(folded_words(text))
