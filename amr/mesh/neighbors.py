"""Who lies around a leaf: same level, coarser, finer, or nothing beyond the domain."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from amr.errors import MeshError
from amr.mesh.tree import Forest

SAME, COARSER, FINER, OUTSIDE, SELF = 0, -1, 1, 2, 3


def offsets(dim: int) -> np.ndarray:
    """Offsets D of all slots, int64 (3^dim, 3), zeros in inactive axes; slot s = (Dx+1) + 3 (Dy+1) + 9 (Dz+1)."""
    found = np.zeros((3**dim, 3), np.int64)
    found[:, :dim] = [d[::-1] for d in product((-1, 0, 1), repeat=dim)]
    return found


@dataclass(frozen=True)
class NeighborTable:
    """Neighbours of some leaves of a 2:1 balanced forest.

    Attributes
    ----------
    forest : Forest
    leaves : int32 (q,)
        The leaves asked for.
    relation : int8 (q, 3^dim)
        SAME, COARSER, FINER, OUTSIDE; SELF in the centre. Slots as in `offsets`.
    leaf : int32 (q, 3^dim)
        SAME, COARSER: that leaf. FINER: the leaf at the lowest corner of the neighbour position. OUTSIDE: -1.

    Notes
    -----
    The children of a FINER position that touch the leaf are leaves one level finer. Those that do not touch it may be
    refined again, so that ``leaf + c`` is *not* always child c: ask `children`.
    """

    forest: Forest
    leaves: np.ndarray
    relation: np.ndarray
    leaf: np.ndarray

    def children(self, row: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Children of the neighbour positions at ``slot`` of ``leaves[row]``, in Morton order (x fastest).

        Parameters
        ----------
        row, slot : int array (m,)
            Entries with relation FINER.

        Returns
        -------
        int32 (m, 2^dim)
            Leaf index of each child one level finer; -1 where the child is refined further (never one that touches).
        """
        return self.forest._leaves.neighbor_children(
            np.ascontiguousarray(self.leaves[np.asarray(row)]), np.ascontiguousarray(slot, dtype=np.int32)
        )


def touching_children(dim: int) -> np.ndarray:
    """Which children of the position at each slot touch the block in the centre, bool (3^dim, 2^dim)."""
    bits = np.arange(2**dim)[:, None] >> np.arange(3) & 1
    d = offsets(dim)[:, None, :]
    return ((d == 0) | (bits[None] == (d < 0))).all(axis=2)


def neighbors(forest: Forest, leaves: np.ndarray) -> NeighborTable:
    """Neighbour table of ``leaves`` over faces, edges and corners, through periodic sides.

    Parameters
    ----------
    forest : Forest
        2:1 balanced, at least around ``leaves``.
    leaves : int array (q,)
        Leaf indices; fastest when ascending.

    Returns
    -------
    NeighborTable

    Raises
    ------
    MeshError
        A leaf index is out of range, or a neighbour is more than one level coarser.
    """
    wanted = np.ascontiguousarray(leaves, dtype=np.int32)
    if wanted.ndim != 1 or (len(wanted) and not 0 <= wanted.min() <= wanted.max() < forest.n_leaves):
        raise MeshError(f"leaf indices outside 0..{forest.n_leaves - 1}")
    relation, leaf, is_balanced = forest._leaves.neighbors(wanted)
    if not is_balanced:
        raise MeshError("neighbours asked for on a mesh that is not 2:1 balanced")
    return NeighborTable(forest, wanted, relation, leaf)
