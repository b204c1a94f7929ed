"""What a decision reads of the mesh, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from amr.indicators.fields import Scale
    from amr.mesh.tree import Forest


class BlocksOfRank(Protocol):
    """What `Decider.decide` reads of the mesh: the replicated forest, and level and spacing of the local blocks.

    Attributes
    ----------
    forest : Forest
    leaves : slice
        This rank's leaves in it, from a number to a number.
    n_of_rank : int64 (size,)
        Leaves of each rank.
    level : int8 (n_block,)
    spacing : float64 (n_block, 3)
    """

    forest: Forest
    leaves: slice
    n_of_rank: np.ndarray
    level: np.ndarray
    spacing: np.ndarray


@dataclass(frozen=True)
class Decision:
    """What a regrid decided of all leaves, the same on every rank, and from what, for this rank's blocks.

    Attributes
    ----------
    flags : int8 (n_leaves,)
        Balanced flags for `Forest.adapt`.
    value : float64 (n_block,)
        Combined indicator value in units of ``refine``: above ``threshold`` is hot.
    eta : float64 (n_block, n_indicators)
        Each indicator's value.
    threshold : float64 (n_block,)
        What ``value`` was compared with: 1, but for marking strategies, factors by level and region, and a budget.
    near : uint32 (n_block,)
        Where in the leaf the hot cells are.
    labels : tuple of str
        The indicators.
    scales : dict of str to Scale
        What differences of each primitive variable were measured by.
    """

    flags: np.ndarray
    value: np.ndarray
    eta: np.ndarray
    threshold: np.ndarray
    near: np.ndarray
    labels: tuple[str, ...]
    scales: dict[str, Scale]

    @property
    def is_change(self) -> bool:
        """Whether any leaf is to be refined or coarsened."""
        return bool(self.flags.any())
