"""Problems: exact states solve their equations, initial states are what the references say, sampling is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr._kernels import physics as kernel
from amr.errors import PluginError
from amr.guard.nodes import gauss_points
from amr.physics import create_physics
from amr.physics.sources import SOURCES
from amr.problems import PROBLEMS, exact_riemann
from amr.problems.base import Setting
from amr.problems.exact_riemann import GasState, WaterState
from amr.problems.riemann_2d import CONFIGURATIONS
from amr.problems.sample import average_pieces, error_sums
from amr.problems.sedov import similarity

SOD = {
    "left": {"density": 1.0, "velocity": [0.0], "pressure": 1.0},
    "right": {"density": 0.125, "velocity": [0.0], "pressure": 0.1},
}
FIELD = {"velocity_field": True}


def bound(name, dim, physics="euler", lower=0.0, upper=1.0, periodic=False, gravity=0.0, params=None, **keys):
    """A problem on a cube, and its physics."""
    made = create_physics(physics, dim, params or {})
    g = np.zeros(dim)
    g[-1] = gravity
    periodic, own = periodic or name == "jeans", float(name == "jeans")
    setting = Setting(
        dim, physics, made.parameters, made.primitives, np.full(dim, lower), np.full(dim, upper), (periodic,) * dim, g, own,
        made.energy,
    )  # fmt: skip
    problem = PROBLEMS[name].model_validate(keys)
    assert list(problem.faults(setting)) == []
    return problem.bind(setting), made


def states(problem, physics, x, t=None):
    """Primitive states (n_var, m)."""
    return physics.pack_primitives(problem.initial(x) if t is None else problem.exact(x, t), x.shape[1])


# ---- exact Riemann solutions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "pressure", "velocity"),
    [  # Toro 2009, table 4.2
        ((1.0, 0.0, 1.0), (0.125, 0.0, 0.1), 0.30313, 0.92745),
        ((1.0, -2.0, 0.4), (1.0, 2.0, 0.4), 0.00189, 0.0),
        ((1.0, 0.0, 1000.0), (1.0, 0.0, 0.01), 460.894, 19.5975),
        ((1.0, 0.0, 0.01), (1.0, 0.0, 100.0), 46.0950, -6.19633),
        ((5.99924, 19.5975, 460.894), (5.99242, -6.19633, 46.0950), 1691.64, 8.68975),
    ],
)
def test_toros_star_states(left, right, pressure, velocity):
    p, u = exact_riemann.gas_star(GasState(*left), GasState(*right), 1.4)
    assert p == pytest.approx(pressure, rel=3e-3 if pressure < 0.01 else 2e-5)
    assert u == pytest.approx(velocity, rel=2e-5, abs=1e-12)


gas_states = st.builds(GasState, st.floats(1e-3, 1e3), st.floats(-20, 20), st.floats(1e-6, 1e5))
water_states = st.builds(WaterState, st.floats(1e-3, 1e3), st.floats(-50, 50))


def euler_flux(w, gamma):
    energy = w.pressure / (gamma - 1) + 0.5 * w.density * w.velocity**2
    u = np.array([w.density, w.density * w.velocity, energy])
    return u, u * w.velocity + np.array([0 * w.pressure, w.pressure, w.pressure * w.velocity])


def _check_balance(s, u, f_left, f_right, u_left, u_right):
    """d/dt of the integral of u over [s_0 t, s_1 t] is what the fluxes say: integral of the similarity solution."""
    integral = np.sum(0.5 * (u[:, 1:] + u[:, :-1]) * np.diff(s), axis=1)
    expected = s[-1] * u_right - s[0] * u_left + f_left - f_right
    scale = np.abs(u).max(axis=1) * (s[-1] - s[0])
    scale[1] = max(scale[1], scale[0] * (s[-1] - s[0]))  # momentum: mass times the largest speed
    assert np.all(np.abs(integral - expected) <= 2e-4 * scale)


@settings(max_examples=60, deadline=None)
@given(gas_states, gas_states, st.sampled_from([1.1, 1.4, 5 / 3]))
def test_the_gas_solution_conserves(left, right, gamma):
    c = max(np.sqrt(gamma * w.pressure / w.density) for w in (left, right))
    star = exact_riemann.gas_star(left, right, gamma)
    reach = 3 * (abs(left.velocity) + abs(right.velocity) + c) / (gamma - 1)
    if star is not None:
        jump = [np.sqrt(max(star[0], w.pressure) / w.density) for w in (left, right)]
        reach = max(reach, 3 * max(jump) + abs(left.velocity) + abs(right.velocity))
    s = np.linspace(-reach, reach, 60001)
    w, _ = exact_riemann.gas(s, left, right, gamma)
    assert np.all(w.density >= 0) and np.all(w.pressure >= 0)
    u, _ = euler_flux(w, gamma)
    (u_left, f_left), (u_right, f_right) = euler_flux(left, gamma), euler_flux(right, gamma)
    _check_balance(s, u, f_left, f_right, u_left, u_right)


@settings(max_examples=60, deadline=None)
@given(water_states, water_states)
def test_the_water_solution_conserves(left, right):
    g = 9.81
    star = exact_riemann.water_star(left, right, g)
    top = max(left.depth, right.depth, 0 if star is None else star[0])
    bore = np.sqrt(g * top * top / min(left.depth, right.depth))
    reach = 2 * (abs(left.velocity) + abs(right.velocity)) + 3 * (np.sqrt(g * top) + bore)
    s = np.linspace(-reach, reach, 60001)
    w, _ = exact_riemann.water(s, left, right, g)
    assert np.all(w.depth >= 0)

    def conserved(w):
        u = np.array([w.depth, w.depth * w.velocity])
        return u, u * w.velocity + np.array([0 * w.depth, 0.5 * g * w.depth**2])

    (u_left, f_left), (u_right, f_right) = conserved(left), conserved(right)
    _check_balance(s, conserved(w)[0], f_left, f_right, u_left, u_right)


def test_the_gas_solution_is_mirrored_to_the_last_bit():
    left, right = GasState(1.0, 0.3, 1.0), GasState(0.125, -0.2, 0.1)
    s = np.linspace(-3, 3, 1001)
    there, _ = exact_riemann.gas(s, left, right, 1.4)
    back, _ = exact_riemann.gas(-s, GasState(0.125, 0.2, 0.1), GasState(1.0, -0.3, 1.0), 1.4)
    assert np.allclose(there.density, back.density, rtol=1e-14) and np.allclose(
        there.velocity, -back.velocity, atol=1e-14
    )


@pytest.mark.parametrize("number", CONFIGURATIONS)
def test_lax_and_lius_neighbours_are_joined_by_one_wave(number):
    table = CONFIGURATIONS[number]
    for a, b, axis in ((1, 0, 0), (2, 3, 0), (3, 0, 1), (2, 1, 1)):
        left, right = (GasState(row[1], row[2 + axis], row[0]) for row in (table[a], table[b]))
        p, _ = exact_riemann.gas_star(left, right, 1.4)
        waves = [abs(p - w.pressure) > 2e-3 * p for w in (left, right)]
        w, is_left = exact_riemann.gas(np.linspace(-5, 5, 4001), left, right, 1.4)
        edge = int(np.argmin(is_left))
        contact = abs(w.density[edge] - w.density[edge - 1]) > 5e-3 or table[a][3 - axis] != table[b][3 - axis]
        assert sum(waves) + contact == 1


# ---- every problem -----------------------------------------------------------------------------------------------------------

EVERY = {
    "acoustic_pulse": [("acoustics", d, {}, {}) for d in (1, 2, 3)],
    "barenblatt": [
        ("diffusion", d, {"diffusivity": {"coefficient": 2.0, "exponent": n}}, {})
        for d in (1, 2, 3)
        for n in (0.5, 3.0)
    ],
    "blast": [("euler", d, {}, {}) for d in (1, 2, 3)],
    "constant": [("burgers", 2, {}, {"state": {"q": 1.0}}), ("euler", 1, {}, {"state": SOD["left"]})],
    "dam_break": [("shallow_water", 1, {}, {}), ("shallow_water", 2, {}, {"radius": 0.2})],
    "double_mach": [("euler", 2, {}, {})],
    "euler_wave": [("euler", d, {}, {}) for d in (1, 2, 3)],
    "implosion": [("euler", 2, {}, {}), ("euler", 3, {}, {})],
    "isentropic_vortex": [("euler", 2, {}, {}), ("euler", 3, {}, {})],
    "jeans": [("euler", d, {}, {"kind": kind}) for d in (1, 2, 3) for kind in ("standing", "travelling")],
    "kelvin_helmholtz": [("euler", 2, {}, {}), ("euler", 2, {}, {"width": 0.0})],
    "rayleigh_taylor": [("euler", 2, {}, {}), ("euler", 3, {}, {})],
    "langevin": [
        ("fokker_planck", d, {"temperature": 0.5, "landscape": "double_well"}, {"center": [0.4] * d, "start": start})
        for d in (1, 2, 3)
        for start in ("gaussian", "uniform")
    ],
    "morphogen": [
        (
            "reaction_diffusion",
            d,
            {"species": ["m"], "diffusivity": [0.01], "reaction": {"name": "decay", "rate": 1.0}},
            {"amplitude": 2.0},
        )
        for d in (1, 2, 3)
    ],
    "riemann": [
        ("euler", 1, {}, SOD),
        ("burgers", 2, {}, {"left": {"q": 1.0}, "right": {"q": 0.0}, "normal": [1.0, 1.0]}),
    ],
    "riemann_2d": [("euler", 2, {}, {"configuration": 3})],
    "sedov": [("euler", d, {}, {}) for d in (1, 2, 3)],
    "shu_osher": [("euler", 1, {}, {}), ("euler", 2, {}, {})],
    "sine": [("advection", 2, {"velocity": [1.0, 2.0]}, {}), ("burgers", 1, {}, {}), ("acoustics", 3, {}, {})],
    "spots": [
        (
            "diffusion",
            d,
            {"diffusivity": 1.0},
            {"inside": {"q": 2.0}, "outside": {"q": 1.0}, "centers": [[0.3] * d, [0.7] * d]},
        )
        for d in (1, 2, 3)
    ],
    "slotted_disc": [("advection", 2, FIELD, {})],
    "taylor_green": [
        ("euler", 2, {}, {}),
        ("navier_stokes", 3, {"viscosity": 0.1, "conductivity": 0.0}, {"waves": [1, 2], "mach": 0.3}),
    ],
    "wave_packet": [
        ("advection", 1, {"velocity": [1.0]}, {}),
        ("advection", 3, {"velocity": [1.0, 0.5, -1.0]}, {"waves": [9, 0, 3], "background": 0.5}),
    ],
    "woodward_colella": [("euler", 1, {}, {})],
}


def test_every_problem_is_tried():
    assert set(EVERY) == set(PROBLEMS)


@pytest.mark.parametrize(("name", "row"), [(n, r) for n, rows in EVERY.items() for r in rows])
def test_a_problem_starts_physical_and_exact(name, row):
    physics_name, dim, params, keys = row
    problem, physics = bound(name, dim, physics_name, gravity=-0.1, params=params, **keys)
    x = np.random.default_rng(3).random((dim, 500))
    w = states(problem, physics, x)
    assert w.shape == (physics.n_var, 500)
    assert np.all(physics.is_physical(physics.to_conserved(w)))
    if problem.has_exact(0.0):
        assert np.allclose(states(problem, physics, x, 0.0), w, atol=1e-13)
    for direction in range(2 * dim):
        function = problem.boundary(direction)
        if function is not None:
            values = physics.pack_primitives(function(x, 0.1, physics.unpack_primitives(w)), 500)
            assert np.all(physics.is_physical(physics.to_conserved(values)))
        elif problem.has_exact(0.0):
            pytest.fail("an exact state gives boundary states too")


SMOOTH = [
    ("sine", "advection", 1, {"velocity": [1.3]}, {"amplitude": 0.5, "mean": 1.0}),
    ("sine", "advection", 3, {"velocity": [1.0, -2.0, 0.5]}, {"waves": [1, 2, -1]}),
    ("sine", "burgers", 1, {}, {"amplitude": 0.3, "mean": 0.5}),
    ("sine", "burgers", 2, {}, {"amplitude": 0.2, "waves": [1, -2]}),
    ("sine", "acoustics", 2, {"density": 2.0, "sound_speed": 1.5}, {"waves": [1, 2]}),
    ("acoustic_pulse", "acoustics", 1, {"density": 2.0, "sound_speed": 1.5}, {"width": 0.3}),
    ("acoustic_pulse", "acoustics", 3, {"density": 2.0, "sound_speed": 1.5}, {"width": 0.3}),
    ("isentropic_vortex", "euler", 2, {"gamma": 1.4}, {"radius": 0.2, "center": [0.4, 0.6]}),
    ("euler_wave", "euler", 3, {"gamma": 5 / 3}, {"waves": [1, 2, 1], "velocity": [1.0, -1.0, 0.5]}),
    ("sedov", "euler", 1, {"gamma": 1.4}, {"energy": 4.0, "pressure": 1e-12}),
    ("sedov", "euler", 2, {"gamma": 1.4}, {"energy": 4.0, "pressure": 1e-12}),
    ("sedov", "euler", 3, {"gamma": 5 / 3}, {"energy": 4.0, "pressure": 1e-12}),
]


@pytest.mark.parametrize(("name", "physics_name", "dim", "params", "keys"), SMOOTH)
def test_a_smooth_exact_state_solves_the_equations(name, physics_name, dim, params, keys):
    """u_t + sum of f_x = 0 by fourth-order differences."""
    problem, physics = bound(name, dim, physics_name, params=params, **keys)
    x = 0.25 + 0.5 * np.random.default_rng(5).random((dim, 200))
    t, h = 0.11, 1e-3
    weights = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))

    def conserved(x, t):
        return physics.to_conserved(states(problem, physics, x, t))

    rate = sum(c * conserved(x, t + k * h) for k, c in weights) / h
    terms = [rate]
    for axis in range(dim):
        step = np.zeros((dim, 1))
        step[axis] = h
        flux = [c * kernel.flux(physics.spec, axis, states(problem, physics, x + k * step, t)) for k, c in weights]
        terms.append(sum(flux) / h)
    n = 1 if physics.static else physics.n_var  # a prescribed velocity has no equation
    size = np.max(np.abs(terms), axis=(0, 2))[:n] + 1e-3
    assert np.all(np.abs(sum(terms))[:n] <= 2e-4 * size[:, None])


def test_burgers_has_no_exact_state_after_the_shock():
    problem, _ = bound("sine", 1, "burgers")
    assert problem.has_exact(0.15) and not problem.has_exact(0.16)
    assert problem.shock_time == pytest.approx(1 / (2 * np.pi))


def test_a_riemann_problem_turns_with_its_normal():
    keys = {side: {**w, "velocity": [0.0, 0.0]} for side, w in SOD.items()}
    along_x, physics = bound("riemann", 2, offset=0.5, **keys)
    along_y, _ = bound("riemann", 2, offset=0.5, normal=[0.0, 3.0], **keys)
    x = np.random.default_rng(1).random((2, 300))
    a, b = states(along_x, physics, x, 0.1), states(along_y, physics, x[::-1].copy(), 0.1)
    assert np.array_equal(a[[0, 1, 2, 3]], b[[0, 2, 1, 3]])
    diagonal, _ = bound("riemann", 2, normal=[1.0, 1.0], offset=np.sqrt(0.5), **keys)
    w = states(diagonal, physics, x, 0.1)
    assert np.allclose(w[1], w[2]) and w[1].max() == pytest.approx(0.92745 * np.sqrt(0.5), rel=1e-4)


def test_a_riemann_problem_across_a_periodic_boundary_has_no_exact_state():
    problem, _ = bound("riemann", 1, periodic=True, **SOD)
    assert not problem.has_exact(0.1)


def test_tangential_velocity_and_scalars_follow_the_contact():
    keys = {
        "left": {"density": 1.0, "velocity": [0.0, 1.0], "pressure": 1.0, "dye": 1.0},
        "right": {"density": 0.125, "velocity": [0.0, -1.0], "pressure": 0.1},
    }
    problem, physics = bound("riemann", 2, params={"scalars": ["dye"]}, **keys)
    t, x = 0.2, np.linspace(-0.5, 0.5, 400)
    w = problem.exact(np.stack([x, 0 * x]), t)
    is_left = x < 0.92745 * t
    assert np.array_equal(w["dye"], np.where(is_left, 1.0, 0.0))
    assert np.allclose(w["velocity_y"], np.where(is_left, 1.0, -1.0))


def test_acoustic_and_burgers_riemann_problems():
    problem, _ = bound(
        "riemann", 1, "acoustics", params={"density": 2.0, "sound_speed": 3.0},
        left={"pressure": 1.0, "velocity": [0.0]}, right={"pressure": 0.0, "velocity": [0.0]},
    )  # fmt: skip
    w = problem.exact(np.array([[-1.0, 0.0, 1.0]]), 0.1)
    assert np.allclose(w["pressure"], [1.0, 0.5, 0.0]) and np.allclose(w["velocity_x"], [0.0, 1 / 12, 0.0])
    shock, _ = bound("riemann", 2, "burgers", normal=[1.0, 1.0], left={"q": 1.0}, right={"q": 0.0})
    # Along the diagonal coordinate (x + y) / sqrt 2 the flux is sqrt 2 q^2 / 2: the shock runs with sqrt 2 / 2.
    near = np.array([[0.5, 0.5], [0.45, 0.55]])
    assert list(shock.exact(near, 1.0)["q"]) == [1.0, 0.0]
    fan, _ = bound("riemann", 1, "burgers", left={"q": -1.0}, right={"q": 1.0})
    assert np.allclose(fan.exact(np.array([[-2.0, 0.3, 2.0]]), 1.0)["q"], [-1.0, 0.3, 1.0])


def test_double_mach_states_are_woodward_and_colellas():
    problem, physics = bound("double_mach", 2)
    w = physics.pack_primitives(problem.initial(np.array([[0.0, 0.9], [0.1, 0.1]])), 2)
    assert np.allclose(w[:, 0], [8.0, 8.25 * np.cos(np.pi / 6), -8.25 * np.sin(np.pi / 6), 116.5])
    assert np.allclose(w[:, 1], [1.4, 0.0, 0.0, 1.0])
    bottom, top = problem.boundary(2), problem.boundary(3)
    mirror = {"density": np.ones(2), "velocity": np.ones((2, 2)), "pressure": np.ones(2)}
    below = bottom(np.array([[0.1, 0.5], [-0.01, -0.01]]), 0.0, mirror)
    assert (
        np.allclose(below["density"], [8.0, 1.0]) and below["velocity_y"][1] == -1.0 and below["velocity_x"][1] == 1.0
    )
    foot = 1 / 6 + (1 + 20 * 0.1) / np.sqrt(3)  # Woodward and Colella's x_s(t) on y = 1
    above = top(np.array([[foot - 1e-6, foot + 1e-6], [1.0, 1.0]]), 0.1, mirror)
    assert np.allclose(above["density"], [8.0, 1.4])
    assert problem.boundary(1) is None


@pytest.mark.parametrize(("dim", "alpha"), [(1, 2 * 0.0673185 / 0.5**3), (2, 0.311357 / 0.75**4), (3, 0.851072)])
def test_sedov_constants_are_kamm_and_timmes(dim, alpha):
    assert similarity(dim, 1.4).alpha == pytest.approx(alpha, rel=1e-3 if dim == 1 else 1e-4)


def test_sedov_keeps_mass_and_energy():
    gamma = 1.4
    problem, _ = bound("sedov", 3, params={"gamma": gamma}, energy=2.0, density=3.0)
    profile, t = similarity(3, gamma), 0.05
    shock, speed = problem.shock_radius(t), 0.4 * problem.shock_radius(t) / t
    r = profile.xi * shock
    shell = 4 * np.pi * r**2

    def integral(f):
        return np.sum(0.5 * (f[1:] + f[:-1]) * np.diff(r))

    mass = integral(shell * 3 * profile.density)
    assert mass == pytest.approx(3 * 4 / 3 * np.pi * shock**3, rel=1e-3)
    density = 0.5 * 3 * profile.density * (speed * profile.velocity) ** 2 + 3 * speed**2 * profile.pressure / (
        gamma - 1
    )
    assert integral(shell * density) == pytest.approx(2.0, rel=1e-3)


def test_the_slotted_disc_is_back_after_each_turn():
    problem, physics = bound("slotted_disc", 2, "advection", params=FIELD, period=0.7)
    x = np.random.default_rng(2).random((2, 1000))
    assert np.array_equal(states(problem, physics, x, 7 * 0.7)[0], states(problem, physics, x)[0])
    area = states(problem, physics, np.random.default_rng(2).random((2, 200000)))[0].mean()
    assert area == pytest.approx(np.pi * 0.15**2 - 0.05 * 0.25, rel=0.05)


def test_rayleigh_taylor_is_in_balance():
    problem, _ = bound("rayleigh_taylor", 2, gravity=-0.1, lower=-0.75, upper=0.75, amplitude=0.0)
    y = np.linspace(-0.7, 0.7, 141)
    w = problem.initial(np.stack([0 * y, y]))
    slope = np.diff(w["pressure"]) / np.diff(y)
    density = problem.initial(np.stack([0 * y[1:], 0.5 * (y[1:] + y[:-1])]))["density"]
    assert np.allclose(slope, -0.1 * density)


def test_gravity_accelerates_and_works():
    source = SOURCES["gravity"](g=[0.0, -2.0]).function(2)
    w = {"density": np.full((1, 1, 4, 4), 3.0), "velocity": np.full((2, 1, 1, 4, 4), 0.5)}
    rate = source(np.zeros((2, 1, 1, 4, 4)), 0.0, w)
    assert set(rate) == {"momentum_y", "energy"}
    assert np.all(rate["momentum_y"] == -6.0) and np.all(rate["energy"] == -3.0)


# ---- sampling ----------------------------------------------------------------------------------------------------------------


def blocks(dim, n, count):
    rng = np.random.default_rng(7)
    return rng.random((count, 3)), 0.01 + 0.02 * rng.random((count, 3)), n


def average_states(*arguments):
    """The pieces of `average_pieces` in one, (n_block, n_var, n, ..., n)."""
    return np.concatenate([averages for _, averages in average_pieces(*arguments)])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_averages_of_polynomials_are_exact(dim):
    physics = create_physics("burgers", dim)
    corner, spacing, n = blocks(dim, 4, 3)

    def power(x):
        return {"q": np.prod(x**5, axis=0)}

    mean = average_states(power, physics, corner, spacing, n)
    assert mean.shape == (3, 1, *(n,) * dim)
    for block in range(3):
        factors = []
        for axis in range(dim):
            edge = corner[block, axis] + np.arange(n + 1) * spacing[block, axis]
            factors.append(np.diff(edge**6) / 6 / spacing[block, axis])
        expected = factors[0]
        for factor in factors[1:]:
            expected = np.multiply.outer(factor, expected)
        assert np.allclose(mean[block, 0], expected, rtol=1e-12)


def test_averages_do_not_depend_on_the_chunks(monkeypatch):
    problem, physics = bound("euler_wave", 2)
    corner, spacing, n = blocks(2, 8, 9)
    whole = average_states(problem.initial, physics, corner, spacing, n)
    monkeypatch.setattr("amr.problems.sample.CHUNK_POINTS", 9 * 64 * 2)
    pieces = list(average_pieces(problem.initial, physics, corner, spacing, n))
    assert [(part.start, part.stop) for part, _ in pieces] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 9)]
    assert all(np.array_equal(whole[part], averages) for part, averages in pieces)


@pytest.mark.parametrize("dim", [2, 3])
def test_averages_of_a_symmetric_state_are_symmetric_to_the_last_bit(dim):
    problem, physics = bound("implosion", dim, upper=0.3)
    mean = average_states(problem.initial, physics, np.zeros((1, 3)), np.full((1, 3), 0.3 / 24), 24)[0, 0]
    assert len(np.unique(mean)) > 3  # some cells are cut by the jump
    assert np.array_equal(mean, np.swapaxes(mean, -1, -2))
    assert np.array_equal(mean, np.swapaxes(mean, 0, -1))


def test_a_constant_state_is_constant_to_the_last_bit():
    problem, physics = bound("constant", 2, state={"density": 0.7, "velocity": [0.3, -0.1], "pressure": 1.1})
    mean = average_states(problem.initial, physics, *blocks(2, 8, 4)[:2], 8)
    assert all(len(np.unique(mean[:, v])) == 1 for v in range(4))


def test_no_blocks_give_no_averages():
    _, physics = bound("euler_wave", 2)
    assert not list(average_pieces(lambda x: 1 / 0, physics, np.zeros((0, 3)), np.zeros((0, 3)), 8))


def test_scalars_that_are_left_out_are_zero():
    physics = create_physics("euler", 1, {"scalars": ["dye"]})
    mean = average_states(
        lambda x: {"density": 1.0, "velocity": [0.0], "pressure": 1.0}, physics, np.zeros((1, 3)), np.ones((1, 3)), 8
    )
    assert np.allclose(mean[0, :, 0], [1.0, 0.0, 2.5, 0.0], atol=1e-15)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: {"q": np.zeros(3)}, r"q has shape \(3,\)"),
        (lambda x: {"q": np.full(x.shape[1], np.nan)}, "q is not finite at x = "),
        (lambda x: {"q": "text"}, "ValueError"),
        (lambda x: {"p": x[0]}, "p: not a primitive"),
        (lambda x: {}, "q: missing"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
        (lambda x: None, "TypeError"),
    ],
)
def test_a_function_that_fails_is_told(function, said):
    with pytest.raises(PluginError, match=f"(?s)my problem: .*{said}"):
        average_states(function, create_physics("burgers", 2), np.zeros((1, 3)), np.ones((1, 3)), 8, 3, "my problem")


def test_gauss_weights():
    for n in (1, 2, 3, 5):
        points, weights = gauss_points(2, n)
        assert points.shape == (2, n * n) and weights.sum() == pytest.approx(1.0)
        assert np.all((points > 0) & (points < 1))


def test_error_sums_make_the_norms():
    u = np.zeros((2, 1, 4, 4))
    exact = u.copy()
    exact[0] += 3.0
    sums = error_sums(u, exact, np.array([0.5, 0.25]))
    assert np.array_equal(sums["L1"], [[24.0], [0.0]])
    assert np.array_equal(sums["L2"], [[72.0], [0.0]])
    assert np.array_equal(sums["Linf"], [[3.0], [0.0]])


def test_a_problem_must_be_bound():
    with pytest.raises(RuntimeError, match="bound"):
        _ = PROBLEMS["blast"]().setting
