"""A reply is read as the set of answers that it says, and no better; scores are those counted by hand.

The table of replies was written by hand. Runs are checked on real datasets of the default MKG in all three formats,
with scripted replies, and once with the real default model on one thread.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from generation.models import default_model
from generation.qa.building import QABuilder, QAConfig
from generation.qa.dataset import write_dataset
from generation.qa.evaluation import EvalConfig, draw_items, evaluate, read_items
from generation.qa.families import load_families
from generation.qa.formats import FORMATS
from generation.qa.measures import compare
from generation.qa.replies import gold_answers, normal, read_reply, score
from generation.runtimes.batched import LlamaRuntime
from generation.runtimes.contract import Completion
from generation.runtimes.scripted import ScriptedRuntime
from generation.utility.measures import interval
from kgengine.errors import ArtifactError, KGError, UnknownNameError
from kgengine.graph import Graph

VITAMIN = "ascorbic acid (vitamin c), plain"
LISTED = {
    "en": ("fever", "cough", VITAMIN, "enlarging hands and feet"),
    "ru": ("лёгочная гипертензия", "жар", "витамины a и d, включая их комбинации", "«петлевые» диуретики"),
}
SHOWN = {
    "en": ("cough", "whooping cough", "hepatitis B", VITAMIN),
    "ru": ("жар", "витамин d и его аналоги", "кашель", "лёгочная гипертензия"),
}
ASKED = "How many drugs treat type 2 diabetes mellitus?"

LISTS: list[tuple[str, str, set[str]]] = [
    ("en", "fever; cough.", {"fever", "cough"}),
    ("en", "Fever, cough", {"fever", "cough"}),
    ("en", "The fever and a cough.", {"fever", "cough"}),
    ("en", "fever, 'cough'", {"fever", "cough"}),
    ("en", "- Fever\n- Cough\n", {"fever", "cough"}),
    ("en", "Symptoms:\n1. **Fever**: a high temperature\n2) Cough - dry, at night", {"fever", "cough"}),
    ("en", f"{VITAMIN.upper()}", {VITAMIN}),
    ("en", f"fever, {VITAMIN}, and enlarging hands and feet.", {"fever", VITAMIN, "enlarging hands and feet"}),
    ("en", f"fever; {VITAMIN}; tetracycline, combinations", {"fever", VITAMIN, "tetracycline, combinations"}),
    ("en", "tetracycline, combinations", {"tetracycline", "combinations"}),
    ("en", "whooping cough, fever of unknown origin", {"whooping cough", "fever of unknown origin"}),
    ("en", "cough and whooping cough", {"cough", "whooping cough"}),
    ("en", "The symptoms are fever, rash, and itch.", {"fever", "rash", "itch"}),
    ("en", "They can be: fever; cough", {"fever", "cough"}),
    ("en", "Fever. Cough. See a doctor soon.", {"fever", "cough", "see a doctor soon"}),
    ("en", "Flu gives rash; gout gives itch. Answer: fever. Answer: cough.", {"cough"}),
    ("en", "The list is rash.\n**Answer:** “fever”, ‘cough’", {"fever", "cough"}),
    ("en", "Answer:", set()),
    ("en", "1. fever\n2. cough\n3.", {"fever", "cough"}),
    ("en", " ;; ,\n- ", set()),
    ("en", "fever; fever; FEVER", {"fever"}),
    ("ru", "Жар; легочная гипертензия.", {"жар", "легочная гипертензия"}),
    ("ru", "жар и витамины A и D, включая их комбинации", {"жар", "витамины a и d, включая их комбинации"}),
    ("ru", "«Жар», петлевые диуретики", {"жар", "петлевые диуретики"}),
    ("ru", "Бывает сыпь. Ответ: жар, а также зуд.", {"жар", "зуд"}),
    ("ru", "Это жар и кашель", {"жар", "кашель"}),
]
ONE: list[tuple[str, str, str, set[str]]] = [
    ("count", "en", "3.", {"3"}),
    ("count", "en", "There are three drugs.", {"3"}),
    ("count", "en", "There are 3 drugs for type 2 diabetes mellitus.", {"3"}),
    ("count", "en", "2 drugs treat type 2 diabetes mellitus", {"2"}),
    ("count", "en", "Vitamin b12 and 5ht3; Answer: 04", {"4"}),
    ("count", "en", "3 or 4", set()),
    ("count", "en", "3-4", set()),
    ("count", "en", "about 3.5", set()),
    ("count", "en", "I have 3, she has 4.", set()),
    ("count", "en", "1. Metformin\n2. Insulin\n3. Glipizide", set()),
    ("count", "en", "One of them is metformin.", set()),
    ("count", "en", "Many.", set()),
    ("count", "ru", "Две группы", {"2"}),
    ("count", "ru", "А есть 1 и 2. Ответ: одиннадцать.", {"11"}),
    ("yes_no", "en", "Yes.", {"yes"}),
    ("yes_no", "en", "**No**, it does not. Yes?", {"no"}),
    ("yes_no", "en", "No answer is known. Answer: yes.", {"yes"}),
    ("yes_no", "en", "Yes or no? No.", {"no"}),
    ("yes_no", "en", "Nothing is known, yesterday neither.", set()),
    ("yes_no", "en", "Да", {"yes"}),
    ("yes_no", "ru", "Нет, не может.", {"нет"}),
    ("yes_no", "ru", "Такого нет в списке. Ответ: Да.", {"да"}),
    ("yes_no", "ru", "Yes", {"да"}),
    ("choice", "en", "B", {"whooping cough"}),
    ("choice", "en", "b)", {"whooping cough"}),
    ("choice", "en", "(B)", {"whooping cough"}),
    ("choice", "en", "The answer is **B**.", {"whooping cough"}),
    ("choice", "en", "B) whooping cough.", {"whooping cough"}),
    ("choice", "en", "Whooping cough is not a symptom of flu", {"whooping cough"}),
    ("choice", "en", "Hepatitis B", {"hepatitis b"}),
    ("choice", "en", "chronic hepatitis B.", {"hepatitis b"}),
    ("choice", "en", f"It's {VITAMIN}.", {VITAMIN}),
    ("choice", "en", "It treats hepatitis C, not D-dimers.", set()),
    ("choice", "en", "A patient can have any.", set()),
    ("choice", "en", "A and B", set()),
    ("choice", "en", "A) cough\nB) whooping cough\nC) hepatitis B\nD) " + VITAMIN, set()),
    ("choice", "en", "B) cough", set()),
    ("choice", "en", "A) or C)? Answer: D", {VITAMIN}),
    ("choice", "en", "E", set()),
    ("choice", "ru", "В)", {"витамин d и его аналоги"}),
    ("choice", "ru", "В списке нет. С уважением", set()),
    ("choice", "ru", "вариант D, «лёгочная гипертензия»", {"легочная гипертензия"}),
    ("negative", "ru", "Витамин D и его аналоги", {"витамин d и его аналоги"}),
    ("negative", "ru", "Правильный ответ: A) жар.", {"жар"}),
]


def _item(form: str, lang: str) -> dict[str, Any]:
    options = [{"id": name, "name": name} for name in SHOWN[lang]] if form in ("choice", "negative") else []
    gold = list(LISTED[lang]) if form == "list" else ["3"]
    return {"form": form, "lang": lang, "gold": gold, "options": options, "question": ASKED}


@pytest.mark.parametrize(("lang", "text", "expected"), LISTS)
def test_a_list_is_read_name_by_name(lang: str, text: str, expected: set[str]) -> None:
    assert read_reply(text, _item("list", lang)) == expected


@pytest.mark.parametrize(("form", "lang", "text", "expected"), ONE)
def test_one_answer_is_read_or_none(form: str, lang: str, text: str, expected: set[str]) -> None:
    assert read_reply(text, _item(form, lang)) == expected


def test_names_are_compared_without_case_quotes_article_and_final_stop() -> None:
    assert normal("  The «Лёгкая»  FORM. ") == "легкая form"
    assert normal("vitamin A") == "vitamin a"
    assert normal("Crohn’s disease") == "crohn's disease"


def test_scores_are_those_counted_by_hand() -> None:
    found = score(frozenset("abx"), frozenset("abcd"))
    assert (found.precision, found.recall, found.f1, found.exact) == (2 / 3, 2 / 4, 4 / 7, False)
    assert score(frozenset("ab"), frozenset("ba")) == replace(found, precision=1.0, recall=1.0, f1=1.0, exact=True)
    for said, gold in (("", "a"), ("a", "b"), ("a", "")):
        assert score(frozenset(said), frozenset(gold)) == replace(found, precision=0.0, recall=0.0, f1=0.0)
    assert score(frozenset(), frozenset()).exact


@pytest.fixture(scope="module")
def write(core: Graph, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write 3,200 items of the default MKG, with other options where given."""
    made: dict[str, Path] = {}

    def make(shape: str = "alpaca", files: tuple[str, ...] = ("jsonl",), **more: Any) -> Path:
        key = f"{shape} {files} {more}"
        if key not in made:
            made[key] = tmp_path_factory.mktemp("qa") / "data"
            config = QAConfig(langs=("en", "ru"), **more)
            made_from = {"config": asdict(config), "graph": core.hash, "sources": [], "format": shape}
            write_dataset(made[key], QABuilder(core, config, load_families()), 3200, made_from, shape, files)
        return made[key]

    return make


