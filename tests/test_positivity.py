"""No unphysical state is ever reported as valid: hard problems to their end, the fall-back, rejected steps, and giving up."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from amr import errors
from amr.comm import Comm
from amr.io.checkpoint import Checkpoint
from amr.simulation import Simulation
from tests.proof_cases import STATES, torn
from tests.runs import SOLVE, made, small

SCHEMES = {
    **{name: {"integrator": name} for name in ("muscl_hancock", "ssp_rk2", "ssp_rk3")},
    **{name: {"integrator": "ssp_rk3", "reconstruction": name} for name in ("ppm", "weno5z")},
}
RK3_ROE = {"integrator": "ssp_rk3", "limiter": "none", "riemann": "roe"}


def run_positive(case):
    """Run to the end; density and pressure of every cell are positive after every step. Returns the simulation."""
    with Simulation(case) as sim:
        pressure = sim.physics.primitives.index("pressure")
        for step in sim.steps():
            u = np.moveaxis(sim.pool.u[(slice(None), slice(None), *sim.layout.interior)], 1, 0)
            w = sim.physics.to_primitive(np.ascontiguousarray(u).reshape(len(u), -1))
            assert np.isfinite(w).all() and w[0].min() > 0 and w[pressure].min() > 0, step
        assert sim.time == case.time.end
        for variable, entry in sim.ledger.report(sim.pool.u, sim.mesh).items():
            assert entry["unexplained"] <= 1e-12, variable
    return sim


def pull(speed, **scheme):
    """The 123 problem with gas that leaves at ``speed``; above 2 / (gamma - 1) sound speeds, 3.7, a vacuum opens."""
    left, right = ({"density": 1.0, "velocity": [s * speed], "pressure": 0.4} for s in (-1, 1))
    mesh = {"max_level": 2, "root_blocks": [4]}
    return small(
        "two_rarefactions", mesh=mesh, problem={"left": left, "right": right}, scheme=scheme, time={"end": 0.3 / speed}
    )


HARD = {
    "123": lambda **scheme: pull(2.0, **scheme),
    "123, vacuum at speed 5": lambda **scheme: pull(5.0, **scheme),
    "123, vacuum at speed 20": lambda **scheme: pull(20.0, **scheme),
    "woodward-colella": lambda **scheme: small(
        "woodward_colella", mesh={"max_level": 2, "root_blocks": [4]}, scheme=scheme
    ),
    "blast 1e5 : 1": lambda **scheme: small(
        "blast_2d",
        mesh={"max_level": 2, "root_blocks": [2, 2]},
        problem={"pressure_inside": 1e4, "pressure_outside": 0.1},
        time={"end": 1e-3},
        scheme=scheme,
    ),
    "double mach": lambda **scheme: small(
        "double_mach", mesh={"max_level": 1, "root_blocks": [4, 1]}, scheme={"cfl": 0.8, **scheme}
    ),
    "torn 2D": lambda **scheme: torn(2, **scheme),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", HARD)
def test_density_and_pressure_stay_positive(name, scheme):
    run_positive(HARD[name](**SCHEMES[scheme]))


@pytest.mark.parametrize("scheme", [{"limiter": "none"}, RK3_ROE, {"riemann": "exact"}], ids=str)
@pytest.mark.parametrize("name", ["123, vacuum at speed 20", "woodward-colella", "blast 1e5 : 1"])
def test_also_without_a_limiter_and_with_other_solvers(name, scheme):
    run_positive(HARD[name](**scheme))


# ---- the fall-back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_fallback_keeps_the_totals(dim, scheme):
    """Both sides of a face take the first-order flux, across levels too."""
    sim = run_positive(torn(dim, **SCHEMES[scheme], limiter="none"))
    assert sim.report.fallback_cells > 0 and sim.report.rejected_steps == 0
    report = sim.ledger.report(sim.pool.u, sim.mesh)
    for variable in ("density", "energy"):
        assert abs(report[variable]["final"] / report[variable]["initial"] - 1) < 1e-13
    for axis in range(dim):
        momentum = report["momentum_" + "xyz"[axis]]
        assert abs(momentum["final"] - momentum["initial"]) < 1e-12
    if dim > 1:
        assert len(set(sim.mesh.forest.level.tolist())) > 1, "coarse-fine faces take part"


# ---- rejected steps ------------------------------------------------------------------------------------------------------


def rough(dt, **sections):
    """A step length that the user has fixed far above the stable one."""
    return made(
        2,
        2,
        mesh={"max_level": 1},
        physics={"name": "euler"},
        problem={"name": f"{STATES}:rough"},
        refinement={"indicators": ["jump"]},
        time={"end": 0.01, "dt": dt},
        **sections,
    )


def test_a_rejected_step_is_tried_again_with_half_its_length():
    case = rough(5e-3)
    sim = run_positive(case)
    assert sim.report.rejected_steps > sim.step_number
    for entry in sim.ledger.report(sim.pool.u, sim.mesh).values():
        assert entry["unexplained"] <= 1e-12


def test_a_rejected_step_leaves_sources_undone():
    """Half a step of the source is done before a step is tried: it must not stay when the step is rejected."""
    case = rough(5e-3, sources=[{"name": "gravity", "g": [0.0, -1.0]}])
    sim = run_positive(case)
    assert sim.report.rejected_steps > 0
    entry = sim.ledger.report(sim.pool.u, sim.mesh)["momentum_y"]
    mass = sim.ledger.report(sim.pool.u, sim.mesh)["density"]["final"]
    assert entry["final"] - entry["initial"] == pytest.approx(-mass * sim.time, rel=1e-10)


# ---- giving up -----------------------------------------------------------------------------------------------------------


def impossible(folder):
    """A step that no halving saves."""
    return rough(0.05, scheme={"max_retries": 2}, output={"directory": str(folder), "format": "none"}).replace(
        time={"end": 0.1}
    )


def test_giving_up_names_the_place_and_keeps_the_last_good_state(tmp_path):
    with Simulation(impossible(tmp_path)) as sim:
        first = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)].copy()
        with pytest.raises(errors.UnphysicalState) as caught:
            list(sim.steps())
    text = str(caught.value)
    for part in ("density = ", "pressure = ", "at t = 0, level", "cell (", "x = (", "tried 3 times", "emergency.h5"):
        assert part in text, text
    checkpoint = Checkpoint(tmp_path / "emergency.h5")
    u = np.empty_like(sim.pool.u)
    checkpoint.read_blocks(slice(0, checkpoint.n_leaves), u, sim.layout)
    assert np.array_equal(u[(slice(None), slice(None), *sim.layout.interior)], first)


def test_an_emergency_file_that_cannot_be_written_hides_nothing(tmp_path):
    """The place of the failure is worth more than the file."""
    (tmp_path / "file").write_text("")
    with Simulation(impossible(tmp_path / "file")) as sim, pytest.raises(errors.UnphysicalState) as caught:
        list(sim.steps())
    assert "cell (" in str(caught.value) and "cannot write" in str(caught.value)


@pytest.mark.parametrize("n_ranks", [1, 3])
def test_the_program_gives_up_with_one_message(mpirun, tmp_path, n_ranks):
    case = impossible(tmp_path / "out")
    (tmp_path / "case.toml").write_text(case.to_toml())
    run = mpirun(n_ranks, [*SOLVE, tmp_path / "case.toml", "--quiet"], timeout=60)
    assert run.returncode == 1, run
    messages = [line for line in run.stderr.splitlines() if "amr" in line or "error" in line.lower()]
    assert run.stderr.count("at t = 0, level") == 1 and "Traceback" not in run.stderr, messages
    again = mpirun(0, [*SOLVE, tmp_path / "case.toml", "--restart", tmp_path / "out" / "emergency.h5",
                       "--set", "time.dt=1e-5", "--set", "time.max_steps=3"], check=True)  # fmt: skip
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["steps"] == 3 and math.isfinite(report["time"]), again.stdout


def test_an_unphysical_initial_state_is_told_with_its_place():
    case = made(
        1, 2, physics={"name": "euler"}, problem={"name": f"{STATES}:vacuum"}, mesh={"max_level": 1}, time={"end": 1.0}
    )
    with pytest.raises(errors.UnphysicalState, match=r"the initial state: .*density = 0.*x = \(0\.\d+\)"):
        Simulation(case, comm=Comm.self_())
