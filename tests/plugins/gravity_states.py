"""Gas that attracts itself and nothing else."""

import numpy as np


def slab(x, G=1.0, sound_speed=1.0, density=1.0, middle=0.0):
    """An isothermal slab in balance: sech^2 of x over its height (L. Spitzer, ApJ 95 (1942) 329)."""
    height = sound_speed / np.sqrt(2 * np.pi * G * density)
    rho = density / np.cosh((x[0] - middle) / height) ** 2
    return {"density": rho, "velocity": 0 * x, "pressure": sound_speed**2 * rho}


def clump(x, center=0.5, width=0.1, density=1.0, rest=1e-3, pressure=0.2):
    """A Gaussian clump that is not in balance; at rest."""
    square = ((x - center) ** 2).sum(axis=0)
    rho = rest + density * np.exp(-square / width**2)
    return {"density": rho, "velocity": 0 * x, "pressure": pressure * rho}
