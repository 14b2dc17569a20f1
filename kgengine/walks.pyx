# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The inner loops of a k-hop query, compiled: each is one pass over the edges that it may take.

A vector is float64 [nodes of a type, 5]: number of walks that end at a node, sum of their weights, weight of the
heaviest, the node before the end of that one, weight of the heaviest that comes by another node; or [nodes of a type, 1]:
just the number. `rows` are int64, rows of the vector that hold walks. `open_nodes` is uint8 [nodes of a type], 0 at
the nodes that no walk may enter. Sizes are not checked here: `kgengine.spreading` passes what belongs together.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

cdef int64_t _EARLY_STOP = 4  # a node not yet reached looks at about every fourth of its edges


cdef class Adjacency:
    """Edges as CSR, with the factors whose product is an edge's weight.

    `indptr` int32 [entries + 1], `indices` int32 [edges], ascending in each row; `entry_factor` float64 [entries],
    `exit_factor` float64 [exits].
    """

    cdef const int32_t[::1] indptr
    cdef const int32_t[::1] indices
    cdef const double[::1] entry_factor
    cdef const double[::1] exit_factor

    def __init__(
        self,
        const int32_t[::1] indptr,
        const int32_t[::1] indices,
        const double[::1] entry_factor,
        const double[::1] exit_factor,
    ):
        self.indptr, self.indices = indptr, indices
        self.entry_factor, self.exit_factor = entry_factor, exit_factor


def spread(
    Adjacency edges, Py_ssize_t first, const int64_t[::1] rows, const double[:, ::1] vector, double[:, ::1] longer
):
    """Lengthen the walks at `rows` of `vector` by one edge, adding them to `longer`, the vector of the exits.

    :param first: node index of row 0.
    """
    cdef Py_ssize_t number, row, position, end
    cdef double count, weight, heaviest, factor, candidate, node
    if vector.shape[1] == 1:
        with nogil:
            for number in range(rows.shape[0]):
                row = rows[number]
                count = vector[row, 0]
                for position in range(edges.indptr[row], edges.indptr[row + 1]):
                    longer[edges.indices[position], 0] += count
        return
    with nogil:
        for number in range(rows.shape[0]):
            row = rows[number]
            node = first + row
            count = vector[row, 0]
            weight = vector[row, 1] * edges.entry_factor[row]
            heaviest = vector[row, 2] * edges.entry_factor[row]
            for position in range(edges.indptr[row], edges.indptr[row + 1]):
                end = edges.indices[position]
                factor = edges.exit_factor[end]
                longer[end, 0] += count
                longer[end, 1] += weight * factor
                candidate = heaviest * factor
                if candidate > longer[end, 4]:
                    if candidate <= longer[end, 2]:
                        if longer[end, 3] != node:
                            longer[end, 4] = candidate
                    else:
                        if longer[end, 3] != node:
                            longer[end, 4] = longer[end, 2]
                        longer[end, 2] = candidate
                        longer[end, 3] = node


cdef bint _has_edge(Adjacency edges, Py_ssize_t row, Py_ssize_t end):
    """Tell whether an edge leads from `row` to `end`, by bisection."""
    cdef Py_ssize_t low = edges.indptr[row], high = edges.indptr[row + 1], middle
    while low < high:
        middle = (low + high) // 2
        if edges.indices[middle] < end:
            low = middle + 1
        else:
            high = middle
    return low < edges.indptr[row + 1] and edges.indices[low] == end


cdef void _mark(list step, Py_ssize_t row, double sign, double[:, ::1] marks, Py_ssize_t column):
    """Add number and weight of the edges that leave `row` to two columns of `marks`, or take them off."""
    cdef Adjacency edges
    cdef Py_ssize_t position, end
    for edges in step:
        for position in range(edges.indptr[row], edges.indptr[row + 1]):
            end = edges.indices[position]
            if sign > 0:
                marks[end, column] += 1
                marks[end, column + 1] += edges.entry_factor[row] * edges.exit_factor[end]
            else:
                marks[end, column] = 0
                marks[end, column + 1] = 0


