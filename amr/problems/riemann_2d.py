"""Four constant states that meet in a point.

P. D. Lax, X.-D. Liu, SIAM J. Sci. Comput. 19 (1998) 319: domain [0, 1]^2, gamma 1.4, outflow; configuration 3 to t = 0.3. In
each of them every two neighbouring states are joined by one single wave.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import (
    Problem,
    ProblemFault,
    Setting,
    State,
    StateTable,
    full_state,
    state_faults,
    vector_faults,
)

_NAMES = ("upper_right", "upper_left", "lower_left", "lower_right")
#: Configuration -> (pressure, density, velocity_x, velocity_y) in the quadrants in the order of _NAMES; Lax and Liu's tables.
CONFIGURATIONS: dict[int, tuple[tuple[float, float, float, float], ...]] = {
    1: (
        (1.0, 1.0, 0.0, 0.0),
        (0.4, 0.5197, -0.7259, 0.0),
        (0.0439, 0.1072, -0.7259, -1.4045),
        (0.15, 0.2579, 0.0, -1.4045),
    ),
    2: ((1.0, 1.0, 0.0, 0.0), (0.4, 0.5197, -0.7259, 0.0), (1.0, 1.0, -0.7259, -0.7259), (0.4, 0.5197, 0.0, -0.7259)),
    3: ((1.5, 1.5, 0.0, 0.0), (0.3, 0.5323, 1.206, 0.0), (0.029, 0.138, 1.206, 1.206), (0.3, 0.5323, 0.0, 1.206)),
    4: ((1.1, 1.1, 0.0, 0.0), (0.35, 0.5065, 0.8939, 0.0), (1.1, 1.1, 0.8939, 0.8939), (0.35, 0.5065, 0.0, 0.8939)),
    5: ((1.0, 1.0, -0.75, -0.5), (1.0, 2.0, -0.75, 0.5), (1.0, 1.0, 0.75, 0.5), (1.0, 3.0, 0.75, -0.5)),
    6: ((1.0, 1.0, 0.75, -0.5), (1.0, 2.0, 0.75, 0.5), (1.0, 1.0, -0.75, 0.5), (1.0, 3.0, -0.75, -0.5)),
    11: ((1.0, 1.0, 0.1, 0.0), (0.4, 0.5313, 0.8276, 0.0), (0.4, 0.8, 0.1, 0.0), (0.4, 0.5313, 0.1, 0.7276)),
    12: ((0.4, 0.5313, 0.0, 0.0), (1.0, 1.0, 0.7276, 0.0), (1.0, 0.8, 0.0, 0.0), (1.0, 1.0, 0.0, 0.7276)),
    17: ((1.0, 1.0, 0.0, -0.4), (1.0, 2.0, 0.0, -0.3), (0.4, 1.0625, 0.0, 0.2145), (0.4, 0.5197, 0.0, -1.1259)),
}


class Riemann2D(Problem):
    """A configuration of Lax and Liu by its number, or four states of your own."""

    summary: ClassVar[str] = "Four constant states meet in a point (Lax and Liu 1998)"
    requires: ClassVar[tuple[str, ...]] = GASES
    dims: ClassVar[tuple[int, ...]] = (2,)

    configuration: int | None = Field(None, description="Number in Lax and Liu: " + ", ".join(map(str, CONFIGURATIONS)))
    upper_right: StateTable | None = Field(None, description="Own state of this quadrant")
    upper_left: StateTable | None = Field(None, description="Own state of this quadrant")
    lower_left: StateTable | None = Field(None, description="Own state of this quadrant")
    lower_right: StateTable | None = Field(None, description="Own state of this quadrant")
    center: list[float] | None = Field(None, description="Where the quadrants meet; default the centre of the domain")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)
        if self.configuration is not None and self.configuration not in CONFIGURATIONS:
            text = f"unknown configuration; there are {', '.join(map(str, CONFIGURATIONS))}"
            yield ProblemFault("configuration", self.configuration, text)
        for name in _NAMES:
            own = getattr(self, name)
            if own is not None:
                yield from state_faults(name, own, setting)
            elif self.configuration is None:
                yield ProblemFault(name, None, "missing key (give a configuration or all four states)")

    def _states(self) -> list[dict[str, float]]:
        table = CONFIGURATIONS.get(self.configuration or 0, (None,) * 4)
        states = []
        for name, row in zip(_NAMES, table, strict=True):
            own = getattr(self, name)
            if own is None and row is not None:
                own = {"pressure": row[0], "density": row[1], "velocity": list(row[2:])}
            states.append(full_state(own, self.setting))
        return states

    def initial(self, x: np.ndarray) -> State:
        setting = self.setting
        center = 0.5 * (setting.lower + setting.upper) if self.center is None else self.center
        right, upper = x[0] >= center[0], x[1] >= center[1]
        states = self._states()
        quadrants = [right & upper, ~right & upper, ~right & ~upper]
        return {name: np.select(quadrants, [s[name] for s in states[:3]], states[3][name]) for name in states[0]}