def _gold_replies(folder: Path, column: str = "output") -> dict[str, str]:
    lines = (folder / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["id"]: record[column] for record in map(json.loads, lines)}


@pytest.mark.parametrize("reasoned", [False, True])
def test_the_dataset_s_own_replies_are_all_right(write: Callable[..., Path], tmp_path: Path, reasoned: bool) -> None:
    folder = write(reasoned=reasoned)
    replies = _gold_replies(folder)
    items = read_items(folder)
    assert {item["form"] for item in items} == {"list", "count", "yes_no", "choice", "negative"}
    for item in items:
        assert read_reply(replies[item["id"]], item) == gold_answers(item)
    runtime = ScriptedRuntime([replies[item["id"]] for item in items])
    found = evaluate(folder, runtime, tmp_path / "out", EvalConfig(max_tokens=5000))
    assert found["all"]["f1"] == found["all"]["exact"] == 1.0
    assert found["all"]["f1_interval"] == [1.0, 1.0]
    assert {request.sampling.temperature for request in runtime.requests} == {0.0}
    systems = {request.messages[0].content for request in runtime.requests if "ответ" in request.messages[0].content}
    assert all(("«Ответ:»" in text) == reasoned for text in systems)
    assert systems


def test_all_formats_and_files_ask_the_same(write: Callable[..., Path]) -> None:
    base = read_items(write())
    assert len({item["id"] for item in base}) == len(base) > 80
    assert all(item["question"] and item["gold"] for item in base)
    for shape in FORMATS:
        for files in (("jsonl",), ("parquet",)):
            assert read_items(write(shape, files)) == base


