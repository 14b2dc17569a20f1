"""llama.cpp behind a few plain calls, through llama-cpp-python's low-level API; no other module touches that library.

One model, one context, a cache of keys and values (KV) that all sequences share: a token in the cache is a *cell*, and
a copied prefix uses the cells of its original. Nothing is scheduled here (see `generation.runtimes.batched`).
"""

import ctypes
import os
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from generation.models import check_gguf
from generation.runtimes.contract import Message, Sampling
from kgengine.errors import KGError

BATCH = 512
"""Tokens that one call of decode takes at most."""
PENALISED = 64
"""Tokens that the repeat penalty looks back, llama.cpp's own default."""
WORD_BYTES = 400
"""Memory that llama.cpp's tables take for a token of the vocabulary, as measured with SmolLM2's 49,152."""

_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR
_ERRORS: list[str] = []  # what went wrong in llama.cpp; a message of ours quotes the first


class LlamaCpp:
    """A GGUF model with a context for several sequences.

    :param path: the GGUF file.
    :param sequences: how many sequences there may be, at least 1.
    :param cells: tokens that the cache holds, over all sequences.
    :param threads: CPU threads; all cores when None.
    :param gpu_layers: layers put on a GPU; 0 for none, -1 for all.
    :param lora: a LoRA adapter in GGUF format.
    :raises KGError: a file is missing or damaged, llama.cpp can't load it, or there is no memory for the cache.
    """

    def __init__(
        self, path: Path, sequences: int, cells: int, threads: int | None, gpu_layers: int, lora: Path | None = None
    ) -> None:
        check_gguf(path)
        if lora is not None:
            check_gguf(lora, smallest=0, option="--lora")
        import llama_cpp

        self._api: Any = llama_cpp
        self._context: Any = None
        self._batch: Any = None
        self._piece = ctypes.create_string_buffer(256)
        _start(llama_cpp)
        settings: Any = llama_cpp.llama_model_default_params()
        settings.n_gpu_layers = gpu_layers
        self._model: Any = llama_cpp.llama_model_load_from_file(str(path).encode(), settings)
        if not self._model:
            raise KGError(f"llama.cpp can't load {path} ({_reason()}); fetch it again, or take another file")
        try:
            self._vocabulary: Any = llama_cpp.llama_model_get_vocab(self._model)
            self.cells, self.words = cells, int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
            self.metadata, self.memory_bytes = self._read_metadata(), self._estimate_memory(sequences)
            adapter = None if lora is None else self._load_adapter(lora)
            self._context = self._open_context(sequences, threads or os.cpu_count() or 1)
            self._memory: Any = llama_cpp.llama_get_memory(self._context)
            self.batch = int(llama_cpp.llama_n_batch(self._context))
            self._batch = llama_cpp.llama_batch_init(self.batch, 0, 1)
            if adapter is not None:
                self._adapt(adapter)
        except BaseException:
            self.close()
            raise

    def _open_context(self, sequences: int, threads: int) -> Any:
        settings: Any = self._api.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = self.cells, BATCH, BATCH
        settings.n_seq_max, settings.n_outputs_max, settings.kv_unified = sequences, sequences, True
        settings.n_threads = settings.n_threads_batch = threads
        context = self._api.llama_init_from_model(self._model, settings)
        if not context:
            raise KGError(f"llama.cpp can't open a context of {self.cells} tokens ({_reason()}); lower --width")
        return context

    def _load_adapter(self, lora: Path) -> Any:
        """Load a LoRA, before the context is opened: its graph is planned with it. It is freed with the model."""
        adapter = self._api.llama_adapter_lora_init(self._model, str(lora).encode())
        if not adapter:
            raise KGError(f"llama.cpp can't use {lora} with this model ({_reason()}); give a LoRA that was made for it")
        return adapter

    def _adapt(self, adapter: Any) -> None:
        one = (self._api.llama_adapter_lora_p_ctypes * 1)(adapter)
        if self._api.llama_set_adapters_lora(self._context, one, 1, (ctypes.c_float * 1)(1.0)) != 0:
            raise KGError(f"llama.cpp can't apply the LoRA ({_reason()}); give a LoRA that was made for this model")

    def _estimate_memory(self, sequences: int) -> int:
        """Estimate bytes: weights, cache (16 bits a value), logits of each sequence, values of a batch, vocabulary."""
        api, model = self._api, self._model
        heads, kv = max(1, api.llama_model_n_head(model)), api.llama_model_n_head_kv(model)
        embedding = api.llama_model_n_embd(model)
        cache = 2 * 2 * api.llama_model_n_layer(model) * embedding // heads * kv * self.cells
        working = 4 * BATCH * 8 * embedding + 4 * 2 * sequences * self.words
        return int(api.llama_model_size(model) + cache + working + WORD_BYTES * self.words)

    @property
    def trained_context(self) -> int:
        """Tokens of the longest text that the model was trained on."""
        return int(self._api.llama_model_n_ctx_train(self._model))

    def _read_metadata(self) -> dict[str, str]:
        """Read all that the GGUF says about itself, as text."""
        found, room = {}, ctypes.create_string_buffer(1 << 16)
        for number in range(self._api.llama_model_meta_count(self._model)):
            self._api.llama_model_meta_key_by_index(self._model, number, room, len(room))
            key = room.value.decode()
            length = self._api.llama_model_meta_val_str_by_index(self._model, number, room, len(room))
            if length >= len(room):
                room = ctypes.create_string_buffer(length + 1)
                self._api.llama_model_meta_val_str_by_index(self._model, number, room, len(room))
            found[key] = room.value.decode(errors="replace")
        return found

    def chat_format(self) -> "ChatFormat":
        """Give the chat format that the GGUF carries.

        :raises KGError: it carries none.
        """
        template = self.metadata.get("tokenizer.chat_template")
        if not template:
            raise KGError("the model has no chat template; give an instruction-tuned model")
        api, vocabulary = self._api, self._vocabulary

        def name(token: int) -> str:
            return str(api.llama_vocab_get_text(vocabulary, token).decode()) if token >= 0 else ""

        return ChatFormat(template, name(api.llama_vocab_eos(vocabulary)), name(api.llama_vocab_bos(vocabulary)))

    def tokens(self, text: str) -> list[int]:
        """Split a text into tokens; the names of special tokens count as those tokens."""
        data = text.encode()
        room = (ctypes.c_int32 * (len(data) + 8))()
        count = self._api.llama_tokenize(self._vocabulary, data, len(data), room, len(room), False, True)
        if count < 0:  # a tokenizer that normalises may need more room; it says how much
            room = (ctypes.c_int32 * -count)()
            count = self._api.llama_tokenize(self._vocabulary, data, len(data), room, len(room), False, True)
        return list(room[:count])

    def piece(self, token: int) -> bytes:
        """Give the bytes that a token stands for; none for a special one."""
        length = self._api.llama_token_to_piece(self._vocabulary, token, self._piece, len(self._piece), 0, False)
        if length < 0:  # longer than the room
            self._piece = ctypes.create_string_buffer(-length)
            length = self._api.llama_token_to_piece(self._vocabulary, token, self._piece, -length, 0, False)
        return self._piece.raw[: max(0, length)]

    def ends(self, token: int) -> bool:
        """Tell whether a token ends the answer."""
        return bool(self._api.llama_vocab_is_eog(self._vocabulary, token))

    def decode(self, batch: Sequence[tuple[int, int, int, bool]]) -> bool:
        """Evaluate tokens.

        :param batch: 1 to `self.batch` of (token, its position, its sequence, whether its logits are wanted).
        :returns: False when the cache has no room for them; nothing was evaluated then.
        :raises KGError: llama.cpp failed.
        """
        _ERRORS.clear()
        own = self._batch
        own.n_tokens = len(batch)
        for row, (token, position, sequence, wanted) in enumerate(batch):
            own.token[row], own.pos[row], own.logits[row] = token, position, wanted
            own.n_seq_id[row] = 1
            own.seq_id[row][0] = sequence
        code = self._api.llama_decode(self._context, own)
        if code not in (0, 1):
            raise KGError(f"llama.cpp failed to decode (code {code}: {_reason()}); see kg doctor")
        return bool(code == 0)

    def copy(self, source: int, target: int, length: int) -> None:
        """Let a sequence begin with the first `length` tokens of another; no cell is copied."""
        self._api.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def forget(self, sequence: int) -> None:
        """Empty a sequence; cells that no sequence uses are free again."""
        self._api.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def sampler(self, sampling: Sampling, seed: int) -> "Sampler":
        """Make the sampler of one sequence."""
        return Sampler(self._api, self._context, self.words, sampling, seed)

    def close(self) -> None:
        """Free the context, then the model and with it its LoRA; nothing else may be called afterwards."""
        if self._batch is not None:
            self._api.llama_batch_free(self._batch)
        if self._context:
            self._api.llama_free(self._context)
        if self._model:
            self._api.llama_model_free(self._model)
        self._batch = self._context = self._model = None


