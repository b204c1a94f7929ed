"""The rows of the composite operator's matrix: written whole, or summed from triplets."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from amr._kernels.csr import add, merge

from amr.comm import Comm
from amr.errors import CaseError
from amr.implicit.operator import CompositeOperator
from amr.implicit.sides import Side, dirichlet, neumann
from amr.implicit.solver import LinearSolver
from amr.mesh.pool import Layout
from tests import elliptic_tools
from tests.elliptic_tools import LENGTH, local_mesh, refined_forest


@pytest.mark.parametrize("integer", [np.int32, np.int64])
def test_triplets_are_merged_in_their_order(integer):
    """Rows 0, 3 and 6 are whole, with 2, 0 and 1 entries; the others are sums of triplets, added one after the other."""
    rng = np.random.default_rng(7)
    made, n_col, m = np.array([1, 2, 4, 5]), 9, 200
    row = np.concatenate([made, rng.choice(made, m)])
    col = rng.integers(0, n_col, m + len(made))
    value = 10.0 ** rng.integers(-9, 9, len(row)) * rng.standard_normal(len(row))
    start = np.array([0, 2, -1, -2, 0, -3, -4, 1], dtype=integer)
    columns, place = merge(start, len(made), row, col)
    found = np.full(len(columns), 7.0)
    add(place, value, found)
    expected = np.zeros((7, n_col))
    for i, j, v in zip(row, col, value, strict=True):
        expected[i, j] += v
    is_there = np.zeros(expected.shape, dtype=bool)
    is_there[row, col] = True
    assert columns.dtype == start.dtype == integer and start[0] == 0
    assert np.array_equal(np.diff(start), [2, *is_there[1:3].sum(axis=1), 0, *is_there[4:6].sum(axis=1), 1])
    for i in made:
        entries = slice(start[i], start[i + 1])
        assert np.array_equal(columns[entries], np.flatnonzero(is_there[i]))
        assert np.array_equal(found[entries], expected[i, is_there[i]])
    assert (found[:2] == 7.0).all() and found[-1] == 7.0  # whole rows are left alone


def test_triplets_of_whole_rows_are_refused():
    for row in (0, 2, -1):
        with pytest.raises(ValueError, match="a row that others make"):
            merge(np.array([0, 1, -1], dtype=np.int32), 1, np.array([1, row]), np.zeros(2, dtype=np.int64))
    columns, place = merge(np.array([0, 1, 2], dtype=np.int32), 0, *np.empty((2, 0), dtype=np.int64))
    assert len(columns) == 3 and len(place) == 0


def test_more_entries_than_integers_count_are_refused():
    start, none = np.full(4, 2**30, dtype=np.int32), np.empty(0, dtype=np.int64)
    with pytest.raises(CaseError, match="3221225472 entries"):
        merge(start, 0, none, none)


def second_difference(n, h, side):
    """-d2/dx2 of n cells, dense: periodic, or with ``side`` (a, b) at both ends."""
    a = np.zeros((n, n))
    for i in range(n):
        for j in (i - 1, i + 1):
            if 0 <= j < n or side is None:
                a[i, i] += 1
                a[i, j % n] -= 1
            else:
                a[i, i] += 2 * side[0] * h / (side[0] * h + 2 * side[1])
    return a / h**2


@pytest.mark.parametrize("side", [None, (1.0, 0.0), (0.0, 1.0), (2.0, 0.7)])
@pytest.mark.parametrize(("n", "roots"), [(2, 1), (2, 2), (4, 1), (4, 3)])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_uniform_meshes_have_the_matrix_of_differences(monkeypatch, dim, n, roots, side):
    """Two periodic cells in a block, too, whose faces have the same cell behind."""
    if n == 2:
        monkeypatch.setattr(elliptic_tools, "Layout", lambda dim, n, g, n_var: Layout(dim, n, 1, n_var))
    mesh = local_mesh(refined_forest(dim, roots, (side is None,) * 3, []), n=n)
    sides = ["periodic" if side is None else Side(*side)] * (2 * dim)
    operator = CompositeOperator(mesh, Comm.self_(), sides, 2.5, 1.5)
    cells, unit = n * roots, np.eye(n * roots)
    expected = 1.5 * np.eye(cells**dim)
    for axis in range(dim):
        factors = [unit] * dim
        factors[dim - 1 - axis] = second_difference(cells, LENGTH[axis] / cells, side)
        expected += 2.5 * reduce(np.kron, factors)
    expected *= mesh.cell_volume[0]
    place = [(x.ravel() / LENGTH[a] * cells).astype(int) for a, x in enumerate(mesh.cell_centers())]
    order = sum(p * cells**a for a, p in enumerate(place))
    found = operator.mat.convert("dense").getDenseArray()
    assert np.allclose(found, expected[np.ix_(order, order)], rtol=0, atol=1e-14 * np.abs(expected).max())
    start, col, _ = operator.mat.getValuesCSR()
    assert all((np.diff(col[a:b]) > 0).all() for a, b in zip(start[:-1], start[1:], strict=True))


def made(dim, beta=None, alpha=0.5, periodic=False):
    """An operator on a refined mesh with random coefficients; the cells' centres."""
    boxes = [([0.0] * 3, [0.4] * 3), ([0.1] * 3, [0.2] * 3)]
    mesh = local_mesh(refined_forest(dim, 2, (periodic,) * 3, boxes[: 1 if dim == 3 else 2]))
    rng = np.random.default_rng(3)
    beta = 10 ** rng.uniform(-1, 1, mesh.cell_centers().shape[1:]) if beta is None else beta
    sides = ["periodic" if periodic else side() for side in (dirichlet, neumann)] * dim
    return mesh, sides, CompositeOperator(mesh, Comm.self_(), sides, beta, alpha)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_numbers_are_arrays_of_that_number(dim, periodic):
    mesh, sides, operator = made(dim, 2.5, 1.5, periodic)
    full = [np.full(operator.shape, each) for each in (2.5, 1.5)]
    other = CompositeOperator(mesh, Comm.self_(), sides, *full)
    for found, expected in zip(operator.mat.getValuesCSR(), other.mat.getValuesCSR(), strict=True):
        assert np.array_equal(found, expected)
    assert operator.coefficients == (2.5, 1.5)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_integers_of_both_sizes_give_the_same_rows(dim):
    """What PETSc's integers are is known at run time only."""
    mesh, _, operator = made(dim)
    entries, beta, alpha = operator._entries, operator._beta, np.array([0.5])
    found = []
    for integer in (np.int32, np.int64):
        start = np.zeros(entries.n_row + 1, dtype=integer)
        n_irregular = entries.row_counts(start)
        assert 0 < n_irregular < 0.5 * entries.n_row  # cells at faces between levels, and not their blocks
        col, place = merge(start, n_irregular, *entries.places())
        entries.row_places(start, col)
        value = np.empty(len(col))
        add(place, entries.values(beta, alpha, start, value), value)
        found.append((start, col, value))
    for narrow, wide, of_mat in zip(*found, operator.mat.getValuesCSR(), strict=True):
        assert np.array_equal(narrow, wide) and np.array_equal(narrow, of_mat)
    with pytest.raises(ValueError, match="rows instead of"):
        entries.row_counts(np.zeros(entries.n_row, dtype=np.int32))
    assert mesh.n_block > 1


