"""The parts of a dataset leak nothing: what is held out for a later part is touched by no item of an earlier one.

Every node and edge that an item's questions, options and paths touch is found again by a naive walk; `held_out`, the
list that is written beside the data, must explain every item's part.
"""

from typing import Any

import numpy as np
import pytest
from test_path_tables import NaiveWalk, naive  # noqa: F401 - a fixture

from generation.qa.building import QABuilder, QAConfig
from generation.qa.families import load_families
from generation.qa.splits import DEFAULT_SHARES, SplitConfig, Splitter
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import LANGUAGES

Item = dict[str, Any]
Fact = tuple[str, frozenset[str]]
Touched = tuple[set[str], set[Fact], set[Fact]]
PARTS = ("train", "validation", "test")
FAMILIES = {family.name: family for family in load_families()}
COUNT = 5_000
BY_DISEASE, BY_EDGE = SplitConfig("disease", 0.1, 0.1, 4), SplitConfig("edge", 0.02, 0.02, 4)


def builder_of(graph: Graph, split: SplitConfig, **options: Any) -> QABuilder:
    return QABuilder(graph, QAConfig(split=split, **options), list(FAMILIES.values()))


def items_of(builder: QABuilder, count: int) -> list[Item]:
    return [item for table in builder.items(count) for item in table.to_pylist()]


def touched(graph: Graph, walk: NaiveWalk, nodes: dict[str, int], item: Item) -> Touched:
    """Find all nodes that an item names or that its answers rest on, the edges they rest on, and the claimed pairs."""
    family, anchors = FAMILIES[item["family"]], [nodes[one] for one in item["anchors"]]
    paths = walk.of(family, anchors)
    options = [option["id"] for option in item["options"]]
    named = {*item["anchors"], *options, *(graph.id(node) for path in paths for node in path)}
    facts = set()
    for path in paths:
        facts |= {(family.relations[0], frozenset((anchor, path[0]))) for anchor in anchors}
        steps = zip(family.relations[1:], path, path[1:], strict=False)
        facts |= {(relation, frozenset(pair)) for relation, *pair in steps}
    claimed = {(family.relations[0], frozenset((one, option))) for one in item["anchors"] for option in options}
    spelt = {(relation, frozenset(map(graph.id, pair))) for relation, pair in facts}
    return named, spelt, claimed if family.hops == 1 else set()


@pytest.fixture(scope="module")
def nodes(core: Graph) -> dict[str, int]:
    return {core.id(node): node for node in range(core.num_nodes)}


def latest(held: dict[str, set[Any]], found: set[Any]) -> str:
    """Tell the last part that something found is held out for."""
    return next((part for part in ("test", "validation") if held[part] & found), "train")


def fact_of(line: str) -> Fact:
    one, relation, other = line.split(" ")
    return relation, frozenset((one, other))


def test_by_disease_an_item_is_in_the_last_part_that_anything_it_touches_is_held_out_for(
    core: Graph,
    naive: NaiveWalk,  # noqa: F811
    nodes: dict[str, int],
) -> None:
    builder = builder_of(core, BY_DISEASE, langs=LANGUAGES)
    held = {part: set(ids) for part, ids in builder.held_out.items()}
    seen: dict[str, set[str]] = {part: set() for part in PARTS}
    for item in items_of(builder, COUNT):
        named, _, _ = touched(core, naive, nodes, item)
        assert item["split"] == latest(held, named)
        seen[item["split"]] |= named
    assert not seen["train"] & (held["validation"] | held["test"])
    assert not seen["validation"] & held["test"]
    assert held["validation"] <= seen["validation"] | seen["test"]
    assert len(held["test"] & seen["test"]) > 0.9 * len(held["test"])


def test_by_edge_an_item_is_in_the_last_part_that_any_of_its_edges_is_held_out_for(
    core: Graph,
    naive: NaiveWalk,  # noqa: F811
    nodes: dict[str, int],
) -> None:
    builder, splitter = builder_of(core, BY_EDGE, langs=LANGUAGES), Splitter(core, BY_EDGE)
    held = {part: set(map(fact_of, lines)) for part, lines in builder.held_out.items()}
    seen: dict[str, set[Fact]] = {part: set() for part in PARTS}
    by_claim = 0
    for item in items_of(builder, COUNT):
        _, facts, claimed = touched(core, naive, nodes, item)
        part, said = latest(held, facts | claimed), "train"
        for relation, pair in claimed - facts:  # a wrong option: a pair that no edge joins, and so in no list
            one, other = (np.array([nodes[end]]) for end in sorted(pair))
            there, back = (int(splitter.pair_levels(*ends, relation)[0]) for ends in ((one, other), (other, one)))
            assert there == back
            said = max(said, PARTS[there], key=PARTS.index)
        assert item["split"] == max(part, said, key=PARTS.index)
        by_claim += part != item["split"]
        seen[item["split"]] |= facts
    assert by_claim > 0
    assert not seen["train"] & (held["validation"] | held["test"])
    assert not seen["validation"] & held["test"]
    assert len(held["test"] & seen["test"]) > 0.5 * len(held["test"])


