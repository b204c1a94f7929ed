"""Flux correction at faces between levels (csrc/reflux.h)."""
import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t

from amr._kernels.common cimport amr_layout
from amr._kernels.physics cimport make_layout
from amr._kernels.sfc cimport Leaves, amr_forest

cdef extern from "reflux.h" nogil:
    ctypedef struct amr_reflux_plan:
        const int32_t *block
        const int32_t *slot
        const int32_t *row
        const double *flux
        const double *rows
        const double *spacing
    ctypedef struct amr_reflux_faces:
        ptrdiff_t n_outside
        ptrdiff_t n_fine
        ptrdiff_t n_coarse
        int32_t *outside
        int32_t *fine
        int64_t *key
        int32_t *coarse
        int32_t *leaf
    ptrdiff_t amr_reflux_list(const amr_forest *, const uint8_t *, ptrdiff_t, const int32_t *, const int8_t *, const int32_t *,
                              int32_t *, amr_reflux_faces *)
    void amr_reflux_average(const amr_layout *, const double *, double *, double, int, ptrdiff_t, const int32_t *)
    void amr_reflux_apply(const amr_layout *, double *, double, ptrdiff_t, const amr_reflux_plan *)


def reflux_faces(Leaves forest, const uint8_t[:, ::1] touches, const int32_t[::1] leaves, const int8_t[:, ::1] relation,
                 const int32_t[:, ::1] neighbor):
    """Faces of some leaves that keep their flux, from their rows of the neighbour table, each list by block, then direction.

    Returns
    -------
    n_face : int
    face_slot : int32 (m, 6)
        Number of each face, -1 where no flux is kept.
    outside : int32 (n, 2)
        Block and direction of the faces at the end of the domain.
    fine, key : int32 (n, 2), int64 (n,)
        Block and direction of those with a coarser neighbour; (6 coarse leaf + its direction) 8 + child number of the block.
    coarse, leaf : int32 (n, 2), int32 (n, 2^(dim-1))
        Block and direction of those with finer neighbours, and these leaves.
    """
    cdef ptrdiff_t m = leaves.shape[0], n_face = 0, room = max(1, 2 * forest.c.dim * m)
    slots = np.empty((m, 6), np.int32)
    lists = [np.empty((room, 2), np.int32) for _ in range(3)]
    keys, finer = np.empty(room, np.int64), np.empty((room, 1 << (forest.c.dim - 1)), np.int32)
    cdef int32_t[:, ::1] face_slot = slots, outside = lists[0], fine = lists[1], coarse = lists[2], leaf = finer
    cdef int64_t[::1] key = keys
    cdef amr_reflux_faces out
    out.n_outside = out.n_fine = out.n_coarse = 0
    out.outside, out.fine, out.key = &outside[0, 0], &fine[0, 0], &key[0]
    out.coarse, out.leaf = &coarse[0, 0], &leaf[0, 0]
    if m:
        with nogil:
            n_face = amr_reflux_list(&forest.c, &touches[0, 0], m, &leaves[0], &relation[0, 0], &neighbor[0, 0],
                                     &face_slot[0, 0], &out)
    n, k = out.n_fine, out.n_coarse
    return n_face, slots, lists[0][: out.n_outside], lists[1][:n], keys[:n], lists[2][:k], finer[:k]


def reflux_average(layout, const double[:, :, ::1] flux, double[:, :, ::1] rows, const int32_t[:, ::1] ops,
                   double weight=1.0, bint is_more=False):
    """rows[ops[m, 1]] := (or, with is_more, +=) weight * fine face fluxes flux[ops[m, 0]] averaged to coarse cell faces. In place."""
    cdef amr_layout a = make_layout(layout)
    if ops.shape[0]:
        with nogil:
            amr_reflux_average(&a, &flux[0, 0, 0], &rows[0, 0, 0], weight, is_more, ops.shape[0], &ops[0, 0])


def reflux_apply(layout, double[:, :, :, :, ::1] u, double scale, const int32_t[::1] block, const int32_t[:, ::1] slot,
                 const int32_t[:, :, ::1] row, const double[:, :, ::1] flux, const double[:, :, ::1] rows,
                 const double[:, ::1] spacing):
    """Add scale * sum of +-(F_coarse - F_fine) / h to the cells of the coarse blocks at finer faces. In place.

    block (n,), slot (n, 6) or -1, row (n, 6, 4), flux (n_slot, n_var, n^(d-1)), rows (n_row, n_var, (n/2)^(d-1)), spacing (n_block, 3).
    """
    cdef amr_layout a = make_layout(layout)
    cdef amr_reflux_plan plan
    if block.shape[0]:
        plan.block, plan.slot, plan.row = &block[0], &slot[0, 0], &row[0, 0, 0]
        plan.flux, plan.rows, plan.spacing = &flux[0, 0, 0], &rows[0, 0, 0], &spacing[0, 0]
        with nogil:
            amr_reflux_apply(&a, &u[0, 0, 0, 0, 0], scale, block.shape[0], &plan)
