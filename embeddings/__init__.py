"""Trains knowledge-graph embeddings with PyKEEN and exports them as plain vectors.

The rest of the product reads the vectors as a file (`kgengine.vectors`) and never imports this package.
"""
