"""Shallow water over a flat bottom."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from amr._kernels.physics import PhysicsSpec
from amr.physics import base


class ShallowWaterParameters(base.ParameterModel):
    """``gravity``: acceleration of gravity."""

    gravity: float = Field(9.81, gt=0, description="Acceleration of gravity")


class ShallowWater(base.Physics):
    """Depth and momentum (depth * velocity); primitives depth and velocity. The bed must be wet everywhere."""

    name: ClassVar[str] = "shallow_water"
    dims: ClassVar[tuple[int, ...]] = (1, 2)
    Parameters = ShallowWaterParameters
    parameters: ShallowWaterParameters

    def _define(self) -> None:
        self.variables = ("depth", *base.components("momentum", self.dim))
        self.primitives = ("depth", *base.components("velocity", self.dim))
        self.vectors = {"velocity": tuple(range(1, self.dim + 1))}
        self.conserved_vectors = {"momentum": tuple(range(1, self.dim + 1))}
        self.indicator_variables = ("depth",)
        self.spec = PhysicsSpec(5, self.dim, self.n_var, 0, (self.parameters.gravity,))
