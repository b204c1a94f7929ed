"""How sharply nuclei read a morphogen gradient: the error of the boundaries between fates against the number of nuclei."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from amr.case import Case
from amr.errors import CaseError
from amr.problems.morphogen import Morphogen
from amr.simulation import Simulation

_THRESHOLDS = 2001
_REACH = (1.0, 5.0)  # of the boundaries from the source, in lengths of the gradient


@dataclass(frozen=True)
class Gradient:
    """A steady gradient along x: centres and values (n,) of the cells, and its exact length and amplitude."""

    x: np.ndarray
    value: np.ndarray
    length: float
    amplitude: float
    lower: float
    upper: float

    def read(self, place: np.ndarray) -> np.ndarray:
        """Concentration at places (m,): the logarithm between the cells' centres is linear, which is exact for an exponential."""
        return np.exp(np.interp(place, self.x, np.log(np.maximum(self.value, 1e-300))))

    def exact(self, place: np.ndarray) -> np.ndarray:
        """The exact concentration at places (m,)."""
        return self.amplitude * np.exp(-(place - self.lower) / self.length)


def steady(case: Case) -> Gradient:
    """Run a case with problem morphogen in 1D, on one rank, to its end.

    Raises
    ------
    CaseError
        Another problem, or more dimensions.
    """
    problem = case.problem
    if not isinstance(problem, Morphogen) or case.mesh.dim != 1:
        raise CaseError("nuclei read the gradient of problem morphogen in 1D")
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        x = sim.mesh.cell_centers()[0].ravel()
        value = sim.pool.u[(slice(None), 0, *sim.layout.interior)].ravel().copy()
    return Gradient(x, value, problem.length, problem.amplitude, float(case.mesh.lower[0]), float(case.mesh.upper[0]))


def boundary_error(gradient: Gradient, read: Callable[[np.ndarray], np.ndarray], nuclei: int) -> float:
    """Root mean square of the distance of boundaries, halfway between two nuclei of different fate, from where they should be.

    Over thresholds whose boundaries lie evenly between one and five lengths of the gradient. An exact reading of n nuclei on an
    axis of length L gives the distance of a random point from the middle of its interval, L / (n sqrt(12)).
    """
    size = gradient.upper - gradient.lower
    place = gradient.lower + size * (np.arange(nuclei) + 0.5) / nuclei
    wanted = gradient.lower + gradient.length * np.linspace(*_REACH, _THRESHOLDS)
    above = read(place)[None, :] > gradient.exact(wanted)[:, None]
    found = gradient.lower + size * above.sum(axis=1) / nuclei
    return float(np.sqrt(((found - wanted) ** 2).mean()))


def sharpness(gradient: Gradient, counts: Sequence[int], is_exact: bool = False) -> list[float]:
    """`boundary_error` for each number of nuclei, of the gradient on its mesh or of the exact one."""
    return [boundary_error(gradient, gradient.exact if is_exact else gradient.read, n) for n in counts]
