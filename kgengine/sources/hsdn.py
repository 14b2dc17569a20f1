"""Reads the Human Symptoms-Disease Network (Zhou et al. 2014, doi:10.1038/ncomms5212).

Its associations (Supplementary Data 3) name MeSH terms without their ids, and so do the term lists as published
(Supplementary Data 1 and 2). Ids come from term lists that have an id column beside the term, or from
associations with such columns; a term without id keeps one of this source, which merges with nothing.
"""

import re
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import pyarrow as pa

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.schema import DISEASE, HAS_PHENOTYPE, SYMPTOM
from kgengine.sources.records import EdgeBlock, Node, Provenance, RelationCount, SourceGraph, count_remarks
from kgengine.sources.tables import TSV, english, inside_folders, read_header, read_table

RELEASE = "2014"
PROVENANCE = Provenance("infores:hsdn", f"{RELEASE} (doi:10.1038/ncomms5212, Supplementary Data 3)", "not stated")
KNOWN_TERMS = {SYMPTOM: 322, DISEASE: 4_219}
RELATIONS = {  # HSDN's relation: ours, head type, tail type, associations in the release
    "symptom-disease": (HAS_PHENOTYPE, DISEASE, SYMPTOM, 147_978),
}
_TERM = {SYMPTOM: "MeSH Symptom Term", DISEASE: "MeSH Disease Term"}
_ID = {SYMPTOM: "MeSH Symptom ID", DISEASE: "MeSH Disease ID"}
_SCORE = "TFIDF score"
_LIST_COUNT = "PubMed occurrence"


class _Terms:
    """The ids of MeSH terms; a term means one thing in MeSH, be it listed as symptom or as disease."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def learn(self, path: Path, kind: str, terms: Sequence[str], ids: Sequence[str]) -> None:
        """Take the ids in a column of a file; an empty one says nothing."""
        for line, (term, number) in enumerate(zip(terms, ids, strict=True), 2):
            number = number.strip().removeprefix("MESH:")
            if not number:
                continue
            if id_problem(f"MESH:{number}"):
                problem = f"'{number}' is no MeSH id such as D005334; mend the line"
                raise SourceError(path, problem, line, _ID[kind])
            known = self.ids.setdefault(term.strip(), f"MESH:{number}")
            if known != f"MESH:{number}":
                raise SourceError(
                    path, f"'{term}' has the id MESH:{number} here and {known} elsewhere; mend one", line, _ID[kind]
                )

    def node(self, kind: str, term: str) -> Node:
        """Give a term's node; without an id, one of this source's own."""
        own = "HSDN:" + re.sub(r"[^a-z0-9]+", "_", term.lower()).strip("_")
        return Node(self.ids.get(term, own), kind, english(term))


def _sort(files: Sequence[Path], terms: _Terms, remarks: list[str]) -> tuple[Path | None, list[Path]]:
    """Tell the associations from the term lists by their headers, learning the lists' ids."""
    paths = inside_folders(files)
    associations, lists = None, []
    for path in paths:
        header = read_header(path, TSV) if path.name.removesuffix(".gz").endswith((".txt", ".tsv")) else []
        kinds = [kind for kind in (SYMPTOM, DISEASE) if _TERM[kind] in header]
        if len(kinds) == 2 and _SCORE in header:
            if associations is not None:
                raise KGError(f"{associations} and {path} both hold HSDN's associations; give one of them")
            associations = path
        elif len(kinds) == 1 and _ID[kinds[0]] in header:
            columns = dict.fromkeys((_TERM[kinds[0]], _ID[kinds[0]]), pa.string())
            terms.learn(path, kinds[0], *(c.to_pylist() for c in read_table(path, columns, TSV, remarks).columns))
            lists.append(path)
        elif len(kinds) == 1:
            remarks.append(f"HSDN: {path.name} lists terms without MeSH ids, so nothing is taken from it")
        elif not any(file.is_dir() for file in files):
            expected = f"{_TERM[SYMPTOM]}, {_TERM[DISEASE]}, {_LIST_COUNT}, {_SCORE}"
            raise SourceError(path, f"is no file of HSDN; expected tab-separated columns {expected}", 1)
    return associations, lists


