"""Which boxes of cells fill ghosts: tables that the op lists refer to, and op lists of the regrid.

The boxes of a ghost fill depend on the direction, the relation and the child number only, so they are tabulated once per
(dim, n, g); csrc/ghost_plan.c looks them up for each leaf.

Words: a *slot* is the number of an offset D in the neighbour table; cells are counted from the first interior cell of a
block. The *coarse box* of a block with a COARSER neighbour has n/2 interior cells per axis (its own region on the next
coarser level) and ``coarse_ghost(g)`` ghost cells; prolongation reads from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

import amr._kernels.ghosts as _kernel

# Relations of amr.mesh.neighbors (the table is the mesh's; the numbers are part of its interface).
FINER, SAME, COARSER, OUTSIDE = 1, 0, -1, 2
Box = list[int]  # from ijk, to ijk, size ijk


def coarse_ghost(g: int) -> int:
    """Ghost width of the coarse box: the coarse cells under g ghost cells and one more for their slopes."""
    return (g + 1) // 2 + 1


def _span(d: int, n: int, g: int) -> tuple[int, int]:
    """First cell and size of the region d = -1, 0, 1 along an active axis."""
    return (-g, g) if d < 0 else (n, g) if d > 0 else (0, n)


def _row(starts_from: list[int], spans: list[tuple[int, int]]) -> Box:
    """Box row from per-axis source starts and (start, size) of the destination; inactive axes are padded."""
    pad = 3 - len(spans)
    return [*starts_from, *[0] * pad, *[s for s, _ in spans], *[0] * pad, *[m for _, m in spans], *[1] * pad]


def _fine_row(offset: tuple[int, ...], child: int, n: int, g: int) -> Box | None:
    """Box restricted from child number ``child`` of a FINER neighbour, None if that child does not touch the block."""
    start, spans = [], []
    for a, d in enumerate(offset):
        c = child >> a & 1
        if d and c != (d < 0):
            return None
        start.append(n - 2 * g if d < 0 else 0)
        spans.append(_span(d, n, g) if d else (c * n // 2, n // 2))
    return _row(start, spans)


def _coarse_row(offset: tuple[int, ...], child: int, n: int, gc: int) -> Box:
    """Box into the coarse box of a block that is child number ``child`` of its parent."""
    start, spans = [], []
    for a, d in enumerate(offset):
        first, size = _span(d, n // 2, gc)
        half = child >> a & 1
        start.append(first + half * n // 2 - (half + d >> 1) * n)
        spans.append((first, size))
    return _row(start, spans)


def _layers(offset: tuple[int, ...], n: int, g: int) -> list[tuple[tuple[int, ...], int, Box, Box]]:
    """(E, direction or -1, halo box, wall box) of the one-cell layers around the region of D = ``offset`` in the coarse box."""
    half, depth = n // 2, (g + 1) // 2
    layers = []
    for axis, d in enumerate(offset):
        for step in (-d,) if d else (-1, 1):
            e = list(offset)
            e[axis] += step
            spans = [_span(b, half, depth) for b in offset]
            inner = 0 if d < 0 else half - 1  # cell of the layer when E is nearer to the block than D
            spans[axis] = (inner if d else -1 if step < 0 else half, 1)
            start = [2 * s - b * n for (s, _), b in zip(spans, e, strict=True)]
            direction = -1 if d else 2 * axis + (step > 0)
            layers.append((tuple(e), direction, _row(start, spans), _row([0] * len(spans), spans)))
    return layers


@dataclass(frozen=True)
class Boxes:
    """The boxes of a dimension, block size and ghost width.

    Attributes
    ----------
    c : amr._kernels.ghosts.Boxes
        All of them, for the kernels.
    cells : int64 (n_box,)
        Cells of each.
    touches : bool (3^dim, 2^dim)
        By slot: children of a FINER neighbour that touch the block.
    boundary : int32 (2 dim, 16, 9)
        `boundary_box` by direction and sides.
    n_reading : int
        Boxes below this number are read from leaves (kinds SAME to HALO).
    """

    c: _kernel.Boxes
    cells: np.ndarray
    touches: np.ndarray
    boundary: np.ndarray
    n_reading: int


@lru_cache(maxsize=32)
def boxes(dim: int, n: int, g: int) -> Boxes:
    """Boxes for blocks of n^dim cells with g ghosts (n even, 2 g <= n)."""
    offsets = [tuple(o[::-1]) for o in product((-1, 0, 1), repeat=dim)]  # x fastest
    slot = {o: s for s, o in enumerate(offsets)}
    spans = [[_span(d, n, g) for d in o] for o in offsets]
    same = [
        _row([s - d * n for (s, _), d in zip(span, o, strict=True)], span)
        for o, span in zip(offsets, spans, strict=True)
    ]
    fine = [_fine_row(o, c, n, g) for o in offsets for c in range(2**dim)]
    coarse = [_coarse_row(o, c, n, coarse_ghost(g)) for o in offsets for c in range(2**dim)]
    layers = [(s, *row) for o, s in slot.items() if any(o) for row in _layers(o, n, g)]
    prolong = [_row([0] * dim, span) for span in spans]
    boundary = [boundary_box(dim, n, g, direction, later) for direction in range(2 * dim) for later in range(16)]
    kinds = [
        same,
        [row or [0] * 9 for row in fine],
        coarse,
        [m[3] for m in layers],
        [m[4] for m in layers],
        prolong,
        boundary,
    ]
    base = np.cumsum([0, *(len(rows) for rows in kinds)])[:7]
    touches = np.array([row is not None for row in fine]).reshape(len(offsets), 2**dim)
    of, origin, direction = (
        np.array(column, dtype=np.int32)
        for column in ([m[0] for m in layers], [slot[m[1]] for m in layers], [m[2] for m in layers])
    )
    beside = [sum(d != 0 for d in o) for o in offsets]
    # The coarse box and the boundary are always filled whole.
    per_child = [count for count in beside for _ in range(2**dim)]
    axes = [beside, per_child, *([0] * len(rows) for rows in kinds[2:5]), beside, [0] * len(boundary)]
    rows = [
        [*row, count, kind] for kind in range(len(kinds)) for row, count in zip(kinds[kind], axes[kind], strict=True)
    ]
    table = np.array(rows, dtype=np.int32)
    c = _kernel.Boxes(table, base, touches.astype(np.uint8), of, origin, direction)
    outside = table[base[_kernel.BOUNDARY] :, :9].reshape(2 * dim, 16, 9)
    return Boxes(c, c.cells(), touches, outside, int(base[_kernel.WALL]))


def boundary_box(dim: int, n: int, g: int, direction: int, later: int) -> Box:
    """Ghost box outside the face ``direction``; bit 2 b + s of ``later``: side s of the b-th axis after it is outside, too.

    Axis by axis, x first: a box spans the ghosts of earlier axes, and those of later axes unless they lie outside the domain
    themselves (their own pass fills these corners).
    """
    axis, side = divmod(direction, 2)
    spans = []
    for b in range(dim):
        if b == axis:
            spans.append((n, g) if side else (-g, g))
        elif b < axis:
            spans.append((-g, n + 2 * g))
        else:
            low, high = (0 if later >> (2 * (b - axis - 1) + s) & 1 else g for s in (0, 1))
            spans.append((-low, low + n + high))
    return _row([0] * dim, spans)


@dataclass(frozen=True)
class LeafOps:
    """Box ops between leaves of the whole forest: source and destination leaf (m,), boxes (m, 9)."""

    src: np.ndarray
    dst: np.ndarray
    box: np.ndarray

    def take(self, which: np.ndarray) -> LeafOps:
        """The ops selected by a mask or an index array."""
        return LeafOps(self.src[which], self.dst[which], self.box[which])

    def rows(self, src: Any, dst: Any, extra: Any = 0) -> np.ndarray:
        """Rows for C (int32 (m, 12)) with the given source and destination blocks and last column."""
        return op_rows(self.box, src, dst, extra)

    @property
    def cells(self) -> np.ndarray:
        """Cells of each destination box."""
        return self.box[:, 6:].prod(axis=1, dtype=np.int64)


def op_rows(box: np.ndarray, src: Any, dst: Any, extra: Any = 0) -> np.ndarray:
    """Rows for C (int32 (m, 12)) from boxes (m, 9)."""
    rows = np.empty((len(box), 12), dtype=np.int32)
    rows[:, 0], rows[:, 1], rows[:, 2:11], rows[:, 11] = src, dst, box, extra
    return rows


def child_number(coords: np.ndarray, dim: int) -> np.ndarray:
    """Number of a block among its siblings (x fastest) from its block coordinates (m, 3)."""
    bits = coords[:, :dim] & 1
    return bits @ (1 << np.arange(dim, dtype=bits.dtype))


def face_slot(dim: int, direction: int) -> int:
    """Slot of the neighbour through the face ``direction``."""
    axis, side = divmod(direction, 2)
    return (3**dim - 1) // 2 + (1 if side else -1) * 3**axis


def boundary_ops(relation: np.ndarray, blocks: np.ndarray, layout: Any) -> list[np.ndarray]:
    """Rows for the physical boundary of some blocks, per direction: one box per block and OUTSIDE face (see `boundary_box`).

    Parameters
    ----------
    relation : int8 (n_block, 3^dim)
    blocks : int (m,)
    """
    dim, n, g = layout.dim, layout.n, layout.g
    if not len(blocks):  # most meshes: no boundary is a function
        return [np.zeros((0, 12), dtype=np.int32)] * (2 * dim)
    outside = np.stack([relation[blocks, face_slot(dim, d)] == OUTSIDE for d in range(2 * dim)], axis=1)
    code = outside @ (1 << np.arange(2 * dim))
    table = boxes(dim, n, g)
    result = []
    for direction in range(2 * dim):
        rows = np.flatnonzero(outside[:, direction])
        later = code[rows] >> (2 * (direction // 2) + 2) & 15
        result.append(op_rows(table.boundary[direction, later], 0, blocks[rows], direction))
    return result


def owners(starts: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """Rank that owns each leaf."""
    return np.searchsorted(starts, leaves, side="right") - 1
