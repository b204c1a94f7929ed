"""The step kernel on single blocks: order, symmetry, conservation, what two blocks see at a shared face."""

import numpy as np
import pytest

from amr._kernels import step
from amr.mesh.pool import Layout
from amr.physics import create_physics
from amr.scheme.flux import INTEGRATORS, LIMITERS, RECONSTRUCTIONS, create_scheme, fault_of_pair, riemann_names
from tests.one_block import OneBlock

DIMS = {
    "advection": (1, 2, 3),
    "burgers": (1, 2, 3),
    "acoustics": (1, 2, 3),
    "euler": (1, 2, 3),
    "shallow_water": (1, 2),
}
SETS = [(name, dim) for name in DIMS for dim in DIMS[name]]
PAIRS = [(i, r) for i in INTEGRATORS for r in RECONSTRUCTIONS if not fault_of_pair(i, r)]
WIDE = [{"reconstruction": name, "integrator": "ssp_rk3"} for name in ("ppm", "weno5z")]
SCHEMES = [*({"limiter": name} for name in LIMITERS), *WIDE]
"""Every limiter with the predictor, and the reconstructions that have no predictor."""


def parameters(name, dim):
    return {"advection": {"velocity": [0.8, -0.5, 0.3][:dim]}, "euler": {"scalars": ["dye"]}}.get(name, {})


def make(name, dim, n, **options):
    return OneBlock(name, dim, n, parameters(name, dim), **options)


def rough(block, seed=0, jump=1.0):
    """Random, physical primitive states."""
    generator = np.random.default_rng(seed)
    physics = block.physics
    w = jump * generator.uniform(-1, 1, (physics.n_var, block.x.shape[1]))
    for name in ("density", "pressure", "depth"):
        if name in physics.primitives:
            w[physics.primitives.index(name)] = np.exp(w[physics.primitives.index(name)])
    return w


def sine(block, t):
    """Smooth exact solution: an oblique wave of unit wave number per axis; returns primitive cell averages (n_var, cells)."""
    n, dim, name = block.n, block.dim, block.physics.name
    average = (np.sin(np.pi / n) / (np.pi / n)) ** dim
    phase = 2 * np.pi * block.x.sum(0)
    if name == "acoustics":  # a plane wave along the diagonal, c = rho = 1
        p = average * np.sin(phase - 2 * np.pi * np.sqrt(dim) * t)
        return np.stack([p, *[p / np.sqrt(dim)] * dim])
    if name == "advection":
        return 1 + average * np.sin(phase - 2 * np.pi * sum(block.physics.parameters.velocity) * t)[None]
    density = 1 + 0.3 * average * np.sin(phase - np.pi * dim * t)
    rest = np.ones((1, phase.size))
    return np.vstack([density, *[0.5 * rest] * dim, rest, 0.25 * rest])


@pytest.mark.parametrize("integrator", INTEGRATORS)
@pytest.mark.parametrize(("dim", "sizes"), [(1, (64, 128)), (2, (16, 32)), (3, (16, 32))])
@pytest.mark.parametrize("name", ["advection", "acoustics", "euler"])
def test_smooth_problems_converge_at_second_order(name, dim, sizes, integrator):
    errors = []
    for n in sizes:
        block = make(name, dim, n, integrator=integrator, limiter="none")
        block.set(sine(block, 0))
        errors.append(np.abs(block.run_evenly(0.2)[0] - sine(block, 0.2)[0]).mean())
    assert np.log2(errors[0] / errors[1]) >= 1.9


def test_advection_in_a_field_that_rotates():
    errors = []
    for n in (32, 64):
        block = OneBlock("advection", 2, n, {"velocity_field": True}, limiter="none")
        x, y = block.x
        field = np.stack([np.sin(2 * np.pi * y), 0.5 + 0 * x])  # free of divergence
        shifted = (
            x - (np.cos(2 * np.pi * (y - 0.5 * 0.3)) - np.cos(2 * np.pi * y)) / np.pi
        )  # characteristics, from 0.3 back
        block.set(np.vstack([np.sin(2 * np.pi * x), field]))
        w = block.run(0.3)
        assert (w[1:] == field).all()
        errors.append(np.abs(w[0] - np.sin(2 * np.pi * shifted)).mean())
    assert np.log2(errors[0] / errors[1]) >= 1.8


