"""Fill the ghosts of all local blocks with one round of messages.

Every value that crosses a rank or a level is taken from the interior of a leaf: same-level ghosts are copied, finer data are
restricted before they are sent, coarser data arrive as coarse cells with the halo that slopes need and are prolonged here (the
scheme of Athena++: Stone et al., ApJS 249 (2020) 4). A ghost cell therefore depends on its place and level only, and two blocks
that see the same ghost cell hold the same bits.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amr._kernels.physics import PhysicsSpec
from amr._kernels.transfer import (
    copy_boxes,
    pack_boxes,
    prolong_boxes,
    restrict_boxes,
    restrict_pack,
    unpack_boxes,
)
from amr.comm import Comm, Exchange
from amr.errors import AMRError
from amr.mesh.neighbors import NeighborTable, neighbors
from amr.mesh.pool import Layout, aligned_zeros
from amr.mesh.tree import Forest
from amr.physics.boundary import BoundaryFill
from amr.scheme.messages import Messages, messages
from amr.scheme.ops import (
    COARSER,
    LeafOps,
    boundary_ops,
    build_ops,
    coarse_ghost,
    join,
    owners,
    prolong_ops,
    wall_ops,
)

TAG_GHOSTS, TAG_MASK = 11, 12


class _Channel:
    """Buffers and requests of one exchange with ``n_var`` variables, and the coarse pool it prolongs from."""

    def __init__(self, fill: GhostFill, n_var: int, tag: int) -> None:
        self.layout = replace(fill.layout, n_var=n_var)
        self.coarse_layout = replace(fill.coarse_layout, n_var=n_var)
        self.coarse = aligned_zeros((fill.n_coarse, *self.coarse_layout.shape))
        self.send, send = fill.send.buffers(n_var)
        self.recv, recv = fill.recv.buffers(n_var)
        self.exchange = Exchange(fill.comm, send, recv, tag)


class GhostFill:
    """The ghost fill of one mesh on one partition.

    Parameters
    ----------
    forest : Forest
    starts : int64 (size + 1,)
        Leaves starts[r] to starts[r + 1] belong to rank r.
    comm : Comm
    layout : Layout
    spec : PhysicsSpec
        Decides which prolonged states are physical.
    boundary : BoundaryFill

    Attributes
    ----------
    inner, outer : int32 arrays
        Local blocks whose ghosts need no message, and the others.
    table : NeighborTable
        Neighbours of the local leaves.
    n_prolong_fallback : int
        Coarse cells prolonged constant so far because a child would have been unphysical (this rank).

    Making one is not collective; filling is (over the ranks that share faces, edges or corners).
    """

    # Kinds of ops, in the order of build_ops: into ghosts (copy, restrict) and into the coarse box (copy, restrict).
    _RESTRICTED = (False, True, False, True)
    _TO_COARSE = (False, False, True, True)

    def __init__(
        self,
        forest: Forest,
        starts: np.ndarray,
        comm: Comm,
        layout: Layout,
        spec: PhysicsSpec,
        boundary: BoundaryFill,
    ) -> None:
        self.comm, self.layout, self.spec = comm, layout, spec
        self.coarse_layout = Layout(layout.dim, layout.n // 2, coarse_ghost(layout.g), layout.n_var)
        self.n_prolong_fallback = 0
        self._error: AMRError | None = None
        self._boundary = boundary
        lo, hi = int(starts[comm.rank]), int(starts[comm.rank + 1])
        self.n_block = hi - lo
        leaves = np.arange(lo, hi)
        self.table: NeighborTable = neighbors(forest, leaves)
        relation = self.table.relation
        has_coarser = (relation == COARSER).any(axis=1)
        slots = np.cumsum(has_coarser) - 1
        self.n_coarse = int(has_coarser.sum())
        kinds = build_ops(forest.coords[lo:hi], leaves, self.table, layout)

        self._local: list[np.ndarray] = []
        remote: list[LeafOps] = []
        for ops, to_coarse in zip(kinds, self._TO_COARSE, strict=True):
            is_local = (ops.src >= lo) & (ops.src < hi)
            here = ops.take(is_local) if comm.size > 1 else ops
            self._local.append(here.rows(here.src - lo, slots[here.dst - lo] if to_coarse else here.dst - lo))
            remote.append(ops.take(~is_local))
        to = [slots[o.dst - lo] if c else o.dst - lo for o, c in zip(remote, self._TO_COARSE, strict=True)]
        zeros = [np.zeros(len(o.src), dtype=np.int64) for o in remote]
        self.recv = messages(remote, [owners(starts, o.src) for o in remote], zeros, to)
        self.send = self._plan_send(forest, starts, np.unique(join(remote[:3]).src), lo, hi)

        waits = np.zeros(self.n_block, dtype=bool)
        waits[join(remote).dst - lo] = True
        self.inner, self.outer = (np.flatnonzero(w).astype(np.int32) for w in (~waits, waits))
        place = forest.level[lo:hi], forest.coords[lo:hi]
        walls, prolongs = wall_ops(relation, slots, layout), prolong_ops(relation, slots, layout)
        faces = boundary_ops(relation, layout)
        slot_waits = waits[has_coarser]
        self._walls, self._prolongs, self._faces = [], [], []
        for group in (False, True):
            self._walls.append(walls[slot_waits[walls[:, 1]] == group])
            self._prolongs.append(prolongs[waits[prolongs[:, 1]] == group])
            self._faces.append(boundary.plan([f[waits[f[:, 1]] == group] for f in faces], *place))
        self._channel = _Channel(self, layout.n_var, TAG_GHOSTS)
        self._mask_channel: _Channel | None = None

    def _plan_send(self, forest: Forest, starts: np.ndarray, remote: np.ndarray, lo: int, hi: int) -> Messages:
        """Messages to the leaves ``remote``, all remote leaves that touch a local one."""
        kinds = build_ops(forest.coords[remote], remote, neighbors(forest, remote), self.layout) if len(remote) else ()
        mine = [ops.take((ops.src >= lo) & (ops.src < hi)) for ops in kinds]
        if not mine:
            return Messages([np.zeros((0, 12), dtype=np.int32)] * 4, {})
        zeros = [np.zeros(len(o.src), dtype=np.int64) for o in mine]
        return messages(mine, [owners(starts, o.dst) for o in mine], [o.src - lo for o in mine], zeros)

    # ---- one fill --------------------------------------------------------------------------------------------------------

    def start(self, u: np.ndarray, t: float) -> None:
        """Pack and send; ``u`` (n_block, n_var, nk, nj, ni) is read now."""
        self._start(self._channel, u)

    def finish_inner(self, u: np.ndarray, t: float) -> None:
        """Do everything that needs no message; afterwards the ghosts of the ``inner`` blocks are filled. In place."""
        self._copy_local(self._channel, u)
        self._complete(self._channel, u, t, 0)

    def finish_outer(self, u: np.ndarray, t: float) -> None:
        """Wait for the messages; afterwards all ghosts are filled. In place.

        Raises
        ------
        PluginError
            A boundary function failed here, in this call or in `finish_inner`; not on all ranks, the caller lets them agree.
        """
        self._unpack(self._channel, u)
        self._complete(self._channel, u, t, 1)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def fill(self, u: np.ndarray, t: float) -> None:
        """`start`, `finish_inner` and `finish_outer`."""
        self.start(u, t)
        self.finish_inner(u, t)
        self.finish_outer(u, t)

    def fill_mask(self, mask: np.ndarray) -> None:
        """Fill the ghosts of a mask pool (n_block, 1, nk, nj, ni). In place, collective as `fill`.

        Values > 0 count as set: restriction averages, prolongation is constant, and outside the domain the nearest cell counts.
        """
        if self._mask_channel is None:
            self._mask_channel = _Channel(self, 1, TAG_MASK)
        channel = self._mask_channel
        self._start(channel, mask)
        self._copy_local(channel, mask)
        self._unpack(channel, mask)
        for group in (0, 1):
            self._prolong(channel, mask, group, is_mask=True)
            self._faces[group].fill_mask(channel.layout, mask)

    def free(self) -> None:
        """Give the requests back; the object cannot fill any more."""
        self._channel.exchange.free()
        if self._mask_channel is not None:
            self._mask_channel.exchange.free()

    # ---- parts -----------------------------------------------------------------------------------------------------------

    def _start(self, channel: _Channel, u: np.ndarray) -> None:
        for rows, restricted in zip(self.send.rows, self._RESTRICTED, strict=True):
            (restrict_pack if restricted else pack_boxes)(channel.layout, u, channel.send, rows)
        channel.exchange.start()

    def _copy_local(self, channel: _Channel, u: np.ndarray) -> None:
        for rows, restricted, to_coarse in zip(self._local, self._RESTRICTED, self._TO_COARSE, strict=True):
            run = restrict_boxes if restricted else copy_boxes
            if to_coarse:
                run(channel.layout, u, channel.coarse_layout, channel.coarse, rows)
            else:
                run(channel.layout, u, channel.layout, u, rows)

    def _unpack(self, channel: _Channel, u: np.ndarray) -> None:
        channel.exchange.wait()
        for rows, to_coarse in zip(self.recv.rows, self._TO_COARSE, strict=True):
            if to_coarse:
                unpack_boxes(channel.recv, channel.coarse_layout, channel.coarse, rows)
            else:
                unpack_boxes(channel.recv, channel.layout, u, rows)

    def _prolong(self, channel: _Channel, u: np.ndarray, group: int, is_mask: bool) -> None:
        self._boundary.coarse(channel.coarse_layout, channel.coarse, self._walls[group], is_mask)
        n_fallback = prolong_boxes(
            self.spec, channel.coarse_layout, channel.coarse, channel.layout, u, self._prolongs[group], is_mask
        )
        self.n_prolong_fallback += n_fallback

    def _complete(self, channel: _Channel, u: np.ndarray, t: float, group: int) -> None:
        """Prolong, then fill outside the domain, for the inner (0) or the outer (1) blocks."""
        self._prolong(channel, u, group, is_mask=False)
        try:
            self._faces[group].fill(u, t)
        except AMRError as error:
            # The messages under way must still be received: finish_outer raises it.
            self._error = self._error or error
