"""Where cells are sampled: Gauss points, which give the averages, and jittered points, which only test them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from amr.guard import random
from amr.mesh.tree import COORD_BITS

if TYPE_CHECKING:
    from amr.mesh.geometry import Geometry

N_JITTER = {1: 2, 2: 3, 3: 4}
"""Jittered points of a cell by dimension: one in each of as many strata of every axis (Latin hypercube)."""

# Orders of the strata of a further axis, by dimension; those of 2D that are their own inverse come first.
_ORDERS = {
    2: np.array([(0, 2, 1), (2, 1, 0), (1, 0, 2), (0, 1, 2), (1, 2, 0), (2, 0, 1)]),
    3: np.array([(a, b, c, d) for a in range(4) for b in range(4) for c in range(4) for d in range(4)]),
}
_ORDERS[3] = _ORDERS[3][[len(set(order)) == 4 for order in _ORDERS[3].tolist()]]
_N_SWAPS = 3


@cache
def gauss_nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the Gauss-Legendre rule on [0, 1], float64 (n,) each; symmetric to the last bit."""
    node, weight = np.polynomial.legendre.leggauss(n)
    node, weight = 0.5 * (node - node[::-1]) * 0.5 + 0.5, 0.25 * (weight + weight[::-1])
    for array in (node, weight):
        array.setflags(write=False)
    return node, weight


