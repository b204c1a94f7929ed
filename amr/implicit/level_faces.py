"""The faces between levels, where the composite operator is not symmetric, and what that would cost the energy.

With the balances A phi = -4 pi G rho V of two steps, the sum over cells of (rho_2 phi_1 - rho_1 phi_2) V / 2 is not zero as it is
for a symmetric A. Only faces between levels contribute: with the flux F of a face as the operator has it and the difference d of
phi between the coarse and the fine cell there, (F_1 d_2 - F_2 d_1) / (8 pi G) each. That goes to the two cells, half and half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from amr.implicit.coo import set_places, set_values
from amr.implicit.petsc import load_petsc

if TYPE_CHECKING:
    from amr.implicit.operator import CompositeOperator


class LevelFaces:
    """Fluxes and differences at the faces between levels. Collective to make and to use.

    Parameters
    ----------
    operator : CompositeOperator

    Attributes
    ----------
    n_all : int
        Faces of fine cells on all ranks.
    """

    def __init__(self, operator: CompositeOperator) -> None:
        self.operator = operator
        fine, coarse, row, col, value = operator.face_fluxes()
        n = len(fine)
        counts = operator.comm.allgatherv(np.array([n], dtype=np.int64))
        self.n_all = int(counts.sum())
        self._n = n
        self._mats: tuple[Any, ...] = ()
        if self.n_all == 0:
            return
        first = int(counts[: operator.comm.rank].sum())
        face = first + np.arange(n)
        both, cells = np.concatenate([face, face]), np.concatenate([coarse, fine])
        self._mats = (
            self._matrix(first + row, col, value),
            self._matrix(both, cells, np.repeat([1.0, -1.0], n)),
            self._matrix(both, cells, np.full(2 * n, 0.5)),
        )

    def look(self, phi: Any) -> tuple[np.ndarray, np.ndarray]:
        """Flux and difference (m,) at the faces of this rank's fine cells; ``phi``: PETSc vector."""
        flux, difference = (self._product(mat, phi) for mat in self._mats[:2])
        return flux, difference

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Half of each value (m,) to both cells of its face, per volume: (n_block, nk, nj, ni) of the local blocks."""
        mat, operator = self._mats[2], self.operator
        at_faces, cells = mat.createVecLeft(), mat.createVecRight()
        at_faces.setArray(values)
        mat.multTranspose(at_faces, cells)
        cells.pointwiseDivide(cells, operator.volume)
        found = operator.from_vec(cells, np.empty(operator.shape))
        at_faces.destroy()
        cells.destroy()
        return found

    def free(self) -> None:
        """Give PETSc's objects back. Collective."""
        for mat in self._mats:
            mat.destroy()

    @staticmethod
    def _product(mat: Any, phi: Any) -> np.ndarray:
        out = mat.createVecLeft()
        mat.mult(phi, out)
        found = out.getArray(readonly=True).copy()
        out.destroy()
        return found

    def _matrix(self, row: np.ndarray, col: np.ndarray, value: np.ndarray) -> Any:
        petsc, operator = load_petsc(), self.operator
        mat = petsc.Mat().create(operator.comm.mpi)
        mat.setSizes(((self._n, self.n_all), operator.volume.getSizes()))
        mat.setType(petsc.Mat.Type.AIJ)
        set_places(mat, row, col)
        set_values(mat, value)
        return mat
