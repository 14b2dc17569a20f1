"""Writes one verified note per bundle: word it, verify it, try again with another seed, else reject it.

A rejected item is a note too: it carries its last text and the reasons. Nothing is dropped, nothing that
fails verification is passed, and no file is touched here (see `generation.dataset`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from generation.lemmas import check_language
from generation.prompts import PromptBuilder, facts_of, template_hash, template_note
from generation.runtimes.contract import Request, Runtime, Sampling
from generation.verification import Verdict, Verifier
from kgengine.bundles import Bundle, bundle_record
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.seeding import item_rng, item_seed

TEMPLATE = "template"


@dataclass(frozen=True)
class NoteConfig:
    """How to write.

    :ivar lang: "en" or "ru".
    :ivar tries: texts written for a bundle before it is rejected, at least 1.
    :ivar name_diagnosis: True when the note shall name the diagnosis.
    :ivar sampling: of the model.
    """

    lang: str = "en"
    tries: int = 8
    name_diagnosis: bool = False
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True)
class Note:
    """One written item.

    :ivar bundle: the facts.
    :ivar text: the accepted text, or the last one tried.
    :ivar verdict: of that text.
    :ivar seed: the seed that wrote it.
    :ivar tries: texts written.
    :ivar failures: reasons of every text that was thrown away, one tuple a text.
    """

    bundle: Bundle
    text: str
    verdict: Verdict
    seed: int
    tries: int
    failures: tuple[tuple[str, ...], ...]


class NoteWriter:
    """Writes notes of one graph with one runtime, or without a model.

    :param graph: the graph.
    :param config: how to write.
    :param runtime: the model; None words notes from templates.
    :raises KGError: the language is unknown, or the model does not write it.
    """

    def __init__(self, graph: Graph, config: NoteConfig, runtime: Runtime | None) -> None:
        check_language(config.lang)
        if config.tries < 1:
            raise KGError(f"{config.tries} tries asked for; give at least 1")
        if runtime is not None and config.lang not in runtime.languages:
            known, model = ", ".join(runtime.languages), runtime.description["model"]
            raise KGError(
                f"the model {model} writes {known}, not {config.lang}; give --model a model that does "
                f"(with --model-languages {config.lang}), or word the notes with --template-only"
            )
        self.graph, self.config, self.runtime = graph, config, runtime
        self._verifier = Verifier(graph, config.lang, config.name_diagnosis)
        self._prompts = PromptBuilder(config.lang)

    def write(self, bundles: Iterable[Bundle]) -> Iterator[Note]:
        """Write one note per bundle, in order."""
        for bundle in bundles:
            yield self._write_one(bundle)

    def _write_one(self, bundle: Bundle) -> Note:
        failures: list[tuple[str, ...]] = []
        for attempt in range(self.config.tries):
            seed = item_seed(bundle.seed, "note", attempt)
            text, finished = self._text(bundle, seed)
            verdict = self._verifier.verify(text, bundle, finished)
            if verdict.accepted or attempt == self.config.tries - 1:
                break
            failures.append(verdict.reasons)
        return Note(bundle, text, verdict, seed, attempt + 1, tuple(failures))

    def _text(self, bundle: Bundle, seed: int) -> tuple[str, bool]:
        facts = facts_of(self.graph, bundle, self.config.lang, self.config.name_diagnosis)
        if self.runtime is None:
            return template_note(facts, self.config.lang, item_rng(seed, TEMPLATE, 0)), True
        messages, opening = self._prompts.messages(facts), self._prompts.opening(facts)
        completion = self.runtime.complete(Request(messages, opening, seed, self.config.sampling))
        return completion.text, completion.finished

    @property
    def provenance(self) -> dict[str, Any]:
        """What the notes depend on beside the bundles: graph, wording, model, configuration."""
        runtime = self.runtime
        return {
            "graph": self.graph.hash,
            "prompt_sha256": template_hash(self.config.lang) if runtime is None else self._prompts.hash,
            "runtime": None if runtime is None else runtime.description,
            "config": asdict(self.config),
        }

    def record(self, note: Note) -> dict[str, Any]:
        """Give a note as plain data: one line of the dataset."""
        runtime = self.runtime
        return {
            "id": f"note-{note.bundle.index:06d}",
            "lang": self.config.lang,
            "icd10": self.graph.id(note.bundle.disease).removeprefix("ICD10:"),
            "text": note.text,
            "verdict": "accepted" if note.verdict.accepted else "rejected",
            "problems": [problem.to_json() for problem in note.verdict.problems],
            "tries": note.tries,
            "failures": [list(reasons) for reasons in note.failures],
            "seed": note.seed,
            "bundle": bundle_record(self.graph, note.bundle, self.config.lang),
            "wording": TEMPLATE if runtime is None else "model",
            "prompt_sha256": template_hash(self.config.lang) if runtime is None else self._prompts.hash,
            "model": None if runtime is None else runtime.description["model"],
            "model_sha256": None if runtime is None else runtime.description["sha256"],
            "sampling": None if runtime is None else self.config.sampling.to_json(),
        }


@dataclass
class NoteSummary:
    """Counts over notes: accepted, rejected, texts written, and why texts were thrown away."""

    accepted: int = 0
    rejected: int = 0
    texts: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Give the counts as plain data."""
        return {**asdict(self), "reasons": dict(self.reasons.most_common())}

    def add(self, note: Note) -> None:
        """Count one note."""
        self.accepted += note.verdict.accepted
        self.rejected += not note.verdict.accepted
        self.texts += note.tries
        for reasons in (*note.failures, note.verdict.reasons):
            self.reasons.update(reasons)
