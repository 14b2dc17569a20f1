"""Proves from a dataset's files alone that its split leaks nothing, and asks the graph again for a sample of answers.

A leak is a part that names, in a question, an option, an answer or a proof, what is held out for a later part; or a
question that stands in two parts. Every kind of file that is there is checked. The walk that asks again is written
plainly and shares no code with the builder; only what is held out is worked out by the builder's rule, and compared.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from generation.qa.dataset import HELD_OUT
from generation.qa.families import CHOICE, COUNT, LIST, YES_NO
from generation.qa.reading import Item, dataset_manifest, items_of
from generation.qa.splits import BY_EDGE, PARTS, TEST, TRAIN, VALIDATION, SplitConfig, Splitter
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph

_SHOWN = 5
_LATER = {TRAIN: (VALIDATION, TEST), VALIDATION: (TEST,), TEST: ()}


@dataclass
class CheckReport:
    """What a check found.

    :ivar items: number of items by part.
    :ivar held_out: number of diseases or edges held out, by part; `unseen` how many of them the part really asks about.
    :ivar leaks: ids of items that name what is held out for a later part, and what.
    :ivar repeated: ids of items whose question stands in another part.
    :ivar unlike: ids of items whose part, gold or reply is not what their file, answers and options say.
    :ivar asked_again: number of items whose answers and proofs were compared with the graph's; `wrong` the ids of
        those that differ.
    :ivar doubts: what keeps the split from being proved.
    """

    items: Counter[str] = field(default_factory=Counter)
    held_out: dict[str, int] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    asked_again: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found, and nothing keeps the split from being proved."""
        return self.verdict == "sound"

    @property
    def verdict(self) -> str:
        """What was found, in a word or two."""
        if self.leaks or self.repeated or self.unlike or self.wrong:
            return "NOT sound"
        return "not proved" if self.doubts else "sound"

    def lines(self) -> list[str]:
        """Word the report for a person."""
        found = [f"{sum(self.items.values()):,} items: " + ", ".join(f"{part} {n:,}" for part, n in self.items.items())]
        for part, number in self.held_out.items():
            found.append(f"held out for the {part}: {number:,}, of which its items ask about {self.unseen[part]:,}")
        found.append(_line("leaks (items that name what is held out for a later part)", self.leaks))
        found.append(_line("questions that stand in two parts", self.repeated))
        found.append(_line("items whose part, gold or reply is not what their answers say", self.unlike))
        found += self.doubts
        if self.asked_again:
            found.append(
                _line(f"of {self.asked_again:,} items asked again, answers or proofs unlike the graph's", self.wrong)
            )
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
    manifest = dataset_manifest(folder)
    made_from = manifest["config"]
    if graph is not None and made_from["graph"] != graph.hash:
        raise KGError(f"{folder} was built from another graph; give its workspace with -w, or --no-graph")
    held_out = _held_out(folder)
    report = CheckReport(held_out={part: len(names) for part, names in held_out.items()})
    split = made_from["config"]["split"]
    by_edge, proofs = split["rule"] == BY_EDGE, made_from["config"]["proofs"]
    if not proofs and any(int(hops) > 1 for hops in manifest["summary"]["hops"]):
        report.doubts.append("without proofs (--proofs 0) nobody can see what items of several hops rest on")
    if graph is not None and held_out != _by_the_rule(graph, made_from):
        report.doubts.append(f"{HELD_OUT} is not what the seed holds out of this graph")
    total = manifest["summary"]["count"]
    sample = min(sample, total) if graph is not None else 0
    again = set(np.random.default_rng(seed).permutation(total)[:sample].tolist())
    seen: dict[str, set[str]] = {part: set() for part in held_out}
    for kind in manifest["files"]:
        report.items = Counter()
        questions: dict[int, str] = {}
        for part in PARTS:
            path = folder / f"{part}.{kind}"
            for item in items_of(path, manifest["format"]) if path.is_file() else ():
                place = sum(report.items.values())
                report.items[part] += 1
                try:
                    _check_item(report, item, part, held_out, seen, by_edge)
                    if questions.setdefault(hash(item["question"]), part) != part:
                        report.repeated.append(item["id"])
                    if graph is not None and place in again:
                        _check_answers(report, graph, item, made_from)
                except (KeyError, TypeError, ValueError, IndexError) as error:
                    raise KGError(
                        f"{path} holds a damaged item ({error}); make the dataset again with kg qa"
                    ) from error
        if sum(report.items.values()) != total:
            there = f"{sum(report.items.values()):,} items as {kind}, and its manifest says {total:,}"
            raise ArtifactError(f"{folder} holds {there}; run 'kg qa' again")
    report.unseen = {part: len(names) for part, names in seen.items()}
    return report


