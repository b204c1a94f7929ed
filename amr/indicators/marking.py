"""From what is wanted of the leaves to flags: hysteresis, buffer, static regions, 2:1 balance. Serial, on all leaves at once.

Every rank computes the same from what was gathered, a `wish` of four bytes for each leaf; nothing here is collective.
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


#: Bits of a wish beside those of `near`: the leaf is calm, it is vetoed.
_CALM, _VETOED = np.uint32(1 << 30), np.uint32(1 << 31)


def wish(near: np.ndarray, calm: np.ndarray, vetoed: np.ndarray) -> np.ndarray:
    """What the other ranks must know of leaves to mark them, uint32 (n,); arguments (n,) as of `mark`."""
    return near | np.where(calm, _CALM, np.uint32(0)) | np.where(vetoed, _VETOED, np.uint32(0))


def mark_wished(
    forest: Forest, wishes: np.ndarray, regions: Sequence[Region] = (), geometry: Geometry | None = None
) -> Marked:
    """`mark` with what `wish` gave for all leaves."""
    vetoed = wishes >= _VETOED
    near = wishes & (_CALM - np.uint32(1))
    return mark(forest, near, (wishes & _CALM) != 0, regions, geometry, vetoed if vetoed.any() else None)


def mark(
    forest: Forest,
    near: np.ndarray,
    calm: np.ndarray,
    regions: Sequence[Region] = (),
    geometry: Geometry | None = None,
    vetoed: np.ndarray | None = None,
) -> Marked:
    """Flags of all leaves, ready for `Forest.adapt`.

    A leaf refines where it is hot (the centre bit of ``near``), where a hot leaf's cells come near it and it is coarser than
    that leaf will be, or where a region wants it. It coarsens only where it is ``calm``, no hot cell is near, no region forbids
    it, its siblings coarsen, too, and 2:1 balance allows it.

    Parameters
    ----------
    forest : Forest
        2:1 balanced.
    near : uint32 (n_leaves,)
        Combined masks (`combine_near`).
    calm : bool (n_leaves,)
        Leaves that would rather be coarser.
    regions : sequence of Region
    geometry : Geometry
        Needed for regions.
    vetoed : bool (n_leaves,), optional
        Leaves that are not refined for a neighbour's sake (2:1 balance apart).

    Returns
    -------
    Marked
    """
    least = None
    if regions:
        assert geometry is not None
        least = _least_level(forest, geometry, regions)
    is_vetoed = None if vetoed is None else vetoed.view(np.uint8)
    return Marked(*_c.mark(forest._leaves, forest.max_level, near, calm.view(np.uint8), is_vetoed, least))


def _least_level(forest: Forest, geometry: Geometry, regions: Sequence[Region]) -> np.ndarray:
    """Level that the regions want of each leaf at least, -1 where there is none, int8 (n_leaves,)."""
    least = np.full(forest.n_leaves, -1, dtype=np.int8)
    for region in regions:
        inside = overlap(forest, geometry, region, np.flatnonzero(forest.level <= region.level))
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
