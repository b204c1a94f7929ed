"""Terms of a cell by itself, reactions and sources: their rates, and the rates' derivatives by finite differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from amr.scheme.sources import CHUNK_CELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amr.comm import Comm
    from amr.mesh.pool import Layout
    from amr.scheme.local_mesh import LocalMesh
    from amr.scheme.sources import SourceTerms

_STEP = float(np.sqrt(np.finfo(float).eps))
_FLOOR = 1e-3
"""Of the largest value of a variable: smaller ones are perturbed as if they were so large."""


class LocalTerms:
    """Sum of the reactions and sources on one mesh.

    Parameters
    ----------
    terms : SourceTerms
    mesh : LocalMesh
    comm : Comm
    layout : Layout
    evolved : tuple of int
        Variables that change.
    """

    def __init__(
        self, terms: SourceTerms, mesh: LocalMesh, comm: Comm, layout: Layout, evolved: tuple[int, ...]
    ) -> None:
        self.terms, self.mesh, self.comm = terms, mesh, comm
        self.evolved = list(evolved)
        self._size = max(1, CHUNK_CELLS // layout.cells)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def rate(self, t: float, u: np.ndarray) -> np.ndarray:
        """Rates (n_block, n_evolved, nk, nj, ni) of states ``u`` (n_block, n_var, nk, nj, ni). Collective.

        Raises
        ------
        PluginError
            A function failed, on every rank.
        """
        out = np.empty((len(u), len(self.evolved), *u.shape[2:]))
        self.comm.agreed(lambda: self._rate(t, u, out))
        return out

    def derivative(self, t: float, u: np.ndarray) -> np.ndarray:
        """d rate_i / d u_j as (n_cell, n_evolved, n_evolved), the cells as in `Parabolic`. Collective."""
        n = len(self.evolved)
        largest = np.abs(u).max(axis=(0, 2, 3, 4)) if len(u) else np.zeros(u.shape[1])
        top = self.comm.allreduce_max(largest)
        out = np.empty((u.size // u.shape[1], n, n))
        self.comm.agreed(lambda: self._derivative(t, u, top, out))
        return out

    def _parts(self) -> Iterator[slice]:
        # Without blocks (more ranks than blocks) the user's functions are not called.
        return (slice(first, first + self._size) for first in range(0, self.mesh.n_block, self._size))

    def _rate(self, t: float, u: np.ndarray, out: np.ndarray) -> None:
        for part in self._parts():
            out[part] = self.terms.rate(self.mesh.cell_centers(part), t, u[part])[:, self.evolved]

    def _derivative(self, t: float, u: np.ndarray, top: np.ndarray, out: np.ndarray) -> None:
        per_block = u[:1, 0].size
        for part in self._parts():
            x, state = self.mesh.cell_centers(part), u[part].copy()
            base = self.terms.rate(x, t, state)[:, self.evolved]
            rows = slice(part.start * per_block, part.start * per_block + state[:, 0].size)
            for j, variable in enumerate(self.evolved):
                kept = state[:, variable].copy()
                floor = _FLOOR * top[variable] if top[variable] > 0 else 1.0
                state[:, variable] += _STEP * np.maximum(np.abs(kept), floor)
                step = state[:, variable] - kept  # what was added, to the last bit
                change = (self.terms.rate(x, t, state)[:, self.evolved] - base) / step[:, None]
                out[rows, :, j] = np.moveaxis(change, 1, -1).reshape(-1, len(self.evolved))
                state[:, variable] = kept
