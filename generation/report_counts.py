"""Counts the notes of a dataset for its report, line by line, and checks each line.

What stays in memory are counts, and where each note begins in the file. No text is kept.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import count
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from generation.duplicates import folded_words
from generation.examples import EXEMPLAR
from generation.kinds import KINDS
from generation.records import MASKED, NoteSummary
from generation.review import COPIED
from kgengine.errors import KGError

VERDICTS = ACCEPTED, REJECTED = "accepted", "rejected"
SHARES = 20
"""Steps in which shares (0..1) are counted: step k holds what is above (k - 1) / 20, up to k / 20."""
_LARGEST = 10**6
_FACTS = ("symptoms", "drugs")
_ORIGIN = ("lang", "kind", "generation_model", "model_sha256", "prompt_sha256")
WRONG = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
"""What damaged data raises when it is read."""

Counts = Counter[int]


class Problem(NamedTuple):
    """A fault; `span` is where it stands in the text, None when it has no place."""

    reason: str
    text: str
    node: str
    span: tuple[int, int] | None


class CheckedNote(NamedTuple):
    """A line of the dataset, checked, as far as the page shows it.

    `words` and `share` are of the overlap with the nearest example; `withheld` is True when the text is a copy of an
    example that was masked, so of a user's; `origin` is what the line says of graph, model and prompt.
    """

    idx: str
    code: str
    disease: str
    lang: str
    text: str
    accepted: bool
    tries: int
    age: int
    sex: str
    words: int
    share: float
    withheld: bool
    symptoms: dict[str, str]
    drugs: dict[str, str]
    problems: list[Problem]
    origin: dict[str, str]

    @classmethod
    def of(cls, record: dict[str, Any]) -> "CheckedNote":
        """Check a line (see `generation.records.note_record`); whatever is wrong raises one of `WRONG`."""
        bundle, overlap, text = record["bundle"], record["overlap"], _text(record["response"])
        if record["verdict"] not in (ACCEPTED, REJECTED):
            raise ValueError(f"the verdict is {record['verdict']!r:.40}")
        if not 0 <= overlap["share"] <= 1:
            raise ValueError(f"a share of {overlap['share']}")
        symptoms, drugs = ({_text(one["id"]): _text(one["name"]) for one in bundle[key]} for key in _FACTS)
        shown = [_text(one) for one in record["example source"]]
        ours = [one.removeprefix(f"{EXEMPLAR}: ") for one in shown if one.startswith(f"{EXEMPLAR}: ")]
        kind = KINDS.get(str(record.get("kind")))
        problems = [_problem(one, len(text)) for one in record["problems"]]
        origin = {key: str(record.get(key)) for key in _ORIGIN} | {"graph": str(bundle.get("graph"))}
        return cls(
            idx=_text(record["idx"]),
            code=_text(record["ICD-10"]),
            disease=_text(bundle["disease"]["name"]),
            lang=_text(record["lang"]),
            text=text,
            accepted=record["verdict"] == ACCEPTED,
            tries=_whole(record["tries"]),
            age=_whole(bundle["age"]),
            sex=_text(bundle["sex"]),
            words=_whole(overlap["words"]),
            share=float(overlap["share"]),
            withheld=overlap["span"] == MASKED
            and any(one.reason == COPIED and one.node not in ours for one in problems),
            symptoms=symptoms,
            drugs=drugs if kind is None or kind.drugs else {},
            problems=problems,
            origin=origin,
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} stands where a text is expected")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{value!r:.40} is no whole number from 0 to {_LARGEST}")
    return value


def _problem(record: dict[str, Any], length: int) -> Problem:
    first, last = record.get("span") or (0, 0)
    span = (_whole(first), min(_whole(last), length))
    shown = span if span[0] < span[1] else None
    return Problem(_text(record["reason"]), _text(record.get("text", "")), _text(record.get("node", "")), shown)


class DistinctCount:
    """Share of distinct n-grams, text by text; as `generation.duplicates.distinct_n`, with n-grams as numbers."""

    def __init__(self) -> None:
        self._codes = defaultdict[str, int](count().__next__)
        self._seen: dict[int, set[int]] = {1: set(), 2: set(), 3: set()}
        self._total = Counter[int]()

    def add(self, words: list[str]) -> None:
        """Count the n-grams of a text's folded words."""
        codes = [self._codes[word] for word in words]
        for n, seen in self._seen.items():
            grams = [sum(code << 32 * place for place, code in enumerate(run)) for run in _runs(codes, n)]
            seen.update(grams)
            self._total[n] += len(grams)

    def shares(self) -> dict[int, float]:
        """Give the share (0..1) for each n."""
        return {n: len(seen) / max(self._total[n], 1) for n, seen in self._seen.items()}


def _runs(codes: list[int], n: int) -> Iterator[tuple[int, ...]]:
    return zip(*(codes[start:] for start in range(n)), strict=False)


class NoteCounts:
    """All that the page counts of notes. Plots count by verdict or sex; symptoms and variety are of accepted notes."""

    def __init__(self) -> None:
        self.summary = NoteSummary()
        self.codes = defaultdict[str, Counter[bool]](Counter)
        self.diseases: dict[str, str] = {}
        self.sets = defaultdict[str, set[frozenset[str]]](set)
        self.symptoms: Counter[str] = Counter()
        self.names: dict[str, str] = {}
        self.plots = defaultdict[str, dict[str, Counts]](lambda: defaultdict(Counter))
        self.origin = defaultdict[str, Counter[str]](Counter)
        self.distinct = DistinctCount()
        self.places: dict[bool, list[tuple[str, int]]] = {True: [], False: []}

    @property
    def items(self) -> int:
        """All notes."""
        return self.summary.accepted + self.summary.rejected

    def add(self, record: dict[str, Any], place: int) -> None:
        """Count one note.

        :param record: a line of the dataset.
        :param place: where the line begins, in bytes.
        """
        note, words = CheckedNote.of(record), folded_words(record["response"])
        self.summary.add(record)
        verdict = ACCEPTED if note.accepted else REJECTED
        values = {"lengths": len(words), "tries": note.tries, "runs": note.words}
        values["shares"] = ceil(round(note.share * SHARES, 9))
        for plot, value in values.items():
            self.plots[plot][verdict][value] += 1
        self.plots["ages"][note.sex][note.age] += 1
        self.codes[note.code][note.accepted] += 1
        self.diseases[note.code] = min(note.disease, self.diseases.get(note.code, note.disease))
        for key, stated in note.origin.items():
            self.origin[key][stated] += 1
        self.places[note.accepted].append((note.idx, place))
        if note.accepted:
            self.symptoms.update(note.symptoms.keys())
            self.names |= {key: min(name, self.names.get(key, name)) for key, name in note.symptoms.items()}
            self.sets[note.code].add(frozenset(note.symptoms))
            self.distinct.add(words)


def count_notes(path: Path) -> NoteCounts:
    """Count a dataset's notes in one pass.

    :param path: the JSONL file.
    :raises KGError: it is missing or empty, or a line is no note.
    """
    if not path.is_file():
        raise KGError(f"no notes at {path}; give the folder that 'kg generate' wrote into")
    counts, place = NoteCounts(), 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                counts.add(json.loads(line.strip()), place)
            except WRONG as error:
                raise KGError(f"{path}, line {number} is no note: {why(error)}; mend or drop the line") from error
            place += len(line)
    if not place:
        raise KGError(f"{path} is empty; let 'kg generate' write at least one note")
    return counts


def why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON ({error.msg} at character {error.pos + 1})"
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
