"""``integrator = "petsc"``: orders in time, the split of stiff parts, conservation, boundaries, reactions, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amr.case import Case
from amr.errors import CaseError, PluginError, SolveError
from amr.physics.reactions import REACTIONS
from amr.results import error_norm, make_report
from amr.simulation import Simulation
from tests.runs import made, run

D = 0.05
N = 32  # cells


def q_of(sim: Simulation, variable: int = 0) -> np.ndarray:
    """Interior cells of a variable, flat."""
    return sim.pool.u[(slice(None), variable, *sim.layout.interior)].ravel()


def diffusion_rate(theta: float, h: float) -> complex:
    """Symbol of the discrete diffusion for a wave with the phase theta per cell."""
    return D * (2 - 2 * np.cos(theta)) / h**2


def advection_rate(theta: float, h: float) -> complex:
    """The same of advection with speed 1 by piecewise linear states with central slopes, and diffusion."""
    shift = np.exp(1j * theta)
    return (1 - 1 / shift) * (1 + (shift - 1 / shift) / 4) / h + diffusion_rate(theta, h)


def error_in_time(options: str, dt: float, physics: dict[str, Any], symbol: Any, end: float = 0.1) -> float:
    """Largest error of a sine wave against the exact solution of the equations discretised in space alone."""
    case = made(
        1,
        4,
        physics=physics,
        problem={"name": "sine", "quadrature": 8},
        scheme={"integrator": "petsc", "limiter": "none", "cfl": 1.0},
        petsc={"options": f"{options} -ksp_rtol 1e-13"},
        time={"end": end, "dt": dt},
    )
    with run(case) as sim:
        h = 1 / N
        theta = 2 * np.pi * h
        x = sim.mesh.cell_centers().ravel()
        exact = np.imag(np.sin(theta / 2) / (theta / 2) * np.exp(2j * np.pi * x - symbol(theta, h) * end))
        return float(np.abs(q_of(sim) - exact).max())


# What is offered: type and options, steps, order. Third-order BDF starts with lower orders.
DIFFUSION = [
    ("-ts_type euler", (0.005, 0.0025), 1),
    ("-ts_type ssp", (0.01, 0.005), 2),
    ("-ts_type rk", (0.005, 0.0025), 3),
    ("-ts_type theta", (0.05, 0.025), 2),
    ("-ts_type cn", (0.05, 0.025), 2),
    ("-ts_type beuler", (0.025, 0.0125), 1),
    ("-ts_type bdf", (0.01, 0.005), 2),
    ("-ts_type arkimex", (0.05, 0.025), 3),
    ("-ts_type arkimex -ts_arkimex_type 4", (0.05, 0.025), 4),
    ("-ts_type rosw", (0.05, 0.025), 3),
    ("-ts_type rosw -ts_rosw_type 4l", (0.05, 0.025), 4),
]
ADVECTION = [
    ("-ts_type ssp", (0.01, 0.005), 2),
    ("-ts_type rk", (0.01, 0.005), 3),
    ("-ts_type arkimex", (0.02, 0.01), 3),
    ("-ts_type arkimex -ts_arkimex_type 4", (0.02, 0.01), 4),
]


@pytest.mark.parametrize(("options", "steps", "order"), DIFFUSION)
def test_order_of_each_type_for_diffusion(options: str, steps: tuple[float, float], order: int) -> None:
    errors = [error_in_time(options, dt, {"name": "diffusion", "diffusivity": D}, diffusion_rate) for dt in steps]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.12), errors


@pytest.mark.parametrize(("options", "steps", "order"), ADVECTION)
def test_order_of_each_type_for_advection_with_diffusion(options: str, steps: tuple[float, float], order: int) -> None:
    physics = {"name": "advection_diffusion", "velocity": [1.0], "diffusivity": D}
    errors = [error_in_time(options, dt, physics, advection_rate) for dt in steps]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.12), errors


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_second_order_in_space_with_adapted_steps_on_two_levels(dim: int) -> None:
    """A decaying sine wave, its error per volume in L2."""
    errors = []
    for n in (2, 4):
        case = made(
            dim,
            n,
            mesh={"max_level": 1},
            physics={"name": "diffusion", "diffusivity": 0.1},
            problem={"name": "sine"},
            scheme={"integrator": "petsc"},
            petsc={"options": "-ts_rtol 1e-8 -ts_atol 1e-8"},
            refinement={"indicators": [], "regions": [{"lower": [0.1] * dim, "upper": [0.4] * dim, "level": 1}]},
            guard={"enabled": False},
            time={"end": 0.05},
        )
        with run(case) as sim:
            assert len(np.unique(sim.mesh.forest.level)) == 2
            errors.append(error_norm(sim, "q", 2))
            assert sim.stepper.report()["adaptive"]
    assert np.log2(errors[0] / errors[1]) >= 1.85, errors


def test_imex_keeps_the_hyperbolic_step_at_a_diffusion_number_of_a_thousand() -> None:
    """As many steps as advection alone takes, no rejected one, and the state that diffusion leaves: the mean."""
    n, cfl, end = 64, 0.8, 0.1
    dt = cfl / n
    sections: dict[str, Any] = {
        "problem": {"name": "sine", "mean": 1.0},
        "time": {"end": end},
        "guard": {"enabled": False},
    }
    velocity = {"velocity": [1.0]}
    with run(made(1, n // 8, physics={"name": "advection", **velocity}, scheme={"cfl": cfl}, **sections)) as sim:
        n_steps = sim.step_number
    physics = {"name": "advection_diffusion", **velocity, "diffusivity": 1e3 / (n * n * dt)}
    with run(made(1, n // 8, physics=physics, scheme={"integrator": "petsc", "cfl": cfl}, **sections)) as sim:
        assert sim.step_number == n_steps == int(np.ceil(end / dt))
        assert sim.report.rejected_steps == 0
        assert np.abs(q_of(sim) - 1).max() <= 1e-6
        report = make_report(sim)
    assert report["implicit"]["type"] == "arkimex" and report["implicit"]["steps"] == n_steps
    explicit = {"integrator": "petsc", "cfl": cfl}
    sections["time"]["max_steps"] = 1
    with run(made(1, n // 8, physics=physics, scheme=explicit, petsc={"options": "-ts_type ssp"}, **sections)) as sim:
        assert sim.time <= dt / 1000


def test_ssp_of_petsc_is_ours_on_an_adaptive_mesh() -> None:
    """Heun's method: the same step kernel, ghosts and reflux; to round-off."""
    found = {}
    for name, scheme in {"ours": {"integrator": "ssp_rk2"}, "petsc": {"integrator": "petsc"}}.items():
        case = made(
            2,
            4,
            mesh={"max_level": 1, "periodic": False},
            boundaries={"x": ["reflecting", "outflow"]},
            physics={"name": "euler"},
            problem={"name": "blast"},
            scheme={**scheme, "cfl": 0.4},
            petsc={"options": "-ts_type ssp -ts_ssp_type rks2 -ts_ssp_nstages 2"},
            time={"end": 10.0, "max_steps": 30},
        )
        with run(case) as sim:
            assert len(np.unique(sim.mesh.forest.level)) == 2
            u = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
            found[name] = sim.mesh.forest.key.tolist(), sim.time, u.copy()
    assert found["ours"][0] == found["petsc"][0]
    assert found["ours"][1] == pytest.approx(found["petsc"][1], rel=1e-12)
    assert np.abs(found["ours"][2] - found["petsc"][2]).max() <= 1e-10


