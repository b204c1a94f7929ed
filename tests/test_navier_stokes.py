"""Navier-Stokes: limits in which it is known what must come out, walls that the gas sticks to, what a case may not ask."""

from __future__ import annotations

from math import exp, log2, pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amr._kernels import step as step_kernel
from amr.case import Case
from amr.errors import CaseError
from amr.mesh.pool import Layout
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill, Condition
from amr.results import make_report
from amr.scheme.flux import create_scheme
from amr.simulation import Simulation
from tests.runs import made, run, small
from tests.test_boundary import one_block, padded

STATES = Path(__file__).parent / "plugins" / "viscous.py"
GAS = {"name": "navier_stokes", "viscosity": 0.02, "prandtl": 0.7}


def of_state(dim: int, state: str, n: int = 2, is_refined: bool = True, **sections: Any) -> Case:
    """A few steps from a function of ``plugins/viscous.py``, with a half, quadrant or octant one level finer."""
    regions = [{"lower": [0.01] * dim, "upper": [0.49] * dim, "level": 1}] if is_refined else []
    given: dict[str, Any] = {
        "mesh": {"max_level": int(is_refined)},
        "physics": GAS,
        "problem": {},
        "scheme": {"integrator": "ssp_rk3"},
        "refinement": {"indicators": [], "regions": regions},
        "guard": {"enabled": False},
        "time": {"end": 1.0, "max_steps": 8},
    }
    given |= sections
    given["problem"] = {"name": f"{STATES}:{state}", "quadrature": 1, **given["problem"]}
    return made(dim, n, **given)


def cells(sim: Simulation) -> tuple[np.ndarray, np.ndarray]:
    """Primitive variables (n_var, m) and centres (dim, m) of all cells."""
    inner = np.moveaxis(sim.pool.u[(slice(None), slice(None), *sim.layout.interior)], 1, 0)
    u = np.ascontiguousarray(inner.reshape(sim.layout.n_var, -1))
    return sim.physics.to_primitive(u), sim.mesh.cell_centers().reshape(sim.layout.dim, -1)


def final(case: Case) -> tuple[np.ndarray, np.ndarray, float]:
    """`cells` and the time at the end of a case."""
    with run(case) as sim:
        return *cells(sim), sim.time


# ---- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_without_coefficients_it_is_euler_to_the_last_bit(dim: int) -> None:
    nothing = {"name": "navier_stokes", "viscosity": 0.0, "conductivity": 0.0}
    plain, viscous = (final(of_state(dim, "rough", physics=physics)) for physics in ({"name": "euler"}, nothing))
    assert np.array_equal(plain[0], viscous[0]) and plain[2] == viscous[2]
    assert not np.array_equal(plain[0], final(of_state(dim, "rough"))[0])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_uniform_stream_stays_as_it_is(dim: int) -> None:
    w, _, _ = final(of_state(dim, "stream"))
    assert np.abs(w - np.array([1.3, *[0.7, -0.4, 0.2][:dim], 0.9])[:, None]).max() <= 1e-14


@pytest.mark.parametrize("integrator", ["ssp_rk2", "ssp_rk3"])
def test_exchanged_axes_give_the_same_bits_in_2d(integrator: str) -> None:
    scheme = {"integrator": integrator}
    (a, x, _), (b, y, _) = (
        final(of_state(2, "rough", problem={"order": order}, scheme=scheme)) for order in ([0, 1], [1, 0])
    )
    here, there = np.lexsort(x), np.lexsort(y[::-1])
    assert np.array_equal(x[:, here], y[::-1][:, there])
    assert np.array_equal(a[:, here], b[[0, 2, 1, 3]][:, there])


def test_permuted_axes_agree_in_3d() -> None:
    # Axis i of the second state is axis (i + 1) % 3 of the mesh.
    (a, x, _), (b, y, _) = (final(of_state(3, "rough", problem={"order": order})) for order in ([0, 1, 2], [1, 2, 0]))
    turned = y[[1, 2, 0]]
    here, there = np.lexsort(x), np.lexsort(turned)
    assert np.array_equal(x[:, here], turned[:, there])
    assert np.abs(a[:, here] - b[[0, 2, 3, 1, 4]][:, there]).max() <= 1e-13


