"""The arms of a comparison: which rows a classifier is trained on.

A source's notes of a code are shuffled once by the seed and taken in that order, so a smaller fill is part of a larger
one. A mixture takes one note from each source in turn.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice, zip_longest

from generation.utility.material import MIXTURE, Material, Row, Source
from kgengine.seeding import item_rng

REAL, OVERSAMPLED, FILLED, BOTH, ALL, ALONE = "real", "oversampled", "filled", "both", "all", "alone"
Pools = dict[str, list[Row]]
"""Rows by code."""


@dataclass(frozen=True)
class Arm:
    """Rows to train on. `tilted` arms are those of the same rows with scores tilted against frequent codes (`study`).

    `fill` is the number of rows that each tail code is filled up to; `repeated` and `synthetic` count the rows beside
    the real ones; `short` is the number of tail codes for which the source has too few notes.
    """

    name: str
    kind: str
    rows: list[Row]
    source: str = ""
    fill: int | None = None
    repeated: int = 0
    synthetic: int = 0
    short: int = 0
    tilted: bool = False


def make_arms(material: Material, tail: int, fills: tuple[int, ...], seed: int) -> list[Arm]:
    """Make all arms; see docs/utility.md for what each is.

    :param material: the notes.
    :param tail: most training notes of a tail code; without tail codes there are no arms that fill.
    :param fills: rows that each tail code is filled up to.
    :param seed: shuffles the sources' notes.
    """
    real, rare = pools_of(material.train), sorted(material.tail(tail))
    fills = fills if rare else ()
    arms = [Arm(REAL, REAL, material.train)]
    repeats = {fill: _repeated(real, rare, fill) for fill in fills}
    for fill, rows in repeats.items():
        arms.append(Arm(f"oversampled to {fill}", OVERSAMPLED, material.train + rows, "", fill, len(rows)))
    for name, pools in _sources(material, seed):
        for fill in fills:
            added = [row for code in rare for row in pools.get(code, [])[: max(0, fill - len(real[code]))]]
            short = sum(len(real[code]) + len(pools.get(code, [])) < fill for code in rare)
            filled = material.train + added
            arms.append(Arm(f"real + {name} to {fill}", FILLED, filled, name, fill, 0, len(added), short))
            both, number = filled + repeats[fill], len(repeats[fill])
            arms.append(Arm(f"oversampled + {name} to {fill}", BOTH, both, name, fill, number, len(added), short))
        every = [row for code in sorted(pools) for row in pools[code]]
        arms.append(Arm(f"real + {name}, all", ALL, material.train + every, name, synthetic=len(every)))
        if len(pools) > 1:
            arms.append(Arm(f"synthetic only: {name}", ALONE, every, name, synthetic=len(every)))
    return arms


def pools_of(rows: list[Row]) -> Pools:
    """Group rows by code."""
    found = defaultdict(list)
    for row in rows:
        found[row[1]].append(row)
    return dict(found)


def _repeated(real: Pools, codes: list[str], fill: int) -> list[Row]:
    """Give the rows to add so that each code has `fill`: its own in turn, none more than once more than another."""
    return [row for code in codes for row in islice(cycle(real[code]), max(0, fill - len(real[code])))]


def _sources(material: Material, seed: int) -> Iterator[tuple[str, Pools]]:
    """Give the name and the shuffled rows of each source, then those of their mixture if there are several."""
    shuffled = [(one.name, _shuffled(one, seed)) for one in material.sources if one.rows]
    yield from shuffled
    if len(shuffled) > 1:
        codes = sorted({code for _, pools in shuffled for code in pools})
        turns = {code: zip_longest(*(pools.get(code, []) for _, pools in shuffled)) for code in codes}
        yield MIXTURE, {code: [row for row in chain(*turn) if row is not None] for code, turn in turns.items()}


def _shuffled(source: Source, seed: int) -> Pools:
    return {
        code: [rows[place] for place in item_rng(seed, f"utility {code}", 0).permutation(len(rows)).tolist()]
        for code, rows in pools_of(source.rows).items()
    }
