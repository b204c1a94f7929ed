"""What level-wise time steps gain: blasts with ``scheme.subcycle`` off and on, their times and their errors.

The error is that against the converged solution: a blast is symmetric about its centre, so a run in one dimension, along the
radius and with the geometric source, on a much finer mesh, gives it for two and three dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import process_time
from typing import Any

import numpy as np

from amr.bench.cases import BenchCase
from amr.case import Case
from amr.comm import Comm
from amr.problems.sample import average_pieces, error_sums
from amr.scheme.sources import SourceTerms
from amr.simulation import Simulation

CASES = {
    "1d_deep": BenchCase(1, 64, 16, 8, 0.0, 0.03),
    "2d_deep_early": BenchCase(2, 64, 16, 6, 0.0, 0.005),
    "2d_deep": BenchCase(2, 64, 16, 6, 0.0, 0.01),
    "2d_deep_32": BenchCase(2, 64, 32, 6, 0.0, 0.01),
    "3d_amr": BenchCase(3, 32, 8, 3, 0.0, 0.006),
}
INTERVALS = (4, 8)
_REPEAT = 2
_FINER = 2  # levels of the radial run beyond the finest of the case


@dataclass(frozen=True)
class Profile:
    """Density, radial velocity and pressure at the centres of cells ``r``, ascending."""

    r: np.ndarray
    density: np.ndarray
    velocity: np.ndarray
    pressure: np.ndarray

    def __call__(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Primitive state at points x (dim, m) around the centre."""
        r = np.sqrt((x * x).sum(axis=0))
        speed = np.interp(r, self.r, self.velocity)
        return {
            "density": np.interp(r, self.r, self.density),
            "velocity": x * (speed / np.where(r > 0, r, 1.0)),
            "pressure": np.interp(r, self.r, self.pressure),
        }


def radial_profile(case: Case, comm: Comm) -> Profile:
    """The blast of `amr.bench.cases` at its end, from cells a quarter as large as the finest of the case. Collective."""
    dim, gamma = case.mesh.dim, float(case.data["physics"]["gamma"])

    def geometry(x: np.ndarray, t: float, w: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Minus the radial flux without its pressure, times (dim - 1) / r."""
        rho, v, p = w["density"], w["velocity"][0], w["pressure"]
        factor = (1 - dim) * v / x[0]
        energy = p / (gamma - 1) + 0.5 * rho * v * v
        return {"density": factor * rho, "momentum_x": factor * rho * v, "energy": factor * (energy + p)}

    radial = Case.from_dict(
        {
            "mesh": {
                "lower": [0.0],
                "upper": [0.5],
                "root_blocks": [case.mesh.root_blocks[0]],
                "block_cells": case.mesh.block_cells,
                "max_level": case.mesh.max_level + _FINER - 1,
            },
            "boundaries": {"x": ["reflecting", "outflow"]},
            "physics": {"name": "euler", "gamma": gamma},
            "problem": {"name": "blast", "center": [0.0]},
            "time": {"end": case.time.end},
            "output": {"format": "none"},
        }
    )
    with Simulation(radial, comm=comm) as sim:
        if dim > 1:
            sim.split.sources = SourceTerms([("geometry", geometry)], sim.physics, sim.layout)
        for _ in sim.steps():
            pass
        inner = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
        w = sim.physics.to_primitive(np.ascontiguousarray(np.moveaxis(inner, 1, 0).reshape(sim.layout.n_var, -1)))
        return Profile(sim.mesh.cell_centers().reshape(-1), *w)


def l1_error(sim: Simulation, exact: Profile) -> float:
    """L1 error of the density per volume against cell averages of the profile. Not collective."""
    mesh, total = sim.mesh, 0.0
    corner = mesh.geometry.origin(mesh.level, mesh.coords)
    inner = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
    for blocks, averages in average_pieces(exact, sim.physics, corner, mesh.spacing, sim.layout.n):
        u = np.ascontiguousarray(inner[blocks]).reshape(averages.shape)
        total += float(error_sums(u, averages, mesh.cell_volume[blocks])["L1"][:, 0].sum())
    return total


def measure_gain(name: str, bench: BenchCase, comm: Comm, quick: bool = False) -> list[dict[str, Any]]:
    """Run a case with one step for all levels and with level-wise steps, in turn, twice. On one rank.

    With ``quick`` once, on two levels fewer.

    Returns
    -------
    list of dict
        One for each regrid interval, with and without level-wise steps. ``seconds``: processor time of the time loop, the
        least of the repetitions; ``cell_updates``, ``leaves``, ``error`` (L1, density); ``gain``: seconds of the fastest
        run with one step for all levels over these; ``update_gain``: its cell updates over these, which is what the gain
        would be if all work were that of cell updates.
    """
    if quick:
        bench = replace(bench, max_level=bench.max_level - 2)
    exact = radial_profile(bench.make(), comm)
    rows: list[dict[str, Any]] = [
        {"name": name, "subcycle": subcycle, "interval": interval, "seconds": np.inf}
        for interval in INTERVALS
        for subcycle in (False, True)
    ]
    for _ in range(1 if quick else _REPEAT):
        for row in rows:
            _run(row, bench, exact, comm)
    best = min((row for row in rows if not row["subcycle"]), key=lambda row: row["seconds"])
    for row in rows:
        row["gain"] = best["seconds"] / row["seconds"]
        row["update_gain"] = best["cell_updates"] / row["cell_updates"]
    return rows


def _run(row: dict[str, Any], bench: BenchCase, exact: Profile, comm: Comm) -> None:
    """Run one row's case and note what it took and reached."""
    scheme, refinement = {"subcycle": row["subcycle"]}, {"interval": row["interval"]}
    case = bench.make().replace(scheme=scheme, refinement=refinement)
    with Simulation(case, comm=comm) as sim:
        begin = process_time()
        for _ in sim.steps():
            pass
        row["seconds"] = min(row["seconds"], process_time() - begin)
        row["steps"], row["cell_updates"] = sim.step_number, sim.report.cell_updates
        row["leaves"] = list(sim.report.leaves_per_level())
        row["error"] = l1_error(sim, exact)
