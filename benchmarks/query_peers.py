"""Adapters of other engines for the query benchmark, each written to be as fast as we could make it.

None enumerates paths one by one where it can count them: all 3-step queries aggregate after the second step, and the
walks that come back to the node after the anchor are subtracted. Answers are fetched completely.

- networkx: plain dicts of neighbour lists taken from networkx graphs, which Python walks far faster than the graphs
  themselves; int objects are shared, counting runs in C where it can.
- igraph: one graph a relation and one of all; neighbour lists come from C in one call a step.
- kglite: bulk load from DataFrames, parametrised Cypher with ids as keys; hops by its fluent `expand`, which was faster
  than variable-length patterns.
- ladybug: one table a type and relation, loaded by COPY, in memory, 2 threads, implicit prepared statements; join
  order hints (up to 7 times faster than its own plans from hubs), hops by SHORTEST, results as Arrow.
"""

import importlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np

from benchmarks.query_data import Counts, Ints, OutOfTimeError, Step, Tables

THREADS = 2
BUFFER_BYTES = 4 << 30


Lists = Callable[[str, Iterable[int]], list[Sequence[int]]]


def count_paths(lists: Lists, anchor: int, steps: Sequence[Step]) -> dict[int, int]:
    """Count simple paths step by step; `lists` gives the neighbour lists of some nodes in a relation."""
    first = lists(steps[0][0], [anchor])[0]
    if len(steps) == 1:
        return dict.fromkeys(first, 1)
    seconds = lists(steps[1][0], first)
    counts: dict[int, int] = Counter(chain.from_iterable(seconds))
    counts.pop(anchor, None)
    if len(steps) == 2:
        return counts
    totals: dict[int, int] = defaultdict(int)
    for count, ends in zip(counts.values(), lists(steps[2][0], counts), strict=True):
        for end in ends:
            totals[end] += count
    totals.pop(anchor, None)
    if steps[0][1] == steps[2][1]:  # a third step may come back to the first node
        same = steps[1][0] == steps[2][0]
        thirds = seconds if same else lists(steps[2][0], first)
        for node, ahead, behind in zip(first, seconds, thirds, strict=True):
            returns = len(ahead) - (anchor in ahead) if same else len(set(ahead).intersection(behind) - {anchor})
            if returns:
                totals[node] -= returns
                if not totals[node]:
                    del totals[node]
    return totals


class NetworkX:
    """Walks dicts of neighbour lists."""

    name = "networkx"

    def build(self, tables: Tables) -> None:
        """Take each relation's neighbour lists out of a networkx graph, and merge them."""
        graphs = importlib.import_module("networkx")
        nodes = list(range(len(tables.node_type)))  # one int object a node: half the memory, faster look-ups
        self.near, self.all = {}, {node: [] for node in nodes}
        for name, (heads, tails) in tables.relations.items():
            graph = graphs.Graph()
            graph.add_edges_from(
                zip(map(nodes.__getitem__, heads.tolist()), map(nodes.__getitem__, tails.tolist()), strict=True)
            )
            self.near[name] = {node: list(ends) for node, ends in graph.adjacency()}
            for node, ends in self.near[name].items():
                self.all[node].extend(ends)

    def lists(self, relation: str, nodes: Iterable[int]) -> list[Sequence[int]]:
        """Look the nodes' neighbour lists up."""
        get = self.near[relation].get
        return [get(node, ()) for node in nodes]

    def paths(self, anchor: int, steps: Sequence[Step]) -> Counts:
        """Count the simple paths to each end node."""
        return count_paths(self.lists, anchor, steps)

    def within(self, anchor: int, hops: int) -> Iterable[int]:
        """Search breadth first, one set a level."""
        seen, level = {anchor}, {anchor}
        for _ in range(hops):
            level = set[int]().union(*[self.all[node] for node in level]) - seen
            seen |= level
        return seen


class IGraph:
    """Asks igraph's C core for neighbours and neighbourhoods."""

    name = "igraph"

    def build(self, tables: Tables) -> None:
        """Build one graph a relation, and one of all edges."""
        graph_of, size = importlib.import_module("igraph").Graph, len(tables.node_type)
        pairs = {name: np.stack(ends, axis=1).tolist() for name, ends in tables.relations.items()}
        self.graphs = {name: graph_of(size, edges) for name, edges in pairs.items()}
        self.all = graph_of(size, list(chain.from_iterable(pairs.values()))).simplify()

    def lists(self, relation: str, nodes: Iterable[int]) -> list[Sequence[int]]:
        """Fetch the nodes' neighbour lists."""
        lists: list[Sequence[int]] = self.graphs[relation].neighborhood(list(nodes), order=1, mindist=1)
        return lists

    def paths(self, anchor: int, steps: Sequence[Step]) -> Counts:
        """Count the simple paths to each end node."""
        return count_paths(self.lists, anchor, steps)

    def within(self, anchor: int, hops: int) -> Iterable[int]:
        """Ask for the neighbourhood."""
        nodes: list[int] = self.all.neighborhood(anchor, order=hops)
        return nodes


