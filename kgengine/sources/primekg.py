"""Reads PrimeKG's `kg.csv` (Chandak, Huang & Zitnik 2023, doi:10.1038/s41597-023-01960-3).

That file holds every edge in both directions; each is kept once, in the direction that its relation has by
nature. Relations within one type (parent-child) lost theirs there: they become `related_to`, the smaller id
first. Edges are arrays from beginning to end; no loop goes over rows.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgengine.errors import KGError, SourceError
from kgengine.sources.records import EdgeBlock, Node, Provenance, RelationCount, SourceGraph, count_remarks
from kgengine.sources.tables import english, integers, read_table

Column = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

RELEASE, KNOWN_NODES = "V2.1", 129_375
_MAX_NUMBER = 10_000_000
PROVENANCE = Provenance("infores:primekg", f"{RELEASE} (Harvard Dataverse, doi:10.7910/DVN/IXA7BM)", "CC0-1.0")

RELATIONS = {  # PrimeKG's relation: ours, head type, tail type, rows of both directions in the release
    "anatomy_protein_present": ("expressed_in", "gene", "anatomy", 3_036_406),
    "drug_drug": ("interacts_with", "drug", "drug", 2_672_628),
    "protein_protein": ("physically_interacts_with", "gene", "gene", 642_150),
    "disease_phenotype_positive": ("has_phenotype", "disease", "symptom", 300_634),
    "bioprocess_protein": ("participates_in", "gene", "biological_process", 289_610),
    "cellcomp_protein": ("located_in", "gene", "cellular_component", 166_804),
    "disease_protein": ("gene_associated_with_condition", "gene", "disease", 160_822),
    "molfunc_protein": ("enables", "gene", "molecular_function", 139_060),
    "drug_effect": ("has_side_effect", "drug", "symptom", 129_568),
    "bioprocess_bioprocess": ("related_to", "biological_process", "biological_process", 105_772),
    "pathway_protein": ("participates_in", "gene", "pathway", 85_292),
    "disease_disease": ("related_to", "disease", "disease", 64_388),
    "contraindication": ("contraindicated_in", "drug", "disease", 61_350),
    "drug_protein": ("interacts_with", "drug", "gene", 51_306),
    "anatomy_protein_absent": ("not_expressed_in", "gene", "anatomy", 39_774),
    "phenotype_phenotype": ("related_to", "symptom", "symptom", 37_472),
    "anatomy_anatomy": ("related_to", "anatomy", "anatomy", 28_064),
    "molfunc_molfunc": ("related_to", "molecular_function", "molecular_function", 27_148),
    "indication": ("treats", "drug", "disease", 18_776),
    "cellcomp_cellcomp": ("related_to", "cellular_component", "cellular_component", 9_690),
    "phenotype_protein": ("gene_associated_with_condition", "gene", "symptom", 6_660),
    "off-label use": ("applied_to_treat", "drug", "disease", 5_136),
    "pathway_pathway": ("related_to", "pathway", "pathway", 5_070),
    "exposure_disease": ("associated_with", "exposure", "disease", 4_608),
    "exposure_exposure": ("related_to", "exposure", "exposure", 4_140),
    "exposure_bioprocess": ("associated_with", "exposure", "biological_process", 3_250),
    "exposure_protein": ("associated_with", "exposure", "gene", 2_424),
    "disease_phenotype_negative": ("lacks_phenotype", "disease", "symptom", 2_386),
    "exposure_molfunc": ("associated_with", "exposure", "molecular_function", 90),
    "exposure_cellcomp": ("associated_with", "exposure", "cellular_component", 20),
}
_SHOWN_AS = {("drug_protein", "target"): "targets"}
"""Where display_relation says more; carriers, enzymes and transporters stay `interacts_with`."""

_TYPES = list(dict.fromkeys(kind for _, head, tail, _ in RELATIONS.values() for kind in (head, tail)))
_TYPE_OF = {kind: kind for kind in _TYPES} | {"gene/protein": "gene", "effect/phenotype": "symptom"}
_ID_FORMS = {  # x_source: prefix, digits to pad to, what an id must look like
    "NCBI": ("NCBIGene:", 0, re.compile(r"\d+")),
    "DrugBank": ("DRUGBANK:", 0, re.compile(r"DB\d{5}")),
    "HPO": ("HP:", 7, re.compile(r"\d{1,7}")),
    "MONDO": ("MONDO:", 7, re.compile(r"\d{1,7}")),
    "MONDO_grouped": ("PRIMEKG:", 0, re.compile(r"\d+(_\d+)*")),
    "GO": ("GO:", 7, re.compile(r"\d{1,7}")),
    "CTD": ("MESH:", 0, re.compile(r"[A-Z]\d+")),
    "UBERON": ("UBERON:", 7, re.compile(r"\d{1,7}")),
    "REACTOME": ("REACT:", 0, re.compile(r"R-[A-Z]{3}-\d+")),
}
_CODES, _INDEX, _TEXT = pa.dictionary(pa.int32(), pa.string()), pa.int32(), pa.string()
_PARTS = ("id", "type", "name", "source")
_X, _Y = ({f"{side}_index": _INDEX} | {f"{side}_{part}": _TEXT for part in _PARTS} for side in "xy")
_EDGES = {"relation": _CODES, "display_relation": _CODES, "y_index": _INDEX}


def _numbers(path: Path, table: Any, column: str) -> Numbers:
    """Give PrimeKG's node numbers in a column, int32 [rows]."""
    numbers: Numbers = integers(table[column])
    for place in (int(numbers.argmin()), int(numbers.argmax())):
        if not 0 <= numbers[place] < _MAX_NUMBER:
            problem = f"'{numbers[place]}' is not a node's number, 0 to {_MAX_NUMBER:,}"
            raise SourceError(path, problem, place + 2, column)
    return numbers


