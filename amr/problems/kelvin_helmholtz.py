"""Shear layers that roll up: smooth, so that the growth converges.

C. P. McNally, W. Lyra, J.-C. Passy, Astrophys. J. Suppl. 201 (2012) 18: domain [0, 1]^2, periodic, gamma 5/3, width 0.025;
``width = 0`` gives the sharp layers of older tests.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import Problem, State, filled


class KelvinHelmholtz(Problem):
    """A heavier, faster stream in the middle half of the domain's height; a sine of velocity_y starts the billows."""

    summary: ClassVar[str] = "Shear layers that roll up (McNally and others 2012)"
    requires: ClassVar[tuple[str, ...]] = GASES
    dims: ClassVar[tuple[int, ...]] = (2, 3)

    density_middle: float = Field(2.0, gt=0, description="Of the middle stream")
    density_outer: float = Field(1.0, gt=0, description="Of the outer streams")
    velocity_middle: float = Field(-0.5, description="Along x, of the middle stream")
    velocity_outer: float = Field(0.5, description="Along x, of the outer streams")
    pressure: float = Field(2.5, gt=0, description="Everywhere")
    width: float = Field(0.025, ge=0, description="Of the layers, in domain heights; 0: sharp")
    amplitude: float = Field(0.01, description="Of the velocity that starts the billows")
    billows: int = Field(2, ge=1, description="Waves along x")

    def initial(self, x: np.ndarray) -> State:
        lower, length = self.setting.lower, self.setting.length
        y = (x[1] - lower[1]) / length[1]
        distance = np.abs(y - 0.5) - 0.25  # < 0 in the middle stream
        if self.width > 0:
            ramp = 0.5 * np.exp(-np.abs(distance) / self.width)
            outer = np.where(distance < 0, ramp, 1 - ramp)
        else:
            outer = (distance >= 0).astype(float)
        velocity = np.zeros_like(x)
        velocity[0] = self.velocity_middle + (self.velocity_outer - self.velocity_middle) * outer
        velocity[1] = self.amplitude * np.sin(2 * np.pi * self.billows * (x[0] - lower[0]) / length[0])
        density = self.density_middle + (self.density_outer - self.density_middle) * outer
        return {"density": density, "velocity": velocity, "pressure": filled(self.pressure, x)}
