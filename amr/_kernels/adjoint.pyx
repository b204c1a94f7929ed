"""Details of cells weighed with adjoint states of a uniform mesh (csrc/adjoint.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_status, AMR_OK
from amr._kernels.ghosts cimport GhostPlan, amr_ghosts
from amr._kernels.physics cimport make_layout, require_blocks
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t

cdef extern from "adjoint.h":
    ctypedef struct amr_adjoint:
        int n_snapshot
        int64_t cells[3]
        const double *weight
        double factor

    ptrdiff_t amr_weigh_scratch(const amr_layout *layout) nogil
    amr_status amr_weigh_detail(const amr_layout *layout, const double *u, const amr_ghosts *ghosts, int64_t n_list,
                                const int32_t *list, const int32_t *first, const int32_t *finer, const amr_adjoint *adjoint,
                                double *out, double *scratch) nogil


def weigh_detail(layout, const double[:, :, :, :, ::1] u, const int32_t[::1] blocks, const int32_t[:, ::1] first,
                 const int32_t[::1] finer, const double[:, :, :, :, ::1] weight, double factor, double[:, ::1] out,
                 GhostPlan ghosts=None):
    """Values of the cells of some blocks, written to their rows of ``out``.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    blocks : ndarray int32 (m,)
    first : ndarray int32 (n_block, 3)
        Index of each block's first cell among the cells of its level.
    finer : ndarray int32 (n_block,)
        Levels by which the mesh of the weights is finer than the block.
    weight : ndarray (n_snapshot, n_var, mk, mj, mi)
    factor : float
    out : ndarray (n_block, n^dim)
    ghosts : GhostPlan, optional
        Makes the ghosts, from the pools set with its ``read``; else those of ``u`` are taken.

    Raises
    ------
    ValueError
        Arrays that do not fit the layout or each other, fewer than two ghosts, more variables than 1 + dim.
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_adjoint a
    cdef Py_ssize_t q, n_list = blocks.shape[0]
    cdef int axis
    cdef int64_t cell, last
    cdef amr_status status
    cdef const amr_ghosts *plan = &ghosts.c if ghosts is not None else NULL
    cdef double[::1] scratch = np.empty(amr_weigh_scratch(&l))
    require_blocks(u, &l, u.shape[0], l.n_var)
    if out.shape[0] != u.shape[0] or out.shape[1] != layout.n ** layout.dim:
        raise ValueError("out must have a row of cells per block")
    if first.shape[0] != u.shape[0] or first.shape[1] != 3 or finer.shape[0] != u.shape[0]:
        raise ValueError("first and finer must have a row per block")
    if weight.shape[1] != l.n_var:
        raise ValueError("the weights must be of all variables")
    a.n_snapshot, a.factor = <int>weight.shape[0], factor
    for axis in range(3):
        a.cells[axis] = weight.shape[4 - axis]
    for q in range(n_list):
        if not 0 <= blocks[q] < u.shape[0]:
            raise ValueError(f"block {blocks[q]} of {u.shape[0]}")
        for axis in range(l.dim):
            cell, last = first[blocks[q], axis], first[blocks[q], axis] + l.n
            if finer[blocks[q]] >= 0:
                last = last << finer[blocks[q]]
            else:
                last = ((last - 1) >> -finer[blocks[q]]) + 1
            if cell < 0 or last > a.cells[axis]:
                raise ValueError(f"block {blocks[q]} reaches beyond the mesh of the weights")
    if n_list == 0 or weight.shape[0] == 0:
        for q in range(n_list):
            out[blocks[q]] = 0.0
        return
    a.weight = &weight[0, 0, 0, 0, 0]
    with nogil:
        status = amr_weigh_detail(&l, &u[0, 0, 0, 0, 0], plan, n_list, &blocks[0], &first[0, 0], &finer[0], &a, &out[0, 0],
                                  &scratch[0])
    if status != AMR_OK:
        raise ValueError(f"not offered for {layout}")
