"""Blocks of cell averages whose truth is known: what the classes of `amr.guard.classify` are measured with.

Averages are exact for waves, straight jumps and kinks, by Gauss quadrature for tanh layers, fronts and packets; across a curved
jump each cell is cut by the tangent plane. Lengths are in cells, amplitudes about 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np

from amr.guard.classify import Kind

#: Normals are turned away from the axes by this much: exact volumes divide by their components.
_LEAST_COMPONENT = 0.02


class Draw:
    """Random numbers and coordinates of ``count`` blocks of n^dim cells with g ghosts.

    Attributes
    ----------
    x : list of ndarray
        Per axis the cell centres, counted from the block's lower corner, broadcastable to ``shape``.
    shape : tuple
        (count, nk, nj, ni).
    """

    def __init__(self, seed: Sequence[int], dim: int, n: int, count: int, g: int) -> None:
        self.rng = np.random.default_rng(list(seed))
        self.dim, self.n, self.count = dim, n, count
        line = np.arange(-g, n + g) + 0.5
        self.x = [line.reshape((1,) * (3 - axis) + (-1,) + (1,) * axis) for axis in range(dim)]
        self.shape = (count, *(n + 2 * g if axis < dim else 1 for axis in (2, 1, 0)))

    def uniform(self, low: float, high: float) -> np.ndarray:
        """One number per block."""
        return self.rng.uniform(low, high, (self.count, 1, 1, 1))

    def direction(self) -> list[np.ndarray]:
        """A unit vector per block, components along the axes."""
        v = self.rng.standard_normal((self.dim, self.count, 1, 1, 1))
        return list(v / np.sqrt((v**2).sum(axis=0)))

    def point(self, margin: float = 1.0) -> list[np.ndarray]:
        """A point of the interior per block, at least ``margin`` cells from its boundary."""
        return [self.uniform(margin, self.n - margin) for _ in self.x]

    def distance(self, normal: Sequence[np.ndarray], at: Sequence[np.ndarray]) -> np.ndarray:
        """Signed distance of the cell centres from planes."""
        return _total([m * (x - c) for m, x, c in zip(normal, self.x, at, strict=True)])

    def gauss(self, function: Callable[[list[np.ndarray]], np.ndarray], nodes: int = 4) -> np.ndarray:
        """Cell averages of a function of the coordinates."""
        at, weights = np.polynomial.legendre.leggauss(nodes)
        total = np.zeros(self.shape)
        for which in product(range(nodes), repeat=self.dim):
            weight = np.prod([weights[q] / 2 for q in which])
            total += weight * function([x + at[q] / 2 for x, q in zip(self.x, which, strict=True)])
        return total


def _total(terms: Sequence[np.ndarray]) -> np.ndarray:
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def _wave(d: Draw, shortest: float, longest: float) -> np.ndarray:
    """Plane waves, exact averages; cells per wave uniform in phase per cell between the limits."""
    phase = d.uniform(2 * np.pi / longest, 2 * np.pi / shortest)
    vector = [phase * m for m in d.direction()]
    gain = np.ones((d.count, 1, 1, 1))
    for k in vector:
        gain = gain * np.sinc(k / (2 * np.pi))
    arguments = _total([k * x for k, x in zip(vector, d.x, strict=True)])
    return gain * np.sin(arguments + d.uniform(0, 2 * np.pi))


def half_space(distance: np.ndarray, normal: Sequence[np.ndarray], power: int = 0) -> np.ndarray:
    """Averages over unit cells of max(s, 0)^power / power! (power 0: 1 where s > 0), s the distance from a plane; exact."""
    away = [np.maximum(np.abs(m), _LEAST_COMPONENT) for m in normal]
    order = len(away) + power
    total = np.zeros(np.broadcast_shapes(distance.shape, away[0].shape))
    for signs in product((-1, 1), repeat=len(away)):
        corner = distance + _total([s * m / 2 for s, m in zip(signs, away, strict=True)])
        total += np.prod(signs) * np.maximum(corner, 0) ** order
    volume = away[0]
    for m in away[1:]:
        volume = volume * m
    return total / (factorial(order) * volume)


def smooth(d: Draw) -> np.ndarray:
    """Sum of three waves longer than a block."""
    return _total([_wave(d, 1.5 * d.n, 8 * d.n) for _ in range(3)])


def resolved_wave(d: Draw) -> np.ndarray:
    """A wave of 6 to 16 cells."""
    return _wave(d, 6, 16)


def under_resolved_wave(d: Draw) -> np.ndarray:
    """A wave of 2.2 to 4 cells on a smooth background."""
    return _wave(d, 2.2, 4) / 0.7 + 0.3 * _wave(d, 2 * d.n, 8 * d.n)


def under_resolved_packet(d: Draw) -> np.ndarray:
    """A wave of 2.2 to 3.5 cells in a Gaussian of half width n/5 to n/2 about a point of the block."""
    at, width, phase = d.point(d.n / 4), d.uniform(d.n / 5, d.n / 2), d.uniform(0, 2 * np.pi)
    wave = [d.uniform(2 * np.pi / 3.5, 2 * np.pi / 2.2) * m for m in d.direction()]

    def packet(x: list[np.ndarray]) -> np.ndarray:
        offset = [xa - c for xa, c in zip(x, at, strict=True)]
        square = _total([o**2 for o in offset])
        return np.exp(-square / (2 * width**2)) * np.sin(
            _total([k * o for k, o in zip(wave, offset, strict=True)]) + phase
        )

    return d.gauss(packet)


def jump(d: Draw) -> np.ndarray:
    """A straight jump at a random angle between smooth states."""
    normal = d.direction()
    return half_space(d.distance(normal, d.point()), normal) + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def curved_jump(d: Draw) -> np.ndarray:
    """A jump over a circle or sphere of radius n/2 to 4n through a point of the block."""
    radius, outward = d.uniform(d.n / 2, 4 * d.n), d.direction()
    centre = [p - radius * m for p, m in zip(d.point(), outward, strict=True)]
    offset = [x - c for x, c in zip(d.x, centre, strict=True)]
    length = np.sqrt(_total([o**2 for o in offset])) + 1e-12
    normal = [o / length for o in np.broadcast_arrays(*offset)]
    return half_space(length - radius, normal) + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def white_noise(d: Draw) -> np.ndarray:
    """Independent normal numbers on a weak smooth background."""
    return d.rng.standard_normal(d.shape) + 0.5 * _wave(d, 2 * d.n, 8 * d.n)


def odd_even(d: Draw) -> np.ndarray:
    """Stripes or a checkerboard of one cell with 5 % of noise, on a smooth background."""
    which = d.rng.integers(1, 2**d.dim, (d.count, 1, 1, 1))
    parity = _total([(which >> axis & 1) * np.floor(x).astype(np.int64) for axis, x in enumerate(d.x)])
    ghost = 1.0 - 2.0 * (parity & 1)
    return ghost + 0.05 * d.rng.standard_normal(d.shape) + 0.5 * _wave(d, 2 * d.n, 8 * d.n)


def _power_law(d: Draw, exponent: float) -> np.ndarray:
    """Random phases with an energy spectrum k^-exponent on a periodic box twice as wide as a block, a block cut out."""
    size = [2 * m if m > 1 else 1 for m in d.shape[1:]]
    noise = np.fft.fftn(d.rng.standard_normal((d.count, *size)), axes=(1, 2, 3))
    k = np.sqrt(_total(list(np.meshgrid(*[(np.fft.fftfreq(m) * m) ** 2 for m in size], indexing="ij"))))
    k[0, 0, 0] = np.inf
    field = np.fft.ifftn(noise * k ** (-(exponent + d.dim - 1) / 2), axes=(1, 2, 3)).real
    field /= field.std(axis=(1, 2, 3), keepdims=True)
    return np.ascontiguousarray(field[:, : d.shape[1], : d.shape[2], : d.shape[3]])


def turbulence(d: Draw) -> np.ndarray:
    """E(k) ~ k^-5/3 down to the mesh."""
    return _power_law(d, 5 / 3)


def steep_spectrum(d: Draw) -> np.ndarray:
    """E(k) ~ k^-2."""
    return _power_law(d, 2)


def flat_spectrum(d: Draw) -> np.ndarray:
    """E(k) ~ k^-1."""
    return _power_law(d, 1)


def spike(d: Draw) -> np.ndarray:
    """One cell of a block is 1 higher than a smooth background."""
    at = [np.floor(p) + 0.5 for p in d.point(0.0)]
    is_there = np.ones(d.shape, dtype=bool)
    for x, p in zip(d.x, at, strict=True):
        is_there = is_there & (x == p)
    return is_there + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def jump_with_odd_even(d: Draw) -> np.ndarray:
    """A straight jump of 1 with a checkerboard of 0.05 upon it."""
    parity = _total([np.floor(x).astype(np.int64) for x in d.x])
    return jump(d) + 0.05 * (1.0 - 2.0 * (parity & 1))


def jump_with_noise(d: Draw) -> np.ndarray:
    """A straight jump of 1 with 5 % of white noise."""
    return jump(d) + 0.05 * d.rng.standard_normal(d.shape)


def smooth_with_noise(d: Draw) -> np.ndarray:
    """Waves longer than a block with 1 % of white noise."""
    return smooth(d) + 0.01 * d.rng.standard_normal(d.shape)


def kink(d: Draw) -> np.ndarray:
    """A straight kink at a random angle: slopes 0 and 4 / n."""
    normal = d.direction()
    return half_space(d.distance(normal, d.point()), normal, 1) * (4 / d.n) + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def layer(d: Draw) -> np.ndarray:
    """A tanh layer of half width 2 to 4 cells at a random angle."""
    normal, at, width = d.direction(), d.point(), d.uniform(2, 4)

    def tanh(x: list[np.ndarray]) -> np.ndarray:
        return np.tanh(_total([m * (xa - c) for m, xa, c in zip(normal, x, at, strict=True)]) / width)

    return d.gauss(tanh, 2)


def _plane_front(d: Draw, normal: Sequence[np.ndarray], at: Sequence[np.ndarray]) -> np.ndarray:
    """A rise of 1 as schemes capture it: tanh of half width 0.5 to 1, which most of it takes 2 to 4 cells for."""
    width = d.uniform(0.5, 1)
    return d.gauss(
        lambda x: 0.5 * np.tanh(_total([m * (xa - c) for m, xa, c in zip(normal, x, at, strict=True)]) / width)
    )


def front(d: Draw) -> np.ndarray:
    """A straight captured front at a random angle between smooth states."""
    return _plane_front(d, d.direction(), d.point()) + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def curved_front(d: Draw) -> np.ndarray:
    """A captured front over a circle or sphere of radius n/2 to 4n through a point of the block."""
    radius, outward, width = d.uniform(d.n / 2, 4 * d.n), d.direction(), d.uniform(0.5, 1)
    centre = [p - radius * m for p, m in zip(d.point(), outward, strict=True)]

    def tanh(x: list[np.ndarray]) -> np.ndarray:
        square = _total([(xa - c) ** 2 for xa, c in zip(x, centre, strict=True)])
        return 0.5 * np.tanh((np.sqrt(square) - radius) / width)

    return d.gauss(tanh) + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def two_fronts(d: Draw) -> np.ndarray:
    """Two captured fronts, the second 0.2 to 1 high or deep, up to 14 degrees askew and 4 to n/2 (at least 5) cells behind."""
    normal, at = d.direction(), d.point()
    gap, height = d.uniform(4, max(5, d.n / 2)), d.uniform(0.2, 1) * np.sign(d.uniform(-1, 1))
    askew = [m + 0.25 * v for m, v in zip(normal, d.direction(), strict=True)]
    length = np.sqrt(_total([m**2 for m in askew]))
    behind = [p + gap * m for p, m in zip(at, normal, strict=True)]
    second = _plane_front(d, [m / length for m in askew], behind)
    return _plane_front(d, normal, at) + height * second + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def front_at_corner(d: Draw) -> np.ndarray:
    """A captured front across a corner of the block, through a point at most 2.5 cells inside it along each axis."""
    side = [np.sign(d.uniform(-1, 1)) for _ in d.x]
    at = [d.n / 2 * (1 + s) - s * d.uniform(0, 2.5) for s in side]
    normal = [s * d.uniform(0.3, 1) for s in side]
    length = np.sqrt(_total([m**2 for m in normal]))
    return _plane_front(d, [m / length for m in normal], at) + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


def front_with_ripple(d: Draw) -> np.ndarray:
    """A straight captured front with a ripple of 1 % and 2.5 to 5 cells behind it."""
    normal, at = d.direction(), d.point()
    ripple = 0.01 * (d.distance(normal, at) < 0) * _wave(d, 2.5, 5)
    return _plane_front(d, normal, at) + ripple + 0.15 * _wave(d, 2 * d.n, 8 * d.n)


@dataclass(frozen=True)
class Family:
    """A generator, what it makes, and which classes are right for it; ``is_hard``: shown, and not counted in the recall."""

    make: Callable[[Draw], np.ndarray]
    label: str
    right: tuple[Kind, ...]
    is_hard: bool = False


_RESOLVED = (Kind.SMOOTH, Kind.RESOLVED_WAVE)
#: A captured front of three or four cells may count as resolved.
_CAPTURED = (Kind.DISCONTINUITY, Kind.RESOLVED_WAVE)
_STEEP = (Kind.UNDER_RESOLVED, Kind.DISCONTINUITY)
FAMILIES: dict[str, Family] = {
    "smooth": Family(smooth, "smooth, waves longer than a block", _RESOLVED),
    "resolved_wave": Family(resolved_wave, "wave of 6 to 16 cells", _RESOLVED),
    "under_resolved_wave": Family(under_resolved_wave, "wave of 2.2 to 4 cells", (Kind.UNDER_RESOLVED,)),
    "under_resolved_packet": Family(under_resolved_packet, "packet of 2.2 to 3.5 cells", (Kind.UNDER_RESOLVED,)),
    "jump": Family(jump, "straight jump", (Kind.DISCONTINUITY,)),
    "curved_jump": Family(curved_jump, "curved jump", (Kind.DISCONTINUITY,)),
    "white_noise": Family(white_noise, "white noise", (Kind.NOISE,)),
    "odd_even": Family(odd_even, "stripes and checkerboards", (Kind.ODD_EVEN,)),
    "turbulence": Family(turbulence, "k^-5/3", (Kind.UNDER_RESOLVED,), True),
    "steep_spectrum": Family(steep_spectrum, "k^-2", (Kind.UNDER_RESOLVED,), True),
    "flat_spectrum": Family(flat_spectrum, "k^-1", (Kind.UNDER_RESOLVED,), True),
    "kink": Family(kink, "kink", _RESOLVED, True),
    "layer": Family(layer, "tanh layer of 2 to 4 cells", _RESOLVED, True),
    "spike": Family(spike, "one cell", _STEEP, True),
    "jump_with_odd_even": Family(jump_with_odd_even, "jump with 5 % checkerboard", _STEEP, True),
    "jump_with_noise": Family(jump_with_noise, "jump with 5 % noise", _STEEP, True),
    "smooth_with_noise": Family(smooth_with_noise, "smooth with 1 % noise", (Kind.NOISE,), True),
    "front": Family(front, "captured front", _CAPTURED),
    "curved_front": Family(curved_front, "captured front, curved", _CAPTURED),
    "two_fronts": Family(two_fronts, "two captured fronts", _CAPTURED),
    "front_at_corner": Family(front_at_corner, "captured front, corner only", _CAPTURED),
    "front_with_ripple": Family(front_with_ripple, "captured front, 1 % ripple", _CAPTURED),
}


def generate(family: str, dim: int, n: int, count: int, seed: int | Sequence[int], g: int = 2) -> np.ndarray:
    """Blocks of a family, the same for the same arguments.

    Parameters
    ----------
    family : str
        Key of `FAMILIES`.
    dim, n, g : int
        Dimension, cells per axis, ghosts per side.
    count : int
        Number of blocks.
    seed : int or sequence of int

    Returns
    -------
    float64 (count, nk, nj, ni)
        Ghosts filled.
    """
    numbers = [seed] if isinstance(seed, int) else list(seed)
    order = list(FAMILIES).index(family)
    return FAMILIES[family].make(Draw([*numbers, order, dim, n], dim, n, count, g))
