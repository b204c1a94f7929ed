"""Runs of Langevin dynamics: equilibrium, probability, positive densities, rates, ranks, restart, faults of a case."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from amr.case import Case
from amr.cli import _group
from amr.comm import Comm
from amr.errors import CaseError
from amr.implicit.escape import relaxation_rate
from amr.implicit.fokker_planck import FokkerPlanckOperator, reduced_energy
from amr.results import errors, make_report
from amr.simulation import Simulation
from tests.conftest import ROOT
from tests.runs import SOLVE, small

SMALL: dict[str, dict[str, Any]] = {"mesh": {"block_cells": 8, "max_level": 2, "root_blocks": [3, 3]}}


PLANE = {"center": [0.0, 1.0], "depth": 1.0, "width": 1.0}


def one_dimension(**sections: Any) -> Case:
    """A double well on one level or more."""
    data: dict[str, Any] = {
        "mesh": {"lower": [-2.0], "upper": [2.0], "root_blocks": [8], "block_cells": 8},
        "physics": {"name": "fokker_planck", "temperature": 0.4, "landscape": {"name": "double_well"}},
        "problem": {"name": "langevin", "center": [-1.0], "width": 0.2},
        "scheme": {"integrator": "petsc"},
        "guard": {"enabled": False},
        "time": {"end": 30.0},
        "output": {"format": "none"},
    }
    return Case.from_dict({**data, **{k: {**data.get(k, {}), **v} for k, v in sections.items()}})


def ran(case: Case) -> tuple[dict[str, Any], dict[str, dict[str, float]] | None, np.ndarray]:
    """Report, errors and cells at the end."""
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        cells = sim.pool.u[(slice(None), 0, *sim.layout.interior)].copy()
        return make_report(sim), errors(sim), cells


def drift(report: dict[str, Any]) -> float:
    """How far the total probability has moved since the start."""
    row = report["conservation"]["density"]
    assert row["unexplained"] < 1e-15
    return abs(row["final"] - row["initial"])


def test_the_case_ends_in_the_density_of_boltzmann():
    report, found, cells = ran(small("langevin", **SMALL))
    assert found is not None and found["density"]["L1"] < 3e-5
    assert drift(report) < 1e-12
    assert report["implicit"]["type"] == "beuler"
    assert report["implicit"]["undershoots"]["cells"] == 0 and report["implicit"]["undershoots"]["least"] > -1e-16
    assert cells.min() > -1e-16 and report["leaves_per_level"][2] > 0


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_equilibrium_is_at_rest_across_levels(dim):
    """Cell averages of exp(-E / T) / Z, to round-off, through steps on a mesh of two levels or three."""
    half = [1.5] * dim
    case = Case.from_dict(
        {
            "mesh": {
                "lower": [-1.5] * dim,
                "upper": half,
                "root_blocks": [3] * dim,
                "block_cells": 8,
                "max_level": 2 if dim < 3 else 1,
            },
            "physics": {
                "name": "fokker_planck",
                "temperature": 0.25,
                "landscape": {"name": "double_well", "stiffness": 2.0},
            },
            "problem": {"name": "langevin", "start": "equilibrium"},
            "scheme": {"integrator": "petsc"},
            "refinement": {
                "regions": [{"lower": [-1.0] * dim, "upper": [0.4] * dim, "level": 1}],
                "refine": 0.02,
                "interval": 1000,
                "buffer": 1,
            },
            "guard": {"enabled": False},
            "time": {"end": 5.0, "dt": 0.5},
            "output": {"format": "none"},
        }
    )  # fmt: skip
    report, found, cells = ran(case)
    assert found is not None and found["density"]["Linf"] < 1e-6 * cells.max()  # that of the sum over Gauss points, Z
    assert drift(report) < 1e-13 and sum(n > 0 for n in report["leaves_per_level"]) > 1
    with Simulation(case) as sim:
        start = sim.pool.u[(slice(None), 0, *sim.layout.interior)].copy()
    assert np.abs(start - cells).max() < 1e-11 * cells.max()


@pytest.mark.parametrize(("kind", "least"), [("beuler", -1e-16), ("bdf", -1e-8), ("rosw", -1e-3), ("arkimex", -1e-3)])
def test_undershoots_of_each_type_are_reported(kind, least):
    """A narrow start: only backward Euler promises that nothing becomes negative."""
    case = one_dimension(
        problem={"width": 0.06}, petsc={"options": f"-ts_type {kind} -ts_rtol 1e-3"}, time={"end": 2.0}
    )
    report, _, _ = ran(case)
    told = report["implicit"]["undershoots"]
    assert (told["cells"] > 0) == (told["least"] < -1e-15 / 4.0)
    assert told["least"] >= least and drift(report) < 1e-12
    assert kind not in ("beuler",) or told["cells"] == 0


def test_the_difference_of_the_populations_decays_with_the_smallest_eigenvalue():
    case = one_dimension(petsc={"options": "-ts_type arkimex -ts_rtol 1e-7 -ts_atol 1e-10"}, time={"end": 24.0})
    times, differences = [], []
    with Simulation(case) as sim:
        x = sim.mesh.cell_centers()[0]
        psi = reduced_energy(sim.mesh, Comm.self_(), case.physics.energy, 0.4)
        operator = FokkerPlanckOperator(sim.mesh, Comm.self_(), psi, 0.4)
        rate = relaxation_rate(operator, (x < 0).astype(float), prefix="eigen_")
        for step in sim.steps():
            cells = sim.pool.u[(slice(None), 0, *sim.layout.interior)]
            times.append(step.time)
            differences.append(float((np.sign(-x) * cells).sum() * sim.mesh.spacing[0, 0]))
    late = np.array(times) > 4.0
    slope = np.polyfit(np.array(times)[late], np.log(np.array(differences)[late]), 1)[0]
    assert -slope == pytest.approx(rate, rel=1e-3)


def test_a_plugin_landscape_gives_the_same_run(tmp_path):
    (tmp_path / "valley.py").write_text("def energy(x):\n    a = x[0] ** 2 - 1.0\n    return 1.0 * a * a\n")
    _, _, built_in = ran(one_dimension(time={"end": 1.0}))
    _, _, plugin = ran(one_dimension(physics={"landscape": f"{tmp_path}/valley.py:energy"}, time={"end": 1.0}))
    assert np.array_equal(built_in, plugin)


def test_ranks_agree_to_the_solvers_tolerance(mpirun, tmp_path):
    found = []
    for ranks in (1, 2, 3):
        folder = tmp_path / str(ranks)
        changes = (
            "output.format=none",
            "mesh.block_cells=8",
            "mesh.root_blocks=[3,3]",
            "mesh.max_level=2",
            "time.end=110.0",
        )
        args = [each for change in changes for each in ("--set", change)]
        mpirun(ranks, [*SOLVE, "cases/langevin.toml", "--quiet", "--output", folder, *args], check=True)
        found.append(json.loads((folder / "report.json").read_text()))
    for other in found[1:]:
        for key in ("leaves_per_level", "steps", "regrids"):
            assert other[key] == found[0][key]
        assert other["errors"]["density"]["L2"] == pytest.approx(found[0]["errors"]["density"]["L2"], abs=1e-9)
        assert drift(other) < 1e-12


def test_a_restart_goes_on_with_the_counts(tmp_path):
    whole, _, cells = ran(one_dimension(time={"end": 4.0}))
    case = one_dimension(time={"end": 4.0})
    with Simulation(case) as sim:
        for step in sim.steps():
            if step.number == 20:
                sim.write(tmp_path / "half.h5")
                break
    with Simulation(case, restart=tmp_path / "half.h5") as sim:
        for _ in sim.steps():
            pass
        again, report = sim.pool.u[(slice(None), 0, *sim.layout.interior)].copy(), make_report(sim)
    assert np.allclose(again, cells, rtol=0, atol=1e-3)  # the method starts anew, and so does its estimate of the error
    assert report["implicit"]["undershoots"] == pytest.approx(whole["implicit"]["undershoots"], abs=1e-12)


def test_escape_prints_times_beside_kramers(mpirun):
    args = ["--set", "mesh.block_cells=8", "--temperature", "0.4", "--temperature", "0.2", "--markdown"]
    code = "from amr.cli import main; main()"
    done = mpirun(0, ["-c", code, "escape", "cases/langevin.toml", *args], check=True)
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("|")][2:]
    ratios = {(float(row[0]), row[1].strip()): float(row[-1]) for row in rows}
    assert len(ratios) == 6
    hot, cold = ([r for (t, _), r in ratios.items() if t == wanted] for wanted in (0.4, 0.2))
    assert max(abs(np.array(cold) - 1)) < 0.25 and np.abs(np.array(cold) - 1).mean() < np.abs(np.array(hot) - 1).mean()
    both = mpirun(2, ["-c", code, "escape", "cases/langevin.toml", *args], check=True)
    other = [line.split("|")[1:-1] for line in both.stdout.splitlines() if line.startswith("|")][2:]
    assert [row[-1] for row in other] == [row[-1] for row in rows]
    failed = mpirun(0, ["-c", code, "escape", "cases/sod.toml"])
    assert failed.returncode == 2 and "fokker_planck, not of euler" in failed.stderr


def test_escape_is_a_command():
    assert "escape" in _group.commands and (ROOT / "cases" / "langevin.toml").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"physics": {"landscape": "muller"}}, r"unknown landscape .muller.; did you mean .muller_brown."),
        ({"physics": {"landscape": {"name": "muller_brown"}}}, "muller_brown is offered in 2D, not in 1D"),
        ({"physics": {"landscape": {"name": "double_well", "barrier": -1.0}}}, "landscape.barrier.*greater than 0"),
        ({"physics": {"landscape": {"name": "wells", "wells": [PLANE]}}}, "2 components in 1D"),
        ({"physics": {"temperature": 0.0}}, "physics.temperature"),
        ({"problem": {"center": None}}, "problem.center.*missing"),
        ({"problem": {"center": [0.0, 0.0]}}, "problem.center"),
        ({"scheme": {"integrator": "ssp_rk2"}}, 'it needs integrator = "petsc"'),
        ({"boundaries": {"x": [{"kind": "dirichlet", "density": 1.0}, "reflecting"]}}, "nothing passes the sides"),
    ],
)  # fmt: skip
def test_faults_are_told(change, message):
    with pytest.raises(CaseError, match=message):
        if change.get("problem", {}).get("center", 0) is None:
            Case.from_dict({**one_dimension().data, "problem": {"name": "langevin"}})
        one_dimension(**change)
