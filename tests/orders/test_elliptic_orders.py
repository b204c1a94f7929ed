"""Observed orders of the composite operator on manufactured solutions: >= 1.9 in L2, on uniform and refined meshes.

The box lies inside the domain, or touches sides and corners of it; "deep" has a third level beside sides of the second. The
maximum norm converges as fast, but where the jump of beta makes phi itself large on one side its maximum settles later.
"""

from __future__ import annotations

from math import log2

import pytest

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
