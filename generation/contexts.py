"""Decides the status of each finding of a text: affirmed, negated, past, a relative's or hypothetical.

The idea is that of ConText (Harkema et al. 2009, doi:10.1016/j.jbi.2009.05.002): a cue gives its status to the
findings in its scope, which runs to the end of the sentence, to a word that ends it, or to the next statement (a
clause with a verb, a subject or a cue of its own; a bare item of an enumeration is none). A finding in several
scopes takes the first of `PRECEDENCE`. Words inside a finding are no cues ("no appetite" is a symptom), two denials
make none, and a relative who speaks for the patient is no patient.
"""

from collections.abc import Sequence

from generation import markers
from generation.clauses import Clauses, Span
from generation.cues import Cue, Hit
from generation.lemmas import Word
from generation.statuses import (
    AFFIRMED,
    AROUND,
    AVOIDED,
    BACKWARD,
    DATED,
    DENIALS,
    EITHER,
    FAMILY,
    FORWARD,
    GONE,
    HYPOTHETICAL,
    NEGATED,
    PAST,
    PRECEDENCE,
)
from generation.triggers import effective_cues


class Contexts:
    """The scopes of one text's cues.

    :param tokens: the text's words without determiners.
    :param spans: the findings, in order.
    :param lang: "en" or "ru".
    """

    def __init__(self, tokens: Sequence[Word], spans: Sequence[Span], lang: str) -> None:
        self._text = Clauses(tokens, spans, lang)
        hits = effective_cues(self._text)
        self._cues_of: dict[int, set[str]] = {}
        for hit in hits:
            self._cues_of.setdefault(self._text.segments[hit.first], set()).add(hit.cue.status)
        self._scopes: dict[str, set[int]] = {status: set() for status in (*PRECEDENCE, AFFIRMED)}
        for hit in hits:
            self._scopes[hit.cue.status].update(self._scope(hit))

    def status(self, span: Span, is_drug: bool) -> str:
        """Give the status of one finding.

        :param span: the finding.
        :param is_drug: True when it is a drug: a stopped drug is negated, a stopped symptom past.
        :returns: one of `STATUSES`.
        """
        places = range(*span)
        queried = self._text.tokens[span[0]].pause == "?" and not self._text.begins_sentence(span[0])
        if queried or self._text.tokens[span[1] - 1].asked:
            return HYPOTHETICAL
        excepted = not self._scopes[AFFIRMED].isdisjoint(places)
        for status in PRECEDENCE:
            if self._scopes[status].isdisjoint(places) or (status == AVOIDED and not is_drug):
                continue
            if excepted and status in DENIALS:
                continue
            if status in (AVOIDED, GONE):
                return NEGATED if is_drug else PAST
            return status
        return AFFIRMED

    def _scope(self, hit: Hit) -> set[int]:
        direction = hit.cue.direction
        if (
            hit.cue.status == FAMILY
            and direction == FORWARD
            and hit.first
            and self._text.tokens[hit.first - 1].lemma == "in"
        ):
            direction = EITHER
        if direction in (EITHER, DATED):
            direction = self._side(hit)
        if direction == BACKWARD:
            return self._backward(hit)
        if direction == AROUND:
            return self._around(hit)
        return self._forward(hit)

    def _side(self, hit: Hit) -> str:
        """Tell on which side of a cue its finding lies: the nearer one of its clause, else before a bare aside."""
        text = self._text
        if text.tokens[hit.first].form == "не" and hit.last - hit.first == 1:
            after = text.tokens[hit.last].lemma if hit.last < len(text.tokens) else ""
            if after not in markers.PRESENCE:
                return FORWARD
        ahead = self._distance(range(hit.last, len(text.tokens)), hit)
        behind = self._distance(range(hit.first - 1, -1, -1), hit)
        if ahead is not None and (behind is None or ahead <= behind):
            return FORWARD
        if behind is not None:
            return BACKWARD
        ends = hit.last == len(text.tokens) or text.begins_sentence(hit.last)
        if ends or any(text.is_verb(at) for at in range(hit.first, hit.last)):
            return BACKWARD if any(text.finding[at] for at in self._backward(hit)) else FORWARD
        return FORWARD

    def _distance(self, places: range, hit: Hit) -> int | None:
        """Count the words but verbs between a cue and the first finding of its clause on one side."""
        text = self._text
        steps = 0
        for at in places:
            inner = at + 1 if places.step < 0 else at
            if text.begins_sentence(inner) or text.parted(inner) or text.holds(at, markers.SCOPE_END):
                return None
            if text.finding[at]:
                told = hit.cue.status in DENIALS and places.step < 0 and text.is_circumstance(at)
                return None if told else steps
            steps += not text.is_verb(at)
        return None

    def _forward(self, hit: Hit) -> set[int]:
        text = self._text
        governed = markers.GOVERNMENT.get(text.tokens[hit.first].lemma)
        scope, at, crossed = set[int](), hit.last, -1
        while at < len(text.tokens) and text.holds(at, markers.REPORTING) and not text.parted(at):
            at += 1
        for position in range(at, len(text.tokens)):
            if text.begins_sentence(position) or self._ends(position, hit.cue, crossed >= 0):
                break
            if text.segments[position] != text.segments[position - 1] and self._new_statement(position, crossed, hit):
                break
            if hit.cue.status in DENIALS and position > at and text.holds(position, markers.APPEARANCE):
                break
            if crossed >= 0 and self._breaks(position, crossed, hit.cue.status):
                break
            if text.finding[position]:
                if crossed >= 0 and not text.agree(position, crossed, governed):
                    break
                crossed = position
            scope.add(position)
        return scope

    def _ends(self, at: int, cue: Cue, crossed: bool = False) -> bool:
        """Tell whether a word ends the scope of a cue, as some do only once a finding has been passed."""
        text = self._text
        if text.holds(at, markers.SCOPE_END) or text.tokens[at].lemma in cue.until:
            return True
        if cue.status == PAST and text.holds(at, markers.PRESENT):
            return True
        return crossed and cue.status == HYPOTHETICAL and text.holds(at, markers.ATTENDANT)

    def _breaks(self, at: int, crossed: int, status: str) -> bool:
        """Tell whether, a finding having been passed, a colon, dash or verb ends the scope."""
        text = self._text
        pause = text.tokens[at].pause
        if ":" in pause or (status != FAMILY and pause in ("-", "–", "—")):
            return True
        same = text.segments[at] == text.segments[crossed]
        return same and status != FAMILY and text.is_verb(at) and not text.goes_on(at)

    def _new_statement(self, at: int, crossed: int, hit: Hit) -> bool:
        """Tell whether the segment that begins at a place is a statement of its own, not an item of a list."""
        text = self._text
        segment, status = text.segments[at], hit.cue.status
        if crossed < 0 and status in DENIALS and (text.parted(at) or text.holds(hit.first, markers.NEGATORS)):
            return True
        end = text.end_of(at)
        if any(text.holds(position, markers.ALTERNATIVES) for position in range(at, end)):
            return False
        joined = text.holds(at, markers.CONJUNCTIONS) and at + 1 < end
        begins = at + joined
        item = next((position for position in range(at, end) if text.finding[position]), end)
        subject = any(text.holds(position, markers.SUBJECTS) for position in range(begins, item))
        others = self._cues_of.get(segment, set()) - {status}
        if status == FAMILY:
            reports = text.holds(begins, markers.REPORTING) and not text.holds(begins, markers.WHO)
            return subject or reports or not others.isdisjoint(DENIALS)
        if subject or others:
            return True
        verbs = [position for position in range(at, end) if text.is_verb(position)]
        if joined and verbs and (self._closes(verbs, item, status) or self._still_past(verbs, status)):
            return False
        return bool(verbs) or any(text.holds(position, markers.PRESENT) for position in range(begins, item))

    def _closes(self, verbs: list[int], item: int, status: str) -> bool:
        """Tell whether verbs close an enumeration of denied findings: "no fever and cough were noted"."""
        return status == NEGATED and verbs[0] > item and all(self._text.holds(at, markers.PERCEPTION) for at in verbs)

    def _still_past(self, verbs: list[int], status: str) -> bool:
        """Tell whether English verbs go on with what was said of the past: "as a child he had asthma and took"."""
        text = self._text
        forms = [text.tokens[at].form for at in verbs if text.tokens[at].form not in ("had", "was", "were")]
        if status != PAST or any(text.tokens[at].lemma in markers.OPENING[text.lang] for at in verbs):
            return False
        return all(form.endswith("ed") or form in markers.PAST_FORMS for form in forms)

    def _backward(self, hit: Hit) -> set[int]:
        text = self._text
        governed = markers.GOVERNMENT.get(text.tokens[hit.first].lemma)
        scope, crossed = set[int](), -1
        verb = any(text.is_verb(at) for at in range(hit.first, hit.last))
        elided, listed, own = verb, False, False
        for at in range(hit.first - 1, -1, -1):
            if text.begins_sentence(at + 1) or self._ends(at, hit.cue):
                break
            if text.holds(at, markers.REPORTING) and crossed >= 0:
                break
            if hit.cue.status in (HYPOTHETICAL, AVOIDED) and text.holds(at, markers.PURPOSE):
                break
            if text.segments[at] != text.segments[at + 1]:
                listed = listed or text.holds(at + 1, markers.CONJUNCTIONS)
                if own:
                    break
                if crossed < 0 and elided:
                    verb = False
                elif self._other_statement(at, hit, verb, listed):
                    break
            if text.is_verb(at):
                verb, elided = True, elided and crossed >= 0
            if text.finding[at]:
                if hit.cue.status in DENIALS and text.is_circumstance(at):
                    break
                if crossed >= 0 and not text.agree(at, crossed, governed):
                    break
                crossed = at
            own = own or (crossed < 0 and text.segments[at] == text.segments[hit.first] and text.is_subject(at))
            scope.add(at)
        return scope

    def _other_statement(self, at: int, hit: Hit, verb: bool, listed: bool) -> bool:
        """Tell whether the segment that ends at a place says something else than what a cue after it says."""
        text = self._text
        segment = text.segments[at]
        if self._cues_of.get(segment, set()) - {hit.cue.status}:
            return True
        if hit.cue.status == FAMILY and not listed:
            return True
        begins = (place for place in range(at, -1, -1) if text.segments[place] == segment)
        if not listed and any(text.holds(place, markers.PRESENT) for place in begins):
            return True
        return text.is_stated(segment) and (verb or not listed)

    def _around(self, hit: Hit) -> set[int]:
        """Give all after a condition, and what an advice before it speaks of."""
        text = self._text
        sentence = text.tokens[hit.first].sentence
        ahead = range(hit.first, len(text.tokens))
        scope = {at for at in ahead if text.tokens[at].sentence == sentence}
        for at in range(hit.first - 1, -1, -1):
            if text.tokens[at].sentence != sentence:
                break
            if text.tokens[at].form in markers.ADVICE[text.lang]:
                return scope | set(range(at, hit.first))
        return scope
