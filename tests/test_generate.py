"""`kg generate` as a user runs it, most of it with the real model: options, and refusals in one clear line."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.models import default_model
from generation.records import MASKED
from generation.runs import LEAK, NOTES
from kgengine.artifacts import write_manifest
from kgengine.edge_scores import EDGE_SCORES, PredictedEdges
from kgengine.graph import Graph

KG = [sys.executable, "-c", "from cli.main import run; run()"]
ONE_THREAD = ("--threads", "1", "--width", "2")

Run = Callable[..., tuple[int, str, str]]


def scored_workspace(graph_folder: Path, folder: Path) -> Path:
    """Make a workspace with a graph, and middling scores where a trained reasoner's would lie."""
    (folder / "reasoner").mkdir(parents=True)
    os.symlink(graph_folder, folder / "graph")
    graph = Graph.open(graph_folder)
    np.save(folder / "reasoner" / EDGE_SCORES, np.full(graph.num_edges, 0.5, np.float32))
    PredictedEdges.empty().save(folder / "reasoner")
    write_manifest(folder / "reasoner", {"graph": graph.hash})
    return folder


@pytest.fixture(scope="module")
def scored(core_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the default MKG."""
    return scored_workspace(core_folder, tmp_path_factory.mktemp("scored") / "w")


@pytest.fixture
def generate(kg: Run, scored: Path) -> Run:
    """Run `kg generate` in the workspace."""
    return lambda *arguments: kg("-w", scored, "generate", *arguments)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / NOTES).read_text(encoding="utf-8").splitlines()]


def last_line(err: str) -> str:
    """Give the error; before it there is at most the line on the model."""
    *before, line = err.splitlines()
    assert len(before) <= 1, err
    assert not before or re.fullmatch(r".+\.gguf: \d+ texts at once, about .+ of memory", before[0])
    return line


def own_notes(path: Path, count: int) -> list[dict[str, str]]:
    """Write example notes of a user's."""
    found = [
        {
            "idx": f"own-{number}",
            "code": "J18",
            "anamnesis": f"Man of {40 + number}, coughing and hot for {number + 2} days, ward {chr(65 + number)}.",
        }
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in found), encoding="utf-8")
    return found


# -- what it writes ----------------------------------------------------------------------------------------------------


def test_the_real_model_writes_verified_lines_and_is_not_asked_twice(generate: Run, tmp_path: Path) -> None:
    arguments = (*ONE_THREAD, "-n", 3, "--tries", 2, "--out", tmp_path / "n", "--show", 3)
    code, out, _ = generate(*arguments)
    found = records(tmp_path / "n")
    assert code == 0
    assert sorted(record["idx"] for record in found) == ["note-000000", "note-000001", "note-000002"]
    for record in found:
        assert (record["generation_model"], len(record["model_sha256"])) == (default_model().name, 64)
        assert record["sampling"]["min_p"] == 0.1
        assert (record["verdict"] == "accepted") == (not record["problems"])
        assert record["response"] == record["anamnesis"]
        assert record["response"].startswith(("A ", "An "))
        assert all(source.startswith("exemplar: ") for source in record["example source"])
    accepted = [record for record in found if record["verdict"] == "accepted"]
    assert f"3 notes written in {tmp_path / 'n'}: {len(accepted)} accepted, {3 - len(accepted)} rejected\n" in out
    assert accepted
    assert all(f"[ICD10:{record['ICD-10']}] {record['response']}\n" in out for record in accepted)
    before = (tmp_path / "n" / NOTES).stat().st_mtime_ns
    code, again, _ = generate(*arguments)
    assert (code, again) == (0, out.replace("3 notes written", "3 notes already there"))
    code, again, _ = generate(*arguments, "--force")
    assert (code, again) == (0, out.replace("3 notes written", "3 notes already there"))
    assert (tmp_path / "n" / NOTES).stat().st_mtime_ns == before


