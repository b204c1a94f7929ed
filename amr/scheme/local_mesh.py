"""Everything of this rank that follows from the tree and its partition; made anew after each regrid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from amr.errors import AMRError
from amr.scheme.ghosts import GhostFill, GhostGroup, Pools
from amr.scheme.groups import Groups
from amr.scheme.reflux import FluxRegister

if TYPE_CHECKING:
    from amr._kernels.ghosts import GhostPlan
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest
    from amr.physics.base import Physics
    from amr.physics.boundary import BoundaryFill


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
    boundary : BoundaryFill
    groups : Groups
        Which blocks are stepped together.

    Attributes
    ----------
    leaves : slice
        This rank's leaves in the forest's arrays.
    n_of_rank : int64 (n_ranks,)
        Leaves of each rank.
    spacing : float64 (n_block, 3)
        Cell spacing; 1 in an inactive axis.
    cell_volume : float64 (n_block,)
        Volume of one cell of each block.
    inward_area : float64 (n_boundary_face,)
        Area of one cell face of each face on the domain's boundary, negative on upper sides.
    block_steps : int
        Steps of single blocks in one step of the whole mesh.
    substep : float64 (n_block,)
        Length of the steps of each block in units of the whole step.
    """

    def __init__(
        self,
        forest: Forest,
        starts: np.ndarray,
        geometry: Geometry,
        comm: Comm,
        layout: Layout,
        physics: Physics,
        boundary: BoundaryFill,
        groups: Groups | None = None,
    ) -> None:
        self.forest = forest
        self.groups = groups or Groups.one(forest)
        self.starts = starts
        self.geometry = geometry
        self.leaves = slice(int(starts[comm.rank]), int(starts[comm.rank + 1]))
        self.n_of_rank = np.diff(starts)
        self.level = forest.level[self.leaves]
        self.coords = forest.coords[self.leaves]
        self.n_block = len(self.level)
        self.spacing = np.ascontiguousarray(geometry.spacing(self.level))
        self.cell_volume = geometry.volumes(self.level)
        self._comm = comm
        self._may_fail = bool(boundary.functions)
        self.block_steps = int(self.groups.weights(forest.level).sum())
        self.substep = 1.0 / self.groups.weights(self.level)
        by_level = self.groups.of_level
        self.ghosts = GhostFill(forest, starts, comm, layout, physics.spec, boundary, by_level)
        self.register = FluxRegister(forest, starts, comm, layout, self.ghosts.table, by_level)
        # Signed so that flux times area is what comes into the domain.
        inward = 1.0 - 2.0 * (self.register.boundary_direction % 2)
        self.inward_area = inward * self.register.boundary_area(self.spacing)

    def cell_centers(self, blocks: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Centres of the interior cells of local blocks (all by default), (dim, m, nk, nj, ni)."""
        return self.geometry.cell_centers(self.level[blocks], self.coords[blocks])

    def fill_outer(self, group: GhostGroup, u: np.ndarray, t: float, everything: bool, edges: bool = True) -> None:
        """Wait for the messages of a ghost fill and do the rest of it. Collective where a boundary is a function.

        Raises
        ------
        PluginError
            A boundary function failed, on every rank.
        """
        group.wait()
        self._agreed(lambda: group.fill_outer(u, t, everything, edges))

    def fill_ghosts(self, u: np.ndarray, t: float) -> None:
        """Fill all ghosts of ``u`` at time ``t``, in place. Collective."""
        self._agreed(lambda: self.ghosts.fill(u, t))

    def ghosted(
        self, u: np.ndarray, t: float, in_pool: bool, again: bool = False
    ) -> Iterator[tuple[np.ndarray, GhostPlan | None]]:
        """Local blocks, each once, with what makes their ghosts: a plan, or None where those of ``u`` are filled. Collective.

        All of them are None with ``in_pool``. Else only what must be is filled, and blocks come while messages are under way.
        A plan serves its blocks until the next are asked for. ``again``: the same once more, from the messages of the last time,
        when ``u`` held the same; not collective.
        """
        if in_pool:
            if not again:
                self.fill_ghosts(u, t)
            yield np.arange(self.n_block, dtype=np.int32), None
            return
        for group in self.ghosts.groups:
            if again:
                group.start_again(Pools.one(u))
                yield np.concatenate([group.inner, group.outer]), self.ghosts.plan
                yield np.concatenate(group.by_function), None
                continue
            group.start(Pools.one(u))
            group.fill_inner(u, t, everything=False)
            yield group.inner, self.ghosts.plan
            yield group.by_function[0], None
            self.fill_outer(group, u, t, everything=False)
            yield group.outer, self.ghosts.plan
            yield group.by_function[1], None

    def _agreed(self, fill: Callable[[], None]) -> None:
        error = None
        try:
            fill()
        except AMRError as fault:
            error = fault
        if self._may_fail:
            self._comm.agree(error)

    def free(self) -> None:
        """Release the persistent MPI requests."""
        self.ghosts.free()
        self.register.free()
