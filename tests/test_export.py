"""Export with meshio: every format offered keeps the data, all others are refused."""

from __future__ import annotations

import subprocess
import sys

import meshio
import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import AMRError, CaseError, FileFormatError
from amr.io.checkpoint import Checkpoint, write_checkpoint
from amr.io.export import EXPORT_FORMATS, check_format, export_checkpoint
from amr.io.restart import checkpoint_path
from tests import io_tools
from tests.test_paraview import CELL, expected


@pytest.fixture(scope="module", params=[1, 2, 3])
def written(request, tmp_path_factory):
    snap = io_tools.snapshot(request.param, n=8 if request.param < 3 else 4, max_level=1)
    return snap, write_checkpoint(tmp_path_factory.mktemp("export") / "a.h5", snap)


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_every_format_gives_back_cells_and_data(format, written, tmp_path):
    snap, checkpoint = written
    dim = snap.layout.dim
    path = export_checkpoint(checkpoint, format, tmp_path / f"mesh{EXPORT_FORMATS[format].ending}")
    reader = {"gmsh22": "gmsh", "vtk42": "vtk", "vtk51": "vtk"}.get(format, format)
    mesh = meshio.read(path, file_format=reader)
    assert [block.type for block in mesh.cells] == [CELL[dim]]
    corners = mesh.points[mesh.cells[0].data]
    x = snap.geometry.cell_centers(snap.forest.level, snap.forest.coords).reshape(dim, -1).T
    assert np.allclose(corners.mean(axis=1)[:, :dim], x, atol=1e-10)
    data = {name: np.concatenate(parts) for name, parts in mesh.cell_data.items()}
    if EXPORT_FORMATS[format].scalars:
        data["velocity"] = np.zeros((len(x), 3))
        for axis in range(dim):
            data["velocity"][:, axis] = data[f"velocity_{'xyz'[axis]}"]
    for name, value in expected(snap).items():
        assert np.allclose(data[name], value, rtol=1e-12, atol=1e-12), name
    assert np.array_equal(data["level"], np.repeat(snap.forest.level, snap.layout.cells))
    assert not list(tmp_path.glob(".*"))


def test_formats_that_drop_data_are_refused_with_those_that_do_not():
    for format in sorted(set(meshio._helpers._writer_map) - set(EXPORT_FORMATS)):
        with pytest.raises(CaseError, match=rf"'{format}' would drop the cell data; .*vtu, vtk,.*avsucd"):
            check_format(format)
    with pytest.raises(CaseError, match=r"unknown; did you mean 'tecplot'\?"):
        check_format("tecplott")


def test_the_default_name_stands_beside_and_never_on_the_checkpoint(tmp_path):
    checkpoint = write_checkpoint(tmp_path / "a.h5", io_tools.snapshot(2))
    before = checkpoint.read_bytes()
    assert export_checkpoint(checkpoint, "vtk") == tmp_path / "a.vtk"
    assert export_checkpoint(checkpoint, "xdmf") == tmp_path / "a_export.xdmf"
    with pytest.raises(CaseError, match="would overwrite"):
        export_checkpoint(checkpoint, "xdmf", tmp_path / "a.xdmf")
    assert checkpoint.read_bytes() == before
    Checkpoint(checkpoint).snapshot(Comm.self_())


def test_errors_are_clear(tmp_path):
    with pytest.raises(FileFormatError, match="no such checkpoint"):
        export_checkpoint(tmp_path / "none.h5", "vtu")
    checkpoint = write_checkpoint(tmp_path / "a.h5", io_tools.snapshot(1))
    (tmp_path / "file").touch()
    with pytest.raises(AMRError, match="cannot write"):
        export_checkpoint(checkpoint, "vtu", tmp_path / "file" / "a.vtu")


def amr_command(*args):
    return subprocess.run(
        [sys.executable, "-m", "amr", *map(str, args)], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_line_exports_plots_and_describes(tmp_path):
    write_checkpoint(checkpoint_path(tmp_path, 7), io_tools.snapshot(2))
    checkpoint_path(tmp_path, 9).write_text("damaged")
    done = amr_command("export", tmp_path, "--format", "vtk")
    assert done.returncode == 0 and (tmp_path / "checkpoint_00000007.vtk").is_file(), done.stderr
    done = amr_command("plot", tmp_path, "--variable", "pressure", "--output", tmp_path / "p.png")
    assert done.returncode == 0 and (tmp_path / "p.png").is_file(), done.stderr
    done = amr_command("info", tmp_path)
    assert "density, momentum_x" in done.stdout and "00000009.h5: not a sound checkpoint" in done.stderr
    for arguments in (("export", tmp_path, "--format", "stl"), ("plot", tmp_path, "--variable", "entropy")):
        done = amr_command(*arguments)
        assert (done.returncode, done.stdout) == (2, "") and "error: " in done.stderr, done.stderr
    assert amr_command("info", tmp_path / "none.h5").returncode == 1
