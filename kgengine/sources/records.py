"""What a source delivers before it becomes a graph store: nodes with wordings, and columns of edges.

Nodes are objects, edges are arrays of node rows, since a graph has far more edges than nodes. Loaders
fill a :class:`SourceGraph`; `kgengine.merging` joins several; `kgengine.store` writes the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language names a node.

    `phrase` is the words of a note (lower case), `accusative` the same after "Жалобы на" (Russian only),
    `synonyms` are everyday names by which a text may mean the node.
    """

    name: str = ""
    phrase: str = ""
    accusative: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(slots=True)
class Node:
    """A node of the graph: identifier, type, wordings and the limits of sex and age (years, inclusive).

    `prevalence` is a relative weight (0 = not stated); `xrefs` are CURIEs of other vocabularies that mean
    exactly the same thing, by which sources are merged.
    """

    id: str
    type: str
    en: Wording
    ru: Wording = Wording()
    sex: str = "any"
    age_min: int = 0
    age_max: int = 100
    prevalence: float = 0.0
    xrefs: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class Provenance:
    """Who states an edge: the source (an Information Resource such as `infores:sider`), its release, its licence."""

    source: str
    release: str = ""
    licence: str = ""


@dataclass(frozen=True)
class EdgeBlock:
    """Edges of one relation with one provenance.

    :ivar head: int64 [n], rows of the source's `nodes`; `tail` likewise.
    :ivar band: int8 [n], index into `schema.FREQUENCY_BANDS` or -1; None when no edge states one.
    :ivar score: float32 [n], the source's own confidence or strength, NaN where not stated; None when never.
    """

    relation: str
    head: npt.NDArray[np.int64]
    tail: npt.NDArray[np.int64]
    provenance: Provenance
    band: npt.NDArray[np.int8] | None = None
    score: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class RelationCount:
    """How many edges of a relation (as the source calls it) were read and kept, and how many its release has.

    `known` is None where the release's count is not known to us.
    """

    relation: str
    read: int
    kept: int
    known: int | None = None


@dataclass
class SourceGraph:
    """Everything that one source states.

    :ivar name: the source's name, as `kg build --source` takes it.
    :ivar nodes: no id twice.
    :ivar blocks: the edges.
    :ivar files: the inputs, in reading order, for the manifest's hashes.
    :ivar counts: read, kept and known, per relation.
    :ivar remarks: plain sentences for the user: what was left out and why, which file is cut short.
    """

    name: str
    nodes: list[Node] = field(default_factory=list)
    blocks: list[EdgeBlock] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    counts: list[RelationCount] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def num_edges(self) -> int:
        """Edges in all blocks."""
        return sum(len(block.head) for block in self.blocks)


def count_remarks(source: str, release: str, counts: Sequence[RelationCount]) -> list[str]:
    """Say in plain sentences which relations differ from what the release holds.

    :param source: the source's name.
    :param release: the release that the known counts belong to.
    :param counts: what was read.
    :returns: one sentence a relation that differs; empty when all agree or nothing is known.
    """
    remarks = []
    for count in counts:
        if count.known is not None and count.read != count.known:
            cause = "the file is cut short or a sample" if count.read < count.known else "is it another release?"
            remarks.append(
                f"{source}: {count.relation} has {count.read:,} edges, {source} {release} has {count.known:,}; {cause}"
            )
    return remarks
