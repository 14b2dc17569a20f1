# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The inner loop of `kgengine.path_tables`, compiled: all simple paths of many questions, one question after another.

A question is given up as soon as it is known to open too many paths or to have too many answers. Sizes are not checked
here: `kgengine.path_tables` passes what belongs together. Other threads may run meanwhile.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy
from libcpp cimport bool as flag
from libcpp.algorithm cimport sort, unique
from libcpp.vector cimport vector


cdef struct Step:  # as CSR; `first` is the node of row 0, the ends of each row ascend
    const int64_t* indptr
    const int32_t* ends
    const int64_t* edges
    const double* weights
    int64_t first


cdef struct Link:  # the last step of a path; `parent` is the place, one level before, of the path that it lengthens
    int32_t node
    int32_t parent
    int64_t edge
    double weight


cdef struct Rank:
    int64_t order
    double weight
    int32_t place


cdef flag _before(const Rank& one, const Rank& other) noexcept nogil:
    """Tell which path is listed first: by answer, then the heavier, then the one that was found first."""
    if one.order != other.order:
        return one.order < other.order
    if one.weight != other.weight:
        return one.weight > other.weight
    return one.place < other.place


cdef int64_t _degree(const Step* step, int64_t node) noexcept nogil:
    return step.indptr[node - step.first + 1] - step.indptr[node - step.first]


cdef int64_t _position(const Step* step, int64_t node, int32_t end) noexcept nogil:
    """Give the position of the edge from a node to an end, by bisection; -1 if there is none."""
    cdef int64_t low = step.indptr[node - step.first], high = step.indptr[node - step.first + 1], last = high, middle
    while low < high:
        middle = (low + high) // 2
        if step.ends[middle] < end:
            low = middle + 1
        else:
            high = middle
    return low if low < last and step.ends[low] == end else -1


