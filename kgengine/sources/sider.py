"""Reads SIDER 4.1 (Kuhn et al. 2016, doi:10.1093/nar/gkv1075): side effects and indications from drug labels.

Only MedDRA's preferred terms are taken (lowest-level terms repeat them), and of the indications those that
SIDER recognized as such in a label, not mere mentions. Drugs are STITCH's flat compounds (no stereochemistry).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import numpy as np
import pyarrow as pa

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.schema import DISEASE, DRUG, FREQUENCY_BANDS, HAS_SIDE_EFFECT
from kgengine.sources.records import EdgeBlock, Node, Provenance, RelationCount, SourceGraph, count_remarks
from kgengine.sources.tables import Layout, english, find_file, read_table

RELEASE = "4.1"
PROVENANCE = Provenance("infores:sider", f"{RELEASE} (2015-10-21)", "CC-BY-NC-SA-4.0")
SIDE_EFFECT = "side_effect"
EFFECTS, INDICATIONS, FREQUENCIES = "meddra_all_se.tsv", "meddra_all_indications.tsv", "meddra_freq.tsv"
NAMES, ATC = "drug_names.tsv", "drug_atc.tsv"
RELATIONS = {  # SIDER's file: our relation, head type, tail type, lines in the release with terms of all levels
    EFFECTS: (HAS_SIDE_EFFECT, DRUG, SIDE_EFFECT, 309_849),
    INDICATIONS: ("treats_or_applied_or_studied_to_treat", DRUG, DISEASE, None),
}
"""Biolink asks for that long predicate where a treatment was found in text, in which its sense is not stated."""
_COLUMNS = {  # the files have no header
    EFFECTS: ("flat", "stereo", "label_umls", "level", "umls", "name"),
    INDICATIONS: ("flat", "label_umls", "method", "label_name", "level", "umls", "name"),
    FREQUENCIES: ("flat", "stereo", "label_umls", "placebo", "stated", "lower", "upper", "level", "umls", "name"),
    NAMES: ("flat", "name"),
    ATC: ("flat", "atc"),
}
_FLAT = re.compile(r"CID1\d{8}")


@dataclass(frozen=True)
class _Line:
    """One line of a file, which knows where it stands."""

    path: Path
    number: int
    cells: dict[str, str]

    def compound(self) -> str:
        """Give the drug's id: STITCH writes PubChem's number of a flat compound plus 100,000,000."""
        if not _FLAT.fullmatch(self.cells["flat"]):
            raise self.error("flat", "is not a flat compound such as CID100000085")
        return f"PUBCHEM.COMPOUND:{int(self.cells['flat'][4:])}"

    def curie(self, prefix: str, column: str) -> str:
        """Give the id in a column."""
        if id_problem(f"{prefix}:{self.cells[column]}"):
            raise self.error(column, f"does not have the form of a {prefix} code")
        return f"{prefix}:{self.cells[column]}"

    def share(self, column: str) -> float:
        """Give the share of patients in a column, 0 to 1."""
        try:
            share = float(self.cells[column])
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise self.error(column, "is not a share from 0 to 1")
        return share

    def error(self, column: str, problem: str) -> SourceError:
        problem = f"'{self.cells[column]}' {problem}; mend the line or download SIDER {RELEASE} again"
        return SourceError(self.path, problem, self.number, column)


@dataclass
class _Sider:
    """The files given and what was read of them so far."""

    given: Sequence[Path]
    graph: SourceGraph = field(default_factory=lambda: SourceGraph("sider"))
    row_of: dict[str, int] = field(default_factory=dict)
    drugs: dict[str, Node] = field(default_factory=dict)

    def lines(self, name: str, missing: str) -> Iterator[_Line]:
        """Read one of SIDER's files; where it isn't there, remark what is `missing` therefore."""
        path = find_file(self.given, name)
        if path is None:
            self.graph.remarks.append(f"SIDER: {name} is not among the files; {missing}")
            return
        self.graph.files.append(path)
        names = _COLUMNS[name]
        table = read_table(path, dict.fromkeys(names, pa.string()), Layout("\t", False, names), self.graph.remarks)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        for number, cells in enumerate(rows, 1):
            yield _Line(path, number, dict(zip(names, cells, strict=True)))

    def name_drugs(self) -> None:
        """Read the drugs' names and ATC codes; a code that several compounds have is no exact reference."""
        names = {line.compound(): line.cells["name"] for line in self.lines(NAMES, "drugs are called by their ids")}
        codes: dict[str, list[str]] = {}
        for line in self.lines(ATC, "drugs merge by their PubChem ids only"):
            codes.setdefault(line.compound(), []).append(line.curie("ATC", "atc"))
        claims = Counter(code for several in codes.values() for code in set(several))
        loose = sum(count > 1 or len(code) != len("ATC:A01AA01") for code, count in claims.items())
        if loose:
            self.graph.remarks.append(
                f"SIDER: {loose:,} ATC codes are a class's or belong to several compounds; they are no cross-references"
            )
        for drug in names.keys() | codes.keys():
            exact = [code for code in codes.get(drug, ()) if claims[code] == 1 and len(code) == len("ATC:A01AA01")]
            name = names.get(drug, drug)
            self.drugs[drug] = Node(drug, DRUG, english(name), xrefs=tuple(dict.fromkeys(exact)))

    def row(self, node: Node) -> int:
        """Give a node's row, adding it when it is new."""
        row = self.row_of.setdefault(node.id, len(self.graph.nodes))
        if row == len(self.graph.nodes):
            self.graph.nodes.append(node)
        return row

    def pairs(self, name: str, missing: str) -> list[tuple[int, int]]:
        """Read the distinct pairs of drug and concept of a relation's file, and count its lines."""
        read: Counter[str] = Counter()
        pairs: dict[tuple[int, int], None] = {}
        for line in self.lines(name, missing):
            read["lines"] += 1
            drug = line.compound()
            if line.cells["level"] != "PT":
                read["terms that are not preferred terms of MedDRA"] += 1
            elif line.cells.get("method", "NLP_indication") != "NLP_indication":
                read["mentions and preconditions, which are no indications"] += 1
            elif not line.cells["umls"]:
                read["terms without a UMLS concept"] += 1
            else:
                concept = Node(line.curie("UMLS", "umls"), RELATIONS[name][2], english(line.cells["name"]))
                head = self.row(self.drugs.get(drug) or Node(drug, DRUG, english(drug)))
                pairs[head, self.row(concept)] = None
        if read["lines"]:
            self.graph.counts.append(RelationCount(name, read.pop("lines"), len(pairs), RELATIONS[name][3]))
        self.graph.remarks += [f"SIDER: {count:,} lines of {name} left out: {what}" for what, count in read.items()]
        return list(pairs)

    def bands(self, pairs: Sequence[tuple[int, int]]) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
        """Find the band of each side effect's frequency, int8 [n], -1 where none is stated or it spans several."""
        shares: dict[tuple[int, int], list[float]] = {}
        stated = set()
        for line in self.lines(FREQUENCIES, "side effects have no frequencies"):
            pair = self.row_of.get(line.compound(), -1), self.row_of.get(f"UMLS:{line.cells['umls']}", -1)
            if line.cells["level"] == "PT" and line.cells["placebo"] != "placebo":
                stated.add(pair)
                lower, upper = line.share("lower"), line.share("upper")
                if _band(lower) == _band(upper) and line.cells["stated"] != "postmarketing":  # which is no frequency
                    shares.setdefault(pair, []).append((lower + upper) / 2)
        bands = np.array([_band(fmean(shares[pair])) if pair in shares else -1 for pair in pairs], np.int8)
        if stated:
            known = len(stated.intersection(pairs))
            self.graph.remarks.append(
                f"SIDER: {known:,} of {len(pairs):,} side effects have a frequency, {(bands >= 0).sum():,} of them "
                "one that lies in a single band"
            )
        return bands


