"""A distributed state on a refined mesh with known contents, for the tests of amr.io."""

from __future__ import annotations

import numpy as np

from amr.comm import Comm
from amr.io.snapshot import Snapshot
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.partition import partition
from amr.mesh.pool import Layout, aligned_zeros
from amr.mesh.tree import Forest
from amr.physics import create_physics

LOWER, UPPER, ROOTS = (-0.5, 0.0, 1.0), (0.5, 1.5, 2.0), (2, 3, 2)


def forest(dim: int, max_level: int = 2) -> Forest:
    """A tree refined around a point off the middle."""
    tree = Forest.uniform(dim, ROOTS[:dim], False, max_level)
    for _ in range(max_level):
        centre = (tree.coords[:, :dim] + 0.5) / (np.array(ROOTS[:dim]) * 2.0 ** tree.level[:, None])
        flags = (np.abs(centre - 0.4).max(axis=1) < 0.2).astype(np.int8)
        flags[tree.level == max_level] = 0
        tree = tree.adapt(balance_flags(tree, flags))[0]
    return tree


def primitive_state(x: np.ndarray, dim: int) -> dict[str, np.ndarray]:
    """Density, velocity and pressure at points (dim, ...)."""
    wave = np.sin(2.0 * x[0]) * (np.cos(3.0 * x[1]) if dim > 1 else 1.0)
    return {
        "density": 2.0 + wave,
        "velocity": np.stack([x[a] * (a + 1) for a in range(dim)]),
        "pressure": 1.0 + x[0] ** 2,
    }


def snapshot(
    dim: int, comm: Comm | None = None, n: int = 8, max_level: int = 2, time: float = 0.125, step: int = 7
) -> Snapshot:
    """The state of `primitive_state` at the cell centres; ghosts are NaN, so that no writer can use them unseen."""
    comm = comm or Comm.self_()
    tree = forest(dim, max_level)
    physics = create_physics("euler", dim, {"gamma": 1.4})
    layout = Layout(dim, n, 2, physics.n_var)
    geometry = Geometry(LOWER[:dim], UPPER[:dim], ROOTS[:dim], n)
    starts = partition(np.ones(tree.n_leaves), comm.size)
    own = slice(int(starts[comm.rank]), int(starts[comm.rank + 1]))
    u = aligned_zeros((own.stop - own.start, *layout.shape))
    u[...] = np.nan
    x = geometry.cell_centers(tree.level[own], tree.coords[own])
    w = physics.pack_primitives(
        {k: v.reshape(dim, -1) if k == "velocity" else v.ravel() for k, v in primitive_state(x, dim).items()}
    )
    states = physics.to_conserved(w).reshape(physics.n_var, *x.shape[1:]).swapaxes(0, 1)
    u[(slice(None), slice(None), *layout.interior)] = states
    return Snapshot(
        tree, starts, comm, layout, geometry, physics, u, time, step, {"ledger": {"mass": [1, 2]}, "x": 0.1}
    )
