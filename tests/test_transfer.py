"""Restriction, prolongation and the move of data at a regrid on one rank (several ranks: tests/mpi)."""

import numpy as np
import pytest
from amr._kernels.transfer import (
    CONSTANT,
    LIMITED,
    LOW_PASS,
    copy_boxes,
    pack_boxes,
    prolong_boxes,
    restrict_boxes,
    restrict_pack,
    unpack_boxes,
)

from amr.scheme.transfer import PROLONGATIONS, regrid_move
from tests.transfer_tools import (
    Comm,
    Layout,
    cell_centers,
    euler,
    even_starts,
    geometry_of,
    interior,
    linear_condition,
    linear_state,
    make_fill,
    pool_from_interior,
    random_state,
    regridded,
)


def op(*numbers):
    return np.array([numbers], dtype=np.int32)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_restriction_is_the_average_and_keeps_its_bits_under_mirrors(dim):
    rng = np.random.default_rng(dim)
    fine, coarse = Layout(dim, 8, 2, 2), Layout(dim, 4, 2, 2)
    u = rng.standard_normal((1, *fine.shape))
    size = [4 if a < dim else 1 for a in range(3)]
    row = op(0, 0, 0, 0, 0, 0, 0, 0, *size, 0)

    def restricted(u):
        c = np.zeros((1, *coarse.shape))
        restrict_boxes(fine, np.ascontiguousarray(u), coarse, c, row)
        return interior(c, coarse)

    average = interior(u, fine)
    for a in range(dim):
        average = 0.5 * (average.take(range(0, 8, 2), axis=4 - a) + average.take(range(1, 8, 2), axis=4 - a))
    np.testing.assert_allclose(restricted(u), average, rtol=1e-14, atol=1e-15)
    for a in range(dim):
        assert (np.flip(restricted(np.flip(u, 4 - a)), 4 - a) == restricted(u)).all()
    if dim == 2:
        assert (restricted(u.swapaxes(3, 4)).swapaxes(3, 4) == restricted(u)).all()
    assert (restricted(np.full_like(u, 0.1)) == 0.1).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_packing_and_unpacking_equals_copying(dim):
    rng = np.random.default_rng(dim)
    layout = Layout(dim, 8, 2, 3)
    u = rng.standard_normal((3, *layout.shape))
    pad = lambda values, rest: [*values[:dim], *[rest] * (3 - dim)]  # noqa: E731
    rows = np.array(
        [[0, 1, *pad([6, 0, 1], 0), *pad([-2, 0, 1], 0), *pad([2, 8, 3], 1), 0],
         [1, 2, *pad([0, 1, 2], 0), *pad([8, 1, 2], 0), *pad([2, 4, 5], 1), 2 * 8 ** (dim > 1) * 3 ** (dim > 2)]],
        dtype=np.int32,
    )  # fmt: skip
    direct, packed = u.copy(), u.copy()
    copy_boxes(layout, u, layout, direct, rows)
    buffer = np.zeros(rows[:, 8:11].prod(axis=1).sum() * 3)
    pack_boxes(layout, u, buffer, rows)
    unpack_boxes(buffer, layout, packed, rows)
    assert (direct == packed).all() and (direct != u).any()
    restrict_pack(layout, u, buffer, op(0, 0, 0, 0, 0, 0, 0, 0, *pad([4, 4, 4], 1), 0))
    small = Layout(dim, 4, 2, 3)
    one, two = np.zeros((2, 1, *small.shape))
    restrict_boxes(layout, u, small, one, op(0, 0, 0, 0, 0, 0, 0, 0, *pad([4, 4, 4], 1), 0))
    unpack_boxes(buffer, small, two, op(0, 0, 0, 0, 0, 0, 0, 0, *pad([4, 4, 4], 1), 0))
    assert (one == two).all()


def prolonged(spec, coarse_layout, coarse, mode=LIMITED):
    fine = Layout(coarse_layout.dim, 2 * coarse_layout.n, 2, coarse_layout.n_var)
    u = np.full((len(coarse), *fine.shape), np.nan)
    size = [fine.n if a < fine.dim else 1 for a in range(3)]
    rows = np.concatenate([op(b, b, 0, 0, 0, 0, 0, 0, *size, 0) for b in range(len(coarse))])
    n_fallback = prolong_boxes(spec, coarse_layout, coarse, fine, u, rows, mode)
    return fine, u, n_fallback


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_prolongation_is_conservative_bounded_and_mirrors(dim):
    rng = np.random.default_rng(dim)
    physics = euler(dim)
    layout = Layout(dim, 4, 2, physics.n_var)
    coarse = np.ascontiguousarray(np.moveaxis(random_state(rng, (2, *layout.shape[1:]), dim), 0, 1))
    fine, u, n_fallback = prolonged(physics.spec, layout, coarse)
    assert n_fallback == 0
    back = np.zeros_like(coarse)
    size = [4 if a < dim else 1 for a in range(3)]
    restrict_boxes(fine, u, layout, back, np.concatenate([op(b, b, 0, 0, 0, 0, 0, 0, *size, 0) for b in (0, 1)]))
    np.testing.assert_allclose(interior(back, layout), interior(coarse, layout), rtol=4e-16 * 8, atol=1e-15)
    if dim == 1:
        assert interior(u, fine).max() <= coarse.max() and interior(u, fine).min() >= coarse.min()
    for a in range(dim):
        _, mirrored, _ = prolonged(physics.spec, layout, np.ascontiguousarray(np.flip(coarse, 4 - a)))
        np.testing.assert_allclose(interior(np.flip(mirrored, 4 - a), fine), interior(u, fine), rtol=1e-15, atol=1e-15)
    if dim == 2:
        _, turned, _ = prolonged(physics.spec, layout, np.ascontiguousarray(coarse.swapaxes(3, 4)))
        assert (interior(turned.swapaxes(3, 4), fine) == interior(u, fine)).all()
    _, flat, _ = prolonged(physics.spec, layout, coarse, mode=CONSTANT)
    repeated = interior(coarse, layout)
    for a in range(dim):
        repeated = repeated.repeat(2, axis=4 - a)
    assert (interior(flat, fine) == repeated).all()


