"""One stage of a step over many blocks, and the check of its result (csrc/step.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_physics, amr_status, AMR_OK
from amr._kernels.ghosts cimport GhostPlan, amr_ghosts
from amr._kernels.physics cimport PhysicsSpec, make_layout
from libc.stdint cimport int32_t, int64_t

cdef extern from "step.h":
    ctypedef struct amr_step:
        int limiter
        int riemann
        int reconstruction
        int predictor
        double dt
        double a
        double b
        const double *u_in
        const amr_ghosts *ghosts
        int most
        const double *u0
        double *u_out
        const int32_t *list
        int64_t n_list
        const double *spacing
        const double *mask
        const int32_t *face_slot
        double *flux
        double *mass
        double mass_weight
        int mass_more
        double *scratch
        double *max_signal
        int64_t *n_bad
        int64_t *first_bad
        int64_t n_flattened
        int64_t n_constant
        double ghost_seconds

    ptrdiff_t amr_scratch_size(const amr_layout *layout) nogil
    ptrdiff_t amr_gather_size(const amr_layout *layout) nogil
    amr_status amr_advance(const amr_physics *physics, const amr_layout *layout, amr_step *step) nogil
    amr_status amr_check(const amr_physics *physics, const amr_layout *layout, const double *u, const int32_t *list,
                         int64_t n_list, const double *spacing, double *max_signal, int64_t *n_bad, int64_t *first_bad) nogil


def scratch_size(layout):
    """Number of float64 of scratch that ``advance`` needs for blocks of ``layout``, with any reconstruction it allows."""
    cdef amr_layout l = make_layout(layout)
    return amr_scratch_size(&l) + amr_gather_size(&l)


cdef int require_pool(const double[:, :, :, :, ::1] u, amr_layout *l, int n_var, Py_ssize_t n_block, str name) except -1:
    if (u.shape[1] != n_var or u.shape[2] != l.ext[2] or u.shape[3] != l.ext[1] or u.shape[4] != l.ext[0]
            or u.shape[0] < n_block):
        raise ValueError(f"{name} has shape {[u.shape[i] for i in range(5)]}, which is not that of the layout's pool")
    return 0


def advance(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u_in, const double[:, :, :, :, ::1] u0,
            double[:, :, :, :, ::1] u_out, const int32_t[::1] blocks, const double[:, ::1] spacing, double[::1] scratch, *,
            double dt, double a, double b, int limiter, int riemann, int reconstruction, bint predictor,
            bint edges=True, const double[:, :, :, :, ::1] mask=None, const int32_t[:, ::1] face_slot=None,
            double[:, :, ::1] flux=None, checked=None, GhostPlan ghosts=None, mass=None):
    """``u_out = a u0 + b (u_in + dt L(u_in))`` on the interior cells of the listed blocks.

    Parameters
    ----------
    u_in, u0, u_out : ndarray (n_block, n_var, nk, nj, ni)
        Pools. The ghosts of ``u_in`` must be filled, with ``edges`` corners too. ``u_out`` may be ``u_in`` or ``u0``; its ghosts are left
        as they are. ``u0`` is read only if ``a != 0``.
    blocks : ndarray int32 (n_list,)
        Blocks to advance.
    spacing : ndarray (n_block, 3)
        Cell widths; 1.0 in an inactive axis.
    scratch : ndarray (>= scratch_size(layout),)
        Work space, contents undefined before and after.
    dt, a, b : float
        Time step and the weights of the stage.
    limiter, riemann, reconstruction : int
        Ids of ``amr.scheme.flux``; PPM and WENO5-Z need three ghost cells.
    predictor : bool
        Hancock's half-step predictor; not with PPM and WENO5-Z.
    edges : bool
        Fill ghosts beside edges and corners, too, from ``ghosts``: false with what `Scheme.edges` says needs none.
    mask : ndarray (n_block, 1, nk, nj, ni), optional
        Faces with a cell > 0 on either side get first-order Rusanov fluxes of cell averages (ghosts must be filled).
    face_slot : ndarray int32 (n_block, 6), flux : ndarray (n_slot, n_var, n**(dim - 1)), optional
        Where the flux through a block's face `direction` goes (-1 nowhere); stored unweighted.
    checked : tuple of ndarray, optional
        Arrays as ``check`` returns them, (n_block,) each: the entries of the listed blocks are set to what ``check`` says
        of ``u_out``. Cheaper than a call of ``check``, the block being in the cache; stale where reflux changes a block.
    ghosts : GhostPlan, optional
        Fills the ghosts of each block before it is advanced, from the pools set with its ``read``, which must not be ``u_out``;
        its ``own`` takes the place of ``u_in``. Its ``n_fallback`` and ``seconds`` are counted on.
    mass : (ndarray (n_block, dim, nk, nj, ni), float, bool), optional
        Where the flux of the first variable through the lower faces of the cells goes, those of the last cells' upper faces to
        their upper ghosts; its weight; whether it is added to what is there.

    Returns
    -------
    int
        Interior cells whose slopes were set to zero because a face state would have been unphysical (axis by axis with PPM
        and WENO5-Z: a cell may count once per axis).
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_step s
    cdef amr_status status
    cdef Py_ssize_t q, n_block = spacing.shape[0], n_slot = 0
    require_pool(u_in, &l, l.n_var, n_block, "u_in")
    require_pool(u0, &l, l.n_var, n_block, "u0")
    require_pool(u_out, &l, l.n_var, n_block, "u_out")
    if spacing.shape[1] != 3 or scratch.shape[0] < amr_scratch_size(&l) + amr_gather_size(&l):
        raise ValueError("spacing must have 3 columns, scratch scratch_size(layout) elements")
    if blocks.shape[0] == 0:
        return 0
    cdef double[::1] signal
    cdef int64_t[::1] n_bad, first_bad
    s.max_signal, s.n_bad, s.first_bad = NULL, NULL, NULL
    if checked is not None:
        signal, n_bad, first_bad = checked
        if signal.shape[0] < n_block or n_bad.shape[0] < n_block or first_bad.shape[0] < n_block:
            raise ValueError("checked must have an entry for every block")
        s.max_signal, s.n_bad, s.first_bad = &signal[0], &n_bad[0], &first_bad[0]
    for q in range(blocks.shape[0]):
        if not 0 <= blocks[q] < n_block:
            raise ValueError(f"block {blocks[q]} of {n_block}")
    s.limiter, s.riemann, s.reconstruction, s.predictor = limiter, riemann, reconstruction, predictor
    s.most = 3 if edges else 1
    s.dt, s.a, s.b = dt, a, b
    s.u_in, s.u0, s.u_out = &u_in[0, 0, 0, 0, 0], &u0[0, 0, 0, 0, 0], &u_out[0, 0, 0, 0, 0]
    s.list, s.n_list, s.spacing, s.scratch = &blocks[0], blocks.shape[0], &spacing[0, 0], &scratch[0]
    s.mask, s.face_slot, s.flux, s.ghosts, s.mass = NULL, NULL, NULL, NULL, NULL
    cdef double[:, :, :, :, ::1] mass_pool
    if mass is not None:
        mass_pool, s.mass_weight, s.mass_more = mass
        require_pool(mass_pool, &l, l.dim, n_block, "mass")
        s.mass = &mass_pool[0, 0, 0, 0, 0]
    if ghosts is not None:
        if ghosts.c.layout.n_var != l.n_var or ghosts.c.layout.block_stride != l.block_stride or ghosts.c.own == s.u_out:
            raise ValueError("ghosts must be of the same layout and read other pools than u_out")
        s.ghosts = &ghosts.c
    if mask is not None:
        require_pool(mask, &l, 1, n_block, "mask")
        s.mask = &mask[0, 0, 0, 0, 0]
    if face_slot is not None and flux is not None and flux.shape[0] > 0:
        if face_slot.shape[0] < n_block or face_slot.shape[1] != 6 or flux.shape[1] != l.n_var \
                or flux.shape[2] != l.n ** (l.dim - 1):
            raise ValueError("face_slot must be (n_block, 6), flux (n_slot, n_var, n**(dim - 1))")
        s.face_slot, s.flux = &face_slot[0, 0], &flux[0, 0, 0]
    with nogil:
        status = amr_advance(&spec.c, &l, &s)
    if status != AMR_OK:
        raise ValueError("amr_advance: ids, dimension, ghost width or variable counts are not offered")
    if ghosts is not None:
        ghosts.n_fallback += s.n_constant
        ghosts.seconds += s.ghost_seconds
    return s.n_flattened


