"""`kg report`: six template notes of the default MKG and hand-made rejected ones, counted by hand; what is on the page;
damaged input; then the page in a headless browser without a network.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_reader import Reader

from generation.duplicates import distinct_n
from generation.notes import NoteConfig, NoteWriter
from generation.records import MASKED, note_record
from generation.report import SAMPLE, histogram, segments, write_report
from generation.report_counts import count_notes
from kgengine.bundles import Bundle, Fact
from kgengine.errors import KGError
from kgengine.graph import Graph

CHROMIUM = Path("/usr/bin/chromium")
Run = Callable[..., tuple[int, str, str]]
COUGH, FEVER, DYSPNEA = "HP:0012735", "HP:0001945", "HP:0002094"
PATIENTS = [
    ("ICD10:J20", 52, "female", (COUGH, FEVER)),
    ("ICD10:J20", 30, "male", (FEVER, COUGH)),
    ("ICD10:J20", 31, "male", (COUGH,)),
    ("ICD10:J18", 70, "male", (COUGH, FEVER, DYSPNEA)),
    ("ICD10:J18", 71, "male", (COUGH, FEVER)),
]
"""J20 tells two symptom sets (the order does not count), J18 two; cough is told 5 times, fever 4, dyspnea once."""
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'> {{ 7 * 7 }} & co"


@pytest.fixture(scope="module")
def accepted(core: Graph) -> list[dict[str, Any]]:
    """One template note for each of `PATIENTS`."""
    bundles = []
    for index, (disease, age, sex, symptoms) in enumerate(PATIENTS):
        facts = tuple(Fact(core.resolve(one), (0,), 0.5) for one in symptoms)
        drugs = (Fact(core.resolve("ATC:R05CB01"), (0,), 0.5),)
        bundles.append(Bundle(index, 99, core.resolve(disease), age, sex, facts, drugs))
    writer = NoteWriter(core, NoteConfig(), None)
    records = [note_record(writer, note) for note in writer.write(bundles)]
    assert [record["verdict"] for record in records] == ["accepted"] * 5
    return records


@pytest.fixture(scope="module")
def rejected(accepted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two hand-made notes of J18: one of 7 words, 3 texts of 2 tries; a copy, 4 texts of 3 tries."""
    text = "A woman has cough, <b>headache</b> and."
    first = {
        **accepted[3],
        **{"idx": "note-000005", "response": text, "verdict": "rejected", "tries": 2, "lang": "en"},
        "failures": [["missing"], ["missing", "cut off"], ["wrong patient", "invented", "cut off"]],
        "problems": [
            {"reason": "wrong patient", "text": "woman", "span": [2, 7]},
            {"reason": "invented", "node": "HP:0002315", "text": "headache", "span": [22, 30]},
            {"reason": "cut off"},
        ],
        "overlap": {"source": "exemplar-J03", "span": "has", "words": 1, "share": 0.0},
    }
    secret = "The secret words of a real patient, told again word for word."
    second = {
        **first,
        **{"idx": "note-000006", "response": secret, "tries": 3, "example source": ["user: 17"]},
        "failures": [["too near to an example"]] * 4,
        "problems": [{"reason": "too near to an example", "node": "17", "text": secret[:-1], "span": [0, 60]}],
        "overlap": {"source": "17", "span": MASKED, "words": 12, "share": 0.55},
    }
    return [first, second]


