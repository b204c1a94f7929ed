"""Checkpoints: contents, checksums, atomic replacement, restart on any number of ranks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import AMRError, FileFormatError
from amr.io import checkpoint, files, restart
from amr.io.checkpoint import Checkpoint, write_checkpoint
from amr.io.restart import checkpoint_path, list_checkpoints, open_checkpoint, prune_checkpoints, remove_stale
from amr.io.snapshot import digest
from tests import io_tools


def interior(snap):
    return snap.u[(slice(None), slice(None), *snap.layout.interior)]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_checkpoint_gives_back_every_bit(dim, tmp_path):
    snap = io_tools.snapshot(dim)
    path = write_checkpoint(tmp_path / "sub" / "a.h5", snap)
    back = Checkpoint(path)
    assert (back.time, back.step, back.meta) == (snap.time, snap.step, snap.meta)
    loaded = back.snapshot(Comm.self_())
    assert np.array_equal(interior(loaded), interior(snap))
    assert np.array_equal(loaded.forest.key, snap.forest.key) and loaded.forest.root_blocks == snap.forest.root_blocks
    assert digest(loaded) == digest(snap)
    u = np.zeros_like(snap.u[2:5])
    back.read_blocks(slice(2, 5), u, snap.layout)
    assert np.array_equal(u[(slice(None), slice(None), *snap.layout.interior)], interior(snap)[2:5])
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_what_is_kept_of_each_leaf_comes_back_and_is_checked(dim, tmp_path):
    snap = io_tools.snapshot(dim)
    kept = kept_of(snap)
    path = write_checkpoint(tmp_path / "a.h5", replace(snap, kept=kept))
    back = Checkpoint(path)
    assert back.kept == ("memory", "potential") and Checkpoint(write_checkpoint(tmp_path / "b.h5", snap)).kept == ()
    assert np.array_equal(back.read_kept("memory", slice(1, 4), np.uint8, (5,)), kept["memory"][1:4])
    assert np.array_equal(back.read_kept("potential", slice(2, 5), float, back.cell_shape), kept["potential"][2:5])
    for name, dtype, shape in (("memory", np.uint8, (6,)), ("memory", np.int8, (5,)), ("none", np.uint8, (5,))):
        with pytest.raises(FileFormatError, match=r"a\.h5"):
            back.read_kept(name, slice(0, 1), dtype, shape)
    back.verify()
    damage(path, "memory", 7)
    with pytest.raises(FileFormatError, match="checksum of block 1"):
        Checkpoint(path).verify()


def damage(path, name="u", byte=100):
    """Flip one bit inside a dataset of a file."""
    import h5py

    with h5py.File(path) as file:
        place = file[name].id.get_offset() + byte
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["u", "crc32", "level", "key", "coords", "meta"])
def test_one_bit_of_any_array_is_noticed(name, tmp_path):
    path = write_checkpoint(tmp_path / "a.h5", io_tools.snapshot(2))
    for byte in (0, 17, 45):
        damage(path, name, byte)
        with pytest.raises(FileFormatError, match="damaged"):
            open_checkpoint(path, Comm.self_())
        damage(path, name, byte)
    open_checkpoint(path, Comm.self_())


def test_the_file_is_plain_hdf5_that_h5py_reads(tmp_path):
    import h5py

    snap = io_tools.snapshot(2)
    with h5py.File(write_checkpoint(tmp_path / "a.h5", snap)) as file:
        assert set(file) == {"meta", "level", "key", "coords", "u", "crc32"}
        assert np.array_equal(file["u"][:], interior(snap))
        assert np.array_equal(file["key"][:], snap.forest.key)


def test_digest_sees_data_and_tree_but_no_ghosts():
    snap, other = io_tools.snapshot(2), io_tools.snapshot(2)
    other.u[0, 0, 0, 0, 0] = 1.0
    assert digest(snap) == digest(other)
    other.u[3, 1, 0, 4, 4] = np.nextafter(other.u[3, 1, 0, 4, 4], 9.0)
    assert digest(snap) != digest(other)
    assert digest(io_tools.snapshot(2, max_level=1)) != digest(snap)


def test_packing_in_small_chunks_changes_nothing(tmp_path, monkeypatch):
    snap = io_tools.snapshot(2)
    whole = write_checkpoint(tmp_path / "a.h5", snap).read_bytes()
    monkeypatch.setattr(files, "CHUNK_BYTES", 1)
    assert write_checkpoint(tmp_path / "b.h5", snap).read_bytes() == whole
    assert np.array_equal(interior(Checkpoint(tmp_path / "b.h5").snapshot(Comm.self_())), interior(snap))


PROGRAM = """
import sys
from tests import io_tools
from amr.comm import Comm
from amr.errors import FileFormatError
from amr.io.checkpoint import write_checkpoint
from amr.io.restart import open_checkpoint
from amr.io.snapshot import digest
comm, folder = Comm.world(), sys.argv[1]
for dim in (1, 2, 3):
    snap = io_tools.snapshot(dim, comm)
    write_checkpoint(f"{folder}/{dim}_{comm.size}.h5", snap)
    loaded = open_checkpoint(f"{folder}/{dim}_{comm.size}.h5", comm).snapshot(comm)
    assert digest(loaded) == digest(snap)
    total = digest(snap)
    if comm.rank == 0:
        print(dim, total)
