"""One time step: stages of ghost fill, fluxes, update and reflux, with a positivity fall-back.

The state ``u`` is kept until the step is accepted: an update that leaves the physical states is redone from ``u`` with
first-order fluxes on the faces of the cells that failed, and a step that still fails is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

import amr._kernels.fallback as fallback_kernel
import amr._kernels.step as step_kernel
from amr.mesh.pool import aligned_empty
from amr.scheme.ghosts import Pools
from amr.scheme.timestep import choose_dt

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.pool import Layout, Pool
    from amr.scheme.flux import Scheme
    from amr.scheme.local_mesh import LocalMesh


@dataclass
class Checked:
    """What `amr._kernels.step.check` says of each local block: float64 ``signal``, int64 ``n_bad``, ``first_bad`` (n_block,)."""

    signal: np.ndarray
    n_bad: np.ndarray
    first_bad: np.ndarray

    @classmethod
    def empty(cls, n_block: int) -> Checked:
        """For the kernels to write to."""
        return cls(np.zeros(n_block), np.zeros(n_block, dtype=np.int64), np.zeros(n_block, dtype=np.int64))

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As the kernels take them."""
        return self.signal, self.n_bad, self.first_bad


@dataclass
class StepResult:
    """What one attempted step did; the same on every rank.

    Attributes
    ----------
    accepted : bool
        Whether ``pool.u_new`` holds a physical state at t + dt.
    max_signal : float
        Maximum over all cells of (sum over axes of wave speed / spacing), times the length of the cell's steps in units of the
        whole step, of the new state [1/s].
    n_bad : int
        Unphysical cells left (0 when accepted).
    fallback_cells : int
        Cells whose faces took first-order fluxes.
    flattened_cells : int
        Cells of this rank whose slopes were zeroed because a face state would have been unphysical.
    boundary_flux : list of (weight, array (m, n_var), int array (m,))
        Per stage, the weight of its boundary fluxes in the step, the fluxes summed over each face, and which of the local
        boundary faces these are.
    notice : float
        Maximum over the ranks of the ``notice`` each handed in.
    length : float, optional
        Of the step, where it is not what was asked for.
    """

    accepted: bool
    max_signal: float
    n_bad: int
    fallback_cells: int
    flattened_cells: int = 0
    boundary_flux: list[tuple[float, np.ndarray, np.ndarray]] = field(default_factory=list)
    notice: float = 0.0
    length: float | None = None

    @classmethod
    def begin(cls, notice: float = 0.0, fallback_cells: int = 0) -> StepResult:
        """Of a step that has not been done."""
        return cls(False, 0.0, 0, fallback_cells, notice=notice)


@dataclass(frozen=True)
class Stage:
    """``u_out = a u0 + b (u_in + dt L(u_in))`` of the blocks of a group, with boundary values at ``time``.

    Ghosts are made from ``pools``, ``u_in`` alone by default. ``mass``: as for `amr._kernels.step.advance`.
    """

    u_in: np.ndarray
    u0: np.ndarray
    u_out: np.ndarray
    time: float
    dt: float
    a: float
    b: float
    mask: np.ndarray | None
    group: int = 0
    pools: Pools | None = None
    mass: tuple[np.ndarray, float, bool] | None = None

    def masked(self, mask: np.ndarray | None) -> Stage:
        """The same with first-order fluxes around the cells of a mask."""
        return replace(self, mask=mask)


