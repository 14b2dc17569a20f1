"""Keeps the state of a running training beside the embedding's folder, so that a killed run can go on.

PyKEEN writes and reads the state itself (model, optimizer, random generators, early stopper); this adds that a
checkpoint is never half-written, and is only ever continued by the very run that it belongs to.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embeddings.presets import EmbeddingConfig
from kgengine.artifacts import replaced_file, unwritable
from kgengine.errors import Interrupted, KGError
from kgengine.graph import Graph
from kgengine.split import Split

STATE = "last.pt"
BEST = "best.pt"
RUN = "run.json"


def checkpoint_folder(folder: Path) -> Path:
    """Name the folder of a run's checkpoint: beside the embedding's own."""
    return folder.with_name(f"{folder.name}.checkpoint")


def run_identity(graph: Graph, split: Split, config: EmbeddingConfig, device: str) -> dict[str, Any]:
    """Say what two runs must share so that one may continue the other."""
    import hashlib

    edges = hashlib.sha256()
    for part in (split.train, split.validation, split.test):
        edges.update(part.astype("<i8").tobytes() + b";")
    versions = {name: version(name) for name in ("pykeen", "torch")}
    return {
        "graph": graph.hash,
        "split": edges.hexdigest(),
        "config": asdict(config),
        "device": device.partition(":")[0],
        "versions": versions,
    }


def open_checkpoint(folder: Path, identity: dict[str, Any], resume: bool) -> Path:
    """Make the checkpoint folder of a new run, or find that of a run to continue.

    :param folder: where the embedding shall lie.
    :param identity: of :func:`run_identity`.
    :param resume: continue; else an older checkpoint is thrown away.
    :returns: the checkpoint folder.
    :raises KGError: there is nothing to continue, or it is another run; the folder can't be written.
    """
    place = checkpoint_folder(folder)
    if resume:
        _check(place, identity)
        return place
    try:
        if place.exists():
            shutil.rmtree(place)
        place.mkdir(parents=True)
        (place / RUN).write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(place, error) from error
    return place


def _check(place: Path, identity: dict[str, Any]) -> None:
    if not (place / STATE).is_file():
        raise KGError(f"no checkpoint at {place}; run 'kg embed' without --resume")
    try:
        found = json.loads((place / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KGError(f"the checkpoint at {place} is damaged ({error}); run 'kg embed' without --resume") from error
    for key, what in (("graph", "graph"), ("split", "split of the edges"), ("device", "kind of device")):
        if found.get(key) != identity[key]:
            raise KGError(f"the checkpoint at {place} is of another {what}; run 'kg embed' without --resume")
    if found.get("versions") != identity["versions"]:
        raise KGError(f"the checkpoint at {place} was written by {_worded(found.get('versions'))}; start anew")
    other = found.get("config", {})
    changed = [key for key, value in identity["config"].items() if other.get(key) != value]
    if changed:
        values = ", ".join(f"{key} {other.get(key)} instead of {identity['config'][key]}" for key in changed)
        raise KGError(f"the checkpoint at {place} has {values}; give the same settings, or leave out --resume")


def _unreadable(place: Path) -> KGError:
    return KGError(f"the checkpoint at {place} can't be read; run 'kg embed' without --resume")


def _worded(versions: Any) -> str:
    pairs: Iterable[tuple[str, str]] = versions.items() if isinstance(versions, dict) else ()
    return " and ".join(f"{name} {number}" for name, number in pairs) or "unknown versions"


def whole_checkpoints(loop: Any) -> Any:
    """Derive a PyKEEN training loop that moves a finished checkpoint into place.

    PyKEEN writes over the old file, so that a run killed while it writes would lose both.

    :param loop: a class of PyKEEN's training loops.
    :returns: a class that does the same, safely.
    """

    class WholeCheckpoints(loop):  # type: ignore[misc]
        """The loop, with checkpoints that are whole or not there."""

        def _save_state(self, path: Path, **state: Any) -> None:
            with replaced_file(Path(path)) as temporary:
                super()._save_state(temporary, **state)

    return WholeCheckpoints


@contextmanager
def clear_errors(place: Path, config: EmbeddingConfig) -> Iterator[None]:
    """Turn what stops a training into one clear line.

    :param place: the checkpoint folder.
    :param config: how it is trained.
    :raises KGError: the checkpoint can't be read, memory ran out, the loss is no number, or PyKEEN refuses.
    :raises Interrupted: the user stopped it.
    """
    import pickle

    from pykeen.training.training_loop import CheckpointMismatchError, NonFiniteLossError, NoTrainingBatchError
    from torch_max_mem.api import is_oom_error

    try:
        yield
    except KeyboardInterrupt:
        kept = f"'kg embed --resume' goes on from {place}" if (place / STATE).is_file() else "nothing is kept"
        raise Interrupted(f"interrupted; {kept}") from None
    except (CheckpointMismatchError, pickle.UnpicklingError, EOFError) as error:
        raise _unreadable(place) from error
    except NoTrainingBatchError as error:
        raise KGError(
            f"a batch of {config.batch} leaves {config.model} nothing to learn; take a smaller --batch"
        ) from error
    except NonFiniteLossError as error:
        raise KGError(f"{config.model} lost its way (its loss is no number); take a smaller --learning-rate") from error
    except RuntimeError as error:
        if "PytorchStreamReader" in str(error):
            raise _unreadable(place) from error
        if not is_oom_error(error) and "allocate memory" not in str(error):
            raise
        raise KGError(f"{config.model} ran out of memory; take a smaller --dim or --batch") from error