@pytest.mark.parametrize("mode", [LIMITED, LOW_PASS])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_prolongation_never_makes_an_unphysical_state(dim, mode):
    rng = np.random.default_rng(dim)
    physics = euler(dim)
    layout = Layout(dim, 4, 2, physics.n_var)
    w = rng.random((physics.n_var, 3, *layout.shape[1:])) ** 8 + 1e-9
    w[1:-1] = rng.standard_normal(w[1:-1].shape) * 50
    coarse = np.ascontiguousarray(np.moveaxis(physics.to_conserved(w), 0, 1))
    fine, u, n_fallback = prolonged(physics.spec, layout, coarse, mode)
    assert n_fallback > 0
    assert physics.is_physical(np.moveaxis(interior(u, fine), 1, 0)).all()


@pytest.mark.parametrize("n", [8, 16, 24])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_each_box_gets_what_the_whole_block_gets(dim, n):
    """Strips, corners, odd starts and sizes: no cell's value, nor the fall-back to constant, depends on the box it is in."""
    rng = np.random.default_rng(dim)
    physics = euler(dim)
    g = 3
    coarse_layout, layout = Layout(dim, n // 2, (g + 1) // 2 + 1, physics.n_var), Layout(dim, n, g, physics.n_var)
    w = rng.random((physics.n_var, 1, *coarse_layout.shape[1:])) ** 4 + 1e-3
    w[1:-1] = rng.standard_normal(w[1:-1].shape) * 5
    coarse = np.ascontiguousarray(np.moveaxis(physics.to_conserved(w), 0, 1))
    pad = lambda values, rest: [*values, *[rest] * (3 - dim)]  # noqa: E731
    whole, part = np.full((2, 1, *layout.shape), np.nan)
    everything = op(0, 0, 0, 0, 0, *pad([-g] * dim, 0), *pad([n + 2 * g] * dim, 1), 0)
    n_coarse = (n // 2 + 4) ** dim
    assert 0 < prolong_boxes(physics.spec, coarse_layout, coarse, layout, whole, everything, LIMITED) < n_coarse
    ranges = [(-3, 0), (-2, 0), (0, n), (n, n + 2), (n, n + 3), (-3, n + 3), (1, 2), (3, n - 2)]
    for chosen in rng.choice(len(ranges), (40, dim)):
        lo, hi = np.array([ranges[c] for c in chosen]).T
        part[...] = np.nan
        row = op(0, 0, 0, 0, 0, *pad(lo, 0), *pad(hi - lo, 1), 0)
        prolong_boxes(physics.spec, coarse_layout, coarse, layout, part, row, LIMITED)
        box = (..., *[slice(a + g, b + g) for a, b in zip(lo[::-1], hi[::-1], strict=True)])
        assert (part.squeeze()[box] == whole.squeeze()[box]).all()
        part.squeeze()[box] = np.nan
        assert np.isnan(part).all()


@pytest.mark.parametrize("prolongation", PROLONGATIONS)
@pytest.mark.parametrize("g", [2, 3])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_regrid_keeps_linear_fields(dim, g, prolongation):
    kinds = set()
    for seed in range(4):
        old, new, source, change = regridded(dim, seed)
        kinds |= set(change.tolist())
        physics = euler(dim)
        fill, layout = make_fill(old, physics, 8, g, linear_condition(physics))

        def exact(forest, layout=layout):
            x = cell_centers(forest, np.arange(forest.n_leaves), layout, geometry_of(forest, 8))
            return np.moveaxis(linear_state(x), 0, 1)

        u = pool_from_interior(exact(old), layout)
        fill.fill(u, 0.0)
        u_new = np.full((new.n_leaves, *layout.shape), np.nan)
        n_fallback = regrid_move(
            old,
            even_starts(old, 1),
            new,
            even_starts(new, 1),
            source,
            change,
            Comm.self_(),
            layout,
            physics.spec,
            u,
            u_new,
            prolongation,
        )
        assert n_fallback == 0
        np.testing.assert_allclose(interior(u_new, layout), interior(exact(new), layout), rtol=1e-13, atol=1e-13)
    assert kinds == {-1, 0, 1}


@pytest.mark.parametrize("prolongation", PROLONGATIONS)
@pytest.mark.parametrize("g", [2, 3])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_regrid_keeps_totals(dim, g, prolongation):
    old, new, source, change = regridded(dim, 11)
    physics = euler(dim)
    fill, layout = make_fill(old, physics, 8, g, "reflecting")
    values = random_state(np.random.default_rng(1), (old.n_leaves, *layout.shape[1:]), dim)
    u = pool_from_interior(np.moveaxis(values, 0, 1), layout)
    fill.fill(u, 0.0)
    u_new = np.zeros((new.n_leaves, *layout.shape))
    starts = even_starts(old, 1), even_starts(new, 1)
    regrid_move(
        old, starts[0], new, starts[1], source, change, Comm.self_(), layout, physics.spec, u, u_new, prolongation
    )
    totals = []
    for forest, pool in ((old, u), (new, u_new)):
        volume = geometry_of(forest, 8).volumes(forest.level)
        totals.append((interior(pool, layout).sum(axis=(2, 3, 4)) * volume[:, None]).sum(axis=0))
    np.testing.assert_allclose(totals[1], totals[0], rtol=1e-13, atol=1e-12)
