"""Sums over blocks, and sums that do not depend on the order of their terms (csrc/sums.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_status, AMR_OK
from amr._kernels.physics cimport make_layout
from libc.stdint cimport int32_t, int64_t

from amr.errors import UnphysicalState

cdef extern from "sums.h":
    enum: AMR_SUM_LIMBS
    void amr_block_sums(const amr_layout *layout, int absolute, const double *u, const int32_t *list, int64_t n_list, double *sums) nogil
    amr_status amr_sum_add(int64_t m, int n_var, const double *values, const double *weights, int64_t *limbs) nogil
    void amr_sum_carry(int n_var, int64_t *limbs) nogil


def block_sums(layout, const double[:, :, :, :, ::1] u, blocks=None, bint absolute=False):
    """Sums over the interior cells of a pool (n_block, n_var, nk, nj, ni), in one fixed order.

    Parameters
    ----------
    blocks : int32 (m,)
        The blocks to sum; by default all.
    absolute : bool
        Sum the magnitudes.

    Returns
    -------
    float64 (m, n_var)

    Raises
    ------
    ValueError
        Another shape, a block that is not there.
    """
    cdef amr_layout l = make_layout(layout)
    cdef const int32_t[::1] chosen
    cdef const int32_t *pointer = NULL
    cdef int64_t m = u.shape[0]
    if u.shape[1] != l.n_var or u.shape[2] != l.ext[2] or u.shape[3] != l.ext[1] or u.shape[4] != l.ext[0]:
        raise ValueError("u is not a pool of this layout")
    if blocks is not None:
        if len(blocks) and (blocks.min() < 0 or blocks.max() >= u.shape[0]):
            raise ValueError("a block is not in the pool")
        chosen = blocks
        m = chosen.shape[0]
    cdef double[:, ::1] out = np.zeros((m, l.n_var))
    if m:
        if blocks is not None:
            pointer = &chosen[0]
        with nogil:
            amr_block_sums(&l, absolute, &u[0, 0, 0, 0, 0], pointer, m, &out[0, 0])
    return np.asarray(out)


cdef class FixedSum:
    """Exact sums of float64, one per variable: the result depends neither on the order of the terms nor on who added them.

    Parameters
    ----------
    n_var : int

    Attributes
    ----------
    limbs : ndarray int64 (n_var, AMR_SUM_LIMBS)
        The digits (a copy). Those of several ranks may be added as integers (``Comm.allreduce_sum_int``) and given to
        ``from_limbs``: that is the exact sum over ranks.

    Notes
    -----
    Kulisch and Miranker, SIAM Review 28 (1986) 1: a fixed-point number as wide as the range of float64.
    """

    cdef int64_t[:, ::1] digits
    cdef readonly int n_var

    def __init__(self, int n_var):
        if n_var < 1:
            raise ValueError("n_var must be positive")
        self.n_var = n_var
        self.digits = np.zeros((n_var, AMR_SUM_LIMBS), dtype=np.int64)

    def add(self, values, weights=None):
        """Add ``values[i, v] * weights[i]`` for all i; values (m, n_var), weights (m,) or None for 1.

        Raises
        ------
        UnphysicalState
            If a product is not finite; nothing is added then.
        """
        cdef const double[:, ::1] x = np.ascontiguousarray(values, dtype=np.float64)
        cdef const double[::1] w
        cdef const double *pw = NULL
        if x.shape[1] != self.n_var:
            raise ValueError(f"values have {x.shape[1]} columns, not {self.n_var}")
        if x.shape[0] == 0:
            return
        if weights is not None:
            w = np.ascontiguousarray(weights, dtype=np.float64)
            if w.shape[0] != x.shape[0]:
                raise ValueError(f"{w.shape[0]} weights for {x.shape[0]} values")
            pw = &w[0]
        if amr_sum_add(x.shape[0], self.n_var, &x[0, 0], pw, &self.digits[0, 0]) != AMR_OK:
            raise UnphysicalState("a sum over blocks is not finite")

    @property
    def limbs(self):
        return np.array(self.digits)

    @classmethod
    def from_limbs(cls, limbs):
        """Accumulator from digits (n_var, AMR_SUM_LIMBS), which may be sums of several accumulators' digits."""
        cdef int64_t[:, ::1] digits = np.array(limbs, dtype=np.int64, order="C")
        if digits.shape[1] != AMR_SUM_LIMBS:
            raise ValueError(f"{digits.shape[1]} digits, not {AMR_SUM_LIMBS}")
        cdef FixedSum self = cls(digits.shape[0])
        self.digits = digits
        amr_sum_carry(self.n_var, &self.digits[0, 0])
        return self

    def to_ints(self):
        """List of n_var Python integers, the sums in units of 2**-1074; those of several accumulators may be added."""
        return [sum(int(d) << (32 * i) for i, d in enumerate(row)) for row in np.asarray(self.digits)]

    @classmethod
    def from_ints(cls, ints):
        """Accumulator from integers as ``to_ints`` gives them."""
        rows = []
        for value in ints:
            low = int(value)
            digits = []
            for _ in range(AMR_SUM_LIMBS - 1):
                digits.append(low & 0xFFFFFFFF)
                low >>= 32
            rows.append([*digits, low])
        return cls.from_limbs(rows)

    def values(self):
        """The sums, each rounded once, float64 (n_var,)."""
        return np.array([value / (1 << 1074) for value in self.to_ints()])
