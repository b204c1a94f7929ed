"""Indicators: values on fields that are known, what they see and do not see, symmetry, bit masks, plugins."""

from itertools import product

import numpy as np
import pytest

from amr._kernels import indicate as kernel
from amr.errors import CaseError, PluginError
from amr.indicators import INDICATORS, Finder, PluginIndicator, create_indicator
from amr.indicators.fields import ROUND_OFF, Fields, Scale
from amr.indicators.plugin import BlockFields, near_everywhere, some_blocks
from amr.mesh.pool import Layout
from amr.physics import create_physics
from amr.plugins import resolve
from tests.indicator_tools import CASES, OneRank, evaluate, layout_of, points

DIMS = (1, 2, 3)
BUILT_IN = [("jump", {}), ("second_difference", {}), ("lohner", {}), ("lohner", {"mode": "flash"})]


def field(layout, function):
    """One block with values of a function of the cell coordinates of `points`."""
    w = np.empty((1, *layout.shape[1:]))
    w[:] = function(*points(layout))
    return w


def value(name, layout, w, *, scale=1.0, buffer=0, tau=np.inf, **parameters):
    """Block values of a built-in indicator on one variable with a given scale."""
    cls = INDICATORS[name]
    own = cls.Parameters(**parameters)
    indicator = cls(create_physics("burgers", 1), own)
    options = {"scale": scale, **indicator.kernel(Scale(scale, ROUND_OFF * scale))}
    eta, near = np.zeros(len(w)), np.zeros(len(w), dtype=np.uint32)
    run_kernel(layout, w, eta, near, tau=tau, buffer=buffer, **options)
    return eta, near


def run_kernel(layout, w, eta, near, **job):
    """Fold an indicator of the variable w (n_block, nk, nj, ni) into eta and near (n_block,), in place."""
    spec = create_physics("burgers", layout.dim).spec  # its primitive variable is its conserved one
    blocks = np.arange(len(w), dtype=np.int32)
    found = kernel.Indicated(np.full((len(w), 1), job.pop("tau")), 1)
    found.eta, found.near = eta[:, None], near[:, None]
    kernel.indicate(spec, layout, w[:, None], blocks, [{"variable": 0, "column": 0, **job}], found)


# ---- values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", DIMS)
def test_values_on_a_straight_line(dim):
    layout = layout_of(dim)
    slope = np.array([0.5, 0.25, 0.125])[:dim]
    w = field(layout, lambda *x: sum(s * c for s, c in zip(slope, x, strict=False)))
    assert value("jump", layout, w, scale=4.0)[0] == 0.125
    assert value("second_difference", layout, w, scale=4.0)[0] == 0.0
    assert value("lohner", layout, w, scale=4.0)[0] == 0.0
    assert value("lohner", layout, w, scale=4.0, mode="flash")[0] == 0.0


@pytest.mark.parametrize(("dim", "axis"), [(d, a) for d in DIMS for a in range(d)])
def test_values_on_a_parabola(dim, axis):
    layout = layout_of(dim, n=8)
    w = field(layout, lambda *x: 0.5 * x[axis] ** 2)
    # One-sided differences are i - 1/2 and i + 1/2, largest in cell n - 1; the second difference is 1 everywhere.
    assert value("jump", layout, w, scale=10.0)[0] == 0.75
    assert value("second_difference", layout, w, scale=10.0)[0] == 0.1
    expected = max(1.0 / (abs(i - 0.5) + abs(i + 0.5) + 4 * 0.05 * 10.0) for i in range(8))
    assert value("lohner", layout, w, scale=10.0)[0] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(("dim", "axis"), [(d, a) for d in DIMS for a in range(d)])
def test_values_at_a_step_do_not_depend_on_dimension_or_axis(dim, axis):
    layout = layout_of(dim)
    w = field(layout, lambda *x: np.where(x[axis] < 3.5, 1.0, 0.25))
    assert value("jump", layout, w)[0] == 0.75
    assert value("second_difference", layout, w)[0] == 0.75
    assert value("lohner", layout, w)[0] == pytest.approx(0.75 / (0.75 + 0.2), rel=1e-15)


