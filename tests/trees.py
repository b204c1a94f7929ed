"""Random forests for the tests of amr/mesh, and slow, obvious answers to compare with."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from amr.mesh.tree import Forest

LIMIT = {1: 200, 2: 300, 3: 400}  # leaves, so that brute force stays quick


def random_forest(dim: int, roots: list[int], periodic: list[bool], max_level: int, seed: int) -> Forest:
    """A forest refined at random places, in general not 2:1 balanced."""
    rng = np.random.default_rng(seed)
    forest = Forest.uniform(dim, roots, periodic, max_level)
    while forest.n_leaves < LIMIT[dim] and rng.random() < 0.9:
        flags = (rng.random(forest.n_leaves) < rng.choice([0.05, 0.3])) & (forest.level < max_level)
        if rng.random() < 0.5:  # one deep hole now and then
            flags[:] = False
            flags[rng.choice(np.flatnonzero(forest.level == forest.level.max()))] = forest.level.max() < max_level
        forest, _, _ = forest.adapt(flags.astype(np.int8))
    return forest


@st.composite
def forests(draw: st.DrawFn, dims: tuple[int, ...] = (1, 2, 3)) -> Forest:
    dim = draw(st.sampled_from(dims))
    roots = draw(st.lists(st.integers(1, 3), min_size=dim, max_size=dim))
    periodic = draw(st.lists(st.booleans(), min_size=dim, max_size=dim))
    return random_forest(
        dim, roots, periodic, draw(st.integers(0, {1: 7, 2: 5, 3: 4}[dim])), draw(st.integers(0, 2**32))
    )


def boxes(forest: Forest, level: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Integer lower and upper corners (n, 3) of the leaves in units of the finest cells of ``max_level``."""
    shift = (forest.max_level - forest.level)[:, None].astype(np.int64)
    low = forest.coords.astype(np.int64) << shift
    high = (forest.coords.astype(np.int64) + 1) << shift
    low[:, forest.dim :], high[:, forest.dim :] = 0, 1
    return low, high


def images(forest: Forest) -> list[np.ndarray]:
    """Translations (in units of `boxes`) to the domain itself and its periodic neighbours."""
    extent = np.array(forest.root_blocks, np.int64) << forest.max_level
    extent[forest.dim :] = 1
    steps = [(-1, 0, 1) if p else (0,) for p in forest.periodic]
    return [np.array(step, np.int64) * extent for step in itertools.product(*steps)]


def touching(forest: Forest) -> np.ndarray:
    """Bool (n, n): do the closed boxes of two leaves meet, directly or through periodic sides?"""
    low, high = boxes(forest)
    meet = np.zeros((forest.n_leaves, forest.n_leaves), bool)
    active = slice(0, forest.dim)
    for move in images(forest):
        a = low[:, None, active] <= (high + move)[None, :, active]
        b = (low + move)[None, :, active] <= high[:, None, active]
        meet |= (a & b).all(axis=2)
    return meet


def brute_is_balanced(forest: Forest) -> bool:
    gap = np.abs(forest.level[:, None].astype(int) - forest.level[None, :])
    return not (touching(forest) & (gap > 1)).any()


def leaf_set(forest: Forest) -> set[tuple[int, int]]:
    return set(zip(forest.level.tolist(), forest.key.tolist(), strict=True))