@pytest.mark.parametrize("flat", [0, 1, 2])
def test_a_state_without_a_third_axis_is_that_of_2d(flat: int) -> None:
    time = {"end": 0.02, "dt": 0.0025}
    order = [0, 1, 2] if flat == 2 else [1, 2, 0] if flat == 0 else [0, 2, 1]
    # The third axis of the function is the flat one: axis ``order[2]`` of the mesh.
    plane, x, _ = final(of_state(2, "rough", is_refined=False, time=time))
    solid, y, _ = final(of_state(3, "rough", is_refined=False, time=time, problem={"order": order, "flat": 2}))
    layer = y[order[2]] == y[order[2]].min()
    here, there = np.lexsort(x), np.lexsort(y[order[:2]][:, layer])
    picked = solid[[0, 1 + order[0], 1 + order[1], 4]][:, layer][:, there]
    assert np.abs(plane[:, here] - picked).max() <= 1e-13
    assert np.abs(solid[1 + order[2]]).max() <= 1e-15


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_totals_are_kept_to_round_off_across_levels(dim: int) -> None:
    physics = {**GAS, "scalars": ["dye"], "schmidt": 0.5}
    case = of_state(dim, "dyed", physics=physics, time={"end": 1.0, "max_steps": 20})
    with run(case) as sim:
        report = make_report(sim)["conservation"]
    for name, each in report.items():
        assert abs(each["final"] - each["initial"]) <= 1e-14 * max(each["scale"], 1.0), name
        assert each["unexplained"] <= 1e-14, name


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_scalar_spreads_with_viscosity_over_schmidt(dim: int) -> None:
    time, end = {"end": 0.2}, 0.2
    excess = []
    for schmidt in (0.5, None):
        physics = {**GAS, "viscosity": 0.04, "scalars": ["dye"], **({} if schmidt is None else {"schmidt": schmidt})}
        w, x, _ = final(of_state(dim, "dyed", physics=physics, time=time))
        excess.append(2 * np.mean((w[-1] - 1) * np.sin(2 * pi * x[-1])) if dim == 1 else np.abs(w[-1] - 1).max())
    rate = 0.04 / 0.5 / 2.0 * (2 * pi) ** 2  # the density is 2
    assert excess[0] / excess[1] == pytest.approx(exp(-rate * end), rel=0.02)


@pytest.mark.parametrize("kind", ["ssp", "rk -ts_rk_type 3bs -ts_adapt_type none"])
def test_explicit_steps_of_petsc_take_the_viscous_fluxes_along(kind: str) -> None:
    time = {"end": 0.01, "dt": 0.001}
    own = final(of_state(2, "rough", time=time))[0]
    theirs = final(
        of_state(2, "rough", time=time, scheme={"integrator": "petsc"}, petsc={"options": f"-ts_type {kind}"})
    )
    plain = final(of_state(2, "rough", time=time, physics={"name": "euler"}))[0]
    assert np.abs(theirs[0] - own).max() <= 1e-5 and np.abs(plain - own).max() >= 1e-3


# ---- steps ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_signal_adds_twice_the_largest_diffusivity_over_the_squared_spacing(dim: int) -> None:
    given = {"gamma": 1.4, "viscosity": 0.3, "prandtl": 0.7, "scalars": ("dye",), "schmidt": 0.1}
    cases = ({}, {"schmidt": 10.0}, {"schmidt": 10.0, "prandtl": 3.0})
    for more, largest in zip(cases, (3.0, 0.4 * 0.3 * 1.4 / 0.4 / 0.7, 0.4), strict=True):
        physics = create_physics("navier_stokes", dim, {**given, **more})
        layout = Layout(dim, 8, 2, physics.n_var)
        w = np.array([2.0, *[0.5] * dim, 1.0, 0.1])
        u = np.empty((1, *layout.shape))
        u[0] = physics.to_conserved(w[:, None]).reshape(-1, 1, 1, 1)
        h = np.array([[0.1, 0.2, 0.4]])
        signals = [step_kernel.check(spec, layout, u, h)[0][0] for spec in (physics.spec, physics.wave_spec)]
        assert signals[0] - signals[1] == pytest.approx(2 * largest / 2.0 * (1 / h[0, :dim] ** 2).sum(), rel=1e-13)


@pytest.mark.parametrize("dim", [1, 2])
def test_a_step_that_diffusion_limits_is_stable_and_said_to_be(dim: int) -> None:
    physics = {"name": "navier_stokes", "viscosity": 1.0, "prandtl": 0.7}
    scheme = {"integrator": "ssp_rk2", "cfl": 1.0}
    with run(of_state(dim, "rough", physics=physics, scheme=scheme, time={"end": 0.3})) as sim:
        report, w = make_report(sim), cells(sim)[0]
    assert report["time_step"]["limit"] == "diffusion" and report["time_step"]["diffusive_share"] > 0.8
    assert report["rejected_steps"] == report["fallback_cells"] == 0
    assert np.ptp(w[1 : 1 + dim], axis=1).max() <= 0.1  # of 0.6: nothing grows


