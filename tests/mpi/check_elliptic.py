"""Run by test_mpi.py: matrix, right-hand side and solution of every number of ranks are those of one rank."""

import numpy as np

from amr.comm import Comm
from amr.errors import CaseError, PluginError, SolveError
from amr.implicit.fokker_planck import FokkerPlanckOperator
from amr.implicit.operator import CompositeOperator
from amr.implicit.sides import dirichlet, neumann
from amr.implicit.solver import LinearSolver
from tests.elliptic_tools import Smooth, local_mesh, refined_forest
from tests.transfer_tools import random_forest


def parts(forest, comm, kinds, exact):
    """Mesh, operator and right-hand side on the ranks of ``comm``."""
    mesh = local_mesh(forest, comm)
    x = mesh.cell_centers()
    operator = CompositeOperator(mesh, comm, exact.sides(kinds, forest.periodic), exact.beta(x), exact.alpha)
    return mesh, operator, operator.rhs(exact.f(x))


def check(forest, comm, kinds, exact, counts):
    """Against one rank, to round-off; the solution to the solver's tolerance."""
    _, serial, serial_rhs = parts(forest, Comm.self_(), kinds, exact)
    mesh, operator, rhs = parts(forest, comm, kinds, exact)
    low, high = operator.mat.getOwnershipRange()
    cells = operator.layout.cells
    assert (low, high) == (mesh.leaves.start * cells, mesh.leaves.stop * cells)
    mine = serial_rhs.getArray()[low:high]
    assert np.allclose(rhs.getArray(), mine, rtol=0, atol=1e-12 * np.abs(serial_rhs.getArray()).max())
    x, y = check_product(operator, serial)
    solver, solver_serial = LinearSolver(operator), LinearSolver(serial, prefix="serial_")
    x.set(0.0)
    y.set(0.0)
    counts.append((solver_serial.solve(serial_rhs, x).iterations, solver.solve(rhs, y).iterations))
    scale = np.abs(x.getArray()).max()
    assert np.allclose(y.getArray(), x.getArray()[low:high], rtol=0, atol=1e-7 * scale)
    for each in (solver, solver_serial, operator, serial):
        each.free()


def check_rows(operator, serial):
    """The matrices are the same to the last bit: sums are in the order of the cells, wherever these live."""
    low, high = operator.mat.getOwnershipRange()
    start, col, value = serial.mat.getValuesCSR()
    mine = slice(start[low], start[high])
    found = operator.mat.getValuesCSR()
    for one, other in zip(found, (start[low : high + 1] - start[low], col[mine], value[mine]), strict=True):
        assert np.array_equal(one, other)


def check_update(forest, comm):
    """New coefficients of the same mesh, of which ranks may have no leaf."""

    def made(comm):
        mesh = local_mesh(forest, comm)
        operator = CompositeOperator(mesh, comm, [dirichlet(), neumann()] * forest.dim, 2.0, 1.0)
        return operator, np.prod(1.5 + np.sin(5.0 * mesh.cell_centers()), axis=0)

    (operator, mine), (serial, beta) = made(comm), made(Comm.self_())
    check_rows(operator, serial)
    for operand, values in ((operator, mine), (serial, beta)):
        operand.update(values, 1.0 / values)
    check_product(operator, serial)
    for each in (operator, serial):
        each.free()


def check_faults(forest, comm):
    """Coefficients that one rank alone gives in another way, or in a wrong shape, are refused on all."""
    mesh = local_mesh(forest, comm)
    operator = CompositeOperator(mesh, comm, [dirichlet(), neumann()] * forest.dim, 2.0, 1.0)
    is_other = comm.rank == comm.size - 1
    field = np.ones(operator.shape)
    for beta, alpha, words in (
        (field if is_other else 2.0, 1.0, "a number on all ranks"),
        (2.0, 1.0 if is_other else field, "a number on all ranks"),
        (field[..., :1] if is_other else field, 1.0, "shape"),
        (np.nan if is_other else 2.0, 1.0, "finite"),
    ):
        if comm.size == 1 and "ranks" in words:
            continue
        try:
            operator.update(beta, alpha)
        except CaseError as error:
            assert words in str(error), error
        else:
            raise AssertionError(f"not refused: {words}")
    operator.free()


def check_product(operator, serial):
    """The matrices give the same product, to round-off; returns vectors of unknowns of one rank, and of all."""
    check_rows(operator, serial)
    low, high = operator.mat.getOwnershipRange()
    x, product = serial.mat.createVecs()
    x.setArray(np.random.default_rng(0).random(x.getSize()))
    serial.mat.mult(x, product)
    y, other = operator.mat.createVecs()
    y.setArray(x.getArray()[low:high])
    operator.mat.mult(y, other)
    assert np.allclose(other.getArray(), product.getArray()[low:high], rtol=0, atol=1e-13 * serial.mat.norm())
    return x, y


def check_drift(forest, comm):
    """The operator of Fokker and Planck against one rank, to round-off, and its equilibrium at rest."""

    def made(comm):
        mesh = local_mesh(forest, comm)
        psi = 9.0 * np.prod(np.sin(5.0 * mesh.cell_centers() + 1.0), axis=0)
        return FokkerPlanckOperator(mesh, comm, psi, 0.5)

    operator, serial = made(comm), made(Comm.self_())
    check_product(operator, serial)
    other = operator.mat.createVecLeft()
    operator.mat.mult(operator.equilibrium, other)
    assert other.norm(3) < 1e-14 * operator.mat.norm() * operator.equilibrium.norm(3)
    for each in (operator, serial):
        each.free()


def main() -> None:
    comm = Comm.world()
    counts = []
    box = [([0.0] * 3, [0.5] * 3), ([0.25] * 3, [0.5] * 3)]
    for dim, roots in ((1, 8), (2, 4), (3, 2)):
        forest = refined_forest(dim, roots, [False] * 3, box)
        check(forest, comm, ["dirichlet", "neumann", "robin"], Smooth(dim, is_beta_variable=True, alpha=1.0), counts)
        forest = refined_forest(dim, roots, [True] * 3, box[:1])
        check(forest, comm, [], Smooth(dim, is_beta_variable=True), counts)
        forest = random_forest(dim, 3, n_level=2)
        check(forest, comm, ["dirichlet"], Smooth(dim, jump=1e3), counts)
        check_drift(forest, comm)
        for forest in (
            refined_forest(dim, 1, [False] * 3, []),
            refined_forest(dim, 2, [False] * 3, [([0.0] * 3, [0.4] * 3)]),
        ):
            check_update(forest, comm)
    assert max(many / one for one, many in counts) <= 1.5, counts

    forest = refined_forest(2, 4, [False] * 3, box)
    check_faults(forest, comm)
    mesh = local_mesh(forest, comm)
    last = comm.size - 1

    def fails(x: np.ndarray, t: float) -> float:
        if comm.rank == last:
            raise ValueError("only here")
        return 0.0

    operator = CompositeOperator(mesh, comm, [dirichlet(fails)] * 4)
    y = operator.mat.createVecRight()
    for work, kind in (
        (lambda: operator.rhs(1.0), PluginError),
        (lambda: LinearSolver(operator, "-ksp_max_it 1 -pc_type none", "short_").solve(operator.volume, y), SolveError),
    ):
        try:
            work()
        except kind:
            continue
        raise AssertionError(kind)
    comm.barrier()


if __name__ == "__main__":
    main()
