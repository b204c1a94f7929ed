"""ParaView output, read back with VTK's own readers, meshio and h5py."""

from __future__ import annotations

import json

import meshio
import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import AMRError, CaseError
from amr.io import files, unstructured
from amr.io.paraview import FORMATS, Dumps, write_vtu
from amr.io.parents import blocks_by_level
from amr.io.unstructured import Unstructured
from amr.io.vtkhdf import write_vtkhdf, write_vtkhdf_amr
from tests import io_tools

CELL = {1: "line", 2: "quad", 3: "hexahedron"}


def read_vtu(path):
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader

    return read_with(vtkXMLUnstructuredGridReader(), path)


def read_with(reader, path):
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0
    return reader.GetOutputDataObject(0)


def array(data, name):
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetArray(name))


def centres(snap):
    """Cell centres (m, dim) and widths (m, dim) of all leaves in output order."""
    x = snap.geometry.cell_centers(snap.forest.level, snap.forest.coords).reshape(snap.layout.dim, -1).T
    return x, np.repeat(snap.geometry.spacing(snap.forest.level), snap.layout.cells, axis=0)[:, : snap.layout.dim]


def expected(snap):
    """Primitive state at the cell centres, vectors as (m, 3)."""
    x, _ = centres(snap)
    state = io_tools.primitive_state(x.T, snap.layout.dim)
    velocity = np.zeros((len(x), 3))
    velocity[:, : snap.layout.dim] = state["velocity"].T
    return {**state, "velocity": velocity}


def check_grid(grid, snap, ranks=1):
    """A VTK unstructured grid holds the leaves of a snapshot and its state."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersVerdict import vtkCellSizeFilter

    dim = snap.layout.dim
    x, h = centres(snap)
    assert grid.GetNumberOfCells() == len(x)
    assert {grid.GetCellType(c) for c in range(0, len(x), 7)} == {unstructured.CELL_TYPE[dim]}
    points = vtk_to_numpy(grid.GetPoints().GetData())
    corners = vtk_to_numpy(grid.GetCells().GetConnectivityArray()).reshape(len(x), -1)
    assert np.allclose(points[corners].mean(axis=1)[:, :dim], x, atol=1e-13)
    assert not points[:, dim:].any()
    measure = vtkCellSizeFilter()
    measure.SetInputData(grid)
    measure.Update()
    sizes = array(measure.GetOutput().GetCellData(), ("Length", "Area", "Volume")[dim - 1])
    # Positive, so the corners run the right way round.
    assert np.allclose(sizes, h.prod(axis=1), rtol=1e-10)
    cells = grid.GetCellData()
    for name, value in expected(snap).items():
        assert np.allclose(array(cells, name), value, rtol=1e-12, atol=1e-12), name
    assert np.array_equal(array(cells, "level"), np.repeat(snap.forest.level, snap.layout.cells))
    assert set(np.unique(array(cells, "rank"))) == set(range(ranks))
    assert array(grid.GetFieldData(), "TimeValue")[0] == snap.time
    return points


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_vtk_and_meshio_read_a_vtu(dim, tmp_path):
    snap = io_tools.snapshot(dim, n=8 if dim < 3 else 4)
    path = write_vtu(tmp_path / "a.vtu", snap)
    points = check_grid(read_vtu(path), snap)
    # One rank: no point twice, hanging nodes included.
    assert len(np.unique(points, axis=0)) == len(points)
    mesh = meshio.read(path)
    assert [block.type for block in mesh.cells] == [CELL[dim]]
    for name, value in expected(snap).items():
        assert np.allclose(mesh.cell_data[name][0], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_vtk_reads_a_vtkhdf_unstructured_grid(dim, tmp_path):
    from vtkmodules.vtkIOHDF import vtkHDFReader

    snap = io_tools.snapshot(dim, n=8 if dim < 3 else 4)
    path = write_vtkhdf(tmp_path / "a.hdf", snap)
    check_grid(read_with(vtkHDFReader(), path), snap)


def test_vtkhdf_strings_are_fixed_length_ascii(tmp_path):
    import h5py

    with h5py.File(write_vtkhdf(tmp_path / "a.hdf", io_tools.snapshot(2))) as file:
        kind = file["VTKHDF"].attrs.get_id("Type").get_type()
        assert not kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_ASCII
        assert list(file["VTKHDF"].attrs["Version"]) == [1, 0]


def test_vtk_reads_the_amr_levels_with_their_covered_parents(tmp_path):
    from vtkmodules.vtkIOHDF import vtkHDFReader

    snap = io_tools.snapshot(3, n=4)
    data = read_with(vtkHDFReader(), write_vtkhdf_amr(tmp_path / "a.hdf", snap))
    levels = blocks_by_level(snap)
    assert data.GetNumberOfLevels() == len(levels) == 3
    visible = 0
    for level, blocks in enumerate(levels):
        assert data.GetNumberOfBlocks(level) == len(blocks.coords)
        for index in range(len(blocks.coords)):
            grid = data.GetDataSetAsCartesianGrid(level, index)
            assert np.allclose(grid.GetOrigin(), snap.geometry.origin(level, blocks.coords[index : index + 1])[0])
            assert np.allclose(grid.GetSpacing(), snap.geometry.spacing(level)[0])
            own = snap.primitives(blocks.data[index : index + 1])
            assert np.allclose(array(grid.GetCellData(), "density"), own["density"])
            assert np.allclose(array(grid.GetCellData(), "velocity"), own["velocity"].T)
            ghost = grid.GetCellData().GetArray("vtkGhostType")
            visible += (
                snap.layout.cells if ghost is None else int((array(grid.GetCellData(), "vtkGhostType") == 0).sum())
            )
    assert visible == snap.n_leaves * snap.layout.cells


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_parents_cover_each_level_and_keep_the_totals(dim):
    snap = io_tools.snapshot(dim, n=8 if dim < 3 else 4)
    levels = blocks_by_level(snap)
    assert sum(len(blocks.key) for blocks in levels) > snap.n_leaves
    root = levels[0]
    assert len(root.coords) == int(np.prod(io_tools.ROOTS[:dim]))
    volume = snap.geometry.volumes(snap.forest.level)
    interior = snap.u[(slice(None), slice(None), *snap.layout.interior)]
    total = (interior.sum(axis=(2, 3, 4)) * volume[:, None]).sum(axis=0)
    assert np.allclose(root.data.sum(axis=(0, 2, 3, 4)) * snap.geometry.volumes(0)[0], total, rtol=1e-12)


PROGRAM = """
import sys
from tests import io_tools
from amr.comm import Comm
from amr.io.paraview import Dumps
comm, folder = Comm.world(), sys.argv[1]
for dim, format in ((1, "vtu"), (2, "vtu"), (3, "vtu"), (2, "vtkhdf"), (3, "vtkhdf-amr")):
    dumps = Dumps(f"{folder}/{format}", f"run{dim}", format, dim, comm)
    dumps.write(io_tools.snapshot(dim, comm, n=4))
