"""From what was found in leaves to what the marks want, and what is remembered of each leaf (csrc/leaf_state.h).

``found`` is the structured array of `amr.indicators.review.findings`, ``state`` that of `amr.indicators.leaf_state`; flags are uint8 or bool.
"""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int32_t, uint8_t, uint32_t

cdef extern from "leaf_state.h" nogil:
    ctypedef struct amr_leaf_state:
        pass
    ctypedef struct amr_leaf_found:
        ptrdiff_t n
        ptrdiff_t stride
        const char *eta
        const char *parent
        const char *near
        const char *sampled
        const char *held
        int n_indicator
        const int32_t *first
        int every
        const double *refine
        const double *coarsen
    ctypedef struct amr_leaf_votes:
        const double *value
        const double *threshold
        const uint8_t *hot
        const uint8_t *sampled
        const uint8_t *low
        const uint8_t *on_trial
    ctypedef struct amr_leaf_decided:
        const uint8_t *calm
        const uint8_t *cause
        const uint8_t *column
        const int8_t *flags
        const int8_t *level
        int max_level
        double factor
    ctypedef struct amr_leaf_looks:
        ptrdiff_t n
        ptrdiff_t stride
        const char *kind
        const char *rms
    ctypedef struct amr_leaf_alarms:
        ptrdiff_t n_alarm
        bint has_kinds
        bint has_samples
        bint has_trials
    int AMR_LEAF_HELD
    int AMR_LEAF_SAMPLES
    amr_leaf_alarms amr_leaf_alarm(const amr_leaf_looks *, const int8_t *, int, const uint8_t *, const uint8_t *, double,
                                   amr_leaf_state *, uint8_t *)
    void amr_leaf_values(const amr_leaf_found *, double *, uint8_t *)
    void amr_leaf_hot(const amr_leaf_found *, const int8_t *, int, uint32_t, const double *, amr_leaf_state *, uint32_t *, uint8_t *,
                      uint8_t *, uint8_t *)
    void amr_leaf_calm(const amr_leaf_found *, const amr_leaf_state *, const amr_leaf_votes *, double, uint8_t *)
    ptrdiff_t amr_leaf_note(const amr_leaf_found *, const amr_leaf_votes *, const amr_leaf_decided *, int, amr_leaf_state *)

HELD = AMR_LEAF_HELD  # regrids that a finding of a probe keeps a leaf
N_SAMPLES = AMR_LEAF_SAMPLES  # regrids whose looks are remembered


