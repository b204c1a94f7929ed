"""Run by test_mpi.py: the ghosts of every rank equal those of one rank to the last bit, masks too."""

import numpy as np

from amr.comm import Comm
from tests.transfer_tools import (
    Layout,
    euler,
    interior,
    linear_condition,
    make_fill,
    pool_from_interior,
    random_forest,
    random_state,
    uneven_starts,
)


def main() -> None:
    comm = Comm.world()
    fallbacks = 0
    for dim, n, g in [(1, 8, 2), (2, 8, 3), (3, 8, 2)]:
        for seed, kind in enumerate(["reflecting", "function"]):
            forest = random_forest(dim, seed, periodic=(seed == 0, False, False))
            physics = euler(dim)
            condition = linear_condition(physics) if kind == "function" else kind
            serial, layout = make_fill(forest, physics, n, g, condition)
            shape = (forest.n_leaves, *layout.shape[1:])
            rng = np.random.default_rng(seed)
            values = random_state(rng, shape, dim)
            if kind == "reflecting":  # hardly any pressure here and there: some prolongations fall back
                values[-1] = 0.5 * (values[1:-1] ** 2).sum(axis=0) / values[0] + rng.random(shape) ** 4 + 1e-3
            expected = pool_from_interior(np.moveaxis(values, 0, 1), layout)
            serial.fill(expected, 0.25)
            fallbacks += serial.n_prolong_fallback
            mask = np.zeros((forest.n_leaves, *Layout(dim, n, g, 1).shape))
            interior(mask, layout)[:] = rng.random(interior(mask, layout).shape) < 0.1
            expected_mask = mask.copy()
            serial.fill_mask(expected_mask)
            for starts in uneven_starts(forest.n_leaves, comm.size):
                fill, _ = make_fill(forest, physics, n, g, condition, comm, starts)
                mine = slice(starts[comm.rank], starts[comm.rank + 1])
                u = pool_from_interior(expected[mine], layout)
                for _ in range(2):
                    fill.fill(u, 0.25)
                    assert np.array_equal(u, expected[mine])
                part = mask[mine].copy()
                fill.fill_mask(part)
                assert np.array_equal(part, expected_mask[mine])
                (group,) = fill.groups
                assert sum(map(len, (group.inner, group.outer, *group.by_function))) == len(u)
                total = comm.allreduce_sum_int([fill.n_prolong_fallback])[0]
                assert total == 2 * serial.n_prolong_fallback
                fill.free()
    assert fallbacks > 0
    comm.barrier()


if __name__ == "__main__":
    main()
