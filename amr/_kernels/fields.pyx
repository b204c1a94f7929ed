"""Primitive variables of all blocks at once, and what they range over (csrc/fields.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_physics, amr_status, AMR_OK
from amr._kernels.physics cimport PhysicsSpec, make_layout, require_blocks
from libc.stdint cimport int32_t, int64_t

cdef extern from "fields.h":
    amr_status amr_primitive_ranges(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                    int n_pick, const int32_t *pick, double *lowest, double *highest, double *signal,
                                    double *scratch) nogil
    amr_status amr_primitive_fields(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                    int n_pick, const int32_t *pick, double *w, double *scratch) nogil


def primitive_ranges(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const int32_t[::1] pick,
                     bint with_signal=False):
    """What primitive variables range over in the interior cells; ghosts need not be filled.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    pick : ndarray int32 (n_pick,)
        Indices of primitive variables.
    with_signal : bool
        Whether to compute signal speeds, too.

    Returns
    -------
    lowest, highest : ndarray (n_pick,)
        inf and -inf without blocks.
    signal : float
        Largest absolute signal speed along an axis; 0 without blocks or unless asked for.
    """
    cdef amr_layout l = make_layout(layout)
    cdef Py_ssize_t n_block = u.shape[0], n_pick = pick.shape[0]
    cdef double signal = 0.0
    cdef amr_status status
    lowest_array, highest_array = np.full(n_pick, np.inf), np.full(n_pick, -np.inf)
    cdef double[::1] lowest = lowest_array, highest = highest_array
    cdef double[::1] scratch = np.empty((l.n_var + 1) * l.var_stride)
    require_blocks(u, &l, n_block, l.n_var)
    if n_pick == 0 or n_block == 0:
        return lowest_array, highest_array, 0.0
    with nogil:
        status = amr_primitive_ranges(&spec.c, &l, &u[0, 0, 0, 0, 0], n_block, <int>n_pick, &pick[0], &lowest[0],
                                      &highest[0], &signal if with_signal else NULL, &scratch[0])
    if status != AMR_OK:
        raise ValueError("amr_primitive_ranges: variables, dimension or counts do not match the equation set")
    return lowest_array, highest_array, signal


def primitive_fields(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const int32_t[::1] pick,
                     double[:, :, :, :, ::1] w):
    """Write primitive variables of all blocks, ghosts included, to ``w``.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    pick : ndarray int32 (n_pick,)
        Indices of primitive variables.
    w : ndarray (n_pick, n_block, nk, nj, ni)
        Overwritten.
    """
    cdef amr_layout l = make_layout(layout)
    cdef Py_ssize_t n_block = u.shape[0], n_pick = pick.shape[0]
    cdef amr_status status
    cdef double[::1] scratch = np.empty(l.block_stride)
    require_blocks(u, &l, n_block, l.n_var)
    require_blocks(w, &l, n_pick, n_block)
    if n_pick == 0 or n_block == 0:
        return
    with nogil:
        status = amr_primitive_fields(&spec.c, &l, &u[0, 0, 0, 0, 0], n_block, <int>n_pick, &pick[0], &w[0, 0, 0, 0, 0],
                                      &scratch[0])
    if status != AMR_OK:
        raise ValueError("amr_primitive_fields: variables, dimension or counts do not match the equation set")
