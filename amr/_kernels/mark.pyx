"""Flags of all leaves from what is wanted (csrc/mark.h)."""

import numpy as np

from amr._kernels.sfc cimport Leaves, amr_forest
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, uint8_t, uint32_t

cdef extern from "mark.h":
    void amr_balance_flags(const amr_forest *f, int max_level, int8_t *flags, int32_t *work) nogil
    void amr_wish(const amr_forest *f, int max_level, ptrdiff_t first, ptrdiff_t n, const uint32_t *near, const uint8_t *calm,
                  const uint8_t *vetoed, uint8_t *wishes) nogil
    void amr_mark(const amr_forest *f, int max_level, const uint8_t *wishes, const int8_t *least, int8_t *flags, uint8_t *cause,
                  int32_t *work, int8_t *before) nogil


def balance_flags(Leaves leaves, int max_level, int8_t[::1] flags):
    """Make ``flags``, int8 (n_leaves,), those that can be carried out, in place."""
    cdef int32_t[::1] work = np.empty(2 * leaves.c.n, dtype=np.int32)
    if flags.shape[0] != leaves.c.n:
        raise ValueError(f"{flags.shape[0]} flags for {leaves.c.n} leaves")
    with nogil:
        amr_balance_flags(&leaves.c, max_level, &flags[0], &work[0])


def wish(Leaves leaves, int max_level, Py_ssize_t first, const uint32_t[::1] near, const uint8_t[::1] calm,
         const uint8_t[::1] vetoed=None):
    """What the leaves from ``first`` on wish of themselves and of those around them, uint8 (n_leaves,): bits of csrc/mark.h.

    Parameters
    ----------
    near : uint32 (n,)
    calm, vetoed : uint8 (n,)
    """
    cdef Py_ssize_t n = near.shape[0]
    if calm.shape[0] != n or (vetoed is not None and vetoed.shape[0] != n) or first < 0 or first + n > leaves.c.n:
        raise ValueError(f"arrays that are not of {n} leaves from {first} on, of {leaves.c.n}")
    out = np.empty(leaves.c.n, dtype=np.uint8)
    cdef uint8_t[::1] wishes = out
    cdef const uint8_t *veto = &vetoed[0] if vetoed is not None else NULL
    with nogil:
        amr_wish(&leaves.c, max_level, first, n, &near[0], &calm[0], veto, &wishes[0])
    return out


def mark(Leaves leaves, int max_level, const uint8_t[::1] wishes, const int8_t[::1] least=None):
    """Flags and causes of all leaves.

    Parameters
    ----------
    wishes : uint8 (n_leaves,)
        Of all ranks, combined.
    least : int8 (n_leaves,)
        Level of the regions that a leaf overlaps, -1 for none.

    Returns
    -------
    int8 (n_leaves,), uint8 (n_leaves,)
    """
    cdef Py_ssize_t n = leaves.c.n
    if wishes.shape[0] != n or (least is not None and least.shape[0] != n):
        raise ValueError(f"arrays that do not have {n} entries, one per leaf")
    flags_array, cause_array = np.empty(n, dtype=np.int8), np.empty(n, dtype=np.uint8)
    cdef int8_t[::1] flags = flags_array, before = np.empty(n, dtype=np.int8)
    cdef uint8_t[::1] cause = cause_array
    cdef int32_t[::1] work = np.empty(2 * n, dtype=np.int32)
    cdef const int8_t *lowest = &least[0] if least is not None else NULL
    with nogil:
        amr_mark(&leaves.c, max_level, &wishes[0], lowest, &flags[0], &cause[0], &work[0], &before[0])
    return flags_array, cause_array
