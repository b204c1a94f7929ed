"""Low-pass prolongation: what it keeps, how exact it is, and that it leaves jumps to the limiter."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from amr._kernels.transfer import CONSTANT, LIMITED, LOW_PASS, prolong_boxes

from amr.physics import create_physics
from tests.transfer_tools import Layout


def children(u: np.ndarray, mode: int) -> np.ndarray:
    """Averages (2n, ...) of the children of a scalar field (n + 4, ...) that has two ghosts on every side."""
    dim, n = u.ndim, u.shape[0] - 4
    spec = create_physics("advection", dim, {"velocity": [1.0] * dim}).spec
    coarse, fine = Layout(dim, n, 2, 1), Layout(dim, 2 * n, 2, 1)
    found = np.full((1, *fine.shape), np.nan)
    row = [0] * 8 + [2 * n if a < dim else 1 for a in range(3)] + [0]
    pool = np.ascontiguousarray(u, dtype=float).reshape(1, *coarse.shape)
    assert prolong_boxes(spec, coarse, pool, fine, found, np.array([row], dtype=np.int32), mode) == 0
    return found[(0, 0, *fine.interior)].reshape([2 * n] * dim)


def inside(u: np.ndarray) -> np.ndarray:
    return u[(slice(2, -2),) * u.ndim]


def powers(lower: float, h: float, n: int, degree: int) -> np.ndarray:
    """Averages (degree + 1, n) of 1, x, x^2, ... over n cells from ``lower`` on."""
    edges = lower + h * np.arange(n + 1)
    return np.stack([np.diff(edges ** (p + 1)) / ((p + 1) * h) for p in range(degree + 1)])


def waves(dim: int, n: int, m: int = 0) -> np.ndarray:
    """Averages of a product of waves over n cells an axis of [0, 1), and m more on either side."""
    edges = 2 * np.pi * np.arange(-m, n + m + 1) / n
    u = np.ones(())
    for a in range(dim):
        u = np.multiply.outer(u, -np.diff(np.cos(edges + 0.3 * (a + 1))) * n / (2 * np.pi))
    return u


def step_field(dim: int, rng: np.random.Generator, n: int = 12) -> np.ndarray:
    """0 and 1 on the sides of a sphere of random place and radius."""
    x = np.meshgrid(*[np.arange(n) + 0.5] * dim, indexing="ij")
    centre, radius = rng.uniform(0, n, dim), rng.uniform(1, n)
    return 1.0 * (sum((a - b) ** 2 for a, b in zip(x, centre, strict=True)) < radius**2)


def image(cells_per_wave: int, mode: int) -> float:
    """Greatest amplitude, over phases, that children of a unit wave have at its image beyond the coarse Nyquist limit."""
    n, found = 4 * cells_per_wave, []
    for phase in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        u = np.sin(2 * np.pi * np.arange(-2, n + 2) / cells_per_wave + phase)
        found.append(abs(np.fft.rfft(children(u, mode))[n - 4]) / n)
    return max(found)


@pytest.mark.parametrize("cells_per_wave", [5, 6, 8, 16])
def test_image_of_a_coarse_wave_is_that_of_the_polynomial(cells_per_wave: int) -> None:
    """At every phase: no cell of a resolved wave is left to the limiter. Constant and linear children have far more."""
    theta = 2 * np.pi / cells_per_wave
    slope = (44 * np.sin(theta) - 6 * np.sin(2 * theta)) / 128
    low = image(cells_per_wave, LOW_PASS)
    assert low == pytest.approx(abs(np.sin(theta / 4) - slope * np.cos(theta / 4)), rel=1e-9)
    assert image(cells_per_wave, CONSTANT) == pytest.approx(np.sin(theta / 4))
    assert image(cells_per_wave, LIMITED) > 5 * low
    assert low < {5: 0.025, 6: 0.011, 8: 0.003, 16: 1e-4}[cells_per_wave]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_cubics_are_exact(dim: int) -> None:
    n, h = 8, 0.125
    coarse, fine = powers(0.5 - 2 * h, h, n + 4, 4), powers(0.5, h / 2, 2 * n, 4)
    rng = np.random.default_rng(dim)
    u, truth = np.zeros([n + 4] * dim), np.zeros([2 * n] * dim)
    # All of total degree 3 but x y z, and x^4 along each axis; coefficients > 0 on [0.25, 1.75]: mixed terms of one sign.
    for degrees in product(range(5), repeat=dim):
        if (sum(degrees) <= 3 and degrees != (1, 1, 1)) or sorted(degrees)[-1] == sum(degrees) == 4:
            c, one, two = rng.uniform(0.5, 1.0), np.ones(()), np.ones(())
            for p in degrees:
                one, two = np.multiply.outer(one, coarse[p]), np.multiply.outer(two, fine[p])
            u, truth = u + c * one, truth + c * two
    np.testing.assert_allclose(children(u, LOW_PASS), truth, rtol=1e-13)
    assert np.abs(children(u, LIMITED) - truth).max() > 1e-3


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_order_on_smooth_data(dim: int) -> None:
    """In L1 fifth in 1D, third at least in 2D and 3D: x y z is left out, and mixed terms are limited."""

    def error(n: int, mode: int) -> float:
        return np.abs(children(waves(dim, n, 2), mode) - waves(dim, 2 * n)).mean()

    assert np.log2(error(16, LOW_PASS) / error(32, LOW_PASS)) > {1: 4.9, 2: 3.4, 3: 3.0}[dim]
    assert error(32, LOW_PASS) < 0.05 * error(32, LIMITED)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_children_average_to_their_cell(dim: int) -> None:
    rng = np.random.default_rng(dim)
    for u in (waves(dim, 16, 2), rng.standard_normal([12] * dim), step_field(dim, rng)):
        average = children(u, LOW_PASS)
        for a in range(dim):
            average = 0.5 * (
                average.take(range(0, 2 * len(u) - 8, 2), a) + average.take(range(1, 2 * len(u) - 8, 2), a)
            )
        np.testing.assert_allclose(average, inside(u), rtol=0, atol=1e-15 * np.abs(u).max() * 2**dim)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mirrors_keep_their_bits(dim: int) -> None:
    """Along every axis, and in 2D when x and y are exchanged; on smooth data, noise and where the two meet."""
    rng = np.random.default_rng(dim)
    smooth, noise = waves(dim, 16, 2), rng.standard_normal([20] * dim)
    for u in (smooth, noise, smooth + noise * (rng.random(noise.shape) < 0.03)):
        found = children(u, LOW_PASS)
        assert (found != children(u, LIMITED)).any()
        for a in range(dim):
            assert np.array_equal(np.flip(children(np.flip(u, a), LOW_PASS), a), found)
        if dim == 2:
            assert np.array_equal(children(u.T, LOW_PASS).T, found)


def test_jumps_make_no_new_extrema_in_1d() -> None:
    """Nor do ramps, jumps smeared over a few cells, two jumps in a row, or any monotone data."""
    rng = np.random.default_rng(0)
    x = np.arange(28.0)
    fields = [1.0 * (x >= 14), np.clip((x - 9) / 5, 0, 1), 1.0 * (x >= 13) + 1.0 * (x >= 16), 1.0 * (abs(x - 14) < 2)]
    fields += [np.tanh((x - 14.2) / width) for width in (0.3, 0.7, 1.0, 2.0, 4.0)]
    fields += [np.cumsum(rng.random(28) ** rng.integers(1, 20)) for _ in range(200)]
    for u in fields:
        found, below = children(u, LOW_PASS), np.minimum(np.minimum(u[1:-3], u[2:-2]), u[3:-1])
        above = np.maximum(np.maximum(u[1:-3], u[2:-2]), u[3:-1])
        slack = 1e-14 * np.abs(u).max()
        assert (found >= below.repeat(2) - slack).all() and (found <= above.repeat(2) + slack).all()
        if (np.diff(u) >= 0).all():
            assert (np.diff(found) >= -slack).all()


@pytest.mark.parametrize("dim", [2, 3])
def test_jumps_of_any_shape_are_left_to_the_limiter(dim: int) -> None:
    rng = np.random.default_rng(dim)
    for _ in range(50):
        u = step_field(dim, rng)
        low, limited = children(u, LOW_PASS), children(u, LIMITED)
        assert low.min() >= min(0.0, limited.min()) - 1e-15 and low.max() <= max(1.0, limited.max()) + 1e-15
