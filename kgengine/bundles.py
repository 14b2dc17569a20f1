"""Draws bundles: one patient's coherent facts, each with the edges and the score behind it.

A disease is drawn, then its symptoms jointly, then drugs, and if asked further diseases, predicted facts and side
effects. Nothing incoherent is drawn (`kgengine.coherence` says what that is), and a symptom comes as often as its
HPO band says (docs/bundles.md says exactly what is promised). A bundle depends on the run's seed and its number
alone: neither batch, order nor process matters. No text is made here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgengine.bundle_records import Bundle, bundle_record
from kgengine.coherence import Coherence
from kgengine.copula import uniforms
from kgengine.disease_tables import AGES, DiseaseTables
from kgengine.drawing import (
    COMORBIDITY_AT,
    DISEASE_AT,
    EFFECTS_AT,
    NEXT_DISEASE,
    PERSON_AT,
    PREDICTED_AT,
    Bools,
    DiseaseTable,
    Fact,
    Ints,
    Seeds,
    Variant,
    gumbel_keys,
    replaced,
    symptom_keys,
    take_drugs,
    take_symptoms,
)
from kgengine.edge_scores import PredictedEdges, StoredScores
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import DISEASE, HAS_PHENOTYPE, HAS_SIDE_EFFECT, SEXES
from kgengine.seeding import item_seed

__all__ = ["Bundle", "BundleConfig", "BundleSampler", "Fact", "bundle_record"]

YOUNGEST = 3
"""Youngest patient drawn, in years, unless the disease ends before: a note quotes a smaller one's parents."""
OLDEST = 90
"""Oldest patient drawn, in years."""

_BLOCK = 16_384
"""Bundles drawn at once: enough that a disease comes often, few enough for some tens of megabytes."""
_TRIES = 64
"""Diseases drawn before a patient is left without a further one."""


@dataclass(frozen=True)
class BundleConfig:
    """How to draw.

    :ivar min_symptoms: fewest symptoms of a disease, at least 1.
    :ivar max_symptoms: most symptoms of a disease.
    :ivar max_drugs: most drugs for a disease, 0 for none.
    :ivar uniform: draw all diseases equally often instead of by prevalence.
    :ivar side_effects: most side effects of the drugs.
    :ivar diseases: diseases of a patient, at least 1.
    :ivar temperature: above 0; the odds of every choice are taken to the power 1 / temperature.
    :ivar predicted_share: expected share of predicted facts among symptoms and drugs, 0 to below 1.
    """

    min_symptoms: int = 3
    max_symptoms: int = 5
    max_drugs: int = 2
    uniform: bool = False
    side_effects: int = 0
    diseases: int = 1
    temperature: float = 1.0
    predicted_share: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_symptoms <= self.max_symptoms:
            raise KGError(f"cannot draw {self.min_symptoms} to {self.max_symptoms} symptoms; give 1 <= min <= max")
        for what, number, least in (
            ("diseases", self.diseases, 1),
            ("drugs", self.max_drugs, 0),
            ("side effects", self.side_effects, 0),
        ):
            if number < least:
                raise KGError(f"cannot draw {number} {what}; give at least {least}")
        if not self.temperature > 0:
            raise KGError(f"cannot draw at temperature {self.temperature}; give one above 0")
        if not 0 <= self.predicted_share < 1:
            raise KGError(f"cannot draw a share of {self.predicted_share} predicted facts; give 0 <= share < 1")


@dataclass(frozen=True)
class _Group:
    """Patients of a block (`rows`) who have one disease and whom its symptoms fit alike."""

    rows: Ints
    table: DiseaseTable
    variant: Variant


@dataclass
class _Block:
    """Patients being drawn: arrays [n] and [n, diseases] (-1 for none), and what each has so far."""

    seeds: Seeds
    female: Bools
    age: Ints
    diseases: Ints
    symptoms: list[list[Fact]]
    drugs: list[list[Fact]]


