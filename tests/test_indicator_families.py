"""Indicators of several variables, of blocks and of neighbours: formulas, blind spots, symmetry, ranks, refusals."""

from itertools import product

import numpy as np
import pytest
from amr._kernels.cells import fold_cells

from amr.errors import CaseError
from amr.indicators import INDICATORS, Decider, Finder, create_indicator
from amr.indicators.fields import Fields
from amr.indicators.modal import high_modes
from amr.mesh.geometry import Geometry
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics import create_physics
from tests.indicator_tools import (
    LocalBlocks,
    OneRank,
    ThreadRank,
    balanced_forest,
    bumpy,
    points,
    same,
    sampled,
    unit_geometry,
)
from tests.runs import small

DIMS = (1, 2, 3)
EQUAL = np.ones(3)
SENSORS = ("vorticity", "shock_sensor", "pressure_jump", "scalar_gradient")


def euler_blocks(dim, n_block=3, n=8, seed=0, **given):
    """Conserved states (n_block, n_var, ...) with ghosts, at random but for what is given."""
    physics = create_physics("euler", dim)
    layout = Layout(dim, n, 2, physics.n_var)
    rng = np.random.default_rng(seed)
    shape = (n_block, *layout.shape[1:])
    w = {"density": rng.uniform(1, 2, shape), "pressure": rng.uniform(1, 5, shape)}
    w |= {f"velocity_{a}": rng.normal(size=shape) for a in "xyz"[:dim]}
    w |= {name: np.broadcast_to(value, shape) for name, value in given.items()}
    packed = physics.pack_primitives({k: v.ravel() for k, v in w.items()}, int(np.prod(shape)))
    u = physics.to_conserved(packed).reshape(physics.n_var, *shape)
    return physics, layout, np.ascontiguousarray(np.moveaxis(u, 0, 1)), w


def cell_values(name, physics, layout, u, weight=EQUAL, **parameters):
    """Values of the interior cells (n_block, nk, nj, ni), and the scales."""
    indicator = create_indicator(name, physics, parameters)
    fields = Fields(physics, layout, indicator.variables)
    fields.measure(u, OneRank())
    out = np.zeros((len(u), layout.cells))
    indicator.fill(fields, u, np.arange(len(u), dtype=np.int32), None, weight, out)
    inner = tuple(len(range(*s.indices(e))) for s, e in zip(layout.interior, layout.shape[1:], strict=True))
    return out.reshape(len(u), *inner), fields.scales


def shifted(layout, values, axis, step):
    """Interior cells of ``values`` (..., nk, nj, ni) moved by ``step`` along an axis."""
    cut = [slice(g, e - g) if g else slice(None) for g, e in zip(layout.ghost, layout.extent, strict=True)]
    g, e = layout.ghost[axis], layout.extent[axis]
    cut[axis] = slice(g + step, e - g + step)
    return values[(..., *cut[::-1])]


# ---- the physics' own ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", DIMS)
def test_sensors_are_their_formulas(dim):
    physics, layout, u, w = euler_blocks(dim)
    weight = np.array([1.0, 0.5, 0.25])

    def change(name, axis):
        return 0.5 * weight[axis] * (shifted(layout, w[name], axis, 1) - shifted(layout, w[name], axis, -1))

    v = [f"velocity_{a}" for a in "xyz"[:dim]]
    curl = [change(v[b], a) - change(v[a], b) for a, b in ((0, 1), (1, 2), (0, 2)) if b < dim]
    squares = sum((c**2 for c in curl), np.zeros(shifted(layout, w["density"], 0, 0).shape))
    div = sum(change(v[a], a) for a in range(dim))
    p, near = shifted(layout, w["pressure"], 0, 0), {}
    for a, step in product(range(dim), (-1, 1)):
        near[a, step] = shifted(layout, w["pressure"], a, step)
    second = max_of(abs(near[a, 1] - 2 * p + near[a, -1]) / (near[a, 1] + 2 * p + near[a, -1]) for a in range(dim))
    jump = max_of(abs(q - p) / np.minimum(p, q) for q in near.values())
    rho = shifted(layout, w["density"], 0, 0)
    slope = [weight[a] * max_of(abs(shifted(layout, w["density"], a, s) - rho) for s in (-1, 1)) for a in range(dim)]

    if dim > 1:
        found, scales = cell_values("vorticity", physics, layout, u, weight)
        assert found == pytest.approx(np.sqrt(squares) / scales[1].scale)
    found, _ = cell_values("shock_sensor", physics, layout, u, weight)
    assert found == pytest.approx(np.where(div < 0, second * div**2 / (div**2 + squares), 0.0), abs=1e-14)
    assert found.max() > 0.05
    found, _ = cell_values("pressure_jump", physics, layout, u, weight)
    assert found == pytest.approx(jump)
    found, scales = cell_values("scalar_gradient", physics, layout, u, weight, variables=["density"])
    assert found == pytest.approx(np.sqrt(sum(s**2 for s in slope)) / scales[0].scale)


