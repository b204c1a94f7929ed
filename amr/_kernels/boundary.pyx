"""Physical boundary conditions on ghost cells (csrc/boundary.h). Pools, layouts and ops: amr._kernels.transfer."""
from libc.stdint cimport int32_t

from amr._kernels.common cimport amr_layout
from amr._kernels.physics cimport make_layout

cdef extern from "boundary.h" nogil:
    void amr_boundary_fill(const amr_layout *, double *, const amr_boundary *, ptrdiff_t, const int32_t *)
    void amr_boundary_coarse(const amr_layout *, double *, const amr_boundary *, ptrdiff_t, const int32_t *)
    void amr_boundary_gather(const amr_layout *, const double *, double *, ptrdiff_t, ptrdiff_t, const int32_t *)
    void amr_boundary_scatter(const amr_layout *, double *, const double *, ptrdiff_t, ptrdiff_t, const int32_t *)

COPY, MIRROR, CONSTANT, EXTRAPOLATE, NO_SLIP = range(5)


cdef class BoundarySpec:
    """What to do on each of the six directions.

    Parameters
    ----------
    kind : int32 (6,)
        COPY, MIRROR, CONSTANT, EXTRAPOLATE or NO_SLIP.
    parity : float64 (3, n_var)
        Sign of each variable under reflection along each axis.
    state : float64 (6, n_var)
        Conserved ghost state, read for CONSTANT; for NO_SLIP see csrc/boundary.h.
    """

    def __init__(self, const int32_t[::1] kind, const double[:, ::1] parity, const double[:, ::1] state):
        if kind.shape[0] != 6 or parity.shape[0] != 3 or state.shape[0] != 6 or parity.shape[1] != state.shape[1]:
            raise ValueError("kind (6,), parity (3, n_var), state (6, n_var)")
        self.parity, self.state = parity, state
        for d in range(6):
            self.c.kind[d] = kind[d]
        self.c.parity, self.c.state = &self.parity[0, 0], &self.state[0, 0]


def boundary_fill(layout, double[:, :, :, :, ::1] u, BoundarySpec spec, const int32_t[:, ::1] ops):
    """Fill the ghost boxes of the ops, in order. In place."""
    cdef amr_layout a = make_layout(layout)
    if ops.shape[0]:
        with nogil:
            amr_boundary_fill(&a, &u[0, 0, 0, 0, 0], &spec.c, ops.shape[0], &ops[0, 0])


def boundary_coarse(layout, double[:, :, :, :, ::1] u, BoundarySpec spec, const int32_t[:, ::1] ops):
    """Fill the one-cell layers of the coarse pool outside the domain that slopes need. In place."""
    cdef amr_layout a = make_layout(layout)
    if ops.shape[0]:
        with nogil:
            amr_boundary_coarse(&a, &u[0, 0, 0, 0, 0], &spec.c, ops.shape[0], &ops[0, 0])


def boundary_gather(layout, const double[:, :, :, :, ::1] u, double[:, ::1] out, const int32_t[:, ::1] ops):
    """out (n_var, m) := the interior mirror cells of the ghost cells of the ops."""
    cdef amr_layout a = make_layout(layout)
    if ops.shape[0]:
        with nogil:
            amr_boundary_gather(&a, &u[0, 0, 0, 0, 0], &out[0, 0], out.shape[1], ops.shape[0], &ops[0, 0])


def boundary_scatter(layout, double[:, :, :, :, ::1] u, const double[:, ::1] values, const int32_t[:, ::1] ops):
    """Ghost cells of the ops := values (n_var, m). In place."""
    cdef amr_layout a = make_layout(layout)
    if ops.shape[0]:
        with nogil:
            amr_boundary_scatter(&a, &u[0, 0, 0, 0, 0], &values[0, 0], values.shape[1], ops.shape[0], &ops[0, 0])
