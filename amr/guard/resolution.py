"""What a run says at its end of how well its mesh resolved the solution: the ``guard`` section of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import fsum, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.guard.classify import BLOCK_CLASS, Kind, classify
from amr.guard.scouts import scout_width_99
from amr.guard.verify import CURVATURE, Counters
from amr.indicators.columns import by_variable, count_hot

if TYPE_CHECKING:
    from amr.guard.sampling import Sampled
    from amr.indicators.fields import Scale
    from amr.indicators.review import Parts
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest
    from amr.physics.base import Physics

#: A variable's range in a block below which, in units of that over the domain, nothing is said to be hidden by the latter.
HIDDEN = 1e-6
#: Part of what is above a variable's threshold on ``max_level`` that is under-resolved when a run ends so. What is less are
#: the places where fronts meet, and lines that the start or a symmetry left behind: said, and no verdict.
LEAST_SHARE = 0.1
#: Kinds that have a wave length.
WAVES = (Kind.SMOOTH, Kind.RESOLVED_WAVE, Kind.UNDER_RESOLVED)


def volume_fractions(forest: Forest) -> np.ndarray:
    """Part of the domain that each leaf fills, float64 (n_leaves,); exact but for the number of root blocks."""
    return np.ldexp(1.0, -forest.dim * forest.level.astype(np.int32)) / prod(forest.root_blocks)


def hot_fractions(forest: Forest, counts: Mapping[str, int]) -> dict[str, float]:
    """Part of the domain that is on ``max_level`` and calls for more, by variable.

    Parameters
    ----------
    forest : Forest
    counts : dict of str to int
        Leaves on ``max_level`` that call for refinement, by variable. Indicators that look at several variables at once go
        under their own names.
    """
    volume = float(np.ldexp(1.0, -forest.dim * forest.max_level)) / prod(forest.root_blocks)
    return {name: count * volume for name, count in counts.items()}


@dataclass
class History:
    """What the report sums up over a run; goes into the checkpoint, and is the same on any number of ranks.

    Attributes
    ----------
    since : float
        Time of the last regrid that was noted.
    elapsed : float
        Time over which ``hot_time`` was summed.
    hot_time : dict of str to float
        Variable -> sum over regrids of the time since the regrid before times `hot_fractions`.
    wanted_level : int
        Finest level that samples of the initial state asked for on the last mesh of the start; -1: none.
    scout_width_99 : float, optional
        Width of the narrowest feature that its samples find 99 times in 100 where that mesh is coarsest; None: not sampled.
    evaluations, scout_evaluations, bisected : int
        As of `Sampled`, over all meshes of the start.
    """

    since: float = 0.0
    elapsed: float = 0.0
    hot_time: dict[str, float] = field(default_factory=dict)
    wanted_level: int = -1
    scout_width_99: float | None = None
    evaluations: int = 0
    scout_evaluations: int = 0
    bisected: int = 0

    def add_sampled(self, sampled: Sampled, wanted_level: int, spacing: float, dim: int) -> None:
        """Take what a mesh of the start gave: ``wanted_level`` of all ranks, the largest ``spacing`` of a cell."""
        self.wanted_level, self.scout_width_99 = wanted_level, scout_width_99(spacing, dim)
        self.evaluations += sampled.evaluations
        self.scout_evaluations += sampled.scout_evaluations
        self.bisected += sampled.bisected

    def add_regrid(self, fractions: Mapping[str, float], time: float) -> None:
        """Book the time since the last regrid on what was hot at its end, `hot_fractions`; before the mesh changes."""
        self.hot_time = self._with(fractions, time)
        self.elapsed += time - self.since
        self.since = time

    def _with(self, fractions: Mapping[str, float], time: float) -> dict[str, float]:
        step = time - self.since
        return {name: self.hot_time.get(name, 0.0) + step * value for name, value in fractions.items()}

    def space_time_fractions(self, fractions: Mapping[str, float], time: float) -> dict[str, float]:
        """Mean of `hot_fractions` over the run, with those of the end since the last regrid; of the end, if no time passed."""
        total = self.elapsed + time - self.since
        return (
            {name: value / total for name, value in self._with(fractions, time).items()}
            if total > 0
            else dict(fractions)
        )

    def to_meta(self) -> dict[str, Any]:
        """As plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> History:
        """What `to_meta` gave."""
        return cls(**meta)


# ---- the present state ---------------------------------------------------------------------------------------------------


def classify_blocks(
    physics: Physics, layout: Layout, u: np.ndarray, parts: Parts, blocks: np.ndarray, scales: Mapping[int, Scale]
) -> np.ndarray:  # fmt: skip
    """Class of some local blocks by all variables with a scale, BLOCK_CLASS (n_block,); zeros elsewhere. Not collective.

    Parameters
    ----------
    physics : Physics
    layout : Layout
    u : float64 (n_block, n_var, nk, nj, ni)
    parts : Parts
        All local blocks, and what makes their ghosts; asked ``again``.
    blocks : bool (n_block,)
    scales : dict of int to Scale
    """
    return _classify(physics, layout, u, parts, blocks, {v: scale.scale for v, scale in scales.items()}, CURVATURE)


