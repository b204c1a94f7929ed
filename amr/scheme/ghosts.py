"""Fill ghosts with one round of messages.

Every value that crosses a rank or a level is taken from the interior of a leaf: same-level ghosts are copied, finer data are
restricted before they are sent, coarser data arrive as coarse cells with the halo that slopes need and are prolonged here (the
scheme of Athena++: Stone et al., ApJS 249 (2020) 4). A ghost cell therefore depends on its place and level only, and two blocks
that see the same ghost cell hold the same bits.

Sender and receiver run the same `ghost_ops` on the same leaves and so agree on a message's contents without talking.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from amr._kernels.ghosts import GhostPlan, ghost_ops
from amr._kernels.physics import PhysicsSpec
from amr.comm import Comm, Exchange
from amr.errors import AMRError
from amr.mesh.neighbors import NeighborTable, neighbors
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics.boundary import BoundaryFill, BoundaryPlan
from amr.scheme.messages import Messages
from amr.scheme.ops import OUTSIDE, Boxes, boundary_ops, boxes, coarse_ghost, face_slot, owners

TAG_GHOSTS, TAG_MASK = 100, 200  # plus the group


@dataclass(frozen=True)
class Pools:
    """Where a ghost fill reads, each float64 (n_block, n_var, nk, nj, ni).

    Attributes
    ----------
    own, finer : array
        Pool of the blocks to be filled and of leaves of their level, and of finer leaves.
    coarser, coarser_2 : array
        Of coarser leaves, at two times.
    theta : float
        Coarser values are ``(1 - theta) coarser + theta coarser_2``.
    """

    own: np.ndarray
    finer: np.ndarray
    coarser: np.ndarray
    coarser_2: np.ndarray
    theta: float = 0.0

    @classmethod
    def one(cls, u: np.ndarray) -> Pools:
        """Everything from one pool, at one time."""
        return cls(u, u, u, u)


class GhostGroup:
    """Blocks whose ghosts are filled together, and the messages that this needs.

    Attributes
    ----------
    blocks : int32 array
        All of them.
    inner, outer : int32 arrays
        Blocks that need no message, and the others; without those of ``by_function``.
    by_function : (int32 array, int32 array)
        Blocks at a boundary that is a Python function: such that need no message, and the others. Their ghosts have to be
        filled in the pool; those of the other blocks may be filled where they are used, by the step kernel.

    Filling is collective over the ranks that share faces, edges or corners.
    """

    def __init__(self, fill: GhostFill, number: int, blocks: np.ndarray, send: np.ndarray, to: np.ndarray) -> None:
        """``blocks``: the local ones; ``send``: ops (n, 2) that other ranks' blocks of the group want; ``to``: those ranks."""
        self.fill, self.number, self.blocks = fill, number, blocks
        place, sent = _place(fill.boxes, send, to)
        self._send_ops = send, place
        waits, by_function = fill.waits[blocks], fill.at_function[blocks]
        self.inner, self.outer = (blocks[~by_function & (waits == late)] for late in (False, True))
        self.by_function = tuple(blocks[by_function & (waits == late)] for late in (False, True))
        self._faces = [fill.boundary_plan(part) for part in self.by_function]
        self._messages = (Messages([], sent), Messages([], fill.place_received(blocks)))
        self._channel = _Channel(self, fill.layout.n_var, TAG_GHOSTS + number)
        self._mask_channel: _Channel | None = None
        self._error: AMRError | None = None

    def start(self, pools: Pools) -> None:
        """Pack and send; the pools are read now, and by everything that follows up to the next `start`."""
        self._channel.start(self.fill.plan, pools)

    def start_again(self, pools: Pools) -> None:
        """Have the plan read the messages of the last `start` once more, when the pools hold the same. Not collective."""
        self._channel.read(self.fill.plan, pools)

    def fill_inner(self, u: np.ndarray, t: float, everything: bool = True, edges: bool = True) -> None:
        """Fill what needs no message in the pool ``u``: all blocks, or only those of ``by_function``. In place.

        Without ``edges`` ghosts beside edges and corners may be left as they are.
        """
        if everything:
            self.fill.plan.fill(self.inner, edges)
        self._at_function(u, t, 0)

    def wait(self) -> None:
        """Return when the messages of `start` are in."""
        self._channel.exchange.wait()

    def fill_outer(self, u: np.ndarray, t: float, everything: bool = True, edges: bool = True) -> None:
        """After `wait`: the rest, as `fill_inner`. In place.

        Raises
        ------
        PluginError
            A boundary function failed here, in this call or in `fill_inner`; not on all ranks, the caller lets them agree.
        """
        if everything:
            self.fill.plan.fill(self.outer, edges)
        self._at_function(u, t, 1)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def fill_mask(self, mask: np.ndarray) -> None:
        """Fill the ghosts of a mask pool (n_block, 1, nk, nj, ni). In place.

        Values > 0 count as set: restriction averages, prolongation is constant, and outside the domain the nearest cell counts.
        """
        if self._mask_channel is None:
            self._mask_channel = _Channel(self, 1, TAG_MASK + self.number)
        plan, channel = self.fill.mask_plan, self._mask_channel
        channel.start(plan, Pools.one(mask))
        for late, blocks in enumerate((self.inner, self.outer)):
            if late:
                channel.exchange.wait()
            plan.fill(blocks)
            plan.fill(self.by_function[late])
            self._faces[late].fill_mask(replace(self.fill.layout, n_var=1), mask)

    def free(self) -> None:
        """Give the requests back; the object cannot fill any more."""
        self._channel.exchange.free()
        if self._mask_channel is not None:
            self._mask_channel.exchange.free()

    def _at_function(self, u: np.ndarray, t: float, late: int) -> None:
        if not len(self.by_function[late]):
            return
        self.fill.plan.fill(self.by_function[late])
        try:
            self._faces[late].fill(u, t)
        except AMRError as error:
            # The messages under way must still be received: fill_outer raises it.
            self._error = self._error or error