# A rank without leaves.
from amr.io.snapshot import Snapshot
import dataclasses, numpy as np
snap = io_tools.snapshot(2, comm, n=4)
last = snap.n_leaves
starts = np.array([0] + [last] * comm.size)
whole = io_tools.snapshot(2, Comm.self_(), n=4)
empty = dataclasses.replace(snap, starts=starts, u=whole.u if comm.rank == 0 else whole.u[:0])
from amr.io.paraview import write_vtu
from amr.io.vtkhdf import write_vtkhdf
write_vtu(f"{folder}/empty.vtu", empty)
write_vtkhdf(f"{folder}/empty.hdf", empty)
"""


def test_three_ranks_write_one_readable_file(mpirun, tmp_path):
    from vtkmodules.vtkIOHDF import vtkHDFReader

    for ranks in (2, 3):
        mpirun(ranks, ["-c", PROGRAM, tmp_path / str(ranks)], check=True, timeout=60)
        folder = tmp_path / str(ranks)
        for dim in (1, 2, 3):
            check_grid(read_vtu(folder / "vtu" / f"run{dim}_00000007.vtu"), io_tools.snapshot(dim, n=4), ranks)
        grid = read_with(vtkHDFReader(), folder / "vtkhdf" / "run2_00000007.hdf")
        check_grid(grid, io_tools.snapshot(2, n=4), ranks)
        check_grid(read_vtu(folder / "empty.vtu"), io_tools.snapshot(2, n=4))
        check_grid(read_with(vtkHDFReader(), folder / "empty.hdf"), io_tools.snapshot(2, n=4))
    # The levels with their parents are the same file whatever the ranks: nothing of it names a rank.
    write_vtkhdf_amr(tmp_path / "one.hdf", io_tools.snapshot(3, n=4))
    whole = (tmp_path / "one.hdf").read_bytes()
    for ranks in (2, 3):
        assert (tmp_path / str(ranks) / "vtkhdf-amr" / "run3_00000007.hdf").read_bytes() == whole


def test_small_chunks_change_nothing(tmp_path, monkeypatch):
    snap = io_tools.snapshot(2)
    whole = write_vtu(tmp_path / "a.vtu", snap).read_bytes()
    monkeypatch.setattr(files, "CHUNK_BYTES", 1)
    assert write_vtu(tmp_path / "b.vtu", snap).read_bytes() == whole


def test_more_fields_per_block_and_per_cell(tmp_path):
    import dataclasses

    snap = io_tools.snapshot(2)
    alarm = np.arange(snap.n_block, dtype=float)
    cellwise = np.random.default_rng(1).random((snap.n_block, 1, 8, 8))
    more = dataclasses.replace(snap, fields={"alarm": alarm, 'odd <name> & "quotes"': cellwise})
    data = read_vtu(write_vtu(tmp_path / "a.vtu", more)).GetCellData()
    assert np.array_equal(array(data, "alarm"), np.repeat(alarm, 64))
    assert np.array_equal(array(data, 'odd <name> & "quotes"'), cellwise.ravel())


def test_places_too_far_apart_for_one_integer_are_still_shared():
    near = np.random.default_rng(2).integers(-1, 4, size=(3, 50))
    rows = len(np.unique(near, axis=1).T)
    for factor in (1, 3, 1 << 40):
        distinct, where = unstructured._unique(list(near * factor))
        assert len(distinct[0]) == rows
        assert np.array_equal(np.stack(distinct)[:, where.ravel()], near * factor)


def test_points_of_all_blocks_are_numbered_without_gaps():
    mesh = Unstructured(io_tools.snapshot(3, n=4))
    used = np.concatenate(list(mesh.connectivity()))
    assert np.array_equal(np.unique(used), np.arange(mesh.n_points))


@pytest.mark.parametrize("format", ["vtu", "vtkhdf"])
def test_the_list_of_dumps_grows_and_continues_after_a_restart(format, tmp_path):
    comm = Comm.self_()
    dumps = Dumps(tmp_path, "run", format, 1, comm)
    for step, time in enumerate((0.0, 0.1, 0.25, 0.3)):
        dumps.write(io_tools.snapshot(1, time=time, step=step))
    again = Dumps(tmp_path, "run", format, 1, comm)
    again.resume(0.1)
    again.write(io_tools.snapshot(1, time=0.2, step=9))
    row = FORMATS[format]
    entries = row.from_text(again.list_path.read_text())
    ending = row.ending
    assert entries == [(0.0, f"run_00000000{ending}"), (0.1, f"run_00000001{ending}"), (0.2, f"run_00000009{ending}")]
    assert all((tmp_path / name).is_file() for _, name in entries)
    assert not list(tmp_path.glob("*.tmp"))
    # The same dump once more (a restart from its own time) is listed once; a new run starts a new list.
    again.write(io_tools.snapshot(1, time=0.2, step=9))
    assert row.from_text(again.list_path.read_text()) == entries
    Dumps(tmp_path, "run", format, 1, comm).write(io_tools.snapshot(1, time=0.0, step=0))
    assert row.from_text(again.list_path.read_text()) == entries[:1]


def test_a_lost_or_damaged_list_does_not_stop_a_restart(tmp_path):
    dumps = Dumps(tmp_path, "run", "vtu", 1, Comm.self_())
    dumps.resume(1.0)
    dumps.list_path.write_text("<VTKFile")
    dumps.resume(1.0)
    assert dumps.entries == []


def test_the_series_file_is_what_paraview_asks_for(tmp_path):
    dumps = Dumps(tmp_path, "run", "vtkhdf", 2, Comm.self_())
    dumps.write(io_tools.snapshot(2))
    assert json.loads((tmp_path / "run.hdf.series").read_text()) == {
        "file-series-version": "1.0",
        "files": [{"name": "run_00000007.hdf", "time": 0.125}],
    }


def test_amr_levels_are_refused_below_three_dimensions(tmp_path):
    for dim in (1, 2):
        with pytest.raises(CaseError, match=f"3D, not in {dim}D"):
            Dumps(tmp_path, "run", "vtkhdf-amr", dim, Comm.self_())
        with pytest.raises(CaseError, match="3D only"):
            write_vtkhdf_amr(tmp_path / "a.hdf", io_tools.snapshot(dim))


def test_a_dump_that_cannot_be_written_is_an_error_with_its_path(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AMRError, match="cannot write .*file"):
        Dumps(tmp_path / "file", "run", "vtu", 1, Comm.self_()).write(io_tools.snapshot(1))
