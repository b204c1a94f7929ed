"""A point explosion and its self-similar solution.

L. I. Sedov, Similarity and Dimensional Methods in Mechanics, 1959; L. D. Landau, E. M. Lifshitz, Fluid Mechanics, section 106;
J. R. Kamm, F. X. Timmes, LA-UR-07-2849, 2007 (numbers to compare with).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from amr.problems.base import (
    BoundaryFunction,
    Problem,
    ProblemFault,
    Setting,
    State,
    displacement,
    filled,
    radius,
    vector_faults,
)

SURFACE = {1: 2.0, 2: 2 * np.pi, 3: 4 * np.pi}


class Similarity(NamedTuple):
    """The solution behind the shock: arrays over ``xi`` = r / shock radius, rising from 0 to 1, and the energy constant.

    ``density`` in units of the density ahead, ``velocity`` in units of the shock speed, ``pressure`` in units of density ahead
    times the square of the shock speed; shock radius = (energy t^2 / (alpha density))^(1 / (dim + 2)).
    """

    xi: np.ndarray
    density: np.ndarray
    velocity: np.ndarray
    pressure: np.ndarray
    alpha: float


@lru_cache(maxsize=8)
def similarity(dim: int, gamma: float) -> Similarity:
    """Integrate the similarity equations from the shock inwards.

    With delta = 2 / (dim + 2), v = delta (r/t) V, c^2 = delta^2 (r/t)^2 Z and density = G the energy integral gives
    Z = gamma (gamma - 1) (1 - V) V^2 / (2 (gamma V - 1)); mass and entropy give d ln xi / dV and d ln G / dV as functions of V,
    which falls from 2 / (gamma + 1) at the shock to 1 / gamma at the centre. s = ln(gamma V - 1) resolves that end.
    """
    j = dim
    s_shock = np.log((gamma - 1) / (gamma + 1))
    s = np.linspace(s_shock - 80.0, s_shock, 40001)
    excess = np.exp(s)  # gamma V - 1
    v = (1 + excess) / gamma
    dv = excess / gamma  # dV/ds
    dlog_z = (-1 / (1 - v) + 2 / v) * dv - 1.0  # d ln Z / ds
    dlog_xi = (dlog_z * (1 - v) - (gamma - 1) * dv) / ((2 + j * (gamma - 1)) * v - (j + 2))
    dlog_g = (dv + j * v * dlog_xi) / (1 - v)
    log_xi, log_g = (_integral_from_end(f, s) for f in (dlog_xi, dlog_g))
    xi, g = np.exp(log_xi), (gamma + 1) / (gamma - 1) * np.exp(log_g)
    z = gamma * (gamma - 1) * (1 - v) * v * v / (2 * excess)
    delta = 2 / (j + 2)
    integrand = xi ** (j + 2) * g * (0.5 * v * v + z / (gamma * (gamma - 1))) * dlog_xi
    alpha = SURFACE[j] * delta**2 * float(-_integral_from_end(integrand, s)[0])
    # What is tabulated is thinned to steps of 1/4096 in xi: interpolation in a small table is fast.
    keep = np.unique(np.searchsorted(xi, np.linspace(xi[0], 1.0, 4097)).clip(max=len(xi) - 1))
    xi, g, v, z = xi[keep], g[keep], v[keep], z[keep]
    return Similarity(xi, g, xi * v, g * xi * xi * z / gamma, alpha)


def _integral_from_end(f: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Integral of f from the last s to each s (fourth order: trapezoids with a correction by differences)."""
    h = s[1] - s[0]
    panels = 0.5 * h * (f[1:] + f[:-1]) - h / 12 * np.diff(np.gradient(f, edge_order=2))
    return np.concatenate([-np.cumsum(panels[::-1])[::-1], [0.0]])


class Sedov(Problem):
    """Energy released in a small Gaussian ball of a cold gas at rest; the exact state is that of a point.

    ``energy`` is per length in 2D (a line) and per area in 1D (a plane).
    """

    summary: ClassVar[str] = "Point explosion with its exact shock radius and profile (Sedov 1959)"
    requires: ClassVar[tuple[str, ...]] = ("euler",)

    energy: float = Field(1.0, gt=0, description="Released at the start")
    width: float = Field(
        0.02, gt=0, description="Energy density falls as exp(-r^2 / width^2); take 2 finest cells or more"
    )
    density: float = Field(1.0, gt=0, description="Everywhere")
    pressure: float = Field(1e-5, gt=0, description="Of the cold gas")
    center: list[float] | None = Field(None, description="Default the centre of the domain")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)
        # Above this gamma the similarity solution is of another kind (a hollow core).
        limit = {1: np.inf, 2: np.inf, 3: 7.0}[setting.dim]
        if setting.params.gamma >= limit:
            yield ProblemFault("name", "sedov", f"its solution needs physics.gamma < {limit:g} in {setting.dim}D")

    def shock_radius(self, t: float) -> float:
        """Exact radius of the shock at time t."""
        dim = self.setting.dim
        alpha = similarity(dim, self.setting.params.gamma).alpha
        return float((self.energy * t * t / (alpha * self.density)) ** (1 / (dim + 2)))

    def _offset(self, x: np.ndarray) -> np.ndarray:
        setting = self.setting
        return displacement(x, 0.5 * (setting.lower + setting.upper) if self.center is None else self.center, setting)

    def initial(self, x: np.ndarray) -> State:
        dim, gamma = self.setting.dim, self.setting.params.gamma
        r = radius(self._offset(x))
        ball = self.energy / (np.sqrt(np.pi) * self.width) ** dim * np.exp(-((r / self.width) ** 2))
        pressure = self.pressure + (gamma - 1) * ball
        return {"density": filled(self.density, x), "velocity": np.zeros_like(x), "pressure": pressure}

    def has_exact(self, t: float) -> bool:
        return t > 0

    def exact(self, x: np.ndarray, t: float) -> State:
        if t <= 0:
            return super().exact(x, t)
        d = self._offset(x)
        r, shock = radius(d), self.shock_radius(t)
        speed = 2 / (self.setting.dim + 2) * shock / t
        profile = similarity(self.setting.dim, self.setting.params.gamma)
        inside = r < shock
        density, pressure, velocity = filled(self.density, x), filled(self.pressure, x), np.zeros_like(r)
        xi = r[inside] / shock
        # The centre of a point explosion is empty: a floor keeps the state a state.
        density[inside] = self.density * np.maximum(np.interp(xi, profile.xi, profile.density), 1e-12)
        core = self.density * speed**2 * np.interp(xi, profile.xi, profile.pressure)
        pressure[inside] = np.maximum(core, self.pressure)
        velocity[inside] = speed * np.interp(xi, profile.xi, profile.velocity)
        outward = velocity / np.maximum(r, np.finfo(float).tiny)
        return {"density": density, "velocity": d * outward, "pressure": pressure}

    def boundary(self, direction: int) -> BoundaryFunction | None:
        return None
