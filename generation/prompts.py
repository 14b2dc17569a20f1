"""Words a bundle for a template, and renders prompts and notes without a model.

Templates are Jinja2 files named KIND.LANG.j2, with the blocks system, request, opening, more and wording; a folder
of the user's own replaces any of them. A prompt's hash covers the sources of its templates.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
)

from generation.lemmas import check_language
from generation.rendering import TEMPLATES
from generation.runtimes.contract import Message
from kgengine.bundles import Bundle
from kgengine.errors import KGError
from kgengine.graph import Graph

if TYPE_CHECKING:
    from generation.examples import Example

BLOCKS = ("system", "request", "opening", "more", "wording")
TERSE = "terse"
"""A block that a kind may have beside."""
_WRONG = (TemplateError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What a user's template may raise."""
_OF_ONE_SEX = {
    "en": {"female": r"her|herself|pregnant|female|woman", "male": r"his|himself|male|man"},
    "ru": {
        "female": r"впала|потеряла|стала",
        "male": r"впал|дезориентирован|кашлял|набрал|обезвожен|онемел|ослеп|охрип|оглох|побледнел|порвал|поправился|"
        r"потерял|похудел|прибавил|скован|стал|терял|упал",
    },
}
"""Words by which a name of a symptom is said of one sex alone ("off her food")."""


@dataclass(frozen=True)
class Facts:
    """A bundle in the words of one language, as the templates see it.

    :ivar introduced: begins a sentence with the patient.
    :ivar accusatives: the symptoms after "жалобы на"; empty where only other names of them are known.
    :ivar avoid: what a repair shall leave out.
    :ivar missing: what a repair shall add; all symptoms or, with `missing_drug`, all drugs.
    """

    patient: str
    introduced: str
    sex: str
    symptoms: tuple[str, ...]
    accusatives: tuple[str, ...]
    drugs: tuple[str, ...]
    diagnosis: str = ""
    avoid: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    missing_drug: bool = False

    def variables(self, lang: str, rng: np.random.Generator) -> dict[str, Any]:
        """Give the template's variables: the fields, `she`, and the functions `pick` and `listed`."""

        def pick(options: Sequence[str]) -> str:
            return options[int(rng.integers(len(options)))]

        pronouns = {"en": ("She", "He"), "ru": ("Она", "Он")}[lang]
        return vars(self) | {"she": pronouns[self.sex != "female"], "pick": pick, "listed": partial(_listed, lang=lang)}


def _listed(items: Sequence[str], lang: str) -> str:
    """Join items: "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + {"en": " and ", "ru": " и "}[lang] + items[-1]


def facts_of(
    graph: Graph, bundle: Bundle, lang: str, name_diagnosis: bool = False, varied: np.random.Generator | None = None
) -> Facts:
    """Word a bundle.

    :param graph: the graph.
    :param bundle: the facts.
    :param lang: "en" or "ru".
    :param name_diagnosis: True to give the diagnosis away.
    :param varied: draws each symptom's name among all that suit the patient's sex; None takes the usual one.
    :returns: the wordings.
    """
    symptoms = [graph.wording(fact.node, lang) for fact in bundle.symptoms]
    phrases = tuple(wording.phrase for wording in symptoms)
    if varied is not None:
        other = re.compile(rf"\b(?:{_OF_ONE_SEX[lang]['male' if bundle.sex == 'female' else 'female']})\b")
        synonyms = [[one for one in wording.synonyms if not other.search(one)] for wording in symptoms]
        names = [(wording.phrase, *fitting) for wording, fitting in zip(symptoms, synonyms, strict=True)]
        phrases = tuple(one[int(varied.integers(len(one)))] for one in names)
    patient = patient_words(bundle.age, bundle.sex, lang)
    return Facts(
        patient=patient,
        introduced=introduction(patient, lang),
        sex=bundle.sex,
        symptoms=phrases,
        accusatives=tuple(wording.accusative for wording in symptoms) if varied is None else (),
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


def introduction(patient: str, lang: str) -> str:
    """Begin a sentence with the patient: "An 81-year-old man", "Мужчина, 81 год"."""
    if lang == "en":
        vowel = patient.startswith("8") or patient.split("-")[0] in ("11", "18")
        return f"{'An' if vowel else 'A'} {patient}"
    return patient[0].upper() + patient[1:]


def _sources(environment: Environment, loader: ChoiceLoader, names: list[str]) -> list[str]:
    """Give the sources of templates and of all that they include, each read and found to be a template."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = loader.get_source(environment, name)[0]
            environment.get_template(name)
            included = meta.find_referenced_templates(environment.parse(found[name]))
            waiting += [one for one in included if one is not None]
    return [found[name] for name in sorted(found)]


