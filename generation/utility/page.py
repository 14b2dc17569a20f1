"""Draws a comparison as one self-contained HTML page: no script, no address; names and codes are shown as text."""

from typing import Any

from generation.rendering import rendered
from generation.utility.arms import ALL, ALONE, BOTH, FILLED, OVERSAMPLED, REAL

COLOURS = {REAL: "s4", OVERSAMPLED: "s1", FILLED: "s0", BOTH: "s3", ALL: "s2", ALONE: "s5"}
KINDS = {
    REAL: "real notes alone",
    OVERSAMPLED: "real notes, those of tail codes repeated",
    FILLED: "tail codes filled up with synthetic notes",
    BOTH: "tail codes repeated and synthetic notes added",
    ALL: "all synthetic notes added",
    ALONE: "synthetic notes alone",
}
_METRICS = (("tail", "hit@1"), ("tail", "hit@3"), ("overall", "hit@1"), ("overall", "hit@3"))


def render_page(results: dict[str, Any]) -> str:
    """Draw the results.

    :param results: what :func:`generation.utility.study.evaluate` gives, and `config`.
    :returns: the page; the same for the same results.
    """
    arms = results["arms"]
    shown = {arm["kind"] for arm in arms}
    return rendered(
        "utility.html.j2",
        **results,
        colours=COLOURS,
        kinds={kind: words for kind, words in KINDS.items() if kind in shown},
        plots=[plot for part, metric in _METRICS if (plot := _plot(arms, part, metric))],
        against=list(dict.fromkeys(name for arm in arms for name in arm["differences"])),
        metrics=[pair for pair in _METRICS if arms[0]["metrics"][pair[0]][pair[1]]],
    )


def _plot(arms: list[dict[str, Any]], part: str, metric: str) -> dict[str, Any] | None:
    """Lay out the bars of one metric, None when there is no test note for it."""
    found = [arm["metrics"][part][metric] for arm in arms]
    if None in found:
        return None
    top = min(1.0, max(0.1, (int(10 * max(one["high"] for one in found)) + 1) / 10))
    bars = [(arm["name"], COLOURS[arm["kind"]], one) for arm, one in zip(arms, found, strict=True)]
    return {"part": part, "metric": metric, "notes": arms[0]["metrics"][part]["notes"], "top": top, "bars": bars}
