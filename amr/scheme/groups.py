"""Which levels are stepped together: all of them, or, with level-wise steps, one group per finer level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amr.mesh.tree import Forest


@dataclass(frozen=True)
class Groups:
    """Groups of levels; a block of group g takes 2^g steps while group 0 takes one. The same on every rank.

    Attributes
    ----------
    of_level : int64 (max_level + 1,)
        Group of each level, never falling, rising by at most one from level to level.
    """

    of_level: np.ndarray

    @classmethod
    def one(cls, forest: Forest) -> Groups:
        """All levels in one group."""
        return cls(np.zeros(forest.max_level + 1, dtype=np.int64))

    @classmethod
    def level_wise(cls, forest: Forest, interval: int) -> Groups:
        """As many groups as fit between two regrids that are at most ``interval`` of the finest steps apart.

        The finest level and the next coarser ones have a group each; the levels that are left share group 0. Deeper recursion
        would let a feature leave its refined surroundings during one coarse step, and would gain little: the finest levels have
        the most cells.
        """
        finest, coarsest = int(forest.level.max()), int(forest.level.min())
        base = max(coarsest, finest - (interval.bit_length() - 1))
        return cls(np.clip(np.arange(forest.max_level + 1) - base, 0, finest - base))

    @property
    def n(self) -> int:
        """Number of groups."""
        return int(self.of_level[-1]) + 1

    @property
    def finest_steps(self) -> int:
        """Steps of the finest group in one step."""
        return 1 << (self.n - 1)

    def weights(self, level: np.ndarray) -> np.ndarray:
        """Steps of blocks of these levels in one step: their share of the work. float64, as ``level``."""
        return np.ldexp(1.0, self.of_level[level].astype(np.int32))
