"""Flux correction at faces between levels (csrc/reflux.h)."""
from libc.stdint cimport int32_t

from amr._kernels.common cimport amr_layout
from amr._kernels.physics cimport make_layout

cdef extern from "reflux.h" nogil:
    ctypedef struct amr_reflux_plan:
        const int32_t *block
        const int32_t *slot
        const int32_t *row
        const double *flux
        const double *rows
        const double *spacing
    void amr_reflux_average(const amr_layout *, const double *, double *, double, int, ptrdiff_t, const int32_t *)
    void amr_reflux_apply(const amr_layout *, double *, double, ptrdiff_t, const amr_reflux_plan *)


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
