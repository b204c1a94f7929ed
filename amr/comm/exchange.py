"""Messages between pairs of ranks."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np

from amr.comm.buffers import message
from amr.comm.group import Comm
from amr.comm.mpi import MPI
from amr.comm.waiting import wait


class Exchange:
    """One message to each of some ranks and from each of some ranks, repeated with persistent requests.

    Parameters
    ----------
    comm : Comm
    send, recv : mapping rank -> contiguous array
        The buffers; they are read at `start` and filled at `wait`, and stay the same arrays. Empty arrays are skipped, so both
        sides must agree on which are empty. A rank never sends to itself.
    tag : int
        Distinguishes exchanges that are in flight at the same time.

    Not collective: only the ranks named take part.
    """

    def __init__(
        self, comm: Comm, send: Mapping[int, np.ndarray], recv: Mapping[int, np.ndarray], tag: int = 0
    ) -> None:
        self._comm = comm
        self.send = {rank: buffer for rank, buffer in sorted(send.items()) if buffer.size}
        self.recv = {rank: buffer for rank, buffer in sorted(recv.items()) if buffer.size}
        requests = [comm.mpi.Recv_init(message(b), source=r, tag=tag) for r, b in self.recv.items()]
        requests += [comm.mpi.Send_init(message(b), dest=r, tag=tag) for r, b in self.send.items()]
        self._requests = requests

    def start(self) -> None:
        """Post the receives and send the buffers as they are now."""
        if self._requests:
            MPI.Prequest.Startall(self._requests)

    def wait(self) -> None:
        """Return when all messages are in and all send buffers may be written again."""
        if self._requests:
            start = perf_counter()
            (wait if self._comm.polls else MPI.Request.Waitall)(self._requests)
            self._comm.wait_seconds += perf_counter() - start

    def free(self) -> None:
        """Give the requests back to MPI; the object cannot be started again."""
        for request in self._requests:
            request.Free()
        self._requests = []


def exchange_once(
    comm: Comm, send: Mapping[int, np.ndarray], recv_sizes: Mapping[int, int], dtype: Any = np.float64, tag: int = 1
) -> dict[int, np.ndarray]:
    """Send arrays of ``dtype`` to ranks and return what the ranks of ``recv_sizes`` (rank -> elements) sent, flat."""
    recv = {rank: np.empty(size, dtype=dtype) for rank, size in recv_sizes.items()}
    exchange = Exchange(comm, {rank: np.ascontiguousarray(b, dtype=dtype) for rank, b in send.items()}, recv, tag)
    exchange.start()
    exchange.wait()
    exchange.free()
    return recv
