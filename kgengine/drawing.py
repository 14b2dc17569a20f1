"""Draws symptoms and drugs of one disease for many patients at once: arrays in, arrays out.

What a disease allows is laid down once in a :class:`DiseaseTable` (and, for those whose sex and age allow the
same symptoms, in a :class:`Variant`). Every choice is a race: an option's key is its log-odds plus logistic or
Gumbel noise, and the highest allowed keys win. Which diseases are drawn and what a bundle is, is said in
`kgengine.bundles`.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kgengine.copula import Floats, correlated, normal_log_odds, normals, uniforms
from kgengine.frequencies import Rule, calibrate

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Seeds = npt.NDArray[np.uint64]

PLACES = 1 << 20
"""Places of a seed's stream that one purpose has for itself: more than any disease has symptoms."""
DISEASE_AT, PERSON_AT, SYMPTOMS_AT, PREDICTED_AT, DRUGS_AT, EFFECTS_AT, COMORBIDITY_AT = (
    place * PLACES for place in range(7)
)
NEXT_DISEASE = 8 * PLACES
"""Distance between the places of a patient's first, second, ... disease."""

_SAMPLE_SIZE = 4096
"""Patients of the fixed sample that frequencies are calibrated on."""


@dataclass(frozen=True)
class Fact:
    """One drawn fact.

    :ivar node: the symptom, drug or side effect.
    :ivar edges: the edge that states it, or the path that explains a prediction.
    :ivar score: the reasoner's, 0 to 1; of a prediction the calibrated probability that it is true.
    :ivar state: "exact" or "predicted".
    """

    node: int
    edges: tuple[int, ...]
    score: float
    state: str = "exact"


@dataclass(frozen=True)
class Options:
    """What can be drawn for one purpose; the stated ones come first, then those that the reasoner predicts.

    :ivar nodes: int64 [k].
    :ivar facts: the same, spelled out.
    :ivar stated: how many of them the graph states.
    :ivar weight: float64 [k], log of the odds of a draw.
    :ivar clash: bool [k, k], symmetric, True on the diagonal: may not be drawn together.
    """

    nodes: Ints
    facts: list[Fact]
    stated: int
    weight: Floats
    clash: Bools


@dataclass(frozen=True)
class Variant:
    """A disease in patients whose sex and age allow the same stated symptoms.

    :ivar columns: int64 [k], which of the disease's symptoms these are.
    :ivar factor: float64 [k, k], Cholesky factor of their correlation.
    :ivar groups: rules between them; their columns count within `columns`.
    :ivar odds: float64 [k], log-odds with which each is decided.
    """

    columns: Ints
    factor: Floats
    groups: list[list[Rule]]
    odds: Floats


@dataclass
class DiseaseTable:
    """All that drawing one disease needs.

    :ivar disease: node index.
    :ivar symptoms: its symptoms.
    :ivar drugs: drugs that treat it and are not barred by the disease itself.
    :ivar bars: bool [symptoms, drugs]: the symptom bars the drug.
    :ivar variant_of: int64 [2, 101]: which variant, by male or female (0, 1) and age in years.
    :ivar variants: filled when first asked for.
    """

    disease: int
    symptoms: Options
    drugs: Options
    bars: Bools
    variant_of: Ints
    variants: dict[int, Variant] = field(default_factory=dict)


@lru_cache(maxsize=256)
def _sample(symptoms: int) -> Floats:
    return normals(np.arange(_SAMPLE_SIZE, dtype=np.uint64) << np.uint64(32), SYMPTOMS_AT, symptoms)


def make_variant(
    columns: Ints, correlation: Floats, groups: list[list[Rule]], asked: Floats, bands: tuple[Floats, Floats]
) -> Variant:
    """Lay down how a set of symptoms is decided.

    :param columns: int64 [k], see :class:`Variant`.
    :param correlation: float64 [k, k], positive definite.
    :param groups: rules between them.
    :param asked: float64 [k], log-odds of their frequencies.
    :param bands: low and high ends of their bands, float64 [k] each.
    """
    factor: Floats = np.asarray(np.linalg.cholesky(correlation) if len(columns) else correlation, np.float64)

    noise: list[Floats] = []  # made when first needed: most diseases have a symptom in nearly every patient

    def keys(odds: Floats) -> Floats:
        if not noise:
            noise.append(normal_log_odds(correlated(_sample(len(columns)), factor)))
        return decide(odds - noise[0], groups)

    return Variant(columns, factor, groups, calibrate(asked, *bands, groups, keys) if len(columns) else asked)


