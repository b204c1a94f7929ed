"""Checkpoints in a directory of results: their names, how many stay, and which one to go on from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amr.errors import AMRError, FileFormatError
from amr.io.checkpoint import Checkpoint
from amr.io.files import TEMPORARY

if TYPE_CHECKING:
    from amr.comm import Comm

_NAME = re.compile(r"checkpoint_(\d+)\.h5")
# Left behind by a run that was killed while it wrote.
_STALE = re.compile(r".+\.(h5|vtu|pvd|hdf|series|json|png|toml)" + re.escape(TEMPORARY))


def checkpoint_path(directory: str | Path, step: int) -> Path:
    """Name of the checkpoint of a step in a directory of results."""
    return Path(directory) / f"checkpoint_{step:08d}.h5"


def list_checkpoints(directory: str | Path) -> list[Path]:
    """Checkpoints named by `checkpoint_path` in a directory, newest (highest step) first. Not collective."""
    directory = Path(directory)
    found = [(int(match[1]), path) for path in _listing(directory) if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found, reverse=True)]


def prune_checkpoints(directory: str | Path, keep: int, comm: Comm) -> None:
    """Remove all but the newest ``keep`` checkpoints of a directory (rank 0 does it)."""
    if comm.rank == 0:
        for path in list_checkpoints(directory)[max(1, keep) :]:
            path.unlink(missing_ok=True)


def remove_stale(directory: str | Path, comm: Comm) -> None:
    """Remove the temporary files that a killed run left in a directory (rank 0 does it; others wait)."""
    if comm.rank == 0:
        for path in _listing(Path(directory)):
            if _STALE.fullmatch(path.name):
                path.unlink(missing_ok=True)
    comm.barrier()


def _listing(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def open_checkpoint(path: str | Path, comm: Comm) -> Checkpoint:
    """Open a checkpoint to go on from, and verify every block of it (the ranks share the work). Collective.

    Parameters
    ----------
    path : path
        A file; or a directory, whose newest checkpoint that verifies is taken (`Checkpoint.skipped` says what was
        passed over, for the run to report).

    Raises
    ------
    FileFormatError
        On every rank: the file is not sound (the text names a sound one beside it), or the directory has none.
    """
    path = Path(path)
    names = comm.bcast(list_checkpoints(path) if comm.rank == 0 and path.is_dir() else None)
    if names is None:
        return _open_file(path, comm)
    skipped: list[str] = []
    for name in names:
        try:
            checkpoint = _open_verified(name, comm)
        except FileFormatError as error:
            skipped.append(str(error))
            continue
        checkpoint.skipped = skipped
        return checkpoint
    raise FileFormatError("\n".join([f"{path}: no checkpoint to go on from", *skipped]))


def _open_file(path: Path, comm: Comm) -> Checkpoint:
    try:
        return _open_verified(path, comm)
    except FileFormatError as error:
        # Never go on from another file than the one that was asked for; but say which one would do.
        for other in comm.bcast(list_checkpoints(path.parent) if comm.rank == 0 else None):
            if other.name == path.name:
                continue
            try:
                _open_verified(other, comm)
            except FileFormatError:
                continue
            raise FileFormatError(f"{error}; the newest sound checkpoint beside it is {other}") from error
        raise


def _open_verified(path: Path, comm: Comm) -> Checkpoint:
    """Open and verify, each rank an equal share of the blocks; the same error on every rank."""
    error: AMRError | None = None
    checkpoint: Checkpoint | None = None
    try:
        checkpoint = Checkpoint(path)
        shares = np.linspace(0, checkpoint.n_leaves, comm.size + 1).astype(int)
        checkpoint.verify(slice(int(shares[comm.rank]), int(shares[comm.rank + 1])))
    except FileFormatError as fault:
        error = fault
    comm.agree(error)
    assert checkpoint is not None
    return checkpoint
