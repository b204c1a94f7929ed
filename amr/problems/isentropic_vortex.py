"""A vortex that the flow carries along unchanged.

C.-W. Shu, in: Advanced Numerical Approximation of Nonlinear Hyperbolic Equations, Springer 1998, p. 325; in the form of
S. C. Spiegel et al., AIAA 2015-2444, who show that the domain must be large: the vortex decays as exp(-r^2), and one vortex, its
nearest periodic image, is taken for the infinite sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, displacement, vector_faults


class IsentropicVortex(Problem):
    """Perturbation of a uniform flow with density 1 and pressure 1 by a vortex in the x-y plane; exact at all times."""

    summary: ClassVar[str] = "A vortex carried along unchanged; exact at all times"
    requires: ClassVar[tuple[str, ...]] = ("euler",)
    dims: ClassVar[tuple[int, ...]] = (2, 3)

    strength: float = Field(5.0, gt=0, description="Circulation parameter beta")
    radius: float = Field(1.0, gt=0, description="Length scale; keep 5 of them to the nearest boundary")
    center: list[float] | None = Field(
        None, description="Centre of the vortex at the start; default the centre of the domain"
    )
    velocity: list[float] | None = Field(
        None, description="Of the uniform flow; default 1 along every axis of the plane"
    )

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)
        yield from vector_faults("velocity", self.velocity, setting.dim)
        gamma = setting.params.gamma
        if 1 - (gamma - 1) * self.strength**2 * np.e / (8 * gamma * np.pi**2) <= 0:
            yield ProblemFault("strength", self.strength, f"leaves no temperature in the core with gamma = {gamma:g}")

    def _flow(self) -> np.ndarray:
        dim = self.setting.dim
        return np.array(([1.0, 1.0, 0.0][:dim]) if self.velocity is None else self.velocity, dtype=float)

    def initial(self, x: np.ndarray) -> State:
        return self.exact(x, 0.0)

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        setting, gamma, flow = self.setting, self.setting.params.gamma, self._flow()
        start = 0.5 * (setting.lower + setting.upper) if self.center is None else np.array(self.center, dtype=float)
        d = displacement(x, start + flow * t, setting)[:2] / self.radius
        r2 = d[0] * d[0] + d[1] * d[1]
        swirl = self.strength / (2 * np.pi) * np.exp(0.5 * (1 - r2))
        velocity = np.repeat(flow[:, None], x.shape[1], axis=1)
        velocity[0] -= swirl * d[1]
        velocity[1] += swirl * d[0]
        temperature = 1 - (gamma - 1) / (2 * gamma) * swirl**2
        density = temperature ** (1 / (gamma - 1))
        return {"density": density, "velocity": velocity, "pressure": density * temperature}
