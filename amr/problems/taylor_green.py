"""The Taylor-Green vortices: an array of eddies that viscosity brings to rest, each in its place.

G. I. Taylor, A. E. Green, Proc. R. Soc. Lond. A 158 (1937) 499: in the plane an exact solution of the incompressible equations,
whose kinetic energy falls as exp(-2 nu (k_x^2 + k_y^2) t). A gas comes as near to it as the square of the Mach number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import Problem, ProblemFault, Setting, State, filled


class TaylorGreen(Problem):
    """v = velocity (sin a cos b, -(k_x / k_y) cos a sin b) exp(-nu (k_x^2 + k_y^2) t), a and b the phases k_x x and k_y y."""

    summary: ClassVar[str] = "Eddies that viscosity brings to rest; exact for small Mach numbers"
    requires: ClassVar[tuple[str, ...]] = GASES
    dims: ClassVar[tuple[int, ...]] = (2, 3)

    velocity: float = Field(1.0, gt=0, description="Largest velocity along x, at the start")
    mach: float = Field(0.1, gt=0, le=1, description="velocity / sound speed: sets the pressure")
    density: float = Field(1.0, gt=0, description="Everywhere")
    waves: list[int] = Field([1, 1], min_length=2, max_length=2, description="Waves along x and y")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        if min(self.waves) < 1:
            yield ProblemFault("waves", self.waves, "must be >= 1")

    def initial(self, x: np.ndarray) -> State:
        return self.exact(x, 0.0)

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        """In the limit of small Mach numbers; the mean pressure takes up the energy that the eddies lose."""
        setting, density = self.setting, self.density
        kx, ky = 2 * np.pi * np.array(self.waves) / setting.length[:2]
        a, b = kx * (x[0] - setting.lower[0]), ky * (x[1] - setting.lower[1])
        along = np.array([self.velocity, self.velocity * kx / ky])
        decay = np.exp(-getattr(setting.params, "viscosity", 0.0) / density * (kx * kx + ky * ky) * t)
        velocity = np.zeros_like(x)
        velocity[0] = along[0] * decay * (np.sin(a) * np.cos(b))
        velocity[1] = -along[1] * decay * (np.cos(a) * np.sin(b))
        gamma, squares = setting.params.gamma, along * along
        rest = density * (self.velocity / self.mach) ** 2 / gamma
        heated = (gamma - 1) * density * squares.sum() / 8 * (1 - decay * decay)
        swing = density / 4 * decay * decay * (squares[0] * np.cos(2 * a) + squares[1] * np.cos(2 * b))
        return {"density": filled(density, x), "velocity": velocity, "pressure": rest + heated + swing}