def test_drawn_items_are_even_over_hops_and_nested(write: Callable[..., Path]) -> None:
    items = read_items(write(), "train")
    few, more = (draw_items(items, EvalConfig(limit=limit, seed=3)) for limit in (9, 30))
    assert [sum(item["hops"] == hops for item in few) for hops in (1, 2, 3)] == [3, 3, 3]
    assert [item for item in more if item in few] == few
    assert draw_items(items, EvalConfig(limit=9, seed=4)) != few
    assert {item["lang"] for item in draw_items(items, EvalConfig(langs=("ru",)))} == {"ru"}
    assert draw_items(items, EvalConfig(limit=10**6)) == items


def test_groups_and_means_are_those_of_the_predictions(write: Callable[..., Path], tmp_path: Path) -> None:
    found = evaluate(write(), ScriptedRuntime(["yes", "A", "3", "B) x", "нет; кашель"]), tmp_path, EvalConfig())
    records = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text("utf-8").splitlines()]
    assert found == json.loads((tmp_path / "eval.json").read_text("utf-8"))
    assert 0 < found["all"]["exact"] < 1
    for by, groups in found["by"].items():
        assert sum(group["items"] for group in groups.values()) == len(records) == found["all"]["items"]
        for value, group in groups.items():
            scores = [record["f1"] for record in records if str(record[by]) == value]
            assert group["f1"] == pytest.approx(sum(scores) / len(scores))
            assert group["f1_interval"] == list(interval(scores, 1000, 0))
    chances = {form: group.get("chance") for form, group in found["by"]["form"].items()}
    assert chances == {"list": None, "count": None, "yes_no": 0.5, "choice": 0.25, "negative": 0.25}