def _add_nodes(path: Path, table: Any, side: str, numbers: Numbers, nodes: dict[int, Node]) -> None:
    """Make the nodes on one side of the edges, by their numbers, and check that a number means one node."""
    first = np.full(int(numbers.max()) + 1, -1)
    first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    used = np.flatnonzero(first >= 0)
    cells = table.select([f"{side}_{part}" for part in _PARTS]).take(pa.array(first[used])).columns
    for number, place, *row in zip(used.tolist(), first[used].tolist(), *(c.to_pylist() for c in cells), strict=True):
        if number not in nodes:
            nodes[number] = _node(path, place + 2, side, *row)
    ids = cells[0].combine_chunks().take(pa.array(np.cumsum(first >= 0) - 1).cast(_INDEX))
    rows = 0
    for batch in table.select([f"{side}_index", f"{side}_id"]).to_batches():
        expected, found = ids.take(batch.column(0)), batch.column(1)
        if not expected.equals(found):
            place = pc.index(pc.equal(expected, found), False).as_py()
            problem = f"'{found[place]}' has the number of '{expected[place]}' above; is the file made of two graphs?"
            raise SourceError(path, problem, rows + place + 2, f"{side}_id")
        rows += len(found)


def _node(path: Path, line: int, side: str, number: str, kind: str, name: str, source: str) -> Node:
    for column, value, allowed in (("type", kind, _TYPE_OF), ("source", source, _ID_FORMS)):
        if value not in allowed:
            raise SourceError(path, f"'{value}' is none of {', '.join(allowed)}", line, f"{side}_{column}")
    prefix, digits, form = _ID_FORMS[source]
    if not form.fullmatch(number):
        raise SourceError(path, f"'{number}' is no id of {source}; mend the line", line, f"{side}_id")
    return Node(prefix + number.zfill(digits), _TYPE_OF[kind], english(name))


def _place_nodes(nodes: dict[int, Node], graph: SourceGraph) -> Column:
    """Put the nodes into the graph and lead from their numbers to their rows, int64 [largest number + 1]."""
    row_of = np.full(max(nodes) + 1, -1, np.int64)
    row_of_id: dict[str, int] = {}
    for number, node in sorted(nodes.items(), key=lambda item: (item[1].type, item[1].id)):  # as the store sorts them
        row_of[number] = row = row_of_id.setdefault(node.id, len(graph.nodes))
        if row == len(graph.nodes):
            graph.nodes.append(node)
    if len(graph.nodes) < len(nodes):
        twice = f"{len(nodes) - len(graph.nodes):,} nodes have the id of another one"
        graph.remarks.append(f"PrimeKG: {twice} and are taken for the same")
    if len(nodes) != KNOWN_NODES:
        graph.remarks.append(f"PrimeKG: {len(nodes):,} nodes read, PrimeKG {RELEASE} has {KNOWN_NODES:,}")
    groups = sum(node.id.startswith("PRIMEKG:") for node in graph.nodes)
    if groups:
        graph.remarks.append(
            f"PrimeKG: {groups:,} diseases are groups of MONDO diseases; they keep an id of PrimeKG (PRIMEKG:...) "
            "and merge with nothing, since none of their members means the same"
        )
    return row_of


