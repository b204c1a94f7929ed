"""Operations of the tree and of the ghost plan, from a thousand leaves to a million, on one rank."""

from __future__ import annotations

import tracemalloc
from time import perf_counter
from typing import Any

import numpy as np

from amr.comm import Comm
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.neighbors import neighbors
from amr.mesh.partition import partition
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill
from amr.scheme.ghosts import GhostFill

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_MAX_LEVEL, _RADIUS, _BLOCK_CELLS = {2: 18, 3: 12}, 0.3, 16


def measure_tree(dim: int, n_leaves: int) -> dict[str, Any]:
    """Seconds of each operation and bytes per leaf, on a shell of refinement with ``n_leaves`` leaves or somewhat more.

    The next regrid refines an eighth of the leaves on the shell and asks to coarsen everything else; the partition is among 1000
    ranks, the tables and the plan are those of one rank that owns all leaves. Bytes per leaf: ``replicated`` of the tree, on
    every rank; ``local`` of the neighbour table and the ghost plan, where the leaf is owned; ``peak`` while they are made.
    Not collective.
    """
    forest = _shell(dim, n_leaves)
    on_shell = _is_on_shell(forest)
    wanted = np.where(on_shell, 0, -1).astype(np.int8)
    wanted[np.flatnonzero(on_shell)[::8]] = 1
    parts = _ghost_parts(dim)
    weights = np.random.default_rng(1).uniform(1.0, 2.0, forest.n_leaves)
    leaves, starts = np.arange(forest.n_leaves), np.array([0, forest.n_leaves])
    operations = {
        "balance": lambda: balance_flags(forest, wanted),
        "adapt": lambda: forest.adapt(balance_flags(forest, wanted)),
        "partition": lambda: partition(weights, 1000),
        "neighbors": lambda: neighbors(forest, leaves),
        "ghost_plan": lambda: GhostFill(forest, starts, *parts).free(),
    }
    seconds = {name: _best(operation, 3 if n_leaves < 1_000_000 else 1) for name, operation in operations.items()}
    seconds["adapt"] = max(seconds["adapt"] - seconds["balance"], 0.0)
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
        "total_seconds": sum(seconds.values()) - seconds["neighbors"],
        "replicated_bytes": replicated / copy.n_leaves,
        "local_bytes": (now - replicated) / forest.n_leaves,
        "peak_bytes": (peak - replicated) / forest.n_leaves,
    }


def _ghost_parts(dim: int) -> tuple[Any, ...]:
    """What `GhostFill` takes after the forest and its partition."""
    physics = create_physics("euler", dim, {"gamma": 5 / 3})
    layout = Layout(dim, _BLOCK_CELLS, 2, physics.n_var)
    geometry = Geometry([-0.5] * dim, [0.5] * dim, [1] * dim, _BLOCK_CELLS)
    boundary = BoundaryFill(physics, layout, geometry, ["periodic"] * (2 * dim))
    return Comm.self_(), layout, physics.spec, boundary


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
