"""Navier-Stokes with implicit viscous terms: the steps of waves, the results of explicit steps, and what is conserved."""

from __future__ import annotations

from math import exp, log2, pi
from typing import Any

import numpy as np
import pytest

from amr.case import Case
from amr.errors import CaseError
from amr.results import make_report
from amr.simulation import Simulation
from tests.runs import run
from tests.test_navier_stokes import GAS, cells, final, of_state

PETSC = {"scheme": {"integrator": "petsc"}}
STIFF = {"name": "navier_stokes", "viscosity": 30.0, "prandtl": 0.7}


def shear(dim: int, **sections: Any) -> Case:
    """A small wave of velocity across x, on two levels; it decays as exp(-(2 pi)^2 viscosity t)."""
    waves = [1] + [0] * (dim - 1)
    problem = {"mode": "shear", "waves": waves, "viscosity": 1.0, "conductivity": 0.0}
    return of_state(dim, "wave", problem=problem, **{"time": {"end": 0.01}, **sections})


def test_the_step_is_that_of_waves_at_a_diffusion_number_of_a_thousand() -> None:
    time = {"end": 0.2}
    with run(of_state(2, "rough", physics=STIFF, time=time, **PETSC)) as sim:
        report = make_report(sim)
        w = cells(sim)[0]
        rate = 4 / 3 * STIFF["viscosity"] * 2 * 2 * (2 * 8 * 2) ** 2
    with run(of_state(2, "stream", time=time, scheme={"integrator": "ssp_rk2"}, physics={"name": "euler"})) as plain:
        pass
    assert rate * 0.2 / sim.step_number > 1000
    assert sim.step_number < 2 * plain.step_number and report["rejected_steps"] == 0
    assert report["time_step"] == {"limit": "wave speed", "diffusive_share": 0.0}
    assert report["implicit"]["type"] == "arkimex" and report["implicit"]["ksp_iterations"] > sim.step_number
    assert np.ptp(w[1:3], axis=1).max() < 5e-3  # of 0.6: viscosity has brought it to rest


@pytest.mark.parametrize("dim", [2, 3])
def test_a_shear_wave_decays_at_its_rate(dim: int) -> None:
    physics = {"name": "navier_stokes", "viscosity": 1.0, "conductivity": 0.0}
    amplitudes, steps = [], []
    for scheme in ({"integrator": "petsc"}, {"integrator": "ssp_rk3"}):
        with run(shear(dim, physics=physics, scheme=scheme)) as sim:
            w, x = cells(sim)
            amplitudes.append(2 * np.mean(w[2] * np.sin(2 * pi * x[0])) / 1e-5)
            steps.append(sim.step_number)
    assert steps[1] > 3 * steps[0]
    assert amplitudes[0] == pytest.approx(amplitudes[1], rel=1e-3)
    if dim == 2:
        assert abs(amplitudes[0]) == pytest.approx(exp(-4 * pi**2 * 0.01), rel=0.02)


def test_the_order_in_time_is_that_of_the_method() -> None:
    """Of a smooth flow without limiters, by the differences between steps of half the length."""
    states = []
    for n in (4, 8, 16, 32):
        scheme = {"integrator": "petsc", "limiter": "none"}
        case = of_state(2, "rough", is_refined=False, scheme=scheme, time={"end": 0.04, "dt": 0.04 / n})
        states.append(final(case)[0])
    differences = [np.abs(a - b).max() for a, b in zip(states, states[1:], strict=False)]
    assert log2(differences[1] / differences[2]) >= 2.7, differences


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_totals_are_kept_to_the_tolerance_of_the_solver(dim: int) -> None:
    physics = {**GAS, "viscosity": 1.0, "scalars": ["dye"], "schmidt": 0.5}
    time = {"end": 1.0, "max_steps": 4}
    with run(of_state(dim, "dyed", physics=physics, time=time, **PETSC)) as sim:
        found = sim.ledger.report(sim.pool.u, sim.mesh)
        spread = np.ptp(cells(sim)[0][-1])
    assert spread < 0.9  # of 1: the dye has spread
    for name, each in found.items():
        assert abs(each["final"] - each["initial"]) <= 1e-9 * max(each["scale"], 1.0), (name, each)


@pytest.mark.parametrize("axis", [0, 1])
def test_walls_hold_the_gas(axis: int) -> None:
    """Couette's flow, of which explicit steps make the same, and what a source does in a channel."""
    along = 1 - axis
    moving = {"kind": "no_slip", "velocity": [float(a == along) for a in range(2)]}
    case = of_state(
        2,
        "couette",
        is_refined=False,
        mesh={"periodic": [a != axis for a in range(2)]},
        boundaries={"xy"[axis]: ["no_slip", moving], "xy"[along]: ["periodic"] * 2},
        physics={**GAS, "viscosity": 1.0},
        problem={"axis": axis, "along": along},
        time={"end": 0.05},
        **PETSC,
    )
    w, x, t = final(case)
    assert np.abs(w[1 + along] - x[axis]).max() <= 1e-9
    assert np.abs(w[-1] - 1 - 0.4 * 1.0 * t).max() <= 1e-9


def test_a_source_drives_it_to_the_profile_of_poiseuille() -> None:
    viscosity, g = 2.0, 1e-2
    case = of_state(
        2,
        "channel",
        is_refined=False,
        mesh={"periodic": [True, False]},
        physics={"name": "navier_stokes", "viscosity": viscosity, "prandtl": 0.7},
        boundaries={"x": ["periodic"] * 2, "y": ["no_slip"] * 2},
        problem={"axis": 1, "along": 0, "amplitude": 1e-3},
        sources=[{"name": "gravity", "g": [g, 0.0]}],
        time={"end": 1.0},
        **PETSC,
    )
    w, x, _ = final(case)
    exact = g / (2 * viscosity) * x[1] * (1 - x[1])
    assert np.abs(w[1] - exact).max() <= 1.1 * g / (8 * viscosity * 16**2)


def test_a_restart_has_the_same_bits(tmp_path: Any) -> None:
    case = of_state(2, "rough", physics={**GAS, "viscosity": 1.0}, time={"end": 1.0, "max_steps": 6}, **PETSC)
    with Simulation(case) as sim:
        for step in sim.steps():
            if step.number == 3:
                sim.write(tmp_path / "half.h5")
        whole = cells(sim)[0]
    with Simulation(case, restart=tmp_path / "half.h5") as sim:
        for _ in sim.steps():
            pass
        assert np.array_equal(cells(sim)[0], whole)


def test_implicit_types_for_all_are_refused() -> None:
    with pytest.raises(CaseError, match="would solve for the hyperbolic flux"):
        Simulation(of_state(2, "rough", petsc={"options": "-ts_type bdf"}, **PETSC))
