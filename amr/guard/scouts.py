"""Scouts: walkers that start at outlying samples and climb towards what the samples just miss.

A narrow feature has a tail: far outside its core a sample deviates by little, but by more than its neighbours do. Walkers start
there and follow the gradient of log|f - reconstruction|, which does not fade with the tail (the logarithm of a Gaussian is a
parabola), with Langevin noise against local bumps. A feature without a tail that is thinner than a stratum is found by luck only:
`miss_probability`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from amr.guard import random
from amr.guard.nodes import N_JITTER
from amr.guard.reconstruct import TRUST_AT_RIM, coefficients, reconstruct_at, terms, trust

if TYPE_CHECKING:
    from amr.guard.counted import CountedFunction

N_SEEDS, N_STEPS = 6, 14
OUTLIER = 10.0
"""A sample is a seed when it deviates by so many times the median."""
ROUND_OFF = 1e-12
"""Deviations below that part of a variable's range are not climbed."""
_FIRST_STEP, _LAST_STEP, _GROW, _SHRINK = 0.25, 1e-3, 1.4, 0.5  # in cells
_NOISE, _DIFFERENCE = 0.3, 0.1


# ---- what jittered points miss ----------------------------------------------------------------------------------------------


def miss_probability(width: float, stratum: float, rounds: int = 1, dim: int = 1) -> float:
    """Chance that a feature lies between the jittered points of all rounds.

    Parameters
    ----------
    width : float
        Of the feature; in 2D and 3D the side of a square or cube of its area or volume.
    stratum : float
        What one point stands for: the cell's width over the points in it (their dim-th root).
    rounds : int
        Independent sets of points.
    dim : int

    Returns
    -------
    float
        In 1D exact for one uniform point per stratum: 1 - r + r^3/6, (2 - r)^3/6, 0 with r = width/stratum <= 1, <= 2, > 2. In 2D
        and 3D the bound exp(-r^dim) for any shape and independent strata.
    """
    ratio = width / stratum
    if dim > 1:
        return exp(-rounds * ratio**dim)
    if ratio >= 2:
        return 0.0
    return (1 - ratio + ratio**3 / 6 if ratio <= 1 else (2 - ratio) ** 3 / 6) ** rounds


def scout_width_99(spacing: float, dim: int, rounds: int = 1, points: int | None = None) -> float:
    """Width of the narrowest feature without a tail that the jittered ``points`` (those of an initial state by default) of cells
    of that size find 99 times in 100."""
    stratum = spacing / (points or N_JITTER[dim]) ** (1 / dim)
    if dim > 1:
        return stratum * (log(100.0) / rounds) ** (1 / dim)
    low, high = 0.0, 2.0 * stratum
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if miss_probability(middle, stratum, rounds) > 0.01 else (low, middle)
    return high


# ---- walkers -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """The largest deviation that walkers found in each block, in units of the variables' scales, and where.

    Attributes
    ----------
    deviation : float64 (n_block,)
        0 where none walked.
    place : float64 (dim, n_block)
        In cells from the block's corner.
    """

    deviation: np.ndarray
    place: np.ndarray


def find_seeds(jitter: np.ndarray, every: np.ndarray, is_quiet: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples that stand out in blocks that are not alarmed.

    Parameters
    ----------
    jitter : float64 (n_block, n_cell, n_jitter)
        Deviations of the jittered points, in units of the scales.
    every : float64 (n_block, n_cell, n_point)
        Those of all points.
    is_quiet : bool (n_block,)

    Returns
    -------
    sample, block : int (m,)
        Number of the sample in its block, and the block: at most `N_SEEDS` of each.
    """
    quiet = np.flatnonzero(is_quiet)
    flat = every[quiet].reshape(len(quiet), every[0].size)
    limit = np.maximum(OUTLIER * np.median(jitter[quiet].reshape(len(quiet), jitter[0].size), axis=1), ROUND_OFF)
    rows = np.flatnonzero(flat.max(axis=1, initial=0.0) > limit)
    flat, limit = flat[rows], limit[rows]
    top = np.argpartition(flat, -N_SEEDS, axis=1)[:, -N_SEEDS:] if len(rows) else np.empty((0, N_SEEDS), dtype=np.int64)
    top.sort(axis=1)
    is_seed = np.take_along_axis(flat, top, axis=1) > limit[:, None]
    return top[is_seed], np.repeat(quiet[rows], is_seed.sum(axis=1))


def walk(
    sampled: CountedFunction,
    averages: np.ndarray,
    scale: np.ndarray,
    level: np.ndarray,
    coords: np.ndarray,
    seeds: np.ndarray,
) -> Walk:
    """Let all walkers of all blocks climb together. Not collective.

    Parameters
    ----------
    sampled : CountedFunction
    averages : float64 (n_block, n_var, n, ..., n)
    scale : float64 (n_var,)
    level : int (n_block,), coords : int (n_block, 3)
    seeds : float64 (1 + dim, m)
        Block and place of each walker. It stays in its block.
    """
    walkers = _Walkers(sampled, averages, 1.0 / scale, level, coords, seeds)
    best = np.zeros(len(level))
    place = np.zeros((sampled.dim, len(level)))
    for step in range(N_STEPS):
        walkers.climb(step)
        order = np.argsort(walkers.value, kind="stable")  # of several walkers of a block the last entry stays
        block = walkers.block[order]
        is_better = walkers.value[order] > best[block]
        order, block = order[is_better], block[is_better]
        best[block], place[:, block] = walkers.value[order], walkers.x[:, order]
        walkers.keep((walkers.step >= _LAST_STEP) & (best[walkers.block] <= 0.5 * sampled.tolerance))
        if not len(walkers.block):
            break
    return Walk(best, place)