def flash_by_hand(u, g, f, floor):
    """FLASH's estimate by loops over interior cells of a (nk, nj, ni) array, from first differences of width 2."""
    active = [a for a in range(3) if u.shape[2 - a] > 1]
    best = 0.0
    unit = {a: np.eye(3, dtype=int)[2 - a] for a in active}
    ranges = [range(g, s - g) if s > 1 else range(1) for s in u.shape]
    at = lambda c: u[tuple(c)]  # noqa: E731
    for cell in product(*ranges):
        c = np.array(cell)
        num = den = 0.0
        for k, m in product(active, repeat=2):
            up, down = c + unit[m], c - unit[m]
            d_up, d_down = at(up + unit[k]) - at(up - unit[k]), at(down + unit[k]) - at(down - unit[k])
            size = sum(abs(at(p + s * unit[k])) for p in (up, down) for s in (1, -1))
            num += (d_up - d_down) ** 2
            den += (abs(d_up) + abs(d_down) + f * size + 4 * floor) ** 2
        best = max(best, np.sqrt(num / den) if den > 0 else 0.0)
    return best


@pytest.mark.parametrize("dim", DIMS)
def test_flash_mode_is_flash(dim):
    layout = layout_of(dim, n=8)
    w = np.random.default_rng(3).normal(size=(2, *layout.shape[1:]))
    eta, _ = value("lohner", layout, w, mode="flash", filter=0.03)
    assert eta == pytest.approx([flash_by_hand(b, layout.g, 0.03, ROUND_OFF) for b in w], rel=1e-12)