@pytest.mark.parametrize(("integrator", "reconstruction"), PAIRS)
@pytest.mark.parametrize(("name", "dim"), SETS)
def test_free_stream_is_preserved(name, dim, integrator, reconstruction):
    for solver in riemann_names(create_physics(name, dim, parameters(name, dim))):
        block = make(name, dim, 8, integrator=integrator, riemann=solver, reconstruction=reconstruction)
        uniform = np.abs(rough(block)[:, :1]) + np.zeros((1, block.x.shape[1]))
        block.set(uniform)
        before = block.u.copy()[block.inner]
        for _ in range(5):
            block.step(0.8 / block.signal())
        assert np.abs(block.u[block.inner] / before - 1).max() < 2e-14


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
@pytest.mark.parametrize("name", ["burgers", "acoustics", "euler", "shallow_water"])
def test_swapping_x_and_y_gives_the_same_bits(name, scheme):
    for solver in riemann_names(create_physics(name, 2)):
        one, two = (OneBlock(name, 2, 12, riemann=solver, **scheme) for _ in range(2))
        w = rough(one, jump=1.0 if scheme.get("limiter") != "none" else 0.05)
        swap = list(range(one.physics.n_var))
        for a, b in one.physics.vectors.values():
            swap[a], swap[b] = b, a
        one.set(w)
        two.u[two.inner] = one.u[one.inner][swap].swapaxes(-1, -2)
        dt = 0.5 / one.signal()
        assert two.signal() == one.signal()
        one.step(dt)
        two.step(dt)
        assert (two.u[two.inner] == one.u[one.inner][swap].swapaxes(-1, -2)).all()


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
@pytest.mark.parametrize("name", ["acoustics", "euler", "shallow_water"])
def test_a_mirror_gives_the_same_bits(name, scheme):
    for axis in range(2):
        one, two = (OneBlock(name, 2, 12, **scheme) for _ in range(2))
        w = rough(one, jump=1.0 if scheme.get("limiter") != "none" else 0.05)
        sign = np.ones((one.physics.n_var, 1, 1, 1))
        for vector in one.physics.vectors.values():
            sign[vector[axis]] = -1
        one.set(w)
        two.u[two.inner] = sign * np.flip(one.u[one.inner], 3 - axis)
        dt = 0.5 / one.signal()
        one.step(dt)
        two.step(dt)
        assert (two.u[two.inner] == sign * np.flip(one.u[one.inner], 3 - axis)).all()


@pytest.mark.parametrize(("name", "dim"), SETS)
@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_totals_are_conserved_with_and_without_mask(name, dim, scheme):
    n = 8
    block = make(name, dim, n, **scheme)
    block.set(rough(block))
    mask = np.zeros((1, 1, *block.layout.shape[1:]))
    flags = (np.random.default_rng(5).random((n,) * dim) < 0.2).reshape(mask[0, 0][block.layout.interior].shape)
    mask[0, 0] = np.pad(flags, [(g, g) for g in block.layout.ghost[::-1]], mode="wrap")
    before = block.u[block.inner].copy()
    results = []
    for chosen in (None, mask, np.zeros_like(mask), np.ones_like(mask)):
        block.u[block.inner] = before
        block.fill(block.u)
        block.advance(0.2 / block.signal(), mask=chosen)
        results.append(block.u[block.inner].copy())
        total = np.abs(before).sum((-1, -2, -3))
        assert (np.abs((results[-1] - before).sum((-1, -2, -3))) <= 1e-14 * total).all()
    assert (results[0] == results[2]).all()
    far = flags.copy()
    for axis in range(3 - dim, 3):
        far |= np.roll(flags, 1, axis) | np.roll(flags, -1, axis)
    assert (results[0][:, ~far] == results[1][:, ~far]).all() and (results[0] != results[1]).any()
    first = make(name, dim, n, riemann="rusanov", reconstruction="constant", integrator="ssp_rk2")
    first.u[first.inner] = before
    first.fill(first.u)
    first.advance(0.2 / first.signal())
    assert (results[3] == first.u[first.inner]).all()


