from amr._kernels.common cimport amr_layout, amr_physics


cdef class PhysicsSpec:
    cdef amr_physics c


cdef amr_layout make_layout(object layout)
cdef int require_blocks(const double[:, :, :, :, ::1] array, amr_layout *l, Py_ssize_t first, Py_ssize_t second) except -1