def test_what_is_held_out_is_listed_once_and_is_in_the_graph(core: Graph, naive: NaiveWalk) -> None:  # noqa: F811
    diseases = {core.id(node) for node in core.nodes_of_type("disease").tolist()}
    edges = {(relation, frozenset(map(core.id, pair))) for relation, pair in naive.edges}
    for split, known in ((BY_DISEASE, diseases), (BY_EDGE, edges)):
        held = builder_of(core, split).held_out
        validation, test = ([fact_of(line) if " " in line else line for line in held[part]] for part in PARTS[1:])
        assert len({*validation, *test}) == len(validation) + len(test)
        assert {*validation, *test} <= known


@pytest.mark.parametrize(("rule", "share"), [("disease", 0.1), ("disease", 0.3), ("edge", 0.02), ("edge", 0.2)])
def test_the_shares_are_about_those_asked_for(core: Graph, naive: NaiveWalk, rule: str, share: float) -> None:  # noqa: F811
    used = {relation for family in FAMILIES.values() for relation in family.relations}
    known = len(core.nodes_of_type("disease")) if rule == "disease" else sum(one in used for one, _ in naive.edges)
    for seed in range(3):
        held = builder_of(core, SplitConfig(rule, share / 2, share, seed)).held_out
        for part, wanted in (("validation", share / 2), ("test", share)):
            spread = (wanted * (1 - wanted) / known) ** 0.5
            assert abs(len(held[part]) / known - wanted) < 4 * spread


def test_the_parts_have_about_the_items_that_the_default_shares_promise(core: Graph) -> None:
    for rule in ("disease", "edge"):
        share = DEFAULT_SHARES[rule]
        items = items_of(builder_of(core, SplitConfig(rule, share, share)), 3000)
        train, validation, test = (np.mean([item["split"] == part for item in items]) for part in PARTS)
        assert train > 0.55
        assert min(validation, test) > 0.05


@pytest.mark.parametrize("split", [BY_DISEASE, BY_EDGE])
def test_what_is_held_out_hangs_on_the_splits_seed_alone(core: Graph, split: SplitConfig) -> None:
    held = builder_of(core, split).held_out
    for options in ({"seed": 9}, {"langs": ("ru", "en")}, {"max_answers": 3}, {"proofs": 0}, {"reasoned": True}):
        assert builder_of(core, split, **options).held_out == held
    other = builder_of(core, SplitConfig(split.rule, split.validation, split.test, 5)).held_out
    assert len(set(other["test"]) & set(held["test"])) < 0.5 * len(held["test"])


def test_a_larger_share_holds_out_more_of_the_same(core: Graph) -> None:
    few, many = (set(builder_of(core, SplitConfig("disease", 0.1, share)).held_out["test"]) for share in (0.1, 0.2))
    assert few < many


def test_what_is_held_out_does_not_depend_on_the_families(core: Graph) -> None:
    held = builder_of(core, BY_EDGE, families=("drugs_for_disease", "class_of_drug")).held_out
    assert held == builder_of(core, BY_EDGE).held_out
    for lines in held.values():
        assert {"treats", "has_phenotype", "has_side_effect"} <= {fact_of(line)[0] for line in lines}


def test_items_are_the_same_however_they_are_split(core: Graph) -> None:
    plain = items_of(builder_of(core, SplitConfig("none", 0, 0)), 300)
    assert {item["split"] for item in plain} == {"train"}
    assert builder_of(core, SplitConfig("none", 0, 0)).held_out == {"validation": [], "test": []}
    for split in (BY_DISEASE, BY_EDGE):
        items = items_of(builder_of(core, split), 300)
        assert [{**item, "split": ""} for item in items] == [{**item, "split": ""} for item in plain]


def test_a_graph_without_diseases_is_all_training(make_graph: Any) -> None:
    graph = make_graph(
        [("T:A", "drug", "A"), ("T:B", "drug", "B"), ("T:C", "drug", "C")],
        [("T:A", "interacts_with", "T:B"), ("T:B", "interacts_with", "T:C")],
    )
    assert {item["split"] for item in items_of(builder_of(graph, BY_DISEASE), 50)} == {"train"}


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (SplitConfig("disaese"), "unknown split 'disaese'; take one of disease, edge, none"),
        (SplitConfig("disease", 0.5, 0.5), "shares 0.5 and 0.5 leave nothing to train on"),
        (SplitConfig("edge", 0.0, 1.0), "shares 0.0 and 1.0 leave nothing to train on"),
        (SplitConfig("edge", -0.1, 0.2), "shares -0.1 and 0.2"),
        (SplitConfig("disease", 0.1, -0.2), "shares 0.1 and -0.2"),
        (SplitConfig("disease", 0.1, float("nan")), "shares 0.1 and nan"),
        (SplitConfig("disease", float("nan"), 0.1), "shares nan and 0.1"),
        (SplitConfig("disease", 0.1, float("inf")), "shares 0.1 and inf"),
    ],
)
def test_a_wrong_split_is_one_clear_line(toy: Graph, split: SplitConfig, expected: str) -> None:
    with pytest.raises(KGError) as caught:
        builder_of(toy, split)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
