"""A stream, and a leak of dye into it that is thinner than the cells of the base mesh."""

import numpy as np

SIGMA, PLACE = 0.0016, (0.25, 0.5)  # a tenth of a cell, on a corner of four


def stream(x):
    """Dye that does not change along the stream."""
    return {"q": 1.0 + 0.5 * np.sin(2 * np.pi * x[1])}


def leak(x, t, w):
    """More dye, at one spot."""
    return {"q": 200.0 * np.exp(-0.5 * ((x[0] - PLACE[0]) ** 2 + (x[1] - PLACE[1]) ** 2) / SIGMA**2)}
