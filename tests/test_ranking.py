"""Filtered realistic ranks: by hand on five nodes, and held equal to PyKEEN's own rank-based evaluator, filter and
all, on random score tables full of ties.
"""

from typing import Any

import numpy as np
import pytest

from kgengine.ranking import RankMetrics, realistic_rank

SCORES = np.array([0.9, 0.5, 0.5, 0.5, 0.1])


@pytest.mark.parametrize(
    ("answer", "known", "rank"),
    [
        (0, [], 1.0),  # nothing is above it
        (4, [], 5.0),  # four are above it
        (1, [], 3.0),  # one above; tied with two others: places 2, 3, 4, whose mean is 3
        (1, [1], 3.0),  # that it is known itself does not filter it out
        (1, [0], 2.0),  # the one above is another known answer: places 1, 2, 3
        (1, [0, 1, 2], 1.5),  # also one of the ties is: places 1, 2
        (1, [0, 1, 2, 3], 1.0),  # only node 4 is left, below it
        (4, [0, 1, 2, 3], 1.0),  # no rival is left
    ],
)
def test_the_realistic_rank_is_the_mean_of_the_best_and_the_worst_place(
    answer: int, known: list[int], rank: float
) -> None:
    assert realistic_rank(SCORES, answer, np.array(known, np.int64)) == rank


def test_metrics_are_means_over_the_ranks() -> None:
    # MRR (1 + 1/2 + 1/4 + 1/20) / 4 = 1.8 / 4; one of four is first, three are within ten
    metrics = RankMetrics.of([1, 2, 4, 20])
    assert metrics == RankMetrics(mrr=pytest.approx(0.45), hits_at_1=0.25, hits_at_10=0.75, num_ranks=4)
    assert str(metrics) == "MRR 0.450  Hits@1 0.250  Hits@10 0.750  (4 ranks)"


def test_a_tied_rank_of_one_and_a_half_is_no_hit_at_one() -> None:
    assert RankMetrics.of([1.5]).hits_at_1 == 0.0


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_ranks_and_metrics_equal_those_of_pykeens_evaluator(levels: int) -> None:
    import torch
    from pykeen.evaluation import RankBasedEvaluator
    from pykeen.models import Model
    from pykeen.triples import CoreTriplesFactory

    nodes, relations = 30, 2
    rng = np.random.default_rng(levels)
    table = (rng.integers(0, levels, (nodes, relations, nodes)) / levels).astype(np.float32)  # few levels, many ties

    class Table(Model):
        """Scores every triple by looking it up."""

        def __init__(self, factory: CoreTriplesFactory) -> None:
            super().__init__(triples_factory=factory, random_seed=0)
            self.table = torch.nn.Parameter(torch.from_numpy(table))

        def score_hrt(self, hrt_batch: Any, **_: Any) -> Any:
            return self.table[hrt_batch[:, 0], hrt_batch[:, 1], hrt_batch[:, 2]].unsqueeze(1)

        def score_t(self, hr_batch: Any, **_: Any) -> Any:
            return self.table[hr_batch[:, 0], hr_batch[:, 1]]

        def score_h(self, rt_batch: Any, **_: Any) -> Any:
            return self.table[:, rt_batch[:, 0], rt_batch[:, 1]].T

        def score_r(self, ht_batch: Any, **_: Any) -> Any:
            return self.table[ht_batch[:, 0], :, ht_batch[:, 1]]

        def _reset_parameters_(self) -> None: ...

        def _get_entity_len(self, *, mode: Any) -> int:
            return nodes

        def collect_regularization_term(self) -> Any:
            return torch.zeros(())

    every = np.array([(h, r, t) for h in range(nodes) for r in range(relations) for t in range(nodes)])
    triples = every[rng.choice(len(every), 300, replace=False)]
    train, test = triples[:250], triples[250:]
    factory = CoreTriplesFactory(torch.from_numpy(train), num_entities=nodes, num_relations=relations)
    evaluator = RankBasedEvaluator(filtered=True, clear_on_finalize=False)
    result = evaluator.evaluate(
        Table(factory),
        torch.from_numpy(test),
        additional_filter_triples=[torch.from_numpy(train)],
        batch_size=16,
        use_tqdm=False,
        device="cpu",
    )
    heads, tails = [], []
    for head, relation, tail in test.tolist():
        known_tails = triples[(triples[:, 0] == head) & (triples[:, 1] == relation), 2]
        known_heads = triples[(triples[:, 2] == tail) & (triples[:, 1] == relation), 0]
        tails.append(realistic_rank(table[head, relation], tail, known_tails))
        heads.append(realistic_rank(table[:, relation, tail], head, known_heads))
    for target, ours in (("head", heads), ("tail", tails)):
        theirs = np.concatenate(evaluator.ranks[target, "realistic"])
        assert theirs.tolist() == pytest.approx(ours)
    ours = RankMetrics.of(heads + tails)
    assert ours.num_ranks == 100
    assert ours.mrr == pytest.approx(result.get_metric("both.realistic.inverse_harmonic_mean_rank"), rel=1e-5)
    assert ours.hits_at_1 == pytest.approx(result.get_metric("both.realistic.hits_at_1"))
    assert ours.hits_at_10 == pytest.approx(result.get_metric("both.realistic.hits_at_10"))
    if levels < 1000:
        assert any(rank % 1 for rank in heads + tails), "no tie was met"
