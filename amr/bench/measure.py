"""Measure one case, and the yardstick beside it."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import amr._kernels.yardstick as yardstick
from amr.bench.cases import BenchCase
from amr.comm import Comm
from amr.io.report import peak_memory_bytes
from amr.mesh.pool import Layout, aligned_empty
from amr.simulation import Simulation

# Blocks of 16 cells per axis; pools well beyond the caches, as in csrc/yardstick.h's reference figures.
_YARDSTICK_BLOCKS, _YARDSTICK_STEPS = {2: 1024, 3: 64}, {2: 12, 3: 8}


def yardstick_rate(dim: int) -> float:
    """Cell updates per second of the bare kernel on this rank: the best of three. Not collective."""
    n_block, n_step, n_var = _YARDSTICK_BLOCKS[dim], _YARDSTICK_STEPS[dim], dim + 2
    layout = Layout(dim, 16, 2, n_var)
    cell = np.arange(layout.shape[1] * layout.shape[2] * layout.shape[3]).reshape(layout.shape[1:])
    u = aligned_empty((n_block, *layout.shape))
    u[:, 0] = 1 + 0.1 * np.sin(0.1 * cell + np.arange(n_block).reshape(-1, 1, 1, 1))
    for axis in range(dim):
        u[:, 1 + axis] = 0.1 * u[:, 0] / (1 + axis)
    u[:, -1] = 2.5 + 0.1 * np.cos(0.05 * cell)
    scratch = aligned_empty((yardstick.scratch_size(layout),))
    best = np.inf
    for _ in range(3):
        start = perf_counter()
        yardstick.advance(layout, u, scratch, n_step, 1e-4)
        best = min(best, perf_counter() - start)
    return n_block * n_step * layout.cells / best


class _Watch:
    """What must be looked at after each step: the worst balance after a regrid."""

    def __init__(self) -> None:
        self.imbalance = 1.0
        self._mesh: Any = None

    def look(self, sim: Simulation) -> None:
        if sim.mesh is not self._mesh:
            self._mesh = sim.mesh
            own = np.diff(sim.mesh.starts)
            self.imbalance = max(self.imbalance, float(own.max() / own.mean()))


def measure(name: str, bench: BenchCase, comm: Comm, seconds: float) -> dict[str, Any]:
    """Run a case and say how fast it was. Collective.

    Parameters
    ----------
    name : str
        Goes into the result.
    bench : BenchCase
    comm : Comm
    seconds : float
        The measuring ends after so many seconds of wall time even if ``bench.end`` is not reached.

    Returns
    -------
    dict
        On every rank. ``rate``: cell updates per second per rank, of the slowest rank's wall time; ``yardstick``: that of the
        bare kernel on blocks of 16 cells, mean over ranks of the runs before and after; ``ratio``: the one over the other;
        ``shares``: part of the wall time of each phase, mean over ranks; ``memory_ratio``: what the case added to the
        resident memory at most, over the bytes of the conserved variables with their ghosts at most, over all ranks;
        ``imbalance``: largest over mean number of leaves of a rank, worst of all meshes; ``is_complete``: whether the
        whole span of time was measured.
    """
    before = yardstick_rate(bench.dim)
    resident = _reset_peak_memory()
    watch = _Watch()
    with Simulation(bench.make(), comm=comm) as sim:
        steps = sim.steps()
        watch.look(sim)
        while sim.time < bench.begin:
            next(steps)
            watch.look(sim)
        comm.barrier()
        sim.timers.reset()
        first, updates, start, wall = sim.step_number, sim.report.cell_updates, perf_counter(), 0.0
        for _ in steps:
            watch.look(sim)
            wall = float(comm.allreduce_max([perf_counter() - start])[0])
            if wall > seconds:
                break
        sim.timers.flush()
        updates, n_step = sim.report.cell_updates - updates, sim.step_number - first
        phases, n_leaves, reached = dict(sim.timers.seconds), sim.mesh.forest.n_leaves, sim.time
        peak, state_bytes = peak_memory_bytes() - resident, sim.report.state_bytes
    own = (phases, peak, state_bytes, 0.5 * (before + yardstick_rate(bench.dim)))
    gathered = comm.bcast(comm.gather(own))
    total = sum(sum(each[0].values()) for each in gathered)
    names = sorted({phase for each in gathered for phase in each[0]})
    rate, bare = updates / wall / comm.size, sum(each[3] for each in gathered) / comm.size
    return {
        "name": name,
        "rate": rate,
        "yardstick": bare,
        "ratio": rate / bare,
        "shares": {phase: sum(each[0].get(phase, 0.0) for each in gathered) / total for phase in names},
        "steps": n_step,
        "cell_updates": updates,
        "seconds": wall,
        "leaves": n_leaves,
        "block_cells": bench.block_cells,
        "memory_ratio": sum(each[1] for each in gathered) / sum(each[2] for each in gathered),
        "state_bytes": sum(each[2] for each in gathered),
        "imbalance": watch.imbalance,
        "is_complete": reached >= bench.end,
    }


def _reset_peak_memory() -> int:
    """Give free memory back, begin the peak anew where the system can (Linux), and return the resident bytes."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return 0
    return peak_memory_bytes()
