"""Rows of sparse matrices from triplets (csrc/csr.h)."""
import numpy as np

from libc.stdint cimport int64_t

from amr.errors import CaseError

cdef extern from "csr.h" nogil:
    ctypedef struct amr_triplets:
        ptrdiff_t n
        ptrdiff_t n_row
        const int64_t *row
        const int64_t *col
        int64_t *first
        int64_t *order
    int64_t amr_csr_merge(amr_csr *, amr_triplets *)
    void amr_csr_places(amr_csr *, const amr_triplets *, int64_t *)
    void amr_csr_sum(ptrdiff_t, const int64_t *, const double *, double *)


def merge(integer[::1] start, ptrdiff_t n_row, const int64_t[::1] row, const int64_t[::1] col):
    """Sort triplets into the rows of a matrix, and say where the rows start.

    Parameters
    ----------
    start : PETSc's integers (n + 1,)
        ``start[1 + i]``: entries of row i, or -1 - k for the k-th of the ``n_row`` rows that triplets make; in place: where row i ends.
    row, col : int64 (m,)
        Triplets; at least one for each of their rows.

    Returns
    -------
    columns : PETSc's integers (e,)
        Of all entries; written are those of the rows that triplets make, ascending.
    place : int64 (m,)
        The entry that each triplet is added to.

    Raises
    ------
    ValueError
        A triplet of another row.
    CaseError
        More entries than these integers can count.
    """
    cdef amr_csr a
    cdef amr_triplets t
    cdef int64_t count
    cdef ptrdiff_t m = row.shape[0]
    if col.shape[0] != m or start.shape[0] == 0:
        raise ValueError("a triplet has a row and a column, and start an element more than there are rows")
    places = np.empty(m, np.int64)
    cdef int64_t[::1] place = places, first = np.empty(n_row + 1, np.int64), order = np.empty(m, np.int64)
    a.n_row, a.is_wide, a.start, a.col, a.value = start.shape[0] - 1, sizeof(integer) == 8, &start[0], NULL, NULL
    t.n, t.n_row, t.first, t.row, t.col, t.order = m, n_row, &first[0], NULL, NULL, NULL
    if m:
        t.row, t.col, t.order = &row[0], &col[0], &order[0]
    with nogil:
        count = amr_csr_merge(&a, &t)
    if count < 0:
        raise ValueError("a triplet belongs to a row that others make")
    integers = np.asarray(start).dtype
    if count > np.iinfo(integers).max:
        raise CaseError(f"a matrix of {count} entries on a rank is more than this PETSc can count: take more ranks, or 64-bit indices")
    columns = np.empty(count, integers)
    cdef integer[::1] out = columns
    if m:
        a.col = &out[0]
        with nogil:
            amr_csr_places(&a, &t, &place[0])
    return columns, places


def add(const int64_t[::1] place, const double[::1] given, double[::1] value):
    """``value[place]`` = the sums of the values ``given`` (m,) of triplets, in their order. In place."""
    if place.shape[0] != given.shape[0]:
        raise ValueError("a place for each triplet")
    if place.shape[0]:
        with nogil:
            amr_csr_sum(place.shape[0], &place[0], &given[0], &value[0])