def _check_item(
    report: CheckReport, item: Item, part: str, held_out: dict[str, set[str]], seen: dict[str, set[str]], by_edge: bool
) -> None:
    """Look for what an item may not name, and whether it agrees with itself."""
    facts = _pairs(item) if by_edge else _nodes(item)
    if any(not held_out[later].isdisjoint(facts) for later in _LATER[part]):
        report.leaks.append(item["id"])
    if part in seen:
        seen[part] |= facts & held_out[part]
    if item["split"] != part or item["gold"] != _gold(item) or not _says(item):
        report.unlike.append(item["id"])


def _gold(item: Item) -> list[str] | None:
    """Work out an item's gold from its answers and options."""
    names = list(dict.fromkeys(answer["name"] for answer in item["answers"]))
    if item["form"] in (LIST, COUNT):
        return names if item["form"] == LIST else [str(len(names))]
    answers = {answer["id"] for answer in item["answers"]}
    if item["form"] == YES_NO:
        yes = item["options"][0]["id"] in answers
        return [{"en": ("no", "yes"), "ru": ("нет", "да")}[item["lang"]][yes]]
    fitting = [one["name"] for one in item["options"] if (one["id"] in answers) == (item["form"] == CHOICE)]
    return fitting if len(fitting) == 1 else None


def _says(item: Item) -> bool:
    """Tell whether a reply ends with the gold."""
    return bool(item["reply"].casefold().endswith("; ".join(item["gold"]).casefold() + "."))


def _check_answers(report: CheckReport, graph: Graph, item: Item, made_from: dict[str, Any]) -> None:
    """Ask the graph again, and look up the edges of the proofs."""
    report.asked_again += 1
    ways = next(family["ways"] for family in made_from["families"] if family["name"] == item["family"])
    right = {one["id"] for one in item["answers"]} == _asked_again(graph, item, ways)
    count = len(item["anchors"])
    for proof in (proof for answer in item["answers"] for proof in answer["proofs"]):
        nodes, rest = proof["nodes"], proof["nodes"][count:]
        steps = [*((anchor, rest[0]) for anchor in nodes[:count]), *pairwise(rest)]
        edges = [graph.edge(edge) if 0 <= edge < graph.num_edges else None for edge in proof["edges"]]
        ends = [edge and {graph.id(edge.head), graph.id(edge.tail)} for edge in edges]
        right &= ends == [set(step) for step in steps]
    if not right:
        report.wrong.append(item["id"])


def _by_the_rule(graph: Graph, made_from: dict[str, Any]) -> dict[str, set[str]]:
    """Work out what the dataset's configuration holds out of the graph."""
    found = Splitter(graph, SplitConfig(**made_from["config"]["split"])).held_out()
    return {part: {_ordered(name) for name in names} for part, names in found.items()}


def _held_out(folder: Path) -> dict[str, set[str]]:
    """Read what is held out; an edge's two ends stand in alphabetical order, whichever way it leads."""
    try:
        content = json.loads((folder / HELD_OUT).read_text(encoding="utf-8"))
        return {part: {_ordered(name) for name in content[part]} for part in (VALIDATION, TEST)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder / HELD_OUT} can't be read ({error}); run 'kg qa' again") from error


def _ordered(name: str) -> str:
    head, _, rest = name.partition(" ")
    relation, _, tail = rest.rpartition(" ")
    return _pair(head, relation, tail) if relation else name


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
