"""Splits without leaks: the parts partition the edges, the two directions of a pair never straddle, no node loses
its last training edge, only clinical edges are held out, and the same seed gives the same split. That a naive
random split of the same graph does leak is shown, so that the first promise is known to mean something. The
seeds of single items, which the split draws on, are tested here too.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kgengine.building import build_graph
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import CLINICAL_RELATIONS
from kgengine.seeding import item_rng, item_seed
from kgengine.split import Split, split_edges

Parts = list[npt.NDArray[np.int64]]


def parts_of(split: Split) -> Parts:
    return [split.train, split.validation, split.test]


def straddling(graph: Graph, parts: Parts) -> int:
    """Count the unordered pairs of nodes with edges in more than one part."""
    seen: dict[frozenset[int], set[int]] = {}
    for number, part in enumerate(parts):
        for edge in part.tolist():
            view = graph.edge(edge)
            seen.setdefault(frozenset((view.head, view.tail)), set()).add(number)
    return sum(len(numbers) > 1 for numbers in seen.values())


def touched(graph: Graph, edges: npt.NDArray[np.int64]) -> set[int]:
    views = [graph.edge(edge) for edge in edges.tolist()]
    return {view.head for view in views} | {view.tail for view in views}


@pytest.fixture
def both_directions(make_graph: Callable[..., Graph]) -> Graph:
    """Ten diseases and ten symptoms, every fact stated in both directions, as PrimeKG does: 2 x 100 edges."""
    diseases, symptoms = [f"T:D{n}" for n in range(10)], [f"T:S{n}" for n in range(10)]
    nodes = [(d, "disease", d) for d in diseases] + [(s, "symptom", s) for s in symptoms]
    facts = [(d, "has_phenotype", s) for d in diseases for s in symptoms]
    return make_graph(nodes, facts + [(tail, relation, head) for head, relation, tail in facts])


def test_a_naive_random_split_of_a_graph_in_both_directions_leaks_and_ours_does_not(both_directions: Graph) -> None:
    naive = np.array_split(np.random.default_rng(0).permutation(both_directions.num_edges), [160, 180])
    # of the 40 held-out edges about 8 in 10 have their other direction in training
    assert straddling(both_directions, naive) > 20
    assert straddling(both_directions, parts_of(split_edges(both_directions, seed=0))) == 0


def test_a_tenth_of_the_pairs_goes_to_each_part_with_both_directions(both_directions: Graph) -> None:
    # 100 unordered pairs, of which int(100 * 0.1) = 10 to validation and 10 to test, two edges each
    assert [len(part) for part in parts_of(split_edges(both_directions, seed=0))] == [160, 20, 20]
    assert [len(part) for part in parts_of(split_edges(both_directions, seed=0, held_out=0.2))] == [120, 40, 40]


Triple = tuple[str, str, str]


def doubled(pairs: list[tuple[str, str]], relation: str, back: str) -> list[Triple]:
    """Every pair in both directions, as PrimeKG's kg.csv lists it."""
    return [(one, relation, other) for one, other in pairs] + [(other, back, one) for one, other in pairs]


def write_kgx(folder: Path, kinds: dict[str, str], triples: list[Triple]) -> Path:
    folder.mkdir()
    nodes = [f"{node}\tbiolink:{kind}\t{node}" for node, kind in kinds.items()]
    (folder / "nodes.tsv").write_text("\n".join(["id\tcategory\tname", *nodes]) + "\n")
    edges = ["\t".join(triple) for triple in triples]
    (folder / "edges.tsv").write_text("\n".join(["subject\tpredicate\tobject", *edges]) + "\n")
    return folder


