"""A bundle is one coherent patient: its facts are edges of the graph or proved predictions, and none excludes another.

Constraints are recounted by the plain code of the benchmark (`bundle_checks`, itself tested here on bundles that
break each of them), drawn arrays are compared with a draw of one patient in scalars, written here, and frequencies
with the bounds that the Human Phenotype Ontology states. Small graphs are drawn so that one rule decides.
"""

import csv
import math
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import kgengine.bundles
from benchmarks import bundle_checks as checks
from benchmarks.bundles import some_predictions as made_up
from kgengine.bundles import Bundle, BundleConfig, BundleSampler, Fact, bundle_record
from kgengine.edge_scores import PredictedEdges, StoredScores
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.seeding import item_seed
from kgengine.sources.core import CORE_FOLDER

DRAWN = 3000
UNCAPPED = BundleConfig(min_symptoms=1, max_symptoms=99, max_drugs=0)
HARD = ("A56", "E05", "E28", "E66", "E78", "G47", "I10", "J20", "J45", "K50", "L80", "N17", "N84", "N85", "Z00")
"""Diseases with rivals, kinds of one symptom, or patients without any symptom."""


def _scores(graph: Graph, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(graph.num_edges).astype(np.float32)


def _even(graph: Graph, score: float = 0.5) -> np.ndarray:
    return np.full(graph.num_edges, score, np.float32)


@pytest.fixture(scope="module")
def checker(core: Graph):
    return checks.Checker(core)


@pytest.fixture(scope="module")
def bundles(core: Graph) -> list[Bundle]:
    """3,000 bundles with scores at random."""
    return list(BundleSampler(core, _scores(core)).draw(seed=11, count=DRAWN))


@pytest.fixture(scope="module")
def rich(core: Graph) -> list[Bundle]:
    """1,500 bundles with everything that can be asked for."""
    config = BundleConfig(side_effects=2, diseases=3, temperature=1.5, predicted_share=0.25, uniform=True)
    return list(BundleSampler(core, made_up(core, _scores(core)), config).draw(seed=12, count=1500))


# -- what every bundle keeps -------------------------------------------------------------------------------------------


def test_no_bundle_breaks_a_constraint(checker, bundles, rich):
    assert checker.count(bundles) == {}
    assert checker.count(rich) == {}
    assert sum(len(bundle.drugs) > 1 for bundle in bundles) > 500
    assert sum(len(bundle.comorbidities) == 2 for bundle in rich) > 1300
    assert sum(len(bundle.side_effects) for bundle in rich) > 1500


def _fact(core: Graph, head: str, relation: str, tail: str) -> Fact:
    node = core.resolve(tail if relation != "treats" else head)
    edges = core.out_edges(core.resolve(head), relation).tolist()
    edge = next((edge for edge in edges if core.edge(edge).tail == core.resolve(tail)), edges[0])
    return Fact(node, (edge,), 0.5)


def test_the_recount_sees_each_broken_constraint(core, checker):
    def has(*symptoms: str) -> tuple[Fact, ...]:
        return tuple(_fact(core, "ICD10:J18", "has_phenotype", symptom) for symptom in symptoms)

    drug = _fact(core, "ATC:J01CA04", "treats", "ICD10:J18")
    good = Bundle(0, 0, core.resolve("ICD10:J18"), 50, "female", has("HP:0001945", "HP:0031245"), (drug,))
    assert list(checker.problems(good)) == []
    mono = _fact(core, "ATC:J01CA04", "treats", "ICD10:B27")  # contra-indicated there
    broken = {
        "sex or age": replace(good, age=200),
        "findings of one line": replace(good, symptoms=has("HP:0012735", "HP:0031245")),
        "disjoint findings": replace(good, symptoms=has("HP:0031246", "HP:0031245")),
        "contra-indicated drug": replace(good, disease=core.resolve("ICD10:B27"), symptoms=(), drugs=(mono,)),
        "clashing drugs": replace(good, drugs=(drug, replace(drug, node=core.resolve("ATC:J01CA01")))),
        "diseases that exclude one another": replace(good, comorbidities=(core.resolve("ICD10:J15"),)),
        "fact without its edge": replace(good, disease=core.resolve("ICD10:J20"), drugs=()),
        "predicted what is stated": replace(good, drugs=(replace(drug, state="predicted"),)),
    }
    for problem, bundle in broken.items():
        assert problem in set(checker.problems(bundle)), problem
    effect = _fact(core, "ATC:C10AA01", "has_side_effect", "HP:0003326")
    assert "fact without its edge" in set(checker.problems(replace(good, side_effects=(effect,))))


def test_every_fact_carries_the_score_of_its_edge(core, bundles):
    scores = _scores(core)
    for bundle in bundles[:300]:
        for fact in (*bundle.symptoms, *bundle.drugs):
            assert fact.state == "exact"
            assert fact.score == pytest.approx(float(scores[fact.edges[0]]), abs=5e-5)


def test_ages_lie_between_three_and_ninety_except_in_diseases_of_infants(core, bundles):
    ages = [bundle.age for bundle in bundles]
    assert min(ages) < 10
    assert 80 < max(ages) <= 90
    for bundle in bundles:
        assert bundle.age >= min(3, core.node_age[bundle.disease][1])


def test_counts_stay_within_the_configuration(core, bundles):
    assert {len(bundle.symptoms) for bundle in bundles} == {3, 4, 5}
    assert {len(bundle.drugs) for bundle in bundles} == {0, 1, 2}
    bare = BundleSampler(core, _even(core), BundleConfig(min_symptoms=2, max_symptoms=2, max_drugs=0)).draw(3, 200)
    assert {(len(bundle.symptoms), len(bundle.drugs)) for bundle in bare} == {(2, 0)}


# -- a function of seed and number alone -------------------------------------------------------------------------------


def _draw(folder: Path, start: int, count: int) -> list[Bundle]:
    graph = Graph.open(folder)
    return list(BundleSampler(graph, _scores(graph)).draw(seed=5, count=count, start=start))


def test_neither_start_nor_batch_nor_process_matters(core, core_folder, monkeypatch):
    whole = _draw(core_folder, 0, 120)
    assert [bundle.index for bundle in whole] == list(range(120))
    assert len({bundle.seed for bundle in whole}) == 120
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(_draw, core_folder, start, 40) for start in (80, 40, 0)]
        assert [bundle for part in reversed(parts) for bundle in part.result()] == whole
    monkeypatch.setattr(kgengine.bundles, "_BLOCK", 7)
    assert _draw(core_folder, 0, 120) == whole
    assert list(BundleSampler(core, _scores(core)).draw(seed=6, count=120)) != whole


