"""Trial steps: what a step would do to the present state, for the indicators that judge the scheme by it. Nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import amr._kernels.step as step_kernel
from amr._kernels.transfer import restrict_boxes
from amr.errors import CaseError, UnphysicalState
from amr.mesh.geometry import Geometry
from amr.mesh.pool import Layout, aligned_empty
from amr.physics.boundary import BoundaryFill
from amr.scheme.local_mesh import LocalMesh
from amr.scheme.ops import coarse_ghost, op_rows
from amr.scheme.stepper import Stepper

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.pool import Pool
    from amr.scheme.flux import Scheme

#: How often a trial step that fails is tried again with half its length.
MAX_RETRIES = 8


@dataclass(frozen=True)
class Trial:
    """Trial steps from the present state, of this rank's blocks.

    Attributes
    ----------
    layout : Layout
    comm : Comm
    spacing : float64 (n_block, 3)
    dt : float
        Length of a step.
    n_steps : float
        Steps of this length in the whole run.
    cell_time : float64 (n_block,)
        What the fastest signal anywhere takes across a cell of the block, about; halves exactly from level to level.
    speed : float
        That signal's speed.
    u, u_new : float64 (n_block, n_var, nk, nj, ni)
        The state before and after one step, with filled ghosts.
    restricted, coarse : float64 (n_block, n_var, nk, nj, ni), optional
        After two steps, restricted to half the cells per axis, and after one step of twice the length with half the
        cells per axis; interior cells only.
    """

    layout: Layout
    comm: Comm
    spacing: np.ndarray
    dt: float
    n_steps: float
    cell_time: np.ndarray
    speed: float
    u: np.ndarray
    u_new: np.ndarray
    restricted: np.ndarray | None = None
    coarse: np.ndarray | None = None


#: Makes a trial, with the comparison on the coarse mesh or without; None where nothing moves.
TrialMaker = Callable[[bool], "Trial | None"]


@dataclass
class _Buffers:
    """What a stepper takes for a pool."""

    u: np.ndarray
    u_new: np.ndarray
    is_filled: bool = False

    @property
    def n_block(self) -> int:
        return len(self.u)


def coarse_fault(n: int, g: int) -> str:
    """Why blocks of n cells with g ghosts cannot be stepped with n / 2 cells; empty if they can."""
    least = max(8, 4 * coarse_ghost(g))
    if n % 4 or n < least:
        return f"needs blocks of at least {least} cells, a multiple of 4, with {g} ghost cells; there are {n}"
    return ""


class TrialSteps:
    """Makes trials. Works on blocks of half the cells, too: the same leaves on the same ranks, with another layout.

    Sources are left out: the scheme is judged.

    Parameters
    ----------
    comm : Comm
    physics : Physics
    layout : Layout
    geometry : Geometry
    boundary : BoundaryFill
    scheme : Scheme
    cfl : float
    timers : Timers
        Of its own: the phases of the steps are not those of the run.
    """

    def __init__(
        self,
        comm: Comm,
        physics: Any,
        layout: Layout,
        geometry: Geometry,
        boundary: BoundaryFill,
        scheme: Scheme,
        cfl: float,
        timers: Any,
    ) -> None:
        self.comm, self.physics, self.layout, self.geometry = comm, physics, layout, geometry
        self.boundary, self.scheme, self.cfl, self.timers = boundary, scheme, cfl, timers
        self._stepper = Stepper(comm, physics, layout, scheme, cfl, timers)

    def run(self, mesh: LocalMesh, pool: Pool, t: float, dt: float, duration: float, with_coarse: bool) -> Trial:
        """Steps of length dt, or shorter where they would be unphysical. Collective.

        Parameters
        ----------
        mesh : LocalMesh
            Of one group: all levels step together.
        pool : Pool
            ``u`` keeps its interior, its ghosts are filled; ``u_new`` and, with ``with_coarse``, ``spare`` are
            overwritten.
        t, dt : float
        duration : float
            Of the run.
        with_coarse : bool
            Whether to compare with a step on half the cells.

        Raises
        ------
        UnphysicalState
            No step that is short enough works.
        CaseError
            Blocks too small for ``with_coarse``.
        """
        if with_coarse and (fault := coarse_fault(self.layout.n, self.layout.g)):
            raise CaseError(fault)
        for _ in range(MAX_RETRIES + 1):
            coarse = restricted = None
            is_done = self._stepper.step(mesh, pool, t, dt).accepted
            if is_done and with_coarse:
                restricted = self._second(mesh, pool, t, dt)
                coarse = None if restricted is None else self._coarse(mesh, pool.u, t, 2 * dt)
                is_done = coarse is not None
            if is_done:
                break
            dt *= 0.5
        else:
            raise UnphysicalState(
                f"a trial step for the indicators failed at t = {t:.9g}, the last with dt = {2 * dt:.3g}"
            )
        mesh.fill_ghosts(pool.u, t)
        mesh.fill_ghosts(pool.u_new, t + dt)
        cell_time, speed = self._pace(mesh, pool.u)
        n_steps = duration / dt
        return Trial(
            self.layout, self.comm, mesh.spacing, dt, n_steps, cell_time, speed, pool.u, pool.u_new, restricted, coarse
        )

    def _pace(self, mesh: LocalMesh, u: np.ndarray) -> tuple[np.ndarray, float]:
        signal = step_kernel.check(self.physics.wave_spec, self.layout, u, mesh.spacing)[0]
        level = mesh.level.astype(np.int32)
        largest = float(self.comm.allreduce_max([np.ldexp(signal, -level).max(initial=0.0)])[0])
        shortest = float(self.geometry.root_spacing[: self.layout.dim].min())
        return np.ldexp(1.0 / largest if largest > 0 else 0.0, -level) * np.ones(len(level)), shortest * largest

    def _second(self, mesh: LocalMesh, pool: Pool, t: float, dt: float) -> np.ndarray | None:
        """A second step from ``u_new``, restricted; None if it fails."""
        after = _Buffers(pool.u_new, pool.spare)
        if not self._stepper.step(mesh, after, t + dt, dt).accepted:  # type: ignore[arg-type]
            return None
        return self._restrict(after.u_new)

    def _coarse_layout(self) -> Layout:
        return Layout(self.layout.dim, self.layout.n // 2, self.layout.g, self.layout.n_var)

    def _restrict(self, u: np.ndarray) -> np.ndarray:
        """Averages of ``u`` over the cells of blocks of half the cells, interiors only."""
        layout = self._coarse_layout()
        result = aligned_empty((len(u), *layout.shape))
        box = np.zeros((len(u), 9), dtype=np.int32)
        box[:, 6:] = 1
        box[:, 6 : 6 + layout.dim] = layout.n
        block = np.arange(len(u))
        restrict_boxes(self.layout, u, layout, result, op_rows(box, block, block))
        return result

    def _coarse(self, mesh: LocalMesh, u: np.ndarray, t: float, dt: float) -> np.ndarray | None:
        """One step of length dt of the restricted ``u``; None if it fails."""
        layout, dim = self._coarse_layout(), self.layout.dim
        old, roots = self.geometry, mesh.forest.root_blocks
        geometry = Geometry(old.lower[:dim].tolist(), old.upper[:dim].tolist(), roots, layout.n)
        boundary = BoundaryFill(self.physics, layout, geometry, self.boundary.conditions)
        coarse = LocalMesh(mesh.forest, mesh.starts, geometry, self.comm, layout, self.physics, boundary)
        start = self._restrict(u)
        buffers = _Buffers(start, aligned_empty((len(u), *layout.shape)))
        stepper = Stepper(self.comm, self.physics, layout, self.scheme, self.cfl, self.timers)
        is_done = stepper.step(coarse, buffers, t, dt).accepted  # type: ignore[arg-type]
        coarse.free()
        return buffers.u_new if is_done else None
