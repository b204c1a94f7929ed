"""A corner of low pressure implodes, and a jet runs along the diagonal: a test of symmetry.

R. Liska, B. Wendroff, SIAM J. Sci. Comput. 25 (2003) 995, section 4.7: domain [0, 0.3]^2, gamma 1.4, reflecting, t = 2.5.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import Problem, State, at_rest, symmetric_sum


class Implosion(Problem):
    """Low density and pressure where the sum of the coordinates is below ``corner``."""

    summary: ClassVar[str] = "A corner implodes; the jet must stay on the diagonal (Liska and Wendroff 2003)"
    requires: ClassVar[tuple[str, ...]] = GASES
    dims: ClassVar[tuple[int, ...]] = (2, 3)

    corner: float = Field(0.15, gt=0, description="Sum of the coordinates, from the lower corner, at the jump")
    density_inside: float = Field(0.125, gt=0, description="In the corner")
    pressure_inside: float = Field(0.14, gt=0, description="In the corner")
    density_outside: float = Field(1.0, gt=0, description="Elsewhere")
    pressure_outside: float = Field(1.0, gt=0, description="Elsewhere")

    def initial(self, x: np.ndarray) -> State:
        distance = symmetric_sum(x - self.setting.lower[:, None])
        inside = distance < self.corner
        return {
            "density": np.where(inside, self.density_inside, self.density_outside),
            "velocity": at_rest(x),
            "pressure": np.where(inside, self.pressure_inside, self.pressure_outside),
        }
