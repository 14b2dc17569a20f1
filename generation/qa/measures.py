"""Sums up what models answered to QA items, and compares models that answered the same items.

F1 is that of sets: the F1 of each item's set of answers, then the mean over items. Intervals are bootstrap percentiles
over items. No reply is read here (see `generation.qa.replies`).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from generation.dataset import read_jsonl
from generation.qa.families import CHOICE, FORMS, NEGATIVE, YES_NO
from generation.qa.items import DIFFICULTIES, LETTERS
from generation.utility.measures import interval, paired_interval
from kgengine.errors import ArtifactError, KGError
from kgengine.schema import LANGUAGES

PREDICTIONS, RESULTS = "predictions.jsonl", "eval.json"
GROUPED = ("hops", "form", "lang", "difficulty")
_DIFFERING = ("f1", "exact")
MEASURE = "set F1: precision, recall and F1 of each item's set of answers, then the mean over items (macro)"
CHANCE = {YES_NO: 1 / 2, CHOICE: 1 / len(LETTERS), NEGATIVE: 1 / len(LETTERS)}
"""Exact matches of a guess."""
Record = dict[str, Any]


def summarise(records: Sequence[Record], config: dict[str, Any]) -> dict[str, Any]:
    """Give the measures of all predictions and of each hop count, form, language and difficulty.

    :param records: lines of `predictions.jsonl`, at least one.
    :param config: `resamples` and `seed` of the bootstrap.
    """
    groups: dict[str, dict[str, Any]] = {by: {} for by in GROUPED}
    for by, value, places in _groups(records):
        if by in groups:
            chance = {} if _chance(by, value) is None else {"chance": _chance(by, value)}
            groups[by][value] = {**_measures([records[one] for one in places], config), **chance}
    return {"measure": MEASURE, "all": _measures(records, config), "by": groups}


def compare(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Set evaluations of the same items side by side; the first is what the others are measured by.

    :param folders: what `generation.qa.evaluation.evaluate` wrote, two or more.
    :returns: one row for all items and one for each hop count, form and so on: `by`, `value`, `items`, `chance` (None
        where there is none), and `runs`, one a folder: name, model, LoRA's hash, the measures of `eval.json`, and
        `f1_difference` and `exact_difference` from the first folder with paired intervals, None for the first.
    :raises KGError: a folder holds no evaluation, or one of other items.
    """
    if len(folders) < 2:
        raise KGError(f"{len(folders)} evaluations to compare; give two folders or more")
    results = [_results(folder) for folder in folders]
    first, base = results[0]
    for folder, (result, records) in zip(folders[1:], results[1:], strict=True):
        keys = sorted({*first, *result} - {"runtime"})
        unlike = [key for key in keys if result.get(key) != first.get(key)]
        if unlike or [one["id"] for one in records] != [one["id"] for one in base]:
            what = ", ".join(unlike) or "its predictions"
            raise KGError(f"{folder} differs from {folders[0]} in {what}; compare evaluations of the same items")
    rows = []
    for by, value, places in _groups(base):
        sides = [[records[place] for place in places] for _, records in results]
        runs = []
        for folder, (one, _), side in zip(folders, results, sides, strict=True):
            who = {
                "name": folder.name,
                "model": one["runtime"]["model"],
                "lora_sha256": one["runtime"].get("lora_sha256"),
            }
            differences = _differences(side, None if side is sides[0] else sides[0], one)
            runs.append({**who, **_measures(side, one), **differences})
        rows.append({"by": by, "value": value, "items": len(places), "chance": _chance(by, value), "runs": runs})
    return rows


def _groups(records: Sequence[Record]) -> Iterator[tuple[str, str, list[int]]]:
    """Give what all records and each group of them are called, and the places of its records."""
    yield "all", "", list(range(len(records)))
    order = [*map(str, range(10)), *FORMS, *LANGUAGES, *DIFFICULTIES]
    for by in GROUPED:
        for value in sorted({str(record[by]) for record in records}, key=order.index):
            yield by, value, [place for place, record in enumerate(records) if str(record[by]) == value]


def _chance(by: str, value: str) -> float | None:
    return CHANCE.get(value) if by == "form" else None


def _measures(records: Sequence[Record], config: dict[str, Any]) -> dict[str, Any]:
    """Give the means of records, and 95% bootstrap intervals of F1 and of exact matches."""
    measures: dict[str, Any] = {"items": len(records)}
    for key in ("precision", "recall", "f1", "exact"):
        values = np.array([record[key] for record in records], float)
        measures[key] = float(values.mean())
        if key in _DIFFERING:
            measures[f"{key}_interval"] = list(interval(values, config["resamples"], config["seed"]))
    return measures | {"cut_off": 1 - float(np.mean([record["finished"] for record in records]))}


def _differences(records: Sequence[Record], base: Sequence[Record] | None, config: dict[str, Any]) -> dict[str, Any]:
    """Give the differences of means from another model's records of the same items, with paired intervals."""
    found: dict[str, Any] = {}
    for key in _DIFFERING:
        found[f"{key}_difference"] = found[f"{key}_difference_interval"] = None
        if base is not None:
            ours, theirs = (np.array([one[key] for one in side], float) for side in (records, base))
            found[f"{key}_difference"] = float(np.mean(ours - theirs))
            ends = paired_interval(ours, theirs, config["resamples"], config["seed"])
            found[f"{key}_difference_interval"] = list(ends)
    return found


def _results(folder: Path) -> tuple[dict[str, Any], Sequence[Record]]:
    """Read the configuration and the predictions of a whole evaluation."""
    try:
        found = json.loads((folder / RESULTS).read_text(encoding="utf-8"))["config"]
        records = list(read_jsonl(folder / PREDICTIONS))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"no whole evaluation at {folder}; run 'kg qa eval' with --out {folder} first") from error
    return found, records
