"""Recounts what is promised of bundles, by plain code that shares nothing with the sampler.

Every edge is read once into sets; every bundle is looked at fact by fact. Slow on purpose.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

from kgengine.bundles import Bundle
from kgengine.graph import Graph

BANDS = {0: (1.0, 1.0), 1: (0.80, 0.99), 2: (0.30, 0.79), 3: (0.05, 0.29), 4: (0.01, 0.04), -1: (0.30, 0.79)}
"""Shares of patients of HPO's frequency terms, by the graph's band numbers; an unstated one counts as frequent."""


class Checker:
    """The edges of a graph as sets, and what is wrong with a bundle by them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tails: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.bands: dict[int, dict[int, int]] = defaultdict(dict)
        for edge in map(graph.edge, range(graph.num_edges)):
            self.tails[edge.relation][edge.head].add(edge.tail)
            if edge.relation == "has_phenotype":
                self.bands[edge.head][edge.tail] = edge.band
        self._lines: dict[int, set[int]] = {}
        self._apart: dict[tuple[int, int], str] = {}

    def line(self, node: int) -> set[int]:
        """Give a node and all above it."""
        if node not in self._lines:
            found, todo = {node}, [node]
            while todo:
                new = self.tails["subclass_of"][todo.pop()] - found
                found |= new
                todo += new
            self._lines[node] = found
        return self._lines[node]

    def disjoint(self, one: int, other: int) -> bool:
        """Tell whether two nodes, or two above them, are stated to be disjoint."""
        stated = self.tails["disjoint_with"]
        return any(b in stated[a] or a in stated[b] for a in self.line(one) for b in self.line(other))

    def apart(self, one: int, other: int) -> str:
        """Say why two findings can't stand together; empty when they can."""
        if (one, other) not in self._apart:
            same = one in self.line(other) or other in self.line(one)
            why = "findings of one line" if same else "disjoint findings" if self.disjoint(one, other) else ""
            self._apart[one, other] = why
        return self._apart[one, other]

    def barred(self, drug: int, nodes: Iterable[int]) -> bool:
        """Tell whether a drug or its class is contra-indicated in some nodes or above them."""
        forbidden = set().union(*(self.tails["contraindicated_in"][node] for node in self.line(drug)))
        return any(forbidden & self.line(node) for node in nodes)

    def clash(self, one: int, other: int) -> bool:
        """Tell whether two drugs interact, share their class, or are one substance."""
        interacts = self.tails["interacts_with"]
        lines = [(a, b) for a in self.line(one) for b in self.line(other)]
        if any(b in interacts[a] or a in interacts[b] for a, b in lines):
            return True
        if self.tails["subclass_of"][one] & self.tails["subclass_of"][other]:
            return True
        return self.graph.wording(one, "en").phrase == self.graph.wording(other, "en").phrase

    def fits(self, node: int, bundle: Bundle) -> bool:
        """Tell whether a node's limits allow the patient."""
        low, high = self.graph.node_age[node]
        return self.graph.sex(node) in ("any", bundle.sex) and bool(low <= bundle.age <= high)

    def problems(self, bundle: Bundle) -> Iterator[str]:
        """Name everything that is wrong with a bundle."""
        diseases = [bundle.disease, *bundle.comorbidities]
        symptoms = [fact.node for fact in bundle.symptoms]
        drugs = [fact.node for fact in bundle.drugs]
        effects = [fact.node for fact in bundle.side_effects]
        if not all(self.fits(node, bundle) for node in (*diseases, *symptoms, *drugs, *effects)):
            yield "sex or age"
        yield from (why for pair in combinations(symptoms + effects, 2) if (why := self.apart(*pair)))
        if any(self.barred(drug, diseases + symptoms + effects) for drug in drugs):
            yield "contra-indicated drug"
        if any(self.clash(*pair) for pair in combinations(drugs, 2)):
            yield "clashing drugs"
        if any(self.alike(*pair) for pair in combinations(diseases, 2)):
            yield "diseases that exclude one another"
        yield from self.unfounded(bundle, diseases)

    def alike(self, one: int, other: int) -> bool:
        """Tell whether two diseases are of one line or ICD-10 category, or can't be in one patient."""
        ids = [self.graph.id(node) for node in (one, other)]
        if one in self.line(other) or other in self.line(one) or self.disjoint(one, other):
            return True
        if all(node_id.startswith("ICD10:") for node_id in ids):
            codes = [node_id.removeprefix("ICD10:").split(".")[0] for node_id in ids]
            if codes[0] == codes[1] or "Z" in (codes[0][0], codes[1][0]):
                return True
        typical = [[node for node, band in self.bands[disease].items() if band in (0, 1)] for disease in (one, other)]
        return any(self.disjoint(a, b) for a in typical[0] for b in typical[1])

    def unfounded(self, bundle: Bundle, diseases: list[int]) -> Iterator[str]:
        """Name facts that no edge of theirs states, and predictions of what an edge does state."""
        drugs = {fact.node for fact in bundle.drugs}
        for relation, facts in (("has_phenotype", bundle.symptoms), ("treats", bundle.drugs)):
            for fact in facts:
                ends = [(d, fact.node) if relation == "has_phenotype" else (fact.node, d) for d in diseases]
                if fact.state == "predicted":
                    if all(tail in self.tails[relation][head] for head, tail in ends):
                        yield "predicted what is stated"
                    continue
                view = self.graph.edge(*fact.edges)
                if view.relation != relation or (view.head, view.tail) not in ends:
                    yield "fact without its edge"
        for fact in bundle.side_effects:
            view = self.graph.edge(*fact.edges)
            if view.relation != "has_side_effect" or view.head not in drugs or view.tail != fact.node:
                yield "fact without its edge"

    def count(self, bundles: Iterable[Bundle]) -> Counter[str]:
        """Count what is wrong over many bundles."""
        return Counter(problem for bundle in bundles for problem in self.problems(bundle))

    def frequencies(self, bundles: Iterable[Bundle]) -> dict[tuple[int, int], tuple[int, int]]:
        """Count, for every disease and symptom, the patients who have it and those whose sex and age allow it.

        A general symptom counts as present beside its special kind.
        """
        counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        able: dict[tuple[int, str, int], list[int]] = {}
        for bundle in bundles:
            person = (bundle.disease, bundle.sex, bundle.age)
            if person not in able:
                able[person] = [node for node in self.bands[bundle.disease] if self.fits(node, bundle)]
            present = set().union(*(self.line(fact.node) for fact in bundle.symptoms))
            for node in able[person]:
                counts[bundle.disease, node][0] += node in present
                counts[bundle.disease, node][1] += 1
        return {pair: (seen, of) for pair, (seen, of) in counts.items()}

    def contradicted(self, disease: int, symptom: int) -> bool:
        """Tell whether the kinds of a symptom, even at the low ends of their bands, take it above its own band."""
        kinds = [n for n in self.bands[disease] if n != symptom and symptom in self.line(n)]
        lows = [BANDS[self.bands[disease][kind]][0] for kind in kinds]
        none = 1.0
        for low in lows:
            none *= 1.0 - low
        together = sum(lows) if any(self.disjoint(*pair) for pair in combinations(kinds, 2)) else 1.0 - none
        return bool(kinds) and together > BANDS[self.bands[disease][symptom]][1]
