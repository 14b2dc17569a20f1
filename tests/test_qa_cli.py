"""`kg qa` as a user runs it on the default MKG: its options, what is made anew and what is not, and one clear line for
every wrong value."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli import KG, Run, _one_line, small_kgx  # noqa: F401 - a fixture

Item = dict[str, Any]
PARTS = ("train", "validation", "test")
NOTE = "no embedding; wrong options are drawn without one"
OWN = """
- name: drugs_against
  path: disease/contraindicated_in:drug
  en: ["What must nobody with {0} take?"]
"""


@pytest.fixture
def qa(kg: Run, core_folder: Path, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Run `kg qa` on the default MKG, without an embedding, into a folder of the test."""
    return lambda *options: kg("-w", core_folder.parent, "qa", "--out", tmp_path / "qa", *options)


def items_of(folder: Path) -> list[Item]:
    found = []
    for part in PARTS:
        path = folder / f"{part}.jsonl"
        found += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return sorted(found, key=lambda item: str(item["id"]))


def test_a_plain_run_writes_a_folder_and_says_what_is_in_it(qa: Run, tmp_path: Path) -> None:
    code, out, err = qa()
    assert code == 0
    assert NOTE in err.splitlines()[0]
    items = items_of(tmp_path / "qa")
    assert len(items) == 1000
    assert [item["hops"] for item in items[:600]] == [1, 2, 3] * 200
    assert {item["lang"] for item in items} == {"en"}
    assert all(item["instruction"] and item["output"] and item["input"] == "" for item in items)
    assert out.splitlines()[0] == f"1,000 questions written in {tmp_path / 'qa'} (en; alpaca format)"
    for part in PARTS:
        assert f"{part} {sum(item['split'] == part for item in items)}" in out
    assert {path.name for path in (tmp_path / "qa").iterdir()} == {
        *(f"{part}.{kind}" for part in PARTS for kind in ("jsonl", "parquet")),
        *("README.md", "manifest.json", "held_out.json", "dataset_info.json"),
    }


def test_languages_hops_and_families_are_those_asked_for(qa: Run, tmp_path: Path) -> None:
    only = "shared_symptoms,drugs_if_mistaken"
    code, out, _ = qa("-n", 40, "--lang", "en, ru,en", "--hops", "3,1", "--only", only)
    assert (code, "(en, ru; alpaca format)" in out) == (0, True)
    items = items_of(tmp_path / "qa")
    assert [item["hops"] for item in items] == [3, 1] * 20
    assert {item["family"] for item in items} == {"shared_symptoms", "drugs_if_mistaken"}
    assert {item["lang"] for item in items} == {"en", "ru"}


@pytest.mark.parametrize("shape", ["alpaca", "sharegpt", "openai"])
def test_a_chain_of_thought_ends_with_the_answer_in_every_format(qa: Run, tmp_path: Path, shape: str) -> None:
    code, _, _ = qa("-n", 30, "--cot", "--format", shape, "--only", "drugs_for_disease")
    assert code == 0
    for item in items_of(tmp_path / "qa"):
        reply = (
            item["output"]
            if shape == "alpaca"
            else list(item[{"sharegpt": "conversations", "openai": "messages"}[shape]][1].values())[1]
        )
        assert " can be treated with " in reply
        assert reply.endswith(f"Answer: {'; '.join(item['gold'])}.")


@pytest.mark.parametrize("kinds", ["jsonl", "parquet"])
def test_only_the_files_asked_for_are_written(qa: Run, tmp_path: Path, kinds: str) -> None:
    assert qa("-n", 60, "--files", kinds)[0] == 0
    kept = {path.suffix for path in (tmp_path / "qa").iterdir()} - {".md", ".json"}
    assert kept == {f".{kinds}"}


@pytest.mark.parametrize(("rule", "share"), [("disease", 0.1), ("edge", 0.02), ("none", 0.0)])
def test_the_split_and_its_shares_are_those_asked_for(qa: Run, tmp_path: Path, rule: str, share: float) -> None:
    assert qa("-n", 300, "--split-by", rule)[0] == 0
    split = json.loads((tmp_path / "qa" / "manifest.json").read_text(encoding="utf-8"))["config"]["config"]["split"]
    assert split == {"rule": rule, "validation": share, "test": share, "seed": 0}
    assert {item["split"] for item in items_of(tmp_path / "qa")} == ({"train"} if rule == "none" else set(PARTS))
    if rule == "none":
        code, _, err = qa("-n", 30, "--split-by", rule, "--test-share", 0.3, "--force")
        assert (code, "--split-by none holds nothing out" in err) == (2, True)
        return
    assert qa("-n", 30, "--split-by", rule, "--test-share", 0.3, "--force")[0] == 0
    split = json.loads((tmp_path / "qa" / "manifest.json").read_text(encoding="utf-8"))["config"]["config"]["split"]
    assert (split["validation"], split["test"]) == (0.3, 0.3)
    assert qa("-n", 30, "--split-by", rule, "--test-share", 0.3, "--validation-share", 0, "--force")[0] == 0
    held = json.loads((tmp_path / "qa" / "held_out.json").read_text(encoding="utf-8"))
    assert held["validation"] == []
    assert held["test"]


