"""ParaView output: one binary ``.vtu`` per dump written by all ranks, and the ``.pvd`` that lists the dumps with their times."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import numpy as np

from amr.errors import AMRError, CaseError
from amr.io.files import SharedFile, write_text
from amr.io.unstructured import Unstructured
from amr.io.vtkhdf import write_vtkhdf, write_vtkhdf_amr

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.io.snapshot import Snapshot

_VTK_TYPE = {"|i1": "Int8", "|u1": "UInt8", "<i4": "Int32", "<i8": "Int64", "<f8": "Float64"}


def write_vtu(path: str | Path, snapshot: Snapshot, mpi_io: bool = False) -> Path:
    """Write one ``.vtu`` file (XML header, raw appended arrays), each rank its part. Collective.

    Cell data: the primitive variables (vectors with three components), the snapshot's own fields, ``level`` and ``rank``;
    field data: ``TimeValue``. ``mpi_io`` as of `SharedFile`.

    Raises
    ------
    AMRError
        The file cannot be written (on every rank).
    """
    mesh = Unstructured(snapshot)
    index_type = "<i4" if max(mesh.n_points, mesh.n_cells * mesh.corners) < 2**31 else "<i8"
    header, places, sizes, total = _vtu_header(mesh, index_type)

    def create(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            file.write(header)
            for name, place in places.items():
                file.seek(place - 8)
                file.write(np.array([sizes[name]], dtype="<u8").tobytes())
            file.seek(total)
            file.write(b"\n  </AppendedData>\n</VTKFile>\n")

    with SharedFile(snapshot.comm, Path(path), create, mpi_io=mpi_io) as file:
        mesh.write(file, places, index_type, leading_zero=False)
    return Path(path)


def _vtu_header(mesh: Unstructured, index_type: str) -> tuple[bytes, dict[str, int], dict[str, int], int]:
    """XML up to the appended data, byte offsets of the arrays, their sizes in bytes, end of the data."""
    arrays = {
        "points": ("Points", "<f8", 3, mesh.n_points),
        "connectivity": ("connectivity", index_type, 1, mesh.n_cells * mesh.corners),
        "offsets": ("offsets", index_type, 1, mesh.n_cells),
        "types": ("types", "|u1", 1, mesh.n_cells),
    }
    arrays |= {each.name: (each.name, each.dtype, each.components, mesh.n_cells) for each in mesh.fields}
    tags, sizes, relative, at = {}, {}, {}, 0
    for key, (name, dtype, components, count) in arrays.items():
        # meshio reads an explicit NumberOfComponents="1" as a column.
        shape = f' NumberOfComponents="{components}"' if components > 1 else ""
        kind = f'type="{_VTK_TYPE[dtype]}" Name={quoteattr(name)}{shape}'
        tags[key] = f'<DataArray {kind} format="appended" offset="{at}"/>'
        sizes[key] = np.dtype(dtype).itemsize * components * count
        relative[key] = at + 8
        at += 8 + sizes[key]
    cell_data = "\n        ".join(tags[each.name] for each in mesh.fields)
    text = f"""<?xml version="1.0"?>