@pytest.mark.parametrize(("name", "dim"), SETS)
@pytest.mark.parametrize("scheme", [{}, {"integrator": "ssp_rk3"}, *WIDE], ids=str)
def test_in_place_is_out_of_place_and_ghosts_stay(name, dim, scheme):
    one, two = make(name, dim, 8, **scheme), make(name, dim, 8, **scheme)
    one.set(rough(one))
    one.fill(one.u)
    two.u[:] = one.u
    dt, out = 0.5 / one.signal(), np.full_like(one.u, 7.0)
    u0 = one.u + 1.0
    for a, b in one.scheme.integrator.stages:
        one.advance(dt, u0=u0, u_out=out, a=a, b=b)
        two.u[:] = one.u
        two.advance(dt, u0=u0, a=a, b=b)
        assert (out[one.inner] == two.u[one.inner]).all()
        back = u0.copy()
        one.advance(dt, u0=back, u_out=back, a=a, b=b)
        assert (back[one.inner] == out[one.inner]).all()
    inside = np.zeros(out.shape, dtype=bool)
    inside[one.inner] = True
    assert (out[~inside] == 7.0).all() and (two.u[~inside] == one.u[~inside]).all()


@pytest.mark.parametrize("scheme", [{"limiter": "none"}, *WIDE], ids=str)
@pytest.mark.parametrize(("name", "dim"), SETS)
def test_neighbours_compute_equal_fluxes_and_the_update_is_their_difference(name, dim, scheme):
    """Two blocks cut from one array, per axis: fluxes at the shared face, and u_new - u from all the stored fluxes."""
    n = 8
    whole = make(name, dim, 2 * n, **scheme)
    whole.set(
        rough(whole, seed=5, jump=1.5 if "limiter" in scheme else 3.0)
    )  # so rough that slopes must be set to zero
    whole.fill(whole.u)
    layout = Layout(dim, n, whole.layout.g, whole.physics.n_var)
    corners = [tuple((c >> a & 1) * n for a in range(3)) for c in range(2**dim)]
    cut = [tuple(slice(c, c + e) for c, e in zip(corner[::-1], layout.extent[::-1], strict=True)) for corner in corners]
    u = np.stack([whole.u[0][(slice(None), *where)] for where in cut])
    n_block = len(u)
    slots = np.full((n_block, 6), -1, dtype=np.int32)
    slots[:, : 2 * dim] = np.arange(n_block * 2 * dim).reshape(n_block, -1)
    flux = np.full((n_block * 2 * dim, layout.n_var, n ** (dim - 1)), np.nan)
    spacing = np.repeat(whole.spacing, n_block, 0)
    out, scratch, dt = u.copy(), np.full(step.scratch_size(layout), np.nan), 0.3 / whole.signal()
    flattened = step.advance(
        whole.physics.spec, layout, u, u, out, np.arange(n_block, dtype=np.int32), spacing, scratch, dt=dt, a=0.0, b=1.0,
        face_slot=slots, flux=flux, **whole.scheme.kernel_options,
    )  # fmt: skip
    assert np.isfinite(flux).all()
    assert flattened == whole.advance(dt) and (flattened > 0) == (name in ("euler", "shallow_water"))
    for block, where in enumerate(cut):
        inner = (slice(None), *layout.interior)
        assert (out[block][inner] == whole.u[0][(slice(None), *where)][inner]).all()
        for axis in range(dim):
            if not block >> axis & 1:
                upper = block | 1 << axis
                assert (flux[slots[block, 2 * axis + 1]] == flux[slots[upper, 2 * axis]]).all()
                assert (flux[slots[block, 2 * axis]] == flux[slots[upper, 2 * axis + 1]]).all()  # periodic
        change = sum(
            (flux[slots[block, 2 * a + 1]] - flux[slots[block, 2 * a]]).sum(1) * dt / spacing[0, a] for a in range(dim)
        )
        total = (out[block][inner] - u[block][inner]).sum((-1, -2, -3))
        assert total == pytest.approx(-change, rel=1e-11, abs=1e-11)