@pytest.mark.parametrize("diffusivity", [0.05, {"coefficient": 1.0, "exponent": 2.0}])
@pytest.mark.parametrize("periodic", [True, False])
def test_mass_is_kept_to_the_tolerance_of_the_solver(diffusivity: Any, periodic: bool) -> None:
    """On a mesh that changes; residuals fall by 1e-10, and so does the drift."""
    case = made(
        2,
        4,
        mesh={"max_level": 2, "periodic": periodic},
        physics={"name": "diffusion", "diffusivity": diffusivity},
        problem={"name": "spots", "inside": {"q": 1.0}, "outside": {"q": 0.1}, "radius": 0.15, "edge": 0.05},
        scheme={"integrator": "petsc"},
        refinement={"indicators": ["jump"], "patience": 1},
        time={"end": 0.05},
    )
    with Simulation(case) as sim:
        trees = set()
        for _ in sim.steps():
            trees.add(sim.mesh.forest.key.tobytes())
        row = sim.ledger.report(sim.pool.u, sim.mesh)["q"]
    assert len(trees) > 1
    assert abs(row["final"] - row["initial"]) <= 1e-9 * row["initial"]
    assert abs(row["ledger"]["regrid"]) <= 1e-14
    assert row["unexplained"] <= 1e-14


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
        assert np.abs(q_of(sim) - exact(x)).max() <= 1e-6


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


