"""Finishes a run's folder: Parquet for training, a dataset card, the leak report, the summary, and last the manifest.

`notes.parquet` holds the accepted notes ordered by `idx`, MedSyn's columns first; what is nested is JSON text. A note
that nearly repeats an earlier one names it in `duplicate_of`; it is not dropped. `leak.json` quotes examples, so it is
for the owner of the examples only; the manifest and the card hold just its figures.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.dataset import read_jsonl
from generation.duplicates import DuplicateFinder, distinct_n, folded_words
from generation.examples import ExampleShelf
from generation.overlap import leak_report
from generation.records import MEDSYN_COLUMNS, NoteSummary
from generation.rendering import rendered
from generation.runs import CARD, FINISHED, LEAK, NOTES, PARQUET
from kgengine.artifacts import replaced_file

if TYPE_CHECKING:
    import pyarrow

_ROWS = 1000
_PLAIN = ("lang", "kind", "tries", "seed", "prompt_sha256", "model_sha256")
_NESTED = ("bundle", "overlap", "sampling", "style")


def publish(folder: Path, made_from: dict[str, Any], shelf: ExampleShelf | None = None) -> dict[str, Any]:
    """Finish a folder whose notes are all written.

    :param folder: the run's folder.
    :param made_from: what the notes depend on.
    :param shelf: the examples; the leak report needs the user's among them, and one held out that is not shown too.
    :returns: the summary that the manifest holds.
    """
    accepted, summary, sets = _survey(folder / NOTES)
    with replaced_file(folder / PARQUET) as temporary:
        copies = _write_parquet(folder / NOTES, temporary, accepted)
    texts = [record["response"] for record in _picked(folder / NOTES, accepted)]
    found: dict[str, Any] = {
        **summary.to_json(),
        "duplicates": copies,
        "distinct": {str(n): round(distinct_n(texts, n), 4) for n in (1, 2, 3)},
        "symptom_sets": {code: len(one) for code, one in sorted(sets.items())},
    }
    if shelf is not None and texts and _comparable(shelf):
        found["leak"] = _leaks(folder, accepted, shelf)
    with replaced_file(folder / CARD) as temporary:
        temporary.write_text(_card(made_from, found), encoding="utf-8")
    versions = {name: version(name) for name in ("kg", "llama-cpp-python", "pyarrow", "torch")}
    manifest = {"config": made_from, "summary": found, "versions": versions}
    with replaced_file(folder / FINISHED) as temporary:
        temporary.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return found


def _survey(path: Path) -> tuple[dict[str, int], NoteSummary, dict[str, set[frozenset[str]]]]:
    """Read the notes once: place of each accepted one by `idx` in order, counts, and the symptom sets of each code."""
    places: dict[str, int] = {}
    summary, sets = NoteSummary(), defaultdict[str, set[frozenset[str]]](set)
    for place, record in _with_places(path):
        summary.add(record)
        if record["verdict"] == "accepted":
            places[record["idx"]] = place
            sets[record["ICD-10"]].add(frozenset(one["id"] for one in record["bundle"]["symptoms"]))
    return dict(sorted(places.items())), summary, sets


def _with_places(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    place = 0
    with path.open("rb") as handle:
        for line in handle:
            yield place, json.loads(line)
            place += len(line)


def _picked(path: Path, places: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Read the notes at the given places, in the order of `places`."""
    with path.open("rb") as handle:
        for place in places.values():
            handle.seek(place)
            yield json.loads(handle.readline())


def _write_parquet(source: Path, target: Path, places: dict[str, int]) -> int:
    """Write the accepted notes; give how many nearly repeat an earlier one."""
    import pyarrow
    import pyarrow.parquet

    finder, copies, rows = DuplicateFinder(), 0, list[dict[str, Any]]()
    with pyarrow.parquet.ParquetWriter(target, _schema(pyarrow)) as writer:
        for record in _picked(source, places):
            original = finder.find(record["idx"], record["response"])
            copies += original is not None
            rows.append(_row(record) | {"duplicate_of": original})
            if len(rows) == _ROWS:
                writer.write_table(pyarrow.Table.from_pylist(rows, _schema(pyarrow)))
                rows.clear()
        if rows:
            writer.write_table(pyarrow.Table.from_pylist(rows, _schema(pyarrow)))
    return copies


def _row(record: dict[str, Any]) -> dict[str, Any]:
    nested = {key: json.dumps(record[key], ensure_ascii=False) for key in _NESTED}
    return {key: record[key] for key in (*MEDSYN_COLUMNS, *_PLAIN)} | nested


def _schema(arrow: Any) -> "pyarrow.Schema":
    text, texts, whole = arrow.string(), arrow.list_(arrow.string()), arrow.int64()
    kinds = dict.fromkeys((*MEDSYN_COLUMNS, *_PLAIN, *_NESTED, "duplicate_of"), text)
    kinds |= {"prior": texts, "example": texts, "example source": texts, "tries": whole, "seed": whole}
    return arrow.schema(list(kinds.items()))


def _comparable(shelf: ExampleShelf) -> bool:
    """Tell whether a note is held out whose words are not those of one shown as well."""
    shown = [folded_words(note.text) for note in shelf.shown]
    return bool(shown) and any(folded_words(note.text) not in shown for note in shelf.held_out)


def _leaks(folder: Path, places: dict[str, int], shelf: ExampleShelf) -> dict[str, Any]:
    """Compare the notes with the user's examples, shown and held out; the whole goes to its file, the figures back."""
    notes = [(record["idx"], record["response"]) for record in _picked(folder / NOTES, places)]
    report = leak_report(
        notes,
        [(note.id, note.text) for note in shelf.shown],
        [(note.id, note.text) for note in shelf.held_out],
    )
    with replaced_file(folder / LEAK) as temporary:
        temporary.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return {key: value for key, value in report.items() if key != "worst"}


def _card(made_from: dict[str, Any], summary: dict[str, Any]) -> str:
    """Write the dataset card, in the form that dataset hubs read."""
    model = (made_from.get("runtime") or {}).get("model", "none: worded from templates")
    return rendered("card.md.j2", summary=summary, made_from=made_from, config=made_from["config"], model=model) + "\n"


def accepted_notes(folder: Path, most: int) -> list[dict[str, Any]]:
    """Give the first accepted notes of a folder, as they were written."""
    found: list[dict[str, Any]] = []
    for record in read_jsonl(folder / NOTES):
        if len(found) == most:
            break
        if record["verdict"] == "accepted":
            found.append(record)
    return found
