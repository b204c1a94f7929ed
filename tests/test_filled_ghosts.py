"""A step takes the ghosts of its state that a decision without a change of the mesh, or a try before, has filled."""

import numpy as np
import pytest

from amr.mesh.pool import Pool
from amr.scheme.stepper import Stepper
from tests.proof_cases import STATES, torn
from tests.runs import made, run, small

CASES = {
    "blast_2d": {"mesh": {"max_level": 2}, "time": {"max_steps": 24}},
    "double_mach": {"mesh": {"max_level": 2}, "time": {"max_steps": 24}},  # a boundary that is a function of time
    "vortex": {"mesh": {"max_level": 1}, "time": {"max_steps": 12}, "refinement": {"indicators": [], "regions": []}},
}


def stepped(case, monkeypatch, is_believed):
    """The simulation at its end, and the number of steps whose ghosts were filled already."""
    seen = []
    with monkeypatch.context() as patch:
        advance = Stepper._advance

        def spy(self, mesh, stage, checked, result, is_filled=False):
            seen.append(is_filled)
            advance(self, mesh, stage, checked, result, is_filled)

        patch.setattr(Stepper, "_advance", spy)
        if not is_believed:
            patch.setattr(Pool, "is_filled", property(lambda self: False, lambda self, value: None), raising=False)
        sim = run(case)
    return sim, sum(seen)


def rough(**sections):
    """Steps of a length that is rejected."""
    return made(
        2,
        2,
        mesh={"max_level": 1},
        physics={"name": "euler"},
        problem={"name": f"{STATES}:rough"},
        refinement={"indicators": ["jump"]},
        time={"end": 0.01, "dt": 5e-3},
        **sections,
    )


TRIED_AGAIN = {
    "fall-back": lambda: torn(2),
    "fall-back in a later stage": lambda: torn(2, "ssp_rk3"),
    "rejected": rough,
    "rejected, with a source": lambda: rough(sources=[{"name": "gravity", "g": [0.0, -1.0]}]),
}


def assert_same(sim, other):
    assert sim.step_number == other.step_number
    np.testing.assert_array_equal(sim.mesh.forest.level, other.mesh.forest.level)
    inner = (slice(None), slice(None), *sim.layout.interior)
    np.testing.assert_array_equal(sim.pool.u[inner], other.pool.u[inner])


@pytest.mark.parametrize("name", CASES)
def test_ghosts_of_a_decision_are_those_of_a_fill_of_their_own(name, monkeypatch):
    case = small(name, **CASES[name])
    sim, n_taken = stepped(case, monkeypatch, True)
    other, none = stepped(case, monkeypatch, False)
    assert n_taken > 0 == none
    assert_same(sim, other)


@pytest.mark.parametrize("name", TRIED_AGAIN)
def test_a_step_that_is_tried_again_fills_its_ghosts_once(name, monkeypatch):
    case = TRIED_AGAIN[name]()
    sim, n_taken = stepped(case, monkeypatch, True)
    other, none = stepped(case, monkeypatch, False)
    assert sim.report.fallback_cells + sim.report.rejected_steps > 0
    assert n_taken >= sim.report.rejected_steps and n_taken > 0 == none
    assert_same(sim, other)


def test_sources_change_the_state_before_the_step(monkeypatch):
    case = small("rayleigh_taylor", mesh={"max_level": 1}, time={"max_steps": 12})
    assert stepped(case, monkeypatch, True)[1] == 0
