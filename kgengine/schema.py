"""The vocabulary of the graph: node types, relations, frequency bands, sexes and prevalence classes.

Types and relations come from the data (any Biolink category or predicate is kept); this module only
names those that the rest of the product reasons about, and how they read in a sentence.
"""

import re
from dataclasses import dataclass

DISEASE, SYMPTOM, DRUG, DRUG_CLASS = "disease", "symptom", "drug", "drug_class"
_TYPE_OF_CATEGORY = {
    "Disease": DISEASE,
    "PhenotypicFeature": SYMPTOM,
    "Drug": DRUG,
    "ChemicalEntity": DRUG_CLASS,
}

HAS_PHENOTYPE, TREATS = "has_phenotype", "treats"
CONTRAINDICATED_IN, HAS_SIDE_EFFECT = "contraindicated_in", "has_side_effect"
INTERACTS_WITH, SUBCLASS_OF = "interacts_with", "subclass_of"
DISJOINT_WITH = "disjoint_with"
"""Both can't be in one patient at one visit (OWL's name for classes that share no instance); subclasses inherit it."""
CLINICAL_RELATIONS = (HAS_PHENOTYPE, TREATS, CONTRAINDICATED_IN, HAS_SIDE_EFFECT)
"""The relations that state a medical fact about a pair; the ones held out when models are compared."""

INVERSE_WORDING = {
    HAS_PHENOTYPE: "phenotype_of",
    TREATS: "treated_by",
    CONTRAINDICATED_IN: "contraindicates",
    HAS_SIDE_EFFECT: "side_effect_of",
    SUBCLASS_OF: "superclass_of",
    INTERACTS_WITH: INTERACTS_WITH,
    DISJOINT_WITH: DISJOINT_WITH,
}

NEGATIVE_RELATIONS = frozenset({CONTRAINDICATED_IN, DISJOINT_WITH, "lacks_phenotype", "not_expressed_in"})
"""Relations that speak against what a typed path asks for; a step takes them only when it names them."""

SYMMETRIC_RELATIONS = frozenset(
    {
        INTERACTS_WITH,
        DISJOINT_WITH,
        "coexpressed_with",
        "correlated_with",
        "genetically_interacts_with",
        "physically_interacts_with",
        "related_to",
        "similar_to",
    }
)
"""Predicates whose two directions say the same; between nodes of one type they are stored once, smaller row first."""

LIKE_TYPES = (frozenset({SYMPTOM, "side_effect"}),)
"""Groups of node types whose members may be one thing: fever is a symptom here and a side effect there."""

SEXES = ("any", "female", "male")
LANGUAGES = ("en", "ru")


@dataclass(frozen=True)
class FrequencyBand:
    """A frequency class of the Human Phenotype Ontology: `low` and `high` are shares of patients, 0 to 1."""

    hp_id: str
    name: str
    low: float
    high: float


FREQUENCY_BANDS = (
    FrequencyBand("HP:0040280", "obligate", 1.0, 1.0),
    FrequencyBand("HP:0040281", "very frequent", 0.80, 0.99),
    FrequencyBand("HP:0040282", "frequent", 0.30, 0.79),
    FrequencyBand("HP:0040283", "occasional", 0.05, 0.29),
    FrequencyBand("HP:0040284", "very rare", 0.01, 0.04),
)
"""Bounds as HPO defines them (Frequency subontology, HP:0040279 and below)."""
BAND_INDEX = {band.hp_id: index for index, band in enumerate(FREQUENCY_BANDS)}

PREVALENCE_WEIGHTS = {"rare": 1.0, "uncommon": 3.0, "common": 10.0, "very_common": 30.0}
"""Relative odds of meeting a disease in primary care: our own four-step scale, about half a decade a step."""


def type_of_category(category: str) -> str:
    """Turn a Biolink category into a short node type.

    :param category: e.g. `biolink:Disease` or `biolink:BiologicalProcess`.
    :returns: e.g. `disease`, `biological_process`.
    """
    name = category.removeprefix("biolink:")
    return _TYPE_OF_CATEGORY.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def category_of_type(node_type: str) -> str:
    """Invert :func:`type_of_category`.

    :param node_type: e.g. `symptom`.
    :returns: e.g. `biolink:PhenotypicFeature`.
    """
    for category, known in _TYPE_OF_CATEGORY.items():
        if known == node_type:
            return f"biolink:{category}"
    return "biolink:" + "".join(part.capitalize() for part in node_type.split("_"))
