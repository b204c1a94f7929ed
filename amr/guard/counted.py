"""The function that is sampled, and how: what all ways of looking at it share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from amr.guard.nodes import Lattice

if TYPE_CHECKING:
    from amr.mesh.geometry import Geometry

Function = Callable[[np.ndarray], np.ndarray]
"""Points x (dim, m) -> conserved variables (n_var, m)."""


class CountedFunction:
    """A function on the blocks of a mesh whose evaluations are counted.

    Parameters
    ----------
    function : Function
    geometry : Geometry
    n_var : int
    quadrature : int
        Gauss points per axis and cell.
    tolerance : float
        Deviation that matters, in units of a variable's range over the domain.
    seed : int
        Of the lattice of jittered points.

    Attributes
    ----------
    evaluations : int
        Points at which it was evaluated so far.
    """

    def __init__(
        self, function: Function, geometry: Geometry, n_var: int, quadrature: int, tolerance: float, seed: int
    ) -> None:
        self._function, self.geometry = function, geometry
        self.dim, self.n, self.n_var, self.quadrature = geometry.dim, geometry.n, n_var, quadrature
        self.tolerance, self.lattice, self.evaluations = tolerance, Lattice(geometry, seed), 0

    def function(self, x: np.ndarray) -> np.ndarray:
        """The function at x (dim, ...), counted: (n_var, ...)."""
        if not x.size:  # the user's function is not called: it may fail on nothing
            return np.empty((self.n_var, *x.shape[1:]))
        self.evaluations += x[0].size
        return self._function(x.reshape(self.dim, -1)).reshape(self.n_var, *x.shape[1:])
