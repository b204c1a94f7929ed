"""Message passing: the only module that imports mpi4py.

Everything above works on NumPy arrays and ranks. Reductions of floating-point sums are not offered on purpose: their result
would depend on the number of ranks; exact sums travel as integers.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter, sleep
from typing import Any, NoReturn

import mpi4py
import numpy as np

mpi4py.rc.thread_level = "funneled"
# Open MPI's own MPI-IO hangs or loses data without a word when the disk is full (seen in 4.1.4); the ROMIO beside it reports it.
os.environ.setdefault("OMPI_MCA_io", "^ompio")
from mpi4py import MPI  # noqa: E402  (rc and the variable must be set before this import)

from amr.errors import AMRError, CaseError  # noqa: E402

_LAUNCHER_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# How a rank waits: "poll", "block", or (unset) as the cores allow.
_WAIT_VARIABLE = "AMR_WAIT"
# A rank that polls gives its core away this many times before it begins to sleep [s].
_YIELDS, _SHORTEST_SLEEP, _LONGEST_SLEEP = 30, 20e-6, 200e-6
# One call of MPI-IO: far below the 2 GB that MPI counts in bytes, large enough for any file system.
PIECE_BYTES = 1 << 26


class Comm:
    """A group of ranks.

    Made with `Comm.world`, `Comm.self_` or `split`; ``mpi`` is the mpi4py communicator, for PETSc.
    ``wait_seconds`` adds up the time this rank spent waiting for others.

    MPI libraries wait by spinning. Where ranks share cores that would keep the rank that is waited for from its core: there
    (``polls``) nonblocking calls and `_wait` take the place of blocking ones. All ranks of a group wait in the same way,
    because a nonblocking collective does not meet a blocking one.
    """

    def __init__(self, mpi: MPI.Comm, polls: bool = False) -> None:
        self.mpi = mpi
        self.polls = polls
        self.rank: int = mpi.Get_rank()
        self.size: int = mpi.Get_size()
        self.wait_seconds = 0.0

    @classmethod
    def world(cls) -> Comm:
        """All ranks of the program, on a communicator of our own (collective)."""
        mpi = MPI.COMM_WORLD
        _wait([mpi.Ibarrier()])  # the first to come must not spin while the others start up
        return cls(mpi.Dup(), _shall_poll(mpi))

    @classmethod
    def self_(cls) -> Comm:
        """This rank alone (not collective)."""
        return cls(MPI.COMM_SELF)

    def split(self, color: int, key: int = 0) -> Comm:
        """Group of the ranks that pass the same ``color``, ordered by ``key`` (collective)."""
        self._arrive()
        return Comm(self.mpi.Split(color, key), self.polls)

    def _collective(self, name: str, *args: Any) -> None:
        """Call the collective ``name`` of MPI, in the way this group waits."""
        start = perf_counter()
        if self.polls:
            _wait([getattr(self.mpi, "I" + name.lower())(*args)])
        else:
            getattr(self.mpi, name)(*args)
        self.wait_seconds += perf_counter() - start

    def _arrive(self) -> None:
        """Wait for all ranks before a call that has only a blocking form, so that it ends at once."""
        if self.polls:
            self.barrier()

    def _allreduce(self, values: Any, dtype: type, op: MPI.Op) -> np.ndarray:
        send: np.ndarray = np.ascontiguousarray(values, dtype=dtype)
        if self.size == 1:
            return send.copy()
        result = np.empty_like(send)
        self._collective("Allreduce", send, result, op)
        return result

    def allreduce_max(self, values: Any) -> np.ndarray:
        """Elementwise maximum of a float64 array over the ranks (collective). NaN must not be passed: MPI leaves it open."""
        return self._allreduce(values, np.float64, MPI.MAX)

    def allreduce_min(self, values: Any) -> np.ndarray:
        """Elementwise minimum of a float64 array over the ranks (collective). NaN must not be passed."""
        return self._allreduce(values, np.float64, MPI.MIN)

    def any(self, flag: bool) -> bool:
        """Whether a rank's ``flag`` is true (collective)."""
        return bool(self.allreduce_max([float(flag)])[0] > 0)

    def allreduce_sum_int(self, values: Any) -> np.ndarray:
        """Elementwise sum of an int64 array over the ranks (collective); exact, so independent of the rank count."""
        return self._allreduce(values, np.int64, MPI.SUM)

    def allreduce_or(self, values: np.ndarray) -> np.ndarray:
        """Elementwise bitwise or of a uint8 array over the ranks (collective)."""
        return self._allreduce(values, np.uint8, MPI.BOR)

    def allgatherv(self, array: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """Concatenate the ranks' arrays along the first axis, in rank order (collective; same dtype and other axes).

        ``counts``: the length of each rank's, int64 (size,), where all know it; otherwise they ask each other first.
        """
        send = np.ascontiguousarray(array)
        if self.size == 1:
            return send.copy()
        if counts is None:
            counts = np.empty(self.size, dtype=np.int64)
            self._collective("Allgather", np.array([len(send)], dtype=np.int64), counts)
        result = np.empty((int(counts.sum()), *send.shape[1:]), dtype=send.dtype)
        row = int(np.prod(send.shape[1:], dtype=np.int64)) * send.itemsize
        sizes = counts * row
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        # Bytes serve every dtype, bool and structured ones too.
        self._collective(
            "Allgatherv",
            [_as_bytes(send), MPI.BYTE],
            [_as_bytes(result), sizes.tolist(), offsets.tolist(), MPI.BYTE],
        )
        return result

    def alltoall(self, values: Any) -> np.ndarray:
        """What each rank has for this one, int64 (size,), of ``values`` that have an element for each rank (collective)."""
        send: np.ndarray = np.ascontiguousarray(values, dtype=np.int64)
        if self.size == 1:
            return send.copy()
        result = np.empty_like(send)
        self._collective("Alltoall", send, result)
        return result

    def gather(self, obj: Any, root: int = 0) -> list[Any] | None:
        """List of the ranks' picklable objects on ``root``, None elsewhere (collective)."""
        self._arrive()
        return [obj] if self.size == 1 else self.mpi.gather(obj, root=root)

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """The picklable object of ``root`` on every rank (collective)."""
        self._arrive()
        return obj if self.size == 1 else self.mpi.bcast(obj, root=root)

    def barrier(self) -> None:
        """Wait for all ranks (collective)."""
        self._collective("Barrier")

    def error_rank(self, error: AMRError | None) -> float:
        """This rank if it has an error, else ``size``: a number to fold into an `allreduce_min` of the caller.

        The result of that reduction goes to `raise_lowest`. `agree` does both where no reduction is at hand.
        """
        return float(self.size if error is None else self.rank)

    def raise_lowest(self, lowest: float, error: AMRError | None) -> None:
        """Raise the error of rank ``lowest`` on every rank; nothing happens when ``lowest`` is ``size`` (collective)."""
        if lowest >= self.size:
            return
        if self.size == 1:
            assert error is not None
            raise error
        kind, text = self.bcast((type(error), str(error)) if self.rank == lowest else None, root=int(lowest))
        if error is not None and self.rank == lowest:
            raise error
        raise kind(text) from error

    def agree(self, error: AMRError | None) -> None:
        """Raise on every rank the error of the lowest rank that has one (collective; one small reduction if none has)."""
        self.raise_lowest(float(self.allreduce_min([self.error_rank(error)])[0]), error)

    def agreed(self, work: Callable[[], Any]) -> Any:
        """What ``work`` returns; an error on one rank alone (a user's function, a file) is raised on all (collective)."""
        error, value = None, None
        try:
            value = work()
        except AMRError as fault:
            error = fault
        self.agree(error)
        return value

    def abort(self, code: int) -> NoReturn:
        """End the whole program at once, all ranks, with exit status ``code``."""
        self.mpi.Abort(code)
        raise SystemExit(code)


def check_launcher(comm: Comm) -> None:
    """Refuse n runs of one rank, which is what a launcher of another MPI than mpi4py's makes.

    Raises
    ------
    CaseError
        The launcher started a number of processes that the communicator does not see, or AMR_WAIT has no known value.
    """
    if os.environ.get(_WAIT_VARIABLE, "poll") not in ("poll", "block"):
        raise CaseError(f"{_WAIT_VARIABLE} = {os.environ[_WAIT_VARIABLE]!r} must be 'poll' or 'block'")
    for name in _LAUNCHER_SIZES:
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) != comm.size:
            raise CaseError(
                f"the launcher started {value} processes ({name}) but MPI sees {comm.size}: mpirun and mpi4py belong to "
                f"different MPI libraries (mpi4py uses {MPI.Get_library_version().split(',')[0].strip()}); "
                "use the mpirun of that library"
            )


