"""Where a project's artifacts lie: the graph, its embedding and its reasoner, in one folder."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path("kg-workspace")


@dataclass(frozen=True)
class Workspace:
    """The folder that `kg` works in (`--workspace`, or KG_WORKSPACE, or ./kg-workspace)."""

    folder: Path = DEFAULT

    @property
    def graph(self) -> Path:
        """The graph store (`kg build`)."""
        return self.folder / "graph"

    @property
    def embedding(self) -> Path:
        """The PyKEEN vectors (`kg embed`)."""
        return self.folder / "embedding"

    @property
    def reasoner(self) -> Path:
        """The trained GNN and the scores of the graph's edges (`kg train`)."""
        return self.folder / "reasoner"
