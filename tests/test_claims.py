"""The claims of the labelled texts are found with their nodes and statuses, in English and Russian.

Each text of `tests/data/claims.*.jsonl` was labelled by hand, by others than those who wrote the cues: what it says
(nodes of the default MKG), in which words, and with which status. Half of the texts ("dev") were read while the cues
were written; of the other half ("test") only the figures were seen. A mention matches a claim when its nodes hold the
claim's and their places overlap.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from generation.mentions import Lexicon, Mention
from generation.statuses import AFFIRMED, STATUSES
from kgengine.graph import Graph

DATA = Path(__file__).parent / "data"
GOAL = 0.95
FLOOR = {"en": 0.94, "ru": 0.95}
"""What the half of the texts that was not read while the cues were written reaches, rounded down."""


class Claim(NamedTuple):
    """One labelled claim at its place."""

    node: int
    start: int
    end: int
    status: str


class Score(NamedTuple):
    """Precision and recall, in [0, 1]."""

    precision: float
    recall: float


def load(lang: str) -> list[dict[str, Any]]:
    lines = (DATA / f"claims.{lang}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def claims_of(core: Graph, row: dict[str, Any]) -> list[Claim]:
    """Find the words of each label in its text; the same words again are their next place."""
    begin: dict[str, int] = {}
    claims = []
    for label in row["claims"]:
        words = label["span"]
        start = row["text"].index(words, begin.get(words, 0))
        begin[words] = start + 1
        claims.append(Claim(core.resolve(label["id"]), start, start + len(words), label["status"]))
    return claims


def pairs(mentions: Iterable[Mention], claims: list[Claim]) -> list[tuple[str | None, str | None]]:
    """Match mentions with claims, each once: (status found, status labelled), None where there is no other one."""
    left = list(claims)
    found: list[tuple[str | None, str | None]] = []
    for mention in mentions:
        own = [one for one in left if one.node in mention.nodes and mention.start < one.end and one.start < mention.end]
        if own:
            left.remove(own[0])
        found.append((mention.status, own[0].status if own else None))
    return found + [(None, one.status) for one in left]


def score(found: Iterable[tuple[str | None, str | None]], binary: bool = False) -> Score:
    """Micro-average over all mentions and claims, or over the affirmed ones alone; what is empty scores 1."""
    counts = Counter[str]()
    for said, meant in found:
        counted = {AFFIRMED} if binary else set(STATUSES)
        counts["said"] += said in counted
        counts["meant"] += meant in counted
        counts["right"] += said in counted and said == meant
    return Score(
        counts["right"] / counts["said"] if counts["said"] else 1.0,
        counts["right"] / counts["meant"] if counts["meant"] else 1.0,
    )


@pytest.fixture(scope="module", params=["en", "ru"])
def measured(request: pytest.FixtureRequest, core: Graph) -> tuple[str, dict[tuple[str, str], list[Any]]]:
    """A language, and for each split and kind its pairs."""
    lexicon = Lexicon(core, request.param)
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in load(request.param):
        found[row["split"], row["kind"]] += pairs(lexicon.find(row["text"]), claims_of(core, row))
    return request.param, found


def report(found: dict[tuple[str, str], list[Any]]) -> str:
    """Give the figures by kind, for a failure's message."""
    lines = ["", "split kind: precision recall (claims and statuses; affirmed or not)"]
    for (split, kind), ones in sorted(found.items()):
        every, affirmed = score(ones), score(ones, binary=True)
        lines.append(
            f"{split} {kind}: {every.precision:.3f} {every.recall:.3f}; {affirmed.precision:.3f} {affirmed.recall:.3f}"
        )
    return "\n".join(lines)


@pytest.mark.parametrize("binary", [False, True], ids=["statuses", "affirmed or not"])
def test_claims_are_found_with_their_statuses(measured, binary: bool) -> None:
    _, found = measured
    whole = score([pair for ones in found.values() for pair in ones], binary)
    assert min(whole) >= GOAL, report(found)


@pytest.mark.parametrize("binary", [False, True], ids=["statuses", "affirmed or not"])
def test_claims_of_the_texts_that_nobody_read_are_found_too(measured, binary: bool) -> None:
    lang, found = measured
    unread = score([pair for (split, _), ones in found.items() if split == "test" for pair in ones], binary)
    assert min(unread) >= FLOOR[lang], report(found)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_labelled_texts_are_many_of_all_kinds_and_both_halves(core: Graph, lang: str) -> None:
    rows = load(lang)
    assert len({row["text"] for row in rows}) == len(rows) >= 320
    split = Counter(row["split"] for row in rows)
    assert set(split) == {"dev", "test"}
    assert min(split.values()) >= 0.4 * len(rows)
    assert {claim.status for row in rows for claim in claims_of(core, row)} == set(STATUSES)
    assert len({row["kind"] for row in rows}) >= 11


def test_a_wrong_status_a_lost_claim_and_an_invented_one_each_cost() -> None:
    mention = Mention(frozenset({1}), 0, 5, "cough", 0, AFFIRMED)
    right, wrong, lost = Claim(1, 2, 7, AFFIRMED), Claim(1, 2, 7, "past"), Claim(2, 0, 5, AFFIRMED)
    assert score(pairs([mention], [right])) == (1.0, 1.0)
    assert score(pairs([mention], [wrong])) == (0.0, 0.0)
    assert score(pairs([mention], [right, lost])) == (1.0, 0.5)
    assert score(pairs([mention], [])) == (0.0, 1.0)
    assert pairs([mention], [right._replace(start=5)]) == [(AFFIRMED, None), (None, AFFIRMED)]
    assert score(pairs([mention], [wrong]), binary=True) == (0.0, 1.0)
