"""Where another indicator changes fastest from block to block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from amr.errors import CaseError
from amr.indicators.base import Indicator, Thresholds
from amr.indicators.cells import FamilyIndicator
from amr.mesh.neighbors import COARSER, SAME, neighbors

if TYPE_CHECKING:
    from amr.mesh.tree import Forest


class UncertaintyGradientParameters(Thresholds):
    """Thresholds in octaves."""

    of: str | None = Field(
        None, description="Name of the indicator whose values are compared; default: the first other one"
    )
    floor: float = Field(
        0.25, gt=0, description="Values well below this fraction of that indicator's refine count as equal"
    )

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 1.0, 0.5


class UncertaintyGradient(FamilyIndicator):
    """``max over the faces of |log2((v + f) / (v_n + f))|``: octaves between a block and its neighbours of another
    indicator's value.

    v and v_n are in units of that indicator's ``refine``, f is ``floor``. Refines where the estimate of the error
    changes fastest: in effect a buffer of one block around what the other indicator sees, on both sides. It finds
    nothing by itself. Computed from the gathered values, the same on every rank.
    """

    name = "uncertainty_gradient"
    Parameters = UncertaintyGradientParameters
    parameters: UncertaintyGradientParameters

    def source(self, indicators: Sequence[Indicator]) -> int:
        """Column of the indicator that is compared.

        Raises
        ------
        CaseError
            There is none, or none of that name.
        """
        others = [i for i, each in enumerate(indicators) if not isinstance(each, UncertaintyGradient)]
        of = self.parameters.of
        chosen = [i for i in others if of is None or of in (indicators[i].name, indicators[i].label)]
        if not chosen:
            raise CaseError(f"uncertainty_gradient: needs {'another indicator' if of is None else repr(of)} beside it")
        return chosen[0]

    def evaluate(self, forest: Forest, value: np.ndarray) -> np.ndarray:
        """Values of all leaves, float64 (n_leaves,), from the other indicator's in units of its threshold. Not collective."""
        octave = np.log2(value + self.parameters.floor)
        table = neighbors(forest, np.arange(forest.n_leaves))
        result = np.zeros(forest.n_leaves)
        centre = 3**forest.dim // 2
        for slot in (centre + side * 3**axis for axis in range(forest.dim) for side in (-1, 1)):
            # Finer neighbours are met from their side.
            relation = table.relation[:, slot]
            leaf = np.flatnonzero((relation == SAME) | (relation == COARSER))
            beside = table.leaf[leaf, slot]
            change = np.abs(octave[leaf] - octave[beside])
            np.maximum.at(result, leaf, change)
            np.maximum.at(result, beside, change)
        return result