def read_hsdn(files: Sequence[Path]) -> SourceGraph:
    """Read HSDN from its supplementary files.

    :param files: the associations (ncomms5212-s4.txt: MeSH Symptom Term, MeSH Disease Term, PubMed occurrence, TFIDF
        score) and term lists that give `MeSH Symptom ID` or `MeSH Disease ID` beside the term; or their folder.
    :returns: diseases with their symptoms; an edge's score is TF-IDF (above 0, higher is more specific).
    :raises KGError: no associations; a file that is none of these or malformed (with file, line and column).
    """
    terms, graph = _Terms(), SourceGraph("hsdn")
    path, lists = _sort(files, terms, graph.remarks)
    if path is None:
        given = ", ".join(map(str, files)) or "nothing"
        raise KGError(f"no associations of HSDN in {given}; give Supplementary Data 3 (ncomms5212-s4.txt)")
    graph.files += [*lists, path]
    header = read_header(path, TSV, (*_TERM.values(), _SCORE))
    wanted = [*_TERM.values(), *(column for column in _ID.values() if column in header)]
    table = read_table(path, dict.fromkeys(wanted, pa.string()) | {_SCORE: pa.float64()}, TSV, graph.remarks)
    columns = {name: table[name].to_pylist() for name in table.column_names}
    if not table.num_rows:
        raise SourceError(path, "has no associations; download it again", 1)
    for kind in (SYMPTOM, DISEASE):
        if _ID[kind] in columns:
            terms.learn(path, kind, columns[_TERM[kind]], columns[_ID[kind]])
    edges = _edges(path, columns[_TERM[DISEASE]], columns[_TERM[SYMPTOM]], columns[_SCORE], terms, graph)
    head, tail = np.array(list(edges), np.int64).T
    score = np.array(list(edges.values()), np.float32)
    graph.blocks.append(EdgeBlock(HAS_PHENOTYPE, head, tail, PROVENANCE, score=score))
    (name, (_, _, _, known)), *_ = RELATIONS.items()
    graph.counts.append(RelationCount(name, table.num_rows, len(edges), known))
    graph.remarks += count_remarks("HSDN", RELEASE, graph.counts)
    return graph


def _edges(
    path: Path,
    diseases: Sequence[str],
    symptoms: Sequence[str],
    scores: Sequence[float],
    terms: _Terms,
    graph: SourceGraph,
) -> dict[tuple[int, int], float]:
    """Put the terms into the graph and give the score of each pair of rows (disease, symptom)."""
    rows: dict[tuple[str, str], int] = {}
    row_of_id: dict[str, int] = {}
    for kind, column in ((SYMPTOM, symptoms), (DISEASE, diseases)):
        for line, term in enumerate(column, 2):
            if not term.strip():
                raise SourceError(path, "is empty; expected a MeSH term", line, _TERM[kind])
            if (kind, term) not in rows:
                node = terms.node(kind, term.strip())
                rows[kind, term] = row_of_id.setdefault(node.id, len(graph.nodes))
                if rows[kind, term] == len(graph.nodes):
                    graph.nodes.append(node)
    _remark_terms(rows, graph)
    edges: dict[tuple[int, int], float] = {}
    loops = 0
    for line, (disease, symptom, score) in enumerate(zip(diseases, symptoms, scores, strict=True), 2):
        if not isfinite(score) or score < 0:
            raise SourceError(path, f"'{score}' is no TF-IDF score, 0 or more", line, _SCORE)
        ends = rows[DISEASE, disease], rows[SYMPTOM, symptom]
        loops += ends[0] == ends[1]
        if ends[0] != ends[1]:
            edges[ends] = max(score, edges.get(ends, 0.0))
    if loops:
        graph.remarks.append(f"HSDN: {loops:,} associations of a term with itself left out")
    twice = len(scores) - loops - len(edges)
    if twice:
        graph.remarks.append(f"HSDN: {twice:,} associations are stated more than once; the highest score is kept")
    return edges


def _remark_terms(rows: dict[tuple[str, str], int], graph: SourceGraph) -> None:
    """Say how many terms have no id, and which are both symptom and disease."""
    for kind in (SYMPTOM, DISEASE):
        mine = {row for (own, _), row in rows.items() if own == kind}
        bare = sum(graph.nodes[row].id.startswith("HSDN:") for row in mine)
        if bare:
            graph.remarks.append(
                f"HSDN: {bare:,} of {len(mine):,} {kind} terms have no MeSH id; they keep ids of HSDN and merge with "
                f"nothing; give a term list with the columns '{_TERM[kind]}' and '{_ID[kind]}'"
            )
        if len(mine) != KNOWN_TERMS[kind]:
            graph.remarks.append(f"HSDN: {len(mine):,} {kind} terms read, HSDN has {KNOWN_TERMS[kind]:,}")
    both = {row for (kind, _), row in rows.items() if kind == DISEASE and graph.nodes[row].type == SYMPTOM}
    if both:
        graph.remarks.append(f"HSDN: {len(both):,} terms are symptom and disease; each is kept once, as a symptom")
