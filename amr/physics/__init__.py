"""Equation sets and boundary conditions. Knows no mesh."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from amr.errors import CaseError
from amr.physics.acoustics import Acoustics
from amr.physics.advection import Advection
from amr.physics.base import ParameterModel, Physics
from amr.physics.burgers import Burgers
from amr.physics.diffusion import AdvectionDiffusion, Diffusion, ReactionDiffusion
from amr.physics.euler import Euler
from amr.physics.fokker_planck import FokkerPlanck
from amr.physics.navier_stokes import NavierStokes
from amr.physics.shallow_water import ShallowWater

#: Equation sets by their name in the case file.
PHYSICS: dict[str, type[Physics]] = {
    cls.name: cls
    for cls in (
        Advection,
        Burgers,
        Acoustics,
        Euler,
        NavierStokes,
        ShallowWater,
        Diffusion,
        AdvectionDiffusion,
        FokkerPlanck,
        ReactionDiffusion,
    )
}


def create_physics(name: str, dim: int, parameters: ParameterModel | Mapping[str, Any] | None = None) -> Physics:
    """Equation set ``name`` in ``dim`` dimensions.

    Parameters
    ----------
    parameters : ParameterModel or mapping, optional
        The set's parameter model or its keys (``PHYSICS[name].Parameters``).

    Raises
    ------
    CaseError
        Unknown name, a dimension or parameters that are not offered; one line per fault.
    """
    if name not in PHYSICS:
        near = get_close_matches(name, PHYSICS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(PHYSICS)}"
        raise CaseError(f"physics.name = {name!r} is unknown{hint}")
    cls = PHYSICS[name]
    if not isinstance(parameters, cls.Parameters):
        try:
            parameters = cls.Parameters.model_validate(dict(parameters or {}))
        except ValidationError as error:
            lines = [f"physics.{'.'.join(map(str, e['loc']))} = {e['input']!r}: {e['msg']}" for e in error.errors()]
            raise CaseError("\n".join(lines)) from None
    return cls(dim, parameters)
