"""Self-gravity of a gas: Poisson's equation on the leaves, momentum by half kicks, an energy source that conserves the total.

Conventions: ``laplace(phi) = 4 pi G rho`` in every dimension, so that G rho is 1/s^2: columns along z in 2D, layers in 1D.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

import amr._kernels.gravity as kernel
from amr._kernels.sums import FixedSum, block_sums
from amr.implicit.level_faces import LevelFaces
from amr.implicit.multipole import Multipole
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import load_petsc
from amr.implicit.sides import Side, dirichlet
from amr.implicit.solver import LinearSolver
from amr.mesh.pool import Layout, aligned_zeros
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill
from amr.scheme.local_mesh import LocalMesh

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry

PREFIX = "gravity_"
"""Of the options of this solver in PETSc's database."""
# In a periodic box the mean is taken from the density, which leaves this much of it, and no iteration can remove that.
_ROUND_OFF = 1e-13


class _Field:
    """What lives as long as a mesh: the mesh of one variable with ghosts and registers, the operator, the solver, the pools."""

    def __init__(self, mesh: LocalMesh, comm: Comm, layout: Layout, sides: list[Side | str], options: str) -> None:
        dim = layout.dim
        self.of = mesh
        self.layout = Layout(dim, layout.n, layout.g, 1)
        physics = create_physics("advection", dim, {"velocity": [0.0] * dim})
        kinds = ["periodic" if side == "periodic" else "outflow" for side in sides]
        boundary = BoundaryFill(physics, self.layout, mesh.geometry, kinds)
        self.mesh = LocalMesh(mesh.forest, mesh.starts, mesh.geometry, comm, self.layout, physics, boundary)
        self.operator = CompositeOperator(self.mesh, comm, sides)
        self.solver = LinearSolver(self.operator, options, PREFIX)
        self.faces = LevelFaces(self.operator)
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []
        """What the faces between levels see of the potential, and of the one that is to follow it."""
        self.vec: Any = self.operator.mat.createVecRight()
        shape = (mesh.n_block, *self.layout.shape)
        self.phi, self.phi_new, self.mean, self.work, self.change = (aligned_zeros(shape) for _ in range(5))
        self.mass = aligned_zeros((mesh.n_block, dim, *self.layout.shape[1:]))

    def free(self) -> None:
        self.solver.free()
        self.faces.free()
        self.vec.destroy()
        self.operator.free()
        self.mesh.free()


