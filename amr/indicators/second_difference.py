"""Scaled second difference: what is left of a jump where the solution is a straight line."""

from __future__ import annotations

from typing import Any

from amr._kernels.indicate import SECOND_DIFFERENCE
from amr.indicators.base import VariableIndicator, VariableParameters
from amr.indicators.fields import Scale


class SecondDifferenceParameters(VariableParameters):
    """Thresholds as fractions of the variable's range."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 0.02, 0.01


class SecondDifference(VariableIndicator):
    """``max over axes of |u[+1] - 2 u + u[-1]| / S``, S the range of the variable over the domain.

    Undivided: a quarter from level to level in smooth flow (hence ``coarsen`` below a quarter of ``refine``, or a block
    would be refined again as soon as it is coarsened). Blind to straight slopes, to x y alone, and to what is small beside S.
    """

    name = "second_difference"
    Parameters = SecondDifferenceParameters

    def kernel(self, scale: Scale) -> dict[str, Any]:
        """See `VariableIndicator.kernel`."""
        return {"id": SECOND_DIFFERENCE}
