"""The knowledge-graph engine: identifiers, sources, graph store, queries, splits, the reasoner and bundles.

It never imports `embeddings`, `generation` or `cli`; torch loads only in `kgengine.reasoner`.
"""

from kgengine.graph import Graph

__all__ = ["Graph", "__version__"]
__version__ = "0.1.0"
