"""The equation set as the C core sees it, and its pointwise operations over arrays of states.

Arrays of states are float64, C-contiguous, shape (n_var, m): all variables, velocities in x, y, z order.
"""

import numpy as np

from amr._kernels.common cimport amr_make_layout, amr_status, AMR_OK

cdef extern from "physics.h":
    int amr_physics_offered(const amr_physics *physics) nogil
    int amr_is_physical(const amr_physics *physics, const double *u, ptrdiff_t var_stride) nogil
    void amr_to_primitive(const amr_physics *physics, ptrdiff_t m, const double *u, ptrdiff_t us, double *w, ptrdiff_t ws) nogil
    void amr_to_conserved(const amr_physics *physics, ptrdiff_t m, const double *w, ptrdiff_t ws, double *u, ptrdiff_t us) nogil
    void amr_flux(const amr_physics *physics, int axis, ptrdiff_t m, const double *w, double *f) nogil
    void amr_signal(const amr_physics *physics, int axis, ptrdiff_t m, const double *w, double *signal) nogil

cdef extern from "riemann.h":
    int amr_riemann_offered(int physics_id, int solver) nogil
    amr_status amr_riemann(const amr_physics *physics, int solver, int axis, ptrdiff_t n, const double *wl, const double *wr,
                           double *f) nogil

cdef extern from "riemann_exact.h":
    void amr_euler_exact_profile(double gamma, const double *left, const double *right, ptrdiff_t n, const double *speed,
                                 double *out, double *star) nogil

cdef extern from "limiter.h":
    void amr_limit_row(int id, ptrdiff_t n, const double *a, const double *b, double *out) nogil


cdef class PhysicsSpec:
    """Equation set handed to every kernel.

    Parameters
    ----------
    id : int
        An ``amr_physics_id`` of csrc/amr.h.
    dim, n_var, n_scalar : int
        Space dimension, number of stored variables, number of passive scalars among them.
    params : sequence of float
        At most 8 parameters; their meaning is stated beside the id in csrc/amr.h.

    Raises
    ------
    ValueError
        If the C core does not offer this combination.
    """

    def __init__(self, int id, int dim, int n_var, int n_scalar=0, params=()):
        if len(params) > 8:
            raise ValueError("at most 8 physics parameters")
        self.c.id, self.c.dim, self.c.n_var, self.c.n_scalar = id, dim, n_var, n_scalar
        for i in range(8):
            self.c.param[i] = params[i] if i < len(params) else 0.0
        if not amr_physics_offered(&self.c):
            raise ValueError(f"no equation set with id {id}, dim {dim}, {n_var} variables, {n_scalar} passive scalars")

    @property
    def id(self):
        return self.c.id

    @property
    def dim(self):
        return self.c.dim

    @property
    def n_var(self):
        return self.c.n_var

    @property
    def n_scalar(self):
        return self.c.n_scalar

    @property
    def params(self):
        return tuple(self.c.param[i] for i in range(8))


cdef amr_layout make_layout(object layout):
    """The C layout of an ``amr.mesh.pool.Layout`` (or anything with dim, n, g, n_var)."""
    return amr_make_layout(layout.dim, layout.n, layout.g, layout.n_var)


cdef double[:, ::1] states(PhysicsSpec spec, object values, str name):
    cdef double[:, ::1] view = np.ascontiguousarray(values, dtype=np.float64)
    if view.shape[0] != spec.c.n_var:
        raise ValueError(f"{name} has {view.shape[0]} variables, not {spec.c.n_var}")
    return view


def to_primitive(PhysicsSpec spec, u):
    """Primitive states (n_var, m) of conserved states ``u`` (n_var, m)."""
    cdef double[:, ::1] a = states(spec, u, "u")
    cdef double[:, ::1] b = np.empty((a.shape[0], a.shape[1]))
    if a.shape[1]:
        with nogil:
            amr_to_primitive(&spec.c, a.shape[1], &a[0, 0], a.shape[1], &b[0, 0], a.shape[1])
    return np.asarray(b)


def to_conserved(PhysicsSpec spec, w):
    """Conserved states (n_var, m) of primitive states ``w`` (n_var, m)."""
    cdef double[:, ::1] a = states(spec, w, "w")
    cdef double[:, ::1] b = np.empty((a.shape[0], a.shape[1]))
    if a.shape[1]:
        with nogil:
            amr_to_conserved(&spec.c, a.shape[1], &a[0, 0], a.shape[1], &b[0, 0], a.shape[1])
    return np.asarray(b)