def max_of(arrays):
    return np.maximum.reduce(list(arrays))


def test_what_sensors_are_blind_to():
    x, y = points(Layout(2, 8, 2, 4))
    still = {"velocity_x": 0.0, "velocity_y": 0.0, "pressure": 1.0}
    contact = euler_blocks(2, density=np.where(x < 4, 1.0, 0.1), **still)[:3]
    assert cell_values("pressure_jump", *contact)[0].max() < 1e-12
    assert cell_values("shock_sensor", *contact)[0].max() < 1e-12
    assert cell_values("vorticity", *contact)[0].max() == 0
    assert cell_values("scalar_gradient", *contact)[0].max() == pytest.approx(1.0)
    shear = euler_blocks(2, density=1.0, velocity_x=0.0, velocity_y=np.where(x < 4, 1.0, -1.0), pressure=1.0)[:3]
    assert cell_values("vorticity", *shear)[0].max() == pytest.approx(0.5)
    assert cell_values("shock_sensor", *shear)[0].max() < 1e-12
    # A pressure wave that expands, and the same that is compressed.
    p = 1 + np.exp(-((x - 3.5) ** 2))
    for sign, sees in ((1.0, False), (-1.0, True)):
        flow = euler_blocks(2, density=1.0, velocity_x=sign * (x - 3.5), velocity_y=0.0, pressure=p)[:3]
        assert (cell_values("shock_sensor", *flow)[0].max() > 0.05) == sees


@pytest.mark.parametrize("name", SENSORS)
def test_sensors_of_mirrored_and_transposed_data(name):
    physics, layout, u, w = euler_blocks(2)
    values = cell_values(name, physics, layout, u)[0]
    moves = [
        ({"velocity_x": w["velocity_y"], "velocity_y": w["velocity_x"]}, lambda a: a.swapaxes(-1, -2)),
        ({"velocity_x": -w["velocity_x"]}, lambda a: a[..., ::-1]),
        ({"velocity_y": -w["velocity_y"]}, lambda a: a[..., ::-1, :]),
    ]
    for exchanged, move in moves:
        other = {key: move(value) for key, value in {**w, **exchanged}.items()}
        assert (cell_values(name, *euler_blocks(2, **other)[:3])[0] == move(values)).all()


