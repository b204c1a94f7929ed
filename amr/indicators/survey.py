"""The indicators on the present state without a decision: which leaves call for refinement, the finest ones included."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from amr.indicators.decision import BlocksOfRank
from amr.indicators.fields import Scale
from amr.indicators.finder import Present
from amr.indicators.regrid import Decider
from amr.indicators.review import Parts

if TYPE_CHECKING:
    from amr.scheme.trial import TrialMaker


@dataclass(frozen=True)
class Survey:
    """What the indicators say of this rank's leaves.

    Attributes
    ----------
    hot : bool (n_block, n_columns)
        Which columns call for refinement of a leaf, whatever a cell budget says.
    scales : dict of int to Scale
        What differences of each primitive variable are measured by.
    """

    hot: np.ndarray
    scales: Mapping[int, Scale]


def survey(
    decider: Decider,
    mesh: BlocksOfRank,
    u: np.ndarray,
    parts: Parts,
    trial: TrialMaker | None = None,
    time: float = 0.0,
) -> Survey:
    """Ask the indicators of a decider; its next decision is what it would have been. Collective.

    Parameters as of `Decider.decide`. A cell budget raises no threshold here.

    Raises
    ------
    PluginError
        On every rank, if a plugin fails on one.
    """
    finder, rule = copy(decider.finder), decider.thresholds
    finder.fields = copy(finder.fields)  # its scales may change
    if not finder.fields.scales:
        finder.fields.measure(u, finder.comm)
    refine, coarsen = finder.own_thresholds(mesh)
    first = rule.first(mesh)
    present = Present(mesh, u, parts, trial=trial, time=time)
    found = finder.find(present, rule.limits(refine, coarsen, first), finder.families.begin(len(u)))
    value, _ = finder.leaves(found, refine, coarsen).values()
    hot = found["eta"] > refine * rule.choose(mesh, first, value)[:, None]
    if finder.combine == "and":
        hot &= finder.by_indicator(hot).all(axis=1)[:, None]
    return Survey(hot, finder.fields.scales)
