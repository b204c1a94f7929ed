"""Transfer to a coarser mesh as entries of matrices (csrc/coarsen.h)."""

import numpy as np

from libc.stdint cimport int8_t, int32_t, int64_t

from amr._kernels.csr cimport amr_csr, integer

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
    int64_t amr_interpolation(const amr_coarsening *, amr_csr *, void *)


def interpolation(int dim, int n, int n_coarse, ptrdiff_t lo, const int32_t[::1] parent, const int8_t[::1] octant,
                  const int8_t[:, ::1] relation, const int32_t[:, ::1] neighbor, const int32_t[:, ::1] origin,
                  const double[:, ::1] outside, integer[::1] start, integer[::1] own):
    """Rows of the linear interpolation from a coarser mesh to the m leaves from ``lo`` on of a finer one.

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
    start, own : PETSc's integers (m n^dim + 1,), (m n^dim,)
        Written: where the rows start, and the coarse cell that each fine cell lies in.

    Returns
    -------
    col : PETSc's integers (e,), value : float64 (e,)
        Of the rows' entries, the columns ascending.
    """
    cdef amr_coarsening c
    cdef ptrdiff_t m = parent.shape[0], slots = (1, 3, 9, 27)[dim]
    if (octant.shape[0] != m or relation.shape[0] != m or neighbor.shape[0] != m or origin.shape[0] != m or outside.shape[0] != m
            or relation.shape[1] != slots or neighbor.shape[1] != slots or origin.shape[1] != 3 or outside.shape[1] != 6
            or own.shape[0] != m * int(n) ** int(dim) or start.shape[0] != own.shape[0] + 1):
        raise ValueError("all arrays must have a row for each leaf, start and own one for each cell")
    if n % 2 or n_coarse not in (n, n // 2):
        raise ValueError("n must be even, n_coarse n or n / 2")
    c.dim, c.n, c.n_coarse, c.lo, c.m = dim, n, n_coarse, lo, m
    cdef ptrdiff_t count = 0
    if m:
        c.parent, c.octant, c.relation, c.neighbor = &parent[0], &octant[0], &relation[0, 0], &neighbor[0, 0]
        c.origin, c.outside = &origin[0, 0], &outside[0, 0]
        count = amr_interpolation_count(&c)
    columns, values = np.empty(count, np.asarray(start).dtype), np.empty(count)
    cdef integer[::1] col = columns
    cdef double[::1] value = values
    cdef amr_csr a
    start[0] = 0
    if m:
        a.n_row, a.is_wide, a.start, a.col, a.value = own.shape[0], sizeof(integer) == 8, &start[0], &col[0], &value[0]
        with nogil:
            count = amr_interpolation(&c, &a, &own[0])
    return columns[:count], values[:count]
