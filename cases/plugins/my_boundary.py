"""A boundary of your own, named in the case as ``[boundaries] x = ["plugins/my_boundary.py:gusts", "outflow"]``."""

import numpy as np


def gusts(x, t, w):
    """Inflow whose speed swings in time; the pressure is taken from inside.

    Parameters
    ----------
    x : float64 (dim, m)
        Points outside the domain, of all blocks at this side at once.
    t : float
    w : dict
        The mirror image of the state inside: primitive variable -> (m,), ``velocity`` -> (dim, m).

    Returns
    -------
    dict
        The state at x: every primitive variable.
    """
    velocity = np.zeros_like(x)
    velocity[0] = 0.5 + 0.3 * np.sin(20 * t) * np.cos(2 * np.pi * x[1])
    return {"density": np.ones(x.shape[1]), "velocity": velocity, "pressure": w["pressure"]}