def write_notes(folder: Path, records: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    (folder / "notes.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def page_of(folder: Path) -> Reader:
    return Reader(write_report(folder)[0].read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path, accepted: list[dict[str, Any]], rejected: list[dict[str, Any]]) -> Path:
    """A finished run of five accepted notes and two rejected ones."""
    run = write_notes(tmp_path / "run", [*accepted, *rejected])
    summary = {"accepted": 5, "rejected": 2, "duplicates": 1}
    config = {"graph": "g" * 64, "count": 7, "seed": 4242, "config": {"lang": "en"}, "runtime": None}
    manifest = {"config": config, "summary": summary, "versions": {"kg": "9.8.7"}}
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def leak_report() -> dict[str, Any]:
    return {
        **{"notes": 5, "pool": 3, "nearer_to_example": 0.75, "interval": [0.61, 0.89], "too_near": 1},
        **{"to_example": {"0.5": 0.123, "1.0": 0.9}, "to_held_out": {"0.5": 0.111, "1.0": 0.8}},
        "worst": [{"note": "note-000006", "source": "17", "span": "The secret words", "words": 12, "share": 0.55}],
    }


def test_the_counts_are_those_made_by_hand(folder: Path, accepted: list[dict[str, Any]]) -> None:
    counts = count_notes(folder / "notes.jsonl")
    reasons = {"missing": 2, "cut off": 2, "wrong patient": 1, "invented": 1, "too near to an example": 4}
    assert counts.summary.to_json() | {"reasons": None} == {
        **{"accepted": 5, "rejected": 2, "tries": 5 + 2 + 3, "texts": 5 + 3 + 4, "reasons": None}
    }
    assert counts.summary.reasons == reasons
    assert counts.codes == {"J20": Counter({True: 3}), "J18": Counter({True: 2, False: 2})}
    assert {code: len(sets) for code, sets in counts.sets.items()} == {"J20": 2, "J18": 2}
    assert counts.symptoms == {COUGH: 5, FEVER: 4, DYSPNEA: 1}
    assert counts.plots["tries"] == {"accepted": {1: 5}, "rejected": {2: 1, 3: 1}}
    assert counts.plots["ages"] == {"female": {52: 1}, "male": {30: 1, 31: 1, 70: 3, 71: 1}}
    assert counts.plots["lengths"]["rejected"] == {8: 1, 12: 1}, "b and /b count as words"
    assert counts.plots["runs"] == {"accepted": {0: 5}, "rejected": {1: 1, 12: 1}}
    assert counts.plots["shares"] == {"accepted": {0: 5}, "rejected": {0: 1, 11: 1}}, "0.55 is the end of step 11"
    texts = [record["response"] for record in accepted]
    assert counts.distinct.shares() == {n: pytest.approx(distinct_n(texts, n), abs=0) for n in (1, 2, 3)}


def test_the_page_shows_the_figures(folder: Path) -> None:
    (folder / "leak.json").write_text(json.dumps(leak_report()))
    page = page_of(folder)
    words = page.words
    assert "Notes 7 Accepted 5 71.4 % Rejected 2 28.6 % Tries 10 texts begun Texts written 12 2 repairs" in words
    assert "Codes 2 Symptoms told 3 distinct" in words
    assert "Near-duplicates 1" in words
    assert "seed 4242" in words
    assert "versions.kg 9.8.7" in words
    assert "Model template SHA-256 of the model none" in words
    assert "J18 Pneumonia, organism unspecified 2 2 2 J20 Acute bronchitis 3 0 2" in words
    assert "3 distinct symptoms are told 10 times in accepted notes; 1 of them once." in words
    assert "Cough 5 Fever 4 Dyspnea 1" in words
    assert "too near to an example 4 cut off 2 missing 2 invented 1 wrong patient 1" in words
    assert "7 notes, from 1 to 3, median 1" in words
    assert "7 notes, from 30 to 71, median 70" in words
    assert "7 notes, from 0 % to ≤55 %, median 0 %" in words
    assert "75.0 % of 5 notes are nearer to an example" in words
    assert "interval 61.0 % to 89.0 %" in words
    assert "The notes lean towards their examples. 1 note is a copy" in words
    assert "50 % 0.123 0.111" in words
    assert "not finished" not in words
    assert sum(tag == "h1" for tag, _ in page.tags) == 1


def test_accepted_notes_have_their_facts_marked_and_rejected_ones_their_faults(folder: Path) -> None:
    page = page_of(folder)
    marked = Counter(attributes["class"] for tag, attributes in page.tags if tag == "mark")
    assert marked["symptom"] == 2 + 2 + 1 + 3 + 2 - 1, "dyspnea is told in other words"
    assert marked["drug"] == 5
    assert marked["fault"] == 2 + 1, "two faults, and one in the legend"
    assert "A woman wrong patient has cough, <b> headache invented </b> and." in page.words
    assert "secret words" not in page.words, "a copy of a user's example is withheld"
    assert "Too near to an example of the user's" in page.words


def test_a_note_is_text_whatever_it_holds(folder: Path, accepted: list[dict[str, Any]], tmp_path: Path) -> None:
    worst = {
        **accepted[0],
        **{"response": HOSTILE, "idx": HOSTILE, "ICD-10": HOSTILE, "lang": '"><script>', "generation_model": HOSTILE},
        **{"verdict": "rejected", "failures": [[HOSTILE]], "problems": [{"reason": HOSTILE, "text": HOSTILE}]},
    }
    named = {**accepted[1]["bundle"], "sex": HOSTILE, "symptoms": [{"id": HOSTILE, "name": HOSTILE}]}
    named["disease"] = {"id": HOSTILE, "name": HOSTILE + "\ud800"}
    other = write_notes(tmp_path / "other", [])
    lines = [json.dumps(record) + "\n" for record in (worst, {**accepted[1], "bundle": named})]
    (other / "notes.jsonl").write_text("".join(lines))
    (other / "manifest.json").write_text(json.dumps({"config": {HOSTILE: HOSTILE}, "summary": {}}))
    page = page_of(other)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in page_of(folder).tags} | {"p", "ul", "li", "b"}
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert page.words.count(HOSTILE) >= 10


def test_the_page_names_no_address_and_is_the_same_for_the_same_notes_in_any_order(folder: Path) -> None:
    text = write_report(folder)[0].read_text(encoding="utf-8")
    assert re.findall(r"https?:|(?<![:\w<])//\w|@import|url\(|<script|<link|\ssrc=", text) == []
    assert {attributes["href"][:1] for _, attributes in Reader(text).tags if attributes.get("href")} == {"#"}
    lines = (folder / "notes.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "notes.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", "from cli.main import run; run()", "report", str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert (folder / "report.html").read_text(encoding="utf-8") == text


def test_twenty_notes_are_shown_evenly_spaced(tmp_path: Path, accepted: list[dict[str, Any]]) -> None:
    many = [{**accepted[0], "idx": f"note-{index:06d}"} for index in range(50)]
    page = page_of(write_notes(tmp_path / "run", many))
    shown = re.findall(r"note-(\d+), female", page.words)
    assert len(shown) == SAMPLE
    assert [int(one) for one in shown] == [turn * 50 // 20 for turn in range(20)]


def test_an_unfinished_run_and_a_manifest_of_other_notes_are_named(folder: Path) -> None:
    manifest = folder / "manifest.json"
    stated = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(stated | {"summary": {"accepted": 6, "rejected": 2}}))
    assert "The manifest counts 6 accepted and 2 rejected notes, but the file holds others" in page_of(folder).words
    manifest.unlink()
    assert "The run is not finished: 7 notes are written" in page_of(folder).words
    (folder / "run.json").write_text(json.dumps({"config": {"count": 300, "seed": 77}}))
    words = page_of(folder).words
    assert "The run is not finished: 7 of 300 notes are written" in words
    assert "seed 77" in words


def test_the_command_prints_the_path_and_one_line(kg: Run, folder: Path, tmp_path: Path) -> None:
    code, out, err = kg("report", folder, "--out", tmp_path / "a" / "page.html")
    line = "7 notes: 5 accepted, 2 rejected, of 12 texts; 2 codes, 3 symptoms, distinct-2 0."
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == str(tmp_path / "a" / "page.html")
    assert out.splitlines()[1].startswith(line)
    assert len(out.splitlines()) == 2
    assert not (folder / "report.html").exists()
    kg("report", folder)
    assert (folder / "report.html").read_bytes() == (tmp_path / "a" / "page.html").read_bytes()


def test_what_the_report_is_made_from_is_not_overwritten(kg: Run, folder: Path) -> None:
    before = (folder / "notes.jsonl").read_bytes()
    code, _, err = kg("report", folder, "--out", folder / "notes.jsonl")
    assert (code, err.count("\n")) == (1, 1)
    assert "give another --out" in err
    assert (folder / "notes.jsonl").read_bytes() == before


def test_a_missing_folder_and_an_empty_file_are_one_line(kg: Run, tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert kg("report", missing) == (
        *(1, ""),
        f"kg: no notes at {missing}/notes.jsonl; give the folder that 'kg generate' wrote into\n",
    )
    empty = write_notes(tmp_path / "empty", [])
    code, _, err = kg("report", empty)
    assert (code, err) == (1, f"kg: {empty}/notes.jsonl is empty; let 'kg generate' write at least one note\n")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda record: "{", "no JSON (Expecting property name enclosed in double quotes at character 2)"),
        (lambda record: "", "no JSON (Expecting value at character 1)"),
        (lambda record: "[" * 100_000, "recursion"),
        (lambda record: "7", "'int' object is not subscriptable"),
        (lambda record: {key: value for key, value in record.items() if key != "tries"}, "it lacks 'tries'"),
        (lambda record: record | {"verdict": "fine"}, "the verdict is 'fine'"),
        (lambda record: record | {"response": None}, "None stands where a text is expected"),
        (lambda record: record | {"tries": 1e300}, "1e+300 is no whole number from 0 to 1000000"),
        (lambda record: record | {"failures": 3}, "object of type 'int' has no len()"),
        (lambda record: record | {"overlap": record["overlap"] | {"share": float("nan")}}, "a share of nan"),
        (lambda record: record | {"problems": [{"reason": "x", "span": [1]}]}, "not enough values to unpack"),
        (lambda record: record | {"bundle": {}}, "it lacks 'symptoms'"),
    ],
)
def test_a_damaged_line_is_named_by_its_number(
    kg: Run, tmp_path: Path, accepted: list[dict[str, Any]], damage: Callable[..., Any], told: str
) -> None:
    run = write_notes(tmp_path / "run", accepted[:2])
    wrong = damage(accepted[2])
    with (run / "notes.jsonl").open("a") as file:
        file.write((wrong if isinstance(wrong, str) else json.dumps(wrong)) + "\n")
    code, out, err = kg("report", run)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"kg: {run}/notes.jsonl, line 3 is no note: ")
    assert told in err
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("name", ["manifest.json", "leak.json", "run.json"])
def test_other_damaged_files_are_named(folder: Path, name: str) -> None:
    (folder / "manifest.json").unlink()
    for content, told in (("{", "can't be read"), ("[]", "holds no JSON object")):
        (folder / name).write_text(content)
        with pytest.raises(KGError, match=f"{name} {told}.*; delete it or make it again"):
            write_report(folder)


