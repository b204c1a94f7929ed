"""A dam breaks: a plane one with its exact solution, or a round one.

The plane one: J. J. Stoker, Water Waves, 1957; E. F. Toro, Shock-Capturing Methods for Free-Surface Shallow Flows, 2001.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems import exact_riemann
from amr.problems.base import Problem, ProblemFault, Setting, State, at_rest, displacement, radius, vector_faults


class DamBreak(Problem):
    """Water at rest, ``depth_inside`` behind the dam and ``depth_outside`` before it.

    Without a radius the dam stands at x = ``position`` with the deep water left of it; with one it is a circle.
    """

    summary: ClassVar[str] = "A plane (exact) or round dam breaks"
    requires: ClassVar[tuple[str, ...]] = ("shallow_water",)

    depth_inside: float = Field(2.0, gt=0, description="Behind the dam")
    depth_outside: float = Field(1.0, gt=0, description="Before the dam")
    position: float = Field(0.0, description="Of a plane dam, along x")
    radius: float | None = Field(None, gt=0, description="Of a round dam")
    center: list[float] | None = Field(None, description="Of a round dam; default the centre of the domain")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)
        if self.center is not None and self.radius is None:
            yield ProblemFault("center", self.center, "belongs to a round dam: give a radius too")

    def initial(self, x: np.ndarray) -> State:
        if self.radius is None:
            behind = x[0] < self.position
        else:
            setting = self.setting
            center = 0.5 * (setting.lower + setting.upper) if self.center is None else self.center
            behind = radius(displacement(x, center, setting)) < self.radius
        return {"depth": np.where(behind, self.depth_inside, self.depth_outside), "velocity": at_rest(x)}

    def has_exact(self, t: float) -> bool:
        return self.radius is None and not self.setting.periodic[0]

    def exact(self, x: np.ndarray, t: float) -> State:
        if self.radius is not None:
            return super().exact(x, t)
        if t == 0:
            return self.initial(x)
        left, right = (exact_riemann.WaterState(depth, 0.0) for depth in (self.depth_inside, self.depth_outside))
        w, _ = exact_riemann.water((x[0] - self.position) / t, left, right, self.setting.params.gravity)
        velocity = np.zeros_like(x)
        velocity[0] = w.velocity
        return {"depth": w.depth, "velocity": velocity}