try:
    open_checkpoint(f"{folder}/damaged.h5", comm)
    refused = False
except FileFormatError as error:
    refused = True
# Rank 0 speaks alone: lines of several ranks at once mix.
refused = comm.gather(refused)
if comm.rank == 0:
    print("refused on", sum(refused))
"""


def test_files_and_digests_are_equal_on_any_number_of_ranks(mpirun, tmp_path):
    damage(write_checkpoint(tmp_path / "damaged.h5", io_tools.snapshot(2)))
    seen = set()
    for ranks in (1, 2, 3):
        done = mpirun(
            ranks,
            ["-c", PROGRAM, tmp_path],
            check=True,
            timeout=60,
        )
        lines = done.stdout.split("\n")
        seen.add(tuple(sorted(line for line in lines if line and not line.startswith("refused"))))
        assert f"refused on {ranks}" in lines
    assert len(seen) == 1
    for dim in (1, 2, 3):
        assert len({(tmp_path / f"{dim}_{ranks}.h5").read_bytes() for ranks in (1, 2, 3)}) == 1


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "a.h5"
    snap = io_tools.snapshot(1, n=8, max_level=1)
    write_checkpoint(path, replace(snap, kept=kept_of(snap)))
    return path.read_bytes(), digest(snap)


def kept_of(snap):
    """Something of each leaf: bytes, and numbers by cell."""
    random = np.random.default_rng(3)
    cells = interior(snap)[:, 0].shape
    return {
        "memory": random.integers(0, 256, (snap.n_block, 5), dtype=np.uint8),
        "potential": random.normal(size=cells),
    }


def test_a_file_with_any_byte_changed_is_refused_or_reads_the_same(sound, tmp_path):
    data, expected = sound
    path = tmp_path / "a.h5"
    random = np.random.default_rng(5)
    refused = 0
    for place in random.choice(len(data), size=400, replace=False):
        damaged = bytearray(data)
        damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = open_checkpoint(path, Comm.self_())
            assert digest(loaded.snapshot(Comm.self_())) == expected
            assert (loaded.time, loaded.step, loaded.meta["x"]) == (0.125, 7, 0.1)
        except FileFormatError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(sound, share, tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(sound[0][: int(share * len(sound[0]))])
    with pytest.raises(FileFormatError, match=r"a\.h5"):
        open_checkpoint(path, Comm.self_())


def test_foreign_files_are_refused(tmp_path):
    import h5py

    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["u"] = np.zeros(3)
    for path in (text, foreign, tmp_path / "missing.h5"):
        with pytest.raises(FileFormatError, match=path.name):
            open_checkpoint(path, Comm.self_())
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="no checkpoint"):
        open_checkpoint(tmp_path / "empty", Comm.self_())


def test_another_version_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", 7)
    path = write_checkpoint(tmp_path / "a.h5", io_tools.snapshot(1))
    monkeypatch.undo()
    with pytest.raises(FileFormatError, match="version 7 of the format"):
        open_checkpoint(path, Comm.self_())


def test_a_case_that_does_not_fit_is_named(tmp_path):
    found = Checkpoint(write_checkpoint(tmp_path / "a.h5", io_tools.snapshot(2)))
    found.require(dim=2, block_cells=8, root_blocks=(2, 3))
    with pytest.raises(FileFormatError, match="block_cells is 8 there, but 16"):
        found.require(block_cells=16)


def test_restart_takes_the_newest_that_verifies_and_says_so(tmp_path):
    for step in (3, 20, 100):
        write_checkpoint(checkpoint_path(tmp_path, step), io_tools.snapshot(1, step=step))
    newest = checkpoint_path(tmp_path, 100)
    damage(newest)
    data = newest.read_bytes()
    checkpoint_path(tmp_path, 50).write_bytes(data[: len(data) // 2])
    found = open_checkpoint(tmp_path, Comm.self_())
    assert found.step == 20
    assert [name in text for name, text in zip(("_00000100", "_00000050"), found.skipped, strict=True)] == [True, True]
    # A file that was asked for by name is not replaced by another one.
    with pytest.raises(FileFormatError, match=r"checksum of block.*_00000020\.h5"):
        open_checkpoint(newest, Comm.self_())


def test_only_the_last_ones_stay_and_stale_files_go(tmp_path):
    for step in (5, 10, 1000, 999):
        checkpoint_path(tmp_path, step).touch()
    (tmp_path / "mine.h5").touch()
    (tmp_path / "checkpoint_00000004.h5.tmp").touch()
    (tmp_path / "run.vtu.tmp").touch()
    (tmp_path / "notes.tmp").touch()
    prune_checkpoints(tmp_path, 2, Comm.self_())
    remove_stale(tmp_path, Comm.self_())
    remove_stale(tmp_path / "missing", Comm.self_())
    assert [p.name for p in list_checkpoints(tmp_path)] == ["checkpoint_00001000.h5", "checkpoint_00000999.h5"]
    assert {p.name for p in tmp_path.iterdir()} == {
        "checkpoint_00001000.h5", "checkpoint_00000999.h5", "mine.h5", "notes.tmp",
    }  # fmt: skip


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch):
    snap = io_tools.snapshot(1)
    path = write_checkpoint(tmp_path / "a.h5", snap)
    before = path.read_bytes()

    def full(handle, data, offset):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "pwrite", full)
    with pytest.raises(AMRError, match="cannot write .*a.h5: No space left"):
        write_checkpoint(path, snap)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.h5"]
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(AMRError, match="cannot write"):
        write_checkpoint(blocked / "a.h5", snap)


FAILING = """
import sys
from tests import io_tools
from amr.comm import Comm
from amr.errors import AMRError
from amr.io import files
from amr.io.checkpoint import write_checkpoint
comm = Comm.world()
def full(handle, data, offset):
    raise OSError(28, "No space left on device")
if comm.rank == 1:
    files.os.pwrite = full
try:
    write_checkpoint(sys.argv[1], io_tools.snapshot(2, comm))
except AMRError as error:
    with open(f"{sys.argv[2]}/told_{comm.rank}", "w") as file:
        file.write(str(error))
"""


def test_every_rank_hears_of_a_write_that_failed_on_one(mpirun, tmp_path):
    folder = tmp_path / "run"
    mpirun(3, ["-c", FAILING, folder / "a.h5", tmp_path], check=True, timeout=60)
    told = [path.read_text() for path in sorted(tmp_path.glob("told_*"))]
    assert len(told) == 3 and len(set(told)) == 1 and "cannot write" in told[0] and "No space left" in told[0]
    assert not list(folder.iterdir())


def test_names_sort_by_step_even_beyond_the_padding(tmp_path):
    for step in (99999999, 100000000):
        checkpoint_path(tmp_path, step).touch()
    assert list_checkpoints(tmp_path)[0].name == "checkpoint_100000000.h5"
    assert restart.list_checkpoints(tmp_path / "none") == []
