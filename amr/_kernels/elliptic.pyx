"""Entries of the composite elliptic operator (csrc/elliptic.h)."""
import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, int64_t

from amr._kernels.common cimport amr_layout
from amr._kernels.csr cimport amr_csr, integer
from amr._kernels.physics cimport make_layout
from amr._kernels.sfc cimport Leaves, amr_forest

cdef extern from "elliptic.h" nogil:
    ctypedef struct amr_elliptic:
        const amr_forest *forest
        ptrdiff_t lo
        ptrdiff_t m
        const int8_t *relation
        const int32_t *neighbor
        amr_layout layout
        const double *spacing
        const double *beta
        const double *alpha
        ptrdiff_t alpha_step
        double temperature
        double robin[6][2]
    ctypedef struct amr_elliptic_faces:
        ptrdiff_t n
        ptrdiff_t n_entry
        int64_t *fine
        int64_t *coarse
        int64_t *row
        int64_t *col
        double *value
    const double AMR_BETA_JUMP
    ptrdiff_t amr_elliptic_row_counts(const amr_elliptic *, amr_csr *)
    void amr_elliptic_row_places(const amr_elliptic *, amr_csr *)
    void amr_elliptic_row_values(const amr_elliptic *, amr_csr *)
    ptrdiff_t amr_elliptic_count(const amr_elliptic *)
    void amr_elliptic_places(const amr_elliptic *, int64_t *, int64_t *)
    void amr_elliptic_values(const amr_elliptic *, double *)
    void amr_elliptic_face_count(const amr_elliptic *, amr_elliptic_faces *)
    void amr_elliptic_face_fluxes(const amr_elliptic *, amr_elliptic_faces *)

BETA_JUMP = AMR_BETA_JUMP  # neighbours whose beta differs by more than this factor are not interpolated between


