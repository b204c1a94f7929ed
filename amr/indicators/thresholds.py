"""Marking: above which value a block counts as hot. One threshold per leaf, whoever owns it.

Values are *in units of* ``refine``: 1 is an indicator's own threshold (csrc/leaf_state.h). Each rank has those of its own
leaves; what depends on all of them is reduced or gathered. Sums are exactly rounded, so that neither the number of ranks nor
a mirrored or transposed mesh changes a bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import CaseError
from amr.indicators.marking import Region, overlap

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.indicators.decision import BlocksOfRank
    from amr.mesh.geometry import Geometry
    from amr.mesh.tree import Forest

#: How block values become thresholds.
MARKINGS = ("absolute", "maximum", "bulk")
#: "maximum" and "bulk" leave alone what is below this fraction of ``refine``: on a constant state they would refine round-off.
LEAST = 0.01
#: A cell budget raises the thresholds by this factor until the mesh fits.
RAISE = 1.25
#: ``target_error``: the estimate is steered to this fraction of it, at most by a factor of 2 per regrid.
AIM, DAMPING, MOST_CHANGE = 0.7, 0.5, 2.0
#: Bounds of the steered multiplier.
LOWEST, HIGHEST = 1e-4, 1e4


@dataclass(frozen=True)
class Marking:
    """Strategy of marking.

    Parameters
    ----------
    name : str
        "absolute": hot above ``refine``. "maximum": above ``theta`` times the largest value. "bulk": the smallest set of leaves
        that holds the fraction ``theta`` of the sum of value^2 volume.
    theta : float
        Between 0 and 1.
    max_leaves : int, optional
        Cell budget: thresholds are raised until the marked mesh has no more leaves than this.
    level_factors : sequence of float
        Multipliers of the thresholds of level 0, 1, ...; the last one counts for all deeper levels.
    target_error : float, optional
        The thresholds are steered so that the *estimated* L1 error per volume, in units of the variables' ranges, is below it.

    References
    ----------
    W. Dörfler, A convergent adaptive algorithm for Poisson's equation, SIAM J. Numer. Anal. 33 (1996) 1106,
    doi:10.1137/0733054 (bulk).
    """

    name: str = "absolute"
    theta: float = 0.5
    max_leaves: int | None = None
    level_factors: Sequence[float] = ()
    target_error: float | None = None

    def check(self) -> None:
        """CaseError, one line per fault, unless the options go together."""
        faults = []
        if self.name not in MARKINGS:
            faults.append(f"marking: {self.name!r} is none of {', '.join(MARKINGS)}")
        if not 0 < self.theta < 1:
            faults.append(f"theta: {self.theta:g} must be between 0 and 1")
        if any(not factor > 0 for factor in self.level_factors):
            faults.append("level_factors: must be > 0")
        if self.target_error is not None and self.name != "absolute":
            faults.append(f'target_error: sets the threshold itself, needs marking = "absolute", not "{self.name}"')
        if faults:
            raise CaseError("\n".join(faults))


ABSOLUTE = Marking()


@dataclass
class ThresholdState:
    """What marking carries from regrid to regrid; belongs to a checkpoint.

    Attributes
    ----------
    multiplier : float
        Of all thresholds, steered by ``target_error``; else 1.
    raised : int
        Regrids in which the cell budget raised the thresholds.
    highest : float
        Largest factor by which it raised them.
    error_estimate : float, optional
        Estimated L1 error per volume at the last regrid, in units of the variables' ranges; None without an error indicator.
    """

    multiplier: float = 1.0
    raised: int = 0
    highest: float = 1.0
    error_estimate: float | None = None

    def to_meta(self) -> dict[str, Any]:
        """As plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> ThresholdState:
        """What `to_meta` gave."""
        return cls(**meta)


