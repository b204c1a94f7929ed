"""Adjoint-weighted error: the adjoint equations, the kernel, the refinement it makes, symmetry, refusals."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amr._kernels.adjoint import weigh_detail

from amr.case import Case
from amr.errors import CaseError
from amr.indicators import create_indicator
from amr.indicators.adjoint_solve import box_shares
from amr.mesh.pool import Layout
from amr.physics import create_physics
from amr.simulation import Simulation
from tests.runs import made, run, small

STATES = Path(__file__).parent / "plugins" / "states.py"
WALLS = {axis: ["reflecting", "reflecting"] for axis in "xyz"}
OPEN = {axis: ["outflow", "outflow"] for axis in "xyz"}


def goal_value(sim: Simulation) -> float:
    """The goal's integral over the present state."""
    goal = sim.case.data["refinement"]["indicators"][0]["goal"]
    shares = box_shares(sim.geometry, sim.mesh, goal["lower"], goal["upper"])
    values = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)][
        :, sim.physics.variables.index(goal["variable"])
    ]
    return float((values * shares * sim.mesh.cell_volume[:, None, None, None]).sum())


# ---- the adjoint equations -----------------------------------------------------------------------------------------------


PHYSICS: dict[str, tuple[dict[str, Any], str]] = {
    "acoustics": ({"density": 2.0, "sound_speed": 1.5}, "sound"),
    "shallow_water": ({"gravity": 4.0}, "swell"),
    "advection": ({}, "dye"),
}


def uniform(name: str, dim: int, variable: str, box: tuple[float, float], end: float, sides: Any) -> Case:
    parameters, state = PHYSICS[name]
    if name == "advection":
        parameters = {"velocity": [0.6, -0.3, 0.2][:dim]}
    goal = {"lower": [box[0]] * dim, "upper": [box[1]] * dim, "variable": variable}
    return made(
        dim,
        {1: 32, 2: 12, 3: 5}[dim],
        mesh={"periodic": sides is None},
        physics={"name": name, **parameters},
        problem={"name": f"{STATES}:{state}"},
        boundaries={} if sides is None else {axis: sides[axis] for axis in "xyz"[:dim]},
        refinement={"indicators": [{"name": "adjoint", "goal": goal}]},
        guard={"enabled": False},
        time={"end": end},
    )


@pytest.mark.parametrize("sides", [None, WALLS, OPEN], ids=["periodic", "walls", "open"])
@pytest.mark.parametrize(
    ("name", "dim", "variable"),
    [
        *(("acoustics", dim, "pressure") for dim in (1, 2, 3)),
        *(("acoustics", dim, "velocity_x") for dim in (1, 2)),
        *(("shallow_water", dim, "depth") for dim in (1, 2)),
        ("shallow_water", 2, "momentum_y"),
        *(("advection", dim, "q") for dim in (1, 2, 3)),
    ],
)
def test_the_adjoint_state_at_the_start_tells_the_goal(name: str, dim: int, variable: str, sides: Any) -> None:
    """The integral of v(0) . u(0) is the goal at the end: signs, units, walls and open sides are right."""
    if name == "advection" and sides is WALLS:
        sides = OPEN  # nothing flows through a wall
    case = uniform(name, dim, variable, (0.3, 0.75), 0.25, sides)
    with run(case) as sim:
        found = goal_value(sim)
        indicator = sim.decider.finder.indicators[0]
        states, system = indicator.states, indicator.system
    with Simulation(case) as sim:
        inner = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
        mesh, n = sim.mesh, sim.layout.n
        assert states.level == 0 and states.v.shape[1] == len(system.unit) == sim.layout.n_var
        still = np.zeros(sim.layout.n_var)
        if name == "shallow_water":
            still[0] = 1.0
            found -= 0.45**dim if variable == "depth" else 0.0
        told = 0.0
        for b, (x, y, z) in enumerate(mesh.coords * n):
            v = states.v[-1][:, z : z + inner.shape[2], y : y + inner.shape[3], x : x + n]
            told += float((v * (inner[b] - still[:, None, None, None])).sum() * mesh.cell_volume[b])
        largest = 0.01 * (np.sqrt(np.pi) * 0.12) ** dim
    assert abs(found) > 0.02 * largest
    assert told == pytest.approx(found, abs=0.03 * largest)


def test_the_box_is_shared_among_the_cells_it_cuts() -> None:
    with Simulation(uniform("acoustics", 2, "pressure", (0.301, 0.747), 0.1, None)) as sim:
        shares = box_shares(sim.geometry, sim.mesh, (0.301, 0.2), (0.747, 0.21))
        assert shares.min() >= 0.0 and shares.max() <= 1.0
        volume = (shares * sim.mesh.cell_volume[:, None, None, None]).sum()
        assert volume == pytest.approx(0.446 * 0.01, rel=1e-12)