class Stepper:
    """Advances the blocks of this rank by one step.

    Parameters
    ----------
    comm : Comm
    physics : Physics
    layout : Layout
    scheme : Scheme
        Integrator stages, reconstruction, limiter and Riemann solver.
    cfl : float
        CFL number that dt follows from.
    timers : Timers
        Receives the phases ``ghosts``, ``kernel``, ``reflux`` and ``check``.
    max_passes : int
        How often a step is redone with first-order fluxes before it is rejected.

    Attributes
    ----------
    mass_flux : float64 (n_block, dim, nk, nj, ni), optional
        If set, `step` writes to it the mean flux of the first variable through the lower faces of the cells during the step; at
        faces between levels each side's own.
    """

    def __init__(
        self, comm: Comm, physics: Any, layout: Layout, scheme: Scheme, cfl: float, timers: Any, max_passes: int = 4
    ) -> None:
        self.comm = comm
        self.physics = physics
        self.spec = physics.spec  # the terms that a stage has
        self.layout = layout
        self.scheme = scheme
        self.cfl = cfl
        self.timers = timers
        self.max_passes = max_passes
        self.mass_flux: np.ndarray | None = None
        self.scratch = aligned_empty((step_kernel.scratch_size(layout),))
        self.failure = ""  # why the last step was rejected, if not for its state

    def next_dt(
        self, mesh: LocalMesh, pool: Pool, max_signal: float, t: float, target: float, fixed: float | None
    ) -> float:
        """Length of the next step, see `amr.scheme.timestep.choose_dt`."""
        return choose_dt(self.cfl, max_signal, t, target, fixed)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""

    def report(self) -> dict[str, Any]:
        """What the report of a run says of the integrator; nothing of one that always does the same."""
        return {}

    def free(self) -> None:
        """Give back what a step holds; it cannot be used any more. Collective."""

    def step(self, mesh: LocalMesh, pool: Pool, t: float, dt: float, notice: float = 0.0) -> StepResult:
        """Advance ``pool.u`` from t to t + dt into ``pool.u_new`` (interior cells). Collective.

        Parameters
        ----------
        mesh : LocalMesh
        pool : Pool
            ``u`` keeps its interior; its ghosts are filled. ``u_new`` is overwritten.
        t, dt : float
        notice : float
            A flag of this rank (a signal came, a checkpoint is due); the result carries the maximum of all ranks.
        """
        mask = None
        result = StepResult.begin(notice)
        for _ in range(self.max_passes + 1):
            result = self._stages(mesh, pool, t, dt, mask, result)
            if result.n_bad == 0:
                result.accepted = True
                break
            stage = Stage(pool.u, pool.u, pool.u_new, t, dt, 0.0, 1.0, None)
            mask, result.fallback_cells = self._mark(mesh, stage, mask)
        return result

    def _mark(
        self, mesh: LocalMesh, stage: Stage, mask: np.ndarray | None, members: np.ndarray | None = None
    ) -> tuple[np.ndarray, int]:
        """Add the unphysical cells of ``stage.u_out`` in ``members`` (int (m,)) to a mask; their number. Collective."""
        if mask is None:
            mask = np.zeros((len(stage.u_out), 1, *self.layout.shape[1:]))
        fallback_kernel.mark_unphysical(self.physics.spec, self.layout, stage.u_out, mask)
        if members is not None:
            mask[np.setdiff1d(np.arange(len(mask)), members)] = 0.0
        marked = fallback_kernel.count(self.layout, mask)
        mesh.ghosts.groups[stage.group].fill_mask(mask)
        return mask, int(self.comm.allreduce_sum_int(np.array([marked], dtype=np.int64))[0])

    def _stages(
        self, mesh: LocalMesh, pool: Pool, t: float, dt: float, mask: np.ndarray | None, previous: StepResult
    ) -> StepResult:
        u, u_new = pool.u, pool.u_new
        source = u
        result = StepResult.begin(previous.notice, previous.fallback_cells)
        checked = Checked.empty(pool.n_block)
        faces = mesh.register.boundary_faces[0]
        integrator = self.scheme.integrator
        for (a, b), c, weight in zip(integrator.stages, integrator.times, integrator.flux_weights, strict=True):
            mass = None if self.mass_flux is None else (self.mass_flux, weight, source is not u)
            stage = Stage(source, u, u_new, t + c * dt, dt, a, b, mask, mass=mass)
            self._advance(mesh, stage, checked, result, pool.is_filled and source is u)
            pool.is_filled = True  # what is tried again from u takes them
            if len(faces):
                result.boundary_flux.append((weight, mesh.register.boundary_flux(), faces))
            with self.timers("reflux"):
                mesh.register.reflux(u_new, b * dt, mesh.spacing)
            with self.timers("check"):
                # The kernel checked every block while it was in the cache; only what reflux changed is looked at again.
                corrected = mesh.register.groups[0].corrected
                step_kernel.check(self.spec, self.layout, u_new, mesh.spacing, corrected, checked.arrays)
                self._reduce(mesh, checked, result)
            if result.n_bad:
                break
            source = u_new
        return result

    def _advance(
        self, mesh: LocalMesh, stage: Stage, checked: Checked, result: StepResult, is_filled: bool = False
    ) -> None:
        """One stage, the blocks that need no remote data first, while the messages fly; ``checked`` is as before reflux.

        ``is_filled``: the ghosts of ``stage.u_in`` are filled already.
        """
        group, timers = mesh.ghosts.groups[stage.group], self.timers
        if is_filled:
            for blocks in (group.inner, group.outer, *group.by_function):
                self._kernel(mesh, blocks, stage, checked, result, True)
            return
        # A stage in place overwrites what other blocks' ghosts are made of: fill all of them first.
        in_place = stage.u_in is stage.u_out
        with timers("ghosts"):
            group.start(stage.pools or Pools.one(stage.u_in))
            group.fill_inner(stage.u_in, stage.time, in_place, self.scheme.edges)
            if in_place:
                mesh.fill_outer(group, stage.u_in, stage.time, in_place, self.scheme.edges)
        self._kernel(mesh, group.inner, stage, checked, result, in_place)
        self._kernel(mesh, group.by_function[0], stage, checked, result, True)
        with timers("ghosts"):
            if not in_place:
                mesh.fill_outer(group, stage.u_in, stage.time, in_place)
        self._kernel(mesh, group.outer, stage, checked, result, in_place)
        self._kernel(mesh, group.by_function[1], stage, checked, result, True)

    def _kernel(
        self,
        mesh: LocalMesh,
        blocks: np.ndarray,
        stage: Stage,
        checked: Checked,
        result: StepResult,
        is_filled: bool,
    ) -> None:
        """Advance some blocks, whose ghosts are in the pool already or are made by the kernel."""
        if not len(blocks):
            return
        plan = mesh.ghosts.plan
        before = plan.seconds
        with self.timers("kernel"):
            result.flattened_cells += step_kernel.advance(
                self.spec,
                self.layout,
                stage.u_in,
                stage.u0,
                stage.u_out,
                blocks,
                mesh.spacing,
                self.scratch,
                dt=stage.dt,
                a=stage.a,
                b=stage.b,
                mask=stage.mask,
                face_slot=mesh.register.face_slot,
                flux=mesh.register.flux,
                checked=checked.arrays,
                ghosts=None if is_filled else plan,
                mass=stage.mass,
                **self.scheme.kernel_options,
            )
        self.timers.shift(plan.seconds - before, "kernel", "ghosts")

    def check(self, mesh: LocalMesh, u: np.ndarray, result: StepResult, blocks: np.ndarray | None = None) -> None:
        """Set ``max_signal``, ``n_bad`` and ``notice`` of ``result`` from the state ``u``. Collective (one all-reduce).

        ``blocks``: only of these local blocks, int32.
        """
        with self.timers("check"):
            self._reduce(mesh, Checked(*step_kernel.check(self.spec, self.layout, u, mesh.spacing, blocks)), result)

    def _reduce(self, mesh: LocalMesh, checked: Checked, result: StepResult) -> None:
        signal = (checked.signal * mesh.substep).max(initial=0.0)
        top = self.comm.allreduce_max([signal, float(checked.n_bad.sum()), result.notice])
        result.max_signal, result.n_bad, result.notice = float(top[0]), int(top[1]), float(top[2])
