"""Löhner's estimate: second difference over first differences, with a filter against ripples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from amr._kernels.indicate import LOHNER, LOHNER_FLASH
from amr.indicators.base import VariableIndicator, VariableParameters
from amr.indicators.fields import Scale


class LohnerParameters(VariableParameters):
    """Thresholds are between 0 and 1."""

    mode: Literal["offset_invariant", "flash"] = Field(
        "offset_invariant", description="Filter by the variable's range, or FLASH's estimate with its filter by |u|"
    )
    filter: float | None = Field(
        None, ge=0, le=1, description="Weight of the filter; default 0.05 (offset_invariant), 0.01 (flash)"
    )

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return (0.8, 0.2) if self.mode == "flash" else (0.11, 0.055)

    def weight(self) -> float:
        """The filter's weight."""
        return (0.01 if self.mode == "flash" else 0.05) if self.filter is None else self.filter


class Lohner(VariableIndicator):
    """Normalised second difference, in two forms. Values are between 0 and 1 and the same for u and c u.

    ``offset_invariant`` (default): ``max over axes of |a - b| / (|a| + |b| + 4 filter S)`` with a = u[+1] - u,
    b = u - u[-1], S the range of the variable over the domain: the same for u and u + c, too. Blind to straight slopes, to
    x y alone, and to what is small beside ``filter`` S.

    ``flash``: the square root of ``sum over k, l of (d_k d_l u)^2`` over ``sum over k, l of (|d_k u|_+ + |d_k u|_- + filter
    <|u|>)^2`` with differences over two cells and the mixed derivatives, as FLASH's ``gr_estimateBlkError`` in cells of equal
    sides. Blind to a wave of two cells, and, by its filter, to anything small beside |u|.

    References
    ----------
    R. Löhner, An adaptive finite element scheme for transient problems in CFD, CMAME 61 (1987) 323,
    doi:10.1016/0045-7825(87)90098-3. B. Fryxell et al., FLASH, ApJS 131 (2000) 273, doi:10.1086/317361.
    """

    name = "lohner"
    Parameters = LohnerParameters
    parameters: LohnerParameters

    def kernel(self, scale: Scale) -> dict[str, Any]:
        """See `VariableIndicator.kernel`."""
        if self.parameters.mode == "flash":
            floor = max(scale.floor, self.parameters.atol)
            return {"id": LOHNER_FLASH, "filter": self.parameters.weight(), "floor": floor}
        return {"id": LOHNER, "filter": self.parameters.weight()}
