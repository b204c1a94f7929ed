"""Indicators by trial steps: entropies, decay with the mesh, symmetry, estimates of the error, restarts, refusals."""

import numpy as np
import pytest

from amr.errors import CaseError
from amr.indicators import INDICATORS, TrialIndicator, create_indicator
from amr.indicators.entropy import entropy
from amr.indicators.trial import fluxes
from amr.indicators.weak_residual import averaged
from amr.io.snapshot import digest
from amr.physics import create_physics
from amr.results import errors
from amr.scheme.trial import coarse_fault
from amr.simulation import Simulation
from tests.runs import made, small

DIMS = (1, 2, 3)
TRIALS = ("entropy_production", "weak_residual", "richardson")


# ---- entropies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", ["euler", "shallow_water", "acoustics", "burgers", "advection", "field"])
def test_entropy_flux_belongs_to_the_entropy(name, dim):
    """dPsi/du = (d eta/du) A, by differences; and the entropy is convex."""
    if name == "shallow_water" and dim == 3:
        return
    options = {"advection": {"velocity": [0.5, -1.0, 2.0][:dim]}, "field": {"velocity_field": True}}.get(name, {})
    physics = create_physics("advection" if name == "field" else name, dim, options)
    rng = np.random.default_rng(dim)
    w = rng.uniform(0.5, 2.0, (physics.n_var, 1))
    u = physics.to_conserved(w)
    directions = [np.eye(physics.n_var)[:, [v]] for v in range(physics.n_var) if v not in physics.static]

    def of(u):
        w = physics.to_primitive(u)
        eta, psi = entropy(physics, w, 0.3)
        return (
            eta[0],
            np.array([float(np.ravel(p)[0]) for p in psi]),
            np.stack([fluxes(physics, w, a) for a in range(dim)]),
        )

    step = 1e-5
    slope = np.array([(of(u + step * e)[0] - of(u - step * e)[0]) / (2 * step) for e in directions])
    for e in directions:
        psi_slope = (of(u + step * e)[1] - of(u - step * e)[1]) / (2 * step)
        f_slope = (of(u + step * e)[2] - of(u - step * e)[2]) / (2 * step)
        moving = [v for v in range(physics.n_var) if v not in physics.static]
        assert psi_slope == pytest.approx((slope @ f_slope[:, moving, 0].T), rel=1e-6, abs=1e-8)
    for _ in range(20):
        e = sum(rng.normal() * d for d in directions)
        assert of(u + 1e-3 * e)[0] + of(u - 1e-3 * e)[0] > 2 * of(u)[0]


def test_weights_of_the_weak_form():
    values = np.zeros((1, 3, 3))
    values[0, 1, 1] = values[0, 0, 2] = 36.0
    assert averaged(values, [0, 1]).item() == pytest.approx(16 + 1)
    assert averaged(values[:, 1:2], [0]).item() == pytest.approx(24.0)


# ---- trial steps: how the values fall with the mesh ------------------------------------------------------------------


def trial_values(case, names=TRIALS):
    """Values of the cells at the end of a case, by indicator; and the trial."""
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        trial = sim.trial("richardson" in names)
        return {name: create_indicator(name, sim.physics).evaluate(trial) for name in names}, trial


def decays(case_of, norm, n=(16, 64)):
    """Exponents of the decay with the cell width of S, E / h and Richardson's estimate between two meshes."""
    rows = []
    for roots in n:
        values, trial = trial_values(case_of(roots))
        row = np.array([norm(values[name]) for name in TRIALS])
        row[0] /= trial.cell_time[0]  # of S itself
        rows.append(row)
    return dict(zip(TRIALS, np.log(rows[0] / rows[1]) / np.log(n[1] / n[0]), strict=True))


def sine(physics, n, limiter="mc", mean=2.0):
    options = {"name": "advection", "velocity": [1.0]} if physics == "advection" else {"name": physics}
    problem = {"name": "sine", "mean": mean}
    return made(1, n, physics=options, problem=problem, scheme={"limiter": limiter}, time={"end": 0.08})


@pytest.mark.parametrize("physics", ["advection", "burgers"])
def test_decay_in_smooth_flow(physics):
    found = decays(lambda n: sine(physics, n, "none"), np.max)
    assert 1.9 < found["entropy_production"] < 2.2
    assert 2.8 < found["weak_residual"] < 3.2
    assert 2.9 < found["richardson"] < 3.4
    # With a limiter extrema are of first order; the mean is as before.
    found = decays(lambda n: sine(physics, n), np.mean)
    assert 1.7 < found["entropy_production"] < 2.2
    assert 1.4 < decays(lambda n: sine(physics, n), np.max)["weak_residual"] < 2.7