cdef class Tracer:
    """Traces questions over one typed path.

    :param steps: for each hop `indptr` int64 [entries + 1], `ends` int32 [edges], `edges` int64 [edges], `weights`
        float64 [edges], and the node of row 0.
    :param ways: int64 [hops], the fewest paths by which a step's node must be reached.
    :param nodes: number of nodes of the graph.
    """

    cdef object arrays  # keeps alive what `steps` points to
    cdef vector[Step] steps
    cdef vector[int64_t] ways
    cdef vector[int32_t] seen, reached  # of a node: the stamp of its last visit; the number of paths to it
    cdef int32_t stamp
    cdef int hops
    cdef const int64_t* anchors  # of the question in hand
    cdef Py_ssize_t width
    cdef vector[vector[Link]] levels
    cdef vector[int64_t] meeting_edges, by_degree, proving
    cdef vector[Rank] ranks
    cdef vector[int64_t] kept, facts, question, nodes, first_edges, edges
    cdef vector[double] weight

    def __init__(self, list steps, list ways, Py_ssize_t nodes):
        cdef Step step
        cdef const int64_t[::1] indptr, edge_ids
        cdef const int32_t[::1] ends
        cdef const double[::1] weights
        self.arrays, self.hops = steps, len(steps)
        for indptr, ends, edge_ids, weights, step.first in steps:
            step.indptr = &indptr[0]
            step.ends = &ends[0] if ends.shape[0] else NULL
            step.edges = &edge_ids[0] if ends.shape[0] else NULL
            step.weights = &weights[0] if ends.shape[0] else NULL
            self.steps.push_back(step)
        for least in ways:
            self.ways.push_back(least)
        self.seen.resize(nodes)
        self.reached.resize(nodes)
        self.levels.resize(self.hops)

    def trace(
        self,
        const int64_t[:, ::1] anchors,
        const int64_t[::1] lowest,
        const int64_t[::1] order,
        int64_t most,
        int64_t most_answers,
    ):
        """Find the paths of the questions that count (see `kgengine.path_tables.trace`).

        :param anchors: int64 [questions, anchors].
        :param lowest: int64 [questions], the first node that must be the lowest of a question's paths; -1 for any.
        :param order: int64 [nodes], the rank by which answers are listed.
        :returns: `kept` and `facts` of the questions that count, and `question` (a place in `kept`), `nodes`,
            `first_edges`, `edges`, `weight` of their paths.
        """
        cdef Py_ssize_t number, questions = anchors.shape[0]
        cdef int hop
        self.width = anchors.shape[1]
        self._clear()
        with nogil:
            for number in range(questions):
                self.anchors = &anchors[number, 0]
                self._meet(most)
                hop = 1
                while hop < self.hops and self._lengthen(hop, most, most_answers):
                    hop += 1
                if hop == self.hops and self._counts(lowest[number], most_answers):
                    self._keep(number, &order[0])
                if self.stamp > 2_000_000_000:
                    self._forget()
        paths = self.question.size()
        return (
            _array(self.kept.data(), self.kept.size(), np.int64),
            _array(self.facts.data(), self.facts.size(), np.int64),
            _array(self.question.data(), paths, np.int64),
            _array(self.nodes.data(), self.nodes.size(), np.int64).reshape(paths, self.hops),
            _array(self.first_edges.data(), self.first_edges.size(), np.int64).reshape(paths, self.width),
            _array(self.edges.data(), self.edges.size(), np.int64).reshape(paths, self.hops - 1),
            _array(self.weight.data(), paths, np.float64),
        )

    cdef void _clear(self) noexcept nogil:
        self.kept.clear()
        self.facts.clear()
        self.question.clear()
        self.nodes.clear()
        self.first_edges.clear()
        self.edges.clear()
        self.weight.clear()

    cdef void _forget(self) noexcept nogil:
        """Start the stamps again before their number overflows."""
        cdef size_t place
        for place in range(self.seen.size()):
            self.seen[place] = 0
        self.stamp = 0

    cdef int _meet(self, int64_t most) except -1 nogil:
        """Take the first step: from the anchor with the fewest edges to the nodes that the others lead to, too."""
        cdef const Step* step = &self.steps[0]
        cdef vector[Link]* level = &self.levels[0]
        cdef Py_ssize_t number, place
        cdef int64_t position, found, degree, start
        cdef Link link
        level.clear()
        self.meeting_edges.clear()
        self.by_degree.resize(self.width)
        for number in range(self.width):  # by insertion: anchors of like degree stay in their order
            place, degree = number, _degree(step, self.anchors[number])
            while place > 0 and _degree(step, self.anchors[self.by_degree[place - 1]]) > degree:
                self.by_degree[place] = self.by_degree[place - 1]
                place -= 1
            self.by_degree[place] = number
        start = self.anchors[self.by_degree[0]] - step.first
        if step.indptr[start + 1] - step.indptr[start] > most or self.ways[0] > 1:  # one edge leads to each node
            return 0
        link.parent = -1
        for position in range(step.indptr[start], step.indptr[start + 1]):
            link.node, link.edge, link.weight = step.ends[position], step.edges[position], step.weights[position]
            if self._is_anchor(link.node):
                continue
            self.meeting_edges.resize((level.size() + 1) * self.width)
            self.meeting_edges[level.size() * self.width + self.by_degree[0]] = link.edge
            found = position
            for number in range(1, self.width):
                found = _position(step, self.anchors[self.by_degree[number]], link.node)
                if found < 0:
                    break
                self.meeting_edges[level.size() * self.width + self.by_degree[number]] = step.edges[found]
                link.weight *= step.weights[found]
            if found >= 0:
                level.push_back(link)
        return 0

    cdef int _lengthen(self, int hop, int64_t most, int64_t most_answers) except -1 nogil:
        """Lengthen the question's paths by one step; give 0 where they are too many."""
        cdef const Step* step = &self.steps[hop]
        cdef vector[Link]* shorter = &self.levels[hop - 1]
        cdef vector[Link]* longer = &self.levels[hop]
        cdef size_t number, kept = 0
        cdef int64_t position, row, opened = 0, answers = 0, bound = -1
        cdef Link link
        longer.clear()
        for number in range(shorter.size()):
            opened += _degree(step, shorter[0][number].node)
        if opened > most:
            return 0
        if hop == self.hops - 1 and self.ways[hop] == 1:
            bound = most_answers
        self.stamp += 1
        for number in range(shorter.size()):
            row = shorter[0][number].node - step.first
            link.parent = number
            for position in range(step.indptr[row], step.indptr[row + 1]):
                link.node = step.ends[position]
                if self._on_path(hop - 1, number, link.node) or self._is_anchor(link.node):
                    continue
                if self.seen[link.node] != self.stamp:
                    self.seen[link.node] = self.stamp
                    self.reached[link.node] = 0
                    answers += 1
                    if answers > bound >= 0:
                        return 0
                self.reached[link.node] += 1
                link.edge, link.weight = step.edges[position], shorter[0][number].weight * step.weights[position]
                longer.push_back(link)
        if self.ways[hop] > 1:
            for number in range(longer.size()):
                if self.reached[longer[0][number].node] >= self.ways[hop]:
                    longer[0][kept] = longer[0][number]
                    kept += 1
            longer.resize(kept)
        return 1

    cdef bint _is_anchor(self, int64_t node) noexcept nogil:
        cdef Py_ssize_t number
        for number in range(self.width):
            if self.anchors[number] == node:
                return True
        return False

    cdef bint _on_path(self, int hop, int32_t place, int32_t node) noexcept nogil:
        while hop >= 0:
            if self.levels[hop][place].node == node:
                return True
            place = self.levels[hop][place].parent
            hop -= 1
        return False

    cdef bint _counts(self, int64_t lowest, int64_t most_answers) noexcept nogil:
        """Tell whether the question has answers, not too many, and the wanted lowest first node."""
        cdef vector[Link]* paths = &self.levels[self.hops - 1]
        cdef size_t number
        cdef int64_t answers = 0, least = -1
        cdef int32_t place
        cdef int hop
        self.stamp += 1
        for number in range(paths.size()):
            if self.seen[paths[0][number].node] != self.stamp:
                self.seen[paths[0][number].node] = self.stamp
                answers += 1
            if lowest >= 0:
                place = number
                for hop in range(self.hops - 1, 0, -1):
                    place = self.levels[hop][place].parent
                if least < 0 or self.levels[0][place].node < least:
                    least = self.levels[0][place].node
        return 1 <= answers <= most_answers and (lowest < 0 or least == lowest)

    cdef int _keep(self, int64_t number, const int64_t* order) except -1 nogil:
        """Write down the question's paths, by answer, and how many edges they have in all."""
        cdef vector[Link]* paths = &self.levels[self.hops - 1]
        cdef Rank rank
        cdef Link link
        cdef int64_t edge
        cdef size_t place, node_at = self.nodes.size(), edge_at = self.edges.size(), anchor
        cdef int32_t at
        cdef int hop
        self.ranks.clear()
        for place in range(paths.size()):
            rank.order, rank.weight, rank.place = order[paths[0][place].node], paths[0][place].weight, place
            self.ranks.push_back(rank)
        sort(self.ranks.begin(), self.ranks.end(), _before)
        self.nodes.resize(node_at + paths.size() * self.hops)
        self.edges.resize(edge_at + paths.size() * (self.hops - 1))
        self.proving.clear()
        for place in range(self.ranks.size()):
            self.question.push_back(self.kept.size())
            self.weight.push_back(self.ranks[place].weight)
            at = self.ranks[place].place
            for hop in range(self.hops - 1, 0, -1):
                link = self.levels[hop][at]
                self.nodes[node_at + hop] = link.node
                self.edges[edge_at + hop - 1] = link.edge
                self.proving.push_back(link.edge)
                at = link.parent
            self.nodes[node_at] = self.levels[0][at].node
            for anchor in range(self.width):
                edge = self.meeting_edges[at * self.width + anchor]
                self.first_edges.push_back(edge)
                self.proving.push_back(edge)
            node_at += self.hops
            edge_at += self.hops - 1
        self.kept.push_back(number)
        sort(self.proving.begin(), self.proving.end())
        self.facts.push_back(unique(self.proving.begin(), self.proving.end()) - self.proving.begin())
        return 0


cdef object _array(const void* numbers, size_t count, kind):
    """Copy numbers of eight bytes into an array."""
    cdef unsigned char[::1] raw
    array = np.empty(count, kind)
    if count:
        raw = array.view(np.uint8)
        memcpy(&raw[0], numbers, 8 * count)
    return array
