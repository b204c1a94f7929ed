"""The conservation ledger: every change of a conserved total, split by its cause.

Sums over blocks and faces are exact fixed-point sums, so that the ledger has the same bits on any number of ranks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.sums import FixedSum, block_sums

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.pool import Layout
    from amr.physics.base import Physics
    from amr.scheme.local_mesh import LocalMesh

CAUSES = ("boundary", "source", "regrid")
STEP = "step"
"""The cause of integrators that do not tell boundary and sources apart: all that a step changes."""


class Ledger:
    """Totals of the conserved variables and the causes of their changes.

    Parameters
    ----------
    comm : Comm
    layout : Layout
    physics : Physics
        Names of the variables; static ones are left out.
    causes : tuple of str
    """

    def __init__(self, comm: Comm, layout: Layout, physics: Physics, causes: tuple[str, ...] = CAUSES) -> None:
        self.comm = comm
        self.layout = layout
        self.evolved = [v for v in range(physics.n_var) if v not in physics.static]
        names = self.names = tuple(physics.variables[v] for v in self.evolved)
        self.initial = np.zeros(len(names))
        self.scale = np.zeros(len(names))
        # Changes of this rank since the start (rank 0 of a restarted run carries those of before).
        self.changes = {cause: FixedSum(len(names)) for cause in causes}

    def totals(self, u: np.ndarray, mesh: LocalMesh) -> np.ndarray:
        """Integrals of the conserved variables over the domain, (n_names,). Collective."""
        total = FixedSum(len(self.names))
        total.add(self._sums(u), mesh.cell_volume)
        return self._reduce(total)

    def open(self, u: np.ndarray, mesh: LocalMesh) -> None:
        """Take the totals of the initial state. Collective."""
        self.initial = self.totals(u, mesh)
        absolute = FixedSum(len(self.names))
        absolute.add(self._sums(u, absolute=True), mesh.cell_volume)
        self.scale = self._reduce(absolute)

    def add_boundary(self, dt: float, fluxes: list[tuple[float, np.ndarray, np.ndarray]], mesh: LocalMesh) -> None:
        """Add what crossed the domain boundary in an accepted step of length ``dt``.

        ``fluxes`` holds, per stage, its weight, the flux sums of some local boundary faces (m, n_var) and which these are (m,).
        """
        for weight, sums, faces in fluxes:
            self.changes["boundary"].add(
                np.ascontiguousarray(sums[:, self.evolved]), weight * dt * mesh.inward_area[faces]
            )

    def add_regrid(self, sign: int, u: np.ndarray, mesh: LocalMesh, is_changed: np.ndarray) -> None:
        """Add (``sign`` +1) or take away (-1) the integrals over the blocks that a regrid makes or removes.

        Blocks that stay are left out: the sums are exact, so that what they held before and after would cancel. Not collective.

        Parameters
        ----------
        u : float64 (n_block, n_var, nk, nj, ni)
        mesh : LocalMesh
        is_changed : bool (n_block,)
        """
        blocks = np.flatnonzero(is_changed).astype(np.int32)
        sums = block_sums(self.layout, u, blocks)[:, self.evolved]
        self.changes["regrid"].add(sums, sign * mesh.cell_volume[blocks])

    def add_blocks(self, cause: str, values: np.ndarray, mesh: LocalMesh) -> None:
        """Add per-block sums (n_block, n_names) of changes of cell values, weighted by the cells' volumes."""
        self.changes[cause].add(np.ascontiguousarray(values[:, self.evolved]), mesh.cell_volume)

    def add_step(self, u: np.ndarray, u_new: np.ndarray, mesh: LocalMesh) -> None:
        """Add the whole change from ``u`` to ``u_new`` (n_block, n_var, nk, nj, ni). Not collective."""
        self.changes[STEP].add(self._sums(u_new), mesh.cell_volume)
        self.changes[STEP].add(self._sums(u), -mesh.cell_volume)

    def _sums(self, u: np.ndarray, absolute: bool = False) -> np.ndarray:
        return np.ascontiguousarray(block_sums(self.layout, u, absolute=absolute)[:, self.evolved])

    def _exact(self, local: FixedSum) -> FixedSum:
        """The sum over the ranks, exact, on every rank. Collective."""
        return FixedSum.from_limbs(self.comm.allreduce_sum_int(local.limbs))

    def _reduce(self, local: FixedSum) -> np.ndarray:
        return self._exact(local).values()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps (integers as text, since JSON readers lose long ones). Collective."""
        kept: dict[str, Any] = {"initial": self.initial.tolist(), "scale": self.scale.tolist()}
        for cause, change in self.changes.items():
            kept[cause] = [str(value) for value in self._exact(change).to_ints()]
        return kept

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from ``state()``; not collective, rank 0 takes the changes over."""
        self.initial = np.array(kept["initial"])
        self.scale = np.array(kept["scale"])
        for cause in kept.keys() - {"initial", "scale"}:
            mine = self.comm.rank == 0
            size = len(self.names)
            self.changes[cause] = FixedSum.from_ints([int(v) for v in kept[cause]]) if mine else FixedSum(size)

    def report(self, u: np.ndarray, mesh: LocalMesh) -> dict[str, dict[str, Any]]:
        """Per variable: initial, final, ledger by cause, and the unexplained rest relative to its scale. Collective.

        The scale is the larger of the initial integral of the absolute value and of the absolute changes: a variable
        whose total is zero (momentum at rest) is measured against what flowed.
        """
        final = self.totals(u, mesh)
        causes = {cause: self._reduce(change) for cause, change in self.changes.items()}
        explained = np.sum(list(causes.values()), axis=0)
        absolute = FixedSum(len(self.names))
        absolute.add(self._sums(u, absolute=True), mesh.cell_volume)
        final_scale = self._reduce(absolute)
        rows = {}
        for v, name in enumerate(self.names):
            scale = max(self.scale[v], final_scale[v], *(abs(causes[cause][v]) for cause in self.changes))
            rest = final[v] - self.initial[v] - explained[v]
            rows[name] = {
                "initial": float(self.initial[v]),
                "final": float(final[v]),
                "ledger": {cause: float(causes[cause][v]) for cause in self.changes},
                "scale": float(scale),
                "unexplained": float(abs(rest) / scale) if scale > 0 else float(abs(rest)),
            }
        return rows
