"""The indicators on the present state without a decision: which leaves call for refinement, the finest ones included."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from amr.indicators.decision import BlocksOfRank
from amr.indicators.fields import Scale
from amr.indicators.regrid import Decider
from amr.indicators.review import Parts

if TYPE_CHECKING:
    from amr.scheme.trial import TrialMaker


@dataclass(frozen=True)
class Survey:
    """What the indicators say of all leaves.

    Attributes
    ----------
    hot : bool (n_leaves, n_columns)
        As `Decider.hot`; the same on every rank.
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
    asked, forest = copy(decider), mesh.forest
    asked.fields = copy(decider.fields)  # its scales may change
    if not asked.fields.scales:
        asked.fields.measure(u, asked.comm)
    refine, coarsen = asked._own_thresholds(forest)
    first = asked.thresholds.first(forest)
    values = asked.families.begin(len(u))
    found = asked._gather(mesh, u, parts, asked._limits(refine, coarsen, first), (None, None), values, trial, time)
    value, _ = asked._columns(found, refine, coarsen).values()
    threshold = asked.thresholds.choose(forest, first, value)
    hot = found["eta"] > refine * threshold[:, None]
    if asked.combine == "and":
        hot &= asked._by_indicator(hot).all(axis=1)[:, None]
    return Survey(hot, asked.fields.scales)
