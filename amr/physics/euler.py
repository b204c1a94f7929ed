"""Euler equations of an ideal gas with passive scalars."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from amr._kernels.physics import PhysicsSpec
from amr.errors import CaseError
from amr.physics import base

#: Names of the equation sets with these variables.
GASES = ("euler", "navier_stokes")


class EulerParameters(base.ParameterModel):
    """``gamma``: ratio of specific heats; ``scalars``: names of passive scalars (mass fractions carried with the gas)."""

    gamma: float = Field(1.4, gt=1.0, le=10.0, description="Ratio of specific heats")
    scalars: tuple[str, ...] = Field((), description="Names of passive scalars that the gas carries along")


class Euler(base.Physics):
    """Density, momentum, energy; primitives density, velocity, pressure; a scalar s is stored as density * s."""

    name: ClassVar[str] = "euler"
    Parameters: ClassVar[type[base.ParameterModel]] = EulerParameters
    parameters: EulerParameters

    def _define(self) -> None:
        scalars = self.parameters.scalars
        room = base.MAX_VAR - self.dim - 2
        if len(scalars) > room:
            raise CaseError(f"physics.scalars: {len(scalars)} names, but at most {room} in {self.dim}D")
        self.variables = ("density", *base.components("momentum", self.dim), "energy", *scalars)
        self.primitives = ("density", *base.components("velocity", self.dim), "pressure", *scalars)
        self.vectors = {"velocity": tuple(range(1, self.dim + 1))}
        self.conserved_vectors = {"momentum": tuple(range(1, self.dim + 1))}
        self.indicator_variables = ("density", "pressure")
        self.spec = PhysicsSpec(4, self.dim, self.n_var, len(scalars), (self.parameters.gamma,))
