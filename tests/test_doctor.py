"""`kg doctor`: the real model decodes in the real child; children that really die by a signal, hang or fail;
damaged files, and artifacts of another graph.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embeddings.presets import preset
from embeddings.training import train_embedding
from generation import checkup, models
from generation.checkup import REASONER_WEIGHTS, check_up
from generation.machine import Check, pinned
from generation.models import default_model
from kgengine.edge_scores import EDGE_SCORES
from kgengine.graph import Graph
from kgengine.reasoner.store import WEIGHTS, train_reasoner
from kgengine.reasoner.training import TrainingConfig
from kgengine.vectors import VECTORS, open_embedding
from kgengine.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]
Make = Callable[..., Graph]

SYSTEM = 'print(\'{"system": "CPU : AVX2 = 1 | AMX_INT8 = 1 | NEON = 0 | ", "gpu": false}\', flush=True)'
LANGUAGES = 'print(\'noise\')\nprint(\'{"languages": ["en", "ru"]}\', flush=True)'
NAMES = ["software", "processor", "workspace", "disk", "open files", "graph", "embedding", "reasoner"]


def dying(signal_name: str) -> str:
    return f"import os, signal\nos.kill(os.getpid(), signal.{signal_name})"


def checks(workspace: Path, *script: str, **options: Any) -> dict[str, Check]:
    """Run all checks with a child that is a Python script, by name."""
    child = (sys.executable, "-c", "\n".join(script))
    return {one.name: one for one in check_up(Workspace(workspace), child=child, **options)}


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_good_machine_and_workspace_with_the_real_model(kg: Run, core_folder: Path) -> None:
    code, out, _ = kg("-w", core_folder.parent, "doctor")
    lines = {match[2]: match for match in re.finditer(r"^(ok|warning|failed) +([\w. ]+): (.+)$", out, re.MULTILINE)}
    assert code == 0
    assert list(lines) == [*NAMES, "model", "llama.cpp", "memory"]
    assert len(out.splitlines()) == 11
    graph = Graph.open(core_folder)
    assert lines["graph"][1] == "ok"
    expected = f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, hash {graph.hash[:12]}, every column as written"
    assert lines["graph"][3] == expected
    for name, command in (("embedding", "kg embed"), ("reasoner", "kg train")):
        assert (lines[name][1], lines[name][3]) == (
            "warning",
            f"none at {core_folder.parent / name}; run '{command}'",
        )
    size = default_model().stat().st_size / 1e6
    assert lines["model"][0] == (
        f"ok       model: {default_model()}, GGUF, {size:.0f} MB, has a chat template, writes en"
    )
    speed = re.match(r"(\d+) tokens/s on one thread; (.+); GPU offload: (yes|no)$", lines["llama.cpp"][3])
    assert lines["llama.cpp"][1] == "ok"
    assert int(speed[1]) > 0
    assert "AVX2" in speed[2].split(", ")
    need = re.search(r"the model needs (\d+\.\d) GB \(measured\)$", lines["memory"][3])
    assert size / 1e3 < float(need[1]) < 1


def test_json_of_an_empty_workspace_and_a_model_that_is_not_there(kg: Run, tmp_path: Path) -> None:
    workspace = tmp_path / "new" / "workspace"
    code, out, _ = kg("-w", workspace, "doctor", "--json", "--model", tmp_path / "nowhere.gguf")
    report = json.loads(out)
    found = {one["name"]: one for one in report["checks"]}
    assert (code, report["ok"]) == (1, False)
    assert list(found) == [*NAMES, "model", "llama.cpp", "memory"]
    assert [name for name, one in found.items() if one["status"] == "failed"] == ["model"]
    assert found["model"] == {
        "status": "failed",
        "name": "model",
        "found": f"no model file at {tmp_path / 'nowhere.gguf'}",
        "todo": "give --model PATH to a GGUF file",
    }
    for name, command in (("graph", "kg build"), ("embedding", "kg embed"), ("reasoner", "kg train")):
        assert found[name]["status"] == "warning"
        assert found[name]["todo"] == f"run '{command}'"
    assert found["workspace"]["found"] == f"{workspace} is not there yet and can be made"
    assert found["llama.cpp"]["status"] == "warning"
    assert found["llama.cpp"]["found"].startswith("loads, but had no model to decode with; ")
    assert "AVX2" in found["llama.cpp"]["found"]
    assert "the model needs" not in found["memory"]["found"]
    assert not workspace.parent.exists()


def test_a_truncated_model_is_found_by_llama_cpp(tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    with default_model().open("rb") as handle:
        path.write_bytes(handle.read(40_000_000))
    found = {one.name: one for one in check_up(Workspace(tmp_path), path)}
    assert found["model"].status == "failed"
    assert found["model"].found.startswith(f"llama.cpp can't load {path}")
    assert found["model"].todo.startswith("fetch it again")
    assert found["llama.cpp"].status == "warning"
    assert found["llama.cpp"].todo == "mend the model first"
    assert found["memory"].found.endswith("the model needs 0.5 GB (estimated)")


def test_a_model_without_a_chat_template_fails(tmp_path: Path) -> None:
    path, key = tmp_path / "base.gguf", b"tokenizer.chat_template"
    content = default_model().read_bytes()
    assert content.count(key) == 1
    path.write_bytes(content.replace(key, key[:-1] + b"f"))
    found = {one.name: one for one in check_up(Workspace(tmp_path), path)}
    path.unlink()
    assert (found["model"].status, found["model"].todo) == ("failed", "give an instruction-tuned model")
    assert str(path) in found["model"].found
    assert found["model"].found.endswith("has no chat template")


def test_a_model_that_cannot_be_read_fails(tmp_path: Path) -> None:
    found = checks(tmp_path, SYSTEM, model=Path("/proc/self/mem"))
    reason = "cannot read /proc/self/mem: Input/output error"
    assert found["model"] == Check("failed", "model", reason, "mend the file, or give another --model")


def test_a_default_model_that_is_not_installed_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "DEFAULT_PACKAGE", "no_such_package_here")
    found = checks(tmp_path, SYSTEM)["model"]
    assert (found.status, found.found) == ("failed", "the default model is not installed")
    assert found.todo == "run 'make setup', or give --model PATH to a GGUF file"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGILL", "SIGBUS"])
@pytest.mark.parametrize(
    ("said", "step"), [([], "starting"), ([SYSTEM], "loading the model"), ([SYSTEM, LANGUAGES], "decoding")]
)
def test_a_child_that_crashes_is_explained_with_the_cure(tmp_path: Path, name: str, said: list[str], step: str) -> None:
    found = checks(tmp_path, *said, dying(name))
    crash, cure = found["llama.cpp"], pinned()["llama-cpp-python"]
    assert crash.status == "failed"
    built = " (built with AVX2, AMX_INT8; GPU offload: no)" if said else ""
    assert crash.found.startswith(f"was killed by {name} while {step}{built}: most likely it was compiled with default")
    assert "AMX tiles" in crash.found
    assert crash.todo.endswith(f"--no-binary llama-cpp-python llama-cpp-python=={cure}")
    assert f'CMAKE_ARGS="-DGGML_NATIVE=OFF" {sys.executable} -m pip install --force-reinstall' in crash.todo
    if step == "decoding":
        assert found["model"].status == "ok"
        assert found["model"].found.endswith("has a chat template, writes en, ru")
    else:
        assert found["model"].status == "warning"
        assert "chat template unknown" in found["model"].found


@pytest.mark.parametrize(
    ("script", "found", "todo"),
    [
        (dying("SIGKILL"), "was killed by SIGKILL while loading the model", "take a smaller model, or end"),
        ("raise ValueError('odd')", "ended with code 1 (ValueError: odd) while loading", "try another model; if"),
        ("import os\nos.kill(os.getpid(), 40)", "was killed by signal 40 while loading", "try another model; if"),
        ("import time\ntime.sleep(60)", "did not end within 2 seconds while loading", "other programs may use"),
    ],
)
def test_other_bad_ends_of_the_child(tmp_path: Path, script: str, found: str, todo: str) -> None:
    check = checks(tmp_path, SYSTEM, script, time_limit=2)["llama.cpp"]
    assert check.status == "failed"
    assert check.found.startswith(found)
    assert check.todo.startswith(todo)


def test_a_library_that_does_not_load_is_to_be_compiled_again(tmp_path: Path) -> None:
    check = checks(tmp_path, "import no_such_llama_cpp")["llama.cpp"]
    reason = "ended with code 1 (ModuleNotFoundError: No module named 'no_such_llama_cpp') while starting"
    assert (check.status, check.found) == ("failed", reason)
    assert check.todo.startswith("compile it again: CMAKE_ARGS=")


def test_a_crash_gives_exit_code_1_and_one_line(kg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "CHILD", (sys.executable, "-c", dying("SIGSEGV")))
    code, out, err = kg("-w", tmp_path, "doctor")
    (line,) = (line for line in out.splitlines() if line.startswith("failed"))
    assert (code, err) == (1, "")
    assert line.startswith("failed   llama.cpp: was killed by SIGSEGV while starting: ")
    assert "; compile it for any machine with AVX2: CMAKE_ARGS=" in line


@pytest.mark.parametrize("column", ["forward_tail.npy", "node_age.npy", "name_en.utf8"])
def test_a_graph_with_one_wrong_bit_is_damaged(core_folder: Path, tmp_path: Path, column: str) -> None:
    shutil.copytree(core_folder, tmp_path / "graph")
    flip(tmp_path / "graph" / column)
    (tmp_path / "embedding").mkdir()
    found = checks(tmp_path)
    reason = f"the graph at {tmp_path / 'graph'} is damaged ({column} was changed)"
    assert found["graph"] == Check("failed", "graph", reason, "run 'kg build' again")
    lost = "there is no whole graph to compare it with"
    assert found["embedding"] == Check("warning", "embedding", lost, "run 'kg build' first")
    assert found["reasoner"].found == f"none at {tmp_path / 'reasoner'}"


@pytest.mark.parametrize("manifest", ["{", "[]", '{"format": 1}', '{"format": 2}', '{"format": 2, "num_nodes": []}'])
def test_a_graph_with_a_wrong_manifest_fails(core_folder: Path, tmp_path: Path, manifest: str) -> None:
    shutil.copytree(core_folder, tmp_path / "graph")
    (tmp_path / "graph" / "manifest.json").write_text(manifest, encoding="utf-8")
    found = checks(tmp_path)["graph"]
    assert (found.status, found.todo) == ("failed", "run 'kg build' again")
    assert str(tmp_path / "graph") in found.found


@pytest.fixture
def trained(make_graph: Make, tmp_path: Path) -> Path:
    """A workspace with a graph of rings, an embedding and a reasoner, made for real but briefly."""
    nodes = [
        (f"T:{kind}{i}", name, f"{kind}{i}") for kind, name in (("A", "drug"), ("B", "disease")) for i in range(20)
    ]
    edges = [(f"T:A{i}", "treats", f"T:B{(i + step) % 20}") for i in range(20) for step in (0, 3, 7)]
    workspace = Workspace(tmp_path / "workspace")
    workspace.folder.mkdir()
    make_graph(nodes, edges).folder.rename(workspace.graph)
    graph = Graph.open(workspace.graph)
    train_embedding(graph, workspace.embedding, preset("ComplEx", dim=4, epochs=2))
    config, silent = TrainingConfig(epochs=1, hidden=4), lambda done, total, words: None
    train_reasoner(graph, open_embedding(workspace.embedding, graph), workspace.reasoner, config, silent)
    return workspace.folder


def test_embedding_and_reasoner_whole_damaged_and_of_another_graph(trained: Path, make_graph: Make) -> None:
    def states() -> dict[str, str]:
        found = checks(trained)
        return {name: f"{found[name].status} {found[name].todo}" for name in ("graph", "embedding", "reasoner")}

    def with_(name: str, path: str, change: Callable[[Path], None]) -> str:
        """The state of a part while one file is changed."""
        kept = (trained / path).read_bytes()
        change(trained / path)
        state = states()[name]
        (trained / path).write_bytes(kept)
        return state

    def other_vectors(path: Path) -> None:
        path.write_text(path.read_text().replace('"vectors": "', '"vectors": "0'))

    whole = {"graph": "ok ", "embedding": "ok ", "reasoner": "ok "}
    assert states() == whole
    assert checks(trained)["embedding"].found == "ComplEx of this graph, every file as written"
    again = {"embedding": "failed run 'kg embed' again", "reasoner": "failed run 'kg train' again"}
    assert with_("embedding", f"embedding/{VECTORS}", flip) == again["embedding"]
    assert with_("embedding", "embedding/model.pt", Path.unlink) == again["embedding"]
    assert with_("embedding", "embedding/manifest.json", lambda path: path.write_text("{")) == again["embedding"]
    assert with_("reasoner", f"reasoner/{REASONER_WEIGHTS}", Path.unlink) == again["reasoner"]
    assert with_("reasoner", f"reasoner/{EDGE_SCORES}", lambda path: path.write_bytes(b"no")) == again["reasoner"]
    assert with_("reasoner", "reasoner/manifest.json", other_vectors) == again["reasoner"]
    assert states() == whole
    shutil.rmtree(trained / "graph")
    make_graph([("T:A", "drug", "a"), ("T:B", "disease", "b")], [("T:A", "treats", "T:B")]).folder.rename(
        trained / "graph"
    )
    assert states() == {"graph": "ok ", **again}
    assert "belongs to another graph" in checks(trained)["reasoner"].found


def test_the_reasoner_s_file_has_the_name_that_training_gives_it() -> None:
    assert REASONER_WEIGHTS == WEIGHTS


def test_what_the_child_prints_beside_its_objects_is_passed_over(tmp_path: Path) -> None:
    broken = 'import sys\nsys.stdout.buffer.write(b\'\\xff\\n[1]\\n{"speed": 7.4, "bytes": 2000000000}\\n{"speed": \')'
    found = checks(tmp_path, SYSTEM, LANGUAGES, broken)
    assert found["llama.cpp"] == Check("ok", "llama.cpp", "7 tokens/s on one thread; AVX2, AMX_INT8; GPU offload: no")
    assert found["memory"].found.endswith("the model needs 2.0 GB (measured)")


def test_a_child_that_cannot_be_started(tmp_path: Path) -> None:
    found = {one.name: one for one in check_up(Workspace(tmp_path), child=("/no/such/python",))}
    start = "could not be started (No such file or directory) while starting"
    assert found["llama.cpp"].found == start
