"""Refinement indicators over all blocks at once, and the primitive variables they look at (csrc/indicate.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_physics, amr_status, AMR_OK
from amr._kernels.ghosts cimport GhostPlan, amr_ghosts
from amr._kernels.physics cimport PhysicsSpec, make_layout
from libc.stdint cimport int32_t, int64_t, uint32_t

cdef extern from "indicate.h":
    ctypedef enum amr_indicator_id:
        AMR_JUMP
        AMR_SECOND_DIFFERENCE
        AMR_LOHNER
        AMR_LOHNER_FLASH

    ctypedef struct amr_indicator:
        int id
        int buffer
        double tau
        double scale
        double filter
        double floor

    amr_status amr_indicate(const amr_layout *layout, const amr_indicator *indicator, const double *w, int64_t n_block,
                            double *eta_max, uint32_t *near) nogil
    amr_status amr_primitive_ranges(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                    int n_pick, const int32_t *pick, double *lowest, double *highest, double *signal,
                                    double *scratch) nogil
    amr_status amr_primitive_fields(const amr_physics *physics, const amr_layout *layout, const double *u,
                                    const amr_ghosts *ghosts, int64_t n_list, const int32_t *list, int n_pick,
                                    const int32_t *pick, double *w, double *scratch) nogil

JUMP, SECOND_DIFFERENCE, LOHNER, LOHNER_FLASH = AMR_JUMP, AMR_SECOND_DIFFERENCE, AMR_LOHNER, AMR_LOHNER_FLASH


def indicate(int id, layout, const double[:, :, :, ::1] w, double[::1] eta_max, uint32_t[::1] near, *,
             double tau, double scale, int buffer, double filter=0.0, double floor=0.0):
    """Fold an indicator of one variable into ``eta_max`` and ``near``, in place.

    Parameters
    ----------
    id : int
        JUMP, SECOND_DIFFERENCE, LOHNER or LOHNER_FLASH.
    layout : amr.mesh.pool.Layout
    w : ndarray (n_block, nk, nj, ni)
        The variable, ghosts filled.
    eta_max : ndarray (n_block,), near : ndarray uint32 (n_block,)
        Block value, and bit mask of the sides, edges and corners that a cell > ``tau`` is within ``buffer`` cells of; both
        keep what was there if it is larger, or set.
    tau, scale, filter, floor : float
    buffer : int
        As in csrc/indicate.h.

    Raises
    ------
    ValueError
        Arrays that do not fit the layout, ``buffer`` outside 0..n, too few ghosts.
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_indicator p
    cdef amr_status status = AMR_OK
    if w.shape[1] != l.ext[2] or w.shape[2] != l.ext[1] or w.shape[3] != l.ext[0]:
        raise ValueError(f"w has shape {[w.shape[i] for i in range(4)]}, which is not that of the layout's blocks")
    if eta_max.shape[0] != w.shape[0] or near.shape[0] != w.shape[0]:
        raise ValueError("eta_max and near must have one entry per block")
    p.id, p.buffer, p.tau, p.scale, p.filter, p.floor = id, buffer, tau, scale, filter, floor
    if w.shape[0]:
        with nogil:
            status = amr_indicate(&l, &p, &w[0, 0, 0, 0], w.shape[0], &eta_max[0], &near[0])
    if status != AMR_OK:
        raise ValueError(f"indicator {id} with buffer {buffer} is not offered for {layout}")


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
    _require(u, l, n_block, l.n_var)
    if n_pick == 0 or n_block == 0:
        return lowest_array, highest_array, 0.0
    with nogil:
        status = amr_primitive_ranges(&spec.c, &l, &u[0, 0, 0, 0, 0], n_block, <int>n_pick, &pick[0], &lowest[0],
                                      &highest[0], &signal if with_signal else NULL, &scratch[0])
    if status != AMR_OK:
        raise ValueError("amr_primitive_ranges: variables, dimension or counts do not match the equation set")
    return lowest_array, highest_array, signal


def primitive_fields(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const int32_t[::1] blocks,
                     const int32_t[::1] pick, double[:, :, :, :, ::1] w, GhostPlan ghosts=None):
    """Write primitive variables of some blocks, ghosts included, to ``w``.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    blocks : ndarray int32 (m,)
    pick : ndarray int32 (n_pick,)
        Indices of primitive variables.
    w : ndarray (n_pick, m, nk, nj, ni)
        Overwritten.
    ghosts : GhostPlan, optional
        Makes the ghosts, from the pools set with its ``read``; else those of ``u`` are taken.
    """
    cdef amr_layout l = make_layout(layout)
    cdef Py_ssize_t q, n_list = blocks.shape[0], n_pick = pick.shape[0]
    cdef amr_status status
    cdef const amr_ghosts *plan = &ghosts.c if ghosts is not None else NULL
    cdef double[::1] scratch = np.empty(3 * l.block_stride)
    _require(u, l, u.shape[0], l.n_var)
    _require(w, l, n_pick, n_list)
    for q in range(n_list):
        if not 0 <= blocks[q] < u.shape[0]:
            raise ValueError(f"block {blocks[q]} of {u.shape[0]}")
    if n_pick == 0 or n_list == 0:
        return
    with nogil:
        status = amr_primitive_fields(&spec.c, &l, &u[0, 0, 0, 0, 0], plan, n_list, &blocks[0], <int>n_pick, &pick[0],
                                      &w[0, 0, 0, 0, 0], &scratch[0])
    if status != AMR_OK:
        raise ValueError("amr_primitive_fields: variables, dimension or counts do not match the equation set")


cdef int _require(const double[:, :, :, :, ::1] array, amr_layout l, Py_ssize_t first, Py_ssize_t second) except -1:
    shape = [array.shape[i] for i in range(5)]
    if shape != [first, second, l.ext[2], l.ext[1], l.ext[0]]:
        raise ValueError(f"an array has shape {shape}, which does not fit the layout")
    return 0
