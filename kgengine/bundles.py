"""Draws bundles: one patient's coherent facts, each with the edge and the score behind it.

A symptom is drawn with a frequency inside its HPO band, and where in the band the reasoner's score for
the edge decides. Nothing incoherent is drawn: sex and age limits of every node hold, a drug must treat
the disease and be contra-indicated neither for it nor for a drawn symptom nor with another drawn drug,
and a symptom never stands beside a more general one of its own line. No text is made here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.hierarchy import superclasses
from kgengine.schema import (
    CONTRAINDICATED_IN,
    DISEASE,
    FREQUENCY_BANDS,
    HAS_PHENOTYPE,
    INTERACTS_WITH,
    SUBCLASS_OF,
    TREATS,
)
from kgengine.seeding import item_rng, item_seed

MIN_AGE_CLINIC = 3
"""Youngest patient drawn, in years: below it a note quotes parents, which our wordings don't."""


@dataclass(frozen=True)
class Fact:
    """One drawn fact: the symptom or drug, the edge that states it, and the reasoner's score (0 to 1)."""

    node: int
    edge: int
    score: float


@dataclass(frozen=True)
class Bundle:
    """One patient: `disease` is a node index, `age` in years, `sex` female or male."""

    index: int
    seed: int
    disease: int
    age: int
    sex: str
    symptoms: tuple[Fact, ...]
    drugs: tuple[Fact, ...]


@dataclass(frozen=True)
class BundleConfig:
    """How to draw.

    :ivar min_symptoms: fewest symptoms, at least 1.
    :ivar max_symptoms: most symptoms.
    :ivar max_drugs: most drugs, 0 for none.
    :ivar uniform: draw all diseases equally often instead of by prevalence.
    """

    min_symptoms: int = 3
    max_symptoms: int = 5
    max_drugs: int = 2
    uniform: bool = False


