"""Entropies of the equation sets, and entropy production as an indicator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from amr.indicators.base import Thresholds
from amr.indicators.fields import ROUND_OFF
from amr.indicators.trial import (
    Extremes,
    TrialIndicator,
    difference,
    layers,
    over_speed,
    pieces,
    primitives,
    scaled,
    trimmed,
)
from amr.physics.euler import GASES

if TYPE_CHECKING:
    from amr.physics.base import Physics
    from amr.scheme.trial import Trial


def entropy(physics: Physics, w: np.ndarray, reference: float = 0.0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Convex entropy and its fluxes along the axes, of primitive variables (n_var, ...): arrays (...).

    Euler: ``-density (s - reference) / (gamma - 1)`` with s = log(p / density^gamma), flux velocity times that.
    Shallow water: ``depth |v|^2 / 2 + g depth^2 / 2``, flux ``velocity (depth |v|^2 / 2 + g depth^2)``. Acoustics:
    the energy ``p^2 / (2 density c^2) + density |v|^2 / 2``, flux p velocity. Burgers: q^2 / 2, flux q^3 / 3.
    Advection: q^2 / 2, flux velocity times that.
    """
    velocity = [w[i] for i in physics.vectors.get("velocity", ())]
    if physics.name in GASES:
        gamma = physics.spec.params[0]
        eta = -w[0] * (specific_entropy(physics, w) - reference) / (gamma - 1)
        return eta, [v * eta for v in velocity]
    if physics.name == "shallow_water":
        motion = 0.5 * w[0] * _square(velocity)
        weight = physics.spec.params[0] * w[0] ** 2
        return motion + 0.5 * weight, [v * (motion + weight) for v in velocity]
    if physics.name == "acoustics":
        density, sound_speed = physics.spec.params[:2]
        eta = 0.5 * (w[0] ** 2 / (density * sound_speed**2) + density * _square(velocity))
        return eta, [v * w[0] for v in velocity]
    eta = 0.5 * w[0] ** 2
    if physics.name == "burgers":
        return eta, [w[0] ** 3 / 3] * physics.dim
    return eta, [v * eta for v in velocity or physics.spec.params[: physics.dim]]


def specific_entropy(physics: Physics, w: np.ndarray) -> np.ndarray:
    """log(p / density^gamma) of an ideal gas."""
    return np.log(w[physics.dim + 1]) - physics.spec.params[0] * np.log(w[0])


def _square(velocity: list[np.ndarray]) -> np.ndarray:
    return sum((v * v for v in velocity), np.zeros_like(velocity[0]))


class EntropyProductionParameters(Thresholds):
    """Thresholds as fractions of the entropy's range."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 4e-3, 4e-4


class EntropyProduction(TrialIndicator):
    """``|S| h / (speed range of entropy)``, S the entropy that a trial step produces.

    ``S = (eta_new - eta) / dt + sum over axes of (Psi[+1/2] - Psi[-1/2]) / h_axis``, Psi the mean of the entropy flux
    over the two cells of a face and the two times, ``h / speed`` what the fastest signal anywhere takes across a
    cell. Exact solutions that are smooth have S = 0; max |S| falls by 4 from level to level in smooth flow, hardly
    changes at a contact and doubles at a shock, so that the value falls by 8, by about 2, and stays. Blind to a wave
    that the limiter has flattened (three cells per wave: S is 0, and *grows* under refinement), and to what lies
    between the cells.

    References
    ----------
    G. Puppo, M. Semplice, Commun. Comput. Phys. 10 (2011) 1132, doi:10.4208/cicp.250909.210111a.
    """

    name = "entropy_production"
    Parameters = EntropyProductionParameters

    def evaluate(self, trial: Trial) -> np.ndarray:
        """See `TrialIndicator.evaluate`."""
        physics, reference = self.physics, self._reference(trial)
        found = Extremes(trial, 1 + physics.dim)
        values = np.empty((len(trial.u), trial.layout.cells))
        for piece in pieces(trial):
            before, after = (
                entropy(physics, primitives(physics, trial.layout, u[piece]), reference) for u in (trial.u, trial.u_new)
            )
            found.add(0, np.stack([before[0], *before[1]]))
            production = self.production(trial, piece, before, after)
            values[piece] = production.reshape(-1, trial.layout.cells) * trial.cell_time[piece, None]
        found.reduce()
        magnitude = found.magnitude
        floor = ROUND_OFF * max(float(magnitude[0]), float(over_speed(magnitude[1:], trial).max()))
        return scaled(values, max(float(found.high[0] - found.low[0]), floor))

    def _reference(self, trial: Trial) -> float:
        """Middle of the range of Euler's specific entropy: where it is 0 is a matter of units, and far from there errors of
        mass would count for entropy. 0 for other equations."""
        if self.physics.name not in GASES:
            return 0.0
        found = Extremes(trial, 1)
        for piece in pieces(trial):
            found.add(0, specific_entropy(self.physics, primitives(self.physics, trial.layout, trial.u[piece]))[None])
        found.reduce()
        return 0.5 * float(found.low[0] + found.high[0])

    @staticmethod
    def production(
        trial: Trial,
        blocks: slice,
        before: tuple[np.ndarray, list[np.ndarray]],
        after: tuple[np.ndarray, list[np.ndarray]],
    ) -> np.ndarray:
        """S of the interior cells of some blocks, (n_block, nk, nj, ni), from entropy and fluxes at both times."""
        layout = trial.layout
        outflow = np.zeros(trimmed(layout, before[0], 0).shape)
        for axis, (old, new) in enumerate(zip(before[1], after[1], strict=True)):
            change = difference(trimmed(layout, old, 1) + trimmed(layout, new, 1), axis)
            for other in range(layout.dim):
                if other != axis:
                    change = layers(change, other)[1]
            outflow += change * (0.5 / trial.spacing[blocks, axis])[:, None, None, None]
        return trimmed(layout, after[0] - before[0], 0) / trial.dt + outflow
