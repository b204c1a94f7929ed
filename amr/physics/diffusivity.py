"""What a variable diffuses by: a number, a power of the variable, or a user's function of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from amr.errors import PluginError
from amr.plugins import describe

# Gauss-Legendre points and weights on (0, 1) for the integral of a user's D(u).
_POINTS, _WEIGHTS = (each * 0.5 for each in np.polynomial.legendre.leggauss(16))
_POINTS = _POINTS + 0.5


class PowerLaw(BaseModel):
    """``D(u) = coefficient |u|^exponent``."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    coefficient: float = Field(1.0, ge=0, description="Of D(u) = coefficient |u|^exponent")
    exponent: float = Field(ge=0, description="Of D(u) = coefficient |u|^exponent")


DiffusivityValue = float | PowerLaw | str
"""As a case file gives it; a string names a plugin."""


class Diffusivity:
    """A constant diffusivity D, and the base of those that depend on the variable.

    The flux of u is ``-D(u) grad u = -grad P(u)`` with the potential ``P(u)``, the integral of D from 0 to u (Kirchhoff's
    transform): second-order fluxes of P are conservative, and a front runs into a region where D is zero.

    Attributes
    ----------
    coefficient : float
        D where it is constant.
    is_constant : bool
    """

    is_constant = True

    def __init__(self, coefficient: float = 0.0) -> None:
        self.coefficient = coefficient

    def potential(self, u: np.ndarray) -> np.ndarray:
        """P(u), of the shape of ``u``."""
        return self.coefficient * u

    def slope(self, u: np.ndarray) -> np.ndarray:
        """D(u) = dP/du, of the shape of ``u``."""
        return np.full_like(u, self.coefficient)


class PowerDiffusivity(Diffusivity):
    """``D(u) = c |u|^n``, ``P(u) = c u |u|^n / (n + 1)``."""

    is_constant = False

    def __init__(self, law: PowerLaw) -> None:
        super().__init__()
        self.law = law

    def potential(self, u: np.ndarray) -> np.ndarray:
        return u * self.slope(u) / (self.law.exponent + 1)

    def slope(self, u: np.ndarray) -> np.ndarray:
        return self.law.coefficient * np.abs(u) ** self.law.exponent


class PluginDiffusivity(Diffusivity):
    """A user's ``D(u)``: an array of values to an array of that shape or a number, at least 0.

    The potential is a Gauss sum of 16 points, exact for polynomials of degree 31.
    """

    is_constant = False

    def __init__(self, name: str, function: Callable[[np.ndarray], Any]) -> None:
        super().__init__()
        self.name, self.function = name, function

    def potential(self, u: np.ndarray) -> np.ndarray:
        total = np.zeros_like(u)
        for point, weight in zip(_POINTS, _WEIGHTS, strict=True):
            total += weight * self.slope(point * u)
        return u * total

    def slope(self, u: np.ndarray) -> np.ndarray:
        try:
            found = np.broadcast_to(np.asarray(self.function(u), dtype=np.float64), u.shape)
        except (Exception, SystemExit) as error:
            raise PluginError(f"diffusivity {self.name}: {describe(error)}") from error
        if not (np.isfinite(found).all() and (found >= 0).all()):
            raise PluginError(f"diffusivity {self.name}: gave a value that is negative or not finite")
        return np.array(found)


def make_diffusivity(value: DiffusivityValue, functions: dict[str, Callable[..., Any]]) -> Diffusivity:
    """The diffusivity that a case gives; plugins are looked up in ``functions``."""
    if isinstance(value, PowerLaw):
        return PowerDiffusivity(value)
    if isinstance(value, str):
        return PluginDiffusivity(value, functions[value])
    return Diffusivity(float(value))
