"""A disc with a slot turns with the plane and comes back unchanged.

S. T. Zalesak, J. Comput. Phys. 31 (1979) 335.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import BoundaryFunction, Problem, ProblemFault, Setting, State, vector_faults


class SlottedDisc(Problem):
    """Value 1 in the disc, 0 in the slot and outside; rigid rotation about the centre of the domain, exact at all times."""

    summary: ClassVar[str] = (
        "Zalesak's slotted disc in rotation; exact at all times. Needs [physics] velocity_field = true"
    )
    requires: ClassVar[tuple[str, ...]] = ("advection",)
    dims: ClassVar[tuple[int, ...]] = (2,)

    period: float = Field(1.0, gt=0, description="Time of one turn")
    center: list[float] = Field(default_factory=lambda: [0.5, 0.75], description="Centre of the disc at the start")
    radius: float = Field(0.15, gt=0, description="Of the disc")
    slot_width: float = Field(0.05, ge=0, description="Width of the slot")
    slot_length: float = Field(0.25, ge=0, description="Length of the slot from the lowest point of the disc")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)
        if "velocity_x" not in setting.primitives:
            yield ProblemFault("name", "slotted_disc", "brings its own velocity: write [physics] velocity_field = true")

    def _pivot(self) -> np.ndarray:
        return 0.5 * (self.setting.lower + self.setting.upper)

    def _velocity(self, x: np.ndarray) -> np.ndarray:
        omega, pivot = 2 * np.pi / self.period, self._pivot()
        return np.stack([-omega * (x[1] - pivot[1]), omega * (x[0] - pivot[0])])

    def initial(self, x: np.ndarray) -> State:
        return {"q": self._disc(x), "velocity": self._velocity(x)}

    def _disc(self, x: np.ndarray) -> np.ndarray:
        dx, dy = x[0] - self.center[0], x[1] - self.center[1]
        inside = dx * dx + dy * dy < self.radius**2
        slot = (np.abs(dx) < 0.5 * self.slot_width) & (dy < self.slot_length - self.radius)
        return (inside & ~slot).astype(float)

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        turns = t / self.period
        angle = -2 * np.pi * (turns - np.rint(turns))  # exactly 0 after each turn
        pivot = self._pivot()
        dx, dy = x[0] - pivot[0], x[1] - pivot[1]
        cos, sin = np.cos(angle), np.sin(angle)
        back = np.stack([pivot[0] + cos * dx - sin * dy, pivot[1] + sin * dx + cos * dy])
        return {"q": self._disc(back), "velocity": self._velocity(x)}

    def boundary(self, direction: int) -> BoundaryFunction | None:
        return lambda x, t, w: {"q": np.zeros(x.shape[1]), "velocity": self._velocity(x)}
