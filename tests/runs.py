"""Cases for tests made in code, and how to run them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from amr.case import Case, load_case
from amr.results import errors
from amr.simulation import Simulation

CASES = Path(__file__).parents[1] / "cases"
SOLVE = ("-c", "from amr.cli import solve; solve()")
"""What follows ``python`` to be ``amr-solve`` of this clone, installed or not."""


def small(name: str, **sections: Any) -> Case:
    """A case of ``cases/`` with keys replaced, writing nothing unless asked."""
    sections["output"] = {"format": "none", **sections.get("output", {})}
    return load_case(CASES / f"{name}.toml").replace(**sections)


def made(dim: int, n: int, **sections: Any) -> Case:
    """A case on the unit box with n root blocks per axis, periodic unless ``mesh`` says otherwise."""
    mesh = {"lower": [0.0] * dim, "upper": [1.0] * dim, "root_blocks": [n] * dim, "block_cells": 8, "periodic": True}
    mesh |= sections.pop("mesh", {})
    return Case.from_dict({"mesh": mesh, "output": {"format": "none"}, **sections})


def run(case: Case) -> Simulation:
    """Run to the end without output; the caller may look at the state (nothing collective is left open)."""
    sim = Simulation(case)
    for _ in sim.steps():
        pass
    return sim


def cells_of(sim: Simulation, variable: int = 0) -> np.ndarray:
    """Interior cells of a conserved variable of this rank, flat."""
    return sim.pool.u[(slice(None), variable, *sim.layout.interior)].ravel()


def l1_error(case: Case, variable: str) -> float:
    """L1 error of a variable at the end of a case."""
    with run(case) as sim:
        found = errors(sim)
    assert found is not None
    return found[variable]["L1"]


def remembered(sim: Simulation) -> tuple[dict[str, Any], int]:
    """What the decider remembers: plain values, and a checksum over the state of all leaves. Collective."""
    return sim.decider.to_meta(), zlib.crc32(sim.comm.allgatherv(sim.decider.leaf).tobytes())
