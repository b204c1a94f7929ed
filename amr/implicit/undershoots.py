"""What a time integrator makes of densities that are never negative in truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from amr.comm import Comm


class Undershoots:
    """Counts the negative values that steps end with, those beyond round-off.

    Parameters
    ----------
    comm : Comm
    scale : float
        What values are compared with: the mean density. Where the density vanishes, solvers leave values of either sign that are
        far below 1e-15 of it; they do not count.
    """

    def __init__(self, comm: Comm, scale: float) -> None:
        self.comm = comm
        self._floor = -1e-15 * scale
        self._least, self._cells = math.inf, 0

    def look(self, values: np.ndarray) -> None:
        """Take the cells of this rank after a step into account. Not collective."""
        self._least = min(self._least, float(values.min(initial=math.inf)))
        self._cells += int(np.count_nonzero(values < self._floor))

    def totals(self) -> dict[str, Any]:
        """``least``: the least value so far, None before the first step; ``cells``: how often a step left a cell negative by more
        than round-off. Collective."""
        least = float(self.comm.allreduce_min(np.array([self._least]))[0])
        cells = int(self.comm.allreduce_sum_int(np.array([self._cells]))[0])
        return {"least": least if math.isfinite(least) else None, "cells": cells}

    def restore(self, totals: dict[str, Any]) -> None:
        """Go on from `totals`. Not collective."""
        least = totals.get("least")
        self._least = math.inf if least is None else float(least)
        self._cells = int(totals.get("cells", 0)) if self.comm.rank == 0 else 0
