"""Reactions and sources within PETSc's time steps, built in and as plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amr.case import Case
from amr.errors import PluginError
from amr.physics.reactions import REACTIONS
from tests.runs import cells_of, made, run

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
            assert np.abs(cells_of(sim, v) - expected[v]).max() <= 1e-6


def test_a_plugin_reaction_is_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def gray(x, t, w):\n    u, v = w['u'], w['v']\n    made = u * v * v\n"
        "    return {'u': 0.03 * (1 - u) - made, 'v': made - (0.03 + 0.06) * v}\n"
    )
    spots = {"name": "spots", "inside": {"u": 0.5, "v": 0.25}, "outside": {"u": 1.0, "v": 0.0}}
    found = []
    for reaction in ({"name": "gray_scott", "feed": 0.03, "kill": 0.06}, f"{tmp_path}/mine.py:gray"):
        with run(reaction_case(reaction, problem=spots)) as sim:
            found.append(np.stack([cells_of(sim, v) for v in range(2)]))
    assert np.array_equal(*found)
    assert np.ptp(found[0][1]) > 0.03


def test_one_of_three_species_rests_and_a_source_feeds_it(tmp_path: Path) -> None:
    (tmp_path / "feed.py").write_text("def feed(x, t, w):\n    return {'c': 2 * t + 0 * w['c']}\n")
    physics = {"name": "reaction_diffusion", "species": ["a", "b", "c"], "diffusivity": [0.1, 1.0, 0.0]}
    problem = {"name": "constant", "state": {"a": 1.0, "b": 2.0, "c": 3.0}}
    case = reaction_case(None, physics=physics, problem=problem, sources=[f"{tmp_path}/feed.py:feed"])
    with run(case) as sim:
        for v, value in enumerate((1.0, 2.0, 7.0)):
            assert np.abs(cells_of(sim, v) - value).max() <= 1e-7


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
            found.append(cells_of(sim).copy())
    assert np.abs(found[0] - found[1]).max() <= 1e-9


def test_a_plugin_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def bad(x, t, w):\n    return {'u': 1 / 0}\n\ndef law(u):\n    return -u\n")
    with pytest.raises(PluginError, match="bad.py:bad: ZeroDivisionError"):
        run(reaction_case(f"{tmp_path}/bad.py:bad"))
    physics = {"name": "diffusion", "diffusivity": f"{tmp_path}/bad.py:law"}
    with pytest.raises(PluginError, match="diffusivity .*negative"):
        run(reaction_case(None, physics=physics, problem={"name": "constant", "state": {"q": 1.0}}))
