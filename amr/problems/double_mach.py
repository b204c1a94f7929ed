"""Double Mach reflection of a Mach 10 shock on a wall.

P. Woodward, P. Colella, J. Comput. Phys. 54 (1984) 115, section IV.c: domain [0, 4] x [0, 1], gamma 1.4, t = 0.2. The wall
starts at x = 1/6; the shock makes an angle of 60 degrees with it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import BoundaryFunction, Problem, State


class DoubleMach(Problem):
    """A shock of Mach number ``mach`` through (``foot``, lower y) into density 1.4, pressure 1.

    Boundaries "problem": left the state behind the shock; bottom that state before the foot and a wall after it; top the
    exact moving shock.
    """

    summary: ClassVar[str] = "Double Mach reflection (Woodward and Colella 1984)"
    requires: ClassVar[tuple[str, ...]] = ("euler",)
    dims: ClassVar[tuple[int, ...]] = (2,)

    mach: float = Field(10.0, gt=1, description="Mach number of the shock")
    foot: float = Field(1 / 6, description="Where the wall begins, on the x axis")

    def _states(self) -> tuple[dict[str, float], dict[str, float], float]:
        """States behind and before the shock, and the shock's speed along its normal (Rankine-Hugoniot)."""
        gamma, m2 = self.setting.params.gamma, self.mach**2
        before = {"density": 1.4, "pressure": 1.0, "velocity_x": 0.0, "velocity_y": 0.0}
        sound = np.sqrt(gamma * before["pressure"] / before["density"])
        ratio = (gamma + 1) * m2 / ((gamma - 1) * m2 + 2)
        speed = self.mach * sound * (1 - 1 / ratio)
        behind = {
            "density": before["density"] * ratio,
            "pressure": before["pressure"] * (2 * gamma * m2 - (gamma - 1)) / (gamma + 1),
            "velocity_x": speed * np.sqrt(3) / 2,
            "velocity_y": -0.5 * speed,
        }
        return behind, before, float(self.mach * sound)

    def _front(self, x: np.ndarray, t: float) -> State:
        behind, before, speed = self._states()
        # Shock: normal (sin 60, -cos 60), so that it advances along x by speed / sin 60.
        is_behind = x[0] < self.foot + (x[1] - self.setting.lower[1] + 2 * speed * t) / np.sqrt(3)
        return {name: np.where(is_behind, behind[name], before[name]) for name in behind}

    def initial(self, x: np.ndarray) -> State:
        return self._front(x, 0.0)

    def boundary(self, direction: int) -> BoundaryFunction | None:
        return {0: self._left, 2: self._bottom, 3: self._top}.get(direction)

    def _left(self, x: np.ndarray, t: float, w: State) -> State:
        return {name: np.full(x.shape[1], value) for name, value in self._states()[0].items()}

    def _bottom(self, x: np.ndarray, t: float, w: State) -> State:
        velocity = np.array(w["velocity"])
        velocity[1] = -velocity[1]
        mirrored = {**w, "velocity_x": velocity[0], "velocity_y": velocity[1]}
        is_wall = x[0] >= self.foot
        return {name: np.where(is_wall, mirrored[name], value) for name, value in self._states()[0].items()}

    def _top(self, x: np.ndarray, t: float, w: State) -> State:
        return self._front(x, t)
