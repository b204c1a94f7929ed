"""From block values to flags: thresholds, hysteresis, buffer, static regions, 2:1 balance. Serial, on all leaves at once.

Every rank computes the same from the same gathered values; nothing here is collective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from amr.errors import CaseError
from amr.indicators.leaf_state import Cause
from amr.indicators.plugin import centre_bit
from amr.mesh.balance import balance_flags, whole_groups
from amr.mesh.neighbors import COARSER, FINER, SAME, neighbors

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
    flags = np.where(calm, -1, 0).astype(np.int8)
    cause = np.where(forest.level > 0, Cause.PATIENCE, Cause.ROOT).astype(np.uint8)
    hot = np.flatnonzero(near & centre_bit(forest.dim))
    flags[hot] = 1
    before = flags.copy()
    held = _held_by_buffer(forest, hot, near, flags)
    if vetoed is not None:
        flags[vetoed & (before <= 0)] = np.minimum(flags, 0)[vetoed & (before <= 0)]
    flags[held[flags[held] < 0]] = 0
    cause[held] = Cause.BUFFER
    cause[(flags > 0) & (before <= 0)] = Cause.BUFFER
    cause[hot] = Cause.INDICATOR
    for region in regions:
        assert geometry is not None
        before = flags.copy()
        _apply_region(forest, geometry, region, flags)
        cause[flags > before] = Cause.REGION
    balanced = balance_flags(forest, flags)
    kept = (flags < 0) & (balanced == 0)
    if kept.any():
        cause[kept] = np.where(_is_whole_group(forest, flags < 0), Cause.BALANCE, Cause.SIBLING)[kept]
    cause[(balanced > 0) & (flags <= 0)] = Cause.BALANCE
    return Marked(balanced, cause)


def _is_whole_group(forest: Forest, wanted: np.ndarray) -> np.ndarray:
    """Whether all siblings of a leaf are leaves and ``wanted``, bool (n_leaves,)."""
    whole = np.zeros(forest.n_leaves, dtype=bool)
    whole[(whole_groups(forest, wanted)[:, None] + np.arange(forest.n_children)).ravel()] = True
    return whole


def _held_by_buffer(forest: Forest, hot: np.ndarray, near: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Leaves near hot cells, which must not coarsen; those to be refined are set to +1 in ``flags``.

    Works on arrays over the hot leaves and the slots around them.
    """
    table = neighbors(forest, hot)
    n_slot = 3**forest.dim
    is_near = (near[hot][:, None] >> np.arange(n_slot, dtype=np.uint32) & np.uint32(1)).astype(bool)
    is_near[:, n_slot // 2] = False
    target = np.minimum(forest.level[hot] + 1, forest.max_level)
    held = np.zeros(forest.n_leaves, dtype=bool)
    row, slot = np.nonzero(is_near & ((table.relation == SAME) | (table.relation == COARSER)))
    beside = table.leaf[row, slot]
    flags[beside[forest.level[beside] < target[row]]] = 1
    held[beside] = True
    # All children at a finer position, not only those that touch: the buffer may be wider than a child. Those that are
    # refined further (-1) stay fine enough even if they coarsen.
    children = table.children(*np.nonzero(is_near & (table.relation == FINER)))
    held[children[children >= 0]] = True
    # What is next to a hot leaf will soon be near: let go now, it would be refined again.
    held[table.leaf[table.relation == SAME]] = True
    return np.flatnonzero(held)


def _apply_region(forest: Forest, geometry: Geometry, region: Region, flags: np.ndarray) -> None:
    """Raise ``flags`` of the leaves that overlap a region: +1 below its level, no coarsening at it."""
    shallow = np.flatnonzero(forest.level <= region.level)
    inside = overlap(forest, geometry, region, shallow)
    # Level 0 wants nothing: roots do not coarsen.
    wanted = np.where(forest.level[inside] < region.level, 1, 0).astype(np.int8)
    flags[inside] = np.maximum(flags[inside], wanted)


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