@pytest.mark.parametrize("name", SENSORS)
@pytest.mark.parametrize("noise", [0.0, 1e-15])
def test_sensors_of_constant_states(name, noise):
    rng = np.random.default_rng(1)
    physics, layout, _, w = euler_blocks(2)
    values = {key: 1e5 * (key == "pressure") + (key == "density") + noise * rng.normal(size=w[key].shape) for key in w}
    values["pressure"] *= 1 + noise * rng.normal(size=w["pressure"].shape)
    indicator = create_indicator(name, physics)
    assert cell_values(name, *euler_blocks(2, **values)[:3])[0].max() < indicator.coarsen


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("buffer", [0, 2, 8])
def test_fold_cells_by_brute_force(dim, buffer):
    n, rng = 8, np.random.default_rng(dim)
    values = np.where(rng.random((6, n**dim)) < 2 / n**dim, 2.0, 0.5 * rng.random((6, n**dim)))
    tau = np.array([1.0, 1.0, 3.0, 1.0, 0.4, 1.0])
    eta, near = fold_cells(Layout(dim, n, 2, 1), values, tau, buffer)
    assert (eta == values.max(axis=1)).all()
    for b, block in enumerate(values.reshape(6, *(n,) * dim)):
        expected = 0
        for cell in np.argwhere(block > tau[b]):
            at = cell[::-1]
            for s in range(3**dim):
                d = [s // 3**a % 3 - 1 for a in range(dim)]
                is_near = [d[a] == 0 or (at[a] < buffer if d[a] < 0 else at[a] >= n - buffer) for a in range(dim)]
                expected |= all(is_near) << s
        assert near[b] == expected


@pytest.mark.parametrize(
    ("name", "physics", "text"),
    [
        ("vorticity", create_physics("euler", 1), "no vorticity in 1D"),
        ("vorticity", create_physics("burgers", 2), "needs a velocity that evolves"),
        ("vorticity", create_physics("advection", 2, {"velocity_field": True}), "needs a velocity that evolves"),
        (
            "shock_sensor",
            create_physics("acoustics", 2),
            "pressure that is positive: physics euler or navier_stokes or shallow_water",
        ),
        ("pressure_jump", create_physics("burgers", 1), "pressure that is positive"),
    ],
)
def test_sensors_that_an_equation_set_does_not_have(name, physics, text):
    with pytest.raises(CaseError, match=text):
        create_indicator(name, physics)


def test_gradient_of_a_vector_is_refused():
    with pytest.raises(CaseError, match="'velocity' is a vector"):
        create_indicator("scalar_gradient", create_physics("euler", 2), {"variables": ["velocity"]})


# ---- modal -----------------------------------------------------------------------------------------------------------


def modal_values(dim, n, function, n_block=2):
    physics = create_physics("burgers", dim)
    layout = Layout(dim, n, 2, 1)
    u = np.broadcast_to(function(*points(layout)), (n_block, 1, *layout.shape[1:])).copy()
    indicator = create_indicator("modal", physics)
    fields = Fields(physics, layout, (0,))
    fields.measure(u, OneRank())
    fields.load(u)
    return indicator.evaluate(fields), fields.scales[0].scale, u[(slice(None), 0, *layout.interior)]


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("n", [8, 10, 16])
def test_modal_is_the_dct_of_detrended_lines(dim, n):
    rng = np.random.default_rng(n)
    eta, scale, inner = modal_values(
        dim, n, lambda *x: rng.normal(size=(2, 1, *np.broadcast_shapes(*(c.shape for c in x))))
    )
    cell, k = np.arange(n), np.arange(n)
    dct = np.sqrt((2 - (k == 0)) / n)[:, None] * np.cos(np.pi * np.outer(k, cell + 0.5) / n)
    expected = np.zeros(len(eta))
    for b, axis in product(range(len(eta)), range(dim)):
        lines = np.moveaxis(inner[b], -1 - axis, -1).reshape(-1, n)
        for line in lines:
            detrended = line - np.polyval(np.polyfit(cell, line, 1), cell)
            high = (dct @ detrended)[4 * k >= 3 * n]
            expected[b] = max(expected[b], np.sqrt((high**2).sum() / n) / scale)
    assert eta == pytest.approx(expected, rel=1e-10)


def test_modal_sees_waves_that_are_hardly_resolved_and_no_slope():
    tau = create_indicator("modal", create_physics("burgers", 1)).refine
    assert modal_values(2, 16, lambda x, y: 3 * x - 2 * y + 5)[0].max() < 1e-12
    resolved = modal_values(1, 16, lambda x: np.sin(2 * np.pi * x / 16))[0].max()
    for cells in (2, 2.3, 2.6):
        assert modal_values(1, 16, lambda x, c=cells: np.sin(2 * np.pi * x / c + 0.4))[0].min() > 30 * resolved
    assert modal_values(1, 16, lambda x: np.where(x < 6.5, 1.0, 0.0))[0].min() > 10 * tau


def test_modal_of_mirrored_and_transposed_data():
    values = np.random.default_rng(2).normal(size=(2, 1, 1, 20, 20))
    eta = modal_values(2, 16, lambda x, y: values)[0]
    for moved in (values[..., ::-1], values[..., ::-1, :], values.swapaxes(-1, -2)):
        assert (modal_values(2, 16, lambda x, y, m=moved: m)[0] == eta).all()


def test_modes_of_a_block_are_orthogonal_to_straight_lines():
    half, is_odd = high_modes(16)
    modes = np.concatenate([half, np.where(is_odd, -1, 1)[:, None] * half[:, ::-1]], axis=1)
    assert len(modes) == 4
    assert modes @ np.stack([np.ones(16), np.arange(16)]).T == pytest.approx(0, abs=1e-12)


# ---- the gradient of another indicator -------------------------------------------------------------------------------


def test_uncertainty_gradient_compares_face_neighbours():
    forest = Forest.uniform(1, [4], False, 1).adapt(np.array([0, 1, 0, 0], np.int8))[0]
    indicator = create_indicator("uncertainty_gradient", create_physics("burgers", 1), {"floor": 0.5})
    value = np.array([0.0, 1.5, 3.5, 0.0, 0.5])  # plus 1/2: 1/2, 2, 4, 1/2, 1
    assert indicator.evaluate(forest, value).tolist() == [2.0, 2.0, 3.0, 3.0, 1.0]
    corner = Forest.uniform(2, [2, 2], False, 1)
    assert indicator.evaluate(corner, np.array([0.0, 0.0, 0.0, 1.5])).tolist() == [0.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("combine", ["or", "and"])
def test_uncertainty_gradient_in_a_decision(dim, combine):
    forest = balanced_forest(dim, 4, {1: [5], 2: [3, 2], 3: [2, 2, 1]}[dim], True)
    physics, layout, geometry = create_physics("burgers", dim), Layout(dim, 8, 2, 1), unit_geometry(forest)
    u = sampled(forest, geometry, layout, bumpy(dim))

    def decide(comm, names, start=0, stop=None):
        indicators = [create_indicator(name, physics) for name in names]
        decider = Decider(Finder(comm, physics, layout, geometry, indicators, combine, 0))
        return decider.decide(LocalBlocks(forest, geometry, start, stop), u[start:stop])

    alone, both = decide(OneRank(), ["jump"]), decide(OneRank(), ["uncertainty_gradient", "jump"])
    gradient = INDICATORS["uncertainty_gradient"](physics)
    assert (both.eta[:, 0] == gradient.evaluate(forest, alone.value)).all()
    hot = (alone.near > 0, both.eta[:, 0] > gradient.refine)
    assert ((both.near > 0) == (hot[0] | hot[1] if combine == "or" else hot[0] & hot[1])).all()
    assert (hot[1] & ~hot[0]).any()
    shared = ThreadRank.run(2, lambda c: decide(c, ["uncertainty_gradient", "jump"], 3 * c.rank, None if c.rank else 3))
    assert same(shared, both)


def test_uncertainty_gradient_needs_another_indicator():
    with pytest.raises(CaseError, match=r"indicators\[0\].of: needs another indicator"):
        small("sod", refinement={"indicators": ["uncertainty_gradient"]})
    with pytest.raises(CaseError, match=r"indicators\[1\].of = \"lohner\": needs 'lohner'"):
        small("sod", refinement={"indicators": ["jump", {"name": "uncertainty_gradient", "of": "lohner"}]})


def test_geometry_of_the_sensors_is_that_of_the_cells():
    """Cells twice as long in y: slopes per length, not per cell."""
    physics, layout = create_physics("burgers", 2), Layout(2, 8, 2, 1)
    geometry = Geometry([0.0, 0.0], [1.0, 2.0], [1, 1], 8)
    forest = Forest.uniform(2, [1, 1], False, 1)
    u = sampled(forest, geometry, layout, lambda x, y: 3 * x + 4 * y)
    decider = Decider(
        Finder(OneRank(), physics, layout, geometry, [create_indicator("scalar_gradient", physics)], buffer=0)
    )
    eta = decider.decide(LocalBlocks(forest, geometry), u).eta
    assert eta.item() == pytest.approx(5.0 / 8 / np.ptp(u[(0, 0, *layout.interior)]))
