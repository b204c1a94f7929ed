"""Diffusion with each kind of side, nonlinear fronts, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amr.case import Case
from amr.errors import CaseError
from amr.results import error_norm
from amr.simulation import Simulation
from tests.runs import cells_of, made, run

SIDES: dict[str, tuple[list[Any], Any]] = {
    # Steady states of D q'' = 0 with D = 0.5 on (0, 1).
    "dirichlet": ([{"kind": "dirichlet", "q": 1.0}, {"kind": "dirichlet", "q": 3.0}], lambda x: 1 + 2 * x),
    "neumann": ([{"kind": "dirichlet", "q": 1.0}, {"kind": "neumann", "q": 0.25}], lambda x: 1 + 0.5 * x),
    # a q + b D q' = g at x = 1: 2 s + 3 s / 2 = 7 for the slope s.
    "robin": ([{"kind": "dirichlet", "q": 0.0}, {"kind": "robin", "a": 2.0, "b": 3.0, "q": 7.0}], lambda x: 2 * x),
    "inflow": ([{"kind": "inflow", "q": 2.0}, "outflow"], lambda x: 2 + 0 * x),
    "plugin": (["SIDE", {"kind": "neumann", "q": 0.5}], lambda x: 4 + x),
}


@pytest.mark.parametrize("kind", SIDES)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_steady_states_between_sides(kind: str, dim: int, tmp_path: Path) -> None:
    """Linear profiles are exact, on two levels; along the last axis, so that walls close the others."""
    (tmp_path / "side.py").write_text("def hot(x, t, w):\n    return {'q': 4.0}\n")
    pair, exact = SIDES[kind]
    pair = [f"{tmp_path}/side.py:hot" if each == "SIDE" else each for each in pair]
    axis = "xyz"[dim - 1]
    n = {1: 4, 2: 2, 3: 1}[dim]
    case = made(
        dim,
        n,
        mesh={"max_level": 1, "periodic": False},
        boundaries={each: pair if each == axis else ["reflecting", "outflow"] for each in "xyz"[:dim]},
        physics={"name": "diffusion", "diffusivity": 0.5},
        problem={"name": "constant", "state": {"q": 0.5}},
        scheme={"integrator": "petsc"},
        refinement={"indicators": [], "regions": [{"lower": [0.0] * dim, "upper": [0.4] * dim, "level": 1}]},
        guard={"enabled": False},
        time={"end": 60.0},
    )
    with run(case) as sim:
        x = sim.mesh.cell_centers()[dim - 1].ravel()
        assert np.abs(cells_of(sim) - exact(x)).max() <= 1e-6


def test_time_dependent_sides_and_the_problem_kind() -> None:
    """A decaying wave whose own exact state is held at the sides of a box that it does not fit: second order."""
    errors = []
    for n in (2, 4):
        case = made(
            2,
            n,
            mesh={"periodic": False, "upper": [0.8, 0.7]},
            boundaries={"x": ["problem", "problem"], "y": ["problem", "problem"]},
            physics={"name": "diffusion", "diffusivity": 0.1},
            problem={"name": "sine", "mean": 1.0},
            scheme={"integrator": "petsc"},
            petsc={"options": "-ts_rtol 1e-8 -ts_atol 1e-8"},
            guard={"enabled": False},
            time={"end": 0.1},
        )
        with run(case) as sim:
            errors.append(error_norm(sim, "q", 2))
    assert np.log2(errors[0] / errors[1]) >= 1.85, errors


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_front_of_nonlinear_conduction(dim: int) -> None:
    """Barenblatt-Pattle: first order in L1 at least, for its slope jumps at the edge."""
    errors = []
    for n in {1: (4, 8), 2: (2, 4), 3: (1, 2)}[dim]:
        case = made(
            dim,
            n,
            mesh={"periodic": False},
            physics={"name": "diffusion", "diffusivity": {"coefficient": 1.0, "exponent": 1.0}},
            problem={"name": "barenblatt", "radius": 0.2},
            scheme={"integrator": "petsc"},
            guard={"enabled": False},
            time={"end": 0.02},
        )
        with run(case) as sim:
            errors.append(error_norm(sim, "q", 1))
    assert np.log2(errors[0] / errors[1]) >= 1.2, errors


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"scheme": {"integrator": "ssp_rk2"}}, 'physics diffusion diffuses: it needs integrator = "petsc"'),
    ({"scheme": {"integrator": "petsc", "subcycle": True}}, "needs an integrator of one stage"),
    ({"refinement": {"indicators": ["richardson"]}}, "needs an explicit integrator"),
    ({"physics": {"name": "diffusion", "diffusivity": -1.0}}, "must be at least 0"),
    ({"physics": {"name": "diffusion", "diffusivity": "fast"}}, "neither a number, a table nor a plugin"),
    (
        {"physics": {"name": "reaction_diffusion", "species": ["q"], "diffusivity": [1.0], "reaction": "gray_scot"}},
        "did you mean.*gray_scott",
    ),
    (
        {"physics": {"name": "reaction_diffusion", "species": ["q"], "diffusivity": [1.0], "reaction": "gray_scott"}},
        "has 2 species, not 1",
    ),
    (
        {"physics": {"name": "reaction_diffusion", "species": ["q", "r"], "diffusivity": [1.0]}},
        "1 entries for 2 species",
    ),
    ({"boundaries": {"x": [{"kind": "dirichlet"}, "outflow"]}}, "dirichlet needs a value"),
    ({"boundaries": {"x": [{"kind": "neumann", "p": 1.0}, "outflow"]}}, "unknown variable"),
    ({"boundaries": {"x": [{"kind": "robin", "q": 1.0, "a": -1.0, "b": 1.0}, "outflow"]}}, "a and b >= 0"),
    (
        {
            "physics": {"name": "diffusion", "diffusivity": {"exponent": 1.0}},
            "boundaries": {"x": [{"kind": "robin", "q": 1.0, "a": 1.0, "b": 1.0}, "outflow"]},
        },
        "robin needs a constant diffusivity",
    ),
    (
        {
            "physics": {"name": "advection", "velocity": [1.0]},
            "boundaries": {"x": [{"kind": "dirichlet", "q": 1.0}, "outflow"]},
        },
        "dirichlet is for physics that diffuses",
    ),
]


def broken(**sections: Any) -> Case:
    base: dict[str, Any] = {
        "mesh": {"periodic": False, "max_level": 1},
        "physics": {"name": "diffusion", "diffusivity": 1.0},
        "problem": {"name": "constant", "state": {"q": 1.0}},
        "scheme": {"integrator": "petsc"},
        "time": {"end": 1.0},
    }
    return made(1, 4, **{**base, **sections})


@pytest.mark.parametrize(("sections", "text"), BROKEN)
def test_what_does_not_go_together_is_refused(sections: dict[str, Any], text: str) -> None:
    with pytest.raises(CaseError, match=text):
        broken(**sections)


@pytest.mark.parametrize(
    ("options", "physics", "text"),
    [
        ("-ts_type alpha", {"name": "diffusion", "diffusivity": 1.0}, "not offered"),
        ("-ts_type bdf", {"name": "advection_diffusion", "velocity": [1.0], "diffusivity": 1.0}, "take arkimex"),
        ("-ts_type arkimex", {"name": "advection", "velocity": [1.0]}, "nothing to solve"),
        ("-ts_type bdf -ts_adapt_type none", {"name": "diffusion", "diffusivity": 1.0}, "time.dt"),
        ("-ts_type ssp -ts_adapt_type basic", {"name": "diffusion", "diffusivity": 1.0}, "no estimate"),
    ],
)
def test_types_that_do_not_fit_are_refused(options: str, physics: dict[str, Any], text: str) -> None:
    with pytest.raises(CaseError, match=text):
        Simulation(broken(physics=physics, petsc={"options": options}))
