"""From columns to values, patience and what is remembered of each leaf (csrc/leaf_state.h), against the formulas in NumPy."""

import numpy as np
import pytest
from amr._kernels.leaf_state import LeavesFound, Votes, alarms

from amr.indicators.leaf_state import HELD, LEAF_STATE, Bar, Cause, start
from amr.indicators.review import findings

N, MAX_LEVEL, CENTRE = 400, 3, 1 << 4


def case(n_column, seed=1):
    """Random findings, thresholds and state of N leaves."""
    random = np.random.default_rng(seed)
    found = np.zeros(N, dtype=findings(n_column))
    found["eta"], found["parent"] = random.uniform(0, 2, (2, N, n_column))
    found["near"] = random.integers(0, 1 << 9, N)
    found["sampled"], found["held"] = random.random((2, N)) < 0.1
    refine, coarsen = random.uniform(0.5, 1.5, (2, N, n_column))
    state = start(N)
    for name in ("calm", "since", "held"):
        state[name] = random.choice([0, 1, 2, 3, 64, 253, 254, 255], N)
    state["last"] = random.integers(-1, 2, N)
    state["bar"] = random.choice([Bar.NONE, Bar.GHOST], N)
    return random, found, refine, coarsen, state


@pytest.mark.parametrize("every", [False, True])
def test_values_and_the_columns_they_are_from(every):
    ratio = np.array([[3.0, 9.0, 2.0], [0.5, 0.1, 2.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0]])
    found = np.zeros(4, dtype=findings(3))
    found["eta"] = ratio * [1.0, 4.0, 0.5]
    refine = np.tile([1.0, 4.0, 0.5], (4, 1))
    value, column = LeavesFound(found, np.array([0, 2, 3], dtype=np.int32), every, refine, refine).values()
    assert value.tolist() == ([2.0, 0.5, 0.0, 2.0] if every else [9.0, 2.0, 0.0, 2.0])
    assert column.tolist() == ([2, 0, 0, 0] if every else [1, 2, 0, 0])


def test_without_columns_no_leaf_is_hot_and_all_could_be_coarser():
    found, none = np.zeros(3, dtype=findings(0)), np.zeros((3, 0))
    columns = LeavesFound(found, np.zeros(1, dtype=np.int32), False, none, none)
    value, _ = columns.values()
    no = np.zeros(3, dtype=bool)
    votes = Votes(columns, start(3), value, np.ones(3), no, no, no, no)
    assert value.tolist() == [0, 0, 0] and votes.calm(1.0).tolist() == [1, 1, 1]


def test_samples_make_leaves_hot_and_probes_hold_them():
    random, found, refine, coarsen, state = case(2)
    level = random.integers(0, MAX_LEVEL + 1, N).astype(np.int8)
    before = state["held"].astype(int)
    columns = LeavesFound(found, np.array([0, 1, 2], dtype=np.int32), False, refine, coarsen)
    threshold = random.uniform(0.5, 3, N)
    near, hot, sampled, hot_columns = columns.hot(level, MAX_LEVEL, CENTRE, threshold, state)
    np.testing.assert_array_equal(sampled, found["sampled"] & (level < MAX_LEVEL))
    np.testing.assert_array_equal(near, np.where(sampled, found["near"] | CENTRE, found["near"]))
    np.testing.assert_array_equal(hot, (near & CENTRE) > 0)
    np.testing.assert_array_equal(hot_columns, hot[:, None] & (found["eta"] > refine * threshold[:, None]))
    np.testing.assert_array_equal(state["held"], np.where(found["held"], HELD, np.maximum(before - 1, 0)))


@pytest.mark.parametrize("factor", [1.0, 1.25])
def test_patience(factor):
    random, found, refine, coarsen, state = case(3)
    coarsen *= 2
    columns = LeavesFound(found, np.array([0, 2, 3], dtype=np.int32), False, refine, coarsen)
    value, threshold = random.uniform(0, 2, N), random.uniform(0.5, 3, N)
    hot, sampled, low, on_trial = random.random((4, N)) < 0.3
    own = (found["parent"] < coarsen * (factor * threshold[:, None])).all(axis=1)
    may = (own | low) & ~on_trial & ~(value > factor * threshold) & ~sampled & (state["held"] == 0)
    wanted = np.where(may, np.minimum(state["calm"].astype(int), 254) + 1, 0)
    before = state.copy()
    calm = Votes(columns, state, value, threshold, hot, sampled, low, on_trial).calm(factor)
    np.testing.assert_array_equal(calm, wanted)
    assert (state.tobytes() == before.tobytes()) and set(np.unique(calm)) >= {0, 1, 2, 255}


