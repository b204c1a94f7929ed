"""What alarmed blocks hold, all blocks at once (csrc/classify.h)."""

import numpy as np

from amr._kernels.common cimport AMR_OK, amr_layout, amr_physics, amr_status
from amr._kernels.ghosts cimport GhostPlan, amr_ghosts
from amr._kernels.physics cimport PhysicsSpec, make_layout
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t

cdef extern from "classify.h":
    ctypedef enum amr_class_kind:
        AMR_SMOOTH
        AMR_RESOLVED_WAVE
        AMR_UNDER_RESOLVED
        AMR_DISCONTINUITY
        AMR_NOISE
        AMR_ODD_EVEN

    ctypedef struct amr_class_limits:
        double alarm
        double jump_mono
        double steep_pr
        double narrow_pr
        double jump_q1
        double jump_q2
        double resolved_q1
        double wave_cells
        double odd_even_chi
        double odd_even_pr
        double noise_flh
        double noise_q3
        double noise_pr[2]
        double noise_chi

    ctypedef struct amr_block_class:
        double amplitude

    ptrdiff_t amr_classify_scratch(const amr_layout *layout)
    amr_status amr_classify(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                            int64_t n_list, const int32_t *list, int n_pick, const int32_t *pick, const double *scale,
                            const amr_class_limits *limits, int with_all, amr_block_class *found, double *scratch) nogil

SMOOTH, RESOLVED_WAVE, UNDER_RESOLVED = AMR_SMOOTH, AMR_RESOLVED_WAVE, AMR_UNDER_RESOLVED
DISCONTINUITY, NOISE, ODD_EVEN = AMR_DISCONTINUITY, AMR_NOISE, AMR_ODD_EVEN

#: ``amr_block_class``.
BLOCK_CLASS = np.dtype(
    [(name, np.float64) for name in ("amplitude", "rms", "q1", "q2", "q3", "PR", "mono", "chi", "flh", "cells_per_wave")]
    + [("variable", np.int16), ("kind", np.int8)],
    align=True,
)


def classify(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const int32_t[::1] blocks, const int32_t[::1] variables,
             const double[::1] scales, limits, GhostPlan ghosts=None, bint with_all=False):
    """Classes and features of some blocks.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    blocks : ndarray int32 (m,)
    variables : ndarray int32 (n_pick,)
        Indices of primitive variables, at least one.
    scales : ndarray (n_pick,)
        What their differences are measured by.
    limits : mapping
        The members of ``amr_class_limits``.
    ghosts : GhostPlan, optional
        Makes the ghosts, from the pools set with its ``read``; else those of ``u`` are taken.
    with_all : bool
        Compute features that the decision does not need, too; else they are NaN.

    Returns
    -------
    ndarray (m,) of BLOCK_CLASS

    Raises
    ------
    ValueError
        Arrays that do not fit the layout, fewer than two ghosts, blocks of fewer than 8 or more than 64 cells.
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_class_limits limit
    cdef Py_ssize_t q, n_list = blocks.shape[0], n_pick = variables.shape[0]
    cdef amr_status status
    cdef const amr_ghosts *plan = &ghosts.c if ghosts is not None else NULL
    cdef double[::1] scratch = np.empty(amr_classify_scratch(&l))
    found = np.zeros(n_list, dtype=BLOCK_CLASS)
    cdef char[::1] memory = found.view(np.int8)
    if BLOCK_CLASS.itemsize != sizeof(amr_block_class):
        raise ValueError("BLOCK_CLASS is not amr_block_class")
    limit.alarm, limit.resolved_q1, limit.wave_cells = limits["alarm"], limits["resolved_q1"], limits["wave_cells"]
    limit.narrow_pr, limit.odd_even_chi, limit.odd_even_pr = limits["narrow_pr"], limits["odd_even_chi"], limits["odd_even_pr"]
    limit.jump_mono, limit.steep_pr = limits["jump_mono"], limits["steep_pr"]
    limit.jump_q1, limit.jump_q2 = limits["jump_q1"], limits["jump_q2"]
    for q in range(2):
        limit.noise_pr[q] = limits["noise_pr"][q]
    limit.noise_flh, limit.noise_q3 = limits["noise_flh"], limits["noise_q3"]
    limit.noise_chi = limits["noise_chi"]
    shape = [u.shape[q] for q in range(1, 5)]
    if shape != [l.n_var, l.ext[2], l.ext[1], l.ext[0]] or n_pick == 0 or scales.shape[0] != n_pick:
        raise ValueError(f"blocks of shape {shape}, {n_pick} variables and {scales.shape[0]} scales do not fit {layout}")
    for q in range(n_list):
        if not 0 <= blocks[q] < u.shape[0]:
            raise ValueError(f"block {blocks[q]} of {u.shape[0]}")
    if n_list == 0:
        return found
    with nogil:
        status = amr_classify(&spec.c, &l, &u[0, 0, 0, 0, 0], plan, n_list, &blocks[0], <int>n_pick, &variables[0], &scales[0],
                              &limit, with_all, <amr_block_class *>&memory[0], &scratch[0])
    if status != AMR_OK:
        raise ValueError(f"classes are not offered for {layout}: variables, fewer than two ghosts, or blocks not of 8..64 cells")
    return found
