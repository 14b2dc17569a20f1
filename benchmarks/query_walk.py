"""The walk that a person writes first: Python over networkx's neighbours in plain dicts, one path at a time."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from benchmarks.query_data import OutOfTimeError, Step
from benchmarks.query_peers import NetworkX

_CHECK = 1 << 16


class PlainWalk(NetworkX):
    """Visits every path, and every edge of a neighbourhood, in turn.

    :param limit: seconds that a query may take.
    """

    name = "walk"

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def paths(self, anchor: int, steps: Sequence[Step]) -> dict[int, int]:
        """Count the simple paths to each end node by depth-first search."""
        counts: Counter[int] = Counter()
        neighbours = [self.near[relation] for relation, _ in steps]
        stack: list[tuple[int, ...]] = [(anchor,)]
        visits, end = 0, time.perf_counter() + self.limit
        while stack:
            path = stack.pop()
            visits += 1
            if not visits % _CHECK and time.perf_counter() > end:
                raise OutOfTimeError
            following = neighbours[len(path) - 1].get(path[-1], ())
            if len(path) == len(steps):
                for node in following:
                    if node not in path:
                        counts[node] += 1
            else:
                stack += [(*path, node) for node in following if node not in path]
        return counts

    def within(self, anchor: int, hops: int) -> Iterable[int]:
        """Search breadth first, one edge at a time."""
        distance = {anchor: 0}
        queue = deque([anchor])
        while queue:
            node = queue.popleft()
            if distance[node] == hops:
                break
            for other in self.all[node]:
                if other not in distance:
                    distance[other] = distance[node] + 1
                    queue.append(other)
        return list(distance)
