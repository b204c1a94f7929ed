"""Heavy gas on light gas in gravity.

The single-mode test of R. Liska, B. Wendroff, SIAM J. Sci. Comput. 25 (2003) 995 and of Athena (J. M. Stone et al., Astrophys. J.
Suppl. 178 (2008) 137): domain [-0.25, 0.25] x [-0.75, 0.75], gamma 1.4, gravity 0.1 downwards, periodic in x, walls in y.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import Problem, ProblemFault, Setting, State


class RayleighTaylor(Problem):
    """Two layers in hydrostatic balance with the gravity source of the case, which must point along the last axis."""

    summary: ClassVar[str] = "Heavy gas on light gas; needs sources = [{ name = 'gravity', g = [0.0, -0.1] }]"
    requires: ClassVar[tuple[str, ...]] = GASES
    dims: ClassVar[tuple[int, ...]] = (2, 3)

    density_above: float = Field(2.0, gt=0, description="Of the upper layer")
    density_below: float = Field(1.0, gt=0, description="Of the lower layer")
    pressure: float = Field(2.5, gt=0, description="At the interface")
    position: float = Field(0.0, description="Height of the interface")
    amplitude: float = Field(0.01, description="Of the velocity that starts the fall")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        g = setting.gravity
        if not g[-1] < 0 or np.any(g[:-1] != 0):
            example = [0.0] * (setting.dim - 1) + [-0.1]
            text = f"needs gravity down the last axis: sources = [{{ name = 'gravity', g = {example} }}]"
            yield ProblemFault("name", "rayleigh_taylor", text)
        top = setting.upper[-1]
        if self.pressure + g[-1] * self.density_above * max(top - self.position, 0) <= 0:
            yield ProblemFault("pressure", self.pressure, "leaves no pressure at the top of the domain")

    def initial(self, x: np.ndarray) -> State:
        setting = self.setting
        height = x[-1] - self.position
        density = np.where(height > 0, self.density_above, self.density_below)
        shape = 0.5 * (1 + np.cos(np.pi * height / max(abs(setting.upper[-1]), abs(setting.lower[-1]))))
        for axis in range(setting.dim - 1):
            center = 0.5 * (setting.lower[axis] + setting.upper[axis])
            shape = shape * 0.5 * (1 + np.cos(2 * np.pi * (x[axis] - center) / setting.length[axis]))
        velocity = np.zeros_like(x)
        velocity[-1] = -self.amplitude * shape
        return {
            "density": density,
            "velocity": velocity,
            "pressure": self.pressure + setting.gravity[-1] * density * height,
        }
