"""Viscous terms of a gas on one mesh, for implicit steps: exact as a residual, by scalar operators as a matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.implicit.operator import CompositeOperator
from amr.implicit.parabolic import block_matrix, scale_columns
from amr.implicit.sides import Side, dirichlet, neumann

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.physics.base import Physics
    from amr.physics.boundary import Condition
    from amr.scheme.local_mesh import LocalMesh

_HOLDING = ("no_slip", "inflow", "function")
"""Kinds of sides that hold the velocity."""


class Viscous:
    """The terms of csrc/viscous.h as `amr.implicit.equations.Equations` asks for what diffuses. Collective to make.

    `apply` is what the explicit step has, on all levels. The matrix leaves out the coupling of variables and the derivatives
    across the normal: it is for the preconditioner of products that PETSc makes with differences of the residual.

    Parameters
    ----------
    mesh : LocalMesh
    comm : Comm
    physics : NavierStokes
    conditions : sequence of Condition
        Of the case, per direction.
    is_coupled : bool
        Leave room in the matrix for entries between the variables of a cell.
    rate : callable
        ``rate(t, values)``: the terms (n_cell n_var,) of unknowns, numbered as for `amr.implicit.parabolic.Parabolic`.
    """

    is_linear = False

    def __init__(
        self,
        mesh: LocalMesh,
        comm: Comm,
        physics: Physics,
        conditions: Sequence[Condition],
        is_coupled: bool,
        rate: Callable[[float, np.ndarray], np.ndarray],
    ) -> None:
        layout = mesh.ghosts.layout
        self.mesh, self._rate = mesh, rate
        self.n_var, self.n_cell = physics.n_var, mesh.n_block * layout.cells
        gamma, self._largest, mu, conductivity, diffusion = physics.spec.params[:5]
        # Times 1 / density: diffusivities of density, momentum (along itself), energy, scalars.
        n_scalar = self.n_var - layout.dim - 2
        diffusivity = [0.0, *[4 / 3 * mu] * layout.dim, (gamma - 1) * conductivity, *[diffusion] * n_scalar]
        self._diffusivity = np.array(diffusivity)
        free = [_side(each, False) for each in conditions]
        held = [_side(each, True) for each in conditions]
        is_momentum = [0 < v <= layout.dim for v in range(self.n_var)]
        made = {which: CompositeOperator(mesh, comm, held if which else free) for which in set(is_momentum)}
        self.mat = block_matrix(mesh, comm, [made[which] for which in is_momentum], is_coupled)
        for operator in made.values():
            operator.free()

    def apply(self, t: float, u: np.ndarray, out: Any) -> None:
        """``out`` = minus the terms at the state ``u`` (n_cell, n_var), a vector. Collective."""
        out.setArray(-self._rate(t, u.ravel()))

    def jacobian(self, shift: float, u: np.ndarray, mat: Any) -> None:
        """``mat`` = shift + about the derivative of `apply` by u; ``mat`` is one of `new_mat`. Collective."""
        self.mat.copy(mat)
        scale_columns(mat, self._diffusivity / u[:, :1])
        if shift:
            mat.shift(shift)

    def new_mat(self) -> Any:
        """A matrix with the places of the Jacobian. Collective."""
        return self.mat.duplicate()

    def rate(self, u: np.ndarray) -> float:
        """Largest sum over axes of 2 D / spacing^2 in the cells of this rank [1/s]."""
        axes = self.mesh.spacing[:, : self.mesh.ghosts.layout.dim]
        of_block = np.repeat((2.0 / axes**2).sum(axis=1), self.n_cell // max(1, self.mesh.n_block))
        return float((of_block * self._largest / u[:, 0]).max(initial=0.0))

    def free(self) -> None:
        """Give PETSc's objects back. Collective."""
        self.mat.destroy()


def _side(condition: Condition, is_momentum: bool) -> Side | str:
    if condition.kind == "periodic":
        return "periodic"
    return dirichlet() if is_momentum and condition.kind in _HOLDING else neumann()
