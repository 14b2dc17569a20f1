"""The layers, read from the source: `kgengine` imports none of the other packages, `embeddings` and `generation`
only `kgengine` of ours, nothing imports `cli`; torch and its kin are imported at the top of no module outside
the reasoner, pyarrow nowhere outside the sources. And seen from outside: `kg --help` and an exact query start
without any heavy library.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("kgengine", "embeddings", "generation", "cli")
MAY_IMPORT = {
    "kgengine": {"kgengine"},
    "embeddings": {"embeddings", "kgengine"},
    "generation": {"generation", "kgengine"},
    "cli": set(OURS),
}
HEAVY = (
    "torch",
    "torch_geometric",
    "pykeen",
    "llama_cpp",
    "pandas",
    "pyarrow",
    "networkx",
    "scipy",
    "sklearn",
    "pymorphy3",
)
EVER_IN_THE_ENGINE = {
    "reasoner": {"torch", "torch_geometric"},
    "sources": {"pyarrow"},
    "subgraph.py": {"networkx"},
    "pages.py": {"networkx"},
    "export.py": {"networkx", "torch", "torch_geometric"},
}
"""The parts of `kgengine` that load a heavy library (or the reasoner, which does), and which: no others, no more."""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(node: ast.AST, functions: bool = True, typing: bool = True) -> Iterator[str]:
    """All modules that the code below `node` imports, with or without those inside functions and those which only
    a type checker sees (`if TYPE_CHECKING:`)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "a relative import; the house imports by full name"
            yield child.module or ""
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.Call) and getattr(child.func, "attr", "") == "import_module":
            yield from (arg.value for arg in child.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and not functions:
            continue
        if is_type_checking(child) and not typing:
            continue
        yield from imported(child, functions, typing)


def imports_of(path: Path, functions: bool = True, typing: bool = True) -> set[str]:
    return set(imported(ast.parse(path.read_text(encoding="utf-8")), functions, typing))


def top(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("package", OURS)
def test_a_package_imports_only_the_layers_below_it(package: str) -> None:
    assert modules(package)
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports_of(path)
        if top(name) in OURS and top(name) not in MAY_IMPORT[package]
    }
    assert wrong == set()


def test_the_check_sees_imports_wherever_they_stand() -> None:
    code = "import a\ndef f():\n    from b.c import d\nif x:\n    import e\nimportlib.import_module('cli.main')\n"
    tree = ast.parse(code + "if TYPE_CHECKING:\n    import t\n")
    assert set(imported(tree)) == {"a", "b.c", "b.c.d", "e", "cli.main", "t"}
    assert set(imported(tree, typing=False)) == {"a", "b.c", "b.c.d", "e", "cli.main"}
    assert set(imported(tree, functions=False, typing=False)) == {"a", "e", "cli.main"}


def test_only_the_reasoner_imports_torch_and_only_sources_and_qa_pyarrow_at_the_top_of_a_module() -> None:
    found = {
        (*path.relative_to(ROOT).parts[:2], top(name))
        for package in OURS
        for path in modules(package)
        for name in imports_of(path, functions=False, typing=False)
        if top(name) in HEAVY
    }
    assert found == {
        ("generation", "qa", "pyarrow"),
        ("kgengine", "reasoner", "torch"),
        ("kgengine", "reasoner", "torch_geometric"),
        ("kgengine", "sources", "pyarrow"),
    }


def test_of_the_engine_only_these_parts_ever_load_a_heavy_library() -> None:
    found: dict[str, set[str]] = {}
    for path in modules("kgengine"):
        part = path.relative_to(ROOT / "kgengine").parts[0]
        for name in imports_of(path, typing=False):
            if top(name) in HEAVY:
                found.setdefault(part, set()).add(top(name))
            elif name.startswith("kgengine.reasoner") and part != "reasoner":
                found.setdefault(part, set()).add("reasoner")
    assert found == EVER_IN_THE_ENGINE


def test_only_the_engine_s_sources_and_finished_datasets_load_pyarrow() -> None:
    found = {
        path.relative_to(ROOT).parts[:2]
        for package in OURS
        for path in modules(package)
        if "pyarrow" in {top(name) for name in imports_of(path)}
    }
    assert found == {("kgengine", "sources"), ("generation", "publishing.py"), ("generation", "qa")}


def loaded_by(*arguments: str) -> tuple[str, set[str]]:
    """Run `kg` in a fresh interpreter; give its output and the top-level modules that it loaded."""
    code = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print('\\0' + json.dumps(sorted({m.partition('.')[0] for m in sys.modules}))))\n"
        "from cli.main import run\n"
        f"sys.argv = ['kg', *{list(arguments)!r}]\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    output, _, names = done.stdout.partition("\0")
    return output, set(json.loads(names))


def test_help_loads_no_heavy_library() -> None:
    output, names = loaded_by("--help")
    assert "Commands, in the order of use" in output
    assert "click" in names
    assert names & set(HEAVY) == set()


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("pneumonia",), "ICD10:J18"),
        (("fever", "cough", "--path", "symptom/disease/drug"), "ATC:"),
        (("pneumonia", "-k", "2", "--to", "drug", "--json"), "ATC:"),
    ],
)
def test_an_exact_query_loads_no_heavy_library(core_folder: Path, arguments: tuple[str, ...], answer: str) -> None:
    output, names = loaded_by("-w", str(core_folder.parent), "query", *arguments)
    assert answer in output
    assert "numpy" in names
    assert names & set(HEAVY) == set()


def test_doctor_leaves_every_heavy_library_to_its_child(core_folder: Path) -> None:
    output, names = loaded_by("-w", str(core_folder.parent), "doctor")
    assert "GPU offload: " in output
    assert names & set(HEAVY) == set()
