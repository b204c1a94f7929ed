"""Multiresolution detail: what a cell has that could not be told from the cells of its parent and their neighbours."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from amr._kernels.indicate import MULTIRESOLUTION
from amr.indicators.base import VariableIndicator, VariableParameters
from amr.indicators.fields import Scale


class MultiresolutionParameters(VariableParameters):
    """Thresholds as fractions of the variable's range."""

    mode: Literal["polyphase", "harten"] = Field(
        "polyphase", description="One threshold, or Harten's that falls towards the coarse levels"
    )
    regularity: float = Field(
        1.0,
        ge=0,
        le=3,
        description="harten: refine where the detail is 2^(regularity + dim) times the coarsening threshold",
    )

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return (4e-4, 1e-4) if self.mode == "harten" else (0.004, 0.002)


class Multiresolution(VariableIndicator):
    """``max over axes and both alignments of |u - P(R u)| / S``, the default.

    Along an axis cells are joined in pairs, U, and P is the third-order prediction of a child, U -/+ (U[+1] - U[-1]) / 8;
    S is the range of the variable over the domain. Both alignments of the pairs ("polyphase") are looked at, not only that of
    the tree: the value does not jump when a feature moves by a cell. Falls by 8 from level to level in smooth flow, stays at a
    discontinuity, is largest on a wave of two cells. Blind to a wave that the cell averages do not hold.

    ``harten``: ``coarsen`` is the threshold of the finest level, 2^-dim times as much per level below it, and ``refine`` is
    2^(regularity + dim) times that; the error of the thresholding adds up over the levels to what ``coarsen`` allows.

    References
    ----------
    A. Harten, Multiresolution algorithms for the numerical solution of hyperbolic conservation laws, CPAM 48 (1995) 1305.
    A. Cohen, S. M. Kaber, S. Müller, M. Postel, Fully adaptive multiresolution finite volume schemes for conservation laws,
    Math. Comp. 72 (2003) 183, doi:10.1090/S0025-5718-01-01391-6.
    """

    name = "multiresolution"
    Parameters = MultiresolutionParameters
    parameters: MultiresolutionParameters

    def kernel(self, scale: Scale) -> dict[str, Any]:
        """See `VariableIndicator.kernel`."""
        return {"id": MULTIRESOLUTION}

    def thresholds(self, level: np.ndarray, max_level: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Indicator.thresholds`."""
        if self.parameters.mode == "polyphase":
            return super().thresholds(level, max_level, dim)
        low = self.coarsen * 2.0 ** (-dim * (max_level - level.astype(float)))
        return low * 2.0 ** (self.parameters.regularity + dim), low
