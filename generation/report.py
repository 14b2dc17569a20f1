"""Says on one HTML page what a folder of generated notes holds: counts, distributions, provenance, a sample to read.

The page is the same for the same notes, whatever their order; it names no address and runs no script. What a note says
is shown as text, never as markup; what was copied from a user's example, and what a leak report quotes, is not shown.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from generation.overlap import LARGEST_SHARE, LONGEST_RUN
from generation.rendering import rendered
from generation.report_counts import SHARES, VERDICTS, WRONG, CheckedNote, Counts, NoteCounts, count_notes, why
from generation.runs import FINISHED, NOTES, STARTED
from generation.verification import MISSING
from kgengine.artifacts import replaced_file
from kgengine.errors import KGError

LEAK, PAGE = "leak.json", "report.html"
TOP, SAMPLE = 30, 20
"""Rows of a table, and notes of either verdict that are shown."""
_BARS = 24
_MAIN = re.compile(r"(seed|count|graph|prompt_sha256|examples_sha256|runtime\.(model|sha256)|versions\..*)$")
"""What a reader looks for first among a run's settings."""
_WITHHELD = "[Too near to an example of the user's, so not shown here.]"


def write_report(folder: Path, out: Path | None = None) -> tuple[Path, str]:
    """Write the page about a folder of notes.

    :param folder: holds `notes.jsonl`; `manifest.json` or else `run.json`, and `leak.json` are used if they are there.
    :param out: where to write; `report.html` in the folder by default.
    :returns: where the page is, and one line of figures.
    :raises KGError: the notes are missing, empty or damaged, another file is damaged, or the place can't be written.
    """
    target = out or folder / PAGE
    used = [folder / name for name in (NOTES, FINISHED, STARTED, LEAK)]
    if target.resolve() in [path.resolve() for path in used]:
        raise KGError(f"{target} is what the report is made from; give another --out")
    counts = count_notes(folder / NOTES)
    page = _page(folder, counts)
    with replaced_file(target) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    total = counts.summary
    return target, (
        f"{counts.items:,} notes: {total.accepted:,} accepted, {total.rejected:,} rejected, of {total.texts:,} texts; "
        f"{len(counts.codes):,} codes, {len(counts.symptoms):,} symptoms, distinct-2 {counts.distinct.shares()[2]:.3f}"
    )


def _page(folder: Path, counts: NoteCounts) -> str:
    manifest = _json(folder / FINISHED)
    made = manifest or _json(folder / STARTED) or {}
    leak = _json(folder / LEAK)
    try:
        figures = None if leak is None else _leak(leak)
    except WRONG as error:
        raise KGError(f"{folder / LEAK} is no leak report: {why(error)}; delete it or make it again") from error
    symptoms, duplicates = _ranked(counts.symptoms), (_summary(manifest) or {}).get("duplicates")
    stated = list(_flat({key: value for key, value in made.items() if key != "summary"}))
    return rendered(
        "report.html.j2",
        name=folder.resolve().name,
        counts=counts,
        summary=counts.summary,
        state=_state(counts, manifest, made),
        top=TOP,
        codes=sorted(counts.codes, key=lambda code: (-counts.codes[code].total(), code)),
        symptoms=symptoms,
        shown_symptoms=[(counts.names[symptom], number) for symptom, number in symptoms[:TOP]],
        duplicates=duplicates if isinstance(duplicates, int) else None,
        reasons=_ranked(counts.summary.reasons)[:TOP],
        plots=_plots(counts),
        limits=(LONGEST_RUN, LARGEST_SHARE),
        origin={key: _ranked(found)[:5] for key, found in counts.origin.items()},
        made=stated,
        main=[pair for pair in stated if _MAIN.match(pair[0])],
        leak=figures,
        samples=[list(_sample(folder / NOTES, counts.places[verdict])) for verdict in (True, False)],
    )


def _json(path: Path) -> dict[str, Any] | None:
    """Read an object, None when the file is missing."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise KGError(f"{path} can't be read ({error}); delete it or make it again") from error
    if not isinstance(found, dict):
        raise KGError(f"{path} holds no JSON object; delete it or make it again")
    return found


def _state(counts: NoteCounts, manifest: dict[str, Any] | None, made: dict[str, Any]) -> list[str]:
    """Say what the reader must know of the run: that it isn't finished, or that its manifest is of other notes."""
    config, summary = made.get("config"), _summary(manifest)
    wanted = config.get("count") if isinstance(config, dict) else None
    if summary is None:
        of = f" of {wanted:,}" if isinstance(wanted, int) else ""
        return [f"The run is not finished: {counts.items:,}{of} notes are written, and the folder has no summary yet."]
    stated = [summary.get("accepted"), summary.get("rejected")]
    if stated != [counts.summary.accepted, counts.summary.rejected]:
        return [
            f"The manifest counts {stated[0]} accepted and {stated[1]} rejected notes, but the file holds others; "
            "all figures here are of the file."
        ]
    return []


def _summary(manifest: dict[str, Any] | None) -> dict[str, Any] | None:
    found = (manifest or {}).get("summary")
    return found if isinstance(found, dict) else None


