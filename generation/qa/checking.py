"""Proves from a dataset's files alone that its split leaks nothing, and asks the graph again for a sample of answers.

A leak is a part that names, in a question, an option, an answer or a proof, what is held out for a later part; or a
question that stands in two parts. The walk that asks again is written plainly and shares no code with the builder.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from generation.dataset import read_jsonl
from generation.qa.dataset import HELD_OUT, JSONL, KIND, PARQUET
from generation.qa.splits import BY_EDGE, PARTS, TEST, TRAIN, VALIDATION
from kgengine.artifacts import read_manifest
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph

Item = dict[str, Any]
_COLUMNS = ("id", "family", "lang", "metapath", "anchors", "options", "answers")
_SHOWN = 5
_LATER = {TRAIN: (VALIDATION, TEST), VALIDATION: (TEST,), TEST: ()}


@dataclass
class CheckReport:
    """What a check found.

    :ivar items: number of items by part.
    :ivar held_out: number of diseases or edges held out, by part; `unseen` how many of them the part really asks about.
    :ivar leaks: ids of items that name what is held out for a later part, and what.
    :ivar repeated: ids of items whose question stands in another part.
    :ivar asked_again: number of items whose answers were compared with the graph's; `wrong` the ids of those that
        differ.
    """

    items: Counter[str] = field(default_factory=Counter)
    held_out: dict[str, int] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    asked_again: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not (self.leaks or self.repeated or self.wrong)

    def lines(self) -> list[str]:
        """Word the report for a person."""
        found = [f"{sum(self.items.values()):,} items: " + ", ".join(f"{part} {n:,}" for part, n in self.items.items())]
        for part, number in self.held_out.items():
            found.append(f"held out for the {part}: {number:,}, of which its items ask about {self.unseen[part]:,}")
        found.append(_line("leaks (items that name what is held out for a later part)", self.leaks))
        found.append(_line("questions that stand in two parts", self.repeated))
        if self.asked_again:
            found.append(_line(f"of {self.asked_again:,} items asked again, answers unlike the graph's", self.wrong))
        return found


def _line(what: str, ids: list[str]) -> str:
    shown = ", ".join(ids[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
    return f"{what}: {len(ids):,}" + (f" ({shown})" if ids else "")


def check_dataset(folder: Path, graph: Graph | None = None, sample: int = 200, seed: int = 0) -> CheckReport:
    """Check a dataset of `kg qa`.

    :param folder: the dataset.
    :param graph: the graph that it was built from, to ask again; nothing is asked when None.
    :param sample: how many items to ask again.
    :param seed: of the sample.
    :returns: what was found.
    :raises KGError: the folder holds no dataset, a file is damaged, or the graph is another one.
    """
    manifest = read_manifest(folder, "QA dataset", "kg qa")
    if manifest.get("kind") != KIND:
        raise ArtifactError(f"{folder} holds no QA dataset; give the folder that 'kg qa' wrote")
    made_from = manifest["config"]
    if graph is not None and made_from["graph"] != graph.hash:
        raise KGError(f"{folder} was built from another graph; give its workspace with -w, or --no-graph")
    held_out = _held_out(folder)
    by_edge = made_from["config"]["split"]["rule"] == BY_EDGE
    report = CheckReport(held_out={part: len(names) for part, names in held_out.items()})
    total = manifest["summary"]["count"]
    again = set(np.random.default_rng(seed).permutation(total)[:sample].tolist()) if graph is not None else set()
    ways = {family["name"]: family["ways"] for family in made_from["families"]}
    place, questions = 0, dict[int, str]()
    seen: dict[str, set[str]] = {part: set() for part in held_out}
    for part, item in _items(folder, manifest["format"]):
        report.items[part] += 1
        facts = _pairs(item) if by_edge else _nodes(item)
        for later in _LATER[part]:
            if not held_out[later].isdisjoint(facts):
                report.leaks.append(item["id"])
        if part in seen:
            seen[part] |= facts & held_out[part]
        if questions.setdefault(hash(item["question"]), part) != part:
            report.repeated.append(item["id"])
        if graph is not None and place in again:
            report.asked_again += 1
            if {one["id"] for one in item["answers"]} != _asked_again(graph, item, ways[item["family"]]):
                report.wrong.append(item["id"])
        place += 1
    if place != total:
        raise ArtifactError(f"{folder} holds {place:,} items, its manifest says {total:,}; run 'kg qa' again")
    report.unseen = {part: len(names) for part, names in seen.items()}
    return report


def _held_out(folder: Path) -> dict[str, set[str]]:
    """Read what is held out; an edge's two ends stand in alphabetical order, whichever way it leads."""
    try:
        content = json.loads((folder / HELD_OUT).read_text(encoding="utf-8"))
        return {part: {_ordered(name) for name in content[part]} for part in (VALIDATION, TEST)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder / HELD_OUT} can't be read ({error}); run 'kg qa' again") from error


