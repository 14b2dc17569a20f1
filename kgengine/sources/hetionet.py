"""Reads Hetionet v1.0: its table of nodes and its sif of edges, or its JSON.

The table METAEDGES says which relation each of the 24 metaedges becomes and whether it is turned round. The
JSON alone knows each edge's licence, which stays on the edge, and the strength of some. An edge is kept
once a licence.
"""

import bz2
import json
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.sources.records import EdgeBlock, Node, Provenance, RelationCount, SourceGraph, Wording, count_remarks
from kgengine.sources.tables import TSV, english, inside_folders, open_text, read_batches, read_table

RELEASE, NODES = "v1.0", 47_031
LICENCE = "CC0-1.0 for Hetionet's own work; its sources' licences are in its JSON"


class _Metaedge(NamedTuple):
    source: str
    verb: str
    target: str
    relation: str
    turned: bool
    edges: int


METAEDGES = {
    "AdG": _Metaedge("Anatomy", "downregulates", "Gene", "downregulated_in", True, 102_240),
    "AeG": _Metaedge("Anatomy", "expresses", "Gene", "expressed_in", True, 526_407),
    "AuG": _Metaedge("Anatomy", "upregulates", "Gene", "upregulated_in", True, 97_848),
    "CbG": _Metaedge("Compound", "binds", "Gene", "directly_physically_interacts_with", False, 11_571),
    "CcSE": _Metaedge("Compound", "causes", "Side Effect", "has_side_effect", False, 138_944),
    "CdG": _Metaedge("Compound", "downregulates", "Gene", "downregulates", False, 21_102),
    "CpD": _Metaedge("Compound", "palliates", "Disease", "ameliorates_condition", False, 390),
    "CrC": _Metaedge("Compound", "resembles", "Compound", "similar_to", False, 6_486),
    "CtD": _Metaedge("Compound", "treats", "Disease", "treats", False, 755),
    "CuG": _Metaedge("Compound", "upregulates", "Gene", "upregulates", False, 18_756),
    "DaG": _Metaedge("Disease", "associates", "Gene", "gene_associated_with_condition", True, 12_623),
    "DdG": _Metaedge("Disease", "downregulates", "Gene", "downregulated_in", True, 7_623),
    "DlA": _Metaedge("Disease", "localizes", "Anatomy", "located_in", False, 3_602),
    "DpS": _Metaedge("Disease", "presents", "Symptom", "has_phenotype", False, 3_357),
    "DrD": _Metaedge("Disease", "resembles", "Disease", "similar_to", False, 543),
    "DuG": _Metaedge("Disease", "upregulates", "Gene", "upregulated_in", True, 7_731),
    "GcG": _Metaedge("Gene", "covaries", "Gene", "correlated_with", False, 61_690),
    "GiG": _Metaedge("Gene", "interacts", "Gene", "physically_interacts_with", False, 147_164),
    "Gr>G": _Metaedge("Gene", "regulates", "Gene", "regulates", False, 265_672),
    "GpBP": _Metaedge("Gene", "participates", "Biological Process", "participates_in", False, 559_504),
    "GpCC": _Metaedge("Gene", "participates", "Cellular Component", "located_in", False, 73_566),
    "GpMF": _Metaedge("Gene", "participates", "Molecular Function", "enables", False, 97_222),
    "GpPW": _Metaedge("Gene", "participates", "Pathway", "participates_in", False, 84_372),
    "PCiC": _Metaedge("Pharmacologic Class", "includes", "Compound", "subclass_of", True, 1_029),
}
"""Metaedge -> its ends and verb, our relation (Biolink's name where it has one), turned round or not, and how
many v1.0 has (describe/edges/metaedges.tsv of hetio/hetionet). CrC, DrD, GcG and GiG are symmetric."""

