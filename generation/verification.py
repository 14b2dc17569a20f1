"""Verifies a note against its bundle: it must say those facts, about that patient, and no others.

Each fault is a :class:`Problem` with its reason, the node in question and the words that show it. A note
with no problem is accepted. What a note says of relatives, of risks and of what it denies is let pass. Nothing is
repaired here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generation import statuses
from generation.lemmas import words
from generation.markers import DRUG_STEMS, NO_DRUGS
from generation.mentions import Lexicon, Mention
from kgengine.bundles import Bundle
from kgengine.graph import Graph
from kgengine.hierarchy import superclasses
from kgengine.schema import DRUG

MISSING, NEGATED, CONTRADICTED, INVENTED = "missing", "negated", "contradicted", "invented"
DIAGNOSIS_NAMED, WRONG_PATIENT, WRONG_LANGUAGE = "diagnosis named", "wrong patient", "wrong language"
REPETITION, CUT_OFF, EMPTY = "repetition", "cut off", "empty"
REASONS = (
    MISSING,
    NEGATED,
    CONTRADICTED,
    INVENTED,
    DIAGNOSIS_NAMED,
    WRONG_PATIENT,
    WRONG_LANGUAGE,
    REPETITION,
    CUT_OFF,
    EMPTY,
)

_SEX_WORDS = {
    "en": {
        "female": {"she", "her", "hers", "herself", "woman", "girl", "female", "lady", "mrs", "ms", "pregnant"},
        "male": {"he", "him", "his", "himself", "man", "boy", "male", "gentleman", "mr"},
    },
    "ru": {
        "female": {
            *("она", "женщина", "девочка", "девушка", "пациентка", "больная", "беременна", "беременная"),
            *("обратилась", "поступила", "жаловалась", "отмечала", "отметила", "принимала", "предъявляла"),
        },
        "male": {
            *("он", "мужчина", "мальчик", "юноша"),
            *("обратился", "поступил", "жаловался", "отмечал", "отметил", "принимал", "предъявлял"),
        },
    },
}
_AGE = {
    "en": re.compile(
        r"\b(\d{1,3})[\s-]*years?[\s-]*old|\baged?\s+(\d{1,3})\b|\b(\d{1,3})\s?yo\b"
        r"|\b(?:he|she|patient) is (\d{1,3})\b(?! ?(?:day|week|month|kg|cm))",
        re.IGNORECASE,
    ),
    "ru": re.compile(
        r"(?:пациент\w*|мужчин\w*|женщин\w*|мальчик\w*|девочк\w*|возраст\w*)[,:]?\s+(\d{1,3})\s+(?:год|лет)",
        re.I,
    ),
}
_LETTER = re.compile(r"[^\W\d_]")
_LATIN_SENTENCE = re.compile(r"(?:\b[A-Za-z]+\b[\s,]*){3}")
"""Three Latin words in a row: no Russian name has them, and nothing would verify what they say."""
_REPEATED_WORDS = 6
"""A run of this many words that occurs twice is a repetition (a bundle's longest phrases have five)."""


@dataclass(frozen=True)
class Problem:
    """One fault: `reason` is one of `REASONS`, `node` the id it is about, `span` where in the text."""

    reason: str
    node: str | None = None
    text: str = ""
    span: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the fault as plain data, without empty fields."""
        fields = {"reason": self.reason, "node": self.node, "text": self.text, "span": self.span}
        return {key: value for key, value in fields.items() if value}


@dataclass(frozen=True)
class Verdict:
    """Outcome of a verification: accepted exactly when there is no problem."""

    problems: tuple[Problem, ...]

    @property
    def accepted(self) -> bool:
        """True when the note may be used."""
        return not self.problems

    @property
    def reasons(self) -> tuple[str, ...]:
        """The distinct reasons, in order of first appearance."""
        return tuple(dict.fromkeys(problem.reason for problem in self.problems))


class Verifier:
    """Verifies notes of one graph in one language.

    :param graph: the graph.
    :param lang: "en" or "ru".
    :param name_diagnosis: True when a note may name the diagnosis.
    """

    def __init__(self, graph: Graph, lang: str, name_diagnosis: bool = False) -> None:
        self.graph, self.lang, self.name_diagnosis = graph, lang, name_diagnosis
        self.lexicon = Lexicon(graph, lang)
        self._lines = superclasses(graph)

    def verify(self, text: str, bundle: Bundle, finished: bool = True) -> Verdict:
        """Verify one note.

        :param text: the note.
        :param bundle: the facts that it must say.
        :param finished: False when the runtime stopped at its token limit.
        :returns: the verdict.
        """
        if not text.strip():
            return Verdict((Problem(EMPTY),))
        mentions = self.lexicon.find(text)
        problems = [
            *self._told(mentions, bundle),
            *self._claims(mentions, bundle),
            *self._form(text, finished),
        ]
        problems += [*self._patient(text, bundle), *self._said_twice(mentions), *self._strange_drugs(text, mentions)]
        return Verdict(tuple(problems))

    def _told(self, mentions: list[Mention], bundle: Bundle) -> Iterator[Problem]:
        """Every fact of the bundle must be affirmed and nowhere denied; no drug of it stopped or not tolerated."""
        for fact in (*bundle.symptoms, *bundle.drugs):
            own = [mention for mention in mentions if fact.node in mention.nodes]
            if not any(mention.status == statuses.AFFIRMED for mention in own):
                yield Problem(MISSING, self.graph.id(fact.node), self.graph.wording(fact.node, self.lang).phrase)
            for mention in own:
                if mention.status == statuses.NEGATED:
                    drug = self.graph.type(fact.node) == DRUG
                    yield self._at(CONTRADICTED if drug else NEGATED, fact.node, mention)

    def _claims(self, mentions: list[Mention], bundle: Bundle) -> Iterator[Problem]:
        """Nothing else may be the patient's, now or in the past; the diagnosis may not even be denied or suspected."""
        facts = {fact.node for fact in (*bundle.symptoms, *bundle.drugs)}
        for mention in mentions:
            if mention.nodes & facts or any(self._generalises(mention, node) for node in facts):
                continue
            if bundle.disease in mention.nodes:
                if not self.name_diagnosis:
                    yield self._at(DIAGNOSIS_NAMED, bundle.disease, mention)
            elif mention.status in (statuses.AFFIRMED, statuses.PAST):
                yield self._at(INVENTED, min(mention.nodes), mention)

    def _generalises(self, mention: Mention, node: int) -> bool:
        """Tell whether a mention names a fact's superclass: a drug's class, or a symptom's in the fact's own words.

        "Antibiotic" goes with amoxicillin, and "cough" with productive cough, but "itchy skin" not with itchy eyes.
        """
        if not mention.nodes & self._lines.get(node, frozenset()):
            return False
        if self.graph.type(node) == DRUG:
            return True
        wording = self.graph.wording(node, self.lang)
        names = " ".join((wording.name, wording.phrase, *wording.synonyms))
        own = {word.lemma for word in words(names, self.lang)}
        return all(word.lemma in own for word in words(mention.text, self.lang))

    def _at(self, reason: str, node: int, mention: Mention) -> Problem:
        return Problem(reason, self.graph.id(node), mention.text, (mention.start, mention.end))

    def _said_twice(self, mentions: list[Mention]) -> Iterator[Problem]:
        """No finding may be said twice in one sentence."""
        said: set[tuple[int, frozenset[int]]] = set()
        for mention in mentions:
            key = (mention.sentence, mention.nodes)
            if key in said:
                yield self._at(REPETITION, min(mention.nodes), mention)
            said.add(key)

    def _strange_drugs(self, text: str, mentions: list[Mention]) -> Iterator[Problem]:
        """No word may end like a drug's name and be none that the MKG knows."""
        known = {place for mention in mentions for place in range(mention.start, mention.end)}
        for word in words(text, self.lang):
            written = text[word.start : word.end]
            ends = written.lower().endswith(DRUG_STEMS[self.lang]) or word.lemma.endswith(DRUG_STEMS[self.lang])
            if ends and word.start not in known and written.lower() not in NO_DRUGS:
                yield Problem(INVENTED, None, written, (word.start, word.end))

    def _patient(self, text: str, bundle: Bundle) -> Iterator[Problem]:
        """Sex words and stated ages must be the patient's."""
        other = "male" if bundle.sex == "female" else "female"
        for match in re.finditer(r"\w+", text):
            if match.group().lower() in _SEX_WORDS[self.lang][other]:
                yield Problem(WRONG_PATIENT, None, match.group(), match.span())
        for match in _AGE[self.lang].finditer(text):
            if int(next(group for group in match.groups() if group)) != bundle.age:
                yield Problem(WRONG_PATIENT, None, match.group(), match.span())

    def _form(self, text: str, finished: bool) -> Iterator[Problem]:
        letters = _LETTER.findall(text)
        cyrillic = sum("а" <= letter.lower() <= "я" or letter in "ёЁ" for letter in letters)
        share = cyrillic / max(len(letters), 1)
        foreign = bool(cyrillic) if self.lang == "en" else share <= 0.5 or _LATIN_SENTENCE.search(text)
        if foreign:
            yield Problem(WRONG_LANGUAGE)
        if not finished or not re.search(r"[.!?][\"')»]*\s*$", text):
            yield Problem(CUT_OFF)
        yield from self._repeated(text)

    def _repeated(self, text: str) -> Iterator[Problem]:
        """No run of words may occur twice; the second one is shown."""
        tokens = words(text, self.lang)
        seen: set[tuple[str, ...]] = set()
        for start in range(len(tokens) - _REPEATED_WORDS + 1):
            run = tokens[start : start + _REPEATED_WORDS]
            key = tuple(token.lemma for token in run)
            if key in seen:
                begin, end = run[0].start, run[-1].end
                yield Problem(REPETITION, None, text[begin:end], (begin, end))
                return
            seen.add(key)