def leaf_factors(
    mesh: BlocksOfRank, geometry: Geometry, level_factors: Sequence[float] = (), regions: Sequence[Region] = ()
) -> np.ndarray:
    """Multiplier of each local leaf's thresholds, float64 (n_block,): its level's times those of all regions it overlaps."""
    factor = np.ones(len(mesh.level))
    if level_factors:
        last = len(level_factors) - 1
        factor *= np.asarray(level_factors, dtype=float)[np.minimum(mesh.level, last)]
    for region in regions:
        if region.factor != 1:
            own = np.arange(mesh.leaves.start, mesh.leaves.stop)
            factor[overlap(mesh.forest, geometry, region, own) - mesh.leaves.start] *= region.factor
    return factor


def bulk_threshold(value: np.ndarray, theta: float) -> float:
    """Threshold that the smallest set with ``sum value^2 >= theta sum of all value^2`` is above; equal values go together.

    It lies half way to the largest value outside the set, so that rounding in what is compared with it decides nothing.

    Parameters
    ----------
    value : float64 (n,)
        At least 0; for sums weighted with volume, times the square root of it.
    theta : float
    """
    falling = np.sort(value[np.isfinite(value)])[::-1]
    if len(falling) == 0 or falling[0] <= 0:
        return 0.0
    square = (falling / falling[0]) ** 2
    enough = theta * math.fsum(square)
    # Sorted, the summands come in the same order whatever the order of the leaves.
    n = int(np.searchsorted(np.cumsum(square), enough)) + 1
    n = min(n, len(falling))
    inside = float(falling[n - 1])
    outside = falling[falling < inside]
    return 0.5 * (inside + float(outside[0])) if len(outside) else 0.0


