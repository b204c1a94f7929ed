"""Stationary points of an energy landscape, and the rates of escape over its saddles (Eyring & Kramers)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amr.physics.landscapes import Energy

# Central differences of fourth order: offsets in steps, weights of the first and of the second derivative.
_OFFSETS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
_FIRST = np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / 12.0
_SECOND = np.array([-1.0, 16.0, -30.0, 16.0, -1.0]) / 12.0
_STEP = 1e-3  # of differences, in units of the box
_STARTS = {1: 401, 2: 41, 3: 13}  # of Newton's method, per axis
_ITERATIONS = 60


@dataclass(frozen=True)
class Well:
    """A minimum: its place (dim,), energy and Hessian (dim, dim)."""

    place: np.ndarray
    energy: float
    hessian: np.ndarray

    def is_near(self, x: np.ndarray, temperature: float) -> np.ndarray:
        """Whether points x (dim, ...) lie where the well's parabola is at most half a temperature high."""
        d = x - self.place.reshape(-1, *[1] * (x.ndim - 1))
        return np.asarray(np.einsum("i...,ij,j...->...", d, self.hessian, d) <= temperature)


@dataclass(frozen=True)
class Saddle:
    """A stationary point with one falling direction, and the two wells (their numbers) that it leads down to."""

    place: np.ndarray
    energy: float
    hessian: np.ndarray
    wells: tuple[int, int]


@dataclass(frozen=True)
class Topography:
    """Wells and saddles inside a box, by energy, equal ones by x, y, z."""

    wells: list[Well]
    saddles: list[Saddle]

    def escape_rate(self, well: int, temperature: float) -> float:
        """Rate of Eyring and Kramers at which a well is left, over all its saddles; overdamped, mobility 1.

        ``|lambda| / 2 pi sqrt(det H_well / |det H_saddle|) exp(-(E_saddle - E_well) / T)`` for each saddle, with its negative
        eigenvalue lambda; exact in the limit of low temperatures.
        """
        here, total = self.wells[well], 0.0
        for saddle in self.saddles:
            if (well in saddle.wells) and saddle.wells[0] != saddle.wells[1]:
                falling = float(-np.linalg.eigvalsh(saddle.hessian)[0])
                ratio = np.linalg.det(here.hessian) / abs(np.linalg.det(saddle.hessian))
                barrier = saddle.energy - here.energy
                total += falling / (2 * np.pi) * float(np.sqrt(ratio)) * float(np.exp(-barrier / temperature))
        return total


def survey(energy: Energy, lower: np.ndarray, upper: np.ndarray) -> Topography:
    """Find the stationary points of a smooth energy inside the box from ``lower`` to ``upper`` (dim,) each.

    Newton's method from the points of a grid; what is closer together than a 41st of the box in 2D may be missed.
    """
    dim, size = len(lower), upper - lower
    axes = [np.linspace(0.0, 1.0, _STARTS[dim] + 2)[1:-1]] * dim
    z = np.stack([each.ravel() for each in np.meshgrid(*axes, indexing="ij")])

    def scaled(at: np.ndarray) -> np.ndarray:
        return energy(lower[:, None] + size[:, None] * at)

    for _ in range(_ITERATIONS):
        move = _newton(scaled, z)
        move *= np.minimum(1.0, 0.05 / np.maximum(np.linalg.norm(move, axis=0), 1e-300))
        z = z + move
        z = z[:, ((z > -0.2) & (z < 1.2)).all(axis=0)]
    still = np.linalg.norm(_newton(scaled, z), axis=0) < 1e-7
    z = _distinct(z[:, still & ((z > 0) & (z < 1)).all(axis=0)])
    if not z.size:
        return Topography([], [])
    hessian, heights = _hessian(scaled, z), scaled(z)
    negative = (np.linalg.eigvalsh(hessian) < 0).sum(axis=1)
    # Wells that symmetry makes equal come by their place, whatever the round-off.
    rounded = np.round(heights / np.ptp(heights), 9) if np.ptp(heights) > 0 else heights
    order = np.lexsort((*z[::-1].round(6), rounded))
    metric = np.outer(1.0 / size, 1.0 / size)
    minima = [i for i in order if negative[i] == 0]
    wells = [Well(lower + size * z[:, i], float(heights[i]), hessian[i] * metric) for i in minima]
    saddles = [
        Saddle(
            lower + size * z[:, i],
            float(heights[i]),
            hessian[i] * metric,
            _ends(scaled, z[:, i], hessian[i], z[:, minima]),
        )
        for i in order
        if negative[i] == 1 and minima
    ]
    return Topography(wells, saddles)


def _gradient(energy: Energy, z: np.ndarray) -> np.ndarray:
    """Gradient (dim, m) at points (dim, m)."""
    gradient = np.empty(z.shape)
    for a, unit in enumerate(np.eye(len(z))[:, :, None] * _STEP):
        line = np.stack([energy(z + k * unit) for k in _OFFSETS])
        gradient[a] = _FIRST @ line / _STEP
    return gradient


def _hessian(energy: Energy, z: np.ndarray) -> np.ndarray:
    """Hessian (m, dim, dim) at points (dim, m)."""
    dim, m = z.shape
    hessian = np.empty((m, dim, dim))
    unit = np.eye(dim)[:, :, None] * _STEP
    taps = [(p, k) for p, k in zip(_FIRST, _OFFSETS, strict=True) if p]
    for a in range(dim):
        line = np.stack([energy(z + k * unit[a]) for k in _OFFSETS])
        hessian[:, a, a] = _SECOND @ line / _STEP**2
        for b in range(a):
            cross = sum(p * q * energy(z + k * unit[a] + j * unit[b]) for p, k in taps for q, j in taps)
            hessian[:, a, b] = hessian[:, b, a] = cross / _STEP**2
    return hessian


def _newton(energy: Energy, z: np.ndarray) -> np.ndarray:
    """Newton's step (dim, m) to a stationary point; that of least squares where the Hessian is singular."""
    if not z.size:
        return np.zeros(z.shape)
    return -np.einsum("mij,jm->im", np.linalg.pinv(_hessian(energy, z), hermitian=True), _gradient(energy, z))


def _distinct(z: np.ndarray) -> np.ndarray:
    """One point (dim, n) of each cluster of points (dim, m)."""
    found: list[np.ndarray] = []
    for point in z.T:
        if all(np.linalg.norm(point - other) > 1e-4 for other in found):
            found.append(point)
    return np.array(found).reshape(-1, len(z)).T


def _ends(energy: Energy, place: np.ndarray, hessian: np.ndarray, minima: np.ndarray) -> tuple[int, int]:
    """Numbers of the minima (dim, n) that the two ways down from a saddle lead to."""
    step = 2e-3
    falling = np.linalg.eigh(hessian)[1][:, 0]
    z = place[:, None] + step * np.outer(falling, [1.0, -1.0])
    for _ in range(4000):
        distance = np.linalg.norm(z[:, :, None] - minima[:, None, :], axis=0)
        if (distance.min(axis=1) < 2 * step).all():
            break
        gradient = _gradient(energy, z)
        z = z - step * gradient / np.maximum(np.linalg.norm(gradient, axis=0), 1e-300)
    distance = np.linalg.norm(z[:, :, None] - minima[:, None, :], axis=0)
    first, second = sorted(int(i) for i in distance.argmin(axis=1))
    return first, second
