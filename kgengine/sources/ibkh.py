"""Reads the integrative Biomedical Knowledge Hub, iBKH (Su et al. 2023, doi:10.1016/j.isci.2023.106460).

Its folder `entity` holds a vocabulary for each type, whose id columns become cross-references; `relation` holds
a table for each pair of types: two ids, a 0/1 column for each relation, the sources, and for what CTD inferred
a score. A column that no Biolink predicate fits becomes `related_to`. No loop goes over rows of relations.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.sources.records import EdgeBlock, Node, Provenance, RelationCount, SourceGraph, count_remarks
from kgengine.sources.tables import CSV, english, integers, read_batches, read_header, read_table

RELEASE = "2021-05-03"
PROVENANCE = Provenance("infores:ibkh", RELEASE, "CC-BY-NC-SA-4.0")

_STUDIED = "treats_or_applied_or_studied_to_treat"  # Biolink's name for what a source says too vaguely
PAIRS = {  # head type, tail type: rows of the table in the release
    ("gene", "anatomy"): 12_171_021, ("drug", "disease"): 2_717_947, ("drug", "drug"): 2_684_682,
    ("drug", "gene"): 1_303_747, ("disease", "disease"): 11_072, ("gene", "disease"): 27_538_774,
    ("disease", "symptom"): 3_357, ("gene", "gene"): 735_156, ("disease", "pathway"): 1_941,
    ("drug", "pathway"): 3_231, ("gene", "pathway"): 152_243, ("drug", "side_effect"): 163_206,
    ("supplement_ingredient", "symptom"): 2_093, ("supplement_ingredient", "disease"): 5_134,
    ("supplement_ingredient", "drug"): 3_057, ("supplement_ingredient", "anatomy"): 4_334,
    ("supplement", "supplement_ingredient"): 689_297, ("supplement_ingredient", "drug_class"): 5_430,
}  # fmt: skip
_COLUMNS_OF = {  # our relation: iBKH's columns, in any table
    "expressed_in": ["Express"],
    "not_expressed_in": ["Absent"],
    "treats": ["Treats"],
    "ameliorates_condition": ["Palliates", "alleviates, reduces"],
    "preventative_for_condition": ["prevents, suppresses"],
    _STUDIED: ["Effect", "treatment/therapy (including investigatory)", "is_effective_for"],
    "contributes_to": ["role in disease pathogenesis"],
    "associated_with": ["Associate", "Association"],
    "interacts_with": ["Interaction", "interacts_with", "Transporter", "Enzyme", "Carrier"],
    "physically_interacts_with": ["Interacts"],
    "directly_physically_interacts_with": ["Binds"],
    "similar_to": ["Resemble"],
    "targets": ["Target"],
    "upregulates": ["Upregulates"],
    "downregulates": ["Downregulates"],
    "regulates": ["Regulates"],
    "correlated_with": ["Covaries"],
    "subclass_of": ["is_a", "has_therapeutic_class"],
    "has_phenotype": ["Present"],
    "has_side_effect": ["Cause", "has_adverse_reaction"],
    "affects": ["has_adverse_effect_on"],
    "participates_in": ["Reaction"],
    "has_ingredient": ["has_ingredient"],
    "related_to": ["Inferred_Relation"],
}
RELATIONS = {column: ours for ours, columns in _COLUMNS_OF.items() for column in columns}
_ELSEWISE = {  # where a table's column means something else
    ("gene", "disease", "Associate"): "gene_associated_with_condition",
    ("gene", "disease", "Upregulates"): "upregulated_in",
    ("gene", "disease", "Downregulates"): "downregulated_in",
    ("gene", "pathway", "Associate"): "participates_in",
}
_SCORE, _SCORED = "Inference_Score", "Inferred_Relation"
_VOCABULARIES = {  # the X of X_vocab.csv: type; an id in two of them gets the first's
    "symptom": "symptom", "disease": "disease", "drug": "drug", "side_effect": "side_effect", "gene": "gene",
    "anatomy": "anatomy", "pathway": "pathway", "sdsi": "supplement_ingredient", "dsp": "supplement",
    "tc": "drug_class",
}  # fmt: skip
_TYPE_OF_COLUMN = _VOCABULARIES | {"dsi": "supplement_ingredient"}
_PREFIX_OF_COLUMN = {  # not ICD codes and GO terms, which iBKH gives to several things each
    "do_id": "DOID", "mesh_id": "MESH", "umls_cui": "UMLS", "omim_id": "OMIM", "drugbank_id": "DRUGBANK",
    "cid": "PUBCHEM.COMPOUND", "kegg_id": "KEGG", "pharmgkb_id": "PHARMGKB", "idisk_id": "IDISK", "hgnc_id": "HGNC",
    "ncbi_id": "NCBIGene", "ensembl_id": "ENSEMBL", "uberon_id": "UBERON", "bto_id": "BTO", "cl_id": "CL",
    "reactome_id": "REACT",
}  # fmt: skip
_PREFIXES = {prefix.lower(): prefix for prefix in _PREFIX_OF_COLUMN.values()} | {
    "ncbi": "NCBIGene",
    "reactome": "REACT",
}
_CODES = pa.dictionary(pa.int32(), pa.string())


def _curie(text: str, prefix: str = "") -> str:
    """Bring an id as iBKH writes it (DrugBank:DB00843, 5.0, CID100000085) into the form of a CURIE."""
    before, colon, local = text.strip().rpartition(":")
    before, local = (before if colon else prefix), local.removesuffix(".0")
    if local.startswith("CID1") and len(local) == len("CID100000085"):  # a flat compound of STITCH
        before, local = "PUBCHEM.COMPOUND", local[4:].lstrip("0")
    return f"{_PREFIXES.get(before.lower(), before)}:{local}"


class _Hub:
    """What was read so far: the graph, and the row of each primary id by type."""

    def __init__(self) -> None:
        self.graph = SourceGraph("ibkh")
        self.row_of: dict[str, int] = {}
        self.rows: dict[str, dict[str, int]] = {}

    def remark(self, count: int, path: Path, what: str) -> None:
        """Say how many lines of a file something befell, if any."""
        if count:
            self.graph.remarks.append(f"iBKH: {count:,} lines of {path.name} {what}")

    def read_vocabulary(self, path: Path, kind: str) -> None:
        """Add the nodes of one type."""
        header = read_header(path, CSV, ("primary",))
        name = next((column for column in ("name", "symbol", "do_name") if column in header), "primary")
        ids = {column: _PREFIX_OF_COLUMN[column.lower()] for column in header if column.lower() in _PREFIX_OF_COLUMN}
        table = read_table(path, dict.fromkeys(("primary", name, *ids), pa.string()), CSV, self.graph.remarks)
        rows, odd, twice, elsewhere = self.rows.setdefault(kind, {}), 0, 0, 0
        for cells in table.to_pylist():
            node_id = _curie(cells["primary"])
            if id_problem(node_id):
                odd += 1
                continue
            parts = ((part, ids[column]) for column in ids for part in cells[column].replace(";", "|").split("|"))
            found = dict.fromkeys(_curie(part, prefix) for part, prefix in parts if part.strip())
            xrefs = tuple(xref for xref in found if xref != node_id and not id_problem(xref))
            row = rows[cells["primary"]] = self.row_of.setdefault(node_id, len(self.graph.nodes))
            if row == len(self.graph.nodes):
                self.graph.nodes.append(Node(node_id, kind, english(cells[name] or node_id), xrefs=xrefs))
            elif self.graph.nodes[row].type == kind:
                twice += 1
            else:
                elsewhere += 1
        self.remark(odd, path, "left out: their ids have no known form")
        self.remark(twice, path, "left out: their ids stand above")
        self.remark(elsewhere, path, "have ids that are of another type already, which they keep")

    def read_relations(self, path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
        """Add the edges of one table; `columns` are the two that hold ids."""
        kinds = _kinds(columns)
        turned = kinds not in PAIRS
        ends = (kinds[1], kinds[0]) if turned else kinds
        flags = [column for column in header if column not in (*columns, "Source", _SCORE)]
        ours = {flag: _ELSEWISE.get((*ends, flag)) or RELATIONS.get(flag, "related_to") for flag in flags}
        scored = _SCORE in header and _SCORED in flags
        wanted = dict.fromkeys((*columns, *flags, *([_SCORE] if scored else [])), _CODES)
        pieces: dict[str, list[npt.NDArray[np.float64]]] = {relation: [] for relation in ours.values()}
        read = lost = 0
        for batch in read_batches(path, wanted, CSV, self.graph.remarks):
            rows = []
            for column, kind in zip(columns, kinds, strict=True):
                places = [self.rows[kind].get(text, -1) for text in batch.column(column).dictionary.to_pylist()]
                rows.append(_decoded(batch.column(column), places, np.int64))
            head, tail = rows[::-1] if turned else rows
            known = (head >= 0) & (tail >= 0)
            lost += len(known) - int(known.sum())
            for flag in flags:
                on = known & (_numbers(path, batch, flag, read) == 1)
                score = _numbers(path, batch, _SCORE, read) if flag == _SCORED and scored else np.full(len(on), np.nan)
                pieces[ours[flag]].append(np.stack([head[on], tail[on], score[on]]))
            read += batch.num_rows
        edges = {relation: np.concatenate(several, axis=1) for relation, several in pieces.items() if several}
        kept = sum(self._add(relation, triples) for relation, triples in edges.items())
        self.remark(lost, path, "left out: an id is in no vocabulary")
        unnamed = [flag for flag in flags if flag not in RELATIONS]
        if unnamed:
            self.graph.remarks.append(f"iBKH: {path.name}: no predicate of ours fits {'; '.join(unnamed)}; related_to")
        self.graph.counts.append(RelationCount("-".join(ends), read, kept, PAIRS[ends]))

    def _add(self, relation: str, edges: npt.NDArray[np.float64]) -> int:
        """Add edges (head, tail, score; float64 [3, n]), each pair once with its highest score; give their number."""
        head, tail = edges[:2].astype(np.int64)
        order = np.lexsort((-np.nan_to_num(edges[2], nan=-1.0), tail, head))
        head, tail, score = head[order], tail[order], edges[2][order].astype(np.float32)
        first = np.ones(len(head), np.bool_)
        first[1:] = (np.diff(head) != 0) | (np.diff(tail) != 0)
        stated = None if np.isnan(score).all() else score[first]
        if first.any():
            self.graph.blocks.append(EdgeBlock(relation, head[first], tail[first], PROVENANCE, score=stated))
        return int(first.sum())


def _kinds(columns: Sequence[str]) -> tuple[str, str]:
    first, second = (_TYPE_OF_COLUMN[column.lower().rstrip("_12")] for column in columns)
    return first, second


def _decoded(column: Any, values: Sequence[float], kind: type[Any]) -> npt.NDArray[Any]:
    """Replace every code of a column by its value."""
    decoded: npt.NDArray[Any] = np.array(values, kind)[integers(column.indices)]
    return decoded


def _numbers(path: Path, batch: Any, name: str, before: int) -> npt.NDArray[Any]:
    """Read a column of scores (NaN where empty) or of flags, which are 0 (or empty) and 1; float64 [n]."""
    column, values = batch.column(name), []
    for code, text in enumerate(column.dictionary.to_pylist()):
        try:
            values.append(float(text or ("nan" if name == _SCORE else "0")))
        except ValueError:
            values.append(np.inf)
        if values[-1] == np.inf or (name != _SCORE and values[-1] not in (0, 1)):
            line = before + int(np.argmax(integers(column.indices) == code)) + 2
            raise SourceError(path, f"'{text}' is not {'a score' if name == _SCORE else '0 or 1'}; mend it", line, name)
    return _decoded(column, values, np.float64)


def read_ibkh(files: Sequence[Path]) -> SourceGraph:
    """Read iBKH from its CSV files.

    :param files: the folder that holds `entity` and `relation`, or files out of them, plain or `.gz`.
    :returns: the entities and relations; the score of an inferred relation is CTD's (above 0, higher is stronger).
    :raises KGError: no tables of relations, a vocabulary that they need is missing, or a malformed file.
    """
    paths = [p for file in files for p in (sorted(file.rglob("*.csv*")) if file.is_dir() else [file])]
    hub, relations = _Hub(), []
    vocabularies = {path.name.split("_vocab.csv")[0]: path for path in paths if "_vocab.csv" in path.name}
    for name, kind in _VOCABULARIES.items():
        if name in vocabularies:
            hub.read_vocabulary(vocabularies[name], kind)
            hub.graph.files.append(vocabularies[name])
    for path in paths:
        if path in vocabularies.values():
            continue
        header = read_header(path)
        columns = [column for column in header if column.lower().rstrip("_12") in _TYPE_OF_COLUMN]
        if len(columns) != 2 or not {_kinds(columns), _kinds(columns[::-1])} & PAIRS.keys():
            raise SourceError(path, "is no table of iBKH; expected two columns of ids, such as Drug and Disease", 1)
        relations.append((path, header, columns))
        for kind in _kinds(columns):
            if kind not in hub.rows:
                name = next(name for name, own in _VOCABULARIES.items() if own == kind)
                raise SourceError(path, f"needs the ids of {name}_vocab.csv; give that file too")
    if not relations:
        raise KGError(f"no tables of relations in {', '.join(map(str, files)) or 'nothing'}; give iBKH's folder")
    for path, header, columns in relations:
        hub.read_relations(path, header, columns)
        hub.graph.files.append(path)
    for name in vocabularies.keys() - _VOCABULARIES.keys():
        hub.graph.remarks.append(f"iBKH: {vocabularies[name].name} not read: no table relates its entries to anything")
    hub.graph.remarks += count_remarks("iBKH", RELEASE, hub.graph.counts)
    return hub.graph
