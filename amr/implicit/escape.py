"""How long Langevin dynamics stays in a well: linear problems with the operator of Fokker and Planck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amr.comm import Comm
from amr.errors import SolveError
from amr.implicit.fokker_planck import FokkerPlanckOperator
from amr.implicit.petsc import load_petsc
from amr.implicit.solver import LinearSolver, SolveInfo

# The answer is the inverse of a small eigenvalue: what the residual leaves of it is this times the time asked for.
_DEFAULTS = "-ksp_rtol 1e-13 -mg_levels_ksp_type richardson -mg_levels_pc_type sor"
_MOST_ITERATIONS = 50  # of inverse iteration


@dataclass(frozen=True)
class _System:
    """A matrix as `LinearSolver` wants it."""

    mat: Any
    comm: Comm
    is_singular: bool = False
    has_multigrid: bool = False

    def remove_mean(self, vec: Any) -> None:
        """There is none."""


def passage_time(
    operator: FokkerPlanckOperator, target: np.ndarray, options: str = "", prefix: str = ""
) -> tuple[np.ndarray, SolveInfo]:
    """Mean time after which a path that starts in a cell first reaches the target. Collective.

    It solves the backward equation ``A^T tau = 1`` outside the target, ``tau = 0`` in it. With the equilibrium's square root s
    the matrix ``s A^T / s`` is symmetric up to faces between levels, and s is what relaxation leaves of errors: GAMG needs to
    know.

    Parameters
    ----------
    operator : FokkerPlanckOperator
    target : bool (n_block, nk, nj, ni)
        Cells of the local blocks; at least one in the whole mesh.
    options, prefix : str
        As for `LinearSolver`.

    Returns
    -------
    float64 (n_block, nk, nj, ni)
        Times; where the equilibrium is below 1e-280 of its largest value they have no meaning.
    SolveInfo

    Raises
    ------
    SolveError
        No convergence, or no target.
    """
    comm = operator.comm
    low = operator.mat.getOwnershipRange()[0]
    rows = (low + np.flatnonzero(target.ravel())).astype(load_petsc().IntType)
    if not comm.allreduce_sum_int(np.array([len(rows)]))[0]:
        raise SolveError("a mean passage time: no cell lies in the target; refine there")
    root = operator.equilibrium.copy()
    root.setArray(np.sqrt(np.maximum(root.getArray(), 1e-280 * operator.equilibrium.max()[1])))
    inverse = root.copy()
    inverse.reciprocal()
    mat = operator.mat.copy()
    mat.transpose()
    mat.diagonalScale(root, inverse)
    largest = float(mat.getDiagonal().max()[1])
    mat.zeroRowsColumns(rows, largest)
    near = root.copy()
    near.normalize()
    mat.setNearNullSpace(load_petsc().NullSpace().create(constant=False, vectors=(near,), comm=comm.mpi))
    rhs = operator.volume.copy()
    rhs.pointwiseMult(rhs, root)
    values = rhs.getArray()
    values[rows - low] = 0.0
    rhs.setArray(values)
    tau = mat.createVecRight()
    solver = LinearSolver(_System(mat, comm), f"{_DEFAULTS} {options}", prefix)
    info = solver.solve(rhs, tau)
    tau.pointwiseMult(tau, inverse)
    found = operator.from_vec(tau, np.empty(operator.shape))
    solver.free()
    for each in (root, inverse, mat, near, rhs, tau):
        each.destroy()
    return found, info


def mean_in(operator: FokkerPlanckOperator, values: np.ndarray, where: np.ndarray) -> float:
    """Mean of cells (n_block, nk, nj, ni) over the equilibrium in some of them (bool, of that shape). Collective."""
    weight = operator.equilibrium.copy()
    weight.pointwiseMult(weight, operator.volume)
    weight.setArray(weight.getArray() * where.ravel())
    cells = operator.to_vec(np.where(where, values, 0.0))
    total, mean = weight.sum(), cells.dot(weight)
    for each in (weight, cells):
        each.destroy()
    if not total > 0:
        raise SolveError("a mean over a well: no cell lies in it; refine there")
    return float(mean / total)


def escape_time(
    operator: FokkerPlanckOperator, wells: Sequence[np.ndarray], well: int, options: str = "", prefix: str = ""
) -> tuple[float, SolveInfo]:
    """Mean time after which a path that starts in equilibrium inside one well reaches another one. Collective.

    Parameters
    ----------
    operator : FokkerPlanckOperator
    wells : sequence of bool (n_block, nk, nj, ni)
        Cells of the cores of the wells.
    well : int
        Where the paths start.
    options, prefix : str
        As for `LinearSolver`.
    """
    target = np.zeros(operator.shape, dtype=bool)
    for number, cells in enumerate(wells):
        if number != well:
            target |= cells
    tau, info = passage_time(operator, target, options, prefix)
    return mean_in(operator, tau, wells[well]), info


def relaxation_rate(operator: FokkerPlanckOperator, start: np.ndarray, options: str = "", prefix: str = "") -> float:
    """Smallest rate at which a density approaches the equilibrium, by inverse iteration. Collective.

    Parameters
    ----------
    operator : FokkerPlanckOperator
    start : float64 (n_block, nk, nj, ni)
        A density that is not the equilibrium, such as all probability in one well.
    options, prefix : str
        As for `LinearSolver`.

    Raises
    ------
    SolveError
        A solve or the iteration does not converge.
    """
    solver = LinearSolver(operator, options, prefix)
    vec = operator.to_vec(start)
    operator.remove_mean(vec)
    rhs, rate = vec.duplicate(), 0.0
    for _ in range(_MOST_ITERATIONS):
        vec.scale(1.0 / vec.norm())
        rhs.pointwiseMult(vec, operator.volume)
        found = vec.copy()
        if rate:
            found.scale(1.0 / rate)
        solver.solve(rhs, found)
        last, rate = rate, float(vec.dot(vec) / vec.dot(found))
        vec.destroy()
        vec = found
        if abs(rate - last) <= 1e-8 * abs(rate):
            break
    else:
        raise SolveError(f"the relaxation rate: {_MOST_ITERATIONS} inverse iterations were not enough")
    solver.free()
    for each in (vec, rhs):
        each.destroy()
    return rate