# ---- walls ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_outside_a_wall_without_slip_stand_mirror_cells_with_the_opposite_relative_velocity(dim: int) -> None:
    physics = create_physics("navier_stokes", dim, {"viscosity": 0.1, "conductivity": 0.0})
    wall = np.zeros((2 * dim, dim))
    if dim > 1:
        wall[2, 0], wall[3, 0], wall[0, 1] = 0.7, -0.2, 0.4
    conditions = [Condition("no_slip", {"velocity": list(each)}) for each in wall]
    u, layout, _ = one_block(conditions, physics)
    expected = physics.to_primitive(np.moveaxis(padded(u, layout, "symmetric"), 1, 0))
    for axis in range(dim):
        g, n = layout.ghost[axis], layout.extent[axis]
        for side, outside in enumerate((slice(0, g), slice(n - g, n))):
            turned = np.moveaxis(expected[1 : 1 + dim, 0], 3 - axis, 1)
            velocity = wall[2 * axis + side].reshape(-1, *[1] * (turned.ndim - 1))
            turned[:, outside] = 2 * velocity - turned[:, outside]
    found = physics.to_primitive(np.moveaxis(u, 1, 0))
    assert np.abs(found - expected).max() <= 1e-12


@pytest.mark.parametrize(("is_refined", "tolerance"), [(False, 1e-12), (True, 1e-3)], ids=["uniform", "two_levels"])
@pytest.mark.parametrize(("dim", "axis"), [(2, 0), (2, 1), (3, 2)])
def test_couette_flow_is_kept_and_heats_as_it_must(dim: int, axis: int, is_refined: bool, tolerance: float) -> None:
    along = (axis + 1) % dim
    moving = [float(a == along) for a in range(dim)]
    pair = ["no_slip", {"kind": "no_slip", "velocity": moving}]
    others = {"xyz"[a]: ["periodic"] * 2 for a in range(dim) if a != axis}
    case = of_state(
        dim,
        "couette",
        is_refined=is_refined,
        mesh={"max_level": int(is_refined), "periodic": [a != axis for a in range(dim)]},
        boundaries={"xyz"[axis]: pair, **others},
        problem={"axis": axis, "along": along},
        time={"end": 0.2},
    )
    w, x, t = final(case)
    assert np.abs(w[1 + along] - x[axis]).max() <= tolerance and np.abs(w[1 + axis]).max() <= tolerance
    # What the moving wall does as work becomes heat, evenly. Between levels the parabola of kinetic energy is prolonged linearly.
    heating = 0.4 * GAS["viscosity"] * t
    assert np.abs(w[0] - 1).max() <= tolerance and np.abs(w[-1] - 1 - heating).max() <= tolerance
    assert heating > 1e-3


def channel_error(n: int, axis: int, is_refined: bool) -> float:
    """Mean deviation from the exact decay between two walls, in units of the amplitude."""
    amplitude, viscosity, end = 1e-4, 0.1, 0.5
    case = of_state(
        2,
        "channel",
        n,
        is_refined,
        mesh={"max_level": int(is_refined), "periodic": [axis == 1, axis == 0]},
        physics={"name": "navier_stokes", "viscosity": viscosity, "prandtl": 0.7},
        boundaries={"xy"[axis]: ["no_slip"] * 2, "xy"[1 - axis]: ["periodic"] * 2},
        problem={"axis": axis, "along": 1 - axis, "amplitude": amplitude, "quadrature": 4},
        time={"end": end},
    )
    with run(case) as sim:
        w, x = cells(sim)
        half = 0.5 * np.repeat(sim.mesh.spacing[:, axis], sim.layout.cells)
        average = (np.cos(pi * (x[axis] - half)) - np.cos(pi * (x[axis] + half))) / (2 * pi * half)
        volume = np.repeat(sim.mesh.cell_volume, sim.layout.cells)
    error = np.abs(w[2 - axis] - amplitude * exp(-viscosity * pi**2 * end) * average)
    return float((error * volume).sum() / amplitude)


@pytest.mark.parametrize("is_refined", [False, True], ids=["uniform", "two_levels"])
@pytest.mark.parametrize("axis", [0, 1])
def test_order_of_a_flow_between_walls(axis: int, is_refined: bool) -> None:
    coarse, fine = (channel_error(n, axis, is_refined) for n in (2, 4))
    assert log2(coarse / fine) >= 1.9 and fine <= 1e-3


