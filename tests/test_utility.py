"""`kg utility` on hand-made notes and a classifier simple enough that every hit is worked out by hand; the arms, leaks,
files, error lines and the page; template notes of `kg generate`; and the real RuMedTop3 where it is there.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_reader import Reader
from test_generate import scored_workspace

import cli.main
from generation.duplicates import folded_words
from generation.utility.arms import make_arms
from generation.utility.classifiers import make_classifier
from generation.utility.material import Material, Source, load_material
from generation.utility.measures import hits
from generation.utility.results import PAGE, RESULTS, measure_utility
from generation.utility.study import UtilityConfig
from kgengine.artifacts import MANIFEST
from kgengine.errors import Interrupted, KGError

DATA = Path(os.environ.get("KG_TEST_DATA", Path(__file__).parent.parent.parent / "shared" / "data")) / "rumedtop3"
Run = Callable[..., tuple[int, str, str]]
Rows = list[tuple[str, str]]
FIRST_WORD = '''
"""Scores a code by how many training texts of it begin with the same word; all alike for a word never seen."""
import numpy as np

class FirstWord:
    def fit(self, texts, codes):
        self.classes_ = sorted(set(codes))
        self.pairs = [(text.split()[0], code) for text, code in zip(texts, codes)]
        return self

    def decision_function(self, texts):
        return np.array([[self.pairs.count((text.split()[0], code)) for code in self.classes_] for text in texts])

class Binary(FirstWord):
    def decision_function(self, texts):
        raise KeyboardInterrupt

def make():
    return FirstWord()

def interrupted():
    return Binary()
'''
TRAIN = [
    *((f"кашель {number}", "A10") for number in range(5)),
    *((f"слабость {number}", "E50") for number in range(3)),
    ("сыпь 1", "B20"),
    ("сыпь 2", "B20"),
    ("жар 1", "C30"),
]
TEST = [
    ("кашель т", "A10"),
    ("слабость т", "E50"),
    ("сыпь т", "B20"),
    ("зуд т", "B20"),
    ("жар т", "C30"),
    ("озноб т", "C30"),
    ("кашель у", "D40"),
]
"""Seven notes: four of the tail codes B20 and C30, one of a code that no training note has."""
NOTES = [("зуд 1", "B20"), ("зуд 2", "B20.1"), ("Зуд, Т!", "B20"), ("жар 3", "C30"), ("иное", "X99")]
"""Five notes: one of a finer code, one that stands in the test set, one of an unknown code."""


def write(path: Path, rows: Rows) -> Path:
    lines = [
        json.dumps({"idx": f"{path.stem}-{number}", "symptoms": text, "code": code}, ensure_ascii=False)
        for number, (text, code) in enumerate(rows)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the notes above and the classifier's module, and the current one."""
    write(tmp_path / "train.jsonl", TRAIN)
    write(tmp_path / "test.jsonl", TEST)
    write(tmp_path / "sy.jsonl", NOTES)
    (tmp_path / "first_word.py").write_text(FIRST_WORD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def utility(kg: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `kg utility` on the notes above; later options win."""
    monkeypatch.setitem(cli.main._COMMANDS, "utility", "")
    real = ("--train", here / "train.jsonl", "--test", here / "test.jsonl", "--out", here / "out")
    own = ("--classifier", "first_word:make", "--tail", 2, "--fill", 3)
    return lambda *arguments: kg("utility", *real, *own, *arguments)


def arm(results: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in results["arms"] if one["name"] == name)


def values(results: dict[str, Any], name: str) -> list[float]:
    """Hit@1 and Hit@3 of all codes in sevenths, of tail codes in quarters."""
    metrics = arm(results, name)["metrics"]
    return [
        round(times * metrics[part][f"hit@{k}"]["value"], 9)
        for part, times in (("overall", 7), ("tail", 4))
        for k in (1, 3)
    ]


# -- the arms ----------------------------------------------------------------------------------------------------------


def material(**sources: Rows) -> Material:
    found = [Source(name, rows, {"leaked": 0, "unknown": 0}) for name, rows in sources.items()]
    return Material(TRAIN, TEST, found)


def sizes(rows: Rows) -> dict[str, int]:
    return dict(Counter(code for _, code in rows))


def test_each_arm_has_the_rows_that_its_name_says() -> None:
    first = [(f"зуд {number}", "B20") for number in range(9)] + [("жар 3", "C30")]
    arms = {one.name: one for one in make_arms(material(one=first), 2, (3, 5), 0)}
    assert {name: sizes(one.rows) for name, one in arms.items()} == {
        "real": {"A10": 5, "E50": 3, "B20": 2, "C30": 1},
        "oversampled to 3": {"A10": 5, "E50": 3, "B20": 3, "C30": 3},
        "oversampled to 5": {"A10": 5, "E50": 3, "B20": 5, "C30": 5},
        "real + one to 3": {"A10": 5, "E50": 3, "B20": 3, "C30": 2},
        "oversampled + one to 3": {"A10": 5, "E50": 3, "B20": 4, "C30": 4},
        "real + one to 5": {"A10": 5, "E50": 3, "B20": 5, "C30": 2},
        "oversampled + one to 5": {"A10": 5, "E50": 3, "B20": 8, "C30": 6},
        "real + one, all": {"A10": 5, "E50": 3, "B20": 11, "C30": 2},
        "synthetic only: one": {"B20": 9, "C30": 1},
    }
    counts = [(one.repeated, one.synthetic, one.short) for one in arms.values()]
    assert counts == [
        (0, 0, 0),
        (3, 0, 0),
        (7, 0, 0),
        (0, 2, 1),
        (3, 2, 1),
        (0, 4, 1),
        (7, 4, 1),
        (0, 10, 0),
        (0, 10, 0),
    ]
    repeats = Counter(arms["oversampled to 5"].rows)
    assert sorted(repeats[row] for row in TRAIN if row[1] in "B20 C30") == [2, 3, 5]
    assert set(arms["real + one to 3"].rows) < set(arms["real + one to 5"].rows)


def test_the_seed_chooses_the_notes_and_a_mixture_takes_one_of_each_source_in_turn() -> None:
    sources = {name: [(f"{name} {number}", "B20") for number in range(50)] for name in ("one", "two")}
    sources["three"] = [("three", "B20")]

    def rows(seed: int) -> Rows:
        arms = {one.name: one for one in make_arms(material(**sources), 2, (9,), seed)}
        return arms["real + mixture to 9"].rows[len(TRAIN) :]

    assert Counter(text.split()[0] for text, _ in rows(0)) == {"one": 3, "two": 3, "three": 1}
    assert rows(0) == rows(0)
    assert rows(0) != rows(1)


def test_without_tail_codes_nothing_is_filled() -> None:
    arms = make_arms(Material(TRAIN[:8], TEST, []), 2, (3,), 0)
    assert [one.name for one in arms] == ["real"]


# -- the notes ---------------------------------------------------------------------------------------------------------


def test_a_note_of_the_test_set_is_taken_out_of_training_and_told(here: Path) -> None:
    write(here / "train.jsonl", [*TRAIN, ("СЛАБОСТЬ Т.", "E50")])
    found = load_material(here / "train.jsonl", here / "test.jsonl", [here / "sy.jsonl"])
    assert found.train == TRAIN
    assert found.test == TEST
    assert found.leaks == [("train", "test-1"), ("sy", "test-3")]
    assert found.sources[0].rows == [("зуд 1", "B20"), ("зуд 2", "B20"), ("жар 3", "C30")]
    assert found.sources[0].counts == {"read": 5, "accepted": 5, "unknown": 1, "leaked": 1, "used": 3}
    assert found.warnings() == [
        "test: 1 have a code that no training note has; they count as misses",
        "train: 1 left out, since they stand word for word in the test set",
        "sy: 1 left out, since they stand word for word in the test set",
        "sy: 1 left out, since no training note has their code",
    ]


# -- the command -------------------------------------------------------------------------------------------------------


def test_every_hit_is_the_one_worked_out_by_hand(utility: Run, here: Path) -> None:
    """A first word that training never had scores all codes alike: no hit among four codes, one at 3 among two."""
    code, out, err = utility("--notes", here / "sy.jsonl", "--json")
    assert code == 0, err
    results = json.loads(out)
    assert {one["name"]: values(results, one["name"]) for one in results["arms"]} == {
        "real": [4, 4, 2, 2],
        "oversampled to 3": [4, 4, 2, 2],
        "real + sy to 3": [5, 5, 3, 3],
        "oversampled + sy to 3": [5, 5, 3, 3],
        "real + sy, all": [5, 5, 3, 3],
        "synthetic only: sy": [2, 4, 2, 4],
    }
    filled = arm(results, "real + sy to 3")
    assert list(filled["differences"]) == ["real", "oversampled to 3"]
    gain = filled["differences"]["real"]["tail"]["hit@1"]
    assert (gain["value"], gain["low"], gain["high"]) == (0.25, 0, 0.75)
    assert (filled["rows"], filled["real"], filled["synthetic"], filled["short"]) == (13, 11, 2, 1)
    assert list(arm(results, "synthetic only: sy")["differences"]) == ["real", "oversampled to 3"]
    assert arm(results, "real")["differences"] == {}
    assert results["counts"] | {"sources": 0} == {
        "train": 11,
        "test": 7,
        "codes": 4,
        "unseen": 1,
        "train_leaks": 0,
        "leaks": [{"in": "sy", "test_note": "test-3"}],
        "sources": 0,
        "tail_codes": 2,
        "tail_notes": 4,
    }
    by_code = {row["code"]: row for row in results["codes"]}
    assert list(by_code) == ["D40", "C30", "B20", "E50", "A10"]
    assert by_code["B20"]["synthetic"] == {"sy": 2}
    assert by_code["B20"]["hits"]["real"] == {"hit@1": 1, "hit@3": 1}
    assert by_code["B20"]["hits"]["real + sy to 3"] == {"hit@1": 2, "hit@3": 2}
    assert "warning: sy: 1 left out, since they stand word for word in the test set" in err


def test_the_table_has_one_line_an_arm_and_the_same_run_is_not_run_again(utility: Run, here: Path) -> None:
    code, out, err = utility()
    assert code == 0, err
    heads, real, over = out.splitlines()[1:4]
    assert re.split(r" {2,}", heads.strip()) == ["rows", "Hit@1, all", "Hit@3, all", "Hit@1, tail", "Hit@3, tail"]
    assert re.match(r"real +11 +57\.1 \(\d+-\d+\) +57\.1 .+ +50\.0 \(0-100\)", real)
    assert over.startswith("oversampled to 3")
    assert out.endswith(f"written: {here / 'out' / PAGE}\n")
    before = {name: (here / "out" / name).stat().st_mtime_ns for name in (RESULTS, PAGE, MANIFEST)}
    again = utility()[1]
    assert again == out.replace("written:", "already there:")
    assert {name: (here / "out" / name).stat().st_mtime_ns for name in before} == before
    assert "written:" in utility("--force")[1]
    (here / "out" / PAGE).write_text("damaged", encoding="utf-8")
    assert "written:" in utility()[1]
    (here / "out" / MANIFEST).unlink()  # as if it was killed just before the end
    assert "written:" in utility()[1]


def test_same_seed_same_files_other_seed_other_intervals(utility: Run, here: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert utility("--notes", here / "sy.jsonl", "--out", here / name, "--seed", seed)[0] == 0
    for name in (RESULTS, PAGE, MANIFEST):
        assert (here / "a" / name).read_bytes() == (here / "b" / name).read_bytes()
    a, c = (json.loads((here / name / RESULTS).read_text(encoding="utf-8")) for name in ("a", "c"))
    assert a["config"] | {"seed": 2} == c["config"]
    assert values(a, "real + sy to 3") == values(c, "real + sy to 3")


def test_a_folder_of_something_else_is_not_replaced_unasked(utility: Run, here: Path) -> None:
    assert utility()[0] == 0
    code, _, err = utility("--seed", 3)
    assert code == 1
    held = f"{RESULTS}, {PAGE}, {MANIFEST}"
    assert err == f"kg: {here / 'out'} holds {held} of something else; give another --out, or --force to replace it\n"
    assert utility("--seed", 3, "--force")[0] == 0


def test_an_interrupted_run_writes_nothing(utility: Run, here: Path) -> None:
    code, out, err = utility("--classifier", "first_word:interrupted")
    assert code == 130
    assert out == ""
    assert f"kg: interrupted; nothing was written to {here / 'out'}; the same command begins anew" in err
    assert list((here / "out").iterdir()) == []
    assert issubclass(Interrupted, KGError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--train", "none.jsonl"), "there is no file none.jsonl; give --train a JSON lines file of real notes"),
        (("--test", "none.jsonl"), "there is no file none.jsonl; give --test a JSON lines file of real notes"),
        (("--notes", "none"), "there are no notes at none; give a folder of 'kg generate' or a JSON lines file"),
        (("--notes", "empty"), "empty holds no notes.jsonl; give a folder of 'kg generate' or a JSON lines file"),
        (
            ("--notes", "refused"),
            "refused/notes.jsonl holds no accepted note (1 in all); give notes of which some were",
        ),
        (("--notes", "broken"), "broken/notes.jsonl, line 1 is no note of 'kg generate' ('response'); make the file"),
        (("--notes", "other.jsonl"), "no accepted note of other.jsonl has a code of the train set, such as A10; check"),
        (("--notes", "sy.jsonl", "--notes", "sy.jsonl"), "--notes sy.jsonl is given 2 times; give each source once"),
        (("--train", "blank.jsonl"), "blank.jsonl holds no notes; give a JSON lines file with idx, symptoms and code"),
        (("--train", "test.jsonl"), "test.jsonl too; give a train and a test set that are disjoint"),
        (("--train", "one.jsonl", "--classifier", "tfidf"), "have 1 code(s); a classifier needs at least two"),
        (("--classifier", "nonsense"), "unknown classifier 'nonsense'; give 'tfidf', module:factory, or the folder"),
        (("--fill", "3,x"), "'3,x' is not a list of numbers of rows such as 30,60,120"),
        (("--fill", "0"), "'0' is not a list of numbers of rows such as 30,60,120"),
    ],
)
def test_bad_input_is_one_clear_line(utility: Run, here: Path, arguments: tuple[str, ...], message: str) -> None:
    for name in ("empty", "refused", "broken"):
        (here / name).mkdir()
    (here / "refused" / "notes.jsonl").write_text('{"verdict": "rejected"}\n', encoding="utf-8")
    (here / "broken" / "notes.jsonl").write_text('{"verdict": "accepted"}\n', encoding="utf-8")
    (here / "blank.jsonl").write_text("\n", encoding="utf-8")
    write(here / "other.jsonl", [("боль", "Z99")])
    write(here / "one.jsonl", [("боль", "Z99"), ("зуд", "Z99")])
    code, out, err = utility(*arguments)
    assert code == (2 if arguments[0] == "--fill" else 1)
    assert out == ""
    assert message in err.splitlines()[-1]
    assert not (here / "out" / MANIFEST).exists()


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_shows_codes_and_names_as_text_and_runs_nothing(utility: Run, here: Path) -> None:
    hostile = "<script>alert(1)</script>"
    write(here / "train.jsonl", [*TRAIN, ("боль 1", hostile)])
    source = write(here / "<img src=x onerror=alert(2)>&.jsonl", [*NOTES, ("боль 2", hostile)])
    assert utility("--notes", source)[0] == 0
    page = (here / "out" / PAGE).read_text(encoding="utf-8")
    read = Reader(page)
    names = {tag for tag, _ in read.tags}
    assert not names & {"script", "img", "link", "iframe", "object"}
    assert {"svg", "table", "style"} <= names
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert all(attrs.get("href", "#").startswith("#") for tag, attrs in read.tags if tag == "a")
    assert hostile in read.text
    assert "real + <img src=x onerror=alert(2)>& to 3" in read.text


def test_each_bar_is_as_long_as_its_figure(utility: Run, here: Path) -> None:
    assert utility("--notes", here / "sy.jsonl")[0] == 0
    read = Reader((here / "out" / PAGE).read_text(encoding="utf-8"))
    widths = [attrs["width"] for tag, attrs in read.tags if tag == "rect"]
    assert widths[:6] == [
        "50.00%",
        "50.00%",
        "75.00%",
        "75.00%",
        "75.00%",
        "50.00%",
    ]  # tail, Hit@1; the axis ends at 100 %
    assert len(widths) == 24


def test_without_test_notes_of_tail_codes_the_page_leaves_their_figures_out(utility: Run, here: Path) -> None:
    write(here / "test.jsonl", TEST[:2])
    code, out, err = utility()
    assert code == 0
    assert "warning: no test note has a tail code (at most 2 training notes); there are no tail figures" in err
    assert re.search(r"^real +11 +100\.0 \(100-100\) +100\.0 \(100-100\) +- +-$", out, re.MULTILINE)
    assert "tail codes; percent" in out
    assert "Hit@1, tail codes" not in Reader((here / "out" / PAGE).read_text(encoding="utf-8")).text


# -- notes of kg generate, and real notes ------------------------------------------------------------------------------


def test_notes_of_kg_generate_are_used_and_the_rejected_are_not(
    kg: Run, core_folder: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.main._COMMANDS, "utility", "")
    workspace = scored_workspace(core_folder, here / "w")
    drawn = ("-n", 40, "--codes", "J20,K29,L30", "--uniform", "--kind", "complaints", "--template-only")
    for seed, name in ((1, "train"), (2, "test"), (3, "notes")):
        assert kg("-w", workspace, "generate", *drawn, "--seed", seed, "--out", here / name)[0] == 0
    notes = [json.loads(line) for line in (here / "notes" / "notes.jsonl").read_text(encoding="utf-8").splitlines()]
    rejected = {**notes[0], "verdict": "rejected", "idx": "note-999999"}
    with (here / "notes" / "notes.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(rejected) + "\n")
    for name in ("train", "test"):
        lines = (here / name / "notes.jsonl").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        write(here / f"{name}.jsonl", [(one["response"], one["ICD-10"]) for one in found])
    code, out, err = kg(
        *("utility", "--train", here / "train.jsonl", "--test", here / "test.jsonl", "--out", here / "u"),
        *("--notes", here / "notes", "--tail", 14, "--fill", 16, "--json"),
    )
    assert code == 0, err
    results = json.loads(out)
    tested = {tuple(folded_words(line)) for line, _ in load_rows(here / "test.jsonl")}
    leaked = sum(tuple(folded_words(one["response"])) in tested for one in notes)
    counts = results["counts"]["sources"]["notes"]
    assert counts == {"read": 41, "accepted": 40, "unknown": 0, "leaked": leaked, "used": 40 - leaked}
    assert all(one["metrics"]["overall"]["hit@3"]["value"] == 1 for one in results["arms"])  # of three codes
    assert arm(results, "synthetic only: notes")["metrics"]["overall"]["hit@1"]["value"] > 0.5
    assert results["config"]["classifier"]["name"] == "tfidf"


def load_rows(path: Path) -> Rows:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(one["symptoms"], one["code"]) for one in records]


def test_real_notes_of_ten_codes_are_coded_far_better_than_by_chance() -> None:
    """The ten codes of most notes: 60 train and all dev notes each; the most frequent code alone hits about a third."""
    if not (DATA / "train_v1.jsonl").is_file():
        pytest.skip(f"no train_v1.jsonl in {DATA}; set KG_TEST_DATA to the folder that holds rumedtop3/")
    read = load_material(DATA / "train_v1.jsonl", DATA / "dev_v1.jsonl", [])
    assert (len(read.train), len(read.test), len(read.sizes), read.unseen) == (4690, 848, 105, 0)
    assert len(read.tail(20)) == 36
    codes = {code for code, _ in read.sizes.most_common(10)}
    train = [row for code in sorted(codes) for row in [one for one in read.train if one[1] == code][:60]]
    test = [row for row in read.test if row[1] in codes]
    classifier = make_classifier()
    classifier.fit([text for text, _ in train], [code for _, code in train])
    scores = classifier.scores([text for text, _ in test])
    share = {k: hits(scores, classifier.classes, [code for _, code in test], k).mean() for k in (1, 3)}
    assert share[1] > 0.5
    assert share[3] > 0.75


def test_the_library_function_gives_what_the_files_hold(here: Path) -> None:
    config = UtilityConfig(tail=2, fills=(3,), classifier="first_word:make", resamples=50)
    told: list[tuple[int, int, str]] = []
    arguments = (here / "train.jsonl", here / "test.jsonl", [here / "sy.jsonl"], here / "out", config)
    results, there = measure_utility(*arguments, progress=lambda *step: told.append(step))
    assert not there
    assert told[0] == (0, 6, "real")
    assert told[-1] == (6, 6, "")
    assert measure_utility(*arguments) == (json.loads((here / "out" / RESULTS).read_text(encoding="utf-8")), True)
    assert results["arms"] == measure_utility(*arguments)[0]["arms"]
