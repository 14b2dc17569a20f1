"""Writing and reading artifacts so that a reader never sees half of one.

A file is written beside its target and moved over it. An artifact folder is written to a temporary
name, its `manifest.json` last, and then swapped in. Nothing here knows what an artifact contains.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kgengine.errors import ArtifactError, KGError

MANIFEST = "manifest.json"


def sha256_file(path: Path) -> str:
    """Hash a file's bytes; hexadecimal SHA-256."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def unwritable(path: Path, error: OSError) -> KGError:
    """Word an operating-system refusal to write `path`."""
    reason = error.strerror or type(error).__name__
    return KGError(f"cannot write {path}: {reason}; choose another place or mend its permissions")


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `target` when the block ends without an error.

    :param target: the artifact's final folder; an older one is replaced.
    :returns: the temporary folder to write into.
    :raises KGError: the place can't be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        yield temporary
        temporary.chmod(0o755)
        if target.is_dir():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
            os.replace(target, old)  # onto an empty folder: whoever reads the old one keeps it until it is deleted
            os.replace(temporary, target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def replaced_file(target: Path) -> Iterator[Path]:
    """Give a temporary path that becomes `target` when the block ends without an error.

    :param target: the final file.
    :returns: the temporary path to write.
    :raises KGError: the place can't be written.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write `manifest.json` into a folder; call it last."""
    text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path, what: str, command: str) -> dict[str, Any]:
    """Read an artifact's manifest.

    :param folder: the artifact.
    :param what: its name in a message, e.g. "graph".
    :param command: the command that makes it, e.g. "kg build".
    :returns: the manifest.
    :raises ArtifactError: the folder is missing or its manifest can't be read.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"no {what} at {folder}; run '{command}' first") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"the {what} at {folder} is damaged ({error}); run '{command}' again") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"the {what} at {folder} is damaged (its manifest is no object); run '{command}' again")
    return content


def read_manifest_of(graph_hash: str, folder: Path, what: str, command: str) -> dict[str, Any]:
    """Read the manifest of an artifact that must have been made from one certain graph.

    :param graph_hash: the graph's hash.
    :param folder: the artifact; `what` and `command` as in :func:`read_manifest`.
    :returns: the manifest.
    :raises ArtifactError: it can't be read, or names another graph.
    """
    manifest = read_manifest(folder, what, command)
    if manifest.get("graph") != graph_hash:
        raise ArtifactError(f"the {what} at {folder} belongs to another graph; run '{command}' again")
    return manifest