<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64">
  <UnstructuredGrid>
    <FieldData>
      <DataArray type="Float64" Name="TimeValue" NumberOfTuples="1" format="ascii">{mesh.snapshot.time!r}</DataArray>
    </FieldData>
    <Piece NumberOfPoints="{mesh.n_points}" NumberOfCells="{mesh.n_cells}">
      <Points>
        {tags["points"]}
      </Points>
      <Cells>
        {tags["connectivity"]}
        {tags["offsets"]}
        {tags["types"]}
      </Cells>
      <CellData>
        {cell_data}
      </CellData>
    </Piece>
  </UnstructuredGrid>
  <AppendedData encoding="raw">
   _"""
    header = text.encode()
    places = {key: len(header) + place for key, place in relative.items()}
    return header, places, sizes, len(header) + at


# -- the series of a run ----------------------------------------------------------------------------------------------


def _pvd_text(entries: list[tuple[float, str]]) -> str:
    rows = [f'    <DataSet timestep="{time!r}" group="" part="0" file={quoteattr(name)}/>' for time, name in entries]
    head = (
        '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1" byte_order="LittleEndian">\n  <Collection>\n'
    )
    return head + "".join(row + "\n" for row in rows) + "  </Collection>\n</VTKFile>\n"


def _pvd_entries(text: str) -> list[tuple[float, str]]:
    return [(float(e.attrib["timestep"]), e.attrib["file"]) for e in ElementTree.fromstring(text).iter("DataSet")]


def _series_text(entries: list[tuple[float, str]]) -> str:
    files = [{"name": name, "time": time} for time, name in entries]
    return json.dumps({"file-series-version": "1.0", "files": files}, indent=1) + "\n"


def _series_entries(text: str) -> list[tuple[float, str]]:
    return [(float(each["time"]), str(each["name"])) for each in json.loads(text)["files"]]


@dataclass(frozen=True)
class Format:
    """A row of the table of formats: the writer, the endings and the text form of the list of dumps."""

    write: Callable[[str | Path, Snapshot, bool], Path]
    ending: str
    list_ending: str
    to_text: Callable[[list[tuple[float, str]]], str]
    from_text: Callable[[str], list[tuple[float, str]]]
    dims: tuple[int, ...] = (1, 2, 3)


FORMATS = {
    "vtu": Format(write_vtu, ".vtu", ".pvd", _pvd_text, _pvd_entries),
    # ParaView 5.11 knows ".hdf", but not ".vtkhdf".
    "vtkhdf": Format(write_vtkhdf, ".hdf", ".hdf.series", _series_text, _series_entries),
    # In 2D, ParaView and VTK show this data model wrongly.
    "vtkhdf-amr": Format(write_vtkhdf_amr, ".hdf", ".hdf.series", _series_text, _series_entries, dims=(3,)),
}


class Dumps:
    """The dumps of a run in a directory and the list that ParaView opens as a time series.

    Parameters
    ----------
    directory : path
    name : str
        Stem of the files: ``<name>_<step>.vtu`` and ``<name>.pvd``.
    format : str
        A name of FORMATS.
    dim : int
    comm : Comm
    mpi_io : bool
        As of `SharedFile`.

    Raises
    ------
    CaseError
        The format is not offered in this dimension.
    """

    def __init__(
        self, directory: str | Path, name: str, format: str, dim: int, comm: Comm, mpi_io: bool = False
    ) -> None:
        self.directory, self.name, self.comm, self.mpi_io = Path(directory), name, comm, mpi_io
        self.format = FORMATS[format]
        if dim not in self.format.dims:
            offered = " and ".join(f"{d}D" for d in self.format.dims)
            raise CaseError(f"output.format: '{format}' is offered in {offered}, not in {dim}D; 'vtu' serves all")
        self.list_path = self.directory / f"{name}{self.format.list_ending}"
        self.entries: list[tuple[float, str]] = []

    def resume(self, time: float) -> None:
        """Continue the list of an earlier run up to ``time``; later dumps are dropped from it (the files stay)."""
        if self.comm.rank == 0:
            try:
                entries = self.format.from_text(self.list_path.read_text(encoding="utf-8"))
            except (OSError, ValueError, LookupError, TypeError, ElementTree.ParseError):
                entries = []  # a list that is lost or damaged does not stop a restart
            self.entries = [entry for entry in entries if entry[0] <= time]

    def write(self, snapshot: Snapshot) -> Path:
        """Write a dump and then the list. Collective.

        Raises
        ------
        AMRError
            On every rank, where a write failed on any.
        """
        path = self.directory / f"{self.name}_{snapshot.step:08d}{self.format.ending}"
        self.format.write(path, snapshot, self.mpi_io)
        error = None
        if self.comm.rank == 0:
            self.entries = [entry for entry in self.entries if entry[0] < snapshot.time and entry[1] != path.name]
            self.entries.append((float(snapshot.time), path.name))
            try:
                write_text(self.list_path, self.format.to_text(self.entries))
            except AMRError as fault:
                error = fault
        self.comm.agree(error)
        return path
