"""Flux registers: which faces keep their flux, and the correction that makes coarse and fine sides agree.

The flux that leaves a coarse cell through a face with finer neighbours is replaced by the average of theirs (Berger and Colella,
J. Comput. Phys. 82 (1989) 64), so that the totals change through the boundary of the domain alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amr._kernels.reflux import reflux_apply, reflux_average, reflux_faces
from amr.comm import Comm, Exchange
from amr.mesh.neighbors import NeighborTable, neighbors
from amr.mesh.pool import Layout, aligned_zeros
from amr.mesh.tree import Forest
from amr.scheme.ops import boxes, owners

TAG_REFLUX = 300  # plus the group


class FluxRegister:
    """Fluxes through the faces between levels and through the boundary of the domain, for one mesh and partition.

    Parameters
    ----------
    forest : Forest
    starts : int64 (size + 1,)
        Leaves starts[r] to starts[r + 1] belong to rank r.
    comm : Comm
    layout : Layout
    table : NeighborTable, optional
        Neighbours of the local leaves, if the caller has them (``GhostFill.table``).
    group_of_level : int array (max_level + 1,), optional
        Group of the blocks of each level (`amr.scheme.ghosts.GhostFill`); default: one group.

    Attributes
    ----------
    face_slot : int32 (n_block, 6)
        Slot of each face of each local block, -1 where no flux is kept. By block, then direction.
    flux : float64 (n_slot, n_var, n^(d-1))
        Written by the step kernel; transverse cells with the higher axis slowest.
    boundary_block, boundary_direction, boundary_slot : int32 arrays
        The faces on the boundary of the domain, by block, then direction.
    boundary_faces : tuple of int arrays
        By group, which of these faces belong to its blocks.
    groups : tuple of CoarseFaces
        By group of the coarse blocks.

    Making one is not collective.
    """

    def __init__(
        self,
        forest: Forest,
        starts: np.ndarray,
        comm: Comm,
        layout: Layout,
        table: NeighborTable | None = None,
        group_of_level: np.ndarray | None = None,
    ) -> None:
        self.layout = layout
        lo, hi = int(starts[comm.rank]), int(starts[comm.rank + 1])
        table = neighbors(forest, np.arange(lo, hi)) if table is None else table
        touches = boxes(layout.dim, layout.n, layout.g).touches.view(np.uint8)
        n_face, self.face_slot, outside, *lists = reflux_faces(
            forest._leaves, touches, table.leaves, table.relation, table.leaf
        )
        self.flux = aligned_zeros((n_face, layout.n_var, layout.n ** (layout.dim - 1)))
        self.boundary_block, self.boundary_direction = np.ascontiguousarray(outside.T)
        self.boundary_slot = self.face_slot[self.boundary_block, self.boundary_direction]
        group = np.zeros(forest.max_level + 1, dtype=np.int64) if group_of_level is None else group_of_level
        numbers = range(int(group.max()) + 1)
        level = forest.level[lo:hi]
        of_face = group[level[self.boundary_block]]
        self.boundary_faces = tuple(np.flatnonzero(of_face == g) for g in numbers)
        faces = _Faces(self, starts, comm, level, group, *lists)
        self.groups = tuple(CoarseFaces(self, faces, g) for g in numbers)

    def reflux(self, u: np.ndarray, scale: float, spacing: np.ndarray) -> None:
        """All of it where there is one group: `CoarseFaces.collect`, then `CoarseFaces.apply`. In place, collective.

        ``flux`` itself is left as it is, so that it may be done again for the same stage.
        """
        (group,) = self.groups
        group.collect(of_finer_group=False)
        group.apply(u, scale, spacing)

    def boundary_area(self, spacing: np.ndarray) -> np.ndarray:
        """Area of one cell face of each boundary face (m,), 1.0 in 1D."""
        h = spacing[self.boundary_block].copy()
        h[np.arange(len(h)), self.boundary_direction // 2] = 1.0
        h = np.sort(h, axis=1)  # one order for all axes: permuted axes give equal bits
        return h[:, 0] * h[:, 1] * h[:, 2]

    def boundary_flux(self, group: int = 0) -> np.ndarray:
        """Sum of the flux over the cells of each face of ``boundary_faces[group]`` (m, n_var), in a fixed order, along the axis
        (not outward)."""
        return self.flux[self.boundary_slot[self.boundary_faces[group]]].sum(axis=2)

    def free(self) -> None:
        """Give the requests back; the object cannot reflux any more."""
        for group in self.groups:
            group.free()
        self.groups = ()  # they refer to this object, as those of a ghost fill do


@dataclass(frozen=True)
class _Faces:
    """What `CoarseFaces` is made from; ``level`` of the local blocks, ``group`` by level, the rest as `reflux_faces` gives it."""

    register: FluxRegister
    starts: np.ndarray
    comm: Comm
    level: np.ndarray
    group: np.ndarray
    fine: np.ndarray
    key: np.ndarray
    coarse: np.ndarray
    leaf: np.ndarray

    @property
    def local(self) -> tuple[int, int]:
        return int(self.starts[self.comm.rank]), int(self.starts[self.comm.rank + 1])


class CoarseFaces:
    """The faces with finer neighbours of the blocks of one group, here and on the fine side.

    Attributes
    ----------
    corrected : int32 array
        Local blocks with finer neighbours across a face: those that `apply` changes.
    """

    def __init__(self, register: FluxRegister, faces: _Faces, group: int) -> None:
        self.register, self.layout = register, register.layout
        sent = self._plan_fine(faces, group)
        received = self._plan_coarse(faces, group)
        self._exchange = Exchange(
            faces.comm, self._parts(sent, self._send), self._parts(received, self._rows), TAG_REFLUX + group
        )

    def _plan_fine(self, faces: _Faces, group: int) -> np.ndarray:
        """Local faces with a coarser neighbour, sorted as the coarse side does: by coarse leaf, its direction, quadrant."""
        lo, hi = faces.local
        level = faces.level[faces.fine[:, 0]]
        mine = np.flatnonzero(faces.group[level - 1] == group)
        mine = mine[np.argsort(faces.key[mine])]
        block, direction = faces.fine[mine].T
        coarse = faces.key[mine] // 48
        slot = self.register.face_slot[block, direction]
        is_finer = faces.group[level[mine]] > group
        is_local = (coarse >= lo) & (coarse < hi)
        peer = owners(faces.starts, coarse[~is_local])
        self._send = self._new_rows(len(peer))
        # Peers own ascending leaves, so that the order by coarse leaf is the order by peer too.
        local, remote = _pairs(slot[is_local]), _pairs(slot[~is_local])
        self._pairs = {
            finer: (local[is_finer[is_local] == finer], remote[is_finer[~is_local] == finer]) for finer in (False, True)
        }
        return np.bincount(peer, minlength=faces.comm.size)

    def _plan_coarse(self, faces: _Faces, group: int) -> np.ndarray:
        """Local faces with finer neighbours: where the row of each of their 2^(d-1) quadrants will stand."""
        lo, hi = faces.local
        mine = np.flatnonzero(faces.group[faces.level[faces.coarse[:, 0]]] == group)
        block, direction = faces.coarse[mine].T
        leaf = faces.leaf[mine]
        # First the rows of local fine faces, then those that arrive, by peer; each by coarse leaf, direction, quadrant.
        is_local = ((leaf >= lo) & (leaf < hi)).ravel()
        place = np.cumsum(is_local, dtype=np.int32) - 1
        remote = np.flatnonzero(~is_local)
        peer = owners(faces.starts, leaf.ravel()[remote])
        place[remote[np.argsort(peer, kind="stable")]] = np.arange(len(place) - len(remote), len(place))
        self._rows = self._new_rows(len(place))
        is_first = np.diff(block, prepend=-1) > 0
        number = np.cumsum(is_first) - 1
        self.corrected = block[is_first]
        self._slot = np.full((len(self.corrected), 6), -1, dtype=np.int32)
        self._slot[number, direction] = self.register.face_slot[block, direction]
        self._row = np.zeros((len(self.corrected), 6, 4), dtype=np.int32)
        self._row[number, direction, : leaf.shape[1]] = place.reshape(leaf.shape)
        return np.bincount(peer, minlength=faces.comm.size)

    def _new_rows(self, count: int) -> np.ndarray:
        return aligned_zeros((count, self.layout.n_var, (self.layout.n // 2) ** (self.layout.dim - 1)))

    @staticmethod
    def _parts(counts: np.ndarray, rows: np.ndarray) -> dict[int, np.ndarray]:
        """Rows of each peer; in ``rows`` they stand last, by rank."""
        ends = len(rows) - counts.sum() + np.cumsum(counts)
        return {int(r): rows[ends[r] - counts[r] : ends[r]] for r in np.flatnonzero(counts)}

    def collect(self, of_finer_group: bool, weight: float = 1.0, is_more: bool = False) -> None:
        """Average the fluxes of local fine faces, which ``FluxRegister.flux`` holds now, to coarse cell faces.

        Parameters
        ----------
        of_finer_group : bool
            Fine faces of the next finer group; else those of the coarse blocks' own group.
        weight : float
            Of these fluxes in the step of the coarse blocks.
        is_more : bool
            Add to what was collected before.
        """
        local, remote = self._pairs[of_finer_group]
        flux = self.register.flux
        reflux_average(self.layout, flux, self._send, remote, weight, is_more)
        reflux_average(self.layout, flux, self._rows, local, weight, is_more)

    def apply(self, u: np.ndarray, scale: float, spacing: np.ndarray) -> None:
        """Exchange what was collected, and correct the coarse cells at faces with finer neighbours. In place.

        Collective over the ranks that share such faces.

        Parameters
        ----------
        u : float64 (n_block, n_var, nk, nj, ni)
            The state after the stage.
        scale : float
            b * dt of the stage of the coarse blocks, whose fluxes are in ``FluxRegister.flux``.
        spacing : float64 (n_block, 3)
        """
        self._exchange.start()
        self._exchange.wait()
        flux = self.register.flux
        reflux_apply(self.layout, u, scale, self.corrected, self._slot, self._row, flux, self._rows, spacing)

    def free(self) -> None:
        """Give the requests back."""
        self._exchange.free()


def _pairs(slot: np.ndarray) -> np.ndarray:
    """Rows (slot, place) for `reflux_average`, int32 (n, 2)."""
    pairs = np.empty((len(slot), 2), dtype=np.int32)
    pairs[:, 0], pairs[:, 1] = slot, np.arange(len(slot))
    return pairs
