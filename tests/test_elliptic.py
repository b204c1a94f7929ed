"""The composite elliptic operator and its solver."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import CaseError, PluginError, SolveError
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import split_options
from amr.implicit.sides import Side, dirichlet, neumann
from amr.implicit.solver import LinearSolver
from tests.elliptic_tools import local_mesh, refined_forest
from tests.transfer_tools import random_forest

ROOT = {1: (3,), 2: (2, 3), 3: (2, 1, 1)}


def made(dim, periodic=False, seed=1, side=neumann, beta=None, alpha=0.0, n_level=3):
    """An operator on a randomly refined mesh, random beta between 0.1 and 10 unless given."""
    forest = random_forest(dim, seed, ROOT[dim], (periodic,) * 3, n_level)
    mesh = local_mesh(forest)
    shape = mesh.cell_centers().shape[1:]
    rng = np.random.default_rng(seed)
    beta = 10 ** rng.uniform(-1, 1, shape) if beta is None else beta
    sides = ["periodic" if periodic else side() for _ in range(2 * dim)]
    return mesh, CompositeOperator(mesh, Comm.self_(), sides, beta, alpha)


def dense(operator):
    """The matrix as an array."""
    return operator.mat.convert("dense").getDenseArray().copy()


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_fluxes_are_conserved_and_constants_have_none(dim, periodic):
    _, operator = made(dim, periodic, n_level=2 if dim == 3 else 3)
    mat = operator.mat
    one, out = mat.createVecs()
    one.set(1.0)
    scale = mat.norm()
    mat.mult(one, out)
    assert out.norm(3) < 1e-13 * scale
    mat.multTranspose(one, out)  # times the volumes: a column's sum is what one unknown adds to the total
    assert out.norm(3) < 1e-13 * scale
    assert operator.is_singular and mat.getNullSpace().test(mat)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_uniform_meshes_give_symmetric_matrices(dim):
    _, operator = made(dim, n_level=1, side=dirichlet, alpha=2.0)
    a = dense(operator)
    assert np.array_equal(a, a.T) and np.linalg.eigvalsh(a).min() > 0


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_linear_functions_have_exact_fluxes_between_levels(dim):
    """A parabola along each axis is interpolated exactly, so the balance of every cell inside the domain is."""
    forest = refined_forest(dim, 4, (False,) * 3, [([0.25] * 3, [0.75] * 3)])
    mesh = local_mesh(forest)
    operator = CompositeOperator(mesh, Comm.self_(), [dirichlet(lambda x, t: x.sum(axis=0))] * (2 * dim), 3.0)
    x = mesh.cell_centers()
    residual = operator.mat.createVecLeft()
    operator.mat.mult(operator.to_vec(x.sum(axis=0)), residual)
    residual.axpy(-1.0, operator.rhs(0.0))
    assert residual.norm(3) < 1e-12 * operator.mat.norm()


def test_options_are_read_as_on_a_command_line():
    assert split_options("-ksp_type cg -ksp_monitor -ksp_rtol 1e-9 -pc_x -1") == [
        ("ksp_type", "cg"),
        ("ksp_monitor", None),
        ("ksp_rtol", "1e-9"),
        ("pc_x", "-1"),
    ]
    for text in ("cg -ksp_type", "-ksp_type cg twice", "-ksp_type 'cg"):
        with pytest.raises(CaseError, match="PETSc options"):
            split_options(text)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_new_coefficients_give_the_matrix_of_a_new_operator(dim):
    mesh, operator = made(dim, alpha=1.5, n_level=2)
    rng = np.random.default_rng(5)
    beta, alpha = 1 + rng.random(operator.shape), rng.random(operator.shape)
    operator.update(beta, alpha)
    fresh = CompositeOperator(mesh, Comm.self_(), [neumann()] * (2 * dim), beta, alpha)
    difference = operator.mat.copy()
    difference.axpy(-1.0, fresh.mat)
    assert difference.norm() == 0.0
    assert not operator.is_singular
    operator.update(beta, 0.0)
    assert operator.is_singular


def test_exchanged_axes_exchange_the_matrix():
    """On a mesh and with coefficients that are symmetric under x <-> y: to the round-off of adding entries of one place."""
    forest = refined_forest(2, 3, (False,) * 3, [([0.1] * 2, [0.5] * 2)])
    mesh = local_mesh(forest, length=(1.0, 1.0))
    x = mesh.cell_centers()
    beta = np.exp(np.sin(5 * x[0]) * np.sin(5 * x[1]))
    operator = CompositeOperator(mesh, Comm.self_(), [Side(1.0, 0.5)] * 4, beta, 1.0)
    order = np.lexsort((x[0].ravel(), x[1].ravel()))
    other = np.lexsort((x[1].ravel(), x[0].ravel()))
    a = dense(operator)
    assert np.abs(a[np.ix_(order, order)] - a[np.ix_(other, other)]).max() <= 1e-14 * np.abs(a).max()


def test_cells_go_to_vectors_and_back():
    mesh, operator = made(2)
    pool = np.random.default_rng(2).random((mesh.n_block, 3, *operator.layout.shape[1:]))
    inner = pool[(slice(None), 1, *operator.layout.interior)].copy()
    vec = operator.to_vec(pool[:, 1])
    assert np.array_equal(vec.getArray(), inner.ravel())
    pool[:] = 0.0
    operator.from_vec(vec, pool[:, 1])
    assert np.array_equal(pool[(slice(None), 1, *operator.layout.interior)], inner)
    assert np.count_nonzero(pool) == inner.size


def test_singular_problems_have_a_solution_of_zero_mean():
    """Whatever the right-hand side, and the first guess."""
    mesh, operator = made(2)
    f = 3.0 + np.random.default_rng(3).random(operator.shape)
    rhs = operator.rhs(f)
    assert abs(rhs.sum()) < 1e-12 * np.abs(f * mesh.cell_volume[:, None, None, None]).sum()
    x = operator.to_vec(np.full(operator.shape, 7.0))
    info = LinearSolver(operator).solve(rhs, x)
    residual = operator.mat.createVecLeft()
    operator.mat.mult(x, residual)
    residual.axpy(-1.0, rhs)
    assert residual.norm() < 1e-8 * rhs.norm() and info.iterations < 40
    assert abs(x.dot(operator.volume)) < 1e-13 * 7.0 * operator.volume.sum()


def test_a_failed_solve_says_why():
    _, operator = made(2, side=dirichlet)
    rhs, x = operator.rhs(1.0), operator.mat.createVecRight()
    with pytest.raises(SolveError, match=r"fgmres, none.* after 2 iterations.*most iterations that are allowed"):
        LinearSolver(operator, "-pc_type none -ksp_max_it 2", "few_").solve(rhs, x)
    rhs.set(np.nan)
    x.set(0.0)
    with pytest.raises(SolveError, match="NaN"):
        LinearSolver(operator, prefix="nan_").solve(rhs, x)
    with pytest.raises(SolveError, match="nonsense"):
        LinearSolver(operator, "-ksp_type nonsense", "wrong_")


def test_options_of_the_user_win():
    _, operator = made(2, side=dirichlet)
    solver = LinearSolver(operator, "-ksp_type cg -pc_type jacobi -ksp_rtol 1e-3", "mine_")
    assert (solver.ksp.getType(), solver.ksp.getPC().getType()) == ("cg", "jacobi")
    assert solver.ksp.getTolerances()[0] == 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boundaries": [neumann()] * 3}, "3 boundary conditions for 4 sides"),
        ({"boundaries": ["periodic", *[neumann()] * 3]}, "boundary x lower: 'periodic' on a mesh that is not periodic"),
        ({"boundaries": [neumann(), "walls", neumann(), neumann()]}, "boundary x upper: 'walls' is neither"),
        ({"boundaries": [*[neumann()] * 3, Side(0.0, 0.0)]}, "boundary y upper: a = 0.0, b = 0.0"),
        ({"beta": -1.0}, "beta at least 0"),
        ({"alpha": np.nan}, "finite"),
        ({"beta": np.ones(3)}, r"beta of an elliptic operator: shape \(3,\)"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    mesh = local_mesh(refined_forest(2, 2, (False,) * 3, []))
    with pytest.raises(CaseError, match=message):
        CompositeOperator(mesh, Comm.self_(), **{"boundaries": [neumann()] * 4, **change})


def test_functions_of_sides_that_fail_are_named():
    _, operator = made(2, side=lambda: dirichlet(lambda x, t: x[5]))
    with pytest.raises(PluginError, match="boundary x lower: IndexError"):
        operator.rhs(0.0)
    _, operator = made(2, side=lambda: dirichlet(lambda x, t: np.nan))
    with pytest.raises(PluginError, match="not finite"):
        operator.rhs(0.0)


def test_without_petsc4py_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "petsc4py", None)
    with pytest.raises(CaseError, match="needs PETSc.*python3-petsc4py.*pip install petsc4py"):
        made(1)


def test_an_explicit_run_never_imports_petsc(mpirun):
    code = "import sys, amr.cli, amr.simulation; assert not [m for m in sys.modules if m.startswith('petsc4py')]"
    mpirun(0, ["-c", code], check=True)
