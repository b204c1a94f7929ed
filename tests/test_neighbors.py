"""Neighbour tables against brute force; symmetric; periodic down to a single root block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from amr.errors import MeshError
from amr.mesh.balance import balance, balance_flags
from amr.mesh.neighbors import COARSER, FINER, OUTSIDE, SAME, SELF, neighbors, offsets, touching_children
from amr.mesh.tree import Forest
from tests.trees import boxes, forests, images, touching


def slow_position(forest: Forest, leaf: int, offset: np.ndarray) -> tuple[int, list[int]]:
    """(relation, leaves inside the neighbour position) by comparing boxes with all periodic images."""
    low, high = boxes(forest)
    size = high[leaf] - low[leaf]
    a, b = low[leaf] + offset * size, high[leaf] + offset * size
    for move in images(forest):
        covers = ((low + move <= a) & (high + move >= b)).all(axis=1)
        if covers.any():
            i = int(np.flatnonzero(covers)[0])
            return (SAME if forest.level[i] == forest.level[leaf] else COARSER), [i]
        within = ((low + move >= a) & (high + move <= b)).all(axis=1)
        if within.any():
            return FINER, np.flatnonzero(within).tolist()
    return OUTSIDE, []


@given(forest=forests())
@settings(max_examples=60, deadline=None)
def test_against_brute_force(forest):
    forest = balance(forest)
    leaves = np.arange(forest.n_leaves)[:: max(1, forest.n_leaves // 40)]
    table = neighbors(forest, leaves)
    touches = touching_children(forest.dim)
    d = offsets(forest.dim)
    for row, leaf in enumerate(leaves):
        for slot, offset in enumerate(d):
            relation, inside = slow_position(forest, leaf, offset)
            if not offset.any():
                assert table.relation[row, slot] == SELF and table.leaf[row, slot] == leaf
                continue
            assert table.relation[row, slot] == relation
            assert table.leaf[row, slot] == (inside[0] if inside else -1)
            if relation == FINER:
                children = table.children([row], [slot])[0]
                wanted = [i for i in inside if forest.level[i] == forest.level[leaf] + 1]
                assert children[children >= 0].tolist() == wanted
                assert (children[touches[slot]] >= 0).all()


@given(forest=forests())
@settings(max_examples=60, deadline=None)
def test_symmetric(forest):
    """Who sees whom is mutual: SAME at the opposite slot, FINER and COARSER each other's reverse."""
    forest = balance(forest)
    n = forest.n_leaves
    table = neighbors(forest, np.arange(n))
    n_slot = 3**forest.dim
    row, slot = np.nonzero(table.relation == SAME)
    back = table.leaf[table.leaf[row, slot], n_slot - 1 - slot]
    np.testing.assert_array_equal(back, row)
    assert (table.relation[table.leaf[row, slot], n_slot - 1 - slot] == SAME).all()

    touches = touching_children(forest.dim)
    row, slot = np.nonzero(table.relation == FINER)
    children = table.children(row, slot)
    fine_pairs = {(int(c), int(r)) for r, s, cs in zip(row, slot, children, strict=True) for c in cs[touches[s]]}
    row, slot = np.nonzero(table.relation == COARSER)
    assert fine_pairs == set(zip(row.tolist(), table.leaf[row, slot].tolist(), strict=True))

    seen = np.eye(n, dtype=bool)
    seen[tuple(np.array(sorted(fine_pairs), int).reshape(-1, 2).T)] = True
    row, slot = np.nonzero((table.relation == SAME) | (table.relation == COARSER))
    seen[row, table.leaf[row, slot]] = True
    np.testing.assert_array_equal(seen | seen.T, touching(forest))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_every_entry_of_a_large_table(dim):
    """By coordinates alone: what is named lies where the slot says, and is on the level the relation says."""
    forest = Forest.uniform(dim, [3, 2, 5][:dim], [True, False, True][:dim], {1: 16, 2: 8, 3: 5}[dim])
    rng = np.random.default_rng(dim)
    while forest.n_leaves < 20_000:
        flags = (rng.random(forest.n_leaves) < 0.2) & (forest.level < forest.max_level)
        forest, _, _ = forest.adapt(balance_flags(forest, flags.astype(np.int8)))
    table = neighbors(forest, np.arange(forest.n_leaves))
    for slot, d in enumerate(offsets(dim)):
        relation, leaf = table.relation[:, slot], table.leaf[:, slot]
        extent = np.array(forest.root_blocks, np.int64) << forest.level[:, None].astype(np.int64)
        extent[:, dim:] = 1
        place = forest.coords + d
        place = np.where(forest.periodic, place % extent, place)
        outside = ((place < 0) | (place >= extent)).any(axis=1)
        np.testing.assert_array_equal(relation == OUTSIDE, outside)
        found, place, relation = forest.coords[leaf[~outside]], place[~outside], relation[~outside]
        shift = forest.level[leaf[~outside]].astype(np.int64) - forest.level[~outside]
        # a FINER position's first child may itself be refined, where it does not touch
        assert ((shift > 0) == (relation == FINER)).all() and ((shift == -1) == (relation == COARSER)).all()
        assert (shift >= -1).all()
        at = np.where(
            shift[:, None] >= 0, place << np.maximum(shift, 0)[:, None], place >> np.maximum(-shift, 0)[:, None]
        )
        np.testing.assert_array_equal(found, at)


def test_a_finer_position_may_hold_grandchildren():
    """leaf + c is not child c when a child that does not touch is refined again."""
    forest, _, _ = Forest.uniform(2, [2, 1], False, 2).adapt(np.array([0, 1]))
    forest, _, _ = forest.adapt(np.array([0, 0, 1, 0, 0]))
    table = neighbors(forest, [0])
    slot = 2 + 3 * 1
    assert table.relation[0, slot] == FINER and table.leaf[0, slot] == 1
    assert table.children([0], [slot]).tolist() == [[1, -1, 6, 7]]
    assert touching_children(2)[slot].tolist() == [True, False, True, False]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_single_periodic_root_block_is_its_own_neighbour(dim):
    table = neighbors(Forest.uniform(dim, 1, True), np.array([0]))
    assert (table.leaf == 0).all()
    assert np.delete(table.relation[0], 3**dim // 2).tolist() == [SAME] * (3**dim - 1)
    closed = neighbors(Forest.uniform(dim, 1, False), np.array([0]))
    assert np.delete(closed.relation[0], 3**dim // 2).tolist() == [OUTSIDE] * (3**dim - 1)


def test_slots_and_offsets():
    d = offsets(3)
    np.testing.assert_array_equal(np.arange(27), (d[:, 0] + 1) + 3 * (d[:, 1] + 1) + 9 * (d[:, 2] + 1))
    assert offsets(1).tolist() == [[-1, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert touching_children(3).sum(axis=1).tolist() == [2 ** int((v == 0).sum()) for v in d]


def test_wrong_questions_are_refused():
    forest = Forest.uniform(2, 2, False, 3)
    for leaves in ([4], [-1], [[0]]):
        with pytest.raises(MeshError):
            neighbors(forest, np.array(leaves))
    assert neighbors(forest, np.array([], int)).relation.shape == (0, 9)
    for _ in range(2):
        forest, _, _ = forest.adapt(np.r_[1, np.zeros(forest.n_leaves - 1, int)].astype(np.int8))
    forest, _, _ = forest.adapt(np.eye(1, forest.n_leaves, 3, dtype=np.int8)[0])
    with pytest.raises(MeshError, match="balanced"):
        neighbors(forest, np.arange(forest.n_leaves))
