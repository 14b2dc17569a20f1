"""QA items ask what the graph can answer: the gold answers are all of them, and every proof is a real path.

Gold answers are compared with a naive walk over sets of edges, family by family, on the default MKG, and with
answers counted by hand on the toy graph.
"""

import json
from collections import defaultdict

import pytest

from generation.qa import QAConfig, build_qa, load_families
from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph

COUNT = 240


@pytest.fixture(scope="module")
def items(core: Graph) -> list[dict]:
    """240 items over one, two and three hops."""
    return list(build_qa(core, QAConfig(), COUNT))


@pytest.fixture(scope="module")
def neighbours(core: Graph) -> dict[tuple[int, str], set[int]]:
    """Neighbours by node and relation in both directions, read edge by edge."""
    found: dict[tuple[int, str], set[int]] = defaultdict(set)
    for edge in map(core.edge, range(core.num_edges)):
        found[edge.head, edge.relation].add(edge.tail)
        found[edge.tail, edge.relation].add(edge.head)
    return found


def _walk(core: Graph, neighbours, item: dict) -> set[str]:
    """Walk the item's path with sets: the anchors meet at the first step and are never come back to."""
    anchors = {core.resolve(anchor) for anchor in item["anchors"]}
    relations, types = item["metapath"][1::2], item["metapath"][2::2]
    reached = set.intersection(*(neighbours[anchor, relations[0]] for anchor in anchors))
    reached = {node for node in reached - anchors if core.type(node) == types[0]}
    for relation, node_type in zip(relations[1:], types[1:], strict=True):
        steps = [neighbours[node, relation] for node in reached]
        reached = {node for node in set().union(*steps) - anchors if core.type(node) == node_type}
    return {core.id(node) for node in reached}


def test_every_family_is_asked(items):
    assert {item["family"] for item in items} == {family.name for family in load_families()}


@pytest.mark.parametrize("family", [family.name for family in load_families()])
def test_gold_answers_equal_a_naive_walk_over_the_edges(core, neighbours, items, family):
    asked = [item for item in items if item["family"] == family]
    assert asked
    for item in asked:
        gold = [answer["id"] for answer in item["answers"]]
        assert len(set(gold)) == len(gold)
        assert set(gold) == _walk(core, neighbours, item)
        assert 1 <= len(gold) <= 15


def test_every_proof_is_a_path_of_real_edges_from_its_anchor_to_the_answer(core, items):
    for item in items:
        for answer in item["answers"]:
            assert len(answer["proofs"]) == len(item["anchors"])
            for anchor, proof in zip(item["anchors"], answer["proofs"], strict=True):
                assert [step["relation"] for step in proof] == item["metapath"][1::2]
                here = anchor
                for step in proof:
                    edge = core.edge(step["edge"])
                    assert (core.id(edge.head), edge.relation, core.id(edge.tail)) == (
                        step["head"],
                        step["relation"],
                        step["tail"],
                    )
                    assert here in (step["head"], step["tail"])
                    here = step["tail"] if here == step["head"] else step["head"]
                assert here == answer["id"]


def test_the_proofs_of_several_anchors_share_all_but_their_first_edge(items):
    joint = [item for item in items if len(item["anchors"]) == 2]
    assert joint
    for item in joint:
        for answer in item["answers"]:
            one, other = answer["proofs"]
            assert one[0] != other[0]
            assert one[1:] == other[1:]