def n_leaves_after(forest: Forest, flags: np.ndarray) -> int:
    """Leaves of the mesh that balanced ``flags`` (n_leaves,) lead to."""
    children = 2**forest.dim
    n_refine, n_coarsen = int((flags > 0).sum()), int((flags < 0).sum())
    return forest.n_leaves + (children - 1) * (n_refine - n_coarsen // children)


def raise_to_fit(leaves_at: Callable[[float], int], max_leaves: int, highest: float) -> float:
    """Smallest power of 1.25 at which the marked mesh has at most ``max_leaves`` leaves.

    Parameters
    ----------
    leaves_at : callable
        Leaves of the mesh that thresholds times a factor lead to.
    max_leaves : int
    highest : float
        Factor beyond which raising changes nothing; the last power tried is at least this.
    """
    factor = 1.0
    while leaves_at(factor) > max_leaves and factor < highest:
        factor *= RAISE
    return factor


def steer(multiplier: float, estimate: float, target: float, refinable: float, top: float) -> float:
    """Multiplier of the thresholds for the next meshes, from the error estimated on this one.

    Unchanged while the estimate is within 0.5..1 of the target; else times ``(0.7 target / estimate)^0.5``, within 0.5..2: an
    estimate goes about linearly with the threshold, and half the correction per regrid is damped.

    Parameters
    ----------
    multiplier, estimate, target : float
    refinable : float
        What the leaves that may still be refined contribute to the estimate. Below a tenth of it the thresholds are not lowered
        any more: the finest level holds the error.
    top : float
        Largest value of a leaf: above twice that, nothing is hot and raising is of no use.
    """
    if 0.5 * target <= estimate <= target or (estimate > target and refinable < 0.1 * estimate):
        return multiplier
    change = MOST_CHANGE if estimate <= 0 else (AIM * target / estimate) ** DAMPING
    change = min(max(change, 1 / MOST_CHANGE), MOST_CHANGE)
    if change > 1:
        return max(multiplier, min(multiplier * change, 2 * top, HIGHEST))
    return max(multiplier * change, LOWEST)


class ThresholdRule:
    """Thresholds of this rank's leaves by a `Marking`, and the state that they need.

    Parameters
    ----------
    marking : Marking
    regions : sequence of Region
    geometry : Geometry
    comm : Comm

    Attributes
    ----------
    state : ThresholdState

    Raises
    ------
    CaseError
        Options that do not go together.
    """

    def __init__(self, marking: Marking, regions: Sequence[Region], geometry: Geometry, comm: Comm) -> None:
        marking.check()
        self.marking, self.regions, self.geometry, self.comm = marking, tuple(regions), geometry, comm
        self.state = ThresholdState()

    def first(self, mesh: BlocksOfRank) -> np.ndarray:
        """Thresholds to evaluate the indicators with, float64 (n_block,), before their values are known. Not collective.

        They are final with "absolute" and no ``target_error``. Otherwise the masks of what is near hot cells have to be made
        again once `choose` has said the final ones: thresholds of the last regrid would make the mesh lag behind the flow and
        depend on when regrids were.
        """
        return self.state.multiplier * leaf_factors(mesh, self.geometry, self.marking.level_factors, self.regions)

    def limits(self, refine: np.ndarray, coarsen: np.ndarray, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What makes a leaf hot, and what it must not exceed to be looked at on its parent's cells, of each leaf and column."""
        hot = refine * threshold[:, None]
        # A budget may raise the thresholds by more than is known yet.
        return hot, hot if self.marking.max_leaves is not None else coarsen * threshold[:, None]

    def choose(self, mesh: BlocksOfRank, first: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Final thresholds, float64 (n_block,), before the cell budget. Collective.

        Parameters
        ----------
        mesh : BlocksOfRank
        first : float64 (n_block,)
            What `first` gave.
        value : float64 (n_block,)
            In units of ``refine``.
        """
        marking = self.marking
        if marking.name == "absolute":
            return first
        if marking.name == "maximum":
            chosen = marking.theta * self._largest(value / first) * first
        else:
            # value sqrt(volume) in units of a root block's, so that it is a threshold on values that varies from level to level.
            weight = np.sqrt(np.ldexp(1.0, -mesh.forest.dim * mesh.level.astype(np.int32)))
            weighted = self.comm.allgatherv(value * weight / first, mesh.n_of_rank)
            chosen = bulk_threshold(weighted, marking.theta) * first / weight
        return np.maximum(chosen, LEAST)

    def follow_target(self, mesh: BlocksOfRank, error: np.ndarray, value: np.ndarray) -> None:
        """Note the estimated error and, with ``target_error``, steer the multiplier (before `first` is asked again). Collective.

        Parameters
        ----------
        mesh : BlocksOfRank
        error : float64 (n_block,)
            Estimated L1 error of each leaf per volume, in units of the variables' ranges.
        value : float64 (n_block,)
            In units of ``refine`` and of the leaf's factors.
        """
        forest = mesh.forest
        share = error * np.ldexp(1.0, -forest.dim * mesh.level.astype(np.int32)) / math.prod(forest.root_blocks)
        share = self.comm.allgatherv(share, mesh.n_of_rank)
        estimate = math.fsum(share)
        self.state.error_estimate = estimate
        if self.marking.target_error is not None:
            refinable = math.fsum(share[forest.level < forest.max_level])
            top = self._largest(value)
            self.state.multiplier = steer(self.state.multiplier, estimate, self.marking.target_error, refinable, top)

    def fit(self, leaves_at: Callable[[float], int], value: np.ndarray, threshold: np.ndarray, coarsen: float) -> float:
        """Factor by which the cell budget raises the thresholds (1: it fits); noted in ``state``. Collective.

        Parameters
        ----------
        leaves_at : callable
            Leaves of the mesh that ``threshold`` times a factor leads to; the same on every rank.
        value, threshold : float64 (n_block,)
            Largest of the indicators' values, and thresholds, in units of ``refine``.
        coarsen : float
            Least ratio of a ``coarsen`` to its ``refine``: raised beyond ``value / coarsen`` everything coarsens, and what is
            still too much is held by regions or balance.
        """
        assert self.marking.max_leaves is not None
        top, least = self.comm.allreduce_max([(value / threshold).max(initial=1.0), -coarsen]) * (1, -1)
        highest = float(top) / max(float(least), 1e-3)
        factor = raise_to_fit(leaves_at, self.marking.max_leaves, highest)
        if factor > 1:
            self.state.raised += 1
            self.state.highest = max(self.state.highest, factor)
            if self.marking.target_error is not None:
                self.state.multiplier *= factor  # or the target would lower it on and on
        return factor

    def _largest(self, value: np.ndarray) -> float:
        """Largest value of all leaves, at least 0 (collective)."""
        return float(self.comm.allreduce_max([value.max(initial=0.0)])[0])
