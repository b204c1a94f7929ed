"""Smooth periodic waves in any direction with exact states, for orders of convergence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, filled, symmetric_sum, vector_faults


class Sine(Problem):
    """mean + amplitude * sin(phase), phase = 2 pi sum of waves[a] (x_a - lower_a) / length_a.

    Advection with a constant velocity: carried along. Burgers: steepens, exact before the shock. Acoustics: a plane wave that
    runs along the wave vector (the amplitude is that of the pressure). With a constant diffusivity D it decays as
    exp(-D |k|^2 t).
    """

    summary: ClassVar[str] = "A smooth sine wave in any direction; exact (Burgers: before the shock)"
    requires: ClassVar[tuple[str, ...]] = (
        "advection",
        "burgers",
        "acoustics",
        "diffusion",
        "advection_diffusion",
    )

    waves: list[int] | None = Field(None, description="Waves per domain length and axis; default 1 along every axis")
    amplitude: float = Field(1.0, description="Of the wave")
    mean: float = Field(0.0, description="Value it swings about")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("waves", self.waves, setting.dim)
        if self.waves is not None and not any(self.waves):
            yield ProblemFault("waves", self.waves, "must not be zero on every axis")
        if setting.physics in ("advection", "advection_diffusion") and setting.params.velocity is None:
            yield ProblemFault("name", "sine", "needs a constant [physics] velocity")

    def _vector(self) -> np.ndarray:
        setting = self.setting
        return 2 * np.pi * np.array([1] * setting.dim if self.waves is None else self.waves) / setting.length

    def _phase(self, x: np.ndarray) -> np.ndarray:
        terms = self._vector()[:, None] * (x - self.setting.lower[:, None])
        return symmetric_sum(terms)

    def _wave(self, phase: np.ndarray) -> np.ndarray:
        return self.mean + self.amplitude * np.sin(phase)

    @property
    def shock_time(self) -> float:
        """When Burgers' wave breaks."""
        steepness = abs(self.amplitude * float(self._vector().sum()))
        return 1 / steepness if steepness > 0 else np.inf

    def initial(self, x: np.ndarray) -> State:
        return self.exact(x, 0.0)

    def has_exact(self, t: float) -> bool:
        if self.setting.physics in ("diffusion", "advection_diffusion"):
            return isinstance(self.setting.params.diffusivity, float)
        return self.setting.physics != "burgers" or t < self.shock_time

    def exact(self, x: np.ndarray, t: float) -> State:
        setting, k, phase = self.setting, self._vector(), self._phase(x)
        if setting.physics == "advection":
            return {"q": self._wave(phase - float(k @ np.array(setting.params.velocity)) * t)}
        if setting.physics in ("diffusion", "advection_diffusion"):
            velocity = np.array(getattr(setting.params, "velocity", [0.0] * setting.dim))
            decay = np.exp(-float(setting.params.diffusivity) * float(k @ k) * t) if t else 1.0
            return {"q": self.mean + decay * self.amplitude * np.sin(phase - float(k @ velocity) * t)}
        if setting.physics == "acoustics":
            length, c = float(np.sqrt(np.sort(k * k).sum())), setting.params.sound_speed
            wave = self.amplitude * np.sin(phase - c * length * t)
            velocity = (k / length)[:, None] * wave / (setting.params.density * c)
            return {"pressure": self.mean + wave, "velocity": velocity}
        return {"q": self._burgers(phase, float(k.sum()) * t)}

    def _burgers(self, phase: np.ndarray, shift: float) -> np.ndarray:
        """Root of q = wave(phase - q * shift): Newton, with bisection where it leaves the bracket."""
        if shift == 0 or self.amplitude == 0:
            return self._wave(phase)
        low, high = (
            filled(self.mean - abs(self.amplitude), phase[None]),
            filled(self.mean + abs(self.amplitude), phase[None]),
        )
        q = self._wave(phase)
        for _ in range(80):
            value = q - self._wave(phase - q * shift)
            slope = 1 + shift * self.amplitude * np.cos(phase - q * shift)
            # Before the shock value grows with q, so that its sign tells the side of the root.
            low, high = np.where(value <= 0, q, low), np.where(value >= 0, q, high)
            new = q - value / slope
            new = np.where((new >= low) & (new <= high), new, 0.5 * (low + high))
            if np.all(np.abs(new - q) <= 4e-16 * (np.abs(self.mean) + np.abs(self.amplitude))):
                return new
            q = new
        return q
