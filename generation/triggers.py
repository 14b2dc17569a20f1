"""Chooses the cues that count in a text.

Left out are pseudo-cues, two denials that undo each other, words of many uses that are no cue where they stand,
relatives who speak for the patient, and times at which something began that lasts.
"""

from itertools import pairwise

from generation import markers
from generation.clauses import Clauses
from generation.cues import Hit, find_cues
from generation.statuses import (
    AROUND,
    AVOIDED,
    BACKWARD,
    CANCEL,
    DATED,
    DENIALS,
    EITHER,
    FAMILY,
    NEGATED,
    PAST,
    PSEUDO,
)

_NEAR = 12
"""How many words before and after a time the beginning of something is looked for."""


def effective_cues(text: Clauses) -> list[Hit]:
    """Find the cues that count.

    :param text: the text.
    :returns: the cues in order.
    """
    hits = list(find_cues(text.tokens, text.finding, text.lang))
    dropped = set[int]()
    for hit in hits:
        if hit.cue.direction == CANCEL:
            dropped |= {
                other.first
                for other in hits
                if other.first > hit.first and other.cue.status in DENIALS and _reaches(text, hit, other)
            }
    places = sorted({hit.first: hit for hit in hits if hit.first not in dropped}.items())
    for (_, one), (_, two) in pairwise(places):
        if one.first not in dropped and _doubled(text, one, two):
            dropped |= {one.first, two.first}
    kept = [hit for hit in hits if hit.first not in dropped and hit.cue.direction not in (PSEUDO, CANCEL)]
    return [hit for hit in kept if _is_cue(text, hit) and not _informs(text, hit) and not _begins(text, hit)]


def _reaches(text: Clauses, one: Hit, two: Hit) -> bool:
    between = range(one.last, two.first)
    same = text.tokens[one.first].sentence == text.tokens[two.first].sentence
    return same and not any(text.holds(at, markers.SCOPE_END) for at in between)


def _doubled(text: Clauses, one: Hit, two: Hit) -> bool:
    """Tell whether two denials undo each other ("not without", "has not been stopped")."""
    without = any(text.holds(at, markers.WITHOUT) for at in range(two.first, two.last))
    if one.cue.status != NEGATED or not (two.cue.status in DENIALS or without):
        return False
    between = range(one.last, two.first)
    if not _reaches(text, one, two) or any(text.parted(at) for at in range(one.last, two.first + 1)):
        return False
    if text.holds(one.first, markers.ABSENCE):
        same = text.segments[one.first] == text.segments[two.first]
        return same and two.cue.direction in (EITHER, BACKWARD) and any(text.finding[at] for at in between)
    if not text.holds(one.first, markers.NEGATORS):
        return False
    if text.holds(two.first, markers.CONCORD) and not without:
        return False
    timed = any(text.holds(at, markers.TIMES) for at in between) and not any(text.finding[at] for at in between)
    return timed or (len(between) < 3 and all(text.holds(at, markers.AUXILIARIES) for at in between))


def _is_cue(text: Clauses, hit: Hit) -> bool:
    """Tell whether a word of many uses is a cue here: "should fever return", "при лихорадке принять"."""
    word = text.tokens[hit.first]
    if hit.cue.status == AVOIDED and word.lemma == "from" and hit.last - hit.first == 1:
        before = (one for one in text.tokens[: hit.first] if one.sentence == word.sentence)
        return any(one.lemma in markers.SWITCHING for one in before)
    if hit.cue.direction != AROUND or hit.last - hit.first > 1 or hit.last == len(text.tokens):
        return True
    if word.lemma == "should":
        return text.finding[hit.last] or text.holds(hit.last, markers.SUBJECTS)
    if word.lemma != "при":
        return True
    advice = (one.form in markers.ADVICE[text.lang] for one in text.tokens if one.sentence == word.sentence)
    return text.finding[hit.last] and any(advice)


def _informs(text: Clauses, hit: Hit) -> bool:
    """Tell whether a relative only tells of the patient, is told, or comes along."""
    if hit.cue.status != FAMILY or hit.last - hit.first > 2:
        return False
    after = range(hit.last, min(hit.last + 3, len(text.tokens)))
    who = bool(after) and text.holds(after[0], markers.WHO)
    for at in after:
        if text.holds(at, markers.INFORMING):
            return True
        if not text.holds(at, markers.AUXILIARIES):
            break
    return hit.first > 0 and text.holds(hit.first - 1, markers.COMPANY) and not who and not text.parted(hit.first)


def _begins(text: Clauses, hit: Hit) -> bool:
    """Tell whether a time in the past is that of an onset."""
    if hit.cue.status != PAST or hit.cue.direction not in (EITHER, DATED):
        return False
    near = range(max(hit.first - _NEAR, 0), min(hit.last + _NEAR, len(text.tokens)))
    segment = [at for at in near if text.segments[at] == text.segments[hit.first]]
    if hit.cue.direction == DATED and not any(text.tokens[at].reading.past for at in segment):
        return True
    others = [at for at in segment if not hit.first <= at < hit.last]
    return any(text.holds(at, markers.ONSET) or text.holds(at, markers.OPENING) for at in others)
