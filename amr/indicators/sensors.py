"""The physics' own indicators: vorticity, shock sensor, pressure jump, gradient of a scalar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels import cells as _c
from amr.errors import CaseError
from amr.indicators.base import Thresholds, VariableParameters
from amr.indicators.cells import CellIndicator
from amr.physics.euler import GASES

if TYPE_CHECKING:
    from amr._kernels.ghosts import GhostPlan
    from amr.indicators.fields import Fields
    from amr.physics.base import Physics

#: The primitive variable that acts as a pressure and is positive, by equation set.
PRESSURES = {**dict.fromkeys(GASES, "pressure"), "shallow_water": "depth"}


class Sensor(CellIndicator):
    """Base: one kernel of csrc/cells.c over all blocks for each of `jobs`."""

    def jobs(self, fields: Fields) -> list[dict[str, Any]]:
        """What `amr._kernels.cells.sense` takes, but for the weights; values are folded."""
        raise TypeError(f"{type(self).__name__} must name its kernel")

    def fill(
        self,
        fields: Fields,
        u: np.ndarray,
        blocks: np.ndarray,
        plan: GhostPlan | None,
        weight: np.ndarray,
        out: np.ndarray,
    ) -> None:
        """See `CellIndicator.fill`."""
        for number, job in enumerate(self.jobs(fields)):
            target = out if number == 0 else np.empty_like(out)
            _c.sense(self.physics.spec, fields.layout, u, blocks, {**job, "weight": weight}, target, plan)
            if number:
                out[blocks] = np.maximum(out[blocks], target[blocks])


def velocity_of(physics: Physics) -> tuple[int, ...]:
    """Indices of the velocity among the primitive variables; CaseError if the equation set has none that evolves."""
    found = physics.vectors.get("velocity", ())
    if not found or set(found) & set(physics.static):
        raise CaseError(f"name: needs a velocity that evolves, which {physics.name} does not have")
    return found


def pressure_of(physics: Physics) -> int:
    """Index of the pressure among the primitive variables; CaseError if the equation set has none that is positive."""
    if physics.name not in PRESSURES:
        offered = " or ".join(PRESSURES)
        raise CaseError(f"name: needs a pressure that is positive: physics {offered}, not {physics.name}")
    return physics.primitives.index(PRESSURES[physics.name])


class VorticityParameters(Thresholds):
    """Thresholds as fractions of the velocity's range."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 0.05, 0.02


class Vorticity(Sensor):
    """``|curl v| h / S``: the change of the velocity across a cell that rotation makes, S its range, h the cell's
    shortest side.

    From central differences. Halves from level to level in smooth flow and stays at a shear layer. Blind to shocks,
    sound and contacts at rest, and to a shear wave of two cells.
    """

    name = "vorticity"
    Parameters = VorticityParameters

    def pick(self) -> tuple[int, ...]:
        """See `FamilyIndicator.pick`."""
        if self.physics.dim == 1:
            raise CaseError("name: there is no vorticity in 1D")
        return velocity_of(self.physics)

    def jobs(self, fields: Fields) -> list[dict[str, Any]]:
        """See `Sensor.jobs`."""
        return [{"id": _c.VORTICITY, "velocity": self.variables[0], "scale": fields.scales[self.variables[0]].scale}]


class ShockSensorParameters(Thresholds):
    """Thresholds between 0 and 1."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 0.02, 0.004


class ShockSensor(Sensor):
    """``max over axes of |p[+1] - 2 p + p[-1]| / (p[+1] + 2 p + p[-1])``, where the flow is compressed, times the
    share of compression.

    The share is (div v)^2 / ((div v)^2 + (curl v)^2), 0 where div v >= 0. A quarter from level to level in smooth
    flow, stays at a shock; relative to the *local* pressure, so that a strong shock does not hide a weak one. Blind
    to contacts, shear, rarefactions, and to a velocity of two cells, whose central difference is 0. For shallow water
    p is the depth.

    References
    ---------- A. Jameson, W. Schmidt, E. Turkel, AIAA paper 81-1259 (1981), doi:10.2514/6.1981-1259 (pressure); F.
    Ducros et al., J. Comput. Phys. 152 (1999) 517, doi:10.1006/jcph.1999.6238 (compression).
    """

    name = "shock_sensor"
    Parameters = ShockSensorParameters

    def pick(self) -> tuple[int, ...]:
        """See `FamilyIndicator.pick`."""
        return (pressure_of(self.physics), *velocity_of(self.physics))

    def jobs(self, fields: Fields) -> list[dict[str, Any]]:
        """See `Sensor.jobs`."""
        pressure, first = self.variables[:2]
        floor = fields.scales[first].floor
        return [{"id": _c.SHOCK_SENSOR, "variable": pressure, "velocity": first, "scale": 1.0, "floor": floor}]


class PressureJumpParameters(Thresholds):
    """Thresholds as relative jumps."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 0.1, 0.04


class PressureJump(Sensor):
    """``max over axes and sides of |p[+-1] - p| / min(p[+-1], p)``: the pressure ratio between neighbours, less 1.

    Halves from level to level in smooth flow, stays at a shock; relative to the *local* pressure. Blind to contacts
    and shear. For shallow water p is the depth.
    """

    name = "pressure_jump"
    Parameters = PressureJumpParameters

    def pick(self) -> tuple[int, ...]:
        """See `FamilyIndicator.pick`."""
        return (pressure_of(self.physics),)

    def jobs(self, fields: Fields) -> list[dict[str, Any]]:
        """See `Sensor.jobs`."""
        return [{"id": _c.PRESSURE_JUMP, "variable": self.variables[0], "scale": 1.0}]


class ScalarGradientParameters(VariableParameters):
    """Thresholds as fractions of the variable's range."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 0.05, 0.02


class ScalarGradient(Sensor):
    """``sqrt(sum over axes of (max over sides of |s[+-1] - s| h / h_axis)^2) / S``: the change of a scalar across a
    cell, whichever way.

    S is the range of s over the domain, h the cell's shortest side. As `jump` along an axis, and up to sqrt(dim)
    times that across: a front is refined alike in every direction. Halves from level to level in smooth flow, stays
    at a discontinuity. Blind to what is small beside S.
    """

    name = "scalar_gradient"
    Parameters = ScalarGradientParameters
    parameters: ScalarGradientParameters

    def pick(self) -> tuple[int, ...]:
        """See `FamilyIndicator.pick`."""
        for name in self.parameters.variables or ():
            if name in self.physics.vectors:
                raise CaseError(f"variables: {name!r} is a vector; name its components")
        return super().pick()

    def jobs(self, fields: Fields) -> list[dict[str, Any]]:
        """See `Sensor.jobs`."""
        atol = self.parameters.atol
        return [
            {"id": _c.SCALAR_GRADIENT, "variable": v, "scale": max(fields.scales[v].scale, atol)}
            for v in self.variables
        ]
