"""The equation set as the C core sees it: an id, a dimension, variable counts and parameters."""


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
    """

    def __init__(self, int id, int dim, int n_var, int n_scalar=0, params=()):
        if len(params) > 8:
            raise ValueError("at most 8 physics parameters")
        self.c.id, self.c.dim, self.c.n_var, self.c.n_scalar = id, dim, n_var, n_scalar
        for i in range(8):
            self.c.param[i] = params[i] if i < len(params) else 0.0

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
