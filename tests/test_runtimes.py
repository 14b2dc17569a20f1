"""Every runtime keeps one contract; llama.cpp's, with the real default model, is true to what its two modes promise.

Strict (width 1): a text depends on its request alone. Fast (width above 1): no request is lost, whatever the cache,
an error or an interrupt does. What is evaluated is counted at the one call through which all tokens go.
"""

import ctypes
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from generation.models import default_model
from generation.runtimes.batched import LlamaRuntime, _Sequence
from generation.runtimes.contract import Completion, Message, Request, Runtime, Sampling, complete
from generation.runtimes.llama_cpp import LlamaCpp
from generation.runtimes.scripted import ScriptedRuntime
from kgengine.errors import KGError

HOT = Sampling(temperature=1.5, min_p=0.02, max_tokens=6)
SHORT = "You write one short sentence."
SYMPTOMS = ("cough", "fever", "rash", "headache", "nausea", "itch", "chest pain", "fatigue")


def ask(
    user: str = "cough; fever", system: str = SHORT, opening: str = "The patient", seed: int = 5, **more: Any
) -> Request:
    """Make a request; `more` are fields of the sampling, which is hot unless said."""
    return Request(
        (Message("system", system), Message("user", f"Symptoms: {user}")), opening, seed, replace(HOT, **more)
    )


def drain(runtime: Runtime, requests: Mapping[int, Request]) -> dict[int, Completion]:
    """Submit requests and collect until nothing is left; every key must come back once."""
    for key, request in requests.items():
        runtime.submit(key, request)
    return collected(runtime, set(requests))


def collected(runtime: Runtime, keys: set[int]) -> dict[int, Completion]:
    """Collect until nothing is left; just these keys must come back, each once."""
    done: list[tuple[int, Completion]] = []
    collect_into(done, runtime)
    assert sorted(key for key, _ in done) == sorted(keys)
    return dict(done)


def collect_into(done: list[tuple[int, Completion]], runtime: Runtime) -> None:
    """Collect until nothing is left, or an error ends it; `done` has what came before."""
    while some := runtime.collect():
        done += some


def opened(width: int = 1, **more: Any) -> LlamaRuntime:
    """Open the default model on one thread, with a small context."""
    return LlamaRuntime(default_model(), width=width, threads=1, **{"context": 512, **more})


def _calm() -> Request:
    return ask(opening="A man of 50 has a cough.", temperature=0.2, max_tokens=60, system="You write long stories.")


def _interrupt_at(number: int) -> Callable[[str], bool]:
    """Make an `enough` that interrupts when it is asked for the given time, and then ends the text."""
    asked = count(1)

    def enough(_: str) -> bool:
        if next(asked) == number:
            raise KeyboardInterrupt
        return True

    return enough


@pytest.fixture(scope="module")
def strict() -> Iterator[LlamaRuntime]:
    """The default model, one text at a time."""
    runtime = opened()
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def fast() -> Iterator[LlamaRuntime]:
    """The default model, four texts at once."""
    runtime = opened(width=4)
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def crowded() -> Iterator[LlamaRuntime]:
    """The default model, four texts at once in a cache of llama.cpp's smallest size: no four of them fit."""
    runtime = opened(width=4, cells=256)
    yield runtime
    runtime.close()


