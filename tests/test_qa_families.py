"""Question families are data: ours have six wordings and more in either language, a user's file adds and replaces, and
each mistake in it is told in one line with the file, the family and the place."""

import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from generation.qa.families import FORMS, QAFamily, load_fact_words, load_families
from kgengine.answers import split_path
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.schema import LANGUAGES

OURS = {family.name: family for family in load_families()}
GOOD: dict[str, Any] = {
    "name": "mine",
    "path": "symptom/has_phenotype:disease",
    "anchors": 2,
    "form": "yes_no",
    "en": ["Does {candidate} cause {0} and {1}?"],
}


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write a file of families: text as it is, anything else as YAML."""

    def call(content: Any) -> Path:
        path = tmp_path / "mine.yaml"
        text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
        return path

    return call


@pytest.mark.parametrize("family", OURS.values(), ids=OURS)
def test_every_family_has_six_wordings_and_more_in_each_language(family: QAFamily) -> None:
    assert set(family.wordings) == set(LANGUAGES)
    expected = sorted([*map(str, range(family.anchors)), *["candidate"] * (family.form == "yes_no")])
    for lang, wordings in family.wordings.items():
        assert len({" ".join(re.sub(r"\W", " ", text.lower()).split()) for text in wordings}) == len(wordings) >= 6
        for text in wordings:
            assert places(text) == expected
            assert text == text.strip()
            plain = re.sub(r"\{\w+\}", "", text)
            assert bool(re.search("[а-яё]", plain)) is (lang == "ru"), text
            assert not (lang == "ru" and re.search("[a-z]", plain)), text
            assert "{" not in plain, text
            assert text.rstrip("»").endswith(("?", ".", ":", "!")), text


@pytest.mark.parametrize("family", OURS.values(), ids=OURS)
def test_a_russian_name_stands_in_quotes(family: QAFamily) -> None:
    for text in family.wordings["ru"]:
        assert len(re.findall(r"«\{\w+\}»", text)) == len(places(text)), text


def test_families_cover_all_forms_hops_and_numbers_of_anchors() -> None:
    assert {family.form for family in OURS.values()} == set(FORMS)
    assert {family.hops for family in OURS.values()} == {1, 2, 3}
    assert {family.anchors for family in OURS.values()} >= {1, 2, 3}
    assert all(len(family.ways) == family.hops == len(family.types) - 1 for family in OURS.values())


def test_every_family_fits_the_default_mkg_and_few_a_graph_without_their_edges(core: Graph, toy: Graph) -> None:
    assert all(family.possible(core) for family in OURS.values())
    fits = {name for name, family in OURS.items() if family.possible(toy)}
    assert {"symptoms_of_disease", "drugs_of_same_class", "drugs_if_mistaken"} <= fits
    assert not fits & {"interactions_of_drug", "side_effects_of_drug", "contraindications_of_drug"}


@pytest.mark.parametrize("family", OURS.values(), ids=OURS)
def test_a_metapath_is_as_a_query_takes_it(family: QAFamily) -> None:
    types, relations = split_path(family.metapath)
    assert tuple(types) == family.types
    assert relations == [[name] for name in family.relations]


def test_ways_ask_for_as_many_as_the_wordings_say() -> None:
    """A wording of a family that needs several ways names their number, in digits or words."""
    numbers = {3: ("three", "три|тр[её]|3"), 5: ("five", "пят|5"), 6: ("six", "шест|6")}
    checked = 0
    for family in OURS.values():
        least = max(family.ways)
        if least > 1:
            checked += 1
            for lang, pattern in zip(LANGUAGES, numbers[least], strict=True):
                for text in family.wordings[lang]:
                    assert re.search(pattern, text.lower()), text
    assert checked >= 3


def test_a_users_file_adds_families_and_replaces_ours_by_name(write: Callable[[Any], Path]) -> None:
    other = {"name": "drugs_for_disease", "path": "drug/treats:disease", "ru": ["Что лечит «{0}»?"]}
    found = {family.name: family for family in load_families(write([GOOD, other]))}
    assert set(found) == {*OURS, "mine"}
    assert found["mine"] == QAFamily(
        *("mine", ("symptom", "disease"), ("has_phenotype",), 2, "yes_no", (1,)), {"en": tuple(GOOD["en"])}
    )
    replaced = found["drugs_for_disease"]
    assert (replaced.types, replaced.form, replaced.anchors) == (("drug", "disease"), "list", 1)
    assert replaced.wordings == {"ru": ("Что лечит «{0}»?",)}
    untouched = set(OURS) - {"drugs_for_disease"}
    assert all(found[name] == OURS[name] for name in untouched)


def changed(**values: Any) -> list[dict[str, Any]]:
    """A good family, and one after it with some keys changed, or left out where None."""
    other = {**GOOD, "name": "theirs", **values}
    return [GOOD, {key: value for key, value in other.items() if value is not None}]


MISTAKES = {
    "unknown key": (changed(hop=2), ["family 2 (theirs)", "'hop'", "anchors, en, form, name, path, ru, ways"]),
    "no name": (changed(name=None), ["family 2", "no name"]),
    "name is a number": (changed(name=7), ["family 2", "no name"]),
    "name again": (changed(name="mine"), ["family 2", "'mine'", "before"]),
    "no path": (changed(path=None), ["family 2 (theirs)", "path", "symptom/has_phenotype:disease/treats:drug"]),
    "no relation": (changed(path="symptom/disease"), ["family 2 (theirs)", "relation"]),
    "a step without relation": (changed(path="symptom/has_phenotype:disease/drug"), ["(theirs)", "relation"]),
    "one type": (changed(path="symptom"), ["family 2 (theirs)", "1 to 4 steps"]),
    "five steps": (changed(path="a" + "/r:a" * 5), ["family 2 (theirs)", "1 to 4 steps"]),
    "empty type": (changed(path="symptom/has_phenotype:"), ["family 2 (theirs)"]),
    "no anchors": (changed(anchors=0), ["family 2 (theirs)", "0 anchors", "1 to 6"]),
    "seven anchors": (changed(anchors=7), ["family 2 (theirs)", "7 anchors", "1 to 6"]),
    "anchors in words": (changed(anchors="two"), ["family 2 (theirs)", "two anchors", "1 to 6"]),
    "unknown form": (changed(form="essay"), ["(theirs)", "'essay'", "list, count, yes_no, choice, negative"]),
    "form is a list": (changed(form=["list"]), ["family 2 (theirs)", "unknown form"]),
    "too many ways": (changed(ways=[1, 2]), ["(theirs)", "ways [1, 2]", "each of the 1 steps"]),
    "no way": (changed(ways=[0]), ["family 2 (theirs)", "ways [0]"]),
    "ways is a number": (changed(ways=3), ["family 2 (theirs)", "ways 3"]),
    "no wordings": (changed(en=None), ["family 2 (theirs)", "no wordings", "en or ru"]),
    "wordings are one text": (changed(en="Why {0}?"), ["family 2 (theirs), en", "list of wordings"]),
    "wordings are empty": (changed(ru=[]), ["family 2 (theirs), ru", "list of wordings"]),
    "a wording is a mapping": (changed(ru=[{"a": "b"}]), ["family 2 (theirs), ru", "list of wordings"]),
    "a place is missing": (changed(en=["Does {candidate} cause {0}?"]), ["(theirs), en", "{0}, {1}, {candidate}"]),
    "no candidate": (changed(en=["{0} and {1}?"]), ["(theirs), en", "'{0} and {1}?'", "{candidate}"]),
    "a place twice": (changed(en=["{0} {0} {1} {candidate}?"]), ["(theirs), en", "once"]),
    "a place too many": (changed(en=["{0} {1} {2} {candidate}?"]), ["(theirs), en", "{0}, {1}, {candidate} once"]),
    "a place without name": (changed(en=["{} {0} {1} {candidate}?"]), ["family 2 (theirs), en"]),
    "a candidate too many": (changed(form="list"), ["family 2 (theirs), en", "{0}, {1} once"]),
    "an attribute": (changed(en=["{0.name} {1} {candidate}?"]), ["family 2 (theirs), en"]),
    "an open brace": (changed(en=["{0} {1} {candidate"]), ["family 2 (theirs), en", "no wording"]),
    "the same wording twice": (changed(en=GOOD["en"] * 2), ["family 2 (theirs), en", "twice"]),
    "an entry is no family": ([GOOD, "mine"], ["family 2", "no name"]),
    "no list": (GOOD, ["no list of question families", "- name:"]),
    "empty": ("", ["no list of question families"]),
    "empty list": ("[]", ["no list of question families"]),
    "bad YAML": ("- name: mine\n  path: [\n", ["line", "no YAML"]),
    "a tab": ("- name: mine\n\tpath: a\n", ["line 2", "no YAML"]),
    "a control character": ("- name: mine\x01\n", ["no YAML"]),
    "a tag": ("- !!python/object:os.system {}\n", ["line 1", "no YAML"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_names_its_place(write: Callable[[Any], Path], mistake: str) -> None:
    content, expected = MISTAKES[mistake]
    path = write(content)
    with pytest.raises(KGError) as caught:
        load_families(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    for part in expected:
        assert part in message, message


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("- name: é".encode("latin-1"))
    for path in (tmp_path / "missing.yaml", tmp_path, tmp_path / "latin.yaml"):
        with pytest.raises(
            KGError, match=r"^can't read question families from .*; give a YAML file in UTF-8$"
        ) as caught:
            load_families(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_relation_of_our_families_has_a_sentence_of_its_own(lang: str) -> None:
    words = load_fact_words(lang)
    for relation in {name for family in OURS.values() for name in family.relations}:
        sentence = words.sentence(relation)
        assert places(sentence) == ["head", "tail"]
        assert sentence != words.sentence("other")
        assert not sentence.endswith(".")
    assert "colocalises with" in words.sentence("colocalises_with")
    assert places(words.sentence("colocalises_with")) == ["head", "tail"]
