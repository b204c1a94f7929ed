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


# Plugins as users write them, for ranks that hold no block: NumPy's reductions fail on nothing.


def hump(x):
    """A smooth hump in the middle of [1, 2]."""
    assert x.min() >= 1 and x.max() <= 2
    bump = np.exp(-(((x[0] - 1.5) / 0.05) ** 2))
    return {"density": 1.0 + bump, "velocity": 0 * x, "pressure": 1.0 + bump}


def drag(x, t, w):
    """Slows the gas down."""
    assert x.min() >= 1 and x.max() <= 2 and w["density"].min() > 0
    return {"momentum_x": -w["density"] * w["velocity"][0]}


def open_end(x, t, w):
    """What is inside, outside."""
    assert w["density"].min() > 0
    return dict(w)


def range_of_density(w, spacing, level):
    """Largest minus smallest density of a block."""
    density = w["density"][w.interior]
    assert density.min() > 0 and level.max() < 9
    return np.ptp(density, axis=(1, 2, 3))


# Small disturbances in the unit box, for the adjoint equations.


def _bump(x, width):
    return 0.01 * np.exp(-sum(((c - 0.35 - 0.1 * a) / width) ** 2 for a, c in enumerate(x)))


def swell(x, width=0.12):
    """A bump on water of depth 1 that flows a little."""
    return {"depth": 1.0 + _bump(x, width), "velocity": np.stack([(0.5 - a) * _bump(x, width) for a in range(len(x))])}


def sound(x, width=0.12):
    """A bump of pressure and velocity."""
    return {"pressure": _bump(x, width), "velocity": np.stack([(0.5 - a) * _bump(x, width) for a in range(len(x))])}


def dye(x, width=0.12):
    """A bump of q."""
    return {"q": _bump(x, width)}
