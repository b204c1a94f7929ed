"""Transfer to a coarser mesh as entries of matrices (csrc/coarsen.h)."""

import numpy as np

from libc.stdint cimport int8_t, int32_t, int64_t

cdef extern from "coarsen.h" nogil:
    ctypedef struct amr_coarsening:
        int dim
        int n
        int n_coarse
        ptrdiff_t lo
        ptrdiff_t m
        const int32_t *parent
        const int8_t *octant
        const int8_t *relation
        const int32_t *neighbor
        const int32_t *origin
        const double *outside
    ptrdiff_t amr_interpolation_count(const amr_coarsening *)
    void amr_interpolation(const amr_coarsening *, int64_t *, int64_t *, double *, int64_t *)


def interpolation(int dim, int n, int n_coarse, ptrdiff_t lo, const int32_t[::1] parent, const int8_t[::1] octant,
                  const int8_t[:, ::1] relation, const int32_t[:, ::1] neighbor, const int32_t[:, ::1] origin,
                  const double[:, ::1] outside):
    """Entries of the linear interpolation from a coarser mesh to the m leaves from ``lo`` on of a finer one.

    Parameters
    ----------
    dim, n, n_coarse : int
        Cells per axis of the blocks: ``n_coarse`` is n, or n / 2 where the blocks are coarsened and not the tree.
    lo : int
    parent : int32 (m,), octant : int8 (m,)
        The coarser leaf, and which child of it the leaf is: -1 for the leaf itself; 0 where ``n_coarse`` is n / 2.
    relation : int8 (m, 3^dim), neighbor : int32 (m, 3^dim)
        Neighbours of the parent in the coarser mesh.
    origin : int32 (m, 3)
        Coordinates of the parent.
    outside : float64 (m, 6)
        Value beyond a side of the domain over that of the cell at it.

    Returns
    -------
    row, col : int64 (e,)
    value : float64 (e,)
    first : int64 (m n^dim,)
        Of each fine cell the entry of the coarse cell that it lies in.
    """
    cdef amr_coarsening c
    cdef ptrdiff_t m = parent.shape[0], slots = (1, 3, 9, 27)[dim]
    if (octant.shape[0] != m or relation.shape[0] != m or neighbor.shape[0] != m or origin.shape[0] != m or outside.shape[0] != m
            or relation.shape[1] != slots or neighbor.shape[1] != slots or origin.shape[1] != 3 or outside.shape[1] != 6):
        raise ValueError("all arrays must have a row for each leaf")
    if n % 2 or n_coarse not in (n, n // 2):
        raise ValueError("n must be even, n_coarse n or n / 2")
    c.dim, c.n, c.n_coarse, c.lo, c.m = dim, n, n_coarse, lo, m
    cdef ptrdiff_t count = 0
    if m:
        c.parent, c.octant, c.relation, c.neighbor = &parent[0], &octant[0], &relation[0, 0], &neighbor[0, 0]
        c.origin, c.outside = &origin[0, 0], &outside[0, 0]
        count = amr_interpolation_count(&c)
    out = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count), np.empty(m * int(n) ** int(dim), np.int64)
    cdef int64_t[::1] row = out[0], col = out[1], first = out[3]
    cdef double[::1] value = out[2]
    if m:
        with nogil:
            amr_interpolation(&c, &row[0], &col[0], &value[0], &first[0])
    return out
