"""Flux registers: which faces keep their flux, and the correction that makes coarse and fine sides agree.

The flux that leaves a coarse cell through a face with finer neighbours is replaced by the average of theirs (Berger and Colella,
J. Comput. Phys. 82 (1989) 64), so that the totals change through the boundary of the domain alone.
"""

from __future__ import annotations

import numpy as np

from amr._kernels.reflux import reflux_apply, reflux_average
from amr.comm import Comm, Exchange
from amr.mesh.neighbors import NeighborTable, neighbors
from amr.mesh.pool import Layout, aligned_zeros
from amr.mesh.tree import Forest
from amr.scheme.ops import COARSER, FINER, OUTSIDE, boxes, child_number, face_slot, owners

TAG_REFLUX = 13


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

    Attributes
    ----------
    face_slot : int32 (n_block, 6)
        Slot of each face of each local block, -1 where no flux is kept. By block, then direction.
    flux : float64 (n_slot, n_var, n^(d-1))
        Written by the step kernel; transverse cells with the higher axis slowest.
    boundary_block, boundary_direction, boundary_slot : int32 arrays
        The faces on the boundary of the domain, by block, then direction.

    corrected : int32 array
        Local blocks with finer neighbours across a face: those that `reflux` changes.

    Making one is not collective; `reflux` is, over the ranks that share faces between levels.
    """

    def __init__(
        self, forest: Forest, starts: np.ndarray, comm: Comm, layout: Layout, table: NeighborTable | None = None
    ) -> None:
        self.layout = layout
        lo, hi = int(starts[comm.rank]), int(starts[comm.rank + 1])
        leaves = np.arange(lo, hi)
        table = neighbors(forest, leaves) if table is None else table
        dim = layout.dim
        columns = [face_slot(dim, d) for d in range(2 * dim)]
        relation = table.relation[:, columns]
        kept = (relation == COARSER) | (relation == FINER) | (relation == OUTSIDE)
        self.face_slot = np.full((hi - lo, 6), -1, dtype=np.int32)
        self.face_slot[:, : 2 * dim][kept] = np.arange(np.count_nonzero(kept), dtype=np.int32)
        self.flux = aligned_zeros((np.count_nonzero(kept), layout.n_var, layout.n ** (dim - 1)))
        block, direction = np.nonzero(relation == OUTSIDE)
        self.boundary_block, self.boundary_direction = block.astype(np.int32), direction.astype(np.int32)
        self.boundary_slot = self.face_slot[block, direction]
        self._plan_fine(forest, starts, comm, table, relation, lo, hi)
        self._plan_coarse(starts, comm, table, relation, lo, hi)
        self._exchange = Exchange(
            comm, self._parts(self._sent, self._send), self._parts(self._received, self._rows), TAG_REFLUX
        )

    def _plan_fine(
        self,
        forest: Forest,
        starts: np.ndarray,
        comm: Comm,
        table: NeighborTable,
        relation: np.ndarray,
        lo: int,
        hi: int,
    ) -> None:
        """Local faces with a coarser neighbour, sorted as the coarse side does: by coarse leaf, its direction, quadrant."""
        dim = self.layout.dim
        block, direction = np.nonzero(relation == COARSER)
        column = np.array([face_slot(dim, d) for d in range(2 * dim)])[direction]
        coarse = table.leaf[block, column]
        order = np.lexsort((child_number(forest.coords[lo:hi][block], dim), direction ^ 1, coarse))
        block, direction, coarse = block[order], direction[order], coarse[order]
        slot = self.face_slot[block, direction]
        is_local = (coarse >= lo) & (coarse < hi)
        self._n_local = int(is_local.sum())
        self._average_local = _pairs(slot[is_local])
        peer = owners(starts, coarse[~is_local])
        self._sent = np.bincount(peer, minlength=comm.size)
        # Peers own ascending leaves, so that the order by coarse leaf is the order by peer too.
        self._average_remote = _pairs(slot[~is_local])
        self._send = self._new_rows(len(peer))

    def _plan_coarse(
        self, starts: np.ndarray, comm: Comm, table: NeighborTable, relation: np.ndarray, lo: int, hi: int
    ) -> None:
        """Local faces with finer neighbours: where the row of each of their 2^(d-1) quadrants will stand."""
        dim = self.layout.dim
        touches = boxes(dim, self.layout.n, self.layout.g).touches
        block, direction = np.nonzero(relation == FINER)
        column = np.array([face_slot(dim, d) for d in range(2 * dim)])[direction]
        n_part = 2 ** (dim - 1)
        child = table.children(block, column)[touches[column]].reshape(-1, n_part).astype(np.int64)
        flat = child.ravel()
        is_local = (flat >= lo) & (flat < hi)
        # First the rows of local fine faces, then those that arrive, by peer; each by coarse leaf, direction, quadrant.
        peer = owners(starts, flat)
        group = np.where(is_local, -1, peer)
        place = np.empty(len(flat), dtype=np.int32)
        place[np.argsort(group, kind="stable")] = np.arange(len(flat))
        self._received = np.bincount(peer[~is_local], minlength=comm.size)
        self._rows = self._new_rows(len(flat))
        self.corrected, first = np.unique(block, return_inverse=True)
        self.corrected = self.corrected.astype(np.int32)
        self._slot = np.full((len(self.corrected), 6), -1, dtype=np.int32)
        self._slot[first, direction] = self.face_slot[block, direction]
        self._row = np.zeros((len(self.corrected), 6, 4), dtype=np.int32)
        self._row[first, direction, :n_part] = place.reshape(-1, n_part)

    def _new_rows(self, count: int) -> np.ndarray:
        return aligned_zeros((count, self.layout.n_var, (self.layout.n // 2) ** (self.layout.dim - 1)))

    @staticmethod
    def _parts(counts: np.ndarray, rows: np.ndarray) -> dict[int, np.ndarray]:
        """Rows of each peer; in ``rows`` they stand last, by rank."""
        ends = len(rows) - counts.sum() + np.cumsum(counts)
        return {int(r): rows[ends[r] - counts[r] : ends[r]] for r in np.flatnonzero(counts)}

    def start(self) -> None:
        """Average the local fine fluxes and send those that remote coarse blocks need; ``flux`` of fine faces is read now."""
        reflux_average(self.layout, self.flux, self._send, self._average_remote)
        self._exchange.start()
        reflux_average(self.layout, self.flux, self._rows, self._average_local)

    def finish(self, u: np.ndarray, scale: float, spacing: np.ndarray) -> None:
        """Wait, and correct the coarse cells at faces with finer neighbours. In place.

        Parameters
        ----------
        u : float64 (n_block, n_var, nk, nj, ni)
            The state after the stage.
        scale : float
            b * dt of the stage whose fluxes are in ``flux``.
        spacing : float64 (n_block, 3)
        """
        self._exchange.wait()
        reflux_apply(self.layout, u, scale, self.corrected, self._slot, self._row, self.flux, self._rows, spacing)

    def reflux(self, u: np.ndarray, scale: float, spacing: np.ndarray) -> None:
        """`start` and `finish`; ``flux`` itself is left as it is, so that it may be done again for the same stage."""
        self.start()
        self.finish(u, scale, spacing)

    def boundary_area(self, spacing: np.ndarray) -> np.ndarray:
        """Area of one cell face of each boundary face (m,), 1.0 in 1D."""
        h = spacing[self.boundary_block].copy()
        h[np.arange(len(h)), self.boundary_direction // 2] = 1.0
        h = np.sort(h, axis=1)  # one order for all axes: permuted axes give equal bits
        return h[:, 0] * h[:, 1] * h[:, 2]

    def boundary_flux(self) -> np.ndarray:
        """Sum of the flux over the cells of each boundary face (m, n_var), in a fixed order, along the axis (not outward)."""
        return self.flux[self.boundary_slot].sum(axis=2)

    def free(self) -> None:
        """Give the requests back; the object cannot reflux any more."""
        self._exchange.free()


def _pairs(slot: np.ndarray) -> np.ndarray:
    """Rows (slot, place) for `reflux_average`, places counting up."""
    return np.stack([slot, np.arange(len(slot), dtype=np.int32)], axis=1).astype(np.int32, order="C")
