# Declarations of csrc/amr.h shared by the wrappers.
from libc.stddef cimport ptrdiff_t

cdef extern from "amr.h":
    ctypedef enum amr_status:
        AMR_OK
        AMR_UNPHYSICAL
        AMR_BAD_ARGUMENT

    ctypedef struct amr_layout:
        int dim
        int n
        int g
        int n_var
        int ext[3]
        int gh[3]
        ptrdiff_t stride[3]
        ptrdiff_t var_stride
        ptrdiff_t block_stride

    amr_layout amr_make_layout(int dim, int n, int g, int n_var) nogil

    ctypedef struct amr_physics:
        int id
        int dim
        int n_var
        int n_scalar
        double param[8]
