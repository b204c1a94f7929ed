"""The columns of a decision that come from cells, blocks and trial steps rather than from csrc/indicate.c."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.cells import fold_cells
from amr.errors import CaseError
from amr.indicators.base import Indicator
from amr.indicators.cells import BlockIndicator, CellIndicator
from amr.indicators.plugin import near_everywhere
from amr.indicators.trial import TrialIndicator
from amr.indicators.uncertainty_gradient import UncertaintyGradient

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.indicators.decision import BlocksOfRank
    from amr.indicators.fields import Fields
    from amr.indicators.review import Parts
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.scheme.trial import TrialMaker


@dataclass
class Found:
    """Values of one decision, by number of the indicator, kept for a second pass with other thresholds.

    Attributes
    ----------
    cells : dict of float64 (n_block, n^dim)
    blocks : dict of float64 (n_block,)
    error : float64 (n_block,)
        Estimated L1 error of each block per volume, in units of the variables' ranges; 0 without an indicator that
        estimates it.
    """

    cells: dict[int, np.ndarray] = field(default_factory=dict)
    blocks: dict[int, np.ndarray] = field(default_factory=dict)
    error: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Families:
    """The indicators of these families among those of a decider.

    Parameters
    ----------
    indicators : sequence of Indicator
        All of the decider's.
    first : int array (n_indicators + 1,)
        First column of each indicator; those of the families have one.
    layout : Layout
    geometry : Geometry

    Raises
    ------
    CaseError
        An indicator that needs another one which is not there.
    """

    def __init__(self, indicators: Sequence[Indicator], first: np.ndarray, layout: Layout, geometry: Geometry) -> None:
        self.indicators, self.first = tuple(indicators), first
        self.layout, self.geometry = layout, geometry
        self.cells = {i: each for i, each in enumerate(indicators) if isinstance(each, CellIndicator)}
        self.blocks = {i: each for i, each in enumerate(indicators) if isinstance(each, BlockIndicator)}
        self.trials = {i: each for i, each in enumerate(indicators) if isinstance(each, TrialIndicator)}
        derived = {i: each for i, each in enumerate(indicators) if isinstance(each, UncertaintyGradient)}
        #: Indicator and the number of the one it is computed from, whose values of all leaves it needs.
        self.derived = {i: (each, each.source(indicators)) for i, each in derived.items()}

    @property
    def needs_pool(self) -> bool:
        """Whether the ghosts of the pool must be filled: a trial step overwrites what makes them elsewhere."""
        return bool(self.trials)

    def begin(self, n_block: int) -> Found:
        """Room for the values of so many blocks."""
        return Found({i: np.zeros((n_block, self.layout.cells)) for i in self.cells}, {}, np.zeros(n_block))

    def evaluate(
        self,
        found: Found,
        fields: Fields,
        mesh: BlocksOfRank,
        u: np.ndarray,
        parts: Parts,
        trial: TrialMaker | None,
        time: float,
    ) -> None:
        """Set the values of the local blocks. Collective where there are trials.

        Parameters
        ----------
        found : Found
            Written to.
        fields : Fields
            With scales.
        mesh : BlocksOfRank
        u : float64 (n_block, n_var, nk, nj, ni)
        parts : Parts
            Blocks and what makes their ghosts, gone through once already.
        trial : callable, optional
            Makes trial steps.
        time : float
            Of the state ``u``.

        Raises
        ------
        CaseError
            There is an indicator that needs a trial step or adjoint states, and there are none.
        """
        if self.cells:
            spacing = self.geometry.root_spacing
            weight = spacing[: self.layout.dim].min() / spacing
            for indicator in self.cells.values():
                indicator.place(mesh, time)
            for blocks, plan in parts(again=True):
                for i, indicator in self.cells.items():
                    indicator.fill(fields, u, blocks, plan, weight, found.cells[i])
        if self.blocks:
            fields.load(u)
            for i, whole in self.blocks.items():
                found.blocks[i] = whole.evaluate(fields)
        if self.trials:
            self._judge(found, len(u), trial)

    def _judge(self, found: Found, n_block: int, trial: TrialMaker | None) -> None:
        if trial is None:
            raise CaseError(f"{next(iter(self.trials.values())).name}: needs a trial step, which is not offered here")
        made = trial(any(indicator.needs_coarse for indicator in self.trials.values()))
        estimate: np.ndarray | None = None
        for i, indicator in self.trials.items():
            if made is None:  # nothing moves
                found.cells[i] = np.zeros((n_block, self.layout.cells))
                continue
            found.cells[i] = indicator.evaluate(made)
            if indicator.estimates_error and estimate is None:
                estimate = found.error = indicator.error_share(made, found.cells[i])

    def fold(self, found: Found, into: Any, buffer: int) -> None:
        """Set the columns of ``eta``, ``near`` and ``parent`` of an `amr._kernels.indicate.Indicated`, hot above its ``tau``."""
        for i, values in found.cells.items():
            c = self.first[i]
            tau = np.ascontiguousarray(into.tau[:, c])
            into.eta[:, c], into.near[:, c] = fold_cells(self.layout, values, tau, buffer)
            into.parent[:, c] = into.eta[:, c]
        for i, values in found.blocks.items():
            c = self.first[i]
            into.eta[:, c] = into.parent[:, c] = values
            into.near[:, c] = near_everywhere(values > into.tau[:, c], buffer, self.layout.dim)

    def derive(
        self, mesh: BlocksOfRank, found: np.ndarray, tau: np.ndarray, buffer: int, combine: str, comm: Comm
    ) -> None:
        """Set the derived columns of what was found, and combine their masks with it, in place. Collective if there are any.

        Parameters
        ----------
        mesh : BlocksOfRank
        found : structured array (n_block,)
            ``eta``, ``parent`` (n_columns,) and ``near``.
        tau : float64 (n_block, n_columns)
        buffer : int
        combine : str
        comm : Comm
        """
        forest = mesh.forest
        for i, (indicator, source) in self.derived.items():
            own = found["eta"][:, self.first[source] : self.first[source + 1]].max(axis=1)
            refine = self.indicators[source].thresholds(mesh.level, forest.max_level, forest.dim)[0]
            value = indicator.evaluate(forest, comm.allgatherv(own / refine, mesh.n_of_rank))
            c = self.first[i]
            found["eta"][:, c] = found["parent"][:, c] = value[mesh.leaves]
            mask = near_everywhere(found["eta"][:, c] > tau[:, c], buffer, self.layout.dim)
            found["near"] = found["near"] | mask if combine == "or" else found["near"] & mask
