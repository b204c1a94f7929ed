"""Every case of cases/ at a small size: it runs, adapts, keeps its totals; where more is known, that too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amr.results import errors
from amr.simulation import Simulation
from tests.runs import CASES, small

#: Case -> keys that make it small, and largest L1 errors at the end (per volume, by conserved variable).
SMALL: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "acoustic_pulse": ({"mesh": {"max_level": 2}}, {"pressure": 2e-3}),
    "blast_2d": ({"mesh": {"max_level": 2}, "time": {"end": 0.02}}, {}),
    "blast_3d": ({"mesh": {"block_cells": 8}, "time": {"end": 0.02}}, {}),
    "burgers": ({"mesh": {"max_level": 2}, "time": {"end": 0.3}}, {}),
    "dam_break": ({"mesh": {"max_level": 2}}, {"depth": 2e-3}),
    "dam_break_radial": ({"mesh": {"max_level": 1}, "time": {"end": 1.0}}, {}),
    "double_mach": ({"mesh": {"max_level": 1}, "time": {"end": 0.05}}, {}),
    "implosion": ({"mesh": {"max_level": 1}, "time": {"end": 0.1}}, {}),
    "kelvin_helmholtz": ({"mesh": {"max_level": 1}, "time": {"end": 0.1}}, {}),
    "plugins": ({"mesh": {"max_level": 1}, "time": {"end": 0.1}}, {}),
    "rayleigh_taylor": ({"mesh": {"max_level": 1}, "time": {"end": 0.2}}, {}),
    "riemann_2d": ({"mesh": {"max_level": 1}, "time": {"end": 0.1}}, {}),
    "sedov_2d": ({"mesh": {"max_level": 1}, "problem": {"width": 0.03}, "time": {"end": 0.05}}, {"density": 0.1}),
    "sedov_3d": ({"mesh": {"block_cells": 8, "max_level": 1}, "problem": {"width": 0.1}, "time": {"end": 0.03}}, {}),
    "shu_osher": ({"mesh": {"max_level": 2}, "time": {"end": 0.9}}, {}),
    "slotted_disc": ({"mesh": {"max_level": 1}, "time": {"end": 0.25}}, {"q": 0.02}),
    "sod": ({"mesh": {"max_level": 2}}, {"density": 1.3e-3}),
    "sod_2d_diagonal": ({"mesh": {"max_level": 1}, "time": {"end": 0.1}}, {"density": 5e-3}),
    "sod_2d_x": ({"mesh": {"max_level": 1}, "time": {"end": 0.1}}, {"density": 2e-3}),
    "sod_2d_y": ({"mesh": {"max_level": 1}, "time": {"end": 0.1}}, {"density": 2e-3}),
    "two_rarefactions": ({"mesh": {"max_level": 2}}, {"density": 2.2e-3}),
    "vortex": ({"mesh": {"root_blocks": [4, 4], "max_level": 1}, "time": {"end": 0.5}}, {"density": 1e-3}),
    "woodward_colella": ({"mesh": {"max_level": 2}}, {}),
}
#: Cases whose mesh must have changed in so short a time.
MOVING = {"blast_3d", "burgers", "dam_break", "double_mach", "shu_osher", "sod", "two_rarefactions", "woodward_colella"}


def test_every_case_is_run() -> None:
    assert set(SMALL) == {path.stem for path in CASES.glob("*.toml")}


def cells(sim: Simulation) -> tuple[np.ndarray, np.ndarray]:
    """Primitive states (n_var, m) and centres (dim, m) of all cells."""
    inner = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
    u = np.moveaxis(inner, 1, 0).reshape(sim.layout.n_var, -1)
    return sim.physics.to_primitive(u), sim.mesh.cell_centers().reshape(sim.layout.dim, -1)


@pytest.mark.parametrize("name", SMALL)
def test_a_small_case_runs_and_keeps_its_totals(name: str, tmp_path: Path) -> None:
    sections, bounds = SMALL[name]
    with Simulation(small(name, **sections, output={"directory": str(tmp_path)})) as sim:
        trees = {sim.mesh.forest.key.tobytes()}
        deepest = int(sim.mesh.forest.level.max())
        for _ in sim.steps():
            trees.add(sim.mesh.forest.key.tobytes())
            deepest = max(deepest, int(sim.mesh.forest.level.max()))
        assert sim.time == sim.case.time.end and sim.report.rejected_steps == 0
        assert deepest == sim.case.mesh.max_level
        assert len(trees) > 1 or name not in MOVING
        rows = sim.ledger.report(sim.pool.u, sim.mesh)
        assert max(row["unexplained"] for row in rows.values()) <= 1e-12
        w, _ = cells(sim)
        assert np.all(sim.physics.is_physical(sim.physics.to_conserved(w)))
        found = errors(sim)
    assert (found is not None) == sim.case.problem.has_exact(sim.case.time.end)
    for variable, bound in bounds.items():
        assert found is not None and found[variable]["L1"] <= bound


@pytest.mark.parametrize(("name", "width", "end"), [("sedov_2d", 0.03, 0.14), ("sedov_3d", 0.06, 0.03)])
def test_the_explosion_has_the_exact_radius(name: str, width: float, end: float) -> None:
    mesh = {"max_level": 2} if name == "sedov_2d" else {"block_cells": 8, "max_level": 2}
    with Simulation(small(name, mesh=mesh, problem={"width": width}, time={"end": end})) as sim:
        for _ in sim.steps():
            pass
        w, x = cells(sim)
        r = np.sqrt((x * x).sum(axis=0))
        exact = sim.case.problem.shock_radius(sim.time)
        h = float(sim.mesh.spacing[:, 0].min())
    outside, densest = r[w[0] > 1.5].max(), r[np.argmax(w[0])]
    assert exact == pytest.approx({2: 0.3757, 3: 0.2540}[len(x)], abs=1e-4)
    # A ball instead of a point explodes a little ahead; the front is smeared over some cells.
    assert exact - 3 * h <= densest <= outside <= exact + 3 * h
