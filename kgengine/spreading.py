"""Counts and weighs all simple paths from anchors, level by level, without listing them.

A vector, float64 [num_nodes, 5], holds for every node the number of walks that end there, the sum of their
weights, the weight of the heaviest, the node before the end of that one, and the weight of the heaviest that
comes by another node (upper bounds, by which `kgengine.proofs` finds the heaviest path). One step adds up over
edges, which counts walks. The walks that come back to a node they have visited are taken off by inclusion and
exclusion (hetmatpy does the like for its metapaths), which is exact for paths of up to `MAX_HOPS` edges:

    v3 = A3 v2 - v1 * R23            v4 = A4 v3 - v2 * R34 - v1 * T234 + H234 v1

where R sums over there-and-back steps, T over triangles and H over a step there, back and there again.
No path enters an anchor.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kgengine.errors import KGError
from kgengine.metaedges import Block
from kgengine.selection import Selection, Step
from kgengine.walks import Adjacency, add_to_and_fro, spread, take_returns, take_triangles

MAX_HOPS = 4
MAX_PRODUCTS = 5_000_000_000
"""Multiplications that the triangles of a four-hop query may take (some ten seconds); more is refused."""

Vector = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Span = tuple[int, int]


def no_walks(num_nodes: int, weighted: bool = True) -> Vector:
    """Give a vector of no walks, float64 [num_nodes, 5], or [num_nodes, 1] when they shall only be counted."""
    return np.zeros((num_nodes, 5 if weighted else 1))


def one_step(step: Step, vector: Vector, forbidden: Rows) -> Vector:
    """Lengthen all walks by one step.

    :param step: the blocks that may be walked.
    :param vector: float64 [num_nodes, 5], or [num_nodes, 1] to count only.
    :param forbidden: int64 [n], nodes that none may enter.
    :returns: the same shape.
    """
    longer = np.zeros(vector.shape)
    frontier: dict[Span, Rows] = {}
    for block in step:
        if block.entry not in frontier:
            frontier[block.entry] = np.flatnonzero(vector[slice(*block.entry), 0])
        if len(frontier[block.entry]):
            here, there = vector[slice(*block.entry)], longer[slice(*block.exit)]
            spread(block.adjacency, block.entry[0], frontier[block.entry], here, there)
    longer[forbidden] = 0.0
    return longer


def path_levels(selection: Selection, steps: Sequence[Step], first: Vector, forbidden: Rows) -> list[Vector]:
    """Count and weigh the simple paths after each step.

    :param selection: the edges, under the query's filter.
    :param steps: the steps, 1 to `MAX_HOPS`.
    :param first: float64 [num_nodes, 5], or [num_nodes, 1] to count only: the paths after the first step, none of
        them at a forbidden node.
    :param forbidden: int64 [n], the anchors.
    :returns: the vectors after steps 1, 2, ...; rows without a path are exactly 0.
    :raises KGError: the query's triangles are too many.
    """
    open_nodes = np.ones(len(first), np.uint8)
    open_nodes[forbidden] = 0
    levels = [first]
    for number in range(1, len(steps)):
        longer = one_step(steps[number], levels[-1], forbidden)
        touched: set[Span] = set()
        if number >= 2:
            back = selection.back(steps[number])
            touched |= _take_returns(steps[number - 1], back, levels[number - 2], open_nodes, longer)
        if number == 3:
            homes = selection.back(steps[2]), selection.back(steps[3])
            touched |= _take_closed(steps[1:4], homes, first, open_nodes, longer)
        for span in touched:
            part = longer[slice(*span)]
            part[part[:, 0] < 0.5] = 0.0
        levels.append(longer)
    return levels


def _between(step: Step, entry: Span, exit: Span) -> list[Adjacency]:
    return [block.adjacency for block in step if (block.entry, block.exit) == (entry, exit)]


def _pairs(step: Step) -> list[tuple[Span, Span]]:
    return sorted({(block.entry, block.exit) for block in step})


def _take_returns(
    there: Step, back: Step, vector: Vector, open_nodes: npt.NDArray[np.uint8], longer: Vector
) -> set[Span]:
    """Take off the walks that go one step on from `vector` and straight back; give the types that they end at.

    A step between two types where each pair of nodes has one edge at most needs no marking of pairs: its blocks
    are then taken one by one.
    """
    touched = set()
    for entry, exit in _pairs(there):
        rows = np.flatnonzero(vector[slice(*entry), 0])
        out, home = _between(there, entry, exit), _between(back, entry, exit)
        if not len(rows) or not home:
            continue
        alone = len(out) == len(home) == 2 and all(b.symmetric for b in there if (b.entry, b.exit) == (entry, exit))
        parts = [([one], [one]) for one in out] if alone and set(out) == set(home) else [(out, home)]
        for one, other in parts:
            marks = np.zeros((exit[1] - exit[0], 2))
            here, ends = vector[slice(*entry)], longer[slice(*entry)]
            flags = open_nodes[slice(*exit)]
            take_returns(one, other, rows, here, flags, np.flatnonzero(flags == 0), marks, ends)
        touched.add(entry)
    return touched


def _take_closed(
    steps: Sequence[Step],
    homes: tuple[Step, Step],
    vector: Vector,
    open_nodes: npt.NDArray[np.uint8],
    longer: Vector,
) -> set[Span]:
    """Take off the walks that return on the third of three steps, and put back those taken off twice.

    :param steps: the second, third and fourth step of a query.
    :param homes: the third and the fourth turned round.
    :param vector: float64 [num_nodes, 5], the paths after its first step.
    :returns: the types at which such walks end.
    """
    second, third, fourth = steps
    touched, products = set(), 0
    for entry, middle in _pairs(second):
        rows = np.flatnonzero(vector[slice(*entry), 0])
        away = _between(second, entry, middle)
        if not len(rows):
            continue
        here = vector[slice(*entry)]
        home, again = _between(homes[0], entry, middle), _between(fourth, entry, middle)
        if home and again:
            marks = np.zeros((middle[1] - middle[0], 4))
            add_to_and_fro(away, home, again, rows, here, open_nodes[slice(*middle)], marks, longer[slice(*middle)])
            touched.add(middle)
        for last in sorted({block.exit for block in third if block.entry == middle}):
            closing, across = _between(homes[1], entry, last), _between(third, middle, last)
            if closing:
                products += _products([b for b in second if (b.entry, b.exit) == (entry, middle)], third, last, rows)
                if products > MAX_PRODUCTS:
                    raise KGError(
                        f"this query tries {products:,} triangles, more than {MAX_PRODUCTS:,}; "
                        "take fewer hops, or name types or relations (--path, --relation)"
                    )
                marks = np.zeros((last[1] - last[0], 2))
                flags = open_nodes[slice(*middle)], open_nodes[slice(*last)]
                take_triangles(away, across, closing, rows, here, *flags, marks, longer[slice(*entry)])
                touched.add(entry)
    return touched


def _products(away: Sequence[Block], third: Step, last: Span, rows: Rows) -> int:
    """Count the two-step walks from `rows` to the type `last` that are tried for a triangle."""
    middle = away[0].exit
    across = [block for block in third if (block.entry, block.exit) == (middle, last)]
    degree = sum((np.diff(block.indptr) for block in across), np.zeros(1, np.int64))
    return sum(int(degree[block.indices[block.positions(rows)[1]]].sum()) for block in away)
