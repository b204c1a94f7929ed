"""``amr export``: the leaves of a checkpoint in the file formats of meshio."""

from __future__ import annotations

import difflib
import os
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import AMRError, CaseError
from amr.io.files import FAULTS, cannot_write
from amr.io.unstructured import Unstructured

if TYPE_CHECKING:
    from amr.io.snapshot import Snapshot

_CELL_NAME = {1: "line", 2: "quad", 3: "hexahedron"}


@dataclass(frozen=True)
class ExportFormat:
    """A format of meshio that keeps the cell data: its ending, and what must be changed for it.

    ``as_float``: integer arrays are written as floating-point numbers (the first integer array is taken for materials).
    ``scalars``: vectors are written by component (the format has no vectors; meshio would invent names).
    """

    ending: str
    as_float: bool = False
    scalars: bool = False


# Found by writing and reading back a mesh of each dimension; tests/test_export.py does it again.
EXPORT_FORMATS = {
    "vtu": ExportFormat(".vtu"),
    "vtk": ExportFormat(".vtk"),
    "vtk42": ExportFormat(".vtk"),
    "vtk51": ExportFormat(".vtk"),
    "xdmf": ExportFormat(".xdmf"),
    "hmf": ExportFormat(".hmf"),
    "med": ExportFormat(".med"),
    "gmsh": ExportFormat(".msh"),
    "gmsh22": ExportFormat(".msh"),
    "tecplot": ExportFormat(".dat", scalars=True),
    "avsucd": ExportFormat(".avs", as_float=True),
}


def check_format(name: str) -> ExportFormat:
    """Row of the table of formats.

    Raises
    ------
    CaseError
        meshio does not know the format, or it would drop the cell data; the text lists those that keep them.
    """
    if name in EXPORT_FORMATS:
        return EXPORT_FORMATS[name]
    import meshio

    keep = f"formats that keep the data: {', '.join(EXPORT_FORMATS)}"
    if name in meshio._helpers._writer_map:
        raise CaseError(f"format: '{name}' would drop the cell data; {keep}")
    near = difflib.get_close_matches(name, EXPORT_FORMATS, 1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise CaseError(f"format: '{name}' is unknown; {hint}{keep}")


def export_checkpoint(checkpoint: str | Path, format: str, path: str | Path | None = None) -> Path:
    """Write the leaves of a checkpoint, one cell each, with all primitive variables and the level. Not collective.

    Parameters
    ----------
    checkpoint : path
        A file, or a directory whose newest sound checkpoint is taken.
    format : str
        A name of EXPORT_FORMATS.
    path : path, optional
        Beside the checkpoint with the format's ending by default.

    Returns
    -------
    Path
        The file; xdmf keeps its arrays in a second one, ``.h5``, beside it.

    Raises
    ------
    FileFormatError, CaseError, AMRError
    """
    from amr.comm import Comm
    from amr.io.restart import open_checkpoint

    row = check_format(format)
    found = open_checkpoint(checkpoint, Comm.self_())
    target = Path(path) if path is not None else found.path.with_suffix(row.ending)
    if format == "xdmf" and target.with_suffix(".h5").resolve() == found.path.resolve():
        # Its arrays go to <stem>.h5: never over the checkpoint itself.
        if path is not None:
            raise CaseError(f"{target}: the arrays of this file would overwrite {found.path}; choose another name")
        target = target.with_name(f"{target.stem}_export{row.ending}")
    export_snapshot(target, found.snapshot(Comm.self_()), format)
    return target


def export_snapshot(path: Path, snapshot: Snapshot, format: str) -> None:
    """Write the leaves of an undistributed state (``comm`` of one rank). Not collective.

    Raises
    ------
    CaseError, AMRError
    """
    row = check_format(format)
    import meshio

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Complete or absent: written under another name, with the ending that meshio goes by. Not so xdmf, which
        # refers to its second file by name.
        temporary = path if format == "xdmf" else path.with_name(f".{path.stem}.tmp{path.suffix}")
        with redirect_stdout(StringIO()):  # meshio prints hints about ASCII
            meshio.write(temporary, _mesh(snapshot, row), file_format=format)
        os.replace(temporary, path)
    except (*FAULTS, LookupError, meshio.WriteError) as error:
        raise cannot_write(path, error) from error


def _mesh(snapshot: Snapshot, row: ExportFormat) -> Any:
    import meshio

    if snapshot.comm.size != 1:
        raise AMRError("meshio writes undistributed meshes only")
    mesh = Unstructured(snapshot)
    dim = snapshot.layout.dim
    cells = [(_CELL_NAME[dim], np.concatenate(list(mesh.connectivity())))]
    parts = [arrays for _, arrays in mesh.values()]
    data: dict[str, list[np.ndarray]] = {}
    for field in mesh.fields:
        if field.name == "rank":
            continue  # of the run that wrote the file: not known, and of no use here
        dtype = np.float64 if row.as_float else np.dtype(field.dtype).newbyteorder("=")
        whole = np.concatenate([part[field.name] for part in parts]).astype(dtype)
        if row.scalars and field.components > 1:
            data.update(
                {f"{field.name}_{axis}": [np.ascontiguousarray(whole[:, a])] for a, axis in enumerate("xyz"[:dim])}
            )
        else:
            data[field.name] = [whole]
    return meshio.Mesh(mesh.points, cells, cell_data=data, field_data=None)
