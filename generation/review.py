"""Reviews a note in full: its facts (`generation.verification`), the form of its kind, its distance to the examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from generation.kinds import Kind, sections
from generation.lemmas import Word, words
from generation.overlap import Overlap, OverlapIndex, too_near
from generation.prompts import introduction, patient_words
from generation.rendering import TEMPLATES
from generation.sentences import sentence_ends
from generation.verification import CUT_OFF, EMPTY, MISSING, Problem, Verdict, Verifier
from kgengine.bundles import Bundle
from kgengine.graph import Graph

SECTION, COPIED, IDLE, FORM, UNFOUNDED = "section", "too near to an example", "idle", "form", "unfounded"
_UNFINISHED = (MISSING, CUT_OFF, EMPTY, SECTION)
"""What a text that goes on may still mend."""


@dataclass(frozen=True)
class Review:
    """Outcome for one text: all its faults, and the example that it is nearest to."""

    verdict: Verdict
    overlap: Overlap


class Reviewer:
    """Reviews notes of one kind and language.

    :param graph: the graph.
    :param kind: the kind; its headings must be there, in order and each with text.
    :param lang: "en" or "ru".
    :param name_diagnosis: True when a note may name the diagnosis.
    :param examples: (id, text) of every note of the user's that the model may have been shown (our own exemplars are
        nobody's; what a note has in common with them is no leak).
    :param stock: sentences that may stand in a note though they tell no fact ("general condition satisfactory").
    :param embellished: True lets any word and sentence stand that is no claim of the graph's; nothing verifies those.
    """

    def __init__(
        self,
        graph: Graph,
        kind: Kind,
        lang: str,
        name_diagnosis: bool,
        examples: Sequence[tuple[str, str]],
        stock: Sequence[str] = (),
        embellished: bool = False,
    ) -> None:
        self._graph, self._kind, self._lang, self._embellished = graph, kind, lang, embellished
        self._stock = {self._plain(one) for one in stock}
        plain = (TEMPLATES / f"plain.{lang}.txt").read_text(encoding="utf-8")
        self._words = {word for found in words(plain, lang) for word in (found.form, found.lemma)}
        self._verifier = Verifier(graph, lang, name_diagnosis)
        self._examples = OverlapIndex(examples)

    def review(self, text: str, bundle: Bundle, finished: bool = True, mistyped: bool = False) -> Review:
        """Review a whole text.

        :param text: the note.
        :param bundle: the facts that it must say, and no others.
        :param finished: False when the runtime stopped at its token limit.
        :param mistyped: True when words may be misspelt or shortened.
        """
        problems = self._problems(text, bundle, finished, mistyped)
        overlap = self._examples.compare(text, self._phrases(text, bundle))
        if too_near(overlap):
            start = text.find(overlap.span)
            span = (start, start + len(overlap.span)) if start >= 0 else None
            problems.append(Problem(COPIED, overlap.source, overlap.span, span))
        return Review(Verdict(tuple(problems)), overlap)

    def settled(self, text: str, bundle: Bundle) -> bool:
        """Tell whether nothing that may follow is of use: all facts are told, or a fault is made that stays.

        What a model adds after the facts is what nobody can verify, so a note ends there.
        """
        problems = self._problems(text, bundle)
        return not problems or any(problem.reason not in _UNFINISHED for problem in problems)

    def shortened(self, text: str, bundle: Bundle) -> str:
        """Cut a text after the sentence that settles it; the same when none does."""
        for end in sentence_ends(text):
            if self.settled(text[:end], bundle):
                return text[:end]
        return text

    def _problems(self, text: str, bundle: Bundle, finished: bool = True, mistyped: bool = False) -> list[Problem]:
        found = [*self._verifier.verify(text, bundle, finished).problems, *self._sections(text)]
        found += [one for one in self._shape(text, bundle) if not mistyped or one.reason != IDLE]
        return found if mistyped or self._embellished else [*found, *self._unfounded(text, bundle)]

    def _unfounded(self, text: str, bundle: Bundle) -> list[Problem]:
        """Beside the graph's names, rightly spelt, only plain words may stand, which claim nothing of a patient."""
        named = {place for one in self._verifier.lexicon.find(text) for place in range(one.start, one.end)}
        ends = [0, *sentence_ends(text)]
        stock = {
            place
            for start, end in pairwise(ends)
            if self._plain(text[start:end].lstrip()) in self._stock
            for place in range(start, end)
        }
        found = []
        for word in words(text, self._lang):
            inside = word.start in named
            right = self._verifier.lexicon.spelt(word) if inside else self._is_plain(word, bundle)
            if not right and word.start not in stock:
                found.append(Problem(UNFOUNDED, None, text[word.start : word.end], (word.start, word.end)))
        return found

    def _is_plain(self, word: Word, bundle: Bundle) -> bool:
        return word.form in self._words or word.lemma in self._words or word.form == str(bundle.age)

    def _sections(self, text: str) -> list[Problem]:
        """Every heading of the kind must be there, in order, with text below it."""
        headings = self._kind.headings[self._lang]
        found = sections(text, headings)
        places = [text.find(heading) for heading in headings]
        if all(found) and places == sorted(places):
            return []
        empty = [heading for heading, body in zip(headings, found, strict=True) if not body]
        return [Problem(SECTION, None, (empty or list(headings))[0])]

    def _shape(self, text: str, bundle: Bundle) -> list[Problem]:
        """Every sentence must tell a fact that none before it told, none may ask; lines begin with the headings."""
        facts = {fact.node for fact in (*bundle.symptoms, *bundle.drugs)} | {bundle.disease}
        stock = self._stock | {introduction(patient_words(bundle.age, bundle.sex, self._lang), self._lang).casefold()}
        mentions, told, start, found = self._verifier.lexicon.find(text), set[int](), 0, list[Problem]()
        headings, headed = self._kind.headings[self._lang], 0
        for end in sentence_ends(text):
            own = {node for one in mentions if start <= one.start < end for node in one.nodes & facts}
            place = (start + len(text[start:end]) - len(text[start:end].lstrip()), end)
            sentence = text[place[0] : end]
            begins, heads = "\n" in text[start : place[0]], sentence.startswith(headings)
            expected = sentence.startswith(headings[headed : headed + 1]) and (begins or start == 0)
            headed += expected
            if "?" in sentence or ((begins or heads) and not expected):
                found.append(Problem(FORM, None, sentence, place))
            elif own <= told and not self._embellished and self._plain(sentence) not in stock:
                found.append(Problem(IDLE, None, sentence, place))
            told |= own
            start = end
        return found

    def _plain(self, sentence: str) -> str:
        """Give a sentence without its heading, case and last stop."""
        for heading in self._kind.headings[self._lang]:
            sentence = sentence.removeprefix(heading)
        return sentence.strip(" .\n").casefold()

    def _phrases(self, text: str, bundle: Bundle) -> list[str]:
        """Give what every note about the bundle's facts shares: their wordings, as graph and text have them."""
        facts = {fact.node for fact in (*bundle.symptoms, *bundle.drugs)}
        said = {one.text for one in self._verifier.lexicon.find(text) if one.nodes & facts}
        wordings = [self._graph.wording(fact.node, self._lang) for fact in (*bundle.symptoms, *bundle.drugs)]
        names = {name for one in wordings for name in (one.name, one.phrase, one.accusative, *one.synonyms)}
        return sorted(names | said) + list(self._kind.headings[self._lang])