def take_returns(
    list there,
    list home,
    const int64_t[::1] rows,
    const double[:, ::1] vector,
    const uint8_t[::1] open_nodes,
    const int64_t[::1] closed,
    double[:, ::1] marks,
    double[:, ::1] longer,
):
    """Take off `longer` the walks of `vector` that go one step on and come straight back.

    :param there: adjacencies of the step on.
    :param home: adjacencies of the step back, turned round, so that they too lead away from `rows`.
    :param closed: int64 [n], the exits where `open_nodes` is 0.
    :param marks: float64 [exits, 2], all 0; left so.
    """
    cdef Adjacency edges
    cdef Py_ssize_t number, row, position, end
    cdef double count, weight, squares
    cdef bint weighted = vector.shape[1] > 1
    if len(there) == 1 and len(home) == 1 and there[0] is home[0]:
        edges = there[0]
        if not weighted:
            for number in range(rows.shape[0]):
                row = rows[number]
                count = edges.indptr[row + 1] - edges.indptr[row]
                for position in range(closed.shape[0]):
                    count -= _has_edge(edges, row, closed[position])
                longer[row, 0] -= vector[row, 0] * count
            return
        for number in range(rows.shape[0]):
            row = rows[number]
            count = squares = 0
            for position in range(edges.indptr[row], edges.indptr[row + 1]):
                end = edges.indices[position]
                if open_nodes[end]:
                    count += 1
                    squares += edges.exit_factor[end] * edges.exit_factor[end]
            longer[row, 0] -= vector[row, 0] * count
            longer[row, 1] -= vector[row, 1] * squares * edges.entry_factor[row] * edges.entry_factor[row]
        return
    for number in range(rows.shape[0]):
        row = rows[number]
        _mark(home, row, 1, marks, 0)
        count = weight = 0
        for edges in there:
            for position in range(edges.indptr[row], edges.indptr[row + 1]):
                end = edges.indices[position]
                if open_nodes[end]:
                    count += marks[end, 0]
                    weight += edges.entry_factor[row] * edges.exit_factor[end] * marks[end, 1]
        _mark(home, row, -1, marks, 0)
        longer[row, 0] -= vector[row, 0] * count
        if weighted:
            longer[row, 1] -= vector[row, 1] * weight


def take_triangles(
    list away,
    list across,
    list home,
    const int64_t[::1] rows,
    const double[:, ::1] vector,
    const uint8_t[::1] open_middle,
    const uint8_t[::1] open_last,
    double[:, ::1] marks,
    double[:, ::1] longer,
):
    """Take off `longer` the walks of `vector` that come back to where they stand after three steps.

    :param away: adjacencies of the first of the three steps, from `rows` to the middle.
    :param across: those of the second, from the middle to the last.
    :param home: those of the third, turned round: from `rows` to the last.
    :param marks: float64 [nodes of the last, 2], all 0; left so.
    """
    cdef Adjacency first, second
    cdef Py_ssize_t number, row, position, middle, crossing, last
    cdef double count, weight, inner_count, inner_weight
    cdef bint weighted = vector.shape[1] > 1
    for number in range(rows.shape[0]):
        row = rows[number]
        _mark(home, row, 1, marks, 0)
        count = weight = 0
        for first in away:
            for position in range(first.indptr[row], first.indptr[row + 1]):
                middle = first.indices[position]
                if not open_middle[middle]:
                    continue
                inner_count = inner_weight = 0
                for second in across:
                    for crossing in range(second.indptr[middle], second.indptr[middle + 1]):
                        last = second.indices[crossing]
                        if open_last[last]:
                            inner_count += marks[last, 0]
                            inner_weight += (
                                second.entry_factor[middle] * second.exit_factor[last] * marks[last, 1]
                            )
                count += inner_count
                weight += inner_weight * first.entry_factor[row] * first.exit_factor[middle]
        _mark(home, row, -1, marks, 0)
        longer[row, 0] -= vector[row, 0] * count
        if weighted:
            longer[row, 1] -= vector[row, 1] * weight


