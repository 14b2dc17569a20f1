"""llama.cpp behind the contract, through llama-cpp-python; nothing else here touches that library.

One sequence at a time. What precedes the last turn (system text and examples) is evaluated once and kept;
everything after it is evaluated anew for each request. Batches of another size round differently, so
reusing any more than that would make a text depend on the requests before it. The chat format is the
GGUF's own template.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from generation.models import check_gguf
from generation.runtimes.contract import Completion, Message, Request
from kgengine.artifacts import sha256_file
from kgengine.errors import KGError

KNOWN_LANGUAGES = {"smollm2": ("en",), "llama-3": ("en",), "qwen": ("en", "ru"), "saiga": ("ru", "en")}
"""Languages by a part of the model's own name, for files that don't state them in their metadata."""


class LlamaCppRuntime:
    """A GGUF model run by llama.cpp.

    :param path: the GGUF file.
    :param context: tokens of prompt and answer together.
    :param threads: CPU threads; all cores when None.
    :param gpu_layers: layers put on a GPU; 0 for none, -1 for all.
    :param languages: languages that the model writes; from its metadata when None.
    :raises KGError: the file is missing, damaged, or llama.cpp can't load it.
    """

    def __init__(
        self,
        path: Path,
        context: int = 2048,
        threads: int | None = None,
        gpu_layers: int = 0,
        languages: tuple[str, ...] | None = None,
    ) -> None:
        self.path = check_gguf(path)
        import llama_cpp
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        cores = threads or os.cpu_count() or 1
        try:
            self._llama = llama_cpp.Llama(
                str(path),
                n_ctx=context,
                n_threads=cores,
                n_threads_batch=cores,
                n_gpu_layers=gpu_layers,
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise KGError(f"llama.cpp can't load {path}: it is truncated or damaged; fetch it again") from error
        metadata = self._llama.metadata
        template = metadata.get("tokenizer.chat_template")
        if not template:
            raise KGError(f"{path} has no chat template; give an instruction-tuned model")
        vocabulary = self._llama._model
        self._formatter = Jinja2ChatFormatter(
            template,
            eos_token=vocabulary.token_get_text(self._llama.token_eos()),
            bos_token=vocabulary.token_get_text(self._llama.token_bos()),
        )
        self.name = metadata.get("general.name", path.stem)
        self.languages = languages or _languages(metadata, path)
        self._kept: list[int] = []

    @property
    def description(self) -> dict[str, Any]:
        """See the contract; the file is hashed once, on the first call."""
        if not hasattr(self, "_sha256"):
            self._sha256 = sha256_file(self.path)
        return {
            "model": self.path.name,
            "name": self.name,
            "sha256": self._sha256,
            "languages": list(self.languages),
            "llama-cpp-python": version("llama-cpp-python"),
        }

    def complete(self, request: Request) -> Completion:
        """See the contract.

        :raises KGError: the prompt leaves no room for an answer.
        """
        tokens = self._tokens(request.messages, request.opening)
        room = self._llama.n_ctx() - len(tokens)
        if room < 16:
            raise KGError(
                f"the prompt has {len(tokens)} tokens, the context {self._llama.n_ctx()}; shorten the example"
            )
        self._rewind(tokens, self._tokens((*request.messages[:-1], replace(request.messages[-1], content="")), ""))
        sampling = request.sampling
        answer: Any = self._llama.create_completion(
            tokens,
            max_tokens=min(sampling.max_tokens, room),
            temperature=sampling.temperature,
            min_p=sampling.min_p,
            top_p=1.0,
            top_k=0,
            repeat_penalty=sampling.repeat_penalty,
            seed=request.seed % 2**32,
        )
        choice = answer["choices"][0]
        return Completion(
            text=(request.opening + choice["text"]).strip(),
            finished=choice["finish_reason"] == "stop",
            prompt_tokens=len(tokens),
            answer_tokens=answer["usage"]["completion_tokens"],
        )

    def _tokens(self, messages: Sequence[Message], opening: str) -> list[int]:
        chat: Any = [{"role": message.role, "content": message.content} for message in messages]
        prompt = self._formatter(messages=chat).prompt + opening
        return list(self._llama.tokenize(prompt.encode(), add_bos=False, special=True))

    def _rewind(self, tokens: list[int], blank: list[int]) -> None:
        """Bring the model to just what `tokens` shares with the same chat whose last turn is blank."""
        unlike = (place for place, (one, other) in enumerate(zip(tokens, blank, strict=False)) if one != other)
        shared = tokens[: next(unlike, 0)]
        if shared != self._kept:
            self._llama.reset()
            self._llama.eval(shared)
            self._kept = shared
        self._llama.n_tokens = len(shared)


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
