"""Linear acoustics in a uniform medium."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from amr._kernels.physics import PhysicsSpec
from amr.physics import base


class AcousticsParameters(base.ParameterModel):
    """``density`` and ``sound_speed`` of the medium at rest."""

    density: float = Field(1.0, gt=0, description="Of the medium at rest")
    sound_speed: float = Field(1.0, gt=0, description="Of the medium at rest")


class Acoustics(base.Physics):
    """Pressure and velocity perturbations, conserved and primitive alike."""

    name: ClassVar[str] = "acoustics"
    Parameters = AcousticsParameters
    parameters: AcousticsParameters

    def _define(self) -> None:
        self.variables = self.primitives = ("pressure", *base.components("velocity", self.dim))
        self.vectors = {"velocity": tuple(range(1, self.dim + 1))}
        self.conserved_vectors = dict(self.vectors)
        self.indicator_variables = ("pressure",)
        self.spec = PhysicsSpec(3, self.dim, self.n_var, 0, (self.parameters.density, self.parameters.sound_speed))
