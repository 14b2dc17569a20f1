"""Checks of the machine for `kg doctor`: software, processor, disk, open files, memory.

What Linux tells is read (`/proc`, `importlib.metadata`); no library is imported and nothing is changed.
"""

import math
import os
import re
import resource
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from kgengine.errors import KGError

LIBRARIES = ("llama-cpp-python", "torch", "pykeen", "torch-geometric")
SMALL_DISK = 1_000_000_000
"""Bytes; less free space is a warning."""
FEW_FILES = 256
"""A graph, an embedding and a reasoner keep some 50 files open, Python and llama.cpp a few dozen."""
_SHOWN_FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "asimd")

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """What one check found; `todo` is the next step, empty when all is well."""

    status: Status
    name: str
    found: str
    todo: str = ""

    def to_json(self) -> dict[str, str]:
        """Give the fields as plain data."""
        return asdict(self)

    @classmethod
    def failure(cls, name: str, error: KGError) -> "Check":
        """Make a failed check of an error, whose message ends with the next step."""
        found, _, todo = str(error).rpartition("; ")
        return cls("failed", name, found, todo) if found else cls("failed", name, todo)


def pinned() -> dict[str, str]:
    """Give the versions that kg was made for: package name to version."""
    exact = (re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in requires("kg") or ())
    return {match[1]: match[2] for match in exact if match}


def software(names: Sequence[str] = LIBRARIES) -> Check:
    """Compare the installed libraries with the versions that kg was made for.

    :param names: the packages to compare.
    """
    pins, found, wrong, missing = pinned(), [f"Python {sys.version.split()[0]}"], [], False
    for name in names:
        try:
            there = version(name)
        except PackageNotFoundError:
            there, missing = "missing", True
        found.append(f"{name} {there}")
        if there.partition("+")[0] != pins.get(name):
            wrong.append(f"{name} {pins.get(name, '')}".strip())
    if not wrong:
        return Check("ok", "software", ", ".join(found))
    todo = f"kg was made for {', '.join(wrong)}: run 'make setup'"
    return Check("failed" if missing else "warning", "software", ", ".join(found), todo)


def processor(cpuinfo: str, cores: int, usable: int, load: float) -> Check:
    """Check instruction sets, and whether other programs or limits take cores away from llama.cpp's threads.

    :param cpuinfo: text of /proc/cpuinfo.
    :param cores: of the machine; `kg generate` takes as many threads by itself.
    :param usable: cores that this process may run on.
    :param load: mean number of running programs in the last minute.
    """
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    flags = set(line[1].split()) if line else set()
    shown = ", ".join(flag for flag in _SHOWN_FLAGS if flag in flags) or "no AVX2"
    found = f"{usable} of {cores} cores usable, {load:.1f} busy in the last minute, {shown}"
    if "avx2" not in flags:
        return Check("warning", "processor", found, "kg is made for x86-64 with AVX2; see if llama.cpp works below")
    free = max(1, min(usable, cores - math.floor(load + 0.5)))
    if free < cores:
        return Check("warning", "processor", found, f"unless that changes, give 'kg generate' --threads {free}")
    return Check("ok", "processor", found)


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that exists."""
    folder = folder.absolute()
    return next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))


def writable(folder: Path) -> Check:
    """Write a file into a folder, or beside where it is yet to be made, and delete it.

    :param folder: the workspace.
    """
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"kg doctor")
            file.flush()
    except OSError as error:
        found = f"cannot write into {place}: {error.strerror or error}"
        return Check("failed", "workspace", found, "mend its permissions, or choose another place: kg -w DIR")
    if place == folder.absolute():
        return Check("ok", "workspace", f"{folder} can be written")
    return Check("ok", "workspace", f"{folder} is not there yet and can be made")


def disk(workspace: Path, temporary: Path, least: float = SMALL_DISK) -> Check:
    """Check the free space where files are written.

    :param workspace: the workspace's folder.
    :param temporary: the folder of temporary files.
    :param least: bytes; less is a warning.
    """
    free = {place: shutil.disk_usage(_existing(place)).free for place in (workspace, temporary)}
    found = ", ".join(f"{size / 1e9:.1f} GB free for {place}" for place, size in free.items())
    if min(free.values()) >= least:
        return Check("ok", "disk", found)
    todo = f"make room for at least {least / 1e9:g} GB, or choose other places: kg -w DIR, TMPDIR"
    return Check("warning", "disk", found, todo)


def open_files(least: int = FEW_FILES) -> Check:
    """Check how many files this process may have open.

    :param least: fewer is a warning.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit in range(least):
        return Check("warning", "open files", f"at most {limit}", f"run 'ulimit -n {least}' in this shell first")
    return Check("ok", "open files", "any number" if limit == resource.RLIM_INFINITY else f"at most {limit:,}")


def memory(meminfo: str, need: float, known: bool) -> Check:
    """Compare the memory with what the model needs.

    :param meminfo: text of /proc/meminfo.
    :param need: bytes that the model needs; 0 when there is no model.
    :param known: whether they were measured; else they are an estimate.
    """
    sizes = {name: int(size) * 1024 for name, size in re.findall(r"^(\w+): +(\d+) kB$", meminfo, re.MULTILINE)}
    total, available = sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)
    found = f"{available / 1e9:.1f} of {total / 1e9:.1f} GB available"
    if need:
        found += f", the model needs {need / 1e9:.1f} GB ({'measured' if known else 'estimated'})"
    if need > total:
        return Check("failed", "memory", found, "take a smaller model, or one with fewer bits a weight: --model PATH")
    if need > available:
        return Check("warning", "memory", found, "end other programs, or take a smaller model")
    return Check("ok", "memory", found)


def machine_load() -> tuple[str, int, int, float]:
    """Give what :func:`processor` asks for: text of /proc/cpuinfo, cores, usable cores, load."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return cpuinfo, os.cpu_count() or 1, len(os.sched_getaffinity(0)), os.getloadavg()[0]
