"""Initial states of which it is known where a mesh does not resolve them: what `amr guard sampling` draws its trials from.

All live in [0, 1]^dim and range over about 1; lengths are in cells of the base mesh, wave numbers in units of its Nyquist limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from amr.guard import random

State = Callable[[np.ndarray], np.ndarray]
"""Points x (dim, m) -> values (m,)."""


@dataclass(frozen=True)
class Draw:
    """What a family draws its parameters from: random numbers, the dimension, and cells per axis of the base mesh."""

    rng: np.random.Generator
    dim: int
    n_cell: int
    quadrature: int

    def direction(self) -> np.ndarray:
        """A unit vector (dim, 1)."""
        v = self.rng.standard_normal((self.dim, 1))
        return v / np.sqrt((v * v).sum())

    def point(self, margin: float = 0.1) -> np.ndarray:
        """A place (dim, 1), not near the boundary."""
        return self.rng.uniform(margin, 1 - margin, (self.dim, 1))

    def phase(self) -> float:
        """An angle."""
        return float(self.rng.uniform(0, 2 * np.pi))

    def background(self) -> State:
        """A wave that any mesh resolves, of amplitude 0.15."""
        k, phase = 2 * np.pi * self.direction(), self.phase()
        return lambda x: 0.15 * np.sin((k * x).sum(axis=0) + phase)


def _smooth(draw: Draw) -> State:
    """Three waves of at least 32 cells along each axis."""
    most = draw.n_cell // 32
    waves = [(2 * np.pi * draw.rng.integers(-most, most + 1, (draw.dim, 1)), draw.phase()) for _ in range(3)]
    return lambda x: np.sum([np.sin((k * x).sum(axis=0) + phase) for k, phase in waves], axis=0)


def _fronts(draw: Draw) -> State:
    """A shock and a contact: parallel jumps of different height across any direction."""
    normal, first, second = draw.direction(), draw.point(0.2), draw.point(0.2)
    behind, height = draw.background(), draw.rng.uniform(0.1, 0.5)

    def state(x: np.ndarray) -> np.ndarray:
        return behind(x) + ((normal * (x - first)).sum(axis=0) > 0) + height * ((normal * (x - second)).sum(axis=0) > 0)

    return state


def _wave(draw: Draw, low: float, high: float) -> State:
    """Along an axis or (elsewhere than in 1D) any direction; a third of them with a whole multiple of the sampling rate."""
    nyquist = 0.5 * draw.n_cell
    number = draw.rng.uniform(low, high)
    if high > 2 and draw.rng.random() < 1 / 3:
        number = 2.0 * draw.rng.integers(1, int(high / 2) + 1)
    direction = draw.direction()
    if draw.rng.random() < 0.5:
        direction = np.eye(draw.dim)[draw.rng.integers(draw.dim)][:, None]
    k, phase = 2 * np.pi * nyquist * number * direction, draw.phase()
    return lambda x: 0.5 * np.sin((k * x).sum(axis=0) + phase)


def _packet(draw: Draw) -> State:
    wave, centre, width = _wave(draw, 2.0, 8.0), draw.point(0.25), draw.rng.uniform(0.03, 0.1)
    return lambda x: 2 * wave(x) * np.exp(-0.5 * ((x - centre) ** 2).sum(axis=0) / width**2)


def _chirp(draw: Draw) -> State:
    """A wave whose number grows from 1 per domain to 4 times the Nyquist limit."""
    axis, phase = draw.rng.integers(draw.dim), draw.phase()
    growth = 4.0 * 0.5 * draw.n_cell - 1.0
    return lambda x: 0.5 * np.sin(2 * np.pi * (x[axis] + 0.5 * growth * x[axis] ** 2) + phase)


def _blob(draw: Draw, low: float, high: float) -> State:
    """A Gaussian whose sigma is some cells."""
    sigma, centre, behind = draw.rng.uniform(low, high) / draw.n_cell, draw.point(), draw.background()
    return lambda x: behind(x) + np.exp(-0.5 * ((x - centre) ** 2).sum(axis=0) / sigma**2)


def _layer(draw: Draw, low: float, high: float) -> State:
    """A Gaussian across any direction, so wide in cells."""
    sigma, centre, behind = draw.rng.uniform(low, high) / draw.n_cell, draw.point(0.25), draw.background()
    normal = draw.direction()
    return lambda x: behind(x) + np.exp(-0.5 * ((normal * (x - centre)).sum(axis=0) / sigma) ** 2)


def _top_hat(draw: Draw, width: float) -> State:
    """1 within a box (an interval) so wide in cells."""
    half, centre, behind = 0.5 * width / draw.n_cell, draw.point(), draw.background()
    return lambda x: behind(x) + (np.abs(x - centre) < half).all(axis=0)


def _adversarial(draw: Draw) -> State:
    """Legendre's polynomial in each cell that is 0 at all its Gauss points."""
    axis = draw.rng.integers(draw.dim)
    polynomial = np.polynomial.legendre.Legendre.basis(draw.quadrature)
    behind = draw.background()
    return lambda x: behind(x) + 0.5 * polynomial(2 * np.mod(x[axis] * draw.n_cell, 1.0) - 1)


def _noise(draw: Draw) -> State:
    """10 % noise, another value at every point."""
    seed, behind = int(draw.rng.integers(1 << 60)), draw.background()

    def state(x: np.ndarray) -> np.ndarray:
        bits = np.ascontiguousarray(x).view(np.uint64)
        return behind(x) + 0.1 * (2 * random.uniform_pair(random.combine(seed, *bits), 0)[0] - 1)

    return state


@dataclass(frozen=True)
class Family:
    """A way to draw initial states.

    Attributes
    ----------
    label : str
    draw : callable
        `Draw` -> state.
    should_alarm : bool
        False for noise: no mesh resolves it, so it is to be left alone.
    """

    label: str
    draw: Callable[[Draw], State]
    should_alarm: bool = True


def families(dim: int) -> list[Family]:
    """The families of a dimension. A thin layer in 1D is a blob; a top hat is drawn where it is not almost surely missed."""
    found = [
        Family("smooth", _smooth),
        Family("shock, contact", _fronts),
        Family("wave .5-1.1 Ny", lambda draw: _wave(draw, 0.5, 1.1)),
        Family("wave 1.9-8 Ny", lambda draw: _wave(draw, 1.9, 8.0)),
        Family("packet 2-8 Ny", _packet),
        Family("chirp", _chirp),
        Family("Gauss .05-.1 h", lambda draw: _blob(draw, 0.05, 0.1)),
        Family("Gauss .2-1 h", lambda draw: _blob(draw, 0.2, 1.0)),
    ]
    if dim > 1:
        found.append(Family("layer .05-.1 h", lambda draw: _layer(draw, 0.05, 0.1)))
    if dim == 1:
        found.append(Family("top hat .1 h", lambda draw: _top_hat(draw, 0.1)))
        found.append(Family("top hat .3 h", lambda draw: _top_hat(draw, 0.3)))
    found.append(Family("Gauss-invisible", _adversarial))
    found.append(Family("noise 10 %", _noise, should_alarm=False))
    return found
