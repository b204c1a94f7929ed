"""When a run writes what: dumps for ParaView, checkpoints, plots, the resolved case and the report."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amr.errors import AMRError
from amr.io.checkpoint import write_checkpoint
from amr.io.files import cannot_write, write_text
from amr.io.paraview import Dumps
from amr.io.restart import checkpoint_path, list_checkpoints, prune_checkpoints, remove_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from amr.comm import Comm
    from amr.io.snapshot import Snapshot


@dataclass(frozen=True)
class OutputOptions:
    """The ``[output]`` section as plain values; None switches a trigger off.

    Attributes
    ----------
    directory : Path
    name : str
        Stem of the dumps' names.
    format : str
        "vtu", "vtkhdf", "vtkhdf-amr" or "none".
    start : float
        Time from which the intervals count.
    every, checkpoint_every : float or None
        Intervals in the run's time. The step is shortened to hit the dumps' times, not the checkpoints'.
    every_steps, checkpoint_every_steps : int or None
    checkpoint_seconds : float or None
        Wall-clock interval by rank 0's clock.
    keep : int
        Checkpoints that stay.
    plot : bool
        Draw a PNG beside each dump.
    mpi_io : bool
        Write dumps and checkpoints with MPI's collective calls.
    """

    directory: Path
    name: str
    format: str = "vtu"
    start: float = 0.0
    every: float | None = None
    every_steps: int | None = None
    checkpoint_every: float | None = None
    checkpoint_every_steps: int | None = None
    checkpoint_seconds: float | None = None
    keep: int = 2
    plot: bool = False
    mpi_io: bool = False

    def next_dump(self, t: float) -> float:
        """First dump time after ``t``: a multiple of ``every`` from ``start``, infinity without one."""
        return _next_multiple(self.start, self.every, t)


def _next_multiple(start: float, every: float | None, t: float) -> float:
    """Smallest start + k every > t. Without state, so that a restarted run has the same times to the last bit."""
    if every is None:
        return math.inf
    k = max(0, math.floor((t - start) / every))
    while start + k * every <= t:
        k += 1
    return start + k * every


class Outputs:
    """Writes what the options ask for. All methods are collective.

    Parameters
    ----------
    options : OutputOptions
    comm : Comm
    """

    def __init__(self, options: OutputOptions, comm: Comm) -> None:
        self.options = options
        self.comm = comm
        self._dumps: Dumps | None = None
        self._last_dump = math.nan
        self._last_checkpoint = -1
        self._checkpoint_clock = time.monotonic()

    def open(self, case_text: str, dim: int, resume_at: float | None) -> None:
        """Make the directory, clear what a killed run left, write the resolved case.

        A fresh run puts the checkpoints of an earlier one into ``previous/``, so that "the newest" is never an old run's.
        """
        options = self.options
        error: AMRError | None = None
        if self.comm.rank == 0:
            try:
                options.directory.mkdir(parents=True, exist_ok=True)
                write_text(options.directory / "case.toml", case_text)
                if resume_at is None:
                    self._put_aside()
            except OSError as fault:
                error = cannot_write(options.directory, fault)
            except AMRError as fault:
                error = fault
        self.comm.agree(error)
        remove_stale(options.directory, self.comm)
        if options.format != "none":
            self._dumps = Dumps(options.directory, options.name, options.format, dim, self.comm, options.mpi_io)
            if resume_at is not None:
                self._dumps.resume(resume_at)
                self._last_dump = resume_at

    def _put_aside(self) -> None:
        old = list_checkpoints(self.options.directory)
        if old:
            previous = self.options.directory / "previous"
            previous.mkdir(exist_ok=True)
            for path in old:
                path.replace(previous / path.name)

    def clock_is_due(self) -> bool:
        """Whether rank 0's clock asks for a checkpoint (False on other ranks; the caller reduces it). Not collective."""
        seconds = self.options.checkpoint_seconds
        return seconds is not None and self.comm.rank == 0 and time.monotonic() - self._checkpoint_clock >= seconds

    def after_step(
        self, before: float, t: float, step: int, clock_is_due: bool, snapshot: Callable[[], Snapshot]
    ) -> None:
        """Write what became due in the step from ``before`` to ``t``; ``clock_is_due`` must be the same on all ranks."""
        options = self.options
        if options.next_dump(before) <= t or _divides(options.every_steps, step):
            self.dump(snapshot())
        if (
            clock_is_due
            or _next_multiple(options.start, options.checkpoint_every, before) <= t
            or _divides(options.checkpoint_every_steps, step)
        ):
            self.checkpoint(snapshot())

    def dump(self, snapshot: Snapshot) -> None:
        """Write a dump and its picture, once per time."""
        if snapshot.time == self._last_dump:
            return
        self._last_dump = snapshot.time
        written = self._dumps.write(snapshot) if self._dumps is not None else None
        if self.options.plot:
            from amr.io.plot import plot_snapshot

            stem = written.stem if written is not None else f"{self.options.name}_{snapshot.step:08d}"
            plot_snapshot(self.options.directory / f"{stem}.png", snapshot)

    def checkpoint(self, snapshot: Snapshot) -> Path:
        """Write a checkpoint, once per step, and drop the oldest beyond ``keep``."""
        path = checkpoint_path(self.options.directory, snapshot.step)
        if snapshot.step != self._last_checkpoint:
            write_checkpoint(path, snapshot, self.options.mpi_io)
            prune_checkpoints(self.options.directory, self.options.keep, self.comm)
            self._last_checkpoint = snapshot.step
        self._checkpoint_clock = time.monotonic()
        return path

    def emergency(self, snapshot: Snapshot) -> Path:
        """Write the last good state before a run fails."""
        return write_checkpoint(self.options.directory / "emergency.h5", snapshot, self.options.mpi_io)


def _divides(interval: int | None, step: int) -> bool:
    return interval is not None and step % interval == 0
