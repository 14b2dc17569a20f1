"""Compiles the inner loops of queries; all else about the package stands in pyproject.toml."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("kgengine.walks", ["kgengine/walks.pyx"], extra_compile_args=["-O3"])])
