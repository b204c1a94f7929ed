"""The operator of Fokker and Planck, ``-div(T grad p + p grad E)``, exponentially fitted on the leaves of the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amr.errors import CaseError
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import load_petsc
from amr.implicit.sides import Side, neumann

if TYPE_CHECKING:
    from collections.abc import Callable

    from amr.comm import Comm
    from amr.scheme.local_mesh import LocalMesh


_CHUNK_POINTS = 1 << 18


def reduced_energy(
    mesh: LocalMesh, comm: Comm, energy: Callable[[np.ndarray], np.ndarray], temperature: float
) -> np.ndarray:
    """psi (n_block, nk, nj, ni) whose exp(-psi) is the mean of exp(-E / T) over each cell. Collective.

    By Gauss points, 3 per axis, in 3D 2, as for initial states: the equilibrium on the mesh has the averages of the exact one,
    and cells that are joined keep it. The logarithm of the mean is taken beside the least energy of each cell, so that no
    exponential overflows.

    Raises
    ------
    PluginError
        The energy failed, on every rank.
    """
    dim, cells = mesh.ghosts.layout.dim, mesh.ghosts.layout.cells
    node, weight = (0.5 * each for each in np.polynomial.legendre.leggauss(2 if dim == 3 else 3))
    grid = np.meshgrid(*[node] * dim, indexing="ij")
    offset = np.stack([each.ravel() for each in grid], axis=1)
    share = np.prod([each.ravel() for each in np.meshgrid(*[weight] * dim, indexing="ij")], axis=0)

    def evaluate() -> np.ndarray:
        parts = []
        # Without blocks (more ranks than blocks) the user's function is not called.
        size = max(1, _CHUNK_POINTS // (cells * len(share)))
        for first in range(0, mesh.n_block, size):
            blocks = slice(first, first + size)
            x = mesh.cell_centers(blocks)
            step = mesh.spacing[blocks, :dim].T[:, :, None, None, None]
            e = np.stack([energy((x + step * d[:, None, None, None, None]).reshape(dim, -1)) for d in offset])
            e /= temperature
            least = e.min(axis=0)
            parts.append((least - np.log(share @ np.exp(least - e))).reshape(x.shape[1:]))
        sizes = (mesh.ghosts.layout.n if axis < dim else 1 for axis in (2, 1, 0))
        return np.concatenate(parts) if parts else np.empty((0, *sizes))

    return comm.agreed(evaluate)


class FokkerPlanckOperator(CompositeOperator):
    """The operator on one mesh, times the cells' volumes; sides that are not periodic let nothing through. Collective to make.

    Its columns sum to zero (probability is conserved), ``exp(-psi)`` is in its null space, and its off-diagonal entries are at
    most 0, so that the matrix of a step of backward Euler, of any length, is an M-matrix: densities stay positive
    (formulas: csrc/elliptic_fitted.h).

    Parameters
    ----------
    mesh : LocalMesh
    comm : Comm
        That of the mesh.
    psi : float64 (n_block, nk, nj, ni)
        Energy over temperature of the interior cells of the local blocks; finite, any size and sign.
    temperature : float
        Greater than 0; the mobility is 1.

    Attributes
    ----------
    equilibrium : petsc4py.PETSc.Vec
        Density of Boltzmann on this mesh, ``exp(-psi) / sum(volume exp(-psi))``.
    """

    least_beta: ClassVar[float] = -np.inf
    has_multigrid: ClassVar[bool] = False  # its coarse errors are not smooth, but exp(-psi) times smooth ones

    def __init__(self, mesh: LocalMesh, comm: Comm, psi: np.ndarray, temperature: float) -> None:
        if not 0.0 < temperature < np.inf:
            raise CaseError(f"temperature = {temperature} of a Fokker-Planck operator must be positive")
        self.temperature = float(temperature)
        self.equilibrium: Any = None
        periodic = mesh.forest.periodic[: mesh.ghosts.layout.dim]
        sides: list[Side | str] = [("periodic" if each else neumann()) for each in periodic for _ in range(2)]
        super().__init__(mesh, comm, sides, psi)

    def _set_null_space(self) -> None:
        petsc = load_petsc()
        psi = self._inside(self._beta[:, 0])
        least = float(self.comm.allreduce_min(np.array([psi.min(initial=np.inf)]))[0])
        if self.equilibrium is None:
            self.equilibrium = self.mat.createVecRight()
        self.to_vec(np.exp(least - psi), self.equilibrium)
        self.equilibrium.scale(1.0 / self.equilibrium.dot(self.volume))
        unit = self.equilibrium.copy()
        unit.normalize()
        vectors = (unit,) if self.is_singular else ()
        right = petsc.NullSpace().create(constant=False, vectors=vectors, comm=self.comm.mpi)
        left = petsc.NullSpace().create(constant=self.is_singular, comm=self.comm.mpi)
        self.mat.setNullSpace(right)
        self.mat.setTransposeNullSpace(left)
        # Smoothed aggregation (GAMG) fails without: what relaxation leaves is close to the equilibrium, not to a constant.
        slow = petsc.NullSpace().create(constant=False, vectors=(unit,), comm=self.comm.mpi)
        self.mat.setNearNullSpace(slow)
        for each in (unit, right, left, slow):
            each.destroy()  # the matrix holds what it needs

    def remove_mean(self, vec: Any) -> None:
        """Take that multiple of the equilibrium from a vector that leaves no probability. In place, collective."""
        vec.axpy(-vec.dot(self.volume), self.equilibrium)

    def free(self) -> None:
        super().free()
        self.equilibrium.destroy()
