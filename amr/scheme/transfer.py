"""Move the data of a mesh to the mesh that follows it: copy, restrict where blocks merge, prolong where they split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amr._kernels.physics import PhysicsSpec
from amr._kernels.transfer import (
    LIMITED,
    LOW_PASS,
    copy_boxes,
    pack_boxes,
    prolong_boxes,
    restrict_boxes,
    restrict_pack,
    unpack_boxes,
)
from amr.comm import Comm, Exchange
from amr.mesh.pool import Layout, aligned_zeros
from amr.mesh.tree import Forest
from amr.scheme.messages import messages
from amr.scheme.ops import LeafOps, child_number, coarse_ghost, op_rows, owners

TAG_MOVE = 14
_RESTRICTED = (False, True, False)  # by kind: blocks that stay, blocks from children, blocks from a parent


@dataclass(frozen=True)
class Prolongation:
    """How blocks that split are prolonged: the kernel's mode, and the layers of the parent's ghosts that it reads."""

    mode: int
    layers: int


PROLONGATIONS: dict[str, Prolongation] = {
    "limited": Prolongation(LIMITED, 1),
    "low_pass": Prolongation(LOW_PASS, 2),
}


def _box(layout: Layout, start_from: np.ndarray, start_to: np.ndarray, size: int) -> np.ndarray:
    """Boxes (m, 9) of ``size`` cells per active axis; starts (m, 3) count in active axes only."""
    box = np.zeros((len(start_from), 9), dtype=np.int32)
    box[:, 6:] = 1
    box[:, : layout.dim] = start_from[:, : layout.dim]
    box[:, 3 : 3 + layout.dim] = start_to[:, : layout.dim]
    box[:, 6 : 6 + layout.dim] = size
    return box


def move_ops(
    forest: Forest, leaves: np.ndarray, source: np.ndarray, change: np.ndarray, layout: Layout, layers: int
) -> tuple[LeafOps, LeafOps, LeafOps]:
    """Box ops from old leaves to the new ``leaves``: whole blocks, octants from children, coarse boxes from a parent.

    Parameters
    ----------
    forest : Forest
        The new one.
    leaves : int (m,)
        Ascending new leaf indices.
    source, change : int (n_new,)
        As `Forest.adapt` returns them.
    layout : Layout
    layers : int
        Coarse cells that a box from a parent has around it.
    """
    n, dim = layout.n, layout.dim
    step, origin = change[leaves], source[leaves].astype(np.int64)
    bits = np.arange(2**dim)[:, None] >> np.arange(3) & 1
    zero = np.zeros((1, 3), dtype=np.int64)

    stay = leaves[step == 0]
    copies = LeafOps(origin[step == 0], stay, _box(layout, zero, zero, n).repeat(len(stay), axis=0))
    merged = leaves[step < 0]
    octants = _box(layout, np.zeros((2**dim, 3), dtype=np.int64), bits * (n // 2), n // 2)
    merges = LeafOps(
        (origin[step < 0][:, None] + np.arange(2**dim)).ravel(),
        np.repeat(merged, 2**dim),
        np.tile(octants, (len(merged), 1)),
    )
    split = leaves[step > 0]
    own = bits[child_number(forest.coords[split], dim)]
    rim = _box(layout, own * (n // 2) - layers, np.full_like(own, -layers), n // 2 + 2 * layers)
    halves = LeafOps(origin[step > 0], split, rim)
    return copies, merges, halves


def regrid_move(
    old: Forest,
    old_starts: np.ndarray,
    new: Forest,
    new_starts: np.ndarray,
    source: np.ndarray,
    change: np.ndarray,
    comm: Comm,
    layout: Layout,
    spec: PhysicsSpec,
    u_old: np.ndarray,
    u_new: np.ndarray,
    prolongation: str = "limited",
) -> int:
    """Fill the interiors of the new local blocks from the old ones, wherever those are (collective, one round of messages).

    Parameters
    ----------
    old, new : Forest
    old_starts, new_starts : int64 (size + 1,)
        Partitions of their leaves.
    source, change : int (n_new,)
        Origin of each new leaf, as `Forest.adapt` returns them.
    comm : Comm
    layout : Layout
    spec : PhysicsSpec
        Decides which prolonged states are physical.
    u_old : float64 (n_old_local, n_var, nk, nj, ni)
        Ghosts of the blocks that split filled: children at the rim of their parent take slopes across it.
    u_new : float64 (n_new_local, n_var, nk, nj, ni)
        Interiors are written; not the same memory as ``u_old``.
    prolongation : str
        Name in `PROLONGATIONS`.

    Returns
    -------
    int
        Coarse cells prolonged constant because a child would have been unphysical (this rank).
    """
    chosen = PROLONGATIONS[prolongation]
    lo, hi = int(new_starts[comm.rank]), int(new_starts[comm.rank + 1])
    old_lo, old_hi = int(old_starts[comm.rank]), int(old_starts[comm.rank + 1])
    leaves = np.arange(lo, hi)
    coarse_layout = Layout(layout.dim, layout.n // 2, coarse_ghost(layout.g), layout.n_var)
    is_split = change[lo:hi] > 0
    slots = np.cumsum(is_split) - 1
    coarse = aligned_zeros((int(is_split.sum()), *coarse_layout.shape))

    kinds = move_ops(new, leaves, source, change, layout, chosen.layers)
    here = [(ops.src >= old_lo) & (ops.src < old_hi) for ops in kinds]
    to = [ops.dst - lo for ops in kinds[:2]] + [slots[kinds[2].dst - lo]]
    away = [ops.take(~is_local) for ops, is_local in zip(kinds, here, strict=True)]
    zeros = [np.zeros(len(ops.src), dtype=np.int64) for ops in away]
    recv = messages(
        away, [owners(old_starts, ops.src) for ops in away], zeros, [t[~h] for t, h in zip(to, here, strict=True)]
    )
    # A merged leaf may take some of its children from this rank even if its first child lives on the rank before.
    first, last = np.searchsorted(source, [old_lo - 2**layout.dim + 1, old_hi])
    outside = np.arange(first, last)
    outside = outside[(outside < lo) | (outside >= hi)]
    sent = [
        ops.take((ops.src >= old_lo) & (ops.src < old_hi))
        for ops in move_ops(new, outside, source, change, layout, chosen.layers)
    ]
    zeros = [np.zeros(len(ops.src), dtype=np.int64) for ops in sent]
    send = messages(sent, [owners(new_starts, ops.dst) for ops in sent], [ops.src - old_lo for ops in sent], zeros)

    send_buffer, send_parts = send.buffers(layout.n_var)
    recv_buffer, recv_parts = recv.buffers(layout.n_var)
    exchange = Exchange(comm, send_parts, recv_parts, TAG_MOVE)
    for rows, restricted in zip(send.rows, _RESTRICTED, strict=True):
        (restrict_pack if restricted else pack_boxes)(layout, u_old, send_buffer, rows)
    exchange.start()
    targets = ((layout, u_new), (layout, u_new), (coarse_layout, coarse))
    for ops, is_local, place, restricted, target in zip(kinds, here, to, _RESTRICTED, targets, strict=True):
        mine = ops.take(is_local)
        rows = mine.rows(mine.src - old_lo, place[is_local])
        (restrict_boxes if restricted else copy_boxes)(layout, u_old, *target, rows)
    exchange.wait()
    exchange.free()
    for rows, target in zip(recv.rows, targets, strict=True):
        unpack_boxes(recv_buffer, *target, rows)

    blocks = np.flatnonzero(is_split)
    zero = np.zeros((len(blocks), 3), dtype=np.int64)
    whole = op_rows(_box(layout, zero, zero, layout.n), slots[blocks], blocks)
    return prolong_boxes(spec, coarse_layout, coarse, layout, u_new, whole, chosen.mode)
