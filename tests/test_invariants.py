"""What a run must keep: totals, a uniform flow, the symmetry of its initial state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from amr.case import Case
from amr.indicators.marking import Region
from amr.simulation import Simulation
from tests.runs import made, run, small

SCHEMES: dict[str, dict[str, Any]] = {
    "muscl_hancock": {"integrator": "muscl_hancock", "cfl": 0.8},
    "ssp_rk2": {"integrator": "ssp_rk2", "cfl": 0.4},
    "ssp_rk3": {"integrator": "ssp_rk3", "cfl": 0.4},
    "ppm": {"integrator": "ssp_rk3", "reconstruction": "ppm", "cfl": 0.4},
    "weno5z": {"integrator": "ssp_rk2", "reconstruction": "weno5z", "cfl": 0.4},
}
CLOSED: dict[str, dict[str, Any]] = {
    "blast_2d": {"mesh": {"max_level": 2}, "time": {"end": 0.02}},
    "blast_3d": {"mesh": {"root_blocks": [4, 4, 4], "block_cells": 8, "max_level": 1}, "time": {"end": 0.1}},
    "implosion": {"mesh": {"max_level": 1}, "time": {"end": 0.2}},
    "vortex": {"mesh": {"root_blocks": [4, 4], "max_level": 2}, "time": {"end": 2.0}},
}


def inner(sim: Simulation) -> np.ndarray:
    """Interior cells (n_block, n_var, nk, nj, ni)."""
    return sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]


def costly(is_costly: bool, *values: str) -> Any:
    """A set of parameters that the sanitizers are spared if it takes them more than ten seconds."""
    return pytest.param(*values, marks=[pytest.mark.slow] if is_costly else [])


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        costly(name == "blast_3d" and scheme != "muscl_hancock", name, scheme)
        for name in CLOSED
        for scheme in ("muscl_hancock", "ssp_rk3", "ppm", "weno5z")
    ],
)
def test_totals_of_closed_domains_are_kept(name: str, scheme: str) -> None:
    """Mass and energy to 1e-13 relative over the whole run, through refinement and coarsening."""
    case = small(
        name,
        **CLOSED[name],
        scheme=SCHEMES[scheme],
        refinement={"indicators": ["lohner"], "patience": 1, "buffer": 0},
        guard={"enabled": False},
    )
    with Simulation(case) as sim:
        trees = set()
        for _ in sim.steps():
            trees.add(sim.mesh.forest.key.tobytes())
        rows = sim.ledger.report(sim.pool.u, sim.mesh)
    assert len(trees) > 1
    for variable in ("density", "energy"):
        row = rows[variable]
        assert abs(row["final"] - row["initial"]) <= 1e-13 * abs(row["initial"])
    assert max(row["unexplained"] for row in rows.values()) <= 1e-12
    for row in rows.values():
        assert abs(row["ledger"]["regrid"]) <= 1e-13 * row["scale"]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_uniform_flow_stays_uniform(dim: int) -> None:
    """Over levels that differ and a mesh that changes, with every integrator and reconstruction."""
    state = {"density": 1.3, "velocity": [0.7, -0.4, 0.2][:dim], "pressure": 0.9}
    for scheme in SCHEMES.values():
        case = made(
            dim,
            {1: 8, 2: 4, 3: 2}[dim],
            mesh={"max_level": 2},
            physics={"name": "euler"},
            problem={"name": "constant", "state": state},
            scheme={**scheme, "cfl": 0.4},
            refinement={"indicators": [], "regions": [{"lower": [0.1] * dim, "upper": [0.3] * dim, "level": 2}]},
            time={"end": 10.0, "max_steps": 6},
        )
        with run(case) as sim:
            assert len(np.unique(sim.mesh.level)) > 1
            u = inner(sim)
            assert np.abs(u - u[0, :, 0, 0, 0][None, :, None, None, None]).max() <= 1e-14


def transposed(sim: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels, coordinates and cells of a 2D Euler run, mirrored about the diagonal x = y, in the order of the mirror."""
    forest = sim.mesh.forest
    u = inner(sim)[:, :, 0][:, [0, 2, 1, 3]].swapaxes(2, 3)
    coords = forest.coords[:, 1::-1]
    order = np.lexsort((coords[:, 1], coords[:, 0], forest.level))
    return forest.level[order], coords[order], u[order]


