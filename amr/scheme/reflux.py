"""Flux registers: which faces keep their flux, and the correction that makes coarse and fine sides agree.

The flux that leaves a coarse cell through a face with finer neighbours is replaced by the average of theirs (Berger and Colella,
J. Comput. Phys. 82 (1989) 64), so that the totals change through the boundary of the domain alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amr._kernels.reflux import reflux_apply, reflux_average
from amr.comm import Comm, Exchange
from amr.mesh.neighbors import NeighborTable, neighbors
from amr.mesh.pool import Layout, aligned_zeros
from amr.mesh.tree import Forest
from amr.scheme.ops import COARSER, FINER, OUTSIDE, boxes, child_number, face_slot, owners

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
        dim = layout.dim
        relation = table.relation[:, [face_slot(dim, d) for d in range(2 * dim)]]
        kept = (relation == COARSER) | (relation == FINER) | (relation == OUTSIDE)
        self.face_slot = np.full((hi - lo, 6), -1, dtype=np.int32)
        self.face_slot[:, : 2 * dim][kept] = np.arange(np.count_nonzero(kept), dtype=np.int32)
        self.flux = aligned_zeros((np.count_nonzero(kept), layout.n_var, layout.n ** (dim - 1)))
        block, direction = np.nonzero(relation == OUTSIDE)
        self.boundary_block, self.boundary_direction = block.astype(np.int32), direction.astype(np.int32)
        self.boundary_slot = self.face_slot[block, direction]
        group = np.zeros(forest.max_level + 1, dtype=np.int64) if group_of_level is None else group_of_level
        numbers = range(int(group.max()) + 1)
        of_face = group[forest.level[lo:hi][block]]
        self.boundary_faces = tuple(np.flatnonzero(of_face == g) for g in numbers)
        faces = _Faces(self, forest, starts, comm, table, relation, group)
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
    """What `CoarseFaces` is made from; ``relation`` (n_block, 2 dim) across faces, ``group`` by level."""

    register: FluxRegister
    forest: Forest
    starts: np.ndarray
    comm: Comm
    table: NeighborTable
    relation: np.ndarray
    group: np.ndarray

    def find(self, kind: int, coarse_group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Local faces to a neighbour of that kind whose coarse side is in the group: block, direction, neighbour leaf."""
        dim = self.register.layout.dim
        block, direction = np.nonzero(self.relation == kind)
        column = np.array([face_slot(dim, d) for d in range(2 * dim)])[direction]
        level: np.ndarray = self.level[block] - (kind == COARSER)
        mine = self.group[level] == coarse_group
        return block[mine], direction[mine], self.table.leaf[block, column][mine]

    @property
    def local(self) -> tuple[int, int]:
        return int(self.starts[self.comm.rank]), int(self.starts[self.comm.rank + 1])

    @property
    def level(self) -> np.ndarray:
        return self.forest.level[slice(*self.local)]


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
        block, direction, coarse = faces.find(COARSER, group)
        child = child_number(faces.forest.coords[lo:hi][block], self.layout.dim)
        order = np.lexsort((child, direction ^ 1, coarse))
        block, direction, coarse = block[order], direction[order], coarse[order]
        slot = self.register.face_slot[block, direction]
        is_finer = faces.group[faces.level[block]] > group
        is_local = (coarse >= lo) & (coarse < hi)
        peer = owners(faces.starts, coarse[~is_local])
        self._send = self._new_rows(len(peer))
        # Peers own ascending leaves, so that the order by coarse leaf is the order by peer too.
        self._pairs = {
            finer: (
                _pairs(slot[is_local], is_finer[is_local] == finer),
                _pairs(slot[~is_local], is_finer[~is_local] == finer),
            )
            for finer in (False, True)
        }
        return np.bincount(peer, minlength=faces.comm.size)

    def _plan_coarse(self, faces: _Faces, group: int) -> np.ndarray:
        """Local faces with finer neighbours: where the row of each of their 2^(d-1) quadrants will stand."""
        dim, (lo, hi) = self.layout.dim, faces.local
        touches = boxes(dim, self.layout.n, self.layout.g).touches
        block, direction, _ = faces.find(FINER, group)
        column = np.array([face_slot(dim, d) for d in range(2 * dim)])[direction]
        n_part = 2 ** (dim - 1)
        child = faces.table.children(block, column)[touches[column]].reshape(-1, n_part).astype(np.int64)
        flat = child.ravel()
        is_local = (flat >= lo) & (flat < hi)
        # First the rows of local fine faces, then those that arrive, by peer; each by coarse leaf, direction, quadrant.
        peer = owners(faces.starts, flat)
        order = np.where(is_local, -1, peer)
        place = np.empty(len(flat), dtype=np.int32)
        place[np.argsort(order, kind="stable")] = np.arange(len(flat))
        self._rows = self._new_rows(len(flat))
        self.corrected, first = np.unique(block, return_inverse=True)
        self.corrected = self.corrected.astype(np.int32)
        self._slot = np.full((len(self.corrected), 6), -1, dtype=np.int32)
        self._slot[first, direction] = self.register.face_slot[block, direction]
        self._row = np.zeros((len(self.corrected), 6, 4), dtype=np.int32)
        self._row[first, direction, :n_part] = place.reshape(-1, n_part)
        return np.bincount(peer[~is_local], minlength=faces.comm.size)

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


def _pairs(slot: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Rows (slot, place) for `reflux_average` of the chosen slots, places counting all."""
    place = np.flatnonzero(chosen)
    return np.stack([slot[place], place], axis=1).astype(np.int32, order="C")
