"""Where the time of a run goes: exclusive seconds per phase."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amr.comm import Comm

OTHER, MPI_WAIT = "other", "mpi_wait"


class Timers:
    """Seconds per phase of this rank, exclusive: an inner phase stops the outer one's clock, so that all add up to the wall time.

    ``with timers("kernel"): ...`` costs about a microsecond. Time that a communicator spends waiting (`watch`) is taken
    out of the phase it happens in and counted as ``mpi_wait``; what no phase covers is ``other``. Not collective.

    Attributes
    ----------
    seconds : dict
        Phase -> seconds so far, up to the last change of phase (call `flush` before reading).
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {OTHER: 0.0, MPI_WAIT: 0.0}
        self._phases: dict[str, _Phase] = {}
        self._stack = [OTHER]
        self._comm: Comm | None = None
        self._waited = 0.0
        self._since = perf_counter()

    def watch(self, comm: Comm) -> None:
        """Count the waiting time of ``comm`` as ``mpi_wait`` from now on."""
        self.flush()
        self._comm, self._waited = comm, comm.wait_seconds

    def __call__(self, name: str) -> _Phase:
        """The phase of this name, to be entered with ``with``; phases nest."""
        phase = self._phases.get(name)
        if phase is None:
            phase = self._phases[name] = _Phase(self, name)
            self.seconds.setdefault(name, 0.0)
        return phase

    def start(self, name: str) -> None:
        """Enter a phase without ``with``; `stop` leaves it."""
        self(name).__enter__()

    def stop(self) -> None:
        """Leave the innermost phase."""
        self.flush()
        if len(self._stack) > 1:
            self._stack.pop()

    def flush(self) -> None:
        """Add the time since the last change to the current phase."""
        now = perf_counter()
        elapsed = now - self._since
        self._since = now
        if self._comm is not None:
            waited = self._comm.wait_seconds
            self.seconds[MPI_WAIT] += waited - self._waited
            elapsed -= waited - self._waited
            self._waited = waited
        self.seconds[self._stack[-1]] += elapsed

    def shift(self, seconds: float, source: str, target: str) -> None:
        """Count ``seconds`` that were measured inside a phase for another one."""
        self.seconds[source] = self.seconds.get(source, 0.0) - seconds
        self.seconds[target] = self.seconds.get(target, 0.0) + seconds

    def reset(self) -> None:
        """Forget all seconds so far (open phases stay open)."""
        self.flush()
        self.seconds = dict.fromkeys(self.seconds, 0.0)


class _Phase:
    """Context of one phase; re-entrant, for the timers keep the stack."""

    __slots__ = ("_name", "_timers")

    def __init__(self, timers: Timers, name: str) -> None:
        self._timers, self._name = timers, name

    def __enter__(self) -> None:
        self._timers.flush()
        self._timers._stack.append(self._name)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timers.stop()
