"""`kg sample` and `kg generate` on stored predictions: what is shown, and that a predicted fact is worded and verified
like any other.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bundles import some_predictions as made_up
from kgengine.edge_scores import EDGE_SCORES, PREDICTED
from kgengine.graph import Graph

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def workspace(core: Graph, core_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default MKG with made-up scores and predictions."""
    folder = tmp_path_factory.mktemp("sampled")
    (folder / "graph").symlink_to(core_folder)
    (folder / "reasoner").mkdir()
    (folder / "reasoner" / "manifest.json").write_text(json.dumps({"graph": core.hash}))
    stored = made_up(core, np.random.default_rng(0).random(core.num_edges).astype(np.float32))
    np.save(folder / "reasoner" / EDGE_SCORES, stored.edges)
    stored.predicted.save(folder / "reasoner")
    return folder


EVERYTHING = ("--diseases", 2, "--side-effects", 1, "--predicted-share", 0.4, "--temperature", 1.2)


def test_the_text_shows_further_diseases_predictions_and_side_effects(kg: Run, workspace: Path) -> None:
    code, out, err = kg("-w", workspace, "sample", "-n", 8, "--codes", "J18,I10", *EVERYTHING)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    assert len(heads) == 8
    assert all(
        head.startswith(("ICD10:J18 pneumonia with ", "ICD10:I10 essential hypertension with ")) for head in heads
    )
    assert sum("(predicted 0." in line for line in lines) >= 5
    assert any(line.startswith("   side effects: ") for line in lines)
    assert max(map(len, lines)) < 500


def test_the_same_bundles_come_as_json_and_without_the_options_nothing_of_it(kg: Run, workspace: Path) -> None:
    code, out, _ = kg("-w", workspace, "sample", "-n", 40, "--json", *EVERYTHING)
    assert code == 0
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["id"] for record in records] == [f"bundle-{number:06d}" for number in range(40)]
    states = {fact["state"] for record in records for fact in (*record["symptoms"], *record["drugs"])}
    assert states == {"exact", "predicted"}
    assert all(len(record["comorbidities"]) == 1 for record in records)
    assert kg("-w", workspace, "sample", "-n", 40, "--json", *EVERYTHING)[1] == out
    plain = [json.loads(line) for line in kg("-w", workspace, "sample", "-n", 40, "--json")[1].splitlines()]
    assert {(*map(len, (one["comorbidities"], one["side_effects"])),) for one in plain} == {(0, 0)}
    assert {fact["state"] for one in plain for fact in (*one["symptoms"], *one["drugs"])} == {"exact"}


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_notes_of_bundles_with_predicted_facts_are_verified_and_accepted(
    kg: Run, workspace: Path, tmp_path: Path, lang: str
) -> None:
    out = tmp_path / "notes"
    arguments = ("generate", "-n", 60, "--predicted-share", 0.4, "--template-only", "--lang", lang, "--out", out)
    code, _, _ = kg("-w", workspace, *arguments)
    assert code == 0
    notes = [json.loads(line) for line in (out / "notes.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum(note["verdict"] == "accepted" for note in notes) >= 59
    states = [fact["state"] for note in notes for fact in note["bundle"]["symptoms"]]
    assert 0.25 < states.count("predicted") / len(states) < 0.55


def test_predictions_that_are_not_there_are_an_error_of_one_line(kg: Run, workspace: Path) -> None:
    moved = workspace / "reasoner" / "elsewhere.npz"
    (workspace / "reasoner" / PREDICTED).rename(moved)
    try:
        code, out, err = kg("-w", workspace, "sample", "-n", 2, "--predicted-share", 0.4)
    finally:
        moved.rename(workspace / "reasoner" / PREDICTED)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "holds no predictions (predicted.npz); run 'kg train' again" in err


@pytest.mark.parametrize("option", [("--predicted-share", "1"), ("--temperature", "0"), ("--diseases", "0")])
def test_a_value_out_of_range_is_wrong_usage(kg: Run, workspace: Path, option: tuple[str, str]) -> None:
    code, out, err = kg("-w", workspace, "sample", *option)
    assert (code, out) == (2, "")
    assert option[0] in err