def test_strict_mode_gives_the_same_bytes_again(generate: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert generate("--mode", "strict", "--threads", 1, "-n", 1, "--tries", 1, "--out", tmp_path / name)[0] == 0
    assert (tmp_path / "a" / NOTES).read_bytes() == (tmp_path / "b" / NOTES).read_bytes()


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("kind", ["complaints", "anamnesis", "visit"])
def test_every_kind_is_worded_from_templates_and_fills_its_columns(
    generate: Run, tmp_path: Path, lang: str, kind: str
) -> None:
    code, _, _ = generate("--kind", kind, "--lang", lang, "--template-only", "-n", 20, "--out", tmp_path / "n")
    assert code == 0
    found = records(tmp_path / "n")
    assert len(found) == 20
    for record in found:
        text, symptoms, anamnesis = record["response"], record["symptoms"], record["anamnesis"]
        assert (record["kind"], record["lang"], record["verdict"]) == (kind, lang, "accepted"), text
        assert (record["generation_model"], record["sampling"], record["example"]) == ("template", None, [])
        assert bool(re.search("[а-яё]", text)) == (lang == "ru")
        if kind == "visit":
            first, second, *_ = ("Complaints:", "History:") if lang == "en" else ("Жалобы:", "Анамнез:")
            assert text.startswith(f"{first} {symptoms}\n{second} {anamnesis}\n")
        else:
            assert (symptoms, anamnesis) == ((text, "") if kind == "complaints" else ("", text))


def test_preview_prints_prompts_and_notes_and_writes_nothing(generate: Run, tmp_path: Path) -> None:
    code, out, _ = generate("--preview", 2, *ONE_THREAD, "--tries", 1, "--codes", "J18", "--out", tmp_path / "n")
    assert code == 0
    turns = re.findall(r"^--- (system|user|assistant|note, (?:accepted|rejected: .+))$", out, re.MULTILINE)
    assert [turn.split(",")[0] for turn in turns] == [
        "system",
        *["user", "assistant"] * 3,
        "user",
        "note",
        "user",
        "note",
    ]
    code, out, err = generate("--preview", 1, "--template-only", "--out", tmp_path / "n")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"--- note, accepted\n\S.+\n\n", out)
    assert list(tmp_path.iterdir()) == []


def test_examples_of_the_users_are_shown_to_the_model_and_kept_out_of_the_dataset(
    generate: Run, tmp_path: Path
) -> None:
    """Of ten, one is held out, so leaks can be measured; what quotes them is in leak.json alone."""
    texts = {one["anamnesis"] for one in own_notes(tmp_path / "own.jsonl", 10)}
    arguments = ("--examples", tmp_path / "own.jsonl", "--codes", "J18", *ONE_THREAD, "-n", 1, "--tries", 1)
    code, out, _ = generate(*arguments, "--out", tmp_path / "n")
    assert code == 0
    found = records(tmp_path / "n")
    for record in found:
        assert record["example"] == [MASKED] * 3
        assert all(re.fullmatch(r"user: own-\d", source) for source in record["example source"])
    accepted = any(record["verdict"] == "accepted" for record in found)
    assert (tmp_path / "n" / LEAK).exists() == ("nearer to an example than to a held-out note" in out) == accepted
    assert generate(*arguments, "--show-examples", "--out", tmp_path / "shown")[0] == 0
    assert all(set(record["example"]) < texts for record in records(tmp_path / "shown"))


def test_a_run_is_of_one_reasoner_and_one_configuration(kg: Run, core_folder: Path, tmp_path: Path) -> None:
    """Other scores draw other bundles, so a run whose reasoner was trained again is another one."""
    workspace = scored_workspace(core_folder, tmp_path / "w")
    common = ("-w", workspace, "generate", "--template-only", "--out", tmp_path / "n")
    assert kg(*common, "-n", 3)[0] == 0
    code, _, err = kg(*common, "-n", 4, "--typos", "0.1")
    assert (code, f"{tmp_path / 'n'} holds notes made from something else (config, count); give" in last_line(err)) == (
        1,
        True,
    )
    scores = np.load(workspace / "reasoner" / EDGE_SCORES)
    np.save(workspace / "reasoner" / EDGE_SCORES, scores * np.float32(0.5))
    code, _, err = kg(*common, "-n", 3)
    assert (code, "holds notes made from something else (scores); give" in last_line(err)) == (1, True)
    assert kg(*common, "-n", 3, "--force")[0] == 0