# ---- reactions -----------------------------------------------------------------------------------------------------------

RATES: dict[str, tuple[dict[str, float], Any]] = {
    "gray_scott": (
        {"feed": 0.03, "kill": 0.06},
        lambda u, v: (-u * v * v + 0.03 * (1 - u), u * v * v - 0.09 * v),
    ),
    "fitzhugh_nagumo": (
        {"current": 0.5, "epsilon": 0.1, "a": 0.7, "b": 0.8},
        lambda u, v: (u - u**3 / 3 - v + 0.5, 0.1 * (u + 0.7 - 0.8 * v)),
    ),
    "brusselator": ({"a": 1.0, "b": 3.0}, lambda u, v: (1 - 4 * u + u * u * v, 3 * u - u * u * v)),
    "decay": ({"rate": 2.0, "production": 0.5}, lambda u, v: (0.5 - 2 * u, 0.5 - 2 * v)),
}


def reaction_case(reaction: Any, **sections: Any) -> Case:
    options = "-ts_rtol 1e-9 -ts_atol 1e-9"
    return made(
        1,
        2,
        **{
            "physics": {
                "name": "reaction_diffusion",
                "species": ["u", "v"],
                "diffusivity": [1e-2, 2e-2],
                "reaction": reaction,
            },
            "problem": {"name": "constant", "state": {"u": 0.8, "v": 0.6}},
            "scheme": {"integrator": "petsc"},
            "petsc": {"options": options},
            "time": {"end": 2.0},
            **sections,
        },
    )


def runge_kutta(rates: Any, state: tuple[float, float], end: float, n: int = 4000) -> np.ndarray:
    """Solution of an ordinary equation by the classical method in n steps."""
    w, dt = np.array(state), end / n
    for _ in range(n):
        k1 = np.array(rates(*w))
        k2 = np.array(rates(*(w + dt / 2 * k1)))
        k3 = np.array(rates(*(w + dt / 2 * k2)))
        w = w + dt / 6 * (k1 + 2 * k2 + 2 * k3 + np.array(rates(*(w + dt * k3))))
    return w


@pytest.mark.parametrize("name", REACTIONS)
def test_reactions_of_a_uniform_state_follow_their_ordinary_equations(name: str) -> None:
    parameters, rates = RATES[name]
    expected = runge_kutta(rates, (0.8, 0.6), 2.0)
    with run(reaction_case({"name": name, **parameters})) as sim:
        for v in range(2):
            assert np.abs(q_of(sim, v) - expected[v]).max() <= 1e-6


def test_a_plugin_reaction_is_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def gray(x, t, w):\n    u, v = w['u'], w['v']\n    made = u * v * v\n"
        "    return {'u': 0.03 * (1 - u) - made, 'v': made - (0.03 + 0.06) * v}\n"
    )
    spots = {"name": "spots", "inside": {"u": 0.5, "v": 0.25}, "outside": {"u": 1.0, "v": 0.0}}
    found = []
    for reaction in ({"name": "gray_scott", "feed": 0.03, "kill": 0.06}, f"{tmp_path}/mine.py:gray"):
        with run(reaction_case(reaction, problem=spots)) as sim:
            found.append(np.stack([q_of(sim, v) for v in range(2)]))
    assert np.array_equal(*found)
    assert np.ptp(found[0][1]) > 0.03


