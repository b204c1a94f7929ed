"""2:1 balance over faces, edges and corners, through periodic sides."""

from __future__ import annotations

import numpy as np

import amr._kernels.mark as _c
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
    _c.balance_flags(forest._leaves, forest.max_level, wanted)
    return wanted


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
