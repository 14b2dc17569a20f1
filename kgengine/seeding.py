"""Seeds of single items, derived so that neither order nor batching ever matters."""

import hashlib

import numpy as np


def item_seed(seed: int, stream: str, index: int) -> int:
    """Derive the seed of one item: the first 8 bytes of SHA-256 over (seed, stream, index).

    :param seed: the run's `--seed`.
    :param stream: which use of randomness, e.g. "bundle".
    :param index: number of the item within the stream, from 0.
    :returns: an integer in [0, 2**63).
    """
    digest = hashlib.sha256(f"{seed}\x1f{stream}\x1f{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def item_rng(seed: int, stream: str, index: int) -> np.random.Generator:
    """Make the random generator of one item (see :func:`item_seed`)."""
    return np.random.default_rng(item_seed(seed, stream, index))
