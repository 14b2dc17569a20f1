"""Seeds of single items, derived so that neither order nor batching ever matters."""

import hashlib

import numpy as np
import numpy.typing as npt

GOLDEN, _MIX1, _MIX2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""Constants of SplitMix64 (Steele, Lea & Flood 2014, Fast splittable pseudorandom number generators, fig. 17)."""


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


def scrambled(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Give the outputs of SplitMix64 for its states, uint64 of the same shape."""
    with np.errstate(over="ignore"):
        state = (state ^ (state >> np.uint64(30))) * _MIX1
        state = (state ^ (state >> np.uint64(27))) * _MIX2
    return np.asarray(state ^ (state >> np.uint64(31)))
