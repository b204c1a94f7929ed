"""How well indicators and the guarded sampling find what the base mesh does not resolve: `amr guard sampling`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from amr._kernels import indicate as _c
from amr.bench.families import Draw, Family, State, families
from amr.bench.tables import Table
from amr.comm import Comm
from amr.guard.nodes import gauss_points
from amr.guard.reconstruct import coefficients, terms
from amr.guard.sampling import Sampler
from amr.indicators import create_indicator
from amr.indicators.fields import Fields
from amr.mesh.geometry import Geometry
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics import create_physics

TOLERANCE = 0.02
BLOCK_CELLS = 16
N_BLOCK = {1: 4, 2: 4, 3: 2}
"""Blocks per axis of the base mesh."""
_FINE = {1: 256, 2: 16, 3: 6}
"""Points per axis and cell that the truth is taken from."""
_WRONG, _RIGHT = 1.0, 0.5  # of the tolerance: a block that deviates by more must be alarmed, one by less must not


@dataclass
class Count:
    """Blocks of a family by what a method said about them."""

    needed: int = 0
    found: int = 0
    fine: int = 0
    false: int = 0

    def add(self, deviation: np.ndarray, alarmed: np.ndarray) -> None:
        """Count blocks (n_block,) by their true deviation in units of the range."""
        needs, is_fine = deviation > _WRONG * TOLERANCE, deviation < _RIGHT * TOLERANCE
        self.needed += int(needs.sum())
        self.found += int((needs & alarmed).sum())
        self.fine += int(is_fine.sum())
        self.false += int((is_fine & alarmed).sum())

    @property
    def recall(self) -> float:
        """Share of the blocks that need an alarm that have one; NaN without any."""
        return self.found / self.needed if self.needed else np.nan

    @property
    def false_positives(self) -> float:
        """Share of the blocks that need none that have one; NaN without any."""
        return self.false / self.fine if self.fine else np.nan


@dataclass
class Result:
    """Counts by method and family.

    Attributes
    ----------
    counts : dict of str to dict of str to Count
        Method -> family -> count.
    judged : list of str
        The families that should be alarmed: all but noise.
    per_cell : dict of str to float
        Evaluations per cell of the guarded sampling: ``all``, and ``scouts`` thereof.
    """

    counts: dict[str, dict[str, Count]]
    judged: list[str]
    per_cell: dict[str, float] = field(default_factory=dict)

    def recall(self, method: str) -> float:
        """Share of all blocks of the judged families that need an alarm that have one."""
        counts = [self.counts[method][family] for family in self.judged]
        return sum(count.found for count in counts) / max(sum(count.needed for count in counts), 1)

    def mean_recall(self, method: str) -> float:
        """Mean over the judged families that have blocks in need."""
        return float(np.nanmean([self.counts[method][family].recall for family in self.judged]))

    def false_positives(self, method: str) -> float:
        """Share of all blocks of the judged families that need no alarm but have one."""
        counts = [self.counts[method][family] for family in self.judged]
        return sum(count.false for count in counts) / max(sum(count.fine for count in counts), 1)


class Mesh:
    """The base mesh of a dimension and the methods on it."""

    def __init__(self, dim: int) -> None:
        self.dim, self.n, self.blocks = dim, BLOCK_CELLS, N_BLOCK[dim]
        self.n_cell = self.n * self.blocks
        self.quadrature = 2 if dim == 3 else 3
        self.geometry = Geometry([0.0] * dim, [1.0] * dim, [self.blocks] * dim, self.n)
        self.forest = Forest.uniform(dim, [self.blocks] * dim, [True] * dim, 5)
        self.layout = Layout(dim, self.n, 2, 1)
        self.physics = create_physics("advection", dim, {"velocity": [1.0] * dim})
        self.comm = Comm.self_()

    def values(self, state: State, points: np.ndarray) -> np.ndarray:
        """The state at points (dim, p) of every cell: (n_cell, ..., p), x the last cell axis."""
        out = np.empty((self.n_cell,) * self.dim + (points.shape[1],))
        h = 1.0 / self.n_cell
        for row in range(self.n_cell):  # along the slowest axis: the memory of a row, not of the whole
            cells = np.indices((self.n_cell,) * (self.dim - 1)).reshape(self.dim - 1, self.n_cell ** (self.dim - 1))[
                ::-1
            ]
            index = np.concatenate([cells, np.full((1, cells.shape[1]), row)])
            x = (index[:, :, None] + points[:, None, :]) * h
            out[row] = state(x.reshape(self.dim, -1)).reshape(out[row].shape)
        return out

    def per_block(self, cells: np.ndarray) -> np.ndarray:
        """Largest of each block's cells: (n_cell, ..., n_cell) -> (n_block,) in SFC order."""
        return self.split(cells).reshape(self.forest.n_leaves, -1).max(axis=1)

    def split(self, cells: np.ndarray) -> np.ndarray:
        """Cells by block: (n_cell, ..., n_cell, *rest) -> (n_block, n, ..., n, *rest), in SFC order."""
        rest = cells.shape[self.dim :]
        split = cells.reshape(*(self.blocks, self.n) * self.dim, *rest)
        order = [*range(0, 2 * self.dim, 2), *range(1, 2 * self.dim, 2)]
        split = split.transpose(*order, *range(2 * self.dim, split.ndim))
        return split[tuple(self.forest.coords[:, a] for a in range(self.dim))[::-1]]

    def deviation(self, cells: np.ndarray, values: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Largest |value - quadratic through averages| of each block.

        In each cell the better of two quadratics counts, that of a block's own cells and that which takes cells across its
        rim, too (but not across the domain's): what is next door is no fault of a block.
        """
        weight = terms(points - 0.5)
        shape = (self.forest.n_leaves, -1)
        own = coefficients(self.split(cells), self.dim)
        whole = coefficients(cells, self.dim).reshape(-1, *cells.shape)
        whole = np.swapaxes(self.split(np.moveaxis(whole, 0, -1)).reshape(*shape, len(whole)), 1, 2)
        values = self.split(values).reshape(self.forest.n_leaves, own.shape[-1], -1)
        worst = np.empty(self.forest.n_leaves)
        for block in range(self.forest.n_leaves):
            found = [np.abs(values[block] - np.einsum("tc,tp->cp", c[block], weight)).max(axis=1) for c in (own, whole)]
            worst[block] = np.minimum(*found).max()
        return worst

    def indicated(self, name: str, cells: np.ndarray, **parameters: str) -> np.ndarray:
        """Whether an indicator of the package, with its own threshold, asks to refine each block."""
        indicator = create_indicator(name, self.physics, parameters)
        wide = np.pad(cells, 2, mode="reflect", reflect_type="odd")
        shape = tuple(self.n + 4 for _ in range(self.dim))
        u = np.empty((self.forest.n_leaves, 1, *(1,) * (3 - self.dim), *shape))
        for block, coords in enumerate(self.forest.coords):
            part = tuple(slice(coords[a] * self.n, coords[a] * self.n + self.n + 4) for a in range(self.dim))[::-1]
            u[block, 0] = wide[part]
        fields = Fields(self.physics, self.layout, indicator.variables)
        fields.measure(u, self.comm)
        found = _c.Indicated(np.full((len(u), 1), indicator.refine), self.layout.n_var)
        jobs = indicator.jobs(fields, 0, 0)  # type: ignore[attr-defined]
        _c.indicate(self.physics.spec, self.layout, u, np.arange(len(u), dtype=np.int32), jobs, found)
        return found.eta[:, 0] > indicator.refine

    def sampled(self, state: State, seed: int, with_scouts: bool, with_zoom: bool) -> tuple[np.ndarray, np.ndarray]:
        """Blocks that the guarded sampling wants refined, and its evaluations per cell: all, by scouts."""
        sampler = Sampler(
            lambda x: state(x)[None], self.geometry, self.comm, 1, self.quadrature,
            tolerance=TOLERANCE, seed=seed, with_scouts=with_scouts,
        )  # fmt: skip
        averages = np.empty((self.forest.n_leaves, 1, *(self.n,) * self.dim))
        found = sampler.sample(averages, self.forest.level, self.forest.coords, 5)
        cells = averages.size
        return (
            found.refine if with_zoom else found.alarm > 1,
            np.array([found.evaluations / cells, found.scout_evaluations / cells]),
        )


def _methods(mesh: Mesh, state: State, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """What each method says of each block, the true deviation of each, and the evaluations per cell."""
    line = (np.arange(_FINE[mesh.dim]) + 0.5) / _FINE[mesh.dim]
    fine = np.stack(np.meshgrid(*[line] * mesh.dim, indexing="ij")).reshape(mesh.dim, -1)
    truth = mesh.values(state, fine)
    scale = truth.max() - truth.min()
    averages = truth.mean(axis=-1)
    points = mesh.values(state, np.full((mesh.dim, 1), 0.5))[..., 0]
    node, weight = gauss_points(mesh.dim, mesh.quadrature)
    gauss = mesh.values(state, node)
    by_gauss = mesh.deviation(gauss @ weight, gauss, node) / np.ptp(gauss)
    guarded, cost = mesh.sampled(state, seed, True, True)
    said = {
        "jump, points": mesh.indicated("jump", points),
        "jump, averages": mesh.indicated("jump", averages),
        "Löhner (FLASH), points": mesh.indicated("lohner", points, mode="flash"),
        "Löhner (FLASH), averages": mesh.indicated("lohner", averages, mode="flash"),
        "multiresolution, points": mesh.indicated("multiresolution", points),
        "multiresolution, averages": mesh.indicated("multiresolution", averages),
        "Gauss points only": by_gauss > 0.5 * TOLERANCE,
        "jittered": mesh.sampled(state, seed, False, False)[0],
        "jittered, scouts": mesh.sampled(state, seed, True, False)[0],
        "guarded (and zoom)": guarded,
    }
    return said, mesh.deviation(averages, truth, fine) / scale, cost


def measure(
    dim: int, trials: int, seed: int = 1, say: Callable[[str], None] = lambda text: None, only: str = ""
) -> Result:
    """Draw ``trials`` states of each family (of those whose label contains ``only``) and count. By one rank.

    Deterministic by ``seed``.
    """
    mesh = Mesh(dim)
    chosen = [(number, family) for number, family in enumerate(families(dim)) if only in family.label]
    counts: dict[str, dict[str, Count]] = {}
    cost = np.zeros(2)
    for number, family in chosen:
        say(f"{dim}D: {family.label}")
        cost += _count_family(mesh, number, family, trials, seed, counts)
    cost /= trials * len(chosen)
    judged = [family.label for _, family in chosen if family.should_alarm]
    return Result(counts, judged, {"all": float(cost[0]), "scouts": float(cost[1])})


def _count_family(
    mesh: Mesh, number: int, family: Family, trials: int, seed: int, counts: dict[str, dict[str, Count]]
) -> np.ndarray:
    total = np.zeros(2)
    for trial in range(trials):
        rng = np.random.default_rng([seed, mesh.dim, number, trial])
        state = family.draw(Draw(rng, mesh.dim, mesh.n_cell, mesh.quadrature))
        said, deviation, cost = _methods(mesh, state, seed * 1000 + trial)
        for method, alarmed in said.items():
            counts.setdefault(method, {}).setdefault(family.label, Count()).add(deviation, alarmed)
        total += cost
    return total


def table(result: Result, title: str) -> Table:
    """Methods down, families across: recall | false positives."""
    methods = list(result.counts)
    seen = list(result.counts[methods[0]])
    rows = []
    for method in methods:
        cells = [_cell(result.counts[method][family]) for family in seen]
        total = f"{result.recall(method):.3f}|{result.false_positives(method):.3f}"
        rows.append([method, *cells, total, f"{result.mean_recall(method):.3f}"])
    return Table(title, ["recall|false positives", *seen, "all but noise", "mean of families"], rows)


def _cell(count: Count) -> str:
    return "|".join("-" if np.isnan(share) else f"{share:.2f}" for share in (count.recall, count.false_positives))
