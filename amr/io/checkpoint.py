"""Checkpoints in HDF5: equal byte for byte for any number of ranks, checksummed, replaced atomically.

Contents of a file (leaves in SFC order)::

    /meta    uint8  (m,)                             JSON: format, version, mesh, physics, time, step, what the run adds
    /level   int8   (n_leaves,)
    /key     int64  (n_leaves,)                      Morton key of the lower corner
    /coords  int32  (n_leaves, 3)                    block coordinates on the leaf's own level
    /u       float64 (n_leaves, n_var, nk, nj, ni)   conserved variables, interior cells
    /crc32   uint32 (n_leaves,)                      zlib.crc32 of each block of u
    /NAME, /NAME_crc32                               the same of what else is kept of each leaf: `potential`, float64 by cell,
                                                     `memory`, the bytes of its state for the next decision
    attributes of /: format, meta_crc32, tree_crc32

HDF5 need not be parallel: rank 0 makes the file with contiguous, allocated datasets, and every rank writes its slab of ``u``
at its byte offset.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import AMRError, FileFormatError
from amr.io.files import FAULTS, SharedFile, chunks, create_hdf5
from amr.io.snapshot import Snapshot

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.pool import Layout

FORMAT = "amr-checkpoint"
VERSION = 3


# -- writing ----------------------------------------------------------------------------------------------------------


def write_checkpoint(path: str | Path, snapshot: Snapshot, mpi_io: bool = False) -> Path:
    """Write the state of a run; the file appears under its name only when it is complete on the disk. Collective.

    Parameters
    ----------
    path : path
    snapshot : Snapshot
        Its ``meta`` must hold what JSON can, the same for any number of ranks.
    mpi_io : bool
        As of `SharedFile`.

    Raises
    ------
    AMRError
        The file cannot be written (on every rank).
    """
    layout, forest = snapshot.layout, snapshot.forest
    cells = _cell_shape(layout.dim, layout.n)
    n = snapshot.n_leaves

    def create(temporary: Path) -> dict[str, int]:
        meta = np.frombuffer(json.dumps(_meta(snapshot), sort_keys=True, indent=1).encode(), dtype=np.uint8)
        tree = {"level": (forest.level, "<i1"), "key": (forest.key, "<i8"), "coords": (forest.coords, "<i4")}
        arrays = {name: np.ascontiguousarray(array, dtype=kind) for name, (array, kind) in tree.items()}
        datasets: dict[str, tuple[tuple[int, ...], str, Any]] = {"meta": (meta.shape, "|u1", meta)}
        datasets |= {name: (array.shape, array.dtype.str, array) for name, array in arrays.items()}
        datasets["crc32"] = ((n,), "<u4", None)
        datasets["u"] = ((n, layout.n_var, *cells), "<f8", None)
        for name, values in snapshot.kept.items():
            dataset = ((n, *values.shape[1:]), values.dtype.newbyteorder("<").str, None)
            datasets |= {f"{name}_crc32": ((n,), "<u4", None), name: dataset}
        root = {
            "format": FORMAT.encode(),
            "meta_crc32": np.uint32(zlib.crc32(meta.data)),
            "tree_crc32": np.uint32(_tree_crc(arrays)),
        }
        return create_hdf5(temporary, {"/": root}, datasets)

    with SharedFile(snapshot.comm, Path(path), create, durable=True, mpi_io=mpi_io) as file:
        first = snapshot.leaves.start
        for part, interior in snapshot.interiors():
            crc = np.array([zlib.crc32(block) for block in interior], dtype="<u4")
            file.write_at(file.plan["crc32"] + 4 * (first + part.start), crc)
            file.write_at(file.plan["u"] + snapshot.block_bytes * (first + part.start), interior)
        for name, array in snapshot.kept.items():
            values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            crc = np.array([zlib.crc32(block) for block in values], dtype="<u4")
            file.write_at(file.plan[f"{name}_crc32"] + 4 * first, crc)
            file.write_at(file.plan[name] + values.itemsize * int(np.prod(values.shape[1:])) * first, values)
    return Path(path)


def _meta(snapshot: Snapshot) -> dict[str, Any]:
    geometry, forest, layout, physics = snapshot.geometry, snapshot.forest, snapshot.layout, snapshot.physics
    dim = layout.dim
    return {
        "format": FORMAT,
        "version": VERSION,
        "dim": dim,
        "block_cells": layout.n,
        "variables": list(physics.variables),
        "physics": {"name": physics.name, "parameters": physics_parameters(physics)},
        "lower": [float(x) for x in geometry.lower][:dim],
        "upper": [float(x) for x in geometry.upper][:dim],
        "root_blocks": [int(m) for m in forest.root_blocks][:dim],
        "periodic": [bool(p) for p in forest.periodic][:dim],
        "max_level": int(forest.max_level),
        "time": float(snapshot.time),
        "step": int(snapshot.step),
        "kept": list(snapshot.kept),
        "run": snapshot.meta,
    }


def physics_parameters(physics: Any) -> dict[str, Any]:
    """Parameters of a physics as plain values (its pydantic model ``parameters``)."""
    parameters = getattr(physics, "parameters", None)
    return {} if parameters is None else parameters.model_dump(mode="json")


def _tree_crc(arrays: dict[str, np.ndarray]) -> int:
    crc = 0
    for name in ("level", "key", "coords"):
        crc = zlib.crc32(arrays[name].data, crc)
    return crc


def _cell_shape(dim: int, n: int) -> tuple[int, int, int]:
    return (n if dim > 2 else 1, n if dim > 1 else 1, n)


# -- reading ----------------------------------------------------------------------------------------------------------


class Checkpoint:
    """A checkpoint opened for reading; its tree and meta data are verified, its blocks when they are read.

    Not collective; any number of ranks may open the same file.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    meta : dict
        What the run stored (`Snapshot.meta`).
    header : dict
        Mesh, physics, time, step and names of what is kept beside ``u``: see the module's text.
    level, key, coords : int8 (n,), int64 (n,), int32 (n, 3)
    time : float
    step : int
    skipped : list of str
        Why newer checkpoints were passed over (set by `amr.io.restart.open_checkpoint`).

    Raises
    ------
    FileFormatError
        The file is missing, damaged, truncated, foreign or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.skipped: list[str] = []
        if not self.path.is_file():
            raise FileFormatError(f"{self.path}: no such checkpoint")
        try:
            self._read_header()
        except (*FAULTS, LookupError, TypeError, AttributeError) as error:
            # h5py reports damage with whatever exception HDF5's message maps to.
            raise FileFormatError(f"{self.path}: not a sound checkpoint ({_first_line(error)})") from error

    def _read_header(self) -> None:
        import h5py

        with h5py.File(self.path, "r") as file:
            if bytes(np.bytes_(file.attrs.get("format", b""))) != FORMAT.encode():
                raise FileFormatError(f"{self.path}: an HDF5 file, but not a checkpoint of amr")
            meta = _read(file, "meta", np.uint8, 1)
            if zlib.crc32(meta.data) != int(file.attrs["meta_crc32"]):
                raise FileFormatError(f"{self.path}: damaged (checksum of the meta data)")
            self.header: dict[str, Any] = json.loads(meta.tobytes())
            if self.header.get("version") != VERSION:
                text = f"version {self.header.get('version')!r} of the format, this program reads version {VERSION}"
                raise FileFormatError(f"{self.path}: {text}")
            self.level = _read(file, "level", np.dtype("<i1"), 1)
            self.key = _read(file, "key", np.dtype("<i8"), 1)
            self.coords = _read(file, "coords", np.dtype("<i4"), 2)
            if _tree_crc({"level": self.level, "key": self.key, "coords": self.coords}) != int(
                file.attrs["tree_crc32"]
            ):
                raise FileFormatError(f"{self.path}: damaged (checksum of the tree)")
            shapes = {"u": self._block_shape, "crc32": ()}
            for name, shape in shapes.items():
                if file[name].shape != (self.n_leaves, *shape):
                    raise FileFormatError(f"{self.path}: damaged (shape of '{name}')")
            # Type and shape of what is kept of each leaf, by name.
            self._kept = {name: (file[name].dtype, file[name].shape[1:]) for name in self.header["kept"]}
        self.meta: dict[str, Any] = self.header["run"]
        self.time: float = self.header["time"]
        self.step: int = self.header["step"]

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of what is there of each leaf beside ``u``."""
        return tuple(self._kept)

    @property
    def n_leaves(self) -> int:
        """Leaves in the file."""
        return len(self.level)

    @property
    def cell_shape(self) -> tuple[int, int, int]:
        """Cells of a block, (nk, nj, ni)."""
        return _cell_shape(self.header["dim"], self.header["block_cells"])

    @property
    def _block_shape(self) -> tuple[int, ...]:
        return (len(self.header["variables"]), *self.cell_shape)

    def read_blocks(self, leaves: slice, u: np.ndarray, layout: Layout) -> None:
        """Read a run of leaves into the interiors of ``u`` (n_block, n_var, nk, nj, ni), in place. Not collective.

        Raises
        ------
        FileFormatError
            A block's checksum is wrong.
        """
        for part, data in self._blocks(leaves, "u", np.dtype("<f8"), self._block_shape):
            u[(part, slice(None), *layout.interior)] = data

    def read_kept(self, name: str, leaves: slice, dtype: Any, shape: tuple[int, ...] = ()) -> np.ndarray:
        """What was kept under a name, of a run of leaves: (n_block, *shape) of a type. Not collective.

        Raises
        ------
        FileFormatError
            It is not there, of another type or shape, or a leaf's checksum is wrong.
        """
        values = np.empty((leaves.stop - leaves.start, *shape), dtype=dtype)
        for part, data in self._blocks(leaves, name, values.dtype.newbyteorder("<"), shape):
            values[part] = data
        return values

    def verify(self, leaves: slice | None = None) -> None:
        """Check what is there of a run of leaves (all by default) against its checksums. Not collective.

        Raises
        ------
        FileFormatError
        """
        leaves = slice(0, self.n_leaves) if leaves is None else leaves
        for _ in self._blocks(leaves, "u", np.dtype("<f8"), self._block_shape):
            pass
        for name, (dtype, shape) in self._kept.items():
            for _ in self._blocks(leaves, name, dtype, shape):
                pass

    def _blocks(self, leaves: slice, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
        """Yield (run of blocks counted from the first, verified data)."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                if file[name].dtype != dtype or file[name].shape != (self.n_leaves, *shape):
                    raise FileFormatError(f"{self.path}: damaged (type or shape of '{name}')")
                for part in chunks(leaves.stop - leaves.start, dtype.itemsize * int(np.prod(shape))):
                    source = slice(leaves.start + part.start, leaves.start + part.stop)
                    data = np.ascontiguousarray(file[name][source])
                    crc = file["crc32" if name == "u" else f"{name}_crc32"][source]
                    for index, block in enumerate(data):
                        if zlib.crc32(block) != int(crc[index]):
                            raise FileFormatError(f"{self.path}: damaged (checksum of block {source.start + index})")
                    yield part, data
        except (*FAULTS, LookupError, TypeError, AttributeError) as error:
            raise FileFormatError(f"{self.path}: damaged ({_first_line(error)})") from error

    def forest(self, max_level: int | None = None) -> Any:
        """The tree in the file, with the run's ``max_level`` or another (never below the finest leaf). Not collective.

        Raises
        ------
        FileFormatError
            The leaves are no tree.
        """
        from amr.mesh.tree import Forest

        header = self.header
        depth = header["max_level"] if max_level is None else max(max_level, int(self.level.max(initial=0)))
        try:
            forest = Forest.from_leaves(
                header["dim"], header["root_blocks"], header["periodic"], depth, self.level, self.coords
            )
        except AMRError as error:
            raise FileFormatError(f"{self.path}: damaged ({error})") from error
        if not np.array_equal(forest.key, self.key):
            raise FileFormatError(f"{self.path}: damaged (keys and coordinates of the leaves disagree)")
        return forest

    def require(self, **expected: Any) -> None:
        """Check that the file belongs to a case: keys of ``header`` with the value each must have.

        Raises
        ------
        FileFormatError
            Naming the key and both values.
        """
        for key, value in expected.items():
            if json.loads(json.dumps(value)) != self.header[key]:
                raise FileFormatError(f"{self.path}: {key} is {self.header[key]} there, but {value} in the case")

    def snapshot(self, comm: Comm) -> Snapshot:
        """The state without ghosts, cut evenly over the ranks of ``comm``, for export and plots. Collective."""
        from amr.mesh.geometry import Geometry
        from amr.mesh.partition import partition
        from amr.mesh.pool import Layout
        from amr.physics import create_physics

        header = self.header
        forest = self.forest()
        starts = partition(np.ones(self.n_leaves), comm.size)
        layout = Layout(header["dim"], header["block_cells"], 0, len(header["variables"]))
        geometry = Geometry(header["lower"], header["upper"], header["root_blocks"], header["block_cells"])
        physics = create_physics(header["physics"]["name"], header["dim"], header["physics"]["parameters"])
        own = slice(int(starts[comm.rank]), int(starts[comm.rank + 1]))
        u = np.empty((own.stop - own.start, *layout.shape))
        error: AMRError | None = None
        try:
            self.read_blocks(own, u, layout)
        except FileFormatError as fault:
            error = fault
        comm.agree(error)
        return Snapshot(forest, starts, comm, layout, geometry, physics, u, self.time, self.step, self.meta)


def _read(file: Any, name: str, dtype: Any, ndim: int) -> np.ndarray:
    """A small dataset of known type; damage that changes the type or rank is refused before anything is allocated."""
    dataset = file[name]
    if dataset.dtype != np.dtype(dtype) or dataset.ndim != ndim or dataset.size * dataset.dtype.itemsize > 1 << 34:
        raise ValueError(f"type or shape of '{name}'")
    return np.ascontiguousarray(dataset[...])


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
