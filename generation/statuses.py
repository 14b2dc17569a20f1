"""The statuses that a mention may have, and how a cue gives one.

The statuses are ConText's (Harkema et al. 2009, doi:10.1016/j.jbi.2009.05.002): negation, temporality, experiencer
and hypothetical, of which a mention has one, by `PRECEDENCE`.
"""

from typing import NamedTuple

AFFIRMED, NEGATED, PAST, FAMILY, HYPOTHETICAL = "affirmed", "negated", "past", "family", "hypothetical"
STATUSES = (AFFIRMED, NEGATED, PAST, FAMILY, HYPOTHETICAL)

AVOIDED, GONE = "avoided", "gone"
"""What a cue may say beside: "allergic to" negates drugs alone; "stopped" negates a drug, and puts anything else in
the past. Such a mention's status is `NEGATED` or `PAST`."""

DENIALS = frozenset({NEGATED, AVOIDED, GONE})
"""What two of undo each other."""

PRECEDENCE = (FAMILY, HYPOTHETICAL, NEGATED, AVOIDED, GONE, PAST)
"""What a mention in several scopes is: whose it is comes first (a mother's old asthma is the mother's), then
whether it is a fact at all ("if there is no fever"), then whether it is so ("denies previous seizures"), then when
it was last."""

FORWARD, BACKWARD, EITHER, DATED, AROUND = "forward", "backward", "either", "dated", "around"
"""Where a cue's scope lies: after it; before it; on the side where its clause has a finding; the same, but only beside
a verb in the past tense; after it to the end of the sentence, and before it when advice is given."""

PSEUDO, CANCEL = "pseudo", "cancel"
"""Two kinds of cues without scope: one that only holds the words of a cue, and one that denies the denials which
follow it ("one cannot say that ...")."""


class Cues(NamedTuple):
    """Cues that give one status in one direction; their scope may end at one of the words `until`."""

    status: str
    direction: str
    text: str
    until: str = ""