def _ranked(found: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Give what is nested as pairs of a dotted name and a text."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield name.removeprefix("config."), shown if len(shown) <= 300 else shown[:299] + "…"


# -- plots -------------------------------------------------------------------------------------------------------------


def _plots(counts: NoteCounts) -> dict[str, dict[str, Any]]:
    """Give the histograms, ready to be drawn."""

    def share(first: int, width: int) -> str:
        return f"≤{100 * first // SHARES} %" if first else "0 %"

    found, run, most = counts.plots, (0, LONGEST_RUN + 2), round(LARGEST_SHARE * SHARES)
    return {
        "lengths": histogram(found["lengths"], VERDICTS),
        "tries": histogram(found["tries"], VERDICTS),
        "runs": histogram(found["runs"], VERDICTS, reach=run, limit=LONGEST_RUN),
        "shares": histogram(found["shares"], VERDICTS, reach=(0, SHARES), limit=most, label=share),
        "ages": histogram(found["ages"], sorted(found["ages"])),
    }


def _range(first: int, width: int) -> str:
    return str(first) if width == 1 else f"{first}–{first + width - 1}"


def histogram(
    series: Mapping[str, Counts],
    names: Iterable[str],
    reach: tuple[int, int] | None = None,
    limit: int | None = None,
    label: Callable[[int, int], str] = _range,
) -> dict[str, Any]:
    """Lay out a stacked histogram of whole numbers in at most 24 bars.

    :param series: by name, how often each number occurs; at least one number in all.
    :param names: which series, from the bottom up.
    :param reach: numbers that the axis shows at least.
    :param limit: the largest number that is still allowed.
    :param label: words a bar from its first number and its width.
    :returns: `series` (names that occur), `bars` (label, counts), `top` and `ticks` of the axis of counts, `limit` as a
        share of the width (or None), and `words`: range and median, for who can't see it.
    """
    shown = [name for name in names if series.get(name)]
    total: Counts = sum((series[name] for name in shown), Counts())
    low, high = min([*total, *(reach or ())]), max([*total, *(reach or ())])
    width = next(w for w in _round_numbers() if high // w - low // w < _BARS)
    low = low if width == 1 else low - low % width
    bars = []
    for first in range(low, high + 1, width):
        held = range(first, first + width)
        bars.append((label(first, width), [sum(series[name][value] for value in held) for name in shown]))
    peak = max(sum(parts) for _, parts in bars)
    step = next(s for s in _round_numbers() if s * 4 >= peak)
    top = -(-peak // step) * step
    words = f"{total.total():,} notes, from {label(min(total), 1)} to {label(max(total), 1)}"
    words += f", median {label(_median(total), 1)}"
    place = None if limit is None else (limit + 1 - low) / (len(bars) * width)
    ticks = range(0, top + 1, step)
    return {"series": shown, "bars": bars, "top": top, "ticks": ticks, "limit": place, "words": words}


def _round_numbers() -> Iterator[int]:
    """Give 1, 2, 5, 10, 20, 50 and so on."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _median(counts: Counts) -> int:
    """Give the least number that half of all numbers do not exceed."""
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if 2 * seen >= counts.total():
            return value
    raise ValueError("no numbers")


# -- notes to read -----------------------------------------------------------------------------------------------------


def _sample(path: Path, places: list[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """Read up to `SAMPLE` notes, evenly spaced in the order of their ids."""
    ordered, number = sorted(places), min(SAMPLE, len(places))
    with path.open("rb") as lines:
        for turn in range(number):
            lines.seek(ordered[turn * len(ordered) // number][1])
            note = CheckedNote.of(json.loads(lines.readline()))
            if note.withheld:
                note = note._replace(text=_WITHHELD, problems=[one for one in note.problems if one.reason == MISSING])
            faults = [(one.span, one.reason) for one in note.problems if one.span]
            marks = [*_found(note.text, note.symptoms, "symptom"), *_found(note.text, note.drugs, "drug")]
            yield {"note": note, "segments": list(segments(note.text, marks if note.accepted else faults))}


def _found(text: str, facts: Mapping[str, str], kind: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Find the names of facts in a text, whatever the endings of longer words; other wordings are not found."""
    for name in facts.values():
        stems = [re.escape(word[:-2] if len(word) > 4 else word) for word in re.findall(r"\w+", name)]
        pattern = r"\W{1,3}".join(rf"{stem}\w{{0,3}}" for stem in stems)
        if stems:
            yield from ((match.span(), kind) for match in re.finditer(rf"\b{pattern}\b", text, re.IGNORECASE))


def segments(
    text: str, spans: Iterable[tuple[tuple[int, int], str]]
) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Cut a text into pieces, each with the labels of the spans over it, and of those of them that end with it.

    :param text: the text.
    :param spans: (start, end) in characters, within the text, and label; spans may overlap.
    """
    marks = sorted(set(spans))
    cuts = sorted({0, len(text), *(place for span, _ in marks for place in span)})
    for start, end in pairwise(cuts):
        over = [(span, label) for span, label in marks if span[0] <= start and end <= span[1]]
        ended = dict.fromkeys(label for span, label in over if span[1] == end)
        yield text[start:end], tuple(dict.fromkeys(label for _, label in over)), tuple(ended)


def _leak(report: dict[str, Any]) -> dict[str, Any]:
    """Check a leak report, and leave out the words that it quotes from examples."""
    low, high = map(float, report["interval"])
    quantiles = [(float(q), float(value), float(report["to_held_out"][q])) for q, value in report["to_example"].items()]
    worst = [(str(one["note"]), str(one["source"]), int(one["words"]), float(one["share"])) for one in report["worst"]]
    return {
        **{key: int(report[key]) for key in ("notes", "pool", "too_near")},
        **{"nearer": float(report["nearer_to_example"]), "low": low, "high": high},
        **{"quantiles": quantiles, "worst": worst},
    }
