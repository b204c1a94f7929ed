"""Operations of the tree, of the decision at a regrid and of the ghost plan, from a thousand leaves to a million, on one rank."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.comm import Comm
from amr.guard.verify import Guard
from amr.indicators import Finder, create_indicator, leaf_state
from amr.indicators.marking import mark, wish
from amr.indicators.regrid import Decider
from amr.indicators.review import findings
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.neighbors import neighbors
from amr.mesh.partition import partition
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill
from amr.scheme.ghosts import GhostFill

if TYPE_CHECKING:
    from amr.physics.base import Physics

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_MAX_LEVEL, _RADIUS, _BLOCK_CELLS = {2: 18, 3: 12}, 0.3, 16


def measure_tree(dim: int, n_leaves: int) -> dict[str, Any]:
    """Seconds of each operation and bytes per leaf, on a shell of refinement with ``n_leaves`` leaves or somewhat more.

    The next regrid refines an eighth of the leaves on the shell and asks to coarsen everything else; the partition is among 1000
    ranks; decision, tables and plan are those of one rank that owns all leaves. ``mark``: flags of all leaves from the wishes
    of all ranks, ``balance`` included, which every rank makes; ``decision``: the rest of a decision, guards included, of own
    leaves. Bytes per leaf: ``replicated`` of the tree, on every rank, and ``marking`` while it marks; where the leaf is owned,
    ``local`` of the neighbour table and the ghost plan, ``peak`` while they are made, and ``deciding``: what is found, what is
    made of it and what is remembered. Not collective.
    """
    forest = _shell(dim, n_leaves)
    on_shell = _is_on_shell(forest)
    wanted = np.where(on_shell, 0, -1).astype(np.int8)
    wanted[np.flatnonzero(on_shell)[::8]] = 1
    physics = create_physics("euler", dim, {"gamma": 5 / 3})
    layout = Layout(dim, _BLOCK_CELLS, 2, physics.n_var)
    geometry = Geometry([-0.5] * dim, [0.5] * dim, [1] * dim, _BLOCK_CELLS)
    boundary = BoundaryFill(physics, layout, geometry, ["periodic"] * (2 * dim))
    parts = Comm.self_(), layout, physics.spec, boundary
    decide, found_bytes = _decision(forest, on_shell, physics, layout, geometry)
    # Those on the shell are hot all over, the others would rather be coarser.
    wishes = wish(forest, slice(0, forest.n_leaves), _near(on_shell, dim), ~on_shell)
    weights = np.random.default_rng(1).uniform(1.0, 2.0, forest.n_leaves)
    leaves, starts = np.arange(forest.n_leaves), np.array([0, forest.n_leaves])
    operations = {
        "balance": lambda: balance_flags(forest, wanted),
        "adapt": lambda: forest.adapt(balance_flags(forest, wanted)),
        "partition": lambda: partition(weights, 1000),
        "mark": lambda: mark(forest, wishes),
        "decision": decide,
        "neighbors": lambda: neighbors(forest, leaves),
        "ghost_plan": lambda: GhostFill(forest, starts, *parts).free(),
    }
    seconds = {name: _best(operation, 3 if n_leaves < 1_000_000 else 1) for name, operation in operations.items()}
    seconds["adapt"] = max(seconds["adapt"] - seconds["balance"], 0.0)
    seconds["decision"] = max(seconds["decision"] - seconds["mark"], 0.0)
    marking = wishes.nbytes + _peak(lambda: mark(forest, wishes))
    deciding = found_bytes + _peak(decide)
    tracemalloc.start()
    copy = forest.adapt(np.zeros(forest.n_leaves, np.int8))[0]
    replicated = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    plan = GhostFill(forest, starts, *parts)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    plan.free()
    return {
        "dim": dim,
        "leaves": forest.n_leaves,
        "seconds": seconds,
        "total_seconds": sum(seconds.values()) - seconds["neighbors"] - seconds["balance"],
        "replicated_bytes": replicated / copy.n_leaves,
        "marking_bytes": marking / forest.n_leaves,
        "deciding_bytes": deciding / forest.n_leaves,
        "local_bytes": (now - replicated) / forest.n_leaves,
        "peak_bytes": (peak - replicated) / forest.n_leaves,
    }


def _decision(
    forest: Forest, on_shell: np.ndarray, physics: Physics, layout: Layout, geometry: Geometry
) -> tuple[Callable[[], Any], int]:
    """A decision of the default indicator and guards: the leaves on the shell are hot; bytes of what it is made from."""
    indicator = create_indicator("multiresolution", physics)
    guard = Guard(physics, layout, indicator.variables)
    decider = Decider(Finder(Comm.self_(), physics, layout, geometry, [indicator], guard=guard))
    mesh = _Whole(
        forest, slice(0, forest.n_leaves), np.array([forest.n_leaves]), forest.level, geometry.spacing(forest.level)
    )
    refine, coarsen = decider.finder.own_thresholds(mesh)
    found = np.zeros(forest.n_leaves, dtype=findings(refine.shape[1]))
    found["eta"] = found["parent"] = np.where(on_shell[:, None], 2 * refine, 0.0)
    found["detail"] = np.where(on_shell, 1.0, 0.0)
    found["near"] = _near(on_shell, forest.dim)
    no_wait = np.ones(forest.n_leaves)

    def decide() -> None:
        decider.leaf = leaf_state.start(forest.n_leaves)
        values = decider.finder.leaves(found, refine, coarsen).values()
        decider._mark(mesh, found, values, no_wait, refine, coarsen, False)

    return decide, found.nbytes


@dataclass
class _Whole:
    """All leaves as the blocks of one rank."""

    forest: Forest
    leaves: slice
    n_of_rank: np.ndarray
    level: np.ndarray
    spacing: np.ndarray


def _near(on_shell: np.ndarray, dim: int) -> np.ndarray:
    return np.where(on_shell, np.uint32((1 << 3**dim) - 1), np.uint32(0))


def _peak(operation: Callable[[], Any]) -> int:
    """Most bytes that a call takes."""
    tracemalloc.start()
    operation()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _shell(dim: int, n_leaves: int) -> Forest:
    """A periodic box, refined where a sphere passes, level by level, until it has ``n_leaves`` leaves."""
    forest = Forest.uniform(dim, 1, True, _MAX_LEVEL[dim])
    while forest.n_leaves < n_leaves:
        flags = (_is_on_shell(forest) & (forest.level == forest.level.max())).astype(np.int8)
        if not flags.any():
            flags[:] = 1
        flags = balance_flags(forest, flags)
        grown = forest.adapt(flags)[0]
        if grown.n_leaves > 1.2 * n_leaves:  # refine a part of the last level only
            refined = np.flatnonzero(flags > 0)
            enough = (n_leaves - forest.n_leaves) // (forest.n_children - 1) + 1
            flags[refined[enough:]] = 0
            return forest.adapt(balance_flags(forest, flags))[0]
        forest = grown
    return forest


def _is_on_shell(forest: Forest) -> np.ndarray:
    """Bool (n_leaves,): whether the sphere passes through the leaf."""
    width = 0.5 ** forest.level.astype(np.float64)
    centre = (forest.coords[:, : forest.dim] + 0.5) * width[:, None] - 0.5
    distance = np.abs(np.sqrt((centre**2).sum(axis=1)) - _RADIUS)
    inside: np.ndarray = distance < 0.5 * np.sqrt(forest.dim) * width
    return inside


def _best(operation: Any, n_times: int) -> float:
    """Least seconds of some calls."""
    best = np.inf
    for _ in range(n_times):
        start = perf_counter()
        operation()
        best = min(best, perf_counter() - start)
    return float(best)