def add_to_and_fro(
    list there,
    list home,
    list again,
    const int64_t[::1] rows,
    const double[:, ::1] vector,
    const uint8_t[::1] open_nodes,
    double[:, ::1] marks,
    double[:, ::1] longer,
):
    """Add to `longer`, the vector of the exits, the walks of `vector` that go there, back and there again.

    :param there: adjacencies of the step on.
    :param home: those of the step back, turned round.
    :param again: those of the second step on.
    :param marks: float64 [exits, 4], all 0; left so.
    """
    cdef Adjacency edges
    cdef Py_ssize_t number, row, position, end
    for number in range(rows.shape[0]):
        row = rows[number]
        _mark(home, row, 1, marks, 0)
        _mark(again, row, 1, marks, 2)
        for edges in there:
            for position in range(edges.indptr[row], edges.indptr[row + 1]):
                end = edges.indices[position]
                if open_nodes[end]:
                    longer[end, 0] += vector[row, 0] * marks[end, 0] * marks[end, 2]
                    if vector.shape[1] > 1:
                        longer[end, 1] += (
                        vector[row, 1] * marks[end, 1] * marks[end, 3]
                        * edges.entry_factor[row] * edges.exit_factor[end]
                    )
        _mark(home, row, -1, marks, 0)
        _mark(again, row, -1, marks, 2)


def neighbour_lists(
    list step,
    const int64_t[:, ::1] spans,
    const int64_t[::1] order,
    int64_t[::1] places,
    int32_t[::1] neighbours,
):
    """List the neighbours of every node over all blocks of a step, those that come first in `order` first.

    :param step: adjacencies.
    :param spans: int64 [blocks, 3], first node and end of the entries, first node of the exits.
    :param order: int64 [num_nodes], all nodes.
    :param places: int64 [num_nodes], where each node's list begins; moved to where it ends.
    :param neighbours: int32 [edges], filled.
    """
    cdef Adjacency edges
    cdef Py_ssize_t number, block, node, row, position, end
    for number in range(order.shape[0]):
        node = order[number]
        for block in range(spans.shape[0]):
            if spans[block, 0] <= node < spans[block, 1]:
                edges = step[block]
                row = node - spans[block, 0]
                for position in range(edges.indptr[row], edges.indptr[row + 1]):
                    end = edges.indices[position] + spans[block, 2]
                    neighbours[places[end]] = node
                    places[end] += 1


def breadth_first(
    const int64_t[::1] indptr,
    const int32_t[::1] neighbours,
    int hops,
    int32_t[::1] queue,
    Py_ssize_t reached,
    int16_t[::1] distance,
):
    """Find how far every node lies from those that have distance 0, up to `hops`.

    A level is found from the frontier, or from the nodes not yet reached when they have fewer edges; these stop at
    their first neighbour in the frontier.

    :param indptr: int64 [num_nodes + 1]; the neighbours of node i are `neighbours[indptr[i]:indptr[i + 1]]`.
    :param queue: int32 [num_nodes], begins with the `reached` nodes of distance 0; filled with all that are reached.
    :param distance: int16 [num_nodes], 0 or -1 (not reached); filled.
    """
    cdef Py_ssize_t first = 0, last, place, node, other, position
    cdef int64_t ahead, behind = indptr[indptr.shape[0] - 1]
    cdef int hop
    with nogil:
        for place in range(reached):
            behind -= indptr[queue[place] + 1] - indptr[queue[place]]
        for hop in range(1, hops + 1):
            last = reached
            ahead = 0
            for place in range(first, last):
                ahead += indptr[queue[place] + 1] - indptr[queue[place]]
            if ahead > behind // _EARLY_STOP:
                for node in range(distance.shape[0]):
                    if distance[node] >= 0:
                        continue
                    for position in range(indptr[node], indptr[node + 1]):
                        if distance[neighbours[position]] == hop - 1:
                            distance[node] = hop
                            queue[reached] = node
                            reached += 1
                            break
            else:
                for place in range(first, last):
                    node = queue[place]
                    for position in range(indptr[node], indptr[node + 1]):
                        other = neighbours[position]
                        if distance[other] < 0:
                            distance[other] = hop
                            queue[reached] = other
                            reached += 1
            for place in range(last, reached):
                behind -= indptr[queue[place] + 1] - indptr[queue[place]]
            first = last
            if first == reached:
                break


def group_by_end(const int32_t[::1] ends, int32_t[::1] places, Py_ssize_t first, int32_t[::1] order):
    """List the positions of `ends` grouped by end, in a stable order: a counting sort.

    :param places: int32 [exits + 1], row pointers of the groups; used up.
    :param first: added to every position.
    :param order: int32 [edges], filled.
    """
    cdef Py_ssize_t position
    for position in range(ends.shape[0]):
        order[places[ends[position]]] = first + position
        places[ends[position]] += 1
