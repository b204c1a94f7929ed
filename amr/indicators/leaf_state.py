"""What is remembered of each leaf from regrid to regrid: patience, flicker, the cause of its level, what the guards know.

One structured array over the leaves of a rank, which moves with them; that of all leaves goes into the checkpoint.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Protocol

import numpy as np

from amr._kernels import leaf_state as _c
from amr.comm import Comm, exchange_once

#: Samples of the last regrids that a noise verdict is made from.
N_SAMPLES: int = _c.N_SAMPLES
#: Under which name a checkpoint keeps it.
MEMORY = "memory"
_TAG = 15
#: Regrids that a finding of a probe keeps a leaf: some turns of the probes.
HELD: int = _c.HELD

# As amr_leaf_state of csrc/leaf_state.h.
LEAF_STATE = np.dtype(
    [
        ("calm", "u1"),  # regrids in a row that the leaf could do without
        ("last", "i1"),  # how it came to be: +1 by refinement, -1 by coarsening, 0 at the start
        ("since", "u1"),  # regrids since then
        ("cause", "u1"),  # Cause
        ("bar", "u1"),  # Bar
        ("column", "u1"),  # which indicator, and variable of it, speaks for the leaf (`Finder.columns`)
        ("kind", "i1"),  # its class when it was last looked at, -1 never
        ("trial", "u1"),  # 1 while a refinement has not yet been worth it
        ("age", "u1"),  # regrids of the trial
        ("ghosts", "u1"),  # trials of this place that were undone
        ("noises", "u1"),  # vetoes of this place for noise
        ("hold", "u1"),  # regrids in a row that a doubtful alarm was held back
        ("ghost_wait", "u2"),  # regrids that alarms are still turned down
        ("noise_wait", "u2"),
        ("held", "u1"),  # regrids that a probe of a source or boundary function keeps the leaf
        ("value", "f4"),  # the indicators' value in units of the threshold: above 1 is hot; 0 where the leaf is new
        ("parent", "f4"),  # the largest value as its parent would have it, in units of the threshold for coarsening
        ("refine", "f4"),  # the threshold of ``column``, in the indicator's own units
        ("alarm_rms", "f8"),  # rms second difference when the trial began
        (
            "samples",
            "f4",
            (N_SAMPLES, 3),
        ),  # exponent, flatness, participation at the last regrids; NaN where not looked at
    ]
)


class Kept(Protocol):
    """What is read of a checkpoint (`amr.io.checkpoint.Checkpoint`)."""

    @property
    def kept(self) -> tuple[str, ...]: ...

    def read_kept(self, name: str, leaves: slice, dtype: Any, shape: tuple[int, ...]) -> np.ndarray: ...


class Cause(IntEnum):
    """Why a leaf is as fine as it is."""

    ROOT = 0
    INDICATOR = 1
    SAMPLING = 2
    REGION = 3
    BUFFER = 4
    TRIAL = 5
    PATIENCE = 6
    SIBLING = 7
    BALANCE = 8
    PROBE = 9


class Bar(IntEnum):
    """What keeps a hot leaf from being refined."""

    NONE = 0
    MAX_LEVEL = 1
    NOISE = 2
    ODD_EVEN = 3
    GHOST = 4
    HOLD = 5
    TRIAL = 6


def start(n_leaves: int) -> np.ndarray:
    """State of leaves of which nothing is known."""
    state = np.zeros(n_leaves, dtype=LEAF_STATE)
    state["kind"] = -1
    state["samples"] = np.nan
    return state


def carry(state: np.ndarray, source: np.ndarray, change: np.ndarray, n_children: int) -> np.ndarray:
    """State of the leaves of the next forest.

    Parameters
    ----------
    state : LEAF_STATE (n_leaves,)
        ``trial`` of a leaf that is refined says whether its children are on trial.
    source, change : int (n_new,)
        As `Forest.adapt` returns them.
    n_children : int
    """
    new = state.take(source)  # of records thirty times as fast as state[source]
    merged = np.flatnonzero(change < 0)
    group = state[source[merged][:, None] + np.arange(n_children)]
    for name in ("ghosts", "noises", "ghost_wait", "noise_wait", "alarm_rms"):
        new[name][merged] = group[name].max(axis=1)
    fresh = change != 0
    new["last"][fresh] = change[fresh]
    for name in ("calm", "since", "bar", "age", "hold", "value", "parent", "refine"):
        new[name][fresh] = 0
    new["trial"][merged] = 0
    new["held"][merged] = 0
    new["cause"][merged] = Cause.ROOT
    new["kind"][fresh] = -1
    new["samples"][fresh] = np.nan
    return new


def move(
    state: np.ndarray,
    source: np.ndarray,
    change: np.ndarray,
    n_children: int,
    old: np.ndarray,
    new: np.ndarray,
    comm: Comm,
) -> np.ndarray:
    """State of this rank's leaves of the next forest, from the ranks that held what they come from. Collective.

    Parameters
    ----------
    state : LEAF_STATE (n_block,)
        Of this rank's leaves of the forest before.
    source, change : int (n_new,)
        Of all new leaves, as `Forest.adapt` returns them.
    n_children : int
    old, new : int64 (size + 1,)
        First leaf of each rank in the forest before, and in the next.
    comm : Comm
    """
    wanted, rank = _sources(source, change, n_children, new), comm.rank
    first, last = np.maximum(wanted[:, 0], old[rank]), np.minimum(wanted[:, 1], old[rank + 1])
    send = {
        int(r): state[first[r] - old[rank] : last[r] - old[rank]].view(np.uint8)
        for r in np.flatnonzero(last > first)
        if r != rank
    }
    first, last = np.maximum(wanted[rank, 0], old[:-1]), np.minimum(wanted[rank, 1], old[1:])
    owners = np.flatnonzero(last > first)
    sizes = {int(r): int(last[r] - first[r]) * LEAF_STATE.itemsize for r in owners if r != rank}
    received = exchange_once(comm, send, sizes, np.uint8, _TAG) if send or sizes else {}
    parts = [
        state[first[r] - old[rank] : last[r] - old[rank]] if r == rank else received[r].view(LEAF_STATE)
        for r in owners.tolist()
    ]
    whole = np.concatenate(parts) if parts else state[:0]
    own = slice(int(new[rank]), int(new[rank + 1]))
    return carry(whole, source[own] - wanted[rank, 0], change[own], n_children)


def _sources(source: np.ndarray, change: np.ndarray, n_children: int, starts: np.ndarray) -> np.ndarray:
    """First and last + 1 of the old leaves that the new ones of each rank come from, int64 (size, 2); 0, 0 for ranks without."""
    wanted = np.zeros((len(starts) - 1, 2), dtype=np.int64)
    has = starts[1:] > starts[:-1]
    first, last = starts[:-1][has], starts[1:][has] - 1
    wanted[has, 0] = source[first]
    wanted[has, 1] = source[last] + np.where(change[last] < 0, n_children, 1)
    return wanted


def to_bytes(state: np.ndarray) -> np.ndarray:
    """As a checkpoint keeps it, uint8 (n_block, m): a view."""
    return state.view(np.uint8).reshape(len(state), LEAF_STATE.itemsize)


def from_checkpoint(checkpoint: Kept, leaves: slice) -> np.ndarray:
    """State of a run of leaves as a checkpoint keeps it; nothing known if it is of a uniform mesh, on which nothing was decided.

    Raises
    ------
    FileFormatError
        As of `Checkpoint.read_kept`.
    """
    if MEMORY not in checkpoint.kept:
        return start(leaves.stop - leaves.start)
    raw = checkpoint.read_kept(MEMORY, leaves, np.uint8, (LEAF_STATE.itemsize,))
    return raw.reshape(-1).view(LEAF_STATE)
