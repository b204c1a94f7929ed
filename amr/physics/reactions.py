"""Reactions between species: a table of those that are built in. A plugin is a function like a source, ``f(x, t, w)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from amr.physics.sources import SourceFunction


class Reaction(BaseModel):
    """Base of the reactions: the fields are the keys of ``reaction`` beside ``name``."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    n_species: ClassVar[int | None] = 2
    """How many species it is made for, in the order of the case; None: any."""

    def function(self, species: tuple[str, ...]) -> SourceFunction:
        """The rates of change of these species."""
        raise TypeError(f"{type(self).__name__} defines no rates")


def _pair(species: tuple[str, ...], w: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return w[species[0]], w[species[1]]


class GrayScott(Reaction):
    """``u' = -u v^2 + feed (1 - u)``, ``v' = u v^2 - (feed + kill) v`` (Gray & Scott 1984; Pearson, Science 261 (1993) 189)."""

    feed: float = Field(0.04, ge=0, description="Rate at which u is fed and v washed out")
    kill: float = Field(0.06, ge=0, description="Rate at which v decays")

    def function(self, species: tuple[str, ...]) -> SourceFunction:
        def rates(x: np.ndarray, t: float, w: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            u, v = _pair(species, w)
            made = u * v * v
            return {species[0]: self.feed * (1 - u) - made, species[1]: made - (self.feed + self.kill) * v}

        return rates


class FitzHughNagumo(Reaction):
    """``u' = u - u^3/3 - v + current``, ``v' = epsilon (u + a - b v)`` (FitzHugh, Biophys. J. 1 (1961) 445)."""

    current: float = Field(0.0, description="Stimulus")
    epsilon: float = Field(0.08, gt=0, description="Rate of the recovery v, in units of that of u")
    a: float = Field(0.7, description="Of v' = epsilon (u + a - b v)")
    b: float = Field(0.8, description="Of v' = epsilon (u + a - b v)")

    def function(self, species: tuple[str, ...]) -> SourceFunction:
        def rates(x: np.ndarray, t: float, w: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            u, v = _pair(species, w)
            return {
                species[0]: u - u * u * u / 3 - v + self.current,
                species[1]: self.epsilon * (u + self.a - self.b * v),
            }

        return rates


class Brusselator(Reaction):
    """``u' = a - (b + 1) u + u^2 v``, ``v' = b u - u^2 v`` (Prigogine & Lefever, J. Chem. Phys. 48 (1968) 1695)."""

    a: float = Field(1.0, description="Of u' = a - (b + 1) u + u^2 v")
    b: float = Field(3.0, description="Of v' = b u - u^2 v")

    def function(self, species: tuple[str, ...]) -> SourceFunction:
        def rates(x: np.ndarray, t: float, w: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            u, v = _pair(species, w)
            made = u * u * v
            return {species[0]: self.a - (self.b + 1) * u + made, species[1]: self.b * u - made}

        return rates


class Decay(Reaction):
    """``u' = production - rate u``, each species by itself."""

    n_species = None

    rate: float = Field(ge=0, description="Of decay")
    production: float = Field(0.0, description="The same everywhere")

    def function(self, species: tuple[str, ...]) -> SourceFunction:
        def rates(x: np.ndarray, t: float, w: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: self.production - self.rate * w[name] for name in species}

        return rates


REACTIONS: dict[str, type[Reaction]] = {
    "gray_scott": GrayScott,
    "fitzhugh_nagumo": FitzHughNagumo,
    "brusselator": Brusselator,
    "decay": Decay,
}
"""Name in the case file -> its model."""
