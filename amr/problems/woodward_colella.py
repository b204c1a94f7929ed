"""Two blast waves that meet between walls.

P. Woodward, P. Colella, J. Comput. Phys. 54 (1984) 115, section IV.a: domain [0, 1], gamma 1.4, reflecting, t = 0.038.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import Problem, State, at_rest, filled


class WoodwardColella(Problem):
    """Density 1 at rest; pressure ``left``, ``middle`` and ``right`` with jumps at x = 0.1 and 0.9 of the domain's length."""

    summary: ClassVar[str] = "Two blast waves meet between walls (Woodward and Colella 1984)"
    requires: ClassVar[tuple[str, ...]] = GASES

    left: float = Field(1000.0, gt=0, description="Pressure in the first tenth of the domain")
    middle: float = Field(0.01, gt=0, description="Pressure between")
    right: float = Field(100.0, gt=0, description="Pressure in the last tenth")

    def initial(self, x: np.ndarray) -> State:
        part = (x[0] - self.setting.lower[0]) / self.setting.length[0]
        pressure = np.select([part < 0.1, part < 0.9], [self.left, self.middle], self.right)
        return {"density": filled(1.0, x), "velocity": at_rest(x), "pressure": pressure}
