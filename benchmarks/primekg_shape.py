"""Writes a random graph with the size and degree shape of PrimeKG, in the format of its kg.csv.

`python -m benchmarks.primekg_shape OUT.csv [--seed 0] [--scale 1.0]`; the same seed and scale give the same bytes.

Like PrimeKG (Chandak, Huang & Zitnik 2023): the columns; every edge in both directions (all forward rows by
relation, then all reversed ones); the 10 node types and 30 relations with their sizes; every node has an edge; no
edge twice in a relation, no loops. Degrees are heavy-tailed: both ends of a relation are drawn by Zipf weights
among those nodes that take part in it (about 280 anatomies have all expression edges, 4,400 drugs all
interactions), and a node that is big in one relation tends to be big in the others. Hierarchies are trees with
additional parents. Ids look alike, names have the same lengths, commas are quoted, and some diseases are merged.

Unlike PrimeKG: which nodes are joined (no triangles, communities or biology beyond what the weights give); names
and ids are invented; indices have one block a type; hubs come near the original's in size, but are not equal;
one display relation for each pair of drug and protein; the order of rows in a relation (random). With a small
`--scale`, relations with few participants fill half of what is possible and have fewer edges than the scale says.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
COLUMNS = "relation,display_relation,x_index,x_id,x_type,x_name,x_source,y_index,y_id,y_type,y_name,y_source"
ZIPF_SHIFT = 3.0  # added to ranks: keeps the first few nodes from taking everything
TREE_BIAS = 1.6  # exponent above 1: how strongly later nodes prefer early parents
SAME_FAME = 0.7  # share of a node's rank in a relation that it has in all relations
ROWS_A_CHUNK = 200_000
GROUPED = 700  # diseases with several ids: they get about the original's share of rows


@dataclass(frozen=True)
class NodeType:
    """How many nodes a type has, and what their ids and names look like.

    :ivar nodes: number of nodes in PrimeKG.
    :ivar source: the database that ids come from.
    :ivar form: %-format of an id's number.
    :ivar spread: ids are drawn below `spread` times the number of nodes.
    :ivar words: fewest and most words of a name; 0 for a symbol like a gene's.
    """

    nodes: int
    source: str
    form: str
    spread: int
    words: tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """Size and degree shape of one relation; a hierarchy has no `parts`.

    :ivar head: node type of the forward rows' x.
    :ivar tail: node type of the forward rows' y.
    :ivar rows: number of rows in PrimeKG, twice the edges.
    :ivar shown: values of display_relation.
    :ivar parts: how many heads and tails take part.
    :ivar zipf: exponents of both ends' weights.
    """

    head: str
    tail: str
    rows: int
    shown: tuple[str, ...]
    parts: tuple[int, int] | None = None
    zipf: tuple[float, float] = (0.6, 0.6)


GENE, DRUG, DISEASE, EFFECT, EXPOSURE = "gene/protein", "drug", "disease", "effect/phenotype", "exposure"
PROCESS, FUNCTION, COMPONENT = "biological_process", "molecular_function", "cellular_component"
ANATOMY, PATHWAY = "anatomy", "pathway"
TYPES = {
    GENE: NodeType(27_671, "NCBI", "%d", 5, (0, 0)),
    DRUG: NodeType(7_957, "DrugBank", "DB%05d", 2, (1, 2)),
    EFFECT: NodeType(15_311, "HPO", "%d", 7, (1, 4)),
    DISEASE: NodeType(17_080, "MONDO", "%d", 4, (2, 6)),
    PROCESS: NodeType(28_642, "GO", "%d", 70, (2, 6)),
    FUNCTION: NodeType(11_169, "GO", "%d", 170, (2, 6)),
    COMPONENT: NodeType(4_176, "GO", "%d", 400, (2, 4)),
    EXPOSURE: NodeType(818, "CTD", "C%06d", 700, (1, 3)),
    ANATOMY: NodeType(14_035, "UBERON", "%d", 20, (1, 4)),
    PATHWAY: NodeType(2_516, "REACTOME", "R-HSA-%d", 3_500, (3, 9)),
}
TREE, JOINED = ("parent-child",), ("interacts with",)
RELATIONS = {  # in the original's order; participants and exponents estimated from its sources
    "protein_protein": Shape(GENE, GENE, 642_150, ("ppi",), (18_400, 18_400), (0.6, 0.6)),
    "drug_protein": Shape(DRUG, GENE, 51_306, ("target", "enzyme", "carrier", "transporter"), (6_000, 3_200)),
    "contraindication": Shape(DRUG, DISEASE, 61_350, ("contraindication",), (1_250, 1_200), (0.4, 0.7)),
    "indication": Shape(DRUG, DISEASE, 18_776, ("indication",), (1_800, 1_360), (0.4, 0.6)),
    "off-label use": Shape(DRUG, DISEASE, 5_136, ("off-label use",), (800, 740), (0.5, 0.6)),
    "drug_drug": Shape(DRUG, DRUG, 2_672_628, ("synergistic interaction",), (4_400, 4_400), (0.4, 0.4)),
    "phenotype_protein": Shape(EFFECT, GENE, 6_660, ("associated with",), (1_000, 2_000)),
    "phenotype_phenotype": Shape(EFFECT, EFFECT, 37_472, TREE),
    "disease_phenotype_negative": Shape(DISEASE, EFFECT, 2_386, ("phenotype absent",), (800, 700)),
    "disease_phenotype_positive": Shape(DISEASE, EFFECT, 300_634, ("phenotype present",), (9_600, 9_000), (0.45, 0.9)),
    "disease_protein": Shape(GENE, DISEASE, 160_822, ("associated with",), (8_400, 5_600), (0.4, 0.8)),
    "disease_disease": Shape(DISEASE, DISEASE, 64_388, TREE),
    "drug_effect": Shape(DRUG, EFFECT, 129_568, ("side effect",), (1_350, 4_000), (0.5, 0.8)),
    "bioprocess_bioprocess": Shape(PROCESS, PROCESS, 105_772, TREE),
    "molfunc_molfunc": Shape(FUNCTION, FUNCTION, 27_148, TREE),
    "cellcomp_cellcomp": Shape(COMPONENT, COMPONENT, 9_690, TREE),
    "molfunc_protein": Shape(FUNCTION, GENE, 139_060, JOINED, (4_200, 17_500), (1.05, 0.4)),
    "cellcomp_protein": Shape(COMPONENT, GENE, 166_804, JOINED, (1_750, 18_500), (1.05, 0.3)),
    "bioprocess_protein": Shape(PROCESS, GENE, 289_610, JOINED, (12_000, 17_400), (0.75, 0.5)),
    "exposure_protein": Shape(EXPOSURE, GENE, 2_424, JOINED, (250, 500), (0.8, 0.6)),
    "exposure_disease": Shape(EXPOSURE, DISEASE, 4_608, ("linked to",), (500, 300), (0.6, 0.7)),
    "exposure_exposure": Shape(EXPOSURE, EXPOSURE, 4_140, TREE),
    "exposure_bioprocess": Shape(EXPOSURE, PROCESS, 3_250, JOINED, (300, 300), (0.6, 0.7)),
    "exposure_molfunc": Shape(EXPOSURE, FUNCTION, 90, JOINED, (30, 15)),
    "exposure_cellcomp": Shape(EXPOSURE, COMPONENT, 20, JOINED, (8, 6)),
    "anatomy_anatomy": Shape(ANATOMY, ANATOMY, 28_064, TREE),
    "anatomy_protein_present": Shape(GENE, ANATOMY, 3_036_406, ("expression present",), (20_500, 280), (0.15, 0.7)),
    "anatomy_protein_absent": Shape(GENE, ANATOMY, 39_774, ("expression absent",), (5_500, 120), (0.4, 0.8)),
    "pathway_pathway": Shape(PATHWAY, PATHWAY, 5_070, TREE),
    "pathway_protein": Shape(PATHWAY, GENE, 85_292, JOINED, (1_900, 10_800), (0.7, 0.5)),
}
COVERING = ("anatomy_protein_present", "drug_protein")  # give an edge to all heads, whose types have no hierarchy


@dataclass(frozen=True)
class Block:
    """The nodes of one type: their indices begin at `first`; `fame` orders them across relations."""

    first: int
    size: int
    fame: npt.NDArray[np.float64]


def place_nodes(rng: np.random.Generator, scale: float) -> dict[str, Block]:
    """Give each node type its block of indices."""
    blocks, first = {}, 0
    for name, node_type in TYPES.items():
        size = max(round(node_type.nodes * scale), 12)
        blocks[name] = Block(first, size, rng.standard_normal(size))
        first += size
    return blocks


def tree_pairs(rng: np.random.Generator, size: int, wanted: int) -> Ints:
    """Draw a hierarchy in which every node has an edge.

    :param size: number of nodes.
    :param wanted: number of pairs.
    :returns: int64 [n, 2], parent before child; n is `wanted`, but for tiny graphs.
    """
    roots, order = min(max(1, size - wanted), size // 2), rng.permutation(size)
    child = np.arange(roots, size)
    parent = np.concatenate([np.arange(roots), (child[roots:] * rng.random(size - 2 * roots) ** TREE_BIAS).astype(int)])
    keys, goal = parent * size + child, min(max(wanted, len(child)), size * (size - 1) // 4)
    while len(keys) < goal:
        more = rng.integers(1, size, 2 * (goal - len(keys)) + 8)
        extra = (more * rng.random(len(more)) ** TREE_BIAS).astype(np.int64) * size + more
        _, where = np.unique(np.concatenate([keys, extra]), return_index=True)
        keys = np.concatenate([keys, extra])[np.sort(where)]
    return np.stack([order[keys[:goal] // size], order[keys[:goal] % size]], axis=1)


def zipf_side(rng: np.random.Generator, block: Block, parts: int, exponent: float) -> tuple[Ints, Ints]:
    """Choose who takes part, biggest first, and their cumulative weights, scaled to 2**53."""
    own = rng.standard_normal(block.size)
    order = np.argsort(-(SAME_FAME * block.fame + np.sqrt(1 - SAME_FAME**2) * own), kind="stable")[:parts]
    weights = np.cumsum((np.arange(len(order)) + ZIPF_SHIFT) ** -exponent)
    return order, np.floor(weights / weights[-1] * 2**53).astype(np.int64)


def zipf_pairs(rng: np.random.Generator, shape: Shape, blocks: dict[str, Block], scale: float, cover: bool) -> Ints:
    """Draw a relation's pairs by both ends' weights, none twice (Chung & Lu 2002, with rejection).

    :param scale: share of the original's size.
    :param cover: begin with one edge for each head of the type, participant or not.
    :returns: int64 [n, 2] of nodes within their blocks.
    """
    parts, same = [max(round(count * scale), 6) for count in shape.parts or ()], shape.head == shape.tail
    first = zipf_side(rng, blocks[shape.head], parts[0], shape.zipf[0])
    second = first if same else zipf_side(rng, blocks[shape.tail], parts[1], shape.zipf[1])
    heads, tails = blocks[shape.head].size, blocks[shape.tail].size
    wanted = min(round(shape.rows / 2 * scale), parts[0] * parts[1] // (4 if same else 2))

    def draw(side: tuple[Ints, Ints], count: int) -> Ints:
        return side[0][np.searchsorted(side[1], rng.integers(0, 2**53, count), side="right").clip(max=len(side[0]) - 1)]

    must = keys = np.arange(heads if cover else 0) * tails + draw(second, heads if cover else 0)
    wanted = max(wanted, len(must))
    while len(keys) < wanted:
        missing = int(1.2 * (wanted - len(keys))) + 64
        head, tail = draw(first, missing), draw(second, missing)
        if same:
            head, tail = np.minimum(head, tail), np.maximum(head, tail)
        keys = np.union1d(keys, (head * tails + tail)[(head != tail) | (not same)])
    free = np.setdiff1d(keys, must)
    keys = np.concatenate([must, rng.choice(free, wanted - len(must), replace=False)])
    found = np.stack([keys // tails, keys % tails], axis=1)
    return rng.permuted(found, axis=1) if same else found  # within a type either end may stand first


def draw_graph(seed: int, scale: float) -> tuple[dict[str, Block], dict[str, Ints]]:
    """Draw all relations.

    :param seed: the same seed and scale give the same graph.
    :param scale: share of PrimeKG's nodes and edges.
    :returns: the types' blocks, and for each relation its pairs, int64 [n, 2] of node indices.
    """
    seeds = np.random.SeedSequence(seed).spawn(len(RELATIONS) + 1)
    blocks, pairs = place_nodes(np.random.default_rng(seeds[0]), scale), {}
    for one, (name, shape) in zip(seeds[1:], RELATIONS.items(), strict=True):
        rng = np.random.default_rng(one)
        if shape.parts is None:
            found = tree_pairs(rng, blocks[shape.head].size, round(shape.rows / 2 * scale))
        else:
            found = zipf_pairs(rng, shape, blocks, scale, name in COVERING)
        pairs[name] = rng.permutation(found) + np.array([blocks[shape.head].first, blocks[shape.tail].first])
    return blocks, pairs


def word_list(rng: np.random.Generator, count: int) -> list[str]:
    """Make up words of two to four syllables."""
    syllables = [c + v for c in ["b", "c", "d", "fl", "g", "l", "m", "nt", "p", "r", "st", "t", "v"] for v in "aeiou"]
    lengths, picks = rng.integers(2, 5, count), rng.integers(0, len(syllables), (count, 4))
    return ["".join(syllables[i] for i in row[:n]) for n, row in zip(lengths.tolist(), picks.tolist(), strict=True)]


def node_names(rng: np.random.Generator, words: list[str], node_type: NodeType, size: int) -> list[str]:
    """Make up names, none twice; every sixth name of several words has a comma."""
    fewest, most = node_type.words
    if not most:
        numbers = rng.choice(26**3 * 20, size, replace=False).tolist()
        return [
            f"{chr(65 + n % 26)}{chr(65 + n // 26 % 26)}{chr(65 + n // 676 % 26)}{n // 17_576 + 1}" for n in numbers
        ]
    counts, picks = rng.integers(fewest, most + 1, size), rng.integers(0, len(words), (size, most))
    names, seen = [], set[str]()
    for n, (count, row) in enumerate(zip(counts.tolist(), picks.tolist(), strict=True)):
        chosen = [words[i] for i in row[:count]]
        name = ", ".join([" ".join(chosen[:-1]), chosen[-1]]) if n % 6 == 5 and count > 2 else " ".join(chosen)
        name = f"{name} {n}" if name in seen else name
        seen.add(name)
        names.append(name)
    return names


def node_fragments(rng: np.random.Generator, blocks: dict[str, Block]) -> list[str]:
    """Write each node's five columns: index,id,type,name,source."""
    words, lines = word_list(rng, 6_000), []
    for type_name, node_type in TYPES.items():
        block = blocks[type_name]
        numbers = rng.choice(node_type.spread * max(block.size, 100), block.size, replace=False) + 1
        ids, sources = [node_type.form % number for number in numbers.tolist()], [node_type.source] * block.size
        if type_name == DISEASE:
            for one in np.argsort(-block.fame)[: max(GROUPED * block.size // node_type.nodes, 1)].tolist():
                merged = rng.integers(1, node_type.spread * node_type.nodes, rng.integers(1, 12))
                ids[one], sources[one] = "_".join([ids[one], *map(str, merged.tolist())]), "MONDO_grouped"
        names = node_names(rng, words, node_type, block.size)
        for index, (node_id, name, source) in enumerate(zip(ids, names, sources, strict=True), block.first):
            shown = f'"{name}"' if "," in name else name
            lines.append(f"{index},{node_id},{type_name},{shown},{source}")
    return lines


def csv_chunks(rng: np.random.Generator, nodes: list[str], pairs: dict[str, Ints]) -> Iterator[str]:
    """Give the file's text piece by piece: header, forward rows, reversed rows."""
    yield COLUMNS + "\n"
    prefixes = {name: [f"{name},{one}," for one in RELATIONS[name].shown] for name in pairs}
    kinds = {name: rng.integers(0, len(prefixes[name]), len(pairs[name])) for name in pairs}
    for forward in (True, False):
        for name, both in pairs.items():
            for begin in range(0, len(both), ROWS_A_CHUNK):
                part = both[begin : begin + ROWS_A_CHUNK]
                x, y = (part if forward else part[:, ::-1]).T.tolist()
                kind, prefix = kinds[name][begin : begin + ROWS_A_CHUNK].tolist(), prefixes[name]
                yield "".join([f"{prefix[k]}{nodes[a]},{nodes[b]}\n" for k, a, b in zip(kind, x, y, strict=True)])


def main() -> None:
    """Write the file and say how big it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="share of PrimeKG's nodes and edges")
    arguments, begun = parser.parse_args(), time.perf_counter()
    blocks, pairs = draw_graph(arguments.seed, arguments.scale)
    rng = np.random.default_rng([arguments.seed, 1])
    nodes = node_fragments(rng, blocks)
    partial = arguments.out.with_name(arguments.out.name + ".part")
    with partial.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_chunks(rng, nodes, pairs))
    os.replace(partial, arguments.out)
    rows, size = 2 * sum(map(len, pairs.values())), arguments.out.stat().st_size
    print(f"{len(nodes):,} nodes, {rows:,} rows, {size:,} bytes in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