def step_case(physics, n):
    options = {"name": "advection", "velocity": [1.0]} if physics == "advection" else {"name": physics}
    problem = {"name": "riemann", "left": {"q": 1.0}, "right": {"q": 0.0}, "offset": 0.4}
    return made(1, n, mesh={"periodic": False}, physics=options, problem=problem, time={"end": 0.3})


def test_decay_at_discontinuities():
    contact = decays(lambda n: step_case("advection", n), np.max, (8, 64))
    assert -0.65 < contact["entropy_production"] < -0.3
    assert 0.1 < contact["weak_residual"] < 0.6
    shock = decays(lambda n: step_case("burgers", n), np.max, (8, 128))
    assert shock["entropy_production"] == pytest.approx(-1.0, abs=0.1)  # S ~ 1 / h
    assert abs(shock["weak_residual"]) < 0.3


@pytest.mark.parametrize("dim", DIMS)
def test_constant_states_have_no_residual(dim):
    state = {"density": 1.0, "velocity": [0.0] * dim, "pressure": 1e5}
    case = made(dim, 2, physics={"name": "euler"}, problem={"name": "constant", "state": state}, time={"end": 1e-4})
    values, _ = trial_values(case)
    for name, found in values.items():
        assert found.max() < 1e-4 * INDICATORS[name](create_physics("euler", dim)).coarsen, name


@pytest.mark.parametrize("dim", [1, 2])
def test_richardson_estimates_the_error_of_a_smooth_advection(dim):
    case = made(
        dim,
        4,
        mesh={"block_cells": 16},
        physics={"name": "advection", "velocity": [1.0, 0.5][:dim]},
        problem={"name": "sine"},
        scheme={"limiter": "none"},
        refinement={"indicators": ["richardson"]},
        time={"end": 0.5},
    )
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        sim._decide()
        estimate, true = sim.decider.thresholds.state.error_estimate, errors(sim)["q"]["L1"] / 2.0  # the range is 2
    assert 0.7 < estimate / true < 1.4


@pytest.mark.parametrize("name", TRIALS)
@pytest.mark.parametrize("dim", DIMS)
def test_a_trial_changes_nothing(name, dim):
    """With thresholds that nothing exceeds, a run with trial steps ends as one without; and is the uniform one."""
    digests = []
    for indicators in ([{"name": name, "refine": 1e9}], [{"name": "jump", "refine": 1e9}]):
        case = small("blast_2d" if dim == 2 else "sod" if dim == 1 else "blast_3d", time={"max_steps": 6},
                     mesh={"max_level": 1, "block_cells": 8, "root_blocks": [4, 4, 4][:dim]}, refinement={
                         "indicators": indicators, "interval": 2})  # fmt: skip
        with Simulation(case) as sim:
            for _ in sim.steps():
                pass
            digests.append(digest(sim.snapshot()))
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", TRIALS)
def test_trial_values_are_symmetric_to_the_last_bit(name):
    case = small(
        "blast_2d", mesh={"max_level": 2, "block_cells": 8}, time={"max_steps": 8}, refinement={"indicators": [name]}
    )
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        trial = sim.trial(True)
        values = create_indicator(name, sim.physics).evaluate(trial).reshape(-1, 8, 8)
        level, coords = sim.mesh.level, sim.mesh.coords
    assert values.max() > 0
    assert len(set(level)) > 1
    index = {(int(m), int(c[0]), int(c[1])): b for b, (m, c) in enumerate(zip(level, coords, strict=True))}
    roots = case.mesh.root_blocks
    for (m, i, j), b in index.items():
        assert (values[b] == values[index[m, j, i]].T).all()
        assert (values[index[m, roots[0] * 2**m - 1 - i, j]][:, ::-1] == values[b]).all()


def test_refusals():
    def fault(**sections):
        with pytest.raises(CaseError) as caught:
            small("blast_2d", **sections)
        return str(caught.value)

    for name in TRIALS:
        text = fault(refinement={"indicators": [name]}, scheme={"subcycle": True})
        assert "indicators[0].name" in text
        assert "needs scheme.subcycle = false" in text
    text = fault(refinement={"indicators": ["richardson"], "interval": 1}, mesh={"block_cells": 10})
    assert "multiple of 4" in text
    wide = {"integrator": "ssp_rk3", "reconstruction": "weno5z"}
    text = fault(refinement={"indicators": ["richardson"], "interval": 1}, mesh={"block_cells": 8}, scheme=wide)
    assert "at least 12 cells" in text
    small("blast_2d", refinement={"indicators": ["weak_residual"], "interval": 1}, mesh={"block_cells": 10})


