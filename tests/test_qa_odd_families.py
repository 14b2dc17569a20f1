"""Families that hardly count, relations with braces, small types: none of them hangs, crashes or skews the data."""

from dataclasses import asdict
from pathlib import Path

import pyarrow
import pytest

from generation.qa.building import QABuilder, QAConfig
from generation.qa.dataset import write_dataset
from generation.qa.families import FactWords, load_families
from generation.qa.texts import fill
from kgengine.errors import KGError
from kgengine.graph import Graph


def families(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_family_whose_questions_never_count_is_given_up_and_the_others_go_on(core: Graph, tmp_path: Path) -> None:
    path = "disease/has_phenotype:symptom/has_phenotype:disease"
    own = families(
        tmp_path, f"- {{name: hopeless, path: '{path}', anchors: 5, ways: [1, 400],", "   en: ['{0}{1}{2}{3}{4}?']}"
    )
    config = QAConfig(families=("hopeless", "class_of_drug"))
    builder = QABuilder(core, config, load_families(own))
    tables = list(builder.items(40))
    assert pyarrow.concat_tables(tables)["family"].unique().to_pylist() == ["class_of_drug"]
    assert sum(map(len, tables)) == 40


def test_a_dataset_without_any_item_is_refused_and_nothing_is_left(core: Graph, tmp_path: Path) -> None:
    own = families(tmp_path, "- {name: none, path: 'disease/treats:drug/treats:disease', ways: [1, 90], en: ['{0}?']}")
    config = QAConfig(families=("none",))
    made_from = {"config": asdict(config), "graph": core.hash, "sources": [], "families": []}
    with pytest.raises(KGError, match="no question of these families counts; raise --max-answers"):
        write_dataset(tmp_path / "qa", QABuilder(core, config, load_families(own)), 10, made_from)
    assert [path.name for path in tmp_path.iterdir()] == ["own.yaml"]


@pytest.mark.parametrize("ways", ["[2]", "[2, 1]", "[1, 2, 3]"])
def test_ways_are_asked_of_one_step_after_the_first(tmp_path: Path, ways: str) -> None:
    steps = ["has_phenotype:symptom", "has_phenotype:disease", "treats:drug"][: ways.count(",") + 1]
    own = families(tmp_path, f"- {{name: odd, path: 'disease/{'/'.join(steps)}', ways: {ways}, en: ['{{0}}?']}}")
    with pytest.raises(KGError, match="just one step, and not the first"):
        load_families(own)


@pytest.mark.parametrize("wording", ["{0!r}?", "{0:>30}?", "{0:{1}}?"])
def test_a_place_is_just_a_place(tmp_path: Path, wording: str) -> None:
    own = families(tmp_path, f"- {{name: odd, path: 'disease/treats:drug', en: ['{wording}']}}")
    with pytest.raises(KGError, match="must have each of"):
        load_families(own)


def test_a_relation_with_braces_is_spelled_as_it_is() -> None:
    words = FactWords({"other": "{head} – {relation} – {tail}"}, {})
    names = {"head": pyarrow.array(["a {x}"]), "tail": pyarrow.array(["b"])}
    assert fill(words.sentence("part{of}"), names).to_pylist() == ["a {x} – part{of} – b"]


def test_yes_and_no_are_balanced_where_a_type_has_few_nodes(toy: Graph) -> None:
    wanted = [one for one in load_families() if one.form == "yes_no" and one.possible(toy)]
    tables = list(QABuilder(toy, QAConfig(), wanted).items(400))
    gold = [one[0] for table in tables for one in table["gold"].to_pylist()]
    assert len(gold) > 30
    assert 0.3 < gold.count("yes") / len(gold) < 0.7
