"""A Jeans wave: sound in a gas that attracts itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, symmetric_sum, vector_faults


class Jeans(Problem):
    """density * (1 + amplitude * delta); omega^2 = c^2 k^2 - 4 pi G density (J. H. Jeans, Phil. Trans. R. Soc. A 199 (1902) 1).

    standing: delta = cos(k x) cos(omega t), at rest at the start; where omega^2 < 0 the cosine is a cosh.
    travelling: delta = cos(k x - omega t); where omega^2 < 0 cos(k x) exp(gamma t), gamma^2 = -omega^2.
    The exact state is that of linear theory; what it leaves out is of the order of amplitude^2.
    """

    summary: ClassVar[str] = "A small wave in a gas with self-gravity: sound if it is short, collapse if it is long"
    requires: ClassVar[tuple[str, ...]] = ("euler",)

    kind: Literal["standing", "travelling"] = Field("standing", description="What the wave does")
    waves: list[int] | None = Field(None, description="Waves per domain length and axis; default 1 along x")
    amplitude: float = Field(1e-3, gt=0, lt=1, description="Of the density, relative")
    density: float = Field(1.0, gt=0, description="Mean density")
    pressure: float = Field(1.0, gt=0, description="Mean pressure")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("waves", self.waves, setting.dim)
        if self.waves is not None and not any(self.waves):
            yield ProblemFault("waves", self.waves, "needs a wave along one axis, at least")
        if setting.self_gravity == 0:
            yield ProblemFault("name", None, 'needs sources = [{ name = "self_gravity", G = ... }]')
        if not all(setting.periodic):
            yield ProblemFault("name", None, "needs a mesh that is periodic along all axes")

    @property
    def wave_vector(self) -> np.ndarray:
        """k (dim,)."""
        dim = self.setting.dim
        waves = [1] + [0] * (dim - 1) if self.waves is None else self.waves
        return 2 * np.pi * np.array(waves) / self.setting.length

    @property
    def omega_squared(self) -> float:
        """Square of the frequency; below 0 that of the growth rate with the other sign."""
        k = self.wave_vector
        sound = self.setting.params.gamma * self.pressure / self.density
        return float(sound * (k @ k) - 4 * np.pi * self.setting.self_gravity * self.density)

    def initial(self, x: np.ndarray) -> State:
        return self.exact(x, 0.0)

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        setting, k = self.setting, self.wave_vector
        phase = symmetric_sum(k[:, None] * (x - setting.lower[:, None]))
        delta, rate = self._contrast(phase, t)
        return {
            "density": self.density * (1 + self.amplitude * delta),
            "velocity": (k / (k @ k))[:, None] * (self.amplitude * rate),
            "pressure": self.pressure * (1 + self.amplitude * delta) ** setting.params.gamma,
        }

    def _contrast(self, phase: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """delta, and the integral of -d(delta)/dt over the phase, of which the velocity is made."""
        square = self.omega_squared
        omega = np.sqrt(abs(square))
        if self.kind == "travelling":
            if square > 0:
                return np.cos(phase - omega * t), omega * np.cos(phase - omega * t)
            return np.exp(omega * t) * np.cos(phase), -omega * np.exp(omega * t) * np.sin(phase)
        if square > 0:
            return np.cos(omega * t) * np.cos(phase), omega * np.sin(omega * t) * np.sin(phase)
        return np.cosh(omega * t) * np.cos(phase), -omega * np.sinh(omega * t) * np.sin(phase)
