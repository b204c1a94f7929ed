"""Viscous terms by themselves (csrc/viscous.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_physics
from amr._kernels.physics cimport PhysicsSpec, make_layout, require_blocks
from libc.stdint cimport int32_t

cdef extern from "viscous.h":
    ptrdiff_t amr_viscous_size(const amr_layout *layout) nogil
    void amr_viscous_rate(const amr_physics *physics, const amr_layout *layout, ptrdiff_t n, const double *u, const double *spacing,
                          const int32_t *face_slot, double *flux, double *rate, double *scratch) nogil


def rate(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const double[:, ::1] spacing,
         const int32_t[:, ::1] face_slot, double[:, :, ::1] flux, double[:, :, :, :, ::1] out):
    """``out`` := minus the divergence of the viscous fluxes; in place, and so is ``flux``.

    Parameters
    ----------
    spec : PhysicsSpec
        Of navier_stokes.
    layout : Layout
    u : float64 (n_block, n_var, nk, nj, ni)
        All ghosts filled.
    spacing : float64 (n_block, 3)
    face_slot : int32 (n_block, 6), flux : float64 (n_slot, n_var, n**(dim - 1))
        Where the fluxes of the faces go (-1 nowhere).
    out : float64 (n_block, n_var, nk, nj, ni)
    """
    cdef amr_layout l = make_layout(layout)
    cdef Py_ssize_t m = spacing.shape[0]
    cdef double *faces = NULL
    cdef double[::1] scratch = np.empty(amr_viscous_size(&l))
    require_blocks(u, &l, m, l.n_var)
    require_blocks(out, &l, m, l.n_var)
    if spacing.shape[1] != 3 or face_slot.shape[0] != m or face_slot.shape[1] != 6 or spec.c.n_var != l.n_var:
        raise ValueError("spacing must be (n_block, 3), face_slot (n_block, 6), spec of the layout's variables")
    if m and (np.max(face_slot) >= flux.shape[0] or flux.shape[1] != l.n_var or flux.shape[2] != l.n ** (l.dim - 1)):
        raise ValueError("flux must be (n_slot, n_var, n**(dim - 1)) with all slots that are named")
    if flux.shape[0]:
        faces = &flux[0, 0, 0]
    if m:
        with nogil:
            amr_viscous_rate(&spec.c, &l, m, &u[0, 0, 0, 0, 0], &spacing[0, 0], &face_slot[0, 0], faces, &out[0, 0, 0, 0, 0],
                             &scratch[0])
