"""Trains the classifier on every arm and tests it on the same real notes; plain data comes out, nothing is written."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.utility.arms import OVERSAMPLED, REAL, Arm, make_arms
from generation.utility.classifiers import make_classifier
from generation.utility.material import Material
from generation.utility.measures import Bools, hits, intervals
from generation.utility.ngrams import NAME
from kgengine.errors import KGError

KS = (1, 3)
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class UtilityConfig:
    """Settings: most training notes of a tail code, rows that tail codes are filled up to, classifier, bootstrap.

    With a `tilt` t each arm is also measured with t * log(share of the code among the real training notes) taken from
    every score (log odds): a control, since part of what rows for rare codes do is to make these codes likelier.
    """

    tail: int = 20
    fills: tuple[int, ...] = (30, 60, 120)
    classifier: str = NAME
    resamples: int = 1000
    seed: int = 0
    tilt: float = 0.0


def evaluate(material: Material, config: UtilityConfig, progress: Progress) -> dict[str, Any]:
    """Train and test every arm.

    :param material: the notes.
    :param config: the settings.
    :param progress: told arms done, arms in all, and the name of the arm that begins.
    :returns: `counts`, `warnings`, `arms` and `codes` as plain data.
    :raises KGError: the train set has fewer than two codes, a classifier fails, or its scores can't be tilted.
    """
    if config.tilt and config.classifier != NAME:
        raise KGError(
            f"--tilt needs scores that are log odds, as those of {NAME} are; leave out --tilt or --classifier"
        )
    arms = make_arms(material, config.tail, config.fills, config.seed)
    texts, codes = [text for text, _ in material.test], [code for _, code in material.test]
    found: list[dict[int, Bools]] = []
    tilted: list[dict[int, Bools]] = []
    for done, arm in enumerate(arms):
        progress(done, len(arms), arm.name)
        classifier = make_classifier(config.classifier, config.seed)
        classifier.fit([text for text, _ in arm.rows], [code for _, code in arm.rows])
        scores = classifier.scores(texts)
        found.append({k: hits(scores, classifier.classes, codes, k) for k in KS})
        if config.tilt:
            scores = scores - config.tilt * np.log([material.sizes[code] for code in classifier.classes])
            tilted.append({k: hits(scores, classifier.classes, codes, k) for k in KS})
    progress(len(arms), len(arms), "")
    if config.tilt:
        arms = [*arms, *(replace(arm, name=f"{arm.name}, tilted", tilted=True) for arm in arms)]
        found += tilted
    rare = material.tail(config.tail)
    in_tail = np.array([code in rare for code in codes], bool)
    warnings = material.warnings()
    if not in_tail.any():
        warnings.append(
            f"no test note has a tail code (at most {config.tail} training notes); there are no tail figures"
        )
    return {
        "counts": {**material.to_json(), "tail_codes": len(rare), "tail_notes": int(in_tail.sum())},
        "warnings": warnings,
        "arms": _metrics(arms, found, in_tail, config),
        "codes": _codes(material, arms, found, rare),
    }


def _metrics(arms: list[Arm], found: list[dict[int, Bools]], in_tail: Bools, config: UtilityConfig) -> list[Any]:
    """Give each arm's counts, metrics, and differences to the real and an oversampled arm."""
    every = np.ones(len(in_tail), bool)
    base = [_bases(arms, arm) for arm in arms]
    result = [
        _counts(arm) | {"metrics": {}, "differences": {arms[b].name: {} for b in base[place]}}
        for place, arm in enumerate(arms)
    ]
    for part, chosen in (("overall", every), ("tail", in_tail)):
        for k in KS:
            columns = np.stack([one[k][chosen] for one in found], axis=1).astype(float)
            ends = intervals(columns, config.resamples, config.seed)
            pairs = [(place, b) for place in range(len(arms)) for b in base[place]]
            less = np.stack([columns[:, place] - columns[:, b] for place, b in pairs], axis=1) if pairs else columns
            ends_of = intervals(less, config.resamples, config.seed)
            for place in range(len(arms)):
                metrics = result[place]["metrics"].setdefault(part, {"notes": int(chosen.sum())})
                metrics[f"hit@{k}"] = _figure(columns[:, place], ends[place])
            for number, (place, b) in enumerate(pairs):
                against = result[place]["differences"][arms[b].name].setdefault(part, {})
                against[f"hit@{k}"] = _figure(less[:, number], ends_of[number])
    return result


def _bases(arms: list[Arm], arm: Arm) -> list[int]:
    """Give the places of the arms that one is compared with: real, and oversampled to its own or the middle fill.

    A tilted arm is compared with real, and with real tilted.
    """
    if arm.tilted:
        own = next(place for place, one in enumerate(arms) if one.tilted)
        return [place for place in (0, own) if arms[place] is not arm]
    over = [place for place, one in enumerate(arms) if one.kind == OVERSAMPLED and not one.tilted]
    same = [place for place in over if arms[place].fill == arm.fill] or over[(len(over) - 1) // 2 :][:1]
    return [place for place in (0, *same) if arms[place] is not arm and arm.kind != REAL]


def _figure(column: NDArray[np.floating[Any]], ends: NDArray[np.float64]) -> dict[str, float] | None:
    if not len(column):
        return None
    return {"value": float(column.mean()), "low": float(ends[0]), "high": float(ends[1])}


def _counts(arm: Arm) -> dict[str, Any]:
    plain = {key: value for key, value in vars(arm).items() if key != "rows"}
    real = len(arm.rows) - arm.repeated - arm.synthetic
    return plain | {"rows": len(arm.rows), "real": real, "codes": len({code for _, code in arm.rows})}


def _codes(material: Material, arms: list[Arm], found: list[dict[int, Bools]], rare: set[str]) -> list[dict[str, Any]]:
    """Give for each code its notes, and the test notes that each arm hits."""
    codes = np.array([code for _, code in material.test])
    sizes = material.sizes
    pools = {one.name: Counter(code for _, code in one.rows) for one in material.sources}
    rows = []
    for code in sorted({*sizes, *codes.tolist()}, key=lambda code: (sizes[code], code)):
        chosen = codes == code
        rows.append(
            {
                "code": code,
                "tail": code in rare,
                "train": sizes[code],
                "test": int(chosen.sum()),
                "synthetic": {name: pool[code] for name, pool in pools.items()},
                "hits": {
                    arm.name: {f"hit@{k}": int(one[k][chosen].sum()) for k in KS}
                    for arm, one in zip(arms, found, strict=True)
                },
            }
        )
    return rows
