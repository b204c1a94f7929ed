"""Failure modes in more dimensions and between levels: waves that a mesh cannot see, a ghost gradient at a coarse-fine interface,
and convergence where nothing is resolved yet. docs/guards.md has the table of all failure modes and their tests."""

import numpy as np
import pytest

from amr.indicators import create_indicator
from amr.mesh.balance import balance_flags
from amr.mesh.tree import Forest
from amr.physics import create_physics
from tests.indicator_tools import evaluate, layout_of
from tests.sampling_tools import Trial, one_per_block, wave
from tests.transfer_tools import cell_centers, geometry_of, make_fill, pool_from_interior

# ---- a, b: sampling ----------------------------------------------------------------------------------------------------------

WAVES = {"a1": (64, 0.4, 0.0), "a2": (60, 0.0, 0.0), "a3": (32, np.pi / 2, 2.0)}


@pytest.mark.parametrize("mode", WAVES)
@pytest.mark.parametrize("dim", [2, 3])
def test_waves_that_64_cells_cannot_see_are_found_along_every_axis(dim, mode):
    k, phase, offset = WAVES[mode]
    for axis in range(dim):
        trial = Trial(
            lambda x, a=axis: offset + wave(k, phase, a)(x), dim, 4 if dim == 2 else 2, n=16 if dim == 2 else 32
        )
        if mode != "a2":  # that one looks like four smooth periods, which indicators refine or not
            assert not any(trial.indicated(name).any() for name in ("jump", "lohner"))
        assert trial.sample().refine.all()


def test_a2_indicators_see_the_long_wave_in_2d():
    seen = [
        [Trial(wave(k, axis=1), 2, 4).indicated(name) for name in ("jump", "lohner", "multiresolution")]
        for k in (60, 4)
    ]
    assert np.array_equal(*seen)


def test_b3_scouts_find_blobs_that_jittered_points_miss_in_3d():
    function = one_per_block(3, 3, 6, lambda r: np.exp(-0.5 * (r**2).sum(axis=0) / 0.06**2))
    assert (Trial(function, 3, 3, with_scouts=False).sample().alarm > 1).mean() < 0.5
    assert (Trial(function, 3, 3).sample().alarm > 1).mean() >= 0.8


# ---- e: a static interface in a smooth wave ----------------------------------------------------------------------------------


def half_refined(dim):
    """Four blocks of 16 cells along each axis, refined where x is upper; periodic."""
    forest = Forest.uniform(dim, [4] * dim, [True] * dim, 1)
    flags = (forest.coords[:, 0] >= 2).astype(np.int8)
    return forest.adapt(balance_flags(forest, flags))[0]


def smooth_wave(forest, physics, dim):
    """Cell averages of one wave of 64 coarse cells along each axis; all ghosts filled."""
    fill, layout = make_fill(forest, physics, 16, 2, "outflow")
    geometry = geometry_of(forest, 16)
    h = geometry.spacing(forest.level)
    u, k = np.ones((forest.n_leaves, *layout.shape[1:])), 0.25
    x = cell_centers(forest, np.arange(forest.n_leaves), layout, geometry)
    for a in range(dim):
        # The average of a wave over a cell is its value in the middle times sinc.
        u *= np.sin(2 * np.pi * k * x[a] + 0.4) * np.sinc(k * h[:, a])[:, None, None, None]
    pool = pool_from_interior(u[:, None], layout)
    fill.fill(pool, 0.0)
    return pool, layout


def injected(pool, forest, layout):
    """The same with ghosts of fine blocks at the interface as injection has them: constant over each coarse cell."""
    pool = pool.copy()
    for block in np.flatnonzero(forest.level == 1):
        for first, at in ((True, 4), (False, 7)):
            if forest.coords[block, 0] == at:
                u = pool[block, 0]
                strip = u[..., :2] if first else u[..., -2:]
                coarse = strip.copy()
                for axis in range(3):
                    if coarse.shape[axis] > 1:
                        pairs = np.moveaxis(coarse, axis, 0)
                        pairs[:] = np.repeat(0.5 * (pairs[::2] + pairs[1::2]), 2, axis=0)
                strip[:] = coarse
    return pool


