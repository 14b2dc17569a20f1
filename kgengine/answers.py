"""Asking by name: from what a person typed to ranked answers, their records and their subgraph."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.query import Answer, follow, mistaken_for, neighbourhood
from kgengine.schema import DISEASE, INVERSE_WORDING
from kgengine.selection import EdgeFilter
from kgengine.subgraph import answer_record, to_networkx

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True)
class Answers(Sequence[Answer]):
    """The ranked answers of one query.

    :ivar graph: the graph that was asked.
    :ivar anchors: the node indices that the query began with.
    :ivar found: the answers, best first.
    """

    graph: Graph
    anchors: tuple[int, ...]
    found: tuple[Answer, ...]

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, place: Any) -> Any:
        return self.found[place]

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.found)

    def records(self, lang: str = "en") -> list[dict[str, Any]]:
        """Give the answers as plain data: id, name, type, score, number of paths, proofs as lists of edges."""
        return [answer_record(self.graph, answer, lang) for answer in self.found]

    def to_networkx(self, lang: str = "en") -> "networkx.MultiDiGraph":
        """Collect the proofs into one networkx graph, see :func:`kgengine.subgraph.to_networkx`."""
        return to_networkx(self.graph, self.found, self.anchors, lang)


def ask(
    graph: Graph,
    names: Sequence[str],
    *,
    hops: int = 1,
    to: str | None = None,
    path: str | None = None,
    relations: Sequence[str] = (),
    sources: Sequence[str] = (),
    min_score: float | None = None,
    any_anchor: bool = False,
    shared_symptoms: bool = False,
    limit: int | None = 10,
) -> Answers:
    """Ask what lies near some entities, or at the end of a typed path from them.

    :param graph: the graph.
    :param names: ids, names or synonyms; an answer is reached from all of them.
    :param hops: greatest path length, 1 to 4.
    :param to: only answers of this node type.
    :param path: node types by `/`, e.g. `symptom/disease/drug`: follow just this path (`hops` and `to` don't count); a
        type may name the relation that leads to it: `symptom/disease/treats:drug`.
    :param relations: only edges of these relations.
    :param sources: only edges that one of these sources states.
    :param min_score: only edges whose source gives them at least this score.
    :param any_anchor: True when it is enough that one of the names reaches an answer.
    :param shared_symptoms: ask instead for the diseases that a disease may be mistaken for.
    :param limit: how many answers at most, all when None.
    :returns: the answers, best first.
    :raises KGError: a name is unknown, or the query can't be asked so.
    """
    if limit is not None and limit < 1:
        raise KGError(f"a limit of {limit} answers was asked for; give 1 or more, or None for all")
    types, steps = split_path(path) if path else ([DISEASE], []) if shared_symptoms else (None, [])
    anchors = tuple(dict.fromkeys(graph.resolve(name, types[0] if types else None) for name in names))
    if not anchors:
        raise KGError("a query needs at least one name; give an id such as ICD10:J18, or a name")
    only = EdgeFilter([_plain(relation) for relation in relations], sources, min_score)
    to = to.strip().lower() if to else None
    if shared_symptoms:
        if len(anchors) != 1:
            raise KGError("what a disease may be mistaken for is asked of one disease; give one name")
        found = mistaken_for(graph, anchors[0], only, limit)
    elif types:
        found = follow(graph, anchors, types, steps, only, limit, any_anchor)
    else:
        found = neighbourhood(graph, anchors, hops, to, only, limit, any_anchor)
    return Answers(graph, anchors, tuple(found))


def split_path(path: str) -> tuple[list[str], list[list[str]]]:
    """Split a path into its types and, for each step, the relation that it names (none: any).

    :param path: node types by `/`, each after the first one with or without a relation, as :func:`ask` takes it.
    :raises KGError: a relation stands before the first type.
    """
    parts = [part.strip().lower().rpartition(":") for part in path.split("/")]
    if parts[0][0]:
        raise KGError(f"the path '{path}' names a relation before its first type; name it before the type it leads to")
    return [node_type for _, _, node_type in parts], [[_plain(name)] if name else [] for name, _, _ in parts[1:]]


def _plain(relation: str) -> str:
    """Give a relation's own name for a Biolink predicate or for the word by which it is read backwards."""
    name = relation.strip().lower().removeprefix("biolink:")
    return next((own for own, inverse in INVERSE_WORDING.items() if inverse == name), name)
