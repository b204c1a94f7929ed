"""Ghost fill on one rank (several ranks: tests/mpi)."""

import numpy as np
import pytest

from amr.errors import PluginError
from amr.mesh.tree import Forest
from amr.physics.boundary import Condition
from amr.scheme.ghosts import Pools
from tests.transfer_tools import (
    cell_centers,
    cell_index,
    euler,
    geometry_of,
    interior,
    linear_condition,
    linear_state,
    make_fill,
    pool_from_interior,
    random_forest,
    random_state,
)

SHAPES = [(1, 8, 2), (1, 8, 3), (2, 8, 2), (2, 10, 3), (3, 8, 2), (3, 8, 3)]


def linear_pool(forest, layout, t=0.0):
    leaves = np.arange(len(forest.level))
    x = cell_centers(forest, leaves, layout, geometry_of(forest, layout.n))
    return np.ascontiguousarray(np.moveaxis(linear_state(x, t), 0, 1))


@pytest.mark.parametrize(("dim", "n", "g"), SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_linear_field_is_exact_in_every_ghost(dim, n, g, seed):
    forest = random_forest(dim, seed)
    assert len(set(forest.level)) > 1
    physics = euler(dim)
    fill, layout = make_fill(forest, physics, n, g, linear_condition(physics))
    exact = linear_pool(forest, layout, t=0.5)
    u = pool_from_interior(exact, layout)
    fill.fill(u, 0.5)
    np.testing.assert_allclose(u, exact, rtol=1e-13, atol=1e-13)
    assert fill.n_prolong_fallback == 0
    (group,) = fill.groups
    assert not len(group.outer) and len(group.inner) + len(group.by_function[0]) == len(forest.level)


def location_keys(forest, layout):
    """One integer per ghost or interior cell: its level and its place, wrapped at periodic boundaries."""
    leaves = np.arange(len(forest.level))
    key = forest.level[:, None, None, None].astype(np.int64)
    for a, i in enumerate(cell_index(forest, leaves, layout)):
        cells = (forest.root_blocks[a] << forest.level.astype(np.int64)) * (layout.n if a < layout.dim else 1)
        cells = cells[:, None, None, None]
        place = i % cells if forest.periodic[a] else i + 10
        key = key * 100003 + place
    return key


@pytest.mark.parametrize(("dim", "n", "g"), SHAPES)
@pytest.mark.parametrize("kind", ["reflecting", "outflow", "function"])
def test_blocks_that_see_the_same_cell_hold_the_same_bits(dim, n, g, kind):
    rng = np.random.default_rng(dim)
    forest = random_forest(dim, 4, periodic=(dim != 1, False, False))
    physics = euler(dim)

    def push(x, t, w):
        return {"density": w["density"] * (1.5 + np.sin(x[0])), "velocity": -w["velocity"]}

    condition = Condition("function", function=push) if kind == "function" else kind
    fill, layout = make_fill(forest, physics, n, g, condition)
    values = np.moveaxis(random_state(rng, (len(forest.level), *layout.shape[1:]), dim), 0, 1)
    u = pool_from_interior(values, layout)
    before = interior(u, layout).copy()
    fill.fill(u, 0.0)
    assert np.isfinite(u).all()
    assert (interior(u, layout) == before).all()
    key = location_keys(forest, layout).ravel()
    flat = np.moveaxis(u, 1, 0).reshape(physics.n_var, -1)
    order = np.argsort(key, kind="stable")
    same = np.diff(key[order]) == 0
    assert same.sum() > len(key) // 20
    assert (np.diff(flat[:, order])[:, same] == 0).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_one_periodic_root_block_is_its_own_neighbour(dim):
    forest = Forest.uniform(dim, (1, 1, 1), (True,) * 3, 2)
    physics = euler(dim)
    fill, layout = make_fill(forest, physics, 8, 2, "outflow")
    rng = np.random.default_rng(0)
    values = np.moveaxis(random_state(rng, (1, *layout.shape[1:]), dim), 0, 1)
    u = pool_from_interior(values, layout)
    fill.fill(u, 0.0)
    width = [(0, 0), (0, 0)] + [(gh, gh) for gh in layout.ghost[::-1]]
    np.testing.assert_array_equal(u, np.pad(interior(u, layout), width, mode="wrap"))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_uniform_state_stays_uniform_to_the_last_bit(dim):
    forest = random_forest(dim, 3)
    physics = euler(dim)
    state = physics.to_conserved(np.array([[1.1], *[[0.0]] * dim, [0.7]]))
    for kind in ("outflow", "reflecting"):
        fill, layout = make_fill(forest, physics, 8, 2, kind)
        u = pool_from_interior(np.broadcast_to(state[:, :, None, None], (len(forest.level), *layout.shape)), layout)
        fill.fill(u, 0.0)
        assert (u == state[:, :, None, None]).all()


def test_unphysical_children_take_the_coarse_value_and_are_counted():
    forest = Forest.uniform(1, (2, 1, 1), (False,) * 3, 1)
    forest = forest.adapt(np.array([1, 0], dtype=np.int8))[0]
    physics = euler(1)
    fill, layout = make_fill(forest, physics, 8, 2, "outflow")
    u = pool_from_interior(np.ones((3, *layout.shape)), layout)
    u[:, 1] = 0
    # Pressure rises from nearly nothing along a momentum that is large in one cell only: a child would lose its pressure.
    u[2, 1, 0, 0, 2:5] = [0.9, 1.3, 1.7]
    u[2, 2, 0, 0, 2:5] = [0.41, 1.2, 2.0]
    u[1, 1, 0, 0, 2:10] = 0.5
    fill.fill(u, 0.0)
    assert fill.n_prolong_fallback == 1
    assert (u[1, :, 0, 0, 10:] == u[2, :, 0, 0, 2:3]).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mask_spreads_to_ghosts(dim):
    forest = random_forest(dim, 7, periodic=(True, False, False))
    fill, layout = make_fill(forest, euler(dim), 8, 2, "reflecting")
    rng = np.random.default_rng(0)
    mask = np.zeros((len(forest.level), 1, *layout.shape[1:]))
    interior(mask, layout)[:] = rng.random(interior(mask, layout).shape) < 0.1
    fill.fill_mask(mask)
    key, order = location_keys(forest, layout).ravel(), None
    order = np.argsort(key, kind="stable")
    same = np.diff(key[order]) == 0
    assert (np.diff(mask.ravel()[order])[same] == 0).all()
    assert 0 < (mask > 0).mean() < 0.5
    fill.free()


def test_boundary_function_failure_is_raised_after_the_exchange():
    forest = Forest.uniform(2, (2, 2, 1), (False,) * 3, 0)
    physics = euler(2)
    for bad, text in [
        (lambda x, t, w: {"density": np.ones(3)}, "density must have the shape"),
        (lambda x, t, w: {"rho": 1.0}, "unknown primitive variable 'rho'"),
        (lambda x, t, w: {"pressure": np.nan}, "pressure is not finite"),
        (lambda x, t, w: 1 / 0, "ZeroDivisionError"),
        (lambda x, t, w: None, "must give a dict"),
    ]:
        fill, layout = make_fill(forest, physics, 8, 2, Condition("function", function=bad, name="bad.py:f"))
        u = linear_pool(forest, layout)
        (group,) = fill.groups
        group.start(Pools.one(u))
        group.fill_inner(u, 0.0)
        group.wait()
        with pytest.raises(PluginError, match=r"boundary x lower: bad\.py:f.*") as caught:
            group.fill_outer(u, 0.0)
        assert text in str(caught.value)


@pytest.mark.parametrize("seed", range(12))
def test_random_trees(seed):
    """Random roots, periodic axes, depths and ghost widths, hardly any pressure: equal cells, equal bits, all physical."""
    dim = 3 if seed % 6 == 0 else 1 + seed % 2
    rng = np.random.default_rng(seed)
    root = tuple(int(rng.integers(1, 3 if dim == 3 else 4)) if a < dim else 1 for a in range(3))
    periodic = tuple(bool(p) for p in rng.integers(0, 2, 3))
    forest = random_forest(dim, seed, root, periodic, n_level=3 if dim == 3 else 4, share=rng.uniform(0.1, 0.5))
    physics = euler(dim)
    fill, layout = make_fill(forest, physics, 8, int(rng.integers(2, 4)), "reflecting" if seed % 3 else "outflow")
    values = random_state(rng, (forest.n_leaves, *layout.shape[1:]), dim)
    values[-1] = 0.5 * (values[1:-1] ** 2).sum(axis=0) / values[0] + rng.random(values[0].shape) ** 4 + 1e-3
    u = pool_from_interior(np.moveaxis(values, 0, 1), layout)
    fill.fill(u, 0.0)
    flat = np.moveaxis(u, 1, 0).reshape(physics.n_var, -1)
    assert physics.is_physical(flat).all()
    key = location_keys(forest, layout).ravel()
    order = np.argsort(key, kind="stable")
    same = np.diff(key[order]) == 0
    assert (np.diff(flat[:, order])[:, same] == 0).all()