class OnePatient:
    """Draws one patient in scalars: the numbers of SplitMix64, Box-Muller, the race, each by the book."""

    def __init__(self, sampler: BundleSampler, seed: int) -> None:
        self.sampler, self.graph, self.seed = sampler, sampler.graph, seed

    def uniform(self, place: int) -> float:
        mask = 2**64 - 1
        state = (self.seed + (place + 1) * 0x9E3779B97F4A7C15) & mask
        state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & mask
        state = ((state ^ state >> 27) * 0x94D049BB133111EB) & mask
        return ((state ^ state >> 31) >> 12) * 2.0**-52 + 2.0**-53

    def normals(self, place: int, count: int) -> list[float]:
        half = (count + 1) // 2
        radius = [math.sqrt(-2 * math.log(self.uniform(place + i))) for i in range(half)]
        angle = [2 * math.pi * self.uniform(place + half + i) for i in range(half)]
        waves = [[r * wave(a) for r, a in zip(radius, angle, strict=True)] for wave in (math.cos, math.sin)]
        return (waves[0] + waves[1])[:count]

    def draw(self) -> tuple[int, str, int, list[int], list[int]]:
        sampler, graph = self.sampler, self.graph
        diseases = graph.nodes_of_type("disease").tolist()
        weights = [float(graph.node_prevalence[node]) for node in diseases]
        point, total = self.uniform(0) * sum(weights), 0.0
        disease = next(
            node for node, weight in zip(diseases, weights, strict=True) if (total := total + weight) > point
        )
        sex = graph.sex(disease)
        sex = ("female" if self.uniform(1 << 20) < 0.5 else "male") if sex == "any" else sex
        low, high = (int(limit) for limit in graph.node_age[disease])
        low, high = max(low, min(3, high)), min(high, 90)
        age = low + int(self.uniform((1 << 20) + 1) * (high - low + 1))
        table = sampler._tables.table(disease)
        symptoms = self.symptoms(table, sex, age)
        return disease, sex, age, [table.symptoms.nodes[c] for c in symptoms], self.drugs(table, sex, age, symptoms)

    def fits(self, node: int, sex: str, age: int) -> bool:
        low, high = self.graph.node_age[node]
        return self.graph.sex(node) in ("any", sex) and bool(low <= age <= high)

    def symptoms(self, table, sex: str, age: int) -> list[int]:
        variant = self.sampler._tables.variant(table, table.variant_of[int(sex == "female"), age])
        columns = [c for c, node in enumerate(table.symptoms.nodes.tolist()) if self.fits(node, sex, age)]
        assert columns == variant.columns.tolist()
        noise, keys = self.normals(2 << 20, len(columns)), {}
        for place, column in enumerate(columns):
            z = sum(variant.factor[place, j] * noise[j] for j in range(place + 1))
            log_odds = math.log(math.erfc(-z / math.sqrt(2))) - math.log(math.erfc(z / math.sqrt(2)))
            keys[column] = float(variant.odds[place]) - log_odds
        for rule in (rule for group in variant.groups for rule in group):
            own = columns[rule.column]
            if any(keys[columns[c]] > 0 for c in rule.rivals):
                keys[own] = -math.inf
            present = [columns[c] for c in rule.specifics if keys[columns[c]] > 0]
            if present:
                best = max(present, key=lambda c: keys[c])
                keys[best] = max(keys[best], keys[own])
                keys[own] = -math.inf
        taken: list[int] = []
        for column in sorted(columns, key=lambda c: -keys[c]):
            able = keys[column] > -math.inf and not any(table.symptoms.clash[column, other] for other in taken)
            if able and len(taken) < (5 if keys[column] > 0 else 3):
                taken.append(column)
        return taken

    def drugs(self, table, sex: str, age: int, symptoms: list[int]) -> list[int]:
        nodes = table.drugs.nodes.tolist()
        able = [c for c, n in enumerate(nodes) if self.fits(n, sex, age) and not table.bars[symptoms, c].any()]
        place = 4 << 20
        count = int(self.uniform(place) * min(2, len(able))) + bool(able)
        keys = [table.drugs.weight[c] - math.log(-math.log(self.uniform(place + 1 + c))) for c in range(len(nodes))]
        taken: list[int] = []
        for column in sorted(able, key=lambda c: -keys[c]):
            if len(taken) < count and not any(table.drugs.clash[column, other] for other in taken):
                taken.append(column)
        return [nodes[column] for column in taken]


