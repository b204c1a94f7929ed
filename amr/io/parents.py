"""All blocks of the tree level by level, covered parents included, for formats that want overlapping levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from amr.comm import exchange_once

if TYPE_CHECKING:
    from amr.io.snapshot import Snapshot


@dataclass(frozen=True)
class LevelBlocks:
    """The blocks of one level, leaves and covered parents, in SFC order.

    Attributes
    ----------
    coords : int32 (m, 3)
        Of all ranks' blocks.
    key : int64 (m,)
    owner : int64 (m,)
        A leaf's rank; a parent's is that of its first child. It never decreases along the curve.
    first : int
        This rank's first block.
    data : float64 (m_own, n_var, nk, nj, ni)
        Interiors of this rank's blocks; a parent holds the averages of its children.
    """

    coords: np.ndarray
    key: np.ndarray
    owner: np.ndarray
    first: int
    data: np.ndarray


def blocks_by_level(snapshot: Snapshot) -> list[LevelBlocks]:
    """Blocks of levels 0 to the finest present. Collective."""
    forest = snapshot.forest
    owner = np.repeat(np.arange(snapshot.comm.size), np.diff(snapshot.starts))
    rank, key_here = snapshot.comm.rank, forest.key[snapshot.leaves]
    levels: list[LevelBlocks] = []
    finer: LevelBlocks | None = None
    for level in range(int(forest.level.max(initial=0)), -1, -1):
        leaves = np.flatnonzero(forest.level == level)
        own = np.flatnonzero(snapshot.level == level)
        coords, key, owners = forest.coords[leaves], forest.key[leaves], owner[leaves]
        data = np.ascontiguousarray(snapshot.u[(own, slice(None), *snapshot.layout.interior)])
        if finer is not None:
            parents = _parents(finer, snapshot)
            coords = np.concatenate([coords, parents.coords])
            key = np.concatenate([key, parents.key])
            # The rank's own blocks are in the order of keys, too, so one order sorts both.
            own_key = np.concatenate([key_here[own], parents.key[parents.owner == rank]])
            data = np.concatenate([data, parents.data])[np.argsort(own_key)]
            owners = np.concatenate([owners, parents.owner])
            order = np.argsort(key)
            coords, key, owners = coords[order], key[order], owners[order]
        first = int(np.searchsorted(owners, rank))
        finer = LevelBlocks(coords, key, owners, first, data)
        levels.append(finer)
    return levels[::-1]


def _parents(finer: LevelBlocks, snapshot: Snapshot) -> LevelBlocks:
    """The covered parents of a level's blocks (siblings stand together: 2^dim of them per parent)."""
    layout, comm = snapshot.layout, snapshot.comm
    n_child = 1 << layout.dim
    parent = np.arange(len(finer.key)) // n_child
    owner = finer.owner[::n_child]
    to = owner[parent]
    mine = slice(finer.first, finer.first + len(finer.data))
    small = _restrict(finer.data, layout.dim)
    send = {int(r): small[to[mine] == r] for r in np.unique(to[mine]) if r != comm.rank}
    incoming = np.flatnonzero((to == comm.rank) & (finer.owner != comm.rank))
    sources, counts = np.unique(finer.owner[incoming], return_counts=True)
    block = int(np.prod(small.shape[1:]))
    sizes = {int(r): int(c) * block for r, c in zip(sources, counts, strict=True)}
    received = exchange_once(comm, send, sizes)
    own = np.flatnonzero(owner == comm.rank)
    children = np.flatnonzero(to == comm.rank)
    octants = np.empty((len(children), *small.shape[1:]))
    octants[finer.owner[children] == comm.rank] = small[to[mine] == comm.rank]
    for rank, data in received.items():
        octants[finer.owner[children] == rank] = data.reshape(-1, *small.shape[1:])
    return LevelBlocks(
        finer.coords[::n_child] // 2, finer.key[::n_child], owner, 0, _assemble(octants, len(own), layout.dim)
    )


def _restrict(data: np.ndarray, dim: int) -> np.ndarray:
    """Averages over 2^dim cells: (m, n_var, nk, nj, ni) to half the cells along each active axis."""
    for axis in range(dim):
        # Axis 0 is the last of the array.
        at = data.ndim - 1 - axis
        shape = (*data.shape[:at], data.shape[at] // 2, 2, *data.shape[at + 1 :])
        data = data.reshape(shape).mean(axis=at + 1)
    return data


def _assemble(octants: np.ndarray, n_parent: int, dim: int) -> np.ndarray:
    """Parents (n_parent, n_var, nk, nj, ni) from the restricted children, (n_parent * 2^dim, n_var, ...), x fastest."""
    n_var, *cells = octants.shape[1:]
    out = np.empty((n_parent, n_var, *[c * 2 if 2 - a < dim else c for a, c in enumerate(cells)]))
    grouped = octants.reshape(n_parent, 1 << dim, n_var, *cells)
    for child in range(1 << dim):
        where = [slice(c * (child >> (2 - a) & 1), c * ((child >> (2 - a) & 1) + 1)) for a, c in enumerate(cells)]
        out[(slice(None), slice(None), *where)] = grouped[:, child]
    return out
