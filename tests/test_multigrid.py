"""Geometric multigrid on the forest's levels: its transfers, its iterations, its life with the operator."""

from __future__ import annotations

import numpy as np
import pytest

from amr.comm import Comm
from amr.implicit.multigrid import FEW, Hierarchy
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import load_petsc
from amr.implicit.sides import Side, dirichlet, neumann
from amr.implicit.solver import LinearSolver
from tests.elliptic_tools import local_mesh, refined_forest
from tests.transfer_tools import random_forest

BOXES = [([0.1] * 3, [0.6] * 3), ([0.25] * 3, [0.5] * 3)]
ROOTS = {1: 8, 2: 8, 3: 2}


def made(dim, side=dirichlet, roots=None, boxes=BOXES, beta=None, n=8):
    """An operator on a refined mesh; beta of the centres (dim, ...)."""
    is_periodic = side == "periodic"
    mesh = local_mesh(refined_forest(dim, roots or ROOTS[dim], [is_periodic] * dim, boxes), n=n)
    sides = ["periodic" if is_periodic else side() for _ in range(2 * dim)]
    return mesh, CompositeOperator(mesh, Comm.self_(), sides, 1.0 if beta is None else beta(mesh.cell_centers()))


def iterations(operator, options=""):
    """Of a solve with random numbers on the right, to 1e-10."""
    rhs = operator.rhs(np.random.default_rng(0).random(operator.shape) - 0.5)
    solver = LinearSolver(operator, options)
    x = operator.mat.createVecRight()
    found = solver.solve(rhs, x).iterations
    residual = operator.mat.createVecLeft()
    operator.mat.mult(x, residual)
    residual.axpy(-1.0, rhs)
    assert residual.norm() <= 1.5e-10 * rhs.norm()
    solver.free()
    return found


@pytest.mark.parametrize("side", ["periodic", neumann])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_transfers_keep_constants_and_totals(dim, side):
    forest = random_forest(
        dim, 2, {1: (3,), 2: (2, 3), 3: (2, 1, 1)}[dim], (side == "periodic",) * 3, 2 if dim == 3 else 3
    )
    mesh = local_mesh(forest)
    operator = CompositeOperator(mesh, Comm.self_(), [side if side == "periodic" else side() for _ in range(2 * dim)])
    hierarchy = Hierarchy(operator)
    assert len(hierarchy.levels) >= int(forest.level.max()) >= 1
    fine = operator
    for level in hierarchy.levels:
        one, result = level.prolong.createVecs()
        one.set(1.0)
        level.prolong.mult(one, result)
        assert np.abs(result.getArray() - 1.0).max() <= 1e-15
        sums = level.spread.createVecRight()
        level.spread.multTranspose(fine.volume, sums)
        assert np.allclose(sums.getArray(), level.operator.volume.getArray(), rtol=1e-13)
        assert level.operator.is_singular
        fine = level.operator
    hierarchy.free()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_interpolation_is_exact_for_what_is_linear(dim):
    """Inside of one level, away from its rim; between blocks, too."""
    mesh, operator = made(dim, neumann, roots={1: 80, 2: 4, 3: 2}[dim], boxes=[([0.0] * 3, [1.0] * 3)])
    hierarchy = Hierarchy(operator)
    for number in (0, 1):  # from level 1 to 0, and from blocks of 8 cells to blocks of 4
        level = hierarchy.levels[number]
        above = mesh if number == 0 else hierarchy.levels[number - 1].mesh
        slope = np.arange(1.0, dim + 1.0)
        coarse, fine = (np.tensordot(slope, each.cell_centers(), 1) for each in (level.mesh, above))
        vec, result = level.prolong.createVecs()
        vec.setArray(coarse.ravel())
        level.prolong.mult(vec, result)
        x = above.cell_centers()
        length = np.asarray(mesh.geometry.upper)[:dim].reshape(-1, 1, 1, 1, 1)
        rim = above.spacing[0, :dim].reshape(-1, 1, 1, 1, 1)
        inside = ((x > rim) & (x < length - rim)).all(axis=0)
        error = np.abs(result.getArray().reshape(fine.shape) - fine)
        assert inside.mean() > 0.3 and error[inside].max() <= 1e-12 and error.max() > 1e-4
    hierarchy.free()


BETA = {
    "constant": (None, 9),
    "smooth": (lambda x: np.exp(np.sin(6 * x).sum(axis=0)), 10),
    "jump at faces": (lambda x: np.where(x[0] < 0.5, 1.0, 1e3), 13),
    "disc": (lambda x: np.where(((x - 0.4) ** 2).sum(axis=0) < 0.04, 1e3, 1.0), 20),
}


@pytest.mark.parametrize("side", ["periodic", dirichlet, neumann, lambda: Side(2.0, 0.7)])
@pytest.mark.parametrize("name", BETA)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_few_iterations_whatever_the_sides_and_beta(dim, name, side):
    beta, most = BETA[name]
    assert iterations(made(dim, side, beta=beta)[1]) <= most


@pytest.mark.parametrize(("dim", "sizes"), [(2, (4, 8, 16)), (3, (1, 2, 4))])
@pytest.mark.parametrize("side", ["periodic", dirichlet])
def test_iterations_do_not_grow_with_the_unknowns(dim, sizes, side):
    found = [iterations(made(dim, side, roots=n)[1]) for n in sizes]
    assert max(found) <= 1.5 * min(found), found


@pytest.mark.parametrize("side", ["periodic", dirichlet])
def test_a_large_coarsest_mesh_is_solved_by_iterations(side):
    _, operator = made(2, side, roots=16, boxes=[])
    hierarchy = Hierarchy(operator)
    assert hierarchy.n_coarsest == 32**2 > FEW
    hierarchy.free()
    assert iterations(operator) <= 8


def test_blocks_that_cannot_be_halved():
    _, refined = made(2, roots=2, n=10)
    assert iterations(refined) <= 10
    _, uniform = made(2, roots=4, boxes=[], n=10)
    assert not Hierarchy(uniform).levels
    assert iterations(uniform, "-pc_type mg") <= 30


def test_new_coefficients_reach_the_coarser_meshes():
    mesh, operator = made(2)
    rhs = operator.rhs(np.random.default_rng(0).random(operator.shape))
    solver, x = LinearSolver(operator), operator.mat.createVecRight()
    solver.solve(rhs, x)
    radius = ((mesh.cell_centers() - 0.4) ** 2).sum(axis=0)
    operator.update(np.where(radius < 0.04, 1e3, 1.0), 5.0)
    x.set(0.0)
    followed = solver.solve(rhs, x).iterations
    solver.free()
    fresh, y = LinearSolver(operator), operator.mat.createVecRight()
    assert followed == fresh.solve(rhs, y).iterations <= 20
    assert np.allclose(x.getArray(), y.getArray(), rtol=0, atol=1e-9 * np.abs(y.getArray()).max())
    fresh.free()


def test_solvers_leave_no_options_behind():
    _, operator = made(1)
    database = load_petsc().Options("one_")
    solver = LinearSolver(operator, "-ksp_rtol 1e-6", "one_")
    assert database.hasName("ksp_rtol")
    solver.free()
    assert not any(database.hasName(name) for name in ("ksp_rtol", "pc_type", "mg_levels_pc_type"))
