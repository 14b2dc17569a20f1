"""Classifiers of ICD-10 codes: the default on character n-grams, any scikit-learn estimator, or a local transformer."""

import hashlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from generation.utility.measures import Floats
from generation.utility.ngrams import NAME, NgramClassifier, check_codes
from kgengine.artifacts import sha256_file
from kgengine.errors import KGError

_KNOWN = "'tfidf', module:factory, or the folder of a transformers model"


class Classifier(Protocol):
    """What learns codes from texts and scores them for new texts."""

    @property
    def classes(self) -> list[str]:
        """The codes that it knows, in the order of the columns of `scores`; after `fit`."""

    @property
    def description(self) -> dict[str, Any]:
        """What it is, for a manifest: settings, and hashes of what it was made from."""

    def fit(self, texts: Sequence[str], codes: Sequence[str]) -> None:
        """Learn; a row may be repeated, and what was learnt before is forgotten."""

    def scores(self, texts: Sequence[str]) -> Floats:
        """Score every code for every text: float [n, classes], higher is likelier."""


def make_classifier(name: str = NAME, seed: int = 0) -> Classifier:
    """Make an untrained classifier.

    :param name: "tfidf"; "module:factory" for a scikit-learn estimator on texts (the factory is called without
        arguments, or with `seed` if it has such a parameter); or the folder of a local transformers model.
    :param seed: for those that draw at random.
    :raises KGError: the name is none of these, or what it names can't be loaded.
    """
    if name == NAME:
        return NgramClassifier(seed)
    if Path(name).is_dir():
        from generation.utility.transformer import TransformerClassifier

        return TransformerClassifier(Path(name), seed)
    if ":" in name:
        return EstimatorClassifier(name, seed)
    raise KGError(f"unknown classifier '{name}'; give {_KNOWN}")


def ranking(classifier: Classifier, texts: Sequence[str], most: int = 3) -> list[list[str]]:
    """Give the codes of each text, the likeliest first.

    :param classifier: a trained one.
    :param texts: the texts.
    :param most: codes a text.
    """
    order = np.argsort(-classifier.scores(texts), axis=1, kind="stable")[:, :most]
    return [[classifier.classes[place] for place in row] for row in order.tolist()]


class EstimatorClassifier:
    """A scikit-learn estimator on texts, such as a Pipeline, that a user's factory makes.

    :param name: "module:factory"; the module is looked for in the current folder too.
    :param seed: given to a factory that has a parameter of that name.
    :raises KGError: there is no such factory, or what it makes is no classifier.
    """

    def __init__(self, name: str, seed: int) -> None:
        factory, self._file = _load_factory(name)
        self._name, self._seed = name, seed
        try:
            given = {"seed": seed} if "seed" in inspect.signature(factory).parameters else {}
            self._model = factory(**given)
        except Exception as error:
            raise KGError(f"--classifier {name} failed: {type(error).__name__}: {error}; mend the factory") from error
        self._score = next((n for n in ("decision_function", "predict_proba") if hasattr(self._model, n)), "")
        if not self._score or not hasattr(self._model, "fit"):
            made = type(self._model).__name__
            raise KGError(
                f"--classifier {name} makes a {made}; it must make an estimator with fit and predict_proba or "
                "decision_function"
            )

    @property
    def classes(self) -> list[str]:
        """Give the codes that the estimator knows."""
        return [str(code) for code in self._model.classes_]

    @property
    def description(self) -> dict[str, Any]:
        """Give the name, the estimator as text, and the hash of the module's file."""
        source = sha256_file(self._file) if self._file else None
        words = hashlib.sha256(re.sub(r" at 0x\w+", "", repr(self._model)).encode()).hexdigest()
        return {"name": self._name, "source": source, "estimator": words, "scikit-learn": _version()}

    def fit(self, texts: Sequence[str], codes: Sequence[str]) -> None:
        """Learn from texts and their codes.

        :raises KGError: there are fewer than two codes, or the estimator fails.
        """
        check_codes(codes)
        self._call("fit", list(texts), np.array(codes))

    def scores(self, texts: Sequence[str]) -> Floats:
        """Give the estimator's decision function or probabilities.

        :param texts: the texts.
        :returns: float [n, classes].
        :raises KGError: the estimator fails, or its scores have another shape or are no numbers.
        """
        found = np.asarray(self._call(self._score, list(texts)), float)
        if found.ndim == 1:
            found = np.stack([-found, found], axis=1)
        if found.shape != (len(texts), len(self.classes)) or np.isnan(found).any():
            raise KGError(f"--classifier {self._name} gives no score for each text and code; mend the estimator")
        return found

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._model, method)(*arguments)
        except Exception as error:
            raise KGError(
                f"--classifier {self._name} failed to {method} on texts: {type(error).__name__}: "
                f"{' '.join(str(error).split())}; mend the estimator"
            ) from error


def _load_factory(name: str) -> tuple[Any, Path | None]:
    """Find a factory and its module's file."""
    module_name, _, attribute = name.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
        factory = getattr(module, attribute)
    except Exception as error:
        raise KGError(f"--classifier {name} can't be loaded: {type(error).__name__}: {error}; give {_KNOWN}") from error
    finally:
        sys.path.remove(os.getcwd())
    if not callable(factory):
        raise KGError(f"--classifier {name} is no function; give {_KNOWN}")
    file = getattr(module, "__file__", None)
    return factory, Path(file) if file else None


def _version() -> str:
    import sklearn

    return str(sklearn.__version__)