@pytest.mark.parametrize("n", [8, 16, 64, 66])
def test_every_interior_cell_counts_and_no_ghost_does(n):
    """A spike in any cell of a row shows; one outside the stencil's reach does not (66: rows of more than one piece)."""
    layout = Layout(2, n, 2, 1)
    for i in range(-2, n + 2):
        w = np.zeros((1, *layout.shape[1:]))
        w[0, 0, layout.g + n // 2, layout.g + i] = 1.0
        assert value("jump", layout, w)[0] == (1.0 if -1 <= i <= n else 0.0)


# ---- what they see and what they are blind to ----


@pytest.mark.parametrize("dim", DIMS)
def test_waves_of_two_cells(dim):
    layout = layout_of(dim)
    w = field(layout, lambda *x: 0.5 * (-1.0) ** np.round(sum(x)))
    assert value("jump", layout, w)[0] == 1.0  # where the central difference is 0
    assert value("second_difference", layout, w)[0] == 2.0
    assert value("lohner", layout, w)[0] == pytest.approx(2 / 2.2)
    assert value("lohner", layout, w, mode="flash")[0] == 0.0  # stated in docs/indicators.md


def test_mixed_derivative_alone_is_seen_by_flash_only():
    layout = layout_of(2)
    w = field(layout, lambda x, y: (x - 3.5) * (y - 3.5))
    assert value("second_difference", layout, w)[0] == 0.0
    assert value("lohner", layout, w)[0] == 0.0
    assert value("lohner", layout, w, mode="flash")[0] > 0.5


@pytest.mark.parametrize(("name", "parameters"), BUILT_IN)
@pytest.mark.parametrize("dim", DIMS)
def test_scale_invariance(name, parameters, dim):
    layout = layout_of(dim)
    w = np.random.default_rng(dim).normal(size=(3, *layout.shape[1:]))
    small, _ = value(name, layout, w, scale=2.0, **parameters)
    for power in (-40, 50):
        big, _ = value(name, layout, np.ldexp(w, power), scale=2.0 * 2.0**power, **parameters)
        assert (big == small).all()


@pytest.mark.parametrize(("name", "parameters"), BUILT_IN[:3])
def test_offset_invariance(name, parameters):
    layout = layout_of(2)
    w = np.random.default_rng(0).normal(size=(3, *layout.shape[1:]))
    assert value(name, layout, w + 100.0, **parameters)[0] == pytest.approx(value(name, layout, w, **parameters)[0])


# ---- symmetry -----------------------------------------------------------------------------------------------------------------


def slots_after(layout, near, move):
    """Masks of blocks after ``move`` acted on an array (3, 3, 3) of the slots."""
    out = np.zeros_like(near)
    shape = tuple(3 if a < layout.dim else 1 for a in range(3))[::-1]
    for b, mask in enumerate(near):
        bits = np.array([mask >> s & 1 for s in range(3**layout.dim)]).reshape(shape)
        out[b] = sum(int(bit) << s for s, bit in enumerate(move(bits).ravel()))
    return out


MOVES = {
    1: [lambda a: a[..., ::-1]],
    2: [lambda a: a[..., ::-1], lambda a: a[..., ::-1, :], lambda a: a.swapaxes(-1, -2)],
    3: [lambda a: a[..., ::-1], lambda a: a[..., ::-1, :, :], lambda a: a.swapaxes(-1, -2)],
}


@pytest.mark.parametrize(("name", "parameters"), BUILT_IN)
@pytest.mark.parametrize("dim", DIMS)
def test_mirrored_and_transposed_data_give_the_same_bits(name, parameters, dim):
    layout = layout_of(dim)
    w = 1.0 + np.random.default_rng(dim).normal(size=(4, *layout.shape[1:]))
    tau = np.median(value(name, layout, w, **parameters)[0]) * 0.9
    eta, near = value(name, layout, w, tau=tau, buffer=3, **parameters)
    for move in MOVES[dim]:
        moved, moved_near = value(name, layout, np.ascontiguousarray(move(w)), tau=tau, buffer=3, **parameters)
        exact = name != "lohner" or dim < 3 or parameters == {}
        assert (moved == eta).all() if exact else moved == pytest.approx(eta, rel=1e-14)
        assert (moved_near == slots_after(layout, near, move)).all()


# ---- where the hot cells are ----


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("buffer", [0, 1, 3, 5, 8])
def test_near_bits_by_brute_force(dim, buffer):
    layout = layout_of(dim, n=8)
    rng = np.random.default_rng(10 * dim + buffer)
    w = np.zeros((12, *layout.shape[1:]))
    inside = w[(slice(None), *layout.interior)]
    for block in inside[1:]:  # block 0 stays cold
        for _ in range(rng.integers(1, 3)):
            block[tuple(rng.integers(0, s) for s in block.shape)] = 1.0
    eta, near = value("jump", layout, w, tau=0.5, buffer=buffer)
    for b in range(len(w)):
        expected, axes = 0, range(layout.dim)
        for cell in product(range(8), repeat=dim):
            index = tuple(c + layout.g for c in reversed(cell))
            here = w[b].reshape(w.shape[1:])
            padded = here[(0,) * (3 - dim)]
            hot = any(
                abs(padded[index] - padded[tuple(i + (s if p == dim - 1 - a else 0) for p, i in enumerate(index))])
                > 0.5
                for a in axes
                for s in (-1, 1)
            )
            if not hot:
                continue
            for s in range(3**dim):
                d = [s // 3**a % 3 - 1 for a in axes]
                expected |= (
                    all(d[a] == 0 or (cell[a] < buffer if d[a] < 0 else cell[a] >= 8 - buffer) for a in axes) << s
                )
        assert near[b] == expected
    assert near[0] == 0
    assert (eta == [0.0] + [1.0] * 11).all()


def test_variables_fold_into_the_same_result():
    layout = layout_of(1)
    eta, near = np.array([0.3, 0.9]), np.array([1, 4], dtype=np.uint32)
    w = np.zeros((2, *layout.shape[1:]))
    w[:, 0, 0, layout.g + 4] = 0.5
    run_kernel(layout, w, eta, near, id=kernel.JUMP, tau=0.2, scale=1.0, buffer=0)
    assert (eta == [0.5, 0.9]).all()
    assert (near == [1 | 2, 4 | 2]).all()


def test_kernel_refuses_what_does_not_fit():
    layout = layout_of(1)
    w, eta, near = np.zeros((1, *layout.shape[1:])), np.zeros(1), np.zeros(1, dtype=np.uint32)
    for kind, buffer, scale in ((0, 9, 1.0), (0, -1, 1.0), (7, 0, 1.0), (7, 0, 0.0)):
        with pytest.raises(ValueError, match="not offered"):
            run_kernel(layout, w, eta, near, id=kind, tau=1.0, scale=scale, buffer=buffer)
    thin = Layout(1, 8, 1, 1)
    with pytest.raises(ValueError, match="not offered"):
        run_kernel(thin, np.zeros((1, 1, 1, 10)), eta, near, id=kernel.LOHNER_FLASH, tau=1.0, scale=1.0, buffer=0)
    with pytest.raises(ValueError, match="shape"):
        run_kernel(layout, w[..., :-1].copy(), eta, near, id=kernel.JUMP, tau=1.0, scale=1.0, buffer=0)


# ---- scales ------------------------------------------------------------------------------------------------------------------


def euler_state(layout, n_block, physics, **values):
    """Conserved states of uniform or given primitive values, ghosts included."""
    shape = (n_block, *layout.shape[1:])
    w = {"density": 1.0, "velocity": [0.0] * physics.dim, "pressure": 1.0, **values}
    flat = {
        k: np.broadcast_to(v, shape).ravel() if k != "velocity" else [np.broadcast_to(c, shape).ravel() for c in v]
        for k, v in w.items()
    }
    u = physics.to_conserved(physics.pack_primitives(flat, int(np.prod(shape))))
    return np.ascontiguousarray(np.moveaxis(u.reshape(physics.n_var, *shape), 0, 1))


@pytest.mark.parametrize("dim", DIMS)
def test_fields_are_primitives_with_the_range_of_the_interior(dim):
    physics = create_physics("euler", dim)
    layout = Layout(dim, 8, 2, physics.n_var)
    rng = np.random.default_rng(5)
    shape = (3, *layout.shape[1:])
    density, pressure = rng.uniform(1, 2, shape), rng.uniform(5, 9, shape)
    velocity = rng.normal(size=(dim, *shape))
    density[0, 0, 0, 0] = 50.0  # a ghost
    u = euler_state(layout, 3, physics, density=density, pressure=pressure, velocity=velocity)
    fields = Fields(physics, layout, range(physics.n_var))
    fields.measure(u, OneRank())
    fields.load(u)
    inside = (slice(None), *layout.interior)
    assert fields.of(0) == pytest.approx(density)
    assert fields.of(dim + 1) == pytest.approx(pressure)
    assert fields.scales[0].scale == pytest.approx(np.ptp(density[inside]))
    assert fields.scales[dim + 1].floor == pytest.approx(1e-10 * pressure[inside].max())
    widest = max(np.ptp(component[inside]) for component in velocity)
    assert all(fields.scales[a].scale == pytest.approx(widest) for a in range(1, dim + 1))
    signal = max((np.abs(component) + np.sqrt(1.4 * pressure / density))[inside].max() for component in velocity)
    assert fields.scales[1].floor == pytest.approx(1e-10 * signal)


@pytest.mark.parametrize(("name", "parameters"), BUILT_IN)
@pytest.mark.parametrize("noise", [0.0, 1e-15])
def test_constant_fields_and_round_off_are_not_refined(name, parameters, noise):
    physics = create_physics("euler", 2)
    layout = Layout(2, 8, 2, physics.n_var)
    rng = np.random.default_rng(1)
    shape = (4, *layout.shape[1:])
    velocity = [noise * rng.normal(size=shape) for _ in range(2)]
    pressure = 1e5 * (1 + noise * rng.normal(size=shape))
    u = euler_state(layout, 4, physics, velocity=velocity, pressure=pressure)
    indicator = create_indicator(name, physics, {**parameters, "variables": ["density", "velocity", "pressure"]})
    eta, near = evaluate(indicator, physics, layout, u, 3)
    assert (near == 0).all()
    assert (eta < indicator.coarsen).all()
    assert np.isfinite(eta).all()
    if noise == 0:
        assert (eta == 0).all()


@pytest.mark.parametrize(("name", "parameters"), BUILT_IN)
def test_zero_everywhere_is_zero(name, parameters):
    physics = create_physics("burgers", 1)
    layout = Layout(1, 8, 2, 1)
    indicator = create_indicator(name, physics, parameters)
    eta, near = evaluate(indicator, physics, layout, np.zeros((2, *layout.shape)), 8)
    assert (eta == 0).all()
    assert (near == 0).all()


def test_atol_is_the_least_scale():
    physics = create_physics("burgers", 1)
    layout = Layout(1, 8, 2, 1)
    u = np.zeros((1, *layout.shape))
    u[..., 6:] = 1e-3
    for parameters, expected in (({}, 1.0), ({"atol": 1.0}, 1e-3)):
        indicator = create_indicator("jump", physics, parameters)
        assert evaluate(indicator, physics, layout, u)[0] == pytest.approx(expected)


# ---- parameters ---------------------------------------------------------------------------------------------------------------


def test_thresholds_default_by_indicator_mode_and_section():
    physics = create_physics("euler", 2)
    made = {
        "lohner": create_indicator("lohner", physics),
        "flash": create_indicator("lohner", physics, {"mode": "flash"}),
        "section": create_indicator("jump", physics, refine=0.1),
        "own": create_indicator("jump", physics, {"refine": 0.2, "coarsen": 0.01}, refine=0.1, coarsen=0.05),
        "plugin": create_indicator("a.py:f", physics, function=lambda w, spacing, level: level),
        "plugin_section": create_indicator("a.py:f", physics, refine=0.5, function=lambda w, spacing, level: level),
    }
    assert {k: (m.refine, m.coarsen) for k, m in made.items()} == {
        "lohner": (0.11, 0.055),
        "flash": (0.8, 0.2),
        "section": (0.1, pytest.approx(0.05)),
        "own": (0.2, 0.01),
        "plugin": (1.0, 0.5),
        "plugin_section": (0.5, 0.25),
    }
    assert made["lohner"].variables == (0, 3)
    assert create_indicator("jump", physics, {"variables": ["velocity", "pressure"]}).variables == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "parameters", "section", "texts"),
    [
        ("lonher", {}, {}, ["unknown indicator 'lonher'", 'did you mean "lohner"']),
        ("jump", {"refin": 0.1}, {}, ["refin: "]),
        ("jump", {"refine": -1}, {}, ["refine: "]),
        ("jump", {"refine": 0.1, "coarsen": 0.2}, {}, ["coarsen: 0.2 must be below refine = 0.1"]),
        ("jump", {"coarsen": 0.2}, {}, ["coarsen: 0.2 must be below refine = 0.05"]),
        ("jump", {"refine": 0.1}, {"coarsen": 0.2}, ["coarsen: 0.2 must be below refine = 0.1"]),
        (
            "jump",
            {"variables": ["rho", "velocity", "p"]},
            {},
            ["variables: 'rho'", "variables: 'p'", "density, velocity_x"],
        ),
        ("lohner", {"mode": "flsh", "filter": 2}, {}, ["mode: ", "filter: "]),
    ],
)
def test_faults_are_told_at_once(name, parameters, section, texts):
    with pytest.raises(CaseError) as caught:
        create_indicator(name, create_physics("euler", 2), parameters, **section)
    for text in texts:
        assert text in str(caught.value)


