"""How ranks wait for each other, and whether they share cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import sleep

from amr.comm.mpi import MPI

# How a rank waits: "poll", "block", or (unset) as the cores allow.
WAIT_VARIABLE = "AMR_WAIT"
# A rank that polls gives its core away this many times before it begins to sleep [s].
_YIELDS, _SHORTEST_SLEEP, LONGEST_SLEEP = 30, 20e-6, 200e-6


def has_core(mpi: MPI.Comm) -> bool:
    """Whether the ranks before this one on its node leave it a core of those that they may all use (collective)."""
    assert isinstance(mpi, MPI.Intracomm)
    node = mpi.Split_type(MPI.COMM_TYPE_SHARED)
    # A launcher may have bound each rank to a core of its own: only together they show what the node offers.
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    answer = node.rank < len(set().union(*node.allgather(usable)))
    node.Free()
    return answer


def shall_poll(mpi: MPI.Comm) -> bool:
    """Whether ranks wait by polling: as AMR_WAIT says, or if any of them has no core (collective)."""
    is_crowded = not has_core(mpi)
    return bool(
        mpi.allreduce({"poll": True, "block": False}.get(os.environ.get(WAIT_VARIABLE, ""), is_crowded), MPI.LOR)
    )


def wait(requests: Sequence[MPI.Request], longest_sleep: float = LONGEST_SLEEP) -> None:
    """Return when all requests are complete; the core is free for other ranks meanwhile.

    Yielding is quicker than sleeping, but there are schedulers that take it as a mere hint.
    """
    for _ in range(_YIELDS):
        if MPI.Request.Testall(requests):
            return
        os.sched_yield()
    pause = _SHORTEST_SLEEP
    while not MPI.Request.Testall(requests):
        sleep(pause)
        pause = min(1.5 * pause, longest_sleep)
