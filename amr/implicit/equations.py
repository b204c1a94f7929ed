"""The equations of one mesh as PETSc's TS asks for them: residual, right-hand side and Jacobian."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.implicit.local_terms import LocalTerms
from amr.implicit.parabolic import Parabolic
from amr.implicit.petsc import load_petsc
from amr.implicit.viscous import Viscous

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.pool import Layout
    from amr.physics.boundary import Condition
    from amr.scheme.local_mesh import LocalMesh
    from amr.scheme.sources import SourceTerms


class Equations:
    """``u' + A(t, u) = G(t, u)`` per cell on one mesh. Collective to make; so are all calls but those for arrays.

    A is diffusion minus reactions and sources, G the hyperbolic flux. Unknowns: the evolved variables of the interior cells of
    the local blocks, those of a cell next to each other (`Parabolic`).

    Parameters
    ----------
    mesh : LocalMesh
    comm : Comm
    physics : Physics
    layout : Layout
    conditions : sequence of Condition
        Of the case, per direction.
    terms : SourceTerms
        Reactions and sources.
    flux : callable
        ``flux(t, u, out)``: G of a vector into another one.
    state : callable
        The present state of the local blocks (n_block, n_var, nk, nj, ni), for the static variables.
    viscous : callable, optional
        Viscous terms that are part of A, as `amr.implicit.viscous.Viscous` asks for them.

    Attributes
    ----------
    parabolic : Parabolic, Viscous or None
    is_linear : bool
        A is diffusion with constant diffusivities, and no more.
    """

    def __init__(
        self,
        mesh: LocalMesh,
        comm: Comm,
        physics: Any,
        layout: Layout,
        conditions: Sequence[Condition],
        terms: SourceTerms,
        flux: Callable[[float, Any, Any], None],
        state: Callable[[], np.ndarray],
        viscous: Callable[[float, np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._petsc = load_petsc()
        self.mesh, self.comm, self.layout = mesh, comm, layout
        self.evolved, self.has_flux = list(physics.evolved), physics.has_flux
        self.parabolic: Parabolic | Viscous | None = None
        if physics.diffusivities:
            self.parabolic = Parabolic(mesh, comm, physics, conditions, bool(terms))
        elif viscous is not None:
            self.parabolic = Viscous(mesh, comm, physics, conditions, bool(terms), viscous)
        self.local = LocalTerms(terms, mesh, comm, layout, physics.evolved)
        self.is_linear = self.parabolic is not None and self.parabolic.is_linear and not terms
        self._flux, self._state = flux, state
        self._work = self.new_vec()
        self._shift = math.nan

    def new_vec(self) -> Any:
        """A vector of unknowns."""
        per_leaf = self.layout.cells * len(self.evolved)
        vec = self._petsc.Vec().create(self.comm.mpi)
        vec.setSizes((self.mesh.n_block * per_leaf, self.mesh.forest.n_leaves * per_leaf), bsize=len(self.evolved))
        vec.setType("standard")
        return vec

    def new_mat(self) -> Any:
        """A matrix for `jacobian`: diffusion and the blocks of the cells, or these alone."""
        if self.parabolic is not None:
            return self.parabolic.new_mat()
        n = len(self.evolved)
        return self._petsc.Mat().createAIJ((self._work.getSizes(),) * 2, bsize=n, nnz=n, comm=self.comm.mpi)

    def residual(self, t: float, u: Any, rate: Any, out: Any) -> None:
        """``out`` = rate + A(t, u)."""
        self._implicit(t, u, out)
        out.axpy(1.0, rate)

    def whole(self, t: float, u: Any, out: Any) -> None:
        """``out`` = G(t, u) - A(t, u)."""
        if self.has_flux:
            self._flux(t, u, out)
        else:
            out.set(0.0)
        if self.parabolic is not None or self.local:
            self._implicit(t, u, self._work)
            out.axpy(-1.0, self._work)

    def jacobian(self, t: float, u: Any, shift: float, product: Any, mat: Any) -> None:
        """``mat`` = shift + dA/du. Left untouched, and so its preconditioner, where it is that already.

        ``product`` is ``mat``, or a matrix that is known by its products only: it is told that u is another.
        """
        if product != mat:
            product.assemble()
        if self.is_linear and shift == self._shift:
            return
        self._shift = shift
        values = u.getArray(readonly=True)
        if self.parabolic is not None:
            self.parabolic.jacobian(0.0 if self.local else shift, values.reshape(-1, self.parabolic.n_var), mat)
        if self.local:
            self._add_local(t, values, shift, mat)
        mat.assemble()

    def diffusion_rate(self, u: np.ndarray) -> float:
        """Largest sum over axes of 2 D / spacing^2 [1/s] for values (n,) of a vector."""
        if self.parabolic is None:
            return 0.0
        rate = self.parabolic.rate(u.reshape(-1, self.parabolic.n_var))
        return float(self.comm.allreduce_max([rate])[0])

    def to_vec(self, u: np.ndarray) -> np.ndarray:
        """The values (n,) of a vector from blocks (n_block, n_var, nk, nj, ni) with ghosts."""
        return _flat(u[(slice(None), self.evolved, *self.layout.interior)])

    def from_vec(self, values: np.ndarray, u: np.ndarray) -> None:
        """Write the values of a vector to the interiors of ``u``, shaped as for `to_vec`, in place."""
        inner = u[(slice(None), slice(None), *self.layout.interior)]
        by_cell = values.reshape(len(u), *inner.shape[2:], len(self.evolved))
        for i, v in enumerate(self.evolved):
            inner[:, v] = by_cell[..., i]

    def free(self) -> None:
        """Give PETSc's objects back."""
        self._work.destroy()
        if self.parabolic is not None:
            self.parabolic.free()

    def _implicit(self, t: float, u: Any, out: Any) -> None:
        """``out`` = A(t, u)."""
        values = u.getArray(readonly=True)
        if self.parabolic is None:
            out.set(0.0)
        else:
            self.parabolic.apply(t, values.reshape(-1, self.parabolic.n_var), out)
        if self.local:
            out.setArray(out.getArray(readonly=True) - _flat(self.local.rate(t, self._cells(values))))

    def _add_local(self, t: float, values: np.ndarray, shift: float, mat: Any) -> None:
        """Add shift minus the derivatives of reactions and sources to the blocks of the cells."""
        blocks = -self.local.derivative(t, self._cells(values))
        n = blocks.shape[1]
        blocks[:, range(n), range(n)] += shift
        if self.parabolic is None:
            mat.zeroEntries()
        first, last = mat.getOwnershipRange()
        integer = self._petsc.IntType
        starts = np.arange(len(blocks) + 1, dtype=integer)
        columns = np.arange(first // n, last // n, dtype=integer)
        mat.setValuesBlockedCSR(starts, columns, blocks, addv=self._petsc.InsertMode.ADD_VALUES)

    def _cells(self, values: np.ndarray) -> np.ndarray:
        """A vector as interior cells of all variables (n_block, n_var, nk, nj, ni), static ones from the state."""
        inner = np.array(self._state()[(slice(None), slice(None), *self.layout.interior)])
        by_cell = values.reshape(len(inner), *inner.shape[2:], len(self.evolved))
        inner[:, self.evolved] = np.moveaxis(by_cell, -1, 1)
        return inner


def _flat(values: np.ndarray) -> np.ndarray:
    """(n_block, n, nk, nj, ni) with the n of a cell next to each other, as a vector has them."""
    return np.moveaxis(values, 1, -1).ravel()
