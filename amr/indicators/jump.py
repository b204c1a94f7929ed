"""Scaled jump: the largest difference between a cell and a neighbour of its."""

from __future__ import annotations

from typing import Any

from amr._kernels.indicate import JUMP
from amr.indicators.base import VariableIndicator, VariableParameters
from amr.indicators.fields import Scale


class JumpParameters(VariableParameters):
    """Thresholds as fractions of the variable's range."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 0.05, 0.025


class Jump(VariableIndicator):
    """``max over axes of max(|u[+1] - u|, |u - u[-1]|) / S``, S the range of the variable over the domain.

    Both one-sided differences are taken, not the central one of AMRClaw's ``flag2refine2``, which is 0 on a wave of two
    cells. Undivided: halves from level to level in smooth flow and stays at a discontinuity, so that every resolved
    discontinuity above 5 % of the range is refined to the last level. Blind to what is small beside S.
    """

    name = "jump"
    Parameters = JumpParameters

    def kernel(self, scale: Scale) -> dict[str, Any]:
        """See `VariableIndicator.kernel`."""
        return {"id": JUMP}
