"""A bundle is one coherent patient: every fact is an edge of the graph and no two facts contradict each other.

Constraints are checked on 3,000 bundles of the default MKG against sets read from its edges here, on small
graphs drawn so that one rule decides, and frequencies against the bounds that the Human Phenotype Ontology
states and the prevalence odds that the schema documents.
"""

import csv
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from kgengine.bundles import Bundle, BundleConfig, BundleSampler, bundle_record
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.sources.core import CORE_FOLDER

DRAWN = 3000
BANDS = {1: (0.80, 0.99), 2: (0.30, 0.79), 3: (0.05, 0.29), 4: (0.01, 0.04)}


def _even(graph: Graph, score: float = 0.5) -> np.ndarray:
    return np.full(graph.num_edges, score, np.float32)


@pytest.fixture(scope="module")
def bundles(core: Graph) -> list[Bundle]:
    """3,000 bundles with scores at random."""
    scores = np.random.default_rng(1).random(core.num_edges).astype(np.float32)
    return list(BundleSampler(core, scores).draw(seed=11, count=DRAWN))


@pytest.fixture(scope="module")
def targets(core: Graph) -> dict[str, dict[int, set[int]]]:
    """Tails by relation and head, read edge by edge."""
    found: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for edge in map(core.edge, range(core.num_edges)):
        found[edge.relation][edge.head].add(edge.tail)
    return found


def _above(targets, node: int) -> set[int]:
    direct = targets["subclass_of"][node]
    return direct.union(*(_above(targets, parent) for parent in direct))


def test_every_fact_is_an_edge_between_the_disease_and_its_node(core, bundles):
    for bundle in bundles:
        for fact in bundle.symptoms:
            edge = core.edge(*fact.edges)
            assert (edge.head, edge.relation, edge.tail) == (bundle.disease, "has_phenotype", fact.node)
        for fact in bundle.drugs:
            edge = core.edge(*fact.edges)
            assert (edge.head, edge.relation, edge.tail) == (fact.node, "treats", bundle.disease)


def test_every_fact_carries_the_score_of_its_edge(core, bundles):
    scores = np.random.default_rng(1).random(core.num_edges).astype(np.float32)
    for bundle in bundles[:300]:
        for fact in (*bundle.symptoms, *bundle.drugs):
            assert fact.score == pytest.approx(float(scores[fact.edges[0]]), abs=5e-5)


def test_sex_and_age_limits_of_every_node_hold(core, bundles):
    for bundle in bundles:
        assert bundle.sex in ("female", "male")
        for node in (bundle.disease, *(fact.node for fact in (*bundle.symptoms, *bundle.drugs))):
            low, high = core.node_age[node]
            assert low <= bundle.age <= high
            assert core.sex(node) in ("any", bundle.sex)


def test_ages_lie_between_three_and_ninety_except_in_diseases_of_infants(core, bundles):
    ages = [bundle.age for bundle in bundles]
    assert min(ages) < 10
    assert 80 < max(ages) <= 90
    for bundle in bundles:
        assert bundle.age >= min(3, core.node_age[bundle.disease][1])


def test_no_drug_is_contraindicated_in_the_disease_or_in_a_symptom_or_what_it_specialises(targets, bundles):
    for bundle in bundles:
        present = {bundle.disease, *(fact.node for fact in bundle.symptoms)}
        present |= {above for fact in bundle.symptoms for above in _above(targets, fact.node)}
        for fact in bundle.drugs:
            assert not targets["contraindicated_in"][fact.node] & present


def test_no_two_drugs_interact_or_share_their_class_or_substance(core, targets, bundles):
    pairs = 0
    for bundle in bundles:
        nodes = [fact.node for fact in bundle.drugs]
        for one in nodes:
            for other in nodes:
                if one != other:
                    pairs += 1
                    assert other not in targets["interacts_with"][one]
                    assert not targets["subclass_of"][one] & targets["subclass_of"][other]
                    assert core.wording(one, "en").phrase != core.wording(other, "en").phrase
    assert pairs > 1000


def test_no_symptom_stands_beside_its_superclass_or_itself(targets, bundles):
    for bundle in bundles:
        nodes = [fact.node for fact in bundle.symptoms]
        assert len(set(nodes)) == len(nodes)
        for node in nodes:
            assert not _above(targets, node) & set(nodes)


def test_counts_stay_within_the_configuration(core, bundles):
    assert {len(bundle.symptoms) for bundle in bundles} == {3, 4, 5}
    assert {len(bundle.drugs) for bundle in bundles} == {0, 1, 2}
    bare = BundleSampler(core, _even(core), BundleConfig(min_symptoms=2, max_symptoms=2, max_drugs=0)).draw(3, 200)
    assert {(len(bundle.symptoms), len(bundle.drugs)) for bundle in bare} == {(2, 0)}


