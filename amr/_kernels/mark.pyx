"""Flags of all leaves from what is wanted (csrc/mark.h)."""

import numpy as np

from amr._kernels.sfc cimport Leaves, amr_forest
from libc.stdint cimport int8_t, int32_t, uint8_t, uint32_t

cdef extern from "mark.h":
    ctypedef struct amr_wishes:
        const uint32_t *near
        const uint8_t *calm
        const uint8_t *vetoed
        const int8_t *least

    void amr_balance_flags(const amr_forest *f, int max_level, int8_t *flags, int32_t *work) nogil
    void amr_mark(const amr_forest *f, int max_level, const amr_wishes *wishes, int8_t *flags, uint8_t *cause, int32_t *work,
                  int8_t *before) nogil


def balance_flags(Leaves leaves, int max_level, int8_t[::1] flags):
    """Make ``flags``, int8 (n_leaves,), those that can be carried out, in place."""
    cdef int32_t[::1] work = np.empty(2 * leaves.c.n, dtype=np.int32)
    if flags.shape[0] != leaves.c.n:
        raise ValueError(f"{flags.shape[0]} flags for {leaves.c.n} leaves")
    with nogil:
        amr_balance_flags(&leaves.c, max_level, &flags[0], &work[0])


def mark(Leaves leaves, int max_level, const uint32_t[::1] near, const uint8_t[::1] calm, const uint8_t[::1] vetoed=None,
         const int8_t[::1] least=None):
    """Flags and causes of all leaves.

    Parameters
    ----------
    near : uint32 (n_leaves,)
    calm, vetoed : uint8 (n_leaves,)
    least : int8 (n_leaves,)
        Level of the regions that a leaf overlaps, -1 for none.

    Returns
    -------
    int8 (n_leaves,), uint8 (n_leaves,)
    """
    cdef amr_wishes wishes
    cdef Py_ssize_t n = leaves.c.n
    if (near.shape[0] != n or calm.shape[0] != n or (vetoed is not None and vetoed.shape[0] != n)
            or (least is not None and least.shape[0] != n)):
        raise ValueError(f"arrays that do not have {n} entries, one per leaf")
    flags_array, cause_array = np.empty(n, dtype=np.int8), np.empty(n, dtype=np.uint8)
    cdef int8_t[::1] flags = flags_array, before = np.empty(n, dtype=np.int8)
    cdef uint8_t[::1] cause = cause_array
    cdef int32_t[::1] work = np.empty(2 * n, dtype=np.int32)
    wishes.near, wishes.calm = &near[0], &calm[0]
    wishes.vetoed = &vetoed[0] if vetoed is not None else NULL
    wishes.least = &least[0] if least is not None else NULL
    with nogil:
        amr_mark(&leaves.c, max_level, &wishes, &flags[0], &cause[0], &work[0], &before[0])
    return flags_array, cause_array
