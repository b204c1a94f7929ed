"""SIGTERM, SIGINT and SIGUSR1 as a notice that all ranks act on after the same step."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
EXIT_STOPPED = 75  # EX_TEMPFAIL: stopped by a signal, with a checkpoint to go on from


class SignalNotice:
    """While active, a signal only raises a flag; a second SIGINT ends the process at once.

    The flag of one rank reaches the others with the all-reduce that each step makes anyway, so that all stop after the
    same step.

    Attributes
    ----------
    received : signal or None
        What came to this rank.
    stop, checkpoint : bool
        What all ranks agreed to do after the present step.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.stop = self.checkpoint = False
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> SignalNotice:
        if threading.current_thread() is threading.main_thread():
            self._previous = {each: signal.signal(each, self._handle) for each in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)  # type: ignore[arg-type]
        self._previous = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