class Wording:
    """The templates of one kind and language.

    :param kind: name of the kind.
    :param lang: "en" or "ru".
    :param folder: templates of the user's own, which go before ours; None for ours alone.
    :raises UnknownNameError: the language is unknown.
    :raises KGError: the folder holds none of our names, or a template is wrong.
    """

    def __init__(self, kind: str, lang: str, folder: Path | None = None) -> None:
        self.kind, self.lang = kind, check_language(lang)
        ours = {path.name for path in TEMPLATES.glob(f"*.{lang}.j2")}
        folders = [TEMPLATES] if folder is None else [folder, TEMPLATES]
        if folder is not None and not ours & {path.name for path in folder.glob("*.j2")}:
            raise KGError(f"{folder} has no template; name one {kind}.{lang}.j2 (others: {', '.join(sorted(ours))})")
        loader = ChoiceLoader([FileSystemLoader(one) for one in folders])
        environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)
        self._name = f"{kind}.{lang}.j2"
        try:
            self._template = environment.get_template(self._name)
            sources = _sources(environment, loader, [self._name, f"request.{lang}.j2"])
        except TemplateNotFound as error:
            raise KGError(
                f"template {self._name} includes {error.name}, which is not there; see docs/notes.md"
            ) from error
        except TemplateSyntaxError as error:
            place = f"{error.name}, line {error.lineno}"
            raise KGError(f"template {place} is wrong: {error.message}; see docs/notes.md") from error
        except _WRONG as error:
            raise KGError(f"template {self._name} can't be read: {error}; see docs/notes.md") from error
        lacking = [block for block in BLOCKS if block not in self._template.blocks]
        if lacking:
            raise KGError(f"template {self._name} has no block {', '.join(lacking)}; see docs/notes.md")
        self.hash = hashlib.sha256("\0".join(sources).encode()).hexdigest()

    def check_terse(self) -> None:
        """Refuse a kind that has no terse wording.

        :raises KGError: the template has no such block.
        """
        if TERSE not in self._template.blocks:
            raise KGError(f"template {self._name} has no block {TERSE}; drop --terse, or take --kind complaints")

    def block(self, name: str, facts: Facts, rng: np.random.Generator | None = None) -> str:
        """Render one block.

        :raises KGError: it uses a variable that there is not.
        """
        return self._rendered(name, facts.variables(self.lang, rng or np.random.default_rng(0)))

    def _rendered(self, name: str, variables: dict[str, Any]) -> str:
        try:
            return "".join(self._template.blocks[name](self._template.new_context(variables))).strip()
        except _WRONG as error:
            raise KGError(f"template {self._name}, block {name}: {error}; see docs/notes.md") from error

    def stock(self) -> list[str]:
        """Give the sentences that may stand below a heading though they tell no fact, each with its heading."""
        return self._rendered("stock", {}).splitlines() if "stock" in self._template.blocks else []

    def messages(self, facts: Facts, examples: Sequence["Example"] = ()) -> tuple[Message, ...]:
        """Give the chat: system text, each example as a turn of its own, and the request."""
        turns = [Message("system", self.block("system", facts))]
        for example in examples:
            turns.append(Message("user", self.block("request", example.facts)))
            turns.append(Message("assistant", example.text))
        return (*turns, Message("user", self.block("request", facts)))

    def note(self, facts: Facts, rng: np.random.Generator, terse: bool = False) -> str:
        """Word a note without a model; lines stay, runs of blanks become one.

        :param facts: what it says.
        :param rng: chooses among wordings.
        :param terse: True for the block `terse`; about half of these begin with a capital.
        """
        lines = (" ".join(line.split()) for line in self.block(TERSE if terse else "wording", facts, rng).splitlines())
        text = "\n".join(line for line in lines if line)
        return text[:1].upper() + text[1:] if terse and rng.random() < 0.5 else text