cdef class LeavesFound:
    """What was found in leaves, and the thresholds of its columns.

    Parameters
    ----------
    found : structured array (n,)
    first : int32 (n_indicator + 1,)
        First column of each indicator, and their number.
    every : bool
        A leaf is hot where every indicator is above its threshold, not where any is.
    refine, coarsen : float64 (n, n_column)
    """

    cdef amr_leaf_found c
    cdef const uint8_t[::1] records
    cdef const int32_t[::1] first
    cdef const double[:, ::1] refine, coarsen

    def __init__(self, found, const int32_t[::1] first, bint every, const double[:, ::1] refine, const double[:, ::1] coarsen):
        self.records, self.first, self.refine, self.coarsen = found.view(np.uint8), first, refine, coarsen
        cdef Py_ssize_t n = len(found), n_column = first[first.shape[0] - 1]
        fields = found.dtype.fields
        cdef const char *start = <const char *>&self.records[0]
        if (refine.shape[0] != n or coarsen.shape[0] != n or refine.shape[1] != n_column or coarsen.shape[1] != n_column
                or found.dtype["eta"].shape != (n_column,) or found.dtype["parent"].shape != (n_column,)):
            raise ValueError(f"columns that are not of {n} leaves with {n_column} columns")
        if found.dtype.itemsize % 8 or fields["eta"][1] % 8 or fields["parent"][1] % 8 or fields["near"][1] % 4:
            raise ValueError("the records are not aligned")
        self.c.n, self.c.stride = n, found.dtype.itemsize
        self.c.eta, self.c.parent = start + <Py_ssize_t>fields["eta"][1], start + <Py_ssize_t>fields["parent"][1]
        self.c.near, self.c.sampled = start + <Py_ssize_t>fields["near"][1], start + <Py_ssize_t>fields["sampled"][1]
        self.c.held = start + <Py_ssize_t>fields["held"][1]
        self.c.n_indicator, self.c.first, self.c.every = <int>(first.shape[0] - 1), &first[0], every
        self.c.refine, self.c.coarsen = NULL, NULL
        if n_column:
            self.c.refine, self.c.coarsen = &refine[0, 0], &coarsen[0, 0]

    def values(self):
        """The indicators' value of each leaf in units of ``refine``, float64 (n,), and the column it is from, uint8 (n,)."""
        value_array, column_array = np.empty(self.c.n), np.empty(self.c.n, np.uint8)
        cdef double[::1] value = value_array
        cdef uint8_t[::1] column = column_array
        amr_leaf_values(&self.c, &value[0], &column[0])
        return value_array, column_array

    def hot(self, const int8_t[::1] level, int max_level, int centre, const double[::1] threshold, state):
        """Masks of what is near each leaf, uint32 (n,), bool (n,): hot leaves, and those that samples want finer, and bool (n,
        n_column): which columns of a hot leaf are above ``refine`` times ``threshold``.

        ``held`` of ``state`` is counted on, in place. ``centre``: the bit of a mask that says hot.
        """
        cdef Py_ssize_t n = self.c.n
        if level.shape[0] != n or threshold.shape[0] != n:
            raise ValueError(f"arrays that do not have {n} entries, one per leaf")
        out = np.empty(n, np.uint32), np.empty(n, bool), np.empty(n, bool), np.empty((n, self.refine.shape[1]), bool)
        cdef uint32_t[::1] near = out[0]
        cdef uint8_t[::1] hot = out[1].view(np.uint8), sampled = out[2].view(np.uint8), columns = out[3].reshape(-1).view(np.uint8)
        amr_leaf_hot(&self.c, &level[0], max_level, <uint32_t>centre, &threshold[0], records_of(state, n), &near[0], &hot[0],
                     &sampled[0], &columns[0])
        return out


cdef amr_leaf_state *records_of(state, ptrdiff_t n) except NULL:
    cdef uint8_t[::1] raw = state.view(np.uint8)
    if raw.shape[0] != n * <ptrdiff_t>sizeof(amr_leaf_state):
        raise ValueError(f"{raw.shape[0]} bytes of state for {n} leaves of {sizeof(amr_leaf_state)}")
    return <amr_leaf_state *>&raw[0]


def alarms(found, const int8_t[::1] level, int max_level, hot, sampled, state, double wake=0.0):
    """The alarms of a decision: hot leaves below ``max_level``. ``state`` is brought up to date in place.

    ``kind`` becomes their class, -1 elsewhere; waits are counted down; ``bar`` is none, or that of ghosts.

    Parameters
    ----------
    found : structured array (n,)
        Read: ``look``.
    level : int8 (n,)
    hot, sampled : bool (n,)
    state : LEAF_STATE (n,)
    wake : float
        Above 0: an alarm at a place that waits, and that is not ``sampled``, is barred as a ghost unless its rms is above that
        many times that of the last alarm, which ends the wait.

    Returns
    -------
    alarm : bool (n,)
    n_alarm : int
    has_kinds, has_samples, has_trials : bool
        Whether an alarm has a class, a leaf was looked at in the regrids remembered but for the oldest, a leaf is on trial.
    """
    cdef ptrdiff_t n = len(found)
    cdef const uint8_t[::1] records = found.view(np.uint8), is_hot = hot.view(np.uint8), is_sampled = sampled.view(np.uint8)
    cdef amr_leaf_looks looks
    cdef amr_leaf_alarms told
    fields, at = found.dtype["look"].fields, found.dtype.fields["look"][1]
    cdef Py_ssize_t kind = at + fields["kind"][1], rms = at + fields["rms"][1]
    if found.dtype.itemsize % 8 or rms % 8:
        raise ValueError("the records are not aligned")
    if not level.shape[0] == is_hot.shape[0] == is_sampled.shape[0] == n:
        raise ValueError(f"arrays that do not have {n} entries, one per leaf")
    looks.n, looks.stride = n, found.dtype.itemsize
    looks.kind, looks.rms = <const char *>&records[0] + kind, <const char *>&records[0] + rms
    out = np.empty(n, bool)
    cdef uint8_t[::1] alarm = out.view(np.uint8)
    told = amr_leaf_alarm(&looks, &level[0], max_level, &is_hot[0], &is_sampled[0], wake, records_of(state, n), &alarm[0])
    return out, told.n_alarm, told.has_kinds, told.has_samples, told.has_trials


