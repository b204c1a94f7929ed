"""What indicators buy: error against cell updates of Euler cases, for every built-in indicator and some thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from amr.case import Case
from amr.comm import Comm
from amr.io.curves import plot_curves
from amr.problems.sample import average_pieces
from amr.simulation import Simulation

FACTORS = (0.5, 1.0, 2.0)
"""Of the default thresholds."""
NEAR = 1.25
"""A run is near the front if its error is at most so many times the least of all runs with no more cell updates, and its cell
updates at most so many times the fewest of all runs with no larger error."""
UNIFORM = "uniform"
"""Name of the rows of uniform meshes among those of the indicators."""

INDICATORS: dict[str, dict[str, Any]] = {
    "multiresolution": {"name": "multiresolution"},
    "multiresolution, harten": {"name": "multiresolution", "mode": "harten"},
    "jump": {"name": "jump"},
    "second_difference": {"name": "second_difference"},
    "lohner": {"name": "lohner"},
    "lohner, flash": {"name": "lohner", "mode": "flash"},
    "modal": {"name": "modal"},
    "scalar_gradient": {"name": "scalar_gradient"},
    "vorticity": {"name": "vorticity"},
    "shock_sensor": {"name": "shock_sensor"},
    "pressure_jump": {"name": "pressure_jump"},
    "entropy_production": {"name": "entropy_production"},
    "weak_residual": {"name": "weak_residual"},
    "richardson": {"name": "richardson"},
}


@dataclass(frozen=True)
class EfficiencyCase:
    """A 2D Euler problem on a small mesh; its keys are those of a case file.

    Attributes
    ----------
    problem : mapping
    lower, upper : tuple of float
    root_blocks : tuple of int
        Of 16 cells along each axis.
    end : float
    max_level : int
    gamma : float
    boundaries : mapping, optional
        Periodic if left out.
    """

    problem: Mapping[str, Any]
    lower: tuple[float, float]
    upper: tuple[float, float]
    root_blocks: tuple[int, int]
    end: float
    max_level: int = 3
    gamma: float = 5 / 3
    boundaries: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Case:
        """The case for `amr.Simulation`, guards and indicator by default."""
        around = {"boundaries": dict(self.boundaries)} if self.boundaries else {}
        return Case.from_dict(
            {
                "mesh": {
                    "lower": list(self.lower),
                    "upper": list(self.upper),
                    "root_blocks": list(self.root_blocks),
                    "block_cells": 16,
                    "max_level": self.max_level,
                    **({} if around else {"periodic": True}),
                },
                **around,
                "physics": {"name": "euler", "gamma": self.gamma},
                "problem": dict(self.problem),
                "time": {"end": self.end},
                "output": {"format": "none"},
            }
        )

    def uniform(self, level: int) -> Case:
        """The case on a uniform mesh as fine as a level."""
        nx, ny = self.root_blocks
        return replace(self, root_blocks=(nx << level, ny << level), max_level=0).make()


CASES = {
    "blast_2d": EfficiencyCase({"name": "blast"}, (-0.5, -0.5), (0.5, 0.5), (4, 4), 0.06),
    "double_mach": EfficiencyCase(
        {"name": "double_mach"}, (0.0, 0.0), (4.0, 1.0), (8, 2), 0.06, gamma=1.4,
        boundaries={"x": ["problem", "outflow"], "y": ["problem", "problem"]},
    ),
    "kelvin_helmholtz": EfficiencyCase({"name": "kelvin_helmholtz"}, (0.0, 0.0), (1.0, 1.0), (2, 2), 0.8),
    "vortex": EfficiencyCase(
        {"name": "isentropic_vortex", "strength": 5.0}, (-10.0, -10.0), (10.0, 10.0), (4, 4), 5.0, gamma=1.4
    ),
}  # fmt: skip


def density(sim: Simulation) -> np.ndarray:
    """Density on the finest level that the mesh may have, float64 (nj, ni). On one rank; 2D.

    From level to level with limited slopes, so that a coarse cell stands for the line through it, not for a step.
    """
    mesh, n, top = sim.mesh, sim.layout.n, sim.mesh.forest.max_level
    values = sim.pool.u[(slice(None), 0, 0, *sim.layout.interior[1:])]
    shape = tuple(sim.case.mesh.root_blocks[axis] * n << top for axis in (1, 0))
    cells, depth = np.empty(shape), np.empty(shape, dtype=np.int8)
    for level in np.unique(mesh.level):
        at, width = mesh.level == level, 1 << (top - int(level))
        j, i = (mesh.coords[at, axis] for axis in (1, 0))
        for whole, inner in ((cells, values[at]), (depth, np.full_like(values[at], level))):
            blocks = whole.reshape(shape[0] // (n * width), n * width, shape[1] // (n * width), n * width)
            blocks[j, :, i, :] = inner.repeat(width, axis=1).repeat(width, axis=2)
    found = _restrict(cells, 1 << top)
    for level in range(1, top + 1):
        width = 1 << (top - level)
        own = _restrict(cells, width)
        found = np.where(depth[::width, ::width] >= level, own, _prolong(found))
    return found


def _restrict(cells: np.ndarray, width: int) -> np.ndarray:
    """Means of width x width cells."""
    nj, ni = (size // width for size in cells.shape)
    return cells.reshape(nj, width, ni, width).mean(axis=(1, 3))


def _prolong(cells: np.ndarray) -> np.ndarray:
    """Children of all cells by slopes of the MC limiter, 0 at the rim of the domain."""
    fine = cells.repeat(2, axis=0).repeat(2, axis=1)
    for axis in (0, 1):
        step = np.diff(np.pad(cells, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="edge"), axis=axis)
        a, b = (step.take(range(first, first + cells.shape[axis]), axis=axis) for first in (0, 1))
        slope = np.minimum(np.minimum(2 * np.abs(a), 2 * np.abs(b)), 0.5 * np.abs(a + b)) * np.sign(a) * (a * b > 0)
        side = np.where(np.arange(fine.shape[axis]) % 2, 0.25, -0.25)
        fine += slope.repeat(2, axis=0).repeat(2, axis=1) * side.reshape((-1, 1) if axis == 0 else (1, -1))
    return fine


def _reference(sim: Simulation, found: np.ndarray) -> np.ndarray:
    """Cell averages of the exact density on the uniform mesh of ``sim``, (nj, ni), or ``found`` where none is known."""
    problem = sim.initial.problem
    if not problem.has_exact(sim.time):
        return found
    mesh, n = sim.mesh, sim.layout.n
    out = np.empty(tuple(sim.case.mesh.root_blocks[axis] * n for axis in (1, 0)))
    blocks = out.reshape(out.shape[0] // n, n, out.shape[1] // n, n)
    corner = mesh.geometry.origin(mesh.level, mesh.coords)
    exact = partial(problem.exact, t=sim.time)
    for part, averages in average_pieces(exact, sim.physics, corner, mesh.spacing, n):
        blocks[mesh.coords[part, 1], :, mesh.coords[part, 0], :] = averages[:, 0]
    return out


def _run(case: Case, comm: Comm, **row: Any) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Run a case: its row with ``cell_updates`` and ``seconds``, the density and the reference of its mesh, if uniform."""
    with Simulation(case, comm=comm) as sim:
        begin = process_time()
        for _ in sim.steps():
            pass
        row["seconds"], row["cell_updates"] = process_time() - begin, sim.report.cell_updates
        found = density(sim)
        return row, found, _reference(sim, found) if case.mesh.max_level == 0 else found


