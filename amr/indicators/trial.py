"""What the indicators share that judge the scheme by a trial step from the present state (amr/scheme/trial.py).

They need no history, work at t = 0, and decide the same after a restart. All blocks at once, in NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amr._kernels.physics import flux
from amr.indicators.cells import FamilyIndicator
from amr.indicators.fields import ROUND_OFF, Fields

if TYPE_CHECKING:
    from amr.mesh.pool import Layout
    from amr.physics.base import Physics
    from amr.scheme.trial import Trial


#: Bytes of the conserved variables of the blocks that are looked at together.
PIECE = 1 << 18


class TrialIndicator(FamilyIndicator):
    """An indicator with a value per cell, from a trial step.

    Attributes
    ----------
    needs_coarse : bool
        Whether it compares with a step on half the cells.
    """

    needs_coarse: ClassVar[bool] = False

    def evaluate(self, trial: Trial) -> np.ndarray:
        """Values of the cells of all local blocks, float64 (n_block, n^dim). Collective (small reductions)."""
        raise TypeError(f"{type(self).__name__} must say its values")

    def error_share(self, trial: Trial, values: np.ndarray) -> np.ndarray:
        """Estimated L1 error at the end of the run per volume of each local block, (n_block,); if it `estimates_error`."""
        raise TypeError(f"{type(self).__name__} does not estimate the error")


def evolved(physics: Physics) -> list[int]:
    """Conserved variables that have a flux."""
    return [v for v in range(physics.n_var) if v not in physics.static]


def primitives(physics: Physics, layout: Layout, u: np.ndarray) -> np.ndarray:
    """Primitive variables (n_var, n_block, nk, nj, ni) of a pool, ghosts included."""
    fields = Fields(physics, layout, range(physics.n_var))
    fields.load(u)
    return fields.w


def fluxes(physics: Physics, w: np.ndarray, axis: int) -> np.ndarray:
    """Physical flux along an axis of primitive variables (n_var, ...), in the same shape."""
    return flux(physics.spec, axis, w.reshape(len(w), -1)).reshape(w.shape)


def trimmed(layout: Layout, values: np.ndarray, ghosts: int) -> np.ndarray:
    """View of ``values`` (..., nk, nj, ni) with that many ghost layers left on the active axes."""
    spans = zip(layout.ghost[::-1], layout.extent[::-1], strict=True)
    cut: list[Any] = [slice(g - ghosts, e - g + ghosts) if g else slice(None) for g, e in spans]
    return values[(Ellipsis, *cut)]


def layers(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Views of v[-1], v and v[+1] along axis 0 (x), 1 or 2, but for that axis' outer layers."""
    n = values.shape[-1 - axis]
    after = (slice(None),) * axis
    cuts: list[Any] = [slice(s, n - 2 + s) for s in range(3)]
    lower, centre, upper = (values[(Ellipsis, cut, *after)] for cut in cuts)
    return lower, centre, upper


def difference(values: np.ndarray, axis: int) -> np.ndarray:
    """``(v[+1] - v[-1]) / 2`` along axis 0 (x), 1 or 2; that axis loses its outer layers."""
    lower, _, upper = layers(values, axis)
    result = upper - lower
    result *= 0.5
    return result


def pieces(trial: Trial) -> Iterator[slice]:
    """Slices of the local blocks, a few at a time: what NumPy makes of them stays in the cache."""
    size = max(1, PIECE // trial.u[:1].nbytes) if len(trial.u) else 1
    for first in range(0, len(trial.u), size):
        yield slice(first, min(first + size, len(trial.u)))


class Extremes:
    """Lowest and highest value over the interior cells of some fields, in pieces.

    Attributes
    ----------
    low, high : float64 (m,)
    """

    def __init__(self, trial: Trial, m: int) -> None:
        self._trial = trial
        self.low, self.high = np.full(m, np.inf), np.full(m, -np.inf)

    def add(self, first: int, values: np.ndarray) -> None:
        """Take some blocks of the fields from ``first`` on, (k, n_block, nk, nj, ni)."""
        inner = trimmed(self._trial.layout, values, 0)
        rows, axes = slice(first, first + len(values)), tuple(range(1, inner.ndim))
        self.low[rows] = np.minimum(self.low[rows], inner.min(axis=axes, initial=np.inf))
        self.high[rows] = np.maximum(self.high[rows], inner.max(axis=axes, initial=-np.inf))

    def reduce(self) -> None:
        """Over all ranks (collective)."""
        m = len(self.low)
        found = self._trial.comm.allreduce_max(np.concatenate([self.high, -self.low]))
        self.low, self.high = -found[m:], found[:m]

    @property
    def magnitude(self) -> np.ndarray:
        """Largest absolute value, (m,)."""
        return np.maximum(self.high, -self.low)


def conserved_scales(physics: Physics, trial: Trial) -> np.ndarray:
    """What differences of the conserved variables are measured by, float64 (n_var,). Collective.

    The range over the domain, before and after the step, or that of a flux over the fastest speed where it is larger:
    of momentum that is only about to be made. Vectors as one. At least 1e-10 of the magnitudes, so that round-off is not
    looked at through a magnifying glass.
    """
    n = physics.n_var
    found = Extremes(trial, n * (1 + physics.dim))
    for piece in pieces(trial):
        w = primitives(physics, trial.layout, trial.u[piece])
        for u in (trial.u, trial.u_new):
            found.add(0, np.moveaxis(u[piece], 1, 0))
        for axis in range(physics.dim):
            found.add(n * (1 + axis), fluxes(physics, w, axis))
    found.reduce()
    spans, magnitudes = (each.reshape(-1, n) for each in (found.high - found.low, found.magnitude))
    span = np.maximum(spans[0], over_speed(spans[1:].max(axis=0), trial))
    floor = np.maximum(magnitudes[0], over_speed(magnitudes[1:].max(axis=0), trial))
    for group in map(list, physics.conserved_vectors.values()):
        span[group], floor[group] = span[group].max(), floor[group].max()
    return np.maximum(span, ROUND_OFF * floor)


def over_speed(flow: np.ndarray, trial: Trial) -> np.ndarray:
    """Fluxes over the fastest speed; 0 where nothing moves."""
    return flow / trial.speed if trial.speed > 0 else np.zeros_like(flow)


def scaled(values: np.ndarray, scale: float) -> np.ndarray:
    """``|values| / scale``; 0 where the scale is."""
    return np.abs(values) / scale if scale > 0 else np.zeros_like(values)
