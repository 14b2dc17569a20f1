"""The query benchmark's peers answer like a naive walk, and its generated graph has the shape that it promises."""

import csv
import sys
from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import primekg_shape as shape
from benchmarks import query_data as data
from benchmarks import query_peers as peers

TYPES = ("disease", "drug", "gene")
ENDS = {"treats": (1, 0), "harms": (1, 0), "targets": (1, 2), "like": (1, 1), "binds": (2, 2)}
NODES = 36


@pytest.fixture(scope="module")
def tables() -> Any:
    """A small dense random graph, in which third steps often come back."""
    rng = np.random.default_rng(3)
    node_type = rng.integers(0, 3, NODES)
    relations = {}
    for name, (head, tail) in ENDS.items():
        pairs = list(product(np.flatnonzero(node_type == head).tolist(), np.flatnonzero(node_type == tail).tolist()))
        pairs = sorted({(min(pair), max(pair)) if head == tail else pair for pair in pairs if pair[0] != pair[1]})
        kept = np.array([pair for pair in pairs if rng.random() < 0.25])
        relations[name] = (kept[:, 0], kept[:, 1])
    return data.Tables(TYPES, node_type, relations)


def naive_paths(tables: Any, anchor: int, steps: tuple[tuple[str, str], ...]) -> dict[int, int]:
    """Walk every simple path."""
    paths = [[anchor]]
    for relation, end in steps:
        pairs = [tuple(pair) for pair in np.stack(tables.relations[relation], axis=1).tolist()]
        paths = [
            [*path, b]
            for path in paths
            for a, b in pairs + [pair[::-1] for pair in pairs]
            if a == path[-1] and b not in path and tables.type_of(b) == end
        ]
    return dict(Counter(path[-1] for path in paths))


def naive_within(tables: Any, anchor: int, hops: int) -> set[int]:
    """Grow a set of nodes edge by edge."""
    pairs = np.concatenate([np.stack(ends, axis=1) for ends in tables.relations.values()]).tolist()
    seen = {anchor}
    for _ in range(hops):
        seen |= {b for a, b in pairs if a in seen} | {a for a, b in pairs if b in seen}
    return seen - {anchor}


@pytest.mark.parametrize("name", ["NetworkX", "IGraph", "Ladybug"])  # kglite and torch can't share a process
def test_peer_answers_like_a_naive_walk(name: str, tables: Any) -> None:
    pytest.importorskip(name.lower())
    if name == "Ladybug":
        pytest.importorskip("pyarrow")
    engine = getattr(peers, name)(*([60.0] if name == "Ladybug" else []))
    engine.build(tables)
    starts = [int(np.flatnonzero(tables.node_type == number)[0]) for number in range(3)]
    hops = [(relation, end) for relation in ENDS for end in {TYPES[number] for number in ENDS[relation]}]
    for length in (1, 2, 3):
        for steps in product(hops, repeat=length):
            kinds = [{TYPES[number] for number in ENDS[relation]} for relation, _ in steps]
            for anchor in starts:
                types = [tables.type_of(anchor), *(end for _, end in steps)]
                if all({types[i], types[i + 1]} == kind for i, kind in enumerate(kinds)):
                    found = engine.paths(anchor, steps)
                    if not isinstance(found, dict):
                        found = dict(zip(found[0].tolist(), found[1].tolist(), strict=True))
                    assert dict(found) == naive_paths(tables, anchor, steps), (anchor, steps)
    for anchor, distance in product(starts, (1, 2, 3)):
        assert set(engine.within(anchor, distance)) - {anchor} == naive_within(tables, anchor, distance)


def test_queries_depend_on_the_seed_alone_and_follow_the_metagraph(tables: Any) -> None:
    queries = data.draw_queries(tables, 20, 5)
    assert queries == data.draw_queries(tables, 20, 5)
    assert [len(query.steps) for query in queries["path 3"]] == [3] * 20
    for query in queries["path 3"]:
        types = [tables.type_of(query.anchor), *(end for _, end in query.steps)]
        for (relation, _), pair in zip(query.steps, pairwise(types), strict=True):
            assert sorted(pair) == sorted(tables.ends[relation])


def test_shape_holds_every_edge_twice_and_the_same_seed_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv"):
        monkeypatch.setattr(sys, "argv", ["primekg_shape.py", str(tmp_path / name), "--scale", "0.003"])
        shape.main()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    edges = [(row["relation"], row["x_index"], row["y_index"]) for row in rows]
    assert len(set(edges)) == len(edges)
    assert {(relation, y, x) for relation, x, y in edges} == set(edges)
    tables = data.read_primekg(tmp_path / "a.csv")
    assert sum(len(heads) for heads, _ in tables.relations.values()) * 2 == len(rows)
    assert set(tables.types) == set(shape.TYPES)


def test_sizes_are_those_of_primekg() -> None:
    assert sum(one.nodes for one in shape.TYPES.values()) == 129_375
    assert sum(one.rows for one in shape.RELATIONS.values()) == 8_100_498
    assert len(shape.RELATIONS) == 30