@pytest.mark.parametrize("change", [{"interval": [1]}, {"worst": [{}]}, {"to_held_out": {}}, {"notes": "many"}])
def test_a_leak_report_that_lacks_something_is_named(folder: Path, change: dict[str, Any]) -> None:
    (folder / "leak.json").write_text(json.dumps(leak_report() | change))
    with pytest.raises(KGError, match=r"leak\.json is no leak report: "):
        write_report(folder)


def test_a_histogram_by_hand() -> None:
    plot = histogram({"b": Counter({3: 1}), "a": Counter({1: 5, 4: 2}), "c": Counter()}, ["a", "b", "c"], limit=2)
    assert plot == {
        "series": ["a", "b"],
        "bars": [("1", [5, 0]), ("2", [0, 0]), ("3", [0, 1]), ("4", [2, 0])],
        "top": 6,
        "ticks": range(0, 7, 2),
        "limit": 0.5,
        "words": "8 notes, from 1 to 4, median 1",
    }


def test_many_values_share_bars_of_round_width() -> None:
    plot = histogram({"a": Counter({7: 1, 101: 3})}, ["a"])
    assert [label for label, _ in plot["bars"]] == [f"{first}–{first + 4}" for first in range(5, 105, 5)]
    assert [parts for _, parts in plot["bars"] if parts != [0]] == [[1], [3]]
    assert histogram({"a": Counter({10**6: 1})}, ["a"], reach=(0, 14))["bars"][-1] == ("1000000–1049999", [1])


