"""Zoom: what it is that alarmed a block, and the level that would resolve it.

Lines of points through the worst sample, finer from line to line. A fixed spacing would be fooled by a wave of that length as the
mesh was; so the spacing has a random factor, and two lines in a row must be smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from amr.guard import random

if TYPE_CHECKING:
    from amr.guard.counted import CountedFunction

RESOLVABLE, DISCONTINUITY, NOISE = 0, 1, 2
N_POINTS, MOST_EVALUATIONS = 20, 200
_SMALLEST_FACTOR = 0.62
_LAST_LINES, _MOST_OF_THEM = 5, 3
_CLEAN = 0.15
# |third difference| of a line over the deviation that it means at the rim of a block: 1/4 of it, which counts half.
_RIM = 8.0


@dataclass(frozen=True)
class Zoomed:
    """What the worst samples of some blocks belong to.

    Attributes
    ----------
    kind : int8 (m,)
        `RESOLVABLE`, `DISCONTINUITY` or `NOISE`.
    level : int64 (m,)
        That would resolve it; -1 unless it is resolvable.
    """

    kind: np.ndarray
    level: np.ndarray


def look(
    sampled: CountedFunction, scale: np.ndarray, level: np.ndarray, coords: np.ndarray, place: np.ndarray
) -> Zoomed:
    """Zoom in on one place of each of some blocks, at most `MOST_EVALUATIONS` points a block. Not collective.

    Parameters
    ----------
    sampled : CountedFunction
    scale : float64 (n_var,)
        What differences are measured by.
    level : int (m,), coords : int (m, 3)
        Of the blocks.
    place : float64 (dim, m)
        In cells from the block's corner.
    """
    dim, m = sampled.dim, len(level)
    if not m:
        return Zoomed(np.empty(0, np.int8), np.empty(0, np.int64))
    index = np.asarray(coords, np.int64)[:, :dim].T * sampled.n
    lines = _Lines(sampled, scale, level, index, place)
    depth = MOST_EVALUATIONS // N_POINTS - dim + 1
    smooth_before = np.zeros(m, dtype=bool)
    found = np.full(m, -1, dtype=np.int64)
    jumps = np.zeros((depth, m), dtype=bool)
    for z in range(depth):
        who = np.flatnonzero(found < 0)
        if not len(who):
            break
        is_smooth, is_jump = lines.draw(z, who)
        jumps[z, who] = is_jump
        done = who[is_smooth & smooth_before[who]]
        found[done] = np.maximum(level[done] + z - 1, level[done] + 1)
        smooth_before[who] = is_smooth
    is_jump = jumps[-_LAST_LINES:].sum(axis=0) >= _MOST_OF_THEM
    kind = np.where(found >= 0, RESOLVABLE, np.where(is_jump, DISCONTINUITY, NOISE)).astype(np.int8)
    return Zoomed(kind, found)


class _Lines:
    """The lines through the places, one per block, along the axis on which there is most to see."""

    def __init__(
        self, sampled: CountedFunction, scale: np.ndarray, level: np.ndarray, index: np.ndarray, place: np.ndarray
    ) -> None:
        self._sampled, self._inverse = sampled, 1.0 / scale
        lattice = sampled.lattice
        self._h = lattice.spacing(level)
        self._centre = lattice.points(level, index, place)
        self._lower, self._upper = sampled.geometry.lower[: sampled.dim], sampled.geometry.upper[: sampled.dim]
        cell = index + np.minimum(np.floor(place), sampled.n - 1).astype(np.int64)
        self._state = random.combine(lattice.hash(level, lattice.fold(level, cell).index), NOISE)
        self._axis = np.zeros(len(level), dtype=np.int64)

    def draw(self, z: int, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lines of spacing h 2^-z and a random factor, recentred for the next; whether each is smooth, or shows a jump."""
        factor = _SMALLEST_FACTOR + (1 - _SMALLEST_FACTOR) * random.uniform_pair(self._state[who], z)[0]
        if z == 0:
            along = [self._evaluate(np.full(len(who), a), factor, who) for a in range(self._sampled.dim)]
            self._axis[who] = np.argmax([np.abs(np.diff(v, 2)).max(axis=-1) for _, v in along], axis=0)
            rows = np.arange(len(who))
            x = np.stack([x for x, _ in along])[self._axis[who], rows]
            value = np.stack([v for _, v in along])[self._axis[who], rows]
        else:
            x, value = self._evaluate(self._axis[who], factor * 2.0**-z, who)
        bend = np.abs(np.diff(value, 2))
        self._centre[self._axis[who], who] = np.take_along_axis(x, bend.argmax(axis=-1)[:, None] + 1, axis=-1)[:, 0]
        is_smooth = np.abs(np.diff(value, 3)).max(axis=-1) <= 0.5 * _RIM * self._sampled.tolerance
        is_jump = np.median(bend, axis=-1) < _CLEAN * bend.max(axis=-1)
        return is_smooth, ~is_smooth & is_jump

    def _evaluate(self, axis: np.ndarray, factor: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions along the axis (m, N_POINTS), within the domain, and the values of the variable that bends most there."""
        low, high = self._lower[axis], self._upper[axis]
        # A line longer than the domain is squeezed: outside the function may not be defined.
        spacing = np.minimum(self._h[axis, who] * factor, (high - low) / N_POINTS)
        centre = self._centre[axis, who]
        half = N_POINTS // 2
        centre = np.clip(centre, low + half * spacing, high - (N_POINTS - half) * spacing)
        x = centre[:, None] + (np.arange(N_POINTS) - half) * spacing[:, None]
        points = np.repeat(self._centre[:, who, None], N_POINTS, axis=2)
        points[axis, np.arange(len(who))] = x
        value = self._sampled.function(points) * self._inverse[:, None, None]
        worst = np.abs(np.diff(value, 2)).max(axis=-1).argmax(axis=0)
        return x, value[worst, np.arange(len(who))]
