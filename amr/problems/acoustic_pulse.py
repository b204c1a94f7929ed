"""A Gaussian pulse of pressure at rest: two waves in 1D (d'Alembert), rings in 2D, shells in 3D."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, at_rest, displacement, radius, vector_faults


class AcousticPulse(Problem):
    """Pressure amplitude * exp(-r^2 / width^2), velocity 0; exact in 1D and 3D until the pulse meets a boundary."""

    summary: ClassVar[str] = "A Gaussian pulse of pressure at rest; exact in 1D and 3D"
    requires: ClassVar[tuple[str, ...]] = ("acoustics",)

    amplitude: float = Field(1.0, description="Of the pressure")
    width: float = Field(0.1, gt=0, description="Where the pulse has fallen to 1/e")
    center: list[float] | None = Field(None, description="Default the centre of the domain")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)

    def _offset(self, x: np.ndarray) -> np.ndarray:
        setting = self.setting
        return displacement(x, 0.5 * (setting.lower + setting.upper) if self.center is None else self.center, setting)

    def _pulse(self, s: np.ndarray) -> np.ndarray:
        return self.amplitude * np.exp(-((s / self.width) ** 2))

    def initial(self, x: np.ndarray) -> State:
        return {"pressure": self._pulse(radius(self._offset(x))), "velocity": at_rest(x)}

    def has_exact(self, t: float) -> bool:
        return self.setting.dim != 2

    def exact(self, x: np.ndarray, t: float) -> State:
        if self.setting.dim == 2:
            return super().exact(x, t)
        ct = self.setting.params.sound_speed * t
        impedance = self.setting.params.density * self.setting.params.sound_speed
        d = self._offset(x)
        if self.setting.dim == 1:
            right, left = self._pulse(d[0] - ct), self._pulse(d[0] + ct)
            return {"pressure": 0.5 * (right + left), "velocity": 0.5 / impedance * (right - left)[None]}
        # Spherical: r p obeys the wave equation in r; the velocity is the gradient of the potential
        # phi = (G(r - ct) - G(r + ct)) / (2 r impedance) with G' = s pulse(s), so that p = -density dphi/dt.
        r = np.maximum(radius(d), 1e-6 * self.width)
        out, inn = r - ct, r + ct
        f_out, f_in = out * self._pulse(out), inn * self._pulse(inn)
        g_difference = -0.5 * self.width**2 * (self._pulse(out) - self._pulse(inn))
        speed = ((f_out - f_in) / r - g_difference / r**2) / (2 * impedance)
        return {"pressure": (f_out + f_in) / (2 * r), "velocity": d / r * speed}
