"""The composite elliptic operator and its solver."""

from __future__ import annotations

import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import CaseError
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import split_options
from amr.implicit.sides import dirichlet, neumann
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
