"""Refinement indicators over all blocks at once (csrc/indicate.h)."""

import numpy as np

from amr._kernels.common cimport amr_layout, amr_physics, amr_status, AMR_OK
from amr._kernels.ghosts cimport GhostPlan, amr_ghosts
from amr._kernels.physics cimport PhysicsSpec, make_layout, require_blocks
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef extern from "indicate.h":
    ctypedef enum amr_indicator_id:
        AMR_JUMP
        AMR_SECOND_DIFFERENCE
        AMR_LOHNER
        AMR_LOHNER_FLASH
        AMR_MULTIRESOLUTION

    ctypedef struct amr_indicator:
        int id
        int buffer
        double scale
        double filter
        double floor

    ctypedef struct amr_indicator_job:
        amr_indicator indicator
        int variable
        int column

    ctypedef struct amr_indicated:
        int n_column
        const double *tau
        const double *low
        double *eta
        uint32_t *near
        double *parent
        double *detail
        const uint8_t *ranged
        double *lowest
        double *highest

    ptrdiff_t amr_indicate_scratch(const amr_layout *layout) nogil
    amr_status amr_indicate(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                            int64_t n_list, const int32_t *list, int n_job, const amr_indicator_job *jobs,
                            const amr_indicated *out, double *scratch) nogil

JUMP, SECOND_DIFFERENCE, LOHNER, LOHNER_FLASH = AMR_JUMP, AMR_SECOND_DIFFERENCE, AMR_LOHNER, AMR_LOHNER_FLASH
MULTIRESOLUTION = AMR_MULTIRESOLUTION


cdef enum:
    MOST_JOBS = 128


class Indicated:
    """What `indicate` finds, each folded into what is there: start with zeros (``lowest`` with inf, ``highest`` with -inf).

    Attributes
    ----------
    tau : float64 (n_block, n_column)
        A cell with a larger value is hot. Read.
    eta : float64 (n_block, n_column)
        Block values.
    near : uint32 (n_block, n_column)
        Bit masks of the sides, edges and corners that a cell > ``tau`` is within ``buffer`` cells of.
    low : float64 (n_block, n_column), or None
        Blocks whose values are all <= ``low`` are looked at on their parents' cells, too. Read.
    parent : float64 (n_block, n_column), or None without ``low``
        Values of such blocks restricted to their parents' cells, edges included; of the others as ``eta``.
    detail : float64 (n_block,)
        What the multiresolution jobs find in the tree's alignment.
    ranged : uint8 (n_var,)
        1 for the variables whose ranges are wanted. Read.
    lowest, highest : float64 (n_var,)
        Ranges of these over the interior cells.
    """

    def __init__(self, tau, n_var, low=None, ranged=()):
        n_block, n_column = tau.shape
        self.tau, self.low, self.eta = tau, low, np.zeros((n_block, n_column))
        self.near = np.zeros((n_block, n_column), dtype=np.uint32)
        self.parent = np.zeros((n_block, n_column)) if low is not None else None
        self.detail = np.zeros(n_block)
        self.ranged = np.zeros(n_var, dtype=np.uint8)
        self.ranged[list(ranged)] = 1
        self.lowest, self.highest = np.full(n_var, np.inf), np.full(n_var, -np.inf)


def indicate(PhysicsSpec spec, layout, const double[:, :, :, :, ::1] u, const int32_t[::1] blocks, jobs, found,
             GhostPlan ghosts=None):
    """Fold indicators of primitive variables into ``found``, in place, for some blocks.

    Parameters
    ----------
    u : ndarray (n_block, n_var, nk, nj, ni)
    blocks : ndarray int32 (m,)
    jobs : sequence of dict
        ``id`` (JUMP, SECOND_DIFFERENCE, LOHNER, LOHNER_FLASH or MULTIRESOLUTION), ``variable`` (index of a primitive variable),
        ``column`` (-1 with MULTIRESOLUTION: the detail alone), ``scale``, ``buffer`` and, where the formula has them,
        ``filter`` and ``floor``, as in csrc/indicate.h.
    found : Indicated
    ghosts : GhostPlan, optional
        Fills the ghosts of the blocks in its pool ``own``, corners too, from the pools set with its ``read``: ``own`` is ``u``. Without it
        they are filled already.

    Raises
    ------
    ValueError
        Arrays that do not fit the layout, ``buffer`` outside 0..n, too few ghosts.
    """
    cdef amr_layout l = make_layout(layout)
    cdef amr_indicator_job list[MOST_JOBS]
    cdef Py_ssize_t q, n_list = blocks.shape[0]
    cdef int n_job = len(jobs)
    cdef amr_status status
    cdef const amr_ghosts *plan = &ghosts.c if ghosts is not None else NULL
    cdef double[::1] scratch = np.empty(amr_indicate_scratch(&l))
    cdef const double[:, ::1] tau = found.tau, low = found.low
    cdef double[:, ::1] eta = found.eta, parent = found.parent
    cdef uint32_t[:, ::1] near = found.near
    cdef double[::1] detail = found.detail, lowest = found.lowest, highest = found.highest
    cdef const uint8_t[::1] ranged = found.ranged
    cdef amr_indicated out
    cdef Py_ssize_t n_column = eta.shape[1]
    if n_job > MOST_JOBS:
        raise ValueError(f"{n_job} indicators of single variables are too many, at most {MOST_JOBS}")
    for q, job in enumerate(jobs):
        list[q].variable, list[q].column = job["variable"], job["column"]
        list[q].indicator.id, list[q].indicator.buffer = job["id"], job["buffer"]
        list[q].indicator.scale = job["scale"]
        list[q].indicator.filter, list[q].indicator.floor = job.get("filter", 0.0), job.get("floor", 0.0)
    require_blocks(u, &l, u.shape[0], l.n_var)
    for array in (found.tau, found.low, found.eta, found.near, found.parent):
        if array is not None and array.shape != (u.shape[0], n_column):
            raise ValueError("tau, low, eta, near and parent must have one row per block and equal columns")
    if detail.shape[0] != u.shape[0] or not ranged.shape[0] == lowest.shape[0] == highest.shape[0] == l.n_var:
        raise ValueError("detail must have one entry per block, ranged, lowest and highest one per variable")
    for q in range(n_list):
        if not 0 <= blocks[q] < u.shape[0]:
            raise ValueError(f"block {blocks[q]} of {u.shape[0]}")
    if n_list == 0 or (n_job == 0 and plan == NULL):
        return
    out.n_column = <int>n_column
    out.tau, out.low, out.eta, out.near, out.parent = NULL, NULL, NULL, NULL, NULL
    if n_column and n_job:
        out.tau, out.eta, out.near = &tau[0, 0], &eta[0, 0], &near[0, 0]
        if parent is not None:
            out.low, out.parent = &low[0, 0], &parent[0, 0]
    out.detail, out.ranged, out.lowest, out.highest = &detail[0], &ranged[0], &lowest[0], &highest[0]
    with nogil:
        status = amr_indicate(&spec.c, &l, &u[0, 0, 0, 0, 0], plan, n_list, &blocks[0], n_job, list, &out, &scratch[0])
    if status != AMR_OK:
        raise ValueError(f"an indicator, its buffer or its variable is not offered for {layout}: {jobs}")
