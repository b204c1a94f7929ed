"""Adjoint equations of the linear and linearised equation sets, and their solution backwards from a goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import CaseError
from amr.mesh.partition import partition
from amr.mesh.pool import Pool
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill, Condition
from amr.scheme.local_mesh import LocalMesh
from amr.scheme.stepper import Stepper, StepResult
from amr.scheme.timestep import choose_dt

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest
    from amr.physics.base import Physics
    from amr.scheme.flux import Scheme

#: Equation sets that have an adjoint here.
LINEAR = ("advection", "acoustics", "shallow_water")

#: A time nearer to a snapshot than this share of their distance is that of the snapshot.
NEAR = 1e-9
#: Adjoint states below this share of the largest one count as 0.
SMALL = 1e-6


@dataclass(frozen=True)
class AdjointSystem:
    """The adjoint equations of ``u_t + sum over axes of A u_x = 0``, with time reversed: ``v_s - sum of A^T v_x = 0``.

    Attributes
    ----------
    physics : Physics
        An equation set of the package that they are, in other units.
    factor : float64 (n_var,)
        v = factor * its variables.
    unit : float64 (n_var,)
        What a conserved variable of a wave is, in units of the first one.
    primitive_unit : float64 (n_var,)
        The same of the primitive variables.
    """

    physics: Physics
    factor: np.ndarray
    unit: np.ndarray
    primitive_unit: np.ndarray


@dataclass(frozen=True)
class AdjointStates:
    """Adjoint states on a uniform mesh, replicated.

    Attributes
    ----------
    v : float64 (n + 1, n_var, mk, mj, mi)
        Cell averages at the goal's time and n times before it.
    interval : float
        Between two of these times.
    level : int
        Of the mesh.
    largest : float
        Largest sum over the variables of |v| unit of all cells and times.
    reached : bool (n + 1, rk, rj, ri)
        Root blocks in which v is not 0. Where that sum is below 1e-6 of the largest, v is 0.
    """

    v: np.ndarray
    interval: float
    level: int
    largest: float
    reached: np.ndarray

    def around(self, left: float) -> slice:
        """The times just before and after the one that is ``left`` before the goal's: up to two, none after the goal."""
        at = left / self.interval
        first = floor(at + NEAR)
        return slice(0, 0) if first < 0 else slice(first, ceil(at - NEAR) + 1)


def linear_fault(physics: Physics) -> str:
    """Why an equation set has no adjoint here; empty if it has."""
    if physics.name not in LINEAR or physics.static:
        return f"needs physics {', '.join(LINEAR[:-1])} (constant velocity) or {LINEAR[-1]}, not {physics.name}" + (
            " with velocity_field = true" if physics.static else ""
        )
    return ""


def adjoint_of(physics: Physics, depth: float | None = None) -> AdjointSystem:
    """The adjoint equations of an equation set; of shallow water, linearised about water of this depth at rest.

    Advection with velocity a: v_s - a . grad v = 0 is advection with -a. Acoustics with density r and sound speed c:
    v = (p', u'), p'_s - div u' / r = 0, u'_s - r c^2 grad p' = 0, is acoustics of the same medium with pressure p' and
    velocity -u' / (r c)^2. Shallow water of depth H, u = (h, m), h_t + div m = 0, m_t + g H grad h = 0, is
    acoustics of density 1 / (g H) and sound speed sqrt(g H).

    Raises
    ------
    CaseError
        The equation set is not linear, or there is no positive depth.
    """
    if fault := linear_fault(physics):
        raise CaseError(fault)
    dim = physics.dim
    if physics.name == "advection":
        reversed_ = create_physics("advection", dim, {"velocity": [-a for a in physics.spec.params[:dim]]})
        return AdjointSystem(reversed_, np.ones(1), np.ones(1), np.ones(1))
    if physics.name == "acoustics":
        density, speed = physics.spec.params[:2]
        primitive_unit = 1.0 / (density * speed)
    else:
        if depth is None or not depth > 0:
            raise CaseError(f"the mean depth of the water must be positive, not {depth}")
        speed = float(np.sqrt(physics.spec.params[0] * depth))
        density, primitive_unit = 1.0 / speed**2, speed / depth
    impedance = density * speed
    medium = create_physics("acoustics", dim, {"density": density, "sound_speed": speed})
    first = np.eye(1 + dim)[0]
    vector = 1.0 - first
    return AdjointSystem(
        medium, first - vector * impedance**2, first + vector / impedance, first + vector * primitive_unit
    )


def box_shares(geometry: Geometry, mesh: LocalMesh, lower: Sequence[float], upper: Sequence[float]) -> np.ndarray:
    """Share of each cell of the local blocks that lies in a box, float64 (n_block, nk, nj, ni)."""
    shares = np.ones((mesh.n_block, 1, 1, 1))
    for axis, (low, high) in enumerate(zip(lower, upper, strict=True)):
        centre, h = geometry.axis_centers(mesh.level, mesh.coords, axis), mesh.spacing[:, axis, None]
        inside = (np.minimum(centre + 0.5 * h, high) - np.maximum(centre - 0.5 * h, low)) / h
        shape = [mesh.n_block, 1, 1, 1]
        shape[3 - axis] = -1
        shares = shares * np.clip(inside, 0.0, 1.0).reshape(shape)
    return shares


