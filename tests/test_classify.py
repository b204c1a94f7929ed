"""The spectral guard's classes: exact values of the features, recall on generated blocks, symmetry, systems of equations."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

from amr.guard.classify import Kind, classify
from amr.guard.confusion import classify_generated, measure
from amr.guard.generators import FAMILIES, generate, half_space
from amr.guard_command import guard
from amr.mesh.pool import Layout
from amr.physics import create_physics
from amr.scheme.ghosts import Pools
from tests.indicator_tools import points
from tests.test_refined_step import Run, blast, refined
from tests.transfer_tools import euler, interior

ADVECTION = {dim: create_physics("advection", dim, {"velocity": [1.0] * dim}) for dim in (1, 2, 3)}


def features(dim, fields, with_all=True, scale=1.0, tau=1e-6):
    """Classes of blocks (count, nk, nj, ni) of one variable with two ghosts."""
    fields = np.ascontiguousarray(fields)[:, None]
    layout = Layout(dim, fields.shape[-1] - 4, 2, 1)
    return classify(ADVECTION[dim].spec, layout, fields, np.arange(len(fields)), [0], [scale], tau, with_all=with_all)


def wave(dim, n, theta, phase=0.0, axis=0):
    x = points(Layout(dim, n, 2, 1))
    return np.broadcast_to(np.cos(theta * x[axis] + phase), Layout(dim, n, 2, 1).shape[1:])


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("cells_per_wave", [3, 4, 6, 12])
def test_exponents_of_a_wave(dim, cells_per_wave):
    theta, n = 2 * np.pi / cells_per_wave, 16
    phases = np.linspace(0, np.pi, 24, endpoint=False)
    found = features(dim, np.stack([wave(dim, n, theta, p, dim - 1) for p in phases]))
    exact = {p: p + (p + 1) * np.log2(np.cos(theta / 2)) for p in (2, 3)}
    # A single block holds no whole number of waves: the mean over phases of the squares is what is exact.
    assert np.median(found["q1"]) == pytest.approx(exact[2], abs=0.04)
    assert np.median(found["q3"]) == pytest.approx(exact[3], abs=0.06)
    assert np.median(found["cells_per_wave"]) == pytest.approx(cells_per_wave, rel=0.02)


def test_exponents_of_a_quadratic_and_of_a_cubic():
    x = points(Layout(1, 16, 2, 1))[0]
    parabola, cubic = features(1, np.stack([x**2 / 8, x**3 / 64]) + np.zeros((2, 1, 1, 20)))
    assert (parabola["q1"], parabola["q2"], parabola["cells_per_wave"]) == (2, 2, np.inf)
    assert cubic["q3"] == pytest.approx(3, abs=1e-9)
    assert parabola["kind"] == cubic["kind"] == Kind.SMOOTH
    assert parabola["PR"] == pytest.approx(1)
    assert parabola["amplitude"] == pytest.approx(0.25)
    assert parabola["rms"] == pytest.approx(0.25)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("n", [16, 32])
def test_a_jump_has_exponent_one_half(dim, n):
    found = features(dim, generate("jump", dim, n, 40, 5))
    assert np.median(found["q1"]) == pytest.approx(0.5, abs=0.12)
    assert np.median(found["q2"]) == pytest.approx(0.5, abs=0.12)


def test_a_jump_averaged_over_its_places_in_a_cell():
    n = 64
    x = points(Layout(1, n, 2, 1))[0]
    found = features(1, np.stack([np.clip(x - n // 2 + f, 0, 1) for f in (np.arange(64) + 0.5) / 64]))
    assert np.all(found["kind"] == Kind.DISCONTINUITY)
    # E_h is a mean over n + 2 places, E_2h over n - 1.
    fine, coarse = np.mean(found["rms"] ** 2) * n, np.mean(found["rms"] ** 2 * 4 ** found["q1"]) * n * (n - 1) / (n + 2)
    assert -0.5 * np.log2(fine / coarse) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_white_noise_has_exponent_minus_half_the_dimension(dim):
    found = classify_generated("white_noise", dim, 32, {1: 400, 2: 100, 3: 8}[dim], 6, with_all=True)
    for name in ("q1", "q2", "q3"):
        assert np.median(found[name]) == pytest.approx(-dim / 2, abs=0.06), name
    assert np.median(found["flh"]) > {1: 0.5, 2: 0.95, 3: 0.95}[dim]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_checkerboards_and_stripes(dim):
    layout = Layout(dim, 16, 2, 1)
    x = points(layout)
    modes = range(1, 2**dim)
    ghosts = [np.broadcast_to((-1.0) ** sum(x[a] for a in range(dim) if m >> a & 1), layout.shape[1:]) for m in modes]
    found = features(dim, np.stack(ghosts))
    assert np.all(found["chi"] == 1)
    assert np.all(found["PR"] == 1)
    assert np.all(np.isneginf(found["q1"]))
    assert np.all(found["kind"] == Kind.ODD_EVEN)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_rows_of_fronts_are_monotone_and_those_of_short_waves_are_not(dim):
    n = 16
    layout = Layout(dim, n, 2, 1)
    x = np.broadcast_to(points(layout)[dim - 1], layout.shape[1:])
    rise, spike = np.clip(x - 6.3, 0, 1), 1.0 * (x == 7)
    found = features(dim, np.stack([rise, -rise, spike, wave(dim, n, np.pi, axis=dim - 1)]))
    # Of the five places where a spike bends, with 1, 5, 6, 5 and 1 of the weight, it is at one end for the first and the last.
    assert found["mono"] == pytest.approx([1, 1, 2 / 18, 0], abs=1e-9)
    four = features(dim, np.stack([wave(dim, n, np.pi / 2, p, dim - 1) for p in np.linspace(0, 3, 7)]))
    assert four["mono"] == pytest.approx(0, abs=1e-9)


FRONTS = ("front", "curved_front", "two_fronts", "front_at_corner", "front_with_ripple")


@pytest.mark.parametrize(("dim", "n", "count"), [(1, 16, 600), (1, 32, 300), (2, 16, 200), (2, 32, 40), (3, 16, 16)])
def test_captured_fronts_are_not_under_resolved(dim, n, count):
    for row in measure(dim, n, count, 11, FRONTS):
        assert row.right >= 0.98, (row.family, row.shares)
        most = 0.5 if row.family == "two_fronts" else 0.85 if dim == 1 else 0.95
        assert row.shares[Kind.DISCONTINUITY] >= most - 0.05, (row.family, row.shares)


def test_features_that_were_not_needed_are_nan_and_the_kind_is_the_same():
    for family in FAMILIES:
        u = generate(family, 2, 16, 40, 8)
        some, every = features(2, u, with_all=False), features(2, u)
        assert np.array_equal(some["kind"], every["kind"])
        for name in some.dtype.names:
            known = ~np.isnan(some[name])
            assert np.array_equal(some[name][known], every[name][known]), name
    smooth = features(2, generate("smooth", 2, 16, 5, 8), with_all=False)
    assert np.all(np.isnan(smooth["flh"]))


def test_a_quiet_variable_is_smooth():
    u = generate("jump", 2, 16, 5, 1)
    assert np.all(features(2, u, scale=1e3, tau=0.02)["kind"] == Kind.SMOOTH)
    assert np.all(features(2, u, scale=0.0)["kind"] == Kind.SMOOTH)
    assert np.all(features(2, u, scale=0.0)["amplitude"] == 0)
    assert np.all(features(2, np.zeros_like(u))["kind"] == Kind.SMOOTH)


def test_scale_and_offset_change_no_class():
    for family in FAMILIES:
        u = generate(family, 2, 16, 30, 4)
        one, other = features(2, u), features(2, 1e5 + 1e-2 * u, scale=1e-2)
        assert np.mean(one["kind"] != other["kind"]) <= 0.05, family
        assert np.allclose(one["amplitude"], other["amplitude"], rtol=1e-6)
        twice = features(2, 2.0**40 * u, scale=2.0**40)
        assert one.tobytes() == twice.tobytes(), family


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("n", [8, 16])
def test_mirrored_and_transposed_data_give_the_same_bits(dim, n):
    for family in FAMILIES:
        u = generate(family, dim, n, 6, 3)
        found = features(dim, u)
        same = [np.flip(u, 3 - axis) for axis in range(dim)]
        same += [np.swapaxes(u, 3, 3 - axis) for axis in range(1, dim)]
        same += [np.swapaxes(u, 1, 2)] if dim == 3 else []
        for other in same:
            assert features(dim, other).tobytes() == found.tobytes(), family


EASY = tuple(name for name, family in FAMILIES.items() if not family.is_hard)


@pytest.mark.parametrize(
    ("dim", "n", "count", "least"),
    [
        (1, 16, 600, {"white_noise": 0.74}),
        (1, 32, 300, {"white_noise": 0.84}),
        (1, 8, 600, {"white_noise": 0.5, "under_resolved_packet": 0.82, "two_fronts": 0.84}),
        (2, 16, 200, {}),
        (2, 32, 60, {}),
        (2, 8, 300, {"under_resolved_packet": 0.9, "two_fronts": 0.9}),
        (3, 8, 60, {"two_fronts": 0.9}),
        (3, 16, 30, {}),
    ],
)
def test_recall(dim, n, count, least):
    for row in measure(dim, n, count, 2, EASY):
        assert row.right >= least.get(row.family, 0.95), (row.family, row.shares)


@pytest.mark.parametrize("dim", [2, 3])
def test_real_structure_is_never_taken_for_an_artefact(dim):
    families = ("turbulence", "layer", "spike", "jump_with_odd_even", "jump_with_noise", "kink")
    for row in measure(dim, 16, {2: 200, 3: 30}[dim], 2, families):
        assert row.shares[[Kind.NOISE, Kind.ODD_EVEN]].sum() <= 0.01, row.family


def test_k_to_the_minus_5_thirds_in_one_dimension_is_ambiguous():
    (row,) = measure(1, 16, 1000, 2, ("turbulence",))
    assert 0.18 <= row.shares[Kind.NOISE] <= 0.36  # a single sample decides badly: why noise is pooled


def test_the_gravest_variable_decides():
    physics, dim, n = create_physics("acoustics", 2, {}), 2, 16
    layout = Layout(dim, n, 2, physics.n_var)
    noise, jump, ripple = (generate(name, dim, n, 1, 9)[0] for name in ("white_noise", "jump", "under_resolved_wave"))
    checker = generate("odd_even", dim, n, 1, 9)[0]

    def decide(*fields, scales=(1.0, 1.0, 1.0)):
        u = np.stack(fields)[None]
        (found,) = classify(physics.spec, layout, u, [0], [0, 1, 2], scales, 0.02)
        return Kind(found["kind"]), int(found["variable"])

    quiet = np.zeros_like(noise)
    assert decide(noise, jump, ripple) == (Kind.UNDER_RESOLVED, 2)
    assert decide(noise, jump, checker) == (Kind.DISCONTINUITY, 1)
    assert decide(noise, quiet, checker) == (Kind.NOISE, 0)
    assert decide(checker, quiet, quiet) == (Kind.ODD_EVEN, 0)
    assert decide(noise, 2 * noise, quiet) == (Kind.NOISE, 1)
    assert decide(noise, jump, quiet, scales=(1.0, 1e6, 1.0)) == (Kind.NOISE, 0)  # a jump that does not alarm
    assert decide(noise, generate("resolved_wave", dim, n, 1, 9)[0], quiet)[0] == Kind.RESOLVED_WAVE


def test_what_is_not_offered_is_refused():
    spec = ADVECTION[2].spec
    for n, g in ((16, 1), (6, 2), (66, 2)):
        layout = Layout(2, n, g, 1)
        with pytest.raises(ValueError, match="not offered"):
            classify(spec, layout, np.zeros((1, *layout.shape)), [0], [0], [1.0], 0.02)
    layout = Layout(2, 16, 2, 1)
    u = np.zeros((1, *layout.shape))
    with pytest.raises(ValueError, match="block 1 of 1"):
        classify(spec, layout, u, [1], [0], [1.0], 0.02)
    with pytest.raises(ValueError, match="not offered"):
        classify(spec, layout, u, [0], [1], [1.0], 0.02)
    with pytest.raises(ValueError, match="0 variables"):
        classify(spec, layout, u, [0], [], [], 0.02)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_ghosts_filled_by_a_plan_are_those_of_the_pool(dim):
    root = tuple(2 if a < dim else 1 for a in range(3))
    run = Run(refined(dim, root, (True,) * 3), euler(dim), "periodic", blast, 8)
    blocks, variables = np.arange(len(run.u)), [0, dim + 1]
    bare = np.full_like(run.u, np.nan)
    interior(bare, run.layout)[...] = interior(run.u, run.layout)
    (group,) = run.ghosts.groups
    group.start(Pools.one(bare))
    group.wait()
    part = run.physics.spec, run.layout
    made = classify(*part, bare, blocks, variables, [1.0, 1.0], 0.02, run.ghosts.plan, with_all=True)
    run.ghosts.fill(run.u, 0.0)
    filled = classify(*part, run.u, blocks, variables, [1.0, 1.0], 0.02, with_all=True)
    assert made.tobytes() == filled.tobytes()
    assert len(set(made["kind"])) > 1
    assert not np.any(np.isnan(made["q1"][made["amplitude"] >= 0.005]))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("power", [0, 1])
def test_averages_of_a_half_space_are_those_of_fine_samples(dim, power):
    rng, m = np.random.default_rng(4), {1: 400, 2: 60, 3: 24}[dim]
    normal = rng.uniform(0.2, 1, (dim, 30)) * rng.choice([-1, 1], (dim, 30))
    normal /= np.sqrt((normal**2).sum(axis=0))
    distance = rng.uniform(-1, 1, 30)
    sub = np.stack(np.meshgrid(*[(np.arange(m) + 0.5) / m - 0.5] * dim)).reshape(dim, -1)
    s = distance[:, None] + normal.T @ sub
    sampled = (np.maximum(s, 0) if power else s > 0).mean(axis=1)
    assert np.allclose(half_space(distance, list(normal), power), sampled, atol=0.01)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_generators_are_deterministic(family):
    u = generate(family, 2, 8, 5, 1)
    assert u.shape == (5, *Layout(2, 8, 2, 1).shape[1:])
    assert np.all(np.isfinite(u))
    assert np.array_equal(u, generate(family, 2, 8, 5, 1))
    assert not np.array_equal(u, generate(family, 2, 8, 5, 2))


def test_the_command_prints_the_table():
    result = CliRunner().invoke(guard, ["classes", "--dim", "1", "--count", "50", "--markdown"], standalone_mode=False)
    assert result.exception is None
    assert re.search(r"\| stripes and checkerboards \|( 0\.000 \|){5} 1\.000 \| 1\.000 \|", result.output)
    assert CliRunner().invoke(guard, ["classes", "--block-cells", "9"]).exit_code == 2
