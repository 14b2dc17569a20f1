"""Question families: kinds of questions as data, each a typed path through the graph and wordings in some languages.

Ours are in `templates/qa.yaml`; a user adds families, or replaces one by its name, with a file of the same form. How an
edge reads in a chain of thought is data too (`templates/qa_facts.yaml`).
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from generation.rendering import TEMPLATES
from kgengine.answers import split_path
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import LANGUAGES
from kgengine.spreading import MAX_HOPS

LIST, COUNT, YES_NO, CHOICE, NEGATIVE = FORMS = ("list", "count", "yes_no", "choice", "negative")
"""What is asked of the answers: all; how many; whether one is; which option is one; which option is none."""
_KEYS = {"name", "path", "anchors", "form", "ways", *LANGUAGES}
_CANDIDATE = "candidate"


@dataclass(frozen=True)
class QAFamily:
    """A kind of question.

    :ivar name: unique.
    :ivar types: node types along the path, the anchors' first.
    :ivar relations: relation of each step, one fewer than types.
    :ivar anchors: how many nodes the question names; several meet at the first step.
    :ivar form: one of `FORMS`.
    :ivar ways: for each step, the fewest paths by which its node must be reached.
    :ivar wordings: by language, texts with places {0}, {1} ... for the anchors and {candidate} in a yes/no question.
    """

    name: str
    types: tuple[str, ...]
    relations: tuple[str, ...]
    anchors: int
    form: str
    ways: tuple[int, ...]
    wordings: dict[str, tuple[str, ...]]

    @property
    def hops(self) -> int:
        """Number of steps."""
        return len(self.relations)

    @property
    def metapath(self) -> str:
        """The path as `kg query --path` takes it."""
        steps = (f"{relation}:{kind}" for relation, kind in zip(self.relations, self.types[1:], strict=True))
        return "/".join((self.types[0], *steps))

    def possible(self, graph: Graph) -> bool:
        """Tell whether a graph has edges for every step."""
        edges = {(one.relation, frozenset((one.head, one.tail))) for one in graph.metaedges}
        steps = zip(self.relations, self.types, self.types[1:], strict=False)
        return all((relation, frozenset((here, there))) in edges for relation, here, there in steps)


@dataclass(frozen=True)
class FactWords:
    """How edges and answers read in one language.

    :ivar facts: by relation, a sentence with places {head} and {tail}; `other` also has {relation}.
    :ivar answers: the texts of an output, by what they are for.
    """

    facts: dict[str, str]
    answers: dict[str, str]

    def sentence(self, relation: str) -> str:
        """Give the sentence of a relation, with places {head} and {tail}."""
        found = self.facts.get(relation)
        plain = relation.replace("_", " ").replace("{", "{{").replace("}", "}}")
        return found or self.facts["other"].replace("{relation}", plain)


def load_families(own: Path | None = None) -> list[QAFamily]:
    """Load the question families.

    :param own: a user's file; a family of a name that we have replaces ours.
    :returns: ours and the user's.
    :raises KGError: the user's file is missing, or a family in it is wrong.
    """
    found = {family.name: family for family in _read(TEMPLATES / "qa.yaml")}
    if own is not None:
        found |= {family.name: family for family in _read(own)}
    return list(found.values())


def load_fact_words(lang: str) -> FactWords:
    """Load how edges and answers read in a language."""
    content = yaml.safe_load((TEMPLATES / "qa_facts.yaml").read_text(encoding="utf-8"))
    facts = {relation: words[lang] for relation, words in content["facts"].items()}
    return FactWords(facts, content["answers"][lang])


def _read(path: Path) -> list[QAFamily]:
    try:
        records = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise KGError(f"can't read question families from {path} ({error}); give a YAML file in UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", error)).split())
        raise KGError(f"{path}{place} is no YAML ({problem}); mend it there") from error
    if not isinstance(records, list) or not records:
        raise KGError(f"{path} is no list of question families; begin each with '- name: ...' (docs/qa.md)")
    found: dict[str, QAFamily] = {}
    for number, record in enumerate(records, 1):
        family = _family(record, f"{path}, family {number}")
        if family.name in found:
            raise KGError(f"{path}, family {number}: the name '{family.name}' was given before; give another")
        found[family.name] = family
    return list(found.values())


def _family(record: Any, where: str) -> QAFamily:
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        raise KGError(f"{where} has no name; a family has {', '.join(sorted(_KEYS))} (docs/qa.md)")
    where = f"{where} ({record['name']})"
    unknown = sorted(map(str, set(record) - _KEYS))
    if unknown:
        raise KGError(f"{where}: unknown '{unknown[0]}'; a family has {', '.join(sorted(_KEYS))}")
    types, relations = split_path(str(record.get("path", "")))
    if not 1 <= len(relations) <= MAX_HOPS or not all(relations) or not all(types):
        example = "symptom/has_phenotype:disease/treats:drug"
        raise KGError(f"{where}: the path needs 1 to {MAX_HOPS} steps, each with its relation, such as {example}")
    anchors, form = record.get("anchors", 1), record.get("form", LIST)
    if not isinstance(anchors, int) or not 1 <= anchors <= 6:
        raise KGError(f"{where}: {anchors} anchors; give 1 to 6")
    if form not in FORMS:
        raise KGError(f"{where}: unknown form '{form}'; take one of {', '.join(FORMS)}")
    ways = record.get("ways", [1] * len(relations))
    if not isinstance(ways, list) or len(ways) != len(relations) or not all(isinstance(n, int) and n > 0 for n in ways):
        raise KGError(f"{where}: ways {ways}; give one number from 1 up for each of the {len(relations)} steps")
    if ways[0] > 1 or sum(least > 1 for least in ways) > 1:
        raise KGError(f"{where}: ways {ways}; just one step, and not the first, may ask for more than one way")
    places = [str(number) for number in range(anchors)] + [_CANDIDATE] * (form == YES_NO)
    wordings = {lang: _wordings(record[lang], places, f"{where}, {lang}") for lang in LANGUAGES if lang in record}
    if not wordings:
        raise KGError(f"{where} has no wordings; give some under {' or '.join(LANGUAGES)}")
    named = tuple(one[0] for one in relations)
    return QAFamily(record["name"], tuple(types), named, anchors, form, tuple(ways), wordings)


def _wordings(texts: Any, places: Sequence[str], where: str) -> tuple[str, ...]:
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise KGError(f"{where}: give a list of wordings, each in quotes")
    for text in texts:
        try:
            parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
            named = sorted(str(name) for _, name, _, _ in parts)
        except ValueError as error:
            raise KGError(f"{where}: '{text}' is no wording ({error})") from error
        if named != sorted(places) or any(spec or conversion for _, _, spec, conversion in parts):
            raise KGError(f"{where}: '{text}' must have each of {{{'}, {'.join(places)}}} once")
    if len(set(texts)) < len(texts):
        raise KGError(f"{where}: a wording is given twice")
    return tuple(texts)
