"""The potential of masses as seen from outside: moments about the centre of mass, the same bits on any number of ranks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from amr._kernels.sums import FixedSum, block_sums
from amr.mesh.pool import Layout, aligned_zeros

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.scheme.local_mesh import LocalMesh

_CHUNK_CELLS = 1 << 16  # cells at once, so that the temporaries do not grow with the mesh


@dataclass(frozen=True)
class Multipole:
    """Mass, centre and second moments of a density.

    Attributes
    ----------
    mass : float
        Integral of the density.
    center : float64 (dim,)
        Centre of mass: the dipole about it is zero.
    second : float64 (dim, dim)
        Integral of density (x_i - center_i) (x_j - center_j).
    """

    mass: float
    center: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, density: np.ndarray, mesh: LocalMesh, comm: Comm) -> Multipole:
        """Of the interior cells of ``density`` (n_block, nk, nj, ni); collective."""
        dim, n = mesh.geometry.dim, mesh.geometry.n
        pairs = list(combinations_with_replacement(range(dim), 2))
        layout = Layout(dim, n, 0, 1 + dim + len(pairs))
        # About the middle of the domain: moments about a far point would cancel.
        middle = 0.5 * (np.asarray(mesh.geometry.lower) + np.asarray(mesh.geometry.upper))[:dim]
        total = FixedSum(layout.n_var)
        size = max(1, _CHUNK_CELLS // layout.cells)
        for first in range(0, mesh.n_block, size):
            blocks = slice(first, first + size)
            x = mesh.cell_centers(blocks) - middle.reshape(-1, 1, 1, 1, 1)
            rho = density[blocks]
            values = aligned_zeros((len(rho), *layout.shape))
            values[:, 0] = rho
            for a in range(dim):
                values[:, 1 + a] = rho * x[a]
            for q, (a, b) in enumerate(pairs):
                values[:, 1 + dim + q] = rho * x[a] * x[b]
            total.add(block_sums(layout, values), mesh.cell_volume[blocks])
        moments = FixedSum.from_limbs(comm.allreduce_sum_int(total.limbs)).values()
        # Cells as points: their own second moments, mass h^2 / 12, are equal along all axes of cubes and drop out.
        mass, offset = float(moments[0]), moments[1 : 1 + dim] / moments[0]
        second = np.empty((dim, dim))
        for q, (a, b) in enumerate(pairs):
            second[a, b] = second[b, a] = moments[1 + dim + q] - mass * offset[a] * offset[b]
        return cls(mass, middle + offset, second)

    def potential(self, x: np.ndarray, G: float) -> np.ndarray:
        """Solution of ``laplace(phi) = 4 pi G rho`` at points x (dim, m) outside the mass, up to the quadrupole: (m,).

        3D: -GM/r, zero at infinity; 2D: 2 GM ln r; 1D: 2 pi GM |x|, exact.
        """
        d = x - self.center[:, None]
        square = (d * d).sum(axis=0)
        r = np.sqrt(square)
        if len(d) == 1:
            return 2 * np.pi * G * self.mass * r
        traceless = len(d) * np.einsum("im,ij,jm->m", d, self.second, d) - square * np.trace(self.second)
        if len(d) == 2:
            return 2 * G * self.mass * np.log(r) - G * traceless / square**2
        return -G * self.mass / r - 0.5 * G * traceless / (square**2 * r)