def naive_leaks(triples: list[Triple], seed: int) -> int:
    """Hold out a tenth of the triples at random; count those of which training holds the other direction."""
    order = np.random.default_rng(seed).permutation(len(triples)).tolist()
    held = [triples[place] for place in order[: len(triples) // 10]]
    known = {(head, tail) for head, _, tail in (triples[place] for place in order[len(triples) // 10 :])}
    return sum((tail, head) in known for head, _, tail in held)


def leaks(graph: Graph, split: Split) -> int:
    """Count the held-out edges whose pair, in either direction, stands in training."""
    known = {frozenset((graph.edge(edge).head, graph.edge(edge).tail)) for edge in split.train.tolist()}
    held = [graph.edge(edge) for part in (split.validation, split.test) for edge in part.tolist()]
    return sum(frozenset((view.head, view.tail)) in known for view in held)


GENES = {f"T:G{n:02}": "Gene" for n in range(20)}
GENE_PAIRS = [(one, other) for one in GENES for other in GENES if one < other]
DISEASES = {f"T:D{n}": "Disease" for n in range(10)}
SYMPTOMS = {f"T:S{n}": "PhenotypicFeature" for n in range(10)}
FACTS = [(disease, symptom) for disease in DISEASES for symptom in SYMPTOMS]


@pytest.mark.parametrize("seed", range(5))
def test_a_file_in_both_directions_under_a_symmetric_relation_does_not_leak(tmp_path: Path, seed: int) -> None:
    triples = doubled(GENE_PAIRS, "physically_interacts_with", "physically_interacts_with")
    assert len(triples) == 2 * 190
    assert naive_leaks(triples, seed) > 20  # of 38 held out, each with chance 0.9
    build_graph([("kgx", [write_kgx(tmp_path / "kgx", GENES, triples)])], tmp_path / "graph")
    graph = Graph.open(tmp_path / "graph")
    assert graph.num_edges == 190  # the two directions are one edge, so none is left to leak
    split = split_edges(graph, seed)
    assert [len(part) for part in parts_of(split)] == [152, 19, 19]
    assert leaks(graph, split) == straddling(graph, parts_of(split)) == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("kinds", "pairs", "relation", "back"),
    [
        (GENES, GENE_PAIRS, "regulates", "regulates"),  # the same relation, which is not symmetric
        (GENES, GENE_PAIRS, "regulates", "regulated_by"),
        (DISEASES | SYMPTOMS, FACTS, "has_phenotype", "has_phenotype"),  # two types, one relation
        (DISEASES | SYMPTOMS, FACTS, "has_phenotype", "treats"),  # two clinical relations
        (DISEASES | SYMPTOMS, FACTS, "related_to", "related_to"),  # symmetric, but between two types
    ],
)
def test_two_edges_between_one_pair_of_nodes_are_never_parted(
    tmp_path: Path, seed: int, kinds: dict[str, str], pairs: list[tuple[str, str]], relation: str, back: str
) -> None:
    triples = doubled(pairs, relation, back)
    assert naive_leaks(triples, seed) > len(triples) // 20  # more than half of those held out
    build_graph([("kgx", [write_kgx(tmp_path / "kgx", kinds, triples)])], tmp_path / "graph")
    graph = Graph.open(tmp_path / "graph")
    assert graph.num_edges == len(triples)
    split = split_edges(graph, seed)
    # int(190 * 0.1) = 19 or int(100 * 0.1) = 10 pairs to each part, two edges each
    held = 2 * (len(pairs) // 10)
    assert [len(split.validation), len(split.test)] == [held, held]
    assert leaks(graph, split) == straddling(graph, parts_of(split)) == 0


def test_the_core_mkg_is_split_as_promised(core: Graph) -> None:
    parts = parts_of(split_edges(core, seed=7))
    assert sorted(np.concatenate(parts).tolist()) == list(range(core.num_edges))
    assert straddling(core, parts) == 0
    assert touched(core, parts[0]) == touched(core, np.arange(core.num_edges))
    clinical = [core.relations.index(name) for name in CLINICAL_RELATIONS]
    for part in parts[1:]:
        assert set(core.edge_relation[part].tolist()) <= set(clinical)
        assert len(part) >= 0.09 * np.isin(core.edge_relation, clinical).sum()
    assert all((np.diff(part) > 0).all() for part in parts)


def test_the_same_seed_gives_the_same_split_and_another_seed_another(core: Graph) -> None:
    one, again, other = (split_edges(core, seed) for seed in (3, 3, 4))
    for part, same in zip(parts_of(one), parts_of(again), strict=True):
        assert np.array_equal(part, same)
    assert not np.array_equal(one.test, other.test)


def test_a_pair_that_an_unclinical_relation_joins_too_stays_in_training(make_graph: Callable[..., Graph]) -> None:
    # A0-D0 is also joined by subclass_of; the other eight pairs may be held out
    nodes = [(f"T:A{n}", "drug", f"a{n}") for n in range(3)] + [(f"T:D{n}", "disease", f"d{n}") for n in range(3)]
    treats = [(f"T:A{i}", "treats", f"T:D{j}") for i in range(3) for j in range(3)]
    graph = make_graph(nodes, [*treats, ("T:D0", "subclass_of", "T:A0")])
    fixed = {graph.resolve("T:A0"), graph.resolve("T:D0")}
    held = set()
    for seed in range(30):
        split = split_edges(graph, seed, held_out=0.4)
        for edge in [*split.validation.tolist(), *split.test.tolist()]:
            view = graph.edge(edge)
            held.add(frozenset((view.head, view.tail)))
    assert frozenset(fixed) not in held
    assert len(held) == 8


def test_a_graph_without_clinical_relations_gives_up_edges_of_any(make_graph: Callable[..., Graph]) -> None:
    nodes = [(f"T:{n}", "gene", f"g{n}") for n in range(6)]
    graph = make_graph(nodes, [(f"T:{i}", "binds", f"T:{j}") for i in range(6) for j in range(i)])
    split = split_edges(graph, seed=0)
    # 15 pairs, int(1.5) = 1 to each part
    assert [len(part) for part in parts_of(split)] == [13, 1, 1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_on_any_graph_the_three_promises_hold(make_graph: Callable[..., Graph], data: st.DataObject) -> None:
    names = [f"T:{n}" for n in range(data.draw(st.integers(2, 8)))]
    triple = st.tuples(
        st.sampled_from(names), st.sampled_from(["treats", "has_phenotype", "interacts_with"]), st.sampled_from(names)
    )
    edges = data.draw(st.lists(triple, min_size=1, max_size=30, unique=True))
    assume(any(head != tail for head, _, tail in edges))  # loops are not stored
    graph = make_graph([(name, "thing", name) for name in names], edges)
    try:
        split = split_edges(graph, data.draw(st.integers(0, 99)), data.draw(st.sampled_from([0.05, 0.2, 0.4])))
    except KGError:
        return  # too small to hold any out, see the next test
    parts = parts_of(split)
    assert sorted(np.concatenate(parts).tolist()) == list(range(graph.num_edges))
    assert len(split.validation) >= 1
    assert len(split.test) >= 1
    assert straddling(graph, parts) == 0
    assert touched(graph, split.train) == touched(graph, np.arange(graph.num_edges))


def test_a_graph_too_small_to_hold_edges_out_is_refused(make_graph: Callable[..., Graph]) -> None:
    # a chain A - B - C: to hold out either edge would leave A or C without any
    graph = make_graph(
        [(f"T:{x}", "drug", x) for x in "ABC"], [("T:A", "interacts_with", "T:B"), ("T:B", "interacts_with", "T:C")]
    )
    with pytest.raises(KGError, match=r"has too few edges to hold any out; build a larger one$"):
        split_edges(graph, seed=0)


def test_an_items_seed_depends_on_run_stream_and_number_and_nothing_else() -> None:
    seeds = {item_seed(s, stream, n) for s in range(5) for stream in ("a", "b") for n in range(20)}
    assert len(seeds) == 5 * 2 * 20
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert item_seed(1, "a", 23) != item_seed(12, "a", 3)
    # printf '7\x1fbundle\x1f0' | sha256sum begins with 3f7aee0eebbf3c89; the last bit is dropped
    assert item_seed(7, "bundle", 0) == 0x3F7AEE0EEBBF3C89 >> 1
    assert item_rng(7, "bundle", 0).random(3).tolist() == item_rng(7, "bundle", 0).random(3).tolist()
