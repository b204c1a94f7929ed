"""Why each leaf is as fine as it is, and what keeps it from being finer: as numbers for pictures, and in words.

Everything follows from what is remembered of the leaves (`amr.indicators.leaf_state`), which is in every checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amr.guard.classify import Kind
from amr.guard.verify import DETAIL, HOLD, TRIAL, WAKE
from amr.indicators.leaf_state import Bar, Cause


def causes(leaf: np.ndarray) -> np.ndarray:
    """`Cause` of each leaf, uint8 (n,): leaves that nothing but their trial keeps are on TRIAL."""
    return np.where((leaf["trial"] > 0) & (leaf["cause"] == Cause.PATIENCE), Cause.TRIAL, leaf["cause"]).astype(
        np.uint8
    )


def leaf_fields(leaf: np.ndarray) -> dict[str, np.ndarray]:
    """Fields for ParaView from LEAF_STATE (n,): name -> float64 (n,). docs/output.md says what the numbers mean."""
    return {
        "cause": causes(leaf).astype(float),
        "bar": leaf["bar"].astype(float),
        "class": leaf["kind"].astype(float),
        "indicator_value": leaf["value"].astype(float),
        "trial": leaf["trial"].astype(float),
    }


@dataclass(frozen=True)
class Place:
    """Where a leaf is.

    Attributes
    ----------
    number : int
        In SFC order.
    n_leaves : int
    level, max_level : int
    lower, upper, spacing : sequence of float (dim,)
        Corners, and width of its cells.
    """

    number: int
    n_leaves: int
    level: int
    max_level: int
    lower: Sequence[float]
    upper: Sequence[float]
    spacing: Sequence[float]


@dataclass(frozen=True)
class Explanation:
    """Lists of sentences: where a leaf is, what it holds, why it is that fine and not finer, what would change that."""

    where: list[str]
    content: list[str]
    why: list[str]
    why_not_finer: list[str]
    finer: list[str]
    coarser: list[str]

    def sections(self) -> dict[str, list[str]]:
        """Heading -> sentences, in the order they are read."""
        return {
            "Where": self.where,
            "What it holds": self.content,
            "Why it is this fine": self.why,
            "Why it is not finer": self.why_not_finer,
            "What would refine it": self.finer,
            "What would coarsen it": self.coarser,
        }


def explain(leaf: np.void, place: Place, columns: Sequence[Sequence[str]], patience: int) -> Explanation:
    """Tell the state of a leaf in words.

    Parameters
    ----------
    leaf : LEAF_STATE, one element
    place : Place
    columns : sequence of (indicator, variable)
        As `Finder.columns`.
    patience : int
        Regrids in a row without need before a leaf coarsens.
    """
    teller = _Teller(leaf, place, columns, patience)
    return Explanation(
        teller.where(), teller.content(), teller.why(), teller.why_not_finer(), teller.finer(), teller.coarser()
    )


class _Teller:
    """The sentences of `explain`, heading by heading."""

    def __init__(self, leaf: np.void, place: Place, columns: Sequence[Sequence[str]], patience: int) -> None:
        self.leaf, self.place, self.patience = leaf, place, patience
        self.cause, self.bar = Cause(int(causes(np.array([leaf]))[0])), Bar(int(leaf["bar"]))
        self.is_new = int(leaf["last"]) != 0 and int(leaf["since"]) == 0
        label, variable = columns[int(leaf["column"])] if columns else ("", "")
        self.name = f"{label} of {variable}" if variable else label
        self.refine, self.value = float(leaf["refine"]), float(leaf["value"])

    def where(self) -> list[str]:
        place = self.place
        box = " x ".join(f"[{a:.6g}, {b:.6g}]" for a, b in zip(place.lower, place.upper, strict=True))
        spacing = " x ".join(f"{h:.4g}" for h in place.spacing)
        return [
            f"Leaf {place.number} of {place.n_leaves}, {box}.",
            f"Level {place.level} of at most {place.max_level}; cells of {spacing}.",
        ]

    def content(self) -> list[str]:
        kind = int(self.leaf["kind"])
        if kind < 0:
            return ["It was not classed: it was not alarmed at the last regrid, or is on the finest level."]
        return [f"The spectral guard calls it {Kind(kind).label}."]

    def _measured(self) -> str:
        """Value and threshold, or that there are none."""
        if not self.name:
            return "The case has no indicator."
        if self.refine == 0.0:
            return "It was not there at the last regrid, so that its own values are not known yet."
        side = "above" if self.value > 1 else "not above"
        return (
            f"The indicator {self.name} is {self.value * self.refine:.4g}, {side} the threshold {self.refine:.4g} "
            f"({self.value:.3g} of it)."
        )

    def why(self) -> list[str]:
        if self.is_new and int(self.leaf["last"]) < 0:
            return ["Its children were joined at the last regrid."]
        text = {
            Cause.ROOT: "It is a root block, the coarsest there is."
            if self.place.level == 0
            else "Nothing has been decided about it yet.",
            Cause.INDICATOR: f"The indicator {self.name} called for it.",
            Cause.SAMPLING: "Samples of the initial state left what its cells say of it by more than guard.tolerance.",
            Cause.PROBE: "Samples of a source or of a boundary function leave what its cells, or its parent's, say of it by more "
            f"than guard.tolerance; that keeps it for {int(self.leaf['held'])} regrids from now.",
            Cause.REGION: "A static region of refinement.regions asks for this level.",
            Cause.BUFFER: "Hot cells of a block nearby are within refinement.buffer cells of it.",
            Cause.TRIAL: f"It is on trial, regrid {int(self.leaf['age'])} of {TRIAL}: it was refined for an alarm and has not "
            "shown anything yet that its parent could not hold.",
            Cause.PATIENCE: self._patience_text(),
            Cause.SIBLING: "It could be coarser, but not all of its siblings are leaves that could.",
            Cause.BALANCE: "A finer neighbour: no two leaves that touch may be more than one level apart (2:1 balance).",
        }[self.cause]
        if self.is_new:
            return [f"It was refined at the last regrid. The cause was its parent's: {text}"]
        return [text] if self.cause == Cause.ROOT and self.place.level else [text, self._measured()]

    def _patience_text(self) -> str:
        calm = int(self.leaf["calm"])
        if calm:
            return f"Nothing needs it, for {calm} regrids in a row; after {self.patience} it coarsens."
        return f"Nothing refines it, but it or its parent would need it: {self._parent()}."

    def _parent(self) -> str:
        share = float(self.leaf["parent"])
        return f"on its cells or those of its parent the indicators show {share:.3g} of the threshold for coarsening"

    def why_not_finer(self) -> list[str]:
        leaf = self.leaf
        if self.bar == Bar.NONE:
            if self.place.level == self.place.max_level:
                return ["It is on the finest level, and nothing asked for more at the last regrid."]
            return [self._measured() if self.is_new or self.refine == 0.0 else "Nothing asks for more."]
        if self.bar == Bar.MAX_LEVEL:
            return [f"It is hot, but mesh.max_level = {self.place.max_level} is reached.", self._measured()]
        wait = f"alarms are turned down for {int(leaf['noise_wait'])} more regrids (veto {int(leaf['noises'])} of this place)"
        text = {
            Bar.NOISE: f"What it shows is noise, in which no mesh finds more: {wait}.",
            Bar.ODD_EVEN: f"What it shows alternates from cell to cell, which is the grid's own doing: {wait}.",
            Bar.GHOST: f"Its last refinement bought nothing: alarms are turned down for {int(leaf['ghost_wait'])} more regrids "
            f"(ghost alarm {int(leaf['ghosts'])} of this place).",
            Bar.HOLD: f"It may be noise: the alarm is held back, regrid {int(leaf['hold'])} of {HOLD}, until its neighbours and "
            "the next regrids tell.",
            Bar.TRIAL: "It is on trial itself: before it has shown something new it is not refined again.",
        }[self.bar]
        return [text, self._measured()]

    def finer(self) -> list[str]:
        if self.bar == Bar.MAX_LEVEL or self.place.level == self.place.max_level:
            threshold = "" if self.bar == Bar.MAX_LEVEL else self._lower_threshold(" and ")
            return [f"A mesh.max_level above {self.place.max_level}{threshold}."]
        ghost = f"rms second differences above {WAKE:g} x {float(self.leaf['alarm_rms']):.3g} of the range"
        return [
            {
                Bar.NONE: self._lower_threshold("") or "An indicator above its threshold at the next regrid.",
                Bar.NOISE: "Content that is not noise; or guard.classify = false.",
                Bar.ODD_EVEN: "Content that does not alternate; or guard.classify = false.",
                Bar.GHOST: f"The end of the wait, or content that has grown: {ghost}; or guard.verify = false.",
                Bar.HOLD: "A regrid that shows it is no noise, or the end of the hold; or guard.classify = false.",
                Bar.TRIAL: f"A detail above {DETAIL:g} of the range, which its parent could not hold; or guard.verify = false.",
            }[self.bar]
        ]

    def _lower_threshold(self, before: str) -> str:
        if not self.name or self.value <= 0:
            return ""
        sentence = f"a threshold of {self.name} below {self.value * self.refine:.4g}"
        return before + sentence if before else f"{sentence[0].upper()}{sentence[1:]} (it is {self.refine:.4g})."

    def coarser(self) -> list[str]:
        if self.place.level == 0:
            return ["Nothing: root blocks are the coarsest."]
        rule = f"{self.patience} regrids in a row (refinement.patience) in which its parent could do without it"
        calm = int(self.leaf["calm"])
        if self.is_new or self.refine == 0.0:
            return [f"Its siblings, no hot cells nearby, and {rule}."]
        now = f"{rule}; at the last one {self._parent()}, so far it was calm in {calm}"
        return [
            {
                Cause.ROOT: f"{_capital(now)}.",
                Cause.INDICATOR: f"{_capital(now)}.",
                Cause.SAMPLING: f"{_capital(now)}.",
                Cause.PROBE: f"{int(self.leaf['held'])} regrids without such a finding, and then {now}; or guard.scouts = false.",
                Cause.REGION: "A lower level of that region, or none; then the indicators decide.",
                Cause.BUFFER: f"That the block nearby cools down, or a smaller refinement.buffer; and {now}.",
                Cause.TRIAL: f"The end of the trial in {max(0, TRIAL - int(self.leaf['age']))} regrids, unless a detail above "
                f"{DETAIL / 4:g} of the range appears: then it is kept.",
                Cause.PATIENCE: f"{_capital(now)}.",
                Cause.SIBLING: "That all of its siblings could be coarser, too.",
                Cause.BALANCE: "That its finer neighbour coarsens.",
            }[self.cause]
        ]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
