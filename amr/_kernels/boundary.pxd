cdef extern from "boundary.h":
    ctypedef struct amr_boundary:
        int kind[6]
        const double *parity
        const double *state


cdef class BoundarySpec:
    cdef amr_boundary c
    cdef const double[:, ::1] parity, state
