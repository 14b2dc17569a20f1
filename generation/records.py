"""A note as plain data: one line of the dataset, MedSyn's columns first; and counts over notes.

MedSyn-synthetic (Kumichev et al. 2024, arXiv 2408.02056) has the columns idx to anamnesis; `prior` are the symptoms
that the MKG gave. Text of a user's example is left out unless asked for, also where a rejected note repeats it: a
dataset may be passed on, the examples not.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from generation.examples import EXEMPLAR
from generation.notes import TEMPLATE, Note, NoteWriter
from generation.review import COPIED
from generation.verification import MISSING
from kgengine.bundles import bundle_record

MASKED = "[masked]"
MEDSYN_COLUMNS = (
    "idx",
    "ICD-10",
    "generation_model",
    "prompt",
    "prior",
    "example",
    "example source",
    "response",
    "symptoms",
    "anamnesis",
)


def note_id(index: int) -> str:
    """Give the `idx` of an item of a run."""
    return f"note-{index:06d}"


def note_record(writer: NoteWriter, note: Note, show_examples: bool = False) -> dict[str, Any]:
    """Give a note as plain data.

    :param writer: what wrote it.
    :param note: the note.
    :param show_examples: True to keep the text of the user's examples.
    """
    graph, config, runtime = writer.graph, writer.config, writer.runtime
    description = {} if runtime is None else runtime.description
    problems = [problem.to_json() for problem in note.verdict.problems]
    text = note.text
    if not show_examples and COPIED in note.verdict.reasons:
        problems = [one | {"text": MASKED} if one["reason"] != MISSING else one for one in problems]
        text = MASKED
    shown = [one.text if show_examples or one.source == EXEMPLAR else MASKED for one in note.examples]
    symptoms, anamnesis = writer.kind.columns(text, config.lang)
    return {
        "idx": note_id(note.bundle.index),
        "ICD-10": graph.id(note.bundle.disease).removeprefix("ICD10:"),
        "generation_model": description.get("model", TEMPLATE),
        "prompt": note.prompt,
        "prior": [graph.name(fact.node, config.lang) for fact in note.bundle.symptoms],
        "example": shown,
        "example source": [f"{one.source}: {one.id}" for one in note.examples],
        "response": text,
        "symptoms": symptoms,
        "anamnesis": anamnesis,
        "lang": config.lang,
        "kind": config.kind,
        "verdict": "accepted" if note.verdict.accepted else "rejected",
        "problems": problems,
        "tries": note.tries,
        "failures": [list(reasons) for reasons in note.failures],
        "overlap": note.overlap.to_json() if show_examples or not note.overlap.source else _masked(note),
        "seed": note.seed,
        "bundle": bundle_record(graph, note.bundle, config.lang),
        "prompt_sha256": writer.prompt_hash,
        "model_sha256": description.get("sha256"),
        "sampling": None if runtime is None else config.sampling.to_json(),
        "style": asdict(config.style),
    }


def _masked(note: Note) -> dict[str, Any]:
    """Give the overlap without the shared words, which may be an example's."""
    return note.overlap.to_json() | {"span": MASKED}


@dataclass
class NoteSummary:
    """Counts over notes: accepted, rejected, texts begun and written, and why texts were thrown away or mended."""

    accepted: int = 0
    rejected: int = 0
    tries: int = 0
    texts: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Give the counts as plain data."""
        return {**asdict(self), "reasons": dict(self.reasons.most_common())}

    def add(self, record: dict[str, Any]) -> None:
        """Count one record (see :func:`note_record`)."""
        accepted = record["verdict"] == "accepted"
        self.accepted += accepted
        self.rejected += not accepted
        self.tries += record["tries"]
        self.texts += len(record["failures"]) + accepted
        for reasons in record["failures"]:
            self.reasons.update(reasons)
