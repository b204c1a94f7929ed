"""Refine, verify, commit: which alarms are believed, and whether what was refined for them was worth it.

Each rank judges its own leaves. It asks the others only where noise is suspected, for the samples of the neighbours, and where
siblings on trial belong to two ranks; all ranks agree on when that is, and the verdicts do not depend on who owns a leaf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.leaf_state import alarms
from amr.guard.classify import Kind, class_limits, classify
from amr.indicators.leaf_state import Bar
from amr.indicators.review import LOOK, Alarms, Asked, Review
from amr.mesh.neighbors import SAME, neighbors

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.indicators.decision import BlocksOfRank
    from amr.indicators.fields import Scale
    from amr.indicators.review import Parts
    from amr.mesh.pool import Layout
    from amr.physics.base import Physics

#: Detail, in units of the range, above which a block is news to its parent: the threshold of the multiresolution indicator.
DETAIL = 0.004
#: Second difference, in units of the range, below a quarter of which the spectral guard calls a block smooth.
CURVATURE = 0.02
#: Regrids that a trial lasts, that a doubtful alarm is held, and of the first and the longest cooldown.
TRIAL, HOLD, COOLDOWN, LONGEST = 4, 3, 8, 256
#: One sample's standard deviation of the spectral exponent; samples that settle a doubt; deviations that are a doubt.
EXPONENT_NOISE, SETTLED, DOUBT = 0.35, 12, 1.5
#: A place in cooldown is looked at again when its rms second difference has grown by this.
WAKE = 2.0


@dataclass
class Counters:
    """Of the run since t = 0, over restarts; on each rank what its leaves have added."""

    alarms: int = 0
    trials: int = 0
    commits: int = 0
    ghost_alarms: int = 0
    noise_vetoes: int = 0
    holds: int = 0


class Guard:
    """The guards that act at a regrid.

    Parameters
    ----------
    physics : Physics
    layout : Layout
    variables : sequence of int
        Primitive variables whose detail and class are looked at.
    classify, verify : bool
        Whether the spectral guard, and refine-verify-commit, are on.

    Attributes
    ----------
    counters : Counters
    """

    def __init__(
        self, physics: Physics, layout: Layout, variables: Sequence[int], classify: bool = True, verify: bool = True
    ) -> None:
        self.variables = tuple(variables)
        self.counters = Counters()
        self._physics, self._layout = physics, layout
        self._classify, self._verify = classify, verify
        self._limits = class_limits(layout.dim, layout.n, CURVATURE)

    def look(self, u: np.ndarray, parts: Parts, alarmed: np.ndarray, scales: Mapping[int, Scale]) -> np.ndarray:
        """Class and features of alarmed local blocks, LOOK (m,). Not collective.

        Parameters
        ----------
        u : float64 (n_block, n_var, nk, nj, ni)
        parts : Parts
            All local blocks, and what makes their ghosts; asked ``again``.
        alarmed : int32 (m,)
        scales : dict of int to Scale
        """
        found = np.zeros(len(u), dtype=LOOK)
        if not len(alarmed):  # most regrids
            return found[alarmed]
        is_alarmed = np.zeros(len(u), dtype=bool)
        is_alarmed[alarmed] = True
        pick = np.array(self.variables, dtype=np.int32)
        scale = np.array([scales[v].scale for v in self.variables])
        for blocks, plan in parts(again=True):
            own = blocks[is_alarmed[blocks]]
            if not len(own) or not len(pick):
                continue
            seen = classify(self._physics.spec, self._layout, u, own, pick, scale, CURVATURE, plan)
            for name in LOOK.names or ():
                found[name][own] = seen[name]
        return found[alarmed]

    def alarms(
        self, mesh: BlocksOfRank, leaf: np.ndarray, hot: np.ndarray, sampled: np.ndarray, found: np.ndarray
    ) -> Alarms:
        """The alarms of this rank's leaves; ``leaf`` is brought up to date in place. Not collective.

        Parameters
        ----------
        mesh : BlocksOfRank
        leaf : LEAF_STATE (n_block,)
        hot, sampled : bool (n_block,)
            Alarmed by an indicator or by sampling; by sampling.
        found : structured (n_block,)
            What was found: ``detail`` and ``look``.
        """
        wake = WAKE if self._verify else 0.0
        alarm, n_alarm, has_kinds, has_samples, has_trials = alarms(
            found, mesh.level, mesh.forest.max_level, hot, sampled, leaf, wake
        )
        self.counters.alarms += n_alarm
        looks = self._classify and (has_kinds or has_samples)  # else nobody is or was suspected
        suspects = looks and bool(_suspects(leaf, alarm & ~sampled).any())
        return Alarms(alarm, sampled, Asked(looks, suspects, self._verify and has_trials and _is_shared(mesh, leaf)))

    def review(
        self, mesh: BlocksOfRank, leaf: np.ndarray, alarms: Alarms, found: np.ndarray, asked: Asked, comm: Comm
    ) -> Review:
        """Judge the alarms of this rank's leaves; ``leaf`` is brought up to date in place. Collective.

        Parameters as of `alarms`, what it gave, and what is ``asked`` by any rank.
        """
        no = np.zeros(len(leaf), dtype=bool)
        open_, vetoed, released, low, on_trial = alarms.all & ~alarms.sampled, no, no, no, no
        if asked.looks:
            vetoed = self._turn_down_noise(mesh, leaf, open_, found["look"], comm if asked.suspects else None)
        if self._verify:
            low = found["detail"] < DETAIL / 16
            is_tried = leaf["trial"] > 0
            if asked.trials or is_tried.any():
                chained = open_ & (leaf["bar"] == Bar.NONE) & is_tried & (found["detail"] < DETAIL)
                leaf["bar"][chained] = Bar.TRIAL
                released = self._judge_trials(mesh, leaf, found["detail"], comm if asked.trials else None)
                on_trial = (leaf["trial"] > 0) & ~released
        return Review(leaf["bar"] != Bar.NONE, vetoed, released, low, on_trial)

    def settle(
        self, mesh: BlocksOfRank, leaf: np.ndarray, review: Review, flags: np.ndarray, found: np.ndarray
    ) -> None:
        """Begin trials and cooldowns for what is really done, now that buffer and balance have had their say. Not collective.

        Parameters as of `review`, and the flags int8 (n_block,) that they led to.
        """
        if not self._verify or not ((flags > 0).any() or review.released.any()):
            return
        alarm = (leaf["kind"] >= 0) & ~review.rejected & ~found["sampled"]
        begins = alarm & (flags > 0)
        self.counters.trials += int(begins.sum())
        leaf["trial"] = np.where(begins, 1, np.where(flags > 0, 0, leaf["trial"]))
        leaf["alarm_rms"] = np.where(begins, found["look"]["rms"], leaf["alarm_rms"])
        undone = review.released & (flags < 0)
        is_first_child = ~(mesh.forest.coords[mesh.leaves] & 1).any(axis=1)
        self.counters.ghost_alarms += int((undone & is_first_child).sum())
        leaf["ghosts"][undone] = np.minimum(leaf["ghosts"][undone], 254) + 1
        leaf["ghost_wait"][undone] = cooldown(leaf["ghosts"][undone])

    def _turn_down_noise(
        self, mesh: BlocksOfRank, leaf: np.ndarray, open_: np.ndarray, look: np.ndarray, comm: Comm | None
    ) -> np.ndarray:
        """Veto odd-even ghosts at once, and noise when neighbours and the last regrids agree; the vetoed leaves.

        Collective if there is a ``comm``: then ranks have suspects.
        """
        samples, kind, alarm = leaf["samples"], leaf["kind"], open_ & (leaf["bar"] == Bar.NONE)
        samples[:, 1:] = samples[:, :-1].copy()
        samples[:, 0] = np.nan
        looked = kind >= 0
        for i, name in enumerate(("q3", "flh", "PR")):
            samples[looked, 0, i] = look[name][looked]
        suspects = np.flatnonzero(_suspects(leaf, open_))
        nothing = np.zeros(0, dtype=bool)
        noise, doubt = (nothing, nothing) if comm is None else self._pool(mesh, samples, suspects, comm)
        waits = leaf["noise_wait"][suspects] > 0
        waiting, struck = np.zeros(len(leaf), dtype=bool), np.zeros(len(leaf), dtype=bool)
        waiting[suspects[waits & (noise | doubt)]] = True
        # Noise now and then looks like a jump: a jump is believed at a noisy place when it has stayed there.
        was_noise = (~np.isnan(samples[:, 1:, 0])).sum(axis=1) >= 2
        single = (kind == Kind.ODD_EVEN) | ((kind == Kind.DISCONTINUITY) & was_noise)
        waiting |= alarm & (leaf["noise_wait"] > 0) & single
        held = suspects[~waits & doubt & (leaf["hold"][suspects] < HOLD)]
        believed = np.ones(len(leaf), dtype=bool)
        believed[held] = False
        leaf["hold"] = np.where(believed, 0, leaf["hold"] + 1)
        struck[suspects[~waits & noise & ~doubt]] = True
        struck |= alarm & ~waiting & (kind == Kind.ODD_EVEN)
        self.counters.holds += len(held)
        self.counters.noise_vetoes += int(struck.sum())
        leaf["noises"][struck] = np.minimum(leaf["noises"][struck], 254) + 1
        leaf["noise_wait"][struck] = cooldown(leaf["noises"][struck])
        leaf["bar"][held] = Bar.HOLD
        turned = struck | waiting
        leaf["bar"][turned] = np.where(kind[turned] == Kind.ODD_EVEN, Bar.ODD_EVEN, Bar.NOISE)
        return turned

    def _pool(
        self, mesh: BlocksOfRank, samples: np.ndarray, suspects: np.ndarray, comm: Comm
    ) -> tuple[np.ndarray, np.ndarray]:
        """Whether each suspect's samples, with those of its face neighbours, say noise, and leave a doubt. Collective."""
        looked = np.flatnonzero(~np.isnan(samples).all(axis=(1, 2)))
        leaves, samples = comm.allgatherv(mesh.leaves.start + looked), comm.allgatherv(samples[looked])
        if not len(suspects):
            return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
        forest, own = mesh.forest, mesh.leaves.start + suspects[:, None]
        table = neighbors(forest, own[:, 0])
        faces = [s for a in range(forest.dim) for s in (3**forest.dim // 2 - 3**a, 3**forest.dim // 2 + 3**a)]
        beside = np.where(table.relation[:, faces] == SAME, table.leaf[:, faces], own)
        members = np.concatenate([own, beside], axis=1)
        place = np.minimum(np.searchsorted(leaves, members), len(leaves) - 1)
        pool = samples[place]
        # A neighbour that is not there is the suspect again, which must count once.
        pool[:, 1:][beside == own] = np.nan
        pool[leaves[place] != members] = np.nan
        valid = ~np.isnan(pool).any(axis=3)
        count = valid.sum(axis=(1, 2))
        mean = np.where(valid[..., None], pool, 0).astype(float).sum(axis=(1, 2)) / np.maximum(count, 1)[:, None]
        limit = self._limits["noise_q3"]
        least, most = self._limits["noise_pr"]
        is_flat = (mean[:, 1] > self._limits["noise_flh"]) & (mean[:, 2] > least) & (mean[:, 2] < most) & (count > 0)
        near = np.abs(mean[:, 0] - limit) < DOUBT * EXPONENT_NOISE / np.sqrt(np.maximum(count, 1))
        return is_flat & (mean[:, 0] < limit), is_flat & near & (count < SETTLED)

    def _judge_trials(self, mesh: BlocksOfRank, leaf: np.ndarray, detail: np.ndarray, comm: Comm | None) -> np.ndarray:
        """Commit the trials that have brought news, count on the others; the leaves of those that have run out.

        Collective if there is a ``comm``: then a trial has leaves of two ranks.
        """
        released = np.zeros(len(leaf), dtype=bool)
        trial = np.flatnonzero(leaf["trial"] > 0)
        parent, detail, first = _parents(mesh, trial), detail[trial], 0
        if comm is not None:
            leaves = comm.allgatherv(mesh.leaves.start + trial)
            parent, detail = comm.allgatherv(parent), comm.allgatherv(detail)
            first = int(np.searchsorted(leaves, mesh.leaves.start))
        if not len(trial):
            return released
        _, begins, group = np.unique(parent, axis=0, return_index=True, return_inverse=True)
        news = np.zeros(len(begins))
        np.maximum.at(news, group.ravel(), detail)
        is_worth = news > DETAIL / 4
        # A trial is counted where its first leaf is.
        self.counters.commits += int((is_worth & (begins >= first) & (begins < first + len(trial))).sum())
        won = is_worth[group.ravel()[first : first + len(trial)]]
        leaf["trial"][trial[won]] = 0
        leaf["age"][trial] = np.where(won, 0, np.minimum(leaf["age"][trial], 254) + 1)
        released[trial[~won]] = leaf["age"][trial[~won]] >= TRIAL
        return released

    def to_meta(self) -> dict[str, Any]:
        """Counters of this rank as plain values."""
        return asdict(self.counters)

    def from_meta(self, meta: Mapping[str, Any]) -> None:
        """Go on counting from what `to_meta` gave."""
        self.counters = Counters(**meta)


def _suspects(leaf: np.ndarray, open_: np.ndarray) -> np.ndarray:
    """Alarms that may be noise, bool (n_block,).

    One block of a line cannot tell noise from what is under-resolved: both labels are settled by the pool.
    """
    kind = leaf["kind"]
    suspects: np.ndarray = open_ & (leaf["bar"] == Bar.NONE) & ((kind == Kind.NOISE) | (kind == Kind.UNDER_RESOLVED))
    return suspects


def _parents(mesh: BlocksOfRank, blocks: np.ndarray) -> np.ndarray:
    """Own level and parent's key of local blocks, and the bits by which that is shorter than a leaf's: int64 (m, 3)."""
    forest = mesh.forest
    level = mesh.level[blocks].astype(np.int64)
    shift = forest.dim * (forest.key_level - level + 1)
    return np.stack([level, forest.key[mesh.leaves.start + blocks] >> shift, shift], axis=1)


def _is_shared(mesh: BlocksOfRank, leaf: np.ndarray) -> bool:
    """Whether siblings of a local leaf on trial belong to another rank."""
    forest, own = mesh.forest, mesh.leaves.start
    _, key, shift = _parents(mesh, np.flatnonzero(leaf["trial"] > 0)).T
    beside = [b for b in (own - 1, own + len(leaf)) if 0 <= b < forest.n_leaves]
    return any(bool(((forest.key[b] >> shift) == key).any()) for b in beside)


def cooldown(count: np.ndarray) -> np.ndarray:
    """Regrids that a place waits after its ``count``-th refusal: 8, 16, 32, ... 256."""
    return np.minimum(COOLDOWN * 2.0 ** (count.astype(float) - 1), LONGEST).astype(np.uint16)
