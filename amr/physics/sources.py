"""Source terms: a table of those that are built in. A plugin is a function with the signature of `SourceFunction`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from amr.physics.base import components
from amr.physics.euler import GASES

SourceFunction = Callable[[np.ndarray, float, Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""``f(x, t, w)``: x (dim, m, nk, nj, ni) cell centres of some blocks, t time, w primitive variables by name, (m, nk, nj, ni) each
and ``velocity`` (dim, ...); returns conserved variable -> rate of change per volume and time, same shape. Variables that are
left out have no source."""


class Source(BaseModel):
    """Base of the sources: the fields are the keys of an entry of ``sources`` beside ``name``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    requires: ClassVar[tuple[str, ...]] = ()
    """Physics it is made for."""

    def function(self, dim: int) -> SourceFunction:
        """The source in ``dim`` dimensions."""
        raise TypeError(f"{type(self).__name__} defines no source")


class Gravity(Source):
    """Constant acceleration: momentum gains density * g, energy gains density * velocity . g."""

    requires: ClassVar[tuple[str, ...]] = GASES

    g: list[float] = Field(min_length=1, max_length=3, description="Acceleration, one component per axis")

    def function(self, dim: int) -> SourceFunction:
        g = np.array(self.g)
        active = [a for a in range(dim) if g[a] != 0]
        momentum = components("momentum", dim)

        def gravity(x: np.ndarray, t: float, w: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            density, velocity = w["density"], w["velocity"]
            rates = {momentum[a]: density * g[a] for a in active}
            if active:
                rates["energy"] = sum(
                    (rates[momentum[a]] * velocity[a] for a in active[1:]),
                    rates[momentum[active[0]]] * velocity[active[0]],
                )
            return rates

        return gravity


class SelfGravity(Source):
    """The gas attracts itself: momentum gains -density * grad(phi); energy + density * phi / 2 is conserved (gravity.md)."""

    # No `SourceFunction`: what it does to a cell depends on the whole gas (amr.implicit.gravity).
    requires: ClassVar[tuple[str, ...]] = GASES

    G: float = Field(
        gt=0,
        description="Constant of gravity: laplace(phi) = 4 pi G density in every dimension. All axes periodic: the mean density "
        "attracts nothing; none periodic: the gas is alone in space",
    )


SOURCES: dict[str, type[Source]] = {"gravity": Gravity, "self_gravity": SelfGravity}
"""Name in the case file -> its model."""