# -- what it refuses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--lang", "de", "--template-only"), "unknown language 'de'; take one of en, ru"),
        (("--codes", "Q99", "--template-only"), "unknown disease 'Q99'"),
        (("--codes", "Q99", "--model", "missing.gguf"), "unknown disease 'Q99'"),  # before a model is loaded
        (("--model", "nowhere.gguf"), "no model file at nowhere.gguf"),
        (("--lang", "ru", *ONE_THREAD), "writes en, not ru; give --model a model that does (with --model-languages ru"),
        (("--model-languages", "en,fr"), "unknown language 'fr'; take one of en, ru"),
        (("--min-symptoms", "5", "--max-symptoms", "2", "--template-only"), "cannot draw 5 to 2 symptoms"),
        (("--resume", "always", "--template-only"), "there is no interrupted run of this in"),
        (("--examples", "nowhere.jsonl", "--template-only"), "can't read example notes from nowhere.jsonl"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_no_folder(
    generate: Run, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    code, out, err = generate(*arguments, "--out", tmp_path / "n")
    assert (code, out) == (1, "")
    assert expected in last_line(err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--template-only", "--model", "x.gguf"), "--template-only words notes without a model; drop --model"),
        (("--template-only", "--endpoint", "http://127.0.0.1:1"), "--template-only words notes without a model"),
        (("--endpoint", "http://127.0.0.1:1/v1"), "--endpoint needs --model, the server's name of a model"),
        (("--endpoint", "http://127.0.0.1:1", "--model", "m", "--lora", "x.gguf"), "--lora goes with a GGUF file"),
        (("--force", "--resume", "always"), "--force throws away what --resume always goes on with; give one of them"),
        (("--codes", " , ", "--template-only"), "--codes names no disease"),
        (("--kind", "letter"), "'letter' is not one of 'complaints', 'anamnesis', 'visit'"),
    ],
)
def test_wrong_usage_exits_with_2(generate: Run, tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    code, out, err = generate(*arguments, "--out", tmp_path / "n")
    assert (code, out) == (2, "")
    assert expected in err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_a_truncated_model_is_one_clear_line(generate: Run, tmp_path: Path) -> None:
    with default_model().open("rb") as handle:
        (tmp_path / "half.gguf").write_bytes(handle.read(40_000_000))
    code, _, err = generate("--model", tmp_path / "half.gguf", "--out", tmp_path / "n")
    assert (code, "corrupted or incomplete); fetch it again" in last_line(err)) == (1, True)
    assert not (tmp_path / "n").exists()


def test_a_damaged_line_of_examples_is_named(generate: Run, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    for damaged, expected in (
        ('{"idx": 1, "code": "J', 'is no example note; a line is {"idx": ..., "code": "J18", "symptoms": "..."}'),
        ('{"idx": 1, "symptoms": "cough"}', "is no example note"),
        ("7", "is no example note"),
        ('{"idx": 1, "code": "J18", "symptoms": " "}', "has no text in symptoms, anamnesis or text"),
    ):
        own_notes(path, 2)
        with path.open("a") as handle:
            handle.write(damaged + "\n")
        code, _, err = generate("--template-only", "--examples", path, "--out", tmp_path / "n")
        assert (code, f"{path}, line 3 {expected}" in last_line(err)) == (1, True), err
        assert not (tmp_path / "n").exists()


def test_broken_templates_are_named(generate: Run, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    arguments = ("--template-only", "--templates", tmp_path / "t", "--out", tmp_path / "n")
    template = tmp_path / "t" / "anamnesis.en.j2"
    code, _, err = generate(*arguments)
    assert (code, f"{tmp_path / 't'} has no template; name one anamnesis.en.j2" in last_line(err)) == (1, True)
    blocks = "".join(
        "{% block " + name + " %}" + name + "{% endblock %}" for name in ("system", "request", "opening", "more")
    )
    for content, expected in (
        ("{% block system %}", "template anamnesis.en.j2, line 1 is wrong: "),
        (blocks, "template anamnesis.en.j2 has no block wording; see"),
        (blocks + "{% block wording %}{{ blood_group }}{% endblock %}", "block wording: 'blood_group' is undefined"),
    ):
        template.write_text(content, encoding="utf-8")
        code, _, err = generate(*arguments)
        assert (code, expected in err.splitlines()[-1]) == (1, True), err
        assert "Traceback" not in err


# -- where it can't write ----------------------------------------------------------------------------------------------


def test_places_that_cannot_be_written_are_one_line(generate: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    code, _, err = generate("--template-only", "--out", tmp_path / "file")
    assert (code, f"'{tmp_path / 'file'}' is a file" in err.splitlines()[-1]) == (2, True)
    assert (tmp_path / "file").read_text() == "mine"
    for place in (Path("/proc/nowhere"), tmp_path / "file" / "below"):
        code, _, err = generate("--template-only", "--out", place)
        assert (code, f"cannot write {place}: " in last_line(err)) == (1, True)
