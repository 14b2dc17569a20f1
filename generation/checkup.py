"""Checks a machine, a model and a workspace before a long run (`kg doctor`), and changes none of them.

llama.cpp is tried in a child process, which runs this module: where its build uses instructions that the machine
refuses, the process dies by a signal that no `except` could catch. The parent loads neither llama.cpp nor torch.
"""

import json
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from generation.machine import (
    Check,
    disk,
    machine_load,
    memory,
    open_files,
    pinned,
    processor,
    software,
    writable,
)
from generation.models import check_gguf, default_model
from generation.runtimes.contract import Message, Request, Sampling, complete
from kgengine.artifacts import read_manifest_of, sha256_file
from kgengine.edge_scores import open_stored_scores
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph
from kgengine.vectors import open_embedding
from kgengine.workspace import Workspace

TIME_LIMIT = 300.0
"""Seconds that llama.cpp may take for loading the model and some 50 tokens on one thread."""
CONTEXT_BYTES = 500_000_000
"""Estimate of what a model needs beside its file: an 8B LLaMA keeps 270 MB of keys and values in 2,048 tokens."""
REASONER_WEIGHTS = "weights.pt"
"""As in kgengine.reasoner.store, which loads torch; a test holds them equal."""
CHILD = (sys.executable, "-P", "-m", "generation.checkup")
"""Starts :func:`_probe`, whose argument is the model's path, empty when there is no model to load."""

_TOKENS = 24
_CRASHES = ("SIGSEGV", "SIGILL", "SIGBUS")


def check_up(
    workspace: Workspace,
    model: Path | None = None,
    time_limit: float = TIME_LIMIT,
    child: Sequence[str] | None = None,
) -> Iterator[Check]:
    """Check the machine, the workspace's parts, the model and llama.cpp, one after another.

    :param workspace: the workspace; need not exist.
    :param model: a GGUF file; the default model when None.
    :param time_limit: seconds that llama.cpp may take.
    :param child: the command that tries llama.cpp, `CHILD` when None; the model's path is added.
    :returns: the checks, each as soon as it is made; what is wrong is in them and never raised.
    """
    yield software()
    yield processor(*machine_load())
    yield writable(workspace.folder)
    yield disk(workspace.folder, Path(tempfile.gettempdir()))
    yield open_files()
    yield from _parts(workspace)
    path, size, wanted = None, 0, model
    try:
        wanted = wanted or default_model()
        path = check_gguf(wanted)
        size = path.stat().st_size
    except KGError as error:
        yield Check.failure("model", error)
    except OSError as error:
        yield Check(
            "failed", "model", f"cannot read {wanted}: {error.strerror}", "mend the file, or give another --model"
        )
    said, ending = _run([*(child or CHILD), str(path.absolute()) if path else ""], time_limit)
    if path:
        yield _model(path, size, said)
    yield _llama(said, ending)
    need = said.get("bytes", size + CONTEXT_BYTES) if path else 0
    yield memory(Path("/proc/meminfo").read_text(encoding="utf-8"), need, "bytes" in said)


def _parts(workspace: Workspace) -> Iterator[Check]:
    """Check graph, embedding and reasoner; a part that was never made is a warning."""
    whole: list[Graph] = []

    def look_at_graph() -> str:
        graph = Graph.open(workspace.graph)
        _unchanged("graph", graph.folder, graph.manifest["columns"], "kg build")
        whole.append(graph)
        return f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, hash {graph.hash[:12]}, every column as written"

    yield _part("graph", "kg build", workspace.graph, look_at_graph)
    for name, command, folder, look in (
        ("embedding", "kg embed", workspace.embedding, _embedding),
        ("reasoner", "kg train", workspace.reasoner, _reasoner),
    ):
        if folder.exists() and not whole:
            yield Check("warning", name, "there is no whole graph to compare it with", "run 'kg build' first")
        else:
            yield _part(name, command, folder, partial(look, workspace, *whole))


def _part(name: str, command: str, folder: Path, look: Callable[[], str]) -> Check:
    if not folder.exists():
        return Check("warning", name, f"none at {folder}", f"run '{command}'")
    try:
        return Check("ok", name, look())
    except KGError as error:
        return Check.failure(name, error)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        found = f"the {name} at {folder} is damaged ({type(error).__name__}: {error})"
        return Check("failed", name, found, f"run '{command}' again")


def _embedding(workspace: Workspace, graph: Graph) -> str:
    embedding = open_embedding(workspace.embedding, graph)
    _unchanged("embedding", workspace.embedding, embedding.manifest["files"], "kg embed")
    return f"{embedding.manifest['config']['model']} of this graph, every file as written"


def _reasoner(workspace: Workspace, graph: Graph) -> str:
    folder = workspace.reasoner
    manifest = read_manifest_of(graph.hash, folder, "reasoner", "kg train")
    if manifest["vectors"] != read_manifest_of(graph.hash, workspace.embedding, "embedding", "kg embed")["vectors"]:
        raise ArtifactError(f"the reasoner at {folder} was trained with other vectors; run 'kg train' again")
    if not (folder / REASONER_WEIGHTS).is_file():
        raise ArtifactError(f"the reasoner at {folder} has no {REASONER_WEIGHTS}; run 'kg train' again")
    predicted = len(open_stored_scores(folder, graph).predicted)
    return f"of this graph and embedding, {predicted:,} predicted facts"


