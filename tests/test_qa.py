"""What an item says is what the graph states: its answers are all of them, its proofs are real paths, its options are
wrong but for those that must be right, and no question comes twice.

The answers are compared with a naive walk over pairs of nodes (`test_path_tables`), the texts with the wordings.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from test_path_tables import NaiveWalk, Path, naive, traced  # noqa: F401 - a fixture

from generation.qa.building import QABuilder, QAConfig
from generation.qa.families import QAFamily, load_fact_words, load_families
from kgengine.graph import Graph

Item = dict[str, Any]
FAMILIES = {family.name: family for family in load_families()}
COUNT, CHECKED = 20_000, 5_000
ANSWER = {"en": "Answer", "ru": "Ответ"}
DENIED = {"en": "The full list is {}, and it does not include {}.", "ru": "Полный список: {}; варианта «{}» в нём нет."}
NONE_KNOWN = {
    "en": ", and nothing of the kind is known of {}.",
    "ru": "; о варианте «{}» ничего подобного не известно.",
}


@dataclass(frozen=True)
class Asked:
    """An item with what a naive walk gives for it."""

    item: Item
    family: QAFamily
    anchors: list[int]
    paths: list[Path]

    @property
    def answers(self) -> set[int]:
        return {path[-1] for path in self.paths}


def phrase(graph: Graph, node: int, lang: str) -> str:
    return graph.wording(node, lang).phrase


@lru_cache(maxsize=1)
def _numbers(graph: Graph) -> dict[str, int]:
    return {graph.id(node): node for node in range(graph.num_nodes)}


def resolved(graph: Graph, ids: list[str]) -> list[int]:
    return [_numbers(graph)[one] for one in ids]


@pytest.fixture(scope="module")
def vectors(core: Graph) -> np.ndarray:
    """Vectors of nodes that have nothing to do with the graph."""
    return np.random.default_rng(1).normal(size=(core.num_nodes, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def items(core: Graph, vectors: np.ndarray) -> list[Item]:
    """20,000 items of all families in both languages."""
    builder = QABuilder(core, QAConfig(langs=("en", "ru"), reasoned=True, seed=3), load_families(), vectors)
    return [item for table in builder.items(COUNT) for item in table.to_pylist()]


@pytest.fixture(scope="module")
def asked(core: Graph, items: list[Item], naive: NaiveWalk) -> list[Asked]:  # noqa: F811
    """The first 5,000, each walked."""
    found = []
    for item in items[:CHECKED]:
        family, anchors = FAMILIES[item["family"]], resolved(core, item["anchors"])
        found.append(Asked(item, family, anchors, naive.of(family, anchors)))
    return found


def of_form(asked: list[Asked], *forms: str) -> Iterator[tuple[Asked, list[int]]]:
    """Give the questions of some forms, with their options' ids."""
    return ((one, [option["id"] for option in one.item["options"]]) for one in asked if one.item["form"] in forms)


def test_every_family_is_asked_in_both_languages_and_hop_counts_take_turns(items: list[Item]) -> None:
    assert {(item["family"], item["lang"]) for item in items} == {
        (name, lang) for name in FAMILIES for lang in ("en", "ru")
    }
    assert [item["hops"] for item in items[:600]] == [1, 2, 3] * 200
    assert [item["id"] for item in items] == [f"qa-{number:08d}" for number in range(COUNT)]
    for item in items:
        family = FAMILIES[item["family"]]
        assert (item["hops"], item["metapath"], item["form"]) == (family.hops, family.metapath, family.form)


def test_the_answers_are_all_that_a_naive_walk_finds(core: Graph, asked: list[Asked]) -> None:
    assert {one.family.name for one in asked} == set(FAMILIES)
    for one in asked:
        ids, names = ([answer[key] for answer in one.item["answers"]] for key in ("id", "name"))
        assert sorted(resolved(core, ids)) == sorted(one.answers)
        assert names == [phrase(core, node, one.item["lang"]) for node in resolved(core, ids)] == sorted(names)
        assert 1 <= len(ids) <= 15


def test_the_proofs_are_real_paths_as_many_as_are_needed(core: Graph, asked: list[Asked], naive: NaiveWalk) -> None:  # noqa: F811
    for one in asked:
        paths, count = set(one.paths), len(one.anchors)
        for answer in one.item["answers"]:
            proofs = [tuple(resolved(core, proof["nodes"])) for proof in answer["proofs"]]
            assert len(set(proofs)) == len(proofs) == max(one.family.ways)
            for nodes, proof in zip(proofs, answer["proofs"], strict=True):
                assert list(nodes[:count]) == one.anchors
                assert nodes[count:] in paths
                assert core.id(nodes[-1]) == answer["id"]
                meet = [(anchor, nodes[count]) for anchor in one.anchors]
                pairs = [*meet, *zip(nodes[count:], nodes[count + 1 :], strict=False)]
                relations = [one.family.relations[0]] * (count - 1) + list(one.family.relations)
                for edge, pair, relation in zip(proof["edges"], pairs, relations, strict=True):
                    assert edge in naive.edges[relation, frozenset(pair)]
            step = max((hop for hop, least in enumerate(one.family.ways) if least > 1), default=0)
            assert len({nodes[count + step :] for nodes in proofs}) == 1  # ways to one node, and one way on from there


