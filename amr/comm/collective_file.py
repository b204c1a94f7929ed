"""A file that all ranks write together."""

from __future__ import annotations

import errno
import os

import numpy as np

from amr.comm.group import Comm
from amr.comm.mpi import MPI

# One call of MPI-IO: far below the 2 GB that MPI counts in bytes, large enough for any file system.
PIECE_BYTES = 1 << 26


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