def test_the_same_seed_draws_the_same_bundles_wherever_it_starts(core):
    sampler = BundleSampler(core, _even(core))
    whole = list(sampler.draw(seed=5, count=30))
    again = BundleSampler(core, _even(core))
    assert list(again.draw(seed=5, count=10, start=20)) == whole[20:]
    assert [bundle.index for bundle in whole] == list(range(30))
    assert len({bundle.seed for bundle in whole}) == 30
    assert list(sampler.draw(seed=6, count=30)) != whole


@pytest.mark.parametrize("disease", ["ICD10:A09", "ICD10:J18", "ICD10:N30", "ICD10:G43", "ICD10:M06"])
def test_a_symptom_is_drawn_with_a_frequency_inside_its_band(core, targets, disease):
    node, draws = core.resolve(disease), 1000
    scores = np.random.default_rng(2).random(core.num_edges).astype(np.float32)
    config = BundleConfig(min_symptoms=1, max_symptoms=100, max_drugs=0)
    seen = Counter(
        fact.edges[0]
        for bundle in BundleSampler(core, scores, config, [node]).draw(seed=4, count=draws)
        for fact in bundle.symptoms
    )
    symptoms = targets["has_phenotype"][node]
    checked = 0
    for edge in core.out_edges(node, "has_phenotype").tolist():
        symptom = int(core.edge_tail[edge])
        relatives = {
            other for other in symptoms if other in _above(targets, symptom) or symptom in _above(targets, other)
        }
        if relatives or core.sex(symptom) != "any" or core.node_age[symptom].tolist() != [0, 100]:
            continue
        low, high = BANDS[int(core.edge_band[edge])]
        expected = low + (high - low) * float(scores[edge])
        sigma = math.sqrt(expected * (1 - expected) / draws)
        assert low - 3 * sigma <= seen[edge] / draws <= high + 3 * sigma
        assert seen[edge] / draws == pytest.approx(expected, abs=4 * sigma)
        checked += 1
    assert checked >= 5


@pytest.mark.parametrize(("score", "frequency"), [(0.0, 0.30), (0.5, 0.545), (1.0, 0.79), (float("nan"), 0.545)])
def test_the_score_places_the_frequency_inside_the_band(make_graph, score, frequency):
    nodes = [("T:D", "disease", "Ill"), *((f"T:S{i}", "symptom", f"Sign {i}") for i in range(8))]
    graph = make_graph(nodes, [("T:D", "has_phenotype", f"T:S{i}", 2) for i in range(8)])
    config = BundleConfig(min_symptoms=1, max_symptoms=8)
    drawn = list(BundleSampler(graph, _even(graph, score), config).draw(seed=0, count=2000))
    mean = sum(len(bundle.symptoms) for bundle in drawn) / (2000 * 8)
    # a bundle never stays empty: with 8 signs at 0.30 the one put in adds 0.7 ** 8 / 8 = 0.7 %
    sigma = math.sqrt(frequency * (1 - frequency) / (2000 * 8))
    assert mean == pytest.approx(frequency + (1 - frequency) ** 8 / 8, abs=3 * sigma)


def test_an_obligate_symptom_is_always_drawn_and_a_very_rare_one_hardly_ever(make_graph):
    graph = make_graph(
        [("T:D", "disease", "Ill"), ("T:S1", "symptom", "One"), ("T:S2", "symptom", "Two")],
        [("T:D", "has_phenotype", "T:S1", 0), ("T:D", "has_phenotype", "T:S2", 4)],
    )
    config = BundleConfig(min_symptoms=1, max_symptoms=2)
    seen = Counter(
        graph.id(fact.node)
        for bundle in BundleSampler(graph, _even(graph), config).draw(seed=0, count=1000)
        for fact in bundle.symptoms
    )
    assert seen["T:S1"] == 1000
    assert 5 <= seen["T:S2"] <= 50  # 2.5 % of 1,000 is 25, sigma is 5


def _drugs_drawn(graph: Graph, count: int = 200) -> set[tuple[str, ...]]:
    config = BundleConfig(min_symptoms=1, max_symptoms=1, max_drugs=2)
    drawn = BundleSampler(graph, _even(graph), config).draw(seed=0, count=count)
    return {tuple(sorted(graph.id(fact.node) for fact in bundle.drugs)) for bundle in drawn}


