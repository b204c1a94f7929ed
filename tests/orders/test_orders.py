"""Observed orders of convergence in L1 on smooth problems: >= 1.9 on uniform meshes and across a fixed coarse-fine face."""

from __future__ import annotations

from math import log2
from typing import Any

import pytest

from tests.runs import l1_error, made, small

INTEGRATORS = ("muscl_hancock", "ssp_rk2", "ssp_rk3")

# physics, problem, variable, waves per dimension: oblique in 2D and 3D.
SMOOTH: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "advection": ({"name": "advection"}, {"name": "sine"}, "q"),
    "acoustics": ({"name": "acoustics"}, {"name": "sine", "mean": 0.0}, "pressure"),
    "burgers": ({"name": "burgers"}, {"name": "sine", "mean": 0.5, "amplitude": 0.1}, "q"),
    "euler": ({"name": "euler"}, {"name": "euler_wave"}, "density"),
}
# The blocks of 8 cells per axis of the coarser run, and the time it runs to.
SIZES = {1: (8, 0.3), 2: (4, 0.2), 3: (2, 0.1)}
WAVES = {1: [1], 2: [1, 2], 3: [1, 1, 1]}
VELOCITY = {1: [1.0], 2: [1.0, 0.5], 3: [1.0, 0.5, 0.25]}


def smooth_case(name: str, dim: int, n: int, integrator: str, refined: bool) -> Any:
    physics, problem, _ = SMOOTH[name]
    physics, problem = dict(physics), {**problem, "waves": WAVES[dim]}
    if name == "advection":
        physics["velocity"] = VELOCITY[dim]
    if name == "euler":
        problem["velocity"] = VELOCITY[dim]
    refinement: dict[str, Any] = {"indicators": []}
    if refined:
        # The blocks of one half, quadrant or octant are one level finer: the same part of the domain on both meshes.
        refinement["regions"] = [{"lower": [0.01] * dim, "upper": [0.49] * dim, "level": 1}]
    return made(
        dim,
        n,
        mesh={"max_level": int(refined)},
        physics=physics,
        problem=problem,
        scheme={"integrator": integrator, "limiter": "none", "cfl": 0.8 if integrator == "muscl_hancock" else 0.4},
        refinement=refinement,
        time={"end": SIZES[dim][1]},
    )


def chosen() -> list[tuple[str, str, int]]:
    """Every integrator with every physics in 1D and 2D; in 3D, where runs are long, two of each."""
    flat = [(name, integrator, dim) for dim in (1, 2) for integrator in INTEGRATORS for name in SMOOTH]
    return flat + [
        (name, integrator, 3) for integrator in ("muscl_hancock", "ssp_rk3") for name in ("acoustics", "euler")
    ]


@pytest.mark.parametrize("refined", [False, True], ids=["uniform", "two_levels"])
@pytest.mark.parametrize(("name", "integrator", "dim"), chosen())
def test_order_of_smooth_waves(name: str, integrator: str, dim: int, refined: bool) -> None:
    n = SIZES[dim][0]
    variable = SMOOTH[name][2]
    coarse, fine = (l1_error(smooth_case(name, dim, m, integrator, refined), variable) for m in (n, 2 * n))
    assert log2(coarse / fine) >= 1.9


@pytest.mark.parametrize("refined", [False, True], ids=["uniform", "two_levels"])
@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_order_of_isentropic_vortex(integrator: str, refined: bool) -> None:
    refinement: dict[str, Any] = {"indicators": []}
    if refined:
        refinement["regions"] = [{"lower": [-9.9, -9.9], "upper": [-0.1, -0.1], "level": 1}]
    errors = [
        l1_error(
            small(
                "vortex",
                mesh={"root_blocks": [n, n], "max_level": int(refined)},
                scheme={
                    "integrator": integrator,
                    "limiter": "none",
                    "cfl": 0.8 if integrator == "muscl_hancock" else 0.4,
                },
                refinement=refinement,
                time={"end": 1.0},
                output={"every": None},
            ),
            "density",
        )
        for n in (8, 16)
    ]
    assert log2(errors[0] / errors[1]) >= 1.9
