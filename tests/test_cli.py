"""The `kg` command as a user runs it, on a part of the default MKG, and one clear line with a non-zero exit code for
every kind of bad input. `kg generate` has tests of its own (test_generate.py, test_killed_runs.py)."""

import csv
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kgengine import Graph
from kgengine.sources.core import CORE_FOLDER

KG = [sys.executable, "-c", "from cli.main import run; run()"]
DISEASES = ("J00", "J02", "J03", "J06", "J10", "J18", "J20", "J30", "J45", "H66", "A09", "K29")

Run = Callable[..., tuple[int, str, str]]


def _rows(name: str) -> list[dict[str, str]]:
    with (CORE_FOLDER / name).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def small_kgx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """KGX files with a dozen diseases of the default MKG, their symptoms and drugs."""
    folder = tmp_path_factory.mktemp("kgx")
    wanted = {f"ICD10:{code}" for code in DISEASES}
    stated = [row for row in _rows("disease_edges.tsv") if row["predicate"] != "biolink:disjoint_with"]
    edges = [row for row in stated if {row["subject"], row["object"]} & wanted]
    keep = {row[end] for row in edges for end in ("subject", "object")}
    edges += [row for row in _rows("drug_edges.tsv") if {row["subject"], row["object"]} <= keep]
    nodes = [row for name in ("disease", "drug", "symptom") for row in _rows(f"{name}_nodes.tsv") if row["id"] in keep]
    _write(folder / "small_nodes.tsv", nodes)
    _write(folder / "small_edges.tsv", edges)
    return folder


