"""What a source delivers before it becomes a graph store: nodes with wordings, and edges between ids."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Wording:
    """How one language names a node.

    `phrase` is the words of a note (lower case), `accusative` the same after "Жалобы на" (Russian only),
    `synonyms` are everyday names by which a text may mean the node.
    """

    name: str = ""
    phrase: str = ""
    accusative: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A node of the graph: identifier, type, wordings and the limits of sex and age (years, inclusive).

    `prevalence` is a relative weight (0 = not stated).
    """

    id: str
    type: str
    en: Wording
    ru: Wording = Wording()
    sex: str = "any"
    age_min: int = 0
    age_max: int = 100
    prevalence: float = 0.0


@dataclass(frozen=True)
class Edge:
    """A typed edge between node ids; `band` indexes `schema.FREQUENCY_BANDS`, -1 when not stated."""

    head: str
    relation: str
    tail: str
    band: int = -1
    source: str = ""


@dataclass
class SourceGraph:
    """Everything read from one or several files.

    `files` are the inputs, in reading order, for the manifest's hashes.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
