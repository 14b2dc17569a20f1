"""Example notes for the prompt: the user's own, chosen by ICD-10 code, else style exemplars that we wrote.

A user's note has no facts beside it, so those are told that the verifier's own dictionary finds affirmed in it. An
example is data: it is shown to the model and compared with what the model writes, and never copied into a dataset
unless asked for.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generation.kinds import Kind
from generation.mentions import Lexicon
from generation.prompts import Facts, introduction, patient_words
from generation.rendering import TEMPLATES
from generation.sentences import sentence_ends
from generation.statuses import AFFIRMED
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import DRUG, SYMPTOM

EXEMPLAR, OWN = "exemplar", "user"
_CATEGORY = re.compile(r"[A-Z]\d\d")
_HELD_OUT = 0.1
"""Share of the user's notes that are never shown, so that a leak can be told from likeness (docs/privacy.md)."""


@dataclass(frozen=True)
class Example:
    """An example note: its id, "user" or "exemplar", the facts that it words, and its text."""

    id: str
    source: str
    facts: Facts
    text: str


@dataclass(frozen=True)
class OwnNote:
    """A note of the user's: `code` is its ICD-10 code."""

    id: str
    code: str
    text: str


class ExampleShelf:
    """Chooses examples for a kind of note in one language.

    :param graph: the graph, whose names tell what a user's note says.
    :param kind: the kind.
    :param lang: "en" or "ru".
    :param own: notes of the user's; a tenth of them is held out, see `held_out`.
    :param count: examples a prompt.
    """

    def __init__(self, graph: Graph, kind: Kind, lang: str, own: list[OwnNote] | None = None, count: int = 3) -> None:
        self._graph, self._lang, self.count = graph, lang, count
        self.exemplars = load_exemplars(kind, lang)
        kept = sorted(own or [], key=lambda note: note.id)
        places = np.random.default_rng(0).permutation(len(kept))[: round(_HELD_OUT * len(kept))]
        out = set(places.tolist())
        self.held_out = [note for place, note in enumerate(kept) if place in out]
        self.shown = [note for place, note in enumerate(kept) if place not in out]
        self._by_code: dict[str, list[OwnNote]] = defaultdict(list)
        for note in self.shown:
            self._by_code[note.code].append(note)
            if _category(note.code) != note.code:
                self._by_code[_category(note.code)].append(note)
        self._lexicon = Lexicon(graph, lang) if own else None

    @property
    def hash(self) -> str:
        """SHA-256 over all notes that a prompt may show."""
        shown = [(one.id, one.text) for one in self.exemplars] + [(one.id, one.code, one.text) for one in self.shown]
        return hashlib.sha256(json.dumps([self.count, shown], ensure_ascii=False).encode()).hexdigest()

    def choose(self, code: str, rng: np.random.Generator) -> list[Example]:
        """Choose examples: of the code, else of its category (J18 for J18.9), filled up with exemplars before them.

        :param code: ICD-10 code.
        :param rng: draws among the notes of a code.
        :returns: `count` examples (fewer when there are fewer exemplars), the nearest last.
        """
        found = self._by_code.get(code) or self._by_code.get(_category(code)) or []
        picked = [found[place] for place in rng.permutation(len(found))[: self.count].tolist()]
        own = [self._example(note) for note in picked]
        return [*self.exemplars[: self.count - len(own)], *own]

    def _example(self, note: OwnNote) -> Example:
        assert self._lexicon is not None
        names: dict[str, dict[frozenset[int], str]] = {SYMPTOM: {}, DRUG: {}}
        for mention in self._lexicon.find(note.text):
            kind = self._graph.type(min(mention.nodes))
            if mention.status == AFFIRMED and kind in names:
                names[kind].setdefault(mention.nodes, mention.text)
        symptoms = tuple(names[SYMPTOM].values()) or (" ".join(note.text.split()[:3]),)
        facts = Facts("", "", "any", symptoms, (), tuple(names[DRUG].values()))
        return Example(note.id, OWN, facts, note.text)


def _category(code: str) -> str:
    found = _CATEGORY.match(code)
    return found.group() if found else code


def load_exemplars(kind: Kind, lang: str) -> list[Example]:
    """Load the exemplars of a kind and language that we wrote."""
    records = json.loads((TEMPLATES / f"exemplars.{lang}.json").read_text(encoding="utf-8"))
    return [_exemplar(record, kind, lang) for record in records]


def stock_sentences(exemplars: Sequence[Example]) -> list[str]:
    """Give the sentences of exemplars that tell none of their facts, such as "General condition satisfactory"."""
    found = []
    for one in exemplars:
        start = 0
        for end in sentence_ends(one.text):
            sentence = one.text[start:end].strip()
            if not any(name in sentence.casefold() for name in (*one.facts.symptoms, *one.facts.drugs)):
                found.append(sentence)
            start = end
    return found


def _exemplar(record: dict[str, Any], kind: Kind, lang: str) -> Example:
    patient = patient_words(record["age"], record["sex"], lang)
    symptoms = tuple(one["phrase"] for one in record["symptoms"])
    drugs = tuple(one["phrase"] for one in record["drugs"]) if kind.drugs else ()
    facts = Facts(patient, introduction(patient, lang), record["sex"], symptoms, (), drugs)
    return Example(f"exemplar-{record['icd10']}", EXEMPLAR, facts, record[kind.name])


def read_own_notes(path: Path) -> list[OwnNote]:
    """Read a user's notes: JSON lines with `idx`, `code` and a text in `symptoms`, `anamnesis` or `text`.

    :param path: the file (RuMedTop3 has this schema).
    :returns: the notes; parts are joined in that order.
    :raises KGError: the file is missing, or a line lacks something.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise KGError(f"can't read example notes from {path} ({error}); give a JSON lines file in UTF-8") from error
    notes = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            text = "\n".join(record[key] for key in ("symptoms", "anamnesis", "text") if record.get(key))
            notes.append(OwnNote(str(record["idx"]), str(record["code"]), text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            wanted = 'a line is {"idx": ..., "code": "J18", "symptoms": "..."}'
            raise KGError(f"{path}, line {number} is no example note; {wanted}") from error
        if not text.strip():
            raise KGError(f"{path}, line {number} has no text in symptoms, anamnesis or text; add it or drop the line")
    return notes
