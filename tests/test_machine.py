"""The machine's checks, on this machine with limits set around what it has, and on texts of other machines."""

import resource
import shutil
from pathlib import Path

import pytest

from generation.machine import Check, disk, memory, open_files, pinned, processor, software, writable
from kgengine.errors import KGError


def test_a_folder_that_cannot_be_made_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    found = writable(tmp_path / "file" / "workspace")
    assert (found.status, found.found) == ("failed", f"cannot write into {tmp_path / 'file'}: Not a directory")
    assert writable(Path("/proc/kg-workspace")).status == "failed"
    assert writable(tmp_path) == Check("ok", "workspace", f"{tmp_path} can be written")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_little_free_space_is_a_warning(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert disk(tmp_path / "not" / "yet", tmp_path, least=free / 2).status == "ok"
    found = disk(tmp_path / "not" / "yet", tmp_path, least=4 * free)
    assert found.status == "warning"
    assert f"GB free for {tmp_path / 'not' / 'yet'}" in found.found
    assert found.todo.startswith(f"make room for at least {4 * free / 1e9:g} GB")


def test_few_open_files_are_a_warning() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        found = open_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == Check("warning", "open files", "at most 200", "run 'ulimit -n 256' in this shell first")
    assert open_files(least=10).status == "ok"


FLAGS = "processor\t: 0\nmodel name\t: any\nflags\t\t: fpu avx avx2 fma amx_tile amx_int8\nprocessor\t: 1\n"


@pytest.mark.parametrize(
    ("cores", "usable", "load", "threads"),
    [(8, 8, 0.0, 8), (8, 8, 0.4, 8), (8, 8, 0.6, 7), (8, 8, 2.6, 5), (8, 3, 0.0, 3), (2, 2, 9.0, 1), (1, 1, 1.0, 1)],
)
def test_busy_or_forbidden_cores_lower_the_threads(cores: int, usable: int, load: float, threads: int) -> None:
    found = processor(FLAGS, cores, usable, load)
    stated = f"{usable} of {cores} cores usable, {load} busy in the last minute, avx2, fma, amx_tile, amx_int8"
    assert found.found == stated
    if threads == cores:
        assert found == Check("ok", "processor", stated)
    else:
        todo = f"unless that changes, give 'kg generate' --threads {threads}"
        assert found == Check("warning", "processor", stated, todo)


@pytest.mark.parametrize("text", ["", FLAGS.replace("avx2 ", ""), "Features\t: fp asimd\n"])
def test_a_processor_without_avx2_is_a_warning(text: str) -> None:
    found = processor(text, 4, 4, 0.0)
    assert (found.status, found.todo) == (
        "warning",
        "kg is made for x86-64 with AVX2; see if llama.cpp works below",
    )


@pytest.mark.parametrize(
    ("need", "status"), [(0, "ok"), (3.9e9, "ok"), (4.2e9, "warning"), (8.1e9, "warning"), (8.3e9, "failed")]
)
def test_memory_is_compared_with_what_the_model_needs(need: float, status: str) -> None:
    text = "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    4000000 kB\nHugePages_Total: 0\n"
    found = memory(text, need, known=False)
    assert found.status == status
    stated = "4.1 of 8.2 GB available"
    assert found.found == (f"{stated}, the model needs {need / 1e9:.1f} GB (estimated)" if need else stated)
    assert bool(found.todo) == (status != "ok")


def test_libraries_are_compared_with_the_pinned_versions() -> None:
    found = software()
    assert found.status == "ok"
    assert f"llama-cpp-python {pinned()['llama-cpp-python']}" in found.found
    found = software(("torch", "no-such-package"))
    assert found.status == "failed"
    assert found.found.endswith("no-such-package missing")
    found = software(("pip",))
    assert (found.status, found.todo) == ("warning", "kg was made for pip: run 'make setup'")


def test_an_error_without_a_next_step_keeps_its_words() -> None:
    assert Check.failure("model", KGError("all is lost")) == Check("failed", "model", "all is lost")
