"""2:1 balance over faces, edges and corners, through periodic sides."""

from __future__ import annotations

import numpy as np

from amr.errors import MeshError
from amr.mesh.tree import Forest


def balance_flags(forest: Forest, flags: np.ndarray) -> np.ndarray:
    """Nearest flags that `Forest.adapt` can carry out and that keep the mesh 2:1 balanced.

    Every refinement below max_level is kept, and the refinements that 2:1 needs are added (the fewest possible). A
    coarsening is kept when the whole group of siblings asks for it and no leaf beside their parent ends more than one
    level finer (the most possible).

    Parameters
    ----------
    forest : Forest
        2:1 balanced.
    flags : int array (n_leaves,)
        -1, 0 or +1; not changed.

    Returns
    -------
    int8 (n_leaves,)
    """
    wanted = np.array(flags, dtype=np.int8)
    if wanted.shape != forest.level.shape:
        raise MeshError(f"{wanted.shape} flags for {forest.n_leaves} leaves")
    if wanted.min() < -1 or wanted.max() > 1:
        raise MeshError("a flag is none of -1, 0, +1")
    wanted[(wanted > 0) & (forest.level >= forest.max_level)] = 0
    refine = np.flatnonzero(wanted > 0)
    if len(refine):
        forest._leaves.balance_refine(wanted, refine)
    coarsen = wanted < 0
    if not coarsen.any():
        return wanted
    group = whole_groups(forest, coarsen)
    wanted[coarsen] = 0
    wanted[(group[:, None] + np.arange(forest.n_children)).ravel()] = -1
    # Whether a group may coarsen depends on finer groups only: finest first settles it in one pass.
    finest_first = group[np.argsort(-forest.level[group], kind="stable")]
    forest._leaves.balance_coarsen(wanted, finest_first.astype(np.int32))
    return wanted


def whole_groups(forest: Forest, wanted: np.ndarray) -> np.ndarray:
    """First leaves of the groups of 2^dim siblings that are all leaves and all ``wanted``."""
    x, y, z = forest.coords.T
    first = np.flatnonzero(wanted & (forest.level > 0) & ((x | y | z) & 1 == 0))
    first = first[first <= forest.n_leaves - forest.n_children]
    whole = np.ones(len(first), bool)
    for child in range(1, forest.n_children):
        # The leaves after a first child lie in the parent; those on the child level are its children.
        whole &= wanted[first + child] & (forest.level[first + child] == forest.level[first])
    return first[whole]


def balance(forest: Forest) -> Forest:
    """Coarsest 2:1 balanced forest that is nowhere coarser than ``forest``; exact after one call."""
    active = np.flatnonzero(forest.level > 1)
    while len(active):
        flags = np.zeros(forest.n_leaves, np.int8)
        unsettled = forest._leaves.balance_refine(flags, active, report_open=True)
        if not flags.any():
            return forest
        forest, source, change = forest.adapt(flags)
        # New leaves ask for more than their parents did; others only where one level was not enough.
        active = np.flatnonzero((change > 0) | (unsettled[source] > 0))
    return forest


def is_balanced(forest: Forest) -> bool:
    """Whether no leaf touches a leaf more than one level coarser."""
    return forest._leaves.first_unbalanced() < 0
