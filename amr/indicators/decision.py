"""What a decision reads of the mesh, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from amr.indicators.fields import Scale
    from amr.mesh.tree import Forest


class BlocksOfRank(Protocol):
    """What `Decider.decide` reads of the mesh: the replicated forest, and level and spacing of the local blocks."""

    forest: Forest
    level: np.ndarray
    spacing: np.ndarray
    leaves: slice


@dataclass(frozen=True)
class Decision:
    """What a regrid decided and from what; the same on every rank.

    Attributes
    ----------
    flags : int8 (n_leaves,)
        Balanced flags for `Forest.adapt`.
    value : float64 (n_leaves,)
        Combined indicator value in units of ``refine``: above ``threshold`` is hot.
    eta : float64 (n_leaves, n_indicators)
        Each indicator's value.
    threshold : float64 (n_leaves,)
        What ``value`` was compared with: 1, but for marking strategies, factors by level and region, and a budget.
    near : uint32 (n_leaves,)
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
