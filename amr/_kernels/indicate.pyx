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

    ctypedef struct amr_indicator_job:
        amr_indicator indicator
        int variable
        int column

    amr_status amr_indicate(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                            int64_t n_list, const int32_t *list, int n_job, const amr_indicator_job *jobs, int n_column,
                            double *eta, uint32_t *near, double *scratch) nogil
    amr_status amr_primitive_ranges(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                    int n_pick, const int32_t *pick, double *lowest, double *highest, double *signal,
                                    double *scratch) nogil
    amr_status amr_primitive_fields(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                    int n_pick, const int32_t *pick, double *w, double *scratch) nogil

JUMP, SECOND_DIFFERENCE, LOHNER, LOHNER_FLASH = AMR_JUMP, AMR_SECOND_DIFFERENCE, AMR_LOHNER, AMR_LOHNER_FLASH


cdef enum:
    MOST_JOBS = 128


def indicate(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const int32_t[::1] blocks, jobs,
             double[:, ::1] eta, uint32_t[:, ::1] near, GhostPlan ghosts=None):
    """Fold indicators of primitive variables into ``eta`` and ``near``, in place, for some blocks.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    blocks : ndarray int32 (m,)
    jobs : sequence of dict
        ``id`` (JUMP, SECOND_DIFFERENCE, LOHNER or LOHNER_FLASH), ``variable`` (index of a primitive variable), ``column``,
        ``tau``, ``scale``, ``buffer`` and, where the formula has them, ``filter`` and ``floor``, as in csrc/indicate.h.
    eta : ndarray (n_block, n_column), near : ndarray uint32 (n_block, n_column)
        Block values, and bit masks of the sides, edges and corners that a cell > ``tau`` is within ``buffer`` cells of; both
        keep what was there if it is larger, or set.
    ghosts : GhostPlan, optional
        Makes the ghosts, from the pools set with its ``read``; else those of ``u`` are taken.

    Raises
    ------
    ValueError
        Arrays that do not fit the layout, ``buffer`` outside 0..n, too few ghosts.
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_indicator_job list[MOST_JOBS]
    cdef Py_ssize_t q, n_list = blocks.shape[0]
    cdef int n_job = len(jobs)
    cdef amr_status status
    cdef const amr_ghosts *plan = &ghosts.c if ghosts is not None else NULL
    cdef double[::1] scratch = np.empty(3 * l.block_stride)
    if n_job > MOST_JOBS:
        raise ValueError(f"{n_job} indicators of single variables are too many, at most {MOST_JOBS}")
    for q, job in enumerate(jobs):
        list[q].variable, list[q].column = job["variable"], job["column"]
        list[q].indicator.id, list[q].indicator.buffer = job["id"], job["buffer"]
        list[q].indicator.tau, list[q].indicator.scale = job["tau"], job["scale"]
        list[q].indicator.filter, list[q].indicator.floor = job.get("filter", 0.0), job.get("floor", 0.0)
    _require(u, l, u.shape[0], l.n_var)
    if eta.shape[0] != u.shape[0] or near.shape[0] != u.shape[0] or eta.shape[1] != near.shape[1]:
        raise ValueError("eta and near must have one row per block and equal columns")
    for q in range(n_list):
        if not 0 <= blocks[q] < u.shape[0]:
            raise ValueError(f"block {blocks[q]} of {u.shape[0]}")
    if n_list == 0 or n_job == 0:
        return
    with nogil:
        status = amr_indicate(&spec.c, &l, &u[0, 0, 0, 0, 0], plan, n_list, &blocks[0], n_job, list, <int>eta.shape[1],
                              &eta[0, 0], &near[0, 0], &scratch[0])
    if status != AMR_OK:
        raise ValueError(f"an indicator, its buffer or its variable is not offered for {layout}: {jobs}")


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
    _require(u, l, n_block, l.n_var)
    _require(w, l, n_pick, n_block)
    if n_pick == 0 or n_block == 0:
        return
    with nogil:
        status = amr_primitive_fields(&spec.c, &l, &u[0, 0, 0, 0, 0], n_block, <int>n_pick, &pick[0], &w[0, 0, 0, 0, 0],
                                      &scratch[0])
    if status != AMR_OK:
        raise ValueError("amr_primitive_fields: variables, dimension or counts do not match the equation set")


cdef int _require(const double[:, :, :, :, ::1] array, amr_layout l, Py_ssize_t first, Py_ssize_t second) except -1:
    shape = [array.shape[i] for i in range(5)]
    if shape != [first, second, l.ext[2], l.ext[1], l.ext[0]]:
        raise ValueError(f"an array has shape {shape}, which does not fit the layout")
    return 0
