"""The options drawn in one compiled pass are those of a naive drawing over sets, with the same hashes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generation.qa.choosing import choose
from generation.qa.drawing import mixed

NODES, NEAR, POOL = 12, 6, 3
GOLD_KEY, WRONG_KEY = 2**63 - 1, 7


def naively(
    near: np.ndarray, same: np.ndarray, answers: list[int], anchors: list[int], place: int, right: int, wrong: int
) -> tuple[list[int], list[int]]:
    by_hash = sorted(answers, key=lambda node: int(mixed(GOLD_KEY, place, node)))
    golds = [node for at, node in enumerate(by_hash) if same[node] not in {same[one] for one in by_hash[:at]}][:right]
    taken = {same[node] for node in (*answers, *anchors)}
    pool = [node for node in near[golds[0]].tolist() if node >= 0 and same[node] not in taken][:POOL]
    others = sorted(pool, key=lambda node: int(mixed(WRONG_KEY, place, node)))[:wrong]
    return golds + [-1] * (right - len(golds)), others + [-1] * (wrong - len(others))


@given(st.data())
def test_options_are_those_of_a_naive_drawing(data: st.DataObject) -> None:
    nodes = st.integers(0, NODES - 1)
    near = np.array([data.draw(st.permutations(range(-1, NODES - 1)))[:NEAR] for _ in range(NODES)], np.int32)
    same = np.array(data.draw(st.lists(st.integers(0, 7), min_size=NODES, max_size=NODES)))
    answers = data.draw(st.lists(st.lists(nodes, min_size=1, max_size=5, unique=True), min_size=1, max_size=5))
    anchors = np.array([data.draw(st.lists(nodes, min_size=2, max_size=2)) for _ in answers])
    places = np.array(data.draw(st.lists(st.integers(0, 2**40), min_size=len(answers), max_size=len(answers))))
    right, wrong = data.draw(st.sampled_from([(1, 3), (3, 1), (1, 1)]))
    golds, others = choose(
        near,
        same,
        np.cumsum([0, *map(len, answers)]),
        np.concatenate(answers),
        anchors,
        places,
        int(mixed(GOLD_KEY)),
        int(mixed(WRONG_KEY)),
        right,
        wrong,
        POOL,
    )
    for row, own in enumerate(answers):
        expected = naively(near, same, own, anchors[row].tolist(), int(places[row]), right, wrong)
        assert (golds[row].tolist(), others[row].tolist()) == expected