def test_a_finished_run_is_not_made_again_and_another_only_by_force(qa: Run, tmp_path: Path) -> None:
    assert qa("-n", 30)[0] == 0
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "qa").iterdir()}
    inode = (tmp_path / "qa").stat().st_ino
    for options in ((), ("--force",)):
        code, out, _ = qa("-n", 30, *options)
        assert (code, out.startswith("30 questions already there in ")) == (0, True)
    for changed in (("-n", 31), ("-n", 30, "--seed", 1), ("-n", 30, "--cot"), ("-n", 30, "--files", "jsonl")):
        code, _, err = qa(*changed)
        assert code == 1
        assert "holds a dataset made from something else; give another --out, or --force to replace it" in err
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "qa").iterdir()} == stamps
    assert (tmp_path / "qa").stat().st_ino == inode
    assert qa("-n", 31, "--force")[0] == 0
    assert len(items_of(tmp_path / "qa")) == 31
    assert list(tmp_path.iterdir()) == [tmp_path / "qa"]


def test_what_others_put_there_is_kept_even_by_force(qa: Run, tmp_path: Path) -> None:
    (tmp_path / "qa").write_text("mine\n", encoding="utf-8")
    code, _, err = qa("--force")
    assert (code, "is a file; --out takes a folder" in err) == (1, True)
    assert (tmp_path / "qa").read_text(encoding="utf-8") == "mine\n"
    (tmp_path / "qa").unlink()
    (tmp_path / "qa").mkdir()
    (tmp_path / "qa" / "mine").touch()
    code, _, err = qa("--force")
    assert (code, "holds something else than a QA dataset; give another --out" in err) == (1, True)
    assert [path.name for path in (tmp_path / "qa").iterdir()] == ["mine"]


def test_a_seed_fixes_the_files(qa: Run, kg: Run, core_folder: Path, tmp_path: Path) -> None:
    assert qa("-n", 90, "--seed", 5)[0] == 0
    for seed, same in ((5, True), (6, False)):
        out = tmp_path / f"again{seed}"
        assert kg("-w", core_folder.parent, "qa", "-n", 90, "--seed", seed, "--out", out)[0] == 0
        assert ((tmp_path / "qa" / "train.jsonl").read_bytes() == (out / "train.jsonl").read_bytes()) is same


