"""Readers of graph sources; each gives a :class:`kgengine.sources.records.SourceGraph`."""
