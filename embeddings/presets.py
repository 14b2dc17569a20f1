"""How each model is trained unless told otherwise, and which of PyKEEN's models can be trained here at all.

The four main models have settings of their own; every other model takes GENERAL. Nothing here loads PyKEEN
before a name is looked up.
"""

import difflib
from dataclasses import dataclass, replace
from typing import Any

from kgengine.errors import KGError

UNFIT = {
    "CooccurrenceFilteredModel": "only filters another model's predictions",
    "ComplExLiteral": "needs numeric literals",
    "DistMultLiteral": "needs numeric literals",
    "DistMultLiteralGated": "needs numeric literals",
    "FixedModel": "is a mock for PyKEEN's own tests",
    "InductiveNodePiece": "needs a second graph (it is inductive)",
    "InductiveNodePieceGNN": "needs a second graph (it is inductive)",
}
"""PyKEEN's models that can't learn from one graph's edges alone, and why."""

INVERSES_NEEDED = ("CompGCN", "ConvE", "NodePiece")
"""Models that are made for graphs in which every relation has an inverse."""


@dataclass(frozen=True)
class EmbeddingConfig:
    """How to train; the defaults are the preset of RotatE, :func:`preset` gives those of the others.

    :ivar model: name of a PyKEEN model.
    :ivar dim: embedding dimension (of complex numbers, for RotatE and ComplEx).
    :ivar loop: PyKEEN's training loop: "sLCWA" draws `negatives` corrupted triples a triple, "LCWA" compares
        with all nodes, but only as tails, and so needs `inverse` to learn about heads.
    :ivar inverse: give every relation an inverse with vectors of its own (Lacroix et al. 2018, arXiv 1806.07297).
    :ivar loss: PyKEEN's loss: "NSSA" (self-adversarial, Sun et al. 2019, arXiv 1902.10197) or "CrossEntropy".
    :ivar margin: of NSSA.
    :ivar label_smoothing: of CrossEntropy, 0 to below 1.
    :ivar negatives: corrupted triples a triple, in sLCWA.
    :ivar optimizer: PyKEEN's name: "Adam", "Adagrad".
    :ivar learning_rate: of the optimizer.
    :ivar penalty: weight of the mean cubed absolute value of the vectors (N3 of Lacroix et al.), 0 is none; for
        ComplEx and DistMult.
    :ivar init: standard deviation of the first vectors, for ComplEx and DistMult.
    :ivar norm: of the distance, 1 or 2, for TransE.
    :ivar batch: triples a step (pairs of head and relation, in LCWA).
    :ivar epochs: greatest number of epochs.
    :ivar frequency: epochs between two evaluations on validation edges.
    :ivar patience: evaluations without a better validation MRR before it stops.
    :ivar seed: of the split, the start and every draw.
    """

    model: str = "RotatE"
    dim: int = 64
    loop: str = "sLCWA"
    inverse: bool = False
    loss: str = "NSSA"
    margin: float = 6.0
    label_smoothing: float = 0.0
    negatives: int = 16
    optimizer: str = "Adam"
    learning_rate: float = 0.02
    penalty: float = 0.0
    init: float = 0.1
    norm: int = 2
    batch: int = 512
    epochs: int = 60
    frequency: int = 20
    patience: int = 2
    seed: int = 0


_SOFTMAX = EmbeddingConfig(
    dim=256,
    loop="LCWA",
    inverse=True,
    loss="CrossEntropy",
    optimizer="Adagrad",
    learning_rate=0.1,
    penalty=0.05,
    init=0.01,
    batch=256,
    epochs=100,
    frequency=5,
    patience=3,
)

GENERAL = EmbeddingConfig(learning_rate=0.01, margin=3.0)
"""For models without a preset of their own; tried for running only, not tuned."""

PRESETS = {
    "RotatE": EmbeddingConfig(),
    "TransE": EmbeddingConfig(model="TransE", dim=128),
    "ComplEx": replace(_SOFTMAX, model="ComplEx"),
    "DistMult": replace(_SOFTMAX, model="DistMult"),
}
"""Chosen by validation MRR on the default MKG and the clinical core of Hetionet (`benchmarks/embedding_search.py`).

What made ComplEx learn is the size of the first vectors: with PyKEEN's own, of standard deviation 1, it stays at
MRR 0.05 on the default MKG (0.04 without inverse relations); with 0.01 it reaches 0.34 to 0.36. The penalty comes
next: 0 gives 0.27, 0.2 gives 0.27, 1 nothing at all.
"""


def model_name(model: str) -> str:
    """Spell a model as PyKEEN does.

    :param model: its name in any case.
    :returns: PyKEEN's spelling.
    :raises KGError: PyKEEN has no such model, or it can't be trained on one graph's edges alone.
    """
    if model in PRESETS:  # no need to load PyKEEN
        return model
    from pykeen.models import model_resolver

    names: dict[str, str] = {found.__name__.lower(): found.__name__ for found in model_resolver}
    name = names.get(model.lower())
    if name is None:
        near = [names[key] for key in difflib.get_close_matches(model.lower(), list(names), n=3, cutoff=0.6)]
        hint = f"did you mean {', '.join(near)}?" if near else f"take one of {', '.join(PRESETS)}, or another of PyKEEN"
        raise KGError(f"PyKEEN has no model '{model}'; {hint}")
    if name in UNFIT:
        raise KGError(f"{name} {UNFIT[name]} and can't be trained here; take one of {', '.join(PRESETS)}")
    return name


def preset(model: str, **changes: Any) -> EmbeddingConfig:
    """Give the settings of a model.

    :param model: its name in any case.
    :param changes: settings to replace; None keeps the preset's.
    :returns: the settings, the model's name in PyKEEN's spelling.
    :raises KGError: as in :func:`model_name`.
    """
    name = model_name(model)
    given = {key: value for key, value in changes.items() if value is not None}
    general = replace(GENERAL, inverse=name in INVERSES_NEEDED)
    return replace(PRESETS.get(name, general), model=name, **given)
