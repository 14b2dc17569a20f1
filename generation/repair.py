"""Decides how a faulty text is mended: what of it is kept, how it goes on, and what the model is told to leave out.

Everything before the first faulty sentence is kept, word for word, as the answer's opening; the model writes on from
there, told what was wrong. Where only facts are missing, the next sentence begins with the first of them; where a
section is empty or idle, with its heading and a missing fact or a stock sentence. Such openings come from the
templates, so that a user's templates decide about them too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from generation.kinds import Kind
from generation.prompts import Facts, Wording
from generation.review import FORM, IDLE, SECTION, UNFOUNDED
from generation.sentences import sentence_start, whole_sentences
from generation.verification import (
    DIAGNOSIS_NAMED,
    EMPTY,
    INVENTED,
    MISSING,
    WRONG_LANGUAGE,
    WRONG_PATIENT,
    Problem,
    Verdict,
)

_HOPELESS = (EMPTY, WRONG_LANGUAGE)
_WORDS = (INVENTED, DIAGNOSIS_NAMED, WRONG_PATIENT, UNFOUNDED)
"""Faults whose words the model is told to leave out; others are of the whole sentence."""


@dataclass(frozen=True)
class Repair:
    """What to ask for: the facts with what to avoid or add, and the words that the text begins with."""

    facts: Facts
    opening: str


@dataclass(frozen=True)
class Mender:
    """Plans repairs of one item's texts.

    :ivar facts: the facts of its request.
    :ivar names: for the id of each fact its words in the request.
    """

    wording: Wording
    kind: Kind
    facts: Facts
    names: Mapping[str, str]

    def plan(self, text: str, verdict: Verdict, again: bool, rng: np.random.Generator) -> Repair | None:
        """Plan the repair of a text.

        :param text: the faulty text.
        :param verdict: its faults.
        :param again: True when the same place failed before: the sentence then begins with a missing fact, if any.
        :param rng: draws among stock sentences.
        :returns: None when nothing of the text is of use, or its faults have no place.
        """
        if any(problem.reason in _HOPELESS for problem in verdict.problems):
            return None
        placed = [problem for problem in verdict.problems if problem.span]
        first = min(placed, key=lambda problem: (problem.span or (0,))[0], default=None)
        start = sentence_start(text, (first.span or (0,))[0]) if first else len(text)
        kept = text[:start].rstrip(" ") if first else whole_sentences(text)
        avoid = {problem.text.lower() for problem in verdict.problems if problem.reason in _WORDS and problem.text}
        facts = replace(self.facts, avoid=tuple(sorted(avoid)))
        lost = [str(one.node) for one in verdict.problems if one.reason == MISSING and one.node in self.names]
        heading = self._heading(kept, text[start:], first, verdict, again)
        if heading and kept:
            return Repair(facts, f"{kept.rstrip()}\n{heading} {self._below(heading, lost, rng)}".rstrip())
        opening = self.wording.block("opening", facts)
        if len(kept) <= len(opening):
            return Repair(facts, opening) if first else None
        if not lost or (first and not again):
            return Repair(facts, kept) if first or kept != text else None
        return self._add(facts, kept, lost)

    def _heading(self, kept: str, rest: str, first: Problem | None, verdict: Verdict, again: bool) -> str | None:
        """Give the next heading where a text goes wrong at one: below it is nothing of use, or it is not there."""
        headings = self.kind.headings[self.wording.lang][1:]
        if first is not None:
            idle = first.reason in (IDLE, FORM) or again
            wrong = idle and rest.startswith(headings)
            return next((one for one in headings if wrong and f"\n{one}" not in kept), None)
        return next((one.text for one in verdict.problems if one.reason == SECTION and one.text in headings), None)

    def _below(self, heading: str, lost: list[str], rng: np.random.Generator) -> str:
        """Begin a section: a drug for the plan, else a symptom, else a stock sentence."""
        plan = heading == self.kind.headings[self.wording.lang][-1]
        fitting = [self.names[node] for node in lost if (self.names[node] in self.facts.drugs) == plan]
        stock = [one.removeprefix(heading).strip() for one in self.wording.stock() if one.startswith(heading)]
        if fitting or not stock:
            return fitting[0] if fitting else ""
        return stock[int(rng.integers(len(stock)))]

    def _add(self, facts: Facts, kept: str, lost: list[str]) -> Repair:
        """Go on with a sentence that begins with what is missing, symptoms before drugs and before the plan."""
        drugs = [self.names[node] for node in lost if self.names[node] in facts.drugs]
        symptoms = [self.names[node] for node in lost if self.names[node] not in facts.drugs]
        headings = self.kind.headings[self.wording.lang]
        if headings and symptoms and f"\n{headings[-1]}" in kept:
            kept = kept[: kept.index(f"\n{headings[-1]}")]
        facts = replace(facts, missing=tuple(symptoms or drugs), missing_drug=not symptoms)
        kept = kept.rstrip()
        stop = "" if kept.endswith((".", "!", "?")) else "."
        return Repair(facts, f"{kept}{stop} {self.wording.block('more', facts)}")
