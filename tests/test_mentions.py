"""Mentions are found by lemma, longest first, inside one clause, and have the status that a reader would give them.

Every sentence is read by hand: what it affirms, denies or says of the past, of relatives and of risks is written beside
it, English and Russian alike, on the default MKG. Spans are checked against the text that they point into.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generation.mentions import Lexicon, Mention
from generation.spelling import Speller
from generation.statuses import AFFIRMED, FAMILY, HYPOTHETICAL, NEGATED, PAST
from kgengine.graph import Graph

FEVER, COUGH, DYSPNEA, CHEST_PAIN = "HP:0001945", "HP:0012735", "HP:0002094", "HP:0100749"


@pytest.fixture(scope="module")
def english(core: Graph) -> Lexicon:
    """Every English name of the default MKG."""
    return Lexicon(core, "en")


@pytest.fixture(scope="module")
def russian(core: Graph) -> Lexicon:
    """Every Russian name of the default MKG."""
    return Lexicon(core, "ru")


@pytest.fixture
def find(english: Lexicon, russian: Lexicon):
    """Find the mentions of a text in the language of its letters."""

    def search(text: str) -> list[Mention]:
        cyrillic = any("а" <= letter <= "я" for letter in text.lower())
        return (russian if cyrillic else english).find(text)

    return search


def _texts(mentions: list[Mention], negated: bool) -> list[str]:
    return [mention.text for mention in mentions if mention.negated is negated]


@pytest.mark.parametrize(
    ("text", "said", "node"),
    [
        ("One swollen ankle.", "swollen ankle", "HP:0010741"),
        ("He has had dry coughs at night.", "dry coughs", "HP:0031246"),
        ("Two sore throats this winter.", "sore throats", "HP:0033050"),
        ("Sharp CHEST PAINS on the stairs.", "CHEST PAINS", CHEST_PAIN),
        ("Itching of his eyes since May.", "Itching of his eyes", "HP:0033841"),
        ("She lost her sense of smell.", "lost her sense of smell", "HP:0000458"),
        ("There was blood in the urine.", "blood in the urine", "HP:0000790"),
        ("Started on Amoxil.", "Amoxil", "ATC:J01CA04"),
        ("A case of pneumonia.", "pneumonia", "ICD10:J18"),
        ("Беспокоят приступы сухого кашля.", "сухого кашля", "HP:0031246"),
        ("Обратилась с болью в груди.", "болью в груди", CHEST_PAIN),
        ("Страдает одышкой.", "одышкой", DYSPNEA),
        ("Жалобы на потерю обоняния.", "потерю обоняния", "HP:0000458"),
        ("Обратился с головными болями.", "головными болями", "HP:0002315"),
        ("Видны отёки лодыжек.", "отёки лодыжек", "HP:0010741"),
        ("Много отеков лодыжек.", "отеков лодыжек", "HP:0010741"),
        ("Лечение: амоксициллином.", "амоксициллином", "ATC:J01CA04"),
        ("Перенёс пневмонию.", "пневмонию", "ICD10:J18"),
    ],
)
def test_an_inflected_wording_is_found_as_its_node(core, find, text, said, node):
    mentions = find(text)
    assert [mention.text for mention in mentions] == [said]
    assert mentions[0].nodes == {core.resolve(node)}


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("productive cough", ["HP:0031245"]),
        ("cough", [COUGH]),
        ("vomiting blood", ["HP:0002248"]),
        ("vomiting, blood in urine", ["HP:0002013", "HP:0000790"]),
        ("low back pain", ["HP:0003419"]),
        ("back pain", ["HP:0003418"]),
        ("cough without phlegm", ["HP:0031246"]),
        ("cough without warning", [COUGH]),
        ("кашель с мокротой", ["HP:0031245"]),
        ("кашель с утра", [COUGH]),
        ("рвота с кровью", ["HP:0002248"]),
        ("рвота, кровь в моче", ["HP:0002013", "HP:0000790"]),
    ],
)
def test_the_longest_wording_of_a_clause_wins(core, find, text, nodes):
    assert [mention.nodes for mention in find(text)] == [{core.resolve(node)} for node in nodes]


def test_a_wording_that_two_nodes_share_means_both(core, english):
    (mention,) = english.find("high blood pressure")
    assert mention.nodes == {core.resolve("HP:0000822"), core.resolve("ICD10:I10")}


def test_a_text_without_names_has_no_mentions(find):
    assert find("The weather was fine in Paris.") == []
    assert find("Погода была хорошая.") == []
    assert find("") == []


@pytest.mark.parametrize(
    ("text", "affirmed", "denied"),
    [
        # forward
        ("He has a fever.", ["fever"], []),
        ("No fever, cough or rash.", [], ["fever", "cough", "rash"]),
        ("She denied nausea and vomiting.", [], ["nausea", "vomiting"]),
        ("Neither fever nor cough.", [], ["fever", "cough"]),
        ("Negative for fever and rash.", [], ["fever", "rash"]),
        ("Cough without fever.", ["Cough"], ["fever"]),
        ("He can't cough.", [], ["cough"]),
        # a reporting verb right after the negation belongs to it
        ("She has never had seizures.", [], ["seizures"]),
        ("He doesn't have a fever.", [], ["fever"]),
        ("He didn’t report nausea.", [], ["nausea"]),
        ("He does not complain of cough.", [], ["cough"]),
        # backward
        ("Chest pain is absent.", [], ["Chest pain"]),
        ("Fever was denied.", [], ["Fever"]),
        ("Fever isn't present, cough persists.", ["cough"], ["Fever"]),
        # the scope ends
        ("No fever but cough.", ["cough"], ["fever"]),
        ("Denies chest pain, reports dyspnea.", ["dyspnea"], ["chest pain"]),
        ("He has no fever and reports a cough.", ["cough"], ["fever"]),
        ("No fever, has a cough.", ["cough"], ["fever"]),
        ("No fever. Cough for two weeks.", ["Cough"], ["fever"]),
        ("Negative for fever; cough persists.", ["cough"], ["fever"]),
        # the name itself holds the negation
        ("Loss of appetite and nausea.", ["Loss of appetite", "nausea"], []),
        ("He has no appetite.", ["no appetite"], []),
        ("She can't sleep.", ["can't sleep"], []),
        ("No loss of appetite.", [], ["loss of appetite"]),
        # cues that negate no finding
        ("Not only cough but also fever.", ["cough", "fever"], []),
        ("He has not only fever.", ["fever"], []),
        ("No improvement in his headache.", ["headache"], []),
        ("Without relief of the chest pain.", ["chest pain"], []),
        ("No change in the rash.", ["rash"], []),
        ("The rash does not go away.", ["rash"], []),
    ],
)
def test_english_negation_covers_what_a_reader_takes_as_denied(find, text, affirmed, denied):
    mentions = find(text)
    assert (_texts(mentions, False), _texts(mentions, True)) == (affirmed, denied)


@pytest.mark.parametrize(
    ("text", "affirmed", "denied"),
    [
        # forward
        ("Беспокоит лихорадка.", ["лихорадка"], []),
        ("Отрицает боль в груди.", [], ["боль в груди"]),
        ("Ни лихорадки, ни кашля.", [], ["лихорадки", "кашля"]),
        ("Отсутствие лихорадки.", [], ["лихорадки"]),
        # a reporting word right after the negation belongs to it
        ("Не отмечает тошноты.", [], ["тошноты"]),
        ("Не беспокоят ни кашель, ни одышка.", [], ["кашель", "одышка"]),
        ("Нет жалоб на боль в груди.", [], ["боль в груди"]),
        # backward
        ("Кашля нет.", [], ["Кашля"]),
        ("Лихорадка отсутствует.", [], ["Лихорадка"]),
        ("Тошноты и рвоты не было.", [], ["Тошноты", "рвоты"]),
        ("Кашель, одышку отрицает.", [], ["Кашель", "одышку"]),
        ("Боль в груди и одышку отрицает.", [], ["Боль в груди", "одышку"]),
        ("Кашель, по словам пациента, отсутствует.", [], ["Кашель"]),
        ("Кашель не беспокоит, боль в груди сильная.", ["боль в груди"], ["Кашель"]),
        # a new clause looks ahead
        ("Жалуется на кашель, отрицает боль в груди.", ["кашель"], ["боль в груди"]),
        ("Жалуется на кашель, не отмечает тошноты.", ["кашель"], ["тошноты"]),
        # the scope ends
        ("Без температуры, но с кашлем.", ["кашлем"], []),
        ("Без лихорадки, но с кашлем.", ["кашлем"], ["лихорадки"]),
        ("Кашля нет, беспокоит одышка.", ["одышка"], ["Кашля"]),
        ("Кашля не отмечает, отмечает одышку.", ["одышку"], ["Кашля"]),
        ("Нет лихорадки. Кашель две недели.", ["Кашель"], ["лихорадки"]),
        # the name itself holds the negation
        ("Нет аппетита.", ["Нет аппетита"], []),
        ("Не чувствует запахов.", ["Не чувствует запахов"], []),
        # cues that negate no finding
        ("Не только кашель, но и лихорадка.", ["кашель", "лихорадка"], []),
        ("Кашель не проходит.", ["Кашель"], []),
        ("Одышка не уменьшается.", ["Одышка"], []),
        ("Головная боль без динамики.", ["Головная боль"], []),
    ],
)
def test_russian_negation_covers_what_a_reader_takes_as_denied(find, text, affirmed, denied):
    mentions = find(text)
    assert (_texts(mentions, False), _texts(mentions, True)) == (affirmed, denied)


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        # what is over
        ("She no longer has fever.", [PAST]),
        ("Headache has resolved.", [PAST]),
        ("History of gout and asthma, now a cough.", [PAST, PAST, AFFIRMED]),
        ("He had measles, mumps and eczema as a child.", [PAST, PAST, PAST]),
        ("The cough began two weeks ago.", [AFFIRMED]),
        ("A man in his forties with a cough.", [AFFIRMED]),
        ("Перенёс пневмонию.", [PAST]),
        ("Бронхиальная астма в анамнезе, беспокоит кашель.", [PAST, AFFIRMED]),
        ("Лихорадка держалась три дня и прошла.", [PAST]),
        ("Летом принимал омепразол.", [PAST]),
        ("Каждое лето беспокоит насморк.", [AFFIRMED]),
        # whose it is
        ("Her mother has asthma, she has a cough.", [FAMILY, AFFIRMED]),
        ("His mother says he has a cough.", [AFFIRMED]),
        ("A mother of two presents with fatigue.", [AFFIRMED]),
        ("Psoriasis in a brother.", [FAMILY]),
        ("Her mother had asthma as a child.", [FAMILY]),
        ("У матери бронхиальная астма, пациента беспокоит кашель.", [FAMILY, AFFIRMED]),
        ("Со слов матери, у него кашель.", [AFFIRMED]),
        # whether it is a fact at all
        ("She has a cough and should return if fever develops.", [AFFIRMED, HYPOTHETICAL]),
        ("Take paracetamol if fever returns.", [HYPOTHETICAL, HYPOTHETICAL]),
        ("Should chest pain occur, call an ambulance.", [HYPOTHETICAL]),
        ("Pneumonia was ruled out.", [NEGATED]),
        ("Pneumonia cannot be ruled out.", [HYPOTHETICAL]),
        ("To rule out pneumonia, an X-ray was ordered.", [HYPOTHETICAL]),
        ("?Pneumonia, fever since Monday.", [HYPOTHETICAL, AFFIRMED]),
        ("Подозрение на пневмонию: кашель, одышка.", [HYPOTHETICAL, AFFIRMED, AFFIRMED]),
        ("При лихорадке принять парацетамол.", [HYPOTHETICAL, HYPOTHETICAL]),
        ("Аппендицит исключён.", [NEGATED]),
        ("Необходимо исключить аппендицит.", [HYPOTHETICAL]),
        # two denials make none
        ("Not a day passes without heartburn.", [AFFIRMED]),
        ("He does not deny chest pain.", [AFFIRMED]),
        ("It is not true that he has no cough.", [AFFIRMED]),
        ("Не отрицает тошноту.", [AFFIRMED]),
        ("Нельзя сказать, что нет одышки.", [AFFIRMED]),
        ("Ни кашля, ни одышки не отмечает.", [NEGATED, NEGATED]),
        # drugs
        ("Switched from warfarin to apixaban.", [NEGATED, AFFIRMED]),
        ("Warfarin was replaced by apixaban.", [NEGATED, AFFIRMED]),
        ("Amoxicillin was stopped and azithromycin started.", [NEGATED, AFFIRMED]),
        ("Эналаприл заменён на лозартан.", [NEGATED, AFFIRMED]),
        ("Вместо варфарина назначен апиксабан.", [NEGATED, AFFIRMED]),
        ("От амоксициллина отказался.", [NEGATED]),
        # an enumeration ends where the case changes
        ("Без лихорадки, кашель третий день.", [NEGATED, AFFIRMED]),
        ("Шелушение кожи, зуда нет.", [AFFIRMED, NEGATED]),
    ],
)
def test_a_mention_has_the_status_that_a_reader_gives_it(find, text, statuses):
    assert [mention.status for mention in find(text)] == statuses


@pytest.mark.parametrize(
    ("text", "said", "node"),
    [
        ("Given amoxicilin.", "amoxicilin", "ATC:J01CA04"),
        ("Severe haedache.", "haedache", "HP:0002315"),
        ("A bad ehadache.", "ehadache", "HP:0002315"),
        ("Назначен амоксицилин.", "амоксицилин", "ATC:J01CA04"),
        ("Жалобы на головакружение.", "головакружение", "HP:0002321"),
        ("Тошнату отрицает.", "Тошнату", "HP:0002018"),
    ],
)
def test_a_misspelt_word_is_the_word_that_it_misspells(core, find, text, said, node):
    (mention,) = find(text)
    assert (mention.text, mention.nodes) == (said, {core.resolve(node)})


@pytest.mark.parametrize(
    "text",
    [
        "He fell on the gravel.",  # a word of the language, one letter from none
        "A cofhh.",  # two letters of five are wrong
        "A fevr.",  # too short
        "Given rmoxicillin.",  # the first letter is wrong
        "Given pneumozitrol.",  # far from any
        "Назначен пневмозитрол.",
        "Жалобы на зут.",
    ],
)
def test_a_word_that_is_known_short_or_far_from_all_is_no_misspelling(find, text):
    assert find(text) == []


def test_a_misspelling_of_two_words_is_neither():
    speller = Speller([("metformin", "metformin"), ("metfornim", "metfornim"), ("metoprolol", "metoprolol")])
    assert speller.lemma(["metfornin"]) is None
    assert speller.lemma(["metoprollo"]) == "metoprolol"
    assert speller.lemma(["metformiin"]) == "metformin"


def test_each_of_two_mentions_of_a_node_has_its_own_negation_and_sentence(core, find):
    first, second = find("He has a cough. No cough at night.")
    assert first.nodes == second.nodes == {core.resolve(COUGH)}
    assert (first.negated, second.negated) == (False, True)
    assert (first.sentence, second.sentence) == (0, 1)


def test_a_decimal_point_ends_no_sentence(find):
    (mention,) = find("No temperature above 37.5 or cough.")
    assert (mention.negated, mention.sentence) == (True, 0)


@given(
    parts=st.lists(
        st.sampled_from(["no", "fever", "dry cough", ",", ".", "but", "the", "blood", "in urine"]), max_size=12
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spans_point_at_the_text_in_order_without_overlap(english, parts):
    text = " ".join(parts)
    end = 0
    for mention in english.find(text):
        assert text[mention.start : mention.end] == mention.text
        assert mention.start >= end
        assert mention.nodes
        end = mention.end
    assert len(english.find(text)) >= parts.count("fever")


def test_a_heading_of_a_visit_note_is_no_cue_of_the_past(core: Graph) -> None:
    (found,) = Lexicon(core, "ru").find("Анамнез: лихорадка.")
    assert found.status == "affirmed"
    (found,) = Lexicon(core, "ru").find("В анамнезе лихорадка.")
    assert found.status == "past"
