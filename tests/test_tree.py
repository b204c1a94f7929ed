"""Keys, search, adapt: every point has one leaf, and adapt says truthfully where its leaves come from."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr._kernels import sfc
from amr.errors import MeshError
from amr.mesh.tree import COORD_BITS, KEY_LEVEL, Forest
from tests.trees import boxes, forests


def slow_key(dim: int, coords: list[int]) -> int:
    return sum((coords[a] >> b & 1) << (dim * b + a) for a in range(dim) for b in range(COORD_BITS[dim]))


@pytest.mark.parametrize("dim", [1, 2, 3])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_keys_are_interleaved_bits(dim, data):
    level = data.draw(st.integers(0, KEY_LEVEL[dim]))
    top = 2 ** min(31, COORD_BITS[dim] - KEY_LEVEL[dim] + level) - 1
    coords = [data.draw(st.integers(0, top)) if a < dim else 0 for a in range(3)]
    levels = np.array([level], np.int8)
    key = sfc.encode(dim, KEY_LEVEL[dim], levels, np.array([coords], np.int32))
    assert int(key[0]) == slow_key(dim, coords) << dim * (KEY_LEVEL[dim] - level)
    assert sfc.decode(dim, KEY_LEVEL[dim], levels, key).tolist() == [coords]


def assert_valid(forest: Forest) -> None:
    low, high = boxes(forest)
    assert (np.diff(forest.key) > 0).all()
    assert (forest.level <= forest.max_level).all() and (forest.coords[:, forest.dim :] == 0).all()
    np.testing.assert_array_equal(
        sfc.encode(forest.dim, forest.key_level, np.array(forest.level), np.array(forest.coords)), forest.key
    )
    assert not forest.level.flags.writeable
    extent = np.array(forest.root_blocks) << forest.max_level
    extent[forest.dim :] = 1
    assert (low >= 0).all() and (high <= extent).all()
    assert (high - low).prod(axis=1).sum() == extent.prod()


@given(forest=forests(), seed=st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_every_point_has_exactly_one_leaf(forest, seed):
    assert_valid(forest)
    low, high = boxes(forest)
    extent = np.array(forest.root_blocks) << forest.max_level
    extent[forest.dim :] = 1
    points = np.random.default_rng(seed).integers(0, extent, (50, 3))
    inside = ((points[:, None] >= low) & (points[:, None] < high)).all(axis=2)
    assert (inside.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(forest.find(forest.max_level, points), inside.argmax(axis=1))
    np.testing.assert_array_equal(forest.find(forest.level, forest.coords), np.arange(forest.n_leaves))
    # a position coarser than the leaves in it: the first of them
    root = points >> forest.max_level
    corner = root << forest.max_level
    first = ((corner[:, None] >= low) & (corner[:, None] < high)).all(axis=2).argmax(axis=1)
    np.testing.assert_array_equal(forest.find(0, root), first)


@given(forest=forests())
@settings(max_examples=40, deadline=None)
def test_find_wraps_periodic_axes_only(forest):
    last = np.zeros((forest.dim, 3), np.int32)
    before = np.zeros((forest.dim, 3), np.int32)
    for axis in range(forest.dim):
        before[axis, axis] = -1
        last[axis, axis] = (forest.root_blocks[axis] << forest.max_level) - 1
    wanted = np.where(forest.periodic[: forest.dim], forest.find(forest.max_level, last), -1)
    np.testing.assert_array_equal(forest.find(forest.max_level, before), wanted)


@given(forest=forests(), seed=st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_adapt_tells_where_leaves_come_from(forest, seed):
    rng = np.random.default_rng(seed)
    n_child = forest.n_children
    flags = ((rng.random(forest.n_leaves) < 0.3) & (forest.level < forest.max_level)).astype(np.int8)
    first = [
        i
        for i in range(forest.n_leaves - n_child + 1)
        if forest.level[i] > 0
        and not (forest.coords[i] & 1).any()
        and (forest.level[i : i + n_child] == forest.level[i]).all()
        and rng.random() < 0.5
    ]
    for i in first:
        flags[i : i + n_child] = -1
    new, source, change = forest.adapt(flags)
    assert_valid(new)
    assert source.dtype == np.int32 and change.dtype == np.int8
    np.testing.assert_array_equal(new.level, forest.level[source] + change)
    np.testing.assert_array_equal(change, flags[source])
    assert (np.diff(source) >= 0).all()
    np.testing.assert_array_equal(new.coords[change == 0], forest.coords[source[change == 0]])
    np.testing.assert_array_equal(new.coords[change < 0], forest.coords[source[change < 0]] >> 1)
    np.testing.assert_array_equal(new.coords[change > 0] >> 1, forest.coords[source[change > 0]])
    # children of one leaf stand together, x fastest
    child = new.coords[change > 0] & 1
    order = child[:, 0] + 2 * child[:, 1] + 4 * child[:, 2]
    np.testing.assert_array_equal(order, np.tile(np.arange(n_child), len(order) // n_child))
    assert new.n_leaves == forest.n_leaves + (n_child - 1) * ((flags > 0).sum() - len(first))
    # and back again
    back = np.where(change > 0, -1, np.where(change < 0, 1, 0))
    again, _, _ = new.adapt(back)
    np.testing.assert_array_equal(again.key, forest.key)
    np.testing.assert_array_equal(again.level, forest.level)


@given(forest=forests())
@settings(max_examples=40, deadline=None)
def test_leaves_keys_and_pickle_give_the_same_forest(forest):
    rest = (forest.dim, forest.root_blocks, forest.periodic, forest.max_level)
    for other in (
        Forest.from_leaves(*rest, forest.level, forest.coords[:, : forest.dim]),
        Forest.from_keys(*rest, forest.level, forest.key),
        pickle.loads(pickle.dumps(forest)),
    ):
        assert (other.dim, other.root_blocks, other.periodic, other.max_level) == rest
        for name in ("level", "coords", "key"):
            np.testing.assert_array_equal(getattr(other, name), getattr(forest, name))


@given(forest=forests(), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_damaged_leaves_are_refused(forest, seed):
    rng = np.random.default_rng(seed)
    i = rng.integers(forest.n_leaves)
    rest = (forest.dim, forest.root_blocks, forest.periodic, forest.max_level)
    with pytest.raises(MeshError):  # a hole
        Forest.from_leaves(*rest, np.delete(forest.level, i), np.delete(forest.coords, i, axis=0))
    with pytest.raises(MeshError):  # twice the same leaf
        Forest.from_leaves(
            *rest, np.insert(forest.level, i, forest.level[i]), np.insert(forest.coords, i, forest.coords[i], 0)
        )
    outside = forest.coords.copy()
    outside[i, rng.integers(forest.dim)] += 1 << 20
    with pytest.raises(MeshError, match="outside"):
        Forest.from_leaves(*rest, forest.level, outside)
    if forest.n_leaves > 1:
        with pytest.raises(MeshError, match="order"):
            Forest.from_leaves(*rest, forest.level[::-1], forest.coords[::-1])
    key = forest.key.copy()
    key[i] += 1
    with pytest.raises(MeshError):
        Forest.from_keys(*rest, forest.level, key)


def test_find_refuses_what_it_cannot_represent():
    forest = Forest.uniform(2, 3, True, 2)
    assert forest.deepest_level == 20
    for level, coords in ((21, [[0, 0, 0]]), (-1, [[0, 0, 0]]), (2, [[2**31, 0, 0]])):
        with pytest.raises(MeshError):
            forest.find(level, np.array(coords))
    assert forest.find(20, np.array([[-1, -1, 0]])).tolist() == forest.find(0, np.array([[2, 2, 0]])).tolist()
    assert forest.find(0, np.zeros((0, 3), int)).shape == (0,)


def test_uniform():
    forest = Forest.uniform(2, [3, 5], [True, False], 4, level=2)
    assert_valid(forest)
    assert forest.n_leaves == 3 * 5 * 16 and forest.root_blocks == (3, 5, 1) and forest.periodic == (True, False, False)
    assert forest.leaves_per_level.tolist() == [0, 0, 240, 0, 0]
    assert Forest.uniform(1, 7).n_leaves == 7
    assert Forest.uniform(3, 2, True, 3).periodic == (True, True, True)
    assert forest.adapt(np.zeros(240, np.int8))[0].n_leaves == 240


@pytest.mark.parametrize(
    ("dim", "roots", "max_level"),
    [
        (1, 2, 30),
        (1, 2**20, 11),
        (2, 2, 20),
        (2, 2048, 20),
        (3, 64, 15),
        (3, 33, 15),
        (3, 65, 14),
        (3, 100, 14),
        (1, 1, 30),
    ],
)
def test_deepest_possible_mesh(dim, roots, max_level):
    n = 64
    narrow = [roots] + [1] * (dim - 1)
    forest = Forest.uniform(dim, narrow, True, max_level)
    for _ in range(max_level):
        flags = np.zeros(forest.n_leaves, np.int8)
        flags[-1] = 1
        forest, _, _ = forest.adapt(flags)
    assert forest.coords[-1, 0] == (roots << max_level) - 1 and (np.diff(forest.key) > 0).all()
    tail = np.arange(max(0, forest.n_leaves - n), forest.n_leaves)
    np.testing.assert_array_equal(forest.find(forest.level[tail], forest.coords[tail]), tail)
    with pytest.raises(MeshError, match="root blocks"):
        Forest.uniform(dim, narrow, True, max_level + 1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"dim": 4}, "dimension"),
        ({"root_blocks": [2, 0]}, "at least one"),
        ({"root_blocks": [2, 2, 2, 2]}, "entries"),
        ({"max_level": -1}, "negative"),
        ({"level": 3}, "0..2"),
        ({"root_blocks": [70000, 70000]}, "too many"),
        ({"root_blocks": [2**32, 1]}, "at most"),
        ({"max_level": 21}, "at most"),
    ],
)
def test_impossible_meshes_are_refused(change, text):
    with pytest.raises(MeshError, match=text):
        Forest.uniform(**{"dim": 2, "root_blocks": [2, 2], "periodic": False, "max_level": 2, **change})


@pytest.mark.parametrize(
    "flags",
    [
        [1, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, -1],
        [0, 0, -1, 0, 0, 0, 0],
        [0, -2, 0, 0, 0, 0, 0],
        [0, 0, -1, -1, -1, -1, 0],
        [-1, -1, -1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 2],
        [0, 0, 0, 0, 0, 0],
    ],
)
def test_impossible_flags_are_refused(flags):
    # leaves: four of level 1, then three roots; level 1 is the deepest
    forest, _, _ = Forest.uniform(2, [2, 2], False, 1).adapt(np.array([1, 0, 0, 0]))
    with pytest.raises(MeshError):
        forest.adapt(np.array(flags, np.int8))
