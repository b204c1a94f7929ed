"""A group of ranks: reductions, gathers, agreement on errors."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, NoReturn

import numpy as np

from amr.comm.buffers import as_bytes
from amr.comm.mpi import MPI
from amr.comm.program import PROGRAM
from amr.comm.waiting import shall_poll, wait
from amr.errors import AMRError


class Comm:
    """A group of ranks.

    Made with `Comm.world`, `Comm.self_` or `split`; ``mpi`` is the mpi4py communicator, for PETSc.
    ``wait_seconds`` adds up the time this rank spent waiting for others, ``n_resting`` counts ranks of the program that do not
    work because others have their cores (`amr.comm.program`).

    MPI libraries wait by spinning. Where ranks share cores that would keep the rank that is waited for from its core: there
    (``polls``) nonblocking calls and `wait` take the place of blocking ones. All ranks of a group wait in the same way,
    because a nonblocking collective does not meet a blocking one.
    """

    def __init__(self, mpi: MPI.Comm, polls: bool = False) -> None:
        self.mpi = mpi
        self.polls = polls
        self.rank: int = mpi.Get_rank()
        self.size: int = mpi.Get_size()
        self.wait_seconds = 0.0
        self.n_resting = 0

    @classmethod
    def world(cls) -> Comm:
        """All ranks of the program that work, on a communicator of our own (collective)."""
        mpi = PROGRAM.mpi
        wait([mpi.Ibarrier()])  # the first to come must not spin while the others start up
        comm = cls(mpi.Dup(), shall_poll(mpi))
        comm.n_resting = PROGRAM.n_resting
        return comm

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
            wait([getattr(self.mpi, "I" + name.lower())(*args)])
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
            [as_bytes(send), MPI.BYTE],
            [as_bytes(result), sizes.tolist(), offsets.tolist(), MPI.BYTE],
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
        MPI.COMM_WORLD.Abort(code)
        raise SystemExit(code)
