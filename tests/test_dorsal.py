"""A morphogen gradient and the nuclei that read it."""

from __future__ import annotations

import numpy as np
import pytest

from amr.bench.nuclei import sharpness, steady
from amr.errors import CaseError
from tests.runs import l1_error, small


def test_the_steady_gradient_converges_with_second_order():
    """To exp(-x / lambda), with its flux at the source and the end that lets it go on."""
    errors = [
        l1_error(
            small("dorsal", mesh={"max_level": 0, "root_blocks": [n]}, petsc={"options": "-ts_rtol 1e-7"}), "morphogen"
        )
        for n in (16, 32)
    ]
    assert errors[1] < 3e-5 and np.log2(errors[0] / errors[1]) > 1.9


def test_twice_as_many_nuclei_halve_the_error_until_the_mesh_bounds_it():
    adaptive = steady(small("dorsal"))
    even = steady(small("dorsal", mesh={"max_level": 0, "root_blocks": [len(adaptive.x) // 8]}))
    coarse = steady(small("dorsal", mesh={"max_level": 0}))
    counts = [2**k for k in range(3, 12)]
    exact = np.array(sharpness(adaptive, counts, is_exact=True))
    assert np.allclose(exact[2:], 1 / (np.array(counts[2:]) * np.sqrt(12)), rtol=0.05)
    fine, rough = np.array(sharpness(adaptive, counts)), np.array(sharpness(coarse, counts))
    ratio = fine[:-1] / fine[1:]
    assert ((ratio > 1.85) & (ratio < 2.2)).all()
    assert rough[-1] > 0.9 * rough[-3] and rough[-1] > 50 * fine[-1]
    # What the mesh adds, with as many cells: five times less where they are laid by the gradient.
    own = np.sqrt(fine[-1] ** 2 - exact[-1] ** 2), np.sqrt(sharpness(even, counts[-1:])[0] ** 2 - exact[-1] ** 2)
    assert own[0] < own[1] / 5


@pytest.mark.parametrize(
    "physics",
    [
        {"reaction": {"name": "decay", "rate": 0.0}},
        {"reaction": {"name": "decay", "rate": 1.0, "production": 1.0}},
        {"diffusivity": [0.0]},
        {"diffusivity": [{"exponent": 1.0}]},
    ],
)
def test_equations_without_that_gradient_are_refused(physics):
    with pytest.raises(CaseError, match="needs one species"):
        small("dorsal", physics=physics)


def test_nuclei_need_a_gradient():
    with pytest.raises(CaseError, match="morphogen"):
        steady(small("sod"))
