"""Level-wise time steps: groups, totals, order, positivity, rejected steps, the same result where there is one group."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from amr.mesh.tree import Forest
from amr.scheme.groups import Groups
from amr.simulation import Simulation
from tests.proof_cases import torn
from tests.runs import l1_error, made, run, small
from tests.test_invariants import CLOSED, inner, straight, transposed
from tests.test_positivity import HARD, run_positive

LEVEL_WISE = {"subcycle": True}


def forest_of_levels(levels: list[int]) -> Forest:
    """A 1D forest with leaves of these levels, the finest at the lower end."""
    forest = Forest.uniform(1, (2, 1, 1), False, 9, levels[0])
    for _ in range(levels[-1] - levels[0]):
        flags = np.zeros(forest.n_leaves, dtype=np.int8)
        flags[0] = 1
        forest = forest.adapt(flags)[0]
    return forest


@pytest.mark.parametrize(
    ("levels", "interval", "groups"),
    [
        ([0, 1, 2, 3, 4], 4, [0, 0, 0, 1, 2]),
        ([0, 1, 2, 3, 4], 7, [0, 0, 0, 1, 2]),
        ([0, 1, 2, 3, 4], 8, [0, 0, 1, 2, 3]),
        ([2, 3], 16, [0, 0, 0, 1]),
        ([0, 1, 2], 1, [0, 0, 0]),
        ([3], 4, [0, 0, 0, 0]),
    ],
)
def test_the_finest_levels_have_a_group_each(levels, interval, groups):
    forest = forest_of_levels(levels)
    assert sorted(set(forest.level.tolist())) == levels
    found = Groups.level_wise(forest, interval)
    assert found.of_level[: levels[-1] + 1].tolist() == groups
    assert found.n == groups[-1] + 1 and found.finest_steps == 2 ** groups[-1] <= interval
    assert found.weights(forest.level).tolist() == [2.0 ** groups[level] for level in forest.level]


@pytest.mark.parametrize("name", CLOSED)
def test_totals_of_closed_domains_are_kept(name):
    sections = {**CLOSED[name], **({"time": {"end": 0.05}} if name == "blast_2d" else {})}
    case = small(
        name,
        **sections,
        scheme=LEVEL_WISE,
        refinement={"indicators": ["lohner"], "patience": 1, "buffer": 0},
        guard={"enabled": False},
    )
    with Simulation(case) as sim:
        trees, most = set(), 0
        for _ in sim.steps():
            trees.add(sim.mesh.forest.key.tobytes())
            most = max(most, sim.mesh.groups.n)
        rows = sim.ledger.report(sim.pool.u, sim.mesh)
    assert len(trees) > 1 and most > 1
    for variable in ("density", "energy"):
        assert abs(rows[variable]["final"] - rows[variable]["initial"]) <= 1e-13 * abs(rows[variable]["initial"])
    assert max(row["unexplained"] for row in rows.values()) <= 1e-12


@pytest.mark.parametrize("name", ["double_mach", "sod"])
def test_what_crosses_the_boundary_is_booked(name):
    mesh = {"max_level": 3, "root_blocks": [4]} if name == "sod" else {"max_level": 2, "root_blocks": [4, 1]}
    case = small(name, mesh={**mesh, "block_cells": 8}, scheme=LEVEL_WISE, time={"end": 0.04})
    with run(case) as sim:
        assert sim.mesh.groups.n > 1
        rows = sim.ledger.report(sim.pool.u, sim.mesh)
    assert max(row["unexplained"] for row in rows.values()) <= 1e-12
    assert max(abs(row["ledger"]["boundary"]) for row in rows.values()) > 1e-3


def smooth(dim: int, n: int, name: str, cfl: float = 0.8):
    """A wave over three levels; group 0 holds one of them."""
    physics = {"advection": {"name": "advection", "velocity": [1.0, 0.5, 0.25][:dim]}}.get(name, {"name": name})
    problem = {
        "advection": {"name": "sine", "waves": [1, 2][:dim]},
        "acoustics": {"name": "sine", "mean": 0.0, "waves": [1, 2][:dim]},
        "euler": {"name": "euler_wave", "waves": [1, 2][:dim], "velocity": [1.0, 0.5][:dim]},
    }[name]
    return made(
        dim,
        n,
        mesh={"max_level": 2},
        physics=physics,
        problem=problem,
        scheme={**LEVEL_WISE, "limiter": "none", "cfl": cfl},
        refinement={
            "indicators": [],
            "regions": [
                {"lower": [0.01] * dim, "upper": [0.49] * dim, "level": 1},
                {"lower": [0.13] * dim, "upper": [0.37] * dim, "level": 2},
            ],
        },
        time={"end": 0.3},
    )


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("name", ["advection", "acoustics", "euler"])
def test_order_of_smooth_waves(name, dim):
    variable = {"advection": "q", "acoustics": "pressure", "euler": "density"}[name]
    coarse, fine = (l1_error(smooth(dim, n, name), variable) for n in (8, 16))
    assert log2(coarse / fine) >= 1.9


def test_the_error_is_that_of_the_global_step():
    """Interpolated ghosts cost no more than the larger steps of the coarse levels gain."""
    case = smooth(2, 8, "euler")
    assert l1_error(case, "density") <= 1.05 * l1_error(case.replace(scheme={"subcycle": False}), "density")


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_uniform_flow_stays_uniform(dim):
    state = {"density": 1.3, "velocity": [0.7, -0.4, 0.2][:dim], "pressure": 0.9}
    case = made(
        dim,
        {1: 8, 2: 4, 3: 2}[dim],
        mesh={"max_level": 2},
        physics={"name": "euler"},
        problem={"name": "constant", "state": state},
        scheme=LEVEL_WISE,
        refinement={"indicators": [], "regions": [{"lower": [0.1] * dim, "upper": [0.3] * dim, "level": 2}]},
        time={"end": 10.0, "max_steps": 4},
    )
    with run(case) as sim:
        assert sim.mesh.groups.n > 1
        u = inner(sim)
        assert np.abs(u - u[0, :, 0, 0, 0][None, :, None, None, None]).max() <= 1e-14


def test_implosion_is_symmetric_about_the_diagonal():
    case = small("implosion", mesh={"max_level": 2}, scheme=LEVEL_WISE, time={"end": 0.1})
    with run(case) as sim:
        assert sim.mesh.groups.n > 1
        for here, mirror in zip(straight(sim), transposed(sim), strict=True):
            assert np.array_equal(here, mirror)


def test_one_group_gives_the_bits_of_the_global_step():
    case = small("blast_2d", mesh={"max_level": 0}, time={"max_steps": 10})
    with run(case) as plain, run(case.replace(scheme=LEVEL_WISE)) as grouped:
        assert np.array_equal(inner(plain), inner(grouped)) and plain.time == grouped.time


def test_fewer_cell_updates_for_the_same_time():
    case = small("blast_2d", mesh={"max_level": 3}, time={"end": 0.02})
    with run(case) as plain, run(case.replace(scheme=LEVEL_WISE)) as grouped:
        assert grouped.report.cell_updates < 0.9 * plain.report.cell_updates
        assert grouped.mesh.forest.n_leaves <= 1.1 * plain.mesh.forest.n_leaves
        assert plain.time == grouped.time


@pytest.mark.parametrize("name", HARD)
def test_density_and_pressure_stay_positive(name):
    run_positive(HARD[name](**LEVEL_WISE))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_fall_back_is_used_and_conserves(dim):
    sim = run_positive(torn(dim, limiter="none", **LEVEL_WISE))
    assert sim.report.fallback_cells > 0


def test_a_rejected_step_leaves_the_state_as_it_was(monkeypatch):
    """Without a fall-back pass the torn case fails in the middle of a step, after finer groups have taken some of theirs."""
    case = torn(1, limiter="none", **LEVEL_WISE)
    with Simulation(case) as sim:
        sim.stepper.max_passes = 0
        inner_before, tried = None, 0
        step = sim.stepper.step

        def watched(mesh, pool, t, dt, notice):
            nonlocal inner_before, tried
            inner_before = inner(sim).copy()
            result = step(mesh, pool, t, dt, notice)
            if not result.accepted:
                tried += 1
                assert np.array_equal(inner(sim), inner_before)
            return result

        monkeypatch.setattr(sim.stepper, "step", watched)
        for _ in sim.steps():
            pass
        assert tried > 0 and sim.report.rejected_steps == tried
        assert max(row["unexplained"] for row in sim.ledger.report(sim.pool.u, sim.mesh).values()) <= 1e-12
