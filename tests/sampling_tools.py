"""What the tests of sampling and scouts share: a function on the blocks of a mesh, refined while it is alarmed."""

import numpy as np

from amr.guard.sampling import Sampler
from amr.indicators import create_indicator
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.tree import Forest
from amr.physics import create_physics
from tests.indicator_tools import OneRank, evaluate, layout_of


class Trial:
    """A function of one variable in [0, 1]^dim on ``blocks`` root blocks per axis."""

    def __init__(self, function, dim, blocks, n=16, max_level=5, seed=0, comm=None, **options):
        self.function, self.dim, self.n, self.max_level = function, dim, n, max_level
        self.geometry = Geometry([0.0] * dim, [1.0] * dim, [blocks] * dim, n)
        self.forest = Forest.uniform(dim, [blocks] * dim, [True] * dim, max_level)
        options.setdefault("quadrature", 2 if dim == 3 else 3)
        self.sampler = Sampler(lambda x: function(x)[None], self.geometry, comm or OneRank(), 1, seed=seed, **options)

    def sample(self, leaves=slice(None)):
        """Sample some leaves; their averages (n_block, n, ..., n) are left in ``averages``."""
        level, coords = self.forest.level[leaves], self.forest.coords[leaves]
        u = np.empty((len(level), 1, *(self.n,) * self.dim))
        found = self.sampler.sample(u, level, coords, self.max_level)
        self.averages = u[:, 0]
        return found

    def refine(self):
        """Refine while something asks for it, as a simulation starts; return the number of leaf cells."""
        for _ in range(self.max_level + 1):
            flags = balance_flags(self.forest, self.sample().refine.astype(np.int8))
            if not flags.any():
                break
            self.forest = self.forest.adapt(flags)[0]
        return self.forest.n_leaves * self.n**self.dim

    def indicated(self, name, **parameters):
        """Blocks that a classical indicator asks to refine, on point samples at the cells' centres."""
        layout = layout_of(self.dim, self.n)
        physics = create_physics("advection", self.dim, {"velocity": [1.0] * self.dim})
        indicator = create_indicator(name, physics, parameters)
        x = self.geometry.cell_centers(self.forest.level, self.forest.coords, 2)
        u = self.function(x.reshape(self.dim, -1)).reshape(-1, 1, *layout.shape[1:])
        return evaluate(indicator, physics, layout, u)[0] > indicator.refine


def wave(k, phase=0.0, axis=0):
    """sin(2 pi k x + phase) along an axis."""
    return lambda x: np.sin(2 * np.pi * k * x[axis] + phase)


def one_per_block(dim, blocks, seed, shape, n=16):
    """One feature in each block, ``shape(r)`` with r (dim, m) the distance from its random centre in cells of n per block."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(1, n - 1, (dim, *(blocks,) * dim))

    def function(x):
        block = np.minimum((x * blocks).astype(int), blocks - 1)
        return shape(n * (x * blocks - block) - centre[(slice(None), *block)])

    return function