def test_stored_fluxes_have_the_stated_order():
    """A plane wave along one axis, seen by the faces of every other axis in (k, j, i) order."""
    for axis in range(3):
        block = make("advection", 3, 8, reconstruction="constant", integrator="ssp_rk2", riemann="rusanov")
        block.set(block.x[axis][None])
        block.fill(block.u)
        flux = np.zeros((6, 1, 64))
        block.advance(1e-3, face_slot=np.arange(6, dtype=np.int32)[None], flux=flux)
        v = block.physics.parameters.velocity
        x = (np.arange(8) + 0.5) / 8
        for other in range(3):
            for side in range(2):
                expected = np.empty((8, 8))
                transverse = [a for a in (2, 1, 0) if a != other]
                if axis in transverse:
                    expected[:] = v[other] * (x[:, None] if transverse[0] == axis else x)
                else:
                    expected[:] = v[other] * (x[-1] if v[other] > 0 else x[0])
                assert flux[2 * other + side, 0].reshape(8, 8) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("scheme", [{}, *WIDE], ids=str)
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("wider", [1, 2])
def test_wider_ghosts_change_nothing(dim, wider, scheme):
    results = []
    for more in (0, wider):
        block = make("euler", dim, 8, g=(3 if scheme else 2) + more, **scheme)
        block.set(rough(block, jump=0.3))
        block.step(0.4 / block.signal())
        results.append(block.u[block.inner].copy())
    assert (results[0] == results[1]).all()


@pytest.mark.parametrize("scheme", [{}, *WIDE], ids=str)
def test_anisotropic_spacing_and_axis_permutation(scheme):
    """A 1D profile along each axis of 2D and 3D blocks with any spacing of the others gives the numbers of 1D."""
    reference = make("euler", 1, 16, **scheme)
    reference.set(w := rough(reference, jump=0.4))
    dt = 0.2 / reference.signal()
    reference.step(dt)
    for dim in (2, 3):
        for axis in range(dim):
            spacing = np.array([0.7, 0.3, 1.9])[:dim]
            spacing[axis] = 1 / 16
            block = make("euler", dim, 16, spacing=spacing, **scheme)
            profile = np.zeros((block.physics.n_var, block.x.shape[1]))
            along = np.rint(block.x[axis] * 16 - 0.5).astype(int)
            for source, target in zip((0, 1, 2, 3), (0, 1 + axis, dim + 1, dim + 2), strict=True):
                profile[target] = w[source, along]
            block.set(profile)
            block.step(dt)
            u = block.u[block.inner].reshape(block.physics.n_var, -1)
            for source, target in zip((0, 1, 2, 3), (0, 1 + axis, dim + 1, dim + 2), strict=True):
                assert u[target] == pytest.approx(
                    reference.u[reference.inner][source, 0, 0][along], rel=1e-13, abs=1e-13
                )


@pytest.mark.parametrize("solver", riemann_names(create_physics("euler", 1)))
@pytest.mark.parametrize("limiter", ["mc", "van_leer", "minmod"])
def test_strong_blast_stays_physical(solver, limiter):
    block = OneBlock("euler", 2, 32, mode="edge", riemann=solver, limiter=limiter)
    hot = ((block.x - 0.5) ** 2).sum(0) < 0.02
    block.set(np.stack([1 + 0 * hot, 0 * hot, 0 * hot, np.where(hot, 1e5, 1.0)]))
    for _ in range(40):
        block.step(0.4 / block.signal())  # signal() asserts that no cell is unphysical
    assert block.primitives()[0].max() > 1.5


