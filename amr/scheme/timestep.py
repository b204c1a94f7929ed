"""The length of a time step, from the CFL number and the times that a run must hit."""

from __future__ import annotations

import math

from amr.errors import UnphysicalState


def choose_dt(cfl: float, max_signal: float, t: float, target: float, fixed: float | None = None) -> float:
    """Length of the next step.

    Parameters
    ----------
    cfl : float
        CFL number, <= 1 in any dimension.
    max_signal : float
        Maximum over cells of the sum over axes of wave speed / spacing [1/s].
    t : float
        Present time.
    target : float
        Next time the run must hit (an output, the end), > t.
    fixed : float, optional
        A constant step asked for by the user.

    Returns
    -------
    float
        cfl / max_signal (or ``fixed``), shortened to hit ``target``; when two such steps would pass it, half the way,
        so that no sliver of a step is left.
    """
    dt = fixed if fixed is not None else (cfl / max_signal if max_signal > 0 else math.inf)
    left = target - t
    if dt >= left * (1 - 1e-12):
        return left
    if 2 * dt > left:
        dt = 0.5 * left
    if not t + dt > t:
        raise UnphysicalState(f"the time step fell to {dt:.3g} at t = {t:.9g}: wave speeds have grown without bound")
    return dt