def _band(share: float) -> int:
    """Give the band of a share of patients: the last whose lower bound it reaches; below 1 % there is none."""
    reached = [place for place, band in enumerate(FREQUENCY_BANDS) if share >= band.low]
    return reached[0] if reached else -1


def read_sider(files: Sequence[Path]) -> SourceGraph:
    """Read SIDER from its TSV files, plain or `.gz`.

    :param files: the folder that holds them, or the files: meddra_all_se, meddra_all_indications, meddra_freq,
        drug_names, drug_atc; one of the first two has to be there.
    :returns: drugs with their side effects (by frequency where stated) and indications.
    :raises KGError: no such files; an unreadable or malformed one (with file, line and column).
    """
    sider = _Sider(files)
    if find_file(files, EFFECTS) is None and find_file(files, INDICATIONS) is None:
        given = ", ".join(map(str, files)) or "nothing"
        raise KGError(f"no {EFFECTS}(.gz) or {INDICATIONS}(.gz) in {given}; give the folder of SIDER {RELEASE}'s files")
    sider.name_drugs()
    effects = sider.pairs(EFFECTS, "there are no side effects")
    bands = sider.bands(effects) if effects else None
    graph = sider.graph
    indications = sider.pairs(INDICATIONS, "there are no indications")
    both = sum(graph.nodes[concept].type == SIDE_EFFECT for concept in {concept for _, concept in indications})
    if both:
        graph.remarks.append(f"SIDER: {both:,} concepts are side effects and indications; they are of type side_effect")
    for name, pairs, band in ((EFFECTS, effects, bands), (INDICATIONS, indications, None)):
        if pairs:
            head, tail = np.array(pairs, np.int64).T
            graph.blocks.append(EdgeBlock(RELATIONS[name][0], head, tail, PROVENANCE, band))
    graph.remarks += count_remarks("SIDER", RELEASE, graph.counts)
    return graph
