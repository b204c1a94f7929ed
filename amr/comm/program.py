"""The ranks of the program as the launcher made them, the cores they share, and which of them work. Without NumPy."""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass

from amr.comm.mpi import MPI
from amr.comm.waiting import LONGEST_SLEEP, WAIT_VARIABLE, has_core, wait
from amr.errors import CaseError
from amr.signals import SignalNotice

_LAUNCHER_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# Which ranks work where a node has more of them than cores: "all", or (also unset) as many as "cores".
_RANKS_VARIABLE = "AMR_RANKS"
_CHOICES = {WAIT_VARIABLE: ("poll", "block"), _RANKS_VARIABLE: ("cores", "all")}
_LONGEST_REST = 2e-2  # sleep of a rank that rests [s]


@dataclass
class Program:
    """The ranks of the program that work: ``mpi``, which is what `Comm.world` is made from; ``n_resting`` do not."""

    mpi: MPI.Comm
    n_resting: int = 0


PROGRAM = Program(MPI.COMM_WORLD)


def share_cores() -> bool:
    """Decide which ranks work, and whether this one does. Collective over all ranks, once.

    As many of a node work as it has cores. Ranks that share a core are slower than fewer that do not: each pays for its own
    Python, and evicts what the others had in the caches. If AMR_RANKS is "all" on any rank all work.

    A rank that works goes on with `Comm.world`, which means those that work, and comes to `end_together`; one that does not
    calls `rest` and nothing else.
    """
    world = PROGRAM.mpi
    wait([world.Ibarrier()])  # the first to come must not spin while the others start up
    works = has_core(world)
    n_resting = world.allreduce(int(not works))
    if not n_resting or world.allreduce(os.environ.get(_RANKS_VARIABLE) == "all", MPI.LOR):
        return True
    part = world.Split(works)
    if works:
        PROGRAM.mpi, PROGRAM.n_resting = part, n_resting
    return works


def rest() -> int:
    """Wait, in hardly any time, for those who work, and return what `end_together` returns. Collective over all ranks."""
    with SignalNotice():  # a signal is for those who work
        return end_together(0, _LONGEST_REST)


def end_together(status: int, longest_sleep: float = LONGEST_SLEEP) -> int:
    """The largest ``status`` of all ranks, once all are here. Collective over all ranks."""
    result = array("q", [status])
    wait([MPI.COMM_WORLD.Iallreduce(MPI.IN_PLACE, result, MPI.MAX)], longest_sleep)
    return result[0]


def check_launcher() -> None:
    """Refuse n runs of one rank, which is what a launcher of another MPI than mpi4py's makes.

    Raises
    ------
    CaseError
        The launcher started a number of processes that MPI does not see, or AMR_WAIT or AMR_RANKS has no known value.
    """
    for name, (one, other) in _CHOICES.items():
        if os.environ.get(name, one) not in (one, other):
            raise CaseError(f"{name} = {os.environ[name]!r} must be {one!r} or {other!r}")
    size = MPI.COMM_WORLD.Get_size()
    for name in _LAUNCHER_SIZES:
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) != size:
            raise CaseError(
                f"the launcher started {value} processes ({name}) but MPI sees {size}: mpirun and mpi4py belong to "
                f"different MPI libraries (mpi4py uses {MPI.Get_library_version().split(',')[0].strip()}); "
                "use the mpirun of that library"
            )