class _Channel:
    """Buffers and requests of the messages of a group with ``n_var`` variables."""

    def __init__(self, group: GhostGroup, n_var: int, tag: int) -> None:
        self._ops = group._send_ops
        (self._send, send), (self._recv, recv) = (m.buffers(n_var) for m in group._messages)
        self.exchange = Exchange(group.fill.comm, send, recv, tag)

    def read(self, plan: GhostPlan, pools: Pools) -> None:
        plan.read(pools.own, pools.finer, pools.coarser, pools.coarser_2, pools.theta, self._recv)

    def start(self, plan: GhostPlan, pools: Pools) -> None:
        self.read(plan, pools)
        plan.pack(*self._ops, self._send)
        self.exchange.start()


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
    group_of_level : int array (max_level + 1,), optional
        Group of the blocks of each level; default: one group.

    Attributes
    ----------
    groups : tuple of GhostGroup
    plan : GhostPlan
        What fills the ghosts of each local block; `GhostGroup.start` sets what it reads.
    table : NeighborTable
        Neighbours of the local leaves.

    Making one is not collective; filling is (over the ranks that share faces, edges or corners).
    """

    def __init__(
        self,
        forest: Forest,
        starts: np.ndarray,
        comm: Comm,
        layout: Layout,
        spec: PhysicsSpec,
        boundary: BoundaryFill,
        group_of_level: np.ndarray | None = None,
    ) -> None:
        self.comm, self.layout, self.boundary = comm, layout, boundary
        self.boxes = boxes(layout.dim, layout.n, layout.g)
        self._starts, self._lo, self._hi = starts, int(starts[comm.rank]), int(starts[comm.rank + 1])
        self._level, self._coords = forest.level[self._lo : self._hi], forest.coords[self._lo : self._hi]
        self.table: NeighborTable = neighbors(forest, np.arange(self._lo, self._hi))
        self._functions = sum(1 << direction for direction in boundary.functions)
        self._first, self._ops = self._plan(forest, self.table)
        n_block = self._hi - self._lo
        # The ops that wait for a message: their block, the leaf they read and its owner.
        self._remote = np.flatnonzero(self._ops[:, 0] < 0) if comm.size > 1 else np.zeros(0, dtype=np.int64)
        self._reader = np.searchsorted(self._first, self._remote, side="right") - 1
        remote = ~self._ops[self._remote, 0]
        self._peer = owners(starts, remote)
        self.waits = np.zeros(n_block, dtype=bool)
        self.waits[self._reader] = True
        self.at_function = self._is_at_function()

        group = np.zeros(forest.max_level + 1, dtype=np.int64) if group_of_level is None else group_of_level
        dst, send = self._plan_send(forest, np.unique(remote))
        to, group_to = owners(starts, dst), group[forest.level[dst]]
        self.groups = tuple(
            GhostGroup(
                self,
                g,
                np.flatnonzero(group[self._level] == g).astype(np.int32),
                send[group_to == g],
                to[group_to == g],
            )
            for g in range(int(group.max()) + 1)
        )
        coarse = Layout(layout.dim, layout.n // 2, coarse_ghost(layout.g), layout.n_var)
        plan = (self.boxes.c, self._first, self._ops, spec)
        self.plan = GhostPlan(layout, coarse, *plan, boundary.spec, boundary.coarse_spec)
        self.mask_plan = GhostPlan(
            replace(layout, n_var=1), replace(coarse, n_var=1), *plan, boundary.mask_spec, boundary.mask_spec, True
        )

    # ---- the plan --------------------------------------------------------------------------------------------------------

    def _plan(self, forest: Forest, table: NeighborTable) -> tuple[np.ndarray, np.ndarray]:
        leaves, local = forest._leaves, (self._lo, self._hi)
        return ghost_ops(leaves, self.boxes.c, self._functions, table.leaves, table.relation, table.leaf, *local)

    def place_received(self, blocks: np.ndarray) -> dict[int, int]:
        """Give the remote ops of ``blocks`` their places in the messages; the cells of each peer's message."""
        chosen = np.zeros(len(self._level), dtype=bool)
        chosen[blocks] = True
        which = chosen[self._reader]
        place, cells = _place(self.boxes, self._ops[self._remote[which]], self._peer[which])
        self._ops[self._remote[which], 0] = ~place
        return cells

    def _plan_send(self, forest: Forest, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Leaves and ops (n,), (n, 2) that read local blocks, of the remote leaves ``beside``: all that touch a local one."""
        if not len(beside):
            return np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.int32)
        first, ops = self._plan(forest, neighbors(forest, beside))
        mine = (ops[:, 1] < self.boxes.n_reading) & (ops[:, 0] >= 0)
        return np.repeat(beside, np.diff(first))[mine], np.ascontiguousarray(ops[mine])

    def _is_at_function(self) -> np.ndarray:
        dim, outside = self.layout.dim, self.table.relation == OUTSIDE
        found = np.zeros(len(outside), dtype=bool)
        for direction in self.boundary.functions:
            found |= outside[:, face_slot(dim, direction)]
        return found

    def boundary_plan(self, blocks: np.ndarray) -> BoundaryPlan:
        """Fill of the ghosts outside the domain of ``blocks``."""
        return self.boundary.plan(boundary_ops(self.table.relation, blocks, self.layout), self._level, self._coords)

    # ---- whole pools -----------------------------------------------------------------------------------------------------

    def fill(self, u: np.ndarray, t: float) -> None:
        """Fill all ghosts of ``u`` (n_block, n_var, nk, nj, ni) at time ``t``. In place.

        Raises
        ------
        PluginError
            A boundary function failed here; not on all ranks, and only when all messages are done.
        """
        error = None
        for group in self.groups:
            group.start(Pools.one(u))
            group.fill_inner(u, t)
            group.wait()
            try:
                group.fill_outer(u, t)
            except AMRError as fault:
                error = error or fault
        if error is not None:
            raise error

    def fill_mask(self, mask: np.ndarray) -> None:
        """Fill all ghosts of a mask (see `GhostGroup.fill_mask`). In place."""
        for group in self.groups:
            group.fill_mask(mask)

    @property
    def n_prolong_fallback(self) -> int:
        """Coarse cells of this rank prolonged constant so far because a child would have been unphysical."""
        return self.plan.n_fallback

    def free(self) -> None:
        """Give the requests back; the object cannot fill any more."""
        for group in self.groups:
            group.free()
        # They refer to this object: without this, plan and pools would stay in memory until Python collects cycles.
        self.groups = ()


def _place(table: Boxes, ops: np.ndarray, peer: np.ndarray) -> tuple[np.ndarray, dict[int, int]]:
    """Places int32 (n,) of the cells of ``ops`` in messages to or from ``peer``, in their order; the cells of each message."""
    order = np.argsort(peer, kind="stable")
    cells = table.cells[ops[:, 1]]
    place = np.empty(len(ops), dtype=np.int32)
    place[order] = np.cumsum(cells[order]) - cells[order]
    counts = np.bincount(peer, weights=cells)
    return place, {int(p): int(counts[p]) for p in np.flatnonzero(counts)}
