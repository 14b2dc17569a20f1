"""The generation layer: bundles in, verified notes and QA items out.

Prompts, runtimes (llama.cpp, templates), notes, verification, QA items. It imports `kgengine` alone.
"""