cdef class EllipticEntries:
    """The operator on the blocks of one rank.

    Parameters
    ----------
    layout : Layout
        Of ``beta``: one variable, at least one ghost cell.
    forest : Leaves
    lo : int
        First leaf of this rank.
    relation, neighbor : int8, int32 (m, 3^dim)
        Rows of the neighbour table of the local leaves.
    spacing : float64 (m, 3)
    robin : float64 (6, 2)
        a, b of ``a phi + b dphi/dn`` per direction.
    temperature : float
        0, or that of the operator of Fokker and Planck: ``beta`` of `values` is the energy over it then.

    Attributes
    ----------
    count : int
        Number of the triplets of irregular rows.
    n_row : int
        Number of all rows.
    """

    cdef amr_elliptic c
    cdef Leaves forest
    cdef const int8_t[:, ::1] relation
    cdef const int32_t[:, ::1] neighbor
    cdef const double[:, ::1] spacing
    cdef readonly ptrdiff_t count, n_row

    def __init__(self, layout, Leaves forest, ptrdiff_t lo, const int8_t[:, ::1] relation, const int32_t[:, ::1] neighbor,
                 const double[:, ::1] spacing, const double[:, ::1] robin, double temperature=0.0):
        self.forest, self.relation, self.neighbor, self.spacing = forest, relation, neighbor, spacing
        self.c.forest, self.c.layout, self.c.lo, self.c.m = &forest.c, make_layout(layout), lo, relation.shape[0]
        self.c.temperature = temperature
        for d in range(6):
            self.c.robin[d][0], self.c.robin[d][1] = robin[d, 0], robin[d, 1]
        self.count, self.n_row = 0, self.c.m * layout.n ** layout.dim
        if self.c.m:
            self.c.relation, self.c.neighbor, self.c.spacing = &relation[0, 0], &neighbor[0, 0], &spacing[0, 0]
            with nogil:
                self.count = amr_elliptic_count(&self.c)

    def row_counts(self, integer[::1] start):
        """Write to ``start[1 + i]`` the entries of row i, -1 - k for the k-th irregular one, and return the number of these."""
        cdef amr_csr a = self._rows(start.shape[0] - 1)
        cdef ptrdiff_t n_irregular = 0
        a.is_wide, a.start = sizeof(integer) == 8, &start[0]
        if self.c.m:
            with nogil:
                n_irregular = amr_elliptic_row_counts(&self.c, &a)
        return n_irregular

    def row_places(self, integer[::1] start, integer[::1] col):
        """Write the columns of the plain rows."""
        cdef amr_csr a = self._rows(start.shape[0] - 1)
        if self.c.m:
            a.is_wide, a.start, a.col = sizeof(integer) == 8, &start[0], &col[0]
            with nogil:
                amr_elliptic_row_places(&self.c, &a)

    def places(self):
        """Rows and columns int64 (count,) of the triplets of irregular rows, numbers of cells of the whole mesh."""
        out = np.empty(self.count, np.int64), np.empty(self.count, np.int64)
        cdef int64_t[::1] row = out[0], col = out[1]
        if self.count:
            with nogil:
                amr_elliptic_places(&self.c, &row[0], &col[0])
        return out

    def values(self, const double[:, :, :, :, ::1] beta, const double[::1] alpha, integer[::1] start, double[::1] value):
        """Write the values of the plain rows, and return those of the triplets, float64 (count,).

        ``beta`` (m, 1, nk, nj, ni) has its ghosts filled; ``alpha``: (m n^dim,), or (1,) for all cells.
        """
        if beta.shape[0] != self.c.m or alpha.shape[0] not in (1, self.n_row):
            raise ValueError("beta needs all blocks, alpha all cells or one number for all")
        cdef amr_csr a = self._rows(start.shape[0] - 1)
        out = np.empty(self.count)
        cdef double[::1] triplet = out
        if self.c.m:
            self.c.beta, self.c.alpha, self.c.alpha_step = &beta[0, 0, 0, 0, 0], &alpha[0], alpha.shape[0] > 1
            a.is_wide, a.start, a.value = sizeof(integer) == 8, &start[0], &value[0]
            with nogil:
                amr_elliptic_row_values(&self.c, &a)
        if self.count:
            with nogil:
                amr_elliptic_values(&self.c, &triplet[0])
        return out

    cdef amr_csr _rows(self, ptrdiff_t n_row) except *:
        cdef amr_csr a
        if n_row != self.n_row:
            raise ValueError(f"{n_row} rows instead of {self.n_row}")
        a.n_row, a.is_wide, a.start, a.col, a.value = n_row, 0, NULL, NULL, NULL
        return a

    def face_fluxes(self, const double[:, :, :, :, ::1] beta):
        """What goes through the faces of local blocks to coarser ones, as rows of a matrix.

        Returns
        -------
        fine, coarse : int64 (m,)
            Numbers of the cells on both sides of each face.
        row, col : int64 (e,)
            Face and cell of each entry.
        value : float64 (e,)
            Weight of the cell in beta dphi/dn times the area, from the fine to the coarse cell; those of one place are to be added.
        """
        cdef amr_elliptic_faces faces
        faces.n = faces.n_entry = 0
        if self.c.m:
            self.c.beta, self.c.alpha = &beta[0, 0, 0, 0, 0], NULL
            with nogil:
                amr_elliptic_face_count(&self.c, &faces)
        out = (np.empty(faces.n, np.int64), np.empty(faces.n, np.int64), np.empty(faces.n_entry, np.int64),
               np.empty(faces.n_entry, np.int64), np.empty(faces.n_entry))
        cdef int64_t[::1] fine = out[0], coarse = out[1], row = out[2], col = out[3]
        cdef double[::1] value = out[4]
        if faces.n:
            faces.fine, faces.coarse, faces.row, faces.col, faces.value = &fine[0], &coarse[0], &row[0], &col[0], &value[0]
            with nogil:
                amr_elliptic_face_fluxes(&self.c, &faces)
        return out
