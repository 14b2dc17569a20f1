"""The GNN reasoner: query-conditional message passing over the graph, on PyTorch Geometric.

Importing this package loads torch; nothing outside the commands that need it does so.
"""
