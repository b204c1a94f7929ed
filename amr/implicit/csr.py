"""Matrices of PETSc from rows that are complete on their rank, without a sort and, on one rank, without a copy."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.implicit.petsc import check, library, load_petsc

if TYPE_CHECKING:
    from amr.comm import Comm


def csr_matrix(
    comm: Comm, sizes: tuple[tuple[int, int], ...], start: np.ndarray, col: np.ndarray, value: np.ndarray
) -> Any:
    """A matrix with local and global ``sizes`` of rows and of columns; collective.

    On one rank the arrays are those of the matrix from now on.

    Parameters
    ----------
    start, col : PETSc's integers (n_row + 1,), (m,)
        Row i has the entries start[i] to start[i + 1]; numbers of columns of the whole matrix, ascending within a row.
    value : float64 (m,)
    """
    return load_petsc().Mat().createAIJWithArrays(sizes, (start, col, value), comm=comm.mpi)


def set_row_values(mat: Any, comm: Comm, value: np.ndarray) -> None:
    """New values (m,) of a `csr_matrix`, in the order of its columns; on one rank its own array, changed in place. Collective."""
    if comm.size > 1:
        check("MatUpdateMPIAIJWithArray", library().MatUpdateMPIAIJWithArray(mat.handle, value.ctypes.data))
        return
    # PETSc has to know, or SOR would go on with the diagonal that it had.
    array = ctypes.c_void_p()
    check("MatSeqAIJGetArray", library().MatSeqAIJGetArray(mat.handle, ctypes.byref(array)))
    if array.value is not None and array.value != value.ctypes.data:
        ctypes.memmove(array.value, value.ctypes.data, value.nbytes)
    check("MatSeqAIJRestoreArray", library().MatSeqAIJRestoreArray(mat.handle, ctypes.byref(array)))