def symptom_keys(variant: Variant, seeds: Seeds, place: int, barred: Bools | None = None) -> Floats:
    """Decide all symptoms of some patients.

    :param variant: their disease's variant.
    :param seeds: uint64 [n].
    :param place: where in the streams the patients' current disease begins.
    :param barred: bool [n, k]: symptoms that something drawn before excludes.
    :returns: float64 [n, k]: above 0 for those present and told, -inf for those that may not be told.
    """
    noise = normals(seeds, place + SYMPTOMS_AT, len(variant.columns))
    keys = variant.odds - normal_log_odds(correlated(noise, variant.factor))
    if barred is not None:
        keys[barred] = -np.inf
    return decide(keys, variant.groups)


def decide(keys: Floats, groups: list[list[Rule]]) -> Floats:
    """Apply the rules between symptoms.

    A symptom whose rival is present is out. A general one is said by its specific one, which takes over its key
    where that is higher (else a limit on their number could drop an obligate symptom with its rare kind).

    :param keys: float64 [n, k], above 0 where a symptom would be present; changed in place.
    :returns: the same array.
    """
    for rules in groups:
        for rule in rules:
            if rule.rivals:
                keys[(keys[:, rule.rivals] > 0).any(axis=1), rule.column] = -np.inf
            if rule.specifics:
                kinds = keys[:, rule.specifics]
                rows = np.flatnonzero((kinds > 0).any(axis=1))
                best = np.asarray(rule.specifics)[kinds[rows].argmax(axis=1)]
                keys[rows, best] = np.maximum(keys[rows, best], keys[rows, rule.column])
                keys[rows, rule.column] = -np.inf
    return keys


def race(keys: Floats, allowed: Bools, counts: Ints, clash: Bools) -> Ints:
    """Take the allowed options with the highest keys, one after the other, none that clashes with one taken.

    :param keys: float64 [n, k].
    :param allowed: bool [n, k].
    :param counts: int64 [n], most options to take.
    :param clash: bool [k, k].
    :returns: int64 [n, counts.max()]: columns in the order taken, padded with -1 at the end.
    """
    taken = np.full((len(keys), int(counts.max(initial=0))), -1, np.int64)
    left, rows = np.where(allowed, keys, -np.inf), np.arange(len(keys))
    for turn in range(taken.shape[1]):
        best = left.argmax(axis=1)
        won = np.flatnonzero((left[rows, best] > -np.inf) & (turn < counts))
        if not len(won):
            break
        taken[won, turn] = best[won]
        left[won] = np.where(clash[best[won]], -np.inf, left[won])
    return taken


def marks(taken: Ints, options: int) -> Bools:
    """Turn taken columns [n, most] into a mask, bool [n, options]."""
    mask = np.zeros((len(taken), options + 1), np.bool_)
    np.put_along_axis(mask, taken, True, axis=1)  # -1 marks the column beyond the options
    return mask[:, :options]


def join(first: Ints, then: Ints) -> Ints:
    """Put two sets of taken columns one after the other, the padding last."""
    both = np.concatenate([first, then], axis=1)
    return np.take_along_axis(both, np.argsort(both < 0, axis=1, kind="stable"), axis=1)