@cache
def gauss_points(dim: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Tensor Gauss-Legendre rule on the cell [0, 1]^dim.

    Returns
    -------
    float64 (dim, n**dim), (n**dim,)
        Points and weights, the last axis fastest; exact for polynomials of degree 2n - 1 per axis. The axes have the same points.
    """
    node, weight = gauss_nodes(n)
    points = np.stack(np.meshgrid(*[node] * dim, indexing="ij")).reshape(dim, -1)
    weights = np.prod(np.stack(np.meshgrid(*[weight] * dim, indexing="ij")).reshape(dim, -1), axis=0)
    weights = weights / weights.sum()
    for array in (points, weights):
        array.setflags(write=False)
    return points, weights


def lagrange(n: int, t: np.ndarray) -> np.ndarray:
    """Weights with which values at the n Gauss nodes give their polynomial at t in [0, 1]: (n, *t.shape)."""
    node = gauss_nodes(n)[0]
    weights = np.ones((n, *t.shape))
    for i in range(n):
        for j in range(n):
            if i != j:
                weights[i] *= (t - node[j]) / (node[i] - node[j])
    return weights


def mean_of_points(u: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted mean over the last axis, (..., m) -> (...), independent of the order of the points to the last bit.

    A state that is constant over the points is returned to the last bit.
    """
    centre = u[..., u.shape[-1] // 2].copy()
    difference = u - centre[..., None]
    varies = difference.any(axis=-1)
    if varies.any():
        terms = difference[varies] * weight
        terms.sort(axis=-1)
        centre[varies] += terms.sum(axis=-1)
    return centre


def cell_points(corner: np.ndarray, spacing: np.ndarray, n: int, node: np.ndarray) -> np.ndarray:
    """The points ``node`` (dim, n_point) of every cell of blocks: (dim, n_block, n^dim, n_point).

    Parameters
    ----------
    corner, spacing : float64 (n_block, >= dim)
        Lower corner of each block's interior and its cell size per axis.
    n : int
        Cells per axis of a block; they come with x fastest.
    """
    dim, n_point = node.shape
    n_block = corner.shape[0]
    shape = (n_block, *(n,) * dim, n_point)
    x = np.empty((dim, *shape))
    for a in range(dim):
        cells = (np.arange(n)[:, None] + node[a]) * spacing[:, a, None, None] + corner[:, a, None, None]
        axis = dim - a  # x is the last cell axis
        x[a] = cells.reshape(n_block, *(n if d == axis else 1 for d in range(1, dim + 1)), n_point)
    return x.reshape(dim, n_block, -1, n_point)


@dataclass(frozen=True)
class Fold:
    """Where cells come to lie when the domain is folded in its middle, and (2D) along its diagonal.

    Attributes
    ----------
    index : int64 (dim, *shape)
    is_upper : bool (dim, *shape)
        Axes along which the cell was mirrored.
    is_swapped : bool (*shape)
        Whether x and y then changed places.
    """

    index: np.ndarray
    is_upper: np.ndarray
    is_swapped: np.ndarray


class Lattice:
    """Cells of every level by their whole-number index, their positions, and random points in them. Not collective.

    The random points know the symmetry of the domain: cells that are mirror images in its middle, and (in 2D) cells that change
    places with x and y, have points that do, too, so that a symmetric state is judged symmetrically.

    Parameters
    ----------
    geometry : Geometry
    seed : int
    regrid : int
        Another number gives other points.
    """

    def __init__(self, geometry: Geometry, seed: int, regrid: int = 0) -> None:
        self.dim, self.n = geometry.dim, geometry.n
        self.n_jitter = N_JITTER[self.dim]
        self.lower = geometry.lower[: self.dim]
        self.root_spacing = geometry.root_spacing[: self.dim]
        self.root_cells = np.rint((geometry.upper - geometry.lower)[: self.dim] / self.root_spacing).astype(np.int64)
        self._state = random.combine(seed, regrid)

    def cells_of_blocks(self, coords: np.ndarray) -> np.ndarray:
        """Indices of the cells of blocks, int64 (dim, n_block, n^dim): x fastest. ``coords``: int (n_block, >= dim)."""
        inner = np.indices((self.n,) * self.dim).reshape(self.dim, -1)[::-1]
        return np.asarray(coords, np.int64).T[: self.dim, :, None] * self.n + inner[:, None, :]

    def spacing(self, level: np.ndarray) -> np.ndarray:
        """Cell widths, float64 (dim, *level.shape)."""
        level = np.asarray(level, np.int32)
        return np.ldexp(self.root_spacing.reshape(-1, *(1,) * level.ndim), -level)

    def points(self, level: np.ndarray, index: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Positions (dim, *shape) of the points t (dim, *shape), counted in cells from the lower corner of each cell.

        ``level`` and ``index`` (dim first) broadcast to that shape.
        """
        h = self.spacing(level)
        return self.lower.reshape(-1, *(1,) * (t.ndim - 1)) + (index + t) * h

    def jitter(self, level: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Random points in [0, 1]^dim of cells: float64 (dim, *shape, n_jitter).

        Parameters
        ----------
        level : int array that broadcasts to shape
        index : int64 (dim, *shape)
        """
        fold = self.fold(level, index)
        t = self._strata(self.hash(level, fold.index), fold.index)
        if self.dim == 2:
            t[:, fold.is_swapped] = t[::-1, fold.is_swapped]
        return np.where(fold.is_upper[..., None], 1.0 - t, t)

    def one(self, level: np.ndarray, index: np.ndarray) -> np.ndarray:
        """One random point in [0, 1]^dim of each cell (dim, *shape), anywhere in it: float64 (dim, *shape)."""
        fold = self.fold(level, index)
        t = random.uniform(self.hash(level, fold.index), self.dim)
        if self.dim == 2:
            t[:, fold.is_swapped] = t[::-1, fold.is_swapped]
        return np.where(fold.is_upper, 1.0 - t, t)

    def fold(self, level: np.ndarray, index: np.ndarray) -> Fold:
        """Cells (dim, *shape) mirrored into the lower half of each axis of the domain and (2D) below its diagonal."""
        cells = self.root_cells.reshape(-1, *(1,) * (index.ndim - 1)) << np.asarray(level, np.int64)
        last = cells - 1 - index
        folded = np.minimum(index, last)
        if self.dim != 2:
            return Fold(folded, index > last, np.zeros(index.shape[1:], dtype=bool))
        return Fold(np.sort(folded, axis=0), index > last, folded[0] > folded[1])

    def hash(self, level: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Hash of seed, regrid and cells (dim, *shape): uint64 (*shape)."""
        packed = index[0]
        for axis in range(1, self.dim):
            packed = packed | index[axis] << (COORD_BITS[self.dim] * axis)
        return random.combine(self._state, level, packed)

    def _strata(self, state: np.ndarray, folded: np.ndarray) -> np.ndarray:
        """One point per stratum of each axis, for cells with those hashes."""
        m = self.n_jitter
        numbers = random.uniform(state, m * self.dim)
        t = np.moveaxis(numbers.reshape(self.dim, m, *state.shape), 1, -1)
        t[0] = (np.arange(m) + t[0]) / m
        for axis in range(1, self.dim):
            order = _ORDERS[self.dim][random.pick(state, len(_ORDERS[self.dim]), m * self.dim + axis)]
            t[axis] = (order + t[axis]) / m
        if self.dim == 2:
            # A cell on the diagonal is its own image: a set of points that is, too.
            diagonal = folded[0] == folded[1]
            order = _ORDERS[2][random.pick(state[diagonal], _N_SWAPS, m * self.dim + 1)]
            t[1][diagonal] = np.take_along_axis(t[0][diagonal], order, axis=-1)
        return t