def _ordered(name: str) -> str:
    parts = name.split(" ")
    return name if len(parts) != 3 else _pair(parts[0], parts[1], parts[2])


def _pair(one: str, relation: str, other: str) -> str:
    return " ".join((min(one, other), relation, max(one, other)))


def _nodes(item: Item) -> set[str]:
    """List the nodes that an item names."""
    found = {*item["anchors"], *(one["id"] for one in item["options"])}
    for answer in item["answers"]:
        found |= {answer["id"], *(node for proof in answer["proofs"] for node in proof["nodes"])}
    return found


def _pairs(item: Item) -> set[str]:
    """List the pairs that an item says to be joined: along its proofs, and for one hop by its options and answers."""
    relations = _relations(item)
    count, found = len(item["anchors"]), set()
    for answer in item["answers"]:
        for proof in answer["proofs"]:
            rest = proof["nodes"][count:]
            found |= {_pair(anchor, relations[0], rest[0]) for anchor in proof["nodes"][:count]}
            steps = zip(relations[1:], pairwise(rest), strict=True)
            found |= {_pair(here, relation, there) for relation, (here, there) in steps}
    if len(relations) == 1:
        ends = [one["id"] for one in (*item["options"], *item["answers"])]
        found |= {_pair(anchor, relations[0], end) for anchor in item["anchors"] for end in ends}
    return found


def _relations(item: Item) -> list[str]:
    return [step.split(":")[0] for step in item["metapath"].split("/")[1:]]


def _items(folder: Path, shape: str) -> Iterator[tuple[str, Item]]:
    """Read all items with their part, from Parquet where there is some, else from JSONL."""
    for part in PARTS:
        columns, lines = folder / f"{part}.{PARQUET}", folder / f"{part}.{JSONL}"
        if columns.exists():
            import pyarrow.parquet

            asked = {"alpaca": "instruction", "sharegpt": "conversations", "openai": "messages"}[shape]
            batches = pyarrow.parquet.ParquetFile(columns).iter_batches(5_000, columns=[*_COLUMNS, asked])
            records: Iterator[Item] = (item for batch in batches for item in batch.to_pylist())
        elif lines.exists():
            records = read_jsonl(lines)
        else:
            continue
        for record in records:
            yield part, record | {"question": question_of(record)}


def question_of(record: Item) -> str:
    """Give an item's question, whatever its format."""
    if "instruction" in record:
        return str(record["instruction"])
    turns = record.get("conversations") or record["messages"]
    return str(turns[0].get("value") or turns[0]["content"])


def _asked_again(graph: Graph, item: Item, ways: list[int]) -> set[str]:
    """Walk an item's path edge by edge and give the ids of its answers."""
    kinds = [step.split(":")[-1] for step in item["metapath"].split("/")]
    relations = _relations(item)
    anchors = [graph.resolve(anchor) for anchor in item["anchors"]]
    near = [_neighbours(graph, anchor, relations[0], kinds[1]) for anchor in anchors]
    paths: list[tuple[int, ...]] = [(node,) for node in set.intersection(*near) - set(anchors)]
    for hop, relation in enumerate(relations[1:], 1):
        grown: list[tuple[int, ...]] = []
        for path in paths:
            for node in _neighbours(graph, path[-1], relation, kinds[hop + 1]) - {*path, *anchors}:
                grown.append((*path, node))
        reached = Counter(path[-1] for path in grown)
        paths = [path for path in grown if reached[path[-1]] >= ways[hop]]
    return {graph.id(path[-1]) for path in paths}


def _neighbours(graph: Graph, node: int, relation: str, kind: str) -> set[int]:
    edges = [*graph.out_edges(node, relation).tolist(), *graph.in_edges(node, relation).tolist()]
    ends = {end for edge in map(graph.edge, edges) for end in (edge.head, edge.tail)} - {node}
    return {end for end in ends if graph.type(end) == kind}
