"""Burgers' equation."""

from __future__ import annotations

from typing import ClassVar

from amr._kernels.physics import PhysicsSpec
from amr.physics import base


class BurgersParameters(base.ParameterModel):
    """No parameters."""


class Burgers(base.Physics):
    """One value ``q``, flux q^2 / 2 along every axis."""

    name: ClassVar[str] = "burgers"
    Parameters = BurgersParameters

    def _define(self) -> None:
        self.variables = self.primitives = self.indicator_variables = ("q",)
        self.spec = PhysicsSpec(2, self.dim, 1)
