"""What diffuses on one mesh, as a PETSc matrix: ``-div(beta grad P(u))`` of every evolved variable, per volume.

The flux is the gradient of a potential (`amr.physics.diffusivity.Diffusivity`), so that a nonlinear diffusivity leaves the matrix
as it is: the operator is ``K P(u) - b`` and its Jacobian ``K dP/du``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import PluginError
from amr.implicit.coo import set_places, set_values
from amr.implicit.fokker_planck import FokkerPlanckOperator, reduced_energy
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import load_petsc
from amr.implicit.sides import Side, dirichlet, neumann
from amr.physics.boundary import CONSTANT_KINDS
from amr.plugins import describe

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.physics.base import Physics
    from amr.physics.boundary import Condition
    from amr.physics.diffusivity import Diffusivity
    from amr.scheme.local_mesh import LocalMesh


class Parabolic:
    """Diffusion of the evolved variables on one mesh. Collective to make.

    The unknowns are numbered cell by cell, the variables of a cell next to each other: ``n_cell`` local cells in SFC order of the
    leaves, x fastest within a block, times ``n_var`` evolved variables.

    Parameters
    ----------
    mesh : LocalMesh
    comm : Comm
    physics : Physics
        With ``diffusivities``.
    conditions : sequence of Condition
        Of the case, per direction.
    is_coupled : bool
        Leave room in the matrix for entries between the variables of a cell.

    Attributes
    ----------
    n_cell, n_var : int
    is_linear : bool
        All diffusivities are constant.
    """

    def __init__(
        self, mesh: LocalMesh, comm: Comm, physics: Physics, conditions: Sequence[Condition], is_coupled: bool
    ) -> None:
        cells = mesh.ghosts.layout.cells
        self.mesh, self.comm = mesh, comm
        self.variables = tuple(physics.variables[v] for v in physics.evolved)
        self.n_var, self.n_cell = len(self.variables), mesh.n_block * cells
        self.laws = physics.diffusivities
        self.is_linear = all(law.is_constant for law in self.laws)
        self._near: Any = None  # what relaxation leaves of errors, where that is not a constant
        self._operators = [
            self._operator(physics, conditions, name, law) for name, law in zip(self.variables, self.laws, strict=True)
        ]
        self._inverse_volume = np.repeat(1.0 / mesh.cell_volume, cells)
        self.mat = block_matrix(mesh, comm, self._operators, is_coupled)
        self.vec: Any = self.mat.createVecRight()
        for operator in self._operators:
            operator.free()  # their entries are in the matrix
        self._is_steady = not any(side and callable(side.g) for each in self._operators for side in each.sides)
        self._given = self._side_terms(0.0) if self._is_steady else None
        self._jacobian: Any = None
        if self.is_linear:
            self._jacobian = self._scaled(np.ones((self.n_cell, self.n_var)))

    def apply(self, t: float, u: np.ndarray, out: Any) -> None:
        """``out`` = -div(beta grad P(u)), a vector, with the sides' values at time t. ``u`` (n_cell, n_var). Collective."""
        for v, law in enumerate(self.laws):
            self._potential(v, law, u)
        self.mat.mult(self.vec, out)
        given = self._given if self._given is not None else self._side_terms(t)
        out.setArray(out.getArray(readonly=True) - given.ravel())

    def jacobian(self, shift: float, u: np.ndarray, mat: Any) -> None:
        """``mat`` = shift + the derivative of `apply` by u; ``mat`` is one of `new_mat`. Collective."""
        source = self._jacobian if self.is_linear else self._scaled(u)
        source.copy(mat, load_petsc().Mat.Structure.SAME_NONZERO_PATTERN)
        if shift:
            mat.shift(shift)
        if source is not self._jacobian:
            source.destroy()

    def new_mat(self) -> Any:
        """A matrix with the places of the Jacobian. Collective."""
        mat = self.mat.duplicate()
        if self._near is not None:
            mat.setNearNullSpace(self._near)
        return mat

    def rate(self, u: np.ndarray) -> float:
        """Largest sum over axes of 2 D / spacing^2, or what a drift makes of it, in the cells of this rank [1/s]. Collective."""
        if self._near is not None:
            diagonal = self._jacobian.getDiagonal()
            largest = float(diagonal.getArray().max(initial=0.0))
            diagonal.destroy()
            return largest
        slope = np.max([self._slope(v, law, u) for v, law in enumerate(self.laws)], axis=0)
        axes = self.mesh.spacing[:, : self.mesh.ghosts.layout.dim]
        of_block = np.repeat((2.0 / axes**2).sum(axis=1), self.n_cell // max(1, self.mesh.n_block))
        return float((slope * of_block).max(initial=0.0))

    def free(self) -> None:
        """Give PETSc's objects back. Collective."""
        for each in (self.mat, self.vec, self._jacobian):
            if each is not None:
                each.destroy()

    def _operator(
        self, physics: Physics, conditions: Sequence[Condition], name: str, law: Diffusivity
    ) -> CompositeOperator:
        if physics.energy is None:
            return CompositeOperator(self.mesh, self.comm, self._sides(conditions, name, law))
        psi = reduced_energy(self.mesh, self.comm, physics.energy, law.coefficient)
        operator = FokkerPlanckOperator(self.mesh, self.comm, psi, 1.0)
        self._near = operator.mat.getNearNullSpace()
        return operator

    def _potential(self, v: int, law: Diffusivity, u: np.ndarray) -> None:
        self.vec.getArray().reshape(self.n_cell, self.n_var)[:, v] = self.comm.agreed(lambda: law.potential(u[:, v]))

    def _slope(self, v: int, law: Diffusivity, u: np.ndarray) -> np.ndarray:
        return self.comm.agreed(lambda: law.slope(u[:, v]))

    def _scaled(self, u: np.ndarray) -> Any:
        """A new matrix: the columns times dP/du."""
        slope = np.stack([self._slope(v, law, u) for v, law in enumerate(self.laws)], axis=1)
        mat = self.mat.duplicate(copy=True)
        scale_columns(mat, slope)
        return mat

    def _side_terms(self, t: float) -> np.ndarray:
        """What the sides of the domain give to the cells (n_cell, n_var)."""
        given = np.stack([each.side_terms(t).ravel() for each in self._operators], axis=1)
        return given * self._inverse_volume[:, None]

    @staticmethod
    def _sides(conditions: Sequence[Condition], name: str, law: Diffusivity) -> list[Side | str]:
        return [side_of(each, name, law) for each in conditions]


def block_matrix(mesh: LocalMesh, comm: Comm, operators: Sequence[CompositeOperator], is_coupled: bool) -> Any:
    """A matrix of one operator per variable, per volume, the variables of a cell next to each other; PETSc's AIJ. Collective.

    ``is_coupled`` leaves room for entries between the variables of a cell.
    """
    n, cells = len(operators), mesh.ghosts.layout.cells
    n_cell = mesh.n_block * cells
    given = [each.mat.getValuesCSR() for each in operators]  # all have the same places
    start, col, _ = given[0]
    own = mesh.leaves.start * cells + np.arange(n_cell)
    row = np.repeat(own, np.diff(start))
    pairs = [(v, w) for v in range(n) for w in range(n) if v != w] if is_coupled else []
    rows = [row * n + v for v in range(n)] + [own * n + v for v, _ in pairs]
    cols = [col * n + v for v in range(n)] + [own * n + w for _, w in pairs]
    mat = load_petsc().Mat().create(comm.mpi)
    (n_local, n_all), _ = operators[0].mat.getSizes()
    mat.setSizes(((n_local * n, n_all * n),) * 2)
    mat.setBlockSize(n)
    mat.setType("aij")
    set_places(mat, np.concatenate(rows), np.concatenate(cols))
    set_values(mat, np.concatenate([value for _, _, value in given] + [np.zeros(n_cell * len(pairs))]))
    left = mat.createVecLeft()
    left.setArray(np.repeat(1.0 / mesh.cell_volume, cells * n))
    mat.diagonalScale(left, None)
    left.destroy()
    return mat


def scale_columns(mat: Any, factor: np.ndarray) -> None:
    """Multiply the columns of ``mat`` by ``factor``, one per local unknown. In place, collective."""
    right = mat.createVecRight()
    right.setArray(factor.ravel())
    mat.diagonalScale(None, right)
    right.destroy()


def side_of(condition: Condition, name: str, law: Diffusivity) -> Side | str:
    """What a boundary condition of a case means for the potential of the variable ``name``.

    A state given (inflow, dirichlet, a function) holds it; walls, outflow and variables that a condition does not give let
    nothing through.
    """
    if condition.kind == "periodic":
        return "periodic"
    if condition.function is not None:
        return dirichlet(_held(condition, name, law))
    state = condition.state or {}
    if name not in state:
        return neumann()
    value = float(state[name])
    if condition.kind in CONSTANT_KINDS:
        return dirichlet(float(law.potential(np.array([value]))[0]))
    if condition.kind == "neumann":
        return neumann(value)
    a, b = condition.robin
    # a q + b flux = g with q = P / D
    return Side(a / law.coefficient, b, value) if law.coefficient > 0 else neumann()


def _held(condition: Condition, name: str, law: Diffusivity) -> Any:
    """The potential that a function of the case gives at points of a side."""

    def held(x: np.ndarray, t: float) -> np.ndarray:
        assert condition.function is not None
        try:
            given = condition.function(x.copy(), t, {})
            values = np.broadcast_to(np.asarray(given[name], dtype=np.float64), x.shape[1:])
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{condition.name}: {describe(error)}; what diffuses needs {name} from x and t alone"
            ) from error
        return law.potential(np.array(values))

    return held
