"""Files that all ranks write side by side: created under a temporary name, renamed when complete."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.comm import CollectiveFile
from amr.errors import AMRError

if TYPE_CHECKING:
    from amr.comm import Comm

TEMPORARY = ".tmp"
CHUNK_BYTES = 1 << 23
# What the file system, HDF5 or a missing library can throw on one rank while the others wait.
FAULTS = (OSError, RuntimeError, ValueError, ImportError, MemoryError)


def temporary_name(path: Path) -> Path:
    """Name under which ``path`` is written until it is complete."""
    return path.with_name(path.name + TEMPORARY)


def sync_folder(folder: Path) -> None:
    """Make the renames done in a folder survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Replace a small text file atomically (one rank calls this).

    Raises
    ------
    AMRError
        The file cannot be written.
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: Exception) -> AMRError:
    """The error a user sees for a failed write."""
    text = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    return AMRError(f"cannot write {path}: {text}")


def chunks(n_block: int, block_bytes: int) -> list[slice]:
    """Cut blocks into runs of at most CHUNK_BYTES (at least one block each), to bound the memory of packing."""
    size = max(1, CHUNK_BYTES // max(1, block_bytes))
    return [slice(first, min(first + size, n_block)) for first in range(0, n_block, size)]


class SharedFile:
    """One file written by all ranks; the name appears only when every rank has written its part.

    Used as a context manager; entering and leaving are collective, the body is not, so that an error on one rank is
    raised on every rank when the body ends and the temporary file is removed.

    Parameters
    ----------
    comm : Comm
    path : Path
        Final name; the folder is made when it is missing.
    create : callable
        ``create(temporary)`` runs on rank 0, makes the file with its final size and returns what all ranks need to
        know of it (offsets); afterwards in ``plan`` on every rank.
    durable : bool
        Flush to the disk before the rename and sync the folder after it.
    mpi_io : bool
        Write with MPI's collective calls instead of ``pwrite``: for network file systems. The body stays as free as it was:
        the ranks may write differently often.

    Raises
    ------
    AMRError
        On every rank, where a write failed on any.
    """

    def __init__(
        self, comm: Comm, path: Path, create: Callable[[Path], Any], durable: bool = False, mpi_io: bool = False
    ) -> None:
        self.comm, self.path, self.create, self.durable, self.mpi_io = comm, Path(path), create, durable, mpi_io
        self.temporary = temporary_name(self.path)
        self.plan: Any = None
        self._handle = -1
        self._collective: CollectiveFile | None = None

    def __enter__(self) -> SharedFile:
        error: AMRError | None = None
        if self.comm.rank == 0:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.plan = self.create(self.temporary)
            except (*FAULTS, AMRError) as fault:
                error = fault if isinstance(fault, AMRError) else cannot_write(self.path, fault)
        self._agree(error)
        self.plan = self.comm.bcast(self.plan)
        try:
            self._handle = os.open(self.temporary, os.O_WRONLY)
        except OSError as fault:
            error = cannot_write(self.path, fault)
        self._agree(error)
        if self.mpi_io:
            # The handle only showed that every rank reaches the file. Closed first: ROMIO's locks would go with it.
            self._close()
            collective = None
            try:
                collective = CollectiveFile(self.comm, self.temporary)
            except OSError as fault:
                error = cannot_write(self.path, fault)
            self._agree(error)
            self._collective = collective
        return self

    def write_at(self, offset: int, array: np.ndarray) -> int:
        """Write a C-contiguous array at a byte offset; return the offset behind it. Not collective."""
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        if self._collective is not None:
            self._collective.write_at(offset, flat)
            return offset + len(flat)
        data = flat.data
        while len(data):
            done = os.pwrite(self._handle, data, offset)
            offset += done
            data = data[done:]
        return offset

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        error: AMRError | None = None
        if isinstance(value, AMRError):
            error = value
        elif isinstance(value, Exception):
            # Wrapped, so that the other ranks, which wait in agree, hear of it.
            error = cannot_write(self.path, value)
            error.__cause__ = value
        if value is not None and not isinstance(value, Exception):
            self._close()
            return  # KeyboardInterrupt, SystemExit: the process ends, nothing to agree on
        try:
            if self._collective is not None:
                self._collective.close(failed=error is not None, sync=self.durable)
            elif self.durable and error is None:
                os.fsync(self._handle)
            self._close()
        except OSError as fault:
            error = error or cannot_write(self.path, fault)
        self._agree(error)
        if self.comm.rank == 0:
            try:
                os.replace(self.temporary, self.path)
                if self.durable:
                    sync_folder(self.path.parent)
            except OSError as fault:
                error = cannot_write(self.path, fault)
        self._agree(error)

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _agree(self, error: AMRError | None) -> None:
        """Raise on every rank if there is an error on any, with nothing left behind."""
        try:
            self.comm.agree(error)
        except AMRError:
            with suppress(OSError):
                self._close()
            if self.comm.rank == 0:
                with suppress(OSError):
                    self.temporary.unlink(missing_ok=True)
            raise


def create_hdf5(
    path: Path, groups: Mapping[str, Mapping[str, Any]], datasets: Mapping[str, tuple[tuple[int, ...], str, Any]]
) -> dict[str, int]:
    """Make an HDF5 file whose datasets are contiguous and allocated, so that any process can write them in place.

    Parameters
    ----------
    path : Path
    groups : mapping group -> mapping attribute -> value
        Byte strings become fixed-length ASCII.
    datasets : mapping name -> (shape, dtype, data)
        ``data`` None leaves the contents to ``pwrite``.

    Returns
    -------
    dict
        Byte offset of each dataset in the file (0 for an empty one).
    """
    import h5py

    offsets = {}
    with h5py.File(path, "w", libver="earliest") as file:
        for name, attributes in groups.items():
            group = file.require_group(name)
            for key, value in attributes.items():
                group.attrs[key] = np.bytes_(value) if isinstance(value, bytes) else value
        for name, (shape, dtype, data) in datasets.items():
            creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            creation.set_layout(h5py.h5d.CONTIGUOUS)
            creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            # No time stamps: files of equal content are equal byte for byte.
            creation.set_obj_track_times(False)
            file.require_group(name.rpartition("/")[0] or "/")
            space = h5py.h5s.create_simple(shape)
            kind = h5py.h5t.py_create(np.dtype(dtype))
            dataset = h5py.h5d.create(file.id, name.encode(), kind, space, dcpl=creation)
            if data is not None and int(np.prod(shape)):
                h5py.Dataset(dataset)[...] = data
            offsets[name] = int(dataset.get_offset() or 0)
    return offsets
