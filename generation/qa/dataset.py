"""Writes items to a folder: JSONL and Parquet for each part of the split, what is held out, and how tools read it.

The folder is written beside its place and moved there when it is whole; `manifest.json` says what it was made from.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from generation.dataset import plain
from generation.qa.building import QABuilder
from generation.qa.formats import check_format, factory_entry, shaped
from generation.qa.splits import PARTS
from generation.rendering import rendered
from kgengine.artifacts import read_manifest, replaced_folder, write_manifest
from kgengine.errors import ArtifactError, KGError

HELD_OUT, INFO, CARD, KIND = "held_out.json", "dataset_info.json", "README.md", "kg-qa"
FILES = JSONL, PARQUET = ("jsonl", "parquet")
_COUNTED = ("split", "family", "hops", "form", "lang", "difficulty")
_compute: Any = pyarrow.compute


class _PartFiles:
    """The files of one part, opened when its first item comes."""

    def __init__(self, folder: Path, part: str, kinds: tuple[str, ...]) -> None:
        self._folder, self._part, self._kinds = folder, part, kinds
        self._lines: Any = None
        self._columns: pyarrow.parquet.ParquetWriter | None = None
        self.count = 0

    def write(self, table: pyarrow.Table) -> None:
        if not len(table):
            return
        self.count += len(table)
        if JSONL in self._kinds:
            self._lines = self._lines or (self._folder / f"{self._part}.{JSONL}").open("wb")
            frame = polars.from_arrow(table)
            assert isinstance(frame, polars.DataFrame)
            frame.write_ndjson(self._lines)
        if PARQUET in self._kinds:
            place = self._folder / f"{self._part}.{PARQUET}"
            self._columns = self._columns or pyarrow.parquet.ParquetWriter(place, table.schema)
            self._columns.write_table(table)

    def close(self) -> None:
        for one in (self._lines, self._columns):
            if one is not None:
                one.close()


def finished_summary(folder: Path, made_from: dict[str, Any]) -> dict[str, Any] | None:
    """Give the summary of a folder that was made from just this, else None."""
    try:
        manifest = read_manifest(folder, "QA dataset", "kg qa")
    except ArtifactError:
        return None
    if manifest.get("kind") != KIND or manifest.get("config") != plain(made_from):
        return None
    summary: dict[str, Any] = manifest["summary"]
    files = (folder / f"{part}.{kind}" for part in summary["split"] for kind in manifest["files"])
    return summary if all(path.is_file() for path in files) else None


def check_place(folder: Path, force: bool) -> None:
    """Refuse to replace anything but a dataset of ours, and that only when asked to.

    :raises KGError: the place is a file, holds something else, or holds a dataset and `force` is False.
    """
    if folder.exists() and not folder.is_dir():
        raise KGError(f"{folder} is a file; --out takes a folder, which is made")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        ours = read_manifest(folder, "QA dataset", "kg qa").get("kind") == KIND
    except ArtifactError:
        ours = False
    if not ours:
        raise KGError(f"{folder} holds something else than a QA dataset; give another --out")
    if not force:
        raise KGError(
            f"{folder} holds a dataset made from something else; give another --out, or --force to replace it"
        )


def write_dataset(
    folder: Path,
    builder: QABuilder,
    count: int,
    made_from: dict[str, Any],
    shape: str = "alpaca",
    files: tuple[str, ...] = FILES,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Build items and write them.

    :param folder: the dataset's folder; what is there is replaced (see :func:`check_place`).
    :param builder: gives the items.
    :param count: how many to ask for.
    :param made_from: all that the dataset depends on.
    :param shape: one of `formats.FORMATS`.
    :param files: kinds of files, of `FILES`.
    :param progress: called with the number of items written.
    :returns: the summary: items in all, by part, family and so on.
    :raises KGError: the place can't be written.
    """
    check_format(shape)
    found: dict[str, Counter[str]] = {key: Counter() for key in _COUNTED}
    with replaced_folder(folder) as temporary:
        parts = {part: _PartFiles(temporary, part, files) for part in PARTS}
        try:
            done = 0
            for items in builder.items(count):
                for key, counted in found.items():
                    for value in _compute.value_counts(items[key]).to_pylist():
                        counted[str(value["values"])] += value["counts"]
                table = shaped(items, shape)
                for part, file in parts.items():
                    file.write(table.filter(_compute.equal(items["split"], part)))
                done += len(items)
                progress(done)
        finally:
            for file in parts.values():
                file.close()
        if not done:
            raise KGError(
                "no question of these families counts; raise --max-answers, or ask other families (docs/qa.md)"
            )
        summary = {"count": done, **{key: dict(sorted(one.items())) for key, one in found.items()}}
        there = [part for part in PARTS if parts[part].count]
        _describe(temporary, builder, made_from, summary, there, shape, files)
        write_manifest(
            temporary, {"kind": KIND, "config": made_from, "summary": summary, "format": shape, "files": list(files)}
        )
    return summary


def _describe(
    folder: Path,
    builder: QABuilder,
    made_from: dict[str, Any],
    summary: dict[str, Any],
    parts: list[str],
    shape: str,
    files: tuple[str, ...],
) -> None:
    """Write what is held out, the entry for LLaMA-Factory, and the dataset card."""
    _write_json(folder / HELD_OUT, builder.held_out)
    if JSONL in files:
        _write_json(folder / INFO, {f"kg_qa_{part}": factory_entry(f"{part}.{JSONL}", shape) for part in parts})
    kind = PARQUET if PARQUET in files else JSONL
    card = rendered(
        "qa_card.md.j2",
        summary=summary,
        made_from=made_from,
        parts=parts,
        kind=kind,
        shape=shape,
        held_out=builder.held_out,
    )
    (folder / CARD).write_text(card + "\n", encoding="utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