class _Stopping(ScriptedRuntime):
    """Is interrupted before the text of the given number."""

    stop = 7

    def collect(self) -> list[tuple[int, Completion]]:
        if len(self.requests) > self.stop:
            raise KeyboardInterrupt
        return super().collect()


def test_a_run_that_was_cut_off_goes_on_and_gives_the_same_files(write: Callable[..., Path], tmp_path: Path) -> None:
    folder, config = write(), EvalConfig(limit=20)
    replies = [f"fever; text {number}" for number in range(20)]
    whole = evaluate(folder, ScriptedRuntime(replies), tmp_path / "whole", config)
    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        evaluate(folder, _Stopping(replies), out, config)
    assert not (out / "eval.json").exists()
    with (out / "predictions.jsonl").open("a", encoding="utf-8") as handle:
        handle.write('{"id": "half a li')
    rest, told = ScriptedRuntime(replies[7:]), list[int]()
    assert evaluate(folder, rest, out, config, lambda done, total: told.append(done)) == whole
    assert len(rest.requests) == 13
    assert told == list(range(7, 21))
    for name in ("run.json", "predictions.jsonl", "eval.json"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    idle = ScriptedRuntime(["never"])
    assert evaluate(folder, idle, out, config) == whole
    assert idle.requests == []


def test_several_texts_at_once_give_the_file_of_one_at_a_time(write: Callable[..., Path], tmp_path: Path) -> None:
    replies = [f"text {number}" for number in range(12)]
    for width in (1, 5):
        evaluate(write(), ScriptedRuntime(["fever"], width=width), tmp_path / str(width), EvalConfig(limit=12))
    assert (tmp_path / "1" / "predictions.jsonl").read_bytes() == (tmp_path / "5" / "predictions.jsonl").read_bytes()
    evaluate(write(), ScriptedRuntime(replies, width=5), tmp_path / "mixed", EvalConfig(limit=12))
    lines = (tmp_path / "mixed" / "predictions.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["reply"] for line in lines] == replies


def test_what_cannot_be_evaluated_is_refused_in_one_line(write: Callable[..., Path], tmp_path: Path) -> None:
    folder, runtime, out = write(), ScriptedRuntime(["x"]), tmp_path / "out"
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("manifest.json", "train.jsonl"):
        (copy / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ArtifactError, match=r"^no QA dataset at .*; run 'kg qa' first$"):
        evaluate(tmp_path / "nowhere", runtime, out)
    with pytest.raises(KGError, match=r"^.*copy has no test part; take train \(--part\)$"):
        evaluate(copy, runtime, out)
    with pytest.raises(UnknownNameError, match="unknown part 'tset'"):
        evaluate(folder, runtime, out, EvalConfig(part="tset"))
    with pytest.raises(KGError, match="has none in de"):
        evaluate(folder, runtime, out, EvalConfig(langs=("de",)))
    (copy / "test.jsonl").write_text('{"instruction": "Why?"}\n', encoding="utf-8")
    with pytest.raises(KGError, match=r"test.jsonl, item 1 is no item of a alpaca dataset"):
        evaluate(copy, runtime, out)
    (copy / "manifest.json").write_text('{"kind": "graph"}', encoding="utf-8")
    with pytest.raises(KGError, match="holds no QA dataset; give a folder that 'kg qa' made"):
        evaluate(copy, runtime, out)
    assert not out.exists()


def test_a_folder_of_something_else_is_kept_unless_forced(write: Callable[..., Path], tmp_path: Path) -> None:
    runtime, config = ScriptedRuntime(["x"]), EvalConfig(limit=4)
    evaluate(write(), runtime, tmp_path / "out", config)
    before = (tmp_path / "out" / "predictions.jsonl").read_bytes()
    with pytest.raises(KGError, match=r"evaluation of something else \(dataset_sha256, items_sha256\); give another"):
        evaluate(write(seed=5), runtime, tmp_path / "out", config)
    with pytest.raises(KGError, match=r"evaluation of something else \(items_sha256, resamples, seed\)"):
        evaluate(write(), runtime, tmp_path / "out", replace(config, resamples=10, seed=1))
    assert (tmp_path / "out" / "predictions.jsonl").read_bytes() == before
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "predictions.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(KGError, match=r"own holds predictions.jsonl of something else"):
        evaluate(write(), runtime, tmp_path / "own", config)
    assert evaluate(write(), runtime, tmp_path / "own", config, force=True)["all"]["items"] == 4
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(KGError, match="file is a file"):
        evaluate(write(), runtime, tmp_path / "file", config)


def test_models_are_compared_item_by_item(write: Callable[..., Path], tmp_path: Path) -> None:
    folder, config = write(), EvalConfig(max_tokens=5000, resamples=100)
    right = _gold_replies(folder)
    items = read_items(folder)
    chance = random.Random(1)
    replies = [right[item["id"]] if chance.random() < 0.5 else "?" for item in items]
    for name, texts in (("base", ["?"]), ("tuned", replies), ("best", [right[item["id"]] for item in items])):
        evaluate(folder, ScriptedRuntime(texts), tmp_path / name, config)
    rows = compare([tmp_path / name for name in ("base", "tuned", "best")])
    assert rows == compare([tmp_path / name for name in ("base", "tuned", "best")])
    overall = rows[0]
    assert (overall["by"], overall["items"]) == ("all", len(items))
    base, tuned, best = overall["runs"]
    assert (base["f1"], base["f1_difference"]) == (0.0, None)
    assert tuned["f1_difference"] == pytest.approx(tuned["f1"])
    low, high = tuned["f1_difference_interval"]
    assert 0 < low < tuned["f1_difference"] < high < 1
    assert best["exact_difference_interval"] == [1.0, 1.0]
    assert [row["value"] for row in rows if row["by"] == "hops"] == ["1", "2", "3"]
    assert {row["value"]: row["chance"] for row in rows if row["chance"]} == {
        "yes_no": 0.5,
        "choice": 0.25,
        "negative": 0.25,
    }


def test_only_evaluations_of_the_same_items_are_compared(write: Callable[..., Path], tmp_path: Path) -> None:
    for name, dataset, config in (
        ("one", write(), EvalConfig(limit=6)),
        ("other", write(seed=5), EvalConfig(limit=6)),
        ("more", write(), EvalConfig(limit=9)),
    ):
        evaluate(dataset, ScriptedRuntime(["x"]), tmp_path / name, config)
    with pytest.raises(KGError, match=r"differs from .*one in dataset_sha256, items_sha256; compare"):
        compare([tmp_path / "one", tmp_path / "other"])
    with pytest.raises(KGError, match=r"differs from .*one in items, items_sha256, limit; compare"):
        compare([tmp_path / "one", tmp_path / "more"])
    with pytest.raises(KGError, match="1 evaluations to compare"):
        compare([tmp_path / "one"])
    (tmp_path / "more" / "eval.json").unlink()
    with pytest.raises(ArtifactError, match=r"^no whole evaluation at .*more; run 'kg qa eval'"):
        compare([tmp_path / "one", tmp_path / "more"])


def test_the_real_model_answers_greedily(write: Callable[..., Path], tmp_path: Path) -> None:
    config = EvalConfig(limit=6, langs=("en",), max_tokens=16)
    runtime = LlamaRuntime(default_model(), threads=1, context=512)
    found = evaluate(write(), runtime, tmp_path / "six", config)
    evaluate(write(), runtime, tmp_path / "two", replace(config, limit=2))
    runtime.close()
    six, two = (
        {record["id"]: record for record in map(json.loads, (tmp_path / name / "predictions.jsonl").open("rb"))}
        for name in ("six", "two")
    )
    assert len(six) == found["all"]["items"] == 6
    assert len(two) == 2
    assert {key: six[key] for key in two} == two
    assert all(record["reply"] for record in six.values())
    assert len(found["config"]["runtime"]["sha256"]) == 64
    assert 0.0 <= found["all"]["f1"] <= 1.0