KINDS = {
    "Anatomy": ("anatomy", "UBERON"),
    "Biological Process": ("biological_process", "GO"),
    "Cellular Component": ("cellular_component", "GO"),
    "Compound": ("drug", "DRUGBANK"),
    "Disease": ("disease", "DOID"),
    "Gene": ("gene", "NCBIGene"),
    "Molecular Function": ("molecular_function", "GO"),
    "Pathway": ("pathway", "WIKIPATHWAYS"),
    "Pharmacologic Class": ("drug_class", "NDFRT"),
    "Side Effect": ("side_effect", "UMLS"),
    "Symptom": ("symptom", "MESH"),
}
"""Kind of node -> our type and the prefix of its ids; pathways of Pathway Commons 7 have their own, PC7."""

_CODE_OF = {(edge.source, edge.verb, edge.target): code for code, edge in METAEDGES.items()}
_Groups = dict[tuple[str, str], tuple[Any, Any, Any]]  # (metaedge, licence) -> sources, targets and scores (or None)


def _add_nodes(graph: SourceGraph, path: Path, given: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], int]:
    """Add nodes given as (kind, identifier, name); say in which row each kind and identifier went."""
    rows, ids = dict[tuple[str, str], int](), set[str]()
    for place, (kind, identifier, name) in enumerate(given):
        node_type, prefix = KINDS.get(kind, ("", ""))
        local = identifier
        if kind == "Pathway":  # PC7_123, or WP123_r456, whose r is a revision of the same pathway
            prefix = "PC7" if identifier.startswith("PC7_") else prefix
            local = re.sub(r"^PC7_|_r\d+$", "", identifier)
        curie = local if local.startswith(f"{prefix}:") else f"{prefix}:{local}"
        problem = "is stated twice" if curie in ids else "is not a kind of Hetionet, an identifier and a name"
        if curie in ids or not node_type or not name or id_problem(curie):
            line = place + 2 if ".json" not in path.name else None
            raise SourceError(path, f"'{kind}::{identifier} {name}' {problem}; download the file again", line)
        ids.add(curie)
        rows[kind, identifier] = place
        graph.nodes.append(Node(curie, node_type, Wording(name, name, name) if kind == "Gene" else english(name)))
    return rows


def _read_tables(graph: SourceGraph, nodes: Path, edges: Path) -> _Groups:
    """Read nodes.tsv and edges.sif."""
    table = read_table(nodes, dict.fromkeys(("id", "name", "kind"), pa.string()), TSV, graph.remarks)
    labels, names, kinds = (table[name].to_pylist() for name in ("id", "name", "kind"))
    bare = (label.removeprefix(f"{kind}::") for label, kind in zip(labels, kinds, strict=True))
    _add_nodes(graph, nodes, zip(kinds, bare, names, strict=True))
    kind_of = np.array([list(KINDS).index(kind) for kind in kinds], np.int64)
    ends = np.array([[list(KINDS).index(kind) for kind in (edge[0], edge[2])] for edge in METAEDGES.values()])
    values = {"source": pa.array(labels), "metaedge": pa.array(list(METAEDGES)), "target": pa.array(labels)}
    line, parts = 2, list[Any]()
    for batch in read_batches(edges, dict.fromkeys(values, pa.string()), TSV, graph.remarks):
        part = np.stack([pc.index_in(batch[name], value_set=values[name]).fill_null(-1) for name in values])
        wrong = (part < 0).any(0) | (kind_of[part[0::2]] != ends[part[1]].T).any(0)
        for place in np.flatnonzero(wrong)[:1].tolist():
            cells = " ".join(str(batch[name][place]) for name in values)
            problem = f"'{cells}' is not a node of {nodes.name}, a metaedge of Hetionet and a node that fit together"
            raise SourceError(edges, f"{problem}; give files of one release, whole", line + place)
        parts.append(part)
        line += len(batch)
    source, code, target = np.concatenate([np.zeros((3, 0), np.int64), *parts], axis=1)
    chosen = ((name, code == place) for place, name in enumerate(METAEDGES))
    return {(name, LICENCE): (source[mask], target[mask], None) for name, mask in chosen if mask.any()}


