"""Source terms by Strang splitting: half a step of sources, the hyperbolic step, half a step of sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.sums import block_sums
from amr.errors import PluginError
from amr.plugins import describe

if TYPE_CHECKING:
    from amr.mesh.pool import Layout
    from amr.scheme.local_mesh import LocalMesh

CHUNK_CELLS = 1 << 16
"""Cells evaluated at once, so that the temporaries do not grow with the mesh."""

Source = Callable[[np.ndarray, float, Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


class SourceTerms:
    """Sum of source functions applied to many blocks at once.

    Parameters
    ----------
    sources : sequence of (name, function)
        ``function(x, t, w)`` with x (dim, m, nk, nj, ni) cell centres of some blocks and w a mapping of primitive variable to
        array (m, nk, nj, ni) (a vector to (dim, ...)); returns a mapping of conserved variable to rate of change.
    physics : Physics
    layout : Layout
    """

    def __init__(self, sources: list[tuple[str, Source]], physics: Any, layout: Layout) -> None:
        self.sources = sources
        self.physics = physics
        self.layout = layout

    def __bool__(self) -> bool:
        return bool(self.sources)

    def advance(self, u: np.ndarray, mesh: LocalMesh, t: float, dt: float) -> np.ndarray:
        """Advance the interior of ``u`` in place by dt of the sources alone, with Heun's second-order method.

        Returns
        -------
        float64 (n_block, n_var)
            Interior sums of the change, for the ledger.
        """
        # Without blocks (more ranks than blocks) the user's functions are not called: they may fail on nothing.
        sums = np.empty(u.shape[:2])
        size = max(1, CHUNK_CELLS // self.layout.cells)
        for first in range(0, len(u), size):
            blocks = slice(first, first + size)
            sums[blocks] = self._advance_some(u[blocks], mesh.cell_centers(blocks), t, dt)
        return sums

    def _advance_some(self, u: np.ndarray, x: np.ndarray, t: float, dt: float) -> np.ndarray:
        inner = (slice(None), slice(None), *self.layout.interior)
        old = u[inner].copy()
        k1 = self.rate(x, t, old)
        k2 = self.rate(x, t + dt, old + dt * k1)
        u[inner] = old + (0.5 * dt) * (k1 + k2)
        change = np.zeros_like(u)
        change[inner] = u[inner] - old
        return block_sums(self.layout, change)

    def rate(self, x: np.ndarray, t: float, u: np.ndarray, only: int | None = None) -> np.ndarray:
        """Sum of all sources, or one ``only``, (n_block, n_var, nk, nj, ni) at the conserved state ``u`` of the same shape.

        Raises
        ------
        PluginError
            A source failed or returned what it must not.
        """
        flat = np.ascontiguousarray(np.moveaxis(u, 1, 0)).reshape(u.shape[1], -1)
        shape = (u.shape[0], *u.shape[2:])
        w = {
            name: values.reshape(*values.shape[:-1], *shape)
            for name, values in self.physics.unpack_primitives(self.physics.to_primitive(flat)).items()
        }
        rate = np.zeros_like(u)
        for name, function in self.sources if only is None else self.sources[only : only + 1]:
            for variable, value in self._call(name, function, x, t, w, shape).items():
                rate[:, self.physics.variables.index(variable)] += value
        return rate

    def _call(
        self, name: str, function: Source, x: np.ndarray, t: float, w: Mapping[str, np.ndarray], shape: tuple[int, ...]
    ) -> dict[str, np.ndarray]:
        try:
            given = dict(function(x, t, w))
        except (Exception, SystemExit) as fault:
            raise PluginError(f"source {name}: {describe(fault)}") from fault
        for variable, value in given.items():
            if variable not in self.physics.variables:
                raise PluginError(
                    f"source {name}: {variable!r} is not a conserved variable; there are "
                    + ", ".join(self.physics.variables)
                )
            try:
                given[variable] = np.broadcast_to(np.asarray(value, dtype=float), shape)
            except (TypeError, ValueError) as fault:
                raise PluginError(f"source {name}: {variable} has not the shape {shape}: {fault}") from fault
            if not np.all(np.isfinite(given[variable])):
                raise PluginError(f"source {name}: {variable} has a NaN or infinity at t = {t:.9g}")
        return given
