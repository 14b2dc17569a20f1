"""Compiles the inner loops of queries and questions; all else about the package stands in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension("kgengine.walks", ["kgengine/walks.pyx"], extra_compile_args=["-O3"]),
        Extension("kgengine.tracing", ["kgengine/tracing.pyx"], language="c++", extra_compile_args=["-O3"]),
        Extension("generation.qa.choosing", ["generation/qa/choosing.pyx"], language="c++", extra_compile_args=["-O3"]),
    ]
)
