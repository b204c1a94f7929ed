"""When a run writes what: dumps for ParaView, checkpoints, the resolved case, plots."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import CaseError

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.io.report import Timers
    from amr.io.snapshot import Snapshot


@dataclass(frozen=True)
class OutputOptions:
    """The ``[output]`` section as plain values; None switches a trigger off.

    Attributes
    ----------
    directory : Path
    format : str
        "vtu", "vtkhdf", "vtkhdf-amr" or "none".
    every, checkpoint_every : float or None
        Interval in the run's time; the step is shortened to hit the dump times, not the checkpoints'.
    every_steps, checkpoint_every_steps : int or None
    checkpoint_seconds : float or None
        Wall-clock interval, by rank 0's clock.
    keep : int
        Checkpoints that stay.
    plot : bool
        Write a PNG beside each dump.
    name : str
        Stem of the files.
    """

    directory: Path
    format: str
    every: float | None
    every_steps: int | None
    checkpoint_every: float | None
    checkpoint_every_steps: int | None
    checkpoint_seconds: float | None
    keep: int
    plot: bool
    name: str


class Schedule:
    """Multiples of an interval counted from a start, without accumulated round-off."""

    def __init__(self, start: float, interval: float | None, index: int = 0) -> None:
        self.start, self.interval, self.index = start, interval, index

    @property
    def next(self) -> float:
        """Next time due; infinity where there is no interval."""
        return math.inf if self.interval is None else self.start + (self.index + 1) * self.interval

    def is_due(self, t: float) -> bool:
        """Whether ``t`` reached the next time; moves on to the first one after ``t``."""
        due = False
        while t >= self.next:
            self.index += 1
            due = True
        return due
