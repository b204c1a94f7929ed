"""VTKHDF output: an unstructured grid (version 1.0), or in 3D the overlapping AMR data model with covered parents.

Both are written as plain HDF5 files with contiguous datasets, every rank its part; strings are fixed-length ASCII, as VTK
asks for. Time series are a ``.series`` file beside them: ParaView 5.11 reads the temporal layout of version 2.0 wrongly.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import CaseError
from amr.io.files import SharedFile, create_hdf5
from amr.io.parents import LevelBlocks, blocks_by_level
from amr.io.unstructured import Unstructured

if TYPE_CHECKING:
    from amr.io.snapshot import Snapshot


def field_name(name: str) -> str:
    """A name that HDF5 and VTK take as one: no '/' and no '.'."""
    return name.replace("/", "_").replace(".", "_")


def write_vtkhdf(path: str | Path, snapshot: Snapshot, mpi_io: bool = False) -> Path:
    """Write the leaves as a VTKHDF unstructured grid of one piece. Collective; arrays as in `write_vtu`.

    Raises
    ------
    AMRError
        The file cannot be written (on every rank).
    """
    mesh = Unstructured(snapshot)
    n_ids = mesh.n_cells * mesh.corners
    where = {"points": "VTKHDF/Points", "connectivity": "VTKHDF/Connectivity", "offsets": "VTKHDF/Offsets"}
    where["types"] = "VTKHDF/Types"
    where |= {each.name: f"VTKHDF/CellData/{field_name(each.name)}" for each in mesh.fields}

    def create(temporary: Path) -> dict[str, int]:
        counts = {"NumberOfPoints": mesh.n_points, "NumberOfCells": mesh.n_cells, "NumberOfConnectivityIds": n_ids}
        datasets: dict[str, tuple[tuple[int, ...], str, Any]] = {
            f"VTKHDF/{name}": ((1,), "<i8", np.array([count])) for name, count in counts.items()
        }
        datasets[where["points"]] = ((mesh.n_points, 3), "<f8", None)
        datasets[where["connectivity"]] = ((n_ids,), "<i8", None)
        datasets[where["offsets"]] = ((mesh.n_cells + 1,), "<i8", None)
        datasets[where["types"]] = ((mesh.n_cells,), "|u1", None)
        for each in mesh.fields:
            shape = (mesh.n_cells, each.components) if each.components > 1 else (mesh.n_cells,)
            datasets[where[each.name]] = (shape, each.dtype, None)
        datasets["VTKHDF/FieldData/TimeValue"] = ((1,), "<f8", np.array([snapshot.time]))
        root = {"Version": np.array([1, 0]), "Type": b"UnstructuredGrid"}
        # Empty groups: the reader of ParaView 5.11 prints HDF5's complaint about each that is missing.
        offsets = create_hdf5(temporary, {"VTKHDF": root, "VTKHDF/PointData": {}}, datasets)
        return {key: offsets[name] for key, name in where.items()}

    with SharedFile(snapshot.comm, Path(path), create, mpi_io=mpi_io) as file:
        mesh.write(file, file.plan, "<i8", leading_zero=True)
    return Path(path)


def write_vtkhdf_amr(path: str | Path, snapshot: Snapshot, mpi_io: bool = False) -> Path:
    """Write the tree as VTKHDF overlapping AMR, covered parents with the averages of their children. Collective; 3D only.

    Raises
    ------
    CaseError
        The mesh is not three-dimensional: all readers show this data model wrongly in 1D and 2D.
    AMRError
        The file cannot be written (on every rank).
    """
    layout = snapshot.layout
    if layout.dim != 3:
        raise CaseError(f"'vtkhdf-amr' is offered in 3D only, not in {layout.dim}D")
    levels = blocks_by_level(snapshot)
    vectors = snapshot.primitive_names()

    def create(temporary: Path) -> dict[str, int]:
        top = {"Version": np.array([1, 0]), "Type": b"OverlappingAMR", "GridDescription": b"XYZ"}
        top["Origin"] = np.asarray(snapshot.geometry.lower, dtype="<f8")
        groups: dict[str, dict[str, Any]] = {"VTKHDF": top}
        datasets: dict[str, tuple[tuple[int, ...], str, Any]] = {}
        for level, blocks in enumerate(levels):
            name = f"VTKHDF/Level{level}"
            groups[name] = {"Spacing": snapshot.geometry.spacing(level)[0]}
            groups |= {f"{name}/PointData": {}, f"{name}/FieldData": {}}
            low = blocks.coords.astype(np.int64) * layout.n
            box = np.stack([low, low + layout.n - 1], axis=2).reshape(-1, 6)
            datasets[f"{name}/AMRBox"] = (box.shape, "<i4", box)
            total = len(blocks.coords) * layout.cells
            for field, is_vector in vectors.items():
                datasets[f"{name}/CellData/{field_name(field)}"] = ((total, 3) if is_vector else (total,), "<f8", None)
        return create_hdf5(temporary, groups, datasets)

    with SharedFile(snapshot.comm, Path(path), create, mpi_io=mpi_io) as file:
        for level, blocks in enumerate(levels):
            _write_level(file, f"VTKHDF/Level{level}/CellData", blocks, snapshot)
    return Path(path)


def _write_level(file: SharedFile, group: str, blocks: LevelBlocks, snapshot: Snapshot) -> None:
    if not len(blocks.data):
        return
    for name, value in snapshot.primitives(blocks.data).items():
        rows = np.ascontiguousarray(value.T, dtype="<f8")
        width = 8 * (rows.shape[1] if rows.ndim > 1 else 1)
        file.write_at(file.plan[f"{group}/{field_name(name)}"] + width * blocks.first * snapshot.layout.cells, rows)
