"""What every indicator offers: parameters with thresholds, and an evaluation over all local blocks at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from amr.errors import CaseError

if TYPE_CHECKING:
    from amr.indicators.fields import Fields, Scale
    from amr.physics.base import Physics


class Thresholds(BaseModel):
    """Keys of every indicator's table.

    ``default_refine`` and ``default_coarsen`` are what stands in where neither the table nor ``[refinement]`` says otherwise.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    refine: float | None = Field(None, gt=0, description="Refine a block where the indicator is above")
    coarsen: float | None = Field(None, ge=0, description="Coarsen a block only where the indicator is below")

    @model_validator(mode="after")
    def _ordered(self) -> Thresholds:
        if self.refine is not None and self.coarsen is not None and self.coarsen >= self.refine:
            raise ValueError(f"coarsen = {self.coarsen:g} must be below refine = {self.refine:g}")
        return self

    def defaults(self) -> tuple[float, float]:
        """Default (refine, coarsen) of this indicator with these parameters."""
        raise TypeError(f"{type(self).__name__} must say its default thresholds")


class VariableParameters(Thresholds):
    """Keys of the indicators that look at variables one by one."""

    variables: tuple[str, ...] | None = Field(
        None, min_length=1, description='Primitive variables; "velocity" means every component; default: by the physics'
    )
    atol: float = Field(
        0.0, ge=0, description="Differences are measured by no less than this, in the units of the variables"
    )


def set_thresholds(own: Thresholds, refine: float | None, coarsen: float | None) -> tuple[float, float]:
    """Thresholds (refine, coarsen) of an indicator: its own, else those of ``[refinement]``, else the defaults.

    Where only ``refine`` is said, ``coarsen`` keeps its default ratio to it.

    Raises
    ------
    CaseError
        ``coarsen`` is not below ``refine``.
    """
    default_refine, default_coarsen = own.defaults()
    high = next(value for value in (own.refine, refine, default_refine) if value is not None)
    ratio = default_coarsen / default_refine
    low = next(value for value in (own.coarsen, coarsen, ratio * high) if value is not None)
    if low >= high:
        raise CaseError(f"coarsen: {low:g} must be below refine = {high:g}")
    return high, low


class Indicator:
    """An indicator of an equation set: a number per block that refines above one threshold and coarsens below another.

    Attributes
    ----------
    name : str
        Name in the case file.
    label : str
        How this one is called in reports.
    refine, coarsen : float
        Thresholds, ``coarsen < refine``.
    variables : tuple of int
        Primitive variables it looks at.
    estimates_error : bool
        Whether the values estimate the error of the solution, in units of the variables' ranges.
    """

    name: ClassVar[str]
    estimates_error: ClassVar[bool] = False
    label: str
    refine: float
    coarsen: float
    variables: tuple[int, ...]

    def thresholds(self, level: np.ndarray, max_level: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
        """``refine`` and ``coarsen`` of leaves of these levels, int8 (n,): float64 (n,) each.

        ``coarsen`` is compared with what the indicator finds on the leaf restricted to the cells of its parent.
        """
        return np.full(len(level), self.refine), np.full(len(level), self.coarsen)


class VariableIndicator(Indicator):
    """Base of the indicators of csrc/indicate.c: the largest value over variables and interior cells."""

    Parameters: ClassVar[type[VariableParameters]]

    def __init__(
        self, physics: Physics, parameters: Any = None, refine: float | None = None, coarsen: float | None = None
    ) -> None:
        self.parameters = self.Parameters.model_validate({}) if parameters is None else parameters
        self.label = self.name
        self.refine, self.coarsen = set_thresholds(self.parameters, refine, coarsen)
        self.variables = find_variables(physics, self.parameters.variables or physics.indicator_variables)

    def kernel(self, scale: Scale) -> dict[str, Any]:
        """Keyword arguments of the kernel for a variable with that scale: ``id`` and what the formula needs."""
        raise TypeError(f"{type(self).__name__} must name its kernel")

    def jobs(self, fields: Fields, buffer: int, column: int) -> list[dict[str, Any]]:
        """What `amr._kernels.indicate.indicate` takes: one entry and, from ``column`` on, one column per variable."""
        found = []
        for at, variable in enumerate(self.variables, column):
            scale = fields.scales[variable]
            options = {"scale": max(scale.scale, self.parameters.atol), **self.kernel(scale)}
            found.append({"variable": variable, "column": at, "buffer": buffer, **options})
        return found


def find_variables(physics: Physics, names: Iterable[str]) -> tuple[int, ...]:
    """Indices of primitive variables by name; the name of a vector means its components.

    Raises
    ------
    CaseError
        One line per name that there is not.
    """
    found: dict[int, None] = {}
    unknown = []
    for name in names:
        if name in physics.vectors:
            found.update(dict.fromkeys(physics.vectors[name]))
        elif name in physics.primitives:
            found[physics.primitives.index(name)] = None
        else:
            unknown.append(name)
    if unknown:
        known = ", ".join(dict.fromkeys([*physics.primitives, *physics.vectors]))
        raise CaseError(
            "\n".join(f"variables: {name!r} is not a primitive variable; there are {known}" for name in unknown)
        )
    return tuple(found)