# ---- plugins -------------------------------------------------------------------------------------------------------------------


def plugin_result(function, dim=2, n_block=3, label="my.py:f", parameters=None, **values):
    physics = create_physics("euler", dim)
    layout = Layout(dim, 8, 2, physics.n_var)
    u = euler_state(layout, n_block, physics, **values)
    indicator = PluginIndicator(label, function, physics, parameters)
    fields = Fields(physics, layout, indicator.variables)
    fields.measure(u, OneRank())
    return indicator.evaluate(BlockFields(fields, u), np.full((n_block, dim), 0.1), np.arange(n_block, dtype=np.int8))


def test_plugin_receives_all_blocks_and_buffers_whole_blocks():
    seen = {}

    def function(w, spacing, level, *, weight=1.0):
        seen.update(w=w, spacing=spacing, level=level)
        return weight * level

    eta = plugin_result(function, parameters={"weight": 0.75})
    assert (eta == [0.0, 0.75, 1.5]).all()
    assert (near_everywhere(eta > 1.0, 4, 2) == [0, 0, 2**9 - 1]).all()
    assert (near_everywhere(eta > 1.0, 0, 2) == [0, 0, 2**4]).all()
    assert set(seen["w"]) == {"density", "velocity_x", "velocity_y", "velocity", "pressure"}
    assert seen["w"]["density"].shape == (3, 1, 12, 12)
    assert seen["w"]["velocity"].shape == (2, 3, 1, 12, 12)
    assert seen["w"]["velocity"][seen["w"].interior].shape == (2, 3, 1, 8, 8)
    assert seen["w"].scale["velocity"] >= 0
    assert not seen["w"]["density"].flags.writeable
    assert seen["spacing"].shape == (3, 2)
    assert seen["level"].shape == (3,)