@pytest.mark.parametrize("wake", [0.0, 2.0])
def test_alarms_wait_where_the_last_one_was_a_ghost(wake):
    random, found, _, _, state = case(1)
    found["look"]["kind"], found["look"]["rms"] = random.integers(-1, 6, N), random.uniform(0, 4, N)
    state["alarm_rms"] = random.uniform(0, 2, N)
    for name in ("ghosts", "ghost_wait", "noise_wait"):
        state[name] = random.choice([0, 1, 2, 3], N)
    level = random.integers(0, MAX_LEVEL + 1, N).astype(np.int8)
    hot, sampled = random.random((2, N)) < 0.4
    wanted = state.copy()
    alarm = hot & (level < MAX_LEVEL)
    wanted["kind"] = np.where(alarm, found["look"]["kind"], -1)
    for name in ("ghost_wait", "noise_wait"):
        wanted[name] -= wanted[name] > 0
    waits = alarm & ~sampled & (wanted["ghost_wait"] > 0) & (wake > 0)
    grown = waits & (found["look"]["rms"] > wake * state["alarm_rms"])
    wanted["ghost_wait"][grown] = wanted["ghosts"][grown] = 0
    wanted["bar"] = np.where(waits & ~grown, Bar.GHOST, Bar.NONE)
    got, n_alarm, has_kinds, has_samples, has_trials = alarms(found, level, MAX_LEVEL, hot, sampled, state, wake)
    np.testing.assert_array_equal(got, alarm)
    for name in LEAF_STATE.names or ():
        np.testing.assert_array_equal(state[name], wanted[name], err_msg=name)
    assert (n_alarm, has_kinds, has_samples, has_trials) == (alarm.sum(), True, False, False)
    assert grown.any() == (waits & ~grown).any() == (wake > 0)


def test_alarms_tell_what_is_to_be_looked_at():
    no, level = np.zeros(3, dtype=bool), np.zeros(3, dtype=np.int8)
    found, state = np.zeros(3, dtype=findings(1)), start(3)
    assert alarms(found, level, 1, no, no, state)[1:] == (0, False, False, False)
    state["trial"][1], state["samples"][2, -2, 0] = 1, 0.5
    assert alarms(found, level, 1, no, no, state)[1:] == (0, False, True, True)
    state["samples"][2] = np.nan
    state["samples"][2, -1, 0] = 0.5  # the oldest goes now
    assert alarms(found, level, 1, no, no, state)[1:] == (0, False, False, True)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_what_is_remembered(dim):
    random, found, refine, coarsen, state = case(3)
    coarsen[::7] = 0.0  # such a leaf never coarsens
    found["parent"][::14] = 0.0
    columns = LeavesFound(found, np.array([0, 2, 3], dtype=np.int32), False, refine, coarsen)
    value, column = columns.values()
    value[5] = 1e300
    threshold, factor = random.uniform(0.5, 3, N), 1.25
    level = random.integers(0, MAX_LEVEL + 1, N).astype(np.int8)
    hot, sampled, low, on_trial = random.random((4, N)) < 0.3
    flags = random.integers(-1, 2, N).astype(np.int8)
    calm, cause = random.integers(0, 255, N).astype(np.uint8), random.integers(0, 10, N).astype(np.uint8)
    before = state.copy()
    votes = Votes(columns, state, value, threshold, hot, sampled, low, on_trial)
    shares = votes.note(calm, cause, column, flags, level, MAX_LEVEL, dim, factor)
    wanted = before.copy()
    by_sample = np.where(found["held"], Cause.PROBE, Cause.SAMPLING)
    wanted["cause"] = np.where(sampled & (cause == Cause.INDICATOR), by_sample, cause)
    wanted["cause"][(before["held"] > 0) & (cause == Cause.PATIENCE)] = Cause.PROBE
    wanted["bar"][hot & (level == MAX_LEVEL)] = Bar.MAX_LEVEL
    wanted["calm"], wanted["column"] = calm, column
    wanted["value"] = np.minimum(value / (factor * threshold), np.finfo(np.float32).max)
    wanted["refine"] = refine[np.arange(N), column] * (factor * threshold)
    with np.errstate(divide="ignore", invalid="ignore"):
        parent = np.maximum.reduce(found["parent"] / coarsen, axis=1) / (factor * threshold)
    wanted["parent"] = np.minimum(parent, np.finfo(np.float32).max)
    back = (before["since"] < 3) & (flags != 0) & (before["last"] == -flags)
    wanted["since"] = np.minimum(before["since"].astype(int), 254) + 1
    for name in LEAF_STATE.names or ():
        np.testing.assert_array_equal(state[name], wanted[name], err_msg=name)
    assert shares == 2**dim * (back & (flags > 0)).sum() + (back & (flags < 0)).sum() > 0


def test_records_that_do_not_fit_are_refused():
    _, found, refine, coarsen, state = case(2)
    first = np.array([0, 1, 2], dtype=np.int32)
    with pytest.raises(ValueError, match="columns"):
        LeavesFound(found, first, False, refine[:, :1].copy(), coarsen)
    packed = np.zeros(N, dtype=np.dtype([(n, *found.dtype.fields[n][:1]) for n in found.dtype.names]))
    with pytest.raises(ValueError, match="aligned"):
        LeavesFound(packed, first, False, refine, coarsen)
    level = np.zeros(N, dtype=np.int8)
    with pytest.raises(ValueError, match="bytes of state"):
        LeavesFound(found, first, False, refine, coarsen).hot(level, 1, CENTRE, np.ones(N), state[:-1].copy())