def classify_variables(
    physics: Physics, layout: Layout, u: np.ndarray, parts: Parts, scales: Mapping[int, Scale], span: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Class of all local blocks variable by variable, and where a variable's range over the domain hides what a block holds.

    Features of a block do not depend on the scale, but for the amplitude below which it is smooth without a look. So every
    block is looked at, and its amplitude compared with both scales. Not collective.

    Parameters as of `classify_blocks`, and:

    span : float64 (n_block, n_primitive)
        Range of each primitive variable in each block.

    Returns
    -------
    kind : int8 (n_block, n_scale)
        `Kind` by the range over the domain.
    masked : bool (n_block, n_scale)
        Smooth by that range, but under-resolved by the block's own, if this is more than ``HIDDEN`` of it.
    """
    kind, masked = np.zeros((len(u), len(scales)), dtype=np.int8), np.zeros((len(u), len(scales)), dtype=bool)
    everything, alarm = np.ones(len(u), dtype=bool), CURVATURE / 4
    for p, (v, scale) in enumerate(scales.items()):
        seen = _classify(physics, layout, u, parts, everything, {v: scale.scale}, 0.0)
        is_smooth, own = seen["amplitude"] < alarm, span[:, v] > HIDDEN * scale.scale
        local = np.divide(seen["amplitude"] * scale.scale, span[:, v], out=np.zeros(len(u)), where=own)
        kind[:, p] = np.where(is_smooth, Kind.SMOOTH, seen["kind"])
        masked[:, p] = is_smooth & (local >= alarm) & (seen["kind"] == Kind.UNDER_RESOLVED)
    return kind, masked


def _classify(
    physics: Physics, layout: Layout, u: np.ndarray, parts: Parts, blocks: np.ndarray, scales: Mapping[int, float],
    tau: float,
) -> np.ndarray:  # fmt: skip
    found = np.zeros(len(u), dtype=BLOCK_CLASS)
    for part, plan in parts(again=True):
        own = part[blocks[part]]
        if len(own) and scales:
            found[own] = classify(physics.spec, layout, u, own, list(scales), list(scales.values()), tau, plan)
    return found


def percentile(values: np.ndarray, percent: float) -> float | None:
    """Nearest-rank percentile: one of ``values`` (n,), which may be infinite; None without any."""
    if not len(values):
        return None
    return float(np.sort(values)[max(0, int(np.ceil(percent / 100 * len(values))) - 1)])


def report(
    forest: Forest,
    columns: Sequence[Sequence[str]],
    hot: np.ndarray,
    seen: np.ndarray,
    kinds: Mapping[str, np.ndarray],
    masked: Mapping[str, np.ndarray],
    history: History,
    time: float,
    counters: Counters,
    flicker: float,
) -> dict[str, Any]:
    """The ``guard`` section of the report (docs/output.md), from what is known of all leaves.

    Parameters
    ----------
    forest : Forest
    columns : sequence of (indicator, variable)
    hot : bool (n_leaves, n_columns)
    seen : BLOCK_CLASS (n_leaves,)
        Class of the leaves that are hot.
    kinds : dict of str to int8 (n_leaves,)
        `Kind` by variable; what ``seen`` says stands in for names that are none.
    masked : dict of str to bool (n_leaves,)
        By variable.
    history : History
    time : float
    counters : Counters
    flicker : float
        Per 100 regrids.
    """
    volume, on_top, is_hot = volume_fractions(forest), forest.level == forest.max_level, hot.any(axis=1)
    now = hot_fractions(forest, count_hot(hot, on_top, columns))
    mean = history.space_time_fractions(now, time)
    under_resolved: dict[str, Any] = {}
    for name, own in by_variable(columns).items():
        leaves = on_top & hot[:, own].any(axis=1)
        own_kind = kinds.get(name, seen["kind"])
        by_class = {kind.label: fsum(volume[leaves & (own_kind == kind)]) for kind in Kind}
        share = by_class[Kind.UNDER_RESOLVED.label] / now[name] if now[name] else 0.0
        under_resolved[name] = {
            "volume_fraction": now[name],
            "space_time_fraction": mean[name],
            "volume_fraction_by_class": by_class,
            "share": share,
            "ended_under_resolved": share >= LEAST_SHARE,
        }
    waves = is_hot & np.isin(seen["kind"], WAVES) & ~np.isnan(seen["cells_per_wave"])
    wanted = history.wanted_level if history.wanted_level > forest.max_level else None
    is_under = any(each["ended_under_resolved"] for each in under_resolved.values())
    return {
        **asdict(counters),
        "flicker_per_100_regrids": flicker,
        "under_resolved": under_resolved,
        "classes": {kind.label: int((is_hot & (seen["kind"] == kind)).sum()) for kind in Kind},
        "cells_per_wave": {f"p{p}": percentile(seen["cells_per_wave"][waves], p) for p in (5, 50)},
        "masked_by_scale": {name: fsum(volume[leaves]) for name, leaves in masked.items()},
        "wanted_level": wanted,
        "scout_width_99": history.scout_width_99,
        "sampling": {
            "evaluations": history.evaluations,
            "scout_evaluations": history.scout_evaluations,
            "bisected_cells": history.bisected,
        },
        "ended_under_resolved": is_under or wanted is not None,
    }