cdef class Votes:
    """What a decision weighs of each leaf.

    Parameters
    ----------
    found : LeavesFound
    state : LEAF_STATE (n,)
    value, threshold : float64 (n,)
        In units of ``refine``.
    hot, sampled, low, on_trial : bool (n,)
        ``low``: has nothing that its parent could not tell, whatever the columns say; ``on_trial``: may not coarsen yet.
    """

    cdef amr_leaf_votes c
    cdef LeavesFound found
    cdef object state
    cdef const double[::1] value, threshold
    cdef const uint8_t[::1] hot, sampled, low, on_trial

    def __init__(self, LeavesFound found, state, const double[::1] value, const double[::1] threshold, hot, sampled, low, on_trial):
        self.found, self.state, self.value, self.threshold = found, state, value, threshold
        self.hot, self.sampled, self.low, self.on_trial = (each.view(np.uint8) for each in (hot, sampled, low, on_trial))
        for array in (value, threshold, hot, sampled, low, on_trial):
            if len(array) != found.c.n:
                raise ValueError(f"{len(array)} entries for {found.c.n} leaves")
        self.c.value, self.c.threshold, self.c.hot, self.c.sampled = &value[0], &threshold[0], &self.hot[0], &self.sampled[0]
        self.c.low, self.c.on_trial = &self.low[0], &self.on_trial[0]

    def calm(self, double factor):
        """Regrids in a row that each leaf could do without with ``factor`` times the thresholds, uint8 (n,), at most 255."""
        out = np.empty(self.found.c.n, np.uint8)
        cdef uint8_t[::1] calm = out
        amr_leaf_calm(&self.found.c, records_of(self.state, self.found.c.n), &self.c, factor, &calm[0])
        return out

    def note(self, const uint8_t[::1] calm, const uint8_t[::1] cause, const uint8_t[::1] column, const int8_t[::1] flags,
             const int8_t[::1] level, int max_level, int dim, double factor):
        """Bring ``state`` up to date, in place, with what was decided at ``factor`` times the thresholds.

        Parameters
        ----------
        calm, cause, column : uint8 (n,)
        flags, level : int8 (n,)

        Returns
        -------
        int
            Places that changed their mind within 3 regrids, times 2^dim; each of the siblings that join is its share of one.
        """
        cdef Py_ssize_t n = self.found.c.n
        cdef amr_leaf_decided d
        if not calm.shape[0] == cause.shape[0] == column.shape[0] == flags.shape[0] == level.shape[0] == n:
            raise ValueError(f"arrays that do not have {n} entries, one per leaf")
        d.calm, d.cause, d.column, d.flags, d.level = &calm[0], &cause[0], &column[0], &flags[0], &level[0]
        d.max_level, d.factor = max_level, factor
        return amr_leaf_note(&self.found.c, &self.c, &d, dim, records_of(self.state, n))
