"""Plugins that fail after a while, and on those ranks only that hold certain blocks. ``how`` says in which way."""

import sys

import numpy as np

START = 0.01


def fail(how, values):
    """Fail in the given way; ``values`` is what would have been right."""
    if how == "raises":
        raise ValueError("cannot go on")
    if how == "exits":
        sys.exit(3)
    if how == "nan":
        values = np.array(values, dtype=float)
        values.flat[-1] = np.nan
        return values
    if how == "shape":
        return np.zeros(np.asarray(values).size + 1)
    if how == "text":
        return "text"
    assert how == "none"
    return None


def disc(x):
    """Dense in a disc near the upper right corner; at rest."""
    r = np.hypot(x[0] - 0.8, x[1] - 0.8)
    return {"density": 1.0 + (r < 0.15), "velocity": 0.0 * x, "pressure": 1.0 + (r < 0.15)}


def _make_problem(how):
    def problem(x):
        state = disc(x)
        if x.max() > 0.9:
            state["density"] = fail(how, np.broadcast_to(state["density"], x.shape[1:]))
        return state

    return problem


def _make_source(how):
    def source(x, t, w):
        rate = np.zeros_like(w["density"])
        return {"energy": fail(how, rate) if t > START and x.size and x.min(axis=0).max() > 0.9 else rate}

    return source


def _make_boundary(how):
    def boundary(x, t, w):
        state = {name: w[name] for name in ("density", "velocity", "pressure")}
        if t > START and x[1].max() > 0.9:
            state["density"] = fail(how, state["density"])
        return state

    return boundary


def _make_indicator(how):
    def indicator(w, spacing, level):
        value = np.zeros(len(level))
        indicator.calls += 1
        return fail(how, value) if indicator.calls > 2 and w["density"].max() > 1.5 else value

    indicator.calls = 0
    return indicator


WAYS = ("raises", "exits", "nan", "shape", "text", "none")
for _how in WAYS:
    for _kind, _make in {
        "problem": _make_problem,
        "source": _make_source,
        "boundary": _make_boundary,
        "indicator": _make_indicator,
    }.items():
        globals()[f"{_kind}_{_how}"] = _make(_how)


def boundary_negative(x, t, w):
    """A state without meaning, from the middle of the run on."""
    return {"density": np.where(x[1] > 0.9, -1.0, w["density"])} if t > START else {}
