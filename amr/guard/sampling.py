"""Initial states sampled so that what falls between the points is noticed: averages, alarms and bisected cells.

Each cell is evaluated at its Gauss points, which alone give its average, and at a few jittered points, which only test it. A
block is alarmed where samples leave the quadratic through the averages; a cell whose jittered values leave the polynomial of its
Gauss values is bisected. docs/guards.md says how likely what is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from amr.guard import scouts, zoom
from amr.guard.bisect import bisected_averages, lagrange_gap, lebesgue
from amr.guard.counted import CountedFunction, Function
from amr.guard.nodes import cell_points, gauss_points, mean_of_points
from amr.guard.reconstruct import coefficients, face_gap, terms, trust

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.geometry import Geometry

CHUNK_POINTS = 1 << 14
"""Points evaluated at once: a variable of them stays in a cache, and the memory of a large mesh is not multiplied."""
ROUND_OFF = 1e-10
"""Part of a variable's magnitude below which nothing is looked at."""


@dataclass(frozen=True)
class Sampled:
    """What sampling found in this rank's blocks.

    Attributes
    ----------
    alarm : float64 (n_block,)
        Largest deviation of a sample from the reconstruction, in units of half the tolerance times the variable's range: > 1
        asks for refinement.
    noise : bool (n_block,)
        Alarmed, but looks the same on every scale: refinement would not help.
    wanted_level : int64 (n_block,)
        Level that would resolve what was found (-1 without an alarm, or for noise and discontinuities, which no level resolves).
    discontinuous : bool (n_block,)
        Alarmed by a discontinuity.
    evaluations : int
        Points at which the function was evaluated on all ranks; ``scout_evaluations`` of them by scouts.
    bisected : int
        Cells on all ranks whose averages were made of bisected cells.
    """

    alarm: np.ndarray
    noise: np.ndarray
    wanted_level: np.ndarray
    discontinuous: np.ndarray
    evaluations: int
    scout_evaluations: int
    bisected: int

    @property
    def refine(self) -> np.ndarray:
        """Blocks that should be refined, bool (n_block,)."""
        return (self.alarm > 1) & ~self.noise


@dataclass
class _Findings:
    """What the blocks of a rank gave, as it is collected."""

    deviation: np.ndarray  # (n_block, n_var), in the variable's units
    worst: np.ndarray  # (dim, n_block), in cells from the block's corner
    seeds: list[np.ndarray]  # (1 + dim, m): block, place
    rough: list[np.ndarray]  # (4, m): block, cell, variable, gap


