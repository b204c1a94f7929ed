"""The equation of Fokker and Planck of overdamped Langevin dynamics in an energy landscape."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from amr._kernels.physics import PhysicsSpec
from amr.errors import CaseError
from amr.physics import base
from amr.physics.diffusivity import Diffusivity
from amr.physics.landscapes import LANDSCAPES, Energy, checked_energy, create_landscape


class FokkerPlanckParameters(base.ParameterModel):
    """``temperature``, and the ``landscape``."""

    temperature: float = Field(gt=0, description="T, in units of energy")
    landscape: dict[str, Any] | str = Field(
        description='{ name = "double_well", barrier, half_width, stiffness }, { name = "muller_brown", scale }, '
        '{ name = "wells", wells = [{ center, depth, width }, ..], stiffness, center } or a plugin "file.py:f", '
        "f(x) of points x (dim, n) -> energies"
    )


class FokkerPlanck(base.Physics):
    """Probability ``density`` of paths dx = -grad E dt + sqrt(2 T) dW (mobility 1): dp/dt = div(p grad E + T grad p).

    No probability leaves through sides that are not periodic.
    """

    name: ClassVar[str] = "fokker_planck"
    has_flux = False
    plugin_keys: ClassVar[tuple[str, ...]] = ("landscape",)
    # Backward Euler keeps densities positive; what the solver leaves of its equations is lost probability.
    petsc_options: ClassVar[str] = "-ts_type beuler -ksp_rtol 1e-13"
    Parameters = FokkerPlanckParameters
    parameters: FokkerPlanckParameters
    energy: Energy

    def _define(self) -> None:
        self.variables = self.primitives = self.indicator_variables = ("density",)
        self.diffusivities = (Diffusivity(self.parameters.temperature),)
        self.energy = self._landscape(self.parameters.landscape)
        self.spec = PhysicsSpec(6, self.dim, 1)

    def _landscape(self, given: dict[str, Any] | str) -> Energy:
        if isinstance(given, str) and given in self.functions:
            return checked_energy(self.functions[given], given)
        name, landscape = base.named_model("landscape", given, LANDSCAPES)
        try:
            return create_landscape(landscape, self.dim)
        except CaseError as error:
            raise CaseError(f"physics.landscape: {name} {error}") from None