def test_patients_drawn_as_arrays_are_those_drawn_one_by_one(core, bundles):
    sampler = BundleSampler(core, _scores(core))
    for bundle in bundles[:400]:
        assert bundle.seed == item_seed(11, "bundle", bundle.index)
        symptoms, drugs = ([fact.node for fact in facts] for facts in (bundle.symptoms, bundle.drugs))
        one = OnePatient(sampler, bundle.seed).draw()
        assert one == (bundle.disease, bundle.sex, bundle.age, symptoms, drugs)


# -- how often ---------------------------------------------------------------------------------------------------------


def _outside(checker, drawn) -> set[tuple[int, int]]:
    """The pairs of disease and symptom whose frequency lies outside its band by more than 4 sigma."""
    found = set()
    for (disease, symptom), (seen, of) in checker.frequencies(drawn).items():
        low, high = checks.BANDS[checker.bands[disease][symptom]]
        slack = [4 * math.sqrt(share * (1 - share) / of) for share in (low, high)]
        if not low - slack[0] <= seen / of <= high + slack[1]:
            found.add((disease, symptom))
    return found


def test_without_a_cap_every_symptom_s_frequency_lies_in_its_band_but_where_bands_contradict(core, checker):
    """A general symptom whose kinds are by themselves more frequent than it is as frequent as they are."""
    sampler = BundleSampler(core, _scores(core), replace(UNCAPPED, uniform=True))
    contradicted = {
        (disease, symptom)
        for disease, symptoms in checker.bands.items()
        for symptom in symptoms
        if checker.contradicted(disease, symptom)
    }
    assert len(contradicted) <= 23
    assert _outside(checker, sampler.draw(seed=4, count=257 * 300)) <= contradicted