class Sampler:
    """Draws the tokens of one sequence: repeat penalty, min-p, temperature, then by chance with its own seed."""

    def __init__(self, api: Any, context: Any, words: int, sampling: Sampling, seed: int) -> None:
        self._api, self._context = api, context
        self._chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        for part in (
            api.llama_sampler_init_penalties(words, PENALISED, sampling.repeat_penalty, 0.0, 0.0),
            api.llama_sampler_init_min_p(sampling.min_p, 1),
            api.llama_sampler_init_temp(sampling.temperature),
            api.llama_sampler_init_dist(min(seed % 2**32, 2**32 - 2)),  # the largest would mean: a seed by chance
        ):
            api.llama_sampler_chain_add(self._chain, part)

    def draw(self, row: int) -> int:
        """Draw the next token from the logits of row `row` of the last batch."""
        return int(self._api.llama_sampler_sample(self._chain, self._context, row))

    def close(self) -> None:
        """Free it; a second time does nothing."""
        if self._chain:
            self._api.llama_sampler_free(self._chain)
        self._chain = None


class ChatFormat:
    """Turns a chat into the text that a model was tuned on.

    :param template: Jinja2, as GGUF files carry it.
    :param eos: name of the token that ends a text.
    :param bos: name of the token that begins one.
    :raises KGError: the template is broken.
    """

    def __init__(self, template: str, eos: str, bos: str) -> None:
        from jinja2 import TemplateError
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        self._errors = (TemplateError, ValueError)
        try:
            self._formatter = Jinja2ChatFormatter(template, eos_token=eos, bos_token=bos)
        except self._errors as error:
            raise self._refusal(error) from error

    def prompt(self, messages: Sequence[Message]) -> str:
        """Give the text up to where the answer begins.

        :raises KGError: the template is broken, or knows no such chat.
        """
        chat: Any = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return str(self._formatter(messages=chat).prompt)
        except self._errors as error:
            raise self._refusal(error) from error

    @staticmethod
    def _refusal(error: Exception) -> KGError:
        return KGError(f"the model's chat template can't be used ({error}); give another instruction-tuned model")


def library_version() -> str:
    """Give the version of llama-cpp-python, which carries its own llama.cpp."""
    return version("llama-cpp-python")


def _start(api: Any) -> None:
    """Start the backend once, with its errors kept instead of its log printed."""
    if not hasattr(_start, "listener"):
        _start.listener = api.llama_log_callback(_listen)  # type: ignore[attr-defined]  # it is called for ever
        api.llama_backend_init()
    api.llama_log_set(_start.listener, None)  # type: ignore[attr-defined]
    _ERRORS.clear()


def _listen(level: int, text: bytes, data: Any) -> None:
    if level == _ERROR_LEVEL:
        _ERRORS.append(text.decode(errors="replace"))


def _reason() -> str:
    """Give the first error that llama.cpp told since it was last asked to do something; later ones only follow."""
    first = _ERRORS[0] if _ERRORS else "it gave no reason"
    return " ".join(re.sub(r"^\w+: ", "", first).split())[:200]
