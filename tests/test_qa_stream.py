"""Items come as a stream that a seed fixes: the same ones whatever the number or the batches, each just once, in memory
that does not grow."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from test_path_tables import NaiveWalk, naive  # noqa: F401 - a fixture

from generation.qa import building
from generation.qa.building import QABuilder, QAConfig
from generation.qa.families import QAFamily, load_families
from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph

Item = dict[str, Any]


def items_of(graph: Graph, count: int, own: list[QAFamily] | None = None, **options: Any) -> list[Item]:
    builder = QABuilder(graph, QAConfig(**options), own or load_families())
    return [item for table in builder.items(count) for item in table.to_pylist()]


@pytest.fixture(scope="module")
def some(core: Graph) -> list[Item]:
    """600 items in both languages."""
    return items_of(core, 600, langs=("en", "ru"), reasoned=True)


def test_a_seed_fixes_the_items(core: Graph, some: list[Item]) -> None:
    assert items_of(core, 600, langs=("en", "ru"), reasoned=True) == some
    other = items_of(core, 600, langs=("en", "ru"), reasoned=True, seed=1)
    same = {item["question"] for item in some} & {item["question"] for item in other}
    assert len(same) < 150  # only families of few questions meet again


@pytest.mark.parametrize("count", [1, 2, 255, 257, 599])
def test_fewer_items_are_the_first_of_more(core: Graph, some: list[Item], count: int) -> None:
    assert items_of(core, count, langs=("en", "ru"), reasoned=True) == some[:count]


def test_fewer_items_are_the_first_of_more_beyond_a_batch(core: Graph) -> None:
    families = [one for one in load_families() if one.name in ("shared_symptoms", "drugs_for_two_symptoms")]
    more, fewer = (items_of(core, count, families, proofs=0) for count in (34_000, 33_000))
    assert len(more) == 34_000
    assert more[:33_000] == fewer


@pytest.mark.parametrize("hops", [(1, 1), (3, 1, 1)])
def test_a_hop_count_may_be_named_twice(core: Graph, hops: tuple[int, ...]) -> None:
    assert items_of(core, 1000, hops=hops)[:300] == items_of(core, 300, hops=hops)


def test_batches_do_not_matter(core: Graph, some: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (building, "_LEAST_PLACES", 7),
        (building, "_LEAST_PLACES", 3000),
        (building, "_MOST_PLACES", 50),
        (building, "_MOST_PATHS", 300),
        (building, "_threads", lambda: 1),
        (building, "_threads", lambda: 7),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            assert items_of(core, 600, langs=("en", "ru"), reasoned=True) == some, name


def test_a_language_gives_the_same_items_beside_another(core: Graph) -> None:
    """What a family asks in English is not moved by Russian items between."""
    alone, beside = items_of(core, 300, hops=(2,)), items_of(core, 900, hops=(2,), langs=("en", "ru"))
    for name in {item["family"] for item in alone}:
        mine = [item["question"] for item in alone if item["family"] == name and item["form"] == "list"]
        theirs = [item["question"] for item in beside if item["family"] == name and item["lang"] == "en"]
        assert mine[: len(theirs)] == theirs[: len(mine)]


def every_question(graph: Graph, family: QAFamily, lang: str, max_answers: int = 15) -> Counter[tuple[str, ...]]:
    """List the anchors of all questions that can be asked, as often as there are wordings."""
    walk, found = NaiveWalk(graph), Counter()
    for anchors in combinations(graph.nodes_of_type(family.types[0]).tolist(), family.anchors):
        if 1 <= len({path[-1] for path in walk.of(family, anchors)}) <= max_answers:
            found[tuple(map(graph.id, anchors))] += len(family.wordings[lang])
    return found


def assert_all_are_made_once(graph: Graph, langs: tuple[str, ...], made: list[Item]) -> None:
    """Of forms that need no options; a yes/no question may lack a wrong candidate."""
    asked: dict[tuple[str, str], Counter[tuple[str, ...]]] = {}
    for item in made:
        asked.setdefault((item["family"], item["lang"]), Counter())[tuple(item["anchors"])] += 1
    for family in load_families():
        for lang in langs if family.possible(graph) else ():
            expected, found = every_question(graph, family, lang), asked.get((family.name, lang), Counter())
            assert found == expected if family.form in ("list", "count") else found <= expected, family.name
    assert len({item["question"] for item in made}) == len(made)


def test_the_toy_graph_runs_dry_with_every_question_made_once(toy: Graph) -> None:
    made = items_of(toy, 10**6, langs=("en", "ru"))
    assert_all_are_made_once(toy, ("en", "ru"), made)
    assert len(made) > 300
    assert [item["id"] for item in made] == [f"qa-{number:08d}" for number in range(len(made))]
    assert items_of(toy, len(made) - 5, langs=("en", "ru")) == made[:-5]
    assert items_of(toy, len(made), langs=("en", "ru")) == made


def test_a_denser_graph_runs_dry_with_every_question_made_once(make_graph: Callable[..., Graph]) -> None:
    """Sets of anchors meet at several nodes here; each is still asked once."""
    nodes = [(f"T:D{n}", "disease", f"Fever {n}") for n in range(5)] + [
        (f"T:S{n}", "symptom", f"Sign {n}") for n in range(6)
    ]
    nodes += [(f"T:A{n}", "drug", f"Drug {n}") for n in range(4)]
    edges = [(f"T:D{a}", "has_phenotype", f"T:S{b}") for a in range(5) for b in range(6) if (a * b + a) % 3]
    edges += [(f"T:A{a}", "treats", f"T:D{b}") for a in range(4) for b in range(5) if (a + b) % 2]
    graph = make_graph(nodes, edges)
    made = items_of(graph, 10**6, seed=5)
    assert_all_are_made_once(graph, ("en",), made)
    assert {"shared_symptoms", "diseases_with_three_symptoms", "choose_drug_for_disease"} & {
        one["family"] for one in made
    }


@pytest.mark.parametrize(
    ("options", "error", "expected"),
    [
        ({"langs": ("fr",)}, UnknownNameError, "unknown language 'fr'; take one of en, ru"),
        ({"langs": ()}, KGError, "take one of en, ru"),
        ({"hops": (0,)}, KGError, "no question family with 0 hops"),
        ({"hops": (1, 4)}, KGError, "no question family with 4 hops for this graph; it has families of: 1, 2, 3"),
        ({"families": ("shared_symptom",)}, UnknownNameError, "shared_symptoms"),
        ({"families": ("shared_symptoms",), "hops": (2,)}, KGError, "it has families of: 1"),
    ],
)
def test_what_is_not_to_be_had_is_refused(
    core: Graph, options: dict[str, Any], error: type[KGError], expected: str
) -> None:
    with pytest.raises(error) as caught:
        items_of(core, 1, **options)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_graph_that_fits_no_family_is_refused(make_graph: Callable[..., Graph]) -> None:
    graph = make_graph([("T:G", "gene", "G"), ("T:D", "disease", "D")], [("T:G", "causes", "T:D")])
    with pytest.raises(KGError, match=r"no question family fits this graph, whose relations are causes; .*--families"):
        items_of(graph, 1)


@pytest.mark.parametrize("most", [1, 3])
def test_no_question_has_more_answers_than_asked_for(core: Graph, most: int) -> None:
    assert {len(item["answers"]) for item in items_of(core, 300, max_answers=most)} == set(range(1, most + 1))


@pytest.mark.parametrize("proofs", [0, 2])
def test_as_many_proofs_as_asked_for(core: Graph, naive: NaiveWalk, proofs: int) -> None:  # noqa: F811
    families = {one.name: one for one in load_families() if max(one.ways) == 1}
    for item in items_of(core, 300, list(families.values()), proofs=proofs):
        paths = Counter(
            path[-1] for path in naive.of(families[item["family"]], [core.resolve(one) for one in item["anchors"]])
        )
        for answer in item["answers"]:
            assert len(answer["proofs"]) == min(proofs, paths[core.resolve(answer["id"])])


MEMORY = """
import resource, sys
from pathlib import Path
from generation.qa.building import QABuilder, QAConfig
from generation.qa.dataset import write_dataset
from generation.qa.families import load_families
from kgengine.graph import Graph

graph = Graph.open(Path(sys.argv[1]))
builder = QABuilder(graph, QAConfig(langs=("en", "ru")), load_families())
config = {"reasoned": False, "proofs": 1, "split": {"rule": "disease"}}
made_from = {"config": config, "graph": graph.hash, "sources": []}
def told(done):
    print(done, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
write_dataset(Path(sys.argv[2]), builder, 95_000, made_from, progress=told)
"""


def test_memory_does_not_grow_with_the_number_of_items(core_folder: Path, tmp_path: Path) -> None:
    """The first batch holds 32,768 items; two and a half times as many take no more than 15% above it."""
    call = [sys.executable, "-c", MEMORY, str(core_folder), str(tmp_path / "qa")]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    peaks = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    first, last = next(peak for count, peak in peaks if count >= 20_000), peaks[-1]
    assert last[0] == 95_000
    assert next(count for count, _ in peaks if count >= 20_000) <= 32_768
    assert last[1] < 1.15 * first
