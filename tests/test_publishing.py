"""What a finished run leaves: Parquet as trainers read it, a card that hubs read, a guarded leak report, one manifest.

The notes are real ones from templates; what is made by hand is their order, one rejection and one near-copy.
"""

import importlib.util
import json
import random
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from generation import publishing
from generation.duplicates import distinct_n
from generation.examples import ExampleShelf, OwnNote
from generation.kinds import kind_of
from generation.notes import NoteConfig, NoteWriter
from generation.publishing import accepted_notes, publish
from generation.records import MEDSYN_COLUMNS, note_record
from generation.runs import CARD, FINISHED, LEAK, NOTES, PARQUET, finished_summary
from kgengine.bundles import BundleSampler
from kgengine.errors import KGError
from kgengine.graph import Graph

Record = dict[str, Any]
Publish = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def writer(core: Graph) -> NoteWriter:
    """Words Russian notes from templates."""
    return NoteWriter(core, NoteConfig(lang="ru"), None)


@pytest.fixture(scope="module")
def records(core: Graph, writer: NoteWriter) -> list[Record]:
    """Nine notes: number 2 is rejected, number 6 says what number 4 says with one word more."""
    sampler = BundleSampler(core, np.full(core.num_edges, 0.5, np.float32))
    found = [note_record(writer, note) for note in writer.write(sampler.draw(seed=5, count=9))]
    assert all(record["verdict"] == "accepted" for record in found)
    found[2] |= {"verdict": "rejected", "failures": [["missing", "invented"], ["missing"]], "tries": 2}
    found[6]["response"] = found[4]["response"] + " Повторно."
    return found


@pytest.fixture
def made_from(writer: NoteWriter) -> dict[str, Any]:
    return {**writer.provenance, "count": 9, "seed": 5}


@pytest.fixture
def folder(tmp_path: Path, records: list[Record]) -> Path:
    """A run whose notes are written in another order than that of their numbers, as in fast mode."""
    return write(tmp_path / "run", records[::-1])


def write(folder: Path, records: list[Record]) -> Path:
    folder.mkdir()
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / NOTES).write_text(text, encoding="utf-8")
    return folder


def shelf_of(core: Graph, texts: list[str]) -> ExampleShelf:
    own = [OwnNote(f"own-{number:02}", "J18", text) for number, text in enumerate(texts)]
    return ExampleShelf(core, kind_of("anamnesis"), "ru", own)


def own_texts(count: int) -> list[str]:
    random_letters = random.Random(3)
    words = ["".join(random_letters.choices("абвгдежзиклмно", k=7)) for _ in range(200)]
    return [" ".join(random_letters.choices(words, k=12)) for _ in range(count)]


def front_matter(card: str) -> dict[str, Any]:
    """Read the part of YAML that the card uses: texts, lists of texts, and one list of a mapping."""
    _, head, _ = card.split("---\n", 2)
    found: dict[str, Any] = {}
    for line in head.splitlines():
        if match := re.fullmatch(r"(\w+):", line):
            key = match[1]
            found[key] = []
        elif match := re.fullmatch(r"- (\w+): (\S+)", line):
            found[key].append({match[1]: match[2]})
        elif match := re.fullmatch(r"  (\w+): (\S+)", line):
            found[key][-1][match[1]] = match[2]
        else:
            found[key] += re.findall(r"^- ([\w-]+)$", line) or pytest.fail(line)
    return found


