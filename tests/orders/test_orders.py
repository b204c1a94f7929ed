"""Observed orders of convergence in L1 on smooth problems: >= 1.9 on uniform meshes and across a fixed coarse-fine face.

PPM and WENO5-Z are of higher order where the equations are linear and the mesh uniform: fourth and fifth, with steps that shrink
fast enough for the error in time not to show. A flux taken at the middle of a face and the limited linear ghosts between levels
are of second order, whatever the reconstruction.
"""

from __future__ import annotations

from math import log2
from typing import Any

import pytest

from tests.runs import l1_error, made, small

SCHEMES: dict[str, dict[str, Any]] = {
    "muscl_hancock": {"integrator": "muscl_hancock", "limiter": "none", "cfl": 0.8},
    "ssp_rk2": {"integrator": "ssp_rk2", "limiter": "none", "cfl": 0.4},
    "ssp_rk3": {"integrator": "ssp_rk3", "limiter": "none", "cfl": 0.4},
    "ppm": {"integrator": "ssp_rk3", "reconstruction": "ppm", "cfl": 0.4},
    "weno5z": {"integrator": "ssp_rk3", "reconstruction": "weno5z", "cfl": 0.4},
}

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


def smooth_case(name: str, dim: int, n: int, scheme: dict[str, Any], refined: bool) -> Any:
    physics, problem, _ = SMOOTH[name]
    physics, problem = dict(physics), {**problem, "waves": WAVES[dim], "quadrature": 4}
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
        scheme=scheme,
        refinement=refinement,
        time={"end": SIZES[dim][1]},
    )


def chosen() -> list[tuple[str, str, int]]:
    """Every scheme with every physics in 1D and 2D; in 3D, where runs are long, some of each."""
    flat = [(name, scheme, dim) for dim in (1, 2) for scheme in SCHEMES for name in SMOOTH]
    solid = [(name, scheme, 3) for scheme in ("muscl_hancock", "ssp_rk3") for name in ("acoustics", "euler")]
    return flat + solid + [("acoustics", "ppm", 3), ("euler", "weno5z", 3)]


@pytest.mark.parametrize("refined", [False, True], ids=["uniform", "two_levels"])
@pytest.mark.parametrize(("name", "scheme", "dim"), chosen())
def test_order_of_smooth_waves(name: str, scheme: str, dim: int, refined: bool) -> None:
    n = SIZES[dim][0]
    variable = SMOOTH[name][2]
    coarse, fine = (l1_error(smooth_case(name, dim, m, SCHEMES[scheme], refined), variable) for m in (n, 2 * n))
    assert log2(coarse / fine) >= 1.9


@pytest.mark.parametrize(("scheme", "order"), [("ppm", 3.8), ("weno5z", 4.8)])
@pytest.mark.parametrize(
    ("name", "dim"),
    [("advection", 1), ("acoustics", 1), ("burgers", 1), ("euler", 1), ("advection", 2), ("acoustics", 2)],
)
def test_high_order_where_the_equations_are_linear_or_scalar_in_1d(
    name: str, dim: int, scheme: str, order: float
) -> None:
    n, variable = 4, SMOOTH[name][2]
    coarse, fine = (
        l1_error(smooth_case(name, dim, m, {**SCHEMES[scheme], "cfl": 0.4 * (n / m) ** (2 / 3)}, False), variable)
        for m in (n, 2 * n)
    )
    assert log2(coarse / fine) >= order


@pytest.mark.parametrize("refined", [False, True], ids=["uniform", "two_levels"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_order_of_isentropic_vortex(scheme: str, refined: bool) -> None:
    refinement: dict[str, Any] = {"indicators": []}
    if refined:
        refinement["regions"] = [{"lower": [-9.9, -9.9], "upper": [-0.1, -0.1], "level": 1}]
    errors = [
        l1_error(
            small(
                "vortex",
                mesh={"root_blocks": [n, n], "max_level": int(refined)},
                scheme=SCHEMES[scheme],
                refinement=refinement,
                time={"end": 1.0},
                output={"every": None},
            ),
            "density",
        )
        for n in (8, 16)
    ]
    assert log2(errors[0] / errors[1]) >= 1.9
