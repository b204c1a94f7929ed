"""What the tests of indicators and marking share: layouts, coordinates in cells, communicators without MPI."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from amr._kernels import indicate as kernel
from amr.comm import Comm
from amr.errors import AMRError
from amr.indicators.fields import Fields
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest

CASES = Path(__file__).resolve().parents[1] / "cases"


def layout_of(dim, n=8, n_var=1):
    """Layout with two ghost layers."""
    return Layout(dim, n, 2, n_var)


def points(layout):
    """Cell coordinates (x, y, z), broadcastable to (nk, nj, ni), counted in cells from the first interior cell."""
    axes = [np.arange(-layout.ghost[a], layout.extent[a] - layout.ghost[a], dtype=float) for a in range(3)]
    return [axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]][: layout.dim]


def evaluate(indicator, physics, layout, u, buffer=0):
    """Block values and masks of a built-in indicator on all blocks of ``u``, whose ghosts are filled."""
    fields = Fields(physics, layout, indicator.variables)
    fields.measure(u, OneRank())
    tau = np.full((len(u), len(indicator.variables)), indicator.refine)
    found = kernel.Indicated(tau, layout.n_var)
    blocks = np.arange(len(u), dtype=np.int32)
    kernel.indicate(physics.spec, layout, u, blocks, indicator.jobs(fields, buffer, 0), found)
    return found.eta.max(axis=1), np.bitwise_or.reduce(found.near, axis=1)


class OneRank:
    """A communicator of one rank."""

    rank, size = 0, 1

    def allreduce_max(self, values):
        return np.array(values, dtype=float)

    def allreduce_sum_int(self, values):
        return np.array(values, dtype=np.int64)

    def allreduce_or(self, values):
        return values

    def any(self, flag):
        return bool(flag)

    def allgatherv(self, array, counts=None):
        return array.copy()

    def agree(self, error):
        if error is not None:
            raise error

    agreed = Comm.agreed


class ThreadRank:
    """One of several ranks that are threads of this process; `run` starts them."""

    agreed = Comm.agreed

    def __init__(self, rank, size, shared):
        self.rank, self.size = rank, size
        self._board, self._barrier = shared

    def _exchange(self, item):
        self._board[self.rank] = item
        self._barrier.wait(30)
        everything = list(self._board)
        self._barrier.wait(30)
        return everything

    def allreduce_max(self, values):
        return np.max(self._exchange(np.array(values, dtype=float)), axis=0)

    def allreduce_sum_int(self, values):
        return np.sum(self._exchange(np.array(values, dtype=np.int64)), axis=0)

    def allreduce_or(self, values):
        return np.bitwise_or.reduce(self._exchange(values))

    def any(self, flag):
        return any(self._exchange(bool(flag)))

    def allgatherv(self, array, counts=None):
        return np.concatenate(self._exchange(array))

    def agree(self, error):
        for found in self._exchange(error):
            if found is not None:
                raise type(found)(str(found))

    @staticmethod
    def run(size, function):
        """``[function(comm) for each rank]``, at the same time; an exception is returned in place of a result."""
        shared = ([None] * size, threading.Barrier(size))

        def guarded(rank):
            try:
                return function(ThreadRank(rank, size, shared))
            except AMRError as error:
                return error

        with ThreadPoolExecutor(size) as pool:
            return list(pool.map(guarded, range(size)))


class LocalBlocks:
    """The part of a mesh that `Decider.decide` reads, for leaves ``start <= leaf < stop``."""

    def __init__(self, forest, geometry, start=0, stop=None):
        self.forest, self.n_of_rank = forest, None
        self.leaves = slice(start, forest.n_leaves if stop is None else stop)
        self.level = forest.level[self.leaves]
        self.spacing = geometry.spacing(self.level)


def balanced_forest(dim, seed, roots, periodic, max_level=3, share=0.25):
    """A 2:1 balanced forest refined at random."""
    rng = np.random.default_rng(seed)
    forest = Forest.uniform(dim, roots, periodic, max_level)
    for _ in range(max_level):
        flags = (rng.random(forest.n_leaves) < share).astype(np.int8)
        forest = forest.adapt(balance_flags(forest, flags))[0]
    return forest


def unit_geometry(forest, n=8):
    """Unit root blocks from 0 on."""
    roots = forest.root_blocks[: forest.dim]
    return Geometry([0.0] * forest.dim, [float(r) for r in roots], roots, n)


def sampled(forest, geometry, layout, function):
    """One variable: a function of the cell centres, ghosts included; no physics."""
    x = geometry.cell_centers(forest.level, forest.coords, layout.g)
    return np.ascontiguousarray(function(*x)[:, None])


def bumpy(dim):
    def function(*x):
        return np.tanh((sum((c - 0.9) ** 2 for c in x) - 0.5) / 0.05) + 0.1 * np.sin(7 * sum(x))

    return function


def same(results, serial):
    """Whether the decisions of some ranks are together what one rank decided."""
    own = ("value", "eta", "threshold", "near")
    return all((each.flags == serial.flags).all() and each.scales == serial.scales for each in results) and all(
        (np.concatenate([getattr(each, k) for each in results]) == getattr(serial, k)).all() for k in own
    )
