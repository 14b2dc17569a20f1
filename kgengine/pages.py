"""One self-contained HTML page for a query: its ranked answers beside the picture of their proofs.

The layout is computed here, so that the same picture always gives the same page; drawing, dragging and
highlighting are left to the script in `page.html`. The page names no address and never fetches anything.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray

from kgengine.schema import DISEASE, DRUG, DRUG_CLASS, SYMPTOM

if TYPE_CHECKING:
    import networkx

_COLOURED = (DISEASE, SYMPTOM, DRUG, DRUG_CLASS)
_COLOURS = 8
"""Colours in `page.html`: the first ones belong to the types above, any other type takes one that is left."""
_STEP = {"edge", "head", "relation", "tail"}
_LABEL = 22  # characters in a line of a label, of which there are two at most
_EDGE, _ASPECT = 160.0, 1.35  # the median edge in pixels at zoom 1 holds "contraindicated_in"; a wide screen
_KAMADA_KAWAI, _SPREAD = 250, 600  # nodes above which kamada_kawai_layout (1 s at 200) and _spread are too slow


@lru_cache(maxsize=1)
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}
    return environment.get_template("page.html")


def answer_page(
    picture: "networkx.MultiDiGraph", answers: Sequence[dict[str, Any]], title: str, subtitle: str = ""
) -> str:
    """Write the page that shows answers and the subgraph of their proofs.

    :param picture: nodes keyed by CURIE with `name`, `type` and optionally `score` and `anchor`; edges keyed
        by edge id with `relation` and optionally more (`frequency`, `source`, `probability`, `predicted`, ...).
    :param answers: records as :func:`kgengine.subgraph.answer_record` gives them, best first.
    :param title: what was asked.
    :param subtitle: how it was asked, or "".
    :returns: an HTML document, the same for the same picture whatever its order of insertion.
    """
    colours = _colours([*(kind for _, kind in picture.nodes(data="type")), *(answer["type"] for answer in answers)])
    rank = {answer["id"]: place for place, answer in reversed(list(enumerate(answers, 1)))}
    spots = _layout(picture)
    nodes: dict[str, dict[str, Any]] = {}
    for row, key in enumerate(sorted(picture)):
        data = picture.nodes[key]
        name, kind = str(data.get("name") or key), str(data.get("type") or "")
        nodes[key] = {"row": row, "id": key, "name": name, "type": kind, "colour": colours[kind]}
        nodes[key] |= {"x": spots[key][0], "y": spots[key][1], "rank": rank.get(key, 0)}
        nodes[key]["state"] = "anchor" if data.get("anchor") else "answer" if key in rank or "score" in data else ""
        nodes[key]["lines"] = wrap(name, _LABEL, max_lines=2, placeholder="…")
        nodes[key]["more"] = _facts(data, {"name", "type", "anchor"})
    wires: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    found = sorted(picture.edges(keys=True, data=True), key=lambda edge: (edge[0], edge[1], str(edge[2])))
    for row, (head, tail, key, data) in enumerate(found):
        wire = {"row": row, "key": str(key), "head": nodes[head]["row"], "tail": nodes[tail]["row"]}
        wire |= {"relation": str(data.get("relation", "")), "predicted": bool(data.get("predicted"))}
        wire["more"] = _facts(data, {"relation", "predicted"})
        wires.setdefault((head, wire["relation"], tail), []).append(wire)
    edges = sorted((wire for same in wires.values() for wire in same), key=lambda wire: int(wire["row"]))
    shown = [_answer(answer, colours[str(answer["type"] or "")], nodes, wires) for answer in answers]
    counts = [(kind, colour, sum(n["type"] == kind for n in nodes.values())) for kind, colour in colours.items()]
    marks = [{"nodes": answer["nodes"], "edges": answer["edges"]} for answer in shown]
    return _template().render(
        title=title,
        subtitle=subtitle,
        answers=shown,
        types=[entry for entry in counts if entry[2]],
        data={"nodes": list(nodes.values()), "edges": edges, "answers": marks},
    )


def _answer(
    answer: Mapping[str, Any],
    colour: int,
    nodes: Mapping[str, dict[str, Any]],
    wires: Mapping[tuple[str, str, str], list[dict[str, Any]]],
) -> dict[str, Any]:
    """Give an answer as the template writes it: each proof step by step, and the rows of what they touch."""
    drawn: set[int] = set()
    proofs, near = [], {answer["id"]}
    for proof in answer.get("proofs", ()):
        steps: list[dict[str, Any]] = []
        node = answer["id"]
        for record in reversed(proof):  # a path ends at its answer, so from there it is known which way an edge runs
            triple = record["head"], record["relation"], record["tail"]
            same = wires.get(triple, [])
            wire = next((one for one in same if one["key"] == str(record.get("edge"))), same[0] if same else None)
            forward = triple[2] == node
            node = triple[0] if forward else triple[2]
            step = {"node": nodes.get(node, {"name": node, "colour": _COLOURS - 1}), "forward": forward}
            step |= wire or {"relation": triple[1], "predicted": False, "more": _facts(record, _STEP)}
            steps.append(step)
            near.update((triple[0], triple[2]))
            drawn.update({wire["row"]} if wire else ())
        proofs.append(steps[::-1])
    return {
        **{key: answer[key] for key in ("id", "name", "type")},
        "colour": colour,
        "score": "" if answer.get("score") is None else _score(answer["score"]),
        "paths": answer.get("paths"),
        "predicted": answer.get("state") == "predicted",
        "proofs": proofs,
        "nodes": sorted(nodes[node]["row"] for node in near if node in nodes),
        "edges": sorted(drawn),
    }


def _facts(data: Mapping[str, Any], without: set[str]) -> list[tuple[str, str]]:
    """Give the further attributes as words, in order of their names."""
    known = ((key, data[key]) for key in sorted(set(data) - without) if data[key] not in (None, ""))
    return [
        (key, _score(float(value)) if isinstance(value, (float, np.floating)) else str(value)) for key, value in known
    ]


def _score(value: float) -> str:
    """Write a score with four decimals, a very small one with three digits."""
    return f"{value:.2e}" if 0 < abs(value) < 0.001 else f"{value:.4f}"


def _colours(kinds: Iterable[str | None]) -> dict[str, int]:
    present = {str(kind or "") for kind in kinds}
    colours = {kind: place for place, kind in enumerate(_COLOURED) if kind in present}
    free = [*range(len(_COLOURED), _COLOURS), *sorted(set(range(len(_COLOURED))).difference(colours.values()))]
    return colours | {kind: free[place % len(free)] for place, kind in enumerate(sorted(present - set(colours)))}


def _layout(picture: "networkx.MultiDiGraph") -> dict[str, tuple[int, int]]:
    """Place the nodes, in pixels at zoom 1: each connected part for itself, the parts in rows."""
    import networkx

    whole = networkx.Graph((head, tail) for head, tail in picture.edges() if head != tail)
    whole.add_nodes_from(picture)
    parts = sorted(map(sorted, networkx.connected_components(whole)), key=lambda part: (-len(part), part))
    boxes = [_place(whole.subgraph(part).edges, part, picture.nodes) for part in parts]
    area = sum(float(np.prod(np.ptp(box, axis=0) + 130)) for box in boxes)
    width = max([math.sqrt(area * _ASPECT), *(float(np.ptp(box[:, 0])) for box in boxes)])
    spots: dict[str, tuple[int, int]] = {}
    left = top = height = 0.0
    for part, box in zip(parts, boxes, strict=True):
        wide, high = np.ptp(box, axis=0).tolist()
        if left and left + wide > width:
            left, top, height = 0.0, top + height + 100, 0.0
        places = (box - box.min(axis=0) + (left, top)).round().astype(int).tolist()
        spots.update((node, (x, y)) for node, (x, y) in zip(part, places, strict=True))
        left, height = left + wide + 180, max(height, high)
    return spots


def _place(pairs: Iterable[tuple[str, str]], part: Sequence[str], data: Mapping[str, Any]) -> NDArray[np.float64]:
    """Lay out one connected part, its long axis across and its anchors to the left: float64 [nodes, 2], pixels."""
    import networkx

    if len(part) == 1:
        return np.zeros((1, 2))
    graph = networkx.Graph()
    graph.add_nodes_from(part)
    graph.add_edges_from(sorted(map(sorted, pairs)))
    small = len(part) <= _KAMADA_KAWAI
    found = networkx.kamada_kawai_layout(graph, weight=None) if small else networkx.spring_layout(graph, seed=7)
    spots = np.array([found[node] for node in part], dtype=np.float64)
    spots -= spots.mean(axis=0)
    spots = spots @ np.linalg.svd(spots, full_matrices=False)[2].T
    spots[:, 0] *= max(1.0, _ASPECT * np.ptp(spots[:, 1]) / max(np.ptp(spots[:, 0]), 1e-9)) if len(part) > 4 else 1.0
    if sum(spots[place, 0] for place, node in enumerate(part) if data[node].get("anchor")) > 0:
        spots = -spots
    row = {node: place for place, node in enumerate(part)}
    ends = np.array([(row[a], row[b]) for a, b in graph.edges])
    spots *= _EDGE / max(float(np.median(np.linalg.norm(spots[ends[:, 0]] - spots[ends[:, 1]], axis=1))), 1e-9)
    return _spread(spots, [str(data[node].get("name") or node) for node in part])


def _spread(spots: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Push apart what would lie on one another, in a small picture with the labels, in a big one the discs alone."""
    words = np.array([max(min(len(name), _LABEL) * 6.5 + 16, 72.0) for name in names])
    sizes = np.stack([np.maximum(words * min(1.0, 40 / len(names)), 44), np.full(len(names), 58.0)], axis=1)
    order = np.sign(np.subtract.outer(np.arange(len(names)), np.arange(len(names))))[..., None]
    for turn in range(100 if len(names) <= _SPREAD else 0):
        gap = spots[:, None] - spots[None]
        overlap = (sizes[:, None] + sizes[None]) / 2 - np.abs(gap)
        hit = (overlap > 0).all(axis=2) & (order[..., 0] != 0)
        if not hit.any():
            break
        least = overlap == overlap.min(axis=2, keepdims=True)
        side = np.where(gap == 0, order, np.sign(gap))
        spots = spots * (1.02 if turn < 40 else 1) + (side * overlap * least * hit[..., None]).sum(axis=1) * 0.25
    return spots
