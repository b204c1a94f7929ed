"""Observed orders of the composite operator on manufactured solutions: >= 1.9 in L2, on uniform and refined meshes.

The box lies inside the domain, or touches sides and corners of it; "deep" has a third level beside sides of the second. The
maximum norm converges as fast, but where the jump of beta makes phi itself large on one side its maximum settles later.
"""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from amr.comm import Comm
from amr.implicit.operator import CompositeOperator
from amr.implicit.sides import dirichlet
from amr.implicit.solver import LinearSolver
from amr.mesh.balance import balance_flags
from amr.mesh.tree import Forest
from amr.scheme.local_mesh import LocalMesh
from tests.elliptic_tools import BoxOf, Smooth, local_mesh, norms, refined_forest, solve

BOXES: dict[str, list[BoxOf]] = {
    "uniform": [],
    "box": [([0.25] * 3, [0.75] * 3)],
    "corner": [([0.0] * 3, [0.5] * 3)],
    "deep": [([0.0] * 3, [0.75] * 3), ([0.25] * 3, [0.5] * 3)],
}
MIXED = ["dirichlet", "neumann", "robin", "neumann"]
# Name: solution, kinds of the sides in turn (none: periodic), least order in the maximum norm.
PROBLEMS: dict[str, tuple[dict, list[str], float]] = {
    "dirichlet": ({"is_beta_variable": True}, ["dirichlet"], 1.85),
    "neumann": ({"is_beta_variable": True}, ["neumann"], 1.9),
    "robin": ({"is_beta_variable": True}, ["robin"], 1.9),
    "mixed": ({"is_beta_variable": True, "alpha": 3.0}, MIXED, 1.85),
    "periodic": ({"is_beta_variable": True}, [], 1.9),
    "constant": ({}, ["dirichlet"], 1.9),
    "jump_up": ({"jump": 1e3}, ["dirichlet"], 1.9),
    "jump_down": ({"jump": 1e-3, "alpha": 1.0}, ["neumann"], 1.6),
}
ROOTS = {1: 8, 2: 8, 3: 4}


def chosen() -> list[tuple[int, str, str]]:
    """Everything in 1D and 2D; in 3D, where a pair of solves takes seconds, each mesh and each kind once."""
    flat = [(dim, name, mesh) for dim in (1, 2) for name in PROBLEMS for mesh in BOXES]
    return [*flat, (3, "mixed", "uniform"), (3, "jump_up", "box"), (3, "mixed", "corner"), (3, "jump_up", "corner")]


def errors(dim: int, roots: int, name: str, mesh_name: str) -> tuple[float, float]:
    parameters, kinds, _ = PROBLEMS[name]
    mesh = local_mesh(refined_forest(dim, roots, [not kinds] * 3, BOXES[mesh_name]))
    error, _ = solve(Smooth(dim, **parameters), mesh, kinds)
    return norms(error, mesh)


@pytest.mark.parametrize(("dim", "name", "mesh"), chosen())
def test_order(dim: int, name: str, mesh: str) -> None:
    coarse, fine = (errors(dim, roots, name, mesh) for roots in (ROOTS[dim], 2 * ROOTS[dim]))
    assert log2(coarse[0] / fine[0]) >= 1.9
    assert log2(coarse[1] / fine[1]) >= PROBLEMS[name][2]


@pytest.mark.slow
def test_order_with_three_levels_in_3d() -> None:
    coarse, fine = (errors(3, roots, "mixed", "deep") for roots in (4, 8))
    assert log2(coarse[0] / fine[0]) >= 1.9 and log2(coarse[1] / fine[1]) >= 1.85


def test_an_interface_that_cuts_cells_costs_one_order() -> None:
    """beta jumps by 1000:1 inside a cell, at a third of the domain: the cells' values cannot know where."""
    exact = Smooth(2, jump=1e3, interface=1 / 3)
    found = []
    for roots in (4, 16):
        mesh = local_mesh(refined_forest(2, roots, [False] * 3, BOXES["box"]))
        found.append(norms(solve(exact, mesh, ["dirichlet"])[0], mesh)[0])
    # Over a factor of 4, for the interface is then at the same place of its cell.
    assert 0.8 <= log2(found[0] / found[1]) / 2 <= 1.3


class Peak:
    """phi = exp(-|x - c|^2 / 2 s^2) in 2D, s a thirtieth of the domain: what adaptive meshes are for."""

    width = 1 / 30

    @classmethod
    def _square(cls, x: np.ndarray) -> np.ndarray:
        return ((x[0] - 0.43) ** 2 + (x[1] - 0.52) ** 2) / cls.width**2

    @classmethod
    def phi(cls, x: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * cls._square(x))

    @classmethod
    def f(cls, x: np.ndarray) -> np.ndarray:
        return (2 - cls._square(x)) / cls.width**2 * cls.phi(x)


def adaptive_mesh(tolerance: float) -> LocalMesh:
    """Leaves refined until the source of `Peak` times the squared spacing is below a tolerance."""
    forest = Forest.uniform(2, 2, False, 8)
    while True:
        mesh = local_mesh(forest)
        weight = (mesh.spacing[:, :2] ** 2).max(axis=1)
        flags = np.abs(Peak.f(mesh.cell_centers())).max(axis=(1, 2, 3)) * weight > tolerance
        if not flags.any():
            return mesh
        mesh.free()
        forest = forest.adapt(balance_flags(forest, flags.astype(np.int8)))[0]


def peak_errors(mesh: LocalMesh) -> tuple[int, float, float]:
    """Cells, and the norms of the error."""
    comm = Comm.self_()
    operator = CompositeOperator(mesh, comm, [dirichlet(lambda x, t: Peak.phi(x))] * 4)
    phi, solver = operator.mat.createVecRight(), LinearSolver(operator, "-ksp_rtol 1e-12")
    solver.solve(operator.rhs(Peak.f(mesh.cell_centers())), phi)
    error = operator.from_vec(phi, np.empty(operator.shape)) - Peak.phi(mesh.cell_centers())
    solver.free()
    operator.free()
    mesh.free()
    return error.size, *norms(error, mesh)


def test_order_on_adaptive_meshes() -> None:
    """More cells in the leaves of an adaptive mesh; and a tolerance down to 1/64, which leaves the tail of the peak coarser."""
    found = [peak_errors(adaptive_mesh(tolerance)) for tolerance in (0.02, 0.02 / 64)]
    refinement = log2(found[1][0] / found[0][0]) / 2
    assert refinement > 1.5
    assert log2(found[0][1] / found[1][1]) / refinement >= 1.5, found
    assert log2(found[0][2] / found[1][2]) / refinement >= 1.9, found
    forest = adaptive_mesh(0.02).forest
    finer = [peak_errors(local_mesh(forest, n=n)) for n in (16, 32)]
    assert all(log2(finer[0][norm] / finer[1][norm]) >= 1.9 for norm in (1, 2)), finer
