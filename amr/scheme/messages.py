"""Where each box op stands in the message between two ranks: both sides lay it out alike without talking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amr.mesh.pool import aligned_zeros
from amr.scheme.ops import LeafOps


@dataclass(frozen=True)
class Messages:
    """What one rank packs or unpacks: op rows per kind (in the order they were given), and the cells of each peer's message."""

    rows: list[np.ndarray]
    cells: dict[int, int]

    def buffers(self, n_var: int) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """One array for all messages and its part for each peer."""
        whole = aligned_zeros((sum(self.cells.values()) * n_var,))
        parts, first = {}, 0
        for peer, cells in self.cells.items():
            parts[peer] = whole[first * n_var : (first + cells) * n_var]
            first += cells
        return whole, parts


def messages(kinds: list[LeafOps], peers: list[np.ndarray], src: list[np.ndarray], dst: list[np.ndarray]) -> Messages:
    """Give every op its place in the message of its peer: by peer, then by kind, then in the order of the list.

    Parameters
    ----------
    kinds : list of LeafOps
    peers, src, dst : list of int (m,)
        For each op of each kind: the other rank, the local source and destination block (0 where it is remote).
    """
    peer = np.concatenate(peers)
    cells = np.concatenate([ops.cells for ops in kinds])
    order = np.argsort(peer, kind="stable")
    place = np.empty(len(peer), dtype=np.int64)
    place[order] = np.cumsum(cells[order]) - cells[order]
    splits = np.cumsum([len(ops.src) for ops in kinds])[:-1]
    rows = [ops.rows(s, d, at) for ops, s, d, at in zip(kinds, src, dst, np.split(place, splits), strict=True)]
    counts = np.bincount(peer, weights=cells) if len(peer) else np.zeros(0)
    return Messages(rows, {int(p): int(counts[p]) for p in np.flatnonzero(counts)})