def test_a_family_of_ones_own_is_asked(qa: Run, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    assert qa("-n", 20, "--families", tmp_path / "own.yaml", "--only", "drugs_against")[0] == 0
    items = items_of(tmp_path / "qa")
    assert len(items) == 20
    assert all(item["instruction"].startswith("What must nobody with ") for item in items)


def test_a_graph_that_holds_no_more_questions_is_told(qa: Run, tmp_path: Path) -> None:
    code, out, err = qa("-n", 50_000, "--only", "drugs_contraindicated_in_disease")
    found = len(items_of(tmp_path / "qa"))
    assert code == 0
    assert 100 < found < 50_000
    assert f"the graph holds no more than {found:,} questions of these families; all are there" in err
    assert out.startswith(f"{found:,} questions written")


@pytest.fixture(scope="module")
def embedded(small_kgx: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A workspace with a graph and an embedding."""
    workspace = tmp_path_factory.mktemp("embedded")
    for command in (["build", str(small_kgx)], ["embed", "--epochs", "1", "--dim", "4"]):
        subprocess.run([*KG, "-w", str(workspace), *command], capture_output=True, text=True, check=True)
    return workspace


def test_an_embedding_draws_other_options_and_needs_no_note(kg: Run, embedded: Path, tmp_path: Path) -> None:
    asked = ("-n", 60, "--only", "choose_symptom_of_disease,symptoms_of_disease")
    code, _, err = kg("-w", embedded, "qa", *asked, "--out", tmp_path / "near")
    assert (code, "embedding" in err) == (0, False)
    (embedded / "embedding").rename(embedded / "away")
    try:
        code, _, err = kg("-w", embedded, "qa", *asked, "--out", tmp_path / "any")
    finally:
        (embedded / "away").rename(embedded / "embedding")
    assert (code, NOTE in err) == (0, True)
    near, other = items_of(tmp_path / "near"), items_of(tmp_path / "any")
    assert [item["anchors"] for item in near] == [item["anchors"] for item in other]
    assert [item["options"] for item in near] != [item["options"] for item in other]
    again = kg("-w", embedded, "qa", *asked, "--out", tmp_path / "near")[1]
    assert "already there" in again
    code, _, err = kg("-w", embedded, "qa", *asked, "--out", tmp_path / "any")
    assert (code, "made from something else" in err) == (1, True)


def test_an_embedding_of_another_graph_is_refused(kg: Run, core_folder: Path, embedded: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "graph").symlink_to(core_folder)
    (tmp_path / "w" / "embedding").symlink_to(embedded / "embedding")
    code, _, err = kg("-w", tmp_path / "w", "qa", "--out", tmp_path / "qa")
    assert (code, "belongs to another graph" in _one_line(err)) == (1, True)
    assert not (tmp_path / "qa").exists()


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (("-n", "0"), 2, "-n"),
        (("-n", "many"), 2, "-n"),
        (("--hops", "one"), 2, "'one' is not a list of hop counts such as 1,2,3"),
        (("--hops", "1;2"), 2, "is not a list of hop counts"),
        (("--hops", "-1"), 2, "is not a list of hop counts"),
        (("--hops", "²"), 2, "is not a list of hop counts"),
        (("--hops", "7"), 1, "there is no question family with 7 hops for this graph; it has families of: 1, 2, 3"),
        (("--lang", "xx"), 1, "unknown language 'xx'; take one of en, ru"),
        (("--lang", ""), 1, "take one of en, ru"),
        (("--only", "symptom_of_disease"), 1, "unknown question family 'symptom_of_disease'; did you mean symptoms_of"),
        (("--format", "alpacca"), 1, "unknown format 'alpacca'; take one of alpaca, sharegpt, openai"),
        (("--files", "csv"), 2, "'csv' is not a list of jsonl and parquet"),
        (("--files", ","), 2, "is not a list of jsonl and parquet"),
        (("--split-by", "node"), 1, "unknown split 'node'; take one of disease, edge, none"),
        (("--test-share", "0.6"), 1, "shares 0.6 and 0.6 leave nothing to train on"),
        (("--test-share", "-1"), 1, "shares -1.0 and -1.0"),
        (("--test-share", "nan"), 1, "shares nan and nan"),
        (("--max-answers", "0"), 2, "--max-answers"),
        (("--proofs", "-1"), 2, "--proofs"),
        (("--families", "/nowhere/own.yaml"), 1, "can't read question families from /nowhere/own.yaml"),
        (("--out", "/proc/nowhere/qa"), 1, "cannot write /proc/nowhere/qa: "),
        (("--nonsense",), 2, "--nonsense"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_a_wrong_value_is_one_clear_line(
    qa: Run, tmp_path: Path, options: tuple[str, ...], code: int, expected: str
) -> None:
    found, out, err = qa(*options)
    lines = [line for line in err.splitlines() if line.strip() and NOTE not in line]
    assert (found, out) == (code, "")
    assert expected in lines[-1]
    assert len(lines) == 1 or (code == 2 and lines[0].startswith("Usage:"))
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_no_graph_names_the_next_step(kg: Run, tmp_path: Path) -> None:
    code, _, err = kg("-w", tmp_path / "w", "qa", "--out", tmp_path / "qa")
    assert (code, "run 'kg build' first" in _one_line(err)) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_nothing(core_folder: Path, tmp_path: Path) -> None:
    """Ctrl-C while questions are made: exit code 130, one line, no folder."""
    code = (
        "import os, signal, generation.qa.dataset as d\n"
        "shaped = d.shaped\n"
        "def stop(items, name):\n    os.kill(os.getpid(), signal.SIGINT)\n    return shaped(items, name)\n"
        "d.shaped = stop\n"
        "from cli.main import run; run()"
    )
    call = [sys.executable, "-c", code, "-w", str(core_folder.parent), "qa", "-n", "90", "--out", str(tmp_path / "qa")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "kg: interrupted"
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_options_of_building_before_another_command_are_refused(kg: Run, tmp_path: Path) -> None:
    code, _, err = kg("qa", "-n", "3", "check", tmp_path)
    assert code == 2
    assert "options of 'kg qa' build a dataset; put those of 'check' after it" in err
