"""Measures typed paths and neighbourhoods in our engine and its peers, in one process, and checks that all agree.

`python -m benchmarks.query kg.csv` for PrimeKG (or what `primekg_shape.py` writes), `python -m benchmarks.query
hetionet` for the clinical core of Hetionet in the test data. Prints Markdown; `--json` keeps every single time.

Anchors are drawn by degree, paths by the size of metaedges. Ours answers all queries, a peer those of the first
`--peer-anchors` anchors (a random sample, as anchors come in random order), until it has used its budget for the
class. A query that runs out of time counts as the limit, which flatters the peer. A ratio compares the times of
exactly the queries that the peer was given. Engines run one after another within a class, after warming up; the
databases plan each query before its time begins. Peers count paths step by step too (see
`query_peers.py`), but for `walk`, which goes path by path.
"""

import argparse
import ctypes
import gc
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.query_data import (
    Counts,
    Engine,
    OutOfTimeError,
    Query,
    Tables,
    draw_queries,
    read_hetionet,
    read_primekg,
)
from benchmarks.query_peers import IGraph, KGLite, Ladybug, NetworkX
from benchmarks.query_walk import PlainWalk

WARM_UP = 10
CLASSES = [f"{kind} {length}" for kind in ("path", "within") for length in (1, 2, 3)]
MIB = 2**20


@dataclass
class Timings:
    """What one engine needed for one class of queries.

    :ivar seconds: per query, in order; a query that ran out counts as the limit.
    :ivar digests: per query a digest of its answer, None where it ran out.
    :ivar empty: number of empty answers.
    """

    seconds: list[float] = field(default_factory=list)
    digests: list[str | None] = field(default_factory=list)
    empty: int = 0

    def percentile(self, share: int) -> float:
        """A percentile of the times, in milliseconds."""
        return float(np.percentile(self.seconds, share)) * 1000


def digest(answer: Any, anchor: int) -> tuple[str, int]:
    """Reduce an answer to a digest that doesn't depend on its order or form.

    :param answer: what `paths` or `within` returned.
    :param anchor: dropped from neighbourhoods.
    :returns: the digest and the number of nodes.
    """
    if isinstance(answer, dict):
        answer = (np.fromiter(answer, np.int64, len(answer)), np.fromiter(answer.values(), np.int64, len(answer)))
    if isinstance(answer, tuple):
        nodes, counts = (np.asarray(part, np.int64) for part in answer)
        order = np.argsort(nodes)
        rows = np.stack([nodes[order], counts[order]])
    else:
        nodes = np.sort(np.fromiter(answer, np.int64))
        rows = nodes[nodes != anchor][None]
    return hashlib.sha256(rows.tobytes()).hexdigest(), rows.shape[1]


class Ranked:
    """Our engine when it ranks the ends of typed paths and proves the best ten, which no peer does."""

    name = "ours, ranked"

    def __init__(self, ours: Any) -> None:
        self.paths = ours.top


def call(engine: Engine, query: Query) -> Counts | Any:
    """Ask an engine one query."""
    return engine.paths(query.anchor, query.steps) if query.steps else engine.within(query.anchor, query.hops)


def measure(engine: Engine, queries: Sequence[Query], limit: float, budget: float) -> Timings:
    """Time an engine's answers, one query after another.

    :param engine: a loaded engine.
    :param queries: the queries of one class.
    :param limit: seconds that a query counts when it runs out.
    :param budget: seconds after which no further query begins.
    :returns: the times of the queries that were begun.
    """
    found = Timings()
    for query in queries[:WARM_UP]:
        with suppress(OutOfTimeError):
            call(engine, query)
    for query in queries:
        if sum(found.seconds) > budget:
            break
        if query.steps and hasattr(engine, "prepare"):
            engine.prepare(query.anchor, query.steps)
        begun = time.perf_counter()
        try:
            answer = call(engine, query)
        except OutOfTimeError:
            found.seconds.append(limit)
            found.digests.append(None)
            continue
        found.seconds.append(time.perf_counter() - begun)
        text, size = digest(answer, query.anchor)
        found.digests.append(text)
        found.empty += size == 0
    return found


def disagreements(results: dict[str, Timings]) -> list[int]:
    """Number the queries of a class on which two engines' answers differ."""
    longest = max(len(found.digests) for found in results.values())
    by_query = [{found.digests[i] for found in results.values() if i < len(found.digests)} for i in range(longest)]
    return [number for number, seen in enumerate(by_query) if len(seen - {None}) > 1]


