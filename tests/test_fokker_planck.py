"""The exponentially fitted operator of Fokker and Planck."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import CaseError
from amr.implicit.fokker_planck import FokkerPlanckOperator
from amr.implicit.solver import LinearSolver
from tests.elliptic_tools import LENGTH, BoxOf, local_mesh, norms, refined_forest

TEMPERATURE = 0.7
BOXES: dict[str, list[BoxOf]] = {
    "uniform": [],
    "box": [([0.25] * 3, [0.75] * 3)],
    "corner": [([0.0] * 3, [0.5] * 3)],
    "deep": [([0.0] * 3, [0.75] * 3), ([0.25] * 3, [0.5] * 3)],
}


def rough(dim: int, periodic: bool, height: float) -> FokkerPlanckOperator:
    """On a mesh whose levels meet at sides and corners, with energies that jump from cell to cell."""
    mesh = local_mesh(refined_forest(dim, 4, (periodic,) * 3, BOXES["deep" if dim < 3 else "corner"]))
    x, rng = mesh.cell_centers(), np.random.default_rng(0)
    waves = np.prod([np.sin(6 * np.pi * x[a] / LENGTH[a] + a) for a in range(dim)], axis=0)
    return FokkerPlanckOperator(mesh, Comm.self_(), height * (waves + rng.random(x.shape[1:])), TEMPERATURE)


@pytest.mark.parametrize("height", [0.3, 30.0, 2000.0])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_an_m_matrix_that_conserves_and_has_the_equilibrium_at_rest(dim, periodic, height):
    operator = rough(dim, periodic, height)
    mat, scale = operator.mat, operator.mat.norm()
    flux, sums = mat.createVecs()
    mat.mult(operator.equilibrium, flux)
    assert flux.norm(3) <= 1e-15 * scale * operator.equilibrium.norm(3)
    one = mat.createVecLeft()
    one.set(1.0)
    mat.multTranspose(one, sums)
    assert sums.norm(3) <= 1e-15 * scale
    first, column, value = mat.getValuesCSR()
    row = np.repeat(np.arange(len(first) - 1), np.diff(first))
    assert value[row != column].max() < 1e-300 and value[row == column].min() >= 0


@pytest.mark.parametrize("dim", [1, 2])
def test_steps_of_any_length_stay_positive_and_conserve(dim):
    """Backward Euler from all probability in one cell."""
    operator = rough(dim, False, 30.0)
    start = operator.mat.createVecRight()
    start.setValue(operator.mat.getSize()[0] // 3, 1.0)
    start.assemble()
    for dt in (1e-6, 1e-2, 1e3):
        system = operator.mat.copy()
        system.setDiagonal(system.getDiagonal() + (1.0 / dt) * operator.volume)
        dense = system.convert("dense").getDenseArray()
        p = np.linalg.solve(dense, start.getArray() / dt)
        assert p.min() >= -1e-17 * p.max()
        assert p @ operator.volume.getArray() == pytest.approx(1.0, abs=1e-9)


def smooth(dim: int, x: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """psi, p = exp(-psi) phi without flux through the sides, and -div(grad p + p grad psi)."""
    k = [np.pi / length for length in LENGTH[:dim]]
    psi = height * sum(np.cos(2 * k[a] * x[a]) for a in range(dim))
    cosines = [np.cos(k[a] * x[a]) for a in range(dim)]
    phi = np.prod(cosines, axis=0)
    drift = sum(
        -2 * k[a] * height * np.sin(2 * k[a] * x[a])
        * np.prod(cosines[:a] + [-k[a] * np.sin(k[a] * x[a])] + cosines[a + 1 :], axis=0)
        for a in range(dim)
    )  # fmt: skip
    return psi, np.exp(-psi) * (2.0 + phi), np.exp(-psi) * (sum(each**2 for each in k) * phi + drift)


def errors(dim: int, roots: int, box: str, height: float) -> tuple[float, float]:
    mesh = local_mesh(refined_forest(dim, roots, (False,) * 3, BOXES[box]))
    psi, p, f = smooth(dim, mesh.cell_centers(), height)
    operator = FokkerPlanckOperator(mesh, Comm.self_(), psi, TEMPERATURE)
    operator.update(psi, 3.0)
    found = operator.mat.createVecRight()
    LinearSolver(operator, "-ksp_rtol 1e-12").solve(operator.rhs(TEMPERATURE * f + 3.0 * p), found)
    return norms(operator.from_vec(found, np.empty(operator.shape)) - p, mesh)


@pytest.mark.parametrize(
    ("dim", "box", "height"),
    [(dim, box, height) for dim in (1, 2) for box in BOXES for height in (0.5, 3.0)]
    + [(3, "box", 0.5), (3, "corner", 3.0)],
)
def test_second_order_in_both_norms(dim, box, height):
    """The two-point flux between levels, with its value moved along the face, costs no order."""
    coarse, fine = (errors(dim, roots, box, height) for roots in ((8, 16) if dim < 3 else (4, 8)))
    assert log2(coarse[0] / fine[0]) >= 1.95 and log2(coarse[1] / fine[1]) >= 1.95


def test_a_singular_solve_leaves_no_probability():
    operator = rough(2, False, 3.0)
    rhs = operator.rhs(np.random.default_rng(3).random(operator.shape))
    x, product = operator.mat.createVecs()
    LinearSolver(operator).solve(rhs, x)
    operator.mat.mult(x, product)
    assert (product - rhs).norm() < 1e-8 * rhs.norm()
    assert abs(x.dot(operator.volume)) < 1e-12


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.inf, np.nan])
def test_temperatures_that_make_no_sense_are_refused(temperature):
    mesh = local_mesh(refined_forest(1, 2, (False,) * 3, []))
    with pytest.raises(CaseError, match="temperature"):
        FokkerPlanckOperator(mesh, Comm.self_(), np.zeros((mesh.n_block, 1, 1, 8)), temperature)