class SelfGravity:
    """The potential of the gas and what it does to the gas. Everything is collective.

    A step: `begin` gives the first half kick; the gas moves and `mass_flux` is written; `moved` looks at the density; `finish`
    solves for the new potential, gives the second half kick and the energy; then `accept`, if the step is. One solve per step.

    Parameters
    ----------
    comm : Comm
    layout : Layout
        Of the gas: density, momentum, energy, then what takes no part.
    geometry : Geometry
    G : float
        Constant of gravity, > 0.
    is_periodic : bool
        All axes are periodic, and the mean density attracts nothing; else none is, and the gas is alone in space: its multipole
        moments give the potential on the sides of the domain.
    options : str
        Of PETSc, for the solver.

    Raises
    ------
    CaseError
        PETSc is missing.
    """

    def __init__(
        self, comm: Comm, layout: Layout, geometry: Geometry, G: float, is_periodic: bool, options: str = ""
    ) -> None:
        load_petsc()
        self.comm, self.layout, self.geometry, self.G = comm, layout, geometry, G
        self.is_periodic, self.options = is_periodic, options
        self._field: _Field | None = None
        self._outside: Multipole | None = None
        self._inner = (slice(None), *layout.interior)
        self.energy: float | None = None
        """Sum of rho phi / 2 over the domain [energy]."""
        self.initial: float | None = None
        """The same at the start."""
        self.by_regrids = 0.0
        """What regrids have changed of it."""
        self.n_solve = self.n_iteration = self.most_iterations = 0
        self.seconds = self.residual = 0.0

    # ---- the potential -----------------------------------------------------------------------------------------------

    def prepare(self, mesh: LocalMesh, u: np.ndarray) -> None:
        """Have the potential of the gas ``u`` on this mesh; nothing happens if it is there. Collective."""
        if self._field is not None and self._field.of is mesh:
            return
        field = self._make(mesh)
        self._solve(field, u, field.phi, field.phi)
        before, self.energy = self.energy, self._energy(field, u, field.phi)
        if self.initial is None:
            self.initial = self.energy
        elif before is not None:
            self.by_regrids += self.energy - before

    def _make(self, mesh: LocalMesh) -> _Field:
        self.free()
        start = perf_counter()
        sides: list[Side | str] = [
            "periodic" if self.is_periodic else dirichlet(lambda x, t: self._potential_outside(x))
            for _ in range(2 * self.layout.dim)
        ]
        field = self._field = _Field(mesh, self.comm, self.layout, sides, self.options)
        self.seconds += perf_counter() - start
        return field

    def potential(self, mesh: LocalMesh, u: np.ndarray) -> np.ndarray:
        """The potential (n_block, nk, nj, ni) of the interior cells: a view, valid until the next step. Collective."""
        self.prepare(mesh, u)
        assert self._field is not None
        return self._field.phi[:, 0][self._inner]

    def signal(self, mesh: LocalMesh, u: np.ndarray) -> float:
        """Signal [1/s] of the acceleration: with ``dt = cfl / signal`` gas at rest falls by half a cell at most. Collective."""
        self.prepare(mesh, u)
        assert self._field is not None
        rate = kernel.rate(self.layout, self._field.phi, mesh.spacing)
        return float(np.sqrt(self.comm.allreduce_max([rate.max(initial=0.0)])[0]))

    def free(self) -> None:
        """Give back what MPI and PETSc hold."""
        if self._field is not None:
            self._field.free()
            self._field = None

    # ---- a step ------------------------------------------------------------------------------------------------------

    @property
    def mass_flux(self) -> np.ndarray:
        """Where the step is to write the mean mass flux (n_block, dim, nk, nj, ni)."""
        assert self._field is not None
        return self._field.mass

    def begin(self, mesh: LocalMesh, u: np.ndarray, dt: float) -> np.ndarray:
        """First half kick of a step of length dt, in place; sums of the changes (n_block, n_var)."""
        self.prepare(mesh, u)
        field = self._field
        assert field is not None
        return kernel.kick(self.layout, u, field.phi, mesh.spacing, 0.5 * dt, field.work, False)

    def moved(self, u: np.ndarray, u_new: np.ndarray) -> None:
        """Note how the density has changed when mass moved from ``u`` to ``u_new``. Not collective."""
        assert self._field is not None
        self._field.change[:, 0][self._inner] = u_new[:, 0][self._inner] - u[:, 0][self._inner]

    def finish(self, mesh: LocalMesh, u_new: np.ndarray, dt: float) -> np.ndarray:
        """The new potential, the second half kick and the energy, in place; sums of the changes (n_block, n_var)."""
        field = self._field
        assert field is not None
        self._solve(field, u_new, field.phi, field.phi_new)
        np.add(field.phi, field.phi_new, out=field.mean)
        field.mean *= 0.5
        register = field.mesh.register
        kernel.work_done(
            self.layout, field.mean, field.change, field.mass, mesh.spacing, dt, register.face_slot, register.flux, field.work
        )  # fmt: skip
        # Of the energy that mass carries through faces between levels, the finer side's counts.
        register.reflux(field.work, dt, mesh.spacing)
        self._correct(field)
        return kernel.kick(self.layout, u_new, field.phi_new, mesh.spacing, 0.5 * dt, field.work, True)

    def accept(self, u_new: np.ndarray) -> None:
        """The step is done. Collective."""
        field = self._field
        assert field is not None
        field.phi, field.phi_new = field.phi_new, field.phi
        field.seen = field.seen[1:]
        self.energy = self._energy(field, u_new, field.phi)

    # ---- pieces ------------------------------------------------------------------------------------------------------

    def _solve(self, field: _Field, u: np.ndarray, guess: np.ndarray, out: np.ndarray) -> None:
        """The potential of ``u`` with its ghosts, from a first guess."""
        start = perf_counter()
        density, operator = u[:, 0][self._inner], field.operator
        self._look(field, u)
        f = (-4 * np.pi * self.G) * density
        rhs = operator.rhs(f)
        if self.is_periodic:
            scale = operator.to_vec(f)
            scale.pointwiseMult(scale, operator.volume)
            field.solver.ksp.setTolerances(atol=_ROUND_OFF * scale.norm())
            scale.destroy()
        operator.to_vec(guess[:, 0], field.vec)
        info = field.solver.solve(rhs, field.vec)
        operator.from_vec(field.vec, out[:, 0])
        norm = rhs.norm()
        rhs.destroy()
        self._fill_ghosts(field, out)
        self.n_solve += 1
        self.n_iteration += info.iterations
        self.most_iterations = max(self.most_iterations, info.iterations)
        self.residual = info.residual / norm if norm > 0 else info.residual
        self.seconds += perf_counter() - start

    def _correct(self, field: _Field) -> None:
        """Add to the work what the asymmetry of the operator keeps from the gas. After a solve for the new potential."""
        if not field.faces.n_all:
            return
        if not field.seen:
            new = field.vec.copy()
            field.seen = [field.faces.look(field.operator.to_vec(field.phi[:, 0], field.vec))]
            new.copy(field.vec)
            new.destroy()
        field.seen = [field.seen[0], field.faces.look(field.vec)]
        (flux, difference), (new_flux, new_difference) = field.seen
        gain = (flux * new_difference - new_flux * difference) / (8 * np.pi * self.G)
        field.work[:, 0][self._inner] += field.faces.spread(gain)

    def _look(self, field: _Field, u: np.ndarray) -> None:
        """Take the moments that the potential on the sides of the domain follows from."""
        if not self.is_periodic:
            self._outside = Multipole.of(u[:, 0][self._inner], field.mesh, self.comm)

    @staticmethod
    def _fill_ghosts(field: _Field, phi: np.ndarray) -> None:
        field.mesh.fill_ghosts(phi, 0.0)
        field.operator.fill_sides(phi[:, 0])

    def _potential_outside(self, x: np.ndarray) -> np.ndarray:
        assert self._outside is not None
        return self._outside.potential(x, self.G)

    def _energy(self, field: _Field, u: np.ndarray, phi: np.ndarray) -> float:
        product = np.zeros_like(field.change)
        product[:, 0][self._inner] = u[:, 0][self._inner] * phi[:, 0][self._inner]
        total = FixedSum(1)
        total.add(block_sums(field.layout, product), field.mesh.cell_volume)
        return 0.5 * float(FixedSum.from_limbs(self.comm.allreduce_sum_int(total.limbs)).values()[0])

    # ---- what is kept and told ---------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"initial": self.initial, "energy": self.energy, "by_regrids": self.by_regrids}

    def restore(self, kept: dict[str, Any], mesh: LocalMesh, u: np.ndarray, phi: np.ndarray) -> None:
        """Go on from `state` with the potential (n_block, nk, nj, ni) of that time, the last one of the old run. Collective."""
        self.initial, self.by_regrids = kept["initial"], kept["by_regrids"]
        field = self._make(mesh)
        field.phi[:, 0][self._inner] = phi
        self._look(field, u)
        self._fill_ghosts(field, field.phi)
        self.energy = self._energy(field, u, field.phi)

    def report(self, energy: dict[str, Any]) -> dict[str, Any]:
        """The section of the report; ``energy``: that of the ledger's report on the gas's energy. Collective."""
        assert self.energy is not None and self.initial is not None
        first, last = energy["initial"] + self.initial, energy["final"] + self.energy
        scale = max(abs(self.initial), abs(self.energy))
        return {
            "solves": self.n_solve,
            "iterations_mean": self.n_iteration / max(1, self.n_solve),
            "iterations_max": self.most_iterations,
            "seconds": float(self.comm.allreduce_max([self.seconds])[0]),
            "last_residual": self.residual,
            "potential_energy": {"initial": self.initial, "final": self.energy, "by_regrids": self.by_regrids},
            "total_energy": {
                "initial": first,
                "final": last,
                "drift": last - first,
                "drift_of_potential_energy": (last - first) / scale if scale > 0 else 0.0,
                "boundary": energy["ledger"]["boundary"],
            },
        }
