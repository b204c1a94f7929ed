"""The primitive variables that indicators look at, and the scales they are measured by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

import amr._kernels.fields as _c

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.pool import Layout
    from amr.physics.base import Physics

#: Differences below this fraction of a variable's magnitude are round-off.
ROUND_OFF = 1e-10


@dataclass(frozen=True)
class Scale:
    """What differences of a variable are measured by.

    Attributes
    ----------
    scale : float
        S = max(range over the domain, ``floor``); 0 only for a variable that is 0 everywhere.
    floor : float
        1e-10 of the largest magnitude (of the largest signal speed, for a velocity, if that is larger).
    """

    scale: float
    floor: float


#: Scales follow the ranges only when one has changed by more than this factor: swinging thresholds make the mesh flicker.
STEADY = 2.0


class Fields:
    """Scales of chosen primitive variables over the whole domain, and (`load`) their values in all local blocks.

    The components of a vector share one scale, the largest of theirs, so that a component that is 0 but for round-off is
    not looked at through a magnifying glass, and so that turning the axes changes nothing.

    Parameters
    ----------
    physics : Physics
    layout : Layout
    variables : iterable of int
        Indices of primitive variables.
    """

    def __init__(self, physics: Physics, layout: Layout, variables: Iterable[int]) -> None:
        self.physics, self.layout = physics, layout
        self.variables = tuple(sorted(set(variables)))
        self.scales: dict[int, Scale] = {}
        self._signal = 0.0
        self.w = np.empty((len(self.variables), 0, *layout.shape[1:]))
        self._memory: dict[tuple[int, ...], np.ndarray] = {}
        self._pick = np.array(self.variables, dtype=np.int32)
        self._groups = {variable: self._group(variable) for variable in self.variables}
        self._has_velocity = any(is_velocity for _, is_velocity in self._groups.values())

    @property
    def n_block(self) -> int:
        """Number of blocks in ``w``."""
        return self.w.shape[1]

    def of(self, variable: int) -> np.ndarray:
        """Primitive variable of that index, (n_block, nk, nj, ni) with ghosts. Valid until the next `load`."""
        return self.w[self.variables.index(variable)]

    def measure(self, u: np.ndarray, comm: Comm) -> None:
        """Take the scales from the interiors of a pool (collective: one small reduction).

        Parameters
        ----------
        u : float64 (n_block, n_var, nk, nj, ni)
        comm : Comm
        """
        lowest, highest, signal = _c.primitive_ranges(self.physics.spec, self.layout, u, self._pick, self._has_velocity)
        n = len(self._pick)
        extremes = comm.allreduce_max(np.concatenate([highest, -lowest, [signal]]))
        self._signal = float(extremes[-1])
        self.scales = self._scales(-extremes[n : 2 * n], extremes[:n])

    def follow(self, lowest: np.ndarray, highest: np.ndarray, u: np.ndarray, comm: Comm) -> bool:
        """Take new scales if the ranges found on this rank say that one is off by more than ``STEADY`` (collective).

        Parameters
        ----------
        lowest, highest : float64 (n_var,)
            Of the interiors of ``u``.
        u, comm
            As of `measure`.

        Returns
        -------
        bool
            Whether the scales are others now.
        """
        n = len(self._pick)
        extremes = comm.allreduce_max(np.concatenate([highest[self._pick], -lowest[self._pick]]))
        if -np.inf in extremes:  # variables that no kernel has looked at
            own = _c.primitive_ranges(self.physics.spec, self.layout, u, self._pick)
            extremes = comm.allreduce_max(np.concatenate([own[1], -own[0]]))
        found = self._scales(-extremes[n:], extremes[:n])
        steady = all(
            old.scale <= STEADY * found[v].scale and found[v].scale <= STEADY * old.scale
            for v, old in self.scales.items()
        )
        if not steady:
            self.measure(u, comm)
        return not steady

    def to_meta(self) -> dict[str, list[float]]:
        """The scales as plain values, for a checkpoint."""
        return {str(v): [scale.scale, scale.floor] for v, scale in self.scales.items()} | {"signal": [self._signal]}

    def from_meta(self, meta: Mapping[str, list[float]]) -> None:
        """Go on with what `to_meta` gave, if it is of the same variables."""
        if set(meta) == {str(v) for v in self.variables} | {"signal"}:
            self._signal = meta["signal"][0]
            self.scales = {v: Scale(*meta[str(v)]) for v in self.variables}

    def load(self, u: np.ndarray) -> None:
        """Take the variables of all blocks of a pool with filled ghosts."""
        self.w = self.values(u, self.variables)

    def values(self, u: np.ndarray, variables: tuple[int, ...]) -> np.ndarray:
        """Some primitive variables of a pool with filled ghosts, (len(variables), n_block, nk, nj, ni).

        Valid until the same are asked for again: a regrid changes the number of blocks a little, and pages are dear.
        """
        shape = (len(variables), len(u), *self.layout.shape[1:])
        size = prod(shape)
        if self._memory.get(variables, np.empty(0)).size < size:
            self._memory[variables] = np.empty(size + size // 8)
        w = self._memory[variables][:size].reshape(shape)
        _c.primitive_fields(self.physics.spec, self.layout, u, np.array(variables, dtype=np.int32), w)
        return w

    def _scales(self, lowest: np.ndarray, highest: np.ndarray) -> dict[int, Scale]:
        span, magnitude = (highest - lowest).tolist(), np.maximum(highest, -lowest).tolist()
        scales = {}
        for variable, (together, is_velocity) in self._groups.items():
            largest = max(magnitude[p] for p in together)
            if is_velocity:
                largest = max(largest, self._signal)
            floor = ROUND_OFF * largest
            scales[variable] = Scale(max(max(span[p] for p in together), floor), floor)
        return scales

    def _group(self, variable: int) -> tuple[list[int], bool]:
        """Where the variables that share the scale of one are in ``variables``, and whether it is of the velocity."""
        vectors = self.physics.vectors
        group = next((set(each) for each in vectors.values() if variable in each), {variable})
        return [p for p, other in enumerate(self.variables) if other in group], variable in vectors.get("velocity", ())
