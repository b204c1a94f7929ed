from amr._kernels.common cimport amr_physics


cdef class PhysicsSpec:
    cdef amr_physics c
