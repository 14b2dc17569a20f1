"""Fills wordings for many questions at once: texts are Arrow arrays, and no Python code runs for a single one."""

import string
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow
import pyarrow.compute

from generation.qa.drawing import Ints

Texts: TypeAlias = "pyarrow.StringArray"
_compute: Any = pyarrow.compute


def fill(wording: str, places: Mapping[str, Texts]) -> Texts:
    """Put texts into the places of a wording.

    :param wording: a text with places such as {0} or {candidate}.
    :param places: for each place, n texts.
    :returns: n texts.
    """
    parts: list[Any] = []
    for plain, name, _, _ in string.Formatter().parse(wording):
        parts += [pyarrow.scalar(plain)] if plain else []
        parts += [places[name]] if name is not None else []
    return _compute.binary_join_element_wise(*parts, "")


def fill_each(wordings: list[str], which: Ints, places: Mapping[str, Texts]) -> Texts:
    """Put texts into wordings that differ from row to row.

    :param wordings: the wordings; each has a place of `places`.
    :param which: int64 [n], the wording of each row.
    :param places: for each place, n texts.
    :returns: n texts.
    """
    order = np.argsort(which, kind="stable")
    found = []
    for number, wording in enumerate(wordings):
        rows = pyarrow.array(order[which[order] == number])
        if len(rows):
            found.append(fill(wording, {name: texts.take(rows) for name, texts in places.items()}))
    back = np.empty(len(which), np.int64)
    back[order] = np.arange(len(which))
    return pyarrow.concat_arrays(found).take(pyarrow.array(back)) if found else pyarrow.array([], pyarrow.string())


def joined(texts: Texts, counts: Ints, between: str) -> Texts:
    """Join consecutive texts.

    :param texts: m texts.
    :param counts: int64 [n], how many belong together, m in all.
    :param between: what stands between two.
    :returns: n texts, "" where there is nothing to join.
    """
    return _compute.binary_join(listed(texts, counts), between)


def listed(values: pyarrow.Array, counts: Ints) -> pyarrow.ListArray:
    """Gather consecutive values into lists, by their counts, int64 [n]."""
    return pyarrow.ListArray.from_arrays(
        pyarrow.array(np.concatenate([[0], np.cumsum(counts)]), pyarrow.int32()), values
    )


def capitalised(texts: Texts) -> Texts:
    """Begin every text with a capital."""
    first = _compute.utf8_upper(_compute.utf8_slice_codeunits(texts, 0, 1))
    return _compute.binary_join_element_wise(first, _compute.utf8_slice_codeunits(texts, 1), "")
