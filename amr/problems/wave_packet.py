"""Waves under a Gaussian envelope, carried along; exact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, displacement, symmetric_sum, vector_faults


class WavePacket(Problem):
    """amplitude * exp(-r^2 / (2 width^2)) * sin(2 pi sum of waves[a] d_a / length_a) + background.

    d and r are measured from the centre; the background is ``background`` * product of cos(2 pi d_a / length_a). With more waves
    than half the cells of a mesh it is what that mesh cannot carry.
    """

    summary: ClassVar[str] = "Waves under a Gaussian envelope, carried along; exact"
    requires: ClassVar[tuple[str, ...]] = ("advection",)

    waves: list[int] = Field(default_factory=list, description="Waves per domain length and axis; default 8 along x")
    amplitude: float = Field(1.0, description="Of the waves")
    background: float = Field(
        0.0, description="Amplitude of a smooth wave, one period along every axis, carried with the packet"
    )
    width: float = Field(0.1, gt=0, description="Standard deviation of the envelope")
    center: list[float] | None = Field(None, description="Default the centre of the domain")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("waves", self.waves or None, setting.dim)
        yield from vector_faults("center", self.center, setting.dim)
        if setting.params.velocity is None:
            yield ProblemFault("name", "wave_packet", "needs a constant [physics] velocity")

    def initial(self, x: np.ndarray) -> State:
        return self.exact(x, 0.0)

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        setting = self.setting
        center = 0.5 * (setting.lower + setting.upper) if self.center is None else np.array(self.center)
        d = displacement(x, center + t * np.array(setting.params.velocity), setting)
        waves = np.array(self.waves or [8] + [0] * (setting.dim - 1)) / setting.length
        phase = 2 * np.pi * symmetric_sum(waves[:, None] * d)
        envelope = np.exp(-0.5 * symmetric_sum(d * d) / self.width**2)
        smooth = np.prod(np.sort(np.cos(2 * np.pi * d / setting.length[:, None]), axis=0), axis=0)
        return {"q": self.amplitude * envelope * np.sin(phase) + self.background * smooth}
