"""The regrid decision: indicators on all local blocks, values gathered, flags that are the same on every rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from amr._kernels import indicate as _c
from amr.errors import CaseError, PluginError
from amr.indicators.base import Indicator, VariableIndicator
from amr.indicators.fields import Fields, Scale
from amr.indicators.marking import COMBINATIONS, Region, check_regions, combine_near, combine_values, mark
from amr.indicators.plugin import PluginIndicator, near_everywhere
from amr.indicators.thresholds import ABSOLUTE, Marking, ThresholdRule, n_leaves_after

if TYPE_CHECKING:
    from amr._kernels.ghosts import GhostPlan
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest
    from amr.physics.base import Physics


Part = tuple[np.ndarray, "GhostPlan | None"]


class BlocksOfRank(Protocol):
    """What `Decider.decide` reads of the mesh: the replicated forest, and which leaves, level and spacing of the local blocks."""

    forest: Forest
    leaves: slice
    level: np.ndarray
    spacing: np.ndarray


@dataclass(frozen=True)
class Decision:
    """What a regrid decided and from what; the same on every rank.

    Attributes
    ----------
    flags : int8 (n_leaves,)
        Balanced flags for `Forest.adapt`.
    value : float64 (n_leaves,)
        Combined indicator value in units of ``refine``: > ``threshold`` is hot.
    threshold : float64 (n_leaves,)
        What marking chose, in units of ``refine``.
    eta : float64 (n_leaves, n_indicators)
        Each indicator's value.
    near : uint32 (n_leaves,)
        Where in the leaf the hot cells are.
    labels : tuple of str
        The indicators.
    scales : dict of str to Scale
        What differences of each primitive variable were measured by.
    """

    flags: np.ndarray
    value: np.ndarray
    threshold: np.ndarray
    eta: np.ndarray
    near: np.ndarray
    labels: tuple[str, ...]
    scales: dict[str, Scale]

    @property
    def is_change(self) -> bool:
        """Whether any leaf is to be refined or coarsened."""
        return bool(self.flags.any())


class Decider:
    """Decides where to refine and coarsen.

    Parameters
    ----------
    comm : Comm
    physics : Physics
    layout : Layout
    geometry : Geometry
    indicators : sequence of Indicator
        Without any, everything outside the regions coarsens.
    combine : str
        "or": a block refines where any indicator is above its ``refine``; "and": where all are. Either way it coarsens only
        where all are below their ``coarsen``.
    buffer : int
        Cells around a hot cell that are to be as fine as it will be; at most the cells of a block.
    regions : sequence of Region
    marking : Marking
        How block values become thresholds.

    Raises
    ------
    CaseError
        A buffer wider than a block, an unknown combination, options of marking that do not go together.
    """

    def __init__(
        self,
        comm: Comm,
        physics: Physics,
        layout: Layout,
        geometry: Geometry,
        indicators: Sequence[Indicator],
        combine: str = "or",
        buffer: int = 4,
        regions: Sequence[Region] = (),
        marking: Marking = ABSOLUTE,
    ) -> None:
        if combine not in COMBINATIONS:
            raise CaseError(f"combine: {combine!r} is none of {', '.join(COMBINATIONS)}")
        if not 0 <= buffer <= layout.n:
            raise CaseError(f"buffer: {buffer} cells, but must be within 0..{layout.n}, the cells of a block")
        self.comm, self.layout, self.geometry = comm, layout, geometry
        self.indicators, self.combine, self.buffer = tuple(indicators), combine, buffer
        self.regions = tuple(regions)
        variables = [v for indicator in self.indicators for v in indicator.variables]
        self.fields = Fields(physics, layout, variables)
        self._physics = physics
        self._can_fail = any(isinstance(indicator, PluginIndicator) for indicator in self.indicators)
        self._refine = np.array([indicator.refine for indicator in self.indicators])
        self._coarsen = np.array([indicator.coarsen for indicator in self.indicators])
        self.thresholds = ThresholdRule(marking, regions, geometry)
        errors = [column for column, indicator in enumerate(self.indicators) if indicator.estimates_error]
        self._error_column = errors[0] if errors else None
        if marking.target_error is not None and not errors:
            raise CaseError("target_error: needs an indicator that estimates the error")

    @property
    def needs_pool(self) -> bool:
        """Whether an indicator looks at all local blocks at once, with the ghosts of the pool: a plugin does."""
        return self._can_fail

    def decide(
        self,
        mesh: BlocksOfRank,
        u: np.ndarray,
        parts: Callable[[], Iterable[Part]] | None = None,
        *,
        grow_only: bool = False,
    ) -> Decision:
        """Flags of all leaves, the same bits on every rank and for any number of ranks. Collective.

        Parameters
        ----------
        mesh : LocalMesh
            Read: ``forest``, and of the local blocks ``leaves``, ``level`` and ``spacing``.
        u : float64 (n_block, n_var, nk, nj, ni)
            Conserved variables. Not changed.
        parts : callable, optional
            Gives local blocks (int32 arrays, each block once) and what makes their ghosts, or None where the pool's are filled:
            as `LocalMesh.ghosted` does. All blocks, with filled ghosts, by default, and always where `needs_pool`. Called once
            more where thresholds follow from the values.
        grow_only : bool
            Nothing coarsens.

        Returns
        -------
        Decision

        Raises
        ------
        PluginError
            On every rank, if a plugin fails on one.
        CaseError
            A region that does not fit the mesh.
        """
        forest, rule = mesh.forest, self.thresholds
        check_regions(self.regions, forest.dim, forest.max_level)
        self.fields.measure(u, self.comm)
        everything = ((np.arange(len(u), dtype=np.int32), None),)
        again = parts or (lambda: everything)
        first = rule.first(forest)
        eta, near = self._gather(mesh, u, again(), first)
        value = combine_values(eta, self._refine, self.combine)
        if self._error_column is not None:
            before = rule.state.multiplier
            rule.follow_target(forest, eta[:, self._error_column], value * before / first)
            changed = first * (rule.state.multiplier / before)
        else:
            changed = first
        threshold = rule.choose(forest, changed, value)
        if not np.array_equal(threshold, first):
            eta, near = self._gather(mesh, u, again(), threshold)

        def flags_at(factor: float) -> np.ndarray:
            # Raised: the masks of the threshold below, of the blocks that are still hot. Never less than what is near.
            masks = near if factor == 1 else np.where(value > factor * threshold, near, np.uint32(0))
            low = factor * threshold[:, None] * self._coarsen
            flags = mark(forest, eta, masks, low, self.regions, self.geometry)
            return np.maximum(flags, 0) if grow_only else flags

        ratio = float((self._coarsen / self._refine).min(initial=1.0))
        largest = combine_values(eta, self._refine, "or")
        factor = rule.fit(lambda f: n_leaves_after(forest, flags_at(f)), largest, threshold, ratio)
        labels = tuple(indicator.label for indicator in self.indicators)
        scales = {self._physics.primitives[v]: scale for v, scale in self.fields.scales.items()}
        return Decision(flags_at(factor), value, factor * threshold, eta, near, labels, scales)

    def _gather(
        self, mesh: BlocksOfRank, u: np.ndarray, parts: Iterable[Part], threshold: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """``eta`` and combined masks of all leaves, hot above ``threshold`` (n_leaves,) in units of ``refine``. Collective."""
        local = self._evaluate(mesh, u, parts, threshold[mesh.leaves])
        # One message for both: leaves are in SFC order, ranks hold contiguous pieces of it.
        everywhere = self.comm.allgatherv(local)
        return everywhere["eta"], np.ascontiguousarray(everywhere["near"])

    def _evaluate(self, mesh: BlocksOfRank, u: np.ndarray, parts: Iterable[Part], threshold: np.ndarray) -> np.ndarray:
        """Values and combined masks of the local blocks as a structured array. Collective where plugins are used."""
        eta = np.zeros((len(u), len(self.indicators)))
        near = np.zeros(eta.shape, dtype=np.uint32)
        jobs: list[dict[str, Any]] = []
        for column, indicator in enumerate(self.indicators):
            if isinstance(indicator, VariableIndicator):
                jobs += indicator.jobs(self.fields, self.buffer, column)
        for blocks, plan in parts:
            # A handful of different thresholds at most: levels and regions.
            for factor in np.unique(threshold[blocks]):
                chosen = blocks[threshold[blocks] == factor]
                scaled = [{**job, "tau": factor * job["tau"]} for job in jobs]
                _c.indicate(self._physics.spec, self.layout, u, chosen, scaled, eta, near, plan)
        if self.needs_pool:
            self.comm.agree(self._evaluate_plugins(mesh, u, eta))
            for column, indicator in enumerate(self.indicators):
                if isinstance(indicator, PluginIndicator):
                    hot = eta[:, column] > threshold * indicator.refine
                    near[:, column] = near_everywhere(hot, self.buffer, self.layout.dim)
        local = np.zeros(len(u), dtype=[("eta", np.float64, (len(self.indicators),)), ("near", np.uint32)])
        local["eta"], local["near"] = eta, combine_near(list(near.T), self.combine, len(u))
        return local

    def _evaluate_plugins(self, mesh: BlocksOfRank, u: np.ndarray, eta: np.ndarray) -> PluginError | None:
        """Set the plugins' columns; the first error on this rank."""
        self.fields.load(u)
        spacing = mesh.spacing[:, : self.layout.dim]
        try:
            for column, indicator in enumerate(self.indicators):
                if isinstance(indicator, PluginIndicator):
                    eta[:, column] = indicator.evaluate(self.fields, spacing, mesh.level)
        except PluginError as failure:
            return failure
        return None
