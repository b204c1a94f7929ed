"""Leaves on the Morton curve: typed arrays in, one C call (csrc/sfc.h) without the GIL, arrays out."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, int64_t

from amr._kernels.common cimport AMR_OK, amr_status


cdef extern from "sfc.h":
    void amr_morton_encode(int, int, ptrdiff_t, const int8_t *, const int32_t *, int64_t *) nogil
    void amr_morton_decode(int, int, ptrdiff_t, const int8_t *, const int64_t *, int32_t *) nogil
    void amr_find(const amr_forest *, ptrdiff_t, const int8_t *, const int32_t *, int32_t *) nogil
    ptrdiff_t amr_adapt_count(const amr_forest *, int, const int8_t *) nogil
    void amr_adapt_fill(const amr_forest *, const int8_t *, int8_t *, int32_t *, int64_t *, int32_t *, int8_t *) nogil
    ptrdiff_t amr_balance_refine(const amr_forest *, int8_t *, int32_t *, ptrdiff_t, int8_t *) nogil
    ptrdiff_t amr_first_unbalanced(const amr_forest *) nogil
    amr_status amr_neighbors(const amr_forest *, ptrdiff_t, const int32_t *, int8_t *, int32_t *) nogil
    void amr_neighbor_children(const amr_forest *, ptrdiff_t, const int32_t *, const int32_t *, int32_t *) nogil

cdef extern from "partition.h":
    void amr_partition(ptrdiff_t, const double *, ptrdiff_t, int64_t *, int64_t *) nogil


def encode(int dim, int key_level, const int8_t[::1] level, const int32_t[:, ::1] coords):
    """Morton keys int64 (m,) of blocks given by level (m,) and coords (m, 3)."""
    cdef ptrdiff_t m = level.shape[0]
    key = np.empty(m, np.int64)
    cdef int64_t[::1] out = key
    if m:
        with nogil:
            amr_morton_encode(dim, key_level, m, &level[0], &coords[0, 0], &out[0])
    return key


def decode(int dim, int key_level, const int8_t[::1] level, const int64_t[::1] key):
    """Coordinates int32 (m, 3) on their own level of blocks given by level (m,) and key (m,)."""
    cdef ptrdiff_t m = level.shape[0]
    coords = np.empty((m, 3), np.int32)
    cdef int32_t[:, ::1] out = coords
    if m:
        with nogil:
            amr_morton_decode(dim, key_level, m, &level[0], &key[0], &out[0, 0])
    return coords


def cut(const double[::1] prefix, ptrdiff_t n_part):
    """Starts int64 (n_part + 1,) of the contiguous cut with the smallest largest load; ``prefix`` are running sums."""
    starts, lowest = np.empty(n_part + 1, np.int64), np.empty(n_part + 1, np.int64)
    cdef int64_t[::1] first = starts, scratch = lowest
    with nogil:
        amr_partition(prefix.shape[0] - 1, &prefix[0], n_part, &first[0], &scratch[0])
    return starts


cdef class Leaves:
    """The flat arrays of a forest as the C core sees them; keeps them alive. At least one leaf."""

    def __init__(self, int dim, int key_level, root_blocks, periodic, level, coords, key):
        self.level, self.coords, self.key = level, coords, key
        self.c.dim, self.c.key_level, self.c.n = dim, key_level, self.level.shape[0]
        for a in range(3):
            self.c.root[a], self.c.periodic[a] = root_blocks[a], periodic[a]
        self.c.level, self.c.coords, self.c.key = &self.level[0], &self.coords[0, 0], &self.key[0]

    def find(self, const int8_t[::1] level, const int32_t[:, ::1] coords):
        """Leaf int32 (m,) that contains each block's lowest corner, -1 outside the domain."""
        cdef ptrdiff_t m = level.shape[0]
        leaf = np.empty(m, np.int32)
        cdef int32_t[::1] out = leaf
        if m:
            with nogil:
                amr_find(&self.c, m, &level[0], &coords[0, 0], &out[0])
        return leaf

    def adapt_count(self, int max_level, const int8_t[::1] flags):
        """Number of leaves after adapt, or -1 - i when flag i is not possible."""
        return amr_adapt_count(&self.c, max_level, &flags[0])

    def adapt(self, const int8_t[::1] flags, ptrdiff_t count):
        """New (level, coords, key, source, change) of ``count`` (from `adapt_count`) leaves."""
        out = (np.empty(count, np.int8), np.empty((count, 3), np.int32), np.empty(count, np.int64),
               np.empty(count, np.int32), np.empty(count, np.int8))
        cdef int8_t[::1] level = out[0], change = out[4]
        cdef int32_t[:, ::1] coords = out[1]
        cdef int64_t[::1] key = out[2]
        cdef int32_t[::1] source = out[3]
        with nogil:
            amr_adapt_fill(&self.c, &flags[0], &level[0], &coords[0, 0], &key[0], &source[0], &change[0])
        return out

    def balance_refine(self, int8_t[::1] flags, start, bint report_open=False):
        """Raise ``flags`` in place around the leaves ``start``; optionally return int8 (n,) marks of unsettled leaves."""
        queue_array = np.empty(len(start) + self.c.n, np.int32)
        queue_array[: len(start)] = start
        cdef int32_t[::1] queue = queue_array
        cdef ptrdiff_t n_queue = len(start)
        open_array = np.zeros(self.c.n if report_open else 1, np.int8)
        cdef int8_t[::1] unsettled = open_array
        with nogil:
            amr_balance_refine(&self.c, &flags[0], &queue[0], n_queue, &unsettled[0] if report_open else NULL)
        return open_array if report_open else None

    def first_unbalanced(self):
        """First leaf beside a leaf more than one level coarser, -1 if there is none."""
        cdef ptrdiff_t i
        with nogil:
            i = amr_first_unbalanced(&self.c)
        return i

    def neighbors(self, const int32_t[::1] leaves):
        """(relation int8 (m, 3^dim), leaf int32 (m, 3^dim), is_balanced)."""
        cdef ptrdiff_t m = leaves.shape[0]
        cdef amr_status status = AMR_OK
        n_slot = (1, 3, 9, 27)[self.c.dim]
        out = np.empty((m, n_slot), np.int8), np.empty((m, n_slot), np.int32)
        cdef int8_t[:, ::1] relation = out[0]
        cdef int32_t[:, ::1] leaf = out[1]
        if m:
            with nogil:
                status = amr_neighbors(&self.c, m, &leaves[0], &relation[0, 0], &leaf[0, 0])
        return (*out, status == AMR_OK)

    def neighbor_children(self, const int32_t[::1] leaf, const int32_t[::1] slot):
        """Leaves int32 (m, 2^dim) that are children of the positions at ``slot`` of ``leaf``; -1 where not a leaf."""
        cdef ptrdiff_t m = leaf.shape[0]
        out = np.empty((m, 1 << self.c.dim), np.int32)
        cdef int32_t[:, ::1] children = out
        if m:
            with nogil:
                amr_neighbor_children(&self.c, m, &leaf[0], &slot[0], &children[0, 0])
        return out
