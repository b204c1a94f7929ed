"""The time loop: fill ghosts, fluxes, reflux, update, indicate, regrid. One screen holds the algorithm; the rest is set-up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from amr import results
from amr.build import build, make_stepper, split_sources
from amr.errors import AMRError
from amr.guard.audit import leaf_fields
from amr.guard.resolution import History, hot_fractions
from amr.indicators import leaf_state
from amr.io.outputs import Outputs
from amr.io.report import Report, Timers, write_report
from amr.io.snapshot import Snapshot
from amr.mesh.partition import partition
from amr.scheme.flux import PETSC
from amr.scheme.groups import Groups
from amr.scheme.ledger import CAUSES, STEP, Ledger
from amr.scheme.local_mesh import LocalMesh
from amr.scheme.stepper import StepResult
from amr.scheme.transfer import regrid_move
from amr.scheme.trial import Trial, TrialSteps
from amr.signals import EXIT_STOPPED, SignalNotice

if TYPE_CHECKING:
    from amr.case import Case
    from amr.comm import Comm
    from amr.io.progress import Progress
    from amr.mesh.tree import Forest

# What one rank may tell the others with the all-reduce of each step; the largest wins.
_CHECKPOINT_IS_DUE, _STOP = 1.0, 2.0


@dataclass(frozen=True)
class Step:
    """An accepted step: its number, its length and the time it reached."""

    number: int
    dt: float
    time: float


class Simulation:
    """A case on its adaptive mesh. Everything is collective over ``comm`` unless it says otherwise.

    Parameters
    ----------
    case : Case
        A validated case (`amr.load_case`).
    restart : path, optional
        A checkpoint to go on from, or a directory whose newest sound checkpoint is taken.
    comm : Comm, optional
        The world by default.

    Attributes
    ----------
    time : float
    step_number : int
    mesh : LocalMesh
        The tree, its partition and what follows from them; another object after a regrid.
    pool : Pool
        ``pool.u``: conserved variables of this rank's blocks (n_block, n_var, nk, nj, ni), ghosts included.

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
        parts = build(case, comm)
        self.comm = parts.comm
        self.physics, self.layout, self.geometry = parts.physics, parts.layout, parts.geometry
        self.initial, self.boundary, self.decider = parts.initial, parts.boundary, parts.decider
        self.gravity = parts.gravity
        self.split = split_sources(case, parts, self.timers)
        self.decider.finder.timed, self.probes = self.timers, parts.probes
        self.pool = parts.pool
        self.stepper = make_stepper(case, parts, self.timers)
        self.trial_steps: TrialSteps | None = None
        causes = (*CAUSES, STEP) if case.scheme.integrator == PETSC else CAUSES
        self.ledger = Ledger(self.comm, self.layout, self.physics, causes)
        self.report = Report(self.comm, self.timers)
        self.outputs = Outputs(parts.output, self.comm)
        self.notice, self.history = SignalNotice(), History(since=float(case.time.start))
        self.time, self.step_number, self.max_signal = float(case.time.start), 0, math.nan
        self.restarted_from: str | None = None
        self.mesh: LocalMesh
        if restart is None:
            self._start(parts.forest)
        else:
            self._restore(restart)
        self.report.begin(self.pool.u.nbytes)

    def __enter__(self) -> Simulation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "mesh"):  # not if making it failed
            self.mesh.free()
        self.split.free()
        self.stepper.free()

    # ---- the algorithm -----------------------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """Advance to the end of the case, yielding after each accepted step. Nothing is written."""
        times = self.case.time
        while self.time < times.end and not self.notice.stop:
            if times.max_steps is not None and self.step_number >= times.max_steps:
                return
            if self.case.mesh.max_level > 0 and self.step_number > 0 and not self._is_regridded():
                self.regrid()
            target = min(times.end, self.outputs.options.next_dump(self.time))
            signal = self.split.signal(self.max_signal, self.mesh, self.pool.u)
            dt = self.stepper.next_dt(self.mesh, self.pool, signal, self.time, target, times.dt)
            accepted = self._advance(dt)
            self.time = target if accepted == target - self.time else self.time + accepted
            self.step_number += 1
            self.report.count_step(
                self.mesh.block_steps * self.layout.cells, self.mesh.forest.level, self.pool.u.nbytes
            )
            yield Step(self.step_number, accepted, self.time)

    def _advance(self, dt: float) -> float:
        """Advance by dt, or by dt/2, dt/4, ... while the step is rejected; return the length that was accepted."""
        for _ in range(self.case.scheme.max_retries + 1):
            result = self._try_step(dt)
            if result.accepted:
                dt = dt if result.length is None else result.length
                if self.case.scheme.integrator == PETSC:
                    self.ledger.add_step(self.pool.u, self.pool.u_new, self.mesh)
                self.pool.swap()
                self.max_signal = result.max_signal
                self.report.fallback_cells += result.fallback_cells
                self.ledger.add_boundary(dt, result.boundary_flux, self.mesh)
                self.notice.stop = self.notice.stop or result.notice >= _STOP
                self.notice.checkpoint = result.notice >= _CHECKPOINT_IS_DUE
                return dt
            self.report.rejected_steps += 1
            dt *= 0.5
        # The last good state is still in pool.u: keep it for the user before giving up.
        try:
            kept = f"the last good state is in {self.outputs.emergency(self.snapshot())}"
        except AMRError as error:
            kept = f"the last good state is lost: {error}"
        raise results.located_error(self, dt, kept)

    def _try_step(self, dt: float) -> StepResult:
        """The hyperbolic step, between two half steps of the sources; ``pool.u`` is as before if it is not accepted."""
        notice = _STOP if self.notice.received else _CHECKPOINT_IS_DUE if self.outputs.clock_is_due() else 0.0
        if not self.split:
            return self.stepper.step(self.mesh, self.pool, self.time, dt, notice)
        inner = (slice(None), slice(None), *self.layout.interior)
        kept = self.pool.u[inner].copy()
        first = self.split.first(self.mesh, self.pool.u, self.time, dt, self.stepper)
        self.pool.is_filled = False  # the sources have changed the state
        result = self.stepper.step(self.mesh, self.pool, self.time, dt, notice)
        if result.accepted:
            second = self.split.last(self.mesh, self.pool.u, self.pool.u_new, self.time, dt)
            self.stepper.check(self.mesh, self.pool.u_new, result)
            result.accepted = result.n_bad == 0
        if result.accepted:
            self.ledger.add_blocks("source", first + second, self.mesh)
            self.split.accept(self.pool.u_new)
        else:
            self.pool.u[inner] = kept
        return result

    def regrid(self) -> bool:
        """Indicate, mark, adapt, partition and move the data; return whether the tree changed."""
        with self.timers("indicate"):
            flags = self._decide(*self._probed())
        self.history.add_regrid(hot_fractions(self.mesh.forest, self.decider.n_hot), self.time)
        self.report.regrids += 1
        self.regridded_at = self.step_number
        if not flags.any():
            # The decision has filled all ghosts; the step takes them, unless sources come first.
            self.pool.is_filled = not self.split
            return False
        with self.timers("regrid"):
            self.ledger.add_regrid(-1, self.pool.u, self.mesh, flags[self.mesh.leaves] != 0)
            forest, source, change = self.mesh.forest.adapt(flags)
            starts = self._cut(forest)
            self.decider.adapted(source, change, self.mesh.starts, starts)
            n_block = int(starts[self.comm.rank + 1] - starts[self.comm.rank])
            self.report.prolong_fallbacks += regrid_move(
                self.mesh.forest, self.mesh.starts, forest, starts, source, change, self.comm, self.layout,
                self.physics.spec, self.pool.u, self.pool.reserve_new(n_block), self.case.refinement.prolongation,
            )  # fmt: skip
            self.pool.commit_new(n_block)
            groups = self.mesh.groups
            self._set_mesh(forest, starts)
            if self.physics.static:
                self.comm.agreed(lambda: self.initial.fill(self.pool.u, self.mesh, self.physics.static))
            is_new = change[self.mesh.leaves] != 0
            self.ledger.add_regrid(1, self.pool.u, self.mesh, is_new)
            if self.physics.static or (self.mesh.groups.of_level != groups.of_level).any():
                self.max_signal = self._measure()
            else:  # blocks that are as before, with steps as before, have no signal above the last one
                self.max_signal = max(self.max_signal, self._measure(blocks=np.flatnonzero(is_new).astype(np.int32)))
        return True

    def _decide(
        self, sampled: np.ndarray | None = None, held: np.ndarray | None = None, grow_only: bool = False
    ) -> np.ndarray:
        """Balanced flags of all leaves; ``sampled``: local blocks that need more than their cells say; ``held``: not less."""
        parts = partial(self.mesh.ghosted, self.pool.u, self.time, self.decider.finder.needs_pool)
        return self.decider.decide(self.mesh, self.pool.u, parts, sampled, grow_only, self.trial, self.time, held).flags

    def _probed(self, everything: bool = False) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Local blocks that sources or boundary functions need finer, and as fine as they are."""
        if not self.probes:
            return None, None
        with self.timers("guard"):
            found = self.probes.look(self.mesh, self.decider.leaf, self.pool.u, self.time, everything)
        # Without an indicator the user has said where it is to be fine: samples are reported only.
        return found if self.decider.finder.indicators else (None, None)

    def trial(self, with_coarse: bool) -> Trial | None:
        """Trial steps from the present state; None if nothing moves."""
        if not self.max_signal > 0:
            return None
        times = self.case.time
        dt = min(times.dt or self.case.scheme.cfl / self.max_signal, times.end - times.start)
        if self.trial_steps is None:
            self.trial_steps = TrialSteps(
                self.comm, self.physics, self.layout, self.geometry, self.boundary, self.stepper.scheme,
                self.case.scheme.cfl, Timers(),
            )  # fmt: skip
        return self.trial_steps.run(self.mesh, self.pool, self.time, dt, times.end - times.start, with_coarse)

    # ---- set-up ------------------------------------------------------------------------------------------------------

    def _start(self, forest: Forest) -> None:
        """Refine until the mesh is settled, each time on the exact initial state."""
        starts = self._cut(forest)
        for remaining in reversed(range(self.case.mesh.max_level + 1)):
            self._set_mesh(forest, starts)
            self.pool.resize(self.mesh.n_block)
            if self.initial.is_guarded:
                with self.timers("guard"):
                    self.sampled = self.initial.sample(self.pool.u, self.mesh)
                    results.note_sampled(self)
            else:
                self.comm.agreed(lambda: self.initial.fill(self.pool.u, self.mesh))
            self.max_signal = self._measure("the initial state")
            sampled, held = self._probed(everything=True)
            if self.initial.is_guarded and self.decider.finder.indicators:
                sampled = self.sampled.refine if sampled is None else self.sampled.refine | sampled
            if self.case.mesh.max_level == 0:
                break
            flags = self._decide(sampled, held, grow_only=True)
            if not remaining or not flags.any():
                break
            forest, source, change = self.mesh.forest.adapt(flags)
            starts = self._cut(forest)
            self.decider.adapted(source, change, self.mesh.starts, starts)
        self.regridded_at = 0
        self.ledger.open(self.pool.u, self.mesh)

    def _restore(self, path: str | Path) -> None:
        """Go on from a checkpoint, on any number of ranks."""
        checkpoint = results.open_restart(self, path)
        forest = checkpoint.forest(self.case.mesh.max_level)
        self._set_mesh(forest, self._cut(forest))
        self.pool.resize(self.mesh.n_block)
        self.comm.agreed(lambda: checkpoint.read_blocks(self.mesh.leaves, self.pool.u, self.layout))
        self.time, self.step_number = checkpoint.time, checkpoint.step
        self.regridded_at = checkpoint.meta["regridded_at"]
        self.ledger.restore(checkpoint.meta["ledger"])
        self.stepper.restore(checkpoint.meta.get("stepper", {}))
        leaf = self.comm.agreed(lambda: leaf_state.from_checkpoint(checkpoint, self.mesh.leaves))
        self.decider.from_meta(checkpoint.meta["decider"], leaf)
        self.history = History.from_meta(checkpoint.meta["history"])
        self.probes.from_meta(checkpoint.meta["probes"])
        self.report.restore(checkpoint.meta["counters"])
        if self.gravity is not None:
            kept, gravity = checkpoint.meta["gravity"], self.gravity
            shape = checkpoint.cell_shape
            phi = self.comm.agreed(lambda: checkpoint.read_kept("potential", self.mesh.leaves, float, shape))
            gravity.restore(kept, self.mesh, self.pool.u, phi)
        self.max_signal = self._measure(f"the state in {checkpoint.path}")
        self.restarted_from = str(checkpoint.path)

    def _set_mesh(self, forest: Forest, starts: np.ndarray) -> None:
        if hasattr(self, "mesh"):
            self.mesh.free()
            del self.mesh  # its tables need not be in memory together with the next ones
        self.mesh = LocalMesh(
            forest, starts, self.geometry, self.comm, self.layout, self.physics, self.boundary, self._groups(forest)
        )

    def _groups(self, forest: Forest) -> Groups:
        interval = self.case.refinement.interval
        return Groups.level_wise(forest, interval) if self.case.scheme.subcycle else Groups.one(forest)

    def _cut(self, forest: Forest) -> np.ndarray:
        return partition(self._groups(forest).weights(forest.level), self.comm.size)

    def _measure(self, what: str = "the state after a regrid", blocks: np.ndarray | None = None) -> float:
        """Signal that the next dt follows from, of some local blocks or all; their state must be physical."""
        result = StepResult.begin()
        self.stepper.check(self.mesh, self.pool.u, result, blocks)
        if result.n_bad:
            raise results.located_error(self, 0.0, "", what)
        return result.max_signal

    def _is_regridded(self) -> bool:
        """Whether fewer than ``interval`` of the finest steps have passed since the last regrid."""
        steps = max(1, self.case.refinement.interval // self.mesh.groups.finest_steps)
        return self.step_number - self.regridded_at < steps

    # ---- results -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The present state for the writers: a view, valid until the next step."""
        fields, kept = {}, {}
        if self.case.mesh.max_level > 0:
            fields, kept = leaf_fields(self.decider.leaf), {leaf_state.MEMORY: leaf_state.to_bytes(self.decider.leaf)}
        if self.gravity is not None:
            fields["potential"] = kept["potential"] = self.gravity.potential(self.mesh, self.pool.u)
        return Snapshot(
            self.mesh.forest, self.mesh.starts, self.comm, self.layout, self.geometry, self.physics, self.pool.u,
            self.time, self.step_number, results.checkpoint_meta(self), fields, kept,
        )  # fmt: skip

    def write(self, path: str | Path) -> None:
        """Write a checkpoint (.h5), a ParaView file (.vtu, .hdf) or a picture (.png), by the path's ending."""
        results.write(self.snapshot(), Path(path), self.outputs.options.mpi_io)

    def error_norm(self, variable: str, order: float = 1) -> float:
        """Error of a conserved variable against the exact cell averages: order 1, 2 or infinity, per volume."""
        return results.error_norm(self, variable, order)

    def run(self, progress: Progress | None = None) -> dict[str, Any]:
        """Run to the end, writing what ``[output]`` asks for; return the report (also in ``report.json``)."""
        with self.notice:
            with self.timers("io"):
                resume_at = self.time if self.restarted_from else None
                self.outputs.open(self.case.to_toml(), self.layout.dim, resume_at)
                self.outputs.dump(self.snapshot())
            before = self.time
            for step in self.steps():
                with self.timers("io"):
                    self.outputs.after_step(before, step.time, step.number, self.notice.checkpoint, self.snapshot)
                before = step.time
                if progress is not None:
                    progress.update(
                        step.time, step.number, step.dt, self.report.leaves_per_level(), self.report.cell_updates
                    )
            with self.timers("io"):
                self.outputs.checkpoint(self.snapshot())
                if not self.notice.stop:
                    self.outputs.dump(self.snapshot())
            report = results.make_report(self)
            write_report(self.outputs.options.directory / "report.json", report, self.comm)
        return report

    @property
    def exit_code(self) -> int:
        """Status for the command line: 0, or that of a run stopped by a signal."""
        return EXIT_STOPPED if self.notice.stop else 0