@pytest.mark.parametrize("score", [0.0, 1.0, math.nan])
def test_the_hard_diseases_stay_in_their_bands_at_the_ends_of_them(core, checker, score):
    given = [core.resolve(f"ICD10:{code}") for code in HARD]
    drawn = BundleSampler(core, _even(core, score), UNCAPPED, given).draw(seed=4, count=len(given) * 2000)
    outside = _outside(checker, drawn)
    assert {pair for pair in outside if not checker.contradicted(*pair)} == set()


@pytest.mark.parametrize(("score", "frequency"), [(0.0, 0.30), (0.5, 0.545), (1.0, 0.79), (float("nan"), 0.545)])
def test_the_score_places_the_frequency_inside_the_band(make_graph, score, frequency):
    nodes = [("T:D", "disease", "Ill"), *((f"T:S{i}", "symptom", f"Sign {i}") for i in range(30))]
    bands = [2] * 15 + [-1] * 15  # an unstated frequency is "frequent"
    graph = make_graph(nodes, [("T:D", "has_phenotype", f"T:S{i}", band) for i, band in enumerate(bands)])
    drawn = list(BundleSampler(graph, _even(graph, score), UNCAPPED).draw(seed=0, count=2000))
    mean = sum(len(bundle.symptoms) for bundle in drawn) / (2000 * 30)
    assert mean == pytest.approx(frequency, abs=4 * math.sqrt(frequency * (1 - frequency) / (2000 * 30)))


def test_an_obligate_symptom_is_always_drawn_and_a_very_rare_one_hardly_ever(make_graph):
    graph = make_graph(
        [("T:D", "disease", "Ill"), ("T:S1", "symptom", "One"), ("T:S2", "symptom", "Two")],
        [("T:D", "has_phenotype", "T:S1", 0), ("T:D", "has_phenotype", "T:S2", 4)],
    )
    seen = _shares(graph, 2000)
    assert seen["T:S1"] == 1
    assert seen["T:S2"] == pytest.approx(0.025, abs=4 * math.sqrt(0.025 * 0.975 / 2000))


def _shares(graph: Graph, count: int, config: BundleConfig = UNCAPPED) -> dict[str, float]:
    drawn = BundleSampler(graph, _even(graph), config).draw(seed=1, count=count)
    seen = Counter(graph.id(fact.node) for bundle in drawn for fact in bundle.symptoms)
    return {node: number / count for node, number in seen.items()}


@pytest.mark.parametrize("most", [2, 4, 7])
def test_with_a_cap_the_order_of_the_bands_holds(make_graph, most):
    names = [(f"T:S{band}{i}", band) for band in range(5) for i in range(2)]
    nodes = [("T:D", "disease", "Ill"), *((name, "symptom", name) for name, _ in names)]
    graph = make_graph(nodes, [("T:D", "has_phenotype", name, band) for name, band in names])
    seen = _shares(graph, 4000, BundleConfig(min_symptoms=2, max_symptoms=most))
    means = [(seen.get(f"T:S{band}0", 0) + seen.get(f"T:S{band}1", 0)) / 2 for band in range(5)]
    assert means[0] == 1
    assert means == sorted(means, reverse=True)
    assert len(set(means)) == (5 if most > 2 else 2)


