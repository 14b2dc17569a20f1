"""Compares how many accepted notes an hour are written: ours, a plain loop over llama-cpp-python, and llama-server.

    python -m benchmarks.generation --notes 64 --server path/to/llama-server

Same GGUF, bundles, prompts, sampling, seeds and review, same threads, one after the other in one process. The loop
asks `Llama.create_chat_completion` for a whole note, again with another seed until one is accepted, four times at most.
llama-server (`-np 16`, built from the llama.cpp that llama-cpp-python carries) stands behind our own writer, so that it
mends sentences as ours does; only the engine differs. "engine alone" writes the same texts to the end, unreviewed.
The table is kept in docs/generation.md.
"""

import argparse
import contextlib
import json
import resource
import socket
import subprocess
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from generation.models import default_model
from generation.notes import NoteConfig, NoteWriter
from generation.runtimes.batched import LlamaRuntime
from generation.runtimes.contract import Completion, Request, Runtime
from kgengine.bundles import Bundle, BundleSampler
from kgengine.edge_scores import open_stored_scores
from kgengine.graph import Graph
from kgengine.seeding import item_seed
from kgengine.workspace import Workspace

WIDTH = 16


class Server:
    """llama-server as a runtime: the same prompt text, opening included, through its own completion call."""

    languages, width = ("en",), WIDTH
    description: dict[str, Any] = {"model": "llama-server"}  # noqa: RUF012

    def __init__(self, url: str, prompt: Callable[[Request], str]) -> None:
        self._url, self._prompt = url, prompt
        self._pool, self._work = ThreadPoolExecutor(WIDTH), dict[Future[Completion], int]()

    def submit(self, key: int, request: Request) -> None:
        """See the contract."""
        self._work[self._pool.submit(self._ask, request)] = key

    def collect(self) -> list[tuple[int, Completion]]:
        """See the contract."""
        done, _ = wait(self._work, return_when=FIRST_COMPLETED) if self._work else (set(), None)
        return [(self._work.pop(one), one.result()) for one in done]

    def _ask(self, request: Request) -> Completion:
        sampling = request.sampling
        body = {
            "prompt": self._prompt(request),
            "n_predict": sampling.max_tokens,
            "temperature": sampling.temperature,
            "min_p": sampling.min_p,
            "top_k": 0,
            "top_p": 1.0,
            "repeat_penalty": sampling.repeat_penalty,
            "seed": request.seed % 2**32,
            "cache_prompt": True,
        }
        data = json.dumps(body).encode()
        ask = urllib.request.Request(f"{self._url}/completion", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(ask) as reply:
            found = json.load(reply)
        text = (request.opening + found["content"]).strip()
        return Completion(text, found["stop_type"] == "eos", 0, found["tokens_predicted"])


class Loop:
    """`Llama.create_chat_completion`, one request after the other."""

    languages, width = ("en",), 1
    description: dict[str, Any] = {"model": "loop"}  # noqa: RUF012

    def __init__(self, path: Path, threads: int) -> None:
        self._llama = llama_cpp.Llama(str(path), n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)
        self._waiting: deque[tuple[int, Request]] = deque()

    def submit(self, key: int, request: Request) -> None:
        """See the contract."""
        self._waiting.append((key, request))

    def collect(self) -> list[tuple[int, Completion]]:
        """See the contract."""
        if not self._waiting:
            return []
        key, request = self._waiting.popleft()
        sampling = request.sampling
        answer: Any = self._llama.create_chat_completion(
            [{"role": one.role, "content": one.content} for one in request.messages],  # type: ignore[misc,arg-type]
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            min_p=sampling.min_p,
            top_p=1.0,
            top_k=0,
            repeat_penalty=sampling.repeat_penalty,
            seed=request.seed % 2**32,
        )
        choice = answer["choices"][0]
        tokens = answer["usage"]["completion_tokens"]
        return [(key, Completion(choice["message"]["content"].strip(), choice["finish_reason"] == "stop", 0, tokens))]


@contextlib.contextmanager
def serving(binary: Path, model: Path, threads: int) -> Iterator[str]:
    """Run llama-server and give its address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [binary, "-m", model, "-np", WIDTH, "-c", WIDTH * 1024, "-t", threads, "-tb", threads, "--port", port]
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health") as reply:
                    if reply.status == 200:
                        break
                time.sleep(0.1)
            yield url
        finally:
            run.terminate()


def notes_an_hour(label: str, writer: NoteWriter, bundles: Sequence[Bundle]) -> float:
    """Write a note per bundle, print a line, and give how many accepted ones an hour that makes."""
    begun = time.perf_counter()
    notes = list(writer.write(bundles))
    seconds = time.perf_counter() - begun
    accepted = sum(note.verdict.accepted for note in notes)
    texts = sum(note.texts for note in notes)
    rate = 3600 * accepted / seconds
    print(f"{label:26} {accepted:4} of {len(notes)} accepted  {texts:4} texts  {seconds:6.1f} s  {rate:7.0f} an hour")
    return rate


def texts_a_second(label: str, runtime: Runtime, requests: Sequence[Request]) -> float:
    """Write texts to their end without a review."""
    begun, tokens = time.perf_counter(), 0
    waiting, in_work = deque(enumerate(requests)), 0
    while waiting or in_work:
        while waiting and in_work < runtime.width:
            runtime.submit(*waiting.popleft())
            in_work += 1
        for _, completion in runtime.collect():
            tokens += completion.answer_tokens
            in_work -= 1
    seconds = time.perf_counter() - begun
    print(f"{label:26} {len(requests):4} texts  {seconds:6.1f} s  {tokens / seconds:5.0f} tokens/s")
    return len(requests) / seconds


def first_requests(graph: Graph, bundles: Sequence[Bundle], config: NoteConfig) -> list[Request]:
    """Give the first request of each bundle, which nothing stops before its end."""
    taken: list[Request] = []

    class Taking(Loop):
        def __init__(self) -> None:
            pass

        def submit(self, key: int, request: Request) -> None:
            taken.append(replace(request, enough=None))

        def collect(self) -> list[tuple[int, Completion]]:
            return [(len(taken) - 1, Completion("", False, 0, 0))]

    list(NoteWriter(graph, replace(config, tries=1), Taking()).write(bundles))
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for every way, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("kg-workspace"))
    parser.add_argument("--notes", type=int, default=64)
    parser.add_argument("--kind", default="anamnesis")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--server", type=Path)
    parser.add_argument("--long", type=int, default=0, help="then so many more notes of ours, with the memory used")
    given = parser.parse_args(arguments)
    graph = Graph.open(Workspace(given.workspace).graph)
    scores = open_stored_scores(Workspace(given.workspace).reasoner, graph)
    bundles = list(BundleSampler(graph, scores).draw(item_seed(0, "benchmark", 0), given.notes))
    config, model = NoteConfig(kind=given.kind), default_model()
    requests = first_requests(graph, bundles, config)
    ours = LlamaRuntime(model, width=WIDTH, threads=given.threads)
    fast = notes_an_hour("ours, fast", NoteWriter(graph, config, ours), bundles)
    alone = texts_a_second("ours, engine alone", ours, requests)
    if given.long:
        _long(graph, config, ours, scores, given.long)
    ours.close()
    strict = LlamaRuntime(model, width=1, threads=given.threads)
    slow = notes_an_hour("ours, strict", NoteWriter(graph, config, strict), bundles)
    strict.close()
    loop = Loop(model, given.threads)
    plain = notes_an_hour("loop", NoteWriter(graph, replace(config, repairs=0), loop), bundles)
    looped = texts_a_second("loop, engine alone", loop, requests)
    print(f"ours / loop: {fast / plain:.2f} (strict {slow / plain:.2f}); engine alone {alone / looped:.2f}")
    if given.server:
        form = LlamaRuntime(model, width=1, threads=1)
        with serving(given.server, model, given.threads) as url:
            server = Server(url, form.prompt_text)
            served = notes_an_hour("llama-server -np 16", NoteWriter(graph, config, server), bundles)
            server_alone = texts_a_second("llama-server, engine alone", server, requests)
        print(f"ours / llama-server: {fast / served:.2f}; engine alone {alone / server_alone:.2f}")


def _long(graph: Graph, config: NoteConfig, runtime: LlamaRuntime, scores: Any, count: int) -> None:
    """Write many notes and print the largest resident memory as they go."""
    writer = NoteWriter(graph, config, runtime)
    for number, _ in enumerate(writer.write(BundleSampler(graph, scores).draw(1, count)), 1):
        if number in np.linspace(count / 8, count, 8).astype(int):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"after {number} notes: {peak:.0f} MB at most", flush=True)


if __name__ == "__main__":
    main()
