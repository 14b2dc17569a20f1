"""What a bundle is, and a bundle as plain data, for JSON. Nothing is drawn here (see `kgengine.bundles`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kgengine.drawing import Fact
from kgengine.graph import Graph


@dataclass(frozen=True)
class Bundle:
    """One patient: `disease` and `comorbidities` are node indices, `age` in years, `sex` female or male."""

    index: int
    seed: int
    disease: int
    age: int
    sex: str
    symptoms: tuple[Fact, ...]
    drugs: tuple[Fact, ...]
    side_effects: tuple[Fact, ...] = ()
    comorbidities: tuple[int, ...] = ()


@lru_cache(maxsize=1 << 16)
def _names(graph: Graph, node: int, lang: str) -> tuple[str, str]:
    return graph.id(node), graph.name(node, lang)


def bundle_record(graph: Graph, bundle: Bundle, lang: str = "en") -> dict[str, Any]:
    """Give a bundle as plain data, every fact with its edges; a side effect with its drug."""

    def named(node: int) -> dict[str, Any]:
        node_id, name = _names(graph, node, lang)
        return {"id": node_id, "name": name}

    def facts(items: Sequence[Fact]) -> list[dict[str, Any]]:
        return [{**named(f.node), "score": f.score, "state": f.state, "edges": list(f.edges)} for f in items]

    effects = zip(facts(bundle.side_effects), bundle.side_effects, strict=True)
    return {
        "id": f"bundle-{bundle.index:06d}",
        "seed": bundle.seed,
        "disease": named(bundle.disease),
        "comorbidities": [named(node) for node in bundle.comorbidities],
        "age": bundle.age,
        "sex": bundle.sex,
        "symptoms": facts(bundle.symptoms),
        "drugs": facts(bundle.drugs),
        "side_effects": [{**record, "drug": graph.id(graph.edge(fact.edges[0]).head)} for record, fact in effects],
        "graph": graph.hash,
    }
