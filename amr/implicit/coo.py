"""Matrices from lists of entries: ``MatSetPreallocationCOO`` and ``MatSetValuesCOO``, which petsc4py 3.18 lacks.

They are called in the library that petsc4py has loaded, so that nothing has to be compiled against PETSc.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.implicit.petsc import check, library, load_petsc

_INSERT = 1  # INSERT_VALUES: what was in the matrix goes; entries of one place are added all the same


def set_places(mat: Any, row: np.ndarray, col: np.ndarray) -> None:
    """Say where the entries of a matrix belong. Collective.

    Parameters
    ----------
    mat : petsc4py.PETSc.Mat
        With its sizes and type set.
    row, col : int array (m,)
        Rows may be other ranks', and places may come more than once.
    """
    integer = load_petsc().IntType
    rows, cols = (np.array(each, dtype=integer) for each in (row, col))  # PETSc may change them
    check(
        "MatSetPreallocationCOO",
        library().MatSetPreallocationCOO(mat.handle, len(rows), rows.ctypes.data, cols.ctypes.data),
    )


def set_values(mat: Any, value: np.ndarray) -> None:
    """Set the entries, in the order of `set_places`; those of one place are added. Collective.

    Parameters
    ----------
    value : float64 (m,)
    """
    check("MatSetValuesCOO", library().MatSetValuesCOO(mat.handle, value.ctypes.data, _INSERT))