class BundleSampler:
    """Draws bundles from a graph.

    :param graph: the graph.
    :param scores: float32 [num_edges], see `kgengine.edge_scores`.
    :param config: how to draw.
    :param diseases: node indices to draw from; all diseases with enough symptoms when None.
    :raises KGError: the counts contradict each other, or no disease can be drawn.
    """

    def __init__(
        self,
        graph: Graph,
        scores: npt.NDArray[np.float32],
        config: BundleConfig = BundleConfig(),
        diseases: Sequence[int] | None = None,
    ) -> None:
        if not 1 <= config.min_symptoms <= config.max_symptoms:
            raise KGError(f"cannot draw {config.min_symptoms} to {config.max_symptoms} symptoms; give 1 <= min <= max")
        self.graph, self.scores, self.config = graph, scores, config
        self._lines = superclasses(graph)
        given = graph.nodes_of_type(DISEASE).tolist() if diseases is None else list(diseases)
        self.diseases = [node for node in given if len(graph.out_edges(node, HAS_PHENOTYPE)) >= config.min_symptoms]
        dropped = [node for node in given if node not in self.diseases]
        if (dropped and diseases is not None) or not self.diseases:
            name = graph.id(dropped[0]) if dropped else "the graph"
            raise KGError(f"{name} has fewer than {config.min_symptoms} symptoms; lower the minimum or take another")
        weights = np.array([graph.node_prevalence[node] for node in self.diseases], np.float64)
        if config.uniform or diseases is not None or not weights.any():
            weights = np.ones(len(self.diseases))
        self._weights = weights / weights.sum()

    def draw(self, seed: int, count: int, start: int = 0) -> Iterator[Bundle]:
        """Draw bundles number `start` to `start + count - 1`; each depends on the seed and its number alone."""
        for index in range(start, start + count):
            rng = item_rng(seed, "bundle", index)
            disease = int(rng.choice(self.diseases, p=self._weights))
            sex, age = self._person(disease, rng)
            symptoms = self._symptoms(disease, sex, age, rng)
            drugs = self._drugs(disease, sex, age, symptoms, rng)
            yield Bundle(index, item_seed(seed, "bundle", index), disease, age, sex, symptoms, drugs)

    def _person(self, disease: int, rng: np.random.Generator) -> tuple[str, int]:
        sex = self.graph.sex(disease)
        if sex == "any":
            sex = ("female", "male")[int(rng.integers(2))]
        low, high = (int(limit) for limit in self.graph.node_age[disease])
        low, high = max(low, min(MIN_AGE_CLINIC, high)), min(high, 90)
        return sex, int(rng.integers(low, max(low, high) + 1))

    def _fits(self, node: int, sex: str, age: int) -> bool:
        low, high = self.graph.node_age[node]
        return self.graph.sex(node) in ("any", sex) and bool(low <= age <= high)

    def _fact(self, node: int, edge: int) -> Fact:
        score = float(self.scores[edge])
        return Fact(node, edge, 0.5 if np.isnan(score) else round(score, 4))

    def _symptoms(self, disease: int, sex: str, age: int, rng: np.random.Generator) -> tuple[Fact, ...]:
        """Draw each symptom with its frequency; trim or fill to the allowed count, by the same frequencies."""
        facts = []
        for edge in self.graph.out_edges(disease, HAS_PHENOTYPE).tolist():
            node = int(self.graph.edge_tail[edge])
            if self._fits(node, sex, age):
                facts.append(self._fact(node, edge))
        frequency = np.array([self._frequency(fact) for fact in facts])
        drawn = rng.random(len(facts)) < frequency
        order = np.argsort(-(np.log(frequency / (1 - frequency + 1e-9)) + rng.logistic(size=len(facts))), kind="stable")
        chosen: list[Fact] = []
        for position in [*order[drawn[order]], *order[~drawn[order]]]:
            if len(chosen) >= self.config.max_symptoms:
                break
            if not drawn[position] and len(chosen) >= self.config.min_symptoms:
                break
            fact = facts[position]
            if all(not self._same_line(fact.node, other.node) for other in chosen):
                chosen.append(fact)
        return tuple(chosen)

    def _frequency(self, fact: Fact) -> float:
        """Place the fact inside its frequency band by the reasoner's score (middle of "frequent" if unstated)."""
        band_index = int(self.graph.edge_band[fact.edge])
        band = FREQUENCY_BANDS[band_index if band_index >= 0 else 2]
        return band.low + (band.high - band.low) * fact.score

    def _same_line(self, one: int, other: int) -> bool:
        return other in self._lines.get(one, ()) or one in self._lines.get(other, ())

    def _drugs(
        self, disease: int, sex: str, age: int, symptoms: Sequence[Fact], rng: np.random.Generator
    ) -> tuple[Fact, ...]:
        barred = {disease, *(fact.node for fact in symptoms)}
        barred |= {line for fact in symptoms for line in self._lines.get(fact.node, ())}
        facts = []
        for edge in self.graph.in_edges(disease, TREATS).tolist():
            node = self.graph.edge(edge).head
            forbidden = {int(self.graph.edge_tail[row]) for row in self.graph.out_edges(node, CONTRAINDICATED_IN)}
            if self._fits(node, sex, age) and not barred & forbidden:
                facts.append(self._fact(node, edge))
        if not facts or not self.config.max_drugs:
            return ()
        weights = np.array([0.05 + fact.score for fact in facts])
        count = int(rng.integers(1, min(self.config.max_drugs, len(facts)) + 1))
        order = rng.choice(len(facts), size=len(facts), replace=False, p=weights / weights.sum())
        chosen: list[Fact] = []
        for fact in (facts[position] for position in order):
            if len(chosen) < count and not any(self._clash(fact.node, other.node) for other in chosen):
                chosen.append(fact)
        return tuple(chosen)

    def _clash(self, one: int, other: int) -> bool:
        """Two drugs clash when they interact, are one substance, or share their ATC class (one of a kind is enough)."""
        if self.graph.wording(one, "en").phrase == self.graph.wording(other, "en").phrase:
            return True
        for a, b in ((one, other), (other, one)):
            if b in self.graph.edge_tail[self.graph.out_edges(a, INTERACTS_WITH)]:
                return True
        classes = [set(self.graph.edge_tail[self.graph.out_edges(node, SUBCLASS_OF)].tolist()) for node in (one, other)]
        return bool(classes[0] & classes[1])


def bundle_record(graph: Graph, bundle: Bundle, lang: str = "en") -> dict[str, Any]:
    """Give a bundle as plain data, every fact with its edge spelled out."""

    def facts(items: Sequence[Fact]) -> list[dict[str, Any]]:
        return [
            {
                "id": graph.id(fact.node),
                "name": graph.name(fact.node, lang),
                "edge": fact.edge,
                "score": fact.score,
            }
            for fact in items
        ]

    return {
        "id": f"bundle-{bundle.index:06d}",
        "seed": bundle.seed,
        "disease": {"id": graph.id(bundle.disease), "name": graph.name(bundle.disease, lang)},
        "age": bundle.age,
        "sex": bundle.sex,
        "symptoms": facts(bundle.symptoms),
        "drugs": facts(bundle.drugs),
        "graph": graph.hash,
    }
