"""Filtered, realistic ranks and the metrics over them, as PyKEEN's rank-based evaluator defines them.

It exists so that the reasoner is measured on the same scale as the embedding without loading PyKEEN; a
test holds the two equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class RankMetrics:
    """Metrics over ranks; each in (0, 1], higher is better. `num_ranks` counts the ranks behind them."""

    mrr: float
    hits_at_1: float
    hits_at_10: float
    num_ranks: int

    def __str__(self) -> str:
        shares = f"MRR {self.mrr:.3f}  Hits@1 {self.hits_at_1:.3f}  Hits@10 {self.hits_at_10:.3f}"
        return f"{shares}  ({self.num_ranks:,} ranks)"

    @classmethod
    def of(cls, ranks: Sequence[float]) -> "RankMetrics":
        """Summarise ranks (1 is best)."""
        array = np.asarray(ranks, np.float64)
        return cls(
            mrr=float(np.mean(1 / array)),
            hits_at_1=float(np.mean(array <= 1)),
            hits_at_10=float(np.mean(array <= 10)),
            num_ranks=len(array),
        )


def realistic_rank(scores: npt.NDArray[np.floating], answer: int, known: npt.NDArray[np.int64]) -> float:
    """Rank one answer among all nodes that are no other known answer.

    :param scores: float [num_nodes], higher is better.
    :param answer: the node whose rank is asked.
    :param known: int64 [n], all known answers; they are filtered out, `answer` excepted.
    :returns: mean of the optimistic and the pessimistic rank, from 1 (Berrendorf et al. 2020, arXiv 2002.06914).
    """
    mask = np.ones(len(scores), np.bool_)
    mask[known] = False
    mask[answer] = True
    rivals, own = scores[mask], scores[answer]
    return float(np.sum(rivals > own) + (np.sum(rivals == own) + 1) / 2)