@pytest.fixture(params=["scripted-1", "scripted-4", "llama.cpp-1", "llama.cpp-4"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """Each runtime behind the contract, one request at a time and four at once."""
    kind, width = request.param.split("-")
    if kind == "scripted":
        return ScriptedRuntime(["The patient " + "coughs and " * 30 + "sleeps."], width=int(width))
    found: Runtime = request.getfixturevalue("strict" if width == "1" else "fast")
    return found


class Watch:
    """What was given to llama.cpp to evaluate, batch by batch, and whether it had room."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[int], bool]] = []  # size, sequence of each token, whether it fitted

    @property
    def refused(self) -> int:
        """Batches for which there was no room."""
        return sum(not fits for _, _, fits in self.batches)

    def tokens(self, sequences: range) -> int:
        """Tokens that were evaluated for these sequences."""
        return sum(one in sequences for _, numbers, fits in self.batches if fits for one in numbers)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Watch every decode of this test."""
    seen, real = Watch(), LlamaCpp.decode

    def watched(self: LlamaCpp, batch: Any) -> bool:
        assert 0 < len(batch) <= self._api.llama_n_batch(self._context), "llama.cpp ends the process for such a batch"
        fits = real(self, batch)
        seen.batches.append((len(batch), [row[2] for row in batch], fits))
        assert len(seen.batches) < 2000, "no progress is made"
        return fits

    monkeypatch.setattr(LlamaCpp, "decode", watched)
    return seen


# -- the contract ------------------------------------------------------------------------------------------------------


def test_every_key_comes_back_once_and_then_nothing(runtime: Runtime) -> None:
    assert runtime.collect() == []
    requests = {key: ask(symptom, seed=key) for key, symptom in zip((9, 2, 7, 1, 30, 4), SYMPTOMS, strict=False)}
    for text in drain(runtime, requests).values():
        assert text.text.startswith("The patient")
        assert 0 < text.answer_tokens <= HOT.max_tokens
    assert runtime.collect() == []


def test_requests_may_be_added_while_others_are_in_work(runtime: Runtime) -> None:
    keys, done = count(), []
    for _ in range(runtime.width):
        runtime.submit(next(keys), ask(seed=1))
    while some := runtime.collect():
        done += [key for key, _ in some]
        if (key := next(keys)) < 6:
            runtime.submit(key, ask(seed=key, max_tokens=2 + key % 3))
    assert sorted(done) == list(range(6))


def test_a_text_that_the_token_limit_stops_is_unfinished(runtime: Runtime) -> None:
    cut = complete(runtime, ask(max_tokens=3))
    assert (cut.answer_tokens, cut.finished) == (3, False)
    assert len(cut.text.split()) <= 2 + 3


def test_a_runtime_says_what_it_is_and_which_languages_it_writes(runtime: Runtime) -> None:
    description = runtime.description
    assert {"model", "sha256", "languages"} <= set(description)
    assert description["languages"] == list(runtime.languages)
    assert json.loads(json.dumps(description)) == description


def test_the_real_model_is_known_to_write_english_alone(strict: LlamaRuntime, fast: LlamaRuntime) -> None:
    assert strict.languages == ("en",)
    assert strict.description["model"] == default_model().name
    assert len(strict.description["sha256"]) == 64
    assert strict.description["lora_sha256"] is None
    assert (strict.description["mode"], fast.description["mode"]) == ("strict", "fast")


@pytest.mark.parametrize("name", ["strict", "fast"])
def test_enough_ends_a_text_where_a_sentence_ends(name: str, request: pytest.FixtureRequest) -> None:
    runtime: LlamaRuntime = request.getfixturevalue(name)
    heard: list[str] = []

    def enough(text: str) -> bool:
        heard.append(text)
        return len(heard) == 2

    text = complete(runtime, replace(_calm(), enough=enough))
    assert text.finished
    assert text.text == heard[1]
    assert heard[1].startswith(heard[0])
    for said in heard:
        assert said.startswith("A man of 50 has a cough. ")
        assert said.rstrip("\"')»")[-1] in ".!?\n"


def test_a_closed_runtime_refuses_requests_and_may_be_closed_again() -> None:
    runtime = opened(width=2)
    runtime.submit(0, ask())
    runtime.submit(1, ask(max_tokens=2))
    runtime.submit(2, ask())
    assert [key for key, _ in runtime.collect()] == [1]
    runtime.close()
    assert runtime.collect() == []
    with pytest.raises(KGError, match=r"^the model is closed; open it again$"):
        runtime.submit(3, ask())
    runtime.close()


# -- strict ------------------------------------------------------------------------------------------------------------

LONG = "Answer like a careful doctor who has seen many patients. " * 6
TARGETS = (
    ask("cough; rash", seed=1),
    ask("itch", system="You are a nurse.", seed=2),
    ask("fever", system=LONG, seed=3),
    ask("cough; rash", opening="The patient is 50 years old. He coughs, has a rash and", seed=4),
    ask("cough; rash", opening="", seed=2**32 - 1),
)
DISTURBING = (
    ask("cough; rash", seed=6, max_tokens=3),
    ask("cough; rash; " + "itch; " * 25, seed=7, max_tokens=2),
    ask("fever", system="Name three colours.", max_tokens=1),
    replace(ask(max_tokens=2), messages=(Message("user", "Hello."),)),
    replace(
        ask(max_tokens=2), messages=(*ask().messages, Message("assistant", "He coughs."), Message("user", "Go on"))
    ),
)


@pytest.fixture(scope="module")
def alone() -> list[Completion]:
    """What a fresh runtime writes for each target as its first text."""
    found = []
    for target in TARGETS:
        runtime = opened()
        found.append(complete(runtime, target))
        runtime.close()
    return found


def test_a_strict_text_depends_on_its_request_alone(strict: LlamaRuntime, alone: list[Completion]) -> None:
    rng = random.Random(3)
    for number in range(6):
        for _ in range(rng.randrange(3)):
            complete(strict, rng.choice(DISTURBING))
        place = number % len(TARGETS) if number < len(TARGETS) else rng.randrange(len(TARGETS))
        assert complete(strict, TARGETS[place]) == alone[place]
    assert drain(strict, dict(enumerate(TARGETS))) == dict(enumerate(alone))


def test_a_strict_text_survives_refusals_and_interrupts(strict: LlamaRuntime, alone: list[Completion]) -> None:
    for place in (0, 2):
        with pytest.raises(KGError):
            strict.submit(1, ask("cough " * 600))
        strict.submit(1, replace(_calm(), enough=_interrupt_at(1)))
        with pytest.raises(KeyboardInterrupt):
            strict.collect()
        assert collected(strict, {1})[1].text.startswith("A man of 50")
        assert complete(strict, TARGETS[place]) == alone[place]


def test_another_seed_gives_another_text(strict: LlamaRuntime, fast: LlamaRuntime) -> None:
    for runtime in (strict, fast):
        texts = drain(runtime, {seed: ask(seed=seed, max_tokens=4) for seed in range(6)})
        assert len({text.text for text in texts.values()}) > 3


# -- fast --------------------------------------------------------------------------------------------------------------


def test_nearly_greedy_fast_texts_are_mostly_the_strict_ones(strict: LlamaRuntime, fast: LlamaRuntime) -> None:
    pairs = [f"{one}; {other}" for place, one in enumerate(SYMPTOMS) for other in SYMPTOMS[place + 1 :]][:10]
    requests = {key: ask(pair, temperature=0.01, max_tokens=8) for key, pair in enumerate(pairs)}
    one_by_one, together = drain(strict, requests), drain(fast, requests)
    same = sum(one_by_one[key].text == together[key].text for key in requests)
    assert same >= len(requests) / 2


# -- the shared prefix -------------------------------------------------------------------------------------------------

PREFIXES = range(4)  # sequences that keep prefixes when the width is above 1
NOTES = range(4, 8)


def test_a_shared_prefix_is_evaluated_once(fast: LlamaRuntime, watch: Watch) -> None:
    requests = {
        key: ask(SYMPTOMS[key], system="You are a doctor of a small town.", seed=key, max_tokens=4) for key in range(5)
    }
    texts = drain(fast, requests)
    shared = watch.tokens(PREFIXES)
    assert shared > 10
    own = sum(text.prompt_tokens - shared + text.answer_tokens - (not text.finished) for text in texts.values())
    assert watch.tokens(NOTES) == own
    drain(fast, requests)
    assert watch.tokens(PREFIXES) == shared


def test_several_prefixes_are_kept_and_the_one_unused_for_longest_goes_first(fast: LlamaRuntime, watch: Watch) -> None:
    def evaluated(*names: str) -> list[bool]:
        found = []
        for name in names:
            before = watch.tokens(PREFIXES)
            complete(fast, ask("itch", system=f"You are {name}.", opening="", max_tokens=1))
            found.append(watch.tokens(PREFIXES) > before)
        return found

    assert evaluated("Ann", "Bob", "Cid", "Dan") == [True] * 4
    assert evaluated("Ann", "Dan", "Cid", "Bob", "Ann") == [False] * 5
    assert evaluated("Eve") == [True]
    assert evaluated("Ann", "Bob", "Cid", "Eve") == [False] * 4
    assert evaluated("Dan") == [True]


def test_a_prefix_of_several_batches_is_shared_in_strict_mode_too(watch: Watch) -> None:
    runtime = opened()
    runtime._llama.batch = 32
    first = complete(runtime, ask(system=LONG, max_tokens=1))
    shared = watch.tokens(range(1))
    assert 64 < shared < first.prompt_tokens
    assert [size for size, _, _ in watch.batches[:2]] == [32, 32]
    assert complete(runtime, ask("itch", system=LONG, max_tokens=1)).prompt_tokens > shared
    assert watch.tokens(range(1)) == shared
    runtime.close()


# -- no room -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repeated", "most"), [(20, 16), (34, 4)], ids=["answers outgrow the cache", "prompts outgrow the cache"]
)
def test_without_room_all_texts_still_come_back(crowded: LlamaRuntime, watch: Watch, repeated: int, most: int) -> None:
    story, user = "You write long stories.", "cough; " * repeated + "in 500 words"
    requests = {key: ask(f"{SYMPTOMS[key]}; {user}", system=story, seed=key, max_tokens=most) for key in range(5)}
    texts = drain(crowded, requests)
    assert watch.refused > 0
    assert max(text.prompt_tokens for text in texts.values()) > 2 * repeated
    assert all(text.text.startswith("The patient") for text in texts.values())
    assert complete(crowded, ask()).answer_tokens > 0


def test_a_prompt_larger_than_the_cache_is_refused_in_one_line(crowded: LlamaRuntime) -> None:
    crowded.submit(1, ask())
    with pytest.raises(KGError, match=r"^a prompt has 3\d\d tokens, the context 256; shorten the examples$"):
        crowded.submit(2, ask("cough; " * 150))
    crowded.submit(3, ask())
    collected(crowded, {1, 3})


@pytest.mark.parametrize("name", ["strict", "fast"])
def test_a_prompt_longer_than_the_context_is_refused_and_the_others_finish(
    name: str, request: pytest.FixtureRequest
) -> None:
    runtime: LlamaRuntime = request.getfixturevalue(name)
    runtime.submit(1, ask())
    with pytest.raises(KGError, match=r"^a prompt has 6\d\d tokens, the context 512; shorten the examples$"):
        runtime.submit(2, ask("cough " * 600))
    runtime.submit(3, ask())
    collected(runtime, {1, 3})


def test_an_answer_ends_where_the_context_does(crowded: LlamaRuntime) -> None:
    text = complete(crowded, ask("cough " * 205, system="Write a novel.", max_tokens=400, temperature=0.5))
    assert text.prompt_tokens + text.answer_tokens == 256
    assert not text.finished


# -- errors and interrupts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 4])
def test_after_an_interrupt_every_text_is_still_written(width: int, request: pytest.FixtureRequest) -> None:
    runtime: LlamaRuntime = request.getfixturevalue("strict" if width == 1 else "fast")
    requests = {
        0: replace(_calm(), enough=_interrupt_at(1)),
        **{key: ask(seed=key, max_tokens=4) for key in range(1, 5)},
    }
    for key, one in requests.items():
        runtime.submit(key, one)
    early: list[tuple[int, Completion]] = []
    with pytest.raises(KeyboardInterrupt):
        collect_into(early, runtime)
    done = {**dict(early), **collected(runtime, set(requests) - {key for key, _ in early})}
    assert done[0].finished
    if width == 1:
        assert done == drain(runtime, {**requests, 0: replace(_calm(), enough=lambda _: True)})


def test_a_prefix_whose_evaluation_was_interrupted_is_not_kept(
    strict: LlamaRuntime, alone: list[Completion], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LlamaCpp.decode

    def interrupted(self: LlamaCpp, batch: Any) -> bool:
        real(self, batch)
        raise KeyboardInterrupt

    complete(strict, DISTURBING[2])
    monkeypatch.setattr(LlamaCpp, "decode", interrupted)
    strict.submit(0, TARGETS[2])
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            strict.collect()
    monkeypatch.undo()
    assert collected(strict, {0})[0] == alone[2]


def test_an_error_of_llama_cpp_is_one_line_and_ends_nothing(
    fast: LlamaRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, number = LlamaCpp.decode, count()

    def misplaced(self: LlamaCpp, batch: Any) -> bool:
        wrong = 100 if next(number) == 4 else 0
        return real(self, [(token, place + wrong, sequence, wanted) for token, place, sequence, wanted in batch])

    monkeypatch.setattr(LlamaCpp, "decode", misplaced)
    for key in range(5):
        fast.submit(key, ask(SYMPTOMS[key], seed=key))
    with pytest.raises(KGError, match=r"^llama\.cpp failed to decode \(code -1: .+\); see kg doctor$") as caught:
        fast.collect()
    assert "\n" not in str(caught.value)
    collected(fast, set(range(5)))


def test_a_runtime_may_be_closed_after_an_interrupt() -> None:
    runtime = opened(width=2)
    runtime.submit(0, replace(_calm(), enough=_interrupt_at(1)))
    runtime.submit(1, ask(max_tokens=60))
    with pytest.raises(KeyboardInterrupt):
        collect_into([], runtime)
    runtime.close()
    assert runtime.collect() == []


# -- characters and tokens ---------------------------------------------------------------------------------------------


def test_half_a_character_is_never_shown(strict: LlamaRuntime) -> None:
    said = "Кашель 😷 и «жар»".encode()
    sampler = strict._llama.sampler(HOT, 1)
    one = _Sequence(1, ask(opening="У больного: "), [1], 1, sampler, [1], 0, 8)
    texts = []
    for byte in said:
        one.said.append(byte)
        texts.append(one.text)
    sampler.close()
    assert texts[-1] == "У больного: Кашель 😷 и «жар»"
    assert sorted(set(texts), key=len) == [texts[-1][:end] for end in range(len("У больного: "), len(texts[-1]) + 1)]


def test_a_text_cut_within_a_character_is_the_beginning_of_the_longer_one(
    strict: LlamaRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[bytes] = []
    real = LlamaCpp.piece

    def heard(self: LlamaCpp, token: int) -> bytes:
        pieces.append(real(self, token))
        return pieces[-1]

    emoji = ask("emoji", opening="😷 🤒 🤕 😷 🤒 🤕 😷", temperature=0.2, max_tokens=7)
    whole = complete(strict, emoji).text
    monkeypatch.setattr(LlamaCpp, "piece", heard)
    for most in range(1, 7):
        part = complete(strict, replace(emoji, sampling=replace(emoji.sampling, max_tokens=most))).text
        assert whole.startswith(part)
        assert "\ufffd" not in part
    assert any(piece and not piece.decode(errors="ignore") for piece in pieces)


def test_a_piece_longer_than_the_room_for_it_is_given_whole(strict: LlamaRuntime) -> None:
    llama = strict._llama
    (token,) = llama.tokens(" hypertension")
    llama._piece = ctypes.create_string_buffer(3)
    assert llama.piece(token) == b" hypertension"


# -- memory ------------------------------------------------------------------------------------------------------------

_CHILD = """
import json, sys
from pathlib import Path
from generation.models import default_model
from generation.runtimes.batched import LlamaRuntime
from generation.runtimes.contract import Message, Request, Sampling, complete
from kgengine.errors import KGError
import jinja2, llama_cpp

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def ask(number, words=1):
    chat = (Message("system", "Write."), Message("user", "cough" * words))
    return Request(chat, "", number, Sampling(temperature=1.5, max_tokens=1))
"""


def _measured(code: str, *arguments: object) -> Any:
    """Run code in a child process and give what it prints as JSON."""
    command = [sys.executable, "-c", _CHILD + code, *map(str, arguments)]
    child = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=True)
    return json.loads(child.stdout)


_GROWTH = """
before = resident()
runtime = LlamaRuntime(default_model(), width=int(sys.argv[1]), threads=1)
complete(runtime, ask(0, 50))
used = resident() - before
flat = []
for number in range(int(sys.argv[2])):
    runtime.submit(number, ask(number))
    if number % 32 == 31:
        while runtime.collect():
            pass
        flat.append(resident())
estimated = runtime.memory_bytes
runtime.close()
print(json.dumps([used, estimated, resident() - before, flat]))
"""


@pytest.mark.parametrize(("width", "requests"), [(1, 0), (16, 128)])
def test_memory_is_as_estimated_stays_flat_and_is_freed(width: int, requests: int) -> None:
    used, estimated, left, flat = _measured(_GROWTH, width, requests)
    assert estimated / 1.6 < used < estimated * 1.6
    assert left < used / 3
    assert len(flat) == requests // 32
    assert not flat or flat[-1] - flat[0] < 4e6
