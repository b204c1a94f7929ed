"""Navier-Stokes equations of an ideal gas: Euler's with viscosity, heat conduction and diffusion of passive scalars."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from amr._kernels.physics import PhysicsSpec
from amr.physics.base import ParameterModel
from amr.physics.euler import Euler, EulerParameters


class NavierStokesParameters(EulerParameters):
    """As for Euler; ``viscosity`` and either ``prandtl`` or ``conductivity``; ``schmidt`` for the scalars."""

    viscosity: float = Field(ge=0, description="Dynamic viscosity mu, constant; no bulk viscosity (Stokes)")
    prandtl: float | None = Field(
        None, gt=0, description="Prandtl number mu c_p / k, c_p = gamma / (gamma - 1); this or conductivity"
    )
    conductivity: float | None = Field(
        None, ge=0, description="Conductivity k: the heat flux is -k grad T, T = pressure / density; this or prandtl"
    )
    schmidt: float | None = Field(
        None, gt=0, description="Schmidt number of the scalars: their flux is -(mu / schmidt) grad s; default none"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> NavierStokesParameters:
        if (self.prandtl is None) == (self.conductivity is None):
            raise ValueError("give either prandtl, the Prandtl number, or conductivity (0 for none)")
        if self.prandtl is not None and self.viscosity == 0:
            raise ValueError("prandtl needs a viscosity above 0; give the conductivity itself")
        if self.schmidt is not None and not self.scalars:
            raise ValueError("schmidt is for passive scalars, and there are none")
        return self


class NavierStokes(Euler):
    """Variables of `Euler`; stress mu (grad v + grad v^T - 2/3 div v), heat flux -k grad T with T = pressure / density.

    The gas constant is 1, so that c_v = 1 / (gamma - 1) and c_p = gamma / (gamma - 1).
    """

    name: ClassVar[str] = "navier_stokes"
    Parameters: ClassVar[type[ParameterModel]] = NavierStokesParameters
    parameters: NavierStokesParameters
    is_viscous: ClassVar[bool] = True

    def _define(self) -> None:
        super()._define()
        given, n_scalar = self.parameters, len(self.parameters.scalars)
        mu, excess = given.viscosity, given.gamma - 1
        conductivity = given.conductivity
        if conductivity is None:
            assert given.prandtl is not None
            conductivity = mu * given.gamma / (excess * given.prandtl)
        diffusion = 0.0 if given.schmidt is None else mu / given.schmidt
        # At constant volume, where a step leaves the density, heat spreads with (gamma - 1) k / density.
        largest = max(4.0 / 3.0 * mu, excess * conductivity, diffusion)
        params = (given.gamma, largest, mu, conductivity, diffusion)
        self._waves = self.spec
        self.spec = PhysicsSpec(self.spec.id, self.dim, self.n_var, n_scalar, params)

    @property
    def wave_spec(self) -> PhysicsSpec:
        """See `Physics.wave_spec`: Euler's."""
        return self._waves