def test_one_of_three_species_rests_and_a_source_feeds_it(tmp_path: Path) -> None:
    (tmp_path / "feed.py").write_text("def feed(x, t, w):\n    return {'c': 2 * t + 0 * w['c']}\n")
    physics = {"name": "reaction_diffusion", "species": ["a", "b", "c"], "diffusivity": [0.1, 1.0, 0.0]}
    problem = {"name": "constant", "state": {"a": 1.0, "b": 2.0, "c": 3.0}}
    case = reaction_case(None, physics=physics, problem=problem, sources=[f"{tmp_path}/feed.py:feed"])
    with run(case) as sim:
        for v, value in enumerate((1.0, 2.0, 7.0)):
            assert np.abs(q_of(sim, v) - value).max() <= 1e-7


def test_a_plugin_diffusivity_is_the_power_law(tmp_path: Path) -> None:
    (tmp_path / "law.py").write_text("def cube(u):\n    return 0.3 * u**2\n")
    found = []
    for law in ({"coefficient": 0.3, "exponent": 2.0}, f"{tmp_path}/law.py:cube"):
        case = made(
            1,
            4,
            physics={"name": "diffusion", "diffusivity": law},
            problem={"name": "spots", "inside": {"q": 2.0}, "outside": {"q": 0.5}},
            scheme={"integrator": "petsc"},
            time={"end": 0.05},
        )
        with run(case) as sim:
            found.append(q_of(sim).copy())
    assert np.abs(found[0] - found[1]).max() <= 1e-9


def test_a_plugin_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def bad(x, t, w):\n    return {'u': 1 / 0}\n\ndef law(u):\n    return -u\n")
    with pytest.raises(PluginError, match="bad.py:bad: ZeroDivisionError"):
        run(reaction_case(f"{tmp_path}/bad.py:bad"))
    physics = {"name": "diffusion", "diffusivity": f"{tmp_path}/bad.py:law"}
    with pytest.raises(PluginError, match="diffusivity .*negative"):
        run(reaction_case(None, physics=physics, problem={"name": "constant", "state": {"q": 1.0}}))


# ---- restart and failures ------------------------------------------------------------------------------------------------


def test_a_restart_in_the_middle_of_an_imex_run_changes_no_bit(tmp_path: Path) -> None:
    """With one-step methods; the step that adapts is in the checkpoint."""
    for physics, problem in (
        ({"name": "advection_diffusion", "velocity": [1.0, 0.0], "diffusivity": 1e-3}, {"name": "sine", "mean": 2.0}),
        ({"name": "diffusion", "diffusivity": {"exponent": 1.0}}, {"name": "barenblatt", "radius": 0.1}),
    ):
        case = made(
            2,
            4,
            mesh={"max_level": 2},
            physics=physics,
            problem=problem,
            scheme={"integrator": "petsc"},
            time={"end": 0.4},
            refinement={"indicators": ["jump"], "patience": 1},
        )
        with Simulation(case) as whole:
            for step in whole.steps():
                if step.number == 10:
                    whole.write(tmp_path / "middle.h5")
            assert step.number > 15
            expected, report = q_of(whole).copy(), make_report(whole)
        with Simulation(case, restart=tmp_path / "middle.h5") as rest:
            for _ in rest.steps():
                pass
            assert np.array_equal(q_of(rest), expected)
            again = make_report(rest)
        assert again["digest"] == report["digest"] and again["implicit"]["steps"] == report["implicit"]["steps"]
        assert again["conservation"] == report["conservation"]


def test_a_solve_that_fails_says_why() -> None:
    case = made(
        2,
        4,
        physics={"name": "diffusion", "diffusivity": 1.0},
        problem={"name": "sine"},
        scheme={"integrator": "petsc", "max_retries": 2},
        petsc={"options": "-ts_type beuler -ksp_max_it 1 -pc_type none"},
        time={"end": 1.0, "dt": 0.5},
    )
    with pytest.raises(SolveError, match=r"\(beuler\): .*not solved, for the linear solve failed .*tried 3 times"):
        run(case)


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