def straight(sim: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    forest = sim.mesh.forest
    coords = forest.coords[:, :2]
    order = np.lexsort((coords[:, 1], coords[:, 0], forest.level))
    return forest.level[order], coords[order], inner(sim)[:, :, 0][order]


def implosion(**sections: Any) -> Case:
    return small("implosion", mesh={"max_level": 2}, **sections)


@pytest.mark.parametrize(
    ("scheme", "prolongation"),
    [*(costly(scheme != "muscl_hancock", scheme, "limited") for scheme in SCHEMES), ("muscl_hancock", "low_pass")],
)
def test_implosion_is_symmetric_about_the_diagonal(scheme: str, prolongation: str) -> None:
    """To the last bit: mesh and state equal their mirror images while the waves cross the diagonal."""
    case = implosion(scheme=SCHEMES[scheme], refinement={"prolongation": prolongation}, time={"end": 0.1})
    with run(case) as sim:
        assert len(np.unique(sim.mesh.level)) > 1
        for here, mirror in zip(straight(sim), transposed(sim), strict=True):
            assert np.array_equal(here, mirror)


def test_the_signal_after_a_regrid_is_that_of_the_new_blocks_too() -> None:
    """New blocks alone are looked at: twice as fine is twice the signal; all coarse again, one step may be too short."""
    with Simulation(
        made(
            2,
            2,
            mesh={"max_level": 1},
            physics={"name": "advection", "velocity": [1.0, 0.5]},
            problem={"name": "sine"},
            refinement={"indicators": [], "patience": 1},
            time={"end": 1.0},
        )  # fmt: skip
    ) as sim:
        coarse = sim.max_signal
        sim.decider.regions = (Region((0.0, 0.0), (0.2, 0.2), 1),)
        assert sim.regrid() and sim.max_signal == 2 * coarse
        sim.decider.regions = ()
        assert sim.regrid() and sim.mesh.forest.level.max() == 0 and sim.max_signal == 2 * coarse
        next(sim.steps())
        assert sim.max_signal == coarse


def test_level_wise_steps_that_change_change_the_signal_of_blocks_that_stay() -> None:
    """All on level 1, one group steps; with leaves of level 0 beside, those of level 1 take half steps: half the signal."""
    region = Region((0.0, 0.0), (1.0, 1.0), 1)
    case = made(
        2,
        2,
        mesh={"max_level": 1},
        physics={"name": "advection", "velocity": [1.0, 0.5]},
        problem={"name": "sine"},
        scheme={"subcycle": True},
        refinement={"indicators": [], "patience": 1},
        time={"end": 1.0},
    )
    with Simulation(case) as sim:
        coarse = sim.max_signal
        for regions, signal in (((region,), 2 * coarse), ((replace(region, upper=(0.2, 0.2)),), coarse)):
            sim.decider.regions = regions
            assert sim.regrid() and sim.max_signal == signal
        assert set(sim.mesh.level.tolist()) == {0, 1}


def test_level_wise_steps_know_the_signal_of_blocks_that_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the levels' steps are as before only new blocks are looked at, and no signal is overlooked."""
    case = small("blast_2d", mesh={"max_level": 3}, scheme={"subcycle": True}, time={"max_steps": 40})
    asked, whole = [], Simulation._measure

    def measure(self: Simulation, what: str = "", blocks: np.ndarray | None = None) -> float:
        asked.append(blocks is None)
        found = whole(self, what, blocks)
        assert max(self.max_signal, found) >= whole(self) or blocks is None
        return found

    with Simulation(case) as sim:
        monkeypatch.setattr(Simulation, "_measure", measure)
        for _ in sim.steps():
            pass
    assert asked.count(False) >= 2
