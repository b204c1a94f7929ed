"""Indicators that are not a formula of one variable: by cells of several variables, by blocks, by their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amr.indicators.base import Indicator, Thresholds, VariableParameters, find_variables, set_thresholds

if TYPE_CHECKING:
    from amr._kernels.ghosts import GhostPlan
    from amr.indicators.decision import BlocksOfRank
    from amr.indicators.fields import Fields
    from amr.physics.base import Physics


class FamilyIndicator(Indicator):
    """What the families share: parameters, thresholds, variables.

    ``variables`` are those of the table, else of the physics, where the parameters have that key; else what `pick`
    says.
    """

    Parameters: ClassVar[type[Thresholds]]

    def __init__(
        self, physics: Physics, parameters: Any = None, refine: float | None = None, coarsen: float | None = None
    ) -> None:
        self.parameters = self.Parameters.model_validate({}) if parameters is None else parameters
        self.label, self.physics = self.name, physics
        self.refine, self.coarsen = set_thresholds(self.parameters, refine, coarsen)
        self.variables = self.pick()

    def pick(self) -> tuple[int, ...]:
        """Indices of the primitive variables to be looked at.

        Raises
        ------
        CaseError
            The equation set does not have them.
        """
        if not isinstance(self.parameters, VariableParameters):
            return ()
        return find_variables(self.physics, self.parameters.variables or self.physics.indicator_variables)


class CellIndicator(FamilyIndicator):
    """An indicator with a value per cell, made block by block while the ghosts are at hand."""

    def place(self, mesh: BlocksOfRank, time: float) -> None:
        """Take notice of the local blocks' places and of the time, before `fill`. Not collective; most have no use for it."""

    def fill(
        self,
        fields: Fields,
        u: np.ndarray,
        blocks: np.ndarray,
        plan: GhostPlan | None,
        weight: np.ndarray,
        out: np.ndarray,
    ) -> None:
        """Fold the values of the cells of some local blocks into ``out``, in place; not collective.

        Parameters
        ----------
        fields : Fields
            Read: the scales.
        u : float64 (n_block, n_var, nk, nj, ni)
        blocks : int32 (m,)
        plan : GhostPlan, optional
            What makes the ghosts, or None where those of ``u`` are filled.
        weight : float64 (3,)
            Shortest side of a cell over its side along each axis.
        out : float64 (n_block, n^dim)
            0 before.
        """
        raise TypeError(f"{type(self).__name__} must say its values")


class BlockIndicator(FamilyIndicator):
    """An indicator with a value per block that does not say where in it; a hot block is buffered on all its sides."""

    def evaluate(self, fields: Fields) -> np.ndarray:
        """Value of each local block, float64 (n_block,), from loaded ``fields``; ghosts may not be filled. Not collective."""
        raise TypeError(f"{type(self).__name__} must say its values")