@pytest.fixture(scope="session")
def trained(small_kgx: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which build, embed and train have run, for real but briefly."""
    workspace = tmp_path_factory.mktemp("workspace")
    for command in (["build", str(small_kgx)], ["embed", "--epochs", "3", "--dim", "8"], ["train", "--epochs", "1"]):
        done = subprocess.run([*KG, "-w", str(workspace), *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return workspace


def _one_line(err: str) -> str:
    """The error is one line without a traceback."""
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


def test_help_lists_every_command_and_each_help_has_an_example(kg: Run) -> None:
    code, out, _ = kg("--help")
    assert code == 0
    commands = re.findall(r"^  ([a-z]+)  ", out, re.MULTILINE)
    assert commands == [
        *("build", "summary", "validate", "export", "embed", "train"),
        *("query", "sample", "generate", "report", "utility", "qa", "doctor"),
    ]
    for command in commands:
        code, text, _ = kg(command, "--help")
        assert code == 0
        assert "Example" in text
        assert f"kg {command}" in text


def test_version_is_the_packages_own(kg: Run) -> None:
    assert kg("--version")[1].strip() == "kg, version 0.1.0"


def test_build_counts_what_it_kept_and_leaves_an_unchanged_graph_alone(
    kg: Run, small_kgx: Path, tmp_path: Path
) -> None:
    code, out, _ = kg("-w", tmp_path, "build", small_kgx)
    assert code == 0
    source, state, *counts = out.splitlines()
    assert source == "kgx: 135 nodes, 654 edges"
    assert state == f"graph built {tmp_path / 'graph'}: 135 nodes, 654 edges"
    assert {"12 disease", "181 has_phenotype"} < {line.strip() for line in counts}
    assert sum(int(line.split()[0]) for line in counts) == 135 + 654
    before = (tmp_path / "graph" / "manifest.json").stat().st_mtime_ns
    code, out, _ = kg("-w", tmp_path, "build", small_kgx)
    assert (code, out.splitlines()[0]) == (0, state.replace("graph built", "graph already there, unchanged:"))
    code, out, _ = kg("-w", tmp_path, "build", small_kgx, "--json")
    report = json.loads(out)
    assert (code, report["built"], report["num_nodes"], report["num_edges"]) == (0, False, 135, 654)
    assert (report["nodes"]["disease"], report["relations"]["has_phenotype"]) == (12, 181)
    assert (tmp_path / "graph" / "manifest.json").stat().st_mtime_ns == before


def test_embed_and_train_print_metrics_side_by_side_and_reuse_what_is_there(kg: Run, trained: Path) -> None:
    code, out, _ = kg("-w", trained, "embed", "--epochs", "3", "--dim", "8")
    assert code == 0
    assert "already there" in out
    assert "MRR" in out
    code, out, _ = kg("-w", trained, "train", "--epochs", "1", "--json")
    metrics = json.loads(out)
    assert code == 0
    assert 0 < metrics["ComplEx"]["mrr"] <= 1
    assert 0 < metrics["reasoner"]["mrr"] <= 1
    assert metrics["ComplEx"]["num_ranks"] == metrics["reasoner"]["num_ranks"]


def test_query_by_path_gives_ranked_answers_with_proofs(kg: Run, trained: Path) -> None:
    code, out, _ = kg("-w", trained, "query", "fever", "cough", "--path", "symptom/disease/drug", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["anchors"] == ["HP:0001945", "HP:0012735"]
    scores = [answer["score"] for answer in found["answers"]]
    assert scores == sorted(scores, reverse=True)
    for answer in found["answers"]:
        assert answer["type"] == "drug"
        assert [proof[0]["tail"] for proof in answer["proofs"]] == found["anchors"]
        assert all(
            proof[-1]["head"] == answer["id"] and proof[-1]["relation"] == "treats" for proof in answer["proofs"]
        )


def test_query_in_russian_finds_the_same_node(kg: Run, trained: Path) -> None:
    english, russian = kg("-w", trained, "query", "pneumonia")[1], kg("-w", trained, "query", "Воспаление легких")[1]
    assert english == russian
    assert "ICD10:J18" in english


def test_query_predict_marks_exact_and_predicted(kg: Run, trained: Path) -> None:
    code, out, _ = kg("-w", trained, "query", "J18", "--predict", "treats", "-n", "25", "--json")
    answers = json.loads(out)["answers"]
    assert code == 0
    assert {answer["state"] for answer in answers} == {"exact", "predicted"}
    graph = Graph.open(trained / "graph")
    known = {graph.id(graph.edge(int(e)).head): int(e) for e in graph.in_edges(graph.resolve("J18"), "treats")}
    certain, likely = answers[: len(known)], answers[len(known) :]
    assert {answer["id"]: [[edge["edge"] for edge in proof] for proof in answer["proofs"]] for answer in certain} == {
        drug: [[edge]] for drug, edge in known.items()
    }
    assert {(answer["state"], answer["score"], answer["paths"]) for answer in certain} == {("exact", 1.0, 1)}
    assert {answer["state"] for answer in likely} == {"predicted"}
    drugs = {graph.id(node) for node in graph.nodes_of_type("drug")}
    assert len({answer["id"] for answer in likely}) == 25
    assert {answer["id"] for answer in likely} <= drugs - set(known)
    probabilities = [answer["score"] for answer in likely]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 < probability < 1 for probability in probabilities)
    for answer in likely:
        (link,) = answer["assumed"]
        assert (link["head"], link["relation"], link["tail"]) == (answer["id"], "treats", "ICD10:J18")
        assert link["probability"] == pytest.approx(answer["score"], abs=1e-4)
    assert any(answer["proofs"] for answer in likely)
    for answer in likely:
        for proof in answer["proofs"]:
            ends = [{edge["head"], edge["tail"]} for edge in proof]
            assert 1 <= len(proof) <= 3
            assert "ICD10:J18" in ends[0]
            assert answer["id"] in ends[-1]
            assert all(one & other for one, other in pairwise(ends))


def test_query_predict_limits_the_predicted_answers_alone(kg: Run, trained: Path) -> None:
    def answers(limit: int) -> list[dict[str, Any]]:
        code, out, _ = kg("-w", trained, "query", "J18", "--predict", "treats", "-n", limit, "--json")
        assert code == 0
        found: list[dict[str, Any]] = json.loads(out)["answers"]
        return found

    few, many = answers(2), answers(500)
    known = sum(answer["state"] == "exact" for answer in many)
    assert few == many[: known + 2]
    assert known > 2


def test_query_predict_in_text_says_state_and_share(kg: Run, trained: Path) -> None:
    code, out, _ = kg("-w", trained, "query", "J18", "--predict", "treats", "-n", "1")
    heads = [line for line in out.splitlines() if re.match(r" *\d+\. ", line)]
    assert (code, out.splitlines()[0]) == (0, "from Pneumonia, organism unspecified (ICD10:J18), treats")
    assert all(line.endswith("exact, 1.000") for line in heads[:-1])
    assert re.search(r"  predicted, 0\.\d{3}$", heads[-1])


def test_query_predict_refuses_a_relation_that_was_never_measured(kg: Run, trained: Path) -> None:
    graph = Graph.open(trained / "graph")
    one = next(metaedge for metaedge in graph.metaedges if metaedge.relation == "interacts_with")
    drug = graph.id(graph.edge(one.start).head)
    code, out, err = kg("-w", trained, "query", drug, "--predict", "interacts_with")
    assert (code, out) == (1, "")
    assert "the reasoner predicts only contraindicated_in, has_phenotype, has_side_effect, treats" in err


def test_query_predict_follows_a_path(kg: Run, trained: Path) -> None:
    path = ("--path", "symptom/disease/drug", "--predict")
    code, out, _ = kg("-w", trained, "query", "fever", "cough", *path, "-n", "3", "--json")
    answers = json.loads(out)["answers"]
    assert code == 0
    assert [answer["state"] for answer in answers] == ["exact"] * 3 + ["predicted"] * 3
    assert all(answer["type"] == "drug" for answer in answers)
    for answer in answers[3:]:
        best_way = math.prod(link["probability"] for link in answer["assumed"])
        assert best_way - 2e-3 <= answer["score"] < 1
    text = kg("-w", trained, "query", "fever", "cough", *path, "-n", "1")[1]
    assert re.search(r"^       assuming .+ -\w+-> .+ \(0\.\d\d\)$", text, re.MULTILINE)


def test_sample_gives_facts_with_edges_and_scores(kg: Run, trained: Path) -> None:
    code, out, _ = kg("-w", trained, "sample", "-n", "5", "--codes", "J18,asthma", "--json")
    bundles = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(bundles) == 5
    graph = Graph.open(trained / "graph")
    for bundle in bundles:
        assert bundle["disease"]["id"] in ("ICD10:J18", "ICD10:J45")
        for fact in bundle["symptoms"]:
            view = graph.edge(*fact["edges"])
            assert (graph.id(view.head), view.relation, graph.id(view.tail)) == (
                bundle["disease"]["id"],
                "has_phenotype",
                fact["id"],
            )
            assert 0 <= fact["score"] <= 1


def test_qa_writes_alpaca_items(kg: Run, trained: Path, tmp_path: Path) -> None:
    code, _, _ = kg("-w", trained, "qa", "-n", "9", "--hops", "1,2", "--split-by", "none", "--out", tmp_path / "qa")
    assert code == 0
    items = [json.loads(line) for line in (tmp_path / "qa" / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [item["hops"] for item in items] == [1, 2, 1, 2, 1, 2, 1, 2, 1]
    assert all(item["instruction"] and item["output"] and item["input"] == "" for item in items)


def test_commands_before_their_inputs_name_the_next_step(kg: Run, small_kgx: Path, tmp_path: Path) -> None:
    code, _, err = kg("-w", tmp_path, "query", "fever")
    assert (code, "run 'kg build' first" in _one_line(err)) == (1, True)
    kg("-w", tmp_path, "build", small_kgx)
    code, _, err = kg("-w", tmp_path, "train")
    assert (code, "run 'kg embed' first" in _one_line(err)) == (1, True)
    code, _, err = kg("-w", tmp_path, "sample")
    assert (code, "run 'kg train' first" in _one_line(err)) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("query", "pnuemonia"),
            "unknown entity 'pnuemonia'; did you mean Pneumonia, organism unspecified (ICD10:J18)",
        ),
        (("query", "fever", "--to", "gene"), "unknown node type 'gene'; this graph has disease, drug, symptom"),
        (("query", "fever", "--relation", "cures"), "unknown relation 'cures'"),
        (("query", "fever", "--source", "wikipedia"), "unknown source 'wikipedia'; this graph has infores:"),
        (("query", "J18", "--predict", "cures"), "unknown relation 'cures'"),
        (
            ("query", "fever", "--predict", "treats"),
            "no treats edge begins or ends at a symptom; take another relation",
        ),
        (("query", "J18", "--path", "symptom/drug"), "unknown symptom 'J18'"),
        (("query", "J18.9"), "unknown entity 'J18.9'; did you mean Pneumonia, organism unspecified (ICD10:J18)?"),
        (("qa", "--lang", "xx"), "unknown language 'xx'"),
        (("qa", "--hops", "7"), "no question family with 7 hops"),
        (("sample", "--min-symptoms", "5", "--max-symptoms", "2"), "cannot draw 5 to 2 symptoms"),
        (("embed", "--model", "Nonsense"), "PyKEEN has no model 'Nonsense'"),
    ],
)
def test_bad_input_is_one_clear_line(
    kg: Run, trained: Path, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    out = ("--out", tmp_path / "qa") if arguments[0] == "qa" else ()
    code, _, err = kg("-w", trained, *arguments, *out)
    assert code == 1
    assert expected in _one_line(err)
    assert not list(tmp_path.iterdir())


def test_malformed_tsv_names_file_line_and_column(kg: Run, small_kgx: Path, tmp_path: Path) -> None:
    lines = (small_kgx / "small_nodes.tsv").read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace("biolink:Disease", "", 1)
    (tmp_path / "bad_nodes.tsv").write_text("\n".join(lines), encoding="utf-8")
    code, _, err = kg("-w", tmp_path / "w", "build", tmp_path / "bad_nodes.tsv", small_kgx / "small_edges.tsv")
    assert code == 1
    assert "bad_nodes.tsv, line 4, column 'category': is empty" in _one_line(err)
    assert not (tmp_path / "w" / "graph").exists()


def test_empty_graph_is_one_clear_line(kg: Run, tmp_path: Path) -> None:
    (tmp_path / "nodes.tsv").write_text("id\tcategory\tname\n", encoding="utf-8")
    (tmp_path / "edges.tsv").write_text("subject\tpredicate\tobject\n", encoding="utf-8")
    code, _, err = kg("-w", tmp_path / "w", "build", tmp_path)
    assert code == 1
    assert "the graph has no nodes" in _one_line(err)


def test_unwritable_output_is_one_clear_line(kg: Run, trained: Path) -> None:
    code, _, err = kg("-w", trained, "qa", "--hops", "1,2", "--out", "/proc/nowhere/qa")
    assert code == 1
    assert "cannot write /proc/nowhere/qa" in _one_line(err)


def test_existing_output_is_kept(kg: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "qa").write_text("mine\n", encoding="utf-8")
    code, _, err = kg("-w", trained, "qa", "--hops", "1,2", "--out", tmp_path / "qa")
    assert code == 1
    assert "is a file; --out takes a folder" in _one_line(err)
    assert (tmp_path / "qa").read_text(encoding="utf-8") == "mine\n"


def test_wrong_usage_exits_with_2(kg: Run) -> None:
    assert kg("query")[0] == 2
    assert kg("nonsense")[0] == 2
    assert kg("query", "fever", "--path", "symptom/disease", "--to", "drug")[0] == 2
    assert kg("query", "fever", "--path", "")[0] == 2


def test_a_full_disk_on_stdout_is_one_clear_line(trained: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*KG, "-w", str(trained), "query", "fever"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "the output is incomplete" in done.stderr
    assert "Traceback" not in done.stderr
