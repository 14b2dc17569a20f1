"""A dataset's folder is read by the tools it is made for, holds the same in each kind of file, and is whole or not
there: nothing half-written is left, nothing of others is replaced.
"""

import json
import os
import resource
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from generation.qa.building import QABuilder, QAConfig
from generation.qa.dataset import check_place, finished_summary, write_dataset
from generation.qa.families import load_families
from generation.qa.formats import FORMATS, check_format
from kgengine.errors import KGError, UnknownNameError
from kgengine.graph import Graph

Item = dict[str, Any]
PARTS = ("train", "validation", "test")
COUNT = 600
OWN_COLUMNS = {"alpaca": {"instruction", "input", "output"}, "sharegpt": {"conversations"}, "openai": {"messages"}}
COMMON = {
    *("id", "lang", "family", "form", "hops", "metapath", "difficulty", "split"),
    *("gold", "anchors", "options", "answers"),
}


def config_of(**options: Any) -> QAConfig:
    return QAConfig(langs=("en", "ru"), **options)


def made_from(graph: Graph, config: QAConfig) -> dict[str, Any]:
    return {"config": asdict(config), "graph": graph.hash, "sources": [("kg-core", "CC-BY-4.0")], "count": COUNT}


def write(graph: Graph, folder: Path, shape: str = "alpaca", **rest: Any) -> dict[str, Any]:
    config = config_of(reasoned=rest.pop("reasoned", False))
    builder = QABuilder(graph, config, load_families())
    return write_dataset(folder, builder, rest.pop("count", COUNT), made_from(graph, config), shape, **rest)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `datasets` package, told to reach no hub and to keep its cache to itself."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        for key, value in (("HF_HUB_OFFLINE", "1"), ("HF_DATASETS_OFFLINE", "1"), ("HF_HOME", str(cache))):
            patch.setenv(key, value)
        yield cache