def test_the_first_proof_is_a_heaviest_path(core: Graph, asked: list[Asked]) -> None:
    for one in asked[:600]:
        table = traced(core, one.family.types, one.family.relations, np.array([one.anchors]), one.family.ways)
        weights = {tuple(nodes): weight for nodes, weight in zip(table.nodes.tolist(), table.weight, strict=True)}
        for answer in one.item["answers"]:
            first = tuple(resolved(core, answer["proofs"][0]["nodes"]))[len(one.anchors) :]
            best = max(weight for nodes, weight in weights.items() if nodes[-1] == first[-1])
            assert weights[first] == pytest.approx(best, rel=1e-12)


def test_a_list_and_a_count_are_of_all_answers_by_name(asked: list[Asked]) -> None:
    for one, _ in of_form(asked, "list", "count"):
        names = sorted({answer["name"] for answer in one.item["answers"]})
        expected = names if one.item["form"] == "list" else [str(len(names))]
        assert one.item["gold"] == expected
        assert one.item["answer"] == "; ".join(expected) + "."
        assert one.item["options"] == []


def test_yes_and_no_are_right_and_about_as_many(core: Graph, asked: list[Asked], items: list[Item]) -> None:
    yes = {"en": ("yes", "Yes."), "ru": ("да", "Да.")}
    no = {"en": ("no", "No."), "ru": ("нет", "Нет.")}
    for one, (candidate,) in of_form(asked, "yes_no"):
        gold, text = (yes if resolved(core, [candidate])[0] in one.answers else no)[one.item["lang"]]
        assert (one.item["gold"], one.item["answer"]) == ([gold], text)
    said = defaultdict(list)
    for item in items:
        said[item["family"]] += [item["gold"][0] in ("yes", "да")] * (item["form"] == "yes_no")
    assert 0.47 < np.mean([one for several in said.values() for one in several]) < 0.53
    for several in filter(None, said.values()):
        assert abs(np.mean(several) - 0.5) < 2.2 / len(several) ** 0.5  # over four standard deviations


def test_just_one_option_of_a_choice_is_an_answer_and_just_one_of_a_negative_is_none(
    core: Graph, asked: list[Asked]
) -> None:
    for one, options in of_form(asked, "choice", "negative"):
        right = [node in one.answers for node in resolved(core, options)]
        assert len(options) == 4
        odd = right.index(one.item["form"] == "choice")
        assert right.count(one.item["form"] == "choice") == 1
        shown = [option["name"] for option in one.item["options"]]
        assert len(set(shown)) == 4
        assert shown == [phrase(core, node, one.item["lang"]) for node in resolved(core, options)]
        assert one.item["gold"] == [shown[odd]]
        assert one.item["answer"] == f"{'ABCD'[odd]}) {shown[odd]}."
        assert one.item["question"].split("\n")[1:] == [f"{a}) {b}" for a, b in zip("ABCD", shown, strict=True)]


def test_options_come_in_mixed_order(items: list[Item]) -> None:
    for form in ("choice", "negative"):
        places = Counter(item["answer"][0] for item in items if item["form"] == form)
        assert all(0.22 < places[letter] / places.total() < 0.28 for letter in "ABCD")


@pytest.fixture(scope="module")
def mistakable(core: Graph) -> dict[str, set[int]]:
    """By language, the nodes whose name another of their type shares."""
    found: dict[str, set[int]] = {}
    for lang in ("en", "ru"):
        named = defaultdict(list)
        for node in range(core.num_nodes):
            named[core.type(node), phrase(core, node, lang)].append(node)
        found[lang] = {node for same in named.values() if len(same) > 1 for node in same}
    return found


def test_no_question_is_about_a_name_that_two_nodes_share(
    core: Graph, asked: list[Asked], mistakable: dict[str, set[int]]
) -> None:
    assert all(len(nodes) > 20 for nodes in mistakable.values())
    for one in asked:
        assert not mistakable[one.item["lang"]] & set(one.anchors)
    for one, options in of_form(asked, "yes_no", "choice", "negative"):
        wrong = set(resolved(core, options)) - one.answers
        assert not (mistakable["en"] | mistakable["ru"]) & wrong
        assert not wrong & set(one.anchors)


