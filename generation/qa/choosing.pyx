# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Draws the right and the wrong options of many questions, compiled: one pass over their answers.

Sizes are not checked here: `generation.qa.distractors` passes what belongs together. Other threads may run meanwhile.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.algorithm cimport sort
from libcpp.pair cimport pair
from libcpp.vector cimport vector

ctypedef pair[uint64_t, int64_t] Drawn  # the hash that decides, and a node


cdef uint64_t _mixed(uint64_t state, int64_t number) noexcept nogil:
    """Hash a number on top of a state, as `generation.qa.drawing.mixed` does."""
    state += <uint64_t>number + <uint64_t>0x9E3779B97F4A7C15
    state = (state ^ (state >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    state = (state ^ (state >> 27)) * <uint64_t>0x94D049BB133111EB
    return state ^ (state >> 31)


def choose(
    const int32_t[:, ::1] near,
    const int64_t[::1] same,
    const int64_t[::1] begins,
    const int64_t[::1] answers,
    const int64_t[:, ::1] anchors,
    const int64_t[::1] places,
    uint64_t gold_state,
    uint64_t wrong_state,
    int right,
    int wrong,
    int pool,
):
    """Draw options for n questions.

    :param near: int32 [nodes, k], the nodes that are taken for wrong options, the nearest first; -1 for none.
    :param same: int64 [nodes], from 0 up, equal for nodes that go by one name.
    :param begins: int64 [n + 1], bounds of each question's rows in `answers`, int64 [m].
    :param anchors: int64 [n, anchors].
    :param places: int64 [n], each question's own number.
    :param gold_state: `mixed(key)` of the draw of answers; `wrong_state` of that of wrong options.
    :param right: how many answers, of different names.
    :param wrong: how many wrong options, drawn from the `pool` nearest to the first answer that no answer and no anchor
        shares its name with.
    :returns: int64 [n, right] and int64 [n, wrong]; -1 where there are too few.
    """
    cdef Py_ssize_t number, place, found, questions = places.shape[0]
    cdef int64_t stamp, node
    cdef vector[Drawn] drawn
    cdef vector[int64_t] taken
    golds, others = np.full((questions, right), -1, np.int64), np.full((questions, wrong), -1, np.int64)
    cdef int64_t[:, ::1] gold = golds, other = others
    taken.resize(np.max(same, initial=-1) + 1)
    with nogil:
        for number in range(questions):
            stamp = 2 * number + 1
            drawn.clear()
            for place in range(begins[number], begins[number + 1]):
                node = answers[place]
                drawn.push_back(Drawn(_mixed(_mixed(gold_state, places[number]), node), node))
            sort(drawn.begin(), drawn.end())
            found = 0
            for place in range(<Py_ssize_t>drawn.size()):
                node = drawn[place].second
                if found < right and taken[same[node]] != stamp:
                    gold[number, found] = node
                    found += 1
                taken[same[node]] = stamp
            for place in range(anchors.shape[1]):
                taken[same[anchors[number, place]]] = stamp
            drawn.clear()
            for place in range(near.shape[1]):
                node = near[gold[number, 0], place]
                if node >= 0 and taken[same[node]] != stamp:
                    drawn.push_back(Drawn(_mixed(_mixed(wrong_state, places[number]), node), node))
                    if <int>drawn.size() == pool:
                        break
            sort(drawn.begin(), drawn.end())
            for place in range(min(<Py_ssize_t>drawn.size(), wrong)):
                other[number, place] = drawn[place].second
    return golds, others
