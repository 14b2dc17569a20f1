"""Where the sentences of a note begin and end. A line is at least one sentence; "2.5 mg", "2 wk. ago" are not split."""

import re

_END = re.compile(r"[.!?]+[\"')»]*(?=\s+[^a-zа-яё\s]|\s*$)|(?<=\S)(?=\n)")


def sentence_ends(text: str) -> list[int]:
    """Give the position behind each sentence, in order; text after the last one is no whole sentence."""
    return sorted({match.end() for match in _END.finditer(text)})


def sentence_start(text: str, position: int) -> int:
    """Give where the sentence around a position begins."""
    before = [end for end in sentence_ends(text) if end <= position]
    start = before[-1] if before else 0
    return start + len(text[start:]) - len(text[start:].lstrip())


def whole_sentences(text: str) -> str:
    """Cut what follows the last whole sentence."""
    ends = sentence_ends(text)
    return text[: ends[-1]] if ends else ""
