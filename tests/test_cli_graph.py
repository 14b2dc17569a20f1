"""The commands around the graph as a user runs them: `kg build` from several sources, `kg query` with its filters and
forms of output, `kg summary`, `kg validate`, `kg export`, and completion by a real shell. Whatever is asked wrongly is
answered by one clear line, never by a traceback, and leaves no file behind.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import pytest

from kgengine import Graph

Run = Callable[..., tuple[int, str, str]]
DATA = Path(os.environ.get("KG_TEST_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
HETIONET = [DATA / "hetionet" / f"hetionet-v1.0-{name}" for name in ("nodes.tsv", "edges-5k.sif.gz")]
KG = shutil.which("kg", path=str(Path(sys.executable).parent))


@pytest.fixture
def workspace(core_folder: Path) -> Path:
    """A workspace with the default MKG."""
    return core_folder.parent


def refusal(code: int, out: str, err: str) -> tuple[int, str]:
    """The exit code and the one line that says what is wrong, below the usage where that is what's wrong."""
    assert out == ""
    lines = [line for line in err.splitlines() if line.strip()]
    if code == 2:
        assert lines[0].startswith("Usage: kg "), err
        lines = lines[2:]
    assert len(lines) == 1, err
    prefix = "Error: " if code == 2 else "kg: "
    assert lines[0].startswith(prefix)
    return code, lines[0].removeprefix(prefix)


def ids(out: str) -> list[str]:
    return [answer["id"] for answer in json.loads(out)["answers"]]


# ---- kg build ----

TRIPLES = [
    ("ICD10:J18", "has_phenotype", "HP:0012735"),  # the core states this one too
    ("ICD10:J18", "seen_by", "Dr. O'Neill"),
    ("my own drug", "treats", "ICD10:J18"),
]


@pytest.fixture
def triples(tmp_path: Path) -> Path:
    path = tmp_path / "mine.tsv"
    path.write_text("".join("\t".join(triple) + "\n" for triple in TRIPLES), encoding="utf-8")
    return path


@pytest.fixture
def kgx(tmp_path: Path) -> list[Path]:
    """Three diseases, three symptoms and a drug; names with quotes, tags and Cyrillic; scores and two sources."""
    nodes, edges = tmp_path / "my_nodes.tsv", tmp_path / "my_edges.tsv"
    nodes.write_text(
        "id\tcategory\tname\tname_ru\n"
        'X:D1\tbiolink:Disease\t"Alpha" disease\tБолезнь «альфа»\n'
        "X:D2\tbiolink:Disease\tBeta's <b>disease</b>\tБолезнь бета\n"
        "X:D3\tbiolink:Disease\tGamma & sons\t\n"
        "X:S1\tbiolink:PhenotypicFeature\tFirst sign\tПервый признак\n"
        "X:S2\tbiolink:PhenotypicFeature\tSecond sign\t\n"
        "X:S3\tbiolink:PhenotypicFeature\tThird sign\t\n"
        "X:A1\tbiolink:Drug\tAlphacin\tАльфацин\n",
        encoding="utf-8",
    )
    edges.write_text(
        "subject\tpredicate\tobject\tscore\tprimary_knowledge_source\n"
        "X:D1\tbiolink:has_phenotype\tX:S1\t0.9\tinfores:one\n"
        "X:D1\tbiolink:has_phenotype\tX:S2\t0.2\tinfores:two\n"
        "X:D1\tbiolink:has_phenotype\tX:S3\t\tinfores:one|infores:two\n"
        "X:D2\tbiolink:has_phenotype\tX:S1\t0.9\tinfores:one\n"
        "X:D2\tbiolink:has_phenotype\tX:S2\t0.9\tinfores:one\n"
        "X:D3\tbiolink:has_phenotype\tX:S2\t0.5\tinfores:two\n"
        "X:A1\tbiolink:treats\tX:D1\t1\tinfores:two\n",
        encoding="utf-8",
    )
    return [nodes, edges]


@pytest.fixture
def small(kg: Run, kgx: list[Path], tmp_path: Path) -> Path:
    """A workspace with the graph of `kgx`."""
    assert kg("-w", tmp_path / "small", "build", *kgx)[0] == 0
    return tmp_path / "small"


