"""Writes a graph in other tools' formats: KGX, triples, GraphML, networkx JSON, and PyG's HeteroData.

networkx and torch load only for the formats that need them. KGX holds all that the store knows, but for
cross-references that also lead to another node, so reading it back gives the same graph; the others drop what
they have no place for.
"""

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgengine.artifacts import replaced_file, replaced_folder
from kgengine.graph import Graph
from kgengine.schema import FREQUENCY_BANDS, PREVALENCE_WEIGHTS, category_of_type
from kgengine.sources.records import Wording

if TYPE_CHECKING:
    import networkx

KGX_FILES = ("nodes.tsv", "edges.tsv")
_BLANKS = str.maketrans("\t\r\n", "   ")
_NODE_COLUMNS = (
    "id", "category", "name", "phrase", "synonym", "name_ru", "phrase_ru", "accusative_ru", "synonym_ru",
    "sex", "age_min", "age_max", "prevalence", "xref",
)  # fmt: skip
_EDGE_COLUMNS = (
    "subject", "predicate", "object", "frequency_qualifier", "score",
    "primary_knowledge_source", "release", "licence",
)  # fmt: skip


def _node_records(graph: Graph) -> Iterator[dict[str, Any]]:
    classes = {weight: name for name, weight in PREVALENCE_WEIGHTS.items()}
    for node in range(graph.num_nodes):
        en, ru = graph.wording(node, "en"), graph.wording(node, "ru")
        yield {
            "id": graph.id(node),
            "category": category_of_type(graph.type(node)),
            **_wording_cells(en, ""),
            **_wording_cells(ru, "_ru"),
            "accusative_ru": ru.accusative,
            "sex": graph.sex(node),
            "age_min": int(graph.node_age[node, 0]),
            "age_max": int(graph.node_age[node, 1]),
            "prevalence": classes.get(float(graph.node_prevalence[node]), ""),
            "xref": "|".join(one for one in graph.xrefs(node) if graph.find(one) == [node]),
        }


def _wording_cells(wording: Wording, suffix: str) -> dict[str, str]:
    names = {"name": wording.name, "phrase": wording.phrase, "synonym": "|".join(wording.synonyms)}
    return {key + suffix: value for key, value in names.items()}


def _edge_records(graph: Graph) -> Iterator[dict[str, Any]]:
    ids = [graph.id(node) for node in range(graph.num_nodes)]
    columns = (graph.edge_head, graph.edge_relation, graph.edge_tail, graph.edge_band, graph.edge_score)
    provenance = graph.edge_provenance
    for edge in range(graph.num_edges):
        head, relation, tail, band, score = (column[edge] for column in columns)
        stated = graph.provenances[provenance[edge]]
        yield {
            "subject": ids[head],
            "predicate": "biolink:" + graph.relations[relation],
            "object": ids[tail],
            "frequency_qualifier": FREQUENCY_BANDS[band].hp_id if band >= 0 else "",
            "score": "" if math.isnan(score) else float(score),
            "primary_knowledge_source": "|".join(one.source for one in stated),
            "release": "|".join(one.release for one in stated),
            "licence": "|".join(one.licence for one in stated),
        }


def _write_kgx(graph: Graph, folder: Path) -> None:
    with replaced_folder(folder) as temporary:
        for name, columns, records in zip(
            KGX_FILES, (_NODE_COLUMNS, _EDGE_COLUMNS), (_node_records(graph), _edge_records(graph)), strict=True
        ):
            with (temporary / name).open("w", encoding="utf-8", newline="") as handle:
                writer = csv.DictWriter(
                    handle, columns, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n"
                )
                writer.writeheader()
                writer.writerows({key: str(cell).translate(_BLANKS) for key, cell in one.items()} for one in records)


def _write_triples(graph: Graph, path: Path) -> None:
    with replaced_file(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        for record in _edge_records(graph):
            relation = record["predicate"].removeprefix("biolink:")
            handle.write(f"{record['subject']}\t{relation}\t{record['object']}\n")


def whole_networkx(graph: Graph) -> "networkx.MultiDiGraph":
    """Turn the whole graph into networkx: nodes keyed by CURIE, edges by edge id, with every stated attribute."""
    import networkx

    whole = networkx.MultiDiGraph()
    for record in _node_records(graph):
        node_id = record.pop("id")
        whole.add_node(node_id, **{key: value for key, value in record.items() if value != ""})
    for edge, record in enumerate(_edge_records(graph)):
        ends = record.pop("subject"), record.pop("object")
        record["relation"] = record.pop("predicate").removeprefix("biolink:")
        whole.add_edge(*ends, key=edge, **{key: value for key, value in record.items() if value != ""})
    return whole


def _write_graphml(graph: Graph, path: Path) -> None:
    import networkx

    with replaced_file(path) as temporary:
        networkx.write_graphml(whole_networkx(graph), temporary)


def _write_json(graph: Graph, path: Path) -> None:
    import networkx

    with replaced_file(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        json.dump(networkx.node_link_data(whole_networkx(graph), edges="edges"), handle, ensure_ascii=False)


def _write_pyg(graph: Graph, path: Path) -> None:
    import torch
    from torch_geometric.data import HeteroData

    data = HeteroData()
    for node_type in graph.types:
        nodes = graph.nodes_of_type(node_type)
        data[node_type].num_nodes = len(nodes)
        data[node_type].node_id = [graph.id(node) for node in nodes.tolist()]
        data[node_type].age = torch.from_numpy(np.asarray(graph.node_age[nodes], np.int64))
        data[node_type].prevalence = torch.from_numpy(np.asarray(graph.node_prevalence[nodes], np.float32))
    for one in graph.metaedges:
        rows = slice(one.start, one.stop)
        ends = (
            np.asarray(graph.edge_head[rows], np.int64) - graph.span(one.head)[0],
            np.asarray(graph.edge_tail[rows], np.int64) - graph.span(one.tail)[0],
        )
        store = data[one.head, one.relation, one.tail]
        store.edge_index = torch.from_numpy(np.stack(ends))
        store.edge_id = torch.arange(one.start, one.stop)
        store.band = torch.from_numpy(np.asarray(graph.edge_band[rows], np.int64))
        store.score = torch.from_numpy(np.array(graph.edge_score[rows], np.float32))
    with replaced_file(path) as temporary:
        torch.save(data, temporary)


FORMATS: dict[str, Callable[[Graph, Path], None]] = {
    "kgx": _write_kgx,
    "triples": _write_triples,
    "graphml": _write_graphml,
    "json": _write_json,
    "pyg": _write_pyg,
}


def export(graph: Graph, target_format: str, target: Path) -> None:
    """Write a graph in another format.

    :param graph: the graph.
    :param target_format: a key of `FORMATS`: `kgx` (a folder of nodes.tsv and edges.tsv), `triples` (head,
        relation, tail by tab), `graphml`, `json` (networkx node-link data), `pyg` (HeteroData for torch.load with
        weights_only=False: per type num_nodes, node_id, age int64 [n, 2], prevalence float32 [n]; per metaedge
        edge_index int64 [2, m], edge_id int64 [m], band int64 [m], score float32 [m]).
    :param target: the file, or for kgx the folder.
    :raises KGError: the place can't be written.
    """
    FORMATS[target_format](graph, target)
