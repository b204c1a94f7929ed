"""What a decision asks of the guards, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from amr._kernels.ghosts import GhostPlan
    from amr.comm import Comm
    from amr.indicators.decision import BlocksOfRank
    from amr.indicators.fields import Scale

#: Some local blocks, and what makes their ghosts; None where the pool's are filled.
Part = tuple[np.ndarray, "GhostPlan | None"]


class Parts(Protocol):
    """All local blocks in parts; the first call may be collective, the others, with ``again``, are not."""

    def __call__(self, *, again: bool = False) -> Iterable[Part]: ...


#: What the guards see in an alarmed block: its class, and of the variable that decided it the features of csrc/classify.h.
LOOK = np.dtype(
    [("kind", "i1"), ("variable", "i2"), *((name, "f8") for name in ("q3", "flh", "PR", "rms", "cells_per_wave"))],
    align=True,
)


class Guards(Protocol):
    """What `Decider` asks of the guards (`amr.guard.verify.Guard`); without them every hot leaf is believed."""

    variables: tuple[int, ...]

    def look(self, u: np.ndarray, parts: Parts, alarmed: np.ndarray, scales: Mapping[int, Scale]) -> np.ndarray: ...

    def alarms(
        self, mesh: BlocksOfRank, leaf: np.ndarray, hot: np.ndarray, sampled: np.ndarray, found: np.ndarray
    ) -> Alarms: ...

    def review(
        self, mesh: BlocksOfRank, leaf: np.ndarray, alarms: Alarms, found: np.ndarray, asked: Asked, comm: Comm
    ) -> Review: ...

    def settle(
        self, mesh: BlocksOfRank, leaf: np.ndarray, review: Review, flags: np.ndarray, found: np.ndarray
    ) -> None: ...

    def to_meta(self) -> dict[str, Any]: ...

    def from_meta(self, meta: Mapping[str, Any]) -> None: ...


class Asked(NamedTuple):
    """What the guards have to look at more closely, with other ranks; of one rank, or of any.

    Attributes
    ----------
    looks
        Leaves have been looked at, now or in the last regrids.
    suspects
        A leaf may be noise: its neighbours are asked.
    trials
        Leaves of two ranks are on one trial.
    """

    looks: bool = False
    suspects: bool = False
    trials: bool = False


@dataclass(frozen=True)
class Alarms:
    """The alarms of this rank's leaves, bool (n_block,): all, those that samples have raised; and what has to be ``asked``."""

    all: np.ndarray
    sampled: np.ndarray
    asked: Asked


@dataclass(frozen=True)
class Review:
    """What the guards say of the alarms of this rank's leaves: bool (n_block,) each.

    Attributes
    ----------
    rejected
        Hot leaves that are not refined; neither are their neighbours for their sake.
    vetoed
        Those of them that their neighbours must not refine either.
    released
        Leaves whose refinement has bought nothing: they coarsen at once.
    low
        Leaves that have nothing their parents could not tell.
    on_trial
        Leaves that do not coarsen before their trial is over.
    """

    rejected: np.ndarray
    vetoed: np.ndarray
    released: np.ndarray
    low: np.ndarray
    on_trial: np.ndarray


def no_review(n_block: int) -> Review:
    """Of guards that are switched off."""
    no = np.zeros(n_block, dtype=bool)
    return Review(no, no, no, no, no)


@lru_cache(maxsize=8)
def findings(n_columns: int) -> np.dtype[np.void]:
    """What is found in a leaf, as fields of a structured array."""
    fields: list[tuple[Any, ...]] = [
        ("eta", np.float64, (n_columns,)),
        ("parent", np.float64, (n_columns,)),
        ("detail", np.float64),
        ("error", np.float64),
        ("look", LOOK),
        ("near", np.uint32),
        ("sampled", np.bool_),
        ("held", np.bool_),
    ]
    return np.dtype(fields, align=True)


def everything(n_block: int) -> Parts:
    """All blocks of a pool whose ghosts are filled."""
    part = (np.arange(n_block, dtype=np.int32), None)
    return lambda *, again=False: [part]