@dataclass(frozen=True)
class Backward:
    """Solves adjoint equations on a uniform mesh, with the package's own scheme.

    Attributes
    ----------
    comm : Comm
    layout : Layout
        Of the blocks of the run itself.
    geometry : Geometry
    forest : Forest
        Of one level.
    walls : sequence of bool
        Per direction (2 * axis + side): whether the run has a rigid wall there. What leaves through another side of the
        domain is gone.
    scheme : Scheme
        With a Riemann solver of the adjoint's ``physics``.
    cfl : float
    timers : Timers
        Of its own.
    """

    comm: Comm
    layout: Layout
    geometry: Geometry
    forest: Forest
    walls: Sequence[bool]
    scheme: Scheme
    cfl: float
    timers: Any

    def n_snapshots(self, adjoint: AdjointSystem, box: np.ndarray, duration: float) -> int:
        """Intervals that are short enough for no wave to cross half of a box with these sides (or two cells) in one."""
        h = self.geometry.spacing(int(self.forest.level[0]))[0]
        at_rest = np.zeros((adjoint.physics.n_var, 1))
        times = [
            float(adjoint.physics.max_signal(at_rest, axis)[0]) * duration / max(0.5 * side, 2.0 * float(h[axis]))
            for axis, side in enumerate(box)
        ]
        return max(1, ceil(max(times)))

    def run(
        self,
        adjoint: AdjointSystem,
        variable: int,
        lower: Sequence[float],
        upper: Sequence[float],
        duration: float,
        n: int,
    ) -> AdjointStates:
        """Adjoint states at n + 1 equidistant times from the goal backwards. Collective.

        Parameters
        ----------
        adjoint : AdjointSystem
        variable : int
            The goal is the integral of this conserved variable over the box ``lower``..``upper``.
        lower, upper : sequence of float (dim,)
        duration : float
        n : int

        Returns
        -------
        AdjointStates
            On every rank; the same bits on any number of ranks.
        """
        physics, dim = adjoint.physics, self.layout.dim
        still = Condition("inflow", state=dict.fromkeys(physics.primitives, 0.0))
        conditions = [
            Condition("periodic") if self.forest.periodic[d // 2] else Condition("reflecting") if wall else still
            for d, wall in enumerate(self.walls[: 2 * dim])
        ]
        boundary = BoundaryFill(physics, self.layout, self.geometry, conditions)
        starts = partition(np.ones(self.forest.n_leaves), self.comm.size)
        mesh = LocalMesh(self.forest, starts, self.geometry, self.comm, self.layout, physics, boundary)
        pool = Pool(self.layout, mesh.n_block)
        inner = (slice(None), slice(None), *self.layout.interior)
        pool.u[inner] = 0.0
        pool.u[inner][:, variable] = box_shares(self.geometry, mesh, lower, upper) / adjoint.factor[variable]
        stepper = Stepper(self.comm, physics, self.layout, self.scheme, self.cfl, self.timers)
        result = StepResult.begin()
        stepper.check(mesh, pool.u, result)
        states, t = [self._whole(pool.u[inner])], 0.0
        for target in duration * np.arange(1, n + 1) / n:
            while t < target:
                dt = choose_dt(self.cfl, result.max_signal, t, target)
                stepper.step(mesh, pool, t, dt)
                pool.swap()
                t = target if dt == target - t else t + dt
            states.append(self._whole(pool.u[inner]))
        mesh.free()
        v = np.stack(states) * adjoint.factor[:, None, None, None]
        parts = np.abs(v) * adjoint.unit[:, None, None, None]
        # The vector's components first, as in the kernel: the same bits with x and y exchanged.
        size = parts[:, 0] + parts[:, 1:].sum(axis=1)
        is_seen = size > SMALL * size.max()
        v *= is_seen[:, None]
        roots = self.forest.root_blocks[::-1]
        shape = [count for root, cells in zip(roots, size.shape[1:], strict=True) for count in (root, cells // root)]
        reached = is_seen.reshape(len(v), *shape).any(axis=(2, 4, 6))
        return AdjointStates(v, duration / n, int(self.forest.level[0]), float(size.max()), reached)

    def _whole(self, interior: np.ndarray) -> np.ndarray:
        """Interiors of the local blocks (n_block, n_var, nk, nj, ni) as one array of the mesh, (n_var, mk, mj, mi)."""
        blocks = self.comm.allgatherv(np.ascontiguousarray(interior))
        n = blocks.shape[2:]
        places = self.forest.coords[:, ::-1]
        count = places.max(axis=0) + 1
        whole = np.empty((blocks.shape[1], count[0], n[0], count[1], n[1], count[2], n[2]))
        whole.transpose(1, 3, 5, 0, 2, 4, 6)[tuple(places.T)] = blocks
        return whole.reshape(len(whole), *(count * n))
