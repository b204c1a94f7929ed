"""Which box of which leaf goes to which ghost box: the op lists of a ghost fill, as arrays.

The boxes depend on the direction, the relation and the child number only, so they are tabulated once per (dim, n, g) and
looked up for all leaves together. Sender and receiver of a message call the same `build_ops` and so agree on its contents
without talking.

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

# Relations of amr.mesh.neighbors (the table is the mesh's; the numbers are part of its interface).
FINER, SAME, COARSER, OUTSIDE = 1, 0, -1, 2
Box = list[int]  # from ijk, to ijk, size ijk


def coarse_ghost(g: int) -> int:
    """Ghost width of the coarse box: the coarse cells under g ghost cells and one more for their slopes."""
    return (g + 1) // 2 + 1


@dataclass(frozen=True)
class Templates:
    """Boxes (int32 rows: from ijk, to ijk, size ijk) by slot; see the module text for the words."""

    centre: int
    same: np.ndarray  # (S, 9) from a SAME neighbour's interior
    touches: np.ndarray  # (S, 2^d) bool: children of a FINER neighbour that touch the block
    fine: np.ndarray  # (S, 2^d, 9) restricted from such a child
    coarse: np.ndarray  # (S, 2^d, 9) into the coarse box, by slot and child number of the block
    halo_of: (
        np.ndarray
    )  # (P,) slots D and E: layers beside D's region, restricted from E, which slopes in D's region need
    halo_from: np.ndarray  # (P,)
    halo: np.ndarray  # (P, 9)
    wall: np.ndarray  # (P, 9) the same layers on the coarse box alone, for E OUTSIDE
    wall_direction: np.ndarray  # (P,) face through which E leaves D's region; -1 where E is nearer to the block than D
    prolong: np.ndarray  # (S, 9) ghost box of D in the block


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


@lru_cache(maxsize=32)
def templates(dim: int, n: int, g: int) -> Templates:
    """Tables for blocks of n^dim cells with g ghosts (n even, 2 g <= n)."""
    offsets = [tuple(o[::-1]) for o in product((-1, 0, 1), repeat=dim)]  # x fastest
    slot = {o: s for s, o in enumerate(offsets)}
    fine = [[_fine_row(o, c, n, g) for c in range(2**dim)] for o in offsets]
    layers = [(s, *row) for o, s in slot.items() if any(o) for row in _layers(o, n, g)]

    def table(rows: Any) -> np.ndarray:
        return np.array(rows, dtype=np.int32)

    same = []
    for o in offsets:
        spans = [_span(d, n, g) for d in o]
        same.append(_row([s - d * n for (s, _), d in zip(spans, o, strict=True)], spans))
    return Templates(
        centre=slot[(0,) * dim],
        same=table(same),
        touches=np.array([[row is not None for row in rows] for rows in fine]),
        fine=table([[row or [0] * 9 for row in rows] for rows in fine]),
        coarse=table([[_coarse_row(o, c, n, coarse_ghost(g)) for c in range(2**dim)] for o in offsets]),
        halo_of=table([m[0] for m in layers]),
        halo_from=table([slot[m[1]] for m in layers]),
        halo=table([m[3] for m in layers]),
        wall=table([m[4] for m in layers]),
        wall_direction=table([m[2] for m in layers]),
        prolong=table([_row([0] * dim, [_span(d, n, g) for d in o]) for o in offsets]),
    )


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


def join(parts: list[LeafOps]) -> LeafOps:
    """One list from several, in order."""
    return LeafOps(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("src", "dst", "box")))


def child_number(coords: np.ndarray, dim: int) -> np.ndarray:
    """Number of a block among its siblings (x fastest) from its block coordinates (m, 3)."""
    bits = coords[:, :dim] & 1
    return bits @ (1 << np.arange(dim, dtype=bits.dtype))


def build_ops(
    coords: np.ndarray, leaves: np.ndarray, table: Any, layout: Any
) -> tuple[LeafOps, LeafOps, LeafOps, LeafOps]:
    """Box ops that fill the ghosts of ``leaves`` from interiors, in canonical order (destination leaf, then slot).

    Parameters
    ----------
    coords : int (m, 3)
        Block coordinates of the leaves.
    leaves : int (m,)
        Ascending leaf indices.
    table : NeighborTable
        ``relation`` and ``leaf`` (m, 3^dim) of these leaves.
    layout : Layout

    Returns
    -------
    same, fine : LeafOps
        Copies and restrictions into ghosts.
    coarse, halo : LeafOps
        Copies and restrictions into the coarse box of the destination.
    """
    t = templates(layout.dim, layout.n, layout.g)
    relation, leaf = table.relation, table.leaf
    q, s = np.nonzero(relation == SAME)
    same = LeafOps(leaf[q, s], leaves[q], t.same[s])

    q, s = np.nonzero(relation == FINER)
    child = table.children(q, s)
    m, c = np.nonzero(t.touches[s])
    fine = LeafOps(child[m, c], leaves[q[m]], t.fine[s[m], c])

    rows = np.flatnonzero((relation == COARSER).any(axis=1))
    near = relation[rows]
    q, s = np.nonzero(near == COARSER)
    q = rows[q]
    coarse = LeafOps(leaf[q, s], leaves[q], t.coarse[s, child_number(coords[q], layout.dim)])

    given = near == SAME
    given[:, t.centre] = True
    q, p = np.nonzero((near[:, t.halo_of] == COARSER) & given[:, t.halo_from])
    q, e = rows[q], t.halo_from[p]
    halo = LeafOps(np.where(e == t.centre, leaves[q], leaf[q, e]), leaves[q], t.halo[p])
    return same, fine, coarse, halo


def wall_ops(relation: np.ndarray, slots: np.ndarray, layout: Any) -> np.ndarray:
    """Rows for `boundary_coarse`: layers outside the domain beside COARSER regions; ``slots`` maps block to coarse box."""
    t = templates(layout.dim, layout.n, layout.g)
    q, p = np.nonzero((relation[:, t.halo_of] == COARSER) & (relation[:, t.halo_from] == OUTSIDE))
    return op_rows(t.wall[p], 0, slots[q], t.wall_direction[p])


def prolong_ops(relation: np.ndarray, slots: np.ndarray, layout: Any) -> np.ndarray:
    """Rows for `prolong_boxes`: ghost boxes with a COARSER neighbour."""
    t = templates(layout.dim, layout.n, layout.g)
    q, s = np.nonzero(relation == COARSER)
    return op_rows(t.prolong[s], slots[q], q)


def face_slot(dim: int, direction: int) -> int:
    """Slot of the neighbour through the face ``direction``."""
    axis, side = divmod(direction, 2)
    return (3**dim - 1) // 2 + (1 if side else -1) * 3**axis


def boundary_ops(relation: np.ndarray, layout: Any) -> list[np.ndarray]:
    """Rows for the physical boundary, per direction: one box per block and OUTSIDE face.

    Axis by axis, x first: a box spans the ghosts of earlier axes, and those of later axes unless they lie outside the domain
    themselves (their own pass fills these corners).
    """
    dim, n, g = layout.dim, layout.n, layout.g
    outside = [relation[:, face_slot(dim, d)] == OUTSIDE for d in range(2 * dim)]
    result = []
    for direction in range(2 * dim):
        axis, side = divmod(direction, 2)
        blocks = np.flatnonzero(outside[direction])
        box = np.zeros((len(blocks), 9), dtype=np.int32)
        box[:, 6:] = 1
        for b in range(dim):
            if b == axis:
                first, last = (n, n + g) if side else (-g, 0)
            elif b < axis:
                first, last = -g, n + g
            else:
                first = np.where(outside[2 * b][blocks], 0, -g)
                last = np.where(outside[2 * b + 1][blocks], n, n + g)
            box[:, 3 + b], box[:, 6 + b] = first, last - first
        result.append(op_rows(box, 0, blocks, direction))
    return result


def owners(starts: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """Rank that owns each leaf."""
    return np.searchsorted(starts, leaves, side="right") - 1
