"""Tilted arms: the same classifier, with scores lowered for frequent codes."""

from dataclasses import replace
from pathlib import Path

import pytest
from test_utility import NOTES, TEST, TRAIN, arm, write

from generation.utility.material import load_material
from generation.utility.results import measure_utility
from generation.utility.study import UtilityConfig, evaluate
from kgengine.errors import KGError


def measured(tmp_path: Path, **settings: object) -> dict[str, object]:
    files = [write(tmp_path / f"{name}.jsonl", rows) for name, rows in (("a", TRAIN), ("b", TEST), ("c", NOTES))]
    config = UtilityConfig(tail=2, fills=(3,), resamples=20, **settings)  # type: ignore[arg-type]
    return evaluate(load_material(files[0], files[1], [files[2]]), config, lambda *step: None)


def test_a_strong_tilt_ranks_the_codes_by_rarity_alone(tmp_path: Path) -> None:
    """One note of C30, two of B20, three of E50, five of A10: both C30 of the seven tests come first, A10 last."""
    metrics = arm(measured(tmp_path, tilt=50.0), "real, tilted")["metrics"]
    assert [metrics["overall"][f"hit@{k}"]["value"] for k in (1, 3)] == [pytest.approx(2 / 7), pytest.approx(5 / 7)]
    assert [metrics["tail"][f"hit@{k}"]["value"] for k in (1, 3)] == [0.5, 1.0]


def test_the_other_arms_stay_and_each_has_a_tilted_one_compared_with_the_real_ones(tmp_path: Path) -> None:
    plain, tilted = measured(tmp_path)["arms"], measured(tmp_path, tilt=0.5)["arms"]
    count = len(plain)
    assert tilted[:count] == plain
    assert [one["name"] for one in tilted[count:]] == [f"{one['name']}, tilted" for one in plain]
    assert list(tilted[count]["differences"]) == ["real"]
    assert all(list(one["differences"]) == ["real", "real, tilted"] for one in tilted[count + 1 :])


def test_results_with_and_without_a_tilt_are_not_taken_for_one_another(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.jsonl", rows) for name, rows in (("a", TRAIN), ("b", TEST))]
    plain = UtilityConfig(tail=2, fills=(3,), resamples=20)
    measure_utility(files[0], files[1], [], tmp_path / "out", plain)
    with pytest.raises(KGError, match="of something else"):
        measure_utility(files[0], files[1], [], tmp_path / "out", replace(plain, tilt=0.5))
    assert measure_utility(files[0], files[1], [], tmp_path / "out", plain)[1]


def test_scores_of_another_classifier_are_not_tilted(tmp_path: Path) -> None:
    with pytest.raises(KGError, match="--tilt needs scores that are log odds"):
        measured(tmp_path, tilt=0.5, classifier="first_word:make")
