"""Every check of `kg validate` on a clean hand-drawn graph, which gives no finding, and on that graph with one fault
more, which gives that one finding; a damaged column; the default MKG, which has no error.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from kgengine.graph import Graph
from kgengine.merging import merge
from kgengine.sources.records import EdgeBlock, Node, Provenance, SourceGraph, Wording
from kgengine.store import write_store
from kgengine.validation import Finding, validate

Edge = tuple[str, str, str] | tuple[str, str, str, Provenance]
LICENSED = Provenance("infores:book", "1", "CC0-1.0")


def node(node_id: str, node_type: str, name: str, sex: str = "any") -> Node:
    return Node(node_id, node_type, Wording(name, name.lower()), sex=sex)


PNEUMONIA = node("ICD10:J18", "disease", "Pneumonia")
COUGH = node("HP:0012735", "symptom", "Cough")
PENICILLINS = node("ATC:J01CA", "drug_class", "Penicillins")
CLEAN_NODES = [PNEUMONIA, COUGH, node("ATC:J01CA04", "drug", "amoxicillin"), PENICILLINS]
CLEAN_EDGES: list[Edge] = [
    ("ICD10:J18", "has_phenotype", "HP:0012735"),
    ("ATC:J01CA04", "treats", "ICD10:J18"),
    ("ATC:J01CA04", "subclass_of", "ATC:J01CA"),
]

Draw = Callable[[Sequence[Node], Sequence[Edge]], Graph]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """The clean graph and more; its has_phenotype edges state a frequency, but for those of a `weak` relation."""

    def make(nodes: Sequence[Node], edges: Sequence[Edge]) -> Graph:
        source = SourceGraph("hand-drawn", nodes=[*CLEAN_NODES, *nodes])
        row_of = {one.id: row for row, one in enumerate(source.nodes)}
        for head, relation, tail, *rest in [*CLEAN_EDGES, *edges]:
            ends = np.array([row_of[head]]), np.array([row_of[tail]])
            band = np.array([2 if relation == "has_phenotype" else -1], np.int8)
            stated = relation.removeprefix("weak ")
            source.blocks.append(EdgeBlock(stated, *ends, rest[0] if rest else LICENSED, band))
        write_store(merge([source]), tmp_path / "graph")
        return Graph.open(tmp_path / "graph")

    return make


def test_nothing_is_found_in_a_clean_graph(draw: Draw) -> None:
    assert validate(draw([], [])) == []


SYMPTOM = node("HP:0001945", "symptom", "Fever")
HAS_FEVER = ("ICD10:J18", "has_phenotype", "HP:0001945")
WOMEN = node("HP:0000132", "symptom", "Menorrhagia", "female")
MEN = node("ICD10:N40", "disease", "Hyperplasia of prostate", "male")
DRUG = node("ATC:J01CA01", "drug", "ampicillin")
TREATED = ("ATC:J01CA01", "treats", "ICD10:J18")

FAULTS: dict[str, tuple[list[Node], list[Edge], Finding]] = {
    "an id of the wrong form": (
        [node("HP:12", "symptom", "Fever")],
        [("ICD10:J18", "has_phenotype", "HP:12")],
        Finding("error", "identifiers of the wrong form", 1, ("'HP:12' does not have the form of a HP code",)),
    ),
    "a drug that is forbidden where it treats": (
        [],
        [("ATC:J01CA04", "contraindicated_in", "ICD10:J18")],
        Finding(
            "error",
            "drugs that both treat a disease and are contra-indicated in it",
            1,
            ("ATC:J01CA04 (amoxicillin) in ICD10:J18 (Pneumonia)",),
        ),
    ),
    "a class that lies above itself": (
        [node("ATC:J01", "drug_class", "Antibacterials"), node("ATC:J", "drug_class", "Antiinfectives")],
        [
            ("ATC:J01CA", "subclass_of", "ATC:J01"),
            ("ATC:J01", "subclass_of", "ATC:J"),
            ("ATC:J", "subclass_of", "ATC:J01CA"),
        ],
        Finding(
            "error",
            "nodes that lie above themselves by subclass_of",
            3,
            ("ATC:J (Antiinfectives)", "ATC:J01 (Antibacterials)", "ATC:J01CA (Penicillins)"),
        ),
    ),
    "a symptom of women in a disease of men": (
        [MEN, WOMEN],
        [("ICD10:N40", "has_phenotype", "HP:0000132")],
        Finding(
            "warning",
            "clinical edges between a female-only and a male-only node",
            1,
            ("ICD10:N40 (Hyperplasia of prostate) has_phenotype HP:0000132 (Menorrhagia)",),
        ),
    ),
    "an edge and its reverse": (
        [SYMPTOM],
        [HAS_FEVER, ("HP:0012735", "precedes", "HP:0001945"), ("HP:0001945", "precedes", "HP:0012735")],
        Finding(
            "warning",
            "edges of one relation stated in both directions",
            1,
            ("HP:0001945 (Fever) precedes HP:0012735 (Cough)",),
        ),
    ),
    "two symptoms of one name": (
        [node("HP:0001945", "symptom", "COUGH!")],
        [HAS_FEVER],
        Finding("warning", "names that two nodes of one type share", 1, ("COUGH!: HP:0001945, HP:0012735",)),
    ),
    "a disease without a symptom": (
        [node("ICD10:J20", "disease", "Bronchitis")],
        [("ATC:J01CA04", "treats", "ICD10:J20")],
        Finding("warning", "diseases without a symptom", 1, ("ICD10:J20 (Bronchitis)",)),
    ),
    "a drug that treats nothing": (
        [DRUG],
        [("ATC:J01CA01", "subclass_of", "ATC:J01CA")],
        Finding("warning", "drugs that treat nothing", 1, ("ATC:J01CA01 (ampicillin)",)),
    ),
    "a node without an edge": (
        [SYMPTOM],
        [],
        Finding("warning", "nodes without any edge", 1, ("HP:0001945 (Fever)",)),
    ),
    "a symptom without a frequency": (
        [SYMPTOM],
        [("ICD10:J18", "weak has_phenotype", "HP:0001945")],
        Finding(
            "warning",
            "has_phenotype edges without a frequency",
            1,
            ("ICD10:J18 (Pneumonia) has_phenotype HP:0001945 (Fever)",),
        ),
    ),
    "sources without a licence, one of them without a name": (
        [SYMPTOM, DRUG],
        [(*HAS_FEVER, Provenance("infores:blog", "2")), (*TREATED, Provenance(""))],
        Finding("warning", "sources without a licence", 2, ("(a source without a name)", "infores:blog")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_the_one_finding(draw: Draw, fault: str) -> None:
    nodes, edges, finding = FAULTS[fault]
    assert validate(draw(nodes, edges)) == [finding]


NO_FAULTS: dict[str, tuple[list[Node], list[Edge]]] = {
    "a drug that is forbidden in another disease": (
        [node("ICD10:J20", "disease", "Bronchitis")],
        [("ICD10:J20", "has_phenotype", "HP:0012735"), ("ATC:J01CA04", "contraindicated_in", "ICD10:J20")],
    ),
    "a diamond of classes": (
        [node(f"ATC:{code}", "drug_class", code) for code in ("J01", "J01C", "J")],
        [
            (f"ATC:{low}", "subclass_of", f"ATC:{high}")
            for low, high in (("J01CA", "J01"), ("J01CA", "J01C"), ("J01", "J"), ("J01C", "J"))
        ],
    ),
    "women and men in a relation that isn't clinical": (
        [MEN, WOMEN, SYMPTOM],
        [
            ("ICD10:N40", "has_phenotype", "HP:0001945"),
            ("ICD10:J18", "has_phenotype", "HP:0000132"),
            ("ICD10:N40", "excludes", "HP:0000132"),
        ],
    ),
    "a symptom of women in a disease of all": ([WOMEN], [("ICD10:J18", "has_phenotype", "HP:0000132")]),
    "a symmetric edge and its reverse": (
        [SYMPTOM],
        [HAS_FEVER, ("HP:0012735", "related_to", "HP:0001945"), ("HP:0001945", "related_to", "HP:0012735")],
    ),
    "a symmetric edge and its reverse between two types, where both are kept": (
        [],
        [("HP:0012735", "related_to", "ICD10:J18"), ("ICD10:J18", "related_to", "HP:0012735")],
    ),
    "two relations between two nodes, one each way": (
        [SYMPTOM],
        [HAS_FEVER, ("HP:0012735", "precedes", "HP:0001945"), ("HP:0001945", "follows", "HP:0012735")],
    ),
    "a symptom and a disease of one name": (
        [node("ICD10:R05", "disease", "Cough")],
        [("ICD10:R05", "has_phenotype", "HP:0012735")],
    ),
}


@pytest.mark.parametrize("case", NO_FAULTS)
def test_what_looks_like_a_fault_and_is_none(draw: Draw, case: str) -> None:
    assert validate(draw(*NO_FAULTS[case])) == []


def test_where_no_disease_has_a_symptom_none_lacks_one(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph(
        [("T:D", "disease", "d"), ("T:E", "disease", "e"), ("T:A", "drug", "a")],
        [("T:D", "related_to", "T:E"), ("T:A", "related_to", "T:D")],
    )
    assert [finding.problem for finding in validate(graph)] == ["sources without a licence"]


def test_all_faults_are_counted_five_are_shown_errors_come_first(draw: Draw) -> None:
    lonely = [node(f"HP:{number:07}", "symptom", f"lonely {number}") for number in range(7)]
    error, warning = validate(draw(lonely, [("ATC:J01CA04", "contraindicated_in", "ICD10:J18")]))
    assert (error.level, error.count) == ("error", 1)
    assert (warning.level, warning.count) == ("warning", 7)
    assert warning.examples == tuple(f"HP:{number:07} (lonely {number})" for number in range(5))
    assert warning.to_json() == {
        "level": "warning",
        "problem": "nodes without any edge",
        "count": 7,
        "examples": warning.examples,
    }


@pytest.mark.parametrize("column", ["edge_band.npy", "forward_tail.npy", "forward_indptr.npy", "name_en.utf8"])
def test_a_damaged_column_is_named_and_the_rest_not_trusted(draw: Draw, column: str) -> None:
    path = draw([], []).folder / column
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)
    assert validate(Graph.open(path.parent)) == [
        Finding("error", "columns whose bytes are not those that were built", 1, (column,))
    ]


def test_the_default_mkg_has_no_error(core: Graph) -> None:
    assert [finding for finding in validate(core) if finding.level == "error"] == []