def _place_edges(table: Any, x: Any, y: Any, graph: SourceGraph) -> None:
    """Put the edges (rows `x` and `y` of nodes) into the graph, relation by relation, and count them."""
    relation, shown = (table[column].combine_chunks() for column in ("relation", "display_relation"))
    width = len(shown.dictionary)
    key = integers(relation.indices) * width + integers(shown.indices)
    groups: dict[str, dict[str, int]] = {name: {} for name in RELATIONS}
    group_of = np.zeros(width * len(relation.dictionary), np.int16)
    for number in np.flatnonzero(np.bincount(key)).tolist():
        name, display = relation.dictionary[number // width].as_py(), shown.dictionary[number % width].as_py()
        ours = _SHOWN_AS.get((name, display)) or RELATIONS.get(name, ("",))[0]
        group_of[number] = groups.setdefault(name, {}).setdefault(ours, sum(map(len, groups.values())))
    group = group_of[key]
    type_of = np.array([_TYPES.index(node.type) for node in graph.nodes], np.int8)
    rank = np.frombuffer(pc.rank(pa.array([node.id for node in graph.nodes])).buffers()[1], np.uint64)
    for name, numbers in groups.items():
        known = RELATIONS[name][3] if name in RELATIONS else None
        read = placed = kept = single = 0
        for ours, number in numbers.items():
            places = np.flatnonzero(group == number)
            read += len(places)
            if known is not None:
                head, tail = _directed(x[places], y[places], type_of, RELATIONS[name], rank)
                pairs, times = _distinct(head.astype(np.int64) * len(graph.nodes) + tail)
                placed, kept, single = placed + len(head), kept + len(pairs), single + int((times == 1).sum())
                if len(pairs):
                    graph.blocks.append(EdgeBlock(ours, *np.divmod(pairs, len(graph.nodes)), PROVENANCE))
        if known is None:
            graph.remarks.append(f"PrimeKG: the relation '{name}' is unknown; its {read:,} rows are left out")
        elif placed < read:
            wanted = f"{RELATIONS[name][1]} and {RELATIONS[name][2]}"
            graph.remarks.append(f"PrimeKG: {read - placed:,} rows of {name} don't join {wanted}; they are left out")
        if single:
            graph.remarks.append(f"PrimeKG: {single:,} pairs of {name} stand in one direction only; they are kept")
        graph.counts.append(RelationCount(name, read, kept, known))


def _directed(x: Any, y: Any, type_of: Any, relation: tuple[str, str, str, int], rank: Any) -> tuple[Any, Any]:
    """Turn pairs so that head and tail have the relation's types, or within one type so that the smaller id leads."""
    head_type, tail_type = (_TYPES.index(kind) for kind in relation[1:3])
    x_type, y_type = type_of[x], type_of[y]
    forward = (x_type == head_type) & (y_type == tail_type)
    right = forward | ((x_type == tail_type) & (y_type == head_type))
    if not right.all():
        x, y, forward = x[right], y[right], forward[right]
    if head_type == tail_type:
        forward = rank[x] <= rank[y]
    return np.where(forward, x, y), np.where(forward, y, x)


def _distinct(keys: Column) -> tuple[Column, Column]:
    """Sort keys in place; give the distinct ones and how often each stands there, int64 [n] both."""
    keys.sort()
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(keys), 1), np.bool_), keys[1:] != keys[:-1]]))
    return keys[starts], np.diff(starts, append=len(keys))


def read_primekg(files: Sequence[Path]) -> SourceGraph:
    """Read PrimeKG from its `kg.csv`, or from a part of it.

    :param files: that one file, plain or `.gz`.
    :returns: its nodes and edges, each pair of a relation once.
    :raises KGError: not one file; a missing column, malformed line or unknown kind of id (with file and line).
    """
    if len(files) != 1:
        raise KGError(f"PrimeKG is one file, kg.csv; {len(files)} were given")
    graph, path = SourceGraph("primekg", files=list(files)), files[0]
    nodes: dict[int, Node] = {}
    table = read_table(path, _EDGES | _X, remarks=graph.remarks).unify_dictionaries()
    if not table.num_rows:
        raise SourceError(path, "has no edges; give PrimeKG's kg.csv")
    x, y = (_numbers(path, table, column) for column in ("x_index", "y_index"))
    _add_nodes(path, table, "x", x, nodes)
    here = np.zeros(max(x.max(), y.max()) + 1, np.bool_)
    here[x] = True
    if not here[y].all():  # a part of the file, without the other directions
        _add_nodes(path, read_table(path, _Y), "y", y, nodes)
    row_of = _place_nodes(nodes, graph)
    as_is = np.array_equal(row_of, np.arange(len(row_of)))
    ends = (x, y) if as_is else (row_of[x], row_of[y])
    _place_edges(table, ends[0], ends[1], graph)
    graph.remarks += count_remarks("PrimeKG", RELEASE, graph.counts)
    return graph
