"""A Mach 3 shock runs into a sine wave of density.

C.-W. Shu, S. Osher, J. Comput. Phys. 83 (1989) 32, example 8: domain [-5, 5], gamma 1.4, t = 1.8.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import Problem, State


class ShuOsher(Problem):
    """The state behind the shock left of ``position``, density 1 + ``amplitude`` sin(``wave_number`` x) at rest right of it."""

    summary: ClassVar[str] = "A Mach 3 shock runs along x into a sine wave of density (Shu and Osher 1989)"
    requires: ClassVar[tuple[str, ...]] = GASES

    position: float = Field(-4.0, description="Shock at the start")
    amplitude: float = Field(0.2, ge=0, lt=1, description="Of the density wave")
    wave_number: float = Field(5.0, description="Of the density wave [radians per length]")

    def initial(self, x: np.ndarray) -> State:
        behind = x[0] < self.position
        velocity = np.zeros_like(x)
        velocity[0, behind] = 2.629369
        return {
            "density": np.where(behind, 3.857143, 1 + self.amplitude * np.sin(self.wave_number * x[0])),
            "velocity": velocity,
            "pressure": np.where(behind, 10.33333, 1.0),
        }
