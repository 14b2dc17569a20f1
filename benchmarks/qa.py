"""Compares `kg qa` with the nested loops of MedSyn's repository: question-answer items a second, on the same graph.

    python -m benchmarks.qa core hetionet hpo --cache /tmp/kg-reasoning

Both make items in memory, in the same process, in turns; the loops in one thread, as they are written, ours in one for
each processor (`taskset -c 0` shows one against one). Ours are complete: all answers, proofs, part of the split; the
loops' items hold one disease or three drugs and no proof. The loops compare all pairs of diseases before their first
item; on HPO they get the first thousand diseases only, which favours them, and every run ends after a minute. Tables:
docs/qa.md.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.qa_loops import LOOPS, Tables, class_of_drugs, drugs_for_symptoms, drugs_if_mistaken, shared_symptoms
from benchmarks.reasoning_data import DATASETS
from generation.qa.building import QABuilder, QAConfig
from generation.qa.dataset import JSONL, write_dataset
from generation.qa.families import QAFamily, load_families
from kgengine.graph import Graph

_LIKE = {
    drugs_if_mistaken: "drugs_if_mistaken",
    drugs_for_symptoms: "drugs_for_three_symptoms",
    shared_symptoms: "shared_symptoms",
    class_of_drugs: "class_of_drug",
}
"""For each loop the family of ours that asks nearest to it."""
_MOST_DISEASES, _SECONDS = 1_000, 60.0


def _rate(items: Callable[[], Iterable[int]]) -> tuple[int, float]:
    """Make items until there are no more or `_SECONDS` are over; give how many, and how many a second."""
    begun, made = time.perf_counter(), 0
    for number in items():
        made += number
        if time.perf_counter() - begun > _SECONDS:
            break
    return made, made / (time.perf_counter() - begun)


def _ours(graph: Graph, families: Sequence[QAFamily], names: tuple[str, ...], count: int) -> tuple[int, float]:
    def items() -> Iterable[int]:
        return map(len, QABuilder(graph, QAConfig(families=names), families).items(count))

    return _rate(items)


def compare(name: str, graph: Graph, count: int, rounds: int) -> None:
    """Print items a second of each loop and of ours, the best of the rounds."""
    tables, families = Tables(graph), load_families()
    tables.symptoms = dict(list(tables.symptoms.items())[:_MOST_DISEASES])
    print(f"{name}: {len(tables.symptoms):,} diseases in the loops, {graph.num_edges:,} edges", flush=True)
    totals: list[tuple[int, float]] = []
    for loop in LOOPS:
        theirs, ours = (0, 0.0), (0, 0.0)
        like = next(one for one in families if one.name == _LIKE[loop])
        for _ in range(rounds):
            made = _rate(lambda loop=loop: (1 for _ in loop(tables)))
            theirs = max(theirs, made, key=lambda pair: pair[1])
            if like.possible(graph):
                ours = max(ours, _ours(graph, families, (like.name,), count), key=lambda pair: pair[1])
        totals.append(theirs)
        _line(like.name, theirs[0], theirs[1], ours[1])
    made = sum(number for number, _ in totals)
    seconds = sum(number / rate for number, rate in totals if rate)
    best = max(_ours(graph, families, (), count)[1] for _ in range(rounds))
    _line("all families", made, made / seconds, best)


def _line(what: str, made: int, theirs: float, ours: float) -> None:
    ratio = f"{ours / theirs:6.1f}x" if theirs and ours else "     -"
    print(f"  {what:26} loops {made:9,} at {theirs:8,.0f}/s   ours at {ours:8,.0f}/s {ratio}", flush=True)


def write_many(graph: Graph, count: int) -> None:
    """Write a dataset, and print its rate and the greatest memory of the process so far."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        made = {
            "config": {"split": {"rule": "disease"}, "reasoned": False, "proofs": 1},
            "graph": graph.hash,
            "sources": [],
        }
        builder = QABuilder(graph, QAConfig(), load_families())
        summary = write_dataset(Path(folder) / "qa", builder, count, made, files=(JSONL,))
        seconds = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in (Path(folder) / "qa").iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  written: {summary['count']:,} in {seconds:.0f} s, {size / 1e9:.2f} GB of JSONL; peak memory {peak:,.0f} MB"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", choices=("core", "hetionet", "hpo"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "kg-reasoning")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", type=int, default=0, help="write as many items, too")
    given = parser.parse_args(arguments)
    given.cache.mkdir(parents=True, exist_ok=True)
    for name in given.datasets:
        graph, _ = DATASETS[name](given.cache, 0)
        if given.write:
            write_many(graph, given.write)
        compare(name, graph, given.count, given.rounds)


if __name__ == "__main__":
    main()