def row(name: str, kind: str, found: Timings, ours: Timings | None) -> str:
    """Write one line of the table; ratios are over the queries that both ran."""
    total, out = sum(found.seconds), sum(one is None for one in found.digests)
    same = sum(ours.seconds[: len(found.seconds)]) if ours else 0.0
    ratio = f"{'>= ' if out else ''}{total / same:.1f}" if same else ""
    return (
        f"| {kind} | {name} | {len(found.seconds)} | {out} | {total:.3f} | {found.percentile(50):.3f} "
        f"| {found.percentile(95):.3f} | {ratio} |"
    )


def resident() -> int:
    """Weigh the process in bytes, after it has given back what it has freed."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    weight: int = psutil.Process().memory_info().rss
    return weight


def load(engine: Engine, tables: Tables) -> dict[str, float]:
    """Build an engine's graph and weigh it.

    :returns: seconds, and the growth of the process's resident memory in MiB.
    """
    before, begun = resident(), time.perf_counter()
    engine.build(tables)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "mib": (resident() - before) / MIB}


def engine_makers(limit: float) -> dict[str, Callable[[], Engine]]:
    """Name the engines that can be measured; ours is loaded only when it is asked for."""
    return {
        "ours": lambda: import_module("benchmarks.query_ours").Ours(),
        "networkx": NetworkX,
        "walk": lambda: PlainWalk(limit),
        "igraph": IGraph,
        "kglite": lambda: KGLite(limit),
        "ladybug": lambda: Ladybug(limit),
    }


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a kg.csv, or 'hetionet'")
    parser.add_argument("--engines", nargs="+", choices=list(engine_makers(0)), default=list(engine_makers(0)))
    parser.add_argument("--classes", nargs="+", choices=CLASSES, default=CLASSES)
    parser.add_argument("--anchors", type=int, default=1000)
    parser.add_argument("--peer-anchors", type=int, default=100)
    parser.add_argument("--limit", type=float, default=20.0, help="seconds a query")
    parser.add_argument("--budget", type=float, default=120.0, help="seconds a peer and class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def read(data: str) -> Tables:
    """Read the data set that the command line names."""
    if data == "hetionet":
        shared = Path(__file__).resolve().parents[1].parent / "shared" / "data"
        return read_hetionet(Path(os.environ.get("KG_TEST_DATA", shared)) / "hetionet")
    return read_primekg(Path(data))


def main() -> int:
    """Load, measure, compare and report.

    :returns: 1 when engines disagree.
    """
    options = parse()
    tables = read(options.data)
    edges = sum(len(heads) for heads, _ in tables.relations.values())
    print(f"{len(tables.node_type):,} nodes, {edges:,} edges, {len(tables.relations)} relations, seed {options.seed}\n")
    engines = {name: engine_makers(options.limit)[name]() for name in options.engines}
    loads = {}
    print("| engine | version | load, s | memory, MiB |\n| --- | --- | --- | --- |")
    for name, engine in engines.items():
        loads[name], number = load(engine, tables), version({"ours": "kg", "walk": "networkx"}.get(name, name))
        print(f"| {name} | {number} | {loads[name]['seconds']:.1f} | {loads[name]['mib']:.0f} |", flush=True)
    gc.freeze()  # or every collection would walk the peers' dicts during the others' queries
    print("\n| class | engine | queries | out of time | total, s | p50, ms | p95, ms | times ours |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    report: dict[str, dict[str, Timings]] = {}
    wrong: dict[str, list[int]] = {}
    mix = draw_queries(tables, options.anchors, options.seed)
    for kind in options.classes:
        queries = mix[kind]
        report[kind] = results = {}
        for name, engine in engines.items():
            given = queries if name == "ours" else queries[: options.peer_anchors]
            budget = float("inf") if name == "ours" else options.budget
            results[name] = measure(engine, given, options.limit, budget)
            print(row(name, kind, results[name], results.get("ours")), flush=True)
        if bad := disagreements(results):
            wrong[kind] = bad
    for kind in [kind for kind in options.classes if "ours" in engines and kind.startswith("path")]:
        found = measure(Ranked(engines["ours"]), mix[kind], options.limit, float("inf"))
        print(row("ours", kind.replace("path", "top 10 and proofs,"), found, None), flush=True)
    print("\n" + (f"ANSWERS DIFFER in {wrong}" if wrong else "All engines agree on every query that they answered."))
    if options.json:
        about = {"machine": platform.processor() or platform.machine(), "processors": os.cpu_count()}
        times = {kind: {name: vars(found) for name, found in rows.items()} for kind, rows in report.items()}
        whole = {"options": vars(options), "about": about, "loads": loads, "wrong": wrong, "times": times}
        options.json.write_text(json.dumps(whole, default=str))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