def test_wrong_options_are_drawn_from_the_eight_nearest(
    core: Graph, asked: list[Asked], mistakable: dict[str, set[int]], vectors: np.ndarray
) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest_drawn = []
    for one, options in of_form(asked[:2500], "yes_no", "choice", "negative"):
        shown = set(resolved(core, options))
        wrong = sorted(shown - one.answers)
        names = {phrase(core, node, one.item["lang"]) for node in (*one.answers, *one.anchors)}
        free = [
            node
            for node in core.nodes_of_type(one.family.types[-1]).tolist()
            if node not in mistakable["en"] | mistakable["ru"] and phrase(core, node, one.item["lang"]) not in names
        ]
        resembled = (shown & one.answers) or one.answers  # a "no" shows no right answer
        ranks = []
        for right in resembled if wrong else ():
            likeness = unit[free] @ unit[right]
            eighth = np.sort(likeness)[-min(8, len(free))] - 1e-6
            ranks.append([float(unit[node] @ unit[right]) >= eighth for node in wrong])
            nearest_drawn.append(int(np.array(free)[likeness.argmax()]) in wrong)
        assert not wrong or any(map(all, ranks)), one.item
    assert 0.05 < np.mean(nearest_drawn) < 0.6  # the very nearest is drawn now and then, not always


def test_every_question_is_a_wording_with_the_names_in_and_all_wordings_are_used(
    core: Graph, items: list[Item]
) -> None:
    used: dict[tuple[str, str], set[str]] = defaultdict(set)
    again: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for item in items:
        lang, family = item["lang"], FAMILIES[item["family"]]
        names = [phrase(core, node, lang) for node in resolved(core, item["anchors"])]
        candidate = item["options"][0]["name"] if item["form"] == "yes_no" else ""
        text = item["question"].split("\n")[0]
        (wording,) = [one for one in family.wordings[lang] if one.format(*names, candidate=candidate) == text]
        used[family.name, lang].add(wording)
        again[lang, family.name, *item["anchors"]].append(wording)
    for (name, lang), wordings in used.items():
        assert wordings == set(FAMILIES[name].wordings[lang])
    assert max(map(len, again.values())) > 1
    assert all(len(set(wordings)) == len(wordings) for wordings in again.values())
    assert len({item["question"] for item in items}) == COUNT


def test_what_stands_in_russian_is_russian(items: list[Item]) -> None:
    for item in items:
        for text in (item["question"], item["reasoning"], item["answer"]):
            plain = re.sub(r"\b[A-D]\)|\d", "", text).lower()
            cyrillic, latin = (sum(a <= letter <= b for letter in plain) for a, b in (("а", "я"), ("a", "z")))
            assert cyrillic >= 3 * latin if item["lang"] == "ru" else cyrillic == 0, text


def test_difficulty_goes_by_the_number_of_facts(asked: list[Asked]) -> None:
    seen = set()
    for one in asked:
        facts = set()
        for path in one.paths:
            facts |= {(one.family.relations[0], frozenset((anchor, path[0]))) for anchor in one.anchors}
            steps = zip(one.family.relations[1:], path, path[1:], strict=False)
            facts |= {(relation, frozenset(pair)) for relation, *pair in steps}
        expected = "easy" if len(facts) <= 4 else "medium" if len(facts) <= 16 else "hard"
        assert one.item["difficulty"] == expected
        seen.add(expected)
    assert len(seen) == 3


def facts_of(core: Graph, item: Item, told: set[str]) -> list[str]:
    """Spell the edges in the proofs of the told answers, each sentence once."""
    words, found = load_fact_words(item["lang"]), {}
    for answer in item["answers"]:
        for proof in answer["proofs"] if answer["id"] in told else ():
            for edge in map(core.edge, proof["edges"]):
                ends = {"head": phrase(core, edge.head, item["lang"]), "tail": phrase(core, edge.tail, item["lang"])}
                found[words.sentence(edge.relation).format(**ends)] = True
    return list(found)


def test_the_reasoning_names_every_fact_of_the_proofs_once_and_ends_with_the_answer(
    core: Graph, items: list[Item]
) -> None:
    for item in items[:CHECKED]:
        lang, said = item["lang"], item["answer"]
        ids, options = {answer["id"] for answer in item["answers"]}, {option["id"] for option in item["options"]}
        told = ids & (options or ids)
        facts = "; ".join(facts_of(core, item, told)) + "."
        if item["form"] == "yes_no" and not told:
            names, name = sorted({one["name"] for one in item["answers"]}), item["options"][0]["name"]
            facts = DENIED[lang].format("; ".join(names), name)
            assert name not in names
        elif item["form"] == "negative":
            facts = facts[:-1] + NONE_KNOWN[lang].format(item["gold"][0])
        expected = f"{facts} {ANSWER[lang]}: {said.lower() if item['form'] == 'yes_no' else said}"
        assert item["reasoning"] == expected[0].upper() + expected[1:]
