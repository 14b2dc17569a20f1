"""Words a bundle for a template, and renders prompts and template notes.

Templates are Jinja2 files in `templates/`, one per language: `prompt.*.j2` (blocks system, request,
opening), `wording.*.j2` (notes without a model) and `examples.*.json` (example notes that we wrote). A
prompt's hash covers everything in it that does not depend on the bundle.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from generation.lemmas import check_language
from generation.runtimes.contract import Message
from kgengine.bundles import Bundle
from kgengine.graph import Graph

TEMPLATES = Path(__file__).parent / "templates"


@lru_cache(maxsize=8)
def _template(name: str) -> Template:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=False)
    return environment.get_template(name)


@dataclass(frozen=True)
class Facts:
    """A bundle in the words of one language, as the templates see it; `introduced` begins a sentence."""

    patient: str
    introduced: str
    sex: str
    symptoms: tuple[str, ...]
    accusatives: tuple[str, ...]
    drugs: tuple[str, ...]
    diagnosis: str

    def to_json(self) -> dict[str, Any]:
        """Give the template's variables."""
        return dict(vars(self))


def facts_of(graph: Graph, bundle: Bundle, lang: str, name_diagnosis: bool) -> Facts:
    """Word a bundle.

    :param graph: the graph.
    :param bundle: the facts.
    :param lang: "en" or "ru".
    :param name_diagnosis: True to give the diagnosis away.
    :returns: the wordings.
    """
    symptoms = [graph.wording(fact.node, lang) for fact in bundle.symptoms]
    patient = patient_words(bundle.age, bundle.sex, lang)
    return Facts(
        patient=patient,
        introduced=_introduced(patient, lang),
        sex=bundle.sex,
        symptoms=tuple(wording.phrase for wording in symptoms),
        accusatives=tuple(wording.accusative for wording in symptoms),
        drugs=tuple(graph.wording(fact.node, lang).phrase for fact in bundle.drugs),
        diagnosis=graph.wording(bundle.disease, lang).phrase if name_diagnosis else "",
    )


def patient_words(age: int, sex: str, lang: str) -> str:
    """Word age (years) and sex: "52-year-old woman", "женщина, 52 года"."""
    if lang == "en":
        noun = {"female": ("girl", "woman"), "male": ("boy", "man")}[sex][age >= 18]
        return f"{age}-year-old {noun}"
    noun = {"female": ("девочка", "женщина"), "male": ("мальчик", "мужчина")}[sex][age >= 18]
    if age % 10 == 1 and age % 100 != 11:
        years = "год"
    elif age % 10 in (2, 3, 4) and age % 100 not in (12, 13, 14):
        years = "года"
    else:
        years = "лет"
    return f"{noun}, {age} {years}"


def _introduced(patient: str, lang: str) -> str:
    """Begin a sentence with the patient: "An 81-year-old man", "Мужчина, 81 год"."""
    if lang == "en":
        vowel = patient.startswith("8") or patient.split("-")[0] in ("11", "18")
        return f"{'An' if vowel else 'A'} {patient}"
    return patient[0].upper() + patient[1:]


@dataclass(frozen=True)
class Example:
    """An example note with the facts that it words."""

    facts: Facts
    text: str


class PromptBuilder:
    """Builds the chat for a bundle.

    :param lang: "en" or "ru".
    :param examples: how many of our example notes to show, each as a turn of its own.
    :raises UnknownNameError: the language is unknown.
    """

    def __init__(self, lang: str, examples: int = 3) -> None:
        self.lang = check_language(lang)
        self._template = _template(f"prompt.{lang}.j2")
        self.examples = load_examples(lang)[:examples]

    def _block(self, name: str, facts: Facts) -> str:
        context = self._template.new_context(facts.to_json())
        return "".join(self._template.blocks[name](context)).strip()

    def messages(self, facts: Facts) -> tuple[Message, ...]:
        """Give the chat: system text, the examples as turns, and the request."""
        turns = [Message("system", self._block("system", facts))]
        for example in self.examples:
            turns.append(Message("user", self._block("request", example.facts)))
            turns.append(Message("assistant", example.text))
        return (*turns, Message("user", self._block("request", facts)))

    def opening(self, facts: Facts) -> str:
        """Give the words that the note begins with."""
        return self._block("opening", facts)

    @property
    def hash(self) -> str:
        """SHA-256 over the template and the examples."""
        source = (TEMPLATES / f"prompt.{self.lang}.j2").read_bytes()
        shown = json.dumps([[example.facts.to_json(), example.text] for example in self.examples], ensure_ascii=False)
        return hashlib.sha256(source + shown.encode()).hexdigest()


def load_examples(lang: str) -> list[Example]:
    """Load the example notes of a language."""
    records = json.loads((TEMPLATES / f"examples.{lang}.json").read_text(encoding="utf-8"))
    return [
        Example(
            Facts(
                patient=record["patient"],
                introduced=_introduced(record["patient"], lang),
                sex=record.get("sex", "any"),
                symptoms=tuple(record["symptoms"]),
                accusatives=tuple(record["symptoms"]),
                drugs=tuple(record["drugs"]),
                diagnosis="",
            ),
            record["text"],
        )
        for record in records
    ]


def template_note(facts: Facts, lang: str, rng: np.random.Generator) -> str:
    """Word a note without a model.

    :param facts: the worded bundle.
    :param lang: "en" or "ru".
    :param rng: draws among the wordings.
    :returns: the note, one line.
    """

    def pick(options: Sequence[str]) -> str:
        return options[int(rng.integers(len(options)))]

    return " ".join(_template(f"wording.{lang}.j2").render(**facts.to_json(), pick=pick).split())


def template_hash(lang: str) -> str:
    """SHA-256 of the template that words notes without a model."""
    return hashlib.sha256((TEMPLATES / f"wording.{lang}.j2").read_bytes()).hexdigest()