def test_check_finds_the_first_bad_cell():
    for dim in (1, 2, 3):
        block = make("euler", dim, 8)
        block.set(rough(block))
        two = np.concatenate([block.u, block.u])
        spacing = np.repeat(block.spacing, 2, 0)
        good = step.check(block.physics.spec, block.layout, two, spacing)
        w = block.primitives()
        sound = np.sqrt(1.4 * w[dim + 1] / w[0])
        assert good[0] == pytest.approx([8 * (np.abs(w[1 : dim + 1]).sum(0) + dim * sound).max()] * 2, rel=1e-13)
        assert (good[1] == 0).all() and (good[2] == -1).all()
        bad = [(np.nan, 0), (np.inf, 1), (-1.0, 0), (1e-9, dim + 1), (np.nan, dim + 2)]
        for value, variable in bad:
            spoiled = two.copy()
            cells = spoiled[1, variable][block.layout.interior].reshape(-1)
            assert cells.base is not None or dim == 1
            flat = spoiled[1, variable][block.layout.interior]
            flat[(0, 0, 3) if dim == 1 else (0, 5, 3) if dim == 2 else (7, 5, 3)] = value
            flat[(0, 0, 7) if dim == 1 else (0, 6, 0) if dim == 2 else (7, 7, 0)] = value
            signal, n_bad, first = step.check(block.physics.spec, block.layout, spoiled, spacing)
            assert n_bad.tolist() == [0, 2] and np.isfinite(signal).all()
            assert first.tolist() == [-1, {1: 3, 2: 3 + 8 * 5, 3: 3 + 8 * (5 + 8 * 7)}[dim]]
        spoiled = two.copy()
        spoiled[0, 0] = np.where(np.isin(spoiled[0, 0], spoiled[0, 0][block.layout.interior]), spoiled[0, 0], -1)
        assert step.check(block.physics.spec, block.layout, spoiled, spacing)[1].sum() == 0  # ghosts are not looked at


def test_wrong_arguments_are_refused():
    block = OneBlock("euler", 2, 8)
    other = create_physics("euler", 2, {"scalars": ["dye"]})
    good = {"mask": None, "face_slot": None, "flux": None}
    for change in ({"limiter": 9}, {"riemann": 9}, {"reconstruction": 5}, {"mask": np.zeros((1, 2, 1, 12, 12))}):
        with pytest.raises(ValueError):
            block.advance(0.1, **{**good, **change})
    with pytest.raises(ValueError):
        step.check(other.spec, block.layout, block.u, block.spacing)
    with pytest.raises(ValueError):
        step.check(block.physics.spec, Layout(2, 10, 2, 4), block.u, block.spacing)
    for scheme, g in (({}, 1), (WIDE[0], 2)):
        with pytest.raises(ValueError, match="ghost width"):
            OneBlock("euler", 2, 8, g=g, **scheme).advance(0.1)
    with pytest.raises(ValueError):
        OneBlock("euler", 2, 8, **WIDE[0]).advance(0.1, predictor=True)
    block.scratch = block.scratch[:-1]
    with pytest.raises(ValueError):
        block.advance(0.1)


def test_blocks_not_listed_are_left_alone():
    block = make("euler", 2, 8)
    block.set(rough(block))
    block.fill(block.u)
    u = np.repeat(block.u, 3, 0)
    out = np.zeros_like(u)
    scheme = create_scheme(block.physics)
    step.advance(block.physics.spec, block.layout, u, u, out, np.array([2, 0], dtype=np.int32), np.repeat(block.spacing, 3, 0),
                 block.scratch, dt=1e-3, a=0.0, b=1.0, **scheme.kernel_options)  # fmt: skip
    assert (out[1] == 0).all() and (out[0] == out[2]).all() and out[0].any()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("choice", ["constant", "plm", "ppm", "weno5z"])
