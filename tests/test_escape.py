"""Energy landscapes, their stationary points, and escape times against Kramers."""

from __future__ import annotations

import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import PluginError, SolveError
from amr.implicit.escape import escape_time, passage_time, relaxation_rate
from amr.implicit.fokker_planck import FokkerPlanckOperator
from amr.physics.kramers import Topography, survey
from amr.physics.landscapes import DoubleWell, MullerBrown, Wells, checked_energy
from tests.elliptic_tools import local_mesh, refined_forest


def box(dim: int, half: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full(dim, -half), np.full(dim, half)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_double_well_has_two_wells_and_a_saddle(dim):
    found = survey(DoubleWell(barrier=2.0, half_width=0.8, stiffness=3.0).energy, *box(dim, 1.7))
    assert np.allclose([well.place[0] for well in found.wells], [-0.8, 0.8], atol=1e-9)
    (saddle,) = found.saddles
    assert saddle.wells == (0, 1) and np.allclose(saddle.place, 0.0, atol=1e-9)
    walls = [3.0] * (dim - 1)
    assert np.allclose(found.wells[0].hessian, np.diag([16 / 0.8**2, *walls]), rtol=1e-6, atol=1e-6)
    assert np.allclose(saddle.hessian, np.diag([-8 / 0.8**2, *walls]), rtol=1e-6, atol=1e-6)
    # Kramers in one dimension: sqrt(E''(well) |E''(saddle)|) / 2 pi exp(-dE / T); the walls cancel.
    expected = np.sqrt(16 * 8) / 0.8**2 / (2 * np.pi) * np.exp(-2.0 / 0.2)
    assert found.escape_rate(0, 0.2) == pytest.approx(expected, rel=1e-6)


def test_the_surface_of_muller_and_brown_has_its_published_points():
    found = survey(MullerBrown().energy, np.array([-1.7, -0.4]), np.array([1.2, 2.1]))
    assert np.allclose(
        [well.place for well in found.wells], [[-0.558, 1.442], [0.623, 0.028], [-0.050, 0.467]], atol=6e-4
    )
    assert np.allclose([well.energy for well in found.wells], [-146.700, -108.167, -80.768], atol=6e-4)
    assert np.allclose([each.place for each in found.saddles], [[0.212, 0.293], [-0.822, 0.624]], atol=6e-4)
    assert np.allclose([each.energy for each in found.saddles], [-72.249, -40.665], atol=6e-4)
    assert [each.wells for each in found.saddles] == [(1, 2), (0, 2)]


def test_three_equal_wells_are_left_over_two_saddles():
    places = [[np.cos(a), np.sin(a)] for a in np.deg2rad([0.0, 120.0, 240.0])]
    table = Wells.model_validate(
        {"wells": [{"center": each, "depth": 3.0, "width": 0.5} for each in places], "stiffness": 0.3}
    )
    found = survey(table.energy, *box(2, 2.5))
    assert len(found.wells) == 3 and sorted(each.wells for each in found.saddles) == [(0, 1), (0, 2), (1, 2)]
    one = Topography(found.wells, found.saddles[:1])
    well = found.saddles[0].wells[0]
    assert found.escape_rate(well, 0.3) == pytest.approx(2 * one.escape_rate(well, 0.3), rel=1e-6)


def double_well(temperature: float, roots: int = 8) -> tuple[FokkerPlanckOperator, Topography, list[np.ndarray]]:
    """On two levels that meet inside the wells' walls: domain 4 x 4, wells at 1 and 3."""
    mesh = local_mesh(refined_forest(2, roots, (False,) * 3, [([0.125] * 3, [0.875] * 3)]), length=(4.0, 4.0))
    x = mesh.cell_centers() - 2.0
    energy = DoubleWell(stiffness=4.0).energy
    psi = energy(x.reshape(2, -1)).reshape(x.shape[1:]) / temperature
    found = survey(energy, *box(2, 2.0))
    operator = FokkerPlanckOperator(mesh, Comm.self_(), psi, temperature)
    return operator, found, [well.is_near(x, temperature) for well in found.wells]


def test_escape_times_approach_kramers_as_the_temperature_falls():
    ratios = []
    for temperature in (0.3, 0.2, 0.1, 0.05):
        operator, found, wells = double_well(temperature)
        time, info = escape_time(operator, wells, 0)
        ratios.append(time * found.escape_rate(0, temperature))
        assert info.iterations < 100
    # The first correction is proportional to the temperature.
    distance = np.array(ratios) - 1.0
    assert (distance > 0).all() and (np.diff(distance) < 0).all() and distance[-1] < 0.02
    assert distance[2] / distance[3] == pytest.approx(2.0, abs=1.1)


def test_passage_times_are_those_of_a_quadrature_in_one_dimension():
    """tau(x) = 1/T int_x^b exp(psi(y)) int_a^y exp(-psi(z)) dz dy, to second order."""
    errors, temperature = [], 0.4
    for roots in (8, 16):
        mesh = local_mesh(refined_forest(1, roots, (False,) * 3, [([0.25] * 3, [0.75] * 3)]), length=(4.0,))
        x = mesh.cell_centers()[0]
        psi = DoubleWell().energy(x.reshape(1, -1) - 2.0).reshape(x.shape) / temperature
        operator = FokkerPlanckOperator(mesh, Comm.self_(), psi, temperature)
        target = x > 3.0
        tau, _ = passage_time(operator, target)
        y = np.linspace(0.0, 4.0, 200_001)
        e = DoubleWell().energy(y[None] - 2.0) / temperature
        h = y[1] - y[0]
        inner = np.concatenate([[0.0], np.cumsum(0.5 * (np.exp(-e[1:]) + np.exp(-e[:-1])) * h)])
        slope = np.exp(e) * inner / temperature
        outer = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * h)])
        first = x[target].min()  # tau is 0 at the first centre inside
        exact = np.interp(first, y, outer) - np.interp(x[~target], y, outer)
        errors.append(np.abs(tau[~target] - exact).max() / exact.max())
    assert errors[1] < 2e-3 and np.log2(errors[0] / errors[1]) > 1.9


@pytest.mark.parametrize("temperature", [0.3, 0.2])
def test_the_slowest_relaxation_is_the_exchange_of_the_wells(temperature):
    """Twice the rate of escape, where that is rare."""
    operator, _, wells = double_well(temperature)
    time, _ = escape_time(operator, wells, 0, prefix="escape_")
    rate = relaxation_rate(operator, wells[0].astype(float), prefix="relaxation_")
    assert rate * time == pytest.approx(2.0, rel=0.05)


def test_a_target_without_cells_is_refused():
    operator, _, _ = double_well(0.3, 2)
    with pytest.raises(SolveError, match="no cell"):
        passage_time(operator, np.zeros(operator.shape, dtype=bool))


def test_a_users_energy_that_fails_is_told():
    assert np.array_equal(checked_energy(lambda x: 2.0, "e")(np.zeros((2, 3))), [2.0, 2.0, 2.0])
    for function, text in (
        (lambda x: x[0] / 0.0, "gave"),
        (lambda x: np.zeros(5), "landscape e: ValueError"),
        (lambda x: x[7], "landscape e: IndexError"),
    ):
        with np.errstate(all="ignore"), pytest.raises(PluginError, match=text):
            checked_energy(function, "e")(np.ones((2, 3)))
