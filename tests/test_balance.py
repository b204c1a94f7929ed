"""2:1 balance: exact after one call, minimal, idempotent, and flags that adapt can carry out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.errors import MeshError
from amr.mesh.balance import balance, balance_flags, is_balanced
from amr.mesh.tree import Forest
from tests.trees import boxes, brute_is_balanced, forests, leaf_set, touching


def slow_balance(forest: Forest) -> Forest:
    """Refine whatever touches a leaf two levels finer, until nothing does."""
    while True:
        gap = forest.level[None, :].astype(int) - forest.level[:, None]
        flags = (touching(forest) & (gap > 1)).any(axis=1)
        if not flags.any():
            return forest
        forest, _, _ = forest.adapt(flags.astype(np.int8))


@given(forest=forests())
@settings(max_examples=80, deadline=None)
def test_balance_is_exact_after_one_call(forest):
    balanced = balance(forest)
    assert is_balanced(balanced)
    assert is_balanced(forest) == brute_is_balanced(forest)
    assert balance(balanced) is balanced
    again = slow_balance(forest)
    assert leaf_set(balanced) == leaf_set(again)


def slow_flags(forest: Forest, flags: np.ndarray) -> np.ndarray:
    """The definition: least set of refinements, then drop coarsenings until none breaks a rule."""
    meet, level = touching(forest), forest.level.astype(int)
    new = np.where((flags > 0) & (level < forest.max_level), 1, np.minimum(flags, 0))
    while True:
        ends = level + np.maximum(new, 0)
        more = (meet & (ends[None, :] - ends[:, None] > 1)).any(axis=1)
        if not more.any():
            break
        new[more] = 1
    parent = [
        (lv, *(c >> 1)) if lv else (0, -1, i, 0) for i, (lv, c) in enumerate(zip(level, forest.coords, strict=True))
    ]
    groups: dict[tuple, list[int]] = {}
    for i, p in enumerate(parent):
        groups.setdefault(tuple(int(v) for v in p), []).append(i)
    while True:
        before = new.copy()
        ends = level + new
        for members in groups.values():
            whole = len(members) == forest.n_children and level[members[0]] > 0 and (new[members] < 0).all()
            if not whole or (meet[members] & (ends[None, :] > level[members[0]])).any():
                new[members] = np.maximum(new[members], 0)
        if (new == before).all():
            return new


@given(forest=forests(), seed=st.integers(0, 2**32), share=st.floats(0, 1))
@settings(max_examples=120, deadline=None)
def test_balance_flags_against_the_definition(forest, seed, share):
    forest = balance(forest)
    rng = np.random.default_rng(seed)
    flags = np.where(rng.random(forest.n_leaves) < 0.05, 1, -(rng.random(forest.n_leaves) < share).astype(int)).astype(
        np.int8
    )
    given_flags = flags.copy()
    new = balance_flags(forest, flags)
    np.testing.assert_array_equal(flags, given_flags)
    np.testing.assert_array_equal(new, slow_flags(forest, flags))
    np.testing.assert_array_equal(balance_flags(forest, new), new)
    assert (new[(flags > 0) & (forest.level < forest.max_level)] == 1).all()
    adapted, _, _ = forest.adapt(new)
    assert is_balanced(adapted) and brute_is_balanced(adapted)


@given(forest=forests())
@settings(max_examples=40, deadline=None)
def test_coarsening_everything_reaches_the_roots(forest):
    forest = balance(forest)
    for _ in range(forest.max_level):
        forest, _, _ = forest.adapt(balance_flags(forest, np.full(forest.n_leaves, -1)))
    assert (forest.level == 0).all() and forest.n_leaves == np.prod(forest.root_blocks)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_one_deep_corner_in_one_call(dim):
    forest = Forest.uniform(dim, 2, True, 9)
    for _ in range(9):
        flags = np.zeros(forest.n_leaves, np.int8)
        flags[forest.find(9, np.array([[511] * dim + [0] * (3 - dim)]))] = 1
        forest, _, _ = forest.adapt(flags)
    balanced = balance(forest)
    assert is_balanced(balanced) and not is_balanced(forest)
    # graded in all directions: the levels around the deep leaf fall off by its distance
    low, high = boxes(balanced)
    assert (high - low)[:, 0].max() == 2 ** (9 - balanced.level.min())


def test_wrong_flags_are_refused():
    forest = Forest.uniform(2, 2, False, 2)
    with pytest.raises(MeshError):
        balance_flags(forest, np.zeros(3))
    with pytest.raises(MeshError):
        balance_flags(forest, np.full(4, 2))
