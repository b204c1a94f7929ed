"""The regrid decision: indicators on all local blocks, values gathered, flags that are the same on every rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels import indicate as _c
from amr._kernels.leaf_state import LeavesFound, Votes
from amr.errors import CaseError, FileFormatError, PluginError
from amr.indicators import leaf_state
from amr.indicators.base import Indicator, VariableIndicator
from amr.indicators.columns import COMBINATIONS, across, combine_near
from amr.indicators.decision import BlocksOfRank, Decision
from amr.indicators.families import Families, Found
from amr.indicators.fields import Fields
from amr.indicators.leaf_state import Bar
from amr.indicators.marking import Marked, Region, check_regions, mark
from amr.indicators.plugin import PluginIndicator, centre_bit, evaluate_plugins, near_everywhere
from amr.indicators.review import Guards, Part, Parts, everything, message, no_review
from amr.indicators.thresholds import ABSOLUTE, Marking, ThresholdRule, ThresholdState, n_leaves_after
from amr.indicators.trial import TrialIndicator

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest
    from amr.physics.base import Physics
    from amr.scheme.trial import TrialMaker


class Decider:
    """Decides where to refine and coarsen, and remembers of each leaf what the next decision needs.

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
    patience : int
        Regrids in a row that a leaf must have been without need before it coarsens.
    guard : Guards, optional
    marking : Marking
        How block values become thresholds.

    Attributes
    ----------
    leaf : LEAF_STATE (n_leaves,)
        What is remembered of the leaves of the last forest decided on.
    flicker : int
        Places refined and coarsened, or the other way round, within 3 regrids.
    timed : callable
        ``with timed("guard"): ...`` counts what the guards take; nobody counts by default.
    hot : bool (n_leaves, n_columns)
        Which columns called for refinement of which leaves in the last decision, whatever a cell budget said.

    Raises
    ------
    CaseError
        A buffer wider than a block, an unknown combination.
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
        patience: int = 3,
        guard: Guards | None = None,
        marking: Marking = ABSOLUTE,
    ) -> None:
        if combine not in COMBINATIONS:
            raise CaseError(f"combine: {combine!r} is none of {', '.join(COMBINATIONS)}")
        if not 0 <= buffer <= layout.n:
            raise CaseError(f"buffer: {buffer} cells, but must be within 0..{layout.n}, the cells of a block")
        self.comm, self.layout, self.geometry = comm, layout, geometry
        self.indicators, self.combine, self.buffer = tuple(indicators), combine, buffer
        self.regions, self.patience, self.guard = tuple(regions), patience, guard
        # A column per variable of an indicator; first[i] is the first one of indicator i.
        widths = [len(i.variables) if isinstance(i, VariableIndicator) else 1 for i in self.indicators]
        self.first = np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)
        variables = [v for indicator in self.indicators for v in indicator.variables]
        self.fields = Fields(physics, layout, [*variables, *(guard.variables if guard else ())])
        self._physics = physics
        self._can_fail = any(isinstance(indicator, PluginIndicator) for indicator in self.indicators)
        self.families = Families(self.indicators, self.first, layout, geometry)
        self.thresholds = ThresholdRule(marking, regions, geometry)
        self.leaf = leaf_state.start(0)
        self.flicker = 0
        self.timed: Callable[[str], AbstractContextManager[None]] = lambda phase: nullcontext()
        self.hot = np.zeros((0, int(self.first[-1])), dtype=bool)
        self._of_level: np.ndarray | None = None  # own thresholds, (2, n_levels, n_columns)
        errors = [i for i, indicator in enumerate(self.indicators) if indicator.estimates_error]
        self._error_indicator = errors[0] if errors else None
        if marking.target_error is not None and not errors:
            raise CaseError("target_error: needs an indicator that estimates the error")

    @property
    def needs_pool(self) -> bool:
        """Whether an indicator looks at all local blocks at once, with the ghosts of the pool: plugins and trial steps do."""
        return self._can_fail or self.families.needs_pool

    @cached_property
    def columns(self) -> list[list[str]]:
        """Indicator and variable of each column of the values; no variable ("") where an indicator looks at several at once."""
        names = self._physics.primitives
        return [
            [each.label, "" if v is None else names[v]]
            for each in self.indicators
            for v in (each.variables if isinstance(each, VariableIndicator) else [None])
        ]

    def decide(
        self,
        mesh: BlocksOfRank,
        u: np.ndarray,
        parts: Parts | None = None,
        sampled: np.ndarray | None = None,
        grow_only: bool = False,
        trial: TrialMaker | None = None,
        time: float = 0.0,
        held: np.ndarray | None = None,
    ) -> Decision:
        """Flags of all leaves, the same bits on every rank and for any number of ranks. Collective.

        Parameters
        ----------
        mesh : LocalMesh
            Read: ``forest``, and of the local blocks ``level`` and ``spacing``.
        u : float64 (n_block, n_var, nk, nj, ni)
            Conserved variables. The interiors are not changed; all ghosts are filled afterwards.
        parts : Parts, optional
            Local blocks (int32 arrays, each block once) and what makes their ghosts, or None where the pool's are filled: as
            `LocalMesh.ghosted` does. All blocks, with filled ghosts, by default, and always where `needs_pool`.
        sampled : bool (n_block,), optional
            Local blocks that must be refined because the initial state, a source or a boundary function has more than
            their cells say.
        grow_only : bool
            Nothing coarsens.
        trial : callable, optional
            Makes trial steps from the present state, for the indicators that judge the scheme by them.
        time : float
            Of the state, for the indicators that look ahead to a goal.
        held : bool (n_block,), optional
            Local blocks that a source or a boundary function needs as fine as they are: they stay for `HELD` regrids.

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
        if len(self.leaf) != forest.n_leaves:
            self.leaf = leaf_state.start(forest.n_leaves)
        if not self.fields.scales:
            self.fields.measure(u, self.comm)
        parts = parts or everything(len(u))
        refine, coarsen = self._own_thresholds(forest)
        first = rule.first(forest)
        values = self.families.begin(len(u))
        found = self._gather(mesh, u, parts, self._limits(refine, coarsen, first), (sampled, held), values, trial, time)
        value, column = self._columns(found, refine, coarsen).values()
        threshold = first
        if self._error_indicator is not None:
            before = rule.state.multiplier
            rule.follow_target(forest, self._error(found, self._error_indicator), value * before / first)
            threshold = first * (rule.state.multiplier / before)
        threshold = rule.choose(forest, threshold, value)
        if threshold is not first and not np.array_equal(threshold, first):
            limits = self._limits(refine, coarsen, threshold)
            found = self._gather(mesh, u, parts, limits, (sampled, held), values, trial, time, again=True)
        return self._mark(forest, found, (value, column), threshold, refine, coarsen, grow_only)

    def adapted(self, source: np.ndarray, change: np.ndarray) -> None:
        """Take over what is remembered to the leaves of the next forest; arrays as of `Forest.adapt`."""
        self.leaf = leaf_state.carry(self.leaf, source, change, 1 << self.layout.dim)

    def to_meta(self) -> dict[str, Any]:
        """What a restart needs, as plain values, the same for any number of ranks."""
        guard = self.guard.to_meta() if self.guard else {}
        return {
            "leaf": leaf_state.to_text(self.leaf),
            "scales": self.fields.to_meta(),
            "thresholds": self.thresholds.state.to_meta(),
            "flicker": self.flicker,
            "columns": self.columns,
            "guard": guard,
        }

    def from_meta(self, meta: Mapping[str, Any], n_leaves: int) -> None:
        """Go on from what `to_meta` gave, with a forest of so many leaves.

        Raises
        ------
        FileFormatError
            It is of another forest.
        """
        try:
            self.leaf = leaf_state.from_text(meta["leaf"], n_leaves)
        except ValueError as error:
            raise FileFormatError(f"the state of the leaves is damaged: {error}") from None
        self.fields.from_meta(meta["scales"])
        self.thresholds.state = ThresholdState.from_meta(meta["thresholds"])
        self.flicker = meta["flicker"]
        if self.guard and meta["guard"]:
            self.guard.from_meta(meta["guard"])

    def _own_thresholds(self, forest: Forest) -> tuple[np.ndarray, np.ndarray]:
        """``refine`` and ``coarsen`` of each leaf and column, before marking strategies."""
        if self._of_level is None or len(self._of_level[0]) != forest.max_level + 1:
            levels = np.arange(forest.max_level + 1, dtype=np.int8)
            each = [indicator.thresholds(levels, forest.max_level, forest.dim) for indicator in self.indicators]
            of_level = np.empty((2, len(levels), int(self.first[-1])))
            for i, both in enumerate(each):
                of_level[:, :, self.first[i] : self.first[i + 1]] = np.stack(both)[:, :, None]
            self._of_level = of_level
        refine, coarsen = self._of_level
        return refine.take(forest.level, axis=0), coarsen.take(forest.level, axis=0)

    def _limits(self, refine: np.ndarray, coarsen: np.ndarray, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What makes a leaf hot, and what it must not exceed to be looked at on its parent's cells, of each leaf and column."""
        hot = refine * threshold[:, None]
        # A budget may raise the thresholds by more than is known yet.
        return hot, hot if self.thresholds.marking.max_leaves is not None else coarsen * threshold[:, None]

    def _jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = []
        for i, indicator in enumerate(self.indicators):
            if isinstance(indicator, VariableIndicator):
                jobs += indicator.jobs(self.fields, self.buffer, int(self.first[i]))
        seen = {job["variable"] for job in jobs if job["id"] == _c.MULTIRESOLUTION}
        for variable in self.guard.variables if self.guard else ():
            if variable not in seen:
                scale = self.fields.scales[variable].scale
                jobs.append({"id": _c.MULTIRESOLUTION, "variable": variable, "column": -1, "buffer": 0, "scale": scale})
        return jobs

    def _gather(
        self,
        mesh: BlocksOfRank,
        u: np.ndarray,
        parts: Parts,
        limits: tuple[np.ndarray, np.ndarray],
        functions: tuple[np.ndarray | None, np.ndarray | None],
        values: Found,
        trial: TrialMaker | None,
        time: float,
        again: bool = False,
    ) -> np.ndarray:
        """What is found in all leaves, a structured array, with the ``limits`` of `_limits`. Collective.

        ``values`` of the families do not depend on thresholds: they are made unless this is done ``again``.
        """
        found = self._indicate(mesh, u, parts(again=again), limits)
        if self.fields.follow(found.lowest, found.highest, u, self.comm):
            found = self._indicate(mesh, u, parts(again=True), limits)
        if self._can_fail:
            self.comm.agree(self._evaluate_plugins(mesh, u, found))
        if not again:
            self.families.evaluate(values, self.fields, mesh, u, parts, trial, time)
        self.families.fold(values, found, self.buffer)
        near = self._near(found)
        local = np.zeros(len(u), dtype=message(int(self.first[-1])))
        local["eta"], local["parent"], local["detail"], local["near"] = found.eta, found.parent, found.detail, near
        local["error"] = values.error
        local["sampled"], local["held"] = (False if each is None else each for each in functions)
        if self.guard:
            is_hot = (near & centre_bit(self.layout.dim)) != 0
            alarmed = (is_hot & (mesh.level < mesh.forest.max_level)).nonzero()[0].astype(np.int32)
            with self.timed("guard"):
                local["look"][alarmed] = self.guard.look(u, parts, alarmed, self.fields.scales)
        # One message for all: leaves are in SFC order, ranks hold contiguous pieces of it.
        everywhere = self.comm.allgatherv(local)
        self.families.derive(mesh.forest, everywhere, limits[0], self.buffer, self.combine)
        return everywhere

    def _error(self, found: np.ndarray, indicator: int) -> np.ndarray:
        """Estimated L1 error per volume of all leaves, by one of the indicators."""
        if isinstance(self.indicators[indicator], TrialIndicator):
            return found["error"]
        return self._by_indicator(found["eta"])[:, indicator]

    def _indicate(
        self, mesh: BlocksOfRank, u: np.ndarray, parts: Iterable[Part], limits: tuple[np.ndarray, np.ndarray]
    ) -> Any:
        tau, low = (limit[mesh.leaves] for limit in limits)
        found = _c.Indicated(tau, self.layout.n_var, low, self.fields.variables)
        jobs = self._jobs()
        for blocks, plan in parts:
            _c.indicate(self._physics.spec, self.layout, u, blocks, jobs, found, plan)
        return found

    def _near(self, found: Any) -> np.ndarray:
        """Combined masks of the local blocks: those of an indicator's variables are joined in any case."""
        own = [
            across(np.bitwise_or, found.near[:, self.first[i] : self.first[i + 1]])
            for i in range(len(self.indicators))
            if i not in self.families.derived
        ]
        return combine_near(own, self.combine, len(found.near))

    def _evaluate_plugins(self, mesh: BlocksOfRank, u: np.ndarray, found: Any) -> PluginError | None:
        """Set the plugins' columns; the first error on this rank."""
        spacing = mesh.spacing[:, : self.layout.dim]
        plugins = {self.first[i]: each for i, each in enumerate(self.indicators) if isinstance(each, PluginIndicator)}
        try:
            evaluate_plugins(plugins, self.fields, u, spacing, mesh.level, found.eta)
        except PluginError as failure:
            return failure
        for column in plugins:
            eta = found.eta[:, column]
            found.near[:, column] = near_everywhere(eta > found.tau[:, column], self.buffer, self.layout.dim)
            # A plugin is not asked about restricted blocks: their number of cells would surprise it.
            found.parent[:, column] = eta
        return None

    def _columns(self, found: np.ndarray, refine: np.ndarray, coarsen: np.ndarray) -> LeavesFound:
        return LeavesFound(found, self.first, self.combine == "and", refine, coarsen)

    def _mark(
        self, forest: Forest, found: np.ndarray, value_column: tuple[np.ndarray, np.ndarray], threshold: np.ndarray,
        refine: np.ndarray, coarsen: np.ndarray, grow_only: bool,
    ) -> Decision:  # fmt: skip
        """The decision, from what was gathered of all leaves, its value and the column that is from."""
        leaf, (value, column) = self.leaf, value_column
        columns = self._columns(found, refine, coarsen)
        near, hot, sampled = columns.hot(forest.level, forest.max_level, centre_bit(forest.dim), leaf)
        if self.guard:
            with self.timed("guard"):
                review = self.guard.review(forest, leaf, hot, sampled, found)
        else:
            review = no_review(forest.n_leaves)
            leaf["bar"] = Bar.NONE
        near[review.rejected] = 0
        released = review.released & (leaf["held"] == 0)
        votes = Votes(columns, leaf, value, threshold, hot, sampled, review.low, review.on_trial)

        def marked_at(factor: float, calm: np.ndarray) -> Marked:
            # Raised: the masks of the threshold below, of the blocks that are still hot. Never less than what is near.
            masks = near if factor == 1 else np.where(sampled | (value > factor * threshold), near, np.uint32(0))
            # A budget that binds has no patience.
            is_calm = (calm >= (self.patience if factor == 1 else 1)) | released
            return mark(forest, masks, is_calm & (not grow_only), self.regions, self.geometry, review.vetoed)

        factor = 1.0
        if self.thresholds.marking.max_leaves is not None:
            ratio, largest = float((coarsen / refine).min(initial=1.0)), across(np.maximum, found["eta"] / refine)
            factor = self.thresholds.fit(
                lambda f: n_leaves_after(forest, marked_at(f, votes.calm(f)).flags), largest, threshold, ratio
            )
        calm = votes.calm(factor)
        marked = marked_at(factor, calm)
        self.hot, flicker = votes.note(
            calm, marked.cause, column, marked.flags, forest.level, forest.max_level, forest.dim, factor
        )
        self.flicker += flicker
        if self.guard:
            with self.timed("guard"):
                self.guard.settle(forest, leaf, review, marked, found)
        labels = tuple(indicator.label for indicator in self.indicators)
        scales = {self._physics.primitives[v]: scale for v, scale in self.fields.scales.items()}
        eta = self._by_indicator(found["eta"])
        return Decision(marked.flags, value, eta, factor * threshold, near, labels, scales)

    def _by_indicator(self, columns: np.ndarray) -> np.ndarray:
        """Largest of each indicator's columns, (n_leaves, n_indicators)."""
        found = np.zeros((len(columns), len(self.indicators)))
        for i in range(len(self.indicators)):
            found[:, i] = across(np.maximum, columns[:, self.first[i] : self.first[i + 1]])
        return found