def test_ghosts_beside_edges_are_looked_at_where_the_scheme_says_so(choice, dim):
    """Cells of no physical state in the ghosts beside edges and corners change nothing, or flatten slopes beside them."""
    block = OneBlock("euler", dim, 8, reconstruction=choice, integrator="ssp_rk3")
    block.set(rough(block))
    block.fill(block.u)
    torn, beside = block.u.copy(), np.zeros(block.layout.shape[1:], dtype=int)
    for axis, ghost in enumerate(block.layout.ghost):
        at = np.arange(beside.shape[2 - axis])
        is_ghost = (at < ghost) | (at >= len(at) - ghost)
        beside += is_ghost.reshape([-1 if other == 2 - axis else 1 for other in range(3)])
    torn[0, :, beside > 1] = -1.0
    one, two = np.zeros_like(torn), np.zeros_like(torn)
    flat = block.advance(1e-3, u_out=one), block.advance(1e-3, u_in=torn, u_out=two)
    same = np.array_equal(one[block.inner], two[block.inner]) and flat[0] == flat[1]
    assert same != block.scheme.edges and block.scheme.edges == (choice == "plm")


@pytest.mark.parametrize(("name", "dim"), SETS)
def test_check_on_the_way_is_check_afterwards(name, dim):
    block = make(name, dim, 8)
    block.set(rough(block))
    block.fill(block.u)
    u, spacing = np.repeat(block.u, 3, 0), np.repeat(block.spacing, 3, 0)
    u[2, 0] *= -1.0
    out, listed = u.copy(), np.array([0, 2], dtype=np.int32)
    checked = (np.full(3, 7.0), np.full(3, 7), np.full(3, 7))
    step.advance(block.physics.spec, block.layout, u, u, out, listed, spacing, block.scratch, dt=1e-9, a=0.0, b=1.0,
                 checked=checked, **block.scheme.kernel_options)  # fmt: skip
    after = step.check(block.physics.spec, block.layout, out, spacing)
    again = tuple(np.full(3, 7, dtype=a.dtype) for a in after)
    step.check(block.physics.spec, block.layout, out, spacing, listed, again)
    for one, two, three in zip(checked, after, again, strict=True):
        assert (one[[0, 2]] == two[[0, 2]]).all() and one[1] == 7 and (one == three).all()
    assert (after[1][2] > 0) == (name in ("euler", "shallow_water"))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_species_have_no_flux(dim):
    """A stage is a u0 + b u_in to the last bit, the register gets zeros, and the check finds what is not finite."""
    parameters = {"species": ["a", "b", "c"], "diffusivity": [1.0, 1.0, 1.0]}
    block = OneBlock("reaction_diffusion", dim, 8, parameters, integrator="petsc")
    rng = np.random.default_rng(1)
    block.u[:] = rng.random(block.u.shape)
    u0, u_out = rng.random(block.u.shape), np.full(block.u.shape, np.nan)
    slots = np.full((1, 6), -1, dtype=np.int32)
    slots[0, 0] = 1
    flux = np.full((2, 3, 8 ** (dim - 1)), 7.0)
    block.advance(0.1, u0=u0, u_out=u_out, a=0.25, b=0.75, face_slot=slots, flux=flux)
    assert np.array_equal(u_out[block.inner], 0.25 * u0[block.inner] + 0.75 * block.u[block.inner])
    assert np.isnan(u_out).sum() == u_out.size - u_out[block.inner].size
    assert (flux[1] == 0).all() and (flux[0] == 7).all()
    inner = block.u[block.inner]
    inner[1, 0, 0, 5] = np.inf
    block.u[block.inner] = inner
    signal, n_bad, first = step.check(block.physics.spec, block.layout, block.u, block.spacing)
    assert (signal[0], n_bad[0], first[0]) == (0.0, 1, 5)
