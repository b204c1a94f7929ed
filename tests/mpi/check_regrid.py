"""Run by test_mpi.py: regrid and reflux on every rank equal those on one rank to the last bit."""

import numpy as np

from amr.comm import Comm
from amr.scheme.reflux import FluxRegister
from amr.scheme.transfer import PROLONGATIONS, regrid_move
from tests.transfer_tools import (
    euler,
    even_starts,
    geometry_of,
    interior,
    make_fill,
    pool_from_interior,
    random_state,
    regridded,
    uneven_starts,
)


def filled(forest, physics, seed):
    """A random state with ghosts on one rank. Low pressure here and there: some prolongations fall back."""
    dim = forest.dim
    fill, layout = make_fill(forest, physics, 8, 2, "outflow")
    rng = np.random.default_rng(seed)
    values = random_state(rng, (forest.n_leaves, *layout.shape[1:]), dim)
    values[-1] = 0.5 * (values[1:-1] ** 2).sum(axis=0) / values[0] + rng.random(values[0].shape) ** 4 + 1e-3
    u = pool_from_interior(np.moveaxis(values, 0, 1), layout)
    fill.fill(u, 0.0)
    return u, layout


def check_regrid(comm, dim, seed, prolongation):
    old, new, source, change = regridded(dim, seed)
    physics = euler(dim)
    u, layout = filled(old, physics, seed)
    expected = np.zeros((new.n_leaves, *layout.shape))
    alone = Comm.self_()
    maps = (source, change)
    whole = even_starts(old, 1), even_starts(new, 1)
    n_fallback = regrid_move(
        old, whole[0], new, whole[1], *maps, alone, layout, physics.spec, u, expected, prolongation
    )
    for old_starts in uneven_starts(old.n_leaves, comm.size):
        for new_starts in uneven_starts(new.n_leaves, comm.size):
            mine = slice(old_starts[comm.rank], old_starts[comm.rank + 1])
            after = slice(new_starts[comm.rank], new_starts[comm.rank + 1])
            part = np.zeros_like(expected[after])
            count = regrid_move(
                old, old_starts, new, new_starts, *maps, comm, layout, physics.spec, u[mine].copy(), part, prolongation
            )
            assert np.array_equal(part, expected[after])
            assert comm.allreduce_sum_int([count])[0] == n_fallback
    return n_fallback


def check_reflux(comm, dim, seed):
    forest = regridded(dim, seed)[1]
    physics = euler(dim)
    expected, layout = filled(forest, physics, seed)
    before = expected.copy()
    spacing = geometry_of(forest, layout.n).spacing(forest.level)
    serial = FluxRegister(forest, even_starts(forest, 1), Comm.self_(), layout)
    serial.flux[:] = np.random.default_rng(seed).standard_normal(serial.flux.shape)
    serial.reflux(expected, 0.1, spacing)
    assert (interior(expected, layout) != interior(before, layout)).any()
    for starts in uneven_starts(forest.n_leaves, comm.size):
        mine = slice(starts[comm.rank], starts[comm.rank + 1])
        fluxes = FluxRegister(forest, starts, comm, layout)
        kept = fluxes.face_slot >= 0
        assert np.array_equal(kept, serial.face_slot[mine] >= 0)
        fluxes.flux[fluxes.face_slot[kept]] = serial.flux[serial.face_slot[mine][kept]]
        for _ in range(2):
            u = before[mine].copy()
            fluxes.reflux(u, 0.1, spacing[mine].copy())
            assert np.array_equal(u, expected[mine])
        fluxes.free()


def main() -> None:
    comm = Comm.world()
    fallbacks = dict.fromkeys(PROLONGATIONS, 0)
    for dim in (1, 2, 3):
        for seed in range(3 if dim < 3 else 2):
            for prolongation in PROLONGATIONS:
                fallbacks[prolongation] += check_regrid(comm, dim, seed, prolongation)
            check_reflux(comm, dim, seed)
    assert all(n > 0 for n in fallbacks.values())
    assert len(set(fallbacks.values())) > 1  # they are not the same
    comm.barrier()


if __name__ == "__main__":
    main()