def _shall_poll(mpi: MPI.Intracomm) -> bool:
    """Whether ranks wait by polling: as AMR_WAIT says, or if on any node they are more than the cores (collective)."""
    node = mpi.Split_type(MPI.COMM_TYPE_SHARED)
    # A launcher may have bound each rank to a core of its own: only together they show what the node offers.
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    is_crowded = node.size > len(set().union(*node.allgather(usable)))
    node.Free()
    polls = {"poll": True, "block": False}.get(os.environ.get(_WAIT_VARIABLE, ""), is_crowded)
    return bool(mpi.allreduce(polls, MPI.LOR))


def _wait(requests: Sequence[MPI.Request]) -> None:
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
        pause = min(1.5 * pause, _LONGEST_SLEEP)


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
        requests = [comm.mpi.Recv_init(_message(b), source=r, tag=tag) for r, b in self.recv.items()]
        requests += [comm.mpi.Send_init(_message(b), dest=r, tag=tag) for r, b in self.send.items()]
        self._requests = requests

    def start(self) -> None:
        """Post the receives and send the buffers as they are now."""
        if self._requests:
            MPI.Prequest.Startall(self._requests)

    def wait(self) -> None:
        """Return when all messages are in and all send buffers may be written again."""
        if self._requests:
            start = perf_counter()
            (_wait if self._comm.polls else MPI.Request.Waitall)(self._requests)
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


