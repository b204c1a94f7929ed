"""Initial states of the tests of the guards."""

import numpy as np


def wave(x):
    """One smooth period along every axis."""
    return {"q": 0.3 * np.prod(np.sin(2 * np.pi * x), axis=0)}


def front(x):
    """A layer of width 0.06."""
    return {"q": np.tanh((x[0] - 0.5) / 0.06)}


def top_hat(x):
    """Two jumps."""
    return {"q": np.where((x[0] > 0.3) & (x[0] < 0.6), 1.0, 0.0)}


def pulse(x):
    """A Gaussian of width 0.01."""
    return {"q": np.exp(-0.5 * ((x[0] - 0.5) / 0.01) ** 2)}


def steepening(x):
    """What Burgers' equation makes a shock of."""
    return {"q": 0.5 + np.sin(2 * np.pi * x[0])}


def short_wave(x):
    """Sixty periods: on 64 cells its samples are those of four."""
    return {"q": np.sin(2 * np.pi * 60 * x[0])}
