"""The kinds of notes: what each tells of a bundle, its headings, and how it splits into the dataset's columns."""

import re
from dataclasses import dataclass, replace

from kgengine.bundles import Bundle
from kgengine.errors import UnknownNameError


@dataclass(frozen=True)
class Kind:
    """One kind of note.

    :ivar drugs: True when it tells the drugs.
    :ivar max_tokens: most tokens of a text.
    :ivar headings: in order, by language; a note of the kind has just these, each at the begin of a line.
    """

    name: str
    drugs: bool
    max_tokens: int
    headings: dict[str, tuple[str, ...]]

    def told(self, bundle: Bundle) -> Bundle:
        """Give the part of a bundle that a note of this kind tells."""
        return bundle if self.drugs else replace(bundle, drugs=())

    def columns(self, text: str, lang: str) -> tuple[str, str]:
        """Split a note into the columns `symptoms` (complaints) and `anamnesis`; "" where it has no such part."""
        if self.name == "complaints":
            return text, ""
        if self.name == "anamnesis":
            return "", text
        parts = sections(text, self.headings[lang])
        return parts[0], parts[1]


KINDS = {
    "complaints": Kind("complaints", False, 120, {"en": (), "ru": ()}),
    "anamnesis": Kind("anamnesis", True, 160, {"en": (), "ru": ()}),
    "visit": Kind(
        "visit",
        True,
        280,
        {
            "en": ("Complaints:", "History:", "Examination:", "Plan:"),
            "ru": ("Жалобы:", "Анамнез:", "Осмотр:", "План:"),
        },
    ),
}


def kind_of(name: str) -> Kind:
    """Find a kind by name.

    :raises UnknownNameError: there is none.
    """
    if name not in KINDS:
        raise UnknownNameError("kind of note", name, hint="take one of " + ", ".join(KINDS))
    return KINDS[name]


def sections(text: str, headings: tuple[str, ...]) -> list[str]:
    """Give what stands below each heading, "" for one that the text does not have."""
    pattern = "|".join(re.escape(heading) for heading in headings)
    found = re.split(rf"^({pattern})", text, flags=re.MULTILINE)
    below = {heading: body.strip() for heading, body in zip(found[1::2], found[2::2], strict=True)}
    return [below.get(heading, "") for heading in headings]
