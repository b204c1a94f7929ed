"""Ghost plans: which boxes fill the ghosts of each block, and filling them (csrc/ghosts.h).

``ops`` are int32 (n_op, 2): what is read (a local block, or ~place: cells of the message buffer from ``place`` on) and its box. Indices are not checked.
"""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, uint8_t

from amr._kernels.boundary cimport BoundarySpec
from amr._kernels.physics cimport PhysicsSpec, make_layout
from amr._kernels.sfc cimport Leaves, amr_forest

cdef extern from "ghosts.h" nogil:
    ptrdiff_t amr_ghost_ops(const amr_forest *, const amr_ghost_boxes *, int, ptrdiff_t, const int32_t *, const int8_t *,
                            const int32_t *, ptrdiff_t, ptrdiff_t, int32_t *, amr_ghost_op *)
    ptrdiff_t amr_ghosts_fill(const amr_ghosts *, ptrdiff_t, double *, int)
    void amr_ghosts_pack(const amr_ghosts *, ptrdiff_t, const amr_ghost_op *, const int32_t *, double *)

SAME, FINER, COARSER, HALO, WALL, PROLONG, BOUNDARY = range(7)


cdef class Boxes:
    """The boxes of a dimension, block size and ghost width (``amr_ghost_boxes``), made by `amr.scheme.ops.boxes`.

    Parameters
    ----------
    box : int32 (n_box, 11)
        From ijk, to ijk, size ijk, number of axes along which what is filled lies beside the block, kind.
    base : sequence of 7 int
        First row of each kind.
    touches : uint8 (3^dim, 2^dim)
    layer_of, layer_from, wall_direction : int32 (n_layer,)
    """

    def __init__(self, const int32_t[:, ::1] box, base, const uint8_t[:, ::1] touches, const int32_t[::1] layer_of,
                 const int32_t[::1] layer_from, const int32_t[::1] wall_direction):
        self.box, self.touches = box, touches
        self.layer_of, self.layer_from, self.wall_direction = layer_of, layer_from, wall_direction
        self.c.box, self.c.touches, self.c.n_layer = &self.box[0, 0], &self.touches[0, 0], self.layer_of.shape[0]
        for kind in range(7):
            self.c.base[kind] = base[kind]
        self.c.layer_of, self.c.layer_from = &self.layer_of[0], &self.layer_from[0]
        self.c.wall_direction = &self.wall_direction[0]

    def cells(self):
        """Cells of each box, int64 (n_box,)."""
        return np.asarray(self.box)[:, 6:9].prod(axis=1, dtype=np.int64)


def ghost_ops(Leaves forest, Boxes boxes, int by_function, const int32_t[::1] leaves, const int8_t[:, ::1] relation,
              const int32_t[:, ::1] neighbor, ptrdiff_t lo, ptrdiff_t hi):
    """Ops of some leaves, by leaf, from their rows of the neighbour table.

    Parameters
    ----------
    by_function : int
        Bit mask of directions whose boundary is a Python function: blocks at these get no BOUNDARY ops.
    lo, hi : int
        Leaves lo to hi are local.

    Returns
    -------
    first : int32 (m + 1,)
        First op of each leaf.
    ops : int32 (n_op, 2)
        Where another than a local leaf is read, ~leaf instead of the block.
    """
    cdef ptrdiff_t m = leaves.shape[0], count
    first = np.zeros(m + 1, np.int32)
    cdef int32_t[::1] start = first
    if not m:
        return first, np.zeros((0, 2), np.int32)
    with nogil:
        count = amr_ghost_ops(&forest.c, &boxes.c, by_function, m, &leaves[0], &relation[0, 0], &neighbor[0, 0],
                              lo, hi, &start[0], NULL)
    ops = np.empty((count, 2), np.int32)
    cdef int32_t[:, ::1] out = ops
    if count:
        with nogil:
            amr_ghost_ops(&forest.c, &boxes.c, by_function, m, &leaves[0], &relation[0, 0], &neighbor[0, 0], lo, hi,
                          &start[0], <amr_ghost_op *>&out[0, 0])
    return first, ops


cdef class GhostPlan:
    """A plan for the blocks of one rank, and the pools it reads from.

    Parameters
    ----------
    layout, coarse_layout : Layout
        Of a block and of its coarse box.
    boxes : Boxes
    first, ops
        As `ghost_ops` returns them, every place set.
    spec : PhysicsSpec
        Decides which prolonged states are physical.
    boundary, wall : BoundarySpec
        Conditions on ghosts and on coarse boxes.
    constant : bool
        Prolong constant (masks).

    Attributes
    ----------
    n_fallback : int
        Coarse cells prolonged constant so far because a child would have been unphysical.
    seconds : float
        Wall time that the step kernel has spent on this plan so far.
    """

    def __init__(self, layout, coarse_layout, Boxes boxes, const int32_t[::1] first, const int32_t[:, ::1] ops,
                 PhysicsSpec spec, BoundarySpec boundary, BoundarySpec wall, bint constant=False):
        self.boxes, self.first, self.ops = boxes, first, ops
        self.spec, self.boundary, self.wall = spec, boundary, wall
        self.c.layout, self.c.coarse = make_layout(layout), make_layout(coarse_layout)
        self.c.physics, self.c.boundary, self.c.wall = &spec.c, &boundary.c, &wall.c
        self.c.mode = AMR_PROLONG_CONSTANT if constant else AMR_PROLONG_LIMITED
        self.c.first, self.c.box = &self.first[0], boxes.c.box
        self.c.ops = <const amr_ghost_op *>&self.ops[0, 0] if self.ops.shape[0] else NULL
        self.scratch = np.empty(self.c.coarse.block_stride)
        self.n_fallback, self.seconds = 0, 0.0

    def read(self, double[:, :, :, :, ::1] own, const double[:, :, :, :, ::1] finer,
             const double[:, :, :, :, ::1] coarser, const double[:, :, :, :, ::1] coarser_2, double theta,
             const double[::1] buffer):
        """Set the pools of the next calls: the blocks' own, that of finer and of coarser leaves (at two times; ``theta``
        weighs the second), and the messages."""
        self.pools = (own, finer, coarser, coarser_2, buffer)
        if not own.shape[0]:
            return
        self.c.own, self.c.finer = &own[0, 0, 0, 0, 0], &finer[0, 0, 0, 0, 0]
        self.c.coarser, self.c.coarser_2 = &coarser[0, 0, 0, 0, 0], &coarser_2[0, 0, 0, 0, 0]
        self.c.theta = theta
        self.c.buffer = &buffer[0] if buffer.shape[0] else NULL

    def fill(self, const int32_t[::1] blocks, bint edges=True):
        """Fill the ghosts of the blocks in the pool ``own`` of `read`, without ``edges`` those beside sides at least. In place."""
        cdef ptrdiff_t q
        cdef ptrdiff_t n_fallback = 0
        if not blocks.shape[0]:
            return
        with nogil:
            for q in range(blocks.shape[0]):
                n_fallback += amr_ghosts_fill(&self.c, blocks[q], &self.scratch[0], 3 if edges else 1)
        self.n_fallback += n_fallback

    def pack(self, const int32_t[:, ::1] ops, const int32_t[::1] place, double[::1] buffer):
        """Write what the ops read, from the pools of `read`, to their places (in cells) in the buffer."""
        if ops.shape[0]:
            with nogil:
                amr_ghosts_pack(&self.c, ops.shape[0], <const amr_ghost_op *>&ops[0, 0], &place[0], &buffer[0])
