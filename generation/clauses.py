"""The clauses of a text: where sentences, segments and findings lie, and what its words may do there."""

from collections.abc import Sequence

from generation import markers
from generation.cues import PAUSES
from generation.lemmas import Word

Span = tuple[int, int]
"""The first token of a finding and the one after its last."""


class Clauses:
    """The words of one text with its findings.

    :param tokens: the text's words without determiners.
    :param spans: the findings, in order.
    :param lang: "en" or "ru".
    :ivar finding: for each word, whether it is part of a finding.
    :ivar segments: for each word, the number of its segment, a run that no comma, bracket or conjunction parts.
    """

    def __init__(self, tokens: Sequence[Word], spans: Sequence[Span], lang: str) -> None:
        self.tokens, self.lang = tokens, lang
        self.finding = [False] * len(tokens)
        self._head: dict[int, int] = {}
        for span in spans:
            self.finding[slice(*span)] = [True] * (span[1] - span[0])
            nouns = [at for at in range(*span) if tokens[at].reading.cases]
            self._head.update(dict.fromkeys(range(*span), nouns[0]) if nouns else {})
        self.segments = self._segment()
        self._verbs = {self.segments[at] for at in range(len(tokens)) if self.is_verb(at)}

    def _segment(self) -> list[int]:
        """Number the segments: runs of words that no comma, bracket or conjunction parts."""
        numbers, number = [], 0
        for at in range(len(self.tokens)):
            number += self.begins_sentence(at) or self.parted(at) or self.holds(at, markers.CONJUNCTIONS)
            numbers.append(number)
        return numbers

    def begins_sentence(self, at: int) -> bool:
        """Tell whether a word begins a sentence that is not the first."""
        return at > 0 and self.tokens[at].sentence != self.tokens[at - 1].sentence

    def parted(self, at: int) -> bool:
        """Tell whether a comma or bracket stands before a token."""
        return not PAUSES.isdisjoint(self.tokens[at].pause)

    def holds(self, at: int, kind: dict[str, frozenset[str]]) -> bool:
        """Tell whether a word that is part of no finding is of a kind (see `generation.markers`)."""
        return not self.finding[at] and self.tokens[at].lemma in kind[self.lang]

    def is_verb(self, at: int) -> bool:
        """Tell whether a word that is part of no finding is a verb."""
        return not self.finding[at] and (self.tokens[at].reading.finite or self.holds(at, markers.VERBS))

    def is_stated(self, segment: int) -> bool:
        """Tell whether a segment has a verb."""
        return segment in self._verbs

    def end_of(self, at: int) -> int:
        """Give the place after the segment that a word is in."""
        segment = self.segments[at]
        while at < len(self.tokens) and self.segments[at] == segment:
            at += 1
        return at

    def agree(self, at: int, other: int, governed: str | None) -> bool:
        """Tell whether two Russian findings may be items of one list: the second has the case that the first has.

        :param at: a word of the second one.
        :param other: a word of the first one.
        :param governed: the case that the word before the list governs, if it does.
        :returns: True also where nothing can be told: in one segment, without a noun, in English.
        """
        if self.segments[at] == self.segments[other] or at not in self._head or other not in self._head:
            return True
        cases = self.tokens[self._head[at]].reading.cases
        return governed in cases if governed else not cases.isdisjoint(self.tokens[self._head[other]].reading.cases)

    def is_circumstance(self, at: int) -> bool:
        """Tell whether a finding only names a cause or time."""
        while at > 0 and self.finding[at]:
            at -= 1
        return self.holds(at, markers.CIRCUMSTANCE)

    def is_subject(self, at: int) -> bool:
        """Tell whether a word that is part of no finding may be what a predicate after it speaks of."""
        token = self.tokens[at]
        if self.lang == "ru":
            governed = any(one.lemma in markers.PREPOSITIONS for one in self.tokens[max(at - 2, 0) : at])
            return not governed and not token.reading.cases.isdisjoint(("nomn", "gent"))
        return not (self.is_verb(at) or self.holds(at, markers.AUXILIARIES) or token.form.endswith("ly"))

    def goes_on(self, at: int) -> bool:
        """Tell whether an alternative ("or", "ни") stands before a place in its segment."""
        segment = self.segments[at]
        while at >= 0 and self.segments[at] == segment:
            if self.holds(at, markers.ALTERNATIVES):
                return True
            at -= 1
        return False