def test_with_a_cap_the_order_of_the_bands_holds_in_the_default_mkg(core, checker):
    sampler = BundleSampler(core, _even(core), BundleConfig(3, 4, 0, uniform=True))
    sums: dict[int, list[float]] = defaultdict(list)
    for (disease, symptom), (seen, of) in checker.frequencies(sampler.draw(seed=3, count=30_000)).items():
        sums[checker.bands[disease][symptom]].append(seen / of)
    means = [np.mean(sums[band]) for band in (1, 2, 3, 4)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 1.5 * means[1] > 3 * means[2]


def test_symptoms_come_together_as_in_the_other_diseases_and_each_as_often_as_before(make_graph):
    """One and Two are always together in twenty diseases, Three is in twenty others; the drawn one has all three."""
    nodes = [("T:D", "disease", "Ill"), *((f"T:E{i}", "disease", f"Other {i}") for i in range(40))]
    nodes += [(f"T:S{i}", "symptom", f"Sign {i}") for i in (1, 2, 3)]
    edges = [("T:D", "has_phenotype", f"T:S{i}", 2) for i in (1, 2, 3)]
    edges += [(f"T:E{i}", "has_phenotype", f"T:S{j}", 2) for i in range(20) for j in (1, 2)]
    edges += [(f"T:E{i}", "has_phenotype", "T:S3", 2) for i in range(20, 40)]
    graph = make_graph(nodes, edges)
    drawn = BundleSampler(graph, _even(graph), UNCAPPED, [graph.resolve("T:D")]).draw(seed=0, count=4000)
    table = np.array([[any(graph.id(f.node) == f"T:S{i}" for f in b.symptoms) for i in (1, 2, 3)] for b in drawn])
    one_two, one_three = np.corrcoef(table.T)[0, 1:]
    assert one_two > 0.4
    assert one_three < -0.3
    assert table.mean(axis=0) == pytest.approx([0.545] * 3, abs=4 * math.sqrt(0.25 / 4000))


# -- contradictory and general symptoms --------------------------------------------------------------------------------


def _ill(make_graph, bands: dict[str, int], *rules: tuple[str, str, str]) -> Graph:
    nodes = [("T:D", "disease", "Ill"), *((name, "symptom", name) for name in (*bands, "T:P1", "T:P2"))]
    return make_graph(nodes, [*(("T:D", "has_phenotype", name, band) for name, band in bands.items()), *rules])


@pytest.mark.parametrize(
    "rules",
    [
        [("T:S1", "disjoint_with", "T:S2")],
        [("T:S2", "disjoint_with", "T:S1")],
        [("T:S1", "subclass_of", "T:P1"), ("T:S2", "subclass_of", "T:P2"), ("T:P1", "disjoint_with", "T:P2")],
        [("T:S1", "subclass_of", "T:P1"), ("T:S2", "disjoint_with", "T:P1")],
    ],
)
def test_disjoint_symptoms_are_never_told_together_and_share_the_patients(make_graph, rules):
    graph = _ill(make_graph, {"T:S1": 2, "T:S2": 2, "T:S3": 0}, *rules)
    drawn = list(BundleSampler(graph, _even(graph), UNCAPPED).draw(seed=0, count=2000))
    pairs = [{graph.id(fact.node) for fact in bundle.symptoms} for bundle in drawn]
    assert not any({"T:S1", "T:S2"} <= pair for pair in pairs)
    for name in ("T:S1", "T:S2"):  # 0.545 each are more than all patients: both come down alike
        assert sum(name in pair for pair in pairs) / 2000 == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 2000))


def test_a_symptom_that_excludes_two_others_keeps_its_frequency(make_graph):
    graph = _ill(
        make_graph,
        {"T:S1": 3, "T:S2": 2, "T:S3": 2},
        ("T:S1", "disjoint_with", "T:S2"),
        ("T:S1", "disjoint_with", "T:S3"),
    )
    seen = _shares(graph, 4000)
    assert 0.05 <= seen["T:S1"] <= 0.29
    assert [seen["T:S2"], seen["T:S3"]] == pytest.approx([0.545] * 2, abs=0.035)


def test_the_special_symptom_is_told_and_the_general_one_counts_as_present(make_graph):
    graph = _ill(make_graph, {"T:S1": 1, "T:S2": 2, "T:S3": 0}, ("T:S2", "subclass_of", "T:S1"))
    seen = _shares(graph, 4000)
    assert seen["T:S2"] == pytest.approx(0.545, abs=0.032)
    assert seen["T:S1"] + seen["T:S2"] == pytest.approx(0.895, abs=0.02)


def test_a_cap_does_not_drop_an_obligate_symptom_that_a_rare_kind_of_it_says(make_graph):
    graph = _ill(make_graph, {"T:S1": 0, "T:S2": 4, "T:S3": 1}, ("T:S2", "subclass_of", "T:S1"))
    seen = _shares(graph, 2000, BundleConfig(min_symptoms=1, max_symptoms=1))
    assert seen["T:S1"] + seen["T:S2"] == 1
    assert seen["T:S2"] == pytest.approx(0.025, abs=0.015)