@pytest.mark.parametrize(("n", "g"), [(8, 2), (12, 3), (16, 3)])
def test_half_blocks_have_the_ghosts_they_need(n, g):
    """A linear state is restricted, filled over coarse-fine faces and prolonged exactly, on blocks of n / 2 cells."""
    from tests.transfer_tools import cell_centers, geometry_of, make_fill, random_forest

    assert coarse_fault(n, g) == ""
    for dim in DIMS:
        forest = random_forest(dim, 1, periodic=(False,) * 3)
        physics = create_physics("burgers", dim)
        fill, layout = make_fill(forest, physics, n // 2, g, "outflow")
        x = cell_centers(forest, np.arange(forest.n_leaves), layout, geometry_of(forest, n // 2))
        exact = np.einsum("a...,a->...", x, np.array([1.0, 2.0, 3.0])[:dim])
        u = np.full((forest.n_leaves, *layout.shape), np.nan)
        u[(slice(None), 0, *layout.interior)] = exact[(slice(None), *layout.interior)]
        fill.fill(u, 0.0)
        high = np.array(forest.root_blocks[:dim], dtype=float)
        inside = ((x > 0) & (x < high.reshape(-1, 1, 1, 1, 1))).all(axis=0)
        # Next to the boundary slopes are limited.
        margin = 4 * geometry_of(forest, n // 2).spacing(0)[0, 0]
        deep = ((x > margin) & (x < high.reshape(-1, 1, 1, 1, 1) - margin)).all(axis=0)
        assert np.isfinite(u[:, 0][inside]).all()
        assert u[:, 0][deep] == pytest.approx(exact[deep], rel=1e-12)


# ---- ranks and restarts ----------------------------------------------------------------------------------------------


def test_every_family_is_told_by_its_name_and_has_thresholds():
    goal = {"lower": [0.0, 0.0], "upper": [1.0, 1.0], "variable": "pressure"}
    for name, cls in INDICATORS.items():
        given = {"goal": goal} if name == "adjoint" else {}
        physics = create_physics("acoustics" if given else "euler", 2)
        indicator = create_indicator(name, physics, given)
        assert 0 < indicator.coarsen < indicator.refine
        assert cls.name == name
        assert isinstance(indicator, TrialIndicator) == (name in TRIALS)
        assert create_indicator(name, physics, {**given, "refine": 0.5}).refine == 0.5


def targeted(target):
    return made(
        1,
        4,
        mesh={"max_level": 5},
        physics={"name": "advection", "velocity": [1.0]},
        problem={"name": "sine", "waves": [2]},
        refinement={"indicators": ["richardson"], "target_error": target},
        guard={"enabled": False},
        time={"end": 0.5},
    )


def test_target_error_is_met():
    updates = []
    for target in (1e-2, 3e-3, 1e-3, 3e-4):
        with Simulation(targeted(target)) as sim:
            for _ in sim.steps():
                pass
            sim._decide()
            estimate = sim.decider.thresholds.state.error_estimate
            assert 0.2 * target < estimate < 1.5 * target
            assert errors(sim)["q"]["L1"] / 2.0 < target  # in units of the range
            updates.append(sim.report.cell_updates)
    assert (np.diff(np.log(updates)) > 0.5).all()


def test_target_error_that_the_finest_level_cannot_meet():
    case = targeted(1e-5).replace(mesh={"max_level": 1})
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        assert (sim.mesh.forest.level == 1).all()
        assert sim.decider.thresholds.state.error_estimate > 1e-4
        assert sim.decider.thresholds.state.multiplier > 0.01


def test_a_restart_goes_on_with_the_steered_thresholds(tmp_path):
    path = tmp_path / "half.h5"
    with Simulation(targeted(3e-4)) as sim:
        for step in sim.steps():
            if step.number == 41:
                sim.write(path)
        whole = digest(sim.snapshot()), sim.decider.thresholds.state
    assert whole[1].multiplier < 0.1
    with Simulation(targeted(3e-4), restart=path) as sim:
        for _ in sim.steps():
            pass
        assert (digest(sim.snapshot()), sim.decider.thresholds.state) == whole


@pytest.mark.parametrize("name", TRIALS)
def test_a_gas_at_rest_with_a_jump_of_pressure(name):
    """Momentum is 0 everywhere: its range is no scale for what the first step makes of it."""
    with Simulation(small("sod", mesh={"max_level": 0})) as sim:
        values = create_indicator(name, sim.physics).evaluate(sim.trial(True))
    assert create_indicator(name, sim.physics).refine < values.max() < 2.0
