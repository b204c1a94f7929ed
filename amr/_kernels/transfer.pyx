"""Copies, restriction and prolongation of boxes of cells (csrc/copy.h, csrc/transfer.h).

Pools are float64 (n_block, n_var, nk, nj, ni), C-contiguous; `layout` arguments are `amr.mesh.pool.Layout` objects. ``ops`` is int32
(n_op, 12): src block, dst block, from ijk, to ijk, size ijk, place in the buffer in cells. Indices are not checked. In place.
"""
from libc.stdint cimport int32_t

from amr._kernels.common cimport amr_layout, amr_physics
from amr._kernels.physics cimport PhysicsSpec, make_layout

cdef extern from "copy.h" nogil:
    void amr_copy_boxes(const amr_layout *, const double *, const amr_layout *, double *, ptrdiff_t, const int32_t *)
    void amr_pack_boxes(const amr_layout *, const double *, double *, ptrdiff_t, const int32_t *)
    void amr_unpack_boxes(const amr_layout *, const double *, double *, ptrdiff_t, const int32_t *)

cdef extern from "transfer.h" nogil:
    ctypedef enum amr_prolong_mode:
        AMR_PROLONG_LIMITED
        AMR_PROLONG_CONSTANT
        AMR_PROLONG_LOW_PASS
    void amr_restrict_boxes(const amr_layout *, const double *, const amr_layout *, double *, ptrdiff_t, const int32_t *)
    void amr_restrict_pack(const amr_layout *, const double *, double *, ptrdiff_t, const int32_t *)
    ptrdiff_t amr_prolong_boxes(const amr_physics *, amr_prolong_mode, const amr_layout *, const double *,
                                const amr_layout *, double *, ptrdiff_t, const int32_t *)

OP_WIDTH = 12
LIMITED = AMR_PROLONG_LIMITED
CONSTANT = AMR_PROLONG_CONSTANT
LOW_PASS = AMR_PROLONG_LOW_PASS


def copy_boxes(from_layout, const double[:, :, :, :, ::1] src, to_layout, double[:, :, :, :, ::1] dst,
               const int32_t[:, ::1] ops):
    """Destination boxes := source boxes (the pools may be the same one)."""
    cdef amr_layout a = make_layout(from_layout), b = make_layout(to_layout)
    if ops.shape[0]:
        with nogil:
            amr_copy_boxes(&a, &src[0, 0, 0, 0, 0], &b, &dst[0, 0, 0, 0, 0], ops.shape[0], &ops[0, 0])


def restrict_boxes(from_layout, const double[:, :, :, :, ::1] src, to_layout, double[:, :, :, :, ::1] dst,
                   const int32_t[:, ::1] ops):
    """Destination boxes := averages of the 2^dim source cells under each cell."""
    cdef amr_layout a = make_layout(from_layout), b = make_layout(to_layout)
    if ops.shape[0]:
        with nogil:
            amr_restrict_boxes(&a, &src[0, 0, 0, 0, 0], &b, &dst[0, 0, 0, 0, 0], ops.shape[0], &ops[0, 0])


def pack_boxes(from_layout, const double[:, :, :, :, ::1] src, double[::1] buffer, const int32_t[:, ::1] ops):
    """Buffer := source boxes."""
    cdef amr_layout a = make_layout(from_layout)
    if ops.shape[0]:
        with nogil:
            amr_pack_boxes(&a, &src[0, 0, 0, 0, 0], &buffer[0], ops.shape[0], &ops[0, 0])


def restrict_pack(from_layout, const double[:, :, :, :, ::1] src, double[::1] buffer, const int32_t[:, ::1] ops):
    """Buffer := averages of the source boxes."""
    cdef amr_layout a = make_layout(from_layout)
    if ops.shape[0]:
        with nogil:
            amr_restrict_pack(&a, &src[0, 0, 0, 0, 0], &buffer[0], ops.shape[0], &ops[0, 0])


def unpack_boxes(const double[::1] buffer, to_layout, double[:, :, :, :, ::1] dst, const int32_t[:, ::1] ops):
    """Destination boxes := buffer."""
    cdef amr_layout b = make_layout(to_layout)
    if ops.shape[0]:
        with nogil:
            amr_unpack_boxes(&b, &buffer[0], &dst[0, 0, 0, 0, 0], ops.shape[0], &ops[0, 0])


def prolong_boxes(PhysicsSpec spec, coarse_layout, const double[:, :, :, :, ::1] coarse, fine_layout,
                  double[:, :, :, :, ::1] fine, const int32_t[:, ::1] ops, amr_prolong_mode mode):
    """Fine boxes := prolonged blocks of the coarse pool (``mode``: LIMITED, CONSTANT or LOW_PASS); returns the number of coarse cells
    that fell back to constant."""
    cdef amr_layout a = make_layout(coarse_layout), b = make_layout(fine_layout)
    cdef ptrdiff_t n_fallback = 0
    if ops.shape[0]:
        with nogil:
            n_fallback = amr_prolong_boxes(&spec.c, mode, &a, &coarse[0, 0, 0, 0, 0], &b, &fine[0, 0, 0, 0, 0],
                                           ops.shape[0], &ops[0, 0])
    return n_fallback