# -- drugs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "sets"),
    [
        ([], {("T:A",), ("T:B",), ("T:A", "T:B")}),
        ([("T:A", "contraindicated_in", "T:D")], {("T:B",)}),
        ([("T:A", "contraindicated_in", "T:S")], {("T:B",)}),
        ([("T:S", "subclass_of", "T:P"), ("T:A", "contraindicated_in", "T:P")], {("T:B",)}),
        ([("T:D", "subclass_of", "T:Q"), ("T:A", "contraindicated_in", "T:Q")], {("T:B",)}),
        ([("T:A", "subclass_of", "T:C"), ("T:C", "contraindicated_in", "T:S")], {("T:B",)}),
        ([("T:A", "subclass_of", "T:C"), ("T:C", "contraindicated_in", "T:D")], {("T:B",)}),
        ([("T:A", "contraindicated_in", "T:P")], {("T:A",), ("T:B",), ("T:A", "T:B")}),
        ([("T:A", "interacts_with", "T:B")], {("T:A",), ("T:B",)}),
        ([("T:B", "interacts_with", "T:A")], {("T:A",), ("T:B",)}),
        ([("T:A", "subclass_of", "T:C"), ("T:C", "interacts_with", "T:B")], {("T:A",), ("T:B",)}),
        ([("T:A", "subclass_of", "T:C"), ("T:B", "subclass_of", "T:C")], {("T:A",), ("T:B",)}),
        ([("T:A", "contraindicated_in", "T:D"), ("T:B", "contraindicated_in", "T:S")], {()}),
    ],
)
def test_one_rule_decides_which_drugs_can_be_drawn(make_graph, rule, sets):
    graph = make_graph(
        [
            ("T:D", "disease", "Ill"),
            ("T:Q", "disease", "Very ill"),
            ("T:S", "symptom", "Sign"),
            ("T:P", "symptom", "General sign"),
            ("T:A", "drug", "Alphacin"),
            ("T:B", "drug", "Betacin"),
            ("T:C", "drug_class", "Cins"),
        ],
        [("T:D", "has_phenotype", "T:S", 1), ("T:A", "treats", "T:D"), ("T:B", "treats", "T:D"), *rule],
    )
    config = BundleConfig(min_symptoms=1, max_symptoms=1, max_drugs=2)
    drawn = BundleSampler(graph, _even(graph), config).draw(seed=0, count=200)
    assert {tuple(sorted(graph.id(fact.node) for fact in bundle.drugs)) for bundle in drawn} == sets


def test_drugs_are_drawn_by_their_scores(make_graph):
    graph = make_graph(
        [
            ("T:D", "disease", "Ill"),
            ("T:S", "symptom", "Sign"),
            ("T:A", "drug", "Alphacin"),
            ("T:B", "drug", "Betacin"),
        ],
        [("T:D", "has_phenotype", "T:S", 0), ("T:A", "treats", "T:D"), ("T:B", "treats", "T:D")],
    )
    scores = _even(graph, 0.15)
    scores[graph.out_edges(graph.resolve("T:B"), "treats")] = 0.55
    sampler = BundleSampler(graph, scores, BundleConfig(min_symptoms=1, max_drugs=1))
    seen = Counter(graph.id(bundle.drugs[0].node) for bundle in sampler.draw(seed=0, count=4000))
    assert seen["T:B"] / 4000 == pytest.approx(0.6 / 0.8, abs=0.03)  # 0.05 is added to each score


# -- side effects, further diseases, temperature, predictions ----------------------------------------------------------


def test_side_effects_are_those_of_the_drugs_and_as_many_as_asked(core, checker):
    sampler = BundleSampler(core, _even(core), BundleConfig(side_effects=3, uniform=True))
    drawn = list(sampler.draw(seed=2, count=600))
    assert checker.count(drawn) == {}
    assert {len(bundle.side_effects) for bundle in drawn if bundle.drugs} >= {1, 2, 3}
    assert {len(bundle.side_effects) for bundle in drawn if not bundle.drugs} == {0}
    bundle = next(bundle for bundle in drawn if bundle.side_effects)
    record = bundle_record(core, bundle)["side_effects"][0]
    assert record["drug"] in {core.id(fact.node) for fact in bundle.drugs}
    assert core.id(core.edge(*record["edges"]).head) == record["drug"]