def raises(w, spacing, level):
    raise KeyError("velocity_q")


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda w, spacing, level: 1.0, r"shape \(\), not one number for each of the 3 blocks, \(3,\)"),
        (lambda w, spacing, level: w["density"], r"shape \(3, 1, 12, 12\)"),
        (lambda w, spacing, level: np.array([0, np.nan, np.nan]), "NaN for 2 of 3 blocks"),
        (lambda w, spacing, level: "abc", "ValueError: could not convert"),
        (lambda w, spacing, level: None, "TypeError|shape"),
        (lambda w, spacing, level: w["density"].fill(0), "ValueError.*read-only"),
        (raises, r"KeyError: 'velocity_q' \(test_indicators.py, line \d+\)"),
    ],
)
def test_plugin_faults_name_the_plugin(function, text):
    with pytest.raises(PluginError, match=f'indicator "my.py:f": .*({text})'):
        plugin_result(function)


@pytest.mark.parametrize(
    ("function", "parameters", "text"),
    [
        (lambda w: 0, {}, r"name: must be a function of \(w, spacing, level\), not of 1 arguments"),
        (lambda w, spacing, level, wide=1: 0, {"wid": 2}, 'wid: the plugin takes no such keyword; did you mean "wide"'),
        (lambda w, spacing, level, *, wide: 0, {}, "wide: missing keyword"),
        (lambda w, spacing, level: 0, {"refine": 0}, "refine: "),
    ],
)
def test_plugin_keywords_are_checked_before_a_run(function, parameters, text):
    with pytest.raises(CaseError, match=text):
        create_indicator("my.py:f", create_physics("euler", 2), parameters, function=function)