def test_snapshots_around_a_time() -> None:
    case = uniform("acoustics", 1, "pressure", (0.4, 0.6), 0.5, None)
    case = case.replace(refinement={"indicators": [{**case.data["refinement"]["indicators"][0], "snapshots": 5}]})
    with Simulation(case) as sim:
        states = sim.decider.finder.indicators[0].states
    assert len(states.v) == 6 and states.interval == pytest.approx(0.1)
    assert [states.around(left) for left in (0.0, 0.04, 0.2, 0.5)] == [
        slice(0, 1),
        slice(0, 2),
        slice(2, 3),
        slice(5, 6),
    ]
    assert states.around(-0.01) == slice(0, 0)


# ---- the kernel ------------------------------------------------------------------------------------------------------------


def weighed(layout: Layout, u: np.ndarray, v: np.ndarray, first: np.ndarray, finer: int) -> np.ndarray:
    """Values (n^dim,) of one block, cell by cell from the formula."""
    n, g = layout.n, layout.g
    values = np.zeros([n] * layout.dim)
    for cell in product(range(n), repeat=layout.dim):  # (x, y, z)
        start = [(f + c) * 2**finer if finer > 0 else (f + c) >> -finer for f, c in zip(first, cell, strict=False)]
        spans = [slice(s, s + 2 ** max(0, finer)) for s in start] + [slice(0, 1)] * (3 - layout.dim)
        weights = v[(slice(None), slice(None), *spans[::-1])].reshape(*v.shape[:2], -1)
        for axis, pair in product(range(layout.dim), (-1, 0)):
            if not 0 <= cell[axis] + pair < n - 1:
                continue
            places = []
            for step in range(-2, 4):
                at = [c + g for c in cell] + [0] * (3 - layout.dim)
                at[axis] += pair + step
                places.append(u[:, at[2], at[1], at[0]])
            detail = 0.5 * (places[2] - places[3]) + (places[4] + places[5] - places[0] - places[1]) / 16
            found = np.abs(np.einsum("svc,v->sc", weights, detail)).max()
            values[cell] = max(values[cell], found)
    return values.transpose().ravel()


@pytest.mark.parametrize("finer", [-2, -1, 0, 1])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_kernel_is_the_formula(dim: int, finer: int) -> None:
    rng = np.random.default_rng(dim)
    layout = Layout(dim, 10 if dim < 3 else 8, 2, 1 + dim)
    u = rng.normal(size=(2, *layout.shape))
    # Not at a multiple of the coarser cells: blocks of 10 cells begin within one.
    coords = np.array([[0, 0, 0], [3, 1 if dim > 1 else 0, 1 if dim > 2 else 0]], dtype=np.int32)
    cells = [int(np.ceil(4 * layout.n * 2.0**finer)) if axis < dim else 1 for axis in range(3)]
    v = rng.normal(size=(2, layout.n_var, *cells[::-1]))
    out = np.zeros((2, layout.cells))
    first, levels = coords * np.int32(layout.n), np.full(2, finer, dtype=np.int32)
    weigh_detail(layout, u, np.arange(2, dtype=np.int32), first, levels, v, 0.5, out)
    for b in range(2):
        assert out[b] == pytest.approx(0.5 * weighed(layout, u[b], v, first[b], finer), rel=1e-12)


def test_the_kernel_refuses_what_does_not_fit() -> None:
    layout = Layout(1, 8, 2, 2)
    u, out, blocks = np.zeros((1, *layout.shape)), np.zeros((1, 8)), np.zeros(1, dtype=np.int32)
    first, finer, v = np.array([[8, 0, 0]], dtype=np.int32), np.zeros(1, dtype=np.int32), np.ones((1, 2, 1, 1, 16))
    weigh_detail(layout, u, blocks, first, finer, v, 1.0, out)
    with pytest.raises(ValueError, match="beyond the mesh"):
        weigh_detail(layout, u, blocks, first + 8, finer, v, 1.0, out)
    with pytest.raises(ValueError, match="all variables"):
        weigh_detail(layout, u, blocks, first, finer, v[:, :1].copy(), 1.0, out)
    with pytest.raises(ValueError, match="block 1 of 1"):
        weigh_detail(layout, u, blocks + 1, first, finer, v, 1.0, out)


# ---- refinement --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_goal_costs_less_than_with_multiresolution() -> None:
    """At no larger error of the goal, less than 0.65 of the cell updates."""
    case = small("adjoint", mesh={"max_level": 2})
    entry = case.data["refinement"]["indicators"][0]
    uniform_mesh = {"root_blocks": [4 * each for each in case.mesh.root_blocks], "max_level": 0}
    with run(case.replace(mesh=uniform_mesh)) as sim:
        exact = goal_value(sim)
    with run(case.replace(refinement={"indicators": [{**entry, "refine": 2e-4}]})) as sim:
        error, updates = abs(goal_value(sim) - exact), sim.report.cell_updates
    # Beside it, with thresholds it never reaches, the adjoint indicator does nothing but carry the goal.
    idle = {**entry, "refine": 1e9, "coarsen": 1e8}
    with run(case.replace(refinement={"indicators": [idle, {"name": "multiresolution", "refine": 0.004}]})) as sim:
        other_error, other_updates = abs(goal_value(sim) - exact), sim.report.cell_updates
    assert error <= other_error < 0.01 * abs(exact)
    assert updates < 0.65 * other_updates


