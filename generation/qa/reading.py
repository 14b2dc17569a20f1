"""Reads the items of a QA dataset, in whichever format and kind of file, with their question and reply beside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generation.dataset import read_jsonl
from generation.qa.dataset import KIND, PARQUET
from generation.qa.formats import check_format
from kgengine.artifacts import read_manifest
from kgengine.errors import ArtifactError, KGError

Item = dict[str, Any]
_TURNS = {"sharegpt": ("conversations", "value"), "openai": ("messages", "content")}
_ROWS = 5_000


def dataset_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a dataset.

    :raises ArtifactError: the folder holds none of ours.
    """
    manifest = read_manifest(folder, "QA dataset", "kg qa")
    if manifest.get("kind") != KIND:
        raise ArtifactError(f"{folder} holds no QA dataset; give a folder that 'kg qa' made")
    check_format(str(manifest.get("format")))
    return manifest


def items_of(path: Path, shape: str) -> Iterator[Item]:
    """Read a file's items one after another.

    :param path: JSONL or Parquet.
    :param shape: the dataset's format.
    :returns: each record, with `question` and `reply`.
    :raises KGError: the file is damaged, or a record is no item of the format.
    """
    records = _parquet(path) if path.suffix == f".{PARQUET}" else read_jsonl(path)
    for number, record in enumerate(records, 1):
        try:
            yield record | dict(zip(("question", "reply"), _texts(record, shape), strict=True))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise KGError(f"{path}, item {number} is no item of a {shape} dataset; make it again with kg qa") from error


def _texts(record: Item, shape: str) -> tuple[str, str]:
    if shape == "alpaca":
        return "\n".join(text for text in (record["instruction"], record["input"]) if text), str(record["output"])
    column, said = _TURNS[shape]
    asks, replies = record[column]
    return str(asks[said]), str(replies[said])


def _parquet(path: Path) -> Iterator[Item]:
    import pyarrow
    import pyarrow.parquet

    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(_ROWS):
            yield from batch.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        problem = str(error).splitlines()[0]
        raise KGError(f"{path} is damaged ({problem}); make the dataset again with kg qa") from error
