"""``mpi_io``: the same files and the same errors as with ``pwrite``, written with MPI's collective calls."""

from __future__ import annotations

import pytest

from amr.comm import Comm
from amr.errors import AMRError
from amr.io import files
from amr.io.checkpoint import write_checkpoint
from amr.io.paraview import FORMATS
from tests import io_tools

BOTH = """
import dataclasses, sys
import numpy as np
from pathlib import Path
from tests import io_tools
from amr import comm as message_passing
from amr.comm import Comm
from amr.io import files
from amr.io.checkpoint import write_checkpoint
from amr.io.paraview import FORMATS
world = Comm.world()
alone = Comm.self_()

def same(write, name, snap):
    folder = Path(sys.argv[1]) / (f"alone_{world.rank}" if snap.comm is alone else "all")
    for mpi_io in (False, True):
        write(folder / f"{mpi_io}_{name}", snap, mpi_io)
    assert (folder / f"True_{name}").read_bytes() == (folder / f"False_{name}").read_bytes(), name
    snap.comm.barrier()

for comm in (world, alone):
    for dim in (1, 2, 3):
        snap = io_tools.snapshot(dim, comm, n=4)
        same(write_checkpoint, f"{dim}.h5", snap)
        for format, row in FORMATS.items():
            if dim in row.dims:
                same(row.write, f"{dim}_{format}", snap)
# Ranks with nothing, many chunks, and pieces smaller than a chunk.
message_passing.PIECE_BYTES = 1000
files.CHUNK_BYTES = 5000
snap = io_tools.snapshot(2, world)
last = snap.n_leaves
whole = io_tools.snapshot(2, alone)
starts = np.array([0, 0, last - 1, last])
uneven = dataclasses.replace(snap, starts=starts, u=whole.u[starts[world.rank] : starts[world.rank + 1]])
same(write_checkpoint, "uneven.h5", uneven)
same(FORMATS["vtu"].write, "uneven.vtu", uneven)
"""


def test_both_ways_write_the_same_bytes_on_one_and_three_ranks(mpirun, tmp_path):
    mpirun(3, ["-c", BOTH, tmp_path], check=True, timeout=60)
    assert len(list((tmp_path / "all").iterdir())) == 2 * (2 + 3 * 3 + 1)
    assert not list(tmp_path.rglob("*.tmp"))


FAILING = """
import os, resource, sys
from pathlib import Path
from tests import io_tools
from amr.comm import Comm
from amr.errors import AMRError
from amr.io import files
from amr.io.checkpoint import write_checkpoint
from amr.io.paraview import write_vtu
comm, folder = Comm.world(), Path(sys.argv[1])
snap = io_tools.snapshot(2, comm)

def told(name, write, path):
    try:
        write(path, snap, True)
        text = "no error"
    except AMRError as error:
        text = str(error)
    if (texts := comm.gather(text)) is not None:
        print(name, "|", len(set(texts)), "|", texts[0])

told("folder", write_checkpoint, folder / "file" / "a.h5")
told("folder", write_vtu, folder / "file" / "a.vtu")
if comm.rank == 1:
    real = os.open
    def refuse(path, *rest):
        raise OSError(13, "Permission denied")
    files.os.open = refuse
told("open", write_checkpoint, folder / "a.h5")
if comm.rank == 1:
    files.os.open = real
    real_pieces = snap.interiors
    # A body that fails after the first of several chunks, while the others go on.
    def broken():
        yield next(iter(real_pieces()))
        raise MemoryError
    object.__setattr__(snap, "interiors", broken)
files.CHUNK_BYTES = 5000
told("body", write_checkpoint, folder / "b.h5")
told("body", write_vtu, folder / "b.vtu")
if comm.rank == 1:
    object.__setattr__(snap, "interiors", real_pieces)
comm.barrier()
# The disk refuses what one rank writes.
if comm.rank == int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (30000, resource.RLIM_INFINITY))
told("write", write_checkpoint, folder / "c.h5")
told("write", write_vtu, folder / "c.vtu")
if comm.rank == int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
told("sound", write_checkpoint, folder / "sound.h5")
"""


@pytest.mark.parametrize("rank", [1, 2])
def test_a_failure_on_one_rank_is_one_error_on_all(rank, mpirun, tmp_path):
    (tmp_path / "file").touch()
    lines = mpirun(3, ["-c", FAILING, tmp_path, str(rank)], check=True, timeout=60).stdout.splitlines()
    assert [line.split(" | ")[:2] for line in lines] == [
        [name, "1"] for name in ("folder", "folder", "open", "body", "body", "write", "write", "sound")
    ]
    texts = [line.split(" | ")[2] for line in lines]
    assert all("cannot write" in text for text in texts[:-1]) and texts[-1] == "no error", texts
    assert "Permission denied" in texts[2] and "MemoryError" in texts[3] and "MPI_ERR_IO" in texts[5], texts
    assert {path.name for path in tmp_path.iterdir()} == {"file", "sound.h5"}


def test_an_old_file_survives_a_failed_write(tmp_path, monkeypatch):
    snap = io_tools.snapshot(1)
    path = write_checkpoint(tmp_path / "a.h5", snap, mpi_io=True)
    before = path.read_bytes()

    def full(self, offset, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.CollectiveFile, "_write", full)
    for write in (write_checkpoint, FORMATS["vtu"].write):
        with pytest.raises(AMRError, match="cannot write .*a.h5: No space left"):
            write(path, snap, True)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_the_case_asks_for_it(tmp_path, monkeypatch):
    from amr.io.outputs import OutputOptions, Outputs

    opened = []
    real = files.CollectiveFile
    monkeypatch.setattr(files, "CollectiveFile", lambda comm, path: opened.append(path.name) or real(comm, path))
    for mpi_io in (False, True):
        outputs = Outputs(OutputOptions(tmp_path, "run", mpi_io=mpi_io), Comm.self_())
        outputs.open("", 1, None)
        outputs.dump(io_tools.snapshot(1))
        outputs.checkpoint(io_tools.snapshot(1))
        assert len(opened) == (2 if mpi_io else 0)