class CypherPeer:
    """What both Cypher engines share: names of tables, texts of queries, the subtraction.

    :param limit: seconds that a query may take.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.texts: dict[tuple[str, tuple[Step, ...]], tuple[str, str]] = {}

    def name_tables(self, tables: Tables) -> None:
        """Give types and relations names that Cypher takes without quotes."""
        self.tables = tables
        self.label = {name: f"T{i}" for i, name in enumerate(tables.types)}
        self.rel = {name: f"R{i}" for i, name in enumerate(tables.relations)}

    def hop(self, begin: str, number: int, step: Step, node: str) -> str:
        """Write one step of a pattern, directed where the types tell the direction."""
        head, tail = self.tables.ends[step[0]]
        left, right = ("", "") if head == tail else ("", ">") if head == begin else ("<", "")
        return f"{left}-[e{number}:{self.rel[step[0]]}]-{right}({node})"

    def write(self, begin: str, steps: Sequence[Step]) -> tuple[str, str]:
        """Write the query of a typed path, and that of the walks to subtract (empty when there are none)."""
        raise NotImplementedError

    def parts(self, begin: str, steps: Sequence[Step]) -> tuple[str, list[str], list[str], str]:
        """Write what both engines' queries consist of.

        :returns: the anchor; each step; each step's condition against a return to the anchor; and the pattern from
            the first node by the third relation to the second, where its walks have to be subtracted.
        """
        types = [begin, *(end for _, end in steps)]
        hops = [
            self.hop(start, n, step, node)
            for n, (start, step, node) in enumerate(zip(types[:-1], steps, "bcd"[: len(steps)], strict=True), 1)
        ]
        unlike = [
            f" WHERE {node}.id <> $id" if end == begin else ""
            for node, end in zip("bcd"[: len(steps)], types[1:], strict=True)
        ]
        closing = ""
        if len(steps) == 3 and types[1] == types[3]:
            same = steps[1][0] == steps[2][0]
            closing = " " if same else ", (b)" + self.hop(types[1], 3, (steps[2][0], types[2]), "c")
        return f"MATCH (a:{self.label[begin]} {{id: $id}})", hops, unlike, closing

    def ask(self, text: str, anchor: int) -> tuple[Ints, Ints]:
        """Run a query; its columns are nodes and counts (ones where it has none)."""
        raise NotImplementedError

    def text(self, anchor: int, steps: Sequence[Step]) -> tuple[str, str]:
        """Look a path's query texts up, or write them."""
        key = (self.tables.type_of(anchor), tuple(steps))
        if key not in self.texts:
            self.texts[key] = self.write(*key)
        return self.texts[key]

    def prepare(self, anchor: int, steps: Sequence[Step]) -> None:
        """Let the engine plan a path's queries, by asking for a node that isn't there."""
        for text in filter(None, self.text(anchor, steps)):
            self.ask(text, -1)

    def paths(self, anchor: int, steps: Sequence[Step]) -> Counts:
        """Count the simple paths to each end node."""
        text, returns = self.text(anchor, steps)
        nodes, counts = self.ask(text, anchor)
        if returns:
            ends, fewer = self.ask(returns, anchor)
            order = np.argsort(nodes)
            counts = counts.copy()
            counts[order[np.searchsorted(nodes, ends, sorter=order)]] -= fewer
            nodes, counts = nodes[counts > 0], counts[counts > 0]
        return nodes, counts