def test_plugin_is_called_for_some_blocks_at_a_time_and_never_for_none():
    layout = Layout(2, 8, 2, 4)
    assert some_blocks(layout, 0) == []  # more ranks than blocks: many NumPy expressions fail on nothing
    some = some_blocks(layout, 1000)
    assert [block for each in some for block in range(1000)[each]] == list(range(1000))
    assert {len(range(1000)[each]) for each in some[:-1]} == {(1 << 15) // 144}


def test_example_plugin_sees_rotation_and_nothing_else():
    function = resolve("my_indicators.py:vorticity", "amr.indicators", CASES / "plugins")
    layout = layout_of(2, n_var=4)
    x, y = (np.broadcast_to(c, (3, *layout.shape[1:])) for c in points(layout))
    scale = np.array([0.0, 1.0, 0.0])[:, None, None, None]
    noise = np.array([1.0, 0.0, 0.0])[:, None, None, None]
    eta = plugin_result(function, velocity=[-scale * y + noise * x, scale * x + noise * y])
    # Solid rotation: the curl is 2 / h; over all blocks a component ranges over 14.
    assert eta == pytest.approx([0.0, 2 / 14, 0.0], abs=1e-12)


def test_decider_refuses_a_buffer_wider_than_a_block():
    physics = create_physics("burgers", 1)
    with pytest.raises(CaseError, match="buffer: 9 cells"):
        Finder(OneRank(), physics, Layout(1, 8, 2, 1), None, [], buffer=9)
    with pytest.raises(CaseError, match="combine: 'xor'"):
        Finder(OneRank(), physics, Layout(1, 8, 2, 1), None, [], combine="xor")


# ---- the cells of the parent ----------------------------------------------------------------------------------------------


def found_with(layout, w, low, **job):
    """What an indicator finds on blocks of one variable, with the parent's cells where all is <= low."""
    found = kernel.Indicated(np.full((len(w), 1), np.inf), 1, np.full((len(w), 1), low))
    spec, blocks = create_physics("burgers", layout.dim).spec, np.arange(len(w), dtype=np.int32)
    jobs = [{"variable": 0, "column": 0, "scale": 1.0, "buffer": 0, "filter": 0.05, "floor": 0.0, **job}]
    kernel.indicate(spec, layout, w[:, None], blocks, jobs, found)
    return found


@pytest.mark.parametrize("dim", DIMS)
def test_only_blocks_that_could_coarsen_are_looked_at_on_their_parents_cells(dim):
    layout = layout_of(dim, n=16)
    wave = field(layout, lambda *x: sum(np.sin(0.5 * c) for c in x))[0]
    found = found_with(layout, np.stack([wave, 0.1 * wave]), low=0.005, id=kernel.MULTIRESOLUTION)
    assert found.eta[0] > 0.005 > found.eta[1]
    assert found.parent[0] == found.eta[0]
    # Third order: what a wave of twice the angle shows is nearly 8 times as much.
    assert 6 < found.parent[1, 0] / found.eta[1, 0] < 8


@pytest.mark.parametrize("indicator", [kernel.JUMP, kernel.SECOND_DIFFERENCE, kernel.LOHNER, kernel.MULTIRESOLUTION])
@pytest.mark.parametrize(("dim", "axis", "side"), [(d, a, s) for d in DIMS for a in range(d) for s in (0, 1)])
def test_a_uniform_block_beside_another_value_is_not_taken_for_uniform(dim, axis, side, indicator):
    layout = layout_of(dim, n=8)
    w = field(layout, lambda *x: np.where(x[axis] < 7.5 if side else x[axis] > -0.5, 2.0, 3.0))
    assert (w[0][layout.interior] == 2.0).all()
    assert found_with(layout, w, low=1.0, id=indicator).eta[0] > 0.1
    nothing = found_with(layout, np.full_like(w, 2.0), low=1.0, id=indicator)
    assert nothing.eta[0] == nothing.parent[0] == 0.0
