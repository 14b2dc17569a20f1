"""Lays down what each disease of a graph allows: its symptoms with their frequencies and how they go together, its
drugs with their odds, and what excludes what. Tables are made when first asked for; nothing is drawn here.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kgengine.coherence import Coherence
from kgengine.copula import Floats, correlation
from kgengine.drawing import Bools, DiseaseTable, Fact, Ints, Options, Variant, make_variant
from kgengine.edge_scores import StoredScores
from kgengine.frequencies import band_limits, log_odds, make_room, order_rules
from kgengine.graph import Graph
from kgengine.schema import DISEASE, HAS_PHENOTYPE, TREATS

AGES = 101
"""Ages that a table tells apart: 0 to 100 years."""

LEAST_ODDS = 0.05
"""Added to a stated fact's score, so that one which the reasoner thinks little of is drawn now and then."""


class DiseaseTables:
    """The tables of one graph.

    :param graph: the graph.
    :param coherence: its constraints.
    :param scores: what the reasoner stored.
    :param temperature: above 0; the odds of every choice are taken to the power 1 / temperature.
    :param predictions: True to offer predicted symptoms and drugs, too.
    """

    def __init__(
        self, graph: Graph, coherence: Coherence, scores: StoredScores, temperature: float, predictions: bool
    ) -> None:
        self.graph, self.coherence, self.scores = graph, coherence, scores
        self.temperature, self.predictions = temperature, predictions
        self._diseases = graph.nodes_of_type(DISEASE)
        self._tables: dict[int, DiseaseTable] = {}
        self._bearers: dict[int, tuple[Ints, Floats]] = {}

    def table(self, disease: int) -> DiseaseTable:
        """Give a disease's table."""
        found = self._tables.get(disease)
        if found is None:
            found = self._tables[disease] = self._make(disease)
        return found

    def variant(self, table: DiseaseTable, number: int) -> Variant:
        """Give one of a table's variants (see `DiseaseTable.variant_of`)."""
        found = table.variants.get(number)
        if found is None:
            male_or_female, age = np.argwhere(table.variant_of == number)[0]
            stated = table.symptoms.nodes[: table.symptoms.stated]
            columns = np.flatnonzero(self.coherence.fits(stated, male_or_female == 1, age))
            found = table.variants[number] = self._make_variant(table, columns)
        return found

    def _make(self, disease: int) -> DiseaseTable:
        symptoms = self._symptoms(disease)
        drugs = self._drugs(disease)
        stated = symptoms.nodes[: symptoms.stated]
        ages = np.broadcast_to(np.arange(AGES), (2, AGES))
        fits = self.coherence.fits(stated, np.array([[False], [True]]), ages)
        _, variant_of = np.unique(fits.reshape(2 * AGES, -1), axis=0, return_inverse=True)
        bars = np.array(
            [[self.coherence.barred(drug, symptom) for drug in drugs.nodes.tolist()] for symptom in symptoms.nodes],
            np.bool_,
        ).reshape(len(symptoms.nodes), len(drugs.nodes))
        return DiseaseTable(disease, symptoms, drugs, bars, variant_of.reshape(2, AGES))

    def score(self, edge: int) -> float:
        """Give the reasoner's score of an edge, 0.5 where it has none."""
        score = float(self.scores.edges[edge])
        return 0.5 if np.isnan(score) else score

    def fact(self, node: int, edge: int) -> Fact:
        """Make the fact that an edge states."""
        return Fact(node, (edge,), round(self.score(edge), 4))

    def weight(self, fact: Fact) -> float:
        """Give the log of a fact's odds in a draw among others."""
        odds = fact.score + (LEAST_ODDS if fact.state == "exact" else 0.0)
        return math.log(odds) / self.temperature if odds > 0 else -math.inf

    def _options(self, stated: list[Fact], predicted: list[Fact], exclude: Callable[[int, int], bool]) -> Options:
        """Put options together with what excludes what among them."""
        facts = [*stated, *predicted]
        nodes = [fact.node for fact in facts]
        clash = np.zeros((len(nodes), len(nodes)), np.bool_)
        for row, one in enumerate(nodes):
            for column in range(row, len(nodes)):
                clash[row, column] = clash[column, row] = exclude(one, nodes[column])
        weight = np.array([self.weight(fact) for fact in facts])
        return Options(np.array(nodes, np.int64), facts, len(stated), weight, clash)

    def _symptoms(self, disease: int) -> Options:
        edges = self.graph.out_edges(disease, HAS_PHENOTYPE).tolist()
        facts = [self.fact(self.graph.edge(edge).tail, edge) for edge in edges]
        guessed = self._predicted(disease, HAS_PHENOTYPE, {fact.node for fact in facts})
        return self._options(facts, guessed, self.coherence.exclude)

    def _drugs(self, disease: int) -> Options:
        edges = self.graph.in_edges(disease, TREATS).tolist()
        facts = [self.fact(self.graph.edge(edge).head, edge) for edge in edges]
        guessed = self._predicted(disease, TREATS, {fact.node for fact in facts})
        able = [fact for fact in facts if not self.coherence.barred(fact.node, disease)]
        also = [fact for fact in guessed if not self.coherence.barred(fact.node, disease)]
        return self._options(able, also, self.coherence.drugs_clash)

    def _predicted(self, disease: int, relation: str, stated: set[int]) -> list[Fact]:
        if not self.predictions or relation not in self.graph.relations:
            return []
        rows = self.scores.predicted
        own, other = (rows.head, rows.tail) if relation == HAS_PHENOTYPE else (rows.tail, rows.head)
        wanted = (own == disease) & (rows.relation == self.graph.relations.index(relation))
        facts = {}
        for row in np.flatnonzero(wanted).tolist():
            node, proof = int(other[row]), tuple(edge for edge in rows.proof[row].tolist() if edge >= 0)
            if node not in stated:
                facts[node] = Fact(node, proof, round(float(rows.score[row]), 4), "predicted")
        return list(facts.values())

    def _make_variant(self, table: DiseaseTable, columns: Ints) -> Variant:
        nodes = table.symptoms.nodes[columns]
        edges = [table.symptoms.facts[column].edges[0] for column in columns.tolist()]
        low, high = band_limits(np.asarray(self.graph.edge_band)[edges])
        aim = low + (high - low) * np.array([self.score(edge) for edge in edges])
        above = self._above(nodes)
        disjoint = table.symptoms.clash[np.ix_(columns, columns)] & ~(above | above.T | np.eye(len(nodes), dtype=bool))
        aim = make_room(aim, low, high, disjoint, above)
        groups = order_rules(disjoint, above, aim)
        apart = np.zeros_like(disjoint)
        for rules in groups:
            members = [rule.column for rule in rules]
            apart[np.ix_(members, members)] = True
        together = correlation(self._profiles(table.disease, nodes), apart)
        return make_variant(columns, together, groups, log_odds(aim) / self.temperature, (low, high))

    def _above(self, nodes: npt.NDArray[np.int64]) -> Bools:
        above = [[other != node and other in self.coherence.line(node) for other in nodes] for node in nodes.tolist()]
        return np.array(above, np.bool_).reshape(len(nodes), len(nodes))

    def _profiles(self, disease: int, nodes: Ints) -> Floats:
        """Give the frequency of some symptoms in every disease but one: its own row holds what is to be judged."""
        profiles = np.zeros((len(self._diseases), len(nodes)))
        for column, node in enumerate(nodes.tolist()):
            found = self._bearers.get(node)
            if found is None:
                found = self._bearers[node] = self._bearers_of(node)
            profiles[found[0], column] = found[1]
        return np.delete(profiles, disease - self._diseases[0], axis=0)

    def _bearers_of(self, node: int) -> tuple[Ints, Floats]:
        """Give the rows of the diseases that have a symptom, and the middle of its band in each."""
        edges = self.graph.in_edges(node, HAS_PHENOTYPE)
        low, high = band_limits(np.asarray(self.graph.edge_band)[edges])
        rows = np.asarray(self.graph.edge_head)[edges].astype(np.int64) - self._diseases[0]
        own = (rows >= 0) & (rows < len(self._diseases))
        return rows[own], ((low + high) / 2)[own]