def test_hop_counts_are_taken_in_turn(core, items):
    assert [item["hops"] for item in items] == [1, 2, 3] * (COUNT // 3)
    assert [item["hops"] for item in build_qa(core, QAConfig(hops=(3, 1)), 5)] == [3, 1, 3, 1, 3]
    assert all(len(item["metapath"]) == 2 * item["hops"] + 1 for item in items)


def test_no_question_is_asked_twice(core, items):
    assert len({(item["family"], tuple(item["anchors"])) for item in items}) == COUNT
    assert len({item["instruction"] for item in items}) == COUNT
    assert len({item["id"] for item in items}) == COUNT


def test_no_question_is_about_a_name_that_two_drugs_share(core):
    shared = defaultdict(set)
    for node in core.nodes_of_type("drug").tolist():
        shared[core.wording(node, "en").phrase].add(core.id(node))
    ambiguous = {drug for same in shared.values() if len(same) > 1 for drug in same}
    assert len(ambiguous) > 20
    asked = {anchor for item in build_qa(core, QAConfig(hops=(2,), seed=4), 150) for anchor in item["anchors"]}
    assert not asked & ambiguous


def test_the_same_seed_gives_the_same_items_and_another_seed_others(core, items):
    assert list(build_qa(core, QAConfig(), 30)) == items[:30]
    assert list(build_qa(core, QAConfig(seed=1), 30)) != items[:30]


def test_fewer_answers_may_be_asked_for(core):
    assert {len(item["answers"]) for item in build_qa(core, QAConfig(max_answers=1), 30)} == {1}


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_question_names_its_anchors_and_the_output_its_answers_in_the_language(core, lang):
    for item in build_qa(core, QAConfig(lang=lang, seed=2), 30):
        assert item["lang"] == lang
        cyrillic = any("а" <= letter <= "я" for letter in item["instruction"].lower())
        assert cyrillic is (lang == "ru")
        for anchor in item["anchors"]:
            assert core.wording(core.resolve(anchor), lang).phrase in item["instruction"]
        names = [answer["name"] for answer in item["answers"]]
        assert names == sorted(names)
        assert item["output"] == "; ".join(dict.fromkeys(names)) + "."


def test_items_have_the_alpaca_fields_and_are_plain_data(core, items):
    for item in items:
        assert list(item)[:3] == ["instruction", "input", "output"]
        assert item["input"] == ""
        assert item["instruction"].strip()
        assert item["output"].strip(" .")
        assert item["graph"] == core.hash
    assert json.loads(json.dumps(items)) == items


def test_every_family_is_well_formed_in_both_languages():
    for family in load_families():
        assert len(family.types) == family.hops + 1
        for lang in ("en", "ru"):
            assert len(set(family.wordings[lang])) == len(family.wordings[lang]) >= 2
            for text in family.wordings[lang]:
                assert ("{1}" in text) is (family.anchors == 2)
                assert "{0}" in text


def test_the_questions_of_the_toy_graph_have_the_answers_drawn_there(toy):
    answers = {}
    for item in build_qa(toy, QAConfig(hops=(1,)), 7):
        answers[item["family"], *item["anchors"]] = {answer["id"] for answer in item["answers"]}
    # 2 diseases, 3 symptoms, 2 treatments, and A2's contraindication is in a symptom: no question about diseases
    expected = {
        ("symptoms of a disease", "T:D1"): {"T:S1", "T:S2"},
        ("symptoms of a disease", "T:D2"): {"T:S2", "T:S3"},
        ("drugs for a disease", "T:D1"): {"T:A1"},
        ("drugs for a disease", "T:D2"): {"T:A2"},
        ("diseases with a symptom", "T:S1"): {"T:D1"},
        ("diseases with a symptom", "T:S2"): {"T:D1", "T:D2"},
        ("diseases with a symptom", "T:S3"): {"T:D2"},
    }
    assert answers == expected


def test_two_symptoms_of_the_toy_graph_lead_to_the_drug_of_their_one_disease(toy):
    found = {
        tuple(item["anchors"]): [answer["id"] for answer in item["answers"]]
        for item in build_qa(toy, QAConfig(hops=(2,)), 6)
        if item["family"] == "symptoms to disease to drug"
    }
    assert found == {("T:S1", "T:S2"): ["T:A1"], ("T:S2", "T:S3"): ["T:A2"]}


def test_an_unknown_language_is_refused(core):
    with pytest.raises(UnknownNameError, match="unknown language 'fr'; take one of en, ru"):
        list(build_qa(core, QAConfig(lang="fr"), 1))


@pytest.mark.parametrize("hops", [0, 4])
def test_a_hop_count_without_a_family_is_refused(core, hops):
    with pytest.raises(KGError, match=f"no question family with {hops} hops"):
        list(build_qa(core, QAConfig(hops=(hops,)), 1))


def test_a_graph_that_runs_out_of_questions_is_one_error(toy):
    with pytest.raises(KGError, match="found no new 1-hop question with 1 to 15 answers for item 7"):
        list(build_qa(toy, QAConfig(hops=(1,)), 8))


def test_a_graph_without_the_needed_types_has_no_question(make_graph):
    graph = make_graph([("T:A", "drug", "Alphacin"), ("T:B", "drug", "Betacin")], [("T:A", "interacts_with", "T:B")])
    with pytest.raises(KGError, match="no question family with 1 hops for this graph"):
        list(build_qa(graph, QAConfig(), 1))