class Ladybug(CypherPeer):
    """An embedded columnar database, the maintained fork of Kuzu."""

    name = "ladybug"

    def build(self, tables: Tables) -> None:
        """Copy all tables in from Arrow."""
        ladybug, arrow = importlib.import_module("ladybug"), importlib.import_module("pyarrow")
        self.name_tables(tables)
        database = ladybug.Database(":memory:", max_num_threads=THREADS, buffer_pool_size=BUFFER_BYTES)
        self.connection = ladybug.Connection(database, num_threads=THREADS)
        for number, label in enumerate(self.label.values()):
            rows = arrow.table({"id": np.flatnonzero(tables.node_type == number)})
            self.connection.execute(f"CREATE NODE TABLE {label}(id INT64, PRIMARY KEY(id))")
            self.connection.execute(f"COPY {label} FROM $rows", {"rows": rows})
        for name, (heads, tails) in tables.relations.items():
            head, tail = (self.label[end] for end in tables.ends[name])
            rows = arrow.table({"head": heads, "tail": tails})
            self.connection.execute(f"CREATE REL TABLE {self.rel[name]}(FROM {head} TO {tail})")
            self.connection.execute(f"COPY {self.rel[name]} FROM $rows", {"rows": rows})
        self.connection.set_query_timeout(int(self.limit * 1000))

    def write(self, begin: str, steps: Sequence[Step]) -> tuple[str, str]:
        """Join the first two steps in the given order, aggregate, then take the third."""
        anchor, hops, unlike, closing = self.parts(begin, steps)
        if len(steps) == 1:
            return f"{anchor}{hops[0]} RETURN b.id AS node", ""
        two = f"{anchor}{hops[0]}{hops[1]}{unlike[1]} HINT (((a JOIN e1) JOIN b) JOIN e2) JOIN c "
        if len(steps) == 2:
            return two + "RETURN c.id AS node, count(*) AS n", ""
        last = f"MATCH (c){hops[2]}{unlike[2]} RETURN d.id AS node, CAST(sum(m) AS INT64) AS n"
        back = f"{anchor}{hops[0]}{hops[1]}{closing}{unlike[1]} " if closing.strip() else two
        return f"{two}WITH c, count(*) AS m {last}", closing and back + "RETURN b.id AS node, count(*) AS n"

    def ask(self, text: str, anchor: int) -> tuple[Ints, Ints]:
        """Run a query and fetch its columns through Arrow."""
        try:
            with self.connection.execute(text, {"id": anchor}) as result:
                found = result.get_as_arrow()
        except RuntimeError as error:
            if "Interrupted" in str(error) or "Buffer manager" in str(error):
                raise OutOfTimeError(str(error)) from error
            raise
        nodes = found.column(0).to_numpy()
        return nodes, found.column(1).to_numpy() if found.num_columns > 1 else np.ones(len(nodes), np.int64)

    def within(self, anchor: int, hops: int) -> Iterable[int]:
        """Find shortest paths of bounded length over all tables."""
        label = self.label[self.tables.type_of(anchor)]
        return self.ask(f"MATCH (a:{label} {{id: $id}})-[* SHORTEST 1..{hops}]-(b) RETURN b.id AS node", anchor)[0]


class KGLite(CypherPeer):
    """An embedded in-memory graph in Rust."""

    name = "kglite"

    def build(self, tables: Tables) -> None:
        """Load all DataFrames."""
        kglite, pandas = importlib.import_module("kglite"), importlib.import_module("pandas")
        self.timeout = kglite.CypherTimeoutError
        self.name_tables(tables)
        self.graph = kglite.KnowledgeGraph()
        for number, label in enumerate(self.label.values()):
            self.graph.add_nodes(pandas.DataFrame({"id": np.flatnonzero(tables.node_type == number)}), label, "id")
        for name, (heads, tails) in tables.relations.items():
            head, tail = (self.label[end] for end in tables.ends[name])
            rows = pandas.DataFrame({"head": heads, "tail": tails})
            self.graph.add_relationships(rows, self.rel[name], head, "head", tail, "tail")

    def write(self, begin: str, steps: Sequence[Step]) -> tuple[str, str]:
        """Look the nodes up by id anew before each step, which is faster than one pattern."""
        anchor, hops, unlike, closing = self.parts(begin, steps)
        if len(steps) == 1:
            return f"{anchor}{hops[0]} RETURN b.id AS node", ""
        second = f"{anchor}{hops[0]} WITH b.id AS x MATCH (b:{self.label[steps[0][1]]} {{id: x}}){hops[1]}"
        two = second + unlike[1]
        if len(steps) == 2:
            return two + " RETURN c.id AS node, count(*) AS n", ""
        third = f"MATCH (c:{self.label[steps[1][1]]} {{id: y}}){hops[2]}{unlike[2]}"
        text = f"{two} WITH c.id AS y, count(*) AS m {third} RETURN d.id AS node, sum(m) AS n"
        return text, closing and f"{second}{closing}{unlike[1]} RETURN x AS node, count(*) AS n"

    def ask(self, text: str, anchor: int) -> tuple[Ints, Ints]:
        """Run a query and fetch its columns."""
        try:
            found = self.graph.cypher(text, params={"id": anchor}, timeout_ms=int(self.limit * 1000))
        except self.timeout as error:
            raise OutOfTimeError(str(error)) from error
        nodes = np.array(found.column("node"), np.int64)
        return nodes, np.array(found.column("n"), np.int64) if "n" in found.columns else np.ones_like(nodes)

    def within(self, anchor: int, hops: int) -> Iterable[int]:
        """Expand a selection."""
        label = self.label[self.tables.type_of(anchor)]
        nodes: list[int] = self.graph.select(label).where({"id": anchor}).expand(hops).ids()
        return nodes
