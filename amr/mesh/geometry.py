"""Where blocks and cells lie in space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amr.errors import MeshError


class Geometry:
    """Maps (level, coords) of blocks to positions. Immutable, not collective.

    Every position is ``lower + m * h`` with an integer or half-integer m and one multiplication and one addition, and h is
    halved exactly from level to level: a point gets the same bits from every block and level that shares it, and
    permuting the axes permutes the numbers.

    Parameters
    ----------
    lower, upper : sequence of float (dim,)
        Corners of the domain.
    root_blocks : sequence of int (dim,) or (3,)
    n : int
        Cells of a block per active axis.
    """

    def __init__(self, lower: Sequence[float], upper: Sequence[float], root_blocks: Sequence[int], n: int) -> None:
        self.dim, self.n = len(lower), n
        if self.dim not in (1, 2, 3) or len(upper) != self.dim or len(root_blocks) not in (self.dim, 3):
            raise MeshError("lower, upper and root_blocks disagree about the number of axes")
        self.lower, self.upper = np.zeros(3), np.ones(3)
        self.lower[: self.dim], self.upper[: self.dim] = lower, upper
        if not (np.isfinite(self.lower).all() and np.isfinite(self.upper).all() and (self.lower < self.upper).all()):
            raise MeshError(f"lower = {list(lower)} must be finite and below upper = {list(upper)} on every axis")
        # What one block spans in cells; inactive axes have one cell of width 1, whatever the level.
        self.block_cells = np.array([n] * self.dim + [1] * (3 - self.dim), np.int64)
        cells = np.array(list(root_blocks[: self.dim]) + [1] * (3 - self.dim), np.int64) * self.block_cells
        self.root_spacing = (self.upper - self.lower) / cells
        for array in (self.lower, self.upper, self.block_cells, self.root_spacing):
            array.setflags(write=False)

    def spacing(self, level: np.ndarray | int) -> np.ndarray:
        """Cell widths, float64 (m, 3); 1.0 in inactive axes. ``level``: int or int array (m,)."""
        level = np.atleast_1d(level)
        return self._spacing_to(level).take(level, axis=0)

    def _spacing_to(self, level: np.ndarray) -> np.ndarray:
        """Cell widths of the levels from 0 to the finest of some, (n_levels, 3)."""
        levels = np.arange(int(level.max(initial=0)) + 1, dtype=np.int32)
        h = np.repeat(self.root_spacing[None], len(levels), axis=0)
        h[:, : self.dim] = np.ldexp(h[:, : self.dim], -levels[:, None])
        return h

    def origin(self, level: np.ndarray | int, coords: np.ndarray) -> np.ndarray:
        """Lower corners of the blocks' interiors, float64 (m, 3). ``coords``: int array (m, 3)."""
        return self.lower + (np.asarray(coords, np.int64) * self.block_cells) * self.spacing(level)

    def axis_centers(self, level: np.ndarray | int, coords: np.ndarray, axis: int, g: int = 0) -> np.ndarray:
        """Cell centres along one axis, float64 (m, n + 2 g), or (m, 1) in an inactive axis."""
        h = self.spacing(level)[:, axis, None]
        first = np.asarray(coords, np.int64)[:, axis, None] * self.block_cells[axis]
        ghost = g if axis < self.dim else 0
        cell = np.arange(-ghost, self.block_cells[axis] + ghost)
        return self.lower[axis] + (first + cell + 0.5) * h

    def cell_centers(self, level: np.ndarray | int, coords: np.ndarray, g: int = 0) -> np.ndarray:
        """Centres of all cells, ``g`` ghost layers included: float64 (dim, m, nk, nj, ni)."""
        axes = [self.axis_centers(level, coords, axis, g) for axis in range(3)]
        x, y, z = axes[0][:, None, None, :], axes[1][:, None, :, None], axes[2][:, :, None, None]
        shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
        return np.stack([np.broadcast_to(part, shape) for part in (x, y, z)[: self.dim]])

    def volumes(self, level: np.ndarray | int) -> np.ndarray:
        """Volume of one cell of each block (length in 1D, area in 2D), float64 (m,)."""
        # Sorted, because (a b) c and a (b c) may differ in the last bit: permuted axes must give the same volume.
        level = np.atleast_1d(level)
        return np.sort(self._spacing_to(level)[:, : self.dim], axis=1).prod(axis=1).take(level)

    def areas(self, level: np.ndarray | int) -> np.ndarray:
        """Area of a cell's face across each axis (1.0 in 1D), float64 (m, 3)."""
        h = self.spacing(level)
        return np.stack([h[:, 1] * h[:, 2], h[:, 0] * h[:, 2], h[:, 0] * h[:, 1]], axis=1)
