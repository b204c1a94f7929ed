"""The bare kernel that `amr bench` judges the solver by (csrc/yardstick.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_status, AMR_OK
from amr._kernels.physics cimport make_layout
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t

cdef extern from "yardstick.h":
    ptrdiff_t amr_yardstick_scratch(const amr_layout *layout) nogil
    amr_status amr_yardstick(const amr_layout *layout, int64_t n_block, int n_step, double dt_over_h, double *u,
                             double *scratch) nogil


def scratch_size(layout):
    """Doubles of scratch that `advance` needs for blocks of this layout."""
    cdef amr_layout l = make_layout(layout)
    return amr_yardstick_scratch(&l)


def advance(layout, double[:, :, :, :, ::1] u, double[::1] scratch, int n_step, double dt_over_h):
    """Advance the interiors of a pool (n_block, n_var, nk, nj, ni) of Euler blocks, gamma 1.4, by ``n_step`` steps, in place.

    Raises
    ------
    ValueError
        Not two or three dimensions, two ghosts and dim + 2 variables, or arrays of other sizes.
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_status status
    if u.shape[1] != l.n_var or u.shape[2] != l.ext[2] or u.shape[3] != l.ext[1] or u.shape[4] != l.ext[0]:
        raise ValueError("u is not a pool of this layout")
    if scratch.shape[0] < amr_yardstick_scratch(&l):
        raise ValueError(f"{scratch.shape[0]} doubles of scratch, not {amr_yardstick_scratch(&l)}")
    if u.shape[0] == 0:
        return
    with nogil:
        status = amr_yardstick(&l, u.shape[0], n_step, dt_over_h, &u[0, 0, 0, 0, 0], &scratch[0])
    if status != AMR_OK:
        raise ValueError("the yardstick takes two or three dimensions, two ghosts and dim + 2 variables")