def flux(PhysicsSpec spec, int axis, w):
    """Physical fluxes (n_var, m) along ``axis`` of primitive states ``w`` (n_var, m)."""
    cdef double[:, ::1] a = states(spec, w, "w")
    cdef double[:, ::1] f = np.empty((a.shape[0], a.shape[1]))
    if not 0 <= axis < spec.c.dim:
        raise ValueError(f"axis {axis} of {spec.c.dim}")
    if a.shape[1]:
        amr_flux(&spec.c, axis, a.shape[1], &a[0, 0], &f[0, 0])
    return np.asarray(f)


def max_signal(PhysicsSpec spec, int axis, w):
    """Largest absolute signal speed (m,) along ``axis`` of primitive states ``w`` (n_var, m)."""
    cdef double[:, ::1] a = states(spec, w, "w")
    cdef double[::1] s = np.empty(a.shape[1])
    if not 0 <= axis < spec.c.dim:
        raise ValueError(f"axis {axis} of {spec.c.dim}")
    if a.shape[1]:
        amr_signal(&spec.c, axis, a.shape[1], &a[0, 0], &s[0])
    return np.asarray(s)


def riemann(PhysicsSpec spec, int solver, int axis, w_left, w_right):
    """Fluxes (n_var, m) of Riemann solver ``solver`` (id) between primitive states ``w_left``, ``w_right`` (n_var, m)."""
    cdef double[:, ::1] a = states(spec, w_left, "w_left"), b = states(spec, w_right, "w_right")
    cdef double[:, ::1] f = np.zeros((a.shape[0], a.shape[1]))
    if a.shape[1] != b.shape[1]:
        raise ValueError("w_left and w_right differ in length")
    if a.shape[1] and amr_riemann(&spec.c, solver, axis, a.shape[1], &a[0, 0], &b[0, 0], &f[0, 0]) != AMR_OK:
        raise ValueError(f"Riemann solver {solver} along axis {axis} is not offered for equation set {spec.c.id}")
    return np.asarray(f)


def riemann_offered(int physics_id, int solver):
    """Whether the C core offers Riemann solver ``solver`` (id) for an equation set."""
    return bool(amr_riemann_offered(physics_id, solver))


def is_physical(PhysicsSpec spec, u):
    """Admissibility, bool (m,), of conserved states ``u`` (n_var, m)."""
    cdef double[:, ::1] a = states(spec, u, "u")
    cdef ptrdiff_t i, m = a.shape[1]
    cdef unsigned char[::1] good = np.empty(m, dtype=np.uint8)
    for i in range(m):
        good[i] = amr_is_physical(&spec.c, &a[0, 0] + i, m)
    return np.asarray(good).astype(bool)


def limit(int limiter, a, b):
    """Limited slope (m,) of the lower and upper differences ``a``, ``b`` (m,) by limiter id."""
    cdef double[::1] x = np.ascontiguousarray(a, dtype=np.float64), y = np.ascontiguousarray(b, dtype=np.float64)
    cdef double[::1] out = np.empty(x.shape[0])
    if x.shape[0] != y.shape[0]:
        raise ValueError("a and b differ in length")
    if x.shape[0]:
        amr_limit_row(limiter, x.shape[0], &x[0], &y[0], &out[0])
    return np.asarray(out)


def euler_exact(double gamma, left, right, speed):
    """Exact solution of the Riemann problem of an ideal gas, vacuum included (Toro, ch. 4).

    Parameters
    ----------
    left, right : sequence of float
        Density, normal velocity, pressure; density 0 is vacuum.
    speed : array_like (m,)
        x / t of the points wanted.

    Returns
    -------
    w : ndarray (3, m)
        Density, normal velocity, pressure.
    star : tuple of float
        Pressure and velocity between the nonlinear waves (0, NaN if there is vacuum).
    """
    cdef double[::1] l = np.array(left, dtype=np.float64), r = np.array(right, dtype=np.float64)
    cdef double[::1] s = np.ascontiguousarray(speed, dtype=np.float64)
    cdef double[:, ::1] out = np.empty((3, s.shape[0]))
    cdef double star[2]
    if l.shape[0] != 3 or r.shape[0] != 3 or s.shape[0] == 0:
        raise ValueError("left and right are density, velocity, pressure; speed has at least one element")
    amr_euler_exact_profile(gamma, &l[0], &r[0], s.shape[0], &s[0], &out[0, 0], star)
    return np.asarray(out), (star[0], star[1])


cdef int require_blocks(const double[:, :, :, :, ::1] array, amr_layout *l, Py_ssize_t first, Py_ssize_t second) except -1:
    """ValueError unless the array is (first, second, nk, nj, ni) with the cells of the layout."""
    shape = [array.shape[i] for i in range(5)]
    if shape != [first, second, l.ext[2], l.ext[1], l.ext[0]]:
        raise ValueError(f"an array has shape {shape}, which does not fit the layout")
    return 0
