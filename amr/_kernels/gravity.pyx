"""Self-gravity: half kicks and the work on the mass that moves (csrc/gravity.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout
from amr._kernels.physics cimport make_layout
from libc.stdint cimport int32_t

cdef extern from "gravity.h":
    void amr_gravity_kick(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double dt, double *u,
                          double *work, double *sums) nogil
    void amr_gravity_finish(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double dt, double *u,
                            const double *work, double *sums) nogil
    void amr_gravity_work(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *change, const double *mass,
                          const double *spacing, double dt, const int32_t *face_slot, double *flux, double *work) nogil
    void amr_gravity_rate(const amr_layout *layout, ptrdiff_t m, const double *phi, const double *spacing, double *rate) nogil


cdef int require(amr_layout *l, const double[:, :, :, :, ::1] pool, int n_var, Py_ssize_t m, str name) except -1:
    if (pool.shape[0] < m or pool.shape[1] != n_var or pool.shape[2] != l.ext[2] or pool.shape[3] != l.ext[1]
            or pool.shape[4] != l.ext[0]):
        raise ValueError(f"{name} is not a pool of this layout with {n_var} variables")
    return 0


cdef amr_layout gas(layout, const double[:, ::1] spacing) except *:
    if layout.n_var < layout.dim + 2 or layout.g < 1 or spacing.shape[1] != 3:
        raise ValueError("a gas has density, momentum and energy, a ghost cell, and three spacings a block")
    return make_layout(layout)


def kick(layout, double[:, :, :, :, ::1] u, const double[:, :, :, :, ::1] phi, const double[:, ::1] spacing, double dt,
         double[:, :, :, :, ::1] work, bint is_last):
    """A kick of length dt of the gas ``u`` in the potential ``phi``. In place.

    Parameters
    ----------
    layout : Layout
        Of ``u``.
    u : float64 (n_block, n_var, nk, nj, ni)
    phi : float64 (n_block, 1, nk, nj, ni)
        Ghosts beyond the faces are filled.
    spacing : float64 (n_block, 3)
    dt : float
    work : float64 (n_block, 1, nk, nj, ni)
        Written: the gain of kinetic energy. Read where ``is_last``: what the energy gains.

    Returns
    -------
    float64 (n_block, n_var)
        Sums of the changes over the interior cells.
    """
    cdef amr_layout l = gas(layout, spacing)
    cdef Py_ssize_t m = spacing.shape[0]
    require(&l, u, l.n_var, m, "u")
    require(&l, phi, 1, m, "phi")
    require(&l, work, 1, m, "work")
    out = np.zeros((m, l.n_var))
    cdef double[:, ::1] sums = out
    if m:
        with nogil:
            if is_last:
                amr_gravity_finish(&l, m, &phi[0, 0, 0, 0, 0], &spacing[0, 0], dt, &u[0, 0, 0, 0, 0], &work[0, 0, 0, 0, 0], &sums[0, 0])
            else:
                amr_gravity_kick(&l, m, &phi[0, 0, 0, 0, 0], &spacing[0, 0], dt, &u[0, 0, 0, 0, 0], &work[0, 0, 0, 0, 0], &sums[0, 0])
    return out


def work_done(layout, const double[:, :, :, :, ::1] phi, const double[:, :, :, :, ::1] change,
              const double[:, :, :, :, ::1] mass, const double[:, ::1] spacing, double dt, const int32_t[:, ::1] face_slot,
              double[:, :, ::1] flux, double[:, :, :, :, ::1] work):
    """``work := -work - phi change - dt div(mass phi_face)`` in the interior cells; in place. ``flux`` is written.

    Parameters
    ----------
    layout : Layout
        Of the gas.
    phi, change, work : float64 (n_block, 1, nk, nj, ni)
        ``phi``: ghosts beyond the faces filled; ``change`` of the density.
    mass : float64 (n_block, dim, nk, nj, ni)
        As of `amr._kernels.step.advance`.
    spacing : float64 (n_block, 3)
    dt : float
    face_slot : int32 (n_block, 6), flux : float64 (n_slot, 1, n**(dim - 1))
        Where ``mass phi_face`` of the faces goes (-1 nowhere).
    """
    cdef amr_layout l = gas(layout, spacing)
    cdef Py_ssize_t m = spacing.shape[0]
    cdef double *out = NULL
    require(&l, phi, 1, m, "phi")
    require(&l, change, 1, m, "change")
    require(&l, work, 1, m, "work")
    require(&l, mass, l.dim, m, "mass")
    if face_slot.shape[0] < m or face_slot.shape[1] != 6 or flux.shape[1] != 1 or flux.shape[2] != l.n ** (l.dim - 1) \
            or (m and np.max(face_slot) >= flux.shape[0]):
        raise ValueError("face_slot must be (n_block, 6), flux (n_slot, 1, n**(dim - 1))")
    if flux.shape[0]:
        out = &flux[0, 0, 0]
    if m:
        with nogil:
            amr_gravity_work(&l, m, &phi[0, 0, 0, 0, 0], &change[0, 0, 0, 0, 0], &mass[0, 0, 0, 0, 0], &spacing[0, 0], dt,
                             &face_slot[0, 0], out, &work[0, 0, 0, 0, 0])


def rate(layout, const double[:, :, :, :, ::1] phi, const double[:, ::1] spacing):
    """Largest sum over axes of |g| / spacing of each block [1/s^2], float64 (n_block,); ``layout`` of the gas."""
    cdef amr_layout l = gas(layout, spacing)
    cdef Py_ssize_t m = spacing.shape[0]
    require(&l, phi, 1, m, "phi")
    found = np.zeros(m)
    cdef double[::1] out = found
    if m:
        with nogil:
            amr_gravity_rate(&l, m, &phi[0, 0, 0, 0, 0], &spacing[0, 0], &out[0])
    return found
