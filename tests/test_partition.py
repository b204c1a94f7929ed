"""The cut is contiguous, optimal in its largest load, deterministic, and happy with idle ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.errors import MeshError
from amr.mesh.partition import owners, partition


def loads(weights, starts):
    return np.array([weights[a:b].sum() for a, b in zip(starts[:-1], starts[1:], strict=True)])


def slow_best(weights: np.ndarray, n_ranks: int) -> float:
    """Smallest possible largest load by dynamic programming."""
    prefix = np.r_[0, np.cumsum(weights)]
    best = prefix.copy()
    for _ in range(n_ranks - 1):
        best = np.array([min(max(best[i], prefix[j] - prefix[i]) for i in range(j + 1)) for j in range(len(prefix))])
    return best[-1]


integer_weights = st.lists(st.integers(0, 20), min_size=1, max_size=30)


@given(weights=integer_weights, n_ranks=st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_largest_load_is_the_smallest_possible(weights, n_ranks):
    weights = np.array(weights, float)
    starts = partition(weights, n_ranks)
    assert starts.dtype == np.int64 and starts[0] == 0 and starts[-1] == len(weights) and len(starts) == n_ranks + 1
    assert (np.diff(starts) >= 0).all()
    if weights.any():
        assert loads(weights, starts).max() == slow_best(weights, n_ranks)
    np.testing.assert_array_equal(starts, partition(weights, n_ranks))


@given(seed=st.integers(0, 2**32), n=st.integers(1, 2000), n_ranks=st.integers(1, 300), spread=st.floats(0, 8))
@settings(max_examples=100, deadline=None)
def test_bound_for_any_weights(seed, n, n_ranks, spread):
    weights = np.exp(spread * np.random.default_rng(seed).standard_normal(n))
    found = loads(weights, partition(weights, n_ranks)).max()
    assert found <= (weights.sum() / n_ranks + weights.max()) * (1 + 1e-12)
    assert found >= max(weights.sum() / n_ranks, weights.max()) * (1 - 1e-12)


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 7, 8, 64, 100])
def test_equal_weights_within_five_percent(n_ranks):
    for n in (100 * n_ranks, 100 * n_ranks + 1, 101 * n_ranks - 1, 12345 + 100 * n_ranks):
        count = np.diff(partition(np.full(n, 0.1), n_ranks))
        assert count.max() / count.mean() <= 1.05
        assert count.max() - count.min() <= 1


def test_idle_ranks_and_no_work():
    count = np.diff(partition(np.ones(3), 8))
    assert sorted(count.tolist()) == [0] * 5 + [1] * 3
    np.testing.assert_array_equal(np.diff(partition(np.zeros(8), 4)), [2, 2, 2, 2])
    assert partition(np.zeros(0), 3).tolist() == [0, 0, 0, 0]


def test_owners():
    starts = np.array([0, 0, 2, 2, 5])
    assert owners(starts, np.arange(5)).tolist() == [1, 1, 3, 3, 3]


@pytest.mark.parametrize("weights", [[1.0, np.nan], [1.0, np.inf], [-1.0], [[1.0]], [1e308, 1e308]])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(MeshError):
        partition(np.array(weights), 2)
    with pytest.raises(MeshError):
        partition(np.ones(3), 0)
