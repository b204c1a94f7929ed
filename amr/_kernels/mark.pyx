"""Flags of all leaves from what is wanted (csrc/mark.h)."""

import numpy as np

from amr._kernels.sfc cimport Leaves, amr_forest
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, uint8_t, uint32_t

cdef extern from "mark.h":
    ctypedef struct amr_wished:
        const uint32_t *near
        const uint8_t *calm
        const uint8_t *vetoed
        const int8_t *least

    void amr_balance_flags(const amr_forest *f, int max_level, int8_t *flags, int32_t *work) nogil
    void amr_wish(const amr_forest *f, int max_level, ptrdiff_t first, ptrdiff_t n, const amr_wished *of, uint8_t *wishes) nogil
    void amr_mark(const amr_forest *f, int max_level, const uint8_t *wishes, int8_t *flags, uint8_t *cause, int32_t *work,
                  int8_t *before) nogil


def balance_flags(Leaves leaves, int max_level, int8_t[::1] flags):
    """Make ``flags``, int8 (n_leaves,), those that can be carried out, in place."""
    cdef int32_t[::1] work = np.empty(2 * leaves.c.n, dtype=np.int32)
    if flags.shape[0] != leaves.c.n:
        raise ValueError(f"{flags.shape[0]} flags for {leaves.c.n} leaves")
    with nogil:
        amr_balance_flags(&leaves.c, max_level, &flags[0], &work[0])


def wish(Leaves leaves, int max_level, Py_ssize_t first, const uint32_t[::1] near, const uint8_t[::1] calm,
         const uint8_t[::1] vetoed=None, const int8_t[::1] least=None):
    """What the leaves from ``first`` on wish of themselves and of those around them, uint8 (n_leaves,): bits of csrc/mark.h.

    Parameters
    ----------
    near : uint32 (n,)
    calm, vetoed : uint8 (n,)
    least : int8 (n,)
        Level that regions want of a leaf, -1 for none.
    """
    cdef Py_ssize_t n = near.shape[0]
    cdef amr_wished of
    if (calm.shape[0] != n or (vetoed is not None and vetoed.shape[0] != n) or (least is not None and least.shape[0] != n)
            or first < 0 or first + n > leaves.c.n):
        raise ValueError(f"arrays that are not of {n} leaves from {first} on, of {leaves.c.n}")
    out = np.empty(leaves.c.n, dtype=np.uint8)
    cdef uint8_t[::1] wishes = out
    of.near, of.calm = &near[0], &calm[0]
    of.vetoed = &vetoed[0] if vetoed is not None else NULL
    of.least = &least[0] if least is not None else NULL
    with nogil:
        amr_wish(&leaves.c, max_level, first, n, &of, &wishes[0])
    return out


def mark(Leaves leaves, int max_level, const uint8_t[::1] wishes):
    """Flags int8 (n_leaves,) and causes uint8 (n_leaves,) of all leaves, from the wishes uint8 (n_leaves,) of all ranks, combined."""
    cdef Py_ssize_t n = leaves.c.n
    if wishes.shape[0] != n:
        raise ValueError(f"{wishes.shape[0]} wishes for {n} leaves")
    flags_array, cause_array = np.empty(n, dtype=np.int8), np.empty(n, dtype=np.uint8)
    cdef int8_t[::1] flags = flags_array, before = np.empty(n, dtype=np.int8)
    cdef uint8_t[::1] cause = cause_array
    cdef int32_t[::1] work = np.empty(2 * n, dtype=np.int32)
    with nogil:
        amr_mark(&leaves.c, max_level, &wishes[0], &flags[0], &cause[0], &work[0], &before[0])
    return flags_array, cause_array
