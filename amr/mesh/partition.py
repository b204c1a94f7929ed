"""Weighted contiguous cut of the curve: which rank owns which leaves."""

from __future__ import annotations

import numpy as np

from amr._kernels.sfc import cut
from amr.errors import MeshError


def partition(weights: np.ndarray, n_ranks: int) -> np.ndarray:
    """Cut the leaves, in curve order, into one contiguous run per rank with the smallest possible largest load.

    Among the optimal cuts each lies as near as it can to the even share, so that small changes of the weights move few
    leaves. Depends on the arguments only: the same on every rank.

    Parameters
    ----------
    weights : float64 (n,)
        Work of each leaf, finite and >= 0. All zero counts as all equal.
    n_ranks : int
        May exceed n; then some ranks own nothing.

    Returns
    -------
    int64 (n_ranks + 1,)
        Rank r owns the leaves ``starts[r] : starts[r + 1]``.

    References
    ----------
    Pinar & Aykanat, Fast optimal load balancing algorithms for 1D partitioning, JPDC 64 (2004): exact bisection.
    """
    work = np.ascontiguousarray(weights, dtype=np.float64)
    if n_ranks < 1:
        raise MeshError(f"a partition among {n_ranks} ranks")
    if work.ndim != 1 or not np.isfinite(work).all() or (work < 0).any():
        raise MeshError("a weight is negative or not finite")
    prefix = np.zeros(len(work) + 1)
    with np.errstate(over="ignore"):
        np.cumsum(work if work.any() else np.ones_like(work), out=prefix[1:])
    if not np.isfinite(prefix[-1]):
        raise MeshError("the sum of the weights is not finite")
    return cut(prefix, n_ranks)


def owners(starts: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """Rank that owns each leaf, int64, from the ``starts`` of `partition`."""
    return np.searchsorted(starts, leaves, side="right") - 1
