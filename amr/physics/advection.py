"""Linear advection, with a constant velocity or in a prescribed velocity field."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from amr._kernels.physics import PhysicsSpec
from amr.errors import CaseError
from amr.physics import base


class AdvectionParameters(base.ParameterModel):
    """Either ``velocity``, one number per axis, or ``velocity_field = true``: the initial state then gives ``velocity`` too."""

    velocity: tuple[float, ...] | None = Field(None, description="Constant velocity, one number per axis")
    velocity_field: bool = Field(False, description="The problem gives a velocity that depends on the place")

    @model_validator(mode="after")
    def _one_of_both(self) -> AdvectionParameters:
        if (self.velocity is None) != self.velocity_field:
            raise ValueError("give either velocity = [..], one number per axis, or velocity_field = true")
        return self


class Advection(base.Physics):
    """One value ``q``; with ``velocity_field`` the velocity is stored beside it as static variables.

    The field should be free of divergence; the velocity of a face is the mean of its two cells'.
    """

    name: ClassVar[str] = "advection"
    Parameters: ClassVar[type[base.ParameterModel]] = AdvectionParameters
    parameters: AdvectionParameters

    def _define(self) -> None:
        velocity = self.parameters.velocity
        self.indicator_variables = ("q",)
        if velocity is None:
            self.variables = self.primitives = ("q", *base.components("velocity", self.dim))
            self.static = tuple(range(1, self.dim + 1))
            self.vectors = {"velocity": self.static}
            self.conserved_vectors = {"velocity": self.static}
            self.spec = PhysicsSpec(1, self.dim, self.n_var)
            return
        if len(velocity) != self.dim:
            raise CaseError(f"physics.velocity = {list(velocity)}: {len(velocity)} components in {self.dim}D")
        self.variables = self.primitives = ("q",)
        self.spec = PhysicsSpec(0, self.dim, 1, 0, velocity)