@pytest.mark.parametrize(
    ("name", "variable", "parameters"),
    [
        ("acoustics", "pressure", {"density": 1.0, "sound_speed": 1.5}),
        ("shallow_water", "depth", {"gravity": 2.25}),
        ("advection", "q", {"velocity": [1.5]}),
    ],
)
def test_only_the_wave_that_comes_to_the_box_is_fine(name: str, variable: str, parameters: dict[str, Any]) -> None:
    """1D: of what runs to the right and to the left, the box on the right sees the former, and nothing after its time."""
    case = uniform(name, 1, variable, (0.8, 0.85), 0.4, OPEN)
    entry = case.data["refinement"]["indicators"][0]
    case = case.replace(
        mesh={"root_blocks": [8], "max_level": 3},
        physics={"name": name, **parameters},
        problem={"width": 0.03},
        refinement={"indicators": [{**entry, "goal": {**entry["goal"], "time": 0.3}}]},
    )
    with Simulation(case) as sim:
        for _ in sim.steps():
            forest = sim.mesh.forest
            if 0.1 <= sim.time <= 0.2:
                centre = (forest.coords[:, 0] + 0.5) / (8 << forest.level.astype(int))
                fine = centre[forest.level == 3]
                assert len(fine) and abs(fine.mean() - (0.35 + 1.5 * sim.time)) < 0.15
                assert (forest.level[centre < 0.2] < 3).all()
        assert sim.mesh.forest.level.max() < 3


def test_exchanged_axes_give_the_same_bits() -> None:
    found = []
    for order in (1, -1):
        goal = {"lower": [0.6, 0.4][::order], "upper": [0.7, 0.6][::order], "variable": "pressure"}
        case = made(
            2,
            4,
            mesh={"max_level": 2, "periodic": False},
            physics={"name": "acoustics"},
            problem={"name": "acoustic_pulse", "width": 0.05, "center": [0.3, 0.4][::order]},
            refinement={"indicators": [{"name": "adjoint", "goal": goal}]},
            guard={"enabled": False},
            time={"end": 0.3},
        )
        with run(case) as sim:
            centres = sim.mesh.cell_centers().reshape(2, -1)[::order]
            pressure = sim.pool.u[(slice(None), 0, *sim.layout.interior)].ravel()
            here = np.lexsort(centres)
            found.append((centres[:, here], pressure[here]))
    assert 16 * 64 < found[0][1].size < 16 * 16 * 64
    assert np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][1], found[1][1])


# ---- refusals --------------------------------------------------------------------------------------------------------------


GOAL = {"lower": [1.4, 0.45], "upper": [1.5, 0.55], "variable": "pressure"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no goal": ({"goal": None}, r"indicators\[0\].goal: missing key"),
    "no variable": ({"goal": {"lower": [1.4, 0.45], "upper": [1.5, 0.55]}}, "goal.variable: missing key"),
    "unknown variable": ({"goal": {**GOAL, "variable": "presure"}}, "goal.variable.*pressure"),
    "unknown key": ({"goal": {**GOAL, "radius": 1.0}}, "goal.radius.*unknown key"),
    "another dimension": ({"goal": {**GOAL, "lower": [1.4]}}, r"goal.lower = \[1.4\].*2 entries"),
    "upside down": ({"goal": {**GOAL, "upper": [1.5, 0.4]}}, r"goal.upper\[1\] = 0.4.*greater"),
    "outside": ({"goal": {**GOAL, "upper": [2.5, 0.55]}}, r"goal.lower\[0\] = 1.4.*in the domain, which is 0..2"),
    "too late": ({"goal": {**GOAL, "time": 1.5}}, "goal.time = 1.5.*time.end = 0.95"),
    "at the start": ({"goal": {**GOAL, "time": 0.0}}, "goal.time = 0.*time.start = 0"),
    "too deep": ({"level": 4}, "level = 4.*mesh.max_level = 3"),
    "a depth of air": ({"depth": 1.0}, "depth: is for shallow_water"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_one_message(name: str) -> None:
    change, text = REFUSED[name]
    entry = {"name": "adjoint", "goal": GOAL, **change}
    entry = {key: value for key, value in entry.items() if value is not None}
    with pytest.raises(CaseError, match=text) as caught:
        small("adjoint", refinement={"indicators": [entry]})
    assert "1 fault" in str(caught.value)


@pytest.mark.parametrize(
    ("physics", "parameters"), [("euler", {}), ("burgers", {}), ("advection", {"velocity_field": True})]
)
def test_needs_linear_physics(physics: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match="name: needs physics advection, acoustics .* or shallow_water, not"):
        create_indicator("adjoint", create_physics(physics, 1, parameters), {"goal": {**GOAL, "variable": "q"}})
