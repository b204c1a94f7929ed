"""Physical boundary conditions on single blocks."""

import numpy as np
import pytest

from amr.errors import CaseError
from amr.mesh.tree import Forest
from amr.physics.boundary import KINDS, BoundaryFill, Condition
from tests.transfer_tools import (
    Layout,
    cell_centers,
    euler,
    geometry_of,
    interior,
    linear_condition,
    make_fill,
    pool_from_interior,
    random_state,
)

CONSTANT = {"density": 2.0, "velocity": [0.5, -1.0], "pressure": 3.0}


def one_block(conditions, physics, seed=0):
    """A single block with filled ghosts, its layout, and its cell centres."""
    dim = physics.dim
    forest = Forest.uniform(dim, (1, 1, 1), (False,) * 3, 0)
    layout = Layout(dim, 8, 2, physics.n_var)
    fill, _ = make_fill(forest, physics, 8, 2, "outflow")
    boundary = BoundaryFill(physics, layout, geometry_of(forest, 8), conditions)
    fill = type(fill)(forest, np.array([0, 1]), fill.comm, layout, physics.spec, boundary)
    values = random_state(np.random.default_rng(seed), (1, *layout.shape[1:]), dim)
    u = pool_from_interior(np.moveaxis(values, 0, 1), layout)
    fill.fill(u, 0.5)
    return u, layout, cell_centers(forest, np.array([0]), layout, geometry_of(forest, 8))


def padded(u, layout, mode):
    """What numpy makes of the interior."""
    return np.pad(interior(u, layout), [(0, 0), (0, 0)] + [(g, g) for g in layout.ghost[::-1]], mode=mode)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_outflow_copies_the_nearest_cell_also_in_corners(dim):
    u, layout, _ = one_block(["outflow"] * (2 * dim), euler(dim))
    assert (u == padded(u, layout, "edge")).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_reflecting_mirrors_and_turns_the_normal_momentum(dim):
    physics = euler(dim)
    u, layout, _ = one_block(["reflecting"] * (2 * dim), physics)
    expected = padded(u, layout, "symmetric")
    for axis in range(dim):
        outside = np.ones(layout.extent[axis], dtype=bool)
        outside[layout.ghost[axis] : -layout.ghost[axis]] = False
        turned = np.moveaxis(expected, 4 - axis, 0)
        turned[outside] *= physics.parity(axis)[:, None, None]
    assert (u == expected).all()


def test_inflow_and_mixed_kinds():
    physics = euler(2)
    u, layout, _ = one_block([Condition("inflow", CONSTANT), "outflow", "reflecting", "outflow"], physics)
    state = physics.to_conserved(physics.pack_primitives(CONSTANT))
    assert (u[0, :, 0, 2:, :2] == state[:, :, None]).all()
    mirror = state * physics.parity(1)[:, None]
    assert (u[0, :, 0, :2, :2] == mirror[:, :, None]).all()
    assert (u[0, :, 0, 2:-2, -2:] == u[0, :, 0, 2:-2, -3:-2]).all()


def test_function_sees_positions_time_and_mirror_states_and_may_set_some_variables():
    physics = euler(2)
    seen = []

    def push(x, t, w):
        seen.append((x, t, w))
        return {"pressure": 100 * x[1] + x[0] + t}

    u, layout, x = one_block(["outflow", Condition("function", function=push), "outflow", "outflow"], physics)
    assert len(seen) == 1 and seen[0][1] == 0.5
    assert seen[0][0].shape == (2, 16) and seen[0][2]["velocity"].shape == (2, 16)
    w = physics.to_primitive(u[0].reshape(4, -1)).reshape(u[0].shape)
    ghosts = (slice(2, -2), slice(-2, None))
    np.testing.assert_allclose(w[3, 0][ghosts], (100 * x[1] + x[0] + 0.5)[0, 0][ghosts], rtol=1e-14)
    for v in range(3):
        np.testing.assert_allclose(w[v, 0][ghosts], w[v, 0, 2:-2, -4:-2][:, ::-1], rtol=1e-14)


def test_inflow_may_leave_variables_to_the_interior():
    physics = euler(1, scalars=("dye",))
    forest = Forest.uniform(1, (1, 1, 1), (False,) * 3, 0)
    layout = Layout(1, 8, 2, physics.n_var)
    state = {"density": 1.0, "velocity": 2.0, "pressure": 3.0}
    boundary = BoundaryFill(physics, layout, geometry_of(forest, 8), [Condition("inflow", state), "outflow"])
    w = np.array([[1.0], [0.0], [1.0], [0.25]])
    ghost = physics.to_primitive(boundary.evaluate(0, np.zeros((1, 1)), 0.0, physics.to_conserved(w)))
    np.testing.assert_allclose(ghost[:, 0], [1, 2, 3, 0.25], rtol=1e-15)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("outlfow", "unknown kind 'outlfow'"),
        ("inflow", "a state belongs to"),
        (Condition("outflow", CONSTANT), "a state belongs to"),
        ("function", "a function belongs to"),
        (Condition("inflow", {"rho": 1.0}), "unknown primitive variable 'rho'"),
        (Condition("inflow", {"density": "much"}), "density must have the shape"),
        (Condition("inflow", {"velocity": [1.0, 2.0, 3.0]}), "velocity must have the shape"),
        (Condition("inflow", {"density": float("nan")}), "density is not finite"),
    ],
)
def test_faulty_conditions_are_refused(condition, text):
    physics = euler(2)
    with pytest.raises(CaseError, match="boundary y lower") as caught:
        BoundaryFill(physics, Layout(2, 8, 2, 4), None, ["outflow", "outflow", condition, "outflow"])
    assert text in str(caught.value)
    with pytest.raises(CaseError, match="4 conditions"):
        BoundaryFill(physics, Layout(2, 8, 2, 4), None, ["outflow"])


def test_every_kind_is_described():
    assert all(kind.text for kind in KINDS.values())
    assert linear_condition(euler(1)).kind in KINDS
