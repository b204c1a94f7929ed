"""Energy landscapes of Langevin dynamics: the table of ``physics.landscape``. A plugin is a function ``E(x)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from amr.errors import CaseError, PluginError
from amr.plugins import describe

Energy = Callable[[np.ndarray], np.ndarray]
"""``E(x)`` of points x (dim, m): (m,)."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Landscape(_Table):
    """Base of the landscapes: the fields are the keys of ``physics.landscape`` beside ``name``."""

    dims: ClassVar[tuple[int, ...]] = (1, 2, 3)

    def fault(self, dim: int) -> str:
        """What does not fit ``dim`` dimensions, or nothing."""
        return ""

    def energy(self, x: np.ndarray) -> np.ndarray:
        """Energy (m,) at points x (dim, m)."""
        raise TypeError(f"{type(self).__name__} defines no energy")


class DoubleWell(Landscape):
    """``barrier ((x / half_width)^2 - 1)^2`` along x, ``stiffness / 2`` times the square of the distance from the x axis."""

    barrier: float = Field(
        1.0, gt=0, description="Energy of the saddle at 0 above the wells at x = -half_width and half_width"
    )
    half_width: float = Field(1.0, gt=0, description="Distance of the wells from 0")
    stiffness: float = Field(1.0, gt=0, description="Of the walls across x")

    def energy(self, x: np.ndarray) -> np.ndarray:
        along = (x[0] / self.half_width) ** 2 - 1.0
        return self.barrier * along * along + 0.5 * self.stiffness * (x[1:] ** 2).sum(axis=0)


class MullerBrown(Landscape):
    """The three-well surface of Muller & Brown (Theor. Chim. Acta 53, 1979), times ``scale``."""

    dims: ClassVar[tuple[int, ...]] = (2,)

    scale: float = Field(
        1.0, gt=0, description="Factor of the published energies, whose wells are -147, -108 and -81 deep"
    )

    def energy(self, x: np.ndarray) -> np.ndarray:
        total = np.zeros(x.shape[1])
        for height, a, b, c, x0, y0 in (
            (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
            (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
            (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
            (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
        ):
            dx, dy = x[0] - x0, x[1] - y0
            total += height * np.exp(a * dx * dx + b * dx * dy + c * dy * dy)
        return self.scale * total


class Well(_Table):
    """A Gaussian well."""

    center: list[float] = Field(description="Its place")
    depth: float = Field(gt=0, description="Energy at its centre below that without it")
    width: float = Field(gt=0, description="Standard deviation of the Gaussian")


class Wells(Landscape):
    """Gaussian wells in a bowl ``stiffness / 2`` times the square of the distance from ``center``."""

    wells: list[Well] = Field(min_length=1, description="Tables { center = [..], depth = .., width = .. }")
    stiffness: float = Field(0.0, ge=0, description="Of the bowl around the wells")
    center: list[float] | None = Field(None, description="Of the bowl; default the origin")

    def fault(self, dim: int) -> str:
        for i, point in enumerate([each.center for each in self.wells]):
            if len(point) != dim:
                return f"wells[{i}].center has {len(point)} components in {dim}D"
        return (
            ""
            if self.center is None or len(self.center) == dim
            else f"center has {len(self.center)} components in {dim}D"
        )

    def energy(self, x: np.ndarray) -> np.ndarray:
        middle = np.zeros(len(x)) if self.center is None else np.asarray(self.center)
        total = 0.5 * self.stiffness * ((x - middle[:, None]) ** 2).sum(axis=0)
        for each in self.wells:
            square = ((x - np.asarray(each.center)[:, None]) ** 2).sum(axis=0)
            total = total - each.depth * np.exp(-0.5 * square / each.width**2)
        return total


LANDSCAPES: dict[str, type[Landscape]] = {"double_well": DoubleWell, "muller_brown": MullerBrown, "wells": Wells}
"""Name in the case file -> its model."""


def checked_energy(function: Callable[[np.ndarray], Any], name: str) -> Energy:
    """A user's function as an `Energy`: one that raises PluginError where it fails or returns what it must not."""

    def energy(x: np.ndarray) -> np.ndarray:
        try:
            given = np.asarray(function(x), dtype=np.float64)
            values = np.array(np.broadcast_to(given, x.shape[1:]))
        except (Exception, SystemExit) as error:
            raise PluginError(f"landscape {name}: {describe(error)}") from error
        if not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(values)))
            raise PluginError(f"landscape {name}: gave {values[at]} at x = ({', '.join(f'{c:.6g}' for c in x[:, at])})")
        return values

    return energy


def create_landscape(table: Landscape, dim: int) -> Energy:
    """The energy of a landscape in ``dim`` dimensions.

    Raises
    ------
    CaseError
        It is not offered there.
    """
    if dim not in table.dims:
        raise CaseError(f"is offered in {' and '.join(f'{d}D' for d in table.dims)}, not in {dim}D")
    if fault := table.fault(dim):
        raise CaseError(fault)
    return table.energy
