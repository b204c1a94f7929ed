"""Small plane waves of the Navier-Stokes equations, linearised about a uniform flow, and other states."""

import numpy as np


def modes(number, gamma, pressure, viscosity, conductivity):
    """Growth rates (3,) and columns (density, velocity along the wave, pressure) of the plane waves exp(i K x + rate t).

    Sorted by the imaginary part of the rate: sound against and along the wave vector at the ends, heat between them.
    """
    k2, heat = number**2, (gamma - 1) * conductivity * number**2
    matrix = np.array(
        [
            [0, -1j * number, 0],
            [0, -4 / 3 * viscosity * k2, -1j * number],
            [heat * pressure, -1j * number * gamma * pressure, -heat],
        ]
    )
    rate, columns = np.linalg.eig(matrix)
    order = np.argsort(rate.imag)
    return rate[order], columns[:, order]


def exact(x, t, mode, waves, viscosity, conductivity, gamma=1.4, amplitude=1e-5, flow=None, pressure=1.0):
    """State at points x (dim, m) of the unit box: density 1, ``waves`` per axis, a uniform ``flow``."""
    dim = len(x)
    vector = 2 * np.pi * np.array(waves, dtype=float)
    flow = np.zeros(dim) if flow is None else np.array(flow)
    number = np.sqrt((vector * vector).sum())
    along = vector / number
    phase = vector @ (x - (flow * t)[:, None])
    velocity = np.repeat(flow[:, None], x.shape[1], axis=1)
    if mode == "shear":
        across = np.cross([0, 0, 1], [*along, 0][:3])[:dim] if dim == 2 else np.cross([1, -1, 0.5], along)
        velocity += across[:, None] * amplitude * np.sin(phase) * np.exp(-viscosity * number**2 * t)
        return {"density": 1.0, "velocity": velocity, "pressure": pressure}
    rates, columns = modes(number, gamma, pressure, viscosity, conductivity)
    which = {"heat": 1, "sound": 2}[mode]
    column = columns[:, which] / columns[0, which]
    density, speed, more = (amplitude * np.real(c * np.exp(1j * phase + rates[which] * t)) for c in column)
    return {"density": 1 + density, "velocity": velocity + along[:, None] * speed, "pressure": pressure + more}


def wave(x, **keys):
    """The same at the start."""
    return exact(x, 0.0, **keys)


wave.exact = exact


def rough(x, order=None, flat=None):
    """A periodic state without any symmetry, its axes in ``order``; ``flat``: the axis along which nothing changes or flows."""
    dim = len(x)
    order = list(range(dim)) if order is None else order
    y = 2 * np.pi * x[order]
    wave = [np.sin(y[i] + 0.3 + i) for i in range(dim) if i != flat]
    velocity = np.zeros_like(x)
    for i in range(dim):
        if i != flat:
            velocity[order[i]] = 0.4 * np.cos(y[i] + i) * wave[(i + 1) % len(wave)]
    product = np.prod(wave, axis=0)
    return {"density": 1 + 0.3 * product, "velocity": velocity, "pressure": 1 + 0.2 * wave[0] * product}


def stream(x):
    """A uniform flow."""
    return {"density": 1.3, "velocity": [0.7, -0.4, 0.2][: len(x)], "pressure": 0.9}


def couette(x, *, axis, along):
    """Between walls at rest and at speed 1 along ``along``: the velocity grows from one to the other."""
    velocity = np.zeros_like(x)
    velocity[along] = x[axis]
    return {"density": 1.0, "velocity": velocity, "pressure": 1.0}


def channel(x, *, axis, along, amplitude):
    """A half sine of velocity between two walls at rest, in a gas with gas constant 1 at temperature 1."""
    velocity = np.zeros_like(x)
    velocity[along] = amplitude * np.sin(np.pi * x[axis])
    return {"density": 1.0, "velocity": velocity, "pressure": 1.0}


def dyed(x, amplitude=0.5, waves=1):
    """A gas at rest with a sine of dye along the last axis."""
    return {
        "density": 2.0,
        "velocity": np.zeros_like(x),
        "pressure": 1.0,
        "dye": 1 + amplitude * np.sin(2 * np.pi * waves * x[-1]),
    }
