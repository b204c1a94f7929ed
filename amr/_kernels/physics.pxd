from amr._kernels.common cimport amr_layout, amr_physics


cdef class PhysicsSpec:
    cdef amr_physics c


cdef amr_layout make_layout(object layout)