@pytest.mark.parametrize("name", ["multiresolution", "second_difference", "lohner"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_e_an_interface_makes_no_detail_and_with_injection_it_would(dim, name):
    physics = create_physics("advection", dim, {"velocity": [1.0] * dim})
    indicator = create_indicator(name, physics, {})
    forest = half_refined(dim)
    pool, layout = smooth_wave(forest, physics, dim)
    detail = evaluate(indicator, physics, layout, pool)[0]
    at_interface = (forest.level == 1) & np.isin(forest.coords[:, 0], (4, 7))
    coarse = detail[forest.level == 0].max()
    assert detail[at_interface].max() <= coarse
    ghost = evaluate(indicator, physics, layout, injected(pool, forest, layout))[0]
    assert ghost[at_interface].max() > 1.5 * coarse
    assert np.array_equal(ghost[~at_interface], detail[~at_interface])


# ---- g: differences from level to level --------------------------------------------------------------------------------------

N = 80  # cells of level 0, so that 4.3 waves a cell are a whole number of them


def differences(function, level, name, averages=True):
    """Largest difference that an indicator sees on a uniform level, of sampled averages or of the values at the centres."""
    trial = Trial(function, 1, 5 << level, max_level=0)
    trial.sample()
    x = (np.arange(N << level) + 0.5) / (N << level)
    values = trial.averages.reshape(-1) if averages else function(x[None])
    physics, layout = create_physics("advection", 1, {"velocity": [1.0]}), layout_of(1, 16)
    cells = np.arange(0, N << level, 16)[:, None] + np.arange(-2, 18)
    u = np.ascontiguousarray(values[cells % len(values)]).reshape(-1, 1, 1, 1, 20)
    return evaluate(create_indicator(name, physics, {}), physics, layout, u)[0].max() * np.ptp(values)


def test_g_a_wave_of_many_periods_a_cell_converges_before_it_is_seen():
    """Of 4.3 periods a cell: by point samples three levels of first-order convergence, all of them false."""
    kappa = 4.3 / 2.0 ** np.arange(8)
    averages, points = (
        np.array([differences(wave(344), level, "jump", kind) for level in range(8)]) for kind in (True, False)
    )
    assert averages == pytest.approx(2 * np.abs(np.sinc(kappa) * np.sin(np.pi * kappa)), rel=0.03)
    assert points == pytest.approx(2 * np.abs(np.sin(np.pi * kappa)), rel=1e-6)
    assert averages == pytest.approx([0.0969, 0.061, 0.0323, 1.17, 1.32, 0.795, 0.416, 0.21], rel=0.03)
    assert points == pytest.approx([1.62, 0.908, 0.467, 1.99, 1.50, 0.819, 0.419, 0.211], rel=0.01)
    false = points[:2] / points[1:3]
    assert (false > 1.7).all() and (false < 2.1).all() and points[3] > 4 * points[2]
    # The sampling is not fooled on any of these levels, nor while the wave has less than 8 cells.
    for level in range(6):
        assert Trial(wave(344), 1, 5 << level).sample().refine.all()
    assert not Trial(wave(344), 1, 5 << 7).sample().refine.any()


def test_g_a_jump_stays_and_a_smooth_wave_converges():
    step = [differences(lambda x: (np.abs(x[0] - 0.5) < 0.2003).astype(float), level, "jump") for level in range(6)]
    assert min(step) >= 0.5 and max(step) <= 1.0
    for name, order in (("jump", 1), ("second_difference", 2)):
        found = np.array([differences(wave(2), level, name) for level in range(5)])
        assert found[:-1] / found[1:] == pytest.approx(2.0**order, rel=0.01)
