"""Diffusion by itself, with a velocity, and with reactions. ``scheme.integrator = "petsc"`` advances them."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from amr._kernels.physics import PhysicsSpec
from amr.errors import CaseError
from amr.physics import base
from amr.physics.advection import Advection, AdvectionParameters
from amr.physics.diffusivity import Diffusivity, DiffusivityValue, make_diffusivity
from amr.physics.reactions import REACTIONS

_WHAT = (
    'D >= 0, a table { coefficient, exponent } for D(u) = coefficient |u|^exponent, or a plugin "file.py:f" for D(u)'
)


class DiffusionParameters(base.ParameterModel):
    """``diffusivity``: D of q."""

    diffusivity: DiffusivityValue = Field(description=f"{_WHAT}")


class Diffusion(base.Physics):
    """One value ``q`` that diffuses: dq/dt = div(D grad q)."""

    name: ClassVar[str] = "diffusion"
    has_flux = False
    plugin_keys: ClassVar[tuple[str, ...]] = ("diffusivity",)
    Parameters = DiffusionParameters
    parameters: DiffusionParameters

    def _define(self) -> None:
        self.variables = self.primitives = self.indicator_variables = ("q",)
        self.diffusivities = (_read(self, self.parameters.diffusivity, "diffusivity"),)
        self.spec = PhysicsSpec(6, self.dim, 1)


class AdvectionDiffusionParameters(AdvectionParameters):
    """Those of advection, and ``diffusivity``."""

    diffusivity: DiffusivityValue = Field(description=f"{_WHAT}")


class AdvectionDiffusion(Advection):
    """One value ``q`` that is carried and diffuses: dq/dt + div(velocity q) = div(D grad q)."""

    name: ClassVar[str] = "advection_diffusion"
    plugin_keys: ClassVar[tuple[str, ...]] = ("diffusivity",)
    Parameters = AdvectionDiffusionParameters
    parameters: AdvectionDiffusionParameters

    def _define(self) -> None:
        super()._define()
        self.diffusivities = (_read(self, self.parameters.diffusivity, "diffusivity"),)


class ReactionDiffusionParameters(base.ParameterModel):
    """``species``, the ``diffusivity`` of each, and their ``reaction``."""

    species: tuple[str, ...] = Field(min_length=1, description="Names of the species")
    diffusivity: tuple[DiffusivityValue, ...] = Field(min_length=1, description=f"Of each species: {_WHAT}")
    reaction: dict[str, Any] | str | None = Field(
        None,
        description='{ name = "gray_scott", feed, kill }, { name = "fitzhugh_nagumo", current, epsilon, a, b }, '
        '{ name = "brusselator", a, b }, { name = "decay", rate, production } or a plugin "file.py:f", f(x, t, w) -> rates '
        "by species as for sources; default none",
    )


class ReactionDiffusion(base.Physics):
    """Species that diffuse, each by its own, and react in each cell: ds/dt = div(D_s grad s) + R_s(x, t, all species)."""

    name: ClassVar[str] = "reaction_diffusion"
    has_flux = False
    plugin_keys: ClassVar[tuple[str, ...]] = ("diffusivity", "reaction")
    Parameters = ReactionDiffusionParameters
    parameters: ReactionDiffusionParameters

    def _define(self) -> None:
        species, given = self.parameters.species, self.parameters.diffusivity
        if len(species) > base.MAX_VAR:
            raise CaseError(f"physics.species: {len(species)} names, but at most {base.MAX_VAR}")
        if len(given) != len(species):
            raise CaseError(f"physics.diffusivity: {len(given)} entries for {len(species)} species")
        if bad := [name for name in species if not name.isidentifier()]:
            raise CaseError(f"physics.species: {', '.join(map(repr, bad))} must be words of letters, digits and _")
        self.variables = self.primitives = self.indicator_variables = species
        self.diffusivities = tuple(_read(self, each, f"diffusivity[{i}]") for i, each in enumerate(given))
        if self.parameters.reaction is not None:
            self.reactions = (self._reaction(self.parameters.reaction),)
        self.spec = PhysicsSpec(6, self.dim, len(species), len(species) - 1)

    def _reaction(self, given: dict[str, Any] | str) -> base.NamedSource:
        if isinstance(given, str) and given in self.functions:
            return given, self.functions[given]
        name, reaction = base.named_model("reaction", given, REACTIONS, strict=True)
        species = self.parameters.species
        if reaction.n_species not in (None, len(species)):
            raise CaseError(f"physics.reaction: {name} has {reaction.n_species} species, not {len(species)}")
        return name, reaction.function(species)


def _read(physics: base.Physics, value: DiffusivityValue, key: str) -> Diffusivity:
    if isinstance(value, float | int) and value < 0:
        raise CaseError(f"physics.{key}: must be at least 0, not {value:g}")
    if isinstance(value, str) and value not in physics.functions:
        raise CaseError(f'physics.{key}: {value!r} is neither a number, a table nor a plugin "file.py:f"')
    return make_diffusivity(value, physics.functions)
