"""Writes many texts at once with llama.cpp by continuous batching: a sequence that ends makes room for the next.

What precedes the last turn of a chat (system text, examples) is evaluated once and its cells are shared. One step
evaluates, in one batch, the next token of every running sequence and the prompts of new ones. With a width of 1
(`strict`) a text depends on nothing but its request: the same bytes again on the same machine and build.
With more (`fast`) the sizes of batches differ from run to run and round differently, so a text may differ, and only
that. Where the cache has no room, kept prefixes go first, then the youngest sequence waits and is begun again once
another has ended. After an error or an interrupt every request that was in work is begun again by the next `collect`.
"""

import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from generation.runtimes.contract import Completion, Message, Request
from generation.runtimes.llama_cpp import LlamaCpp, Sampler, library_version
from kgengine.artifacts import sha256_file
from kgengine.errors import KGError

WIDTH = 16
"""Sequences at once in fast mode; more gain little on a CPU (docs/generation.md)."""
CONTEXT = 2048
"""Tokens of one prompt and its answer together."""
_ROOM = 384
"""Cells planned for what a sequence has beyond the shared prefix; should it need more, others wait."""
_LEAST_ANSWER = 16
_SENTENCE_END = re.compile(r"[.!?][\"')»]*$|\n$")

KNOWN_LANGUAGES = {"smollm2": ("en",), "llama-3": ("en",), "qwen": ("en", "ru"), "saiga": ("ru", "en")}
"""Languages by a part of the model's own name, for files that don't state them in their metadata."""


@dataclass(eq=False)
class _Sequence:
    """A request in work: its prompt, the tokens still to be evaluated, and the answer so far."""

    key: int
    request: Request
    prompt: list[int]
    number: int
    sampler: Sampler
    pending: list[int]
    position: int
    most: int
    said: bytearray = field(default_factory=bytearray)
    count: int = 0

    @property
    def text(self) -> str:
        """The opening and what followed, without half a character at the end."""
        return self.request.opening + self.said.decode(errors="ignore")


