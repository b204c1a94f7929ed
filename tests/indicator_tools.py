"""What the tests of indicators and marking share: layouts, coordinates in cells, communicators without MPI."""

from pathlib import Path

import numpy as np

from amr.mesh.pool import Layout

CASES = Path(__file__).resolve().parents[1] / "cases"


def layout_of(dim, n=8, n_var=1):
    """Layout with two ghost layers."""
    return Layout(dim, n, 2, n_var)


def points(layout):
    """Cell coordinates (x, y, z), broadcastable to (nk, nj, ni), counted in cells from the first interior cell."""
    axes = [np.arange(-layout.ghost[a], layout.extent[a] - layout.ghost[a], dtype=float) for a in range(3)]
    return [axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]][: layout.dim]


class OneRank:
    """A communicator of one rank."""

    rank, size = 0, 1

    def allreduce_max(self, values):
        return np.array(values, dtype=float)

    def allgatherv(self, array):
        return array.copy()

    def agree(self, error):
        if error is not None:
            raise error