def test_further_diseases_go_with_the_patient_and_are_drawn_by_prevalence(core, checker):
    sampler = BundleSampler(core, _even(core), BundleConfig(diseases=2), [core.resolve("ICD10:J18")])
    drawn = list(sampler.draw(seed=2, count=1500))
    assert checker.count(drawn) == {}
    assert all(len(bundle.comorbidities) == 1 for bundle in drawn)
    second = Counter(bundle.comorbidities[0] for bundle in drawn)
    weights: dict[float, list[int]] = defaultdict(list)
    for disease in core.nodes_of_type("disease").tolist():
        if core.node_age[disease].tolist() == [0, 100] and core.sex(disease) == "any":
            weights[float(core.node_prevalence[disease])].append(second[disease])
    rare, uncommon, common, very_common = (np.mean(weights[weight]) for weight in sorted(weights))
    assert rare < uncommon < common < very_common
    assert very_common / common == pytest.approx(3, rel=0.25)
    heads = [{core.edge(fact.edges[0]).head for fact in bundle.symptoms} for bundle in drawn]
    assert all(own <= {b.disease, *b.comorbidities} for own, b in zip(heads, drawn, strict=True))
    assert sum(len(own) == 2 for own in heads) > 1400


def test_disjoint_diseases_and_those_of_one_line_or_category_are_never_together(make_graph):
    ids = ("ICD10:A01", "ICD10:A01.1", "ICD10:B02", "ICD10:C03", "ICD10:Z00", "ICD10:D04", "ICD10:E05")
    nodes = [*((name, "disease", name) for name in ids), ("T:S1", "symptom", "One"), ("T:S2", "symptom", "Two")]
    graph = make_graph(
        nodes,
        [
            *((name, "has_phenotype", "T:S2" if name == "ICD10:D04" else "T:S1", 0) for name in ids),
            ("ICD10:A01", "disjoint_with", "ICD10:B02"),
            ("ICD10:A01", "subclass_of", "ICD10:C03"),
            ("T:S1", "disjoint_with", "T:S2"),  # so D04 goes with no other disease
        ],
    )
    config = BundleConfig(min_symptoms=1, max_drugs=0, diseases=2)
    drawn = BundleSampler(graph, _even(graph), config, [graph.resolve("ICD10:A01")]).draw(seed=0, count=100)
    assert {tuple(graph.id(node) for node in bundle.comorbidities) for bundle in drawn} == {("ICD10:E05",)}


def test_temperature_1_changes_nothing_and_others_sharpen_or_even_the_draw(core):
    def sets(temperature: float) -> Counter[tuple[int, ...]]:
        config = BundleConfig(max_symptoms=4, max_drugs=1, temperature=temperature)
        drawn = BundleSampler(core, _scores(core), config, [core.resolve("ICD10:J18")]).draw(seed=0, count=500)
        return Counter(tuple(fact.node for fact in bundle.symptoms) for bundle in drawn)

    assert sets(1.0) == Counter(
        tuple(fact.node for fact in bundle.symptoms)
        for bundle in BundleSampler(
            core, _scores(core), BundleConfig(max_symptoms=4, max_drugs=1), [core.resolve("ICD10:J18")]
        ).draw(seed=0, count=500)
    )
    (frozen,) = sets(0.01)
    likely = {core.id(node) for node in frozen}
    assert {"HP:0001945", "HP:0012735"} & likely  # fever, cough: the very frequent ones
    assert len(sets(0.3)) < len(sets(1.0)) < len(sets(5.0))


def test_temperature_evens_out_diseases(core):
    def most_common(temperature: float) -> float:
        drawn = BundleSampler(core, _even(core), BundleConfig(temperature=temperature)).draw(seed=0, count=500)
        return sum(core.node_prevalence[bundle.disease] == 30 for bundle in drawn) / 500

    assert most_common(0.1) == 1
    assert most_common(100) < most_common(1) < 1


def test_the_share_of_predicted_facts_is_the_one_asked_for(core):
    stored = made_up(core, _scores(core))
    drawn = list(BundleSampler(core, stored, BundleConfig(predicted_share=0.25)).draw(seed=3, count=1500))
    facts = [fact for bundle in drawn for fact in bundle.symptoms]
    share = sum(fact.state == "predicted" for fact in facts) / len(facts)
    assert share == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / len(facts)))
    drugs = [fact.state == "predicted" for bundle in drawn for fact in bundle.drugs]
    assert 0.1 < sum(drugs) / len(drugs) <= 0.27  # not every disease has a predicted drug that fits
    assert {len(bundle.symptoms) for bundle in drawn} == {3, 4, 5}
    proofs = {(int(stored.predicted.proof[row, 0]),) for row in range(len(stored.predicted))}
    assert {fact.edges for fact in facts if fact.state == "predicted"} <= proofs
    none = BundleSampler(core, stored, BundleConfig()).draw(seed=3, count=500)
    assert {fact.state for bundle in none for fact in (*bundle.symptoms, *bundle.drugs)} == {"exact"}


