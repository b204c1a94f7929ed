"""Initial states that are hard on a scheme, as plugins of test cases."""

import numpy as np


def torn(x, speed=6.0, width=0.02):
    """Gas torn apart along every axis of the periodic unit box: near vacuum where it parts, strong shocks where it meets."""
    return {"density": 1.0, "velocity": speed * np.tanh(np.sin(2 * np.pi * x) / width), "pressure": 0.4}


def rough(x, contrast=3.0):
    """Waves of a few cells' length in density, pressure (over ``contrast`` decades) and velocity."""
    dim = len(x)
    density = sum(np.sin(2 * np.pi * (3 + 2 * a) * x[a] + 1 + a) for a in range(dim)) / dim
    pressure = sum(np.cos(2 * np.pi * (5 + a) * x[a] + 0.3 * a) for a in range(dim)) / dim
    velocity = np.stack([3 * np.sin(2 * np.pi * (4 * x[a] + 2 * x[(a + 1) % dim])) for a in range(dim)])
    return {"density": 10 ** (0.5 * contrast * density), "velocity": velocity, "pressure": 10 ** (contrast * pressure)}


def vacuum(x):
    """Nothing at all in the right half."""
    return {"density": np.where(x[0] < 0.5, 1.0, 0.0), "velocity": 0 * x, "pressure": np.where(x[0] < 0.5, 1.0, 0.0)}