class LlamaRuntime:
    """A GGUF model that writes several texts at once.

    :param path: the GGUF file.
    :param width: sequences at once; 1 is the strict mode.
    :param context: tokens of a prompt and its answer together.
    :param threads: CPU threads; all cores when None.
    :param gpu_layers: layers put on a GPU; 0 for none, -1 for all.
    :param languages: languages that the model writes; from its metadata when None.
    :param lora: a LoRA adapter in GGUF format.
    :param cells: tokens that the cache holds; enough for `width` notes when None.
    :raises KGError: a file is missing, damaged, or llama.cpp can't load it.
    """

    def __init__(
        self,
        path: Path,
        width: int = 1,
        context: int = CONTEXT,
        threads: int | None = None,
        gpu_layers: int = 0,
        languages: tuple[str, ...] | None = None,
        lora: Path | None = None,
        cells: int | None = None,
    ) -> None:
        self.path, self.lora, self.width, self._context = path, lora, width, context
        prefixes = 1 if width == 1 else 4
        planned = context + (width - 1) * min(context, _ROOM) + (prefixes - 1) * context // 2
        self._llama = LlamaCpp(path, width + prefixes, cells or planned, threads, gpu_layers, lora)
        try:
            self._format = self._llama.chat_format()
        except KGError:
            self._llama.close()
            raise
        self.name = self._llama.metadata.get("general.name", path.stem)
        self.languages = languages or _languages(self._llama.metadata, path)
        self._prefixes: OrderedDict[tuple[int, ...], int] = OrderedDict()
        self._spare = list(range(prefixes))
        self._free = list(range(prefixes, prefixes + width))
        self._running: list[_Sequence] = []
        self._waiting: deque[tuple[int, Request, list[int]]] = deque()
        self._done: list[tuple[int, Completion]] = []
        self._crowded = self._closed = False

    @property
    def description(self) -> dict[str, Any]:
        """See the contract; the files are hashed once, on the first call."""
        if not hasattr(self, "_sha256"):
            self._sha256 = sha256_file(self.path), self.lora and sha256_file(self.lora)
        return {
            "model": self.path.name,
            "name": self.name,
            "sha256": self._sha256[0],
            "lora_sha256": self._sha256[1],
            "languages": list(self.languages),
            "mode": "strict" if self.width == 1 else "fast",
            "llama-cpp-python": library_version(),
        }

    @property
    def memory_bytes(self) -> int:
        """What the model and its context take in memory, estimated."""
        return self._llama.memory_bytes

    def prompt_text(self, request: Request) -> str:
        """Give what the model reads for a request: the chat in the model's own format, and the opening."""
        return self._format.prompt(request.messages) + request.opening

    def submit(self, key: int, request: Request) -> None:
        """See the contract.

        :raises KGError: the prompt leaves no room for an answer; nothing was taken then.
        """
        if self._closed:
            raise KGError("the model is closed; open it again")
        tokens, most = self._tokens(request.messages, request.opening), self._longest
        if most - len(tokens) < _LEAST_ANSWER:
            raise KGError(f"a prompt has {len(tokens)} tokens, the context {most}; shorten the examples")
        self._waiting.append((key, request, tokens))

    def collect(self) -> list[tuple[int, Completion]]:
        """See the contract.

        :raises KGError: llama.cpp failed, or the cache is too small for a single note.
        """
        try:
            while not self._done and (self._waiting or self._running):
                while self._free and self._waiting and not self._crowded:
                    self._begin(*self._waiting[0])
                    self._waiting.popleft()
                self._step()
        except BaseException:  # how far each sequence came is unknown
            while self._running:
                self._put_back(self._running[-1])
            self._crowded = False
            raise
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Free the model; what was submitted and not collected is dropped."""
        self._closed = True
        for one in self._running:
            one.sampler.close()
        self._running.clear()
        self._waiting.clear()
        self._done.clear()
        self._llama.close()

    @property
    def _longest(self) -> int:
        """Tokens of a prompt and its answer together."""
        return min(self._context, self._llama.cells)

    def _begin(self, key: int, request: Request, tokens: list[int]) -> None:
        number = self._free[-1]
        self._llama.forget(number)  # an interrupt may have left something
        shared = self._share(self._prefix(tokens, request.messages), number)
        sampler = self._llama.sampler(request.sampling, request.seed)
        most = min(request.sampling.max_tokens, self._longest - len(tokens))
        self._running.append(_Sequence(key, request, tokens, number, sampler, tokens[shared:], shared, most))
        self._free.pop()

    def _tokens(self, messages: tuple[Message, ...], opening: str) -> list[int]:
        return self._llama.tokens(self._format.prompt(messages) + opening)

    def _prefix(self, tokens: list[int], messages: tuple[Message, ...]) -> tuple[int, ...]:
        """Give the tokens that a prompt has in common with the same chat whose last turn is blank."""
        blank = self._tokens((*messages[:-1], replace(messages[-1], content="")), "")
        unlike = (place for place, (one, other) in enumerate(zip(tokens, blank, strict=False)) if one != other)
        return tuple(tokens[: next(unlike, 0)])

    def _share(self, prefix: tuple[int, ...], number: int) -> int:
        """Let a sequence begin with a prefix, which is evaluated unless it is kept; give its length, 0 without room."""
        if prefix not in self._prefixes:
            if not self._spare:
                self._drop_prefix()
            if not self._evaluate(prefix, self._spare[-1]):
                return 0
            self._prefixes[prefix] = self._spare.pop()
        self._prefixes.move_to_end(prefix)
        self._llama.copy(self._prefixes[prefix], number, len(prefix))
        return len(prefix)

    def _evaluate(self, prefix: tuple[int, ...], number: int) -> bool:
        """Evaluate a prefix as a sequence of its own; False when the cache has no room for all of it."""
        whole, size = False, self._llama.batch
        try:
            whole = all(
                self._llama.decode(
                    [(prefix[at], at, number, False) for at in range(start, min(start + size, len(prefix)))]
                )
                for start in range(0, len(prefix), size)
            )
        finally:
            if not whole:
                self._llama.forget(number)
        return whole

    def _drop_prefix(self) -> None:
        """Forget the prefix that was not used for the longest time."""
        _, number = self._prefixes.popitem(last=False)
        self._llama.forget(number)
        self._spare.append(number)

    def _step(self) -> None:
        """Evaluate one batch and draw the next token wherever a prompt is through."""
        batch: list[tuple[int, int, int, bool]] = []
        parts: list[tuple[_Sequence, int, int]] = []  # sequence, tokens taken, row of its last token
        for one in self._running:
            taken = one.pending[: self._llama.batch - len(batch)]
            last = len(taken) == len(one.pending)
            for place, token in enumerate(taken):
                wanted = last and place == len(taken) - 1
                batch.append((token, one.position + place, one.number, wanted))
            if taken:
                parts.append((one, len(taken), len(batch) - 1))
        if not self._llama.decode(batch):
            self._make_room()
            return
        for one, taken_count, row in parts:
            del one.pending[:taken_count]
            one.position += taken_count
            if not one.pending:
                completion = self._draw(one, row)
                if completion is not None:
                    self._release(one)
                    self._done.append((one.key, completion))
                    self._crowded = False

    def _make_room(self) -> None:
        """Free cells: of a kept prefix, else of the youngest sequence, which waits until another has ended."""
        if self._prefixes:
            self._drop_prefix()
        elif len(self._running) > 1:
            self._put_back(self._running[-1])
            self._crowded = True
        else:
            self._release(self._running[0])
            raise KGError(f"{self._llama.cells} tokens of context are not enough for one note; shorten the examples")

    def _put_back(self, one: _Sequence) -> None:
        """Let a running request wait again, before all others."""
        self._release(one)
        self._waiting.appendleft((one.key, one.request, one.prompt))

    def _draw(self, one: _Sequence, row: int) -> Completion | None:
        """Draw a token; give the text when it ends."""
        token = one.sampler.draw(row)
        if self._llama.ends(token):
            return self._completion(one, one.text, True)
        piece, before = self._llama.piece(token), one.text
        ended = one.count > 0 and piece[:1] in (b" ", b"\n") and _SENTENCE_END.search(before)
        if ended and one.request.enough is not None and one.request.enough(before):
            return self._completion(one, before, True)
        one.said += piece
        one.count += 1
        one.pending.append(token)
        return None if one.count < one.most else self._completion(one, one.text, False)

    def _completion(self, one: _Sequence, text: str, finished: bool) -> Completion:
        return Completion(text.strip(), finished, len(one.prompt), one.count)

    def _release(self, one: _Sequence) -> None:
        self._llama.forget(one.number)
        one.sampler.close()
        self._running.remove(one)
        self._free.append(one.number)


def _languages(metadata: dict[str, str], path: Path) -> tuple[str, ...]:
    """Read the model's languages from its metadata, else from its name, else assume English."""
    stated = metadata.get("general.languages", "")
    found = tuple(lang for lang in ("en", "ru") if lang in stated.replace("[", " ").replace(",", " ").split())
    if found:
        return found
    name = f"{metadata.get('general.name', '')} {metadata.get('general.basename', '')} {path.stem}".lower()
    for part, languages in KNOWN_LANGUAGES.items():
        if part in name:
            return languages
    return ("en",)
