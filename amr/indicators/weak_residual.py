"""Weak local residual of a trial step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from amr.indicators.base import Thresholds
from amr.indicators.trial import (
    TrialIndicator,
    conserved_scales,
    difference,
    evolved,
    fluxes,
    layers,
    pieces,
    primitives,
    scaled,
    trimmed,
)

if TYPE_CHECKING:
    from amr.scheme.trial import Trial


class WeakResidualParameters(Thresholds):
    """Thresholds as fractions of the variables' ranges."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 1e-3, 1e-4


class WeakResidual(TrialIndicator):
    """``|R| h / (speed S)``, R the residual of the weak form of u_t + div f = 0 over a trial step, per volume and time.

    The numerical solution, interpolated linearly between cell centres and from time to time, is put into ``-integral
    of (u phi_t + f phi_x)`` with a test function phi = hat(x) box(t): 1 at a cell's centre, falling to 0 at its
    neighbours', constant in time over the step and 0 outside it. Box edges leave the two states, the slopes of the
    hat, -/+ 1/h, the fluxes:

        E = h/6 [d_-1 + 4 d_0 + d_+1] + dt/4 [(f_+1 - f_-1) + (f_+1 - f_-1)_new],   d = u_new - u,   R = E / (h dt).

    (Integrals of products of two hats are h/6, 4h/6, h/6; the time integral is the trapezoidal rule.) With several
    axes phi is the product of hats, and sums over the other axes of a flux have the weights 1/6, 4/6, 1/6, too. The
    three-level form of the references has a hat in time and needs two old states; this one needs none. S is the range
    of a conserved variable over the domain, vectors as one; the value of a cell is the largest over the conserved
    variables.

    R of an exact smooth solution is O(h^2); that of a limited scheme falls more slowly at extrema. A contact's falls
    a little, a shock's R grows as 1/h, so that the value stays. Blind to a wave that the limiter has flattened.

    References
    ---------- S. Karni, A. Kurganov, G. Petrova, J. Comput. Phys. 178 (2002) 323, doi:10.1006/jcph.2002.7024; A.
    Kurganov, Y. Liu, J. Comput. Phys. 231 (2012) 8114.
    """

    name = "weak_residual"
    Parameters = WeakResidualParameters

    def evaluate(self, trial: Trial) -> np.ndarray:
        """See `TrialIndicator.evaluate`."""
        scales = conserved_scales(self.physics, trial)
        values = np.empty((len(trial.u), trial.layout.cells))
        for piece in pieces(trial):
            residual = self.residual(trial, piece)
            largest = np.zeros(residual.shape[1:])
            for v in evolved(self.physics):
                np.maximum(largest, scaled(residual[v], float(scales[v])), out=largest)
            values[piece] = largest.reshape(-1, trial.layout.cells) * trial.cell_time[piece, None]
        return values

    def residual(self, trial: Trial, blocks: slice) -> np.ndarray:
        """R of the interior cells of some blocks, float64 (n_var, n_block, nk, nj, ni). Not collective."""
        physics, layout = self.physics, trial.layout
        u, u_new = trial.u[blocks], trial.u_new[blocks]
        before, after = (primitives(physics, layout, each) for each in (u, u_new))
        rate = np.moveaxis(trimmed(layout, u_new, 1) - trimmed(layout, u, 1), 1, 0) / trial.dt
        rate = averaged(rate, range(physics.dim))
        outflow = np.zeros_like(rate)
        for axis in range(physics.dim):
            flow = trimmed(layout, fluxes(physics, before, axis), 1) + trimmed(layout, fluxes(physics, after, axis), 1)
            others = [a for a in range(physics.dim) if a != axis]
            outflow += (
                averaged(difference(flow, axis), others) * (0.5 / trial.spacing[blocks, axis])[:, None, None, None]
            )
        return rate + outflow


def averaged(values: np.ndarray, axes: range | list[int]) -> np.ndarray:
    """Weights 1/6, 4/6, 1/6 along each of some axes (0: x), which lose their outer layers.

    x and y are taken in both orders, so that data with x and y exchanged give the same bits.
    """
    chosen = list(axes)
    if 0 in chosen and 1 in chosen:
        values = 0.5 * (_average(_average(values, 0), 1) + _average(_average(values, 1), 0))
        chosen = [axis for axis in chosen if axis > 1]
    for axis in chosen:
        values = _average(values, axis)
    return values


def _average(values: np.ndarray, axis: int) -> np.ndarray:
    lower, centre, upper = layers(values, axis)
    result = lower + upper
    result += 4 * centre
    result /= 6
    return result
