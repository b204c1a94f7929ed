from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, int64_t


cdef extern from "sfc.h":
    ctypedef struct amr_forest:
        int dim
        int key_level
        int32_t root[3]
        int32_t periodic[3]
        ptrdiff_t n
        const int8_t *level
        const int32_t *coords
        const int64_t *key


cdef class Leaves:
    cdef amr_forest c
    cdef const int8_t[::1] level
    cdef const int32_t[:, ::1] coords
    cdef const int64_t[::1] key
