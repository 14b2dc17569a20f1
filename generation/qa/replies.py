"""Reads a model's reply to a QA item as a set of answers, and scores the set against the gold answers.

A reply may hold reasoning before "Answer:"; what follows the last one counts. A list is read with the item's own names
in hand, since names hold commas and "and" themselves; whatever else is listed counts as a wrong answer, so that talk
costs precision. What can't be read without guessing is read as no answer. Nothing is known here of models or files.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from generation.qa.families import CHOICE, COUNT, NEGATIVE, YES_NO, FactWords, load_fact_words
from kgengine.schema import LANGUAGES

Answers = frozenset[str]

_ASKED = {
    "en": {
        "bare": "Reply with {what} and nothing else.",
        "reasoned": 'First state the facts that lead to the answer; then write "Answer:" and {what}.',
        "list": "the names, separated by semicolons",
        "count": "the number",
        "yes_no": "yes or no",
        "choice": "the letter of the right option",
    },
    "ru": {
        "bare": "Напишите в ответе только {what}.",
        "reasoned": "Сначала изложите факты, которые ведут к ответу, затем напишите «Ответ:» и {what}.",
        "list": "названия через точку с запятой",
        "count": "число",
        "yes_no": "«да» или «нет»",
        "choice": "букву правильного варианта",
    },
}
"""What a system turn says; {what} is the form of the reply."""

_SAME = str.maketrans(
    {**dict.fromkeys('«»„“”"*`#', ""), **dict.fromkeys("–—‑−", "-"), "ё": "е", "Ё": "Е", "’": "'", "‘": "'"}
)
_BULLET = re.compile(r"^(?:[-•·]|\(?\d{1,2}[.)])(?:\s+|$)")
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\w\w)")
_JOINING = r"(?:and|or|as well as|и|или|а также)"
_LINKED = re.compile(rf"^{_JOINING}\s+", re.IGNORECASE)
_SPLIT = re.compile(rf",\s*(?:{_JOINING}\s)?|\s{_JOINING}\s", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZА-Я])")
_BEFORE = re.compile(rf"(?P<mark>^|,|;|\b{_JOINING}\s)\s*'?(?:(?:the|an?)\s+)?$", re.IGNORECASE)
_AFTER = re.compile(rf"^'?\s*(?:$|[,;.!?]\s*$|[,;]|{_JOINING}\s)", re.IGNORECASE)
_GLOSS = re.compile(r":\s|\s-\s")
_INTRODUCTION = re.compile(r"^.*?\b(?:are|is|includes?|это|включают|относятся|являются)\s+", re.IGNORECASE)
"""How a sentence leads to the names; no name of our graph holds such a word."""

_NUMBERS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty",
    "ru": "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать "
    "четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать двадцать",
}
_NUMBER_OF = {word: number for words in _NUMBERS.values() for number, word in enumerate(words.split())}
_NUMBER_OF |= {"одна": 1, "одно": 1, "две": 2}
_ANY_NUMBER = rf"(?:\d{{1,6}}(?![\w-]|[.,]\d)|(?:{'|'.join(_NUMBER_OF)})(?!\s+(?:of|из)\b)(?![\w-]))"
_NUMBER = re.compile(rf"(?<![\w.,-]){_ANY_NUMBER}", re.IGNORECASE)
_RANGE = re.compile(rf"(?:\d+\s*-|{_ANY_NUMBER}\s+(?:-|to|or|до|или)\s)\s*{_ANY_NUMBER}", re.IGNORECASE)
_ENUMERATED = re.compile(r"^\s*\d{1,2}[.)]\s+", re.MULTILINE)

_LETTER = re.compile(
    r"(?:^|[(\[,;:.!?/·]|'s\b|\b(?:option|answer|choice|letter|is|and|or|вариант|ответ|буква|это|и|или)\b)\s*"
    r"(?:((?-i:[A-Da-dАВС]))(?=\s*(?:$|[)\].:,;!?/·]|-\s)|\s+(?:is|and|or|и|или|-)\s)|((?-i:[авс]))(?=\)))",
    re.MULTILINE | re.IGNORECASE,
)
"""An option's letter: alone, before a bracket or a stop, or after a word such as "option"; not the article "A", not the
"B" of "hepatitis B", not the Russian prepositions "в" and "с"."""
_LATIN = str.maketrans("авс", "abc")
_MARK = "·"


@dataclass(frozen=True)
class Score:
    """How a set of answers agrees with the gold answers: shares 0 to 1, and whether the sets are equal."""

    precision: float
    recall: float
    f1: float
    exact: bool


def score(said: Answers, gold: Answers) -> Score:
    """Compare two sets of answers; a reply without any answer has precision 0 unless there is no gold answer either."""
    if not said or not gold:
        same = said == gold
        return Score(float(same), float(same), float(same), same)
    right = len(said & gold)
    f1 = 2 * right / (len(said) + len(gold))
    return Score(right / len(said), right / len(gold), f1, said == gold)


def normal(name: str) -> str:
    """Give a name as it is compared: small letters, е for ё, no quotes, emphasis, final stop or article at its head."""
    return _ARTICLE.sub("", " ".join(_plain(name).casefold().split()).strip(" .,;:!?'-"))


def gold_answers(item: Mapping[str, Any]) -> Answers:
    """Give what a right reply to an item says, as :func:`read_reply` gives it."""
    return frozenset(map(normal, item["gold"]))


def read_reply(text: str, item: Mapping[str, Any]) -> Answers:
    """Read what a reply says.

    :param text: the reply.
    :param item: `form`, `lang`, `gold` and `options` of the item, and its `question` where numbers may come from it.
    :returns: normalised names; the number; yes or no in the item's language; or the chosen option's name. Empty when
        the reply says none, or several where one is asked for.
    """
    said = _plain(_answer(text))
    if item["form"] == COUNT:
        return _read_count(said, _plain(item.get("question") or ""))
    if item["form"] == YES_NO:
        return _read_yes_no(said, item["lang"])
    if item["form"] in (CHOICE, NEGATIVE):
        return _read_choice(said, [normal(option["name"]) for option in item["options"]])
    return frozenset(_read_list(said, gold_answers(item) | {normal(one["name"]) for one in item["options"] or ()}))


def instruction(item: Mapping[str, Any], reasoned: bool) -> str:
    """Word the system turn that says how to reply to an item.

    :param item: its `form` and `lang`.
    :param reasoned: True to ask for the facts first, a chain of thought.
    """
    words = _ASKED[item["lang"]]
    what = words[CHOICE if item["form"] == NEGATIVE else item["form"]]
    return words["reasoned" if reasoned else "bare"].replace("{what}", what)


@cache
def _words(lang: str) -> FactWords:
    return load_fact_words(lang)


@cache
def _answer_word() -> re.Pattern[str]:
    """Make the pattern of what stands before an answer: the words of `templates/qa_facts.yaml`, in any language."""
    texts = (_words(lang).answers[COUNT] for lang in LANGUAGES)
    words = (text.split("{facts}")[1].split("{count}")[0].strip(" .:") for text in texts)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\w{{0,2}}\**\s*:\**", re.IGNORECASE)


def _answer(text: str) -> str:
    """Give what follows the last "Answer:", or all."""
    found = list(_answer_word().finditer(text))
    return text[found[-1].end() :] if found else text


def _plain(text: str) -> str:
    """Make signs that mean the same equal, line by line; quotes and emphasis go."""
    text = re.sub(r"^\s*[*–—•]\s+", "- ", unicodedata.normalize("NFKC", text), flags=re.MULTILINE)
    return text.translate(_SAME).strip()


def _read_count(said: str, question: str) -> Answers:
    """Read the number that a reply begins with, else its only number, else its only one that the question has not."""
    if len(_ENUMERATED.findall(said)) > 1:
        said = _ENUMERATED.sub("", said)
    said = said.lstrip(" -:.(")
    first = _NUMBER.match(said)
    if _RANGE.match(said):
        return frozenset()
    if first:
        return _counts([first[0]])
    found = _counts(_NUMBER.findall(said))
    if len(found) > 1:
        found -= _counts(_NUMBER.findall(question))
    return found if len(found) == 1 else frozenset()


def _counts(numbers: Iterable[str]) -> Answers:
    return frozenset(str(int(one) if one.isdigit() else _NUMBER_OF[one.lower()]) for one in numbers)


def _read_yes_no(said: str, lang: str) -> Answers:
    """Read the first yes or no of any language; "yes or no" is neither."""
    yes, no = ({_words(one).answers[key].lower() for one in LANGUAGES} for key in ("yes", "no"))
    either = rf"\b(?:{'|'.join(sorted(yes))})\s*(?:/|,|or|или)\s*(?:{'|'.join(sorted(no))})\b"
    said = re.sub(either, " ", said.lower())
    found = re.search(rf"\b(?:{'|'.join(sorted(yes | no))})\b", said)
    if not found:
        return frozenset()
    return frozenset({_words(lang).answers["yes" if found[0] in yes else "no"].lower()})


def _read_choice(said: str, options: list[str]) -> Answers:
    """Read the one option that is meant by its letter or its name; a letter before another option's name means none."""
    chosen = set()
    for name in sorted(set(options), key=len, reverse=True):
        said, count = re.subn(rf"(?<!\w){_pattern(name)}(?!\w)", _MARK, said, flags=re.IGNORECASE)
        if count:
            chosen.add(name)
    for found in _LETTER.finditer(said):
        place = ord((found[1] or found[2]).lower().translate(_LATIN)) - ord("a")
        if place < len(options):
            chosen.add(options[place])
    return frozenset(chosen) if len(chosen) == 1 else frozenset()


