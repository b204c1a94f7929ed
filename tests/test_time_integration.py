"""``integrator = "petsc"``: orders in time, the split of stiff parts, conservation, boundaries, reactions, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amr.errors import CaseError, SolveError
from amr.results import error_norm, make_report
from amr.simulation import Simulation
from tests.runs import cells_of, made, run

D = 0.05
N = 32  # cells


def diffusion_rate(theta: float, h: float) -> complex:
    """Symbol of the discrete diffusion for a wave with the phase theta per cell."""
    return D * (2 - 2 * np.cos(theta)) / h**2


def advection_rate(theta: float, h: float) -> complex:
    """The same of advection with speed 1 by piecewise linear states with central slopes, and diffusion."""
    shift = np.exp(1j * theta)
    return (1 - 1 / shift) * (1 + (shift - 1 / shift) / 4) / h + diffusion_rate(theta, h)


def error_in_time(options: str, dt: float, physics: dict[str, Any], symbol: Any, end: float = 0.1) -> float:
    """Largest error of a sine wave against the exact solution of the equations discretised in space alone."""
    case = made(
        1,
        4,
        physics=physics,
        problem={"name": "sine", "quadrature": 8},
        scheme={"integrator": "petsc", "limiter": "none", "cfl": 1.0},
        petsc={"options": f"{options} -ksp_rtol 1e-13"},
        time={"end": end, "dt": dt},
    )
    with run(case) as sim:
        h = 1 / N
        theta = 2 * np.pi * h
        x = sim.mesh.cell_centers().ravel()
        exact = np.imag(np.sin(theta / 2) / (theta / 2) * np.exp(2j * np.pi * x - symbol(theta, h) * end))
        return float(np.abs(cells_of(sim) - exact).max())


# What is offered: type and options, steps, order. Third-order BDF starts with lower orders.
DIFFUSION = [
    ("-ts_type euler", (0.005, 0.0025), 1),
    ("-ts_type ssp", (0.01, 0.005), 2),
    ("-ts_type rk", (0.005, 0.0025), 3),
    ("-ts_type theta", (0.05, 0.025), 2),
    ("-ts_type cn", (0.05, 0.025), 2),
    ("-ts_type beuler", (0.025, 0.0125), 1),
    ("-ts_type bdf", (0.01, 0.005), 2),
    ("-ts_type arkimex", (0.05, 0.025), 3),
    ("-ts_type arkimex -ts_arkimex_type 4", (0.05, 0.025), 4),
    ("-ts_type rosw", (0.05, 0.025), 3),
    ("-ts_type rosw -ts_rosw_type 4l", (0.05, 0.025), 4),
]
ADVECTION = [
    ("-ts_type ssp", (0.01, 0.005), 2),
    ("-ts_type rk", (0.01, 0.005), 3),
    ("-ts_type arkimex", (0.02, 0.01), 3),
    ("-ts_type arkimex -ts_arkimex_type 4", (0.02, 0.01), 4),
]


@pytest.mark.parametrize(("options", "steps", "order"), DIFFUSION)
def test_order_of_each_type_for_diffusion(options: str, steps: tuple[float, float], order: int) -> None:
    errors = [error_in_time(options, dt, {"name": "diffusion", "diffusivity": D}, diffusion_rate) for dt in steps]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.12), errors


@pytest.mark.parametrize(("options", "steps", "order"), ADVECTION)
def test_order_of_each_type_for_advection_with_diffusion(options: str, steps: tuple[float, float], order: int) -> None:
    physics = {"name": "advection_diffusion", "velocity": [1.0], "diffusivity": D}
    errors = [error_in_time(options, dt, physics, advection_rate) for dt in steps]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.12), errors


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_second_order_in_space_with_adapted_steps_on_two_levels(dim: int) -> None:
    """A decaying sine wave, its error per volume in L2."""
    errors = []
    for n in (2, 4):
        case = made(
            dim,
            n,
            mesh={"max_level": 1},
            physics={"name": "diffusion", "diffusivity": 0.1},
            problem={"name": "sine"},
            scheme={"integrator": "petsc"},
            petsc={"options": "-ts_rtol 1e-8 -ts_atol 1e-8"},
            refinement={"indicators": [], "regions": [{"lower": [0.1] * dim, "upper": [0.4] * dim, "level": 1}]},
            guard={"enabled": False},
            time={"end": 0.05},
        )
        with run(case) as sim:
            assert len(np.unique(sim.mesh.forest.level)) == 2
            errors.append(error_norm(sim, "q", 2))
            assert sim.stepper.report()["adaptive"]
    assert np.log2(errors[0] / errors[1]) >= 1.85, errors


def test_imex_keeps_the_hyperbolic_step_at_a_diffusion_number_of_a_thousand() -> None:
    """As many steps as advection alone takes, no rejected one, and the state that diffusion leaves: the mean."""
    n, cfl, end = 64, 0.8, 0.1
    dt = cfl / n
    sections: dict[str, Any] = {
        "problem": {"name": "sine", "mean": 1.0},
        "time": {"end": end},
        "guard": {"enabled": False},
    }
    velocity = {"velocity": [1.0]}
    with run(made(1, n // 8, physics={"name": "advection", **velocity}, scheme={"cfl": cfl}, **sections)) as sim:
        n_steps = sim.step_number
    physics = {"name": "advection_diffusion", **velocity, "diffusivity": 1e3 / (n * n * dt)}
    with run(made(1, n // 8, physics=physics, scheme={"integrator": "petsc", "cfl": cfl}, **sections)) as sim:
        assert sim.step_number == n_steps == int(np.ceil(end / dt))
        assert sim.report.rejected_steps == 0
        assert np.abs(cells_of(sim) - 1).max() <= 1e-6
        report = make_report(sim)
    assert report["implicit"]["type"] == "arkimex" and report["implicit"]["steps"] == n_steps
    explicit = {"integrator": "petsc", "cfl": cfl}
    sections["time"]["max_steps"] = 1
    with run(made(1, n // 8, physics=physics, scheme=explicit, petsc={"options": "-ts_type ssp"}, **sections)) as sim:
        assert sim.time <= dt / 1000


def test_ssp_of_petsc_is_ours_on_an_adaptive_mesh() -> None:
    """Heun's method: the same step kernel, ghosts and reflux; to round-off."""
    found = {}
    for name, scheme in {"ours": {"integrator": "ssp_rk2"}, "petsc": {"integrator": "petsc"}}.items():
        case = made(
            2,
            4,
            mesh={"max_level": 1, "periodic": False},
            boundaries={"x": ["reflecting", "outflow"]},
            physics={"name": "euler"},
            problem={"name": "blast"},
            scheme={**scheme, "cfl": 0.4},
            petsc={"options": "-ts_type ssp -ts_ssp_type rks2 -ts_ssp_nstages 2"},
            time={"end": 10.0, "max_steps": 30},
        )
        with run(case) as sim:
            assert len(np.unique(sim.mesh.forest.level)) == 2
            u = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
            found[name] = sim.mesh.forest.key.tolist(), sim.time, u.copy()
    assert found["ours"][0] == found["petsc"][0]
    assert found["ours"][1] == pytest.approx(found["petsc"][1], rel=1e-12)
    assert np.abs(found["ours"][2] - found["petsc"][2]).max() <= 1e-10


