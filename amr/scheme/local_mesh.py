"""Everything of this rank that follows from the tree and its partition; made anew after each regrid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from amr.scheme.ghosts import GhostFill
from amr.scheme.reflux import FluxRegister

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest


class LocalMesh:
    """The blocks of one rank: their places, ghost plan and flux register. Collective to make.

    Parameters
    ----------
    forest : Forest
        The replicated tree.
    starts : int64 (n_ranks + 1,)
        First leaf of each rank in SFC order.
    geometry : Geometry
    comm : Comm
    layout : Layout
    physics : Physics
    boundary : BoundaryFill factory
        Called as ``boundary(forest, local_leaves)``.

    Attributes
    ----------
    leaves : slice
        This rank's leaves in the forest's arrays.
    spacing : float64 (n_block, 3)
        Cell spacing; 1 in an inactive axis.
    """

    def __init__(
        self,
        forest: Forest,
        starts: np.ndarray,
        geometry: Geometry,
        comm: Comm,
        layout: Layout,
        physics: Any,
        boundary: Any,
    ) -> None:
        self.forest = forest
        self.starts = starts
        self.geometry = geometry
        self.leaves = slice(int(starts[comm.rank]), int(starts[comm.rank + 1]))
        self.level = forest.level[self.leaves]
        self.coords = forest.coords[self.leaves]
        self.n_block = len(self.level)
        self.spacing = np.ascontiguousarray(geometry.spacing(self.level))
        self.cell_volume = np.prod(self.spacing[:, : layout.dim], axis=1)
        self.ghosts = GhostFill(forest, starts, comm, layout, physics, boundary)
        self.register = FluxRegister(forest, starts, comm, layout, geometry)

    def free(self) -> None:
        """Release the persistent MPI requests."""
        self.ghosts.free()
        self.register.free()
