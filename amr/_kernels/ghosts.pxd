from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, uint8_t

from amr._kernels.boundary cimport BoundarySpec, amr_boundary
from amr._kernels.common cimport amr_layout, amr_physics
from amr._kernels.physics cimport PhysicsSpec
from amr._kernels.sfc cimport Leaves, amr_forest

cdef extern from "transfer.h":
    ctypedef enum amr_prolong_mode:
        AMR_PROLONG_LIMITED
        AMR_PROLONG_CONSTANT

cdef extern from "ghosts.h":
    ctypedef struct amr_ghost_op:
        int32_t source
        int32_t box

    ctypedef struct amr_ghost_boxes:
        const int32_t *box
        int32_t base[7]
        const uint8_t *touches
        int32_t n_layer
        const int32_t *layer_of
        const int32_t *layer_from
        const int32_t *wall_direction

    ctypedef struct amr_ghosts:
        amr_layout layout
        amr_layout coarse
        const amr_physics *physics
        amr_prolong_mode mode
        const amr_boundary *boundary
        const amr_boundary *wall
        const int32_t *first
        const amr_ghost_op *ops
        const int32_t *box
        double *own
        const double *finer
        const double *coarser
        const double *coarser_2
        double theta
        const double *buffer


cdef class Boxes:
    cdef amr_ghost_boxes c
    cdef const int32_t[:, ::1] box
    cdef const uint8_t[:, ::1] touches
    cdef const int32_t[::1] layer_of, layer_from, wall_direction


cdef class GhostPlan:
    cdef amr_ghosts c
    cdef Boxes boxes
    cdef PhysicsSpec spec
    cdef BoundarySpec boundary, wall
    cdef const int32_t[::1] first
    cdef const int32_t[:, ::1] ops
    cdef double[::1] scratch
    cdef object pools
    cdef public long n_fallback
    cdef public double seconds
