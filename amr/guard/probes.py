"""Probes: sources and boundary functions of a run, tested between the cell centres where the scheme asks them.

Each cell is asked at its centre and at two random points opposite each other (along a boundary) with the state of the cell.
Where the three values bend more than the tolerance allows, the function is asked all over the block with the state of that one
cell: then it is a function of place alone, and shocks are no matter. A block is alarmed if that leaves the quadratic through its
values at the centres. docs/guards.md says how likely what is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.guard.nodes import Lattice
from amr.guard.scouts import probe, scout_width_99
from amr.indicators.leaf_state import HELD

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.mesh.tree import Forest
    from amr.scheme.local_mesh import LocalMesh

ROTATION = 16
"""A target has its turn every so many regrids; only blocks that a probe has just refined are looked at in each."""
N_POINTS = 2
"""Random points of a cell."""
STEEP = 0.25
"""What two opposite points may differ by, in units of the range: a layer in the middle of a cell does not bend."""
ROUND_OFF = 1e-10
"""Part of a function's magnitude below which nothing is looked at."""
CHUNK_CELLS = 1 << 15
"""Cells asked at once."""

Function = Callable[[np.ndarray, float, np.ndarray], np.ndarray]
"""Places x (dim, n_block, nk, nj, ni), time, states u (n_block, n_var, nk, nj, ni) -> values (n_block, n_var, nk, nj, ni)."""


@dataclass(frozen=True)
class Target:
    """A function that is probed.

    Attributes
    ----------
    name : str
    function : callable
        As `Function`: rates of change of the conserved variables of a source, conserved states of a boundary.
    direction : int, optional
        Of a boundary, 2 * axis + side: x are centres of its first ghost cells, u the cells beside them. None: a source.
    """

    name: str
    function: Function
    direction: int | None = None


@dataclass
class _Visit:
    """Some blocks of this rank seen by one target; ``halved``: as blocks of n/2 cells of the level below."""

    target: int
    blocks: np.ndarray
    halved: bool
    bend: np.ndarray  # (m, n_var): how much three points bend, at most; in the values' units
    cell: np.ndarray  # (m, n_var): in which cell