def test_parquet_has_the_accepted_notes_in_order_medsyns_columns_first(
    folder: Path, made_from: dict[str, Any], records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_ROWS", 3)  # eight notes in three groups
    publish(folder, made_from)
    table = pyarrow.parquet.read_table(folder / PARQUET)
    assert pyarrow.parquet.ParquetFile(folder / PARQUET).num_row_groups == 3
    assert tuple(table.column_names[:10]) == MEDSYN_COLUMNS
    lists = {"prior", "example", "example source"}
    for field in table.schema:
        expected = pyarrow.int64() if field.name in ("tries", "seed") else pyarrow.string()
        assert field.type == (pyarrow.list_(pyarrow.string()) if field.name in lists else expected), field.name
    rows, wanted = table.to_pylist(), [record for record in records if record["verdict"] == "accepted"]
    assert [row["idx"] for row in rows] == [record["idx"] for record in wanted]
    nested = ("bundle", "overlap", "sampling", "style")
    for row, record in zip(rows, wanted, strict=True):
        assert {name: row[name] for name in row if name not in (*nested, "duplicate_of")} == {
            name: record[name] for name in row if name not in (*nested, "duplicate_of")
        }
        assert {name: json.loads(row[name]) for name in nested} == {name: record[name] for name in nested}
    assert {row["idx"]: row["duplicate_of"] for row in rows if row["duplicate_of"]} == {"note-000006": "note-000004"}
    if importlib.util.find_spec("datasets"):
        import datasets

        assert datasets.load_dataset(str(folder), split="train").to_list() == rows


def test_the_summary_counts_what_was_made_by_hand(
    folder: Path, made_from: dict[str, Any], records: list[Record]
) -> None:
    summary = publish(folder, made_from)
    wanted = [record for record in records if record["verdict"] == "accepted"]
    assert {key: summary[key] for key in ("accepted", "rejected", "tries", "texts", "duplicates", "reasons")} == {
        "accepted": 8,
        "rejected": 1,
        "tries": 8 + 2,
        "texts": 8 + 2,
        "duplicates": 1,
        "reasons": {"missing": 2, "invented": 1},
    }
    texts = [record["response"] for record in wanted]
    assert summary["distinct"] == {str(n): round(distinct_n(texts, n), 4) for n in (1, 2, 3)}
    sets = {(record["ICD-10"], frozenset(one["id"] for one in record["bundle"]["symptoms"])) for record in wanted}
    codes = [code for code, _ in sets]
    assert summary["symptom_sets"] == {code: codes.count(code) for code in sorted(set(codes))}
    assert finished_summary(folder, made_from) == json.loads(json.dumps(summary))
    versions = json.loads((folder / FINISHED).read_text(encoding="utf-8"))["versions"]
    assert set(versions) == {"kg", "llama-cpp-python", "pyarrow", "torch"}
    assert accepted_notes(folder, 99) == wanted[::-1]
    assert accepted_notes(folder, 2) == wanted[:-3:-1]
    assert accepted_notes(folder, 0) == []


def test_the_card_reads_as_a_dataset_card_and_its_figures_are_the_manifests(
    core: Graph, folder: Path, made_from: dict[str, Any]
) -> None:
    summary = publish(folder, made_from, shelf_of(core, own_texts(20)))
    card = (folder / CARD).read_text(encoding="utf-8")
    expected = {
        "language": ["ru"],
        "task_categories": ["text-classification", "text-generation"],
        "tags": ["medical", "synthetic", "icd-10"],
        "configs": [{"config_name": "default", "data_files": PARQUET}],
    }
    assert front_matter(card) == expected
    if importlib.util.find_spec("yaml"):
        import yaml

        assert next(yaml.safe_load_all(card.split("\n# ")[0])) == expected
    rows = dict(re.findall(r"^\| (.+) \| (.+) \|$", card, re.MULTILINE))
    assert "\n8 notes (anamnesis, Russian) of patients who do not exist" in card
    assert rows["notes accepted, rejected"].startswith("8, 1 (")
    assert rows["ICD-10 codes"] == str(len(summary["symptom_sets"]))
    assert rows["distinct sets of symptoms"] == str(sum(summary["symptom_sets"].values()))
    assert (
        rows["distinct words, pairs, triples of words"] == ", ".join(map(str, summary["distinct"].values())) + " of all"
    )
    assert rows["notes that nearly repeat an earlier one"].startswith("1 (")
    assert rows["model"] == "none: worded from templates"
    assert (rows["graph"], rows["prompt"]) == (core.hash, made_from["prompt_sha256"])
    share = f"{summary['leak']['nearer_to_example']:.2f} "
    assert rows["notes nearer to an example shown than to any held-out one"].startswith(share)
    assert "{{" not in card
    with_model = {**made_from, "runtime": {"model": "llama.gguf"}, "config": {**made_from["config"], "lang": "en"}}
    publish(folder, with_model)
    card = (folder / CARD).read_text(encoding="utf-8")
    assert "| model | llama.gguf |" in card
    assert "(anamnesis, English)" in card
    assert "held-out" not in card


def test_what_quotes_the_users_examples_is_in_the_leak_report_alone(
    core: Graph, tmp_path: Path, records: list[Record], made_from: dict[str, Any]
) -> None:
    """Note 0 ends with the words of an example, as a model would that knows it by heart."""
    texts = own_texts(20)
    shelf = shelf_of(core, texts)
    assert (len(shelf.held_out), len(shelf.shown)) == (2, 18)
    leaking = deepcopy(records)
    leaking[0]["response"] += " " + shelf.shown[7].text
    folder = write(tmp_path / "leaking", leaking)
    summary = publish(folder, made_from, shelf)
    report = json.loads((folder / LEAK).read_text(encoding="utf-8"))
    assert (report["worst"][0]["note"], report["worst"][0]["source"]) == ("note-000000", shelf.shown[7].id)
    assert report["worst"][0]["span"] == shelf.shown[7].text
    assert (report["notes"], report["pool"]) == (8, 2)
    assert summary["leak"] == {key: value for key, value in report.items() if key != "worst"}
    for name in (FINISHED, CARD):
        content = (folder / name).read_text(encoding="utf-8")
        assert "worst" not in content
        assert not any(text in content for text in texts)


@pytest.mark.parametrize(
    "texts",
    [[], own_texts(4), [own_texts(1)[0]] * 10, [f"{text}." for text in own_texts(1)] * 5 + own_texts(1) * 5],
    ids=["none", "too few to hold one out", "all the same", "the same but for a stop"],
)
def test_without_a_held_out_note_of_its_own_there_is_no_leak_report_and_the_run_finishes(
    core: Graph, folder: Path, made_from: dict[str, Any], texts: list[str]
) -> None:
    for shelf in (None, shelf_of(core, texts)):
        assert "leak" not in publish(folder, made_from, shelf)
        assert not (folder / LEAK).exists()
        assert finished_summary(folder, made_from) is not None


def test_a_run_of_rejected_notes_alone_is_published(
    core: Graph, tmp_path: Path, records: list[Record], made_from: dict[str, Any]
) -> None:
    folder = write(tmp_path / "rejected", [record | {"verdict": "rejected"} for record in records])
    summary = publish(folder, made_from, shelf_of(core, own_texts(20)))
    assert (summary["accepted"], summary["rejected"], summary["symptom_sets"]) == (0, 9, {})
    table = pyarrow.parquet.read_table(folder / PARQUET)
    assert (table.num_rows, tuple(table.column_names[:10])) == (0, MEDSYN_COLUMNS)
    assert not (folder / LEAK).exists()


@pytest.mark.parametrize("name", [PARQUET, LEAK, CARD, FINISHED])
def test_the_manifest_is_last_and_a_failure_before_it_is_made_good_by_another_run(
    core: Graph, folder: Path, made_from: dict[str, Any], name: str
) -> None:
    """A folder in a file's place makes writing it fail."""
    shelf = shelf_of(core, own_texts(20))
    (folder / name).mkdir()
    with pytest.raises(KGError, match=f"^cannot write {folder / name}: Is a directory; choose another place"):
        publish(folder, made_from, shelf)
    assert finished_summary(folder, made_from) is None
    order = [PARQUET, LEAK, CARD, FINISHED]
    assert {path.name for path in folder.iterdir()} == {NOTES, *order[: order.index(name) + 1]}
    (folder / name).rmdir()
    summary = publish(folder, made_from, shelf)
    assert finished_summary(folder, made_from) == json.loads(json.dumps(summary))
    assert {path.name for path in folder.iterdir()} == {NOTES, *order}
