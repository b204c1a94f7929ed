"""Indicators of several variables at once: values of cells, what blocks make of them, modes of blocks (csrc/cells.h, csrc/modal.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_physics, amr_status, AMR_OK
from amr._kernels.ghosts cimport GhostPlan, amr_ghosts
from amr._kernels.physics cimport PhysicsSpec, make_layout
from libc.stdint cimport int32_t, int64_t, uint32_t

cdef extern from "cells.h":
    ctypedef enum amr_sensor_id:
        AMR_VORTICITY
        AMR_SHOCK_SENSOR
        AMR_PRESSURE_JUMP
        AMR_SCALAR_GRADIENT

    ctypedef struct amr_sensor:
        int id
        int variable
        int velocity
        double weight[3]
        double scale
        double floor

    amr_status amr_sense(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                         int64_t n_list, const int32_t *list, const amr_sensor *sensor, double *out, double *scratch) nogil
    void amr_fold_cells(int dim, int n, int64_t n_block, const double *values, const double *tau, int buffer, double *eta,
                        uint32_t *near) nogil

cdef extern from "modal.h":
    void amr_modal(const amr_layout *layout, int64_t n_block, const double *w, int n_mode, const double *basis,
                   const int32_t *is_odd, double scale, double *eta, double *scratch) nogil

VORTICITY, SHOCK_SENSOR = AMR_VORTICITY, AMR_SHOCK_SENSOR
PRESSURE_JUMP, SCALAR_GRADIENT = AMR_PRESSURE_JUMP, AMR_SCALAR_GRADIENT


def sense(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const int32_t[::1] blocks, sensor, double[:, ::1] out,
          GhostPlan ghosts=None):
    """Values of the cells of some blocks, written to their rows of ``out``.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    blocks : ndarray int32 (m,)
    sensor : dict
        ``id`` (VORTICITY, SHOCK_SENSOR, PRESSURE_JUMP or SCALAR_GRADIENT), ``weight`` (3 floats), ``scale`` and, where the formula
        has them, ``variable``, ``velocity``, ``floor``, as in csrc/cells.h.
    out : ndarray (n_block, n^dim)
    ghosts : GhostPlan, optional
        Makes the ghosts, from the pools set with its ``read``; else those of ``u`` are taken.

    Raises
    ------
    ValueError
        Arrays that do not fit the layout, a sensor that the equation set does not have.
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_sensor s
    cdef Py_ssize_t q, n_list = blocks.shape[0]
    cdef amr_status status
    cdef const amr_ghosts *plan = &ghosts.c if ghosts is not None else NULL
    cdef double[::1] scratch = np.empty(2 * l.block_stride)
    s.id, s.variable, s.velocity = sensor["id"], sensor.get("variable", -1), sensor.get("velocity", -1)
    s.scale, s.floor = sensor["scale"], sensor.get("floor", 0.0)
    for q in range(3):
        s.weight[q] = sensor["weight"][q]
    if [u.shape[q] for q in range(1, 5)] != [l.n_var, l.ext[2], l.ext[1], l.ext[0]]:
        raise ValueError("u does not fit the layout")
    if out.shape[0] != u.shape[0] or out.shape[1] != layout.n ** layout.dim:
        raise ValueError("out must have a row of cells per block")
    for q in range(n_list):
        if not 0 <= blocks[q] < u.shape[0]:
            raise ValueError(f"block {blocks[q]} of {u.shape[0]}")
    if n_list == 0:
        return
    with nogil:
        status = amr_sense(&spec.c, &l, &u[0, 0, 0, 0, 0], plan, n_list, &blocks[0], &s, &out[0, 0], &scratch[0])
    if status != AMR_OK:
        raise ValueError(f"not offered for {layout}: {sensor}")


def fold_cells(layout, const double[:, ::1] values, const double[::1] tau, int buffer):
    """Block values and masks from values of cells.

    Parameters
    ----------
    values : ndarray (n_block, n^dim)
    tau : ndarray (n_block,)
        A cell is hot above it.
    buffer : int
        Cells, 0..n.

    Returns
    -------
    eta : ndarray (n_block,)
        Largest value of each block.
    near : ndarray uint32 (n_block,)
        Bit s: a hot cell within ``buffer`` cells of the side, edge or corner at slot s; the centre's: a hot cell at all.
    """
    cdef Py_ssize_t n_block = values.shape[0]
    cdef int dim = layout.dim, n = layout.n
    eta_array, near_array = np.zeros(n_block), np.zeros(n_block, dtype=np.uint32)
    cdef double[::1] eta = eta_array
    cdef uint32_t[::1] near = near_array
    if values.shape[1] != layout.n ** layout.dim or tau.shape[0] != n_block or not 0 <= buffer <= n:
        raise ValueError("values, tau or buffer do not fit the layout")
    if n_block:
        with nogil:
            amr_fold_cells(dim, n, n_block, &values[0, 0], &tau[0], buffer, &eta[0], &near[0])
    return eta_array, near_array


def modal(layout, const double[:, :, :, ::1] w, const double[:, ::1] basis, const int32_t[::1] is_odd, double scale,
          double[::1] eta):
    """Fold the content of one variable in some modes into ``eta`` (n_block,), in place; see csrc/modal.h.

    Parameters
    ----------
    w : ndarray (n_block, nk, nj, ni)
    basis : ndarray (n_mode, n / 2)
    is_odd : ndarray int32 (n_mode,)
    """
    cdef amr_layout l = make_layout(layout)
    cdef Py_ssize_t q, n_block = w.shape[0]
    cdef double[::1] scratch = np.empty(2 * layout.n ** layout.dim)
    if [w.shape[q] for q in range(1, 4)] != [l.ext[2], l.ext[1], l.ext[0]] or eta.shape[0] != n_block:
        raise ValueError("w or eta do not fit the layout")
    if basis.shape[1] != l.n // 2 or basis.shape[0] != is_odd.shape[0]:
        raise ValueError("the basis does not fit the layout")
    if n_block and basis.shape[0]:
        with nogil:
            amr_modal(&l, n_block, &w[0, 0, 0, 0], <int>basis.shape[0], &basis[0, 0], &is_odd[0], scale, &eta[0], &scratch[0])
