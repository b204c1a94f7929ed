"""The regrid decision: indicators, values and patience of the local blocks, wishes combined, flags the same on every rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.leaf_state import Votes
from amr.errors import CaseError
from amr.indicators import leaf_state
from amr.indicators.columns import across, count_hot
from amr.indicators.decision import BlocksOfRank, Decision
from amr.indicators.finder import Finder, Present
from amr.indicators.leaf_state import Bar
from amr.indicators.marking import Marked, Region, check_regions, mark, wish
from amr.indicators.plugin import centre_bit
from amr.indicators.review import Asked, Parts, Review, everything, no_review
from amr.indicators.thresholds import ABSOLUTE, Marking, ThresholdRule, ThresholdState, n_leaves_after

if TYPE_CHECKING:
    from amr.scheme.trial import TrialMaker


class Decider:
    """Decides where to refine and coarsen, and remembers of this rank's leaves what the next decision needs.

    Parameters
    ----------
    finder : Finder
        The indicators, without which everything outside the regions coarsens, and the guards.
    regions : sequence of Region
    patience : int
        Regrids in a row that a leaf must have been without need before it coarsens.
    marking : Marking
        How block values become thresholds.

    Attributes
    ----------
    leaf : LEAF_STATE (n_block,)
        What is remembered of this rank's leaves of the last forest decided on.
    flicker : float
        Places refined and coarsened, or the other way round, within 3 regrids; what this rank has counted of them.
    n_hot : dict of str to int
        Variable -> leaves of all ranks on ``max_level`` that called for more in the last decision, whatever a cell budget said.

    Raises
    ------
    CaseError
        Options of ``marking`` that do not go together, or that no indicator serves.
    """

    def __init__(
        self, finder: Finder, regions: Sequence[Region] = (), patience: int = 3, marking: Marking = ABSOLUTE
    ) -> None:
        self.finder, self.comm, self.guard = finder, finder.comm, finder.guard
        self.regions, self.patience = tuple(regions), patience
        self.thresholds = ThresholdRule(marking, regions, finder.geometry, finder.comm)
        self.leaf = leaf_state.start(0)
        self.flicker = 0.0
        self.n_hot: dict[str, int] = {}
        errors = [i for i, indicator in enumerate(finder.indicators) if indicator.estimates_error]
        self._error_indicator = errors[0] if errors else None
        if marking.target_error is not None and not errors:
            raise CaseError("target_error: needs an indicator that estimates the error")

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
        mesh : BlocksOfRank
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
        rule, finder = self.thresholds, self.finder
        check_regions(self.regions, mesh.forest.dim, mesh.forest.max_level)
        if len(self.leaf) != len(u):
            self.leaf = leaf_state.start(len(u))
        if not finder.fields.scales:
            finder.fields.measure(u, self.comm)
        present = Present(mesh, u, parts or everything(len(u)), sampled, held, trial, time)
        refine, coarsen = finder.own_thresholds(mesh)
        first = rule.first(mesh)
        values = finder.families.begin(len(u))
        found = finder.find(present, rule.limits(refine, coarsen, first), values)
        value, column = finder.leaves(found, refine, coarsen).values()
        threshold = first
        if self._error_indicator is not None:
            before = rule.state.multiplier
            rule.follow_target(mesh, finder.error(found, self._error_indicator), value * before / first)
            threshold = first * (rule.state.multiplier / before)
        threshold = rule.choose(mesh, threshold, value)
        if threshold is not first and self.comm.any(not np.array_equal(threshold, first)):
            found = finder.find(present, rule.limits(refine, coarsen, threshold), values, again=True)
        return self._mark(mesh, found, (value, column), threshold, refine, coarsen, grow_only)

    def adapted(self, source: np.ndarray, change: np.ndarray, old: np.ndarray, new: np.ndarray) -> None:
        """Take over what is remembered to this rank's leaves of the next forest. Collective.

        ``source`` and ``change`` as of `Forest.adapt`; ``old`` and ``new`` int64 (size + 1,): first leaf of each rank in the
        forest before and in the next.
        """
        self.leaf = leaf_state.move(self.leaf, source, change, 1 << self.finder.layout.dim, old, new, self.comm)

    def totals(self) -> tuple[dict[str, int], float]:
        """The guards' counters, and ``flicker``, of all ranks. Collective."""
        own, n_children = self.guard.to_meta() if self.guard else {}, 1 << self.finder.layout.dim
        flicker, *counts = self.comm.allreduce_sum_int([self.flicker * n_children, *own.values()]).tolist()
        return dict(zip(own, counts, strict=True)), flicker / n_children

    def to_meta(self) -> dict[str, Any]:
        """What a restart needs beside ``leaf``, as plain values, the same for any number of ranks. Collective."""
        guard, flicker = self.totals()
        return {
            "scales": self.finder.fields.to_meta(),
            "thresholds": self.thresholds.state.to_meta(),
            "flicker": flicker,
            "columns": self.finder.columns,
            "guard": guard,
        }

    def from_meta(self, meta: Mapping[str, Any], leaf: np.ndarray) -> None:
        """Go on from what `to_meta` gave, and from the state of this rank's leaves."""
        self.leaf = leaf
        self.finder.fields.from_meta(meta["scales"])
        self.thresholds.state = ThresholdState.from_meta(meta["thresholds"])
        if self.comm.rank == 0:  # the totals go on as one rank's
            self.flicker = meta["flicker"]
            if self.guard and meta["guard"]:
                self.guard.from_meta(meta["guard"])

    def _mark(
        self, mesh: BlocksOfRank, found: np.ndarray, value_column: tuple[np.ndarray, np.ndarray], threshold: np.ndarray,
        refine: np.ndarray, coarsen: np.ndarray, grow_only: bool,
    ) -> Decision:  # fmt: skip
        """The decision, from what was found in the local leaves, their value and the column that is from."""
        forest, leaf, (value, column) = mesh.forest, self.leaf, value_column
        finder = self.finder
        columns = finder.leaves(found, refine, coarsen)
        near, hot, sampled, hot_columns = columns.hot(
            mesh.level, forest.max_level, centre_bit(forest.dim), threshold, leaf
        )
        review = self._review(mesh, found, hot, sampled, hot_columns)
        near[review.rejected] = 0
        released = review.released & (leaf["held"] == 0)
        votes = Votes(columns, leaf, value, threshold, hot, sampled, review.low, review.on_trial)

        def marked_at(factor: float, calm: np.ndarray) -> Marked:
            # Raised: the masks of the threshold below, of the blocks that are still hot. Never less than what is near.
            masks = near if factor == 1 else np.where(sampled | (value > factor * threshold), near, np.uint32(0))
            # A budget that binds has no patience.
            is_calm = (calm >= (self.patience if factor == 1 else 1)) | released
            is_calm &= not grow_only
            wishes = wish(forest, mesh.leaves, masks, is_calm, review.vetoed, self.regions, finder.geometry)
            return mark(forest, self.comm.allreduce_or(wishes))

        factor = 1.0
        if self.thresholds.marking.max_leaves is not None:
            ratio, largest = float((coarsen / refine).min(initial=1.0)), across(np.maximum, found["eta"] / refine)
            factor = self.thresholds.fit(
                lambda f: n_leaves_after(forest, marked_at(f, votes.calm(f)).flags), largest, threshold, ratio
            )
        calm = votes.calm(factor)
        marked = marked_at(factor, calm)
        flags, cause = marked.flags[mesh.leaves], marked.cause[mesh.leaves]
        shares = votes.note(calm, cause, column, flags, mesh.level, forest.max_level, forest.dim, factor)
        self.flicker += shares / forest.n_children
        if self.guard:
            with self.finder.timed("guard"):
                self.guard.settle(mesh, leaf, review, flags, found)
        labels = tuple(indicator.label for indicator in finder.indicators)
        scales = {finder.physics.primitives[v]: scale for v, scale in finder.fields.scales.items()}
        eta = finder.by_indicator(found["eta"])
        return Decision(marked.flags, value, eta, factor * threshold, near, labels, scales)

    def _review(
        self, mesh: BlocksOfRank, found: np.ndarray, hot: np.ndarray, sampled: np.ndarray, hot_columns: np.ndarray
    ) -> Review:
        """What the guards say; sets ``n_hot``. Collective."""
        leaf, guard, asked = self.leaf, self.guard, Asked()
        if guard:
            with self.finder.timed("guard"):
                alarms = guard.alarms(mesh, leaf, hot, sampled, found)
            asked = alarms.asked
        own = count_hot(hot_columns, mesh.level == mesh.forest.max_level, self.finder.columns)
        totals = self.comm.allreduce_sum_int([*asked, *own.values()]).tolist()
        self.n_hot = dict(zip(own, totals[len(asked) :], strict=True))
        if not guard:
            leaf["bar"] = Bar.NONE
            return no_review(len(leaf))
        with self.finder.timed("guard"):
            return guard.review(mesh, leaf, alarms, found, Asked(*(n > 0 for n in totals[: len(asked)])), self.comm)