def test_an_obligate_symptom_is_the_last_to_be_replaced_by_a_prediction(make_graph):
    graph = _ill(make_graph, {"T:S1": 0, "T:S2": 1, "T:S3": 1})
    rows = [graph.resolve("T:P1"), graph.resolve("T:P2")]
    relation = np.full(2, graph.relations.index("has_phenotype"), np.int16)
    predicted = PredictedEdges(
        relation,
        np.full(2, graph.resolve("T:D"), np.int32),
        np.array(rows, np.int32),
        np.array([0.9, 0.3], np.float32),
        np.array([[0, 1, -1], [2, -1, -1]]),
    )
    config = BundleConfig(min_symptoms=3, max_symptoms=3, max_drugs=0, predicted_share=0.4)
    drawn = BundleSampler(graph, StoredScores(_even(graph), predicted), config).draw(seed=0, count=3000)
    seen = Counter((graph.id(fact.node), fact.state, fact.edges) for bundle in drawn for fact in bundle.symptoms)
    assert {key[:2] for key in seen} >= {("T:P1", "predicted"), ("T:P2", "predicted"), ("T:S1", "exact")}
    assert {key[2] for key in seen if key[1] == "predicted"} == {(0, 1), (2,)}
    assert seen["T:S1", "exact", (0,)] == 3000  # never all three: two predictions are all that there are
    assert seen["T:P1", "predicted", (0, 1)] > 1.3 * seen["T:P2", "predicted", (2,)]


def test_predicted_facts_are_refused_where_none_are_stored(core):
    with pytest.raises(KGError, match="no predicted facts are stored; run 'kg train'"):
        BundleSampler(core, _even(core), BundleConfig(predicted_share=0.1))


# -- which diseases ----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_symptoms": 0, "max_symptoms": 3}, "cannot draw 0 to 3 symptoms; give 1 <= min <= max"),
        ({"min_symptoms": 4, "max_symptoms": 3}, "cannot draw 4 to 3 symptoms; give 1 <= min <= max"),
        ({"diseases": 0}, "0 diseases"),
        ({"side_effects": -1}, "-1 side effects"),
        ({"max_drugs": -2}, "-2 drugs"),
        ({"temperature": 0.0}, "temperature 0.0; give one above 0"),
        ({"predicted_share": 1.0}, "share of 1.0 predicted facts; give 0 <= share < 1"),
    ],
)
def test_impossible_wishes_are_refused_with_the_number(options, message):
    with pytest.raises(KGError, match=message):
        BundleConfig(**options)


def test_a_disease_with_too_few_symptoms_is_refused_by_its_id(toy):
    with pytest.raises(KGError, match="T:D2 has fewer than 3 symptoms"):
        BundleSampler(toy, _even(toy), BundleConfig(min_symptoms=3), diseases=[toy.resolve("T:D2")])


def test_a_graph_without_any_fitting_disease_is_refused(toy):
    with pytest.raises(KGError, match="fewer than 4 symptoms"):
        BundleSampler(toy, _even(toy), BundleConfig(min_symptoms=4))


# -- as data -----------------------------------------------------------------------------------------------------------


def test_a_record_spells_out_the_bundle_in_the_asked_language(core, rich):
    bundle = next(b for b in rich if b.drugs and b.side_effects and b.comorbidities)
    record = bundle_record(core, bundle, "ru")
    assert record["disease"] == {"id": core.id(bundle.disease), "name": core.name(bundle.disease, "ru")}
    assert [one["id"] for one in record["comorbidities"]] == [core.id(node) for node in bundle.comorbidities]
    assert (record["age"], record["sex"], record["graph"]) == (bundle.age, bundle.sex, core.hash)
    for key in ("symptoms", "drugs", "side_effects"):
        facts = getattr(bundle, key)
        assert [one["id"] for one in record[key]] == [core.id(fact.node) for fact in facts]
        assert [one["name"] for one in record[key]] == [core.name(fact.node, "ru") for fact in facts]
        assert [(one["edges"], one["state"], one["score"]) for one in record[key]] == [
            (list(fact.edges), fact.state, fact.score) for fact in facts
        ]
