"""An entropy wave: density swings, velocity and pressure are constant, everything is carried along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, filled, symmetric_sum, vector_faults


class EulerWave(Problem):
    """density * (1 + amplitude * sin(2 pi sum of waves[a] (x_a - lower_a - velocity_a t) / length_a))."""

    summary: ClassVar[str] = "A smooth entropy wave in any direction; exact at all times"
    requires: ClassVar[tuple[str, ...]] = ("euler",)

    waves: list[int] | None = Field(None, description="Waves per domain length and axis; default 1 along every axis")
    amplitude: float = Field(0.2, gt=-1, lt=1, description="Relative, of the density")
    density: float = Field(1.0, gt=0, description="Mean density")
    velocity: list[float] | None = Field(None, description="Default 1 along every axis")
    pressure: float = Field(1.0, gt=0, description="Everywhere")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("waves", self.waves, setting.dim)
        yield from vector_faults("velocity", self.velocity, setting.dim)

    def initial(self, x: np.ndarray) -> State:
        return self.exact(x, 0.0)

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        setting, dim = self.setting, self.setting.dim
        k = 2 * np.pi * np.array([1] * dim if self.waves is None else self.waves) / setting.length
        velocity = np.array([1.0] * dim if self.velocity is None else self.velocity, dtype=float)
        terms = k[:, None] * (x - (setting.lower + velocity * t)[:, None])
        phase = symmetric_sum(terms)
        return {
            "density": self.density * (1 + self.amplitude * np.sin(phase)),
            "velocity": np.repeat(velocity[:, None], x.shape[1], axis=1),
            "pressure": filled(self.pressure, x),
        }