class CollectiveFile:
    """An existing file that all ranks write together with ``MPI_File_write_at_all`` (collective to make).

    The ranks may call `write_at` differently often: a call is one or more rounds of all ranks, and a rank that has come to
    `close` takes part in the others' rounds with nothing. A failure on one rank ends the rounds of all.

    Parameters
    ----------
    comm : Comm
    path : path

    Raises
    ------
    OSError
    """

    # What a rank does in a round; the highest decides.
    _DONE, _WRITES, _FAILED = 0.0, 1.0, 2.0

    def __init__(self, comm: Comm, path: str | os.PathLike[str]) -> None:
        self._comm = comm
        self._decision = self._WRITES
        group = comm.mpi
        assert isinstance(group, MPI.Intracomm)
        try:
            self._file = MPI.File.Open(group, os.fspath(path), MPI.MODE_WRONLY)
        except MPI.Exception as error:
            raise _os_error(error) from error

    def write_at(self, offset: int, data: np.ndarray) -> None:
        """Write bytes, uint8 (n,), at an offset; waits for the other ranks, which must all write or close.

        After a failure on any rank nothing is written any more; `close` comes next.

        Raises
        ------
        OSError
            The write failed here.
        """
        for first in range(0, len(data), PIECE_BYTES):
            if self._all_write(self._WRITES):
                self._write(offset + first, data[first : first + PIECE_BYTES])

    def close(self, failed: bool, sync: bool) -> None:
        """Join the rounds until no rank writes any more, and close. Collective.

        Parameters
        ----------
        failed : bool
            This rank cannot go on: no rank shall.
        sync : bool
            Flush to the disk, unless a rank failed.

        Raises
        ------
        OSError
            It failed here (after the file was closed).
        """
        nothing = np.empty(0, dtype=np.uint8)
        fault: OSError | None = None
        while self._all_write(self._FAILED if failed or fault else self._DONE):
            try:
                self._write(0, nothing)
            except OSError as error:
                fault = error
        steps = [self._file.Sync, self._file.Close] if sync and self._decision == self._DONE else [self._file.Close]
        for step in steps:
            try:
                step()
            except MPI.Exception as error:
                fault = fault or _os_error(error)
        if fault is not None:
            raise fault

    def _all_write(self, state: float) -> bool:
        """Whether there is a round, in which each rank calls `_write` once (collective until the answer is no)."""
        if self._decision == self._WRITES:
            self._decision = float(self._comm.allreduce_max([state])[0])
        return self._decision == self._WRITES

    def _write(self, offset: int, data: np.ndarray) -> None:
        status = MPI.Status()
        try:
            self._file.Write_at_all(offset, [data, MPI.BYTE], status)
        except MPI.Exception as error:
            raise _os_error(error) from error
        done = status.Get_count(MPI.BYTE)
        if done != len(data):
            raise OSError(errno.EIO, f"MPI wrote {done} of {len(data)} bytes")


def _os_error(error: MPI.Exception) -> OSError:
    return OSError(errno.EIO, error.Get_error_string())


def _as_bytes(array: np.ndarray) -> np.ndarray:
    """View of a contiguous array as bytes."""
    return array.reshape(-1).view(np.uint8)


def _message(array: np.ndarray) -> list[Any]:
    """Buffer and datatype; MPI counts in 32 bits, so 8-byte numbers travel whole: 16 GB per message instead of 2."""
    return [array.reshape(-1).view(np.float64), MPI.DOUBLE] if array.itemsize == 8 else [_as_bytes(array), MPI.BYTE]
