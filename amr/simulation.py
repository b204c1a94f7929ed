"""The time loop: fill ghosts, fluxes, reflux, update, indicate, regrid. One screen holds the algorithm; the rest is set-up."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr import build
from amr.errors import AMRError, UnphysicalState
from amr.io.outputs import Outputs
from amr.io.report import Report, Timers
from amr.io.snapshot import Snapshot, digest
from amr.mesh.partition import partition
from amr.scheme.ledger import Ledger
from amr.scheme.local_mesh import LocalMesh
from amr.scheme.stepper import Stepper, StepResult
from amr.scheme.timestep import choose_dt
from amr.scheme.transfer import regrid_move
from amr.signals import SignalNotice

if TYPE_CHECKING:
    from amr.case import Case
    from amr.comm import Comm


@dataclass(frozen=True)
class Step:
    """An accepted step: its number, its length and the time it reached."""

    number: int
    dt: float
    time: float


class Simulation:
    """A case on its adaptive mesh. Making it, stepping it and writing are collective over ``comm``.

    Parameters
    ----------
    case : Case
        A validated case (:func:`amr.load_case`).
    restart : path, optional
        A checkpoint, or a directory whose newest complete checkpoint is taken, to go on from.
    comm : Comm, optional
        The world by default.

    Raises
    ------
    AMRError
        The same on every rank.

    Examples
    --------
    >>> case = amr.load_case("cases/sod.toml").replace(mesh={"max_level": 5})
    >>> with amr.Simulation(case) as sim:
    ...     for step in sim.steps():
    ...         pass
    ...     print(sim.error_norm("density", order=1))
    """

    def __init__(self, case: Case, restart: str | Path | None = None, comm: Comm | None = None) -> None:
        self.case = case
        self.timers = Timers()
        parts = build.parts(case, comm)
        self.comm = parts.comm
        self.physics, self.layout, self.geometry = parts.physics, parts.layout, parts.geometry
        self.problem, self.sources, self.scheme, self.decider = parts.problem, parts.sources, parts.scheme, parts.decider
        self.boundary = parts.boundary
        self.pool = parts.pool
        self.stepper = Stepper(self.comm, self.physics, self.layout, self.scheme, self.timers)
        self.ledger = Ledger(self.comm, self.layout, self.physics.evolved)
        self.report = Report(self.comm, self.timers)
        self.outputs = Outputs(parts.output, self.comm, self.timers)
        self.time, self.step_number, self.max_signal = case.time.start, 0, math.nan
        self.notice = SignalNotice()
        if restart is None:
            self._start(parts.forest)
        else:
            self._restore(self.outputs.find_checkpoint(restart))

    # -- the algorithm ------------------------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """Advance to the end of the case, yielding after each accepted step. Collective."""
        end, max_steps = self.case.time.end, self.case.time.max_steps
        while self.time < end and (max_steps is None or self.step_number < max_steps) and not self.notice.stop:
            if self._regrid_is_due():
                self.regrid()
            target = min(end, self.outputs.next_time(self.time))
            dt = choose_dt(self.case.scheme.cfl, self.max_signal, self.time, target, self.case.time.dt)
            dt = self._advance(dt)
            self.time = target if self.time + dt == target or dt == target - self.time else self.time + dt
            self.step_number += 1
            self.report.count_step(self.mesh.forest.n_leaves * self.layout.cells, self.mesh.forest.level)
            self.outputs.after_step(self)
            yield Step(self.step_number, dt, self.time)

    def _advance(self, dt: float) -> float:
        """Advance by dt, or by dt/2, dt/4, ... where a step is rejected; return the length that was accepted."""
        for _ in range(self.case.scheme.max_retries + 1):
            result = self._try_step(dt)
            if result.accepted:
                self.pool.swap()
                self.max_signal = result.max_signal
                self.report.fallback_cells += result.fallback_cells
                self.ledger.add_boundary(dt, result.boundary_flux, self.mesh)
                self.notice.seen(result.stop)
                return dt
            self.report.rejected_steps += 1
            dt *= 0.5
        self._fail(dt)
        raise AssertionError("unreachable")

    def _try_step(self, dt: float) -> StepResult:
        """Strang splitting around the hyperbolic step where there are sources; ``pool.u`` is restored if it fails."""
        if not self.sources:
            return self.stepper.step(self.mesh, self.pool, self.time, dt, self.notice.raised())
        kept = self.pool.u.copy()
        first = self._source(self.pool.u, self.time, 0.5 * dt)
        result = self.stepper.step(self.mesh, self.pool, self.time, dt, self.notice.raised())
        if result.accepted:
            second = self._source(self.pool.u_new, self.time + 0.5 * dt, 0.5 * dt)
            self.stepper.check(self.mesh, self.pool.u_new, result)
            result.accepted = result.n_bad == 0
        if result.accepted:
            self.ledger.add_blocks("source", (first + second)[:, : len(self.physics.evolved)], self.mesh)
        else:
            self.pool.u[...] = kept
        return result

    def regrid(self) -> bool:
        """Indicate, mark, adapt, partition and move the data; return whether the tree changed. Collective."""
        with self.timers("ghosts"):
            self.mesh.ghosts.fill(self.pool.u, self.time)
        with self.timers("indicate"):
            flags = self.decider.decide(self.mesh, self.pool.u)
        with self.timers("regrid"):
            self.report.regrids += 1
            if not flags.any():
                return False
            before = self.ledger.totals(self.pool.u, self.mesh)
            forest, source, change = self.mesh.forest.adapt(flags)
            starts = partition(np.ones(forest.n_leaves), self.comm.size)
            n_block = int(starts[self.comm.rank + 1] - starts[self.comm.rank])
            self.report.prolong_fallbacks += regrid_move(
                self.mesh.forest, self.mesh.starts, forest, starts, source, change, self.comm, self.layout,
                self.physics.spec, self.pool.u, self.pool.reserve_new(n_block),
            )  # fmt: skip
            self.pool.commit_new(n_block)
            self._set_mesh(forest, starts)
            self._set_static()
            self.ledger.add_difference("regrid", before, self.ledger.totals(self.pool.u, self.mesh))
            self._measure()
        return True

    def _regrid_is_due(self) -> bool:
        refinement = self.case.refinement
        return self.case.mesh.max_level > 0 and self.step_number > 0 and self.step_number % refinement.interval == 0

    # -- set-up -------------------------------------------------------------------------------------------------------

    def _start(self, forest: Any) -> None:
        """Refine the exact initial state until the mesh is settled."""
        for _ in range(self.case.mesh.max_level + 1):
            starts = partition(np.ones(forest.n_leaves), self.comm.size)
            self._set_mesh(forest, starts)
            self.pool.resize(self.mesh.n_block)
            self._guarded(lambda: self.problem.fill(self.pool.u, self.mesh, self.layout))
            self._check_state("the initial state")
            if self.case.mesh.max_level == 0:
                break
            self.mesh.ghosts.fill(self.pool.u, self.time)
            flags = self.decider.decide(self.mesh, self.pool.u)
            np.maximum(flags, 0, out=flags)
            if not flags.any():
                break
            forest = self.mesh.forest.adapt(flags)[0]
        self._measure()
        self.ledger.open(self.pool.u, self.mesh)
        self.outputs.start(self)

    def _restore(self, checkpoint: Any) -> None:
        """Go on from a checkpoint, on any number of ranks."""
        forest, starts = checkpoint.forest(self.case), checkpoint.starts(self.comm.size)
        self._set_mesh(forest, starts)
        self.pool.resize(self.mesh.n_block)
        checkpoint.read_blocks(self.pool.u, self.mesh.leaves, self.layout)
        meta = checkpoint.meta
        self.time, self.step_number = meta["time"], meta["step"]
        self.ledger.restore(meta["ledger"])
        self.report.restore(meta["counters"])
        self._check_state(f"the state in {checkpoint.path}")
        self._measure()
        self.outputs.resume(self, meta["outputs"])

    def _set_mesh(self, forest: Any, starts: np.ndarray) -> None:
        if hasattr(self, "mesh"):
            self.mesh.free()
        self.mesh = LocalMesh(forest, starts, self.geometry, self.comm, self.layout, self.physics, self.boundary)

    def _set_static(self) -> None:
        """Sample variables that are given, not solved for (a prescribed velocity), on the new mesh."""
        if self.physics.static:
            self._guarded(lambda: self.problem.fill_static(self.pool.u, self.mesh, self.layout))

    def _measure(self) -> None:
        """Set the signal that the next dt follows from."""
        result = StepResult(False, 0.0, 0, 0)
        self.stepper.check(self.mesh, self.pool.u, result)
        self.max_signal = result.max_signal
