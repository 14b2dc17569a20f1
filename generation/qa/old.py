"""Builds k-hop question-answer items: a typed question, the complete gold answers, and their proof paths.

Families are data (`templates/qa.json`): node types along the path, the relation of each step, how many
anchors, and wordings in both languages. Answers come from `kgengine.query`, so they are complete; a
question with no answer or too many, asked before, or about a name that two nodes share, is drawn again.
An item depends on the configuration, its number and the items before it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from generation.lemmas import check_language
from generation.prompts import TEMPLATES
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.query import Answer, follow
from kgengine.seeding import item_rng
from kgengine.subgraph import edge_record

_ATTEMPTS = 300
"""Draws for one item before the graph is judged to have no such question."""


@dataclass(frozen=True)
class QAFamily:
    """A kind of question.

    :ivar name: what it asks.
    :ivar types: node types along the path, the anchors' first.
    :ivar relations: relation of each step, one fewer than types.
    :ivar anchors: how many anchors meet at the first step.
    :ivar wordings: by language, question texts with places {0}, {1} for the anchors.
    """

    name: str
    types: tuple[str, ...]
    relations: tuple[str, ...]
    anchors: int
    wordings: dict[str, tuple[str, ...]]

    @property
    def hops(self) -> int:
        """Number of steps."""
        return len(self.relations)


@dataclass(frozen=True)
class QAConfig:
    """How to build.

    :ivar lang: "en" or "ru".
    :ivar hops: hop counts to ask about, taken in turn; all that the graph has families for when empty.
    :ivar max_answers: a question with more gold answers is drawn again.
    :ivar seed: of every draw.
    """

    lang: str = "en"
    hops: tuple[int, ...] = ()
    max_answers: int = 15
    seed: int = 0


def load_families() -> list[QAFamily]:
    """Load the question families that ship with the product."""
    records = json.loads((TEMPLATES / "qa.json").read_text(encoding="utf-8"))
    return [
        QAFamily(
            name=record["name"],
            types=tuple(record["types"]),
            relations=tuple(record["relations"]),
            anchors=record["anchors"],
            wordings={lang: tuple(record[lang]) for lang in ("en", "ru")},
        )
        for record in records
    ]


def build_qa(graph: Graph, config: QAConfig, count: int) -> Iterator[dict[str, Any]]:
    """Build items in the alpaca format (instruction, input, output), with gold answers and proofs beside.

    :param graph: the graph.
    :param config: how to build.
    :param count: how many items; no question is asked twice.
    :returns: the items.
    :raises KGError: a hop count has no family, or the graph holds too few questions.
    """
    check_language(config.lang)
    by_hops: dict[int, list[QAFamily]] = {}
    for family in load_families():
        if _possible(graph, family):
            by_hops.setdefault(family.hops, []).append(family)
    config = replace(config, hops=config.hops or tuple(sorted(by_hops)))
    for hops in config.hops or (1,):
        if hops not in by_hops:
            known = ", ".join(map(str, sorted(by_hops))) or "none"
            raise KGError(f"there is no question family with {hops} hops for this graph; it has families of: {known}")
    return _items(graph, config, by_hops, count)


def _items(graph: Graph, config: QAConfig, by_hops: dict[int, list[QAFamily]], count: int) -> Iterator[dict[str, Any]]:
    asked: set[tuple[str, tuple[int, ...]]] = set()
    for index in range(count):
        yield _item(graph, config, by_hops[config.hops[index % len(config.hops)]], index, asked)


def _possible(graph: Graph, family: QAFamily) -> bool:
    return set(family.types) <= set(graph.types) and set(family.relations) <= set(graph.relations)


def _item(
    graph: Graph,
    config: QAConfig,
    families: list[QAFamily],
    index: int,
    asked: set[tuple[str, tuple[int, ...]]],
) -> dict[str, Any]:
    rng = item_rng(config.seed, "qa", index)
    for _ in range(_ATTEMPTS):
        family = families[int(rng.integers(len(families)))]
        anchors = _draw_anchors(graph, family, rng)
        if anchors is None or (family.name, anchors) in asked:
            continue
        if not all(_unmistakable(graph, node, config.lang) for node in anchors):
            continue
        answers = follow(graph, anchors, family.types, [(relation,) for relation in family.relations])
        if 1 <= len(answers) <= config.max_answers:
            asked.add((family.name, anchors))
            wordings = family.wordings[config.lang]
            question = wordings[int(rng.integers(len(wordings)))]
            return _record(graph, config, family, anchors, answers, question, index)
    raise KGError(
        f"found no new {families[0].hops}-hop question with 1 to {config.max_answers} answers for item {index}; "
        "ask for fewer items, or allow more answers (--max-answers)"
    )


def _phrase(graph: Graph, node: int, lang: str) -> str:
    return graph.wording(node, lang).phrase or graph.name(node, lang)


def _unmistakable(graph: Graph, node: int, lang: str) -> bool:
    """Tell whether no other node of its type goes by a node's phrase (metronidazole has four ATC codes)."""
    phrase, node_type = _phrase(graph, node, lang), graph.node_type[node]
    return all(
        other == node or graph.node_type[other] != node_type or _phrase(graph, other, lang) != phrase
        for other in graph.find(phrase)
    )


def _draw_anchors(graph: Graph, family: QAFamily, rng: np.random.Generator) -> tuple[int, ...] | None:
    """Draw anchors that share a neighbour at the first step, None when the drawn node has none."""
    if family.anchors == 1:
        return (int(rng.choice(graph.nodes_of_type(family.types[0]))),)
    meeting = int(rng.choice(graph.nodes_of_type(family.types[1])))
    near = follow(graph, [meeting], [family.types[1], family.types[0]], [(family.relations[0],)])
    if len(near) < family.anchors:
        return None
    chosen = rng.choice(len(near), size=family.anchors, replace=False)
    return tuple(sorted(near[position].node for position in chosen))


def _record(
    graph: Graph,
    config: QAConfig,
    family: QAFamily,
    anchors: tuple[int, ...],
    answers: list[Answer],
    question: str,
    index: int,
) -> dict[str, Any]:
    def phrase(node: int) -> str:
        return _phrase(graph, node, config.lang)

    ordered = sorted(answers, key=lambda answer: phrase(answer.node))
    return {
        "instruction": question.format(*(phrase(node) for node in anchors)),
        "input": "",
        "output": "; ".join(dict.fromkeys(phrase(answer.node) for answer in ordered)) + ".",
        "id": f"qa-{index:06d}",
        "lang": config.lang,
        "hops": family.hops,
        "family": family.name,
        "metapath": [family.types[0]]
        + [part for step in zip(family.relations, family.types[1:], strict=True) for part in step],
        "anchors": [graph.id(node) for node in anchors],
        "answers": [
            {
                "id": graph.id(answer.node),
                "name": phrase(answer.node),
                "proofs": [[edge_record(graph, edge) for edge in proof.edges] for proof in answer.proofs],
            }
            for answer in ordered
        ],
        "graph": graph.hash,
    }
