"""What the writers receive: the state of a run at one time, and its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.io.files import chunks

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest


@dataclass(frozen=True)
class Snapshot:
    """The state of a run at one time, distributed over the ranks of ``comm``.

    Attributes
    ----------
    forest : Forest
        Replicated tree.
    starts : int64 (n_ranks + 1,)
        First leaf of each rank in SFC order.
    comm : Comm
    layout : Layout
    geometry : Geometry
    physics : Physics
        Names of the variables and the map to primitives.
    u : float64 (n_block, n_var, nk, nj, ni)
        This rank's blocks, ghosts included (a view; only interiors are read).
    time : float
    step : int
    meta : dict
        What can be stored as JSON and is the same on every rank and for any number of ranks.
    fields : dict
        More to show in ParaView, by name: float64 per block (n_block,) or per cell (n_block, nk, nj, ni). The same names
        on every rank.
    kept : dict
        What a checkpoint holds of each leaf beside ``u``, by name: arrays (n_block, ...) of any type; the same names on every
        rank.
    """

    forest: Forest
    starts: np.ndarray
    comm: Comm
    layout: Layout
    geometry: Geometry
    physics: Any
    u: np.ndarray
    time: float
    step: int
    meta: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, np.ndarray] = field(default_factory=dict)
    kept: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def n_leaves(self) -> int:
        """Leaves of all ranks."""
        return len(self.forest.level)

    @property
    def leaves(self) -> slice:
        """This rank's leaves in the arrays of the forest."""
        return slice(int(self.starts[self.comm.rank]), int(self.starts[self.comm.rank + 1]))

    @property
    def n_block(self) -> int:
        """This rank's blocks."""
        return self.leaves.stop - self.leaves.start

    @property
    def level(self) -> np.ndarray:
        """Level of this rank's blocks, int8 (n_block,)."""
        return self.forest.level[self.leaves]

    @property
    def coords(self) -> np.ndarray:
        """Block coordinates of this rank's blocks on their own level, int32 (n_block, 3)."""
        return self.forest.coords[self.leaves]

    @property
    def block_bytes(self) -> int:
        """Bytes of the interior of one block."""
        return self.layout.n_var * self.layout.cells * 8

    def interiors(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (local blocks, their interiors as a contiguous '<f8' (m, n_var, nk, nj, ni)) in chunks."""
        for part in chunks(self.n_block, self.block_bytes):
            yield part, np.ascontiguousarray(self.u[(part, slice(None), *self.layout.interior)], dtype="<f8")

    def primitives(self, interior: np.ndarray) -> dict[str, np.ndarray]:
        """Primitive variables of interiors (m, n_var, nk, nj, ni): name -> (m * cells,), vectors -> (dim, m * cells)."""
        flat = np.ascontiguousarray(interior.swapaxes(0, 1)).reshape(self.layout.n_var, -1)
        return self.physics.unpack_primitives(self.physics.to_primitive(flat))

    def primitive_names(self) -> dict[str, bool]:
        """Name of each primitive variable -> whether it is a vector, in the order of `primitives`."""
        # Asked of the names alone, so that a rank without blocks knows it, too.
        ones = self.physics.unpack_primitives(np.ones((len(self.physics.primitives), 1)))
        return {name: np.ndim(value) > 1 for name, value in ones.items()}


def digest(snapshot: Snapshot) -> str:
    """SHA-256 over the leaf levels and keys and the interior cell data in SFC order, as 64 hex digits. Collective.

    The same for any number of ranks: each rank hashes its blocks one by one, and the hash of these hashes is taken.
    """
    own = np.empty((snapshot.n_block, 32), dtype=np.uint8)
    for part, interior in snapshot.interiors():
        for block, data in zip(range(part.start, part.stop), interior, strict=True):
            own[block] = np.frombuffer(hashlib.sha256(data).digest(), dtype=np.uint8)
    blocks = snapshot.comm.allgatherv(own)
    total = hashlib.sha256()
    total.update(np.ascontiguousarray(snapshot.forest.level, dtype="<i1").data)
    total.update(np.ascontiguousarray(snapshot.forest.key, dtype="<i8").data)
    total.update(np.ascontiguousarray(blocks).data)
    return total.hexdigest()
