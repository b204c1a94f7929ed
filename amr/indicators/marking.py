"""From what is wanted of the leaves to flags: hysteresis, buffer, static regions, 2:1 balance. Serial, on all leaves at once.

Each rank says what its own leaves wish of all leaves, a byte of each; every rank computes the same from the wishes of all
ranks, combined. Nothing here is collective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import amr._kernels.mark as _c
from amr.errors import CaseError

if TYPE_CHECKING:
    from amr.mesh.geometry import Geometry
    from amr.mesh.tree import Forest


@dataclass(frozen=True)
class Region:
    """A box that is refined to at least ``level``.

    Blocks that overlap the box belong to it; sharing no more than a face with it does not count. An axis on which the box is
    flat (``lower == upper``) makes it a plane, a line or a point, and the blocks on both its sides belong to it.

    Parameters
    ----------
    lower, upper : sequence of float (dim,)
    level : int
    factor : float
        Multiplier of all thresholds of the blocks of the box.
    """

    lower: Sequence[float]
    upper: Sequence[float]
    level: int = 0
    factor: float = 1.0


@dataclass(frozen=True)
class Marked:
    """Flags of all leaves and why.

    Attributes
    ----------
    flags : int8 (n_leaves,)
        Balanced, ready for `Forest.adapt`.
    cause : uint8 (n_leaves,)
        `Cause` of each leaf: what refines it or keeps it as fine as it is.
    """

    flags: np.ndarray
    cause: np.ndarray


def wish(
    forest: Forest,
    leaves: slice,
    near: np.ndarray,
    calm: np.ndarray,
    vetoed: np.ndarray | None = None,
    regions: Sequence[Region] = (),
    geometry: Geometry | None = None,
) -> np.ndarray:
    """What some leaves wish of themselves and of those around them, uint8 (n_leaves,); wishes of several combine with ``|``.

    Parameters
    ----------
    forest : Forest
        2:1 balanced.
    leaves : slice
        The n leaves, of a rank.
    near : uint32 (n,)
        Combined masks (`combine_near`).
    calm : bool (n,)
        Leaves that would rather be coarser.
    vetoed : bool (n,), optional
        Leaves that are not refined for a neighbour's sake (2:1 balance apart).
    regions : sequence of Region
    geometry : Geometry
        Needed for regions.
    """
    least = None
    if regions:
        assert geometry is not None
        least = _least_level(forest, leaves, geometry, regions)
    is_vetoed = None if vetoed is None else vetoed.view(np.uint8)
    is_calm = calm.view(np.uint8)
    return np.asarray(_c.wish(forest._leaves, forest.max_level, leaves.start, near, is_calm, is_vetoed, least))


def mark(forest: Forest, wishes: np.ndarray) -> Marked:
    """Flags of all leaves, ready for `Forest.adapt`, from the wishes of all, uint8 (n_leaves,).

    A leaf refines where it is hot (the centre bit of ``near``), where a hot leaf's cells come near it and it is coarser than
    that leaf will be, or where a region wants it. It coarsens only where it is calm, no hot cell is near, no region forbids
    it, its siblings coarsen, too, and 2:1 balance allows it.
    """
    return Marked(*_c.mark(forest._leaves, forest.max_level, wishes))


def _least_level(forest: Forest, leaves: slice, geometry: Geometry, regions: Sequence[Region]) -> np.ndarray:
    """Level that the regions want of each of the leaves at least, -1 where there is none, int8 (n,)."""
    least = np.full(leaves.stop - leaves.start, -1, dtype=np.int8)
    for region in regions:
        coarse = leaves.start + np.flatnonzero(forest.level[leaves] <= region.level)
        inside = overlap(forest, geometry, region, coarse) - leaves.start
        least[inside] = np.maximum(least[inside], region.level)
    return least


def overlap(forest: Forest, geometry: Geometry, region: Region, leaves: np.ndarray) -> np.ndarray:
    """Those of some leaves (int array) that belong to a region."""
    dim = forest.dim
    level, coords = forest.level[leaves], forest.coords[leaves]
    start = geometry.origin(level, coords)[:, :dim]
    width = geometry.spacing(level)[:, :dim] * geometry.n
    lower, upper = np.asarray(region.lower, dtype=float), np.asarray(region.upper, dtype=float)
    # Block faces carry rounding errors: a box that ends on one does not reach into the block behind it.
    slack = 1e-9 * width
    flat = upper - lower <= 2 * slack
    overlaps = np.where(
        flat,
        (start <= upper + slack) & (start + width >= lower - slack),
        (start < upper - slack) & (start + width > lower + slack),
    ).all(axis=1)
    return leaves[overlaps]


def check_regions(regions: Sequence[Region], dim: int, max_level: int) -> None:
    """CaseError, one line per fault, unless the regions fit the mesh."""
    faults = []
    for i, region in enumerate(regions):
        if len(region.lower) != dim or len(region.upper) != dim:
            faults.append(f"regions[{i}]: lower and upper must have {dim} entries, one per axis")
        elif any(a > b for a, b in zip(region.lower, region.upper, strict=True)):
            faults.append(f"regions[{i}]: upper must not be below lower")
        if not 0 <= region.level <= max_level:
            faults.append(f"regions[{i}].level: {region.level} must be within 0..{max_level}")
    if faults:
        raise CaseError("\n".join(faults))
