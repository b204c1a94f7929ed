"""The leaves as an unstructured mesh of lines, quadrilaterals or hexahedra, one per cell.

Hanging nodes stay plain points. Points are shared between the blocks of a rank (found by their integer place on the
lattice of the finest level present, never by comparing floating-point numbers) and repeated between ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from amr.io.files import SharedFile, chunks

if TYPE_CHECKING:
    from amr.io.snapshot import Snapshot

VTK_LINE, VTK_QUAD, VTK_HEXAHEDRON = 3, 9, 12
CELL_TYPE = {1: VTK_LINE, 2: VTK_QUAD, 3: VTK_HEXAHEDRON}
# Corners of a cell in VTK's order, as offsets (x, y, z) on the lattice.
_RING = ((0, 0), (1, 0), (1, 1), (0, 1))
_CORNERS = {
    1: ((0, 0, 0), (1, 0, 0)),
    2: tuple((x, y, 0) for x, y in _RING),
    3: tuple((x, y, z) for z in (0, 1) for x, y in _RING),
}


@dataclass(frozen=True)
class Field:
    """A cell array of the output: its name, little-endian type and number of components."""

    name: str
    dtype: str
    components: int


class Unstructured:
    """Points and cells of the leaves of this rank, and their place among those of all ranks. Collective to make.

    Parameters
    ----------
    snapshot : Snapshot

    Attributes
    ----------
    points : float64 (m, 3)
        This rank's points.
    n_points, n_cells : int
        Of all ranks.
    first_point, first_cell : int
        This rank's first in the numbering of all.
    corners : int
        Corners of a cell.
    fields : list of Field
        Cell arrays: the primitive variables, the snapshot's own fields, level, rank.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        layout = snapshot.layout
        self.corners = 1 << layout.dim
        self._ids, self.points = _number_points(snapshot)
        counts = snapshot.comm.allgatherv(np.array([len(self.points)], dtype=np.int64))
        self.n_points = int(counts.sum())
        self.first_point = int(counts[: snapshot.comm.rank].sum())
        self.n_cells = snapshot.n_leaves * layout.cells
        self.first_cell = snapshot.leaves.start * layout.cells
        self.n_own_cells = snapshot.n_block * layout.cells
        self.fields = [Field(n, "<f8", 3 if vector else 1) for n, vector in snapshot.primitive_names().items()]
        self.fields += [Field(name, "<f8", 1) for name in snapshot.fields]
        # A signed byte: viewers take unsigned bytes for colours.
        self.fields += [Field("level", "|i1", 1), Field("rank", "<i4", 1)]

    def connectivity(self) -> Iterator[np.ndarray]:
        """Yield point numbers (among all ranks') of this rank's cells, int64 (m, corners), in chunks of whole blocks."""
        layout = self.snapshot.layout
        template = _cell_template(layout.dim, layout.n)
        for part in chunks(len(self._ids), 8 * template.size):
            yield self._ids[part][:, template].reshape(-1, self.corners) + self.first_point

    def values(self) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yield (first cell among this rank's, {field: array (m,) or (m, 3)}) in chunks of whole blocks."""
        snapshot = self.snapshot
        cells = snapshot.layout.cells
        for part, interior in snapshot.interiors():
            first, count = part.start * cells, len(interior) * cells
            out = {name: _columns(value, count) for name, value in snapshot.primitives(interior).items()}
            for name, value in snapshot.fields.items():
                out[name] = _per_cell(value[part], cells)
            out["level"] = np.repeat(snapshot.level[part], cells)
            out["rank"] = np.full(count, snapshot.comm.rank)
            yield first, out

    def write(self, file: SharedFile, places: dict[str, int], index_type: str, leading_zero: bool) -> None:
        """Write this rank's part of every array at its place in a file. Not collective.

        Parameters
        ----------
        file : SharedFile
        places : dict
            Byte offsets of the arrays "points", "connectivity", "offsets", "types" and of each field.
        index_type : str
            Type of connectivity and offsets.
        leading_zero : bool
            Whether the offsets begin with 0 (VTKHDF) or with the end of the first cell (VTU).
        """
        own = self.n_own_cells
        width = np.dtype(index_type).itemsize
        file.write_at(places["points"] + 24 * self.first_point, self.points.astype("<f8", copy=False))
        at = places["connectivity"] + width * self.corners * self.first_cell
        for part in self.connectivity():
            at = file.write_at(at, part.astype(index_type))
        begin = self.first_cell if leading_zero and self.first_cell == 0 else self.first_cell + 1
        if own:
            ends = np.arange(begin, self.first_cell + own + 1, dtype=index_type) * self.corners
            shift = begin if leading_zero else begin - 1
            file.write_at(places["offsets"] + width * shift, ends.astype(index_type, copy=False))
            file.write_at(places["types"] + self.first_cell, np.full(own, CELL_TYPE[self.snapshot.layout.dim], "|u1"))
        for first, arrays in self.values():
            for each in self.fields:
                size = np.dtype(each.dtype).itemsize * each.components
                place = places[each.name] + size * (self.first_cell + first)
                file.write_at(place, np.ascontiguousarray(arrays[each.name], dtype=each.dtype))


def _columns(value: np.ndarray, count: int) -> np.ndarray:
    """A scalar (m,) as it is; a vector (dim, m) as (m, 3), padded with zeros."""
    if np.ndim(value) == 1:
        return value
    out = np.zeros((count, 3))
    out[:, : len(value)] = value.T
    return out


def _per_cell(value: np.ndarray, cells: int) -> np.ndarray:
    """Values per block (m,) or per cell (m, nk, nj, ni) as (m * cells,)."""
    return np.repeat(value, cells) if value.ndim == 1 else value.reshape(-1)


def _lattice(dim: int, n: int) -> np.ndarray:
    """Corner points of the cells of a block, int64 ((n + 1)^dim, 3), x fastest."""
    axes = [np.arange(n + 1 if axis < dim else 1) for axis in range(3)]
    k, j, i = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(np.int64)


def _cell_template(dim: int, n: int) -> np.ndarray:
    """Indices into `_lattice` of the corners of each cell, int64 (n^dim, 2^dim), cells in memory order."""
    stride = np.array([1, n + 1, (n + 1) ** 2])
    axes = [np.arange(n if axis < dim else 1) for axis in range(3)]
    k, j, i = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    origin = i.ravel() + stride[1] * j.ravel() + stride[2] * k.ravel()
    return origin[:, None] + (np.array(_CORNERS[dim]) @ stride)[None, :]


def _number_points(snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """Number the points of this rank's blocks.

    Returns
    -------
    ids : int64 (n_block, (n + 1)^dim)
        Number of each corner point.
    points : float64 (m, 3)
    """
    dim, n, n_block = snapshot.layout.dim, snapshot.layout.n, snapshot.n_block
    local = _lattice(dim, n)
    finest = int(snapshot.forest.level.max(initial=0))
    shift = (finest - snapshot.level.astype(np.int64))[:, None]
    step = np.arange(n + 1, dtype=np.int64)
    # Places of a block's lattice planes along each active axis, (n_block, n + 1) each.
    planes = [((snapshot.coords[:, a, None].astype(np.int64) * n) + step) << shift for a in range(dim)]
    spacing = snapshot.geometry.spacing(finest)[0]
    lower = snapshot.geometry.lower
    # Only points on the surface of a block can be shared: the others are numbered block by block without a search.
    on_surface = ((local[:, :dim] == 0) | (local[:, :dim] == n)).any(axis=1)
    inner, outer = local[~on_surface], local[on_surface]
    surface, where = _unique([plane[:, outer[:, a]].ravel() for a, plane in enumerate(planes)])
    n_inner = n_block * len(inner)
    points = np.zeros((n_inner + len(surface[0]), 3))
    for a, plane in enumerate(planes):
        points[:n_inner, a] = (lower[a] + plane * spacing[a])[:, inner[:, a]].ravel()
        points[n_inner:, a] = lower[a] + surface[a] * spacing[a]
    ids = np.empty((n_block, len(local)), dtype=np.int64)
    ids[:, ~on_surface] = np.arange(n_inner).reshape(n_block, len(inner))
    ids[:, on_surface] = n_inner + where.reshape(n_block, len(outer))
    return ids, points


def _unique(places: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Distinct places, given and returned as one int64 (m,) per axis, and the index of each given place among them."""
    if not len(places[0]):
        return places, np.empty(0, dtype=np.int64)
    lower = [int(axis.min()) for axis in places]
    sizes = [int(axis.max()) - low + 1 for axis, low in zip(places, lower, strict=True)]
    if prod(sizes) >= 1 << 63:
        rows, where = np.unique(np.stack(places, axis=1), axis=0, return_inverse=True)
        return list(rows.T), where
    code = np.zeros(len(places[0]), dtype=np.int64)
    for axis, low, size in zip(places, lower, sizes, strict=True):
        code *= size
        code += axis - low
    code, where = np.unique(code, return_inverse=True)
    out = []
    for low, size in zip(lower[::-1], sizes[::-1], strict=True):
        code, rest = np.divmod(code, size)
        out.append(rest + low)
    return out[::-1], where
