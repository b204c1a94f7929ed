"""The composite operator ``-div(beta grad phi) + alpha phi`` as a PETSc matrix on the leaves of the mesh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amr._kernels.elliptic import BETA_JUMP, EllipticEntries
from amr.errors import CaseError, PluginError
from amr.implicit.petsc import load_petsc
from amr.implicit.rows import Rows
from amr.implicit.sides import AXES, SIDES, Side, check_sides
from amr.mesh.neighbors import OUTSIDE
from amr.mesh.pool import Layout, aligned_empty, aligned_zeros
from amr.plugins import describe
from amr.scheme.ops import face_slot

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.scheme.local_mesh import LocalMesh


@dataclass(frozen=True)
class _SideCells:
    """Cells of local ``blocks`` at a side of the domain: those that touch it, those behind them, the ghosts; indices of arrays
    (n_block, nk, nj, ni), the last with ghosts."""

    direction: int
    side: Side
    blocks: np.ndarray
    at: tuple[Any, ...]
    behind: tuple[Any, ...]
    ghost: tuple[Any, ...]


class CompositeOperator:
    """The operator on one mesh, times the cells' volumes. Collective to make.

    Row i of the matrix is ``volume_i (-div(beta grad phi) + alpha phi)_i``, the balance of a cell (formulas: csrc/elliptic.h).
    Unknowns are the interior cells in SFC order of the leaves, x fastest within a block; a rank owns those of its leaves.

    Parameters
    ----------
    mesh : LocalMesh
    comm : Comm
        That of the mesh.
    boundaries : sequence of Side or "periodic"
        Per direction (2 axis + side).
    beta, alpha : float or float64 (n_block, nk, nj, ni)
        Of the interior cells of the local blocks; each a number on all ranks, or an array on all. ``beta`` is at least 0;
        with a negative ``alpha`` nothing is promised.

    Attributes
    ----------
    mat : petsc4py.PETSc.Mat
    volume : petsc4py.PETSc.Vec
        Volume of each cell.
    is_singular : bool
        No side holds phi and alpha is zero everywhere: constants are the null space of ``mat`` and of its transpose.
    coefficients : tuple
        beta and alpha as they are now, each a float or an array (n_block, nk, nj, ni).
    version : int
        Grows with each `update`.

    Raises
    ------
    CaseError
        petsc4py is missing, conditions that do not fit the mesh, more unknowns or entries than PETSc's integers can count,
        coefficients that are not finite or of a wrong shape.
    """

    least_beta: ClassVar[float] = 0.0
    has_multigrid: ClassVar[bool] = True
    temperature: float = 0.0  # of amr.implicit.fokker_planck

    def __init__(
        self,
        mesh: LocalMesh,
        comm: Comm,
        boundaries: Sequence[Side | str],
        beta: float | np.ndarray = 1.0,
        alpha: float | np.ndarray = 0.0,
    ) -> None:
        petsc = load_petsc()
        layout = mesh.ghosts.layout
        self.mesh, self.comm = mesh, comm
        self.layout = Layout(layout.dim, layout.n, layout.g, 1)
        self.sides = check_sides(boundaries, mesh.forest.periodic[: layout.dim])
        robin = np.zeros((6, 2))
        for direction, side in enumerate(self.sides):
            robin[direction] = (side.a, side.b) if side else (1.0, 0.0)
        table = mesh.ghosts.table
        self._entries = EllipticEntries(
            self.layout, mesh.forest._leaves, mesh.leaves.start, table.relation, table.leaf, mesh.spacing, robin,
            self.temperature,
        )  # fmt: skip
        n_all = mesh.forest.n_leaves * layout.cells
        if n_all > np.iinfo(petsc.IntType).max:
            raise CaseError(f"{n_all} unknowns are more than this PETSc can count: it needs one with 64-bit indices")
        self._rows = Rows(comm, self._entries, np.asarray(mesh.starts, dtype=np.int64) * layout.cells)
        self.mat: Any = self._rows.mat
        self.volume: Any = self.mat.createVecLeft()
        self.volume.getArray().reshape(mesh.n_block, layout.cells)[:] = mesh.cell_volume[:, None]
        self.is_singular = False
        self.version = 0
        self.update(beta, alpha)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the interior cells of the local blocks, (n_block, nk, nj, ni)."""
        sizes = (self.layout.n if axis < self.layout.dim else 1 for axis in (2, 1, 0))
        return (self.mesh.n_block, *sizes)  # type: ignore[return-value]

    def update(self, beta: float | np.ndarray, alpha: float | np.ndarray) -> None:
        """New coefficients on the same mesh, as for the constructor; solvers set themselves up anew. In place, collective."""
        is_field = np.ndim(beta) > 0
        self._agree_on_kinds([is_field, np.ndim(alpha) > 0])
        self._beta, sigma = self.comm.agreed(lambda: self._take(beta, alpha))
        self.version += 1
        inside = self._inside(self._beta[:, 0])
        self.coefficients = tuple(
            float(given) if np.ndim(given) == 0 else kept for given, kept in ((beta, inside), (alpha, sigma))
        )
        if is_field:
            self.mesh.ghosts.fill_mask(self._beta)
            self._extrapolate_beta()
        self._rows.set(self._beta, sigma.ravel())
        is_free = all(side is None or side.a == 0 for side in self.sides)
        low, high = _range(sigma)
        was_singular, self.is_singular = self.is_singular, is_free and not self.comm.allreduce_max([-low, high]).any()
        if self.is_singular or was_singular:
            self._set_null_space()

    def _agree_on_kinds(self, is_field: list[bool]) -> None:
        """CaseError on every rank unless all give beta, and alpha, in the same way: a field has ghosts to be filled."""
        flags = np.array(is_field, dtype=np.float64)
        most = self.comm.allreduce_max(np.concatenate([flags, -flags]))
        if (most[: len(flags)] != -most[len(flags) :]).any():
            raise CaseError("beta and alpha must each be a number on all ranks, or an array on all")

    def _take(self, beta: float | np.ndarray, alpha: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A pool of beta, with ghosts only where it is a number, and alpha, one element for a number."""
        shape = (self.mesh.n_block, *self.layout.shape)
        if np.ndim(beta):
            pool = aligned_zeros(shape)
            self._inside(pool[:, 0])[:] = self._inside(np.asarray(beta), "beta")
        else:
            pool = aligned_empty(shape)
            pool.fill(beta)
        sigma = self._cells(alpha, "alpha") if np.ndim(alpha) else np.array([alpha], dtype=np.float64)
        least, most = _range(self._inside(pool[:, 0]) if np.ndim(beta) else np.array([beta]))
        if not (np.isfinite([least, most, *_range(sigma)]).all() and least >= self.least_beta):
            raise CaseError("coefficients of an elliptic operator must be finite, and beta at least 0")
        return pool, sigma

    def _set_null_space(self) -> None:
        """Tell PETSc of the null spaces of the matrix and of its transpose, or that there are none. Collective."""
        constants = load_petsc().NullSpace().create(constant=self.is_singular, comm=self.comm.mpi)
        self.mat.setNullSpace(constants)
        self.mat.setTransposeNullSpace(constants)
        constants.destroy()  # the matrix holds it

    def rhs(self, f: float | np.ndarray, t: float = 0.0) -> Any:
        """Volume times f, the right-hand side of the equation, and what the sides of the domain give at time t. Collective.

        Where the operator is singular, the constant that keeps it from having a solution is taken from f.

        Parameters
        ----------
        f : float or float64 (n_block, nk, nj, ni)
            Of the interior cells, or with ghosts.

        Returns
        -------
        petsc4py.PETSc.Vec

        Raises
        ------
        PluginError
            The function of a side failed, on every rank.
        """
        values = self._cells(f, "f") * self.mesh.cell_volume[:, None, None, None]
        self.comm.agreed(lambda: self._add_sides(values, t))
        vec = self.to_vec(values)
        if self.is_singular:
            vec.axpy(-vec.sum() / self.volume.sum(), self.volume)
        return vec

    def side_terms(self, t: float) -> np.ndarray:
        """What the sides of the domain give to the balances at time t, (n_block, nk, nj, ni): `rhs` of f = 0. Collective.

        Raises
        ------
        PluginError
            The function of a side failed, on every rank.
        """
        values = np.zeros(self.shape)
        self.comm.agreed(lambda: self._add_sides(values, t))
        return values

    def remove_mean(self, vec: Any) -> None:
        """Take the mean over the domain's volume from a vector. In place, collective."""
        vec.shift(-vec.dot(self.volume) / self.volume.sum())

    def to_vec(self, values: np.ndarray, vec: Any = None) -> Any:
        """Cells (n_block, nk, nj, ni) of the local blocks, interior or with ghosts (``pool[:, variable]``), as a vector.

        ``vec``: written instead of a new one. Not collective with it.
        """
        vec = vec or self.mat.createVecRight()
        vec.setArray(self._inside(values).ravel())
        return vec

    def from_vec(self, vec: Any, values: np.ndarray) -> np.ndarray:
        """Write a vector to the interior of ``values``, shaped as for `to_vec`, and return it. In place, not collective."""
        self._inside(values)[:] = vec.getArray(readonly=True).reshape(self.shape)
        return values

    def face_fluxes(self) -> tuple[np.ndarray, ...]:
        """The fluxes of the matrix through faces between levels (`EllipticEntries.face_fluxes`); not collective."""
        return self._entries.face_fluxes(self._beta)

    def fill_sides(self, values: np.ndarray, t: float = 0.0) -> None:
        """Write one layer of ghosts beyond the sides of the domain, so that differences are those of the matrix. Collective.

        Parameters
        ----------
        values : float64 (n_block, nk, nj, ni)
            With ghosts; in place.
        t : float
            For the functions of the sides.

        Raises
        ------
        PluginError
            The function of a side failed, on every rank.
        """
        self.comm.agreed(lambda: self._fill_sides(values, t))

    def _fill_sides(self, values: np.ndarray, t: float) -> None:
        inside = self._inside(values)
        for cells in self._faces():
            side, h = cells.side, self.mesh.spacing[cells.blocks, cells.direction // 2][:, None, None]
            weight = side.a * h + 2 * side.b
            given = self._given(cells, t)
            values[cells.ghost] = (2 * h * given + (2 * side.b - side.a * h) * inside[cells.at]) / weight

    def free(self) -> None:
        """Give PETSc's objects back; the operator cannot be used any more. Collective."""
        self._rows.free()
        self.volume.destroy()

    def _cells(self, values: float | np.ndarray, name: str) -> np.ndarray:
        """A new array of the interior cells."""
        array = np.asarray(values, dtype=np.float64)
        return np.array(np.broadcast_to(array, self.shape) if array.ndim == 0 else self._inside(array, name))

    def _inside(self, values: np.ndarray, name: str = "values") -> np.ndarray:
        """View of the interior cells of an array with or without ghosts."""
        if values.shape == self.shape:
            return values
        if values.shape != (self.mesh.n_block, *self.layout.shape[1:]):
            raise CaseError(
                f"{name} of an elliptic operator: shape {values.shape}; wanted {self.shape}, or with ghosts"
            )
        return values[(slice(None), *self.layout.interior)]

    def _faces(self) -> Iterator[_SideCells]:
        """The cells at each side of the domain that local blocks touch."""
        n, g = self.layout.n, self.layout.g
        for direction, side in enumerate(self.sides):
            blocks = np.flatnonzero(
                self.mesh.ghosts.table.relation[:, face_slot(self.layout.dim, direction)] == OUTSIDE
            )
            if side is None or not len(blocks):
                continue
            axis, upper = divmod(direction, 2)
            at, behind, ghost = [slice(None)] * 3, [slice(None)] * 3, list(self.layout.interior)
            places: list[list[Any]] = [at, behind, ghost]
            for place, cell in zip(places, (-1, -2, n + g) if upper else (0, 1, g - 1), strict=True):
                place[2 - axis] = cell
            yield _SideCells(direction, side, blocks, *((blocks, *place) for place in places))

    def _extrapolate_beta(self) -> None:
        """Let the ghosts beside the sides of the domain hold beta at the face: linear, as in the cell where it jumps."""
        pool, inside = self._beta[:, 0], self._inside(self._beta[:, 0])
        for cells in self._faces():
            first, second = inside[cells.at], inside[cells.behind]
            is_jump = (first > BETA_JUMP * second) | (second > BETA_JUMP * first)
            pool[cells.ghost] = np.where(is_jump, first, 1.5 * first - 0.5 * second)

    def _add_sides(self, values: np.ndarray, t: float) -> None:
        """Add what the sides of the domain give to the balances (n_block, nk, nj, ni). In place."""
        mesh, pool = self.mesh, self._beta[:, 0]
        area = mesh.geometry.areas(mesh.level)
        for cells in self._faces():
            side, blocks = cells.side, cells.blocks
            if not callable(side.g) and side.g == 0:
                continue
            axis = cells.direction // 2
            given = self._given(cells, t)
            # The matrix has weight * a on the diagonal (csrc/elliptic.c, plain_face).
            weight = 2 * area[blocks, axis] / (side.a * mesh.spacing[blocks, axis] + 2 * side.b)
            values[cells.at] += pool[cells.ghost] * weight[:, None, None] * given

    def _given(self, cells: _SideCells, t: float) -> np.ndarray:
        """What the condition gives on the faces of cells at a side, (m, n, n) without the side's axis."""
        axis, upper = divmod(cells.direction, 2)
        x = self.mesh.cell_centers(cells.blocks)[(slice(None), slice(None), *cells.at[1:])]
        x[axis] = (self.mesh.geometry.upper if upper else self.mesh.geometry.lower)[axis]
        return _given(cells.side, cells.direction, x.reshape(self.layout.dim, -1), t).reshape(x.shape[1:])


def _range(values: np.ndarray) -> tuple[float, float]:
    """The least and the largest value, NaN if there is one; zeros for none."""
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def _given(side: Side, direction: int, x: np.ndarray, t: float) -> np.ndarray:
    """The condition's g at points x (dim, m): (m,)."""
    label = f"boundary {AXES[direction // 2]} {SIDES[direction % 2]}"
    try:
        values = np.asarray(side.g(x, t) if callable(side.g) else side.g, dtype=np.float64)
        array = np.broadcast_to(values, x.shape[1:])
    except (Exception, SystemExit) as error:
        raise PluginError(f"{label}: {describe(error)}") from error
    if not np.isfinite(array).all():
        raise PluginError(f"{label}: gave a value that is not finite")
    return array
