"""Nested loops over a disease table: question-answer data the way MedSyn's repository makes it, in our own words.

Kumichev et al. (2024) keep the symptoms of each disease in a dict and the rest in pandas tables, compare all pairs of
diseases, and look up names and drugs of each pair by filtering the table. Answers are a disease, or some of its drugs.
"""

import random
from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas

from kgengine.graph import Graph
from kgengine.schema import DISEASE, DRUG, DRUG_CLASS, HAS_PHENOTYPE, SUBCLASS_OF, SYMPTOM, TREATS

Item = dict[str, str]
_DRUGS, _SYMPTOMS = 3, 5


class Tables:
    """A graph as those loops take it: symptoms by disease code, a table of diseases, a table of drugs."""

    def __init__(self, graph: Graph) -> None:
        names = [graph.wording(node, "en").phrase or graph.name(node) for node in range(graph.num_nodes)]
        tails: dict[tuple[str, int], list[str]] = {}
        heads: dict[tuple[str, int], list[str]] = {}
        for edge in map(graph.edge, range(graph.num_edges)):
            ends = graph.type(edge.head), graph.type(edge.tail)
            if (edge.relation, *ends) in ((HAS_PHENOTYPE, DISEASE, SYMPTOM), (SUBCLASS_OF, DRUG, DRUG_CLASS)):
                tails.setdefault((edge.relation, edge.head), []).append(names[edge.tail])
            if (edge.relation, *ends) == (TREATS, DRUG, DISEASE):
                heads.setdefault((edge.relation, edge.tail), []).append(names[edge.head])
        diseases = graph.nodes_of_type(DISEASE).tolist()
        drugs = graph.nodes_of_type(DRUG).tolist() if DRUG in graph.types else []
        self.symptoms = {graph.id(one): tails[HAS_PHENOTYPE, one] for one in diseases if (HAS_PHENOTYPE, one) in tails}
        self.diseases = pandas.DataFrame(
            {
                "code": [graph.id(one) for one in diseases],
                "name": [names[one] for one in diseases],
                "drugs": ["\n".join(heads.get((TREATS, one), [])) or None for one in diseases],
            }
        )
        classes = [tails.get((SUBCLASS_OF, one), [None])[0] for one in drugs]
        self.drugs = pandas.DataFrame({"name": [names[one] for one in drugs], "class": classes})


def _pairs(symptoms: dict[str, list[str]], both_ways: bool) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for (one, of_one), (other, of_other) in product(symptoms.items(), symptoms.items()):
        common = list(set(of_one).intersection(set(of_other)))
        if common and one != other and (both_ways or (other, one) not in found):
            found[one, other] = common
    return found


def shared_symptoms(tables: Tables) -> Iterator[Item]:
    """Ask for the symptoms that two diseases share."""
    codes = tables.diseases["code"]
    for (one, other), common in _pairs(tables.symptoms, both_ways=False).items():
        first = tables.diseases[codes == one]["name"]
        second = tables.diseases[codes == other]["name"]
        if len(first) and len(second):
            names = f"{first.values[0]} and {second.values[0]}"
            said = f"{names} share these symptoms: {', '.join(set(common))}."
            yield {"instruction": "List the symptoms that two diseases share.", "input": names, "output": said}


def drugs_if_mistaken(tables: Tables) -> Iterator[Item]:
    """Ask for drugs of a disease that shares symptoms with another: disease, symptom, disease, drug."""
    codes = tables.diseases["code"]
    for one, other in _pairs(tables.symptoms, both_ways=True):
        first = tables.diseases[codes == one]["name"]
        second = tables.diseases[codes == other]["name"]
        drugs = tables.diseases[codes == other]["drugs"]
        if not len(first) or not len(second) or not isinstance(drugs.values[0], str):
            continue
        listed = drugs.values[0].split("\n")
        for _ in range(_DRUGS if len(listed) > _DRUGS else 1):
            few = np.random.choice(listed, size=min(_DRUGS, len(listed)), replace=False)
            said = f"{first.values[0]} shares symptoms with {second.values[0]}, which is treated with {', '.join(few)}."
            yield {"instruction": "Which drugs if mistaken?", "input": f"{first.values[0]}.", "output": said}


def drugs_for_symptoms(tables: Tables) -> Iterator[Item]:
    """Ask for a drug by symptoms: symptoms, disease, drug."""
    codes = tables.diseases["code"]
    for code, symptoms in tables.symptoms.items():
        name = tables.diseases[codes == code]["name"]
        drugs = tables.diseases[codes == code]["drugs"]
        if not len(name) or not isinstance(drugs.values[0], str):
            continue
        listed, many = drugs.values[0].split("\n"), len(symptoms) > _SYMPTOMS
        for _ in range(2 * _SYMPTOMS if many else 1):
            shown = np.random.choice(symptoms, size=len(symptoms) // 2, replace=False)[:_SYMPTOMS] if many else symptoms
            said = random.choice(("It may be {}, treated with {}.", "Think of {}; take {}."))
            said = said.format(name.values[0], np.random.choice(listed))
            yield {"instruction": "Which drugs for these symptoms?", "input": ", ".join(set(shown)), "output": said}


def class_of_drugs(tables: Tables) -> Iterator[Item]:
    """Ask for the class of drugs."""
    known = tables.drugs.dropna(subset=["class"])
    for row in known.index:
        name = known.loc[row]["class"]
        members = list(known[known["class"] == name]["name"].values)
        if len(members) > 1:
            said = f"These drugs belong to the class {name}."
            yield {"instruction": "Name their class.", "input": ", ".join(set(members)), "output": said}


LOOPS = (drugs_if_mistaken, drugs_for_symptoms, shared_symptoms, class_of_drugs)
