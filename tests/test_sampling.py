"""Initial states that fool a mesh: what jittered samples find, what bisected cells are worth, and what nothing depends on."""

from pathlib import Path

import numpy as np
import pytest

from amr.build import build
from amr.case import load_case
from amr.comm import Comm
from amr.errors import AMRError, PluginError
from amr.guard import random, zoom
from amr.guard.bisect import lagrange_gap, lebesgue
from amr.guard.nodes import N_JITTER, Lattice, gauss_points, mean_of_points
from amr.guard.reconstruct import coefficients, face_gap, reconstruct_at, terms
from amr.mesh.geometry import Geometry
from amr.problems.base import radius
from amr.scheme.groups import Groups
from amr.scheme.local_mesh import LocalMesh
from tests.indicator_tools import ThreadRank
from tests.sampling_tools import Trial, wave

CASES = Path(__file__).resolve().parents[1] / "cases"
CLASSICAL = [("jump", {}), ("lohner", {}), ("lohner", {"mode": "flash"})]


# ---- random numbers and nodes ---------------------------------------------------------------------------------------------


def test_random_numbers_are_uniform_and_independent_of_each_other():
    state = random.combine(3, np.arange(20000), 7)
    first, second = random.uniform(state, 2)
    next_cell = np.roll(first, 1)
    for numbers in (first, second):
        assert numbers.min() > 0 and numbers.max() < 1
        assert np.histogram(numbers, 20, (0, 1))[0] == pytest.approx(1000, abs=5 * 1000**0.5)
    for a, b in ((first, second), (first, next_cell), (second, next_cell)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / 20000**0.5
    assert len(np.unique(random.combine(*np.mgrid[0:20, 0:20, 0:20]))) == 8000
    assert np.array_equal(random.combine(3, np.arange(20000)[::-1], 7), state[::-1])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_jitter_has_a_point_in_each_stratum_and_depends_on_level_seed_and_regrid(dim):
    geometry = Geometry([0.0] * dim, [1.0] * dim, [2] * dim, 8)
    index = Lattice(geometry, 0).cells_of_blocks(np.indices((2,) * dim).reshape(dim, -1).T)
    t = Lattice(geometry, 0).jitter(np.zeros((index.shape[1], 1), dtype=int), index)
    m = N_JITTER[dim]
    assert t.shape == (*index.shape, m)
    assert np.array_equal(np.sort(np.floor(t * m), axis=-1), np.broadcast_to(np.arange(m), t.shape))
    others = [
        Lattice(geometry, 1).jitter(0, index),
        Lattice(geometry, 0, 1).jitter(0, index),
        Lattice(geometry, 0).jitter(1, index),
    ]
    assert all((other != t).mean() > 0.99 for other in others)


def test_jitter_follows_the_mirrors_and_the_diagonal_of_the_domain():
    lattice = Lattice(Geometry([-1.0, -1.0], [1.0, 1.0], [2, 2], 8), 5)
    index = np.stack(np.meshgrid(np.arange(16), np.arange(16), indexing="ij"))
    t = lattice.jitter(0, index)
    points = np.sort((index[..., None] + t - 8.0)[0] + 1000 * np.round((index[..., None] + t - 8.0)[1], 9), axis=-1)
    x, y = index[0][..., None] + t[0] - 8, index[1][..., None] + t[1] - 8
    assert np.allclose(x[::-1], -x) and np.allclose(y[::-1], y)
    swapped = np.sort(np.swapaxes(y, 0, 1) + 1000 * np.round(np.swapaxes(x, 0, 1), 9), axis=-1)
    assert np.allclose(points, swapped)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_reconstruction_meets_quadratics_up_to_the_rim_of_a_block(dim):
    rng = np.random.default_rng(1)
    n = 8
    weight = rng.standard_normal(len(terms(np.zeros((dim, 1)))))
    node, weights = gauss_points(dim, 3)
    cells = np.indices((n,) * dim).reshape(dim, -1)[::-1]
    values = np.tensordot(weight, terms((cells[:, :, None] + node[:, None, :]) / n), 1)
    averages = mean_of_points(values, weights).reshape(1, *(n,) * dim)
    c = coefficients(averages, dim)
    assert np.allclose(np.einsum("tc,tp->cp", c[0], terms(node - 0.5)), values)
    assert face_gap(c, dim, n) == pytest.approx(0, abs=1e-12)
    x = rng.uniform(0, n, (dim, 50))
    found = reconstruct_at(averages[:, None], np.zeros(50, dtype=int), x)
    assert np.allclose(found[0], np.tensordot(weight, terms(x / n), 1))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_gap_of_a_cell_is_0_for_polynomials_and_bounded_by_the_lebesgue_constant(dim):
    rng = np.random.default_rng(2)
    node, t = gauss_points(dim, 3)[0], rng.random((dim, 200, 4))
    power = rng.integers(0, 3, (dim, 1))
    gauss = np.broadcast_to((node**power).prod(axis=0), (200, 3**dim))
    assert lagrange_gap(gauss, (t ** power[:, :, None]).prod(axis=0), t, 3) == pytest.approx(0, abs=1e-12)
    wild = rng.uniform(-1, 1, gauss.shape)
    assert lagrange_gap(wild, np.zeros(t.shape[1:]), t, 3).max() <= lebesgue(3) ** dim


# ---- states that fool a mesh ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [0.4, 1.9, 4.0])
def test_a_wave_of_the_sampling_rate_is_constant_on_the_mesh_and_found(phase):  # a1
    trial = Trial(wave(64, phase), 1, 4)
    assert not any(trial.indicated(name, **options).any() for name, options in CLASSICAL)
    assert trial.sample().refine.all()
    assert trial.refine() == 1024  # 16 cells per wave


def test_a_wave_above_nyquist_looks_like_a_long_one_and_is_found():  # a2
    x = (np.arange(64) + 0.5) / 64
    trial = Trial(wave(60), 1, 4)
    alias = Trial(wave(4), 1, 4)
    # What an indicator sees is the long wave, whatever it thinks of it.
    seen = trial.function(x[None]), alias.function(x[None])
    assert np.allclose(seen[0], seen[1]) or np.allclose(seen[0], -seen[1])
    for name, options in CLASSICAL:
        assert np.array_equal(trial.indicated(name, **options), alias.indicated(name, **options))
    assert not alias.sample().refine.any() and trial.sample().refine.all()
    assert trial.refine() == 1024


def test_a_wave_with_zero_samples_and_zero_averages_is_found():  # a3
    trial = Trial(lambda x: 2 + np.sin(2 * np.pi * 32 * x[0] + np.pi / 2), 1, 4)
    assert not any(trial.indicated(name, **options).any() for name, options in CLASSICAL)
    assert trial.sample().refine.all() and np.ptp(trial.averages) < 0.01
    assert trial.refine() == 512


@pytest.mark.parametrize("dim, quadrature", [(1, 3), (2, 2)])
def test_jittered_points_find_what_no_gauss_point_sees(dim, quadrature):  # a4
    polynomial = np.polynomial.legendre.Legendre.basis(quadrature)
    trial = Trial(
        lambda x: polynomial(2 * np.mod(64 * x, 1.0) - 1).prod(axis=0), dim, 4, quadrature=quadrature, max_level=0
    )
    node = gauss_points(dim, quadrature)[0]
    assert np.abs(trial.function(node / 64)).max() < 1e-12
    assert not any(trial.indicated(name, **options).any() for name, options in CLASSICAL)
    assert (trial.sample().alarm > 1).all()


@pytest.mark.parametrize("direction", [(1, 0), (1, 1)])
def test_waves_of_the_sampling_rate_in_2d_are_constant_on_the_mesh_and_found(direction):
    trial = Trial(lambda x: np.sin(2 * np.pi * 64 * (direction[0] * x[0] + direction[1] * x[1]) + 0.7), 2, 4)
    assert not any(trial.indicated(name, **options).any() for name, options in CLASSICAL)
    assert trial.sample().refine.all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_smooth_states_raise_no_alarm(dim):
    trial = Trial(lambda x: np.sin(2 * np.pi * x).prod(axis=0), dim, 4 if dim < 3 else 2)
    found = trial.sample()
    assert not found.refine.any() and found.bisected == 0
    assert (found.wanted_level == -1).all()


def test_constants_and_round_off_raise_no_alarm():
    assert Trial(lambda x: np.full(x.shape[1], 0.1), 2, 4).sample().alarm.max() == 0
    assert Trial(lambda x: 1 + 1e-14 * np.sin(1e4 * x[0]), 1, 4).sample().alarm.max() < 1


# ---- cost, averages, bisection --------------------------------------------------------------------------------------------


def averages_of(name):
    """Averages of a case's initial state by fill and by sample, what was sampled, and the mesh."""
    parts = build(load_case(CASES / f"{name}.toml"), Comm.self_())
    starts = np.array([0, parts.forest.n_leaves])
    mesh = LocalMesh(
        parts.forest,
        starts,
        parts.geometry,
        parts.comm,
        parts.layout,
        parts.physics,
        parts.boundary,
        Groups.one(parts.forest),
    )
    parts.pool.resize(mesh.n_block)
    inner = (slice(None), slice(None), *parts.layout.interior)
    parts.initial.fill(parts.pool.u, mesh)
    filled = parts.pool.u[inner].copy()
    found = parts.initial.sample(parts.pool.u, mesh)
    mesh.free()
    return filled, parts.pool.u[inner], found, mesh.n_block * parts.layout.cells


@pytest.mark.parametrize(
    "name, points", [("vortex", 13), ("kelvin_helmholtz", 13), ("acoustic_pulse", 13), ("blast_3d", 13)]
)
def test_averages_are_those_of_the_gauss_points_to_the_last_bit_where_nothing_is_bisected(name, points):
    filled, sampled, found, n_cell = averages_of(name)
    changed = (filled != sampled).any(axis=1)
    assert changed.sum() <= found.bisected
    if name in ("vortex", "kelvin_helmholtz"):
        assert found.bisected == 0
    probes = found.scout_evaluations + 200 * len(found.alarm)
    assert found.evaluations - probes <= points * n_cell  # Gauss and jittered points, and once the centres


def test_bisected_cells_come_closer_to_the_area_of_a_disc():
    def disc(x):
        return ((x - 0.5) ** 2).sum(axis=0) < 0.3**2

    trial = Trial(lambda x: disc(x).astype(float), 2, 4, max_level=0)
    found = trial.sample()
    fine = (np.arange(32) + 0.5) / 32
    exact = np.empty_like(trial.averages)
    plain = np.empty_like(trial.averages)
    node, weight = gauss_points(2, 3)
    dense = np.stack(np.meshgrid(fine, fine)).reshape(2, -1)
    for block, coords in enumerate(trial.forest.coords):
        cells = trial.sampler.lattice.cells_of_blocks(coords[None])[:, 0]
        exact[block] = disc((cells[:, :, None] + dense[:, None]) / 64).mean(axis=-1).reshape(16, 16)
        plain[block] = (disc((cells[:, :, None] + node[:, None]) / 64) @ weight).reshape(16, 16)
    is_cut = (exact > 0) & (exact < 1)
    assert is_cut.sum() * 0.5 < found.bisected <= is_cut.sum()
    error = np.abs(trial.averages - exact)[is_cut]
    assert error.mean() < 0.3 * np.abs(plain - exact)[is_cut].mean()
    assert np.array_equal(trial.averages[~is_cut], plain[~is_cut])


def test_a_symmetric_state_has_symmetric_alarms_and_averages():
    geometry = Geometry([-1.0, -1.0], [1.0, 1.0], [4, 4], 16)
    trial = Trial(lambda x: (radius(x) < 0.61).astype(float), 2, 4, max_level=0)
    trial.geometry = geometry
    trial.sampler.geometry, trial.sampler.lattice = geometry, Lattice(geometry, 0)
    found = trial.sample()
    assert found.bisected > 20
    order = np.lexsort(trial.forest.coords[:, :2].T)
    whole = trial.averages[order].reshape(4, 4, 16, 16).transpose(0, 2, 1, 3).reshape(64, 64)
    alarm = (found.alarm > 1)[order].reshape(4, 4)
    for turned, alarmed in ((whole.T, alarm.T), (whole[::-1], alarm[::-1]), (whole[:, ::-1], alarm[:, ::-1])):
        assert np.array_equal(whole, turned) and np.array_equal(alarm, alarmed)


# ---- ranks, errors --------------------------------------------------------------------------------------------------------


def blobs(x):
    """A smooth state with a narrow blob, a jump and noise-free rest."""
    spike = np.exp(-0.5 * ((x[0] - 0.31) ** 2 + (x[1] - 0.72) ** 2) / 0.001**2)
    return np.sin(2 * np.pi * x[0]) + spike + 0.3 * (x[0] + x[1] > 1.503)


def test_alarms_do_not_depend_on_ranks():
    whole = Trial(blobs, 2, 4)
    alone = whole.sample()
    assert 0 < alone.refine.sum() < 16
    for size in (2, 3):
        cut = np.linspace(0, 16, size + 1).astype(int)

        def one(comm, cut=cut):
            trial = Trial(blobs, 2, 4, comm=comm)
            return trial.sample(slice(cut[comm.rank], cut[comm.rank + 1])), trial.averages

        parts = ThreadRank.run(size, one)
        assert np.array_equal(np.concatenate([found.alarm for found, _ in parts]), alone.alarm)
        assert np.array_equal(np.concatenate([found.wanted_level for found, _ in parts]), alone.wanted_level)
        assert np.array_equal(np.concatenate([averages for _, averages in parts]), whole.averages)
        assert all(found.evaluations == alone.evaluations for found, _ in parts)


def test_a_function_that_fails_on_one_rank_fails_on_all():
    def broken(x):
        if (x[1] > 0.9).any():
            raise PluginError("broken")
        return x[0]

    def one(comm):
        trial = Trial(broken, 2, 4, comm=comm)
        return trial.sample(slice(8 * comm.rank, 8 * comm.rank + 8))

    assert all(isinstance(error, AMRError) and "broken" in str(error) for error in ThreadRank.run(2, one))


# ---- zoom -----------------------------------------------------------------------------------------------------------------


def noisy(x):
    """10 % noise on a smooth wave: another value at every point."""
    bits = np.ascontiguousarray(x).view(np.uint64)
    return np.sin(2 * np.pi * x[0]) + 0.2 * random.uniform_pair(random.combine(*bits), 0)[0]


@pytest.mark.parametrize("dim", [1, 2])
def test_zoom_leaves_noise_alone(dim):
    found = Trial(noisy, dim, 4).sample()
    assert (found.alarm > 1).all() and found.noise.all() and not found.refine.any()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_zoom_knows_a_jump(dim):
    found = Trial(lambda x: (x.sum(axis=0) > 0.63).astype(float), dim, 4 if dim < 3 else 2).sample()
    alarmed = found.alarm > 1
    assert alarmed.any() and found.discontinuous[alarmed].all() and not found.noise.any()


@pytest.mark.parametrize("k, level", [(32, 3), (64, 4), (128, 5), (256, 6)])
def test_zoom_says_which_level_resolves_a_wave(k, level):
    found = Trial(wave(k, 0.3), 1, 4).sample()
    assert (found.alarm > 1).all() and not found.noise.any()
    assert np.abs(found.wanted_level - level).max() <= 1


def test_zoom_stays_in_the_domain_and_in_its_budget():
    seen = []

    def watched(x):
        seen.append(x)
        return (x[0] > 0.999) + (x[1] < 0.001) * 1.0

    trial = Trial(watched, 2, 1)
    zoom.look(trial.sampler, np.ones(1), np.zeros(1, int), np.zeros((1, 3), int), np.array([[15.99], [0.01]]))
    x = np.concatenate(seen, axis=1)
    assert x.min() >= 0 and x.max() <= 1 and 0 < x.shape[1] <= zoom.MOST_EVALUATIONS