def _unchanged(what: str, folder: Path, hashes: dict[str, str], command: str) -> None:
    """Compare files with the hashes that their manifest states.

    :raises ArtifactError: one is missing or was changed.
    """
    for name, expected in hashes.items():
        if not (folder / name).is_file() or sha256_file(folder / name) != expected:
            raise ArtifactError(f"the {what} at {folder} is damaged ({name} was changed); run '{command}' again")


def _run(command: Sequence[str], seconds: float) -> tuple[dict[str, Any], str]:
    """Run the child.

    :returns: what it said, and how it ended badly: as words, empty when it ended well.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
        out, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as error:
        return _said(error.stdout or b""), f"did not end within {seconds:g} seconds"
    except OSError as error:
        return {}, f"could not be started ({error.strerror})"
    lines = done.stderr.decode(errors="replace").splitlines()
    last = next((f" ({line.strip()})" for line in reversed(lines) if line.strip()), "")
    if code < 0:
        names = {int(one): one.name for one in signal.Signals}
        return _said(out), f"was killed by {names.get(-code, f'signal {-code}')}{last}"
    return _said(out), f"ended with code {code}{last}" if code else ""


def _said(out: bytes) -> dict[str, Any]:
    """Put together the JSON objects among the lines of a child's output."""
    said: dict[str, Any] = {}
    for line in out.split(b"\n"):
        try:
            found = json.loads(line)
        except ValueError:
            continue  # llama.cpp may print lines of its own; a line that was cut off says nothing
        if isinstance(found, dict):
            said |= found
    return said


def _model(path: Path, size: int, said: dict[str, Any]) -> Check:
    if "error" in said:
        error = said["error"] if str(path) in said["error"] else f"{path}: {said['error']}"
        return Check.failure("model", KGError(error))
    found = f"{path}, GGUF, {size / 1e6:,.0f} MB"
    if "languages" in said:
        return Check("ok", "model", f"{found}, has a chat template, writes {', '.join(said['languages'])}")
    todo = "mend llama.cpp first, see the next line"
    return Check("warning", "model", f"{found}; languages and chat template unknown, it was not loaded", todo)


def _llama(said: dict[str, Any], ending: str) -> Check:
    """Say what the child found, or how it died and what helps."""
    features = ", ".join(re.findall(r"(\w+) = 1\b", said.get("system", ""))) or "no features named"
    about = f"{features}; GPU offload: {'yes' if said.get('gpu') else 'no'}"
    if ending:
        step = "decoding" if "languages" in said else "loading the model" if "system" in said else "starting"
        reason, todo = _cure(ending, step)
        built = f" (built with {about})" if "system" in said else ""
        return Check("failed", "llama.cpp", f"{ending} while {step}{built}{reason}", todo)
    if "speed" in said:
        return Check("ok", "llama.cpp", f"{said['speed']:.0f} tokens/s on one thread; {about}")
    return Check("warning", "llama.cpp", f"loads, but had no model to decode with; {about}", "mend the model first")


def _cure(ending: str, step: str) -> tuple[str, str]:
    """Give the likely reason of a bad ending, to be added to it, and the next step."""
    pin = pinned().get("llama-cpp-python")
    rebuild = (
        f'CMAKE_ARGS="-DGGML_NATIVE=OFF" {shlex.quote(sys.executable)} -m pip install --force-reinstall --no-deps '
        f"--no-cache-dir --no-binary llama-cpp-python llama-cpp-python{f'=={pin}' if pin else ''}"
    )
    if any(name in ending for name in _CRASHES):
        reason = (
            ": most likely it was compiled with default flags, and so uses AMX tiles or other instructions that"
            " this processor, kernel or hypervisor refuses"
        )
        return reason, f"compile it for any machine with AVX2: {rebuild}"
    if "SIGKILL" in ending:
        return ": most likely memory ran out", "take a smaller model, or end other programs"
    if "within" in ending:
        return "", "other programs may use the cores or the disk: try again later, with --time-limit or a smaller model"
    if step == "starting":
        return "", f"compile it again: {rebuild}"
    return "", f"try another model; if that ends likewise, compile llama.cpp again: {rebuild}"


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def _most_memory() -> int:
    """Give the most bytes of memory that this process had at once (not ru_maxrss, which counts its parent's)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return sum(int(size) * 1024 for size in re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE))


def _probe(model: str) -> None:
    """Load llama.cpp and a model, decode a few tokens on one thread, and print after each step what was found.

    Prints `system` (llama.cpp's own line) and `gpu`; `languages`; `speed` (tokens/s) and `bytes` (most memory used,
    with a cache for as many notes at once as the runtime's fast mode writes); or `error`, if the model is at fault.

    :param model: path of a GGUF file; empty to load the library only.
    """
    import llama_cpp

    from generation.runtimes.batched import WIDTH, LlamaRuntime

    _say(system=llama_cpp.llama_print_system_info().decode(), gpu=bool(llama_cpp.llama_supports_gpu_offload()))
    if not model:
        return
    try:
        runtime = LlamaRuntime(Path(model), width=WIDTH, threads=1)
    except KGError as error:
        _say(error=str(error))
        return
    _say(languages=runtime.languages)

    def written(most: int) -> tuple[int, float]:
        request = Request((Message("user", "Count from one to fifty."),), "", 0, Sampling(max_tokens=most))
        start = time.perf_counter()
        return complete(runtime, request).answer_tokens, time.perf_counter() - start

    written(1)  # evaluates what the next two share
    one, alone = written(1)
    several, together = written(_TOKENS)
    speed = (several - one) / (together - alone) if several > one and together > alone else several / together
    _say(speed=speed, bytes=_most_memory())


if __name__ == "__main__":
    _probe(sys.argv[1])
