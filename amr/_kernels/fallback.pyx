"""Unphysical cells of an update: marked for first-order fluxes, counted, located (csrc/fallback.h)."""

from libc.stdint cimport int64_t

import numpy as np

from amr._kernels.common cimport amr_layout, amr_make_layout, amr_physics
from amr._kernels.physics cimport PhysicsSpec


cdef extern from "fallback.h":
    void amr_mark_unphysical(const amr_physics *, const amr_layout *, int64_t, const double *, double *) nogil
    int64_t amr_count_mask(const amr_layout *, int64_t, const double *) nogil
    int amr_find_unphysical(const amr_physics *, const amr_layout *, int64_t, const double *, int64_t *, double *) nogil


def mark_unphysical(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, double[:, :, :, :, ::1] mask):
    """Set ``mask`` to 1 in the interior cells of ``u`` whose state is unphysical (in place)."""
    cdef amr_layout c_layout = amr_make_layout(layout.dim, layout.n, layout.g, layout.n_var)
    if u.shape[0] > 0:
        with nogil:
            amr_mark_unphysical(&spec.c, &c_layout, u.shape[0], &u[0, 0, 0, 0, 0], &mask[0, 0, 0, 0, 0])


def count(layout, const double[:, :, :, :, ::1] mask):
    """Number of interior cells with mask > 0."""
    cdef amr_layout c_layout = amr_make_layout(layout.dim, layout.n, layout.g, 1)
    return amr_count_mask(&c_layout, mask.shape[0], &mask[0, 0, 0, 0, 0]) if mask.shape[0] > 0 else 0


def find_unphysical(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u):
    """First unphysical interior cell: (block, (i, j, k), conserved state) or None."""
    cdef amr_layout c_layout = amr_make_layout(layout.dim, layout.n, layout.g, layout.n_var)
    cdef int64_t where[4]
    cdef double[::1] state = np.empty(layout.n_var)
    if u.shape[0] == 0 or not amr_find_unphysical(
        &spec.c, &c_layout, u.shape[0], &u[0, 0, 0, 0, 0], where, &state[0]
    ):
        return None
    return where[0], (where[1], where[2], where[3]), np.asarray(state)