@pytest.mark.parametrize(
    ("rule", "sets"),
    [
        ([], {("T:A",), ("T:B",), ("T:A", "T:B")}),
        ([("T:A", "contraindicated_in", "T:D")], {("T:B",)}),
        ([("T:A", "contraindicated_in", "T:S")], {("T:B",)}),
        ([("T:S", "subclass_of", "T:P"), ("T:A", "contraindicated_in", "T:P")], {("T:B",)}),
        ([("T:A", "contraindicated_in", "T:P")], {("T:A",), ("T:B",), ("T:A", "T:B")}),
        ([("T:A", "interacts_with", "T:B")], {("T:A",), ("T:B",)}),
        ([("T:B", "interacts_with", "T:A")], {("T:A",), ("T:B",)}),
        ([("T:A", "subclass_of", "T:C"), ("T:B", "subclass_of", "T:C")], {("T:A",), ("T:B",)}),
        ([("T:A", "contraindicated_in", "T:D"), ("T:B", "contraindicated_in", "T:S")], {()}),
    ],
)
def test_one_rule_decides_which_drugs_can_be_drawn(make_graph, rule, sets):
    graph = make_graph(
        [
            ("T:D", "disease", "Ill"),
            ("T:S", "symptom", "Sign"),
            ("T:P", "symptom", "General sign"),
            ("T:A", "drug", "Alphacin"),
            ("T:B", "drug", "Betacin"),
            ("T:C", "drug_class", "Cins"),
        ],
        [("T:D", "has_phenotype", "T:S", 1), ("T:A", "treats", "T:D"), ("T:B", "treats", "T:D"), *rule],
    )
    assert _drugs_drawn(graph) == sets


def test_a_drug_that_treats_another_disease_is_never_drawn(toy):
    config = BundleConfig(min_symptoms=2, max_symptoms=2)
    for bundle in BundleSampler(toy, _even(toy), config).draw(seed=0, count=50):
        treats = {"T:D1": "T:A1", "T:D2": "T:A2"}[toy.id(bundle.disease)]
        assert [toy.id(fact.node) for fact in bundle.drugs] == [treats]


def test_common_diseases_are_drawn_by_their_odds_and_equally_often_when_uniform(core, bundles):
    odds = {"rare": 1, "uncommon": 3, "common": 10, "very_common": 30}
    with (CORE_FOLDER / "disease_nodes.tsv").open(encoding="utf-8", newline="") as handle:
        classes = {row["id"]: row["prevalence"] for row in csv.DictReader(handle, delimiter="\t")}
    total = sum(odds[name] for name in classes.values())
    uniform = list(BundleSampler(core, _even(core), BundleConfig(uniform=True)).draw(seed=9, count=DRAWN))
    for name in odds:
        members = {disease for disease, prevalence in classes.items() if prevalence == name}
        for drawn, share in ((bundles, len(members) * odds[name] / total), (uniform, len(members) / len(classes))):
            found = sum(core.id(bundle.disease) in members for bundle in drawn) / DRAWN
            assert found == pytest.approx(share, abs=3 * math.sqrt(share * (1 - share) / DRAWN))


def test_only_the_given_diseases_are_drawn_and_equally_often(core):
    given = [core.resolve("ICD10:A09"), core.resolve("ICD10:G35")]
    drawn = Counter(bundle.disease for bundle in BundleSampler(core, _even(core), diseases=given).draw(2, 400))
    assert set(drawn) == set(given)
    assert drawn[given[0]] == pytest.approx(200, abs=30)  # 3 sigma of 400 fair coins


@pytest.mark.parametrize(("low", "high"), [(0, 3), (-1, 3), (4, 3)])
def test_contradicting_symptom_counts_are_refused_with_the_numbers(core, low, high):
    with pytest.raises(KGError, match=f"cannot draw {low} to {high} symptoms; give 1 <= min <= max"):
        BundleSampler(core, _even(core), BundleConfig(min_symptoms=low, max_symptoms=high))


def test_a_disease_with_too_few_symptoms_is_refused_by_its_id(toy):
    with pytest.raises(KGError, match="T:D2 has fewer than 3 symptoms"):
        BundleSampler(toy, _even(toy), BundleConfig(min_symptoms=3), diseases=[toy.resolve("T:D2")])


def test_a_graph_without_any_fitting_disease_is_refused(toy):
    with pytest.raises(KGError, match="fewer than 4 symptoms"):
        BundleSampler(toy, _even(toy), BundleConfig(min_symptoms=4))


def test_a_record_spells_out_the_bundle_in_the_asked_language(core, bundles):
    bundle = next(bundle for bundle in bundles if bundle.drugs)
    record = bundle_record(core, bundle, "ru")
    assert record["disease"] == {"id": core.id(bundle.disease), "name": core.name(bundle.disease, "ru")}
    assert (record["age"], record["sex"], record["graph"]) == (bundle.age, bundle.sex, core.hash)
    assert [symptom["id"] for symptom in record["symptoms"]] == [core.id(fact.node) for fact in bundle.symptoms]
    assert [tuple(drug["edges"]) for drug in record["drugs"]] == [fact.edges for fact in bundle.drugs]