def test_a_text_is_cut_where_spans_begin_and_end() -> None:
    spans = [((2, 6), "x"), ((4, 6), "y"), ((4, 8), "x"), ((4, 6), "y")]
    assert list(segments("0123456789", spans)) == [
        ("01", (), ()),
        ("23", ("x",), ()),
        ("45", ("x", "y"), ("x", "y")),
        ("67", ("x",), ("x",)),
        ("89", (), ()),
    ]
    assert list(segments("", [])) == []


# The page in a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the dev extra holds it)")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing; install Debian's chromium to test the page in a browser")
    with sync.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(browser: Any, folder: Path, width: int, scheme: str) -> None:
    (folder / "leak.json").write_text(json.dumps(leak_report()))
    file, _ = write_report(folder)
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.set_offline(True)
    page = context.new_page()
    wrong: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    boxes = "all => all.map(one => one.getBoundingClientRect()).map(box => [box.width, box.height])"
    plots = page.eval_on_selector_all("svg.plot", boxes)
    bars = page.eval_on_selector_all("svg rect", boxes)
    assert len(plots) == 5
    assert min(side for plot in plots for side in plot) > 100
    assert len(bars) > 20
    assert min(side for bar in bars for side in bar) > 0
    names = page.eval_on_selector_all("svg[role=img]", "all => all.map(one => one.getAttribute('aria-label'))")
    assert all(name.startswith("Histogram: ") for name in names)
    assert len(set(names)) == 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing to scroll sideways"
    colours = page.evaluate(
        "[document.body, document.querySelector('h1')].map(one => getComputedStyle(one))"
        ".map(style => [style.backgroundColor, style.color])"
    )
    assert colours[0][0] == {"light": "rgb(245, 246, 248)", "dark": "rgb(15, 19, 24)"}[scheme]
    assert colours[1][1] == {"light": "rgb(27, 31, 36)", "dark": "rgb(230, 237, 243)"}[scheme]
    page.click("nav a[href='#rejected']")
    assert page.evaluate("location.hash") == "#rejected"
    context.close()
    assert wrong == []
    assert {url.partition("#")[0] for url in requests} == {file.as_uri()}