@pytest.mark.parametrize("options", ["", "-pc_type sor", "-pc_type ilu", "-pc_type jacobi"])
def test_solves_after_an_update_are_those_of_a_new_operator(options):
    """PETSc keeps nothing of the values that it had, such as the inverse diagonal of SOR: preconditioners differ by round-off."""
    mesh, sides, operator = made(2)
    rng = np.random.default_rng(4)
    f, beta, alpha = rng.random(operator.shape), 10 ** rng.uniform(-1, 1, operator.shape), rng.random(operator.shape)
    solver, x = LinearSolver(operator, options), operator.mat.createVecRight()
    solver.solve(operator.rhs(f), x)
    before = x.getArray().copy()
    operator.update(beta, alpha)
    x.set(0.0)
    info = solver.solve(operator.rhs(f), x)
    fresh = CompositeOperator(mesh, Comm.self_(), sides, beta, alpha)
    other, y = LinearSolver(fresh, options, "fresh_"), fresh.mat.createVecRight()
    assert other.solve(fresh.rhs(f), y).iterations == info.iterations
    np.testing.assert_allclose(x.getArray(), y.getArray(), rtol=1e-8)
    assert np.abs(x.getArray() - before).max() > 1e-3 * np.abs(before).max()
    # The solution hides a worse preconditioner: look at that itself.
    for each, to in ((solver, x), (other, y)):
        each.ksp.getPC().apply(fresh.rhs(f), to)
    np.testing.assert_allclose(x.getArray(), y.getArray(), rtol=0, atol=1e-12 * np.abs(y.getArray()).max())
    for each in (solver, other, fresh):
        each.free()
