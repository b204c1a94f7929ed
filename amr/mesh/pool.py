"""Block storage: the layout of one block in memory and the pool that holds all blocks of a rank."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

_ALIGNMENT = 64


def aligned_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Float64 array, contents undefined, whose first element lies on a 64-byte boundary."""
    count = prod(shape)
    # NumPy asks the system for huge pages in empty() but not in zeros(); with 4 kB pages, sweeps over large pools wait for
    # the TLB.
    raw = np.empty(count * 8 + _ALIGNMENT, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset : offset + count * 8].view(np.float64).reshape(shape)


def aligned_zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Zeroed float64 array whose first element lies on a 64-byte boundary."""
    array = aligned_empty(shape)
    array.fill(0.0)
    return array


@dataclass(frozen=True)
class Layout:
    """Geometry of one block in memory (``amr_layout`` of csrc/amr.h).

    Parameters
    ----------
    dim : int
        Space dimension, 1 to 3.
    n : int
        Cells per active axis, even.
    g : int
        Ghost cells per side of an active axis.
    n_var : int
        Stored variables.
    """

    dim: int
    n: int
    g: int
    n_var: int

    @property
    def extent(self) -> tuple[int, int, int]:
        """Cells with ghosts per axis, ordered (i, j, k)."""
        full = self.n + 2 * self.g
        return (full, full if self.dim > 1 else 1, full if self.dim > 2 else 1)

    @property
    def ghost(self) -> tuple[int, int, int]:
        """Ghost width per axis, ordered (i, j, k)."""
        return (self.g, self.g if self.dim > 1 else 0, self.g if self.dim > 2 else 0)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Array shape of one block, (n_var, nk, nj, ni), ghosts included."""
        return (self.n_var, *self.extent[::-1])

    @property
    def interior(self) -> tuple[slice, slice, slice]:
        """Slices (k, j, i) of the interior cells."""
        return tuple(slice(g, e - g) for g, e in zip(self.ghost[::-1], self.extent[::-1], strict=True))  # type: ignore[return-value]

    @property
    def cells(self) -> int:
        """Interior cells of a block."""
        return self.n**self.dim


class Pool:
    """Two buffers of blocks, ``u`` (the state) and ``u_new`` (what a step or a regrid writes); `spare` is a third.

    Blocks stand in SFC order of the rank's leaves. Capacity grows geometrically, so that a regrid seldom allocates; what is
    not used yet is not touched, and so takes no memory. Nobody but the pool may hold a buffer while it is replaced.

    Attributes
    ----------
    is_filled : bool
        The ghosts of ``u`` are those of its interiors and of its time. Whoever has filled them may say so; another state in
        the buffers ends it.
    """

    def __init__(self, layout: Layout, n_block: int = 0) -> None:
        self.layout = layout
        self.n_block = 0
        self.is_filled = False
        self._buffers = [aligned_empty((0, *layout.shape)), aligned_empty((0, *layout.shape))]
        self._spare = aligned_empty((0, *layout.shape))
        self.resize(n_block)

    @property
    def u(self) -> np.ndarray:
        """State, (n_block, n_var, nk, nj, ni)."""
        return self._buffers[0][: self.n_block]

    @property
    def u_new(self) -> np.ndarray:
        """Target buffer, same shape as ``u``."""
        return self._buffers[1][: self.n_block]

    @property
    def spare(self) -> np.ndarray:
        """A third buffer, same shape as ``u``, contents undefined; made when it is first asked for."""
        if len(self._spare) < self.n_block:
            self._spare = aligned_empty((len(self._buffers[0]), *self.layout.shape))
        return self._spare[: self.n_block]

    def swap_spare(self) -> None:
        """Exchange ``u_new`` and ``spare``."""
        self._buffers[1], self._spare = self._spare, self._buffers[1]

    def reserve_new(self, n_block: int) -> np.ndarray:
        """Return ``u_new`` with room for ``n_block`` blocks (contents undefined); ``u`` is left as it is."""
        if len(self._buffers[1]) < n_block:
            self._buffers[1] = self._empty(n_block)
        return self._buffers[1][:n_block]

    def commit_new(self, n_block: int) -> None:
        """Make the first ``n_block`` blocks of ``u_new`` the state, and give the other buffer the same room."""
        self.swap()
        self.n_block = n_block
        if len(self._buffers[1]) < n_block:
            self._buffers[1] = self._empty(n_block)

    def resize(self, n_block: int) -> None:
        """Set the number of blocks; contents are undefined."""
        if min(map(len, self._buffers)) < n_block:
            self._buffers = []  # the old ones go before the new ones come
            self._buffers = [self._empty(n_block), self._empty(n_block)]
        self.n_block = n_block
        self.is_filled = False

    def swap(self) -> None:
        """Exchange ``u`` and ``u_new``."""
        self._buffers.reverse()
        self.is_filled = False

    def _empty(self, n_block: int) -> np.ndarray:
        return aligned_empty((n_block + n_block // 8, *self.layout.shape))
