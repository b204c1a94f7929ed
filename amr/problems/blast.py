"""A ball of high pressure in a gas at rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.euler import GASES
from amr.problems.base import Problem, ProblemFault, Setting, State, at_rest, displacement, radius, vector_faults


class Blast(Problem):
    """Pressure ``pressure_inside`` within ``radius`` of ``center``, ``pressure_outside`` elsewhere."""

    summary: ClassVar[str] = "A ball of high pressure in a gas at rest"
    requires: ClassVar[tuple[str, ...]] = GASES

    radius: float = Field(0.1, gt=0, description="Of the ball")
    pressure_inside: float = Field(10.0, gt=0, description="In the ball")
    pressure_outside: float = Field(0.1, gt=0, description="Around it")
    density_inside: float = Field(1.0, gt=0, description="In the ball")
    density_outside: float = Field(1.0, gt=0, description="Around it")
    center: list[float] | None = Field(None, description="Default the centre of the domain")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)

    def initial(self, x: np.ndarray) -> State:
        setting = self.setting
        center = 0.5 * (setting.lower + setting.upper) if self.center is None else self.center
        inside = radius(displacement(x, center, setting)) < self.radius
        return {
            "density": np.where(inside, self.density_inside, self.density_outside),
            "velocity": at_rest(x),
            "pressure": np.where(inside, self.pressure_inside, self.pressure_outside),
        }