class BundleSampler:
    """Draws bundles from a graph.

    :param graph: the graph.
    :param scores: what the reasoner stored, or float32 [num_edges] alone, see `kgengine.edge_scores`.
    :param config: how to draw.
    :param diseases: node indices to draw from; all diseases with enough symptoms when None.
    :raises KGError: no disease can be drawn, or predicted facts are asked for and none are stored.
    """

    def __init__(
        self,
        graph: Graph,
        scores: StoredScores | npt.NDArray[np.float32],
        config: BundleConfig = BundleConfig(),
        diseases: Sequence[int] | None = None,
    ) -> None:
        stored = scores if isinstance(scores, StoredScores) else StoredScores(scores, PredictedEdges.empty())
        if config.predicted_share and not len(stored.predicted):
            raise KGError("no predicted facts are stored; run 'kg train', or leave out --predicted-share")
        self.graph, self.config = graph, config
        self.coherence = Coherence(graph)
        self._tables = DiseaseTables(graph, self.coherence, stored, config.temperature, config.predicted_share > 0)
        self._everything = self._able(graph.nodes_of_type(DISEASE).tolist())
        self.diseases = self._everything if diseases is None else self._able(diseases)
        missing = set(diseases or ()) - set(self.diseases)
        if missing or not self.diseases:
            name = graph.id(min(missing)) if missing else "the graph"
            raise KGError(f"{name} has fewer than {config.min_symptoms} symptoms; lower the minimum or take another")
        self._shares = self._cumulative(self.diseases, even=config.uniform or diseases is not None)
        self._all_shares = self._cumulative(self._everything, even=config.uniform)
        self._effects: dict[int, list[Fact]] = {}

    def _able(self, diseases: Sequence[int]) -> list[int]:
        fewest = self.config.min_symptoms
        return [node for node in diseases if len(self.graph.out_edges(node, HAS_PHENOTYPE)) >= fewest]

    def _cumulative(self, diseases: Sequence[int], even: bool) -> npt.NDArray[np.float64]:
        weights = np.array([self.graph.node_prevalence[node] for node in diseases], np.float64)
        if even or not weights.any():
            weights = np.ones(len(diseases))
        total = np.cumsum((weights / weights.max()) ** (1.0 / self.config.temperature))
        return np.asarray(total / total[-1])

    def draw(self, seed: int, count: int, start: int = 0) -> Iterator[Bundle]:
        """Draw bundles number `start` to `start + count - 1`; each depends on the seed and its number alone."""
        for first in range(start, start + count, _BLOCK):
            yield from self._draw_block(seed, range(first, min(first + _BLOCK, start + count)))

    def _draw_block(self, seed: int, numbers: range) -> Iterator[Bundle]:
        own_seeds = [item_seed(seed, "bundle", number) for number in numbers]
        block = self._patients(np.array(own_seeds, np.uint64))
        drawn = []
        for slot in range(self.config.diseases):
            for group in self._groups(block, slot):
                drawn.append((slot, group, self._draw_symptoms(block, slot, group)))
        if self.config.max_drugs:
            for slot, group, told in drawn:
                self._draw_drugs(block, slot, group, told)
        rows = zip(numbers, own_seeds, block.diseases.tolist(), block.age.tolist(), block.female.tolist(), strict=True)
        for row, (number, own, (disease, *more), age, female) in enumerate(rows):
            sex = "female" if female else "male"
            symptoms, drugs = tuple(block.symptoms[row]), tuple(block.drugs[row])
            effects = self._side_effects(block, row) if self.config.side_effects and drugs else ()
            also = tuple(node for node in more if node >= 0)
            yield Bundle(number, own, disease, age, sex, symptoms, drugs, effects, also)

    def _patients(self, seeds: Seeds) -> _Block:
        """Draw diseases, sex and age."""
        places = np.searchsorted(self._shares, uniforms(seeds, DISEASE_AT, 1)[:, 0])
        first = np.array(self.diseases, np.int64)[places]
        coin, where = uniforms(seeds, PERSON_AT, 2).T
        limited = np.array([SEXES.index(self.graph.sex(node)) for node in self.diseases])[places]
        female = np.where(limited == SEXES.index("any"), coin < 0.5, limited == SEXES.index("female"))
        limits = np.asarray(self.graph.node_age, np.int64)[first]
        low = np.maximum(limits[:, 0], np.minimum(YOUNGEST, limits[:, 1]))
        high = np.maximum(low, np.minimum(limits[:, 1], OLDEST))
        age = low + (where * (high - low + 1)).astype(np.int64)
        diseases = np.full((len(seeds), self.config.diseases), -1, np.int64)
        diseases[:, 0] = first
        block = _Block(seeds, female, age, diseases, [[] for _ in seeds], [[] for _ in seeds])
        for slot in range(1, self.config.diseases):
            self._draw_comorbidity(block, slot)
        return block

    def _draw_comorbidity(self, block: _Block, slot: int) -> None:
        """Draw a further disease by prevalence among those that go with the patient: draw again until one does."""
        open_rows, everything = np.arange(len(block.seeds)), np.array(self._everything, np.int64)
        for turn in range(_TRIES):
            number = uniforms(block.seeds[open_rows], slot * NEXT_DISEASE + COMORBIDITY_AT + turn, 1)[:, 0]
            drawn = everything[np.searchsorted(self._all_shares, number)]
            left = []
            for row, disease in zip(open_rows.tolist(), drawn.tolist(), strict=True):
                if self._goes_with(block, row, disease):
                    block.diseases[row, slot] = disease
                else:
                    left.append(row)
            open_rows = np.array(left, np.int64)
            if not left:
                break

    def _goes_with(self, block: _Block, row: int, disease: int) -> bool:
        low, high = self.graph.node_age[disease]
        if not low <= block.age[row] <= high:
            return False
        if self.graph.sex(disease) not in ("any", "female" if block.female[row] else "male"):
            return False
        others = (other for other in block.diseases[row].tolist() if other >= 0)
        return not any(self.coherence.diseases_exclude(other, disease) for other in others)

    def _groups(self, block: _Block, slot: int) -> Iterator[_Group]:
        """Group the patients by disease and by what sex and age allow."""
        age = np.clip(block.age, 0, AGES - 1)
        for disease in np.unique(block.diseases[:, slot]).tolist():
            if disease < 0:
                continue
            table = self._tables.table(disease)
            own = np.flatnonzero(block.diseases[:, slot] == disease)
            kind = table.variant_of[block.female[own].astype(np.int64), age[own]]
            for number in np.unique(kind).tolist():
                yield _Group(own[kind == number], table, self._tables.variant(table, number))

    def _draw_symptoms(self, block: _Block, slot: int, group: _Group) -> Ints:
        """Draw the symptoms of one disease.

        :returns: int64 [rows, m], columns of the table's symptoms, padded with -1.
        """
        config, options, place = self.config, group.table.symptoms, slot * NEXT_DISEASE
        seeds = block.seeds[group.rows]
        barred = self._excluded(block, group, options.nodes) if slot else None
        own = None if barred is None else barred[:, group.variant.columns]
        keys = symptom_keys(group.variant, seeds, place, own)
        told = take_symptoms(group.table, group.variant, keys, config.min_symptoms, config.max_symptoms)
        if config.predicted_share:
            fits = self.coherence.fits(options.nodes, block.female[group.rows], block.age[group.rows])
            fits = fits if barred is None else fits & ~barred
            first = place + PREDICTED_AT
            noise = gumbel_keys(options.weight, seeds, first)
            told = replaced(options, noise, fits, told, config.predicted_share, seeds, first + len(options.nodes))
        for row, columns in zip(group.rows.tolist(), told.tolist(), strict=True):
            block.symptoms[row] += [options.facts[column] for column in columns if column >= 0]
        return told

    def _excluded(self, block: _Block, group: _Group, nodes: Ints) -> Bools:
        """Say which symptoms are excluded by those of the patient's diseases before, bool [rows, k]."""
        told = [[fact.node for fact in block.symptoms[row]] for row in group.rows.tolist()]
        exclude = self.coherence.exclude
        found = [[any(exclude(one, other) for other in present) for one in nodes.tolist()] for present in told]
        return np.array(found, np.bool_).reshape(len(told), len(nodes))

    def _draw_drugs(self, block: _Block, slot: int, group: _Group, told: Ints) -> None:
        drugs, place = group.table.drugs, slot * NEXT_DISEASE
        fits = self.coherence.fits(drugs.nodes, block.female[group.rows], block.age[group.rows])
        if self.config.diseases > 1:
            fits &= self._go_with(block, group)
        most, share = self.config.max_drugs, self.config.predicted_share
        taken = take_drugs(group.table, block.seeds[group.rows], place, told, fits, most, share)
        for row, columns in zip(group.rows.tolist(), taken.tolist(), strict=True):
            block.drugs[row] += [drugs.facts[column] for column in columns if column >= 0]

    def _go_with(self, block: _Block, group: _Group) -> Bools:
        """Say which drugs go with all diseases and symptoms of a patient and with the drugs before, bool [rows, k]."""
        found = np.zeros((len(group.rows), len(group.table.drugs.nodes)), np.bool_)
        for place, row in enumerate(group.rows.tolist()):
            present = [node for node in block.diseases[row].tolist() if node >= 0]
            present += [fact.node for fact in block.symptoms[row]]
            before = [fact.node for fact in block.drugs[row]]
            for column, drug in enumerate(group.table.drugs.nodes.tolist()):
                clash = any(self.coherence.drugs_clash(drug, other) for other in before)
                found[place, column] = not clash and not self.coherence.barred(drug, *present)
        return found

    def _side_effects(self, block: _Block, row: int) -> tuple[Fact, ...]:
        """Draw side effects of the drugs: from one to the most asked for, by their odds."""
        drugs = [fact.node for fact in block.drugs[row]]
        facts = {fact.node: fact for drug in reversed(drugs) for fact in self._effects_of(drug)}
        fits = self.coherence.fits(np.array(list(facts), np.int64), block.female[row], block.age[row])
        able = [fact for fact, good in zip(facts.values(), fits.tolist(), strict=True) if good]
        own = block.seeds[row : row + 1]
        limit = int(uniforms(own, EFFECTS_AT, 1)[0, 0] * self.config.side_effects) + 1
        keys = gumbel_keys(np.array([self._tables.weight(fact) for fact in able]), own, EFFECTS_AT + 1)[0]
        told = [fact.node for fact in block.symptoms[row]]
        chosen: list[Fact] = []
        for place in np.argsort(-keys, kind="stable").tolist():
            node = able[place].node
            excluded = any(self.coherence.exclude(node, other) for other in told)
            if not excluded and not any(self.coherence.barred(drug, node) for drug in drugs):
                chosen.append(able[place])
                told.append(node)
            if len(chosen) == limit:
                break
        return tuple(chosen)

    def _effects_of(self, drug: int) -> list[Fact]:
        found = self._effects.get(drug)
        if found is None:
            edges = self.graph.out_edges(drug, HAS_SIDE_EFFECT).tolist()
            found = self._effects[drug] = [self._tables.fact(self.graph.edge(edge).tail, edge) for edge in edges]
        return found
