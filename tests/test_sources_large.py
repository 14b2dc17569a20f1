"""PrimeKG, iBKH, HSDN and SIDER, read from small files in the published formats.

Expected graphs are worked out by hand. Facts are well-known ones or invented; ids have their vocabulary's form.
Every fault names the file, and the line where one is to blame.
"""

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kgengine.errors import KGError, SourceError
from kgengine.ids import id_problem
from kgengine.sources.hsdn import read_hsdn
from kgengine.sources.ibkh import read_ibkh
from kgengine.sources.primekg import RELATIONS as PRIMEKG_RELATIONS
from kgengine.sources.primekg import read_primekg
from kgengine.sources.records import Node, SourceGraph
from kgengine.sources.sider import read_sider
from kgengine.sources.tables import TSV, Layout, english, find_file, open_text, read_header, read_table

Edges = list[tuple[str, str, str]]


def edges_of(graph: SourceGraph) -> Edges:
    """List the graph's edges by id, sorted."""
    return sorted(
        (graph.nodes[head].id, block.relation, graph.nodes[tail].id)
        for block in graph.blocks
        for head, tail in zip(block.head.tolist(), block.tail.tolist(), strict=True)
    )


def types_of(graph: SourceGraph) -> dict[str, str]:
    return {node.id: node.type for node in graph.nodes}


def node_of(graph: SourceGraph, node_id: str) -> Node:
    return next(node for node in graph.nodes if node.id == node_id)


def said(graph: SourceGraph, *words: str) -> bool:
    """Tell whether one remark holds all these words."""
    return any(all(word in remark for word in words) for remark in graph.remarks)


def check_columns(graph: SourceGraph) -> None:
    """Hold a source to its contract: ids once and well formed, columns typed, ends inside, provenance complete."""
    assert len({node.id for node in graph.nodes}) == len(graph.nodes)
    assert [id_problem(node.id) for node in graph.nodes if id_problem(node.id)] == []
    for block in graph.blocks:
        assert block.head.dtype == block.tail.dtype == np.int64
        assert len(block.head) == len(block.tail) > 0
        assert min(block.head.min(), block.tail.min()) >= 0
        assert max(block.head.max(), block.tail.max()) < len(graph.nodes)
        assert block.provenance.source.startswith("infores:")
        assert block.provenance.release
        assert block.provenance.licence
        assert block.band is None or (block.band.dtype == np.int8 and len(block.band) == len(block.head))
        assert block.score is None or (block.score.dtype == np.float32 and len(block.score) == len(block.head))
    assert sum(count.kept for count in graph.counts) == graph.num_edges