class Sampler(CountedFunction):
    """Samples a function in the blocks of a mesh that is being refined.

    Parameters
    ----------
    function, geometry, n_var, quadrature, tolerance, seed
        As of `CountedFunction`.
    comm : Comm
    with_scouts : bool
    groups : sequence of sequence of int
        Variables that share one range: components of vectors.
    fixed : sequence of int
        Variables whose averages are never replaced by bisected ones.
    floors : callable, optional
        States (n_var, m) -> the magnitude (n_var,) that a variable's range is not noise beside; default its own.
    """

    def __init__(
        self,
        function: Function,
        geometry: Geometry,
        comm: Comm,
        n_var: int,
        quadrature: int,
        tolerance: float = 0.02,
        seed: int = 0,
        with_scouts: bool = True,
        groups: Sequence[Sequence[int]] = (),
        fixed: Sequence[int] = (),
        floors: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        super().__init__(function, geometry, n_var, quadrature, tolerance, seed)
        self.comm, self.with_scouts = comm, with_scouts
        self._groups, self._floors = [list(group) for group in groups], floors
        self._replaced = np.ones(n_var, dtype=bool)
        self._replaced[list(fixed)] = False
        self._node, self._weight = gauss_points(self.dim, quadrature)
        self._terms = terms(self._node - 0.5)
        self._trust = trust(self.n, self.dim)[:, None]
        self._range: np.ndarray | None = (
            None  # (3, n_var): highest, -lowest, floor over all samples so far, on all ranks
        )

    def sample(self, averages: np.ndarray, level: np.ndarray, coords: np.ndarray, max_level: int) -> Sampled:
        """Sample all blocks of this rank. Collective.

        Parameters
        ----------
        averages : float64 (n_block, n_var, n, ..., n)
            Overwritten with the cell averages: dim cell axes, x last; any strides.
        level : int (n_block,), coords : int (n_block, 3)
            Of the blocks.
        max_level : int
            Blocks of this level are not refined, so that their cells are bisected even where they are alarmed.

        Raises
        ------
        AMRError
            What the function raised on one rank is raised on all.
        """
        before = self.evaluations
        if self._range is None:
            found = self.comm.agreed(lambda: self._centre_range(level, coords))
            self._range = self.comm.allreduce_max(found)
        findings = self.comm.agreed(lambda: self._visit(averages, level, coords, max_level))
        self._range = self.comm.allreduce_max(self._range)
        scale = self.scale()
        alarm = 2.0 / self.tolerance * np.divide(findings.deviation, scale).max(axis=1, initial=0.0)
        found, counts = self.comm.agreed(lambda: self._judge(findings, alarm, averages, level, coords, max_level))
        totals = self.comm.allreduce_sum_int([self.evaluations - before, *counts])
        return Sampled(*found, *map(int, totals))

    def scale(self) -> np.ndarray:
        """What deviations of each variable are measured by, float64 (n_var,): its range so far, above round-off."""
        assert self._range is not None
        highest, lowest, floor = self._range[0], -self._range[1], self._range[2].copy()
        span = highest - lowest
        floor = np.maximum(floor, np.maximum(np.abs(highest), np.abs(lowest)))
        for group in self._groups:
            span[group], floor[group] = span[group].max(), floor[group].max()
        scale = np.maximum(span, ROUND_OFF * floor)
        return np.where(scale > 0, scale, 1.0)

    def _chunks(self, n_block: int, points_per_cell: int) -> list[slice]:
        """Blocks some at a time."""
        chunk = max(1, CHUNK_POINTS // (points_per_cell * self.n**self.dim))
        return [slice(first, min(first + chunk, n_block)) for first in range(0, n_block, chunk)]

    def _centre_range(self, level: np.ndarray, coords: np.ndarray) -> np.ndarray:
        """Range and floor over the cells' centres, (3, n_var)."""
        found = np.full((3, self.n_var), -np.inf)
        found[2] = 0.0
        centre = np.full((self.dim, 1), 0.5)
        for blocks in self._chunks(len(level), 1):
            corner, spacing = self._place(level[blocks], coords[blocks])
            u = self.function(cell_points(corner, spacing, self.n, centre)).reshape(self.n_var, -1)
            found[:2] = np.maximum(found[:2], [u.max(axis=1), (-u).max(axis=1)])
            if self._floors is not None:
                found[2] = np.maximum(found[2], self._floors(u))
        return found

    def _place(self, level: np.ndarray, coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.geometry.origin(level, coords), self.geometry.spacing(level)

    # ---- the visit of all cells ------------------------------------------------------------------------------------------

    def _visit(self, averages: np.ndarray, level: np.ndarray, coords: np.ndarray, max_level: int) -> _Findings:
        """Evaluate all cells, write their averages, and note what deviates."""
        n_block = len(level)
        findings = _Findings(np.zeros((n_block, self.n_var)), np.zeros((self.dim, n_block)), [], [])
        assert self._range is not None
        self._range = self._range.copy()
        scale = self.scale()
        for blocks in self._chunks(n_block, self._node.shape[1] + self.lattice.n_jitter):
            self._visit_blocks(blocks, averages, level[blocks], coords[blocks], max_level, scale, findings)
        return findings

    def _visit_blocks(
        self,
        blocks: slice,
        averages: np.ndarray,
        level: np.ndarray,
        coords: np.ndarray,
        max_level: int,
        scale: np.ndarray,
        findings: _Findings,
    ) -> None:
        n_gauss = self._node.shape[1]
        index = self.lattice.cells_of_blocks(coords)
        t = self.lattice.jitter(level[:, None], index)
        gauss_x = cell_points(*self._place(level, coords), self.n, self._node)
        u = self.function(np.concatenate([gauss_x, self.lattice.points(level[:, None, None], index[..., None], t)], -1))
        mean = np.moveaxis(mean_of_points(u[..., :n_gauss], self._weight), 0, 1)
        averages[blocks] = mean.reshape(len(level), self.n_var, *(self.n,) * self.dim)
        flat = u.reshape(self.n_var, -1)
        highest, lowest = flat.max(axis=1), flat.min(axis=1)
        assert self._range is not None
        self._range[:2] = np.maximum(self._range[:2], [highest, -lowest])
        varying = np.flatnonzero(highest > lowest)
        if not len(varying):
            return
        worst = self._deviations(blocks, averages, u, t, varying, scale, findings)
        limit = 0.5 * self.tolerance
        place = _Places(blocks.start, self._node, t, self.n)
        by_block = worst.reshape(len(level), -1)
        findings.worst[:, blocks] = place.of(by_block.argmax(axis=1))[1:]
        if self.with_scouts:
            seeds = scouts.find_seeds(worst[..., n_gauss:], worst, by_block.max(axis=1) <= limit)
            findings.seeds.append(place.of(*seeds))
        kept = ((findings.deviation[blocks] / scale).max(axis=1) <= limit) | (level >= max_level)
        self._note_rough(blocks.start, kept, u, t, worst, scale, findings)

    def _deviations(
        self,
        blocks: slice,
        averages: np.ndarray,
        u: np.ndarray,
        t: np.ndarray,
        varying: np.ndarray,
        scale: np.ndarray,
        findings: _Findings,
    ) -> np.ndarray:
        """Note the blocks' deviations; return each sample's worst over the variables, in units of their scales."""
        m, n_gauss = u.shape[1], self._node.shape[1]
        weight = terms(t - 0.5)
        worst = np.zeros(u.shape[1:])
        for v in varying:
            c = coefficients(averages[blocks, v], self.dim)
            residual = np.empty(u.shape[1:])
            # One product of matrices per block: its bits do not depend on how many blocks there are.
            residual[..., :n_gauss] = np.matmul(np.swapaxes(c, -1, -2), self._terms)
            jitter = residual[..., n_gauss:]
            jitter[...] = c[:, 0, :, None]
            for term in range(1, len(weight)):
                jitter += c[:, term, :, None] * weight[term]
            residual -= u[v]
            np.abs(residual, out=residual)
            residual *= self._trust
            findings.deviation[blocks, v] = np.maximum(
                residual.reshape(m, -1).max(axis=1), face_gap(c, self.dim, self.n)
            )
            residual *= 1.0 / scale[v]
            np.maximum(worst, residual, out=worst)
        return worst

    def _note_rough(
        self,
        first: int,
        kept: np.ndarray,
        u: np.ndarray,
        t: np.ndarray,
        worst: np.ndarray,
        scale: np.ndarray,
        findings: _Findings,
    ) -> None:
        """Note the cells of the blocks ``kept`` whose jittered values leave the polynomial of their Gauss values."""
        n_gauss = self._node.shape[1]
        bound = lebesgue(self.quadrature) ** self.dim
        # No gap is larger where the polynomial meets every quadratic; else the spread of the values bounds it.
        near = (worst / self._trust).max(axis=-1) * (2.0 * bound)
        for v in np.flatnonzero(self._replaced):
            if self.quadrature < 3:
                near = np.ptp(u[v], axis=-1) * (bound / scale[v])
            block, cell = np.nonzero((near > 0.25 * self.tolerance) & kept[:, None])
            if not len(block):
                continue
            value = u[v][block, cell]
            gap = lagrange_gap(value[:, :n_gauss], value[:, n_gauss:], t[:, block, cell], self.quadrature)
            rows = np.array([first + block, cell, np.full(len(block), v), gap])
            findings.rough.append(rows[:, gap > 0.25 * self.tolerance * scale[v]])

    # ---- judgement -------------------------------------------------------------------------------------------------------

    def _judge(
        self,
        findings: _Findings,
        alarm: np.ndarray,
        averages: np.ndarray,
        level: np.ndarray,
        coords: np.ndarray,
        max_level: int,
    ) -> tuple[tuple[np.ndarray, ...], tuple[int, int]]:
        """Scouts where nothing is alarmed, zoom where something is, bisection where cells stay.

        Returns the arrays of `Sampled`, and the evaluations by scouts and the bisected cells of this rank.
        """
        scale, n_scout = self.scale(), self.evaluations
        if self.with_scouts and findings.seeds:
            seeds = np.concatenate(findings.seeds, axis=1)
            seeds = seeds[:, alarm[seeds[0].astype(np.int64)] <= 1]
            walk = scouts.walk(self, averages, scale, level, coords, seeds)
            is_better = walk.deviation > 0.5 * self.tolerance
            alarm[is_better] = walk.deviation[is_better] * (2.0 / self.tolerance)
            findings.worst[:, is_better] = walk.place[:, is_better]
        n_scout = self.evaluations - n_scout
        alarmed = np.flatnonzero(alarm > 1)
        zoomed = zoom.look(self, scale, level[alarmed], coords[alarmed], findings.worst[:, alarmed])
        noise, discontinuous = np.zeros(len(level), dtype=bool), np.zeros(len(level), dtype=bool)
        wanted = np.full(len(level), -1, dtype=np.int64)
        noise[alarmed] = zoomed.kind == zoom.NOISE
        discontinuous[alarmed] = zoomed.kind == zoom.DISCONTINUITY
        wanted[alarmed] = zoomed.level
        kept = ((alarm <= 1) | (level >= max_level)) & ~noise
        n_bisected = self._bisect(findings, kept, averages, level, coords, scale)
        return (alarm, noise, wanted, discontinuous), (n_scout, n_bisected)

    def _bisect(
        self,
        findings: _Findings,
        kept: np.ndarray,
        averages: np.ndarray,
        level: np.ndarray,
        coords: np.ndarray,
        scale: np.ndarray,
    ) -> int:
        """Replace the averages of rough cells in the blocks ``kept``; return their number."""
        if not findings.rough:
            return 0
        block, cell, variable, gap = np.concatenate(findings.rough, axis=1)
        is_rough = kept[block.astype(np.int64)] & (gap > 0.25 * self.tolerance * scale[variable.astype(np.int64)])
        cells = np.unique(block[is_rough] * self.n**self.dim + cell[is_rough]).astype(np.int64)
        block, cell = cells // self.n**self.dim, cells % self.n**self.dim
        inner = np.stack(np.unravel_index(cell, (self.n,) * self.dim))
        index = np.asarray(coords, np.int64)[block, : self.dim].T * self.n + inner[::-1]
        new = bisected_averages(self, level[block], index, 0.25 * self.tolerance * scale)
        keep = np.flatnonzero(self._replaced)
        averages[(block[:, None], keep[None, :], *(i[:, None] for i in inner))] = new[keep].T
        return len(cells)


@dataclass(frozen=True)
class _Places:
    """Where the samples of some blocks lie, by their number within a block: cells, then Gauss and jittered points."""

    first: int
    node: np.ndarray
    t: np.ndarray
    n: int

    def of(self, sample: np.ndarray, block: np.ndarray | None = None) -> np.ndarray:
        """Block and place in cells from its corner, (1 + dim, m), of samples of blocks (default: one of each)."""
        block = np.arange(len(sample)) if block is None else block
        dim, n_gauss = self.node.shape
        cell, point = np.divmod(sample, n_gauss + self.t.shape[-1])
        t = np.where(
            point < n_gauss,
            self.node[:, np.minimum(point, n_gauss - 1)],
            self.t[:, block, cell, np.maximum(point - n_gauss, 0)],
        )
        return np.concatenate([[self.first + block], t + np.stack(np.unravel_index(cell, (self.n,) * dim))[::-1]])