@pytest.fixture(scope="module")
def folders(core: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dataset in each format."""
    place = tmp_path_factory.mktemp("qa")
    for shape in FORMATS:
        write(core, place / shape, shape)
    return {shape: place / shape for shape in FORMATS}


def lines_of(folder: Path, part: str) -> list[Item]:
    return [json.loads(line) for line in (folder / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()]


def turns(item: Item, shape: str) -> tuple[str, str]:
    """Give question and reply of an item in a format."""
    if shape == "alpaca":
        assert item["input"] == ""
        return item["instruction"], item["output"]
    column, who, what, *names = {
        "sharegpt": ("conversations", "from", "value", "human", "gpt"),
        "openai": ("messages", "role", "content", "user", "assistant"),
    }[shape]
    asks, replies = item[column]
    assert [asks[who], replies[who]] == names
    assert set(asks) == set(replies) == {who, what}
    return asks[what], replies[what]


@pytest.mark.parametrize("shape", FORMATS)
def test_datasets_loads_the_folder_with_its_three_parts(folders: dict[str, Path], offline: Path, shape: str) -> None:
    import datasets

    loaded = datasets.load_dataset(str(folders[shape]), cache_dir=str(offline))
    assert set(loaded) == set(PARTS)
    assert sum(len(loaded[part]) for part in PARTS) == COUNT
    for part in PARTS:
        assert set(loaded[part].column_names) == OWN_COLUMNS[shape] | COMMON
        assert loaded[part].to_list() == lines_of(folders[shape], part)
        assert set(loaded[part]["split"]) == {part}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_datasets_loads_a_folder_of_one_kind_of_file(core: Graph, offline: Path, tmp_path: Path, kind: str) -> None:
    import datasets

    write(core, tmp_path / "qa", files=(kind,))
    there = {path.name for path in (tmp_path / "qa").iterdir()}
    assert {f"{part}.{kind}" for part in PARTS} == {name for name in there if name.endswith((".jsonl", ".parquet"))}
    assert ("dataset_info.json" in there) is (kind == "jsonl")
    loaded = datasets.load_dataset(str(tmp_path / "qa"), cache_dir=str(offline))
    assert sum(len(loaded[part]) for part in PARTS) == COUNT


@pytest.mark.parametrize("shape", FORMATS)
def test_both_kinds_of_files_hold_the_same_items_in_order(folders: dict[str, Path], shape: str) -> None:
    ids = []
    for part in PARTS:
        lines = lines_of(folders[shape], part)
        assert pyarrow.parquet.read_table(folders[shape] / f"{part}.parquet").to_pylist() == lines
        assert [item["id"] for item in lines] == sorted(item["id"] for item in lines)
        ids += [item["id"] for item in lines]
    assert sorted(ids) == [f"qa-{number:08d}" for number in range(COUNT)]


def test_all_formats_say_the_same(core: Graph, folders: dict[str, Path]) -> None:
    built = [item for table in QABuilder(core, config_of(), load_families()).items(COUNT) for item in table.to_pylist()]
    said = {item["id"]: (item["question"], item["answer"]) for item in built}
    for shape, folder in folders.items():
        items = [item for part in PARTS for item in lines_of(folder, part)]
        assert {item["id"]: turns(item, shape) for item in items} == said


@pytest.mark.parametrize("shape", FORMATS)
def test_a_reply_spells_the_reasoning_when_asked_to(core: Graph, tmp_path: Path, shape: str) -> None:
    write(core, tmp_path / "qa", shape, reasoned=True, count=60)
    builder = QABuilder(core, config_of(reasoned=True), load_families())
    said = {item["id"]: item["reasoning"] for table in builder.items(60) for item in table.to_pylist()}
    items = [
        item
        for part in PARTS
        if (tmp_path / "qa" / f"{part}.jsonl").exists()
        for item in lines_of(tmp_path / "qa", part)
    ]
    assert {item["id"]: turns(item, shape)[1] for item in items} == said
    assert "spell the facts first" in (tmp_path / "qa" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("shape", FORMATS)
def test_llama_factory_is_told_columns_that_exist(folders: dict[str, Path], shape: str) -> None:
    info = json.loads((folders[shape] / "dataset_info.json").read_text(encoding="utf-8"))
    assert len(info) == 3
    for entry in info.values():
        path = folders[shape] / entry["file_name"]
        item = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
        assert entry["formatting"] == ("alpaca" if shape == "alpaca" else "sharegpt")
        assert set(entry["columns"].values()) == OWN_COLUMNS[shape]
        assert set(entry["columns"]) == ({"prompt", "query", "response"} if shape == "alpaca" else {"messages"})
        tags = entry.get(
            "tags", {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}
        )
        if shape != "alpaca":
            asks, replies = item[entry["columns"]["messages"]]
            assert (asks[tags["role_tag"]], replies[tags["role_tag"]]) == (tags["user_tag"], tags["assistant_tag"])
            assert asks[tags["content_tag"]]


def test_the_summary_and_the_card_count_what_is_there(core: Graph, tmp_path: Path) -> None:
    summary = write(core, tmp_path / "qa")
    items = [item for part in PARTS for item in lines_of(tmp_path / "qa", part)]
    assert summary["count"] == len(items) == COUNT
    for key in ("split", "family", "hops", "form", "lang", "difficulty"):
        assert summary[key] == dict(Counter(str(item[key]) for item in items))
    card = (tmp_path / "qa" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlanguage:\n- en\n- ru\n")
    for part in PARTS:
        assert f"- split: {part}\n    path: {part}.parquet" in card
        assert f"{part} {summary['split'][part]}" in card
    for name, number in summary["family"].items():
        assert f"| {name} | {number} |" in card
    held = json.loads((tmp_path / "qa" / "held_out.json").read_text(encoding="utf-8"))
    assert held == QABuilder(core, config_of(), load_families()).held_out


def test_a_seed_fixes_every_byte(core: Graph, folders: dict[str, Path], tmp_path: Path) -> None:
    write(core, tmp_path / "qa")
    assert {path.name for path in (tmp_path / "qa").iterdir()} == {path.name for path in folders["alpaca"].iterdir()}
    for path in folders["alpaca"].iterdir():
        assert path.read_bytes() == (tmp_path / "qa" / path.name).read_bytes(), path.name


def test_an_unknown_format_is_refused_before_anything_is_written(core: Graph, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown format 'alpacca'; take one of alpaca, sharegpt, openai"):
        check_format("alpacca")
    with pytest.raises(UnknownNameError):
        write(core, tmp_path / "qa", "alpacca")
    assert list(tmp_path.iterdir()) == []


# ---- stopped and refused ----


@pytest.mark.parametrize("stop", [RuntimeError("boom"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [False, True])
def test_a_stop_leaves_nothing_behind_and_the_older_dataset_whole(
    core: Graph, tmp_path: Path, stop: BaseException, before: bool
) -> None:
    def halt(done: int) -> None:
        raise stop

    if before:
        write(core, tmp_path / "qa", count=60)
    older = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    with pytest.raises(type(stop)):
        write(core, tmp_path / "qa", progress=halt)
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == older
    assert [path.name for path in tmp_path.iterdir()] == ["qa"] * before


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("most", [10, 5_000, 40_000])
def test_a_disk_that_refuses_is_one_clear_line_and_leaves_nothing(
    core: Graph, tmp_path: Path, kind: str, most: int
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        with pytest.raises(KGError) as caught:
            write(core, tmp_path / "qa", files=(kind,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value).startswith(f"cannot write {tmp_path / 'qa'}: ")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_made_is_one_clear_line(core: Graph, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine\n", encoding="utf-8")
    for place in (tmp_path / "file" / "qa", Path("/proc/nowhere/qa")):
        with pytest.raises(KGError, match=f"cannot write {place}: "):
            write(core, place, count=30)
    assert os.listdir(tmp_path) == ["file"]


def test_a_foreign_folder_is_never_replaced(core: Graph, folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine\n", encoding="utf-8")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.jsonl").write_text("mine\n", encoding="utf-8")
    for name, manifest in (("other", '{"kind": "kg-notes"}'), ("list", "[]"), ("broken", '{"kind": "kg-qa"')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(manifest, encoding="utf-8")
    for name in ("foreign", "other", "list", "broken"):
        for force in (False, True):
            with pytest.raises(KGError, match=f"{name} holds something else than a QA dataset; give another --out"):
                check_place(tmp_path / name, force)
    with pytest.raises(KGError, match="file is a file; --out takes a folder"):
        check_place(tmp_path / "file", True)
    with pytest.raises(KGError, match="give another --out, or --force to replace it"):
        check_place(folders["alpaca"], False)
    check_place(folders["alpaca"], True)
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        check_place(tmp_path / name, False)


def test_a_dataset_is_finished_for_just_what_it_was_made_from(core: Graph, folders: dict[str, Path]) -> None:
    wanted = made_from(core, config_of())
    summary = finished_summary(folders["alpaca"], wanted)
    assert summary is not None
    assert summary["count"] == COUNT
    assert finished_summary(folders["alpaca"], {**wanted, "count": COUNT + 1}) is None
    assert finished_summary(folders["alpaca"], made_from(core, config_of(seed=1))) is None
    assert finished_summary(folders["alpaca"].parent, wanted) is None
    assert finished_summary(folders["alpaca"] / "missing", wanted) is None