# ---- tables -------------------------------------------------------------------------------------------------


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_table_gives_the_columns_asked_for_in_the_order_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,c", '1,"x, ""y""",é', "2,,z")
    remarks: list[str] = []
    table = read_table(path, {"c": pa.string(), "b": pa.string(), "a": pa.int32()}, remarks=remarks)
    assert table.to_pydict() == {"c": ["é", "z"], "b": ['x, "y"', ""], "a": [1, 2]}
    assert list(table.column_names) == ["c", "b", "a"]
    assert remarks == []


def test_a_table_without_header_has_the_names_of_its_layout_and_quotes_are_plain_there(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(b'1\t"x\n2\ty\n'))
    layout = Layout("\t", False, ("number", "text"))
    assert read_table(path, {"text": pa.string()}, layout).to_pydict() == {"text": ['"x', "y"]}


def test_a_last_line_without_line_break_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("a\tb\n1\t2\n3\t4", encoding="utf-8")
    remarks: list[str] = []
    assert read_table(path, {"b": pa.int32()}, TSV, remarks).to_pydict() == {"b": [2, 4]}
    assert remarks == [
        "t.tsv doesn't end with a line break; if its last line was cut, download it again or give the whole file"
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a,b\n1,2\n3\n", 3, None, "1 cells where 2 belong"),
        ("a,b\n1,2\n3,4,5\n1,2\n", 3, None, "3 cells where 2 belong"),
        ("a,b\n\n1,2\n3,4,5\n", 4, None, "3 cells where 2 belong"),  # a blank line counts as a line
        ("a,b\n1,x\n2x,y\n", 3, "a", "'2x' is not a whole number"),
        ("a,b\n1,x\n,y\n", 3, "a", "'' is not a whole number"),
        ("b,c\n1,2\n", 1, None, "the header lacks the column 'a' (it has b, c)"),
        ("", None, None, "is empty"),
        ('a,b\n1,"x\n2,y\n3,z\n', 4, None, "a quote missing"),
    ],
)
def test_a_fault_of_a_table_is_found_with_its_line(
    tmp_path: Path, text: str, line: int | None, column: str | None, message: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_table(path, {"a": pa.int32()})
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_file_that_is_missing_a_folder_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("a\né\n".encode("latin-1"))
    for name, message in (
        ("none.csv", "No such file or directory"),
        ("none.csv.gz", "No such file or directory"),
        (".", "Is a directory"),
        ("latin.csv", "is not UTF-8 text"),
    ):
        with pytest.raises(SourceError, match=message), open_text(tmp_path / name) as text:
            text.read()
        with pytest.raises(SourceError, match=message):
            read_table(tmp_path / name, {"a": pa.string()})


def test_a_gzip_file_that_is_cut_short_is_noticed(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i % 977) for i in range(5_000)))
    path = tmp_path / "t.csv.gz"
    for size in (12, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"is not a whole gzip file .*download it again"):
            read_table(path, {"a": pa.int32()})
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(SourceError, match="is not a whole gzip file"):
        read_header(path)


def test_files_are_found_by_name_in_folders_and_packed_or_not(tmp_path: Path) -> None:
    path = write(tmp_path / "meddra_freq.tsv.gz", "")
    assert find_file([tmp_path], "meddra_freq.tsv") == path
    assert find_file([path], "other.tsv", "meddra_freq.tsv") == path
    assert find_file([tmp_path], "drug_atc.tsv") is None


# ---- PrimeKG ------------------------------------------------------------------------------------------------

HEADER = "relation,display_relation,x_index,x_id,x_type,x_name,x_source,y_index,y_id,y_type,y_name,y_source"
NODES = {
    "PHYHIP": "0,9796,gene/protein,PHYHIP,NCBI",
    "KIF15": "8889,56992,gene/protein,KIF15,NCBI",
    "aspirin": "14,DB00945,drug,Acetylsalicylic acid,DrugBank",
    "warfarin": "15,DB00682,drug,Warfarin,DrugBank",
    "asthma": "20,4979,disease,asthma,MONDO",
    "OI": "21,13924_12592,disease,osteogenesis imperfecta,MONDO_grouped",
    "fever": "30,1945,effect/phenotype,Fever,HPO",
    "bleeding": "31,1892,effect/phenotype,Abnormal bleeding,HPO",
    "lung": "40,2048,anatomy,lung,UBERON",
    "folding": "50,6457,biological_process,protein folding,GO",
    "binding": "51,5515,molecular_function,protein binding,GO",
    "cytosol": "52,5829,cellular_component,cytosol,GO",
    "lead": "60,D007854,exposure,Lead,CTD",
    "hemostasis": '70,R-HSA-109582,pathway,"Hemostasis, all",REACTOME',
}


def both(relation: str, shown: str, one: str, other: str) -> list[str]:
    """Write an edge as PrimeKG does: there and back."""
    x, y = NODES[one], NODES[other]
    return [f"{relation},{shown},{x},{y}", f"{relation},{shown},{y},{x}"]


PRIMEKG = [
    *both("protein_protein", "ppi", "KIF15", "PHYHIP"),
    *both("drug_drug", "synergistic interaction", "aspirin", "warfarin"),
    *both("indication", "indication", "asthma", "aspirin"),
    *both("contraindication", "contraindication", "aspirin", "asthma"),
    *both("off-label use", "off-label use", "warfarin", "OI"),
    *both("drug_protein", "target", "aspirin", "KIF15"),
    *both("drug_protein", "enzyme", "aspirin", "KIF15"),
    *both("drug_protein", "carrier", "aspirin", "KIF15"),
    *both("drug_effect", "side effect", "warfarin", "bleeding"),
    *both("disease_phenotype_positive", "phenotype present", "fever", "asthma"),
    *both("disease_phenotype_negative", "phenotype absent", "OI", "fever"),
    *both("phenotype_phenotype", "parent-child", "fever", "bleeding"),
    *both("anatomy_protein_present", "expression present", "lung", "PHYHIP"),
    *both("anatomy_protein_absent", "expression absent", "KIF15", "lung"),
    *both("bioprocess_protein", "interacts with", "folding", "PHYHIP"),
    *both("molfunc_protein", "interacts with", "binding", "PHYHIP"),
    *both("cellcomp_protein", "interacts with", "cytosol", "PHYHIP"),
    *both("pathway_protein", "interacts with", "hemostasis", "PHYHIP"),
    *both("disease_protein", "associated with", "asthma", "PHYHIP"),
    *both("exposure_disease", "linked to", "asthma", "lead"),
]
PRIMEKG_EDGES = sorted(
    [
        ("NCBIGene:56992", "physically_interacts_with", "NCBIGene:9796"),
        ("DRUGBANK:DB00682", "interacts_with", "DRUGBANK:DB00945"),
        ("DRUGBANK:DB00945", "treats", "MONDO:0004979"),
        ("DRUGBANK:DB00945", "contraindicated_in", "MONDO:0004979"),
        ("DRUGBANK:DB00682", "applied_to_treat", "PRIMEKG:13924_12592"),
        ("DRUGBANK:DB00945", "targets", "NCBIGene:56992"),
        ("DRUGBANK:DB00945", "interacts_with", "NCBIGene:56992"),
        ("DRUGBANK:DB00682", "has_side_effect", "HP:0001892"),
        ("MONDO:0004979", "has_phenotype", "HP:0001945"),
        ("PRIMEKG:13924_12592", "lacks_phenotype", "HP:0001945"),
        ("HP:0001892", "related_to", "HP:0001945"),
        ("NCBIGene:9796", "expressed_in", "UBERON:0002048"),
        ("NCBIGene:56992", "not_expressed_in", "UBERON:0002048"),
        ("NCBIGene:9796", "participates_in", "GO:0006457"),
        ("NCBIGene:9796", "enables", "GO:0005515"),
        ("NCBIGene:9796", "located_in", "GO:0005829"),
        ("NCBIGene:9796", "participates_in", "REACT:R-HSA-109582"),
        ("NCBIGene:9796", "gene_associated_with_condition", "MONDO:0004979"),
        ("MESH:D007854", "associated_with", "MONDO:0004979"),
    ]
)


def primekg(tmp_path: Path, rows: Sequence[str], header: str = HEADER) -> SourceGraph:
    return read_primekg([write(tmp_path / "kg.csv", header, *rows)])


def test_primekg_keeps_every_pair_once_in_its_relations_direction(tmp_path: Path) -> None:
    graph = primekg(tmp_path, PRIMEKG)
    check_columns(graph)
    assert edges_of(graph) == PRIMEKG_EDGES
    assert graph.files == [tmp_path / "kg.csv"]
    assert types_of(graph)["HP:0001945"] == "symptom"
    assert types_of(graph)["NCBIGene:9796"] == "gene"
    assert types_of(graph)["MESH:D007854"] == "exposure"
    assert len(graph.nodes) == len(NODES)
    assert node_of(graph, "REACT:R-HSA-109582").en == english("Hemostasis, all")


def test_primekg_rows_in_another_order_give_the_same_graph(tmp_path: Path) -> None:
    straight, turned = primekg(tmp_path, PRIMEKG), primekg(tmp_path, PRIMEKG[::-1])
    assert edges_of(turned) == edges_of(straight)
    assert turned.nodes == straight.nodes


def naive_primekg(rows: Sequence[str]) -> Edges:
    """Read PrimeKG row by row, as the loader must not."""
    forms = {"NCBI": "NCBIGene:{}", "DrugBank": "DRUGBANK:{}", "MONDO_grouped": "PRIMEKG:{}", "CTD": "MESH:{}"}
    forms |= {"REACTOME": "REACT:{}", "HPO": "HP:{:0>7}"} | {
        name: name + ":{:0>7}" for name in ("MONDO", "GO", "UBERON")
    }
    kinds = {"gene/protein": "gene", "effect/phenotype": "symptom"}
    edges = set()
    for relation, shown, *cells in csv.reader(rows):
        (x, x_type), (y, y_type) = (
            (forms[source].format(number), kinds.get(kind, kind))
            for _, number, kind, _, source in (cells[:5], cells[5:])
        )
        ours, head_type, _, _ = PRIMEKG_RELATIONS[relation]
        turned = x > y if x_type == y_type else x_type != head_type
        ours = "targets" if (relation, shown) == ("drug_protein", "target") else ours
        edges.add((y, ours, x) if turned else (x, ours, y))
    return sorted(edges)


@pytest.mark.parametrize("seed", range(4))
def test_primekg_read_in_pieces_equals_the_naive_way(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgengine.sources.tables.BLOCK_BYTES", 600)  # six rows or so
    rng = np.random.default_rng(seed)
    rows = [PRIMEKG[place] for place in rng.permutation(len(PRIMEKG))[: 10 * (seed + 1)]]
    assert edges_of(primekg(tmp_path, rows)) == naive_primekg(rows)
    with pytest.raises(SourceError) as caught:
        primekg(tmp_path, [*rows, f"indication,indication,{NODES['asthma']},99,DB1,drug,Nothing,DrugBank"])
    assert (caught.value.line, caught.value.column) == (len(rows) + 2, "y_id")


def test_primekg_counts_rows_and_says_what_differs_from_the_release(tmp_path: Path) -> None:
    graph = primekg(tmp_path, PRIMEKG)
    counts = {count.relation: count for count in graph.counts}
    assert (counts["drug_protein"].read, counts["drug_protein"].kept, counts["drug_protein"].known) == (6, 2, 51_306)
    assert counts["exposure_cellcomp"].read == 0
    assert sum(count.known or 0 for count in graph.counts) == 8_100_498
    assert sum(count.read for count in graph.counts) == len(PRIMEKG)
    assert said(graph, "indication has 2 edges", "PrimeKG V2.1 has 18,776", "cut short or a sample")
    assert said(graph, "1 diseases are groups of MONDO diseases")
    assert said(graph, "14 nodes read", "129,375")
    assert not said(graph, "one direction")


def test_primekg_relations_are_of_types_that_the_file_knows() -> None:
    assert len(PRIMEKG_RELATIONS) == 30
    assert sum(rows for _, _, _, rows in PRIMEKG_RELATIONS.values()) == 8_100_498


def test_primekg_says_which_pairs_lack_their_other_direction(tmp_path: Path) -> None:
    graph = primekg(tmp_path, [row for row in PRIMEKG if not row.startswith("indication,indication,14")])
    assert edges_of(graph) == PRIMEKG_EDGES
    assert said(graph, "1 pairs of indication stand in one direction only")


def test_primekg_leaves_out_and_counts_what_it_can_not_place(tmp_path: Path) -> None:
    graph = primekg(
        tmp_path,
        [
            *PRIMEKG,
            *both("anatomy_disease", "found in", "lung", "asthma"),
            *both("indication", "x", "lung", "asthma"),
            *both("exposure_molfunc", "interacts with", "lead", "lung"),
        ],
    )
    check_columns(graph)
    assert edges_of(graph) == PRIMEKG_EDGES
    assert said(graph, "'anatomy_disease' is unknown", "2 rows are left out")
    assert said(graph, "2 rows of indication don't join drug and disease")
    assert said(graph, "2 rows of exposure_molfunc don't join exposure and molecular_function")
    assert next(count for count in graph.counts if count.relation == "anatomy_disease").kept == 0


def test_primekg_nodes_with_one_id_are_one_node(tmp_path: Path) -> None:
    again = "99," + NODES["lung"].split(",", 1)[1]
    row = f"anatomy_protein_present,expression present,{again},{NODES['KIF15']}"
    graph = primekg(tmp_path, [*PRIMEKG, row])
    assert edges_of(graph) == sorted([*PRIMEKG_EDGES, ("NCBIGene:56992", "expressed_in", "UBERON:0002048")])
    assert said(graph, "1 nodes have the id of another one")


def test_primekg_is_read_packed(tmp_path: Path) -> None:
    path = tmp_path / "kg.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *PRIMEKG, ""]).encode()))
    assert edges_of(read_primekg([path])) == PRIMEKG_EDGES
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match="is not a whole gzip file"):
        read_primekg([path])


@pytest.mark.parametrize("left", [1, 5, 40, 70])
def test_a_primekg_file_cut_in_its_last_line_is_noticed(tmp_path: Path, left: int) -> None:
    path = write(tmp_path / "kg.csv", HEADER, *PRIMEKG)
    path.write_bytes(path.read_bytes()[:-left])
    if left <= 5:  # the line break is gone, or a part of the last column too, whose node stands above
        assert said(read_primekg([path]), "doesn't end with a line break")
        return
    with pytest.raises(SourceError, match="the line was cut") as caught:
        read_primekg([path])
    assert caught.value.line == len(PRIMEKG) + 1


def replaced(number: int, cell: int, text: str) -> list[str]:
    """Change one cell of one row of the example (no quoted cells there)."""
    cells = PRIMEKG[number].split(",")
    cells[cell] = text
    return [*PRIMEKG[:number], ",".join(cells), *PRIMEKG[number + 1 :]]


@pytest.mark.parametrize(
    ("rows", "line", "column", "message"),
    [
        (replaced(2, 2, "x14"), 4, "x_index", "'x14' is not a whole number"),
        (replaced(2, 7, "-3"), 4, "y_index", "'-3' is not a node's number"),
        (replaced(2, 4, "medicine"), 4, "x_type", "'medicine' is none of"),
        (replaced(2, 6, "Drugs"), 4, "x_source", "'Drugs' is none of NCBI, DrugBank"),
        (replaced(2, 3, "DB945"), 4, "x_id", "'DB945' is no id of DrugBank"),
        (replaced(7, 3, "4980"), 9, "x_id", "'4980' has the number of '4979' above"),
        (replaced(2, 7, "999999999"), 4, "y_index", "'999999999' is not a node's number"),
        ([*PRIMEKG[:3], PRIMEKG[3] + ",more"], 5, None, "13 cells where 12 belong"),
    ],
)
def test_a_malformed_row_of_primekg_is_named(
    tmp_path: Path, rows: list[str], line: int, column: str | None, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        primekg(tmp_path, rows)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_primekg_is_one_file_with_all_its_columns_and_rows(tmp_path: Path) -> None:
    with pytest.raises(KGError, match=r"PrimeKG is one file, kg\.csv; 2 were given"):
        read_primekg([tmp_path, tmp_path])
    with pytest.raises(SourceError, match="lacks the column 'x_source'"):
        primekg(tmp_path, PRIMEKG, HEADER.replace("x_source", "source"))
    with pytest.raises(SourceError, match="has no edges"):
        primekg(tmp_path, [])
    with pytest.raises(SourceError, match=r"none\.csv: can't be read: No such file"):
        read_primekg([tmp_path / "none.csv"])


# ---- iBKH ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ibkh(tmp_path: Path) -> Path:
    """A folder as iBKH unpacks."""
    entity, relation = tmp_path / "entity", tmp_path / "relation"
    entity.mkdir()
    relation.mkdir()
    write(
        entity / "disease_vocab.csv",
        "primary,name,do_id,kegg_id,pharmgkb_id,mesh_id,umls_cui,icd_10,icd_9,omim_id,iDISK_id",
        "DOID:10652,alzheimer's disease,DOID:10652,H00056,PA443319,D000544,C0002395,G30,331,104300.0,",
        "DOID:0014667,disease of metabolism,DOID:0014667,,,D008659,,,,,",
        'MESH:D009765,"obesity, simple",,,,D009765,C0028754,,,,',
    )
    write(
        entity / "drug_vocab.csv",
        "primary,name,drugbank_id,kegg_id,pharmgkb_id,umls_cui,mesh_id,iDISK_id,CID",
        "DrugBank:DB00843,Donepezil,DB00843,D07869,PA449394,C0527316,D000077265,,CID100003152",
        "DrugBank:DB01043,Memantine,DB01043,,,,D008559,,",
    )
    write(
        entity / "gene_vocab.csv",
        "primary,symbol,hgnc_id,ncbi_id,pharmgkb_id,ensembl_id",
        "HGNC:613,APOE,613.0,348.0,PA55,ENSG00000130203",
        "HGNC:108,ACHE,108.0,43.0,PA20,",
    )
    write(entity / "symptom_vocab.csv", "primary,name,mesh_id,umls_cui,iDISK_id", "MESH:D009765,Obesity,D009765,,")
    write(entity / "side_effect_vocab.csv", "primary,umls_cui,name", "UMLS:C0027497,C0027497,Nausea")
    write(entity / "molecule_vocab.csv", "primary,chembl_id,chebi_id,inchi,drugbank_id", "ChEMBL:CHEMBL1,CHEMBL1,,,")
    write(
        relation / "D_Di_res.csv",
        'Drug,Disease,Treats,Palliates,Effect,Associate,Inferred_Relation,"alleviates, reduces",Source,Inference_Score',
        "DrugBank:DB00843,DOID:10652,1,0,1,1,0,1,CTD;DRKG;Hetionet;KEGG,",
        "DrugBank:DB01043,DOID:10652,0,1,0,0,1,1,CTD,342.19",
        "DrugBank:DB01043,DOID:0014667,0,0,0,0,1,0,CTD,3.5",
        "DrugBank:DB99999,DOID:10652,1,0,0,0,0,0,CTD,",
    )
    write(relation / "Di_Sy_res.csv", "Disease,Symptom,Present,Source", "DOID:10652,MESH:D009765,1,Hetionet")
    write(
        relation / "D_SE_res.csv",
        "Drug,Side_Effect,Cause,Source",
        *["DrugBank:DB00843,UMLS:C0027497,1,SIDER"] * 2,
        "CID100000085,UMLS:C0027497,1,SIDER",
    )
    write(
        relation / "Di_G_res.csv",
        "Disease,Gene,Associate,Downregulates,Upregulates,Inferred_Relation,causal mutations,Source,Inference_Score",
        "DOID:10652,HGNC:613,1,0,1.0,0,1,DisGeNET,",
    )
    write(relation / "Di_Di_res.csv", "Disease_1,Disease_2,is_a,Resemble,Source", "DOID:10652,DOID:0014667,1,0,DO")
    write(relation / "D_G_res.csv", "Drug,Gene,Target,Enzyme,Source", "DrugBank:DB00843,HGNC:108,1,1,DrugBank")
    return tmp_path


IBKH_EDGES = sorted(
    [
        ("DRUGBANK:DB00843", "treats", "DOID:10652"),
        ("DRUGBANK:DB00843", "treats_or_applied_or_studied_to_treat", "DOID:10652"),
        ("DRUGBANK:DB00843", "associated_with", "DOID:10652"),
        ("DRUGBANK:DB00843", "ameliorates_condition", "DOID:10652"),
        ("DRUGBANK:DB01043", "ameliorates_condition", "DOID:10652"),  # stated by two columns, kept once
        ("DRUGBANK:DB01043", "related_to", "DOID:10652"),
        ("DRUGBANK:DB01043", "related_to", "DOID:0014667"),
        ("DOID:10652", "has_phenotype", "MESH:D009765"),
        ("DRUGBANK:DB00843", "has_side_effect", "UMLS:C0027497"),
        ("HGNC:613", "gene_associated_with_condition", "DOID:10652"),
        ("HGNC:613", "upregulated_in", "DOID:10652"),
        ("HGNC:613", "related_to", "DOID:10652"),
        ("DOID:10652", "subclass_of", "DOID:0014667"),
        ("DRUGBANK:DB00843", "targets", "HGNC:108"),
        ("DRUGBANK:DB00843", "interacts_with", "HGNC:108"),
    ]
)


def test_ibkh_turns_every_column_of_ones_into_edges(ibkh: Path) -> None:
    graph = read_ibkh([ibkh])
    check_columns(graph)
    assert edges_of(graph) == IBKH_EDGES
    assert len(graph.files) == 5 + 6
    counts = {count.relation: count for count in graph.counts}
    assert (counts["drug-disease"].read, counts["drug-disease"].kept, counts["drug-disease"].known) == (4, 7, 2_717_947)
    assert (counts["drug-side_effect"].read, counts["drug-side_effect"].kept) == (3, 1)


def test_ibkh_takes_id_columns_as_cross_references(ibkh: Path) -> None:
    graph = read_ibkh([ibkh])
    assert node_of(graph, "DOID:10652") == Node(
        "DOID:10652",
        "disease",
        english("alzheimer's disease"),
        xrefs=("KEGG:H00056", "PHARMGKB:PA443319", "MESH:D000544", "UMLS:C0002395", "OMIM:104300"),
    )
    assert node_of(graph, "DRUGBANK:DB00843").xrefs == (
        "KEGG:D07869",
        "PHARMGKB:PA449394",
        "UMLS:C0527316",
        "MESH:D000077265",
        "PUBCHEM.COMPOUND:3152",
    )
    assert node_of(graph, "HGNC:613").xrefs == ("NCBIGene:348", "PHARMGKB:PA55", "ENSEMBL:ENSG00000130203")
    assert node_of(graph, "HGNC:613").en.name == "APOE"
    assert types_of(graph)["MESH:D009765"] == "symptom"  # in both vocabularies; symptoms are settled first


def test_ibkh_gives_inferred_relations_their_score(ibkh: Path) -> None:
    graph = read_ibkh([ibkh])
    drugs = {node.id: row for row, node in enumerate(graph.nodes)}
    inferred = [block for block in graph.blocks if block.score is not None]
    assert [block.relation for block in inferred] == ["related_to"]
    scores = dict(zip(inferred[0].tail.tolist(), np.asarray(inferred[0].score).tolist(), strict=True))
    assert scores == {drugs["DOID:10652"]: pytest.approx(342.19), drugs["DOID:0014667"]: 3.5}


def test_ibkh_says_what_it_left_out(ibkh: Path) -> None:
    graph = read_ibkh([ibkh])
    assert said(graph, "1 lines of D_Di_res.csv left out: an id is in no vocabulary")
    assert said(graph, "1 lines of D_SE_res.csv left out: an id is in no vocabulary")
    assert said(graph, "1 lines of disease_vocab.csv have ids that are of another type already")
    assert said(graph, "molecule_vocab.csv not read")
    assert said(graph, "Di_G_res.csv", "causal mutations; related_to")
    assert said(graph, "disease-symptom has 1 edges, iBKH 2021-05-03 has 3,357")


def test_ibkh_names_what_is_wrong(ibkh: Path) -> None:
    table = ibkh / "relation" / "D_G_res.csv"
    good = table.read_text(encoding="utf-8")
    for text, line, column, message in (
        (good.replace(",1,1,", ",1,yes,"), 2, "Enzyme", "'yes' is not 0 or 1"),
        (good.replace(",1,1,", ",1,2,"), 2, "Enzyme", "'2' is not 0 or 1"),
        (good[:-12], 2, None, "the line was cut"),
        (good.replace("Gene", "Genome"), 1, None, "is no table of iBKH"),
    ):
        table.write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match=message) as caught:
            read_ibkh([ibkh])
        assert (caught.value.path, caught.value.line, caught.value.column) == (table, line, column)
    table.write_text(good, encoding="utf-8")
    (ibkh / "entity" / "gene_vocab.csv").unlink()
    with pytest.raises(SourceError, match=r"needs the ids of gene_vocab\.csv"):
        read_ibkh([ibkh])
    with pytest.raises(KGError, match=r"no tables of relations in .*entity; give iBKH's folder"):
        read_ibkh([ibkh / "entity"])
    write(ibkh / "entity" / "drug_vocab.csv", "id,name", "DrugBank:DB00843,Donepezil")
    with pytest.raises(SourceError, match="lacks the column 'primary'"):
        read_ibkh([ibkh])


def test_ibkh_scores_are_numbers(ibkh: Path) -> None:
    table = ibkh / "relation" / "D_Di_res.csv"
    write(table, *table.read_text(encoding="utf-8").replace("342.19", "high").splitlines())
    with pytest.raises(SourceError, match="line 3, column 'Inference_Score': 'high' is not a score"):
        read_ibkh([ibkh])


# ---- HSDN ---------------------------------------------------------------------------------------------------

ASSOCIATIONS = [
    "MeSH Symptom Term\tMeSH Disease Term\tPubMed occurrence\tTFIDF score",
    "Aging, Premature\tBreast Neoplasms\t1\t3.46455148953797",
    "Fever\tMalaria\t284\t175.778287568456",
    "Fever\tObesity\t17\t10.521939748816",
    "Obesity\tBreast Neoplasms\t5\t2.5",
]
SYMPTOMS = ["MeSH Symptom ID\tMeSH Symptom Term", "D019588\tAging, Premature", "D005334\tFever", "D009765\tObesity"]
DISEASES = ["MeSH Disease ID\tMeSH Disease Term", "D001943\tBreast Neoplasms", "D008288\tMalaria", "D009765\tObesity"]
HSDN_EDGES = [
    ("MESH:D001943", "has_phenotype", "MESH:D009765"),
    ("MESH:D001943", "has_phenotype", "MESH:D019588"),
    ("MESH:D008288", "has_phenotype", "MESH:D005334"),
    ("MESH:D009765", "has_phenotype", "MESH:D005334"),
]


def test_hsdn_takes_mesh_ids_from_term_lists(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "symptoms_hsdn.tsv", *SYMPTOMS),
        write(tmp_path / "diseases_hsdn.tsv", *DISEASES),
        write(tmp_path / "ncomms5212-s4.txt", *ASSOCIATIONS),
    ]
    graph = read_hsdn(paths)
    check_columns(graph)
    assert edges_of(graph) == HSDN_EDGES
    assert node_of(graph, "MESH:D005334") == Node("MESH:D005334", "symptom", english("Fever"))
    assert graph.files == paths
    assert graph.counts[0].read == graph.counts[0].kept == 4
    assert graph.counts[0].known == 147_978
    assert said(graph, "1 terms are symptom and disease")
    assert said(graph, "3 symptom terms read, HSDN has 322")
    assert not said(graph, "no MeSH id")
    assert edges_of(read_hsdn([tmp_path])) == HSDN_EDGES  # a folder does as well


def test_hsdn_scores_are_tfidf(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", *ASSOCIATIONS)
    (block,) = read_hsdn([tmp_path]).blocks
    assert block.score is not None
    assert sorted(block.score.tolist()) == pytest.approx([2.5, 3.4645515, 10.5219397, 175.7782876])


def test_hsdn_without_ids_merges_with_nothing_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "ncomms5212-s2.txt", "MeSH Disease Term\tPubMed occurrence", "Malaria\t44,000")
    write(tmp_path / "ncomms5212-s4.txt", *ASSOCIATIONS)
    graph = read_hsdn([tmp_path])
    check_columns(graph)
    assert ("HSDN:malaria", "has_phenotype", "HSDN:fever") in edges_of(graph)
    assert node_of(graph, "HSDN:aging_premature").en.name == "Aging, Premature"
    assert said(graph, "3 of 3 symptom terms have no MeSH id", "'MeSH Symptom Term' and 'MeSH Symptom ID'")
    assert said(graph, "ncomms5212-s2.txt lists terms without MeSH ids")


def test_hsdn_takes_ids_beside_the_associations(tmp_path: Path) -> None:
    rows = [
        "\tMeSH Symptom ID\tMeSH Symptom Term\tMeSH Disease ID\tMeSH Disease Term\tPubMed occurrence\tTFIDF score",
        "0\tD005334\tFever\tD008288\tMalaria\t284\t175.778287568456",
        "1\tD005334\tFever\t\tNowhere Disease\t1\t0.5",
    ]
    graph = read_hsdn([write(tmp_path / "Combined-Output.tsv", *rows)])
    assert edges_of(graph) == [
        ("HSDN:nowhere_disease", "has_phenotype", "MESH:D005334"),
        ("MESH:D008288", "has_phenotype", "MESH:D005334"),
    ]


def test_hsdn_counts_doubled_associations_and_those_of_a_term_with_itself(tmp_path: Path) -> None:
    more = ["Fever\tMalaria\t1\t200.5", "Obesity\tObesity\t9\t1.5"]
    graph = read_hsdn([write(tmp_path / "a.txt", *ASSOCIATIONS, *more)])
    assert len(edges_of(graph)) == 4
    assert (graph.counts[0].read, graph.counts[0].kept) == (6, 4)
    assert said(graph, "1 associations of a term with itself left out")
    assert said(graph, "1 associations are stated more than once; the highest score is kept")
    (block,) = graph.blocks
    assert max(np.asarray(block.score).tolist()) == 200.5


@pytest.mark.parametrize(
    ("line", "text", "column", "message"),
    [
        (3, "Fever\tMalaria\t284\thigh", "TFIDF score", "'high' is not a number"),
        (3, "Fever\tMalaria\t284\t-1", "TFIDF score", "'-1.0' is no TF-IDF score"),
        (3, "Fever\tMalaria\t284", None, "3 cells where 4 belong"),
        (3, "Fever\t\t284\t1", "MeSH Disease Term", "is empty"),
    ],
)
def test_a_malformed_line_of_hsdn_is_named(
    tmp_path: Path, line: int, text: str, column: str | None, message: str
) -> None:
    rows = [*ASSOCIATIONS[: line - 1], text, *ASSOCIATIONS[line:]]
    with pytest.raises(SourceError) as caught:
        read_hsdn([write(tmp_path / "a.txt", *rows)])
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_hsdn_refuses_other_files_and_contradicting_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", *ASSOCIATIONS)
    symptoms = write(tmp_path / "symptoms.tsv", *SYMPTOMS)
    with pytest.raises(KGError, match=r"no associations of HSDN in .*give Supplementary Data 3"):
        read_hsdn([symptoms])
    with pytest.raises(KGError, match=r"a\.txt and .*a\.txt both hold"):
        read_hsdn([path, path])
    with pytest.raises(SourceError, match=r"other\.tsv, line 1: is no file of HSDN"):
        read_hsdn([path, write(tmp_path / "other.tsv", "x\ty", "1\t2")])
    with pytest.raises(SourceError, match=r"line 2, column 'MeSH Disease ID': 'D1' is no MeSH id"):
        read_hsdn([path, write(tmp_path / "bad.tsv", DISEASES[0], "D1\tMalaria")])
    with pytest.raises(SourceError, match="'Fever' has the id MESH:D000001 here and MESH:D005334 elsewhere"):
        read_hsdn([path, symptoms, write(tmp_path / "two.tsv", DISEASES[0], "D000001\tFever")])
    with pytest.raises(SourceError, match="has no associations"):
        read_hsdn([write(tmp_path / "empty.txt", ASSOCIATIONS[0])])
    with pytest.raises(SourceError, match="No such file"):
        read_hsdn([tmp_path / "none.txt"])


# ---- SIDER --------------------------------------------------------------------------------------------------

SIDER_EFFECTS = [
    "CID100000085\tCID000010917\tC0000737\tLLT\tC0000737\tAbdominal pain",
    "CID100000085\tCID000010917\tC0000737\tPT\tC0000737\tAbdominal pain",
    "CID100000085\tCID000010917\tC0687713\tPT\tC0000737\tAbdominal pain",
    "CID100000085\tCID000010917\tC0027497\tPT\tC0027497\tNausea",
    "CID100003016\tCID000003016\tC0917801\tPT\tC0917801\tInsomnia",
    "CID100003016\tCID000003016\tC0027497\tPT\tC0027497\tNausea",
    "CID100003016\tCID000003016\tC0020649\tPT\t\tHypotension",
]
SIDER_FREQUENCIES = [
    "CID100000085\tCID000010917\tC0000737\t\t21%\t0.21\t0.21\tPT\tC0000737\tAbdominal pain",
    "CID100000085\tCID000010917\tC0000737\tplacebo\t50%\t0.5\t0.5\tPT\tC0000737\tAbdominal pain",
    "CID100000085\tCID000010917\tC0027497\t\tcommon\t0.01\t1.0\tPT\tC0027497\tNausea",
    "CID100003016\tCID000003016\tC0917801\t\t40%\t0.4\t0.4\tPT\tC0917801\tInsomnia",
    "CID100003016\tCID000003016\tC0917801\t\t10%\t0.1\t0.1\tPT\tC0917801\tInsomnia",
    "CID100003016\tCID000003016\tC0917801\t\tpostmarketing\t0.0\t0.001\tPT\tC0917801\tInsomnia",
    "CID100003016\tCID000003016\tC0027497\t\trare\t0.0\t0.001\tPT\tC0027497\tNausea",
    "CID100003016\tCID000003016\tC0027497\t\t90%\t0.9\t0.9\tLLT\tC0027497\tNausea",
]
SIDER_INDICATIONS = [
    "CID100003016\tC0003467\tNLP_indication\tAnxiety\tLLT\tC0003467\tAnxiety",
    "CID100003016\tC0003467\tNLP_indication\tAnxiety\tPT\tC0003467\tAnxiety",
    "CID100003016\tC0917801\tNLP_indication\tInsomnia\tPT\tC0917801\tInsomnia",
    "CID100003016\tC0033975\ttext_mention\tPsychosis\tPT\tC0033975\tPsychotic disorder",
    "CID100000085\tC0268542\tNLP_precondition\tCarnitine deficiency\tPT\tC0268542\tCarnitine deficiency",
]


@pytest.fixture
def sider(tmp_path: Path) -> Path:
    """A folder with all five files of SIDER, three of them packed."""
    for name, lines in (
        ("meddra_all_se.tsv.gz", SIDER_EFFECTS),
        ("meddra_freq.tsv.gz", SIDER_FREQUENCIES),
        ("meddra_all_indications.tsv.gz", SIDER_INDICATIONS),
    ):
        (tmp_path / name).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    write(tmp_path / "drug_names.tsv", "CID100000085\tcarnitine", "CID100003016\tdiazepam")
    write(
        tmp_path / "drug_atc.tsv",
        "CID100000085\tA16AA01",
        "CID100003016\tN05BA01",
        "CID100003016\tN05BA",
        "CID100003016\tN05CD08",
        "CID100004192\tN05CD08",
    )
    return tmp_path


CARNITINE, DIAZEPAM = "PUBCHEM.COMPOUND:85", "PUBCHEM.COMPOUND:3016"
SIDER_GRAPH = sorted(
    [
        (CARNITINE, "has_side_effect", "UMLS:C0000737"),
        (CARNITINE, "has_side_effect", "UMLS:C0027497"),
        (DIAZEPAM, "has_side_effect", "UMLS:C0917801"),
        (DIAZEPAM, "has_side_effect", "UMLS:C0027497"),
        (DIAZEPAM, "treats_or_applied_or_studied_to_treat", "UMLS:C0003467"),
        (DIAZEPAM, "treats_or_applied_or_studied_to_treat", "UMLS:C0917801"),
    ]
)


def test_sider_keeps_preferred_terms_and_recognized_indications(sider: Path) -> None:
    graph = read_sider([sider])
    check_columns(graph)
    assert edges_of(graph) == SIDER_GRAPH
    assert node_of(graph, CARNITINE) == Node(CARNITINE, "drug", english("carnitine"), xrefs=("ATC:A16AA01",))
    assert node_of(graph, DIAZEPAM).xrefs == ("ATC:N05BA01",)
    assert types_of(graph)["UMLS:C0003467"] == "disease"
    assert types_of(graph)["UMLS:C0917801"] == "side_effect"  # an indication elsewhere, and said to be both
    assert [path.name for path in graph.files] == [
        "drug_names.tsv",
        "drug_atc.tsv",
        "meddra_all_se.tsv.gz",
        "meddra_freq.tsv.gz",
        "meddra_all_indications.tsv.gz",
    ]


def test_sider_bands_frequencies_that_lie_in_one_band(sider: Path) -> None:
    graph = read_sider([sider])
    block = next(block for block in graph.blocks if block.relation == "has_side_effect")
    assert block.band is not None
    bands = {
        (graph.nodes[head].id, graph.nodes[tail].id): band
        for head, tail, band in zip(block.head.tolist(), block.tail.tolist(), block.band.tolist(), strict=True)
    }
    assert bands == {
        (CARNITINE, "UMLS:C0000737"): 3,  # 21 %: occasional; the placebo group doesn't count
        (CARNITINE, "UMLS:C0027497"): -1,  # 1 to 100 %
        (DIAZEPAM, "UMLS:C0917801"): 3,  # 40 % and 10 %, on average 25 %: occasional
        (DIAZEPAM, "UMLS:C0027497"): -1,  # below 1 % HPO has no band; the lowest-level term doesn't count
    }
    assert said(graph, "4 of 4 side effects have a frequency, 2 of them one that lies in a single band")


def test_sider_says_what_it_left_out(sider: Path) -> None:
    graph = read_sider([sider])
    counts = {count.relation: (count.read, count.kept, count.known) for count in graph.counts}
    assert counts == {"meddra_all_se.tsv": (7, 4, 309_849), "meddra_all_indications.tsv": (5, 2, None)}
    assert said(graph, "1 lines of meddra_all_se.tsv left out: terms that are not preferred terms of MedDRA")
    assert said(graph, "1 lines of meddra_all_se.tsv left out: terms without a UMLS concept")
    assert said(graph, "2 lines of meddra_all_indications.tsv left out: mentions and preconditions")
    assert said(graph, "2 ATC codes are a class's or belong to several compounds")
    assert said(graph, "1 concepts are side effects and indications")
    assert said(graph, "meddra_all_se.tsv has 7 edges, SIDER 4.1 has 309,849; the file is cut short or a sample")


def test_sider_does_with_one_file_and_says_what_is_missing(sider: Path) -> None:
    graph = read_sider([sider / "meddra_all_se.tsv.gz"])
    check_columns(graph)
    assert edges_of(graph) == [edge for edge in SIDER_GRAPH if edge[1] == "has_side_effect"]
    assert node_of(graph, CARNITINE) == Node(CARNITINE, "drug", english(CARNITINE))
    for name in ("meddra_freq.tsv", "meddra_all_indications.tsv", "drug_names.tsv", "drug_atc.tsv"):
        assert said(graph, f"{name} is not among the files")
    with pytest.raises(KGError, match=r"no meddra_all_se\.tsv.* in .*drug_names\.tsv; give the folder of SIDER 4\.1"):
        read_sider([sider / "drug_names.tsv"])


@pytest.mark.parametrize(
    ("name", "line", "text", "column", "message"),
    [
        (
            "meddra_all_se.tsv",
            2,
            "CID000000085\tx\tx\tPT\tC0000737\tPain",
            "flat",
            "'CID000000085' is not a flat compound",
        ),
        (
            "meddra_all_se.tsv",
            2,
            "CID100000085\tx\tx\tPT\tC00007\tPain",
            "umls",
            "'C00007' does not have the form of a UMLS",
        ),
        ("meddra_all_se.tsv", 2, "CID100000085\tx\tx\tPT", None, "4 cells where 6 belong"),
        ("drug_atc.tsv", 1, "CID100000085\t16AA01", "atc", "'16AA01' does not have the form of a ATC code"),
        ("meddra_freq.tsv", 1, SIDER_FREQUENCIES[0].replace("0.21\t0.21", "0.21\t21"), "upper", "'21' is not a share"),
    ],
)
def test_a_malformed_line_of_sider_is_named(
    tmp_path: Path, name: str, line: int, text: str, column: str | None, message: str
) -> None:
    write(tmp_path / "meddra_all_se.tsv", *SIDER_EFFECTS)
    before = SIDER_EFFECTS[: line - 1] if name == "meddra_all_se.tsv" else []
    write(tmp_path / name, *before, text)
    with pytest.raises(SourceError) as caught:
        read_sider([tmp_path])
    assert message in str(caught.value)
    assert (caught.value.path, caught.value.line, caught.value.column) == (tmp_path / name, line, column)


def test_a_sider_file_cut_short_is_noticed(sider: Path) -> None:
    path = sider / "meddra_all_se.tsv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SourceError, match=r"meddra_all_se\.tsv\.gz: is not a whole gzip file"):
        read_sider([sider])
    path.unlink()
    plain = write(sider / "meddra_all_se.tsv", *SIDER_EFFECTS)
    plain.write_bytes(plain.read_bytes()[:-5])
    assert said(read_sider([sider]), "meddra_all_se.tsv doesn't end with a line break")
