"""The rows of a composite operator's matrix on the ranks of their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.csr import add, merge
from amr.comm import exchange_once
from amr.implicit.csr import csr_matrix, set_row_values
from amr.implicit.petsc import load_petsc

if TYPE_CHECKING:
    from amr._kernels.elliptic import EllipticEntries
    from amr.comm import Comm


class Routes:
    """Ways of items to the ranks that own them. Collective to make.

    Parameters
    ----------
    comm : Comm
    owner : int (m,)
        Rank of each item.
    """

    def __init__(self, comm: Comm, owner: np.ndarray) -> None:
        self.comm = comm
        self._order = np.argsort(owner, kind="stable")
        sent = np.bincount(owner, minlength=comm.size)
        self._ends = np.cumsum(sent)[:-1]
        self._received = {rank: int(n) for rank, n in enumerate(comm.alltoall(sent)) if rank != comm.rank}

    def bring(self, items: np.ndarray) -> np.ndarray:
        """Those of ``items`` (m,) that this rank owns, by the rank they come from and in its order. Collective."""
        if self.comm.size == 1:
            return items
        parts = dict(enumerate(np.split(items[self._order], self._ends)))
        own = parts.pop(self.comm.rank)
        parts = exchange_once(self.comm, parts, self._received, items.dtype)
        parts[self.comm.rank] = own
        return np.concatenate([parts[rank] for rank in range(self.comm.size)])


class Rows:
    """A square matrix with the places of an operator's entries, found once for a mesh. Collective to make.

    Most rows are written as they are to be (csrc/elliptic.h, *plain*). The others are sums of triplets, which may come from
    other ranks. They are added in the order of the cells that make them: the bits do not depend on the number of ranks.

    Parameters
    ----------
    comm : Comm
    entries : EllipticEntries
    ends : int64 (n_ranks + 1,)
        The first row of each rank, and the number of all.

    Attributes
    ----------
    mat : petsc4py.PETSc.Mat
        Its values are not set.

    Raises
    ------
    CaseError
        A rank has more entries than PETSc's integers can count; on every rank.
    """

    def __init__(self, comm: Comm, entries: EllipticEntries, ends: np.ndarray) -> None:
        self.comm, self._entries = comm, entries
        n_local = int(ends[comm.rank + 1] - ends[comm.rank])
        self._start = np.zeros(n_local + 1, dtype=load_petsc().IntType)
        n_irregular = entries.row_counts(self._start)
        row, col = entries.places()
        self._routes = Routes(comm, np.searchsorted(ends, row, side="right") - 1)
        row, col = self._routes.bring(row) - ends[comm.rank], self._routes.bring(col)
        column, self._place = comm.agreed(lambda: merge(self._start, n_irregular, row, col))
        entries.row_places(self._start, column)
        self._value = np.empty(len(column))
        self.mat: Any = csr_matrix(comm, ((n_local, int(ends[-1])),) * 2, self._start, column, self._value)

    def set(self, beta: np.ndarray, alpha: np.ndarray) -> None:
        """Let the matrix have the values for coefficients as of `EllipticEntries.values`. In place, collective."""
        triplets = self._entries.values(beta, alpha, self._start, self._value)
        add(self._place, self._routes.bring(triplets), self._value)
        set_row_values(self.mat, self.comm, self._value)

    def free(self) -> None:
        """Give the matrix and its arrays back. Collective."""
        self.mat.destroy()
        self._start, self._place, self._value = (
            np.empty(0, each.dtype) for each in (self._start, self._place, self._value)
        )
