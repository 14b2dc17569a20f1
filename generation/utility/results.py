"""The files of a comparison: `utility.json`, `utility.html`, and the manifest that says what they are made from.

Nothing is written before the last arm is done; the manifest comes last, so a folder without one was interrupted.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from generation.dataset import plain, read_object
from generation.utility.classifiers import Classifier, make_classifier
from generation.utility.material import load_material, notes_file, source_names
from generation.utility.page import render_page
from generation.utility.study import Progress, UtilityConfig, evaluate
from kgengine import __version__
from kgengine.artifacts import MANIFEST, replaced_file, sha256_file, unwritable
from kgengine.errors import KGError

RESULTS, PAGE = "utility.json", "utility.html"


def measure_utility(
    train: Path,
    test: Path,
    notes: list[Path],
    out: Path,
    config: UtilityConfig,
    progress: Progress = lambda done, total, words: None,
    force: bool = False,
) -> tuple[dict[str, Any], bool]:
    """Compare all arms and write `utility.json`, `utility.html` and a manifest, unless they are there already.

    :param train: real notes to train on; `test` real notes to test on, JSON lines of RuMedTop3's schema.
    :param test: see `train`.
    :param notes: sources of synthetic notes; none compares real and oversampled notes only.
    :param out: the folder to write.
    :param config: the settings.
    :param progress: told arms done, arms in all, and the name of the arm that begins.
    :param force: True to measure again, and to replace what the folder holds of something else.
    :returns: the results, and True if they were there.
    :raises KGError: notes or the classifier can't be used, or the folder holds something else.
    """
    classifier = make_classifier(config.classifier, config.seed)
    made_from = _made_from(train, test, notes, config, classifier)
    there = None if force else _finished(out, made_from)
    if there is not None:
        return there, True
    if not force:
        _check_foreign(out, made_from)
    material = load_material(train, test, notes)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    results = {"config": made_from, **evaluate(material, config, progress)}
    _write(out, made_from, results)
    return results, False


def _made_from(
    train: Path, test: Path, notes: list[Path], config: UtilityConfig, classifier: Classifier
) -> dict[str, Any]:
    """Give all that the results depend on."""
    for path, option in ((train, "--train"), (test, "--test")):
        if not path.is_file():
            raise KGError(f"there is no file {path}; give {option} a JSON lines file of real notes")
    names = source_names(notes)
    return {
        "train_sha256": sha256_file(train),
        "test_sha256": sha256_file(test),
        "notes": {name: sha256_file(notes_file(path)) for name, path in zip(names, notes, strict=True)},
        "tail": config.tail,
        "fills": list(config.fills),
        "classifier": classifier.description,
        "tilt": config.tilt,
        "resamples": config.resamples,
        "seed": config.seed,
        "versions": {"kg": __version__, "numpy": np.__version__},
    }


def _finished(out: Path, made_from: dict[str, Any]) -> dict[str, Any] | None:
    """Give the results of the folder if they are whole and made from just this."""
    manifest, results = read_object(out / MANIFEST), read_object(out / RESULTS)
    if manifest is None or results is None or manifest.get("config") != plain(made_from):
        return None
    written = manifest.get("outputs")
    there = {name: sha256_file(out / name) for name in (RESULTS, PAGE) if (out / name).is_file()}
    return results if written == there else None


def _check_foreign(out: Path, made_from: dict[str, Any]) -> None:
    """Refuse a folder whose files are of something else."""
    found = [name for name in (RESULTS, PAGE, MANIFEST) if (out / name).exists()]
    stated = [(read_object(out / name) or {}).get("config") for name in found if name != PAGE]
    if found and plain(made_from) not in stated:
        raise KGError(f"{out} holds {', '.join(found)} of something else; give another --out, or --force to replace it")


def _write(out: Path, made_from: dict[str, Any], results: dict[str, Any]) -> None:
    """Write the results and the page, then the manifest."""
    try:
        (out / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    for name, text in ((RESULTS, _text(results)), (PAGE, render_page(results))):
        with replaced_file(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="replace")
    outputs = {name: sha256_file(out / name) for name in (RESULTS, PAGE)}
    with replaced_file(out / MANIFEST) as temporary:
        manifest = {"config": made_from, "outputs": outputs, "summary": results["counts"]}
        temporary.write_text(_text(manifest), encoding="utf-8")


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
