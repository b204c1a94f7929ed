"""Observed orders of the composite operator on manufactured solutions: >= 1.9 in L2, on uniform and refined meshes.

The box lies inside the domain, or touches sides and corners of it; "deep" has a third level beside sides of the second. The
maximum norm converges as fast, but where the jump of beta makes phi itself large on one side its maximum settles later.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """Everything; in 3D, where a pair of solves takes up to a second, the kinds of meshes in turn, "corner" with each problem."""
    flat = [(dim, name, mesh) for dim in (1, 2) for name in PROBLEMS for mesh in BOXES]
    return [
        *flat,
        *((3, name, mesh) for k, name in enumerate(PROBLEMS) for mesh in ("corner", ["uniform", "box"][k % 2])),
    ]


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


@dataclass(frozen=True)
class Peak:
    """phi = exp(-|x - c|^2 / 2 s^2) in ``dim`` dimensions, s = ``width`` of the domain: what adaptive meshes are for."""

    dim: int
    width: float

    def _square(self, x: np.ndarray) -> np.ndarray:
        return sum((x[a] - (0.43, 0.52, 0.47)[a]) ** 2 for a in range(self.dim)) / self.width**2

    def phi(self, x: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * self._square(x))

    def f(self, x: np.ndarray) -> np.ndarray:
        return (self.dim - self._square(x)) / self.width**2 * self.phi(x)


def adaptive_mesh(peak: Peak, tolerance: float) -> LocalMesh:
    """Leaves refined until the source of a peak times the squared spacing is below a tolerance."""
    forest = Forest.uniform(peak.dim, 2, False, 8)
    while True:
        mesh = local_mesh(forest)
        weight = (mesh.spacing[:, : peak.dim] ** 2).max(axis=1)
        flags = np.abs(peak.f(mesh.cell_centers())).max(axis=(1, 2, 3)) * weight > tolerance
        if not flags.any():
            return mesh
        mesh.free()
        forest = forest.adapt(balance_flags(forest, flags.astype(np.int8)))[0]


def peak_errors(peak: Peak, mesh: LocalMesh) -> tuple[int, float, float]:
    """Cells, and the norms of the error."""
    comm = Comm.self_()
    operator = CompositeOperator(mesh, comm, [dirichlet(lambda x, t: peak.phi(x))] * (2 * peak.dim))
    phi, solver = operator.mat.createVecRight(), LinearSolver(operator, "-ksp_rtol 1e-12")
    solver.solve(operator.rhs(peak.f(mesh.cell_centers())), phi)
    error = operator.from_vec(phi, np.empty(operator.shape)) - peak.phi(mesh.cell_centers())
    solver.free()
    operator.free()
    mesh.free()
    return error.size, *norms(error, mesh)


def test_order_on_adaptive_meshes() -> None:
    """More cells in the leaves of an adaptive mesh; and a tolerance down to 1/64, which leaves the tail of the peak coarser."""
    peak = Peak(2, 1 / 30)
    found = [peak_errors(peak, adaptive_mesh(peak, tolerance)) for tolerance in (0.02, 0.02 / 64)]
    refinement = log2(found[1][0] / found[0][0]) / 2
    assert refinement > 1.5
    assert log2(found[0][1] / found[1][1]) / refinement >= 1.5, found
    assert log2(found[0][2] / found[1][2]) / refinement >= 1.9, found
    forest = adaptive_mesh(peak, 0.02).forest
    finer = [peak_errors(peak, local_mesh(forest, n=n)) for n in (16, 32)]
    assert all(log2(finer[0][norm] / finer[1][norm]) >= 1.9 for norm in (1, 2)), finer


@pytest.mark.slow
def test_order_on_an_adaptive_mesh_in_3d() -> None:
    peak = Peak(3, 0.08)
    forest = adaptive_mesh(peak, 0.05).forest
    assert len(set(forest.level.tolist())) >= 3
    coarse, fine = (peak_errors(peak, local_mesh(forest, n=n)) for n in (8, 16))
    assert all(log2(coarse[norm] / fine[norm]) >= 1.9 for norm in (1, 2)), (coarse, fine)
