"""An initial state of your own: a function of points. In the case: ``[problem] name = "plugins/my_problem.py:bubble"``."""

import numpy as np


def bubble(x, radius=0.1):
    """A light bubble, with a smooth rim, in a wind along x.

    Parameters
    ----------
    x : float64 (dim, n)
        Points; the program averages the state over cells.
    radius : float
        A key of ``[problem]``: every keyword of the function is one.

    Returns
    -------
    dict
        Every primitive variable by name: array (n,), a vector as (dim, n), or a number for a constant.
    """
    distance = np.hypot(x[0] - 0.5, x[1])
    inside = 0.5 * (1 - np.tanh((distance - radius) / 0.02))
    velocity = np.zeros_like(x)
    velocity[0] = 0.5
    return {"density": 1 - 0.8 * inside, "velocity": velocity, "pressure": 1.0}
