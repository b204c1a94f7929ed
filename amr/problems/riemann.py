"""Two constant states with a plane jump between them, in any direction: Sod, 123, a planar dam break ..."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems import exact_riemann
from amr.problems.base import (
    Problem,
    ProblemFault,
    Setting,
    State,
    StateTable,
    components,
    full_state,
    state_faults,
    vector_faults,
)


class Riemann(Problem):
    """Riemann problem: ``left`` where normal . x < offset, ``right`` elsewhere.

    The exact solution (Toro 2009) holds until a wave meets the boundary; there is none across a periodic one.
    """

    summary: ClassVar[str] = (
        "Two constant states with a plane jump between them; exact for every physics with constant coefficients"
    )

    left: StateTable = Field(description="Primitive state on the side the normal points away from")
    right: StateTable = Field(description="Primitive state on the side the normal points to")
    normal: list[float] | None = Field(None, description="Direction across the jump, of any length; default the x axis")
    offset: float = Field(0.0, description="Distance of the jump from the origin along the unit normal")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from state_faults("left", self.left, setting)
        yield from state_faults("right", self.right, setting)
        yield from vector_faults("normal", self.normal, setting.dim)
        if self.normal is not None and not any(self.normal):
            yield ProblemFault("normal", self.normal, "must not be the zero vector")

    @property
    def _normal(self) -> np.ndarray:
        normal = np.eye(self.setting.dim)[0] if self.normal is None else np.array(self.normal, dtype=float)
        # Without the division by a rounded length an axis stays exactly an axis.
        return normal if np.count_nonzero(normal) == 1 and abs(normal).max() == 1 else normal / np.sqrt(normal @ normal)

    def _distance(self, x: np.ndarray) -> np.ndarray:
        normal = self._normal
        distance = np.zeros(x.shape[1])
        for axis in np.flatnonzero(normal):
            distance += normal[axis] * x[axis]
        return distance - self.offset

    def _sides(self) -> tuple[dict[str, float], dict[str, float]]:
        return full_state(self.left, self.setting), full_state(self.right, self.setting)

    def initial(self, x: np.ndarray) -> State:
        left, right = self._sides()
        is_left = self._distance(x) < 0
        return {name: np.where(is_left, left[name], right[name]) for name in left}

    def has_exact(self, t: float) -> bool:
        setting = self.setting
        if any(periodic and n != 0 for periodic, n in zip(setting.periodic, self._normal, strict=True)):
            return False  # another jump, at the boundary
        if setting.physics == "advection":
            return len(setting.primitives) == 1  # not with a velocity field
        return setting.physics in ("euler", "shallow_water", "acoustics", "burgers")

    def exact(self, x: np.ndarray, t: float) -> State:
        if t == 0:
            return self.initial(x)
        with np.errstate(over="ignore"):
            return getattr(self, f"_exact_{self.setting.physics}")(self._distance(x) / t)

    def _split(self, state: dict[str, float]) -> tuple[float, np.ndarray]:
        """Normal speed and tangential velocity vector (dim,)."""
        velocity = np.array([state[c] for c in components("velocity", self.setting.primitives)])
        speed = float(velocity @ self._normal)
        return speed, velocity - speed * self._normal

    def _join(self, speed: np.ndarray, is_left: np.ndarray) -> dict[str, np.ndarray]:
        """Velocity components from the normal speed and the tangential velocity of either side."""
        tangential = [self._split(side)[1] for side in self._sides()]
        names = components("velocity", self.setting.primitives)
        return {
            name: speed * self._normal[a] + np.where(is_left, tangential[0][a], tangential[1][a])
            for a, name in enumerate(names)
        }

    def _carried(self, names: list[str], is_left: np.ndarray) -> dict[str, np.ndarray]:
        left, right = self._sides()
        return {name: np.where(is_left, left[name], right[name]) for name in names}

    def _exact_euler(self, s: np.ndarray) -> State:
        left, right = [exact_riemann.GasState(w["density"], self._split(w)[0], w["pressure"]) for w in self._sides()]
        w, is_left = exact_riemann.gas(s, left, right, self.setting.params.gamma)
        scalars = [
            p for p in self.setting.primitives if p not in ("density", "pressure") and not p.startswith("velocity_")
        ]
        return {
            "density": w.density,
            "pressure": w.pressure,
            **self._join(np.asarray(w.velocity), is_left),
            **self._carried(scalars, is_left),
        }

    def _exact_shallow_water(self, s: np.ndarray) -> State:
        left, right = [exact_riemann.WaterState(w["depth"], self._split(w)[0]) for w in self._sides()]
        w, is_left = exact_riemann.water(s, left, right, self.setting.params.gravity)
        return {"depth": w.depth, **self._join(np.asarray(w.velocity), is_left)}

    def _exact_acoustics(self, s: np.ndarray) -> State:
        c = self.setting.params.sound_speed
        impedance = self.setting.params.density * c
        left, right = self._sides()
        speed_left, speed_right = self._split(left)[0], self._split(right)[0]
        p_star = 0.5 * (left["pressure"] + right["pressure"]) - 0.5 * impedance * (speed_right - speed_left)
        u_star = 0.5 * (speed_left + speed_right) - 0.5 / impedance * (right["pressure"] - left["pressure"])
        parts = [s < -c, s < c]
        pressure = np.select(parts, [left["pressure"], p_star], right["pressure"])
        return {"pressure": pressure, **self._join(np.select(parts, [speed_left, u_star], speed_right), s < 0)}

    def _exact_advection(self, s: np.ndarray) -> State:
        return self._carried(
            [self.setting.primitives[0]], s < float(np.asarray(self.setting.params.velocity) @ self._normal)
        )

    def _exact_burgers(self, s: np.ndarray) -> State:
        name = self.setting.primitives[0]
        left, right = self._sides()
        # u_t + sum_a (u^2/2)_a = 0: along a normal the flux is multiplied by the sum of its components.
        factor = float(self._normal.sum())
        if factor == 0:
            return self._carried([name], s < 0)
        return {name: exact_riemann.burgers(s, left[name] * factor, right[name] * factor) / factor}