@pytest.mark.parametrize("diffusivity", [0.05, {"coefficient": 1.0, "exponent": 2.0}])
@pytest.mark.parametrize(
    ("options", "periodic"),
    [("", True), ("", False), ("-ts_type rosw", True), ("-ts_type bdf", False), ("-ts_type rk", True)],
)
def test_mass_is_kept_to_the_tolerance_of_the_solver(diffusivity: Any, options: str, periodic: bool) -> None:
    """On a mesh that changes; residuals fall by 1e-10, and so does the drift."""
    case = made(
        2,
        4,
        mesh={"max_level": 2, "periodic": periodic},
        physics={"name": "diffusion", "diffusivity": diffusivity},
        problem={"name": "spots", "inside": {"q": 1.0}, "outside": {"q": 0.1}, "radius": 0.15, "edge": 0.05},
        scheme={"integrator": "petsc"},
        petsc={"options": options},
        refinement={"indicators": ["jump"], "patience": 1},
        time={"end": 0.02},
    )
    with Simulation(case) as sim:
        trees = set()
        for _ in sim.steps():
            trees.add(sim.mesh.forest.key.tobytes())
        row = sim.ledger.report(sim.pool.u, sim.mesh)["q"]
    assert len(trees) > 1
    assert abs(row["final"] - row["initial"]) <= 1e-9 * row["initial"]
    assert abs(row["ledger"]["regrid"]) <= 1e-14
    assert row["unexplained"] <= 1e-14


# ---- restart and failures ------------------------------------------------------------------------------------------------


def test_a_restart_in_the_middle_of_an_imex_run_changes_no_bit(tmp_path: Path) -> None:
    """With one-step methods; the step that adapts is in the checkpoint."""
    for physics, problem in (
        ({"name": "advection_diffusion", "velocity": [1.0, 0.0], "diffusivity": 1e-3}, {"name": "sine", "mean": 2.0}),
        ({"name": "diffusion", "diffusivity": {"exponent": 1.0}}, {"name": "barenblatt", "radius": 0.1}),
    ):
        case = made(
            2,
            4,
            mesh={"max_level": 2},
            physics=physics,
            problem=problem,
            scheme={"integrator": "petsc"},
            time={"end": 0.4},
            refinement={"indicators": ["jump"], "patience": 1},
        )
        with Simulation(case) as whole:
            for step in whole.steps():
                if step.number == 10:
                    whole.write(tmp_path / "middle.h5")
            assert step.number > 15
            expected, report = cells_of(whole).copy(), make_report(whole)
        with Simulation(case, restart=tmp_path / "middle.h5") as rest:
            for _ in rest.steps():
                pass
            assert np.array_equal(cells_of(rest), expected)
            again = make_report(rest)
        assert again["digest"] == report["digest"] and again["implicit"]["steps"] == report["implicit"]["steps"]
        assert again["conservation"] == report["conservation"]


def test_a_solve_that_fails_says_why() -> None:
    case = made(
        2,
        4,
        physics={"name": "diffusion", "diffusivity": 1.0},
        problem={"name": "sine"},
        scheme={"integrator": "petsc", "max_retries": 2},
        petsc={"options": "-ts_type beuler -ksp_max_it 1 -pc_type none"},
        time={"end": 1.0, "dt": 0.5},
    )
    with pytest.raises(SolveError, match=r"\(beuler\): .*not solved, for the linear solve failed .*tried 3 times"):
        run(case)


@pytest.mark.parametrize("option", ["-ts_type", "-ksp_type", "-pc_type", "-snes_type"])
def test_a_method_that_petsc_does_not_know_is_one_message(option: str) -> None:
    case = made(
        2,
        2,
        physics={"name": "diffusion", "diffusivity": 1.0},
        problem={"name": "sine"},
        scheme={"integrator": "petsc"},
        petsc={"options": f"{option} foo"},
        time={"end": 0.1},
    )
    with pytest.raises(CaseError, match=r"petsc.options: .*foo"), Simulation(case) as sim:
        next(sim.steps())
