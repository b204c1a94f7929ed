"""Densities of Langevin dynamics: how it starts, and the equilibrium of Boltzmann that it ends in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from amr.physics.landscapes import Energy
from amr.problems.base import (
    BoundaryFunction,
    Problem,
    ProblemFault,
    Setting,
    State,
    displacement,
    filled,
    vector_faults,
)

_POINTS = 8  # of Gauss-Legendre, per axis of a panel
_MOST_PANELS = {1: 4096, 2: 256, 3: 24}  # per axis
_TOLERANCE = 1e-13
_CHUNK = 1 << 18


class Langevin(Problem):
    """All probability in a Gaussian (the default), spread evenly, or in equilibrium, exp(-E / T) / Z.

    The error of a run is that from the equilibrium, once ``steady_after`` has passed.
    """

    summary: ClassVar[str] = "Langevin dynamics that relaxes to the density of Boltzmann, its exact state at late times"
    requires: ClassVar[tuple[str, ...]] = ("fokker_planck",)

    start: Literal["gaussian", "uniform", "equilibrium"] = Field("gaussian", description="Density at the start")
    center: list[float] | None = Field(None, description="Of the Gaussian, one number per axis")
    width: float = Field(0.1, gt=0, description="Standard deviation of the Gaussian")
    steady_after: float | None = Field(
        None,
        ge=0,
        description="Time after which the exact state is the equilibrium; default: at the start if it starts there",
    )

    _partition: tuple[float, float] | None = PrivateAttr(default=None)

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        if self.start == "gaussian" and self.center is None:
            yield ProblemFault("center", None, "missing key: where the Gaussian is")
        yield from vector_faults("center", self.center, setting.dim)

    def initial(self, x: np.ndarray) -> State:
        setting = self.setting
        if self.start == "uniform":
            return {"density": filled(1.0 / float(np.prod(setting.length)), x)}
        if self.start == "equilibrium":
            return self._equilibrium(x)
        assert self.center is not None
        square = (displacement(x, self.center, setting) ** 2).sum(axis=0)
        norm = (2 * np.pi * self.width**2) ** (0.5 * setting.dim)
        return {"density": np.exp(-0.5 * square / self.width**2) / norm}

    def has_exact(self, t: float) -> bool:
        return self.start == "equilibrium" or (self.steady_after is not None and t >= self.steady_after)

    def exact(self, x: np.ndarray, t: float) -> State:
        return self._equilibrium(x) if self.has_exact(t) else super().exact(x, t)

    def boundary(self, direction: int) -> BoundaryFunction | None:
        return None

    def _equilibrium(self, x: np.ndarray) -> dict[str, Any]:
        setting = self.setting
        assert setting.energy is not None
        temperature = setting.params.temperature
        if self._partition is None:
            self._partition = partition_sum(setting.energy, temperature, setting.lower, setting.upper)
        least, partition = self._partition
        return {"density": np.exp((least - setting.energy(x)) / temperature) / partition}


def partition_sum(energy: Energy, temperature: float, lower: np.ndarray, upper: np.ndarray) -> tuple[float, float]:
    """An energy E0 near the least one, and the integral of exp((E0 - E) / T) over the box.

    By Gauss-Legendre on panels that are halved until the integral stays the same to 1e-13 or there are enough of them.
    """
    least, total, n = np.inf, np.nan, 4
    while n <= _MOST_PANELS[len(lower)]:
        last_least, last = least, total
        least, total = _integral(energy, temperature, lower, upper, n)
        if abs(total - last * np.exp((least - last_least) / temperature)) <= _TOLERANCE * total:
            break
        n *= 2
    return least, total


def _integral(energy: Energy, temperature: float, lower: np.ndarray, upper: np.ndarray, n: int) -> tuple[float, float]:
    node, weight = np.polynomial.legendre.leggauss(_POINTS)
    at = ((np.arange(n)[:, None] + 0.5 + 0.5 * node) / n).ravel()
    mass = np.tile(0.5 * weight / n, n)
    dim, m = len(lower), len(at)
    least, total = np.inf, 0.0
    for first in range(0, m**dim, _CHUNK):
        index = np.unravel_index(np.arange(first, min(first + _CHUNK, m**dim)), (m,) * dim)
        x = np.stack([lower[a] + (upper[a] - lower[a]) * at[index[a]] for a in range(dim)])
        e = energy(x)
        lowest = min(least, float(e.min()))
        part = float((np.exp((lowest - e) / temperature) * np.prod([mass[i] for i in index], axis=0)).sum())
        total = part + (total * float(np.exp((lowest - least) / temperature)) if total else 0.0)
        least = lowest
    return least, total * float(np.prod(upper - lower))
