"""Level-wise time steps: each finer group of levels takes two steps while the next coarser one takes one.

M. J. Berger and P. Colella, J. Comput. Phys. 82 (1989) 64, on leaves alone: a group is advanced over its step first, with
ghosts of finer leaves at the start of the step; then the finer group takes its two steps, with ghosts of coarser leaves
interpolated linearly between the two times of these; then the coarse side of the faces between the two takes the mean of the
fine fluxes.

The state stays in the first buffer of the pool until the step is accepted. Group 0 goes from there to the third; a finer group
goes to the second, then the third, the second, ..., and is in the third whenever the coarser group is: nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import amr._kernels.step as step_kernel
from amr.scheme.ghosts import Pools
from amr.scheme.stepper import Checked, Stage, Stepper, StepResult

if TYPE_CHECKING:
    from amr.mesh.pool import Pool
    from amr.scheme.local_mesh import LocalMesh

# A step in which dt * signal grew beyond this (or beyond 1.1 cfl) is rejected: the finest steps of it were too long.
_LONGEST = 1.0


@dataclass
class _Cycle:
    """One attempted step of all groups.

    Attributes
    ----------
    buffers : (array, array, array)
        The pool's ``u``, ``u_new`` and ``spare``.
    at : list of int
        By group, the buffer that holds its present state.
    checked : Checked
        What the kernel said of each block at the end of its last step.
    is_bad : bool
        Reflux has left an unphysical cell on this rank.
    failed : (int, array), optional
        The group whose step could not be saved, and the buffer that holds it.
    """

    mesh: LocalMesh
    buffers: tuple[np.ndarray, np.ndarray, np.ndarray]
    dt: float
    at: list[int]
    checked: Checked
    result: StepResult
    is_bad: bool = False
    failed: tuple[int, np.ndarray] | None = None


def _next(group: int, at: int) -> int:
    """The buffer that a step of a group from buffer ``at`` writes to."""
    return 1 if group > 0 and at != 1 else 2


class SubcycledStepper(Stepper):
    """Advances the blocks of this rank by one step of the coarsest group, 2^g steps of group g. See `Stepper`.

    The scheme must have one stage.
    """

    def step(self, mesh: LocalMesh, pool: Pool, t: float, dt: float, notice: float = 0.0) -> StepResult:
        """Advance ``pool.u`` from t to t + dt into ``pool.u_new``; ``dt`` is the step of group 0. Collective."""
        n = mesh.groups.n
        if n == 1:
            return super().step(mesh, pool, t, dt, notice)
        buffers = (pool.u, pool.u_new, pool.spare)
        cycle = _Cycle(mesh, buffers, dt, [0] * n, Checked.empty(pool.n_block), StepResult.begin(notice))
        done = self._advance_group(cycle, 0, t, 0.0)
        result = cycle.result
        result.n_bad = self._reduce_step(cycle) if done else max(result.n_bad, 1)
        result.accepted = result.n_bad == 0
        pool.swap_spare()
        if cycle.failed is not None:  # whoever looks for the bad cell finds it in u_new
            group, state = cycle.failed
            is_failed = mesh.groups.of_level[mesh.level] == group
            pool.u_new[...] = np.where(is_failed[:, None, None, None, None], state, pool.u)
        return result

    def _advance_group(self, cycle: _Cycle, group: int, t: float, theta: float) -> bool:
        """Advance a group by its step and the finer ones by theirs; False when the whole step must be rejected.

        ``theta``: how much of the coarser group's step has passed.
        """
        mesh, dt = cycle.mesh, cycle.dt / (1 << group)
        own, out = cycle.buffers[cycle.at[group]], cycle.buffers[_next(group, cycle.at[group])]
        finer = cycle.buffers[cycle.at[min(group + 1, mesh.groups.n - 1)]]
        coarser = cycle.at[max(group - 1, 0)]
        pools = Pools(own, finer, cycle.buffers[coarser], cycle.buffers[_next(group - 1, coarser)], theta)
        if not self._substep(cycle, group, Stage(own, own, out, t, dt, 0.0, 1.0, None, group, pools)):
            return False
        register = mesh.register
        register.groups[group].collect(of_finer_group=False)
        if group:
            register.groups[group - 1].collect(of_finer_group=True, weight=0.5, is_more=theta > 0)
        faces = register.boundary_faces[group]
        if len(faces):
            cycle.result.boundary_flux.append((dt / cycle.dt, register.boundary_flux(group), faces))
        if group + 1 < mesh.groups.n:
            for half in (0, 1):
                if not self._advance_group(cycle, group + 1, t + half * 0.5 * dt, 0.5 * half):
                    return False
        with self.timers("reflux"):
            register.groups[group].apply(out, dt, mesh.spacing)
        with self.timers("check"):
            corrected = register.groups[group].corrected
            step_kernel.check(self.spec, self.layout, out, mesh.spacing, corrected, cycle.checked.arrays)
            if cycle.checked.n_bad[corrected].any():
                cycle.is_bad, cycle.failed = True, (group, out)
        cycle.at[group] = _next(group, cycle.at[group])
        return True

    def _substep(self, cycle: _Cycle, group: int, stage: Stage) -> bool:
        """One step of one group, again with first-order fluxes where it fails; False when that does not help."""
        mesh, result = cycle.mesh, cycle.result
        members = mesh.ghosts.groups[group].blocks
        longest = max(_LONGEST, 1.1 * self.cfl)
        mask, n_fallback = None, 0
        for _ in range(self.max_passes + 1):
            self._advance(mesh, stage.masked(mask), cycle.checked, result)
            with self.timers("check"):
                signal, n_bad = cycle.checked.signal[members], cycle.checked.n_bad[members]
                top = self.comm.allreduce_max(
                    [signal.max(initial=0.0) * stage.dt, float(n_bad.sum()), float(cycle.is_bad), result.notice]
                )
            result.notice = float(top[3])
            if top[2] or (not top[1] and top[0] > longest):
                cycle.failed = cycle.failed or (group, stage.u_out)
                return False
            if not top[1]:
                result.fallback_cells += n_fallback
                return True
            mask, n_fallback = self._mark(mesh, stage, mask, members)
        result.n_bad, cycle.failed = int(top[1]), (group, stage.u_out)
        return False

    def _reduce_step(self, cycle: _Cycle) -> int:
        """Signal of the new state for the next step, into the result; unphysical cells."""
        with self.timers("check"):
            self._reduce(cycle.mesh, cycle.checked, cycle.result)
        return cycle.result.n_bad
