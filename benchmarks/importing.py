"""Measures how long a big graph takes to build and to ask for the first time, each against a plain yardstick.

`python -m benchmarks.importing kg.csv` (PrimeKG, or what `primekg_shape.py` writes): building the store against
`pandas.read_csv` of the same file, and a cold `kg query` against importing numpy and scipy.sparse; each pair in turn,
as fresh processes. Then the store's size an edge and direction, with and without names and provenance.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILD = "from kgengine.building import build_graph; from pathlib import Path; import sys; "
BUILD += "build_graph([('primekg', [Path(sys.argv[1])])], Path(sys.argv[2]), force=True)"
PANDAS = "import pandas, sys; pandas.read_csv(sys.argv[1], low_memory=False)"
IMPORTS = "import numpy, scipy.sparse"
PROVENANCE = ("edge_provenance.npy",)
EDGES = ("forward_indptr.npy", "forward_tail.npy", "reverse_indptr.npy", "reverse_head.npy", "reverse_edge.npy")
FACTS = ("edge_band.npy", "edge_score.npy")


def run(*command: str) -> tuple[float, float]:
    """Run a command in a fresh process.

    :returns: wall seconds, and peak resident memory in GB.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{command[0]} ... failed; its message stands above")
    return seconds, usage.ru_maxrss / 1e6


def compare(title: str, ours: list[str], name: str, theirs: list[str], times: int) -> str:
    """Run two commands in turn and give a line of the table."""
    pairs = [(run(*ours), run(*theirs)) for _ in range(times)]
    mine, other = ([pair[side] for pair in pairs] for side in (0, 1))
    seconds = [statistics.median(one[0] for one in side) for side in (mine, other)]
    memory = [max(one[1] for one in side) for side in (mine, other)]
    return (
        f"| {title} | {seconds[0]:.2f} s, {memory[0]:.2f} GB | {name} | {seconds[1]:.2f} s, {memory[1]:.2f} GB "
        f"| {seconds[0] / seconds[1]:.2f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    python, csv = sys.executable, str(options.csv)
    print("| what | kg | yardstick | | kg / yardstick |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as workspace:
        store = Path(workspace) / "graph"
        build, read = [python, "-c", BUILD, csv, str(store)], [python, "-c", PANDAS, csv]
        print(compare("build the store", build, "pandas.read_csv", read, options.times), flush=True)
        hub = "DRUGBANK:DB00003"
        ask = [str(Path(python).parent / "kg"), "-w", workspace, "query", hub, "-k", "2"]
        print(compare("first `kg query -k 2`", ask, f"`{IMPORTS}`", [python, "-c", IMPORTS], 5 * options.times))
        sizes = {path.name: path.stat().st_size for path in store.iterdir()}
        edges = 2 * json.loads((store / "manifest.json").read_text())["num_edges"]
        adjacency = sum(sizes[name] for name in EDGES)
        facts = adjacency + sum(sizes.get(name, 0) for name in FACTS)
        whole = sum(sizes.values())
        without = whole - sum(sizes[name] for name in PROVENANCE)
        print(f"\nbytes an edge and direction ({edges:,}): adjacency {adjacency / edges:.1f}, ", end="")
        print(f"with bands and scores {facts / edges:.1f}, the whole store {whole / edges:.1f}, ", end="")
        print(f"without provenance {without / edges:.1f}")


if __name__ == "__main__":
    main()