def _read_json(graph: SourceGraph, path: Path) -> _Groups:
    """Read the JSON; every object becomes a few numbers as soon as it is decoded, since the whole takes gigabytes."""
    nodes, ends = list[tuple[str, str, str]](), dict[tuple[str, str], int]()
    groups: _Groups = defaultdict(lambda: (array("q"), array("q"), array("f")))

    def take(item: dict[str, Any]) -> Any:
        if "identifier" in item:
            nodes.append((item["kind"], str(item["identifier"]), item["name"]))
        elif "source_id" in item:
            (kind, source), (other, target), data = item["source_id"], item["target_id"], item["data"]
            sources, targets, scores = groups[_CODE_OF[kind, item["kind"], other], data.get("license") or "not stated"]
            sources.append(ends.setdefault((kind, str(source)), len(ends)))
            targets.append(ends.setdefault((other, str(target)), len(ends)))
            scores.append(data.get("similarity") or data.get("z_score") or np.nan)
        return None if "identifier" in item or "source_id" in item else item

    try:
        with bz2.open(path, "rt", encoding="utf-8") if path.suffix == ".bz2" else open_text(path) as text:
            whole = json.load(text, object_hook=take)
        if any(item is not None for key in ("nodes", "edges") for item in whole[key]):
            raise KeyError("one has no identifier, source_id and so on")
    except json.JSONDecodeError as error:
        raise SourceError(path, f"is not whole JSON ({error.msg}); download it again", error.lineno) from error
    except (EOFError, OSError, UnicodeDecodeError) as error:
        raise SourceError(path, f"can't be read ({error}); give the whole file") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        done = len(nodes) + sum(len(group[0]) for group in groups.values())
        raise SourceError(path, f"item {done + 1:,} is no node or edge of Hetionet ({error!r}); get it anew") from error
    rows = _add_nodes(graph, path, nodes)
    for kind, identifier in (key for key in ends if key not in rows):
        raise SourceError(path, f"an edge names '{kind}::{identifier}', which is no node; give the whole file")
    row = np.array([rows[key] for key in ends], np.int64)
    return {key: (row[source], row[target], np.array(score)) for key, (source, target, score) in groups.items()}


def _add_edges(graph: SourceGraph, groups: _Groups) -> None:
    """Turn the edges round where the table says so, and keep each once."""
    for code, edge in METAEDGES.items():
        read, kept = 0, 0
        for (_, licence), (head, tail, score) in ((key, group) for key, group in groups.items() if key[0] == code):
            first = np.sort(np.unique(head * len(graph.nodes) + tail, return_index=True)[1])
            read, kept = read + len(head), kept + len(first)
            stated = None if score is None or np.isnan(score).all() else score[first]
            start, end = (tail, head) if edge.turned else (head, tail)
            provenance = Provenance("infores:hetionet", RELEASE, licence)
            graph.blocks.append(EdgeBlock(edge.relation, start[first], end[first], provenance, None, stated))
        graph.counts.append(RelationCount(code, read, kept, edge.edges))
        if read > kept:
            graph.remarks.append(f"hetionet: {read - kept:,} edges of {code} are stated more than once and kept once")


def read_hetionet(files: Sequence[Path]) -> SourceGraph:
    """Read Hetionet v1.0.

    :param files: nodes.tsv and edges.sif (or .gz), or the JSON (or .gz, .bz2), or a folder that holds them.
    :returns: all nodes and edges; a remark for each metaedge whose count isn't that of v1.0.
    :raises KGError: files are missing, or one is malformed or cut short (with file and line).
    """
    inside = inside_folders(files)
    endings = (r"nodes\.tsv", r"\.sif", r"\.json")
    found = [[path for path in inside if re.search(rf"{end}(\.gz|\.bz2)?$", path.name)] for end in endings]
    if list(map(len, found)) not in ([1, 1, 0], [0, 0, 1]):
        raise KGError(
            f"hetionet needs one nodes.tsv and one edges.sif, or its JSON; given: {' '.join(map(str, files))}"
        )
    graph = SourceGraph("hetionet", files=[path for paths in found for path in paths])
    read = _read_tables if len(graph.files) == 2 else _read_json
    _add_edges(graph, read(graph, *graph.files))
    if len(graph.nodes) != NODES:
        graph.remarks.append(f"hetionet: {len(graph.nodes):,} nodes read, hetionet {RELEASE} has {NODES:,}")
    graph.remarks += count_remarks("hetionet", RELEASE, graph.counts)
    return graph