def _read_list(said: str, known: Answers) -> Iterator[str]:
    """Read listed names: known ones as they are, of the rest one a part.

    Where a reply has semicolons or bullets, commas belong to the names.
    """
    strict = ";" in said
    for line in said.split("\n"):
        bare = _BULLET.sub("", line.strip())
        bulleted = bare != line.strip()
        for part in (part for piece in bare.split(";") for part in _SENTENCE.split(piece.strip())):
            part = _LINKED.sub("", part)
            if normal(part) and (bulleted or not part.endswith(":")):
                yield from _read_part(part, known, bulleted, strict or bulleted)


def _read_part(part: str, known: Answers, bulleted: bool, closed: bool) -> Iterator[str]:
    """Read a part of a list; `closed` when it is one name unless it holds known ones."""
    head, *gloss = _GLOSS.split(part, maxsplit=1)
    for whole in (part, head):
        if normal(whole) in known:
            yield normal(whole)
            return
    # After a bullet, what follows a colon explains the name; elsewhere what precedes it leads to the names.
    part = head if bulleted else _INTRODUCTION.sub("", gloss[0] if gloss else part)
    found, left = _take_known(part, known)
    yield from found
    for piece in left.split(";"):
        for name in [piece] if closed and not found else _SPLIT.split(f" {piece} "):
            if normal(name):
                yield normal(name)


def _take_known(part: str, known: Answers) -> tuple[list[str], str]:
    """Take known names out of a part, the longest first, where they stand between separators; give the rest, too."""
    found = []
    part = " ".join(part.split())
    for name in sorted(known, key=len, reverse=True):
        for place in reversed(list(re.finditer(rf"(?<!\w){_pattern(name)}(?!\w)", part, re.IGNORECASE))):
            before = _BEFORE.search(part[: place.start()])
            if before and _AFTER.search(part[place.end() :]):
                found.append(name)
                part = part[: before.end("mark")] + ";" + part[place.end() :]
    return found, part


def _pattern(name: str) -> str:
    """Make the pattern of a normalised name in a text; blanks are any white space."""
    return r"\s+".join(map(re.escape, name.split()))