class _Walkers:
    """The walkers that still walk."""

    def __init__(
        self,
        sampled: CountedFunction,
        averages: np.ndarray,
        inverse: np.ndarray,
        level: np.ndarray,
        coords: np.ndarray,
        seeds: np.ndarray,
    ) -> None:
        self._sampled, self._averages, self._inverse = sampled, averages, inverse
        self._level, self._origin = level, np.asarray(coords, np.int64)[:, : sampled.dim].T * sampled.n
        self.block, self.x = seeds[0].astype(np.int64), seeds[1:].copy()
        self.step = np.full(len(self.block), _FIRST_STEP)
        # Noise and differences know the mirrors of the domain, as the jittered points do.
        cell = self._origin[:, self.block] + np.minimum(np.floor(self.x), sampled.n - 1).astype(np.int64)
        fold = sampled.lattice.fold(level[self.block], cell)
        self._state = random.combine(sampled.lattice.hash(level[self.block], fold.index), N_STEPS)
        self._sign, self._is_swapped = np.where(fold.is_upper, -1.0, 1.0), fold.is_swapped
        self.value = self._deviation(self.x, np.arange(len(self.block)))
        self._direction = self._gradient(np.arange(len(self.block)))

    def climb(self, step: int) -> None:
        """One trial step of each walker."""
        dim, m = len(self.x), len(self.block)
        numbers = random.uniform(self._state, dim + 1, first=step * (dim + 1))
        noise = np.sqrt(3.0) * (2.0 * numbers[:dim] - 1.0)
        if dim == 2:
            noise[:, self._is_swapped] = noise[::-1, self._is_swapped]
        trial = self.x + self.step * (self._direction + _NOISE * self._sign * noise)
        trial = np.clip(trial, 0.0, self._sampled.n)
        value = self._deviation(trial, np.arange(m))
        moved = value > numbers[dim] * self.value
        self.x[:, moved], self.value[moved] = trial[:, moved], value[moved]
        self.step *= np.where(moved, _GROW, _SHRINK)
        self._direction[:, moved] = self._gradient(np.flatnonzero(moved))

    def keep(self, which: np.ndarray) -> None:
        """Only those go on."""
        self.block, self.x, self.step, self.value = (
            self.block[which],
            self.x[:, which],
            self.step[which],
            self.value[which],
        )
        self._state, self._sign = self._state[which], self._sign[:, which]
        self._is_swapped, self._direction = self._is_swapped[which], self._direction[:, which]

    def _deviation(self, x: np.ndarray, who: np.ndarray) -> np.ndarray:
        """|f - reconstruction| of the worst variable at places x (dim, m) of the walkers' blocks."""
        block = self.block[who]
        points = self._sampled.lattice.points(self._level[block], self._origin[:, block], x)
        residual = self._sampled.function(points) - reconstruct_at(self._averages, block, x)
        is_at_rim = ((x < 1) | (x >= self._sampled.n - 1)).any(axis=0)
        return (np.abs(residual) * self._inverse[:, None]).max(axis=0) * np.where(is_at_rim, TRUST_AT_RIM, 1.0)

    def _gradient(self, who: np.ndarray) -> np.ndarray:
        """Unit vectors (dim, m) along the gradient of the logarithm of the deviation; 0 where that is flat."""
        dim = len(self.x)
        x, value = self.x[:, who], np.maximum(self.value[who], 1e-300)
        difference = self._sign[:, who] * _DIFFERENCE * self.step[who]
        # Backwards at the rim: the walker stays in its block.
        ahead = x + difference
        difference = np.where((ahead < 0) | (ahead > self._sampled.n), -difference, difference)
        gradient = np.empty_like(x)
        for a in range(dim):
            near = x.copy()
            near[a] += difference[a]
            change = np.log(np.maximum(self._deviation(near, who), 1e-300) / value)
            gradient[a] = change / difference[a]
        length = np.sqrt((gradient * gradient).sum(axis=0))
        return gradient / np.where(length > 0, length, 1.0)


# ---- sources and boundary functions ------------------------------------------------------------------------------------------


def probe(found: np.ndarray, values: np.ndarray, t: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Test a function of place at one or more points in each cell against what the mesh sees of it. Not collective.

    For a source the cells are those of blocks; for a boundary function the ghost cells of a side, one dimension lower.

    Parameters
    ----------
    found : float64 (n_field, n_block, n_cell, n_point)
        The function at the points.
    values : float64 (n_block, n_field, n, ..., n)
        What the mesh sees: one value per cell and field, at its centre; as many cell axes as ``t`` has rows, x last.
    t : float64 (dim, n_block, n_cell, n_point)
        The points, in [0, 1]^dim of each cell.
    scale : float64 (n_field,)
        What deviations are measured by; a field with 0 is left out.

    Returns
    -------
    float64 (n_block,)
        Largest deviation from the quadratic through the values, in units of the scales; it counts half at a block's rim.
    """
    dim = len(t)
    weight = terms(t - 0.5)
    trusted = trust(values.shape[-1], dim)[:, None]
    worst = np.zeros(len(values))
    for field in np.flatnonzero(scale > 0):
        c = coefficients(values[:, field], dim)
        residual = trusted * np.abs(np.einsum("btc,tbcp->bcp", c, weight) - found[field])
        worst = np.maximum(worst, residual.reshape(len(values), -1).max(axis=1) / scale[field])
    return worst
