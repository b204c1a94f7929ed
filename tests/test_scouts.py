"""What jittered points miss, by formula and by count; what scouts find beside them; probing of functions."""

import numpy as np
import pytest

from amr.guard.nodes import N_JITTER, Lattice
from amr.guard.scouts import miss_probability, probe, scout_width_99
from amr.mesh.geometry import Geometry
from tests.sampling_tools import Trial, one_per_block


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 1.0, 1.3, 1.9, 2.0])
@pytest.mark.parametrize("rounds", [1, 2])
def test_the_miss_probability_in_1d_is_that_of_a_count(ratio, rounds):
    rng = np.random.default_rng(4)
    m = 40000
    at = rng.uniform(2, 3, m)  # the feature's lower end; strata are [i, i + 1]
    hit = np.zeros(m, dtype=bool)
    for _ in range(rounds):
        points = np.arange(6) + rng.random((m, 6))
        hit |= ((points > at[:, None]) & (points < at[:, None] + ratio)).any(axis=1)
    expected = miss_probability(ratio, 1.0, rounds)
    assert 1 - hit.mean() == pytest.approx(expected, abs=0.007)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("width", [0.5, 0.8])
def test_the_miss_probability_in_2d_and_3d_bounds_a_count_with_the_points_in_use(dim, width):
    geometry = Geometry([0.0] * dim, [1.0] * dim, [4] * dim, 8)
    rng = np.random.default_rng(5)
    inner = np.indices((4,) * dim).reshape(dim, -1)[:, None, :]
    inner[0] += 8  # off the planes that the points are mirrored in
    missed = []
    for regrid in range(400):
        points = (inner[..., None] + Lattice(geometry, 1, regrid).jitter(0, inner)).reshape(dim, -1)
        at = rng.uniform(1, 3 - width, (dim, 20, 1))
        at[0] += 8
        missed.append(~((points[:, None] > at) & (points[:, None] < at + width)).all(axis=0).any(axis=1))
    stratum = N_JITTER[dim] ** (-1 / dim)
    assert np.mean(missed) <= miss_probability(width, stratum, dim=dim) + 0.015


@pytest.mark.parametrize("dim, rounds", [(1, 1), (1, 3), (2, 1), (3, 2)])
def test_the_width_of_99_in_100_inverts_the_formula(dim, rounds):
    stratum = 0.25 / {1: 2, 2: 3 ** (1 / 2), 3: 4 ** (1 / 3)}[dim]
    assert miss_probability(scout_width_99(0.25, dim, rounds), stratum, rounds, dim) == pytest.approx(0.01)


def detected(trial):
    """Shares of blocks that jump and Löhner on point samples see, and that the sampling alarms."""
    classical = [trial.indicated(name).mean() for name in ("jump", "lohner")]
    return max(classical), (trial.sample().alarm > 1).mean()


def test_a_top_hat_of_a_tenth_of_a_cell_is_found_as_often_as_the_formula_says():  # b1
    trial = Trial(one_per_block(1, 1000, 1, lambda r: (np.abs(r[0]) < 0.05).astype(float)), 1, 1000)
    classical, guarded = detected(trial)
    # Two of the three Gauss points and the jittered points are apart: 1 - .7 (nodes) * miss of the strata.
    expected = 1 - 0.7 * miss_probability(0.1, 0.5)
    assert guarded == pytest.approx(expected, abs=0.05) and classical < 0.2


def test_a_gaussian_of_a_twentieth_of_a_cell_is_found_in_1d():  # b2
    trial = Trial(one_per_block(1, 500, 2, lambda r: np.exp(-0.5 * (r[0] / 0.05) ** 2)), 1, 500)
    classical, guarded = detected(trial)
    assert guarded >= 0.9 and classical < 0.5


@pytest.mark.parametrize("sigma, most, least", [(0.05, 0.65, 0.9), (0.07, 0.9, 0.95)])
def test_scouts_find_blobs_that_jittered_points_miss_in_2d(sigma, most, least):  # b3
    function = one_per_block(2, 12, 3, lambda r: np.exp(-0.5 * (r**2).sum(axis=0) / sigma**2))
    classical, alone = detected(Trial(function, 2, 12, quadrature=2, with_scouts=False))
    trial = Trial(function, 2, 12, quadrature=2)
    found = trial.sample()
    assert classical < 0.2 and alone < most
    assert (found.alarm > 1).mean() >= least
    assert found.scout_evaluations < 0.1 * trial.averages.size


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_scouts_cost_next_to_nothing_on_smooth_states(dim):
    trial = Trial(lambda x: np.sin(2 * np.pi * x).sum(axis=0), dim, 4 if dim < 3 else 2)
    found = trial.sample()
    assert not (found.alarm > 1).any()
    assert found.scout_evaluations < 0.05 * found.evaluations


@pytest.mark.parametrize("dim", [1, 2])
def test_probing_finds_a_narrow_source_within_some_regrids_and_a_smooth_one_never(dim):
    geometry = Geometry([0.0] * dim, [1.0] * dim, [2] * dim, 16)
    coords = np.indices((2,) * dim).reshape(dim, -1).T
    spot = np.full((dim, 1, 1, 1), 8.05 / 32)  # near a corner of cells, out of sight of their centres
    h = 1 / 32

    def smooth(x):
        return np.sin(2 * np.pi * x[0])[None]

    def narrow(x):
        return smooth(x) + np.exp(-0.5 * ((x - spot) ** 2).sum(axis=0) / (0.05 * dim * h) ** 2)

    alarms = {smooth: [], narrow: []}
    for regrid in range(40):
        lattice = Lattice(geometry, 0, regrid)
        index = lattice.cells_of_blocks(coords)
        t = lattice.jitter(0, index)[..., :1]
        for function, found in alarms.items():
            centre = lattice.points(0, index[..., None], np.full((*index.shape, 1), 0.5))
            values = function(centre)[0, ..., 0].reshape(-1, 1, *(16,) * dim)
            found.append(probe(function(lattice.points(0, index[..., None], t)), values, t, np.ones(1)))
    worst = np.array(alarms[narrow]) > 0.02
    home = int(np.flatnonzero((coords == 0).all(axis=1))[0])
    assert np.max(alarms[smooth]) < 0.02
    assert worst[:, home].any() and not worst[:, home].all()
    assert not np.delete(worst, home, axis=1).any()