def _error(found: np.ndarray, reference: np.ndarray) -> float:
    """L1 difference per volume, on the mesh of the reference."""
    while len(found) < len(reference):
        found = _prolong(found)
    return float(np.abs(found - reference).mean())


def measure_efficiency(
    name: str,
    case: EfficiencyCase,
    comm: Comm,
    quick: bool = False,
    indicators: Iterable[str] = INDICATORS,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Run a case on uniform meshes, and with each indicator and each factor of its thresholds. On one rank; 2D.

    With ``quick`` on two levels fewer, and with the default thresholds only.

    Parameters
    ----------
    name : str
    case : EfficiencyCase
    comm : Comm
    quick : bool
    indicators : iterable of str
        Of `INDICATORS`.
    say : callable
        Receives a line before the runs of each indicator.

    Returns
    -------
    list of dict
        A row for each run: ``case``, ``indicator``, ``factor`` of the thresholds of all levels, ``cell_updates`` (those of
        trial steps are not counted), ``seconds`` of processor time in the time loop, ``error``, and what
        `judge` sets. The error is L1 of the density per volume on the finest level, against the exact state where it is
        known, else against the uniform mesh of that level. Uniform meshes have the indicator "uniform" and, for a factor,
        their level; that which the others are compared with has no row.
    """
    if quick:
        case = replace(case, max_level=case.max_level - 2)
    say(f"{name}, uniform")
    uniform = [_run(case.uniform(level), comm, indicator=UNIFORM, factor=level) for level in range(case.max_level + 1)]
    reference = uniform[-1][2]
    runs = [(row, found) for row, found, _ in uniform if found is not reference]
    for indicator in indicators:
        say(f"{name}, {indicator}")
        for factor in (1.0,) if quick else FACTORS:
            refinement = {"indicators": [INDICATORS[indicator]], "level_factors": [factor]}
            made = case.make().replace(refinement=refinement)
            runs.append(_run(made, comm, indicator=indicator, factor=factor)[:2])
    rows = [{"case": name, **row, "error": _error(found, reference)} for row, found in runs]
    judge(rows)
    return rows


def judge(rows: Sequence[dict[str, Any]]) -> None:
    """Set ``error_over``, ``updates_over`` and ``is_near`` of the rows of a case, in place.

    ``error_over``: the error over the least one of all rows with no more cell updates, uniform meshes included;
    ``updates_over``: the cell updates over the fewest of all rows with no larger error; both are 1 on the front.
    ``is_near``: whether they are at most `NEAR`, and the error at most half of that of the uniform mesh of level 0, or a run that
    refines nothing would be on the front.
    """
    worst = next(row["error"] for row in rows if row["indicator"] == UNIFORM and row["factor"] == 0)
    for row in rows:
        best = min(other["error"] for other in rows if other["cell_updates"] <= row["cell_updates"])
        fewest = min(other["cell_updates"] for other in rows if other["error"] <= row["error"])
        row["error_over"] = row["error"] / best if best > 0 else 1.0 if row["error"] == 0 else np.inf
        row["updates_over"] = row["cell_updates"] / fewest
        over = max(row["error_over"], row["updates_over"])
        row["is_near"] = bool(over <= NEAR and row["error"] <= 0.5 * worst)


def plot_efficiency(path: str | Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draw error against cell updates: a panel for each case, a curve for each indicator. By one rank.

    Raises
    ------
    AMRError
        The file cannot be written.
    """
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        curve = panels.setdefault(row["case"], {}).setdefault(row["indicator"], [])
        curve.append((row["cell_updates"], row["error"]))
    plot_curves(path, panels, ("cell updates", "L1 error of the density"), strong=(UNIFORM, "multiresolution"))
