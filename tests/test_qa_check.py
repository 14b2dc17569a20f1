"""`kg qa check` finds what is wrong: leaks, tampered replies, parts, proofs, and held-out lists."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from generation.qa.building import QABuilder, QAConfig
from generation.qa.checking import CheckReport, check_dataset
from generation.qa.dataset import write_dataset
from generation.qa.families import load_families
from generation.qa.splits import SplitConfig
from kgengine.errors import ArtifactError, KGError
from kgengine.graph import Graph

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module", params=["disease", "edge"])
def written(core: Graph, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A dataset of 900 items in both languages, as JSONL and Parquet."""
    folder = tmp_path_factory.mktemp("check") / "qa"
    share = 0.1 if request.param == "disease" else 0.02
    config = QAConfig(langs=("en", "ru"), split=SplitConfig(request.param, share, share))
    families = load_families()
    made_from = {"config": asdict(config), "graph": core.hash, "sources": []}
    made_from["families"] = [asdict(family) for family in families]
    write_dataset(folder, QABuilder(core, config, families), 900, made_from)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "qa"))


def changed(path: Path, change: Change) -> None:
    """Change each item of a JSONL file in place."""
    items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for item in items:
        change(item)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")


def checked(folder: Path, core: Graph) -> CheckReport:
    return check_dataset(folder, core, sample=900)


def test_what_was_built_is_sound_in_every_kind_of_file(folder: Path, core: Graph) -> None:
    report = checked(folder, core)
    assert report.sound, report.lines()
    assert report.asked_again == 1800
    assert sum(report.items.values()) == 900
    assert 0 < report.unseen["test"] <= report.held_out["test"]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("train", lambda item: item.update(output="WRONG.")),
        ("test", lambda item: item.update(gold=["nonsense"])),
        ("validation", lambda item: item.update(split="train")),
    ],
)
def test_a_reply_gold_or_part_of_its_own_is_found(folder: Path, core: Graph, part: str, change: Change) -> None:
    changed(folder / f"{part}.jsonl", change)
    report = checked(folder, core)
    assert len(report.unlike) == report.items[part]
    assert not report.sound


def test_a_proof_of_other_edges_is_found(folder: Path, core: Graph) -> None:
    def change(item: dict[str, Any]) -> None:
        for answer in item["answers"]:
            for proof in answer["proofs"]:
                proof["edges"] = [999_999_999] * len(proof["edges"])

    changed(folder / "train.jsonl", change)
    report = checked(folder, core)
    assert len(report.wrong) == report.items["train"]


def test_an_answer_left_out_is_found(folder: Path, core: Graph) -> None:
    changed(folder / "train.jsonl", lambda item: item["answers"].pop())
    assert len(checked(folder, core).wrong) == checked(folder, core).items["train"]


def test_items_of_the_test_among_the_training_are_leaks_and_repeated(folder: Path, core: Graph) -> None:
    """Ten items of the test take the place of ten of training, in the JSONL alone."""
    test = (folder / "test.jsonl").read_text(encoding="utf-8").splitlines()[:10]
    train = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "train.jsonl").write_text("\n".join([*train[:-10], *test]) + "\n", encoding="utf-8")
    report = checked(folder, core)
    assert len(report.repeated) == 10
    assert len(report.leaks) >= 5  # an edge's wrong option, or a path that is no proof, may be all that is held out
    assert len(report.unlike) == 10


def test_an_emptied_list_of_what_is_held_out_is_found(folder: Path, core: Graph) -> None:
    (folder / "held_out.json").write_text('{"validation": [], "test": []}', encoding="utf-8")
    report = checked(folder, core)
    assert any("held_out.json is not what the seed holds out" in line for line in report.lines())
    assert not report.sound


def test_damaged_files_are_one_clear_line(folder: Path, core: Graph) -> None:
    whole = (folder / "train.parquet").read_bytes()
    (folder / "train.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(KGError, match=r"train.parquet is damaged"):
        checked(folder, core)
    (folder / "train.parquet").write_bytes(whole)
    with (folder / "validation.jsonl").open("a", encoding="utf-8") as handle:
        handle.write("{}\n")
    with pytest.raises(KGError, match=r"validation.jsonl, item \d+ is no item of a alpaca dataset"):
        checked(folder, core)
    changed(folder / "test.jsonl", lambda item: item.pop("anchors"))
    (folder / "validation.jsonl").unlink()
    with pytest.raises(KGError, match=r"test.jsonl holds a damaged item"):
        checked(folder, core)
    table = pyarrow.parquet.read_table(folder / "test.parquet")
    pyarrow.parquet.write_table(table.slice(1), folder / "test.parquet")
    (folder / "test.jsonl").unlink()
    with pytest.raises((ArtifactError, KGError), match=r"items as jsonl, and its manifest says 900"):
        checked(folder, core)


def test_several_hops_without_proofs_can_not_be_proved(core: Graph, tmp_path: Path) -> None:
    config = QAConfig(hops=(2,), proofs=0)
    families = load_families()
    made_from = {"config": asdict(config), "graph": core.hash, "sources": []}
    made_from["families"] = [asdict(family) for family in families]
    write_dataset(tmp_path / "qa", QABuilder(core, config, families), 60, made_from)
    report = check_dataset(tmp_path / "qa", core)
    assert report.doubts == ["without proofs (--proofs 0) nobody can see what items of several hops rest on"]
    assert not report.leaks + report.unlike + report.wrong