def check(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const double[:, ::1] spacing,
          const int32_t[::1] blocks=None, out=None):
    """Signals and admissibility of the interior cells.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    spacing : ndarray (n_block, 3)
    blocks : ndarray int32, optional
        Only these blocks.
    out : tuple of ndarray, optional
        Arrays to write into, as returned; the entries of other blocks are left as they are.

    Returns
    -------
    max_signal : ndarray (n_block,)
        Largest sum over axes of (wave speed / spacing) of the physical cells: dt = cfl / max(max_signal).
    n_bad : ndarray int64 (n_block,)
        Cells that are not physical.
    first_bad : ndarray int64 (n_block,)
        ``i + n (j + n k)`` of the first of them, -1 if none.
    """
    cdef amr_layout l = make_layout(layout)
    cdef Py_ssize_t q, n_block = u.shape[0], n_list = n_block
    if out is None:
        out = (np.zeros(n_block), np.zeros(n_block, dtype=np.int64), np.full(n_block, -1, dtype=np.int64))
    cdef double[::1] signal = out[0]
    cdef int64_t[::1] n_bad = out[1], first_bad = out[2]
    cdef const int32_t *list = NULL
    cdef amr_status status = AMR_OK
    require_pool(u, &l, l.n_var, n_block, "u")
    if spacing.shape[0] < n_block or spacing.shape[1] != 3:
        raise ValueError("spacing must be (n_block, 3)")
    if signal.shape[0] < n_block or n_bad.shape[0] < n_block or first_bad.shape[0] < n_block:
        raise ValueError("out must have an entry for every block")
    if blocks is not None:
        n_list = blocks.shape[0]
        for q in range(n_list):
            if not 0 <= blocks[q] < n_block:
                raise ValueError(f"block {blocks[q]} of {n_block}")
        list = &blocks[0] if n_list else NULL
    if n_list and n_block:
        with nogil:
            status = amr_check(&spec.c, &l, &u[0, 0, 0, 0, 0], list, n_list, &spacing[0, 0], &signal[0], &n_bad[0],
                               &first_bad[0])
    if status != AMR_OK:
        raise ValueError("amr_check: dimension or variable counts do not match the equation set")
    return out
