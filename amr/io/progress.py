"""What rank 0 shows while a run goes on: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from amr.comm import Comm

MODES = ("auto", "bar", "lines", "none")


class Progress:
    """Progress of a run on rank 0. Not collective; `update` may be called every step, it prints seldom.

    A context manager, so that the bar ends (`close`) even when the run fails.

    Parameters
    ----------
    comm : Comm
    start, end : float
        Times of the run.
    mode : str
        "bar", "lines", "none"; "auto": a bar with one rank on a real terminal, lines otherwise. (Under Open MPI rank 0
        believes that it writes to a terminal even when the output is piped.)
    max_steps : int, optional
        Where the steps may end the run first.
    interval : float
        Least seconds between two lines; it grows with the run, to at most a minute.
    stream : text file, optional
        Standard error by default, so that results can be piped.
    """

    def __init__(
        self,
        comm: Comm,
        start: float,
        end: float,
        mode: str = "auto",
        max_steps: int | None = None,
        interval: float = 2.0,
        stream: TextIO | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
        self.stream = sys.stderr if stream is None else stream
        if mode == "auto":
            mode = "bar" if comm.size == 1 and self.stream.isatty() else "lines"
        self.mode = mode if comm.rank == 0 else "none"
        self.start, self.end, self.max_steps, self.interval = start, end, max_steps, interval
        self._begin = self._last = time.perf_counter()
        self._first: tuple[float, int] | None = None
        self._updates = 0
        self._latest = ""
        self._shown = True
        self._t = start
        self._bar: Any = None

    def is_due(self) -> bool:
        """Whether `update` would show something now (to spare the caller what it costs to find the numbers)."""
        if self.mode == "none":
            return False
        now = time.perf_counter()
        wait = 0.1 if self.mode == "bar" else min(60.0, max(self.interval, 0.05 * (now - self._begin)))
        return self._first is None or now - self._last >= wait

    def update(self, t: float, step: int, dt: float, leaves_per_level: list[int], cell_updates: int) -> None:
        """Show the state after a step.

        Parameters
        ----------
        t, step, dt : float, int, float
            Time reached, number and length of the step.
        leaves_per_level : list of int
        cell_updates : int
            Of the whole job so far; the speed shown is that since the last time something was shown.
        """
        if self.mode == "none":
            return
        due = self.is_due()
        if self._first is None:
            self._first = (t, step)
            self._updates = cell_updates
        now = time.perf_counter()
        text = [f"step {step}", f"t = {t:.6g} of {self.end:.6g}", f"dt = {dt:.3g}"]
        text.append(f"leaves {'+'.join(map(str, leaves_per_level))}")
        if cell_updates > self._updates and now > self._last:
            text.append(f"{(cell_updates - self._updates) / (now - self._last) / 1e6:.3g} M cells/s")
        left = self._seconds_left(t, step, now)
        if left is not None:
            text.append(f"{_clock(left)} left")
        self._latest = "  ".join(text)
        self._t, self._shown = t, False
        if due:
            self._last, self._updates = now, cell_updates
            self._show()

    def say(self, text: str) -> None:
        """Print a line of its own (a dump written, a step rejected), above the bar."""
        if self.mode == "bar" and self._bar is not None:
            self._bar.console.print(text, highlight=False)
        elif self.mode != "none":
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Show the last state and end the bar."""
        if self.mode != "none" and not self._shown:
            self._show()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self.mode = "none"

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _seconds_left(self, t: float, step: int, now: float) -> float | None:
        assert self._first is not None
        t0, step0 = self._first
        shares = []
        if t > t0:
            shares.append((t - t0) / (self.end - t0) if self.end > t0 else 1.0)
        if self.max_steps is not None and step > step0:
            shares.append((step - step0) / max(1, self.max_steps - step0))
        if not shares:
            return None
        share = min(1.0, max(shares))
        return (now - self._begin) * (1.0 - share) / share

    def _show(self) -> None:
        self._shown = True
        if self.mode == "lines":
            print(self._latest, file=self.stream, flush=True)
            return
        if self._bar is None:
            self._bar = _make_bar(self.stream)
            self._task = self._bar.add_task("", total=1.0)
        share = 1.0 if self.end <= self.start else (self._t - self.start) / (self.end - self.start)
        self._bar.update(self._task, completed=share, description=self._latest)


def _make_bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(bar_width=24), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    bar = RichProgress(*columns, console=Console(file=stream), transient=False)
    bar.start()
    return bar


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        if whole >= 3600
        else f"{whole // 60}:{whole % 60:02d}"
    )