@pytest.fixture(scope="module")
def with_hetionet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A workspace with the core and Hetionet in one graph; what `kg build` said on stdout and on stderr."""
    for path in HETIONET:
        if not path.is_file():
            pytest.skip(f"no {path.name} in {path.parent}; set KG_TEST_DATA to the folder that holds hetionet/")
    folder = tmp_path_factory.mktemp("hetionet")
    command = [sys.executable, "-c", "from cli.main import run; run()", "-w", str(folder), "build"]
    command += ["--source", "core", "--source", "hetionet", *map(str, HETIONET)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout, done.stderr


def test_build_merges_the_core_with_hetionet(with_hetionet: tuple[Path, str, str]) -> None:
    folder, out, _ = with_hetionet
    graph = Graph.open(folder / "graph")
    lines = out.splitlines()
    assert lines[0].startswith("core: ")
    assert any(line.startswith("hetionet: 47,031 nodes, ") for line in lines)
    assert "  DpS: read 3,357, kept 3,357 of 3,357 in the release" in lines
    assert "  GiG: read 5,000, kept 5,000 of 147,164 in the release" in lines
    state = f"graph built {folder / 'graph'}: {graph.num_nodes:,} nodes, {graph.num_edges:,} edges"
    counts = [line.split() for line in lines[lines.index(state) + 1 :]]
    by_name = {name: int(number.replace(",", "")) for number, name in counts}
    assert by_name["gene"] == 20_945
    assert sum(by_name.values()) == graph.num_nodes + graph.num_edges
    # Asthma is one node, found by either id; the core, named first, gives id and name
    assert graph.id(graph.resolve("DOID:2841")) == graph.id(graph.resolve("asthma")) == "ICD10:J45"
    assert graph.name(graph.resolve("DOID:2841"), "ru") == "Бронхиальная астма" or graph.name(
        graph.resolve("J45"), "ru"
    )


def test_build_gives_both_sources_of_what_both_state(with_hetionet: tuple[Path, str, str]) -> None:
    graph = Graph.open(with_hetionet[0] / "graph")
    both = {"infores:kg-core", "infores:hetionet"}
    joint = [n for n, several in enumerate(graph.provenances) if {one.source for one in several} == both]
    edges = [edge for edge in range(graph.num_edges) if graph.edge_provenance[edge] in joint]
    assert len(edges) > 100
    assert {graph.edge(edge).relation for edge in edges} >= {"has_phenotype", "treats"}
    for number in joint:
        assert {(one.source, one.release) for one in graph.provenances[number]} >= {("infores:hetionet", "v1.0")}
        assert all(one.licence for one in graph.provenances[number])


def test_build_says_its_remarks_on_stderr(with_hetionet: tuple[Path, str, str]) -> None:
    _, out, err = with_hetionet
    lines = err.splitlines()
    cut = "kg: hetionet: GiG has 5,000 edges, hetionet v1.0 has 147,164; the file is cut short or a sample"
    assert cut in lines
    assert any(
        re.search(r"^kg: \d+ edges stated more than once are kept once, with every source$", line) for line in lines
    )
    assert all(line.startswith("kg: ") for line in lines)
    assert "DpS has" not in err  # complete in the sample
    assert "kg: " not in out


def test_build_reports_as_json(kg: Run, tmp_path: Path, triples: Path) -> None:
    code, out, err = kg("-w", tmp_path / "w", "build", "--json", "--source", "core", "--source", "triples", triples)
    report = json.loads(out)
    assert (code, err) == (0, "")
    graph = Graph.open(tmp_path / "w" / "graph")
    assert report["built"] is True
    assert (report["num_nodes"], report["num_edges"]) == (graph.num_nodes, graph.num_edges)
    assert (sum(report["nodes"].values()), sum(report["relations"].values())) == (graph.num_nodes, graph.num_edges)
    core, mine = report["sources"]
    assert (core["name"], mine["name"]) == ("core", "triples")
    assert (mine["num_nodes"], mine["num_edges"]) == (4, 3)
    assert {"relation": "treats", "read": 1, "kept": 1, "known": None} in mine["counts"]
    # two nodes are the core's own, one edge too
    assert graph.num_nodes == core["num_nodes"] + 2
    assert graph.num_edges == core["num_edges"] + 2
    assert report["remarks"] == ["1 edges stated more than once are kept once, with every source"]
    assert report["nodes"]["entity"] == 2
    assert report["relations"]["seen_by"] == 1


def test_build_with_triples_keeps_the_cores_names_and_adds_the_source(kg: Run, tmp_path: Path, triples: Path) -> None:
    code, out, err = kg("-w", tmp_path / "w", "build", "--source", "core", "--source=triples", triples)
    assert code == 0
    assert "triples: 4 nodes, 3 edges" in out.splitlines()
    assert err == "kg: 1 edges stated more than once are kept once, with every source\n"
    graph = Graph.open(tmp_path / "w" / "graph")
    pneumonia = graph.resolve("J18")
    assert graph.name(pneumonia) == "Pneumonia, organism unspecified"
    stated = {
        graph.id(graph.edge(int(edge)).tail): [one.source for one in graph.provenances[graph.edge_provenance[edge]]]
        for edge in graph.out_edges(pneumonia, "has_phenotype")
    }
    assert sorted(stated["HP:0012735"]) == ["infores:kg-core", "mine.tsv"]
    code, out, _ = kg("-w", tmp_path / "w", "query", "Dr. O'Neill", "--json")
    assert (code, ids(out)) == (0, ["ICD10:J18"])


def test_build_takes_files_before_any_source_as_kgx(kg: Run, tmp_path: Path, kgx: list[Path]) -> None:
    (tmp_path / "t.tsv").write_text("X:D1\trelated_to\tX:D3\nX:A1\ttreats\tX:D1\n", encoding="utf-8")
    code, out, _ = kg("-w", tmp_path / "w", "build", *kgx, "--json", "--source", "triples", tmp_path / "t.tsv")
    report = json.loads(out)
    assert code == 0
    assert [source["name"] for source in report["sources"]] == ["kgx", "triples"]
    # X: is no prefix that triples know the type of, so without the kgx files these would be entities
    assert report["nodes"] == {"disease": 3, "drug": 1, "symptom": 3}
    assert (report["relations"]["related_to"], report["num_edges"]) == (1, 8)


def test_build_leaves_a_graph_alone_only_while_all_sources_are_the_same(
    kg: Run, tmp_path: Path, kgx: list[Path], triples: Path
) -> None:
    def built(*arguments: object) -> bool:
        code, out, _ = kg("-w", tmp_path / "w", "build", "--json", *arguments)
        assert code == 0
        return bool(json.loads(out)["built"])

    both = (*kgx, "--source", "triples", triples)
    assert built(*both)
    assert not built(*both)
    assert built(*both, "--force")
    assert built("--source", "triples", triples, "--source", "kgx", *kgx)  # another order of trust
    assert built(*both)
    triples.write_text(triples.read_text(encoding="utf-8") + "X:D1\trelated_to\tX:D2\n", encoding="utf-8")
    assert built(*both)
    assert built(*kgx)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--source", "wikipedia"), 1, "unknown source 'wikipedia'; known are core, kgx, triples, hpo, hetionet, "),
        (("--source", 'co"re'), 1, "unknown source 'co\"re'; known are "),
        (("--source", "болезни"), 1, "unknown source 'болезни'; known are "),
        (("--source", "hetionet"), 1, "the source 'hetionet' (Hetionet v1.0) needs files: nodes.tsv and edges.sif"),
        (("--source", "kgx"), 1, "the source 'kgx' (Biolink's exchange format) needs files: "),
        (("--source", "core", "mine.tsv"), 1, "the source 'core' ships with kg and takes no files, but got mine.tsv"),
        (("nowhere",), 1, "nowhere: can't be read: no such file or folder"),
        (("--source", "triples", "nowhere.tsv"), 1, "nowhere.tsv: can't be read: "),
        (("--source", "triples", "."), 1, ".: can't be read: "),
        (("--source",), 2, "--source needs a name, such as core; see 'kg build --help'"),
        (("--source", "core", "--source"), 2, "--source needs a name, such as core"),
        (("--source", "--json"), 2, "--source needs a name, such as core"),
        (("--source=",), 2, "--source needs a name, such as core"),
        (("--source", ""), 2, "--source needs a name, such as core"),
        (("--sources", "core"), 2, "No such option '--sources'"),
    ],
)
def test_build_refuses_in_one_line(
    kg: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], code: int, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found, problem = refusal(*kg("-w", tmp_path / "w", "build", *arguments))
    assert (found, problem[: len(line)]) == (code, line)
    assert not (tmp_path / "w").exists()


def test_build_refuses_a_source_without_files_where_a_graph_lies_already(kg: Run, small: Path) -> None:
    assert refusal(*kg("-w", small, "build", "--source", "hetionet"))[1].startswith("the source 'hetionet' (Hetionet")


def test_build_help_lists_the_sources_with_their_files(kg: Run) -> None:
    code, out, _ = kg("build", "--help")
    assert (code, out.splitlines()[0]) == (0, "Usage: kg build [OPTIONS] [--source NAME] [FILE]... ...")
    assert re.search(r"^  hetionet +Hetionet v1\.0: nodes\.tsv and edges\.sif\[\.gz\], or the JSON$", out, re.M)
    assert re.search(r"^  core +the default MKG: ICD-10, HPO, ATC$", out, re.M)


# ---- kg query: what is asked ----


def test_query_any_takes_what_one_name_reaches(kg: Run, workspace: Path) -> None:
    def found(*arguments: object) -> set[str]:
        out = kg("-w", workspace, "query", *arguments, "--to", "disease", "-n", "999", "--json")[1]
        return set(ids(out))

    fever, itch = found("fever"), found("HP:0000989")
    assert found("fever", "HP:0000989") == fever & itch != fever | itch == found("fever", "HP:0000989", "--any")
    text = kg("-w", workspace, "query", "fever", "HP:0000989", "--any")[1]
    assert text.splitlines()[0] == "from Fever (HP:0001945) or Pruritus (HP:0000989)"
    text = kg("-w", workspace, "query", "fever", "HP:0000989")[1]
    assert text.splitlines()[0] == "from Fever (HP:0001945) and Pruritus (HP:0000989)"


def symptoms(graph: Graph, disease: str) -> set[int]:
    return {graph.edge(int(edge)).tail for edge in graph.out_edges(graph.resolve(disease), "has_phenotype")}


def test_query_mistaken_for_shows_just_the_symptoms_of_both(kg: Run, workspace: Path, core: Graph) -> None:
    code, out, err = kg("-w", workspace, "query", "asthma", "--mistaken-for", "-n", "999")
    assert (code, err) == (0, "")
    head, *lines = out.splitlines()
    assert head == "from Asthma (ICD10:J45)"
    own, seen = symptoms(core, "ICD10:J45"), set()
    for answer, shares in zip(lines[::2], lines[1::2], strict=True):
        match = re.fullmatch(r" *\d+\. .+  \[(ICD10:\w+), disease\]  score \d\.\d{4}, (\d+) paths?", answer)
        assert match is not None, answer
        shared = own & symptoms(core, match[1])
        assert shares.startswith("       shares ")
        assert sorted(shares.split("shares ")[1].split(", ")) == sorted(core.name(node) for node in shared)
        assert int(match[2]) == len(shared)
        seen.add(match[1])
    others = (core.id(node) for node in core.nodes_of_type("disease").tolist())
    assert seen == {one for one in others if one != "ICD10:J45" and own & symptoms(core, one)}
    assert len(seen) > 20


def test_query_mistaken_for_as_json_and_in_russian(kg: Run, workspace: Path, core: Graph) -> None:
    (first, *_) = json.loads(kg("-w", workspace, "query", "asthma", "--mistaken-for", "--json")[1])["answers"]
    shared = symptoms(core, "ICD10:J45") & symptoms(core, first["id"])
    assert {proof[0]["tail"] for proof in first["proofs"]} == {core.id(node) for node in shared}
    assert all([edge["head"] for edge in proof] == ["ICD10:J45", first["id"]] for proof in first["proofs"])
    text = kg("-w", workspace, "query", "астма", "--mistaken-for", "-n", "1", "--lang", "ru")[1]
    assert set(text.splitlines()[2].split("shares ")[1].split(", ")) == {core.name(node, "ru") for node in shared}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), {"X:S1", "X:S2", "X:S3", "X:A1"}),
        (("--source", "one"), {"X:S1", "X:S3"}),
        (("--source", "infores:two"), {"X:S2", "X:S3", "X:A1"}),
        (("--source", "one", "--source", "two"), {"X:S1", "X:S2", "X:S3", "X:A1"}),
        (("--relation", "treats"), {"X:A1"}),
        (("--relation", "treats", "--relation", "has_phenotype"), {"X:S1", "X:S2", "X:S3", "X:A1"}),
        (("--relation", "has_phenotype", "--source", "two"), {"X:S2", "X:S3"}),
        (("--min-score", "0.9"), {"X:S1", "X:A1"}),
        (("--min-score", "0"), {"X:S1", "X:S2", "X:A1"}),
        (("--min-score", "-1e9", "--to", "symptom"), {"X:S1", "X:S2"}),
        (("--min-score", "1.5"), set()),
    ],
)
def test_query_takes_only_the_edges_that_pass_the_filters(
    kg: Run, small: Path, filters: tuple[str, ...], expected: set[str]
) -> None:
    code, out, err = kg("-w", small, "query", "X:D1", *filters, "--json")
    assert (code, err) == (0, "")
    assert set(ids(out)) == expected
    code, text, _ = kg("-w", small, "query", "X:D1", *filters)
    assert code == 0
    assert ("no answers; take more hops (-k)" in text) == (not expected)


def test_query_filters_hold_for_paths_and_for_what_is_mistaken(kg: Run, small: Path) -> None:
    def found(*arguments: object) -> list[str]:
        return ids(kg("-w", small, "query", "X:D1", *arguments, "--json")[1])

    assert set(found("--mistaken-for")) == {"X:D2", "X:D3"}
    assert found("--mistaken-for", "--source", "one") == ["X:D2"]
    assert found("--mistaken-for", "--min-score", "0.9") == ["X:D2"]
    assert found("--mistaken-for", "--source", "two") == ["X:D3"]
    assert found("--path", "disease/symptom/disease", "--source", "two") == ["X:D3"]
    assert found("-k", "2", "--to", "disease", "--min-score", "0.9") == ["X:D2"]


def test_query_with_hetionet_names_the_source_of_every_edge(kg: Run, with_hetionet: tuple[Path, str, str]) -> None:
    arguments = ("-w", with_hetionet[0], "query", "asthma", "--to", "symptom", "-n", "999", "--json")
    sources = [edge["source"] for one in json.loads(kg(*arguments)[1])["answers"] for edge in one["proofs"][0]]
    answers = json.loads(kg(*arguments, "--source", "hetionet")[1])["answers"]
    core, hetionet = {"infores:kg-core"}, {"infores:hetionet"}
    assert {frozenset(source.split(", ")) for source in sources} == {
        frozenset(one) for one in (core, hetionet, core | hetionet)
    }
    assert 0 < len(answers) < len(sources)
    assert all("infores:hetionet" in one["proofs"][0][0]["source"] for one in answers)
    assert len(answers) == sum("hetionet" in source for source in sources)


def test_query_says_what_else_a_name_means(kg: Run, workspace: Path) -> None:
    _, out, err = kg("-w", workspace, "query", "migraine", "--json")
    assert json.loads(out)["anchors"] == ["ICD10:G43"]
    assert err == "kg: 'migraine' taken as ICD10:G43 (disease); it also names HP:0002076 (symptom)\n"
    assert kg("-w", workspace, "query", "migraine", "--mistaken-for")[2] == ""


@pytest.mark.parametrize("odd", ["-n 99999999999999999999", "-k 4 -n 3", "--min-score nan", "--min-score -inf"])
def test_query_takes_odd_numbers(kg: Run, workspace: Path, odd: str) -> None:
    code, out, err = kg("-w", workspace, "query", "ICD10:J45", "--to", "symptom", *odd.split())
    assert (code, err, out.splitlines()[0]) == (0, "", "from Asthma (ICD10:J45)")


REFUSED: list[tuple[str, int, str]] = [
    ("fever|--source|wikipedia", 1, "unknown source 'wikipedia'; this graph has infores:atc, infores:hpo"),
    ("fever|--source|", 1, "unknown source ''; this graph has "),
    ("fever|--relation|cures", 1, "unknown relation 'cures'; this graph has contraindicated_in, "),
    ("fever|--relation|", 1, "unknown relation ''; this graph has "),
    ("fever|--to|gene", 1, "unknown node type 'gene'; this graph has disease, drug"),
    ("fever|--to|", 2, "--to is empty; give it a value, or leave it out"),
    ("fever|--path|", 2, "--path is empty; "),
    ("fever|--predict|", 2, "--predict is empty; "),
    ("fever|--html|", 2, "--html and --graphml need the name of a file"),
    ("fever|--graphml|", 2, "--html and --graphml need the name of a file"),
    ("fever|--path|symptom//drug", 1, "unknown node type ''; "),
    ("fever|--path|symptom/disease/", 1, "unknown node type ''; "),
    ("fever|--path|symptom", 1, "the path 'symptom' names 1 types; give 2 to 5"),
    ("fever|--min-score|much", 2, "Invalid value for '--min-score': 'much' is not a valid float."),
    ("fever|-k|0", 2, "Invalid value for '-k' / '--hops': 0 is not in the range 1<=x<=4."),
    ("fever|-k|99", 2, "Invalid value for '-k' / '--hops': 99 is not in the range 1<=x<=4."),
    ("fever|-n|0", 2, "Invalid value for '-n' / '--limit': 0 is not in the range x>=1."),
    ("fever|--lang|de", 2, "Invalid value for '--lang': 'de' is not one of 'en', 'ru'."),
    ("fever|--mistaken-for", 1, "unknown disease 'fever'; "),
    ("asthma|migraine|--mistaken-for", 1, "what a disease may be mistaken for is asked of one disease; give one name"),
    ("asthma|--mistaken-for|--any", 2, "--mistaken-for is a path of its own; drop --path, --hops, --to, "),
    ("asthma|--mistaken-for|-k|2", 2, "--mistaken-for is a path of its own; "),
    ("asthma|--mistaken-for|--to|drug", 2, "--mistaken-for is a path of its own; "),
    ("asthma|--mistaken-for|--path|disease/drug", 2, "--mistaken-for is a path of its own; "),
    ("asthma|--mistaken-for|--relation|treats", 2, "--mistaken-for is a path of its own; "),
    ("fever|--path|symptom/drug|-k|2", 2, "--path already says how far to go and where to; drop --hops and --to"),
    ("fever|--path|symptom/drug|--to|drug", 2, "--path already says how far to go and where to; "),
    (
        "asthma|--predict|treats|--mistaken-for",
        2,
        "--predict goes over one relation or along --path; drop the other",
    ),
    ("asthma|--predict|treats|--source|core", 2, "--predict goes over one relation or along --path; "),
    ("asthma|--predict|treats|--min-score|0", 2, "--predict goes over one relation or along --path; "),
    ("asthma|--predict|treats|--any", 2, "--predict goes over one relation or along --path; "),
    ("asthma|migraine|--predict|treats", 2, "--predict RELATION takes one name"),
    ("asthma|--predict|treats", 1, "no reasoner at "),
    ("fever|--json|--tsv", 2, "--json and --tsv are two forms of the same output; take one"),
    ("", 1, "unknown entity ''; give an id such as ICD10:J18, or a name"),
    ("  ", 1, "unknown entity '  '; give an id such as ICD10:J18, or a name"),
    ("'", 1, "unknown entity '''; give an id such as ICD10:J18, or a name"),
    ('"fe\'ver" x', 1, "unknown entity '\"fe'ver\" x'; did you mean "),
    ("💊", 1, "unknown entity '💊'; give an id"),
    ("发烧", 1, "unknown entity '发烧'; "),
    ("fev\udcffer", 1, "not UTF-8 text: 'icd10:fev\\udcffer'; type it again"),
    ("a" * 5000, 1, "unknown entity 'aaaa"),
    ("fever|--html|/proc/nowhere/x.html", 1, "cannot write /proc/nowhere/x.html: "),
    ("fever|--graphml|/proc/nowhere/x.graphml", 1, "cannot write /proc/nowhere/x.graphml: "),
    ("fever|--html|/proc", 2, "Invalid value for '--html': File '/proc' is a directory."),
    ("fever|--graphml|.", 2, "Invalid value for '--graphml': File '.' is a directory."),
]


@pytest.mark.parametrize(("arguments", "code", "line"), REFUSED)
def test_query_refuses_in_one_line_and_writes_nothing(
    kg: Run, monkeypatch: pytest.MonkeyPatch, workspace: Path, tmp_path: Path, arguments: str, code: int, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words = arguments.split("|")
    pictures = [] if {"--html", "--graphml"} & set(words) else ["--html", "a.html", "--graphml", "a.graphml"]
    result = kg("-w", workspace, "query", *words, *pictures)
    err = "\n".join(one for one in result[2].splitlines() if "; it also names " not in one)
    found, problem = refusal(result[0], result[1], err)
    assert (found, problem[: len(line)]) == (code, line)
    assert list(tmp_path.iterdir()) == []


# ---- kg query: forms of output ----


def rows(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out), delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("asked", ["X:D1 -k 3", "X:D1 --mistaken-for", "X:S2 --path symptom/disease/drug"])
def test_query_tsv_holds_what_json_holds(kg: Run, small: Path, asked: str) -> None:
    graph = Graph.open(small / "graph")
    code, out, err = kg("-w", small, "query", *asked.split(), "--tsv")
    assert (code, err) == (0, "")
    table, answers = rows(out), json.loads(kg("-w", small, "query", *asked.split(), "--json")[1])["answers"]
    assert answers
    assert [one["rank"] for one in table] == [str(rank) for rank in range(1, len(answers) + 1)]
    for one, answer in zip(table, answers, strict=True):
        assert {key: one[key] for key in ("id", "name", "type")} == {k: answer[k] for k in ("id", "name", "type")}
        assert float(one["score"]) == pytest.approx(answer["score"], rel=1e-5)
        assert (int(one["paths"]), one["state"]) == (answer["paths"], "exact")
        proofs = one["proofs"].split("; ")
        assert len(proofs) == len(answer["proofs"])
        for spelled, proof in zip(proofs, answer["proofs"], strict=True):
            assert spelled.endswith(answer["name"])
            assert all(graph.name(graph.resolve(edge[end])) in spelled for edge in proof for end in ("head", "tail"))


def test_query_tsv_of_the_default_mkg_parses_and_is_empty_without_answers(kg: Run, workspace: Path) -> None:
    arguments = ("-w", workspace, "query", "fever", "cough", "--path", "symptom/disease/drug", "-n", "99")
    table = rows(kg(*arguments, "--tsv")[1])
    assert [one["id"] for one in table] == ids(kg(*arguments, "--json")[1])
    out = kg(*arguments, "--min-score", "1", "--tsv")[1]
    assert out == "rank\tid\tname\ttype\tscore\tpaths\tstate\tproofs\n"


def test_query_tsv_keeps_a_line_an_answer_where_names_hold_tabs(kg: Run, tmp_path: Path) -> None:
    nodes = [{"id": "X:D", "category": "biolink:Disease", "name": "a\tb"}]
    nodes.append({"id": "X:S", "category": "biolink:PhenotypicFeature", "name": "c\nd"})
    (tmp_path / "nodes.jsonl").write_text("\n".join(map(json.dumps, nodes)), encoding="utf-8")
    edge = {"subject": "X:D", "predicate": "biolink:has_phenotype", "object": "X:S"}
    (tmp_path / "edges.jsonl").write_text(json.dumps(edge), encoding="utf-8")
    assert kg("-w", tmp_path / "w", "build", tmp_path / "nodes.jsonl", tmp_path / "edges.jsonl")[0] == 0
    (row,) = rows(kg("-w", tmp_path / "w", "query", "X:D", "--tsv")[1])
    assert (row["name"], row["type"], row["proofs"]) == ("c d", "symptom", "a b -has_phenotype-> c d")


def test_query_html_is_one_page_that_needs_nothing_else(kg: Run, small: Path, tmp_path: Path) -> None:
    page = tmp_path / "new folder" / "страница.html"
    code, out, _ = kg("-w", small, "query", "X:D1", "--mistaken-for", "--html", page)
    assert (code, out.splitlines()[0]) == (0, 'from "Alpha" disease (X:D1)')
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert not re.search(r"<link|<iframe|@import|\bfetch\(|XMLHttpRequest|(src|href)\s*=\s*[\"'](?!#)", text)
    assert "default-src 'none'" in text  # so that a browser would fetch nothing even if the page asked
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert "<b>disease" not in text
    assert "Beta&#39;s &lt;b&gt;disease&lt;/b&gt;" in text
    assert "Gamma &amp; sons" in text
    assert [path.name for path in page.parent.iterdir()] == ["страница.html"]


def test_query_html_replaces_an_older_page_and_shows_a_query_without_answers(
    kg: Run, small: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text("old", encoding="utf-8")
    assert kg("-w", small, "query", "X:D3", "--min-score", "7", "--html", page)[0] == 0
    assert "Gamma &amp; sons" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["fever", "cough", "--path", "symptom/disease/drug"], {"path": "symptom/disease/drug"}),
        (["fever", "cough", "--any", "-k", "2"], {"any_anchor": True, "hops": 2}),
        (["asthma", "--mistaken-for"], {"shared_symptoms": True}),
        (["asthma", "--min-score", "1"], {"min_score": 1.0}),
    ],
)
def test_query_graphml_reads_back_as_the_subgraph_of_the_proofs(
    kg: Run, workspace: Path, core: Graph, tmp_path: Path, words: list[str], options: dict[str, Any]
) -> None:
    path = tmp_path / "proofs.graphml"
    code, out, _ = kg("-w", workspace, "query", *words, "--json", "--graphml", path)
    names = [word for word in words if word in ("fever", "cough", "asthma")]
    answers = core.query(*names, **options)
    assert (code, json.loads(out)["answers"]) == (0, answers.records())
    found, expected = networkx.read_graphml(path, force_multigraph=True), answers.to_networkx()
    assert dict(found.nodes(data=True)) == dict(expected.nodes(data=True))
    assert {(head, tail, int(key)): data for head, tail, key, data in found.edges(keys=True, data=True)} == {
        (head, tail, key): data for head, tail, key, data in expected.edges(keys=True, data=True)
    }


# ---- kg summary, kg validate ----


def test_summary_counts_what_the_graph_holds(kg: Run, small: Path) -> None:
    code, out, err = kg("-w", small, "summary", "--json")
    summary = json.loads(out)
    assert (code, err) == (0, "")
    assert (summary["num_nodes"], summary["num_edges"]) == (7, 7)
    assert summary["nodes"] == {"disease": 3, "drug": 1, "symptom": 3}
    assert summary["edges"] == {"has_phenotype": 6, "treats": 1}
    assert summary["metaedges"] == [
        ["has_phenotype", "disease", "symptom", 6, 2.0],
        ["treats", "drug", "disease", 1, 1.0],
    ]
    assert sorted(summary["sources"]) == [["infores:one", "", "", 4], ["infores:two", "", "", 4]]  # both state one edge
    assert (summary["named_ru"], summary["isolated"]) == (4, 0)
    assert summary["bytes"] == sum(path.stat().st_size for path in (small / "graph").iterdir())
    code, out, err = kg("-w", small, "summary")
    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0].startswith(f"{small / 'graph'}: 7 nodes, 7 edges, ")
    assert {"6 disease has_phenotype symptom (2.0)", "3 symptom", "4 infores:two , no licence stated"} <= set(lines)
    assert lines[-1] == "named in Russian: 4 nodes; without any edge: 0"


def test_summary_of_both_sources_names_their_licences(kg: Run, with_hetionet: tuple[Path, str, str]) -> None:
    folder = with_hetionet[0]
    summary = json.loads(kg("-w", folder, "summary", "--json")[1])
    graph = Graph.open(folder / "graph")
    for source, release, licence, count in summary["sources"]:
        assert licence
        stated = [any((p.source, p.release) == (source, release) for p in several) for several in graph.provenances]
        assert count == sum(stated[number] for number in graph.edge_provenance.tolist())
    assert {"infores:hetionet", "infores:kg-core"} <= {source for source, *_ in summary["sources"]}
    touched = {end for edge in zip(graph.edge_head.tolist(), graph.edge_tail.tolist(), strict=True) for end in edge}
    assert summary["isolated"] == graph.num_nodes - len(touched) > 0


def test_validate_finds_no_error_in_the_default_mkg(kg: Run, workspace: Path) -> None:
    code, out, err = kg("-w", workspace, "validate")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"kinds of errors: 0, of warnings: \d+", out.splitlines()[-1])
    code, out, _ = kg("-w", workspace, "validate", "--json")
    assert code == 0
    assert all(finding["level"] == "warning" for finding in json.loads(out))


def test_validate_exits_with_1_on_a_drug_that_is_forbidden_where_it_treats(
    kg: Run, kgx: list[Path], tmp_path: Path
) -> None:
    with kgx[1].open("a", encoding="utf-8") as handle:
        handle.write("X:A1\tbiolink:contraindicated_in\tX:D1\t\tinfores:one\n")
    assert kg("-w", tmp_path / "w", "build", *kgx)[0] == 0
    code, out, err = kg("-w", tmp_path / "w", "validate")
    assert (code, err) == (1, "")
    first, example, *_ = out.splitlines()
    assert first == "error: 1 drugs that both treat a disease and are contra-indicated in it"
    assert example == '    X:A1 (Alphacin) in X:D1 ("Alpha" disease)'
    assert out.splitlines()[-1] == "kinds of errors: 1, of warnings: 2"
    code, out, _ = kg("-w", tmp_path / "w", "validate", "--json")
    assert (code, [finding["level"] for finding in json.loads(out)]) == (1, ["error", "warning", "warning"])


def test_validate_shows_five_examples_and_how_many_more_there_are(kg: Run, small: Path) -> None:
    lines = kg("-w", small, "validate")[1].splitlines()
    assert lines[0] == "warning: 6 has_phenotype edges without a frequency"
    assert lines[6] == "    ... and 1 more"


def test_validate_of_a_damaged_graph_is_no_traceback(kg: Run, small: Path) -> None:
    path = small / "graph" / "forward_tail.npy"
    content = bytearray(path.read_bytes())
    content[-2] ^= 0xFF
    path.write_bytes(content)
    code, out, err = kg("-w", small, "validate")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "error: 1 columns whose bytes are not those that were built",
        "    forward_tail.npy",
        "kinds of errors: 1, of warnings: 0",
    ]


@pytest.mark.parametrize("command", ["summary", "validate", "export target", "query fever"])
def test_a_missing_graph_is_one_line(kg: Run, tmp_path: Path, command: str) -> None:
    code, line = refusal(*kg("-w", tmp_path / "w", *command.split()))
    assert (code, line) == (1, f"no graph at {tmp_path / 'w' / 'graph'}; run 'kg build' first")


# ---- kg export ----


def edges(graph: Graph) -> list[tuple[str, str, str]]:
    views = map(graph.edge, range(graph.num_edges))
    return [(graph.id(view.head), view.relation, graph.id(view.tail)) for view in views]


def test_export_kgx_builds_the_same_graph_again(kg: Run, small: Path, tmp_path: Path) -> None:
    code, out, err = kg("-w", small, "export", tmp_path / "out")
    assert (code, out, err) == (0, "", f"{tmp_path / 'out'}: 7 nodes, 7 edges as kgx\n")
    assert kg("-w", tmp_path / "again", "build", tmp_path / "out")[0] == 0
    graph, again = Graph.open(small / "graph"), Graph.open(tmp_path / "again" / "graph")
    assert edges(again) == edges(graph)
    assert {file: digest for file, digest in again.manifest["columns"].items() if "provenance" not in file} == {
        file: digest for file, digest in graph.manifest["columns"].items() if "provenance" not in file
    }
    for edge in range(graph.num_edges):
        one, other = (g.provenances[g.edge_provenance[edge]] for g in (graph, again))
        assert set(one) == set(other)


def test_export_kgx_of_the_core_with_hetionet_builds_the_same_nodes_and_edges(
    kg: Run, with_hetionet: tuple[Path, str, str], tmp_path: Path
) -> None:
    assert kg("-w", with_hetionet[0], "export", tmp_path / "out")[0] == 0
    assert kg("-w", tmp_path / "again", "build", tmp_path / "out")[0] == 0
    graph, again = Graph.open(with_hetionet[0] / "graph"), Graph.open(tmp_path / "again" / "graph")
    same = [f"{column}.npy" for column in ("node_type", "forward_indptr", "forward_tail", "edge_band")]
    same += ["node_id.utf8", "synonyms_en.utf8", "name_ru.utf8"]
    assert [again.manifest["columns"][file] for file in same] == [graph.manifest["columns"][file] for file in same]


def test_export_triples_are_read_by_source_triples(kg: Run, small: Path, tmp_path: Path) -> None:
    assert kg("-w", small, "export", tmp_path / "t.tsv", "--format", "triples")[0] == 0
    assert kg("-w", tmp_path / "again", "build", "--source", "triples", tmp_path / "t.tsv")[0] == 0
    assert sorted(edges(Graph.open(tmp_path / "again" / "graph"))) == sorted(edges(Graph.open(small / "graph")))


@pytest.mark.parametrize("target_format", ["graphml", "json", "pyg"])
def test_export_is_read_by_the_tool_it_is_for(kg: Run, small: Path, tmp_path: Path, target_format: str) -> None:
    target = tmp_path / f"графъ.{target_format}"
    code, out, err = kg("-w", small, "export", target, "--format", target_format)
    assert (code, out, err) == (0, "", f"{target}: 7 nodes, 7 edges as {target_format}\n")
    if target_format == "pyg":
        import torch

        data = torch.load(target, weights_only=False)
        found = [
            (data[head].node_id[row], relation, data[tail].node_id[column])
            for head, relation, tail in data.edge_types
            for row, column in data[head, relation, tail].edge_index.T.tolist()
        ]
    elif target_format == "graphml":
        picture = networkx.read_graphml(target)
        found = [(head, relation, tail) for head, tail, relation in picture.edges(data="relation")]
        assert picture.nodes["X:D2"]["name"] == "Beta's <b>disease</b>"
    else:
        picture = networkx.node_link_graph(json.loads(target.read_text(encoding="utf-8")), edges="edges")
        found = [(head, relation, tail) for head, tail, relation in picture.edges(data="relation")]
        assert picture.nodes["X:D1"]["name_ru"] == "Болезнь «альфа»"
    assert sorted(found) == sorted(edges(Graph.open(small / "graph")))


@pytest.mark.parametrize("target_format", ["kgx", "triples", "graphml", "json", "pyg"])
def test_export_replaces_a_file_only_by_force(kg: Run, small: Path, tmp_path: Path, target_format: str) -> None:
    target = tmp_path / "target"
    arguments = ("-w", small, "export", target, "--format", target_format)
    assert kg(*arguments)[0] == 0
    written = {path.name: path.stat().st_ino for path in ([target] if target.is_file() else target.iterdir())}
    code, line = refusal(*kg(*arguments))
    assert (code, line) == (2, f"{target} is there already; take another name, or --force to replace it")
    assert {p.name: p.stat().st_ino for p in ([target] if target.is_file() else target.iterdir())} == written
    assert kg(*arguments, "--force")[0] == 0
    assert {
        p.name: p.stat().st_ino for p in ([target] if target.is_file() else target.iterdir())
    }.keys() == written.keys()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("target_format", ["kgx", "triples", "graphml", "json", "pyg"])
@pytest.mark.parametrize("target", [".", "", "../mine", "/"])
def test_export_never_replaces_a_folder_of_other_things(
    kg: Run, monkeypatch: pytest.MonkeyPatch, small: Path, tmp_path: Path, target: str, target_format: str
) -> None:
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "thesis.txt").write_text("years of work", encoding="utf-8")
    monkeypatch.chdir(folder)
    code, line = refusal(*kg("-w", small, "export", target, "--format", target_format, "--force"))
    assert code == 2
    assert line.endswith("is a folder of other things, which --force leaves alone; take another name")
    assert (folder / "deep" / "thesis.txt").read_text(encoding="utf-8") == "years of work"
    assert [path.name for path in folder.iterdir()] == ["deep"]


@pytest.mark.parametrize("target_format", ["kgx", "triples", "graphml", "json", "pyg"])
def test_export_to_where_nothing_can_be_written_is_one_line(kg: Run, small: Path, target_format: str) -> None:
    code, line = refusal(*kg("-w", small, "export", "/proc/nowhere/x", "--format", target_format))
    assert (code, line[:30]) == (1, "cannot write /proc/nowhere/x: ")


def test_export_in_an_unknown_format_is_refused(kg: Run, small: Path, tmp_path: Path) -> None:
    code, line = refusal(*kg("-w", small, "export", tmp_path / "x", "--format", "rdf"))
    assert (code, line) == (
        2,
        "Invalid value for '--format': 'rdf' is not one of 'kgx', 'triples', 'graphml', 'json', 'pyg'.",
    )
    assert not (tmp_path / "x").exists()


# ---- completion ----


@pytest.fixture
def complete(workspace: Path) -> Callable[..., list[str]]:
    """What a real bash offers for `kg WORDS...` when the last word is being typed."""
    if not KG or not shutil.which("bash"):
        pytest.skip("no bash, or no kg beside this Python; pip install -e .")

    def offered(*words: str, folder: Path = workspace) -> list[str]:
        script = (
            'eval "$(_KG_COMPLETE=bash_source kg)"; COMP_WORDS=(kg "$@"); COMP_CWORD=$#; '
            '_kg_completion kg; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        path = f"{Path(str(KG)).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script, "bash", *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": path, "KG_WORKSPACE": str(folder)},
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split()

    return offered


@pytest.mark.parametrize(
    ("typed", "among"),
    [
        ("pneum", "pneumonia_organism_unspecified"),
        ("Pneum", "pneumonia"),
        ("chest_p", "chest_pain"),
        ("пнев", "пневмония"),
        ("ICD10:J1", "ICD10:J18"),
        ("icd10:j1", "ICD10:J18"),
    ],
)
def test_completion_offers_names_and_ids_that_resolve(
    complete: Callable[..., list[str]], core: Graph, typed: str, among: str
) -> None:
    words = complete("query", typed)
    assert among in words
    assert len(words) == len(set(words)) <= 50
    for word in words:
        assert word.casefold().startswith(typed.casefold())
        assert core.resolve(word) >= 0


def test_completion_is_of_the_graph_of_the_workspace(complete: Callable[..., list[str]], small: Path) -> None:
    assert complete("query", "alph", folder=small) == ["alpha_disease", "alphacin"]
    assert complete("query", "альф", folder=small) == ["альфацин"]
    assert complete("-w", str(small), "query", "alph") == ["alpha_disease", "alphacin"]
    assert complete("query", "X:D1", "alphac", folder=small) == ["alphacin"]  # a second name
    assert complete("query", "no_such_name") == []


def test_completion_without_a_graph_or_with_a_damaged_one_is_silent(
    complete: Callable[..., list[str]], small: Path, tmp_path: Path
) -> None:
    assert complete("query", "pneum", folder=tmp_path / "nowhere") == []
    (small / "graph" / "manifest.json").write_text("{", encoding="utf-8")
    assert complete("query", "alph", folder=small) == []
    assert complete("sum", folder=tmp_path / "nowhere") == ["summary"]


def test_completion_answers_the_shell_as_click_asks(workspace: Path) -> None:
    if not KG:
        pytest.skip("no kg beside this Python; pip install -e .")
    asked = {"_KG_COMPLETE": "bash_complete", "COMP_WORDS": "kg query pneum", "COMP_CWORD": "2"}
    done = subprocess.run(
        [KG], capture_output=True, text=True, check=False, env={**os.environ, **asked, "KG_WORKSPACE": str(workspace)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == ["plain,pneumonia", "plain,pneumonia_organism_unspecified"]
