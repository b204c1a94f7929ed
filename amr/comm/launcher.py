"""What the launcher made of the program: its ranks, and the cores they have to share."""

from __future__ import annotations

import os
from collections.abc import Callable

from amr.comm.group import Comm
from amr.comm.mpi import MPI
from amr.comm.waiting import WAIT_VARIABLE
from amr.errors import CaseError
from amr.signals import SignalNotice

_LAUNCHER_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# Which ranks work where a node has more of them than cores: "all", or (also unset) as many as "cores".
_RANKS_VARIABLE = "AMR_RANKS"
_CHOICES = {WAIT_VARIABLE: ("poll", "block"), _RANKS_VARIABLE: ("cores", "all")}


def check_launcher(comm: Comm) -> None:
    """Refuse n runs of one rank, which is what a launcher of another MPI than mpi4py's makes.

    Raises
    ------
    CaseError
        The launcher started a number of processes that the communicator does not see, or AMR_WAIT or AMR_RANKS has no
        known value.
    """
    for name, (one, other) in _CHOICES.items():
        if os.environ.get(name, one) not in (one, other):
            raise CaseError(f"{name} = {os.environ[name]!r} must be {one!r} or {other!r}")
    for name in _LAUNCHER_SIZES:
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) != comm.size:
            raise CaseError(
                f"the launcher started {value} processes ({name}) but MPI sees {comm.size}: mpirun and mpi4py belong to "
                f"different MPI libraries (mpi4py uses {MPI.Get_library_version().split(',')[0].strip()}); "
                "use the mpirun of that library"
            )


def run_on_cores(world: Comm, work: Callable[[Comm], int]) -> int:
    """Do ``work`` on as many ranks of each node as it has cores, while the others rest (collective).

    Ranks that share a core are slower than fewer ranks that do not: each pays for its own Python and evicts what the others had
    in the caches. A rank that rests owns no blocks and takes hardly any time; it leaves with the others when the work is
    done. If AMR_RANKS is "all" on any rank, or no node has more ranks than cores, all work.

    Parameters
    ----------
    world : Comm
        All ranks, from `Comm.world`, which means the ranks that work from here on.
    work : callable
        Receives the ranks that work; collective over them.

    Returns
    -------
    int
        The largest of what ``work`` returned on the ranks, on every rank; not negative.
    """
    if world.any(os.environ.get(_RANKS_VARIABLE) == "all"):
        return work(world)
    workers = world.with_cores()
    if workers is None:
        with SignalNotice():  # a signal is for those who work
            return world.end_together()
    return world.end_together(work(workers))