def test_a_driven_flow_between_walls_has_the_profile_of_poiseuille() -> None:
    viscosity, g, cells_across = 0.1, 1e-3, 16
    case = of_state(
        2,
        "channel",
        2,
        False,
        mesh={"periodic": [True, False]},
        physics={"name": "navier_stokes", "viscosity": viscosity, "prandtl": 0.7},
        boundaries={"x": ["periodic"] * 2, "y": ["no_slip"] * 2},
        problem={"axis": 1, "along": 0, "amplitude": 1e-3},
        sources=[{"name": "gravity", "g": [g, 0.0]}],
        time={"end": 15.0},
    )
    w, x, _ = final(case)
    exact = g / (2 * viscosity) * x[1] * (1 - x[1])
    # The difference quotient at the wall is that of the middle of the first cell: a shift by g h^2 / (8 viscosity).
    assert np.abs(w[1] - exact).max() <= 1.1 * g / (8 * viscosity * cells_across**2)


# ---- what a case may ask for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "texts"),
    [
        ({"scheme": {}}, ['scheme.integrator = "muscl_hancock"', "needs one of ssp_rk2, ssp_rk3"]),
        ({"physics": {"name": "navier_stokes", "viscosity": 0.1}}, ["give either prandtl"]),
        ({"physics": {**GAS, "conductivity": 0.1}}, ["give either prandtl"]),
        ({"physics": {**GAS, "viscosity": 0.0}}, ["prandtl needs a viscosity"]),
        ({"physics": {**GAS, "schmidt": 1.0}}, ["schmidt is for passive scalars"]),
        ({"physics": {**GAS, "viscosity": -1.0}}, ["physics.viscosity"]),
        ({"scheme": {"integrator": "ssp_rk3", "subcycle": True}}, ["scheme.subcycle"]),
        ({"mesh": {}, "boundaries": {"y": [{"kind": "no_slip", "velocity": [0.0, 1.0]}, "no_slip"]}}, ["0 along y"]),
        ({"mesh": {}, "boundaries": {"y": [{"kind": "no_slip", "velocity": [1.0]}, "no_slip"]}}, ["a list of 2"]),
        ({"mesh": {}, "boundaries": {"y": [{"kind": "no_slip", "density": 1.0}, "no_slip"]}}, ["knows no density"]),
        (
            {"physics": {"name": "euler"}, "mesh": {}, "boundaries": {"y": ["no_slip"] * 2}},
            ["needs physics navier_stokes"],
        ),
    ],
)
def test_a_case_that_cannot_be_is_refused(sections: dict[str, Any], texts: list[str]) -> None:
    if "boundaries" in sections:
        sections = {**sections, "mesh": {"periodic": [True, False]}}
    with pytest.raises(CaseError) as error:
        of_state(2, "rough", **sections)
    assert all(text in str(error.value) for text in texts), str(error.value)


def test_the_lower_layers_refuse_the_same() -> None:
    gas, euler = create_physics("navier_stokes", 2, {"viscosity": 0.1, "conductivity": 0.0}), create_physics("euler", 2)
    with pytest.raises(CaseError, match="needs one of ssp_rk2, ssp_rk3"):
        create_scheme(gas, "muscl_hancock")
    layout = one_block(["outflow"] * 4, euler)[1]
    for physics, condition in ((euler, Condition("no_slip")), (gas, Condition("no_slip", {"velocity": [1.0, 0.0]}))):
        with pytest.raises(CaseError, match="no_slip|velocity"):
            BoundaryFill(physics, layout, None, [condition, "outflow", "outflow", "outflow"])
    with pytest.raises(CaseError, match="to no other"):
        BoundaryFill(gas, layout, None, [Condition("outflow", {"velocity": [0.0, 0.0]}), *["outflow"] * 3])


# ---- the case --------------------------------------------------------------------------------------------------------------


def kinetic_energy(sim: Simulation) -> float:
    w, _ = cells(sim)
    volume = np.repeat(sim.mesh.cell_volume, sim.layout.cells)
    return float((0.5 * w[0] * (w[1 : 1 + sim.layout.dim] ** 2).sum(axis=0) * volume).sum())


@pytest.mark.parametrize(("viscosity", "bound"), [(0.05, 1e-2), (1.0, 2e-3)])
def test_taylor_green_loses_its_kinetic_energy_at_the_exact_rate(viscosity: float, bound: float) -> None:
    case = small(
        "taylor_green",
        mesh={"block_cells": 8},
        physics={"viscosity": viscosity},
        refinement={"indicators": [{"name": "vorticity", "refine": 0.08, "coarsen": 0.04}]},
        time={"end": 0.5},
    )
    with Simulation(case) as sim:
        before = kinetic_energy(sim)
        for _ in sim.steps():
            pass
        rate = -np.log(kinetic_energy(sim) / before) / (4 * viscosity * sim.time)
        assert viscosity == 1.0 or len(set(sim.mesh.forest.level)) > 1
    assert rate == pytest.approx(1.0, abs=bound)
