from libc.stdint cimport int32_t, int64_t

ctypedef fused integer:  # of PETSc
    int32_t
    int64_t

cdef extern from "csr.h" nogil:
    ctypedef struct amr_csr:
        ptrdiff_t n_row
        int is_wide
        void *start
        void *col
        double *value
