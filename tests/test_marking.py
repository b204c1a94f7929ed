"""From block values to flags: buffer, hysteresis, regions, combinations, ranks; and what they are for: nothing escapes."""

import math
import warnings

import numpy as np
import pytest

from amr._kernels import sfc
from amr.errors import CaseError, PluginError
from amr.indicators import Decider, Finder, Region, create_indicator
from amr.indicators.columns import combine_near
from amr.indicators.marking import mark, wish
from amr.mesh.balance import balance_flags, is_balanced
from amr.mesh.geometry import Geometry
from amr.mesh.neighbors import offsets
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics import create_physics
from tests.indicator_tools import (
    LocalBlocks,
    OneRank,
    ThreadRank,
    balanced_forest,
    bumpy,
    same,
    sampled,
    unit_geometry,
)
from tests.trees import boxes, images

ROOTS = {1: [5], 2: [3, 2], 3: [2, 2, 1]}
COARSEN = np.array([0.5])


def marked(forest, eta, near=None, **options):
    """Flags of `mark` where leaves with all eta < 0.5 are calm; masks of whole blocks where eta > 1 unless given."""
    eta = np.asarray(eta, dtype=float).reshape(forest.n_leaves, -1)
    if near is None:
        near = np.where(eta.max(axis=1) > 1, 2 ** (3**forest.dim // 2), 0)
    # The wishes of two ranks, combined.
    near, calm, cut = np.asarray(near, np.uint32), (eta < 0.5).all(axis=1), forest.n_leaves // 3
    parts = [slice(0, cut), slice(cut, forest.n_leaves)]
    first, second = (wish(forest, part, near[part], calm[part], **options) for part in parts)
    return mark(forest, first | second).flags


# ---- buffer ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_buffer_by_brute_force(dim, seed):
    """A leaf in the neighbour position that a hot leaf's bit points at ends at the hot leaf's new level at least."""
    rng = np.random.default_rng(seed)
    periodic = [bool(p) for p in rng.integers(0, 2, dim)]
    forest = balanced_forest(dim, seed, ROOTS[dim], periodic)
    centre = 3**dim // 2
    hot = rng.random(forest.n_leaves) < 0.1
    bits = rng.integers(0, 1 << 3**dim, forest.n_leaves) | (1 << centre)
    near = np.where(hot, bits, 0).astype(np.uint32)
    eta = np.where(hot, 2.0, rng.choice([0.1, 0.7], forest.n_leaves))

    raw = np.where(eta < 0.5, -1, 0)
    raw[hot] = 1
    low, high = boxes(forest)
    for b in np.flatnonzero(hot):
        target = min(forest.level[b] + 1, forest.max_level)
        for s, step in enumerate(offsets(dim)):
            if s == centre or not near[b] >> s & 1:
                continue
            size = high[b] - low[b]
            for move in images(forest):
                lo, hi = low[b] + step * size + move, high[b] + step * size + move
                inside = ((low < hi) & (high > lo))[:, :dim].all(axis=1)
                raw[inside & (forest.level < target)] = 1
                raw[inside & (forest.level == target) & (raw < 0)] = 0
    assert (marked(forest, eta, near) == balance_flags(forest, raw.astype(np.int8))).all()


def test_hot_cells_in_the_middle_leave_the_neighbours_alone():
    forest = Forest.uniform(2, [3, 3], False, 2)
    eta = np.where((forest.coords[:, :2] == 1).all(axis=1), 2.0, 0.7)
    assert (marked(forest, eta) == (eta > 1)).all()


def test_a_neighbour_of_a_hot_leaf_does_not_coarsen():
    """Four siblings each: those beside the hot leaf stay, the group behind them goes, all on the last level."""
    forest = Forest.uniform(1, [4], False, 1, level=1)
    eta = np.full(8, 0.1)
    eta[3] = 2.0
    assert marked(forest, eta).tolist() == [-1, -1, 0, 0, 0, 0, -1, -1]


# ---- hysteresis, combinations ----


def test_between_the_thresholds_nothing_happens():
    forest = Forest.uniform(2, [2, 2], False, 3, level=1)
    assert (marked(forest, np.full(16, 0.7)) == 0).all()
    assert (marked(forest, np.full(16, 0.5)) == 0).all()
    assert (marked(forest, np.full(16, 1.0)) == 0).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_siblings_coarsen_together_or_not_at_all(dim):
    forest = Forest.uniform(dim, [2] * dim, False, 3, level=1)
    eta = np.full(forest.n_leaves, 0.1)
    assert (marked(forest, eta) == -1).all()
    eta[1] = 0.7
    assert (marked(forest, eta) == np.where(np.arange(forest.n_leaves) < 2**dim, 0, -1)).all()
    root = Forest.uniform(dim, [2] * dim, False, 3)
    assert (marked(root, np.zeros(root.n_leaves)) == 0).all()


def test_all_indicators_must_be_low_to_coarsen():
    forest = Forest.uniform(1, [1], False, 3, level=1)
    assert (marked(forest, [[0.1, 0.1], [0.2, 0.4]]) == -1).all()
    assert (marked(forest, [[0.1, 0.7], [0.1, 0.1]]) == 0).all()


def test_hot_at_the_last_level_stays():
    forest = Forest.uniform(1, [2], False, 1, level=1)
    assert (marked(forest, [2.0, 0.1, 0.1, 0.1]) == [0, 0, -1, -1]).all()


def test_masks_by_or_and_and():
    near = [np.array([0b011, 0b110, 0], np.uint32), np.array([0b010, 0, 0b010], np.uint32)]
    assert (combine_near(near, "or", 3) == [0b011, 0b110, 0b010]).all()
    assert (combine_near(near, "and", 3) == [0b010, 0, 0]).all()
    assert (combine_near([], "or", 2) == [0, 0]).all()


# ---- regions -----------------------------------------------------------------------------------------------------------------


def settle(forest, **options):
    for _ in range(forest.max_level + 2):
        flags = marked(forest, np.zeros((forest.n_leaves, 1)), geometry=unit_geometry(forest), **options)
        if not flags.any():
            return forest
        forest = forest.adapt(flags)[0]
    raise AssertionError("the mesh does not settle")


def test_region_is_refined_and_nothing_else():
    forest = settle(Forest.uniform(2, [4, 4], False, 3), regions=[Region([1.0, 1.0], [2.0, 3.0], 2)])
    low, high = (
        forest.coords[:, :2] / 2.0 ** forest.level[:, None],
        (forest.coords[:, :2] + 1) / 2.0 ** forest.level[:, None],
    )
    inside = (low >= [1, 1]).all(axis=1) & (high <= [2, 3]).all(axis=1)
    assert (forest.level[inside] == 2).all()
    assert inside.sum() == 2 * 16
    # Around it what 2:1 asks for: one level less in the blocks that touch it.
    assert (forest.level[~inside] <= 1).all()
    assert is_balanced(forest)


def test_region_holds_against_coarsening_and_lets_finer_coarsen():
    forest = Forest.uniform(1, [4], False, 3, level=3)
    forest = settle(forest, regions=[Region([0.3], [0.3], 2)])
    assert forest.leaves_per_level.tolist() == [3, 1, 2, 0]
    inside = (forest.coords[:, 0] / 2.0**forest.level <= 0.3) & ((forest.coords[:, 0] + 1) / 2.0**forest.level >= 0.3)
    assert (forest.level[inside] == 2).all()


def test_rounding_of_block_faces_does_not_widen_a_region():
    """A box of three of ten blocks of width 0.1 (0.1 + 0.2 != 0.3) has those three blocks and no more."""
    forest = Forest.uniform(1, [10], False, 1)
    geometry = Geometry([0.0], [1.0], [10], 8)
    for lower, upper in ((0.3, 0.6), (0.1 + 0.2, 0.6000000000000001), (3 * 0.1, 6 * 0.1)):
        flags = marked(forest, np.zeros(10), geometry=geometry, regions=[Region([lower], [upper], 1)])
        assert np.flatnonzero(flags).tolist() == [3, 4, 5]


def test_flat_region_has_the_blocks_on_both_sides():
    forest = Forest.uniform(2, [4, 4], False, 1)
    flags = marked(forest, np.zeros(16), geometry=unit_geometry(forest), regions=[Region([2.0, 0.5], [2.0, 1.5], 1)])
    assert sorted(map(tuple, forest.coords[flags > 0, :2].tolist())) == [(1, 0), (1, 1), (2, 0), (2, 1)]


def test_regions_must_fit_the_mesh():
    forest = Forest.uniform(2, [2, 2], False, 2)
    physics, layout = create_physics("burgers", 2), Layout(2, 8, 2, 1)
    geometry = unit_geometry(forest)
    regions = [Region([0.0], [1.0], 1), Region([0.0, 1.0], [1.0, 0.0], 3)]
    decider = Decider(Finder(OneRank(), physics, layout, geometry, []), regions=regions)
    with pytest.raises(CaseError) as caught:
        decider.decide(LocalBlocks(forest, geometry), np.zeros((4, *layout.shape)))
    assert str(caught.value).count("\n") == 2


def test_without_indicators_only_regions_are_fine():
    forest = Forest.uniform(1, [4], False, 2, level=1)
    physics, layout, geometry = create_physics("burgers", 1), Layout(1, 8, 2, 1), unit_geometry(forest)
    decider = Decider(Finder(OneRank(), physics, layout, geometry, []), regions=[Region([0.0], [1.0], 1)], patience=1)
    decision = decider.decide(LocalBlocks(forest, geometry), np.zeros((8, *layout.shape)))
    assert decision.flags.tolist() == [0, 0, -1, -1, -1, -1, -1, -1]
    assert decision.eta.shape == (8, 0)
    assert decision.is_change


@pytest.mark.parametrize("coarsen", [0.0, 0.01])
def test_coarsen_zero_means_never(coarsen):
    """Also where there is nothing at all, and without a warning on the way."""
    forest = Forest.uniform(1, [4], False, 2, level=1)
    physics, layout, geometry = create_physics("burgers", 1), Layout(1, 8, 2, 1), unit_geometry(forest)
    indicator = create_indicator("jump", physics, {"coarsen": coarsen})
    decider = Decider(Finder(OneRank(), physics, layout, geometry, [indicator]), patience=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decision = decider.decide(LocalBlocks(forest, geometry), np.ones((8, *layout.shape)))
    assert (decision.flags == (-1 if coarsen else 0)).all()


# ---- ranks, axes ----


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("combine", ["or", "and"])
def test_any_number_of_ranks_decides_the_same(dim, combine):
    forest = balanced_forest(dim, 4, ROOTS[dim], [True] + [False] * (dim - 1))
    physics, layout, geometry = create_physics("burgers", dim), Layout(dim, 8, 2, 1), unit_geometry(forest)
    u = sampled(forest, geometry, layout, bumpy(dim))

    def largest(w, spacing, level):
        return np.abs(w["q"][w.interior]).max(axis=(1, 2, 3)) / w.scale["q"]

    def decide(comm, start, stop):
        indicators = [create_indicator(name, physics) for name in ("jump", "lohner", "second_difference")]
        indicators.append(
            create_indicator("my.py:largest", physics, {"refine": 0.55, "coarsen": 0.2}, function=largest)
        )
        finder = Finder(comm, physics, layout, geometry, indicators, combine, 4)
        decider = Decider(finder, [Region([0.2] * dim, [0.3] * dim, 2)], patience=1)
        return decider.decide(LocalBlocks(forest, geometry, start, stop), u[start:stop])

    serial = decide(OneRank(), 0, forest.n_leaves)
    assert {-1, 0, 1} >= set(serial.flags.tolist()) > {0}
    for cuts in ([0, 7], [0, 1], [0, 0, 3], [0, 2, 2]):  # with ranks without blocks, too
        starts = [*cuts, forest.n_leaves]
        results = ThreadRank.run(len(cuts), lambda comm, s=starts: decide(comm, s[comm.rank], s[comm.rank + 1]))
        assert same(results, serial)


def test_plugin_that_fails_on_one_rank_fails_on_all():
    forest = Forest.uniform(1, [8], False, 1)
    physics, layout, geometry = create_physics("burgers", 1), Layout(1, 8, 2, 1), unit_geometry(forest)
    u = np.zeros((8, *layout.shape))
    u[6] = 1.0

    def picky(w, spacing, level):
        if w["q"].max() > 0:
            raise ValueError("no ones, please")
        return np.zeros(len(level))

    def decide(comm):
        start, stop = comm.rank * 4, comm.rank * 4 + 4
        decider = Decider(
            Finder(comm, physics, layout, geometry, [create_indicator("my.py:picky", physics, function=picky)])
        )
        return decider.decide(LocalBlocks(forest, geometry, start, stop), u[start:stop])

    results = ThreadRank.run(2, decide)
    assert all(isinstance(result, PluginError) for result in results)
    assert len({str(result) for result in results}) == 1
    assert 'indicator "my.py:picky": ValueError: no ones, please (test_marking.py, line' in str(results[0])


@pytest.mark.parametrize("mode", ["offset_invariant", "flash"])
def test_transposed_data_are_marked_transposed(mode):
    forest = balanced_forest(2, 1, [2, 2], False)
    swapped = np.ascontiguousarray(forest.coords[:, [1, 0, 2]])
    order = np.argsort(sfc.encode(2, forest.key_level, forest.level, swapped))
    other = Forest.from_leaves(2, [2, 2], False, 3, forest.level[order], swapped[order])
    physics, layout = create_physics("burgers", 2), Layout(2, 8, 2, 1)
    u = sampled(forest, unit_geometry(forest), layout, lambda x, y: np.tanh((x - 0.3 * y * y - 0.8) / 0.05))
    u_other = np.ascontiguousarray(u.swapaxes(-1, -2)[order])

    def decide(forest, u):
        indicators = [
            create_indicator(name, physics, options)
            for name, options in (("jump", {}), ("lohner", {"mode": mode}), ("second_difference", {}))
        ]
        decider = Decider(Finder(OneRank(), physics, layout, unit_geometry(forest), indicators, buffer=4))
        return decider.decide(LocalBlocks(forest, unit_geometry(forest)), u)

    a, b = decide(forest, u), decide(other, u_other)
    assert (a.flags[order] == b.flags).all()
    assert (a.eta[order] == b.eta).all()
    assert a.flags.any()


# ---- what it is for ----


def escapes(dim, interval, buffer, cfl=0.8, n=16, max_level=2, steps=60):
    """Move a steep front by exact translation; count the steps after which part of it is not on the finest level.

    The part that counts: cells of the finest uniform mesh that the indicator finds hot there.
    """
    physics, layout = create_physics("burgers", dim), Layout(dim, n, 2, 1)
    roots = [4] * dim
    forest = Forest.uniform(dim, roots, True, max_level)
    geometry = Geometry([0.0] * dim, [4.0] * dim, roots, n)
    h = 1.0 / n / 2**max_level
    decider = Decider(Finder(OneRank(), physics, layout, geometry, [create_indicator("jump", physics)], buffer=buffer))

    def state(t):
        def function(*x):  # a top hat with edges of about two of the finest cells, moving along the diagonal, periodic
            r = np.sqrt(sum(((c - 1.3 - t + 2.0) % 4.0 - 2.0) ** 2 for c in x))
            return 0.5 * (1 - np.tanh((r - 0.45) / (2 * h)))

        return function

    finest = Forest.uniform(dim, roots, True, max_level, level=max_level)
    fine_blocks = LocalBlocks(finest, geometry)
    checker = Decider(Finder(OneRank(), physics, layout, geometry, [create_indicator("jump", physics)], buffer=0))

    def is_covered(t):
        hot = checker.decide(fine_blocks, sampled(finest, geometry, layout, state(t))).near != 0
        # Hot cells, not hot blocks, must be covered; a leaf of the finest level is one of these blocks.
        covered = np.zeros(finest.n_leaves, dtype=bool)
        covered[finest.find(max_level, forest.coords[forest.level == max_level])] = True
        return not (hot & ~covered).any()

    def regrid(t, only_refine=False):
        flags = decider.decide(LocalBlocks(forest, geometry), sampled(forest, geometry, layout, state(t))).flags
        return forest.adapt(np.maximum(flags, 0) if only_refine else flags)[0]

    for _ in range(max_level + 1):
        forest = regrid(0.0, only_refine=True)
    assert is_covered(0.0)
    count, t = 0, 0.0
    for step in range(1, steps + 1):
        t += cfl * h / dim  # speed 1 along every axis: dt = cfl h / dim
        count += not is_covered(t)
        if step % interval == 0:
            forest = regrid(t)
    assert forest.n_leaves < finest.n_leaves
    return count


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("interval", [1, 4, 15])
def test_a_moving_feature_never_leaves_the_refined_region(dim, interval):
    buffer = math.ceil(0.8 * interval) + 1
    assert escapes(dim, interval, buffer) == 0


def test_without_buffer_it_does():
    assert escapes(1, 15, 0) > 0
