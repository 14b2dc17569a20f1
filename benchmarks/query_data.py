"""Data sets, the mix of queries and the engines' interface for the query benchmark; data are plain arrays.

PrimeKG comes from its kg.csv (or from `primekg_shape.py`); Hetionet's clinical core is nine metaedges of its published
edge list, in the test data at most 5,000 edges each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Step = tuple[str, str]
Counts = dict[int, int] | tuple[Ints, Ints]
CLINICAL_CORE = ("CtD", "CpD", "DpS", "DrD", "PCiC", "CrC", "CcSE", "DaG", "DlA")
MAX_HOPS = 3


@dataclass(frozen=True)
class Tables:
    """A typed graph as plain arrays.

    :ivar types: names of the node types.
    :ivar node_type: int64 [n], each node's index in `types`.
    :ivar relations: heads and tails, int64 [m] each: every unordered pair once, no loops, one type at either end.
    """

    types: tuple[str, ...]
    node_type: Ints
    relations: dict[str, tuple[Ints, Ints]]

    @cached_property
    def ends(self) -> dict[str, tuple[str, str]]:
        """Each relation's head type and tail type."""
        return {
            name: (self.types[self.node_type[heads[0]]], self.types[self.node_type[tails[0]]])
            for name, (heads, tails) in self.relations.items()
        }

    @cached_property
    def degree(self) -> Ints:
        """Each node's number of edges over all relations, int64 [n]."""
        ends = np.concatenate([np.concatenate(pair) for pair in self.relations.values()])
        return np.bincount(ends, minlength=len(self.node_type)).astype(np.int64)

    def type_of(self, node: int) -> str:
        """Name a node's type."""
        return self.types[self.node_type[node]]


class OutOfTimeError(Exception):
    """A query ran into its time limit, or into the memory that the peer may take."""


class Engine(Protocol):
    """What the benchmark measures; `build` is timed apart from the queries."""

    name: str

    def build(self, tables: Tables) -> None:
        """Load a graph; called once."""

    def paths(self, anchor: int, steps: Sequence[Step]) -> Counts:
        """Count the simple paths from the anchor, per end node.

        :param anchor: the first node.
        :param steps: 1 to 3 pairs of relation and end type; a relation is walked in either direction.
        :returns: end nodes with at least one path: a dict, or two arrays (nodes, counts) in any order.
        :raises OutOfTimeError: the query took too long.
        """

    def within(self, anchor: int, hops: int) -> Iterable[int]:
        """Find all nodes within 1 to 3 hops over all relations.

        :returns: an array, list or set in any order, each node once, with or without the anchor.
        :raises OutOfTimeError: the query took too long.
        """


def tables_of(frame: pd.DataFrame) -> Tables:
    """Number nodes and types, and keep the first of all rows that join the same nodes in a relation.

    :param frame: columns relation, x, x_type, y, y_type; x and y are nodes' keys, unique over all types.
    :returns: the graph.
    :raises ValueError: a relation has several types at one end.
    """
    keys, nodes = np.unique(np.concatenate([frame["x"].to_numpy(), frame["y"].to_numpy()]), return_inverse=True)
    codes, types = pd.factorize(pd.concat([frame["x_type"].astype(object), frame["y_type"].astype(object)]), sort=True)
    node_type = np.zeros(len(keys), np.int64)
    node_type[nodes] = codes
    relation, names = pd.factorize(frame["relation"].astype(object), sort=True)
    heads, tails = nodes[: len(frame)].astype(np.int64), nodes[len(frame) :].astype(np.int64)
    pair = (relation * len(keys) + np.minimum(heads, tails)) * len(keys) + np.maximum(heads, tails)
    first = np.sort(np.unique(pair, return_index=True)[1])
    first = first[heads[first] != tails[first]]
    relations = {}
    for number, name in enumerate(names.tolist()):
        rows = first[relation[first] == number]
        relations[name] = (heads[rows], tails[rows])
        if any(len(np.unique(node_type[end])) != 1 for end in relations[name]):
            raise ValueError(f"relation {name} joins several types; the benchmark takes one type at either end")
    return Tables(tuple(types.tolist()), node_type, relations)


def read_primekg(path: Path) -> Tables:
    """Read PrimeKG's kg.csv."""
    kinds = {"relation": "category", "x_index": np.int64, "x_type": "category", "y_index": np.int64}
    frame = pd.read_csv(path, usecols=[*kinds, "y_type"], dtype={**kinds, "y_type": "category"})
    return tables_of(frame.rename(columns={"x_index": "x", "y_index": "y"}))


def read_hetionet(folder: Path) -> Tables:
    """Read the clinical core of Hetionet v1.0 (Himmelstein et al. 2017)."""
    frame = pd.read_csv(folder / "hetionet-v1.0-edges-5k.sif.gz", sep="\t", dtype=str)
    frame = frame[frame["metaedge"].isin(CLINICAL_CORE)].rename(
        columns={"source": "x", "metaedge": "relation", "target": "y"}
    )
    for end in ("x", "y"):
        frame[f"{end}_type"] = frame[end].str.split("::").str[0]
    return tables_of(frame)


def draw_anchors(tables: Tables, count: int, rng: np.random.Generator) -> list[int]:
    """Draw different nodes, each with a probability proportional to its degree, in random order."""
    share = tables.degree / tables.degree.sum()
    count = min(count, int((share > 0).sum()))
    drawn: list[int] = rng.permutation(rng.choice(len(share), count, replace=False, p=share)).tolist()
    return drawn


def draw_path(tables: Tables, begin: str, length: int, rng: np.random.Generator) -> list[Step]:
    """Draw a typed path over the metagraph; big metaedges are drawn often.

    :param tables: the graph.
    :param begin: the anchor's type.
    :param length: number of steps.
    :param rng: the source of randomness.
    :returns: the steps, each drawn in proportion to the metaedge's edges seen from the type reached.
    """
    steps: list[Step] = []
    for _ in range(length):
        choices = [
            (name, tail if begin == head else head)
            for name, (head, tail) in tables.ends.items()
            if begin in (head, tail)
        ]
        weights = np.array([len(tables.relations[name][0]) * (1 + (end == begin)) for name, end in choices], np.float64)
        steps.append(choices[int(rng.choice(len(choices), p=weights / weights.sum()))])
        begin = steps[-1][1]
    return steps


@dataclass(frozen=True)
class Query:
    """One query: a typed path when it has steps, a neighbourhood when it has hops."""

    anchor: int
    steps: tuple[Step, ...] = ()
    hops: int = 0


def draw_queries(tables: Tables, count: int, seed: int) -> dict[str, Sequence[Query]]:
    """Draw the benchmark's queries: for each anchor a path and a neighbourhood of 1, 2 and 3 steps.

    :param tables: the graph.
    :param count: number of anchors.
    :param seed: the same seed gives the same queries.
    :returns: the queries of each class, anchors in the same random order, so that the first k are a random sample.
    """
    rng = np.random.default_rng(seed)
    anchors = draw_anchors(tables, count, rng)
    classes: dict[str, Sequence[Query]] = {}
    for length in range(1, MAX_HOPS + 1):
        classes[f"path {length}"] = [
            Query(anchor, tuple(draw_path(tables, tables.type_of(anchor), length, rng))) for anchor in anchors
        ]
    for hops in range(1, MAX_HOPS + 1):
        classes[f"within {hops}"] = [Query(anchor, hops=hops) for anchor in anchors]
    return classes