def take_symptoms(table: DiseaseTable, variant: Variant, keys: Floats, fewest: int, most: int) -> Ints:
    """Choose which symptoms are told: those present, the nearest `most` of them; filled to `fewest` by the nearest.

    :param keys: float64 [n, k], from :func:`symptom_keys`.
    :returns: int64 [n, m], columns of `table.symptoms`, the surest first, padded with -1.
    """
    clash = table.symptoms.clash[np.ix_(variant.columns, variant.columns)]
    rows, options = keys.shape
    if not options:
        return np.full((rows, 1), -1, np.int64)
    present = keys > 0
    limit = np.minimum(present.sum(axis=1), most)
    taken = race(keys, present, limit, clash)
    short = np.flatnonzero(limit < fewest)
    if len(short):
        told = marks(taken[short], options)
        free = np.isfinite(keys[short]) & ~(told @ clash)
        more = np.full((rows, fewest), -1, np.int64)
        filled = race(keys[short], free, fewest - limit[short], clash)
        more[short, : filled.shape[1]] = filled
        taken = join(taken, more)
    return np.where(taken < 0, -1, variant.columns[taken])


def gumbel_keys(weight: Floats, seeds: Seeds, first: int) -> Floats:
    """Give every option of every patient its key: log-odds plus Gumbel noise, so that a race draws by the odds.

    (The order of such keys is a draw without replacement: Yellott 1977, the Gumbel-max trick.)

    :param weight: float64 [k], log of the options' odds.
    :returns: float64 [n, k].
    """
    return np.asarray(weight - np.log(-np.log(uniforms(seeds, first, len(weight)))))


def replaced(options: Options, keys: Floats, fits: Bools, taken: Ints, share: float, seeds: Seeds, first: int) -> Ints:
    """Replace some of the stated options taken by predicted ones.

    Each option taken is replaced with probability `share`, the last taken first; where no predicted one fits, the
    first of them comes back.

    :param keys: float64 [n, k] of all options.
    :param fits: bool [n, k]: options that nothing else bars.
    :param taken: int64 [n, m], padded with -1.
    :param share: 0 to 1.
    :param first: place of the first of m numbers.
    :returns: int64 [n, m']: the stated ones left, then the predicted ones.
    """
    wanted = (taken >= 0).sum(axis=1)
    swapped = ((uniforms(seeds, first, taken.shape[1]) < share) & (taken >= 0)).sum(axis=1)
    kept = np.where(np.arange(taken.shape[1]) < (wanted - swapped)[:, None], taken, -1)
    predicted = np.arange(len(options.nodes)) >= options.stated

    def more(so_far: Ints, allowed: Bools, by: Floats) -> Ints:
        told = marks(so_far, len(options.nodes))
        room = wanted - (so_far >= 0).sum(axis=1)
        return race(by, fits & allowed & ~(told @ options.clash), room, options.clash)

    guessed = more(kept, np.broadcast_to(predicted, fits.shape), keys)
    order = np.zeros((len(keys), len(options.nodes) + 1))  # the last column takes the padding
    np.put_along_axis(order, taken, -np.arange(taken.shape[1], dtype=np.float64)[None], axis=1)
    back = more(join(kept, guessed), marks(taken, len(options.nodes)), order[:, :-1])
    return join(join(kept, back), guessed)


def take_drugs(table: DiseaseTable, seeds: Seeds, place: int, told: Ints, fits: Bools, most: int, share: float) -> Ints:
    """Choose drugs: from one to `most`, each number as likely; by their odds; none barred by a symptom told.

    :param told: int64 [n, m], columns of `table.symptoms`, padded with -1.
    :param fits: bool [n, drugs]: fit sex and age, and nothing else drawn bars them.
    :param share: of predicted drugs.
    :returns: int64 [n, d], columns of `table.drugs`, padded with -1.
    """
    drugs = table.drugs
    fits = fits & ~(marks(told, len(table.symptoms.nodes)) @ table.bars)
    stated = fits & (np.arange(len(drugs.nodes)) < drugs.stated)
    most_here = np.minimum(most, stated.sum(axis=1))
    first = place + DRUGS_AT
    counts = (uniforms(seeds, first, 1)[:, 0] * most_here).astype(np.int64) + (most_here > 0)
    keys = gumbel_keys(drugs.weight, seeds, first + 1)
    taken = race(keys, stated, counts, drugs.clash)
    if share > 0 and taken.shape[1]:
        return replaced(drugs, keys, fits, taken, share, seeds, first + PLACES // 2)
    return taken