class Probes:
    """Probes all targets of a run. Methods are collective.

    Parameters
    ----------
    targets : sequence of Target
    geometry : Geometry
    layout : Layout
    comm : Comm
    tolerance : float
        Deviation that matters, in units of the range of a target's values (and of what a source could change over the run).
    duration : float
        Of the run.
    seed : int
    groups : sequence of sequence of int
        Conserved variables that share one range: components of vectors.
    """

    def __init__(
        self, targets: Sequence[Target], geometry: Geometry, layout: Layout, comm: Comm, tolerance: float,
        duration: float, seed: int = 0, groups: Sequence[Sequence[int]] = (),
    ) -> None:  # fmt: skip
        # A side of a 1D domain is one point: nothing lies between.
        self.targets = [each for each in targets if each.direction is None or layout.dim > 1]
        self._geometry, self._layout, self._comm = geometry, layout, comm
        self._tolerance, self._duration, self._seed = tolerance, duration, seed
        self._groups = [list(group) for group in groups]
        self._n_looks, self._lattice = 0, Lattice(geometry, seed)
        # Highest and -lowest so far of each target's values and, in the last row, of the states.
        self._range = np.full((len(self.targets) + 1, 2, layout.n_var), -np.inf)
        # Alarms below and on max_level, blocks without an answer, points asked; of all ranks, and now on this one.
        self._counts, self._found = np.zeros((2, len(self.targets), 4), dtype=np.int64)

    def __bool__(self) -> bool:
        return bool(self.targets)

    def look(
        self, mesh: LocalMesh, leaf: np.ndarray, u: np.ndarray, time: float, everything: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probe the targets whose turn it is, or all. Collective.

        Parameters
        ----------
        mesh : LocalMesh
        leaf : LEAF_STATE (n_block,)
            Of this rank's leaves; not read with ``everything``.
        u : float64 (n_block, n_var, nk, nj, ni)
        time : float
        everything : bool
            At the start.

        Returns
        -------
        alarmed, held : bool (n_block,)
            Blocks that should be refined; those, and blocks that should stay as fine as they are.

        Raises
        ------
        PluginError
            A function failed; the same on every rank.
        """
        self._n_looks += 1
        alarmed, held = np.zeros(mesh.n_block, dtype=bool), np.zeros(mesh.n_block, dtype=bool)
        turns = [everything or (self._n_looks + number) % ROTATION == 0 for number in range(len(self.targets))]
        if not any(turns) and not self._comm.any(bool(((leaf["held"] > 0) & (leaf["since"] == 0)).any())):
            return alarmed, held
        self._lattice = Lattice(self._geometry, self._seed, self._n_looks)
        counts = self._found
        counts[:] = 0
        visits = list(self._visits(mesh, turns, None if everything else leaf))
        self._comm.agreed(lambda: self._ask_all(mesh, visits, u, time))
        self._range = self._comm.allreduce_max(self._range.ravel()).reshape(self._range.shape)
        found = self._comm.agreed(lambda: [self._judge(mesh, visit, u, time) for visit in visits])
        for visit, (is_rough, is_restless) in zip(visits, found, strict=True):
            blocks = visit.blocks[is_rough]
            held[blocks] = True
            if not visit.halved:
                alarmed[blocks] = True
                on_top = mesh.level[blocks] == mesh.forest.max_level
                counts[visit.target, :3] += (~on_top).sum(), on_top.sum(), is_restless.sum()
        self._counts += self._comm.allreduce_sum_int(counts.ravel()).reshape(counts.shape)
        return alarmed, held

    def report(self, forest: Forest) -> list[dict[str, Any]]:
        """One entry per target (docs/output.md); not collective."""
        found = []
        for target, counts in zip(self.targets, self._counts.tolist(), strict=True):
            leaves = _beside(forest.level, forest.coords, forest, target.direction)
            spacing = float(self._geometry.spacing(int(forest.level[leaves].min()))[0, : forest.dim].max())
            dim = forest.dim - (target.direction is not None)
            numbers = dict(zip(("alarms", "on_max_level", "restless", "evaluations"), counts, strict=True))
            found.append(
                {"name": target.name, "scout_width_99": scout_width_99(spacing, dim, points=N_POINTS), **numbers}
            )
        return found

    def to_meta(self) -> dict[str, Any]:
        """What a restart needs, as plain values."""
        return {"n_looks": self._n_looks, "counts": self._counts.tolist(), "range": self._range.tolist()}

    def from_meta(self, meta: Mapping[str, Any]) -> None:
        """Go on from what `to_meta` gave, if it is of the same number of targets."""
        if len(meta["counts"]) == len(self.targets):
            self._n_looks, self._counts = meta["n_looks"], np.array(meta["counts"], dtype=np.int64).reshape(-1, 4)
            self._range = np.array(meta["range"], dtype=float)

    # ---- which blocks ----------------------------------------------------------------------------------------------------

    def _visits(self, mesh: LocalMesh, turns: Sequence[bool], leaf: np.ndarray | None) -> Iterator[_Visit]:
        """What is looked at now; ``leaf``: state of this rank's leaves, None at the start."""
        nothing = np.zeros(mesh.n_block, dtype=bool)
        is_new = nothing if leaf is None else (leaf["held"] > 0) & (leaf["since"] == 0)
        # Would the parent be alarmed? Asked before the leaf is let go.
        is_old = nothing if leaf is None else (leaf["held"] > 0) & (leaf["held"] <= HELD // 2) & (mesh.level > 0)
        for number, (target, turn) in enumerate(zip(self.targets, turns, strict=True)):
            beside = _beside(mesh.level, mesh.coords, mesh.forest, target.direction)
            for which, halved in ((beside if turn else beside & is_new, False), (beside & is_old & turn, True)):
                blocks = np.flatnonzero(which)
                size = (len(blocks), self._layout.n_var)
                if len(blocks):
                    yield _Visit(number, blocks, halved, np.zeros(size), np.zeros(size, dtype=np.int64))

    def _cells(self, visit: _Visit) -> int:
        n = self._layout.n // 2 if visit.halved else self._layout.n
        return int(n ** (self._layout.dim - (self.targets[visit.target].direction is not None)))

    def _chunks(self, visit: _Visit) -> Iterator[slice]:
        size = max(1, CHUNK_CELLS // self._cells(visit))
        return (slice(first, first + size) for first in range(0, len(visit.blocks), size))

    # ---- what is asked ---------------------------------------------------------------------------------------------------

    def _ask_all(self, mesh: LocalMesh, visits: Sequence[_Visit], u: np.ndarray, time: float) -> None:
        for visit in visits:
            self._ask(mesh, visit, u, time)

    def _ask(self, mesh: LocalMesh, visit: _Visit, u: np.ndarray, time: float) -> None:
        """Three points of each cell, with the state of the cell: note what bends, and the ranges."""
        for part in self._chunks(visit):
            blocks = visit.blocks[part]
            states = self._states(u, blocks, visit)
            index, t, level = self._points(mesh, blocks, visit)
            centre, *pair = (self._call(visit, level, index, each, time, states) for each in (_middle(t), t, 1 - t))
            bend = np.abs(pair[0] + pair[1] - 2.0 * centre)
            step = np.abs(pair[0] - pair[1])
            bend = np.maximum(bend, step * (0.5 * self._tolerance / STEEP)).reshape(*bend.shape[:2], -1)
            visit.bend[part], visit.cell[part] = bend.max(axis=2), bend.argmax(axis=2)
            for row, values in [(visit.target, each) for each in (centre, *pair)] + [(-1, states)]:
                flat = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
                self._range[row] = np.maximum(self._range[row], [flat.max(axis=1), (-flat).max(axis=1)])

    def _judge(self, mesh: LocalMesh, visit: _Visit, u: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Blocks of a visit where the function has more than its values at the centres, and where it has no value: bool (m,)."""
        target, scale = self.targets[visit.target], self._scale(visit.target)
        relative = visit.bend / scale
        is_rough, is_restless = np.zeros(len(visit.blocks), dtype=bool), np.zeros(len(visit.blocks), dtype=bool)
        suspects = np.flatnonzero(relative.max(axis=1, initial=0.0) > 0.5 * self._tolerance)
        step = max(1, CHUNK_CELLS // self._cells(visit))
        for who in (suspects[first : first + step] for first in range(0, len(suspects), step)):
            blocks, cell = visit.blocks[who], visit.cell[who, relative[who].argmax(axis=1)]
            states = self._states(u, blocks, visit)
            one = states.reshape(*states.shape[:2], -1)[np.arange(len(who)), :, cell]
            states[:] = one[:, :, None, None, None]
            index, t, level = self._points(mesh, blocks, visit)
            values, again, *pair = (
                self._call(visit, level, index, each, time, states) for each in (_middle(t), _middle(t), t, 1 - t)
            )
            is_restless[who] = (values != again).reshape(len(who), -1).any(axis=1)
            found = np.stack([each.reshape(*values.shape[:2], -1) for each in pair], axis=-1)
            axes = [a for a in range(len(t)) if target.direction is None or a != target.direction // 2]
            points = np.stack([each[axes].reshape(len(axes), len(who), -1) for each in (t, 1 - t)], axis=-1)
            grid = values.reshape(*values.shape[:2], *(index.shape[-1 - a] for a in reversed(axes)))
            is_rough[who] = probe(np.moveaxis(found, 1, 0), grid, points, scale) > 0.5 * self._tolerance
        return is_rough & ~is_restless, is_restless

    def _scale(self, target: int) -> np.ndarray:
        """What deviations of a target's values are measured by, float64 (n_var,): their range, above round-off; a source must
        also be able to change a variable, in the whole run, by that part of its range."""
        highest, lowest = self._range[target, 0], -self._range[target, 1]
        state = self._range[-1].sum(axis=0)
        span, size = highest - lowest, np.maximum(np.abs(highest), np.abs(lowest))
        for group in self._groups:
            span[group], size[group], state[group] = span[group].max(), size[group].max(), state[group].max()
        span = np.maximum(span, ROUND_OFF * size)
        span = np.maximum(span, state if self.targets[target].direction is not None else state / self._duration)
        return np.where(span > 0, span, 1.0)

    def _states(self, u: np.ndarray, blocks: np.ndarray, visit: _Visit) -> np.ndarray:
        """States of the cells that are asked (m, n_var, nk, nj, ni), a copy."""
        dim, direction = self._layout.dim, self.targets[visit.target].direction
        states = u[(slice(None), slice(None), *self._layout.interior)][blocks]
        for axis in range(dim):
            place = 4 - axis
            if visit.halved:
                pairs = np.moveaxis(states, place, 0)
                states = np.moveaxis(0.5 * (pairs[::2] + pairs[1::2]), 0, place)
            if direction is not None and axis == direction // 2:
                last = states.shape[place] - 1
                states = np.take(states, [last if direction % 2 else 0], axis=place)
        return np.ascontiguousarray(states)

    def _points(self, mesh: LocalMesh, blocks: np.ndarray, visit: _Visit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Index of the cells (dim, m, nk, nj, ni), a random point in [0, 1]^dim of each, and their level (m, 1, 1, 1)."""
        dim, direction = self._layout.dim, self.targets[visit.target].direction
        n = self._layout.n // 2 if visit.halved else self._layout.n
        inner = [np.arange(n) if a < dim else np.zeros(1, np.int64) for a in range(3)]
        if direction is not None:
            inner[direction // 2] = np.array([n - 1 if direction % 2 else 0])
        grid = np.stack(np.meshgrid(*inner[::-1], indexing="ij"))[::-1][:dim]
        index = mesh.coords[blocks, :dim].astype(np.int64).T.reshape(dim, -1, 1, 1, 1) * n + grid[:, None]
        level = (mesh.level[blocks].astype(np.int64) - visit.halved).reshape(-1, 1, 1, 1)
        t = self._lattice.one(level, index)
        if direction is not None:
            index[direction // 2] += 2 * (direction % 2) - 1  # the ghost cell outside
            t[direction // 2] = 0.5
        return index, t, level

    def _call(
        self, visit: _Visit, level: np.ndarray, index: np.ndarray, t: np.ndarray, time: float, states: np.ndarray
    ) -> np.ndarray:
        """Values at the points t (dim, m, nk, nj, ni) of cells, counted."""
        self._found[visit.target, 3] += level.size * int(np.prod(index.shape[2:]))
        return self.targets[visit.target].function(self._lattice.points(level, index, t), time, states)


def _middle(t: np.ndarray) -> np.ndarray:
    return np.full(t.shape, 0.5)


def _beside(level: np.ndarray, coords: np.ndarray, forest: Forest, direction: int | None) -> np.ndarray:
    """Which blocks a target is about: all of a source, those at its side of a boundary; bool (n_block,)."""
    if direction is None:
        return np.ones(len(level), dtype=bool)
    axis, side = divmod(direction, 2)
    last = (forest.root_blocks[axis] << level.astype(np.int64)) - 1
    return np.asarray(coords[:, axis] == (last if side else 0))
