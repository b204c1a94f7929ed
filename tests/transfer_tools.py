"""Meshes and fields for the tests of ghosts, reflux and regrid."""

from __future__ import annotations

import numpy as np

from amr.comm import Comm
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.pool import Layout, aligned_zeros
from amr.mesh.tree import Forest
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill, Condition
from amr.scheme.ghosts import GhostFill

ROOTS = {1: (6, 1, 1), 2: (3, 2, 1), 3: (2, 2, 1)}


def random_forest(dim, seed, root=None, periodic=(False,) * 3, n_level=3, share=0.35):
    """A balanced forest of up to ``n_level`` levels, refined at random."""
    rng = np.random.default_rng(seed)
    forest = Forest.uniform(dim, root or ROOTS[dim], periodic, n_level - 1)
    for _ in range(n_level - 1):
        flags = (rng.random(forest.n_leaves) < share).astype(np.int8)
        forest = forest.adapt(balance_flags(forest, flags))[0]
    return forest


def even_starts(forest, size):
    """Cut of the leaves into ``size`` nearly equal parts."""
    return np.arange(size + 1, dtype=np.int64) * len(forest.level) // size


def geometry_of(forest, n):
    """Unit root blocks with the lower corner at 0."""
    dim = forest.dim
    return Geometry(np.zeros(dim), np.array(forest.root_blocks[:dim], dtype=float), forest.root_blocks, n)


def cell_index(forest, leaves, layout):
    """Integer cell positions (3 arrays (n_block, nk, nj, ni)) on the level of each block, ghosts included."""
    result = []
    for a in range(3):
        i = np.arange(layout.extent[a]) - layout.ghost[a]
        shape = [1, 1, 1, 1]
        shape[3 - a] = len(i)
        scale = layout.n if a < layout.dim else 1
        at = forest.coords[leaves, a].astype(np.int64)[:, None, None, None] * scale + i.reshape(shape)
        result.append(np.broadcast_to(at, (len(leaves), *layout.shape[1:])))
    return result


def cell_centers(forest, leaves, layout, geometry):
    """Centres (dim, n_block, nk, nj, ni), ghosts included; not wrapped at periodic boundaries."""
    index = cell_index(forest, leaves, layout)
    h = geometry.spacing(forest.level[leaves])
    return np.stack([geometry.lower[a] + (index[a] + 0.5) * h[:, a, None, None, None] for a in range(layout.dim)])


def interior(u, layout):
    """View of the interior cells."""
    return u[(slice(None), slice(None), *layout.interior)]


def pool_from_interior(values, layout):
    """Pool with the interior of ``values`` and NaN ghosts."""
    u = aligned_zeros((len(values), *layout.shape))
    u[:] = np.nan
    interior(u, layout)[:] = interior(values, layout)
    return u


def euler(dim, **parameters):
    """The Euler equations."""
    return create_physics("euler", dim, parameters)


def linear_state(x, t=0.0):
    """Conserved Euler variables (dim + 2, ...) linear in x (dim, ...); density and pressure stay positive for |x| < 10."""
    dim = len(x)
    weights = np.arange(1, dim + 1).reshape(dim, *[1] * (x.ndim - 1))
    s = (weights * x).sum(axis=0) + t
    return np.stack([10 + 0.1 * s, *[0.3 * (a + 1) - 0.2 * s for a in range(dim)], 200 + 1.5 * s])


def random_state(rng, shape, dim):
    """Random physical Euler states (dim + 2, *shape)."""
    return np.stack([1 + rng.random(shape), *rng.standard_normal((dim, *shape)), 20 + rng.random(shape)])


def conditions(forest, kind):
    """The same condition on every side, periodic along periodic axes."""
    return ["periodic" if forest.periodic[d // 2] else kind for d in range(2 * forest.dim)]


def linear_condition(physics):
    """Function condition whose conserved state is `linear_state`."""

    def linear(x, t, w):
        return physics.unpack_primitives(physics.to_primitive(linear_state(x, t)))

    return Condition("function", function=linear, name="linear")


def make_fill(forest, physics, n, g, kind, comm=None, starts=None):
    """GhostFill of the whole forest (one rank unless told otherwise) with its layout."""
    comm = comm or Comm.self_()
    starts = even_starts(forest, comm.size) if starts is None else starts
    layout = Layout(forest.dim, n, g, physics.n_var)
    boundary = BoundaryFill(physics, layout, geometry_of(forest, n), conditions(forest, kind))
    return GhostFill(forest, starts, comm, layout, physics.spec, boundary), layout


def regridded(dim, seed, share=0.4):
    """A mesh, the one after random refinement and coarsening, and where its leaves come from."""
    old = random_forest(dim, seed, periodic=(False, False, False))
    rng = np.random.default_rng(seed + 100)
    flags = rng.choice([-1, 0, 1], size=old.n_leaves, p=[0.5, 0.5 - share / 2, share / 2]).astype(np.int8)
    # Whole families at once, so that some do coarsen.
    parent = np.unique(
        np.column_stack([old.level, old.coords >> np.array([a < dim for a in range(3)])]), axis=0, return_inverse=True
    )[1].ravel()
    flags = flags[parent]
    new, source, change = old.adapt(balance_flags(old, flags))
    return old, new, source, change


def uneven_starts(n_leaves: int, size: int) -> list[np.ndarray]:
    """An even cut, and one that leaves the first rank empty."""
    even = np.arange(size + 1) * n_leaves // size
    lopsided = np.minimum(np.arange(size + 1) ** 2 * 2, n_leaves)
    lopsided[1 if size > 1 else 0] = 0
    lopsided[-1] = n_leaves
    return [even.astype(np.int64), lopsided.astype(np.int64)]
